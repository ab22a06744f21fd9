//! What the bot's parts write down about themselves, for the monitor to read. Memory is bounded; nothing waits.

use super::{hour::HourCount, status::Status};
use crate::run::{log::LogHandle, text::counted};
use event_listener::{Event, listener};
use rust_decimal::Decimal;
use std::{
    cell::{Cell, RefCell},
    fmt,
    rc::Rc,
    time::{Duration, Instant},
};

/// The most remarks, and the most ended tasks, that are kept.
const MOST_REMARKS: usize = 8;

/// The account in the heartbeat's second line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// In USDT.
    pub balance: Decimal,
    /// Of the balance against the one at the start, in percent.
    pub change_pct: Decimal,
    /// Open positions.
    pub open: usize,
    /// Trades that are over.
    pub trades: u64,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (balance, change) = (self.balance.round_dp(2), self.change_pct.round_dp(2));
        let (open, trades) = (self.open, counted(self.trades, "trade"));
        write!(f, "Balance {balance:.2} USDT ({change:+.2} %), {open} open, {trades}")
    }
}

/// The last error and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastError {
    /// What the log said.
    pub text: String,
    /// When.
    pub at: Instant,
}

/// Names one feed of market data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedId(usize);

#[derive(Debug)]
struct Feed {
    name: String,
    limit: Duration,
    at: Instant,
}

/// The bot's vital signs, shared by the tasks of the thread: a clone writes to the same.
///
/// Times are process time on the monotonic clock, also where the market's time is virtual.
#[derive(Debug, Clone)]
pub struct Vitals {
    born: Instant,
    log: LogHandle,
    shared: Rc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// The beginning of the turn that is under way.
    turn: Cell<Option<Instant>>,
    progress: Cell<Option<Instant>>,
    /// The monitor has found the loop standing still.
    hangs: Cell<bool>,
    turns: Cell<u64>,
    slowest_turn: Cell<Duration>,
    feeds: RefCell<Vec<Feed>>,
    account: Cell<Option<Account>>,
    signals: Cell<u64>,
    errors: Cell<u64>,
    hour: Cell<HourCount>,
    last_error: RefCell<Option<LastError>>,
    remarks: RefCell<Vec<String>>,
    ended_tasks: RefCell<Vec<String>>,
    /// What the monitor found last.
    health: RefCell<(Status, Vec<String>)>,
    /// What limits trading, and how the bot is with it.
    limits: RefCell<Vec<(Status, String)>>,
    disk_trouble: RefCell<Option<String>>,
    /// Since when the disk owes an answer.
    disk_asked: Cell<Option<Instant>>,
    /// The monitor has found that the answer takes too long.
    disk_silent: Cell<bool>,
    /// Lines lost until the last heartbeat.
    lost_before: Cell<u64>,
    disturbed: Event,
}

impl Default for Vitals {
    fn default() -> Self {
        Self::new(Instant::now(), LogHandle::default())
    }
}

/// What the bot's parts write.
impl Vitals {
    /// Of a process that was `born` then and has this log.
    #[must_use]
    pub fn new(born: Instant, log: LogHandle) -> Self {
        Self { born, log, shared: Rc::default() }
    }

    /// The trading loop begins a turn: one round of work between two waits.
    pub fn turn_started(&self, now: Instant) {
        self.shared.turn.set(Some(now));
        self.shared.progress.set(Some(now));
        if self.shared.hangs.take() {
            self.disturb();
        }
    }

    /// The turn is over.
    pub fn turn_ended(&self, now: Instant) {
        let shared = &self.shared;
        if let Some(started) = shared.turn.take() {
            let took = now.saturating_duration_since(started);
            shared.slowest_turn.set(shared.slowest_turn.get().max(took));
        }
        shared.turns.set(shared.turns.get() + 1);
        shared.progress.set(Some(now));
    }

    /// The trading loop has ended as it should: that it stands still is no trouble any more.
    pub fn loop_ended(&self) {
        self.shared.progress.set(None);
    }

    /// From now on data of this name must come, never more than `limit` apart.
    pub fn feed(&self, name: &str, limit: Duration, now: Instant) -> FeedId {
        let mut feeds = self.shared.feeds.borrow_mut();
        feeds.push(Feed { name: name.to_owned(), limit, at: now });
        self.disturb();
        FeedId(feeds.len() - 1)
    }

    /// Data of this feed came.
    pub fn data_came(&self, feed: FeedId, now: Instant) {
        if let Some(feed) = self.shared.feeds.borrow_mut().get_mut(feed.0) {
            let before = std::mem::replace(&mut feed.at, now);
            if now.saturating_duration_since(before) > feed.limit {
                self.disturb();
            }
        }
    }

    /// The account as the heartbeat shows it.
    pub fn set_account(&self, account: Account) {
        self.shared.account.set(Some(account));
    }

    /// How many signals the strategies have given.
    pub fn set_signals(&self, signals: u64) {
        self.shared.signals.set(signals);
    }

    /// Something failed, and the log says so.
    pub fn error(&self, now: Instant, text: impl Into<String>) {
        let shared = &self.shared;
        let mut hour = shared.hour.get();
        hour.add(self.minute(now));
        shared.hour.set(hour);
        shared.errors.set(shared.errors.get() + 1);
        shared.last_error.replace(Some(LastError { text: text.into(), at: now }));
        self.disturb();
    }

    /// Something is wrong that the next heartbeat must show, and only that one.
    pub fn remark(&self, text: String) {
        push_bounded(&self.shared.remarks, text);
        self.disturb();
    }

    /// What limits trading: limits and circuit breakers that have tripped.
    pub fn set_limits(&self, limits: Vec<(Status, String)>) {
        self.shared.limits.replace(limits);
        self.disturb();
    }

    /// Since when the disk has been asked for a write that it has not confirmed; `None` where there is none.
    pub fn set_disk_asked(&self, since: Option<Instant>) {
        self.shared.disk_asked.set(since);
        if self.shared.disk_silent.take() {
            self.disturb();
        }
    }

    /// The memory on disk isn't safe, and why; `None` once it is again.
    pub fn set_disk_trouble(&self, trouble: Option<String>) {
        if *self.shared.disk_trouble.borrow() != trouble {
            self.shared.disk_trouble.replace(trouble);
            self.disturb();
        }
    }

    /// A task has ended that should still be running.
    pub fn task_ended(&self, text: String) {
        push_bounded(&self.shared.ended_tasks, text);
        self.disturb();
    }

    fn disturb(&self) {
        self.shared.disturbed.notify(usize::MAX);
    }
}

/// What the monitor found.
impl Vitals {
    /// For whoever asks later.
    pub(super) fn set_health(&self, status: Status, reasons: Vec<String>) {
        self.shared.health.replace((status, reasons));
    }

    /// The status when the monitor last looked, and its reasons.
    #[must_use]
    pub fn health(&self) -> (Status, Vec<String>) {
        self.shared.health.borrow().clone()
    }
}

/// What the monitor reads.
impl Vitals {
    /// Waits for something that can't wait for the next heartbeat.
    pub(super) async fn disturbed(&self) {
        listener!(self.shared.disturbed => listener);
        listener.await;
    }

    /// When something that is good now will be bad if nothing comes.
    pub(super) fn next_limit(&self, now: Instant, progress_limit: Duration, disk_limit: Duration) -> Option<Instant> {
        let feeds = self.shared.feeds.borrow();
        let feeds = feeds.iter().filter_map(|feed| feed.at.checked_add(feed.limit));
        let progress = self.shared.progress.get().and_then(|at| at.checked_add(progress_limit));
        let disk = self.shared.disk_asked.get().and_then(|at| at.checked_add(disk_limit));
        feeds.chain(progress).chain(disk).filter(|at| *at >= now).min()
    }

    pub(in crate::run) fn uptime(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.born)
    }

    /// How long the loop has made no turn, where that is longer than allowed; its next turn is told then.
    pub(super) fn loop_hangs(&self, now: Instant, limit: Duration) -> Option<Duration> {
        let progress = self.shared.progress.get();
        let hang = progress.map(|at| now.saturating_duration_since(at)).filter(|silence| *silence > limit);
        self.shared.hangs.set(hang.is_some());
        hang
    }

    /// For how long the disk has not confirmed a write, where that is longer than allowed; its next answer is told then.
    pub(super) fn disk_silent(&self, now: Instant, limit: Duration) -> Option<Duration> {
        let asked = self.shared.disk_asked.get();
        let silent = asked.map(|at| now.saturating_duration_since(at)).filter(|silence| *silence >= limit);
        self.shared.disk_silent.set(silent.is_some());
        silent
    }

    pub(super) fn limits(&self) -> Vec<(Status, String)> {
        self.shared.limits.borrow().clone()
    }

    pub(super) fn stale(&self, now: Instant) -> Vec<(String, Duration)> {
        let feeds = self.shared.feeds.borrow();
        let aged = feeds.iter().map(|feed| (feed, now.saturating_duration_since(feed.at)));
        aged.filter(|(feed, age)| *age > feed.limit).map(|(feed, age)| (feed.name.clone(), age)).collect()
    }

    pub(super) fn turns(&self) -> u64 {
        self.shared.turns.get()
    }

    pub(super) fn slowest_turn(&self) -> Duration {
        self.shared.slowest_turn.get()
    }

    pub(super) fn account(&self) -> Option<Account> {
        self.shared.account.get()
    }

    pub(super) fn signals(&self) -> u64 {
        self.shared.signals.get()
    }

    pub(super) fn errors(&self) -> u64 {
        self.shared.errors.get()
    }

    pub(super) fn errors_in_hour(&self, now: Instant) -> u32 {
        self.shared.hour.get().sum(self.minute(now))
    }

    pub(super) fn last_error(&self) -> Option<LastError> {
        self.shared.last_error.borrow().clone()
    }

    pub(super) fn remarks(&self) -> Vec<String> {
        self.shared.remarks.borrow().clone()
    }

    pub(super) fn ended_tasks(&self) -> Vec<String> {
        self.shared.ended_tasks.borrow().clone()
    }

    pub(super) fn disk_trouble(&self) -> Option<String> {
        self.shared.disk_trouble.borrow().clone()
    }

    pub(super) fn lost_log_lines(&self) -> u64 {
        self.log.lost()
    }

    pub(super) fn lost_in_period(&self) -> u64 {
        self.log.lost() - self.shared.lost_before.get()
    }

    pub(super) fn log_trouble(&self) -> Option<String> {
        self.log.trouble()
    }

    /// A heartbeat has told everything; what it told of the time before is over. One of which a line was lost (`lost_before` counts those
    /// lost before it) has told nothing to anybody, so the next tells it too.
    pub(super) fn begin_period(&self, lost_before: u64) {
        if self.log.lost() == lost_before {
            self.shared.slowest_turn.take();
            self.shared.remarks.take();
            self.shared.lost_before.set(lost_before);
        }
    }

    fn minute(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.born).as_secs() / 60
    }
}

fn push_bounded(list: &RefCell<Vec<String>>, text: String) {
    let mut list = list.borrow_mut();
    if list.len() == MOST_REMARKS {
        list.remove(0);
    }
    list.push(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::log::outlet::Outlet;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_bot_that_has_recovered_says_so() {
        let vitals = Vitals::default();
        let born = vitals.born;
        (0..20).for_each(|n| vitals.error(born + n * SECOND, format!("error {n}")));
        assert_eq!(vitals.errors_in_hour(born + 3_000 * SECOND), 20);
        assert_eq!(vitals.errors_in_hour(born + 3_660 * SECOND), 0);
        assert_eq!(vitals.errors(), 20, "the total stays");
        assert_eq!(vitals.last_error().unwrap(), LastError { text: "error 19".into(), at: born + 19 * SECOND });
    }

    #[test]
    fn data_is_stale_after_its_own_limit_and_not_after_another() {
        let (vitals, start) = (Vitals::default(), Instant::now());
        let btc = vitals.feed("BTC", 5 * SECOND, start);
        vitals.feed("ETH", 60 * SECOND, start);
        vitals.data_came(btc, start + 3 * SECOND);
        assert_eq!(vitals.next_limit(start, SECOND, SECOND), Some(start + 8 * SECOND));
        assert_eq!(vitals.stale(start + 8 * SECOND), vec![]);
        assert_eq!(vitals.stale(start + 9 * SECOND), vec![("BTC".to_owned(), 6 * SECOND)]);
        assert_eq!(
            vitals.next_limit(start + 9 * SECOND, SECOND, SECOND),
            Some(start + 60 * SECOND),
            "what is bad is known"
        );
        vitals.data_came(btc, start + 100 * SECOND);
        assert_eq!(vitals.stale(start + 100 * SECOND), vec![("ETH".to_owned(), 100 * SECOND)]);
    }

    #[test]
    fn the_slowest_turn_is_that_of_the_period() {
        let (vitals, start) = (Vitals::default(), Instant::now());
        assert_eq!(vitals.loop_hangs(start, SECOND), None, "a loop that has not begun is not silent");
        for (begins, ends) in [(0, 2), (10, 17), (20, 21)] {
            vitals.turn_started(start + begins * SECOND);
            vitals.turn_ended(start + ends * SECOND);
        }
        assert_eq!((vitals.turns(), vitals.slowest_turn()), (3, 7 * SECOND));
        assert_eq!(vitals.loop_hangs(start + 51 * SECOND, 29 * SECOND), Some(30 * SECOND));
        assert_eq!(vitals.loop_hangs(start + 51 * SECOND, 30 * SECOND), None);
        vitals.begin_period(0);
        assert_eq!(vitals.slowest_turn(), Duration::ZERO);
        vitals.loop_ended();
        assert_eq!(vitals.loop_hangs(start + 99 * SECOND, SECOND), None);
    }

    #[test]
    fn remarks_and_lost_lines_belong_to_one_heartbeat_that_was_read() {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        let mut outlet = Outlet::new("stdout", writer, Box::new(|_| String::new()));
        let vitals = Vitals::new(Instant::now(), LogHandle::of(outlet.tally()));
        (0..100).for_each(|n| vitals.remark(format!("remark {n}")));
        assert_eq!(vitals.remarks().len(), MOST_REMARKS);
        assert_eq!(vitals.remarks().last().unwrap(), "remark 99");
        while vitals.lost_log_lines() < 3 {
            outlet.line(&[b'x'; 4_000]);
        }
        vitals.begin_period(2);
        assert_eq!((vitals.remarks().len(), vitals.lost_in_period()), (MOST_REMARKS, 3), "that heartbeat was lost too");
        rustix::io::read(&reader, &mut vec![0; 1 << 20]).unwrap();
        outlet.line(b"somebody reads this");
        assert_eq!((vitals.log_trouble(), vitals.lost_in_period()), (None, 3), "and so the next one tells");
        vitals.begin_period(3);
        assert_eq!((vitals.remarks().len(), vitals.lost_in_period(), vitals.lost_log_lines()), (0, 0, 3));
    }

    #[test]
    fn the_account_reads_as_in_the_heartbeat() {
        let decimal = |text: &str| text.parse::<Decimal>().unwrap();
        for (balance, change, open, trades, want) in [
            ("1003.2", "0.32", 1, 3, "Balance 1003.20 USDT (+0.32 %), 1 open, 3 trades"),
            ("999.996", "-0.0004", 0, 1, "Balance 1000.00 USDT (+0.00 %), 0 open, 1 trade"),
            ("950", "-5", 2, 0, "Balance 950.00 USDT (-5.00 %), 2 open, 0 trades"),
        ] {
            let account = Account { balance: decimal(balance), change_pct: decimal(change), open, trades };
            assert_eq!(account.to_string(), want);
        }
    }
}
