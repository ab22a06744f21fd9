//! Faults as they are drawn on the way out. What the venue knows stays right; only what is sent of it is spoiled.

use super::{
    Output, Reply, SessionId,
    faults::{Fault, Faults, KINDS, Per},
    limits::Limits,
    session::Session,
};
use crate::market::{Random, Timestamp};
use serde_json::{Value, json};
use std::collections::VecDeque;

/// How late is late: at least, and how much more at most, in ms.
const LATE_MS: i64 = 1_000;
const LATER_MS: u64 = 19_000;
/// Messages of a flood.
const FLOOD: usize = 50;
/// Late messages that wait, and answers kept to be told again.
const MOST_LATE: usize = 256;
const MOST_OLD: usize = 32;
/// The largest answer that is kept, and how old it must be to be replaced, in ms.
const LARGEST_OLD: usize = 256 * 1_024;
const OLD_MS: i64 = 60_000;
/// Faults that wait for their turn.
const MOST_WRITTEN: usize = 64;

/// Answers of a venue in trouble: status and body. Those of [`SURE`] say that nothing was done.
const ERRORS: [(u16, &str); 8] = [
    (500, r#"{"code":-1000,"msg":"An unknown error occurred while processing the request."}"#),
    (502, ""),
    (
        502,
        "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>",
    ),
    (503, r#"{"code":-1001,"msg":"Internal error; unable to process your request. Please try again."}"#),
    (503, r#"{"code":-1000,"msg":"Unknown error, please check your request or try again later."}"#),
    (
        503,
        r#"{"code":-1008,"msg":"Request throttled by system-level protection. Reduce-only/close-position orders are exempt. Please try again."}"#,
    ),
    (503, "Service Unavailable."),
    (
        504,
        r#"{"code":-1007,"msg":"Timeout waiting for response from backend server. Send status unknown; execution status unknown."}"#,
    ),
];
/// What they say is true of a question, but perhaps not of a request that was carried out: that gets another one.
const SURE: [usize; 3] = [3, 5, 6];
const UNSURE: usize = 4;
const PAGE: &str =
    "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body><h1>One more step</h1></body></html>";

/// An answer that was given: to what, when, and what.
#[derive(Debug)]
struct Old {
    target: String,
    at: Timestamp,
    body: Vec<u8>,
}

/// The faults of a venue at work.
#[derive(Debug)]
pub struct Spoiler {
    faults: Faults,
    random: Random,
    counts: [u64; KINDS],
    ends: Timestamp,
    late: VecDeque<(Timestamp, SessionId, String)>,
    /// Faults that strike next whatever their rate: which, how often, and on which requests alone.
    written: Vec<(Fault, u32, String)>,
    old: VecDeque<Old>,
}

impl Spoiler {
    pub fn new(faults: Faults, seed: u64) -> Self {
        let random = Random::new(seed, "faults");
        Self {
            faults,
            random,
            counts: [0; KINDS],
            ends: Timestamp(i64::MAX),
            late: VecDeque::new(),
            written: Vec::new(),
            old: VecDeque::new(),
        }
    }

    /// Fixes when faults end.
    pub fn begin(&mut self, now: Timestamp) {
        if let Some(seconds) = self.faults.until_s {
            self.ends = now.plus_ms(i64::from(seconds) * 1_000);
        }
    }

    /// How often each fault struck.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Fault::all().map(Fault::name).zip(self.counts)
    }

    fn draw(&mut self, now: Timestamp, fault: Fault) -> bool {
        let rate = self.faults.rate(fault);
        // A connection's faults are drawn each second.
        let by_minute = matches!(fault.per(), Per::Minute | Per::AccountMinute);
        let rate = if by_minute && rate < 1.0 { rate / 60.0 } else { rate };
        rate > 0.0 && now < self.ends && self.random.units()[0] < rate
    }

    /// A fault strikes next, so many times, on requests that begin so, as in `POST algoOrder`; empty is all.
    pub fn write(&mut self, fault: Fault, times: u32, on: &str) {
        if self.written.len() < MOST_WRITTEN && times > 0 {
            self.written.push((fault, times, on.to_owned()));
        }
    }

    /// Whether a fault of that name waits for what is `on`.
    fn is_written(&mut self, fault: Fault, on: &str) -> bool {
        let fits = |(of, _, only): &(Fault, u32, String)| *of == fault && on.starts_with(only.as_str());
        let Some(at) = self.written.iter().position(fits) else { return false };
        self.written[at].1 -= 1;
        if self.written[at].1 == 0 {
            self.written.remove(at);
        }
        true
    }

    /// Whether a fault strikes a request about an order.
    pub fn strikes_order(&mut self, now: Timestamp, fault: Fault, on: &str) -> bool {
        let strikes = self.is_written(fault, on) || self.draw(now, fault);
        if strikes {
            self.count(fault);
        }
        strikes
    }

    /// Bits for whatever is left to chance.
    pub const fn bits(&mut self) -> u64 {
        self.random.bits()
    }

    /// Draws a fault that strikes wherever it is drawn.
    pub fn strikes(&mut self, now: Timestamp, fault: Fault) -> bool {
        let drawn = self.is_written(fault, "") || self.draw(now, fault);
        if drawn {
            self.count(fault);
        }
        drawn
    }

    fn count(&mut self, fault: Fault) {
        self.counts[fault as usize] += 1;
    }

    fn late_by(&mut self) -> i64 {
        LATE_MS + (self.random.bits() % LATER_MS) as i64
    }

    /// A ban or a throttle out of the blue.
    pub fn refuse(&mut self, now: Timestamp, limits: &mut Limits) -> Option<Reply> {
        if !limits.is_banned(now) && self.strikes(now, Fault::Ban) {
            limits.ban(now);
            return Some(limits.ban_reply(now));
        }
        self.strikes(now, Fault::Throttle).then(|| Limits::throttle_reply(now))
    }

    /// Spoils an answer. `question`: what was asked, where the request changes nothing.
    pub fn reply(&mut self, now: Timestamp, question: Option<&str>, mut reply: Reply) -> Reply {
        if let Some(question) = question.filter(|_| self.faults.rate(Fault::Stale) > 0.0 && reply.status == 200) {
            self.stale(now, question, &mut reply);
        }
        if self.draw(now, Fault::Unknown)
            && let Some(body) = serde_json::from_slice(&reply.body).ok().and_then(strange_answer)
        {
            self.count(Fault::Unknown);
            reply.body = body.to_string().into_bytes();
        }
        if self.strikes(now, Fault::Error) {
            let drawn = (self.random.bits() % ERRORS.len() as u64) as usize;
            let is_lie = question.is_none() && SURE.contains(&drawn);
            let (status, body) = ERRORS[if is_lie { UNSURE } else { drawn }];
            (reply.status, reply.body) = (status, body.as_bytes().to_vec());
        }
        if self.strikes(now, Fault::Html) {
            let status = [200, 403, 502][(self.random.bits() % 3) as usize];
            // a firewall's 403 says that nothing came through, and is no answer to what was carried out
            let status = if status == 403 && question.is_none() { 502 } else { status };
            (reply.status, reply.body) = (status, PAGE.as_bytes().to_vec());
            reply.headers.retain(|(name, _)| *name != "content-type");
            reply.headers.push(("content-type", "text/html".to_owned()));
        }
        if reply.body.len() > 1 && self.strikes(now, Fault::Cut) {
            reply.cut_after = Some((self.random.bits() % reply.body.len() as u64) as usize);
        }
        if self.strikes(now, Fault::Slow) {
            reply.not_before = Some(now.plus_ms(self.late_by()));
        }
        reply
    }

    fn stale(&mut self, now: Timestamp, target: &str, reply: &mut Reply) {
        let held = self.old.iter().position(|old| old.target == target);
        if let Some(old) = held.and_then(|place| self.old.get(place)).filter(|old| old.body != reply.body)
            && now > old.at
        {
            let body = old.body.clone();
            if self.strikes(now, Fault::Stale) {
                reply.body = body;
                return;
            }
        }
        let renew = held.and_then(|place| self.old.get(place)).is_none_or(|old| now.since_ms(old.at) > OLD_MS);
        if renew && reply.body.len() <= LARGEST_OLD {
            held.map(|place| self.old.remove(place));
            self.old.push_back(Old { target: target.to_owned(), at: now, body: reply.body.clone() });
            if self.old.len() > MOST_OLD {
                self.old.pop_front();
            }
        }
    }

    /// May make a connection silent: as it opens, and each second.
    pub fn hush(&mut self, now: Timestamp, session: &mut Session) {
        session.silent = session.silent || self.strikes(now, Fault::Silent);
    }

    /// Spoils a connection, each second; whether it lives on.
    pub fn connection(&mut self, now: Timestamp, id: SessionId, session: &mut Session, out: &mut Vec<Output>) -> bool {
        self.hush(now, session);
        if self.strikes(now, Fault::Disconnect) {
            out.push(Output::CutInFrame(id, format!(r#"{{"e":"kline","E":{},"s":"BTCUSDT","k":{{"t":"#, now.0)));
            return false;
        }
        let closed = self.strikes(now, Fault::Close);
        if closed {
            out.push(Output::Close(id));
        }
        !closed
    }

    /// Sends a message, or what becomes of it.
    pub fn push(
        &mut self,
        now: Timestamp,
        id: SessionId,
        session: &mut Session,
        name: &str,
        mut value: Value,
        out: &mut Vec<Output>,
    ) {
        if session.silent || self.strikes(now, Fault::Lost) {
            return;
        }
        if self.draw(now, Fault::Absurd) && absurd(&mut value, self.random.bits() % 3) {
            self.count(Fault::Absurd);
        }
        if self.strikes(now, Fault::Unknown) {
            if self.random.bits().is_multiple_of(2) {
                out.push(Output::Push(
                    id,
                    session.wrapped("!auction", json!({ "e": "auctionUpdate", "E": now.0, "phase": "CALL" })),
                ));
            }
            strange_message(&mut value);
        }
        let is_candle = value.get("k").is_some();
        let text = session.wrapped(name, value);
        if is_candle && self.late.len() < MOST_LATE && self.strikes(now, Fault::Late) {
            let due = now.plus_ms(self.late_by());
            self.late.push_back((due, id, text));
            return;
        }
        if session.held.is_none() && self.strikes(now, Fault::Reordered) {
            session.held = Some(text);
            return;
        }
        let twice = usize::from(self.strikes(now, Fault::Doubled));
        let flood = if self.strikes(now, Fault::Flood) { FLOOD - 1 } else { 0 };
        out.extend((0..twice + flood).map(|_| Output::Push(id, text.clone())));
        out.push(Output::Push(id, text));
        out.extend(session.held.take().map(|held| Output::Push(id, held)));
    }

    /// Sends what was late and is due; `alive` says which connections there still are.
    pub fn release(&mut self, now: Timestamp, alive: impl Fn(SessionId) -> bool, out: &mut Vec<Output>) {
        let (due, later) = self.late.drain(..).partition::<VecDeque<_>, _>(|(at, ..)| *at <= now);
        self.late = later;
        out.extend(due.into_iter().filter(|(_, id, _)| alive(*id)).map(|(_, id, text)| Output::Push(id, text)));
    }

    /// # Panics
    ///
    /// Where a limit is broken.
    pub fn check(&self) {
        assert!(self.late.len() <= MOST_LATE && self.old.len() <= MOST_OLD, "faults outgrew their limits");
    }
}

/// Makes the prices of a message impossible; whether it has any.
fn absurd(value: &mut Value, how: u64) -> bool {
    if how == 2
        && let (Some(bid), Some(ask)) = (value.get("b").cloned(), value.get("a").cloned())
        && bid.is_string()
    {
        value["b"] = ask;
        value["a"] = bid;
        return true;
    }
    let fields = if value.get("k").is_some() { &mut value["k"] } else { value };
    let mut changed = false;
    for name in ["o", "h", "l", "c", "p", "i", "b", "a"] {
        if let Some(Value::String(text)) = fields.get_mut(name)
            && let Ok(price) = text.parse::<f64>()
        {
            *text = if how == 0 { "0".to_owned() } else { (price * 1_000.0).to_string() };
            changed = true;
        }
    }
    changed
}

fn strange_message(value: &mut Value) {
    if let Some(fields) = value.as_object_mut() {
        fields.insert("zz".to_owned(), json!({ "new": [1, "2", null] }));
        fields.insert("xState".to_owned(), json!("AUCTION"));
        if let Some(inner) = fields.get_mut("k").and_then(Value::as_object_mut) {
            inner.insert("zq".to_owned(), json!([0.5]));
        }
    }
}

/// An answer with a field, and where it lists markets with a market, that nobody knows.
fn strange_answer(mut value: Value) -> Option<Value> {
    if let Some(symbols) = value.get_mut("symbols").and_then(Value::as_array_mut) {
        symbols.push(json!({ "symbol": "ODDUSDT", "status": "AUCTION", "contractType": "EVENT_PERPETUAL", "filters": [{ "filterType": "ODD" }] }));
    }
    value.as_object_mut()?.insert("zz".to_owned(), json!({ "new": [1, "2", null] }));
    Some(value)
}
