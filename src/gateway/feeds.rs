//! One symbol: its rules, whether it can be traded, its candles and prices, and how its data stands.
//!
//! **Live** is said of a symbol that can be traded, when
//! - its history and every finished candle was delivered (else it is a Gap),
//! - every line that carries something of it is fresh (see [`super::streams`]), and
//! - a message about it, of whatever kind, was true within the last 5 s by the exchange's time (S10).
//!
//! A quiet coin has no new quote for minutes, and its old one is still the best price; what must keep coming is any sign of it, and the mark
//! price does each second. Quotes asked for while a line is down keep stops alive, but make nothing live.

use super::{candles::Series, history::History, prices::Prices};
use crate::market::{FeedState, FundingRate, Instrument, MINUTE_MS, Timestamp};

/// Without a message about a symbol for so long, its price is old (S10).
pub const PRICE_OLD_MS: i64 = 5_000;
/// Between two words about the funding of a symbol.
const FUNDING_EVERY_MS: i64 = 60_000;

/// Whether a symbol can be traded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Standing {
    /// The listing has not come yet.
    #[default]
    Unknown,
    /// Yes.
    Trading,
    /// Not now.
    Paused,
    /// Not any more, or never, and why.
    Quarantined(String),
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Feed {
    /// Whether it can be traded.
    pub standing: Standing,
    /// Its rules, as last said.
    pub instrument: Option<Instrument>,
    /// Hours between settlements, where the exchange says so.
    pub funding_hours: Option<u32>,
    /// The candle at whose close a restored account was saved.
    pub delivered: Option<Timestamp>,
    /// While it is fetched and delivered.
    pub history: Option<History>,
    /// From the history's end on.
    pub series: Option<Series>,
    /// Conflated.
    pub prices: Prices,
    /// Whether all candles were delivered once, so that prices may follow.
    pub started: bool,
    /// The session's time at which the newest message about it was true.
    pub heard: Option<Timestamp>,
    /// Candles that were asked for since it was live.
    pub filled: u32,
    said: Option<FeedState>,
    funding: Option<(FundingRate, Timestamp)>,
    refusals: u8,
}

impl Feed {
    /// A symbol of which nothing is known but what was delivered before a restart.
    pub fn new(delivered: Option<Timestamp>) -> Self {
        Self { delivered, ..Self::default() }
    }

    /// Whether its data is wanted.
    pub const fn is_wanted(&self) -> bool {
        matches!(self.standing, Standing::Unknown | Standing::Trading)
    }

    /// Its history was delivered: from here on its candles are live. One that was delivered before a restart is not delivered again.
    pub fn begin_live(&mut self) {
        if let Some(history) = self.history.take() {
            let next = self.delivered.map_or(history.anchor, |delivered| delivered.max(history.anchor));
            self.series = Some(Series::new(next.floor_to(MINUTE_MS), history.last_minute()));
        }
    }

    /// Prices may go out once all candles did, so that none is before a candle whose stops are still to be walked.
    pub fn start_prices(&mut self, exchange: Option<Timestamp>) {
        let caught_up = self.series.as_ref().zip(exchange).is_some_and(|(series, at)| at < series.gap_from());
        if caught_up && !std::mem::replace(&mut self.started, true) {
            self.prices.begin();
        }
    }

    /// Whether its prices must be asked for.
    pub fn needs_quotes(&self) -> bool {
        self.started && self.is_wanted() && self.prices.are_lost()
    }

    /// Whether its market is there, open or not.
    pub const fn is_listed(&self) -> bool {
        matches!(self.standing, Standing::Trading | Standing::Paused)
    }

    /// Whether it can be traded.
    pub const fn is_trading(&self) -> bool {
        matches!(self.standing, Standing::Trading)
    }

    /// A message about it was true at this session time.
    pub fn hear(&mut self, at: Timestamp) {
        self.heard = self.heard.max(Some(at));
    }

    /// Until when its messages count as new.
    pub fn fresh_until(&self) -> Option<Timestamp> {
        self.heard.map(|heard| heard.plus_ms(PRICE_OLD_MS))
    }

    /// How it stands. `lines_until`: until when all of its lines are fresh; `None` where one is down.
    pub fn state(&self, now: Timestamp, exchange: Timestamp, lines_until: Option<Timestamp>) -> FeedState {
        let fresh = [lines_until, self.fresh_until()].iter().all(|until| until.is_some_and(|until| now <= until));
        match &self.series {
            Some(series) if fresh && self.is_trading() => {
                if exchange >= series.gap_from() {
                    FeedState::Gap
                } else {
                    FeedState::Live
                }
            }
            _ => FeedState::Stale,
        }
    }

    /// What was said last.
    pub const fn said(&self) -> Option<FeedState> {
        self.said
    }

    /// Whether this is news.
    pub fn say(&mut self, state: FeedState) -> bool {
        self.said.replace(state) != Some(state)
    }

    /// Whether a rate is news; at most one a minute.
    pub fn funding_is_news(&mut self, rate: &FundingRate, now: Timestamp) -> bool {
        let known = self.funding;
        let news = known.is_none_or(|(said, at)| said != *rate && now.since_ms(at) >= FUNDING_EVERY_MS);
        if news {
            self.funding = Some((*rate, now));
        }
        news
    }

    /// A question about it was refused for good; how often in a row.
    pub const fn refused(&mut self) -> u8 {
        self.refusals = self.refusals.saturating_add(1);
        self.refusals
    }

    /// A question about it was answered.
    pub const fn answered(&mut self) {
        self.refusals = 0;
    }

    /// The assertions that stay on.
    pub fn check(&self) {
        self.prices.check();
        self.series.iter().for_each(Series::check);
        assert!(!self.started || self.series.is_some(), "prices before the candles");
    }
}
