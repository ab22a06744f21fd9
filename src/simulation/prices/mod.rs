//! The synthetic market: candles without end from a seed, for whoever has no recorded ones.

mod coin;
mod factor;
#[cfg(test)]
mod tests;

use crate::market::{Candle, ClosedCandle, DAY_MS, MINUTE_MS, Random, Symbol, SymbolId, Timeframe, Timestamp};
use coin::Coin;
use factor::{Factor, Pace, SUBSTEPS, activity};

/// 2025-01-01 00:00 UTC, the synthetic market's first moment after its history. Fixed, so that a seed names one market.
pub const EPOCH: Timestamp = Timestamp(1_735_689_600_000);

/// How long the history is: 500 candles of 4h and a little, from the beginning of a day on.
pub const HISTORY_MS: i64 = 84 * DAY_MS;

/// The end of the history is made at 1m for this long; all before at 5m.
pub const FINE_HISTORY_MS: i64 = 500 * MINUTE_MS;

const WEEK_MS: i64 = 7 * DAY_MS;
/// 1970-01-05, a Monday.
const FIRST_MONDAY_MS: i64 = 4 * DAY_MS;

/// A made-up market, an iterator over its finished candles in order of time and, at the same time, of symbol.
///
/// First the history, 5m candles and for the last [`FINE_HISTORY_MS`] 1m candles, then 1m candles without end. A seed
/// gives the same candles to the bit on every platform; a symbol's candles do not depend on which others are listed.
///
/// # Assumptions
///
/// - A coin's log price is its usual level + beta × (market part + own part). The market part is one for all: hourly
///   returns of two coins correlate by about 0.7. Daily deviation is 2.3 to 5.2 %, hourly about 1.1 %.
/// - Both parts are Brownian motion whose variance is the product of a fast and a slow cluster process and of the hour
///   of the day (busiest at 15:00 UTC). That makes fat tails, calm days and wild ones, and no jumps: a price that
///   goes far passes all prices between.
/// - Each Monday the market part draws a line for its week: up or down by 6 to 11 %, or level. A week that begins more
///   than 15 % from the usual level leads back, so a price stays within a factor of 4 of its level for years.
/// - Each part is pulled to its line (the own part's is level) with a delay, so that it swings about it in a day or
///   two: falling weeks have rallies. Such swings are easier to trade than a real market's; profit here proves nothing.
/// - Inside a candle the path has four steps; its extremes are corrected for what four steps miss, so that ranges agree
///   within 3 % whatever the candles were made at. An open is the close before it: no gap, no missing candle.
/// - Volume follows the moves inside the candle and is never 0. Nothing follows from volume, and nothing from the bot's
///   own orders.
#[derive(Debug, Clone)]
pub struct Market {
    /// Opening time, timeframe and length of the candles that are being made, and the market's part in them.
    open_time: Timestamp,
    timeframe: Timeframe,
    pace: Pace,
    activity: f64,
    moves: [f64; SUBSTEPS],
    market: Factor,
    week: i64,
    /// From here on candles are 1m; from there on they are no history.
    fine_from: Timestamp,
    live_from: Timestamp,
    coins: Vec<Coin>,
    /// The coin whose candle is next; past the last one, the next candles' time begins.
    turn: usize,
}

impl Market {
    /// The market that `seed` names, with its history still to come.
    #[must_use]
    pub fn new(seed: u64, symbols: &[Symbol]) -> Self {
        let history_from = EPOCH.plus_ms(-HISTORY_MS);
        Self::between(seed, symbols, history_from, EPOCH.plus_ms(-FINE_HISTORY_MS), EPOCH)
    }

    /// One symbol's candles without end from `from` on (rounded down to the timeframe), without history.
    ///
    /// Made at 1m and put together, so that files of several timeframes from the same moment tell one story. The coin
    /// starts at its usual level: another path than the one [`Market::new`] takes from [`EPOCH`] on.
    pub fn candles(
        seed: u64,
        symbol: &Symbol,
        timeframe: Timeframe,
        from: Timestamp,
    ) -> impl Iterator<Item = Candle> + use<> {
        let from = timeframe.open_of(from);
        let mut minutes = Self::between(seed, std::slice::from_ref(symbol), from, from, from);
        let more = timeframe.ms() / MINUTE_MS - 1;
        std::iter::from_fn(move || {
            let mut candle = minutes.next()?.candle;
            for _ in 0..more {
                candle.absorb(&minutes.next()?.candle);
            }
            Some(candle)
        })
    }

    fn between(seed: u64, symbols: &[Symbol], start: Timestamp, fine_from: Timestamp, live_from: Timestamp) -> Self {
        let timeframe = Timeframe::M5;
        let coins: Vec<Coin> = symbols.iter().map(|symbol| Coin::new(seed, symbol)).collect();
        Self {
            open_time: start.plus_ms(-timeframe.ms()),
            timeframe,
            pace: Pace::new(timeframe.ms()),
            activity: 1.0,
            moves: [0.0; SUBSTEPS],
            market: Factor::new(Random::new(seed, "")),
            week: i64::MIN,
            fine_from,
            live_from,
            turn: coins.len(),
            coins,
        }
    }

    /// Goes on to the next candles' time: what the market did in it, before any coin.
    fn advance(&mut self) {
        self.open_time = self.open_time.plus_ms(self.timeframe.ms());
        if self.timeframe != Timeframe::M1 && self.open_time >= self.fine_from {
            self.timeframe = Timeframe::M1;
            self.pace = Pace::new(self.timeframe.ms());
        }
        let week = (self.open_time.0 - FIRST_MONDAY_MS).div_euclid(WEEK_MS);
        if week != self.week {
            self.week = week;
            self.market.begin_week();
        }
        self.activity = activity(self.open_time);
        self.moves = self.market.step(self.pace, self.activity);
        self.turn = 0;
    }
}

impl Iterator for Market {
    type Item = ClosedCandle;

    /// `None` only where there is no symbol.
    fn next(&mut self) -> Option<ClosedCandle> {
        if self.turn == self.coins.len() {
            self.advance();
        }
        let symbol = SymbolId(u16::try_from(self.turn).ok()?);
        let candle = self.coins.get_mut(self.turn)?.next(self.open_time, self.pace, self.activity, &self.moves);
        self.turn += 1;
        Some(ClosedCandle { symbol, timeframe: self.timeframe, candle, history: self.open_time < self.live_from })
    }
}
