//! What is not known stays unknown, and closes the door to entries.

use super::*;

#[test]
fn a_stop_in_doubt_gets_a_successor_at_once_and_goes_when_it_turns_up() {
    let mut rig = Rig::signalled(settings());
    rig.commit();
    let entry = rig.placed()[0];
    rig.fill(&entry, entry.qty, 98_500);
    rig.commit();
    let stop = rig.placed()[0];
    rig.update(OrderUpdate::Unknown { id: stop.id });
    rig.commit();
    let successor = rig.placed();
    assert_eq!(successor.len(), 1, "S8");
    rig.update(OrderUpdate::Accepted { id: successor[0].id });
    rig.update(OrderUpdate::Accepted { id: stop.id });
    assert_eq!(rig.cancelled(), [stop.id], "the surplus goes once it is known");
}

#[test]
fn an_entry_in_doubt_stops_entries_and_counts_as_filled() {
    let mut rig = Rig::signalled(settings());
    rig.commit();
    let entry = rig.placed()[0];
    rig.update(OrderUpdate::Unknown { id: entry.id });
    assert_eq!(rig.engine.open_risk(), entry.qty * Decimal::from(120), "S4");
    (0..2).for_each(|_| rig.minute(-200.0));
    assert!(rig.skips(Skip::Unproven) > 0, "S7");
    rig.update(OrderUpdate::Absent { id: entry.id });
    assert_eq!(rig.engine.open_risk(), Decimal::ZERO);
    rig.minute(-200.0);
    rig.commit();
    assert_eq!(rig.placed().len(), 1);
}

#[test]
fn a_trade_that_is_not_ours_stops_entries_until_the_account_is_proven() {
    let mut rig = Rig::new(settings());
    let foreign = OrderRequest {
        id: ClientId::new("byhand").unwrap(),
        symbol: BTC,
        side: OrderSide::Buy,
        kind: OrderKind::Market,
        qty: Decimal::ONE,
        reduce_only: false,
    };
    rig.fill(&foreign, Decimal::ONE, 100);
    assert!(rig.actions.contains(&Action::Need(Need::Reconcile)), "S15");
    assert_eq!((rig.engine.positions().count(), rig.engine.account().balance), (0, Decimal::from(1000)));
    (0..15).for_each(|_| rig.minute(-100.0));
    assert_eq!(rig.skips(Skip::Unproven), 1);
    rig.event(Event::Proof(Proof::Proven));
    rig.minute(-200.0);
    rig.commit();
    assert_eq!(rig.placed().len(), 1);
}

#[test]
fn what_is_confirmed_does_not_come_in_doubt_by_a_late_word() {
    let (mut rig, stop, _) = Rig::holding(settings());
    rig.update(OrderUpdate::Unknown { id: stop.id });
    rig.commit();
    assert!(rig.actions.is_empty() && !rig.engine.state.orders.in_doubt());
}

#[test]
fn a_name_that_was_taken_protects_nothing_and_goes_once_a_successor_stands() {
    let (mut rig, entry) = Rig::part_filled();
    let [stop, target] = rig.placed()[..] else { panic!("stop and target") };
    for taken in [stop, target] {
        rig.update(OrderUpdate::Refused { id: taken.id, code: -4116, class: Class::Duplicate });
    }
    assert!(rig.actions.contains(&Action::Need(Need::Reconcile)), "somebody must look it up");
    rig.commit();
    let successors = rig.placed();
    assert_eq!(successors.iter().map(|order| order.kind).collect::<Vec<_>>(), [stop.kind, target.kind], "S2");
    rig.update(OrderUpdate::Accepted { id: stop.id });
    assert!(rig.cancelled().is_empty(), "it is there, and may be all that is");
    rig.fill(&entry, qty("0.006"), 98_500);
    rig.commit();
    let whole = rig.placed();
    assert_eq!(whole.iter().map(|order| order.qty).collect::<Vec<_>>(), [entry.qty; 2]);
    rig.update(OrderUpdate::Accepted { id: whole[0].id });
    assert_eq!(rig.cancelled(), [stop.id, successors[0].id]);
    // what the venue had under that name may have been for more
    rig.fill(&stop, entry.qty, 98_380);
    assert_eq!(rig.engine.positions().count(), 0);
}

#[test]
fn a_few_names_that_are_taken_close_no_position() {
    let (mut rig, _) = Rig::part_filled();
    let used = |id: ClientId| id.as_str().ends_with(|c| ('0'..='4').contains(&c)) && id.as_str().len() == 26;
    let mut refused = 0;
    loop {
        let placed = rig.placed();
        assert!(placed.iter().all(|order| order.kind != OrderKind::Market), "{placed:?}");
        let (taken, new): (Vec<OrderRequest>, Vec<_>) = placed.iter().partition(|order| used(order.id));
        refused += taken.len();
        let duplicate = |id| OrderUpdate::Refused { id, code: -4116, class: Class::Duplicate };
        taken.iter().for_each(|order| rig.update(duplicate(order.id)));
        new.iter().for_each(|order| rig.update(OrderUpdate::Accepted { id: order.id }));
        if placed.is_empty() {
            break;
        }
        rig.commit();
    }
    assert_eq!(refused, 2, "stop and target, once each");
    let accepted = rig.engine.orders().filter(|order| order.stage == Stage::Accepted && order.counts());
    assert_eq!(accepted.count(), 2);
}

#[test]
fn names_that_are_always_taken_are_no_loop() {
    let (mut rig, _) = Rig::part_filled();
    let mut kinds = Vec::new();
    loop {
        let placed = rig.placed();
        if placed.is_empty() {
            break;
        }
        kinds.extend(placed.iter().map(|order| order.kind));
        assert!(kinds.len() < 20, "{kinds:?}");
        for order in placed {
            rig.update(OrderUpdate::Refused { id: order.id, code: -4116, class: Class::Duplicate });
        }
        rig.commit();
    }
    assert!(kinds.contains(&OrderKind::Market), "a position that gets no stop is closed");
}

#[test]
fn an_entry_whose_name_was_taken_may_have_been_executed() {
    let mut rig = Rig::signalled(settings());
    rig.commit();
    let entry = rig.placed()[0];
    rig.update(OrderUpdate::Refused { id: entry.id, code: -4116, class: Class::Duplicate });
    assert_eq!((rig.engine.summary().taken, rig.engine.account().day.entries), (1, 1));
    rig.event(Event::Proof(Proof::Proven));
    (0..2).for_each(|_| rig.minute(-200.0));
    assert!(rig.placed().is_empty() && rig.skips(Skip::Unproven) > 0, "S7");
    rig.update(OrderUpdate::Absent { id: entry.id });
    assert_eq!((rig.engine.summary().taken, rig.engine.account().day.entries), (0, 0));
}

#[test]
fn a_name_that_is_ours_is_not_in_doubt_by_being_told_twice() {
    let (mut rig, stop, _) = Rig::holding(settings());
    rig.update(OrderUpdate::Refused { id: stop.id, code: -4116, class: Class::Duplicate });
    assert!(rig.actions.is_empty() && rig.engine.orders().all(|order| order.stage == Stage::Accepted));
}
