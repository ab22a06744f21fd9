//! A bot that freezes or dies is noticed from outside: the real binary under `--auto-restart`, and under systemd's watchdog.

#![allow(clippy::unwrap_used)]

use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

/// For whatever must happen at all; what must happen soon says so itself.
const LIMIT: Duration = Duration::from_secs(30);
/// What the bot logs in each of its loops.
const LOOP_LINE: &str = "🔄 Processing";
/// How a child is told of the one before it.
const LAST_END: &str = "SMOLBEAR_LAST_END";

/// A bot with its output in files. Its end takes every process with it.
struct Launched {
    folder: tempfile::TempDir,
    process: Child,
}

impl Launched {
    fn new(args: &[&str]) -> Self {
        Self::with(args, |_| {})
    }

    fn with(args: &[&str], change: impl FnOnce(&mut Command)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("bot.toml");
        fs::write(&config, "[supervisor]\nfreeze_after_s = 2\n").unwrap();
        let file = |name| fs::File::create(folder.path().join(name)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_bot"));
        command.arg("--paper").arg("--config").arg(config).args(args).current_dir(folder.path());
        command.env_clear().env("RUST_LOG", "info").env("TZ", "UTC").stdout(file("out")).stderr(file("err"));
        change(&mut command);
        Self { process: command.spawn().unwrap(), folder }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    fn log(&self) -> String {
        let read = |name| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        read("out") + &read("err")
    }

    /// The child that the supervisor watches now, once `runs` of them have come to trade.
    fn child_of_run(&self, runs: usize) -> Pid {
        let trading = || self.log().matches("Production trading loop active").count() >= runs;
        self.wait_for("a run that trades", || trading().then(|| child_of(self.pid())).flatten())
    }

    fn wait_for<T>(&self, what: &str, mut found: impl FnMut() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = found() {
                return found;
            }
            assert!(start.elapsed() < LIMIT, "waited in vain for {what}; the log:\n{}", self.log());
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn exit_code(&mut self) -> Option<i32> {
        let start = Instant::now();
        while start.elapsed() < LIMIT {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.code();
            }
            thread::sleep(Duration::from_millis(2));
        }
        panic!("it did not end; the log:\n{}", self.log())
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        let child = child_of(self.pid());
        let running = matches!(self.process.try_wait(), Ok(None));
        for pid in child.into_iter().chain(running.then(|| self.pid())) {
            let _ = kill_process(pid, Signal::KILL);
        }
        let _ = self.process.wait();
    }
}

/// The fields of `/proc/PID/stat` after the name: state, parent, …
fn stat(pid: &str) -> Option<(char, i32)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

fn state(pid: Pid) -> Option<char> {
    stat(&pid.to_string()).map(|(state, _)| state)
}

/// Ended: no such process, or one that only waits to be collected.
fn is_gone(pid: Pid) -> bool {
    state(pid).is_none_or(|state| matches!(state, 'Z' | 'X'))
}

/// From the environment that the process was started with.
fn variable_of(pid: Pid, name: &str) -> Option<String> {
    let environment = fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
    environment.split('\0').find_map(|variable| Some(variable.strip_prefix(name)?.strip_prefix('=')?.to_owned()))
}

fn child_of(parent: Pid) -> Option<Pid> {
    let names = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    names
        .filter(|name| stat(name).is_some_and(|(state, of)| of == parent.as_raw_pid() && state != 'Z'))
        .find_map(|name| Pid::from_raw(name.parse().ok()?))
}

fn send(pid: Pid, signal: Signal) {
    kill_process(pid, signal).unwrap();
}

#[test]
fn a_frozen_bot_is_killed_and_started_again() {
    let bot = Launched::with(&["--auto-restart", "--restart-delay", "1"], |command| {
        command.env(LAST_END, "1 frozen for 99 s");
    });
    let frozen = bot.child_of_run(1);
    assert_eq!(variable_of(frozen, LAST_END), None, "what it finds in its environment is about another bot");
    send(frozen, Signal::STOP);
    bot.wait_for("state T", || (state(frozen) == Some('T')).then_some(()));
    let next = bot.child_of_run(2);
    assert_ne!(next, frozen);
    assert!(is_gone(frozen));
    let told = variable_of(next, LAST_END).unwrap();
    assert!(told.starts_with(&format!("{frozen} frozen for ")) && told.ends_with(" s"), "{told}");
    let log = bot.log();
    assert!(log.contains("Supervisor: no progress since "), "{log}");
    assert!(log.contains("killing the bot and starting it again"), "{log}");
    assert!(log.contains("Supervisor: the bot ended: frozen; starting it again in 1 s (restart 1 of 1000)"), "{log}");
}

#[test]
fn a_killed_bot_is_started_again() {
    let bot = Launched::new(&["--auto-restart", "--restart-delay", "1"]);
    let killed = bot.child_of_run(1);
    send(killed, Signal::KILL);
    assert_ne!(bot.child_of_run(2), killed);
    assert!(bot.log().contains("the bot ended: killed by SIGKILL; starting it again"), "{}", bot.log());
}

#[test]
fn used_up_restarts_end_it_with_1() {
    let mut bot = Launched::new(&["--auto-restart", "--restart-delay", "1", "--max-restarts", "1"]);
    for run in 1..=2 {
        send(bot.child_of_run(run), Signal::KILL);
    }
    assert_eq!(bot.exit_code(), Some(1));
    let log = bot.log();
    assert!(log.contains("Supervisor: not starting it again: 1 restarts are used up"), "{log}");
}

#[test]
fn a_signal_to_the_supervisor_ends_both_within_a_second() {
    for (signal, args, code) in [
        (Signal::TERM, &["--auto-restart"][..], 0),
        (Signal::INT, &["--auto-restart"], 0),
        (Signal::TERM, &["--auto-restart", "--duration", "600"], 143),
        (Signal::INT, &["--auto-restart", "--duration", "600"], 130),
        (Signal::HUP, &["--auto-restart", "--duration", "600"], 129),
    ] {
        let mut bot = Launched::new(args);
        let child = bot.child_of_run(1);
        let start = Instant::now();
        send(bot.pid(), signal);
        assert_eq!(bot.exit_code(), Some(code), "{signal:?} {args:?}");
        assert!(start.elapsed() < Duration::from_secs(1), "{signal:?}: {:?}", start.elapsed());
        assert!(is_gone(child), "no orphan after {signal:?}");
        let log = bot.log();
        assert_eq!(log.matches("Production trading loop active").count(), 1, "{log}");
        assert!(log.contains("so the bot stops and is not started again"), "it says why: {log}");
    }
}

#[test]
fn a_signal_to_the_child_is_its_own_end() {
    for infinite in [&["--auto-restart"][..], &["--auto-restart", "--infinite"]] {
        let mut bot = Launched::new(infinite);
        send(bot.child_of_run(1), Signal::TERM);
        assert_eq!(bot.exit_code(), Some(0));
        assert!(bot.log().contains("Supervisor: not starting it again: it was asked to stop"), "{}", bot.log());
    }
}

#[test]
fn the_supervisors_death_ends_the_child() {
    let mut bot = Launched::new(&["--auto-restart"]);
    let child = bot.child_of_run(1);
    send(bot.pid(), Signal::KILL);
    assert_eq!(bot.exit_code(), None, "killed by a signal");
    let start = Instant::now();
    while !is_gone(child) {
        assert!(start.elapsed() < Duration::from_secs(2), "an orphan goes on:\n{}", bot.log());
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_supervisor_that_slept_accuses_nobody() {
    let bot = Launched::new(&["--auto-restart", "--restart-delay", "1"]);
    let child = bot.child_of_run(1);
    for signal in [Signal::STOP, Signal::CONT] {
        send(bot.pid(), signal);
        send(child, signal);
        // Twice the silence that would be too long, and then time to act on it.
        thread::sleep(Duration::from_secs(4));
    }
    assert!(!is_gone(child), "{}", bot.log());
    assert!(!bot.log().contains("no progress since"), "{}", bot.log());
}

#[test]
fn a_duration_ends_both_and_nothing_is_started_again() {
    let mut bot = Launched::new(&["--auto-restart", "--infinite", "--duration", "2"]);
    let start = Instant::now();
    assert_eq!(bot.exit_code(), Some(0), "{}", bot.log());
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    let log = bot.log();
    assert_eq!(log.matches("Production trading loop active").count(), 1, "{log}");
    assert!(log.trim_end().lines().last().is_some_and(|line| line.contains("Stopped cleanly")), "{log}");
}

/// A service manager's socket.
struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Manager {
    fn new(folder: &Path) -> Self {
        let path = folder.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        Self { socket, path }
    }

    /// The next message that is `wanted`, after others.
    fn hears(&self, wanted: &str) {
        let mut buffer = [0; 256];
        let start = Instant::now();
        while start.elapsed() < LIMIT {
            let length = self.socket.recv(&mut buffer).unwrap_or_else(|error| panic!("no {wanted}: {error}"));
            if String::from_utf8_lossy(&buffer[..length]).lines().any(|line| line == wanted) {
                return;
            }
        }
        panic!("no {wanted} within {LIMIT:?}");
    }
}

#[test]
fn systemd_hears_ready_and_then_the_watchdogs_food() {
    for args in [&[][..], &["--auto-restart"]] {
        let folder = tempfile::tempdir().unwrap();
        let manager = Manager::new(folder.path());
        let mut bot = Launched::with(args, |command| {
            command.env("NOTIFY_SOCKET", &manager.path).env("WATCHDOG_USEC", "2000000");
        });
        for message in ["READY=1", "WATCHDOG=1", "WATCHDOG=1"] {
            manager.hears(message);
        }
        bot.wait_for("the first loop", || bot.log().contains(LOOP_LINE).then_some(()));
        if let Some(child) = child_of(bot.pid()) {
            let environment = fs::read(format!("/proc/{child}/environ")).unwrap();
            let environment = String::from_utf8_lossy(&environment);
            assert!(environment.contains("SMOLBEAR_SUPERVISOR="), "{environment}");
            assert!(!environment.contains("NOTIFY_SOCKET"), "the socket is the main process's: {environment}");
        }
        send(bot.pid(), Signal::TERM);
        manager.hears("STOPPING=1");
        assert_eq!(bot.exit_code(), Some(0), "{args:?}");
    }
}
