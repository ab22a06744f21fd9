//! The unit that is written, checked and lost as a whole.

use super::encoding::checksum;

/// Bytes before a block's content: length, number and checksum of the content, then the checksum of these three, each 4 bytes, lowest first.
///
/// The number tells a lost block, and the second checksum a damaged length from a file that ends too early.
pub const HEADER: usize = 16;

/// What a block says of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Bytes of the content.
    pub len: u32,
    /// Counts up from 0 within a segment.
    pub number: u32,
    /// Of the content.
    pub checksum: u32,
}

/// A place for the header, which [`seal`] fills in once the content behind it is complete.
pub fn begin(block: &mut Vec<u8>) {
    block.clear();
    block.resize(HEADER, 0);
}

/// Writes the header of the content that follows it.
pub fn seal(block: &mut [u8], number: u32) {
    let (header, content) = block.split_at_mut(HEADER);
    // a block of 4 GiB would be a mistake of ours: one is handed out as soon as it has 64 KiB
    let fields = [content.len() as u32, number, checksum(content)];
    let (fields_at, check_at) = header.split_at_mut(HEADER - 4);
    for (place, field) in fields_at.chunks_exact_mut(4).zip(fields) {
        place.copy_from_slice(&field.to_le_bytes());
    }
    check_at.copy_from_slice(&checksum(fields_at).to_le_bytes());
}

impl Header {
    /// The header in these bytes; `None` where they are not what was written.
    #[must_use]
    pub fn parse(bytes: &[u8; HEADER]) -> Option<Self> {
        let [len, number, content, own] =
            [0, 4, 8, 12].map(|at| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]));
        (checksum(&bytes[..HEADER - 4]) == own).then_some(Self { len, number, checksum: content })
    }
}
