//! Orders that are too large for the market trade in parts.

use super::rig::*;
use crate::{market::*, simulation::matching::*};
use proptest::prelude::*;

/// One order takes half of a candle's volume, which is 1.
fn half() -> Settings {
    Settings { max_participation_pct: 50.0, ..settings() }
}

fn after_a_candle(settings: Settings) -> Rig {
    let mut rig = Rig::new(settings);
    rig.candle([100.0; 4]);
    rig
}

#[test]
fn a_market_order_takes_its_share_of_each_candle() {
    let mut rig = after_a_candle(half());
    rig.send(place("a", "buy market 1.2"));
    assert_eq!(rig.candle([100.0, 105.0, 95.0, 101.0]), ["a fills 0.5 @ 100 at 1"], "not again at the close");
    assert_eq!(rig.matching.open_orders(BTC).next().unwrap().qty, dec("0.7"));
    assert_eq!(rig.candle([102.0; 4]), ["a fills 0.5 @ 102 at 2"]);
    assert_eq!(rig.candle([103.0; 4]), ["a fills 0.2 @ 103 at 3"]);
    assert_eq!(rig.candle([103.0; 4]), NONE);
    assert_eq!(rig.matching.position(BTC).unwrap().qty, dec("1.2"));
}

#[test]
fn the_rest_of_a_stop_goes_on_at_the_next_price() {
    let mut rig = Rig::holding(settings(), "buy market 1.2");
    rig.matching = Matching::restore(half(), rig.matching.snapshot());
    rig.send(place("target", "sell target 1.2 103!"));
    rig.send(place("stop", "sell stop 1.2 98!"));
    assert_eq!(rig.candle([100.0, 101.0, 95.0, 101.0]), ["stop fills 0.5 @ 98 at 3"]);
    assert_eq!(rig.candle([100.0; 4]), ["stop fills 0.5 @ 100 at 3"], "wherever that is");
    assert_eq!(rig.send(cancel("stop")), ["stop Cancelled"]);
    assert_eq!(rig.candle([104.0; 4]), ["target fills 0.2 @ 104 at 4", "target Expired"]);
    assert_eq!(rig.matching.position(BTC), None);
}

#[test]
fn what_reduces_is_cut_when_its_last_part_trades() {
    let mut rig = Rig::holding(settings(), "buy market 0.8");
    rig.matching = Matching::restore(half(), rig.matching.snapshot());
    rig.send(place("a", "sell market 2!"));
    assert_eq!(rig.candle([100.0; 4]), ["a fills 0.5 @ 100 at 2"]);
    assert_eq!(rig.candle([100.0; 4]), ["a fills 0.3 @ 100 at 3", "a Expired"]);
}

#[test]
fn the_rest_of_a_limit_rests() {
    let mut rig = after_a_candle(half());
    rig.send(place("a", "buy limit 0.7 99"));
    assert_eq!(rig.candle([100.0, 101.0, 98.0, 100.0]), ["a fills 0.5 @ 99 at 2"]);
    assert_eq!(rig.candle([100.0, 101.0, 99.0, 100.0]), NONE);
    assert_eq!(rig.candle([100.0, 101.0, 98.0, 100.0]), ["a fills 0.2 @ 99 at 4"]);
}

#[test]
fn a_bar_has_the_last_candles_volume_for_its_time() {
    let mut rig = after_a_candle(half());
    rig.send(place("a", "buy market 0.4"));
    let bar = |ms| PriceBar {
        symbol: BTC,
        last: 100.0,
        low: 100.0,
        high: 100.0,
        bid: 100.0,
        ask: 100.0,
        at: minute(1).plus_ms(ms),
    };
    assert_eq!(rig.bar(&bar(15_000)), ["a fills 0.12 @ 100 at 1"], "half of a quarter, on the step");
    assert_eq!(rig.bar(&bar(15_100)), ["a fills 0.02 @ 100 at 1"], "the smallest order at least");
    assert_eq!(rig.bar(&bar(59_000)), ["a fills 0.26 @ 100 at 1"]);
}

#[test]
fn no_volume_is_no_limit_and_neither_has_a_liquidation_one() {
    let mut rig = after_a_candle(half());
    rig.send(place("a", "buy market 50"));
    let silent = closed(minute(1), [100.0; 4]);
    let silent = ClosedCandle { candle: Candle { volume: 0.0, ..silent.candle }, ..silent };
    let mut outputs = Vec::new();
    rig.matching.handle(minute(2), Input::Candle(&silent), &mut outputs);
    assert!(matches!(outputs[..], [Output::Order(OrderUpdate::Filled(fill))] if fill.qty == dec("50")));
    rig.now = minute(2);
    let all = rig.candle([100.0, 100.0, 50.0, 100.0]);
    assert!(all.len() == 1 && all[0].starts_with("liquidated 50 @"), "{all:?}");
}

proptest! {
    /// Whatever the volumes, an order trades whole in the end, in parts of its share each.
    #[test]
    fn parts_add_up_to_the_order(
        cents in 10i64..5_000, share in 0.1f64..100.0, volumes in prop::collection::vec(0.0f64..50.0, 1..40)
    ) {
        let (qty, most) = (Decimal::new(cents, 2), settings().instruments[0].min_qty);
        let mut matching = Matching::new(Settings { max_participation_pct: share, ..settings() });
        let mut outputs = Vec::new();
        matching.handle(minute(0), Input::Candle(&closed(minute(-1), [100.0; 4])), &mut outputs);
        matching.handle(minute(0), Input::Order(OrderCommand::Place(OrderRequest { qty, ..order("a", "buy market 1") })), &mut outputs);
        let mut left = qty;
        for (volume, at) in volumes.iter().chain(&[0.0]).zip(0..) {
            let flat = closed(minute(at), [100.0; 4]);
            outputs.clear();
            let candle = Candle { volume: *volume, ..flat.candle };
            matching.handle(minute(at + 1), Input::Candle(&ClosedCandle { candle, ..flat }), &mut outputs);
            while matching.is_walking() {
                matching.resume(&mut outputs);
            }
            matching.check();
            let filled: Decimal = outputs.iter().map(|output| match output {
                Output::Order(OrderUpdate::Filled(fill)) => fill.qty,
                other => panic!("{other:?}"),
            }).sum();
            prop_assert!(outputs.len() == usize::from(!left.is_zero()));
            if *volume > 0.0 {
                let share = decimal(volume * share / 100.0).unwrap() + Decimal::new(1, 6);
                prop_assert!(filled <= share.max(most), "{filled} of {volume}");
            }
            left -= filled;
        }
        prop_assert_eq!(left, Decimal::ZERO);
        prop_assert_eq!(matching.position(BTC).unwrap().qty, qty);
    }
}
