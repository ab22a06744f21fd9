//! Real orders: `bot --live` on an account of `bot exchange`, with an observer who reads the exchange's own record.

use super::{
    Played,
    desk::{CAPITAL, Desk, SPEED},
    machine::Machine,
    observer::{Seen, observe},
    record::{Record, number},
};
use crate::common::Ended;
use rustix::process::Signal;
use serde_json::Value;
use std::{collections::BTreeMap, thread, time::Duration};

/// Nothing is held or waits at the exchange any more, and all that traded was booked.
fn assert_settled(desk: &Desk, (exchange, machine): (&Played, &Machine), ended: &Ended) -> Seen {
    let hand = |path: &str| -> Vec<Value> {
        let body = exchange.get(&format!("/played/hand/fapi/{path}"));
        serde_json::from_str(&body).unwrap()
    };
    let held: Vec<_> = hand("v2/positionRisk").into_iter().filter(|row| number(&row["positionAmt"]) != 0.0).collect();
    let waiting = [hand("v1/openOrders"), hand("v1/openAlgoOrders")].concat();
    assert!(held.is_empty() && waiting.is_empty(), "{held:?} {waiting:?}\n{}", ended.stdout());
    let record = Record::read(exchange);
    let closing = record.of("fill").filter(|fill| fill["reduce_only"] == true).count();
    assert_eq!(desk.booked().len(), closing, "each part that was closed is a trade (S6)\n{}", ended.stdout());
    let wallet = record.wallet();
    let said =
        ended.lines.iter().rev().find_map(|line| line.text.split_once("Balance: ").map(|(_, rest)| rest.to_owned()));
    let said = said.unwrap_or_else(|| panic!("no balance in the summary:\n{}", ended.stdout()));
    let balance: f64 = said.split(' ').next().unwrap().replace(',', "").parse().unwrap();
    assert!((balance - wallet).abs() < 0.02, "the bot says {balance}, the exchange {wallet}");
    let seen = observe(&record, machine.lost());
    assert!(seen.wrong.is_empty(), "{:?}\n{}", seen.wrong, ended.stdout());
    seen
}

#[test]
fn an_account_of_the_exchange_is_traded_covered_and_closed() {
    let exchange = Played::open(&["--speed", SPEED, "--capital", CAPITAL]);
    let (desk, machine) = (Desk::new(&exchange), Machine::watch(&exchange));
    let running = desk.trade(&["--duration", "20"]);
    machine.bot_is(running.pid());
    let ended = running.end();
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout());
    let seen = assert_settled(&desk, (&exchange, &machine), &ended);
    let (entries, bare) = (ended.with("[ENTRY]").count(), seen.longest_bare_ms);
    println!("{entries} entries, at most {bare} ms without a stop");
    assert!(entries >= 5 && entries == seen.entries, "{}", ended.stdout());
    // at the first close it may not have read everything yet; after that nothing here is in doubt
    let unproven = ended.with("not taken: account unproven").count();
    assert!(unproven <= 3, "{unproven} signals were lost:\n{}", ended.stdout());
}

#[test]
fn whatever_happens_to_requests_and_to_the_process_the_account_is_known_again() {
    let orders = "lost-request=0.05,lost-answer=0.08,late-request=0.03,late-answer=0.05,503-done=0.05,503-failed=0.03,timeout=0.05,\
                  overload=0.03,clock=0.03,parts=0.3,half=0.05,refused-stop=0.05,vanished-stop=0.5,key-expired=0.5,doubled=0.05,reordered=0.05,\
                  until=220";
    let exchange = Played::open(&["--speed", SPEED, "--capital", CAPITAL, "--faults", orders]);
    let (desk, machine) = (Desk::new(&exchange), Machine::watch(&exchange));
    let first = desk.trade(&[]);
    machine.bot_is(first.pid());
    thread::sleep(Duration::from_secs(9));
    first.signal(Signal::KILL);
    exchange.post("/played/note?text=killed");
    let killed = first.end();
    exchange.post("/played/note?text=started");
    let mut second = desk.trade(&["--duration", "26"]);
    machine.bot_is(second.pid());
    second.wait_for("✓ Guarding");
    exchange.post("/played/note?text=running");
    let ended = second.end();
    assert_eq!(ended.code(), Some(0), "{}\n{}", ended.stderr, ended.stdout());
    let seen = assert_settled(&desk, (&exchange, &machine), &ended);
    let struck: BTreeMap<String, u64> = serde_json::from_str(&exchange.get("/played/faults")).unwrap();
    let struck: Vec<_> = struck.into_iter().filter(|(_, count)| *count > 0).collect();
    let entries = killed.with("[ENTRY]").count() + ended.with("[ENTRY]").count();
    println!("{entries} entries; at most {} ms without a stop; {struck:?}", seen.longest_bare_ms);
    assert!(entries >= 3 && struck.len() >= 6, "{entries} entries, {struck:?}\n{}", ended.stdout());
}
