//! From the market's time to the process's: how long until something is due at a speed.

use crate::{config::Speed, market::Timestamp};
use std::time::{Duration, Instant};

/// The longest wait that the loop plans at once; what is due later is looked at again.
const LONGEST: Duration = Duration::from_secs(3600);

/// The market's clock: it starts at a moment of market time and runs at a speed against the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    speed: Speed,
    /// Market time at `from`.
    begins: Timestamp,
    from: Instant,
}

impl Pace {
    /// A clock that shows `begins` at `from`.
    #[must_use]
    pub const fn new(speed: Speed, begins: Timestamp, from: Instant) -> Self {
        Self { speed, begins, from }
    }

    /// What the clock shows; `latest` where the speed has no measure, since the market is then where its data is.
    #[must_use]
    pub fn market(&self, now: Instant, latest: Timestamp) -> Timestamp {
        match self.speed {
            Speed::Max => latest,
            // seconds × 1000 × speed stays far below what an f64 counts exactly; a cast beyond the range saturates
            Speed::Times(times) => {
                let elapsed_ms = now.saturating_duration_since(self.from).as_secs_f64() * 1000.0;
                self.begins.plus_ms((elapsed_ms * times) as i64).max(latest)
            }
        }
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_a_second() {
        let from = Instant::now();
        let pace = Pace::new(Speed::Times(3600.0), Timestamp(1_000), from);
        let later = from + Duration::from_millis(500);
        assert_eq!(pace.market(later, Timestamp(0)), Timestamp(1_000 + 1_800_000));
        assert_eq!(pace.instant(Timestamp(1_000 + 1_800_000), from), later);
        assert_eq!(pace.instant(Timestamp(0), from), from, "what is past is due");
        assert_eq!(pace.market(from, Timestamp(5_000)), Timestamp(5_000), "never back");
    }

    #[test]
    fn without_a_measure_everything_is_due() {
        let now = Instant::now();
        let pace = Pace::new(Speed::Max, Timestamp(0), now);
        assert_eq!((pace.instant(Timestamp(i64::MAX), now), pace.market(now, Timestamp(7))), (now, Timestamp(7)));
    }

    #[test]
    fn absurd_times_neither_panic_nor_spin() {
        let now = Instant::now();
        for times in [1e-9, 1.0, 1e12] {
            let pace = Pace::new(Speed::Times(times), Timestamp(i64::MIN), now);
            assert!(pace.instant(Timestamp(i64::MAX), now) <= now + LONGEST);
            assert!(pace.market(now + Duration::from_secs(9), Timestamp(i64::MIN)) >= Timestamp(i64::MIN));
        }
    }
}
