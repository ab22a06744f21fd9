//! At which price and when an order trades.

use super::rig::*;
use crate::{market::*, simulation::matching::*};

#[test]
fn a_market_order_fills_at_the_next_open_never_in_the_candle_that_raised_it() {
    let mut rig = Rig::new(settings());
    rig.candle([100.0, 105.0, 95.0, 101.0]);
    assert_eq!(rig.send(place("a", "buy market 1")), ["a accepted"]);
    assert_eq!(rig.candle([102.0, 103.0, 98.0, 99.0]), ["a fills 1 @ 102 at 1"]);
    assert_eq!(rig.candle([99.0, 103.0, 98.0, 99.0]), NONE, "and only once");
}

#[test]
fn a_market_order_sent_in_the_middle_of_a_candle_fills_at_its_close() {
    let mut rig = Rig::new(settings());
    rig.candle([100.0; 4]);
    rig.matching.handle(minute(1).plus_ms(1), Input::Order(place("a", "buy market 1")), &mut Vec::new());
    assert_eq!(rig.candle([102.0, 103.0, 98.0, 99.0]), ["a fills 1 @ 99 at 2"]);
}

#[test]
fn a_market_order_waits_for_the_first_price() {
    let mut rig = Rig::new(settings());
    assert_eq!(rig.send(place("a", "buy market 1")), ["a accepted"]);
    assert_eq!(rig.candle([100.0; 4]), ["a fills 1 @ 100 at 0"]);
}

#[test]
fn a_stop_is_met_before_a_target_in_one_candle() {
    for (entry, stop, target, want) in [
        ("buy market 1", "sell stop 1 98!", "sell target 1 103!", "stop fills 1 @ 98 at 3"),
        ("sell market 1", "buy stop 1 103!", "buy target 1 98!", "stop fills 1 @ 103 at 3"),
    ] {
        let mut rig = Rig::holding(settings(), entry);
        rig.send(place("target", target));
        rig.send(place("stop", stop));
        let all = rig.candle([100.0, 105.0, 95.0, 100.0]);
        assert_eq!(all, [want, "target Expired"], "{entry}");
    }
}

#[test]
fn without_the_stop_in_reach_the_target_is_met() {
    for (entry, stop, target, want) in [
        ("buy market 1", "sell stop 1 94!", "sell target 1 103!", "target fills 1 @ 103 at 3"),
        ("sell market 1", "buy stop 1 106!", "buy target 1 98!", "target fills 1 @ 98 at 3"),
    ] {
        let mut rig = Rig::holding(settings(), entry);
        rig.send(place("stop", stop));
        rig.send(place("target", target));
        assert_eq!(rig.candle([100.0, 105.0, 95.0, 100.0]), [want], "{entry}");
    }
}

#[test]
fn a_gap_fills_at_the_open() {
    for (entry, order, open, want) in [
        ("buy market 1", "sell stop 1 98!", 95.0, "a fills 1 @ 95 at 2"),
        ("sell market 1", "buy stop 1 102!", 105.0, "a fills 1 @ 105 at 2"),
        ("buy market 1", "sell target 1 102!", 105.0, "a fills 1 @ 105 at 2"),
        ("sell market 1", "buy target 1 98!", 95.0, "a fills 1 @ 95 at 2"),
    ] {
        let mut rig = Rig::holding(settings(), entry);
        rig.send(place("a", order));
        assert_eq!(rig.candle([open, 110.0, 90.0, 100.0]), [want], "{order}");
    }
}

#[test]
fn the_stop_of_an_entry_at_the_open_can_be_hit_in_the_same_candle() {
    for (entry, stop, want) in [
        ("buy market 1", "sell stop 1 98!", "stop fills 1 @ 98 at 2"),
        ("sell market 1", "buy stop 1 103!", "stop fills 1 @ 103 at 2"),
    ] {
        let mut rig = Rig::new(settings());
        rig.candle([100.0; 4]);
        rig.send(place("in", entry));
        let all = rig.candle_with([100.0, 105.0, 95.0, 100.0], |text| match text {
            "in fills 1 @ 100 at 1" => vec![place("stop", stop)],
            _ => vec![],
        });
        assert_eq!(all, ["in fills 1 @ 100 at 1", "stop accepted", want]);
    }
}

#[test]
fn a_target_cancelled_after_the_stop_takes_no_part_in_the_rest_of_the_walk() {
    let mut rig = Rig::holding(settings(), "buy market 1");
    rig.send(place("stop", "sell stop 1 98!"));
    rig.send(place("target", "sell target 1 103!"));
    let all = rig.candle_with([100.0, 105.0, 95.0, 100.0], |text| match text {
        "stop fills 1 @ 98 at 3" => vec![cancel("target")],
        _ => vec![],
    });
    assert_eq!(all, ["stop fills 1 @ 98 at 3", "target Cancelled"]);
    assert_eq!(rig.matching.open_orders(BTC).count(), 0);
}

#[test]
fn an_entry_on_the_way_meets_its_adverse_extreme_before_its_favourable_one() {
    for (entry, stop, target) in [
        ("buy stop 1 102", "sell stop 1 97!", "sell target 1 104!"),
        ("sell stop 1 98", "buy stop 1 103!", "buy target 1 96!"),
    ] {
        let mut rig = Rig::new(settings());
        rig.candle([100.0; 4]);
        rig.send(place("in", entry));
        let all = rig.candle_with([100.0, 105.0, 95.0, 100.0], |text| match text.split_once(" fills") {
            Some(("in", _)) => vec![place("stop", stop), place("target", target)],
            Some(("stop", _)) => vec![cancel("target")],
            _ => vec![],
        });
        assert!(all[3].starts_with("stop fills"), "{all:?}");
        assert_eq!(rig.matching.position(BTC), None);
    }
}

#[test]
fn a_market_order_sent_during_the_walk_fills_at_the_close() {
    let mut rig = Rig::holding(settings(), "buy market 1");
    rig.send(place("stop", "sell stop 1 98!"));
    let all = rig.candle_with([100.0, 105.0, 95.0, 101.0], |text| match text {
        "stop fills 1 @ 98 at 3" => vec![place("again", "buy market 1")],
        _ => vec![],
    });
    assert_eq!(all, ["stop fills 1 @ 98 at 3", "again accepted", "again fills 1 @ 101 at 3"]);
}

#[test]
fn an_order_sent_during_the_walk_counts_as_sent_at_the_candles_end_however_late_the_candle_came() {
    let mut rig = Rig::holding(settings(), "buy market 1");
    rig.send(place("stop", "sell stop 1 98!"));
    let candle = closed(rig.now, [100.0, 105.0, 95.0, 101.0]);
    let (late, mut outputs) = (candle.closes_at().plus_ms(700), Vec::new());
    rig.matching.handle(late, Input::Candle(&candle), &mut outputs);
    rig.matching.handle(late, Input::Order(place("again", "buy market 1")), &mut outputs);
    outputs.clear();
    assert!(rig.matching.resume(&mut outputs), "it fills at the close");
    assert_eq!(outputs.len(), 1);
}

#[test]
fn what_is_left_of_a_closed_position_does_not_steer_the_walk() {
    let mut rig = Rig::new(settings());
    rig.candle([100.0; 4]);
    rig.send(place("left", "sell stop 1 96!"));
    rig.send(place("in", "buy stop 1 102"));
    // Low first would let `left` expire on the way, and then open a long that never meets the low.
    let all = rig.candle([100.0, 105.0, 95.0, 100.0]);
    assert_eq!(all, ["in fills 1 @ 102 at 2", "left fills 1 @ 96 at 2"]);
}

#[test]
fn what_comes_after_a_fill_at_the_close_waits_for_the_next_price() {
    let mut rig = Rig::holding(settings(), "buy market 1");
    let now = rig.now.plus_ms(1);
    rig.matching.handle(now, Input::Order(place("out", "sell market 1!")), &mut Vec::new());
    let react = |text: &str| match text {
        "out fills 1 @ 101 at 3" => vec![place("again", "buy market 1"), place("passed", "sell stop 1 102")],
        _ => vec![],
    };
    let all = rig.candle_with([100.0, 105.0, 95.0, 101.0], react);
    assert_eq!(all, ["out fills 1 @ 101 at 3", "again accepted", "passed accepted"]);
    let next = rig.candle([103.0, 105.0, 95.0, 101.0]);
    assert_eq!(next, ["again fills 1 @ 103 at 3", "passed fills 1 @ 103 at 3"]);
}

#[test]
fn a_trigger_that_is_passed_already_fires_at_the_next_price() {
    for order in ["sell stop 1 101!", "sell target 1 99!"] {
        let mut rig = Rig::holding(settings(), "buy market 1");
        assert_eq!(rig.send(place("a", order)), ["a accepted"]);
        assert_eq!(rig.candle([100.5, 110.0, 90.0, 95.0]), ["a fills 1 @ 100.5 at 2"], "{order}");
    }
}

#[test]
fn a_trigger_passed_during_the_walk_fires_where_the_price_stands() {
    let mut rig = Rig::new(settings());
    rig.candle([100.0; 4]);
    rig.send(place("in", "buy market 1"));
    let all = rig.candle_with([100.0, 105.0, 95.0, 103.0], |text| match text {
        "in fills 1 @ 100 at 1" => vec![place("stop", "sell stop 1 101!")],
        _ => vec![],
    });
    assert_eq!(all, ["in fills 1 @ 100 at 1", "stop accepted", "stop fills 1 @ 100 at 1"]);
}

#[test]
fn at_one_price_stops_go_before_targets_and_early_before_late() {
    let mut rig = Rig::holding(settings(), "buy market 1");
    for (name, order) in [
        ("t", "buy target 1 98"),
        ("s1", "sell stop 0.4 98!"),
        ("s2", "sell stop 0.5 98!"),
        ("s3", "sell stop 0.5 97!"),
    ] {
        rig.send(place(name, order));
    }
    let all = rig.candle([100.0, 105.0, 95.0, 100.0]);
    assert_eq!(
        all,
        ["s1 fills 0.4 @ 98 at 3", "s2 fills 0.5 @ 98 at 3", "t fills 1 @ 98 at 3", "s3 fills 0.5 @ 97 at 3"]
    );
}

#[test]
fn slippage_is_against_the_trader_on_every_kind_and_lands_on_the_tick() {
    for (entry, order, want) in [
        ("sell market 1", "buy market 1!", "a fills 1 @ 100.1 at 2"), // 100.05
        ("buy market 1", "sell market 1!", "a fills 1 @ 99.9 at 2"),  // 99.95
        ("buy market 1", "sell stop 1 98!", "a fills 1 @ 97.9 at 3"), // 97.951
        ("sell market 1", "buy stop 1 102!", "a fills 1 @ 102.1 at 3"), // 102.051
        ("buy market 1", "sell target 1 103!", "a fills 1 @ 102.9 at 3"), // 102.9485
        ("sell market 1", "buy target 1 98!", "a fills 1 @ 98.1 at 3"), // 98.049
    ] {
        let mut rig = Rig::holding(Settings { slippage_pct: 0.05, ..settings() }, entry);
        rig.send(place("a", order));
        assert_eq!(rig.candle([100.0, 105.0, 95.0, 100.0]), [want], "{order}");
        assert_eq!(rig.matching.totals().slippage, dec("0.2"), "a tick in and a tick out");
    }
}

#[test]
fn history_sets_the_price_and_fills_nothing() {
    let mut rig = Rig::new(settings());
    rig.send(place("a", "buy market 1"));
    let history = ClosedCandle { history: true, ..closed(minute(1), [90.0; 4]) };
    rig.matching.handle(minute(2), Input::Candle(&history), &mut Vec::new());
    assert_eq!((rig.matching.mark(BTC), rig.matching.position(BTC)), (Some(90.0), None));
    let older = ClosedCandle { history: true, ..closed(minute(0), [80.0; 4]) };
    rig.matching.handle(minute(2), Input::Candle(&older), &mut Vec::new());
    assert_eq!(rig.matching.mark(BTC), Some(90.0), "a newer price is known");
    rig.now = minute(2);
    assert_eq!(rig.candle([91.0; 4]), ["a fills 1 @ 91 at 2"]);
}

#[test]
fn a_candle_that_comes_twice_or_overlaps_says_nothing_new() {
    let mut rig = Rig::holding(settings(), "buy market 1");
    rig.send(place("stop", "sell stop 1 98!"));
    let doubled = closed(minute(1), [100.0, 105.0, 95.0, 96.0]);
    let coarser = ClosedCandle { timeframe: Timeframe::M5, ..closed(minute(0), [100.0, 105.0, 95.0, 96.0]) };
    for candle in [doubled, coarser] {
        let mut outputs = Vec::new();
        rig.matching.handle(rig.now, Input::Candle(&candle), &mut outputs);
        assert_eq!((outputs, rig.matching.mark(BTC)), (vec![], Some(100.0)));
    }
}

fn bar(at: i64, low: f64, high: f64, last: f64) -> PriceBar {
    PriceBar { symbol: BTC, last, low, high, bid: last - 0.1, ask: last + 0.2, at: minute(at) }
}

#[test]
fn in_a_bar_market_orders_fill_at_ask_and_bid() {
    for (order, want) in [("buy market 1", "a fills 1 @ 101.2 at 3"), ("sell market 1", "a fills 1 @ 100.9 at 3")] {
        let mut rig = Rig::new(settings());
        rig.bar(&bar(1, 100.0, 100.0, 100.0));
        rig.now = minute(2);
        rig.send(place("a", order));
        assert_eq!(rig.bar(&bar(1, 90.0, 100.0, 99.0)), NONE, "it was before the order");
        assert_eq!(rig.bar(&bar(3, 99.0, 102.0, 101.0)), [want]);
    }
}

#[test]
fn a_bar_that_comes_late_says_nothing_new() {
    let mut rig = Rig::new(settings());
    rig.bar(&bar(2, 100.0, 100.0, 100.0));
    rig.bar(&bar(1, 90.0, 90.0, 90.0));
    assert_eq!(rig.matching.mark(BTC), Some(100.0));
}

#[test]
fn a_bar_is_walked_adverse_extreme_first_and_a_gap_before_it_fills_inside_it() {
    for (entry, stop, target, low, high, want) in [
        ("buy market 1", "sell stop 1 98!", "sell target 1 102!", 97.0, 103.0, "stop fills 1 @ 97.9 at 5"),
        ("sell market 1", "buy stop 1 102!", "buy target 1 98!", 97.0, 103.0, "stop fills 1 @ 102.2 at 5"),
        ("buy market 1", "sell stop 1 98!", "sell target 1 102!", 94.0, 96.0, "stop fills 1 @ 95.9 at 5"),
        ("sell market 1", "buy stop 1 102!", "buy target 1 98!", 104.0, 106.0, "stop fills 1 @ 104.2 at 5"),
    ] {
        let mut rig = Rig::holding(settings(), entry);
        rig.send(place("target", target));
        rig.send(place("stop", stop));
        let all = rig.bar(&bar(5, low, high, high));
        assert_eq!(all[0], want, "{entry}");
    }
}

#[test]
fn what_is_triggered_in_a_bar_pays_the_spread_and_at_its_end_gets_no_more_than_the_quote() {
    for (bid, ask, want) in [
        (97.0, 98.0, "stop fills 1 @ 97 at 5"),     // triggered by the last price
        (98.5, 98.6, "stop fills 1 @ 98 at 5"),     // the quote has left the last price: never better than that
        (f64::NAN, 98.1, "stop fills 1 @ 98 at 5"), // quotes are missing, crossed, or absurd
        (97.0, 96.9, "stop fills 1 @ 98 at 5"),
        (90.0, 98.1, "stop fills 1 @ 98 at 5"),
        (97.0, 1e9, "stop fills 1 @ 98 at 5"),
    ] {
        let mut rig = Rig::holding(settings(), "buy market 1");
        rig.send(place("stop", "sell stop 1 98.5!"));
        assert_eq!(rig.bar(&PriceBar { bid, ask, ..bar(5, 98.0, 98.0, 98.0) }), [want], "{bid} {ask}");
    }
    let mut rig = Rig::holding(settings(), "buy market 1");
    rig.send(place("stop", "sell stop 1 99!"));
    assert_eq!(
        rig.bar(&bar(5, 98.0, 103.0, 103.0)),
        ["stop fills 1 @ 98.9 at 5"],
        "on the way the spread is the end's"
    );
}

#[test]
fn impossible_bars_are_ignored() {
    let mut rig = Rig::holding(settings(), "buy market 1");
    rig.send(place("out", "sell market 1!"));
    for (low, high, last) in [(0.0, 1.0, 1.0), (90.0, 80.0, 85.0), (90.0, f64::INFINITY, 95.0), (f64::NAN, 1.0, 1.0)] {
        assert_eq!(rig.bar(&bar(5, low, high, last)), NONE, "{low} {high} {last}");
    }
    assert_eq!(rig.matching.mark(BTC), Some(100.0));
    let quoteless = PriceBar { bid: f64::INFINITY, ..bar(5, 101.0, 101.0, 101.0) };
    assert_eq!(rig.bar(&quoteless), ["out fills 1 @ 101 at 5"]);
}

#[test]
fn an_order_on_one_symbol_in_the_walk_of_another_waits_for_its_own_price() {
    let mut rig = Rig::holding(settings(), "buy market 1");
    rig.send(place("stop", "sell stop 1 98!"));
    let on_eth = OrderRequest { symbol: ETH, ..order("eth", "buy market 1") };
    let all = rig.candle_with([100.0, 105.0, 95.0, 100.0], |text| match text.split_once(" fills") {
        Some(("stop", _)) => vec![OrderCommand::Place(on_eth)],
        _ => vec![],
    });
    assert_eq!(all, ["stop fills 1 @ 98 at 3", "eth accepted"]);
    let candle = ClosedCandle { symbol: ETH, ..closed(minute(2), [50.0, 52.0, 49.0, 51.0]) };
    let mut outputs = Vec::new();
    rig.matching.handle(rig.now, Input::Candle(&candle), &mut outputs);
    let [Output::Order(OrderUpdate::Filled(fill))] = outputs[..] else { panic!("{outputs:?}") };
    assert_eq!((fill.price, fill.at), (dec("51"), minute(3)), "its candle's close: the open is before the order");
}

#[test]
fn a_new_candle_finishes_the_walk_before_it() {
    let mut rig = Rig::holding(settings(), "buy market 1");
    rig.send(place("a", "sell stop 0.5 98!"));
    rig.send(place("b", "sell stop 0.5 97!"));
    let mut outputs = Vec::new();
    rig.matching.handle(minute(3), Input::Candle(&closed(minute(2), [100.0, 105.0, 95.0, 100.0])), &mut outputs);
    assert_eq!((outputs.len(), rig.matching.is_walking()), (1, true));
    rig.matching.handle(minute(4), Input::Candle(&closed(minute(3), [100.0; 4])), &mut outputs);
    assert_eq!((outputs.len(), rig.matching.is_walking()), (2, false));
}
