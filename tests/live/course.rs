//! What the trader was told, from the journal, and what the exchange has, from its own lips.

use super::{Place, Played};
use crate::common::run;
use smolbear::{
    engine::{Action, Event, Record},
    market::{Candle, FeedState, MINUTE_MS, SymbolId, Timeframe, Timestamp},
    store::journal::{self, Entry},
};
use std::{collections::BTreeMap, path::Path};

/// By then after its close a minute has been told, in ms.
const LATEST_MS: i64 = 30_000;

/// The journal of an account; that the same events lead to the same actions again is checked first.
pub fn entries(account: &Path) -> impl Iterator<Item = Entry> {
    let again = run(&["replay", account.to_str().unwrap()]);
    assert_eq!(again.code(), Some(0), "{}{}", again.stdout(), again.stderr);
    let segments = journal::list(&account.join("journal")).unwrap().into_iter();
    segments.flat_map(|(_, path)| journal::read(&path).unwrap().1).map(Result::unwrap)
}

/// The course of a run of one symbol, BTCUSDT.
pub struct Course {
    /// Minutes that trading heard of, in their order.
    pub minutes: Vec<Candle>,
    /// The closes of candles at which an entry was decided.
    pub decided: Vec<Timestamp>,
    /// The first and the last moment that trading heard of.
    span: Option<(Timestamp, Timestamp)>,
    /// How its data stood, from when.
    pub feed: Vec<(Timestamp, FeedState)>,
}

impl Course {
    /// Reads the journal.
    pub fn read(place: &Place) -> Self {
        let mut course = Self { minutes: vec![], decided: vec![], span: None, feed: vec![] };
        entries(&place.account()).for_each(|entry| course.take(entry));
        course
    }

    fn take(&mut self, entry: Entry) {
        self.span = Some((self.span.map_or(entry.at, |(first, _)| first), entry.at));
        let actions = entry.outcome.iter().flat_map(|outcome| &outcome.actions);
        let enters = |action: &Action| match action {
            Action::Commit { records, .. } => {
                records.iter().any(|record| matches!(record, Record::Intent(order) if !order.reduce_only))
            }
            _ => false,
        };
        let enters = actions.into_iter().any(enters);
        match entry.event {
            Event::Candle(closed) if closed.timeframe == Timeframe::M1 && !closed.history => {
                assert_eq!(closed.symbol, SymbolId(0));
                assert!(closed.closes_at() <= entry.at, "a candle from the future: {closed:?} at {:?}", entry.at);
                self.minutes.push(closed.candle);
                self.decided.extend(enters.then_some(closed.closes_at()));
            }
            _ if enters => panic!("an entry without a candle: {:?}", entry.event),
            Event::Feed(_, state) => self.feed.push((entry.at, state)),
            _ => {}
        }
    }

    /// Whether data came at some moment of this span.
    pub fn was_live_within(&self, from: i64, until: i64) -> bool {
        let before = self.feed.iter().rev().find(|(at, _)| at.0 <= from);
        let within = self.feed.iter().filter(|(at, _)| (from..=until).contains(&at.0));
        before.into_iter().chain(within).any(|(_, state)| *state == FeedState::Live)
    }

    /// No minute is missing, none is there twice, and each is what the exchange has. How many they are.
    pub fn assert_equals(&self, exchange: &Played) -> usize {
        let have = minutes(exchange);
        let (began, over) = self.span.expect("trading began");
        let first = self.minutes.first().expect("a minute at least").open_time;
        assert!(first <= began, "the first minute is {first:?}, but trading began at {began:?}");
        let last = self.minutes.last().expect("a minute at least").open_time;
        assert!(over.since_ms(last) < 2 * MINUTE_MS + LATEST_MS, "the last minute is {last:?}, at {over:?}");
        for (told, place) in self.minutes.iter().zip(0..) {
            assert_eq!(
                told.open_time,
                first.plus_ms(place * MINUTE_MS),
                "the minute after {place} of {:?}",
                self.minutes
            );
            assert_eq!(Some(told), have.get(&told.open_time), "what the exchange has is on the right");
        }
        self.minutes.len()
    }
}

/// The candles of BTCUSDT, but for the one that is under way.
fn minutes(exchange: &Played) -> BTreeMap<Timestamp, Candle> {
    let body = exchange.get("/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=500");
    let rows: Vec<Vec<serde_json::Value>> = serde_json::from_str(&body).unwrap();
    let number = |value: &serde_json::Value| value.as_str().unwrap().parse::<f64>().unwrap();
    let candle = |row: &Vec<serde_json::Value>| {
        let open_time = Timestamp(row[0].as_i64().unwrap());
        let [open, high, low, close, volume] = [1, 2, 3, 4, 5].map(|column| number(&row[column]));
        (open_time, Candle { open_time, open, high, low, close, volume })
    };
    let mut minutes: BTreeMap<_, _> = rows.iter().map(candle).collect();
    minutes.pop_last();
    minutes
}
