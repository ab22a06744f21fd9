//! Ctrl-C, SIGTERM and SIGHUP set the stop signal; and what the program's exit code is then.

use crate::{
    run::{opening::OpenError, process},
    stop::{Cause, Stop},
    store::{Fault, StoreError, folder::FolderError},
};
use async_signal::{Signal, Signals};
use futures_lite::StreamExt;
use log::{error, info, warn};
use std::io;

/// The exit code of a failure.
pub const FAILURE: u8 = 1;
/// The exit code of a usage, configuration or input error.
pub const USAGE: u8 = 2;
/// The exit code of an emergency stop.
pub const EMERGENCY: u8 = 3;
/// The exit code of a panic.
pub const PANIC: u8 = 70;
/// The exit code where another bot holds the data directory.
pub const HELD: u8 = 75;
/// The exit code of a second Ctrl-C, which does not wait for the shutdown.
const AT_ONCE: u8 = 130;

/// Hears the signals from its making on.
#[derive(Debug)]
pub struct Listener {
    signals: Signals,
}

impl Listener {
    /// Begins to hear SIGINT and SIGTERM, and SIGHUP unless it was ignored at start (nohup), which then stays so.
    ///
    /// # Errors
    /// The system has no socket pair or handler left.
    pub fn new() -> io::Result<Self> {
        let hang_up_ignored = process::ignores_signal(Signal::Hup as u32);
        let mut signals = Signals::new([Signal::Int, Signal::Term])?;
        if !hang_up_ignored {
            signals.add_signals([Signal::Hup])?;
        }
        Ok(Self { signals })
    }

    /// Sets `stop` at the first signal, with one line that names it. Goes on, for a second Ctrl-C ends the process at once;
    /// so it is cancelled at the end of the shutdown, and returns only when the signals can't be read any more.
    pub async fn run(mut self, stop: Stop) {
        let mut interrupted = false;
        while let Some(heard) = self.signals.next().await {
            match heard {
                Ok(signal) => react(reaction(signal, stop.cause(), &mut interrupted), &stop),
                Err(cause) => return error!("Signals can't be heard any more: {cause}"),
            }
        }
    }
}

/// From now on a file that may grow no more (`ulimit -f`) refuses what is written, as on a full disk, and the signal that comes with it ends
/// nothing. Nobody has to listen for it: what catches it stays until the process ends.
///
/// # Errors
/// The system has no socket pair or handler left.
pub fn survive_full_files() -> io::Result<()> {
    Signals::new([Signal::Xfsz]).map(drop)
}

#[derive(Debug, PartialEq, Eq)]
enum Reaction {
    Stop(Cause, &'static str),
    Wait(&'static str),
    EndAtOnce,
}

/// Only Ctrl-C twice is impatience: SIGTERM comes twice where systemd or `timeout` sends it to the whole group and the supervisor passes it on.
fn reaction(signal: Signal, stopping: Option<Cause>, interrupted: &mut bool) -> Reaction {
    let (cause, name) = match signal {
        Signal::Int => (Cause::Interrupt, "Ctrl-C"),
        Signal::Hup => (Cause::HangUp, "SIGHUP (the terminal is gone)"),
        _ => (Cause::Terminate, "SIGTERM"),
    };
    if signal == Signal::Int && std::mem::replace(interrupted, true) {
        return Reaction::EndAtOnce;
    }
    stopping.map_or(Reaction::Stop(cause, name), |_| Reaction::Wait(name))
}

fn react(reaction: Reaction, stop: &Stop) {
    match reaction {
        Reaction::Stop(cause, name) => {
            info!("Stopping: {name}");
            stop.stop(cause);
        }
        Reaction::Wait(name) => info!("{name}, but the bot is stopping already"),
        Reaction::EndAtOnce => {
            warn!("Ctrl-C again: ended at once");
            std::process::exit(AT_ONCE.into());
        }
    }
}

/// The exit code of a run that ended for `cause`; a signal that cut a `--duration` short is told by 128 plus its number.
#[must_use]
pub fn exit_code(cause: Cause, had_duration: bool) -> u8 {
    match (cause, had_duration) {
        (Cause::DurationReached | Cause::DataOver, _) => 0,
        (Cause::Interrupt | Cause::Terminate | Cause::HangUp | Cause::SupervisorGone, false) => 0,
        (Cause::Interrupt, true) => 130,
        (Cause::Terminate | Cause::SupervisorGone, true) => 143,
        (Cause::HangUp, true) => 129,
        (Cause::Emergency, _) => EMERGENCY,
        (Cause::Failure, _) => FAILURE,
    }
}

/// The exit code of a bot that can't have the account's memory.
#[must_use]
pub const fn without_memory(error: &OpenError) -> u8 {
    match error {
        OpenError::Folder(FolderError::Held { .. }) => HELD,
        // a restart may find it whole, and trusts nothing of what the disk has not confirmed
        OpenError::Store(StoreError { fault: Fault::Fsync, .. }) => PANIC,
        error if error.may_pass() => FAILURE,
        _ => USAGE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{run::tasks, store::folder::DataFolder};
    use rustix::process::{Signal as Number, getpid, kill_process};
    use smol::LocalExecutor;

    #[test]
    fn exit_codes_are_those_of_the_table() {
        for (cause, endless, with_duration) in [
            (Cause::DurationReached, 0, 0),
            (Cause::DataOver, 0, 0),
            (Cause::Interrupt, 0, 130),
            (Cause::Terminate, 0, 143),
            (Cause::HangUp, 0, 129),
            (Cause::SupervisorGone, 0, 143),
            (Cause::Emergency, 3, 3),
            (Cause::Failure, 1, 1),
        ] {
            assert_eq!((exit_code(cause, false), exit_code(cause, true)), (endless, with_duration), "{cause:?}");
        }
    }

    #[test]
    fn a_data_directory_that_is_held_is_told_from_one_that_cannot_be_used() {
        let path = tempfile::tempdir().unwrap();
        let _held = DataFolder::open(path.path()).unwrap();
        for (path, want) in [(path.path().to_owned(), 75), (path.path().join("lock"), 2)] {
            let error = DataFolder::open(&path).unwrap_err().into();
            assert_eq!(without_memory(&error), want, "{}", path.display());
        }
    }

    #[test]
    fn what_may_pass_is_worth_another_start_and_what_the_user_must_mend_is_not() {
        for (fault, want) in [(Fault::Fsync, 70), (Fault::Full, 1), (Fault::ReadOnly, 2), (Fault::Corrupt, 2)] {
            let error = StoreError { path: "a.db".into(), fault, cause: String::new() };
            assert_eq!(without_memory(&error.clone().into()), want, "{error:?}");
        }
    }

    #[test]
    fn only_a_second_ctrl_c_ends_at_once() {
        use {
            Reaction::{EndAtOnce, Stop, Wait},
            Signal::{Hup, Int, Term},
        };
        const CTRL_C: Reaction = Stop(Cause::Interrupt, "Ctrl-C");
        const TERM: Reaction = Stop(Cause::Terminate, "SIGTERM");
        for (signals, want) in [
            ([Int, Int], [CTRL_C, EndAtOnce]),
            ([Term, Term], [TERM, Wait("SIGTERM")]),
            ([Int, Term], [CTRL_C, Wait("SIGTERM")]),
            ([Term, Int], [TERM, Wait("Ctrl-C")]),
            ([Hup, Hup], [Stop(Cause::HangUp, "SIGHUP (the terminal is gone)"), Wait("SIGHUP (the terminal is gone)")]),
        ] {
            let (mut interrupted, mut stopping) = (false, None);
            for (signal, want) in signals.into_iter().zip(want) {
                let got = reaction(signal, stopping, &mut interrupted);
                assert_eq!(got, want, "{signals:?}");
                if let Stop(cause, _) = got {
                    stopping = Some(cause);
                }
            }
        }
    }

    #[test]
    fn a_real_signal_sets_the_stop_signal() {
        for (number, cause) in [(Number::TERM, Cause::Terminate), (Number::INT, Cause::Interrupt)] {
            let (executor, stop) = (LocalExecutor::new(), crate::stop::Stop::new());
            let task = tasks::spawn(&executor, "signals", Listener::new().unwrap().run(stop.clone()));
            kill_process(getpid(), number).unwrap();
            assert_eq!(async_io::block_on(executor.run(stop.stopped())), cause);
            assert!(!task.is_finished(), "it still listens for a second Ctrl-C");
            assert_eq!(async_io::block_on(executor.run(task.cancel())), None);
        }
    }
}
