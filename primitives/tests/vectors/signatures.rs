//! What others published: BIP 340 signatures and BIP 350 checksums, as far as this crate relies on them.

use sapwood_primitives::address::NotAnAddress;
use sapwood_primitives::{Address, Authority, Authorization, Hash};
use secp256k1::Keypair;

use crate::common::{json, string, text};

fn bytes_32(hex: &str) -> [u8; 32] {
    hex::decode(hex).unwrap().try_into().unwrap()
}

#[test]
fn bip340_signatures_are_made_and_judged_as_published() {
    let (mut made, mut judged) = (0, 0);
    for row in text("public/bip340.csv").lines().skip(1) {
        let fields: Vec<&str> = row.splitn(8, ',').collect();
        let [
            index,
            secret,
            key,
            aux,
            message,
            signature,
            result,
            _comment,
        ] = fields[..]
        else {
            panic!("eight columns: {row}");
        };
        // Messages of other lengths than a hash's are never signed here.
        let Ok(message) = hex::decode(message).unwrap().try_into().map(Hash) else {
            continue;
        };
        let published = Authorization::Single {
            key: bytes_32(key),
            signature: hex::decode(signature).unwrap().try_into().unwrap(),
        };
        let valid = result == "TRUE";
        assert_eq!(published.verify(&message).is_ok(), valid, "row {index}");
        judged += 1;
        if !secret.is_empty() {
            let keypair = Keypair::from_secret_bytes(bytes_32(secret)).unwrap();
            let own = Authorization::sign(&keypair, &message, &bytes_32(aux));
            assert_eq!(own, published, "row {index}");
            assert_eq!(own.authority(), Authority::of(&keypair), "row {index}");
            made += 1;
        }
    }
    assert_eq!((made, judged), (4, 15), "rows with messages of 32 bytes");
}

/// Reads text under whatever prefix it has.
fn parse(text: &str) -> Result<Address, NotAnAddress> {
    let prefix = text.rsplit_once('1').map_or("", |(prefix, _)| prefix);
    Address::parse(prefix, text)
}

#[test]
fn bip350_strings_pass_the_checksum_and_fail_for_what_they_hold() {
    for text in json("public/bip350.json")["valid"].as_array().unwrap() {
        // None of them is an address: no other length or version is read. It must be that which is complained about.
        let error = parse(text.as_str().unwrap()).unwrap_err();
        assert!(
            matches!(error, NotAnAddress::Form | NotAnAddress::Version(_)),
            "{text}: {error}"
        );
    }
}

#[test]
fn bip350_invalid_strings_fail_before_anything_is_read_from_them() {
    for case in json("public/bip350.json")["invalid"].as_array().unwrap() {
        let error = parse(string(case, "text")).unwrap_err();
        assert!(
            matches!(error, NotAnAddress::Checksum(_)),
            "{case}: {error}"
        );
    }
}
