//! Real orders: `bot --live` on an account of `bot exchange`, with an observer who reads the exchange's own record.

use super::{Played, desk::Desk, eager};
use crate::common::Ended;
use rustix::process::Signal;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::Duration,
};

/// Ten seconds of the market each second, so that its 5 s without a stop are half a second of a busy machine's.
const SPEED: &str = "10";
/// A position has been without a stop of its size for no longer than this, in ms of the market: 5 s (S2), and what two busy cores make of them.
const BARE_MS: i64 = 30_000;

/// What the exchange has written down.
#[derive(Debug)]
pub(super) struct Record(Vec<Value>);

impl Record {
    pub(super) fn read(exchange: &Played) -> Self {
        let mut rows: Vec<Value> = Vec::new();
        loop {
            let body = exchange.get(&format!("/played/record?from={}", rows.len()));
            let more: Vec<Value> = serde_json::from_str(&body).unwrap();
            if more.is_empty() {
                return Self(rows);
            }
            rows.extend(more);
        }
    }

    pub(super) fn of<'a>(&'a self, what: &'a str) -> impl Iterator<Item = &'a Value> {
        self.0.iter().filter(move |row| row["what"] == what)
    }

    /// The longest time for which a position had no stop of its size, in ms of the market (S2); and that no exit has ever opened or turned one (S3).
    fn longest_bare_ms(&self) -> i64 {
        let mut held: BTreeMap<String, f64> = BTreeMap::new();
        let mut stops: BTreeMap<String, BTreeMap<u64, f64>> = BTreeMap::new();
        let mut bare: BTreeMap<String, i64> = BTreeMap::new();
        let mut longest = 0;
        for row in &self.0 {
            let (at, symbol) = (row["at"].as_i64().unwrap(), row["symbol"].as_str().unwrap().to_owned());
            match row["what"].as_str().unwrap() {
                "position" => {
                    held.insert(symbol.clone(), number(&row["qty"]));
                }
                "order" if row["algo"] == true && row["kind"] == "STOP_MARKET" => {
                    let sign = if row["side"] == "BUY" { 1.0 } else { -1.0 };
                    let stops = stops.entry(symbol.clone()).or_default();
                    let id = row["id"].as_u64().unwrap();
                    if row["status"] == "NEW" {
                        stops.insert(id, sign * number(&row["qty"]));
                    } else {
                        stops.remove(&id);
                    }
                }
                _ => continue,
            }
            let qty = held.get(&symbol).copied().unwrap_or_default();
            let covers = |stop: &f64| -stop * qty.signum() >= qty.abs() - 1e-9;
            let is_covered = qty == 0.0 || stops.get(&symbol).is_some_and(|stops| stops.values().any(covers));
            if is_covered {
                longest = longest.max(bare.remove(&symbol).map_or(0, |since| at - since));
            } else {
                bare.entry(symbol).or_insert(at);
            }
        }
        assert!(bare.is_empty(), "without a stop at the end: {bare:?}");
        longest
    }

    /// Each name that we gave was one order (S1), and no exit has opened anything (S3).
    fn assert_lawful(&self) {
        let mut names = BTreeSet::new();
        let mut held: BTreeMap<&str, f64> = BTreeMap::new();
        let mut before: BTreeMap<&str, f64> = BTreeMap::new();
        for row in &self.0 {
            let symbol = row["symbol"].as_str().unwrap();
            match row["what"].as_str().unwrap() {
                "order" if row["status"] == "NEW" && row["algo"] == false && row["by"] == "key" => {
                    let name = row["client_id"].as_str().unwrap();
                    assert!(names.insert(name), "{name} was placed twice");
                }
                "position" => {
                    before.insert(symbol, held.insert(symbol, number(&row["qty"])).unwrap_or_default());
                }
                "fill" if row["reduce_only"] == true => {
                    let sign = if row["side"] == "BUY" { 1.0 } else { -1.0 };
                    let now = held.get(symbol).copied().unwrap_or_default();
                    assert!(now * sign <= 1e-9, "an exit has opened {now} of {symbol}: {row}");
                }
                _ => {}
            }
        }
    }
}

fn number(value: &Value) -> f64 {
    value.as_str().map_or_else(|| value.as_f64().unwrap(), |text| text.parse().unwrap())
}

/// Nothing is held or waits at the exchange any more, and all that traded was booked.
fn assert_settled(desk: &Desk, exchange: &Played, ended: &Ended) -> Record {
    let hand = |path: &str| -> Vec<Value> {
        let body = exchange.get(&format!("/played/hand/fapi/{path}"));
        serde_json::from_str(&body).unwrap()
    };
    let held: Vec<_> = hand("v2/positionRisk").into_iter().filter(|row| number(&row["positionAmt"]) != 0.0).collect();
    let waiting = [hand("v1/openOrders"), hand("v1/openAlgoOrders")].concat();
    assert!(held.is_empty() && waiting.is_empty(), "{held:?} {waiting:?}\n{}", ended.stdout());
    let record = Record::read(exchange);
    let closing = record.of("fill").filter(|fill| fill["reduce_only"] == true).count();
    assert_eq!(desk.booked(), closing, "each part that was closed is a trade (S6)\n{}", ended.stdout());
    let wallet = number(&record.of("balance").last().unwrap()["wallet"]);
    let said =
        ended.lines.iter().rev().find_map(|line| line.text.split_once("Balance: ").map(|(_, rest)| rest.to_owned()));
    let said = said.unwrap_or_else(|| panic!("no balance in the summary:\n{}", ended.stdout()));
    let balance: f64 = said.split(' ').next().unwrap().replace(',', "").parse().unwrap();
    assert!((balance - wallet).abs() < 0.02, "the bot says {balance}, the exchange {wallet}");
    record.assert_lawful();
    record
}

#[test]
fn an_account_of_the_exchange_is_traded_covered_and_closed() {
    let exchange = Played::open(&["--speed", SPEED, "--capital", "100000"]);
    let desk = Desk::new(&exchange, &eager("1m", 99));
    let ended = desk.trade(SPEED, &["--duration", "30"]).end();
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout());
    let record = assert_settled(&desk, &exchange, &ended);
    let (entries, bare) = (ended.with("[ENTRY]").count(), record.longest_bare_ms());
    println!("{entries} entries, at most {bare} ms without a stop");
    assert!(entries >= 6, "{}", ended.stdout());
    assert!(bare <= BARE_MS, "{bare} ms without a stop");
}

#[test]
fn whatever_happens_to_requests_and_to_the_process_the_account_is_known_again() {
    let orders = "lost-request=0.05,lost-answer=0.08,late-request=0.03,late-answer=0.05,503-done=0.05,503-failed=0.03,timeout=0.05,\
                  overload=0.03,clock=0.03,parts=0.3,half=0.05,refused-stop=0.05,vanished-stop=0.5,key-expired=0.5,doubled=0.05,reordered=0.05,\
                  until=400";
    let exchange = Played::open(&["--speed", SPEED, "--capital", "100000", "--faults", orders]);
    let desk = Desk::new(&exchange, &eager("1m", 99));
    let first = desk.trade(SPEED, &[]);
    thread::sleep(Duration::from_secs(14));
    first.signal(Signal::KILL);
    let killed = first.end();
    let ended = desk.trade(SPEED, &["--duration", "45"]).end();
    assert_eq!(ended.code(), Some(0), "{}\n{}", ended.stderr, ended.stdout());
    let record = assert_settled(&desk, &exchange, &ended);
    let struck: BTreeMap<String, u64> = serde_json::from_str(&exchange.get("/played/faults")).unwrap();
    let struck: Vec<_> = struck.into_iter().filter(|(_, count)| *count > 0).collect();
    let entries = killed.with("[ENTRY]").count() + ended.with("[ENTRY]").count();
    println!("{entries} entries; at most {} ms without a stop; {struck:?}", record.longest_bare_ms());
    assert!(entries >= 4 && struck.len() >= 6, "{entries} entries, {struck:?}\n{}", ended.stdout());
}
