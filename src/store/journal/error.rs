//! What can be wrong with a journal.

use super::head::FORMAT;
use std::{io, path::PathBuf};

/// The journal cannot be written. As `PATH: No space left on device (os error 28)`.
#[derive(Debug, thiserror::Error)]
#[error("{}: {cause}", path.display())]
pub struct JournalError {
    /// Which file or folder.
    pub path: PathBuf,
    /// Why.
    pub cause: io::Error,
    /// What was written may be lost although it was accepted; to try again may hide that.
    pub in_sync: bool,
}

/// A segment, or the rest of it, cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file ends within a block: the power went, or the bot was killed, while it was written; or it is being written now.
    #[error("{}: the last {left} bytes, from byte {at} on, are no whole block", path.display())]
    Torn {
        /// Which file.
        path: PathBuf,
        /// The end of what is whole.
        at: u64,
        /// What follows it.
        left: u64,
    },
    /// What is there is not what was written.
    #[error("{}: damaged at byte {at}: {what}; the {left} bytes from there on are lost", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// The beginning of the first block that is not what was written.
        at: u64,
        /// From there to the file's end.
        left: u64,
        /// In which way.
        what: &'static str,
    },
    /// Another version of the program wrote it, in a way that this one does not know.
    #[error(
        "{}: written by smolbear {wrote} in format {format}, but this version reads format {FORMAT}; \
         replay it with the version that wrote it",
        path.display()
    )]
    Format {
        /// Which file.
        path: PathBuf,
        /// Its format.
        format: u16,
        /// The version of the program that can read it.
        wrote: String,
    },
    /// The file is something else.
    #[error("{}: no segment of a journal", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// The disk says no.
    #[error("{}: {cause}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}
