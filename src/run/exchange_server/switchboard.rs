//! Who waits for what: requests for their reply, clients for their frames.

use super::{
    questions::{Answered, Guest, Knocked, Question, SENT, Sent},
    tally::Tally,
};
use crate::simulation::binance::{CallId, Output, Reply, SessionId};
use async_channel::{Receiver, Sender, TrySendError};
use std::{collections::BTreeMap, time::Instant};

/// Requests without an answer whose connection is gone are looked for when there are so many.
const WAITING: usize = 512;

/// Those who wait.
#[derive(Debug)]
pub struct Switchboard {
    calls: BTreeMap<CallId, Sender<Answered>>,
    knocks: BTreeMap<SessionId, Knock>,
    /// Clients of whose end the venue has not heard; `None` where nothing more goes out to them.
    clients: BTreeMap<SessionId, Option<Sender<Sent>>>,
    /// Who was dropped since.
    dropped: Vec<SessionId>,
    last_call: u64,
    last_session: u64,
    questions: Sender<Question>,
    /// What was passed on.
    pub tally: Tally,
}

/// A client that waits for its stream connection.
#[derive(Debug)]
struct Knock {
    call: CallId,
    answer: Sender<Knocked>,
    sent: Receiver<Sent>,
}

impl Switchboard {
    /// Nobody waits. `questions` is where clients will tell what they send.
    pub fn new(questions: Sender<Question>) -> Self {
        Self {
            calls: BTreeMap::new(),
            knocks: BTreeMap::new(),
            clients: BTreeMap::new(),
            dropped: Vec::new(),
            last_call: 0,
            last_session: 0,
            questions,
            tally: Tally::default(),
        }
    }

    /// A request waits for its answer.
    pub fn call(&mut self, answer: Sender<Answered>) -> CallId {
        if self.calls.len() >= WAITING {
            self.calls.retain(|_, waiting| !waiting.is_closed());
        }
        let id = self.next_call();
        self.calls.insert(id, answer);
        id
    }

    /// A client waits for its stream connection.
    pub fn knock(&mut self, answer: Sender<Knocked>) -> (SessionId, CallId) {
        if self.knocks.len() >= WAITING {
            let clients = &mut self.clients;
            self.knocks.retain(|session, knock| {
                let waits = !knock.answer.is_closed();
                if !waits {
                    clients.remove(session);
                }
                waits
            });
        }
        self.last_session += 1;
        let (session, call) = (SessionId(self.last_session), self.next_call());
        let (client, sent) = async_channel::bounded(SENT);
        self.clients.insert(session, Some(client));
        self.knocks.insert(session, Knock { call, answer, sent });
        (session, call)
    }

    fn next_call(&mut self) -> CallId {
        self.last_call += 1;
        CallId(self.last_call)
    }

    /// A connection has ended. Whether the venue is to hear of it: it does once.
    pub fn gone(&mut self, session: SessionId) -> bool {
        self.clients.remove(&session).is_some()
    }

    /// Does what the venue wants; `at` says when a time of the venue is. Returns clients that are gone, of which the venue is to hear.
    pub fn pass_on(&mut self, outputs: &mut Vec<Output>, at: impl Fn(&Reply) -> Option<Instant>) -> Vec<SessionId> {
        for output in outputs.drain(..) {
            self.tally.count(&output);
            match output {
                Output::Reply(id, reply) => self.reply(id, Answered { at: at(&reply), reply }),
                Output::Drop(id) => drop(self.calls.remove(&id)), // the service cuts what nobody answers
                Output::Welcome(session) => self.welcome(session),
                Output::Push(session, text) => self.send(session, Sent::Text(text)),
                Output::Close(session) => self.send_last(session, Sent::Close),
                Output::CutInFrame(session, text) => self.send_last(session, Sent::CutInFrame(text)),
                Output::Cut(session) => self.send_last(session, Sent::Cut),
            }
        }
        std::mem::take(&mut self.dropped)
    }

    fn reply(&mut self, id: CallId, answered: Answered) {
        if let Some(call) = self.calls.remove(&id) {
            let _ = call.try_send(answered); // whoever does not wait any more needs none
            return;
        }
        let knocked = self.knocks.iter().find(|(_, knock)| knock.call == id).map(|(session, _)| *session);
        let Some(session) = knocked else { return };
        self.clients.remove(&session); // it never was one
        if let Some(knock) = self.knocks.remove(&session) {
            let _ = knock.answer.try_send(Knocked::Refused(answered));
        }
    }

    fn welcome(&mut self, session: SessionId) {
        if let Some(knock) = self.knocks.remove(&session) {
            let guest = Guest::new(session, knock.sent, self.questions.clone());
            // a guest that nobody waits for is dropped, and so is gone
            let _ = knock.answer.try_send(Knocked::Welcome(guest));
        }
    }

    fn send(&mut self, session: SessionId, sent: Sent) {
        let Some(Some(client)) = self.clients.get(&session) else { return };
        if let Err(error) = client.try_send(sent) {
            self.tally.slow += u64::from(matches!(error, TrySendError::Full(_)));
            self.clients.remove(&session);
            self.dropped.push(session);
        }
    }

    fn send_last(&mut self, session: SessionId, sent: Sent) {
        self.send(session, sent);
        if let Some(client) = self.clients.get_mut(&session) {
            *client = None;
        }
    }
}
