//! What a request asks for: path, parameters, and what is wrong with them, in Binance's words.

use super::Reply;
use serde_json::json;

/// The longest path and query that is looked at.
const LONGEST_TARGET: usize = 16_384;
/// The longest body that is looked at.
const LONGEST_FORM: usize = 16_384;
/// Parameters of a request.
const MOST_PARAMETERS: usize = 64;
/// The parameter that signs the others.
const SIGNATURE: &str = "signature";

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
    /// What a signature is over: query and body as they came, one behind the other, without the signature itself.
    signed: String,
}

impl Query {
    /// Takes a target apart.
    ///
    /// # Errors
    ///
    /// Where it is too long, has too many parameters, one twice, or text that is no UTF-8.
    pub fn parse(target: &str) -> Result<Self, Refusal> {
        Self::with_form(target, b"")
    }

    /// Takes a target and a body apart, which is a form too; where both have a parameter, the target's counts.
    ///
    /// # Errors
    ///
    /// As [`Query::parse`], for each of the two.
    pub fn with_form(target: &str, body: &[u8]) -> Result<Self, Refusal> {
        let long =
            |status| Refusal { status, code: -1101, text: "Too many parameters; the request is too long.".to_owned() };
        if target.len() > LONGEST_TARGET {
            return Err(long(414));
        }
        if body.len() > LONGEST_FORM {
            return Err(long(413));
        }
        let illegal = |place: &str| refused(-1100, format!("Illegal characters found in {place}."));
        let form = std::str::from_utf8(body).map_err(|_| illegal("the body"))?;
        let target = target.split('#').next().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut parameters = parameters(query)?;
        for (name, value) in self::parameters(form)? {
            if !parameters.iter().any(|(held, _)| *held == name) {
                parameters.push((name, value));
            }
        }
        if parameters.len() > MOST_PARAMETERS {
            return Err(too_many());
        }
        let path = decoded(path).ok_or_else(|| illegal("the path"))?;
        Ok(Self { path, parameters, signed: without_signature(query) + &without_signature(form) })
    }

    /// Whether the signature is this secret's: HMAC-SHA256 in hexadecimal, whose case does not matter.
    pub fn is_signed_with(&self, secret: &ring::hmac::Key) -> bool {
        let digit = |digit: u8| (digit as char).to_digit(16).map(|value| value as u8);
        let tag: Option<Vec<u8>> = self.get(SIGNATURE).map(str::as_bytes).and_then(|digits| {
            let pairs = digits.chunks(2).map(|pair| Some(digit(pair[0])? * 16 + digit(*pair.get(1)?)?));
            pairs.collect()
        });
        tag.is_some_and(|tag| ring::hmac::verify(secret, self.signed.as_bytes(), &tag).is_ok())
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

/// The parameters of a query or a form, each once.
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
            return Err(too_many());
        }
        parameters.push((name, value));
    }
    Ok(parameters)
}

fn too_many() -> Refusal {
    refused(-1101, format!("Too many parameters; expected at most {MOST_PARAMETERS}."))
}

/// A query or a form as it came, but for its signature.
fn without_signature(text: &str) -> String {
    let is_signature = |part: &str| part.split('=').next() == Some(SIGNATURE);
    text.split('&').filter(|part| !is_signature(part)).collect::<Vec<_>>().join("&")
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
    use proptest::prelude::*;

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

    #[test]
    fn query_and_body_both_count_and_the_query_wins() {
        let query = Query::with_form("/a?x=1&y=%32", b"y=3&z=4%2B5").unwrap();
        assert_eq!((query.get("x"), query.get("y"), query.get("z")), (Some("1"), Some("2"), Some("4+5")));
        let many = |count: usize| (0..count).map(|at| format!("p{at}=1")).collect::<Vec<_>>().join("&");
        for (target, body, status, code) in [
            ("/a?x=1", "y=2&y=3".to_owned(), 400, -1101),
            ("/a?x=1", "y=%4".to_owned(), 400, -1100),
            ("/a?x=1", many(MOST_PARAMETERS), 400, -1101),
            ("/a", many(MOST_PARAMETERS + 1), 400, -1101),
            ("/a", "x".repeat(LONGEST_FORM + 1), 413, -1101),
        ] {
            let refusal = Query::with_form(target, body.as_bytes()).unwrap_err();
            assert_eq!((refusal.status, refusal.code), (status, code), "{target} {body}");
        }
        assert!(Query::with_form("/a", many(MOST_PARAMETERS).as_bytes()).is_ok());
        assert_eq!(Query::with_form("/a", b"x=\xff").unwrap_err().code, -1100);
    }

    fn secret(text: &str) -> ring::hmac::Key {
        ring::hmac::Key::new(ring::hmac::HMAC_SHA256, text.as_bytes())
    }

    fn signature(text: &str) -> String {
        let tag = ring::hmac::sign(&secret("s"), text.as_bytes());
        tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn a_signature_is_over_query_and_body_as_they_are_sent() {
        let signature = |text: &str| format!("signature={}", signature(text));
        for (target, body) in [
            // all in the query, all in the body, in both with the signature in either, in the middle, in capitals
            (format!("/a?b=%2F&c=1&{}", signature("b=%2F&c=1")), String::new()),
            ("/a".to_owned(), format!("b=%2f&c=1&{}", signature("b=%2f&c=1"))),
            ("/a?b=1".to_owned(), format!("c=2&{}", signature("b=1c=2"))),
            (format!("/a?b=1&{}", signature("b=1c=2")), "c=2".to_owned()),
            (format!("/a?b=1&{}&c=2", signature("b=1&c=2")), String::new()),
            (format!("/a?{}", signature("")), String::new()),
            (
                format!("/a?b=1&{}", signature("b=1").to_ascii_uppercase().replace("SIGNATURE", "signature")),
                String::new(),
            ),
        ] {
            let query = Query::with_form(&target, body.as_bytes()).unwrap();
            assert!(query.is_signed_with(&secret("s")), "{target} {body}");
            assert!(!query.is_signed_with(&secret("t")), "{target} {body}");
            let more = Query::with_form(&target, (body.clone() + "&z=1").as_bytes()).unwrap();
            assert!(!more.is_signed_with(&secret("s")), "{target} {body}: something was added");
        }
        for target in
            ["/a?b=1", "/a?b=1&signature=", "/a?b=1&signature=0", "/a?b=1&signature=zz", "/a?signature=%c3%a9"]
        {
            assert!(!Query::parse(target).unwrap().is_signed_with(&secret("s")), "{target}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(target in "[ -~]{0,80}", body in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(query) = Query::with_form(&target, &body) {
                prop_assert!(query.parameters.len() <= MOST_PARAMETERS);
                prop_assert!(!query.is_signed_with(&secret("s")));
            }
        }

        #[test]
        fn what_is_signed_is_known_and_what_was_changed_is_not(
            query in "([a-z]{1,4}=[A-Za-z0-9%&.+-]{0,4}){0,4}", form in "([a-z]{1,4}=[A-Za-z0-9&.+-]{0,4}){0,4}", at in any::<usize>(),
        ) {
            let signed = signature(&format!("{query}{form}"));
            let target = format!("/a?{query}&signature={signed}");
            if let Ok(read) = Query::with_form(&target, form.as_bytes()) {
                prop_assert!(read.is_signed_with(&secret("s")));
                let mut form = form.into_bytes();
                let place = at % (form.len() + 1);
                form.insert(place, b'q');
                if let Ok(read) = Query::with_form(&target, &form) {
                    prop_assert!(!read.is_signed_with(&secret("s")));
                }
            }
        }
    }
}
