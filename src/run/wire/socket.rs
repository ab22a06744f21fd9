//! One stream: being opened, or open. It is polled, and says one thing at a time.

use super::{Arrival, dial::UNWRITTEN_BYTES, pipe::Pipe};
use crate::gateway::SocketId;
use async_tungstenite::tungstenite::{
    self, Error, Message, WebSocket,
    error::{CapacityError, ProtocolError},
};
use std::{
    collections::VecDeque,
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// Frames without content that are taken before others have their turn.
const MOST_QUIET_FRAMES: usize = 32;
/// Of the other side's words when it closes.
const WORDS_CHARS: usize = 200;

/// A stream becoming open.
pub(super) type Dialling = Pin<Box<dyn Future<Output = Result<WebSocket<Pipe>, String>>>>;

pub(super) struct Socket {
    pub id: SocketId,
    state: State,
    /// What is to be sent, and its bytes.
    outbox: VecDeque<String>,
    bytes: usize,
}

enum State {
    Dialling(Dialling),
    Open(Box<WebSocket<Pipe>>),
}

impl Socket {
    pub fn new(id: SocketId, dialling: Dialling) -> Self {
        Self { id, state: State::Dialling(dialling), outbox: VecDeque::new(), bytes: 0 }
    }

    /// Takes a text to be sent once it can be. More than fits ends the socket when it is next polled.
    pub fn send(&mut self, text: String) {
        if self.bytes <= UNWRITTEN_BYTES {
            self.bytes += text.len();
            self.outbox.push_back(text);
        }
    }

    /// Says good-bye as far as that needs no waiting.
    pub fn leave(self) {
        if let State::Open(mut socket) = self.state {
            socket.get_mut().wake_with(Waker::noop());
            let _ = socket.close(None);
        }
    }

    /// What the socket has to say. After [`Arrival::Closed`] it is to be dropped.
    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<Arrival> {
        let heard = match &mut self.state {
            State::Dialling(dialling) => match dialling.as_mut().poll(context) {
                Poll::Pending if self.bytes > UNWRITTEN_BYTES => Err(unread()),
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(socket)) => {
                    self.state = State::Open(Box::new(socket));
                    Ok(Some(Arrival::Opened(self.id)))
                }
                Poll::Ready(Err(why)) => Err(why),
            },
            State::Open(_) => self.exchange(context),
        };
        match heard {
            Ok(Some(arrival)) => Poll::Ready(arrival),
            Ok(None) => Poll::Pending,
            Err(why) => Poll::Ready(Arrival::Closed(self.id, why)),
        }
    }

    /// Writes what is to be written and reads what is there.
    fn exchange(&mut self, context: &mut Context<'_>) -> Result<Option<Arrival>, String> {
        let State::Open(socket) = &mut self.state else { return Ok(None) };
        socket.get_mut().wake_with(context.waker());
        if self.bytes > UNWRITTEN_BYTES {
            return Err(unread());
        }
        while let Some(text) = self.outbox.pop_front() {
            self.bytes -= text.len();
            later(socket.write(Message::text(text)))?;
        }
        later(socket.flush())?;
        for _ in 0..MOST_QUIET_FRAMES {
            match socket.read() {
                Ok(Message::Text(text)) => return Ok(Some(Arrival::Frame(self.id, text.into()))),
                Ok(Message::Binary(bytes)) => return Ok(Some(Arrival::Frame(self.id, bytes))),
                // a ping is answered with the next read
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
                Ok(Message::Close(frame)) => {
                    let _ = socket.flush(); // the answer, as far as that needs no waiting
                    return Err(frame.map_or_else(
                        || "closed by the other side".to_owned(),
                        |frame| {
                            let words: String = frame.reason.chars().take(WORDS_CHARS).collect();
                            format!("closed by the other side: {} {words}", u16::from(frame.code)).trim_end().to_owned()
                        },
                    ));
                }
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(words(&error)),
            }
        }
        context.waker().wake_by_ref();
        Ok(None)
    }
}

/// What could not be written now is kept, and is no failure.
fn later(written: tungstenite::Result<()>) -> Result<(), String> {
    match written {
        Ok(()) => Ok(()),
        Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        Err(error) => Err(words(&error)),
    }
}

fn unread() -> String {
    format!("more than {UNWRITTEN_BYTES} bytes wait to be sent")
}

/// For a person.
pub(super) fn words(error: &Error) -> String {
    match error {
        Error::WriteBufferFull(_) => unread(),
        Error::Capacity(CapacityError::MessageTooLong { size, max_size }) => {
            format!("a message of {size} bytes; at most {max_size} are taken")
        }
        Error::ConnectionClosed | Error::AlreadyClosed => "the connection is closed".to_owned(),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake | ProtocolError::HandshakeIncomplete) => {
            "the connection ended without a word".to_owned()
        }
        Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the connection ended without a word".to_owned()
        }
        Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}
