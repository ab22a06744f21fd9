//! What the tests with the real program share. Every wait has a limit, and no process outlives its test.

#![allow(dead_code)] // each test binary uses a part of it

use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
        mpsc::{Receiver, channel},
    },
    thread,
    time::{Duration, Instant},
};

/// The program under test.
pub const BOT: &str = env!("CARGO_BIN_EXE_bot");
/// Where the accounts of the programs under test are.
const OWN_FOLDERS: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/accounts");
/// No wait of a test is longer.
pub const LIMIT: Duration = Duration::from_secs(60);

/// The folder with recorded candles and tools that lies beside the project, or `None` with a line that says so.
pub fn shared() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let folder = std::env::var_os("SMOLBEAR_SHARED").map_or(beside, PathBuf::from);
    let there = folder.join("data").is_dir();
    if !there {
        eprintln!("passed over: {} is not there", folder.display());
    }
    there.then_some(folder)
}

/// The program with these arguments, with nothing from the environment of the tests but what is set here, and an account of its own.
pub fn bot(args: &[&str]) -> Command {
    let mut command = Command::new(BOT);
    command.args(args).env_clear().env("RUST_LOG", "info").env("TZ", "UTC").stdin(Stdio::null());
    command.env("STATE_DIRECTORY", own_folder());
    let speed = args.iter().skip_while(|arg| **arg != "--speed").nth(1);
    let is_fast = speed.is_some_and(|speed| *speed == "max" || speed.len() > 3);
    if is_fast || matches!(args.first(), Some(&("backtest" | "explain"))) {
        command.env("HOME", home_without_limits());
    }
    command
}

/// For a `bot.toml`: see [`home_without_limits`].
pub const WITHOUT_LIMITS: &str = "[risk]\nmax_losses_in_row = 0\nmax_drawdown_pct = 100\nmax_correlation = 1\n\
    breaker_correlation = 1\nbreaker_daily_loss_pct = 100\nbreaker_position_loss_pct = 100\n";

/// A home whose `bot.toml` lets an account trade on whatever it loses: at a high speed a run lives through weeks, and the made-up market is
/// no place to earn something. One in the working directory goes before it.
pub fn home_without_limits() -> &'static Path {
    static HOME: LazyLock<PathBuf> = LazyLock::new(|| {
        let home = own_folder();
        let folder = home.join(".config/smolbear");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("bot.toml"), WITHOUT_LIMITS).unwrap();
        home
    });
    &HOME
}

/// A folder that no other program of these tests uses; nobody has made it yet.
pub fn own_folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    Path::new(OWN_FOLDERS).join(format!("{}-{number}", std::process::id()))
}

/// For tests whose program keeps a core busy: one at a time, so that the others' times stay what they are.
pub fn alone() -> MutexGuard<'static, ()> {
    static BUSY: Mutex<()> = Mutex::new(());
    BUSY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Made-up candles of these days in `folder`, as the program itself writes them; returns the file's path.
pub fn generate(folder: &Path, name: &str, more: &[&str]) -> String {
    let path = folder.join(name).to_str().expect("the path is text").to_owned();
    let ended = Running::start(bot(&["generate", &path]).args(more)).end();
    assert!(ended.status.success(), "{}", ended.stderr);
    path
}

/// What `/proc` says of a process under this name, such as `Threads`; `None` once it is gone.
pub fn proc_status(pid: Pid, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_pid())).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A line and when it came.
#[derive(Debug, Clone)]
pub struct Line {
    pub text: String,
    pub at: Instant,
}

impl Line {
    /// The line without its time stamp.
    pub fn message(&self) -> &str {
        self.text.split_once(" - ").expect("a line has a time stamp").1
    }
}

/// A running program whose stdout is read; killed when it is dropped.
pub struct Running {
    pub child: Child,
    pub started: Instant,
    pub seen: Vec<Line>,
    lines: Receiver<Line>,
    /// Deleted in the end.
    account: Option<PathBuf>,
}

impl Running {
    /// Starts the program in a folder of its own choice, its stdout read line by line.
    pub fn start(command: &mut Command) -> Self {
        let started = Instant::now();
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let (sender, lines) = channel();
        thread::spawn(move || {
            for text in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(Line { text, at: Instant::now() }).is_err() {
                    break;
                }
            }
        });
        let account = command.get_envs().find(|(name, _)| *name == "STATE_DIRECTORY").and_then(|(_, value)| value);
        let account = account.map(PathBuf::from).filter(|path| path.starts_with(OWN_FOLDERS));
        Self { child, started, seen: Vec::new(), lines, account }
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the process is there");
    }

    /// Waits for a line that holds `part`, and returns it.
    pub fn wait_for(&mut self, part: &str) -> Line {
        let until = Instant::now() + LIMIT;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left);
            let line = line.unwrap_or_else(|_| panic!("no line with `{part}` in:\n{}", self.text()));
            self.seen.push(line.clone());
            if line.text.contains(part) {
                return line;
            }
        }
    }

    /// Whether a line that holds `part` has come, without waiting for one.
    pub fn has_said(&mut self, part: &str) -> bool {
        self.seen.extend(self.lines.try_iter());
        self.seen.iter().any(|line| line.text.contains(part))
    }

    /// Waits for the end, and returns status, every line, and stderr.
    pub fn end(mut self) -> Ended {
        let until = Instant::now() + LIMIT;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("the child can be waited for") {
                break status;
            }
            assert!(Instant::now() < until, "the program does not end:\n{}", self.text());
            thread::sleep(Duration::from_millis(1));
        };
        let at = Instant::now();
        let mut stderr = String::new();
        if let Some(mut pipe) = self.child.stderr.take() {
            pipe.read_to_string(&mut stderr).expect("stderr is text");
        }
        while let Ok(line) = self.lines.recv_timeout(LIMIT) {
            self.seen.push(line);
        }
        Ended { status, took: at - self.started, at, lines: std::mem::take(&mut self.seen), stderr }
    }

    fn text(&self) -> String {
        self.seen.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.account.as_deref().map(std::fs::remove_dir_all);
    }
}

/// What a program left behind.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub took: Duration,
    pub at: Instant,
    pub lines: Vec<Line>,
    pub stderr: String,
}

impl Ended {
    /// Everything it printed.
    pub fn stdout(&self) -> String {
        self.lines.iter().map(|line| format!("{}\n", line.text)).collect()
    }

    /// The exit code; none where a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The last line, without its time stamp.
    pub fn last(&self) -> &str {
        self.lines.last().map(Line::message).unwrap_or_default()
    }

    /// Lines that hold `part`.
    pub fn with<'a>(&'a self, part: &'a str) -> impl Iterator<Item = &'a Line> {
        self.lines.iter().filter(move |line| line.text.contains(part))
    }
}

/// Runs the program to its end.
pub fn run(args: &[&str]) -> Ended {
    Running::start(&mut bot(args)).end()
}
