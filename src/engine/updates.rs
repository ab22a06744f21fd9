//! What the venue says: answers, fills, funding, the account.

use super::{
    Action, Engine, Leg, Need, Note, Reason, Record, Skip, Stage,
    breakers::Breaker,
    exits::place_of,
    note::Entry,
    orders::attempt_of,
    positions::{Plan, Position},
    quarantine,
};
use crate::market::{Class, ClientId, Ended, Fill, FundingPaid, OrderUpdate, Side, SymbolId, Timestamp, float};
use rust_decimal::Decimal;

/// After so many stops in a row that came to nothing the position is closed at the market instead.
const MOST_FAILED_STOPS: u8 = 3;
/// A target or an exit that came to nothing is tried again after this long: the venue would say the same at once.
const RETRY_MS: i64 = 1_000;
/// The same where an exchange says that there is nothing to close: as long as it takes to read the account, which begins anew with each.
const FLAT_RETRY_MS: i64 = 15_000;
/// So many names are left out after one that was taken.
const NAMES_PASSED_OVER: u32 = 36;

impl Engine {
    pub(super) fn on_order(&mut self, now: Timestamp, update: &OrderUpdate, actions: &mut Vec<Action>) {
        if let OrderUpdate::Liquidated(fill) = update {
            return self.on_liquidation(now, fill, actions);
        }
        let known = self.state.orders.find(update.id()).map(|order| (order.request.symbol, order.leg));
        let known = known.or_else(|| self.recall(update));
        let Some((symbol, leg)) = known else { return self.on_stranger(update, actions) };
        match *update {
            OrderUpdate::Accepted { id } => self.on_accepted(id),
            OrderUpdate::Refused { id, code, class: Class::Duplicate } => {
                self.on_duplicate(now, id, symbol, leg, code, actions);
            }
            OrderUpdate::Refused { id, code, class } => {
                if self.state.orders.end(id).is_some() {
                    actions.push(Action::Log(Note::Refused { id, symbol, code, class }));
                    self.on_refused(now, id, symbol, leg, class, actions);
                }
            }
            OrderUpdate::Unknown { id } => self.on_unknown(now, id, symbol, leg, actions),
            OrderUpdate::Filled(fill) | OrderUpdate::Liquidated(fill) => self.on_fill(&fill, leg, actions),
            OrderUpdate::Ended { id, how: Ended::Triggered } => self.on_fired(id),
            OrderUpdate::Ended { id, .. } | OrderUpdate::Absent { id } => self.on_ended(now, id, symbol, leg, actions),
        }
        self.tend(now, symbol, actions);
        self.stop_if_empty(now, actions);
    }

    /// A fill of an order that we do not remember and that has a name which we would have given it.
    ///
    /// A protective order does not wait for a stuck disk for ever, so one may have gone without leaving a trace. It is known by its name,
    /// and that name is not given again.
    fn recall(&mut self, update: &OrderUpdate) -> Option<(SymbolId, Leg)> {
        let OrderUpdate::Filled(fill) = update else { return None };
        let position = self.state.positions[fill.symbol.index()].as_ref()?;
        let Plan { strategy, side, signal_at, .. } = position.plan;
        let tag = &self.tags[self.pair(usize::from(strategy), fill.symbol)];
        let legs = [Leg::Stop, Leg::Target, Leg::Exit(position.closing.unwrap_or(Reason::Manual))];
        let attempt = |leg| Some((leg, attempt_of(fill.id, tag, side, signal_at, &leg)?));
        let (leg, attempt) = legs.into_iter().find_map(attempt)?;
        let next = &mut self.state.attempts[fill.symbol.index()][place_of(&leg)];
        *next = (*next).max(attempt.wrapping_add(1));
        Some((fill.symbol, leg))
    }

    /// The venue closed a position, or a part of it, by force; an order of its own did, so there is none of ours to look up.
    fn on_liquidation(&mut self, now: Timestamp, fill: &Fill, actions: &mut Vec<Action>) {
        let Fill { symbol, trade_id, qty, price, .. } = *fill;
        if self.state.orders.is_new_trade(symbol, trade_id) {
            self.record(Record::Fill(*fill));
            actions.push(Action::Alert(Note::Liquidated { symbol, qty, price }));
            self.on_exit_fill(fill, Reason::Liquidation, actions);
            self.tend(now, symbol, actions);
            self.stop_if_empty(now, actions);
        }
    }

    /// An order that is not ours: left alone; a fill of it puts our view of the account in doubt (S15).
    fn on_stranger(&mut self, update: &OrderUpdate, actions: &mut Vec<Action>) {
        if let OrderUpdate::Filled(fill) = update {
            self.doubt(Note::NotOurs { id: fill.id, symbol: fill.symbol }, actions);
        }
    }

    /// Its price was reached, and another order carries on for it: no other is wanted, but it protects only by what it fills.
    fn on_fired(&mut self, id: ClientId) {
        if let Some(order) = self.state.orders.get_mut(id) {
            order.fired = true;
        }
    }

    /// What rests at an exchange is remembered as such at once, so that a restart does not doubt it.
    fn on_accepted(&mut self, id: ClientId) {
        if let Some(order) = self.state.orders.get_mut(id) {
            let is_news = std::mem::replace(&mut order.stage, Stage::Accepted) != Stage::Accepted;
            self.unsaved |= is_news && self.state.live && order.request.kind.is_conditional();
        }
    }

    /// What the venue has confirmed does not come in doubt any more, by a word that was late or is told again.
    ///
    /// A held order does: after a restart its commit is on the disk, and whether it was sent after that, nobody knows.
    /// A stop in doubt counts as one that failed: its successor is on its way at once (S8), but not for ever. One that another has replaced
    /// does not: an entry in many parts has as many stops on their way at one moment.
    pub(super) fn on_unknown(
        &mut self,
        now: Timestamp,
        id: ClientId,
        symbol: SymbolId,
        leg: Leg,
        actions: &mut Vec<Action>,
    ) {
        let Some(order) = self.state.orders.get_mut(id) else { return };
        if !matches!(order.stage, Stage::Held { .. } | Stage::Sent) {
            return;
        }
        order.stage = Stage::Unknown;
        actions.push(Action::Alert(Note::InDoubt { id, symbol }));
        match leg {
            Leg::Stop if !self.has_stop_to_come(symbol) => self.on_failed(now, symbol, leg, actions),
            Leg::Exit(_) => self.space_out(now, symbol, &leg),
            Leg::Entry(_) | Leg::Stop | Leg::Target => {}
        }
    }

    /// An exit in doubt has a successor at once, that one another after a second, and so on, each a second later: a look-up may take long.
    fn space_out(&mut self, now: Timestamp, symbol: SymbolId, leg: &Leg) {
        let before = self.in_doubt(symbol, leg).saturating_sub(1);
        if let Some(position) = &mut self.state.positions[symbol.index()] {
            position.retry_at = position.retry_at.max(now.plus_ms(RETRY_MS * before as i64));
        }
    }

    /// Whether a stop for all that is held stands or may yet be confirmed.
    fn has_stop_to_come(&self, symbol: SymbolId) -> bool {
        let Some(position) = &self.state.positions[symbol.index()] else { return false };
        let mut stops = self.state.orders.of(symbol).filter(|order| order.leg == Leg::Stop && !order.fired);
        stops.any(|stop| stop.counts() && stop.open_qty() >= position.qty)
    }

    /// The venue has or had an order of this name. Where it has not said that it is ours, nobody knows what became of that one, so it is
    /// looked up, and a stop gets a successor at once: under a name well beyond those that a run without a disk may have used.
    fn on_duplicate(
        &mut self,
        now: Timestamp,
        id: ClientId,
        symbol: SymbolId,
        leg: Leg,
        code: i32,
        actions: &mut Vec<Action>,
    ) {
        let Some(order) = self.state.orders.get_mut(id).filter(|order| order.stage != Stage::Accepted) else { return };
        order.stage = Stage::Unknown;
        order.taken = order.request.reduce_only;
        actions.push(Action::Log(Note::Refused { id, symbol, code, class: Class::Duplicate }));
        self.doubt(Note::InDoubt { id, symbol }, actions);
        if let Some(attempt) = self.state.attempts[symbol.index()].get_mut(place_of(&leg)) {
            *attempt = attempt.wrapping_add(NAMES_PASSED_OVER);
        }
        match leg {
            Leg::Stop => self.on_failed(now, symbol, leg, actions),
            Leg::Exit(_) => self.space_out(now, symbol, &leg),
            Leg::Entry(_) | Leg::Target => {}
        }
    }

    fn on_refused(
        &mut self,
        now: Timestamp,
        id: ClientId,
        symbol: SymbolId,
        leg: Leg,
        class: Class,
        actions: &mut Vec<Action>,
    ) {
        if let Leg::Entry(plan) = leg {
            self.give_up(&plan, symbol, Skip::Refused, actions);
            if quarantine::is_the_symbols(class)
                && let Some(begun) = self.state.quarantine.refused(now, symbol, &self.settings.risk)
            {
                self.tell_quarantine(begun, actions);
            }
            return;
        }
        let live = self.state.live;
        let Some(position) = &mut self.state.positions[symbol.index()] else { return };
        if live && leg == Leg::Stop {
            position.stop_retry_at = Some(now.plus_ms(RETRY_MS)); // other rules may have come by then
        }
        match (leg, class) {
            (Leg::Stop, Class::WouldTrigger) => _ = position.closing.get_or_insert(Reason::Stop),
            (Leg::Target, Class::WouldTrigger) => _ = position.closing.get_or_insert(Reason::Target),
            // no proof that nothing is held: the position is read
            (Leg::Exit(_), Class::ReduceOnly) => self.doubt(Note::NotOurs { id, symbol }, actions),
            (_, Class::ReduceOnly) if live => self.reconcile(actions),
            (_, Class::Filter) if live => actions.push(Action::Need(Need::Rules(symbol))),
            _ => {}
        }
        self.on_failed(now, symbol, leg, actions);
        let held = self.state.positions[symbol.index()].as_mut().filter(|_| live && class == Class::ReduceOnly);
        if let Some(position) = held.filter(|_| matches!(leg, Leg::Target | Leg::Exit(_))) {
            position.retry_at = now.plus_ms(FLAT_RETRY_MS);
        }
    }

    /// An order that should have ended a position came to nothing, which was not our wish.
    fn on_failed(&mut self, now: Timestamp, symbol: SymbolId, leg: Leg, actions: &mut Vec<Action>) {
        let Some(position) = &mut self.state.positions[symbol.index()] else { return };
        match leg {
            Leg::Stop => {
                position.failed_stops = position.failed_stops.saturating_add(1);
                if position.failed_stops >= MOST_FAILED_STOPS && position.closing.is_none() {
                    position.closing = Some(Reason::Breaker);
                    actions.push(Action::Alert(Note::Unprotected(symbol)));
                }
            }
            Leg::Target | Leg::Exit(_) => position.retry_at = now.plus_ms(RETRY_MS),
            Leg::Entry(_) => {}
        }
    }

    /// An entry that never became one: its signal counts as not taken.
    pub(super) fn give_up(&mut self, plan: &Plan, symbol: SymbolId, why: Skip, actions: &mut Vec<Action>) {
        self.state.summary.take_back(why);
        self.state.account.take_back_entry(plan.signal_at);
        let price = self.desks[symbol.index()].mark;
        actions.push(Action::Log(Note::Skipped { symbol, strategy: plan.strategy, why, price }));
    }

    fn on_ended(&mut self, now: Timestamp, id: ClientId, symbol: SymbolId, leg: Leg, actions: &mut Vec<Action>) {
        let Some(order) = self.state.orders.end(id) else { return };
        match leg {
            Leg::Entry(plan) if order.filled.is_zero() => {
                let why = if order.cancelling { Skip::Cancelled } else { Skip::Refused };
                self.give_up(&plan, symbol, why, actions);
            }
            // counted when it came in doubt
            Leg::Stop if order.stage == Stage::Unknown || order.taken => {}
            Leg::Stop | Leg::Target | Leg::Exit(_) if !order.cancelling => self.on_failed(now, symbol, leg, actions),
            _ => {}
        }
    }

    fn on_fill(&mut self, fill: &Fill, leg: Leg, actions: &mut Vec<Action>) {
        if !self.state.orders.is_new_trade(fill.symbol, fill.trade_id) {
            return;
        }
        self.record(Record::Fill(*fill));
        if let Some(order) = self.state.orders.get_mut(fill.id) {
            order.filled += fill.qty;
            if order.open_qty() <= Decimal::ZERO {
                self.state.orders.end(fill.id);
            }
        }
        match leg {
            Leg::Entry(plan) => self.on_entry_fill(fill, plan, actions),
            Leg::Stop => self.on_exit_fill(fill, Reason::Stop, actions),
            Leg::Target => self.on_exit_fill(fill, Reason::Target, actions),
            Leg::Exit(reason) => self.on_exit_fill(fill, reason, actions),
        }
    }

    fn on_entry_fill(&mut self, fill: &Fill, plan: Plan, actions: &mut Vec<Action>) {
        let held = self.state.positions[fill.symbol.index()].as_ref();
        if held.is_some_and(|position| position.plan.side != plan.side) {
            // it comes long after its end, and another position is there by now
            return self.on_exit_fill(fill, Reason::Manual, actions);
        }
        self.state.account.pay_fee(fill.fee);
        self.state.quarantine.filled(fill.symbol);
        let abandoned = self.state.orders.find(fill.id).and_then(|order| order.abandoned);
        if let Some(position) = &mut self.state.positions[fill.symbol.index()] {
            position.closing = position.closing.or(abandoned);
            return position.grow(fill);
        }
        let instrument = &self.settings.instruments[fill.symbol.index()];
        let away = if plan.side == Side::Long { Decimal::ONE } else { Decimal::NEGATIVE_ONE };
        let stop = instrument.round_stop(plan.side, fill.price - away * plan.stop_distance);
        let target = instrument.round_target(plan.side, fill.price + away * plan.target_distance);
        let mut position = Position::open(plan, fill, stop, target);
        position.closing = abandoned.or(self.state.breakers.closing());
        self.state.summary.entries += 1;
        actions.push(Action::Log(Note::Entry(Entry {
            symbol: fill.symbol,
            side: plan.side,
            qty: fill.qty,
            price: fill.price,
            stop,
            target,
            risk: position.risk(),
            strategy: plan.strategy,
            cause: plan.cause,
            at: fill.at,
        })));
        self.state.positions[fill.symbol.index()] = Some(position);
    }

    pub(super) fn on_exit_fill(&mut self, fill: &Fill, reason: Reason, actions: &mut Vec<Action>) {
        self.state.account.pay_fee(fill.fee);
        let fits = |position: &&mut Position| position.plan.side.exit() == fill.side;
        let Some(position) = self.state.positions[fill.symbol.index()].as_mut().filter(fits) else {
            return self.doubt(Note::NotOurs { id: fill.id, symbol: fill.symbol }, actions);
        };
        // what lies beyond is somebody else's, whose position is one with ours
        let beyond = fill.qty > position.qty;
        let fill = &Fill { qty: fill.qty.min(position.qty), ..*fill };
        let reason = if reason == Reason::Stop && position.trailed { Reason::Trailing } else { reason };
        let mut trade = position.reduce(fill, reason);
        let closed = position.qty.is_zero().then_some((position.plan.strategy, position.earned));
        self.state.account.realise(trade.gross);
        self.state.account.trades += 1;
        trade.balance = self.state.account.balance.normalize();
        self.state.summary.count_exit(&trade);
        self.record(Record::Trade(trade.clone()));
        actions.push(Action::Log(Note::Exit(trade)));
        if let Some((strategy, earned)) = closed {
            self.state.odds[usize::from(strategy)].count(earned);
            self.state.positions[fill.symbol.index()] = None;
            self.cancel(fill.symbol, actions, |order| matches!(order.leg, Leg::Entry(_)));
            self.reset(|tripped| tripped.breaker == Breaker::PositionLoss(fill.symbol), actions);
            self.count_result(fill.at, earned, actions);
        }
        if beyond {
            self.doubt(Note::NotOurs { id: fill.id, symbol: fill.symbol }, actions);
        }
    }

    /// An account that is empty, whatever emptied it, trades no more.
    fn stop_if_empty(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        let balance = self.state.account.balance;
        if balance <= Decimal::ZERO && !self.state.blocks.stopping {
            self.stop_all(now, Breaker::Empty, float(balance), actions);
        }
    }

    pub(super) fn on_funding(&mut self, now: Timestamp, paid: &FundingPaid, actions: &mut Vec<Action>) {
        self.state.account.pay_funding(paid.amount);
        if let Some(position) = &mut self.state.positions[paid.symbol.index()] {
            position.charge(paid.amount);
        }
        self.record(Record::Funding(*paid));
        actions.push(Action::Log(Note::Funding { symbol: paid.symbol, amount: paid.amount }));
        self.stop_if_empty(now, actions);
    }
}
