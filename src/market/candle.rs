//! Candles and price bars.

use super::{SymbolId, Timeframe, Timestamp};
use serde::{Deserialize, Serialize};

/// Open, high, low and close of a period, with the volume in base units.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[allow(missing_docs)] // the field's own terms
pub struct Candle {
    pub open_time: Timestamp,
    pub open: f64,
    pub high: f64,
    pub low: f64,
    pub close: f64,
    pub volume: f64,
}

/// Prices outside of these are no prices of a coin in USDT, and what is computed from them might not fit.
pub const PRICES: std::ops::RangeInclusive<f64> = 1e-10..=1e9;

/// What is wrong with a candle.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[allow(missing_docs)]
pub enum CandleFault {
    #[error("{0} is not a finite number")]
    NotFinite(&'static str),
    #[error("{0} is {1}, but a price must be above 0")]
    NotPositive(&'static str, f64),
    #[error("{0} is {1}, but a price must be between 0.0000000001 and 1000000000")]
    Absurd(&'static str, f64),
    #[error("volume is {0}, but must be 0 or more")]
    NegativeVolume(f64),
    #[error("high {high} is below low {low}")]
    HighBelowLow { high: f64, low: f64 },
    #[error("{name} {value} is outside low {low} to high {high}")]
    Outside { name: &'static str, value: f64, low: f64, high: f64 },
}

impl Candle {
    /// Whether every number is possible: finite, prices above 0, low ≤ open, close ≤ high.
    ///
    /// No candle passes a boundary of the program without this check, so that no NaN is ever inside.
    #[inline]
    pub fn check(&self) -> Result<(), CandleFault> {
        if self.is_possible() { Ok(()) } else { self.fault() }
    }

    /// What [`Candle::fault`] finds nothing in, since that is every candle but a few.
    #[inline]
    fn is_possible(&self) -> bool {
        let Self { open, high, low, close, volume, .. } = *self;
        let in_order = low <= open && open <= high && low <= close && close <= high;
        in_order && low >= *PRICES.start() && high <= *PRICES.end() && (0.0..=f64::MAX).contains(&volume)
    }

    /// The first thing that is wrong, by its name.
    #[cold]
    fn fault(&self) -> Result<(), CandleFault> {
        let prices = [("open", self.open), ("high", self.high), ("low", self.low), ("close", self.close)];
        for (name, value) in prices {
            if !value.is_finite() {
                return Err(CandleFault::NotFinite(name));
            }
            if value <= 0.0 {
                return Err(CandleFault::NotPositive(name, value));
            }
            if !PRICES.contains(&value) {
                return Err(CandleFault::Absurd(name, value));
            }
        }
        if !self.volume.is_finite() {
            return Err(CandleFault::NotFinite("volume"));
        }
        if self.volume < 0.0 {
            return Err(CandleFault::NegativeVolume(self.volume));
        }
        let (low, high) = (self.low, self.high);
        if high < low {
            return Err(CandleFault::HighBelowLow { high, low });
        }
        for (name, value) in [("open", self.open), ("close", self.close)] {
            if value < low || value > high {
                return Err(CandleFault::Outside { name, value, low, high });
            }
        }
        Ok(())
    }

    /// Takes in the candle that follows within the same longer period.
    pub fn absorb(&mut self, next: &Self) {
        // neither is NaN, and `max` and `min` would look for that
        self.high = if next.high > self.high { next.high } else { self.high };
        self.low = if next.low < self.low { next.low } else { self.low };
        self.close = next.close;
        self.volume += next.volume;
    }
}

/// A finished candle of a symbol, as files, the synthetic market and exchanges deliver it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClosedCandle {
    /// Whose candle.
    pub symbol: SymbolId,
    /// How long it is.
    pub timeframe: Timeframe,
    /// The numbers; they have passed [`Candle::check`].
    pub candle: Candle,
    /// History warms indicators; it moves no price and raises no signal.
    pub history: bool,
}

impl ClosedCandle {
    /// When it was finished: the moment at which it may be known.
    #[inline]
    #[must_use]
    pub const fn closes_at(&self) -> Timestamp {
        // asked for often, and only a candle in three hundred million years would not fit
        Timestamp(self.candle.open_time.0.wrapping_add(self.timeframe.ms()))
    }

    /// Whether the other is of the same symbol, as long, and as much history.
    #[inline]
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        self.symbol == other.symbol && self.timeframe == other.timeframe && self.history == other.history
    }
}

/// What the price of a symbol did since the last bar, conflated to one a 100 ms.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct PriceBar {
    pub symbol: SymbolId,
    pub last: f64,
    pub low: f64,
    pub high: f64,
    pub bid: f64,
    pub ask: f64,
    /// The exchange's time of the last price in it.
    pub at: Timestamp,
}

impl PriceBar {
    /// Whether low ≤ last ≤ high, and all are possible prices. Bid and ask may be anything: a quote may be missing.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        let in_order = self.low <= self.last && self.last <= self.high;
        in_order && PRICES.contains(&self.low) && PRICES.contains(&self.high)
    }

    /// The bar with the last price for a quote that is missing, which may be no number at all.
    #[must_use]
    pub fn with_quotes(self) -> Self {
        let quoted = |quote: f64| if PRICES.contains(&quote) { quote } else { self.last };
        Self { bid: quoted(self.bid), ask: quoted(self.ask), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn impossible_candles_are_named() {
        let good = Candle { open_time: Timestamp(0), open: 10.0, high: 12.0, low: 9.0, close: 11.0, volume: 0.0 };
        assert_eq!(good.check(), Ok(()));
        let cases = [
            (Candle { open: f64::NAN, ..good }, "open is not a finite number"),
            (Candle { close: f64::INFINITY, ..good }, "close is not a finite number"),
            (Candle { low: -1.0, ..good }, "low is -1, but a price must be above 0"),
            (
                Candle { low: 1e-11, ..good },
                "low is 0.00000000001, but a price must be between 0.0000000001 and 1000000000",
            ),
            (Candle { volume: -1.0, ..good }, "volume is -1, but must be 0 or more"),
            (Candle { high: 8.0, ..good }, "high 8 is below low 9"),
            (Candle { close: 13.0, ..good }, "close 13 is outside low 9 to high 12"),
        ];
        for (candle, want) in cases {
            assert_eq!(candle.check().unwrap_err().to_string(), want);
        }
    }

    /// Any price, the ends of what is one, and what is none.
    fn any_price() -> impl Strategy<Value = f64> {
        let ends = [PRICES.start(), PRICES.end()].map(|end| *end);
        let others = [0.0, -0.0, -1.0, 9e-11, 1.1e9, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        prop_oneof![9.0..12.0, prop::sample::select([&ends[..], &others].concat())]
    }

    proptest! {
        #[test]
        fn what_is_possible_has_no_fault_and_the_rest_has_one(
            [open, high, low, close, volume] in prop::array::uniform5(any_price()), wide: bool
        ) {
            // a range that is wide enough for most prices, so that not nearly everything is outside
            let (high, low) = if wide { (12.0, 9.0) } else { (high, low) };
            let candle = Candle { open_time: Timestamp(0), open, high, low, close, volume };
            prop_assert_eq!(candle.is_possible(), candle.fault().is_ok(), "{:?}", candle);
        }
    }
}
