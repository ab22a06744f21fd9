//! The start of the loop: history, then what the last run left open. Where the money is real it is the other way round: a position does not
//! wait for candles.

use super::{EVENTS_A_LOOK, Halted, LONGEST_WAIT, LoopError, Prices, Realtime, SLICE, Session};
use crate::{
    engine::{Command, Event},
    market::ClosedCandle,
    run::{rights, text::Teller},
    stop::Stop,
};
use log::{info, log};
use std::time::Instant;

impl Realtime {
    /// Feeds what lies before the first price, or before the place where the last run ended, and sets the market's clock to its beginning.
    pub(super) async fn warm(&mut self, stop: &Stop) -> Result<(), LoopError> {
        match self.prices {
            Prices::Tape(_) => self.warm_by_tape(stop).await,
            Prices::Session(_) => self.warm_by_session(stop).await,
        }
    }

    /// Waits for the exchange however long it takes, and takes its history in; of an account that is traded only the markets' rules.
    async fn warm_by_session(&mut self, stop: &Stop) -> Result<(), LoopError> {
        self.signs.ready(); // to whoever started it: that the network is dead is no reason to start it again
        while stop.cause().is_none() {
            let now = Instant::now();
            self.signs.turn_began(now);
            self.hear_of_the_key()?;
            self.hear_market(now);
            while let Some((at, event)) = self.prices.next().filter(|_| now.elapsed() < SLICE) {
                if event.moves_market() {
                    return Ok(());
                }
                self.take(at, event)?;
            }
            let orphaned = self.signs.turn_ended(Teller { engine: self.trader.engine(), market_time: false });
            self.stop_where_due(stop, orphaned);
            let (is_empty, is_live) = (self.prices.next().is_none(), self.is_live());
            if is_live && is_empty && self.prices.session().is_none_or(|session| session.is_listed()) {
                return Ok(());
            }
            if is_empty && self.prices.session().is_none_or(|session| session.is_ready()) {
                return self.something_to_trade();
            }
            let wake = [self.prices.due(), self.duration_ends, Some(now + LONGEST_WAIT)];
            let until = wake.into_iter().flatten().min().filter(|_| is_empty).unwrap_or(now);
            if stop.or_at_latest(until, self.prices.wait()).await.is_none() {
                futures_lite::future::yield_now().await;
            }
            self.signs.woke(until.saturating_duration_since(now));
        }
        Ok(())
    }

    /// Where the exchange trades not one of the symbols, a run would but wait.
    fn something_to_trade(&mut self) -> Result<(), LoopError> {
        let reasons = self.prices.session().and_then(|session| session.nothing_traded());
        reasons.map_or(Ok(()), |reasons| Err(LoopError::Nothing(reasons)))
    }

    async fn warm_by_tape(&mut self, stop: &Stop) -> Result<(), LoopError> {
        let mut until = Instant::now() + SLICE;
        let mut events = 0u32;
        let cursor = self.keeping.cursor().clone();
        while let Some((at, event)) = self.prices.next().filter(|_| stop.cause().is_none()) {
            let Event::Candle(candle) = event else { break };
            let history = candle.history || cursor.has(&candle);
            if !history {
                break;
            }
            self.take(at, Event::Candle(ClosedCandle { history, ..candle }))?;
            events = events.wrapping_add(1);
            if events.is_multiple_of(EVENTS_A_LOOK) && Instant::now() >= until {
                let orphaned = self.signs.warming(self.trader.engine());
                self.stop_where_due(stop, orphaned);
                futures_lite::future::yield_now().await;
                until = Instant::now() + SLICE;
            }
        }
        if let Some((_, Event::Candle(first))) = self.prices.next() {
            self.pace.start(first.candle.open_time, Instant::now());
        }
        Ok(())
    }

    /// From here on events count. An entry that a restored trader holds back goes now, unless this run is halted.
    pub(super) fn begin(&mut self) -> Result<(), LoopError> {
        self.keeping.start();
        self.results.begin(self.trader.engine());
        self.guarding = self.is_live();
        if self.guarding {
            info!("✓ Guarding what is open; new positions once the history is read");
        }
        let reason = self.shut();
        for event in self.trader.opening(reason.is_some()) {
            self.tell(self.pace.latest(), event)?;
        }
        self.signs.halted(reason);
        if let Some(session) = self.prices.session() {
            session.begin();
        }
        Ok(())
    }

    /// Turns as later, while the history of an account at an exchange comes: stops and exits are seen to, and nothing is opened.
    pub(super) async fn guard(&mut self, stop: &Stop) -> Result<(), LoopError> {
        while self.guarding && stop.cause().is_none() {
            self.turn(Instant::now(), stop)?;
            let is_ready = self.prices.session().is_none_or(|session| session.is_ready());
            if self.guarding && is_ready && self.prices.next().is_none() {
                self.something_to_trade()?;
                self.end_guard()?;
            } else {
                self.wait(stop).await?;
            }
        }
        Ok(())
    }

    /// The history is whole. A new segment of the journal begins with it.
    pub(super) fn end_guard(&mut self) -> Result<(), LoopError> {
        self.guarding = false;
        self.keeping.break_journal()?;
        self.with_session(Session::trade);
        Ok(())
    }

    /// Opens positions again once nothing is against it any more: a halt is over, or it is known what the key may do.
    pub(super) fn look_at_the_door(&mut self, now: Instant) -> Result<(), LoopError> {
        let before = self.shut();
        let is_over = |halted: &mut Halted| halted.until.is_some_and(|until| until <= now);
        self.halted.take_if(is_over);
        self.hear_of_the_key()?;
        let after = self.shut();
        if before == after {
            return Ok(());
        }
        let is_open = after.is_none();
        self.signs.halted(after);
        if is_open {
            info!("Nothing is against new positions any more");
            self.tell(self.pace.latest(), Event::Command(Command::Halt(false)))?;
        }
        Ok(())
    }

    /// Why no positions are opened.
    fn shut(&self) -> Option<String> {
        let unknown = self.rights.as_ref().map(|_| rights::NOT_KNOWN.to_owned());
        self.halted.as_ref().map(|halted| halted.reason.clone()).or(unknown)
    }

    /// # Errors
    ///
    /// It may do what it must not: the run ends, and what is open keeps its stops.
    fn hear_of_the_key(&mut self) -> Result<(), LoopError> {
        match self.rights.as_ref().and_then(|answers| answers.try_recv().ok()) {
            None => Ok(()),
            Some(Ok(told)) => {
                self.rights = None;
                told.iter().for_each(|(level, line)| log!(*level, "{line}"));
                Ok(())
            }
            Some(Err(why)) => {
                self.close_on_stop = false;
                Err(LoopError::Key(why))
            }
        }
    }
}
