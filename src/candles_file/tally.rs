//! What the files held besides good rows.

use super::error::utc;
use crate::market::{Symbol, Timeframe, Timestamp};
use std::fmt;

/// What was read so far, and what was survived. Where the files are looped, of the first time only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Files given.
    pub files: u64,
    /// Rows read, doubled ones too.
    pub rows: u64,
    /// Places where candles are missing.
    pub gaps: u64,
    /// Candles missing in all gaps.
    pub missing: u64,
    /// Rows whose candle was there already: repeated in a file, or in an overlapping one. The first is kept.
    pub doubled: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { files, rows, gaps, missing, doubled } = self;
        write!(f, "files {files}, rows {rows}, gaps {gaps} (missing candles {missing}), doubled rows {doubled}")
    }
}

/// The tally, with the words about the first of each kind in each file.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub tally: Tally,
    pub remarks: Vec<String>,
    /// The files were read once; what they hold is known.
    pub complete: bool,
}

/// Where something was found.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub file: &'a str,
    pub line: u64,
    pub symbol: &'a Symbol,
    pub timeframe: Timeframe,
    pub open: Timestamp,
}

/// What this file has had already, since only the first of each is worth words.
#[derive(Debug, Default)]
pub(super) struct Said {
    gap: bool,
    doubled: bool,
}

impl Findings {
    /// A row was read.
    pub fn row(&mut self) {
        self.tally.rows += u64::from(!self.complete);
    }

    /// `missing` candles are not there before the row at `place`.
    pub fn gap(&mut self, missing: u64, place: &Place<'_>, said: &mut Said) {
        if self.complete {
            return;
        }
        self.tally.gaps += 1;
        self.tally.missing += missing;
        if !std::mem::replace(&mut said.gap, true) {
            let Place { file, line, symbol, timeframe, open } = place;
            let open = utc(*open);
            self.remarks.push(format!(
                "{file}:{line}: a gap before {open}, missing candles of {symbol} {timeframe}: {missing}; \
                 more gaps of this file are counted in the summary"
            ));
        }
    }

    /// The candle of the row at `place` was there already.
    pub fn doubled(&mut self, place: &Place<'_>, said: &mut Said) {
        if self.complete {
            return;
        }
        self.tally.doubled += 1;
        if !std::mem::replace(&mut said.doubled, true) {
            let Place { file, line, symbol, timeframe, open } = place;
            let open = utc(*open);
            self.remarks.push(format!(
                "{file}:{line}: a doubled row, the {timeframe} candle of {symbol} at {open} was there already; \
                 the first is kept, more doubled rows of this file are counted in the summary"
            ));
        }
    }
}
