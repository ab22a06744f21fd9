//! What the engine has to say; the shell makes the text.

use super::{
    breakers::{Breaker, Tripped},
    positions::Trade,
    quarantine::Failure,
    skip::Skip,
};
use crate::{
    market::{Class, ClientId, Side, SymbolId, Timestamp},
    strategies::Cause,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Something worth a line in the log. Prices and amounts in USDT.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Note {
    /// A position was opened.
    Entry(Entry),
    /// A position, or a part of it, was closed.
    Exit(Trade),
    /// A signal was not taken.
    Skipped {
        /// Whose.
        symbol: SymbolId,
        /// The strategy's place in the configured list.
        strategy: u16,
        /// Why.
        why: Skip,
        /// The close that raised it.
        price: f64,
    },
    /// Listed signals came too late for any candle, or before another within one.
    PassedOver {
        /// Whose.
        symbol: SymbolId,
        /// The strategy's place in the configured list.
        strategy: u16,
        /// How many.
        count: u64,
    },
    /// A limit stops entries; said once, and again only after it had cleared.
    Limit {
        /// Which.
        why: Skip,
        /// Where it holds for one symbol only.
        symbol: Option<SymbolId>,
        /// Where it is known when entries are allowed again.
        until: Option<Timestamp>,
    },
    /// The data of a symbol has no volume, so that condition is dropped.
    NoVolume(SymbolId),
    /// A venue refused an order.
    Refused {
        /// The order.
        id: ClientId,
        /// Its market.
        symbol: SymbolId,
        /// The venue's number.
        code: i32,
        /// What it means.
        class: Class,
    },
    /// An order is in doubt: no entries until it is known what became of it.
    InDoubt {
        /// The order.
        id: ClientId,
        /// Its market.
        symbol: SymbolId,
    },
    /// A fill of an order that is not ours; it is left alone, and no entries follow until the account is proven (S15).
    NotOurs {
        /// The order.
        id: ClientId,
        /// Its market.
        symbol: SymbolId,
    },
    /// No stop can be had; the position is closed at the market.
    Unprotected(SymbolId),
    /// The trailing stop moved.
    StopMoved {
        /// Whose.
        symbol: SymbolId,
        /// Where to.
        stop: Decimal,
    },
    /// Funding was paid, or received where negative.
    Funding {
        /// By whose position.
        symbol: SymbolId,
        /// How much.
        amount: Decimal,
    },
    /// A limit or a circuit breaker limits trading; said once until it resets.
    Tripped(Tripped),
    /// It does so no more.
    Reset(Breaker),
    /// The venue closed a position, or a part of it, by force.
    Liquidated {
        /// Whose.
        symbol: SymbolId,
        /// How much.
        qty: Decimal,
        /// At which price.
        price: Decimal,
    },
    /// A symbol has failed too often and gets no entries for a while.
    Quarantined {
        /// Whose.
        symbol: SymbolId,
        /// By what.
        failure: Failure,
        /// When it ends.
        until: Timestamp,
    },
    /// That is over.
    QuarantineOver(SymbolId),
    /// No stop of a position's size has stood at the exchange for too long (S2): another one is tried, or it is closed.
    Uncovered(SymbolId),
    /// A symbol has an order or a position that is not ours: left alone, and no entries there meanwhile (S15).
    Foreign(SymbolId),
    /// It has none any more.
    ForeignOver(SymbolId),
    /// A position of ours, or a part of it, is not there any more, and no order of ours closed it. Booked at the last known price.
    ClosedOutside {
        /// Whose.
        symbol: SymbolId,
        /// How much.
        qty: Decimal,
        /// At which price.
        price: Decimal,
    },
    /// The exchange's balance is another than ours, and is adopted.
    Adjusted {
        /// The exchange's.
        balance: Decimal,
        /// What it adds to ours.
        by: Decimal,
    },
}

/// A position that was opened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)] // as in the log line
pub struct Entry {
    pub symbol: SymbolId,
    pub side: Side,
    pub qty: Decimal,
    pub price: Decimal,
    pub stop: Decimal,
    pub target: Decimal,
    /// What the stop would lose.
    pub risk: Decimal,
    /// The strategy's place in the configured list.
    pub strategy: u16,
    pub cause: Cause,
    pub at: Timestamp,
}
