//! Decimal digits to `f64`, correctly rounded, without an allocation.

use crate::market::POWERS;

/// As many digits as a `u64` holds whatever they are.
const MOST_DIGITS: usize = 19;

/// Up to here every whole number is an `f64`.
const EXACT: u64 = 1 << 53;

/// The number at the beginning of `text`, and its length; it ends at a comma or with the text. `None` for what [`careful`] must read.
#[inline]
pub(super) fn quick(text: &[u8]) -> Option<(f64, usize)> {
    plain(text).filter(|(_, length)| text.get(*length).is_none_or(|&byte| byte == b','))
}

/// The number at the beginning of `text`, and its length; what follows it is the caller's to look at.
///
/// Digits with at most one point, where the division is exact in both operands and so rounds once (Clinger 1990); `None` for the rest.
#[inline(always)] // within the loop over a row's numbers: a call is a tenth of the time
pub(super) fn plain(text: &[u8]) -> Option<(f64, usize)> {
    let (whole, mut mantissa) = digits(text, 0);
    let (mut end, mut fraction) = (whole, 0);
    if text.get(whole) == Some(&b'.') {
        (fraction, mantissa) = digits(&text[whole + 1..], mantissa);
        end = whole + 1 + fraction;
    }
    let exact = (1..=MOST_DIGITS).contains(&(whole + fraction)) && mantissa <= EXACT;
    // below 2⁵³ a signed number is the same, and one instruction
    exact.then(|| (mantissa as i64 as f64 / POWERS[fraction], end))
}

/// Any number as `str::parse` reads it, among them `1e5`, `-3` and `NaN`; blanks around it are no harm.
pub(super) fn careful(field: &[u8]) -> Option<f64> {
    std::str::from_utf8(field.trim_ascii()).ok()?.parse().ok()
}

/// How many digits `text` begins with, and `mantissa` with them appended; it wraps beyond [`MOST_DIGITS`].
#[inline]
pub(super) fn digits(text: &[u8], mut mantissa: u64) -> (usize, u64) {
    let mut count = 0;
    while let Some(digit) = text.get(count).map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit < 10) {
        mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        count += 1;
    }
    (count, mantissa)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn either(text: &str) -> Option<f64> {
        quick(text.as_bytes()).map(|(value, _)| value).or_else(|| careful(text.as_bytes()))
    }

    #[test]
    fn what_prices_look_like_takes_the_quick_way() {
        for text in ["113509.98", "0.00001234", "38644", "2300413.729", "9007199254740992", "5.", ".5", "0"] {
            let want: f64 = text.parse().unwrap();
            assert_eq!(quick(text.as_bytes()), Some((want, text.len())), "{text}");
            assert_eq!(quick(format!("{text},7").as_bytes()), Some((want, text.len())), "{text}");
        }
    }

    #[test]
    fn what_is_not_exact_is_left_to_the_careful_way() {
        for text in ["", ".", ",", "-1", "1e5", "NaN", "1.2.3", "1 ", "9007199254740993", "00000000000000000001"] {
            assert_eq!(quick(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_text_reads_as_the_standard_library_reads_it(
            text in "[+-]?[0-9]{0,22}(\\.[0-9]{0,22})?(e[+-]?[0-9]{1,3})?|[0-9.e+-]{0,8}"
        ) {
            prop_assert_eq!(either(&text).map(f64::to_bits), text.parse().ok().map(f64::to_bits));
        }

        #[test]
        fn every_number_survives_being_written(value in any::<f64>().prop_filter("a number", |value| !value.is_nan())) {
            prop_assert_eq!(either(&format!("{value}")).map(f64::to_bits), Some(value.to_bits()));
        }

        #[test]
        fn decimals_of_any_length_agree(whole in 0u64..1_000_000_000_000, fraction in "[0-9]{0,12}") {
            let text = format!("{whole}.{fraction}");
            prop_assert_eq!(either(&text), text.parse().ok());
        }
    }
}
