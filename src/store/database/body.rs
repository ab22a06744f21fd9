//! A memory as bytes: JSON, so that later versions can read it, in gzip, which is small and has a checksum.

use super::error::Cause;
use crate::store::Memory;
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use std::io::{Read, Write};

/// Of nine. A body of 3.5 KB, as it is with three symbols, has room in one page of the file; level 1 makes 4.5 KB, which needs three, and
/// each commit would write half as much again.
const LEVEL: u32 = 3;

/// A memory's bytes. They have been read back: what JSON cannot hold, such as a number without an end, is found before the disk has it.
pub(super) fn pack(memory: &Memory) -> Result<Vec<u8>, Cause> {
    let unwritable = |why: serde_json::Error| Cause::broken(format!("the state can't be written down: {why}"));
    let json = serde_json::to_vec(memory).map_err(unwritable)?;
    serde_json::from_slice::<Memory>(&json).map_err(unwritable)?;
    let mut encoder = GzEncoder::new(Vec::with_capacity(json.len() / 4), Compression::new(LEVEL));
    encoder.write_all(&json)?;
    Ok(encoder.finish()?)
}

/// The memory that the bytes hold.
pub(super) fn unpack(bytes: &[u8]) -> Result<Memory, Cause> {
    let unreadable = |why: &dyn std::fmt::Display| Cause::corrupt(format!("the saved state can't be read: {why}"));
    let mut json = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut json).map_err(|why| unreadable(&why))?;
    serde_json::from_slice(&json).map_err(|why| unreadable(&why))
}
