//! The minute under way: a candle that is known whole, played out as trades.
//!
//! The path goes from the open over both extremes, in an order drawn by seed, to the close, on the tick. The volume is split in whole steps,
//! so that the trades add up to the candle.

use super::{
    bar::{Bar, MOST_TRADES},
    grid::Grid,
};
use crate::market::{Candle, MINUTE_MS, Random, Timestamp};

/// Trades in a minute of a busy market: at least, and how many more at most.
const BUSY: i64 = 120;
const BUSIER: u64 = 476;
/// The last trade comes this long before the minute's end at the latest, in ms.
const QUIET_END_MS: i64 = 100;
/// How far the path strays from the straight line between its corners, over the candle's range.
const STRAY: f64 = 0.15;

/// A change of the price, with the trade that made it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Move {
    /// When.
    pub at: Timestamp,
    /// Where the price is then, in USDT.
    pub price: f64,
    /// Traded steps; 0 where the candle has not volume enough for a trade here.
    pub steps: i64,
    /// The seller came to a resting bid.
    pub sold: bool,
}

/// A minute as it is being played.
#[derive(Debug)]
pub struct Minute {
    candle: Candle,
    moves: Vec<Move>,
    next: usize,
    so_far: Bar,
    steps: i64,
    bought: i64,
}

impl Minute {
    /// The plan of a minute.
    pub fn new(candle: Candle, price: Grid, qty: Grid, random: &mut Random) -> Self {
        let moves = plan(&candle, price, qty, random);
        let so_far = Bar::begun(candle.open_time, candle.open);
        Self { candle, moves, next: 0, so_far, steps: 0, bought: 0 }
    }

    /// When it ends.
    pub const fn end(&self) -> Timestamp {
        self.candle.open_time.plus_ms(MINUTE_MS)
    }

    /// The next move that is due at `now`.
    pub fn step(&mut self, now: Timestamp, qty: Grid) -> Option<Move> {
        let due = *self.moves.get(self.next).filter(|due| due.at <= now)?;
        self.next += 1;
        self.steps = self.steps.saturating_add(due.steps);
        self.bought = self.bought.saturating_add(if due.sold { 0 } else { due.steps });
        let bar = &mut self.so_far;
        bar.candle.high = bar.candle.high.max(due.price);
        bar.candle.low = bar.candle.low.min(due.price);
        bar.candle.close = due.price;
        bar.candle.volume = qty.value(self.steps);
        bar.bought = qty.value(self.bought);
        bar.quote += due.price * qty.value(due.steps);
        bar.trades += u32::from(due.steps > 0);
        Some(due)
    }

    /// The candle as far as it was played.
    pub const fn so_far(&self) -> Bar {
        self.so_far
    }

    /// The finished candle, to the last digit as it was given.
    pub fn finished(&self) -> Bar {
        let bought = self.so_far.bought.min(self.candle.volume);
        Bar { candle: self.candle, bought, ..self.so_far }
    }
}

/// The moves of a candle; none where nothing happens in it.
fn plan(candle: &Candle, price: Grid, qty: Grid, random: &mut Random) -> Vec<Move> {
    let total = qty.nearest(candle.volume).max(0);
    if candle.volume <= 0.0 && candle.high <= candle.low {
        return Vec::new();
    }
    let trades = total.min(BUSY + (random.bits() % BUSIER) as i64);
    let count = (4 + trades).min(MOST_TRADES) as usize;
    let prices = path(candle, count, price, random);
    let parts = split(total, count, random);
    let width = (MINUTE_MS - QUIET_END_MS - 1) / count as i64;
    let mut before = candle.open;
    let mut sold = random.bits().is_multiple_of(2);
    let moves = prices.into_iter().zip(parts).enumerate().map(|(at, (price, steps))| {
        let offset = 1 + at as i64 * width + (random.bits() % width as u64) as i64;
        sold = if price == before { random.bits().is_multiple_of(2) } else { price < before };
        before = price;
        Move { at: candle.open_time.plus_ms(offset), price, steps, sold }
    });
    moves.collect()
}

/// `count` prices, at least 4: the first is the open, the last the close, and both extremes are among them.
fn path(candle: &Candle, count: usize, price: Grid, random: &mut Random) -> Vec<f64> {
    let inner = (count - 2) as u64;
    let first = 1 + (random.bits() % (inner - 1)) as usize;
    let second = first + 1 + (random.bits() % (inner - first as u64)) as usize;
    let up_first = random.bits().is_multiple_of(2);
    let (one, two) = if up_first { (candle.high, candle.low) } else { (candle.low, candle.high) };
    let corners = [(0, candle.open), (first, one), (second, two), (count - 1, candle.close)];
    let mut prices = vec![candle.open];
    for pair in corners.windows(2) {
        let [(from, low), (to, high)] = *pair else { continue };
        let length = (to - from) as f64;
        for at in from + 1..to {
            let part = (at - from) as f64 / length;
            let stray = STRAY * (candle.high - candle.low) * random.normal() * 4.0 * part * (1.0 - part);
            let raw = low + (high - low) * part + stray;
            prices.push(price.value(price.nearest(raw)).clamp(candle.low, candle.high));
        }
        prices.push(high);
    }
    prices
}

/// Whole parts of unequal size that add up to `total`.
fn split(total: i64, count: usize, random: &mut Random) -> Vec<i64> {
    let weights: Vec<i128> = (0..count).map(|_| 1 + i128::from(random.bits() % 8)).collect();
    let (all, mut seen, mut given) = (weights.iter().sum::<i128>(), 0, 0);
    let parts = weights.into_iter().map(|weight| {
        seen += weight;
        let upto = i128::from(total) * seen / all;
        let part = upto - given;
        given = upto;
        part as i64
    });
    parts.collect()
}
