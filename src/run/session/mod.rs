//! The session with an exchange as the trading loop sees it: what the gateway wants goes to the wire, and what comes becomes events.
//!
//! Nothing here decides. The session's time is the process's own, times the speed of the market, so that a played exchange that runs sixty
//! times as fast is waited for a sixtieth as long.

mod clock; // the session's time
pub mod queue; // what the trader has not heard yet
#[cfg(test)]
mod tests;
mod text; // its words

use super::{
    clocks::{Reading, STALL_MS},
    health::Status,
    wire::{Arrival, Stamp, Wire},
};
use crate::{
    engine::Event,
    exchange::Response,
    gateway::{Gateway, Input, News, Output, Remark, View},
    market::{FeedState, OrderCommand, SymbolId, Timestamp},
};
use clock::SessionClock;
use futures_lite::future::{block_on, poll_once};
use log::{debug, log};
use queue::{Course, Queue};
use std::{
    pin::pin,
    time::{Duration, Instant},
};

/// Messages that are taken in between two turns of the loop, at most.
const MOST_AT_ONCE: usize = 256;
/// History that waits for the trader; more is left with the gateway, which holds it in half the space.
const HISTORY_AT_ONCE: usize = 512;
/// Between two looks at the streams, in ms of the session's time.
const LOOK_EVERY_MS: i64 = 10_000;
/// Between two lines about what streams and requests give (at debug).
const LINE_EVERY: Duration = Duration::from_secs(60);
/// Streams that are silent for so long while requests are answered will not come back by themselves; in ms of the session's time.
const DEAF_AFTER_MS: i64 = 600_000;
/// Requests count as answered if one was within so many ms.
const ANSWERED_MS: i64 = DEAF_AFTER_MS / 10;

/// A session and what the trader has not heard of it yet.
pub struct Session {
    gateway: Gateway,
    wire: Wire,
    clock: SessionClock,
    names: Vec<String>,
    /// How each symbol's data stands, as of what was said last.
    feeds: Vec<FeedState>,
    queue: Queue,
    /// When a request was answered last.
    answered_at: Timestamp,
    /// Since when streams are silent while requests are answered.
    silent_since: Timestamp,
    look_due: Timestamp,
    line_due: Instant,
    /// The clocks when the loop was here last; it is at least once a second.
    seen: Reading,
    /// Scratch.
    outputs: Vec<Output>,
}

impl Session {
    /// A session that has sent nothing. `names`: the symbols' for the log.
    #[must_use]
    pub fn new(gateway: impl FnOnce(Timestamp) -> Gateway, wire: Wire, names: Vec<String>, speed: f64) -> Self {
        let clock = SessionClock::new(speed);
        let feeds = vec![FeedState::Stale; names.len()];
        let now = Instant::now();
        let begins = clock.at(now);
        let gateway = gateway(begins);
        Self {
            gateway,
            wire,
            clock,
            names,
            feeds,
            queue: Queue::default(),
            answered_at: begins,
            silent_since: begins,
            look_due: begins.plus_ms(LOOK_EVERY_MS),
            line_due: now + LINE_EVERY,
            seen: Reading::now(),
            outputs: Vec::new(),
        }
    }

    /// What the market's clock shows; `None` before it was compared with ours.
    #[must_use]
    pub fn market(&self, now: Instant) -> Option<Timestamp> {
        self.gateway.market_time(self.clock.at(now))
    }

    /// Whether the history is whole, so that trading can begin.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.gateway.is_ready()
    }

    /// The next event for the trader.
    #[must_use]
    pub fn next(&self) -> Option<&(Timestamp, Event)> {
        self.queue.next()
    }

    /// Goes on behind the next event.
    pub fn advance(&mut self) {
        self.queue.advance();
    }

    /// The symbols whose data comes.
    pub fn live(&self) -> impl Iterator<Item = SymbolId> {
        let live = self.feeds.iter().enumerate().filter(|(_, state)| **state == FeedState::Live);
        live.map(|(place, _)| SymbolId(place as u16))
    }

    /// How it stands.
    #[must_use]
    pub fn view(&self) -> View {
        self.gateway.view()
    }

    /// Whether the markets' rules are known, so that orders can be placed.
    #[must_use]
    pub const fn is_listed(&self) -> bool {
        self.gateway.is_listed()
    }

    /// The trader was told what a run begins with: now it hears of its orders.
    pub fn begin(&mut self) {
        self.queue.reach(Course::Guarding);
    }

    /// The trader has its history: now it hears how the account stands.
    pub fn trade(&mut self) {
        self.queue.reach(Course::Trading);
    }

    /// The engine wants this done to an order.
    pub fn order(&mut self, command: OrderCommand) {
        self.tell(Input::Order(command));
    }

    /// The engine doubts the account: it is compared anew.
    pub fn reconcile(&mut self) {
        self.tell(Input::Reconcile);
    }

    /// The engine doubts the rules of a market: they are read anew.
    pub fn read_rules(&mut self) {
        self.tell(Input::Rules);
    }

    /// What of the account a person should know; nothing where it is not traded.
    #[must_use]
    pub fn troubles(&self) -> Vec<(Status, String)> {
        self.view().account.map_or_else(Vec::new, |account| text::troubles(&account))
    }

    /// Why no symbol is traded, where none is.
    #[must_use]
    pub fn nothing_traded(&self) -> Option<String> {
        text::nothing_traded(&self.view(), &self.names)
    }

    /// When the gateway wants to be woken.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.gateway.next_deadline().map(|at| self.clock.instant(at))
    }

    /// Does what is due, and takes in what has come meanwhile.
    pub fn turn(&mut self, now: Instant) {
        self.stood_still();
        for _ in 0..MOST_AT_ONCE {
            // each arrival moves history on, and while streams speak a whole turn of them would queue most of it
            if !self.gateway.is_ready() && self.queue.len() > HISTORY_AT_ONCE {
                break;
            }
            let arrival = block_on(poll_once(pin!(self.wire.next())));
            match arrival {
                Some(arrival) => self.take(&arrival),
                None => break,
            }
        }
        if self.gateway.next_deadline().is_some_and(|at| at <= self.clock.at(now)) {
            self.tell(Input::Wake);
        }
        if self.look_due <= self.clock.at(now) {
            self.look_due = self.clock.at(now).plus_ms(LOOK_EVERY_MS);
            self.look(now);
        }
    }

    fn look(&mut self, now: Instant) {
        let view = self.view();
        if view.sockets.iter().all(|socket| socket.up) {
            self.silent_since = self.clock.at(now);
        }
        if self.line_due <= now {
            self.line_due = now + LINE_EVERY;
            debug!("{}", text::shares(&view));
        }
    }

    /// Whether requests are answered while streams have been silent for so long that only another process can help.
    #[must_use]
    pub fn is_deaf(&self, now: Instant) -> bool {
        let now = self.clock.at(now);
        now.since_ms(self.silent_since) > DEAF_AFTER_MS && now.since_ms(self.answered_at) <= ANSWERED_MS
    }

    /// Waits for something to come, and takes it in.
    pub async fn wait(&mut self) {
        let arrival = self.wire.next().await;
        if !self.stood_still() {
            self.take(&arrival);
        }
    }

    /// Looks whether the process or the machine stood still: then nothing that the sockets hold is true any more, and what came of it is
    /// taken back as far as nobody has heard of it.
    fn stood_still(&mut self) -> bool {
        let last = std::mem::replace(&mut self.seen, Reading::now());
        let gone_ms = self.seen.boot_ms - last.boot_ms;
        if gone_ms < STALL_MS {
            return false;
        }
        // the process's own time does not know of sleep
        self.clock.slept(gone_ms - (self.seen.monotonic_ms - last.monotonic_ms));
        self.wire.forget();
        self.queue.forget_prices();
        self.silent_since = self.clock.at(Instant::now());
        self.tell(Input::StoodStill);
        true
    }

    fn take(&mut self, arrival: &Arrival) {
        match arrival {
            Arrival::Opened(socket) => self.tell(Input::Opened(*socket)),
            Arrival::Frame(socket, frame) => self.tell(Input::Frame(*socket, frame)),
            Arrival::Closed(socket, why) => self.tell(Input::Closed(*socket, why)),
            Arrival::Response { id, status, headers, body, took: _ } => {
                self.answered();
                self.tell(Input::Response(*id, Response { status: *status, headers, body }));
            }
            Arrival::NoResponse { id, why, sent } => self.tell(Input::NoResponse { id: *id, why, sent: *sent }),
        }
    }

    /// A request was answered; while none was, silent streams were no news.
    fn answered(&mut self) {
        let now = self.clock.at(Instant::now());
        if now.since_ms(self.answered_at) > ANSWERED_MS {
            self.silent_since = now;
        }
        self.answered_at = now;
    }

    fn tell(&mut self, input: Input<'_>) {
        let now = self.clock.at(Instant::now());
        let mut outputs = std::mem::take(&mut self.outputs);
        self.gateway.handle(now, input, &mut outputs);
        outputs.drain(..).for_each(|output| self.perform(output));
        self.outputs = outputs;
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Connect(socket, path) => self.wire.connect(socket, &path),
            Output::Send(socket, text) => self.wire.send(socket, text),
            Output::Disconnect(socket) => self.wire.disconnect(socket),
            Output::Fetch(id, lane, request) => self.wire.fetch(id, lane, &request),
            Output::Call(id, lane, call) => {
                let (taken, speed) = (Instant::now(), self.clock.speed());
                let at = self.gateway.stamp(self.clock.at(taken));
                self.wire.call(id, lane, call, at.map(|at| Stamp { at, taken, speed }));
            }
            Output::News(at, news) => self.hear(at, news),
            Output::Say(remark) => self.say(&remark),
        }
    }

    fn hear(&mut self, at: Timestamp, news: News) {
        if let News::Feed(symbol, state) = &news {
            self.feeds[symbol.index()] = *state;
        }
        self.queue.hear(at, news);
    }

    fn say(&self, remark: &Remark) {
        let (level, line) = text::line(remark, &self.names);
        log!(level, "{line}");
    }
}
