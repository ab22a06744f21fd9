//! The session's time: the process's own, at the market's speed.

use crate::{market::Timestamp, run::clocks::wall_ms};
use std::time::{Duration, Instant};

/// A clock that began with what the wall clock showed, and never jumps.
#[derive(Debug, Clone, Copy)]
pub struct SessionClock {
    begins: Timestamp,
    from: Instant,
    speed: f64,
}

impl SessionClock {
    /// A clock that begins now.
    #[must_use]
    pub fn new(speed: f64) -> Self {
        Self { begins: Timestamp(wall_ms()), from: Instant::now(), speed }
    }

    /// What it shows.
    #[must_use]
    pub fn at(&self, now: Instant) -> Timestamp {
        let elapsed_ms = now.saturating_duration_since(self.from).as_secs_f64() * 1000.0 * self.speed;
        self.begins.plus_ms(elapsed_ms as i64)
    }

    /// How fast it goes.
    #[must_use]
    pub const fn speed(&self) -> f64 {
        self.speed
    }

    /// When it shows `at`; what it cannot show within an hour is looked at again then.
    #[must_use]
    pub fn instant(&self, at: Timestamp) -> Instant {
        const LONGEST: Duration = Duration::from_secs(3600);
        // rounded up, so that it shows `at` then
        let ms = (at.since_ms(self.begins).max(0) + 1) as f64 / self.speed;
        let due = self.from.checked_add(Duration::try_from_secs_f64(ms / 1000.0).unwrap_or(Duration::MAX));
        let latest = Instant::now() + LONGEST;
        due.unwrap_or(latest).min(latest)
    }

    /// The machine slept for so many ms, which the process's own time does not know of.
    pub fn slept(&mut self, ms: i64) {
        self.begins = self.begins.plus_ms((ms.max(0) as f64 * self.speed) as i64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_a_moment_when_it_says_so() {
        for speed in [0.5, 1.0, 60.0, 3600.0] {
            let mut clock = SessionClock::new(speed);
            let later = clock.from + Duration::from_millis(400);
            let shown = clock.at(later);
            assert_eq!(shown.since_ms(clock.begins), (400.0 * speed) as i64);
            let due = clock.instant(shown);
            assert!(due >= later && clock.at(due) >= shown, "{speed}");
            assert!(due <= later + Duration::from_millis(1 + (1000.0 / speed) as u64), "{speed}");
            clock.slept(1_000);
            assert_eq!(clock.at(later).since_ms(shown), (1000.0 * speed) as i64);
        }
    }
}
