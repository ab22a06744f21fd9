//! An engine that was restored goes on alike.

use super::*;

#[test]
fn a_restored_engine_goes_on_with_the_same_actions() {
    for minutes in [3, 14, 15, 16, 20] {
        let mut whole = Rig::new(settings());
        (0..minutes).for_each(|_| whole.minute(-100.0));
        let mut again = Rig::new(settings());
        again.engine = Engine::restore(settings(), whole.engine.snapshot());
        (again.now, again.price) = (Timestamp(0), 100_000.0);
        for _ in 0..minutes {
            let (open_time, open) = (again.now, again.price);
            (again.now, again.price) = (open_time.plus_ms(MINUTE_MS), open - 100.0);
            again.event(as_history(&minute_of(open_time, open, again.price)));
        }
        assert!(again.actions.is_empty(), "history decides nothing");
        let batch = whole.engine.snapshot().next_batch - 1;
        whole.actions.clear();
        for rig in [&mut whole, &mut again] {
            rig.event(Event::Committed { batch });
            rig.minute(-150.0);
            rig.minute(300.0);
        }
        assert_eq!(whole.actions, again.actions, "after {minutes} minutes");
        assert_eq!(whole.engine.snapshot(), again.engine.snapshot());
    }
}

/// The engine of a rig as it comes back after a crash: what the last commit held, with all that went before as history.
fn restarted(rig: &Rig) -> Rig {
    let engine = Engine::restore(settings(), rig.engine.snapshot());
    let mut again = Rig { engine, actions: Vec::new(), twin: None, ..*rig };
    again.event(Event::Proof(Proof::Doubt));
    again
}

#[test]
fn what_the_last_commit_held_may_have_been_sent_and_is_not_sent_again() {
    let mut rig = restarted(&Rig::signalled(settings()));
    let (batch, entry) = (rig.engine.snapshot().next_batch - 1, rig.engine.orders().next().unwrap().request);
    rig.update(OrderUpdate::Unknown { id: entry.id });
    rig.event(Event::Committed { batch });
    assert!(rig.placed().is_empty() && rig.engine.state.orders.in_doubt(), "S8: nobody knows");
    rig.fill(&entry, qty("0.004"), 98_500);
    rig.commit();
    assert_eq!(rig.placed().len(), 2, "it was sent, and what it filled is protected");
    assert_eq!((rig.engine.summary().taken, rig.engine.account().day.entries), (1, 1));

    let mut rig = restarted(&Rig::signalled(settings()));
    rig.update(OrderUpdate::Unknown { id: entry.id });
    rig.update(OrderUpdate::Absent { id: entry.id });
    assert_eq!((rig.engine.orders().count(), rig.engine.account().day.entries), (0, 0), "it was not sent");
}

#[test]
fn a_stop_that_the_last_commit_held_gets_a_successor_at_once() {
    let mut rig = Rig::signalled(settings());
    rig.commit();
    let entry = rig.placed()[0];
    rig.fill(&entry, qty("0.004"), 98_500);
    let held: Vec<_> = rig.engine.orders().map(|order| order.request).collect();
    let mut rig = restarted(&rig);
    held.iter().for_each(|order| rig.update(OrderUpdate::Unknown { id: order.id }));
    rig.commit();
    let placed = rig.placed();
    let (first, again) = (held.iter().filter(|order| order.reduce_only), placed.iter());
    assert_eq!(again.clone().count(), 2, "S2");
    for (first, again) in first.zip(again) {
        assert_eq!((again.kind, again.qty), (first.kind, first.qty));
        assert_ne!(again.id, first.id);
    }
}

#[test]
fn a_cancel_that_died_with_its_process_is_asked_for_again() {
    let (mut rig, stop, target) = Rig::holding(settings());
    rig.fill(&stop, stop.qty, 98_380);
    assert_eq!(rig.cancelled(), [target.id]);
    let mut rig = restarted(&rig);
    assert!(rig.cancelled().is_empty(), "it may be gone");
    rig.event(Event::Proof(Proof::Proven));
    assert_eq!(rig.cancelled(), [target.id], "L1: it is there");
    rig.update(OrderUpdate::Ended { id: target.id, how: Ended::Cancelled });
    rig.actions.clear();
    rig.event(Event::Proof(Proof::Proven));
    assert!(rig.actions.is_empty());
}

#[test]
fn a_fill_of_a_stop_that_went_without_the_disk_is_known_by_its_name() {
    let (rig, ..) = Rig::holding(settings());
    let mut lost = restarted(&rig);
    let names: Vec<_> = rig.engine.orders().map(|order| order.request).collect();
    lost.update(OrderUpdate::Ended { id: names[0].id, how: Ended::Expired });
    let due = lost.engine.next_deadline().unwrap();
    lost.now = due;
    lost.event(Event::Wake);
    let stop = lost.placed()[0];

    let mut rig = restarted(&rig);
    rig.fill(&stop, qty("0.004"), 98_380);
    assert!(!rig.actions.contains(&Action::Need(Need::Reconcile)));
    assert_eq!(rig.engine.positions().next().unwrap().qty, qty("0.006"));
    rig.update(OrderUpdate::Ended { id: names[0].id, how: Ended::Cancelled });
    rig.commit();
    assert_ne!(rig.placed()[0].id, stop.id, "a name that was used is not used again");
    rig.fill(&stop, qty("0.006"), 98_380);
    assert_eq!(rig.engine.positions().count(), 0);
    assert_eq!(rig.engine.summary().exits().collect::<Vec<_>>(), [(Reason::Stop, 2)]);

    let (mut rig, ..) = Rig::holding(settings());
    rig.fill(&OrderRequest { id: ClientId::new("byhand").unwrap(), ..stop }, qty("0.004"), 98_380);
    assert!(rig.actions.contains(&Action::Need(Need::Reconcile)), "S15");
}

#[test]
fn a_position_whose_price_is_not_known_yet_neither_gains_nor_loses() {
    let (rig, ..) = Rig::holding(settings());
    let again = Engine::restore(settings(), rig.engine.snapshot());
    assert_eq!(again.equity(), again.account().balance);
}

#[test]
fn a_new_run_lifts_the_stop_of_the_one_before_and_nothing_else() {
    for (command, taken) in [(Command::Stop { close: false }, 1), (Command::Pause, 0), (Command::Halt(true), 0)] {
        let mut rig = Rig::new(settings());
        rig.event(Event::Command(command));
        rig.engine = Engine::restore(settings(), rig.engine.snapshot());
        rig.event(Event::Command(Command::Start));
        (0..15).for_each(|_| rig.minute(-100.0));
        rig.commit();
        assert_eq!(rig.engine.summary().taken, taken, "{command:?}");
    }
}

#[test]
fn a_missing_volume_is_said_once_in_all_runs() {
    let (mut engine, mut actions) = (Engine::new(settings()), Vec::new());
    for run in 0..3 {
        for at in 0..20 * (run + 1) {
            let (open_time, open) = (Timestamp(at * MINUTE_MS), 100_000.0 - 100.0 * at as f64);
            let (low, close) = (open - 100.0, open - 100.0);
            let candle = Candle { open_time, open, high: open, low, close, volume: 0.0 };
            let history = at < 20 * run;
            let closed = ClosedCandle { symbol: BTC, timeframe: Timeframe::M1, candle, history };
            engine.handle(closed.closes_at(), &Event::Candle(closed), &mut actions);
        }
        engine = Engine::restore(settings(), engine.snapshot());
    }
    assert_eq!(actions.iter().filter(|action| **action == Action::Log(Note::NoVolume(BTC))).count(), 1);
}

#[test]
#[should_panic(expected = "the symbols must be those of the snapshot")]
fn a_snapshot_of_other_symbols_is_not_restored() {
    let state = Engine::new(settings()).snapshot();
    let _ = Engine::restore(Settings { instruments: Vec::new(), ..settings() }, state);
}
