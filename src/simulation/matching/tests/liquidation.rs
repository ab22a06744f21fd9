//! Margin that is called in.

use super::rig::*;
use crate::{
    market::*,
    simulation::matching::{account::Position, *},
};
use proptest::prelude::*;

/// One tier of 1 %: at leverage 5 a long from 100 is liquidated at 80 ÷ 0.99, a short at 120 ÷ 1.01.
fn one_tier() -> Settings {
    let tiers = Tiers::new(vec![Tier { from: Decimal::ZERO, rate: dec("0.01") }]).unwrap();
    Settings { tiers: vec![tiers.clone(), tiers], ..settings() }
}

#[test]
fn a_position_is_liquidated_where_its_margin_reaches_what_it_must_keep_and_costs_the_margin() {
    for (entry, candle, want) in [
        ("buy market 10", [100.0, 100.0, 80.9, 95.0], "liquidated 10 @ 80.9 for 9 at 3"), // 80.81 on the tick
        ("sell market 10", [100.0, 118.8, 100.0, 105.0], "liquidated 10 @ 118.8 for 12 at 3"), // 118.81
        ("buy market 10", [80.5, 81.0, 80.0, 80.5], "liquidated 10 @ 80.5 for 5 at 2"),
        ("buy market 10", [60.0, 81.0, 50.0, 70.0], "liquidated 10 @ 80 for 0 at 2"), // the gap is not the account's
        ("sell market 10", [150.0, 160.0, 50.0, 70.0], "liquidated 10 @ 120 for 0 at 2"),
    ] {
        let mut rig = Rig::holding(one_tier(), entry);
        assert_eq!(rig.candle(candle), [want], "{entry}");
        assert_eq!((rig.matching.balance(), rig.matching.position(BTC)), (dec("9800"), None), "{entry}");
        assert_eq!(rig.matching.next_deadline(), None);
    }
}

#[test]
fn one_tick_before_it_nothing_happens() {
    for (entry, candle) in
        [("buy market 10", [100.0, 100.0, 81.0, 95.0]), ("sell market 10", [100.0, 118.7, 100.0, 105.0])]
    {
        let mut rig = Rig::holding(one_tier(), entry);
        assert_eq!(rig.candle(candle), NONE, "{entry}");
    }
}

#[test]
fn a_bar_liquidates_likewise() {
    let mut rig = Rig::holding(one_tier(), "buy market 10");
    let bar = PriceBar { symbol: BTC, last: 90.0, low: 80.0, high: 95.0, bid: 89.9, ask: 90.1, at: minute(3) };
    assert_eq!(rig.bar(&bar), ["liquidated 10 @ 80.9 for 9 at 3"]);
}

#[test]
fn a_stop_before_the_liquidation_is_met_first() {
    for (stop, want) in [
        ("sell stop 10 81!", "stop fills 10 @ 81 at 3"),
        ("sell stop 10 80.9!", "stop fills 10 @ 80.9 at 3"), // the same price
        ("sell stop 10 80.8!", "liquidated 10 @ 80.9 for 9 at 3"),
    ] {
        let mut rig = Rig::holding(one_tier(), "buy market 10");
        rig.send(place("stop", stop));
        assert_eq!(rig.candle([100.0, 100.0, 70.0, 95.0])[0], want, "{stop}");
    }
}

#[test]
fn in_a_gap_beyond_both_the_stop_fills_while_the_margin_covers_it() {
    for (open, want) in [
        (80.5, "stop fills 10 @ 80.5 at 2"),
        (80.0, "stop fills 10 @ 80 at 2"),
        (79.9, "liquidated 10 @ 80 for 0 at 2"),
    ] {
        let mut rig = Rig::holding(one_tier(), "buy market 10");
        rig.send(place("stop", "sell stop 10 98!"));
        assert_eq!(rig.candle([open, 100.0, 70.0, 95.0])[0], want, "{open}");
    }
}

#[test]
fn an_entry_that_waits_does_not_come_before_a_liquidation() {
    let mut rig = Rig::holding(one_tier(), "buy market 10");
    rig.send(place("more", "buy target 1 98"));
    let all = rig.candle([70.0, 100.0, 70.0, 95.0]);
    assert_eq!(all, ["liquidated 10 @ 80 for 0 at 2", "more fills 1 @ 70 at 2"]);
}

#[test]
fn reduce_only_orders_of_the_symbol_expire_and_no_others() {
    let mut rig = Rig::holding(one_tier(), "buy market 10");
    rig.send(place("stop", "sell stop 10 70!"));
    rig.send(place("target", "sell target 10 130!"));
    rig.send(place("in", "buy stop 1 140"));
    rig.send(OrderCommand::Place(OrderRequest { symbol: ETH, ..order("eth", "sell stop 1 90!") }));
    let all = rig.candle([100.0, 100.0, 75.0, 95.0]);
    assert_eq!(all, ["liquidated 10 @ 80.9 for 9 at 3", "stop Expired", "target Expired"]);
    let left: Vec<_> = [BTC, ETH].into_iter().flat_map(|symbol| rig.matching.open_orders(symbol)).collect();
    assert_eq!(left.iter().map(|order| order.id.to_string()).collect::<Vec<_>>(), ["in", "eth"]);
}

#[test]
fn an_unleveraged_long_is_never_liquidated() {
    let mut rig = Rig::holding(Settings { leverage: 1.0, ..one_tier() }, "buy market 10");
    assert_eq!(rig.candle([100.0, 100.0, 0.1, 0.1]), NONE);
}

#[test]
fn an_entry_needs_twice_the_maintenance_margin() {
    for (leverage, want) in [(50.0, "a accepted"), (51.0, "a refused -2027 Margin")] {
        let mut rig = Rig::new(Settings { leverage, ..one_tier() });
        rig.candle([100.0; 4]);
        assert_eq!(rig.send(place("a", "buy market 10")), [want], "{leverage}");
    }
}

#[test]
fn a_large_position_is_liquidated_earlier() {
    let large = Settings { capital: Decimal::from(100_000_000), ..settings() };
    let mut rig = Rig::holding(large, "buy market 1000000");
    // at 83.471 it keeps 200 + 2,250 + 45,000 + 500,000 + 5 % of 58,471,000, and so much is left of the margin of 20,000,000
    let all = rig.candle([100.0, 100.0, 81.0, 95.0]);
    assert_eq!(all, ["liquidated 1000000 @ 83.5 for 3500000 at 3"]);
}

proptest! {
    /// The same price from the definition, by trying tick after tick.
    #[test]
    fn the_price_is_the_first_tick_at_which_too_little_is_left(
        cents in 100i64..1_000_000, leverage in 2u32..45, is_long in any::<bool>()
    ) {
        let settings = Settings { leverage: leverage.into(), capital: Decimal::from(1_000_000), ..settings() };
        let (side, qty) = (if is_long { Side::Long } else { Side::Short }, Decimal::new(cents, 2));
        let matching = Matching::new(settings);
        let held = Position::opened(side, qty, qty * Decimal::ONE_HUNDRED);
        let tick = dec(if is_long { "-0.1" } else { "0.1" });
        let too_little = |price: &Decimal| {
            let value = notional(*price, qty);
            matching.margin(&held) + held.unrealised(*price) <= matching.tiers[0].maintenance(value)
        };
        let first = (1..).map(|ticks| Decimal::ONE_HUNDRED + tick * Decimal::from(ticks)).find(too_little).unwrap();
        let at = match matching.liquidated_at(0, &held).unwrap() {
            Trigger::AtOrBelow(price) | Trigger::AtOrAbove(price) => decimal(price).unwrap(),
            Trigger::Now => panic!("no price"),
        };
        prop_assert!(at == first || at == first - tick, "{at} is not {first}");
        prop_assert!(at == first || !too_little(&at));
    }
}
