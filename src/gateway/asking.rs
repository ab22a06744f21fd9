//! What is asked by requests. There is no queue: what is wanted follows from what is known, and the most urgent of it is sent when there is
//! room. So nothing waits that is not wanted any more, and nothing grows in an outage.
//!
//! Two kinds of failure have pauses of their own: without any response the network is tried again for all together; with one that says no, the
//! question alone.

use super::{
    Lane, RequestId,
    backoff::{Backoff, Jitter, LONGEST_MS},
    budget::Budget,
    order_budget::OrderBudget,
};
use crate::{
    exchange::{Ask, private::Wish},
    market::{ClientId, SymbolId, Timestamp},
};
use std::collections::BTreeMap;

/// Requests on their way at once in each lane: a lane does one after the other, so a second one would but wait there, and grow old.
pub const MOST_OUTSTANDING: usize = 1;
/// Without an answer for so long a request is given up; whoever carries it has given up before.
pub const GIVE_UP_MS: i64 = 15_000;
/// The longest pause of a question on which the cover of a position depends: an exchange that answers again is asked at once (S2).
const PROTECTS_MS: i64 = 2_000;
/// An exchange that answers again is asked what it has refused within so much.
const AGAIN_MS: i64 = 1_000;
/// Between two words about failures of one kind of question, at least where the words are others, and where they are the same.
const SAY_MS: (i64, i64) = (5_000, 60_000);

/// What may be wanted, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Job {
    /// Compare the clocks.
    Time,
    /// Place an order.
    Place(ClientId),
    /// Cancel one.
    Cancel(ClientId),
    /// Look one up.
    Look(ClientId),
    /// Get the key of the account's stream.
    OpenStream,
    /// Get more time for it.
    ExtendStream,
    /// Read what the account holds in USDT: before its positions, so that a trade in between shows.
    Balance,
    /// Read its positions.
    Positions,
    /// Read its stops and targets of a symbol.
    Conditionals(SymbolId),
    /// Read its other orders of a symbol.
    Orders(SymbolId),
    /// Read its trades of a symbol.
    Trades(SymbolId),
    /// Read how the account trades.
    Modes,
    /// Read how it trades a symbol.
    SymbolModes(SymbolId),
    /// Set the margin of a symbol's positions apart.
    SetIsolated(SymbolId),
    /// Set a symbol's leverage.
    SetLeverage(SymbolId),
    /// Read the rules.
    Listing,
    /// Read how often funding is settled.
    Intervals,
    /// Read the rates.
    Marks,
    /// Finished 1m candles that have not come.
    Fill(SymbolId),
    /// Prices while a stream is down.
    Quotes,
    /// Candles from before; by place of the timeframe.
    History(SymbolId, u8),
}

impl Job {
    /// In words, for the log; one for all symbols.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Place(_) => "order",
            Self::Cancel(_) => "cancel",
            Self::Look(_) => "look-up of an order",
            Self::OpenStream => "key of the account's stream",
            Self::ExtendStream => "more time for the account's stream",
            Self::Balance => "balance",
            Self::Positions => "positions",
            Self::Conditionals(_) => "stops and targets",
            Self::Orders(_) => "open orders",
            Self::Trades(_) => "trades",
            Self::Modes => "settings of the account",
            Self::SymbolModes(_) => "margin and leverage",
            Self::SetIsolated(_) => "change of margin",
            Self::SetLeverage(_) => "change of leverage",
            Self::Listing => "listing",
            Self::Intervals => "funding intervals",
            Self::Marks => "mark prices",
            Self::Fill(_) => "candles",
            Self::Quotes => "quotes",
            Self::History(..) => "history",
        }
    }

    /// Whether the cover of a position depends on the answer.
    pub const fn protects(self) -> bool {
        matches!(self, Self::Look(_) | Self::Positions | Self::Conditionals(_))
    }

    /// Whose it is; `None` where it is about all.
    pub const fn symbol(self) -> Option<SymbolId> {
        match self {
            Self::Fill(symbol)
            | Self::History(symbol, _)
            | Self::Conditionals(symbol)
            | Self::Orders(symbol)
            | Self::Trades(symbol)
            | Self::SymbolModes(symbol)
            | Self::SetIsolated(symbol)
            | Self::SetLeverage(symbol) => Some(symbol),
            Self::Time
            | Self::Place(_)
            | Self::Cancel(_)
            | Self::Look(_)
            | Self::OpenStream
            | Self::ExtendStream
            | Self::Balance
            | Self::Positions
            | Self::Modes
            | Self::Listing
            | Self::Intervals
            | Self::Marks
            | Self::Quotes => None,
        }
    }
}

/// What a request asks.
#[derive(Debug, Clone)]
pub enum Question {
    /// Of public data.
    Public(Ask),
    /// Of the account.
    Private(Wish),
}

/// A request on its way.
#[derive(Debug, Clone)]
pub struct Flight {
    /// What for.
    pub job: Job,
    /// The question.
    pub question: Question,
    /// In which lane.
    pub lane: Lane,
    /// When it was sent, in the session's time.
    pub sent: Timestamp,
    /// What it costs.
    pub weight: u32,
    /// Of the limit on orders.
    pub orders: u32,
}

/// Counts of requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Sent.
    pub requests: u64,
    /// Without an answer, or with one that is none.
    pub failures: u64,
    /// Responses, whatever they said.
    pub responses: u64,
    /// Their round trips together, in ms.
    pub latency_sum_ms: i64,
    /// The last round trip, in ms.
    pub last_latency_ms: i64,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Asking {
    flights: BTreeMap<RequestId, Flight>,
    last_id: u64,
    /// Questions that were answered with no.
    refused: BTreeMap<Job, Backoff>,
    network: Backoff,
    /// By kind of question: what was said of its failures, and when.
    said: BTreeMap<&'static str, (String, Timestamp)>,
    /// The weights and pauses.
    pub budget: Budget,
    /// How many orders.
    pub orders: OrderBudget,
    /// For the view.
    pub tally: Tally,
}

impl Asking {
    /// Nothing asked yet.
    pub fn new(limit: u32, order_limits: [u32; 2]) -> Self {
        Self {
            flights: BTreeMap::new(),
            last_id: 0,
            refused: BTreeMap::new(),
            network: Backoff::new(),
            said: BTreeMap::new(),
            budget: Budget::new(limit),
            orders: OrderBudget::new(order_limits),
            tally: Tally::default(),
        }
    }

    /// When a job that is wanted at `due` may be sent: `None` while it is on its way.
    pub fn due(&self, job: Job, due: Timestamp) -> Option<Timestamp> {
        if self.flights.values().any(|flight| flight.job == job) {
            return None;
        }
        let refused = self.refused.get(&job).and_then(Backoff::until);
        Some(refused.map_or(due, |until| due.max(until)))
    }

    /// Before this nothing is sent; `None` while there is no room.
    pub fn opens_at(&self, now: Timestamp) -> Option<Timestamp> {
        if self.is_busy(Lane::Data) {
            return None;
        }
        let pause = self.budget.opens_at(now, Lane::Data);
        Some(pause.max(self.network.until()).unwrap_or(now))
    }

    /// Whether a lane has as much to do as it may.
    pub fn is_busy(&self, lane: Lane) -> bool {
        self.flights.values().filter(|flight| flight.lane == lane).count() >= MOST_OUTSTANDING
    }

    /// Sends it.
    /// `weight`, `orders`: what it costs.
    pub fn send(
        &mut self,
        job: Job,
        question: Question,
        lane: Lane,
        (weight, orders): (u32, u32),
        now: Timestamp,
    ) -> RequestId {
        self.last_id += 1;
        let id = RequestId(self.last_id);
        self.budget.send(weight);
        self.orders.send(orders);
        self.tally.requests += 1;
        self.flights.insert(id, Flight { job, question, lane, sent: now, weight, orders });
        id
    }

    /// Takes back what an answer or its absence is about; `None` where it was given up or forgotten.
    pub fn land(&mut self, id: RequestId, now: Timestamp) -> Option<Flight> {
        let flight = self.flights.remove(&id)?;
        self.budget.land(now, flight.weight);
        self.orders.land(now, flight.orders);
        Some(flight)
    }

    /// A response came: the network is there.
    pub fn responded(&mut self, flight: &Flight, now: Timestamp) {
        self.network.clear();
        let latency = now.since_ms(flight.sent);
        self.tally.responses += 1;
        self.tally.last_latency_ms = latency;
        self.tally.latency_sum_ms = self.tally.latency_sum_ms.saturating_add(latency);
    }

    /// It was an answer. Where it was none before, whatever else was refused meanwhile is tried soon: an exchange that answers again is asked.
    pub fn answered(&mut self, job: Job, now: Timestamp) {
        if self.refused.remove(&job).is_some() {
            self.refused.values_mut().for_each(|pause| pause.end_by(now.plus_ms(AGAIN_MS)));
        }
        self.budget.forgive();
    }

    /// It was none. The pause until it is tried again, in ms.
    pub fn failed(&mut self, job: Job, now: Timestamp, jitter: &mut Jitter) -> i64 {
        self.tally.failures += 1;
        let longest = if job.protects() { PROTECTS_MS } else { LONGEST_MS };
        self.refused.entry(job).or_default().fail_within(longest, now, jitter)
    }

    /// There was no response. The pause until anything is tried again, in ms.
    pub fn unanswered(&mut self, now: Timestamp, jitter: &mut Jitter) -> i64 {
        self.tally.failures += 1;
        self.network.fail(now, jitter)
    }

    /// Whether a failure is worth a word: it is another one, or the last word was a while ago.
    pub fn worth_saying(&mut self, job: Job, why: &str, now: Timestamp) -> bool {
        let worth = self.said.get(job.words()).is_none_or(|(said, at)| {
            let pause = if said == why { SAY_MS.1 } else { SAY_MS.0 };
            now.since_ms(*at) >= pause
        });
        if worth {
            self.said.insert(job.words(), (why.to_owned(), now));
        }
        worth
    }

    /// A request that has been on its way for too long.
    pub fn overdue(&self, now: Timestamp) -> Option<RequestId> {
        let overdue = self.flights.iter().find(|(_, flight)| flight.sent.plus_ms(GIVE_UP_MS) <= now);
        overdue.map(|(id, _)| *id)
    }

    /// When that is.
    pub fn give_up_at(&self) -> Option<Timestamp> {
        self.flights.values().map(|flight| flight.sent.plus_ms(GIVE_UP_MS)).min()
    }

    /// The process stood still: whatever is answered now is old.
    pub fn forget(&mut self, now: Timestamp) {
        while let Some((id, _)) = self.flights.first_key_value() {
            let id = *id;
            self.land(id, now);
        }
        self.network.clear();
    }

    /// A symbol is wanted no more.
    pub fn drop_symbol(&mut self, symbol: SymbolId) {
        self.refused.retain(|job, _| job.symbol() != Some(symbol));
    }

    /// Of orders that are over nothing is asked any more.
    pub fn drop_orders(&mut self, is_live: impl Fn(ClientId) -> bool) {
        self.refused.retain(|job, _| match job {
            Job::Place(id) | Job::Cancel(id) | Job::Look(id) => is_live(*id),
            _ => true,
        });
    }

    /// The assertions that stay on. `most_jobs`: as many different ones as there can be.
    pub fn check(&self, most_jobs: usize) {
        self.budget.check();
        self.orders.check();
        assert!(self.flights.len() <= 3 * MOST_OUTSTANDING, "too many requests on their way");
        assert!(self.refused.len() <= most_jobs && self.said.len() <= most_jobs, "more failures than questions");
    }
}
