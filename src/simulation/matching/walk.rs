//! The way of the price through one candle or bar.
//!
//! The price stands somewhere; what fires there trades; then it moves on to the nearest trigger or turning point:
//!
//! ```text
//! open ──▶ adverse extreme ──▶ favourable extreme ──▶ close
//! ```
//!
//! Where it goes next is decided anew at each step from the position at that moment, so a position that is opened
//! on the way meets its adverse extreme before its favourable one, if it has not been visited yet.

use super::{
    book::{Book, Mark, exact},
    order::{Order, Trigger},
};
use crate::market::{ClosedCandle, LARGEST_QTY, OrderSide, PriceBar, Side, SymbolId, Timestamp, float};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A quote farther from the last price than this part of it is taken for a mistake.
const FARTHEST_QUOTE: f64 = 0.05;

/// How far the walk has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    /// At the first price.
    Open,
    /// Between the first price and the last.
    Between,
    /// At the last price. Only orders with a lower number trade there: one that comes now waits for the next price.
    Close { before: u64 },
}

/// A walk that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Walk {
    pub symbol: SymbolId,
    low: f64,
    high: f64,
    close: f64,
    /// What was traded in it, in base units; `None` where that is not known.
    #[serde(default)]
    pub volume: Option<f64>,
    /// What market orders get at the end.
    bid: f64,
    ask: f64,
    /// A market order that was sent later is not filled at the first price; `None` where none is.
    opens_at: Option<Timestamp>,
    /// The time of everything after the first price: when within is not known.
    pub ends_at: Timestamp,
    /// Where the price stands, and since when.
    pub mark: Mark,
    stage: Stage,
    low_visited: bool,
    high_visited: bool,
}

/// The quotes of a bar; the last price for both where one is missing, they are crossed, or one is absurd.
fn believed(bar: &PriceBar) -> (f64, f64) {
    let PriceBar { bid, ask, last, .. } = bar.with_quotes();
    let nearby = (last - last * FARTHEST_QUOTE)..=(last + last * FARTHEST_QUOTE);
    let is_sound = bid <= ask && nearby.contains(&bid) && nearby.contains(&ask);
    if is_sound { (bid, ask) } else { (last, last) }
}

/// A volume within bounds; `None` for nothing, since data without volumes has that everywhere.
fn known(volume: f64) -> Option<f64> {
    (volume > 0.0).then(|| volume.min(float(LARGEST_QTY)))
}

impl Walk {
    /// Through a candle, from its open. A market order fills at the open if it was sent by then, else at the close.
    pub fn through_candle(closed: &ClosedCandle) -> Self {
        let (candle, ends_at) = (&closed.candle, closed.closes_at());
        Self {
            symbol: closed.symbol,
            low: candle.low,
            high: candle.high,
            close: candle.close,
            volume: known(candle.volume),
            bid: candle.close,
            ask: candle.close,
            opens_at: Some(candle.open_time),
            ends_at,
            mark: Mark { price: candle.open, at: candle.open_time },
            stage: Stage::Open,
            low_visited: false,
            high_visited: false,
        }
    }

    /// Through a bar, from the price in it that is nearest to the last one before it. A market order fills at its
    /// end, at bid or ask.
    ///
    /// A bar has no volume of its own: what the last candle had in so much time is taken, `pace` a millisecond.
    pub fn through_bar(bar: &PriceBar, before: Option<Mark>, pace: f64) -> Self {
        let open = before.map_or(bar.last, |mark| mark.price.clamp(bar.low, bar.high));
        let (bid, ask) = believed(bar);
        Self {
            symbol: bar.symbol,
            low: bar.low,
            high: bar.high,
            close: bar.last,
            volume: known(pace * before.map_or(0, |mark| bar.at.since_ms(mark.at)) as f64),
            bid,
            ask,
            opens_at: None,
            ends_at: bar.at,
            mark: Mark { price: open, at: bar.at },
            stage: Stage::Open,
            low_visited: false,
            high_visited: false,
        }
    }

    /// Whether the price stands at its end, so that an order that comes now is not for this walk.
    pub fn is_at_close(&self) -> bool {
        matches!(self.stage, Stage::Close { .. })
    }

    /// The order that trades where the price stands, by its place in the book, and the price before slippage.
    pub fn due(&self, book: &Book) -> Option<(usize, Decimal)> {
        let orders = book.orders().iter().enumerate();
        let (index, order) = orders.filter(|(_, order)| self.fires(order)).min_by_key(|(_, order)| order.rank())?;
        Some((index, self.price_for(order.request.side)))
    }

    fn fires(&self, order: &Order) -> bool {
        if order.parted == Some(self.ends_at) {
            return false;
        }
        match (self.stage, order.trigger) {
            (Stage::Open, Trigger::Now) => self.opens_at.is_some_and(|at| order.sent_at <= at),
            (Stage::Between, Trigger::Now) => false,
            (Stage::Open | Stage::Between, trigger) => trigger.passed_by(self.mark.price),
            (Stage::Close { before }, Trigger::Now) => order.number < before && order.sent_at <= self.ends_at,
            // On the way to the close every trigger that it passes was met.
            (Stage::Close { .. }, Trigger::AtOrBelow(_) | Trigger::AtOrAbove(_)) => false,
        }
    }

    /// What a taker gets where the price stands: at the end bid or ask, before it the price and what the end's quote is worse than
    /// its price.
    fn price_for(&self, side: OrderSide) -> Decimal {
        let price = exact(self.mark.price);
        match (self.stage, side) {
            (Stage::Close { .. }, OrderSide::Buy) => exact(self.ask),
            (Stage::Close { .. }, OrderSide::Sell) => exact(self.bid),
            (_, OrderSide::Buy) if self.ask > self.close => price + (exact(self.ask) - exact(self.close)),
            (_, OrderSide::Sell) if self.bid < self.close => price - (exact(self.close) - exact(self.bid)),
            (Stage::Open | Stage::Between, _) => price,
        }
    }

    /// Moves the price to the nearest trigger on the way, or to the next turning point; `false` at the end of the
    /// walk.
    ///
    /// `next_order` is the number that the next order to come will have.
    pub fn advance(&mut self, book: &Book, next_order: u64) -> bool {
        if self.is_at_close() {
            return false;
        }
        let target = self.turning_point(book);
        let stop = nearest_trigger(book, self.mark.price, target);
        self.mark = Mark { price: stop.unwrap_or(target), at: self.ends_at };
        self.stage = Stage::Between;
        if stop.is_none() {
            self.arrive(target, next_order);
        }
        true
    }

    /// The extreme that hurts, then the other one, then the close.
    fn turning_point(&self, book: &Book) -> f64 {
        let low_first = match book.position.map(|held| held.side) {
            Some(Side::Long) => true,
            Some(Side::Short) => false,
            None => self.flat_goes_low_first(book),
        };
        match (self.low_visited, self.high_visited, low_first) {
            (false, false, true) | (false, true, _) => self.low,
            (false, false, false) | (true, false, _) => self.high,
            (true, true, _) => self.close,
        }
    }

    /// While flat only orders that enter matter: they are met first, so that what they open still meets the other
    /// extreme.
    fn flat_goes_low_first(&self, book: &Book) -> bool {
        let enters = |order: &Order, price| !order.request.reduce_only && order.trigger.passed_by(price);
        let fires = |price: f64| book.orders().iter().any(|order| enters(order, price));
        fires(self.low) || !fires(self.high)
    }

    fn arrive(&mut self, target: f64, next_order: u64) {
        if self.low_visited && self.high_visited {
            self.stage = Stage::Close { before: next_order };
        }
        self.low_visited |= target == self.low;
        self.high_visited |= target == self.high;
    }

    pub fn check(&self) {
        let Mark { price, at } = self.mark;
        assert!(self.low <= price && price <= self.high, "the walk stands at {price}, outside its candle");
        assert!(at <= self.ends_at, "the walk stands after its end");
    }
}

/// The first trigger, or liquidation, that the price meets from where it stands, exclusive, to where it goes, inclusive.
fn nearest_trigger(book: &Book, from: f64, to: f64) -> Option<f64> {
    let mut nearest = None;
    for trigger in book.triggers() {
        let met = match trigger {
            Trigger::AtOrBelow(trigger) if to <= trigger && trigger < from => trigger,
            Trigger::AtOrAbove(trigger) if from < trigger && trigger <= to => trigger,
            Trigger::Now | Trigger::AtOrBelow(_) | Trigger::AtOrAbove(_) => continue,
        };
        let is_nearer = nearest.is_none_or(|best: f64| (met - from).abs() < (best - from).abs());
        nearest = if is_nearer { Some(met) } else { nearest };
    }
    nearest
}
