//! What an exchange's messages mean: requests as bytes, and answers and stream frames as values. Codecs only; nothing here sends or waits.
//!
//! One folder an exchange, behind [`Exchange`]. How the others fit, so that a second one changes no caller:
//!
//! | | Binance USD-M | Bybit v5 linear | OKX swap |
//! |---|---|---|---|
//! | name of BTC/USDT:USDT | `BTCUSDT` | `BTCUSDT` | `BTC-USDT-SWAP` |
//! | size in | coins | coins | contracts: [`Market::contract`] coins each, which the codec multiplies away |
//! | a finished candle | `k.x` | `confirm` | ninth field of the row |
//! | candles by REST | oldest first, last may be open | newest first, first may be open | newest first, `confirm` a row |
//! | a refusal | HTTP 4xx with `code` | HTTP 200 with `retCode` | HTTP 200 with `code` and `sCode` |
//! | sockets for prices and candles | two, by route | one | two, by route |
//! | keep-alive | the server's ping frame | `{"op":"ping"}` each 20 s: [`Exchange::heartbeat`] | the text `ping` each 25 s |
//! | limits | weight a minute, in a header | requests in 5 s | requests in 2 s by endpoint |
//! | a ticker | whole | a delta: what is absent is unchanged, so the codec keeps the last | whole |
//!
//! What differs between them is answered by the codec; callers see coins, oldest candle first, finished candles marked as such, and one
//! [`Failure`] whatever the envelope. A codec may keep state for a delta stream, so [`Exchange::decode`] takes `&mut self`.

pub mod binance; // Binance USD-M futures
pub mod private; // orders and the account

use crate::market::{Candle, FundingRate, Instrument, SymbolId, Timeframe, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The public half of an exchange's dialect, for a fixed list of symbols; their places in it are their [`SymbolId`]s.
pub trait Exchange: fmt::Debug {
    /// The request that puts a question.
    fn request(&self, ask: &Ask) -> Request;

    /// What an HTTP response says to a question.
    ///
    /// # Errors
    ///
    /// A [`Failure`] for everything else than the answer, classed by what may be done next; never a panic, whatever the bytes.
    fn answer(&mut self, ask: &Ask, response: &Response<'_>) -> Result<Answer, Failure>;

    /// How much of the limit is used up in the current minute, where the response says so.
    fn used_weight(&self, response: &Response<'_>) -> Option<u32>;

    /// How many orders the exchange has counted of the account in the current ten seconds and in the current minute, where the response says so.
    fn used_orders(&self, _response: &Response<'_>) -> [Option<u32>; 2] {
        [None; 2]
    }

    /// Orders in ten seconds and in a minute that the exchange allows where its listing does not say otherwise.
    fn order_limits(&self) -> [u32; 2] {
        [300, 1200]
    }

    /// Weight a minute that the exchange allows where its listing does not say otherwise.
    fn weight_limit(&self) -> u32;

    /// The most candles that one request may ask for.
    fn most_candles(&self) -> u16;

    /// The sockets that together carry prices, marks and 1m candles of these symbols, each within the exchange's limits.
    fn channels(&self, symbols: &[SymbolId]) -> Vec<Channel>;

    /// The frames that (un)subscribe what `channel` carries, each within the exchange's limit; numbered from `id` on, one number a frame.
    fn subscription(&self, channel: &Channel, subscribe: bool, id: u64) -> Vec<String>;

    /// What must be sent to keep a socket open, and how often in ms; `None` where answering the server's pings is enough.
    fn heartbeat(&self) -> Option<(&'static str, i64)>;

    /// How long the exchange keeps a socket, in ms; it is renewed before.
    fn longest_connection_ms(&self) -> i64;

    /// Takes a text frame apart and appends what it says. What is unknown becomes [`Update::Unknown`], so that it can be counted.
    ///
    /// # Errors
    ///
    /// [`Garbled`] for what cannot be read or holds impossible numbers; updates of the frame before it are kept.
    fn decode(&mut self, frame: &[u8], updates: &mut Vec<Update>) -> Result<(), Garbled>;
}

/// A question about public data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// The exchange's clock.
    Time,
    /// The rules of every configured symbol, and the limits.
    Listing,
    /// Candles in ascending order, at most `limit` (see [`Exchange::most_candles`]); the last may be unfinished.
    Candles {
        /// Whose.
        symbol: SymbolId,
        /// How long.
        timeframe: Timeframe,
        /// The first open time; `None`: the newest `limit` candles.
        from: Option<Timestamp>,
        /// How many at most.
        limit: u16,
    },
    /// Best bid and ask, for one symbol or all configured ones.
    Quotes(Option<SymbolId>),
    /// Mark price and the coming funding, for one symbol or all configured ones.
    Marks(Option<SymbolId>),
    /// How often each symbol settles funding.
    FundingIntervals,
    /// Funding rates that were settled, ascending from a time on.
    FundingHistory {
        /// Whose.
        symbol: SymbolId,
        /// Earliest settlement.
        from: Timestamp,
        /// How many at most, up to 1000.
        limit: u16,
    },
}

/// What answers an [`Ask`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)] // as the questions
pub enum Answer {
    Time(Timestamp),
    Listing(Listing),
    Candles(Vec<ListedCandle>),
    /// Those that could be read, so one market without a quote is no harm to the others; where none could, that is a [`Failure`].
    Quotes(Vec<Quote>),
    /// Likewise.
    Marks(Vec<Mark>),
    /// Hours between settlements, for symbols that differ from the exchange's usual interval.
    FundingIntervals(Vec<(SymbolId, u32)>),
    FundingHistory(Vec<FundingRate>),
}

/// A candle as a response lists it. It has passed [`Candle::check`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ListedCandle {
    /// The numbers.
    pub candle: Candle,
    /// Its last millisecond by the exchange, plus one; finished once the exchange's clock has passed it.
    pub ends: Timestamp,
}

/// What an exchange trades of what is configured, and its limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// Of the configured symbols those that the exchange knows, by symbol.
    pub markets: Vec<Market>,
    /// Request weight a minute, where the exchange says it.
    pub weight_limit: Option<u32>,
    /// Orders of an account in ten seconds and in a minute, as far as they were said.
    pub order_limits: [Option<u32>; 2],
    /// How many markets it lists in all.
    pub listed: usize,
}

/// A market's rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Market {
    /// Which.
    pub symbol: SymbolId,
    /// Tick, step and minimums in coins and USDT.
    pub instrument: Instrument,
    /// Whether it can be traded.
    pub status: MarketStatus,
    /// Coins a contract; 1 where sizes are in coins.
    pub contract: Decimal,
    /// Largest quantity of a market order in coins, where there is one.
    pub max_market_qty: Option<Decimal>,
    /// When it stops being traded, where that is announced.
    pub delisted_at: Option<Timestamp>,
}

/// Whether a market can be traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MarketStatus {
    /// Yes.
    Trading,
    /// Not now: before its start, in a halt, or being settled.
    Paused,
    /// Not any more.
    Closed,
}

/// Best bid and ask.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Quote {
    pub symbol: SymbolId,
    pub bid: f64,
    pub ask: f64,
    /// By the exchange; `None` where the message has none.
    pub at: Option<Timestamp>,
}

/// Mark price and the coming funding.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// Whose.
    pub symbol: SymbolId,
    /// What positions are valued at, in USDT.
    pub price: f64,
    /// What will be settled next, as known now; `None` where the symbol has none.
    pub funding: Option<FundingRate>,
    /// By the exchange.
    pub at: Timestamp,
}

/// One thing that a stream says. Prices have been checked to lie within [`crate::market::PRICES`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Update {
    /// A candle, finished or not.
    Candle {
        /// Whose.
        symbol: SymbolId,
        /// How long.
        timeframe: Timeframe,
        /// The numbers so far.
        candle: Candle,
        /// Whether it will not change any more.
        closed: bool,
        /// When the exchange sent it.
        at: Timestamp,
    },
    /// Best bid and ask.
    Quote(Quote),
    /// A trade.
    Trade {
        /// Whose.
        symbol: SymbolId,
        /// In USDT.
        price: f64,
        /// When, by the exchange.
        at: Timestamp,
    },
    /// Mark price and funding.
    Mark(Mark),
    /// Our subscription `id` is in force. Says nothing about whether data comes.
    Subscribed {
        /// The number that the frame carried.
        id: u64,
    },
    /// Our subscription `id` was refused.
    NotSubscribed {
        /// The number that the frame carried, where the answer has one.
        id: Option<u64>,
        /// The exchange's words, cut to 200 characters.
        text: String,
    },
    /// The exchange is about to close this socket.
    Closing,
    /// The answer to our heartbeat.
    Alive,
    /// A kind of message that this version does not know, or one about a symbol that is not configured.
    Unknown,
}

/// The bytes are not what the dialect says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {found}")]
pub struct Garbled {
    /// What was being read.
    pub what: &'static str,
    /// What is wrong, with the start of the text; at most 200 characters.
    pub found: String,
}

/// A socket and what it carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Path and query behind the stream address, such as `/market/stream`.
    pub path: String,
    /// The exchange's names of the streams, at most as many as it allows on a connection.
    pub streams: Vec<String>,
    /// The symbols of these streams.
    pub symbols: Vec<SymbolId>,
    /// The longest silence of a healthy one, in ms: what is subscribed pushes at least that often while it lives.
    pub silence_ms: i64,
}

/// An HTTP request. Everything public is a GET without a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Path and query behind the REST address, percent-encoded.
    pub path: String,
    /// What it costs of the limit.
    pub weight: u32,
}

/// An HTTP response.
#[derive(Debug, Clone, Copy)]
pub struct Response<'a> {
    /// Such as 200.
    pub status: u16,
    /// Names in lower case.
    pub headers: &'a [(String, String)],
    /// As it came, unpacked.
    pub body: &'a [u8],
}

impl Response<'_> {
    /// The first header of this (lower-case) name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_str())
    }
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Failure {
    /// What may be done next.
    pub class: FailureClass,
    /// The exchange's number, or the HTTP status where there is none.
    pub code: i64,
    /// For the log: status, number and the exchange's words, at most 300 characters.
    pub text: String,
}

/// What a failure means for whoever asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureClass {
    /// Too many requests: nothing before this many ms have passed.
    TooMany {
        /// From the response, else the exchange's usual pause.
        pause_ms: i64,
    },
    /// Shut out until this moment of the exchange's clock; asking meanwhile makes it longer.
    Banned {
        /// From the response; `None` where it does not say: two minutes.
        until: Option<Timestamp>,
    },
    /// The request's time was outside the exchange's window.
    Clock,
    /// The symbol is unknown or not traded.
    NoSuchSymbol,
    /// Nothing was done: overloaded, in maintenance. Later.
    NotNow,
    /// It may have been done or not: a 5xx that does not say, an answer that cannot be read (S8).
    Unknown,
    /// Shut out by place or rule (403).
    Forbidden,
    /// Key, signature or rights.
    Key,
    /// Refused for another reason; the same request would be refused again.
    Refused,
}
