//! What is left of a trader for another one to go on from.

use super::{Desk, Tally};
use crate::{
    engine::{Desks, State},
    market::{Misfit, Refit},
    simulation::matching,
};
use serde::{Deserialize, Serialize};

/// Everything that a restart needs besides settings and candles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub(super) engine: State,
    /// `None` of an account at an exchange.
    pub(super) venue: Option<matching::Snapshot>,
    pub(super) desk: Desk,
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
        let venue = self.venue.map(|venue| venue.refit(lists)).transpose()?;
        Ok(Self { engine: self.engine.refit(lists)?, venue, desk: self.desk.refit(lists)? })
    }

    /// What the trading brain knew.
    #[must_use]
    pub const fn engine(&self) -> &State {
        &self.engine
    }

    /// What the model of an exchange knew; `None` of an account at a real one.
    #[must_use]
    pub const fn venue(&self) -> Option<&matching::Snapshot> {
        self.venue.as_ref()
    }

    /// Whether it is of an account at an exchange, whose money is real.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.venue.is_none()
    }
}

/// A snapshot with what the candles had made by then: nothing but the settings is needed to go on from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    pub(super) snapshot: Snapshot,
    pub(super) desks: Desks,
}

impl Picture {
    /// What had gone by.
    #[must_use]
    pub const fn tally(&self) -> Tally {
        self.snapshot.desk.tally
    }
}
