//! Targets of the store's files: what is read of them behind their checksums. Whatever is accepted is written again as it was.

use crate::targets::Target;
use sapwood_store::fuzzing;

pub(crate) fn targets() -> [Target; 5] {
    [
        Target::new(
            "rows-header",
            fuzzing::rows_header_seeds,
            |bytes| fuzzing::rows_header(bytes).is_some(),
            |bytes| begins_alike(fuzzing::rows_header(bytes), bytes),
        ),
        Target::new(
            "rows-block",
            fuzzing::rows_block_seeds,
            |bytes| fuzzing::rows_block(bytes).is_some(),
            |bytes| alike(fuzzing::rows_block(bytes), bytes),
        ),
        Target::new(
            "rows-index",
            fuzzing::rows_index_seeds,
            |bytes| fuzzing::rows_index(bytes).is_some(),
            |bytes| alike(fuzzing::rows_index(bytes), bytes),
        ),
        Target::new(
            "segment-header",
            fuzzing::segment_header_seeds,
            |bytes| fuzzing::segment_header(bytes).is_some(),
            |bytes| alike(fuzzing::segment_header(bytes), bytes),
        ),
        Target::new(
            "log-record",
            fuzzing::log_record_seeds,
            |bytes| fuzzing::log_record(bytes).is_some(),
            |bytes| alike(fuzzing::log_record(bytes), bytes),
        ),
    ]
}

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
