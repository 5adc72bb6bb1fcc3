//! An account's records: DNS data in wire form, 512 bytes at most (specs/07 §1).
//!
//! Consensus looks at the envelope only. What a type's data means is for those who answer from it.

use crate::codec::Bytes;
use parity_scale_codec::{Decode, Encode, Error, Input, MaxEncodedLen};
use std::fmt;

/// Bytes that all entries of an account may take.
pub const MAX_BYTES: usize = 512;

/// Bytes that the owner of one entry may take; with name and suffix it stays within a DNS name.
pub const MAX_OWNER: usize = 128;

/// Longest label (RFC 1035 §2.3.4).
const MAX_LABEL: u8 = 63;

/// Record types that only this protocol knows, from the private-use range of the DNS registry (specs/07 §1.3).
pub mod types {
    /// Ed25519 key (32 bytes) of which a server at this name proves possession.
    pub const SERVICE_KEY: u16 = 65281;
    /// Ed25519 key (32 bytes) under which more records stand outside the chain.
    pub const OFF_CHAIN_KEY: u16 = 65282;
    /// The account offers to relay; no data.
    pub const RELAY: u16 = 65283;
}

/// Records in their canonical form.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Records(Bytes<MAX_BYTES>);

/// One entry of [`Records`]. The order of entries is the order of the fields that hold bytes: owner, type, data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Name below the account's name, in DNS wire form with its final zero byte; one zero byte for the name itself.
    pub owner: Vec<u8>,
    /// Record type (IANA registry, and [`types`]).
    pub rtype: u16,
    /// Seconds that an answer may be kept; below 2³¹.
    pub ttl: u32,
    /// Data of the type, names absolute and uncompressed.
    pub rdata: Vec<u8>,
}

/// Why bytes or entries are not records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRecords {
    /// More than 512 bytes.
    #[error("records take more than 512 bytes; shorten or remove some")]
    TooLong,
    /// An entry ends beyond the bytes.
    #[error("a record is cut off")]
    Truncated,
    /// An owner that is no lower-case relative DNS name of at most 128 bytes.
    #[error("a record's owner is not a lower-case name of at most 128 bytes")]
    Owner,
    /// A time to live of 2³¹ or more (RFC 2181 §8).
    #[error("a record's time to live is 2^31 seconds or more")]
    Ttl,
    /// Entries are not in rising order, or one stands twice.
    #[error("records are not sorted by owner, type and data, or one stands twice")]
    Order,
}

impl Records {
    /// Takes bytes in canonical form.
    ///
    /// # Errors
    /// [`NotRecords`] names the first rule of specs/07 §1 that is broken.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotRecords> {
        let kept = Bytes::new(bytes.to_vec()).map_err(|_| NotRecords::TooLong)?;
        let mut rest = bytes;
        let mut last: Option<Entry> = None;
        while !rest.is_empty() {
            let entry = take_entry(&mut rest)?;
            if last.is_some_and(|last| last.sort_key() >= entry.sort_key()) {
                return Err(NotRecords::Order);
            }
            last = Some(entry);
        }
        Ok(Self(kept))
    }

    /// Sorts entries, drops repeated ones and takes the result.
    ///
    /// # Errors
    /// [`NotRecords`] if an entry is malformed or all together are too long.
    pub fn from_entries(mut entries: Vec<Entry>) -> Result<Self, NotRecords> {
        entries.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
        entries.dedup_by(|a, b| a.sort_key() == b.sort_key());
        let mut bytes = Vec::new();
        for entry in &entries {
            let len = u16::try_from(entry.rdata.len()).map_err(|_| NotRecords::TooLong)?;
            bytes.extend_from_slice(&entry.owner);
            bytes.extend_from_slice(&entry.rtype.to_be_bytes());
            bytes.extend_from_slice(&entry.ttl.to_be_bytes());
            bytes.extend_from_slice(&len.to_be_bytes());
            bytes.extend_from_slice(&entry.rdata);
        }
        Self::from_bytes(&bytes)
    }

    /// The entries, in their order.
    pub fn entries(&self) -> Vec<Entry> {
        let mut rest = self.as_bytes();
        let mut entries = Vec::new();
        while !rest.is_empty() {
            entries.push(take_entry(&mut rest).expect("checked when the records were made"));
        }
        entries
    }

    /// The canonical bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Entry {
    fn sort_key(&self) -> (&[u8], u16, &[u8]) {
        (&self.owner, self.rtype, &self.rdata)
    }
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], NotRecords> {
    let (head, tail) = rest.split_at_checked(len).ok_or(NotRecords::Truncated)?;
    *rest = tail;
    Ok(head)
}

fn take_entry(rest: &mut &[u8]) -> Result<Entry, NotRecords> {
    let owner = take_owner(rest)?;
    let head = take(rest, 8)?;
    let number = |range: std::ops::Range<usize>| {
        head[range].iter().fold(0u32, |n, b| n << 8 | u32::from(*b))
    };
    let (rtype, ttl, len) = (number(0..2), number(2..6), number(6..8));
    if ttl >= 1 << 31 {
        return Err(NotRecords::Ttl);
    }
    Ok(Entry {
        owner,
        rtype: u16::try_from(rtype).expect("two bytes"),
        ttl,
        rdata: take(rest, len as usize)?.to_vec(),
    })
}

fn take_owner(rest: &mut &[u8]) -> Result<Vec<u8>, NotRecords> {
    let mut owner = Vec::new();
    loop {
        let len = take(rest, 1)?[0];
        owner.push(len);
        if len == 0 {
            break;
        }
        if len > MAX_LABEL {
            return Err(NotRecords::Owner);
        }
        let label = take(rest, len.into())?;
        if label.iter().any(u8::is_ascii_uppercase) {
            return Err(NotRecords::Owner);
        }
        owner.extend_from_slice(label);
    }
    if owner.len() > MAX_OWNER {
        return Err(NotRecords::Owner);
    }
    Ok(owner)
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries()).finish()
    }
}

impl Encode for Records {
    fn size_hint(&self) -> usize {
        self.0.size_hint()
    }
    fn encode_to<O: parity_scale_codec::Output + ?Sized>(&self, out: &mut O) {
        self.0.encode_to(out);
    }
}

impl Decode for Records {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        let bytes = Bytes::<MAX_BYTES>::decode(input)?;
        Self::from_bytes(&bytes).map_err(|_| "not records".into())
    }
}

impl MaxEncodedLen for Records {
    fn max_encoded_len() -> usize {
        MAX_BYTES + 2
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn a(owner: &[u8], last: u8) -> Entry {
        Entry {
            owner: owner.to_vec(),
            rtype: 1,
            ttl: 300,
            rdata: vec![192, 0, 2, last],
        }
    }

    #[test]
    fn entries_are_sorted_and_survive() {
        let www = b"\x03www\x00";
        let unknown = Entry {
            rtype: 54321,
            rdata: vec![],
            ..a(b"\0", 0)
        };
        let records =
            Records::from_entries(vec![a(www, 9), unknown.clone(), a(b"\0", 1), a(b"\0", 1)])
                .unwrap();
        assert_eq!(records.entries(), vec![a(b"\0", 1), unknown, a(www, 9)]);
        assert_eq!(Records::from_bytes(records.as_bytes()), Ok(records));
    }

    #[test]
    fn every_broken_envelope_is_refused() {
        let good = Records::from_entries(vec![a(b"\0", 1)]).unwrap();
        let good = good.as_bytes();
        for cut in 1..good.len() {
            assert_eq!(
                Records::from_bytes(&good[..cut]),
                Err(NotRecords::Truncated)
            );
        }
        let twice = [good, good].concat();
        assert_eq!(Records::from_bytes(&twice), Err(NotRecords::Order));
        let mut ttl = good.to_vec();
        ttl[3] |= 0x80;
        assert_eq!(Records::from_bytes(&ttl), Err(NotRecords::Ttl));
        for owner in [&b"\x01A\0"[..], &[64; 66], &[1; 131]] {
            let bytes = [owner, &good[1..]].concat();
            assert_eq!(
                Records::from_bytes(&bytes),
                Err(NotRecords::Owner),
                "{owner:?}"
            );
        }
        assert_eq!(Records::from_bytes(&[0; 513]), Err(NotRecords::TooLong));
    }
}
