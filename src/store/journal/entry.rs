//! One event and what came of it.

use super::bar::Packed;
use crate::{
    engine::{Action, Event},
    market::Timestamp,
    trader::Tally,
};
use serde::{Deserialize, Serialize};

/// One event and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// When the trader was told.
    pub at: Timestamp,
    /// What it was told.
    pub event: Event,
    /// What it did; `None` where it asked for nothing.
    pub outcome: Option<Outcome>,
}

/// What the trader did with an event.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Outcome {
    /// What had gone by after it. Its hash takes in the orders too, which the actions below leave out.
    pub tally: Tally,
    /// What it asked of the shell.
    pub actions: Vec<Action>,
}

/// An entry as it is written.
#[derive(Debug, Serialize)]
pub(super) struct Written<'a> {
    /// Milliseconds since the entry before; since 1970 in a block's first, so that a block can be read alone.
    pub after_ms: i64,
    pub told: Told<&'a Event>,
    pub outcome: Option<(Tally, &'a [Action])>,
}

/// An entry as it is read.
#[derive(Debug, Deserialize)]
pub(super) struct Read {
    pub after_ms: i64,
    pub told: Told<Event>,
    pub outcome: Option<Outcome>,
}

/// An event as it is written.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Told<E> {
    Event(E),
    Bar(Packed),
}
