//! Orders and cancels on their way: what is sent next in which lane, and what its answer means (S8).
//!
//! | answer | to an order | to a cancel |
//! |---|---|---|
//! | of the order | as it says | as it says |
//! | surely not done, and that may pass | sent again for a while, then refused | sent again |
//! | refused | refused; a name that is taken is looked up | looked up |
//! | anything else | unknown | looked up, and sent again where it is open |

use super::{
    Books, Turn,
    orders::{Cancel, MOST_LIVE, Order, Phase, code_of, urgency},
};
use crate::{
    exchange::{
        Failure, FailureClass,
        private::{Reply, Wish},
    },
    gateway::{Lane, asking::Job},
    market::{Class, ClientId, Ended, OrderCommand, OrderRequest, OrderUpdate, Timestamp},
};

/// An entry that cannot be sent for so long is refused: what it was made for is past.
const ENTRY_PATIENCE_MS: i64 = 2_000;
/// The same for what protects: then the engine decides anew (S2).
pub const PROTECTION_PATIENCE_MS: i64 = 4_000;
/// What was surely not done is sent again after this, doubled each time.
const RETRY_MS: (i64, i64) = (200, 1_600);
/// A cancel is sent again after this, doubled each time.
const CANCEL_AGAIN_MS: (i64, i64) = (1_000, 30_000);
/// An order whose cancel was acknowledged is looked up after this, if the stream has not told its end.
const ACKNOWLEDGED_MS: i64 = 500;
/// After the exchange's window, before a look-up that finds nothing means something: for clocks that differ.
pub const MARGIN_MS: i64 = 1_000;

/// A pause that is doubled with each try.
fn doubled((first, most): (i64, i64), tries: u32) -> i64 {
    first.saturating_mul(1 << tries.min(16)).min(most)
}

/// Counts of orders and of their round trips, in ms.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    pub sent: u64,
    pub answered: u64,
    pub last_ms: i64,
    pub sum_ms: i64,
    pub worst_ms: i64,
    pub unknown: u64,
    pub refused: u64,
    pub lookups: u64,
    pub misses: u64,
}

impl Tally {
    fn answer(&mut self, ms: i64) {
        self.answered += 1;
        self.last_ms = ms;
        self.sum_ms = self.sum_ms.saturating_add(ms);
        self.worst_ms = self.worst_ms.max(ms);
    }
}

impl Books {
    /// What the engine wants done.
    pub fn command(&mut self, command: &OrderCommand, turn: &mut Turn<'_>) {
        match *command {
            OrderCommand::Place(request) => self.want(request, turn),
            OrderCommand::Cancel { id, .. } => self.want_cancel(id, turn),
        }
    }

    fn want(&mut self, request: OrderRequest, turn: &mut Turn<'_>) {
        if self.orders.get(request.id).is_some() {
            return; // two requests with one name are one order
        }
        if self.orders.live.len() >= MOST_LIVE {
            return self.say_refused(request.id, 0, Class::Other, turn);
        }
        self.orders.live.push(Order::new(request, turn.now));
    }

    /// One that was not sent is gone; of one that is on its way it is known later.
    fn want_cancel(&mut self, id: ClientId, turn: &mut Turn<'_>) {
        let Some(order) = self.orders.get_mut(id) else { return };
        if order.phase == Phase::Queued {
            self.orders.drop(id);
            return turn.order(OrderUpdate::Ended { id, how: Ended::Cancelled });
        }
        let wanted = Cancel { due: turn.now, flying: false, acknowledged: false, tries: 0 };
        match &mut order.cancel {
            Some(cancel) => cancel.due = cancel.due.min(turn.now),
            None => order.cancel = Some(wanted),
        }
    }

    /// What is most urgent of a lane, with the time from which on it may be sent.
    pub fn next_order(&self, lane: Lane) -> Option<(Job, Timestamp)> {
        let places = self.orders.live.iter().filter(|order| order.phase == Phase::Queued && lane == lane_of(order));
        let places = places.map(|order| (urgency(&order.request), Job::Place(order.id()), order.due));
        // what no longer has to protect can wait; an entry that is not wanted cannot
        let other = if lane == Lane::Protection { Lane::Entries } else { Lane::Protection };
        let cancels = self.orders.live.iter().filter(|order| order.phase == Phase::Known && lane_of(order) == other);
        let cancels = cancels.filter(|order| order.ending.is_none()).filter_map(|order| {
            order.cancel.filter(|cancel| !cancel.flying).map(|cancel| (2, Job::Cancel(order.id()), cancel.due))
        });
        let all = || places.clone().chain(cancels.clone());
        let due = || all().filter(|(.., due)| *due <= self.now);
        let first = match lane {
            // of equals the newest: of stops it is the one for all that is held, and with it the others need not be sent
            Lane::Protection => due().rev().min_by_key(|(urgency, ..)| *urgency),
            Lane::Entries | Lane::Data => due().min_by_key(|(urgency, ..)| *urgency),
        };
        first.or_else(|| all().min_by_key(|(.., due)| *due)).map(|(_, job, due)| (job, due))
    }

    /// The request for it.
    pub fn order_wish(&self, job: Job) -> Option<Wish> {
        match job {
            Job::Place(id) => self.orders.get(id).map(|order| Wish::Place(order.request)),
            Job::Cancel(id) => self.orders.get(id).map(|order| Wish::Cancel(order.which())),
            _ => None,
        }
    }

    /// It is on its way.
    pub fn order_sent(&mut self, job: Job) {
        self.tally.sent += 1;
        match job {
            Job::Place(id) => self.orders.get_mut(id).into_iter().for_each(|order| order.phase = Phase::Sending),
            Job::Cancel(id) => {
                let cancel = self.orders.get_mut(id).and_then(|order| order.cancel.as_mut());
                cancel.into_iter().for_each(|cancel| (cancel.flying, cancel.tries) = (true, cancel.tries + 1));
            }
            _ => {}
        }
    }

    /// The answer to an order or a cancel that was sent at `sent`.
    pub fn on_order_reply(&mut self, job: Job, sent: Timestamp, reply: Result<Reply, Failure>, turn: &mut Turn<'_>) {
        self.tally.answer(turn.now.since_ms(sent));
        match (job, reply) {
            (Job::Place(id) | Job::Cancel(id), Ok(Reply::Order(view))) => {
                self.land_cancel(id, turn);
                if let Some(order) = self.orders.live.iter_mut().find(|order| order.id() == id) {
                    order.see(&view, sent, turn);
                }
            }
            (Job::Place(id), Err(failure)) => self.on_place_failed(id, &failure, turn),
            (Job::Place(id), Ok(_)) => self.doubt_order(id, turn),
            (Job::Cancel(id), Ok(_)) => {
                self.land_cancel(id, turn);
                if let Some(order) = self.orders.get_mut(id) {
                    order.look_at = Some(turn.now.plus_ms(ACKNOWLEDGED_MS));
                    order.cancel.iter_mut().for_each(|cancel| cancel.acknowledged = true);
                }
            }
            (Job::Cancel(id), Err(failure)) => self.on_cancel_failed(id, Some(&failure), turn),
            _ => {}
        }
    }

    /// There was none. `sent`: it may have arrived.
    pub fn on_no_order_reply(&mut self, job: Job, sent: bool, turn: &mut Turn<'_>) {
        match job {
            Job::Place(id) if sent => self.doubt_order(id, turn),
            Job::Place(id) => self.again(id, 0, turn),
            Job::Cancel(id) => self.on_cancel_failed(id, None, turn),
            _ => {}
        }
    }

    fn on_place_failed(&mut self, id: ClientId, failure: &Failure, turn: &mut Turn<'_>) {
        let class = self.trading.refusal(failure.code);
        match failure.class {
            // shut out by whoever stands before the exchange: that is no word of its own
            FailureClass::Unknown | FailureClass::Forbidden => self.doubt_order(id, turn),
            FailureClass::Clock | FailureClass::NotNow => self.again(id, failure.code, turn),
            FailureClass::TooMany { .. } | FailureClass::Banned { .. } => {
                if self.orders.get(id).is_some_and(|order| order.request.reduce_only) {
                    self.again(id, failure.code, turn);
                } else {
                    self.refuse(id, failure.code, Class::Other, turn);
                }
            }
            FailureClass::Refused | FailureClass::NoSuchSymbol if class == Class::Duplicate => {
                let Some(order) = self.orders.get_mut(id).filter(|order| order.phase == Phase::Sending) else { return };
                (order.phase, order.look_at) = (Phase::Unknown, Some(turn.now));
                order.taken = Some(failure.code);
                self.checks.doubt(turn);
            }
            FailureClass::NoSuchSymbol | FailureClass::Key | FailureClass::Refused => {
                self.refuse(id, failure.code, class, turn);
            }
        }
    }

    /// Surely not done. It is sent again, and refused once there was no room for it for too long.
    fn again(&mut self, id: ClientId, code: i64, turn: &mut Turn<'_>) {
        let Some(order) = self.orders.get_mut(id).filter(|order| order.phase == Phase::Sending) else { return };
        if order.cancel.is_some() {
            self.orders.drop(id);
            return turn.order(OrderUpdate::Ended { id, how: Ended::Cancelled });
        }
        order.due = turn.now.plus_ms(doubled(RETRY_MS, order.tries));
        (order.phase, order.last_code) = (Phase::Queued, code);
        order.tries = order.tries.saturating_add(1);
    }

    /// Those that could not be sent for too long.
    pub fn lose_patience(&mut self, turn: &mut Turn<'_>) {
        while let Some(order) =
            self.orders.live.iter().find(|order| patience(order).is_some_and(|until| until <= turn.now))
        {
            let (id, code) = (order.id(), order.last_code);
            self.orders.drop(id);
            self.say_refused(id, code, Class::Other, turn);
        }
    }

    /// When that is.
    pub fn patience_ends(&self) -> Option<Timestamp> {
        self.orders.live.iter().filter_map(patience).min()
    }

    fn refuse(&mut self, id: ClientId, code: i64, class: Class, turn: &mut Turn<'_>) {
        let Some(order) = self.orders.get_mut(id) else { return };
        if order.phase != Phase::Sending {
            order.look_at = Some(turn.now); // the stream has said something else
            return;
        }
        self.orders.drop(id);
        self.say_refused(id, code, class, turn);
    }

    fn say_refused(&mut self, id: ClientId, code: i64, class: Class, turn: &mut Turn<'_>) {
        self.tally.refused += 1;
        turn.order(OrderUpdate::Refused { id, code: code_of(code), class });
    }

    /// Nobody knows whether it was done, unless the stream has told it already.
    pub fn doubt_order(&mut self, id: ClientId, turn: &mut Turn<'_>) {
        let look_at = turn.now.plus_ms(self.trading.window_ms() + MARGIN_MS);
        let Some(order) = self.orders.get_mut(id) else { return };
        if order.phase == Phase::Sending {
            order.doubt(look_at, turn);
            self.tally.unknown += 1;
            self.checks.doubt(turn);
        }
    }

    fn land_cancel(&mut self, id: ClientId, turn: &Turn<'_>) {
        if let Some(cancel) = self.orders.get_mut(id).and_then(|order| order.cancel.as_mut()) {
            cancel.flying = false;
            cancel.due = turn.now.plus_ms(doubled(CANCEL_AGAIN_MS, cancel.tries.saturating_sub(1)));
        }
    }

    /// It may have ended meanwhile, or may be about to: it is looked up, and where it is open, the cancel is sent again.
    fn on_cancel_failed(&mut self, id: ClientId, failure: Option<&Failure>, turn: &mut Turn<'_>) {
        self.land_cancel(id, turn);
        let is_said = failure.is_some_and(|failure| failure.class == FailureClass::Refused);
        if let Some(order) = self.orders.get_mut(id).filter(|order| order.phase == Phase::Known) {
            let pause = if is_said { 0 } else { ACKNOWLEDGED_MS };
            order.look_at.get_or_insert(turn.now.plus_ms(pause));
        }
    }
}

/// Until when an order waits to be sent.
fn patience(order: &Order) -> Option<Timestamp> {
    let most = if order.request.reduce_only { PROTECTION_PATIENCE_MS } else { ENTRY_PATIENCE_MS };
    (order.phase == Phase::Queued).then(|| order.wanted_at.plus_ms(most))
}

const fn lane_of(order: &Order) -> Lane {
    if order.request.reduce_only { Lane::Protection } else { Lane::Entries }
}
