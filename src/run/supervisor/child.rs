//! One run of the bot as the supervisor's child: its process, the pipe that its progress feeds, the clock of its silence.

use super::policy::{Ended, Run};
use crate::{
    run::{
        progress::{LAST_END_VARIABLE, Message, SUPERVISOR_VARIABLE},
        systemd,
    },
    store::last_run::Told,
};
use async_io::Async;
use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    ffi::OsString,
    future, io,
    io::{PipeReader, Read},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::Path,
    process::{self, Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// A bot that runs, or has ended and waits to be asked how.
#[derive(Debug)]
pub struct Bot {
    child: Child,
    pipe: Option<Async<PipeReader>>,
    silence: Silence,
    first: Option<Instant>,
    last: Instant,
    held_position: bool,
    asked_to_stop: bool,
    /// Its silence when it was found frozen.
    frozen: Option<Duration>,
}

impl Bot {
    /// Starts the program, in a process group of its own so that a terminal's Ctrl-C reaches only the supervisor, and tells it how the bot
    /// before it ended.
    pub fn start(program: &Path, args: &[OsString], freeze_after: Duration, before: Option<&Told>) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        let pipe = Async::new(reader)?;
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::from(writer)).process_group(0);
        command.env(SUPERVISOR_VARIABLE, process::id().to_string());
        // What a supervisor around this one told it is about another bot.
        for variable in systemd::VARIABLES.into_iter().chain([LAST_END_VARIABLE]) {
            command.env_remove(variable);
        }
        command.envs(before.map(|told| (LAST_END_VARIABLE, told.to_string())));
        let child = command.spawn()?;
        let now = Instant::now();
        Ok(Self {
            child,
            pipe: Some(pipe),
            silence: Silence::new(now, freeze_after),
            first: None,
            last: now,
            held_position: false,
            asked_to_stop: false,
            frozen: None,
        })
    }

    /// The bot's process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has reported any progress.
    #[must_use]
    pub fn has_reported(&self) -> bool {
        self.first.is_some()
    }

    /// Waits until the pipe holds something; for ever once the bot has closed it.
    pub async fn speaks(&self) {
        match &self.pipe {
            // An error shows again at the read, which ends the pipe.
            Some(pipe) => drop(pipe.readable().await),
            None => future::pending().await,
        }
    }

    /// Takes what the pipe holds.
    pub fn hear(&mut self, now: Instant) {
        let mut bytes = [0; 256];
        while let Some(pipe) = &self.pipe {
            match pipe.get_ref().read(&mut bytes) {
                Ok(0) => self.pipe = None,
                Ok(length) => bytes[..length].iter().for_each(|byte| self.hear_byte(*byte, now)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.pipe = None,
            }
        }
    }

    fn hear_byte(&mut self, byte: u8, now: Instant) {
        match Message::from_byte(byte) {
            Some(Message::Flat) => self.held_position = false,
            Some(Message::Holding) => self.held_position = true,
            Some(Message::AskedToStop) => self.asked_to_stop = true,
            None => return,
        }
        self.first.get_or_insert(now);
        self.last = now;
        self.silence.end(now);
    }

    /// For how long it made no progress, when it has just been found frozen; says so once. A bot that never reported is silent since its start.
    pub fn froze(&mut self, now: Instant) -> Option<Duration> {
        let first_time = self.silence.is_too_long(now) && self.frozen.is_none();
        let silent = first_time.then(|| now.duration_since(self.last))?;
        self.frozen = Some(silent);
        self.frozen
    }

    /// How often [`Bot::froze`] must be asked at least.
    #[must_use]
    pub fn look_every(&self) -> Duration {
        self.silence.step
    }

    /// Sends a signal to its process group. Only before [`Bot::ended`] has said how it ended.
    pub fn send(&self, signal: Signal) {
        if let Err(error) = kill_process_group(Pid::from_child(&self.child), signal) {
            log::debug!("Supervisor: process group {} can't be sent a signal: {error}", self.child.id());
        }
    }

    /// How it ended, and what it said before; `None` while it runs.
    pub fn ended(&mut self) -> Option<Run> {
        let ended = match self.child.try_wait() {
            Ok(None) => return None,
            Ok(Some(status)) => how(status),
            Err(error) => {
                log::error!("Supervisor: lost sight of the bot: {error}");
                self.send(Signal::KILL);
                Ended::Lost
            }
        };
        self.hear(Instant::now());
        Some(Run {
            healthy: self.first.map_or(Duration::ZERO, |first| self.last.duration_since(first)),
            held_position: self.held_position,
            asked_to_stop: self.asked_to_stop,
            ended: if self.frozen.is_some() { Ended::Frozen } else { ended },
        })
    }

    /// What the next bot is told of how this one ended.
    #[must_use]
    pub fn told(&self, ended: Ended) -> Told {
        let how = match self.frozen {
            Some(silent) => format!("{} for {} s", Told::FROZEN, silent.as_secs()),
            None => ended.to_string(),
        };
        Told { pid: self.id(), how }
    }
}

fn how(status: ExitStatus) -> Ended {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Exit(code.try_into().unwrap_or(u8::MAX)),
        (None, Some(number)) => Ended::Signal(number),
        (None, None) => Ended::Lost,
    }
}

/// How long the bot has been silent, as far as the supervisor was awake to hear it.
///
/// The supervisor looks once a step, and whatever lies between two looks counts as one step at most. So a machine that
/// slept, or a supervisor that was stopped, accuses nobody: the bot gets most of a fresh period.
#[derive(Debug)]
struct Silence {
    silent: Duration,
    looked: Instant,
    step: Duration,
    limit: Duration,
    freeze_after: Duration,
}

impl Silence {
    /// Looks in one period of silence.
    const LOOKS: u32 = 4;

    /// Silence since the start. Until its first report a bot has `freeze_after` on top, for its start.
    fn new(now: Instant, freeze_after: Duration) -> Self {
        Self {
            silent: Duration::ZERO,
            looked: now,
            step: freeze_after / Self::LOOKS,
            limit: freeze_after.saturating_mul(2),
            freeze_after,
        }
    }

    fn end(&mut self, now: Instant) {
        *self = Self { silent: Duration::ZERO, looked: now, limit: self.freeze_after, ..*self };
    }

    fn is_too_long(&mut self, now: Instant) -> bool {
        self.silent += now.duration_since(self.looked).min(self.step);
        self.looked = now;
        self.silent >= self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_a_bot_said_is_known_after_its_end() {
        for (script, reported, held_position, asked_to_stop, ended) in [
            ("exit 7", false, false, false, Ended::Exit(7)),
            ("printf . >&0; sleep 0.2; printf p >&0; kill -KILL $$", true, true, false, Ended::Signal(9)),
            ("printf p >&0; sleep 0.2; printf . >&0; exit 1", true, false, false, Ended::Exit(1)),
            ("printf . >&0; sleep 0.2; printf pq >&0", true, true, true, Ended::Exit(0)),
            ("printf '??' >&0", false, false, false, Ended::Exit(0)),
        ] {
            let mut bot = Bot::start(Path::new("/bin/sh"), &["-c".into(), script.into()], 9 * SECOND, None).unwrap();
            let run = loop {
                bot.hear(Instant::now());
                if let Some(run) = bot.ended() {
                    break run;
                }
                std::thread::sleep(Duration::from_millis(5));
            };
            assert_eq!(
                (run.ended, run.held_position, run.asked_to_stop),
                (ended, held_position, asked_to_stop),
                "{script}"
            );
            assert_eq!((bot.has_reported(), run.healthy > Duration::ZERO), (reported, reported), "{script}");
        }
    }

    /// Looks at each of these seconds and returns the first at which the silence was too long.
    fn frozen_at(silence: &mut Silence, start: Instant, looks: impl IntoIterator<Item = u32>) -> Option<u32> {
        looks.into_iter().find(|at| silence.is_too_long(start + SECOND * *at))
    }

    #[test]
    fn silence_is_too_long_after_its_limit_and_the_start_has_twice_as_much() {
        let start = Instant::now();
        let mut silence = Silence::new(start, 16 * SECOND);
        assert_eq!(frozen_at(&mut silence, start, (4..100).step_by(4)), Some(32));
        let mut silence = Silence::new(start, 16 * SECOND);
        silence.end(start + 20 * SECOND);
        assert_eq!(frozen_at(&mut silence, start, (24..100).step_by(4)), Some(36));
    }

    #[test]
    fn a_supervisor_that_slept_accuses_nobody() {
        let start = Instant::now();
        let mut silence = Silence::new(start, 16 * SECOND);
        silence.end(start);
        assert!(!silence.is_too_long(start + 8000 * SECOND), "eight thousand seconds that nobody watched");
        assert_eq!(frozen_at(&mut silence, start, (8004..9000).step_by(4)), Some(8012));
    }

    #[test]
    fn a_bot_that_reports_is_never_frozen() {
        let start = Instant::now();
        let mut silence = Silence::new(start, 2 * SECOND);
        for at in 0..1000 {
            assert!(!silence.is_too_long(start + SECOND * at));
            silence.end(start + SECOND * at);
        }
    }
}
