//! From indicator values to signals.
//!
//! A strategy sees one symbol's values at the close of one of its candles and says whether to enter. It knows no clock, no account and
//! no order; what it may not do is decided by the stations behind it.

mod built_in;
mod oversold_bounce;
mod short_the_rip;
#[cfg(test)]
mod tests;
mod view;

use crate::market::{Side, Symbol, Timeframe, Timestamp};
use serde::{Deserialize, Serialize};

pub use built_in::BuiltIn;
pub use view::{MarketView, Momentum, Readings, Regime, Trend, Volatility};

/// A rule that raises signals.
pub trait Strategy {
    /// Its numbers, with its name and timeframes.
    fn settings(&self) -> &Settings;

    /// On which side and at which RSI it would enter now; `None` where no RSI decides.
    fn threshold(&self, view: &MarketView<'_>) -> Option<(Side, f64)>;

    /// What it says at the close of a candle of its timeframe.
    fn on_close(&mut self, view: &MarketView<'_>) -> Verdict;

    /// What it asks for at this close, in the order in which it looks: it enters where all of them hold.
    fn conditions(&self, view: &MarketView<'_>) -> Vec<Condition>;
}

/// What a strategy says at a close.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// Nothing to do.
    Wait,
    /// It would look further, but this value is not warm yet.
    NotWarm(&'static str),
    /// It wants to enter.
    Enter(Signal),
}

/// One thing that a strategy asks for before it enters, and how it stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Condition {
    /// Such as `RSI(14)`.
    pub what: &'static str,
    /// Of which candles.
    pub timeframe: Timeframe,
    /// Its value; `None` until it is warm.
    pub value: Option<f64>,
    /// What it must be.
    pub bound: Bound,
}

/// The value that both built-ins look at first.
const RSI: &str = "RSI(14)";
/// The value that makes their distances.
const ATR: &str = "ATR(14)";

/// What a value must be.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)]
pub enum Bound {
    Below(f64),
    AtMost(f64),
    AtLeast(f64),
    Above(f64),
}

impl Condition {
    /// Whether it is met; `None` until its value is warm.
    #[must_use]
    pub fn holds(&self) -> Option<bool> {
        self.value.map(|value| match self.bound {
            Bound::Below(bound) => value < bound,
            Bound::AtMost(bound) => value <= bound,
            Bound::AtLeast(bound) => value >= bound,
            Bound::Above(bound) => value > bound,
        })
    }
}

/// Which built-in rule an entry of `[[strategy]]` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Long after a fall: RSI at or below a threshold that follows the trend.
    OversoldBounce,
    /// Short after a rise within a falling market: RSI at or above a threshold, averages in falling order.
    ShortTheRip,
}

/// One entry of `[[strategy]]`: a built-in rule and its numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The rule.
    pub kind: Kind,
    /// Its name in logs, `trades.csv` and client order ids; unique.
    pub name: String,
    /// Decisions are made when a candle of this timeframe closes.
    pub timeframe: Timeframe,
    /// Timeframe of the averages that give the context; not finer than `timeframe`. Used by Short The Rip.
    pub context: Timeframe,
    /// RSI threshold in a neutral trend.
    pub rsi_base: f64,
    /// How far the trend may move the threshold.
    pub rsi_range: f64,
    /// Thresholds that replace the rule for a symbol.
    pub rsi_by_symbol: Vec<(Symbol, f64)>,
    /// Distance of the target in ATRs.
    pub target_atr: f64,
    /// The target is at least this far from the entry, in percent of the price.
    pub target_min_pct: f64,
    /// Distance of the stop in ATRs.
    pub stop_atr: f64,
    /// The stop is at most this far from the entry, in percent of the price.
    pub stop_max_pct: f64,
}

impl Settings {
    /// Oversold Bounce with its usual numbers.
    #[must_use]
    pub fn oversold_bounce() -> Self {
        Self {
            kind: Kind::OversoldBounce,
            name: "oversold_bounce".to_owned(),
            timeframe: Timeframe::M30,
            context: Timeframe::H1,
            rsi_base: 45.0,
            rsi_range: 10.0,
            rsi_by_symbol: Vec::new(),
            target_atr: 2.5,
            target_min_pct: 0.8,
            stop_atr: 1.2,
            stop_max_pct: 1.5,
        }
    }

    /// Short The Rip with its usual numbers.
    #[must_use]
    pub fn short_the_rip() -> Self {
        let by_symbol = [("BTCUSDT", 55.0), ("ETHUSDT", 50.0), ("SOLUSDT", 50.0)];
        Self {
            kind: Kind::ShortTheRip,
            name: "short_the_rip".to_owned(),
            timeframe: Timeframe::M30,
            context: Timeframe::H1,
            rsi_base: 55.0,
            rsi_range: 10.0,
            rsi_by_symbol: by_symbol.into_iter().filter_map(|(name, rsi)| Some((name.parse().ok()?, rsi))).collect(),
            target_atr: 3.0,
            target_min_pct: 1.0,
            stop_atr: 1.5,
            stop_max_pct: 2.0,
        }
    }

    /// The rule itself, for symbols that are numbered by their place in `symbols`.
    #[must_use]
    pub fn build(&self, symbols: &[Symbol]) -> Box<dyn Strategy> {
        match self.kind {
            Kind::OversoldBounce | Kind::ShortTheRip => Box::new(BuiltIn::new(self, symbols)),
        }
    }

    /// The two built-ins, which are present unless the configuration names any strategy.
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        vec![Self::oversold_bounce(), Self::short_the_rip()]
    }
}

/// A wish to enter, in distances from the entry price, since the fill's price is not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// Long or short.
    pub side: Side,
    /// Distance from entry to stop, price units, above 0.
    pub stop_distance: f64,
    /// Distance from entry to target, price units, above 0.
    pub target_distance: f64,
    /// What raised it.
    pub cause: Cause,
}

/// What raised a signal; for the log alone.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub enum Cause {
    /// What an earlier version, which had no such word, has stored.
    #[default]
    Unsaid,
    /// The RSI passed its threshold.
    Rsi {
        /// What it was.
        value: f64,
        /// What it had to reach.
        threshold: f64,
    },
    /// It stands in a list.
    Listed {
        /// The row's time.
        at: Timestamp,
    },
}
