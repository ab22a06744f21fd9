//! The shell: start, one thread, health, log, signals, supervisor.

pub mod progress;
mod source;
pub mod supervisor;
mod systemd;
pub mod text;
pub mod trades_csv;
