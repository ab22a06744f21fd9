//! Positions and the trades that they become.

use crate::market::{Fill, Instrument, MONEY_DIGITS, Side, SymbolId, Timestamp, divided, float, notional, share};
use crate::strategies::Cause;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Why a position, or a part of it, was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)] // the names say it
pub enum Reason {
    Stop,
    Target,
    Trailing,
    Time,
    Breaker,
    Liquidation,
    Manual,
    End,
}

impl Reason {
    /// As `trades.csv` has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Target => "target",
            Self::Trailing => "trailing",
            Self::Time => "time",
            Self::Breaker => "breaker",
            Self::Liquidation => "liquidation",
            Self::Manual => "manual",
            Self::End => "end",
        }
    }
}

/// What an entry was meant to be; goes with its order until it fills.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The strategy's place in the configured list.
    pub strategy: u16,
    /// Long or short.
    pub side: Side,
    /// The close of the candle that raised the signal.
    pub signal_at: Timestamp,
    /// From entry to stop, in USDT.
    pub stop_distance: Decimal,
    /// From entry to target, in USDT.
    pub target_distance: Decimal,
    /// What raised the signal.
    #[serde(default)]
    pub cause: Cause,
}

/// A position of ours, with what protects it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// The market.
    pub symbol: SymbolId,
    /// What its entry was meant to be.
    pub plan: Plan,
    /// Time of the first entry fill.
    pub entry_time: Timestamp,
    /// Held now, in base units, above 0.
    pub qty: Decimal,
    /// Sum of price × quantity of what is held, in USDT.
    cost: Decimal,
    /// Entry fees of what is held, in USDT.
    entry_fees: Decimal,
    /// Funding paid for what is held, in USDT.
    funding: Decimal,
    /// What its closed parts have earned, in USDT.
    #[serde(default)]
    pub earned: Decimal,
    /// From the entry's price to the stop's first trigger, in USDT; the R of the trade.
    pub risk_distance: Decimal,
    /// Where the stop belongs, in USDT, on the tick.
    pub stop: Decimal,
    /// Where the target belongs, in USDT, on the tick.
    pub target: Decimal,
    /// The best price since the entry, as long as a stop trails it; else that of the entry.
    pub best: f64,
    /// Whether the stop has followed the price.
    pub trailed: bool,
    /// Set once the position is to be closed at the market.
    pub closing: Option<Reason>,
    /// How many stops in a row were refused, vanished or are in doubt.
    pub failed_stops: u8,
    /// Before this no target and no exit is sent: the last one came to nothing.
    pub retry_at: Timestamp,
    /// At an exchange: before this no stop is sent, since the last one was refused.
    #[serde(default)]
    pub stop_retry_at: Option<Timestamp>,
    /// At an exchange: set while no stop of its size stands there (S2).
    #[serde(default)]
    pub uncovered: Option<Uncovered>,
}

/// For how long a position has had no stop of its size at the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uncovered {
    /// Since when.
    pub since: Timestamp,
    /// When that was too long, and another stop was tried whatever was on its way.
    pub repaired: Option<Timestamp>,
}

/// A closed quantity: one row of `trades.csv`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// The market.
    pub symbol: SymbolId,
    /// The strategy's place in the configured list.
    pub strategy: u16,
    /// Long or short.
    pub side: Side,
    /// Time of the first entry fill.
    pub entry_time: Timestamp,
    /// Average, in USDT.
    pub entry_price: Decimal,
    /// In base units.
    pub qty: Decimal,
    /// Time of the exit fill.
    pub exit_time: Timestamp,
    /// In USDT.
    pub exit_price: Decimal,
    /// Why.
    pub reason: Reason,
    /// Price difference × quantity, in USDT.
    pub gross: Decimal,
    /// Entry and exit fees, in USDT.
    pub fees: Decimal,
    /// Funding paid, in USDT.
    pub funding: Decimal,
    /// Result in multiples of what the stop would have lost at the entry, four digits.
    pub r: Decimal,
    /// The account's balance after it, in USDT.
    pub balance: Decimal,
}

impl Trade {
    /// What it earned: gross − fees − funding, in USDT.
    #[must_use]
    pub fn pnl(&self) -> Decimal {
        self.gross - self.fees - self.funding
    }
}

impl Position {
    /// A position from the first fill of its entry; `stop` and `target` are on the tick.
    #[must_use]
    pub fn open(plan: Plan, fill: &Fill, stop: Decimal, target: Decimal) -> Self {
        Self {
            symbol: fill.symbol,
            plan,
            entry_time: fill.at,
            qty: fill.qty,
            cost: notional(fill.price, fill.qty),
            entry_fees: fill.fee,
            funding: Decimal::ZERO,
            earned: Decimal::ZERO,
            risk_distance: (fill.price - stop).abs(),
            stop,
            target,
            best: float(fill.price),
            trailed: false,
            closing: None,
            failed_stops: 0,
            retry_at: fill.at,
            stop_retry_at: None,
            uncovered: None,
        }
    }

    /// A further fill of its entry.
    pub fn grow(&mut self, fill: &Fill) {
        self.qty += fill.qty;
        self.cost += notional(fill.price, fill.qty);
        self.entry_fees += fill.fee;
    }

    /// Puts stop and target on the tick, which may be another than when they were set.
    pub fn keep_to(&mut self, rules: &Instrument) {
        self.stop = rules.round_stop(self.plan.side, self.stop);
        self.target = rules.round_target(self.plan.side, self.target);
    }

    /// Funding that was paid for it.
    pub fn charge(&mut self, amount: Decimal) {
        self.funding += amount;
    }

    /// Average price of what is held, in USDT.
    #[must_use]
    pub fn entry_price(&self) -> Decimal {
        divided(self.cost, self.qty, MONEY_DIGITS).normalize()
    }

    /// Sum of price × quantity of what is held, in USDT.
    #[must_use]
    pub const fn cost(&self) -> Decimal {
        self.cost
    }

    /// What it would earn at `price` without fees, in USDT.
    #[must_use]
    pub fn unrealised(&self, price: Decimal) -> Decimal {
        match self.plan.side {
            Side::Long => notional(price, self.qty) - self.cost,
            Side::Short => self.cost - notional(price, self.qty),
        }
    }

    /// What its stop would lose, in USDT; 0 where the stop has passed the entry.
    #[must_use]
    pub fn risk(&self) -> Decimal {
        (-self.unrealised(self.stop)).max(Decimal::ZERO)
    }

    /// Takes a fill of an exit out of it. The parts' costs, fees and funding add up to the whole's, to the last digit.
    ///
    /// `balance` is filled in by the caller once it is booked.
    pub fn reduce(&mut self, fill: &Fill, reason: Reason) -> Trade {
        assert!(fill.qty <= self.qty, "an exit of {} is larger than the position of {}", fill.qty, self.qty);
        let entry_price = self.entry_price();
        let part = |whole| share(whole, fill.qty, self.qty);
        let (cost, entry_fees, funding) = (part(self.cost), part(self.entry_fees), part(self.funding));
        self.qty -= fill.qty;
        self.cost -= cost;
        self.entry_fees -= entry_fees;
        self.funding -= funding;
        let value = notional(fill.price, fill.qty);
        let gross = if self.plan.side == Side::Long { value - cost } else { cost - value };
        let fees = entry_fees + fill.fee;
        let risk = self.risk_distance * fill.qty;
        let pnl = gross - fees - funding;
        let r = if risk.is_zero() { Decimal::ZERO } else { divided(pnl, risk, 4) };
        self.earned += pnl;
        Trade {
            symbol: self.symbol,
            strategy: self.plan.strategy,
            side: self.plan.side,
            entry_time: self.entry_time,
            entry_price,
            qty: fill.qty,
            exit_time: fill.at,
            exit_price: fill.price,
            reason,
            gross: gross.normalize(),
            fees: fees.normalize(),
            funding: funding.normalize(),
            r: r.normalize(),
            balance: Decimal::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{ClientId, OrderSide};
    use proptest::prelude::*;

    fn fill(side: OrderSide, qty: &str, price: &str, fee: &str) -> Fill {
        let number = |text: &str| text.parse().unwrap();
        let (qty, price, fee) = (number(qty), number(price), number(fee));
        let id = ClientId::new("a").unwrap();
        Fill { id, trade_id: 1, symbol: SymbolId(0), side, qty, price, fee, at: Timestamp(5) }
    }

    fn plan(side: Side) -> Plan {
        let (stop_distance, target_distance) = (Decimal::TEN, Decimal::TEN);
        Plan { strategy: 0, side, signal_at: Timestamp(0), stop_distance, target_distance, cause: Cause::Unsaid }
    }

    fn opened(side: Side, qty: &str, price: &str, fee: &str, stop: &str) -> Position {
        let entry = fill(side.entry(), qty, price, fee);
        Position::open(plan(side), &entry, stop.parse().unwrap(), Decimal::ONE)
    }

    #[test]
    fn a_trade_earns_difference_times_quantity_less_fees() {
        for (side, stop, exit, gross, r) in [
            (Side::Long, "99", "103", "6", "2.9"),
            (Side::Long, "99", "99", "-2", "-1.1"),
            (Side::Short, "101", "98", "4", "1.9"),
        ] {
            let mut position = opened(side, "2", "100", "0.1", stop);
            let trade = position.reduce(&fill(side.exit(), "2", exit, "0.1"), Reason::Target);
            assert_eq!((trade.gross.to_string(), trade.r.to_string()), (gross.into(), r.into()));
            assert_eq!(trade.pnl(), trade.gross - "0.2".parse::<Decimal>().unwrap());
            assert!(position.qty.is_zero());
        }
    }

    #[test]
    fn a_stop_beyond_the_entry_risks_nothing() {
        assert_eq!(opened(Side::Long, "2", "100", "0", "99").risk(), Decimal::TWO);
        assert_eq!(opened(Side::Long, "2", "100", "0", "101").risk(), Decimal::ZERO);
        assert_eq!(opened(Side::Short, "2", "100", "0", "101.5").risk(), Decimal::from(3));
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole(parts in prop::collection::vec((1u32..50, 1u32..100_000), 1..8), price in 1u32..100_000) {
            let total: u32 = parts.iter().map(|(qty, _)| qty).sum();
            let mut position = opened(Side::Long, &total.to_string(), &price.to_string(), "0.7", "1");
            position.charge("0.3".parse().unwrap());
            let mut sum = Decimal::ZERO;
            let mut value = Decimal::ZERO;
            for (qty, price) in &parts {
                sum += position.reduce(&fill(OrderSide::Sell, &qty.to_string(), &price.to_string(), "0"), Reason::Stop).pnl();
                value += Decimal::from(*qty) * Decimal::from(*price);
            }
            prop_assert_eq!(sum, value - Decimal::from(total) * Decimal::from(price) - Decimal::ONE);
            prop_assert!(position.qty.is_zero() && position.cost.is_zero() && position.entry_fees.is_zero() && position.funding.is_zero());
        }
    }
}
