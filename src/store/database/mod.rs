//! The store's database: SQLite, for all that is money.
//!
//! Plain calls that wait for the disk; which thread they are made on is the caller's affair. A commit is on the disk when it returns
//! (WAL, `synchronous=FULL`), and others may read meanwhile.

mod account;
mod backup;
mod body;
mod commit;
mod error;
mod rows;
mod runs;
mod schema;
#[cfg(test)]
mod tests;

use super::plug::{confirms, plug};
use error::Cause;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, config::DbConfig};
use rustix::io::Errno;
use std::{
    ffi::OsString,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

pub use account::Account;
pub use error::{Fault, StoreError};
pub use runs::{Halt, HaltKind};

/// No database has fewer bytes. SQLite takes what does for an empty one, and would write over it.
const SHORTEST: u64 = 512;

/// How long a reader may keep us waiting, or we a reader.
const BUSY: Duration = Duration::from_millis(500);

/// Pages of the log, about one megabyte, from which on it is copied into the file: so a page that changes with every commit is copied once in
/// some eighty of them.
const LONG_LOG: i64 = 256;

/// A quarter of a megabyte of pages. SQLite does not copy the log by itself, since it would keep to itself that the disk did not confirm it.
const SETTINGS: &str = "
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA wal_autocheckpoint = 0;
PRAGMA journal_size_limit = 1048576;
PRAGMA cache_size = -256;
PRAGMA temp_store = MEMORY;
PRAGMA trusted_schema = OFF;
PRAGMA cell_size_check = ON;
";

/// An open database.
#[derive(Debug)]
pub struct Database {
    path: PathBuf,
    connection: Connection,
    /// Device and number of the file that was opened to be written.
    identity: Option<(u64, u64)>,
}

impl Database {
    /// Opens the file to write; makes it where it is missing, brings an older one up to date after it has been copied, and looks at all of
    /// its pages. A file that is refused stays as it is, byte for byte.
    ///
    /// `vfs` is the name of another layer under SQLite, for tests.
    pub fn open(file: &Path, vfs: Option<&str>) -> Result<Self, StoreError> {
        Self::open_with(file, vfs, schema::MIGRATIONS)
    }

    fn open_with(file: &Path, vfs: Option<&str>, migrations: &[&str]) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let has_log = beside(file, "-wal").exists();
        if (1..SHORTEST).contains(&length(file)) {
            return Err(Cause::corrupt("file is not a database").at(file, None));
        }
        if let Some((refused, why)) = error::refusal_beside(file) {
            return Err(Cause::from(why).at(&refused, None));
        }
        let mut database = Self::connect(file, absolute(file)?, flags, vfs)?;
        let is_unsure = database.doing(|connection| {
            // a log that was left behind goes into the file once it is known that both are ours
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, has_log)?;
            let version = schema::version(connection, migrations)?;
            if connection.is_readonly("main")? {
                let why = error::refusal(file).map_or_else(|| "it can only be read".to_owned(), |why| why.to_string());
                return Err(Cause::Other(Fault::ReadOnly, why));
            }
            if version == 0 {
                // else the journal of a file's first page may come back after a power cut, and take all away that is in the file by then
                connection.execute_batch("PRAGMA synchronous = EXTRA; PRAGMA journal_mode = WAL")?;
            }
            connection.execute_batch(SETTINGS)?;
            if version > 0 {
                look_through(connection)?;
            }
            schema::migrate(connection, file, migrations)?;
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
            Ok(has_log || version == 0)
        })?;
        if is_unsure {
            database.housekeeping(empty_log)?;
        }
        database.identity = Some(database.doing(|_| Ok(identity(file)?))?);
        Ok(database)
    }

    /// Opens the file to look into it, whether or not a bot is writing to it.
    ///
    /// Nothing in it is changed. In a folder that can be written SQLite makes the `-shm` file that it needs.
    pub fn read(file: &Path) -> Result<Self, StoreError> {
        let missing = || Cause::Other(Fault::Io, "there is no store: no bot has kept anything here".to_owned());
        fs::metadata(file).map_err(|why| match why.kind() {
            io::ErrorKind::NotFound => missing().at(file, None),
            _ => Cause::from(why).at(file, None),
        })?;
        let usual = Self::connect(file, absolute(file)?, OpenFlags::SQLITE_OPEN_READ_ONLY, None);
        let read = usual.and_then(Self::checked);
        match read {
            // no `-shm`, and a folder or a disk that takes none: without a log nobody writes, and the file is all there is
            Err(error)
                if matches!(error.fault, Fault::ReadOnly | Fault::Io | Fault::Full)
                    && length(&beside(file, "-wal")) == 0 =>
            {
                Self::read_still(file)
            }
            read => read,
        }
    }

    /// Opens a file that nobody writes; SQLite then needs no other file.
    fn read_still(file: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let path = absolute(file)?.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
        Self::connect(file, format!("file:{path}?immutable=1").into(), flags, None)?.checked()
    }

    /// Refuses an empty file and one of a later version.
    fn checked(mut self) -> Result<Self, StoreError> {
        let version = self.doing(|connection| schema::version(connection, schema::MIGRATIONS))?;
        if version == 0 {
            return Err(Cause::Other(Fault::Io, "the store is empty".to_owned()).at(&self.path, None));
        }
        Ok(self)
    }

    fn connect(file: &Path, name: PathBuf, flags: OpenFlags, vfs: Option<&str>) -> Result<Self, StoreError> {
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = match vfs {
            Some(vfs) => Connection::open_with_flags_and_vfs(name, flags, vfs),
            None => Connection::open_with_flags(name, flags),
        };
        let connection = opened.map_err(|error| Cause::from(error).at(file, None))?;
        let mut database = Self { path: file.to_owned(), connection, identity: None };
        database.doing(|connection| Ok(connection.busy_timeout(BUSY)?))?;
        Ok(database)
    }

    /// Copies the database to a file that is not there yet, as it is at this moment, while others may write; the copy is on the disk when
    /// this returns.
    pub fn backup(&self, to: &Path) -> Result<(), StoreError> {
        backup::copy(&self.connection, to).map_err(|cause| cause.at(to, Some(&self.connection)))
    }

    /// What it takes of the disk, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        length(&self.path) + length(&beside(&self.path, "-wal"))
    }

    /// One transaction, all or nothing.
    fn write<T>(&mut self, write: impl FnOnce(&Transaction<'_>) -> Result<T, Cause>) -> Result<T, StoreError> {
        self.still_there()?;
        let done = self.doing(|connection| {
            let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
            let done = write(&transaction)?;
            plug("before a COMMIT");
            if !confirms() {
                return Err(Cause::Other(Fault::Fsync, format!("fsync: {}", io::Error::from(Errno::IO))));
            }
            transaction.commit()?;
            plug("after a COMMIT");
            Ok(done)
        })?;
        self.housekeeping(shorten_log)?;
        Ok(done)
    }

    /// Whether the file still has its name. One that was deleted takes writes as ever, and is gone with the process.
    fn still_there(&self) -> Result<(), StoreError> {
        let cause = match identity(&self.path) {
            Ok(now) if self.identity.is_none_or(|opened| opened == now) => return Ok(()),
            Ok(_) => Cause::Other(Fault::Io, "another file has taken its place".to_owned()),
            Err(why) => why.into(),
        };
        Err(cause.at(&self.path, None))
    }

    /// What can wait, and is tried again the next time; but that the disk did not confirm something must be known.
    fn housekeeping(&mut self, work: fn(&mut Connection) -> Result<(), Cause>) -> Result<(), StoreError> {
        match self.doing(work) {
            Err(error) if error.fault == Fault::Fsync => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Names the file, and asks the connection why, where something fails.
    fn doing<T>(&mut self, work: impl FnOnce(&mut Connection) -> Result<T, Cause>) -> Result<T, StoreError> {
        work(&mut self.connection).map_err(|cause| cause.at(&self.path, Some(&self.connection)))
    }

    /// The same for what only reads.
    fn looking<T>(&self, look: impl FnOnce(&Connection) -> Result<T, Cause>) -> Result<T, StoreError> {
        look(&self.connection).map_err(|cause| cause.at(&self.path, Some(&self.connection)))
    }
}

/// Reads every page, and says what is wrong with the first that is.
fn look_through(connection: &Connection) -> Result<(), Cause> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(Cause::corrupt(found.replace('\n', " "))) }
}

/// Copies the log into the file where it is long.
fn shorten_log(connection: &mut Connection) -> Result<(), Cause> {
    let pages =
        |how: &str| connection.query_row(&format!("PRAGMA wal_checkpoint({how})"), [], |row| row.get::<_, i64>(1));
    if pages("NOOP")? >= LONG_LOG {
        pages("PASSIVE")?;
    }
    Ok(())
}

/// Copies what an earlier run has left in the log into the file. If the disk failed to confirm that log, or a new file's beginning, it can be
/// read all the same and be gone after a power cut, with all that was written behind it.
fn empty_log(connection: &mut Connection) -> Result<(), Cause> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    // a commit of nothing, since it is with the next one that the log's end is confirmed
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(connection.pragma_update(None, "user_version", version)?)
}

/// Which file has this name: device and number.
fn identity(file: &Path) -> io::Result<(u64, u64)> {
    let about = fs::metadata(file)?;
    Ok((about.dev(), about.ino()))
}

/// Bytes in a file; 0 where there is none.
fn length(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |file| file.len())
}

/// A name that SQLite takes for a file's, whatever it begins with.
fn absolute(file: &Path) -> Result<PathBuf, StoreError> {
    std::path::absolute(file).map_err(|why| Cause::from(why).at(file, None))
}

/// The file whose name is longer by `end`.
fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name: OsString = file.into();
    name.push(end);
    name.into()
}

/// Wall clock, milliseconds since 1970: it labels rows, and decides nothing.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
