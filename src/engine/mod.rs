//! The trading brain: an event and the time in, actions out. It performs no I/O and knows no clock.
//!
//! ```text
//! candle ─▶ desk (candles, indicators, regime) ─▶ strategy ─▶ gate ─▶ risk ─▶ sizing ─▶ order ─▶ Action
//!                                                                                         │
//!                  summary ◀─ account ◀─ position ◀─ exits ◀─────────── fill ◀────────────┘
//! ```
//!
//! [`Engine::handle`] reads in that order; each station is a file that can be read alone.

mod account;
mod action;
mod breakers;
mod candles;
mod cover;
mod data;
mod desk;
mod differences;
mod entering;
mod event;
mod exits;
mod frames;
mod gate;
mod halt;
mod kelly;
mod note;
mod orders;
mod outlook;
mod positions;
mod quarantine;
mod reconcile;
mod record;
mod refit;
mod regime;
mod returns;
mod risk;
mod said;
mod sanity;
mod settings;
mod sizing;
mod skip;
mod summary;
#[cfg(test)]
mod tests;
mod together;
mod updates;
mod watch;
mod weighing;

use crate::{
    market::{ClosedCandle, FeedState, OrderRequest, SymbolId, Tiers, Timestamp},
    strategies,
};
use orders::Orders;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use watch::Watch;

pub use account::Account;
pub use action::{Action, Need};
pub use breakers::{Breaker, Breakers, Tripped};
pub use desk::{Desk, Desks};
pub use event::{Command, Event, Proof};
pub use frames::Timeframes;
pub use halt::Halt;
pub use note::{Entry, Note};
pub use orders::{Leg, Order, Stage, client_id, tag};
pub use outlook::{Insight, Outlook};
pub use positions::{Plan, Position, Reason, Trade, Uncovered};
pub use quarantine::Failure;
pub use record::Record;
pub use regime::Parts;
pub use settings::{Exits, Gate, Risk, Settings, Sizing};
pub use skip::{Reach, Skip};
pub use summary::Summary;

/// How long a protective order waits for its intent to be durable (S5).
const PROTECTIVE_WAIT_MS: i64 = 1_000;

/// The engine. Same settings and same events give the same actions, byte for byte (S14).
pub struct Engine {
    settings: Settings,
    rules: Vec<entering::Rule>,
    /// By symbol: what margin a position must keep.
    tiers: Vec<Tiers>,
    /// Until the next return of any symbol.
    correlations: together::Correlations,
    /// One a pair of strategy and symbol: the part of client ids that they make.
    tags: Vec<orders::Tag>,
    desks: Vec<Desk>,
    state: State,
    /// The next moment at which something resets by itself, the day if nothing else.
    due: Timestamp,
    scale: weighing::Scale,
    /// By symbol.
    watches: Vec<Watch>,
    /// When it wants to be woken; `None` where that is to be looked for, since a turn can have changed it.
    deadline: Cell<Option<Timestamp>>,
    /// Whether this turn must make something durable.
    unsaved: bool,
    /// What there is to be told of it.
    records: Vec<Record>,
}

/// Everything that is not a pure function of candles: what a commit carries and a restart gets back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    account: Account,
    orders: Orders,
    /// At most one a symbol.
    positions: Vec<Option<Position>>,
    /// How many stops, targets and exits each symbol has had: part of the next one's name. Never begun anew, since what is left of an
    /// entry may fill after its position was closed, and a name must not come twice.
    attempts: Vec<[u32; 3]>,
    gate: gate::Gate,
    summary: Summary,
    blocks: Blocks,
    feeds: Vec<FeedState>,
    /// Whether a symbol's missing volume was said.
    volume_said: Vec<bool>,
    #[serde(default)]
    breakers: Breakers,
    next_batch: u64,
    /// One a strategy: what its trades have earned.
    #[serde(default)]
    odds: Vec<kelly::Odds>,
    #[serde(default)]
    quarantine: quarantine::Quarantine,
    #[serde(default)]
    said: said::Said,
    /// Whether the account is at an exchange: its view wins then, and answers may stay away.
    #[serde(default)]
    live: bool,
    #[serde(default)]
    differences: differences::Differences,
}

/// What closes the door to new entries; exits and stops are always allowed (S7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Blocks {
    paused: bool,
    halted: bool,
    stopping: bool,
    doubt: bool,
    clock: bool,
    store: bool,
}

impl State {
    /// Of an account that has seen nothing.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let symbols = settings.instruments.len();
        Self {
            account: Account::new(settings.capital),
            orders: Orders::default(),
            positions: vec![None; symbols],
            attempts: vec![[0; 3]; symbols],
            gate: gate::Gate::new(settings.strategies.len() * symbols),
            summary: Summary::default(),
            blocks: Blocks::default(),
            feeds: vec![FeedState::Live; symbols],
            volume_said: vec![false; symbols],
            breakers: Breakers::default(),
            next_batch: 1,
            odds: Vec::new(),
            quarantine: quarantine::Quarantine::default(),
            said: said::Said::default(),
            live: false,
            differences: differences::Differences::default(),
        }
    }

    /// Whether it is the state of an engine with so many symbols and strategies.
    fn fits(&self, settings: &Settings) -> bool {
        let (symbols, pairs) = (settings.instruments.len(), settings.instruments.len() * settings.strategies.len());
        let each = [self.positions.len(), self.attempts.len(), self.feeds.len(), self.volume_said.len()];
        each == [symbols; 4] && self.gate.pairs() == pairs
    }
}

impl Engine {
    /// An engine that has seen nothing.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let state = State::new(&settings);
        Self::restore(settings, state)
    }

    /// An engine that goes on from a snapshot. Its indicators are empty until candles come as history.
    ///
    /// Symbols and strategies must be those of the snapshot, else see [`State::refit`]; everything else in `settings` may differ.
    ///
    /// # Panics
    ///
    /// When there are not as many symbols and strategies as in the snapshot.
    #[must_use]
    pub fn restore(settings: Settings, mut state: State) -> Self {
        let symbols: Vec<_> = settings.instruments.iter().map(|rules| rules.symbol.clone()).collect();
        assert!(state.fits(&settings), "the symbols must be those of the snapshot, and as many strategies");
        for (position, rules) in state.positions.iter_mut().zip(&settings.instruments) {
            position.iter_mut().for_each(|position| position.keep_to(rules));
        }
        state.odds.resize(settings.strategies.len(), kelly::Odds::default());
        let rules = settings.strategies.iter().map(|rule| entering::Rule::new(rule, &symbols)).collect();
        let pairs = settings.strategies.iter().flat_map(|rule| symbols.iter().map(move |symbol| (rule, symbol)));
        let tags = pairs.map(|(rule, symbol)| orders::tag(&rule.name, symbol)).collect();
        let of_rule = |rule: &strategies::Settings| [(rule.timeframe, false), (rule.context, rule.reads_averages())];
        let needed = || settings.strategies.iter().flat_map(of_rule);
        let desks = symbols.iter().map(|_| Desk::new(needed(), settings.risk.spike_sigma)).collect();
        let (due, scale) = (Timestamp(i64::MIN), weighing::Scale::default());
        let (watches, deadline) = (vec![Watch::UNKNOWN; symbols.len()], Cell::new(None));
        let (unsaved, records) = (false, Vec::new());
        let (tiers, correlations) = (symbols.iter().map(Tiers::known).collect(), together::Correlations::new());
        let mut engine = Self {
            rules,
            tiers,
            correlations,
            tags,
            desks,
            state,
            due,
            scale,
            watches,
            deadline,
            unsaved,
            records,
            settings,
        };
        engine.set_scale();
        engine
    }

    /// An engine that goes on from a snapshot and from what candles had made of its indicators by then.
    ///
    /// # Panics
    ///
    /// When there are not as many symbols and strategies as in the snapshot.
    #[must_use]
    pub fn restore_warm(settings: Settings, state: State, mut desks: Desks) -> Self {
        desks.0.iter_mut().for_each(Desk::derive);
        assert!(desks.0.len() == settings.instruments.len(), "the symbols must be those of the snapshot");
        Self { desks: desks.0, ..Self::restore(settings, state) }
    }

    /// What a restart needs besides settings and candles.
    #[must_use]
    pub fn snapshot(&self) -> State {
        self.state.clone()
    }

    /// What candles have made of the indicators.
    #[must_use]
    pub fn desks(&self) -> Desks {
        Desks(self.desks.clone())
    }

    /// This is the walk: one event at its time, and what is to be done about it. `now` never goes back.
    ///
    /// Never fails; appends at most [`Engine::most_actions`] actions.
    pub fn handle(&mut self, now: Timestamp, event: &Event, actions: &mut Vec<Action>) {
        let before = actions.len();
        if !self.believes(event, actions) {
            return;
        }
        if event.moves_no_price() {
            self.watches.fill(Watch::UNKNOWN);
        }
        match event {
            Event::Candle(candle) => return self.candle(now, candle, actions),
            Event::Price(bar) => self.on_price(now, bar, actions),
            Event::Order(update) => self.on_order(now, update, actions),
            Event::Account(view) => self.on_account(now, view, actions),
            Event::Instrument(symbol, rules) => self.on_instrument(now, *symbol, rules, actions),
            Event::Funding(paid) => self.on_funding(now, paid, actions),
            Event::FundingRate(_) => {} // what it comes to is told as `Funding`
            Event::Feed(symbol, feed) => self.on_feed(now, *symbol, *feed),
            Event::Proof(proof) => self.on_proof(*proof, actions),
            Event::Foreign(symbol, is_there) => self.on_foreign(*symbol, *is_there, actions),
            Event::ClockDoubt(doubt) => self.state.blocks.clock = *doubt,
            Event::Committed { batch } => self.release(now, *batch, actions),
            Event::StoreDoubt(doubt) => self.state.blocks.store = *doubt,
            Event::Command(command) => self.on_command(now, *command, actions),
            Event::Wake => self.on_wake(now, actions),
        }
        if event.moves_money() {
            self.set_scale();
        }
        if event.moves_no_price() {
            self.weigh(now, actions);
        }
        self.stir();
        self.end_turn(before, actions);
    }

    /// The same for a candle without the event around it, which costs as much as the candle: a backtest tells hardly anything else.
    ///
    /// What is rare in it is out of line, so that the rest stays in registers.
    pub fn candle(&mut self, now: Timestamp, source: &ClosedCandle, actions: &mut Vec<Action>) {
        let before = actions.len();
        match self.desks.get(source.symbol.index()) {
            Some(_) if source.history => self.on_history(source),
            Some(_) => {
                self.on_candle(now, source, actions);
                self.end_turn(before, actions);
            }
            None => {}
        }
    }

    /// The next moment at which the engine wants to be woken, if nothing else happens before.
    #[inline]
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let due = self.deadline.get().unwrap_or_else(|| self.look_for_deadline());
        debug_assert_eq!(due, self.soonest(), "a turn has changed the deadline unnoticed");
        Some(due).filter(|due| *due < Timestamp::NEVER)
    }

    #[inline(never)]
    fn look_for_deadline(&self) -> Timestamp {
        let due = self.soonest();
        self.deadline.set(Some(due));
        due
    }

    fn soonest(&self) -> Timestamp {
        let held =
            self.state.orders.open().filter(|order| order.request.reduce_only).filter_map(|order| match order.stage {
                Stage::Held { since, .. } => Some(since.plus_ms(PROTECTIVE_WAIT_MS)),
                Stage::Sent | Stage::Accepted | Stage::Unknown => None,
            });
        let positions = self.state.positions.iter().flatten();
        let due = positions.flat_map(|position| [self.exit_due(position), self.cover_due(position)]);
        held.chain(due.flatten()).min().unwrap_or(Timestamp::NEVER)
    }

    /// The assertions that stay on: about money, orders and protection.
    pub fn check(&self) {
        if let Some(due) = self.deadline.get() {
            assert_eq!(due, self.soonest(), "a turn has changed the deadline unnoticed");
        }
        self.state.account.check();
        self.state.orders.check();
        self.state.summary.check();
        for position in self.state.positions.iter().flatten() {
            assert!(position.qty > Decimal::ZERO, "a position without a quantity");
            let mark = self.desks[position.symbol.index()].mark;
            let is_unseen = self.watches[position.symbol.index()].calm.spans(mark, mark) && self.may_trip();
            assert!(!is_unseen, "a price at which something may trip is passed over");
            self.check_protected(position);
        }
    }

    /// The most actions of one turn: every symbol's orders replaced, and a word from every strategy.
    #[must_use]
    pub fn most_actions(&self) -> usize {
        16 * (self.desks.len() + self.rules.len() + 1)
    }

    // ── what the stations share ─────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Keeps an order back until the batch of this turn is durable.
    fn hold(&mut self, now: Timestamp, request: OrderRequest, leg: Leg) {
        self.stir();
        self.record(Record::Intent(request));
        self.state.orders.hold(request, leg, self.state.next_batch, now);
    }

    /// Ends a turn that began with so many actions: all that it must make durable goes in one batch.
    #[inline]
    fn end_turn(&mut self, before: usize, actions: &mut Vec<Action>) {
        if self.unsaved || actions.len() > before {
            self.seal(before, actions);
        }
    }

    #[inline(never)]
    fn seal(&mut self, before: usize, actions: &mut Vec<Action>) {
        if std::mem::take(&mut self.unsaved) {
            let (batch, records) = (self.state.next_batch, std::mem::take(&mut self.records));
            self.state.next_batch += 1;
            actions.push(Action::Commit { batch, records });
        }
        assert!(actions.len() - before <= self.most_actions(), "a turn of the engine asked for too much");
    }

    /// What this turn must make durable.
    fn record(&mut self, record: Record) {
        self.unsaved = true;
        self.records.push(record);
    }

    /// This turn can have changed when the engine wants to be woken.
    fn stir(&self) {
        self.deadline.set(None);
    }

    const fn pair(&self, strategy: usize, symbol: SymbolId) -> usize {
        strategy * self.desks.len() + symbol.index()
    }

    fn entry_of(&self, symbol: SymbolId) -> Option<&Order> {
        self.state.orders.of(symbol).find(|order| matches!(order.leg, Leg::Entry(_)))
    }

    /// Balance with what open positions would earn at their marks, in USDT.
    #[must_use]
    pub fn equity(&self) -> Decimal {
        let open = self.state.positions.iter().flatten();
        let unrealised = open.filter_map(|position| self.unrealised(position));
        self.state.account.balance + unrealised.sum::<Decimal>()
    }

    /// What all stops together would lose, in USDT; an entry in flight or in doubt counts as filled (S4).
    #[must_use]
    pub fn open_risk(&self) -> Decimal {
        let positions = self.state.positions.iter().flatten().map(Position::risk);
        let entries = self.state.orders.open().filter_map(|order| match order.leg {
            Leg::Entry(plan) => Some(plan.stop_distance * order.open_qty()),
            Leg::Stop | Leg::Target | Leg::Exit(_) => None,
        });
        positions.chain(entries).sum()
    }
}
