//! The private half of a dialect: orders, the account, and what its stream says. Codecs only, like the public half.
//!
//! A [`Call`] is a wish in the exchange's words, without a time and without a signature: both are put on by [`Trading::sign`] at the moment
//! at which it is sent, since what waited in a queue would be refused for its age.
//!
//! Three answers to an order (S8): a [`Reply`] says what the exchange has, a [`Failure`] of a sure class says that nothing was done, and
//! every other failure leaves it unknown.

use super::{Failure, Garbled, Response};
use crate::market::{Class, ClientId, Fill, OrderKind, OrderRequest, OrderSide, PositionView, SymbolId, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The private half of an exchange's dialect.
pub trait Trading: fmt::Debug {
    /// The wish in the exchange's words.
    fn call(&self, wish: &Wish) -> Call;

    /// The request as it is sent at `now`, the exchange's time.
    fn sign(&self, call: &Call, now: Timestamp, keys: &Keys) -> Signed;

    /// How long after the time that it was signed with the exchange may still execute a request, in ms: before that is over, a look-up that
    /// finds nothing proves nothing.
    fn window_ms(&self) -> i64;

    /// What an HTTP response says to a wish.
    ///
    /// # Errors
    ///
    /// A [`Failure`] for everything else than the answer; never a panic, whatever the bytes.
    fn reply(&self, wish: &Wish, response: &Response<'_>) -> Result<Reply, Failure>;

    /// Why an order was refused, by the exchange's number.
    fn refusal(&self, code: i64) -> Class;

    /// Whether this number says to a look-up or a cancel that no such order is there; which is no proof that there was none.
    fn is_missing(&self, code: i64) -> bool;

    /// Path and query of the account's stream, behind the stream address.
    fn user_stream(&self, listen_key: &str) -> String;

    /// Takes a frame of the account's stream apart and appends what it says.
    ///
    /// # Errors
    ///
    /// [`Garbled`] for what cannot be read or holds impossible numbers.
    fn decode_user(&self, frame: &[u8], reports: &mut Vec<Report>) -> Result<(), Garbled>;
}

/// What is wanted of the exchange for an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wish {
    /// Place an order.
    Place(OrderRequest),
    /// Cancel one.
    Cancel(Which),
    /// Look one up, whether it is open or not.
    Look(Which),
    /// Every open order of a symbol that is not conditional.
    Orders(SymbolId),
    /// Every stop and target of a symbol that waits.
    Conditionals(SymbolId),
    /// Positions of every symbol.
    Positions,
    /// What the account holds in USDT.
    Balance,
    /// Our trades of a symbol in ascending order, at most [`MOST_TRADES`].
    Trades {
        /// Whose.
        symbol: SymbolId,
        /// The first.
        from: From,
    },
    /// How the account trades.
    Modes,
    /// How it trades a symbol.
    SymbolModes(SymbolId),
    /// One position a symbol, not one a side.
    SetOneWay,
    /// A position's own margin and no more is at stake.
    SetIsolated(SymbolId),
    /// Notional divided by margin.
    SetLeverage(SymbolId, u32),
    /// The key of the account's stream: a new one, or the one that lives with more time.
    OpenStream,
    /// More time for it.
    ExtendStream,
}

/// Trades in one answer, at most.
pub const MOST_TRADES: usize = 1000;

/// An order by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Which {
    /// Ours.
    pub id: ClientId,
    /// Its market.
    pub symbol: SymbolId,
    /// Whether it is a stop or a target: some exchanges keep them apart.
    pub conditional: bool,
}

/// From which trade on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum From {
    /// From this number on, it included.
    Trade(u64),
    /// From this moment on, at most a week.
    Time(Timestamp),
}

/// How a request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Method {
    Get,
    Post,
    Put,
    Delete,
}

/// A wish in the exchange's words, before it has a time and a signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// How it is sent.
    pub method: Method,
    /// Behind the REST address, without a query.
    pub path: &'static str,
    /// The query so far, percent-encoded.
    pub query: String,
    /// Whether it needs a signature; else the key alone.
    pub signed: bool,
    /// What it costs of the limit on requests.
    pub weight: u32,
    /// What it costs of the limit on orders.
    pub orders: u32,
}

/// A request as it is sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed {
    /// How.
    pub method: Method,
    /// Path and query behind the REST address.
    pub path: String,
    /// Headers besides the usual ones.
    pub headers: Vec<(&'static str, String)>,
}

/// Without key and signature.
impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.split('?').next().unwrap_or_default();
        f.debug_struct("Signed").field("method", &self.method).field("path", &path).finish_non_exhaustive()
    }
}

/// What opens an account. Never shown: its `Debug` has no letter of it.
#[derive(Clone)]
pub struct Keys {
    pub(super) key: String,
    pub(super) secret: ring::hmac::Key,
}

impl Keys {
    /// A key and its secret, for exchanges that sign by HMAC-SHA256.
    #[must_use]
    pub fn new(key: String, secret: &str) -> Self {
        Self { key, secret: ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes()) }
    }

    /// Whether a text shows the key. The secret itself is not kept.
    #[must_use]
    pub fn are_in(&self, text: &str) -> bool {
        !self.key.is_empty() && text.contains(&self.key)
    }

    /// Writes asterisks over the key, wherever bytes show it.
    pub fn hide_in(&self, bytes: &mut [u8]) {
        hide(bytes, self.key.as_bytes(), |_| false);
    }
}

/// Writes asterisks over a text, wherever bytes show it, and over those that follow it as long as `goes_on`.
pub fn hide(bytes: &mut [u8], text: &[u8], goes_on: impl Fn(u8) -> bool) {
    let Some(&first) = text.first() else { return };
    let mut from = 0;
    while let Some(at) = bytes.get(from..).and_then(|rest| rest.iter().position(|byte| *byte == first)) {
        let begin = from + at;
        from = begin + 1;
        if bytes[begin..].starts_with(text) {
            let rest = &bytes[begin + text.len()..];
            from = begin + text.len() + rest.iter().take_while(|byte| goes_on(**byte)).count();
            bytes[begin..from].fill(b'*');
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(hidden)")
    }
}

/// What answers a [`Wish`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // as the wishes
pub enum Reply {
    /// What the exchange has of an order that was placed, cancelled or looked up.
    Order(OrderView),
    Orders(Vec<OrderView>),
    /// Those that are not zero, of configured symbols, and how many others there are.
    Positions(Vec<PositionView>, usize),
    Balance(Decimal),
    Trades(Vec<AccountTrade>),
    Modes(Modes),
    SymbolModes(SymbolModes),
    /// It is so now, or was so already.
    Done,
    Stream(String),
}

/// An order as the exchange sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderView {
    /// Whose name it has: ours, where it can be one of ours.
    pub id: Option<ClientId>,
    /// The name as the exchange has it, for what is not ours.
    pub name: String,
    /// The exchange's number.
    pub number: u64,
    /// The number of the order that carries on for a stop or target that fired.
    pub spawned: Option<u64>,
    /// Whether it is a stop or a target.
    pub conditional: bool,
    /// Its market.
    pub symbol: SymbolId,
    /// Buy or sell.
    pub side: OrderSide,
    /// `None` for kinds that we never send.
    pub kind: Option<OrderKind>,
    /// Whole, in base units; 0 where it is the position's.
    pub qty: Decimal,
    /// Executed so far, in base units.
    pub filled: Decimal,
    /// May only reduce.
    pub reduce_only: bool,
    /// What became of it.
    pub status: Status,
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// It waits, perhaps filled in part.
    Open,
    /// A stop or target has fired, and no order of it is seen yet. For more than a few seconds that is no protection.
    Triggering,
    /// A stop or target has fired, and another order carries on.
    Triggered,
    /// Nothing is left of it; for a conditional one, of what it spawned either.
    Filled,
    /// By us or by hand. What was filled before, stays.
    Cancelled,
    /// By the exchange. What was filled before, stays.
    Expired,
    /// The exchange would not have it after all.
    Rejected,
}

impl Status {
    /// Whether nothing more can come of it.
    #[must_use]
    pub const fn is_over(self) -> bool {
        match self {
            Self::Open | Self::Triggering | Self::Triggered => false,
            Self::Filled | Self::Cancelled | Self::Expired | Self::Rejected => true,
        }
    }
}

/// A trade of the account, under the exchange's number of its order: the name stands elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountTrade {
    /// The exchange's number of the order.
    pub order: u64,
    /// The trade's number; the same by stream and by request (S6).
    pub trade_id: u64,
    /// The market.
    pub symbol: SymbolId,
    /// Buy or sell.
    pub side: OrderSide,
    /// In base units, above 0.
    pub qty: Decimal,
    /// In USDT, above 0.
    pub price: Decimal,
    /// What was paid for it.
    pub fee: Fee,
    /// When.
    pub at: Timestamp,
}

/// What was paid for a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fee {
    /// In USDT, or a credit that is worth one.
    Usdt(Decimal),
    /// In another coin, so the account's balance says nothing of it.
    Other(Decimal),
}

impl AccountTrade {
    /// The fill of one of our orders; a fee in another coin counts as none, and the balance is right all the same.
    #[must_use]
    pub const fn fill(&self, id: ClientId) -> Fill {
        let Self { trade_id, symbol, side, qty, price, at, .. } = *self;
        let fee = match self.fee {
            Fee::Usdt(fee) => fee,
            Fee::Other(_) => Decimal::ZERO,
        };
        Fill { id, trade_id, symbol, side, qty, price, fee, at }
    }
}

/// How the account trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modes {
    /// One position a side: we cannot trade so.
    pub hedge: bool,
    /// One margin for all coins: positions cannot have a margin of their own.
    pub multi_assets: bool,
    /// Whether it may trade.
    pub can_trade: bool,
}

impl Modes {
    /// Why the bot cannot trade it, and what a person has to do; `None` where it can.
    #[must_use]
    pub const fn refused(&self) -> Option<&'static str> {
        if self.hedge {
            Some("the account is in hedge mode: set its position mode to one-way at the exchange, with nothing open")
        } else if self.multi_assets {
            Some("the account is in multi-assets mode: set it to single-asset mode at the exchange")
        } else if self.can_trade {
            None
        } else {
            Some("the account may not trade, says the exchange")
        }
    }
}

/// How the account trades a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SymbolModes {
    /// A position's own margin and no more is at stake.
    pub isolated: bool,
    /// Notional divided by margin.
    pub leverage: u32,
    /// Largest notional at that leverage, in USDT, where the exchange says it.
    pub max_notional: Option<Decimal>,
}

/// What a key may do, besides reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    /// Trade futures.
    pub futures: bool,
    /// Send money away: no key of a bot may.
    pub withdraw: bool,
    /// Move money between accounts.
    pub transfer: bool,
    /// Only from addresses that were named.
    pub by_address: bool,
}

/// One thing that the account's stream says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// An order has changed, perhaps by a trade.
    Order(OrderView, Option<AccountTrade>),
    /// A trade by the exchange's own order: it closed a position, or a part of it.
    Forced(Force, AccountTrade),
    /// What the account holds has changed; only what has changed is there.
    Account {
        /// Why, in one word of the exchange's.
        reason: String,
        /// What it holds in USDT.
        balance: Option<Decimal>,
        /// Positions of configured symbols; those that are closed have no quantity and stand in `closed`.
        positions: Vec<PositionView>,
        /// Symbols without a position.
        closed: Vec<SymbolId>,
    },
    /// A position paid or received for being held over a funding time.
    Funding {
        /// The market; `None` where it is not configured or not said.
        symbol: Option<SymbolId>,
        /// In USDT; positive is paid, negative is received.
        amount: Decimal,
        /// When.
        at: Timestamp,
    },
    /// Leverage was changed, by us or by hand.
    Leverage(SymbolId, u32),
    /// The exchange warns of a liquidation.
    MarginCall,
    /// Nothing more comes under this key.
    Expired,
    /// Of no use: a copy, or about a symbol that is not configured.
    Nothing,
    /// A kind of message that this version does not know.
    Unknown,
}

/// Why the exchange closed a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Force {
    Liquidation,
    Deleveraging,
    Delisting,
}
