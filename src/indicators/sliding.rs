//! What the last values come to together, where parts can be joined and nothing is ever taken out of a sum.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// What some values come to. It must not matter how they are put together, but for rounding.
pub trait Part: Copy {
    /// One value.
    type Value: Copy + Default + Serialize + DeserializeOwned;

    /// Of one value alone.
    fn of(value: Self::Value) -> Self;

    /// Of the values of both.
    #[must_use]
    fn join(self, newer: Self) -> Self;
}

/// The last `N` values and what they come to; O(1) an update on the average, no allocation.
///
/// A sum that old values are subtracted from keeps their rounding errors, and those of a large value drown the small ones after it. Here
/// the older values stand as parts, each of one value and all that came after it up to a certain one; what came after that one is one more
/// part. Where the older values are used up, all others become the older ones. Written down as the values, oldest first, and how many of
/// them are the older ones, so that it goes on with the same bits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written<P>", into = "Written<P>", bound = "")]
pub struct Sliding<P: Part, const N: usize> {
    /// A ring; where it is full, the oldest value is at `next`.
    values: [P::Value; N],
    next: usize,
    filled: usize,
    /// For each of the older values: it and those after it among them.
    older: [P; N],
    old: usize,
    /// Of all that are not among the older ones.
    newer: Option<P>,
}

/// As it is stored.
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "")]
struct Written<P: Part> {
    values: Vec<P::Value>,
    old: usize,
}

/// What was stored is none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} values, {1} of them older, for a window of {2}")]
pub struct Misfit(usize, usize, usize);

impl<P: Part, const N: usize> Default for Sliding<P, N> {
    fn default() -> Self {
        let none = P::Value::default();
        Self { values: [none; N], next: 0, filled: 0, older: [P::of(none); N], old: 0, newer: None }
    }
}

impl<P: Part, const N: usize> From<Sliding<P, N>> for Written<P> {
    fn from(all: Sliding<P, N>) -> Self {
        let first = (all.next + N - all.filled) % N;
        let values = (0..all.filled).map(|at| all.values[(first + at) % N]).collect();
        Self { values, old: all.old }
    }
}

impl<P: Part, const N: usize> TryFrom<Written<P>> for Sliding<P, N> {
    type Error = Misfit;

    fn try_from(written: Written<P>) -> Result<Self, Misfit> {
        let Written { values, old } = written;
        if values.len() > N || old > 0 && (values.len() < N || old >= N) {
            return Err(Misfit(values.len(), old, N));
        }
        let mut all = Self::default();
        values[..old].iter().for_each(|value| all.put(*value));
        all.age(old);
        values[old..].iter().for_each(|value| all.push(*value));
        Ok(all)
    }
}

impl<P: Part, const N: usize> Sliding<P, N> {
    /// Takes in the next value, and forgets the one `N` before it.
    pub fn push(&mut self, value: P::Value) {
        if self.filled == N {
            if self.old == 0 {
                self.age(N);
                self.newer = None;
            }
            self.old -= 1;
        }
        self.put(value);
        let part = P::of(value);
        self.newer = Some(self.newer.map_or(part, |newer| newer.join(part)));
    }

    /// What the last `N` values come to; `None` until there are `N`.
    #[must_use]
    pub fn total(&self) -> Option<P> {
        let newer = self.newer.filter(|_| self.filled == N)?;
        Some(if self.old > 0 { self.older[self.next].join(newer) } else { newer })
    }

    fn put(&mut self, value: P::Value) {
        self.values[self.next] = value;
        self.next = (self.next + 1) % N;
        self.filled = N.min(self.filled + 1);
    }

    /// Makes the last `count` values the older ones.
    fn age(&mut self, count: usize) {
        let mut after: Option<P> = None;
        for back in 1..=count {
            let at = (self.next + N - back) % N;
            let part = P::of(self.values[at]);
            let part = after.map_or(part, |after| part.join(after));
            self.older[at] = part;
            after = Some(part);
        }
        self.old = count;
    }
}
