//! The vocabulary that every other module speaks: symbols, instruments, candles, times and orders.
//!
//! Plain values with their rules. Nothing here performs I/O or knows a clock.

mod between;
mod candle;
mod feed;
mod hash;
mod instrument;
mod instruments;
mod maintenance;
mod money;
mod order;
mod random;
mod refit;
mod side;
mod symbol;
mod time;
mod timeframe;

pub use between::Between;
pub use candle::{Candle, CandleFault, ClosedCandle, PRICES, PriceBar};
pub use feed::FeedState;
pub use hash::Fnv;
pub use instrument::{Instrument, POWERS, decimal, float};
pub use instruments::{TABLE_DATE, known_instrument, known_symbols};
pub use maintenance::{Tier, Tiers};
pub use money::{LARGEST_AMOUNT, LARGEST_QTY, MONEY_DIGITS, divided, divided_by, notional, rounded, rounded_by, share};
pub use order::{
    AccountView, Class, ClientId, Ended, Fill, FundingPaid, FundingRate, OrderCommand, OrderKind, OrderRequest,
    OrderUpdate, PositionView, could_be_ours,
};
pub use random::{LARGEST_NORMAL, Random};
pub use refit::{Misfit, Names, Refit};
pub use side::{OrderSide, Side};
pub use symbol::{Symbol, SymbolError, SymbolId};
pub use time::{DAY_MS, HOUR_MS, MINUTE_MS, Timestamp, seconds_ms};
pub use timeframe::{Timeframe, TimeframeError};
