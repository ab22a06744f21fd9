//! One path to a proven account: at the start, after each reconnect, standstill, doubt and unknown order (S7).
//!
//! ```text
//! doubt ──▶ stream up ──2 s──▶ balance ▶ positions ▶ orders ▶ trades, each read after that moment ──▶ all agree ──▶ proven
//! ```
//!
//! There are no steps to remember: each reading knows as of when it is, and what is older than it has to be is read. The stream's reports are
//! taken in all the while. The balance is read before the positions and these before the trades, so that a trade in between shows in the next.
//!
//! The same readings are the audit (S2): while something is held, positions and its stops are read each 5 s, else each minute, which is also
//! the probe of a quiet stream.

use super::{
    Turn,
    orders::{Orders, SETTLED_MS},
    trades::Trades,
};
use crate::{
    exchange::private::OrderView,
    gateway::News,
    market::{AccountView, MINUTE_MS, PositionView, SymbolId, Timestamp},
};
use rust_decimal::Decimal;

/// Between two audits while something is held.
const AUDIT_MS: i64 = 5_000;
/// The same while nothing is.
const IDLE_MS: i64 = MINUTE_MS;
/// A view of the account is from so long after the doubt began, at least: what was on its way then has arrived.
const SETTLE_MS: i64 = 2_000;
/// A position that the trades do not explain is believed when it is read again after so long.
const AGAIN_MS: i64 = 1_000;
/// A trade came while positions were read: they are read again after this.
const SOON_MS: i64 = 200;
/// Positions that could not be read for so long beyond their time put the account in doubt.
const LATE_MS: i64 = 30_000;
/// Before everything.
pub const NEVER: Timestamp = Timestamp(i64::MIN / 4);

/// A symbol's.
#[derive(Debug, Clone)]
pub struct Lists {
    /// As of when: its stops and targets, and its other orders.
    pub read_at: [Timestamp; 2],
    /// They are read at this time, since something strange was heard.
    pub due: Option<Timestamp>,
    /// Whether there are some that are not ours.
    foreign: [bool; 2],
    /// Whether its margin or leverage is not ours to set.
    stuck: bool,
    /// What of these the engine knows: no entries there.
    told: bool,
    /// A position that the trades do not explain, and when it was read first.
    suspect: Option<(Decimal, Timestamp)>,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Checks {
    pub lists: Vec<Lists>,
    pub positions_at: Timestamp,
    theirs: Vec<PositionView>,
    /// The reading of positions that was compared with the trades.
    compared: Timestamp,
    agree: bool,
    pub balance_at: Timestamp,
    balance: Option<Decimal>,
    /// The reading of the balance that was told.
    told_at: Timestamp,
    /// Positions and balance are to be read at once.
    hurry: Option<Timestamp>,
    /// When what the account holds was last changed by anything but a trade.
    changed_at: Timestamp,
    /// Since when the account is in doubt.
    since: Timestamp,
    pub proven: bool,
    said: Option<bool>,
    pub last_proof: Option<Timestamp>,
}

/// What is due, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    Balance,
    Positions,
    List { symbol: SymbolId, conditional: bool },
    Trades(SymbolId),
}

fn place(conditional: bool) -> usize {
    usize::from(!conditional)
}

impl Lists {
    fn has_foreign(&self) -> bool {
        self.foreign.contains(&true)
    }

    /// The engine is told whether the symbol is shut to entries, where that is news.
    fn tell(&mut self, symbol: SymbolId, turn: &mut Turn<'_>) {
        let is_shut = self.has_foreign() || self.stuck;
        if std::mem::replace(&mut self.told, is_shut) != is_shut {
            turn.tell(News::Foreign(symbol, is_shut));
        }
    }
}

impl Checks {
    pub fn new(symbols: usize, now: Timestamp) -> Self {
        let lists =
            Lists { read_at: [NEVER; 2], due: None, foreign: [false; 2], stuck: false, told: false, suspect: None };
        Self {
            lists: vec![lists; symbols],
            positions_at: NEVER,
            theirs: Vec::new(),
            compared: NEVER,
            agree: false,
            balance_at: NEVER,
            balance: None,
            told_at: NEVER,
            hurry: None,
            changed_at: NEVER,
            since: now,
            proven: false,
            said: None,
            last_proof: None,
        }
    }

    /// Nothing read so far is a proof any more: said at once.
    pub fn doubt(&mut self, turn: &mut Turn<'_>) {
        self.proven = false;
        self.since = self.since.max(turn.now);
        self.say(turn);
    }

    fn say(&mut self, turn: &mut Turn<'_>) {
        if turn.market.is_some() && self.said != Some(self.proven) {
            self.said = Some(self.proven);
            turn.tell(News::Proof(self.proven));
        }
    }

    /// Something has changed what is held, and no trade did.
    pub const fn hurry(&mut self, now: Timestamp) {
        self.hurry = Some(now);
        self.changed_at = now;
    }

    /// What a position paid has changed the balance.
    pub const fn changed(&mut self, now: Timestamp) {
        self.changed_at = now;
    }

    /// As of when the readings of a proof have to be.
    fn needed(&self, turn_up: Option<Timestamp>) -> Option<Timestamp> {
        (!self.proven).then_some(())?;
        Some(self.since.max(turn_up?).plus_ms(SETTLE_MS))
    }

    /// What is held of a symbol, by either count.
    fn is_held(&self, symbol: usize, trades: &Trades) -> bool {
        let by_trades = trades.tapes[symbol].held.is_some_and(|held| !held.is_zero());
        by_trades || self.theirs.iter().any(|position| position.symbol.index() == symbol)
    }

    fn symbols(&self) -> impl Iterator<Item = SymbolId> + use<> {
        (0..).map(SymbolId).take(self.lists.len())
    }

    /// Whether a symbol's orders and trades have to be known: also where its market is gone, as long as something of ours may be there.
    fn is_read(
        &self,
        symbol: SymbolId,
        (orders, trades): (&Orders, &Trades),
        listed: impl Fn(SymbolId) -> bool,
    ) -> bool {
        let open = || orders.live.iter().any(|order| order.symbol() == symbol);
        listed(symbol) || open() || self.is_held(symbol.index(), trades)
    }

    /// Every reading that is wanted, with the time from which on it is. `up`: since when the stream has been; `listed`: whether a symbol's
    /// market is there.
    pub fn each_want(
        &self,
        up: Option<Timestamp>,
        orders: &Orders,
        trades: &Trades,
        listed: impl Fn(SymbolId) -> bool,
        mut take: impl FnMut(Reading, Timestamp),
    ) {
        let needed = self.needed(up);
        let is_old = |read: Timestamp, from: Timestamp| read < from;
        let holds = (0..self.lists.len()).any(|at| self.is_held(at, trades));
        let every = if holds { AUDIT_MS } else { IDLE_MS };
        let due = |read: Timestamp, every: i64, from: Option<Timestamp>| {
            let by_need = from.filter(|from| is_old(read, *from));
            by_need.into_iter().chain([read.plus_ms(every)]).min().unwrap_or(NEVER)
        };
        let hurry = |read: Timestamp| self.hurry.filter(|hurry| is_old(read, *hurry));
        take(
            Reading::Balance,
            due(self.balance_at, IDLE_MS, needed.max(hurry(self.balance_at)).max(self.moved(trades))),
        );
        let after_balance = Some(self.balance_at).filter(|at| *at != NEVER);
        let missed = orders.live.iter().filter_map(|order| order.is_missing());
        let missed = missed.map(|misses| misses.at.plus_ms(1)).max();
        let wanted = needed.max(hurry(self.positions_at)).max(after_balance).max(missed).max(self.again(trades));
        // a reading that each symbol's trades have to follow is not made anew before they have: with many it would never be proven
        let read = |symbol: SymbolId| trades.tapes[symbol.index()].read_at >= self.positions_at;
        let is_read = |symbol: &SymbolId| self.is_read(*symbol, (orders, trades), &listed);
        let followed = needed.is_none() || self.symbols().filter(is_read).all(read);
        if followed || wanted.is_some_and(|from| is_old(self.positions_at, from)) {
            take(Reading::Positions, due(self.positions_at, every, wanted));
        }
        for (symbol, lists) in (0..).map(SymbolId).zip(&self.lists).filter(|(symbol, _)| is_read(symbol)) {
            self.each_want_of(symbol, lists, needed, (orders, trades), &mut take);
        }
    }

    fn each_want_of(
        &self,
        symbol: SymbolId,
        lists: &Lists,
        needed: Option<Timestamp>,
        (orders, trades): (&Orders, &Trades),
        take: &mut impl FnMut(Reading, Timestamp),
    ) {
        let held = self.is_held(symbol.index(), trades);
        for conditional in [true, false] {
            let read = lists.read_at[place(conditional)];
            let mut ours = orders.live.iter().filter(|order| order.symbol() == symbol);
            let of_kind = ours.any(|order| order.is_conditional() == conditional);
            let mine = || orders.live.iter().filter(|order| order.symbol() == symbol);
            let missed = mine().filter(|order| order.is_conditional() == conditional);
            let missed = missed.filter_map(|order| order.is_missing());
            let missed = missed.map(|misses| misses.at.plus_ms(1)).max();
            let from = needed.max(missed).max(lists.due).filter(|from| read < *from);
            let audit = if held && conditional {
                Some(read.plus_ms(AUDIT_MS))
            } else {
                (of_kind || lists.foreign[place(conditional)]).then(|| read.plus_ms(IDLE_MS))
            };
            if let Some(due) = from.into_iter().chain(audit).min() {
                take(Reading::List { symbol, conditional }, due);
            }
        }
        let tape = &trades.tapes[symbol.index()];
        let of_symbol = || orders.live.iter().filter(|order| order.symbol() == symbol);
        let missed = of_symbol().filter_map(|order| order.is_missing()).map(|misses| misses.at.plus_ms(1));
        // later than the others, and no reason for them to wait
        let restored = of_symbol().filter(|order| order.restored).filter_map(|order| order.ending);
        let settled = restored.map(|(_, since)| since.plus_ms(SETTLED_MS)).max();
        // after the positions, whatever they are read for
        let explains = lists.suspect.is_some() || needed.is_some();
        let after = explains.then_some(self.positions_at).filter(|at| *at != NEVER);
        let from =
            [needed.max(missed.max()).max(after), settled].into_iter().flatten().filter(|from| tape.read_at < *from);
        if let Some(due) = from.chain(tape.wanted).min() {
            take(Reading::Trades(symbol), due);
        }
    }

    /// From when on the balance is read again for a proof, since something has moved it.
    fn moved(&self, trades: &Trades) -> Option<Timestamp> {
        let moved = trades.tapes.iter().map(|tape| tape.last_new).max().max(Some(self.changed_at));
        moved
            .filter(|moved| !self.proven && *moved != NEVER && *moved >= self.balance_at)
            .map(|moved| moved.plus_ms(SOON_MS))
    }

    /// From when on positions are read again, since the last reading could not be compared or says something else.
    fn again(&self, trades: &Trades) -> Option<Timestamp> {
        let came = trades.tapes.iter().map(|tape| tape.last_new).max().filter(|new| *new >= self.positions_at);
        let came = came.filter(|new| *new != NEVER).map(|new| new.plus_ms(SOON_MS));
        let suspects = self.lists.iter().filter_map(|lists| lists.suspect);
        let suspects = suspects.map(|(_, first)| first.plus_ms(AGAIN_MS)).filter(|at| self.positions_at < *at);
        came.max(suspects.max())
    }

    // ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    pub fn heard_balance(&mut self, balance: Decimal, asked: Timestamp) {
        (self.balance, self.balance_at) = (Some(balance), asked);
    }

    pub fn heard_positions(&mut self, theirs: Vec<PositionView>, asked: Timestamp) {
        (self.theirs, self.positions_at) = (theirs, asked);
    }

    /// A list of the open orders of a symbol: what is ours is taken in; what is ours and not there is looked up.
    pub fn heard_list(
        &mut self,
        symbol: SymbolId,
        conditional: bool,
        views: &[OrderView],
        asked: Timestamp,
        orders: &mut Orders,
        turn: &mut Turn<'_>,
    ) {
        let Some(lists) = self.lists.get_mut(symbol.index()) else { return };
        let mut foreign = false;
        for view in views {
            if let Some(order) = orders.of_view(view) {
                order.see(view, asked, turn);
            } else {
                foreign |= !view.status.is_over() && !orders.knows(view);
            }
        }
        let there = |id| views.iter().any(|view| view.id == Some(id));
        let of_kind = orders.live.iter_mut().filter(|order| order.symbol() == symbol);
        for order in of_kind.filter(|order| order.is_conditional() == conditional && !there(order.id())) {
            let stands = order.phase == super::orders::Phase::Known && order.ending.is_none();
            // a look-up may tell its end at once; that it finds nothing means something later
            if stands && order.misses.is_none() && asked >= order.seen_at {
                order.look_at.get_or_insert(turn.now);
            }
        }
        lists.read_at[place(conditional)] = asked;
        lists.due = lists.due.filter(|due| lists.read_at.iter().any(|read| read < due));
        let had = lists.has_foreign();
        lists.foreign[place(conditional)] = foreign;
        if had != lists.has_foreign() {
            let name = turn.name(symbol);
            if had {
                turn.say(format!("{name} has no order any more that is not ours."), false);
            } else {
                turn.say(
                    format!("{name} has an order that is not ours: it is left alone, and no entries there."),
                    true,
                );
            }
            lists.tell(symbol, turn);
        }
    }

    /// Says and tells that a symbol's margin or leverage is not ours to set, or is again, where that is news.
    pub fn set_stuck(&mut self, symbol: SymbolId, stuck: bool, turn: &mut Turn<'_>) {
        let Some(lists) = self.lists.get_mut(symbol.index()).filter(|lists| lists.stuck != stuck) else { return };
        lists.stuck = stuck;
        if stuck {
            let name = turn.name(symbol);
            turn.say(format!("{name}: no entries while its margin and leverage cannot be set."), true);
        }
        lists.tell(symbol, turn);
    }

    // ── comparison ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Compares the positions with the trades. What they do not explain, read twice, is adopted, and the account is in doubt.
    pub fn compare(&mut self, trades: &mut Trades, turn: &mut Turn<'_>) {
        if self.positions_at <= self.compared && self.agree || self.positions_at == NEVER {
            return;
        }
        let (mut agree, mut adopted) = (true, false);
        for (symbol, lists) in (0..).map(SymbolId).zip(&mut self.lists) {
            let tape = &mut trades.tapes[symbol.index()];
            let theirs = self.theirs.iter().find(|position| position.symbol == symbol);
            let theirs = theirs.map_or(Decimal::ZERO, PositionView::signed_qty);
            if tape.last_new != NEVER && tape.last_new >= self.positions_at {
                agree = false; // read again
                continue;
            }
            let held = *tape.held.get_or_insert(theirs);
            if held == theirs {
                lists.suspect = None;
                continue;
            }
            agree = false;
            let (of, first) = lists.suspect.filter(|(of, _)| *of == theirs).unwrap_or((theirs, self.positions_at));
            lists.suspect = Some((of, first));
            let is_old = self.positions_at >= first.plus_ms(AGAIN_MS) && tape.read_at >= self.positions_at;
            if is_old {
                (tape.held, lists.suspect, adopted) = (Some(theirs), None, true);
            }
        }
        (self.compared, self.agree) = (self.positions_at, agree);
        if adopted {
            self.doubt(turn);
        }
    }

    /// Whether the positions agree with the trades as of `since` or later.
    pub fn agrees_since(&self, since: Timestamp) -> bool {
        self.agree && self.compared == self.positions_at && self.positions_at > since
    }

    /// Whether all that a proof needs was read, in an order in which nothing falls between.
    fn is_whole(
        &self,
        needed: Timestamp,
        (orders, trades): (&Orders, &Trades),
        listed: impl Fn(SymbolId) -> bool,
    ) -> bool {
        let is_read = |symbol: &SymbolId| self.is_read(*symbol, (orders, trades), &listed);
        let lists = self.symbols().zip(&self.lists).filter(|(symbol, _)| is_read(symbol));
        let lists = lists.into_iter().all(|(symbol, lists)| {
            let read = trades.tapes[symbol.index()].read_at;
            lists.read_at.iter().all(|read| *read >= needed) && read >= needed && read >= self.positions_at
        });
        lists && self.balance_at >= needed && self.positions_at >= needed
    }

    /// Whether balance and positions are of one moment.
    fn is_one_view(&self, trades: &Trades) -> bool {
        let ordered = self.positions_at >= self.balance_at && self.changed_at < self.balance_at;
        let quiet = trades.tapes.iter().all(|tape| tape.last_new < self.balance_at);
        self.agrees_since(NEVER) && ordered && quiet
    }

    /// Ends the doubt where nothing speaks against it, and tells what the account holds. `ready`: whether orders and trades are settled, and
    /// whether the account trades as it has to. What is held is told without the latter too: a mode can stay wrong for as long as orders stand
    /// for a position of which only this tells that it is gone.
    pub fn prove(
        &mut self,
        up: Option<Timestamp>,
        (settled, modes): (bool, bool),
        (orders, trades): (&Orders, &Trades),
        listed: impl Fn(SymbolId) -> bool,
        turn: &mut Turn<'_>,
    ) {
        self.say(turn);
        if turn.market.is_none() || !settled || !self.is_one_view(trades) {
            return;
        }
        let whole = self.needed(up).is_some_and(|needed| self.is_whole(needed, (orders, trades), listed));
        let proves = whole && modes;
        if !proves && (!(self.proven || whole) || self.balance_at <= self.told_at) {
            return;
        }
        self.told_at = self.balance_at;
        if let Some(balance) = self.balance {
            turn.tell(News::Account(AccountView { balance, positions: self.theirs.clone() }));
        }
        if proves {
            (self.proven, self.last_proof) = (true, Some(turn.now));
            self.say(turn);
        }
    }

    /// A proven account that cannot be looked at is in doubt after a while.
    pub fn grow_old(&mut self, trades: &Trades, turn: &mut Turn<'_>) {
        let old = self.old_at(trades).is_some_and(|at| at <= turn.now);
        if old {
            self.doubt(turn);
        }
    }

    /// When that is. The trade that opens a position brings the next reading forward: it was not late before.
    pub fn old_at(&self, trades: &Trades) -> Option<Timestamp> {
        let holds = (0..self.lists.len()).any(|at| self.is_held(at, trades));
        let at_last = self.positions_at.plus_ms(IDLE_MS);
        let traded = trades.tapes.iter().map(|tape| tape.last_new).max().unwrap_or(NEVER);
        let due = if holds { self.positions_at.plus_ms(AUDIT_MS).max(traded).min(at_last) } else { at_last };
        self.proven.then(|| due.plus_ms(LATE_MS))
    }

    /// Symbols with orders that are not ours.
    pub fn foreign(&self) -> usize {
        self.lists.iter().filter(|lists| lists.has_foreign()).count()
    }
}
