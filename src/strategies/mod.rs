//! From indicator values to signals.
//!
//! A strategy sees one symbol's values at the close of one of its candles and says whether to enter. It knows no clock, no account and
//! no order; what it may not do is decided by the stations behind it.

mod built_in;
mod list;
mod listed;
mod oversold_bounce;
mod quiet;
mod settings;
mod short_the_rip;
#[cfg(test)]
mod tests;
mod view;

use crate::market::{Side, SymbolId, Timeframe, Timestamp};
use serde::{Deserialize, Serialize};

pub use built_in::BuiltIn;
pub use list::{Level, List, Row};
pub use listed::Listed;
pub use quiet::Quiet;
pub use settings::{Kind, Settings};
pub use view::{MarketView, Momentum, Readings, Regime, Trend, Volatility, WARM};

/// A rule that raises signals.
pub trait Strategy {
    /// Its numbers, with its name and timeframes.
    fn settings(&self) -> &Settings;

    /// On which side it enters in such a market, and at which RSI at the soonest; `None` where no RSI decides.
    ///
    /// As long as the RSI has not reached that, [`Strategy::on_close`] says [`Verdict::Wait`]: see [`Quiet`].
    fn threshold(&self, symbol: SymbolId, trend: Trend, momentum: Momentum) -> Option<(Side, f64)>;

    /// What it says at the close of a candle of its timeframe.
    fn on_close(&mut self, view: &MarketView<'_>) -> Verdict;

    /// What it asks for at this close, in the order in which it looks: it enters where all of them hold.
    fn conditions(&self, view: &MarketView<'_>) -> Vec<Condition>;

    /// Signals of its own that it passes over for good at a close that is `closes`, where the close before it was `since`: too late for
    /// any candle, or followed by another within one. What [`Strategy::on_close`] speaks of is not among them.
    fn passed_over(&self, symbol: SymbolId, since: Option<Timestamp>, closes: Timestamp) -> u64 {
        let _ = (symbol, since, closes);
        0
    }
}

/// What a strategy says at a close.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// Nothing to do.
    Wait,
    /// It would look further, but this value is not warm yet.
    NotWarm(&'static str),
    /// It would enter, but its stop or target is on the wrong side of the price.
    WrongSide,
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
