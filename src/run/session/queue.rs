//! What the trader has not heard yet. Pure: it holds what the gateway tells, in order, and joins what may be joined.

use crate::{
    engine::{Event, Proof},
    gateway::News,
    market::{PriceBar, SymbolId, Timestamp},
};
use std::collections::VecDeque;

/// Events of a session in the order in which the trader is to hear them.
#[derive(Debug, Clone)]
pub struct Queue {
    waiting: VecDeque<(Timestamp, Event)>,
    /// What is about the account and came before the trader had begun: it is told then. Each thing is said once, so it has the gateway's limits.
    early: Option<VecDeque<(Timestamp, Event)>>,
}

impl Default for Queue {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), early: Some(VecDeque::new()) }
    }
}

impl Queue {
    /// The next event.
    #[must_use]
    pub fn next(&self) -> Option<&(Timestamp, Event)> {
        self.waiting.front()
    }

    /// Goes on behind the next event.
    pub fn advance(&mut self) {
        self.waiting.pop_front();
    }

    /// How many wait, but for what is held until the trader begins.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The trader has its history and was told what a run begins with: now it hears of the account.
    pub fn begin(&mut self) {
        let early = self.early.take().unwrap_or_default();
        early.into_iter().rev().for_each(|event| self.waiting.push_front(event));
    }

    /// Prices that nobody has heard are taken back: the process stood still.
    pub fn forget_prices(&mut self) {
        self.waiting.retain(|(_, event)| !matches!(event, Event::Price(_)));
    }

    /// What waits for the trader never grows with the prices: those that follow each other are one bar.
    pub fn hear(&mut self, at: Timestamp, news: News) {
        if let News::Price(bar) = &news
            && let Some(waiting) = self.waiting(bar.symbol)
        {
            *waiting = joined(*waiting, *bar);
            return;
        }
        let event = news.into();
        match &mut self.early {
            Some(early) if is_of_account(&event) => early.push_back((at, event)),
            Some(_) | None => self.waiting.push_back((at, event)),
        }
    }

    /// The price of a symbol that waits with nothing of that symbol, or of all, behind it.
    fn waiting(&mut self, symbol: SymbolId) -> Option<&mut PriceBar> {
        let last = self.waiting.iter_mut().rev().find(|(_, event)| event.symbol().is_none_or(|of| of == symbol))?;
        match &mut last.1 {
            Event::Price(bar) => Some(bar),
            _ => None,
        }
    }
}

/// Whether it is about the account, and not about the market.
const fn is_of_account(event: &Event) -> bool {
    match event {
        Event::Order(_) | Event::Account(_) | Event::Funding(_) | Event::Proof(_) | Event::Foreign(..) => true,
        Event::Candle(_)
        | Event::Price(_)
        | Event::Instrument(..)
        | Event::FundingRate(_)
        | Event::Feed(..)
        | Event::ClockDoubt(_)
        | Event::Committed { .. }
        | Event::StoreDoubt(_)
        | Event::Command(_)
        | Event::Wake => false,
    }
}

impl From<News> for Event {
    fn from(news: News) -> Self {
        match news {
            News::Candle(candle) => Self::Candle(candle),
            News::Price(bar) => Self::Price(bar),
            News::Feed(symbol, state) => Self::Feed(symbol, state),
            News::Instrument(symbol, instrument) => Self::Instrument(symbol, instrument),
            News::Funding(rate) => Self::FundingRate(rate),
            News::ClockDoubt(doubt) => Self::ClockDoubt(doubt),
            News::Order(update) => Self::Order(update),
            News::Account(view) => Self::Account(view),
            News::Paid(paid) => Self::Funding(paid),
            News::Proof(true) => Self::Proof(Proof::Proven),
            News::Proof(false) => Self::Proof(Proof::Doubt),
            News::Foreign(symbol, is_there) => Self::Foreign(symbol, is_there),
        }
    }
}

/// Two bars of one symbol as one.
fn joined(first: PriceBar, then: PriceBar) -> PriceBar {
    PriceBar { low: first.low.min(then.low), high: first.high.max(then.high), ..then }
}
