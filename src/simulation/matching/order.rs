//! Orders that wait, and why some are refused.

use crate::market::{Class, Instrument, LARGEST_QTY, OrderKind, OrderRequest, OrderSide, PRICES, Timestamp, float};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Why an order is refused, with Binance's number for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    pub code: i32,
    pub class: Class,
}

impl Refusal {
    pub const UNKNOWN_SYMBOL: Self = Self::new(-1121, Class::Other);
    pub const TOO_MANY: Self = Self::new(-2025, Class::Other);
    pub const DUPLICATE: Self = Self::new(-4116, Class::Duplicate);
    pub const MARGIN: Self = Self::new(-2019, Class::Margin);
    pub const LEVERAGE: Self = Self::new(-2027, Class::Margin);
    pub const NOTHING_TO_REDUCE: Self = Self::new(-2022, Class::ReduceOnly);
    pub const WOULD_TRADE: Self = Self::new(-5022, Class::WouldTrigger);
    pub const NOTIONAL: Self = Self::new(-4164, Class::Filter);
    const QTY_TOO_SMALL: Self = Self::new(-4003, Class::Filter);
    const QTY_TOO_LARGE: Self = Self::new(-4005, Class::Filter);
    const QTY_OFF_STEP: Self = Self::new(-1111, Class::Filter);
    const PRICE_TOO_SMALL: Self = Self::new(-4001, Class::Filter);
    const PRICE_TOO_LARGE: Self = Self::new(-4002, Class::Filter);
    const PRICE_OFF_TICK: Self = Self::new(-4014, Class::Filter);

    const fn new(code: i32, class: Class) -> Self {
        Self { code, class }
    }
}

fn ensure(holds: bool, refusal: Refusal) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(refusal) }
}

/// Whether the quantity keeps the instrument's rules.
pub(super) fn filter_qty(instrument: &Instrument, request: &OrderRequest) -> Result<(), Refusal> {
    ensure(request.qty > Decimal::ZERO && request.qty >= instrument.min_qty, Refusal::QTY_TOO_SMALL)?;
    ensure(request.qty <= LARGEST_QTY, Refusal::QTY_TOO_LARGE)?;
    ensure(instrument.is_on_step(request.qty), Refusal::QTY_OFF_STEP)
}

/// Whether trigger or limit keeps the instrument's rules.
pub(super) fn filter_price(instrument: &Instrument, request: &OrderRequest) -> Result<(), Refusal> {
    match request.kind {
        OrderKind::Market => Ok(()),
        OrderKind::StopMarket { trigger: price }
        | OrderKind::TakeProfitMarket { trigger: price }
        | OrderKind::Limit { price, .. } => {
            ensure(price > Decimal::ZERO, Refusal::PRICE_TOO_SMALL)?;
            ensure(float(price) <= *PRICES.end(), Refusal::PRICE_TOO_LARGE)?;
            ensure(instrument.is_on_tick(price), Refusal::PRICE_OFF_TICK)
        }
    }
}

/// When an order trades. The trigger stands here as `f64`, so that a price costs comparisons only.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) enum Trigger {
    /// At the next price: a market order, or one whose trigger was passed when it came.
    Now,
    /// Once the price is here or lower.
    AtOrBelow(f64),
    /// Once the price is here or higher.
    AtOrAbove(f64),
}

impl Trigger {
    /// A limit trades only once the price has gone through it by a tick: at its very price others may stand before it.
    pub fn of(request: &OrderRequest, tick: Decimal) -> Self {
        match (request.kind, request.side) {
            (OrderKind::Market, _) => Self::Now,
            (OrderKind::Limit { price, .. }, OrderSide::Buy) => Self::AtOrBelow(float(price - tick)),
            (OrderKind::Limit { price, .. }, OrderSide::Sell) => Self::AtOrAbove(float(price + tick)),
            (OrderKind::StopMarket { trigger }, OrderSide::Sell)
            | (OrderKind::TakeProfitMarket { trigger }, OrderSide::Buy) => Self::AtOrBelow(float(trigger)),
            (OrderKind::StopMarket { trigger }, OrderSide::Buy)
            | (OrderKind::TakeProfitMarket { trigger }, OrderSide::Sell) => Self::AtOrAbove(float(trigger)),
        }
    }

    /// Whether a price fires it; a market order needs no price to.
    pub fn passed_by(self, price: f64) -> bool {
        match self {
            Self::Now => false,
            Self::AtOrBelow(trigger) => price <= trigger,
            Self::AtOrAbove(trigger) => price >= trigger,
        }
    }
}

/// Whether a taker's price keeps an order's limit, where it has one.
pub(super) fn keeps_limit(request: &OrderRequest, taken: Decimal) -> bool {
    match (request.kind, request.side) {
        (OrderKind::Limit { price, .. }, OrderSide::Buy) => taken <= price,
        (OrderKind::Limit { price, .. }, OrderSide::Sell) => taken >= price,
        (OrderKind::Market | OrderKind::StopMarket { .. } | OrderKind::TakeProfitMarket { .. }, _) => true,
    }
}

/// An order that the venue has accepted, with the quantity that has not traded. It trades whole, or cut to what it may do, and is
/// then gone; or in parts, where the market is too small for it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Order {
    pub request: OrderRequest,
    /// Counts up over all orders.
    pub number: u64,
    pub sent_at: Timestamp,
    pub trigger: Trigger,
    /// The end of the last walk in which a part of it traded: one walk, one part.
    #[serde(default)]
    pub parted: Option<Timestamp>,
}

impl Order {
    /// Which of several orders that fire at one price goes first: what was sent for now, then stops, then targets.
    pub fn rank(&self) -> u8 {
        match (self.trigger, self.request.kind) {
            (Trigger::Now, _) => 0,
            (_, OrderKind::TakeProfitMarket { .. } | OrderKind::Limit { .. }) => 2,
            (_, OrderKind::Market | OrderKind::StopMarket { .. }) => 1,
        }
    }
}
