//! At an exchange: the session stands beside the trader.

use super::*;
use crate::{
    engine::{Command, Need, Order, Proof, Skip, Stage},
    gateway::Left,
    market::{Fill, OrderCommand, OrderKind, OrderRequest},
};

fn settings() -> Settings {
    trader().engine().settings().clone()
}

fn minutes(trader: &mut Trader, range: std::ops::Range<i64>, actions: &mut Vec<Action>) {
    range.for_each(|at| trader.handle(now(at), &falling(at), actions));
}

fn now(at: i64) -> Timestamp {
    Timestamp((at + 1) * MINUTE_MS)
}

/// A trader whose account is proven, and that has just raised a signal which waits for the disk: its batch.
fn signalled() -> (Trader, u64, Vec<Action>) {
    let (mut trader, mut actions) = (Trader::on_exchange(settings()), Vec::new());
    trader.handle(now(0), &Event::Proof(Proof::Proven), &mut actions);
    minutes(&mut trader, 0..15, &mut actions);
    let batch = trader.outstanding().expect("an intent must be durable");
    (trader, batch, actions)
}

fn placed(actions: &mut Vec<Action>) -> Vec<OrderRequest> {
    let commands = actions.drain(..).filter_map(|action| match action {
        Action::Order(OrderCommand::Place(request)) => Some(request),
        _ => None,
    });
    commands.collect()
}

fn fill(of: &OrderRequest, trade_id: u64) -> Event {
    let (OrderRequest { id, symbol, side, qty, .. }, price) = (*of, Decimal::from(98_500));
    Event::Order(OrderUpdate::Filled(Fill { id, trade_id, symbol, side, qty, price, fee: Decimal::ONE, at: now(15) }))
}

/// A trader whose entry has filled; the intents of stop and target wait for the disk.
fn filled() -> (Trader, OrderRequest) {
    let (mut trader, batch, mut actions) = signalled();
    actions.clear();
    trader.handle(now(14), &Event::Committed { batch }, &mut actions);
    let [entry] = placed(&mut actions)[..] else { panic!("the entry alone") };
    trader.handle(now(15), &fill(&entry, 7), &mut actions);
    (trader, entry)
}

#[test]
fn orders_go_out_once_they_are_durable_and_the_market_waits_for_nothing() {
    let (mut trader, batch, mut actions) = signalled();
    minutes(&mut trader, 15..16, &mut actions);
    assert!(placed(&mut actions).is_empty() && trader.outstanding() == Some(batch), "S5: an entry waits without limit");
    let before = trader.tally();
    trader.handle(now(15), &Event::Committed { batch }, &mut actions);
    let [entry] = placed(&mut actions)[..] else { panic!("the entry alone") };
    assert_eq!((entry.kind, entry.reduce_only, trader.outstanding()), (OrderKind::Market, false, None));
    assert!(trader.tally().actions == before.actions + 1 && trader.tally().hash() != before.hash(), "S14: it counts");

    trader.handle(now(17), &fill(&entry, 7), &mut actions);
    assert!(placed(&mut actions).is_empty());
    let due = trader.next_deadline().unwrap();
    assert_eq!(due, now(17).plus_ms(1_000), "S5: a stop waits a second");
    trader.handle(due, &Event::Wake, &mut actions);
    let kinds: Vec<_> = placed(&mut actions).iter().map(|order| order.kind.is_conditional()).collect();
    assert_eq!((kinds, trader.tally().fills), (vec![true, true], 1));
}

#[test]
fn an_older_commit_does_not_stand_for_a_newer_one() {
    let (mut trader, batch, mut actions) = signalled();
    trader.handle(now(15), &Event::Foreign(BTC, true), &mut actions);
    let newer = trader.outstanding().unwrap();
    assert!(newer > batch, "what is not ours is remembered");
    trader.handle(now(15), &Event::Committed { batch }, &mut actions);
    assert_eq!(trader.outstanding(), Some(newer));
    trader.handle(now(15), &Event::Committed { batch: newer }, &mut actions);
    assert_eq!(trader.outstanding(), None);
}

#[test]
fn the_same_events_are_the_same_actions() {
    let run = || {
        let (mut trader, entry) = filled();
        let mut actions = Vec::new();
        trader.handle(
            now(16),
            &Event::Account(crate::market::AccountView { balance: 5.into(), positions: vec![] }),
            &mut actions,
        );
        trader.handle(now(17), &fill(&entry, 8), &mut actions);
        (trader.tally(), actions)
    };
    assert_eq!(run(), run(), "S14");
}

/// The trader after a crash: what was durable is read, candles come as history, and a run begins.
fn restarted(trader: &Trader) -> (Trader, Vec<Action>) {
    let text = serde_json::to_string(&trader.snapshot()).unwrap();
    let snapshot: Snapshot = serde_json::from_str(&text).unwrap();
    assert!(snapshot.is_live());
    let (mut again, mut actions) = (Trader::resume_on_exchange(settings(), snapshot), Vec::new());
    for at in 0..15 {
        let Event::Candle(candle) = falling(at) else { unreachable!() };
        again.handle(now(at), &Event::Candle(ClosedCandle { history: true, ..candle }), &mut actions);
    }
    assert!(actions.is_empty(), "history asked for something");
    let opening = again.opening(false);
    let durable = trader.outstanding().map(|batch| Event::Committed { batch });
    assert_eq!(opening.last(), durable.as_ref(), "what was read from the disk, and no commit of this run");
    for event in opening {
        again.handle(now(16), &event, &mut actions);
    }
    (again, actions)
}

#[test]
fn after_a_restart_nothing_is_sent_twice_and_nothing_is_opened_before_the_account_is_proven() {
    let (trader, batch, _) = signalled();
    let entry = trader.engine().orders().next().unwrap().request;
    let (mut again, mut actions) = restarted(&trader);
    let stages = |trader: &Trader| trader.engine().orders().map(|order| order.stage).collect::<Vec<_>>();
    assert_eq!(stages(&again), [Stage::Unknown], "S8: it may have been sent");
    again.handle(now(16), &Event::Committed { batch }, &mut actions);
    assert!(placed(&mut actions).is_empty(), "S1");
    again.handle(now(16), &Event::Order(OrderUpdate::Absent { id: entry.id }), &mut actions);
    let skipped = |trader: &Trader| trader.engine().summary().skipped().find(|(why, _)| *why == Skip::Unproven);
    minutes(&mut again, 16..19, &mut actions);
    assert!(placed(&mut actions).is_empty() && skipped(&again).is_some(), "S7: nobody has compared the account");
    again.check();
}

#[test]
fn after_a_restart_a_stop_that_may_have_been_sent_gets_a_successor_at_once() {
    let (trader, _) = filled();
    let held: Vec<_> = trader.engine().orders().map(|order| order.request).collect();
    let (mut again, mut actions) = restarted(&trader);
    let batch = again.outstanding().unwrap();
    assert!(placed(&mut actions).is_empty(), "S5: what was read from the disk is durable, and these are not");
    again.handle(now(16), &Event::Committed { batch }, &mut actions);
    let placed = placed(&mut actions);
    let stops: Vec<_> = placed.iter().filter(|order| matches!(order.kind, OrderKind::StopMarket { .. })).collect();
    assert_eq!((stops.len(), stops[0].qty), (1, held[0].qty), "S2");
    assert!(placed.iter().all(|order| held.iter().all(|before| before.id != order.id)), "S1: under new names");
}

#[test]
fn after_a_restart_the_stops_of_an_entry_in_parts_are_one_stop_in_doubt_and_no_reason_to_close() {
    let (mut trader, batch, mut actions) = signalled();
    actions.clear();
    trader.handle(now(14), &Event::Committed { batch }, &mut actions);
    let [entry] = placed(&mut actions)[..] else { panic!("the entry alone") };
    let step = settings().instruments[0].step;
    let parts = [step, step, step, step, entry.qty - step * Decimal::from(4)];
    for (qty, trade) in parts.into_iter().zip(7..) {
        let Event::Order(OrderUpdate::Filled(part)) = fill(&entry, trade) else { unreachable!() };
        trader.handle(now(15), &Event::Order(OrderUpdate::Filled(Fill { qty, ..part })), &mut actions);
    }
    let is_stop = |order: &OrderRequest| matches!(order.kind, OrderKind::StopMarket { .. });
    assert_eq!(trader.engine().orders().filter(|order| is_stop(&order.request)).count(), parts.len());
    let (mut again, mut actions) = restarted(&trader);
    let position = again.engine().positions().next().unwrap();
    assert_eq!((position.closing, position.failed_stops, position.qty), (None, 1, entry.qty));
    let batch = again.outstanding().unwrap();
    again.handle(now(16), &Event::Committed { batch }, &mut actions);
    let stops: Vec<_> = placed(&mut actions).into_iter().filter(is_stop).map(|stop| stop.qty).collect();
    assert_eq!(stops, [entry.qty], "S2");
}

#[test]
fn trades_of_an_entry_on_its_way_are_read_from_its_signal_on() {
    let (trader, _, _) = signalled();
    let stored = now(9_000); // something else was stored long after
    assert!(trader.account(3, stored).since < now(15), "it may have traded long before that");
    assert_eq!(filled().0.account(3, stored).since, stored.plus_ms(-MINUTE_MS));
}

#[test]
fn a_session_is_told_what_it_must_look_for() {
    let (mut trader, entry) = filled();
    let open: Vec<_> = trader.engine().orders().map(|order: &Order| order.request).collect();
    assert!(open.len() == 2 && !open.contains(&entry), "stop and target: the entry has ended");
    let left = |accepted, given_by| open.iter().map(|order| Left { request: *order, accepted, given_by }).collect();
    let told = |trader: &Trader| {
        let account = trader.account(3, now(15));
        assert_eq!((account.counted, account.leverage), (vec![Some(7)], 3));
        account.open
    };
    let (held, sent, taken): (Vec<Left>, Vec<Left>, Vec<Left>) =
        (left(false, None), left(false, Some(now(15))), left(true, Some(now(15))));
    assert_eq!(told(&trader), held, "it goes once the disk has it, whenever that was");
    let mut actions = Vec::new();
    let batch = trader.outstanding().unwrap();
    trader.handle(now(15), &Event::Committed { batch }, &mut actions);
    assert_eq!(told(&trader), sent);
    for order in &open {
        actions.clear();
        trader.handle(now(15), &Event::Order(OrderUpdate::Accepted { id: order.id }), &mut actions);
        assert!(matches!(actions[..], [Action::Commit { .. }]), "a restart must know it: {actions:?}");
        trader.handle(now(15), &Event::Order(OrderUpdate::Accepted { id: order.id }), &mut actions);
        assert_eq!(actions.len(), 1, "it is no news any more");
    }
    assert_eq!(told(&trader), taken);
}

#[test]
fn a_paper_run_begins_with_two_words_and_ends_at_its_last_prices() {
    let paper = trader();
    let begin = [Event::Command(Command::Start), Event::Command(Command::Halt(true))];
    assert_eq!(paper.opening(true), begin);
    let (live, _) = filled();
    assert!(live.parting(now(16)).is_empty(), "an exchange has prices of its own");
}

#[test]
fn what_the_exchange_holds_is_asked_for_and_never_told_to_a_model() {
    let (mut live, _) = filled();
    let mut actions = Vec::new();
    let view = || Event::Account(crate::market::AccountView { balance: Decimal::TEN, positions: Vec::new() });
    live.handle(now(16), &view(), &mut actions);
    assert!(actions.contains(&Action::Need(Need::Reconcile)) && live.engine().positions().count() == 1);
    live.handle(now(16), &view(), &mut actions);
    assert_eq!((live.engine().positions().count(), live.engine().account().balance), (0, Decimal::TEN));
}

#[test]
#[should_panic(expected = "a paper account does not go on with real money")]
fn a_paper_account_does_not_go_on_with_real_money() {
    let _ = Trader::resume_on_exchange(settings(), trader().snapshot());
}

#[test]
#[should_panic(expected = "an account at an exchange does not go on on paper")]
fn an_account_at_an_exchange_does_not_go_on_on_paper() {
    let _ = Trader::restore(settings(), matching::Settings::default(), Trader::on_exchange(settings()).snapshot());
}

/// Fields that came with accounts at an exchange.
const NEW: [&str; 5] = ["live", "differences", "fired", "stop_retry_at", "uncovered"];

fn without_what_is_new(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value::{Array, Object};
    match value {
        Object(fields) => {
            let fields = fields.into_iter().filter(|(name, _)| !NEW.contains(&name.as_str()));
            Object(fields.map(|(name, value)| (name, without_what_is_new(value))).collect())
        }
        Array(values) => Array(values.into_iter().map(without_what_is_new).collect()),
        other => other,
    }
}

#[test]
fn a_paper_account_that_an_older_version_has_stored_goes_on() {
    let (mut paper, mut actions) = (trader(), Vec::new());
    (0..15).for_each(|at| paper.turn(now(at), &falling(at), &mut actions));
    let Event::Candle(mut flat) = falling(15) else { unreachable!() };
    (flat.candle.low, flat.candle.close) = (flat.candle.open, flat.candle.open);
    paper.turn(now(15), &Event::Candle(flat), &mut actions);
    let snapshot = paper.snapshot();
    assert!(paper.engine().orders().count() == 2 && paper.engine().positions().count() == 1);
    let whole = serde_json::to_value(&snapshot).unwrap();
    let older = without_what_is_new(whole.clone());
    assert!(older != whole && older["venue"].is_object());
    assert_eq!(serde_json::from_value::<Snapshot>(older).unwrap(), snapshot);
}
