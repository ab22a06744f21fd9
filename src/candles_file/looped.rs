//! The same files again, later.

use super::error::FileError;
use super::feed::Feed;
use crate::market::{ClosedCandle, DAY_MS};

/// How often the files were read, and how far their times are moved on.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    looped: bool,
    ended: u64,
    moved_ms: i64,
}

impl Rounds {
    /// Whether the files are read for the first time.
    pub fn first(&self) -> bool {
        self.ended == 0
    }

    /// The candle at this round's time.
    pub fn moved_on(&self, mut candle: ClosedCandle) -> ClosedCandle {
        candle.candle.open_time = candle.candle.open_time.plus_ms(self.moved_ms);
        candle
    }
}

impl Feed {
    /// Starts the files again at their end, without end.
    ///
    /// Times move on by the length of the data each time, rounded up to whole days so that candles of every timeframe stay aligned; prices jump
    /// back to the first one. History comes only the first time, and the tally counts only that. A feed without files stays empty.
    #[must_use]
    pub fn looped(mut self) -> Self {
        self.rounds.looped = true;
        self
    }

    /// Begins the next round; false when there is none.
    pub(super) fn again(&mut self) -> Result<bool, FileError> {
        let Some((begin, end)) = self.span().filter(|_| self.rounds.looped) else { return Ok(false) };
        let whole_days = end.plus_ms(DAY_MS - 1).since_ms(begin) / DAY_MS;
        self.rounds.moved_ms = self.rounds.moved_ms.saturating_add(whole_days * DAY_MS);
        self.rounds.ended += 1;
        self.found.complete = true;
        self.rewind()?;
        Ok(true)
    }
}
