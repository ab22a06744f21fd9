//! Recorded candles between two dates, as a driver reads them.

use crate::{
    candles_file::{Feed, FileError},
    market::{ClosedCandle, Timestamp},
};

/// A feed whose candles before a date are history, and which ends at another.
pub struct Recorded {
    feed: Feed,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

impl Recorded {
    /// What opens before `from` only warms; what closes after `to` is not read.
    #[must_use]
    pub const fn new(feed: Feed, from: Option<Timestamp>, to: Option<Timestamp>) -> Self {
        Self { feed, from, to }
    }

    /// Since when they are no history.
    #[must_use]
    pub const fn from(&self) -> Option<Timestamp> {
        self.from
    }

    /// Where candles come from.
    pub const fn feed(&mut self) -> &mut Feed {
        &mut self.feed
    }
}

impl Iterator for Recorded {
    type Item = Result<ClosedCandle, FileError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let candle = match self.feed.next().transpose()? {
            Ok(candle) => candle,
            Err(error) => return Some(Err(error)),
        };
        if self.to.is_some_and(|to| candle.closes_at() > to) {
            return None;
        }
        let history = candle.history || self.from.is_some_and(|from| candle.candle.open_time < from);
        Some(Ok(ClosedCandle { history, ..candle }))
    }
}
