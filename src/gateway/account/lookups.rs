//! The one way out of not knowing: an order is looked up by its name, once it cannot arrive any more (S8).
//!
//! One answer that it is not there is no proof: an old copy may have answered, and stops were not found for minutes while they stood. So it is
//! looked up twice, with a pause; then the lists of open orders must not have it, the trades must leave none without an owner, and the
//! position must be what the trades say, each read after the second miss.

use super::{Books, Turn, checks::NEVER, orders::Order};
use crate::{
    exchange::{
        Failure, FailureClass,
        private::{Reply, Wish},
    },
    gateway::asking::Job,
    market::{ClientId, Ended, OrderUpdate, Timestamp},
};

/// Between two look-ups of an order that nobody has ever seen, and of one that was there.
const PAUSE_MS: (i64, i64) = (2_000, 1_000);
/// The same while a trade may be its, and nothing says so.
const CONTESTED_PAUSE_MS: i64 = 5_000;

impl Books {
    /// Look-ups that are wanted.
    pub fn each_look(&self, mut take: impl FnMut(Job, Timestamp)) {
        for order in &self.orders.live {
            if let Some(due) = order.look_at {
                take(Job::Look(order.id()), due);
            }
        }
    }

    pub fn look_wish(&self, id: ClientId) -> Option<Wish> {
        self.orders.get(id).map(|order| Wish::Look(order.which()))
    }

    /// The answer to a look-up that was put at `asked`; the failure where it says nothing.
    pub fn on_look(
        &mut self,
        id: ClientId,
        asked: Timestamp,
        reply: Result<Reply, Failure>,
        turn: &mut Turn<'_>,
    ) -> Result<(), Failure> {
        self.tally.lookups += 1;
        let failure = match reply {
            Ok(Reply::Order(view)) if view.id == Some(id) => {
                if let Some(order) = self.orders.get_mut(id) {
                    order.see(&view, asked, turn);
                }
                return Ok(());
            }
            Ok(_) => {
                Failure { class: FailureClass::Unknown, code: 0, text: "the answer is about another order".to_owned() }
            }
            Err(failure) => failure,
        };
        let Some(order) = self.orders.get_mut(id) else { return Ok(()) };
        if let Some(code) = order.taken {
            // it was worth one try: what waits for this is unprotected meanwhile
            order.say_taken(code, turn);
        }
        let is_miss = failure.class == FailureClass::Refused && self.trading.is_missing(failure.code);
        if !is_miss && failure.class != FailureClass::NoSuchSymbol {
            return Err(failure);
        }
        self.tally.misses += 1;
        let pause = if order.is_accepted() { PAUSE_MS.1 } else { PAUSE_MS.0 };
        if order.is_accepted() && !order.can_be_missed(asked) {
            order.look_at = Some(turn.now.plus_ms(pause));
        } else {
            order.miss(asked, pause, turn);
        }
        Ok(())
    }

    /// Concludes where everything says that an order is not there.
    pub fn conclude(&mut self, turn: &mut Turn<'_>) {
        let gone = self.orders.live.iter().filter(|order| self.is_gone(order));
        let gone: Vec<(ClientId, OrderUpdate)> = gone.map(|order| (order.id(), end_of(order))).collect();
        for (id, update) in gone {
            self.orders.retire(id);
            turn.order(update);
        }
        let Self { orders, trades, .. } = self;
        let missing = orders.live.iter_mut().filter(|order| order.look_at.is_none() && order.is_missing().is_some());
        for order in missing.filter(|order| trades.wait_for(order, turn.now)) {
            order.look_at = Some(turn.now.plus_ms(CONTESTED_PAUSE_MS));
        }
    }

    fn is_gone(&self, order: &Order) -> bool {
        let Some(misses) = order.is_missing() else { return false };
        let symbol = order.symbol();
        let (lists, tape) = (&self.checks.lists[symbol.index()], &self.trades.tapes[symbol.index()]);
        let read = lists.read_at[usize::from(!order.is_conditional())].min(tape.read_at);
        let settled = !self.trades.wait_for(order, self.now) && !order.lacks_trades();
        read > misses.at.max(NEVER) && self.checks.agrees_since(misses.at) && settled
    }
}

fn end_of(order: &Order) -> OrderUpdate {
    let id = order.id();
    let cancelled = order.cancel.is_some_and(|cancel| cancel.acknowledged);
    match (order.is_accepted() || !order.filled.is_zero(), cancelled) {
        (false, _) => OrderUpdate::Absent { id },
        (true, true) => OrderUpdate::Ended { id, how: Ended::Cancelled },
        (true, false) => OrderUpdate::Ended { id, how: Ended::Expired },
    }
}
