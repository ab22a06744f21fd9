//! Streaming indicators, one a file: O(1) an update, no allocation after construction, `None` until the period is filled.

mod atr;
mod ema;
mod rsi;
#[cfg(test)]
mod tests;
mod window;

pub use atr::Atr;
pub use ema::Ema;
pub use rsi::Rsi;
pub use window::Window;
