//! What the engine wants done.

use super::{halt::Halt, note::Note, record::Record};
use crate::market::{OrderCommand, SymbolId, Timeframe, Timestamp};
use serde::{Deserialize, Serialize};

/// Everything that the engine can ask of the shell and the venue, in the order in which it is to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Action {
    /// Make these records durable, then answer with `Committed`; what depends on them waits.
    Commit {
        /// Counts up from 1.
        batch: u64,
        /// What must survive.
        records: Vec<Record>,
    },
    /// Send this to the venue.
    Order(OrderCommand),
    /// Fetch what the engine lacks.
    Need(Need),
    /// Tell whoever reads the log.
    Log(Note),
    /// Tell whoever is responsible, wherever they are.
    Alert(Note),
    /// Trading is limited from here on.
    Halt(Halt),
}

/// What the engine lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Need {
    /// Compare the account with the venue's.
    Reconcile,
    /// Candles that are missing.
    Candles {
        /// Whose.
        symbol: SymbolId,
        /// How long.
        timeframe: Timeframe,
        /// The first one missing.
        from: Timestamp,
    },
    /// Read a symbol's rules anew: the venue has refused what should pass by those that are known.
    Rules(SymbolId),
}
