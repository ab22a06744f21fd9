//! A response to bytes.

use super::head::Refusal;

/// A response. Its length and whether the connection stays are the server's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response {
    /// Such as 200.
    pub status: u16,
    /// Besides `Content-Length` and `Connection`.
    pub headers: Vec<(&'static str, String)>,
    /// As it is sent.
    pub body: Vec<u8>,
    /// Only so many bytes of the body are sent, and then the connection is cut.
    pub cut_after: Option<usize>,
}

impl From<Refusal> for Response {
    fn from(refusal: Refusal) -> Self {
        let headers = vec![("Content-Type", "text/plain; charset=utf-8".to_owned())];
        Self { status: refusal.status, headers, body: format!("{}\n", refusal.why).into_bytes(), cut_after: None }
    }
}

/// What follows the response on its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// Another request may.
    Keep,
    /// Nothing does.
    Close,
    /// Another protocol, so that there is no body.
    Switch,
}

impl Response {
    /// The bytes of it; without its body where only the head was asked for.
    pub fn encode(&self, after: After, head_only: bool) -> Vec<u8> {
        let mut text = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            let value: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if after != After::Switch {
            text.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        if after == After::Close {
            text.push_str("Connection: close\r\n");
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        if after != After::Switch && !head_only {
            let end = self.cut_after.map_or(self.body.len(), |cut| cut.min(self.body.len()));
            bytes.extend_from_slice(&self.body[..end]);
        }
        bytes
    }
}

const fn reason(status: u16) -> &'static str {
    match status {
        101 => "Switching Protocols",
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        418 => "I'm a teapot",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_says_its_length_and_what_follows() {
        let response = Response {
            status: 200,
            headers: vec![("X-A", "b\r\nX-Evil: c".into())],
            body: b"hello".to_vec(),
            cut_after: None,
        };
        let text =
            |response: &Response, after, head_only| String::from_utf8(response.encode(after, head_only)).unwrap();
        let head = "HTTP/1.1 200 OK\r\nX-A: b  X-Evil: c\r\nContent-Length: 5\r\n";
        assert_eq!(text(&response, After::Keep, false), format!("{head}\r\nhello"));
        assert_eq!(text(&response, After::Close, true), format!("{head}Connection: close\r\n\r\n"));
        let cut = |bytes| Response { cut_after: Some(bytes), ..response.clone() };
        assert_eq!(text(&cut(2), After::Close, false), format!("{head}Connection: close\r\n\r\nhe"));
        assert_eq!(text(&cut(9), After::Keep, false), format!("{head}\r\nhello"));
        let switch = Response { status: 101, ..Response::default() };
        assert_eq!(text(&switch, After::Switch, false), "HTTP/1.1 101 Switching Protocols\r\n\r\n");
    }
}
