//! What a failed request means, by the exchange's number, else by the HTTP status.
//!
//! Whatever does not say for sure that nothing was done is unknown (S8). The numbers' meanings are the exchange's; that their texts can be
//! trusted within a 5xx is its documentation's word on 503.

use super::fields::{Scalar, clean, read};
use crate::{
    exchange::{Failure, FailureClass, Garbled, Response},
    market::{DAY_MS, Timestamp},
};
use serde::Deserialize;
use std::marker::PhantomData;

/// [`Failure::text`] is no longer, in characters.
const LONGEST_TEXT: usize = 300;
/// Of a body no more than this is read for words, in bytes.
const BODY_START: usize = 1200;
/// Pause where the response names none: request weight is counted by the minute, orders by ten seconds too.
const USUAL_PAUSE_MS: i64 = 60_000;
const ORDERS_PAUSE_MS: i64 = 10_000;
/// The longest ban that is known of is three days; a longer pause is not believed.
const LONGEST_PAUSE_MS: i64 = 3 * DAY_MS;
/// Before the moment, in ms, at which a ban ends.
const BAN_WORDS: &str = "banned until ";
/// What a 503 says when nothing was done.
const NOTHING_DONE: [&str; 2] = ["Service Unavailable", "Internal error; unable to process your request"];

/// The exchange's number and words.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Refusal<'a> {
    #[serde(borrow)]
    code: Scalar<'a>,
    msg: Scalar<'a>,
}

/// The class of a response with a status that is no success.
pub(super) fn failure(response: &Response<'_>) -> Failure {
    match refusal(response.body) {
        Some((code, words)) => refused(response, code, words.text().unwrap_or_default()),
        None => Failure {
            class: class_of_status(response, ""),
            code: i64::from(response.status),
            text: line(response, None, &start(response.body)),
        },
    }
}

/// The class of a success that is not what was asked for: a refusal all the same, or something that cannot be read.
pub(super) fn unreadable(response: &Response<'_>, garbled: &Garbled) -> Failure {
    match refusal(response.body) {
        Some((code, words)) if code < 0 => refused(response, code, words.text().unwrap_or_default()),
        _ => Failure {
            class: FailureClass::Unknown,
            code: i64::from(response.status),
            text: line(response, None, &garbled.to_string()),
        },
    }
}

fn refusal(body: &[u8]) -> Option<(i64, Scalar<'_>)> {
    let refusal: Refusal<'_> = read("refusal", body, PhantomData).ok()?;
    Some((refusal.code.whole()?, refusal.msg))
}

fn refused(response: &Response<'_>, code: i64, words: &str) -> Failure {
    let class = class_of_code(response, code, words).unwrap_or_else(|| class_of_status(response, words));
    Failure { class, code, text: line(response, Some(code), words) }
}

/// `None` for numbers that say nothing beyond the status.
fn class_of_code(response: &Response<'_>, code: i64, words: &str) -> Option<FailureClass> {
    Some(match code {
        _ if matches!(response.status, 418 | 429) => return None,
        -1003 => limited(response, words, USUAL_PAUSE_MS),
        -1015 => limited(response, words, ORDERS_PAUSE_MS),
        -1021 | -5028 => FailureClass::Clock,
        -1121 | -1122 | -4140 | -4141 => FailureClass::NoSuchSymbol,
        // said with another status it may be of something that was executed
        -1001 if response.status == 503 => FailureClass::NotNow,
        -1008 | -1016 => FailureClass::NotNow,
        -1000 | -1001 | -1006 | -1007 => FailureClass::Unknown,
        -1002 | -1022 | -2014 | -2015 => FailureClass::Key,
        _ => return None,
    })
}

fn class_of_status(response: &Response<'_>, words: &str) -> FailureClass {
    match response.status {
        418 => banned(response, words),
        429 => limited(response, words, USUAL_PAUSE_MS),
        401 => FailureClass::Key,
        403 | 451 => FailureClass::Forbidden,
        503 if NOTHING_DONE.iter().any(|said| words.starts_with(said)) => FailureClass::NotNow,
        300..=407 | 409..=499 => FailureClass::Refused,
        _ => FailureClass::Unknown,
    }
}

fn banned(response: &Response<'_>, words: &str) -> FailureClass {
    let until = banned_until(words);
    match retry_after(response) {
        Some(pause_ms) if until.is_none() => FailureClass::TooMany { pause_ms },
        _ => FailureClass::Banned { until },
    }
}

/// A refusal for too many requests may name a ban too.
fn limited(response: &Response<'_>, words: &str, usual_ms: i64) -> FailureClass {
    match banned_until(words) {
        until @ Some(_) => FailureClass::Banned { until },
        None => FailureClass::TooMany { pause_ms: retry_after(response).unwrap_or(usual_ms) },
    }
}

fn banned_until(words: &str) -> Option<Timestamp> {
    let (_, after) = words.split_once(BAN_WORDS)?;
    let digits = after.split(|c: char| !c.is_ascii_digit()).next()?;
    Scalar::Text(digits.into()).time("end of a ban").ok()
}

/// The header in ms; it is written in seconds.
fn retry_after(response: &Response<'_>) -> Option<i64> {
    let seconds: u32 = response.header("retry-after")?.trim().parse().ok()?;
    Some((i64::from(seconds.max(1)) * 1000).min(LONGEST_PAUSE_MS))
}

fn line(response: &Response<'_>, code: Option<i64>, words: &str) -> String {
    let code = code.map(|code| format!(", {code}")).unwrap_or_default();
    let colon = if words.is_empty() { "" } else { ": " };
    clean(&format!("HTTP {}{code}{colon}{words}", response.status), LONGEST_TEXT)
}

fn start(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(BODY_START)]).into_owned()
}
