//! The thread that writes. A disk may take seconds, or not answer at all; the trading loop goes on meanwhile.
//!
//! Jobs go in through a bounded channel and are done in order, each with one answer. Whoever sends keeps fewer than [`MOST_JOBS`] of them
//! on their way, so that nobody ever waits for room.

use super::{
    Batch, Database, Fault, StoreError, folder,
    journal::{JournalError, Segments},
    last_run::{Run, RunEnd},
    plug::{hurry, linger, plug},
    tidy::{Limits, Tidy},
};
use async_channel::{Receiver, Sender, bounded};
use std::{io, thread};

/// Jobs on their way, at most.
pub const MOST_JOBS: usize = 32;
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
        let disk = Disk { database, segments, tidy: Tidy::new(limits, folder::room), to_begin: None, run: None };
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
    tidy: Tidy,
    /// The run that can't be written down yet.
    to_begin: Option<Run>,
    run: Option<i64>,
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
            if let Some(now_ms) = now_ms {
                self.tidy.tidy(now_ms, &mut self.database, &mut self.segments);
            }
        }
    }

    fn perform(&mut self, job: Job) -> Answer {
        match job {
            Job::Begin(run) => {
                self.to_begin = Some(run);
                Answer::Begun(self.with_room(Self::begin))
            }
            Job::Batch(batch) => {
                let outcome = self.with_room(|disk| disk.begin().and_then(|()| disk.database.commit(&batch)));
                Answer::Batch(batch, outcome)
            }
            Job::Segment(wall_ms, head) => {
                self.tidy.segment();
                Answer::Journal(self.with_room(|disk| disk.segments.begin(wall_ms, &head)))
            }
            Job::Block(block) => Answer::Journal(self.with_room(|disk| disk.append(&block))),
            Job::End(ending) => Answer::Ended(self.with_room(|disk| disk.end(&ending))),
        }
    }

    /// Writes something, and once more if the disk was full and old journal has made room.
    fn with_room<E: MayBeFull>(&mut self, write: impl Fn(&mut Self) -> Result<(), E>) -> Result<(), E> {
        match write(self) {
            Err(error) if error.is_full() && self.tidy.make_room(&mut self.segments) => write(self),
            outcome => outcome,
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
}

/// A failure for want of room, or another one.
trait MayBeFull {
    fn is_full(&self) -> bool;
}

impl MayBeFull for StoreError {
    fn is_full(&self) -> bool {
        self.fault == Fault::Full
    }
}

impl MayBeFull for JournalError {
    fn is_full(&self) -> bool {
        !self.in_sync && self.cause.kind() == io::ErrorKind::StorageFull
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{journal, tidy::SEGMENTS};

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
        assert!((5..10 + 2 * u64::from(SEGMENTS)).contains(&kept), "{kept}");
    }
}
