//! A position ends once, in money too.

use super::*;

#[test]
fn a_stop_fill_books_the_trade_and_takes_the_target_away() {
    let (mut rig, stop, target) = Rig::holding(settings());
    rig.fill(&stop, stop.qty, 98_380);
    assert_eq!(rig.cancelled(), [target.id]);
    assert_eq!(rig.engine.positions().count(), 0);
    // 0.01 × −120 − 2 × 0.1
    assert_eq!(rig.engine.account().balance, qty("998.6"));
    assert_eq!(rig.engine.summary().exits().collect::<Vec<_>>(), [(Reason::Stop, 1)]);
}

#[test]
fn a_fill_that_is_told_twice_counts_once() {
    let (mut rig, stop, _) = Rig::holding(settings());
    rig.fill(&stop, qty("0.004"), 98_380);
    rig.trades -= 1;
    rig.fill(&stop, qty("0.004"), 98_380);
    assert_eq!(rig.engine.positions().next().unwrap().qty, qty("0.006"), "S6");
}

#[test]
fn a_cancel_that_crosses_a_fill_loses_nothing() {
    let (mut rig, stop, target) = Rig::holding(settings());
    rig.fill(&stop, qty("0.004"), 98_380);
    rig.update(OrderUpdate::Ended { id: target.id, how: Ended::Expired });
    rig.fill(&target, qty("0.001"), 99_288);
    assert_eq!(rig.engine.positions().next().unwrap().qty, qty("0.005"));
}

#[test]
fn a_position_is_closed_when_it_was_held_long_enough() {
    let exits = Exits { time_limit: true, max_hold_s: 90, ..Exits::default() };
    let (mut rig, ..) = Rig::holding(Settings { exits, ..settings() });
    assert_eq!(rig.engine.next_deadline(), Some(rig.now.plus_ms(90_000)));
    rig.now = rig.now.plus_ms(90_000);
    rig.event(Event::Wake);
    rig.commit();
    let exit = rig.placed();
    assert_eq!(exit.len(), 1);
    rig.fill(&exit[0], exit[0].qty, 98_600);
    assert_eq!(rig.engine.summary().exits().collect::<Vec<_>>(), [(Reason::Time, 1)]);
}

#[test]
fn close_all_and_stop_close_at_the_market() {
    for (command, reason) in [
        (Command::CloseAll, Reason::Manual),
        (Command::Close(BTC), Reason::Manual),
        (Command::Stop { close: true }, Reason::End),
    ] {
        let (mut rig, ..) = Rig::holding(settings());
        rig.event(Event::Command(command));
        rig.commit();
        let exit = rig.placed();
        assert_eq!(exit.len(), 1, "{command:?}");
        rig.fill(&exit[0], exit[0].qty, 98_600);
        assert_eq!(rig.engine.summary().exits().collect::<Vec<_>>(), [(reason, 1)]);
    }
    let (mut rig, ..) = Rig::holding(settings());
    rig.event(Event::Command(Command::Stop { close: false }));
    assert!(rig.actions.is_empty(), "a position that is kept keeps its stop");
}

#[test]
fn a_liquidation_ends_the_position_and_is_told_once() {
    let (mut rig, stop, target) = Rig::holding(settings());
    let forced = |trade_id, qty| {
        let (id, symbol) = (ClientId::new("autoclose7").unwrap(), BTC);
        let (price, fee, at) = (Decimal::from(80_000), Decimal::from(12), rig.now);
        OrderUpdate::Liquidated(Fill { id, trade_id, symbol, side: OrderSide::Sell, qty, price, fee, at })
    };
    let (part, rest, again) = (forced(70, qty("0.004")), forced(71, qty("0.006")), forced(71, qty("0.006")));
    rig.update(part);
    assert_eq!(rig.engine.positions().next().unwrap().qty, qty("0.006"), "a part can be");
    rig.update(rest);
    rig.update(again);
    assert_eq!(rig.engine.positions().count(), 0);
    assert_eq!(rig.cancelled(), [stop.id, target.id]);
    let alerts = rig.actions.iter().filter(|action| matches!(action, Action::Alert(Note::Liquidated { .. })));
    assert_eq!(alerts.count(), 2);
    assert!(!rig.actions.contains(&Action::Need(Need::Reconcile)), "nothing is in doubt");
    // 1,000 − 0.01 × 18,500 − 2 × 12 − 0.1
    assert_eq!(rig.engine.account().balance, qty("790.9"));
    assert_eq!(rig.engine.summary().exits().collect::<Vec<_>>(), [(Reason::Liquidation, 2)]);
    rig.update(OrderUpdate::Ended { id: stop.id, how: Ended::Expired });
    rig.commit();
    assert!(rig.placed().is_empty(), "nothing is left to protect");
}

#[test]
fn a_liquidation_of_what_is_not_held_is_a_doubt() {
    let mut rig = Rig::new(settings());
    let (id, symbol, one) = (ClientId::new("autoclose7").unwrap(), BTC, Decimal::ONE);
    let fill = Fill { id, trade_id: 7, symbol, side: OrderSide::Sell, qty: one, price: one, fee: one, at: rig.now };
    rig.update(OrderUpdate::Liquidated(fill));
    assert!(rig.actions.contains(&Action::Need(Need::Reconcile)));
}

#[test]
fn funding_is_part_of_the_trade() {
    let (mut rig, stop, _) = Rig::holding(settings());
    rig.event(Event::Funding(FundingPaid { symbol: BTC, amount: qty("0.05"), at: rig.now }));
    rig.fill(&stop, stop.qty, 98_380);
    let Some(Action::Log(Note::Exit(trade))) =
        rig.actions.iter().find(|action| matches!(action, Action::Log(Note::Exit(_))))
    else {
        panic!("no exit")
    };
    assert_eq!((trade.funding, trade.pnl(), trade.balance), (qty("0.05"), qty("-1.45"), qty("998.55")));
}

#[test]
fn an_empty_account_is_an_emergency() {
    let risk = Risk { leverage: 50.0, ..Risk::default() };
    let (mut rig, stop, _) = Rig::holding(Settings { risk, ..settings() });
    rig.fill(&stop, stop.qty, 1);
    assert!(rig.actions.contains(&Action::Halt(Halt::Emergency)));
}

#[test]
fn closing_takes_an_entry_on_its_way_back() {
    for command in [Command::CloseAll, Command::Close(BTC), Command::Stop { close: true }] {
        let mut held = Rig::signalled(settings());
        held.event(Event::Command(command));
        held.commit();
        assert!(held.placed().is_empty(), "{command:?}");
        assert_eq!((held.engine.summary().taken, held.engine.account().day.entries), (0, 0), "{command:?}");

        let mut sent = Rig::signalled(settings());
        sent.commit();
        let entry = sent.placed()[0];
        sent.event(Event::Command(command));
        assert_eq!(sent.cancelled(), [entry.id], "{command:?}");
        let mut crossed = sent;
        crossed.actions.clear();
        crossed.fill(&entry, entry.qty, 98_500);
        crossed.commit();
        let exit = crossed.placed();
        assert_eq!(exit.iter().map(|order| order.kind).collect::<Vec<_>>(), [OrderKind::Market], "{command:?}");
    }
    let mut rig = Rig::signalled(settings());
    rig.commit();
    let entry = rig.placed()[0];
    rig.event(Event::Command(Command::CloseAll));
    rig.update(OrderUpdate::Ended { id: entry.id, how: Ended::Cancelled });
    assert_eq!((rig.engine.summary().taken, rig.skips(Skip::Cancelled)), (0, 1));
}

#[test]
fn what_is_kept_at_the_end_is_not_closed() {
    let mut rig = Rig::signalled(settings());
    rig.commit();
    let entry = rig.placed()[0];
    rig.event(Event::Command(Command::Stop { close: false }));
    rig.fill(&entry, entry.qty, 98_500);
    rig.commit();
    assert_eq!(rig.placed().len(), 2, "stop and target");
}

#[test]
fn a_position_that_must_close_does_not_grow_any_more() {
    let (mut rig, entry) = Rig::part_filled();
    let stop = rig.placed()[0];
    rig.update(OrderUpdate::Refused { id: stop.id, code: -2021, class: Class::WouldTrigger });
    assert_eq!(rig.cancelled(), [entry.id]);
}

#[test]
fn an_entry_that_fills_long_after_its_end_reduces_a_position_of_the_other_side() {
    let mut rig = Rig::signalled(settings());
    rig.commit();
    let long = rig.placed()[0];
    rig.update(OrderUpdate::Ended { id: long.id, how: Ended::Expired });
    let Leg::Entry(plan) = rig.engine.state.orders.find(long.id).unwrap().leg else { panic!("no entry") };
    let sold = fill_of(&long, OrderSide::Sell, qty("0.01"), 98_500);
    let short = Position::open(Plan { side: Side::Short, ..plan }, &sold, qty("98620"), qty("97000"));
    rig.engine.state.positions[0] = Some(short);
    rig.engine.state.positions[0].as_mut().unwrap().closing = Some(Reason::Manual);
    rig.fill(&long, qty("0.004"), 98_400);
    let position = rig.engine.positions().next().unwrap();
    assert_eq!((position.plan.side, position.qty), (Side::Short, qty("0.006")));
    assert_eq!(rig.engine.account().realised, qty("0.4"));
    rig.fill(&long, qty("0.007"), 98_400);
    assert!(rig.actions.contains(&Action::Need(Need::Reconcile)), "more than there is: our books are wrong");
}

#[test]
fn an_exit_on_the_wrong_side_is_a_doubt() {
    let (mut rig, stop, _) = Rig::holding(settings());
    rig.fill(&OrderRequest { side: OrderSide::Buy, ..stop }, stop.qty, 98_380);
    assert!(rig.actions.contains(&Action::Need(Need::Reconcile)));
    assert_eq!(rig.engine.positions().next().unwrap().qty, stop.qty);
}

fn fill_of(order: &OrderRequest, side: OrderSide, qty: Decimal, price: u32) -> Fill {
    let (price, fee) = (Decimal::from(price), Decimal::ZERO);
    Fill { id: order.id, trade_id: 900, symbol: BTC, side, qty, price, fee, at: Timestamp(0) }
}

#[test]
fn an_emergency_closes_what_is_open() {
    let eth = known_instrument(&"ETHUSDT".parse().unwrap()).unwrap();
    let btc = settings().instruments.remove(0);
    let (mut rig, ..) = Rig::holding(Settings { instruments: vec![btc, eth], ..settings() });
    rig.event(Event::Funding(FundingPaid { symbol: SymbolId(1), amount: qty("1000"), at: rig.now }));
    assert!(rig.actions.contains(&Action::Halt(Halt::Emergency)), "whatever emptied the account");
    rig.commit();
    let exit = rig.placed();
    assert_eq!(exit.iter().map(|order| order.kind).collect::<Vec<_>>(), [OrderKind::Market]);
    rig.fill(&exit[0], exit[0].qty, 98_400);
    assert!(!rig.actions.contains(&Action::Halt(Halt::Emergency)), "said once");
    assert_eq!(rig.engine.summary().exits().collect::<Vec<_>>(), [(Reason::Breaker, 1)]);
}

#[test]
fn an_exit_that_was_refused_is_tried_again_also_when_no_price_comes() {
    let exits = Exits { trailing: true, trailing_pct: 0.1, ..Exits::default() };
    let (mut rig, ..) = Rig::holding(Settings { exits, ..settings() });
    rig.event(Event::Command(Command::CloseAll));
    rig.commit();
    let exit = rig.placed()[0];
    rig.update(OrderUpdate::Accepted { id: exit.id });
    assert_eq!(rig.engine.next_deadline(), None);
    rig.update(OrderUpdate::Ended { id: exit.id, how: Ended::Expired });
    let due = rig.engine.next_deadline().expect("a second try");
    assert_eq!(due, rig.now.plus_ms(1_000));
    rig.now = due;
    rig.event(Event::Wake);
    rig.commit();
    assert_eq!(rig.placed().len(), 1);
    assert_eq!(rig.engine.next_deadline(), None, "no spinning");
    rig.minute(500.0);
    let moved = rig.actions.iter().any(|action| matches!(action, Action::Log(Note::StopMoved { .. })));
    assert!(!moved, "a stop that is not placed any more does not move either");
}
