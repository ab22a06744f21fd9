//! An engine, and a venue that does what it is told to do.

use super::{
    super::*,
    Deed, Step,
    exchange::{Seen, Venue},
};
use std::collections::{BTreeMap, BTreeSet};

/// An order as the venue has it.
#[derive(Debug, Clone)]
pub(super) struct Theirs {
    pub(super) request: OrderRequest,
    filled: Decimal,
    pub(super) stage: Their,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Their {
    /// On its way there.
    New,
    Live,
    /// No answer was given; whether it is there.
    Doubt(bool),
    Gone,
}

pub struct World {
    pub rig: Rig,
    pub(super) venue: Venue,
    pub seen: Seen,
    /// What was moved into the account and is not known yet.
    pub(super) moved: Decimal,
    /// All that were handed in.
    pub(super) candles: Vec<ClosedCandle>,
    /// The last batch that was to be made durable.
    asked: u64,
    pub(super) orders: Vec<Theirs>,
    pub(super) cancels: Vec<ClientId>,
    pub(super) untold: Vec<Fill>,
    told: Vec<OrderUpdate>,
    loses: bool,
    pub(super) lost: Vec<OrderUpdate>,
    /// Whether the shell has said so.
    store_in_doubt: bool,
    pub(super) proven: bool,
    /// Orders that were in doubt when it was looked last, and those that were told of since.
    doubts: Vec<ClientId>,
    heard_of: Vec<ClientId>,
    pub crashes: u64,
    pub losses: u64,
    /// What is held, by all trades and by those that were told.
    pub held: Decimal,
    known: Decimal,
    cash: Decimal,
    names: BTreeSet<ClientId>,
    pub entries: BTreeMap<ClientId, Decimal>,
    pub trades: u64,
}

const fn sign(side: OrderSide) -> Decimal {
    match side {
        OrderSide::Buy => Decimal::ONE,
        OrderSide::Sell => Decimal::NEGATIVE_ONE,
    }
}

impl World {
    /// Two rules, a trailing stop and a time limit, in a market that has swung for a while.
    pub fn new(venue: Venue) -> Self {
        let minute = |rule| strategies::Settings { timeframe: Timeframe::M1, context: Timeframe::M1, ..rule };
        let both = [strategies::Settings::oversold_bounce(), strategies::Settings::short_the_rip()];
        let exits = Exits { trailing: true, trailing_pct: 0.2, time_limit: true, max_hold_s: 900 };
        let risk = Risk {
            max_trades_per_day: 1000,
            daily_loss_pct: 100.0,
            max_losses_in_row: 0, // else there would be three trades a day
            ..Risk::default()
        };
        let rules = Settings { strategies: both.map(minute).into(), exits, risk, ..settings() };
        let mut rig = Rig::new(rules);
        let mut candles = Vec::new();
        for at in 0..250 {
            let (open_time, open) = (rig.now, rig.price);
            rig.price += if at % 20 < 10 { -100.0 } else { 100.0 };
            candles.push(minute_of(open_time, open, rig.price));
            rig.now = rig.now.plus_ms(MINUTE_MS);
        }
        candles.iter().for_each(|candle| rig.event(as_history(candle)));
        rig.engine.state.live = venue == Venue::Exchange;
        Self {
            rig,
            venue,
            seen: Seen::default(),
            moved: Decimal::ZERO,
            candles,
            asked: 0,
            orders: Vec::new(),
            cancels: Vec::new(),
            untold: Vec::new(),
            told: Vec::new(),
            loses: false,
            lost: Vec::new(),
            store_in_doubt: false,
            proven: true,
            doubts: Vec::new(),
            heard_of: Vec::new(),
            crashes: 0,
            losses: 0,
            held: Decimal::ZERO,
            known: Decimal::ZERO,
            cash: Decimal::ZERO,
            names: BTreeSet::new(),
            entries: BTreeMap::new(),
            trades: 0,
        }
    }

    pub(super) fn ours(&self) -> Decimal {
        let position = self.rig.engine.positions().next();
        position.map_or(Decimal::ZERO, |position| sign(position.plan.side.entry()) * position.qty)
    }

    /// Takes the engine's actions to the venue and holds what must hold after every event.
    pub(super) fn after(&mut self) {
        for action in std::mem::take(&mut self.rig.actions) {
            match &action {
                Action::Commit { batch, records } => {
                    self.asked = *batch;
                    let intents = records.iter().filter_map(|record| match record {
                        Record::Intent(request) => Some(*request),
                        _ => None,
                    });
                    for intent in intents.filter(|intent| intent.reduce_only) {
                        let reduces = -sign(intent.side) * self.ours();
                        assert!(Decimal::ZERO < intent.qty && intent.qty <= reduces, "S3: {intent:?} of {reduces}");
                    }
                }
                Action::Order(OrderCommand::Place(request)) => {
                    let quiet = self.store_in_doubt || !self.proven || self.rig.engine.state.orders.in_doubt();
                    assert!(request.reduce_only || !quiet, "S7: an entry while in doubt");
                    let foreign = self.rig.engine.foreign().count() > 0;
                    assert!(request.reduce_only || !foreign, "S15: an entry where something is not ours");
                    assert!(self.names.insert(request.id), "S1: {} was sent twice", request.id);
                    self.orders.push(Theirs { request: *request, filled: Decimal::ZERO, stage: Their::New });
                }
                Action::Order(OrderCommand::Cancel { id, .. }) => self.cancels.push(*id),
                Action::Need(Need::Reconcile) => self.proven = false,
                Action::Alert(Note::ClosedOutside { qty, price, .. }) => {
                    self.seen.closed_outside += 1;
                    let closed = if self.known.is_sign_negative() { -*qty } else { *qty };
                    self.known -= closed;
                    self.cash += closed * price;
                }
                Action::Alert(Note::Uncovered(_)) => self.seen.uncovered += 1,
                Action::Alert(Note::Unprotected(_)) => self.seen.given_up += 1,
                Action::Log(Note::Adjusted { by, .. }) => {
                    self.cash += by;
                    self.moved -= by;
                }
                _ => {}
            }
        }
        let unknown = self.rig.engine.orders().filter(|order| order.stage == Stage::Unknown);
        let before = std::mem::replace(&mut self.doubts, unknown.map(|order| order.request.id).collect());
        let left = before.iter().find(|id| !self.doubts.contains(id) && !self.heard_of.contains(id));
        assert!(left.is_none(), "S8: {left:?} left its doubt, and nobody has told of it");
        self.heard_of.clear();
        assert_eq!(self.ours(), self.known, "the position is the sum of its fills");
        let open = self.rig.engine.state.orders.open().count();
        assert!(open <= 40, "S13: {open} orders");
        self.check_cover();
        if self.known.is_zero() {
            assert_eq!(self.rig.engine.account().balance, settings().capital + self.cash, "money was made or lost");
        }
    }

    fn tell(&mut self, update: OrderUpdate) {
        if std::mem::take(&mut self.loses) {
            self.losses += 1;
            return self.lost.push(update);
        }
        self.told.push(update);
        self.hear(update);
    }

    /// The engine hears of an order; to say that nothing is known of it is no evidence.
    pub(super) fn hear(&mut self, update: OrderUpdate) {
        if !matches!(update, OrderUpdate::Unknown { .. }) {
            self.heard_of.push(update.id());
        }
        self.rig.update(update);
        self.after();
    }

    fn tell_fill(&mut self, fill: Fill) {
        if std::mem::take(&mut self.loses) {
            self.losses += 1;
            return self.untold.push(fill);
        }
        self.known += sign(fill.side) * fill.qty;
        self.cash -= sign(fill.side) * fill.qty * fill.price + fill.fee;
        self.tell(OrderUpdate::Filled(fill));
    }

    /// What an order may trade: a reduce-only one no more than is held, and nothing that would turn what is held or known.
    fn tradable(&self, order: &Theirs) -> Decimal {
        let left = order.request.qty - order.filled;
        let against = |position: Decimal| (-sign(order.request.side) * position).max(Decimal::ZERO);
        let reduces = against(self.held).min(against(self.known));
        let flat = self.held.is_zero() && self.known.is_zero();
        let grows = |position: Decimal| sign(order.request.side) * position >= Decimal::ZERO;
        if order.request.reduce_only {
            left.min(reduces)
        } else if flat || grows(self.held) && grows(self.known) {
            left
        } else {
            left.min(reduces)
        }
    }

    fn trade(&mut self, at: usize, tenths: u8, untold: bool) {
        let order = self.orders[at].clone();
        let most = self.tradable(&order);
        let rules = &settings().instruments[0];
        let qty = rules.round_qty(most * Decimal::from(tenths) / Decimal::TEN).max(rules.step).min(most);
        if qty.is_zero() {
            return;
        }
        self.trades += 1;
        let OrderRequest { id, symbol, side, reduce_only, .. } = order.request;
        let price = decimal(self.rig.price).unwrap().round();
        let fee = Decimal::new(7, 2);
        let fill = Fill { id, trade_id: self.trades, symbol, side, qty, price, fee, at: self.rig.now };
        self.held += sign(side) * qty;
        let theirs = &mut self.orders[at];
        theirs.filled += qty;
        let whole = theirs.filled == theirs.request.qty;
        if !reduce_only {
            self.entries.insert(id, theirs.filled);
        }
        if untold {
            theirs.stage = Their::Gone;
            self.untold.push(fill);
            self.tell(OrderUpdate::Ended { id, how: Ended::Cancelled });
        } else {
            theirs.stage = if whole { Their::Gone } else { theirs.stage };
            self.tell_fill(fill);
        }
    }

    fn venue(&mut self, nth: usize, deed: Deed) {
        let alive = |order: &Theirs| !matches!(order.stage, Their::Gone);
        let all: Vec<usize> = (0..self.orders.len()).filter(|at| alive(&self.orders[*at])).collect();
        let Some(&at) = all.get(nth % all.len().max(1)) else { return };
        let (id, stage) = (self.orders[at].request.id, self.orders[at].stage);
        match (deed, stage) {
            (Deed::Accept, Their::New | Their::Live | Their::Doubt(true)) => {
                self.orders[at].stage = Their::Live;
                self.tell(OrderUpdate::Accepted { id });
            }
            (Deed::Accept, Their::Doubt(false)) => {
                self.orders[at].stage = Their::Gone;
                self.tell(OrderUpdate::Absent { id });
            }
            (Deed::Refuse(class @ Class::Duplicate), Their::New) => {
                self.orders[at].stage = Their::Live;
                self.tell(OrderUpdate::Refused { id, code: -1, class });
            }
            (Deed::Refuse(class), Their::New) if self.orders[at].filled.is_zero() => {
                self.orders[at].stage = Their::Gone;
                self.tell(OrderUpdate::Refused { id, code: -1, class });
            }
            (Deed::Doubt(there), Their::New) => {
                self.orders[at].stage = Their::Doubt(there || !self.orders[at].filled.is_zero());
                self.tell(OrderUpdate::Unknown { id });
            }
            (Deed::Trade(tenths), Their::New | Their::Live | Their::Doubt(true)) => self.trade(at, tenths, false),
            (Deed::TradeUntold(tenths), Their::Live) => self.trade(at, tenths, true),
            (Deed::Expire, Their::Live) => {
                self.orders[at].stage = Their::Gone;
                self.tell(OrderUpdate::Ended { id, how: Ended::Expired });
            }
            (Deed::Fire, Their::Live) if self.orders[at].request.kind.is_conditional() => {
                self.tell(OrderUpdate::Ended { id, how: Ended::Triggered });
            }
            _ => {}
        }
    }

    fn hear_cancels(&mut self) {
        for id in std::mem::take(&mut self.cancels) {
            let order = self.orders.iter_mut().find(|order| order.request.id == id).expect("only what was sent");
            if matches!(order.stage, Their::New | Their::Live | Their::Doubt(true)) {
                order.stage = Their::Gone;
                self.tell(OrderUpdate::Ended { id, how: Ended::Cancelled });
            }
        }
    }

    pub(super) fn tell_untold(&mut self) {
        for fill in std::mem::take(&mut self.untold) {
            // an exit of what is not known yet makes a doubt, which is another test
            let exit = self.orders.iter().any(|order| order.request.id == fill.id && order.request.reduce_only);
            let (before, after) = (self.known, self.known + sign(fill.side) * fill.qty);
            let turns = before * after < Decimal::ZERO || exit && after.abs() > before.abs();
            if turns {
                self.untold.push(fill);
            } else {
                self.tell_fill(fill);
            }
        }
    }

    pub fn apply(&mut self, step: Step) {
        match step {
            Step::Minute(by) => {
                self.pass(MINUTE_MS - 1);
                self.rig.now = self.rig.now.floor_to(MINUTE_MS);
                let (open_time, open) = (self.rig.now, self.rig.price);
                self.candles.push(minute_of(open_time, open, open + f64::from(by)));
                self.rig.minute(f64::from(by));
            }
            Step::Bar(by) => {
                self.rig.now = self.rig.now.plus_ms(100);
                let price = self.rig.price + f64::from(by);
                self.rig.bar(price);
            }
            Step::Commit => self.commit(),
            Step::Wake => {
                self.rig.now = self.rig.now.plus_ms(1_000);
                self.rig.event(Event::Wake);
                let due = self.rig.engine.next_deadline();
                assert!(due.is_none_or(|due| due > self.rig.now), "L2: what is due stays due");
            }
            Step::Venue(nth, deed) => self.venue(nth, deed),
            Step::Cancels => self.hear_cancels(),
            Step::Tell => self.tell_untold(),
            Step::Again(nth) => {
                if let Some(update) = self.told.iter().rev().nth(nth).copied() {
                    self.hear(update);
                }
            }
            Step::Lose => self.loses = true,
            Step::Late(nth) => {
                if let Some(place) = self.lost.len().checked_sub(nth + 1) {
                    let late = self.lost.remove(place);
                    self.hear(late);
                }
            }
            Step::Restore => self.restore(),
            Step::Crash => self.crash(),
            Step::Store(doubt) => self.doubt_the_store(doubt),
            Step::Compare => self.compare(),
            Step::Close => self.rig.event(Event::Command(Command::Close(BTC))),
            Step::View { early } => self.view(early),
            Step::ByHand(thousandths) => self.held += Decimal::new(thousandths.into(), 3),
            Step::Transfer(amount) => {
                self.seen.transfers += 1;
                self.moved += Decimal::from(amount);
            }
            Step::Foreign(is_there) => self.rig.event(Event::Foreign(BTC, is_there)),
        }
        self.after();
    }

    fn commit(&mut self) {
        let batch = self.asked;
        self.rig.event(Event::Committed { batch });
        self.after();
    }

    pub(super) fn doubt_the_store(&mut self, doubt: bool) {
        self.store_in_doubt = doubt;
        self.rig.event(Event::StoreDoubt(doubt));
        self.after();
    }

    /// Whether the venue has an order, and has it open.
    fn is_live(&self, id: ClientId) -> bool {
        self.orders.iter().any(|order| order.request.id == id && order.stage == Their::Live)
    }

    fn compare(&mut self) {
        let same =
            self.rig.engine.orders().all(|order| order.stage == Stage::Accepted && self.is_live(order.request.id));
        let alike = self.is_known(self.held - self.ours());
        if same && alike && self.untold.is_empty() {
            self.proven = true;
            self.rig.event(Event::Proof(Proof::Proven));
        }
    }

    /// The venue is asked what became of an order.
    fn look_up(&mut self, id: ClientId) {
        let Some(theirs) = self.orders.iter_mut().find(|order| order.request.id == id) else {
            return self.tell(OrderUpdate::Absent { id });
        };
        let was = theirs.stage;
        let there = !matches!(was, Their::Gone | Their::Doubt(false));
        theirs.stage = if there { Their::Live } else { Their::Gone };
        self.tell(match was {
            Their::New | Their::Live | Their::Doubt(true) => OrderUpdate::Accepted { id },
            Their::Doubt(false) => OrderUpdate::Absent { id },
            Their::Gone => OrderUpdate::Ended { id, how: Ended::Expired },
        });
    }

    /// Every fault is over: the disk takes what it is given, all is looked up, cancels are heard, untold trades told, and the price moves on.
    pub fn calm_down(&mut self) {
        self.loses = false;
        self.doubt_the_store(false);
        for _ in 0..16 {
            self.commit();
            self.tell_untold();
            let open: Vec<_> = self.rig.engine.orders().map(|order| (order.request.id, order.stage)).collect();
            for (id, stage) in open {
                let answered = stage == Stage::Accepted && self.is_live(id);
                if !answered && !matches!(stage, Stage::Held { .. }) {
                    self.look_up(id);
                }
            }
            self.hear_cancels();
            if self.venue == Venue::Exchange {
                self.rig.event(Event::Foreign(BTC, false));
                self.after();
                self.view(false);
            }
            self.compare();
            self.pass(1_100);
            self.rig.now = self.rig.now.plus_ms(1_100);
            let price = self.rig.price;
            self.rig.bar(price);
            self.after();
        }
    }

    fn is_covered(&self) -> bool {
        let live = self.orders.iter().filter(|order| order.stage == Their::Live && order.request.reduce_only);
        let against = live.filter(|order| sign(order.request.side) * self.ours() < Decimal::ZERO);
        let mut ends = against.filter(|order| !matches!(order.request.kind, OrderKind::TakeProfitMarket { .. }));
        ends.any(|order| order.request.qty - order.filled >= self.ours().abs())
    }

    pub fn check_the_end(&self) {
        for (id, filled) in &self.entries {
            let planned = self.orders.iter().find(|order| order.request.id == *id).unwrap().request.qty;
            assert!(*filled <= planned, "S1: {id}");
        }
        if !self.untold.is_empty() {
            return;
        }
        assert!(self.is_known(self.held - self.ours()), "L1: {} of {} is ours", self.ours(), self.held);
        assert!(self.venue == Venue::Exchange || self.ours() == self.held, "L1");
        let apart = self.rig.engine.foreign().count() > 0;
        assert_eq!(apart, self.ours() != self.held, "S15");
        let waits: Vec<_> =
            self.orders.iter().filter(|order| order.stage != Their::Gone && order.request.reduce_only).collect();
        if self.ours().is_zero() {
            assert!(waits.is_empty(), "L1: an order is left behind: {waits:?}");
        } else {
            assert!(self.is_covered(), "S2: {} is held, and there is only {waits:?}", self.held);
        }
        assert!(self.proven, "L1: the account agrees");
        let known = |order: &&&Theirs| self.rig.engine.orders().any(|ours| ours.request == order.request);
        assert_eq!(waits.iter().filter(known).count(), waits.len(), "L1: an orphan of {waits:?}");
    }
}
