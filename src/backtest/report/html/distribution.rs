//! How often which result came, in multiples of what was risked.

use super::axis;
use crate::{backtest::Record, backtest::report::numbers::counted, market::float};
use std::fmt::Write;

/// The width of a bar, in R.
const WIDTH: f64 = 0.5;
/// The outermost bars, by their lower ends; what is beyond counts there.
const OUTER: (i32, i32) = (-8, 15);
/// What is shown in any case.
const INNER: (i32, i32) = (-4, 5);

/// `+1`, `0`, `-1`.
fn signed(r: f64) -> String {
    if r == 0.0 { "0".to_owned() } else { format!("{r:+.0}") }
}

/// The bars, and how many results are beyond the outermost; nothing without trades.
#[must_use]
pub fn distribution(record: &Record) -> Option<(String, u64)> {
    if record.trades.is_empty() {
        return None;
    }
    let (mut counts, mut beyond) = ([0u64; (OUTER.1 - OUTER.0 + 1) as usize], 0);
    for trade in &record.trades {
        let bar = (float(trade.r) / WIDTH).floor() as i32;
        let within = bar.clamp(OUTER.0, OUTER.1);
        beyond += u64::from(within != bar);
        counts[(within - OUTER.0) as usize] += 1;
    }
    let used = || (OUTER.0..).zip(counts).filter(|(_, count)| *count > 0).map(|(bar, _)| bar);
    let (first, last) = (used().min()?.min(INNER.0), used().max()?.max(INNER.1));
    let most = counts.iter().copied().max()? as f64 * 1.08;
    let bars = f64::from(last - first + 1);
    let mut plot = String::new();
    let ticks: Vec<_> = axis::values(0.0, most).into_iter().filter(|tick| tick.at.fract() == 0.0).collect();
    for tick in &ticks {
        let y = 100.0 - 100.0 * tick.at / most;
        let _ = write!(plot, "<line class=\"rule\" x1=\"0\" x2=\"100%\" y1=\"{y:.2}%\" y2=\"{y:.2}%\"/>");
    }
    let mut labels = String::new();
    for bar in first..=last {
        let count = counts[(bar - OUTER.0) as usize];
        let (x, height) = (100.0 * f64::from(bar - first) / bars, 100.0 * count as f64 / most);
        let (from, to) = (f64::from(bar) * WIDTH, f64::from(bar + 1) * WIDTH);
        let class = if bar < 0 { "lost" } else { "won" };
        let _ = write!(
            plot,
            "<rect class=\"{class}\" x=\"{:.2}%\" width=\"{:.2}%\" y=\"{:.2}%\" height=\"{height:.2}%\"><title>{from:+.1} to {to:+.1} R: {}</title></rect>",
            x + 8.0 / bars,
            84.0 / bars,
            100.0 - height,
            counted(count, "trade")
        );
        if bar % 2 == 0 {
            let class = if bar % 4 == 0 { "" } else { " class=\"wide\"" };
            let anchor = if bar == first { "start" } else { "middle" };
            let _ = write!(
                labels,
                "<text{class} x=\"{x:.2}%\" y=\"16\" text-anchor=\"{anchor}\">{} R</text>",
                signed(from)
            );
        }
    }
    let zero = 100.0 * f64::from(-first) / bars;
    let _ = write!(plot, "<line class=\"zero\" x1=\"{zero:.2}%\" x2=\"{zero:.2}%\" y1=\"0\" y2=\"100%\"/>");
    let mut values = String::new();
    for tick in &ticks {
        let y = 100.0 - 100.0 * tick.at / most;
        let _ = write!(values, "<text x=\"8\" y=\"{y:.2}%\" dy=\".35em\">{}</text>", tick.label);
    }
    let width = ticks.iter().map(|tick| tick.label.len()).max().unwrap_or(1);
    let page = format!(
        "<figure class=\"chart bars\" style=\"--labels:{width}ch\"><svg class=\"plot\" role=\"img\" aria-label=\"How many trades had which result in R\">{plot}</svg>\
         <svg class=\"values\" aria-hidden=\"true\">{values}</svg><svg class=\"times\" aria-hidden=\"true\">{labels}</svg></figure>"
    );
    Some((page, beyond))
}
