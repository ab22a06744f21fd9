//! An account that goes on with other symbols and other rules.

use super::rig::*;
use crate::{market::*, simulation::matching::*};

fn names(symbols: &[&str]) -> Names {
    let symbols = symbols.iter().map(|name| name.parse().unwrap()).collect();
    Names { symbols, strategies: Vec::new() }
}

fn refit(rig: &Rig, now: &[&str]) -> Result<Snapshot, Misfit> {
    rig.matching.snapshot().refit(&Refit { was: &names(&["BTCUSDT", "ETHUSDT"]), now: &names(now) })
}

/// An account that holds one Bitcoin, with a stop.
fn holding() -> Rig {
    let mut rig = Rig::holding(settings(), "buy market 1");
    rig.send(place("stop", "sell stop 1 98!"));
    rig
}

#[test]
fn a_book_moves_with_its_symbol_also_in_the_middle_of_a_walk() {
    let mut rig = holding();
    rig.send(place("out", "sell market 1!"));
    let (closed, mut outputs) = (closed(rig.now, [100.0, 101.0, 97.0, 99.0]), Vec::new());
    rig.matching.handle(closed.closes_at(), Input::Candle(&closed), &mut outputs);
    assert!(rig.matching.is_walking(), "the market order filled at the open, and the stop is on the way");
    let mut now = settings();
    now.instruments.swap(0, 1);
    let mut moved = Matching::restore(now, refit(&rig, &["ETHUSDT", "BTCUSDT"]).unwrap());
    let waiting = |symbol| moved.open_orders(symbol).map(|order| order.symbol).collect::<Vec<_>>();
    assert_eq!((waiting(BTC), waiting(ETH)), (vec![], vec![ETH]), "Bitcoin stands where Ether stood");
    let (mut whole, mut again) = (Vec::new(), Vec::new());
    while rig.matching.resume(&mut whole) {}
    while moved.resume(&mut again) {}
    assert_eq!((&whole, whole.len()), (&again, 1), "the stop expires, since there is nothing to reduce");
    assert_eq!(moved.mark(ETH), Some(99.0));
}

#[test]
fn the_same_symbols_leave_the_account_as_it_is() {
    let rig = holding();
    assert_eq!(refit(&rig, &["BTCUSDT", "ETHUSDT"]), Ok(rig.matching.snapshot()));
}

#[test]
fn a_symbol_goes_when_nothing_of_it_is_held_or_waits() {
    let (mut rig, symbol) = (holding(), "BTCUSDT".parse::<Symbol>().unwrap());
    let held = Misfit::Position { symbol: symbol.clone(), side: Side::Long, qty: Decimal::ONE };
    assert_eq!(refit(&rig, &["ETHUSDT"]), Err(held));
    rig.send(place("out", "sell market 1!"));
    rig.candle([100.0; 4]);
    assert_eq!(refit(&rig, &["ETHUSDT"]), Err(Misfit::Order(symbol)));
    rig.send(cancel("stop"));
    let state = refit(&rig, &["ETHUSDT", "SOLUSDT"]).unwrap();
    assert!(state.symbols().iter().map(Symbol::base).eq(["ETH", "SOL"]));
    let mut now = settings();
    now.instruments.rotate_left(1);
    now.instruments[1].symbol = "SOLUSDT".parse().unwrap();
    now.capital = Decimal::ONE;
    let moved = Matching::restore(now, state);
    assert_eq!((moved.balance(), moved.mark(ETH)), (rig.matching.balance(), None), "its price is not Bitcoin's");
}

#[test]
fn what_is_held_can_be_closed_whole_whatever_the_rules_have_become() {
    let rig = holding();
    let mut now = settings();
    (now.instruments[0].step, now.instruments[0].min_qty) = (dec("5"), dec("5"));
    now.instruments[0].tick = dec("0.3");
    let mut rig = Rig { matching: Matching::restore(now, rig.matching.snapshot()), ..rig };
    for (order, want) in [
        ("sell market 0.5!", "-4003 Filter"),
        ("buy market 1!", "-4003 Filter"),
        ("sell market 1", "-4003 Filter"),
        ("sell stop 1 98!", "-4014 Filter"),
    ] {
        assert_eq!(rig.send(place("a", order)), [format!("a refused {want}")], "{order}");
    }
    assert_eq!(rig.send(place("b", "sell stop 1 97.8!")), ["b accepted"]);
    assert_eq!(rig.candle([100.0, 100.0, 98.0, 98.0]), ["stop fills 1 @ 97.8 at 3"], "on the new tick");
    assert_eq!(rig.matching.position(BTC), None);
}
