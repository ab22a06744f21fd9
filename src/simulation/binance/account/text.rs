//! Decimals as answers write them, and as requests do.

use super::super::query::{Query, Refusal, refused};
use rust_decimal::Decimal;

/// Digits of a number in a request, before and behind the point.
const MOST_DIGITS: usize = 20;

/// With exactly so many digits behind the point, or with more where it has them.
pub fn fixed(value: Decimal, digits: usize) -> String {
    let mut value = value.normalize();
    let digits = digits as u32;
    if value.scale() < digits {
        value.rescale(digits);
    }
    value.to_string()
}

/// An amount of money.
pub fn money(value: Decimal) -> String {
    fixed(value.round_dp(8), 8)
}

/// A number that may be absent.
///
/// # Errors
///
/// -1100 for what is no number, -1111 for one with too many digits.
pub fn number(query: &Query, name: &str) -> Result<Option<Decimal>, Refusal> {
    let Some(text) = query.get(name) else { return Ok(None) };
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| (1..=MOST_DIGITS).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) {
        let range = "^([0-9]{1,20})(\\.[0-9]{1,20})?$";
        let text = format!("Illegal characters found in parameter '{name}'; legal range is '{range}'.");
        return Err(refused(-1100, text));
    }
    let value = Decimal::from_str_exact(text).map_err(|_| precision())?;
    Ok(Some(value.normalize()))
}

/// A number that must be there.
///
/// # Errors
///
/// As [`number`], and -1102 without it.
pub fn needed(query: &Query, name: &str) -> Result<Decimal, Refusal> {
    query.need(name)?;
    Ok(number(query, name)?.unwrap_or_default())
}

/// `true` or `false`; absent is false.
///
/// # Errors
///
/// -1130 for other words.
pub fn flag(query: &Query, name: &str) -> Result<bool, Refusal> {
    match query.get(name) {
        None => Ok(false),
        Some(word) if word.eq_ignore_ascii_case("true") => Ok(true),
        Some(word) if word.eq_ignore_ascii_case("false") => Ok(false),
        Some(_) => Err(refused(-1130, format!("Data sent for parameter '{name}' is not valid."))),
    }
}

/// Too many digits.
pub fn precision() -> Refusal {
    refused(-1111, "Precision is over the maximum defined for this asset.")
}
