//! What connections tell the driver, and what they hear from it.

use crate::{
    run::http_server::Request,
    simulation::binance::{Reply, SessionId},
};
use async_channel::{Receiver, Sender};
use std::time::Instant;

/// Questions that may wait for the driver; who has another one waits.
pub const QUESTIONS: usize = 1024;
/// What may wait for a client that does not read: one that has more is dropped.
pub const SENT: usize = 4096;

/// What a connection tells the driver.
#[derive(Debug)]
pub enum Question {
    /// A request, and where the answer goes.
    Call(Request, Sender<Answered>),
    /// A stream connection is asked for, with this path and query.
    Knock(String, Sender<Knocked>),
    /// A client has sent a text frame.
    Frame(SessionId, String),
    /// A client is gone.
    Gone(SessionId),
}

/// The answer to a request.
#[derive(Debug)]
pub struct Answered {
    /// What is answered.
    pub reply: Reply,
    /// When; `None`: at once.
    pub at: Option<Instant>,
}

/// The answer to a client that wants a stream connection.
#[derive(Debug)]
pub enum Knocked {
    /// It has one.
    Welcome(Guest),
    /// It gets a response instead.
    Refused(Answered),
}

/// What goes out to a client, in order.
#[derive(Debug, PartialEq, Eq)]
pub enum Sent {
    /// A text frame.
    Text(String),
    /// A close frame.
    Close,
    /// The first half of a text frame, and then nothing.
    CutInFrame(String),
    /// Nothing more.
    Cut,
}

/// A client's place at the exchange. However the connection ends, the driver hears of it when this is dropped.
#[derive(Debug)]
pub struct Guest {
    session: SessionId,
    sent: Receiver<Sent>,
    questions: Sender<Question>,
}

impl Guest {
    /// A client that the venue has welcomed.
    pub const fn new(session: SessionId, sent: Receiver<Sent>, questions: Sender<Question>) -> Self {
        Self { session, sent, questions }
    }

    /// What is to go out next; `None` where the driver has dropped the client.
    pub async fn next(&self) -> Option<Sent> {
        self.sent.recv().await.ok()
    }

    /// Tells the driver what the client has sent; waits where the driver has much to do.
    pub async fn tell(&self, text: String) {
        let _ = self.questions.send(Question::Frame(self.session, text)).await; // the driver has ended: so will this
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // where there is no room, the driver finds out with the next thing that it wants to send
        let _ = self.questions.try_send(Question::Gone(self.session));
    }
}
