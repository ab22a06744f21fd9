//! One day: an exchange with an account, a bot, a script, and what must be true in the end.

use super::{
    Played,
    desk::{CAPITAL, Closed, Desk, SPEED},
    machine::Machine,
    observer::{Seen, observe},
    record::{Record, number, text},
    script::{CALM_S, END_S, RATES, Script, Step},
};
use crate::common::{Ended, Running};
use rustix::process::Signal;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

/// Once all is quiet it enters again within so long, in ms of the market (L1), and what the machine makes of that.
const WELL_AFTER_MS: i64 = 120_000 + 60_000;
/// The second bot ends within 1 s (S9), and what the machine makes of that.
const SECOND_ENDS: Duration = Duration::from_millis(2_500);
/// Lines of logs and rows of the record that a failure shows.
const SHOWN: usize = 60;

/// What a day has shown.
#[derive(Debug, Default)]
pub struct Outcome {
    pub seen: Seen,
    pub trades: usize,
    /// How often each fault struck, each act was done, and the process was killed, stopped and doubled.
    pub struck: BTreeMap<String, u64>,
}

struct Day {
    machine: Machine,
    exchange: Played,
    desk: Desk,
    bot: Option<Running>,
    /// It has said so.
    running: bool,
    began: Instant,
    log: Vec<String>,
    wrong: Vec<String>,
    struck: BTreeMap<String, u64>,
}

/// Plays the day of a seed.
///
/// # Errors
///
/// Everything that was wrong, with all that one needs to look into it.
pub fn play(seed: u64) -> Result<Outcome, String> {
    let script = Script::of(seed);
    let faults = format!("{RATES},until={}", CALM_S * SPEED.parse::<f64>().unwrap());
    let text = seed.to_string();
    let exchange = Played::open(&[
        "--speed",
        SPEED,
        "--capital",
        CAPITAL,
        "--seed",
        &text,
        "--accounts",
        "2",
        "--faults",
        &faults,
    ]);
    let desk = Desk::lively(&exchange);
    let mut day = Day {
        machine: Machine::watch(&exchange),
        exchange,
        desk,
        bot: None,
        running: false,
        began: Instant::now(),
        log: Vec::new(),
        wrong: Vec::new(),
        struck: BTreeMap::new(),
    };
    day.start();
    for (at, step) in &script.0 {
        day.wait_until(*at);
        day.step(step);
    }
    day.wait_until(END_S);
    let outcome = day.end();
    if let Some(folder) = std::env::var_os("SMOLBEAR_DAYS_DIR") {
        let folder = std::path::Path::new(&folder);
        std::fs::write(folder.join(format!("{seed}.log")), day.log.join("\n")).unwrap();
        std::fs::write(folder.join(format!("{seed}.record")), Record::read(&day.exchange).tail(i64::MAX, usize::MAX))
            .unwrap();
    }
    let until = outcome.seen.wrong.first().map_or(i64::MAX, |(at, _)| *at + 2_000);
    let broken = outcome.seen.wrong.iter().map(|(at, what)| format!("{at}: {what}"));
    let wrong: Vec<String> = broken.chain(std::mem::take(&mut day.wrong)).collect();
    if wrong.is_empty() {
        return Ok(outcome);
    }
    let record = Record::read(&day.exchange).tail(until, SHOWN);
    let log = day.log[day.log.len().saturating_sub(SHOWN)..].join("\n");
    Err(format!(
        "seed {seed}: {}\n\nscript:\n{script}\nthe log's end:\n{log}\n\nthe record until then:\n{record}\n",
        wrong.join("\n")
    ))
}

impl Day {
    fn count(&mut self, what: &str) {
        *self.struck.entry(what.to_owned()).or_default() += 1;
    }

    fn note(&self, what: &str) {
        self.exchange.post(&format!("/played/note?text={what}"));
    }

    fn start(&mut self) {
        self.note("started");
        self.running = false;
        let bot = self.desk.trade(&[]);
        self.machine.bot_is(bot.pid());
        self.bot = Some(bot);
    }

    fn take(&mut self, ended: &Ended) {
        self.log.extend(ended.lines.iter().map(|line| line.text.clone()));
        self.log.extend(ended.stderr.lines().map(|line| format!("stderr: {line}")));
        self.log.push(format!("--- ended: {:?}", ended.status));
    }

    /// Waits, and starts a bot again that has ended by itself, as its supervisor would.
    fn wait_until(&mut self, at_s: f64) {
        let until = self.began + Duration::from_secs_f64(at_s);
        while Instant::now() < until {
            if let Some(bot) = &mut self.bot
                && bot.child.try_wait().unwrap().is_some()
            {
                let ended = self.bot.take().unwrap().end();
                self.take(&ended);
                self.note("ended");
                if !matches!(ended.code(), Some(1 | 70)) {
                    self.wrong.push(format!("the bot has ended by itself with {:?}: {}", ended.code(), ended.stderr));
                }
                self.count("ended by itself");
                self.start();
            }
            self.note_running();
            thread::sleep(Duration::from_millis(20).min(until.saturating_duration_since(Instant::now())));
        }
    }

    /// Once its history is there, it decides.
    fn note_running(&mut self) {
        if !self.running && self.bot.as_mut().is_some_and(|bot| bot.has_said("✓ Guarding")) {
            self.running = true;
            self.note("running");
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Fault(fault) => drop(self.exchange.post(&format!("/played/next?fault={fault}"))),
            Step::Act(act) => drop(self.exchange.post(&format!("/played/do?act={act}"))),
            Step::Tidy => self.tidy(),
            Step::Kill(pause) => {
                let bot = self.bot.take().unwrap();
                bot.signal(Signal::KILL);
                self.note("killed");
                self.count("SIGKILL");
                let ended = bot.end();
                self.take(&ended);
                thread::sleep(Duration::from_secs_f64(*pause));
                self.start();
            }
            Step::Still(pause) => {
                self.note("stopped");
                self.signal(Signal::STOP);
                thread::sleep(Duration::from_secs_f64(*pause));
                // a shorter one is a stall, after which it goes on
                self.note(if *pause > 5.0 { "continued" } else { "awake" });
                self.signal(Signal::CONT);
                self.count(if *pause > 5.0 { "SIGSTOP, long" } else { "SIGSTOP, short" });
            }
            Step::Second => {
                let before: i64 = self.machine.lost().iter().map(|(_, lost)| lost).sum();
                let ended = self.desk.start(2, SPEED, &[]).end();
                let lost = self.machine.lost().iter().map(|(_, lost)| lost).sum::<i64>() - before;
                let stalled = Duration::from_millis(lost.unsigned_abs()) / SPEED.parse().unwrap();
                if ended.code() != Some(75) || ended.took > SECOND_ENDS + stalled {
                    let (code, took) = (ended.code(), ended.took);
                    self.wrong.push(format!("S9: the second bot ended with {code:?} after {took:?}: {}", ended.stderr));
                }
                self.count("second bot");
            }
        }
    }

    fn signal(&self, signal: Signal) {
        self.bot.as_ref().unwrap().signal(signal);
    }

    /// The account's owner takes back what was done by hand.
    fn tidy(&self) {
        let seen = observe(&Record::read(&self.exchange), Vec::new());
        for (order, symbol) in &seen.by_hand {
            self.exchange.ask("DELETE", &format!("/played/hand/fapi/v1/order?symbol={symbol}&orderId={order}"));
        }
        for (symbol, qty) in &seen.foreign {
            let side = if *qty > 0.0 { "SELL" } else { "BUY" };
            let order = format!("symbol={symbol}&side={side}&type=MARKET&reduceOnly=true&quantity={:.6}", qty.abs());
            let order = order.trim_end_matches('0').trim_end_matches('.').to_owned();
            self.exchange.ask("POST", &format!("/played/hand/fapi/v1/order?{order}"));
        }
    }

    /// The bot is stopped and closes what it holds; then everybody must say the same.
    fn end(&mut self) -> Outcome {
        self.signal(Signal::TERM);
        let bot = self.bot.take().unwrap();
        let ended = bot.end();
        self.take(&ended);
        self.note("ended");
        if ended.code() != Some(0) {
            self.wrong.push(format!("stopped, it ended with {:?}: {}", ended.code(), ended.stderr));
        }
        let record = Record::read(&self.exchange);
        let seen = observe(&record, self.machine.lost());
        self.compare(&record, &seen);
        self.is_alive(&seen);
        let mut struck: BTreeMap<String, u64> = serde_json::from_str(&self.exchange.get("/played/faults")).unwrap();
        for act in record.acts() {
            *struck.entry(format!("act {act}")).or_default() += 1;
        }
        struck.extend(std::mem::take(&mut self.struck));
        Outcome { trades: self.desk.booked().len(), seen, struck }
    }

    fn expect(&mut self, is_so: bool, what: impl FnOnce() -> String) {
        if !is_so {
            self.wrong.push(what());
        }
    }

    /// Whether it has traded in the calm.
    fn is_alive(&mut self, seen: &Seen) {
        let calm = super::record::OPENS + (CALM_S * SPEED.parse::<f64>().unwrap() * 1000.0) as i64;
        let again = seen.entered.iter().any(|at| *at > calm && *at < calm + WELL_AFTER_MS);
        self.expect(again, || format!("no entry in the calm after {calm}"));
    }

    /// Account, store and exchange.
    fn compare(&mut self, record: &Record, seen: &Seen) {
        let hand = |path: &str| -> Vec<Value> {
            serde_json::from_str(&self.exchange.get(&format!("/played/hand/fapi/{path}"))).unwrap()
        };
        let held: Vec<_> =
            hand("v2/positionRisk").into_iter().filter(|row| number(&row["positionAmt"]) != 0.0).collect();
        let waiting = [hand("v1/openOrders"), hand("v1/openAlgoOrders")].concat();
        self.expect(held.is_empty() && waiting.is_empty(), || format!("left at the exchange: {held:?} {waiting:?}"));
        let status = self.desk.status();
        let positions = &status["positions"];
        self.expect(positions == &Value::Array(Vec::new()), || format!("left in the store: {positions}"));
        let (balance, wallet) = (text(&status["account"]["balance"]).to_owned(), record.wallet());
        let same = balance.parse().is_ok_and(|balance: f64| (balance - wallet).abs() < 1e-6);
        self.expect(same, || format!("the balance is {balance}, and the exchange's {wallet}"));
        self.compare_trades(seen);
    }

    /// Each fill of ours that closed something is one trade; what others closed of ours is in the books with its quantity (S6).
    fn compare_trades(&mut self, seen: &Seen) {
        let mut booked: Vec<Closed> = self.desk.booked();
        let mut missing = Vec::new();
        for closed in &seen.closed {
            let is_it = |trade: &Closed| {
                (&trade.symbol, trade.price) == (&closed.0, closed.2) && (trade.qty - closed.1).abs() < 1e-9
            };
            match booked.iter().position(is_it) {
                Some(place) => drop(booked.remove(place)),
                None => missing.push(closed.clone()),
            }
        }
        self.expect(missing.is_empty(), || format!("S6: {missing:?} are not among the trades; left: {booked:?}"));
        let mut outside = seen.outside.clone();
        for trade in &booked {
            *outside.entry(trade.symbol.clone()).or_default() -= trade.qty;
        }
        outside.retain(|_, qty| qty.abs() > 1e-9);
        self.expect(outside.is_empty(), || {
            format!("S6: others closed {outside:?} more of ours than was booked: {booked:?}")
        });
    }
}
