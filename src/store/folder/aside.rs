//! Moves database and journal out of the way, whole and never over anything.
//!
//! Each rename is atomic, all of them together are not, and a `-wal` that is read beside another database than its own destroys it. So:
//!
//! 1. `old/NAME.part` is made, empty.
//! 2. The database is renamed into it: from here on the move has happened, and is only unfinished.
//! 3. `-wal`, `-shm` and journal follow.
//! 4. `old/NAME.part` is renamed to `old/NAME`.
//!
//! The folders are synced between the steps, so that a power cut leaves them in this order too. A crash before 2 leaves everything in its place,
//! and an empty folder that the next start deletes. A crash after it leaves a directory without a database but perhaps with a `-wal`,
//! which must get no new database; nobody makes one, for [`finish`] runs under the lock before anything is opened, and goes on with 3. If a
//! database is there all the same, whoever made it, then what lies beside it is its own and stays.

use super::{DATABASE, JOURNAL, sync_folder};
use jiff::Timestamp;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The folder of what was set aside, in a data directory.
pub const OLD: &str = "old";
/// How the name of an unfinished one ends.
const PART: &str = ".part";
/// What goes with the database. The order counts: see above.
const COMPANIONS: [&str; 3] = ["smolbear.db-wal", "smolbear.db-shm", JOURNAL];
/// Longest reason in a name.
const WHY_LENGTH: usize = 40;

/// How a name is moved, so that tests can crash there.
type Rename<'a> = &'a dyn Fn(&Path, &Path) -> io::Result<()>;

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// Moves all of it into a folder with this time and reason, and returns its path; `None` where there is nothing.
pub(super) fn set_aside(folder: &Path, why: &str, now_ms: i64) -> io::Result<Option<PathBuf>> {
    // One that failed in this process, as far as it came.
    finish(folder)?;
    set_aside_by(&rename, folder, &name(why, now_ms))
}

/// Ends what a crash cut short. To be called before anything in the directory is opened.
pub(super) fn finish(folder: &Path) -> io::Result<()> {
    for part in unfinished(&folder.join(OLD))? {
        if fs::read_dir(&part)?.next().is_none() {
            fs::remove_dir(&part)?;
        } else {
            let whole = complete(&rename, folder, &part)?;
            log::warn!("What was being set aside when a run ended is now in {}", whole.display());
        }
    }
    Ok(())
}

fn unfinished(old: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(old) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    Ok(paths.into_iter().filter(|path| stem(path).is_some() && path.is_dir()).collect())
}

fn set_aside_by(rename: Rename, folder: &Path, name: &str) -> io::Result<Option<PathBuf>> {
    if !there(folder, DATABASE) && COMPANIONS.iter().all(|name| !there(folder, name)) {
        return Ok(None);
    }
    let old = folder.join(OLD);
    if !there(folder, OLD) {
        fs::create_dir(&old)?;
        sync_folder(folder)?;
    }
    let part = old.join(free_name(&old, name) + PART);
    fs::create_dir(&part)?;
    sync_folder(&old)?;
    if there(folder, DATABASE) {
        shift(rename, folder, &part, &[DATABASE])?;
    }
    complete(rename, folder, &part).map(Some)
}

/// Steps 3 and 4.
fn complete(rename: Rename, folder: &Path, part: &Path) -> io::Result<PathBuf> {
    if !there(folder, DATABASE) {
        let left: Vec<&str> = COMPANIONS.into_iter().filter(|name| there(folder, name)).collect();
        shift(rename, folder, part, &left)?;
    }
    let old = folder.join(OLD);
    let whole = old.join(free_name(&old, stem(part).unwrap_or_default()));
    rename(part, &whole)?;
    sync_folder(&old)?;
    Ok(whole)
}

/// Moves these from one folder to the other, and makes that durable. The new place first: a name in both is better than one in neither.
fn shift(rename: Rename, from: &Path, to: &Path, names: &[&str]) -> io::Result<()> {
    names.iter().try_for_each(|name| rename(&from.join(name), &to.join(name)))?;
    sync_folder(to)?;
    sync_folder(from)
}

/// What an unfinished one will be called.
fn stem(part: &Path) -> Option<&str> {
    part.file_name()?.to_str()?.strip_suffix(PART)
}

/// Also a link that leads nowhere is there.
fn there(folder: &Path, name: &str) -> bool {
    folder.join(name).symlink_metadata().is_ok()
}

/// `20261124T161523Z-corrupt`: sorted by name they are sorted by time.
fn name(why: &str, now_ms: i64) -> String {
    let at = Timestamp::from_millisecond(now_ms).unwrap_or_default().strftime("%Y%m%dT%H%M%SZ");
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let why: String = why.chars().map(plain).take(WHY_LENGTH).collect();
    match why.trim_matches('-') {
        "" => at.to_string(),
        why => format!("{at}-{why}"),
    }
}

/// The name, or with a number where that is taken.
fn free_name(old: &Path, name: &str) -> String {
    let numbered = (2..).map(|number: u32| format!("{name}-{number}"));
    std::iter::once(name.to_owned()).chain(numbered).find(|name| !there(old, name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;
    use std::cell::Cell;

    const NOW_MS: i64 = 1_795_536_923_456;

    /// A data directory after a kill: ten rows, all of them in the -wal, and a journal.
    fn killed() -> tempfile::TempDir {
        let (folder, live) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let database = Connection::open(live.path().join(DATABASE)).unwrap();
        database.pragma_update(None, "journal_mode", "wal").unwrap();
        database.execute_batch("CREATE TABLE money (usdt)").unwrap();
        database.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        (0..10).for_each(|_| assert_eq!(database.execute("INSERT INTO money VALUES (1)", ()).unwrap(), 1));
        for name in [DATABASE, COMPANIONS[0], COMPANIONS[1]] {
            fs::copy(live.path().join(name), folder.path().join(name)).unwrap();
        }
        fs::create_dir(folder.path().join(JOURNAL)).unwrap();
        fs::write(folder.path().join("journal/1.seg"), "events").unwrap();
        fs::write(folder.path().join("lock"), "1\n").unwrap();
        folder
    }

    /// The rows of a database with its -wal; 0 where there is none, which opening makes.
    fn rows(folder: &Path) -> i64 {
        let database = Connection::open(folder.join(DATABASE)).unwrap();
        database.execute_batch("CREATE TABLE IF NOT EXISTS money (usdt)").unwrap();
        database.query_row("SELECT count(*) FROM money", (), |row| row.get(0)).unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn all_of_it_is_moved_and_the_path_says_when_and_why() {
        let folder = killed();
        let aside = set_aside(folder.path(), "corrupt", NOW_MS).unwrap().unwrap();
        assert_eq!(aside, folder.path().join("old/20261124T161523Z-corrupt"));
        assert_eq!(names(folder.path()), ["lock", "old"]);
        assert_eq!(names(&aside), ["journal", "smolbear.db", "smolbear.db-shm", "smolbear.db-wal"]);
        assert_eq!(fs::read(aside.join("journal/1.seg")).unwrap(), b"events");
        assert_eq!((rows(&aside), rows(folder.path())), (10, 0));
    }

    #[test]
    fn nothing_is_ever_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let mut made = Vec::new();
        for content in ["a", "b", "c"] {
            fs::write(folder.path().join(DATABASE), content).unwrap();
            made.push(set_aside(folder.path(), "fresh", NOW_MS).unwrap().unwrap());
        }
        let old = names(&folder.path().join(OLD));
        assert_eq!(old, ["", "-2", "-3"].map(|number| format!("20261124T161523Z-fresh{number}")));
        for (path, content) in made.iter().zip(["a", "b", "c"]) {
            assert_eq!(fs::read_to_string(path.join(DATABASE)).unwrap(), content);
        }
    }

    #[test]
    fn where_there_is_nothing_nothing_is_made() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(set_aside(folder.path(), "fresh", NOW_MS).unwrap(), None);
        assert_eq!(names(folder.path()), [""; 0]);
        for only in COMPANIONS {
            fs::write(folder.path().join(only), "left").unwrap();
            let aside = set_aside(folder.path(), "fresh", NOW_MS).unwrap().unwrap();
            assert_eq!(names(&aside), [only], "a database that was deleted by hand takes the rest with it");
        }
    }

    #[test]
    fn a_reason_becomes_part_of_a_name() {
        for (why, want) in [
            ("fresh", "20261124T161523Z-fresh"),
            ("", "20261124T161523Z"),
            ("/../", "20261124T161523Z"),
            ("Another account: binance/USDT", "20261124T161523Z-another-account--binance-usdt"),
            (&"x".repeat(300), &format!("20261124T161523Z-{}", "x".repeat(40))),
        ] {
            assert_eq!(name(why, NOW_MS), want);
        }
        assert_eq!(name("early", i64::MIN), "19700101T000000Z-early");
    }

    /// Sets aside and crashes before the rename of this number. Returns how many renames there were.
    fn crashed(folder: &Path, before: usize) -> usize {
        let count = Cell::new(0);
        let crashing = |from: &Path, to: &Path| {
            if count.get() == before {
                return Err(io::Error::other("crash"));
            }
            count.set(count.get() + 1);
            rename(from, to)
        };
        assert_eq!(set_aside_by(&crashing, folder, "x").is_err(), before < 5, "{before}");
        count.get()
    }

    #[test]
    fn a_crash_between_two_renames_never_parts_a_database_from_its_wal() {
        for before in 0..=5 {
            let folder = killed();
            assert_eq!(crashed(folder.path(), before), before);
            finish(folder.path()).unwrap();
            let old = folder.path().join(OLD);
            if before == 0 {
                assert_eq!(names(&old), [""; 0], "it has not begun");
                assert_eq!(rows(folder.path()), 10);
                continue;
            }
            assert_eq!(names(folder.path()), ["lock", "old"], "crash before rename {before}");
            assert_eq!(names(&old), ["x"]);
            assert_eq!(names(&old.join("x")).len(), 4);
            assert_eq!((rows(&old.join("x")), rows(folder.path())), (10, 0), "crash before rename {before}");
        }
    }

    #[test]
    fn a_crash_while_a_crash_is_mended_is_mended_too() {
        for (first, second) in (1..5).flat_map(|first| (first..5).map(move |second| (first, second))) {
            let folder = killed();
            crashed(folder.path(), first);
            let count = Cell::new(first);
            let crashing = |from: &Path, to: &Path| {
                if count.replace(count.get() + 1) == second { Err(io::Error::other("crash")) } else { rename(from, to) }
            };
            let old = folder.path().join(OLD);
            complete(&crashing, folder.path(), &old.join("x.part")).unwrap_err();
            finish(folder.path()).unwrap();
            finish(folder.path()).unwrap();
            assert_eq!((names(&old), rows(&old.join("x"))), (vec!["x".to_owned()], 10), "{first} {second}");
        }
    }

    #[test]
    fn a_database_that_is_there_keeps_what_lies_beside_it() {
        let folder = killed();
        let part = folder.path().join("old/x.part");
        fs::create_dir_all(&part).unwrap();
        fs::write(part.join(DATABASE), "another").unwrap();
        fs::create_dir(folder.path().join("old/x")).unwrap();
        finish(folder.path()).unwrap();
        assert_eq!(rows(folder.path()), 10);
        assert_eq!(names(&folder.path().join(OLD)), ["x", "x-2"]);
        assert_eq!(fs::read_to_string(folder.path().join("old/x-2/smolbear.db")).unwrap(), "another");
    }

    #[test]
    fn one_that_failed_is_ended_by_the_next() {
        let folder = killed();
        crashed(folder.path(), 2);
        assert_eq!(set_aside(folder.path(), "fresh", NOW_MS).unwrap(), None, "nothing is left");
        assert_eq!(rows(&folder.path().join("old/x")), 10);
    }
}
