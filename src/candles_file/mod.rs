//! Recorded candles: reading, merging and writing the files.
//!
//! [`FileSpec`] says what a file holds, [`Feed`] gives every file as one stream of candles in the order of their closes, and
//! [`write`] makes a file that [`Feed`] reads. Rows are streamed: memory depends on how many symbols and timeframes
//! there are, not on how many files or how long they are. What a row may not be ends the feed with file and line; gaps and doubled rows are
//! survived, counted in the [`Tally`], and the first of each in a file is put into words.

mod bytes; // what is inside gzip, zip or plain files
mod chain; // the files of one symbol and timeframe, one after the other
mod error; // what can be wrong, in prose
mod feed; // all of them merged
mod looped; // the same again, later
mod name; // what the name says
mod number; // digits to f64, exactly
mod rates; // funding rates, in files of their own
mod row; // a line to a candle
mod rows; // the rows of one file
mod tally; // what was survived
mod write;

#[cfg(test)]
mod recorded; // real files
#[cfg(test)]
mod tests; // feeds of files made up for a promise each

pub use error::{FileError, RowFault};
pub use feed::{Feed, Offer};
pub use name::{FileSpec, UNFINISHED};
pub use rates::rates;
pub use tally::Tally;
pub use write::{HEADER, read_row, write, write_row};
