//! What the engine shows to those who look: the log, the page, the summary.

use super::{
    Account, Engine, Order, Parts, Position, Reach, Settings, Skip, State, Summary, Tripped, regime,
    sizing::{self, Size, largest_notional},
};
use crate::{
    market::{Side, SymbolId, Timeframe, Timestamp, decimal},
    strategies::{self, Condition, Regime},
};
use rust_decimal::Decimal;

/// One symbol as the log shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// Last known price; `None` before the first.
    pub price: Option<f64>,
    /// When it was known.
    pub seen_at: Option<Timestamp>,
    /// RSI of the first strategy's timeframe.
    pub rsi: Option<f64>,
    /// Thresholds of the strategies that have one: side and RSI, in order of priority.
    pub thresholds: Vec<(Side, f64)>,
    /// The market's state.
    pub regime: Regime,
    /// How many of the 200 candles of the large timeframe's EMA(200) have come.
    pub ema200_seen: u32,
}

/// A strategy as it saw a symbol at the close of its last candle.
#[derive(Debug, Clone, PartialEq)]
pub struct Insight {
    /// The close that raised no signal, or one.
    pub price: f64,
    /// What it asks for, in the order in which it looks.
    pub conditions: Vec<Condition>,
    /// The market's state, as far as it is known.
    pub regime: Parts,
}

impl Engine {
    /// When a strategy's last candle of a symbol closed, and whether the strategy was asked then.
    #[must_use]
    pub fn last_close(&self, symbol: SymbolId, strategy: usize) -> Option<(Timestamp, bool)> {
        self.desks[symbol.index()].last_close(self.settings.strategies[strategy].timeframe)
    }

    /// A strategy as it sees a symbol; it is what it saw at its last candle's close as long as no candle of another length has closed since.
    #[must_use]
    pub fn insight(&self, symbol: SymbolId, strategy: usize) -> Option<Insight> {
        let (desk, strategy) = (&self.desks[symbol.index()], &self.rules[strategy].strategy);
        let rule = strategy.settings();
        let view = desk.view(symbol, rule.timeframe, rule.context)?;
        Some(Insight { price: view.candle.close, conditions: strategy.conditions(&view), regime: desk.parts() })
    }

    /// One symbol's market as of now.
    #[must_use]
    pub fn outlook(&self, symbol: SymbolId) -> Outlook {
        let desk = &self.desks[symbol.index()];
        let first = self.settings.strategies.first().and_then(|rule| desk.readings(rule.timeframe).rsi);
        let Regime { trend, momentum, .. } = desk.regime();
        let rules = self.rules.iter().filter(|rule| desk.frame(rule.timeframe).is_some());
        let thresholds = rules.filter_map(|rule| rule.strategy.threshold(symbol, trend, momentum));
        Outlook {
            price: desk.seen_at.map(|_| desk.mark),
            seen_at: desk.seen_at,
            rsi: first,
            thresholds: thresholds.collect(),
            regime: desk.regime(),
            ema200_seen: desk.readings(regime::LARGE).seen,
        }
    }

    /// What the smallest entry in a symbol costs, and what the risk allows at most, in USDT, where the first is more than the second.
    ///
    /// The most that the risk allows is the budget of a trade divided by the tightest of the strategies' widest stops, or the largest position.
    #[must_use]
    pub fn too_small_for(&self, symbol: SymbolId) -> Option<(Decimal, Decimal)> {
        let (rules, equity) = (&self.settings.risk, self.equity());
        let price = decimal(self.desks[symbol.index()].mark).filter(|price| *price > Decimal::ZERO)?;
        let widest = self.settings.strategies.iter().filter_map(strategies::Settings::widest_stop_pct);
        let widest_pct = decimal(widest.fold(f64::INFINITY, f64::min)).filter(|pct| !pct.is_zero());
        let by_stop = match self.largest_wish() {
            Size::Notional(notional) => Some(notional),
            Size::Loss(loss) => widest_pct.map(|pct| loss * Decimal::ONE_HUNDRED / pct),
        };
        let largest = largest_notional(equity, rules);
        let allowed = by_stop.map_or(largest, |by_stop| by_stop.min(largest));
        let costs = self.settings.instruments[symbol.index()].smallest_entry(price) * price;
        (costs > allowed && !rules.scale_up_to_minimum).then_some((costs, allowed))
    }

    /// The largest trade that any strategy wants.
    fn largest_wish(&self) -> Size {
        let (rules, equity) = (&self.settings.risk, self.equity());
        let wishes = self.state.odds.iter().map(|odds| sizing::size(equity, odds, rules));
        wishes.max().unwrap_or(Size::Loss(Decimal::ZERO))
    }

    /// Which symbols are in quarantine, and when that ends.
    pub fn quarantined(&self) -> impl Iterator<Item = (SymbolId, Timestamp)> {
        self.state.quarantined()
    }

    /// Of which candles indicators are made, finest first.
    #[must_use]
    pub fn timeframes(&self) -> Vec<Timeframe> {
        self.desks.first().map(|desk| desk.timeframes().collect()).unwrap_or_default()
    }

    /// What it was told at its start.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The same without listed signals that are over: what it takes to go on from here.
    #[must_use]
    pub fn settings_from_here(&self) -> Settings {
        let mut settings = self.settings.clone();
        for rule in &mut settings.strategies {
            let told = self.desks.iter().map(|desk| desk.told(rule.timeframe)[0]);
            // a symbol without a candle yet needs all of them
            if let Some(Some(at)) = told.min() {
                rule.list.forget_until(at);
            }
        }
        settings
    }

    /// The account as it is booked.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.state.account
    }

    /// What the session has done.
    #[must_use]
    pub const fn summary(&self) -> &Summary {
        &self.state.summary
    }

    /// What has tripped and not been reset, oldest first.
    #[must_use]
    pub fn tripped(&self) -> &[Tripped] {
        self.state.breakers.tripped()
    }

    /// The limits that the last signals met: whose they are where they are a symbol's, and until when they hold where they are the day's.
    pub fn limits(&self) -> impl Iterator<Item = (Skip, Option<SymbolId>, Option<Timestamp>)> {
        let ends = self.state.account.day.ends;
        let until = move |why: Skip| (why.reach() == Some(Reach::Day)).then_some(ends);
        self.state.said.holding().map(move |(why, symbol)| (why, symbol, until(why)))
    }

    /// Open positions, by symbol.
    pub fn positions(&self) -> impl Iterator<Item = &Position> {
        self.state.positions.iter().flatten()
    }

    /// Orders that have not ended, oldest first. After a restart whoever talks to the venue looks up what became of them.
    pub fn orders(&self) -> impl Iterator<Item = &Order> {
        self.state.orders.open()
    }

    /// The last known price of a symbol; 0 before the first.
    #[must_use]
    pub fn mark(&self, symbol: SymbolId) -> f64 {
        self.desks[symbol.index()].mark
    }

    /// Signals whose orders have neither filled nor ended.
    #[must_use]
    pub fn entries_in_flight(&self) -> usize {
        self.state.orders.open().filter(|order| !order.request.reduce_only).count()
    }
}

/// What a snapshot shows without being restored.
impl State {
    /// The account as it was booked.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// What has tripped and not been reset, oldest first.
    #[must_use]
    pub fn tripped(&self) -> &[Tripped] {
        self.breakers.tripped()
    }

    /// Open positions, by symbol.
    pub fn positions(&self) -> impl Iterator<Item = &Position> {
        self.positions.iter().flatten()
    }

    /// Orders that have not ended, oldest first.
    pub fn orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.open()
    }

    /// Which symbols are in quarantine, and when that ends.
    pub fn quarantined(&self) -> impl Iterator<Item = (SymbolId, Timestamp)> {
        self.quarantine.held()
    }
}
