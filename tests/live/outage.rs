//! An exchange that is not there for a while: the bot says so, asks now and then, and does not grow.

use super::{Place, Played, assert_clean, course::Course, eager, health};
use crate::common::{Running, proc_status};
use rustix::process::Signal;
use std::{
    net::TcpListener,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Ten minutes a second: then the ten that streams may be silent, before there is an outage at all, are enough for a slow machine's start.
const FAST: &str = "600";
/// Six hours of it.
const SIX_HOURS: Duration = Duration::from_secs(36);
/// A question and two streams, each tried again after half a minute at the least, once the pauses have grown; and what came before that.
const MOST_ATTEMPTS: u64 = 3 * (6 * 3600 / 30) + 100;
/// The same with pauses of a minute, and half of it for a machine that is busy.
const FEWEST_ATTEMPTS: u64 = 3 * (6 * 3600 / 60) / 2;
/// Lines of the log: a word a minute about each of the three at most, and as many again for what is behind them; an hour has 60.
const MOST_LINES: usize = 6 * 60 * 6 + 100;
/// What an allocator may hold back in addition.
const GROWTH_KB: u64 = 1_024;

#[test]
fn six_hours_without_an_exchange_cost_neither_memory_nor_many_attempts() {
    let exchange = Played::open(&["--speed", FAST, "--symbols", "BTCUSDT"]);
    let place = Place::new(&exchange.address, "");
    let mut running = place.trade(FAST, &["--symbols", "BTCUSDT"]);
    running.wait_for("🔄 Processing");
    let address = exchange.address.clone();
    drop(exchange);
    let (attempts, began) = (AtomicU64::new(0), Instant::now());
    // in its place somebody who hangs up at once, and counts
    let listener = TcpListener::bind(&address).unwrap();
    listener.set_nonblocking(true).unwrap();
    let memory_after = |time| {
        while began.elapsed() < time {
            while listener.accept().is_ok() {
                attempts.fetch_add(1, Ordering::Relaxed);
            }
            thread::sleep(Duration::from_millis(1));
        }
        proc_status(running.pid(), "VmRSS")
    };
    let (before, after) = (memory_after(SIX_HOURS / 6), memory_after(SIX_HOURS));
    running.signal(Signal::TERM);
    let ended = running.end();
    assert_clean(&ended);
    let (before, after) = (before.unwrap(), after.unwrap());
    let (attempts, lines) = (attempts.into_inner(), ended.lines.len());
    println!("{attempts} attempts, {lines} lines, {before} kB after an hour, {after} kB after six");
    assert!(health(&ended).starts_with("degraded (BTC/USDT:USDT: data "), "{}", health(&ended));
    assert!((FEWEST_ATTEMPTS..=MOST_ATTEMPTS).contains(&attempts), "{attempts} attempts");
    assert!(lines < MOST_LINES, "{lines} lines");
    assert!(after <= before + GROWTH_KB, "{before} kB grew to {after} kB");
}

/// Waits for a change of health to something with these words; how long it took.
fn health_becomes(running: &mut Running, words: &str) -> Duration {
    let began = Instant::now();
    while !running.wait_for("Health: ").text.contains(words) {}
    began.elapsed()
}

#[test]
fn an_exchange_that_falls_silent_is_noticed_and_what_was_missed_is_fetched() {
    let exchange = Played::open(&["--speed", "20", "--symbols", "BTCUSDT"]);
    let place = Place::new(&exchange.address, &eager("1m", 99));
    let mut running = place.trade("20", &["--symbols", "BTCUSDT"]);
    running.wait_for("[ENTRY]");
    exchange.running.signal(Signal::STOP); // its sockets stay open
    let noticed = health_becomes(&mut running, "→ degraded (BTC/USDT:USDT: data ");
    assert!(noticed < Duration::from_secs(30), "{noticed:?}");
    thread::sleep(Duration::from_secs(1));
    exchange.running.signal(Signal::CONT);
    health_becomes(&mut running, "→ healthy");
    running.wait_for("[ENTRY]");
    running.signal(Signal::TERM);
    let ended = running.end();
    assert_clean(&ended);
    assert!(Course::read(&place).assert_equals(&exchange) >= 3);
}
