//! What a session has done.

use super::{
    positions::{Reason, Trade},
    skip::Skip,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Counters of a session, for the exit summary.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Positions opened.
    pub entries: u64,
    /// Exits by reason, in the order of [`Reason::ALL`].
    exits: [u64; Reason::ALL.len()],
    /// Exits that earned something.
    pub wins: u64,
    /// Sum of what they earned, in USDT.
    pub won: Decimal,
    /// Exits that earned nothing or lost.
    pub losses: u64,
    /// Sum of what they lost, in USDT, 0 or less.
    pub lost: Decimal,
    /// Signals raised.
    pub signals: u64,
    /// Signals that became orders.
    pub taken: u64,
    /// Signals not taken by reason, in the order of [`Skip::ALL`].
    skipped: [u64; Skip::ALL.len()],
}

impl Summary {
    /// Of a session that begins with so many entries on their way.
    #[must_use]
    pub fn beginning(entries: u64) -> Self {
        Self { signals: entries, taken: entries, ..Self::default() }
    }

    /// Counts a closed quantity.
    pub fn count_exit(&mut self, trade: &Trade) {
        self.exits[trade.reason as usize] += 1;
        let pnl = trade.pnl();
        if pnl > Decimal::ZERO {
            self.wins += 1;
            self.won += pnl;
        } else {
            self.losses += 1;
            self.lost += pnl;
        }
    }

    /// Counts a signal that was not taken.
    pub fn count_skip(&mut self, why: Skip) {
        self.skipped[why as usize] += 1;
    }

    /// A signal that had been taken was not, after all.
    pub fn take_back(&mut self, why: Skip) {
        self.taken = self.taken.saturating_sub(1);
        self.count_skip(why);
    }

    /// Exits that happened, by reason.
    pub fn exits(&self) -> impl Iterator<Item = (Reason, u64)> {
        Reason::ALL.into_iter().zip(self.exits).filter(|(_, count)| *count > 0)
    }

    /// All exits.
    #[must_use]
    pub fn exit_count(&self) -> u64 {
        self.wins + self.losses
    }

    /// Signals that were not taken, by reason.
    pub fn skipped(&self) -> impl Iterator<Item = (Skip, u64)> {
        Skip::ALL.into_iter().zip(self.skipped).filter(|(_, count)| *count > 0)
    }

    /// Every signal was taken or has a reason.
    pub fn check(&self) {
        let skipped: u64 = self.skipped.iter().sum();
        assert_eq!(self.signals, self.taken + skipped, "a signal was lost");
    }
}
