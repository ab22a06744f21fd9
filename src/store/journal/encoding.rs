//! Values as bytes.

use serde::Serialize;

/// Appends the value; allocates only where the buffer is too small.
pub fn encode(value: &impl Serialize, into: &mut Vec<u8>) {
    // A value that the encoding cannot hold (a map of unknown length) is a mistake in a type, seen by any test.
    *into = postcard::to_extend(value, std::mem::take(into)).expect("every event and action has an encoding");
}

/// The CRC32 of some bytes.
pub fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}
