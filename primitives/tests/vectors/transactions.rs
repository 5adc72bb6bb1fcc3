//! transactions.json: transactions, coinbases and their ids (specs/05 §1, specs/02 §4).

use std::collections::BTreeSet;

use parity_scale_codec::{Decode, Encode};
use sapwood_primitives::codec::{Bytes, read};
use sapwood_primitives::merkle::tx_root;
use sapwood_primitives::{
    AccountId, Authorization, BlockId, Body, Chain, Coinbase, Hash, Height, Transaction, TxId,
};
use secp256k1::Keypair;

use crate::actions::body;
use crate::common::{array, bytes, cases, json, number, string};

const FILE: &str = "transactions.json";

fn genesis() -> BlockId {
    BlockId(array(&json(FILE), "genesis_hash"))
}

#[test]
fn transactions_have_the_vectors_bytes_and_hashes() {
    let mut tags = BTreeSet::new();
    for case in cases(FILE, "transactions") {
        let body = body(&case["body"]);
        tags.extend(body.actions.iter().map(|action| action.encode()[0]));
        assert_eq!(body.encode(), bytes(&case, "body_hex"), "{case}");
        assert_eq!(
            body.signature_hash(&genesis()),
            Hash(array(&case, "sighash"))
        );

        let keypair = Keypair::from_secret_bytes(array(&case, "secret")).unwrap();
        let transaction = body.sign(&genesis(), &keypair, &[0; 32]);
        let authorization = Authorization::Single {
            key: array(&case["authorization"], "key"),
            signature: array(&case["authorization"], "signature"),
        };
        assert_eq!(transaction.authorization, authorization, "{case}");
        assert_eq!(transaction.encode(), bytes(&case, "hex"), "{case}");
        assert_eq!(transaction.txid(), TxId(array(&case, "txid")));
        assert_eq!(
            transaction.authority().account_id(),
            transaction.body.sender
        );
        assert_eq!(transaction.verify_signature(&genesis()), Ok(()));
    }
    assert_eq!(tags, (0..19).collect(), "every action occurs");
}

#[test]
fn transactions_are_read_from_the_vectors_bytes() {
    for case in cases(FILE, "transactions") {
        let transaction: Transaction = read(&bytes(&case, "hex")).unwrap();
        assert_eq!(transaction.body, body(&case["body"]), "{case}");
        assert_eq!(
            read::<Body>(&bytes(&case, "body_hex")),
            Ok(transaction.body)
        );
    }
}

#[test]
fn the_least_fee_counts_every_byte() {
    let (file, chain) = (json(FILE), Chain::named("main").unwrap());
    assert_eq!(chain.consensus.base_fee, number::<u64>(&file, "base_fee"));
    assert_eq!(chain.consensus.byte_fee, number::<u64>(&file, "byte_fee"));
    for case in cases(FILE, "transactions") {
        let fee = chain.consensus.min_fee(bytes(&case, "hex").len());
        assert_eq!(fee.drops(), number::<u64>(&case, "minimum_fee"), "{case}");
    }
}

#[test]
fn what_is_no_transaction_is_refused() {
    for case in cases(FILE, "invalid") {
        let result = read::<Transaction>(&bytes(&case, "hex"));
        assert!(result.is_err(), "{}", string(&case, "title"));
    }
}

#[test]
fn a_signature_fits_one_body_one_key_and_one_chain() {
    for case in cases(FILE, "bad_signatures") {
        let transaction: Transaction = read(&bytes(&case, "hex")).unwrap();
        let result = transaction.verify_signature(&genesis());
        assert!(result.is_err(), "{}", string(&case, "title"));
    }
}

#[test]
fn coinbases_have_the_vectors_bytes_and_ids() {
    for case in cases(FILE, "coinbases") {
        let coinbase = Coinbase {
            height: Height::new(number(&case, "height")),
            payee: AccountId(array(&case, "payee")),
            extra: Bytes::new(bytes(&case, "extra")).unwrap(),
        };
        assert_eq!(coinbase.encode(), bytes(&case, "hex"), "{case}");
        assert_eq!(
            Coinbase::decode(&mut &bytes(&case, "hex")[..]),
            Ok(coinbase.clone())
        );
        assert_eq!(coinbase.txid(), TxId(array(&case, "txid")));
    }
}

#[test]
fn transaction_roots_are_the_vectors() {
    for case in cases(FILE, "tx_roots") {
        let ids: Vec<TxId> = case["txids"]
            .as_array()
            .unwrap()
            .iter()
            .map(|id| id.as_str().unwrap().parse().unwrap())
            .collect();
        assert_eq!(tx_root(&ids), Hash(array(&case, "root")), "{}", ids.len());
    }
}
