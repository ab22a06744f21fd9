//! The trading loop's side of its memory on disk: what must be durable goes to the keeper, and what became of it comes back.
//!
//! At most one transaction is on its way. What is to be made durable meanwhile waits as one more, since a state makes an older one
//! superfluous; so however slow a disk is, there is little to be written and nothing to be counted.

use super::{backoff::Backoff, health::Vitals, journaling::Journaling, text::counted};
use crate::{
    engine::{Action, Event, Record, Trade},
    market::Timestamp,
    store::{
        Answer, Batch, Cursor, Fault, Gone, Halt, HaltKind, Job, Keeper, Memory, Names, Said, SaidKind, Sample,
        StoreError, hurry, journal::JournalError, plug,
    },
    trader::Trader,
};
use log::{error, info};
use std::{
    collections::VecDeque,
    future,
    time::{Duration, Instant},
};

/// Between two samples, which also bring the state on the disk up to date.
const SAMPLE_EVERY: Duration = Duration::from_secs(300);
/// Lines that wait to be kept, at most.
const MOST_SAID: usize = 100;
/// Records that wait for a disk that refuses them, at most.
const MOST_UNSAVED: usize = 10_000;

/// What ends a run because its memory can't be trusted any more (exit code 70).
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The disk failed to confirm a write; a retry may lie.
    #[error("{0}: ended, since what was written may be lost; the next start goes on from what is there")]
    Fsync(StoreError),
    /// The same of the journal.
    #[error("{0}: ended, since what was written may be lost")]
    JournalSync(JournalError),
    /// Our own mistake.
    #[error(transparent)]
    Broken(StoreError),
    /// The thread panicked.
    #[error(transparent)]
    Gone(#[from] Gone),
}

/// The loop's memory: where it stands in the data, and the disk that remembers it, if any.
pub struct Keeping {
    names: Names,
    cursor: Cursor,
    disk: Option<OnDisk>,
    begun: bool,
    /// What the trader waits for.
    asked: Option<Asked>,
    /// A batch that the trader may count as done.
    done: Option<u64>,
    /// Trades whose batch, named here, is not done yet.
    trades: Vec<(u64, Trade)>,
}

/// A commit that was asked for.
#[derive(Debug, Clone, Copy)]
struct Asked {
    /// The newest one: what a protective order does that has waited too long is another batch.
    batch: u64,
    /// When, and at what market time, the waiting began.
    since: (Instant, Timestamp),
}

/// The disk, as the loop sees it.
struct OnDisk {
    keeper: Keeper,
    vitals: Vitals,
    /// The transaction that is being written: the number of the trader's commit in it, where it has one.
    on_its_way: Option<Option<u64>>,
    /// What waits to be written then.
    next: Option<(Option<u64>, Box<Batch>)>,
    /// What the disk has refused, to be written before anything else.
    refused: Option<Box<Batch>>,
    /// Since when the disk owes an answer.
    silent_since: Option<Instant>,
    /// What waits goes with the run's end.
    closing: bool,
    said: VecDeque<Said>,
    halt: Option<Halt>,
    sample_due: Instant,
    /// Records that were too many to keep.
    lost: usize,
    /// The last write failed.
    in_trouble: bool,
    backoff: Backoff,
    retry_at: Option<Instant>,
    journaling: Journaling,
}

impl Keeping {
    /// A loop that stands there in its data and remembers nothing beyond its end.
    #[must_use]
    pub const fn without_disk(names: Names, cursor: Cursor) -> Self {
        Self { names, cursor, disk: None, begun: false, asked: None, done: None, trades: Vec::new() }
    }

    /// With a disk.
    #[must_use]
    pub fn on_disk(self, keeper: Keeper, vitals: Vitals) -> Self {
        let journaling = Journaling::new(keeper.clone());
        let disk = OnDisk {
            keeper,
            vitals,
            on_its_way: None,
            next: None,
            refused: None,
            silent_since: None,
            closing: false,
            said: VecDeque::new(),
            halt: None,
            sample_due: Instant::now() + SAMPLE_EVERY / hurry(),
            lost: 0,
            in_trouble: false,
            backoff: Backoff::default(),
            retry_at: None,
            journaling,
        };
        Self { disk: Some(disk), ..self }
    }

    /// Where the loop stands in its data.
    #[must_use]
    pub const fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// An event is about to be handed to the trader.
    pub fn begin(&mut self, now: Timestamp, event: &Event, trader: &Trader) -> Result<(), KeepError> {
        self.cursor.latest = now;
        if let Event::Candle(candle) = event
            && !(candle.history && trader.engine().is_live())
        {
            // an exchange is asked anew for all of the past, so only what followed it counts as handed in
            self.cursor.pass(candle);
        }
        if let Some(disk) = self.disk.as_mut().filter(|_| self.begun) {
            disk.journaling.prepare(now, trader)?;
        }
        Ok(())
    }

    /// The history is over: from here on what the trader is told is recorded.
    pub const fn start(&mut self) {
        self.begun = true;
    }

    /// Whether it is.
    #[must_use]
    pub const fn has_begun(&self) -> bool {
        self.begun
    }

    /// The trader has learnt something that was not recorded: what follows goes into a new segment, which begins with it.
    pub fn break_journal(&mut self) -> Result<(), KeepError> {
        Ok(self.disk.as_mut().map_or(Ok(()), |disk| disk.journaling.break_off())?)
    }

    /// The trader has handled the event, and these actions came of it.
    pub fn record(
        &mut self,
        now: Timestamp,
        event: &Event,
        actions: &[Action],
        trader: &Trader,
    ) -> Result<(), KeepError> {
        let Some(disk) = &mut self.disk else { return Ok(()) };
        Ok(disk.journaling.record(now, event, actions, trader.tally())?)
    }

    /// Whether events must be given to [`Self::record`].
    #[must_use]
    pub fn records(&self) -> bool {
        self.begun && self.disk.as_ref().is_some_and(|disk| disk.journaling.is_on())
    }

    /// The trader wants these records durable.
    pub fn commit(&mut self, batch: u64, records: Vec<Record>, trader: &Trader) -> Result<(), KeepError> {
        let since = self.asked.map_or_else(|| (Instant::now(), self.cursor.latest), |asked| asked.since);
        self.asked = Some(Asked { batch, since });
        self.trades.extend(records.iter().filter_map(|record| match record {
            Record::Trade(trade) => Some((batch, trade.clone())),
            Record::Intent(_) | Record::Fill(_) | Record::Funding(_) => None,
        }));
        let Some(disk) = &mut self.disk else {
            self.done = Some(batch);
            return Ok(());
        };
        let memory = memory(&self.names, &self.cursor, trader);
        disk.write(Some(batch), Batch { records, ..Batch::of(memory) })
    }

    /// From now on the bot opens nothing: that goes with the next transaction, which is that of what led to it.
    pub fn halt(&mut self, reason: String, since_ms: i64) {
        if let Some(disk) = &mut self.disk {
            disk.halt = Some(Halt { kind: HaltKind::Emergency, reason, since_ms, until_ms: None });
        }
    }

    /// The batch that is done, with its trades, once for each.
    pub fn done(&mut self) -> Option<(u64, Vec<Trade>)> {
        let batch = self.done.take()?;
        self.asked.take_if(|asked| asked.batch <= batch);
        let count = self.trades.partition_point(|(of, _)| *of <= batch);
        Some((batch, self.trades.drain(..count).map(|(_, trade)| trade).collect()))
    }

    /// Since when, and since what market time, the trader waits for a commit.
    #[must_use]
    pub fn asked(&self) -> Option<(Instant, Timestamp)> {
        self.asked.map(|asked| asked.since)
    }

    /// A line for `bot status`.
    pub fn say(&mut self, kind: SaidKind, at_ms: i64, text: &str) {
        if let Some(disk) = &mut self.disk {
            if disk.said.len() == MOST_SAID {
                disk.said.pop_front();
            }
            disk.said.push_back(Said { at_ms, kind, text: text.to_owned() });
        }
    }

    /// Whether the journal has so much on its way that a market whose time is ours to choose should wait.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.disk.as_ref().is_some_and(|disk| disk.journaling.is_full())
    }

    /// Waits for the disk; for ever where nothing is on its way.
    pub async fn answer(&self) -> Result<Answer, Gone> {
        match &self.disk {
            Some(disk) if disk.is_busy() => disk.keeper.answer().await,
            Some(_) | None => future::pending().await,
        }
    }

    /// Takes all answers in that have come.
    pub fn listen(&mut self) -> Result<(), KeepError> {
        while let Some(answer) = self.disk.as_ref().and_then(|disk| disk.keeper.answered()) {
            self.hear(answer)?;
        }
        Ok(())
    }

    /// What became of a job.
    pub fn hear(&mut self, answer: Answer) -> Result<(), KeepError> {
        plug("after an answer");
        let Some(disk) = &mut self.disk else { return Ok(()) };
        disk.silent_since = None;
        match answer {
            Answer::Begun(Ok(())) | Answer::Ended(_) => Ok(()),
            Answer::Begun(Err(error)) => disk.fail(error),
            Answer::Journal(outcome) => disk.journaling.heard(outcome, &disk.vitals),
            Answer::Batch(batch, outcome) => {
                let number = disk.on_its_way.take().flatten();
                self.done = self.done.max(number);
                match outcome {
                    Ok(()) => disk.recover(),
                    Err(error) => disk.refuse(batch, error)?,
                }
                disk.send_next()
            }
        }
    }

    /// When something is due that [`Self::turn`] does.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        let disk = self.disk.as_ref()?;
        let times = [Some(disk.sample_due), disk.retry_at, Some(disk.journaling.due())];
        times.into_iter().flatten().min()
    }

    /// Does what is due: a sample, another try, a block of the journal.
    pub fn turn(&mut self, now: Instant, trader: &Trader, sample: impl FnOnce() -> Sample) -> Result<(), KeepError> {
        let Some(disk) = &mut self.disk else { return Ok(()) };
        disk.journaling.turn(now)?;
        disk.watch(now);
        let retry = disk.retry_at.take_if(|at| *at <= now).is_some();
        let sample = (disk.sample_due <= now).then(|| {
            disk.sample_due = now + SAMPLE_EVERY / hurry();
            sample()
        });
        if !retry && sample.is_none() {
            return Ok(());
        }
        let memory = memory(&self.names, &self.cursor, trader);
        disk.write(None, Batch { sample, ..Batch::of(memory) })
    }

    /// The run ends with this state: it waits for [`Self::last`], and nothing else is written after what is on its way.
    pub fn finish(&mut self, trader: &Trader, sample: Sample) -> Result<(), KeepError> {
        let Some(disk) = &mut self.disk else { return Ok(()) };
        disk.journaling.finish()?;
        let memory = memory(&self.names, &self.cursor, trader);
        disk.merge(None, Batch { sample: Some(sample), ..Batch::of(memory) });
        disk.closing = true;
        Ok(())
    }

    /// Whether nothing is on its way to the disk.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.disk.as_ref().is_none_or(|disk| !disk.is_busy())
    }

    /// What is still to be written, with its name in case it can't be.
    pub fn last(&mut self) -> Option<(Batch, String)> {
        let disk = self.disk.as_mut()?;
        let (_, batch) = disk.take_next()?;
        let what = disk.what(&batch.records);
        Some((*batch, what))
    }
}

fn memory(names: &Names, cursor: &Cursor, trader: &Trader) -> Memory {
    Memory { names: names.clone(), cursor: cursor.clone(), trader: trader.snapshot() }
}

impl OnDisk {
    /// Sends a transaction, or has it wait behind the one that is on its way.
    fn write(&mut self, number: Option<u64>, batch: Batch) -> Result<(), KeepError> {
        self.merge(number, batch);
        self.send_next()
    }

    /// Makes it the next transaction, together with what waits already.
    fn merge(&mut self, number: Option<u64>, mut batch: Batch) {
        batch.said.extend(self.said.drain(..));
        batch.halt = self.halt.take();
        let (before, batch) = match self.next.take() {
            Some((before, waiting)) => (before, waiting.followed_by(batch)),
            None => (None, batch),
        };
        self.next = Some((number.max(before), Box::new(batch)));
    }

    /// What is to be written next, behind what was refused.
    fn take_next(&mut self) -> Option<(Option<u64>, Box<Batch>)> {
        let (number, batch) = self.next.take()?;
        let batch = match self.refused.take() {
            Some(refused) => Box::new(refused.followed_by(*batch)),
            None => batch,
        };
        Some((number, batch))
    }

    fn send_next(&mut self) -> Result<(), KeepError> {
        if self.on_its_way.is_none()
            && !self.closing
            && let Some((number, batch)) = self.take_next()
        {
            self.keeper.send(Job::Batch(batch))?;
            self.on_its_way = Some(number);
        }
        Ok(())
    }

    fn is_busy(&self) -> bool {
        self.on_its_way.is_some() || self.journaling.on_its_way() > 0
    }

    /// For how long the disk has owed an answer is for the monitor to judge.
    fn watch(&mut self, now: Instant) {
        match self.is_busy() {
            true => _ = self.silent_since.get_or_insert(now),
            false => self.silent_since = None,
        }
        self.vitals.set_disk_asked(self.silent_since);
    }

    /// A transaction is not on the disk: it goes with the next one, or with the next try.
    fn refuse(&mut self, mut batch: Box<Batch>, error: StoreError) -> Result<(), KeepError> {
        let excess = batch.records.len().saturating_sub(MOST_UNSAVED);
        batch.records.drain(..excess);
        self.lost += excess;
        let excess = batch.said.len().saturating_sub(MOST_SAID);
        batch.said.drain(..excess);
        self.refused = Some(batch);
        self.fail(error)
    }

    /// A failed write: of one that may have lied or was our mistake, the end; of any other, another try.
    fn fail(&mut self, error: StoreError) -> Result<(), KeepError> {
        match error.fault {
            Fault::Fsync => return Err(KeepError::Fsync(error)),
            Fault::Broken => return Err(KeepError::Broken(error)),
            Fault::Full | Fault::ReadOnly | Fault::Io | Fault::Corrupt | Fault::Newer { .. } | Fault::Busy => {}
        }
        let (now, text) = (Instant::now(), error.to_string());
        if self.retry_at.is_none() {
            // one trouble is told once a try, however many commits it refuses meanwhile
            let pause = self.backoff.pause(now);
            self.retry_at = Some(now + pause);
            let pause = pause.as_secs();
            error!(
                "{text}; the account's memory is not saved, tried again with each change and in {pause} s at the latest"
            );
            self.vitals.error(now, text.clone());
        }
        self.vitals.set_disk_trouble(Some(text));
        self.in_trouble = true;
        Ok(())
    }

    /// A transaction is on the disk, with all that was refused before.
    fn recover(&mut self) {
        if std::mem::take(&mut self.in_trouble) {
            info!("The account's memory is saved again");
            (self.retry_at, self.backoff) = (None, Backoff::default());
            self.vitals.set_disk_trouble(None);
        }
    }

    /// The last state and these records, in words.
    fn what(&self, records: &[Record]) -> String {
        let count = |wanted: fn(&Record) -> bool| records.iter().filter(|record| wanted(record)).count() as u64;
        let fills = counted(count(|record| matches!(record, Record::Fill(_))), "fill");
        let trades = counted(count(|record| matches!(record, Record::Trade(_))), "trade");
        let lost = counted(self.lost as u64, "record");
        let lost = if self.lost == 0 { String::new() } else { format!(", and {lost} before them") };
        format!("the last state of the account, {fills}, {trades}{lost}")
    }
}

#[cfg(test)]
#[path = "keeping_tests.rs"]
mod tests;
