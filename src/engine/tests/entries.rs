//! An entry leaves once, in time, and only through an open door.

use super::*;

#[test]
fn no_entry_that_is_liquidated_before_its_stop_is_met() {
    // the stop is 0.12 % away; at 125 a position on BTC lasts for 0.4 %
    for (leverage, skips) in [(125.0, 0), (195.0, 1)] {
        let risk = Risk { leverage, ..Risk::default() };
        let rig = Rig::signalled(Settings { risk, ..settings() });
        assert_eq!(rig.skips(Skip::Liquidation), skips, "{leverage}");
    }
}

#[test]
fn an_entry_leaves_once_its_intent_is_durable() {
    let mut rig = Rig::signalled(settings());
    assert!(
        rig.actions.iter().any(
            |action| matches!(action, Action::Commit { records, .. } if matches!(records[..], [Record::Intent(_)]))
        )
    );
    assert!(!rig.actions.iter().any(|action| matches!(action, Action::Order(_))), "S5");
    rig.commit();
    let placed = rig.placed();
    assert_eq!(placed.len(), 1);
    assert_eq!((placed[0].side, placed[0].qty, placed[0].reduce_only), (OrderSide::Buy, qty("0.01"), false));
}

#[test]
fn an_entry_waits_for_the_disk_without_limit_and_is_dropped_when_it_is_too_late() {
    let mut rig = Rig::signalled(settings());
    rig.now = rig.now.plus_ms(Timeframe::M1.ms() + LATE_MS + 1);
    rig.event(Event::Wake);
    assert_eq!(rig.engine.next_deadline(), None);
    rig.commit();
    assert!(rig.placed().is_empty(), "S10");
    assert_eq!((rig.skips(Skip::Stale), rig.engine.summary().taken), (1, 0));
}

#[test]
fn what_closes_the_door_to_entries_is_said() {
    for (event, why) in [
        (Event::Command(Command::Pause), Skip::Paused),
        (Event::Command(Command::Halt(true)), Skip::Halted),
        (Event::Command(Command::Stop { close: false }), Skip::Stopping),
        (Event::Proof(Proof::Doubt), Skip::Unproven),
        (Event::ClockDoubt(true), Skip::Clock),
        (Event::StoreDoubt(true), Skip::StoreFailed),
        (Event::Feed(BTC, FeedState::Stale), Skip::Stale),
        (Event::Feed(BTC, FeedState::Gap), Skip::Stale),
    ] {
        let mut rig = Rig::new(settings());
        rig.event(event.clone());
        (0..15).for_each(|_| rig.minute(-100.0));
        rig.commit();
        assert_eq!((rig.skips(why), rig.placed().len()), (1, 0), "{event:?}");
        let mut late = Rig::signalled(settings());
        late.event(event.clone());
        late.commit();
        assert_eq!((late.skips(why), late.placed().len()), (1, 0), "also between signal and commit: {event:?}");
    }
}

#[test]
fn a_refused_entry_counts_as_not_taken() {
    let mut rig = Rig::signalled(settings());
    rig.commit();
    let entry = rig.placed()[0];
    rig.update(OrderUpdate::Refused { id: entry.id, code: -2019, class: Class::Margin });
    assert_eq!((rig.engine.summary().taken, rig.skips(Skip::Refused)), (0, 1));
    assert_eq!(rig.engine.account().day.entries, 0);
}

#[test]
fn one_position_a_symbol() {
    let (mut rig, ..) = Rig::holding(settings());
    rig.minute(-50.0);
    rig.minute(-250.0);
    assert!(rig.skips(Skip::PositionOpen) + rig.skips(Skip::Cooldown) > 0);
    assert!(rig.placed().is_empty());
}

#[test]
fn the_daily_loss_is_said_once() {
    let risk = Risk { daily_loss_pct: 0.1, max_trades_per_day: 100, ..Risk::default() };
    let (mut rig, stop, _) = Rig::holding(Settings { risk, ..settings() });
    rig.fill(&stop, stop.qty, 98_380);
    (0..3).for_each(|_| rig.minute(-200.0));
    assert!(rig.skips(Skip::DailyLoss) >= 2);
    let said = rig.actions.iter().filter(|action| matches!(action, Action::Log(Note::Limit { .. })));
    assert_eq!(said.count(), 1);
    rig.now = rig.now.floor_to(crate::market::DAY_MS).plus_ms(crate::market::DAY_MS);
    rig.minute(-200.0);
    rig.commit();
    assert_eq!(rig.placed().len(), 1, "the next day begins anew");
}

/// The candle of the minute that ends at `closes`, told at `rig.now`.
fn told(rig: &mut Rig, closes: Timestamp, by: f64) {
    let (open_time, open) = (closes.plus_ms(-MINUTE_MS), rig.price);
    rig.price += by;
    let (low, high) = (open.min(rig.price), open.max(rig.price));
    let candle = Candle { open_time, open, high, low, close: rig.price, volume: 1.0 };
    rig.event(Event::Candle(ClosedCandle { symbol: BTC, timeframe: Timeframe::M1, candle, history: false }));
}

#[test]
fn a_candle_that_comes_late_raises_a_signal_that_is_too_old() {
    for (late_ms, stale) in [(MINUTE_MS + LATE_MS, 0), (MINUTE_MS + LATE_MS + 1, 1)] {
        let mut rig = Rig::new(settings());
        (0..14).for_each(|_| rig.minute(-100.0));
        let closes = rig.now.plus_ms(MINUTE_MS);
        rig.now = closes.plus_ms(late_ms);
        told(&mut rig, closes, -100.0);
        rig.commit();
        assert_eq!((rig.skips(Skip::Stale), rig.placed().len() as u64), (stale, 1 - stale), "S10: {late_ms} ms late");
    }
}

#[test]
fn two_candles_told_in_one_moment_are_two_signals() {
    let mut rig = Rig::new(settings());
    (0..14).for_each(|_| rig.minute(-100.0));
    let first = rig.now.plus_ms(MINUTE_MS);
    rig.now = first.plus_ms(MINUTE_MS);
    told(&mut rig, first, -100.0);
    rig.commit();
    let refused = rig.placed()[0].id;
    rig.update(OrderUpdate::Refused { id: refused, code: -2019, class: Class::Margin });
    told(&mut rig, first.plus_ms(MINUTE_MS), -200.0);
    rig.commit();
    assert_ne!(rig.placed()[0].id, refused, "S1");
}

#[test]
fn the_risk_is_that_of_the_stop_on_its_tick() {
    let mut coarse = settings();
    coarse.instruments[0].tick = Decimal::from(500);
    coarse.risk.max_position_pct = 100.0;
    let mut rig = Rig::signalled(coarse);
    rig.commit();
    let entry = rig.placed()[0];
    // asked for at 120 from the entry, it stands at 500: 10 USDT / 500
    assert_eq!(entry.qty, qty("0.02"));
    assert_eq!(rig.engine.open_risk(), Decimal::TEN);
    rig.fill(&entry, entry.qty, 98_500);
    assert_eq!(rig.engine.open_risk(), Decimal::TEN);
}

#[test]
fn an_entry_that_fails_after_midnight_gives_the_new_day_nothing() {
    use crate::market::DAY_MS;
    let mut rig = Rig::new(settings());
    rig.now = Timestamp(DAY_MS - 16 * MINUTE_MS);
    (0..15).for_each(|_| rig.minute(-100.0));
    rig.commit();
    let yesterday = rig.placed()[0];
    rig.minute(100.0);
    rig.engine.state.account.day.entries = 1;
    rig.update(OrderUpdate::Refused { id: yesterday.id, code: -2019, class: Class::Margin });
    assert_eq!(rig.engine.account().day.entries, 1);
}
