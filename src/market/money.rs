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

/// By one division; `None` for a result of 0, which may have a sign.
fn at_once(value: Decimal, digits: u32, strategy: RoundingStrategy) -> Option<Decimal> {
    let number = whole(value.mantissa(), *WHOLE_POWERS.get((value.scale() - digits) as usize)?, strategy)?;
    (number != 0).then(|| Decimal::from_i128_with_scale(number, digits))
}

/// A quotient with so many digits after the point, a half to the even neighbour. `by` is not 0.
#[must_use]
pub fn divided(value: Decimal, by: Decimal, digits: u32) -> Decimal {
    divided_by(value, by, digits, RoundingStrategy::MidpointNearestEven)
}

/// In one division, where the library makes a quotient of 28 digits that has to be rounded then.
#[must_use]
pub fn divided_by(value: Decimal, by: Decimal, digits: u32, strategy: RoundingStrategy) -> Decimal {
    quotient(value, by, digits, strategy).unwrap_or_else(|| rounded_by(value / by, digits, strategy))
}

/// `None` where numbers become too large on the way.
fn quotient(value: Decimal, by: Decimal, digits: u32, strategy: RoundingStrategy) -> Option<Decimal> {
    let (over, under) = (value.mantissa(), by.mantissa());
    let (more, less) = (by.scale() + digits, value.scale());
    let by_power = |number: i128, power: u32| number.checked_mul(*WHOLE_POWERS.get(power as usize)?);
    let (over, under) =
        if more >= less { (by_power(over, more - less)?, under) } else { (over, by_power(under, less - more)?) };
    let (over, under) = if under < 0 { (-over, -under) } else { (over, under) };
    let number = whole(over, Some(under).filter(|under| under >> 126 == 0)?, strategy)?;
    (number.unsigned_abs() >> 96 == 0).then(|| Decimal::from_i128_with_scale(number, digits))
}

/// A quotient without digits after the point; `None` for strategies that are not asked for here. `under` is above 0.
fn whole(over: i128, under: i128, strategy: RoundingStrategy) -> Option<i128> {
    let (towards_zero, left) = match (i64::try_from(over), i64::try_from(under)) {
        // most numbers are small, and the large division is slow
        (Ok(over), Ok(under)) => (i128::from(over / under), i128::from(over % under)),
        _ => {
            let towards_zero = over / under;
            (towards_zero, over - towards_zero * under)
        }
    };
    let (floor, rest) = if left < 0 { (towards_zero - 1, left + under) } else { (towards_zero, left) };
    let is_up = match strategy {
        RoundingStrategy::ToNegativeInfinity => false,
        RoundingStrategy::ToPositiveInfinity => rest > 0,
        RoundingStrategy::MidpointNearestEven => rest > under - rest || rest == under - rest && floor & 1 == 1,
        _ => return None,
    };
    Some(floor + i128::from(is_up))
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
    if part == of { amount } else { divided(amount * part, of, MONEY_DIGITS) }
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

    proptest! {
        #[test]
        fn a_quotient_is_the_librarys_rounded(
            quotient in prop_oneof![-1_000_000_000_000i64..1_000_000_000_000, -1_000i64..1_000], tie: bool,
            by in prop_oneof![-1_000_000_000i64..1_000_000_000, -10i64..10], scales in (0u32..=14, 0u32..=10), digits in 0u32..=12,
        ) {
            use RoundingStrategy::{MidpointNearestEven, ToNegativeInfinity, ToPositiveInfinity};
            prop_assume!(by != 0);
            let quotient = if tie { quotient / 1000 * 1000 + 500 } else { quotient };
            let (quotient, by) = (Decimal::new(quotient, scales.0), Decimal::new(by, scales.1));
            let value = quotient * by; // which a decimal holds to the last digit
            for strategy in [ToNegativeInfinity, ToPositiveInfinity, MidpointNearestEven] {
                let want = quotient.round_dp_with_strategy(digits, strategy);
                prop_assert_eq!(divided_by(value, by, digits, strategy), want, "{} / {} {:?}", value, by, strategy);
            }
        }

        #[test]
        fn a_quotient_that_never_ends_lies_between_its_neighbours(over in 1i64..i64::MAX, under in 1i64..1_000_000, digits in 0u32..=12) {
            let (value, by, unit) = (Decimal::new(over, 6), Decimal::new(under, 3), Decimal::new(1, digits));
            let floor = divided_by(value, by, digits, RoundingStrategy::ToNegativeInfinity);
            let above = divided_by(value, by, digits, RoundingStrategy::ToPositiveInfinity);
            let near = divided(value, by, digits);
            prop_assert!(floor * by <= value && value <= above * by && above - floor <= unit);
            prop_assert!(((near * by - value) * Decimal::TWO).abs() <= unit * by);
        }
    }

    #[test]
    fn the_largest_numbers_multiply() {
        assert_eq!(LARGEST_QTY, Decimal::from(1_000_000_000_000u64));
        let price = Decimal::from(1_000_000_000);
        assert!(notional(price, LARGEST_QTY) > share(LARGEST_AMOUNT, LARGEST_QTY - Decimal::ONE, LARGEST_QTY));
    }
}
