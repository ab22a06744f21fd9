//! The state of a symbol's market: trend, momentum, micro trend, volatility.

use crate::{
    market::Timeframe,
    strategies::{Momentum, Readings, Regime, Trend, Volatility},
};

/// Trend and volatility are read from candles of this length.
pub const LARGE: Timeframe = Timeframe::H4;
/// Momentum is read from candles of this length.
pub const MIDDLE: Timeframe = Timeframe::H1;
/// The micro trend is read from candles of this length.
pub const SMALL: Timeframe = Timeframe::M30;

/// Strength of a micro trend that is not known: neither weak nor strong, so that no condition is dropped for want of data.
const UNKNOWN_STRENGTH: f64 = 0.5;

/// The parts of a regime; each is `None` until its values are warm.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)]
pub struct Parts {
    pub trend: Option<Trend>,
    pub momentum: Option<Momentum>,
    pub volatility: Option<Volatility>,
    pub strength: Option<f64>,
}

impl Parts {
    /// What the values of the three timeframes make.
    #[must_use]
    pub fn of(large: &Readings, middle: &Readings, small: &Readings) -> Self {
        let strength = small.slope20.map(|slope| (100.0 * slope.abs()).min(1.0));
        Self { trend: trend(large), momentum: momentum(middle), volatility: volatility(large), strength }
    }

    /// The regime as it is traded; a part that is not known is neutral.
    #[must_use]
    pub fn regime(&self) -> Regime {
        Regime {
            trend: self.trend.unwrap_or_default(),
            momentum: self.momentum.unwrap_or_default(),
            volatility: self.volatility.unwrap_or_default(),
            strength: self.strength.unwrap_or(UNKNOWN_STRENGTH),
        }
    }
}

fn trend(large: &Readings) -> Option<Trend> {
    let (close, fast, middle, slow) = (large.close?, large.ema21?, large.ema50?, large.ema200?);
    Some(if fast > middle && middle > slow && close > fast {
        Trend::Bullish
    } else if fast < middle && middle < slow && close < fast {
        Trend::Bearish
    } else {
        Trend::Neutral
    })
}

fn momentum(middle: &Readings) -> Option<Momentum> {
    let (rsi, change) = (middle.rsi?, middle.change10?);
    Some(if (rsi > 65.0 && change > 0.02) || (rsi < 35.0 && change < -0.02) {
        Momentum::Strong
    } else if (40.0..=60.0).contains(&rsi) || change.abs() < 0.01 {
        Momentum::Sideways
    } else {
        Momentum::Weak
    })
}

fn volatility(large: &Readings) -> Option<Volatility> {
    let rank = large.atr_rank?;
    Some(if rank > 0.75 {
        Volatility::High
    } else if rank < 0.25 {
        Volatility::Low
    } else {
        Volatility::Normal
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regime(large: &Readings, middle: &Readings, small: &Readings) -> Regime {
        Parts::of(large, middle, small).regime()
    }

    #[test]
    fn trend_needs_the_averages_in_order_and_the_close_beyond() {
        let averages = |close, fast, middle, slow| Readings {
            close: Some(close),
            ema21: Some(fast),
            ema50: Some(middle),
            ema200: Some(slow),
            ..Readings::default()
        };
        for (readings, want) in [
            (averages(104.0, 103.0, 102.0, 101.0), Trend::Bullish),
            (averages(103.0, 103.0, 102.0, 101.0), Trend::Neutral), // at the average is not beyond it
            (averages(102.5, 103.0, 102.0, 101.0), Trend::Neutral),
            (averages(104.0, 102.0, 102.0, 101.0), Trend::Neutral),
            (averages(104.0, 103.0, 101.0, 101.0), Trend::Neutral),
            (averages(104.0, 103.0, 101.0, 102.0), Trend::Neutral),
            (averages(98.0, 99.0, 100.0, 101.0), Trend::Bearish),
            (averages(99.0, 99.0, 100.0, 101.0), Trend::Neutral),
            (averages(98.0, 99.0, 99.0, 101.0), Trend::Neutral),
            (averages(98.0, 99.0, 100.0, 100.0), Trend::Neutral),
            (Readings { ema200: None, ..averages(104.0, 103.0, 102.0, 0.0) }, Trend::Neutral),
        ] {
            assert_eq!(regime(&readings, &Readings::default(), &Readings::default()).trend, want, "{readings:?}");
        }
    }

    #[test]
    fn momentum_weighs_rsi_and_change() {
        for (rsi, change, want) in [
            (66.0, 0.021, Momentum::Strong),
            (65.0, 0.021, Momentum::Weak), // above 65, and by more than 2 %
            (66.0, 0.02, Momentum::Weak),
            (34.0, -0.021, Momentum::Strong),
            (35.0, -0.021, Momentum::Weak),
            (34.0, -0.02, Momentum::Weak),
            (40.0, 0.05, Momentum::Sideways),
            (60.0, -0.05, Momentum::Sideways),
            (39.9, 0.05, Momentum::Weak),
            (60.1, -0.05, Momentum::Weak),
            (70.0, 0.01, Momentum::Weak), // 1 % is a change
            (70.0, -0.0099, Momentum::Sideways),
            (66.0, 0.015, Momentum::Weak),
            (34.0, 0.03, Momentum::Weak),
            (50.0, 0.05, Momentum::Sideways),
            (70.0, 0.009, Momentum::Sideways),
        ] {
            let middle = Readings { rsi: Some(rsi), change10: Some(change), ..Readings::default() };
            let got = regime(&Readings::default(), &middle, &Readings::default()).momentum;
            assert_eq!(got, want, "{rsi} {change}");
        }
        assert_eq!(Regime::default().momentum, Momentum::Neutral, "until it is warm");
    }

    #[test]
    fn volatility_and_strength_have_their_bounds() {
        for (rank, slope, want, strength) in [
            (0.76, 0.02, Volatility::High, 1.0),
            (1.0, 0.01, Volatility::High, 1.0),
            (0.0, 0.0025, Volatility::Low, 0.25),
            (0.75, -0.005, Volatility::Normal, 0.5),
            (0.25, 0.0, Volatility::Normal, 0.0),
            (0.24, 0.001, Volatility::Low, 0.1),
        ] {
            let large = Readings { atr_rank: Some(rank), ..Readings::default() };
            let small = Readings { slope20: Some(slope), ..Readings::default() };
            let got = regime(&large, &Readings::default(), &small);
            assert_eq!((got.volatility, got.strength), (want, strength));
        }
        let unknown = Readings::default();
        assert_eq!(regime(&unknown, &unknown, &unknown).strength, UNKNOWN_STRENGTH, "not weak: there is no 30m data");
        assert_eq!(
            [Volatility::High, Volatility::Normal, Volatility::Low].map(Volatility::size_factor),
            [0.5, 1.0, 1.5]
        );
    }
}
