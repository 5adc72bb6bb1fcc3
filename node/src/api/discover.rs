//! The document of the RPC: the table of methods, with the errors of the chain's rules.

use super::{Api, Result};
use sapwood_rpc::errors::ErrorKind;
use sapwood_rpc::openrpc::{self, Rules};
use sapwood_rpc::types::{self as t, Access};
use sapwood_runtime::{BlockRule, TxInvalid};
use std::sync::{Arc, OnceLock};

/// Made once for each kind of listener: it takes a while, and anybody may ask for it.
static PUBLIC: OnceLock<t::Document> = OnceLock::new();
static PRIVATE: OnceLock<t::Document> = OnceLock::new();

pub(super) async fn document(api: &Arc<Api>, _: t::NoParams) -> Result<t::Document> {
    let made = match api.access {
        Access::Public => &PUBLIC,
        Access::Private => &PRIVATE,
    };
    let make = || openrpc::document(api.access, env!("CARGO_PKG_VERSION"), &rules());
    Ok(made.get_or_init(make).clone())
}

/// The rules of transactions and blocks, which have codes of their own.
fn rules() -> Rules {
    let transactions = TxInvalid::RULES.iter();
    let blocks = BlockRule::RULES.iter();
    Rules {
        transactions: transactions
            .map(|(code, text, hint)| ErrorKind::transaction(code, text, hint))
            .collect(),
        blocks: blocks
            .map(|(code, text, hint)| ErrorKind::block(code, text, hint))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::BlockRefused;
    use crate::mempool::Refused;
    use sapwood_primitives::{Amount, BlockId};
    use sapwood_rpc::errors;
    use sapwood_runtime::Invalid;
    use std::collections::BTreeSet;

    /// All codes of the document that are not of a transaction in a block.
    fn codes() -> Vec<&'static str> {
        let rules = rules();
        let own = errors::ALL.iter().chain(&rules.transactions);
        own.chain(&rules.blocks).map(|kind| kind.code).collect()
    }

    #[test]
    fn no_code_means_two_things() {
        let codes = codes();
        let unique: BTreeSet<_> = codes.iter().collect();
        let twice = codes
            .iter()
            .filter(|code| codes.iter().filter(|other| other == code).count() > 1);
        assert_eq!(unique.len(), codes.len(), "{:?}", twice.collect::<Vec<_>>());
    }

    #[test]
    fn every_refusal_of_chain_and_mempool_has_a_code_of_the_list() {
        let (codes, id) = (codes(), BlockId::default());
        let pool = [
            Refused::Rule(TxInvalid::NoActions),
            Refused::Replacement {
                least: Amount::ZERO,
            },
            Refused::AccountFull { limit: 1 },
            Refused::Full { above: 1 },
        ];
        let blocks = [
            BlockRefused::Invalid(Invalid::Transaction {
                index: 0,
                rule: TxInvalid::NoActions,
            }),
            BlockRefused::Invalid(BlockRule::Version.into()),
            BlockRefused::Branch {
                id,
                reason: BlockRule::TooLong.into(),
            },
            BlockRefused::KnownInvalid(id),
            BlockRefused::UnknownParent(id),
            BlockRefused::TooFarAhead {
                time: 0,
                max_ahead: 0,
            },
            BlockRefused::TooManySideBlocks,
            BlockRefused::Unavailable(crate::chain::Unavailable::Busy),
        ];
        let used = pool
            .iter()
            .map(Refused::code)
            .chain(blocks.iter().map(BlockRefused::code));
        for code in used {
            assert!(codes.contains(&code), "{code}");
        }
    }
}
