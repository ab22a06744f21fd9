//! What goes wrong with a database, in the operating system's words.

use super::beside;
use rusqlite::{Connection, ffi};
use rustix::{
    fs::{Access, access},
    io::Errno,
};
use std::{
    fs::OpenOptions,
    io,
    path::{Path, PathBuf},
};

/// The store cannot do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {cause}", path.display())]
pub struct StoreError {
    /// The file.
    pub path: PathBuf,
    /// What to do about it depends on this.
    pub fault: Fault,
    /// Why, to be read by a person.
    pub cause: String,
}

/// What kind of failure it is. Whatever it is, a transaction that failed has left nothing behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// No room: may pass.
    Full,
    /// The file, its folder or the whole disk can't be written.
    ReadOnly,
    /// Any other failure to read or write; also a store that is not there.
    Io,
    /// The disk did not say that it has the data: what is on it is unknown, and asking again may lie.
    Fsync,
    /// The file is damaged, or none of ours.
    Corrupt,
    /// A later version made it.
    Newer {
        /// Which.
        wrote: String,
    },
    /// Someone else holds it: may pass.
    Busy,
    /// A mistake of ours: an intent twice, a state that can't be written down.
    Broken,
}

/// Why a step failed, before file and kind are known.
#[derive(Debug)]
pub(super) enum Cause {
    Sqlite(rusqlite::Error),
    Io(io::Error),
    Other(Fault, String),
}

impl From<rusqlite::Error> for Cause {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Cause {
    /// What is in the file cannot be.
    pub fn corrupt(why: impl Into<String>) -> Self {
        Self::Other(Fault::Corrupt, why.into())
    }

    /// A mistake of ours.
    pub fn broken(why: impl Into<String>) -> Self {
        Self::Other(Fault::Broken, why.into())
    }

    /// Whether a row's rules forbid it, such as a key that is there already.
    pub fn is_constraint(&self) -> bool {
        matches!(self, Self::Sqlite(error) if error.sqlite_error_code() == Some(ffi::ErrorCode::ConstraintViolation))
    }

    /// The whole error; the connection that failed, where there was one, knows the system's number for it.
    pub fn at(self, path: &Path, connection: Option<&Connection>) -> StoreError {
        let (fault, cause) = match self {
            Self::Other(fault, cause) => (fault, cause),
            Self::Io(error) => (fault_of(&error), error.to_string()),
            Self::Sqlite(error) => explain(&error, path, connection),
        };
        StoreError { path: path.to_owned(), fault, cause }
    }
}

/// Kind and words of SQLite's error.
fn explain(error: &rusqlite::Error, path: &Path, connection: Option<&Connection>) -> (Fault, String) {
    let Some(code) = code_of(error) else {
        // what stands in a row is not of the type that was written there
        return (Fault::Corrupt, error.to_string());
    };
    let system = || connection.map(system_error).filter(|error| error.raw_os_error() != Some(0));
    match code.extended_code {
        ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC => {
            return (Fault::Fsync, format!("fsync: {}", system().map_or_else(|| error.to_string(), |e| e.to_string())));
        }
        ffi::SQLITE_IOERR_CORRUPTFS => return (Fault::Corrupt, error.to_string()),
        _ => {}
    }
    match code.extended_code & 0xff {
        ffi::SQLITE_FULL => (Fault::Full, no_room().to_string()),
        ffi::SQLITE_READONLY => {
            let refused = refusal(path).or_else(|| refusal_beside(path).map(|(_, refused)| refused));
            (Fault::ReadOnly, refused.map_or_else(|| error.to_string(), |refused| refused.to_string()))
        }
        // the number that SQLite keeps may be that of a second attempt, which failed for want of the first one's file
        ffi::SQLITE_CANTOPEN => by_system(refusal(path).or_else(system), error),
        ffi::SQLITE_IOERR => by_system(system(), error),
        ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB => (Fault::Corrupt, error.to_string()),
        ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED | ffi::SQLITE_PROTOCOL => (Fault::Busy, error.to_string()),
        ffi::SQLITE_NOMEM | ffi::SQLITE_INTERRUPT => (Fault::Io, error.to_string()),
        _ => (Fault::Broken, error.to_string()),
    }
}

/// Kind and words of the system's error, where there is one.
fn by_system(system: Option<io::Error>, error: &rusqlite::Error) -> (Fault, String) {
    system.map_or_else(|| (Fault::Io, error.to_string()), |system| (fault_of(&system), system.to_string()))
}

fn code_of(error: &rusqlite::Error) -> Option<ffi::Error> {
    match error {
        rusqlite::Error::SqliteFailure(code, _) | rusqlite::Error::SqlInputError { error: code, .. } => Some(*code),
        _ => None,
    }
}

/// What an error of the operating system means for us.
fn fault_of(error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Fault::Full,
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Fault::ReadOnly,
        _ => Fault::Io,
    }
}

/// SQLite keeps this number to itself.
fn no_room() -> io::Error {
    io::Error::from_raw_os_error(Errno::NOSPC.raw_os_error())
}

/// Why the operating system does not let us write the file, or make others beside it. SQLite then opens it for reading, and says no more
/// later than that it did.
pub(super) fn refusal(path: &Path) -> Option<io::Error> {
    let path = std::path::absolute(path).ok()?;
    let folder = || Some(access(path.parent()?, Access::WRITE_OK).err()?.into());
    match OpenOptions::new().read(true).write(true).open(&path) {
        Ok(_) => folder(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(folder().unwrap_or(error)),
        Err(error) => Some(error),
    }
}

/// Why the operating system does not let us write a file that belongs to a database that we may write, such as a log that another user's run
/// has left: SQLite finds that out with the first transaction.
pub(super) fn refusal_beside(path: &Path) -> Option<(PathBuf, io::Error)> {
    access(path, Access::WRITE_OK).ok()?;
    ["-wal", "-shm"].into_iter().map(|end| beside(path, end)).find_map(|file| match access(&file, Access::WRITE_OK) {
        Ok(()) | Err(Errno::NOENT) => None,
        Err(refused) => Some((file, refused.into())),
    })
}

/// The operating system's number for the last failure to open, read or write; 0 before the first.
#[allow(unsafe_code)]
fn system_error(connection: &Connection) -> io::Error {
    // SAFETY: the handle belongs to a connection that is open, as `connection` lives, and that no other thread is using, as it is not `Sync`.
    // The call reads a number from it, and the handle does not outlive the call.
    io::Error::from_raw_os_error(unsafe { ffi::sqlite3_system_errno(connection.handle()) })
}
