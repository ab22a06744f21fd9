//! How market data stands.

use serde::{Deserialize, Serialize};

/// How market data of a symbol stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FeedState {
    /// It comes.
    Live,
    /// It has not come for too long; no entries (S10).
    Stale,
    /// Candles are missing, and are being fetched.
    Gap,
}
