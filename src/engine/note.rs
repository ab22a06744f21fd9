//! What the engine has to say; the shell makes the text.

use super::{halt::Halt, positions::Trade, skip::Skip};
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
    /// A limit stops entries until the UTC day ends; said once a day.
    DayLimit {
        /// Which.
        why: Skip,
        /// When entries are allowed again.
        until: Timestamp,
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
    /// The stop cannot be placed; the position is closed at the market.
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
    /// Trading is limited.
    Halted(Halt),
    /// The venue closed a position, or a part of it, by force.
    Liquidated {
        /// Whose.
        symbol: SymbolId,
        /// How much.
        qty: Decimal,
        /// At which price.
        price: Decimal,
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
