//! Rows (specs/10 §1): a value behind its length. Its key is not written, for it follows from the value.

use crate::hash::ValueHash;
use crate::key::Key;
use crate::stream::Misshapen;

/// The longest value that a row can hold, as much as a compact length of two bytes can say. The longest leaf has 1,024 bytes.
pub const MAX_VALUE_BYTES: usize = (1 << 14) - 1;

/// A row that was checked together with all that its manifest or chunk holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The key that follows from the value.
    pub key: Key,
    /// The hash of the value.
    pub value_hash: ValueHash,
    /// The value.
    pub value: &'a [u8],
}

impl Row<'_> {
    /// The length of the row with the length that stands before the value.
    pub(crate) fn bytes(&self) -> usize {
        self.value.len() + if self.value.len() < 64 { 1 } else { 2 }
    }
}

/// Why bytes do not begin with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRow {
    /// The bytes end before the row does.
    #[error("the row ends too early")]
    Truncated,
    /// The length is not a shortest compact length of one or two bytes.
    #[error("the length of the row is not written the shortest way or is too great")]
    Length,
    /// The value is empty, which would be an absent leaf.
    #[error("the value of the row is empty")]
    Empty,
}

impl From<Misshapen> for BadRow {
    fn from(_: Misshapen) -> Self {
        Self::Truncated
    }
}

/// The compact length (specs/01 §1.1) of a value of 1 to [`MAX_VALUE_BYTES`]; nothing of any other.
pub(crate) fn length_prefix(value: &[u8]) -> Option<([u8; 2], usize)> {
    let length = u16::try_from(value.len()).ok()?;
    match length {
        1..=63 => Some(((length << 2).to_le_bytes(), 1)),
        64..=0x3fff => Some(((length << 2 | 1).to_le_bytes(), 2)),
        _ => None,
    }
}

/// Splits the value of the first row off. The second part begins after the row.
pub(crate) fn split_row(bytes: &[u8]) -> Result<(&[u8], &[u8]), BadRow> {
    let &first = bytes.first().ok_or(BadRow::Truncated)?;
    let (length, prefix) = match first & 3 {
        0 => (usize::from(first >> 2), 1),
        1 => {
            let second = *bytes.get(1).ok_or(BadRow::Truncated)?;
            (usize::from(u16::from_le_bytes([first, second]) >> 2), 2)
        }
        _ => return Err(BadRow::Length),
    };
    if prefix == 2 && length < 64 {
        return Err(BadRow::Length);
    }
    if length == 0 {
        return Err(BadRow::Empty);
    }
    bytes[prefix..]
        .split_at_checked(length)
        .ok_or(BadRow::Truncated)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn every_length_has_one_form() {
        assert_eq!(length_prefix(&[]), None);
        assert_eq!(length_prefix(&vec![0; MAX_VALUE_BYTES + 1]), None);
        assert_eq!(length_prefix(&vec![0; 1 << 16]), None);
        for length in [1, 2, 62, 63, 64, 65, 232, MAX_VALUE_BYTES] {
            let value = vec![7; length];
            let (prefix, used) = length_prefix(&value).unwrap();
            assert_eq!(used, if length < 64 { 1 } else { 2 });
            let bytes: Vec<u8> = [&prefix[..used], &value, b"next"].concat();
            assert_eq!(split_row(&bytes), Ok((&value[..], &b"next"[..])));
            assert_eq!(
                split_row(&bytes[..used + length - 1]),
                Err(BadRow::Truncated)
            );
        }
    }

    #[test]
    fn other_lengths_are_refused() {
        let of_63 = (63u16 << 2 | 1).to_le_bytes();
        assert_eq!(
            split_row(&[of_63.to_vec(), vec![0; 63]].concat()),
            Err(BadRow::Length)
        );
        assert_eq!(split_row(&[2, 0, 0, 0, 0]), Err(BadRow::Length));
        assert_eq!(split_row(&[3, 0, 0, 0, 0]), Err(BadRow::Length));
        assert_eq!(split_row(&[0, 1]), Err(BadRow::Empty));
        assert_eq!(split_row(&[1]), Err(BadRow::Truncated));
        assert_eq!(split_row(&[]), Err(BadRow::Truncated));
    }
}
