//! Trading over recorded candles as fast as they come: the trader, moved without a clock, and what is made of its run.
//!
//! Nothing here trades. The driver tells the trader what any other driver would tell it, a [`Recorder`] watches, and the report is
//! computed from the [`Record`] that is left.

mod ahead;
mod drawdown;
mod driver;
mod equity;
mod prices;
mod recorder;
pub mod report;

pub use drawdown::{Drawdown, Fall};
pub use driver::{Driver, Listener};
pub use equity::{MOST_SAMPLES, Sample};
pub use prices::{MOST_CANDLES, Mark, Thinned};
pub use recorder::{Ending, MOST_TRADES, Record, Recorder};
pub use report::Report;
