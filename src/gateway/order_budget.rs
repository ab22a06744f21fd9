//! How many orders may be sent: the exchange counts those of an account in ten seconds and in a minute.
//!
//! As with weights (`budget`), an order counts from its sending until a whole window after its answer, and where the exchange has counted more,
//! since others trade on the account too, its count holds until its window ends. What protects has all of the limit, entries a part of it.

use super::Lane;
use crate::market::Timestamp;
use std::collections::VecDeque;

/// The exchange's windows.
pub const WINDOWS_MS: [i64; 2] = [10_000, 60_000];
/// Of the limit, what entries may use; what lies above is the reserve of stops and exits.
const CEILING_PCT: u32 = 80;
/// No larger limit is believed, so that the list is short.
const LARGEST_LIMIT: u32 = 10_000;

/// See the module.
#[derive(Debug, Clone)]
pub struct OrderBudget {
    limits: [u32; 2],
    /// When orders were answered, in the last minute.
    answered: VecDeque<Timestamp>,
    /// Orders on their way.
    flying: u32,
    /// As the exchange counts, and until when that is worth something.
    theirs: [Option<(u32, Timestamp)>; 2],
}

impl OrderBudget {
    /// A budget of so many orders in each window.
    pub const fn new(limits: [u32; 2]) -> Self {
        Self { limits, answered: VecDeque::new(), flying: 0, theirs: [None; 2] }
    }

    /// The exchange says how many it allows, where it does.
    pub fn set_limits(&mut self, limits: [Option<u32>; 2]) {
        for (limit, said) in self.limits.iter_mut().zip(limits) {
            *limit = said.map_or(*limit, |said| said.clamp(1, LARGEST_LIMIT));
        }
    }

    /// How many of a window are used, as far as we know.
    fn used(&self, now: Timestamp, window: usize) -> u32 {
        let since = now.plus_ms(-WINDOWS_MS[window]);
        let ours = self.answered.iter().rev().take_while(|at| **at > since).count();
        let ours = u32::try_from(ours).unwrap_or(u32::MAX).saturating_add(self.flying);
        let theirs = self.theirs[window].filter(|(_, until)| *until > now).map_or(0, |(used, _)| used);
        ours.max(theirs)
    }

    /// Whether so many more may be sent.
    pub fn allows(&self, now: Timestamp, lane: Lane, orders: u32) -> bool {
        orders == 0 || (0..2).all(|window| self.used(now, window).saturating_add(orders) <= self.ceiling(lane, window))
    }

    /// When it is worth asking that again.
    pub fn look_again(&self, now: Timestamp, lane: Lane, orders: u32) -> Option<Timestamp> {
        if self.allows(now, lane, orders) {
            return Some(now);
        }
        let ours = WINDOWS_MS.iter().filter_map(|window| {
            let ends = self.answered.iter().map(|at| at.plus_ms(*window));
            ends.into_iter().find(|ends| *ends > now)
        });
        let theirs = self.theirs.iter().flatten().map(|(_, until)| *until).filter(|until| *until > now);
        ours.chain(theirs).min()
    }

    fn ceiling(&self, lane: Lane, window: usize) -> u32 {
        let percent = if lane == Lane::Protection { 100 } else { CEILING_PCT };
        u32::try_from(u64::from(self.limits[window]) * u64::from(percent) / 100).unwrap_or(u32::MAX)
    }

    /// They are on their way.
    pub fn send(&mut self, orders: u32) {
        self.flying = self.flying.saturating_add(orders);
        for (used, _) in self.theirs.iter_mut().flatten() {
            *used = used.saturating_add(orders);
        }
    }

    /// They are answered, or will not be.
    pub fn land(&mut self, now: Timestamp, orders: u32) {
        self.flying = self.flying.saturating_sub(orders);
        let since = now.plus_ms(-WINDOWS_MS[1]);
        while self.answered.front().is_some_and(|at| *at <= since) {
            self.answered.pop_front();
        }
        (0..orders).for_each(|_| self.answered.push_back(now));
    }

    /// The exchange has counted so many in a window, which ends at `until`. What is on its way may or may not be among them.
    pub fn hear(&mut self, window: usize, used: u32, until: Timestamp) {
        self.theirs[window] = Some((used.saturating_add(self.flying), until));
    }

    /// The assertions that stay on.
    pub fn check(&self) {
        assert!(self.answered.len() <= 2 * LARGEST_LIMIT as usize, "the orders of a minute are too many");
        assert!(self.answered.iter().is_sorted(), "orders out of order");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends what is allowed from a moment on; how many that were.
    fn send_all(budget: &mut OrderBudget, now: Timestamp, lane: Lane) -> u32 {
        let mut sent = 0;
        while budget.allows(now, lane, 1) {
            budget.send(1);
            budget.land(now, 1);
            sent += 1;
        }
        budget.check();
        sent
    }

    #[test]
    fn entries_keep_to_four_fifths_and_what_protects_has_the_rest() {
        let mut budget = OrderBudget::new([300, 1200]);
        let now = Timestamp(1_000_000);
        assert_eq!(send_all(&mut budget, now, Lane::Entries), 240);
        assert_eq!(send_all(&mut budget, now, Lane::Protection), 60);
        let again = budget.look_again(now, Lane::Entries, 1).unwrap();
        assert_eq!(again, now.plus_ms(10_000));
        assert!(!budget.allows(again.plus_ms(-1), Lane::Protection, 1) && budget.allows(again, Lane::Protection, 1));
        assert!(budget.allows(now, Lane::Entries, 0), "a reading is no order");
        // the minute has a limit of its own
        let sent: u32 = (1..6).map(|step| send_all(&mut budget, now.plus_ms(step * 10_000), Lane::Entries)).sum();
        assert_eq!(sent, 960 - 300);
    }

    #[test]
    fn what_the_exchange_counts_holds_until_its_window_ends() {
        let mut budget = OrderBudget::new([300, 1200]);
        let now = Timestamp(1_000_000);
        budget.hear(0, 239, now.plus_ms(4_000));
        assert!(budget.allows(now, Lane::Entries, 1));
        budget.send(1);
        assert!(!budget.allows(now, Lane::Entries, 1) && budget.allows(now, Lane::Protection, 60));
        assert_eq!(budget.look_again(now, Lane::Entries, 1), Some(now.plus_ms(4_000)));
        assert!(budget.allows(now.plus_ms(4_000), Lane::Entries, 1));
        budget.set_limits([Some(0), None]);
        assert!(!budget.allows(now.plus_ms(4_000), Lane::Entries, 1), "a limit of one, and one is on its way");
    }
}
