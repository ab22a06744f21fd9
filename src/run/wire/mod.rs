//! The way to an exchange and back: carries out what a session wants, and tells it what came. Knows nothing of what it carries.
//!
//! **What is told.** A socket is told [`Arrival::Opened`] once, then its frames, then [`Arrival::Closed`] once, or `Closed` alone; nothing after
//! [`Wire::disconnect`]. Text frames and binary ones are the same, pings are answered here, and so is a close. A request is answered once:
//! with [`Arrival::Response`] whatever its status, also a redirect, which is not followed; or with [`Arrival::NoResponse`], where `sent` is false
//! only if no byte of it can have left: the name was not found, nobody took the connection, the proxy or the handshake failed, the
//! queue was full, or the process stood still while it waited. A body that was cut, or is over its limit, is no response. After [`Wire::forget`] no socket is left and none of them is
//! told of, and a request that was on its way has no response, since it would be old.
//!
//! **Threads.** Sockets run in [`Wire::next`], on the thread that calls it. A lane has one thread, started with its first request:
//! `http protect`, `http entries`, `http data`. A look-up has one while it lasts, `names`. None is waited for at the end of the program.
//!
//! **Limits.** [`Limits`] for times; 16 sockets; 64 requests waiting in a lane; messages of 1 MiB, 64 KiB waiting to be sent on a socket;
//! bodies of 8 MiB unpacked, heads of 16 KiB, 64 headers, names in lower case. Each is a constant where it is used. A connection for requests is kept for 50 s after each.
//!
//! **Keys.** A request of an account's gets its time, its signature and its key in its lane's thread, just before it is sent, and none of
//! the three is in any word that is told.
//!
//! **Trust.** TLS 1.2 and 1.3 with the roots compiled in, and those of [`Address::ca_file`] beside them. The environment names neither
//! a proxy nor a root.

mod address; // addresses as a person writes them, checked
mod dial; // from an address to an open stream
mod hosts; // what a check of the network asks
mod http; // ureq with our resolver and TLS
mod lanes; // requests, a thread a lane
mod names; // addresses of hosts
mod pipe; // a connection as tungstenite reads it
mod signing; // time and signature, at the last moment
mod socket; // one stream
#[cfg(test)]
mod tests;
mod tls; // the roots

pub use address::{Address, AddressError};
pub use async_tungstenite::tungstenite::Bytes;
pub use signing::{Signer, Stamp};
pub use tls::CaError;

use crate::{
    exchange::{Request, private::Call},
    gateway::{Lane, RequestId, SocketId},
};
use address::Places;
use futures_rustls::rustls::ClientConfig;
use lanes::Lanes;
use names::Names;
use socket::Socket;
use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

/// Sockets at once.
const MOST_SOCKETS: usize = 16;

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// A request of [`Lane::Protection`], from its turn to its last byte.
    pub protection: Duration,
    /// One of [`Lane::Entries`].
    pub entries: Duration,
    /// One of [`Lane::Data`].
    pub data: Duration,
    /// A socket, from [`Wire::connect`] to [`Arrival::Opened`].
    pub open: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let [protection, entries, data, open] = [2, 3, 10, 10].map(Duration::from_secs);
        Self { protection, entries, data, open }
    }
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// A socket is open.
    Opened(SocketId),
    /// A message.
    Frame(SocketId, Bytes),
    /// A socket could not be opened or has ended, in words.
    Closed(SocketId, String),
    /// The answer to a request.
    Response {
        /// Which request.
        id: RequestId,
        /// Such as 200.
        status: u16,
        /// Names in lower case.
        headers: Vec<(String, String)>,
        /// Unpacked.
        body: Vec<u8>,
        /// From the request's first byte leaving to the last of the body, without setting the connection up; on the clock that
        /// goes on while the machine sleeps.
        took: Duration,
    },
    /// No answer.
    NoResponse {
        /// Which request.
        id: RequestId,
        /// In words.
        why: String,
        /// Whether bytes of it may have left.
        sent: bool,
    },
}

/// Why there is no way to the exchange.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// An address cannot be used.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The file with further roots cannot be used.
    #[error(transparent)]
    Ca(#[from] CaError),
}

/// What all connections share.
struct Line {
    places: Places,
    tls: Arc<ClientConfig>,
}

/// The sockets and requests of a session.
pub struct Wire {
    line: Arc<Line>,
    names: Names,
    limits: Limits,
    sockets: Vec<Socket>,
    /// The socket that is asked first.
    turn: usize,
    lanes: Lanes,
    /// What can be told at once: refusals, at most one a call.
    refused: VecDeque<Arrival>,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("places", &self.line.places).field("sockets", &self.sockets.len()).finish()
    }
}

impl Wire {
    /// A way to this address; nothing is sent or started yet.
    ///
    /// # Errors
    ///
    /// The address or the file of certificates cannot be used.
    pub fn new(address: &Address, limits: Limits) -> Result<Self, WireError> {
        Self::with(address, limits, Names::new())
    }

    fn with(address: &Address, limits: Limits, names: Names) -> Result<Self, WireError> {
        let line = Line { places: address.places()?, tls: tls::client(address.ca_file.as_deref())? };
        let line = Arc::new(line);
        let lanes = Lanes::new(Arc::clone(&line), names.clone(), limits);
        Ok(Self { line, names, limits, sockets: Vec::new(), turn: 0, lanes, refused: VecDeque::new() })
    }

    /// Opens a socket to a path behind the address of streams.
    pub fn connect(&mut self, id: SocketId, path: &str) {
        if self.sockets.len() >= MOST_SOCKETS {
            self.refused.push_back(Arrival::Closed(id, format!("{MOST_SOCKETS} sockets are open already")));
            return;
        }
        let dialling = dial::dial(Arc::clone(&self.line), self.names.clone(), path.to_owned(), self.limits.open);
        self.sockets.push(Socket::new(id, Box::pin(dialling)));
    }

    /// Sends a text, also on a socket that is being opened; dropped where it is gone.
    pub fn send(&mut self, id: SocketId, text: String) {
        if let Some(socket) = self.sockets.iter_mut().find(|socket| socket.id == id) {
            socket.send(text);
        }
    }

    /// Ends a socket at once; nothing of it is told afterwards.
    pub fn disconnect(&mut self, id: SocketId) {
        if let Some(at) = self.sockets.iter().position(|socket| socket.id == id) {
            self.sockets.swap_remove(at).leave();
        }
        self.refused.retain(|arrival| !matches!(arrival, Arrival::Closed(of, _) if *of == id));
    }

    /// Sends a request; those of a lane one after the other. One that waits longer for its turn than it may take is not sent.
    pub fn fetch(&mut self, id: RequestId, lane: Lane, request: &Request) {
        self.refused.extend(self.lanes.fetch(id, lane, &request.path));
    }

    /// From now on requests of an account can be sent.
    pub fn sign_with(&mut self, signer: Signer) {
        self.lanes.sign_with(signer);
    }

    /// Sends a request of the account's, with the time and the signature of the moment at which its lane sends it. Without a stamp the
    /// exchange's clock is not known, and nothing is sent.
    pub fn call(&mut self, id: RequestId, lane: Lane, call: Call, stamp: Option<Stamp>) {
        self.refused.extend(match stamp {
            Some(stamp) => self.lanes.call(id, lane, call, stamp),
            None => {
                let why = "the exchange's clock is not known".to_owned();
                Some(Arrival::NoResponse { id, why, sent: false })
            }
        });
    }

    /// The process stood still: what sockets hold and connections promise is not true any more. All sockets are gone.
    pub fn forget(&mut self) {
        self.sockets.clear();
        self.refused.retain(|arrival| !matches!(arrival, Arrival::Closed(..)));
        self.lanes.distrust();
    }

    /// What comes next; waits for ever where nothing is under way. Whoever stops waiting loses nothing.
    ///
    /// It may be ready many times in a row, so the caller gives way to others.
    pub async fn next(&mut self) -> Arrival {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Arrival> {
        if let Some(arrival) = self.refused.pop_front() {
            return Poll::Ready(arrival);
        }
        // Answers first: they are as many as there were requests, so sockets don't wait long.
        if let Poll::Ready(arrival) = self.lanes.poll(context) {
            return Poll::Ready(arrival);
        }
        let count = self.sockets.len();
        for turn in 0..count {
            let at = (self.turn + turn) % count;
            if let Poll::Ready(arrival) = self.sockets[at].poll(context) {
                self.turn = at + 1; // the next one is asked first
                if matches!(arrival, Arrival::Closed(..)) {
                    self.sockets.swap_remove(at);
                }
                return Poll::Ready(arrival);
            }
        }
        Poll::Pending
    }
}
