//! Decoders of the store's files as the fuzz targets ask them: behind their checksums, which hardly any input would pass.
//!
//! Each gives what it read, written again; none if it refuses the input.

pub use crate::log::fuzzing::*;
pub use crate::runs::fuzzing::*;

/// Good inputs of a decoder.
pub type Seeds = Vec<Vec<u8>>;
