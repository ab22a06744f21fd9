//! The exchange's own record of what happened, which no fault touches: what an observer holds an account against.

use crate::market::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;
use std::collections::VecDeque;

/// Entries kept; older ones are forgotten.
pub const MOST_ENTRIES: usize = 200_000;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Counts up from 0 without holes.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// The account's place.
    pub account: usize,
    /// The market; empty where it is about none.
    pub symbol: String,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[allow(missing_docs)] // fields as the exchange names them
pub enum What {
    /// An order or an algo order came to be, or what it is has changed.
    Order {
        id: u64,
        client_id: String,
        algo: bool,
        side: &'static str,
        kind: &'static str,
        qty: Decimal,
        /// Limit or trigger; 0 for none.
        price: Decimal,
        reduce_only: bool,
        close_position: bool,
        status: &'static str,
        filled: Decimal,
        /// Not sent with the account's key: by hand, by the exchange, or fired.
        by: &'static str,
    },
    /// A trade.
    Fill {
        order: u64,
        client_id: String,
        trade: u64,
        side: &'static str,
        qty: Decimal,
        price: Decimal,
        fee: Decimal,
        realised: Decimal,
        maker: bool,
        reduce_only: bool,
    },
    /// What is held of the symbol from now on: negative for a short.
    Position { qty: Decimal, entry: Decimal },
    /// Funding; negative is paid.
    Funding { amount: Decimal },
    /// Paid in, or out where negative.
    Transfer { amount: Decimal },
    /// What is held in USDT from now on.
    Balance { wallet: Decimal },
    /// A setting, a fault or an act of the exchange, in words.
    Note { text: String },
}

/// The list.
#[derive(Debug, Default)]
pub struct Record {
    entries: VecDeque<Entry>,
    next: u64,
}

impl Record {
    /// Puts down what happened.
    pub fn add(&mut self, at: Timestamp, account: usize, symbol: &str, what: What) {
        if self.entries.len() == MOST_ENTRIES {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry { number: self.next, at, account, symbol: symbol.to_owned(), what });
        self.next += 1;
    }

    /// The number of the next entry.
    pub const fn end(&self) -> u64 {
        self.next
    }

    /// From a number on.
    pub fn from(&self, number: u64) -> impl Iterator<Item = &Entry> {
        let first = self.entries.front().map_or(0, |entry| entry.number);
        self.entries.range((number.saturating_sub(first) as usize).min(self.entries.len())..)
    }
}
