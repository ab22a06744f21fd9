//! Programs under measurement: started with nothing around them, watched through their lines and through /proc, ended when let go.

use crate::Outcome;
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

/// No wait is longer.
const LIMIT: Duration = Duration::from_secs(120);

/// What is measured: a program and the line by which it says that it works.
pub struct Program {
    pub name: String,
    pub path: PathBuf,
    pub works: &'static str,
    /// The bot understands flags and has a health monitor, the hello world neither.
    pub bot: bool,
}

/// A program that has been started; ended when dropped.
pub struct Running {
    pub child: Child,
    pub from: Instant,
    lines: Receiver<(Instant, String)>,
}

/// An account that trades on whatever it loses: the made-up market is no place to earn something.
pub const WITHOUT_LIMITS: &str = "[risk]\nmax_losses_in_row = 0\nmax_drawdown_pct = 100\nmax_correlation = 1\nbreaker_correlation = 1\n\
    breaker_daily_loss_pct = 100\nbreaker_position_loss_pct = 100\n";

impl Program {
    /// A bot's binary.
    pub fn bot(path: &Path) -> Outcome<Self> {
        let path = fs::canonicalize(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let text = fs::read(&path)?;
        // Only a program that is loaded by another names its loader.
        let dynamic = text.windows(8).take(1 << 20).any(|bytes| bytes == b"ld-linux");
        let name = if dynamic { "bot, glibc" } else { "bot, static" };
        Ok(Self { name: name.to_owned(), path, works: "🔄 Processing", bot: true })
    }

    /// The program with these flags and nothing around it but `env` and a folder: what is configured there, or else no limits that would end
    /// the account in the midst of a measurement. An account that nobody gave a place begins and ends in `folder`, where the bot would find none of the user's.
    pub fn start(&self, flags: &[&str], env: &[(&str, &str)], folder: &Path) -> Outcome<Running> {
        let mut command = Command::new(&self.path);
        command.env_clear().env("STATE_DIRECTORY", folder.join("own")).env("RUST_LOG", "info").env("HOME", folder);
        command.envs(env.iter().copied()).current_dir(folder);
        if self.bot {
            let config = folder.join("bot.toml");
            if !config.exists() {
                fs::write(config, WITHOUT_LIMITS)?;
            }
            command.arg("--paper").args(flags);
        }
        Running::start(&mut command)
    }
}

impl Running {
    fn start(command: &mut Command) -> Outcome<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let from = Instant::now();
        let mut child = command.spawn()?;
        let output = child.stdout.take();
        let (sender, lines) = channel();
        let running = Self { child, from, lines };
        let output = BufReader::new(output.ok_or("no pipe")?);
        thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| sender.send((Instant::now(), line)))
        });
        Ok(running)
    }

    /// When the line with `part` came. It is read by a thread, so that a full pipe never changes what is measured.
    pub fn wait_for(&mut self, part: &str) -> Outcome<Instant> {
        let until = Instant::now() + LIMIT;
        while let Ok((at, line)) = self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            if line.contains(part) {
                return Ok(at);
            }
        }
        Err(format!("no line with `{part}`; exit status {:?}", self.child.try_wait()?).into())
    }

    /// Asks the program to end, as systemd would, and waits until it has.
    pub fn terminate(&mut self) -> Outcome<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        self.child.wait()?;
        Ok(())
    }

    /// The number behind `key` in one of the kernel's accounts of the process; `None` once it has ended.
    pub fn account(&self, file: &str, key: &str) -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse().ok()
    }

    /// CPU time of all threads, from the scheduler's own count, since the clock ticks of `stat` are as long as ten seconds of the budget.
    pub fn cpu_time_ns(&self) -> Outcome<u64> {
        let mut sum = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            sum += text.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
        Ok(sum)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only where the program has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
