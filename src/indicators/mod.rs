//! Streaming indicators, one a file: O(1) an update, no allocation after construction, `None` until the period is filled.

mod atr;
mod change;
mod ema;
mod rank;
mod ring;
mod rsi;
mod sma;
#[cfg(test)]
mod tests;

pub use atr::Atr;
pub use change::Change;
pub use ema::Ema;
pub use rank::Rank;
pub use ring::LONGEST;
pub use rsi::Rsi;
pub use sma::Sma;
