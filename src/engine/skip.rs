//! Why a signal was not taken.

use serde::{Deserialize, Serialize};

/// Why a signal was not taken. Each has a counter in the summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Skip {
    /// A value that the strategy needs has not been filled yet.
    NotWarm,
    /// The same signal again: too soon, or the price has not moved.
    Cooldown,
    /// The symbol has a position, or an entry on its way.
    PositionOpen,
    /// Entries are paused.
    Paused,
    /// Entries are halted, after an emergency stop or too many restarts.
    Halted,
    /// The run ends.
    Stopping,
    /// Our view of the account is not proven (S7).
    Unproven,
    /// The price or the candle is too old (S10).
    Stale,
    /// The memory on the disk is not safe.
    StoreFailed,
    /// Our clock and the exchange's disagree.
    Clock,
    /// Enough entries for a day.
    TradesPerDay,
    /// Enough lost for a day.
    DailyLoss,
    /// All stops together would lose too much.
    PortfolioRisk,
    /// The risk allows less than the market's minimum.
    BelowMinimum,
    /// The exchange refused the order.
    Refused,
    /// The order was taken back before it filled.
    Cancelled,
    /// The position would be liquidated before its stop is met.
    Liquidation,
    /// A listed stop or target is on the wrong side of the price.
    WrongSide,
}

impl Skip {
    /// The part of the walk that stopped the signal.
    #[must_use]
    pub const fn station(self) -> &'static str {
        match self {
            Self::NotWarm | Self::WrongSide => "strategy",
            Self::Cooldown => "gate",
            Self::Paused
            | Self::Halted
            | Self::Stopping
            | Self::Unproven
            | Self::Stale
            | Self::StoreFailed
            | Self::Clock => "entries",
            Self::PositionOpen => "position",
            Self::TradesPerDay | Self::DailyLoss | Self::PortfolioRisk => "risk",
            Self::BelowMinimum | Self::Liquidation => "sizing",
            Self::Refused | Self::Cancelled => "exchange",
        }
    }

    /// As it stands in the summary.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotWarm => "indicators not warm",
            Self::Cooldown => "cooldown",
            Self::PositionOpen => "position open",
            Self::Paused => "paused",
            Self::Halted => "halted",
            Self::Stopping => "stopping",
            Self::Unproven => "account unproven",
            Self::Stale => "stale data",
            Self::StoreFailed => "store failed",
            Self::Clock => "clock in doubt",
            Self::TradesPerDay => "trades a day",
            Self::DailyLoss => "daily loss",
            Self::PortfolioRisk => "portfolio risk",
            Self::BelowMinimum => "below minimum size",
            Self::Refused => "refused by the exchange",
            Self::Cancelled => "cancelled",
            Self::Liquidation => "liquidated before its stop",
            Self::WrongSide => "stop or target on the wrong side",
        }
    }
}
