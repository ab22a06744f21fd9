//! Market time.

use serde::{Deserialize, Serialize};

/// Milliseconds in a minute.
pub const MINUTE_MS: i64 = 60_000;
/// Milliseconds in an hour.
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
/// Milliseconds in a day.
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// So many seconds in milliseconds; more than fit are as many as do.
#[must_use]
pub fn seconds_ms(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000)
}

/// A moment of market time: milliseconds since 1970-01-01 00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// A moment that does not come, where looking at a number is all there is time for.
    pub const NEVER: Self = Self(i64::MAX);

    /// The moment `ms` milliseconds later (earlier when negative).
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this moment; negative when `earlier` is later.
    #[must_use]
    pub const fn since_ms(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The UTC day, counted from 1970-01-01.
    #[must_use]
    pub const fn day(self) -> i64 {
        self.0.div_euclid(DAY_MS)
    }

    /// The end of the UTC day that this moment is in.
    #[must_use]
    pub const fn day_end(self) -> Self {
        self.floor_to(DAY_MS).plus_ms(DAY_MS)
    }

    /// The latest moment not after this one that is a multiple of `period_ms` since 1970.
    #[must_use]
    pub const fn floor_to(self, period_ms: i64) -> Self {
        Self(self.0.div_euclid(period_ms) * period_ms)
    }
}
