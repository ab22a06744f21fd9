//! Entering: from candles that closed to entry orders, or to the reason why there is none.
//!
//! Strategy, gate, risk, sizing, order: [`Engine::enter`] reads in that order.

use super::{Action, Breaker, Desk, Engine, Halt, Leg, Note, Plan, Reach, Skip, Timeframes, orders, risk, sizing};
use crate::{
    market::{Between, Candle, FeedState, OrderKind, OrderRequest, Symbol, SymbolId, Timeframe, Timestamp, decimal},
    strategies::{self, Quiet, Signal, Strategy, Verdict},
};

/// How late a candle may be known for a decision on it, beyond its own length (S10).
pub const LATE_MS: i64 = 5_000;

/// A strategy, with what is asked of it at every close.
pub(super) struct Rule {
    pub strategy: Box<dyn Strategy>,
    pub timeframe: Timeframe,
    pub context: Timeframe,
    /// Whether it has signals of its own, which it may pass over.
    is_listed: bool,
    /// By symbol: when it need not be asked.
    quiet: Vec<Quiet>,
}

impl Rule {
    /// The rule of these settings, for symbols that are numbered by their place in `symbols`.
    pub fn new(settings: &strategies::Settings, symbols: &[Symbol]) -> Self {
        let (timeframe, context, is_listed) = (settings.timeframe, settings.context, !settings.list.rows().is_empty());
        let strategy = settings.build(symbols);
        let quiet = (0..symbols.len()).map(|index| Quiet::of(&*strategy, SymbolId(index as u16))).collect();
        Self { strategy, timeframe, context, is_listed, quiet }
    }
}

/// The first rule from `next` on whose candle closed, and which may have something to say.
#[inline]
pub(super) fn next_to_ask(
    rules: &[Rule],
    next: usize,
    desk: &Desk,
    symbol: SymbolId,
    closed: Timeframes,
) -> Option<usize> {
    (next..rules.len()).find(|index| {
        let rule = &rules[*index];
        let quiet = || rule.quiet[symbol.index()].between(&desk.regime());
        closed.contains(rule.timeframe) && !desk.has_rsi(rule.timeframe, quiet())
    })
}

/// The RSIs at which no rule of a timeframe has anything to say, until the regime changes.
pub(super) fn all_quiet(rules: &[Rule], timeframe: Timeframe, desk: &Desk, symbol: SymbolId) -> Between {
    let own = rules.iter().filter(|rule| rule.timeframe == timeframe);
    own.fold(Between::ALL, |all, rule| all.and(rule.quiet[symbol.index()].between(&desk.regime())))
}

impl Engine {
    // ── signal ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Asks every strategy from the `first` on whose candle closed, in order of priority, where it may have something to say.
    #[inline(never)] // most closes are no business of any
    pub(super) fn decide(
        &mut self,
        now: Timestamp,
        symbol: SymbolId,
        first: usize,
        closed: Timeframes,
        actions: &mut Vec<Action>,
    ) {
        let mut next = Some(first);
        while let Some(index) = next {
            self.ask(now, symbol, index, actions);
            next = next_to_ask(&self.rules, index + 1, &self.desks[symbol.index()], symbol, closed);
        }
    }

    /// What a strategy says at the close of its candle, and what comes of that.
    fn ask(&mut self, now: Timestamp, symbol: SymbolId, index: usize, actions: &mut Vec<Action>) {
        if self.rules[index].is_listed {
            self.pass_over(symbol, index, actions);
        }
        let rule = &mut self.rules[index];
        let Some(view) = self.desks[symbol.index()].view(symbol, rule.timeframe, rule.context) else { return };
        let (candle, verdict) = (*view.candle, rule.strategy.on_close(&view));
        let is_warm = || !self.settings.require_warm || self.desks[symbol.index()].warm();
        let outcome = match &verdict {
            Verdict::Wait => return,
            Verdict::NotWarm(_) => Err(Skip::NotWarm),
            Verdict::WrongSide => Err(Skip::WrongSide),
            Verdict::Enter(_) if !is_warm() => Err(Skip::NotWarm),
            Verdict::Enter(signal) => self.enter(now, symbol, index, signal, &candle, actions),
        };
        self.state.summary.signals += 1;
        match outcome {
            Ok(()) => {
                self.state.summary.taken += 1;
                self.state.said.clear(symbol);
            }
            Err(why) => self.skip(symbol, index, why, candle.close, actions),
        }
        self.say_missing_volume(symbol, actions);
    }

    /// Counts and says which signals a strategy lets go by at this close.
    #[inline(never)]
    fn pass_over(&mut self, symbol: SymbolId, index: usize, actions: &mut Vec<Action>) {
        let rule = &self.rules[index];
        let [Some(closes), since] = self.desks[symbol.index()].told(rule.timeframe) else { return };
        let count = rule.strategy.passed_over(symbol, since, closes);
        if count > 0 {
            self.state.summary.count_passed_over(count);
            actions.push(Action::Log(Note::PassedOver { symbol, strategy: index as u16, count }));
        }
    }

    // ── gate, risk, sizing, order ───────────────────────────────────────────────────────────────────────────────────────────────────

    /// Turns a signal into an entry order that waits for its intent to be durable, or says which station stopped it.
    fn enter(
        &mut self,
        now: Timestamp,
        symbol: SymbolId,
        index: usize,
        signal: &Signal,
        candle: &Candle,
        actions: &mut Vec<Action>,
    ) -> Result<(), Skip> {
        let (pair, timeframe) = (self.pair(index, symbol), self.rules[index].timeframe);
        let (price, signal_at) = (candle.close, candle.open_time.plus_ms(timeframe.ms()));
        self.state.gate.pass(pair, now, price, &self.settings.gate)?;
        self.open_for_entries(now, symbol, signal_at, timeframe)?;
        let held = self.state.positions[symbol.index()].is_some();
        if held || self.entry_of(symbol).is_some() || self.has_leftovers(symbol) {
            return Err(Skip::PositionOpen);
        }
        let rules = &self.settings.risk;
        if !risk::is_worth_it(signal.target_distance, signal.stop_distance, rules) {
            return Err(Skip::RewardRisk);
        }
        let equity = risk::day_allows(&self.state.account, || self.equity(), rules)?;
        self.stands_alone(now, symbol, signal.side, actions)?;
        let rules = &self.settings.risk;
        let amounts = [price, signal.stop_distance, signal.target_distance].map(decimal);
        let [Some(price), Some(stop_distance), Some(target_distance)] = amounts else { return Err(Skip::Stale) };
        let instrument = &self.settings.instruments[symbol.index()];
        let [stop_distance, target_distance] =
            [stop_distance, target_distance].map(|distance| instrument.round_distance(distance));
        let factor = self.desks[symbol.index()].regime().volatility.size_factor();
        let (size, open_risk) = (sizing::size(equity, &self.state.odds[index], rules), self.open_risk());
        let wish = sizing::Wish { size, open_risk, price, stop_distance, factor, equity };
        let qty = self.after_spike(now, symbol, sizing::quantity(&wish, instrument, rules)?, price)?;
        if !risk::stop_is_first(stop_distance, price, qty, &self.tiers[symbol.index()], rules) {
            return Err(Skip::Liquidation);
        }
        let plan = Plan {
            strategy: index as u16,
            side: signal.side,
            signal_at,
            stop_distance,
            target_distance,
            cause: signal.cause,
        };
        let leg = Leg::Entry(plan);
        let id = orders::client_id(&self.tags[pair], plan.side, signal_at, &leg, 0);
        let request =
            OrderRequest { id, symbol, side: plan.side.entry(), kind: OrderKind::Market, qty, reduce_only: false };
        self.hold(now, request, leg);
        self.state.account.day.entries += 1;
        Ok(())
    }

    /// Whether a signal of `signal_at` may still become an entry, or what stands against it.
    pub(super) fn open_for_entries(
        &self,
        now: Timestamp,
        symbol: SymbolId,
        signal_at: Timestamp,
        timeframe: Timeframe,
    ) -> Result<(), Skip> {
        let (blocks, breakers) = (self.state.blocks, &self.state.breakers);
        let late = now.since_ms(signal_at) > timeframe.ms() + LATE_MS;
        Err(match () {
            () if breakers.level() == Some(Halt::Emergency) => Skip::Drawdown,
            () if blocks.stopping => Skip::Stopping,
            () if blocks.halted => Skip::Halted,
            () if blocks.paused => Skip::Paused,
            () if breakers.has(Breaker::DailyLoss) => Skip::DailyLossBreaker,
            () if breakers.has(Breaker::LossStreak) => Skip::LossStreak,
            () if blocks.store => Skip::StoreFailed,
            () if blocks.clock => Skip::Clock,
            () if !self.is_proven() => Skip::Unproven,
            () if self.state.differences.foreign(symbol) => Skip::Foreign,
            () if self.state.quarantine.holds(symbol, now) => Skip::Quarantined,
            () if late || self.state.feeds[symbol.index()] != FeedState::Live => Skip::Stale,
            () => return Ok(()),
        })
    }

    /// Whether an exchange may still have orders of a position that is gone: they would close the next one.
    fn has_leftovers(&self, symbol: SymbolId) -> bool {
        self.state.live && self.state.orders.of(symbol).next().is_some()
    }

    fn skip(&mut self, symbol: SymbolId, index: usize, why: Skip, price: f64, actions: &mut Vec<Action>) {
        self.state.summary.count_skip(why);
        actions.push(Action::Log(Note::Skipped { symbol, strategy: index as u16, why, price }));
        if let Some(reach) = self.state.said.news(why, symbol) {
            let until = (reach == Reach::Day).then_some(self.state.account.day.ends);
            let symbol = (reach == Reach::Symbol).then_some(symbol);
            actions.push(Action::Log(Note::Limit { why, symbol, until }));
        }
    }

    fn say_missing_volume(&mut self, symbol: SymbolId, actions: &mut Vec<Action>) {
        let said = &mut self.state.volume_said[symbol.index()];
        if !self.desks[symbol.index()].has_volume && !std::mem::replace(said, true) {
            actions.push(Action::Log(Note::NoVolume(symbol)));
        }
    }
}
