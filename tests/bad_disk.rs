//! A disk that refuses the account's memory: the bot says what happened and where, trades on, saves all of it once the disk takes it again, and
//! says at the end what it could not save. A disk that may have lied ends the run.

use crate::common::{Ended, Running, bot};
use rusqlite::Connection;
use rustix::process::{Resource, Rlimit, Signal, prlimit};
use smolbear::{
    market::Timestamp,
    store::{Database, journal::list},
};
use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;

const FULL: &str = "smolbear.db: File too large (os error 27)";
const AGAIN: &str = "The account's memory is saved again";

/// A folder with an account in it.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn database(&self) -> PathBuf {
        self.data().join("smolbear.db")
    }

    /// A bot on it that trades several times a second.
    fn bot(&self) -> Command {
        bot(&["--paper", "--speed", "100000", "--data-dir", self.data().to_str().unwrap()])
    }

    fn run(&self) -> Ended {
        Running::start(self.bot().args(["--duration", "1"])).end()
    }

    /// The trades in it.
    fn trades(&self) -> usize {
        Database::read(&self.database()).unwrap().trades(Timestamp(i64::MIN)).unwrap().len()
    }
}

/// A bot that has traded.
fn trading(command: &mut Command) -> Running {
    let mut running = Running::start(command);
    running.wait_for("-HIT]");
    running
}

fn limit_files(running: &Running, bytes: Option<u64>) {
    prlimit(Some(running.pid()), Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}

fn stop(running: Running) -> Ended {
    running.signal(Signal::TERM);
    running.end()
}

/// Trades that the log tells of.
fn told(ended: &Ended) -> usize {
    ended.with("-HIT]").count()
}

/// The disk refuses and, where `repair` is given, takes again: what is said of it, and what is in the memory in the end.
fn refused(mut running: Running, why: &str, repair: impl FnOnce(&Running)) -> Ended {
    running.wait_for(&format!("{why}; the account's memory is not saved, tried again "));
    running.wait_for("(not saved: ");
    running.wait_for("-HIT]");
    repair(&running);
    running.wait_for(AGAIN);
    running.wait_for("-HIT]");
    let ended = stop(running);
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout());
    let health = ended.with("degraded (").next().unwrap_or_else(|| panic!("never degraded:\n{}", ended.stdout()));
    assert!(health.text.contains("not saved: /") && health.text.contains(why), "{}", health.text);
    ended
}

#[test]
fn a_file_that_may_not_grow_is_said_and_saved_later_and_its_signal_kills_nobody() {
    for ignored in [false, true] {
        let place = Place::new();
        let mut command = place.bot();
        if ignored {
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(command.get_program()).args(command.get_args());
            command = shell;
            command.env_clear().env("TZ", "UTC").stdin(Stdio::null());
        }
        let running = trading(&mut command);
        limit_files(&running, Some(0));
        let ended = refused(running, FULL, |running| limit_files(running, None));
        assert_eq!(place.trades(), told(&ended), "each trade is saved, and once");
    }
}

#[test]
fn what_could_not_be_saved_is_told_at_the_end_and_the_next_run_goes_on_before_it() {
    let place = Place::new();
    let mut running = trading(&mut place.bot());
    running.wait_for("-HIT]");
    limit_files(&running, Some(0));
    running.wait_for("the account's memory is not saved");
    running.wait_for("-HIT]");
    let ended = stop(running);
    assert_eq!(ended.code(), Some(1), "{}", ended.stdout());
    let said = ended.stderr.trim_end();
    assert!(said.starts_with("bot: not saved: the last state of the account, "), "{said}");
    assert!(said.ends_with(&format!(" ({}: File too large (os error 27))", place.database().display())), "{said}");
    assert!(!ended.last().contains("cleanly"), "{}", ended.last());
    let lost = said.split(", ").find(|part| part.contains(" trade")).unwrap();
    let lost: usize = lost.split(' ').next().unwrap().parse().unwrap();
    assert!(lost >= 1 && place.trades() + lost == told(&ended), "{lost} of {}, {} saved", told(&ended), place.trades());
    let next = place.run();
    assert_eq!((next.code(), next.stderr.as_str()), (Some(0), ""), "{}", next.stdout());
    assert_eq!(next.with("Resumed: ").count(), 1);
}

#[test]
fn a_bot_that_cannot_write_its_memory_does_not_start() {
    let place = Place::new();
    let mut shell = Command::new("/bin/sh");
    let command = place.bot();
    shell.args(["-c", "ulimit -f 8; exec \"$0\" \"$@\""]).arg(command.get_program()).args(command.get_args());
    let ended = Running::start(shell.env_clear().stdin(Stdio::null())).end();
    let said = format!("bot: {}: File too large (os error 27)\n", place.database().display());
    assert_eq!((ended.code(), ended.stderr), (Some(1), said), "a later start may be lucky");
    assert_eq!(place.run().code(), Some(0));
}

#[test]
fn a_database_that_somebody_holds_or_takes_away_is_missed_until_it_is_back() {
    let place = Place::new();
    let running = trading(&mut place.bot());
    let other = Connection::open(place.database()).unwrap();
    other.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let ended = refused(running, "smolbear.db: database is locked", |_| other.execute_batch("ROLLBACK").unwrap());
    drop(other);
    let first = told(&ended);
    assert_eq!(place.trades(), first);

    let (data, elsewhere) = (place.data(), place.folder.path().join("elsewhere"));
    let running = trading(&mut place.bot());
    fs::rename(&data, &elsewhere).unwrap();
    let ended = refused(running, "smolbear.db: No such file or directory (os error 2)", |_| {
        fs::rename(&elsewhere, &data).unwrap();
    });
    assert_eq!(place.trades(), first + told(&ended));
}

#[test]
fn a_journal_that_cannot_be_written_stops_nothing() {
    let place = Place::new();
    let mut running = trading(&mut place.bot());
    let journal = place.data().join("journal");
    fs::rename(&journal, place.data().join("taken")).unwrap();
    fs::write(&journal, "no folder").unwrap();
    let line = running.wait_for("; the journal has a hole, a new segment begins in 60 s");
    assert!(line.text.contains(".seg: Not a directory (os error 20)"), "{}", line.text);
    running.wait_for("-HIT]");
    let ended = stop(running);
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(place.trades(), told(&ended), "money is saved all the same");
}

#[test]
#[cfg(debug_assertions)]
fn a_disk_that_confirms_nothing_ends_the_run_and_the_next_one_goes_on() {
    let place = Place::new();
    let ended = Running::start(place.bot().env("SMOLBEAR_HOOK", "fsync:30")).end();
    let why = format!("{}: fsync: Input/output error (os error 5)", place.database().display());
    assert_eq!(ended.code(), Some(70), "{}", ended.stdout());
    assert!(
        ended.stderr.starts_with(&format!("bot: {why}: ended, since what was written may be lost")),
        "{}",
        ended.stderr
    );
    let next = place.run();
    assert_eq!((next.code(), next.stderr.as_str()), (Some(0), ""), "{}", next.stdout());
    assert_eq!(next.with("Resumed: ").count(), 1, "{}", next.stdout());
}

/// Runs the program as nobody, from a place where everybody may run it; `None` where this user may not.
fn as_nobody(place: &Place, more: &[&str]) -> Option<Command> {
    let program = place.folder.path().join("bot");
    fs::set_permissions(place.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    if !program.exists() {
        fs::copy(crate::common::BOT, &program).unwrap();
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    let may = Command::new("setpriv").args(command.get_args()).arg(&program).arg("--version").output();
    if !may.is_ok_and(|output| output.status.success()) {
        eprintln!("passed over: this user can't become another one");
        return None;
    }
    let bot = place.bot();
    command.arg(&program).args(bot.get_args()).args(more).env_clear().env("TZ", "UTC").stdin(Stdio::null());
    Some(command)
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn give_to_nobody(path: &Path) {
    std::os::unix::fs::chown(path, Some(65534), Some(65534)).unwrap();
}

#[test]
fn what_belongs_to_somebody_else_is_named_at_the_start() {
    let place = Place::new();
    let Some(mut command) = as_nobody(&place, &["--duration", "1"]) else { return };
    fs::create_dir(place.data()).unwrap();
    let start = |command: &mut Command| {
        let ended = Running::start(command).end();
        (ended.code(), ended.stderr)
    };
    let denied = |path: &Path| format!("{}: Permission denied (os error 13)\n", path.display());
    let said = format!("bot: the data directory can't be used: {}", denied(&place.data()));
    assert_eq!(start(&mut command), (Some(2), said));
    // ours, but for the file that root's run has made
    assert_eq!(place.run().code(), Some(0));
    for path in [place.data(), place.data().join("lock"), place.data().join("journal")] {
        give_to_nobody(&path);
    }
    chmod(&place.database(), 0o644);
    assert_eq!(start(&mut command), (Some(2), format!("bot: {}", denied(&place.database()))));
    give_to_nobody(&place.database());
    for log in ["smolbear.db-wal", "smolbear.db-shm"].map(|name| place.data().join(name)) {
        assert_eq!(start(&mut command), (Some(2), format!("bot: {}", denied(&log))));
        give_to_nobody(&log);
    }
    assert_eq!(start(&mut command), (Some(0), String::new()));
}

#[test]
fn a_folder_that_becomes_read_only_costs_the_journal_first_and_the_next_start() {
    let place = Place::new();
    let Some(mut command) = as_nobody(&place, &[]) else { return };
    fs::create_dir(place.data()).unwrap();
    give_to_nobody(&place.data());
    let mut running = trading(&mut command);
    [place.data(), place.data().join("journal")].iter().for_each(|folder| chmod(folder, 0o555));
    let line = running.wait_for("; the journal has a hole");
    assert!(line.text.contains(".seg: Permission denied (os error 13)"), "{}", line.text);
    running.wait_for("-HIT]");
    let ended = stop(running);
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""), "files that are open can be written");
    let next = Running::start(&mut command).end();
    let said =
        format!("bot: the data directory can't be used: {}: Permission denied (os error 13)\n", place.data().display());
    assert_eq!((next.code(), next.stderr), (Some(2), said));
    [place.data(), place.data().join("journal")].iter().for_each(|folder| chmod(folder, 0o755));
    assert_eq!(place.trades(), told(&ended));
    let next = stop(trading(&mut command));
    assert_eq!((next.code(), next.with("Resumed: ").count()), (Some(0), 1), "{}", next.stdout());
}

/// A bot whose account is on a small disk of its own, which is gone with the bot; `None` where this user may not have one.
fn on_a_small_disk(place: &Place, megabytes: u32) -> Option<Command> {
    let unshare = ["--map-root-user", "--mount", "/bin/sh", "-c"];
    let mount = format!("mount -t tmpfs -o size={megabytes}m none {}", place.data().display());
    fs::create_dir_all(place.data()).unwrap();
    let may = Command::new("unshare").args(unshare).arg(&mount).output();
    if !may.is_ok_and(|output| output.status.success()) {
        eprintln!("passed over: this user can't mount a disk");
        return None;
    }
    let bot = place.bot();
    let mut command = Command::new("unshare");
    command.args(unshare).arg(format!("{mount} && exec \"$0\" \"$@\"")).arg(bot.get_program()).args(bot.get_args());
    command
        .env_clear()
        .env("HOME", crate::common::home_without_limits())
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("TZ", "UTC")
        .stdin(Stdio::null());
    Some(command)
}

#[test]
fn on_a_small_disk_the_oldest_journal_makes_room_and_where_that_is_not_enough_it_is_said() {
    let place = Place::new();
    let Some(mut command) = on_a_small_disk(&place, 2) else { return };
    let mut running = trading(&mut command);
    let data = PathBuf::from(format!("/proc/{}/root{}", running.child.id(), place.data().display()));
    let mut filler = fs::File::create(data.join("filler")).unwrap();
    while filler.write(&[7; 4096]).is_ok_and(|bytes| bytes > 0) {}
    running.wait_for("smolbear.db: No space left on device (os error 28); the account's memory is not saved");
    running.wait_for("-HIT]");
    filler.set_len(0).unwrap();
    running.wait_for(AGAIN);

    // the journal of a few days has no room beside that
    let before = running.seen.len();
    while list(&data.join("journal")).unwrap()[0].0.number < 2 {
        running.wait_for("-HIT]");
    }
    assert!(running.seen.iter().any(|line| line.text.contains("The disk is nearly full")));
    let refused = running.seen[before..].iter().find(|line| line.text.contains("No space left"));
    assert!(refused.is_none(), "{refused:?}");
    let ended = stop(running);
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout());
}
