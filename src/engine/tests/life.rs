//! The life of orders under any venue: whatever it answers, in whatever order, however often and late.

use super::*;
use proptest::{prelude::*, strategy::Strategy};
use std::collections::{BTreeMap, BTreeSet};

/// Something that happens to the engine.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A minute in which the price moves by so much.
    Minute(i16),
    /// The price, a little later.
    Bar(i16),
    /// What was asked for becomes durable.
    Commit,
    /// A second goes by.
    Wake,
    /// The venue does something with one of the orders that it may still do something with.
    Venue(usize, Deed),
    /// The venue hears of the cancels.
    Cancels,
    /// The venue tells what it has kept to itself.
    Tell,
    /// The venue tells again what it told as the nth last.
    Again(usize),
    Close,
}

#[derive(Debug, Clone, Copy)]
enum Deed {
    Accept,
    Refuse(Class),
    /// No answer; it is there, or it is not.
    Doubt(bool),
    /// Trades so many tenths of what may trade.
    Trade(u8),
    /// The same, but it tells of it only later, after the order's end.
    TradeUntold(u8),
    Expire,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let classes = [Class::Margin, Class::Filter, Class::ReduceOnly, Class::WouldTrigger, Class::Other];
    let deed = prop_oneof![
        6 => Just(Deed::Accept),
        1 => prop::sample::select(classes.to_vec()).prop_map(Deed::Refuse),
        1 => any::<bool>().prop_map(Deed::Doubt),
        6 => (1u8..=10).prop_map(Deed::Trade),
        1 => (1u8..=10).prop_map(Deed::TradeUntold),
        1 => Just(Deed::Expire),
    ];
    let step = prop_oneof![
        6 => (-200i16..200).prop_map(Step::Minute),
        3 => (-200i16..200).prop_map(Step::Bar),
        8 => Just(Step::Commit),
        1 => Just(Step::Wake),
        14 => (0usize..6, deed).prop_map(|(nth, deed)| Step::Venue(nth, deed)),
        3 => Just(Step::Cancels),
        1 => Just(Step::Tell),
        2 => (0usize..4).prop_map(Step::Again),
        1 => Just(Step::Close),
    ];
    prop::collection::vec(step, 1..150)
}

/// An order as the venue has it.
#[derive(Debug, Clone)]
struct Theirs {
    request: OrderRequest,
    filled: Decimal,
    stage: Their,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Their {
    /// On its way there.
    New,
    Live,
    /// No answer was given; whether it is there.
    Doubt(bool),
    Gone,
}

struct World {
    rig: Rig,
    /// The last batch that was to be made durable.
    asked: u64,
    orders: Vec<Theirs>,
    cancels: Vec<ClientId>,
    untold: Vec<Fill>,
    told: Vec<OrderUpdate>,
    /// What is held, by all trades and by those that were told.
    held: Decimal,
    known: Decimal,
    cash: Decimal,
    names: BTreeSet<ClientId>,
    entries: BTreeMap<ClientId, Decimal>,
    trades: u64,
}

const fn sign(side: OrderSide) -> Decimal {
    match side {
        OrderSide::Buy => Decimal::ONE,
        OrderSide::Sell => Decimal::NEGATIVE_ONE,
    }
}

impl World {
    /// Two rules, a trailing stop and a time limit, in a market that has swung for a while.
    fn new() -> Self {
        let minute = |rule| strategies::Settings { timeframe: Timeframe::M1, context: Timeframe::M1, ..rule };
        let both = [strategies::Settings::oversold_bounce(), strategies::Settings::short_the_rip()];
        let exits = Exits { trailing: true, trailing_pct: 0.2, time_limit: true, max_hold_s: 900 };
        let risk = Risk { max_trades_per_day: 1000, daily_loss_pct: 100.0, ..Risk::default() };
        let rules = Settings { strategies: both.map(minute).into(), exits, risk, ..settings() };
        let mut rig = Rig::new(rules);
        for at in 0..250 {
            let open = rig.price;
            rig.price += if at % 20 < 10 { -100.0 } else { 100.0 };
            let (low, high) = (open.min(rig.price), open.max(rig.price));
            let candle = Candle { open_time: rig.now, open, high, low, close: rig.price, volume: 1.0 };
            rig.event(Event::Candle(ClosedCandle { symbol: BTC, timeframe: Timeframe::M1, candle, history: true }));
            rig.now = rig.now.plus_ms(MINUTE_MS);
        }
        Self {
            rig,
            asked: 0,
            orders: Vec::new(),
            cancels: Vec::new(),
            untold: Vec::new(),
            told: Vec::new(),
            held: Decimal::ZERO,
            known: Decimal::ZERO,
            cash: Decimal::ZERO,
            names: BTreeSet::new(),
            entries: BTreeMap::new(),
            trades: 0,
        }
    }

    fn ours(&self) -> Decimal {
        let position = self.rig.engine.positions().next();
        position.map_or(Decimal::ZERO, |position| sign(position.plan.side.entry()) * position.qty)
    }

    /// Takes the engine's actions to the venue and holds what must hold after every event.
    fn after(&mut self) {
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
                    assert!(self.names.insert(request.id), "S1: {} was sent twice", request.id);
                    self.orders.push(Theirs { request: *request, filled: Decimal::ZERO, stage: Their::New });
                }
                Action::Order(OrderCommand::Cancel { id, .. }) => self.cancels.push(*id),
                _ => {}
            }
        }
        assert_eq!(self.ours(), self.known, "the position is the sum of its fills");
        let open = self.rig.engine.state.orders.open().count();
        assert!(open <= 40, "S13: {open} orders");
        if self.known.is_zero() {
            assert_eq!(self.rig.engine.account().balance, settings().capital + self.cash, "money was made or lost");
        }
    }

    fn tell(&mut self, update: OrderUpdate) {
        self.told.push(update);
        self.rig.update(update);
        self.after();
    }

    fn tell_fill(&mut self, fill: Fill) {
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

    fn tell_untold(&mut self) {
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

    fn apply(&mut self, step: Step) {
        match step {
            Step::Minute(by) => self.rig.minute(f64::from(by)),
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
                    self.rig.update(update);
                }
            }
            Step::Close => self.rig.event(Event::Command(Command::Close(BTC))),
        }
        self.after();
    }

    fn commit(&mut self) {
        let batch = self.asked;
        self.rig.event(Event::Committed { batch });
        self.after();
    }

    /// Every fault is over: all answers come, cancels are heard, untold trades told, and the price moves on.
    fn calm_down(&mut self) {
        for _ in 0..12 {
            self.commit();
            self.tell_untold();
            for at in 0..self.orders.len() {
                if !matches!(self.orders[at].stage, Their::Gone | Their::Live) {
                    let alive = |order: &&Theirs| order.stage != Their::Gone;
                    let nth = self.orders[..at].iter().filter(alive).count();
                    self.venue(nth, Deed::Accept);
                }
            }
            self.hear_cancels();
            self.rig.now = self.rig.now.plus_ms(1_100);
            let price = self.rig.price;
            self.rig.bar(price);
            self.after();
        }
    }

    fn is_covered(&self) -> bool {
        let live = self.orders.iter().filter(|order| order.stage == Their::Live && order.request.reduce_only);
        let against = live.filter(|order| sign(order.request.side) * self.held < Decimal::ZERO);
        let mut ends = against.filter(|order| !matches!(order.request.kind, OrderKind::TakeProfitMarket { .. }));
        ends.any(|order| order.request.qty - order.filled >= self.held.abs())
    }

    fn check_the_end(&self) {
        for (id, filled) in &self.entries {
            let planned = self.orders.iter().find(|order| order.request.id == *id).unwrap().request.qty;
            assert!(*filled <= planned, "S1: {id}");
        }
        if !self.untold.is_empty() {
            return;
        }
        assert_eq!(self.ours(), self.held, "L1");
        let waits: Vec<_> =
            self.orders.iter().filter(|order| order.stage != Their::Gone && order.request.reduce_only).collect();
        if self.held.is_zero() {
            assert!(waits.is_empty(), "L1: an order is left behind: {waits:?}");
        } else {
            assert!(self.is_covered(), "S2: {} is held, and there is only {waits:?}", self.held);
        }
        assert!(!self.rig.engine.state.orders.in_doubt(), "L1: nothing is unknown any more");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_venue_does_the_books_agree_and_what_is_held_is_covered(steps in steps()) {
        let mut world = World::new();
        steps.into_iter().for_each(|step| world.apply(step));
        world.calm_down();
        world.check_the_end();
    }
}

/// Laws about nothing would hold too.
#[test]
fn random_lives_are_lives() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let (mut entries, mut trades, mut doubts, mut covered) = (0, 0, 0, 0);
    for _ in 0..100 {
        let mut world = World::new();
        for step in steps().new_tree(&mut runner).unwrap().current() {
            world.apply(step);
            doubts += usize::from(world.rig.engine.state.orders.in_doubt());
        }
        world.calm_down();
        covered += usize::from(!world.held.is_zero());
        entries += world.entries.len();
        trades += world.trades;
    }
    println!("{entries} entries, {trades} trades, {doubts} doubts, {covered} covered at the end");
    assert!(entries > 50 && trades > 200 && doubts > 100 && covered > 10);
}
