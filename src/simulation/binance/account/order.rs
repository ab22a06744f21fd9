//! An order, and how answers write it.

use super::{super::tape::Tape, text::fixed};
use crate::market::{OrderSide, Timestamp};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// How an order trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Market,
    Limit,
}

/// How long it stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Cancelled.
    Gtc,
    /// Now: what does not trade at once, expires.
    Ioc,
    /// Now, whole or not at all.
    Fok,
    /// Cancelled; and it may not trade at once.
    Gtx,
    /// A date.
    Gtd(Timestamp),
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Status {
    New,
    PartiallyFilled,
    Filled,
    Canceled,
    Expired,
}

/// Who has sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum By {
    Key,
    Hand,
    /// The algo order of that number.
    Algo(u64),
    Liquidation,
    Deleveraging,
    Delisting,
}

/// An order.
#[derive(Debug, Clone)]
pub struct Order {
    pub id: u64,
    pub client_id: String,
    /// The market's place.
    pub place: usize,
    pub side: OrderSide,
    pub kind: Kind,
    pub until: Until,
    pub qty: Decimal,
    /// The limit; 0 for none.
    pub price: Decimal,
    /// What it was before it fired, and where; `None` for what never waited.
    pub fired: Option<(&'static str, Decimal)>,
    pub filled: Decimal,
    /// Price × quantity of what is filled.
    pub quote: Decimal,
    pub reduce_only: bool,
    pub close_position: bool,
    pub status: Status,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub by: By,
    /// It fills in so many parts, one a beat; a fault.
    pub parts: Option<u32>,
}

/// `BUY` or `SELL`.
pub const fn side_name(side: OrderSide) -> &'static str {
    match side {
        OrderSide::Buy => "BUY",
        OrderSide::Sell => "SELL",
    }
}

impl Kind {
    /// As requests name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Market => "MARKET",
            Self::Limit => "LIMIT",
        }
    }
}

impl Until {
    /// As requests name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gtc => "GTC",
            Self::Ioc => "IOC",
            Self::Fok => "FOK",
            Self::Gtx => "GTX",
            Self::Gtd(_) => "GTD",
        }
    }

    /// Its end, 0 for none.
    pub const fn date(self) -> i64 {
        match self {
            Self::Gtd(at) => at.0,
            Self::Gtc | Self::Ioc | Self::Fok | Self::Gtx => 0,
        }
    }
}

impl Status {
    /// As answers name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::PartiallyFilled => "PARTIALLY_FILLED",
            Self::Filled => "FILLED",
            Self::Canceled => "CANCELED",
            Self::Expired => "EXPIRED",
        }
    }
}

impl Order {
    /// What has not traded.
    pub fn left(&self) -> Decimal {
        self.qty - self.filled
    }

    /// Whether more can come of it.
    pub const fn is_open(&self) -> bool {
        matches!(self.status, Status::New | Status::PartiallyFilled)
    }

    /// The mean price of what has traded; 0 for nothing.
    pub fn average(&self) -> Decimal {
        if self.filled.is_zero() { Decimal::ZERO } else { (self.quote / self.filled).round_dp(8) }
    }

    /// The kind that was sent at first.
    pub fn first_kind(&self) -> &'static str {
        self.fired.map_or(self.kind.name(), |(kind, _)| kind)
    }

    /// What placing and cancelling answer; since mid 2026 without mean price and turnover.
    pub fn short(&self, tape: &Tape) -> Value {
        let (price, qty) = (tape.price.digits(), tape.qty.digits());
        json!({
            "orderId": self.id, "symbol": tape.name, "status": self.status.name(), "clientOrderId": self.client_id,
            "price": fixed(self.price, price), "origQty": fixed(self.qty, qty), "executedQty": fixed(self.filled, qty),
            "cumQty": fixed(self.filled, qty), "timeInForce": self.until.name(), "type": self.kind.name(),
            "reduceOnly": self.reduce_only, "closePosition": self.close_position, "side": side_name(self.side),
            "positionSide": "BOTH", "stopPrice": fixed(self.fired.map_or(Decimal::ZERO, |(_, at)| at), price),
            "workingType": "CONTRACT_PRICE", "priceProtect": false, "origType": self.first_kind(), "priceMatch": "NONE",
            "selfTradePreventionMode": "EXPIRE_MAKER", "goodTillDate": self.until.date(), "updateTime": self.updated.0,
        })
    }

    /// What a look-up answers.
    pub fn whole(&self, tape: &Tape) -> Value {
        let mut value = self.short(tape);
        if let Some(fields) = value.as_object_mut() {
            fields.remove("cumQty");
            let average = fixed(self.average(), tape.price.digits().max(5));
            fields.insert("avgPrice".to_owned(), average.into());
            fields.insert("cumQuote".to_owned(), self.quote.normalize().to_string().into());
            fields.insert("time".to_owned(), self.created.0.into());
        }
        value
    }
}
