//! Every error that the RPC answers with: its number, its stable code, when it comes and what to do next (specs/09 §2).
//!
//! The rules of transactions and blocks have codes of their own; they come from the runtime and are put beside these by the node, which
//! has both. [`CallRefused`](crate::server::CallRefused) can only be made of an [`ErrorKind`].

use jsonrpsee::types::error::{
    INTERNAL_ERROR_CODE, INVALID_PARAMS_CODE, INVALID_REQUEST_CODE, METHOD_NOT_FOUND_CODE,
    PARSE_ERROR_CODE,
};

/// Number of the errors of a transaction.
pub const TRANSACTION_REFUSED: i32 = -32002;

/// Number of the errors of a block.
pub const BLOCK_REFUSED: i32 = -32003;

/// One kind of error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorKind {
    /// JSON-RPC's number.
    pub number: i32,
    /// The stable code, unique among all kinds with this number and, but for transactions in a block, among all.
    pub code: &'static str,
    /// When it comes. Answers say it with their particulars.
    pub meaning: &'static str,
    /// What to do next, where the answer has nothing better to say.
    pub hint: &'static str,
}

impl ErrorKind {
    /// The error for a rule that a transaction breaks.
    pub const fn transaction(
        code: &'static str,
        meaning: &'static str,
        hint: &'static str,
    ) -> Self {
        Self {
            number: TRANSACTION_REFUSED,
            code,
            meaning,
            hint,
        }
    }

    /// The error for a rule that a block breaks.
    pub const fn block(code: &'static str, meaning: &'static str, hint: &'static str) -> Self {
        Self {
            number: BLOCK_REFUSED,
            code,
            meaning,
            hint,
        }
    }
}

macro_rules! errors {
    ($($name:ident = $number:expr, $code:literal, $meaning:literal, $hint:literal;)*) => {
        $(
            #[doc = concat!("`", $code, "`: ", $meaning, ".")]
            pub const $name: ErrorKind = ErrorKind {
                number: $number,
                code: $code,
                meaning: $meaning,
                hint: $hint,
            };
        )*
        /// All kinds, without the rules of transactions and blocks.
        pub const ALL: &[ErrorKind] = &[$($name),*];
    };
}

errors! {
    PARSE_ERROR = PARSE_ERROR_CODE, "parse_error", "the body is not JSON", "send one JSON value, in UTF-8";
    INVALID_REQUEST = INVALID_REQUEST_CODE, "invalid_request", "the body is not JSON-RPC 2.0", "send a JSON-RPC 2.0 request object, or a few of them in a list";
    METHOD_NOT_FOUND = METHOD_NOT_FOUND_CODE, "method_not_found", "this listener has no such method", "rpc.discover lists the methods";
    INVALID_PARAMS = INVALID_PARAMS_CODE, "invalid_params", "a parameter is missing, unknown or wrong", "parameters go by name; rpc.discover lists those of each method";
    INTERNAL = INTERNAL_ERROR_CODE, "internal", "the node failed", "this is a bug; please report it";
    NOT_FOUND = -32001, "not_found", "what was asked for is not there", "ask chain_head for the tip";
    REPLACEMENT_FEE_TOO_LOW = TRANSACTION_REFUSED, "replacement_fee_too_low", "another transaction with this nonce is pending and pays nearly as much", "raise the fee, or wait for the pending transaction";
    UNKNOWN_PARENT = BLOCK_REFUSED, "unknown_parent", "the block's parent is unknown, or too far back", "submit the parent first";
    TIME_AHEAD = BLOCK_REFUSED, "time_ahead", "the block's time is too far ahead of the node's clock", "submit it again later, or check the clock";
    KNOWN_INVALID = BLOCK_REFUSED, "known_invalid", "the block was found invalid before, or builds on one that was", "ask mining_template for work on the present head";
    TOO_MANY_SIDE_BLOCKS = BLOCK_REFUSED, "too_many_side_blocks", "too many side blocks with more work are stored", "ask mining_template for work on the present head";
    SYNCING = -32004, "syncing", "the node is behind the network", "wait until node_status no longer says syncing";
    STORAGE_FAILED = -32005, "storage_failed", "the node's storage failed and nothing is written any more", "check the disk; the node must be started again";
    MEMPOOL_FULL = -32006, "mempool_full", "the mempool, or the sender's share of it, is full", "raise the fee, or try again later";
    BUSY = -32007, "busy", "as many commands wait as may, or the node is shutting down", "try again in a moment";
    RESPONSE_TOO_LARGE = -32008, "response_too_large", "the answer, or those of a batch together, would be too long", "ask for less at a time";
    TIMEOUT = -32009, "timeout", "the call took too long and was given up", "try again";
}

/// Errors that every call can have.
pub const COMMON: &[ErrorKind] = &[
    PARSE_ERROR,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    INVALID_PARAMS,
    INTERNAL,
    STORAGE_FAILED,
    BUSY,
    RESPONSE_TOO_LARGE,
    TIMEOUT,
];

/// The kind among [`COMMON`] that has this number; [`INTERNAL`] if none has.
pub(crate) fn common(number: i32) -> ErrorKind {
    let found = COMMON.iter().find(|kind| kind.number == number);
    found.copied().unwrap_or(INTERNAL)
}

/// A code to count a call under, from a list that does not grow: `ok`, the code of its number, or one word for all rules of transactions
/// and of blocks.
pub fn outcome(number: Option<i32>) -> &'static str {
    match number {
        None => "ok",
        Some(TRANSACTION_REFUSED) => "transaction_refused",
        Some(BLOCK_REFUSED) => "block_refused",
        Some(number) => {
            let kind = ALL.iter().find(|kind| kind.number == number);
            kind.map_or(INTERNAL.code, |kind| kind.code)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use jsonrpsee::types::error::{OVERSIZED_RESPONSE_CODE, SERVER_IS_BUSY_CODE};
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_and_every_error_says_when_it_comes_and_what_to_do() {
        let codes: BTreeSet<_> = ALL.iter().map(|kind| kind.code).collect();
        assert_eq!(codes.len(), ALL.len());
        for kind in ALL {
            let word = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(kind.code.chars().all(word), "{kind:?}");
            assert!(
                !kind.meaning.is_empty() && !kind.hint.is_empty(),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn common_errors_are_told_apart_by_their_number_alone() {
        for kind in COMMON {
            assert_eq!(common(kind.number), *kind);
            assert!(ALL.contains(kind));
        }
        assert_eq!(common(-1), INTERNAL);
        // What jsonrpsee answers by itself has our numbers.
        assert_eq!(common(OVERSIZED_RESPONSE_CODE), RESPONSE_TOO_LARGE);
        assert_eq!(common(SERVER_IS_BUSY_CODE), TIMEOUT);
    }

    #[test]
    fn outcomes_are_few_and_no_rule_has_one_of_its_own() {
        let outcomes: BTreeSet<_> = ALL.iter().map(|kind| outcome(Some(kind.number))).collect();
        assert!(outcomes.contains("block_refused") && outcomes.contains("transaction_refused"));
        assert!(!outcomes.contains("known_invalid"));
        assert_eq!(outcome(None), "ok");
        assert_eq!(outcome(Some(7)), "internal");
    }
}
