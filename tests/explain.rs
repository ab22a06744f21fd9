//! `bot explain` says what the run did at that moment, from files and from a journal alike; `bot indicators` prints what strategies see.

use crate::{
    common::{Ended, bot, generate, run},
    emergency::write_ruin,
};
use serde_json::Value;
use std::{collections::BTreeMap, fs, io::Read, path::Path, process::Stdio};

const DAY_MS: i64 = 86_400_000;
const HALF_HOUR_MS: i64 = 1_800_000;
/// 2025-01-01 00:00 UTC, where made-up candles begin.
const BEGIN_MS: i64 = 1_735_689_600_000;
/// Half-hours of the explained run.
const CLOSES: i64 = 6 * 48;

fn utc(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).unwrap().strftime("%Y-%m-%dT%H:%M").to_string()
}

fn candles(folder: &Path) -> String {
    generate(folder, "BTCUSDT-5m.csv", &["--timeframe", "5m", "--days", "6", "--seed", "3"])
}

fn explained(args: &[&str]) -> Value {
    let ended = run(&[&["explain", "--json"], args].concat());
    assert_eq!(ended.code(), Some(0), "{args:?}: {}", ended.stderr);
    serde_json::from_str(&ended.stdout()).unwrap()
}

/// The decisions of each strategy on the only symbol.
fn strategies(report: &Value) -> &[Value] {
    report["symbols"][0]["strategies"].as_array().unwrap()
}

/// `9 taken, 40 position open` of the exit summary, by name.
fn summary(run: &Ended) -> BTreeMap<String, u64> {
    let line = run.with(" signals: ").next().unwrap_or_else(|| panic!("no summary in {}", run.stdout()));
    let counts = line.text.split(" signals: ").nth(1).unwrap().split(", ");
    let pair = |part: &str| part.split_once(' ').map(|(count, what)| (what.to_owned(), count.parse().unwrap()));
    counts.filter_map(pair).collect()
}

/// When the trades in that folder were entered, and how many.
fn entries(folder: &Path) -> Vec<(i64, String)> {
    let trades = fs::read_to_string(folder.join("trades.csv")).unwrap();
    let rows = trades.lines().skip(1).map(|row| row.split(',').collect::<Vec<_>>());
    let entries: Vec<_> = rows.map(|cells| (cells[3].parse().unwrap(), cells[5].to_owned())).collect();
    assert!(entries.len() >= 3, "{trades}");
    entries
}

/// Whether any strategy has entered with that quantity.
fn has_entered(report: &Value, qty: &str) -> bool {
    let mut outcomes = strategies(report).iter().map(|strategy| &strategy["decision"]["outcome"]);
    outcomes.any(|outcome| outcome["kind"] == "entered" && outcome["qty"] == *qty)
}

#[test]
fn a_backtest_is_explained_on_its_own_terms() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (candles(folder.path()), folder.path().to_str().unwrap());
    // half a percent each eight hours: what is left, and so the quantity, is another
    let rates: String =
        (BEGIN_MS / HALF_HOUR_MS / 16..).take(18).map(|at| format!("{},0.005\n", at * 16 * HALF_HOUR_MS)).collect();
    let funding = folder.path().join("BTCUSDT-funding.csv").to_str().unwrap().to_owned();
    fs::write(&funding, format!("funding_time_ms,rate\n{rates}")).unwrap();
    let of_money = ["--capital", "5000", "--fee", "0.5", "--slippage", "0.1"];
    for terms in [&of_money[..], &["--from", "2025-01-03"], &["--funding", &funding]] {
        let ended = run(&[&["backtest", &file, "--out", out], terms].concat());
        assert_eq!(ended.code(), Some(0), "{terms:?}: {}", ended.stderr);
        let mut is_another = false;
        for (entered, qty) in entries(folder.path()) {
            let at = utc(entered);
            let usual = explained(&["--at", &at, &file]);
            let on_terms = explained(&[&["--at", &at, &file], terms].concat());
            assert!(has_entered(&on_terms, &qty), "{terms:?} {at} {qty}: {on_terms}");
            is_another |= !has_entered(&usual, &qty);
        }
        assert!(is_another, "{terms:?} change nothing");
    }
}

#[test]
fn every_close_is_explained_as_the_run_counted_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = candles(folder.path());
    let ran = run(&["--paper", "--replay", &file, "--speed", "max"]);
    let (mut counts, mut silent) = (BTreeMap::<String, u64>::new(), 0);
    for close in (1..=CLOSES).map(|number| BEGIN_MS + number * HALF_HOUR_MS) {
        for strategy in strategies(&explained(&["--at", &utc(close), &file])) {
            let decision = &strategy["decision"];
            assert_eq!(decision["closed_at"]["ms"], close, "{strategy}");
            let outcome = &decision["outcome"];
            let holds = decision["conditions"].as_array().unwrap().iter().all(|asked| asked["holds"] == true);
            let key = match outcome["kind"].as_str().unwrap() {
                "no_signal" => {
                    assert!(!holds, "{strategy}");
                    silent += 1;
                    continue;
                }
                "stopped" => outcome["why"].as_str().unwrap(),
                _ => "taken",
            };
            assert!(holds || key == "indicators not warm", "{strategy}");
            *counts.entry(key.to_owned()).or_default() += 1;
        }
    }
    assert_eq!(counts, summary(&ran));
    assert!(counts["taken"] >= 3 && counts.len() >= 3 && silent > 100, "{counts:?} {silent}");
}

#[test]
fn a_journal_explains_what_the_files_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = candles(folder.path());
    let account = folder.path().join("account");
    let account = account.to_str().unwrap();
    run(&[
        "--paper",
        "--replay",
        &file,
        "--speed",
        "max",
        "--data-dir",
        account,
        "--out",
        folder.path().to_str().unwrap(),
    ]);
    for (entered, qty) in entries(folder.path()) {
        let at = utc(entered);
        let [by_files, by_journal] =
            [explained(&["--at", &at, &file]), explained(&["--at", &at, "--data-dir", account])];
        assert_eq!(by_files["symbols"], by_journal["symbols"]);
        assert!(has_entered(&by_files, &qty), "{at} {qty}: {by_files}");
    }
    let text = run(&["explain", "--at", "2h", "--data-dir", account]).stdout();
    assert!(text.starts_with("2025-01-06 22:00 UTC\n") && text.contains("→ "), "{text}");
    for moment in ["2024-12-31", "2025-02-01"] {
        let refused = run(&["explain", "--at", moment, "--data-dir", account]);
        assert_eq!((refused.code(), refused.stdout().as_str()), (Some(2), ""));
        assert!(
            refused.stderr.contains("nothing is known of") && refused.stderr.contains("2025-01-0"),
            "{}",
            refused.stderr
        );
    }
}

#[test]
fn a_moment_between_closes_is_told_both_and_answered_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let file = candles(folder.path());
    let text = run(&["explain", "--at", "2025-01-04T14:05", &file]).stdout();
    for part in [
        "Oversold Bounce: 30m candle closed 2025-01-04 14:00 UTC (5 min before), the next 14:30\n",
        "trend not known yet",
        "RSI(14)",
        "at most 45",
        "→ No signal: RSI(14) 30m was 55.9524, and must be at most 45\n",
        "→ Signal stopped by strategy: indicators not warm (EMA(200) 1h)\n",
    ] {
        assert!(text.contains(part), "no `{part}` in:\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    for (args, wrong) in [
        (&["--at", "noon", &file][..], "--at noon: write a market time in UTC"),
        (&["--at", "2024-12-31", &file], "the files begin after 2024-12-31"),
        (&["--at", "2025-01-09", &file], "to 2025-01-07 00:00 UTC: nothing is known of 2025-01-09"),
        (&["--at", "2025-01-04", "--symbols", "ETHUSDT", &file], "ETH/USDT:USDT is not among what is traded: BTC"),
        (&["--at", "2025-01-04", "--data-dir", "/nowhere"], "no account is kept there"),
        (
            &["--at", "2025-01-04", "--data-dir", "/nowhere", "--fee", "1"],
            "--fee is for files: a data directory has its",
        ),
        (&["--at", "2025-01-04", "--capital", "-1", &file], "--capital"),
        (&["--at", "2025-01-04", "--from", "noon", &file], "--from is `noon`, but must be a date"),
        (&["--at", "2025-01-04", "--funding", "/nowhere/BTCUSDT.csv", &file], "--funding"),
        (&["--at", "2025-01-04", "/nowhere/BTCUSDT-5m.csv"], "cannot be opened"),
    ] {
        let refused = run(&[&["explain"], args].concat());
        assert_eq!((refused.code(), refused.stdout().as_str()), (Some(2), ""), "{args:?}");
        assert!(refused.stderr.contains(wrong), "no `{wrong}` in: {}", refused.stderr);
    }
}

#[test]
fn a_moment_after_an_emergency_stop_is_explained_with_that_stop() {
    let folder = tempfile::tempdir().unwrap();
    write_ruin(folder.path());
    let explain = |at: &str| {
        let ended = bot(&["explain", "--at", at, "BTCUSDT-1m.csv"]).current_dir(folder.path()).output().unwrap();
        let (text, errors) = (String::from_utf8(ended.stdout).unwrap(), String::from_utf8(ended.stderr).unwrap());
        assert_eq!(ended.status.code(), Some(0), "{errors}");
        text
    };
    let stopped = "an emergency stop had ended the run at 2025-01-0";
    assert!(!explain("2025-01-01T00:10").contains(stopped));
    let text = explain("2025-01-03T20:00");
    assert!(text.contains(stopped), "{text}");
}

#[test]
fn indicators_have_a_row_a_candle_and_are_empty_until_they_are_warm() {
    let folder = tempfile::tempdir().unwrap();
    let file = candles(folder.path());
    let table = |args: &[&str]| {
        let ended = run(&[&["indicators", &file], args].concat());
        assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""));
        ended.stdout()
    };
    let all = table(&[]);
    let written = fs::read_to_string(&file).unwrap();
    assert_eq!(all.lines().count(), written.lines().count());
    let head = "open_time_ms,open,high,low,close,volume,rsi_14,atr_14,ema_21,ema_50,ema_200,trend,momentum,volatility,strength";
    assert_eq!(all.lines().next(), Some(head));
    for (number, (row, candle)) in all.lines().zip(written.lines()).enumerate().skip(1) {
        let cells: Vec<_> = row.split(',').collect();
        let numbers = |text: &str| text.split(',').map(|cell| cell.parse::<f64>().unwrap()).collect::<Vec<_>>();
        assert_eq!(numbers(&cells[..6].join(",")), numbers(candle));
        for (cell, from) in [(6, 15), (7, 15), (8, 21), (9, 50), (10, 200)] {
            assert_eq!(cells[cell].is_empty(), number < from, "{row}");
        }
    }
    let coarse = table(&["--timeframe", "30m", "--only", "sma:2,regime"]);
    assert_eq!(coarse.lines().count() as i64, CLOSES + 1);
    let last = coarse.lines().last().unwrap();
    assert!(last.starts_with(&(BEGIN_MS + 6 * DAY_MS - HALF_HOUR_MS).to_string()), "{last}");
    for (args, wrong) in [
        (&["--only", "macd"][..], "--only macd: there is no `macd`; allowed are rsi, atr, ema"),
        (&["--only", "ema:0"], "--only ema:0: the period must be a whole number from 1"),
        (&["--timeframe", "1m"], "the files offer 5m, and 1m candles are made of none of them"),
        (&["--timeframe", "7m"], "--timeframe: `7m` is no timeframe"),
        (&["--symbols", "ETHUSDT"], "no file holds ETH/USDT:USDT; they hold BTC/USDT:USDT"),
    ] {
        let refused = run(&[&["indicators", &file], args].concat());
        assert_eq!((refused.code(), refused.stdout().as_str()), (Some(2), ""), "{args:?}");
        assert!(refused.stderr.contains(wrong), "no `{wrong}` in: {}", refused.stderr);
    }
    let other = generate(folder.path(), "ETHUSDT-5m.csv", &["--symbol", "ETHUSDT", "--timeframe", "5m", "--days", "1"]);
    let refused = run(&["indicators", &file, &other]);
    assert!(refused.stderr.contains("name it with --symbols"), "{}", refused.stderr);
    assert_eq!(run(&["indicators", &file, &other, "--symbols", "ETHUSDT"]).stdout().lines().count(), 289);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let file = candles(folder.path());
    let mut command = bot(&["indicators", &file]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 12];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap(); // and closed
    let ended = child.wait_with_output().unwrap();
    assert_eq!((&first, ended.status.code(), ended.stderr.as_slice()), (b"open_time_ms", Some(0), &b""[..]));
}
