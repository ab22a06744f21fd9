//! Streaming indicators, one a file: O(1) an update on the average, no allocation after construction, `None` until the period is filled.

mod atr;
mod change;
mod correlation;
mod deviation;
mod ema;
mod rank;
mod ring;
mod rsi;
mod sliding;
mod sma;
#[cfg(test)]
mod tests;

pub use atr::Atr;
pub use change::Change;
pub use correlation::{Correlation, Joint};
pub use deviation::Deviation;
pub use ema::Ema;
pub use rank::Rank;
pub use rsi::Rsi;
pub use sma::Sma;

/// The most values that an indicator looks back on.
pub const LONGEST: u32 = 10_000;
