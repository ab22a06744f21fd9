//! What the engine and a venue say to each other about orders and the account.

use super::{LARGEST_AMOUNT, LARGEST_QTY, OrderSide, Side, SymbolId, Timestamp, notional};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::fmt;

/// The name that we give an order: at most 32 lower-case letters and digits, which nearly every venue accepts.
#[derive(Clone, Copy, Eq, PartialOrd, Ord)]
pub struct ClientId {
    bytes: [u8; Self::LONGEST],
    len: u8,
}

impl ClientId {
    /// The longest name.
    pub const LONGEST: usize = 32;

    /// A name from its text; `None` when it is empty, too long or has other characters.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        Self::of(text.as_bytes())
    }

    /// The same from the characters.
    #[must_use]
    pub fn of(text: &[u8]) -> Option<Self> {
        let fits = (1..=Self::LONGEST).contains(&text.len());
        // all of them at once, and not one after the other
        let is_plain = |all, byte: &u8| all & (byte.is_ascii_lowercase() | byte.is_ascii_digit());
        if !fits || !text.iter().fold(true, is_plain) {
            return None;
        }
        let mut bytes = [0; Self::LONGEST];
        bytes[..text.len()].copy_from_slice(text);
        Some(Self { bytes, len: text.len() as u8 })
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }

    /// A number that hardly two names have in common.
    #[must_use]
    pub fn digest(&self) -> u32 {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15; // spreads each bit over those above it
        let (words, _) = self.bytes.as_chunks::<8>();
        let all =
            words.iter().fold(0, |all: u64, word| (all.rotate_left(32) ^ u64::from_le_bytes(*word)).wrapping_mul(ODD));
        (all >> 32) as u32
    }
}

impl PartialEq for ClientId {
    /// Names of one strategy begin alike, so that a few of their last characters tell nearly any two apart: each new name is compared with
    /// dozens. What is behind a name's end is 0, and no name has a 0 in it.
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        let tail = |name: &Self| name.bytes[16..24].first_chunk::<8>().map(|tail| u64::from_ne_bytes(*tail));
        tail(self) == tail(other) && self.bytes == other.bytes
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ClientId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ClientId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::new(&text).ok_or_else(|| D::Error::custom("a client id has 1 to 32 lower-case letters and digits"))
    }
}

/// Whether an order of this name may be one of ours: 13 for strategy and symbol, 10 for the time, side, leg, and the attempt.
/// Names that people and other programs give do not look like this.
#[must_use]
pub fn could_be_ours(name: &str) -> bool {
    let bytes = name.as_bytes();
    let leg = bytes.get(23).zip(bytes.get(24));
    let is_long_enough = (26..=ClientId::LONGEST).contains(&bytes.len()) && ClientId::new(name).is_some();
    is_long_enough && leg.is_some_and(|(side, leg)| b"ls".contains(side) && b"estx".contains(leg))
}

/// How an order becomes a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderKind {
    /// At once, at the next price.
    Market,
    /// A market order once the price has reached `trigger` on the losing side: at or below for a sell, at or above for a buy.
    StopMarket {
        /// In USDT, on the tick.
        trigger: Decimal,
    },
    /// A market order once the price has reached `trigger` on the winning side: at or above for a sell, at or below for a buy.
    TakeProfitMarket {
        /// In USDT, on the tick.
        trigger: Decimal,
    },
    /// At `price` or better; what does not trade at once, rests.
    Limit {
        /// In USDT, on the tick.
        price: Decimal,
        /// Refused where it would trade at once, so that it pays the maker's fee or nothing.
        post_only: bool,
    },
}

impl OrderKind {
    /// Whether it waits for a trigger.
    #[must_use]
    pub const fn is_conditional(&self) -> bool {
        match self {
            Self::StopMarket { .. } | Self::TakeProfitMarket { .. } => true,
            Self::Market | Self::Limit { .. } => false,
        }
    }
}

/// An order as the engine wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRequest {
    /// Our name for it; two requests with one name are one order.
    pub id: ClientId,
    /// The market.
    pub symbol: SymbolId,
    /// Buy or sell.
    pub side: OrderSide,
    /// Market, stop, target or limit.
    pub kind: OrderKind,
    /// In base units, on the step, above 0.
    pub qty: Decimal,
    /// May close or reduce a position, never open, grow or turn it (S3).
    pub reduce_only: bool,
}

/// What the engine asks of the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderCommand {
    /// Place an order.
    Place(OrderRequest),
    /// Cancel an order; no effect on one that has ended.
    Cancel {
        /// The order's name.
        id: ClientId,
        /// The order's market.
        symbol: SymbolId,
    },
}

/// One trade of one of our orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// The order.
    pub id: ClientId,
    /// The venue's number of the trade; a second fill with this number is the same fill (S6).
    pub trade_id: u64,
    /// The market.
    pub symbol: SymbolId,
    /// The order's direction.
    pub side: OrderSide,
    /// In base units, above 0.
    pub qty: Decimal,
    /// In USDT, above 0.
    pub price: Decimal,
    /// Paid, in USDT; negative for a rebate.
    pub fee: Decimal,
    /// When, by the venue's time.
    pub at: Timestamp,
}

impl Fill {
    /// Whether its numbers can be those of a trade.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        let up_to = |value: Decimal, most: Decimal| !value.is_sign_negative() && !value.is_zero() && value <= most;
        let parts = up_to(self.qty, LARGEST_QTY) && up_to(self.price, Decimal::from(1_000_000_000));
        parts && notional(self.price, self.qty) <= LARGEST_AMOUNT && self.fee.abs() <= LARGEST_AMOUNT
    }
}

/// Why a venue refused an order, as far as what to do next depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Class {
    /// The account cannot pay for it.
    Margin,
    /// Price, quantity or value break the instrument's rules.
    Filter,
    /// A reduce-only order with nothing to reduce.
    ReduceOnly,
    /// A stop or target on the wrong side of the price.
    WouldTrigger,
    /// The name was used before.
    Duplicate,
    /// Anything else.
    Other,
}

/// How an order ended without a last fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ended {
    /// By us or by hand.
    Cancelled,
    /// By the venue.
    Expired,
    /// A stop or target fired, and another order carries on.
    Triggered,
}

/// What became of an order. `Refused` is sure; `Unknown` stays unknown until there is evidence (S8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderUpdate {
    /// The venue has it.
    Accepted {
        /// The order.
        id: ClientId,
    },
    /// The venue will not have it; nothing was executed.
    Refused {
        /// The order.
        id: ClientId,
        /// The venue's number for the reason.
        code: i32,
        /// What it means for us.
        class: Class,
    },
    /// Nobody knows whether the venue has it.
    Unknown {
        /// The order.
        id: ClientId,
    },
    /// It traded, wholly or in part.
    Filled(Fill),
    /// The venue closed a position or a part of it by force, with an order of its own. Its reduce-only orders end by themselves.
    Liquidated(Fill),
    /// It ended without (another) fill.
    Ended {
        /// The order.
        id: ClientId,
        /// In which way.
        how: Ended,
    },
    /// Looked up as the venue demands, and not there: it was never executed.
    Absent {
        /// The order.
        id: ClientId,
    },
}

impl OrderUpdate {
    /// The order that this is about.
    #[must_use]
    pub const fn id(&self) -> ClientId {
        match self {
            Self::Accepted { id }
            | Self::Refused { id, .. }
            | Self::Unknown { id }
            | Self::Ended { id, .. }
            | Self::Absent { id } => *id,
            Self::Filled(fill) | Self::Liquidated(fill) => fill.id,
        }
    }
}

/// What a venue charged a position for holding it over a funding time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundingPaid {
    /// The market.
    pub symbol: SymbolId,
    /// In USDT; positive is paid, negative is received.
    pub amount: Decimal,
    /// The funding time.
    pub at: Timestamp,
}

/// What a symbol's positions will pay at its next funding time, as far as the venue knows it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundingRate {
    /// The market.
    pub symbol: SymbolId,
    /// What a long pays a short, as a part of the position's value (0.0001 is 0.01 %); negative the other way round.
    pub rate: Decimal,
    /// When it is settled.
    pub at: Timestamp,
}

impl FundingRate {
    /// The largest rate that is believed: 3 %.
    pub const LARGEST: Decimal = Decimal::from_parts(3, 0, 0, false, 2);
}

/// A position as the venue sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionView {
    /// The market.
    pub symbol: SymbolId,
    /// Long or short.
    pub side: Side,
    /// In base units, above 0.
    pub qty: Decimal,
    /// Average price of what is held, in USDT.
    pub entry_price: Decimal,
}

impl Side {
    /// A quantity that is held: as it is for a long, below 0 for a short.
    #[must_use]
    pub fn signed(self, qty: Decimal) -> Decimal {
        match self {
            Self::Long => qty,
            Self::Short => -qty,
        }
    }
}

impl PositionView {
    /// What is held, below 0 for a short, in base units.
    #[must_use]
    pub fn signed_qty(&self) -> Decimal {
        self.side.signed(self.qty)
    }
}

/// The account as the venue sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    /// Deposits plus realised results, in USDT.
    pub balance: Decimal,
    /// At most one a symbol, ordered by symbol.
    pub positions: Vec<PositionView>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_ids_are_lower_case_letters_and_digits() {
        assert_eq!(ClientId::new("ob1l3z").unwrap().as_str(), "ob1l3z");
        assert!(ClientId::new(&"a".repeat(32)).is_some());
        for text in ["", "A", "a-b", "ä", &"a".repeat(33)] {
            assert!(ClientId::new(text).is_none(), "{text}");
        }
    }
}
