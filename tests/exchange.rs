//! `bot exchange`: it says where it listens, answers there, and ends as it is told to.

use crate::common::{Running, bot, generate, run};
use rustix::process::Signal;
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
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
    ask(address, "GET", target, "", "")
}

fn ask(address: &str, method: &str, target: &str, headers: &str, body: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let length = body.len();
    let head =
        format!("{method} {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n");
    write!(socket, "{head}{headers}\r\n{body}").unwrap();
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

/// The key and the secret of an account, as the log tells them.
fn keys(running: &mut Running, account: u32) -> (String, String) {
    let line = running.wait_for(&format!("   Account {account}: key ")).text;
    let (key, secret) = line.split_once(": key ").and_then(|(_, rest)| rest.split_once(", secret ")).unwrap();
    (key.to_owned(), secret.split_once(',').unwrap().0.to_owned())
}

fn signature(secret: &str, text: &str) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    ring::hmac::sign(&key, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn accounts_trade_with_the_keys_that_are_shown_and_by_this_machines_clock() {
    let (mut running, address) = exchange(&["--now", "--accounts", "2", "--capital", "5000"]);
    let held = [1, 2].map(|account| keys(&mut running, account));
    let ours = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    let (before, theirs, after) = (ours(), time(&address), ours());
    assert!((before - 200..=after + 200).contains(&theirs), "{before} {theirs} {after}");
    for (place, (key, secret)) in held.iter().enumerate() {
        let key = format!("X-MBX-APIKEY: {key}\r\n");
        let signed = |query: &str, body: &str| {
            let stamp = format!("{query}{body}&timestamp={}", ours());
            let body = stamp.strip_prefix(query).unwrap();
            format!("{body}&signature={}", signature(secret, &stamp))
        };
        let order = "symbol=BTCUSDT&side=BUY";
        let body = signed(order, "type=MARKET&quantity=0.01&newOrderRespType=RESULT");
        let answer = ask(&address, "POST", &format!("/fapi/v1/order?{order}"), &key, &body);
        assert!(answer.contains(r#""status":"FILLED""#), "{place}: {answer}");
        let balance = ask(&address, "GET", &format!("/fapi/v3/balance?{}", signed("", "recvWindow=5000")), &key, "");
        assert!(balance.contains(r#""balance":"4999."#), "{place}: the fee is paid: {balance}");
        let other = ask(&address, "GET", &format!("/fapi/v3/balance?{}0", signed("", "recvWindow=5000")), &key, "");
        assert!(other.starts_with("HTTP/1.1 400 ") && other.contains("-1022"), "{place}: {other}");
        let listen = ask(&address, "POST", "/fapi/v1/listenKey", &key, "");
        assert!(listen.contains(r#""listenKey":""#), "{place}: {listen}");
    }
    running.signal(Signal::TERM);
    assert_eq!(running.end().code(), Some(0));
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
fn faults_are_listed_with_their_rates() {
    let ended = run(&["exchange", "--faults", "list"]);
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""));
    let line = "lost-answer     0.02 of requests about orders it is executed and never answered";
    assert_eq!(ended.with(line).count(), 1, "{}", ended.stdout());
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
        (&["--capital", "0"], "--capital"),
        (&["--key", "with space"], "--key: letters and digits, 1 to 256 of them"),
        (&["--secret", ""], "--secret: letters and digits"),
        (&["--accounts", "9"], "--accounts"),
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
