//! The beginning and the end of a run on an exchange's prices, and the subcommands that ask an exchange.

use super::{Place, Played, assert_clean, course::Course, eager, health};
use crate::common::LIMIT;
use rustix::process::Signal;
use std::{
    fs,
    net::TcpListener,
    thread,
    time::{Duration, Instant},
};

/// For a run in which nothing may go wrong: the gateway's 5 s are more than a second, which no machine takes for itself.
const SLOW: &str = "4";

#[test]
fn it_starts_with_history_and_streams_and_ends_when_its_time_is_over() {
    let exchange = Played::open(&["--speed", SLOW]);
    let place = Place::new(&exchange.address, "");
    let ended = place.trade(SLOW, &["--duration", "5"]).end();
    assert_clean(&ended);
    for said in [
        &format!("Market: Binance USD-M, local (http://{})", exchange.address),
        "Exchange clock: ",
        "✓ Stream /public/stream: data comes",
        "✓ Stream /market/stream: data comes",
        "✓ History: ",
        "🔄 Processing 3 symbols: ['BTC/USDT:USDT', 'ETH/USDT:USDT', 'SOL/USDT:USDT']",
    ] {
        assert!(ended.with(said).next().is_some(), "{said} is not in\n{}", ended.stdout());
    }
    assert_eq!(health(&ended), "healthy", "{}", ended.stdout());
    assert_eq!(ended.with("WARNING").count() + ended.with("ERROR").count(), 0, "{}", ended.stdout());
    assert!(ended.took >= Duration::from_secs(5), "{:?}", ended.took);
    assert!(
        ended.last().starts_with("Stopped cleanly after 5.") && ended.last().contains("(duration reached)"),
        "{}",
        ended.last()
    );
}

#[test]
fn a_bot_that_finds_no_exchange_says_so_and_trades_once_there_is_one() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let place = Place::new(&free, &eager("1m", 99));
    let mut running = place.trade("20", &["--symbols", "BTCUSDT"]);
    running.wait_for("no answer to time: Connection refused");
    running.wait_for("Status: healthy"); // it lives
    thread::sleep(Duration::from_secs(2));
    let exchange = Played::open_at(&free, &["--speed", "20", "--symbols", "BTCUSDT"]);
    running.wait_for("🔄 Processing 1 symbols");
    running.wait_for("[ENTRY]");
    running.wait_for("[ENTRY]");
    running.signal(Signal::TERM);
    let ended = running.end();
    assert_clean(&ended);
    assert!(Course::read(&place).assert_equals(&exchange) >= 2);
}

#[test]
fn a_name_that_nobody_knows_is_asked_for_again_until_the_bot_is_stopped() {
    let place = Place::new("no-such-exchange.invalid:1", "");
    let text = fs::read_to_string(place.path().join("bot.toml")).unwrap();
    let text = text.replace("http:", "https:").replace("ws:", "wss:"); // what is not of this machine must be encrypted
    fs::write(place.path().join("bot.toml"), text).unwrap();
    let mut running = place.trade("20", &[]);
    running.wait_for("Exchange: no answer to time: ");
    running.wait_for("Exchange: no answer to time: ");
    let asked = Instant::now();
    running.signal(Signal::TERM);
    let ended = running.end();
    assert_clean(&ended);
    assert!(ended.at - asked < Duration::from_secs(1), "{:?}", ended.at - asked);
    assert!(ended.with("no-such-exchange.invalid").count() > 0, "{}", ended.stdout());
}

#[test]
fn a_run_without_any_symbol_that_is_traded_ends_and_says_why() {
    let exchange = Played::open(&["--speed", SLOW, "--symbols", "BTCUSDT"]);
    for (symbols, code, why) in [
        (
            "XRPUSDT,DOGEUSDT",
            2,
            "bot: the exchange trades none of the symbols: XRP/USDT:USDT: the exchange does not list it; \
             DOGE/USDT:USDT: the exchange does not list it\n",
        ),
        ("BTCUSDT,XRPUSDT", 0, ""),
    ] {
        let place = Place::new(&exchange.address, "");
        let ended = place.trade(SLOW, &["--symbols", symbols, "--duration", "3"]).end();
        assert_eq!((ended.code(), ended.stderr.as_str()), (Some(code), why), "{}", ended.stdout());
        assert!(ended.with("XRP/USDT:USDT is not traded: the exchange does not list it").next().is_some());
    }
}

#[test]
fn streams_that_say_nothing_for_ten_minutes_end_the_bot_while_requests_are_answered() {
    let exchange = Played::open(&["--speed", "60", "--symbols", "BTCUSDT", "--faults", "silent=1"]);
    let place = Place::new(&exchange.address, "");
    let ended = place.trade("60", &["--symbols", "BTCUSDT"]).end();
    let why = "bot: the exchange's streams have been silent for ten minutes, while it answers requests: ended to begin anew\n";
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(70), why), "{}", ended.stdout());
    assert!(ended.took >= Duration::from_secs(10), "{:?}", ended.took);
    assert!(ended.with("🔄 Processing 1 symbols").next().is_some(), "{}", ended.stdout());
}

#[test]
fn checks_pass_and_what_is_fetched_can_be_replayed() {
    let exchange = Played::open(&["--speed", "20"]);
    let place = Place::new(&exchange.address, "");
    let ended = place.run(&["doctor", "--network", "local", "--config", "bot.toml", "--data-dir", "d"]).end();
    assert_clean(&ended);
    let common = [
        "✓ name: 127.0.0.1 is 127.0.0.1",
        "✓ requests: http://127.0.0.1:",
        "✓ clock: the exchange's own, at 2025-01-01 00:0",
        "✓ limits: ",
        "✓ prices: mark prices of 3 of 3 symbols",
        "✓ BTC/USDT:USDT: traded",
        "✓ candles of SOL/USDT:USDT: ",
        "✓ funding rates: ",
        "✓ stream /public/stream: connected after ",
        "✓ stream /market/stream: connected after ",
        "✓ data directory: a new account in ",
    ];
    for line in common.into_iter().chain(["✓ configuration: Binance USD-M, local: ", "All checks passed"]) {
        assert!(ended.with(line).next().is_some(), "doctor: {line} is not in\n{}", ended.stdout());
    }
    let ended = place.trade("20", &["--dry-run"]).end();
    assert_clean(&ended);
    for line in common.into_iter().chain(["✓ strategies: ", "DRY RUN: ", "CONFIGURATION SUMMARY"]) {
        assert!(ended.with(line).next().is_some(), "dry run: {line} is not in\n{}", ended.stdout());
    }
    assert_eq!(ended.with("✗").count(), 0);
    assert!(!place.account().join("smolbear.db").exists(), "a dry run leaves nothing");

    let wish = ["download", "BTCUSDT", "1m", "--from", "2024-12-31T16:00", "--to", "2025-01-01", "--network", "local"];
    let got = place.run(&[&wish[..], &["--config", "bot.toml", "--out", "BTCUSDT-1m.csv"]].concat()).end();
    assert_eq!(got.code(), Some(0), "{}{}", got.stdout(), got.stderr);
    assert_eq!(fs::read_to_string(place.path().join("BTCUSDT-1m.csv")).unwrap().lines().count(), 1 + 480);
    let played = place.run(&["--paper", "--replay", "BTCUSDT-1m.csv", "--speed", "max"]).end();
    assert_eq!(played.code(), Some(0), "{}{}", played.stdout(), played.stderr);
    assert!(played.took < LIMIT && played.stdout().contains("🔄 Processing 1 symbols"), "{}", played.stdout());
}
