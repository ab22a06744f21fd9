//! Numbers as a person reads them.

use rust_decimal::{Decimal, RoundingStrategy};

/// What stands where a value does not exist.
pub const NONE: &str = "–";

/// A number that can be used: neither NaN nor infinite, to six digits after the point.
#[must_use]
pub fn finite(value: f64) -> Option<f64> {
    let rounded = (value * 1e6).round() / 1e6;
    rounded.is_finite().then_some(rounded + 0.0)
}

/// `1234567.891` to two digits as `1,234,567.89`.
#[must_use]
pub fn grouped(value: Decimal, digits: u32) -> String {
    thousands(&format!("{:.*}", digits as usize, rounded(value, digits)))
}

/// The same with its sign.
#[must_use]
pub fn signed(value: Decimal, digits: u32) -> String {
    thousands(&format!("{:+.*}", digits as usize, rounded(value, digits)))
}

/// A price or a quantity with all its digits.
#[must_use]
pub fn exact(value: Decimal) -> String {
    thousands(&value.normalize().to_string())
}

/// A count: `12,345`.
#[must_use]
pub fn count(value: u64) -> String {
    thousands(&value.to_string())
}

/// `1 trade`, `1,200 trades`.
#[must_use]
pub fn counted(value: u64, what: &str) -> String {
    format!("{} {what}{}", count(value), if value == 1 { "" } else { "s" })
}

/// A ratio to two digits, or nothing.
#[must_use]
pub fn ratio(value: Option<f64>) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| float(value, 2))
}

/// A change in percent with its sign, in so many digits that it says something.
#[must_use]
pub fn change(pct: Option<f64>) -> String {
    let Some(pct) = pct else { return NONE.to_owned() };
    let digits = if pct.abs() >= 999.5 {
        0
    } else if pct.abs() >= 99.95 {
        1
    } else {
        2
    };
    let text = float(pct, digits);
    let plus = if text.starts_with('-') { "" } else { "+" };
    format!("{plus}{text} %")
}

/// A share in percent to a tenth.
#[must_use]
pub fn share(pct: Option<f64>) -> String {
    pct.map_or_else(|| NONE.to_owned(), |pct| format!("{} %", float(pct, 1)))
}

/// A number in multiples of what was risked, with its sign: `+0.12 R`.
#[must_use]
pub fn multiple(r: Option<f64>) -> String {
    let Some(r) = r else { return NONE.to_owned() };
    let text = float(r, 2);
    format!("{}{text} R", if text.starts_with('-') { "" } else { "+" })
}

/// A number with thousands apart; no `-0.00`.
#[must_use]
pub fn float(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let is_zero = text.bytes().all(|byte| matches!(byte, b'-' | b'0' | b'.'));
    thousands(if is_zero { text.trim_start_matches('-') } else { &text })
}

/// How long, in its two largest units: `3 d 4 h`, `2 h 15 min`, `45 s`.
#[must_use]
pub fn duration(ms: i64) -> String {
    let s = ms.max(0) / 1000;
    let (d, h, min) = (s / 86_400, s / 3600 % 24, s / 60 % 60);
    match (d, h, min) {
        (0, 0, 0) => format!("{s} s"),
        (0, 0, _) => format!("{min} min"),
        (0, _, 0) => format!("{h} h"),
        (0, _, _) => format!("{h} h {min} min"),
        (10.., _, _) | (_, 0, _) => format!("{} d", count(d.unsigned_abs())),
        _ => format!("{d} d {h} h"),
    }
}

/// To so many digits: formatting alone cuts the rest off. No `-0.00`.
fn rounded(value: Decimal, digits: u32) -> Decimal {
    let rounded = value.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero);
    if rounded.is_zero() { Decimal::ZERO } else { rounded }
}

/// Commas between thousands.
fn thousands(plain: &str) -> String {
    let begins = plain.find(|letter: char| letter.is_ascii_digit()).unwrap_or_default();
    let ends = plain.find('.').unwrap_or(plain.len());
    let mut text = String::with_capacity(plain.len() + plain.len() / 3);
    for (place, letter) in plain.char_indices() {
        if place > begins && place < ends && (ends - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(letter);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let dec = |text: &str| text.parse::<Decimal>().unwrap();
        for (got, want) in [
            (grouped(dec("1234567.885"), 2), "1,234,567.89"),
            (grouped(dec("-999.994"), 2), "-999.99"),
            (signed(dec("-1000"), 2), "-1,000.00"),
            (signed(dec("-0.001"), 2), "+0.00"),
            (exact(dec("113500.10")), "113,500.1"),
            (exact(dec("0.00400")), "0.004"),
            (counted(1, "trade"), "1 trade"),
            (counted(1200, "trade"), "1,200 trades"),
            (ratio(None), "–"),
            (ratio(Some(-0.001)), "0.00"),
            (change(Some(3.456)), "+3.46 %"),
            (change(Some(-0.001)), "+0.00 %"),
            (change(Some(-12.0)), "-12.00 %"),
            (change(Some(1_234.5)), "+1,234 %"),
            (share(Some(58.54)), "58.5 %"),
            (multiple(Some(-0.126)), "-0.13 R"),
            (duration(45_900), "45 s"),
            (duration(59 * 60_000), "59 min"),
            (duration(135 * 60_000), "2 h 15 min"),
            (duration(7_200_000), "2 h"),
            (duration(100 * 3_600_000), "4 d 4 h"),
            (duration(1_000 * 86_400_000), "1,000 d"),
        ] {
            assert_eq!(got, want);
        }
        assert_eq!((finite(f64::NAN), finite(f64::INFINITY), finite(0.123_456_7)), (None, None, Some(0.123_457)));
        assert_eq!(finite(f64::MAX), None);
    }
}
