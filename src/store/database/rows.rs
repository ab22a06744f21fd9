//! What can be read back besides the memory, and how long it is kept.

use super::{Database, error::Cause, error::StoreError};
use crate::{
    market::Timestamp,
    store::{Said, SaidKind, Sample, TradeRow},
};
use rusqlite::{Params, Row, params};
use rust_decimal::Decimal;

impl Database {
    /// Trades that ended at this moment or later, in the order of their ends.
    pub fn trades(&self, since: Timestamp) -> Result<Vec<TradeRow>, StoreError> {
        let select = format!("SELECT {} FROM trades WHERE exit_time_ms >= ?1 ORDER BY number", TradeRow::COLUMNS);
        self.rows(&select, [since.0], trade)
    }

    /// How the bot was from this moment of the wall clock on, oldest first.
    pub fn samples(&self, since_ms: i64) -> Result<Vec<Sample>, StoreError> {
        self.rows("SELECT * FROM samples WHERE at_ms >= ?1 ORDER BY at_ms", [since_ms], sample)
    }

    /// How the bot was last.
    pub fn last_sample(&self) -> Result<Option<Sample>, StoreError> {
        Ok(self.rows("SELECT * FROM samples ORDER BY at_ms DESC LIMIT 1", [], sample)?.pop())
    }

    /// The most memory of the samples from this moment of the wall clock on, in kilobytes.
    pub fn peak_kb(&self, since_ms: i64) -> Result<Option<u64>, StoreError> {
        let select = "SELECT max(memory_kb) FROM samples WHERE at_ms >= ?1";
        let peak = self.rows(select, [since_ms], |row| Ok(row.get::<_, Option<i64>>(0)?))?.pop().flatten();
        Ok(peak.map(i64::cast_unsigned))
    }

    /// Reads all that `read` asks for as of one moment, whatever is written meanwhile.
    pub fn at_one_moment<T>(&self, read: impl FnOnce(&Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.looking(|connection| Ok(connection.execute_batch("BEGIN")?))?;
        let found = read(self);
        self.looking(|connection| Ok(connection.execute_batch("COMMIT")?))?;
        found
    }

    /// The last lines of a kind, newest first.
    pub fn said(&self, kind: SaidKind, limit: u32) -> Result<Vec<Said>, StoreError> {
        let select = "SELECT at_ms, text FROM said WHERE kind = ?1 ORDER BY number DESC LIMIT ?2";
        self.rows(select, params![kind.name(), limit], |row| Ok(Said { at_ms: row.get(0)?, kind, text: row.get(1)? }))
    }

    /// Lets go of samples, lines and runs from before a moment of the wall clock. The latest run stays, and so does everything about money.
    pub fn forget(&mut self, before_ms: i64) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute("DELETE FROM samples WHERE at_ms < ?1", [before_ms])?;
            transaction.execute("DELETE FROM said WHERE at_ms < ?1", [before_ms])?;
            let runs = "DELETE FROM runs WHERE coalesce(ended_ms, started_ms) < ?1 AND number < (SELECT max(number) FROM runs)";
            transaction.execute(runs, [before_ms])?;
            Ok(())
        })
    }

    pub(super) fn rows<T>(
        &self,
        select: &str,
        values: impl Params,
        read: impl FnMut(&Row<'_>) -> Result<T, Cause>,
    ) -> Result<Vec<T>, StoreError> {
        self.looking(|connection| connection.prepare(select)?.query_and_then(values, read)?.collect())
    }
}

fn trade(row: &Row<'_>) -> Result<TradeRow, Cause> {
    Ok(TradeRow {
        symbol: row.get(0)?,
        strategy: row.get(1)?,
        side: row.get(2)?,
        entry_time: Timestamp(row.get(3)?),
        entry_price: decimal(row, 4)?,
        qty: decimal(row, 5)?,
        exit_time: Timestamp(row.get(6)?),
        exit_price: decimal(row, 7)?,
        reason: row.get(8)?,
        gross: decimal(row, 9)?,
        fees: decimal(row, 10)?,
        funding: decimal(row, 11)?,
        pnl: decimal(row, 12)?,
        r: decimal(row, 13)?,
        balance: decimal(row, 14)?,
    })
}

fn sample(row: &Row<'_>) -> Result<Sample, Cause> {
    let reasons = row.get::<_, String>(7)?;
    Ok(Sample {
        at_ms: row.get(0)?,
        market: Timestamp(row.get(1)?),
        balance: decimal(row, 2)?,
        equity: decimal(row, 3)?,
        open: row.get(4)?,
        trades: row.get::<_, i64>(5)?.cast_unsigned(),
        status: row.get(6)?,
        reasons: serde_json::from_str(&reasons).map_err(|_| Cause::corrupt(format!("`{reasons}` are no reasons")))?,
        uptime_s: row.get::<_, i64>(8)?.cast_unsigned(),
        memory_kb: row.get::<_, i64>(9)?.cast_unsigned(),
    })
}

/// A decimal from a column of text.
pub(super) fn decimal(row: &Row<'_>, column: usize) -> Result<Decimal, Cause> {
    let text: String = row.get(column)?;
    Decimal::from_str_exact(&text).map_err(|_| Cause::corrupt(format!("`{text}` is no number")))
}
