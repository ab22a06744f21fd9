//! The account's stream: a key, a socket, more time for the key.
//!
//! A stream may be silent for days and well, so it is up once its handshake is done; whether it is deaf shows where requests bring what it
//! does not. The key is a secret, and stands in no word for the log.

use super::Turn;
use crate::{
    exchange::private::Trading,
    gateway::{Output, Remark, SocketId, backoff::Backoff},
    market::{MINUTE_MS, Timestamp},
};

/// Between two wishes for more time: it lives for an hour.
const EXTEND_EVERY_MS: i64 = 30 * MINUTE_MS;
/// A handshake takes no longer.
const CONNECT_MS: i64 = 15_000;
/// A stream that was up for so long has ended its row of failures.
const STEADY_MS: i64 = 60_000;
/// How it is called in the log.
const NAME: &str = "of the account";

#[derive(Debug, Clone, Copy)]
struct Socket {
    id: SocketId,
    since: Timestamp,
    up: bool,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct UserStream {
    key: Option<String>,
    socket: Option<Socket>,
    /// When the key got its time.
    extended: Timestamp,
    backoff: Backoff,
    pub losses: u64,
    pub attempts: u64,
}

impl UserStream {
    pub const fn new(now: Timestamp) -> Self {
        Self { key: None, socket: None, extended: now, backoff: Backoff::new(), losses: 0, attempts: 0 }
    }

    /// Whether a socket is its own.
    pub fn owns(&self, id: SocketId) -> bool {
        self.socket.is_some_and(|socket| socket.id == id)
    }

    /// Since when it has been up.
    pub fn up_since(&self) -> Option<Timestamp> {
        self.socket.filter(|socket| socket.up).map(|socket| socket.since)
    }

    /// When a key is wanted; `None` where there is one.
    pub fn key_due(&self) -> Option<Timestamp> {
        const NOW: Timestamp = Timestamp(i64::MIN);
        self.key.is_none().then(|| self.backoff.until().unwrap_or(NOW))
    }

    /// When more time for it is.
    pub fn extend_due(&self) -> Option<Timestamp> {
        self.key.as_ref().map(|_| self.extended.plus_ms(EXTEND_EVERY_MS))
    }

    /// The exchange gave a key.
    pub fn take_key(&mut self, key: String, now: Timestamp) {
        self.key = Some(key);
        self.extended = now;
    }

    /// The exchange gave more time.
    pub const fn extend(&mut self, now: Timestamp) {
        self.extended = now;
    }

    /// Does what is due.
    pub fn act(&mut self, trading: &dyn Trading, turn: &mut Turn<'_>) {
        let late = self.socket.is_some_and(|socket| !socket.up && turn.now >= socket.since.plus_ms(CONNECT_MS));
        if late {
            self.lose("no handshake", true, turn);
        }
        let Some(key) = self.key.as_ref().filter(|_| self.socket.is_none()) else { return };
        let id = turn.numbers.next_socket();
        self.attempts += 1;
        self.socket = Some(Socket { id, since: turn.now, up: false });
        turn.outputs.push(Output::Connect(id, trading.user_stream(key)));
    }

    /// The handshake is done. Whether it is its socket's.
    pub fn opened(&mut self, id: SocketId, turn: &mut Turn<'_>) -> bool {
        let Some(socket) = self.socket.as_mut().filter(|socket| socket.id == id && !socket.up) else { return false };
        (socket.up, socket.since) = (true, turn.now);
        turn.outputs.push(Output::Say(Remark::StreamUp(NAME.to_owned())));
        true
    }

    /// It is gone, or shall be: `still_there`. A new key is asked for; where the old one lives, it is the same.
    pub fn lose(&mut self, why: &str, still_there: bool, turn: &mut Turn<'_>) {
        let lost = self.socket.take();
        let was_up = lost.filter(|socket| socket.up);
        turn.outputs.extend(lost.filter(|_| still_there).map(|lost| Output::Disconnect(lost.id)));
        if let Some(socket) = was_up {
            self.losses += 1;
            if turn.now.since_ms(socket.since) >= STEADY_MS {
                self.backoff.clear();
            }
        }
        self.key = None;
        let retry_ms = self.backoff.fail(turn.now, turn.jitter);
        let why = why.chars().take(crate::gateway::LONGEST_WORDS).collect();
        turn.outputs.push(Output::Say(Remark::StreamDown { path: NAME.to_owned(), why, retry_ms }));
    }

    /// The process stood still: it is made anew at once.
    pub fn drop_all(&mut self, turn: &mut Turn<'_>) {
        self.losses += u64::from(self.up_since().is_some());
        turn.outputs.extend(self.socket.take().map(|socket| Output::Disconnect(socket.id)));
        self.key = None;
        self.backoff.clear();
    }

    /// When [`UserStream::act`] has something to do.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.socket.filter(|socket| !socket.up).map(|socket| socket.since.plus_ms(CONNECT_MS))
    }
}
