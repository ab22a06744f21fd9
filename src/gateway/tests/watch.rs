//! What must hold after every turn, and at the end.

use super::*;
use std::collections::BTreeSet;

/// F, in ms.
const STALE_MS: i64 = 30_000;

pub struct Watch {
    pub hash: Fnv,
    pub faults: BTreeSet<String>,
    pub remarks: Vec<(i64, Remark)>,
    pub news: Vec<(i64, Timestamp, News)>,
    pub candles: Vec<Vec<Candle>>,
    pub history: Vec<(SymbolId, Timestamp, Timeframe)>,
    pub feeds: Vec<Option<FeedState>>,
    pub attempts: Vec<(i64, SocketId)>,
    pub requests: u64,
    /// By path and symbol: when the newest data that came was true, in true time.
    good: BTreeMap<(String, SymbolId), i64>,
    /// Whether data of the path, of any symbol, must be new for a symbol to be live.
    last_news: Option<Timestamp>,
    last_bar: Vec<Option<(i64, PriceBar)>>,
    delivered: Vec<Option<Timestamp>>,
    pub bars: u64,
    pub lowest: f64,
    pub first_bar: Vec<Option<Timestamp>>,
    /// A symbol's history may come after live candles of others.
    pub joins_late: bool,
    /// Candles of history that there was room for, at most.
    pub held: usize,
    /// Sockets of the past.
    seen: BTreeSet<SocketId>,
}

impl Watch {
    pub fn new(settings: &Settings) -> Self {
        let count = settings.symbols.len();
        Self {
            hash: Fnv::default(),
            faults: BTreeSet::new(),
            remarks: Vec::new(),
            news: Vec::new(),
            candles: vec![Vec::new(); count],
            history: Vec::new(),
            feeds: vec![None; count],
            attempts: Vec::new(),
            requests: 0,
            good: BTreeMap::new(),
            last_news: None,
            last_bar: vec![None; count],
            delivered: settings.delivered.clone(),
            bars: 0,
            lowest: f64::INFINITY,
            first_bar: vec![None; count],
            joins_late: false,
            held: 0,
            seen: BTreeSet::new(),
        }
    }

    /// Data reached the session.
    pub fn data(&mut self, path: &str, updates: &[Update], clock: Timestamp, now: i64) {
        for update in updates {
            let (symbol, at) = match update {
                Update::Candle { symbol, at, .. } | Update::Trade { symbol, at, .. } => (*symbol, *at),
                Update::Quote(quote) => (quote.symbol, quote.at.unwrap_or(clock)),
                Update::Mark(mark) => (mark.symbol, mark.at),
                _ => continue,
            };
            let true_at = now - clock.since_ms(at).max(0);
            let good = self.good.entry((path.to_owned(), symbol)).or_insert(true_at);
            *good = (*good).max(true_at);
        }
    }

    pub fn output(&mut self, output: &Output, now: i64, clock: Timestamp) {
        self.hash.add_bytes(format!("{now} {output:?}").as_bytes());
        match output {
            Output::News(at, news) => {
                assert!(self.last_news.is_none_or(|last| last <= *at), "market time went back");
                self.last_news = Some(*at);
                self.news(*at, news, now, clock);
                if !matches!(news, News::Price(_)) {
                    self.news.push((now, *at, news.clone()));
                }
            }
            Output::Say(remark) => self.remarks.push((now, remark.clone())),
            Output::Connect(id, _) => {
                assert!(self.seen.insert(*id), "a socket's number was used twice");
                self.attempts.push((now, *id));
            }
            Output::Fetch(..) | Output::Call(..) => self.requests += 1,
            Output::Send(..) | Output::Disconnect(_) => {}
        }
    }

    fn news(&mut self, at: Timestamp, news: &News, now: i64, clock: Timestamp) {
        match news {
            News::Candle(closed) if closed.history => {
                let key = (closed.symbol, closed.closes_at(), closed.timeframe);
                let in_order = self.history.last().is_none_or(|last| *last < key);
                assert!(in_order || self.joins_late, "history out of order");
                let first = |candles: &Vec<Candle>| candles.is_empty();
                assert!(self.candles.iter().all(first) || self.joins_late, "history after a live candle");
                assert!(first(&self.candles[closed.symbol.index()]), "history after the symbol's live candle");
                self.history.push(key);
                if closed.timeframe == Timeframe::M1 {
                    self.delivered[closed.symbol.index()] = Some(closed.closes_at());
                }
            }
            News::Candle(closed) => {
                let index = closed.symbol.index();
                let next = self.delivered[index].unwrap_or(closed.candle.open_time);
                assert_eq!(closed.candle.open_time, next, "a hole or a candle twice at {index}");
                assert!(closed.closes_at() <= at, "a candle before its end");
                assert!(closed.closes_at() <= clock, "a candle that is not over");
                self.delivered[index] = Some(closed.closes_at());
                self.candles[index].push(closed.candle);
            }
            News::Price(bar) => {
                assert!(bar.is_possible() && bar.at <= at);
                let index = bar.symbol.index();
                assert!(self.delivered[index].is_none_or(|close| close <= bar.at), "a bar before a candle's end");
                self.bars += 1;
                self.lowest = self.lowest.min(bar.low);
                self.first_bar[index].get_or_insert(bar.at);
                let last = self.last_bar[bar.symbol.index()].replace((now, *bar));
                assert!(last.is_none_or(|(_, last)| last.at <= bar.at), "bars out of order");
            }
            News::Feed(symbol, state) => {
                assert_ne!(self.feeds[symbol.index()].replace(*state), Some(*state), "said twice");
            }
            News::Instrument(..)
            | News::Funding(_)
            | News::ClockDoubt(_)
            | News::Order(_)
            | News::Account(_)
            | News::Paid(_)
            | News::Proof(_)
            | News::Foreign(..) => {}
        }
    }

    /// L3 and S10: nothing is live for longer than F after its data.
    pub fn after(&mut self, gateway: &Gateway, now: i64) {
        let view = gateway.view();
        let histories = gateway.feeds.iter().filter_map(|feed| feed.history.as_ref());
        self.held = self.held.max(histories.map(History::room).sum());
        for (index, _) in self.feeds.iter().enumerate().filter(|(_, feed)| **feed == Some(FeedState::Live)) {
            let symbol = SymbolId(index as u16);
            for path in [PUBLIC, MARKET] {
                let newest = self.good.iter().filter(|((of, _), _)| of == path).map(|(_, at)| *at).max();
                assert!(newest.is_some_and(|newest| now - newest <= STALE_MS), "live on old data of {path}");
            }
            let newest = self.good.iter().filter(|((_, of), _)| *of == symbol).map(|(_, at)| *at).max();
            assert!(newest.is_some_and(|newest| now - newest <= 12_000), "live without a sign of the symbol");
        }
        assert!(view.sockets.len() <= 2 && view.feeds.len() == self.feeds.len());
    }
}
