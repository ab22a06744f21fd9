//! Requests. `ureq` blocks, so each lane has a thread, started with the lane's first request, and a queue; the answers come together again.
//!
//! A thread in the middle of a request is not waited for, neither by a stop nor by the program's end.

use super::{
    Arrival, Limits, Line,
    http::{Failed, Http, Taken},
    names::Names,
    signing::{Signer, Stamp},
};
use crate::{
    exchange::private::{Call, Method, Signed},
    gateway::{Lane, RequestId},
};
use async_channel::{Receiver, Sender, TrySendError, bounded};
use futures_lite::Stream;
use std::{
    io,
    panic::{self, AssertUnwindSafe},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    thread,
    time::{Duration, Instant},
};

/// Requests of a lane that wait.
pub(super) const MOST_WAITING: usize = 64;
/// Answers that nobody has taken yet, each with its body; then the lanes wait.
const MOST_ANSWERS: usize = 4;
/// Of a lane's stack, which runs handshakes.
const STACK_BYTES: usize = 256 * 1024;
/// Why an answer, or a request that waited, is of no use any more.
const STOOD_STILL: &str = "the process stood still meanwhile";

/// The lanes and what they answer.
pub(super) struct Lanes {
    line: Arc<Line>,
    names: Names,
    limits: Limits,
    lanes: [Option<Sender<Job>>; 3],
    done: Sender<Answer>,
    answers: Pin<Box<Receiver<Answer>>>,
    /// How often the process has stood still: what was asked before is not sent, not believed, and no connection used.
    age: Arc<AtomicU64>,
    signer: Option<Signer>,
}

struct Job {
    id: RequestId,
    what: Wanted,
    asked: Instant,
    age: u64,
}

/// What is sent.
enum Wanted {
    /// A request that anybody may send.
    Public(String),
    /// One of the account's, whose time begins at this stamp.
    Private(Box<(Call, Stamp, Signer)>),
}

struct Answer {
    id: RequestId,
    age: u64,
    what: Result<Taken, Failed>,
}

impl Lanes {
    pub fn new(line: Arc<Line>, names: Names, limits: Limits) -> Self {
        let (done, answers) = bounded(MOST_ANSWERS);
        Self {
            line,
            names,
            limits,
            lanes: [None, None, None],
            done,
            answers: Box::pin(answers),
            age: Arc::default(),
            signer: None,
        }
    }

    /// From now on requests of an account can be sent.
    pub fn sign_with(&mut self, signer: Signer) {
        self.signer = Some(signer);
    }

    /// Hands a request over; an answer where that fails.
    pub fn fetch(&mut self, id: RequestId, lane: Lane, path: &str) -> Option<Arrival> {
        self.send(id, lane, Wanted::Public(path.to_owned()))
    }

    /// Hands a request of the account's over; an answer where that fails.
    pub fn call(&mut self, id: RequestId, lane: Lane, call: Call, stamp: Stamp) -> Option<Arrival> {
        match self.signer.clone() {
            Some(signer) => self.send(id, lane, Wanted::Private(Box::new((call, stamp, signer)))),
            None => Some(Arrival::NoResponse { id, why: "there is no key to sign it with".to_owned(), sent: false }),
        }
    }

    fn send(&mut self, id: RequestId, lane: Lane, what: Wanted) -> Option<Arrival> {
        let job = Job { id, what, asked: Instant::now(), age: self.age.load(Ordering::Relaxed) };
        let why = match self.lane(lane) {
            Ok(jobs) => match jobs.try_send(job) {
                Ok(()) => return None,
                Err(TrySendError::Full(_)) => format!("{MOST_WAITING} requests wait already"),
                Err(TrySendError::Closed(_)) => {
                    self.lanes[place(lane)] = None; // a new one with the next request
                    "its thread has ended".to_owned()
                }
            },
            Err(error) => format!("no thread for it: {error}"),
        };
        Some(Arrival::NoResponse { id, why, sent: false })
    }

    /// What is on its way is not believed any more.
    pub fn distrust(&mut self) {
        self.age.fetch_add(1, Ordering::Relaxed);
        self.names.distrust();
    }

    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<Arrival> {
        match self.answers.as_mut().poll_next(context) {
            Poll::Ready(Some(answer)) => Poll::Ready(self.arrival(answer)),
            Poll::Ready(None) | Poll::Pending => Poll::Pending, // we hold a sender, so it never ends
        }
    }

    fn arrival(&self, Answer { id, age, what }: Answer) -> Arrival {
        match what {
            Ok(_) if age != self.age.load(Ordering::Relaxed) => {
                Arrival::NoResponse { id, why: STOOD_STILL.to_owned(), sent: true }
            }
            Ok(Taken { status, headers, body, took }) => Arrival::Response { id, status, headers, body, took },
            Err(Failed { why, sent }) => Arrival::NoResponse { id, why, sent },
        }
    }

    fn lane(&mut self, lane: Lane) -> io::Result<&Sender<Job>> {
        let held = &mut self.lanes[place(lane)];
        match held {
            Some(jobs) => Ok(jobs),
            None => {
                let (name, timeout) = match lane {
                    Lane::Protection => ("http protect", self.limits.protection),
                    Lane::Entries => ("http entries", self.limits.entries),
                    Lane::Data => ("http data", self.limits.data),
                };
                let (jobs, to_do) = bounded(MOST_WAITING);
                let (line, names, now) = (Arc::clone(&self.line), self.names.clone(), Arc::clone(&self.age));
                let worker = Worker { line, names, timeout, now, client: None };
                let done = self.done.clone();
                let builder = thread::Builder::new().name(name.to_owned()).stack_size(STACK_BYTES);
                builder.spawn(move || worker.work(&to_do, &done))?;
                Ok(held.insert(jobs))
            }
        }
    }
}

fn place(lane: Lane) -> usize {
    match lane {
        Lane::Protection => 0,
        Lane::Entries => 1,
        Lane::Data => 2,
    }
}

/// What a lane's thread owns.
struct Worker {
    line: Arc<Line>,
    names: Names,
    timeout: Duration,
    /// The age of the process now.
    now: Arc<AtomicU64>,
    /// With the age of its connection.
    client: Option<(u64, Http)>,
}

impl Worker {
    fn work(mut self, jobs: &Receiver<Job>, answers: &Sender<Answer>) {
        while let Ok(Job { id, what, asked, age }) = jobs.recv_blocking() {
            let what = match self.too_late(asked, age) {
                Some(why) => Err(Failed { why: why.to_owned(), sent: false }),
                None => {
                    let what = panic::catch_unwind(AssertUnwindSafe(|| self.send(what, age)));
                    what.unwrap_or_else(|_| {
                        self.client = None;
                        Err(Failed { why: "its thread panicked".to_owned(), sent: true })
                    })
                }
            };
            if answers.send_blocking(Answer { id, age, what }).is_err() {
                return;
            }
        }
    }

    /// Why a request whose turn has come is not sent any more.
    fn too_late(&self, asked: Instant, age: u64) -> Option<&'static str> {
        if age != self.now.load(Ordering::Relaxed) {
            return Some(STOOD_STILL);
        }
        (asked.elapsed() > self.timeout).then_some("it waited too long for its turn")
    }

    fn send(&mut self, what: Wanted, age: u64) -> Result<Taken, Failed> {
        if self.client.as_ref().is_none_or(|(of, _)| *of != age) {
            let client = Http::new(&self.line, &self.names, self.timeout);
            self.client = Some((age, client.map_err(|error| Failed { why: error.to_string(), sent: false })?));
        }
        let Some((_, client)) = &self.client else {
            return Err(Failed { why: "there is no client".to_owned(), sent: false });
        };
        let base = &self.line.places.rest.base;
        match what {
            Wanted::Public(path) => client.send(base, Signed { method: Method::Get, path, headers: Vec::new() }),
            Wanted::Private(private) => {
                let (call, stamp, signer) = *private;
                let taken = client.send(base, signer.sign(&call, stamp.now()));
                let mut taken = taken.map_err(|failed| Failed { why: signer.hidden(failed.why), ..failed })?;
                signer.hide_in(&mut taken.body);
                Ok(taken)
            }
        }
    }
}
