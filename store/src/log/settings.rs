//! Sizes of a log's files.

/// Sizes of segments and of the space prepared ahead. They may differ from one start to the next; the defaults suit blocks of up to a few hundred kilobytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Blocks in a segment before the next is begun.
    pub segment_blocks: u32,
    /// Bytes in a segment before the next is begun. A commit is never split, so a segment may be longer by one.
    pub segment_bytes: u64,
    /// Bytes by which a file grows at once.
    pub allocate_step: u64,
    /// A commit writes zeros ahead when fewer zeroed bytes than this are left after it.
    pub zeroed_ahead: u64,
    /// Bytes of zeros that such a commit writes. Overwriting them later takes a cheaper sync than space that is only reserved; the step bounds what one commit pays.
    pub zero_step: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            segment_blocks: 1_440,
            segment_bytes: 512 << 20,
            allocate_step: 16 << 20,
            zeroed_ahead: 8 << 20,
            zero_step: 2 << 20,
        }
    }
}
