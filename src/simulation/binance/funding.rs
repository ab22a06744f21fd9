//! Funding: a rate that moves slowly, and when it is settled.

use crate::market::{HOUR_MS, Random, Timestamp};

/// The rate that is settled in a balanced market.
const USUAL: f64 = 0.000_1;
/// How far it moves from there, at most.
const SWING: f64 = 0.000_4;
/// Settlements from one drawn rate to the next.
const SLOW: i64 = 6;

/// A symbol's funding.
#[derive(Debug, Clone, Copy)]
pub struct Funding {
    key: u64,
    /// Hours between settlements.
    pub hours: i64,
}

impl Funding {
    pub const fn new(key: u64, hours: i64) -> Self {
        Self { key, hours }
    }

    /// Milliseconds between settlements.
    pub const fn period_ms(self) -> i64 {
        self.hours * HOUR_MS
    }

    /// The first settlement after `now`.
    pub const fn next(self, now: Timestamp) -> Timestamp {
        now.floor_to(self.period_ms()).plus_ms(self.period_ms())
    }

    /// The rate that is settled at `at`.
    pub fn settled(self, at: Timestamp) -> f64 {
        let turn = at.0.div_euclid(self.period_ms());
        let (from, part) = (turn.div_euclid(SLOW), turn.rem_euclid(SLOW) as f64 / SLOW as f64);
        let drawn = |turn: i64| (Random::of_state(self.key ^ turn as u64).bits() % 2_001) as f64 / 1_000.0 - 1.0;
        let height = drawn(from) + (drawn(from + 1) - drawn(from)) * part;
        eight_digits(USUAL + SWING * height)
    }

    /// The coming settlement's rate as known at `now`: it moves from the last one's, and stands still in the last eighth of the time.
    pub fn expected(self, now: Timestamp) -> f64 {
        let next = self.next(now);
        let part = 1.0 - next.since_ms(now) as f64 / self.period_ms() as f64;
        let part = (part * 8.0 / 7.0).min(1.0);
        let before = self.settled(next.plus_ms(-self.period_ms()));
        if part >= 1.0 { self.settled(next) } else { eight_digits(before + (self.settled(next) - before) * part) }
    }
}

/// Rounded to the eight digits that the exchange writes.
pub fn eight_digits(value: f64) -> f64 {
    (value * 1e8 + 0.5).floor() / 1e8
}
