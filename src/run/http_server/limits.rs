//! How much of everything a client may have.

use std::time::Duration;

/// The limits of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; one more gets a 503.
    pub connections: usize,
    /// So many of those that are one too many get to hear it; the rest is closed without a word.
    pub refusals: usize,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// From the connection to the first byte of its first request.
    pub first_byte: Duration,
    /// From one answer to the first byte of the next request.
    pub idle: Duration,
    /// From a head's first byte to its last, and as long again for the body.
    pub request: Duration,
    /// How long the service may take.
    pub answer: Duration,
    /// How long a client may take to read an answer.
    pub send: Duration,
    /// How long the rest of what a client sends is taken in after a refusal, so that it gets to read why.
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            refusals: 16,
            head_bytes: 8 << 10,
            body_bytes: 64 << 10,
            first_byte: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            request: Duration::from_secs(10),
            answer: Duration::from_secs(120),
            send: Duration::from_secs(10),
            linger: Duration::from_millis(500),
        }
    }
}
