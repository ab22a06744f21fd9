//! One bot at a time on a data directory: an exclusive flock(2) on `DIR/lock`, whose text is the holder's process id.
//!
//! The kernel frees it with the process, also after kill -9. The file is never deleted: a bot that had it open already would lock a file that
//! nobody else sees. A child does not inherit it, for the descriptor is closed on exec.

use super::FolderError;
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
    process::{Pid, test_kill_process},
};
use std::{
    fmt,
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
    process, thread,
    time::{Duration, Instant},
};

const NAME: &str = "lock";
/// A look by [`holder`] is over in microseconds; one that a busy machine has put to sleep in the middle is waited for so long.
const LOOK_LIMIT: Duration = Duration::from_millis(500);

/// The bot that holds a data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// Its process id; `None` where it has not written it yet, or where that is no process that we can see.
    pub pid: Option<u32>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "process {pid}"),
            None => f.write_str("its process id is not known"),
        }
    }
}

/// Who holds the directory; `None` where nobody does, or where there is no such directory. Makes nothing, and keeps no bot from starting.
///
/// # Errors
/// The lock can't be opened, or not be asked.
pub fn holder(folder: &Path) -> io::Result<Option<Holder>> {
    let file = match File::open(folder.join(NAME)) {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(cause),
    };
    // Shared, so that two looks at once are none of a bot, and a bot that starts can tell: see `lock`. Freed at the file's closing.
    Ok((!try_lock(&file, FlockOperation::NonBlockingLockShared)?).then(|| named_in(&file)))
}

/// The lock, until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock of the directory, or says who has it.
    pub(super) fn take(folder: &Path) -> Result<Self, FolderError> {
        let path = folder.join(NAME);
        let unusable = |cause| FolderError::unusable(&path, cause);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&path).map_err(unusable)?;
        if !lock(&file).map_err(unusable)? {
            return Err(FolderError::Held { path: folder.to_owned(), holder: named_in(&file) });
        }
        // The lock counts, its text is for people: a full disk is no reason to do without a bot.
        if let Err(cause) = write_pid(&file) {
            log::warn!("{}: the process id can't be written: {cause}", path.display());
        }
        Ok(Self { file })
    }
}

impl Drop for Lock {
    /// By word, not by the descriptor's closing alone: a child between its fork and its exec has a copy of that.
    fn drop(&mut self) {
        let _ = flock(&self.file, FlockOperation::NonBlockingUnlock);
    }
}

/// Takes the lock unless a bot has it. A look by [`holder`] is no bot: it lets us share the lock, which a bot never does.
fn lock(file: &File) -> io::Result<bool> {
    let begun = Instant::now();
    loop {
        if try_lock(file, FlockOperation::NonBlockingLockExclusive)? {
            return Ok(true);
        }
        if !try_lock(file, FlockOperation::NonBlockingLockShared)? || begun.elapsed() > LOOK_LIMIT {
            return Ok(false);
        }
        // Not kept: two bots that start at once would keep each other out.
        flock(file, FlockOperation::NonBlockingUnlock)?;
        thread::yield_now();
    }
}

fn try_lock(file: &File, operation: FlockOperation) -> io::Result<bool> {
    match flock(file, operation) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(cause) => Err(cause.into()),
    }
}

/// Over the old text and only then cut, so that whoever reads meanwhile finds one of the two, and a full disk has room for it.
fn write_pid(file: &File) -> io::Result<()> {
    let line = format!("{}\n", process::id());
    file.write_all_at(line.as_bytes(), 0)?;
    file.set_len(line.len() as u64)
}

/// Whom the first line names, where that process is there: in the moment after the lock was taken it still names the last one.
fn named_in(file: &File) -> Holder {
    let mut bytes = [0; 16];
    let length = file.read_at(&mut bytes, 0).unwrap_or(0);
    let line = bytes[..length].split(|byte| *byte == b'\n').next().unwrap_or_default();
    let number: Option<u32> = std::str::from_utf8(line).ok().and_then(|line| line.parse().ok());
    // No process id is negative, and the call that asks would not take it for one.
    let pid = number.and_then(|number| Pid::from_raw(number.try_into().ok()?));
    let lives = |pid: &Pid| test_kill_process(*pid) != Err(Errno::SRCH);
    Holder { pid: pid.filter(lives).map(|pid| pid.as_raw_pid().unsigned_abs()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, process::Command};

    fn text(folder: &Path) -> String {
        fs::read_to_string(folder.join(NAME)).unwrap()
    }

    fn own() -> Holder {
        Holder { pid: Some(process::id()) }
    }

    #[test]
    fn a_second_bot_is_told_at_once_who_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::take(folder.path()).unwrap();
        let begun = Instant::now();
        let refused = Lock::take(folder.path()).unwrap_err();
        assert!(matches!(&refused, FolderError::Held { path, holder } if path == folder.path() && *holder == own()));
        assert!(begun.elapsed() < LOOK_LIMIT, "it waited {:?}", begun.elapsed());
        let said = refused.to_string();
        assert!(said.contains(&format!("{} is held", folder.path().display())), "{said}");
        assert!(said.contains(&format!("process {}", process::id())), "{said}");
        drop(first);
        Lock::take(folder.path()).unwrap();
    }

    #[test]
    fn only_a_bot_that_holds_it_is_a_holder_and_a_look_makes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(holder(folder.path()).unwrap(), None);
        assert_eq!(holder(&folder.path().join("nowhere")).unwrap(), None);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "a look makes no lock");
        let lock = Lock::take(folder.path()).unwrap();
        assert_eq!(holder(folder.path()).unwrap(), Some(own()));
        assert_eq!(holder(folder.path()).unwrap(), Some(own()), "a look takes nothing away");
        drop(lock);
        assert_eq!(holder(folder.path()).unwrap(), None, "what is left in the file is no holder");
        assert_eq!(text(folder.path()), format!("{}\n", process::id()));
    }

    #[test]
    fn the_last_holders_text_is_replaced_whatever_its_length() {
        let folder = tempfile::tempdir().unwrap();
        for old in ["", "1\n", "1234567890\n", "99999999999999999999999999\n", "no number", "\u{0}\u{ff}"] {
            fs::write(folder.path().join(NAME), old).unwrap();
            let _lock = Lock::take(folder.path()).unwrap();
            assert_eq!(text(folder.path()), format!("{}\n", process::id()), "after {old:?}");
        }
    }

    #[test]
    fn a_process_that_is_not_there_is_named_by_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let _lock = Lock::take(folder.path()).unwrap();
        let mut ended = Command::new("true").spawn().unwrap();
        let gone = ended.id();
        ended.wait().unwrap();
        for old in [gone.to_string().as_str(), "", "0", "-1", "soon", "99999999999999999999"] {
            fs::write(folder.path().join(NAME), old).unwrap();
            assert_eq!(holder(folder.path()).unwrap(), Some(Holder { pid: None }), "{old:?}");
            let said = Lock::take(folder.path()).unwrap_err().to_string();
            assert!(said.contains("its process id is not known"), "{said}");
        }
    }

    #[test]
    fn a_child_does_not_inherit_it() {
        let folder = tempfile::tempdir().unwrap();
        let _lock = Lock::take(folder.path()).unwrap();
        let open = Command::new("sh").args(["-c", "ls -l /proc/$$/fd"]).output().unwrap().stdout;
        let open = String::from_utf8(open).unwrap();
        assert!(open.contains("pipe:"), "{open}");
        assert!(!open.contains(folder.path().to_str().unwrap()), "{open}");
    }

    #[test]
    fn a_bot_killed_by_minus_nine_leaves_no_stale_lock() {
        let folder = tempfile::tempdir().unwrap();
        drop(Lock::take(folder.path()).unwrap());
        let path = folder.path().join(NAME);
        let script = r#"exec 9<>"$1"; flock -n 9; echo $$ >"$1"; exec sleep 60"#;
        let mut bot = Command::new("sh").args(["-c", script, "sh"]).arg(&path).spawn().unwrap();
        let held = Some(Holder { pid: Some(bot.id()) });
        let begun = Instant::now();
        while holder(folder.path()).unwrap() != held && begun.elapsed() < Duration::from_secs(20) {
            thread::sleep(Duration::from_millis(5));
        }
        let refused = Lock::take(folder.path());
        bot.kill().unwrap();
        bot.wait().unwrap();
        assert!(matches!(refused, Err(FolderError::Held { holder, .. }) if Some(holder) == held));
        assert_eq!(holder(folder.path()).unwrap(), None);
        Lock::take(folder.path()).unwrap();
    }

    #[test]
    fn looks_keep_no_bot_from_starting() {
        let folder = tempfile::tempdir().unwrap();
        drop(Lock::take(folder.path()).unwrap());
        let over = std::sync::atomic::AtomicBool::new(false);
        let look = || {
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                holder(folder.path()).unwrap();
            }
        };
        thread::scope(|scope| {
            (0..2).for_each(|_| drop(scope.spawn(look)));
            let refused = (0..50).filter(|_| Lock::take(folder.path()).is_err()).count();
            over.store(true, std::sync::atomic::Ordering::Relaxed);
            assert_eq!(refused, 0);
        });
    }

    #[test]
    fn looks_take_each_other_for_no_bot() {
        let folder = tempfile::tempdir().unwrap();
        drop(Lock::take(folder.path()).unwrap());
        let look = || (0..5000).all(|_| holder(folder.path()).unwrap().is_none());
        thread::scope(|scope| {
            let looks = [scope.spawn(look), scope.spawn(look)];
            assert!(looks.into_iter().all(|look| look.join().unwrap()));
        });
    }

    #[test]
    fn of_many_that_start_at_once_one_has_it() {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..50 {
            let taken = thread::scope(|scope| {
                let bots: Vec<_> = (0..4).map(|_| scope.spawn(|| Lock::take(folder.path()).ok())).collect();
                bots.into_iter().filter_map(|bot| bot.join().unwrap()).collect::<Vec<_>>()
            });
            assert_eq!(taken.len(), 1);
        }
    }
}
