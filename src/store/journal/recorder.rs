//! Events to blocks.

use super::{
    BLOCK_BYTES, SEGMENT_BYTES,
    bar::Packer,
    block,
    encoding::encode,
    entry::{Told, Written},
    head::Head,
};
use crate::{
    engine::{Action, Event},
    market::Timestamp,
    trader::{Tally, Trader},
};

/// Room behind a full block for the entry that fills it; a larger one makes the buffer grow.
const LARGE_ENTRY: usize = 4 << 10;

/// Encodes what the trader is told and what it does. Performs no I/O; what it hands out belongs into one file, in that order:
///
/// ```text
/// if recorder.is_due(now) {                              // before the trader is told
///     send(recorder.take(true));                         // the rest of the segment before
///     send(recorder.begin(&trader, wall_ms));            // a new file
/// }
/// trader.handle(now, event, &mut actions);
/// recorder.event(now, &event, &actions[before..], trader.tally());
/// send(recorder.take(false));                            // and take(true) every minute and at the end
/// ```
#[derive(Debug, Default)]
pub struct Recorder {
    /// The block under way, with a place for its header.
    block: Vec<u8>,
    /// Its number; `None` before a segment was begun.
    number: Option<u32>,
    /// The last entry's time; 0 before a block's first.
    latest: Timestamp,
    /// The prices of its last bars.
    packer: Packer,
    /// What had gone by after the last entry.
    tally: Tally,
    /// The market's day of the segment's first entry.
    day: Option<i64>,
    /// Bytes handed out for this segment.
    bytes: u64,
    /// What was handed out before leads to where the trader stands.
    unbroken: bool,
}

impl Recorder {
    /// Whether a new segment begins with the event of `now`: none was begun, a new day, or this one is large enough.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.number.is_none() || self.bytes >= SEGMENT_BYTES || self.day.is_some_and(|day| day != now.day())
    }

    /// The first bytes of a new segment that goes on from where the trader stands.
    ///
    /// # Panics
    ///
    /// When entries of the segment before were not taken.
    #[must_use]
    pub fn begin(&mut self, trader: &Trader, wall_ms: i64) -> Vec<u8> {
        assert!(self.is_empty(), "a segment ends when all of it was taken");
        let bytes = Head::of(trader, wall_ms, self.unbroken).bytes();
        block::begin(&mut self.block);
        self.packer.clear();
        self.block.reserve(BLOCK_BYTES + LARGE_ENTRY);
        (self.number, self.day, self.bytes) = (Some(1), None, bytes.len() as u64);
        (self.tally, self.unbroken, self.latest) = (trader.tally(), true, Timestamp(0));
        bytes
    }

    /// What the trader was told at `now`, what it asked for, and its tally after that. Before the first segment nothing is kept.
    pub fn event(&mut self, now: Timestamp, event: &Event, actions: &[Action], tally: Tally) {
        if self.number.is_none() {
            return;
        }
        let acted = tally != self.tally || !actions.is_empty();
        let after_ms = now.0.wrapping_sub(self.latest.0);
        let packed = match event {
            Event::Price(bar) => self.packer.pack(now, bar),
            _ => None,
        };
        let told = packed.map_or(Told::Event(event), Told::Bar);
        encode(&Written { after_ms, told, outcome: acted.then_some((tally, actions)) }, &mut self.block);
        self.day.get_or_insert(now.day());
        (self.latest, self.tally) = (now, tally);
    }

    /// A finished block: once enough is together, or of whatever is there when forced.
    #[must_use]
    pub fn take(&mut self, force: bool) -> Option<Vec<u8>> {
        let number = self.number?;
        if self.is_empty() || !force && self.block.len() < BLOCK_BYTES {
            return None;
        }
        block::seal(&mut self.block, number);
        let taken = self.block.clone(); // of the size that it needs; the large buffer stays here
        block::begin(&mut self.block);
        self.packer.clear();
        self.number = Some(number + 1);
        (self.latest, self.bytes) = (Timestamp(0), self.bytes + taken.len() as u64);
        Some(taken)
    }

    /// Something that was taken is not on the disk: what follows goes into a new segment, since it cannot be run after a hole.
    pub fn break_off(&mut self) {
        block::begin(&mut self.block);
        (self.number, self.unbroken) = (None, false);
    }

    #[cfg(test)]
    pub(super) const fn buffer(&self) -> &Vec<u8> {
        &self.block
    }

    fn is_empty(&self) -> bool {
        self.block.len() <= block::HEADER
    }
}
