//! The last values, for indicators that look back.

use super::LONGEST;
use serde::{Deserialize, Serialize};

/// The last `len` values, in a ring that never grows. Written down as its length and the values that came, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Ring {
    values: Box<[f64]>,
    next: usize,
    filled: bool,
}

/// A ring as it is written down.
#[derive(Serialize, Deserialize)]
struct Written {
    len: u32,
    values: Vec<f64>,
}

/// What no ring has left.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{values} values for a ring of {len}")]
pub struct NoRing {
    values: usize,
    len: u32,
}

impl Ring {
    /// A ring of so many values, 1 to [`LONGEST`].
    #[must_use]
    pub fn new(len: u32) -> Self {
        let len = len.clamp(1, LONGEST) as usize;
        Self { values: vec![0.0; len].into_boxed_slice(), next: 0, filled: false }
    }

    /// Takes in the next value, and forgets the one `len` before it.
    pub fn push(&mut self, value: f64) {
        self.values[self.next] = value;
        self.next += 1;
        if self.next == self.values.len() {
            self.next = 0;
            self.filled = true;
        }
    }

    /// All values in no particular order; `None` until there are `len`.
    #[must_use]
    pub fn all(&self) -> Option<&[f64]> {
        self.filled.then_some(&self.values)
    }

    /// The oldest and the latest value; `None` until there are `len`.
    #[must_use]
    pub fn ends(&self) -> Option<(f64, f64)> {
        let latest = if self.next == 0 { self.values.len() } else { self.next } - 1;
        self.filled.then(|| (self.values[self.next], self.values[latest]))
    }
}

impl From<Ring> for Written {
    fn from(ring: Ring) -> Self {
        let (newer, older) = ring.values.split_at(ring.next);
        let values = if ring.filled { [older, newer].concat() } else { newer.to_vec() };
        Self { len: ring.values.len() as u32, values }
    }
}

impl TryFrom<Written> for Ring {
    type Error = NoRing;

    fn try_from(Written { len, values }: Written) -> Result<Self, NoRing> {
        if !(1..=LONGEST).contains(&len) || values.len() > len as usize {
            return Err(NoRing { values: values.len(), len });
        }
        let mut ring = Self::new(len);
        values.into_iter().for_each(|value| ring.push(value));
        Ok(ring)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_down_goes_on_as_it_would_have() {
        for seen in 0..8 {
            let mut ring = Ring::new(3);
            (0..seen).for_each(|at| ring.push(f64::from(at * at % 5)));
            let mut again = Ring::try_from(Written::from(ring.clone())).unwrap();
            for value in [1.0, 7.0, 3.0, 2.0] {
                assert_eq!(again.ends(), ring.ends(), "after {seen}");
                ring.push(value);
                again.push(value);
            }
            assert_eq!(ring.ends(), Some((7.0, 2.0)));
        }
    }

    #[test]
    fn what_no_ring_has_left_is_refused() {
        for (len, values) in [(3, 4), (0, 0), (LONGEST + 1, 0)] {
            let refused = Ring::try_from(Written { len, values: vec![0.0; values] });
            assert_eq!(refused, Err(NoRing { values, len }));
        }
    }
}
