//! Targets of the store's files: what is read of them behind their checksums. Whatever is accepted is written again as it was.

use crate::targets::Target;
use sapwood_store::fuzzing;

pub(crate) const ROWS_HEADER: Target = Target {
    name: "rows-header",
    seeds: fuzzing::rows_header_seeds,
    run: |bytes| begins_alike(fuzzing::rows_header(bytes), bytes),
};

pub(crate) const ROWS_BLOCK: Target = Target {
    name: "rows-block",
    seeds: fuzzing::rows_block_seeds,
    run: |bytes| alike(fuzzing::rows_block(bytes), bytes),
};

pub(crate) const ROWS_INDEX: Target = Target {
    name: "rows-index",
    seeds: fuzzing::rows_index_seeds,
    run: |bytes| alike(fuzzing::rows_index(bytes), bytes),
};

pub(crate) const SEGMENT_HEADER: Target = Target {
    name: "segment-header",
    seeds: fuzzing::segment_header_seeds,
    run: |bytes| alike(fuzzing::segment_header(bytes), bytes),
};

pub(crate) const LOG_RECORD: Target = Target {
    name: "log-record",
    seeds: fuzzing::log_record_seeds,
    run: |bytes| alike(fuzzing::log_record(bytes), bytes),
};

pub(crate) const LOG_INDEX: Target = Target {
    name: "log-index",
    seeds: fuzzing::log_index_seeds,
    run: |bytes| alike(fuzzing::log_index(bytes), bytes),
};

fn alike(again: Option<Vec<u8>>, bytes: &[u8]) {
    if let Some(again) = again {
        assert_eq!(again, bytes);
    }
}

/// Of a part that has a length of its own, with anything behind it.
fn begins_alike(again: Option<Vec<u8>>, bytes: &[u8]) {
    if let Some(again) = again {
        assert!(bytes.starts_with(&again));
    }
}
