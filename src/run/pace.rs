//! From the market's time to the process's: how long until something is due at a speed.

use crate::{config::Speed, market::Timestamp};
use std::time::{Duration, Instant};

/// The longest wait that the loop plans at once; what is due later is looked at again.
const LONGEST: Duration = Duration::from_secs(3600);

/// The market's clock: it starts at a moment of market time and runs at a speed against the monotonic clock. It never goes back.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    speed: Speed,
    /// Market time at `from`.
    begins: Timestamp,
    from: Instant,
    /// Market time of the latest event.
    latest: Timestamp,
}

impl Pace {
    /// A clock that shows `begins` at `from`.
    #[must_use]
    pub const fn new(speed: Speed, begins: Timestamp, from: Instant) -> Self {
        Self { speed, begins, from, latest: begins }
    }

    /// Shows `begins` at `from`, or what it has reached where that is later.
    pub fn start(&mut self, begins: Timestamp, from: Instant) {
        let begins = begins.max(self.latest);
        *self = Self { begins, from, latest: begins, ..*self };
    }

    /// Shows `market` at `now`, or what it has reached where that is later: the time of a market whose clock is not ours.
    pub fn set(&mut self, market: Timestamp, now: Instant) {
        *self = Self { begins: market.max(self.latest), from: now, ..*self };
    }

    /// An event of this market time happens: the time at which it counts, since an older one counts as one of now.
    pub fn reach(&mut self, at: Timestamp) -> Timestamp {
        self.latest = self.latest.max(at);
        self.latest
    }

    /// Market time of the latest event.
    #[must_use]
    pub const fn latest(&self) -> Timestamp {
        self.latest
    }

    /// What the clock shows; without a measure of speed the market is where its data is.
    #[must_use]
    pub fn market(&self, now: Instant) -> Timestamp {
        match self.speed {
            Speed::Max => self.latest,
            // seconds × 1000 × speed stays far below what an f64 counts exactly; a cast beyond the range saturates
            Speed::Times(times) => {
                let elapsed_ms = now.saturating_duration_since(self.from).as_secs_f64() * 1000.0;
                self.begins.plus_ms((elapsed_ms * times) as i64).max(self.latest)
            }
        }
    }

    /// Whether what happens at `at` is due when the clock shows `market`.
    #[must_use]
    pub fn is_due(&self, at: Timestamp, market: Timestamp) -> bool {
        matches!(self.speed, Speed::Max) || at <= market
    }

    /// When the clock shows `at`: never before `from`, and at most an hour after `now`.
    #[must_use]
    pub fn instant(&self, at: Timestamp, now: Instant) -> Instant {
        match self.speed {
            Speed::Max => now,
            Speed::Times(times) => {
                let ms = at.since_ms(self.begins).max(0) as f64 / times;
                let due = self.from.checked_add(Duration::try_from_secs_f64(ms / 1000.0).unwrap_or(Duration::MAX));
                due.unwrap_or(now + LONGEST).min(now + LONGEST)
            }
        }
    }

    /// How long so much market time takes; without a measure of speed, no time at all.
    #[must_use]
    pub fn takes(&self, market_ms: i64) -> Duration {
        match self.speed {
            Speed::Max => Duration::ZERO,
            Speed::Times(times) => {
                Duration::try_from_secs_f64(market_ms as f64 / 1000.0 / times).unwrap_or(Duration::MAX)
            }
        }
    }

    /// Whether the market's time is not the reader's, so that a line must say it.
    #[must_use]
    pub fn is_virtual(&self) -> bool {
        self.speed != Speed::Times(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_a_second() {
        let from = Instant::now();
        let mut pace = Pace::new(Speed::Times(3600.0), Timestamp(1_000), from);
        let later = from + Duration::from_millis(500);
        assert_eq!(pace.market(later), Timestamp(1_000 + 1_800_000));
        assert_eq!(pace.instant(Timestamp(1_000 + 1_800_000), from), later);
        assert_eq!(pace.instant(Timestamp(0), from), from, "what is past is due");
        assert_eq!(pace.takes(3_600_000), Duration::from_secs(1));
        assert_eq!(pace.reach(Timestamp(5_000)), Timestamp(5_000));
        assert_eq!(
            (pace.reach(Timestamp(4_000)), pace.market(from)),
            (Timestamp(5_000), Timestamp(5_000)),
            "never back"
        );
        pace.start(Timestamp(9_000), later);
        assert_eq!((pace.market(from), pace.latest()), (Timestamp(9_000), Timestamp(9_000)));
        pace.start(Timestamp(8_000), later);
        let second = later + Duration::from_secs(1);
        assert_eq!(pace.market(second), Timestamp(9_000 + 3_600_000), "in the middle of a candle it goes on at once");
    }

    #[test]
    fn a_moment_is_due_when_the_clock_has_come_to_it() {
        let now = Instant::now();
        for (speed, at, want) in
            [(Speed::Times(1.0), 7, true), (Speed::Times(1.0), 8, false), (Speed::Max, i64::MAX, true)]
        {
            let pace = Pace::new(speed, Timestamp(0), now);
            assert_eq!(pace.is_due(Timestamp(at), Timestamp(7)), want, "{speed:?} {at}");
        }
    }

    #[test]
    fn without_a_measure_everything_is_due() {
        let now = Instant::now();
        let pace = Pace::new(Speed::Max, Timestamp(7), now);
        assert_eq!((pace.instant(Timestamp(i64::MAX), now), pace.market(now)), (now, Timestamp(7)));
        assert_eq!((pace.takes(i64::MAX), pace.is_virtual()), (Duration::ZERO, true));
    }

    #[test]
    fn absurd_times_neither_panic_nor_spin() {
        let now = Instant::now();
        for times in [1e-9, 1.0, 1e12] {
            let pace = Pace::new(Speed::Times(times), Timestamp(i64::MIN), now);
            assert!(pace.instant(Timestamp(i64::MAX), now) <= now + LONGEST);
            assert!(pace.market(now + Duration::from_secs(9)) >= Timestamp(i64::MIN));
            assert!(pace.takes(i64::MAX) > Duration::ZERO);
        }
    }
}
