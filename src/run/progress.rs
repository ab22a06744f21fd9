//! The trading loop's progress, told to whoever watches from outside: the supervisor by a pipe, systemd by its socket.
//!
//! A frozen thread cannot report itself. So each turn of the loop, and nothing else, feeds both, and neither can block
//! the loop: a pipe or a socket that is full is passed over.
//!
//! The pipe is the child's standard input, which the bot never reads: it is how a descriptor reaches a child without
//! unsafe code. One byte a message, see [`Message`].

use super::systemd::Systemd;
use crate::{stop::Cause, store::last_run::Told};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{FileType, fstat},
    process::{Pid, Signal, getppid, set_parent_process_death_signal},
};
use std::{
    env,
    os::fd::{AsFd, OwnedFd},
    time::{Duration, Instant},
};

/// The variable that tells a child its supervisor's process id.
pub const SUPERVISOR_VARIABLE: &str = "SMOLBEAR_SUPERVISOR";
/// The variable that tells a child how the one before it ended.
pub const LAST_END_VARIABLE: &str = "SMOLBEAR_LAST_END";

/// Between two reports that say the same: a loop that turns each second leaves none further apart than 1.5 s.
const REPORT_EVERY: Duration = Duration::from_millis(500);
/// Between two reports of which the second says something new.
const CHANGE_EVERY: Duration = Duration::from_millis(100);

/// What one byte in the supervisor's pipe means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// The loop turned, and no position is open.
    Flat,
    /// The loop turned, and a position is open.
    Holding,
    /// The bot ends because a person or the system asked it to.
    AskedToStop,
}

impl Message {
    /// The byte in the pipe.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Flat => b'.',
            Self::Holding => b'p',
            Self::AskedToStop => b'q',
        }
    }

    /// What a byte from the pipe means; `None` for one that no bot writes.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            b'.' => Some(Self::Flat),
            b'p' => Some(Self::Holding),
            b'q' => Some(Self::AskedToStop),
            _ => None,
        }
    }
}

/// The process id of the supervisor that this process was started by; `None` for a process that runs for itself.
///
/// A supervisor that has ended since is still named: such a child must end and not begin to supervise.
#[must_use]
pub fn supervisor() -> Option<Pid> {
    let named: u32 = env::var(SUPERVISOR_VARIABLE).ok()?.parse().ok()?;
    let named = Pid::from_raw(named.try_into().ok()?)?;
    let fifo = fstat(std::io::stdin()).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Fifo);
    fifo.then_some(named)
}

/// What the supervisor told of the bot before this one; `None` for a process that runs for itself, or is the first.
#[must_use]
pub fn last_end() -> Option<Told> {
    supervisor()?;
    env::var(LAST_END_VARIABLE).ok()?.parse().ok()
}

/// The reporting end of the loop's progress.
#[derive(Debug)]
pub struct Progress {
    pipe: Option<OwnedFd>,
    systemd: Systemd,
    told: Option<(Instant, Message)>,
    gone: bool,
}

impl Progress {
    /// Finds the supervisor and systemd in the environment; without them every call is cheap and silent.
    ///
    /// A child also asks the kernel for SIGTERM at its supervisor's death. To be called on the main thread, once.
    #[must_use]
    pub fn from_environment() -> Self {
        let systemd = Systemd::from_environment();
        let Some(supervisor) = supervisor() else { return Self::new(None, systemd) };
        if let Err(error) = set_parent_process_death_signal(Some(Signal::TERM)) {
            log::warn!("the kernel won't tell of the supervisor's death, the pipe will: {error}");
        }
        // It may have died before the kernel was asked.
        let gone = getppid() != Some(supervisor);
        Self { gone, ..Self::new(std::io::stdin().as_fd().try_clone_to_owned().ok(), systemd) }
    }

    fn new(pipe: Option<OwnedFd>, systemd: Systemd) -> Self {
        Self { pipe, systemd, told: None, gone: false }
    }

    /// Tells systemd that the start is over.
    pub fn ready(&mut self) {
        self.systemd.ready();
    }

    /// Reports one turn of the loop. To be called at least once a second, and as often as one likes.
    ///
    /// Returns why the bot must stop when its supervisor is gone.
    #[must_use = "a bot without its supervisor must stop"]
    pub fn turn(&mut self, holds_position: bool) -> Option<Cause> {
        let now = Instant::now();
        self.systemd.feed(now);
        let message = if holds_position { Message::Holding } else { Message::Flat };
        if self.is_due(now, message) {
            self.write(message);
            self.told = Some((now, message));
        }
        self.gone.then_some(Cause::SupervisorGone)
    }

    /// Tells systemd and the supervisor that the end has begun, and whether it was asked for.
    pub fn stopping(&mut self, cause: Cause) {
        self.systemd.stopping();
        match cause {
            Cause::Interrupt | Cause::Terminate | Cause::HangUp => self.write(Message::AskedToStop),
            Cause::DurationReached | Cause::DataOver | Cause::SupervisorGone | Cause::Emergency | Cause::Failure => {}
        }
    }

    fn is_due(&self, now: Instant, message: Message) -> bool {
        self.told.is_none_or(|(at, told)| {
            let spacing = if told == message { REPORT_EVERY } else { CHANGE_EVERY };
            now.duration_since(at) >= spacing
        })
    }

    /// Writes when the pipe has room. It has one writer, so the room is still there for the write.
    fn write(&mut self, message: Message) {
        let Some(pipe) = &self.pipe else { return };
        let mut asked = [PollFd::new(pipe, PollFlags::OUT)];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        if poll(&mut asked, Some(&at_once)).is_err() {
            return;
        }
        let found = asked[0].revents();
        // A pipe that nobody can read any more shows as an error.
        self.gone |= found.contains(PollFlags::ERR)
            || found.contains(PollFlags::OUT)
                && rustix::io::write(pipe, &[message.byte()]) == Err(rustix::io::Errno::PIPE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{PipeReader, Read, pipe};

    fn watched() -> (PipeReader, Progress) {
        let (reader, writer) = pipe().unwrap();
        rustix::io::ioctl_fionbio(&reader, true).unwrap();
        (reader, Progress::new(Some(writer.into()), Systemd::default()))
    }

    fn heard(reader: &mut PipeReader) -> String {
        let mut bytes = [0; 1024];
        let length = reader.read(&mut bytes).unwrap_or(0);
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }

    #[test]
    fn every_message_survives_the_pipe() {
        for message in [Message::Flat, Message::Holding, Message::AskedToStop] {
            assert_eq!(Message::from_byte(message.byte()), Some(message));
        }
        assert_eq!(Message::from_byte(b'?'), None);
    }

    #[test]
    fn a_thousand_turns_are_one_report_and_a_new_position_is_another() {
        let (mut reader, mut progress) = watched();
        for _ in 0..1000 {
            assert_eq!(progress.turn(false), None);
        }
        assert_eq!(heard(&mut reader), ".");
        std::thread::sleep(CHANGE_EVERY);
        for _ in 0..1000 {
            assert_eq!(progress.turn(true), None);
        }
        assert_eq!(heard(&mut reader), "p");
    }

    #[test]
    fn a_report_is_due_each_half_second_and_a_change_sooner() {
        let (_reader, mut progress) = watched();
        let start = Instant::now();
        progress.told = Some((start, Message::Flat));
        for (ms, message, want) in [
            (499, Message::Flat, false),
            (500, Message::Flat, true),
            (99, Message::Holding, false),
            (100, Message::Holding, true),
        ] {
            assert_eq!(progress.is_due(start + Duration::from_millis(ms), message), want, "{message:?} after {ms} ms");
        }
    }

    #[test]
    fn a_full_pipe_is_passed_over() {
        let (mut reader, mut progress) = watched();
        for _ in 0..100_000 {
            progress.write(Message::Flat);
        }
        assert!(!progress.gone);
        assert!(!heard(&mut reader).is_empty(), "the pipe took what it could");
    }

    #[test]
    fn a_supervisor_that_is_gone_is_a_reason_to_stop() {
        let (reader, mut progress) = watched();
        drop(reader);
        assert_eq!(progress.turn(false), Some(Cause::SupervisorGone));
        assert_eq!(progress.turn(true), Some(Cause::SupervisorGone), "and stays one");
    }

    #[test]
    fn only_an_end_that_was_asked_for_is_told() {
        for (cause, want) in [
            (Cause::Interrupt, "q"),
            (Cause::Terminate, "q"),
            (Cause::HangUp, "q"),
            (Cause::DurationReached, ""),
            (Cause::DataOver, ""),
            (Cause::Failure, ""),
        ] {
            let (mut reader, mut progress) = watched();
            progress.stopping(cause);
            assert_eq!(heard(&mut reader), want, "{cause:?}");
        }
    }

    #[test]
    fn without_watchers_a_turn_is_silent() {
        let mut progress = Progress::new(None, Systemd::default());
        progress.ready();
        assert_eq!(progress.turn(true), None);
        progress.stopping(Cause::Terminate);
    }
}
