//! Money: the balance with its totals, and positions that keep their cost.

use crate::market::{
    MONEY_DIGITS, OrderSide, PositionView, Side, SymbolId, Timestamp, divided, notional, rounded_by, share,
};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

/// Where a venue does not say otherwise, funding is due at 00:00, 08:00 and 16:00 UTC.
pub(super) const FUNDING_MS: i64 = 8 * crate::market::HOUR_MS;

/// A part of a value that is charged, rounded against the trader.
pub(in crate::simulation) fn charge(notional: Decimal, rate: Decimal) -> Decimal {
    rounded_by(notional * rate, MONEY_DIGITS, RoundingStrategy::ToPositiveInfinity)
}

/// What the account has earned and paid since its start, in USDT.
///
/// balance = capital + realised − fees − funding, to the last digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Price differences of what was closed, before fees and funding.
    pub realised: Decimal,
    /// Paid in fees.
    pub fees: Decimal,
    /// Paid in funding; negative when more was received.
    pub funding: Decimal,
    /// Lost to slippage and to rounding to the tick. Part of `realised`, not of the balance's sum.
    pub slippage: Decimal,
}

/// The balance and how it came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Account {
    pub capital: Decimal,
    pub balance: Decimal,
    pub totals: Totals,
}

impl Account {
    pub fn new(capital: Decimal) -> Self {
        Self { capital, balance: capital, totals: Totals::default() }
    }

    pub fn realise(&mut self, amount: Decimal) {
        self.totals.realised += amount;
        self.balance += amount;
    }

    pub fn pay_fee(&mut self, amount: Decimal) {
        self.totals.fees += amount;
        self.balance -= amount;
    }

    pub fn pay_funding(&mut self, amount: Decimal) {
        self.totals.funding += amount;
        self.balance -= amount;
    }

    pub fn check(&self) {
        let Totals { realised, fees, funding, slippage } = self.totals;
        assert_eq!(self.balance, self.capital + realised - fees - funding, "money was made or lost in the books");
        assert!(!fees.is_sign_negative() && !slippage.is_sign_negative(), "fees and slippage are only paid");
    }
}

/// What is held of one symbol. Instead of an average price it keeps its cost, the sum of price × quantity.
///
/// A reduction takes cost pro rata, rounded to [`MONEY_DIGITS`]; the rest stays with the position, and the last reduction
/// takes all of it. So over a position's life the realised results sum up to what came in minus what went out,
/// exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::simulation) struct Position {
    pub side: Side,
    pub qty: Decimal,
    pub cost: Decimal,
    /// Funding is settled up to here; at first the time of the opening fill.
    pub settled: Timestamp,
}

impl Position {
    /// What an order would open from flat for that cost.
    pub const fn opened(side: Side, qty: Decimal, cost: Decimal) -> Self {
        Self { side, qty, cost, settled: Timestamp(0) }
    }

    /// The part of an order that would reduce this position.
    pub fn reducible(&self, side: OrderSide, qty: Decimal) -> Decimal {
        if side == self.side.exit() { qty.min(self.qty) } else { Decimal::ZERO }
    }

    /// The cost of a part of the position.
    pub fn cost_of(&self, qty: Decimal) -> Decimal {
        share(self.cost, qty, self.qty)
    }

    /// What would be gained if it were closed for `value`, in USDT.
    pub fn gain(&self, cost: Decimal, value: Decimal) -> Decimal {
        match self.side {
            Side::Long => value - cost,
            Side::Short => cost - value,
        }
    }

    pub fn unrealised(&self, mark: Decimal) -> Decimal {
        self.gain(self.cost, notional(mark, self.qty))
    }

    /// What holding it over one funding time costs: a long pays a positive rate, a short receives it.
    pub fn funding(&self, mark: Decimal, rate: Decimal) -> Decimal {
        let paid_by_a_long = notional(mark, self.qty);
        match self.side {
            Side::Long => charge(paid_by_a_long, rate),
            Side::Short => charge(-paid_by_a_long, rate),
        }
    }

    /// The first funding time that is not settled, where the venue says no other.
    pub fn next_funding(&self) -> Timestamp {
        self.settled.floor_to(FUNDING_MS).plus_ms(FUNDING_MS)
    }

    /// Average price of what is held.
    pub fn entry_price(&self) -> Decimal {
        divided(self.cost, self.qty, MONEY_DIGITS).normalize()
    }

    pub fn view(&self, symbol: SymbolId) -> PositionView {
        PositionView { symbol, side: self.side, qty: self.qty, entry_price: self.entry_price() }
    }

    fn reduce(&mut self, qty: Decimal, price: Decimal) -> Decimal {
        let cost = self.cost_of(qty);
        self.qty -= qty;
        self.cost -= cost;
        self.gain(cost, notional(price, qty))
    }
}

/// Books a trade in a one-way position: what is held against it is reduced first, the rest opens or grows. Returns
/// the realised result.
pub(in crate::simulation) fn trade(
    position: &mut Option<Position>,
    side: OrderSide,
    price: Decimal,
    qty: Decimal,
    at: Timestamp,
) -> Decimal {
    let (mut realised, mut left) = (Decimal::ZERO, qty);
    if let Some(held) = position {
        let closes = held.reducible(side, qty);
        realised = held.reduce(closes, price);
        left -= closes;
    }
    if position.is_some_and(|held| held.qty.is_zero()) {
        *position = None;
    }
    if left > Decimal::ZERO {
        let fresh = Position { side: side.opens(), qty: Decimal::ZERO, cost: Decimal::ZERO, settled: at };
        let held = position.get_or_insert(fresh);
        held.qty += left;
        held.cost += notional(price, left);
    }
    realised
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn fill(position: &mut Option<Position>, side: OrderSide, qty: &str, price: &str) -> Decimal {
        trade(position, side, dec(price), dec(qty), Timestamp(5))
    }

    #[test]
    fn a_position_grows_reduces_closes_and_turns() {
        use OrderSide::{Buy, Sell};
        let mut position = None;
        for (side, qty, price, realised, held, cost) in [
            (Buy, "1", "100", "0", "1", "100"),
            (Buy, "2", "103", "0", "3", "306"),
            (Sell, "1", "105", "3", "2", "204"),
            (Sell, "5", "100", "-4", "3", "300"), // closes 2 long and opens 3 short
            (Sell, "1", "96", "0", "4", "396"),
            (Buy, "4", "97", "8", "0", "0"),
        ] {
            assert_eq!(fill(&mut position, side, qty, price), dec(realised), "{side:?} {qty} at {price}");
            let (got_qty, got_cost) = position.map_or_else(Default::default, |p: Position| (p.qty, p.cost));
            assert_eq!((got_qty, got_cost), (dec(held), dec(cost)), "{side:?} {qty} at {price}");
        }
    }

    #[test]
    fn thirds_of_a_position_realise_the_whole_to_the_last_digit() {
        let mut position = None;
        fill(&mut position, OrderSide::Buy, "3", "33.33333333");
        fill(&mut position, OrderSide::Buy, "4", "0.00000001");
        let parts: Decimal = (0..7).map(|_| fill(&mut position, OrderSide::Sell, "1", "20")).sum();
        assert_eq!(parts, dec("140") - dec("99.99999999") - dec("0.00000004"));
        assert_eq!(position, None);
    }

    #[test]
    fn funding_is_paid_by_longs_when_the_rate_is_positive_and_rounds_against_the_trader() {
        let held = |side| Position { side, qty: dec("0.003"), cost: dec("300"), settled: Timestamp(0) };
        for (side, rate, amount) in [
            (Side::Long, "0.0001", "0.03000001"),
            (Side::Short, "0.0001", "-0.03"),
            (Side::Long, "-0.0001", "-0.03"),
            (Side::Short, "-0.0001", "0.03000001"),
        ] {
            assert_eq!(held(side).funding(dec("100000.01"), dec(rate)), dec(amount), "{side} at {rate}");
        }
    }

    #[test]
    fn funding_is_next_due_strictly_after_what_is_settled() {
        let hour = crate::market::HOUR_MS;
        for (settled, next) in [(0, 8), (1, 8), (7, 8), (8, 16), (23, 24)] {
            let settled = Timestamp(settled * hour);
            let held = Position { side: Side::Long, qty: Decimal::ONE, cost: Decimal::ONE, settled };
            assert_eq!(held.next_funding(), Timestamp(next * hour), "{settled:?}");
        }
    }
}
