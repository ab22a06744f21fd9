//! What the engine is told.

use crate::market::{
    AccountView, ClosedCandle, FeedState, FundingPaid, FundingRate, Instrument, OrderUpdate, PriceBar, SymbolId,
};
use serde::{Deserialize, Serialize};

/// Everything that can happen to the engine. Every variant is matched by name wherever events are handled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// A candle was finished; `now` is its close or later.
    Candle(ClosedCandle),
    /// The price moved, conflated to one bar a 100 ms.
    Price(PriceBar),
    /// The venue says what became of an order.
    Order(OrderUpdate),
    /// The venue says what it holds for us; its view wins.
    Account(AccountView),
    /// A symbol's rules are known or have changed.
    Instrument(SymbolId, Instrument),
    /// A position paid or received funding.
    Funding(FundingPaid),
    /// The venue says what a symbol's positions will pay next, and when.
    FundingRate(FundingRate),
    /// A symbol's market data came to life, went silent, or has a hole.
    Feed(SymbolId, FeedState),
    /// Whether our view of the account equals the venue's (S7).
    Proof(Proof),
    /// A symbol has an order, a position or settings that are not ours, or has none any more: no entry there meanwhile (S15).
    Foreign(SymbolId, bool),
    /// Our clock and the exchange's are too far apart, or agree again.
    ClockDoubt(bool),
    /// A batch of records is on the disk.
    Committed {
        /// The number that the `Commit` action carried.
        batch: u64,
    },
    /// What must be durable can't be written, or can be again; no entry meanwhile (S5).
    StoreDoubt(bool),
    /// A person or the shell wants something.
    Command(Command),
    /// The deadline that the engine asked for is due.
    Wake,
}

impl Event {
    /// Whether it is about something else than a price; such an event may change the account.
    #[must_use]
    pub const fn moves_no_price(&self) -> bool {
        !matches!(self, Self::Candle(_) | Self::Price(_))
    }

    /// Whether it may change what the account holds and owns, or what of that is closing. What the venue has taken and what the disk has do not.
    #[must_use]
    pub const fn moves_money(&self) -> bool {
        self.moves_no_price() && !matches!(self, Self::Order(OrderUpdate::Accepted { .. }) | Self::Committed { .. })
    }

    /// Whether the market goes on with it: a price, or a candle that is no history.
    #[must_use]
    pub const fn moves_market(&self) -> bool {
        match self {
            Self::Candle(candle) => !candle.history,
            other => matches!(other, Self::Price(_)),
        }
    }

    /// The market that it is about; `None` where it is about none, or about an order that the engine knows by its name.
    #[must_use]
    pub const fn symbol(&self) -> Option<SymbolId> {
        match self {
            Self::Candle(candle) => Some(candle.symbol),
            Self::Price(bar) => Some(bar.symbol),
            Self::Order(OrderUpdate::Filled(fill) | OrderUpdate::Liquidated(fill)) => Some(fill.symbol),
            Self::Funding(paid) => Some(paid.symbol),
            Self::FundingRate(said) => Some(said.symbol),
            Self::Instrument(symbol, _)
            | Self::Feed(symbol, _)
            | Self::Foreign(symbol, _)
            | Self::Command(Command::Close(symbol)) => Some(*symbol),
            Self::Order(_)
            | Self::Account(_)
            | Self::Proof(_)
            | Self::ClockDoubt(_)
            | Self::Committed { .. }
            | Self::StoreDoubt(_)
            | Self::Command(_)
            | Self::Wake => None,
        }
    }
}

/// What is known about the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proof {
    /// Ours and the venue's view were compared and agree.
    Proven,
    /// They may differ; no new entries.
    Doubt,
}

/// What a person or the shell can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// A run begins, perhaps with a state from before: a session of its own for the summary.
    Start,
    /// The shell keeps the bot from opening positions, after an emergency stop or too many restarts; or does so no more.
    Halt(bool),
    /// No new entries.
    Pause,
    /// Entries again.
    Resume,
    /// Close the position of a symbol at the market.
    Close(SymbolId),
    /// Close every position at the market.
    CloseAll,
    /// The run ends: no new entries; positions are closed when `close` says so, else they keep their stops.
    Stop {
        /// `on_stop = "close"`.
        close: bool,
    },
}
