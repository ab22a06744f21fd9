//! What ends a run by failure.

use crate::{
    candles_file::FileError,
    run::{keeping::KeepError, trades_csv::OutError},
};

/// What ends a run by failure.
#[derive(Debug, thiserror::Error)]
pub enum LoopError {
    /// The recorded candles are wrong.
    #[error(transparent)]
    Data(#[from] FileError),
    /// A result cannot be written.
    #[error(transparent)]
    Out(#[from] OutError),
    /// What must be remembered.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// The exchange answers requests, but its streams say nothing (exit code 70: another process may hear them).
    #[error("the exchange's streams have been silent for ten minutes, while it answers requests: ended to begin anew")]
    Deaf,
    /// There is nothing to trade (exit code 2: another start would find the same).
    #[error("the exchange trades none of the symbols: {0}")]
    Nothing(String),
    /// The key may do what it must not, or can't trade (exit code 2).
    #[error("--live: {0}")]
    Key(String),
}
