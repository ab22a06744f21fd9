//! The numbers of the account and the venue.

use crate::market::{Instrument, Tiers, decimal};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Slippage is at most this part of the price, in percent: more would be a model of something else.
pub const MAX_SLIPPAGE_PCT: f64 = 0.1;
/// The highest leverage, which is also the highest that venues offer on their largest coins.
pub const MAX_LEVERAGE: f64 = 125.0;

/// Everything that the matching is told once, at its start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// What can be traded; a symbol's place in this list is its [`crate::market::SymbolId`].
    pub instruments: Vec<Instrument>,
    /// The account's balance at the start, in USDT.
    pub capital: Decimal,
    /// Fee of an order that takes from the book, in percent of the notional, 0 to 1.
    pub taker_fee_pct: f64,
    /// Fee of a limit order that has rested in the book, in percent of the notional, 0 to 1.
    pub maker_fee_pct: f64,
    /// How much worse than the walked price a fill is, in percent of that price, 0 to [`MAX_SLIPPAGE_PCT`].
    pub slippage_pct: f64,
    /// Notional divided by initial margin, 1 to [`MAX_LEVERAGE`].
    pub leverage: f64,
    /// What a long pays to a short every eight hours, in percent of the notional, −3 to 3; negative is the other
    /// way round.
    pub funding_rate_pct: f64,
    /// How much of the volume of a candle or bar one order may take, in percent, 0 to 100; 0: all that it wants.
    pub max_participation_pct: f64,
    /// What margin positions must keep, in the instruments' order; for those that it has none for, [`Tiers::known`].
    pub tiers: Vec<Tiers>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            instruments: Vec::new(),
            capital: Decimal::ONE_THOUSAND,
            taker_fee_pct: 0.06,
            maker_fee_pct: 0.06,
            slippage_pct: 0.05,
            leverage: 5.0,
            funding_rate_pct: 0.01,
            max_participation_pct: 0.0,
            tiers: Vec::new(),
        }
    }
}

impl Settings {
    /// The tiers of each instrument.
    pub(super) fn tiers(&self) -> Vec<Tiers> {
        let known = self.instruments.iter().skip(self.tiers.len()).map(|rules| Tiers::known(&rules.symbol));
        self.tiers.iter().cloned().chain(known).take(self.instruments.len()).collect()
    }
}

/// The settings as the decimals that money is counted with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rates {
    /// Part of the notional, for what takes.
    pub fee: Decimal,
    /// Part of the notional, for what has rested.
    pub maker_fee: Decimal,
    /// Part of the price.
    pub slippage: Decimal,
    pub leverage: Decimal,
    /// Part of the notional, every eight hours.
    pub funding: Decimal,
    /// Part of the volume; 0 is without a limit.
    pub participation: Decimal,
}

impl Rates {
    /// # Panics
    ///
    /// When a number is outside the range that its setting allows; the configuration has checked them.
    pub fn new(settings: &Settings) -> Self {
        assert!(!settings.capital.is_sign_negative(), "capital is {}, but must be 0 or more", settings.capital);
        let percent = |name, value, least, most| within(name, value, least, most) / Decimal::ONE_HUNDRED;
        Self {
            fee: percent("taker_fee_pct", settings.taker_fee_pct, 0.0, 1.0),
            maker_fee: percent("maker_fee_pct", settings.maker_fee_pct, 0.0, 1.0),
            slippage: percent("slippage_pct", settings.slippage_pct, 0.0, MAX_SLIPPAGE_PCT),
            leverage: within("leverage", settings.leverage, 1.0, MAX_LEVERAGE),
            funding: percent("funding_rate_pct", settings.funding_rate_pct, -3.0, 3.0),
            participation: percent("max_participation_pct", settings.max_participation_pct, 0.0, 100.0),
        }
    }

    /// Whether the market may be too small for an order.
    pub fn fills_in_parts(&self) -> bool {
        !self.participation.is_zero()
    }
}

/// The number as a decimal, asserted to lie in its range.
fn within(name: &str, value: f64, least: f64, most: f64) -> Decimal {
    assert!((least..=most).contains(&value), "{name} is {value}, but must be between {least} and {most}");
    decimal(value).unwrap_or_default()
}
