//! What a run leaves behind in `--out`, and what becomes of it while the disk refuses.

use super::{
    backoff::Backoff,
    trades_csv::{OutError, TradesCsv},
};
use crate::{
    backtest::{Ending, Recorder, Report, report},
    engine::{Engine, Trade},
    market::ClosedCandle,
    store::TradeRow,
};
use log::info;
use std::{
    path::Path,
    time::{Duration, Instant},
};

/// The files of `--out`; without it, nothing.
#[derive(Debug, Default)]
pub struct Results {
    csv: Option<TradesCsv>,
    /// What the report at the end is made of, from the beginning of trading on.
    recorder: Option<Box<Recorder>>,
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

    /// The history is over: what comes now is in the report.
    pub fn begin(&mut self, engine: &Engine) {
        self.recorder = self.csv.as_ref().map(|_| Box::new(Recorder::new(engine)));
    }

    /// A candle that the engine has taken in.
    pub fn candle(&mut self, closed: &ClosedCandle, engine: &Engine) {
        if let Some(recorder) = &mut self.recorder {
            recorder.candle(closed, engine);
        }
    }

    /// A trade to be written.
    pub fn add(&mut self, trade: &Trade, engine: &Engine) -> Result<(), OutError> {
        let Some(csv) = &mut self.csv else { return Ok(()) };
        if let Some(recorder) = &mut self.recorder {
            recorder.trade(trade, engine);
        }
        csv.add(&TradeRow::of(trade, engine.settings()))
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

    /// Writes what waits, now, and the report beside it.
    pub fn finish(&mut self, engine: &Engine, ending: Ending) -> Result<(), OutError> {
        let Some(csv) = &mut self.csv else { return Ok(()) };
        csv.flush()?;
        let Some(recorder) = self.recorder.take() else { return Ok(()) };
        let dir = csv.path().parent().unwrap_or(Path::new("."));
        let record = recorder.finish(engine, ending);
        report::write(&record, &Report::of(&record), dir).map_err(|cause| OutError::new(dir, cause))?;
        info!("Report: {}", dir.join("report.html").display());
        Ok(())
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
        let (start, trade, trader) = (Instant::now(), rig::trade(Reason::Stop), rig::trader());
        results.add(&trade, trader.engine()).unwrap();
        let pause = results.pause(start);
        for (ms, want) in [(0, 0), (pause.as_millis() as u64 - 1, 0), (pause.as_millis() as u64, 1)] {
            results.flush(start + Duration::from_millis(ms)).unwrap();
            assert_eq!(rows(), want, "after {ms} ms");
        }
        results.pause(start);
        results.add(&trade, trader.engine()).unwrap();
        results.finish(trader.engine(), Ending::Data).unwrap();
        assert_eq!(rows(), 2, "the end of a run doesn't wait");
    }

    #[test]
    fn without_a_folder_everything_is_fine() {
        let mut results = Results::new(None);
        let trader = rig::trader();
        results.begin(trader.engine());
        results.add(&rig::trade(Reason::Stop), trader.engine()).unwrap();
        results.flush(Instant::now()).and(results.finish(trader.engine(), Ending::Data)).unwrap();
    }

    #[test]
    fn the_report_is_of_what_came_after_the_history() {
        let folder = tempfile::tempdir().unwrap();
        let mut results = Results::new(Some(TradesCsv::create(folder.path(), &[]).unwrap()));
        let trader = rig::trader();
        results.candle(&rig::minute(0, 100.0, 101.0), trader.engine());
        results.begin(trader.engine());
        results.candle(&rig::minute(1, 101.0, 102.0), trader.engine());
        results.add(&rig::trade(Reason::Stop), trader.engine()).unwrap();
        results.finish(trader.engine(), Ending::Interrupted).unwrap();
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        let json: serde_json::Value = serde_json::from_str(&read("report.json")).unwrap();
        assert_eq!(
            (&json["candles"], &json["ending"], &json["trades"]["trades"]),
            (&1.into(), &"interrupted".into(), &1.into())
        );
        assert!(read("report.html").starts_with("<!doctype html>") && read("equity.csv").lines().count() > 1);
    }
}
