use super::*;
use crate::{
    run::{
        rig,
        source::{Source, Tape},
    },
    simulation::prices::Market,
    store::{Cursor, Job, Keeper},
};
use async_channel::{Receiver, Sender};

mod slow_disk; // it takes its time, and the loop does not

/// A loop in the made-up market at a speed, and what it sends to the disk.
fn realtime(trader: Trader, cursor: Cursor, speed: f64) -> (Realtime, Receiver<Job>) {
    let (realtime, jobs, _) = with_disk(trader, cursor, speed);
    (realtime, jobs)
}

/// The same with a disk that can answer.
fn with_disk(trader: Trader, cursor: Cursor, speed: f64) -> (Realtime, Receiver<Job>, Sender<Answer>) {
    let (keeper, jobs, answers) = Keeper::by_hand();
    let mut source = Source::Made(Box::new(Market::new(1, &[rig::btc()])));
    let first = source.next().unwrap();
    let keeping = Keeping::without_disk(rig::settings().names(), cursor).on_disk(keeper, Vitals::default());
    let realtime = Realtime::new(Parts {
        trader,
        prices: Prices::Tape(Tape::new(source, first)),
        speed: Speed::Times(speed),
        vitals: Vitals::default(),
        finest: vec![Timeframe::M1],
        progress: Progress::from_environment(),
        csv: None,
        keeping,
        halted: None,
        rights: None,
        duration_ends: None,
        infinite: false,
        close_on_stop: true,
    });
    (realtime, jobs, answers)
}

/// A cursor from which nothing of the made-up market's history is still to come.
fn resumed() -> Cursor {
    let mut cursor = Cursor::new(1);
    cursor.pass(&rig::minute(17, 1.0, 1.0));
    cursor.latest = rig::START.plus_ms(18 * 60_000);
    cursor
}

#[test]
fn a_stop_before_trading_has_begun_changes_nothing_and_waits_for_nothing() {
    let (trader, _) = rig::bought_then(98_400.0);
    assert_eq!(trader.engine().positions().count(), 1);
    let (mut realtime, jobs) = realtime(trader, resumed(), 1.0);
    let stop = Stop::new();
    stop.stop(Cause::Terminate);
    async_io::block_on(realtime.run(&stop)).unwrap();
    assert_eq!(realtime.trader.engine().positions().count(), 1, "nothing is closed at a price of the past");
    assert!(!realtime.has_begun() && jobs.is_empty() && realtime.last().is_none());
}

#[test]
fn the_end_of_a_run_is_not_later_than_what_is_still_to_come() {
    for (speed, ahead_ms) in [(1.0, 30_000), (1e6, 60_000)] {
        let (mut realtime, _jobs) = realtime(rig::trader(), Cursor::new(1), speed);
        async_io::block_on(realtime.warm(&Stop::new())).unwrap();
        realtime.begin().unwrap();
        let begun = realtime.pace.latest();
        let at = realtime.standing(Instant::now() + Duration::from_secs(30));
        assert!((ahead_ms..=60_000).contains(&at.since_ms(begun)), "{speed}: {at:?}, {begun:?}");
    }
}

#[test]
fn a_run_begins_in_the_middle_of_the_candle_that_the_last_one_ended_in() {
    let mut cursor = resumed();
    cursor.latest = cursor.latest.plus_ms(40_000);
    let (mut realtime, _jobs) = realtime(rig::trader(), cursor.clone(), 1.0);
    async_io::block_on(realtime.warm(&Stop::new())).unwrap();
    let in_25_s = realtime.pace.market(Instant::now() + Duration::from_secs(25));
    assert!(in_25_s >= realtime.prices.next().unwrap().0, "{in_25_s:?}");
    assert_eq!(realtime.keeping.cursor(), &cursor, "history moves no cursor");
}

#[test]
fn nothing_is_opened_before_it_is_known_what_the_key_may_do() {
    for found in [Ok(Vec::new()), Err("this key may withdraw".to_owned())] {
        let (mut realtime, _jobs) = realtime(rig::trader(), Cursor::new(1), 1.0);
        let (tell, answers) = async_channel::bounded(1);
        realtime.rights = Some(answers);
        async_io::block_on(realtime.warm(&Stop::new())).unwrap();
        realtime.begin().unwrap();
        let is_halted = |realtime: &Realtime| {
            let state = serde_json::to_value(realtime.trader.snapshot()).unwrap();
            state["engine"]["blocks"]["halted"].as_bool().unwrap()
        };
        realtime.look_at_the_door(Instant::now()).unwrap();
        assert!(is_halted(&realtime), "nobody has said anything yet");
        tell.try_send(found.clone()).unwrap();
        let outcome = realtime.look_at_the_door(Instant::now());
        assert_eq!(is_halted(&realtime), found.is_err());
        match found {
            Ok(_) => outcome.unwrap(),
            Err(_) => assert!(matches!(outcome, Err(LoopError::Key(_))) && !realtime.close_on_stop, "stops stand"),
        }
    }
}
