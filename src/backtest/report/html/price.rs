//! The price of a symbol with its trades.

use super::{chart::Frame, escape::Safe};
use crate::{
    backtest::{
        Record, Thinned,
        report::{
            calendar::minute,
            numbers::{change, counted, duration, exact, multiple, signed},
            yearly::change_pct,
        },
    },
    engine::Trade,
    market::{Candle, Side, SymbolId, Timestamp, float},
};
use rust_decimal::Decimal;
use std::fmt::Write;

/// Trades that are drawn in a chart, at most: where there are more, the last and each so many before it.
const MOST_TRADES: usize = 100;
/// Charts, at most: those of the symbols with most trades.
const MOST_CHARTS: usize = 12;

/// The symbols whose prices are drawn, in the order of the configuration, and how many there are.
#[must_use]
pub fn drawn(record: &Record) -> (Vec<SymbolId>, usize) {
    let with_prices = |place: &usize| record.prices.get(*place).is_some_and(|prices| !prices.candles.is_empty());
    let mut places: Vec<usize> = (0..record.symbols.len()).filter(with_prices).collect();
    let all = places.len();
    let trades = |place: &usize| record.trades.iter().filter(|trade| trade.symbol.index() == *place).count();
    places.sort_by_cached_key(|place| std::cmp::Reverse(trades(place)));
    places.truncate(MOST_CHARTS);
    places.sort_unstable();
    (places.into_iter().filter_map(|place| u16::try_from(place).ok().map(SymbolId)).collect(), all)
}

/// One symbol: its name, what came of it, its chart.
#[must_use]
pub fn price(record: &Record, symbol: SymbolId) -> Option<String> {
    let (name, prices) = (record.symbols.get(symbol.index())?, record.prices.get(symbol.index())?);
    let (first, last) = prices.ends?;
    let trades: Vec<_> = record.trades.iter().filter(|trade| trade.symbol == symbol).collect();
    let pnl: Decimal = trades.iter().map(|trade| trade.pnl()).sum();
    let every = trades.len().div_ceil(MOST_TRADES).max(1);
    let shown: Vec<_> = trades.iter().rev().step_by(every).copied().collect();
    let (low, high) = extremes(prices, &shown)?;
    let (from, until) = record.span.unwrap_or((first.at, last.at));
    let frame = Frame::around(from, until, low, high);
    let mut note = format!(
        "price {}, {}, {} USDT",
        change(change_pct(first.price, last.price)),
        counted(trades.len() as u64, "trade"),
        signed(pnl, 2)
    );
    if every > 1 {
        let _ = write!(note, " (every {} is drawn)", ordinal(every));
    }
    note.push_str(frame.scale_note());
    let marks: String = shown.iter().map(|trade| mark(&frame, trade)).collect();
    let label = format!("Price of {} over time with entries and exits", Safe(name.as_str()));
    Some(format!(
        "<article><h3>{}</h3><p class=\"note\">{note}</p><figure class=\"chart\" style=\"--labels:{}ch\">{}{}</figure></article>",
        Safe(name.as_str()),
        frame.label_width(),
        frame.plot("", &label, "", &lines(&frame, prices), &marks),
        frame.times()
    ))
}

/// `2nd`, `5th`.
fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

fn extremes(prices: &Thinned, trades: &[&Trade]) -> Option<(f64, f64)> {
    let of_trades = trades.iter().flat_map(|trade| [float(trade.entry_price), float(trade.exit_price)]);
    let all = || prices.candles.iter().flat_map(|candle| [candle.low, candle.high]).chain(of_trades.clone());
    Some((all().reduce(f64::min)?, all().reduce(f64::max)?))
}

/// The way of the closes, and the band from lows to highs; both end where candles are missing.
fn lines(frame: &Frame, prices: &Thinned) -> String {
    let mut page = String::new();
    let length = prices.length_ms;
    let together = |a: &Candle, b: &Candle| b.open_time.since_ms(a.open_time) <= length.saturating_mul(2);
    for part in prices.candles.chunk_by(together) {
        let middle = |candle: &Candle| candle.open_time.plus_ms(length / 2);
        let by =
            |value: fn(&Candle) -> f64| part.iter().map(|candle| (middle(candle), value(candle))).collect::<Vec<_>>();
        let band = frame.area(&by(|candle| candle.high), &by(|candle| candle.low));
        let closes = part.iter().map(|candle| (candle.open_time.plus_ms(length), candle.close));
        let way: Vec<(Timestamp, f64)> =
            part.first().map(|first| (first.open_time, first.open)).into_iter().chain(closes).collect();
        let _ = write!(page, "<path class=\"band\" d=\"{band}\"/><path class=\"price\" d=\"{}\"/>", frame.line(&way));
    }
    page
}

/// An entry, an exit and the way between them. The form says the side and the result, not only the colour.
fn mark(frame: &Frame, trade: &Trade) -> String {
    let won = trade.pnl() > Decimal::ZERO;
    let (x1, y1) = (frame.x(trade.entry_time), frame.y(float(trade.entry_price)));
    let (x2, y2) = (frame.x(trade.exit_time), frame.y(float(trade.exit_price)));
    let (class, exit) = if won { ("won", "w") } else { ("lost", "x") };
    let entry = if trade.side == Side::Long { "l" } else { "s" };
    format!(
        "<g class=\"{class}\"><title>{}</title><line x1=\"{x1:.2}%\" y1=\"{y1:.2}%\" x2=\"{x2:.2}%\" y2=\"{y2:.2}%\"/>\
         <use href=\"#{entry}\" x=\"{x1:.2}%\" y=\"{y1:.2}%\"/><use href=\"#{exit}\" x=\"{x2:.2}%\" y=\"{y2:.2}%\"/></g>",
        title(trade)
    )
}

fn title(trade: &Trade) -> String {
    format!(
        "{} {} at {}, {} UTC\nout at {}, {} UTC ({}, {})\n{} USDT, {}",
        trade.side.name(),
        exact(trade.qty),
        exact(trade.entry_price),
        minute(trade.entry_time),
        exact(trade.exit_price),
        minute(trade.exit_time),
        trade.reason.name(),
        duration(trade.exit_time.since_ms(trade.entry_time)),
        signed(trade.pnl(), 2),
        multiple(Some(float(trade.r)))
    )
}
