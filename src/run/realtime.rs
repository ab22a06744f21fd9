//! The trading loop: candles to the trader at their time, its wishes to the shell, and a sign of life at every turn.
//!
//! Nothing here decides. The loop turns at least once a second, so that its progress can be watched from outside, and at `--speed max` it
//! yields every few milliseconds, so that monitor, signals and stop are never starved.

use super::{
    health::{self, FeedId, Vitals},
    loop_lines::LoopLines,
    pace::Pace,
    progress::Progress,
    source::Source,
    text::{Teller, rounded},
    trades_csv::{OutError, TradesCsv},
};
use crate::{
    candles_file::FileError,
    config::Speed,
    engine::{Action, Command, Engine, Event, Halt, Record},
    market::{ClosedCandle, Instrument, PriceBar, Symbol, SymbolId, Timeframe, Timestamp},
    stop::{Cause, Stop},
    trader::Trader,
};
use log::{Level, debug, error, info, log, warn};
use rust_decimal::Decimal;
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
    pub(super) trader: Trader,
    pub(super) source: Source,
    /// The next candle of the source.
    next: Option<ClosedCandle>,
    pace: Pace,
    /// Market time of the latest event.
    pub(super) latest: Timestamp,
    pub(super) speed: Speed,
    vitals: Vitals,
    /// One a symbol.
    feeds: Vec<FeedId>,
    /// Beginning of the turn that is under way.
    began: Instant,
    progress: Progress,
    csv: Option<TradesCsv>,
    lines: LoopLines,
    duration_ends: Option<Instant>,
    /// A failed iteration is logged, counted and tried again.
    infinite: bool,
    /// `on_stop = "close"`.
    close_on_stop: bool,
    /// The engine wants the run to end.
    emergency: bool,
    actions: Vec<Action>,
}

/// What the loop is made of.
#[allow(missing_docs)] // the fields of the loop
pub struct Parts {
    pub trader: Trader,
    pub source: Source,
    /// The source's first candle.
    pub first: Option<ClosedCandle>,
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
        Self {
            next: parts.first,
            pace: Pace::new(parts.speed, Timestamp(i64::MIN), now),
            latest: Timestamp(i64::MIN),
            feeds: feeds(&parts, now),
            began: now,
            lines: LoopLines::new(now),
            trader: parts.trader,
            source: parts.source,
            speed: parts.speed,
            vitals: parts.vitals,
            progress: parts.progress,
            csv: parts.csv,
            duration_ends: parts.duration_ends,
            infinite: parts.infinite,
            close_on_stop: parts.close_on_stop,
            emergency: false,
            actions: Vec::new(),
        }
    }

    /// This is the main loop.
    pub async fn run(&mut self, stop: &Stop) -> Result<(), LoopError> {
        self.warm(stop).await?;
        warn_of_small_capital(self.trader.engine());
        self.report(Instant::now());
        self.progress.ready();
        while stop.cause().is_none() {
            let began = Instant::now();
            self.began = began;
            self.vitals.turn_started(began);
            self.turn(began, stop)?;
            self.vitals.turn_ended(Instant::now());
            self.wait(stop).await;
        }
        self.vitals.loop_ended();
        self.progress.stopping(stop.cause().unwrap_or(Cause::Failure));
        self.close_down(stop)
    }

    /// Feeds what lies before the first price, and sets the market's clock to its beginning.
    async fn warm(&mut self, stop: &Stop) -> Result<(), LoopError> {
        let mut until = Instant::now() + SLICE;
        while let Some(candle) = self.next.filter(|candle| candle.history) {
            self.take(candle)?;
            if Instant::now() >= until && stop.cause().is_none() {
                futures_lite::future::yield_now().await;
                until = Instant::now() + SLICE;
            }
        }
        if let Some(first) = self.next {
            let begins = first.candle.open_time;
            self.pace = Pace::new(self.speed, begins, Instant::now());
            self.latest = self.latest.max(begins);
        }
        Ok(())
    }

    /// One turn: do what is due, say what is to be said.
    fn turn(&mut self, began: Instant, stop: &Stop) -> Result<(), LoopError> {
        let worked = self.work(began, stop);
        self.recover(worked)?;
        if self.emergency {
            stop.stop(Cause::Emergency);
        }
        if let Some(cause) = self.progress.turn(self.trader.engine().positions().next().is_some()) {
            warn!("Stopping: the supervisor is gone");
            stop.stop(cause);
        }
        if self.duration_ends.is_some_and(|ends| Instant::now() >= ends) {
            stop.stop(Cause::DurationReached);
        }
        self.report(began);
        Ok(())
    }

    /// Everything that is due, for a slice of time at most.
    fn work(&mut self, began: Instant, stop: &Stop) -> Result<(), LoopError> {
        let market = self.pace.market(began, self.latest);
        let mut events = 0u32;
        loop {
            let Some(at) = self.due() else {
                stop.stop(Cause::DataOver);
                return Ok(());
            };
            if !matches!(self.speed, Speed::Max) && at > market && !self.next.is_some_and(|next| next.history) {
                return Ok(());
            }
            self.step(at)?;
            events += 1;
            if events.is_multiple_of(EVENTS_A_LOOK) && began.elapsed() >= SLICE {
                return Ok(());
            }
        }
    }

    /// Market time of the next event; `None` at the end of the data. At one moment market events come before deadlines.
    fn due(&self) -> Option<Timestamp> {
        let event = self.next?.closes_at().max(self.latest);
        Some(self.trader.next_deadline().map_or(event, |deadline| deadline.max(self.latest).min(event)))
    }

    /// The next event, which is due at `at`.
    fn step(&mut self, at: Timestamp) -> Result<(), LoopError> {
        match self.next {
            Some(candle) if candle.closes_at() <= at => self.take(candle),
            Some(_) | None => self.tell(at, Event::Wake),
        }
    }

    fn take(&mut self, candle: ClosedCandle) -> Result<(), LoopError> {
        self.vitals.data_came(self.feeds[candle.symbol.index()], self.began);
        self.next = self.source.next()?;
        for remark in self.source.take_remarks() {
            info!("{remark}");
        }
        self.tell(candle.closes_at(), Event::Candle(candle))
    }

    /// Tells the trader, and does what it asks for.
    fn tell(&mut self, at: Timestamp, event: Event) -> Result<(), LoopError> {
        self.latest = self.latest.max(at);
        self.trader.turn(self.latest, event, &mut self.actions);
        if self.actions.is_empty() {
            return Ok(());
        }
        let mut actions = std::mem::take(&mut self.actions);
        let done = actions.drain(..).try_for_each(|action| self.perform(action));
        self.actions = actions;
        self.trader.check();
        done
    }

    fn perform(&mut self, action: Action) -> Result<(), LoopError> {
        match action {
            Action::Commit { records, .. } => return records.iter().try_for_each(|record| self.keep(record)),
            Action::Log(note) | Action::Alert(note) => {
                let (level, line) = self.teller().line(&note);
                log!(level, "{line}");
                if level == Level::Error {
                    self.vitals.error(self.began, line);
                }
            }
            Action::Need(need) => debug!("The engine needs {need:?}, which a simulated account cannot lack"),
            Action::Halt(Halt::Emergency) => self.emergency = true,
            Action::Halt(Halt::Pause | Halt::Close) => {}
            // orders went to the venue
            Action::Order(_) => {}
        }
        Ok(())
    }

    fn keep(&mut self, record: &Record) -> Result<(), LoopError> {
        let (Record::Trade(trade), Some(csv)) = (record, &mut self.csv) else { return Ok(()) };
        let settings = self.trader.engine().settings();
        let symbol = &settings.instruments[trade.symbol.index()].symbol;
        Ok(csv.add(trade, symbol, &settings.strategies[usize::from(trade.strategy)].name)?)
    }

    /// With `--infinite` a failed iteration is logged and counted; wrong data ends the run all the same, since it would be wrong again.
    fn recover(&self, outcome: Result<(), LoopError>) -> Result<(), LoopError> {
        match outcome {
            Err(LoopError::Out(error)) if self.infinite => {
                error!("{error}");
                self.vitals.error(self.began, error.to_string());
                Ok(())
            }
            other => other,
        }
    }

    /// Waits until something is due, or for a second.
    async fn wait(&self, stop: &Stop) {
        let now = Instant::now();
        let due = self.due().map_or(now, |at| self.pace.instant(at, now));
        let wake = [Some(due), Some(self.lines.due()), self.duration_ends, Some(now + LONGEST_WAIT)];
        match wake.into_iter().flatten().min() {
            Some(at) if at > now => _ = stop.or_at(at).await,
            _ => futures_lite::future::yield_now().await,
        }
    }

    /// What the log and the monitor are told at the end of a turn.
    fn report(&mut self, now: Instant) {
        let market = self.market(now);
        self.vitals.set_account(self.account());
        if self.lines.due() <= now {
            let teller = Teller { engine: self.trader.engine(), market_time: self.speed != Speed::Times(1.0) };
            self.lines.say(teller, now, market);
        }
    }

    /// No new entries; positions are closed where the configuration says so, at the last known prices.
    fn close_down(&mut self, stop: &Stop) -> Result<(), LoopError> {
        let tally = self.trader.tally();
        debug!("actions hash {:016x} after {} actions, {} fills", tally.hash(), tally.actions, tally.fills);
        let close = self.close_on_stop || stop.cause() == Some(Cause::Emergency);
        let at = self.market(Instant::now());
        self.tell(at, Event::Command(Command::Stop { close }))?;
        let open: Vec<_> = self.trader.engine().positions().map(|position| position.symbol).collect();
        open.into_iter().filter(|_| close).try_for_each(|symbol| {
            let last = self.trader.engine().mark(symbol);
            let bar = PriceBar { symbol, last, low: last, high: last, bid: last, ask: last, at };
            self.tell(at, Event::Price(bar))
        })
    }

    /// The account as the heartbeat shows it.
    fn account(&self) -> health::Account {
        let engine = self.trader.engine();
        let account = engine.account();
        let change_pct = (account.balance - account.capital) * Decimal::ONE_HUNDRED / account.capital;
        let trades = usize::try_from(account.trades).unwrap_or(usize::MAX);
        health::Account { balance: account.balance, change_pct, open: engine.positions().count(), trades }
    }

    /// Market time now.
    pub(super) fn market(&self, now: Instant) -> Timestamp {
        self.pace.market(now, self.latest)
    }

    /// Whoever puts this market into words.
    pub(super) fn teller(&self) -> Teller<'_> {
        Teller { engine: self.trader.engine(), market_time: self.speed != Speed::Times(1.0) }
    }
}

/// Says which symbols the capital is too small for, and how many these are.
pub(super) fn warn_of_small_capital(engine: &Engine) -> usize {
    let symbols = engine.settings().instruments.iter().enumerate();
    let too_small = symbols
        .filter_map(|(index, instrument)| Some((&instrument.symbol, engine.too_small_for(SymbolId(index as u16))?)));
    let say = |(symbol, (costs, allowed)): (&Symbol, (Decimal, Decimal))| {
        let [costs, allowed] = [costs, allowed].map(|money| rounded(money, 0));
        warn!("{symbol} can't trade: one step costs {costs} USDT, the risk allows {allowed}");
    };
    too_small.map(say).count()
}

/// Tells the monitor what data is to come: a candle is known once it is over, so a feed may be silent for its period and a little more.
fn feeds(parts: &Parts, now: Instant) -> Vec<FeedId> {
    let period = |timeframe: Timeframe| match parts.speed {
        Speed::Max => Duration::ZERO,
        Speed::Times(times) => {
            Duration::try_from_secs_f64(timeframe.ms() as f64 / 1000.0 / times).unwrap_or(Duration::MAX)
        }
    };
    let symbols = parts.trader.engine().settings().instruments.iter().zip(&parts.finest);
    let feed = |(instrument, finest): (&Instrument, &Timeframe)| {
        parts.vitals.feed(instrument.symbol.as_str(), period(*finest).saturating_add(DATA_LATE), now)
    };
    symbols.map(feed).collect()
}
