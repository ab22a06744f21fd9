//! `bot exchange`: it says where it listens, answers there, and ends as it is told to.

use crate::common::{Running, bot, generate, run};
use rustix::process::Signal;
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

/// Starts an exchange at a free port; where it listens.
fn exchange(args: &[&str]) -> (Running, String) {
    let mut running = Running::start(bot(&["exchange", "--listen", "127.0.0.1:0"]).args(args));
    let line = running.wait_for("Listening on http://").text;
    let address = line.strip_prefix("Listening on http://").and_then(|rest| rest.split_once(" and ws://"));
    let (http, ws) = address.unwrap_or_else(|| panic!("{line}"));
    assert_eq!(http, ws);
    assert_eq!(running.seen.len(), 1, "the first line says it");
    (running, http.to_owned())
}

fn get(address: &str, target: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(socket, "GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    text
}

/// The exchange's time, in milliseconds.
fn time(address: &str) -> i64 {
    let answer = get(address, "/fapi/v1/time");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let digits = answer.rsplit_once(r#""serverTime":"#).unwrap().1;
    digits.trim_end_matches(|c: char| !c.is_ascii_digit()).parse().unwrap()
}

#[test]
fn it_says_where_it_listens_shows_the_markets_time_and_ends_on_a_signal() {
    const OPENS: i64 = 1_735_689_600_000; // 2025-01-01
    for signal in [Signal::TERM, Signal::INT] {
        let (running, address) = exchange(&["--seed", "1", "--speed", "60"]);
        let first = time(&address);
        let second = time(&address);
        assert!(first >= OPENS && second > first, "{first} {second}");
        assert!(get(&address, "/nowhere").starts_with("HTTP/1.1 404 "));
        let _open = TcpStream::connect(&address).unwrap();
        let asked = Instant::now();
        running.signal(signal);
        let ended = running.end();
        assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout());
        assert!(ended.at - asked < Duration::from_millis(500), "{:?}", ended.at - asked);
        assert_eq!(ended.last(), "Closed cleanly");
        assert!(ended.stdout().contains(&format!("rest_url = \"http://{address}\"")), "{}", ended.stdout());
    }
}

#[test]
fn recorded_candles_have_an_end_and_the_exchange_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = generate(folder.path(), "BTCUSDT-1m.csv", &["--days", "1"]);
    let (running, address) = exchange(&["--replay", &file, "--start", "2025-01-01T23:50", "--speed", "6000"]);
    assert!(time(&address) >= 1_735_775_400_000);
    let ended = running.end();
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout());
    for said in
        ["   Opens at 2025-01-01 23:50 UTC", "The recorded candles are over", "Stopping: the recorded candles are over"]
    {
        assert_eq!(ended.with(said).count(), 1, "{said}: {}", ended.stdout());
    }
}

#[test]
fn what_is_wrong_is_told_with_exit_code_2() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let coarse = generate(folder.path(), "BTCUSDT-5m.csv", &["--days", "1", "--timeframe", "5m"]);
    for (args, want) in [
        (&["--listen", &taken][..], "Address already in use"),
        (&["--listen", "0.0.0.0:0"], "--listen 0.0.0.0:0: an exchange without passwords is for this machine only"),
        (&["--listen", "[::]:0"], "for this machine only"),
        (&["--speed", "max"], "--speed max: bots measure time by an exchange"),
        (&["--speed", "-1"], "--speed"),
        (&["--seed", "x"], "--seed"),
        (&["--symbols", "NOSUCHUSDT"], "NOSUCH/USDT:USDT"),
        (&["--start", "soon"], "--start: `soon` is no time"),
        (&["--start", "2020-01-01"], "the first 1m candle after it is of 2024-12-31 15:40 UTC"),
        (&["--replay", "nothing-1m.csv"], "nothing-1m.csv"),
        (&["--replay", &coarse], "an exchange is played from 1m candles, and --replay has none"),
        (&["--loop"], "--replay <FILE>..."),
    ] {
        let ended = run(&[&["exchange"], args].concat());
        assert_eq!((ended.code(), ended.stdout().as_str()), (Some(2), ""), "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(want), "{args:?}: {}", ended.stderr);
    }
}
