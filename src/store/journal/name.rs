//! Names of segments: `00000042-20250131T120000Z.seg`.
//!
//! The number counts up for as long as the folder lives, so that names sort as segments were begun, whatever the wall clock did.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use std::{fmt, str::FromStr};

const TIME: &str = "%Y%m%dT%H%M%SZ";

/// What a segment is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// Counts up from 1.
    pub number: u64,
    /// When it was begun by the wall clock, in milliseconds since 1970; a name has whole seconds.
    pub begun_ms: i64,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let begun = Timestamp::from_millisecond(self.begun_ms).unwrap_or_default();
        write!(f, "{:08}-{}.seg", self.number, begun.strftime(TIME))
    }
}

/// The name is not one of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no name of a segment")]
pub struct NameError;

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (number, time) = text.strip_suffix(".seg").and_then(|name| name.split_once('-')).ok_or(NameError)?;
        let begun = DateTime::strptime(TIME, time).and_then(|time| TimeZone::UTC.to_timestamp(time));
        let begun_ms = begun.map_err(|_| NameError)?.as_millisecond();
        let name = Self { number: number.parse().map_err(|_| NameError)?, begun_ms };
        (name.to_string() == text).then_some(name).ok_or(NameError)
    }
}
