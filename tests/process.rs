//! The real program: what a user relies on, one file a promise.

#![allow(clippy::unwrap_used, missing_docs)]

mod backtest;
mod bad_disk;
mod clock;
mod common;
mod doctor;
mod download;
mod emergency;
mod exchange;
mod explain;
mod full_disk;
mod kills;
mod launch;
mod live;
mod log_cannot_stop;
mod max_speed;
mod parity;
mod real_orders;
mod recovery;
mod shutdown;
mod status;
mod supervisor;
mod tasks;
mod usage;
mod venue;
