//! Where candles come from: recorded files or the synthetic market.

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
            Self::Files(feed) => {
                let tally = feed.tally();
                Some(format!(
                    "Data: {} rows of {} file{}, {} gap{} ({} candles missing), {} doubled row{}",
                    tally.rows,
                    tally.files,
                    plural(tally.files),
                    tally.gaps,
                    plural(tally.gaps),
                    tally.missing,
                    tally.doubled,
                    plural(tally.doubled),
                ))
            }
            Self::Made(_) => None,
        }
    }
}

const fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}
