//! Which orders are taken, refused, cut and forgotten.

use super::rig::*;
use crate::simulation::matching::*;

#[test]
fn reduce_only_is_cut_to_the_position() {
    for order in ["sell market 3!", "sell stop 3 100!", "sell target 3 100!", "sell stop 3 98!", "sell target 3 102!"] {
        let mut rig = Rig::holding(settings(), "buy market 1");
        rig.send(place("a", order));
        let all = rig.candle([100.0, 105.0, 95.0, 100.0]);
        assert!(all.len() == 2 && all[0].starts_with("a fills 1 @") && all[1] == "a Expired", "{order}: {all:?}");
        assert_eq!(rig.matching.position(BTC), None, "{order}");
    }
}

#[test]
fn reduce_only_with_nothing_to_reduce_is_refused_or_expires() {
    let mut rig = Rig::new(settings());
    rig.candle([100.0; 4]);
    assert_eq!(rig.send(place("a", "sell market 1!")), ["a refused -2022 ReduceOnly"]);
    assert_eq!(rig.send(place("b", "sell stop 1 98!")), ["b accepted"]);
    assert_eq!(rig.candle([100.0, 105.0, 95.0, 100.0]), ["b Expired"]);
    let mut rig = Rig::holding(settings(), "buy market 1");
    assert_eq!(rig.send(place("a", "buy market 1!")), ["a refused -2022 ReduceOnly"], "it would grow");
    rig.send(place("b", "buy stop 1 102!"));
    assert_eq!(rig.candle([100.0, 105.0, 95.0, 100.0]), ["b Expired"]);
}

#[test]
fn of_two_exits_of_the_whole_position_one_fills() {
    let mut rig = Rig::holding(settings(), "buy market 1");
    rig.send(place("a", "sell market 1!"));
    rig.send(place("b", "sell market 1!"));
    assert_eq!(rig.candle([100.0; 4]), ["a fills 1 @ 100 at 2", "b Expired"]);
}

#[test]
fn reduce_only_orders_outlive_their_position() {
    let mut rig = Rig::holding(settings(), "buy market 1");
    rig.send(place("stop", "sell stop 1 98!"));
    rig.send(place("out", "sell market 1!"));
    rig.candle([100.0; 4]);
    assert_eq!(rig.matching.open_orders(BTC).count(), 1);
}

#[test]
fn filters_refuse_with_the_venues_numbers() {
    let mut rig = Rig::new(settings());
    rig.candle([100.0; 4]);
    for (order, want) in [
        ("buy market 1.001", "a refused -1111 Filter"),
        ("buy market 0.01", "a refused -4003 Filter"),
        ("buy market 0", "a refused -4003 Filter"),
        ("buy market -1", "a refused -4003 Filter"),
        ("buy market 1000000000001", "a refused -4005 Filter"),
        ("buy market 0.09", "a refused -4164 Filter"),
        ("buy stop 0.09 102", "a refused -4164 Filter"),
        ("buy stop 1 102.05", "a refused -4014 Filter"),
        ("buy target 1 0", "a refused -4001 Filter"),
        ("buy stop 1 1000000000.1", "a refused -4002 Filter"),
        ("sell stop 0.09 98!", "a accepted"), // reduce-only has no smallest notional
        ("buy market 1", "a refused -4116 Duplicate"),
    ] {
        assert_eq!(rig.send(place("a", order)), [want], "{order}");
    }
    let unknown = OrderRequest { symbol: SymbolId(2), ..order("b", "buy market 1") };
    assert_eq!(rig.send(OrderCommand::Place(unknown)), ["b refused -1121 Other"]);
}

#[test]
fn a_name_is_used_once_and_remembered_for_a_while() {
    let mut rig = Rig::holding(settings(), "buy market 1");
    assert_eq!(rig.send(place("entry", "buy market 1")), ["entry refused -4116 Duplicate"], "it has filled");
    let on_eth = OrderRequest { symbol: ETH, ..order("entry", "buy market 1") };
    assert_eq!(rig.send(OrderCommand::Place(on_eth)), ["entry refused -4116 Duplicate"]);
    for count in 0..REMEMBERED {
        let name = format!("s{count}");
        rig.send(place(&name, "sell stop 1 98!"));
        assert_eq!(rig.send(cancel(&name)), [format!("{name} Cancelled")]);
    }
    assert_eq!(rig.send(place("s1", "sell stop 1 98!")), ["s1 refused -4116 Duplicate"]);
    assert_eq!(rig.send(place("entry", "buy market 1")), ["entry accepted"], "its name is forgotten");
}

#[test]
fn the_number_of_waiting_orders_is_limited() {
    let mut rig = Rig::holding(settings(), "buy market 1");
    for count in 0..OPEN_ORDERS {
        assert_eq!(rig.send(place(&format!("s{count}"), "sell stop 1 98!")), [format!("s{count} accepted")]);
    }
    assert_eq!(rig.send(place("more", "sell stop 1 98!")), ["more refused -2025 Other"]);
}

#[test]
fn a_cancel_of_what_does_not_wait_says_nothing() {
    let mut rig = Rig::holding(settings(), "buy market 1");
    assert_eq!(rig.send(cancel("entry")), NONE);
    assert_eq!(rig.send(cancel("never")), NONE);
    rig.send(place("stop", "sell stop 1 98!"));
    assert_eq!(rig.send(cancel("stop")), ["stop Cancelled"]);
    assert_eq!(rig.send(cancel("stop")), NONE);
    assert_eq!(rig.candle([100.0, 105.0, 95.0, 100.0]), NONE);
}
