//! A position has a stop and a target for its whole size, whatever happens to them.

use super::*;

#[test]
fn an_entry_fill_brings_stop_and_target_at_their_distances() {
    let (rig, stop, target) = Rig::holding(settings());
    let position = rig.engine.positions().next().unwrap();
    // ATR 100: stop 1.2 × 100 below, target at least 0.8 % above
    assert_eq!(stop.kind, OrderKind::StopMarket { trigger: Decimal::from(98_380) });
    assert_eq!(target.kind, OrderKind::TakeProfitMarket { trigger: Decimal::from(99_288) });
    for order in [stop, target] {
        assert_eq!((order.side, order.qty, order.reduce_only), (OrderSide::Sell, position.qty, true));
    }
}

#[test]
fn a_protective_order_waits_a_second_for_the_disk_and_then_goes() {
    let mut rig = Rig::signalled(settings());
    rig.commit();
    let entry = rig.placed()[0];
    rig.fill(&entry, entry.qty, 98_500);
    let due = rig.engine.next_deadline().expect("a deadline");
    assert_eq!(due, rig.now.plus_ms(PROTECTIVE_WAIT_MS));
    rig.now = due.plus_ms(-1);
    rig.event(Event::Wake);
    assert!(rig.placed().is_empty());
    rig.now = due;
    rig.event(Event::Wake);
    assert_eq!(rig.placed().len(), 2);
    assert_eq!(rig.engine.next_deadline(), None);
}

#[test]
fn a_further_fill_enlarges_the_protection_before_the_old_one_goes() {
    let (mut rig, entry) = Rig::part_filled();
    let first = rig.placed();
    first.iter().for_each(|order| rig.update(OrderUpdate::Accepted { id: order.id }));
    rig.fill(&entry, qty("0.006"), 98_510);
    rig.commit();
    assert!(rig.cancelled().is_empty(), "the successor comes first");
    let second = rig.placed();
    assert_eq!(second.iter().map(|order| order.qty).collect::<Vec<_>>(), [qty("0.01"), qty("0.01")]);
    second.iter().for_each(|order| rig.update(OrderUpdate::Accepted { id: order.id }));
    assert_eq!(rig.cancelled(), [first[0].id, first[1].id]);
}

#[test]
fn a_stop_that_vanishes_gets_a_successor() {
    for update in [
        |id| OrderUpdate::Ended { id, how: Ended::Cancelled },
        |id| OrderUpdate::Ended { id, how: Ended::Expired },
        |id| OrderUpdate::Absent { id },
        |id| OrderUpdate::Refused { id, code: -1111, class: Class::Filter },
    ] {
        let (mut rig, stop, _) = Rig::holding(settings());
        rig.update(update(stop.id));
        rig.commit();
        let placed = rig.placed();
        assert_eq!(placed.len(), 1, "{:?}", update(stop.id));
        assert_eq!((placed[0].kind, placed[0].qty), (stop.kind, stop.qty));
        assert_ne!(placed[0].id, stop.id, "a new name");
    }
}

#[test]
fn a_stop_that_is_refused_again_and_again_becomes_an_exit() {
    let (mut rig, stop, _) = Rig::holding(settings());
    let mut id = stop.id;
    for _ in 1..3 {
        rig.update(OrderUpdate::Refused { id, code: -1111, class: Class::Filter });
        rig.commit();
        id = rig.placed()[0].id;
    }
    rig.update(OrderUpdate::Refused { id, code: -1111, class: Class::Filter });
    rig.commit();
    let exit = rig.placed();
    assert_eq!((exit.len(), exit[0].kind, exit[0].reduce_only), (1, OrderKind::Market, true));
    rig.fill(&exit[0], exit[0].qty, 98_400);
    assert_eq!(rig.engine.summary().exits().collect::<Vec<_>>(), [(Reason::Breaker, 1)]);
}

#[test]
fn a_stop_beyond_the_price_becomes_an_exit_at_once() {
    let (mut rig, stop, _) = Rig::holding(settings());
    rig.update(OrderUpdate::Refused { id: stop.id, code: -2021, class: Class::WouldTrigger });
    rig.commit();
    let exit = rig.placed();
    assert_eq!(exit.iter().map(|order| order.kind).collect::<Vec<_>>(), [OrderKind::Market]);
    rig.update(OrderUpdate::Refused { id: exit[0].id, code: -1, class: Class::Other });
    assert!(rig.placed().is_empty(), "not again at once");
    rig.minute(-1.0);
    rig.commit();
    assert_eq!(rig.placed().len(), 1, "but at the next price");
}

#[test]
fn a_trailing_stop_follows_and_never_goes_back() {
    let exits = Exits { trailing: true, trailing_pct: 0.1, ..Exits::default() };
    let (mut rig, stop, _) = Rig::holding(Settings { exits, ..settings() });
    rig.minute(500.0);
    rig.commit();
    let moved = rig.placed();
    // 99,000 less 0.1 %
    assert_eq!(
        moved.iter().map(|order| order.kind).collect::<Vec<_>>(),
        [OrderKind::StopMarket { trigger: Decimal::from(98_901) }]
    );
    rig.update(OrderUpdate::Accepted { id: moved[0].id });
    assert_eq!(rig.cancelled(), [stop.id]);
    rig.minute(-50.0);
    rig.commit();
    assert!(rig.placed().is_empty());
    rig.fill(&moved[0], moved[0].qty, 98_901);
    assert_eq!(rig.engine.summary().exits().collect::<Vec<_>>(), [(Reason::Trailing, 1)]);
}

#[test]
fn a_refusal_that_is_told_again_is_no_further_refusal() {
    for class in [Class::Filter, Class::WouldTrigger] {
        let (mut rig, stop, _) = Rig::holding(settings());
        rig.update(OrderUpdate::Ended { id: stop.id, how: Ended::Expired });
        rig.commit();
        assert_eq!(rig.placed().len(), 1);
        (0..4).for_each(|_| rig.update(OrderUpdate::Refused { id: stop.id, code: -1111, class }));
        rig.commit();
        assert!(rig.placed().is_empty(), "the successor stands: {class:?}");
    }
}

#[test]
fn a_trailing_stop_follows_only_prices_since_the_entry() {
    let exits = Exits { trailing: true, trailing_pct: 0.1, ..Exits::default() };
    let mut rig = Rig::signalled(Settings { exits, ..settings() });
    rig.commit();
    let entry = rig.placed()[0];
    let opened = rig.now;
    rig.now = opened.plus_ms(MINUTE_MS / 2);
    rig.fill(&entry, entry.qty, 97_000);
    let best = |rig: &Rig| rig.engine.positions().next().unwrap().best;
    assert_eq!(best(&rig), 97_000.0, "the fill, not the last price before it");
    rig.commit();
    rig.placed();

    rig.now = opened.plus_ms(MINUTE_MS);
    let candle =
        Candle { open_time: opened, open: 98_500.0, high: 98_900.0, low: 96_900.0, close: 97_050.0, volume: 1.0 };
    let closed = ClosedCandle { symbol: BTC, timeframe: Timeframe::M1, candle, history: false };
    rig.event(Event::Candle(closed));
    assert_eq!(best(&rig), 97_050.0, "what of the candle is surely after the fill");
    rig.event(Event::Candle(ClosedCandle { candle: Candle { open_time: rig.now, ..candle }, ..closed }));
    assert_eq!(best(&rig), 98_900.0);
}

#[test]
fn what_is_left_of_an_entry_gets_a_stop_with_a_new_name() {
    let (mut rig, entry) = Rig::part_filled();
    let first = rig.placed();
    rig.update(OrderUpdate::Accepted { id: first[0].id });
    rig.fill(&first[0], qty("0.004"), 98_380);
    assert!(rig.cancelled().contains(&entry.id), "the rest of the entry is not wanted any more");
    rig.fill(&entry, qty("0.006"), 98_370);
    rig.commit();
    let second = rig.placed();
    assert_eq!(second.len(), 2);
    assert!(second.iter().all(|order| first.iter().all(|old| old.id != order.id)), "{first:?} {second:?}");
}

/// Answers each order as `answer` says, in one moment, until none comes any more.
fn spin(rig: &mut Rig, mut answer: impl FnMut(&mut Rig, OrderRequest)) -> Vec<OrderKind> {
    let mut kinds = Vec::new();
    loop {
        rig.commit();
        let placed = rig.placed();
        if placed.is_empty() {
            return kinds;
        }
        kinds.extend(placed.iter().map(|order| order.kind));
        assert!(kinds.len() < 20, "engine and venue go round in circles: {kinds:?}");
        placed.into_iter().for_each(|order| answer(rig, order));
    }
}

#[test]
fn a_venue_that_takes_nothing_is_not_asked_for_ever() {
    type Answer = fn(&mut Rig, ClientId);
    let answers: [(&str, Answer); 5] = [
        ("refused", |rig, id| rig.update(OrderUpdate::Refused { id, code: -1, class: Class::Other })),
        ("nothing to reduce", |rig, id| rig.update(OrderUpdate::Refused { id, code: -1, class: Class::ReduceOnly })),
        ("in doubt", |rig, id| rig.update(OrderUpdate::Unknown { id })),
        ("absent", |rig, id| {
            rig.update(OrderUpdate::Unknown { id });
            rig.update(OrderUpdate::Absent { id });
        }),
        ("taken and expired", |rig, id| {
            rig.update(OrderUpdate::Accepted { id });
            rig.update(OrderUpdate::Ended { id, how: Ended::Expired });
        }),
    ];
    for (name, answer) in answers {
        let (mut rig, stop, _) = Rig::holding(settings());
        rig.update(OrderUpdate::Ended { id: stop.id, how: Ended::Expired });
        let kinds = spin(&mut rig, |rig, order| answer(rig, order.id));
        assert!(kinds.contains(&OrderKind::Market), "{name}: a position that has no stop is closed: {kinds:?}");
        for _ in 0..9 {
            rig.now = rig.now.plus_ms(100);
            rig.bar(98_500.0);
            assert!(spin(&mut rig, |rig, order| answer(rig, order.id)).is_empty(), "{name}: not ten times a second");
        }
        rig.now = rig.now.plus_ms(100);
        rig.bar(98_500.0);
        let again = spin(&mut rig, |rig, order| answer(rig, order.id));
        assert!((1..=2).contains(&again.len()), "{name}: {again:?}");
    }
}

#[test]
fn exits_in_doubt_have_successors_ever_later_and_not_for_ever() {
    let (mut rig, ..) = Rig::holding(settings());
    rig.event(Event::Command(Command::Close(BTC)));
    let began = rig.now;
    let mut sent = Vec::new();
    for _ in 0..300 {
        let exits = spin(&mut rig, |rig, order| rig.update(OrderUpdate::Unknown { id: order.id }));
        sent.extend(exits.iter().map(|_| rig.now.since_ms(began) / 1000));
        let Some(due) = rig.engine.next_deadline() else { break };
        rig.now = due.max(rig.now.plus_ms(1));
        rig.event(Event::Wake);
    }
    assert_eq!(sent, [0, 0, 1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 66, 78, 91, 105], "s after the first (S13)");
    assert_eq!(rig.engine.positions().count(), 1);
}

#[test]
fn a_target_that_is_refused_is_tried_again_but_not_at_every_price() {
    let (mut rig, _, target) = Rig::holding(settings());
    rig.update(OrderUpdate::Ended { id: target.id, how: Ended::Expired });
    let mut tried = 0;
    for _ in 0..30 {
        rig.now = rig.now.plus_ms(100);
        rig.bar(98_500.0);
        tried += spin(&mut rig, |rig, order| {
            assert_eq!(order.kind, target.kind);
            rig.update(OrderUpdate::Refused { id: order.id, code: -1, class: Class::Other });
        })
        .len();
    }
    assert_eq!(tried, 3, "in three seconds");
}

#[test]
fn a_stop_that_moves_on_waits_for_the_answer_to_its_last_move() {
    let exits = Exits { trailing: true, trailing_pct: 0.1, ..Exits::default() };
    let (mut rig, ..) = Rig::holding(Settings { exits, ..settings() });
    rig.minute(400.0);
    rig.commit();
    let first = rig.placed();
    assert_eq!(first.len(), 1);
    (0..3).for_each(|_| rig.minute(50.0));
    rig.commit();
    assert!(rig.placed().is_empty(), "no answer yet");
    rig.update(OrderUpdate::Accepted { id: first[0].id });
    rig.commit();
    let second = rig.placed();
    // 99,050 less 0.1 %
    assert_eq!(second[0].kind, OrderKind::StopMarket { trigger: qty("98950.9") });
}

#[test]
fn a_candle_that_is_told_again_moves_no_trailing_stop() {
    let exits = Exits { trailing: true, trailing_pct: 0.1, ..Exits::default() };
    let mut rig = Rig::signalled(Settings { exits, ..settings() });
    rig.commit();
    let entry = rig.placed()[0];
    rig.fill(&entry, entry.qty, 98_500);
    let before = rig.engine.positions().next().unwrap().best;
    let candle = Candle {
        open_time: Timestamp(0),
        open: 100_000.0,
        high: 100_000.0,
        low: 99_900.0,
        close: 99_900.0,
        volume: 1.0,
    };
    rig.event(Event::Candle(ClosedCandle { symbol: BTC, timeframe: Timeframe::M1, candle, history: false }));
    assert_eq!(rig.engine.positions().next().unwrap().best, before);
}
