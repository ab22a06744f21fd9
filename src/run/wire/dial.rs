//! From an address to an open stream: name, connection, proxy, encryption, handshake. Each step gives its failure in words.

use super::{
    Line,
    address::{Place, Proxy, authority},
    http::USER_AGENT,
    names::Names,
    pipe::{Io, Pipe},
};
use async_io::{Async, Timer};
use async_tungstenite::tungstenite::{
    self, ClientHandshake, HandshakeError, WebSocket, client::IntoClientRequest, http::HeaderValue,
    protocol::WebSocketConfig,
};
use futures_lite::{AsyncReadExt, AsyncWriteExt, FutureExt};
use futures_rustls::{TlsConnector, pki_types::ServerName};
use std::{
    future::poll_fn,
    io,
    net::{SocketAddr, TcpStream},
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

/// The longest message, and the longest frame, that is taken; a longer one ends the socket.
pub(super) const MESSAGE_BYTES: usize = 1 << 20;
/// What may wait to be written; more ends the socket, since its other side does not read.
pub(super) const UNWRITTEN_BYTES: usize = 64 << 10;
/// What a socket reads at once.
const INPUT_BYTES: usize = 16 << 10;
/// Of a proxy's answer.
const PROXY_HEAD_BYTES: usize = 8 << 10;
/// Of the words of whoever refuses a handshake.
const WORDS_CHARS: usize = 200;
/// Letters of what may be a key, at least.
const LEAST_KEY: usize = 8;

/// Opens a stream within `limit`.
pub(super) async fn dial(
    line: Arc<Line>,
    names: Names,
    path: String,
    limit: Duration,
) -> Result<WebSocket<Pipe>, String> {
    let late = async {
        Timer::after(limit).await;
        Err(format!("it was not open after {} s", limit.as_secs_f32()))
    };
    open(&line, &names, &path, limit).or(late).await
}

async fn open(line: &Line, names: &Names, path: &str, limit: Duration) -> Result<WebSocket<Pipe>, String> {
    let place = &line.places.streams;
    let (host, port) = line.places.proxy.as_ref().map_or((&place.host, place.port), |proxy| (&proxy.host, proxy.port));
    let mut tcp = connect(names, host, port, limit).await?;
    if let Some(proxy) = &line.places.proxy {
        tunnel(&mut tcp, place, proxy).await.map_err(|error| format!("the proxy: {error}"))?;
    }
    let io: Box<dyn Io> = if place.secure {
        let name = ServerName::try_from(place.host.clone());
        let name = name.map_err(|_| format!("{} cannot be in a certificate", place.host))?;
        let tls = TlsConnector::from(Arc::clone(&line.tls)).connect(name, tcp).await;
        Box::new(tls.map_err(|error| format!("TLS: {error}"))?)
    } else {
        Box::new(tcp)
    };
    handshake(io, &format!("{}{path}", place.base)).await.map_err(|error| hide(&refusal(&error), path))
}

/// A connection to the first address that takes one. An address may take half of what is left of the time, the last one all.
async fn connect(names: &Names, host: &str, port: u16, limit: Duration) -> Result<Async<TcpStream>, String> {
    let end = Instant::now() + limit;
    let addresses = names.find(host).await?;
    let mut why = format!("{host} has no address");
    for (at, &ip) in addresses.iter().enumerate() {
        let left = end.saturating_duration_since(Instant::now());
        let share = if at + 1 == addresses.len() { left } else { left / 2 };
        let late = async {
            Timer::after(share).await;
            Err(io::Error::new(io::ErrorKind::TimedOut, "nobody answers"))
        };
        match Async::<TcpStream>::connect(SocketAddr::new(ip, port)).or(late).await {
            Ok(tcp) => {
                tcp.get_ref().set_nodelay(true).map_err(|error| error.to_string())?;
                return Ok(tcp);
            }
            Err(error) => why = format!("{}: {error}", authority(&ip.to_string(), port)),
        }
    }
    Err(why)
}

/// Asks a proxy for the way to `place`.
async fn tunnel(tcp: &mut Async<TcpStream>, place: &Place, proxy: &Proxy) -> io::Result<()> {
    let target = authority(&place.host, place.port);
    let mut head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: {USER_AGENT}\r\n");
    if let Some((name, password)) = &proxy.user {
        head += &format!("Proxy-Authorization: Basic {}\r\n", base64(format!("{name}:{password}").as_bytes()));
    }
    head += "\r\n";
    tcp.write_all(head.as_bytes()).await?;
    let mut answer = vec![0; PROXY_HEAD_BYTES];
    let mut length = 0;
    loop {
        let read = tcp.read(&mut answer[length..]).await?;
        length += read;
        if let Some((status, used)) = proxy_status(&answer[..length])? {
            return match status {
                200..300 if used == length => Ok(()),
                200..300 => Err(io::Error::other("it speaks before it is asked")),
                _ => Err(io::Error::other(format!("it answers {status}"))),
            };
        }
        if read == 0 {
            let why = if length == answer.len() { "its answer is too long" } else { "it ended the connection" };
            return Err(io::Error::other(why));
        }
    }
}

/// The status of a proxy's answer and the length of its head, once that is whole.
fn proxy_status(answer: &[u8]) -> io::Result<Option<(u16, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    match response.parse(answer) {
        Ok(httparse::Status::Complete(used)) => Ok(response.code.map(|status| (status, used))),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(error) => Err(io::Error::other(format!("its answer is no HTTP: {error}"))),
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let place = (bits >> (18 - 6 * digit) & 63) as usize;
            text.push(if digit <= chunk.len() { char::from(DIGITS[place]) } else { '=' });
        }
    }
    text
}

async fn handshake(io: Box<dyn Io>, url: &str) -> tungstenite::Result<WebSocket<Pipe>> {
    let mut request = url.into_client_request()?;
    request.headers_mut().insert("user-agent", HeaderValue::from_static(USER_AGENT));
    let config = WebSocketConfig::default()
        .read_buffer_size(INPUT_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(UNWRITTEN_BYTES)
        .max_message_size(Some(MESSAGE_BYTES))
        .max_frame_size(Some(MESSAGE_BYTES));
    let mut stage = Some(ClientHandshake::start(Pipe::new(io), request, Some(config))?);
    poll_fn(|context| {
        let Some(mut now) = stage.take() else { return Poll::Pending };
        now.get_mut().get_mut().wake_with(context.waker());
        match now.handshake() {
            Ok((socket, _)) => Poll::Ready(Ok(socket)),
            Err(HandshakeError::Interrupted(later)) => {
                stage = Some(later);
                Poll::Pending
            }
            Err(HandshakeError::Failure(error)) => Poll::Ready(Err(error)),
        }
    })
    .await
}

/// The words without the path's last part: that of an account's stream is a key, and the other side may repeat it.
fn hide(words: &str, path: &str) -> String {
    match path.rsplit(['/', '=']).next() {
        Some(key) if key.len() >= LEAST_KEY => words.replace(key, "…"),
        _ => words.to_owned(),
    }
}

/// Why there was no handshake, with the other side's words where it has some.
fn refusal(error: &tungstenite::Error) -> String {
    match error {
        tungstenite::Error::Http(response) => {
            let body = response.body().as_deref().unwrap_or_default();
            let words: String = String::from_utf8_lossy(body).chars().take(WORDS_CHARS).collect();
            let words = words.replace(|letter: char| letter.is_control(), " ");
            let space = if words.is_empty() { "" } else { ": " };
            format!("refused with {}{space}{words}", response.status().as_u16())
        }
        other => super::socket::words(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_as_the_standard_has_it() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
            ("Aladdin:open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "+//+");
    }
}
