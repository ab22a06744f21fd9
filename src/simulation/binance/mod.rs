//! Binance USD-M futures from the exchange's side: what `bot exchange` answers and pushes. Pure; the server moves the bytes.
//!
//! One venue, one clock: requests, streams and candles agree with each other because all are read from one tape, which plays each minute
//! from a candle that is known whole beforehand. Faults are drawn by seed on the way out.
//!
//! | file | what it holds |
//! |---|---|
//! | `tape`, `shelf`, `bar`, `minute`, `book`, `funding`, `grid` | a symbol's market: past candles, the minute under way, quotes, rates |
//! | `query`, `limits`, `rest`, `candles`, `funding_lists`, `listing` | requests and their answers |
//! | `feed`, `session`, `pulse`, `frames` | streams: names, connections, when they speak, what they say |
//! | `faults`, `spoil` | what can go wrong, and how it does |
//! | `account` | the trading half: accounts, orders, positions, user data |
//! | `calls`, `asked`, `strikes` | requests on their way, what an observer reads of them, and faults of orders and accounts |
//! | `venue` | all of it together |
//!
//! **Routes.** `/public` and `/market` each carry their own streams. The old paths `/ws` and `/stream` are accepted and carry only what
//! `/public` does, as on the real venue since 2026-04-23. A name that does not exist, or belongs to the other route, is acknowledged and
//! stays silent: this is also how connections such as `/market/ws/0` work, whose last part is no stream but a client's own number.
//!
//! **Accounts.** Those that the settings name, each with its key and secret. Signed paths are checked as the exchange does. Beside them there
//! are paths under `/played/` that no exchange has, need no key, count for no limit and meet no fault:
//!
//! | path | what |
//! |---|---|
//! | `GET /played/record?from=N` | what happened from the entry of that number on, see [`Entry`]; at most 1,000 |
//! | `GET /played/requests?from=N` | what was asked from the request of that number on, and what became of it, see `asked.rs`; at most 1,000 |
//! | `GET /played/time` | the exchange's time in ms |
//! | `POST /played/note?text=T` | an observer's word in the record |
//! | `METHOD /played/hand/fapi/...` | a request of an account's owner by hand, unsigned; `account=N` for another one than the first |
//! | `POST /played/do?act=ACT` | an act of the exchange, see `account/acts.rs` |
//! | `POST /played/do?act=delist&symbol=S` | its market is over, at once or `at` that time, in ms: orders expire, positions are settled, nothing can be opened |
//! | `POST /played/do?act=filters&symbol=S` | another `tick`, `step` or `minNotional` from the next minute on |
//! | `POST /played/next?fault=NAME&times=N&on=TEXT` | a fault strikes next whatever its rate; of those of orders only on requests that begin with `on`, as in `POST algoOrder` |
//!
//! **Time.** The venue moves in beats of 100 ms. Everything within one is seen together at its end, by requests and streams alike.

mod account; // accounts, orders, positions, their streams
mod asked; // requests, for an observer
mod bar; // a candle with turnover and count
mod book; // the order book as a function of price, seed and age
mod calls; // requests, and the faults on an order's way
mod candles; // candles by REST
mod faults; // faults by name and rate
mod feed; // names of streams
mod frames; // what streams say
mod funding; // a slowly moving rate
mod funding_lists; // settled rates and intervals
mod grid; // ticks and steps
mod limits; // weights, 429 and 418
mod listing; // exchangeInfo
mod minute; // a candle played out as trades
mod pulse; // when a symbol's streams speak
mod query; // path, parameters, refusals
mod rest; // which path answers what
mod session; // a stream connection
mod shelf; // finished candles
mod spoil; // faults at work
mod strikes; // faults that strike accounts
mod tape; // a symbol's market
#[cfg(test)]
mod tests;
mod venue; // all of it together

pub use account::{Entry, Opening, What};
pub use faults::{Fault, Faults, FaultsError, Per};
pub use limits::WEIGHT_LIMIT;
pub use session::{LONGEST_LIFE_MS, MOST_STREAMS};
pub use shelf::{MOST_LONGER, MOST_MINUTES};
pub use tape::BEAT_MS;
pub use venue::{MOST_SESSIONS, Settings, Venue};

use crate::market::{ClosedCandle, Timestamp};

/// A client's stream connection; given by the server, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionId(pub u64);

/// A client's request; given by the server, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallId(pub u64);

/// What the venue is told.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// A candle of the past (`history`), or the minute that begins now, known whole: the venue plays it out.
    Candle(&'a ClosedCandle),
    /// An HTTP request.
    Call {
        /// Its number, for the reply.
        id: CallId,
        /// Such as `GET`.
        method: &'a str,
        /// Path and query.
        target: &'a str,
        /// Names in lower case.
        headers: &'a [(String, String)],
        /// As it came.
        body: &'a [u8],
    },
    /// A stream connection asked for this path and query. The reply is a [`Output::Welcome`] or a [`Output::Reply`] that refuses.
    Knock {
        /// Its number from here on.
        session: SessionId,
        /// The same as a call, for a refusal.
        id: CallId,
        /// Path and query.
        target: &'a str,
    },
    /// A text frame of a client.
    Frame(SessionId, &'a str),
    /// A client is gone.
    Gone(SessionId),
    /// The deadline is due.
    Wake,
}

/// What the venue wants done, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Answer a request.
    Reply(CallId, Reply),
    /// Cut the connection of a request without a byte of an answer.
    Drop(CallId),
    /// Accept the stream connection.
    Welcome(SessionId),
    /// Send a text frame; dropped where the client is gone, and the client is dropped where it does not keep up.
    Push(SessionId, String),
    /// Close with a close frame.
    Close(SessionId),
    /// Send the first bytes of a frame with this text, then cut the connection.
    CutInFrame(SessionId, String),
    /// Cut the connection.
    Cut(SessionId),
}

/// An HTTP response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Such as 200.
    pub status: u16,
    /// Besides length and connection, which are the server's.
    pub headers: Vec<(&'static str, String)>,
    /// JSON, but for faults.
    pub body: Vec<u8>,
    /// Sent at this time of the venue; `None`: at once.
    pub not_before: Option<Timestamp>,
    /// Only so many bytes of the body are sent, then the connection is cut.
    pub cut_after: Option<usize>,
}

impl Reply {
    /// A JSON body.
    fn json(status: u16, value: &serde_json::Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status, headers, body: value.to_string().into_bytes(), not_before: None, cut_after: None }
    }
}
