//! Limit orders: at their price or better, or not at all.

use super::rig::*;
use crate::simulation::matching::*;

/// An account with both fees that has seen one flat candle at 100.
fn rig() -> Rig {
    let mut rig = Rig::new(Settings { taker_fee_pct: 0.1, maker_fee_pct: 0.02, ..settings() });
    rig.candle([100.0; 4]);
    rig
}

#[test]
fn a_limit_rests_until_the_price_goes_through_it_and_trades_at_its_own_price_for_the_makers_fee() {
    for (order, candle, want) in [
        ("buy limit 10 99", [100.0, 101.0, 99.0, 100.0], None), // others stand before it
        ("buy limit 10 99", [100.0, 101.0, 98.9, 100.0], Some("a fills 10 @ 99 at 2")),
        ("buy limit 10 99", [95.0, 101.0, 94.0, 100.0], Some("a fills 10 @ 99 at 1")), // a gap gives it nothing
        ("buy post 10 99", [100.0, 101.0, 98.9, 100.0], Some("a fills 10 @ 99 at 2")),
        ("sell limit 10 101", [100.0, 101.0, 99.0, 100.0], None),
        ("sell limit 10 101", [100.0, 101.1, 99.0, 100.0], Some("a fills 10 @ 101 at 2")),
        ("sell limit 10 101", [105.0, 106.0, 99.0, 100.0], Some("a fills 10 @ 101 at 1")),
    ] {
        let mut rig = rig();
        assert_eq!(rig.send(place("a", order)), ["a accepted"]);
        assert_eq!(rig.candle(candle), want.into_iter().collect::<Vec<_>>(), "{order} {candle:?}");
        if want.is_some() {
            let price = dec(order.rsplit_once(' ').unwrap().1);
            assert_eq!(rig.matching.totals().fees, price * dec("10") * dec("0.0002"), "{order}");
        }
        assert_eq!(rig.matching.totals().slippage, Decimal::ZERO);
    }
}

#[test]
fn a_limit_that_the_price_keeps_takes_with_slippage_up_to_its_price() {
    for (order, open, want) in [
        ("buy limit 10 101", 100.0, Some("a fills 10 @ 100.1 at 1")),
        ("buy limit 10 100", 100.0, Some("a fills 10 @ 100 at 1")),
        ("buy limit 10 101", 101.1, None), // too late: it rests
        ("sell limit 10 99", 100.0, Some("a fills 10 @ 99.9 at 1")),
        ("sell limit 10 100", 100.0, Some("a fills 10 @ 100 at 1")),
        ("sell limit 10 99", 98.9, None),
    ] {
        let mut rig = Rig::new(Settings { taker_fee_pct: 0.1, maker_fee_pct: 0.02, slippage_pct: 0.05, ..settings() });
        rig.candle([100.0; 4]);
        assert_eq!(rig.send(place("a", order)), ["a accepted"]);
        assert_eq!(rig.candle([open; 4]), want.into_iter().collect::<Vec<_>>(), "{order} {open}");
        match want {
            Some(_) => assert!(rig.matching.totals().fees > dec("0.9"), "the taker's fee"),
            None => {
                assert_eq!(rig.matching.open_orders(BTC).count(), 1);
                let all = rig.candle([98.0, 102.0, 98.0, 100.0]);
                assert!(all[0].starts_with("a fills 10 @") && rig.matching.totals().fees < dec("0.3"), "{all:?}");
            }
        }
    }
}

#[test]
fn post_only_is_refused_where_it_would_take() {
    for (order, want) in [
        ("buy post 1 100", "a refused -5022 WouldTrigger"),
        ("buy post 1 99.9", "a accepted"),
        ("sell post 1 100", "a refused -5022 WouldTrigger"),
        ("sell post 1 100.1", "a accepted"),
        ("buy limit 1 99.95", "a refused -4014 Filter"),
        ("buy limit 1 0", "a refused -4001 Filter"),
        ("buy limit 0.2 49", "a refused -4164 Filter"), // its own price counts
    ] {
        assert_eq!(rig().send(place("a", order)), [want], "{order}");
    }
}

#[test]
fn a_resting_limit_reserves_its_margin_and_reduce_only_none() {
    let mut rig = Rig::new(Settings { maker_fee_pct: 0.0, ..settings() });
    rig.candle([100.0; 4]);
    assert_eq!(rig.send(place("a", "buy limit 400 90")), ["a accepted"]); // 7,200 of 10,000
    assert_eq!(rig.send(place("b", "buy market 140.01")), ["b refused -2019 Margin"]);
    assert_eq!(rig.send(place("c", "buy limit 156 90")), ["c refused -2019 Margin"]);
    assert_eq!(rig.send(place("d", "sell limit 400 110!")), ["d accepted"]);
    assert_eq!(rig.send(place("e", "buy market 140")), ["e accepted"]);
    rig.send(cancel("a"));
    assert_eq!(rig.send(place("f", "buy market 360")), ["f accepted"]);
}

#[test]
fn a_reduce_only_limit_is_cut_to_the_position() {
    let mut rig = Rig::holding(settings(), "buy market 1");
    rig.send(place("a", "sell limit 3 102!"));
    assert_eq!(rig.candle([100.0, 103.0, 99.0, 100.0]), ["a fills 1 @ 102 at 3", "a Expired"]);
    assert_eq!(rig.matching.position(BTC), None);
}

#[test]
fn the_stop_is_met_before_the_limit_that_takes_profit() {
    let mut rig = Rig::holding(settings(), "buy market 1");
    rig.send(place("profit", "sell limit 1 102!"));
    rig.send(place("stop", "sell stop 1 98!"));
    assert_eq!(rig.candle([100.0, 103.0, 97.0, 100.0]), ["stop fills 1 @ 98 at 3", "profit Expired"]);
}

#[test]
fn a_limit_sent_during_a_walk_takes_at_the_close_or_rests_for_the_rest_of_it() {
    for (order, want) in [
        ("buy limit 1 99", "again fills 1 @ 99 at 3"), // the price stands at 98: it takes, at the close of 99
        ("buy limit 1 97", "again fills 1 @ 97 at 3"), // the low of 95 is still to come
    ] {
        let mut rig = Rig::holding(settings(), "buy market 1");
        rig.send(place("stop", "sell stop 1 98!"));
        let all = rig.candle_with([100.0, 105.0, 95.0, 99.0], |text| match text {
            "stop fills 1 @ 98 at 3" => vec![place("again", order)],
            _ => vec![],
        });
        assert_eq!(all[2], want, "{order}: {all:?}");
    }
}
