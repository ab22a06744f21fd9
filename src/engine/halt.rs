//! How far trading can be limited.

use serde::{Deserialize, Serialize};

/// How far trading is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Halt {
    /// No new entries.
    Pause,
    /// Positions are being closed too.
    Close,
    /// The run is over, exit code 3.
    Emergency,
}
