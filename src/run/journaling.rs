//! The loop's side of the journal: what the trader is told and does goes to the keeper in blocks. The journal is for finding mistakes; that
//! it can't be written is said, and stops nothing.

use super::{clocks::wall_ms, health::Vitals, keeping::KeepError};
use crate::{
    engine::{Action, Event},
    market::Timestamp,
    store::{
        Gone, Job, Keeper, hurry,
        journal::{JournalError, Recorder},
    },
    trader::{Tally, Trader},
};
use log::warn;
use std::time::{Duration, Instant};

/// Between two blocks of a market that is quiet.
const FLUSH_EVERY: Duration = Duration::from_secs(60);
/// Before a journal that could not be written is tried again.
const PAUSE: Duration = Duration::from_secs(60);
/// Blocks on their way to the disk, at most; some room in the keeper's channel is for money.
const MOST_BLOCKS: usize = 16;

/// The journal, as the loop sees it.
pub struct Journaling {
    recorder: Recorder,
    keeper: Keeper,
    on_its_way: usize,
    flush_due: Instant,
    /// After a failure: when it is tried again.
    retry_at: Option<Instant>,
}

impl Journaling {
    /// A journal in which nothing stands yet.
    #[must_use]
    pub fn new(keeper: Keeper) -> Self {
        let flush_due = Instant::now() + FLUSH_EVERY / hurry();
        Self { recorder: Recorder::default(), keeper, on_its_way: 0, flush_due, retry_at: None }
    }

    /// Before the trader is told something: the first time, on a new day, and after so much, a new segment begins.
    pub fn prepare(&mut self, now: Timestamp, trader: &Trader) -> Result<(), Gone> {
        if self.is_on() && self.recorder.is_due(now) && !self.is_full() {
            self.send(true)?;
            let wall_ms = wall_ms();
            let head = self.recorder.begin(trader, wall_ms);
            self.keeper.send(Job::Segment(wall_ms, head))?;
            self.on_its_way += 1;
        }
        Ok(())
    }

    /// What the trader was told, and what came of it.
    pub fn record(&mut self, now: Timestamp, event: &Event, actions: &[Action], tally: Tally) -> Result<(), Gone> {
        self.recorder.event(now, event, actions, tally);
        self.send(false)
    }

    /// Sends what is together; where the disk is too far behind, this segment ends with a hole and a new one follows.
    fn send(&mut self, all: bool) -> Result<(), Gone> {
        let Some(block) = self.recorder.take(all) else { return Ok(()) };
        if self.is_full() {
            warn!("The journal has a hole: the disk is {MOST_BLOCKS} blocks behind");
            self.recorder.break_off();
            return Ok(());
        }
        self.on_its_way += 1;
        self.keeper.send(Job::Block(block))
    }

    /// The next event begins a new segment, which does not follow from this one.
    pub fn break_off(&mut self) -> Result<(), Gone> {
        self.send(true)?;
        self.recorder.break_off();
        Ok(())
    }

    /// Whether events are recorded at all.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.retry_at.is_none()
    }

    /// Whether the disk is far behind.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.on_its_way >= MOST_BLOCKS
    }

    /// Heads and blocks that the keeper has not answered.
    #[must_use]
    pub const fn on_its_way(&self) -> usize {
        self.on_its_way
    }

    /// When [`Self::turn`] has something to do.
    #[must_use]
    pub fn due(&self) -> Instant {
        self.retry_at.unwrap_or(self.flush_due)
    }

    /// What is there goes to the disk every minute.
    pub fn turn(&mut self, now: Instant) -> Result<(), Gone> {
        self.retry_at.take_if(|at| *at <= now);
        if self.flush_due <= now {
            self.flush_due = now + FLUSH_EVERY / hurry();
            self.send(true)?;
        }
        Ok(())
    }

    /// The rest.
    pub fn finish(&mut self) -> Result<(), Gone> {
        self.send(true)
    }

    /// What became of a head or block.
    pub fn heard(&mut self, outcome: Result<(), JournalError>, vitals: &Vitals) -> Result<(), KeepError> {
        self.on_its_way -= 1;
        match outcome {
            Err(error) if error.in_sync => Err(KeepError::JournalSync(error)),
            Err(error) => {
                if self.retry_at.is_none() {
                    let text =
                        format!("{error}; the journal has a hole, a new segment begins in {} s", PAUSE.as_secs());
                    warn!("{text}");
                    vitals.remark(text);
                }
                self.recorder.break_off();
                self.retry_at = Some(Instant::now() + PAUSE);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}
