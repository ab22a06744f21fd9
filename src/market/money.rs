//! Amounts of money, in USDT: engine and venue book the same digits, or their books could never agree to the last one.

use rust_decimal::Decimal;

/// Digits after the point of every booked amount. Sums of such amounts are exact, so money is conserved to the last digit.
pub const MONEY_DIGITS: u32 = 8;

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
