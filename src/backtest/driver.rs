//! Moves a trader over recorded candles with no clock but the market's.
//!
//! It tells what `run::realtime` tells at `--speed max` without a data directory: history, the opening, then candles, deadlines and
//! what the venue announces in the order of their times, the ending. So the same files lead to the same trades, to the last byte. What
//! the trader wants durable counts as durable at once.

use super::{Ending, Record, Recorder, ahead::Ahead};
use crate::{
    engine::{Action, Engine, Event, Halt, Record as Durable},
    market::{ClosedCandle, FundingRate, MINUTE_MS, Timestamp},
    trader::Trader,
};

/// Hears all that the trader asks for besides orders, with its market time.
pub type Listener<'a> = dyn FnMut(&Engine, Timestamp, &Action) + 'a;

/// A trader under way. `S`: candles in the order of their closes; what is wrong with one ends the run.
pub struct Driver<S, E> {
    trader: Trader,
    ahead: Ahead<S, E>,
    announced: Announced,
    /// Market time of the last event.
    latest: Timestamp,
    recorder: Recorder,
    /// `on_stop = "close"`.
    close_on_stop: bool,
    /// The history is over.
    begun: bool,
    ending: Option<Ending>,
    /// Scratch: what the trader asks for.
    actions: Vec<Action>,
}

/// What the venue is to say about funding, the earliest last.
struct Announced {
    rates: Vec<FundingRate>,
    /// When the next is said: at the minute in which it is settled, before all else of that minute.
    due: Option<Timestamp>,
}

impl Announced {
    fn new(mut rates: Vec<FundingRate>) -> Self {
        rates.sort_by_key(|said| std::cmp::Reverse((said.at, said.symbol)));
        let mut announced = Self { rates, due: None };
        announced.look();
        announced
    }

    fn look(&mut self) {
        self.due = self.rates.last().map(|said| said.at.floor_to(MINUTE_MS));
    }

    /// What is due at `at` or before.
    #[inline]
    fn take(&mut self, at: Timestamp) -> Option<(Timestamp, FundingRate)> {
        let due = self.due.filter(|due| *due <= at)?;
        let said = self.rates.pop()?;
        self.look();
        Some((due, said))
    }
}

impl<S, E> Driver<S, E>
where
    S: Iterator<Item = Result<ClosedCandle, E>>,
{
    /// A driver that has told nothing. `funding`: rates that were settled, in any order; where there is none, the venue's own counts.
    ///
    /// # Errors
    /// The first candle.
    pub fn new(trader: Trader, source: S, funding: Vec<FundingRate>, close_on_stop: bool) -> Result<Self, E> {
        Ok(Self {
            ahead: Ahead::new(source)?,
            recorder: Recorder::new(trader.engine()),
            trader: trader.unhashed(),
            announced: Announced::new(funding),
            latest: Timestamp(i64::MIN),
            close_on_stop,
            begun: false,
            ending: None,
            actions: Vec::new(),
        })
    }

    /// At most so many events; how it ended, once it has.
    ///
    /// # Errors
    /// The next candle: what came before it has been told.
    pub fn step(&mut self, events: u32, listener: &mut Listener<'_>) -> Result<Option<Ending>, E> {
        let mut left = events as usize;
        while left > 0 && self.ending.is_none() {
            let told = match self.ahead.candles().first().copied() {
                Some(candle) if self.begun => self.go_on(candle, left, listener)?,
                Some(candle) if candle.history => self.take(candle.closes_at(), 1, listener)?,
                first if !self.begun => {
                    self.begin(first, listener);
                    1
                }
                _ => {
                    self.ending = Some(Ending::Data);
                    0
                }
            };
            left -= told.min(left);
        }
        Ok(self.ending)
    }

    /// No new entries; positions are closed where that is wanted, and after an emergency. What is left of the run.
    #[must_use]
    pub fn finish(mut self, ending: Ending, listener: &mut Listener<'_>) -> (Record, Trader) {
        if self.begun {
            let (at, close) = (self.latest, self.close_on_stop || ending == Ending::Emergency);
            self.tell(at, &Trader::ending(close), listener);
            for price in self.trader.parting(at).into_iter().filter(|_| close) {
                self.tell(at, &price, listener);
            }
        }
        (self.recorder.finish(self.trader.engine(), ending), self.trader)
    }

    /// The trader as it is.
    #[must_use]
    pub const fn trader(&self) -> &Trader {
        &self.trader
    }

    /// Where candles come from.
    pub const fn source(&mut self) -> &mut S {
        self.ahead.source()
    }

    /// Market time of the last event; nothing before the first.
    #[must_use]
    pub fn latest(&self) -> Option<Timestamp> {
        Some(self.latest).filter(|latest| *latest > Timestamp(i64::MIN))
    }

    /// The history is over. What was settled before is no longer said.
    fn begin(&mut self, first: Option<ClosedCandle>, listener: &mut Listener<'_>) {
        self.begun = true;
        self.latest = first.map_or(self.latest, |candle| self.latest.max(candle.candle.open_time));
        while self.announced.take(self.latest.plus_ms(-1)).is_some() {}
        for event in self.trader.opening(false) {
            self.tell(self.latest, &event, listener);
        }
    }

    /// The next events: candles, at most so many, or what is due before the next one. How many.
    #[inline]
    fn go_on(&mut self, candle: ClosedCandle, most: usize, listener: &mut Listener<'_>) -> Result<usize, E> {
        let at = candle.closes_at().max(self.latest);
        let due = self.trader.due_before(self.latest, at);
        if let Some((due, said)) = self.announced.take(due.unwrap_or(at)) {
            self.tell(due.max(self.latest), &Event::FundingRate(said), listener);
            return Ok(1);
        }
        match due {
            None => self.take(at, most, listener),
            Some(due) => {
                self.tell(due, &Event::Wake, listener);
                Ok(1)
            }
        }
    }

    /// Tells the next candle, and as many behind it as lead to nothing, at most so many; how many.
    #[inline]
    fn take(&mut self, at: Timestamp, most: usize, listener: &mut Listener<'_>) -> Result<usize, E> {
        let candles = self.ahead.candles();
        let candles = &candles[..most.min(candles.len())];
        let quiet_until = self.recorder.quiet_until(candles[0].closes_at());
        let until = self.announced.due.map_or(quiet_until, |due| due.min(quiet_until));
        self.latest = self.latest.max(at);
        let count = self.trader.turn_candles(self.latest, candles, until, &mut self.actions);
        self.latest = self.latest.max(candles[count - 1].closes_at());
        self.attend(listener);
        for closed in &self.ahead.candles()[..count] {
            self.recorder.candle(closed, self.trader.engine());
        }
        self.ahead.tell(count)?;
        Ok(count)
    }

    /// One event, and what the trader asks for.
    #[inline]
    fn tell(&mut self, at: Timestamp, event: &Event, listener: &mut Listener<'_>) {
        self.latest = self.latest.max(at);
        self.trader.turn(self.latest, event, &mut self.actions);
        self.attend(listener);
    }

    #[inline]
    fn attend(&mut self, listener: &mut Listener<'_>) {
        if !self.actions.is_empty() {
            self.perform(listener);
        }
    }

    fn perform(&mut self, listener: &mut Listener<'_>) {
        self.trader.check();
        let engine = self.trader.engine();
        for action in self.actions.drain(..) {
            listener(engine, self.latest, &action);
            match action {
                Action::Commit { records, .. } => {
                    for record in records {
                        match record {
                            Durable::Trade(trade) => self.recorder.trade(&trade, engine),
                            Durable::Intent(_) | Durable::Fill(_) | Durable::Funding(_) => {}
                        }
                    }
                }
                Action::Halt(Halt::Emergency) => self.ending = Some(Ending::Emergency),
                Action::Halt(Halt::Pause | Halt::Close)
                | Action::Order(_)
                | Action::Need(_)
                | Action::Log(_)
                | Action::Alert(_) => {}
            }
        }
    }
}
