//! The trading loop: candles to the trader at their time, its wishes to the shell, and a sign of life at every turn.
//!
//! Nothing here decides. The loop turns at least once a second, so that its progress can be watched from outside, and at `--speed max` it
//! yields every few milliseconds, so that monitor, signals and stop are never starved.

use super::{
    health::Vitals,
    loop_lines::LoopLines,
    pace::Pace,
    progress::Progress,
    results::Results,
    signs::Signs,
    source::Tape,
    text::{Teller, rounded},
    trades_csv::{OutError, TradesCsv},
};
use crate::{
    candles_file::FileError,
    config::Speed,
    engine::{Action, Command, Engine, Event, Halt, Record},
    market::{ClosedCandle, PriceBar, SymbolId, Timeframe, Timestamp},
    stop::{Cause, Stop},
    trader::Trader,
};
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

/// What ends a run by failure.
#[derive(Debug, thiserror::Error)]
pub enum LoopError {
    /// The recorded candles are wrong.
    #[error(transparent)]
    Data(#[from] FileError),
    /// A result cannot be written.
    #[error(transparent)]
    Out(#[from] OutError),
}

/// Everything that the loop moves.
pub struct Realtime {
    trader: Trader,
    tape: Tape,
    pace: Pace,
    signs: Signs,
    lines: LoopLines,
    results: Results,
    duration_ends: Option<Instant>,
    /// A failed iteration is logged, counted and tried again.
    infinite: bool,
    /// `on_stop = "close"`.
    close_on_stop: bool,
    /// The engine wants the run to end.
    emergency: bool,
    /// Scratch: what the trader asks for.
    actions: Vec<Action>,
}

/// What the loop is made of.
#[allow(missing_docs)] // the fields of the loop
pub struct Parts {
    pub trader: Trader,
    pub tape: Tape,
    pub speed: Speed,
    pub vitals: Vitals,
    /// The finest timeframe of each symbol's data.
    pub finest: Vec<Timeframe>,
    pub progress: Progress,
    pub csv: Option<TradesCsv>,
    pub duration_ends: Option<Instant>,
    pub infinite: bool,
    pub close_on_stop: bool,
}

impl Realtime {
    /// A loop that has done nothing.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let now = Instant::now();
        let pace = Pace::new(parts.speed, Timestamp(i64::MIN), now);
        let names = parts.trader.engine().settings().instruments.iter().map(|rules| rules.symbol.as_str());
        // A candle is known once it is over, so a feed may be silent for its period and a little more.
        let limits = parts.finest.iter().map(|finest| pace.takes(finest.ms()).saturating_add(DATA_LATE));
        let signs = Signs::new(parts.vitals, parts.progress, &names.zip(limits).collect::<Vec<_>>());
        Self {
            signs,
            pace,
            trader: parts.trader,
            tape: parts.tape,
            lines: LoopLines::new(now),
            results: Results::new(parts.csv),
            duration_ends: parts.duration_ends,
            infinite: parts.infinite,
            close_on_stop: parts.close_on_stop,
            emergency: false,
            actions: Vec::new(),
        }
    }

    /// The whole life of the loop. However trading ends, it is closed down.
    pub async fn run(&mut self, stop: &Stop) -> Result<(), LoopError> {
        let outcome = self.trade(stop).await;
        let cause = stop.cause().unwrap_or(Cause::Failure);
        self.signs.ended(cause);
        let closed = self.close_down(cause);
        outcome.and(closed)
    }

    /// This is the main loop.
    async fn trade(&mut self, stop: &Stop) -> Result<(), LoopError> {
        self.warm(stop).await?;
        warn_of_small_capital(self.trader.engine());
        self.say_lines(Instant::now());
        self.signs.ready();
        while stop.cause().is_none() {
            self.turn(Instant::now(), stop)?;
            self.wait(stop).await;
        }
        Ok(())
    }

    /// Feeds what lies before the first price, and sets the market's clock to its beginning.
    async fn warm(&mut self, stop: &Stop) -> Result<(), LoopError> {
        let mut until = Instant::now() + SLICE;
        let mut events = 0u32;
        while let Some(candle) = self.tape.next().filter(|candle| candle.history && stop.cause().is_none()) {
            self.take(candle)?;
            events = events.wrapping_add(1);
            if events.is_multiple_of(EVENTS_A_LOOK) && Instant::now() >= until {
                futures_lite::future::yield_now().await;
                until = Instant::now() + SLICE;
            }
        }
        if let Some(first) = self.tape.next() {
            self.pace.start(first.candle.open_time, Instant::now());
        }
        Ok(())
    }

    /// One turn: do what is due, say what is to be said.
    fn turn(&mut self, began: Instant, stop: &Stop) -> Result<(), LoopError> {
        self.signs.turn_began(began);
        self.work(began, stop)?;
        let written = self.results.flush(began);
        self.recover(written, began)?;
        self.say_lines(began);
        let orphaned = self.signs.turn_ended(self.trader.engine());
        if orphaned.is_some() {
            warn!("Stopping: the supervisor is gone");
        }
        let over = self.duration_ends.filter(|ends| *ends <= Instant::now()).map(|_| Cause::DurationReached);
        let emergency = self.emergency.then_some(Cause::Emergency);
        if let Some(cause) = emergency.or(orphaned).or(over) {
            stop.stop(cause);
        }
        Ok(())
    }

    /// Everything that is due, for a slice of time at most.
    fn work(&mut self, began: Instant, stop: &Stop) -> Result<(), LoopError> {
        let market = self.pace.market(began);
        let mut events = 0u32;
        while !self.emergency {
            let Some((at, event)) = self.due() else {
                stop.stop(Cause::DataOver);
                break;
            };
            if !self.pace.is_due(at, market) {
                break;
            }
            self.step(at, event)?;
            events += 1;
            if events.is_multiple_of(EVENTS_A_LOOK) && began.elapsed() >= SLICE {
                break;
            }
        }
        Ok(())
    }

    /// The next event and its market time; `None` at the end of the data.
    fn due(&self) -> Option<(Timestamp, Event)> {
        Some(self.trader.next_event(self.pace.latest(), self.tape.next()?))
    }

    fn step(&mut self, at: Timestamp, event: Event) -> Result<(), LoopError> {
        match event {
            Event::Candle(candle) => self.take(candle),
            other => self.tell(at, other),
        }
    }

    fn take(&mut self, candle: ClosedCandle) -> Result<(), LoopError> {
        if !candle.history {
            self.signs.data_came(candle.symbol);
        }
        self.tell(candle.closes_at(), Event::Candle(candle))?;
        self.tape.advance()?.iter().for_each(|remark| info!("{remark}"));
        Ok(())
    }

    /// Tells the trader, and does all that it asks for.
    fn tell(&mut self, at: Timestamp, event: Event) -> Result<(), LoopError> {
        self.trader.turn(self.pace.reach(at), event, &mut self.actions);
        if self.actions.is_empty() {
            return Ok(());
        }
        let mut actions = std::mem::take(&mut self.actions);
        let mut outcome = Ok(());
        for action in actions.drain(..) {
            let done = self.perform(action);
            outcome = outcome.and(done);
        }
        self.actions = actions;
        self.trader.check();
        outcome
    }

    fn perform(&mut self, action: Action) -> Result<(), LoopError> {
        match action {
            Action::Commit { records, .. } => {
                let kept = self.keep(&records);
                self.recover(kept, Instant::now())?;
            }
            Action::Log(note) | Action::Alert(note) => match self.teller().line(&note) {
                (Level::Error, line) => self.signs.failed(&line),
                (level, line) => log!(level, "{line}"),
            },
            Action::Need(need) => debug!("The engine needs {need:?}, which a simulated account cannot lack"),
            Action::Halt(Halt::Emergency) => self.emergency = true,
            Action::Halt(Halt::Pause | Halt::Close) => {}
            // orders went to the venue
            Action::Order(_) => {}
        }
        Ok(())
    }

    fn keep(&mut self, records: &[Record]) -> Result<(), OutError> {
        for record in records {
            if let Record::Trade(trade) = record {
                self.results.add(trade, self.trader.engine().settings())?;
            }
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

    /// Waits until something is due, or for a second.
    async fn wait(&mut self, stop: &Stop) {
        let now = Instant::now();
        let due = self.due().map_or(now, |(at, _)| self.pace.instant(at, now));
        let wake = [Some(due), Some(self.lines.due()), self.duration_ends, Some(now + LONGEST_WAIT)];
        let until = wake.into_iter().flatten().min().unwrap_or(now);
        if until > now {
            stop.or_at(until).await;
        } else {
            futures_lite::future::yield_now().await;
        }
        self.signs.woke(until.saturating_duration_since(now));
    }

    /// The lines of the log that are due.
    fn say_lines(&mut self, now: Instant) {
        if self.lines.due() <= now {
            let teller = Teller { engine: self.trader.engine(), market_time: self.pace.is_virtual() };
            self.lines.say(teller, now, self.pace.market(now));
        }
    }

    /// No new entries; positions are closed where the configuration says so, at the last known prices.
    fn close_down(&mut self, cause: Cause) -> Result<(), LoopError> {
        let tally = self.trader.tally();
        debug!("actions hash {:016x} after {} actions, {} fills", tally.hash(), tally.actions, tally.fills);
        let close = self.close_on_stop || cause == Cause::Emergency;
        let at = self.market(Instant::now());
        let mut outcome = self.tell(at, Event::Command(Command::Stop { close }));
        let open: Vec<_> = self.trader.engine().positions().map(|position| position.symbol).collect();
        for symbol in open.into_iter().filter(|_| close) {
            let last = self.trader.engine().mark(symbol);
            let bar = PriceBar { symbol, last, low: last, high: last, bid: last, ask: last, at };
            // One that can't be written down is no reason to leave the others open.
            let closed = self.tell(at, Event::Price(bar));
            outcome = outcome.and(closed);
        }
        let written = self.results.finish();
        outcome.and(written.map_err(LoopError::Out))
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
        self.tape.source().account()
    }
}

/// Says which symbols the capital is too small for, and how many these are.
pub(super) fn warn_of_small_capital(engine: &Engine) -> usize {
    let mut too_small = 0;
    for (index, instrument) in engine.settings().instruments.iter().enumerate() {
        let Some((costs, allowed)) = engine.too_small_for(SymbolId(index as u16)) else { continue };
        let [costs, allowed] = [costs, allowed].map(|money| rounded(money, 0));
        warn!("{} can't trade: one step costs {costs} USDT, the risk allows {allowed}", instrument.symbol);
        too_small += 1;
    }
    too_small
}
