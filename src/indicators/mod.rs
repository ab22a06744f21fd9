//! Streaming indicators, one a file: O(1) an update on the average, no allocation after construction, `None` until the period is filled.

mod atr;
mod correlation;
mod deviation;
mod ema;
mod rsi;
mod sliding;
#[cfg(test)]
mod tests;
mod window;

pub use atr::Atr;
pub use correlation::{Correlation, Joint};
pub use deviation::Deviation;
pub use ema::Ema;
pub use rsi::Rsi;
pub use window::Window;
