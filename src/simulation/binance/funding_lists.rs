//! Settled funding, and who settles how often.

use super::{
    listing::LISTED_AT,
    query::{Query, Refusal},
    tape::Tape,
};
use crate::market::Timestamp;
use serde_json::{Value, json};

/// Hours between settlements where nothing else is said.
pub const USUAL_HOURS: i64 = 8;
/// Rows in an answer at most, and where nothing is said.
const MOST: i64 = 1_000;
const USUAL: i64 = 100;

/// Symbols whose interval is not the usual one.
pub fn funding_info(tapes: &[Tape]) -> Value {
    let adjusted = tapes.iter().filter(|tape| tape.funding.hours != USUAL_HOURS);
    let rows = adjusted.map(|tape| {
        json!({
            "symbol": tape.name,
            "adjustedFundingRateCap": "0.02000000",
            "adjustedFundingRateFloor": "-0.02000000",
            "fundingIntervalHours": tape.funding.hours,
            "disclaimer": false,
        })
    });
    rows.collect()
}

/// Settled rates, ascending: from `startTime` on, else the newest.
///
/// # Errors
///
/// For a bad limit or range.
pub fn funding_history(now: Timestamp, tapes: &[Tape], only: Option<usize>, query: &Query) -> Result<Value, Refusal> {
    let most = query.limit(USUAL, MOST)?;
    let (start, end) = query.range()?;
    let end = end.unwrap_or(i64::MAX).min(now.0);
    let mut rows: Vec<(Timestamp, &Tape)> = Vec::new();
    for (place, tape) in tapes.iter().enumerate() {
        if only.is_none_or(|only| only == place) {
            let period = tape.funding.period_ms();
            let newest = end.div_euclid(period) * period;
            let oldest = newest.saturating_sub(most as i64 * period);
            let from = start.unwrap_or(oldest + 1).max(LISTED_AT.0);
            let first = from.saturating_add(period - 1).div_euclid(period) * period;
            let times =
                (0..most as i64).map_while(|turn| Some(first.saturating_add(turn * period)).filter(|at| *at <= end));
            rows.extend(times.map(|at| (Timestamp(at), tape)));
        }
    }
    rows.sort_by_key(|(at, _)| *at);
    let from = if start.is_some() { 0 } else { rows.len().saturating_sub(most) };
    Ok(rows.iter().skip(from).take(most).map(|(at, tape)| settled(*at, tape, now)).collect())
}

fn settled(at: Timestamp, tape: &Tape, now: Timestamp) -> Value {
    let mark = tape.mark_at(at, now).map_or_else(String::new, |mark| format!("{mark:.8}"));
    json!({
        "symbol": tape.name,
        "fundingTime": at.0,
        "fundingRate": format!("{:.8}", tape.funding.settled(at)),
        "markPrice": mark,
        "rateType": "Regular",
    })
}
