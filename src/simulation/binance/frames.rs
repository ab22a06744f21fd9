//! What the streams say.

use super::{
    bar::Bar,
    book::{Book, Level, Side},
    candles::bought_quote,
    rest::change,
    tape::{Tape, Trade},
};
use crate::market::{DAY_MS, Timeframe, Timestamp};
use serde_json::{Value, json};

/// `st` of USD-M futures.
const USD_M: u32 = 1;

pub fn kline(now: Timestamp, tape: &Tape, timeframe: Timeframe, bar: &Bar, closed: bool) -> Value {
    let candle = bar.candle;
    let price = |value| tape.price.text_of(value);
    let last_id = tape.next_id().saturating_sub(1);
    json!({
        "e": "kline", "E": now.0, "s": tape.name, "ps": tape.name, "st": USD_M,
        "k": {
            "t": candle.open_time.0, "T": candle.open_time.plus_ms(timeframe.ms() - 1).0, "s": tape.name, "i": timeframe.name(),
            "f": (last_id + 1).saturating_sub(u64::from(bar.trades)), "L": last_id,
            "o": price(candle.open), "c": price(candle.close), "h": price(candle.high), "l": price(candle.low),
            "v": tape.qty.sum_text(candle.volume), "n": bar.trades, "x": closed, "q": format!("{:.8}", bar.quote),
            "V": tape.qty.sum_text(bar.bought), "Q": format!("{:.8}", bought_quote(bar)), "B": "0",
        },
    })
}

/// A candle by pair and contract type.
pub fn continuous_kline(now: Timestamp, tape: &Tape, timeframe: Timeframe, bar: &Bar, closed: bool) -> Value {
    let mut candle = kline(now, tape, timeframe, bar, closed)["k"].take();
    if let Some(fields) = candle.as_object_mut() {
        fields.remove("s");
    }
    json!({ "e": "continuous_kline", "E": now.0, "ps": tape.name, "ct": "PERPETUAL", "st": USD_M, "k": candle })
}

pub fn agg_trade(now: Timestamp, tape: &Tape, trade: &Trade) -> Value {
    let deal = trade.deal;
    json!({
        "e": "aggTrade", "E": now.0, "s": tape.name, "st": USD_M, "a": trade.id, "p": tape.price.text_of(deal.price),
        "q": tape.qty.text(deal.steps), "nq": tape.qty.text(deal.steps), "f": trade.id, "l": trade.id, "T": deal.at.0, "m": deal.sold,
    })
}

pub fn trade(now: Timestamp, tape: &Tape, trade: &Trade) -> Value {
    let deal = trade.deal;
    json!({
        "e": "trade", "E": now.0, "T": deal.at.0, "s": tape.name, "st": USD_M, "t": trade.id, "p": tape.price.text_of(deal.price),
        "q": tape.qty.text(deal.steps), "X": "MARKET", "m": deal.sold,
    })
}

pub fn book_ticker(now: Timestamp, tape: &Tape, book: &Book) -> Value {
    let [bid, bid_qty] = tape.best(book, Side::Bid);
    let [ask, ask_qty] = tape.best(book, Side::Ask);
    json!({
        "e": "bookTicker", "u": book.id, "E": now.0, "T": tape.book_at().0, "s": tape.name, "ps": tape.name, "st": USD_M,
        "b": bid, "B": bid_qty, "a": ask, "A": ask_qty,
    })
}

/// A change of the book, or its best levels: `ids` are the first and last number in it, and the last one of the message before.
pub fn depth(now: Timestamp, tape: &Tape, ids: [i64; 3], bids: &[Level], asks: &[Level]) -> Value {
    let side = |levels: &[Level]| levels.iter().map(|level| json!(tape.level(*level))).collect::<Vec<_>>();
    let [first, last, before] = ids;
    json!({
        "e": "depthUpdate", "E": now.0, "T": tape.book_at().0, "s": tape.name, "ps": tape.name, "st": USD_M,
        "U": first, "u": last, "pu": before, "b": side(bids), "a": side(asks),
    })
}

pub fn mark(now: Timestamp, tape: &Tape) -> Option<Value> {
    let (mark, index) = tape.marks(now)?;
    Some(json!({
        "e": "markPriceUpdate", "E": now.0, "s": tape.name, "st": USD_M, "p": format!("{mark:.8}"), "ap": format!("{mark:.8}"),
        "i": format!("{index:.8}"), "P": format!("{index:.8}"), "r": format!("{:.8}", tape.funding.expected(now)),
        "T": tape.funding.next(now).0,
    }))
}

/// The last 24 hours; in short without the changes and counts.
pub fn ticker(now: Timestamp, tape: &Tape, day: &Bar, short: bool) -> Value {
    let candle = day.candle;
    let price = |value| tape.price.text_of(value);
    let last = tape.last().unwrap_or(candle.close);
    let mut value = json!({
        "e": if short { "24hrMiniTicker" } else { "24hrTicker" }, "E": now.0, "s": tape.name, "ps": tape.name, "st": USD_M, "c": price(last),
        "o": price(candle.open), "h": price(candle.high), "l": price(candle.low), "v": tape.qty.sum_text(candle.volume),
        "q": format!("{:.8}", day.quote),
    });
    if let (false, Some(fields)) = (short, value.as_object_mut()) {
        let (up, percent) = change(candle.open, last);
        let mean = if candle.volume > 0.0 { day.quote / candle.volume } else { last };
        let last_id = tape.next_id().saturating_sub(1);
        let more = [
            ("p", json!(tape.price.sum_text(up))),
            ("P", json!(format!("{percent:.3}"))),
            ("w", json!(format!("{mean:.8}"))),
            ("Q", json!(tape.qty.text(tape.trades().back().map_or(0, |trade| trade.deal.steps)))),
            ("O", json!(now.0.saturating_sub(DAY_MS))),
            ("C", json!(now.0)),
            ("F", json!((last_id + 1).saturating_sub(u64::from(day.trades)))),
            ("L", json!(last_id)),
            ("n", json!(day.trades)),
        ];
        fields.extend(more.map(|(name, value)| (name.to_owned(), value)));
    }
    value
}
