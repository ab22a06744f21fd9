//! What happened, event by event, so that it can be run again: `bot replay` compares what the trader does now with what it did then.
//!
//! ```text
//! segment = preamble │ block 0: the head │ block 1 │ block 2 │ …      one file, begun at each start, at 00:00 UTC of the market, at 16 MB
//! block   = length, number, checksums │ entry │ entry │ …             written at once: when 64 KiB are full, and every minute
//! entry   = time since the entry before │ event │ what came back      the last only where something did; price bars as differences
//! ```
//!
//! A head carries the settings and the trader's whole state, so each segment runs again alone. The loop's thread encodes with a [`Recorder`]
//! and the keeper's thread writes with [`Segments`]; a block that the disk tore, lost or changed is found by its checksums and number.

mod bar; // price bars as differences
mod block; // the unit that is written, checked and lost as a whole
mod disk; // files that are appended to, and their stand-in for tests
mod encoding; // values as bytes
mod entry; // one event and what came of it
mod error; // what can be wrong with a segment
mod head; // what a segment begins with
mod name; // names of segments, in the order in which they were begun
mod read; // a segment, read back
mod recorder; // events to blocks
mod rerun; // a segment, run again
mod segments; // the folder: append, cut, prune
#[cfg(test)]
mod tests;

pub use disk::{Disk, Files, Tail};
pub use entry::{Entry, Outcome};
pub use error::{JournalError, ReadError};
pub use head::{FORMAT, Head};
pub use name::Name;
pub use read::{Entries, read};
pub use recorder::Recorder;
pub use rerun::{Difference, Rerun};
pub use segments::{Cut, Pruned, Segments, list};

/// A block is handed out once it has so many bytes.
pub const BLOCK_BYTES: usize = 64 << 10;
/// A segment that has so many bytes is the last one's end: the next event begins a new one.
pub const SEGMENT_BYTES: u64 = 16 << 20;
