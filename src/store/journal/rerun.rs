//! A segment, run again: the trader is told what it was told then, and must do what it did then.

use super::{
    encoding::encode,
    entry::{Entry, Outcome},
    head::Head,
};
use crate::{
    engine::Action,
    trader::{Tally, Trader},
};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The trader of a segment, on its way through the entries.
pub struct Rerun {
    trader: Trader,
    /// What had gone by at the segment's beginning.
    before: Tally,
    events: u64,
    /// Scratch.
    actions: Vec<Action>,
    bytes: [Vec<u8>; 2],
}

/// The first event after which the trader does something else than it did.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The event's place in the segment, counted from 1.
    pub number: u64,
    /// The event, and what was recorded of it.
    pub entry: Entry,
    /// What it did then.
    pub recorded: Outcome,
    /// What it does now, or the message of its panic.
    pub now: Result<Outcome, String>,
}

impl Rerun {
    /// The trader as it stood at the beginning of a segment.
    ///
    /// # Errors
    ///
    /// The message of a panic: another version of the program may have recorded what this one cannot go on from.
    pub fn new(head: Head) -> Result<Self, String> {
        let before = head.picture.tally();
        let trader = guarded(|| head.trader())?;
        Ok(Self { trader, before, events: 0, actions: Vec::new(), bytes: Default::default() })
    }

    /// Tells the trader what it was told, and compares the bytes of what it asks for, and its hash.
    ///
    /// # Errors
    ///
    /// When they differ. Nothing can be compared after that.
    pub fn step(&mut self, entry: Entry) -> Result<(), Box<Difference>> {
        self.events += 1;
        self.actions.clear();
        let before = self.trader.tally();
        let (trader, actions) = (&mut self.trader, &mut self.actions);
        let told = guarded(|| trader.handle(entry.at, &entry.event, actions));
        let after = self.trader.tally();
        let (tally, recorded) =
            entry.outcome.as_ref().map_or((before, [].as_slice()), |outcome| (outcome.tally, &outcome.actions));
        if told.is_ok() && tally == after && same(recorded, &self.actions, &mut self.bytes) {
            return Ok(());
        }
        let recorded = Outcome { tally, actions: recorded.to_vec() };
        let now = told.map(|()| Outcome { tally: after, actions: std::mem::take(&mut self.actions) });
        Err(Box::new(Difference { number: self.events, entry, recorded, now }))
    }

    /// Whether a segment begins where this one stands.
    #[must_use]
    pub fn leads_to(&self, next: &Head) -> bool {
        let [mut ours, mut theirs] = <[Vec<u8>; 2]>::default();
        encode(&self.trader.picture(), &mut ours);
        encode(&next.picture, &mut theirs);
        ours == theirs
    }

    /// Events that were told so far.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// Actions since the segment's beginning, orders included.
    #[must_use]
    pub const fn actions(&self) -> u64 {
        self.trader.tally().actions - self.before.actions
    }

    /// What the last event made it ask of the shell.
    #[must_use]
    pub fn asked(&self) -> &[Action] {
        &self.actions
    }

    /// The trader as it stands.
    #[must_use]
    pub const fn trader(&self) -> &Trader {
        &self.trader
    }
}

/// By their bytes, as the hash sees them: two decimals can be equal and have other digits.
fn same(recorded: &[Action], now: &[Action], bytes: &mut [Vec<u8>; 2]) -> bool {
    for (actions, bytes) in [recorded, now].into_iter().zip(&mut *bytes) {
        bytes.clear();
        encode(&actions, bytes);
    }
    bytes[0] == bytes[1]
}

/// What a function returns, or the message that it panicked with. Whatever it worked on is not to be used after that.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".to_owned())
    })
}
