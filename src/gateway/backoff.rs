//! The pause before something that failed is tried again, with chance from a seed, so that many bots do not come back in one moment.

use crate::market::{Random, Timestamp};

/// After the first failure, at most.
const SHORTEST_MS: i64 = 1_000;
/// However often it failed.
pub const LONGEST_MS: i64 = 60_000;

/// Chance.
#[derive(Debug, Clone)]
pub struct Jitter(Random);

impl Jitter {
    /// The numbers that belong to a seed.
    pub const fn new(seed: u64) -> Self {
        Self(Random::of_state(seed))
    }

    /// From 0 up to `most`, each about as often.
    pub fn up_to(&mut self, most: i64) -> i64 {
        let positive = i64::try_from(self.0.bits() >> 1).unwrap_or_default();
        positive % (most.max(0) + 1)
    }
}

/// How often something failed in a row, and when it may be tried again.
#[derive(Debug, Clone, Copy, Default)]
pub struct Backoff {
    failures: u32,
    until: Option<Timestamp>,
}

impl Backoff {
    /// Nothing has failed.
    pub const fn new() -> Self {
        Self { failures: 0, until: None }
    }

    /// It failed. Returns the pause in ms: a second, doubled with each failure, at most a minute; of that a half to the whole.
    pub fn fail(&mut self, now: Timestamp, jitter: &mut Jitter) -> i64 {
        self.fail_within(LONGEST_MS, now, jitter)
    }

    /// The same with another longest pause.
    pub fn fail_within(&mut self, longest_ms: i64, now: Timestamp, jitter: &mut Jitter) -> i64 {
        let whole = SHORTEST_MS.saturating_mul(1 << self.failures.min(16)).min(longest_ms);
        self.failures = self.failures.saturating_add(1);
        let pause = whole / 2 + jitter.up_to(whole - whole / 2);
        self.until = Some(now.plus_ms(pause));
        pause
    }

    /// It may be tried again at this time at the latest.
    pub fn end_by(&mut self, at: Timestamp) {
        self.until = self.until.map(|until| until.min(at));
    }

    /// It worked.
    pub const fn clear(&mut self) {
        *self = Self::new();
    }

    /// When it may be tried again; `None` where nothing has failed.
    pub const fn until(&self) -> Option<Timestamp> {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_to_a_minute() {
        let (mut backoff, mut jitter) = (Backoff::default(), Jitter::new(1));
        for whole in [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000] {
            let pause = backoff.fail(Timestamp(5), &mut jitter);
            assert!((whole / 2..=whole).contains(&pause), "{pause} of {whole}");
            assert_eq!(backoff.until(), Some(Timestamp(5 + pause)));
        }
        backoff.clear();
        assert!(backoff.until().is_none() && backoff.fail(Timestamp(0), &mut jitter) <= 1_000);
    }

    #[test]
    fn chance_covers_its_range_and_repeats() {
        let draw = |seed| (0..1000).map(|_| 0).scan(Jitter::new(seed), |jitter, _: i32| Some(jitter.up_to(9)));
        let mut seen = [0; 10];
        draw(7).for_each(|at| seen[usize::try_from(at).unwrap()] += 1);
        assert!(seen.iter().all(|count| *count > 60), "{seen:?}");
        assert!(draw(7).eq(draw(7)) && !draw(7).eq(draw(8)));
    }
}
