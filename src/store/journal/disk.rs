//! Files that are only appended to, behind a trait so that tests can have a disk that fails.

use crate::store::folder::sync_folder;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::Path,
};

/// A file that is appended to. After an error nobody knows how much was written.
pub trait Tail: Send {
    /// Writes all of the bytes behind what is there.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Leaves the first `len` bytes.
    fn truncate(&mut self, len: u64) -> io::Result<()>;
    /// Returns once what was written survives a power cut.
    fn sync(&mut self) -> io::Result<()>;
}

/// Where segments are kept.
pub trait Disk: Send {
    /// A new file, whose name survives a power cut; fails where there is one.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Tail>>;
    /// A file that is there.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Tail>>;
}

/// The file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct Files;

impl Disk for Files {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Tail>> {
        let file = OpenOptions::new().append(true).create_new(true).open(path)?;
        // what is not there for sure is not there at all: an empty file would be one more segment that can't be read
        path.parent().map_or(Ok(()), sync_folder).inspect_err(|_| drop(fs::remove_file(path)))?;
        Ok(Box::new(file))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Tail>> {
        Ok(Box::new(OpenOptions::new().append(true).open(path)?))
    }
}

impl Tail for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}
