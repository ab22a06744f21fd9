//! Who asks: key, time and signature, in the order in which the exchange looks at them.

use super::super::query::{Query, Refusal, refused};
use crate::market::Timestamp;
use ring::hmac;

/// How old a request may be where it does not say, and at most, in ms.
const USUAL_WINDOW_MS: i64 = 5_000;
const LONGEST_WINDOW_MS: i64 = 60_000;
/// How far ahead of the exchange's clock a request may be.
const AHEAD_MS: i64 = 1_000;
/// The longest key that is looked at.
const LONGEST_KEY: usize = 256;

/// The key of a request.
///
/// # Errors
///
/// -2014 without one, or for one that can be none.
pub fn key_of(headers: &[(String, String)]) -> Result<&str, Refusal> {
    let found = headers.iter().find(|(name, _)| name == "x-mbx-apikey").map(|(_, value)| value.as_str());
    let fits = |key: &&str| (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_alphanumeric());
    found.filter(fits).ok_or_else(|| refused_key(-2014, "API-key format invalid."))
}

/// A key that is no account's.
pub fn unknown_key() -> Refusal {
    refused_key(-2015, "Invalid API-key, IP, or permissions for action, request ip: 127.0.0.1")
}

fn refused_key(code: i32, text: &str) -> Refusal {
    Refusal { status: 401, code, text: text.to_owned() }
}

/// Checks time and signature of a request with this query and body as they were sent.
///
/// # Errors
///
/// -1102 where something is missing, -1131, -1021 and -1022.
pub fn check(now: Timestamp, asked: &Query, raw_query: &str, body: &[u8], secret: &hmac::Key) -> Result<(), Refusal> {
    asked.need("timestamp")?;
    let at = asked.whole("timestamp")?.unwrap_or_default();
    let window = asked.whole("recvWindow")?.unwrap_or(USUAL_WINDOW_MS);
    if window > LONGEST_WINDOW_MS {
        return Err(refused(-1131, "recvWindow must be less than 60000"));
    }
    let signature = asked.need("signature")?;
    if at >= now.0.saturating_add(AHEAD_MS) {
        return Err(refused(-1021, "Timestamp for this request was 1000ms ahead of the server's time."));
    }
    if now.0.saturating_sub(at) > window {
        return Err(refused(-1021, "Timestamp for this request is outside of the recvWindow."));
    }
    let signed = [unsigned(raw_query.as_bytes()), unsigned(body)].concat();
    let wrong = || refused(-1022, "Signature for this request is not valid.");
    let tag = from_hex(signature).ok_or_else(wrong)?;
    hmac::verify(secret, &signed, &tag).map_err(|_| wrong())
}

/// The text without its signature.
fn unsigned(text: &[u8]) -> Vec<u8> {
    let parts = text.split(|byte| *byte == b'&').filter(|part| !part.starts_with(b"signature="));
    parts.collect::<Vec<_>>().join(&b'&')
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.chars().map(|digit| digit.to_digit(16)).collect::<Option<Vec<u32>>>()?;
    digits.chunks(2).map(|pair| if let [high, low] = pair { Some((high * 16 + low) as u8) } else { None }).collect()
}
