//! What answers mean, and what follows where there is none.

use super::{
    Gateway, LONGEST_WORDS, Lane, News, Output, Remark, RequestId,
    asking::{Flight, GIVE_UP_MS, Job, Question},
    candles::SETTLED_MS,
    feeds::{Feed, Standing},
    history::History,
    order_budget::WINDOWS_MS,
    session::id_of,
};
use crate::{
    exchange::{Answer, Ask, Failure, FailureClass, ListedCandle, Listing, Mark, Market, MarketStatus, Response},
    market::{DAY_MS, MINUTE_MS, SymbolId, Timestamp},
};

/// Between two readings of the rules, and of how often funding is settled.
const LISTING_EVERY_MS: i64 = DAY_MS;
/// The same while a symbol is paused.
const PAUSED_EVERY_MS: i64 = 600_000;
/// A refusal that names a symbol makes the rules be read again, but not more often than this.
const LISTING_AGAIN_MS: i64 = MINUTE_MS;
/// A symbol whose candles are refused so often in a row is not traded until the rules are read again.
const MOST_REFUSALS: u8 = 5;
/// Candles that a restored account lacks are fetched from so far back.
const CATCH_UP_MS: i64 = 7 * DAY_MS;
/// A clock of an exchange shows something within 2020 to 2100.
const PLAUSIBLE: std::ops::Range<i64> = 1_577_836_800_000..4_102_444_800_000;
/// A guess of the exchange's clock that went back by more makes the times of known prices be forgotten.
const WENT_BACK_MS: i64 = 1_000;

impl Gateway {
    pub(super) fn on_response(&mut self, id: RequestId, response: &Response<'_>, outputs: &mut Vec<Output>) {
        let now = self.now;
        let Some(flight) = self.asking.land(id, now) else {
            return self.on_late_response(response, outputs);
        };
        if let Some(used) = self.exchange.used_weight(response) {
            self.asking.budget.hear(used, self.ends_of(MINUTE_MS));
        }
        for (window, used) in self.exchange.used_orders(response).into_iter().enumerate() {
            if let Some(used) = used {
                self.asking.orders.hear(window, used, self.ends_of(WINDOWS_MS[window]));
            }
        }
        self.asking.responded(&flight, now);
        let ask = match &flight.question {
            Question::Public(ask) => ask,
            Question::Private(wish) => return self.on_reply(&flight, wish, response, outputs),
        };
        match self.exchange.answer(ask, response) {
            Ok(answer) => match self.on_answer(&flight, answer, outputs) {
                Ok(()) => self.asking.answered(flight.job, self.now),
                Err(why) => self.say_failure(&flight, why, None, outputs),
            },
            Err(failure) => self.on_failure(&flight, &failure, outputs),
        }
    }

    /// What was given up or forgotten is not believed any more, but that the exchange wants to be left alone is.
    fn on_late_response(&mut self, response: &Response<'_>, outputs: &mut Vec<Output>) {
        if let Err(failure) = self.exchange.answer(&Ask::Time, response) {
            self.on_throttle(failure.class, outputs);
        }
    }

    pub(super) fn on_throttle(&mut self, class: FailureClass, outputs: &mut Vec<Output>) {
        let (banned, pause_ms) = match class {
            FailureClass::TooMany { pause_ms } => (false, self.asking.budget.pause(self.now, pause_ms)),
            FailureClass::Banned { until } => {
                let until = until.and_then(|until| self.clock.surely(until));
                (true, self.asking.budget.ban(self.now, until))
            }
            _ => return,
        };
        outputs.push(Output::Say(Remark::Throttled { banned, pause_ms }));
    }

    /// When the exchange's present minute, or another such window, ends, in the session's time.
    fn ends_of(&self, window_ms: i64) -> Timestamp {
        let ends = self.clock.exchange(self.now).map(|exchange| exchange.floor_to(window_ms).plus_ms(window_ms));
        ends.and_then(|ends| self.clock.surely(ends)).unwrap_or(self.now.plus_ms(window_ms))
    }

    pub(super) fn on_no_response(&mut self, id: RequestId, why: &str, sent: bool, outputs: &mut Vec<Output>) {
        if let Some(flight) = self.asking.land(id, self.now) {
            if flight.lane != Lane::Data {
                return self.on_no_reply(&flight, why, sent, outputs);
            }
            let pause = self.asking.unanswered(self.now, &mut self.jitter);
            self.say_failure(&flight, why, Some(pause), outputs);
        }
    }

    /// Requests that were on their way for too long.
    pub(super) fn give_up(&mut self, outputs: &mut Vec<Output>) {
        while let Some(id) = self.asking.overdue(self.now) {
            self.on_no_response(id, &format!("no answer in {} s", GIVE_UP_MS / 1000), true, outputs);
        }
    }

    /// `pause`: in ms where it is known already; else it is the question's own.
    pub(super) fn say_failure(&mut self, flight: &Flight, why: &str, pause: Option<i64>, outputs: &mut Vec<Output>) {
        let job = flight.job;
        let retry_ms = pause.unwrap_or_else(|| self.asking.failed(job, self.now, &mut self.jitter));
        let why: String = why.chars().take(LONGEST_WORDS).collect();
        if self.asking.worth_saying(job, &why, self.now) {
            let of = job.symbol().and_then(|symbol| self.settings.symbols.get(symbol.index()));
            let what = of.map_or_else(|| job.words().to_owned(), |of| format!("{} of {of}", job.words()));
            outputs.push(Output::Say(Remark::AskFailed { what, why, retry_ms }));
        }
    }

    fn on_failure(&mut self, flight: &Flight, failure: &Failure, outputs: &mut Vec<Output>) {
        let now = self.now;
        match failure.class {
            FailureClass::TooMany { .. } | FailureClass::Banned { .. } => self.on_throttle(failure.class, outputs),
            FailureClass::Clock => self.clock.ask(now),
            FailureClass::NoSuchSymbol | FailureClass::Refused => self.on_refusal(flight, failure, outputs),
            FailureClass::NotNow | FailureClass::Unknown | FailureClass::Forbidden | FailureClass::Key => {}
        }
        self.say_failure(flight, &failure.text, None, outputs);
    }

    /// The same question would be refused again: perhaps the symbol is not there any more.
    fn on_refusal(&mut self, flight: &Flight, failure: &Failure, outputs: &mut Vec<Output>) {
        let again = self.listed_at.is_some_and(|listed| self.now.since_ms(listed) >= LISTING_AGAIN_MS);
        if failure.class == FailureClass::NoSuchSymbol && again {
            self.listing_at = self.listing_at.min(self.now);
        }
        let Some(symbol) = flight.job.symbol() else { return };
        if self.feeds.get_mut(symbol.index()).is_some_and(|feed| feed.refused() >= MOST_REFUSALS) {
            let why = failure.text.chars().take(LONGEST_WORDS).collect();
            self.set_standing(symbol.index(), Standing::Quarantined(why), outputs);
        }
    }

    /// # Errors
    ///
    /// What is wrong with the answer.
    fn on_answer(&mut self, flight: &Flight, answer: Answer, outputs: &mut Vec<Output>) -> Result<(), &'static str> {
        let Question::Public(ask) = &flight.question else { return Ok(()) };
        match (ask, answer) {
            (Ask::Time, Answer::Time(theirs)) => self.on_time(flight, theirs, outputs),
            (Ask::Listing, Answer::Listing(listing)) => self.on_listing(listing, outputs),
            (Ask::FundingIntervals, Answer::FundingIntervals(hours)) => {
                self.intervals_at = self.now.plus_ms(LISTING_EVERY_MS);
                self.feeds.iter_mut().for_each(|feed| feed.funding_hours = None);
                for (symbol, hours) in hours {
                    self.feeds
                        .iter_mut()
                        .skip(symbol.index())
                        .take(1)
                        .for_each(|feed| feed.funding_hours = Some(hours));
                }
                Ok(())
            }
            (Ask::Marks(_), Answer::Marks(marks)) => {
                marks.iter().for_each(|mark| self.on_mark(mark, outputs));
                Ok(())
            }
            (Ask::Quotes(_), Answer::Quotes(quotes)) => {
                quotes.iter().for_each(|quote| self.on_quote(quote));
                Ok(())
            }
            (Ask::Candles { symbol, .. }, Answer::Candles(rows)) => {
                self.on_rows(flight, *symbol, &rows, outputs);
                Ok(())
            }
            _ => Err("the answer is to another question"),
        }
    }

    fn on_time(&mut self, flight: &Flight, theirs: Timestamp, outputs: &mut Vec<Output>) -> Result<(), &'static str> {
        if !PLAUSIBLE.contains(&theirs.0) {
            return Err("the exchange's clock shows an impossible time");
        }
        match self.clock.hear(flight.sent, self.now, theirs) {
            None => {
                let (ahead_ms, round_trip_ms) = self.clock.found().unwrap_or_default();
                outputs.push(Output::Say(Remark::ClockFound { ahead_ms, round_trip_ms }));
                self.open_lines();
            }
            Some(moved) if moved < -WENT_BACK_MS => {
                let exchange = self.clock.exchange(self.now).unwrap_or(theirs);
                self.feeds.iter_mut().for_each(|feed| feed.prices.go_back(exchange));
            }
            Some(_) => {}
        }
        Ok(())
    }

    fn on_listing(&mut self, listing: Listing, outputs: &mut Vec<Output>) -> Result<(), &'static str> {
        if listing.listed == 0 {
            return Err("the exchange lists nothing at all");
        }
        if let Some(limit) = listing.weight_limit {
            self.asking.budget.set_limit(limit);
        }
        self.asking.orders.set_limits(listing.order_limits);
        self.listed_at = Some(self.now);
        for at in 0..self.feeds.len() {
            let market = listing.markets.iter().find(|market| market.symbol == id_of(at));
            self.feeds[at].answered();
            self.set_standing(at, self.standing_of(market), outputs);
            if let Some(market) = market
                && self.feeds[at].instrument.as_ref() != Some(&market.instrument)
            {
                self.feeds[at].instrument = Some(market.instrument.clone());
                self.tell(News::Instrument(id_of(at), market.instrument.clone()), outputs);
            }
            self.begin_history(at, outputs);
        }
        let paused = self.feeds.iter().any(|feed| feed.standing == Standing::Paused);
        self.listing_at = self.now.plus_ms(if paused { PAUSED_EVERY_MS } else { LISTING_EVERY_MS });
        Ok(())
    }

    fn standing_of(&self, market: Option<&Market>) -> Standing {
        let Some(market) = market else { return Standing::Quarantined("the exchange does not list it".to_owned()) };
        let over = market.delisted_at.zip(self.clock.exchange(self.now)).is_some_and(|(at, now)| at <= now);
        match market.status {
            MarketStatus::Closed => Standing::Quarantined("the exchange has closed it".to_owned()),
            _ if over => Standing::Quarantined("the exchange has delisted it".to_owned()),
            MarketStatus::Paused => Standing::Paused,
            MarketStatus::Trading => Standing::Trading,
        }
    }

    fn set_standing(&mut self, at: usize, standing: Standing, outputs: &mut Vec<Output>) {
        let feed = &mut self.feeds[at];
        if feed.standing == standing {
            return;
        }
        if let Standing::Quarantined(why) = &standing {
            outputs.push(Output::Say(Remark::Quarantined(id_of(at), why.clone())));
            feed.history = feed.history.take().filter(History::is_begun); // what was delivered is not delivered again
            self.asking.drop_symbol(id_of(at));
        }
        self.feeds[at].standing = standing;
    }

    /// Begins to fetch what a symbol's indicators need, where it can be traded and has none.
    fn begin_history(&mut self, at: usize, outputs: &mut Vec<Output>) {
        let feed: &mut Feed = &mut self.feeds[at];
        let Some(earliest) = self.clock.earliest(self.now) else { return };
        if !feed.is_trading() || feed.history.is_some() || feed.series.is_some() {
            return;
        }
        let newest = earliest.plus_ms(-SETTLED_MS).floor_to(MINUTE_MS);
        let oldest = newest.plus_ms(-CATCH_UP_MS);
        let anchor = feed.delivered.map_or(newest, |delivered| delivered.floor_to(MINUTE_MS).clamp(oldest, newest));
        if let Some(from) = feed.delivered.filter(|delivered| *delivered < oldest) {
            outputs.push(Output::Say(Remark::TooOld { symbol: id_of(at), from, until: anchor }));
        }
        feed.history = Some(History::new(anchor, &self.settings.timeframes, self.settings.history));
    }

    fn on_rows(&mut self, flight: &Flight, symbol: SymbolId, rows: &[ListedCandle], outputs: &mut Vec<Output>) {
        let (now, asked) = (self.now, self.clock.earliest(flight.sent));
        let (Some(feed), Some(asked)) = (self.feeds.get_mut(symbol.index()), asked) else { return };
        feed.answered();
        match (flight.job, &mut feed.history, &mut feed.series) {
            (Job::History(_, place), Some(history), _) => {
                if let Some(frame) = history.frame(usize::from(place)) {
                    let (candles, timeframe) = (frame.answer(rows, now), frame.timeframe);
                    if candles > 0 {
                        outputs.push(Output::Say(Remark::Flat { symbol, timeframe, candles }));
                    }
                }
            }
            (Job::Fill(_), _, Some(series)) => {
                let (_, disagree) = series.answer(rows, asked, now);
                self.counts.disagreed += u64::from(disagree);
            }
            _ => {}
        }
    }

    pub(super) fn on_mark(&mut self, mark: &Mark, outputs: &mut Vec<Output>) {
        let now = self.now;
        let Some(feed) = self.feeds.get_mut(mark.symbol.index()) else { return };
        if let Some(rate) = mark.funding.filter(|rate| feed.funding_is_news(rate, now)) {
            self.tell(News::Funding(rate), outputs);
        }
    }
}
