//! headers.json: headers, targets, work and the genesis of each chain (specs/02).

use parity_scale_codec::Encode;
use primitive_types::U256;
use sapwood_primitives::chain::BadChain;
use sapwood_primitives::codec::read;
use sapwood_primitives::work::{CompactTarget, Work};
use sapwood_primitives::{Block, BlockId, Chain, Hash, Header, Height, Leaf, SealedHeader, TxId};
use serde_json::Value;

use crate::common::{array, bytes, cases, number, string};
use crate::leaves::leaf;

const FILE: &str = "headers.json";

fn header(case: &Value) -> Header {
    Header {
        version: number(case, "version"),
        parent: BlockId(array(case, "parent")),
        tx_root: Hash(array(case, "tx_root")),
        state_root: Hash(array(case, "state_root")),
        history_root: Hash(array(case, "history_root")),
        time: number(case, "time"),
        target: number(case, "target"),
        height: Height::new(number(case, "height")),
        nonce: number(case, "nonce"),
    }
}

/// Eight hex digits of a compact target.
fn compact(case: &Value, field: &str) -> u32 {
    u32::from_str_radix(string(case, field), 16).unwrap()
}

/// A target of 64 hex digits, most significant first.
fn target(case: &Value) -> U256 {
    U256::from_big_endian(&array::<32>(case, "target"))
}

fn work(case: &Value) -> Work {
    Work(U256::from_dec_str(string(case, "work")).unwrap())
}

#[test]
fn headers_have_the_vectors_bytes_and_ids() {
    for case in cases(FILE, "headers") {
        let header = header(&case["header"]);
        let sealed = SealedHeader::own(header.clone());
        assert_eq!(header.to_bytes(), array(&case, "hex"), "{case}");
        assert_eq!(sealed.encode(), bytes(&case, "sealed_hex"), "{case}");
        assert_eq!(header.id(), BlockId(array(&case, "id")));
        assert_eq!(sealed.id(), header.id());
        assert_eq!(read(&bytes(&case, "hex")), Ok(header));
        assert_eq!(read(&bytes(&case, "sealed_hex")), Ok(sealed));
    }
}

#[test]
fn headers_meet_their_targets_as_the_vectors_say() {
    for case in cases(FILE, "headers") {
        let header = header(&case["header"]);
        let target = CompactTarget::from_bits(header.target).unwrap();
        let met = case["meets_target"].as_bool().unwrap();
        assert_eq!(target.is_met_by(&header.id()), met, "{case}");
        assert_eq!(target.work(), work(&case), "{case}");
    }
}

#[test]
fn compact_targets_stand_for_the_vectors_numbers() {
    for case in cases(FILE, "compacts") {
        let compact = CompactTarget::from_bits(compact(&case, "compact")).unwrap();
        assert_eq!(compact.target(), target(&case), "{case}");
        assert_eq!(CompactTarget::from_target(target(&case)), Some(compact));
        assert_eq!(compact.work(), work(&case), "{case}");
    }
}

#[test]
fn other_compact_targets_are_refused() {
    for case in cases(FILE, "invalid_compacts") {
        let bits = compact(&case, "compact");
        assert!(CompactTarget::from_bits(bits).is_err(), "{case}");
    }
}

#[test]
fn targets_are_rounded_down_to_compact_ones() {
    for case in cases(FILE, "roundings") {
        let rounded = CompactTarget::from_target(target(&case)).unwrap();
        assert_eq!(rounded.bits(), compact(&case, "compact"), "{case}");
        assert!(rounded.target() <= target(&case));
    }
    assert_eq!(CompactTarget::from_target(U256::zero()), None);
}

#[test]
fn parameters_and_names_of_chains_are_committed_to() {
    for case in cases(FILE, "parameters_digests") {
        let chain = Chain::named(string(&case, "chain")).unwrap();
        let digest = chain.consensus.digest(&chain.name);
        assert_eq!(digest, Hash(array(&case, "digest")), "{case}");
        assert_ne!(chain.consensus.digest("another"), digest);
    }
}

#[test]
fn the_genesis_block_follows_from_the_chain_file() {
    for case in cases(FILE, "genesis") {
        let chain = Chain::named(string(&case, "chain")).unwrap();
        let expected = header(&case["header"]);
        let block = chain.genesis_block(expected.state_root).unwrap();
        assert_eq!(block.coinbase.encode(), bytes(&case, "coinbase"));
        assert_eq!(block.coinbase.txid(), TxId(array(&case, "coinbase_txid")));
        assert_eq!(block.header.header, expected, "{case}");
        assert_eq!(block.header.header.to_bytes(), array(&case, "hex"));
        assert_eq!(block.header.id(), BlockId(array(&case, "id")));
        assert!(block.transactions.is_empty());
        assert_eq!(read::<Block>(&block.encode()), Ok(block));
    }
}

#[test]
fn the_genesis_state_holds_the_whole_supply() {
    for case in cases(FILE, "genesis") {
        let chain = Chain::named(string(&case, "chain")).unwrap();
        assert_eq!(chain.genesis_leaf(), leaf(&case["system"]));
        assert_eq!(
            read::<Leaf>(&bytes(&case, "system_value")),
            Ok(chain.genesis_leaf())
        );
    }
}

#[test]
fn a_chain_without_genesis_is_not_launched() {
    for name in ["main", "test"] {
        let chain = Chain::named(name).unwrap();
        assert_eq!(
            chain.genesis_block(Hash::default()),
            Err(BadChain::NotLaunched(name.to_owned()))
        );
    }
}
