//! How much margin a position must keep, by its value.

use super::{Side, Symbol, divided_by, notional};
use rust_decimal::{
    Decimal,
    RoundingStrategy::{ToNegativeInfinity, ToPositiveInfinity},
};
use serde::{Deserialize, Serialize};

/// What every USDT of a position's value beyond `from` needs as maintenance margin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// Where the tier begins, in USDT; 0 for the first.
    pub from: Decimal,
    /// Part of the value, above 0 and below 1; higher in each tier than in the one before.
    pub rate: Decimal,
}

/// The tiers of a symbol, from small values to large.
///
/// As with a tax, a rate is for the part of the value within its tier, so that the margin grows without jumps. Venues write the same
/// as value × rate − amount, with an amount for each tier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Tier>", into = "Vec<Tier>")]
pub struct Tiers {
    list: Vec<Tier>,
    lines: Vec<Line>,
}

/// A tier as a venue writes it: a value within it needs value × rate − amount, which is the largest of all tiers'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// The tier's rate.
    pub rate: Decimal,
    /// What value × rate is too much by, in USDT.
    pub amount: Decimal,
    /// Where the tier ends, in USDT; the last one does not.
    end: Option<Decimal>,
}

impl Line {
    fn reaches(&self, value: Decimal) -> bool {
        self.end.is_none_or(|end| value <= end)
    }
}

impl TryFrom<Vec<Tier>> for Tiers {
    type Error = &'static str;

    fn try_from(list: Vec<Tier>) -> Result<Self, Self::Error> {
        Self::new(list).ok_or("tiers begin at 0, and rise in value and rate")
    }
}

impl From<Tiers> for Vec<Tier> {
    fn from(tiers: Tiers) -> Self {
        tiers.list
    }
}

/// Digits of a price that no order has: more than any tick's.
const PRICE_DIGITS: u32 = 14;

/// Beginning in USDT, rate in parts of ten thousand. A model of what large exchanges ask, which change theirs often; not a copy of one.
const MAJORS: &[(u32, u32)] = &[(0, 40), (50_000, 50), (500_000, 100), (5_000_000, 250), (25_000_000, 500)];
const LARGE: &[(u32, u32)] = &[(0, 65), (50_000, 100), (500_000, 250), (5_000_000, 500), (25_000_000, 1_250)];
const OTHERS: &[(u32, u32)] = &[(0, 100), (25_000, 200), (100_000, 500), (1_000_000, 1_250), (5_000_000, 2_500)];

impl Tiers {
    /// Tiers that are in order; `None` where they are not.
    #[must_use]
    pub fn new(tiers: Vec<Tier>) -> Option<Self> {
        let is_first = tiers.first().is_some_and(|tier| tier.from.is_zero());
        let rates = tiers.iter().all(|tier| Decimal::ZERO < tier.rate && tier.rate < Decimal::ONE);
        let rises = tiers.is_sorted_by(|a, b| a.from < b.from && a.rate < b.rate);
        (is_first && rates && rises).then(|| Self::of(tiers))
    }

    /// What is assumed of a symbol where no venue says otherwise.
    #[must_use]
    pub fn known(symbol: &Symbol) -> Self {
        let table = match symbol.base() {
            "BTC" | "ETH" => MAJORS,
            "SOL" | "XRP" | "BNB" | "DOGE" | "ADA" | "LINK" | "LTC" | "BCH" => LARGE,
            _ => OTHERS,
        };
        let tier = |&(from, rate): &(u32, u32)| Tier { from: from.into(), rate: Decimal::new(rate.into(), 4) };
        Self::of(table.iter().map(tier).collect())
    }

    fn of(list: Vec<Tier>) -> Self {
        let (mut rate, mut amount) = (Decimal::ZERO, Decimal::ZERO);
        let ends = list.iter().skip(1).map(|tier| Some(tier.from)).chain([None]);
        let line = |(tier, end): (&Tier, _)| {
            amount += tier.from * (tier.rate - rate);
            rate = tier.rate;
            Line { rate, amount, end }
        };
        let lines = list.iter().zip(ends).map(line).collect();
        Self { list, lines }
    }

    /// The tiers, from small values to large.
    #[must_use]
    pub fn list(&self) -> &[Tier] {
        &self.list
    }

    /// The same as venues write them.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// What a position of that value must keep, in USDT.
    #[must_use]
    pub fn maintenance(&self, value: Decimal) -> Decimal {
        let line = self.lines.iter().find(|line| line.reaches(value));
        line.map_or(Decimal::ZERO, |line| notional(value, line.rate) - line.amount)
    }

    /// The price at which a position's margin and result are what it must keep, the first that is met; `None` where that is no price. To 14
    /// digits after the point, and where that is not all, on the side that is met first.
    #[must_use]
    pub fn liquidation_price(&self, side: Side, qty: Decimal, cost: Decimal, margin: Decimal) -> Option<Decimal> {
        // margin + result = value × rate − amount, solved for the price, in the tier that the value is then in
        let price_by = |Line { rate, amount, .. }: &Line| {
            let (value, kept, first) = match side {
                Side::Long => (cost - margin - amount, Decimal::ONE - rate, ToPositiveInfinity),
                Side::Short => (cost + margin + amount, Decimal::ONE + rate, ToNegativeInfinity),
            };
            divided_by(value, qty * kept, PRICE_DIGITS, first)
        };
        let mut prices = self.lines.iter().map(|line| (price_by(line), line));
        let (price, _) = prices.find(|(price, line)| line.reaches(price * qty))?;
        Some(price).filter(|price| *price > Decimal::ZERO)
    }

    /// The rate of the last USDT of that value, which is more than the average.
    #[must_use]
    pub fn rate(&self, value: Decimal) -> Decimal {
        self.lines.iter().find(|line| line.reaches(value)).map_or(Decimal::ONE, |line| line.rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn known(name: &str) -> Tiers {
        Tiers::known(&name.parse().unwrap())
    }

    #[test]
    fn a_rate_is_for_the_part_of_the_value_within_its_tier() {
        for (value, maintenance, rate) in [
            (0, "0", "0.004"),
            (10_000, "40", "0.004"),
            (50_000, "200", "0.004"),
            (50_100, "200.5", "0.005"),
            (500_000, "2450", "0.005"),
            (1_000_000, "7450", "0.01"),
        ] {
            let (value, tiers) = (Decimal::from(value), known("BTCUSDT"));
            assert_eq!(
                (tiers.maintenance(value), tiers.rate(value)),
                (maintenance.parse().unwrap(), rate.parse().unwrap())
            );
        }
    }

    #[test]
    fn tiers_out_of_order_are_none() {
        let tier = |from: i64, rate| Tier { from: from.into(), rate: Decimal::new(rate, 3) };
        for wrong in [
            vec![],
            vec![tier(1, 5)],
            vec![tier(0, 0)],
            vec![tier(0, 1_000)],
            vec![tier(0, 5), tier(0, 6)],
            vec![tier(0, 5), tier(10, 5)],
        ] {
            assert_eq!(Tiers::new(wrong.clone()), None, "{wrong:?}");
        }
        for name in ["BTCUSDT", "SOLUSDT", "ZZZUSDT"] {
            assert!(Tiers::new(known(name).list).is_some(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn the_tier_that_counts_is_the_one_that_asks_most(
            value in 0u32..100_000_000, leverage in 1u32..100, qty in 1u32..1_000_000, is_long in any::<bool>()
        ) {
            for name in ["BTCUSDT", "SOLUSDT", "ZZZUSDT"] {
                let (tiers, cost, qty) = (known(name), Decimal::from(value) + Decimal::ONE, Decimal::from(qty));
                let most = tiers.lines().iter().map(|line| notional(cost, line.rate) - line.amount).max();
                prop_assert_eq!(Some(tiers.maintenance(cost)), most);
                let margin = cost / Decimal::from(leverage);
                let of = |side: Decimal| {
                    tiers.lines().iter().map(move |line| (cost - side * (margin + line.amount)) / (qty * (Decimal::ONE - side * line.rate)))
                };
                let (side, first, towards) = match is_long {
                    true => (Side::Long, of(Decimal::ONE).max().filter(|price| *price > Decimal::ZERO), ToPositiveInfinity),
                    false => (Side::Short, of(Decimal::NEGATIVE_ONE).min(), ToNegativeInfinity),
                };
                let first = first.map(|price| price.round_dp_with_strategy(PRICE_DIGITS, towards));
                prop_assert_eq!(tiers.liquidation_price(side, qty, cost, margin), first, "{} {:?}", name, side);
            }
        }

        #[test]
        fn margin_rises_without_jumps_and_never_faster_than_the_last_rate(value in 0u32..100_000_000, more in 1u32..1_000) {
            for name in ["BTCUSDT", "SOLUSDT", "ZZZUSDT"] {
                let (tiers, value, more) = (known(name), Decimal::from(value), Decimal::from(more));
                let grown = tiers.maintenance(value + more) - tiers.maintenance(value);
                prop_assert!(grown > Decimal::ZERO && grown <= more * tiers.rate(value + more));
            }
        }
    }
}
