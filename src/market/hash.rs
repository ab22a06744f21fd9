//! The hash of S14.

use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};

/// FNV-1a, 64 bits (Fowler, Noll, Vo; draft-eastlake-fnv), over the journal's encoding.
///
/// The same values give the same hash on every platform and with every compiler, which `std::hash` does not promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    /// Takes in the bytes of one value.
    pub fn add(&mut self, value: &impl Serialize) {
        // A value that the encoding cannot hold (a map of unknown length) is a mistake in a type, seen by any test.
        *self = postcard::serialize_with_flavor(value, *self).expect("every action and event has an encoding");
    }

    /// Takes in raw bytes.
    pub fn add_bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// The hash of all that was taken in.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }
}

impl Flavor for Fnv {
    type Output = Self;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.add_bytes(&[byte]);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.add_bytes(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Self> {
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_published_vectors() {
        for (text, want) in
            [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            let mut hash = Fnv::default();
            hash.add_bytes(text.as_bytes());
            assert_eq!(hash.value(), want, "{text}");
        }
    }
}
