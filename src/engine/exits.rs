//! Exits: every position has a stop and a target at the venue, sized to what is held (S2), and both go when it is flat.
//!
//! [`Engine::tend`] compares what a symbol should have with what it has and asks for the difference, whatever led there: a fill, a refusal,
//! an order that vanished, a trailing stop that moves. A stop is replaced by placing its successor first.

use super::{
    Action, Engine, PROTECTIVE_WAIT_MS, Skip,
    orders::{self, Leg, Stage},
    positions::{Position, Reason},
};
use crate::{
    engine::{Command, Halt, Note, Summary},
    market::{
        Between, Candle, Instrument, OrderCommand, OrderKind, OrderRequest, Side, SymbolId, Timestamp, decimal,
        seconds_ms,
    },
};

/// A trailing stop moves in steps of this part of its distance, so that it does not cost an order at every tick.
const TRAILING_STEP: f64 = 0.05;
/// With so many targets in doubt no other is sent before there is evidence of what became of one (S13).
const MOST_TARGETS_IN_DOUBT: usize = 3;
/// The same of exits. Each further one waits longer, so that these are two minutes and more.
const MOST_EXITS_IN_DOUBT: usize = 16;

impl Engine {
    /// What a new price means for a symbol's position: a moved stop, an exit to be tried again, a limit that is reached. `since` is all that
    /// the price did since the last one that was followed.
    #[inline]
    pub(super) fn follow(&mut self, now: Timestamp, symbol: SymbolId, since: &Candle, actions: &mut Vec<Action>) {
        if !self.watches[symbol.index()].calm.spans(since.low, since.high) {
            self.follow_closely(now, symbol, since, actions);
        }
    }

    #[inline(never)]
    fn follow_closely(&mut self, now: Timestamp, symbol: SymbolId, since: &Candle, actions: &mut Vec<Action>) {
        let watch = &mut self.watches[symbol.index()];
        let Some(position) = &self.state.positions[symbol.index()] else {
            watch.calm = Between::ALL;
            return;
        };
        let is_changing = self.settings.exits.trailing || position.failed_stops > 0;
        if is_changing || !watch.settled {
            self.see_to(now, symbol, since, actions);
        }
        self.weigh(now, actions);
        let watch = &mut self.watches[symbol.index()];
        if watch.settled && !is_changing {
            watch.calm = self.scale.calm;
        }
    }

    /// What a price may change about a position's orders.
    #[inline(never)] // little of it is wanted at most prices
    fn see_to(&mut self, now: Timestamp, symbol: SymbolId, since: &Candle, actions: &mut Vec<Action>) {
        let Some(position) = &mut self.state.positions[symbol.index()] else { return };
        let has_failed = position.failed_stops > 0;
        if self.settings.exits.trailing {
            position.best = best(position, since);
            if position.closing.is_none() {
                self.trail(symbol, actions);
            }
        }
        if has_failed {
            self.forgive(symbol);
        }
        if !self.watches[symbol.index()].settled {
            self.tend(now, symbol, actions);
        }
    }

    /// A symbol's rules are known or have changed; what stands moves to the new tick at the next price. A stop that waits to be tried again
    /// is tried by them.
    pub(super) fn on_instrument(
        &mut self,
        now: Timestamp,
        symbol: SymbolId,
        rules: &Instrument,
        actions: &mut Vec<Action>,
    ) {
        self.settings.instruments[symbol.index()].clone_from(rules);
        let Some(position) = &mut self.state.positions[symbol.index()] else { return };
        position.keep_to(rules);
        if position.stop_retry_at.take().is_some() {
            self.tend(now, symbol, actions);
        }
    }

    /// A stop that stands when a price comes, ends the row of those that failed.
    fn forgive(&mut self, symbol: SymbolId) {
        let Some(position) = &mut self.state.positions[symbol.index()] else { return };
        let mut stops = self.state.orders.of(symbol).filter(|order| order.leg == Leg::Stop).peekable();
        if stops.peek().is_some() && stops.all(|stop| stop.stage == Stage::Accepted) {
            position.failed_stops = 0;
        }
    }

    /// Moves the stop after the best price, never back.
    fn trail(&mut self, symbol: SymbolId, actions: &mut Vec<Action>) {
        let instrument = &self.settings.instruments[symbol.index()];
        let Some(position) = &mut self.state.positions[symbol.index()] else { return };
        let side = position.plan.side;
        let distance = position.best * self.settings.exits.trailing_pct / 100.0;
        let wanted = decimal(position.best - side.sign() * distance);
        let (Some(wanted), Some(step)) = (wanted, decimal(distance * TRAILING_STEP)) else { return };
        let stop = instrument.round_stop(side, wanted);
        let gained = if side == Side::Long { stop - position.stop } else { position.stop - stop };
        if gained >= step.max(instrument.tick) {
            position.stop = stop;
            position.trailed = true;
            self.watches[symbol.index()].settled = false;
            actions.push(Action::Log(Note::StopMoved { symbol, stop }));
        }
    }

    /// Asks for what a symbol's position lacks, and for the end of what it does not need.
    pub(super) fn tend(&mut self, now: Timestamp, symbol: SymbolId, actions: &mut Vec<Action>) {
        self.stir();
        let held = self.state.positions[symbol.index()].as_ref();
        let held = held.map(|position| (position.stop, position.target, position.closing));
        if let Some((.., Some(reason))) = held {
            self.state.orders.abandon(symbol, reason);
        }
        self.cancel(symbol, actions, |order| order.abandoned.is_some());
        self.watches[symbol.index()].settled = match held {
            None => {
                self.cancel(symbol, actions, |order| order.request.reduce_only);
                false
            }
            // the stop and the target that stand, stay until it is flat; none is placed anew
            Some((.., Some(reason))) => {
                self.want(now, symbol, Leg::Exit(reason), OrderKind::Market, actions);
                false
            }
            Some((stop, target, None)) => {
                let stop = self.want(now, symbol, Leg::Stop, OrderKind::StopMarket { trigger: stop }, actions);
                let target = OrderKind::TakeProfitMarket { trigger: target };
                self.want(now, symbol, Leg::Target, target, actions) && stop
            }
        };
        self.note_cover(now, symbol);
    }

    /// Sees to it that one order of a leg stands for the whole position, and says whether it does; those before it go once the venue has it.
    fn want(&mut self, now: Timestamp, symbol: SymbolId, leg: Leg, kind: OrderKind, actions: &mut Vec<Action>) -> bool {
        let Some(position) = &self.state.positions[symbol.index()] else { return false };
        let of_leg = |other: &Leg| place_of(other) == place_of(&leg);
        let newest = self.state.orders.of(symbol).rev().find(|order| of_leg(&order.leg) && order.counts());
        if let Some(newest) = newest.filter(|order| order.request.kind == kind && order.open_qty() >= position.qty) {
            let (id, accepted) = (newest.request.id, newest.stage == Stage::Accepted);
            if accepted {
                self.cancel(symbol, actions, |order| of_leg(&order.leg) && order.request.id != id);
            }
            return accepted;
        }
        let unanswered = newest.is_some_and(|order| order.open_qty() >= position.qty && order.stage != Stage::Accepted);
        let waits = match leg {
            Leg::Stop => position.stop_retry_at.is_some_and(|at| now < at),
            _ => now < position.retry_at || self.has_most_in_doubt(symbol, &leg),
        };
        if unanswered || waits {
            return false;
        }
        let (qty, side, signal_at) = (position.qty, position.plan.side, position.plan.signal_at);
        let tag = &self.tags[self.pair(usize::from(position.plan.strategy), symbol)];
        let attempt = &mut self.state.attempts[symbol.index()][place_of(&leg)];
        let id = orders::client_id(tag, side, signal_at, &leg, *attempt);
        *attempt = attempt.wrapping_add(1);
        self.hold(now, OrderRequest { id, symbol, side: side.exit(), kind, qty, reduce_only: true }, leg);
        false
    }

    /// Whether evidence comes before another target or exit.
    fn has_most_in_doubt(&self, symbol: SymbolId, leg: &Leg) -> bool {
        let most = if matches!(leg, Leg::Exit(_)) { MOST_EXITS_IN_DOUBT } else { MOST_TARGETS_IN_DOUBT };
        self.in_doubt(symbol, leg) >= most
    }

    /// How many orders of a leg are in doubt.
    pub(super) fn in_doubt(&self, symbol: SymbolId, leg: &Leg) -> usize {
        let of_leg = self.state.orders.of(symbol).filter(|order| place_of(&order.leg) == place_of(leg));
        of_leg.filter(|order| order.stage == Stage::Unknown).count()
    }

    /// Ends a symbol's orders that match: those that have not left vanish, the others are cancelled.
    ///
    /// An order in doubt stays until there is evidence of what became of it (S8).
    pub(super) fn cancel(
        &mut self,
        symbol: SymbolId,
        actions: &mut Vec<Action>,
        which: impl Fn(&orders::Order) -> bool,
    ) {
        let matches = |order: &orders::Order| order.request.symbol == symbol && order.can_go() && which(order);
        while let Some(order) = self.state.orders.find_mut(matches) {
            let (id, leg) = (order.request.id, order.leg);
            if matches!(order.stage, Stage::Held { .. }) {
                self.state.orders.end(id);
                if let Leg::Entry(plan) = leg {
                    self.give_up(&plan, symbol, Skip::Cancelled, actions);
                }
            } else {
                order.cancelling = true;
                actions.push(Action::Order(OrderCommand::Cancel { id, symbol }));
            }
        }
    }

    /// Closes a symbol's position at the market, also one that is only on its way.
    pub(super) fn close(&mut self, now: Timestamp, symbol: SymbolId, reason: Reason, actions: &mut Vec<Action>) {
        self.state.orders.abandon(symbol, reason);
        if let Some(position) = &mut self.state.positions[symbol.index()] {
            position.closing.get_or_insert(reason);
        }
        self.tend(now, symbol, actions);
    }

    /// Closes every position at the market.
    pub(super) fn close_all(&mut self, now: Timestamp, reason: Reason, actions: &mut Vec<Action>) {
        for index in 0..self.desks.len() {
            self.close(now, SymbolId(index as u16), reason, actions);
        }
    }

    /// Sends what its batch has made durable; an entry passes the freshness check of S10 again.
    pub(super) fn release(&mut self, now: Timestamp, committed: u64, actions: &mut Vec<Action>) {
        self.send(now, actions, |order| matches!(order.stage, Stage::Held { batch, .. } if batch <= committed));
    }

    fn send(&mut self, now: Timestamp, actions: &mut Vec<Action>, due: impl Fn(&orders::Order) -> bool) {
        while let Some(order) = self.state.orders.find_mut(&due) {
            let (request, leg) = (order.request, order.leg);
            order.stage = Stage::Sent;
            if let Leg::Entry(plan) = leg {
                let index = usize::from(plan.strategy);
                let timeframe = self.rules[index].timeframe;
                if let Err(why) = self.open_for_entries(now, request.symbol, plan.signal_at, timeframe) {
                    self.state.orders.end(request.id);
                    self.give_up(&plan, request.symbol, why, actions);
                    continue;
                }
            }
            actions.push(Action::Order(OrderCommand::Place(request)));
        }
    }

    /// A deadline is due: protective orders that waited long enough for the disk, positions held long enough.
    pub(super) fn on_wake(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        self.send(now, actions, |order| {
            let waited = |since: Timestamp| now.since_ms(since) >= PROTECTIVE_WAIT_MS;
            order.request.reduce_only && matches!(order.stage, Stage::Held { since, .. } if waited(since))
        });
        for index in 0..self.desks.len() {
            let due = self.state.positions[index].as_ref().and_then(|position| self.exit_due(position));
            if due.is_some_and(|due| due <= now) {
                self.close(now, SymbolId(index as u16), Reason::Time, actions);
            }
        }
        self.audit_cover(now, actions);
    }

    /// When a position is to be closed by itself: held for as long as it may be, or closing with no exit on its way.
    pub(super) fn exit_due(&self, position: &Position) -> Option<Timestamp> {
        if position.closing.is_none() {
            return self.hold_limit(position);
        }
        let mut exits = self.state.orders.of(position.symbol).filter(|order| matches!(order.leg, Leg::Exit(_)));
        let is_stuck = self.has_most_in_doubt(position.symbol, &Leg::Exit(Reason::Manual));
        (!is_stuck && !exits.any(orders::Order::counts)).then_some(position.retry_at)
    }

    /// When a position has been held for as long as it may be.
    fn hold_limit(&self, position: &Position) -> Option<Timestamp> {
        let exits = &self.settings.exits;
        exits.time_limit.then(|| position.entry_time.plus_ms(seconds_ms(exits.max_hold_s)))
    }

    /// What a person or the shell wants.
    pub(super) fn on_command(&mut self, now: Timestamp, command: Command, actions: &mut Vec<Action>) {
        match command {
            Command::Start => self.begin_session(now),
            Command::Halt(halted) => self.halt(halted, actions),
            Command::Pause => self.state.blocks.paused = true,
            Command::Resume => self.state.blocks.paused = false,
            Command::Close(symbol) => self.close(now, symbol, Reason::Manual, actions),
            Command::CloseAll => self.close_all(now, Reason::Manual, actions),
            Command::Stop { close } => {
                self.state.blocks.stopping = true;
                if close {
                    self.close_all(now, Reason::End, actions);
                }
            }
        }
    }

    /// Keeps the door to entries shut, or opens it: then an emergency stop, where there was one, has been cleared.
    fn halt(&mut self, halted: bool, actions: &mut Vec<Action>) {
        self.state.blocks.halted = halted;
        if !halted {
            self.reset(|tripped| tripped.breaker.level() == Some(Halt::Emergency), actions);
        }
    }

    /// The stop of another run is over, and a pause that somebody asked for is not; what it counted was its own. An entry on its way counts
    /// where it ends.
    fn begin_session(&mut self, now: Timestamp) {
        self.state.quarantine.begin_session(now);
        self.state.blocks.stopping = false;
        self.state.summary = Summary::beginning(self.entries_in_flight() as u64);
        self.begin_cover(now);
    }

    /// A position has a stop for its whole size at the venue or on its way there (S2), or one is due that was refused a moment ago.
    pub(super) fn check_protected(&self, position: &Position) {
        let stops = self.state.orders.of(position.symbol).filter(|order| order.leg == Leg::Stop && order.counts());
        let covered = stops.map(orders::Order::open_qty).max().is_some_and(|qty| qty >= position.qty);
        let is_due = position.closing.is_some() || position.stop_retry_at.is_some();
        assert!(covered || is_due, "a position without a stop for its whole size");
    }
}

/// The best price that a position has had, with what the price did since.
fn best(position: &Position, since: &Candle) -> f64 {
    // what is from before the entry, or may be, is none of the position's prices
    let whole = position.entry_time <= since.open_time;
    match position.plan.side {
        Side::Long => position.best.max(if whole { since.high } else { since.close }),
        Side::Short => position.best.min(if whole { since.low } else { since.close }),
    }
}

/// Where a leg's attempts are counted.
pub(super) const fn place_of(leg: &Leg) -> usize {
    match leg {
        Leg::Stop => 0,
        Leg::Target => 1,
        Leg::Exit(_) => 2,
        // an entry is tried once: its leg is never wanted for a position
        Leg::Entry(_) => usize::MAX,
    }
}
