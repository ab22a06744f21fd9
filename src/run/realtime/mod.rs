//! The trading loop: candles to the trader at their time, its wishes to the shell, and a sign of life at every turn.
//!
//! Nothing here decides. The loop turns at least once a second, so that its progress can be watched from outside, and at `--speed max` it
//! yields every few milliseconds, so that monitor, signals and stop are never starved.

mod closing; // the end of the loop
mod error; // what ends it by failure
pub mod exchange; // what is different where the money is real
#[cfg(test)]
mod tests;
mod warming; // its start

use super::{
    health::Vitals,
    keeping::{KeepError, Keeping},
    loop_lines::LoopLines,
    pace::Pace,
    prices::Prices,
    progress::Progress,
    results::Results,
    rights::Found,
    session::Session,
    signs::Signs,
    text::Teller,
    trades_csv::{OutError, TradesCsv},
};
use crate::{
    config::Speed,
    engine::{Action, Event, Halt, Need, Note, Trade},
    market::{ClosedCandle, Timeframe, Timestamp},
    run::clocks::wall_ms,
    stop::{Cause, Stop},
    store::{Answer, Batch, Gone, SaidKind},
    trader::Trader,
};
use async_channel::Receiver;
pub use error::LoopError;
use futures_lite::FutureExt;
use log::{Level, debug, info, log, warn};
use std::time::{Duration, Instant};

/// How long a turn may work before it lets the others of the thread go on.
const SLICE: Duration = Duration::from_millis(5);
/// The longest wait between two turns.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Beyond its own length a candle may be so late before the data counts as stale (S10).
const DATA_LATE: Duration = Duration::from_secs(5);
/// Events between two looks at the clock within a slice.
const EVENTS_A_LOOK: u32 = 32;
/// How long what protects a position waits for the disk (S5), in milliseconds.
const PATIENCE_MS: i64 = 1_000;

/// Everything that the loop moves.
pub struct Realtime {
    trader: Trader,
    prices: Prices,
    pace: Pace,
    signs: Signs,
    lines: LoopLines,
    results: Results,
    keeping: Keeping,
    halted: Option<Halted>,
    /// Where to hear what the key may do, until that is known.
    rights: Option<Receiver<Found>>,
    duration_ends: Option<Instant>,
    /// A failed iteration is logged, counted and tried again.
    infinite: bool,
    /// `on_stop = "close"`.
    close_on_stop: bool,
    /// The engine wants the run to end.
    emergency: bool,
    /// The capital was held against the markets' minimums.
    weighed: bool,
    /// What is open is guarded while the history is still to come.
    guarding: bool,
    /// The disk was once so slow that the process's time counted, and it was said.
    was_slow: bool,
    /// Scratch: what the trader asks for.
    actions: Vec<Action>,
}

/// Why this run opens no positions; it watches those that are open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Halted {
    /// In the log's words.
    pub reason: String,
    /// Until when; `None`: to its end.
    pub until: Option<Instant>,
}

/// What comes next.
enum Due {
    /// This, at this market time.
    Event { at: Timestamp, event: Event },
    /// A protective order that waits for the disk goes without it at this moment.
    Protection { instant: Instant, at: Timestamp },
    /// Nothing before the disk has answered.
    Disk,
    /// Nothing is known to come.
    Nothing,
    /// The data is over.
    Over,
}

/// What the loop is made of.
#[allow(missing_docs)] // the fields of the loop
pub struct Parts {
    pub trader: Trader,
    pub prices: Prices,
    pub speed: Speed,
    pub vitals: Vitals,
    /// The finest timeframe of each symbol's data.
    pub finest: Vec<Timeframe>,
    pub progress: Progress,
    pub csv: Option<TradesCsv>,
    pub keeping: Keeping,
    pub halted: Option<Halted>,
    pub rights: Option<Receiver<Found>>,
    pub duration_ends: Option<Instant>,
    pub infinite: bool,
    pub close_on_stop: bool,
}

impl Realtime {
    /// A loop that has done nothing.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let now = Instant::now();
        let pace = Pace::new(parts.speed, parts.keeping.cursor().latest, now);
        let names = parts.trader.engine().settings().instruments.iter().map(|rules| rules.symbol.as_str());
        let late = |finest: &Timeframe| match parts.prices {
            // A candle is known once it is over, so a feed may be silent for its period and a little more.
            Prices::Tape(_) => pace.takes(finest.ms()).saturating_add(DATA_LATE),
            // The gateway knows what is live, and is asked at each turn.
            Prices::Session(_) => DATA_LATE,
        };
        let limits = parts.finest.iter().map(late);
        let signs = Signs::new(parts.vitals, parts.progress, &names.zip(limits).collect::<Vec<_>>());
        Self {
            signs,
            pace,
            trader: parts.trader,
            prices: parts.prices,
            lines: LoopLines::new(now),
            results: Results::new(parts.csv),
            keeping: parts.keeping,
            halted: parts.halted,
            rights: parts.rights,
            duration_ends: parts.duration_ends,
            infinite: parts.infinite,
            close_on_stop: parts.close_on_stop,
            emergency: false,
            weighed: false,
            guarding: false,
            was_slow: false,
            actions: Vec::new(),
        }
    }

    /// The whole life of the loop. However trading ends, it is closed down; where it has not begun, all stays as the last run left it.
    pub async fn run(&mut self, stop: &Stop) -> Result<(), LoopError> {
        let outcome = self.trade(stop).await;
        let cause = stop.cause().unwrap_or(Cause::Failure);
        self.signs.ended(cause);
        let fatal = matches!(outcome, Err(LoopError::Keep(_)));
        let closed = if fatal || !self.has_begun() { Ok(()) } else { self.close_down(cause).await };
        outcome.and(closed)
    }

    /// This is the main loop.
    async fn trade(&mut self, stop: &Stop) -> Result<(), LoopError> {
        self.warm(stop).await?;
        if stop.cause().is_some() {
            return Ok(()); // the history is not whole, and with it nothing can be decided or closed
        }
        self.begin()?;
        self.guard(stop).await?;
        self.weigh();
        self.say_lines(Instant::now());
        self.signs.ready();
        while stop.cause().is_none() {
            self.turn(Instant::now(), stop)?;
            self.wait(stop).await?;
        }
        Ok(())
    }

    /// One turn: do what is due, say what is to be said.
    fn turn(&mut self, began: Instant, stop: &Stop) -> Result<(), LoopError> {
        self.signs.turn_began(began);
        self.hear_market(began);
        if self.prices.session().is_some_and(|session| session.is_deaf(began)) {
            return Err(LoopError::Deaf);
        }
        self.keeping.listen()?;
        self.tell_done()?;
        self.look_at_the_door(began)?;
        self.work(began, stop)?;
        self.weigh();
        let sample = || self.signs.sample(self.trader.engine(), self.pace.market(began));
        self.keeping.turn(began, &self.trader, sample)?;
        let written = self.results.flush(began);
        self.recover(written, began)?;
        if !self.guarding {
            self.say_lines(began);
        }
        let orphaned = self.signs.turn_ended(Teller { engine: self.trader.engine(), market_time: false });
        self.stop_where_due(stop, orphaned);
        Ok(())
    }

    /// Sets the stop signal where there is a reason: an emergency, the end of the supervisor, the end of the duration.
    fn stop_where_due(&self, stop: &Stop, orphaned: Option<Cause>) {
        if orphaned.is_some() {
            warn!("Stopping: the supervisor is gone");
        }
        let over = self.duration_ends.filter(|ends| *ends <= Instant::now()).map(|_| Cause::DurationReached);
        let emergency = self.emergency.then_some(Cause::Emergency);
        if let Some(cause) = emergency.or(orphaned).or(over) {
            stop.stop(cause);
        }
    }

    /// Everything that is due, for a slice of time at most.
    fn work(&mut self, began: Instant, stop: &Stop) -> Result<(), LoopError> {
        let market = self.pace.market(began);
        let mut events = 0u32;
        while !self.emergency {
            let (at, event) = match self.due() {
                Due::Event { at, event } if self.pace.is_due(at, market) => (at, event),
                Due::Protection { instant, at } if instant <= began => {
                    self.say_slow_disk();
                    (at, Event::Wake)
                }
                Due::Event { .. } | Due::Protection { .. } | Due::Disk | Due::Nothing => break,
                Due::Over => {
                    stop.stop(Cause::DataOver);
                    break;
                }
            };
            self.step(at, event)?;
            events += 1;
            if events.is_multiple_of(EVENTS_A_LOOK) && began.elapsed() >= SLICE {
                break;
            }
        }
        Ok(())
    }

    /// What happens next. While a commit is waited for, nothing does for a second, so that no decision depends on the disk at any speed; then
    /// protective orders go without it, and so does an exit that is due (S5): from there on the market's time is the process's.
    ///
    /// An exchange does not wait, and there nothing does but the orders that the engine holds back itself.
    fn due(&self) -> Due {
        if let Some((since, from)) = self.keeping.asked().filter(|_| !self.is_live()) {
            let Some(deadline) = self.trader.next_deadline() else { return Due::Disk };
            let at = deadline.max(from.plus_ms(PATIENCE_MS));
            let wait = Duration::from_millis(at.since_ms(from).unsigned_abs());
            return since.checked_add(wait).map_or(Due::Disk, |instant| Due::Protection { instant, at });
        }
        let is_tape = matches!(self.prices, Prices::Tape(_));
        match (self.prices.next(), self.trader.next_deadline()) {
            (Some(_), _) if is_tape && self.pace.is_virtual() && self.keeping.is_full() => Due::Disk,
            (Some((at, event)), _) => {
                let (at, event) = self.trader.next_of(self.pace.latest(), at, event);
                Due::Event { at, event }
            }
            (None, _) if is_tape => Due::Over,
            (None, Some(at)) => Due::Event { at: at.max(self.pace.latest()), event: Event::Wake },
            (None, None) => Due::Nothing,
        }
    }

    /// Whoever holds such a run beside a backtest has to know.
    fn say_slow_disk(&mut self) {
        if self.pace.is_virtual() && !self.is_live() && !std::mem::replace(&mut self.was_slow, true) {
            info!("The disk took more than 1 s, and exits do not wait for it: this run may differ from a backtest");
        }
    }

    fn step(&mut self, at: Timestamp, event: Event) -> Result<(), LoopError> {
        match event {
            Event::Wake => self.tell(at, event),
            of_market => self.take(at, of_market),
        }
    }

    /// The next event of the market.
    fn take(&mut self, at: Timestamp, event: Event) -> Result<(), LoopError> {
        if self.guarding && event.moves_market() {
            return self.end_guard(); // first of all how the account stands
        }
        if let Event::Candle(ClosedCandle { symbol, history: false, .. }) = &event {
            self.signs.data_came(*symbol);
        }
        let at = match &self.prices {
            Prices::Tape(_) => at,
            // one that had to wait counts from now on, so that nobody takes it for fresh (S10)
            Prices::Session(_) => at.max(self.pace.market(Instant::now())),
        };
        // taken off before it is told, since what is told may have the next ones join it; a row that can't be read holds none back
        let remarks = self.prices.advance();
        self.tell(at, event)?;
        remarks?.iter().for_each(|remark| info!("{remark}"));
        Ok(())
    }

    /// The session does what is due; what it shows is the market's time, and what is live has a sign of life.
    fn hear_market(&mut self, now: Instant) {
        let Some(session) = self.prices.session() else { return };
        session.turn(now);
        if let Some(market) = session.market(now) {
            self.pace.set(market, now);
        }
        session.live().for_each(|symbol| self.signs.data_came(symbol));
        self.look_at_account(now);
    }

    /// Tells the trader, does all that it asks for, and tells it what has become durable.
    fn tell(&mut self, at: Timestamp, event: Event) -> Result<(), LoopError> {
        let mut outcome = Ok(());
        noted(self.hand(at, event), &mut outcome)?;
        noted(self.tell_done(), &mut outcome)?;
        outcome
    }

    /// Tells the trader what has become durable, and so on until nothing is.
    fn tell_done(&mut self) -> Result<(), LoopError> {
        let mut outcome = Ok(());
        while let Some((batch, trades)) = self.keeping.done() {
            let written = self.write_down(&trades);
            noted(self.recover(written, Instant::now()), &mut outcome)?;
            noted(self.hand(self.pace.latest(), Event::Committed { batch }), &mut outcome)?;
        }
        outcome
    }

    /// One event for the trader, and what it asks for.
    fn hand(&mut self, at: Timestamp, event: Event) -> Result<(), LoopError> {
        let now = self.pace.reach(at);
        self.keeping.begin(now, &event, &self.trader).map_err(LoopError::Keep)?;
        let mut actions = std::mem::take(&mut self.actions);
        let candle = if let Event::Candle(closed) = &event { Some(*closed) } else { None };
        // what is learnt here of the past decides nothing, and is in the head of the next segment
        let is_lesson = self.guarding && candle.is_some_and(|closed| closed.history);
        self.trader.handle(now, &event, &mut actions);
        if self.keeping.records() && !is_lesson {
            self.keeping.record(now, &event, &actions, &self.trader)?;
        }
        if !actions.is_empty() {
            self.trader.check(); // before anything that is wrong gets to the disk
            actions.drain(..).try_for_each(|action| self.perform(action))?;
        }
        self.actions = actions;
        if let Some(closed) = candle.filter(|_| !is_lesson) {
            self.results.candle(&closed, self.trader.engine());
        }
        Ok(())
    }

    fn perform(&mut self, action: Action) -> Result<(), KeepError> {
        match action {
            Action::Commit { batch, records } => self.keeping.commit(batch, records, &self.trader)?,
            Action::Log(note) | Action::Alert(note) => self.say(&note),
            Action::Need(Need::Reconcile) if self.is_live() => self.with_session(Session::reconcile),
            Action::Need(Need::Rules(_)) if self.is_live() => self.with_session(Session::read_rules),
            // a session knows itself which candles were not delivered, and asks for them
            Action::Need(need) => debug!("The engine needs {need:?}, which a simulated account cannot lack"),
            // on paper they went to the venue
            Action::Order(command) if self.is_live() => self.with_session(|session| session.order(command)),
            Action::Halt(Halt::Emergency) => {
                self.emergency = true;
                let reason = self.teller().emergency();
                self.keeping.halt(reason, wall_ms());
            }
            Action::Halt(Halt::Pause | Halt::Close) => {}
            Action::Order(_) => {}
        }
        Ok(())
    }

    /// A note for whoever reads the log, and for whoever asks for the status later.
    fn say(&mut self, note: &Note) {
        let (level, line) = self.teller().line(note);
        let kind = match (note, level) {
            (Note::Skipped { .. } | Note::Entry(_), _) => Some(SaidKind::Signal),
            (_, Level::Error | Level::Warn) => Some(SaidKind::Trouble),
            _ => None,
        };
        if let Some(kind) = kind {
            self.keeping.say(kind, wall_ms(), &line);
        }
        match level {
            Level::Error => self.signs.failed(&line),
            level => log!(level, "{line}"),
        }
    }

    fn write_down(&mut self, trades: &[Trade]) -> Result<(), OutError> {
        for trade in trades {
            self.results.add(trade, self.trader.engine())?;
        }
        self.results.flush(Instant::now())
    }

    /// With `--infinite` a failure is logged and counted, and what failed is tried again after a pause that grows. Wrong data ends the run all
    /// the same, since it would be wrong again.
    fn recover(&mut self, outcome: Result<(), OutError>, now: Instant) -> Result<(), LoopError> {
        match outcome {
            Err(error) if self.infinite => {
                let pause = self.results.pause(now);
                self.signs.failed(&format!("{error}; trying again in {} s", pause.as_secs()));
                Ok(())
            }
            other => Ok(other?),
        }
    }

    /// Waits until something is due, until the disk answers, or for a second.
    async fn wait(&mut self, stop: &Stop) -> Result<(), LoopError> {
        let now = Instant::now();
        let due = match self.due() {
            Due::Event { at, .. } => Some(self.pace.instant(at, now)),
            Due::Protection { instant, .. } => Some(instant),
            Due::Disk | Due::Nothing => None,
            Due::Over => Some(now),
        };
        let lines = (!self.guarding).then(|| self.lines.due());
        let wake = [due, lines, self.keeping.due(), self.prices.due(), self.duration_ends, Some(now + LONGEST_WAIT)];
        let until = wake.into_iter().flatten().min().unwrap_or(now);
        if until > now {
            let Self { keeping, prices, .. } = self;
            let disk = async { Some(keeping.answer().await) };
            let market = async {
                prices.wait().await;
                None
            };
            if let Some(answer) = stop.or_at_latest(until, disk.or(market)).await.flatten() {
                self.hear(answer)?;
            }
        } else {
            futures_lite::future::yield_now().await;
        }
        self.signs.woke(until.saturating_duration_since(now));
        Ok(())
    }

    /// What the disk says, and all that has become durable with it.
    fn hear(&mut self, answer: Result<Answer, Gone>) -> Result<(), LoopError> {
        self.keeping.hear(answer.map_err(KeepError::from)?)?;
        self.tell_done()
    }

    /// The lines of the log that are due.
    fn say_lines(&mut self, now: Instant) {
        if self.lines.due() <= now {
            let teller = Teller { engine: self.trader.engine(), market_time: self.pace.is_virtual() };
            self.lines.say(teller, now, self.pace.market(now));
        }
    }

    /// The state that the run leaves, to be saved, with its name in case it can't be.
    pub(super) fn last(&mut self) -> Option<(Batch, String)> {
        self.keeping.last()
    }

    /// Whether trading has begun.
    pub(super) const fn has_begun(&self) -> bool {
        self.keeping.has_begun()
    }

    /// Market time now.
    pub(super) fn market(&self, now: Instant) -> Timestamp {
        self.pace.market(now)
    }

    /// Whoever puts this market into words.
    pub(super) fn teller(&self) -> Teller<'_> {
        Teller { engine: self.trader.engine(), market_time: self.pace.is_virtual() }
    }

    /// One line about the data that was read.
    pub(super) fn data_account(&self) -> Option<String> {
        self.prices.account()
    }
}

/// A result that can't be written is told at the end, and stops nothing before; what must be remembered and can't be ends it at once.
fn noted(step: Result<(), LoopError>, first: &mut Result<(), LoopError>) -> Result<(), LoopError> {
    match step {
        Err(error @ LoopError::Keep(_)) => return Err(error),
        Err(error) if first.is_ok() => *first = Err(error),
        Err(_) | Ok(()) => {}
    }
    Ok(())
}
