//! Engine + venue: what the drivers move. Pure, with the engine's five verbs.
//!
//! On paper the venue is the matching model, and time is virtual: no market event is taken in while a commit is outstanding, so the
//! disk's speed never changes a decision, and a candle's walk waits for the engine's answer to every fill in it.
//!
//! At an exchange the session stands beside the trader: orders go out with the other actions, what becomes of them comes in as events, and
//! nothing waits for the disk but the orders that depend on it, which the engine holds back itself.

mod candles; // most of which lead to nothing
mod course; // how a run begins and ends
mod snapshot; // what is left of it for another one
#[cfg(test)]
mod tests;

use crate::{
    engine::{Action, Engine, Event, State},
    market::{ClosedCandle, Fnv, Misfit, OrderUpdate, Refit, Timestamp},
    simulation::matching::{self, Input, Matching, Output},
};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

pub use snapshot::{Picture, Snapshot};

/// Where orders go.
#[allow(clippy::large_enum_variant)] // there is one a run, and the model is asked at each candle
pub enum Venue {
    /// The model of an exchange: paper, backtest, replay.
    Matching(Matching),
    /// A real one, behind a session that is not the trader's.
    Exchange,
}

impl Venue {
    /// The model, where that is the venue.
    #[must_use]
    pub const fn matching(&self) -> Option<&Matching> {
        match self {
            Self::Matching(matching) => Some(matching),
            Self::Exchange => None,
        }
    }

    const fn matching_mut(&mut self) -> Option<&mut Matching> {
        match self {
            Self::Matching(matching) => Some(matching),
            Self::Exchange => None,
        }
    }
}

/// Engine and venue as one.
pub struct Trader {
    engine: Engine,
    venue: Venue,
    desk: Desk,
    hashes: bool,
    /// Scratch: what the venue said in this turn.
    outputs: Vec<Output>,
}

/// What lies between engine and venue.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Desk {
    /// What the venue has said and the engine has not heard yet.
    heard: VecDeque<Event>,
    /// The market event whose walk through the venue is not over.
    walking: Option<Event>,
    /// The commit that everything waits for.
    outstanding: Option<u64>,
    tally: Tally,
}

/// What went by, for comparing runs (S14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Actions asked for.
    pub actions: u64,
    /// Fills heard.
    pub fills: u64,
    hash: Fnv,
}

impl Tally {
    /// FNV-1a of all actions and their times, as long as there was no [`Trader::unhashed`].
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash.value()
    }

    const fn count(&mut self, event: &Event) {
        if let Event::Order(OrderUpdate::Filled(_) | OrderUpdate::Liquidated(_)) = event {
            self.fills += 1;
        }
    }
}

impl Desk {
    /// What the venue has said of a symbol is about something open, so it cannot be dropped. The event that is walked can: where nothing
    /// is open, nothing follows from the rest of its walk.
    fn refit(self, lists: &Refit<'_>) -> Result<Self, Misfit> {
        let heard = self.heard.into_iter().map(|event| event.refit(lists)).collect::<Result<_, _>>()?;
        let walking = self.walking.and_then(|event| event.refit(lists).ok());
        Ok(Self { heard, walking, ..self })
    }
}

impl Trader {
    fn new(engine: Engine, venue: Venue) -> Self {
        Self { engine, venue, desk: Desk::default(), hashes: true, outputs: Vec::new() }
    }

    /// The same without the hash of its actions, which costs a seventh of a trade: for runs that are compared with no other by it.
    #[must_use]
    pub fn unhashed(self) -> Self {
        Self { hashes: false, ..self }
    }

    /// A trader on simulated money that has seen nothing.
    #[must_use]
    pub fn on_paper(settings: crate::engine::Settings, venue: matching::Settings) -> Self {
        Self::new(Engine::new(settings), Venue::Matching(Matching::new(venue)))
    }

    /// A trader on an account at an exchange that nothing is known of: in doubt until it is proven.
    #[must_use]
    pub fn on_exchange(settings: crate::engine::Settings) -> Self {
        let state = State::new(&settings).on_exchange();
        Self::new(Engine::restore(settings, state), Venue::Exchange)
    }

    /// A trader at an exchange that goes on from a snapshot, in doubt until the account is proven. It begins with [`Trader::opening`].
    ///
    /// # Panics
    ///
    /// When the snapshot is of a paper account, see [`Snapshot::is_live`].
    #[must_use]
    pub fn resume_on_exchange(settings: crate::engine::Settings, snapshot: Snapshot) -> Self {
        let venue = venue_of(None, snapshot.venue);
        Self { desk: snapshot.desk, ..Self::new(Engine::restore(settings, snapshot.engine.on_exchange()), venue) }
    }

    /// A trader on simulated money that goes on from a snapshot.
    ///
    /// The account's capital is the snapshot's, see [`crate::engine::Account::capital`]. Symbols and strategies must be the snapshot's too,
    /// else see [`Snapshot::refit`]; everything else in the settings may differ.
    ///
    /// # Panics
    ///
    /// When the snapshot is of an account at an exchange, see [`Snapshot::is_live`].
    #[must_use]
    pub fn restore(settings: crate::engine::Settings, venue: matching::Settings, snapshot: Snapshot) -> Self {
        let engine = Engine::restore(settings, snapshot.engine);
        let venue = venue_of(Some(venue), snapshot.venue);
        Self { desk: snapshot.desk, ..Self::new(engine, venue) }
    }

    /// What a restart needs besides settings and candles.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let venue = self.venue.matching().map(Matching::snapshot);
        Snapshot { engine: self.engine.snapshot(), venue, desk: self.desk.clone() }
    }

    /// A trader that goes on from a picture taken with the same settings, without any candle of the past. `venue`: `None` at an exchange.
    ///
    /// # Panics
    ///
    /// When the picture is of the other kind of account.
    #[must_use]
    pub fn from_picture(
        settings: crate::engine::Settings,
        venue: Option<matching::Settings>,
        picture: Picture,
    ) -> Self {
        let Picture { snapshot, desks } = picture;
        let engine = Engine::restore_warm(settings, snapshot.engine, desks);
        let venue = venue_of(venue, snapshot.venue);
        Self { desk: snapshot.desk, ..Self::new(engine, venue) }
    }

    /// Everything that is needed to go on, besides the settings.
    #[must_use]
    pub fn picture(&self) -> Picture {
        Picture { snapshot: self.snapshot(), desks: self.engine.desks() }
    }

    /// One event at its time. What the shell must do is appended to `actions`; orders go to the model by themselves, and are among the
    /// actions where the venue is an exchange.
    ///
    /// After a `Commit` a trader on paper waits for its `Committed`. Until then no market event may come, or how fast the disk is would
    /// change a decision; a deadline may, since a protective order does not wait for the disk for ever (S5).
    #[inline]
    pub fn handle(&mut self, now: Timestamp, event: &Event, actions: &mut Vec<Action>) {
        match self.venue {
            Venue::Matching(_) => self.handle_on_paper(now, event, actions),
            Venue::Exchange => {
                if let Event::Committed { batch } = event {
                    self.desk.outstanding.take_if(|waiting| *waiting <= *batch);
                }
                self.tell(now, event, actions);
            }
        }
    }

    fn handle_on_paper(&mut self, now: Timestamp, event: &Event, actions: &mut Vec<Action>) {
        let waits = self.desk.outstanding.is_some();
        assert!(!(waits && event.moves_market()), "a market event came while a commit is outstanding");
        match event {
            Event::Candle(candle) if candle.history => return self.warm(now, candle),
            Event::Candle(candle) => {
                self.ask(now, Input::Candle(candle));
                self.walk(now, event, actions);
            }
            Event::Price(bar) => {
                self.ask(now, Input::Price(bar));
                // it may have to be stored, and what is no number cannot
                self.walk(now, &Event::Price(bar.with_quotes()), actions);
            }
            // the venue's own deadline stays due until the walk that is under way is over
            Event::Wake if waits => self.tell(now, event, actions),
            Event::Wake => {
                self.ask(now, Input::Wake);
                self.desk.walking = Some(Event::Wake);
            }
            Event::Committed { batch } => {
                self.desk.outstanding.take_if(|waiting| *waiting <= *batch);
                self.tell(now, event, actions);
            }
            Event::Instrument(symbol, rules) => {
                self.ask(now, Input::Instrument(*symbol, rules));
                self.tell(now, event, actions);
            }
            Event::FundingRate(said) => {
                self.ask(now, Input::FundingRate(said));
                self.tell(now, event, actions);
            }
            Event::Order(_)
            | Event::Account(_)
            | Event::Funding(_)
            | Event::Feed(..)
            | Event::Proof(_)
            | Event::Foreign(..)
            | Event::ClockDoubt(_)
            | Event::StoreDoubt(_)
            | Event::Command(_) => self.tell(now, event, actions),
        }
        self.go_on(now, actions);
    }

    /// One event at its time, where nothing has to be made durable: every commit counts as done at once.
    #[inline]
    pub fn turn(&mut self, now: Timestamp, event: &Event, actions: &mut Vec<Action>) {
        self.handle(now, event, actions);
        self.count_as_done(now, actions);
    }

    fn count_as_done(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        while let Some(batch) = self.desk.outstanding {
            self.handle(now, &Event::Committed { batch }, actions);
        }
    }

    /// What happens next, and when, where the source's next event is due `at`: that, or [`Trader::due_before`] it.
    #[must_use]
    pub fn next_of(&self, latest: Timestamp, at: Timestamp, event: Event) -> (Timestamp, Event) {
        let at = at.max(latest);
        self.due_before(latest, at).map_or((at, event), |due| (due, Event::Wake))
    }

    /// The deadline that comes before the source's next event, which is due `at`. Every driver asks here, so that none has an order of its own.
    ///
    /// A deadline is due before everything later; at one moment market events come first. Nothing happens before `latest`, the time of the
    /// last event: what was missed happens then.
    #[inline]
    #[must_use]
    pub fn due_before(&self, latest: Timestamp, at: Timestamp) -> Option<Timestamp> {
        let due = self.soonest().max(latest);
        (due < at).then_some(due)
    }

    /// The next moment at which engine or venue wants to be woken; only the engine while a commit is outstanding.
    #[inline]
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        Some(self.soonest()).filter(|due| *due < Timestamp::NEVER)
    }

    /// The same, asked at every candle, with a moment that never comes where there is none.
    #[inline]
    fn soonest(&self) -> Timestamp {
        let matching = self.venue.matching().filter(|_| self.desk.outstanding.is_none());
        let of_venue = matching.and_then(Matching::next_deadline).unwrap_or(Timestamp::NEVER);
        self.engine.next_deadline().unwrap_or(Timestamp::NEVER).min(of_venue)
    }

    /// The assertions that stay on, and that both books agree.
    pub fn check(&self) {
        self.engine.check();
        let Some(matching) = self.venue.matching() else { return };
        matching.check();
        let quiet = self.desk.outstanding.is_none() && self.desk.heard.is_empty() && self.desk.walking.is_none();
        if quiet {
            assert_eq!(
                self.engine.account().balance,
                matching.balance(),
                "engine and venue disagree about the balance"
            );
            let ours = self.engine.positions().map(|position| (position.symbol, position.plan.side, position.qty));
            let theirs = matching.account().positions;
            assert!(
                ours.eq(theirs.iter().map(|p| (p.symbol, p.side, p.qty))),
                "engine and venue disagree about positions"
            );
        }
    }

    /// The trading brain.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Where orders go.
    #[must_use]
    pub const fn venue(&self) -> &Venue {
        &self.venue
    }

    /// What went by so far.
    #[must_use]
    pub const fn tally(&self) -> Tally {
        self.desk.tally
    }

    /// The commit that everything waits for.
    #[must_use]
    pub const fn outstanding(&self) -> Option<u64> {
        self.desk.outstanding
    }

    /// History warms indicators and tells the last price; nothing follows from it.
    ///
    /// After a restart all candles that were ever handed in come as history, while the turn that the snapshot was taken in may still be under
    /// way: the venue's walk stays where it is, and the engine hears of its candle when the walk is over.
    fn warm(&mut self, now: Timestamp, candle: &ClosedCandle) {
        if !self.is_walking() {
            self.ask(now, Input::Candle(candle));
        }
        if self.desk.walking != Some(Event::Candle(ClosedCandle { history: false, ..*candle })) {
            let mut asked = Vec::new();
            self.engine.candle(now, candle, &mut asked);
            assert!(asked.is_empty(), "history asked for something");
        }
        assert!(self.outputs.is_empty(), "history met something");
    }

    /// The venue takes something in; what it says is heard later.
    fn ask(&mut self, now: Timestamp, input: Input<'_>) {
        if let Some(matching) = self.venue.matching_mut() {
            matching.handle(now, input, &mut self.outputs);
        }
    }

    fn is_walking(&self) -> bool {
        self.venue.matching().is_some_and(Matching::is_walking)
    }

    /// The engine hears of an event of the market when its walk through the venue is over: at once where nothing fired, as nearly always.
    fn walk(&mut self, now: Timestamp, event: &Event, actions: &mut Vec<Action>) {
        let fired = self.is_walking() || !self.outputs.is_empty() || !self.desk.heard.is_empty();
        if fired {
            self.desk.walking = Some(event.clone());
        } else {
            self.desk.walking = None;
            self.tell(now, event, actions);
        }
    }

    /// Lets engine and venue answer each other until both are quiet or a commit is outstanding.
    fn go_on(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        loop {
            if !self.outputs.is_empty() {
                self.desk.heard.extend(self.outputs.drain(..).map(|output| match output {
                    Output::Order(update) => Event::Order(update),
                    Output::Funding(paid) => Event::Funding(paid),
                }));
            }
            if self.desk.outstanding.is_some() {
                return;
            }
            if let Some(event) = self.desk.heard.front() {
                // it is told where it lies: it is large, and to take it out first costs nearly as much
                let before = actions.len();
                self.desk.tally.count(event);
                self.engine.handle(now, event, actions);
                self.desk.heard.pop_front();
                self.hand_out(now, before, actions);
            } else if let Some(matching) = self.venue.matching_mut().filter(|matching| matching.is_walking()) {
                matching.resume(&mut self.outputs);
            } else if let Some(event) = self.desk.walking.take() {
                self.tell(now, &event, actions);
            } else {
                return;
            }
        }
    }

    /// Tells the engine.
    fn tell(&mut self, now: Timestamp, event: &Event, actions: &mut Vec<Action>) {
        let before = actions.len();
        self.desk.tally.count(event);
        self.engine.handle(now, event, actions);
        self.hand_out(now, before, actions);
    }

    /// Attends to what the engine asks for behind the first `before` actions: its orders go to the model, where that is the venue. Whether the
    /// model or the disk is to answer.
    fn hand_out(&mut self, now: Timestamp, before: usize, actions: &mut Vec<Action>) -> bool {
        let mut has_taken = false;
        for action in &actions[before..] {
            self.desk.tally.actions += 1;
            if self.hashes {
                self.desk.tally.hash.add(&(now, action));
            }
            match (action, self.venue.matching_mut()) {
                (Action::Order(command), Some(matching)) => {
                    matching.handle(now, Input::Order(*command), &mut self.outputs);
                    has_taken = true;
                }
                (Action::Commit { batch, .. }, _) => self.desk.outstanding = Some(*batch),
                (Action::Order(_) | Action::Need(_) | Action::Log(_) | Action::Alert(_) | Action::Halt(_), _) => {}
            }
        }
        if has_taken {
            actions.extract_if(before.., |action| matches!(action, Action::Order(_))).for_each(drop);
        }
        has_taken || self.desk.outstanding.is_some()
    }
}

/// The venue of a snapshot. Paper money and real money are not one account.
fn venue_of(settings: Option<matching::Settings>, snapshot: Option<matching::Snapshot>) -> Venue {
    match (settings, snapshot) {
        (Some(settings), Some(snapshot)) => Venue::Matching(Matching::restore(settings, snapshot)),
        (None, None) => Venue::Exchange,
        (Some(_), None) => panic!("an account at an exchange does not go on on paper"),
        (None, Some(_)) => panic!("a paper account does not go on with real money"),
    }
}
