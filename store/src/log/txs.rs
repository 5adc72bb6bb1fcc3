//! Finding transactions of a segment by the first bytes of their ids: sorted runs in memory while it is open, pages of its index file once it is sealed.

use super::format::{CHECKSUM, PAGE, Reason, fits, take};
use super::scan::scan;
use super::segment::{SegmentFile, Span, TxRow};
use crate::StorageFailed;
use crate::disk::DiskFile;
use std::sync::{Arc, OnceLock};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Rows of an open segment. A run is merged into the one before it once it is half as long, so there are few runs and a row is moved few times.
#[derive(Debug, Default)]
pub(super) struct Runs(Vec<Vec<TxRow>>);

impl Runs {
    pub(super) fn push(&mut self, mut run: Vec<TxRow>) {
        run.sort_unstable();
        while let Some(last) = self.0.pop_if(|last| last.len() < 2 * run.len().max(1)) {
            run = merge(&last, &run);
        }
        self.0.push(run);
    }

    pub(super) fn find(&self, prefix: u64) -> Vec<TxRow> {
        self.0.iter().flat_map(|run| find(run, prefix)).collect()
    }

    /// All rows, sorted.
    pub(super) fn all(&self) -> Vec<TxRow> {
        let runs = self.0.iter().rev();
        runs.fold(Vec::new(), |rows, run| merge(run, &rows))
    }
}

fn merge(a: &[TxRow], b: &[TxRow]) -> Vec<TxRow> {
    let mut merged = Vec::with_capacity(a.len() + b.len());
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    while let (Some(left), Some(right)) = (a.peek(), b.peek()) {
        let next = if left <= right { a.next() } else { b.next() };
        merged.extend(next);
    }
    merged.extend(a);
    merged.extend(b);
    merged
}

fn find(rows: &[TxRow], prefix: u64) -> impl Iterator<Item = TxRow> + use<'_> {
    let start = rows.partition_point(|row| row.prefix < prefix);
    let rows = rows[start..].iter();
    rows.take_while(move |row| row.prefix == prefix).copied()
}

/// Bytes of a row in a page.
const ROW: usize = 16;
/// Rows of a page.
const ROWS: usize = 255;

/// Rows as pages of a table: 255 rows, the number of the page, how many rows there are, and the checksum.
pub(super) fn pages(rows: &[TxRow], seed: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (number, rows) in (0u32..).zip(rows.chunks(ROWS)) {
        let start = bytes.len();
        for row in rows {
            bytes.extend_from_slice(&row.prefix.to_be_bytes());
            bytes.extend_from_slice(&row.block.to_le_bytes());
            bytes.extend_from_slice(&row.index.to_le_bytes());
        }
        bytes.resize(start + ROWS * ROW, 0);
        bytes.extend_from_slice(&number.to_le_bytes());
        let count = u32::try_from(rows.len()).expect("at most 255");
        bytes.extend_from_slice(&count.to_le_bytes());
        let checksum = xxh3_64_with_seed(&bytes[start..], seed);
        bytes.extend_from_slice(&checksum.to_le_bytes());
    }
    bytes
}

/// How many pages some rows take.
pub(super) fn page_count(rows: usize) -> u32 {
    u32::try_from(rows.div_ceil(ROWS)).expect("transactions of a segment fit into memory")
}

fn read_page(bytes: &[u8], number: u32, seed: u64) -> Result<Vec<TxRow>, Reason> {
    let bad = || Reason::from("the checksum of a page does not fit");
    if !fits(bytes, seed) {
        return Err(bad());
    }
    let (rows, mut rest) = bytes[..bytes.len() - CHECKSUM]
        .split_at_checked(ROWS * ROW)
        .ok_or_else(bad)?;
    let found = take(&mut rest).map(u32::from_le_bytes).ok_or_else(bad)?;
    let count = take(&mut rest).map(u32::from_le_bytes).ok_or_else(bad)?;
    if found != number || count == 0 {
        return Err(format!("page {found} where {number} should be"));
    }
    let count = usize::try_from(count).map_err(|_| bad())?;
    let rows = rows.chunks_exact(ROW).take(count).map(|mut row| {
        Some(TxRow {
            prefix: u64::from_be_bytes(take(&mut row)?),
            block: u32::from_le_bytes(take(&mut row)?),
            index: u32::from_le_bytes(take(&mut row)?),
        })
    });
    rows.collect::<Option<_>>().ok_or_else(bad)
}

/// Rows of a sealed segment.
#[derive(Debug)]
pub(super) struct Table {
    segment: Arc<SegmentFile>,
    /// Number of the commit with which the next segment begins.
    until: u64,
    pages: Option<Pages>,
    /// All rows, where the pages cannot be read.
    rescued: OnceLock<Vec<TxRow>>,
}

/// Where the pages of a table are.
#[derive(Debug)]
pub(super) struct Pages {
    pub(super) file: Arc<dyn DiskFile>,
    /// Of the first page.
    pub(super) offset: u64,
    pub(super) count: u32,
}

impl Table {
    pub(super) fn on_disk(segment: Arc<SegmentFile>, until: u64, pages: Pages) -> Self {
        Self {
            segment,
            until,
            pages: Some(pages),
            rescued: OnceLock::new(),
        }
    }

    pub(super) fn in_memory(segment: Arc<SegmentFile>, until: u64, rows: Vec<TxRow>) -> Self {
        Self {
            segment,
            until,
            pages: None,
            rescued: OnceLock::from(rows),
        }
    }

    /// Rows with a prefix. The pages follow from the segment, so it is read again if they are damaged.
    pub(super) fn find(&self, prefix: u64) -> Result<Vec<TxRow>, StorageFailed> {
        if let Some(rows) = self.rescued.get() {
            return Ok(find(rows, prefix).collect());
        }
        let reason = match self
            .pages
            .as_ref()
            .map(|p| p.find(prefix, self.segment.seed))
        {
            Some(Ok(rows)) => return Ok(rows),
            Some(Err(reason)) => reason,
            None => "no pages".into(),
        };
        tracing::warn!(
            segment = self.segment.file.name(),
            "the index file is damaged ({reason}); its transactions are read from the segment"
        );
        let rows = self.read_segment()?;
        let rows = self.rescued.get_or_init(|| rows);
        Ok(find(rows, prefix).collect())
    }

    fn read_segment(&self) -> Result<Vec<TxRow>, StorageFailed> {
        let failed =
            |offset: u64, reason: String| self.segment.failed(Span { offset, length: 0 }, reason);
        let scan = scan(&self.segment, Some(self.until)).map_err(|e| failed(0, e.to_string()))?;
        match scan.stopped {
            None => Ok(scan.txs),
            Some((offset, reason)) => Err(failed(offset, format!("damaged: {reason}"))),
        }
    }
}

impl Pages {
    fn page(&self, number: u32, seed: u64) -> Result<Vec<TxRow>, Reason> {
        let mut bytes = vec![0; usize::try_from(PAGE).expect("small")];
        let offset = self.offset + u64::from(number) * PAGE;
        let read = self.file.read_at(offset, &mut bytes);
        read.map_err(|e| e.to_string())?;
        read_page(&bytes, number, seed)
    }

    fn find(&self, prefix: u64, seed: u64) -> Result<Vec<TxRow>, Reason> {
        let (mut low, mut high) = (0, self.count);
        // The first page that ends with the prefix or beyond.
        while low < high {
            let middle = low + (high - low) / 2;
            let page = self.page(middle, seed)?;
            match page.last().is_some_and(|row| row.prefix < prefix) {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        let mut found = Vec::new();
        for number in low..self.count {
            let page = self.page(number, seed)?;
            found.extend(find(&page, prefix));
            if page.last().is_some_and(|row| row.prefix > prefix) {
                break;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::disk::{Disk, OpenMode, Simulated};
    use proptest::prelude::*;

    fn rows() -> impl Strategy<Value = Vec<TxRow>> {
        // Few prefixes, so that equal ones stand together and across the borders of pages.
        let row = (0..60u64, 0..9u32, 0..500u32).prop_map(|(prefix, block, index)| TxRow {
            prefix,
            block,
            index,
        });
        prop::collection::vec(row, 0..1_500)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn runs_and_pages_find_what_a_search_of_all_rows_finds(rows in rows(), cuts in prop::collection::vec(1..200usize, 1..20)) {
            let mut runs = Runs::default();
            let mut rest = rows.as_slice();
            for cut in cuts.iter().cycle() {
                let (run, tail) = rest.split_at((*cut).min(rest.len()));
                runs.push(run.to_vec());
                rest = tail;
                if rest.is_empty() {
                    break;
                }
            }
            let all = runs.all();
            let mut sorted = rows.clone();
            sorted.sort_unstable();
            prop_assert_eq!(&all, &sorted);
            let disk = Simulated::new();
            let file = disk.open("pages", OpenMode::Create).unwrap();
            file.write_at(PAGE, &pages(&all, 7)).unwrap();
            let pages = Pages { file, offset: PAGE, count: page_count(all.len()) };
            for prefix in 0..61 {
                let expected: Vec<_> = sorted.iter().filter(|row| row.prefix == prefix).copied().collect();
                let mut in_runs = runs.find(prefix);
                in_runs.sort_unstable();
                prop_assert_eq!(&in_runs, &expected);
                prop_assert_eq!(&pages.find(prefix, 7).unwrap(), &expected);
            }
        }
    }
}
