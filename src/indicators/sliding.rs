//! What the last values come to together, where parts can be joined and nothing is ever taken out of a sum.

use super::LONGEST;
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

/// The last so many values and what they come to; O(1) an update on the average, no allocation after construction.
///
/// A sum that old values are subtracted from keeps their rounding errors, and those of a large value drown the small ones after it. Here
/// the older values stand as parts, each of one value and all that came after it up to a certain one; what came after that one is one more
/// part. Where the older values are used up, all others become the older ones. Written down as the period, the values, oldest first, and how
/// many of them are the older ones, so that it goes on with the same bits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written<P>", into = "Written<P>", bound = "")]
pub struct Sliding<P: Part> {
    /// A ring; where it is full, the oldest value is at `next`.
    values: Box<[P::Value]>,
    next: usize,
    filled: usize,
    /// For each of the older values: it and those after it among them.
    older: Box<[P]>,
    old: usize,
    /// Of all that are not among the older ones.
    newer: Option<P>,
}

/// As it is stored.
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "")]
struct Written<P: Part> {
    period: u32,
    values: Vec<P::Value>,
    old: usize,
}

/// What was stored is none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} values, {1} of them older, for a window of {2}")]
pub struct Misfit(usize, usize, u32);

impl<P: Part> From<Sliding<P>> for Written<P> {
    fn from(all: Sliding<P>) -> Self {
        let values = (1..=all.filled).rev().map(|back| all.values[all.place(back)]).collect();
        Self { period: all.period(), values, old: all.old }
    }
}

impl<P: Part> TryFrom<Written<P>> for Sliding<P> {
    type Error = Misfit;

    fn try_from(written: Written<P>) -> Result<Self, Misfit> {
        let Written { period, values, old } = written;
        let len = period as usize;
        let is_none = !(1..=LONGEST).contains(&period);
        if is_none || values.len() > len || old > 0 && (values.len() < len || old >= len) {
            return Err(Misfit(values.len(), old, period));
        }
        let mut all = Self::new(period);
        values[..old].iter().for_each(|value| all.put(*value));
        all.age(old);
        values[old..].iter().for_each(|value| all.push(*value));
        Ok(all)
    }
}

impl<P: Part> Sliding<P> {
    /// Of the last `period` values, 1 to [`LONGEST`].
    #[must_use]
    pub fn new(period: u32) -> Self {
        let (len, none) = (period.clamp(1, LONGEST) as usize, P::Value::default());
        let (values, older) = (vec![none; len].into(), vec![P::of(none); len].into());
        Self { values, next: 0, filled: 0, older, old: 0, newer: None }
    }

    /// How many values it holds.
    #[must_use]
    pub const fn period(&self) -> u32 {
        self.values.len() as u32
    }

    /// Takes in the next value, and forgets the one a period before it.
    pub fn push(&mut self, value: P::Value) {
        if self.filled == self.values.len() {
            if self.old == 0 {
                self.age(self.filled);
                self.newer = None;
            }
            self.old -= 1;
        }
        self.put(value);
        let part = P::of(value);
        self.newer = Some(self.newer.map_or(part, |newer| newer.join(part)));
    }

    /// What the values come to; `None` until there are `period`.
    #[must_use]
    pub fn total(&self) -> Option<P> {
        let newer = self.newer.filter(|_| self.filled == self.values.len())?;
        Some(if self.old > 0 { self.older[self.next].join(newer) } else { newer })
    }

    fn put(&mut self, value: P::Value) {
        self.values[self.next] = value;
        self.next += 1;
        if self.next == self.values.len() {
            self.next = 0;
        }
        self.filled = self.values.len().min(self.filled + 1);
    }

    /// Where the value stands that came so many values ago; 1 is the last one.
    const fn place(&self, back: usize) -> usize {
        if back <= self.next { self.next - back } else { self.next + self.values.len() - back }
    }

    /// Makes the last `count` values the older ones.
    fn age(&mut self, count: usize) {
        let mut after: Option<P> = None;
        for back in 1..=count {
            let at = self.place(back);
            let part = P::of(self.values[at]);
            let part = after.map_or(part, |after| part.join(after));
            self.older[at] = part;
            after = Some(part);
        }
        self.old = count;
    }
}
