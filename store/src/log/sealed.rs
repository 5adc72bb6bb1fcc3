//! The index file of a sealed segment. It follows from the segment and is made again when it is missing or damaged, so it is never synced.

use super::format::{CHECKSUM, PAGE, Reason, fits, page_up, take};
use super::segment::{Contents, SegmentFile, TxRow};
use super::txs::{Pages, Table, page_count, pages};
use crate::disk::{Disk, OpenMode};
use parity_scale_codec::Encode;
use sapwood_primitives::codec;
use std::io;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64_with_seed;

const MAGIC: [u8; 8] = *b"SAPWIDX\0";
/// Number of the layout; a file with another one is made again.
const FORMAT: u32 = 1;
/// Bytes before the contents.
const HEAD: usize = 36;

/// The name of a sealed segment's index file.
pub(super) fn index_name(number: u32) -> String {
    format!("{number:08}.idx")
}

/// Removes a file if there is one.
pub(super) fn remove_if_there(disk: &dyn Disk, name: &str) -> io::Result<()> {
    match disk.remove(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Writes the index file of a segment, whose transactions come sorted.
pub(super) fn write(
    disk: &dyn Disk,
    segment: &Arc<SegmentFile>,
    contents: &Contents,
    txs: &[TxRow],
) -> io::Result<Table> {
    let name = index_name(segment.header.number);
    let new = format!("{name}.new");
    let count = page_count(txs.len());
    let body = contents.encode();
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&segment.header.number.to_le_bytes());
    bytes.extend_from_slice(&segment.seed.to_le_bytes());
    bytes.extend_from_slice(&count.to_le_bytes());
    bytes.extend_from_slice(&(body.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&body);
    let checksum = xxh3_64_with_seed(&bytes, segment.seed);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    let offset = page_up(bytes.len() as u64);
    bytes.resize(usize::try_from(offset).expect("in memory"), 0);
    bytes.extend_from_slice(&pages(txs, segment.seed));
    remove_if_there(disk, &new)?;
    disk.open(&new, OpenMode::Create)?.write_at(0, &bytes)?;
    disk.rename(&new, &name)?;
    let file = disk.open(&name, OpenMode::Existing)?;
    let pages = Pages {
        file,
        offset,
        count,
    };
    Ok(Table::on_disk(segment.clone(), contents.next_commit, pages))
}

/// Reads the index file of a segment. Its pages are checked when they are used.
pub(super) fn read(
    disk: &dyn Disk,
    segment: &Arc<SegmentFile>,
) -> Result<(Contents, Table), Reason> {
    let name = index_name(segment.header.number);
    let file = disk.open(&name, OpenMode::Existing);
    let file = file.map_err(|e| e.to_string())?;
    let length = file.len().map_err(|e| e.to_string())?;
    let mut head = [0; HEAD];
    file.read_at(0, &mut head).map_err(|e| e.to_string())?;
    let (count, body) = read_head(&head, segment).ok_or("it is not that of the segment")?;
    let short = || Reason::from("it is cut short");
    let end = body
        .checked_add((HEAD + CHECKSUM) as u64)
        .filter(|end| *end <= length)
        .ok_or_else(short)?;
    let mut bytes = vec![0; usize::try_from(end).map_err(|_| short())?];
    file.read_at(0, &mut bytes).map_err(|e| e.to_string())?;
    if !fits(&bytes, segment.seed) {
        return Err("its checksum does not fit".into());
    }
    let contents = codec::read::<Contents>(&bytes[HEAD..bytes.len() - CHECKSUM])
        .map_err(|e| format!("it does not decode: {e}"))?;
    let offset = page_up(end);
    if length < offset + u64::from(count) * PAGE {
        return Err(short());
    }
    let pages = Pages {
        file,
        offset,
        count,
    };
    let table = Table::on_disk(segment.clone(), contents.next_commit, pages);
    Ok((contents, table))
}

/// Number of pages and bytes of contents, if the head is one of this segment.
fn read_head(mut head: &[u8], segment: &SegmentFile) -> Option<(u32, u64)> {
    let ours = take(&mut head)? == MAGIC
        && u32::from_le_bytes(take(&mut head)?) == FORMAT
        && u32::from_le_bytes(take(&mut head)?) == segment.header.number
        && u64::from_le_bytes(take(&mut head)?) == segment.seed;
    let count = u32::from_le_bytes(take(&mut head)?);
    let body = u64::from_le_bytes(take(&mut head)?);
    ours.then_some((count, body))
}
