//! The log cannot stop the bot: whatever becomes of its stdout, the loop goes on, a stop is heard, and what was lost is counted.

use crate::common::{BOT, LIMIT, home_without_limits};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{Mode, OFlags, mkfifoat, open},
    io::{ioctl_fionbio, read, write},
    net::{AddressFamily, SocketFlags, SocketType, socketpair, sockopt::set_socket_send_buffer_size},
    pipe::{PipeFlags, fcntl_setpipe_size, pipe_with},
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read},
    os::{fd::OwnedFd, unix::net::UnixDatagram},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

/// Lines enough to fill any buffer within a second or two, and a trade each few milliseconds.
const SPEED: &str = "720000";
const LOST: &str = "lost: the log could not be written";
/// For how long the loop is watched while its log is held up.
const WATCHED: Duration = Duration::from_secs(1);
const CTRL_S: &[u8] = b"\x13";
const CTRL_Q: &[u8] = b"\x11";

/// A bot that writes much, with a service manager that hears each sign of its loop's progress.
struct Bot {
    child: Child,
    folder: tempfile::TempDir,
    manager: UnixDatagram,
}

impl Bot {
    fn start(stdout: impl Into<Stdio>, args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let notify = folder.path().join("notify");
        let manager = UnixDatagram::bind(&notify).unwrap();
        let mut command = Command::new(BOT);
        command.args(["--paper", "--debug", "--speed", SPEED, "--out", "out"]).args(args).current_dir(folder.path());
        command.env_clear().env("TZ", "UTC").env("HOME", home_without_limits()).env("HEALTH_CHECK_INTERVAL", "1");
        command.env("NOTIFY_SOCKET", &notify).env("WATCHDOG_USEC", "100000");
        let child = command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
        Self { child, folder, manager }
    }

    fn trades(&self) -> usize {
        fs::read_to_string(self.folder.path().join("out/trades.csv")).unwrap_or_default().lines().count()
    }

    /// How often the watchdog is fed from now on, until the time is over.
    fn fed(&self) -> usize {
        let (mut fed, mut message) = (0, [0; 64]);
        self.manager.set_nonblocking(true).unwrap();
        while self.manager.recv(&mut message).is_ok() {}
        let until = Instant::now() + WATCHED;
        while Instant::now() < until {
            match self.manager.recv(&mut message) {
                Ok(length) => fed += usize::from(&message[..length] == b"WATCHDOG=1"),
                Err(_) => thread::sleep(Duration::from_millis(5)),
            }
        }
        fed
    }

    /// The loop turns (the watchdog is fed each 50 ms by nothing else) and trades.
    fn goes_on(&self) {
        let before = self.trades();
        let fed = self.fed();
        assert!(fed >= 7, "the watchdog was fed {fed} times in {WATCHED:?}");
        wait_until("a trade", || self.trades() > before);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// SIGTERM, and the end that must follow soon; returns exit code and stderr.
    fn stopped(mut self) -> (Option<i32>, String) {
        let asked = Instant::now();
        self.signal(Signal::TERM);
        let ended = self.end();
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
        ended
    }

    fn end(&mut self) -> (Option<i32>, String) {
        let mut code = None;
        wait_until("the end", || {
            code = self.child.try_wait().unwrap().map(|status| status.code());
            code.is_some()
        });
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (code.flatten(), stderr)
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < LIMIT, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Something to write into, both ends in the hands of the test.
struct Channel {
    reader: OwnedFd,
    writer: OwnedFd,
}

impl Channel {
    fn pipe() -> Self {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        fcntl_setpipe_size(&writer, 4_096).unwrap();
        Self { reader, writer }
    }

    /// What systemd gives a service for its log.
    fn socket() -> Self {
        let (reader, writer) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
        set_socket_send_buffer_size(&writer, 4_096).unwrap();
        Self { reader, writer }
    }

    fn terminal() -> Self {
        let reader = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&reader).unwrap();
        unlockpt(&reader).unwrap();
        let name = ptsname(&reader, Vec::new()).unwrap();
        let writer = open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        Self { reader, writer }
    }

    fn bot(&self, args: &[&str]) -> Bot {
        Bot::start(self.writer.try_clone().unwrap(), args)
    }

    /// Whether a write would have to wait.
    fn is_blocked(&self) -> bool {
        poll(&mut [PollFd::new(&self.writer, PollFlags::OUT)], Some(&Timespec::default())).unwrap() == 0
    }

    fn wait_until_blocked(&self) {
        wait_until("a log that is held up", || self.is_blocked());
    }

    /// What lies in it now.
    fn rest(&self) -> String {
        ioctl_fionbio(&self.reader, true).unwrap();
        let (mut text, mut buffer) = (Vec::new(), [0; 4_096]);
        while let Ok(length @ 1..) = read(&self.reader, &mut buffer) {
            text.extend_from_slice(&buffer[..length]);
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    /// From now on somebody reads, line by line.
    fn lines(&self) -> Lines {
        Lines::of(File::from(self.reader.try_clone().unwrap()))
    }
}

/// The lines of a log as they come.
struct Lines(Receiver<String>);

impl Lines {
    fn of(file: File) -> Self {
        let (sender, receiver) = channel();
        thread::spawn(move || {
            let mut lines = BufReader::new(file).split(b'\n').map_while(Result::ok);
            lines.try_for_each(|line| sender.send(String::from_utf8_lossy(&line).into_owned()))
        });
        Self(receiver)
    }

    fn wait_for(&self, part: &str) -> String {
        let until = Instant::now() + LIMIT;
        let mut lines =
            std::iter::from_fn(|| self.0.recv_timeout(until.saturating_duration_since(Instant::now())).ok());
        lines.find(|line| line.contains(part)).unwrap_or_else(|| panic!("no line with `{part}`"))
    }

    /// How many lines the reader is told it has missed; the next heartbeat has the reason.
    fn said_lost(&self) {
        let said = self.wait_for(LOST);
        let count = said.split(" - WARNING ").nth(1).and_then(|message| message.split(' ').next());
        let count: u64 = count.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("no count in `{said}`"));
        assert!(count > 10, "{said}");
        let beat = self.wait_for("💓 Heartbeat - ");
        assert!(beat.contains("Status: degraded (") && beat.contains(" lost"), "{beat}");
    }
}

/// A log that nobody ever reads: the bot trades on, ends when it is told to, and its last words are among the lost.
fn assert_goes_on_unread(channel: &Channel, args: &[&str], code: i32) {
    let bot = channel.bot(args);
    channel.wait_until_blocked();
    bot.goes_on();
    assert!(channel.is_blocked(), "nobody has read");
    assert_eq!(bot.stopped(), (Some(code), String::new()));
    let rest = channel.rest();
    assert!(rest.contains("PAPER TRADING") && !rest.contains("Stopped cleanly"), "{rest}");
}

#[test]
fn a_pipe_that_is_never_read() {
    assert_goes_on_unread(&Channel::pipe(), &[], 0);
}

#[test]
fn a_pipe_that_is_never_read_under_a_supervisor() {
    let channel = Channel::pipe();
    let bot = channel.bot(&["--auto-restart"]);
    channel.wait_until_blocked();
    bot.goes_on();
    assert!(channel.is_blocked(), "nobody has read");
    assert_eq!(bot.stopped().0, Some(0));
}

#[test]
fn a_journal_that_has_stalled() {
    assert_goes_on_unread(&Channel::socket(), &[], 0);
}

#[test]
fn a_terminal_that_is_never_read() {
    assert_goes_on_unread(&Channel::terminal(), &["--duration", "60"], 143);
}

#[test]
fn a_terminal_under_ctrl_s() {
    let channel = Channel::terminal();
    let bot = channel.bot(&[]);
    let lines = channel.lines();
    lines.wait_for("💓 Heartbeat - ");
    write(&channel.reader, CTRL_S).unwrap();
    channel.wait_until_blocked();
    bot.goes_on();
    assert!(channel.is_blocked(), "Ctrl-S holds");
    write(&channel.reader, CTRL_Q).unwrap();
    lines.said_lost();
    assert_eq!(bot.stopped(), (Some(0), String::new()));
}

#[test]
fn a_stop_under_ctrl_s() {
    let channel = Channel::terminal();
    let bot = channel.bot(&["--duration", "60"]);
    channel.lines().wait_for("🔄 Processing");
    write(&channel.reader, CTRL_S).unwrap();
    channel.wait_until_blocked();
    assert_eq!(bot.stopped(), (Some(143), String::new()));
}

#[test]
fn a_reader_that_comes_back_is_told_what_it_has_missed() {
    for channel in [Channel::pipe(), Channel::socket()] {
        let bot = channel.bot(&[]);
        channel.wait_until_blocked();
        bot.goes_on();
        let lines = channel.lines();
        lines.said_lost();
        assert_eq!(bot.stopped(), (Some(0), String::new()));
    }
}

#[test]
fn a_full_disk_is_said_once_on_stderr() {
    let bot = Bot::start(File::options().write(true).open("/dev/full").unwrap(), &["--duration", "60"]);
    bot.goes_on();
    let (code, stderr) = bot.stopped();
    let said = "The log is cut off: stdout has no space left, 1 line lost. The bot goes on without it\n";
    assert_eq!((code, stderr.as_str()), (Some(143), said));
}

#[test]
fn a_reader_that_left_after_the_first_line() {
    let started = Instant::now();
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    let mut bot = Bot::start(writer, &["--duration", "4"]);
    let mut reader = BufReader::new(File::from(reader));
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(line.contains("PAPER TRADING"), "{line}");
    drop(reader);
    bot.goes_on();
    let (code, stderr) = bot.end();
    let took = started.elapsed();
    assert!((4_000..4_500).contains(&took.as_millis()), "{took:?}");
    assert_eq!((code, stderr.lines().count()), (Some(0), 1), "{stderr}");
    assert!(stderr.starts_with("The log is cut off: stdout is closed, 1 line lost."), "{stderr}");
}

/// A named pipe can be opened again, so there is somebody to tell what the closed one has cost.
#[test]
fn a_reader_that_left_and_another_that_comes() {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("log");
    mkfifoat(rustix::fs::CWD, &path, Mode::RUSR | Mode::WUSR).unwrap();
    // Opened for both at first, since neither end alone opens without the other.
    let both = File::options().read(true).write(true).open(&path).unwrap();
    let bot = Bot::start(File::options().write(true).open(&path).unwrap(), &[]);
    let first = BufReader::new(File::open(&path).unwrap()).lines().map_while(Result::ok);
    drop(both);
    assert!(first.into_iter().next().unwrap().contains("PAPER TRADING"));
    bot.goes_on();
    let lines = Lines::of(File::open(&path).unwrap());
    lines.said_lost();
    let (code, stderr) = bot.stopped();
    assert_eq!((code, stderr.lines().count()), (Some(0), 1), "it is said once: {stderr}");
}
