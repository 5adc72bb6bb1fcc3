//! hashes.json: lengths, tagged hashes, accounts and addresses (specs/01).

use parity_scale_codec::{Compact, Decode, Encode};
use sapwood_primitives::codec::read;
use sapwood_primitives::hash::tagged;
use sapwood_primitives::{AccountId, Address, Authority, Authorization, Hash};
use secp256k1::Keypair;

use crate::common::{array, bytes, cases, number, string};

const FILE: &str = "hashes.json";

#[test]
fn compact_lengths_are_the_shortest() {
    for case in cases(FILE, "compact_lengths") {
        let (value, encoded) = (Compact(number::<u32>(&case, "value")), bytes(&case, "hex"));
        assert_eq!(value.encode(), encoded);
        assert_eq!(Compact::<u32>::decode(&mut &encoded[..]), Ok(value));
    }
}

#[test]
fn tagged_hashes_are_the_vectors() {
    for case in cases(FILE, "tagged") {
        let (tag, data) = (string(&case, "tag"), bytes(&case, "data"));
        assert_eq!(tagged(tag, &[&data]), array(&case, "hash"), "{case}");
        let (head, tail) = data.split_at(data.len() / 2);
        assert_eq!(tagged(tag, &[head, tail]), array(&case, "hash"), "{case}");
    }
}

#[test]
fn keys_lead_to_authorities_ids_and_addresses() {
    for case in cases(FILE, "accounts") {
        let keypair = Keypair::from_secret_bytes(array(&case, "secret")).unwrap();
        let authority = Authority::of(&keypair);
        let key = array(&case, "public_key");
        assert_eq!(authority, Authority::Single { key });
        assert_eq!(authority.encode(), bytes(&case, "authority"));
        assert_eq!(read(&bytes(&case, "authority")), Ok(authority));

        let id = AccountId(array(&case, "account_id"));
        assert_eq!(authority.account_id(), id);
        assert_eq!(authority.hash().0, id.0);
        for (prefix, text) in case["addresses"].as_object().unwrap() {
            let text = text.as_str().unwrap();
            assert_eq!(Address::new(prefix, id).to_string(), text);
            assert_eq!(Address::parse(prefix, text).unwrap().id(), id);
        }
    }
}

#[test]
fn signatures_without_randomness_are_the_vectors() {
    for case in cases(FILE, "signatures") {
        let keypair = Keypair::from_secret_bytes(array(&case, "secret")).unwrap();
        let message = Hash(array(&case, "message"));
        let authorization = Authorization::sign(&keypair, &message, &[0; 32]);
        let Authorization::Single { signature, .. } = authorization;
        assert_eq!(signature, array(&case, "signature"));
        assert_eq!(authorization.verify(&message), Ok(()));
    }
}

#[test]
fn an_address_may_be_all_upper_case() {
    for case in cases(FILE, "upper_case_addresses") {
        let address = Address::parse(string(&case, "prefix"), string(&case, "text")).unwrap();
        assert_eq!(address.id(), AccountId(array(&case, "account_id")));
        assert_eq!(
            address.to_string(),
            string(&case, "text").to_ascii_lowercase()
        );
    }
}

#[test]
fn what_is_no_address_of_the_network_is_refused() {
    for case in cases(FILE, "invalid_addresses") {
        let result = Address::parse(string(&case, "prefix"), string(&case, "text"));
        assert!(result.is_err(), "{case}");
    }
}
