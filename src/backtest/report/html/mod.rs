//! page
use super::Report;
use crate::backtest::Record;
/// page
pub fn page(_record: &Record, _report: &Report) -> String {
    String::new()
}
