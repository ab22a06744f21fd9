//! A server of a few threads, and a wire to it.

use super::super::{Address, Arrival, Limits, Wire, names::Names};
use crate::{
    exchange::Request,
    gateway::{Lane, RequestId},
};
use async_io::Timer;
use async_tungstenite::tungstenite::{self, WebSocket};
use futures_lite::FutureExt;
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// How long a test waits for what must come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A server, and how many connections it has taken.
pub struct Server {
    pub at: SocketAddr,
    taken: Arc<AtomicUsize>,
}

impl Server {
    /// Does `act` with each connection, in a thread of its own.
    pub fn new(act: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let (act, taken) = (Arc::new(act), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&taken);
        thread::spawn(move || {
            for connection in listener.incoming().take(1_000) {
                let Ok(connection) = connection else { return };
                count.fetch_add(1, Ordering::SeqCst);
                connection.set_read_timeout(Some(PATIENCE)).unwrap();
                let act = Arc::clone(&act);
                thread::spawn(move || act(connection));
            }
        });
        Self { at, taken }
    }

    /// Answers each request with what `answer` makes of its head; nothing: closes.
    pub fn of_requests(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::new(move |connection| answer_all(connection, &answer))
    }

    /// Speaks with each client that asks for a socket.
    pub fn of_sockets(speak: impl Fn(WebSocket<TcpStream>) + Send + Sync + 'static) -> Self {
        Self::new(move |connection| {
            if let Ok(socket) = tungstenite::accept(connection) {
                speak(socket);
            }
        })
    }

    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }

    pub fn address(&self) -> Address {
        Address { rest: format!("http://{}", self.at), streams: format!("ws://{}", self.at), ..Address::default() }
    }

    pub fn wire(&self) -> Wire {
        self.wire_with(Limits::default())
    }

    pub fn wire_with(&self, limits: Limits) -> Wire {
        Wire::with(&self.address(), limits, Names::new()).unwrap()
    }
}

/// Reads heads and answers them until the client has enough, or nothing is answered.
pub fn answer_all(mut connection: impl Read + Write, answer: &impl Fn(&str) -> Vec<u8>) {
    while let Some(head) = head(&mut connection) {
        let answer = answer(&head);
        if answer.is_empty() || connection.write_all(&answer).and_then(|()| connection.flush()).is_err() {
            return;
        }
    }
}

/// A request's head.
pub fn head(connection: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        connection.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

/// A response of this status line and body.
pub fn response(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// All limits as short.
pub fn short(ms: u64) -> Limits {
    let time = Duration::from_millis(ms);
    Limits { protection: time, entries: time, data: time, open: time }
}

pub fn get(wire: &mut Wire, id: u64, path: &str) {
    wire.fetch(RequestId(id), Lane::Data, &Request { path: path.to_owned(), weight: 1 });
}

/// What comes next.
pub fn next(wire: &mut Wire) -> Arrival {
    let late = async {
        Timer::after(PATIENCE).await;
        panic!("nothing came")
    };
    async_io::block_on(wire.next().or(late))
}

/// What comes within a moment.
pub fn soon(wire: &mut Wire, ms: u64) -> Option<Arrival> {
    let late = async {
        Timer::after(Duration::from_millis(ms)).await;
        None
    };
    async_io::block_on(async { Some(wire.next().await) }.or(late))
}

/// The answer to a single request: its status and body, or why there is none and whether it was sent.
pub fn asked(wire: &mut Wire, path: &str) -> Result<(u16, Vec<u8>), (String, bool)> {
    get(wire, 7, path);
    match next(wire) {
        Arrival::Response { id: RequestId(7), status, body, .. } => Ok((status, body)),
        Arrival::NoResponse { id: RequestId(7), why, sent } => Err((why, sent)),
        other => panic!("{other:?}"),
    }
}
