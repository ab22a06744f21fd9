//! The session with an exchange as a state machine: it asks for connections and requests, and is told what came.
//!
//! Pure, with the five verbs. Its `now` is the session's time: milliseconds on a clock that never jumps, whatever its epoch; what the
//! exchange's clock shows follows from it once they have been compared ([`Gateway::market_time`]).
//!
//! ```text
//!  start ─▶ clock ─┬─▶ listing, funding ─▶ history ─▶ Ready ─▶ live: candles and prices by streams, what is missing by requests
//!                  └─▶ sockets
//! ```
//!
//! One file a concept: `clock`, `budget` (weights and pauses), `order_budget` (how many orders), `backoff`, `asking` and `wants` (what is asked, and when), `answers` (what the answers mean),
//! `streams` (sockets and their health), `history` and `candles` (which were delivered, and holes), `prices` (bars), `feeds` (one symbol, and how
//! its data stands), `account/` (orders and the account, where it is traded), `view` (for health and logs). `session` is the walk through them.

mod account;
mod answers;
mod asking;
mod backoff;
mod budget;
mod candles;
mod clock;
mod feeds;
mod history;
mod order_budget;
mod prices;
mod session;
mod settings;
mod streams;
#[cfg(test)]
mod tests;
mod view;
mod wants;

pub use account::AccountView as AccountState;
pub use session::Gateway;
pub use settings::{Account, Left, Settings, Snapshot};
pub use view::{CandleCounts, FeedView, RestView, SocketView, View};

use crate::{
    exchange::{Request, Response, private::Call},
    market::{
        AccountView, ClosedCandle, FeedState, FundingPaid, FundingRate, Instrument, OrderCommand, OrderUpdate,
        PriceBar, SymbolId, Timeframe, Timestamp,
    },
};
use serde::{Deserialize, Serialize};

/// Characters of another's words in a remark, at most.
const LONGEST_WORDS: usize = 200;

/// A socket that the session asked for; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SocketId(pub u32);

/// A request that the session sent; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestId(pub u64);

/// Requests wait for others of their lane only, so that nothing delays what protects a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Lane {
    Protection,
    Entries,
    Data,
}

/// What the session is told.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// The handshake is done. Nothing is known about data yet.
    Opened(SocketId),
    /// A text frame.
    Frame(SocketId, &'a [u8]),
    /// A socket could not be opened or has ended, in words; it was or is gone.
    Closed(SocketId, &'a str),
    /// An HTTP response, whatever its status.
    Response(RequestId, Response<'a>),
    /// No response, in words. `sent`: bytes may have left, so that the exchange may have got it.
    NoResponse {
        /// Which request.
        id: RequestId,
        /// Why, in words.
        why: &'a str,
        /// Whether bytes may have left.
        sent: bool,
    },
    /// The process stood still (stopped, suspended): nothing that the sockets hold is true any more.
    StoodStill,
    /// The engine wants this done to an order; where the account is not traded, it is dropped.
    Order(OrderCommand),
    /// The engine doubts the account: it is compared anew.
    Reconcile,
    /// An order was refused for its numbers: the markets' rules may have changed, and are read anew.
    Rules,
    /// The deadline is due.
    Wake,
}

/// What the session wants done, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Open a socket to this path behind the stream address.
    Connect(SocketId, String),
    /// Send a text frame; dropped where the socket is gone.
    Send(SocketId, String),
    /// Close a socket at once, without waiting for the other side. Nothing of it may be told afterwards.
    Disconnect(SocketId),
    /// Send a request.
    Fetch(RequestId, Lane, Request),
    /// Send a request of the account's, with the time and the signature of the moment at which it leaves. Answered like any other.
    Call(RequestId, Lane, Call),
    /// Something for the trader, at this time of the exchange.
    News(Timestamp, News),
    /// Something for the log.
    Say(Remark),
}

/// What the trader gets to know. The shell passes it on as the engine's events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum News {
    /// A finished candle; by symbol and timeframe each once, in order, without holes.
    Candle(ClosedCandle),
    /// What the price did in the last 100 ms.
    Price(PriceBar),
    /// How a symbol's market data stands.
    Feed(SymbolId, FeedState),
    /// A symbol's rules.
    Instrument(SymbolId, Instrument),
    /// What a symbol's positions will pay, and when.
    Funding(FundingRate),
    /// The exchange's clock cannot be trusted to be ours, or can again.
    ClockDoubt(bool),
    /// What became of an order.
    Order(OrderUpdate),
    /// What the exchange holds for us.
    Account(AccountView),
    /// What a position paid or received.
    Paid(FundingPaid),
    /// Whether the account as we know it is the exchange's (S7).
    Proof(bool),
    /// Whether a symbol has an order, a position or settings that are not ours (S15).
    Foreign(SymbolId, bool),
}

/// What the log gets to know.
#[derive(Debug, Clone, PartialEq)]
pub enum Remark {
    /// The clocks were compared for the first time: ours is so many ms ahead, known to within half the round trip.
    ClockFound {
        /// Session time minus exchange time, in ms; the shell knows what the wall clock shows.
        ahead_ms: i64,
        /// Of that comparison, in ms.
        round_trip_ms: i64,
    },
    /// A socket carries data.
    StreamUp(String),
    /// A socket is gone or silent, and the next try is in so many ms.
    StreamDown {
        /// Its path.
        path: String,
        /// In words.
        why: String,
        /// Until the next try.
        retry_ms: i64,
    },
    /// A question had no answer.
    AskFailed {
        /// What was asked, in words.
        what: String,
        /// In words.
        why: String,
        /// Until the next try.
        retry_ms: i64,
    },
    /// The exchange wants to be left alone for so many ms.
    Throttled {
        /// Whether it is a ban (418) or a warning (429).
        banned: bool,
        /// For how long.
        pause_ms: i64,
    },
    /// A symbol is not traded by us, and why.
    Quarantined(SymbolId, String),
    /// Candles that were missed were fetched.
    Filled {
        /// Whose.
        symbol: SymbolId,
        /// How long.
        timeframe: Timeframe,
        /// How many.
        candles: u32,
    },
    /// The exchange has no such candles, so they are flat without volume.
    Flat {
        /// Whose.
        symbol: SymbolId,
        /// How long.
        timeframe: Timeframe,
        /// How many.
        candles: u32,
    },
    /// The trader's last candle is too old for all since then to be fetched: what happened before `until` is not made up for.
    TooOld {
        /// Whose.
        symbol: SymbolId,
        /// The close of its last candle.
        from: Timestamp,
        /// Where its live candles begin.
        until: Timestamp,
    },
    /// The history is whole; trading can begin.
    Ready {
        /// Candles in all.
        candles: u32,
    },
    /// Something about the account, in words.
    Account {
        /// The words.
        what: String,
        /// Whether somebody must look at it.
        grave: bool,
    },
}
