//! A bot that goes on from a snapshot does what it would have done: the snapshot holds all that is not a pure function of candles.

use crate::rig::{Rig, made_up, names, seeded, unlimited};
use smolbear::{
    config::Config,
    engine::{Action, Event},
    market::{ClosedCandle, DAY_MS, HOUR_MS, Refit, Timeframe, Timestamp},
    simulation::prices::EPOCH,
    trader::Snapshot,
};

/// A snapshot as it is stored, with what had been delivered before it.
struct Point {
    text: String,
    latest: Timestamp,
    /// How many candles were handed in.
    candles: usize,
    /// The event under way, when it was taken in the middle of one: a commit was asked for, and nobody knows whether it was done.
    under_way: Option<Event>,
}

/// As it is stored.
fn text(snapshot: &Snapshot) -> String {
    serde_json::to_string(snapshot).unwrap()
}

/// Trailing stops, short holding times and funding, so that there are deadlines and orders of every kind; longs that decide each minute, with
/// stops so close that the candle of an entry may hit them.
fn config() -> Config {
    let mut config = seeded(4);
    (config.exits.trailing, config.exits.trailing_pct) = (true, 0.8);
    (config.exits.time_limit, config.exits.max_hold_s) = (true, 7 * 3600 + 1800);
    (config.strategies[0].timeframe, config.strategies[0].stop_max_pct) = (Timeframe::M1, 0.1);
    unlimited(&mut config.risk);
    config
}

/// Runs over all candles, and takes a snapshot after every event or in every turn that `wanted` says by its number.
fn uninterrupted(config: &Config, candles: &[ClosedCandle], wanted: impl Fn(usize, bool) -> bool) -> (Rig, Vec<Point>) {
    let (mut rig, mut points, mut numbers) = (Rig::new(config), Vec::new(), [0, 0]);
    for (index, candle) in candles.iter().enumerate() {
        loop {
            let (at, event) = rig.trader.next_of(rig.latest, candle.closes_at(), Event::Candle(*candle));
            let whole = event == Event::Candle(*candle);
            let mut actions = Vec::new();
            let mut take = |rig: &Rig, under_way: Option<&Event>| {
                let number = &mut numbers[usize::from(under_way.is_some())];
                *number += 1;
                if wanted(*number, under_way.is_some()) {
                    let snapshot = rig.trader.snapshot();
                    let text = text(&snapshot);
                    assert_eq!(serde_json::from_str::<Snapshot>(&text).unwrap(), snapshot);
                    let candles = index + usize::from(whole);
                    points.push(Point { text, latest: at, candles, under_way: under_way.cloned() });
                }
            };
            rig.trader.handle(at, &event, &mut actions);
            while let Some(batch) = rig.trader.outstanding() {
                take(&rig, Some(&event));
                rig.trader.handle(at, &Event::Committed { batch }, &mut actions);
            }
            rig.latest = at;
            rig.asked.extend(actions.into_iter().map(|action| (at, action)));
            take(&rig, None);
            if whole {
                break;
            }
        }
    }
    (rig, points)
}

/// Goes on from a point to the end: all candles that were handed in as history, then the rest.
fn resumed(config: &Config, candles: &[ClosedCandle], point: &Point) -> Rig {
    let (snapshot, names) = (serde_json::from_str::<Snapshot>(&point.text).unwrap(), names(config));
    let same = snapshot.refit(&Refit { was: &names, now: &names }).unwrap();
    assert_eq!(text(&same), point.text, "the same lists change nothing");
    let mut rig = Rig::restored(config, same);
    assert_eq!(text(&rig.trader.snapshot()), point.text, "what was restored is what was taken");
    let mut actions: Vec<Action> = Vec::new();
    for candle in &candles[..point.candles] {
        let history = Event::Candle(ClosedCandle { history: true, ..*candle });
        rig.trader.handle(candle.closes_at(), &history, &mut actions);
    }
    assert_eq!(actions, [], "history asks for nothing");
    rig.latest = point.latest;
    while let Some(batch) = rig.trader.outstanding() {
        rig.tell(point.latest, Event::Committed { batch });
    }
    rig.feed(candles[point.candles..].iter().copied());
    rig
}

fn goes_on(wanted: impl Fn(usize, bool) -> bool, in_a_turn: bool) {
    let config = config();
    // ten days of history are enough for EMA(200) on 1h, and short enough to be fed again and again
    let recent = |candle: &ClosedCandle| candle.candle.open_time >= EPOCH.plus_ms(-10 * DAY_MS);
    let candles: Vec<_> = made_up(&config, 4 * DAY_MS + 5 * HOUR_MS).filter(recent).collect();
    let (whole, points) = uninterrupted(&config, &candles, wanted);
    assert!(whole.trader.tally().fills >= 40 && points.len() >= 30, "{} points", points.len());
    assert!(points.iter().all(|point| point.under_way.is_some() == in_a_turn));
    for point in &points {
        let resumed = resumed(&config, &candles, point);
        let place = format!("after {} candles, {:?}", point.candles, point.under_way);
        assert_eq!(resumed.trader.tally(), whole.trader.tally(), "{place}");
        let later = whole.trades().skip(whole.trades().count() - resumed.trades().count());
        assert!(resumed.trades().eq(later), "{place}");
    }
}

#[test]
fn a_bot_goes_on_between_any_two_events() {
    goes_on(|number, in_a_turn| !in_a_turn && number > 9_800 && number.is_multiple_of(467), false);
}

#[test]
fn a_bot_goes_on_in_the_middle_of_a_turn_where_a_commit_was_not_answered() {
    goes_on(|number, in_a_turn| in_a_turn && number.is_multiple_of(7), true);
}
