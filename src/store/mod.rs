//! The bot's memory on disk: money in SQLite, the course of events in a journal, both in the data directory.
//!
//! ```text
//! trading loop ──Batch──▶ keeper (a thread) ──one transaction──▶ smolbear.db      what a restart gets back
//!              ──block──▶                   ──append───────────▶ journal/*.seg    what `bot replay` runs again
//! ```

mod batch; // what one transaction makes durable
mod database; // SQLite: all that is money
pub mod folder; // the data directory: where it is, who holds it
pub mod journal; // what happened, event by event, so that it can be run again
mod keeper; // the thread that writes
pub mod last_run; // why the last run ended, and whether restarts halt this one
mod memory; // what a restart gets back
mod plug; // where tests pull it, and make the disk slow or the day short
mod tidy; // what is deleted
mod trade_row; // a closed quantity as a user reads it

pub use crate::market::Names;
pub use batch::{Batch, Said, SaidKind, Sample};
pub use database::{Account, Database, Fault, Halt, HaltKind, StoreError};
pub use keeper::{Answer, Ending, Gone, Job, Keeper};
pub use memory::{Cursor, Memory};
pub use plug::{hurry, plug};
pub use tidy::Limits;
pub use trade_row::TradeRow;
