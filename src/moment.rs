//! Moments as a person types them and as a program reads them.

use crate::market::{DAY_MS, HOUR_MS, MINUTE_MS, Timestamp};
use jiff::{
    civil::{Date, DateTime},
    tz::TimeZone,
};
use serde::{Serialize, Serializer, ser::SerializeStruct};

/// A moment of market time as a person types it, in UTC: `2025-01-31`, `2025-01-31T12:30`, or with seconds.
#[must_use]
pub fn parse(text: &str) -> Option<Timestamp> {
    let day = Date::strptime("%Y-%m-%d", text).map(|day| day.at(0, 0, 0, 0));
    let time = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"].into_iter().find_map(|form| DateTime::strptime(form, text).ok());
    let at = day.ok().or(time).and_then(|time| TimeZone::UTC.to_timestamp(time).ok())?;
    Some(Timestamp(at.as_millisecond()))
}

/// The same as the value of a flag.
///
/// # Errors
/// It is none, with what is allowed.
pub fn of_flag(flag: &str, text: &str) -> Result<Timestamp, String> {
    let wrong = || format!("{flag} is `{text}`, but must be a date such as 2025-08-01 or 2025-08-01T12:30 (UTC)");
    parse(text).ok_or_else(wrong)
}

/// The same, or how far back from `now`: `7d`, `12h`, `30m`.
#[must_use]
pub fn parse_since(text: &str, now: Timestamp) -> Option<Timestamp> {
    let units = [('d', DAY_MS), ('h', HOUR_MS), ('m', MINUTE_MS)];
    let back = units.into_iter().find_map(|(unit, ms)| Some((text.strip_suffix(unit)?, ms)));
    match back {
        Some((number, ms)) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(now.plus_ms(-number.parse::<i64>().ok()?.saturating_mul(ms)))
        }
        Some(_) => None,
        None => parse(text),
    }
}

/// Milliseconds since 1970. A program reads it as `{"utc": "2025-01-31T12:30:00Z", "ms": 1738326600000}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub i64);

impl Moment {
    /// The same as market time.
    #[must_use]
    pub const fn at(self) -> Timestamp {
        Timestamp(self.0)
    }
}

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Self(at.0)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let utc = jiff::Timestamp::from_millisecond(self.0).ok().map(|at| at.to_string());
        let mut moment = serializer.serialize_struct("Moment", 2)?;
        moment.serialize_field("utc", &utc)?;
        moment.serialize_field("ms", &self.0)?;
        moment.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_day_or_a_minute_or_a_second_in_utc() {
        for (text, want) in [
            ("2025-01-31", Some(1_738_281_600_000)),
            ("2025-01-31T12:30", Some(1_738_326_600_000)),
            ("2025-01-31T12:30:05", Some(1_738_326_605_000)),
            ("2025-02-30", None),
            ("2025-01-31T12:30+02:00", None),
            ("31.1.2025", None),
            ("yesterday", None),
            ("7d", None),
        ] {
            assert_eq!(parse(text), want.map(Timestamp), "{text}");
            let since = parse_since(text, Timestamp(0));
            assert!(text == "7d" || since == want.map(Timestamp), "{text}: {since:?}");
        }
    }

    #[test]
    fn how_far_back_is_counted_from_now() {
        let now = Timestamp(1_738_326_600_000);
        for (text, want) in [
            ("7d", Some(now.0 - 7 * DAY_MS)),
            ("12h", Some(now.0 - 12 * HOUR_MS)),
            ("30m", Some(now.0 - 30 * MINUTE_MS)),
            ("0d", Some(now.0)),
            ("99999999999999d", Some(now.0 - i64::MAX)),
            ("99999999999999999999d", None),
            ("d", None),
            ("-7d", None),
            ("+7d", None),
            ("1.5d", None),
            ("7 d", None),
            ("7w", None),
            ("7", None),
            ("", None),
        ] {
            assert_eq!(parse_since(text, now), want.map(Timestamp), "{text}");
        }
    }

    #[test]
    fn programs_read_both_forms() {
        let json = |ms| serde_json::to_string(&Moment(ms)).unwrap();
        assert_eq!(json(1_738_326_600_000), r#"{"utc":"2025-01-31T12:30:00Z","ms":1738326600000}"#);
        assert_eq!(json(1_738_326_600_250), r#"{"utc":"2025-01-31T12:30:00.25Z","ms":1738326600250}"#);
        assert_eq!(json(i64::MAX), r#"{"utc":null,"ms":9223372036854775807}"#);
    }
}
