//! Candles by REST.

use super::{
    bar::Bar,
    query::{Query, Refusal, refused},
    tape::Tape,
};
use crate::market::{Timeframe, Timestamp};
use serde_json::{Value, json};

/// Candles in an answer at most, and where nothing is said.
const MOST: i64 = 1_500;
const USUAL: i64 = 500;

/// Whose candles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Last,
    Mark,
    Index,
}

/// Candles from `startTime` on, else the newest up to `endTime`; ascending, the last unfinished.
///
/// # Errors
///
/// For a bad interval, limit or range.
pub fn klines(now: Timestamp, tape: &Tape, query: &Query, kind: Kind) -> Result<Value, Refusal> {
    let timeframe: Timeframe = query.need("interval")?.parse().map_err(|_| refused(-1120, "Invalid interval."))?;
    let most = query.limit(USUAL, MOST)?;
    let (start, end) = query.range()?;
    let end = Timestamp(end.unwrap_or(i64::MAX)).min(now);
    let opens = match start {
        Some(start) => ascending(tape, timeframe, Timestamp(start), end, most),
        None => descending(tape, timeframe, end, most),
    };
    let rate = |open: Timestamp| tape.funding.expected(open);
    let rows = opens.into_iter().filter_map(|open| {
        let bar = tape.bar(timeframe, open, now)?;
        Some(match kind {
            Kind::Last => row(tape, timeframe, &bar),
            Kind::Mark => derived_row(timeframe, &bar, 1.0 - rate(open) / 2.0),
            Kind::Index => derived_row(timeframe, &bar, 1.0 - rate(open)),
        })
    });
    Ok(rows.collect())
}

/// The same by pair and contract type.
///
/// # Errors
///
/// As [`klines`], and -4108 for other contracts than perpetuals.
pub fn continuous(now: Timestamp, tape: &Tape, query: &Query) -> Result<Value, Refusal> {
    match query.need("contractType")? {
        "PERPETUAL" => klines(now, tape, query, Kind::Last),
        _ => Err(refused(-1130, "Data sent for parameter 'contractType' is not valid.")),
    }
}

fn ascending(tape: &Tape, timeframe: Timeframe, start: Timestamp, end: Timestamp, most: usize) -> Vec<Timestamp> {
    let mut opens = Vec::new();
    let mut at = start;
    while opens.len() < most
        && let Some(open) = tape.next_open(timeframe, at).filter(|open| *open <= end)
    {
        opens.push(open);
        at = open.plus_ms(1);
    }
    opens
}

fn descending(tape: &Tape, timeframe: Timeframe, end: Timestamp, most: usize) -> Vec<Timestamp> {
    let mut opens = Vec::new();
    let mut at = end;
    while opens.len() < most
        && let Some(open) = tape.last_open(timeframe, at)
    {
        opens.push(open);
        at = open.plus_ms(-1);
    }
    opens.reverse();
    opens
}

fn row(tape: &Tape, timeframe: Timeframe, bar: &Bar) -> Value {
    let candle = bar.candle;
    let price = |value| tape.price.text_of(value);
    json!([
        candle.open_time.0,
        price(candle.open),
        price(candle.high),
        price(candle.low),
        price(candle.close),
        tape.qty.sum_text(candle.volume),
        candle.open_time.plus_ms(timeframe.ms() - 1).0,
        format!("{:.8}", bar.quote),
        bar.trades,
        tape.qty.sum_text(bar.bought),
        format!("{:.8}", bought_quote(bar)),
        "0",
    ])
}

/// What was paid by buyers from resting offers, at the candle's mean price.
pub fn bought_quote(bar: &Bar) -> f64 {
    if bar.candle.volume > 0.0 { bar.quote * (bar.bought / bar.candle.volume) } else { 0.0 }
}

/// A candle of a price that has no trades.
fn derived_row(timeframe: Timeframe, bar: &Bar, factor: f64) -> Value {
    let candle = bar.candle;
    let price = |value: f64| format!("{:.8}", value * factor);
    let (open, high, low, close) = (price(candle.open), price(candle.high), price(candle.low), price(candle.close));
    let end = candle.open_time.plus_ms(timeframe.ms() - 1).0;
    json!([candle.open_time.0, open, high, low, close, "0", end, "0", timeframe.ms() / 1_000, "0", "0", "0"])
}
