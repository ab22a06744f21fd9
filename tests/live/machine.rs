//! What the machine has taken for itself: how long processes waited for a core, by the kernel's own count, and how late our own sleep ended.

use super::{Played, desk::SPEED, record::time};
use rustix::process::Pid;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI32, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Between two looks.
const EVERY: Duration = Duration::from_millis(25);

/// A watcher of an exchange and its bot.
pub struct Machine {
    over: Arc<AtomicBool>,
    bot: Arc<AtomicI32>,
    lost: Arc<Mutex<Vec<(Instant, Duration)>>>,
    thread: Option<JoinHandle<()>>,
    /// A moment in both times.
    same: (Instant, i64),
}

impl Machine {
    pub fn watch(exchange: &Played) -> Self {
        let (over, bot, lost) = (Arc::<AtomicBool>::default(), Arc::<AtomicI32>::default(), Arc::default());
        let same = (Instant::now(), exchange_time(exchange));
        let venue = exchange.running.pid().as_raw_nonzero().get();
        let (ends, who, list) = (Arc::clone(&over), Arc::clone(&bot), Arc::clone(&lost));
        let thread = thread::spawn(move || watch(venue, &ends, &who, &list));
        Self { over, bot, lost, thread: Some(thread), same }
    }

    /// The bot is another process now.
    pub fn bot_is(&self, pid: Pid) {
        self.bot.store(pid.as_raw_nonzero().get(), Ordering::Relaxed);
    }

    /// When it took how much, both in ms of the market.
    pub fn lost(&self) -> Vec<(i64, i64)> {
        let speed: f64 = SPEED.parse().unwrap();
        let ms = |span: Duration| (span.as_secs_f64() * 1000.0 * speed) as i64;
        let (began, from) = self.same;
        self.lost.lock().unwrap().iter().map(|(at, lost)| (from + ms(*at - began), ms(*lost))).collect()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn exchange_time(exchange: &Played) -> i64 {
    let body: Value = serde_json::from_str(&exchange.get("/played/time")).unwrap();
    time(&body["at"])
}

fn watch(venue: i32, over: &AtomicBool, bot: &AtomicI32, lost: &Mutex<Vec<(Instant, Duration)>>) {
    let mut waited = BTreeMap::new();
    let mut before = Instant::now();
    while !over.load(Ordering::Relaxed) {
        thread::sleep(EVERY);
        let whole = before.elapsed();
        let longest = |pid, waited: &mut BTreeMap<u64, u64>| waits(pid, waited).unwrap_or_default();
        // one of both waits for the other
        let cores = longest(venue, &mut waited) + longest(bot.load(Ordering::Relaxed), &mut waited);
        before = Instant::now();
        let overslept = whole.saturating_sub(EVERY);
        lost.lock().unwrap().push((before, (overslept + cores).min(whole)));
    }
}

/// How long a process's threads have waited for a core since the last look: the longest of them.
fn waits(pid: i32, waited: &mut BTreeMap<u64, u64>) -> Option<Duration> {
    let mut longest = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task")).ok()?.filter_map(Result::ok) {
        let thread = task.file_name().to_str()?.parse().ok()?;
        let Ok(text) = fs::read_to_string(task.path().join("schedstat")) else { continue };
        let now = text.split_whitespace().nth(1)?.parse().ok()?;
        let before = waited.insert(thread, now).unwrap_or(now);
        longest = longest.max(now.saturating_sub(before));
    }
    Some(Duration::from_nanos(longest))
}
