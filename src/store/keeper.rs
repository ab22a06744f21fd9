//! The thread that writes. A disk may take seconds, or not answer at all; the trading loop goes on meanwhile.
//!
//! Jobs go in through a bounded channel and are done in order, each with one answer. Whoever sends keeps fewer than [`MOST_JOBS`] of them
//! on their way, so that nobody ever waits for room.

use super::{
    Batch, Database, StoreError,
    journal::{JournalError, Segments},
    last_run::{Run, RunEnd},
    plug::{hurry, linger, plug},
};
use async_channel::{Receiver, Sender, bounded};
use std::{
    io, thread,
    time::{Duration, Instant},
};

/// Jobs on their way, at most.
pub const MOST_JOBS: usize = 32;
/// How often what is too old or too much is deleted.
const TIDY_EVERY: Duration = Duration::from_secs(3600);
/// Also after so many segments of the journal, which are 16 MB each at most: a market whose time is fast fills a disk sooner.
const TIDY_SEGMENTS: u32 = 8;
const DAY_MS: i64 = 86_400_000;
/// Of the stack of the thread, which runs SQLite.
const STACK_BYTES: usize = 256 * 1024;

/// Something to be written.
#[derive(Debug)]
pub enum Job {
    /// The run begins.
    Begin(Run),
    /// One transaction.
    Batch(Box<Batch>),
    /// The head of a new segment of the journal, and its wall-clock time in milliseconds since 1970.
    Segment(i64, Vec<u8>),
    /// A block of the segment.
    Block(Vec<u8>),
    /// The run ends, with its last batch.
    End(Box<Ending>),
}

impl Job {
    /// The wall clock, milliseconds since 1970, where it tells.
    fn now_ms(&self) -> Option<i64> {
        match self {
            Self::Segment(at_ms, _) => Some(*at_ms),
            Self::Batch(batch) => batch.sample.as_ref().map(|sample| sample.at_ms),
            Self::Begin(_) | Self::Block(_) | Self::End(_) => None,
        }
    }
}

/// The end of a run.
#[derive(Debug)]
pub struct Ending {
    /// How it ended.
    pub end: RunEnd,
    /// The state that it leaves; `None` where that can't be trusted.
    pub last: Option<Batch>,
}

/// What became of a job.
#[derive(Debug)]
pub enum Answer {
    /// Of the run's beginning.
    Begun(Result<(), StoreError>),
    /// Of the run's end.
    Ended(Result<(), StoreError>),
    /// The transaction, given back, and whether it is on the disk.
    Batch(Box<Batch>, Result<(), StoreError>),
    /// A head or block of the journal.
    Journal(Result<(), JournalError>),
}

/// What is kept, and how long.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Age of journal and samples, in days.
    pub keep_days: u64,
    /// Of the whole, in bytes.
    pub bytes: u64,
}

/// The trading loop's end of the thread.
#[derive(Debug, Clone)]
pub struct Keeper {
    jobs: Sender<Job>,
    answers: Receiver<Answer>,
}

/// The thread has ended: it panicked, and the log says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store's thread has ended")]
pub struct Gone;

impl Keeper {
    /// Starts the thread, which owns all files from now on.
    ///
    /// # Errors
    ///
    /// The system has no thread left.
    pub fn start(database: Database, segments: Segments, limits: Limits) -> io::Result<Self> {
        let (jobs, to_do) = bounded(MOST_JOBS);
        let (done, answers) = bounded(MOST_JOBS);
        let disk = Disk { database, segments, limits, to_begin: None, run: None, tidied: None, begun: 0 };
        let builder = thread::Builder::new().name("store".to_owned()).stack_size(STACK_BYTES);
        builder.spawn(move || disk.keep(&to_do, &done))?;
        Ok(Self { jobs, answers })
    }

    /// A loop's end whose thread is a test.
    #[cfg(test)]
    #[must_use]
    pub fn by_hand() -> (Self, Receiver<Job>, Sender<Answer>) {
        let ((jobs, to_do), (done, answers)) = (bounded(MOST_JOBS), bounded(MOST_JOBS));
        (Self { jobs, answers }, to_do, done)
    }

    /// Hands a job over.
    ///
    /// # Errors
    ///
    /// The thread is gone, or more than [`MOST_JOBS`] are on their way.
    pub fn send(&self, job: Job) -> Result<(), Gone> {
        self.jobs.try_send(job).map_err(|_| Gone)
    }

    /// The next answer that has come.
    #[must_use]
    pub fn answered(&self) -> Option<Answer> {
        self.answers.try_recv().ok()
    }

    /// Waits for the next answer.
    ///
    /// # Errors
    ///
    /// The thread is gone.
    pub async fn answer(&self) -> Result<Answer, Gone> {
        self.answers.recv().await.map_err(|_| Gone)
    }
}

/// What the thread owns.
struct Disk {
    database: Database,
    segments: Segments,
    limits: Limits,
    /// The run that can't be written down yet.
    to_begin: Option<Run>,
    run: Option<i64>,
    tidied: Option<Instant>,
    /// Segments since then.
    begun: u32,
}

impl Disk {
    fn keep(mut self, jobs: &Receiver<Job>, answers: &Sender<Answer>) {
        while let Ok(job) = jobs.recv_blocking() {
            plug("before a write");
            linger();
            let now_ms = job.now_ms();
            let answer = self.perform(job);
            plug("after a write");
            if answers.send_blocking(answer).is_err() {
                return;
            }
            // after the answer, which is waited for
            now_ms.into_iter().for_each(|now_ms| self.tidy(now_ms));
        }
    }

    fn perform(&mut self, job: Job) -> Answer {
        match job {
            Job::Begin(run) => {
                self.to_begin = Some(run);
                Answer::Begun(self.begin())
            }
            Job::Batch(batch) => {
                let outcome = self.begin().and_then(|()| self.database.commit(&batch));
                Answer::Batch(batch, outcome)
            }
            Job::Segment(wall_ms, head) => {
                self.begun += 1;
                Answer::Journal(self.segments.begin(wall_ms, &head))
            }
            Job::Block(block) => Answer::Journal(self.append(&block)),
            Job::End(ending) => Answer::Ended(self.end(&ending)),
        }
    }

    fn append(&mut self, block: &[u8]) -> Result<(), JournalError> {
        self.segments.append(block)?;
        // a minute later the system would have written it by itself, and the next block the same page again
        if hurry() > 1 { self.segments.sync() } else { Ok(()) }
    }

    /// Writes down that the run has begun, where that is still to be done.
    fn begin(&mut self) -> Result<(), StoreError> {
        let Some(run) = &self.to_begin else { return Ok(()) };
        self.run = Some(self.database.begin_run(run)?);
        self.to_begin = None;
        Ok(())
    }

    fn end(&mut self, Ending { end, last }: &Ending) -> Result<(), StoreError> {
        self.begin()?;
        match (self.run, last) {
            (Some(run), _) => self.database.end_run(run, end, last.as_ref()),
            (None, Some(last)) => self.database.commit(last),
            (None, None) => Ok(()),
        }
    }

    /// Deletes what is too old or too much. That it can't be done is no reason to fail: the next time does it.
    fn tidy(&mut self, now_ms: i64) {
        if self.begun < TIDY_SEGMENTS && self.tidied.is_some_and(|at| at.elapsed() < TIDY_EVERY / hurry()) {
            return;
        }
        (self.tidied, self.begun) = (Some(Instant::now()), 0);
        let keep_ms = i64::try_from(self.limits.keep_days).unwrap_or(i64::MAX).saturating_mul(DAY_MS);
        let forgotten = self.database.forget(now_ms.saturating_sub(keep_ms));
        let room = self.limits.bytes.saturating_sub(self.database.size());
        let pruned = self.segments.prune(now_ms, keep_ms, room);
        for trouble in [forgotten.err().map(|e| e.to_string()), pruned.err().map(|e| e.to_string())] {
            trouble.iter().for_each(|trouble| log::warn!("Old records stay: {trouble}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::journal;

    #[test]
    fn a_journal_that_grows_fast_stays_near_its_limit_and_nobody_waits_for_that() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("smolbear.db"), None).unwrap();
        let segments = Segments::open(&folder.path().join("journal")).unwrap();
        let head = 100 << 10;
        let keeper = Keeper::start(database, segments, Limits { keep_days: 30, bytes: 10 * head }).unwrap();
        for number in 0..40 {
            keeper.send(Job::Segment(number, vec![b'x'; head as usize])).unwrap();
            let answer = async_io::block_on(keeper.answer()).unwrap();
            assert!(matches!(answer, Answer::Journal(Ok(()))), "{answer:?}");
        }
        let kept = journal::list(&folder.path().join("journal")).unwrap().len() as u64;
        assert!((5..10 + 2 * u64::from(TIDY_SEGMENTS)).contains(&kept), "{kept}");
    }
}
