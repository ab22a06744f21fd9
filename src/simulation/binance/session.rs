//! One stream connection: where it was opened, what it subscribed, and what it may do.

use super::{
    feed::{Feed, Route},
    query::{Query, Refusal},
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

/// A subscribed name; without a feed it is acknowledged and stays silent, as on the real venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    pub name: String,
    pub feed: Option<Feed>,
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
    opened: Timestamp,
    frames: VecDeque<Timestamp>,
    /// Answers pings, but gets nothing any more.
    pub silent: bool,
    /// A message that waits for its successor, to come after it.
    pub held: Option<String>,
    /// The kinds of message about an account that are wanted; empty: all.
    events: Vec<String>,
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
    /// 404 for a path that is none.
    pub fn open(now: Timestamp, target: &str, place: impl Fn(&str) -> Option<usize>) -> Result<Self, Refusal> {
        let query = Query::parse(target)?;
        let (route, rest) = match query.path.as_str() {
            path if path.starts_with("/public/") => (Route::Public, &path[7..]),
            path if path.starts_with("/market/") => (Route::Market, &path[7..]),
            path if path.starts_with("/private/") => (Route::Private, &path[8..]),
            path => (Route::Public, path),
        };
        let (combined, names) = match rest.trim_end_matches('/') {
            "/ws" => (false, String::new()),
            "/stream" => (true, query.get("streams").unwrap_or_default().to_owned()),
            rest => match rest.strip_prefix("/ws/") {
                Some(names) => (false, names.to_owned()),
                None => {
                    return Err(Refusal { status: 404, code: -5000, text: "No streams under this path.".to_owned() });
                }
            },
        };
        let key = query.get("listenKey").filter(|_| route == Route::Private);
        let names: Vec<&str> = names.split('/').filter(|name| !name.is_empty()).chain(key).collect();
        let events: Vec<&str> =
            query.get("events").unwrap_or_default().split('/').filter(|name| !name.is_empty()).collect();
        let long = names.iter().chain(&events).any(|name| name.len() > LONGEST_NAME);
        if names.len() > MOST_STREAMS || events.len() > MOST_EVENTS || long {
            return Err(Refusal { status: 400, code: -1101, text: "Too many streams.".to_owned() });
        }
        let mut session = Self {
            route,
            combined,
            streams: Vec::new(),
            opened: now,
            frames: VecDeque::new(),
            silent: false,
            held: None,
            events: events.into_iter().map(str::to_owned).collect(),
        };
        names.into_iter().for_each(|name| session.subscribe(name, &place));
        Ok(session)
    }

    /// Whether it is to hear what an account's stream of that key says.
    pub fn hears(&self, key: &str, event: &str) -> bool {
        let wanted = self.events.is_empty() || self.events.iter().any(|wanted| wanted == event);
        wanted && self.route == Route::Private && self.streams.iter().any(|stream| stream.name == key)
    }

    /// Whether its 24 hours are over.
    pub const fn is_old(&self, now: Timestamp) -> bool {
        now.since_ms(self.opened) >= LONGEST_LIFE_MS
    }

    fn subscribe(&mut self, name: &str, place: impl Fn(&str) -> Option<usize>) {
        if !self.streams.iter().any(|held| held.name == name) {
            let feed = Feed::parse(name, place).filter(|feed| feed.kind.route() == self.route);
            self.streams.push(Stream { name: name.to_owned(), feed });
        }
    }

    /// Takes a client's frame.
    pub fn hear(&mut self, now: Timestamp, text: &str, place: impl Fn(&str) -> Option<usize>) -> Answer {
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
        match self.obey(&frame, place) {
            Ok(result) => say(&json!({ "result": result, "id": id })),
            Err(text) => say(&json!({ "error": { "code": 2, "msg": text }, "id": id })),
        }
    }

    fn obey(&mut self, frame: &Value, place: impl Fn(&str) -> Option<usize>) -> Result<Value, String> {
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
                    names.into_iter().for_each(|name| self.subscribe(name, &place));
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
