//! Equity and drawdown over time.

use super::chart::{Frame, thinned};
use crate::{
    backtest::{
        Record,
        drawdown::below,
        report::{Report, numbers::float, text::fallen},
    },
    market::Timestamp,
};

/// Columns of a line.
const COLUMNS: usize = 400;

/// The chart; nothing where there are less than two samples.
#[must_use]
pub fn equity(record: &Record, report: &Report) -> Option<String> {
    let (from, until) = (record.equity.first()?.at, record.equity.last()?.at);
    if from == until {
        return None;
    }
    let money: Vec<_> = record.equity.iter().map(|sample| (sample.at, sample.equity)).collect();
    let mut high = 0.0f64;
    let fall = |&(at, equity): &(Timestamp, f64)| {
        high = high.max(equity);
        (at, -100.0 * below(high, equity))
    };
    let falls: Vec<_> = money.iter().map(fall).collect();
    let (money, falls) = (thinned(&money, COLUMNS), thinned(&falls, COLUMNS));
    let (low, high) = extremes(&money)?;
    let above = Frame::around(from, until, low, high);
    let beneath = Frame::below(from, until, extremes(&falls)?.0.min(-0.1) * 1.08, 0.0);
    let lines = format!(
        "<path class=\"area\" d=\"{}\"/><path class=\"line\" d=\"{}\"/>",
        above.area(&money, &[(from, above.bottom()), (until, above.bottom())]),
        above.line(&money)
    );
    let fallen_area = format!(
        "<path class=\"fall\" d=\"{}\"/><path class=\"line loss\" d=\"{}\"/>",
        beneath.area(&falls, &[(from, 0.0), (until, 0.0)]),
        beneath.line(&falls)
    );
    let width = above.label_width().max(beneath.label_width() + 2);
    Some(format!(
        "{}<figure class=\"chart\" style=\"--labels:{width}ch\">{}<p class=\"over\">Below the highest so far</p>{}{}</figure>",
        note(report, &above),
        above.plot("tall", "Equity in USDT over time", "", &lines, &shade(report, &above)),
        beneath.plot("low", "Drawdown in percent over time", " %", &fallen_area, ""),
        above.times()
    ))
}

/// What the shade says, in words.
fn note(report: &Report, frame: &Frame) -> String {
    let Some(deepest) = &report.performance.max_drawdown else { return String::new() };
    let depth = float(deepest.depth_pct, 2);
    format!(
        "<p class=\"note\">Balance with open positions, in USDT{}. Shaded: the maximum drawdown of {depth} %, {}.</p>",
        frame.scale_note(),
        fallen(deepest)
    )
}

/// Where the equity fell deepest.
fn shade(report: &Report, frame: &Frame) -> String {
    let Some(deepest) = &report.performance.max_drawdown else { return String::new() };
    let (from, to) = (frame.x(deepest.peak.at()), frame.x(deepest.trough.at()));
    format!("<rect class=\"shade\" x=\"{from:.2}%\" width=\"{:.2}%\" y=\"0\" height=\"100%\"/>", (to - from).max(0.2))
}

fn extremes(points: &[(Timestamp, f64)]) -> Option<(f64, f64)> {
    let values = || points.iter().map(|(_, value)| *value);
    Some((values().reduce(f64::min)?, values().reduce(f64::max)?))
}
