//! Binance USD-M futures from the exchange's side: what `bot exchange` answers and pushes. Pure; the server moves the bytes.
//!
//! One venue, one clock: requests, streams and candles agree with each other because all are read from one tape, which plays each minute
//! from a candle that is known whole beforehand. Faults are drawn by seed on the way out.

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
