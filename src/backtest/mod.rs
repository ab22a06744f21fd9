//! Trading over recorded candles as fast as they come: the trader, moved without a clock, and what is made of its run.
//!
//! Nothing here trades. The driver tells the trader what any other driver would tell it, a [`Recorder`] watches, and the report is
//! computed from the [`Record`] that is left.

mod driver;
mod recorder;

pub use driver::{Driver, Listener};
pub use recorder::{Ending, Mark, Record, Recorder, Sample, Thinned};
