//! What an exchange adds to the world of an order's life: its view of the account, others who trade on it, and time.

use super::{
    super::{super::differences::Worth, *},
    world::{Their, Theirs, World},
};
use crate::market::{AccountView, PositionView};
use std::ops::Add;

/// Where the orders go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Venue {
    Paper,
    /// Its account is compared, others may trade on it, and time passes by deadlines.
    Exchange,
}

/// What has happened at an exchange.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    pub closed_outside: u64,
    /// Views with something that is not ours.
    pub foreign: u64,
    /// Positions that were uncovered for too long, and those that were closed for it.
    pub uncovered: u64,
    pub given_up: u64,
    pub transfers: u64,
    /// Views from before a fill was told.
    pub early: u64,
}

impl Add for Seen {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            closed_outside: self.closed_outside + other.closed_outside,
            foreign: self.foreign + other.foreign,
            uncovered: self.uncovered + other.uncovered,
            given_up: self.given_up + other.given_up,
            transfers: self.transfers + other.transfers,
            early: self.early + other.early,
        }
    }
}

impl World {
    /// S2: at an exchange, a position that has no stop there for its whole size is being closed after ten seconds.
    pub(super) fn check_cover(&self) {
        for position in self.rig.engine.positions().filter(|_| self.venue == Venue::Exchange) {
            let stands = |order: &&Theirs| order.stage == Their::Live && order.request.reduce_only;
            let known = |order: &Theirs| {
                self.rig.engine.state.orders.find(order.request.id).is_some_and(|ours| ours.covers(position.qty))
            };
            let covered = self.orders.iter().filter(stands).any(known);
            let since = position.uncovered.map_or(self.rig.now, |uncovered| uncovered.since);
            let ms = self.rig.now.since_ms(since);
            let claims = position.uncovered.is_none() && self.lost.is_empty() && self.untold.is_empty();
            assert!(covered || !claims || self.doomed(position), "S2: {position:?} passes for covered");
            assert!(covered || position.closing.is_some() || ms <= 10_000, "S2: uncovered for {ms} ms");
        }
    }

    /// Whether what covers a position has ended, and word of it was lost or is on its way.
    fn doomed(&self, position: &Position) -> bool {
        let covering = self.rig.engine.orders().filter(|order| order.covers(position.qty));
        let gone = |id: ClientId| self.orders.iter().any(|order| order.request.id == id && order.stage != Their::Live);
        covering.into_iter().all(|order| gone(order.request.id))
    }

    /// At an exchange nothing jumps: what is due in the next milliseconds happens then.
    pub(super) fn pass(&mut self, ms: i64) {
        let until = self.rig.now.plus_ms(ms);
        let mut wakes = 0;
        while self.venue == Venue::Exchange
            && let Some(due) = self.rig.engine.next_deadline().filter(|due| *due <= until)
        {
            wakes += 1;
            assert!(wakes < 200, "L2: it spins");
            self.rig.now = self.rig.now.max(due);
            self.rig.event(Event::Wake);
            self.after();
        }
    }

    /// The exchange shows its account. Trades are told before, unless it is early; but not twice, since a difference is looked into.
    pub(super) fn view(&mut self, early: bool) {
        let early = early && !self.rig.engine.state.differences.in_doubt();
        if !early {
            self.tell_untold();
            if !self.untold.is_empty() {
                return;
            }
        }
        self.seen.early += u64::from(early && !self.untold.is_empty());
        let side = if self.held > Decimal::ZERO { Side::Long } else { Side::Short };
        let held = PositionView { symbol: BTC, side, qty: self.held.abs(), entry_price: Decimal::from(100_000) };
        let balance = self.rig.engine.account().balance + self.moved;
        let positions = [held].into_iter().filter(|held| !held.qty.is_zero()).collect();
        self.rig.event(Event::Account(AccountView { balance, positions }));
        self.after();
        self.seen.foreign += self.rig.engine.foreign().count() as u64;
    }

    /// What the exchange has more than we, and what we know of that.
    pub(super) fn is_known(&self, excess: Decimal) -> bool {
        let known = self.rig.engine.state.differences.clone().look(BTC, excess);
        known == Worth::Known
    }
}
