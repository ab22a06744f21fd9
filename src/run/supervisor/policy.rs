//! Whether a bot that has ended is started again, and when. Pure: counters in, a decision out.
//!
//! A failure (exit code 1, 70 or any that isn't named below, a signal, a freeze) is followed by a restart; with
//! `--infinite` a clean end too. Exit codes 2, 3 and 75 and a stop that was asked for end the supervisor.
//!
//! The wait before a restart, with `d` for `--restart-delay`:
//!
//! | failure in a row | 1st | 2nd | 3rd | 4th | … | 10th | 11th |
//! |---|---|---|---|---|---|---|---|
//! | wait | `d` | `d` | 2 `d` | 4 `d` | … at most 3600 s | 256 `d` | end, exit code 1 |
//!
//! A run that was healthy for ten minutes clears the row, so its end is the first. The first run of a row that was
//! healthy so long or held a position is followed after 1 s (`d` where that is shorter), whatever its place: money in the
//! market waits for nobody.
//! A clean end waits as a first failure does, and clears the row.

use std::{fmt, time::Duration};

/// A run that was healthy for this long clears the row of failures.
pub const HEALTHY: Duration = Duration::from_secs(600);
/// The wait after a run that was healthy so long, or that held a position.
pub const QUICK: Duration = Duration::from_secs(1);
/// The longest wait.
pub const LONGEST: Duration = Duration::from_secs(3600);
/// More failures in a row than this end it.
pub const FAILURES_IN_A_ROW: u32 = 10;

/// Exit code of a supervisor that gives up.
const GAVE_UP: u8 = 1;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With an exit code.
    Exit(u8),
    /// Killed by a signal, by its number.
    Signal(i32),
    /// It made no progress, so the supervisor killed it.
    Frozen,
    /// The system could not start it or lost sight of it.
    Lost,
}

impl Ended {
    /// The name of the signal that ended it; the numbers are the same on every board that the bot is built for.
    #[must_use]
    pub const fn signal_name(self) -> Option<&'static str> {
        let Self::Signal(number) = self else { return None };
        Some(match number {
            1 => "SIGHUP",
            2 => "SIGINT",
            3 => "SIGQUIT",
            4 => "SIGILL",
            5 => "SIGTRAP",
            6 => "SIGABRT",
            7 => "SIGBUS",
            8 => "SIGFPE",
            9 => "SIGKILL",
            11 => "SIGSEGV",
            13 => "SIGPIPE",
            14 => "SIGALRM",
            15 => "SIGTERM",
            24 => "SIGXCPU",
            25 => "SIGXFSZ",
            31 => "SIGSYS",
            _ => return None,
        })
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Exit(code) => match meaning(code) {
                "" => write!(f, "exit code {code}"),
                meaning => write!(f, "exit code {code} ({meaning})"),
            },
            Self::Signal(number) => match self.signal_name() {
                Some(name) => write!(f, "killed by {name}"),
                None => write!(f, "killed by signal {number}"),
            },
            Self::Frozen => f.write_str("frozen"),
            Self::Lost => f.write_str("not started"),
        }
    }
}

/// What the bot means by an exit code.
const fn meaning(code: u8) -> &'static str {
    match code {
        0 => "clean end",
        1 => "failure",
        2 => "usage, configuration or input",
        3 => "emergency stop",
        70 | 101 => "panic",
        75 => "the data directory is held by another",
        129 => "SIGHUP",
        130 => "Ctrl-C",
        143 => "SIGTERM",
        _ => "",
    }
}

/// What the supervisor knows of a run that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// From its first report of progress to the last.
    pub healthy: Duration,
    /// Whether a position was open at its last report.
    pub held_position: bool,
    /// Whether it said that its end was asked for.
    pub asked_to_stop: bool,
    /// How it ended.
    pub ended: Ended,
}

/// The user's part of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// `--max-restarts`.
    pub max_restarts: u32,
    /// `--restart-delay`.
    pub restart_delay: Duration,
    /// `--infinite`.
    pub infinite: bool,
}

/// What follows a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Start it again after this wait.
    RestartAfter(Duration),
    /// End with this exit code, for this reason.
    End {
        /// The supervisor's exit code.
        code: u8,
        /// Why it isn't started again.
        reason: String,
    },
}

/// The rules with their counters.
#[derive(Debug, Clone)]
pub struct RestartPolicy {
    rules: Rules,
    restarts: u32,
    failures: u32,
    quick_used: bool,
}

impl RestartPolicy {
    /// Rules that have seen no run yet.
    #[must_use]
    pub const fn new(rules: Rules) -> Self {
        Self { rules, restarts: 0, failures: 0, quick_used: false }
    }

    /// Restarts decided so far.
    #[must_use]
    pub const fn restarts(&self) -> u32 {
        self.restarts
    }

    /// What follows `run`, and counts it.
    pub fn decide(&mut self, run: &Run) -> Decision {
        if let Some(end) = self.final_end(run) {
            return end;
        }
        if run.healthy >= HEALTHY || run.ended == Ended::Exit(0) {
            self.failures = 0;
            self.quick_used = false;
        }
        if run.ended != Ended::Exit(0) {
            self.failures += 1;
        }
        if self.failures > FAILURES_IN_A_ROW {
            return end(GAVE_UP, format!("{} failures in a row, the last: {}", self.failures, run.ended));
        }
        if self.restarts >= self.rules.max_restarts {
            return end(GAVE_UP, format!("{} restarts are used up, the last end: {}", self.restarts, run.ended));
        }
        self.restarts += 1;
        Decision::RestartAfter(self.wait(run))
    }

    /// The ends that no restart follows, whatever the counters say.
    fn final_end(&self, run: &Run) -> Option<Decision> {
        match run.ended {
            Ended::Exit(code @ (2 | 3 | 75 | 129 | 130 | 143)) => Some(end(code, run.ended.to_string())),
            Ended::Exit(0) if run.asked_to_stop => Some(end(0, "it was asked to stop".to_owned())),
            Ended::Exit(0) if !self.rules.infinite => Some(end(0, run.ended.to_string())),
            Ended::Signal(number @ (1 | 2 | 15)) => Some(end(128 + number.unsigned_abs() as u8, run.ended.to_string())),
            Ended::Lost if self.restarts == 0 => Some(end(GAVE_UP, run.ended.to_string())),
            Ended::Exit(_) | Ended::Signal(_) | Ended::Frozen | Ended::Lost => None,
        }
    }

    fn wait(&mut self, run: &Run) -> Duration {
        if (run.healthy >= HEALTHY || run.held_position) && !self.quick_used {
            self.quick_used = true;
            return QUICK.min(self.rules.restart_delay);
        }
        let doubled = self.failures.saturating_sub(2);
        self.rules.restart_delay.saturating_mul(1 << doubled).min(LONGEST)
    }
}

fn end(code: u8, reason: String) -> Decision {
    Decision::End { code, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_secs(5);
    const RULES: Rules = Rules { max_restarts: 1000, restart_delay: Duration::from_secs(30), infinite: false };

    fn run(ended: Ended) -> Run {
        Run { healthy: SHORT, held_position: false, asked_to_stop: false, ended }
    }

    fn after_s(seconds: u64) -> Decision {
        Decision::RestartAfter(Duration::from_secs(seconds))
    }

    fn code(decision: &Decision) -> Option<u8> {
        match decision {
            Decision::RestartAfter(_) => None,
            Decision::End { code, .. } => Some(*code),
        }
    }

    #[test]
    fn the_end_decides_whether_it_is_started_again() {
        let asked = Run { asked_to_stop: true, ..run(Ended::Exit(0)) };
        for (run, plain, infinite) in [
            (run(Ended::Exit(0)), Some(0), None),
            (asked, Some(0), Some(0)),
            (run(Ended::Exit(1)), None, None),
            (run(Ended::Exit(70)), None, None),
            (run(Ended::Exit(101)), None, None),
            (run(Ended::Exit(2)), Some(2), Some(2)),
            (run(Ended::Exit(3)), Some(3), Some(3)),
            (run(Ended::Exit(75)), Some(75), Some(75)),
            (run(Ended::Exit(129)), Some(129), Some(129)),
            (run(Ended::Exit(130)), Some(130), Some(130)),
            (run(Ended::Exit(143)), Some(143), Some(143)),
            (run(Ended::Signal(1)), Some(129), Some(129)),
            (run(Ended::Signal(2)), Some(130), Some(130)),
            (run(Ended::Signal(15)), Some(143), Some(143)),
            (run(Ended::Signal(9)), None, None),
            (run(Ended::Signal(11)), None, None),
            (run(Ended::Frozen), None, None),
            (run(Ended::Lost), Some(1), Some(1)),
        ] {
            let decide = |infinite| code(&RestartPolicy::new(Rules { infinite, ..RULES }).decide(&run));
            assert_eq!((decide(false), decide(true)), (plain, infinite), "{run:?}");
        }
    }

    #[test]
    fn the_wait_doubles_from_the_second_failure_and_the_eleventh_ends_it() {
        let mut policy = RestartPolicy::new(RULES);
        for wait in [30, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600] {
            assert_eq!(policy.decide(&run(Ended::Exit(70))), after_s(wait));
        }
        let last = policy.decide(&run(Ended::Frozen));
        assert_eq!(last, end(1, "11 failures in a row, the last: frozen".to_owned()));
    }

    #[test]
    fn a_run_that_was_healthy_for_ten_minutes_clears_the_row() {
        let mut policy = RestartPolicy::new(RULES);
        let healthy = Run { healthy: HEALTHY, ..run(Ended::Signal(9)) };
        let almost = Run { healthy: HEALTHY - Duration::from_millis(1), ..healthy };
        for (run, wait) in [
            (run(Ended::Exit(1)), 30),
            (run(Ended::Exit(1)), 30),
            (run(Ended::Exit(1)), 60),
            (healthy, 1),
            (run(Ended::Exit(1)), 30),
            (almost, 60),
            (healthy, 1),
            (healthy, 1),
        ] {
            assert_eq!(policy.decide(&run), after_s(wait), "{run:?}");
        }
    }

    #[test]
    fn the_first_run_of_a_row_that_held_a_position_is_back_after_a_second() {
        let held = Run { held_position: true, ..run(Ended::Signal(9)) };
        for (row, waits) in [
            (vec![held, held, held], vec![1, 30, 60]),
            (vec![run(Ended::Exit(1)), held, held], vec![30, 1, 60]),
            (vec![held, run(Ended::Exit(1)), held], vec![1, 30, 60]),
        ] {
            let mut policy = RestartPolicy::new(RULES);
            for (run, wait) in row.iter().zip(waits) {
                assert_eq!(policy.decide(run), after_s(wait), "{row:?}");
            }
        }
    }

    #[test]
    fn restarts_are_counted_over_the_whole_time() {
        let mut policy = RestartPolicy::new(Rules { max_restarts: 2, ..RULES });
        let healthy = Run { healthy: HEALTHY, ..run(Ended::Exit(70)) };
        assert_eq!(policy.decide(&healthy), after_s(1));
        assert_eq!(policy.decide(&healthy), after_s(1));
        let used_up = policy.decide(&healthy);
        assert_eq!(used_up, end(1, "2 restarts are used up, the last end: exit code 70 (panic)".to_owned()));
        let none = RestartPolicy::new(Rules { max_restarts: 0, ..RULES }).decide(&run(Ended::Exit(1)));
        assert_eq!(code(&none), Some(1));
    }

    #[test]
    fn a_clean_end_with_infinite_waits_and_clears_the_row() {
        let mut policy = RestartPolicy::new(Rules { infinite: true, ..RULES });
        for (ended, wait) in [
            (Ended::Exit(1), 30),
            (Ended::Exit(1), 30),
            (Ended::Exit(1), 60),
            (Ended::Exit(0), 30),
            (Ended::Exit(1), 30),
            (Ended::Exit(1), 30),
        ] {
            assert_eq!(policy.decide(&run(ended)), after_s(wait), "{ended}");
        }
    }

    #[test]
    fn a_program_that_cannot_be_started_again_is_tried_like_any_failure() {
        let mut policy = RestartPolicy::new(RULES);
        assert_eq!(policy.decide(&run(Ended::Signal(9))), after_s(30));
        assert_eq!(policy.decide(&run(Ended::Lost)), after_s(30));
        assert_eq!(policy.decide(&run(Ended::Lost)), after_s(60));
    }

    #[test]
    fn an_end_is_named_as_people_know_it() {
        for (ended, want) in [
            (Ended::Exit(70), "exit code 70 (panic)"),
            (Ended::Exit(3), "exit code 3 (emergency stop)"),
            (Ended::Exit(42), "exit code 42"),
            (Ended::Signal(9), "killed by SIGKILL"),
            (Ended::Signal(64), "killed by signal 64"),
            (Ended::Frozen, "frozen"),
        ] {
            assert_eq!(ended.to_string(), want);
        }
    }
}
