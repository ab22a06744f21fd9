//! What the trader has not heard yet. Pure: it holds what the gateway tells, in order, and joins what may be joined.

use crate::{
    engine::{Event, Proof},
    gateway::News,
    market::{PriceBar, SymbolId, Timestamp},
};
use std::collections::VecDeque;

/// How far the trader has come; the later, the more it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Course {
    /// It has not begun, and is told of the market alone.
    #[default]
    Before,
    /// It guards what is open, and learns the history. How the account stands as a whole is told afterwards: what is gone is booked at the
    /// last known price.
    Guarding,
    /// It hears all.
    Trading,
}

/// Events of a session in the order in which the trader is to hear them.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    waiting: VecDeque<(Timestamp, Event)>,
    /// What is about the account and came too early for the trader. Each thing is said once, so it has the gateway's limits.
    early: VecDeque<(Timestamp, Event)>,
    course: Course,
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

    /// What is not too early any more is told next.
    pub fn reach(&mut self, course: Course) {
        self.course = course;
        for (at, event) in std::mem::take(&mut self.early).into_iter().rev() {
            if is_too_early(&event, course) {
                self.early.push_front((at, event));
            } else {
                self.waiting.push_front((at, event));
            }
        }
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
        if !is_too_early(&event, self.course) {
            return self.waiting.push_back((at, event));
        }
        if is_view(&event) {
            // a later one says all that an earlier one did
            self.early.retain(|(_, early)| std::mem::discriminant(early) != std::mem::discriminant(&event));
        }
        self.early.push_back((at, event));
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

fn is_too_early(event: &Event, course: Course) -> bool {
    match course {
        Course::Before => is_of_account(event),
        Course::Guarding => is_view(event),
        Course::Trading => false,
    }
}

/// Whether it is about the account as a whole.
const fn is_view(event: &Event) -> bool {
    matches!(event, Event::Account(_) | Event::Proof(_))
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
