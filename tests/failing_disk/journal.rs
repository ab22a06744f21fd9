//! The journal on a disk that fails: a segment is whole as far as it can be read, and what comes after the failure goes on.

use super::{
    REFUSED,
    disk::Fault,
    place::{Files, Place},
    vfs::SharedDisk,
};
use crate::rig::{Rig, made_up, seeded};
use smolbear::{
    engine::Event,
    market::{ClosedCandle, HOUR_MS, Timeframe, Timestamp},
    simulation::prices::EPOCH,
    store::journal::{self, Disk, Entry, JournalError, Outcome, Recorder, Rerun, Segments, Tail, list},
    trader::Trader,
};
use std::{
    fs, io,
    ops::Range,
    path::{Path, PathBuf},
    sync::LazyLock,
};

/// Candles of a block, and of a segment.
const EACH: usize = 15;
const LONG: usize = 60;

/// Files on a disk that fails.
struct BadFiles(SharedDisk);

struct BadTail {
    disk: SharedDisk,
    path: PathBuf,
    file: Box<dyn Tail>,
}

impl Disk for BadFiles {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Tail>> {
        self.0.lock().unwrap().cut(path, 0)?;
        let file = journal::Files.create(path)?;
        self.0.lock().unwrap().sync(path).inspect_err(|_| drop(fs::remove_file(path)))?;
        Ok(Box::new(BadTail { disk: self.0.clone(), path: path.to_owned(), file }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Tail>> {
        let file = journal::Files.open(path)?;
        Ok(Box::new(BadTail { disk: self.0.clone(), path: path.to_owned(), file }))
    }
}

impl Tail for BadTail {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let at = fs::metadata(&self.path)?.len() as usize;
        let asked = self.disk.lock().unwrap().write(&self.path, at, bytes);
        let done = asked.map_or_else(|refused| refused.done, |()| bytes.len());
        self.file.append(&bytes[..done])?;
        Ok(asked?)
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.disk.lock().unwrap().cut(&self.path, len as usize)?;
        self.file.truncate(len)
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(self.disk.lock().unwrap().sync(&self.path)?)
    }
}

/// What is told, in order.
static CANDLES: LazyLock<Vec<ClosedCandle>> = LazyLock::new(|| {
    let candles = made_up(&seeded(4), 2 * HOUR_MS).filter(|candle| !candle.history);
    candles.filter(|candle| candle.candle.open_time >= EPOCH).collect()
});

fn trader() -> Trader {
    let mut config = seeded(4);
    (config.strategies[0].timeframe, config.strategies[0].stop_max_pct) = (Timeframe::M1, 0.1);
    Rig::new(&config).trader
}

/// A trader and its journal, as the trading loop moves them.
struct Recording {
    trader: Trader,
    recorder: Recorder,
    segments: Segments,
    told: Vec<Entry>,
    /// Of the entries that the block under way begins with.
    block: usize,
    /// Blocks that were taken, by their entries; those that survive a power cut.
    whole: Vec<Range<usize>>,
    safe: usize,
}

impl Recording {
    fn new(place: &Place) -> Self {
        let segments = segments(place);
        Self {
            trader: trader(),
            recorder: Recorder::default(),
            segments,
            told: vec![],
            block: 0,
            whole: vec![],
            safe: 0,
        }
    }

    /// The candles from that one on. A failure makes a hole in the journal, but for a sync that failed: that ends the process.
    fn run(&mut self, from: usize) -> Result<(), JournalError> {
        for (number, candle) in CANDLES.iter().enumerate().skip(from) {
            let at = candle.closes_at();
            if number % LONG == 0 || self.recorder.is_due(at) {
                self.begin(at)?;
            }
            self.tell(at, Event::Candle(*candle));
            while let Some(batch) = self.trader.outstanding() {
                self.tell(at, Event::Committed { batch });
            }
            if number % EACH == EACH - 1 {
                self.take()?;
            }
        }
        self.take()?;
        self.segments.sync()?;
        self.safe = self.whole.len();
        Ok(())
    }

    fn tell(&mut self, at: Timestamp, event: Event) {
        let (before, mut actions) = (self.trader.tally(), Vec::new());
        self.trader.handle(at, &event, &mut actions);
        let tally = self.trader.tally();
        self.recorder.event(at, &event, &actions, tally);
        let outcome = (tally != before || !actions.is_empty()).then_some(Outcome { tally, actions });
        self.told.push(Entry { at, event, outcome });
    }

    fn begin(&mut self, at: Timestamp) -> Result<(), JournalError> {
        self.take()?;
        let head = self.recorder.begin(&self.trader, at.0);
        self.block = self.told.len();
        let outcome = self.segments.begin(at.0, &head);
        if outcome.is_ok() {
            self.safe = self.whole.len();
        }
        self.unless_in_sync(outcome)
    }

    fn take(&mut self) -> Result<(), JournalError> {
        let Some(block) = self.recorder.take(true) else { return Ok(()) };
        let entries = std::mem::replace(&mut self.block, self.told.len())..self.told.len();
        let outcome = self.segments.append(&block);
        self.whole.extend(outcome.is_ok().then_some(entries));
        self.unless_in_sync(outcome)
    }

    fn unless_in_sync(&mut self, outcome: Result<(), JournalError>) -> Result<(), JournalError> {
        match outcome {
            Err(error) if error.in_sync => Err(error),
            Err(error) => {
                assert!(error.to_string().contains("(os error "), "{error}");
                self.recorder.break_off();
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// The process starts again, and goes on from where its trader stands.
    fn restart(&mut self, place: &Place) {
        place.disk().restart();
        self.segments = segments(place);
        self.segments.cut_tail().unwrap();
        self.recorder = Recorder::default();
        self.run(CANDLES.len() - LONG / 2).unwrap();
    }

    /// Every segment runs again, and is a part of what was told; what must be there is. Where power was lost, one may be damaged.
    fn check(&self, place: &Place, must: &[Range<usize>], damaged: usize) {
        let mut held = vec![false; self.told.len()];
        let mut bad = 0;
        for (_, path) in list(&place.folder.join("journal")).unwrap() {
            let Ok((head, entries)) = journal::read(&path) else {
                bad += 1;
                continue;
            };
            let read: Vec<_> = entries.collect();
            let good: Vec<Entry> = read.iter().map_while(|entry| entry.as_ref().ok().cloned()).collect();
            bad += usize::from(good.len() < read.len());
            let at = self.told.windows(good.len().max(1)).position(|told| told == good || good.is_empty());
            let at = at.unwrap_or_else(|| panic!("{}: never told", path.display()));
            held[at..at + good.len()].fill(true);
            let mut rerun = Rerun::new(head).unwrap();
            good.into_iter().for_each(|entry| rerun.step(entry).unwrap());
        }
        assert!(bad <= damaged, "{bad} segments can't be read to their end");
        assert!(must.iter().all(|block| held[block.clone()].iter().all(|held| *held)), "a block is lost");
    }
}

fn segments(place: &Place) -> Segments {
    Segments::open_on(&place.folder.join("journal"), Box::new(BadFiles(place.shared()))).unwrap()
}

/// A recording with a fault at one of its steps, and how it ended; nothing where it has fewer.
fn recording(step: usize, fault: Fault) -> Option<(Place, Recording, Result<(), JournalError>)> {
    let place = Place::holding(&Files::new(), step as u64);
    place.plan(step, fault);
    let mut recording = Recording::new(&place);
    let outcome = recording.run(0);
    let failed = place.disk().has_failed();
    failed.then_some((place, recording, outcome))
}

#[test]
fn a_write_that_is_refused_costs_one_block_and_the_next_segment_goes_on() {
    for fault in REFUSED {
        let steps = (0..).map_while(|step| recording(step, fault));
        let steps = steps.map(|(place, recording, outcome)| {
            outcome.unwrap();
            recording.check(&place, &recording.whole, 0);
            assert!(recording.whole.len() >= CANDLES.len() / EACH - 1, "one block, or the head of one segment");
        });
        assert!(steps.count() > 30);
    }
}

#[test]
fn a_killed_process_leaves_all_whole_blocks_and_what_it_left_torn_is_cut() {
    for step in 0.. {
        let Some((place, mut recording, _)) = recording(step, Fault::Killed) else { break };
        recording.restart(&place);
        recording.check(&place, &recording.whole, 0);
    }
}

#[test]
fn a_power_cut_and_a_failed_sync_leave_what_was_synced() {
    for fault in [Fault::PowerLoss, Fault::NotSynced] {
        for step in 0.. {
            let Some((place, mut recording, outcome)) = recording(step, fault) else { break };
            let told = outcome.is_err_and(|error| error.in_sync);
            if fault == Fault::NotSynced {
                assert!(
                    told || recording.whole.len() >= CANDLES.len() / EACH - 1,
                    "a new name in a folder, or the end"
                );
                place.disk().kill();
                place.disk().lose_power();
            }
            let must = recording.whole[..recording.safe].to_vec();
            recording.restart(&place);
            recording.check(&place, &must, 1);
        }
    }
}
