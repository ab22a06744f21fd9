//! A client's stream connection, from the handshake to the last frame.

use super::questions::{Guest, Sent};
use crate::{
    run::http_server::{Socket, websocket},
    stop::Stop,
};
use async_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message,
        protocol::frame::{CloseFrame, coding::CloseCode},
    },
};
use futures_lite::{AsyncWriteExt, StreamExt, future::race};
use std::time::{Duration, Instant};

/// The times of a stream connection, on the process's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Times {
    /// Between two pings of the server.
    pub ping: Duration,
    /// A client that has not answered a ping for so long is dropped.
    pub pong: Duration,
    /// How long a client may take to read a frame.
    pub send: Duration,
    /// How long it has to answer a close frame.
    pub close: Duration,
}

impl Default for Times {
    /// Pings as the real exchange sends them.
    fn default() -> Self {
        Self {
            ping: Duration::from_secs(180),
            pong: Duration::from_secs(600),
            send: Duration::from_secs(10),
            close: Duration::from_secs(1),
        }
    }
}

/// How long the end of the program leaves for a close frame.
const LAST_WORD: Duration = Duration::from_millis(50);

type Stream = WebSocketStream<Socket>;

/// What there is to do for a connection.
enum Heard {
    Client(Option<Result<Message, tungstenite::Error>>),
    Venue(Option<Sent>),
}

/// The connection goes on.
struct Open;

/// Carries frames both ways until one side has enough.
pub async fn talk(guest: Guest, socket: Socket, read: Vec<u8>, times: Times, stop: &Stop) {
    let mut stream = websocket::open(socket, read).await;
    let (mut ping_at, mut pong) = (Instant::now() + times.ping, Instant::now());
    loop {
        let client = async { Heard::Client(stream.next().await) };
        let venue = async { Heard::Venue(guest.next().await) };
        let went_on = match stop.or_at_latest(ping_at, race(client, venue)).await {
            Some(Heard::Client(Some(Ok(Message::Text(text))))) => {
                stop.or(guest.tell(text.as_str().to_owned())).await.map(|()| Open)
            }
            Some(Heard::Client(Some(Ok(Message::Pong(_))))) => {
                pong = Instant::now();
                Some(Open)
            }
            // pings are answered, and a close frame is too, by the next look for a frame
            Some(Heard::Client(Some(Ok(_)))) => Some(Open),
            Some(Heard::Client(None | Some(Err(_))) | Heard::Venue(None)) => None,
            Some(Heard::Venue(Some(sent))) => pass_on(&mut stream, sent, &times, stop).await,
            None if stop.cause().is_some() => return say_goodbye(&mut stream).await,
            None if pong.elapsed() >= times.pong => None,
            None => {
                ping_at = Instant::now() + times.ping;
                send(&mut stream, Message::Ping(Vec::new().into()), times.send, stop).await
            }
        };
        if went_on.is_none() {
            return;
        }
    }
}

/// Does what the venue wants.
async fn pass_on(stream: &mut Stream, sent: Sent, times: &Times, stop: &Stop) -> Option<Open> {
    match sent {
        Sent::Text(text) => send(stream, Message::text(text), times.send, stop).await,
        Sent::Cut => None,
        Sent::CutInFrame(text) => {
            let part = first_half(&text);
            let _ = stop.or_at_latest(Instant::now() + times.send, stream.get_mut().write_all(&part)).await;
            None
        }
        Sent::Close => {
            send(stream, closing(CloseCode::Normal), times.send, stop).await?;
            let answered = async { while let Some(Ok(_)) = stream.next().await {} };
            stop.or_at_latest(Instant::now() + times.close, answered).await;
            None
        }
    }
}

async fn send(stream: &mut Stream, message: Message, time: Duration, stop: &Stop) -> Option<Open> {
    let sent = stop.or_at_latest(Instant::now() + time, stream.send(message)).await?;
    sent.is_ok().then_some(Open)
}

/// The program stops: one close frame, if there is room for it at once.
async fn say_goodbye(stream: &mut Stream) {
    let patience = Stop::new(); // the program's is set
    let _ = patience.or_at_latest(Instant::now() + LAST_WORD, stream.send(closing(CloseCode::Away))).await;
}

fn closing(code: CloseCode) -> Message {
    Message::Close(Some(CloseFrame { code, reason: "".into() }))
}

/// The header of a text frame, and half of what it announces (RFC 6455, section 5.2; a server does not mask).
fn first_half(text: &str) -> Vec<u8> {
    const FINAL_TEXT: u8 = 0x81;
    let length = text.len();
    let mut frame = match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if short < 126 => vec![FINAL_TEXT, short],
        (_, Ok(middle)) => [&[FINAL_TEXT, 126][..], &middle.to_be_bytes()].concat(),
        _ => [&[FINAL_TEXT, 127][..], &(length as u64).to_be_bytes()].concat(),
    };
    frame.extend_from_slice(&text.as_bytes()[..length / 2]);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_tungstenite::tungstenite::protocol::frame::FrameHeader;

    #[test]
    fn half_a_frame_announces_the_whole_one() {
        for length in [0usize, 1, 125, 126, 65_535, 65_536] {
            let frame = first_half(&"x".repeat(length));
            let mut reader = std::io::Cursor::new(&frame);
            let (header, announced) = FrameHeader::parse(&mut reader).unwrap().unwrap();
            assert!(header.is_final && header.mask.is_none());
            assert_eq!(announced, length as u64);
            assert_eq!(frame.len() as u64 - reader.position(), length as u64 / 2);
        }
    }
}
