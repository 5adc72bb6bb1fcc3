//! The files of a store, in memory, without the zeros at their ends: a segment of the log is mostly space that is not used yet.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Bytes of a page, of the checkpoint and of the log.
const PAGE: usize = 4096;

/// All files of a store, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreFiles {
    files: BTreeMap<String, StoreFile>,
}

/// A file. What it has behind `bytes` is zeros.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreFile {
    bytes: Vec<u8>,
    length: u64,
}

impl StoreFiles {
    /// Reads a directory; what is no file is left out.
    pub fn read(directory: &Path) -> Self {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(directory).expect("the store's directory") {
            let entry = entry.expect("the store's directory");
            if entry.file_type().expect("a kind").is_file() {
                let name = entry.file_name().into_string().expect("names are ASCII");
                files.insert(name, StoreFile::read(&entry.path()));
            }
        }
        Self { files }
    }

    /// Writes them into a directory that is made, for its owner only.
    pub fn write(&self, directory: &Path) {
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory);
        made.expect("a directory");
        for (name, file) in &self.files {
            file.write(&directory.join(name));
        }
    }

    /// Their names, in order.
    pub fn names(&self) -> Vec<&str> {
        self.files.keys().map(String::as_str).collect()
    }

    /// The file of this name.
    #[track_caller]
    pub fn file(&self, name: &str) -> &StoreFile {
        let file = self.files.get(name);
        file.unwrap_or_else(|| panic!("no {name} in {:?}", self.names()))
    }

    /// The same files with another one under this name.
    #[must_use]
    pub fn with(&self, name: &str, file: StoreFile) -> Self {
        let mut files = self.clone();
        files.files.insert(name.to_owned(), file);
        files
    }

    /// The same files without one.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        let mut files = self.clone();
        files.files.remove(name);
        files
    }
}

impl StoreFile {
    /// A file of these bytes.
    pub fn new(mut bytes: Vec<u8>) -> Self {
        let length = bytes.len() as u64;
        let mut used = bytes.len();
        while used >= PAGE && bytes[used - PAGE..used] == [0; PAGE] {
            used -= PAGE;
        }
        while used > 0 && bytes[used - 1] == 0 {
            used -= 1;
        }
        bytes.truncate(used);
        Self { bytes, length }
    }

    fn read(path: &Path) -> Self {
        Self::new(fs::read(path).expect("a file of the store can be read"))
    }

    /// Writes a new file, for its owner only.
    pub fn write(&self, path: &Path) {
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(path);
        let write = |mut file: File| {
            file.write_all(&self.bytes)?;
            file.set_len(self.length)
        };
        file.and_then(write).expect("a file can be written");
    }

    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The number of bytes up to the last that is not zero.
    pub fn used(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The byte at an offset within the file.
    pub fn byte(&self, offset: u64) -> u8 {
        let at = usize::try_from(offset).expect("it is in memory");
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// With other bytes from an offset on, which may reach beyond the end.
    #[must_use]
    pub fn with(&self, offset: u64, bytes: &[u8]) -> Self {
        let start = usize::try_from(offset).expect("it is in memory");
        let mut all = self.bytes.clone();
        let end = start + bytes.len();
        all.resize(all.len().max(end), 0);
        all[start..end].copy_from_slice(bytes);
        let length = self.length.max(end as u64);
        Self {
            length,
            ..Self::new(all)
        }
    }

    /// With one bit changed.
    #[must_use]
    pub fn flipped(&self, bit: u64) -> Self {
        let offset = bit / 8;
        self.with(offset, &[self.byte(offset) ^ (1 << (bit % 8))])
    }

    /// Cut off, or made longer by zeros.
    #[must_use]
    pub fn resized(&self, length: u64) -> Self {
        let mut bytes = self.bytes.clone();
        bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        Self {
            length,
            ..Self::new(bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_damage_changes_what_it_says() {
        let folder = tempfile::tempdir().expect("a folder");
        let directory = folder.path().join("state");
        let long = StoreFile::new([vec![7; 5_000], vec![0; 20_000]].concat());
        assert_eq!((long.length(), long.used()), (25_000, 5_000));
        let files = StoreFiles::default()
            .with("long", long.clone())
            .with("empty", StoreFile::default());
        files.write(&directory);
        assert_eq!(StoreFiles::read(&directory), files);
        assert_eq!(
            fs::read(directory.join("long")).expect("it is there").len(),
            25_000
        );
        assert_eq!(files.without("empty").names(), ["long"]);

        assert_eq!(long.flipped(8 * 20_000 + 1).byte(20_000), 2);
        assert_eq!(long.flipped(3).flipped(3), long);
        assert_eq!(long.resized(4_000).used(), 4_000);
        assert_eq!(long.resized(6_000).resized(25_000), long);
        assert_eq!(long.with(24_999, &[1, 2]).length(), 25_001);
    }
}
