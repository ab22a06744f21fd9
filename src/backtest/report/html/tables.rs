//! The tables of the page.

use super::{
    escape::Safe,
    section,
    table::{main, number, table, text},
};
use crate::{
    backtest::{
        Record,
        report::{
            Group, Report,
            calendar::minute,
            numbers::{NONE, count, counted, duration, exact, multiple, ratio, share, signed},
            open::{strategy_name, symbol_name},
        },
    },
    market::float,
};
use std::fmt::Write;

/// Rows of a table of groups, at most.
const MOST_GROUPS: usize = 60;
/// Trades in their table, at most: the last.
const MOST_TRADES: usize = 300;
/// Positions in their table, at most.
const MOST_OPEN: usize = 60;

/// The trades by what they have in common.
pub fn breakdown(page: &mut String, report: &Report) {
    if report.trades.trades == 0 {
        return;
    }
    let groups = &report.groups;
    let mut content = "<div class=\"tables\">".to_owned();
    for (name, list) in [
        ("By symbol", &groups.by_symbol),
        ("By strategy", &groups.by_strategy),
        ("By side", &groups.by_side),
        ("By exit reason", &groups.by_reason),
        ("By month of exit", &groups.by_month),
    ] {
        let from = list.len().saturating_sub(MOST_GROUPS);
        let caption =
            if from > 0 { format!("{name}, the last {MOST_GROUPS} of {}", list.len()) } else { name.to_owned() };
        let columns =
            [text("Name"), number("Trades"), number("Won"), main("P&amp;L"), number("Factor"), number("Mean R")];
        content.push_str(&table(&caption, &columns, list[from..].iter().map(group)));
    }
    content.push_str("</div>");
    section(page, "Breakdown", &content);
}

fn group(Group { name, tally }: &Group) -> [String; 6] {
    [
        name.clone(),
        count(tally.trades),
        share(tally.win_rate_pct),
        signed(tally.pnl, 2),
        ratio(tally.profit_factor),
        multiple(tally.expectancy_r).trim_end_matches(" R").to_owned(),
    ]
}

/// What became of signals.
pub fn signals(page: &mut String, report: &Report) {
    let signals = &report.signals;
    if signals.raised == 0 {
        return;
    }
    let part = |count: u64| share(Some(100.0 * count as f64 / signals.raised as f64));
    let taken = [["taken".to_owned(), count(signals.taken), part(signals.taken)]];
    let others =
        signals.not_taken.iter().map(|skipped| [skipped.reason.to_owned(), count(skipped.count), part(skipped.count)]);
    let caption = counted(signals.raised, "signal");
    let columns = [text("What became of it"), number("Signals"), main("Share")];
    let content = table(&caption, &columns, taken.into_iter().chain(others));
    section(page, "Signals", &format!("<div class=\"tables\">{content}</div>"));
}

/// Positions that stay open.
pub fn open(page: &mut String, report: &Report) {
    if report.open.is_empty() {
        return;
    }
    let rows = report.open.iter().take(MOST_OPEN).map(|open| {
        [
            open.symbol.clone(),
            open.side.to_owned(),
            exact(open.qty),
            exact(open.entry_price),
            minute(open.since.at()),
            exact(open.stop),
            exact(open.target),
            open.mark.map_or_else(|| NONE.to_owned(), exact),
            open.unrealised.map_or_else(|| NONE.to_owned(), |amount| signed(amount, 2)),
        ]
    });
    let columns = [
        text("Symbol"),
        text("Side"),
        number("Quantity"),
        number("Entry"),
        text("Since"),
        number("Stop"),
        number("Target"),
        number("Last"),
        main("Unrealised"),
    ];
    let content = table(
        &format!("{}, at the last price, without fees", counted(report.open.len() as u64, "position")),
        &columns,
        rows,
    );
    section(page, "Still open", &content);
}

/// The last trades, newest first.
pub fn trades(page: &mut String, record: &Record) {
    let all = record.trades.len();
    if all == 0 {
        section(page, "Trades", "<p class=\"note\">There were none.</p>");
        return;
    }
    let rows = record.trades.iter().rev().take(MOST_TRADES).map(|trade| {
        [
            symbol_name(record, trade.symbol).to_owned(),
            trade.side.name().to_owned(),
            strategy_name(record, trade.strategy).to_owned(),
            minute(trade.entry_time),
            exact(trade.entry_price),
            duration(trade.exit_time.since_ms(trade.entry_time)),
            exact(trade.exit_price),
            trade.reason.name().to_owned(),
            signed(trade.pnl(), 2),
            multiple(Some(float(trade.r))).trim_end_matches(" R").to_owned(),
        ]
    });
    let columns = [
        text("Symbol"),
        text("Side"),
        text("Strategy"),
        text("Entry"),
        number("at"),
        number("Held"),
        number("Exit at"),
        text("Reason"),
        main("P&amp;L"),
        number("R"),
    ];
    let caption = if all > MOST_TRADES {
        format!("The last {MOST_TRADES} of {}, newest first; all are in trades.csv", counted(all as u64, "trade"))
    } else {
        format!("{}, newest first", counted(all as u64, "trade"))
    };
    let mut content = String::new();
    let _ = write!(content, "<div class=\"list\">{}</div>", table(&caption, &columns, rows));
    if record.trades_beyond > 0 {
        let _ = write!(
            content,
            "<p class=\"note\">{}</p>",
            Safe(&format!("{} more are not in this report.", count(record.trades_beyond)))
        );
    }
    section(page, "Trades", &content);
}
