//! The venue as a service of the HTTP server.

use super::{
    questions::{Answered, Guest, Knocked, Question},
    session,
};
use crate::{
    run::http_server::{Answer, Request, Response, Service, Socket, websocket},
    simulation::binance::Reply,
    stop::Stop,
};
use async_channel::Sender;

/// Where stream connections begin: these paths and those below them.
const STREAMS: [&str; 5] = ["/ws", "/stream", "/public", "/market", "/private"];

/// Passes requests on to the driver.
#[derive(Debug)]
pub struct Exchange {
    questions: Sender<Question>,
    stop: Stop,
}

impl Exchange {
    /// A service that puts its questions there.
    pub const fn new(questions: Sender<Question>, stop: Stop) -> Self {
        Self { questions, stop }
    }

    async fn call(&self, request: Request) -> Option<Reply> {
        let (answer, answered) = async_channel::bounded(1);
        self.questions.send(Question::Call(request, answer)).await.ok()?;
        self.due(answered.recv().await.ok()?).await
    }

    /// The reply once its time has come.
    async fn due(&self, Answered { reply, at }: Answered) -> Option<Reply> {
        if let Some(at) = at {
            self.stop.or_at(at).await;
        }
        Some(reply)
    }

    async fn knock(&self, accepted: Response, target: String) -> Option<Answer<Guest>> {
        let (answer, answered) = async_channel::bounded(1);
        self.questions.send(Question::Knock(target, answer)).await.ok()?;
        match answered.recv().await.ok()? {
            Knocked::Welcome(guest) => Some(Answer::Switch(accepted, guest)),
            Knocked::Refused(answered) => self.due(answered).await.map(|reply| Answer::Response(response(reply))),
        }
    }
}

impl Service for Exchange {
    type Talk = Guest;

    async fn answer(&self, request: Request) -> Answer<Guest> {
        if !websocket::is_asked_for(&request) || !is_stream(request.path()) {
            return self.call(request).await.map_or(Answer::Cut, |reply| Answer::Response(response(reply)));
        }
        match websocket::accept(&request) {
            Ok(accepted) => self.knock(accepted, request.target).await.unwrap_or(Answer::Cut),
            Err(refusal) => Answer::Response(refusal.into()),
        }
    }

    async fn talk(&self, guest: Guest, socket: Socket, read: Vec<u8>) {
        session::talk(guest, socket, read, session::Times::default(), &self.stop).await;
    }
}

fn is_stream(path: &str) -> bool {
    STREAMS.iter().any(|stream| path.strip_prefix(stream).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

fn response(reply: Reply) -> Response {
    Response { status: reply.status, headers: reply.headers, body: reply.body, cut_after: reply.cut_after }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_begin_at_their_paths_only() {
        for (path, want) in [
            ("/ws", true),
            ("/ws/btcusdt@kline_1m", true),
            ("/stream", true),
            ("/market/stream", true),
            ("/private/ws/key", true),
            ("/wsx", false),
            ("/fapi/v1/time", false),
            ("/ws-fapi/v1", false),
            ("", false),
        ] {
            assert_eq!(is_stream(path), want, "{path}");
        }
    }
}
