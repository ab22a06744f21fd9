//! One question at a time to an exchange, for what is no session: a download, a check.
//!
//! A question that has no answer is put again after a pause that doubles, as often as [`Patience`] says, where that may help. A pause that the
//! exchange demands (429, 418) is kept to the millisecond and is no failed try. Before a request would use more of the limit than
//! [`CEILING_PCT`], as the exchange counts it, the next minute is waited for. Every wait ends with the stop signal.

mod account; // wishes for an account, and what its key may do
mod place; // which exchange a subcommand asks
#[cfg(test)]
mod tests;

pub use account::{Account, says_rights};
pub use place::config;

use super::{
    clocks::wall_ms,
    text::pause as in_words,
    wire::{Address, Arrival, Limits, Stamp, Wire, WireError},
};
use crate::{
    config::{Exchange as Place, Venue},
    exchange::{Answer, Ask, Exchange, Failure, FailureClass, ListedCandle, Response, binance::Binance},
    gateway::{Lane, RequestId},
    market::{FundingRate, MINUTE_MS, Symbol, SymbolId, Timeframe, Timestamp},
    stop::{Stop, Wait},
};
use std::{
    fmt,
    path::PathBuf,
    time::{Duration, Instant},
};

/// An order whose answer did not come may be executed within this, and a view of the account may be as old.
pub const ARRIVES_WITHIN: Duration = Duration::from_secs(5);
/// Of the limit, so that a bot on the same address has room.
const CEILING_PCT: u32 = 80;
/// Behind the beginning of a minute, since our idea of the exchange's clock is not exact.
const MINUTE_MARGIN_MS: i64 = 1000;
/// Pauses that the exchange demands for one question; then it is given up.
const MOST_RESTS: u32 = 20;
/// Of a ban that does not say how long it is.
const USUAL_BAN_MS: i64 = 120_000;

/// How much is done for an answer.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How often a question is put before it is given up, beside the pauses that the exchange demands.
    pub tries: u32,
    /// After the first failure; doubles with each.
    pub first_pause: Duration,
    /// Between two tries, at most.
    pub longest_pause: Duration,
    /// The longest pause demanded by the exchange that is waited for.
    pub longest_rest: Duration,
}

impl Patience {
    /// For what runs by itself: ten tries in four minutes, and however long the exchange says.
    pub const LONG: Self = Self {
        tries: 10,
        first_pause: Duration::from_secs(1),
        longest_pause: Duration::from_secs(60),
        longest_rest: Duration::MAX,
    };
    /// For someone who asks again himself.
    pub const ONCE: Self = Self { tries: 1, ..Self::SHORT };
    /// For someone who looks on.
    pub const SHORT: Self = Self {
        tries: 2,
        first_pause: Duration::from_secs(1),
        longest_pause: Duration::from_secs(1),
        longest_rest: Duration::from_secs(5),
    };
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The stop signal came first.
    #[error("stopped")]
    Stopped,
    /// Asking again would bring the same.
    #[error("{0}")]
    Refused(Failure),
    /// It was tried as often as it may be.
    #[error("{0}")]
    GivenUp(String),
}

/// Who asks.
pub struct Asker {
    wire: Wire,
    codec: Box<dyn Exchange>,
    patience: Patience,
    /// Is told of every pause.
    say: Box<dyn Fn(&str)>,
    asked: u64,
    took: Duration,
    /// The exchange's clock at a moment of ours.
    clock: Option<(Instant, Timestamp)>,
    /// What was used up, and in which minute of the exchange's clock.
    used: Option<(u32, i64)>,
    limit: u32,
    /// As of the last answer about the time: the exchange's clock shows at least this.
    stamp: Option<Stamp>,
    /// How fast the exchange's clock goes.
    speed: f64,
}

impl fmt::Debug for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asker").field("wire", &self.wire).field("asked", &self.asked).finish_non_exhaustive()
    }
}

/// Why a try failed, and what may be done.
struct Trouble {
    what: String,
    then: Then,
}

enum Then {
    Again,
    Rest { ms: i64 },
    Never(Failure),
}

/// A question that has not been answered yet.
struct Trying {
    patience: Patience,
    tries: u32,
    rests: u32,
    pause: Duration,
}

impl Trying {
    const fn new(patience: Patience) -> Self {
        Self { patience, tries: 0, rests: 0, pause: patience.first_pause }
    }

    /// Waits until the next try.
    ///
    /// # Errors
    ///
    /// There is none.
    async fn rest(&mut self, trouble: Trouble, say: &dyn Fn(&str), stop: &Stop) -> Result<(), AskError> {
        let Trouble { what, then } = trouble;
        match then {
            Then::Never(failure) => Err(AskError::Refused(failure)),
            Then::Rest { ms } => {
                self.rests += 1;
                let rest = Duration::from_millis(ms.max(0).unsigned_abs());
                if self.rests >= MOST_RESTS || rest > self.patience.longest_rest {
                    return Err(AskError::GivenUp(format!("{what}; it asks for a pause of {}", in_words(rest))));
                }
                say(&format!("{what}; waiting {}, as the exchange demands", in_words(rest)));
                wait(rest, stop).await
            }
            Then::Again => {
                self.tries += 1;
                if self.patience.tries == 1 {
                    return Err(AskError::GivenUp(what));
                }
                if self.tries >= self.patience.tries {
                    return Err(AskError::GivenUp(format!("{what} (tried {} times)", self.tries)));
                }
                say(&format!("{what}; trying again in {}", in_words(self.pause)));
                let pause = self.pause;
                self.pause = (pause * 2).min(self.patience.longest_pause);
                wait(pause, stop).await
            }
        }
    }
}

/// Where the exchange is, as the transport wants to know it.
#[must_use]
pub fn address(exchange: &Place) -> Address {
    let some = |text: &String| (!text.is_empty()).then(|| text.clone());
    Address {
        rest: exchange.rest(),
        streams: exchange.streams(),
        ca_file: some(&exchange.ca_file).map(PathBuf::from),
        proxy: some(&exchange.proxy),
    }
}

impl Asker {
    /// Someone who asks this exchange about these symbols, whose places are their [`SymbolId`]s. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// The addresses or the file of certificates cannot be used.
    pub fn new(
        exchange: &Place,
        symbols: &[Symbol],
        patience: Patience,
        say: Box<dyn Fn(&str)>,
    ) -> Result<Self, WireError> {
        let wire = Wire::new(&address(exchange), Limits::default())?;
        let codec: Box<dyn Exchange> = match exchange.name {
            Venue::Binance | Venue::None => Box::new(Binance::new(symbols)),
        };
        let limit = codec.weight_limit();
        let took = Duration::ZERO;
        Ok(Self { wire, codec, patience, say, asked: 0, took, clock: None, used: None, limit, stamp: None, speed: 1.0 })
    }

    /// The transport and the codec, for streams. Nothing may be asked meanwhile.
    pub fn streams(&mut self) -> (&mut Wire, &mut dyn Exchange) {
        (&mut self.wire, &mut *self.codec)
    }

    /// How long the last answer took, without setting the connection up.
    pub const fn took(&self) -> Duration {
        self.took
    }

    /// What is used up of the limit in this minute as far as it was said, and the limit.
    pub fn weight(&self) -> (Option<u32>, u32) {
        (self.used.map(|(used, _)| used), self.limit)
    }

    /// The exchange's clock now; ours, until it was asked.
    pub fn now(&self) -> Timestamp {
        match self.clock {
            Some((since, at)) => at.plus_ms(i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX)),
            None => Timestamp(wall_ms()),
        }
    }

    /// Puts a question until it is answered.
    ///
    /// # Errors
    ///
    /// It was refused, given up, or the stop signal came.
    pub async fn ask(&mut self, ask: &Ask, stop: &Stop) -> Result<Answer, AskError> {
        let mut trying = Trying::new(self.patience);
        loop {
            self.stay_below_the_limit(ask, stop).await?;
            match self.put(ask, stop).await? {
                Ok(answer) => return Ok(answer),
                Err(trouble) => trying.rest(trouble, &*self.say, stop).await?,
            }
        }
    }

    /// The exchange's clock; [`Asker::now`] goes by it from then on.
    ///
    /// # Errors
    ///
    /// As [`Asker::ask`].
    pub async fn time(&mut self, stop: &Stop) -> Result<Timestamp, AskError> {
        match self.ask(&Ask::Time, stop).await? {
            Answer::Time(at) => Ok(at),
            _ => Err(confused()),
        }
    }

    /// Candles as [`Ask::Candles`] has it.
    ///
    /// # Errors
    ///
    /// As [`Asker::ask`].
    pub async fn candles(
        &mut self,
        (symbol, timeframe): (SymbolId, Timeframe),
        from: Option<Timestamp>,
        limit: u16,
        stop: &Stop,
    ) -> Result<Vec<ListedCandle>, AskError> {
        match self.ask(&Ask::Candles { symbol, timeframe, from, limit }, stop).await? {
            Answer::Candles(candles) => Ok(candles),
            _ => Err(confused()),
        }
    }

    /// Funding rates as [`Ask::FundingHistory`] has it.
    ///
    /// # Errors
    ///
    /// As [`Asker::ask`].
    pub async fn rates(
        &mut self,
        symbol: SymbolId,
        from: Timestamp,
        limit: u16,
        stop: &Stop,
    ) -> Result<Vec<FundingRate>, AskError> {
        match self.ask(&Ask::FundingHistory { symbol, from, limit }, stop).await? {
            Answer::FundingHistory(rates) => Ok(rates),
            _ => Err(confused()),
        }
    }

    async fn stay_below_the_limit(&mut self, ask: &Ask, stop: &Stop) -> Result<(), AskError> {
        let weight = self.codec.request(ask).weight;
        let Some((used, minute)) = self.used else { return Ok(()) };
        let Some(ms) = rest_for_weight(used, minute, weight, self.limit, self.now()) else { return Ok(()) };
        let rest = Duration::from_millis(ms.unsigned_abs());
        if rest > self.patience.longest_rest {
            let text = format!("{used} of {} of this minute's request weight is used up already", self.limit);
            return Err(AskError::GivenUp(text));
        }
        (self.say)(&format!("{used} of {} of the request weight is used; waiting {}", self.limit, in_words(rest)));
        self.used = None;
        wait(rest, stop).await
    }

    /// One try.
    async fn put(&mut self, ask: &Ask, stop: &Stop) -> Result<Result<Answer, Trouble>, AskError> {
        let id = RequestId(self.asked);
        self.asked += 1;
        let request = self.codec.request(ask);
        self.wire.fetch(id, Lane::Data, &request);
        loop {
            match stop.or(self.wire.next()).await.ok_or(AskError::Stopped)? {
                Arrival::Response { id: of, status, headers, body, took } if of == id => {
                    self.took = took;
                    return Ok(self.understood(ask, &Response { status, headers: &headers, body: &body }));
                }
                Arrival::NoResponse { id: of, why, .. } if of == id => {
                    return Ok(Err(Trouble { what: format!("no answer: {why}"), then: Then::Again }));
                }
                // of a socket that a check has left behind
                _ => {}
            }
        }
    }

    fn understood(&mut self, ask: &Ask, response: &Response<'_>) -> Result<Answer, Trouble> {
        let answer = self.codec.answer(ask, response);
        if let Ok(Answer::Time(at)) = answer {
            let half = i64::try_from(self.took.as_millis() / 2).unwrap_or_default();
            self.clock = Some((Instant::now(), at.plus_ms(half)));
            self.stamp = Some(Stamp { at, taken: Instant::now(), speed: self.speed });
        }
        if let Ok(Answer::Listing(listing)) = &answer {
            self.limit = listing.weight_limit.unwrap_or(self.limit);
        }
        if let Some(used) = self.codec.used_weight(response) {
            self.used = Some((used, minute_of(self.now())));
        }
        answer.map_err(|failure| self.trouble(failure))
    }

    fn trouble(&self, failure: Failure) -> Trouble {
        let then = match failure.class {
            FailureClass::TooMany { pause_ms } => Then::Rest { ms: pause_ms },
            FailureClass::Banned { until } => {
                Then::Rest { ms: until.map_or(USUAL_BAN_MS, |until| until.since_ms(self.now()) + 1) }
            }
            FailureClass::NotNow | FailureClass::Unknown | FailureClass::Clock => Then::Again,
            FailureClass::NoSuchSymbol | FailureClass::Forbidden | FailureClass::Key | FailureClass::Refused => {
                return Trouble { what: String::new(), then: Then::Never(failure) };
            }
        };
        Trouble { what: failure.text, then }
    }
}

/// The answer is no answer to what was asked.
pub fn confused() -> AskError {
    AskError::GivenUp("the answer is one to another question".to_owned())
}

async fn wait(time: Duration, stop: &Stop) -> Result<(), AskError> {
    match stop.or_after(time).await {
        Wait::Stopped => Err(AskError::Stopped),
        Wait::Elapsed => Ok(()),
    }
}

const fn minute_of(at: Timestamp) -> i64 {
    at.0.div_euclid(MINUTE_MS)
}

/// Whether this much more would be above the ceiling.
#[must_use]
pub fn over_ceiling(used: u32, more: u32, limit: u32) -> bool {
    u64::from(used) + u64::from(more) > u64::from(limit) * u64::from(CEILING_PCT) / 100
}

/// How long to wait, in ms, before a request of this weight keeps to the ceiling, where `used` was said in `minute`; `None`: not at all.
fn rest_for_weight(used: u32, minute: i64, weight: u32, limit: u32, now: Timestamp) -> Option<i64> {
    if minute_of(now) != minute || !over_ceiling(used, weight, limit) {
        return None;
    }
    Some(Timestamp((minute + 1) * MINUTE_MS + MINUTE_MARGIN_MS).since_ms(now))
}
