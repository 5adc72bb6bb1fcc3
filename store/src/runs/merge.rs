//! Going through several runs at once, by rising key: of a key that several have, the newest one's word counts.

use super::read::Cursor;
use super::{Run, RunFault};
use sapwood_primitives::Hash;
use std::sync::Arc;

/// Rows as they are stored: key and encoded leaf.
pub(crate) type Rows = Box<dyn Iterator<Item = Result<(Hash, Vec<u8>), RunFault>> + Send>;

/// A key with its row, or that this is gone.
pub(crate) type Merged<'a> = (Hash, Option<&'a [u8]>);

/// Goes through runs. As an iterator it passes over rows that are gone, and ends at the first fault.
pub(crate) struct Merge {
    /// The newest first.
    cursors: Vec<Cursor>,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    Before,
    /// At a row of this cursor.
    At(usize),
    Behind,
}

impl Merge {
    /// Stands before the first row of a range; both ends are included. The oldest run comes first.
    pub(crate) fn of(runs: &[Arc<Run>], first: &Hash, last: &Hash) -> Self {
        let newest_first = runs.iter().rev();
        Self {
            cursors: newest_first
                .map(|run| Cursor::new(run, first, last))
                .collect(),
            state: State::Before,
        }
    }

    /// All rows.
    pub(crate) fn all(runs: &[Arc<Run>]) -> Self {
        Self::of(runs, &Hash([0; 32]), &Hash([0xff; 32]))
    }

    /// The next row, or that it is gone.
    pub(crate) fn next_row(&mut self) -> Result<Option<Merged<'_>>, RunFault> {
        let present = match self.state {
            State::Before => None,
            State::At(cursor) => self.cursors[cursor].key().copied(),
            State::Behind => return Ok(None),
        };
        self.state = State::Behind;
        for cursor in &mut self.cursors {
            if cursor.key() == present.as_ref() {
                cursor.advance()?;
            }
        }
        let keys = self.cursors.iter().enumerate();
        let keys = keys.filter_map(|(index, cursor)| Some((*cursor.key()?, index)));
        // Of equal keys the first cursor's.
        let Some((key, index)) = keys.min() else {
            return Ok(None);
        };
        self.state = State::At(index);
        Ok(Some((key, self.cursors[index].value())))
    }
}

impl Iterator for Merge {
    type Item = Result<(Hash, Vec<u8>), RunFault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.next_row() {
                Ok(Some((key, Some(value)))) => return Some(Ok((key, value.to_vec()))),
                Ok(Some((_, None))) => {}
                Ok(None) => return None,
                Err(fault) => return Some(Err(fault)),
            }
        }
    }
}
