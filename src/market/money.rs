//! Amounts of money, in USDT: engine and venue book the same digits, or their books could never agree to the last one.

use rust_decimal::{Decimal, RoundingStrategy};

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
    rounded(price * qty, MONEY_DIGITS)
}

/// At most so many digits after the point, a half to the even neighbour.
#[inline]
#[must_use]
pub fn rounded(value: Decimal, digits: u32) -> Decimal {
    rounded_by(value, digits, RoundingStrategy::MidpointNearestEven)
}

/// The same as [`Decimal::round_dp_with_strategy`], which takes digit after digit away: a dozen of times at each trade, mostly from all 28 of a
/// quotient.
#[inline]
#[must_use]
pub fn rounded_by(value: Decimal, digits: u32, strategy: RoundingStrategy) -> Decimal {
    if value.scale() <= digits {
        return value;
    }
    at_once(value, digits, strategy).unwrap_or_else(|| value.round_dp_with_strategy(digits, strategy))
}

/// By one division; `None` for a result of 0, which may have a sign, and for strategies that are not asked for here.
fn at_once(value: Decimal, digits: u32, strategy: RoundingStrategy) -> Option<Decimal> {
    let (all, unit) = (value.mantissa(), *WHOLE_POWERS.get((value.scale() - digits) as usize)?);
    let towards_zero = all / unit;
    let left = all - towards_zero * unit;
    let (floor, rest) = if left < 0 { (towards_zero - 1, left + unit) } else { (towards_zero, left) };
    let is_up = match strategy {
        RoundingStrategy::ToNegativeInfinity => false,
        RoundingStrategy::ToPositiveInfinity => rest > 0,
        RoundingStrategy::MidpointNearestEven => 2 * rest > unit || 2 * rest == unit && floor % 2 != 0,
        _ => return None,
    };
    let number = floor + i128::from(is_up);
    (number != 0).then(|| Decimal::from_i128_with_scale(number, digits))
}

/// The powers of ten up to that of a decimal's last digit.
const WHOLE_POWERS: [i128; Decimal::MAX_SCALE as usize + 1] = {
    let mut powers = [1; Decimal::MAX_SCALE as usize + 1];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = 10 * powers[at - 1];
        at += 1;
    }
    powers
};

/// The share that `part` of `of` has in an amount. The last part takes all of what is left, so that the shares add up to the whole.
#[must_use]
pub fn share(amount: Decimal, part: Decimal, of: Decimal) -> Decimal {
    if part == of { amount } else { rounded(amount * part / of, MONEY_DIGITS) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_rounded_number_is_what_the_library_rounds_it_to(
            all in prop_oneof![any::<i64>().prop_map(i128::from), -1_000_000i128..1_000_000, -(1i128 << 95)..1i128 << 95],
            scale in 0u32..=28, digits in 0u32..=10, tie: bool,
        ) {
            use RoundingStrategy::{MidpointNearestEven, ToNegativeInfinity, ToPositiveInfinity};
            let all = if tie { all / 1000 * 1000 + 500 } else { all };
            let value = Decimal::from_i128_with_scale(all, scale);
            for strategy in [ToNegativeInfinity, ToPositiveInfinity, MidpointNearestEven] {
                let (got, want) = (rounded_by(value, digits, strategy), value.round_dp_with_strategy(digits, strategy));
                prop_assert_eq!((got.mantissa(), got.scale()), (want.mantissa(), want.scale()), "{} {:?}", value, strategy);
            }
        }
    }

    #[test]
    fn the_largest_numbers_multiply() {
        assert_eq!(LARGEST_QTY, Decimal::from(1_000_000_000_000u64));
        let price = Decimal::from(1_000_000_000);
        assert!(notional(price, LARGEST_QTY) > share(LARGEST_AMOUNT, LARGEST_QTY - Decimal::ONE, LARGEST_QTY));
    }
}
