//! Several strategies on one market, and signals from a list.

use super::*;
use crate::strategies::{Cause, Level, List, Row};

/// At minute `at` of the rig, for Bitcoin, a long with stop and target from the rule.
fn row(at: i64) -> Row {
    Row { at: Timestamp(at * MINUTE_MS), symbol: 0, side: Side::Long, stop: Level::RULE, target: Level::RULE }
}

fn listed(rows: &[Row]) -> strategies::Settings {
    let list = List::new("s.csv".to_owned(), vec![("BTCUSDT".parse().unwrap(), 1)], rows.to_vec());
    strategies::Settings { list, ..strategies::Settings::signals() }
}

fn with(strategies: Vec<strategies::Settings>) -> Settings {
    Settings { strategies, ..settings() }
}

/// Which strategy an entry that was asked for belongs to.
fn owner(rig: &Rig) -> Option<u16> {
    rig.engine.orders().find_map(|order| match order.leg {
        Leg::Entry(plan) => Some(plan.strategy),
        Leg::Stop | Leg::Target | Leg::Exit(_) => None,
    })
}

#[test]
fn the_first_in_the_file_enters_and_the_next_finds_the_place_taken() {
    let bounce = settings().strategies.remove(0);
    let named =
        |name: &str, rule: &strategies::Settings| strategies::Settings { name: name.to_owned(), ..rule.clone() };
    let coarse = strategies::Settings { timeframe: Timeframe::M5, context: Timeframe::M5, ..named("coarse", &bounce) };
    let deaf = strategies::Settings { rsi_fixed: 1.0, ..named("deaf", &bounce).simple() };
    let deaf = strategies::Settings { rsi_by_symbol: vec![("BTCUSDT".parse().unwrap(), -1.0)], ..deaf };
    let minute_15 = listed(&[row(15)]);
    for (rules, first, taken) in [
        (vec![named("a", &bounce), named("b", &bounce)], Some(0), 1),
        (vec![bounce.clone(), minute_15.clone()], Some(0), 1),
        (vec![minute_15.clone(), bounce.clone()], Some(0), 1),
        (vec![deaf.clone(), bounce.clone()], Some(1), 0), // who does not want to enter stands in nobody's way
        (vec![coarse.clone(), bounce.clone()], Some(1), 0), // nor who is not asked or not warm
        (vec![deaf.clone(), coarse.clone(), minute_15.clone(), bounce.clone()], Some(2), 1),
        (vec![deaf, coarse], None, 0),
    ] {
        let names: Vec<_> = rules.iter().map(|rule| rule.name.clone()).collect();
        let rig = Rig::signalled(with(rules));
        assert_eq!((owner(&rig), rig.skips(Skip::PositionOpen)), (first, taken), "{names:?}");
        let entries = rig.engine.orders().count();
        assert_eq!(entries, usize::from(first.is_some()), "one position a symbol: {names:?}");
    }
}

#[test]
fn a_skipped_signal_leaves_the_place_to_the_next_strategy() {
    let wrong = Row { stop: Level::price(200_000.0), ..row(15) };
    let rig = Rig::signalled(with(vec![listed(&[wrong]), settings().strategies.remove(0)]));
    assert_eq!((owner(&rig), rig.skips(Skip::WrongSide)), (Some(1), 1));
}

#[test]
fn a_listed_signal_goes_the_way_of_every_other() {
    let stop = Level::price(98_000.0);
    let mut rig = Rig::new(with(vec![listed(&[Row { stop, target: Level::percent(3.0), ..row(3) }, row(4), row(20)])]));
    (0..3).for_each(|_| rig.minute(-100.0));
    assert!(rig.placed().is_empty(), "S5");
    rig.minute(0.0);
    assert_eq!(rig.skips(Skip::Cooldown), 1, "the next minute's, at nearly the same price");
    rig.event(Event::Committed { batch: 1 });
    let entry = rig.placed()[0];
    // 10 USDT of risk, 1,700 to the stop
    assert_eq!((entry.side, entry.qty), (OrderSide::Buy, qty("0.005")));
    rig.fill(&entry, entry.qty, 99_700);
    let position = rig.engine.positions().next().unwrap();
    assert_eq!((position.stop, position.target), (98_000.into(), 102_691.into()), "distances are from the fill");
    let said = rig.actions.iter().find_map(|action| match action {
        Action::Log(Note::Entry(entry)) => Some(entry.cause),
        _ => None,
    });
    assert_eq!(said, Some(Cause::Listed { at: Timestamp(3 * MINUTE_MS) }));
    let summary = rig.engine.summary();
    assert_eq!((summary.signals, summary.taken), (2, 1));
}

#[test]
fn what_no_candle_closed_for_is_counted_and_said_once() {
    let mut rig = Rig::new(with(vec![listed(&[row(1), row(5), row(6), row(9), row(12)])]));
    rig.minute(0.0);
    rig.minute(0.0);
    rig.now = Timestamp(10 * MINUTE_MS); // minutes 3 to 10 are missing
    (0..2).for_each(|_| rig.minute(500.0));
    let said = |rig: &Rig| {
        let counts = rig.actions.iter().filter_map(|action| match action {
            Action::Log(Note::PassedOver { count, .. }) => Some(*count),
            _ => None,
        });
        counts.collect::<Vec<_>>()
    };
    assert_eq!((said(&rig), rig.skips(Skip::Stale)), (vec![3], 3));
    rig.engine.summary().check();
    assert_eq!(rig.engine.summary().signals, 5, "1 is taken, 5, 6 and 9 came to nothing, 12 finds a position");
}

#[test]
fn a_restart_acts_on_nothing_twice_and_goes_on_with_the_next() {
    let config = with(vec![listed(&[row(2), row(6)])]);
    let mut rig = Rig::new(config.clone());
    let (mut past, mut sent) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        past.push(minute_of(rig.now, rig.price, rig.price + 500.0));
        rig.minute(500.0);
        rig.commit();
        sent.append(&mut rig.placed());
    }
    let [entry] = sent[..] else { panic!("one entry, not {sent:?}") };
    rig.update(OrderUpdate::Refused { id: entry.id, code: -2019, class: Class::Margin });
    let signals = rig.engine.summary().signals;
    rig.engine = Engine::restore(config, rig.engine.snapshot());
    past.iter().for_each(|candle| rig.event(as_history(candle)));
    assert_eq!((rig.engine.summary().signals, rig.placed().len()), (signals, 0));
    (0..2).for_each(|_| rig.minute(500.0));
    rig.commit();
    let next = rig.placed();
    assert_eq!(next.len(), 1);
    assert_ne!(next[0].id, entry.id, "S1");
}

#[test]
fn a_journal_begins_with_the_signals_that_are_to_come() {
    let config = with(vec![listed(&[row(2), row(3), row(6)])]);
    let mut rig = Rig::new(config.clone());
    assert_eq!(rig.engine.settings_from_here(), config, "nothing is known yet");
    (0..3).for_each(|_| rig.minute(500.0));
    assert_eq!(rig.engine.settings_from_here().strategies[0].list.rows(), [row(6)]);
    assert_eq!(rig.engine.settings(), &config);
}
