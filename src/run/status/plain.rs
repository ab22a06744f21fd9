//! How the bot is, for a person: the most important first, narrow enough for a phone.

use super::report::{Account, Breaker, Halt, Health, InDoubt, LastEnd, Line, Live, Pnl, Position, Quarantined, Report};
use crate::{
    market::{Symbol, known_instrument},
    moment::Moment,
    run::{
        earnings::signed,
        health::uptime,
        layout::{To, columns, wrapped},
        log::format::stamp_at,
        text::{market_day, market_time, rounded},
    },
};
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use std::time::Duration;

/// Columns of the names on the left.
const LEFT: usize = 10;
/// Lines of each kind, the newest of them.
const LINES: usize = 3;

/// The lines, none wider than `width` where words can be broken; times of the wall clock are in `zone`.
#[must_use]
pub fn lines(report: &Report, zone: &TimeZone, width: usize) -> Vec<String> {
    let mut page = Page { zone, width, now: report.looked, lines: Vec::new() };
    page.head(report);
    report.halts.iter().for_each(|halt| page.halt(halt));
    // an emergency stop is told as the halt that it is
    let limits = report.breakers.iter().filter(|breaker| breaker.effect != "emergency_stop");
    limits.for_each(|breaker| page.breaker(breaker));
    report.quarantined.iter().for_each(|symbol| page.quarantined(symbol));
    page.health(report);
    page.account(&report.account);
    report.live.iter().for_each(|live| page.live(live));
    page.positions(&report.positions);
    page.blank();
    page.pnl(&report.pnl);
    page.blank();
    page.said("Signals", &report.signals);
    page.said("Errors", &report.errors);
    page.blank();
    page.store(report);
    page.lines
}

struct Page<'a> {
    zone: &'a TimeZone,
    width: usize,
    now: Moment,
    lines: Vec<String>,
}

impl Page<'_> {
    fn head(&mut self, report: &Report) {
        let of = report.pid.map_or_else(String::new, |pid| format!(" (process {pid})"));
        let text = match (report.running, report.started, report.uptime_s, &report.last_end) {
            (true, Some(at), Some(s), _) => format!("RUNNING for {}{of}, since {}", span(s), self.time(at)),
            (true, ..) => format!("RUNNING{of}, its run is just beginning or ending"),
            (false, _, _, None) => "NOT RUNNING, no run has begun yet".to_owned(),
            (false, _, _, Some(LastEnd { at: Some(at), .. })) => {
                format!("NOT RUNNING since {}", self.time_and_age(*at))
            }
            (false, _, _, Some(LastEnd { at: None, last_heard: Some(at), .. })) => {
                format!("NOT RUNNING, last heard of {}", self.time_and_age(*at))
            }
            (false, _, _, Some(_)) => "NOT RUNNING".to_owned(),
        };
        self.flow("", 2, &text);
        if let Some(end) = &report.last_end {
            self.entry("Last run", &end.text);
        }
    }

    fn halt(&mut self, halt: &Halt) {
        self.entry("HALTED", &format!("{}, since {}", halt.reason, self.time(halt.since)));
        let by_itself = halt.until.map_or_else(String::new, |until| format!("at {}, or ", self.time(until)));
        self.entry(
            "",
            &format!("positions are opened again {by_itself}when the bot is started with {}", halt.cleared_by),
        );
    }

    fn breaker(&mut self, breaker: &Breaker) {
        self.entry("Limited", &format!("{} (since {})", breaker.reason, market_time(breaker.since.at())));
    }

    fn quarantined(&mut self, Quarantined { symbol, until }: &Quarantined) {
        let until = market_time(until.at());
        self.entry("BARRED", &format!("{symbol} gets no entries until {until}, since it failed too often"));
    }

    fn health(&mut self, report: &Report) {
        let text = match &report.health {
            Some(Health { status, reasons, age_s, .. }) => {
                let reasons = if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join("; ")) };
                format!("{status} {} ago{reasons}", span(*age_s))
            }
            None if report.running => "not known yet, a run tells it every five minutes".to_owned(),
            None => "not known".to_owned(),
        };
        self.entry("Health", &text);
        if report.health_overdue {
            self.entry("", "OVERDUE: it is told every five minutes, so the bot hangs or can't write");
        }
    }

    fn account(&mut self, account: &Account) {
        let at = account.market_time.map_or_else(String::new, |time| format!(", {}", market_time(time.at())));
        self.entry("Market", &format!("{}{at}", account.market.as_deref().unwrap_or("not known")));
        let Some((balance, capital)) = account.balance.zip(account.capital) else { return };
        let change = ((balance - capital) * Decimal::ONE_HUNDRED).checked_div(capital); // an exchange's account may be empty
        let change = rounded(change.unwrap_or_default(), 2);
        let equity = account.equity.map_or_else(String::new, |equity| format!(", equity {:.2}", rounded(equity, 2)));
        self.entry("Balance", &format!("{:.2} USDT ({change:+.2} %){equity}", rounded(balance, 2)));
    }

    fn live(&mut self, live: &Live) {
        let Live { network, proven, in_doubt, foreign } = live;
        let proof = if *proven { "proven" } else { "UNPROVEN: nothing is opened until the exchange was asked" };
        self.entry("Live", &format!("on {network}, the account is {proof}"));
        for InDoubt { order, symbol } in in_doubt {
            self.entry("In doubt", &format!("{symbol} order {order}: nobody knows what became of it"));
        }
        if !foreign.is_empty() {
            let what = "orders or positions there are not the bot's: nothing is opened";
            self.entry("Not ours", &format!("{}: {what}", foreign.join(", ")));
        }
    }

    fn positions(&mut self, positions: &[Position]) {
        match positions.len() {
            0 => self.entry("Open", "nothing"),
            1 => self.entry("Open", "1 position"),
            more => self.entry("Open", &format!("{more} positions")),
        }
        positions.iter().for_each(|position| self.position(position));
    }

    fn position(&mut self, position: &Position) {
        let Position { symbol, side, qty, since, .. } = position;
        let digits = digits(position);
        let price = |price: Decimal| format!("{:.*}", digits as usize, rounded(price, digits));
        let [entry, stop, target] = [position.entry_price, position.stop, position.target].map(price);
        let (side, since) = (side.to_uppercase(), market_time(since.at()));
        self.flow("  ", 4, &format!("{side} {symbol} {qty} @ {entry}, since {since}"));
        let mark = position.mark.zip(position.unrealised);
        let mark = mark.map(|(mark, earned)| format!(", mark {} ({} USDT)", price(mark), signed(earned)));
        self.flow("    ", 4, &format!("stop {stop}, target {target}{}", mark.unwrap_or_default()));
    }

    fn pnl(&mut self, pnl: &Pnl) {
        let day = pnl.today.from.map_or_else(|| "today".to_owned(), |from| market_day(from.at()));
        let head = ["P&L", "USDT", "trades", "won"].map(str::to_owned);
        let periods = [(day, &pnl.today), ("7 days".to_owned(), &pnl.last_7_days), ("all".to_owned(), &pnl.all)];
        let rows = periods.map(|(name, period)| {
            let earned = &period.earnings;
            [format!("  {name}"), earned.money(), earned.trades.to_string(), earned.win_rate()]
        });
        let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
        self.lines.extend(columns([To::Left, To::Right, To::Right, To::Right], &rows));
    }

    fn said(&mut self, name: &str, lines: &[Line]) {
        if lines.is_empty() {
            return self.entry(name, "none");
        }
        self.lines.push(name.to_owned());
        for line in &lines[lines.len().saturating_sub(LINES)..] {
            let at = self.time(line.at);
            self.flow("  ", 4, &format!("{at} {}", line.text));
        }
    }

    fn store(&mut self, report: &Report) {
        self.entry("Store", &report.data_dir);
        let store = &report.store;
        let [database, journal, old] = [store.database_bytes, store.journal_bytes, store.old_bytes].map(bytes);
        self.entry("", &format!("database {database}, journal {journal}, set aside {old}"));
    }

    fn entry(&mut self, name: &str, text: &str) {
        self.flow(&format!("{name:<LEFT$}"), LEFT, text);
    }

    fn flow(&mut self, first: &str, hang: usize, text: &str) {
        self.lines.extend(wrapped(first, hang, text, self.width));
    }

    fn blank(&mut self) {
        self.lines.push(String::new());
    }

    fn time(&self, Moment(ms): Moment) -> String {
        jiff::Timestamp::from_millisecond(ms).map_or_else(|_| format!("{ms} ms"), |at| stamp_at(at, self.zone))
    }

    fn time_and_age(&self, at: Moment) -> String {
        format!("{}, {} ago", self.time(at), span((self.now.0.saturating_sub(at.0)).max(0) / 1000))
    }
}

/// `5.0m`, as in the heartbeat.
fn span(seconds: i64) -> String {
    uptime(Duration::from_secs(seconds.max(0).unsigned_abs()))
}

/// Digits of a position's prices: those of the symbol's tick, or of what must be on it.
fn digits(position: &Position) -> u32 {
    let known = position.symbol.parse::<Symbol>().ok().and_then(|symbol| known_instrument(&symbol));
    let on_the_tick = position.stop.scale().max(position.target.scale());
    known.map_or(on_the_tick, |rules| rules.tick.normalize().scale().max(on_the_tick))
}

/// `0 kB`, `52 kB`, `1.2 MB`.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    match bytes.div_ceil(1024) {
        kb @ 0..1024 => format!("{kb} kB"),
        kb => format!("{}.{} MB", kb / 1024, kb % 1024 * 10 / 1024),
    }
}
