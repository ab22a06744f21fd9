//! A venue with a made-up market, a clock that jumps from deadline to deadline, and what its clients got.

use super::super::{CallId, Faults, Input, Opening, Output, Reply, SessionId, Settings, Venue};
use crate::market::{
    Candle, ClosedCandle, Fnv, Instrument, MINUTE_MS, Random, SymbolId, Timeframe, Timestamp, known_instrument,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// 2025-01-01, 00:00.
pub const START: Timestamp = Timestamp(1_735_689_600_000);

pub struct Rig {
    pub venue: Venue,
    pub now: Timestamp,
    pub pushed: BTreeMap<SessionId, Vec<String>>,
    pub ended: Vec<SessionId>,
    pub hash: Fnv,
    pub outputs: usize,
    pub most_at_once: usize,
    pub candles: Vec<ClosedCandle>,
    walk: Random,
    last: Vec<i64>,
    calls: u64,
    sessions: u64,
}

pub fn instruments(count: usize) -> Vec<Instrument> {
    let all = ["BTCUSDT", "ETHUSDT", "DOGEUSDT"];
    all.iter().take(count).map(|name| known_instrument(&name.parse().unwrap()).unwrap()).collect()
}

impl Rig {
    pub fn new(symbols: usize, faults: &str) -> Self {
        Self::with_accounts(symbols, faults, Vec::new())
    }

    pub fn with_accounts(symbols: usize, faults: &str, accounts: Vec<Opening>) -> Self {
        let faults: Faults = faults.parse().unwrap();
        let settings = Settings { instruments: instruments(symbols), seed: 7, faults, accounts };
        Self {
            venue: Venue::new(settings),
            now: START,
            pushed: BTreeMap::new(),
            ended: Vec::new(),
            hash: Fnv::default(),
            outputs: 0,
            most_at_once: 0,
            candles: Vec::new(),
            walk: Random::new(3, "walk"),
            last: vec![1_000_000; symbols],
            calls: 0,
            sessions: 0,
        }
    }

    /// A candle on the ticks of BTC (0.1) and the others (0.01, 0.00001), with volume on the step; each seventh is silent.
    pub fn candle(&mut self, place: usize, open_time: Timestamp) -> ClosedCandle {
        let per_one = [10.0, 100.0, 100_000.0][place];
        let steps = [1_000.0, 1_000.0, 1.0][place];
        let draw = |walk: &mut Random, most: u64| (walk.bits() % most) as i64;
        let open = self.last[place];
        let silent = draw(&mut self.walk, 7) == 0;
        let close = if silent { open } else { open + draw(&mut self.walk, 401) - 200 };
        let (up, down) = (draw(&mut self.walk, 90), draw(&mut self.walk, 90));
        let (high, low) = if silent { (open, open) } else { (open.max(close) + up, open.min(close) - down) };
        let volume = if silent { 0 } else { 1 + draw(&mut self.walk, 90_000) };
        self.last[place] = close;
        let price = |ticks: i64| ticks as f64 / per_one;
        let candle = Candle {
            open_time,
            open: price(open),
            high: price(high),
            low: price(low),
            close: price(close),
            volume: volume as f64 / steps,
        };
        ClosedCandle { symbol: SymbolId(place as u16), timeframe: Timeframe::M1, candle, history: false }
    }

    pub fn give(&mut self, input: Input<'_>) -> Vec<Output> {
        let mut out = Vec::new();
        self.venue.handle(self.now, input, &mut out);
        self.take(out)
    }

    fn take(&mut self, out: Vec<Output>) -> Vec<Output> {
        self.outputs += out.len();
        self.most_at_once = self.most_at_once.max(out.len());
        for output in &out {
            self.hash.add_bytes(format!("{output:?}").as_bytes());
            match output {
                Output::Push(session, text) => self.pushed.entry(*session).or_default().push(text.clone()),
                Output::Close(session) | Output::Cut(session) | Output::CutInFrame(session, _) => {
                    self.ended.push(*session)
                }
                Output::Reply(..) | Output::Drop(_) | Output::Welcome(_) => {}
            }
        }
        self.venue.check();
        out
    }

    /// The minutes of the past hours, finished before the clock's time.
    pub fn past(&mut self, minutes: i64) {
        for at in (1..=minutes).rev() {
            for place in 0..self.last.len() {
                let mut closed = self.candle(place, self.now.plus_ms(-at * MINUTE_MS));
                closed.history = true;
                self.candles.push(closed);
                self.give(Input::Candle(&closed));
            }
        }
    }

    /// Plays whole minutes; the clock stands at a minute's beginning before and after.
    pub fn minutes(&mut self, minutes: i64) {
        for _ in 0..minutes {
            self.begin_minute();
            self.until(self.now.plus_ms(MINUTE_MS));
        }
    }

    pub fn begin_minute(&mut self) {
        for place in 0..self.last.len() {
            let closed = self.candle(place, self.now);
            self.candles.push(closed);
            self.give(Input::Candle(&closed));
        }
    }

    /// Runs to a time, from deadline to deadline.
    pub fn until(&mut self, end: Timestamp) {
        while let Some(due) = self.venue.next_deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.give(Input::Wake);
        }
        self.now = end;
    }

    pub fn call(&mut self, target: &str) -> Reply {
        self.call_with("GET", target, &[])
    }

    pub fn call_with(&mut self, method: &str, target: &str, headers: &[(String, String)]) -> Reply {
        self.calls += 1;
        let id = CallId(self.calls);
        let out = self.give(Input::Call { id, method, target, headers, body: b"" });
        let replies = out.into_iter().filter_map(|output| match output {
            Output::Reply(to, reply) if to == id => Some(reply),
            _ => None,
        });
        let replies: Vec<Reply> = replies.collect();
        assert_eq!(replies.len(), 1, "{target}");
        replies.into_iter().next().unwrap()
    }

    /// The body of a request that is answered.
    pub fn get(&mut self, target: &str) -> Value {
        let reply = self.call(target);
        assert_eq!(reply.status, 200, "{target}: {}", String::from_utf8_lossy(&reply.body));
        serde_json::from_slice(&reply.body).unwrap()
    }

    /// What becomes of a request: its reply, `None` where it is dropped or not answered yet.
    pub fn send(&mut self, method: &str, target: &str, headers: &[(String, String)], body: &[u8]) -> Option<Reply> {
        self.calls += 1;
        let id = CallId(self.calls);
        let out = self.give(Input::Call { id, method, target, headers, body });
        out.into_iter().find_map(|output| match output {
            Output::Reply(to, reply) if to == id => Some(reply),
            _ => None,
        })
    }

    pub fn connect(&mut self, target: &str) -> SessionId {
        self.sessions += 1;
        let session = SessionId(self.sessions);
        let out = self.give(Input::Knock { session, id: CallId(1 << 40), target });
        assert!(out.contains(&Output::Welcome(session)), "{target}: {out:?}");
        session
    }

    pub fn say(&mut self, session: SessionId, text: &str) {
        self.give(Input::Frame(session, text));
    }

    /// What a client got so far, read.
    pub fn heard(&mut self, session: SessionId) -> Vec<Value> {
        let texts = self.pushed.remove(&session).unwrap_or_default();
        texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    }
}

pub fn number(value: &Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}
