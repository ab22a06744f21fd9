//! The disk, which outlives the process: one batch is on its way at a time, and what comes meanwhile waits as one more, as `run/keeping.rs` has it.

use smolbear::{
    engine::Record,
    market::{OrderRequest, Timestamp},
    trader::Snapshot,
};

/// What a restart reads.
#[derive(Debug, Clone)]
pub struct Memory {
    pub snapshot: Snapshot,
    /// The time of the last event before it was taken.
    pub latest: Timestamp,
    /// The close of the last candle that was handed in.
    pub passed: Option<Timestamp>,
}

/// A commit's records and the state that follows from them.
#[derive(Debug, Clone)]
pub struct Batch {
    pub number: u64,
    pub records: Vec<Record>,
    pub memory: Memory,
}

#[derive(Debug, Default)]
pub struct Disk {
    pub durable: Option<Memory>,
    pub records: Vec<Record>,
    under_way: Option<Batch>,
    waiting: Option<Batch>,
}

impl Disk {
    /// Takes a batch; whether its writing begins now.
    pub fn write(&mut self, batch: Batch) -> bool {
        if self.under_way.is_none() {
            self.under_way = Some(batch);
            return true;
        }
        match &mut self.waiting {
            Some(waiting) => {
                waiting.records.extend(batch.records);
                (waiting.number, waiting.memory) = (batch.number, batch.memory);
            }
            None => self.waiting = Some(batch),
        }
        false
    }

    /// What is on its way is durable: its number, and whether another writing begins.
    pub fn synced(&mut self) -> Option<(u64, bool)> {
        let Batch { number, records, memory } = self.under_way.take()?;
        self.records.extend(records);
        self.durable = Some(memory);
        self.under_way = self.waiting.take();
        Some((number, self.under_way.is_some()))
    }

    /// The power fails: what is on its way is not there.
    pub fn fails(&mut self) {
        (self.under_way, self.waiting) = (None, None);
    }

    pub fn has_intent(&self, request: &OrderRequest) -> bool {
        self.records.iter().any(|record| matches!(record, Record::Intent(intent) if intent == request))
    }
}
