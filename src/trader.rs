//! Engine + venue: what the drivers move. Pure, with the engine's five verbs.
//!
//! On paper the venue is the matching model, and time is virtual: no market event is taken in while a commit is outstanding, so the
//! disk's speed never changes a decision, and a candle's walk waits for the engine's answer to every fill in it.

use crate::{
    engine::{Action, Desks, Engine, Event, State},
    market::{ClosedCandle, Fnv, Misfit, OrderUpdate, PriceBar, Refit, Timestamp},
    simulation::matching::{self, Input, Matching, Output},
};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Where orders go.
pub enum Venue {
    /// The model of an exchange: paper, backtest, replay.
    Matching(Matching),
}

/// Engine and venue as one.
pub struct Trader {
    engine: Engine,
    venue: Venue,
    desk: Desk,
    /// Scratch: what the venue said and the engine asked in this turn.
    outputs: Vec<Output>,
    asked: Vec<Action>,
}

/// What lies between engine and venue.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Desk {
    /// What the venue has said and the engine has not heard yet.
    heard: VecDeque<Event>,
    /// The market event whose walk through the venue is not over.
    walking: Option<Event>,
    /// The commit that everything waits for.
    outstanding: Option<u64>,
    tally: Tally,
}

/// What went by, for comparing runs (S14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Actions asked for.
    pub actions: u64,
    /// Fills heard.
    pub fills: u64,
    hash: Fnv,
}

impl Tally {
    /// FNV-1a of all actions and their times.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash.value()
    }
}

/// Everything that a restart needs besides settings and candles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    engine: State,
    venue: matching::Snapshot,
    desk: Desk,
}

impl Snapshot {
    /// The same account for other lists of symbols and strategies; with the same lists it is what it was, to the last byte.
    ///
    /// # Errors
    ///
    /// A [`Misfit`] where something is open that the lists have no place for.
    ///
    /// # Panics
    ///
    /// When the old lists are not those that the snapshot was taken with.
    pub fn refit(self, lists: &Refit<'_>) -> Result<Self, Misfit> {
        Ok(Self { engine: self.engine.refit(lists)?, venue: self.venue.refit(lists)?, desk: self.desk.refit(lists)? })
    }
}

impl Desk {
    /// What the venue has said of a symbol is about something open, so it cannot be dropped. The event that is walked can: where nothing
    /// is open, nothing follows from the rest of its walk.
    fn refit(self, lists: &Refit<'_>) -> Result<Self, Misfit> {
        let heard = self.heard.into_iter().map(|event| event.refit(lists)).collect::<Result<_, _>>()?;
        let walking = self.walking.and_then(|event| event.refit(lists).ok());
        Ok(Self { heard, walking, ..self })
    }
}

/// A snapshot with what the candles had made by then: nothing but the settings is needed to go on from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    snapshot: Snapshot,
    desks: Desks,
}

impl Picture {
    /// What had gone by.
    #[must_use]
    pub const fn tally(&self) -> Tally {
        self.snapshot.desk.tally
