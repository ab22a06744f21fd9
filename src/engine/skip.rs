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
    /// Equity has fallen too far from its highest, or nothing is left.
    Drawdown,
    /// So much lost in a day that everything was closed.
    DailyLossBreaker,
    /// Too many losses in a row.
    LossStreak,
    /// It goes together with what is open.
    Correlation,
    /// It goes together with what is open whatever the limit says.
    CorrelationBreaker,
    /// A listed stop or target is on the wrong side of the price.
    WrongSide,
    /// The target is too near for what the stop risks.
    RewardRisk,
    /// The symbol has failed too often.
    Quarantined,
    /// The symbol has an order or a position that is not ours (S15).
    Foreign,
}

/// How far a limit reaches, and with that when it is told again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Every symbol, until the UTC day ends.
    Day,
    /// Every symbol.
    Account,
    /// One symbol.
    Symbol,
}

impl Skip {
    /// How far it reaches where it is a limit: something that holds, and is told once. The others are of one signal, or have a word of
    /// their own.
    #[must_use]
    pub const fn reach(self) -> Option<Reach> {
        match self {
            Self::TradesPerDay | Self::DailyLoss => Some(Reach::Day),
            Self::PortfolioRisk => Some(Reach::Account),
            Self::BelowMinimum | Self::Liquidation => Some(Reach::Symbol),
            Self::NotWarm
            | Self::Cooldown
            | Self::PositionOpen
            | Self::Paused
            | Self::Halted
            | Self::Stopping
            | Self::Unproven
            | Self::Stale
            | Self::StoreFailed
            | Self::Clock
            | Self::Refused
            | Self::Cancelled
            | Self::RewardRisk
            | Self::WrongSide
            | Self::Quarantined
            | Self::Foreign
            | Self::Drawdown
            | Self::DailyLossBreaker
            | Self::LossStreak
            | Self::Correlation
            | Self::CorrelationBreaker => None,
        }
    }

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
            | Self::Clock
            | Self::Foreign
            | Self::Quarantined => "entries",
            Self::PositionOpen => "position",
            Self::TradesPerDay
            | Self::DailyLoss
            | Self::PortfolioRisk
            | Self::RewardRisk
            | Self::Drawdown
            | Self::DailyLossBreaker
            | Self::LossStreak
            | Self::Correlation
            | Self::CorrelationBreaker => "risk",
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
            Self::RewardRisk => "reward too small for the risk",
            Self::Quarantined => "quarantined",
            Self::Foreign => "symbol traded by others",
            Self::Drawdown => "drawdown",
            Self::DailyLossBreaker => "daily loss breaker",
            Self::LossStreak => "losses in a row",
            Self::Correlation => "correlation",
            Self::CorrelationBreaker => "correlation breaker",
        }
    }
}
