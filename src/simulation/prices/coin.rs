//! One coin of the synthetic market: where it stands, and the candles that it makes.

use super::factor::{DEVIATION, Factor, Pace, SUBSTEPS};
use crate::market::{Candle, Fnv, Random, Symbol, Timestamp, known_instrument};
use rust_decimal::{Decimal, prelude::ToPrimitive};

/// Base coin, price level in USDT, beta (its move over the market factor's), turnover in million USDT a day.
const TABLE: [(&str, f64, f64, f64); 18] = [
    ("BTC", 113_500.0, 0.95, 15_000.0),
    ("ETH", 3_600.0, 1.15, 12_000.0),
    ("SOL", 165.0, 1.25, 4_000.0),
    ("XRP", 3.0, 1.15, 2_000.0),
    ("BNB", 850.0, 0.95, 1_000.0),
    ("DOGE", 0.22, 1.25, 1_500.0),
    ("ADA", 0.85, 1.2, 600.0),
    ("TRX", 0.34, 0.9, 200.0),
    ("LINK", 22.0, 1.2, 600.0),
    ("AVAX", 25.0, 1.2, 400.0),
    ("LTC", 112.0, 1.1, 300.0),
    ("BCH", 560.0, 1.1, 200.0),
    ("DOT", 4.0, 1.15, 150.0),
    ("UNI", 9.5, 1.2, 200.0),
    ("ATOM", 4.5, 1.15, 80.0),
    ("NEAR", 2.6, 1.25, 150.0),
    ("SUI", 3.5, 1.25, 900.0),
    ("APT", 4.6, 1.2, 150.0),
];
/// Beta and turnover of a coin that is not in the table.
const OTHER_BETA: f64 = 1.2;
const OTHER_TURNOVER: f64 = 100.0;

/// A coin's own part over its market part. The correlation of two coins is 1 ÷ (1 + OWN²).
const OWN: f64 = 0.68;

/// Extremes of a path seen at n points fall short by 0.5826 deviations of a step (Broadie, Glasserman, Kou: A
/// continuity correction for discrete barrier options, 1997). This makes up for it on average; 0.798 deviations are
/// the mean |move|.
const WICK: f64 = 2.0 * 0.5826 / 0.798 / SUBSTEPS as f64;

/// Share of the mean volume that trades also without a move.
const STILL_VOLUME: f64 = 0.2;

/// A grid of numbers whose unit is one over a whole number, so that a rounded value has the fewest digits.
#[derive(Debug, Clone, Copy)]
struct Grid {
    per_one: f64,
}

impl Grid {
    /// The grid of an exchange's tick or step.
    fn of(unit: Decimal) -> Option<Self> {
        let per_one = (Decimal::ONE / unit).to_u64()?;
        Some(Self { per_one: per_one as f64 })
    }

    /// The grid that gives `value` about six digits.
    fn six_digits(value: f64) -> Self {
        let mut per_one = 1.0;
        while value * per_one < 100_000.0 {
            per_one *= 10.0;
        }
        Self { per_one }
    }

    /// The nearest point of the grid above 0.
    fn round(self, value: f64) -> f64 {
        let units = (value * self.per_one + 0.5) as i64;
        units.max(1) as f64 / self.per_one
    }
}

/// Price level, beta and turnover of a symbol.
fn profile(symbol: &Symbol) -> (f64, f64, f64) {
    match TABLE.iter().find(|(base, ..)| *base == symbol.base()) {
        Some(&(_, level, beta, turnover)) => (level, beta, turnover),
        None => (made_up_level(symbol), OTHER_BETA, OTHER_TURNOVER),
    }
}

/// A level from 0.01 to 100 USDT that follows from the name alone.
fn made_up_level(symbol: &Symbol) -> f64 {
    let mut hash = Fnv::default();
    hash.add_bytes(symbol.as_str().as_bytes());
    let scale = [0.01, 0.1, 1.0, 10.0][(hash.value() % 4) as usize];
    scale * (100 + hash.value() / 4 % 900) as f64 / 100.0
}

/// A coin: a plain value, so that nothing in it can grow.
#[derive(Debug, Clone, Copy)]
pub struct Coin {
    own: Factor,
    random: Random,
    beta: f64,
    /// The exact price, and the last close, which is the same on the grid.
    price: f64,
    close: f64,
    /// Base units a day without a move, and base units for each unit of log return moved and root day.
    still_volume: f64,
    move_volume: f64,
    price_grid: Grid,
    volume_grid: Grid,
}

impl Coin {
    /// The coin at its usual level.
    pub fn new(seed: u64, symbol: &Symbol) -> Self {
        let (level, beta, turnover) = profile(symbol);
        let rules = known_instrument(symbol);
        let price_grid = rules.as_ref().and_then(|rules| Grid::of(rules.tick));
        let volume_grid = rules.as_ref().and_then(|rules| Grid::of(rules.step));
        let price_grid = price_grid.unwrap_or_else(|| Grid::six_digits(level));
        let daily_volume = turnover * 1e6 / level;
        // The mean of the moves inside a candle, added up without their signs, over the root of its length in days.
        let mean_moved = 0.798 * beta * DEVIATION * (SUBSTEPS as f64 * (1.0 + OWN * OWN)).sqrt();
        Self {
            own: Factor::new(Random::new(seed, symbol.as_str())),
            random: Random::new(seed, symbol.base()),
            beta,
            price: level,
            close: price_grid.round(level),
            still_volume: STILL_VOLUME * daily_volume,
            move_volume: (1.0 - STILL_VOLUME) * daily_volume / mean_moved,
            price_grid,
            volume_grid: volume_grid.unwrap_or(Grid { per_one: 1_000.0 }),
        }
    }

    /// The next candle, given what the market did.
    pub fn next(&mut self, open_time: Timestamp, pace: Pace, activity: f64, market: &[f64; SUBSTEPS]) -> Candle {
        let own = self.own.step(pace, activity);
        // The walk from the open, in log return: where it is, how far up and down it went, and its length.
        let (mut at, mut top, mut bottom, mut moved) = (0.0_f64, 0.0_f64, 0.0_f64, 0.0);
        for (market, own) in market.iter().zip(own) {
            let step = self.beta * (market + OWN * own);
            at += step;
            (top, bottom, moved) = (top.max(at), bottom.min(at), moved + step.abs());
        }
        let [up, down, trades] = self.random.units();
        let high = self.price_grid.round(grown(self.price, top + WICK * moved * up));
        let low = self.price_grid.round(grown(self.price, bottom - WICK * moved * down));
        let volume = (self.still_volume * pace.days + self.move_volume * moved * pace.root) * (0.5 + trades);
        let open = self.close;
        self.price = grown(self.price, at);
        self.close = self.price_grid.round(self.price);
        Candle { open_time, open, high, low, close: self.close, volume: self.volume_grid.round(volume) }
    }
}

/// A price after a log return: the exponential to its second order, which is off by a millionth at 2 %.
/// Grows with `r`, so that a candle's high is never below its close.
fn grown(price: f64, r: f64) -> f64 {
    price + price * (r + 0.5 * r * r)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::known_symbols;

    #[test]
    fn every_known_instrument_has_its_level() {
        for base in known_symbols() {
            assert!(TABLE.iter().any(|(name, ..)| *name == base), "{base}");
        }
    }

    #[test]
    fn rounded_prices_have_the_fewest_digits() {
        let tick = |text: &str| Grid::of(text.parse().unwrap()).unwrap();
        for (grid, raw, want) in [
            (tick("0.1"), 113_500.149, "113500.1"),
            (tick("0.01"), 3_600.005_1, "3600.01"),
            (tick("0.00001"), 0.220_014_9, "0.22001"),
            (tick("0.01"), 0.001, "0.01"),
            (Grid::six_digits(0.0123), 0.012_345_678, "0.0123457"),
            (Grid::six_digits(99.9), 12.345_678, "12.3457"),
        ] {
            assert_eq!(grid.round(raw).to_string(), want);
        }
    }

    #[test]
    fn an_unknown_coin_has_a_level_of_its_name() {
        let level = |name: &str| made_up_level(&name.parse().unwrap());
        assert_eq!(level("ZZZUSDT"), level("ZZZ/USDT:USDT"));
        assert_ne!(level("ZZZUSDT"), level("ZZYUSDT"));
        for letter in 'A'..='Z' {
            assert!((0.01..100.0).contains(&level(&format!("Q{letter}USDT"))));
        }
    }
}
