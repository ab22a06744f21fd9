//! A small HTTP/1.1 server on this thread: a request in, a response out, or the socket to whoever goes on with it. It knows no service.
//!
//! Connections are tasks of an executor of the server's own, so the server is one future: whoever drops it drops them all. Requests of a
//! connection are answered one after the other. Each of its numbers has a limit in [`Limits`].

mod connection; // one connection from its first byte to its last
mod head; // bytes to the head of a request
pub mod limits; // how much of everything
mod payload; // bytes to the body of a request
mod request; // a whole request, within its times
mod response; // a response to bytes
#[cfg(test)]
mod tests;
pub mod websocket; // the handshake, and the stream behind it
mod wire; // a socket whose every wait has an end

pub use head::Refusal;
pub use limits::Limits;
pub use request::Request;
pub use response::Response;

use crate::{
    run::tasks::{self, How, NamedTask},
    stop::{Stop, Wait},
};
use async_io::Async;
use connection::{Admission, serve};
use log::warn;
use smol::LocalExecutor;
use std::{
    cell::Cell,
    future::Future,
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    rc::Rc,
    time::{Duration, Instant},
};

/// A connection's socket.
pub type Socket = Async<TcpStream>;

/// Where the system has no descriptor for another connection, it is asked again after so long.
const PAUSE: Duration = Duration::from_millis(100);
/// How long connections have for their last words once the program stops.
const FAREWELL: Duration = Duration::from_millis(200);

/// What is served.
pub trait Service {
    /// What goes on with a socket after HTTP.
    type Talk;

    /// Answers a request. It is dropped where the program stops, or after [`Limits::answer`].
    fn answer(&self, request: Request) -> impl Future<Output = Answer<Self::Talk>>;

    /// Goes on with a socket after an [`Answer::Switch`]; `read` has come from it already. The socket is closed when this is done.
    fn talk(&self, talk: Self::Talk, socket: Socket, read: Vec<u8>) -> impl Future<Output = ()>;
}

/// What a request leads to.
#[derive(Debug)]
pub enum Answer<T> {
    /// This response.
    Response(Response),
    /// This response without a body, and then the socket is no longer one of HTTP.
    Switch(Response, T),
    /// The connection is cut without a word.
    Cut,
}

/// What the server has seen.
#[derive(Debug, Default)]
pub struct Tally {
    /// Connections that were served.
    pub connections: Cell<u64>,
    /// Those that were turned away, since there were too many.
    pub turned_away: Cell<u64>,
    /// Requests that were read whole.
    pub requests: Cell<u64>,
    /// Requests that were refused or cut by the server itself: malformed, too long, too slow.
    pub refused: Cell<u64>,
}

impl Tally {
    fn count(cell: &Cell<u64>) {
        cell.set(cell.get() + 1);
    }
}

/// A server that listens.
#[derive(Debug)]
pub struct Server<S> {
    listener: Async<TcpListener>,
    limits: Limits,
    service: S,
    tally: Rc<Tally>,
}

impl<S: Service> Server<S> {
    /// Listens at `address`; port 0 is one that is free.
    ///
    /// # Errors
    /// The address is taken or not ours.
    pub fn bind(address: SocketAddr, limits: Limits, service: S) -> io::Result<Self> {
        Ok(Self { listener: Async::<TcpListener>::bind(address)?, limits, service, tally: Rc::default() })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.get_ref().local_addr()
    }

    /// What it has seen, now and later.
    #[must_use]
    pub fn tally(&self) -> Rc<Tally> {
        Rc::clone(&self.tally)
    }

    /// Serves until the stop signal; then connections have a moment for their last words, and are dropped.
    pub async fn run(&self, stop: &Stop) {
        let executor = LocalExecutor::new();
        executor.run(self.accept_all(&executor, stop)).await;
    }

    async fn accept_all<'s>(&'s self, executor: &LocalExecutor<'s>, stop: &'s Stop) {
        let mut connections: Vec<NamedTask<()>> = Vec::new();
        while let Some(accepted) = stop.or(self.listener.accept()).await {
            hear_ends(&mut connections).await;
            match accepted {
                Ok((socket, _)) => self.admit(socket, &mut connections, executor, stop),
                Err(cause) => {
                    warn!("A connection could not be taken: {cause}");
                    if stop.or_after(PAUSE).await == Wait::Stopped {
                        break;
                    }
                }
            }
        }
        let patience = Stop::new(); // the program's is set
        let ends = async {
            for connection in connections {
                connection.await;
            }
        };
        patience.or_at_latest(Instant::now() + FAREWELL, ends).await;
    }

    fn admit<'s>(
        &'s self,
        socket: Socket,
        connections: &mut Vec<NamedTask<()>>,
        executor: &LocalExecutor<'s>,
        stop: &'s Stop,
    ) {
        let open = connections.len();
        if open >= self.limits.connections + self.limits.refusals {
            return Tally::count(&self.tally.turned_away); // not even a word
        }
        let admission = if open < self.limits.connections { Admission::Served } else { Admission::TurnedAway };
        Tally::count(match admission {
            Admission::Served => &self.tally.connections,
            Admission::TurnedAway => &self.tally.turned_away,
        });
        let _ = socket.get_ref().set_nodelay(true); // an answer is written at once; without it it is late, not lost
        let connection = serve(socket, admission, &self.service, &self.limits, &self.tally, stop);
        connections.push(tasks::spawn(executor, "connection", connection));
    }
}

/// Takes those that have ended out of the list. A panic is in the log already, and the others go on.
async fn hear_ends(connections: &mut Vec<NamedTask<()>>) {
    let mut at = 0;
    while at < connections.len() {
        if !connections[at].is_finished() {
            at += 1;
            continue;
        }
        let end = connections.swap_remove(at).await;
        if end.how != How::Returned(()) {
            warn!("The {}", end.what());
        }
    }
}
