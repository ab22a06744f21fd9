//! The trading half: accounts, their orders and positions, and what their streams say.

mod record; // what happened, for an observer

pub use record::{Entry, What};

use rust_decimal::Decimal;

/// An account as the exchange opens it.
#[derive(Clone)]
pub struct Opening {
    /// Its key.
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
