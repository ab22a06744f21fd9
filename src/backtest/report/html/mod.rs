//! `report.html`: one file that needs no other, for phone and desktop, light and dark.
//!
//! Whatever the run's length, it stays below two megabytes: lines are thinned, and what is cut says so.

mod axis;
mod chart;
mod distribution;
mod equity;
mod escape;
mod months;
mod price;
mod table;
mod tables;

use super::{
    Report,
    calendar::{day, minute},
    numbers::{NONE, change, count, counted, duration, float, grouped, multiple, ratio, share, signed},
    text::{fallen, verdict},
};
use crate::{backtest::Record, market::DAY_MS};
use escape::Safe;
use rust_decimal::Decimal;
use std::fmt::Write;

/// Colours and places.
const STYLE: &str = include_str!("../page.css");
/// The marks of the price charts: into a long, into a short, exit, won, exit, not won.
const MARKS: &str = "<svg class=\"marks\" aria-hidden=\"true\"><defs>\
    <path id=\"l\" class=\"in\" d=\"M0-6 5.5 4H-5.5z\"/><path id=\"s\" class=\"in\" d=\"M0 6 5.5-4H-5.5z\"/>\
    <circle id=\"w\" class=\"out\" r=\"4\"/><path id=\"x\" class=\"out\" d=\"M-4-4 4 4M4-4-4 4\"/></defs></svg>";

/// The page.
#[must_use]
pub fn page(record: &Record, report: &Report) -> String {
    let title = match (report.from, report.until) {
        (Some(from), Some(until)) => format!("Report {} to {}", day(from.at()), day(until.at())),
        _ => "Report".to_owned(),
    };
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">\
         <title>{title}</title><style>{STYLE}</style></head><body>{MARKS}<main>"
    );
    head(&mut page, report);
    figures(&mut page, report);
    section(&mut page, "Equity", equity::equity(record, report).as_deref().unwrap_or(NOTHING));
    if !report.months.is_empty() {
        let legend = "<p class=\"note\">Change of the equity in percent; the first and the last month begin and end with the run.</p>";
        section(&mut page, "Months", &format!("{legend}{}", months::months(&report.months)));
    }
    prices(&mut page, record);
    results(&mut page, record);
    tables::breakdown(&mut page, report);
    tables::signals(&mut page, report);
    tables::open(&mut page, report);
    tables::trades(&mut page, record);
    page.push_str(FOOT);
    page
}

const NOTHING: &str = "<p class=\"note\">Nothing to show.</p>";

const FOOT: &str = "<footer><h2>How it is computed</h2><p>A trade is a closed quantity, a row of <code>trades.csv</code>; an exit in parts is \
    as many trades. Results are after fees and funding. R is what the stop would have lost at the entry. Sharpe and Sortino come from daily returns of the \
    equity at the ends of whole UTC days, with a risk-free rate of 0, times √365; the yearly return is compounded over 365 days; Calmar is the \
    yearly return by the maximum drawdown. Buy and hold is equal parts of all symbols from their first price to their last, without costs. All times are \
    UTC. A value that does not exist is a dash.</p><p>Recorded prices do not know what a real order would have done to them, and the past does not repeat \
    itself.</p></footer></main></body></html>\n";

fn section(page: &mut String, title: &str, content: &str) {
    let _ = write!(page, "<section><h2>{title}</h2>{content}</section>");
}

fn head(page: &mut String, report: &Report) {
    let performance = &report.performance;
    let class = sign(performance.return_pct);
    let length = match (report.from, report.until) {
        (Some(from), Some(until)) => format!("in {}", days(until.at().since_ms(from.at()))),
        _ => String::new(),
    };
    let _ = write!(
        page,
        "<header><h1><span class=\"{class}\">{}</span> <small>{length}</small></h1><p class=\"lead\">{} → {} USDT</p>",
        change(performance.return_pct),
        grouped(report.account.start_equity, 2),
        grouped(report.account.equity, 2)
    );
    if let (Some(from), Some(until)) = (report.from, report.until) {
        let _ = write!(
            page,
            "<p class=\"sub\">{} to {} UTC, {}</p>",
            minute(from.at()),
            minute(until.at()),
            counted(report.candles, "candle")
        );
    }
    let names = |names: &[String]| {
        let shown = names.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>().join(", ");
        if names.len() > MOST_NAMES { format!("{shown} and {} more", names.len() - MOST_NAMES) } else { shown }
    };
    let (symbols, strategies) = (names(&report.symbols), names(&report.strategies));
    let _ = write!(page, "<p class=\"sub\">{}<br>{}</p>", Safe(&symbols), Safe(&strategies));
    if let Some(verdict) = verdict(report) {
        let _ = write!(page, "<p class=\"verdict\">{}</p>", Safe(&verdict));
    }
    page.push_str("</header>");
}

/// Names in the head, at most.
const MOST_NAMES: usize = 8;

/// The key numbers.
fn figures(page: &mut String, report: &Report) {
    let (performance, trades) = (&report.performance, &report.trades);
    let usdt = |amount: Option<Decimal>| amount.map_or_else(|| NONE.to_owned(), |amount| signed(amount, 2));
    let deepest = performance.max_drawdown.as_ref();
    let depth = deepest.map_or_else(|| NONE.to_owned(), |deepest| format!("-{} %", float(deepest.depth_pct, 2)));
    let hold = trades.average_hold_s.map_or_else(|| NONE.to_owned(), |s| duration(s.saturating_mul(1000)));
    let best = |notable: &Option<super::Notable>| notable.as_ref().map(|trade| trade.pnl);
    page.push_str("<section><h2>Key numbers</h2><dl class=\"tiles\">");
    let won = if trades.trades > 0 { format!("{} won", count(trades.won)) } else { String::new() };
    let tiles = [
        (
            "P&amp;L",
            format!("{} USDT", signed(trades.pnl, 2)),
            format!("fees {}, funding {}", grouped(trades.fees, 2), grouped(trades.funding, 2)),
        ),
        ("Yearly return", change(performance.yearly_return_pct), "compounded".to_owned()),
        ("Buy and hold", change(report.buy_and_hold.return_pct), "equal parts".to_owned()),
        ("Max drawdown", depth, deepest.map(fallen).unwrap_or_default()),
        (
            "Sharpe",
            ratio(performance.sharpe),
            format!("Sortino {}, Calmar {}", ratio(performance.sortino), ratio(performance.calmar)),
        ),
        ("Trades", count(trades.trades), won),
        (
            "Win rate",
            share(trades.win_rate_pct),
            format!("average win {}, loss {}", usdt(trades.average_win), usdt(trades.average_loss)),
        ),
        ("Profit factor", ratio(trades.profit_factor), "won by lost".to_owned()),
        ("Expectancy", multiple(trades.expectancy_r), "a trade".to_owned()),
        ("Average hold", hold, format!("exposure {}", share(performance.exposure_pct))),
        ("Best trade", usdt(best(&report.best_trade)), named(report.best_trade.as_ref())),
        ("Worst trade", usdt(best(&report.worst_trade)), named(report.worst_trade.as_ref())),
    ];
    for (name, value, more) in tiles {
        let parts = more.split(", ").map(|part| format!("<span>{}</span>", Safe(part))).collect::<Vec<_>>().join(", ");
        let _ = write!(page, "<div><dt>{name}</dt><dd>{value}<small>{parts}</small></dd></div>");
    }
    page.push_str("</dl></section>");
}

fn named(notable: Option<&super::Notable>) -> String {
    notable.map(|trade| format!("{} {}, {}", trade.side, trade.symbol, minute(trade.exit.at()))).unwrap_or_default()
}

/// `31 days`; less than two in hours and minutes.
fn days(ms: i64) -> String {
    let days = ms.max(0).unsigned_abs() / DAY_MS.unsigned_abs();
    if days < 2 { duration(ms) } else { counted(days, "day") }
}

fn sign(pct: Option<f64>) -> &'static str {
    match pct {
        Some(pct) if pct > 0.0 => "gain",
        Some(pct) if pct < 0.0 => "loss",
        _ => "",
    }
}

fn prices(page: &mut String, record: &Record) {
    let (symbols, all) = price::drawn(record);
    if symbols.is_empty() {
        return;
    }
    let mut content = "<ul class=\"legend\"><li><svg><use href=\"#l\"/></svg>entry, long</li><li><svg><use href=\"#s\"/></svg>entry, short</li>\
                       <li class=\"won\"><svg><use href=\"#w\"/></svg>exit, won</li><li class=\"lost\"><svg><use href=\"#x\"/></svg>exit, not won</li></ul>"
        .to_owned();
    if symbols.len() < all {
        let _ = write!(content, "<p class=\"note\">The {} of {all} symbols with most trades.</p>", symbols.len());
    }
    content.extend(symbols.into_iter().filter_map(|symbol| price::price(record, symbol)));
    section(page, "Prices and trades", &content);
}

fn results(page: &mut String, record: &Record) {
    let Some((chart, beyond)) = distribution::distribution(record) else { return };
    let mut note = "Trades by their result in multiples of what was risked; a bar is half an R.".to_owned();
    if beyond > 0 {
        let _ = write!(note, " {} beyond the outermost bars, counted there.", counted(beyond, "trade"));
    }
    section(page, "Results", &format!("<p class=\"note\">{note}</p>{chart}"));
}

#[cfg(test)]
mod tests;
