//! Contents of a file in memory, in pages that copies share until they are written.

use std::sync::Arc;

const PAGE: usize = 4096;

type Page = Arc<[u8; PAGE]>;

/// The bytes of a file. A copy costs a pointer a page; pages that were never written cost nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Image {
    pages: Vec<Option<Page>>,
    len: usize,
}

fn in_memory(offset: u64) -> usize {
    usize::try_from(offset).expect("a simulated file fits into memory")
}

impl Image {
    pub(super) fn len(&self) -> u64 {
        self.len as u64
    }

    /// Fills `out` if the image is long enough.
    pub(super) fn read(&self, offset: u64, out: &mut [u8]) -> bool {
        let start = in_memory(offset);
        if start + out.len() > self.len {
            return false;
        }
        let mut done = 0;
        while done < out.len() {
            let (page, from) = ((start + done) / PAGE, (start + done) % PAGE);
            let n = (PAGE - from).min(out.len() - done);
            match &self.pages[page] {
                Some(bytes) => out[done..done + n].copy_from_slice(&bytes[from..from + n]),
                None => out[done..done + n].fill(0),
            }
            done += n;
        }
        true
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        let start = in_memory(offset);
        self.grow(start + bytes.len());
        let mut done = 0;
        while done < bytes.len() {
            let (page, from) = ((start + done) / PAGE, (start + done) % PAGE);
            let n = (PAGE - from).min(bytes.len() - done);
            let part = &bytes[done..done + n];
            done += n;
            let place = &mut self.pages[page];
            if place.is_none() && part.iter().all(|byte| *byte == 0) {
                continue;
            }
            let place = place.get_or_insert_with(|| Arc::new([0; PAGE]));
            Arc::make_mut(place)[from..from + n].copy_from_slice(part);
        }
    }

    pub(super) fn set_len(&mut self, len: u64) {
        let len = in_memory(len);
        if len >= self.len {
            return self.grow(len);
        }
        self.pages.truncate(len.div_ceil(PAGE));
        self.len = len;
        // What was cut off must not come back when the file grows.
        if let Some(Some(last)) = self.pages.last_mut()
            && !len.is_multiple_of(PAGE)
        {
            Arc::make_mut(last)[len % PAGE..].fill(0);
        }
    }

    fn grow(&mut self, len: usize) {
        if len > self.len {
            self.len = len;
            self.pages.resize(len.div_ceil(PAGE), None);
        }
    }
}
