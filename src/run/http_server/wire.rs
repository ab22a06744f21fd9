//! A socket whose every wait has an end: its time, or the stop signal.

use super::Socket;
use crate::stop::Stop;
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use std::{
    net::Shutdown,
    time::{Duration, Instant},
};

/// Bytes asked for at once.
const PIECE: usize = 4096;
/// Bytes that are taken in after a refusal, at most.
const LINGER_BYTES: usize = 256 << 10;

/// Why a socket gave or took nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// The program stops.
    Stopped,
    /// It took too long.
    Late,
    /// The other side is gone.
    Gone,
}

/// A socket with what has come from it and was not used yet.
pub struct Wire<'s> {
    pub socket: Socket,
    pub buffer: Vec<u8>,
    pub stop: &'s Stop,
}

impl Wire<'_> {
    /// Waits for more bytes; 0 where the other side sends no more.
    pub async fn more(&mut self, until: Instant) -> Result<usize, Break> {
        let mut piece = [0; PIECE];
        let read = self.stop.or_at_latest(until, self.socket.read(&mut piece)).await;
        let read = self.outcome(read)?;
        self.buffer.extend_from_slice(&piece[..read]);
        Ok(read)
    }

    /// Sends all of it.
    pub async fn send(&mut self, bytes: &[u8], until: Instant) -> Result<(), Break> {
        let sent = self.stop.or_at_latest(until, self.socket.write_all(bytes)).await;
        self.outcome(sent)
    }

    /// Closes so that the other side gets to read what was sent last: what it still sends is taken in for a while.
    pub async fn linger(mut self, time: Duration) {
        let until = Instant::now() + time;
        if self.socket.get_ref().shutdown(Shutdown::Write).is_err() {
            return;
        }
        let mut taken = 0;
        while let Ok(read) = self.more(until).await {
            taken += read;
            self.buffer.clear();
            if read == 0 || taken > LINGER_BYTES {
                break;
            }
        }
    }

    fn outcome<T>(&self, outcome: Option<std::io::Result<T>>) -> Result<T, Break> {
        match outcome {
            Some(outcome) => outcome.map_err(|_| Break::Gone),
            None if self.stop.cause().is_some() => Err(Break::Stopped),
            None => Err(Break::Late),
        }
    }
}
