//! The explanation for a person, at most 100 columns.

use super::report::{Account, Asked, Came, Decided, Report, Strategy, Symbol};
use crate::{
    moment::Moment,
    run::{
        layout::{To, columns, wrapped},
        text::{market_time, rounded},
    },
    strategies::Bound,
};

const WIDTH: usize = 100;

/// Each line of it.
pub fn lines(report: &Report) -> Vec<String> {
    let mut lines = vec![time(report.at)];
    lines.extend(wrapped("", 0, &account(&report.account), WIDTH));
    lines.extend(report.remark.iter().flat_map(|remark| wrapped("Note: ", 6, remark, WIDTH)));
    for symbol in &report.symbols {
        lines.push(String::new());
        lines.extend(wrapped("", 2, &head(symbol), WIDTH));
        for one in &symbol.strategies {
            lines.push(String::new());
            lines.extend(strategy(one, report.at));
        }
    }
    lines
}

fn account(account: &Account) -> String {
    let [equity, began, lose] =
        [account.equity, account.day_began_with, account.stops_would_lose].map(|amount| rounded(amount, 2));
    let (entries, most) = (account.entries_today, account.most_entries_a_day);
    format!(
        "Equity {equity:.2} USDT (the day began with {began:.2}), {entries} of {most} entries today, at risk {lose:.2} USDT"
    )
}

fn head(symbol: &Symbol) -> String {
    let name = &symbol.symbol;
    let price = if symbol.price > 0.0 { format!("at {}", number(symbol.price)) } else { "has no price yet".to_owned() };
    let position = symbol.position.as_ref().map_or_else(
        || "no position".to_owned(),
        |held| {
            let (side, qty, entry) = (held.side, held.qty.normalize(), held.entry_price.normalize());
            format!("{side} {qty} from {entry} since {}, by {}", time(held.since), held.strategy)
        },
    );
    format!("{name} {price}, {position}")
}

/// What a strategy saw and what came of it; the last line is the answer.
fn strategy(strategy: &Strategy, at: Moment) -> Vec<String> {
    let (title, timeframe, [before, next]) = (&strategy.title, strategy.timeframe, strategy.closes);
    let Some(decision) = &strategy.decision else {
        let text = format!(
            "{title} ({timeframe}) had not decided by then: no {timeframe} candle had closed in time since the data began, \
             or all of them were history. Closes are at {} and {}",
            time(before),
            time(next)
        );
        return wrapped("  ", 4, &text, WIDTH);
    };
    let when = when(decision.closed_at, at);
    let (closed, next) = (time(decision.closed_at), time(next));
    let next = next.split(' ').nth(1).unwrap_or_default();
    let text = format!("{title}: {timeframe} candle closed {closed}{when}, the next {next}");
    let mut lines = wrapped("  ", 4, &text, WIDTH);
    if decision.closed_at != before {
        let text = format!("No {timeframe} candle closed in time at {}: the data has a gap there", time(before));
        lines.extend(wrapped("    ", 4, &text, WIDTH));
    }
    lines.push(format!("    {}", regime(decision)));
    lines.extend(conditions(&decision.conditions));
    lines.extend(wrapped("    → ", 6, &outcome(decision), WIDTH));
    lines
}

/// ` (5 min before)`.
fn when(closed_at: Moment, at: Moment) -> String {
    match (at.0 - closed_at.0) / 60_000 {
        0 => String::new(),
        minutes if minutes < 120 => format!(" ({minutes} min before)"),
        minutes => format!(" ({} h before)", minutes / 60),
    }
}

fn regime(decision: &Decided) -> String {
    let regime = &decision.regime;
    let part = |part: Option<&'static str>| part.unwrap_or("not known yet");
    let strength = regime.strength.map_or_else(|| "not known yet".to_owned(), |strength| format!("{strength:.2}"));
    format!(
        "price {}  trend {}  momentum {}  volatility {}  strength {strength}",
        number(decision.price),
        part(regime.trend),
        part(regime.momentum),
        part(regime.volatility)
    )
}

fn conditions(all: &[Asked]) -> Vec<String> {
    let row = |asked: &Asked| {
        let mark = match asked.holds {
            Some(true) => "✓",
            Some(false) => "✗",
            None => "?",
        };
        [mark, asked.what, asked.timeframe, &value(asked), &bound(asked.must_be)].map(str::to_owned)
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    let table = columns([To::Left, To::Left, To::Left, To::Right, To::Left], &rows);
    table.into_iter().map(|line| format!("    {line}")).collect()
}

fn value(asked: &Asked) -> String {
    asked.value.map_or_else(|| "not warm".to_owned(), number)
}

fn bound(bound: Bound) -> String {
    match bound {
        Bound::Below(value) => format!("below {}", number(value)),
        Bound::AtMost(value) => format!("at most {}", number(value)),
        Bound::AtLeast(value) => format!("at least {}", number(value)),
        Bound::Above(value) => format!("above {}", number(value)),
    }
}

fn outcome(decision: &Decided) -> String {
    match &decision.outcome {
        Came::Entered { side, qty } => format!("It entered: an order to go {side} with {} was sent", qty.normalize()),
        Came::Stopped { by, why } => {
            let cold = decision.conditions.iter().find(|asked| asked.value.is_none());
            let cold = cold.map(|asked| format!(" ({} {})", asked.what, asked.timeframe)).unwrap_or_default();
            format!("Signal stopped by {by}: {why}{cold}")
        }
        Came::NoSignal => match decision.conditions.iter().find(|asked| asked.holds != Some(true)) {
            Some(asked) if asked.value.is_none() => {
                format!("No signal: {} {} has no value yet", asked.what, asked.timeframe)
            }
            Some(asked) => {
                let (what, timeframe, value, bound) = (asked.what, asked.timeframe, value(asked), bound(asked.must_be));
                format!("No signal: {what} {timeframe} was {value}, and must be {bound}")
            }
            None => "No signal".to_owned(),
        },
    }
}

/// With as many digits as tell it from a bound that it has just missed.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 1000.0 => 2,
        size if size >= 1.0 => 4,
        _ => 12,
    };
    let text = format!("{value:.digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn time(at: Moment) -> String {
    market_time(at.at())
}
