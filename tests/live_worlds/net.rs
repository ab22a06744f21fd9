//! The network between gateway and exchange: latencies, lanes with their patience, sockets in order, and what goes wrong on the way.

use super::{
    plan::{By, SIGNAL, Stream, Way},
    world::{Task, World},
};
use crate::promises::{Stop, Turn};
use smolbear::{
    exchange::{
        Response,
        binance::Binance,
        private::{Call, Keys, Method, Trading},
    },
    gateway::{Input, Lane, RequestId, SocketId},
    market::Timestamp,
    simulation::binance::{self, CallId, Output, SessionId},
};
use std::collections::BTreeMap;

/// How long each lane waits for an answer, as `run/wire` has it.
const fn patience_ms(lane: Lane) -> i64 {
    match lane {
        Lane::Protection => 2_000,
        Lane::Entries => 3_000,
        Lane::Data => 10_000,
    }
}
/// A request that arrives when nobody waits for its answer any more, within the exchange's window of 4 s.
const DELAYED_MS: i64 = 3_500;
/// A message that is held back comes after this at the latest.
const HELD_MS: i64 = 1_000;
/// So many messages come twice.
const DOUBLED: u32 = 6;
/// A request that is on its way for longer is not being answered: what the bot owes then does not count.
const ANSWERS_WITHIN_MS: i64 = 200;

/// A request on its way.
#[derive(Debug, Clone)]
struct Flight {
    request: RequestId,
    method: &'static str,
    target: String,
    headers: Vec<(String, String)>,
    /// Counted from 1, where it is about an order.
    place: Option<usize>,
    left: Timestamp,
    /// The answer that is heard is that to the second copy.
    twice: bool,
}

#[derive(Debug)]
struct Socket {
    session: SessionId,
    is_account: bool,
    /// When its last message arrives: the next one cannot before.
    last: Timestamp,
    silent: bool,
    held: Option<String>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Net {
    calls: u64,
    sessions: u64,
    flights: BTreeMap<u64, Flight>,
    sockets: BTreeMap<SocketId, Socket>,
    next: Option<Stream>,
    doubles: u32,
    /// The exchange wants to be left alone until then.
    pub paused_until: Option<Timestamp>,
    outputs: Vec<Output>,
}

impl Net {
    pub const KEY: &'static str = "livekey";
    pub const SECRET: &'static str = "livesecret";

    pub fn has(&self, socket: SocketId) -> bool {
        self.sockets.contains_key(&socket)
    }

    pub fn forget(&mut self, socket: SocketId) -> bool {
        self.sockets.remove(&socket).is_some()
    }

    pub fn lose_sockets(&mut self) -> Vec<SessionId> {
        std::mem::take(&mut self.sockets).into_values().map(|socket| socket.session).collect()
    }

    /// Nobody waits for what is on its way, and no fault strikes it.
    pub fn forget_flights(&mut self) {
        self.flights.values_mut().for_each(|flight| flight.place = None);
    }

    pub fn spoil(&mut self, stream: Stream) {
        self.next = Some(stream);
    }

    /// Whether a request about the account has been on its way for longer than an answer takes.
    pub fn waits(&self, now: Timestamp) -> bool {
        self.flights.values().any(|flight| flight.place.is_some() && now.since_ms(flight.left) > ANSWERS_WITHIN_MS)
    }
}

impl World {
    fn latency(&mut self) -> i64 {
        5 + (self.random.bits() % 30) as i64
    }

    // ── requests ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    pub fn fetch(&mut self, id: RequestId, lane: Lane, request: &smolbear::exchange::Request) {
        self.leave(id, lane, "GET", request.path.clone(), Vec::new(), None);
    }

    pub fn call(&mut self, id: RequestId, lane: Lane, call: Call) -> Turn {
        let is_order = call.path.ends_with("/order") || call.path.ends_with("/algoOrder");
        let place = (is_order && call.method != Method::Get).then(|| self.seen.requests.len() + 1);
        let process = self.process.as_ref().expect("it asks");
        let at =
            process.gateway.stamp(self.session()).ok_or_else(|| Stop::Broken("it signs without a clock".into()))?;
        let signed =
            Binance::new(&[super::plan::symbol()]).sign(&call, at, &Keys::new(Net::KEY.to_owned(), Net::SECRET));
        let method = match signed.method {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        };
        if let Some(place) = place {
            self.effect()?;
            let words = format!("{method} {}?{}", call.path, call.query);
            self.tell_story(|| format!("    #{place} {words}"));
            self.watch_request(method, &call)?;
            self.seen.requests.push(words);
        }
        let headers = signed.headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        self.leave(id, lane, method, signed.path, headers, place);
        Ok(())
    }

    fn leave(
        &mut self,
        request: RequestId,
        lane: Lane,
        method: &'static str,
        target: String,
        headers: Vec<(String, String)>,
        place: Option<usize>,
    ) {
        if place.is_none() {
            self.tell_story(|| format!("    {method} {}", target.split("&recv").next().unwrap_or_default()));
        }
        self.net.calls += 1;
        let (call, life, left) = (self.net.calls, self.life, self.now);
        let ways = self.plan.strikes.iter().filter(|strike| Some(strike.place) == place);
        // the name of a market order is free again once it has filled, so nothing keeps a copy of it from trading
        let can_be_twice = !target.starts_with("/fapi/v1/order?");
        let ways: Vec<_> = ways
            .filter_map(|strike| match strike.fault.by {
                By::Way(way) => Some((way, strike.fault)),
                _ => None,
            })
            .collect();
        let mut flight = Flight { request, method, target, headers, place, left, twice: false };
        let mut ms = self.latency();
        for (way, fault) in ways {
            if way == Way::Twice && !can_be_twice {
                continue;
            }
            *self.seen.struck.entry(fault.name).or_default() += 1;
            self.tell_story(|| format!("FAULT {}", fault.name));
            match way {
                Way::Twice => flight.twice = true,
                Way::Delayed => ms = DELAYED_MS,
                Way::NotSent => {
                    self.net.flights.insert(call, flight);
                    return self
                        .after(ms, Task::NoAnswer { life, call, why: "nobody takes the connection", sent: false });
                }
            }
            self.calm_from = self.calm_from.max(self.now.plus_ms(ms));
        }
        self.net.flights.insert(call, flight);
        self.after(ms, Task::Arrives { life, call });
        self.after(patience_ms(lane), Task::NoAnswer { life, call, why: "no answer in time", sent: true });
    }

    /// A request is there. Of a bot that has died it is executed all the same.
    pub fn arrives(&mut self, _life: u32, call: u64) -> Turn {
        let Some(flight) = self.net.flights.get(&call).cloned() else { return Ok(()) };
        if let Some(place) = flight.place {
            self.strike(place, true)?;
        }
        if flight.twice {
            self.net.calls += 1;
            let id = CallId(self.net.calls); // its answer finds nobody
            let Flight { method, target, headers, .. } = &flight;
            self.ask_venue(binance::Input::Call { id, method, target, headers, body: b"" });
        }
        let Flight { method, target, headers, .. } = &flight;
        self.ask_venue(binance::Input::Call { id: CallId(call), method, target, headers, body: b"" });
        if let Some(place) = flight.place {
            self.strike(place, false)?;
        }
        Ok(())
    }

    pub fn answered(&mut self, call: u64, reply: &binance::Reply) -> Turn {
        let Some(flight) = self.net.flights.remove(&call) else { return Ok(()) };
        if let Some(place) = flight.place {
            self.tell_story(|| {
                format!(
                    "    #{place} is answered {} {}",
                    reply.status,
                    String::from_utf8_lossy(&reply.body).chars().take(180).collect::<String>()
                )
            });
        }
        let headers: Vec<(String, String)> =
            reply.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let response = Response { status: reply.status, headers: &headers, body: &reply.body };
        self.tell_gateway(Input::Response(flight.request, response))
    }

    pub fn not_answered(&mut self, call: u64, why: &str, sent: bool) -> Turn {
        let Some(flight) = self.net.flights.remove(&call) else { return Ok(()) };
        if let Some(place) = flight.place {
            self.tell_story(|| format!("    #{place} has no answer: {why}"));
        }
        self.tell_gateway(Input::NoResponse { id: flight.request, why, sent })
    }

    /// Lets a hand or the exchange itself do something; whether it was done.
    pub fn play(&mut self, method: &str, target: &str) -> bool {
        self.net.calls += 1;
        let id = CallId(self.net.calls);
        let mut said = Vec::new();
        self.venue.handle(self.now, binance::Input::Call { id, method, target, headers: &[], body: b"" }, &mut said);
        let mut done = false;
        said.retain(|output| match output {
            Output::Reply(to, reply) if *to == id => {
                done = reply.status == 200;
                self.tell_story(|| {
                    format!("  {method} {target}: {} {}", reply.status, String::from_utf8_lossy(&reply.body))
                });
                false
            }
            _ => true,
        });
        said.into_iter().for_each(|output| self.hear_venue(output));
        done
    }

    // ── sockets ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    pub fn connect(&mut self, socket: SocketId, path: String) {
        let ms = self.latency();
        self.net.sessions += 1;
        let (session, is_account) = (SessionId(self.net.sessions), path.starts_with("/private/"));
        let fresh = Socket { session, is_account, last: self.now, silent: false, held: None };
        self.net.sockets.insert(socket, fresh);
        self.after(ms, Task::Knock { life: self.life, socket, path });
    }

    pub fn knock(&mut self, socket: SocketId, path: &str) -> Turn {
        let Some(session) = self.net.sockets.get(&socket).map(|socket| socket.session) else { return Ok(()) };
        self.net.calls += 1;
        self.ask_venue(binance::Input::Knock { session, id: CallId(self.net.calls), target: path });
        Ok(())
    }

    pub fn send_up(&mut self, socket: SocketId, text: String) {
        let ms = self.latency();
        self.after(ms, Task::Up { life: self.life, socket, text });
    }

    pub fn say_up(&mut self, socket: SocketId, text: &str) -> Turn {
        if let Some(session) = self.net.sockets.get(&socket).map(|socket| socket.session) {
            self.ask_venue(binance::Input::Frame(session, text));
        }
        Ok(())
    }

    pub fn disconnect(&mut self, socket: SocketId) {
        if let Some(gone) = self.net.sockets.remove(&socket) {
            self.after(10, Task::Gone(gone.session));
        }
    }

    /// Both ends of the account's stream lose it.
    pub fn cut_account(&mut self) {
        let account =
            self.net.sockets.iter().find(|(_, socket)| socket.is_account).map(|(id, socket)| (*id, socket.session));
        if let Some((socket, session)) = account {
            *self.seen.struck.entry("stream-cut").or_default() += 1;
            self.after(1, Task::Gone(session));
            self.after(5, Task::Closed { life: self.life, socket });
        }
    }

    fn down(&mut self, session: SessionId, text: String) {
        let ms = self.latency();
        let (now, life) = (self.now, self.life);
        let Some((id, socket)) = self.net.sockets.iter_mut().find(|(_, socket)| socket.session == session) else {
            return;
        };
        let id = *id;
        let next = if socket.is_account { self.net.next.take() } else { None };
        let struck = match next {
            Some(Stream::Silent) => {
                socket.silent = true;
                Some("silent")
            }
            Some(Stream::Doubled) => {
                self.net.doubles = DOUBLED;
                Some("doubled")
            }
            Some(Stream::Lost) => Some("lost"),
            Some(Stream::Reordered) => Some("reordered"),
            Some(Stream::Cut) | None => None,
        };
        if let Some(name) = struck {
            *self.seen.struck.entry(name).or_default() += 1;
        }
        if socket.silent || next == Some(Stream::Lost) {
            return;
        }
        if next == Some(Stream::Reordered) {
            socket.held = Some(text);
            return self.after(HELD_MS, Task::Release { life, socket: id });
        }
        socket.last = now.plus_ms(ms).max(socket.last);
        let (last, held) = (socket.last, socket.held.take());
        if socket.is_account && self.net.doubles > 0 {
            self.net.doubles -= 1;
            self.at(last.plus_ms(40), Task::Down { life, socket: id, text: text.clone() });
        }
        self.at(last, Task::Down { life, socket: id, text });
        if let Some(text) = held {
            self.at(last, Task::Down { life, socket: id, text });
        }
    }

    pub fn release(&mut self, id: SocketId) {
        let held = self.net.sockets.get_mut(&id).and_then(|socket| socket.held.take());
        if let Some(text) = held {
            self.at(self.now, Task::Down { life: self.life, socket: id, text });
        }
    }

    // ── the exchange ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    pub fn ask_venue(&mut self, input: binance::Input<'_>) {
        let mut outputs = std::mem::take(&mut self.net.outputs);
        self.venue.handle(self.now, input, &mut outputs);
        outputs.drain(..).for_each(|output| self.hear_venue(output));
        self.net.outputs = outputs;
    }

    fn hear_venue(&mut self, output: Output) {
        let (life, ms) = (self.life, self.latency());
        let socket_of =
            |net: &Net, session| net.sockets.iter().find(|(_, socket)| socket.session == session).map(|(id, _)| *id);
        match output {
            Output::Reply(CallId(call), reply) => {
                self.weigh(&reply);
                let at = reply.not_before.unwrap_or(self.now).max(self.now).plus_ms(ms);
                match reply.cut_after {
                    Some(_) => self.at(at, Task::NoAnswer { life, call, why: "cut within the body", sent: true }),
                    None => self.at(at, Task::Answer { life, call, reply }),
                }
            }
            Output::Drop(CallId(call)) => {
                self.after(ms, Task::NoAnswer { life, call, why: "cut without an answer", sent: true });
            }
            Output::Welcome(session) => {
                if let Some(socket) = socket_of(&self.net, session) {
                    self.after(ms, Task::Opened { life, socket });
                }
            }
            Output::Push(session, text) => self.down(session, text),
            Output::Close(session) | Output::CutInFrame(session, _) | Output::Cut(session) => {
                if let Some(socket) = socket_of(&self.net, session) {
                    self.after(ms, Task::Closed { life, socket });
                }
            }
        }
    }

    /// What was used of the limit (S12), and whether the exchange wants to be left alone.
    fn weigh(&mut self, reply: &binance::Reply) {
        let header = |name: &str| {
            reply.headers.iter().find(|(of, _)| *of == name).and_then(|(_, value)| value.parse::<u32>().ok())
        };
        self.seen.weight = self.seen.weight.max(header("x-mbx-used-weight-1m").unwrap_or_default());
        if matches!(reply.status, 418 | 429) {
            let pause = i64::from(header("retry-after").unwrap_or_default()) * 1_000;
            self.net.paused_until = Some(self.now.plus_ms(pause));
            self.calm_from = self.calm_from.max(self.now.plus_ms(pause));
        }
    }

    /// Takes the exchange's record in.
    pub fn hear_record(&mut self) -> Turn {
        let told = self.plan.told;
        for entry in self.venue.record().skip(self.ledger.read) {
            if told {
                println!("{}", super::ledger::line(entry, SIGNAL));
            }
            self.ledger.take(entry)?;
        }
        Ok(())
    }
}
