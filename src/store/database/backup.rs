//! A copy of a database that others may be writing.

use super::error::Cause;
use rusqlite::Connection;
use std::{
    ffi::OsString,
    fs::{self, File},
    path::{Path, PathBuf},
};

/// Copies the database to a new file as it was at one moment, and waits until the disk has the copy.
///
/// The name is taken at once, and the copy has another one until it is whole: a file of no length was not finished.
pub(super) fn copy(connection: &Connection, to: &Path) -> Result<(), Cause> {
    let to = std::path::absolute(to)?;
    File::create_new(&to)?;
    let copied = fill(connection, &to);
    if copied.is_err() {
        // what is left over holds nothing, and the error that is returned matters more
        let _ = (fs::remove_file(&to), fs::remove_file(part(&to)));
    }
    copied
}

fn fill(connection: &Connection, to: &Path) -> Result<(), Cause> {
    let part = part(to);
    connection.execute("VACUUM INTO ?1", [part.to_string_lossy()])?;
    File::open(&part)?.sync_all()?;
    fs::rename(&part, to)?;
    Ok(File::open(to.parent().unwrap_or(to))?.sync_all()?)
}

fn part(to: &Path) -> PathBuf {
    let mut name: OsString = to.into();
    name.push(".part");
    name.into()
}
