//! What a strategy sees: one symbol's values at the close of a candle.

use crate::market::{Candle, SymbolId};
use serde::{Deserialize, Serialize};

/// Candles that EMA(200) needs, the most of all indicators.
pub const WARM: u32 = 200;

/// Indicator values of one timeframe; each is `None` until it is warm.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Readings {
    /// Close of the last candle.
    pub close: Option<f64>,
    /// RSI(14).
    pub rsi: Option<f64>,
    /// ATR(14), price units.
    pub atr: Option<f64>,
    /// EMA(21), as the two below only where somebody reads them.
    pub ema21: Option<f64>,
    /// EMA(50).
    pub ema50: Option<f64>,
    /// EMA(200).
    pub ema200: Option<f64>,
    /// How many candles have come, up to [`WARM`].
    pub seen: u32,
    /// Relative change of the close over the last 10 candles, first to last; in the regime's middle timeframe alone.
    pub change10: Option<f64>,
    /// Relative change of EMA(21) over the last 20 candles, first to last; in the regime's small timeframe alone.
    pub slope20: Option<f64>,
    /// Rank of the ATR among the last 100, 0 to 1; in the regime's large timeframe alone.
    pub atr_rank: Option<f64>,
}

impl Readings {
    /// What is known before the first candle.
    pub const NONE: Self = Self {
        close: None,
        rsi: None,
        atr: None,
        ema21: None,
        ema50: None,
        ema200: None,
        seen: 0,
        change10: None,
        slope20: None,
        atr_rank: None,
    };

    /// Whether there were candles enough for every value.
    #[must_use]
    pub const fn warm(&self) -> bool {
        self.seen == WARM
    }
}

/// Direction of the large timeframe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Trend {
    Bullish,
    Bearish,
    #[default]
    Neutral,
}

impl Trend {
    /// Every direction, by its number.
    pub const ALL: [Self; 3] = [Self::Bullish, Self::Bearish, Self::Neutral];
}

/// Force of the middle timeframe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Momentum {
    Strong,
    Weak,
    Sideways,
    /// Not warm yet.
    #[default]
    Neutral,
}

impl Momentum {
    /// Every force, by its number.
    pub const ALL: [Self; 4] = [Self::Strong, Self::Weak, Self::Sideways, Self::Neutral];
}

/// Size of the moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Volatility {
    High,
    Low,
    #[default]
    Normal,
}

/// The state of a symbol's market; the rules stand in the engine.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Regime {
    pub trend: Trend,
    pub momentum: Momentum,
    pub volatility: Volatility,
    /// Strength of the micro trend, 0 to 1; a half until it is warm.
    pub strength: f64,
}

impl Volatility {
    /// What the position's size is multiplied by.
    #[must_use]
    pub const fn size_factor(self) -> f64 {
        match self {
            Self::High => 0.5,
            Self::Normal => 1.0,
            Self::Low => 1.5,
        }
    }
}

/// One symbol at the close of a candle of the strategy's timeframe.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct MarketView<'a> {
    pub symbol: SymbolId,
    /// The candle that closed.
    pub candle: &'a Candle,
    /// Values of the strategy's timeframe.
    pub own: &'a Readings,
    /// Values of its context timeframe.
    pub context: &'a Readings,
    pub regime: Regime,
    /// Whether the data has volumes at all.
    pub has_volume: bool,
}
