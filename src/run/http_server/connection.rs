//! One connection from its first byte to its last.

use super::{
    Answer, Limits, Service, Socket, Tally,
    head::Refusal,
    request::{self, NoRequest, Request},
    response::{After, Response},
    wire::Wire,
};
use crate::stop::Stop;
use std::time::Instant;

const TOO_MANY: Refusal = Refusal { status: 503, why: "too many connections" };

/// Whether there is room for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    Served,
    TurnedAway,
}

/// Answers requests until one side has enough.
pub async fn serve<S: Service>(
    socket: Socket,
    admission: Admission,
    service: &S,
    limits: &Limits,
    tally: &Tally,
    stop: &Stop,
) {
    let mut wire = Wire { socket, buffer: Vec::new(), stop };
    if admission == Admission::TurnedAway {
        return refuse(wire, TOO_MANY, limits).await;
    }
    let mut wait = limits.first_byte;
    loop {
        let request = match request::read(&mut wire, limits, wait).await {
            Ok(request) => request,
            Err(NoRequest::None) => return,
            Err(NoRequest::Broken) => return Tally::count(&tally.refused),
            Err(NoRequest::Refused(refusal)) => {
                Tally::count(&tally.refused);
                return refuse(wire, refusal, limits).await;
            }
        };
        Tally::count(&tally.requests);
        let how = How { keep_alive: request.keep_alive, head_only: request.method == "HEAD" };
        wire = match answer(wire, request, how, service, limits).await {
            Some(wire) => wire,
            None => return,
        };
        wait = limits.idle;
    }
}

#[derive(Debug, Clone, Copy)]
struct How {
    keep_alive: bool,
    head_only: bool,
}

/// Answers one request; the wire where another one may follow.
async fn answer<'s, S: Service>(
    mut wire: Wire<'s>,
    request: Request,
    how: How,
    service: &S,
    limits: &Limits,
) -> Option<Wire<'s>> {
    let answered = wire.stop.or_at_latest(Instant::now() + limits.answer, service.answer(request)).await?;
    let until = Instant::now() + limits.send;
    match answered {
        Answer::Cut => None,
        Answer::Response(response) => {
            let after = if how.keep_alive && response.cut_after.is_none() { After::Keep } else { After::Close };
            let cut = response.cut_after.is_some();
            // a cut response does not say that it is the last: the client must find out
            let said = if cut { After::Keep } else { after };
            wire.send(&response.encode(said, how.head_only), until).await.ok()?;
            match after {
                After::Keep => Some(wire),
                After::Close | After::Switch => {
                    wire.linger(limits.linger).await;
                    None
                }
            }
        }
        Answer::Switch(response, talk) => {
            wire.send(&response.encode(After::Switch, true), until).await.ok()?;
            let Wire { socket, buffer, .. } = wire;
            service.talk(talk, socket, buffer).await;
            None
        }
    }
}

async fn refuse(mut wire: Wire<'_>, refusal: Refusal, limits: &Limits) {
    let bytes = Response::from(refusal).encode(After::Close, false);
    if wire.send(&bytes, Instant::now() + limits.send).await.is_ok() {
        wire.linger(limits.linger).await;
    }
}
