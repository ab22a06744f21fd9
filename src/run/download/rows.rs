//! The two kinds of rows that a download writes.

use crate::{
    candles_file::{HEADER, read_row, write_row},
    market::{Candle, FundingRate, Timeframe, Timestamp},
};
use std::io::Write;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Candles of this length.
    Candles(Timeframe),
    /// Funding rates that were settled.
    Rates,
}

impl Kind {
    /// The columns.
    pub const fn header(self) -> &'static str {
        match self {
            Self::Candles(_) => HEADER,
            Self::Rates => "funding_time_ms,rate",
        }
    }

    /// The word for it in a file's name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Candles(timeframe) => timeframe.name(),
            Self::Rates => "funding",
        }
    }

    /// The time of a row without its line end; `None` where it is no row of this kind.
    pub fn time_of(self, line: &[u8]) -> Option<Timestamp> {
        match self {
            Self::Candles(timeframe) => {
                let open_time = read_row(line)?.open_time;
                (timeframe.open_of(open_time) == open_time).then_some(open_time)
            }
            Self::Rates => {
                let (at, rate) = std::str::from_utf8(line).ok()?.split_once(',')?;
                rate.parse::<f64>().ok().filter(|rate| rate.is_finite())?;
                at.parse().ok().map(Timestamp)
            }
        }
    }

    /// How far a row may lie behind the one before it without a gap; `None` where rows have no fixed distance.
    pub const fn spacing_ms(self) -> Option<i64> {
        match self {
            Self::Candles(timeframe) => Some(timeframe.ms()),
            Self::Rates => None,
        }
    }
}

/// Rows with the times of the first and the last, as one text.
#[derive(Debug, Default)]
pub struct Page {
    /// The rows, each with its line end.
    pub text: Vec<u8>,
    /// Their times.
    pub times: Vec<Timestamp>,
}

impl Page {
    /// Adds a candle.
    pub fn candle(&mut self, candle: &Candle) {
        // a list of bytes takes everything
        let _ = write_row(&mut self.text, candle);
        self.times.push(candle.open_time);
    }

    /// Adds a rate.
    pub fn rate(&mut self, rate: &FundingRate) {
        let _ = writeln!(self.text, "{},{}", rate.at.0, rate.rate);
        self.times.push(rate.at);
    }
}
