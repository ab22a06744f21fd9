//! At an exchange: its view of the account wins, what is not ours is left alone, and no position is without a stop for long.

use super::*;
use crate::market::{AccountView, Instrument, PositionView};

/// A rig at an exchange, with a position of 0.01 at 98,500 whose stop and target stand.
fn holding() -> (Rig, OrderRequest, OrderRequest) {
    let (mut rig, stop, target) = Rig::holding(settings());
    rig.engine.state.live = true;
    (rig, stop, target)
}

fn view(rig: &mut Rig, balance: Decimal, position: Option<(Side, &str)>) {
    let held = position.map(|(side, held)| PositionView {
        symbol: BTC,
        side,
        qty: qty(held),
        entry_price: Decimal::from(98_500),
    });
    rig.event(Event::Account(AccountView { balance, positions: held.into_iter().collect() }));
}

fn count(rig: &Rig, which: impl Fn(&Action) -> bool) -> usize {
    rig.actions.iter().filter(|action| which(action)).count()
}

fn reconciles(rig: &Rig) -> usize {
    count(rig, |action| *action == Action::Need(Need::Reconcile))
}

fn held(rig: &Rig) -> Option<(Side, String)> {
    rig.engine.positions().next().map(|position| (position.plan.side, position.qty.normalize().to_string()))
}

/// What the engine does when nothing but time passes, until `until`: the orders that it sends. Commits take no time.
fn pass(rig: &mut Rig, until: Timestamp) -> Vec<(i64, OrderKind)> {
    let (began, mut sent) = (rig.now, Vec::new());
    loop {
        rig.commit();
        let now = rig.now;
        let commands = rig.actions.extract_if(.., |action| matches!(action, Action::Order(_) | Action::Commit { .. }));
        sent.extend(commands.filter_map(|action| match action {
            Action::Order(OrderCommand::Place(request)) => Some((now.since_ms(began), request.kind)),
            _ => None,
        }));
        let Some(due) = rig.engine.next_deadline().filter(|due| *due <= until) else { return sent };
        assert!(due > rig.now || rig.now == began, "it spins");
        rig.now = due;
        rig.event(Event::Wake);
    }
}

#[test]
fn the_exchanges_view_wins_once_it_was_seen_twice() {
    use Side::{Long, Short};
    type Seen = (Option<(Side, &'static str)>, Option<(Side, &'static str)>, bool, usize);
    let whole = Some((Long, "0.01"));
    // the views; and after each what is ours, whether something is not, and how often a comparison was asked for so far
    let rows: [(&str, Vec<Seen>); 8] = [
        ("as we know it", vec![(whole, whole, false, 0), (whole, whole, false, 0)]),
        ("gone", vec![(None, whole, false, 1), (None, None, false, 1), (None, None, false, 1)]),
        ("a fill was on its way", vec![(None, whole, false, 1), (whole, whole, false, 1), (None, whole, false, 2)]),
        (
            "a part is gone",
            vec![(Some((Long, "0.004")), whole, false, 1), (Some((Long, "0.004")), Some((Long, "0.004")), false, 1)],
        ),
        (
            "never the same twice",
            vec![
                (None, whole, false, 1),
                (Some((Long, "0.004")), whole, false, 2),
                (None, whole, false, 3),
                (Some((Long, "0.02")), whole, false, 4),
            ],
        ),
        (
            "more than ours is not ours",
            vec![
                (Some((Long, "0.03")), whole, false, 1),
                (Some((Long, "0.03")), whole, true, 1),
                (whole, whole, false, 1),
            ],
        ),
        (
            "closed, and the other way round",
            vec![
                (Some((Short, "0.02")), whole, false, 1),
                (Some((Short, "0.02")), None, true, 1),
                (None, None, false, 1),
            ],
        ),
        (
            "what is not ours grows, and takes ours with it",
            vec![
                (Some((Long, "0.03")), whole, false, 1),
                (Some((Long, "0.03")), whole, true, 1),
                (Some((Long, "0.04")), whole, false, 2),
                (Some((Long, "0.04")), whole, true, 2),
                (None, whole, false, 3),
                (None, None, false, 3),
            ],
        ),
    ];
    for (what, views) in rows {
        let (mut rig, ..) = holding();
        let balance = rig.engine.account().balance;
        for (place, (theirs, ours, foreign, asked)) in views.into_iter().enumerate() {
            view(&mut rig, balance, theirs);
            let ours = ours.map(|(side, held)| (side, held.to_owned()));
            assert_eq!((held(&rig), rig.engine.foreign().count() == 1), (ours, foreign), "{what}, view {place}: S15");
            assert_eq!(reconciles(&rig), asked, "{what}, view {place}");
        }
    }
}

#[test]
fn what_was_closed_outside_is_a_trade_and_its_orders_go() {
    let (mut rig, stop, target) = holding();
    rig.bar(98_450.0);
    rig.actions.clear();
    view(&mut rig, qty("999.4"), None);
    assert_eq!(
        rig.engine.account().balance,
        qty("999.9"),
        "its result may be on its way: no balance without positions"
    );
    view(&mut rig, qty("999.4"), None);
    assert_eq!(rig.cancelled(), [stop.id, target.id]);
    let trades = rig.actions.iter().filter_map(|action| match action {
        Action::Commit { records, .. } => Some(records.clone()),
        _ => None,
    });
    let trades: Vec<_> = trades.flatten().collect();
    let [Record::Trade(trade)] = &trades[..] else { panic!("one trade and no fill: {trades:?}") };
    // at the last known price
    assert_eq!((trade.reason, trade.exit_price, trade.qty), (Reason::Manual, qty("98450"), qty("0.01")));
    assert_eq!((rig.engine.account().realised, rig.engine.account().balance), (qty("-0.5"), qty("999.4")));
    assert!(rig.actions.contains(&Action::Alert(Note::ClosedOutside {
        symbol: BTC,
        qty: qty("0.01"),
        price: qty("98450")
    })));
    rig.engine.check();
}

#[test]
fn a_part_that_was_closed_outside_leaves_the_rest_covered() {
    let (mut rig, stop, _) = holding();
    let balance = rig.engine.account().balance;
    (0..2).for_each(|_| view(&mut rig, balance, Some((Side::Long, "0.004"))));
    assert!(rig.cancelled().is_empty() && rig.engine.orders().any(|order| order.request == stop), "S2");
    rig.fill(&stop, qty("0.004"), 98_380);
    assert_eq!((held(&rig), rig.engine.account().trades), (None, 2));
}

#[test]
fn of_a_fill_that_closes_more_than_ours_ours_is_booked() {
    let (mut rig, stop, _) = holding();
    let balance = rig.engine.account().balance;
    (0..2).for_each(|_| view(&mut rig, balance, Some((Side::Long, "0.004"))));
    // the stop is of 0.01, and somebody has bought meanwhile what it closes with ours
    rig.actions.clear();
    rig.fill(&stop, qty("0.01"), 98_380);
    assert_eq!((held(&rig), rig.engine.account().trades), (None, 2));
    assert_eq!((reconciles(&rig), rig.engine.is_proven()), (1, false));
}

#[test]
fn money_that_comes_or_goes_is_no_result() {
    let (mut rig, ..) = holding();
    rig.bar(98_500.0);
    let before = (rig.engine.account().clone(), rig.engine.state.breakers.peak);
    rig.actions.clear();
    view(&mut rig, qty("499.9"), Some((Side::Long, "0.01")));
    let account = rig.engine.account();
    assert_eq!((account.balance, account.adjusted), (qty("499.9"), qty("-500")));
    assert_eq!(account.day.start_equity, before.0.day.start_equity - qty("500"));
    assert_eq!(rig.engine.state.breakers.peak, before.1 - qty("500"));
    rig.bar(98_490.0);
    assert_eq!(count(&rig, |action| matches!(action, Action::Halt(_))), 0, "half of it was taken out, and none lost");
    let said = Action::Log(Note::Adjusted { balance: qty("499.9"), by: qty("-500") });
    assert!(rig.actions.contains(&said) && count(&rig, |action| matches!(action, Action::Commit { .. })) == 1);
    view(&mut rig, qty("499.9"), Some((Side::Long, "0.01")));
    assert_eq!(count(&rig, |action| matches!(action, Action::Commit { .. })), 1, "nothing new");
}

#[test]
fn a_new_account_begins_with_what_the_exchange_holds() {
    let mut rig = Rig::new(settings());
    rig.engine = Engine::restore(settings(), rig.engine.snapshot().on_exchange());
    view(&mut rig, qty("37.5"), None);
    let account = rig.engine.account();
    assert_eq!((account.capital, account.balance, account.adjusted), (qty("37.5"), qty("37.5"), Decimal::ZERO));
    rig.minute(-1.0);
    assert_eq!(count(&rig, |action| matches!(action, Action::Halt(_))), 0);
}

#[test]
fn a_run_at_an_exchange_begins_in_doubt() {
    let mut rig = Rig::signalled(settings());
    rig.engine = Engine::restore(settings(), Engine::new(settings()).snapshot().on_exchange());
    (rig.now, rig.price) = (Timestamp(0), 100_000.0);
    (0..15).for_each(|_| rig.minute(-100.0));
    assert_eq!((rig.engine.is_live(), rig.skips(Skip::Unproven)), (true, 1), "S7");
    rig.event(Event::Proof(Proof::Proven));
    rig.minute(-200.0);
    rig.commit();
    assert_eq!(rig.placed().len(), 1);
}

#[test]
fn a_symbol_with_something_that_is_not_ours_gets_no_entries_and_keeps_its_exits() {
    let mut rig = Rig::new(settings());
    rig.engine.state.live = true;
    rig.event(Event::Foreign(BTC, true));
    rig.event(Event::Foreign(BTC, true));
    assert_eq!(count(&rig, |action| *action == Action::Alert(Note::Foreign(BTC))), 1, "S15: said once");
    (0..15).for_each(|_| rig.minute(-100.0));
    assert_eq!(rig.skips(Skip::Foreign), 1);
    rig.engine = Engine::restore(settings(), {
        let text = serde_json::to_string(&rig.engine.snapshot()).unwrap();
        serde_json::from_str(&text).unwrap()
    });
    assert!(rig.engine.foreign().eq([BTC]), "it is part of the state");
    rig.actions.clear();
    rig.event(Event::Foreign(BTC, false));
    assert_eq!(rig.actions[0], Action::Log(Note::ForeignOver(BTC)));

    let (mut rig, stop, target) = holding();
    rig.event(Event::Foreign(BTC, true));
    assert!(rig.cancelled().is_empty());
    rig.update(OrderUpdate::Ended { id: stop.id, how: Ended::Cancelled });
    rig.commit();
    let successor = rig.placed();
    assert_eq!(successor.iter().map(|order| order.kind).collect::<Vec<_>>(), [stop.kind], "S2 goes on");
    rig.fill(&target, target.qty, 99_288);
    assert_eq!(held(&rig), None);
}

#[test]
fn an_entry_that_waits_for_the_disk_does_not_go_where_something_is_not_ours_by_then() {
    let mut rig = Rig::signalled(settings());
    rig.event(Event::Foreign(BTC, true));
    rig.commit();
    assert!(rig.placed().is_empty() && rig.skips(Skip::Foreign) == 1, "S15");
}

#[test]
fn no_entry_meets_the_orders_of_the_position_before_it() {
    let (mut rig, stop, target) = holding();
    rig.engine.settings.gate.cooldown_s = 0;
    rig.fill(&stop, stop.qty, 98_380);
    assert_eq!(rig.cancelled(), [target.id]);
    rig.actions.clear();
    (0..3).for_each(|_| rig.minute(-400.0));
    rig.commit();
    assert!(rig.placed().is_empty() && rig.skips(Skip::PositionOpen) > 0, "the target may still stand");
    rig.update(OrderUpdate::Ended { id: target.id, how: Ended::Cancelled });
    rig.minute(-400.0);
    rig.commit();
    assert_eq!(rig.placed().len(), 1);
}

#[test]
fn a_stop_that_is_refused_is_tried_by_fresh_rules_and_then_the_position_is_closed() {
    let (mut rig, stop, _) = holding();
    let refuse = |rig: &mut Rig| {
        rig.commit();
        let placed = rig.placed();
        let [order] = placed[..] else { panic!("{placed:?}") };
        if order.kind != OrderKind::Market {
            rig.update(OrderUpdate::Refused { id: order.id, code: -4014, class: Class::Filter });
        }
        order
    };
    rig.update(OrderUpdate::Ended { id: stop.id, how: Ended::Expired });
    let began = rig.now;
    assert_eq!(refuse(&mut rig).kind, stop.kind, "a successor at once");
    assert!(rig.actions.contains(&Action::Need(Need::Rules(BTC))));
    assert_eq!(rig.engine.next_deadline(), Some(began.plus_ms(1_000)));
    let rules = Instrument { tick: qty("0.5"), ..rig.engine.settings().instruments[0].clone() };
    rig.now = rig.now.plus_ms(300);
    rig.event(Event::Instrument(BTC, rules));
    let second = refuse(&mut rig);
    assert_eq!(second.kind, OrderKind::StopMarket { trigger: qty("98380") }, "by the new rules, without the wait");
    rig.now = rig.engine.next_deadline().unwrap();
    rig.event(Event::Wake);
    let third = refuse(&mut rig);
    assert_eq!(third.kind, OrderKind::Market, "three came to nothing");
    assert!(rig.now.since_ms(began) <= 10_000, "S2");
    rig.fill(&third, third.qty, 98_400);
    assert_eq!(rig.engine.summary().exits().collect::<Vec<_>>(), [(Reason::Breaker, 1)]);
}

/// A position whose only stop has just become like this.
type Trouble = fn(&mut Rig, &OrderRequest);

#[test]
fn a_position_whose_stop_does_not_come_is_closed_within_ten_seconds() {
    let vanish: Trouble = |rig, stop| rig.update(OrderUpdate::Ended { id: stop.id, how: Ended::Expired });
    let fire: Trouble = |rig, stop| rig.update(OrderUpdate::Ended { id: stop.id, how: Ended::Triggered });
    let stuck: Trouble = |rig, stop| {
        rig.update(OrderUpdate::Ended { id: stop.id, how: Ended::Triggered });
        rig.fill(stop, qty("0.004"), 98_380);
    };
    let stop = OrderKind::StopMarket { trigger: Decimal::from(98_380) };
    for (what, trouble, want, reason) in [
        // no answer to any stop: one at once, one after 5 s, an exit after 10
        ("vanished", vanish, vec![(0, stop), (5_000, stop), (10_000, OrderKind::Market)], Reason::Breaker),
        ("fired, and nothing came", fire, vec![(5_000, OrderKind::Market)], Reason::Stop),
        ("fired, and a part came", stuck, vec![(5_000, OrderKind::Market)], Reason::Stop),
    ] {
        let (mut rig, stop, _) = holding();
        trouble(&mut rig, &stop);
        let until = rig.now.plus_ms(60_000);
        let placed = pass(&mut rig, until);
        let placed: Vec<_> =
            placed.into_iter().filter(|(_, kind)| !matches!(kind, OrderKind::TakeProfitMarket { .. })).collect();
        assert_eq!(placed, want, "{what}: S2");
        assert!(rig.actions.contains(&Action::Alert(Note::Uncovered(BTC))), "{what}: somebody should know");
        assert!(rig.engine.uncovered().eq([BTC]) && reconciles(&rig) > 0, "{what}: and health says so");
        assert_eq!(rig.engine.positions().next().unwrap().closing, Some(reason), "{what}");
    }
}

#[test]
fn a_stop_that_stands_in_time_is_no_alarm() {
    let (mut rig, stop, _) = holding();
    rig.update(OrderUpdate::Ended { id: stop.id, how: Ended::Cancelled });
    rig.commit();
    let successor = rig.placed()[0];
    rig.now = rig.now.plus_ms(4_900);
    rig.update(OrderUpdate::Accepted { id: successor.id });
    assert_eq!((pass(&mut rig, Timestamp(i64::MAX)).len(), rig.engine.uncovered().count()), (0, 0));
}

#[test]
fn a_stop_for_a_part_is_no_cover() {
    let (mut rig, entry) = Rig::part_filled();
    rig.engine.state.live = true;
    let [stop, _] = rig.placed()[..] else { panic!("stop and target") };
    rig.update(OrderUpdate::Accepted { id: stop.id });
    rig.fill(&entry, qty("0.006"), 98_500);
    assert!(rig.engine.positions().next().unwrap().uncovered.is_some(), "S2: its whole size");
}

#[test]
fn an_exit_that_fails_for_long_is_told_too_and_not_given_up() {
    let (mut rig, stop, _) = holding();
    rig.update(OrderUpdate::Refused { id: stop.id, code: -2021, class: Class::WouldTrigger });
    let (began, mut tried) = (rig.now, 0);
    while rig.now.since_ms(began) < 60_000 {
        rig.commit();
        for order in rig.placed() {
            assert_eq!(order.kind, OrderKind::Market);
            tried += 1;
            rig.update(OrderUpdate::Refused { id: order.id, code: -2022, class: Class::ReduceOnly });
            assert!(reconciles(&rig) > 0, "no proof of being flat: the position is read each time");
        }
        rig.now = rig.engine.next_deadline().expect("it goes on");
        rig.event(Event::Wake);
    }
    assert!((4..=6).contains(&tried), "there is time to read the account between two: {tried}");
    assert!(rig.engine.uncovered().eq([BTC]));
}

#[test]
fn refused_stops_are_counted_whatever_prices_come_between() {
    let (mut rig, stop, _) = holding();
    let mut refused = stop.id;
    for left in [2, 1, 0] {
        rig.update(OrderUpdate::Refused { id: refused, code: -4400, class: Class::Other });
        rig.bar(98_500.0);
        let closing = rig.engine.positions().next().unwrap().closing;
        assert_eq!(closing.is_some(), left == 0, "{left} more");
        if left > 0 {
            rig.now = rig.now.plus_ms(1_000);
            rig.event(Event::Wake);
            rig.commit();
            let is_stop = |order: &&OrderRequest| matches!(order.kind, OrderKind::StopMarket { .. });
            refused = rig.placed().iter().rfind(is_stop).expect("it is tried again").id;
        }
    }
}

#[test]
fn a_new_run_gives_the_cover_its_time_anew() {
    let (mut rig, stop, _) = holding();
    rig.update(OrderUpdate::Ended { id: stop.id, how: Ended::Expired });
    rig.commit();
    rig.placed();
    rig.engine.state.orders.find_mut(|order| order.leg == Leg::Stop).unwrap().stage = Stage::Accepted;
    rig.engine = Engine::restore(settings(), rig.engine.snapshot().on_exchange());
    rig.now = rig.now.plus_ms(3_600_000);
    rig.event(Event::Command(Command::Start));
    assert_eq!(rig.engine.positions().next().unwrap().uncovered, None, "the stop stood all the while");
    assert_eq!((pass(&mut rig, Timestamp(i64::MAX)).len(), rig.engine.uncovered().count()), (0, 0));
}

#[test]
fn a_view_that_cannot_be_true_is_not_believed() {
    for held in ["0", "-1", "1000000000000000"] {
        let (mut rig, ..) = holding();
        (0..2).for_each(|_| view(&mut rig, qty("5"), Some((Side::Long, held))));
        assert_eq!((rig.engine.account().balance, reconciles(&rig)), (qty("999.9"), 1), "{held}");
    }
}

#[test]
fn what_is_held_is_not_weighed_at_prices_of_long_ago_while_the_history_comes() {
    let (mut rig, ..) = holding();
    rig.engine = Engine::restore(settings(), rig.engine.snapshot().on_exchange());
    rig.event(Event::Command(Command::Start));
    let halts = |rig: &Rig| count(rig, |action| matches!(action, Action::Halt(_)));
    for (open, close) in [(98_000.0, 1_000.0), (1_000.0, 98_400.0)] {
        rig.event(Event::Candle(ClosedCandle { history: true, ..minute_of(rig.now, open, close) }));
        rig.event(Event::Proof(Proof::Doubt));
        assert_eq!((rig.engine.equity_at_marks(), halts(&rig)), (None, 0), "at {close}");
        rig.now = rig.now.plus_ms(MINUTE_MS);
    }
    (0..2).for_each(|_| view(&mut rig, qty("999.9"), None));
    let closed = Action::Alert(Note::ClosedOutside { symbol: BTC, qty: qty("0.01"), price: Decimal::from(98_400) });
    assert!(rig.actions.contains(&closed), "at the last known price: {:?}", rig.actions);
}
