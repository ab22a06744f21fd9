//! A disk in memory: commits that are durable or still under way, each with a checksum, so that a torn one is seen.

use serde::{Deserialize, Serialize};
use smolbear::{
    engine::Record,
    market::{ClientId, Fnv, OrderRequest, SymbolId, Timestamp},
    trader::Snapshot,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What one commit holds.
#[derive(Debug, Serialize, Deserialize)]
pub struct Memory {
    pub batch: u64,
    pub state: Snapshot,
    /// The latest close among the candles that were handed in; `None` before the first.
    pub cursor: Option<Timestamp>,
    pub records: Vec<Record>,
}

/// What becomes of the writes that a crash finds under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    Whole,
    /// All but the last are whole, and of that one only the first half is there.
    Torn,
    Gone,
}

impl Write {
    pub const ALL: [Self; 3] = [Self::Whole, Self::Torn, Self::Gone];
}

struct Block {
    bytes: Vec<u8>,
    sum: u64,
}

impl Block {
    fn new(memory: &Memory) -> Self {
        let bytes = serde_json::to_vec(memory).unwrap();
        Self { sum: sum(&bytes), bytes }
    }

    fn read(&self) -> Option<Memory> {
        (sum(&self.bytes) == self.sum).then(|| serde_json::from_slice(&self.bytes).unwrap())
    }
}

fn sum(bytes: &[u8]) -> u64 {
    let mut sum = Fnv::default();
    sum.add_bytes(bytes);
    sum.value()
}

#[derive(Default)]
pub struct Disk {
    blocks: Vec<Block>,
    under_way: VecDeque<Memory>,
    /// What the durable commits say.
    intents: BTreeMap<ClientId, OrderRequest>,
    fills: BTreeSet<(SymbolId, u64)>,
}

impl Disk {
    /// A commit is given to the disk; it is not durable yet.
    pub fn hand(&mut self, memory: Memory) {
        self.under_way.push_back(memory);
    }

    /// How many commits are under way.
    pub fn waiting(&self) -> usize {
        self.under_way.len()
    }

    pub fn is_waiting_for(&self, batch: u64) -> bool {
        self.under_way.iter().any(|memory| memory.batch == batch)
    }

    /// The oldest commit under way becomes durable. An intent or a fill that is there already breaks a promise.
    pub fn sync(&mut self) -> Result<u64, String> {
        let memory = self.under_way.pop_front().expect("a commit under way");
        self.note(&memory.records)?;
        self.blocks.push(Block::new(&memory));
        Ok(memory.batch)
    }

    fn note(&mut self, records: &[Record]) -> Result<(), String> {
        for record in records {
            let again = match record {
                Record::Intent(request) => self.intents.insert(request.id, *request).is_some(),
                Record::Fill(fill) => !self.fills.insert((fill.symbol, fill.trade_id)),
                Record::Trade(_) | Record::Funding(_) => false,
            };
            if again {
                return Err(format!("S1, S6: on the disk twice: {record:?}"));
            }
        }
        Ok(())
    }

    /// The power goes.
    pub fn crash(&mut self, fate: Write) -> Result<(), String> {
        let whole = match fate {
            Write::Whole => self.waiting(),
            Write::Torn => self.waiting().saturating_sub(1),
            Write::Gone => 0,
        };
        for _ in 0..whole {
            self.sync()?;
        }
        if let (Write::Torn, Some(memory)) = (fate, self.under_way.front()) {
            let mut block = Block::new(memory);
            block.bytes.truncate(block.bytes.len() / 2);
            self.blocks.push(block);
        }
        self.under_way.clear();
        Ok(())
    }

    /// Cuts what is torn and gives back the last commit.
    pub fn open(&mut self) -> Option<Memory> {
        while let Some(block) = self.blocks.last() {
            if let Some(memory) = block.read() {
                return Some(memory);
            }
            self.blocks.pop();
        }
        None
    }

    /// A disk that lies: its last commit was durable, and is gone.
    pub fn lose_the_last(&mut self) {
        if let Some(memory) = self.open() {
            self.blocks.pop();
            for record in memory.records {
                match record {
                    Record::Intent(request) => _ = self.intents.remove(&request.id),
                    Record::Fill(fill) => _ = self.fills.remove(&(fill.symbol, fill.trade_id)),
                    Record::Trade(_) | Record::Funding(_) => {}
                }
            }
        }
    }

    /// Whether the intent of this very order is durable.
    pub fn has_intent(&self, request: &OrderRequest) -> bool {
        self.intents.get(&request.id) == Some(request)
    }

    /// The numbers of the trades that are durable.
    pub fn trades(&self) -> impl Iterator<Item = u64> {
        self.fills.iter().map(|(_, trade_id)| *trade_id)
    }
}
