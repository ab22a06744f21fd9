//! The trading loop's signs of life, for all who watch it: the health monitor, the supervisor or systemd, and the three clocks.

use super::{
    clocks::{ClockWatch, wall_ms},
    health::{Account, FeedId, Status, Vitals},
    process,
    progress::Progress,
    text::Teller,
};
use crate::{
    engine::Engine,
    market::{SymbolId, Timestamp},
    stop::Cause,
    store::Sample,
};
use log::{error, warn};
use rust_decimal::Decimal;
use std::time::{Duration, Instant};

/// Between two looks at an exchange's account.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What the loop writes down of itself; nothing here waits.
pub struct Signs {
    vitals: Vitals,
    progress: Progress,
    /// One a symbol.
    feeds: Vec<FeedId>,
    clocks: ClockWatch,
    /// Why no positions are opened.
    halted: Option<String>,
    /// What the session says of the account.
    account: Vec<(Status, String)>,
    /// When it is asked again.
    account_due: Instant,
    /// What stands in the way of entries, as it was told last.
    limits: Vec<(Status, String)>,
    /// Beginning of the turn that is under way.
    began: Instant,
}

impl Signs {
    /// Signs of a loop that hasn't begun. `feeds`: each symbol's name and how far apart its data may come.
    #[must_use]
    pub fn new(vitals: Vitals, progress: Progress, feeds: &[(&str, Duration)]) -> Self {
        let began = Instant::now();
        let feeds = feeds.iter().map(|(name, limit)| vitals.feed(name, *limit, began)).collect();
        Self {
            vitals,
            progress,
            feeds,
            clocks: ClockWatch::new(),
            halted: None,
            account: Vec::new(),
            account_due: began,
            limits: Vec::new(),
            began,
        }
    }

    /// The loop makes progress before its first turn, with history. Why it must stop, where its supervisor is gone.
    pub fn warming(&mut self, engine: &Engine) -> Option<Cause> {
        self.progress.turn(engine.positions().next().is_some())
    }

    /// The first turn follows: from here on data must come.
    pub fn ready(&mut self) {
        self.progress.ready();
        let now = Instant::now();
        self.feeds.iter().for_each(|feed| self.vitals.data_came(*feed, now));
    }

    /// A turn begins.
    pub fn turn_began(&mut self, now: Instant) {
        self.began = now;
        self.vitals.turn_started(now);
    }

    /// The turn is over. Why the loop must stop, where its supervisor is gone.
    pub fn turn_ended(&mut self, teller: Teller<'_>) -> Option<Cause> {
        let engine = teller.engine;
        self.tell_limits(teller);
        self.vitals.set_account(account(engine));
        self.vitals.set_signals(engine.summary().signals);
        self.vitals.turn_ended(Instant::now());
        self.progress.turn(engine.positions().next().is_some())
    }

    /// Why no positions are opened; `None` once they are.
    pub fn halted(&mut self, reason: Option<String>) {
        self.halted = reason;
    }

    /// How an exchange's account stands, at most once a second.
    pub fn look_at_account(&mut self, now: Instant, troubles: impl FnOnce() -> Vec<(Status, String)>) {
        if self.account_due <= now {
            self.account_due = now + LOOK_EVERY;
            self.account = troubles();
        }
    }

    /// Whoever watches is told where something stands in the way of entries, or does so no more.
    fn tell_limits(&mut self, teller: Teller<'_>) {
        let halted = self.halted.iter().map(|why| (Status::Degraded, format!("halted: {why}")));
        let limits: Vec<_> = halted.chain(teller.limits()).chain(self.account.iter().cloned()).collect();
        if limits != self.limits {
            self.limits.clone_from(&limits);
            self.vitals.set_limits(limits);
        }
    }

    /// The loop meant to wait so long and goes on: what the clocks show is said here and in the next heartbeat.
    pub fn woke(&mut self, planned: Duration) {
        for event in self.clocks.look(planned) {
            warn!("Clock: {event}");
            self.vitals.remark(event.to_string());
        }
    }

    /// How the bot is, for those who ask later.
    #[must_use]
    pub fn sample(&self, engine: &Engine, market: Timestamp) -> Sample {
        let (status, reasons) = self.vitals.health();
        let account = engine.account();
        Sample {
            at_ms: wall_ms(),
            market,
            balance: account.balance,
            equity: engine.equity(),
            open: engine.positions().count() as u32,
            trades: account.trades,
            status: status.to_string(),
            reasons,
            uptime_s: self.vitals.uptime(Instant::now()).as_secs(),
            memory_kb: process::resident_kb().unwrap_or(0),
        }
    }

    /// Data of a symbol came.
    pub fn data_came(&self, symbol: SymbolId) {
        self.vitals.data_came(self.feeds[symbol.index()], self.began);
    }

    /// Something failed: an error in the log, and counted.
    pub fn failed(&self, what: &str) {
        error!("{what}");
        self.vitals.error(self.began, what);
    }

    /// The loop has ended, for this reason.
    pub fn ended(&mut self, cause: Cause) {
        self.vitals.loop_ended();
        self.progress.stopping(cause);
    }
}

/// The account as the heartbeat shows it.
fn account(engine: &Engine) -> Account {
    let account = engine.account();
    let gained = (account.balance - account.capital) * Decimal::ONE_HUNDRED;
    let change_pct = gained.checked_div(account.capital).unwrap_or_default(); // an exchange's account may be empty
    Account { balance: account.balance, change_pct, open: engine.positions().count(), trades: account.trades }
}
