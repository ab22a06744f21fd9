//! The pure part as a whole: made-up and recorded markets through engine and venue.

#![allow(clippy::unwrap_used, missing_docs)]

mod clockless;
mod common;
mod crash_worlds;
mod determinism;
mod failing_disk;
mod journal;
mod laws;
mod live_worlds;
mod no_look_ahead;
mod promises;
mod refit;
mod replay;
mod restore;
mod rig;
mod synthetic;
