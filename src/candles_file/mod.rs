//! Recorded candles: reading, merging and writing the files.
