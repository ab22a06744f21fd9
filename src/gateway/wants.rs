//! What is wanted of requests, which of it is sent, and when the session wants to be woken.

use super::{
    Gateway, Lane, Output,
    asking::{Job, Question},
    feeds::Feed,
    session::id_of,
};
use crate::{
    exchange::Ask,
    market::{FeedState, SymbolId, Timeframe, Timestamp},
};

/// Between two questions for quotes while a stream is down.
const QUOTES_EVERY_MS: i64 = 3_000;
/// Between two questions for mark prices and funding while a stream is down.
const MARKS_EVERY_MS: i64 = 60_000;

impl Gateway {
    /// Every job that is wanted, with the time from which on it is.
    fn each_want(&self, mut take: impl FnMut(Job, Timestamp)) {
        const NOW: Timestamp = Timestamp(i64::MIN);
        take(Job::Time, self.clock.compare_at());
        if !self.clock.is_sure() {
            return;
        }
        self.each_account_want(&mut take);
        take(Job::Listing, self.listing_at);
        take(Job::Intervals, self.intervals_at);
        let lost = self.feeds.iter().any(|feed| feed.is_wanted() && feed.prices.are_lost());
        if self.marks_asked.is_none() || lost {
            take(Job::Marks, self.marks_asked.map_or(NOW, |asked| asked.plus_ms(MARKS_EVERY_MS)));
        }
        if self.feeds.iter().any(Feed::needs_quotes) {
            take(Job::Quotes, self.quotes_asked.map_or(NOW, |asked| asked.plus_ms(QUOTES_EVERY_MS)));
        }
        for (at, feed) in self.feeds.iter().enumerate().filter(|(_, feed)| feed.is_wanted()) {
            for (frame, place) in feed.history.iter().flat_map(|history| history.frames()).zip(0..) {
                if frame.question(u16::MAX).is_some() {
                    take(Job::History(id_of(at), place), frame.not_before().unwrap_or(NOW));
                }
            }
            let series = feed.series.as_ref().filter(|_| self.ready);
            let due = series.and_then(|series| series.ask_at(self.clock.session(series.closes())?));
            if let Some(due) = due {
                take(Job::Fill(id_of(at)), due);
            }
        }
    }

    /// Sends what is most urgent, as far as there is room.
    pub(super) fn ask(&mut self, outputs: &mut Vec<Output>) {
        self.blocked = None;
        while self.asking.opens_at(self.now).is_some_and(|opens| opens <= self.now) {
            let mut urgent = None;
            self.each_want(|job, due| {
                let due = self.asking.due(job, due).is_some_and(|due| due <= self.now);
                if due && urgent.is_none_or(|urgent| job < urgent) {
                    urgent = Some(job);
                }
            });
            let Some(job) = urgent else { return };
            if let Some(wish) = self.account_question(job) {
                if !self.call(job, wish, Lane::Data, outputs) {
                    return;
                }
                continue;
            }
            let Some(ask) = self.question(job) else { return };
            let request = self.exchange.request(&ask);
            if !self.asking.budget.allows(self.now, Lane::Data, request.weight) {
                self.blocked = self.asking.budget.look_again(self.now, Lane::Data, request.weight);
                return;
            }
            match job {
                Job::Quotes => self.quotes_asked = Some(self.now),
                Job::Marks => self.marks_asked = Some(self.now),
                _ => {}
            }
            let id = self.asking.send(job, Question::Public(ask), Lane::Data, (request.weight, 0), self.now);
            outputs.push(Output::Fetch(id, Lane::Data, request));
        }
    }

    fn question(&self, job: Job) -> Option<Ask> {
        let most = self.exchange.most_candles();
        Some(match job {
            Job::Time => Ask::Time,
            Job::Listing => Ask::Listing,
            Job::Intervals => Ask::FundingIntervals,
            Job::Marks => Ask::Marks(self.only_symbol(Feed::is_wanted)),
            Job::Quotes => Ask::Quotes(self.only_symbol(Feed::needs_quotes)),
            Job::Fill(symbol) => {
                let exchange = self.clock.exchange(self.now)?;
                let (from, limit) = self.feeds[symbol.index()].series.as_ref()?.question(exchange, most);
                Ask::Candles { symbol, timeframe: Timeframe::M1, from: Some(from), limit }
            }
            Job::History(symbol, place) => {
                let frame = self.feeds[symbol.index()].history.as_ref()?.frames().get(usize::from(place))?;
                let (from, limit) = frame.question(most)?;
                Ask::Candles { symbol, timeframe: frame.timeframe, from: Some(from), limit }
            }
            // of the account
            _ => return None,
        })
    }

    /// The symbol, where it is about one alone.
    fn only_symbol(&self, of: impl Fn(&Feed) -> bool) -> Option<SymbolId> {
        let mut found = self.feeds.iter().enumerate().filter(|(_, feed)| of(feed)).map(|(at, _)| id_of(at));
        found.next().filter(|_| found.next().is_none())
    }

    // ── deadline ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    pub(super) fn find_deadline(&self) -> Option<Timestamp> {
        let now = self.now;
        if self.more {
            return Some(now);
        }
        let lines = self.lines.iter().filter_map(|line| line.deadline(self.is_line_wanted(line), now));
        let feeds = (0..self.feeds.len()).filter_map(|at| self.feed_deadline(at));
        let clock = self.clock.agrees_at(now);
        let account = self.account_deadline();
        lines.chain(feeds).chain(clock).chain(account).chain(self.asking.give_up_at()).chain(self.ask_deadline()).min()
    }

    fn ask_deadline(&self) -> Option<Timestamp> {
        let opens = self.asking.opens_at(self.now)?;
        if self.blocked.is_some() {
            return self.blocked;
        }
        let mut first: Option<Timestamp> = None;
        self.each_want(|job, due| {
            if let Some(due) = self.asking.due(job, due) {
                first = Some(first.map_or(due, |first| first.min(due)));
            }
        });
        first.map(|first| first.max(opens))
    }

    fn feed_deadline(&self, at: usize) -> Option<Timestamp> {
        let (feed, now) = (&self.feeds[at], self.now);
        let bar = feed.prices.due().filter(|_| feed.started);
        let series = feed.series.as_ref().filter(|_| self.ready);
        let next = series.filter(|series| series.has_next());
        let next = next.and_then(|series| self.clock.reaches(now, series.closes()));
        let lit = self.lines_until(at).filter(|until| now <= *until);
        let stale = feed.fresh_until().filter(|until| now <= *until && lit.is_some());
        let ages = lit.into_iter().chain(stale).map(|until| until.plus_ms(1)).min();
        let gap = series.filter(|_| feed.said() == Some(FeedState::Live));
        let gap = gap.and_then(|series| self.clock.session(series.gap_from()));
        [bar, next, ages, gap].into_iter().flatten().min()
    }
}
