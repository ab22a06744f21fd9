//! A whole request, within its times.

use super::{
    Limits,
    head::{self, Head, Refusal},
    payload::Payload,
    wire::{Break, Wire},
};
use std::time::{Duration, Instant};

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `HEAD`, `POST`, `PUT` or `DELETE`.
    pub method: String,
    /// Path and query, as they came.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// As it came, out of its chunks.
    pub body: Vec<u8>,
    /// Whether the client wants the connection for another request.
    pub keep_alive: bool,
}

impl Request {
    /// The first header of this name, in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The target without its query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Whether a header's list of words has this one.
    #[must_use]
    pub fn says(&self, header: &str, word: &str) -> bool {
        head::says(&self.headers, header, word)
    }
}

/// Why there is no request.
#[derive(Debug, PartialEq, Eq)]
pub enum NoRequest {
    /// Nobody wanted anything: the connection's end.
    None,
    /// It is told why.
    Refused(Refusal),
    /// Nobody is there to be told.
    Broken,
}

impl From<Refusal> for NoRequest {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

const LATE: Refusal = Refusal { status: 408, why: "the request took too long" };
const LONG_HEAD: Refusal = Refusal { status: 431, why: "the head is too long" };

/// Reads the next request, which must begin within `wait`.
pub async fn read(wire: &mut Wire<'_>, limits: &Limits, wait: Duration) -> Result<Request, NoRequest> {
    if wire.buffer.is_empty() {
        match wire.more(Instant::now() + wait).await {
            Ok(0) | Err(_) => return Err(NoRequest::None),
            Ok(_) => {}
        }
    }
    let head = read_head(wire, limits).await?;
    let mut payload = Payload::new(head.framing, limits.body_bytes)?;
    let until = Instant::now() + limits.request;
    if head.expects_continue && !payload.is_whole() && wire.buffer.is_empty() {
        wire.send(b"HTTP/1.1 100 Continue\r\n\r\n", until).await.map_err(broken)?;
    }
    loop {
        let taken = payload.take(&wire.buffer)?;
        wire.buffer.drain(..taken);
        if payload.is_whole() {
            break;
        }
        more(wire, until).await?;
    }
    let Head { method, target, headers, keep_alive, .. } = head;
    Ok(Request { method, target, headers, body: payload.into_body(), keep_alive })
}

async fn read_head(wire: &mut Wire<'_>, limits: &Limits) -> Result<Head, NoRequest> {
    let until = Instant::now() + limits.request;
    loop {
        let seen = wire.buffer.len().min(limits.head_bytes);
        match head::parse(&wire.buffer[..seen])? {
            Some((head, length)) => {
                wire.buffer.drain(..length);
                return Ok(head);
            }
            None if wire.buffer.len() >= limits.head_bytes => return Err(LONG_HEAD.into()),
            None => more(wire, until).await?,
        }
    }
}

/// The middle of a request: an end here is not one.
async fn more(wire: &mut Wire<'_>, until: Instant) -> Result<(), NoRequest> {
    match wire.more(until).await {
        Ok(0) => Err(Refusal::bad("the request is cut short").into()),
        Ok(_) => Ok(()),
        Err(cause) => Err(broken(cause)),
    }
}

fn broken(cause: Break) -> NoRequest {
    match cause {
        Break::Late => LATE.into(),
        Break::Stopped | Break::Gone => NoRequest::Broken,
    }
}
