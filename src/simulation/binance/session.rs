//! One stream connection: where it was opened, what it subscribed, and what it may do.

use super::{
    feed::{Feed, Route},
    query::{Query, Refusal, refused},
    tape::Tape,
};
use crate::market::{DAY_MS, Timestamp};
use serde_json::{Value, json};
use std::collections::VecDeque;

/// How long a connection lives.
pub const LONGEST_LIFE_MS: i64 = DAY_MS;
/// Streams on a connection.
pub const MOST_STREAMS: usize = 1_024;
/// Frames that a client may send in a second.
const MOST_FRAMES: usize = 10;
/// The longest frame and the longest name of a stream.
const LONGEST_FRAME: usize = 128 * 1_024;
const LONGEST_NAME: usize = 100;
/// Kinds of an account's messages that a connection may name.
const MOST_EVENTS: usize = 64;

/// A subscribed name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    pub name: String,
    pub carries: Carries,
}

/// What a name brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    /// A symbol's market, or that of all of them.
    Market(Feed),
    /// An account, whose listen key is the name.
    Account,
    /// It is acknowledged and stays silent, as on the real venue: no such name, or one of another route.
    Nothing,
}

/// The names that there are.
pub struct Names<'a> {
    /// Their lower-case names.
    pub tapes: &'a [Tape],
    /// Whether this is a listen key that is alive.
    pub is_key: &'a dyn Fn(&str) -> bool,
}

impl Names<'_> {
    /// What a name brings on a route. Accounts have one of their own, and the old paths carry them as well, as those of the testnet do.
    fn carries(&self, name: &str, route: Route) -> Carries {
        if matches!(route, Route::Public | Route::Private) && (self.is_key)(name) {
            return Carries::Account;
        }
        let place = |lower: &str| self.tapes.iter().position(|tape| tape.lower == lower);
        let feed = Feed::parse(name, place).filter(|feed| feed.kind.route() == route);
        feed.map_or(Carries::Nothing, Carries::Market)
    }
}

/// A connection.
#[derive(Debug)]
pub struct Session {
    /// What it may carry.
    pub route: Route,
    /// Whether messages are wrapped with the stream's name.
    pub combined: bool,
    /// In the order of subscription.
    pub streams: Vec<Stream>,
    /// The messages of accounts that it wants; all where it names none.
    events: Vec<String>,
    opened: Timestamp,
    frames: VecDeque<Timestamp>,
    /// Answers pings, but gets nothing any more.
    pub silent: bool,
    /// A message that waits for its successor, to come after it.
    pub held: Option<String>,
}

/// What a frame leads to.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// Send this.
    Say(String),
    /// Close the connection.
    Close,
}

impl Session {
    /// The connection that a path asks for.
    ///
    /// # Errors
    ///
    /// 404 for a path that is none, -1125 for an account's path whose listen key is not alive.
    pub fn open(now: Timestamp, target: &str, names: &Names<'_>) -> Result<Self, Refusal> {
        let query = Query::parse(target)?;
        let (route, rest) = match query.path.as_str() {
            path if path.starts_with("/public/") => (Route::Public, &path[7..]),
            path if path.starts_with("/market/") => (Route::Market, &path[7..]),
            path if path.starts_with("/private/") => (Route::Private, &path[8..]),
            path => (Route::Public, path),
        };
        let asked = if route == Route::Private { query.get("listenKey") } else { None }.unwrap_or_default();
        let (combined, wanted) = match rest.trim_end_matches('/') {
            "/ws" => (false, asked),
            "/stream" => (true, query.get("streams").unwrap_or(asked)),
            rest => match rest.strip_prefix("/ws/") {
                Some(wanted) => (false, wanted),
                None => {
                    return Err(Refusal { status: 404, code: -5000, text: "No streams under this path.".to_owned() });
                }
            },
        };
        let wanted: Vec<&str> = wanted.split('/').filter(|name| !name.is_empty()).collect();
        let events: Vec<&str> =
            query.get("events").unwrap_or_default().split('/').filter(|it| !it.is_empty()).collect();
        let long = wanted.iter().chain(&events).any(|name| name.len() > LONGEST_NAME);
        if long || wanted.len() > MOST_STREAMS || events.len() > MOST_EVENTS {
            return Err(refused(-1101, "Too many streams."));
        }
        if route == Route::Private && wanted.iter().any(|key| !(names.is_key)(key)) {
            return Err(refused(-1125, "This listenKey does not exist."));
        }
        let mut session = Self {
            route,
            combined,
            streams: Vec::new(),
            events: events.into_iter().map(str::to_owned).collect(),
            opened: now,
            frames: VecDeque::new(),
            silent: false,
            held: None,
        };
        wanted.into_iter().for_each(|name| session.subscribe(name, names));
        Ok(session)
    }

    /// Whether it carries this account and wants this kind of message.
    pub fn wants(&self, key: &str, event: &str) -> bool {
        let named = self.events.is_empty() || self.events.iter().any(|named| named == event);
        named && self.streams.iter().any(|stream| stream.carries == Carries::Account && stream.name == key)
    }

    /// A listen key is no longer alive: nothing more comes of it.
    pub fn forget(&mut self, key: &str) {
        let gone = self.streams.iter_mut().filter(|stream| stream.carries == Carries::Account && stream.name == key);
        gone.for_each(|stream| stream.carries = Carries::Nothing);
    }

    /// Whether its 24 hours are over.
    pub const fn is_old(&self, now: Timestamp) -> bool {
        now.since_ms(self.opened) >= LONGEST_LIFE_MS
    }

    fn subscribe(&mut self, name: &str, names: &Names<'_>) {
        if !self.streams.iter().any(|held| held.name == name) {
            self.streams.push(Stream { name: name.to_owned(), carries: names.carries(name, self.route) });
        }
    }

    /// Takes a client's frame.
    pub fn hear(&mut self, now: Timestamp, text: &str, known: &Names<'_>) -> Answer {
        self.frames.push_back(now);
        while self.frames.front().is_some_and(|at| now.since_ms(*at) >= 1_000) {
            self.frames.pop_front();
        }
        if self.frames.len() > MOST_FRAMES || text.len() > LONGEST_FRAME {
            return Answer::Close;
        }
        let Ok(frame) = serde_json::from_str::<Value>(text) else {
            return say(&json!({ "error": { "code": 3, "msg": "Invalid JSON: the frame cannot be read" } }));
        };
        let id =
            frame.get("id").cloned().filter(|id| id.is_u64() || id.is_i64() || id.is_string()).unwrap_or(Value::Null);
        match self.obey(&frame, known) {
            Ok(result) => say(&json!({ "result": result, "id": id })),
            Err(text) => say(&json!({ "error": { "code": 2, "msg": text }, "id": id })),
        }
    }

    fn obey(&mut self, frame: &Value, known: &Names<'_>) -> Result<Value, String> {
        let method = frame.get("method").and_then(Value::as_str).unwrap_or_default();
        let params = frame.get("params").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        match method {
            "SUBSCRIBE" | "UNSUBSCRIBE" => {
                let names = names(params)?;
                if method == "UNSUBSCRIBE" {
                    self.streams.retain(|held| !names.contains(&held.name.as_str()));
                } else if self.streams.len() + names.len() > MOST_STREAMS {
                    return Err(format!("Too many streams: at most {MOST_STREAMS} on a connection"));
                } else {
                    names.into_iter().for_each(|name| self.subscribe(name, known));
                }
                Ok(Value::Null)
            }
            "LIST_SUBSCRIPTIONS" => Ok(self.streams.iter().map(|stream| stream.name.as_str()).collect()),
            "SET_PROPERTY" => match params {
                [Value::String(name), Value::Bool(on)] if name == "combined" => {
                    self.combined = *on;
                    Ok(Value::Null)
                }
                _ => Err("Invalid request: the property is unknown".to_owned()),
            },
            "GET_PROPERTY" => match params {
                [Value::String(name)] if name == "combined" => Ok(json!(self.combined)),
                _ => Err("Invalid request: the property is unknown".to_owned()),
            },
            _ => Err("Invalid request: the method must be SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, SET_PROPERTY or GET_PROPERTY".to_owned()),
        }
    }

    /// # Panics
    ///
    /// Where a limit is broken.
    pub fn check(&self) {
        assert!(
            self.streams.len() <= MOST_STREAMS && self.frames.len() <= MOST_FRAMES + 1,
            "a connection outgrew its limits"
        );
    }
}

fn names(params: &[Value]) -> Result<Vec<&str>, String> {
    let bad = "Invalid request: the params must be names of streams";
    let names = params.iter().map(|name| name.as_str().filter(|name| name.len() <= LONGEST_NAME).ok_or(bad));
    Ok(names.collect::<Result<Vec<_>, _>>()?)
}

fn say(value: &Value) -> Answer {
    Answer::Say(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1";

    fn names(alive: &dyn Fn(&str) -> bool) -> Names<'_> {
        Names { tapes: &[], is_key: alive }
    }

    #[test]
    fn an_account_is_carried_where_clients_look_for_it_and_only_while_its_key_lives() {
        let alive = |key: &str| key == KEY;
        for (target, combined) in [
            (format!("/private/ws/{KEY}"), false),
            (format!("/private/ws?listenKey={KEY}"), false),
            (format!("/private/ws?listenKey={KEY}&events=ORDER_TRADE_UPDATE/ACCOUNT_UPDATE"), false),
            (format!("/private/stream?listenKey={KEY}"), true),
            (format!("/private/stream?streams={KEY}"), true),
            (format!("/ws/{KEY}"), false),
            (format!("/stream?streams={KEY}"), true),
            (format!("/stream?streams=btcusdt@bookTicker/{KEY}"), true),
        ] {
            let mut session = Session::open(Timestamp(0), &target, &names(&alive)).unwrap();
            assert!(session.wants(KEY, "ORDER_TRADE_UPDATE"), "{target}");
            assert!(!session.wants("another", "ORDER_TRADE_UPDATE"), "{target}");
            assert_eq!(session.wants(KEY, "ALGO_UPDATE"), !target.contains("events"), "{target}");
            assert_eq!(session.combined, combined, "{target}");
            session.forget(KEY);
            assert!(!session.wants(KEY, "ORDER_TRADE_UPDATE"), "{target}");
            let late = Session::open(Timestamp(0), &target, &names(&|_| false));
            match target.strip_prefix("/private") {
                Some(_) => assert_eq!(late.unwrap_err().code, -1125, "{target}"),
                None => assert!(!late.unwrap().wants(KEY, "ORDER_TRADE_UPDATE"), "{target}"),
            }
        }
        let market = Session::open(Timestamp(0), &format!("/market/ws/{KEY}"), &names(&alive)).unwrap();
        assert!(!market.wants(KEY, "ORDER_TRADE_UPDATE"), "another route");
    }

    #[test]
    fn an_account_is_subscribed_too() {
        for path in ["/private/ws", "/private/stream", "/ws"] {
            for (lives, want) in [(true, true), (false, false)] {
                let alive = |_: &str| lives;
                let mut session = Session::open(Timestamp(0), path, &names(&alive)).unwrap();
                assert!(!session.wants(KEY, "ACCOUNT_UPDATE"));
                let ask = json!({ "method": "SUBSCRIBE", "params": [KEY], "id": 1 }).to_string();
                let said = session.hear(Timestamp(0), &ask, &names(&alive));
                assert_eq!(said, Answer::Say(json!({ "result": null, "id": 1 }).to_string()), "{path}");
                assert_eq!(session.wants(KEY, "ACCOUNT_UPDATE"), want, "{path} {lives}");
            }
        }
    }

    #[test]
    fn what_is_too_much_or_nowhere_is_refused() {
        let long = "x".repeat(LONGEST_NAME + 1);
        for (target, code) in [
            ("/private".to_owned(), -5000),
            ("/private/wsx".to_owned(), -5000),
            ("/private/ws/dead".to_owned(), -1125),
            ("/private/ws?listenKey=dead".to_owned(), -1125),
            (format!("/private/ws?events={}", "A/".repeat(MOST_EVENTS + 1)), -1101),
            (format!("/private/ws?events={long}"), -1101),
            (format!("/private/ws/{long}"), -1101),
            (format!("/stream?streams={}", "a/".repeat(MOST_STREAMS + 1)), -1101),
            ("/private/ws?listenKey=%f".to_owned(), -1100),
        ] {
            let refusal = Session::open(Timestamp(0), &target, &names(&|_| false)).unwrap_err();
            assert_eq!(refusal.code, code, "{target}");
        }
    }
}
