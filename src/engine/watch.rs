//! What a price can change about a symbol's position: mostly nothing, and that is known before it comes.

use crate::market::Between;

/// What the last look at a symbol has found. An event that is no price makes it void.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Watch {
    /// Its position has what it should have at the venue, so that a price alone asks for no order.
    pub settled: bool,
    /// Nothing follows from these prices.
    pub calm: Between,
}

impl Watch {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self { settled: false, calm: Between::NONE };
}
