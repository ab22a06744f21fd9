//! The report on a terminal.

use super::{
    Deepest, Notable, Report,
    calendar::minute,
    groups::Group,
    numbers::{NONE, change, count, counted, duration, exact, grouped, multiple, ratio, share, signed},
};
use rust_decimal::Decimal;

/// The widest line.
pub const WIDTH: usize = 100;
/// Rows of a table, at most; of months the last, else the first.
const MOST_ROWS: usize = 12;

/// The report, line by line, none wider than [`WIDTH`].
#[must_use]
pub fn lines(report: &Report) -> Vec<String> {
    let mut lines = head(report);
    lines.push(String::new());
    lines.extend(figures(report));
    lines.push(String::new());
    lines.extend(stand_outs(report));
    let groups = &report.groups;
    for (title, groups, first) in [
        ("Symbol", &groups.by_symbol, true),
        ("Strategy", &groups.by_strategy, true),
        ("Side", &groups.by_side, true),
        ("Exit reason", &groups.by_reason, true),
        ("Month", &groups.by_month, false),
    ] {
        if report.trades.trades > 0 {
            lines.push(String::new());
            lines.extend(table(title, groups, first));
        }
    }
    lines.push(String::new());
    lines.extend(rest(report));
    lines.into_iter().map(|line| fit(line.trim_end(), WIDTH)).collect()
}

fn head(report: &Report) -> Vec<String> {
    let when = match (report.from, report.until) {
        (Some(from), Some(until)) => {
            let length = duration(until.at().since_ms(from.at()));
            format!("{} to {} UTC ({length})", minute(from.at()), minute(until.at()))
        }
        _ => "no prices came".to_owned(),
    };
    let mut lines = vec![
        format!("REPORT  {when}, {}", counted(report.candles, "candle")),
        format!("        {}; {}", listed(&report.symbols), listed(&report.strategies)),
    ];
    lines.extend(verdict(report).map(|verdict| format!("        {verdict}")));
    lines
}

/// What is to be known of a run that did not see all of its data, or of a report that does not have all of its trades.
#[must_use]
pub fn verdict(report: &Report) -> Option<String> {
    let at = report.until.map(|until| format!(" on {} UTC", minute(until.at()))).unwrap_or_default();
    match report.ending {
        "emergency" => Some(format!("Ended early{at}: a limit stopped trading for good")),
        "interrupted" => Some(format!("Ended early{at}: it was asked to stop")),
        _ if report.trades_beyond > 0 => {
            let first = count(report.trades.trades);
            Some(format!("Only the first {first} trades are counted, {} more are not", count(report.trades_beyond)))
        }
        _ => None,
    }
}

/// `a, b, c and 4 more`.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN { format!("{shown} and {} more", names.len() - SHOWN) } else { shown }
}

/// Label and value twice a line.
fn figures(report: &Report) -> Vec<String> {
    let (performance, trades) = (&report.performance, &report.trades);
    let usdt = |amount: Decimal| format!("{} USDT", grouped(amount, 2));
    let average = |amount: Option<Decimal>| amount.map_or_else(|| NONE.to_owned(), |amount| signed(amount, 2));
    let depth = performance.max_drawdown.as_ref().map(|deepest| deepest.depth_pct);
    let money = [
        ("Start", usdt(report.account.start_equity)),
        ("Equity", usdt(report.account.equity)),
        ("Return", change(performance.return_pct)),
        ("Yearly return", change(performance.yearly_return_pct)),
        ("Buy and hold", change(report.buy_and_hold.return_pct)),
        ("Max drawdown", share_exactly(depth)),
        ("Sharpe", ratio(performance.sharpe)),
        ("Sortino", ratio(performance.sortino)),
        ("Calmar", ratio(performance.calmar)),
        ("Exposure", share(performance.exposure_pct)),
    ];
    let traded = [
        ("Trades", format!("{}, {} won", count(trades.trades), count(trades.won))),
        ("Win rate", share(trades.win_rate_pct)),
        ("P&L", format!("{} USDT", signed(trades.pnl, 2))),
        ("Profit factor", ratio(trades.profit_factor)),
        ("Expectancy", multiple(trades.expectancy_r)),
        ("Average win", average(trades.average_win)),
        ("Average loss", average(trades.average_loss)),
        ("Average hold", held(trades.average_hold_s)),
        ("Fees paid", usdt(trades.fees)),
        ("Funding paid", usdt(trades.funding)),
    ];
    let line = |((left, one), (right, two)): (&(&str, String), &(&str, String))| {
        format!("  {left:<16}{one:>22}          {right:<16}{two:>22}")
    };
    money.iter().zip(&traded).map(line).collect()
}

fn share_exactly(pct: Option<f64>) -> String {
    pct.map_or_else(|| NONE.to_owned(), |pct| format!("{} %", super::numbers::float(pct, 2)))
}

fn held(seconds: Option<i64>) -> String {
    seconds.map_or_else(|| NONE.to_owned(), |seconds| duration(seconds.saturating_mul(1000)))
}

fn stand_outs(report: &Report) -> Vec<String> {
    let notable = |trade: &Notable| {
        let (pnl, r) = (signed(trade.pnl, 2), multiple(Some(crate::market::float(trade.r))));
        format!("{pnl} USDT ({r}), {} {}, closed {}", trade.side, trade.symbol, minute(trade.exit.at()))
    };
    let mut lines = Vec::new();
    let deepest = report.performance.max_drawdown.as_ref().map(fallen);
    lines.extend(deepest.map(|text| format!("  Max drawdown    {text}")));
    lines.extend(report.best_trade.as_ref().map(|trade| format!("  Best trade      {}", notable(trade))));
    lines.extend(report.worst_trade.as_ref().map(|trade| format!("  Worst trade     {}", notable(trade))));
    lines
        .push("  Sharpe and Sortino: daily returns of the equity at UTC day ends, risk-free rate 0, × √365".to_owned());
    lines
}

/// From when to when the equity was below its high.
#[must_use]
pub fn fallen(deepest: &Deepest) -> String {
    let (peak, trough, length) =
        (minute(deepest.peak.at()), minute(deepest.trough.at()), duration(deepest.length_s.saturating_mul(1000)));
    let back = match deepest.recovery {
        Some(recovery) => format!("back {} ({length})", minute(recovery.at())),
        None => format!("not back yet ({length})"),
    };
    format!("from {peak}, lowest {trough}, {back}")
}

fn table(title: &str, groups: &[Group], first: bool) -> Vec<String> {
    let row = |cells: [&str; 7]| {
        let [name, trades, won, pnl, factor, r, hold] = cells;
        format!("  {:<28}{trades:>8}{won:>9}{pnl:>16}{factor:>9}{r:>11}{hold:>15}", fit(name, 27))
    };
    let mut lines = vec![row([title, "Trades", "Won", "P&L, USDT", "Factor", "Mean R", "Average hold"])];
    let from = if first { 0 } else { groups.len().saturating_sub(MOST_ROWS) };
    lines.extend(groups.iter().skip(from).take(MOST_ROWS).map(|Group { name, tally }| {
        row([
            name,
            &count(tally.trades),
            &share(tally.win_rate_pct),
            &signed(tally.pnl, 2),
            &ratio(tally.profit_factor),
            &multiple(tally.expectancy_r),
            &held(tally.average_hold_s),
        ])
    }));
    if groups.len() > MOST_ROWS {
        let which = if first { "first" } else { "last" };
        lines.push(format!("  (the {which} {MOST_ROWS} of {}; all are in report.json)", groups.len()));
    }
    lines
}

fn rest(report: &Report) -> Vec<String> {
    let signals = &report.signals;
    let mut parts = vec![format!("{} taken", count(signals.taken))];
    parts.extend(signals.not_taken.iter().map(|skipped| format!("{} {}", count(skipped.count), skipped.reason)));
    let mut lines = wrapped(&format!("  {}: ", counted(signals.raised, "signal")), &parts);
    for open in report.open.iter().take(MOST_ROWS) {
        let unrealised = open.unrealised.map_or_else(|| NONE.to_owned(), |amount| signed(amount, 2));
        let mark = open.mark.map_or_else(|| NONE.to_owned(), exact);
        lines.push(format!(
            "  Stays open: {} {} {} @ {}, stop {}, last {mark} ({unrealised} USDT)",
            open.side,
            open.symbol,
            exact(open.qty),
            exact(open.entry_price),
            exact(open.stop)
        ));
    }
    if report.open.len() > MOST_ROWS {
        lines.push(format!("  and {} more", report.open.len() - MOST_ROWS));
    }
    lines
}

/// Parts one after the other, in lines below the first.
fn wrapped(first: &str, parts: &[String]) -> Vec<String> {
    let (mut lines, indent) = (vec![first.to_owned()], first.chars().count());
    for (place, part) in parts.iter().enumerate() {
        let text = if place + 1 < parts.len() { format!("{part}, ") } else { part.clone() };
        match lines.last_mut() {
            Some(line) if line.chars().count() + text.trim_end().chars().count() <= WIDTH => line.push_str(&text),
            _ => lines.push(format!("{}{text}", " ".repeat(indent))),
        }
    }
    lines
}

/// The text, or its beginning where it is too wide.
fn fit(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        backtest::{
            Ending, Record,
            report::sample::{self, trade},
        },
        engine::Trade,
        run::rig::dec,
    };

    #[test]
    fn a_report_reads_well() {
        let trades = vec![
            Trade { gross: dec("101"), fees: dec("1"), r: dec("2"), ..trade(1, 20) },
            Trade { gross: dec("-100"), fees: dec("5"), funding: dec("5"), r: dec("-1"), ..trade(30, 10) },
        ];
        let record = Record { trades, ending: Ending::Emergency, ..sample::record(&[1000.0, 1100.0, 990.0, 1100.0]) };
        let lines = lines(&Report::of(&record));
        for want in [
            "REPORT  2025-01-01 00:00 to 2025-01-04 00:00 UTC (3 d), 5,760 candles",
            "        BTC/USDT:USDT, ETH/USDT:USDT; dip, rip",
            "        Ended early on 2025-01-04 00:00 UTC: a limit stopped trading for good",
            "  Start                    1,000.00 USDT          Trades                        2, 1 won",
            "  Return                        +10.00 %          P&L                        -10.00 USDT",
            "  Max drawdown                   10.00 %          Average win                    +100.00",
            "  Max drawdown    from 2025-01-02 00:00, lowest 2025-01-03 00:00, back 2025-01-04 00:00 (2 d)",
            "  Best trade      +100.00 USDT (+2.00 R), long BTC/USDT:USDT, closed 2025-01-01 21:00",
            "  Symbol                        Trades      Won       P&L, USDT   Factor     Mean R   Average hold",
            "  BTC/USDT:USDT                      2   50.0 %          -10.00     0.91    +0.50 R           15 h",
            "  ETH/USDT:USDT                      0        –           +0.00        –          –              –",
            "  0 signals: 0 taken",
        ] {
            assert!(lines.iter().any(|line| line == want), "{want}\n{}", lines.join("\n"));
        }
    }

    #[test]
    fn no_line_is_wider_than_a_terminal() {
        let largest = Trade { gross: dec("999999999999.99"), r: dec("99999999"), ..trade(0, 9_000_000) };
        let mut record = sample::record(&[1e-9, 1e12, 1.0]);
        record.strategies = vec!["a_name_".repeat(40); 9];
        record.trades = (0..100)
            .map(|hour| Trade {
                strategy: 3,
                ..Trade { entry_time: trade(hour * 700, 1).entry_time, ..largest.clone() }
            })
            .collect();
        for line in lines(&Report::of(&record)) {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        let parts = vec!["123 of a reason".to_owned(); 20];
        assert!(wrapped("  signals: ", &parts).iter().all(|line| line.trim_end().chars().count() <= WIDTH));
    }
}
