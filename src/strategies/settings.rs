//! One entry of `[[strategy]]`.

use super::{BuiltIn, List, Listed, MarketView, Strategy};
use crate::market::{Symbol, Timeframe};
use serde::{Deserialize, Serialize};

/// Which rule an entry of `[[strategy]]` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Long after a fall: RSI at or below a threshold that follows the trend.
    OversoldBounce,
    /// Short after a rise within a falling market: RSI at or above a threshold, averages in falling order.
    ShortTheRip,
    /// What a file lists.
    Signals,
}

/// One entry of `[[strategy]]`: a rule and its numbers. Which of them count follows from `kind` and `adaptive`.
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
    /// Whether threshold and tolerance of a built-in follow the market's state; else the threshold is `rsi_fixed`, and nothing is tolerated.
    pub adaptive: bool,
    /// RSI threshold in a neutral trend; adaptive.
    pub rsi_base: f64,
    /// How far the trend may move the threshold; adaptive.
    pub rsi_range: f64,
    /// The RSI threshold where it is not adaptive: `rsi_max` of a long, `rsi_min` of a short.
    pub rsi_fixed: f64,
    /// Thresholds that replace the rule for a symbol.
    pub rsi_by_symbol: Vec<(Symbol, f64)>,
    /// Distance of the target from the entry, in percent of the price, in place of the two below.
    pub target_pct: Option<f64>,
    /// Distance of the target in ATRs.
    pub target_atr: f64,
    /// The target is at least this far from the entry, in percent of the price.
    pub target_min_pct: f64,
    /// Distance of the stop from the entry, in percent of the price, in place of the two below.
    pub stop_pct: Option<f64>,
    /// Distance of the stop in ATRs.
    pub stop_atr: f64,
    /// The stop is at most this far from the entry, in percent of the price; infinite where that has no limit.
    pub stop_max_pct: f64,
    /// What the file of [`Kind::Signals`] lists.
    pub list: List,
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
            adaptive: true,
            rsi_base: 45.0,
            rsi_range: 10.0,
            rsi_fixed: 25.0,
            rsi_by_symbol: Vec::new(),
            target_pct: None,
            target_atr: 2.5,
            target_min_pct: 0.8,
            stop_pct: None,
            stop_atr: 1.2,
            stop_max_pct: 1.5,
            list: List::default(),
        }
    }

    /// Short The Rip with its usual numbers.
    #[must_use]
    pub fn short_the_rip() -> Self {
        let by_symbol = [("BTCUSDT", 55.0), ("ETHUSDT", 50.0), ("SOLUSDT", 50.0)];
        Self {
            kind: Kind::ShortTheRip,
            name: "short_the_rip".to_owned(),
            rsi_base: 55.0,
            rsi_fixed: 61.0,
            rsi_by_symbol: by_symbol.into_iter().filter_map(|(name, rsi)| Some((name.parse().ok()?, rsi))).collect(),
            target_atr: 3.0,
            target_min_pct: 1.0,
            stop_atr: 1.5,
            stop_max_pct: 2.0,
            ..Self::oversold_bounce()
        }
    }

    /// The simple form of a built-in: a fixed threshold for every symbol, a target in percent, a stop of so many ATRs.
    #[must_use]
    pub fn simple(self) -> Self {
        let (target_pct, stop_atr) = match self.kind {
            Kind::OversoldBounce => (1.5, 1.0),
            Kind::ShortTheRip | Kind::Signals => (1.2, 1.2),
        };
        let (target_pct, rsi_by_symbol) = (Some(target_pct), Vec::new());
        Self { adaptive: false, rsi_by_symbol, target_pct, stop_atr, stop_max_pct: f64::INFINITY, ..self }
    }

    /// Signals from a file, which acts within a minute, with stop and target for rows that have none.
    #[must_use]
    pub fn signals() -> Self {
        Self {
            kind: Kind::Signals,
            name: "signals".to_owned(),
            timeframe: Timeframe::M1,
            context: Timeframe::M1,
            adaptive: false,
            target_pct: Some(2.0),
            target_atr: 2.5,
            target_min_pct: 0.0,
            stop_pct: Some(1.0),
            stop_atr: 1.2,
            stop_max_pct: f64::INFINITY,
            ..Self::oversold_bounce()
        }
    }

    /// The rule itself, for symbols that are numbered by their place in `symbols`.
    #[must_use]
    pub fn build(&self, symbols: &[Symbol]) -> Box<dyn Strategy> {
        match self.kind {
            Kind::OversoldBounce | Kind::ShortTheRip => Box::new(BuiltIn::new(self, symbols)),
            Kind::Signals => Box::new(Listed::new(self, symbols)),
        }
    }

    /// The two built-ins, which are present unless the configuration names any strategy.
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        vec![Self::oversold_bounce(), Self::short_the_rip()]
    }

    /// How far a stop of this rule is away at most, in percent of the price; `None` where that has no limit.
    #[must_use]
    pub fn widest_stop_pct(&self) -> Option<f64> {
        let widest = self.stop_pct.unwrap_or(self.stop_max_pct);
        (self.kind != Kind::Signals && widest.is_finite()).then_some(widest)
    }

    /// Whether it looks at the averages of its context.
    #[must_use]
    pub fn reads_averages(&self) -> bool {
        self.kind == Kind::ShortTheRip
    }

    /// Whether a distance of its own is measured in ATRs.
    pub(super) const fn wants_atr(&self) -> bool {
        self.stop_pct.is_none() || self.target_pct.is_none()
    }

    /// From the entry to the stop, price units; 0 where an ATR that it needs is not warm.
    pub(super) fn stop_distance(&self, view: &MarketView<'_>) -> f64 {
        let (price, atr) = (view.candle.close, view.own.atr.unwrap_or_default());
        let by_atr = || (self.stop_atr * atr).min(price * self.stop_max_pct / 100.0);
        self.stop_pct.map_or_else(by_atr, |pct| price * pct / 100.0)
    }

    /// From the entry to the target, price units.
    pub(super) fn target_distance(&self, view: &MarketView<'_>) -> f64 {
        let (price, atr) = (view.candle.close, view.own.atr.unwrap_or_default());
        let by_atr = || (self.target_atr * atr).max(price * self.target_min_pct / 100.0);
        self.target_pct.map_or_else(by_atr, |pct| price * pct / 100.0)
    }
}
