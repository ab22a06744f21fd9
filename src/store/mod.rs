//! The bot's memory on disk: money in SQLite, the course of events in a journal, both in the data directory.
//!
//! ```text
//! trading loop ──Batch──▶ keeper (a thread) ──one transaction──▶ smolbear.db      what a restart gets back
//!              ──block──▶                   ──append───────────▶ journal/*.seg    what `bot replay` runs again
//! ```

mod batch; // what one transaction makes durable
pub mod folder; // the data directory: where it is, who holds it
pub mod last_run; // why the last run ended, and whether restarts halt this one
mod memory; // what a restart gets back

pub use crate::market::Names;
pub use batch::{Batch, Said, SaidKind, Sample};
pub use memory::{Cursor, Memory};
