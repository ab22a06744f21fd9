//! The pause before something that failed is tried again: it grows while the failures go on.

use std::time::{Duration, Instant};

/// After the first failure.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// Without a failure for so long, the next one counts as the first.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// How often it failed in a row.
#[derive(Debug, Clone, Copy, Default)]
pub struct Backoff {
    pause: Option<Duration>,
    failed: Option<Instant>,
}

impl Backoff {
    /// It failed at `now`: how long to wait before the next try. A second, doubled with each failure, at most a minute.
    pub fn pause(&mut self, now: Instant) -> Duration {
        let recent = self.failed.is_some_and(|failed| now.saturating_duration_since(failed) < FORGOTTEN);
        let pause = self.pause.filter(|_| recent).map_or(SHORTEST, |pause| (pause * 2).min(LONGEST));
        *self = Self { pause: Some(pause), failed: Some(now) };
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_to_a_minute_and_is_forgotten_after_ten() {
        let (mut backoff, start) = (Backoff::default(), Instant::now());
        for (at_s, want_s) in
            [(0, 1), (1, 2), (3, 4), (7, 8), (15, 16), (31, 32), (63, 60), (123, 60), (722, 60), (1322, 1)]
        {
            let pause = backoff.pause(start + Duration::from_secs(at_s));
            assert_eq!(pause, Duration::from_secs(want_s), "after {at_s} s");
        }
    }
}
