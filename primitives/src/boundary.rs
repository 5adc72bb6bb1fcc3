//! The types that cross a boundary: what peers, clients and files hand in as bytes.
//!
//! Each crate that has such types lists them under `BOUNDARY`. The fuzz targets are made from the lists, and a test there reads the sources: a type that is not listed,
//! or bytes that become a value in another way than through [`codec::read`](crate::codec::read), fail it.

use crate::codec::{Wire, read};

/// A type that crosses a boundary.
#[derive(Clone, Copy, Debug)]
pub struct Boundary {
    /// The type's name in the sources.
    pub name: &'static str,
    /// Longest accepted encoding in bytes.
    pub max_bytes: usize,
    /// Reads a value and drops it; says whether there was one.
    pub accepts: fn(&[u8]) -> bool,
    /// Reads a value and writes it again; none if there was none.
    pub again: fn(&[u8]) -> Option<Vec<u8>>,
}

impl Boundary {
    /// The entry of a type.
    pub const fn of<T: Wire>(name: &'static str) -> Self {
        Self {
            name,
            max_bytes: T::MAX_BYTES,
            accepts: |bytes| read::<T>(bytes).is_ok(),
            again: |bytes| read::<T>(bytes).ok().map(|value| value.encode()),
        }
    }
}

/// Makes the public list `BOUNDARY` of a crate from its types.
#[macro_export]
macro_rules! boundary {
    ($($wire:ident),+ $(,)?) => {
        /// The types of this crate that cross a boundary.
        pub const BOUNDARY: &[$crate::boundary::Boundary] =
            &[$($crate::boundary::Boundary::of::<$wire>(stringify!($wire))),+];
    };
}
