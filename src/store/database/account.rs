//! Whose account it is, and what the bot knew when it last wrote.

use super::{Database, body, error::StoreError, rows::decimal};
use crate::store::Memory;
use rusqlite::{OptionalExtension, params};
use rust_decimal::Decimal;

/// The account that a store belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Which market it trades in, as the caller names it.
    pub market: String,
    /// What it began with, in USDT.
    pub capital: Decimal,
    /// When: wall clock, milliseconds since 1970.
    pub opened_ms: i64,
}

impl Database {
    /// The account; `None` in a new store.
    pub fn account(&self) -> Result<Option<Account>, StoreError> {
        self.looking(|connection| {
            let mut select = connection.prepare("SELECT market, capital, opened_ms FROM account")?;
            let mut rows = select.query([])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            Ok(Some(Account { market: row.get(0)?, capital: decimal(row, 1)?, opened_ms: row.get(2)? }))
        })
    }

    /// Says whose store it is; once.
    pub fn open_account(&mut self, account: &Account) -> Result<(), StoreError> {
        self.write(|transaction| {
            let Account { market, capital, opened_ms } = account;
            let values = params![market, capital.to_string(), opened_ms, env!("CARGO_PKG_VERSION")];
            transaction.execute("INSERT INTO account VALUES (1, ?1, ?2, ?3, ?4)", values)?;
            Ok(())
        })
    }

    /// The state of the last commit; `None` before the first.
    pub fn memory(&self) -> Result<Option<Memory>, StoreError> {
        self.looking(|connection| {
            let body =
                connection.query_row("SELECT body FROM memory", [], |row| row.get::<_, Vec<u8>>(0)).optional()?;
            body.map(|body| body::unpack(&body)).transpose()
        })
    }

    /// When the last commit was: wall clock, milliseconds since 1970.
    pub fn saved_ms(&self) -> Result<Option<i64>, StoreError> {
        let select = "SELECT saved_ms FROM memory";
        self.looking(|connection| Ok(connection.query_row(select, [], |row| row.get(0)).optional()?))
    }
}
