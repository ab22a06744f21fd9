//! What a run leaves behind in `--out`, and what becomes of it while the disk refuses.

use super::{
    backoff::Backoff,
    trades_csv::{OutError, TradesCsv},
};
use crate::{
    engine::{Settings, Trade},
    store::TradeRow,
};
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
        csv.add(&TradeRow::new(trade, symbol, &settings.strategies[usize::from(trade.strategy)].name))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{engine::Reason, run::rig};
    use std::fs;

    #[test]
    fn a_failure_is_tried_again_after_its_pause_and_nothing_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let mut results = Results::new(Some(TradesCsv::create(folder.path(), &[]).unwrap()));
        let rows = || fs::read_to_string(folder.path().join("trades.csv")).unwrap().lines().count() - 1;
        let (start, trade) = (Instant::now(), rig::trade(Reason::Stop));
        results.add(&trade, &rig::settings()).unwrap();
        let pause = results.pause(start);
        for (ms, want) in [(0, 0), (pause.as_millis() as u64 - 1, 0), (pause.as_millis() as u64, 1)] {
            results.flush(start + Duration::from_millis(ms)).unwrap();
            assert_eq!(rows(), want, "after {ms} ms");
        }
        results.pause(start);
        results.add(&trade, &rig::settings()).unwrap();
        results.finish().unwrap();
        assert_eq!(rows(), 2, "the end of a run doesn't wait");
    }

    #[test]
    fn without_a_folder_everything_is_fine() {
        let mut results = Results::new(None);
        results.add(&rig::trade(Reason::Stop), &rig::settings()).unwrap();
        results.flush(Instant::now()).and(results.finish()).unwrap();
    }
}
