//! Requests on their way: limits, faults of an order's path, and the paths of this exchange alone.
//!
//! An order's request can be lost, late, or answered with something else than what became of it. What is executed is executed whole.

use super::{
    CallId, Output, Reply, Venue,
    account::{Asked, Done, Mishap, View, no_such_path},
    faults::Fault,
    query::{Query, Refusal, refused},
    rest::{self, Market},
};
use crate::market::{Instrument, Timestamp};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// Requests that are executed late, at once.
const MOST_LATE: usize = 256;
/// How late a request is executed: at least, and how much more at most, in ms. It stays within a receive window of 4 s or more.
const LATE_MS: i64 = 1_000;
const LATER_MS: u64 = 2_500;
/// How late an answer is.
const ANSWER_LATER_MS: u64 = 19_000;
/// Entries of the record in one answer.
const MOST_ROWS: usize = 1_000;
/// What a tick, a step or a minimum can be changed to.
const FINEST: Decimal = Decimal::from_parts(1, 0, 0, false, 8);
const COARSEST: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

/// Faults of an order's way, in the order in which they are drawn.
const WAYS: [Fault; 9] = [
    Fault::LostRequest,
    Fault::LostAnswer,
    Fault::LateRequest,
    Fault::LateAnswer,
    Fault::DoneError,
    Fault::FailedError,
    Fault::Timeout,
    Fault::Overload,
    Fault::Clock,
];

/// A request as it came.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub id: CallId,
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What a fault does with a request about an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Straight,
    /// Neither executed nor answered.
    Lost,
    /// Executed at that time.
    Late(Timestamp),
    /// Executed or not, and answered with this.
    Instead(bool, u16, i32, &'static str),
    /// Executed, not answered.
    Unanswered,
    /// Executed, answered at that time.
    AnsweredLate(Timestamp),
}

impl Venue {
    /// A request has come.
    pub(super) fn on_call(&mut self, call: Call, out: &mut Vec<Output>) {
        if let Some(path) = call.target.strip_prefix("/played/") {
            let reply = self.played(&call, path, out);
            out.push(Output::Reply(call.id, reply));
            return self.deliver(self.now, out);
        }
        let parsed = Query::parse(&call.target).and_then(|query| query.with_form(&call.body));
        let (query, refused) = match parsed {
            Err(refusal) => (None, Some(self.limits.count(self.now, 1, false).unwrap_or_else(|| refusal.reply()))),
            Ok(query) => {
                let keyed = call.headers.iter().any(|(name, _)| name == "x-mbx-apikey");
                self.asked.come((call.id, self.now, self.desk.record_end()), &call.method, &query, keyed);
                let weight = rest::weight(&call.method, &query);
                let refused = self.limits.count(self.now, weight, rest::is_funding(&query));
                let refused = refused.or_else(|| self.spoiler.refuse(self.now, &mut self.limits));
                (Some(query), refused.or_else(|| self.desk.is_closed(self.now).then(|| closed().reply())))
            }
        };
        self.asked.weigh(call.id, self.limits.used(), refused.is_some());
        match (query, refused) {
            (_, Some(reply)) => self.send(&call, reply, None, out),
            (Some(query), None) => self.pass(call, &query, out),
            (None, None) => {}
        }
        self.deliver(self.now, out);
    }

    /// A request that is within the limits.
    fn pass(&mut self, call: Call, query: &Query, out: &mut Vec<Output>) {
        let Some((_, path)) = rest::account_path(query) else {
            let reply = Market { now: self.now, tapes: &mut self.tapes }.answer(&call.method, query);
            return self.send(&call, reply, None, out);
        };
        let on = format!("{} {path}", call.method);
        let reduces = path == "order" && query.get("reduceOnly") == Some("true");
        let (way, fault) = self.way(&on, reduces);
        if let Some(fault) = fault {
            let answered = if let Way::Late(at) | Way::AnsweredLate(at) = way { at } else { self.now };
            self.asked.strike(call.id, fault.name(), answered);
        }
        match way {
            Way::Straight => self.execute(&call, query, out),
            Way::Lost => out.push(Output::Drop(call.id)),
            Way::Late(at) if self.late.len() < MOST_LATE => self.late.push((at, call)),
            Way::Late(_) => self.execute(&call, query, out),
            Way::Instead(executed, status, code, text) => {
                if executed {
                    self.carry_out(&call, query);
                }
                let reply = Refusal { status, code, text: text.to_owned() }.reply();
                self.send(&call, reply, None, out);
            }
            Way::Unanswered => {
                self.carry_out(&call, query);
                out.push(Output::Drop(call.id));
            }
            Way::AnsweredLate(at) => {
                let (mut reply, orders) = self.carry_out(&call, query);
                reply.not_before = Some(at);
                self.deliver(self.now, out); // what the stream says comes first
                self.send(&call, reply, orders, out);
            }
        }
    }

    /// Which way a request about an order goes, and the fault that says so. What only reduces is exempt from throttling, but not as an algo order.
    fn way(&mut self, on: &str, reduces: bool) -> (Way, Option<Fault>) {
        let is_order = ["POST order", "DELETE order", "POST algoOrder", "DELETE algoOrder"].contains(&on);
        if !is_order || self.desk.is_empty() {
            return (Way::Straight, None);
        }
        let now = self.now;
        let fault = WAYS.into_iter().find(|fault| {
            let exempt = *fault == Fault::Overload && reduces;
            !exempt && self.spoiler.strikes_order(now, *fault, on)
        });
        let mut bits = || self.spoiler.bits();
        let way = match fault {
            Some(Fault::LostRequest) => Way::Lost,
            Some(Fault::LostAnswer) => Way::Unanswered,
            Some(Fault::LateRequest) => Way::Late(now.plus_ms(LATE_MS + (bits() % LATER_MS) as i64)),
            Some(Fault::LateAnswer) => Way::AnsweredLate(now.plus_ms(LATE_MS + (bits() % ANSWER_LATER_MS) as i64)),
            Some(Fault::DoneError) => {
                Way::Instead(true, 503, -1000, "Unknown error, please check your request or try again later.")
            }
            Some(Fault::FailedError) => {
                Way::Instead(false, 503, -1001, "Internal error; unable to process your request. Please try again.")
            }
            Some(Fault::Timeout) => {
                let bits = bits();
                let seen = "An unexpected response was received from the message bus. Execution status unknown.";
                let waited =
                    "Timeout waiting for response from backend server. Send status unknown; execution status unknown.";
                let (code, text) = if bits & 2 == 0 { (-1006, seen) } else { (-1007, waited) };
                Way::Instead(bits & 1 == 0, 503, code, text)
            }
            Some(Fault::Overload) => {
                let text = "Request throttled by system-level protection. Reduce-only/close-position orders are exempt. Please try again.";
                Way::Instead(false, 503, -1008, text)
            }
            Some(Fault::Clock) => {
                Way::Instead(false, 400, -1021, "Timestamp for this request is outside of the recvWindow.")
            }
            _ => Way::Straight,
        };
        (way, fault)
    }

    fn execute(&mut self, call: &Call, query: &Query, out: &mut Vec<Output>) {
        let (reply, orders) = self.carry_out(call, query);
        self.send(call, reply, orders, out);
    }

    /// Does what a request of an account wants; the reply, and the counts of orders where they belong to it.
    fn carry_out(&mut self, call: &Call, query: &Query) -> (Reply, Option<[u32; 2]>) {
        let Some((version, path)) = rest::account_path(query) else {
            return (no_such_path(&call.method, query).reply(), None);
        };
        let mishap = self.mishap(&format!("{} {path}", call.method));
        let raw_query = call.target.split_once('?').map_or("", |(_, raw)| raw);
        let raw_query = raw_query.split('#').next().unwrap_or_default();
        let (method, headers, body) = (call.method.as_str(), &call.headers[..], &call.body[..]);
        let asked = Asked { method, path, version, query, raw_query, body, headers, mishap };
        let view = View { now: self.now, tapes: &self.tapes };
        let Done { answered, orders } = self.desk.answer(view, asked);
        (answered.map_or_else(|refusal| refusal.reply(), |value| Reply::json(200, &value)), orders)
    }

    fn mishap(&mut self, on: &str) -> Mishap {
        if !["POST order", "POST algoOrder"].contains(&on) || self.desk.is_empty() {
            return Mishap::default();
        }
        let now = self.now;
        let mut strikes = |fault| self.spoiler.strikes_order(now, fault, on);
        if on == "POST algoOrder" {
            return Mishap {
                refused: strikes(Fault::RefusedStop),
                stuck: strikes(Fault::StuckStop),
                ..Mishap::default()
            };
        }
        let half = strikes(Fault::Half);
        let parts = strikes(Fault::Parts).then(|| 2 + (self.spoiler.bits() % 6) as u32);
        Mishap { half, parts, ..Mishap::default() }
    }

    /// Sends an answer, or what becomes of it.
    fn send(&mut self, call: &Call, reply: Reply, orders: Option<[u32; 2]>, out: &mut Vec<Output>) {
        let late = reply.not_before;
        let said = reply.body.clone();
        let mut reply = self.spoiler.reply(self.now, question(call).as_deref(), reply);
        reply.not_before = reply.not_before.max(late);
        self.asked.answer(call.id, self.now, &reply, said != reply.body);
        reply.headers.push(("x-mbx-used-weight-1m", self.limits.used().to_string()));
        if let Some([in_10s, in_1m]) = orders {
            reply.headers.push(("x-mbx-order-count-10s", in_10s.to_string()));
            reply.headers.push(("x-mbx-order-count-1m", in_1m.to_string()));
        }
        out.push(Output::Reply(call.id, reply));
    }

    /// Executes what was late and is due.
    pub(super) fn execute_late(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        while let Some(at) = self.late.iter().position(|(due, _)| *due <= now) {
            let (_, call) = self.late.remove(at);
            if let Ok(query) = Query::parse(&call.target).and_then(|query| query.with_form(&call.body)) {
                self.execute(&call, &query, out);
            }
        }
    }

    /// Sends what streams of accounts are to say.
    pub(super) fn deliver(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        for said in self.desk.said(now) {
            let event = said.value.get("e").and_then(Value::as_str).unwrap_or_default().to_owned();
            for (id, session) in self.sessions.iter_mut().filter(|(_, session)| session.hears(&said.key, &event)) {
                self.spoiler.push(now, *id, session, &said.key, said.value.clone(), out);
            }
        }
    }

    /// The paths that no exchange has.
    pub(super) fn played(&mut self, call: &Call, path: &str, out: &mut Vec<Output>) -> Reply {
        let answered =
            Query::parse(&call.target).and_then(|query| query.with_form(&call.body)).and_then(|query| {
                match (call.method.as_str(), path.split('?').next().unwrap_or_default()) {
                    ("GET", "record") => {
                        let from = query.whole("from")?.unwrap_or_default().unsigned_abs();
                        Ok(self.desk.record_rows(from, MOST_ROWS))
                    }
                    ("GET", "requests") => {
                        let from = query.whole("from")?.unwrap_or_default().unsigned_abs();
                        let rows: Vec<_> = self.asked.from(from).take(MOST_ROWS).collect();
                        Ok(serde_json::to_value(rows).unwrap_or_else(|_| json!([])))
                    }
                    ("GET", "time") => Ok(json!({ "at": self.now })),
                    ("POST", "note") => {
                        self.desk.note(self.now, query.need("text")?);
                        Ok(json!({}))
                    }
                    ("GET", "faults") => {
                        Ok(self.counts().map(|(name, count)| (name.to_owned(), json!(count))).collect())
                    }
                    ("POST", "do") => self.act(&query, out),
                    ("POST", "next") => self.write_fault(&query),
                    (_, path) => match path.strip_prefix("hand") {
                        Some(path) => self.by_hand(&call.method, path, &query),
                        None => Err(no_such_path(&call.method, &query)),
                    },
                }
            });
        answered.map_or_else(|refusal| refusal.reply(), |value| Reply::json(200, &value))
    }

    pub(super) fn act(&mut self, query: &Query, out: &mut Vec<Output>) -> Result<Value, Refusal> {
        let act = query.need("act")?;
        if act == "filters" {
            self.change_filters(query)?;
            self.desk.note(self.now, "act filters");
            return Ok(json!({}));
        }
        self.deliver(self.now, out);
        if act == "delist" {
            let place = super::account::place(View { now: self.now, tapes: &self.tapes }, query)?;
            self.tapes[place].delivery = Some(query.whole("at")?.map_or(self.now, Timestamp).max(self.now));
            self.close_markets(self.now);
            self.desk.note(self.now, "act delist");
            return Ok(json!({}));
        }
        let said = self.desk.act(View { now: self.now, tapes: &self.tapes }, act, query)?;
        for said in said {
            for (id, session) in
                self.sessions.iter_mut().filter(|(_, session)| session.hears(&said.key, "listenKeyExpired"))
            {
                self.spoiler.push(self.now, *id, session, &said.key, said.value.clone(), out);
            }
        }
        Ok(json!({}))
    }

    fn write_fault(&mut self, query: &Query) -> Result<Value, Refusal> {
        let name = query.need("fault")?;
        let fault = Fault::all().find(|fault| fault.name() == name);
        let fault = fault.ok_or_else(|| refused(-1130, "Data sent for parameter 'fault' is not valid."))?;
        let times = query.whole("times")?.and_then(|times| u32::try_from(times).ok()).unwrap_or(1);
        self.spoiler.write(fault, times, query.get("on").unwrap_or_default());
        Ok(json!({}))
    }

    fn by_hand(&mut self, method: &str, path: &str, query: &Query) -> Result<Value, Refusal> {
        let index = usize::try_from(query.whole("account")?.unwrap_or_default()).unwrap_or(usize::MAX);
        let plain = query.at(path);
        let (version, path) = rest::account_path(&plain).ok_or_else(|| no_such_path(method, &plain))?;
        let (raw_query, body, headers, mishap) = ("", &[][..], &[][..], Mishap::default());
        let asked = Asked { method, path, version, query: &plain, raw_query, body, headers, mishap };
        self.desk.by_hand(View { now: self.now, tapes: &self.tapes }, index, asked)
    }

    /// Other rules for a market from its next minute on.
    fn change_filters(&mut self, query: &Query) -> Result<(), Refusal> {
        let place = super::account::place(View { now: self.now, tapes: &self.tapes }, query)?;
        let read = |name: &str, old: Decimal| -> Result<Decimal, Refusal> {
            let value = super::account::number(query, name)?.unwrap_or(old);
            let bad = || refused(-1130, format!("Data sent for parameter '{name}' is not valid."));
            if (FINEST..=COARSEST).contains(&value) { Ok(value) } else { Err(bad()) }
        };
        let old = &self.tapes[place].rules;
        let step = read("step", old.step)?;
        let rules = Instrument {
            symbol: old.symbol.clone(),
            tick: read("tick", old.tick)?,
            step,
            min_qty: read("minQty", old.min_qty.max(step))?,
            min_notional: read("minNotional", old.min_notional)?,
        };
        self.tapes[place].change_rules(rules);
        Ok(())
    }
}

/// What makes two requests one question: the target without time and signature, and who asks. What changes something is none.
fn question(call: &Call) -> Option<String> {
    if call.method != "GET" {
        return None;
    }
    let passing = |part: &&str| !["timestamp=", "signature="].iter().any(|name| part.starts_with(name));
    let (path, query) = call.target.split_once('?').unwrap_or((&call.target, ""));
    let query: Vec<&str> = query.split('&').filter(passing).collect();
    let key = call.headers.iter().find(|(name, _)| name == "x-mbx-apikey").map_or("", |(_, key)| key.as_str());
    Some(format!("{path}?{} {key}", query.join("&")))
}

fn closed() -> Refusal {
    Refusal { status: 503, code: -1016, text: "This service is no longer available.".to_owned() }
}
