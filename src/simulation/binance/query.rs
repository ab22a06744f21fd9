//! What a request asks for: path, parameters, and what is wrong with them, in Binance's words.

use super::Reply;
use serde_json::json;

/// The longest path and query that is looked at.
const LONGEST_TARGET: usize = 16_384;
/// Parameters in a query.
const MOST_PARAMETERS: usize = 64;

/// A refusal: HTTP status, number, words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub code: i32,
    pub text: String,
}

/// A refusal with status 400.
pub fn refused(code: i32, text: impl Into<String>) -> Refusal {
    Refusal { status: 400, code, text: text.into() }
}

impl Refusal {
    /// As the exchange sends it.
    pub fn reply(&self) -> Reply {
        Reply::json(self.status, &json!({ "code": self.code, "msg": self.text }))
    }
}

/// A path with its parameters, percent-decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    pub path: String,
    parameters: Vec<(String, String)>,
}

impl Query {
    /// Takes a target apart.
    ///
    /// # Errors
    ///
    /// Where it is too long, has too many parameters, one twice, or text that is no UTF-8.
    pub fn parse(target: &str) -> Result<Self, Refusal> {
        if target.len() > LONGEST_TARGET {
            return Err(Refusal {
                status: 414,
                code: -1101,
                text: "Too many parameters; the request is too long.".to_owned(),
            });
        }
        let target = target.split('#').next().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = decoded(path).ok_or_else(|| refused(-1100, "Illegal characters found in the path."))?;
        Ok(Self { path, parameters: parameters(query)? })
    }

    /// The same with the parameters of a form; of what is in both the target's counts.
    ///
    /// # Errors
    ///
    /// As [`Query::parse`].
    pub fn with_form(mut self, body: &[u8]) -> Result<Self, Refusal> {
        let text = if body.len() > LONGEST_TARGET { None } else { std::str::from_utf8(body).ok() };
        let text = text.ok_or_else(|| refused(-1100, "Illegal characters found in the body."))?;
        for (name, value) in parameters(text)? {
            if self.parameters.iter().all(|(held, _)| *held != name) {
                self.parameters.push((name, value));
            }
        }
        Ok(self)
    }

    /// The same parameters under another path.
    pub fn at(&self, path: &str) -> Self {
        Self { path: path.to_owned(), parameters: self.parameters.clone() }
    }

    /// A request of these parameters.
    pub fn of(path: &str, parameters: Vec<(String, String)>) -> Self {
        Self { path: path.to_owned(), parameters }
    }

    /// A parameter that may be absent; an empty one is.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(held, _)| held == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A parameter that must be there.
    ///
    /// # Errors
    ///
    /// -1102 without it.
    pub fn need(&self, name: &str) -> Result<&str, Refusal> {
        let text = || format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed.");
        self.get(name).ok_or_else(|| refused(-1102, text()))
    }

    /// A whole number that may be absent.
    ///
    /// # Errors
    ///
    /// -1100 where it has other characters than digits, -1102 where it does not fit.
    pub fn whole(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.get(name) else { return Ok(None) };
        if text.len() > 20 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            let text = format!("Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'.");
            return Err(refused(-1100, text));
        }
        let malformed =
            || refused(-1102, format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed."));
        text.parse().map(Some).map_err(|_| malformed())
    }

    /// `limit`, within 1 to `most`.
    ///
    /// # Errors
    ///
    /// -1130 outside.
    pub fn limit(&self, usual: i64, most: i64) -> Result<usize, Refusal> {
        let limit = self.whole("limit")?.unwrap_or(usual);
        let bad = || refused(-1130, "Data sent for parameter 'limit' is not valid.");
        if (1..=most).contains(&limit) { usize::try_from(limit).map_err(|_| bad()) } else { Err(bad()) }
    }

    /// `startTime` and `endTime`.
    ///
    /// # Errors
    ///
    /// -1023 where the first is later.
    pub fn range(&self) -> Result<(Option<i64>, Option<i64>), Refusal> {
        let (start, end) = (self.whole("startTime")?, self.whole("endTime")?);
        match (start, end) {
            (Some(start), Some(end)) if start > end => Err(refused(-1023, "Start time is greater than end time.")),
            _ => Ok((start, end)),
        }
    }
}

fn parameters(text: &str) -> Result<Vec<(String, String)>, Refusal> {
    let mut parameters: Vec<(String, String)> = Vec::new();
    for part in text.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let (Some(name), Some(value)) = (decoded(name), decoded(value)) else {
            return Err(refused(-1100, "Illegal characters found in a parameter."));
        };
        if parameters.iter().any(|(held, _)| *held == name) {
            return Err(refused(-1101, "Too many parameters; a parameter was sent twice."));
        }
        if parameters.len() == MOST_PARAMETERS {
            return Err(refused(-1101, format!("Too many parameters; expected at most {MOST_PARAMETERS}.")));
        }
        parameters.push((name, value));
    }
    Ok(parameters)
}

/// Percent-decoded text, `+` as a space; `None` where an escape is broken or the result no UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || (rest.next()? as char).to_digit(16);
                (digit()? * 16 + digit()?) as u8
            }
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        let query = Query::parse("/a?x=%42T%43&y=1+2&empty=&flag").unwrap();
        assert_eq!((query.path.as_str(), query.get("x"), query.get("y")), ("/a", Some("BTC"), Some("1 2")));
        assert_eq!((query.get("empty"), query.get("flag"), query.get("z")), (None, None, None));
        for (target, code) in [("/a?x=%4", -1100), ("/a?x=%ff", -1100), ("/a?x=1&x=2", -1101)] {
            assert_eq!(Query::parse(target).unwrap_err().code, code, "{target}");
        }
        assert_eq!(Query::parse(&format!("/{}", "x".repeat(20_000))).unwrap_err().status, 414);
    }
}
