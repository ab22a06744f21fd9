//! How the session stands, for health and logs. To be polled; costs a few allocations.

use super::{AccountState, Gateway, feeds::Standing};
use crate::market::{FeedState, SymbolId, Timestamp};

/// See the module. Ages and spans are in ms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// A row a line of sockets.
    pub sockets: Vec<SocketView>,
    /// Requests.
    pub rest: RestView,
    /// Where candles came from.
    pub candles: CandleCounts,
    /// A row a symbol.
    pub feeds: Vec<FeedView>,
    /// Session time less exchange time, and the round trip by which that is known; `None` before the first comparison.
    pub clock: Option<(i64, i64)>,
    /// Whether the exchange's clock cannot be trusted to be ours.
    pub clock_doubt: bool,
    /// Frames that could not be read.
    pub garbled: u64,
    /// Messages of a kind or about a symbol that is not known.
    pub unknown: u64,
    /// Prices that were older than what was known.
    pub late_prices: u64,
    /// Prices that waited for a second witness.
    pub doubted_prices: u64,
    /// The account, where it is traded.
    pub account: Option<AccountState>,
}

/// A line of sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketView {
    /// Its path.
    pub path: String,
    /// Whether it carries data.
    pub up: bool,
    /// For how long it is up or down.
    pub since_ms: i64,
    /// Age of its newest data by the exchange's time; `None` before the first.
    pub age_ms: Option<i64>,
    /// How often it was up and went down.
    pub losses: u64,
    /// How often a successor took over before the exchange's limit.
    pub renewals: u64,
    /// Sockets asked for.
    pub attempts: u64,
}

/// Requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestView {
    /// Sent.
    pub requests: u64,
    /// Of these, without an answer or with one that is none.
    pub failures: u64,
    /// Of the last response; 0 before the first.
    pub last_latency_ms: i64,
    /// Of all responses.
    pub average_latency_ms: i64,
    /// Weight used of the current minute.
    pub used: u32,
    /// Weight that the exchange allows a minute.
    pub limit: u32,
    /// How long nothing may be asked, since the exchange wants it so.
    pub pause_ms: Option<i64>,
}

/// Live candles since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CandleCounts {
    /// Delivered as a stream said them.
    pub streamed: u64,
    /// Delivered as a request was answered.
    pub asked: u64,
    /// Delivered flat, since the exchange has none.
    pub flat: u64,
    /// From a stream, but delivered or held before.
    pub doubled: u64,
    /// Not what was delivered or held for the same minute.
    pub disagreed: u64,
    /// From a stream and far from the last close: left to a request.
    pub absurd: u64,
    /// From a stream, and no finished minute, or with no place to hold it.
    pub refused: u64,
}

/// A symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedView {
    /// Which.
    pub symbol: SymbolId,
    /// As last said; `None` before the first word.
    pub state: Option<FeedState>,
    /// Why it is not traded.
    pub quarantined: Option<String>,
    /// Whether the exchange has paused it.
    pub paused: bool,
    /// Age of the newest message about it, by the exchange's time.
    pub age_ms: Option<i64>,
    /// Close of the last delivered 1m candle; `None` before the history is whole.
    pub delivered: Option<Timestamp>,
    /// Hours between settlements of funding, where they differ from the exchange's usual ones.
    pub funding_hours: Option<u32>,
}

impl Gateway {
    /// How the session stands.
    #[must_use]
    pub fn view(&self) -> View {
        let now = self.now;
        let sockets = self.lines.iter().map(|line| SocketView {
            path: line.channel.path.clone(),
            up: line.is_up(),
            since_ms: now.since_ms(line.since),
            age_ms: line.heard.map(|heard| now.since_ms(heard)),
            losses: line.losses,
            renewals: line.renewals,
            attempts: line.attempts,
        });
        let feeds = self.feeds.iter().zip(0..).map(|(feed, id)| FeedView {
            symbol: SymbolId(id),
            state: feed.said(),
            quarantined: match &feed.standing {
                Standing::Quarantined(why) => Some(why.clone()),
                Standing::Unknown | Standing::Trading | Standing::Paused => None,
            },
            paused: feed.standing == Standing::Paused,
            age_ms: feed.heard.map(|heard| now.since_ms(heard)),
            delivered: feed.series.as_ref().map(super::candles::Series::next),
            funding_hours: feed.funding_hours,
        });
        View {
            sockets: sockets.collect(),
            rest: self.rest_view(),
            candles: self.counts,
            feeds: feeds.collect(),
            clock: self.clock.found(),
            clock_doubt: self.clock.is_in_doubt(),
            garbled: self.garbled,
            unknown: self.unknown,
            late_prices: self.late_prices,
            doubted_prices: self.doubted_prices,
            account: self.books.as_ref().map(|books| books.view(now)),
        }
    }

    fn rest_view(&self) -> RestView {
        let (tally, budget) = (self.asking.tally, &self.asking.budget);
        let responses = i64::try_from(tally.responses).unwrap_or(i64::MAX);
        RestView {
            requests: tally.requests,
            failures: tally.failures,
            last_latency_ms: tally.last_latency_ms,
            average_latency_ms: tally.latency_sum_ms.checked_div(responses).unwrap_or_default(),
            used: budget.used(self.now),
            limit: budget.limit(),
            pause_ms: budget.opens_at(self.now, super::Lane::Data).map(|until| until.since_ms(self.now)),
        }
    }
}
