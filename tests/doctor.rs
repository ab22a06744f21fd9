//! `bot doctor` against an exchange on this machine: what passes, and the words of each check that fails.

use crate::{
    common::{Ended, Running, bot},
    venue::{Book, Venue, raw},
};
use std::fs;
use tempfile::TempDir;

fn doctor(venue: &Venue, more: &str, line: &str) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let config = venue.config(folder.path());
    fs::write(&config, fs::read_to_string(&config).unwrap() + more).unwrap();
    examined(&folder, config.to_str().unwrap(), line)
}

fn examined(folder: &TempDir, config: &str, line: &str) -> Ended {
    let mut args = vec!["doctor", "--config", config];
    args.extend(line.split_whitespace());
    Running::start(bot(&args).current_dir(folder.path())).end()
}

/// What each line that fails says.
fn failures(ended: &Ended) -> Vec<&str> {
    let lines = ended.lines.iter().map(|line| line.message());
    lines.filter_map(|line| Some(line.split_once("✗ ")?.1)).collect()
}

#[test]
fn a_good_exchange_passes_every_check() {
    let venue = Venue::open(Book::default());
    let ended = doctor(&venue, "", "--symbols BTCUSDT");
    assert_eq!(ended.code(), Some(0), "{}{}", ended.stdout(), ended.stderr);
    for line in [
        "✓ configuration: Binance USD-M, mainnet: http://127.0.0.1:",
        "✓ name: 127.0.0.1 is 127.0.0.1 (",
        "✓ requests: http://127.0.0.1:",
        "✓ clock: ours is ",
        "✓ limits: 7 of 2400 request weight used in this minute; 1 markets listed",
        "✓ prices: mark prices of 1 of 1 symbols",
        "✓ BTC/USDT:USDT: traded; tick 0.1, step 0.001, orders from 100 USDT; 1000 USDT are enough",
        "✓ candles of BTC/USDT:USDT: 498 of 1m, the newest ",
        "498 of 30m, 498 of 1h, 498 of 4h",
        "✓ funding rates: BTC/USDT:USDT 0.0100 % at ",
        "✓ stream /public/stream: connected after ",
        "✓ stream /market/stream: connected after ",
        "✓ data directory: a new account in ",
        "All checks passed",
    ] {
        assert!(ended.with(line).next().is_some(), "{line} is not in\n{}", ended.stdout());
    }
    let timed = ended.with("✓").all(|line| line.text.ends_with(" ms)"));
    assert!(timed, "{}", ended.stdout());
}

/// Each with the words of its one failure.
#[test]
fn what_fails_says_what_to_do_and_stops_nothing_else() {
    let quiet: &[&str] = &["/market/stream"];
    for (book, line, want) in [
        (Book { ahead: 3050, ..Book::default() }, "", "clock: ours is 30"),
        (Book { ahead: -3000, ..Book::default() }, "", "clock: ours is "),
        (
            Book::default(),
            "--capital 20",
            "BTC/USDT:USDT: traded; tick 0.1, step 0.001, orders from 100 USDT; with 20 USDT it can't be traded: the smallest order costs 1",
        ),
        (
            Book { symbols: &["BTCUSDT", "XRPUSDT"], ..Book::default() },
            "--symbols BTCUSDT,NEARUSDT",
            "NEAR/USDT:USDT: the exchange knows no perpetual NEARUSDT; leave it out of --symbols",
        ),
        (
            Book { missing: |at| at > 1_700_000_000_000, ..Book::default() },
            "",
            "candles of BTC/USDT:USDT: there is no finished 1m candle",
        ),
        (
            Book { weight_used: 2399, ..Book::default() },
            "",
            "limits: 2399 of 2400 of this minute's request weight is used up already; is another program",
        ),
        (Book { silent: quiet, ..Book::default() }, "", "stream /market/stream: ws://127.0.0.1:"),
    ] {
        let (stingy, silent) = (book.weight_used > 2000, !book.silent.is_empty());
        let venue = Venue::open(book);
        let ended = doctor(
            &venue,
            "",
            if line.contains("--symbols") { line.to_owned() } else { format!("--symbols BTCUSDT {line}") }.as_str(),
        );
        let failures = failures(&ended);
        assert_eq!(ended.code(), Some(1), "{}", ended.stdout());
        assert!(failures[0].starts_with(want), "{want} is not in\n{}", ended.stdout());
        assert!(failures.len() == 1 || stingy, "{failures:?}");
        assert!(!silent || failures[0].contains("is connected and silent for 10 s"), "{failures:?}");
        assert!(ended.with("✓ data directory").next().is_some(), "{}", ended.stdout());
        assert!(ended.stderr.contains("failed, the log says what to do about each"), "{}", ended.stderr);
    }
}

#[test]
fn a_place_where_nobody_is_says_so_for_each_way() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("bot.toml");
    // a port that was free a moment ago
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let text = format!("[exchange]\nrest_url = \"http://127.0.0.1:{port}\"\nws_url = \"wss://nowhere.invalid\"\n");
    fs::write(&config, text).unwrap();
    let ended = examined(&folder, config.to_str().unwrap(), "");
    assert_eq!(ended.code(), Some(1), "{}", ended.stdout());
    let failures = failures(&ended);
    for (failure, want) in failures.iter().zip([
        ["name: nowhere.invalid: ", "is the network up"],
        ["requests: http://127.0.0.1:", "look at the firewall, at exchange.rest_url"],
        ["stream /public/stream: wss://nowhere.invalid", "look at the firewall, at exchange.ws_url"],
        ["stream /market/stream: wss://nowhere.invalid", "look at the firewall, at exchange.ws_url"],
    ]) {
        assert!(failure.starts_with(want[0]) && failure.contains(want[1]), "{failure}");
    }
    assert_eq!(failures.len(), 4, "{failures:?}");
    assert!(ended.with("not checked, since nothing answers").next().is_some());
}

#[test]
fn a_wrong_configuration_is_named_before_any_check() {
    let venue = Venue::open(Book::default());
    for (more, line, want) in [
        ("ca_file = \"/nowhere.pem\"\n", "", "/nowhere.pem"),
        ("", "--network moon", "--network is \"moon\""),
        ("", "--capital none", "--capital"),
        ("proxi = 1\n", "", "proxi"),
    ] {
        let ended = doctor(&venue, more, line);
        let code = if more.starts_with("ca_file") { 1 } else { 2 };
        assert_eq!(ended.code(), Some(code), "{}{}", ended.stdout(), ended.stderr);
        assert!(
            ended.stderr.contains(want) || ended.stdout().contains(want),
            "{want}: {}{}",
            ended.stdout(),
            ended.stderr
        );
    }
}

#[test]
fn an_exchange_that_shuts_us_out_is_told_from_one_that_is_not_there() {
    let venue = Venue::open(Book { plan: Box::new(|_, _| Some(raw(451, "", "no"))), ..Book::default() });
    let ended = doctor(&venue, "", "--symbols BTCUSDT");
    assert_eq!((ended.code(), failures(&ended).len()), (Some(1), 1), "{}", ended.stdout());
    assert!(failures(&ended)[0].contains("HTTP 451: no: the exchange shuts this place out"), "{}", ended.stdout());
}
