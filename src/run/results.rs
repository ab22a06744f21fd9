//! What a run leaves behind in `--out`, and what becomes of it while the disk refuses.

use super::{
    backoff::Backoff,
    trades_csv::{OutError, TradesCsv, row},
};
use crate::engine::{Settings, Trade};
use log::info;
use std::time::{Duration, Instant};

/// The files of `--out`; without it, nothing.
#[derive(Debug, Default)]
pub struct Results {
    csv: Option<TradesCsv>,
    backoff: Backoff,
    /// After a failure: when it is tried again.
    retry_at: Option<Instant>,
}

impl Results {
    /// Into this file, where there is one.
    #[must_use]
    pub fn new(csv: Option<TradesCsv>) -> Self {
        Self { csv, ..Self::default() }
    }

    /// A trade to be written.
    pub fn add(&mut self, trade: &Trade, settings: &Settings) -> Result<(), OutError> {
        let Some(csv) = &mut self.csv else { return Ok(()) };
        let symbol = &settings.instruments[trade.symbol.index()].symbol;
        csv.add(&row(trade, symbol, &settings.strategies[usize::from(trade.strategy)].name))
    }

    /// Writes what waits, unless that failed a short while ago.
    pub fn flush(&mut self, now: Instant) -> Result<(), OutError> {
        match &mut self.csv {
            Some(csv) if self.retry_at.is_none_or(|at| at <= now) => {
                csv.flush()?;
                if self.retry_at.take().is_some() {
                    info!("{} is written again", csv.path().display());
                }
            }
            Some(_) | None => {}
        }
        Ok(())
    }

    /// It failed: how long until [`Results::flush`] tries again.
    pub fn pause(&mut self, now: Instant) -> Duration {
        let pause = self.backoff.pause(now);
        self.retry_at = Some(now + pause);
        pause
    }

    /// Writes what waits, now.
    pub fn finish(&mut self) -> Result<(), OutError> {
        self.csv.as_mut().map_or(Ok(()), TradesCsv::flush)
    }
}
