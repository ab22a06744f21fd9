//! Directions of positions and of orders.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The direction of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Side {
    /// Gains when the price rises.
    Long,
    /// Gains when the price falls.
    Short,
}

/// The direction of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)] // the names say it
pub enum OrderSide {
    Buy,
    Sell,
}

impl Side {
    /// `1.0` for long, `-1.0` for short: the sign of the gain when the price rises.
    #[must_use]
    pub const fn sign(self) -> f64 {
        match self {
            Self::Long => 1.0,
            Self::Short => -1.0,
        }
    }

    /// `long` or `short`, as files and programs have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Long => "long",
            Self::Short => "short",
        }
    }

    /// The order that opens or grows such a position.
    #[must_use]
    pub const fn entry(self) -> OrderSide {
        match self {
            Self::Long => OrderSide::Buy,
            Self::Short => OrderSide::Sell,
        }
    }

    /// The order that reduces or closes such a position.
    #[must_use]
    pub const fn exit(self) -> OrderSide {
        self.entry().opposite()
    }
}

impl OrderSide {
    /// The other direction.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// The position that such an order opens from flat.
    #[must_use]
    pub const fn opens(self) -> Side {
        match self {
            Self::Buy => Side::Long,
            Self::Sell => Side::Short,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Long => "LONG",
            Self::Short => "SHORT",
        })
    }
}
