//! The audit of S2, at an exchange: a position has a stop of its size there, which the exchange has confirmed.
//!
//! ```text
//! uncovered ──5 s──▶ another stop, whatever is on its way ──5 s──▶ closed at the market
//!                    a stop that fired and fills nothing: closed at once
//! ```
//!
//! A stop that is refused, in doubt or gone gets its successor without this (see `exits.rs`); here is what remains when answers stay away.
//! On paper the venue answers within the event, and time is the data's.

use super::{
    Action, Engine, Note, Reason,
    orders::{Leg, Order, Stage},
    positions::{Position, Uncovered},
};
use crate::market::{SymbolId, Timestamp};

/// A position may be uncovered for so long; then it is repaired, and closed after as long again.
const UNCOVERED_MS: i64 = 5_000;

impl Engine {
    /// Whether the exchange has confirmed a stop for a symbol's whole position, or there is none.
    fn is_covered(&self, symbol: SymbolId) -> bool {
        let position = self.state.positions[symbol.index()].as_ref();
        position.is_none_or(|position| self.state.orders.of(symbol).any(|order| order.covers(position.qty)))
    }

    /// Notes since when a symbol's position has been uncovered. Called where its orders or its size have changed.
    pub(super) fn note_cover(&mut self, now: Timestamp, symbol: SymbolId) {
        if !self.state.live {
            return;
        }
        let is_covered = self.is_covered(symbol);
        if let Some(position) = &mut self.state.positions[symbol.index()] {
            if is_covered {
                position.uncovered = None;
            } else {
                position.uncovered.get_or_insert(Uncovered { since: now, repaired: None });
            }
        }
    }

    /// When something must be done about a position's cover, or a stop that was refused is tried again.
    pub(super) fn cover_due(&self, position: &Position) -> Option<Timestamp> {
        let Some(Uncovered { since, repaired }) = position.uncovered else { return position.stop_retry_at };
        let audit = repaired.unwrap_or(since).plus_ms(UNCOVERED_MS);
        match (position.closing, repaired) {
            // the exit is on its way, and is tried again on its own
            (Some(_), Some(_)) => None,
            (Some(_), None) => Some(audit),
            (None, _) => Some(position.stop_retry_at.map_or(audit, |retry| retry.min(audit))),
        }
    }

    /// Does what is due about the cover of positions.
    pub(super) fn audit_cover(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        for index in 0..self.desks.len() {
            let (symbol, position) = (SymbolId(index as u16), &self.state.positions[index]);
            if position.as_ref().and_then(|position| self.cover_due(position)).is_some_and(|due| due <= now) {
                self.repair(now, symbol, actions);
                self.tend(now, symbol, actions);
            }
        }
    }

    fn repair(&mut self, now: Timestamp, symbol: SymbolId, actions: &mut Vec<Action>) {
        let fired = self.state.orders.of(symbol).any(|order| order.leg == Leg::Stop && order.fired);
        let Some(position) = &mut self.state.positions[symbol.index()] else { return };
        position.stop_retry_at.take_if(|at| *at <= now);
        let Some(uncovered) = &mut position.uncovered else { return };
        if now.since_ms(uncovered.repaired.unwrap_or(uncovered.since)) < UNCOVERED_MS {
            return;
        }
        if uncovered.repaired.replace(now).is_some() {
            position.closing = Some(if fired { Reason::Stop } else { Reason::Breaker });
            return actions.push(Action::Alert(Note::Unprotected(symbol)));
        }
        // where it is being closed no stop is wanted any more, but somebody should know; and where one has fired another would be refused
        let repairs = position.closing.is_none() && !fired;
        if fired {
            position.closing.get_or_insert(Reason::Stop);
        }
        actions.push(Action::Alert(Note::Uncovered(symbol)));
        self.reconcile(actions);
        if repairs {
            self.give_up_waiting(now, symbol, actions);
        }
    }

    /// Stops that were sent and have no answer are in doubt: others take their place.
    fn give_up_waiting(&mut self, now: Timestamp, symbol: SymbolId, actions: &mut Vec<Action>) {
        let waits = |order: &&Order| order.leg == Leg::Stop && order.stage == Stage::Sent;
        let ids: Vec<_> = self.state.orders.of(symbol).filter(waits).map(|order| order.request.id).collect();
        for id in ids {
            self.on_unknown(now, id, symbol, Leg::Stop, actions);
        }
    }

    /// A run begins: while there was none, nobody could cover anything.
    pub(super) fn begin_cover(&mut self, now: Timestamp) {
        for index in 0..self.desks.len() {
            if let Some(position) = self.state.positions[index].as_mut().filter(|_| self.state.live) {
                (position.uncovered, position.failed_stops) = (None, 0);
                self.note_cover(now, SymbolId(index as u16));
            }
        }
    }

    /// Positions that have been uncovered for too long.
    pub fn uncovered(&self) -> impl Iterator<Item = SymbolId> {
        let positions = self.state.positions.iter().flatten();
        positions.filter(|held| held.uncovered.is_some_and(|it| it.repaired.is_some())).map(|held| held.symbol)
    }
}
