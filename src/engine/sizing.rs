//! Sizing: from what a trade may lose to a quantity.

use super::{
    settings::{self, percent},
    skip::Skip,
};
use crate::market::{Instrument, LARGEST_QTY, decimal};
use rust_decimal::Decimal;

/// A stop closer than this counts as this far away, in percent of the price: a tiny distance must not make a huge position.
const CLOSEST_STOP_PCT: f64 = 0.1;

/// What sizing needs to know about a trade.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// What it may lose at its stop, in USDT, before the volatility's factor.
    pub budget: Decimal,
    /// What it may lose at most, whatever the factor and the market's minimum, in USDT.
    pub room: Decimal,
    /// The price that the entry is expected at, in USDT.
    pub price: Decimal,
    /// From entry to stop, price units.
    pub stop_distance: Decimal,
    /// What the volatility multiplies the size by.
    pub factor: f64,
    /// The account's equity, in USDT.
    pub equity: Decimal,
}

/// The quantity on the step: the budget divided by the stop's distance, then capped by margin and notional.
///
/// Below the market's minimum the signal is skipped, or the minimum taken where the rules say so and all caps allow it.
pub fn quantity(wish: &Wish, instrument: &Instrument, rules: &settings::Risk) -> Result<Decimal, Skip> {
    let factor = decimal(wish.factor).unwrap_or(Decimal::ONE);
    let distance = wish.stop_distance.max(percent(wish.price, CLOSEST_STOP_PCT));
    let largest = largest_notional(wish.equity, rules) / wish.price;
    let most = largest.min(wish.room / distance).min(LARGEST_QTY);
    let wanted = (wish.budget * factor / distance).min(most);
    let (qty, least) = (instrument.round_qty(wanted), instrument.smallest_entry(wish.price));
    if qty >= least && qty > Decimal::ZERO {
        Ok(qty)
    } else if rules.scale_up_to_minimum && least <= most {
        Ok(least)
    } else {
        Err(Skip::BelowMinimum)
    }
}

/// The largest notional of a position, in USDT.
#[must_use]
pub fn largest_notional(equity: Decimal, rules: &settings::Risk) -> Decimal {
    let by_margin = percent(equity, rules.max_position_pct) * decimal(rules.leverage).unwrap_or(Decimal::ONE);
    by_margin.min(decimal(rules.max_notional).unwrap_or(Decimal::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn btc() -> Instrument {
        crate::market::known_instrument(&"BTCUSDT".parse().unwrap()).unwrap()
    }

    fn wish(budget: &str, distance: &str, factor: f64) -> Wish {
        let (budget, stop_distance) = (dec(budget), dec(distance));
        let (room, price, equity) = (Decimal::from(40), Decimal::from(100_000), Decimal::from(1000));
        Wish { budget, room, price, stop_distance, factor, equity }
    }

    #[test]
    fn the_stop_decides_and_the_caps_hold() {
        let rules = settings::Risk::default();
        for (wish, want) in [
            (wish("10", "1500", 1.0), Ok("0.006")),
            (wish("10", "1500", 0.5), Ok("0.003")),
            (wish("10", "2000", 1.5), Ok("0.007")),
            (Wish { room: dec("12"), ..wish("10", "1500", 1.5) }, Ok("0.008")), // not 15 USDT
            (wish("10", "1000", 1.5), Ok("0.01")),                              // 20 % margin × 5 of 1000 USDT
            (wish("10", "0.01", 1.0), Ok("0.01")),                              // a stop at no distance counts as 0.1 %
            (wish("1", "1500", 1.0), Err(Skip::BelowMinimum)),
        ] {
            assert_eq!(quantity(&wish, &btc(), &rules), want.map(dec), "{wish:?}");
        }
    }

    #[test]
    fn scaling_up_stays_below_the_caps() {
        let rules = settings::Risk { scale_up_to_minimum: true, ..settings::Risk::default() };
        assert_eq!(quantity(&wish("1", "1500", 1.0), &btc(), &rules), Ok(dec("0.001")));
        let full = Wish { room: dec("1.49"), ..wish("1", "1500", 1.0) };
        assert_eq!(quantity(&full, &btc(), &rules), Err(Skip::BelowMinimum), "all stops together would lose too much");
        let poor = Wish { equity: Decimal::from(50), ..wish("1", "1500", 1.0) };
        assert_eq!(quantity(&poor, &btc(), &rules), Err(Skip::BelowMinimum));
    }

    proptest! {
        #[test]
        fn never_more_than_budget_margin_and_step_allow(budget in 1i64..100_000, distance in 1i64..1_000_000, equity in 1i64..1_000_000) {
            let rules = settings::Risk::default();
            let wish = Wish {
                budget: Decimal::new(budget, 2), room: Decimal::MAX, price: Decimal::from(100_000), stop_distance: Decimal::new(distance, 2), factor: 1.0,
                equity: Decimal::from(equity),
            };
            if let Ok(qty) = quantity(&wish, &btc(), &rules) {
                prop_assert!(qty * wish.stop_distance <= wish.budget);
                prop_assert!(qty * wish.price <= largest_notional(wish.equity, &rules));
                prop_assert!((qty % btc().step).is_zero() && qty * wish.price >= btc().min_notional);
            }
        }
    }
}
