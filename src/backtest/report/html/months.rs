//! The months of the years, as coloured as they were good or bad.

use crate::backtest::report::{
    Month,
    calendar::month_name,
    numbers::{NONE, change},
};
use std::fmt::Write;

/// A change of so many percent has the full colour, if no month has changed more.
const LEAST_FULL_PCT: f64 = 5.0;

/// A line a year: its twelve months, and the year.
#[must_use]
pub fn months(months: &[Month]) -> String {
    let full = months.iter().filter_map(|month| month.return_pct).fold(LEAST_FULL_PCT, |most, pct| most.max(pct.abs()));
    let mut page = String::new();
    for year in months.chunk_by(|a, b| a.year == b.year) {
        let Some(first) = year.first() else { continue };
        let whole = year.iter().try_fold(1.0, |product, month| Some(product * (1.0 + month.return_pct? / 100.0)));
        let whole = whole.map(|product| 100.0 * (product - 1.0));
        let _ = write!(page, "<div class=\"year\"><h3>{}<span>{}</span></h3><ul>", first.year, change(whole));
        for number in 1..=12u8 {
            match year.iter().find(|month| month.month == number) {
                Some(month) => {
                    let pct = month.return_pct.unwrap_or_default();
                    let heat = (60.0 * (pct.abs() / full).sqrt()).round();
                    let class = match pct {
                        _ if pct > 0.0 => "up",
                        _ if pct < 0.0 => "down",
                        _ => "flat",
                    };
                    let text = month.return_pct.map_or_else(|| NONE.to_owned(), |pct| change(Some(pct)));
                    let text = text.trim_end_matches(" %");
                    let _ = write!(
                        page,
                        "<li class=\"{class}\" style=\"--heat:{heat}%\"><b>{}</b> {text}</li>",
                        month_name(number)
                    );
                }
                None => {
                    let _ = write!(page, "<li class=\"none\"><b>{}</b> {NONE}</li>", month_name(number));
                }
            }
        }
        page.push_str("</ul></div>");
    }
    page
}
