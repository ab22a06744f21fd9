//! `bot trades`: the trades of a data directory, as a table, as `trades.csv` has them, or as JSON.

use super::{
    earnings::{Earnings, signed},
    layout::{To, columns},
    looking::{self, print, print_json},
    status,
    text::{market_time, rounded},
};
use crate::{
    cli::Trades,
    market::Timestamp,
    moment::{Moment, parse_since},
    store::{Database, StoreError, TradeRow},
};
use rust_decimal::Decimal;
use serde::Serialize;
use std::collections::BTreeMap;

/// Prints the trades.
///
/// # Errors
///
/// There is no account, it can't be read, or `--since` is no time.
pub fn trades(wish: &Trades) -> Result<u8, String> {
    let (_, database) = looking::open(&wish.whose)?;
    let now = market_now(&database).map_err(|error| error.to_string())?;
    let since = wish.since.as_deref().map(|text| since(text, now)).transpose()?;
    let rows = database.trades(since.unwrap_or(Timestamp(i64::MIN))).map_err(|error| error.to_string())?;
    Ok(print(|out| match (wish.csv, wish.json) {
        (true, _) => {
            writeln!(out, "{}", TradeRow::COLUMNS)?;
            rows.iter().try_for_each(|row| writeln!(out, "{row}"))
        }
        (_, true) => rows.iter().try_for_each(|row| print_json(out, &Object::from(row))),
        (false, false) => table(&rows, since).iter().try_for_each(|line| writeln!(out, "{line}")),
    }))
}

/// How far the account's market has come.
pub fn market_now(database: &Database) -> Result<Timestamp, StoreError> {
    let (memory, sample) = (database.memory()?, database.last_sample()?);
    Ok(status::market_time(memory.as_ref(), sample.as_ref()).unwrap_or_default())
}

/// `--since`.
fn since(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    parse_since(text, now).ok_or_else(|| {
        format!(
            "--since {text}: write a market time in UTC, like 2025-01-31 or 2025-01-31T12:30, or how far back from the account's, like 7d \
             or 12h"
        )
    })
}

/// For a person: the newest last, and their sum. Strategy, R and balance are left to the other forms, so that a line has 80 columns.
fn table(rows: &[TradeRow], since: Option<Timestamp>) -> Vec<String> {
    if rows.is_empty() {
        let since = since.map_or_else(String::new, |since| format!(" since {}", market_time(since)));
        return vec![format!("No trades{since}")];
    }
    let digits = digits(rows);
    let head = ["closed (UTC)", "side", "symbol", "qty", "entry", "exit", "by", "P&L"].map(str::to_owned);
    let cells = rows.iter().map(|row| cells(row, digits.get(row.symbol.as_str()).copied().unwrap_or(0)));
    let cells: Vec<_> = std::iter::once(head).chain(cells).collect();
    let to = [To::Left, To::Left, To::Left, To::Right, To::Right, To::Right, To::Left, To::Right];
    let mut lines = columns(to, &cells);
    let sum = |part: fn(&TradeRow) -> Decimal| signed(rows.iter().map(part).sum());
    lines.push(String::new());
    lines.push(Earnings::of(rows).line());
    let [gross, fees, funding] = [sum(|row| row.gross), sum(|row| -row.fees), sum(|row| -row.funding)];
    lines.push(format!("  of it price {gross}, fees {fees}, funding {funding}"));
    lines
}

fn cells(row: &TradeRow, digits: u32) -> [String; 8] {
    let price = |price| format!("{:.*}", digits as usize, rounded(price, digits));
    let closed = market_time(row.exit_time).trim_end_matches(" UTC").to_owned();
    let coin = row.symbol.split('/').next().unwrap_or_default().to_owned();
    let (qty, entry, exit) = (row.qty.to_string(), price(row.entry_price), price(row.exit_price));
    [closed, row.side.clone(), coin, qty, entry, exit, row.reason.clone(), signed(row.pnl)]
}

/// Digits of each symbol's prices. An exit is on the tick; an entry in parts has an average price of many more.
fn digits(rows: &[TradeRow]) -> BTreeMap<&str, u32> {
    let mut digits = BTreeMap::new();
    for row in rows {
        let most = digits.entry(row.symbol.as_str()).or_insert(0);
        *most = row.exit_price.scale().max(*most);
    }
    digits
}

/// A trade as programs read it: the columns of `trades.csv` by their names, decimals as strings, moments in two forms.
#[derive(Serialize)]
struct Object<'a> {
    symbol: &'a str,
    strategy: &'a str,
    side: &'a str,
    entry_time: Moment,
    entry_price: Decimal,
    qty: Decimal,
    exit_time: Moment,
    exit_price: Decimal,
    reason: &'a str,
    gross: Decimal,
    fees: Decimal,
    funding: Decimal,
    pnl: Decimal,
    r: Decimal,
    balance: Decimal,
}

impl<'a> From<&'a TradeRow> for Object<'a> {
    fn from(row: &'a TradeRow) -> Self {
        Self {
            symbol: &row.symbol,
            strategy: &row.strategy,
            side: &row.side,
            entry_time: row.entry_time.into(),
            entry_price: row.entry_price,
            qty: row.qty,
            exit_time: row.exit_time.into(),
            exit_price: row.exit_price,
            reason: &row.reason,
            gross: row.gross,
            fees: row.fees,
            funding: row.funding,
            pnl: row.pnl,
            r: row.r,
            balance: row.balance,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::{Reason, Trade},
        run::rig::{self, dec},
    };

    fn rows() -> Vec<TradeRow> {
        let parts = Trade { entry_price: dec("113500.33333333"), ..rig::trade(Reason::Liquidation) };
        let won = Trade { exit_price: dec("115770"), gross: dec("9.08"), ..rig::trade(Reason::Target) };
        [parts, won].iter().map(|trade| TradeRow::new(trade, &rig::btc(), "oversold_bounce")).collect()
    }

    #[test]
    fn a_person_reads_a_table_with_its_sum() {
        let want = "\
closed (UTC)      side  symbol    qty     entry      exit  by             P&L
2025-01-01 01:30  long  BTC     0.004  113500.3  111797.5  liquidation  -7.40
2025-01-01 01:30  long  BTC     0.004  113500.0  115770.0  target       +8.49

2 trades, 1 won (50.0 %), P&L +1.10 USDT
  of it price +2.27, fees -1.08, funding -0.09";
        assert_eq!(table(&rows(), None).join("\n"), want);
        assert_eq!(table(&[], None), ["No trades"]);
        assert_eq!(table(&[], Some(rig::START)), ["No trades since 2025-01-01 00:00 UTC"]);
    }

    #[test]
    fn a_program_reads_the_columns_by_their_names() {
        let row = &rows()[1];
        let json = serde_json::to_value(Object::from(row)).unwrap();
        let columns = TradeRow::COLUMNS.split(',').zip(row.cells());
        for (column, cell) in columns {
            let value = match column.strip_suffix("_ms") {
                Some(time) => json[time]["ms"].to_string(),
                None => json[column].as_str().unwrap().to_owned(),
            };
            assert_eq!(value, cell, "{column}");
        }
        assert_eq!(json.as_object().unwrap().len(), row.cells().len());
    }

    #[test]
    fn what_is_no_time_is_told_how_to_write_one() {
        assert_eq!(since("12h", Timestamp(43_200_000)), Ok(Timestamp(0)));
        let said = since("soon", Timestamp(0)).unwrap_err();
        assert!(
            said.starts_with("--since soon: write a market time in UTC, like 2025-01-31 or 2025-01-31T12:30,"),
            "{said}"
        );
        assert!(said.ends_with("like 7d or 12h"), "{said}");
    }
}
