//! STUB to be replaced.
#![allow(missing_docs)]
use super::{
    clocks::ClockEvent,
    log::LogHandle,
    tasks::{self, NamedTask, TaskEnd},
};
use crate::{
    config,
    engine::Halt,
    market::Timestamp,
    stop::{Stop, Wait},
    trader::Trader,
};
use smol::LocalExecutor;
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};
pub const TASK: &str = "health";
pub struct Vitals {
    started: Instant,
    _log: LogHandle,
    line: RefCell<String>,
    slow: Cell<Duration>,
    began: Cell<Option<Instant>>,
}
impl Vitals {
    pub fn new(log: LogHandle, started: Instant) -> Self {
        Self { started, _log: log, line: RefCell::default(), slow: Cell::default(), began: Cell::default() }
    }
    pub fn turn_began(&self, at: Instant) {
        self.began.set(Some(at));
    }
    pub fn turn_ended(&self, at: Instant) {
        if let Some(b) = self.began.take() {
            self.slow.set(self.slow.get().max(at - b));
        }
    }
    pub fn clock_event(&self, _: ClockEvent) {}
    pub fn count(&self, _: log::Level) {}
    pub fn halted(&self, _: Halt) {}
    pub fn error(&self, _: String) {}
    pub fn see(&self, trader: &Trader, _: Timestamp) {
        let _ = trader;
    }
}
pub struct Settings {
    interval: Duration,
}
impl From<&config::Health> for Settings {
    fn from(h: &config::Health) -> Self {
        Self { interval: Duration::from_secs(h.interval_s) }
    }
}
pub struct HealthMonitor {
    settings: Settings,
    vitals: Rc<Vitals>,
    stop: Stop,
    task: RefCell<Option<NamedTask<()>>>,
}
impl HealthMonitor {
    pub fn new(settings: Settings, vitals: Rc<Vitals>) -> Self {
        Self { settings, vitals, stop: Stop::new(), task: RefCell::default() }
    }
    pub fn start(&self, ex: &LocalExecutor<'_>) {
        let (stop, vitals, every) = (self.stop.clone(), self.vitals.clone(), self.settings.interval);
        *self.task.borrow_mut() = Some(tasks::spawn(ex, TASK, async move {
            let mut n = 1;
            while stop.or_at(vitals.started + every * n).await == Wait::Elapsed {
                n += 1;
                log::info!(
                    "💓 Heartbeat - Uptime: {:.1}s, Status: healthy {:?}",
                    vitals.started.elapsed().as_secs_f64(),
                    vitals.slow.get()
                );
            }
        }));
    }
    pub async fn ended(&self) -> TaskEnd<()> {
        std::future::pending().await
    }
    pub async fn stop(&self) {
        self.stop.stop(crate::stop::Cause::Failure);
        let t = self.task.take();
        if let Some(t) = t {
            t.await;
        }
    }
}
