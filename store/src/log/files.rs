//! Which files of a log are on a disk, and whether these are all.

use super::open::OpenLog;
use super::sealed::{index_name, remove_if_there};
use super::segment::segment_name;
use crate::disk::Disk;
use std::io;

/// The files of a log on a disk.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Numbers of segments, rising.
    pub(super) segments: Vec<u32>,
    /// Numbers of index files.
    pub(super) indexes: Vec<u32>,
    /// Files that were being made.
    unfinished: Vec<String>,
}

/// The number in a name of a given kind, if it is the name that the number has.
fn number_in(name: &str, ending: &str, name_of: fn(u32) -> String) -> Option<u32> {
    let number = name.strip_suffix(ending)?.parse().ok()?;
    (name_of(number) == name).then_some(number)
}

impl Found {
    pub(super) fn on(disk: &dyn Disk) -> io::Result<Self> {
        let mut found = Self::default();
        for name in disk.list()? {
            let whole = name.strip_suffix(".new").unwrap_or(&name);
            let segment = number_in(whole, ".seg", segment_name);
            let index = number_in(whole, ".idx", index_name);
            if whole != name {
                if segment.or(index).is_some() {
                    found.unfinished.push(name);
                }
                continue;
            }
            found.segments.extend(segment);
            found.indexes.extend(index);
        }
        found.segments.sort_unstable();
        Ok(found)
    }

    /// Checks that no segment is missing, as far as the files tell, and gives the last one's number.
    pub(super) fn last(&self) -> Result<u32, OpenLog> {
        let missing = |number| Err(OpenLog::MissingSegment { number });
        let Some(last) = self.segments.last().copied() else {
            return match self.indexes.first() {
                None => Err(OpenLog::Absent),
                Some(number) => missing(*number),
            };
        };
        for pair in self.segments.windows(2) {
            if pair[1] != pair[0] + 1 {
                return missing(pair[0] + 1);
            }
        }
        // A segment gets its index file when its successor is durable.
        match self.indexes.iter().any(|number| *number >= last) {
            true => missing(last + 1),
            false => Ok(last),
        }
    }

    /// Removes what a crash has left: files that were being made, and the index file of a segment that was being deleted.
    pub(super) fn tidy(&self, disk: &dyn Disk) -> io::Result<()> {
        for name in &self.unfinished {
            remove_if_there(disk, name)?;
        }
        let first = self.segments.first();
        for number in &self.indexes {
            if first.is_some_and(|first| number < first) {
                remove_if_there(disk, &index_name(*number))?;
            }
        }
        Ok(())
    }
}
