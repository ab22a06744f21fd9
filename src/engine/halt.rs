//! How far trading can be limited.

use serde::Serialize;

/// How far trading is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Halt {
    /// No new entries.
    Pause,
    /// Positions are being closed too.
    Close,
    /// The run is over, exit code 3.
    Emergency,
}
