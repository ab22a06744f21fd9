//! Names of orders that have ended, so that one that comes again is refused.

use crate::market::ClientId;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Names of ended orders that are remembered.
pub const REMEMBERED: usize = 100;

/// The last [`REMEMBERED`] names, oldest first. Nearly every name that is looked up is new, and a few bytes of each tell that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "VecDeque<ClientId>", into = "VecDeque<ClientId>")]
pub(super) struct Remembered {
    names: VecDeque<ClientId>,
    /// Of each, in the same order.
    digests: VecDeque<u32>,
}

impl Remembered {
    pub fn push(&mut self, name: ClientId) {
        if self.names.len() == REMEMBERED {
            self.names.pop_front();
            self.digests.pop_front();
        }
        self.names.push_back(name);
        self.digests.push_back(name.digest());
    }

    pub fn contains(&self, name: ClientId) -> bool {
        self.digests.contains(&name.digest()) && self.names.contains(&name)
    }

    pub fn check(&self) {
        assert!(self.names.len() <= REMEMBERED, "more than {REMEMBERED} ended orders are remembered");
        let digests = self.names.iter().map(ClientId::digest);
        assert!(digests.eq(self.digests.iter().copied()), "the digests do not follow from the names");
    }
}

impl Default for Remembered {
    fn default() -> Self {
        Self { names: VecDeque::with_capacity(REMEMBERED), digests: VecDeque::with_capacity(REMEMBERED) }
    }
}

impl From<VecDeque<ClientId>> for Remembered {
    fn from(names: VecDeque<ClientId>) -> Self {
        let digests = names.iter().map(ClientId::digest).collect();
        Self { names, digests }
    }
}

impl From<Remembered> for VecDeque<ClientId> {
    fn from(ended: Remembered) -> Self {
        ended.names
    }
}
