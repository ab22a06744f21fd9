//! Amounts of money, in USDT: engine and venue book the same digits, or their books could never agree to the last one.

use rust_decimal::Decimal;

/// Digits after the point of every booked amount. Sums of such amounts are exact, so money is conserved to the last digit.
pub const MONEY_DIGITS: u32 = 8;

/// The largest quantity of an order or a trade, in base units.
///
/// With [`LARGEST_AMOUNT`] and the largest price it keeps every product of theirs within what a decimal holds.
pub const LARGEST_QTY: Decimal = Decimal::from_parts(0xd4a5_1000, 232, 0, false, 0);
/// The largest amount of money that is believed, in USDT.
pub const LARGEST_AMOUNT: Decimal = LARGEST_QTY;

/// The value of a quantity; exact where tick and step together have at most [`MONEY_DIGITS`] digits.
#[must_use]
pub fn notional(price: Decimal, qty: Decimal) -> Decimal {
    (price * qty).round_dp(MONEY_DIGITS)
}

/// The share that `part` of `of` has in an amount. The last part takes all of what is left, so that the shares add up to the whole.
#[must_use]
pub fn share(amount: Decimal, part: Decimal, of: Decimal) -> Decimal {
    if part == of { amount } else { (amount * part / of).round_dp(MONEY_DIGITS) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_numbers_multiply() {
        assert_eq!(LARGEST_QTY, Decimal::from(1_000_000_000_000u64));
        let price = Decimal::from(1_000_000_000);
        assert!(notional(price, LARGEST_QTY) > share(LARGEST_AMOUNT, LARGEST_QTY - Decimal::ONE, LARGEST_QTY));
    }
}
