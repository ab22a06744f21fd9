//! Bytes to the head of a request.

use httparse::{EMPTY_HEADER, Status};

/// Headers of a request, at most.
const HEADERS: usize = 64;

/// Why the server itself refuses a request: a status and its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Such as 400.
    pub status: u16,
    /// For the one who reads the response.
    pub why: &'static str,
}

impl Refusal {
    /// The request is not HTTP.
    #[must_use]
    pub const fn bad(why: &'static str) -> Self {
        Self { status: 400, why }
    }
}

/// How a body is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// So many bytes; 0 without a body.
    Length(usize),
    /// In chunks.
    Chunked,
}

/// The head of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Such as `GET`.
    pub method: String,
    /// Path and query, as they came.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// How the body is delimited.
    pub framing: Framing,
    /// Whether the client wants the connection for another request.
    pub keep_alive: bool,
    /// Whether the client waits for a `100 Continue` before it sends the body.
    pub expects_continue: bool,
}

/// Reads a head and says how long it was; `None` while it is not whole.
///
/// # Errors
/// What can't be a request, or is none that is served.
pub fn parse(bytes: &[u8]) -> Result<Option<(Head, usize)>, Refusal> {
    let mut headers = [EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(bytes) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Refusal { status: 431, why: "too many headers" }),
        Err(httparse::Error::Version) => return Err(Refusal { status: 505, why: "only HTTP/1.0 and 1.1" }),
        Err(_) => return Err(Refusal::bad("not a request of HTTP")),
    };
    let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version) else {
        return Ok(None);
    };
    if !["GET", "POST", "PUT", "DELETE", "HEAD"].contains(&method) {
        return Err(Refusal { status: 501, why: "only GET, HEAD, POST, PUT and DELETE" });
    }
    let named = |header: &httparse::Header<'_>| {
        (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).into_owned())
    };
    let headers: Vec<(String, String)> = request.headers.iter().map(named).collect();
    let head = Head {
        framing: framing(&headers)?,
        keep_alive: keeps_alive(&headers, minor),
        expects_continue: minor > 0 && says(&headers, "expect", "100-continue"),
        method: method.to_owned(),
        target: target.to_owned(),
        headers,
    };
    Ok(Some((head, length)))
}

/// Whether a header's list of words has this one.
pub fn says(headers: &[(String, String)], name: &str, word: &str) -> bool {
    let values = headers.iter().filter(|(header, _)| header == name).map(|(_, value)| value);
    values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(word))
}

/// Two ways to read one body would be two opinions on where the next request begins, so both are refused.
fn framing(headers: &[(String, String)]) -> Result<Framing, Refusal> {
    let values = |name: &'static str| headers.iter().filter(move |(header, _)| header == name).map(|(_, value)| value);
    let mut lengths = values("content-length");
    let length = lengths.next();
    if lengths.any(|other| Some(other) != length) {
        return Err(Refusal::bad("two lengths of the body"));
    }
    let mut codings = values("transfer-encoding");
    match (codings.next(), length) {
        (None, None) => Ok(Framing::Length(0)),
        (None, Some(length)) => number(length).map(Framing::Length),
        (Some(_), Some(_)) => Err(Refusal::bad("both a length and chunks")),
        (Some(coding), None) if codings.next().is_none() && coding.trim().eq_ignore_ascii_case("chunked") => {
            Ok(Framing::Chunked)
        }
        (Some(_), None) => Err(Refusal { status: 501, why: "no transfer coding but chunked" }),
    }
}

/// Digits and nothing else; what is too large for a number is too large for a body.
fn number(text: &str) -> Result<usize, Refusal> {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::bad("the length of the body is no number"));
    }
    Ok(text.parse().unwrap_or(usize::MAX))
}

fn keeps_alive(headers: &[(String, String)], minor: u8) -> bool {
    match minor {
        0 => says(headers, "connection", "keep-alive"),
        _ => !says(headers, "connection", "close"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn head(text: &str) -> Result<Head, Refusal> {
        parse(text.as_bytes()).map(|parsed| parsed.unwrap().0)
    }

    #[test]
    fn a_head_is_read_and_its_length_told() {
        let text = "POST /a?b=c%20d HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nX-Key: Ab\r\n\r\nhello";
        let (head, length) = parse(text.as_bytes()).unwrap().unwrap();
        assert_eq!(&text[length..], "hello");
        assert_eq!((head.method.as_str(), head.target.as_str()), ("POST", "/a?b=c%20d"));
        assert_eq!(head.headers[2], ("x-key".to_owned(), "Ab".to_owned()));
        assert_eq!((head.framing, head.keep_alive, head.expects_continue), (Framing::Length(5), true, false));
        for cut in 0..length {
            assert_eq!(parse(&text.as_bytes()[..cut]), Ok(None), "{cut}");
        }
    }

    #[test]
    fn who_closes_is_said_by_the_version_and_the_header() {
        for (text, want) in [
            ("GET / HTTP/1.1\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nConnection: Upgrade, Close\r\n\r\n", false),
            ("GET / HTTP/1.0\r\n\r\n", false),
            ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true),
        ] {
            assert_eq!(head(text).unwrap().keep_alive, want, "{text}");
        }
    }

    #[test]
    fn what_is_no_request_or_has_two_meanings_is_refused() {
        for (text, status) in [
            ("GET\r\n\r\n", 400),
            ("\0\r\n\r\n", 400),
            ("GET / HTTP/2.0\r\n\r\n", 505),
            ("PATCH / HTTP/1.1\r\n\r\n", 501),
            ("POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nContent-Length: \r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
        ] {
            assert_eq!(head(text).unwrap_err().status, status, "{text}");
        }
        let twice = head("POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n").unwrap();
        assert_eq!(twice.framing, Framing::Length(5), "the same length twice has one meaning");
        let huge = head("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n").unwrap();
        assert_eq!(huge.framing, Framing::Length(usize::MAX));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(HEADERS + 1));
        assert_eq!(head(&many).unwrap_err().status, 431);
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            if let Ok(Some((_, length))) = parse(&bytes) {
                prop_assert!(length <= bytes.len());
            }
        }

        #[test]
        fn near_misses_do_no_harm(line in "(GET|POST|PUT) [ -~]{0,20} HTTP/1.[0-2]\r\n", headers in "([ -~]{0,12}: ?[ -~]{0,12}\r\n){0,6}", rest in "(\r\n)?.{0,20}") {
            let text = format!("{line}{headers}{rest}");
            if let Ok(Some((head, length))) = parse(text.as_bytes()) {
                prop_assert!(length <= text.len() && text.as_bytes()[..length].ends_with(b"\n"));
                prop_assert!(head.headers.len() <= HEADERS);
            }
        }
    }
}
