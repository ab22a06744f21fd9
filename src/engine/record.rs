//! What must survive a crash.

use crate::market::{Fill, OrderRequest};
use serde::{Deserialize, Serialize};

/// One line of the engine's durable memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// An order that is about to be sent.
    Intent(OrderRequest),
    /// A trade of one of our orders.
    Fill(Fill),
}
