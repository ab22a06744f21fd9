//! An algo order: a stop, a target or a trailing stop, which waits outside of the order book and places an order when it fires.

use super::{
    super::tape::Tape,
    order::{Until, side_name},
    text::fixed,
};
use crate::market::{OrderSide, Timestamp};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// Which kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum AlgoKind {
    StopMarket,
    TakeProfitMarket,
    Stop,
    TakeProfit,
    Trailing,
}

/// Which price fires it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Working {
    Contract,
    Mark,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlgoStatus {
    /// It waits.
    New,
    /// Handed to the engine; no order is there yet.
    Triggering,
    /// Its order is there.
    Triggered,
    /// Its order has ended, filled or not.
    Finished,
    /// By the account.
    Canceled,
    /// The engine would not have its order.
    Rejected,
    /// By the exchange.
    Expired,
}

/// An algo order.
#[derive(Debug, Clone)]
pub struct Algo {
    pub id: u64,
    pub client_id: String,
    pub place: usize,
    pub side: OrderSide,
    pub kind: AlgoKind,
    pub until: Until,
    /// 0 where it closes the position.
    pub qty: Decimal,
    /// 0 for a trailing stop.
    pub trigger: Decimal,
    /// The limit of the order that it places; 0 for none.
    pub price: Decimal,
    /// Of a trailing stop: from which price on it trails, and how far behind, in percent.
    pub trail: Option<Trail>,
    pub working: Working,
    pub reduce_only: bool,
    pub close_position: bool,
    pub price_protect: bool,
    pub status: AlgoStatus,
    /// The order that it has placed.
    pub order: Option<u64>,
    /// What that one has traded, and its mean price.
    pub filled: Decimal,
    pub average: Decimal,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub fired: Timestamp,
    /// Why the engine refused.
    pub reason: &'static str,
    pub by_hand: bool,
    /// It stays between trigger and order; a fault.
    pub stuck: bool,
}

/// How a trailing stop follows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trail {
    /// It follows from here on; 0: at once.
    pub activate: Decimal,
    /// In percent.
    pub rate: Decimal,
    /// The best price so far; `None` before it follows.
    pub best: Option<f64>,
}

impl AlgoKind {
    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        let all = [Self::StopMarket, Self::TakeProfitMarket, Self::Stop, Self::TakeProfit, Self::Trailing];
        all.into_iter().find(|kind| kind.name() == name)
    }

    /// As requests name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StopMarket => "STOP_MARKET",
            Self::TakeProfitMarket => "TAKE_PROFIT_MARKET",
            Self::Stop => "STOP",
            Self::TakeProfit => "TAKE_PROFIT",
            Self::Trailing => "TRAILING_STOP_MARKET",
        }
    }

    /// Whether it places a limit order.
    pub const fn is_limit(self) -> bool {
        matches!(self, Self::Stop | Self::TakeProfit)
    }

    /// Whether it fires on the losing side of the price.
    const fn is_stop(self) -> bool {
        matches!(self, Self::StopMarket | Self::Stop | Self::Trailing)
    }

    /// Whether a price fires one with that trigger.
    pub fn fires(self, side: OrderSide, trigger: f64, price: f64) -> bool {
        match (self.is_stop(), side) {
            (true, OrderSide::Sell) | (false, OrderSide::Buy) => price <= trigger,
            (true, OrderSide::Buy) | (false, OrderSide::Sell) => price >= trigger,
        }
    }
}

impl Working {
    const fn name(self) -> &'static str {
        match self {
            Self::Contract => "CONTRACT_PRICE",
            Self::Mark => "MARK_PRICE",
        }
    }
}

impl AlgoStatus {
    /// As answers name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::Triggering => "TRIGGERING",
            Self::Triggered => "TRIGGERED",
            Self::Finished => "FINISHED",
            Self::Canceled => "CANCELED",
            Self::Rejected => "REJECTED",
            Self::Expired => "EXPIRED",
        }
    }
}

impl Trail {
    /// Follows a price; whether it fires.
    pub fn follow(&mut self, side: OrderSide, price: f64) -> bool {
        let activate = crate::market::float(self.activate);
        let reached = match side {
            OrderSide::Sell => price >= activate,
            OrderSide::Buy => price <= activate,
        };
        if self.best.is_none() && !self.activate.is_zero() && !reached {
            return false;
        }
        let best = self.best.unwrap_or(price);
        let rate = crate::market::float(self.rate) / 100.0;
        let (best, fires) = match side {
            OrderSide::Sell => (best.max(price), price <= best.max(price) * (1.0 - rate)),
            OrderSide::Buy => (best.min(price), price >= best.min(price) * (1.0 + rate)),
        };
        self.best = Some(best);
        fires
    }
}

impl Algo {
    /// Whether more can come of it.
    pub const fn is_open(&self) -> bool {
        matches!(self.status, AlgoStatus::New | AlgoStatus::Triggering | AlgoStatus::Triggered)
    }

    fn until_name(&self) -> &'static str {
        if self.close_position { "GTE_GTC" } else { self.until.name() }
    }

    /// What requests answer; placing tells no more than what was sent.
    pub fn answer(&self, tape: &Tape, placing: bool) -> Value {
        let (price, qty) = (tape.price.digits(), tape.qty.digits());
        let trail =
            |of: fn(&Trail) -> Decimal| self.trail.map(|trail| of(&trail).normalize().to_string()).unwrap_or_default();
        let mut value = json!({
            "algoId": self.id, "clientAlgoId": self.client_id, "algoType": "CONDITIONAL", "orderType": self.kind.name(),
            "symbol": tape.name, "side": side_name(self.side), "positionSide": "BOTH", "timeInForce": self.until_name(),
            "quantity": fixed(self.qty, qty), "algoStatus": self.status.name(), "triggerPrice": fixed(self.trigger, price),
            "price": fixed(self.price, price), "icebergQuantity": null, "selfTradePreventionMode": "EXPIRE_MAKER",
            "workingType": self.working.name(), "priceMatch": "NONE", "closePosition": self.close_position,
            "priceProtect": self.price_protect, "reduceOnly": self.reduce_only, "activatePrice": trail(|trail| trail.activate),
            "callbackRate": trail(|trail| trail.rate), "createTime": self.created.0, "updateTime": self.updated.0,
            "triggerTime": self.fired.0, "goodTillDate": self.until.date(),
        });
        if let (false, Some(fields)) = (placing, value.as_object_mut()) {
            let more = [
                ("actualOrderId", json!(self.order.map(|id| id.to_string()).unwrap_or_default())),
                ("actualPrice", json!(fixed(self.average, 5))),
                ("actualQty", json!(fixed(self.filled, qty))),
                ("actualType", json!(if self.order.is_some() { self.spawns() } else { "" })),
                ("tpTriggerPrice", json!("0.000")),
                ("tpPrice", json!("0.000")),
                ("slTriggerPrice", json!("0.000")),
                ("slPrice", json!("0.000")),
                ("tpOrderType", json!("")),
            ];
            fields.extend(more.map(|(name, value)| (name.to_owned(), value)));
        }
        value
    }

    /// The kind of order that it places.
    const fn spawns(&self) -> &'static str {
        if self.kind.is_limit() { "LIMIT" } else { "MARKET" }
    }

    /// What the account's stream says of it.
    pub fn event(&self, now: Timestamp, tape: &Tape) -> Value {
        let (price, qty) = (tape.price.digits(), tape.qty.digits());
        let mut order = json!({
            "caid": self.client_id, "aid": self.id, "at": "CONDITIONAL", "o": self.kind.name(), "s": tape.name,
            "S": side_name(self.side), "ps": "BOTH", "f": self.until_name(), "q": fixed(self.qty, qty), "X": self.status.name(),
            "ai": self.order.map(|id| id.to_string()).unwrap_or_default(), "ap": fixed(self.average, 5),
            "aq": fixed(self.filled, qty), "act": if self.order.is_some() { self.spawns() } else { "0" },
            "tp": fixed(self.trigger, price), "p": fixed(self.price, price), "V": "EXPIRE_MAKER", "wt": self.working.name(),
            "pm": "NONE", "cp": self.close_position, "pP": self.price_protect, "R": self.reduce_only, "tt": self.fired.0,
            "gtd": self.until.date(),
        });
        if !self.reason.is_empty() {
            order["rm"] = self.reason.into();
        }
        if let Some(trail) = self.trail {
            order["AP"] = trail.activate.normalize().to_string().into();
            order["cr"] = trail.rate.normalize().to_string().into();
        }
        json!({ "e": "ALGO_UPDATE", "T": self.updated.0, "E": now.0, "o": order })
    }
}
