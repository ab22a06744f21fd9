//! Trades of the account: each is told once, by its number, whichever way it came (S6), and joined to its order by the exchange's number.
//!
//! A request lists every trade of a symbol from a number on, so all up to its last one are known afterwards: that is the floor. Above it the
//! numbers that the stream brought are kept. What is no order's of ours waits for its owner, since a stop's order has a number of its own
//! that is perhaps not known yet; what no order of ours claims was traded by hand.

use super::{
    Turn,
    orders::{Order, Orders},
};
use crate::{
    exchange::private::{AccountTrade, Force, From, MOST_TRADES},
    market::{ClientId, DAY_MS, OrderSide, OrderUpdate, SymbolId, Timestamp, could_be_ours},
};
use rust_decimal::Decimal;
use std::collections::{BTreeSet, VecDeque};

/// Numbers above the floor, at most; what comes on top by the stream is left to the next request.
const MOST_ABOVE: usize = 1_024;
/// With so many of them the trades are read, so that the floor rises.
const MANY_ABOVE: usize = 256;
/// Trades that wait for their owner or have none, at most: the oldest goes.
const MOST_UNCLAIMED: usize = 256;
/// A trade waits for its owner so long at least.
const CLAIM_MS: i64 = 3_000;
/// The exchange may say which order fired so long after its trade.
const FIRED_MS: i64 = 300;
/// A trade that a request brought and the stream does not bring within this time shows that the stream is deaf.
const DEAF_MS: i64 = 10_000;
/// Such trades, at most.
const MOST_UNHEARD: usize = 64;
/// Trades are read by time from so far back, at most: the exchange takes a week.
const FURTHEST_MS: i64 = 7 * DAY_MS - 3_600_000;
/// Between two readings while trades are missing.
const AGAIN_MS: i64 = 1_000;

/// What came with a trade.
#[derive(Debug, Clone, Copy)]
pub enum Origin {
    /// By the stream, under this name.
    Stream(Option<ClientId>),
    /// By the stream: the exchange's own.
    Forced(Force),
    /// By a request.
    Asked,
}

/// A trade without an owner.
#[derive(Debug, Clone, Copy)]
struct Unclaimed {
    trade: AccountTrade,
    name: Option<ClientId>,
    since: Timestamp,
    /// Nobody of ours wants it.
    judged: bool,
}

/// A symbol's.
#[derive(Debug, Clone)]
pub struct Tape {
    floor: Option<u64>,
    above: BTreeSet<u64>,
    /// As of when they were last read to the end.
    pub read_at: Timestamp,
    /// When they are to be read for what is missing.
    pub wanted: Option<Timestamp>,
    /// When the last new one came.
    pub last_new: Timestamp,
    /// What is held by what was held and the trades since; above 0 for long. `None` before the first comparison.
    pub held: Option<Decimal>,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Trades {
    pub tapes: Vec<Tape>,
    since: Timestamp,
    unclaimed: VecDeque<Unclaimed>,
    /// By symbol and number, those that the stream has not brought yet.
    unheard: VecDeque<(SymbolId, u64, Timestamp)>,
    pub told: u64,
    pub not_ours: u64,
}

/// What a trade adds to a position.
pub fn signed(trade: &AccountTrade) -> Decimal {
    match trade.side {
        OrderSide::Buy => trade.qty,
        OrderSide::Sell => -trade.qty,
    }
}

impl Trades {
    pub fn new(counted: &[Option<u64>], since: Timestamp, never: Timestamp) -> Self {
        let tape = |floor: &Option<u64>| Tape {
            floor: *floor,
            above: BTreeSet::new(),
            read_at: never,
            wanted: None,
            last_new: never,
            held: None,
        };
        Self {
            tapes: counted.iter().map(tape).collect(),
            since,
            unclaimed: VecDeque::new(),
            unheard: VecDeque::new(),
            told: 0,
            not_ours: 0,
        }
    }

    /// From which trade on a symbol's are read.
    pub fn from(&self, symbol: SymbolId, exchange: Timestamp) -> Option<From> {
        let by_time = self.since.max(exchange.plus_ms(-FURTHEST_MS));
        let floor = self.tapes.get(symbol.index())?.floor;
        Some(floor.map_or(From::Time(by_time), |floor| From::Trade(floor.saturating_add(1))))
    }

    /// A trade came.
    pub fn take(&mut self, trade: &AccountTrade, origin: Origin, orders: &mut Orders, turn: &mut Turn<'_>) {
        let Some(tape) = self.tapes.get_mut(trade.symbol.index()) else { return };
        let is_asked = matches!(origin, Origin::Asked);
        if !is_asked {
            self.unheard.retain(|(symbol, number, _)| (*symbol, *number) != (trade.symbol, trade.trade_id));
        }
        if tape.floor.is_some_and(|floor| trade.trade_id <= floor) || tape.above.contains(&trade.trade_id) {
            return self.hear_again(trade, origin, orders, turn);
        }
        if tape.above.len() >= MOST_ABOVE && !is_asked {
            tape.wanted = Some(turn.now);
            return;
        }
        tape.above.insert(trade.trade_id);
        tape.last_new = turn.now;
        tape.held = tape.held.map(|held| held + signed(trade));
        if is_asked {
            self.note_unheard(trade, turn);
        }
        match origin {
            Origin::Forced(force) => self.tell_forced(trade, force, turn),
            Origin::Stream(name) => self.claim_or_keep(trade, name, orders, turn),
            Origin::Asked => self.claim_or_keep(trade, None, orders, turn),
        }
    }

    fn claim_or_keep(
        &mut self,
        trade: &AccountTrade,
        name: Option<ClientId>,
        orders: &mut Orders,
        turn: &mut Turn<'_>,
    ) {
        if let Some(id) = orders.owner(trade.symbol, trade.order, name) {
            return self.tell(trade, id, orders, turn);
        }
        if self.unclaimed.len() == MOST_UNCLAIMED {
            self.unclaimed.pop_front();
        }
        self.unclaimed.push_back(Unclaimed { trade: *trade, name, since: turn.now, judged: false });
        orders.look_at_conditionals(trade.symbol, turn.now.plus_ms(FIRED_MS));
    }

    /// One that a request brought without a name: the stream says whose it is.
    fn hear_again(&mut self, trade: &AccountTrade, origin: Origin, orders: &mut Orders, turn: &mut Turn<'_>) {
        let is_it = |it: &Unclaimed| (it.trade.symbol, it.trade.trade_id) == (trade.symbol, trade.trade_id);
        let Some(at) = self.unclaimed.iter().position(is_it) else { return };
        match origin {
            Origin::Asked => {}
            Origin::Forced(force) => {
                self.unclaimed.remove(at);
                self.tell_forced(trade, force, turn);
            }
            Origin::Stream(name) => {
                self.unclaimed[at].name = self.unclaimed[at].name.or(name);
                self.claim(orders, turn);
            }
        }
    }

    fn tell(&mut self, trade: &AccountTrade, id: ClientId, orders: &mut Orders, turn: &mut Turn<'_>) {
        self.told += 1;
        if let Some(order) = orders.get_mut(id) {
            order.filled += trade.qty;
        }
        turn.order(OrderUpdate::Filled(trade.fill(id)));
    }

    fn tell_forced(&mut self, trade: &AccountTrade, force: Force, turn: &mut Turn<'_>) {
        self.told += 1;
        let word = match force {
            Force::Liquidation => "autoclose",
            Force::Deleveraging => "adl",
            Force::Delisting => "settlement",
        };
        // letters and at most 20 digits
        let Some(id) = ClientId::new(&format!("{word}{}", trade.trade_id)) else { return };
        turn.order(OrderUpdate::Liquidated(trade.fill(id)));
    }

    /// Gives trades to the orders whose numbers are known by now.
    pub fn claim(&mut self, orders: &mut Orders, turn: &mut Turn<'_>) {
        let mut at = 0;
        while let Some(it) = self.unclaimed.get(at).copied() {
            if let Some(id) = orders.owner(it.trade.symbol, it.trade.order, it.name) {
                self.unclaimed.remove(at);
                self.tell(&it.trade, id, orders, turn);
            } else {
                at += 1;
            }
        }
    }

    /// Trades that nobody of ours can have made: whether there is another. One under a name that we would give is told all the same: the engine
    /// knows its names.
    pub fn judge(&mut self, orders: &Orders, turn: &mut Turn<'_>) -> bool {
        let before = self.not_ours;
        for it in self.unclaimed.iter_mut().filter(|it| !it.judged) {
            let waited = turn.now.since_ms(it.since) >= CLAIM_MS;
            let may_own = |order: &Order| order.may_own(&it.trade, it.since, turn.now);
            if !waited || orders.live.iter().any(may_own) {
                continue;
            }
            it.judged = true;
            self.not_ours += 1;
            if let Some(name) = it.name.filter(|name| could_be_ours(name.as_str())) {
                self.told += 1;
                turn.order(OrderUpdate::Filled(it.trade.fill(name)));
            }
        }
        self.unclaimed.retain(|it| !it.judged || it.name.is_none_or(|name| !could_be_ours(name.as_str())));
        self.not_ours > before
    }

    /// When [`Trades::judge`] has something to do.
    pub fn judge_at(&self) -> Option<Timestamp> {
        self.unclaimed.iter().filter(|it| !it.judged).map(|it| it.since.plus_ms(CLAIM_MS)).min()
    }

    /// Whether a trade of a symbol may be ours, and nobody knows yet.
    pub fn waits(&self, symbol: SymbolId) -> bool {
        self.unclaimed.iter().any(|it| it.trade.symbol == symbol && !it.judged)
    }

    /// Whether a trade waits that may be of this order.
    pub fn wait_for(&self, order: &Order, now: Timestamp) -> bool {
        self.unclaimed.iter().any(|it| !it.judged && order.may_own(&it.trade, it.since, now))
    }

    /// The answer to a request from [`Trades::from`] on that was put at `asked`.
    pub fn answer(
        &mut self,
        symbol: SymbolId,
        page: &[AccountTrade],
        asked: Timestamp,
        orders: &mut Orders,
        turn: &mut Turn<'_>,
    ) {
        page.iter().for_each(|trade| self.take(trade, Origin::Asked, orders, turn));
        let Some(tape) = self.tapes.get_mut(symbol.index()) else { return };
        tape.floor = page.last().map(|last| last.trade_id).max(tape.floor);
        if let Some(floor) = tape.floor {
            tape.above = tape.above.split_off(&floor.saturating_add(1));
        }
        let is_whole = page.len() < MOST_TRADES;
        tape.wanted = (!is_whole).then_some(turn.now);
        if is_whole {
            tape.read_at = tape.read_at.max(asked);
        }
    }

    /// The trades of a symbol are to be read: something of it is missing since `since`.
    pub fn want(&mut self, symbol: SymbolId, since: Timestamp) {
        if let Some(tape) = self.tapes.get_mut(symbol.index())
            && tape.wanted.is_none()
        {
            let again = tape.read_at.plus_ms(AGAIN_MS);
            tape.wanted = Some(since.max(again));
        }
    }

    /// Too many numbers are kept.
    pub fn want_floors(&mut self, now: Timestamp) {
        for tape in self.tapes.iter_mut().filter(|tape| tape.above.len() >= MANY_ABOVE) {
            tape.wanted.get_or_insert(now);
        }
    }

    fn note_unheard(&mut self, trade: &AccountTrade, turn: &Turn<'_>) {
        let heard_since = turn.stream_up.map(|up| up.plus_ms(1_000));
        let traded_at = turn.clock.session(trade.at);
        if heard_since.zip(traded_at).is_some_and(|(up, at)| at > up) && self.unheard.len() < MOST_UNHEARD {
            self.unheard.push_back((trade.symbol, trade.trade_id, turn.now));
        }
    }

    /// When the stream counts as deaf.
    pub fn deaf_at(&self) -> Option<Timestamp> {
        self.unheard.front().map(|(.., at)| at.plus_ms(DEAF_MS))
    }

    /// The stream is another one.
    pub fn forget_unheard(&mut self) {
        self.unheard.clear();
    }

    /// The assertions that stay on.
    pub fn check(&self) {
        let full = |tape: &Tape| tape.above.len() > MOST_ABOVE;
        assert!(!self.tapes.iter().any(full), "too many numbers of trades");
        assert!(self.unclaimed.len() <= MOST_UNCLAIMED && self.unheard.len() <= MOST_UNHEARD, "too many trades wait");
        let floors = self.tapes.iter().all(|tape| tape.floor.zip(tape.above.first()).is_none_or(|(at, low)| at < *low));
        assert!(floors, "a number is kept twice");
    }
}
