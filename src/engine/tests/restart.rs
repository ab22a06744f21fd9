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
            let candle = Candle { open_time, open, high: open, low: again.price, close: again.price, volume: 1.0 };
            again.event(Event::Candle(ClosedCandle { symbol: BTC, timeframe: Timeframe::M1, candle, history: true }));
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

#[test]
fn a_position_whose_price_is_not_known_yet_neither_gains_nor_loses() {
    let (rig, ..) = Rig::holding(settings());
    let again = Engine::restore(settings(), rig.engine.snapshot());
    assert_eq!(again.equity(), again.account().balance);
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
