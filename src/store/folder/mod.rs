//! The data directory: where it is, who holds it, what is set aside in it.
//!
//! ```text
//! DIR/lock          held while a bot runs; its text is the holder's process id
//! DIR/smolbear.db   money, with -wal and -shm
//! DIR/journal/      what happened
//! DIR/old/          what was set aside, by the time it was
//! ```

mod aside; // out of the way, never overwritten
mod lock; // one bot at a time
mod place; // where it is
mod space; // the disk's free bytes, a folder's size

pub use aside::OLD;
pub use lock::{Holder, holder};
pub use place::{Kind, folder_of};
pub use space::{Room, room, size};

use lock::Lock;
use rustix::{
    fs::{Access, access},
    io::Errno,
};
use std::{
    fs::{DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

/// The database's file in a data directory. SQLite names its companions after it: `-wal`, `-shm`.
pub const DATABASE: &str = "smolbear.db";
/// The journal's folder in a data directory.
pub const JOURNAL: &str = "journal";

/// Why a bot can't have a data directory.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another bot runs on it.
    #[error(
        "the data directory {} is held by another bot ({holder}). Stop that one, or give this one its own --data-dir",
        path.display()
    )]
    Held {
        /// The data directory.
        path: PathBuf,
        /// Who has it.
        holder: Holder,
    },
    /// It can't be made, read or written.
    #[error("the data directory can't be used: {}: {cause}", path.display())]
    Unusable {
        /// What the system refused: the directory or something in it.
        path: PathBuf,
        /// With its errno.
        cause: io::Error,
    },
}

impl FolderError {
    fn unusable(path: &Path, cause: impl Into<io::Error>) -> Self {
        Self::Unusable { path: path.to_owned(), cause: cause.into() }
    }
}

/// A data directory that is ours until this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    _lock: Lock,
}

impl DataFolder {
    /// Makes the directory where it is missing, takes it, and ends a [`DataFolder::set_aside`] that a crash cut short. Never waits for
    /// another bot.
    ///
    /// # Errors
    /// [`FolderError::Held`] where another bot has it, [`FolderError::Unusable`] where the system refuses something.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let path = std::path::absolute(path).map_err(|cause| FolderError::unusable(path, cause))?;
        make(&path).map_err(|cause| FolderError::unusable(&path, cause))?;
        // SQLite would find out too, but later and in other words.
        let all = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
        access(&path, all).map_err(|cause| FolderError::unusable(&path, cause))?;
        let lock = Lock::take(&path)?;
        aside::finish(&path).map_err(|cause| FolderError::unusable(&path.join(aside::OLD), cause))?;
        Ok(Self { path, _lock: lock })
    }

    /// The directory, absolute.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database's file, there or not.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// The journal's folder, there or not.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.path.join(JOURNAL)
    }

    /// Moves database and journal into `DIR/old/<UTC time>-<why>/` and returns that path; `None` where there was neither. `now_ms` is the
    /// wall clock in milliseconds since 1970. Both must be closed.
    ///
    /// # Errors
    /// Something could not be moved. Then nothing new may be begun in this directory: [`DataFolder::open`] moves the rest.
    pub fn set_aside(&self, why: &str, now_ms: i64) -> io::Result<Option<PathBuf>> {
        aside::set_aside(&self.path, why, now_ms)
    }
}

/// Makes the folder, for its owner only, and whatever is missing above it; a power cut takes none of them away again.
fn make(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|cause| match cause.kind() {
        io::ErrorKind::AlreadyExists => Errno::NOTDIR.into(),
        _ => cause,
    })?;
    missing.iter().filter_map(|folder| folder.parent()).try_for_each(sync_folder)
}

/// Makes durable which names the folder holds.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    match File::open(path)?.sync_all() {
        // A file system that can't do it for folders says so by this.
        Err(cause) if cause.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests;
