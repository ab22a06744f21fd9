//! What one transaction makes durable.

use super::{Halt, Memory};
use crate::{engine::Record, market::Timestamp};
use rust_decimal::Decimal;

/// One transaction: what happened, and the state that it led to. Both or neither are on the disk.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Intents, fills, trades and funding, in their order.
    pub records: Vec<Record>,
    /// The state after them.
    pub memory: Memory,
    /// What was said since the last batch, for `bot status`.
    pub said: Vec<Said>,
    /// How the bot is, every five minutes.
    pub sample: Option<Sample>,
    /// From now on the bot opens nothing, in later runs either.
    pub halt: Option<Halt>,
}

impl Batch {
    /// Nothing but a state.
    #[must_use]
    pub const fn of(memory: Memory) -> Self {
        Self { records: Vec::new(), memory, said: Vec::new(), sample: None, halt: None }
    }

    /// This one and a later one as one transaction.
    #[must_use]
    pub fn followed_by(mut self, later: Self) -> Self {
        self.records.extend(later.records);
        self.said.extend(later.said);
        let (sample, halt) = (later.sample.or(self.sample), self.halt.or(later.halt));
        Self { memory: later.memory, sample, halt, ..self }
    }
}

/// How the bot was at a moment, for `bot status` and curves.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Wall clock, milliseconds since 1970.
    pub at_ms: i64,
    /// Market time.
    pub market: Timestamp,
    /// Without open positions, in USDT.
    pub balance: Decimal,
    /// With open positions at their marks, in USDT.
    pub equity: Decimal,
    /// Open positions.
    pub open: u32,
    /// Closed trades so far.
    pub trades: u64,
    /// `healthy`, `degraded` or `critical`.
    pub status: String,
    /// Why, where it is not healthy.
    pub reasons: Vec<String>,
    /// Of the process, in seconds.
    pub uptime_s: u64,
    /// Resident, in kilobytes; 0 where unknown.
    pub memory_kb: u64,
}

/// A line worth keeping for `bot status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Wall clock, milliseconds since 1970.
    pub at_ms: i64,
    /// What kind of line.
    pub kind: SaidKind,
    /// As it stands in the log.
    pub text: String,
}

/// What a kept line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaidKind {
    /// A signal that was taken, or not and why.
    Signal,
    /// A warning or an error.
    Trouble,
}
