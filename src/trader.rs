//! Engine + venue: what the drivers move. Pure, with the engine's five verbs.
//!
//! On paper the venue is the matching model, and time is virtual: no market event is taken in while a commit is outstanding, so the
//! disk's speed never changes a decision, and a candle's walk waits for the engine's answer to every fill in it.

use crate::{
    engine::{Action, Engine, Event, State},
    market::{ClosedCandle, Fnv, OrderUpdate, PriceBar, Timestamp},
    simulation::matching::{self, Input, Matching, Output},
};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Where orders go.
pub enum Venue {
    /// The model of an exchange: paper, backtest, replay.
    Matching(Matching),
}

/// Engine and venue as one.
pub struct Trader {
    engine: Engine,
    venue: Venue,
    desk: Desk,
    /// Scratch: what the venue said and the engine asked in this turn.
    outputs: Vec<Output>,
    asked: Vec<Action>,
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
    /// FNV-1a of all actions and their times.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash.value()
    }
}

/// Everything that a restart needs besides settings and candles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    engine: State,
    venue: matching::Snapshot,
    desk: Desk,
}

impl Trader {
    /// A trader that has seen nothing.
    #[must_use]
    pub fn new(engine: Engine, venue: Venue) -> Self {
        Self { engine, venue, desk: Desk::default(), outputs: Vec::new(), asked: Vec::new() }
    }

    /// A trader that goes on from a snapshot taken with the same settings.
    #[must_use]
    pub fn restore(settings: crate::engine::Settings, venue: matching::Settings, snapshot: Snapshot) -> Self {
        let engine = Engine::restore(settings, snapshot.engine);
        let venue = Venue::Matching(Matching::restore(venue, snapshot.venue));
        Self { desk: snapshot.desk, ..Self::new(engine, venue) }
    }

    /// What a restart needs besides settings and candles.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let Venue::Matching(matching) = &self.venue;
        Snapshot { engine: self.engine.snapshot(), venue: matching.snapshot(), desk: self.desk.clone() }
    }

    /// One event at its time. What the shell must do is appended to `actions`; orders go to the venue by themselves.
    ///
    /// After a `Commit` the trader waits: the next event must be its `Committed`.
    pub fn handle(&mut self, now: Timestamp, event: Event, actions: &mut Vec<Action>) {
        match &event {
            Event::Candle(candle) if candle.history => return self.warm(now, &event, candle),
            Event::Candle(candle) => {
                self.venue_candle(now, candle);
                self.desk.walking = Some(event);
            }
            Event::Price(bar) => {
                self.venue_price(now, bar);
                self.desk.walking = Some(event);
            }
            Event::Wake => {
                let Venue::Matching(matching) = &mut self.venue;
                matching.handle(now, Input::Wake, &mut self.outputs);
                self.desk.walking = Some(event);
            }
            Event::Committed { batch } => {
                self.desk.outstanding.take_if(|waiting| *waiting <= *batch);
                self.tell(now, &event, actions);
            }
            Event::Order(_)
            | Event::Account(_)
            | Event::Instrument(..)
            | Event::Funding(_)
            | Event::Feed(..)
            | Event::Proof(_)
            | Event::ClockDoubt(_)
            | Event::StoreFailed
            | Event::Command(_) => self.tell(now, &event, actions),
        }
        self.go_on(now, actions);
    }

    /// One event at its time, where nothing has to be made durable: every commit counts as done at once.
    pub fn turn(&mut self, now: Timestamp, event: Event, actions: &mut Vec<Action>) {
        self.handle(now, event, actions);
        while let Some(batch) = self.desk.outstanding {
            self.handle(now, Event::Committed { batch }, actions);
        }
    }

    /// What happens next, and when, where `candle` is the next one of the source. Every driver asks here, so that none has an order of its own.
    ///
    /// A deadline is due before everything later; at one moment market events come first. Nothing happens before `latest`, the time of the
    /// last event: what was missed happens then.
    #[must_use]
    pub fn next_event(&self, latest: Timestamp, candle: ClosedCandle) -> (Timestamp, Event) {
        let known_at = candle.closes_at().max(latest);
        match self.next_deadline().map(|deadline| deadline.max(latest)) {
            Some(deadline) if deadline < known_at => (deadline, Event::Wake),
            Some(_) | None => (known_at, Event::Candle(candle)),
        }
    }

    /// The next moment at which engine or venue wants to be woken.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let Venue::Matching(matching) = &self.venue;
        [self.engine.next_deadline(), matching.next_deadline()].into_iter().flatten().min()
    }

    /// The assertions that stay on, and that both books agree.
    pub fn check(&self) {
        self.engine.check();
        let Venue::Matching(matching) = &self.venue;
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
    fn warm(&mut self, now: Timestamp, event: &Event, candle: &ClosedCandle) {
        let Venue::Matching(matching) = &self.venue;
        if !matching.is_walking() {
            self.venue_candle(now, candle);
        }
        if self.desk.walking != Some(Event::Candle(ClosedCandle { history: false, ..*candle })) {
            self.engine.handle(now, event, &mut self.asked);
        }
        assert!(self.asked.is_empty() && self.outputs.is_empty(), "history asked for something");
    }

    fn venue_candle(&mut self, now: Timestamp, candle: &ClosedCandle) {
        let Venue::Matching(matching) = &mut self.venue;
        matching.handle(now, Input::Candle(candle), &mut self.outputs);
    }

    fn venue_price(&mut self, now: Timestamp, bar: &PriceBar) {
        let Venue::Matching(matching) = &mut self.venue;
        matching.handle(now, Input::Price(bar), &mut self.outputs);
    }

    /// Lets engine and venue answer each other until both are quiet or a commit is outstanding.
    fn go_on(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        loop {
            self.desk.heard.extend(self.outputs.drain(..).map(|output| match output {
                Output::Order(update) => Event::Order(update),
                Output::Funding(paid) => Event::Funding(paid),
            }));
            if self.desk.outstanding.is_some() {
                return;
            }
            let Venue::Matching(matching) = &mut self.venue;
            if let Some(event) = self.desk.heard.pop_front() {
                self.tell(now, &event, actions);
            } else if matching.is_walking() {
                matching.resume(&mut self.outputs);
            } else if let Some(event) = self.desk.walking.take() {
                self.tell(now, &event, actions);
            } else {
                return;
            }
        }
    }

    /// Tells the engine, and takes its orders to the venue.
    fn tell(&mut self, now: Timestamp, event: &Event, actions: &mut Vec<Action>) {
        if let Event::Order(OrderUpdate::Filled(_)) = event {
            self.desk.tally.fills += 1;
        }
        self.engine.handle(now, event, &mut self.asked);
        for action in self.asked.drain(..) {
            self.desk.tally.actions += 1;
            self.desk.tally.hash.add(&(now, &action));
            match action {
                Action::Order(command) => {
                    let Venue::Matching(matching) = &mut self.venue;
                    matching.handle(now, Input::Order(command), &mut self.outputs);
                }
                Action::Commit { batch, .. } => {
                    self.desk.outstanding = Some(batch);
                    actions.push(action);
                }
                Action::Need(_) | Action::Log(_) | Action::Alert(_) | Action::Halt(_) => actions.push(action),
            }
        }
    }
}
