//! The trading half: accounts, their orders and positions, and what their streams say. Pure, as everything here; deterministic by seed.
//!
//! | file | what it holds |
//! |---|---|
//! | `auth`, `keys`, `route` | who asks, keys of streams, which path does what |
//! | `terms`, `text`, `placing`, `amend`, `stops`, `cancel`, `batch` | orders as requests want them, and whether they are taken |
//! | `order`, `algo`, `ledger` | an order, an algo order, an account |
//! | `trading`, `beat`, `margin` | trades, time, what positions need |
//! | `answers`, `lists`, `modes`, `events` | what requests and streams say |
//! | `acts`, `record` | what the exchange or a hand does to an account, and what an observer reads |
//!
//! **Money** is booked as in [`crate::simulation::matching`]: a position keeps its cost, fees round against the trader, and a wallet is what
//! was paid in, plus results, minus fees and funding, to the last digit. The rest of that model is not used: it walks candles and knows
//! neither a book nor parts, times in force, trailing, or several accounts.
//!
//! **What is simpler than the real exchange.** Positions have one side; hedge mode can be set, but no order is taken in it. There is one
//! coin. Nobody else's orders wait before ours, and ours do not change the market. An isolated position's margin changes by trades and
//! funding alone, and fees are paid from the wallet.

mod acts; // what the exchange or a hand does
mod algo; // an algo order
mod amend; // an order changes
mod answers; // the account as a whole
mod auth; // key, time, signature
mod batch; // several orders in one request
mod beat; // as time goes on
mod cancel; // orders are taken back
mod events; // what the account's stream says
mod keys; // keys of streams
mod ledger; // an account
mod lists; // orders, trades, income
mod margin; // what positions and orders need
mod modes; // leverage and other settings
mod order; // an order
mod placing; // orders come
mod record; // what happened, for an observer
mod route; // which path does what
mod stops; // algo orders come, fire and end
mod terms; // an order's rules
mod text; // decimals as text
mod trading; // trades

pub use ledger::View;
pub use ledger::{ORDERS_1M, ORDERS_10S};
pub use record::{Entry, What};
pub use route::{Asked, Done, no_such_path, weight};
pub use terms::{MOST_ALGOS, MOST_MARKET_STEPS, MOST_ORDERS, MOST_STEPS, MOST_TICKS, place};
pub use text::number;

use super::{pulse::News, tape::Tape};
use crate::market::Timestamp;
use keys::ListenKeys;
use ledger::{Account, Log};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// An account as the exchange opens it.
#[derive(Clone)]
pub struct Opening {
    /// Its key: letters and digits.
    pub key: String,
    /// What its requests are signed with.
    pub secret: String,
    /// What it holds at first, in USDT.
    pub balance: Decimal,
}

/// Without key and secret.
impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opening").field("balance", &self.balance).finish_non_exhaustive()
    }
}

/// What goes wrong with the next order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mishap {
    /// It fills in so many parts, one a beat.
    pub parts: Option<u32>,
    /// It expires half filled, where it is a market order.
    pub half: bool,
    /// An algo order is refused.
    pub refused: bool,
    /// An algo order that fires never gets an order.
    pub stuck: bool,
}

/// All accounts of an exchange.
#[derive(Debug)]
pub struct Desk {
    accounts: Vec<Account>,
    log: Log,
    keys: ListenKeys,
    /// Requests are refused until then.
    closed_until: Option<Timestamp>,
}

/// Something for the streams that hold a key.
#[derive(Debug, PartialEq)]
pub struct Said {
    /// The key.
    pub key: String,
    /// What.
    pub value: Value,
}

impl Desk {
    /// Accounts with their first balance.
    pub fn new(openings: Vec<Opening>, tapes: &[Tape], seed: u64) -> Self {
        let keys = ListenKeys::new(openings.len(), seed);
        let accounts: Vec<Account> =
            openings.into_iter().enumerate().map(|(index, opening)| Account::new(index, opening, tapes)).collect();
        Self { accounts, log: Log::new(), keys, closed_until: None }
    }

    /// Whether there are accounts.
    pub const fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.accounts.len()
    }

    /// What happened from a number on.
    pub fn record(&self, from: u64) -> impl Iterator<Item = &Entry> {
        self.log.record.from(from)
    }

    /// Plays a beat that began at `before`.
    pub fn beat(&mut self, view: View<'_>, before: Timestamp, news: &[News]) {
        let path = |place: usize| news.get(place).map(|news| news.beat.path.clone()).unwrap_or_default();
        for account in self.accounts.iter_mut().filter(|account| !account.is_idle()) {
            account.beat(view, &mut self.log, before, &path);
        }
    }

    /// What streams are to say since the last call, with the keys that are over at `now`.
    pub fn said(&mut self, now: Timestamp) -> Vec<Said> {
        let said = std::mem::take(&mut self.log.said);
        let of_account = |(account, value)| Some(Said { key: self.keys.of(account)?.to_owned(), value });
        let mut said: Vec<Said> = said.into_iter().filter_map(of_account).collect();
        for account in self.keys.over(now) {
            said.extend(self.expire_key(now, account));
        }
        said
    }

    /// Ends an account's key; what its streams hear of it.
    fn expire_key(&mut self, now: Timestamp, account: usize) -> Option<Said> {
        let key = self.keys.close(account)?;
        let value = json!({ "e": "listenKeyExpired", "E": now.0, "listenKey": key });
        Some(Said { key, value })
    }

    /// # Panics
    ///
    /// Where money was made or lost, or a list outgrew its limit.
    pub fn check(&self) {
        self.accounts.iter().for_each(Account::check);
    }
}
