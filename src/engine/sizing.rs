//! Sizing: from what a trade may be or lose to a quantity.
//!
//! Three ways to wish, one set of limits: what all stops together may lose, margin, notional, step and minimum, all rounded down.

use super::{
    kelly::Odds,
    settings::{self, Sizing, percent},
    skip::Skip,
};
use crate::market::{Instrument, LARGEST_QTY, decimal, divided_by};
use rust_decimal::{Decimal, RoundingStrategy};

/// A stop closer than this counts as this far away, in percent of the price: a tiny distance must not make a huge position.
const CLOSEST_STOP_PCT: f64 = 0.1;

/// Digits after the point of a quantity before it is put on its step.
const DIGITS: u32 = 12;

/// How large a trade is wanted, in USDT, before the volatility's factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Size {
    /// By what it loses at its stop.
    Loss(Decimal),
    /// By its value.
    Notional(Decimal),
}

/// What the rules want, with what the strategy's trades have earned.
#[must_use]
pub fn size(equity: Decimal, odds: &Odds, rules: &settings::Risk) -> Size {
    let plain = || percent(equity, rules.per_trade_pct);
    match rules.sizing {
        Sizing::Risk => Size::Loss(plain()),
        Sizing::Notional => Size::Notional(decimal(rules.notional).unwrap_or(Decimal::ZERO)),
        Sizing::Kelly => {
            let kelly = odds.half_kelly_pct().map(|pct| equity * pct / Decimal::ONE_HUNDRED);
            Size::Loss(kelly.unwrap_or_else(plain))
        }
    }
}

/// What sizing needs to know about a trade.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// How large it is wanted.
    pub size: Size,
    /// What all stops that stand would lose together, in USDT; orders in flight and in doubt count as filled (S4).
    pub open_risk: Decimal,
    /// The price that the entry is expected at, in USDT.
    pub price: Decimal,
    /// From entry to stop, price units.
    pub stop_distance: Decimal,
    /// What the volatility multiplies the size by.
    pub factor: f64,
    /// The account's equity, in USDT.
    pub equity: Decimal,
}

/// The quantity on the step: what is wanted, capped by what all stops may lose, by margin and by notional.
///
/// A trade that is wanted larger than all of them may be is made smaller; one for which the others have left too little is skipped.
/// Below the market's minimum the signal is skipped, or the minimum taken where the rules say so and all caps allow it.
pub fn quantity(wish: &Wish, instrument: &Instrument, rules: &settings::Risk) -> Result<Decimal, Skip> {
    let factor = decimal(wish.factor).unwrap_or(Decimal::ONE);
    let distance = wish.stop_distance.max(percent(wish.price, CLOSEST_STOP_PCT));
    let whole = percent(wish.equity, rules.max_portfolio_risk_pct);
    let room = whole - wish.open_risk;
    let (loss, wanted) = match wish.size {
        Size::Loss(loss) => (loss, ratio(loss, distance)),
        Size::Notional(notional) => (ratio(notional * distance, wish.price), ratio(notional, wish.price)),
    };
    if room < loss.min(whole) {
        return Err(Skip::PortfolioRisk);
    }
    let largest = ratio(largest_notional(wish.equity, rules), wish.price);
    let most = largest.min(ratio(room, distance)).min(LARGEST_QTY);
    tradable((wanted * factor).min(most), most, wish.price, instrument, rules)
}

/// A quotient to more digits than any step has, never more than it is.
fn ratio(value: Decimal, by: Decimal) -> Decimal {
    divided_by(value, by, DIGITS, RoundingStrategy::ToNegativeInfinity)
}

/// What is wanted, on the step. Below the market's minimum it is that minimum, where the rules say so and `most` allows it.
pub fn tradable(
    wanted: Decimal,
    most: Decimal,
    price: Decimal,
    instrument: &Instrument,
    rules: &settings::Risk,
) -> Result<Decimal, Skip> {
    let qty = instrument.round_qty(wanted);
    if qty > Decimal::ZERO && qty >= instrument.min_qty && qty * price >= instrument.min_notional {
        return Ok(qty);
    }
    let least = instrument.smallest_entry(price);
    if rules.scale_up_to_minimum && least <= most { Ok(least) } else { Err(Skip::BelowMinimum) }
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

    /// At 100,000, with nothing open and 1,000 USDT of equity.
    fn wish(size: Size, distance: &str, factor: f64) -> Wish {
        let (price, equity) = (Decimal::from(100_000), Decimal::from(1000));
        Wish { size, open_risk: Decimal::ZERO, price, stop_distance: dec(distance), factor, equity }
    }

    fn loss(amount: &str, distance: &str, factor: f64) -> Wish {
        wish(Size::Loss(dec(amount)), distance, factor)
    }

    fn notional(amount: &str, distance: &str, factor: f64) -> Wish {
        wish(Size::Notional(dec(amount)), distance, factor)
    }

    #[test]
    fn each_sizing_wishes_in_its_own_way() {
        let mut odds = Odds::default();
        let rules = |sizing| settings::Risk { sizing, ..settings::Risk::default() };
        let sizes = |odds: &Odds| {
            [Sizing::Risk, Sizing::Notional, Sizing::Kelly].map(|sizing| size(dec("1000"), odds, &rules(sizing)))
        };
        let (plain, fixed) = (Size::Loss(dec("10")), Size::Notional(dec("200")));
        assert_eq!(sizes(&odds), [plain, fixed, plain], "before there are trades enough");
        for _ in 0..10 {
            odds.count(dec("1.2"));
            odds.count(dec("-1"));
        }
        // 0.5 − 0.5 ÷ 1.2 = 1/12, half of it 4.17 %
        let [risk, notional, Size::Loss(kelly)] = sizes(&odds) else { panic!() };
        assert_eq!((risk, notional, kelly.round_dp(2)), (plain, fixed, dec("41.67")));
    }

    #[test]
    fn the_stop_decides_and_the_caps_hold() {
        let rules = settings::Risk::default();
        let open = |amount: &str, wish| Wish { open_risk: dec(amount), ..wish };
        for (wish, want) in [
            (loss("10", "1500", 1.0), Ok("0.006")),
            (loss("10", "1500", 0.5), Ok("0.003")),
            (loss("10", "2000", 1.5), Ok("0.007")),
            (open("38", loss("10", "1500", 1.5)), Ok("0.008")), // 12 USDT are left, not 15
            (open("40", loss("10", "1500", 1.0)), Ok("0.006")),
            (open("40.01", loss("10", "1500", 1.0)), Err(Skip::PortfolioRisk)),
            (loss("80", "6000", 1.0), Ok("0.008")), // all stops together: 50 of 1000 USDT
            (open("1", loss("80", "6000", 1.0)), Err(Skip::PortfolioRisk)),
            (loss("10", "1000", 1.5), Ok("0.01")), // 20 % margin × 5 of 1000 USDT
            (loss("10", "0.01", 1.0), Ok("0.01")), // a stop at no distance counts as 0.1 %
            (loss("1", "1500", 1.0), Err(Skip::BelowMinimum)),
            (notional("200", "1500", 1.0), Ok("0.002")),
            (notional("299", "1500", 1.0), Ok("0.002")),
            (notional("200", "1500", 1.5), Ok("0.003")),
            (notional("200", "1500", 0.5), Ok("0.001")),
            (notional("2000", "1500", 1.0), Ok("0.01")),
            (notional("800", "8000", 1.0), Ok("0.006")), // 64 USDT at the stop, of 50
            (open("47", notional("200", "1500", 1.0)), Ok("0.002")),
            (open("47.01", notional("200", "1500", 1.0)), Err(Skip::PortfolioRisk)),
            (notional("99", "1500", 1.0), Err(Skip::BelowMinimum)),
        ] {
            assert_eq!(quantity(&wish, &btc(), &rules), want.map(dec), "{wish:?}");
        }
        let small = settings::Risk { max_notional: 450.0, ..rules };
        assert_eq!(quantity(&loss("10", "1500", 1.0), &btc(), &small), Ok(dec("0.004")));
    }

    #[test]
    fn scaling_up_stays_below_the_caps() {
        let rules = settings::Risk { scale_up_to_minimum: true, ..settings::Risk::default() };
        for small in [loss("1", "1500", 1.0), notional("20", "1500", 1.0)] {
            assert_eq!(quantity(&small, &btc(), &rules), Ok(dec("0.001")));
            let full = Wish { open_risk: dec("48.51"), ..small };
            assert_eq!(quantity(&full, &btc(), &rules), Err(Skip::BelowMinimum), "1.49 are left, 1.50 are needed");
            let poor = Wish { equity: Decimal::from(50), ..small };
            assert_eq!(quantity(&poor, &btc(), &rules), Err(Skip::BelowMinimum));
        }
    }

    /// Rules with each number anywhere within what the configuration allows.
    fn rules() -> impl Strategy<Value = settings::Risk> {
        let sizing = prop_oneof![Just(Sizing::Risk), Just(Sizing::Notional), Just(Sizing::Kelly)];
        let sizes = (sizing, 1.0..100_000f64, 0.01..10f64);
        let caps = (1.0..125f64, 0.1..100f64, 0.01..100f64, 1.0..1e9f64, any::<bool>());
        (sizes, caps).prop_map(|(sizes, caps)| {
            let mut rules = settings::Risk::default();
            (rules.sizing, rules.notional, rules.per_trade_pct) = sizes;
            (
                rules.leverage,
                rules.max_position_pct,
                rules.max_portfolio_risk_pct,
                rules.max_notional,
                rules.scale_up_to_minimum,
            ) = caps;
            rules
        })
    }

    fn odds() -> impl Strategy<Value = Odds> {
        prop::collection::vec(-100_000i64..120_000, 0..40).prop_map(|pnls| {
            let mut odds = Odds::default();
            pnls.iter().for_each(|pnl| odds.count(Decimal::new(*pnl, 2)));
            odds
        })
    }

    /// A coin, its price, the stop's distance, what the others may lose, the volatility's factor.
    fn trade() -> impl Strategy<Value = (Instrument, Decimal, Decimal, Decimal, f64)> {
        let instrument = (0u32..6, 1i64..1000, 1i64..100).prop_map(|(digits, least, notional)| {
            let step = Decimal::new(1, digits);
            Instrument { step, min_qty: step * Decimal::from(least), min_notional: notional.into(), ..btc() }
        });
        let factor = prop_oneof![Just(0.5), Just(1.0), Just(1.5), Just(0.25)];
        let money = |most| (1i64..most).prop_map(|cents| Decimal::new(cents, 2));
        (instrument, money(20_000_000), money(1_000_000), prop_oneof![Just(Decimal::ZERO), money(10_000)], factor)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn whatever_the_sizing_no_cap_is_passed(
            rules in rules(), odds in odds(), (coin, price, stop_distance, open_risk, factor) in trade(), equity in 0i64..10_000_000,
        ) {
            let equity = Decimal::new(equity, 1);
            let size = size(equity, &odds, &rules);
            let wish = Wish { size, open_risk, price, stop_distance, factor, equity };
            let Ok(qty) = quantity(&wish, &coin, &rules) else { return Ok(()) };
            let (value, risk) = (qty * price, qty * stop_distance);
            let [margin, leverage, most] = [rules.max_position_pct, rules.leverage, rules.max_notional].map(|v| decimal(v).unwrap());
            // a division rounds to 28 digits
            let within = |got: Decimal, most: Decimal| got <= most * (Decimal::ONE + Decimal::new(1, 20));
            prop_assert!(within(value / leverage, percent(equity, rules.max_position_pct)), "margin, of {margin} %");
            prop_assert!(within(value, equity * leverage) && within(value, most));
            prop_assert!(within(open_risk + risk, percent(equity, rules.max_portfolio_risk_pct)), "all stops together");
            prop_assert!((qty % coin.step).is_zero() && qty >= coin.min_qty && value >= coin.min_notional);
            let wanted = match size {
                Size::Loss(loss) => within(risk, loss * decimal(factor).unwrap()),
                Size::Notional(notional) => within(value, notional * decimal(factor).unwrap()),
            };
            prop_assert!(wanted || rules.scale_up_to_minimum && qty == coin.smallest_entry(price), "more than was wanted");
        }

        #[test]
        fn more_equity_is_never_a_smaller_trade(
            rules in rules(), odds in odds(), (coin, price, stop_distance, open_risk, factor) in trade(), equity in 0i64..10_000_000, more in 0i64..1_000_000,
        ) {
            let taken = |equity: i64| {
                let equity = Decimal::new(equity, 1);
                let wish = Wish { size: size(equity, &odds, &rules), open_risk, price, stop_distance, factor, equity };
                quantity(&wish, &coin, &rules).unwrap_or(Decimal::ZERO)
            };
            prop_assert!(taken(equity) <= taken(equity + more));
        }
    }
}
