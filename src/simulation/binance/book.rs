//! The order book: a pure function of price, seed and age, so that nothing of it is kept.
//!
//! The best bid and ask stand on the tick around the last price; behind them are levels on a coarser ladder. A level's quantity changes now
//! and then. Every book has the same number of levels, so two of them differ in a bounded number.

use super::grid::Grid;
use crate::market::Random;

/// Levels on each side.
pub const LEVELS: usize = 1_000;
/// Ladder steps in a whole price: levels lie 0.5 per 10,000 apart.
const RUNGS: i64 = 20_000;
/// Beats after which a level's quantity has changed; for the best one.
const LEVEL_AGE: u64 = 256;
const BEST_AGE: u64 = 10;

/// Which side of the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Side {
    Bid,
    Ask,
}

/// A price in ticks, and how much stands there in steps; 0 once nothing does.
pub type Level = (i64, i64);

/// A book at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Book {
    /// Whose book: seed and symbol.
    pub key: u64,
    /// The number of its last change; later books have larger ones.
    pub id: i64,
    /// The best bid and ask, in ticks.
    pub bid: i64,
    /// The best ask, in ticks.
    pub ask: i64,
    /// Beats since the market began.
    pub age: u64,
    /// Ticks between two levels behind the best.
    pub gap: i64,
    /// The usual quantity of a level, in steps.
    pub usual: i64,
}

impl Book {
    /// The best bid and ask around a last price, at least a tick apart: a sale was at the bid, a purchase at the ask.
    pub fn quotes(last: f64, sold: bool, tick: Grid) -> (i64, i64) {
        let below = tick.below(last).max(1);
        let on_tick = tick.value(below) >= last;
        if on_tick && !sold { ((below - 1).max(1), below.max(2)) } else { (below, below + 1) }
    }

    /// The ladder's step at a price.
    pub fn gap(ticks: i64) -> i64 {
        (ticks / RUNGS).max(1)
    }

    /// One side, best level first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = Level> + '_ {
        let (best, away) = match side {
            Side::Bid => (self.bid, -1),
            Side::Ask => (self.ask, 1),
        };
        let rung = best.div_euclid(self.gap) + i64::from(side == Side::Ask || best % self.gap != 0);
        let first = if side == Side::Bid { rung - 1 } else { rung };
        let behind = (0..LEVELS as i64 - 1).map(move |at| (first + away * at) * self.gap);
        let behind = behind.take_while(|ticks| *ticks >= 1).map(move |ticks| (ticks, self.qty(side, ticks, LEVEL_AGE)));
        std::iter::once((best, self.qty(side, best, BEST_AGE))).chain(behind)
    }

    /// The best level of a side.
    pub fn best(&self, side: Side) -> Level {
        let ticks = if side == Side::Bid { self.bid } else { self.ask };
        (ticks, self.qty(side, ticks, BEST_AGE))
    }

    /// The levels of a side that are not as in `before`, by price; what is gone has quantity 0.
    pub fn changes(&self, before: &Self, side: Side) -> Vec<Level> {
        let sorted = |book: &Self| {
            let mut levels: Vec<Level> = book.levels(side).collect();
            levels.sort_unstable();
            levels
        };
        let (old, new) = (sorted(before), sorted(self));
        let gone = old.iter().filter(|(ticks, _)| new.binary_search_by_key(ticks, |level| level.0).is_err());
        let changed = new.iter().filter(|level| old.binary_search(level).is_err()).copied();
        let mut all: Vec<Level> = gone.map(|(ticks, _)| (*ticks, 0)).chain(changed).collect();
        all.sort_unstable();
        all
    }

    fn qty(&self, side: Side, ticks: i64, lasts: u64) -> i64 {
        let own = mixed(self.key ^ (ticks as u64).wrapping_mul(2) ^ u64::from(side == Side::Ask));
        let epoch = self.age.wrapping_add(own % lasts) / lasts;
        1 + (mixed(own ^ epoch) % self.usual.max(1) as u64) as i64
    }
}

/// Bits that look random and follow from `word`.
const fn mixed(word: u64) -> u64 {
    Random::of_state(word).bits()
}
