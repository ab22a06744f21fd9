//! What the venue holds for one symbol: the last price, our position and our waiting orders.

use super::{
    account::Position,
    funding::Announced,
    order::{Order, Trigger},
};
use crate::market::{Between, ClientId, OrderKind, OrderRequest, SymbolId, Timestamp, decimal};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Waiting orders of one symbol, at most.
pub const OPEN_ORDERS: usize = 50;

/// A price as a decimal. Too small for one is 0; too large or NaN never gets in.
pub(super) fn exact(price: f64) -> Decimal {
    decimal(price).unwrap_or_default()
}

/// The last known price and its time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub price: f64,
    pub at: Timestamp,
}

/// Prices that fire none of them.
fn calm(orders: &[Order], liquidation: Option<Trigger>) -> Between {
    let of_each = orders.iter().map(|order| order.trigger).chain(liquidation).map(|trigger| match trigger {
        Trigger::Now => Between::NONE,
        Trigger::AtOrBelow(trigger) => Between { above: trigger, ..Between::ALL },
        Trigger::AtOrAbove(trigger) => Between { below: trigger, ..Between::ALL },
    });
    of_each.fold(Between::ALL, Between::and)
}

/// One symbol's state. Orders stand in the order in which they came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub(super) struct Book {
    pub mark: Option<Mark>,
    pub position: Option<Position>,
    /// What the venue has said about funding; `None` until it has.
    pub announced: Option<Announced>,
    /// What was traded in a millisecond of the last candle, in base units; 0 where that is not known, or not asked for.
    pub pace: f64,
    /// What the price must not reach, or the position is closed by force.
    liquidation: Option<Trigger>,
    orders: Vec<Order>,
    /// Prices strictly between the two fire nothing.
    #[serde(skip)]
    pub calm: Between,
}

/// A book as it is read back, field by field in the same order: without what follows from the rest. Later fields have defaults.
#[derive(Default, Deserialize)]
struct Stored {
    mark: Option<Mark>,
    position: Option<Position>,
    #[serde(default)]
    announced: Option<Announced>,
    #[serde(default)]
    pace: f64,
    /// Worked out anew from the settings, so that a state without it is as good.
    #[serde(default)]
    liquidation: Option<Trigger>,
    orders: Vec<Order>,
}

impl From<Stored> for Book {
    fn from(Stored { mark, position, announced, liquidation, pace, orders }: Stored) -> Self {
        Self { mark, position, announced, liquidation, pace, calm: calm(&orders, liquidation), orders }
    }
}

impl Default for Book {
    fn default() -> Self {
        Self::from(Stored::default())
    }
}

impl Book {
    pub fn orders(&self) -> &[Order] {
        &self.orders
    }

    pub fn insert(&mut self, order: Order) {
        self.orders.push(order);
        self.refresh();
    }

    /// A part of an order has traded in the walk that ends at `walk`; the rest goes on in the next one.
    pub fn part(&mut self, index: usize, qty: Decimal, walk: Timestamp) {
        let order = &mut self.orders[index];
        order.request.qty -= qty;
        order.parted = Some(walk);
        if !matches!(order.request.kind, OrderKind::Limit { .. }) {
            order.trigger = Trigger::Now;
        }
        self.refresh();
    }

    /// Has an order wait for another trigger.
    pub fn wait_for(&mut self, index: usize, trigger: Trigger) {
        self.orders[index].trigger = trigger;
        self.refresh();
    }

    pub fn remove(&mut self, index: usize) -> Order {
        let order = self.orders.remove(index);
        self.refresh();
        order
    }

    /// Where the position is closed by force.
    pub fn liquidation(&self) -> Option<Trigger> {
        self.liquidation
    }

    pub fn set_liquidation(&mut self, liquidation: Option<Trigger>) {
        self.liquidation = liquidation;
        self.refresh();
    }

    /// What the price can reach.
    pub fn triggers(&self) -> impl Iterator<Item = Trigger> {
        self.orders.iter().map(|order| order.trigger).chain(self.liquidation)
    }

    pub fn find(&self, id: ClientId) -> Option<usize> {
        self.orders.iter().position(|order| order.request.id == id)
    }

    /// Whether a price after `at` is already known, so that what happened before is past.
    #[inline]
    pub fn knows_later_than(&self, at: Timestamp) -> bool {
        self.mark.is_some_and(|mark| mark.at > at)
    }

    /// The last known price as a decimal.
    pub fn price(&self) -> Option<Decimal> {
        self.mark.map(|mark| exact(mark.price))
    }

    /// The part of an order that would reduce the position.
    pub fn reducible(&self, request: &OrderRequest) -> Decimal {
        self.position.map_or(Decimal::ZERO, |held| held.reducible(request.side, request.qty))
    }

    /// The next time that the position pays for being held.
    pub fn next_funding(&self) -> Option<Timestamp> {
        let held = self.position?;
        let announced = self.announced.map(|announced| announced.at).filter(|at| *at > held.settled);
        Some(announced.unwrap_or_else(|| held.next_funding()))
    }

    pub fn unrealised(&self) -> Decimal {
        match (self.position, self.price()) {
            (Some(held), Some(price)) => held.unrealised(price),
            (None, _) | (_, None) => Decimal::ZERO,
        }
    }

    /// Whether an order would close all that is held, and do nothing else.
    pub fn closes_with(&self, request: &OrderRequest) -> bool {
        let whole = self.position.is_some_and(|held| held.qty == request.qty && held.side.exit() == request.side);
        request.reduce_only && whole
    }

    /// Gives the symbol another number.
    pub fn renumber(&mut self, symbol: SymbolId) {
        self.orders.iter_mut().for_each(|order| order.request.symbol = symbol);
    }

    fn refresh(&mut self) {
        self.calm = calm(&self.orders, self.liquidation);
    }

    pub fn check(&self) {
        assert!(self.orders.len() <= OPEN_ORDERS, "more than {OPEN_ORDERS} orders wait");
        assert!(self.orders.is_sorted_by(|a, b| a.number < b.number), "waiting orders are out of order");
        assert!(self.orders.iter().all(|order| order.request.qty > Decimal::ZERO), "an order over nothing waits");
        assert!(self.position.is_some() || self.liquidation.is_none(), "nothing is held that could be liquidated");
        if let Some(held) = self.position {
            assert!(
                held.qty > Decimal::ZERO && held.cost >= Decimal::ZERO,
                "a position is {} for {}",
                held.qty,
                held.cost
            );
            assert!(self.mark.is_some(), "a position is held at no known price");
        }
        assert_eq!(self.calm, calm(&self.orders, self.liquidation), "the calm range does not follow from the orders");
    }
}
