//! What stands between a signal and an entry, and how often that is said.

use super::*;

const ETH: SymbolId = SymbolId(1);

/// With so much of the rules changed.
fn with(change: impl FnOnce(&mut Risk)) -> Settings {
    let mut settings = settings();
    change(&mut settings.risk);
    settings
}

/// Limits that were told, without what is said of each signal.
fn limits(rig: &Rig) -> Vec<Skip> {
    let told = rig.actions.iter().filter_map(|action| match action {
        Action::Log(Note::Limit { why, .. }) => Some(*why),
        _ => None,
    });
    told.collect()
}

/// What was told of quarantines: when one ends, or nothing where one is over.
fn quarantines(rig: &Rig) -> Vec<Option<Timestamp>> {
    let told = rig.actions.iter().filter_map(|action| match action {
        Action::Alert(Note::Quarantined { until, .. }) => Some(Some(*until)),
        Action::Log(Note::QuarantineOver(_)) => Some(None),
        _ => None,
    });
    told.collect()
}

/// The next signal's entry is refused.
fn refuse(rig: &mut Rig, class: Class) {
    rig.minute(-200.0);
    rig.commit();
    let entry = rig.actions.iter().rev().find_map(|action| match action {
        Action::Order(OrderCommand::Place(request)) => Some(request.id),
        _ => None,
    });
    rig.update(OrderUpdate::Refused { id: entry.expect("an entry"), code: -4164, class });
}

/// An engine on a second symbol too, of which nothing comes.
fn two() -> Rig {
    let mut settings = settings();
    settings.instruments.push(known_instrument(&"ETHUSDT".parse().unwrap()).unwrap());
    Rig::new(settings)
}

#[test]
fn a_limit_that_is_hit_is_said_once_and_again_after_it_has_cleared() {
    // half a percent is less than a trade's one: the position alone is more than there is room for
    let mut rig = Rig::signalled(with(|risk| risk.max_notional = 60.0));
    (0..3).for_each(|_| rig.minute(-200.0));
    assert_eq!((rig.skips(Skip::BelowMinimum), limits(&rig)), (4, vec![Skip::BelowMinimum]));
    assert!(rig.engine.limits().eq([(Skip::BelowMinimum, Some(SymbolId(0)), None)]), "it is shown while it holds");
    rig.engine.settings.risk.max_notional = 1000.0;
    rig.minute(-200.0);
    assert_eq!(rig.engine.limits().count(), 0, "an entry has passed");
    rig.engine.settings.risk.max_notional = 60.0;
    rig.commit();
    let entry = rig.placed()[0];
    rig.update(OrderUpdate::Refused { id: entry.id, code: -2019, class: Class::Margin });
    (0..2).for_each(|_| rig.minute(-200.0));
    assert_eq!(limits(&rig), [Skip::BelowMinimum]);
}

#[test]
fn a_signal_whose_reward_is_too_small_is_skipped_for_that() {
    // the stop is 120 away and the target 788
    for (min, want) in [(0.0, [0, 1]), (6.5, [0, 1]), (6.6, [1, 0])] {
        let mut rig = Rig::signalled(with(|risk| risk.min_reward_risk = min));
        rig.commit();
        assert_eq!([rig.skips(Skip::RewardRisk), rig.placed().len() as u64], want, "{min}");
        assert_eq!(limits(&rig), [], "it is of one signal");
    }
}

#[test]
fn a_symbol_whose_entries_are_refused_is_quarantined_and_the_end_is_said() {
    let mut rig = Rig::new(settings());
    (0..14).for_each(|_| rig.minute(-100.0));
    (0..2).for_each(|_| refuse(&mut rig, Class::Filter));
    refuse(&mut rig, Class::Margin);
    assert_eq!((quarantines(&rig), rig.engine.quarantined().count()), (vec![], 0));
    refuse(&mut rig, Class::Filter);
    let until = rig.now.plus_ms(7 * crate::market::DAY_MS);
    assert!(rig.engine.quarantined().eq([(BTC, until)]));
    assert!(matches!(rig.actions.last(), Some(Action::Commit { .. })), "a crash must not end it");
    (0..3).for_each(|_| rig.minute(-200.0));
    rig.engine = Engine::restore(settings(), rig.engine.snapshot());
    (0..15).for_each(|_| rig.minute(-100.0));
    assert_eq!(quarantines(&rig), [Some(until)], "once");
    assert!(rig.skips(Skip::Quarantined) > 3 && rig.engine.quarantined().count() == 1, "a restart changes nothing");
    rig.now = until;
    rig.actions.clear();
    rig.minute(-200.0);
    rig.commit();
    assert_eq!((quarantines(&rig), rig.engine.quarantined().count()), (vec![None], 0));
    assert_eq!(rig.placed().len(), 1, "it trades again");
}

#[test]
fn a_fill_ends_the_row_of_refusals() {
    let mut rig = Rig::new(settings());
    (0..14).for_each(|_| rig.minute(-100.0));
    (0..2).for_each(|_| refuse(&mut rig, Class::Filter));
    rig.actions.clear();
    rig.minute(-200.0);
    rig.commit();
    let entry = rig.placed()[0];
    rig.fill(&entry, entry.qty, 97_800);
    rig.commit();
    let [stop, _] = rig.placed()[..] else { panic!("stop and target") };
    rig.fill(&stop, stop.qty, 97_700);
    refuse(&mut rig, Class::Filter);
    assert_eq!(quarantines(&rig), []);
}

#[test]
fn quarantine_stops_an_entry_that_has_not_left_and_no_exit() {
    let (mut rig, stop, _) = Rig::holding(settings());
    rig.engine.state.quarantine.refused(rig.now, BTC, &Risk { quarantine_after: 1, ..Risk::default() });
    rig.event(Event::Command(Command::Close(BTC)));
    rig.commit();
    assert_eq!(rig.placed().len(), 1, "S7: an exit leaves");
    rig.fill(&stop, stop.qty, 98_380);
    assert_eq!(rig.engine.positions().count(), 0);
    let mut late = Rig::signalled(settings());
    late.engine.state.quarantine.refused(late.now, BTC, &Risk { quarantine_after: 1, ..Risk::default() });
    late.commit();
    assert_eq!((late.placed().len(), late.skips(Skip::Quarantined)), (0, 1));
}

#[test]
fn a_symbol_without_data_is_quarantined_while_the_other_has_its_own() {
    let mut rig = two();
    rig.event(Event::Feed(ETH, FeedState::Stale));
    for _ in 0..179 {
        rig.minute(0.0);
    }
    assert_eq!(quarantines(&rig), []);
    rig.minute(0.0);
    let until = rig.now.plus_ms(7 * crate::market::DAY_MS);
    assert_eq!(quarantines(&rig), [Some(until)]);
    assert!(rig.engine.quarantined().eq([(ETH, until)]));
    rig.event(Event::Feed(ETH, FeedState::Live));
    assert_eq!(rig.engine.quarantined().count(), 1, "that it is back does not end it");
}

#[test]
fn a_position_counts_once_for_kelly_with_all_its_parts() {
    let (mut rig, stop, _) = Rig::holding(settings());
    rig.fill(&stop, qty("0.004"), 98_600);
    let odds = |rig: &Rig| rig.engine.state.odds.clone();
    assert_eq!(odds(&rig), [kelly::Odds::default()], "not before it is closed");
    rig.engine = Engine::restore(settings(), rig.engine.snapshot());
    rig.fill(&stop, qty("0.006"), 98_380);
    // 0.004 × 100 − 0.006 × 120 − 3 × 0.1
    let mut want = kelly::Odds::default();
    want.count(qty("-0.62"));
    assert_eq!(odds(&rig), [want]);
    assert_eq!(rig.engine.account().balance, qty("999.38"));
}

#[test]
fn kelly_sizes_a_strategy_by_its_own_trades() {
    let mut kelly = with(|risk| (risk.sizing, risk.leverage, risk.max_position_pct) = (Sizing::Kelly, 100.0, 100.0));
    let other = strategies::Settings { name: "other".to_owned(), ..kelly.strategies[0].clone() };
    kelly.strategies.insert(0, other);
    // of 1000 USDT with a stop 120 away: 1 % before there are 20 trades, then 4.17 %, all that stops may lose together, and the least
    for (wins, losses, want) in [(10, 9, "0.083"), (10, 10, "0.347"), (12, 8, "0.416"), (9, 11, "0.041")] {
        let mut rig = Rig::new(kelly.clone());
        (0..14).for_each(|_| rig.minute(-100.0));
        (0..wins).for_each(|_| rig.engine.state.odds[0].count(qty("1.2")));
        (0..losses).for_each(|_| rig.engine.state.odds[0].count(qty("-1")));
        rig.minute(-100.0);
        rig.commit();
        assert_eq!(rig.placed()[0].qty, qty(want), "{wins} {losses}");
    }
}
