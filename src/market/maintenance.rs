//! How much margin a position must keep, by its value.

use super::{Side, Symbol, notional};
use rust_decimal::Decimal;
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
pub struct Tiers(Vec<Tier>);

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
        (is_first && rates && rises).then_some(Self(tiers))
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
        Self(table.iter().map(tier).collect())
    }

    /// The tiers, from small values to large.
    #[must_use]
    pub fn list(&self) -> &[Tier] {
        &self.0
    }

    /// Each tier's rate, and what value × rate is too much by: the maintenance margin is the largest value × rate − amount.
    pub fn lines(&self) -> impl Iterator<Item = (Decimal, Decimal)> {
        let mut last = (Decimal::ZERO, Decimal::ZERO);
        self.0.iter().map(move |tier| {
            let (rate, amount) = last;
            last = (tier.rate, amount + tier.from * (tier.rate - rate));
            last
        })
    }

    /// What a position of that value must keep, in USDT.
    #[must_use]
    pub fn maintenance(&self, value: Decimal) -> Decimal {
        let ends = self.ends();
        let mut lines = self.lines().zip(ends).skip_while(|(_, end)| end.is_some_and(|end| end < value));
        lines.next().map_or(Decimal::ZERO, |((rate, amount), _)| notional(value, rate) - amount)
    }

    /// The price at which a position's margin and result are what it must keep, the first that is met; `None` where that is no price.
    #[must_use]
    pub fn liquidation_price(&self, side: Side, qty: Decimal, cost: Decimal, margin: Decimal) -> Option<Decimal> {
        // margin + result = value × rate − amount, solved for the price, in the tier that the value is then in
        let price_by = |(rate, amount)| match side {
            Side::Long => (cost - margin - amount) / (qty * (Decimal::ONE - rate)),
            Side::Short => (cost + margin + amount) / (qty * (Decimal::ONE + rate)),
        };
        let mut prices = self.lines().map(price_by).zip(self.ends());
        let (price, _) = prices.find(|(price, end)| end.is_none_or(|end| price * qty <= end))?;
        Some(price).filter(|price| *price > Decimal::ZERO)
    }

    /// Where each tier ends; the last one does not.
    fn ends(&self) -> impl Iterator<Item = Option<Decimal>> {
        self.0.iter().skip(1).map(|tier| Some(tier.from)).chain([None])
    }

    /// The rate of the last USDT of that value, which is more than the average.
    #[must_use]
    pub fn rate(&self, value: Decimal) -> Decimal {
        let mut reached = self.0.iter().rev().filter(|tier| tier.from.is_zero() || tier.from < value);
        reached.next().map_or(Decimal::ONE, |tier| tier.rate)
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
            assert!(Tiers::new(known(name).0).is_some(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn the_tier_that_counts_is_the_one_that_asks_most(
            value in 0u32..100_000_000, leverage in 1u32..100, qty in 1u32..1_000_000, is_long in any::<bool>()
        ) {
            for name in ["BTCUSDT", "SOLUSDT", "ZZZUSDT"] {
                let (tiers, cost, qty) = (known(name), Decimal::from(value) + Decimal::ONE, Decimal::from(qty));
                let most = tiers.lines().map(|(rate, amount)| notional(cost, rate) - amount).max();
                prop_assert_eq!(Some(tiers.maintenance(cost)), most);
                let margin = cost / Decimal::from(leverage);
                let of = |side: Decimal| {
                    tiers.lines().map(move |(rate, amount)| (cost - side * (margin + amount)) / (qty * (Decimal::ONE - side * rate)))
                };
                let (side, first) = match is_long {
                    true => (Side::Long, of(Decimal::ONE).max().filter(|price| *price > Decimal::ZERO)),
                    false => (Side::Short, of(Decimal::NEGATIVE_ONE).min()),
                };
                let got = tiers.liquidation_price(side, qty, cost, margin);
                let [got, first] = [got, first].map(|price| price.map(|price| price.round_dp(12)));
                prop_assert_eq!(got, first, "{} {:?}", name, side);
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
