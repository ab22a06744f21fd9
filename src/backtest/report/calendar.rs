//! Moments of market time, in UTC, as people read them.

use crate::market::Timestamp;
use jiff::{civil::DateTime, tz::TimeZone};

/// The year, month and day; of a moment beyond all calendars, the last day of all.
#[must_use]
pub fn civil(at: Timestamp) -> (i16, u8, u8) {
    let date = utc(at).date();
    (date.year(), date.month().unsigned_abs(), date.day().unsigned_abs())
}

/// `2025-01-31`.
#[must_use]
pub fn day(at: Timestamp) -> String {
    utc(at).strftime("%Y-%m-%d").to_string()
}

/// `2025-01-31 12:30`.
#[must_use]
pub fn minute(at: Timestamp) -> String {
    utc(at).strftime("%Y-%m-%d %H:%M").to_string()
}

/// When this month begins; months beyond December are those of the next years.
#[must_use]
pub fn month_begins(year: i16, month: i32) -> Option<Timestamp> {
    let (year, month) = (i32::from(year) + (month - 1).div_euclid(12), (month - 1).rem_euclid(12) + 1);
    let first = jiff::civil::Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, 1).ok()?;
    let at = TimeZone::UTC.to_timestamp(first.at(0, 0, 0, 0)).ok()?;
    Some(Timestamp(at.as_millisecond()))
}

/// `Jan`; nothing for a number that is no month.
#[must_use]
pub fn month_name(month: u8) -> &'static str {
    const NAMES: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    usize::from(month).checked_sub(1).and_then(|place| NAMES.get(place)).copied().unwrap_or_default()
}

fn utc(at: Timestamp) -> DateTime {
    TimeZone::UTC.to_datetime(jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_in_utc() {
        let at = Timestamp(1_738_326_600_000);
        assert_eq!((civil(at), day(at)), ((2025, 1, 31), "2025-01-31".to_owned()));
        assert_eq!(minute(at), "2025-01-31 12:30");
        assert_eq!(month_begins(2025, 1), Some(Timestamp(1_735_689_600_000)));
        assert_eq!(month_begins(2024, 13), month_begins(2025, 1));
        assert_eq!((month_name(1), month_name(12), month_name(13)), ("Jan", "Dec", ""));
        assert_eq!(civil(Timestamp(i64::MAX)).0, 9999); // a file's times may be anything
    }
}
