//! The end of the loop: no new entries, positions closed where that is wanted, and the last state made ready for the disk.

use super::{Due, LoopError, Realtime, noted};
use crate::{
    backtest::Ending,
    market::Timestamp,
    stop::{Cause, Latch},
    trader::Trader,
};
use log::debug;
use std::time::{Duration, Instant};

/// How long the end of a run waits for the disk.
const LAST_WRITE: Duration = Duration::from_secs(5);
impl Realtime {
    /// No new entries; positions are closed where the configuration says so, at the last known prices; and the last state is saved.
    pub(super) async fn close_down(&mut self, cause: Cause) -> Result<(), LoopError> {
        let tally = self.trader.tally();
        debug!("actions hash {:016x} after {} actions, {} fills", tally.hash(), tally.actions, tally.fills);
        let patience = Instant::now() + LAST_WRITE;
        let close = self.close_on_stop || cause == Cause::Emergency;
        let mut outcome = Ok(());
        noted(self.settle(patience).await, &mut outcome)?;
        let at = self.standing(Instant::now());
        noted(self.tell(at, Trader::ending(close)), &mut outcome)?;
        noted(self.settle(patience).await, &mut outcome)?;
        if self.is_live() {
            noted(self.see_out(close, Instant::now() + super::exchange::LAST_ORDERS).await, &mut outcome)?;
        }
        for price in self.trader.parting(at).into_iter().filter(|_| close) {
            if self.trader.outstanding().is_some() {
                break; // the disk has not answered in time, and takes no more
            }
            // One that can't be written down is no reason to leave the others open.
            noted(self.tell(at, price), &mut outcome)?;
            noted(self.settle(patience).await, &mut outcome)?;
        }
        let finished = self.results.finish(self.trader.engine(), ending(cause));
        noted(finished.map_err(LoopError::Out), &mut outcome)?;
        noted(self.save(patience).await, &mut outcome)?;
        outcome
    }

    /// Waits until no commit is waited for, if the disk answers in time.
    async fn settle(&mut self, until: Instant) -> Result<(), LoopError> {
        while self.trader.outstanding().is_some() {
            match Latch::<()>::new().or_at_latest(until, self.keeping.answer()).await {
                Some(answer) => self.hear(answer)?,
                None => break,
            }
        }
        Ok(())
    }

    /// Makes the last state ready to be saved, once the disk has done what it was told before, if it answers in time.
    async fn save(&mut self, until: Instant) -> Result<(), LoopError> {
        let sample = self.signs.sample(self.trader.engine(), self.market(Instant::now()));
        self.keeping.finish(&self.trader, sample)?;
        while !self.keeping.is_quiet() {
            match Latch::<()>::new().or_at_latest(until, self.keeping.answer()).await {
                Some(answer) => self.hear(answer)?,
                None => break,
            }
        }
        Ok(())
    }

    /// The market's time now, as far as its events have happened: the next run goes on here, and must find all that follow still to come.
    pub(super) fn standing(&self, now: Instant) -> Timestamp {
        match self.due() {
            Due::Event { at, .. } => self.pace.market(now).min(at),
            Due::Protection { .. } | Due::Disk | Due::Nothing | Due::Over => self.pace.latest(),
        }
    }
}

/// What a report says of the end.
const fn ending(cause: Cause) -> Ending {
    match cause {
        Cause::DurationReached | Cause::DataOver => Ending::Data,
        Cause::Emergency => Ending::Emergency,
        Cause::Interrupt | Cause::Terminate | Cause::HangUp | Cause::SupervisorGone | Cause::Failure => {
            Ending::Interrupted
        }
    }
}
