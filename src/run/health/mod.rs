//! The health monitor: is the bot well, and if not, why.
//!
//! The trading loop never waits for it, nor it for the loop: the loop writes what it does into [`Vitals`], and the monitor, a task of its
//! own, reads them at every beat and whenever something could have become bad. Nothing polls. It has a stop event of its own, so that it
//! can be stopped and started again while the bot runs; the launch stops it on every path out of a run, and says so.
//!
//! A frozen thread freezes the monitor too: that is noticed from outside, by the supervisor.

mod hour;
mod status;
mod vitals;

pub use status::{Status, uptime};
pub use vitals::{Account, FeedId, LastError, Vitals};

use crate::{
    run::{
        process,
        tasks::{self, TaskEnd},
    },
    stop::{Latch, Wait},
};
use futures_lite::FutureExt;
use log::{info, warn};
use smol::{LocalExecutor, Task};
use status::Checkup;
use std::{
    cell::{Cell, RefCell},
    future,
    rc::Rc,
    time::{Duration, Instant},
};

/// The monitor's task, as the log calls it.
pub const TASK: &str = "health monitor";
/// A limit that has just been passed is looked at again after this at the earliest, so that tiny limits don't make the monitor spin.
const SHORTEST_LOOK: Duration = Duration::from_secs(1);
const LONGEST_INTERVAL: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// How often the heart beats, and what is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthSettings {
    /// From one heartbeat to the next.
    pub interval: Duration,
    /// The budget of resident memory, in MB of 1,048,576 bytes.
    pub memory_mb: u32,
    /// The trading loop hangs when it makes no turn for longer.
    pub progress_limit: Duration,
    /// A turn of the loop that takes longer is too slow.
    pub turn_limit: Duration,
    /// A disk that takes longer to confirm a write is too slow.
    pub disk_limit: Duration,
}

impl Default for HealthSettings {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(300),
            memory_mb: 32,
            // Two loop lines missed, and some room.
            progress_limit: Duration::from_secs(75),
            turn_limit: Duration::from_secs(1),
            disk_limit: Duration::from_secs(5),
        }
    }
}

/// What the monitor knows at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthReport {
    /// How the bot is.
    pub status: Status,
    /// Why it isn't healthy, and what limits trading though it is.
    pub reasons: Vec<String>,
    /// Since the start of the process.
    pub uptime: Duration,
    /// Heartbeats since the monitor was made.
    pub heartbeats: u64,
    /// When the last heartbeat was.
    pub last_heartbeat: Option<Instant>,
    /// Errors since the start.
    pub errors: u64,
    /// Errors in the last hour.
    pub errors_in_hour: u32,
    /// The last error.
    pub last_error: Option<LastError>,
    /// Signals of the strategies since the start.
    pub signals: u64,
    /// Turns of the trading loop since the start.
    pub turns: u64,
    /// The slowest turn since the last heartbeat.
    pub slowest_turn: Duration,
    /// Resident memory in MB.
    pub memory_mb: Option<f64>,
    /// Lines of the log lost since the start.
    pub lost_log_lines: u64,
}

/// The monitor. One that is dropped stops.
#[derive(Debug)]
pub struct HealthMonitor {
    shared: Rc<Shared>,
    run: RefCell<Option<Rc<Run>>>,
}

/// The task from one start to its end.
#[derive(Debug, Default)]
struct Run {
    stop: Latch<()>,
    over: Latch<()>,
    end: RefCell<Option<TaskEnd<()>>>,
    task: RefCell<Option<Task<()>>>,
}

#[derive(Debug)]
struct Shared {
    settings: HealthSettings,
    vitals: Vitals,
    beats: Cell<u64>,
    last_beat: Cell<Option<Instant>>,
    status: Cell<Status>,
}

impl HealthMonitor {
    /// A monitor of these vitals that isn't running yet.
    #[must_use]
    pub fn new(settings: HealthSettings, vitals: Vitals) -> Self {
        let interval = settings.interval.clamp(Duration::from_millis(1), LONGEST_INTERVAL);
        let settings = HealthSettings { interval, ..settings };
        let (beats, last_beat, status) = Default::default();
        Self { shared: Rc::new(Shared { settings, vitals, beats, last_beat, status }), run: RefCell::default() }
    }

    /// Starts the monitor at once, without waiting for anything. One that runs already is left alone, with a warning.
    pub fn start(&self, executor: &LocalExecutor<'_>) -> &Self {
        if self.is_running() {
            warn!("The health monitor is running already");
            return self;
        }
        let run = Rc::new(Run::default());
        let work = self.shared.clone().run(run.stop.clone(), Instant::now());
        let ending = run.clone();
        let task = executor.spawn(async move {
            let end = tasks::watched(TASK, work).await;
            ending.end.replace(Some(end));
            ending.over.stop(());
        });
        run.task.replace(Some(task));
        self.run.replace(Some(run));
        self
    }

    /// Stops the monitor and waits until its task has ended, which takes no longer than the thread needs to get to it. Where it isn't
    /// running, nothing happens.
    pub async fn stop(&self) {
        let Some(run) = self.run.borrow().clone() else { return };
        run.stop.stop(());
        run.over.stopped().await;
        let task = run.task.take();
        if let Some(task) = task {
            task.await;
        }
    }

    /// Whether the monitor's task runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.run.borrow().as_ref().is_some_and(|run| run.over.cause().is_none())
    }

    /// Waits until the task of the last start has ended, and says how: a panic is found here. Before the first start, forever.
    pub async fn ended(&self) -> TaskEnd<()> {
        let run = self.run.borrow().clone();
        if let Some(run) = run {
            run.over.stopped().await;
            if let Some(end) = run.end.borrow().clone() {
                return end;
            }
        }
        future::pending().await
    }

    /// Status, reasons and counters now, whether the monitor runs or not.
    #[must_use]
    pub fn health_report(&self) -> HealthReport {
        self.shared.report(Instant::now())
    }
}

impl Drop for HealthMonitor {
    fn drop(&mut self) {
        if let Some(run) = self.run.get_mut() {
            run.stop.stop(());
        }
    }
}

impl Shared {
    /// The monitor's task: a heartbeat at each multiple of the interval since `start`.
    async fn run(self: Rc<Self>, stop: Latch<()>, start: Instant) {
        let mut now = start;
        let mut beat = next_beat(start, self.settings.interval, now);
        loop {
            let until = self.next_look(now).map_or(beat, |look| look.min(beat));
            if self.wait(&stop, until).await == Wait::Stopped {
                break;
            }
            now = Instant::now();
            let report = self.look(now);
            if now >= beat {
                self.beat(now, &report);
                beat = next_beat(start, self.settings.interval, now);
            }
        }
    }

    /// Until this moment, until something happened that can't wait for the beat, or until the stop.
    async fn wait(&self, stop: &Latch<()>, until: Instant) -> Wait {
        let disturbed = async {
            self.vitals.disturbed().await;
            Wait::Elapsed
        };
        stop.or_at(until).or(disturbed).await
    }

    /// When the next thing could be found bad that is good now.
    fn next_look(&self, now: Instant) -> Option<Instant> {
        let limit = self.vitals.next_limit(now, self.settings.progress_limit, self.settings.disk_limit)?;
        Some(limit.max(now + SHORTEST_LOOK))
    }

    /// Looks at everything; a change of the status is said at once.
    fn look(&self, now: Instant) -> HealthReport {
        let report = self.report(now);
        let before = self.status.replace(report.status);
        self.vitals.set_health(report.status, report.reasons.clone());
        if report.status > before {
            warn!("Health: {before} → {}", status::line(report.status, &report.reasons));
        } else if report.status < before {
            info!("Health: {before} → {}", status::line(report.status, &report.reasons));
        }
        report
    }

    fn beat(&self, now: Instant, report: &HealthReport) {
        self.beats.set(self.beats.get() + 1);
        self.last_beat.set(Some(now));
        let lost_before = self.vitals.lost_log_lines();
        let status = status::line(report.status, &report.reasons);
        info!("💓 Heartbeat - Uptime: {}, Status: {status}", status::uptime(report.uptime));
        let memory = status::memory(report.memory_mb, self.settings.memory_mb);
        match self.vitals.account() {
            Some(account) => info!("   {account}, {memory}"),
            None => info!("   {memory}"),
        }
        self.vitals.begin_period(lost_before);
    }

    fn report(&self, now: Instant) -> HealthReport {
        let vitals = &self.vitals;
        let checkup = self.checkup(now);
        let (status, reasons) = checkup.judge();
        HealthReport {
            status,
            reasons,
            uptime: vitals.uptime(now),
            heartbeats: self.beats.get(),
            last_heartbeat: self.last_beat.get(),
            errors: vitals.errors(),
            errors_in_hour: checkup.errors_in_hour,
            last_error: vitals.last_error(),
            signals: vitals.signals(),
            turns: vitals.turns(),
            slowest_turn: checkup.slowest_turn,
            memory_mb: checkup.memory_mb,
            lost_log_lines: vitals.lost_log_lines(),
        }
    }

    fn checkup(&self, now: Instant) -> Checkup {
        let vitals = &self.vitals;
        Checkup {
            ended_tasks: vitals.ended_tasks(),
            loop_hangs: vitals.loop_hangs(now, self.settings.progress_limit),
            stale: vitals.stale(now),
            slowest_turn: vitals.slowest_turn(),
            turn_limit: self.settings.turn_limit,
            errors_in_hour: vitals.errors_in_hour(now),
            memory_mb: process::resident_mb(),
            memory_limit_mb: self.settings.memory_mb,
            remarks: vitals.remarks(),
            limits: vitals.limits(),
            disk_silent: vitals.disk_silent(now, self.settings.disk_limit),
            disk_trouble: vitals.disk_trouble(),
            log_trouble: vitals.log_trouble(),
            lost_log_lines: vitals.lost_in_period(),
        }
    }
}

/// The first multiple of `interval` after `start` that is later than `now`: none is early, doubled, or late because another was.
fn next_beat(start: Instant, interval: Duration, now: Instant) -> Instant {
    let passed = now.saturating_duration_since(start).as_nanos();
    let past_the_last = u64::try_from(passed % interval.as_nanos()).unwrap_or(0);
    now + interval - Duration::from_nanos(past_the_last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beats_stand_at_multiples_of_the_interval() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        for (interval, now, want) in [
            (10_000, 0, 10_000),
            (10_000, 10_000, 20_000),
            (10_000, 10_003, 20_000),
            (10_000, 19_999, 20_000),
            (10_000, 57_000, 60_000), // four were missed, and are not caught up
            (1, 5, 6),
        ] {
            let got = next_beat(start, Duration::from_millis(interval), at(now));
            assert_eq!(got, at(want), "{interval} ms, at {now}");
        }
    }

    #[test]
    fn an_endless_interval_is_no_panic() {
        let settings = HealthSettings { interval: Duration::MAX, ..HealthSettings::default() };
        let (monitor, executor) = (HealthMonitor::new(settings, Vitals::default()), LocalExecutor::new());
        async_io::block_on(executor.run(async {
            monitor.start(&executor);
            smol::future::yield_now().await;
            monitor.stop().await;
        }));
        assert_eq!(monitor.health_report().heartbeats, 0);
    }

    /// Runs `work` beside a monitor that finds nothing bad by itself; `work` may wait for a status.
    fn beside_a_monitor<W: Future<Output = ()>>(work: impl FnOnce(Vitals, Rc<Shared>) -> W) {
        let (executor, vitals) = (LocalExecutor::new(), Vitals::default());
        let settings = HealthSettings { memory_mb: 100_000, ..HealthSettings::default() };
        let monitor = HealthMonitor::new(settings, vitals.clone());
        async_io::block_on(executor.run(async {
            monitor.start(&executor);
            smol::future::yield_now().await;
            work(vitals, monitor.shared.clone()).await;
            monitor.stop().await;
        }));
        assert_eq!(monitor.health_report().heartbeats, 0, "all of it was seen before the first heartbeat");
    }

    async fn until(shared: &Shared, status: Status) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while shared.status.get() != status {
            assert!(Instant::now() < deadline, "still {}, not {status}", shared.status.get());
            async_io::Timer::after(Duration::from_millis(5)).await;
        }
    }

    #[test]
    fn a_change_and_its_end_are_seen_before_the_beat() {
        beside_a_monitor(async |vitals, shared| {
            let long_ago = Instant::now().checked_sub(Duration::from_secs(100)).unwrap();
            let feed = vitals.feed("BTC/USDT:USDT", Duration::from_secs(60), long_ago);
            until(&shared, Status::Degraded).await;
            vitals.data_came(feed, Instant::now());
            until(&shared, Status::Healthy).await;
            vitals.turn_started(long_ago);
            (0..11).for_each(|_| vitals.error(Instant::now(), "refused"));
            until(&shared, Status::Critical).await;
            vitals.turn_started(Instant::now());
            until(&shared, Status::Degraded).await;
            vitals.task_ended("task signals ended".to_owned());
            until(&shared, Status::Critical).await;
        });
    }

    #[test]
    fn silence_is_seen_though_nothing_happens() {
        beside_a_monitor(async |vitals, shared| {
            vitals.feed("BTC/USDT:USDT", Duration::from_millis(1_100), Instant::now());
            smol::future::yield_now().await;
            assert_eq!(shared.status.get(), Status::Healthy);
            until(&shared, Status::Degraded).await;
        });
    }

    #[test]
    fn a_disk_that_does_not_confirm_is_seen_and_its_answer_too() {
        beside_a_monitor(async |vitals, shared| {
            let started = Instant::now();
            vitals.set_disk_asked(started.checked_sub(Duration::from_millis(3_900)));
            vitals.set_limits(vec![]);
            until(&shared, Status::Degraded).await;
            vitals.set_disk_asked(None);
            until(&shared, Status::Healthy).await;
        });
    }

    #[test]
    fn its_end_is_told_also_after_the_fact() {
        let executor = LocalExecutor::new();
        let monitor = HealthMonitor::new(HealthSettings::default(), Vitals::default());
        async_io::block_on(executor.run(async {
            monitor.start(&executor).stop().await;
            assert_eq!(monitor.ended().await, TaskEnd { name: TASK, how: tasks::How::Returned(()) });
        }));
    }
}
