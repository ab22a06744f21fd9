//! Sockets and their health. One [`Line`] is what the exchange's codec wants carried by one socket.
//!
//! ```text
//!          open                first data
//! absent ───────▶ connecting ────────────▶ up ──silent──▶ nudged (unsubscribed, subscribed) ──silent──▶ absent, after a pause
//! ```
//!
//! Only data makes a line up, never a handshake or an acknowledgement. The age of data is by the exchange's time in it: what comes late is as
//! old as it says. Before the exchange's longest connection is over, or when it says that it will close, a successor is opened; the old socket
//! is closed once the successor has delivered data, and both are listened to meanwhile.

use super::{
    Output, Remark, SocketId,
    backoff::{Backoff, Jitter},
};
use crate::{
    exchange::{Channel, Exchange},
    market::Timestamp,
};

/// A handshake, and the first data where the channel allows longer silence, take no longer.
const CONNECT_MS: i64 = 15_000;
/// Data older than this is stale, whatever silence the channel allows (F is 30 s).
const STALEST_MS: i64 = 25_000;
/// A line that was up for so long has ended its row of failures.
const STEADY_MS: i64 = 60_000;
/// That a line is still down, for the same reason, is said again after so long.
const SAY_AGAIN_MS: i64 = 600_000;
/// Of the longest connection, in parts of 48: it is renewed after 46 of them, and up to one more by chance.
const RENEW_PARTS: (i64, i64) = (46, 48);

/// A connection, being made or made.
#[derive(Debug, Clone)]
pub struct Socket {
    /// Its number.
    pub id: SocketId,
    open: bool,
    has_data: bool,
    /// The handshake began or was done, or the newest data was true; the latest of them.
    quiet_since: Timestamp,
    nudged: Option<Timestamp>,
    renew_at: Timestamp,
    beat_at: Option<Timestamp>,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Line {
    /// What it carries.
    pub channel: Channel,
    main: Option<Socket>,
    successor: Option<Socket>,
    backoff: Backoff,
    renew_after: Option<Timestamp>,
    up: bool,
    /// When it came up or went down.
    pub since: Timestamp,
    /// The session's time at which the newest data was true.
    pub heard: Option<Timestamp>,
    /// Sockets that were up and are no more, but for renewals.
    pub losses: u64,
    /// Successors that took over.
    pub renewals: u64,
    /// Sockets asked for.
    pub attempts: u64,
    /// Why it was last said to be down, and when; nothing since it was up.
    said: Option<(String, Timestamp)>,
}

/// What a line needs to act.
pub struct Means<'a> {
    /// The session's time.
    pub now: Timestamp,
    /// For the frames.
    pub exchange: &'a dyn Exchange,
    /// For pauses and renewals.
    pub jitter: &'a mut Jitter,
    /// The last number that was given to a socket or a subscription.
    pub numbers: &'a mut Numbers,
    /// What shall be done.
    pub outputs: &'a mut Vec<Output>,
}

/// Numbers that are never used twice.
#[derive(Debug, Clone, Default)]
pub struct Numbers {
    socket: u32,
    subscription: u64,
}

impl Numbers {
    /// The next socket's.
    pub const fn next_socket(&mut self) -> SocketId {
        self.socket += 1;
        SocketId(self.socket)
    }
}

impl Socket {
    fn subscribe(&self, channel: &Channel, subscribe: bool, means: &mut Means<'_>) {
        let frames = means.exchange.subscription(channel, subscribe, means.numbers.subscription + 1);
        means.numbers.subscription += u64::try_from(frames.len()).unwrap_or_default();
        means.outputs.extend(frames.into_iter().map(|frame| Output::Send(self.id, frame)));
    }

    /// When its silence leads to something.
    fn due(&self, silence_ms: i64) -> Timestamp {
        match self.nudged {
            _ if !self.open => self.quiet_since.plus_ms(CONNECT_MS),
            None => self.quiet_since.plus_ms(silence_ms + 1),
            Some(nudged) => nudged.plus_ms(silence_ms + 1),
        }
    }

    /// Acts on its silence: a first one is met with a new subscription. What is wrong with it where that was in vain.
    fn look(&mut self, channel: &Channel, means: &mut Means<'_>) -> Option<&'static str> {
        if let Some((text, every_ms)) = means.exchange.heartbeat().filter(|_| self.open)
            && self.beat_at.is_none_or(|at| at <= means.now)
        {
            self.beat_at = Some(means.now.plus_ms(every_ms.max(1_000)));
            means.outputs.push(Output::Send(self.id, text.to_owned()));
        }
        if means.now < self.due(channel.silence_ms) {
            return None;
        }
        if !self.open {
            return Some("no handshake");
        }
        if self.nudged.is_some() {
            return Some("open, but silent");
        }
        self.subscribe(channel, false, means);
        self.subscribe(channel, true, means);
        self.nudged = Some(means.now);
        None
    }
}

impl Line {
    /// A line that is down.
    pub const fn new(channel: Channel, now: Timestamp) -> Self {
        Self {
            channel,
            main: None,
            successor: None,
            backoff: Backoff::new(),
            renew_after: None,
            up: false,
            since: now,
            heard: None,
            losses: 0,
            renewals: 0,
            attempts: 0,
            said: None,
        }
    }

    /// Whether a socket is one of its own.
    pub fn owns(&self, id: SocketId) -> bool {
        self.sockets().any(|socket| socket.id == id)
    }

    /// Its sockets: none, one, or one and its successor.
    pub fn sockets(&self) -> impl Iterator<Item = &Socket> {
        self.main.iter().chain(&self.successor)
    }

    /// Whether data comes.
    pub const fn is_up(&self) -> bool {
        self.up
    }

    /// Until when its data counts as fresh, if none follows; `None` where it does not come.
    pub fn fresh_until(&self) -> Option<Timestamp> {
        let longest = self.channel.silence_ms.saturating_mul(2).min(STALEST_MS);
        self.heard.filter(|_| self.up).map(|heard| heard.plus_ms(longest))
    }

    /// Does what is due. `wanted`: whether anything that it carries is.
    pub fn act(&mut self, wanted: bool, means: &mut Means<'_>) {
        if !wanted {
            self.drop_all(means);
            return;
        }
        let channel = &self.channel;
        let gone = self.main.as_mut().and_then(|socket| socket.look(channel, means));
        let missed = self.successor.as_mut().and_then(|socket| socket.look(channel, means));
        if let Some(why) = missed {
            self.lose(false, why, true, means);
        }
        if let Some(why) = gone {
            self.lose(true, why, true, means);
        }
        if self.main.is_none() && self.backoff.until().is_none_or(|until| until <= means.now) {
            self.main = Some(self.connect(means));
        }
        let may_renew = self.successor.is_none() && self.renew_after.is_none_or(|after| after <= means.now);
        if may_renew && self.main.as_ref().is_some_and(|main| main.has_data && main.renew_at <= means.now) {
            self.successor = Some(self.connect(means));
        }
    }

    fn connect(&mut self, means: &mut Means<'_>) -> Socket {
        self.attempts += 1;
        let id = means.numbers.next_socket();
        means.outputs.push(Output::Connect(id, self.channel.path.clone()));
        let part = means.exchange.longest_connection_ms() / RENEW_PARTS.1;
        let lasts = part.saturating_mul(RENEW_PARTS.0) + means.jitter.up_to(part);
        Socket {
            id,
            open: false,
            has_data: false,
            quiet_since: means.now,
            nudged: None,
            renew_at: means.now.plus_ms(lasts.max(STEADY_MS)),
            beat_at: None,
        }
    }

    /// The handshake of a socket is done.
    pub fn opened(&mut self, id: SocketId, means: &mut Means<'_>) {
        let sockets = self.main.iter_mut().chain(&mut self.successor);
        if let Some(socket) = sockets.into_iter().find(|socket| socket.id == id && !socket.open) {
            socket.open = true;
            socket.quiet_since = means.now;
            socket.subscribe(&self.channel, true, means);
        }
    }

    /// Data came that was true at `at`, in the session's time. Since when there was none, where that was longer than it may be.
    pub fn data(&mut self, id: SocketId, at: Timestamp, means: &mut Means<'_>) -> Option<Timestamp> {
        for socket in self.main.iter_mut().chain(&mut self.successor).filter(|socket| socket.id == id) {
            let fresh = means.now.since_ms(at) <= self.channel.silence_ms;
            socket.open = true;
            socket.has_data |= fresh;
            socket.quiet_since = socket.quiet_since.max(at);
            socket.nudged = socket.nudged.filter(|_| !fresh);
        }
        let of_main = self.main.as_ref().is_some_and(|main| main.id == id && main.has_data);
        if self.successor.as_ref().is_some_and(|successor| successor.id == id && successor.has_data) {
            let old = std::mem::replace(&mut self.main, self.successor.take());
            means.outputs.extend(old.map(|old| Output::Disconnect(old.id)));
            self.renewals += 1;
        } else if !of_main {
            return None;
        }
        let before = self.heard.replace(self.heard.map_or(at, |heard| heard.max(at)));
        if !std::mem::replace(&mut self.up, true) {
            self.since = means.now;
            self.said = None;
            means.outputs.push(Output::Say(Remark::StreamUp(self.channel.path.clone())));
        }
        before.filter(|before| at.since_ms(*before) > self.channel.silence_ms)
    }

    /// The exchange is about to close a socket: its successor is wanted now.
    pub fn closing(&mut self, id: SocketId, now: Timestamp) {
        if let Some(main) = self.main.as_mut().filter(|main| main.id == id) {
            main.renew_at = main.renew_at.min(now);
        }
    }

    /// A socket has ended (`still_there`: shall end), in words why.
    pub fn ended(&mut self, id: SocketId, why: &str, still_there: bool, means: &mut Means<'_>) {
        let is_main = self.main.as_ref().is_some_and(|main| main.id == id);
        if self.owns(id) {
            self.lose(is_main, why, still_there, means);
        }
    }

    fn lose(&mut self, is_main: bool, why: &str, still_there: bool, means: &mut Means<'_>) {
        let lost = if is_main { self.main.take() } else { self.successor.take() };
        means.outputs.extend(lost.filter(|_| still_there).map(|lost| Output::Disconnect(lost.id)));
        if is_main && std::mem::replace(&mut self.up, false) {
            self.losses += 1;
            if means.now.since_ms(self.since) >= STEADY_MS {
                self.backoff.clear();
            }
            self.since = means.now;
        }
        let pause = self.backoff.fail(means.now, means.jitter);
        self.renew_after = Some(means.now.plus_ms(pause));
        if is_main && self.successor.is_some() {
            self.main = self.successor.take();
        }
        let why: String = why.chars().take(super::LONGEST_WORDS).collect();
        let is_known = |said: &(String, Timestamp)| said.0 == why && means.now.since_ms(said.1) < SAY_AGAIN_MS;
        if !self.said.as_ref().is_some_and(is_known) {
            self.said = Some((why.clone(), means.now));
            means.outputs.push(Output::Say(Remark::StreamDown {
                path: self.channel.path.clone(),
                why,
                retry_ms: pause,
            }));
        }
    }

    /// Closes all of it; a later wish opens it at once.
    pub fn drop_all(&mut self, means: &mut Means<'_>) {
        let sockets = self.main.take().into_iter().chain(self.successor.take());
        means.outputs.extend(sockets.map(|socket| Output::Disconnect(socket.id)));
        self.backoff.clear();
        self.renew_after = None;
        if std::mem::replace(&mut self.up, false) {
            self.losses += 1;
            self.since = means.now;
        }
    }

    /// When [`Line::act`] has something to do, if nothing comes before.
    pub fn deadline(&self, wanted: bool, now: Timestamp) -> Option<Timestamp> {
        if !wanted {
            return self.main.as_ref().map(|_| now);
        }
        let Some(main) = &self.main else { return Some(self.backoff.until().unwrap_or(now)) };
        let silent = self.sockets().map(|socket| socket.due(self.channel.silence_ms));
        let beats = self.sockets().filter(|socket| socket.open).filter_map(|socket| socket.beat_at);
        let renewal = Some(main.renew_at.max(self.renew_after.unwrap_or(main.renew_at)));
        silent.chain(beats).chain(renewal.filter(|_| main.has_data && self.successor.is_none())).min()
    }

    /// The assertions that stay on.
    pub fn check(&self) {
        assert!(self.main.is_some() || self.successor.is_none(), "a successor of nothing");
        let ids: Vec<SocketId> = self.sockets().map(|socket| socket.id).collect();
        assert!(ids.len() < 2 || ids[0] != ids[1], "one socket twice");
        assert!(!self.up || self.main.as_ref().is_some_and(|main| main.has_data), "up without data");
    }
}
