//! An engine that goes on with other symbols, strategies and rules.

use super::*;
use crate::market::{Misfit, Refit};

/// Where Bitcoin stands in the new lists.
const MOVED: SymbolId = SymbolId(1);

fn named(names: [&str; 2]) -> Settings {
    let plain = settings();
    let mut instruments = plain.instruments.clone();
    instruments.insert(0, known_instrument(&"ETHUSDT".parse().unwrap()).unwrap());
    let rule = |name: &str| strategies::Settings { name: name.to_owned(), ..plain.strategies[0].clone() };
    Settings { instruments, strategies: names.map(rule).into(), ..plain }
}

/// The state of an engine of [`settings`] for one of others.
fn refit(rig: &Rig, now: &Settings) -> Result<State, Misfit> {
    rig.engine.snapshot().refit(&Refit { was: &settings().names(), now: &now.names() })
}

/// A rig whose engine goes on with other settings.
fn moved(mut rig: Rig, now: Settings) -> Rig {
    rig.engine = Engine::restore(now.clone(), refit(&rig, &now).unwrap());
    rig.actions.clear();
    rig.engine.check();
    rig
}

fn fill(rig: &Rig, order: &OrderRequest, trade_id: u64, qty: Decimal) -> OrderUpdate {
    let (id, side, price) = (order.id, order.side, Decimal::from(97_000));
    OrderUpdate::Filled(Fill { id, trade_id, symbol: MOVED, side, qty, price, fee: Decimal::ZERO, at: rig.now })
}

#[test]
fn a_position_its_orders_and_its_past_move_with_their_symbol() {
    let (mut rig, stop, _) = Rig::holding(settings());
    rig.event(Event::Feed(BTC, FeedState::Stale));
    rig.engine.state.volume_said[0] = true;
    let held = rig.engine.positions().next().unwrap().clone();
    let mut rig = moved(rig, named(["first", "oversold_bounce"]));
    let orders = |rig: &Rig| [BTC, MOVED].map(|symbol| rig.engine.state.orders.of(symbol).count());
    assert_eq!(orders(&rig), [0, 2]);
    let state = &rig.engine.state;
    assert_eq!((&state.attempts, &state.feeds), (&vec![[0; 3], [1, 1, 0]], &vec![FeedState::Live, FeedState::Stale]));
    assert_eq!(state.volume_said, [false, true]);
    let mut want = held.clone();
    (want.symbol, want.plan.strategy) = (MOVED, 1);
    assert!(rig.engine.positions().eq([&want]));
    let booked = rig.engine.state.orders.clone();
    assert!(!booked.clone().is_new_trade(MOVED, 1) && booked.clone().is_new_trade(BTC, 1), "S6");
    rig.update(fill(&rig, &stop, 2, held.qty));
    rig.update(fill(&rig, &stop, 2, held.qty));
    let trades = rig.actions.iter().filter_map(|action| match action {
        Action::Log(Note::Exit(trade)) => Some((trade.symbol, trade.strategy)),
        _ => None,
    });
    assert_eq!((trades.collect::<Vec<_>>(), rig.engine.account().trades), (vec![(MOVED, 1)], 1));
}

#[test]
fn what_a_strategy_has_earned_and_a_symbols_failures_move_with_them() {
    let (mut rig, ..) = Rig::holding(settings());
    rig.engine.state.odds[0].count(Decimal::ONE);
    rig.engine.state.quarantine.refused(rig.now, BTC, &Risk { quarantine_after: 1, ..Risk::default() });
    rig.engine.state.said.news(Skip::BelowMinimum, BTC);
    let odds = rig.engine.state.odds[0].clone();
    let until = rig.engine.quarantined().next().unwrap().1;
    let mut rig = moved(rig, named(["first", "oversold_bounce"]));
    assert_eq!(rig.engine.state.odds, [kelly::Odds::default(), odds]);
    assert!(rig.engine.quarantined().eq([(MOVED, until)]));
    assert_eq!(rig.engine.state.said.news(Skip::BelowMinimum, MOVED), None, "it was said");
}

#[test]
fn an_entry_on_its_way_fills_for_its_own_strategy() {
    let mut rig = Rig::signalled(settings());
    rig.commit();
    let entry = rig.placed()[0];
    let mut rig = moved(rig, named(["first", "oversold_bounce"]));
    rig.update(fill(&rig, &entry, 1, entry.qty));
    assert!(rig.engine.positions().map(|position| (position.symbol, position.plan.strategy)).eq([(MOVED, 1)]));
}

#[test]
fn the_same_lists_leave_the_state_as_it_is() {
    let (rig, ..) = Rig::holding(settings());
    assert_eq!(refit(&rig, &settings()), Ok(rig.engine.snapshot()));
}

#[test]
fn what_is_open_needs_its_symbol_and_its_strategy() {
    let symbol: crate::market::Symbol = "BTCUSDT".parse().unwrap();
    let strategy = "oversold_bounce".to_owned();
    let elsewhere = Settings { instruments: named(["a", "b"]).instruments[..1].to_vec(), ..settings() };
    let unknown = Settings { strategies: named(["a", "b"]).strategies, ..settings() };
    let position = Misfit::Position { symbol: symbol.clone(), side: Side::Long, qty: qty("0.01") };
    let nobodys = Misfit::Strategy { strategy, symbol: symbol.clone() };
    let ordered = || Rig::signalled(settings());
    let holding = || Rig::holding(settings()).0;
    for (rig, now, misfit) in [
        (holding(), &elsewhere, position),
        (ordered(), &elsewhere, Misfit::Order(symbol)),
        (holding(), &unknown, nobodys.clone()),
        (ordered(), &unknown, nobodys),
    ] {
        assert_eq!(refit(&rig, now), Err(misfit));
    }
}

/// A rig that is flat; the rest of its last entry was cancelled, which a fill may have crossed.
fn flat() -> (Rig, OrderRequest) {
    let (mut rig, entry) = Rig::part_filled();
    let [stop, target] = rig.placed()[..] else { panic!("stop and target") };
    rig.fill(&stop, qty("0.004"), 97_000);
    for order in [entry, target] {
        rig.update(OrderUpdate::Ended { id: order.id, how: Ended::Cancelled });
    }
    rig.commit();
    (rig, entry)
}

#[test]
fn a_late_fill_for_a_strategy_that_is_gone_is_closed_at_once() {
    let (rig, entry) = flat();
    let mut rig = moved(rig, named(["first", "second"]));
    rig.update(fill(&rig, &entry, 3, qty("0.002")));
    rig.commit();
    let [exit] = rig.placed()[..] else { panic!("an exit") };
    assert_eq!(
        (exit.symbol, exit.side, exit.kind, exit.qty),
        (MOVED, OrderSide::Sell, OrderKind::Market, qty("0.002"))
    );
    let position = rig.engine.positions().next().unwrap();
    assert_eq!((position.plan.strategy, position.closing), (0, Some(Reason::Manual)));
}

#[test]
fn nothing_is_remembered_of_a_symbol_that_is_gone_nor_where_there_is_no_strategy() {
    let (rig, entry) = flat();
    for now in [
        Settings { instruments: named(["a", "b"]).instruments[..1].to_vec(), ..settings() },
        Settings { strategies: Vec::new(), ..settings() },
    ] {
        let state = refit(&rig, &now).unwrap();
        assert_eq!(state.orders.find(entry.id), None);
        assert_eq!(state.account, *rig.engine.account(), "the money stays");
    }
}

#[test]
fn stop_and_target_move_to_the_tick_of_new_rules_and_the_old_stop_goes_last() {
    let (rig, stop, target) = Rig::holding(settings());
    let mut now = settings();
    (now.instruments[0].tick, now.instruments[0].step) = (qty("1000"), qty("0.5"));
    let mut rig = moved(rig, now);
    rig.bar(98_400.0);
    rig.commit();
    assert!(rig.cancelled().is_empty(), "the old ones stand until the new ones do");
    let placed = rig.placed();
    let [new_stop, new_target] = placed[..] else { panic!("stop and target, not {placed:?}") };
    let trigger = |order: OrderRequest| match order.kind {
        OrderKind::Market | OrderKind::Limit { .. } => panic!("{order:?}"),
        OrderKind::StopMarket { trigger } | OrderKind::TakeProfitMarket { trigger } => trigger,
    };
    for (new, old, away) in [(new_stop, stop, -1), (new_target, target, 1)] {
        let moved = (trigger(new) - trigger(old)) * Decimal::from(away);
        assert!((trigger(new) % qty("1000")).is_zero() && moved >= Decimal::ZERO && moved < qty("1000"), "{new:?}");
        assert_eq!(new.qty, old.qty, "all that is held, on the step or not");
        rig.update(OrderUpdate::Accepted { id: new.id });
    }
    assert_eq!(rig.cancelled(), [stop.id, target.id]);
}
