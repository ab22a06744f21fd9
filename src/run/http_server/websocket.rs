//! The WebSocket handshake on a request, and the stream behind it (RFC 6455).

use super::{Refusal, Request, Response, Socket};
use async_tungstenite::{
    WebSocketStream,
    tungstenite::{
        handshake::derive_accept_key,
        protocol::{Role, WebSocketConfig},
    },
};

/// The longest message of a client, in bytes.
pub const MESSAGE_BYTES: usize = 64 << 10;
/// What is read from a client at once, and what is collected before it is written, in bytes.
const BUFFER_BYTES: usize = 4 << 10;
/// What may wait to be written, in bytes: more than any message is, since the next one comes only when the last is written.
const WAITING_BYTES: usize = 4 << 20;

/// Whether a client asks for a WebSocket.
#[must_use]
pub fn is_asked_for(request: &Request) -> bool {
    request.says("upgrade", "websocket")
}

/// The response that accepts.
///
/// # Errors
/// Why it is no handshake.
pub fn accept(request: &Request) -> Result<Response, Refusal> {
    if request.method != "GET" || !is_asked_for(request) || !request.says("connection", "upgrade") {
        return Err(Refusal { status: 426, why: "this is for WebSocket clients" });
    }
    if request.header("sec-websocket-version") != Some("13") {
        return Err(Refusal { status: 426, why: "only version 13 of WebSocket" });
    }
    let key = request.header("sec-websocket-key").map(str::trim).filter(|key| is_key(key));
    let key = key.ok_or(Refusal::bad("the key of the handshake is none"))?;
    let headers = vec![
        ("Upgrade", "websocket".to_owned()),
        ("Connection", "Upgrade".to_owned()),
        ("Sec-WebSocket-Accept", derive_accept_key(key.as_bytes())),
    ];
    Ok(Response { status: 101, headers, ..Response::default() })
}

/// 16 bytes in base64.
fn is_key(key: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key.len() == 24 && key.ends_with("==") && key.bytes().take(22).all(digit)
}

/// The stream behind the handshake; `read` has come already.
pub async fn open(socket: Socket, read: Vec<u8>) -> WebSocketStream<Socket> {
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_write_buffer_size(WAITING_BYTES)
        .max_message_size(Some(MESSAGE_BYTES))
        .max_frame_size(Some(MESSAGE_BYTES));
    WebSocketStream::from_partially_read(socket, read, Role::Server, Some(config)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(more: &[(&str, &str)]) -> Request {
        let mut headers = vec![
            ("upgrade".to_owned(), "WebSocket".to_owned()),
            ("connection".to_owned(), "keep-alive, Upgrade".to_owned()),
            ("sec-websocket-version".to_owned(), "13".to_owned()),
            ("sec-websocket-key".to_owned(), "dGhlIHNhbXBsZSBub25jZQ==".to_owned()),
        ];
        for (name, value) in more {
            headers.retain(|(header, _)| header != name);
            headers.push(((*name).to_owned(), (*value).to_owned()));
        }
        Request { method: "GET".into(), target: "/ws".into(), headers, body: Vec::new(), keep_alive: true }
    }

    #[test]
    fn the_handshake_is_that_of_the_standard() {
        let response = accept(&request(&[])).unwrap();
        assert_eq!(response.status, 101);
        assert_eq!(response.headers[2].1, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "the example of RFC 6455");
    }

    #[test]
    fn what_is_no_handshake_is_refused() {
        for (header, value, status) in [
            ("upgrade", "h2c", 426),
            ("connection", "close", 426),
            ("sec-websocket-version", "8", 426),
            ("sec-websocket-key", "short", 400),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZ===", 400),
        ] {
            assert_eq!(accept(&request(&[(header, value)])).unwrap_err().status, status, "{header}: {value}");
        }
    }
}
