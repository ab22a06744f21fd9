//! Where candles come from: recorded files or the synthetic market.

use super::text::counted;
use crate::{
    candles_file::{Feed, FileError, Offer},
    market::{ClosedCandle, SymbolId, Timeframe},
    simulation::prices::Market,
};

/// One of the two sources that need no network.
pub enum Source {
    /// Recorded candles.
    Files(Box<Feed>),
    /// Made-up prices, without end.
    Made(Box<Market>),
}

impl Source {
    /// The next candle, in the order of their closes; `None` at the end of the data.
    pub fn next(&mut self) -> Result<Option<ClosedCandle>, FileError> {
        match self {
            Self::Files(feed) => feed.next(),
            Self::Made(market) => Ok(market.next()),
        }
    }

    /// The finest timeframe that a symbol's data comes in.
    #[must_use]
    pub fn finest(&self, symbol: SymbolId) -> Timeframe {
        match self {
            Self::Files(feed) => {
                let offers = feed.offers();
                offers.iter().find(|offer| offer.symbol == symbol).and_then(Offer::finest).unwrap_or(Timeframe::D1)
            }
            Self::Made(_) => Timeframe::M1,
        }
    }

    /// What there is to say about the data since the last call.
    pub fn take_remarks(&mut self) -> Vec<String> {
        match self {
            Self::Files(feed) => feed.take_remarks(),
            Self::Made(_) => Vec::new(),
        }
    }

    /// One line about what was read; `None` where nothing is worth it.
    #[must_use]
    pub fn account(&self) -> Option<String> {
        match self {
            Self::Files(feed) => Some(account(feed)),
            Self::Made(_) => None,
        }
    }
}

/// One line about what was read of files.
#[must_use]
pub fn account(feed: &Feed) -> String {
    let tally = feed.tally();
    format!(
        "Data: {} of {}, {} ({} missing), {}",
        counted(tally.rows, "row"),
        counted(tally.files, "file"),
        counted(tally.gaps, "gap"),
        counted(tally.missing, "candle"),
        counted(tally.doubled, "doubled row"),
    )
}

/// A source and the candle that comes next, so that one can see when it is due before it is taken.
pub struct Tape {
    source: Source,
    next: Option<ClosedCandle>,
}

impl Tape {
    /// A source from which `first` has been taken.
    #[must_use]
    pub const fn new(source: Source, first: Option<ClosedCandle>) -> Self {
        Self { source, next: first }
    }

    /// The next candle; `None` at the end of the data.
    #[must_use]
    pub const fn next(&self) -> Option<ClosedCandle> {
        self.next
    }

    /// Goes on behind the next candle, and returns what there is to say about the data.
    pub fn advance(&mut self) -> Result<Vec<String>, FileError> {
        self.next = self.source.next()?;
        Ok(self.source.take_remarks())
    }

    /// What is read from.
    #[must_use]
    pub const fn source(&self) -> &Source {
        &self.source
    }
}
