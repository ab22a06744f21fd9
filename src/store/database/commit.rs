//! One batch, one transaction.

use super::{Database, body, error::Cause, error::StoreError, now_ms, runs::put_halt};
use crate::{
    engine::{Record, Trade},
    market::{Fill, FundingPaid, OrderKind, OrderRequest, OrderSide, Symbol, SymbolId},
    store::{Batch, Names, Said, SaidKind, Sample, TradeRow, plug},
};
use rusqlite::{Transaction, params};

/// How many lines of each kind are kept.
const SAID_KEPT: i64 = 200;

impl Database {
    /// Makes a batch durable: all of it is on the disk when this returns, and nothing of it where it fails.
    ///
    /// An intent whose name is there already is refused with its whole batch (S1, S5); a fill that is there already is passed over (S6).
    pub fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.write(|transaction| put(transaction, batch))
    }
}

/// All of a batch, as a part of a transaction.
pub fn put(transaction: &Transaction<'_>, batch: &Batch) -> Result<(), Cause> {
    plug("in a commit, before its records");
    let (saved_ms, names) = (now_ms(), &batch.memory.names);
    for record in &batch.records {
        match record {
            Record::Intent(request) => intent(transaction, request, names, saved_ms)?,
            Record::Fill(told) => fill(transaction, told, names)?,
            Record::Trade(closed) => trade(transaction, closed, names)?,
            Record::Funding(paid) => funding(transaction, paid, names)?,
        }
    }
    plug("in a commit, between records and state");
    let body = body::pack(&batch.memory)?;
    let memory = "INSERT OR REPLACE INTO memory (id, saved_ms, body) VALUES (1, ?1, ?2)";
    transaction.execute(memory, params![saved_ms, body])?;
    batch.said.iter().try_for_each(|line| said(transaction, line))?;
    batch.sample.iter().try_for_each(|taken| sample(transaction, taken))?;
    batch.halt.iter().try_for_each(|halt| put_halt(transaction, halt))
}

fn intent(transaction: &Transaction<'_>, request: &OrderRequest, names: &Names, saved_ms: i64) -> Result<(), Cause> {
    let OrderRequest { id, symbol, side, kind, qty, reduce_only } = request;
    let (kind, trigger) = match kind {
        OrderKind::Market => ("market", None),
        OrderKind::StopMarket { trigger } => ("stop", Some(trigger.to_string())),
        OrderKind::TakeProfitMarket { trigger } => ("target", Some(trigger.to_string())),
        OrderKind::Limit { price, .. } => ("limit", Some(price.to_string())),
    };
    let (symbol, side, qty) = (symbol_of(names, *symbol)?.as_str(), side_name(*side), qty.to_string());
    let values = params![id.as_str(), symbol, side, kind, trigger, qty, reduce_only, saved_ms];
    let done = transaction.execute("INSERT INTO intents VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", values);
    done.map(drop).map_err(|error| match Cause::from(error) {
        cause if cause.is_constraint() => Cause::broken(format!("the intent {id} is there already")),
        cause => cause,
    })
}

fn fill(transaction: &Transaction<'_>, fill: &Fill, names: &Names) -> Result<(), Cause> {
    let Fill { id, trade_id, symbol, side, qty, price, fee, at } = fill;
    let symbol = symbol_of(names, *symbol)?.as_str();
    let [qty, price, fee] = [qty, price, fee].map(|number| number.to_string());
    // the venue's number may use all 64 bits, of which SQLite takes the highest for a sign
    let values = params![symbol, trade_id.cast_signed(), id.as_str(), side_name(*side), qty, price, fee, at.0];
    let insert = "INSERT INTO fills VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (symbol, trade_id) DO NOTHING";
    transaction.execute(insert, values)?;
    Ok(())
}

fn trade(transaction: &Transaction<'_>, trade: &Trade, names: &Names) -> Result<(), Cause> {
    let strategy = names.strategies.get(usize::from(trade.strategy));
    let strategy = strategy.ok_or_else(|| Cause::broken("a trade of a strategy without a name"))?;
    let row = TradeRow::new(trade, symbol_of(names, trade.symbol)?, strategy);
    let places = "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15";
    let insert = format!("INSERT INTO trades ({}) VALUES ({places})", TradeRow::COLUMNS);
    transaction.execute(&insert, row.cells())?;
    Ok(())
}

fn funding(transaction: &Transaction<'_>, paid: &FundingPaid, names: &Names) -> Result<(), Cause> {
    let values = params![symbol_of(names, paid.symbol)?.as_str(), paid.amount.to_string(), paid.at.0];
    transaction.execute("INSERT INTO funding (symbol, amount, at_ms) VALUES (?1, ?2, ?3)", values)?;
    Ok(())
}

fn said(transaction: &Transaction<'_>, line: &Said) -> Result<(), Cause> {
    let kind = line.kind.name();
    transaction
        .execute("INSERT INTO said (at_ms, kind, text) VALUES (?1, ?2, ?3)", params![line.at_ms, kind, line.text])?;
    let surplus = "DELETE FROM said WHERE kind = ?1 AND number <= (
        SELECT number FROM said WHERE kind = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)";
    transaction.execute(surplus, params![kind, SAID_KEPT])?;
    Ok(())
}

fn sample(transaction: &Transaction<'_>, sample: &Sample) -> Result<(), Cause> {
    let Sample { at_ms, market, balance, equity, open, trades, status, reasons, uptime_s, memory_kb } = sample;
    let reasons = serde_json::to_string(reasons).map_err(|why| Cause::broken(why.to_string()))?;
    let [balance, equity] = [balance, equity].map(|amount| amount.to_string());
    let [trades, uptime_s, memory_kb] = [trades, uptime_s, memory_kb].map(|number| number.cast_signed());
    let values = params![at_ms, market.0, balance, equity, open, trades, status, reasons, uptime_s, memory_kb];
    transaction.execute("INSERT OR REPLACE INTO samples VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)", values)?;
    Ok(())
}

fn symbol_of(names: &Names, symbol: SymbolId) -> Result<&Symbol, Cause> {
    names.symbols.get(symbol.index()).ok_or_else(|| Cause::broken("a record of a symbol without a name"))
}

const fn side_name(side: OrderSide) -> &'static str {
    match side {
        OrderSide::Buy => "buy",
        OrderSide::Sell => "sell",
    }
}

impl SaidKind {
    /// As the table has it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Signal => "signal",
            Self::Trouble => "trouble",
        }
    }
}
