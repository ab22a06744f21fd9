//! The engine's numbers, with the defaults of the reference.

use crate::{
    market::{Instrument, Names, decimal},
    strategies,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// So many percent of an amount.
#[must_use]
pub fn percent(amount: Decimal, pct: f64) -> Decimal {
    let mut part = amount * decimal(pct).unwrap_or(Decimal::ZERO);
    // a hundredth has the same digits, two places further behind the point
    if part.set_scale(part.scale() + 2).is_err() {
        part /= Decimal::ONE_HUNDRED;
    }
    part
}

/// Everything that the engine is told once, at its start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// What is traded; a symbol's place in this list is its [`crate::market::SymbolId`].
    pub instruments: Vec<Instrument>,
    /// The account's balance at the start, in USDT.
    pub capital: Decimal,
    /// The rules that raise signals, in order of priority.
    pub strategies: Vec<strategies::Settings>,
    /// `strategy.require_warm`: wait until every indicator has a value, not only those that the entry needs.
    pub require_warm: bool,
    /// `[risk]`.
    pub risk: Risk,
    /// `[exits]`.
    pub exits: Exits,
    /// `[gate]`.
    pub gate: Gate,
}

impl Settings {
    /// What the places in its lists stand for.
    #[must_use]
    pub fn names(&self) -> Names {
        let symbols = self.instruments.iter().map(|rules| rules.symbol.clone()).collect();
        Names { symbols, strategies: self.strategies.iter().map(|rule| rule.name.clone()).collect() }
    }
}

/// `risk.sizing`: what the size of a trade follows. The volatility's factor and all limits are the same for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Sizing {
    /// What it loses at its stop: a part of the equity.
    #[default]
    Risk,
    /// Its value: always the same.
    Notional,
    /// As the first, the part being half of Kelly's fraction of what the strategy's trades have earned.
    Kelly,
}

/// `[risk]`: how large a trade may be and how many there may be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Risk {
    /// What the size of a trade follows.
    pub sizing: Sizing,
    /// Value of a trade where that is fixed, in USDT.
    pub notional: f64,
    /// Equity lost when a trade's stop is hit, in percent.
    pub per_trade_pct: f64,
    /// Notional divided by margin.
    pub leverage: f64,
    /// A position's margin (notional ÷ leverage) in percent of equity, at most.
    pub max_position_pct: f64,
    /// Sum of what all stops together would lose, in percent of equity, at most.
    pub max_portfolio_risk_pct: f64,
    /// No new entry once the day's loss reaches this part of the equity at the day's start, in percent.
    pub daily_loss_pct: f64,
    /// Entries a UTC day, at most.
    pub max_trades_per_day: u32,
    /// Equity lost from its highest, in percent: positions are closed and the run ends with an emergency stop; 100: only an account
    /// that is empty does so.
    pub max_drawdown_pct: f64,
    /// Correlation of hourly returns between a new position and one that is open, from which on it is not opened.
    pub max_correlation: f64,
    /// No new entry until the UTC day ends after so many positions in a row that were closed with a loss; 0: never.
    pub max_losses_in_row: u32,
    /// The day's loss that closes every position, in percent of the equity at the day's start.
    pub breaker_daily_loss_pct: f64,
    /// A position's loss that closes it, in percent of equity.
    pub breaker_position_loss_pct: f64,
    /// As `max_correlation`, and stays where that is set higher.
    pub breaker_correlation: f64,
    /// An hour's return farther than this from the mean of the hundred before it, in their standard deviations, halves sizes.
    pub spike_sigma: f64,
    /// For so long after its candle, in seconds of market time.
    pub spike_hold_s: u64,
    /// Largest notional of one order, in USDT.
    pub max_notional: f64,
    /// Below the market's minimum: enlarge the order to it instead of skipping the signal.
    pub scale_up_to_minimum: bool,
    /// A signal's target must be so many times as far away as its stop; 0 is off.
    pub min_reward_risk: f64,
    /// After so many refused entries in a row, or so many hours without data, a symbol is quarantined.
    pub quarantine_after: u32,
    /// For so many days; 0 is never.
    pub quarantine_days: u32,
}

impl Default for Risk {
    fn default() -> Self {
        Self {
            sizing: Sizing::Risk,
            notional: 200.0,
            per_trade_pct: 1.0,
            leverage: 5.0,
            max_position_pct: 20.0,
            max_portfolio_risk_pct: 5.0,
            daily_loss_pct: 2.0,
            max_trades_per_day: 5,
            max_drawdown_pct: 10.0,
            max_correlation: 0.7,
            max_losses_in_row: 3,
            breaker_daily_loss_pct: 5.0,
            breaker_position_loss_pct: 3.0,
            breaker_correlation: 0.9,
            spike_sigma: 3.0,
            // then the range of the 4h candles, by which sizes follow the volatility, knows of it
            spike_hold_s: 4 * 3600,
            max_notional: 100_000.0,
            scale_up_to_minimum: false,
            min_reward_risk: 0.0,
            quarantine_after: 3,
            quarantine_days: 7,
        }
    }
}

/// `[exits]`: what ends a position besides its own stop and target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exits {
    /// Whether the stop follows the price.
    pub trailing: bool,
    /// Distance of the trailing stop from the best price, in percent.
    pub trailing_pct: f64,
    /// Whether a position is closed after a while.
    pub time_limit: bool,
    /// That while, in seconds of market time.
    pub max_hold_s: u64,
}

impl Default for Exits {
    fn default() -> Self {
        Self { trailing: false, trailing_pct: 2.0, time_limit: false, max_hold_s: 3600 }
    }
}

/// `[gate]`: what counts as the same signal again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// How long a signal stands for those that follow it, in seconds of market time.
    pub cooldown_s: u64,
    /// Within the cooldown a new signal needs a price that moved by more than this, in percent.
    pub cooldown_move_pct: f64,
    /// After the cooldown too a new signal needs such a move, in percent; 0 is off.
    pub min_move_pct: f64,
}

impl Default for Gate {
    fn default() -> Self {
        Self { cooldown_s: 60, cooldown_move_pct: 0.1, min_move_pct: 0.0 }
    }
}
