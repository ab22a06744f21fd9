//! The journal's folder: a new file for each segment, blocks behind each other, the oldest deleted first.

use super::{
    disk::{Disk, Files, Tail},
    error::JournalError,
    name::Name,
    read::torn_tail,
};
use crate::store::plug;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The segments of a folder, and the one that is being written.
///
/// Every error names the file and the system's reason. What a failed write left behind is cut off before the next one, so a bad disk never
/// puts a block behind a torn one; the caller gives the same bytes again, or begins a new segment.
pub struct Segments {
    folder: PathBuf,
    disk: Box<dyn Disk>,
    next: u64,
    current: Option<Current>,
}

/// The segment that is being written.
struct Current {
    path: PathBuf,
    file: Box<dyn Tail>,
    /// Bytes that are whole.
    len: u64,
    /// A write failed, and what it left was not cut off yet.
    torn: bool,
}

/// What was cut off the newest segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Which file; it is gone where nothing in it was whole.
    pub path: PathBuf,
    /// Where it ends now.
    pub at: u64,
    /// How much of it was no whole block.
    pub bytes: u64,
}

/// What was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// How many files.
    pub segments: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// The segments of a folder, oldest first; other files are none of ours.
///
/// # Errors
///
/// When the folder cannot be read.
pub fn list(folder: &Path) -> io::Result<Vec<(Name, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
        found.extend(name.map(|name| (name, path)));
    }
    found.sort_unstable();
    Ok(found)
}

impl Segments {
    /// The journal in `folder`, which is made where it is missing. Nothing is being written yet.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made or read.
    pub fn open(folder: &Path) -> Result<Self, JournalError> {
        Self::open_on(folder, Box::new(Files))
    }

    /// As [`Self::open`], with files on a disk of the caller's.
    ///
    /// # Errors
    ///
    /// As of [`Self::open`].
    pub fn open_on(folder: &Path, disk: Box<dyn Disk>) -> Result<Self, JournalError> {
        let listed = fs::create_dir_all(folder).and_then(|()| list(folder)).map_err(failed(folder))?;
        let next = listed.last().map_or(1, |(name, _)| name.number + 1);
        Ok(Self { folder: folder.to_owned(), disk, next, current: None })
    }

    /// Where they are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Cuts off what the last run left half written. Before the first [`Self::begin`].
    ///
    /// # Errors
    ///
    /// When the newest segment cannot be read or cut. New ones may be written all the same.
    pub fn cut_tail(&mut self) -> Result<Option<Cut>, JournalError> {
        let Some((name, path)) = list(&self.folder).map_err(failed(&self.folder))?.pop() else { return Ok(None) };
        let Some((at, bytes)) = torn_tail(&path).map_err(failed(&path))? else { return Ok(None) };
        if at == 0 {
            fs::remove_file(&path).map_err(failed(&path))?;
            self.next = name.number; // else it would seem that a segment is missing
        } else {
            let cut = self.disk.open(&path).and_then(|mut file| file.truncate(at).and_then(|()| file.sync()));
            cut.map_err(failed(&path))?;
        }
        Ok(Some(Cut { path, at, bytes }))
    }

    /// A new segment that begins with these bytes. The one before it is made safe first.
    ///
    /// # Errors
    ///
    /// When it cannot be made or written; then no segment is being written.
    pub fn begin(&mut self, wall_ms: i64, head: &[u8]) -> Result<(), JournalError> {
        self.sync()?;
        self.current = None;
        let name = Name { number: self.next, begun_ms: wall_ms };
        let path = self.folder.join(name.to_string());
        let file = self.disk.create(&path).map_err(failed(&path))?;
        plug("between a segment and its head");
        let mut begun = Current { path, file, len: 0, torn: false };
        if let Err(error) = begun.append(head) {
            // where even that fails the file stays as one that has nothing whole in it, and its number is used up
            let gone = fs::remove_file(&begun.path).is_ok();
            self.next += u64::from(!gone);
            return Err(error);
        }
        self.next += 1;
        self.current = Some(begun);
        Ok(())
    }

    /// Puts a block behind what is there.
    ///
    /// # Errors
    ///
    /// When it cannot be written whole, or no segment is being written.
    pub fn append(&mut self, block: &[u8]) -> Result<(), JournalError> {
        let none = || failed(&self.folder)(io::Error::new(io::ErrorKind::NotFound, "no segment was begun"));
        self.current.as_mut().ok_or_else(none)?.append(block)
    }

    /// Returns once what was appended survives a power cut.
    ///
    /// # Errors
    ///
    /// When the disk does not say so: what was written since the last time may be lost, and to ask again may hide that.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        let Some(current) = &mut self.current else { return Ok(()) };
        current.mend()?;
        current.file.sync().map_err(|cause| JournalError { path: current.path.clone(), cause, in_sync: true })
    }

    /// Deletes the oldest segments while they are older than `keep_ms`, or while all together are larger than `limit_bytes`. The newest, which
    /// is the one being written, stays.
    ///
    /// # Errors
    ///
    /// When one cannot be deleted; older ones are gone then.
    pub fn prune(&mut self, now_ms: i64, keep_ms: i64, limit_bytes: u64) -> Result<Pruned, JournalError> {
        let listed = list(&self.folder).map_err(failed(&self.folder))?;
        let sizes = listed.iter().map(|(_, path)| Ok(path.metadata().map_err(failed(path))?.len()));
        let sizes = sizes.collect::<Result<Vec<_>, JournalError>>()?;
        let mut total: u64 = sizes.iter().sum();
        let mut pruned = Pruned::default();
        for (pair, size) in listed.windows(2).zip(sizes) {
            let [(_, path), (next, _)] = pair else { break };
            // all of a segment is older than the beginning of the next
            let old = next.begun_ms < now_ms.saturating_sub(keep_ms);
            if !old && total <= limit_bytes {
                break;
            }
            fs::remove_file(path).map_err(failed(path))?;
            total -= size;
            pruned = Pruned { segments: pruned.segments + 1, bytes: pruned.bytes + size };
        }
        Ok(pruned)
    }
}

impl Current {
    fn append(&mut self, bytes: &[u8]) -> Result<(), JournalError> {
        self.mend()?;
        self.torn = true;
        self.file.append(bytes).map_err(failed(&self.path))?;
        (self.torn, self.len) = (false, self.len + bytes.len() as u64);
        Ok(())
    }

    /// Cuts off what a failed write left.
    fn mend(&mut self) -> Result<(), JournalError> {
        if self.torn {
            self.file.truncate(self.len).map_err(failed(&self.path))?;
            self.torn = false;
        }
        Ok(())
    }
}

fn failed(path: &Path) -> impl Fn(io::Error) -> JournalError {
    let path = path.to_owned();
    move |cause| JournalError { path: path.clone(), cause, in_sync: false }
}
