//! What a session has done.

use super::{
    positions::{Reason, Trade},
    skip::Skip,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Counters of a session, for the exit summary.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Positions opened.
    pub entries: u64,
    /// Exits by reason. Counted by name, so that a version with more reasons can read what this one has stored; likewise below.
    exits: BTreeMap<Reason, u64>,
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
    /// Signals not taken by reason.
    skipped: BTreeMap<Skip, u64>,
}

impl Summary {
    /// Of a session that begins with so many entries on their way.
    #[must_use]
    pub fn beginning(entries: u64) -> Self {
        Self { signals: entries, taken: entries, ..Self::default() }
    }

    /// Counts a closed quantity.
    pub fn count_exit(&mut self, trade: &Trade) {
        *self.exits.entry(trade.reason).or_default() += 1;
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
        *self.skipped.entry(why).or_default() += 1;
    }

    /// Counts signals that are too old to be looked at.
    pub fn count_passed_over(&mut self, count: u64) {
        self.signals += count;
        *self.skipped.entry(Skip::Stale).or_default() += count;
    }

    /// A signal that had been taken was not, after all.
    pub fn take_back(&mut self, why: Skip) {
        self.taken = self.taken.saturating_sub(1);
        self.count_skip(why);
    }

    /// Exits that happened, by reason.
    pub fn exits(&self) -> impl Iterator<Item = (Reason, u64)> {
        self.exits.iter().map(|(reason, count)| (*reason, *count))
    }

    /// All exits.
    #[must_use]
    pub fn exit_count(&self) -> u64 {
        self.wins + self.losses
    }

    /// Signals that were not taken, by reason.
    pub fn skipped(&self) -> impl Iterator<Item = (Skip, u64)> {
        self.skipped.iter().map(|(why, count)| (*why, *count))
    }

    /// Every signal was taken or has a reason.
    pub fn check(&self) {
        let skipped: u64 = self.skipped.values().sum();
        assert_eq!(self.signals, self.taken + skipped, "a signal was lost");
    }
}
