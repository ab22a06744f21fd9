//! `bot backup`: a copy of the account's memory, also while the bot runs.

use super::{log::zone, looking, signals::FAILURE, status::bytes};
use crate::{
    cli::Backup,
    run::log::format::stamp_at,
    store::{Database, Fault, StoreError, folder::DATABASE},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Writes the copy. What is said about it goes to stderr, since the result is the file.
///
/// # Errors
///
/// There is no account, or nothing can be written where the copy is to be. A disk that fails is exit code 1.
pub fn backup(wish: &Backup) -> Result<u8, String> {
    let (folder, database) = looking::open(&wish.whose)?;
    let to = std::path::absolute(&wish.file).map_err(|cause| format!("{}: {cause}", wish.file.display()))?;
    if to.symlink_metadata().is_ok() {
        return Err(format!("{}: is there already, and a backup replaces nothing: choose another name", to.display()));
    }
    match copy(&database, &to) {
        Ok(copied) => {
            told(&copied, &to, &folder).iter().for_each(|line| eprintln!("{line}"));
            Ok(0)
        }
        Err(error) => match error.fault {
            Fault::Io | Fault::ReadOnly => Err(error.to_string()),
            Fault::Full | Fault::Fsync | Fault::Corrupt | Fault::Newer { .. } | Fault::Busy | Fault::Broken => {
                eprintln!("bot: {error}");
                Ok(FAILURE)
            }
        },
    }
}

/// What is in a copy.
struct Copied {
    bytes: u64,
    /// The account's last commit: wall clock, milliseconds since 1970.
    saved_ms: Option<i64>,
}

/// Copies and reads back; a copy that can't be read is none.
fn copy(database: &Database, to: &Path) -> Result<Copied, StoreError> {
    database.backup(to)?;
    let read = Database::read(to).and_then(|copy| {
        copy.memory()?;
        Ok(Copied { bytes: copy.size(), saved_ms: copy.saved_ms()? })
    });
    if read.is_err() {
        let _ = fs::remove_file(to);
    }
    read
}

/// Where it is, and how to go back to it.
fn told(copied: &Copied, to: &Path, folder: &Path) -> Vec<String> {
    let saved = copied.saved_ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    let saved = saved.map_or_else(String::new, |at| format!(", the account as of {}", stamp_at(at, &zone::local().0)));
    let database = folder.join(DATABASE);
    let beside = |end: &str| quoted(&PathBuf::from(format!("{}{end}", database.display())));
    vec![
        format!("{} written: {}{saved}", to.display(), bytes(copied.bytes)),
        "To go back to it, stop the bot, then:".to_owned(),
        format!("  rm -f {} {}", beside("-wal"), beside("-shm")),
        format!("  cp {} {}", quoted(to), quoted(&database)),
    ]
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "/._-+,:@%".contains(char);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_to_go_back_can_be_pasted_into_a_shell() {
        let copied = Copied { bytes: 53_248, saved_ms: None };
        let want = [
            "/b/my copy.db written: 52 kB",
            "To go back to it, stop the bot, then:",
            "  rm -f /d/smolbear.db-wal /d/smolbear.db-shm",
            "  cp '/b/my copy.db' /d/smolbear.db",
        ];
        assert_eq!(told(&copied, Path::new("/b/my copy.db"), Path::new("/d")), want);
        for (path, want) in
            [("/a-b/c_1.db", "/a-b/c_1.db"), ("/$HOME", "'/$HOME'"), ("/it's", r"'/it'\''s'"), ("/ä", "'/ä'")]
        {
            assert_eq!(quoted(Path::new(path)), want);
        }
    }
}
