//! Market data: what a candle, a price or the silence of a feed means, in the order of the walk.

use super::{
    Action, Engine, Timeframes,
    desk::Desk,
    entering::{all_quiet, next_to_ask},
    quarantine,
};
use crate::market::{Between, Candle, ClosedCandle, FeedState, PriceBar, SymbolId, Timestamp};

impl Engine {
    /// A candle that is no history: the walk begins.
    #[inline]
    pub(super) fn on_candle(&mut self, now: Timestamp, source: &ClosedCandle, actions: &mut Vec<Action>) {
        self.look_back();
        let desk = &mut self.desks[source.symbol.index()];
        let is_latest = desk.notice(source.closes_at(), source.candle.close);
        let closed = desk.learn(source);
        let has_returned = !closed.is_empty() && desk.take_returned();
        let asked = if closed.is_empty() { None } else { next_to_ask(&self.rules, 0, desk, source.symbol, closed) };
        self.turn_over(now, actions);
        self.pass_quarantine(now, actions);
        if is_latest {
            self.follow(now, source.symbol, &source.candle, actions);
        }
        if has_returned {
            self.correlations.clear();
            self.watch_spike(now, source.symbol, actions);
        }
        if let Some(first) = asked {
            self.decide(now, source.symbol, first, closed, actions);
        }
    }

    /// Whether candles that begin with these two may be a row, see [`Engine::candles`].
    #[inline]
    #[must_use]
    pub fn is_row(&self, first: &ClosedCandle, next: &ClosedCandle) -> bool {
        self.desks.get(first.symbol.index()).is_some_and(|desk| desk.is_row(first, next))
    }

    /// Takes in candles of one symbol at the front that change nothing but what is known of its market, as [`Engine::candle`] of each at its
    /// close would, while prices are `calm` and up to the first at which some strategy is asked, all before `until`; how many these are.
    #[inline]
    pub fn candles(
        &mut self,
        candles: &[ClosedCandle],
        calm: Between,
        until: Timestamp,
        actions: &mut Vec<Action>,
    ) -> usize {
        let Some(first) = candles.first() else { return 0 };
        let (symbol, index, timeframe) = (first.symbol, first.symbol.index(), first.timeframe);
        let Some(desk) = self.desks.get_mut(index) else { return 0 };
        let is_late = desk.seen_at.is_some_and(|seen| seen > first.closes_at());
        if self.state.live || !self.state.quarantine.is_empty() || is_late {
            return 0;
        }
        let (calm, until) = (calm.and(self.watches[index].calm), until.min(self.due));
        let quiet = all_quiet(&self.rules, timeframe, desk, symbol);
        let count = desk.take_while(candles, calm, until, quiet);
        if let [.., last] = &candles[..count]
            && !desk.has_rsi(timeframe, quiet)
            && let closed = Timeframes::only(timeframe)
            && let Some(asked) = next_to_ask(&self.rules, 0, desk, symbol, closed)
        {
            let before = actions.len();
            self.decide(last.closes_at(), symbol, asked, closed, actions);
            self.end_turn(before, actions);
        }
        count
    }

    /// It warms indicators, and nothing follows from it.
    #[cold]
    pub(super) fn on_history(&mut self, source: &ClosedCandle) {
        self.correlations.clear();
        let desk = &mut self.desks[source.symbol.index()];
        // at an exchange what is open is guarded meanwhile, and must not be weighed at prices of long ago
        if self.state.live {
            desk.learn(source);
        } else {
            desk.take(source);
        }
    }

    /// At an exchange the history is over once the market or the account is told: its last prices are the last known.
    #[inline]
    pub(super) fn look_back(&mut self) {
        if self.state.live {
            self.look_back_live();
        }
    }

    #[inline(never)]
    fn look_back_live(&mut self) {
        self.desks.iter_mut().for_each(Desk::look_back);
    }

    pub(super) fn on_price(&mut self, now: Timestamp, bar: &PriceBar, actions: &mut Vec<Action>) {
        self.look_back();
        let before = self.desks[bar.symbol.index()].seen_at;
        if before.is_some_and(|seen| bar.at < seen) {
            return; // it says nothing new
        }
        self.desks[bar.symbol.index()].see(bar);
        self.turn_over(now, actions);
        let PriceBar { low, high, last, .. } = *bar;
        let open_time = before.unwrap_or(bar.at);
        let since = Candle { open_time, open: last, high, low, close: last, volume: 0.0 };
        self.follow(now, bar.symbol, &since, actions);
    }

    /// Begins the day, and resets what was tripped until now.
    #[inline]
    fn turn_over(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        if now >= self.due {
            self.begin_anew(now, actions);
        }
    }

    #[cold]
    fn begin_anew(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        self.stir();
        if now >= self.state.account.day.ends {
            let equity = self.equity();
            self.state.account.begin_day(now, equity);
            self.state.said.begin_day();
        }
        self.reset(|tripped| tripped.until.is_some_and(|until| until <= now), actions);
        let ends = self.state.account.day.ends;
        self.due = self.state.breakers.next_reset().map_or(ends, |until| until.min(ends));
        self.set_scale();
    }

    pub(super) fn on_feed(&mut self, now: Timestamp, symbol: SymbolId, feed: FeedState) {
        self.state.feeds[symbol.index()] = feed;
        self.state.quarantine.hear(now, &self.state.feeds);
    }

    /// Quarantines begin and end as time passes.
    #[inline]
    fn pass_quarantine(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        if !self.state.quarantine.is_empty() {
            self.look_at_quarantine(now, actions);
        }
    }

    #[inline(never)]
    fn look_at_quarantine(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        let changes = self.state.quarantine.pass(now, &self.settings.risk);
        changes.into_iter().for_each(|change| self.tell_quarantine(change, actions));
    }

    pub(super) fn tell_quarantine(&mut self, change: quarantine::Change, actions: &mut Vec<Action>) {
        self.unsaved = true;
        actions.push(change.told());
    }
}
