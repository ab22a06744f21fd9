//! The parent that watches the bot from outside (`--auto-restart`), since a frozen thread cannot report itself.
//!
//! It starts the same program again as its child and waits for four things: the child's progress in a pipe, the child's
//! end, its own signals, and the time. A child that fails, is killed or freezes is started again by the rules of
//! [`policy`]; a signal to the parent is passed on, and the parent leaves after the child.
//! However the parent dies, the kernel tells the child.
//!
//! Under systemd the parent is the service's main process: it feeds the watchdog by its own turns and watches the child.

mod child;
pub mod policy;

use self::{
    child::Bot,
    policy::{Decision, Ended, RestartPolicy, Rules, Run},
};
use crate::{
    run::{log::time_of_day, process, progress, systemd::Systemd},
    store::last_run::Told,
};
use async_io::Timer;
use async_signal::Signals;
use futures_lite::{FutureExt, Stream, StreamExt};
use rustix::process::Signal;
use std::{
    env,
    ffi::OsString,
    future::pending,
    io,
    path::PathBuf,
    time::{Duration, Instant},
};

/// Wishes for one start: a restart goes on with the account that the first bot began, and with what has halted it since.
const ONCE: [&[u8]; 3] = [b"--fresh", b"--accept-new-store", b"--clear-emergency"];
/// From a stop signal to the child's SIGKILL: longer than the bot itself waits for a disk that does not answer.
const STOP_LIMIT: Duration = Duration::from_secs(12);
/// The same after a second Ctrl-C.
const SECOND_STOP_LIMIT: Duration = Duration::from_secs(1);

/// What the supervisor is told once, at its start.
#[derive(Debug, Clone)]
pub struct Supervision {
    /// The program to watch; see [`own_program`].
    pub program: PathBuf,
    /// The arguments without the program's name; those for the supervisor are taken out, see [`child_args`].
    pub args: Vec<OsString>,
    /// `--max-restarts`.
    pub max_restarts: u32,
    /// `--restart-delay`.
    pub restart_delay: Duration,
    /// `supervisor.freeze_after_s`: silence for longer means that the bot is frozen.
    pub freeze_after: Duration,
    /// `--infinite`: start it again after a clean end too.
    pub infinite: bool,
    /// `--duration`, counted from the supervisor's start: a restart gets what is left of it.
    pub duration: Option<Duration>,
}

/// Runs the bot as a child until it must not be started again. Returns the exit code.
///
/// To be called on the main thread: the kernel tells the child when the thread that started it is gone.
#[must_use]
pub fn supervise(settings: Supervision) -> u8 {
    let heard = [async_signal::Signal::Int, async_signal::Signal::Term, async_signal::Signal::Child];
    // ignored at the start (nohup) it stays ignored, here and in the child
    let ignored = process::ignores_signal(async_signal::Signal::Hup as u32);
    let hang_up = (!ignored).then_some(async_signal::Signal::Hup);
    match Signals::new(heard.into_iter().chain(hang_up)) {
        Ok(signals) => async_io::block_on(Supervisor::new(settings, signals, Systemd::from_environment()).run()),
        Err(error) => {
            log::error!("Supervisor: can't listen for signals: {error}");
            1
        }
    }
}

/// Whether this process is a supervisor's child, which must run the bot itself whatever its configuration says.
#[must_use]
pub fn is_child() -> bool {
    progress::supervisor().is_some()
}

/// This program's own file. A file that replaced it since the start is what a restart runs.
#[must_use]
pub fn own_program() -> PathBuf {
    env::current_exe().ok().filter(|path| path.exists()).unwrap_or_else(|| "/proc/self/exe".into())
}

/// The child's arguments: `args` without those for the supervisor and, where `left` is given, with that as `--duration`. The child after
/// another, `again`, is not told what was meant for one start.
#[must_use]
pub fn child_args(args: &[OsString], left: Option<Duration>, again: bool) -> Vec<OsString> {
    let mut kept = Vec::with_capacity(args.len() + 2);
    if let Some(left) = left {
        kept.extend(["--duration".into(), format!("{:.3}", left.as_secs_f64().max(0.001)).into()]);
    }
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let bytes = arg.as_encoded_bytes();
        let (name, has_value) = match bytes.iter().position(|byte| *byte == b'=') {
            Some(at) => (&bytes[..at], true),
            None => (bytes, false),
        };
        match name {
            b"--" => {
                kept.push(arg.clone());
                kept.extend(rest.by_ref().cloned());
            }
            b"--auto-restart" => {}
            once if again && ONCE.contains(&once) => {}
            b"--max-restarts" | b"--restart-delay" => drop((!has_value).then(|| rest.next())),
            b"--duration" if left.is_some() => drop((!has_value).then(|| rest.next())),
            _ => kept.push(arg.clone()),
        }
    }
    kept
}

/// A stop that was asked for.
#[derive(Debug)]
struct StopAsked {
    signal: Signal,
    /// When the child is killed; `None` once it has been.
    kill_at: Option<Instant>,
}

/// `S` is where the signals come from, so that tests can send their own.
struct Supervisor<S> {
    settings: Supervision,
    signals: S,
    systemd: Systemd,
    policy: RestartPolicy,
    started: Instant,
    said_ready: bool,
    /// How the latest bot ended.
    last_end: Option<Told>,
    stop: Option<StopAsked>,
}

impl<S: Stream<Item = io::Result<async_signal::Signal>> + Unpin> Supervisor<S> {
    fn new(settings: Supervision, signals: S, systemd: Systemd) -> Self {
        let Supervision { max_restarts, restart_delay, infinite, .. } = settings;
        let policy = RestartPolicy::new(Rules { max_restarts, restart_delay, infinite });
        Self {
            settings,
            signals,
            systemd,
            policy,
            started: Instant::now(),
            said_ready: false,
            last_end: None,
            stop: None,
        }
    }

    /// This is the main loop: one round is one run of the bot and the wait after it.
    async fn run(mut self) -> u8 {
        loop {
            let run = self.run_once().await;
            if let Some(stop) = &self.stop {
                return self.code_after_stop(stop.signal, run.ended);
            }
            let wait = match self.policy.decide(&run) {
                Decision::RestartAfter(wait) => wait,
                Decision::End { code, reason } => return self.end(code, &reason, &run),
            };
            if self.left().is_some_and(|left| left <= wait) {
                return self.duration_over(&run);
            }
            self.say_restart(run.ended, wait);
            self.pause(wait).await;
            if let Some(stop) = &self.stop {
                return self.code_of(stop.signal);
            }
        }
    }

    async fn run_once(&mut self) -> Run {
        let Supervision { program, freeze_after, .. } = &self.settings;
        match Bot::start(program, &self.args(), *freeze_after, self.last_end.as_ref()) {
            Ok(bot) => self.watch(bot).await,
            Err(error) => {
                log::error!("Supervisor: {} can't be started: {error}", program.display());
                Run { healthy: Duration::ZERO, held_position: false, asked_to_stop: false, ended: Ended::Lost }
            }
        }
    }

    /// The next run's arguments. The first gets its `--duration` as it was given, a restart what is left.
    fn args(&self) -> Vec<OsString> {
        let again = self.policy.restarts() > 0;
        child_args(&self.settings.args, self.left().filter(|_| again), again)
    }

    /// Watches a running bot until it has ended.
    async fn watch(&mut self, mut bot: Bot) -> Run {
        log::debug!("Supervisor: watching process {}", bot.id());
        loop {
            if let Some(run) = bot.ended() {
                self.last_end = Some(bot.told(run.ended));
                return run;
            }
            let kill_at = self.stop.as_ref().and_then(|stop| stop.kill_at);
            let look_at = Instant::now() + bot.look_every();
            if let Some(signal) = self.wake(Some(&bot), kill_at.map_or(look_at, |at| at.min(look_at))).await {
                self.ask_to_stop(signal);
                bot.send(signal);
                // A process that is stopped hears no other signal.
                bot.send(Signal::CONT);
            }
            self.look(&mut bot, Instant::now());
        }
    }

    /// One look at a running bot: what it said, whether it froze, whether it overstayed a stop.
    fn look(&mut self, bot: &mut Bot, now: Instant) {
        bot.hear(now);
        if bot.has_reported() && !self.said_ready {
            self.said_ready = true;
            self.systemd.ready();
        }
        let overstays = self.stop.as_mut().is_some_and(|stop| stop.kill_at.take_if(|at| *at <= now).is_some());
        if overstays {
            log::error!("Supervisor: the bot does not stop, killing it");
            bot.send(Signal::KILL);
        } else if self.stop.is_none()
            && let Some(silent) = bot.froze(now)
        {
            log::error!("{}", frozen_line(&time_of_day(silent), silent));
            bot.send(Signal::KILL);
        }
    }

    /// Waits between two runs, until the time is over or a stop is asked for.
    async fn pause(&mut self, wait: Duration) {
        let until = Instant::now() + wait;
        while self.stop.is_none() && Instant::now() < until {
            if let Some(signal) = self.wake(None, until).await {
                self.ask_to_stop(signal);
            }
        }
    }

    /// Waits for a stop signal, which it returns, for the child's end or progress, or until `at`, whichever is first.
    async fn wake(&mut self, bot: Option<&Bot>, at: Instant) -> Option<Signal> {
        let now = Instant::now();
        self.systemd.feed(now);
        let at = self.systemd.period().map_or(at, |period| at.min(now + period));
        let signals = &mut self.signals;
        let asked = async {
            match signals.next().await {
                Some(Ok(signal)) => stop_signal(signal),
                Some(Err(_)) | None => pending().await,
            }
        };
        let spoke = async {
            match bot {
                Some(bot) => bot.speaks().await,
                None => pending().await,
            }
            None
        };
        let time = async {
            Timer::at(at).await;
            None
        };
        asked.or(spoke).or(time).await
    }

    /// Only Ctrl-C again is impatience: `timeout` sends its SIGTERM to the process and to its group.
    fn ask_to_stop(&mut self, signal: Signal) {
        let now = Instant::now();
        match &mut self.stop {
            None => {
                log::info!("Supervisor: {}, so the bot stops and is not started again", name_of(signal));
                self.systemd.stopping();
                self.stop = Some(StopAsked { signal, kill_at: Some(now + STOP_LIMIT) });
            }
            Some(stop) if signal == Signal::INT => {
                log::warn!("Supervisor: Ctrl-C again, so the bot ends at once");
                stop.kill_at = Some(now + SECOND_STOP_LIMIT);
            }
            Some(_) => {}
        }
    }

    /// What is left of `--duration`.
    fn left(&self) -> Option<Duration> {
        self.settings.duration.map(|duration| duration.saturating_sub(self.started.elapsed()))
    }

    /// The exit code of a run that `signal` ended as it should.
    fn code_of(&self, signal: Signal) -> u8 {
        if self.settings.duration.is_some() { cut_by(signal) } else { 0 }
    }

    /// The bot's own code where it could give one.
    fn code_after_stop(&self, signal: Signal, ended: Ended) -> u8 {
        match ended {
            Ended::Exit(code) => code,
            Ended::Signal(number) if number == signal.as_raw() => self.code_of(signal),
            Ended::Signal(_) | Ended::Frozen | Ended::Lost => cut_by(signal),
        }
    }

    fn end(&self, code: u8, reason: &str, run: &Run) -> u8 {
        self.systemd.stopping();
        match (code, run.asked_to_stop) {
            // The bot's own last line says it all.
            (0, false) => log::debug!("Supervisor: not starting it again: {reason}"),
            (0 | 129 | 130 | 143, _) => log::info!("Supervisor: not starting it again: {reason}"),
            _ => log::error!("Supervisor: not starting it again: {reason}"),
        }
        code
    }

    /// Too little is left of `--duration` for another run: clean after a clean end, a failure after a failure.
    fn duration_over(&self, run: &Run) -> u8 {
        let code = u8::from(run.ended != Ended::Exit(0));
        self.end(code, &format!("{}, and the duration is over before a restart", run.ended), run)
    }

    fn say_restart(&self, ended: Ended, wait: Duration) {
        let (nth, of) = (self.policy.restarts(), self.settings.max_restarts);
        let wait = wait.as_secs_f64();
        log::warn!("Supervisor: the bot ended: {ended}; starting it again in {wait} s (restart {nth} of {of})");
    }
}

/// The exit code that says which signal cut a run short.
fn cut_by(signal: Signal) -> u8 {
    128 + signal.as_raw().unsigned_abs() as u8
}

/// The signals that ask for a stop; `None` for SIGCHLD, which only wakes.
fn stop_signal(signal: async_signal::Signal) -> Option<Signal> {
    match signal {
        async_signal::Signal::Int => Some(Signal::INT),
        async_signal::Signal::Term => Some(Signal::TERM),
        async_signal::Signal::Hup => Some(Signal::HUP),
        _ => None,
    }
}

/// A stop signal as people know it.
const fn name_of(signal: Signal) -> &'static str {
    match signal {
        Signal::INT => "Ctrl-C",
        Signal::HUP => "SIGHUP",
        _ => "SIGTERM",
    }
}

fn frozen_line(since: &str, silent: Duration) -> String {
    let ago = silent.as_secs_f64();
    format!("Supervisor: no progress since {since} ({ago:.1} s ago), killing the bot and starting it again")
}

#[cfg(test)]
mod tests;
