//! The lengths of candles.

use super::time::{MINUTE_MS, Timestamp};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// How long a candle is. Ordered from the finest to the coarsest; each is a multiple of a minute and divides a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)] // the names say it
pub enum Timeframe {
    M1,
    M3,
    M5,
    M15,
    M30,
    H1,
    H2,
    H4,
    H6,
    H8,
    H12,
    D1,
}

/// The text is not the name of a timeframe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no timeframe; allowed are 1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 8h, 12h, 1d")]
pub struct TimeframeError(pub String);

impl Timeframe {
    /// Every timeframe, finest first.
    pub const ALL: [Self; 12] = [
        Self::M1,
        Self::M3,
        Self::M5,
        Self::M15,
        Self::M30,
        Self::H1,
        Self::H2,
        Self::H4,
        Self::H6,
        Self::H8,
        Self::H12,
        Self::D1,
    ];

    /// Length in milliseconds.
    #[must_use]
    pub const fn ms(self) -> i64 {
        // one table: of a match every place that asks has its own, and asks it again
        const MINUTES: [i64; Timeframe::ALL.len()] = [1, 3, 5, 15, 30, 60, 120, 240, 360, 480, 720, 1440];
        MINUTES[self as usize] * MINUTE_MS
    }

    /// The name that exchanges and file names use, such as `30m`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::M1 => "1m",
            Self::M3 => "3m",
            Self::M5 => "5m",
            Self::M15 => "15m",
            Self::M30 => "30m",
            Self::H1 => "1h",
            Self::H2 => "2h",
            Self::H4 => "4h",
            Self::H6 => "6h",
            Self::H8 => "8h",
            Self::H12 => "12h",
            Self::D1 => "1d",
        }
    }

    /// The opening time of the candle that contains `at`.
    #[must_use]
    pub const fn open_of(self, at: Timestamp) -> Timestamp {
        at.floor_to(self.ms())
    }

    /// Whether candles of `finer` (or of this timeframe) fill one of this timeframe, with none reaching beyond.
    #[must_use]
    pub const fn holds_whole(self, finer: Self) -> bool {
        HELD_WHOLE[self as usize] & (1 << finer as u16) != 0
    }

    /// The first close of this timeframe after `at`.
    #[must_use]
    pub const fn next_close(self, at: Timestamp) -> Timestamp {
        self.open_of(at).plus_ms(self.ms())
    }
}

/// For each timeframe those that fill it, as bits: it is asked for every frame at every candle, and a division is slow.
const HELD_WHOLE: [u16; Timeframe::ALL.len()] = {
    let mut held = [0; Timeframe::ALL.len()];
    let mut pair = 0;
    while pair < held.len() * held.len() {
        let (coarse, fine) = (pair / held.len(), pair % held.len());
        if Timeframe::ALL[coarse].ms() % Timeframe::ALL[fine].ms() == 0 {
            held[coarse] |= 1 << fine;
        }
        pair += 1;
    }
    held
};

impl fmt::Display for Timeframe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Timeframe {
    type Err = TimeframeError;

    fn from_str(text: &str) -> Result<Self, TimeframeError> {
        let found = Self::ALL.into_iter().find(|timeframe| timeframe.name() == text);
        found.ok_or_else(|| TimeframeError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_divide_a_day() {
        for timeframe in Timeframe::ALL {
            assert_eq!(timeframe.name().parse(), Ok(timeframe));
            assert_eq!(super::super::time::DAY_MS % timeframe.ms(), 0);
        }
        assert!("7m".parse::<Timeframe>().is_err());
    }

    #[test]
    fn a_close_belongs_to_the_candle_that_it_opens() {
        let close = Timestamp(30 * MINUTE_MS);
        assert_eq!(Timeframe::M30.open_of(close), close);
        assert_eq!(Timeframe::M30.next_close(close), Timestamp(60 * MINUTE_MS));
        assert_eq!(Timeframe::M30.next_close(close.plus_ms(-1)), close);
    }
}
