//! One order's life, and all of them.
//!
//! ```text
//! Queued ──sent──▶ Sending ──answer──▶ Known ──its end, and every trade of it──▶ over
//!   ▲ │               │ │                ▲
//!   │ └─too late──▶ refused              │ look-up, list or stream
//!   └──surely not done┘ └──no word──▶ Unknown ──missing twice, and nothing else has it──▶ absent (S8)
//! ```
//!
//! What the exchange says of an order never takes it back: one that has ended stays ended, whatever an old answer says, and what has traded
//! does not become less. An end is told once every trade of the order was.

use super::Turn;
use crate::{
    exchange::private::{AccountTrade, OrderView, Status, Which},
    gateway::Left,
    market::{Class, ClientId, Ended, OrderKind, OrderRequest, OrderUpdate, SymbolId, Timestamp},
};
use rust_decimal::Decimal;
use std::collections::VecDeque;

/// Orders that have not ended, at most: what comes on top is refused.
pub const MOST_LIVE: usize = 256;
/// Orders that have ended and are remembered, since a trade of them may come late.
const MOST_PAST: usize = 256;
/// An order that has fired is looked up after so long, and again: what it became may be stuck.
const FOLLOW_MS: i64 = 2_000;
/// An answer may be as of so long ago.
const OLD_COPY_MS: i64 = 4_000;
/// So many look-ups that found nothing, before anything else is asked.
const ENOUGH: u32 = 2;
/// A trade without an owner may be of an order that look-ups do not find, for so long; a stop or target was not found for a minute and stood.
const CONTESTED_MS: (i64, i64) = (30_000, 60_000);
/// Trades of an order from before a restart: when they are read so long after its end, all have come.
pub const SETTLED_MS: i64 = 4_000;

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// To be sent.
    Queued,
    /// Sent; no answer yet.
    Sending,
    /// The exchange has it or had it.
    Known,
    /// Nobody knows.
    Unknown,
}

/// What was said to the engine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Said {
    accepted: bool,
    pub unknown: bool,
    fired: bool,
}

/// A wish to cancel.
#[derive(Debug, Clone, Copy)]
pub struct Cancel {
    /// Not before.
    pub due: Timestamp,
    /// Whether it is on its way.
    pub flying: bool,
    /// Whether the exchange has said that it is done.
    pub acknowledged: bool,
    /// How often it was sent.
    pub tries: u32,
}

/// Look-ups that found nothing.
#[derive(Debug, Clone, Copy)]
pub struct Misses {
    /// How many in a row.
    pub count: u32,
    /// When the first one was asked.
    pub first: Timestamp,
    /// When the last one was asked.
    pub at: Timestamp,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Order {
    /// As the engine wants it.
    pub request: OrderRequest,
    /// Where it stands.
    pub phase: Phase,
    /// When it was wanted.
    pub wanted_at: Timestamp,
    /// Queued: not before.
    pub due: Timestamp,
    /// How often it was sent and surely not done, and the number of the last reason.
    pub tries: u32,
    pub last_code: i64,
    /// The exchange's number.
    number: Option<u64>,
    /// Of the order that carries on for it.
    spawned: Option<u64>,
    /// Trades that were told, in base units.
    pub filled: Decimal,
    /// As the exchange has said.
    pub owed: Decimal,
    pub said: Said,
    /// Some of it may have traded, and been told, before this session.
    pub restored: bool,
    /// The exchange has said that the name is taken, by this number; what has it is not known yet.
    pub taken: Option<i64>,
    pub cancel: Option<Cancel>,
    /// How it ended and when that was heard; trades may be missing.
    pub ending: Option<(Ended, Timestamp)>,
    /// When it is to be looked up.
    pub look_at: Option<Timestamp>,
    pub misses: Option<Misses>,
    /// The last moment at which the exchange had it, or had it no more.
    pub seen_at: Timestamp,
}

impl Order {
    pub const fn new(request: OrderRequest, now: Timestamp) -> Self {
        Self {
            request,
            phase: Phase::Queued,
            wanted_at: now,
            due: now,
            tries: 0,
            last_code: 0,
            number: None,
            spawned: None,
            filled: Decimal::ZERO,
            owed: Decimal::ZERO,
            said: Said { accepted: false, unknown: false, fired: false },
            restored: false,
            taken: None,
            cancel: None,
            ending: None,
            look_at: None,
            misses: None,
            seen_at: now,
        }
    }

    /// One from before a restart. What the exchange had taken is not in doubt: the next list has it, or it is looked up at once.
    pub fn restored(left: &Left, now: Timestamp, look_at: Timestamp) -> Self {
        let accepted = left.accepted;
        let (phase, look_at) = if accepted { (Phase::Known, None) } else { (Phase::Unknown, Some(look_at)) };
        let said = Said { accepted, ..Said::default() };
        Self { phase, look_at, said, restored: true, ..Self::new(left.request, now) }
    }

    /// The same, once it is known when it was given away at the latest. `look_at`: when it cannot arrive any more.
    pub fn was_left(&mut self, given: Timestamp, look_at: Timestamp, turn: &mut Turn<'_>) {
        match self.phase {
            Phase::Unknown => {
                let look_at = self.look_at.map_or(look_at, |due| due.min(look_at));
                self.doubt(look_at, turn);
            }
            Phase::Known => self.seen_at = given,
            Phase::Queued | Phase::Sending => {}
        }
    }

    pub const fn id(&self) -> ClientId {
        self.request.id
    }

    pub const fn symbol(&self) -> SymbolId {
        self.request.symbol
    }

    pub const fn is_conditional(&self) -> bool {
        self.request.kind.is_conditional()
    }

    /// For look-ups and cancels.
    pub const fn which(&self) -> Which {
        Which { id: self.id(), symbol: self.symbol(), conditional: self.is_conditional() }
    }

    /// Whether a trade under this number of the exchange is one of its trades.
    pub fn trades_as(&self, number: u64) -> bool {
        let own = if self.is_conditional() { self.spawned } else { self.number };
        own == Some(number)
    }

    /// Whether trades of it are missing.
    pub fn lacks_trades(&self) -> bool {
        !self.restored && self.owed > self.filled
    }

    /// Whether nothing is open about it that a proof of the account has to wait for.
    pub fn is_settled(&self) -> bool {
        let known = self.phase != Phase::Unknown && self.misses.is_none() && self.taken.is_none();
        known && self.ending.is_none() && !self.lacks_trades()
    }

    /// Nobody knows whether the exchange has it: said at once. It is looked up once it cannot arrive any more.
    pub fn doubt(&mut self, look_at: Timestamp, turn: &mut Turn<'_>) {
        self.phase = Phase::Unknown;
        self.look_at = Some(look_at);
        if !std::mem::replace(&mut self.said.unknown, true) {
            turn.order(OrderUpdate::Unknown { id: self.id() });
        }
    }

    /// The numbers under which it trades.
    fn learn(&mut self, view: &OrderView) {
        if view.conditional == self.is_conditional() {
            self.number = Some(view.number);
        } else {
            self.spawned = Some(view.number);
        }
        self.spawned = view.spawned.or(self.spawned);
    }

    /// The exchange says how it stands, as of `asked` or later.
    pub fn see(&mut self, view: &OrderView, asked: Timestamp, turn: &mut Turn<'_>) {
        self.compare_terms(view, turn);
        self.learn(view);
        (self.misses, self.look_at, self.phase) = (None, None, Phase::Known);
        self.seen_at = self.seen_at.max(asked);
        self.owed = self.owed.max(view.filled);
        if self.ending.is_some() {
            return; // an old answer
        }
        let has_fired = self.is_conditional() && !view.conditional;
        let how = match view.status {
            Status::Open if !has_fired => return self.accept(turn),
            Status::Open | Status::Triggering | Status::Triggered => {
                self.accept(turn);
                return self.fire(turn);
            }
            Status::Cancelled => Ended::Cancelled,
            Status::Filled | Status::Expired | Status::Rejected => Ended::Expired,
        };
        if self.owed > self.filled {
            self.accept(turn);
        }
        let has_fired = self.spawned.is_some() || !view.conditional || !self.filled.is_zero();
        if self.is_conditional() && !has_fired && matches!(view.status, Status::Cancelled | Status::Expired) {
            self.restored = false; // what has never fired has no trade that may come late
        }
        self.ending = Some((how, turn.now));
    }

    fn accept(&mut self, turn: &mut Turn<'_>) {
        if !std::mem::replace(&mut self.said.accepted, true) {
            turn.order(OrderUpdate::Accepted { id: self.id() });
        }
    }

    /// It has fired, and another order carries on, or should: the engine counts it as no protection.
    fn fire(&mut self, turn: &mut Turn<'_>) {
        if !std::mem::replace(&mut self.said.fired, true) {
            turn.order(OrderUpdate::Ended { id: self.id(), how: Ended::Triggered });
        }
        self.look_at = Some(turn.now.plus_ms(FOLLOW_MS));
    }

    /// Its name was taken when it came: what has it, is it, or is not.
    fn compare_terms(&mut self, view: &OrderView, turn: &mut Turn<'_>) {
        if let Some(code) = self.taken {
            let OrderRequest { kind, side, qty, reduce_only, .. } = self.request;
            if (view.kind, view.side, view.qty, view.reduce_only) == (Some(kind), side, qty, reduce_only) {
                (self.taken, self.restored) = (None, true);
            } else {
                self.say_taken(code, turn);
            }
        }
    }

    /// The engine counts an order with a taken name as one in doubt, and as no protection.
    pub fn say_taken(&mut self, code: i64, turn: &mut Turn<'_>) {
        (self.taken, self.restored) = (None, true);
        self.said.unknown = true;
        turn.order(OrderUpdate::Refused { id: self.id(), code: code_of(code), class: Class::Duplicate });
    }

    /// A look-up has found nothing.
    pub fn miss(&mut self, asked: Timestamp, pause_ms: i64, turn: &Turn<'_>) {
        let before = self.misses.unwrap_or(Misses { count: 0, first: asked, at: asked });
        let count = before.count.saturating_add(1);
        self.misses = Some(Misses { count, at: asked, ..before });
        // after the second one the lists, the trades and the position have to agree
        self.look_at = (count < ENOUGH).then(|| turn.now.plus_ms(pause_ms));
    }

    /// Whether an answer of `asked` that does not have it means something: it was not seen just before, or by other means since.
    pub fn can_be_missed(&self, asked: Timestamp) -> bool {
        asked >= self.seen_at.plus_ms(OLD_COPY_MS)
    }

    /// Look-ups that found nothing, where they are enough.
    pub fn is_missing(&self) -> Option<Misses> {
        self.misses.filter(|misses| misses.count >= ENOUGH)
    }

    /// Whether a trade under an unknown number, heard at `since`, can be one of its trades.
    pub fn may_own(&self, trade: &AccountTrade, since: Timestamp, now: Timestamp) -> bool {
        let OrderRequest { symbol, side, qty, .. } = self.request;
        let fits = (symbol, side) == (trade.symbol, trade.side) && trade.qty <= qty;
        let in_time = self.restored || self.wanted_at <= since;
        let longest = if self.is_conditional() { CONTESTED_MS.1 } else { CONTESTED_MS.0 };
        let given_up = self.is_missing().is_some_and(|misses| now.since_ms(misses.first) >= longest);
        fits && in_time
            && match self.phase {
                Phase::Queued => false,
                Phase::Sending | Phase::Unknown => !given_up,
                Phase::Known => self.is_conditional() && self.spawned.is_none() && self.seen_at <= since && !given_up,
            }
    }

    /// Whether the exchange has said that it took it.
    pub const fn is_accepted(&self) -> bool {
        self.said.accepted
    }

    /// What is told when it is over for good: `None` where the last trade has said it, or something is missing. `read_at`: as of when the
    /// trades of its symbol were read.
    fn end(&self, read_at: Timestamp) -> Option<Option<OrderUpdate>> {
        let (how, since) = self.ending?;
        let whole = if self.restored { read_at >= since.plus_ms(SETTLED_MS) } else { self.filled >= self.owed };
        whole.then(|| (self.filled < self.request.qty).then_some(OrderUpdate::Ended { id: self.id(), how }))
    }
}

/// The exchange's number for a reason, as the engine has it.
pub fn code_of(code: i64) -> i32 {
    i32::try_from(code).unwrap_or(i32::MIN)
}

/// An order that is over.
#[derive(Debug, Clone, Copy)]
pub struct Past {
    /// Its name.
    pub id: ClientId,
    symbol: SymbolId,
    number: Option<u64>,
}

/// Every order that has not ended, oldest first, and a few that have.
#[derive(Debug, Clone, Default)]
pub struct Orders {
    pub live: Vec<Order>,
    past: VecDeque<Past>,
}

impl Orders {
    /// One that has not ended.
    pub fn get_mut(&mut self, id: ClientId) -> Option<&mut Order> {
        self.live.iter_mut().find(|order| order.id() == id)
    }

    /// One that has not ended.
    pub fn get(&self, id: ClientId) -> Option<&Order> {
        self.live.iter().find(|order| order.id() == id)
    }

    /// The one that has not ended whose view this is.
    pub fn of_view(&mut self, view: &OrderView) -> Option<&mut Order> {
        let is_it = |order: &Order| {
            order.symbol() == view.symbol
                && (view.id == Some(order.id()) || !view.conditional && order.trades_as(view.number))
        };
        self.live.iter_mut().find(|order| is_it(order))
    }

    /// Whether an order of this name or number is, or was, one of ours.
    pub fn knows(&self, view: &OrderView) -> bool {
        let past = |past: &&Past| {
            view.id == Some(past.id)
                || !view.conditional && (view.symbol, Some(view.number)) == (past.symbol, past.number)
        };
        let live = self.live.iter().any(|order| view.id == Some(order.id()) || order.trades_as(view.number));
        live || self.past.iter().find(past).is_some()
    }

    /// Whose trade this is, by the exchange's number or by its name.
    pub fn owner(&self, symbol: SymbolId, number: u64, name: Option<ClientId>) -> Option<ClientId> {
        let live = self.live.iter().filter(|order| order.symbol() == symbol);
        let live = live.filter(|order| order.trades_as(number) || name == Some(order.id()));
        let past = self.past.iter().filter(|past| past.symbol == symbol);
        let past = past.filter(|past| past.number == Some(number) || name == Some(past.id));
        live.map(Order::id).chain(past.map(|past| past.id)).next()
    }

    /// Takes out one that was never done.
    pub fn drop(&mut self, id: ClientId) {
        self.live.retain(|order| order.id() != id);
    }

    /// It is over.
    pub fn retire(&mut self, id: ClientId) {
        let Some(place) = self.live.iter().position(|order| order.id() == id) else { return };
        let order = self.live.remove(place);
        if self.past.len() == MOST_PAST {
            self.past.pop_front();
        }
        let number = if order.is_conditional() { order.spawned } else { order.number };
        self.past.push_back(Past { id, symbol: order.symbol(), number });
    }

    /// Tells the end of those that are over, once all that they traded was told.
    pub fn finish(&mut self, read_at: impl Fn(SymbolId) -> Timestamp, turn: &mut Turn<'_>) {
        let over = self.live.iter().filter_map(|order| Some((order.id(), order.end(read_at(order.symbol()))?)));
        let over: Vec<(ClientId, Option<OrderUpdate>)> = over.collect();
        for (id, update) in over {
            self.retire(id);
            update.into_iter().for_each(|update| turn.order(update));
        }
    }

    /// Stops and targets of a symbol are looked up: one of them may have fired.
    pub fn look_at_conditionals(&mut self, symbol: SymbolId, at: Timestamp) {
        let waiting = self.live.iter_mut().filter(|order| order.symbol() == symbol && order.is_conditional());
        for order in waiting.filter(|order| order.phase == Phase::Known && order.spawned.is_none()) {
            order.look_at = Some(order.look_at.map_or(at, |due| due.min(at)));
        }
    }

    /// The assertions that stay on.
    pub fn check(&self) {
        assert!(self.live.len() <= MOST_LIVE && self.past.len() <= MOST_PAST, "too many orders");
        for (at, order) in self.live.iter().enumerate() {
            assert!(!self.live[..at].iter().any(|other| other.id() == order.id()), "{} twice", order.id());
            let ordered = order.restored || order.filled <= order.request.qty;
            assert!(ordered, "{} traded more than it ordered", order.id());
            let is_sure = matches!(order.phase, Phase::Queued | Phase::Sending) || order.request.qty > Decimal::ZERO;
            assert!(is_sure, "an order of nothing");
        }
    }
}

/// How urgent a placement is; the smallest first.
pub const fn urgency(request: &OrderRequest) -> u8 {
    match request.kind {
        OrderKind::StopMarket { .. } | OrderKind::Market => 0,
        OrderKind::TakeProfitMarket { .. } | OrderKind::Limit { .. } => 1,
    }
}
