//! What must survive a crash.

use super::positions::Trade;
use crate::market::{Fill, FundingPaid, OrderRequest};
use serde::{Deserialize, Serialize};

/// One line of the engine's durable memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// An order that is about to be sent (S5).
    Intent(OrderRequest),
    /// A trade of one of our orders.
    Fill(Fill),
    /// A quantity that was closed, with its result.
    Trade(Trade),
    /// Funding that was paid.
    Funding(FundingPaid),
}
