//! Three clocks compared, to notice what none of them says alone: the wall clock was set, the machine slept, the process was stopped.
//!
//! Nothing in the bot is timed by the wall clock; it is read here and for the log's time stamps.

use rustix::time::{ClockId, clock_gettime};
use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The wall clock counts as set when it went this much more or less than the time that passed.
pub const WALL_JUMP_MS: i64 = 2_000;
/// The machine counts as suspended when the boot clock went this much more than the monotonic clock.
pub const SUSPEND_MS: i64 = 5_000;
/// The process counts as stopped when it looks this much later than it meant to.
pub const STALL_MS: i64 = 5_000;
/// A clock that is slewed towards the right time goes wrong by less than one part in this many.
const SLEW: i64 = 1_000;

/// The three clocks at one moment, in ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Since 1970; may be set to anything at any time.
    pub wall_ms: i64,
    /// Stands still while the machine sleeps.
    pub monotonic_ms: i64,
    /// Goes on while the machine sleeps.
    pub boot_ms: i64,
}

impl Reading {
    /// The clocks now.
    #[must_use]
    pub fn now() -> Self {
        Self { wall_ms: wall_ms(), monotonic_ms: clock_ms(ClockId::Monotonic), boot_ms: clock_ms(ClockId::Boottime) }
    }
}

/// What the clocks show when they are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockEvent {
    /// The wall clock was set, by so many ms.
    WallJump(i64),
    /// The machine slept for so many ms.
    Suspend(i64),
    /// The process did not run for so many ms longer than it meant to wait.
    Stall(i64),
}

impl fmt::Display for ClockEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |ms: i64| ms as f64 / 1000.0;
        match *self {
            Self::WallJump(ms) => write!(f, "the wall clock was set by {:+.1} s", seconds(ms)),
            Self::Suspend(ms) => write!(f, "the machine slept for {:.1} s", seconds(ms)),
            Self::Stall(ms) => write!(f, "the process stood still for {:.1} s", seconds(ms)),
        }
    }
}

/// Compares the clocks from one look to the next.
#[derive(Debug, Clone)]
pub struct ClockWatch {
    last: Reading,
}

impl Default for ClockWatch {
    fn default() -> Self {
        Self::new()
    }
}

impl ClockWatch {
    /// A watch that begins now.
    #[must_use]
    pub fn new() -> Self {
        Self { last: Reading::now() }
    }

    /// What happened since the last look. `planned`: how long the caller meant to be away at most; what goes over it is a stall.
    pub fn look(&mut self, planned: Duration) -> Vec<ClockEvent> {
        let last = std::mem::replace(&mut self.last, Reading::now());
        compare(last, self.last, i64::try_from(planned.as_millis()).unwrap_or(i64::MAX))
    }
}

/// What happened between two readings, of which the second was meant to follow within `planned_ms`.
#[must_use]
pub fn compare(last: Reading, now: Reading, planned_ms: i64) -> Vec<ClockEvent> {
    let wall = now.wall_ms.saturating_sub(last.wall_ms);
    let monotonic = now.monotonic_ms - last.monotonic_ms;
    let boot = now.boot_ms - last.boot_ms;
    // Against the boot clock, which is the time that really passed: a suspend is no wall jump.
    let jump = wall.saturating_sub(boot);
    [
        (jump.saturating_abs() > WALL_JUMP_MS + boot / SLEW).then_some(ClockEvent::WallJump(jump)),
        (boot - monotonic > SUSPEND_MS).then_some(ClockEvent::Suspend(boot - monotonic)),
        (monotonic.saturating_sub(planned_ms) > STALL_MS).then(|| ClockEvent::Stall(monotonic - planned_ms)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The wall clock, in milliseconds since 1970; before that, negative.
#[must_use]
pub fn wall_ms() -> i64 {
    let whole = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => whole(since),
        Err(before) => -whole(before.duration()),
    }
}

fn clock_ms(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::{ClockEvent::*, *};

    const START: Reading = Reading { wall_ms: 1_700_000_000_000, monotonic_ms: 50_000, boot_ms: 90_000 };

    fn after(wall: i64, monotonic: i64, boot: i64) -> Reading {
        Reading {
            wall_ms: START.wall_ms + wall,
            monotonic_ms: START.monotonic_ms + monotonic,
            boot_ms: START.boot_ms + boot,
        }
    }

    #[test]
    fn each_trouble_of_the_clocks_is_told_from_the_others() {
        for (what, now, planned, want) in [
            ("a calm look", after(1_000, 1_000, 1_000), 1_000, vec![]),
            ("set forward", after(3_601_000, 1_000, 1_000), 1_000, vec![WallJump(3_600_000)]),
            ("set back", after(-9_000, 1_000, 1_000), 1_000, vec![WallJump(-10_000)]),
            ("just at the limit", after(3_001, 1_000, 1_000), 1_000, vec![]),
            ("just over it", after(3_002, 1_000, 1_000), 1_000, vec![WallJump(2_002)]),
            ("an hour slewed by 500 ppm", after(3_601_800, 3_600_000, 3_600_000), 3_600_000, vec![]),
            ("slept", after(61_000, 1_000, 61_000), 1_000, vec![Suspend(60_000)]),
            ("slept, then set", after(1_000, 1_000, 61_000), 1_000, vec![WallJump(-60_000), Suspend(60_000)]),
            ("stopped", after(9_000, 9_000, 9_000), 1_000, vec![Stall(8_000)]),
            ("a long wait that was meant", after(300_000, 300_000, 300_000), 300_000, vec![]),
            ("woken early", after(1_000, 1_000, 1_000), 300_000, vec![]),
            ("a wait without end", after(1_000, 1_000, 1_000), i64::MAX, vec![]),
        ] {
            assert_eq!(compare(START, now, planned), want, "{what}");
        }
    }

    #[test]
    fn the_real_clocks_show_nothing_on_a_calm_look() {
        let mut watch = ClockWatch::new();
        let reading = Reading::now();
        assert!(reading.boot_ms >= reading.monotonic_ms && reading.wall_ms > 1_600_000_000_000, "{reading:?}");
        assert_eq!(watch.look(Duration::ZERO), vec![]);
    }

    #[test]
    fn events_read_as_prose() {
        for (event, want) in [
            (WallJump(-3_600_000), "the wall clock was set by -3600.0 s"),
            (Suspend(60_500), "the machine slept for 60.5 s"),
            (Stall(8_000), "the process stood still for 8.0 s"),
        ] {
            assert_eq!(event.to_string(), want);
        }
    }
}
