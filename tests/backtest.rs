//! `bot backtest`: its dates, what it leaves when it is cut short, and what is wrong is refused by name.

use crate::{
    common::{Ended, Running, alone, bot, generate, shared},
    emergency::write_ruin,
};
use rustix::process::Signal;
use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

const DAY_MS: i64 = 86_400_000;
/// When made-up candles begin: 2025-01-01.
const EPOCH_MS: i64 = 1_735_689_600_000;

fn backtest(folder: &Path, args: &[&str]) -> Ended {
    Running::start(bot(&["backtest"]).args(args).current_dir(folder)).end()
}

fn json(ended: &Ended) -> serde_json::Value {
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout()).unwrap()
}

#[test]
fn what_lies_before_from_only_warms_and_what_lies_after_to_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = generate(folder.path(), "BTCUSDT-1m.csv", &["--days", "40"]);
    // behind the last day of --to is a row that may not be
    let mut text = fs::read_to_string(&file).unwrap();
    text.push_str("nonsense\n");
    fs::write(&file, text).unwrap();
    let run = |args: &[&str]| {
        let out = folder.path().join("out");
        let args: Vec<_> = [&[file.as_str(), "--json", "--out", out.to_str().unwrap()], args].concat();
        let report = json(&backtest(folder.path(), &args));
        let trades = fs::read_to_string(out.join("trades.csv")).unwrap();
        let times = trades.lines().skip(1).map(|line| line.split(',').nth(3).unwrap().parse::<i64>().unwrap());
        (report, times.collect::<Vec<_>>())
    };
    let (report, whole) = run(&["--to", "2025-02-05"]);
    assert_eq!((&report["candles"], &report["from"]["ms"]), (&(35 * 1440).into(), &EPOCH_MS.into()));
    assert!(whole.len() >= 10, "{whole:?}");
    let (report, part) = run(&["--from", "2025-01-15T12:30", "--to", "2025-02-05"]);
    let from = EPOCH_MS + 14 * DAY_MS + 750 * 60_000;
    assert_eq!((&report["candles"], &report["from"]["ms"]), (&(35 * 1440 - 14 * 1440 - 750).into(), &from.into()));
    assert!(part.len() >= 5 && part.iter().all(|at| *at >= from), "{part:?}");
    // warmed by what came before: as soon as the account is in the same state, it does the same
    let last = part.last().unwrap();
    assert!(whole.contains(last), "{part:?} and {whole:?}");
    let short = generate(folder.path(), "ETHUSDT-1m.csv", &["--symbol", "ETHUSDT", "--days", "1"]);
    for (file, args, says) in [
        (&short, &["--from", "2026-01-01", "--to", "2026-02-01"][..], "no candle from 2026-01-01 00:00 UTC on"),
        (&short, &["--from", "2025-02-05", "--to", "2025-02-05"], "--to must be later than --from"),
        (&short, &["--from", "tomorrow"], "--from is `tomorrow`, but must be a date such as 2025-08-01"),
        (&file, &["--to", "2024-12-31"], "the files have no candle up to 2024-12-31 00:00 UTC"),
        (&file, &[], "BTCUSDT-1m.csv:57602: `nonsense` is neither a row nor a header"),
    ] {
        let out = folder.path().join("refused");
        let ended = backtest(folder.path(), &[&[file.as_str(), "--out", out.to_str().unwrap()], args].concat());
        assert_eq!((ended.code(), ended.stdout().as_str()), (Some(2), ""), "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(says), "{args:?}: {}", ended.stderr);
        assert!(!out.exists() || out.read_dir().unwrap().count() == 0, "{args:?} leaves nothing behind");
    }
}

#[test]
fn what_is_wrong_is_named_with_exit_code_two() {
    let folder = tempfile::tempdir().unwrap();
    let file = generate(folder.path(), "BTCUSDT-1m.csv", &["--days", "1"]);
    for (name, text) in [
        ("BTCUSDT-funding.csv", "funding_time_ms,rate\n1735718400000,0.5\n"),
        ("ETHUSDT-funding.csv", "funding_time_ms,rate\n1735718400000,0.0001\n"),
        ("BTCUSDT-5m.csv", "open_time_ms,open,high,low,close,volume\n300000,1,2,1,2,3\n300001,1,2,1,2,3\n"),
        ("taken", ""),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    for (args, says) in [
        (&[][..], "the following required arguments were not provided"),
        (&["none.csv"], "none.csv cannot be opened"),
        (&["BTCUSDT-5m.csv"], "BTCUSDT-5m.csv:3: opens at 1970-01-01T00:05:00.001Z, which is no beginning"),
        (&[&file, "--symbols", "ETHUSDT"], "no file holds ETH/USDT:USDT"),
        (&[&file, "--capital", "none"], "--capital is \"none\", but must be a number from 1"),
        (&[&file, "--fee", "2"], "--fee is \"2\", but must be a number from 0 to 1"),
        (&[&file, "--slippage", "-1"], "--slippage is \"-1\", but must be a number from 0 to 0.1"),
        (&[&file, "--funding", "BTCUSDT-funding.csv"], "BTCUSDT-funding.csv:2: the rate is `0.5`"),
        (&[&file, "--funding", "ETHUSDT-funding.csv"], "holds ETH/USDT:USDT, which is not among the symbols"),
        (&[&file, "--out", "taken/deep"], "--out: taken/deep/trades.csv: Not a directory"),
        (&[&file, "--config", "none.toml"], "none.toml cannot be read"),
        (&["BTC/USDT:USDT@4h=BTCUSDT-1m.csv"], "the rows are 1m apart"),
    ] {
        let ended = backtest(folder.path(), args);
        assert_eq!((ended.code(), ended.stdout().as_str()), (Some(2), ""), "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(says), "{args:?}: {}", ended.stderr);
    }
}

#[test]
fn gaps_and_a_small_capital_are_said_on_stderr_and_no_bar_without_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let file = generate(folder.path(), "BTCUSDT-1m.csv", &["--days", "2"]);
    let text = fs::read_to_string(&file).unwrap();
    let rows: Vec<_> = text.lines().collect();
    let (before, after) = (rows[..100].join("\n"), rows[110..].join("\n"));
    fs::write(&file, format!("{before}\n{}\n{after}\n", rows[99])).unwrap();
    let ended = backtest(folder.path(), &[&file, "--capital", "20"]);
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    for says in [
        "BTCUSDT-1m.csv:101: a doubled row",
        "BTCUSDT-1m.csv:102: a gap before",
        "BTC/USDT:USDT can't trade: one step costs",
        "Data: 2871 rows of 1 file, 1 gap (10 candles missing), 1 doubled row",
    ] {
        assert_eq!(ended.stderr.matches(says).count(), 1, "{says}: {}", ended.stderr);
    }
    assert!(!ended.stderr.contains('%') && !ended.stderr.contains('\u{1b}'), "{}", ended.stderr);
    assert!(ended.stdout().contains("2,870 candles"), "{}", ended.stdout());
}

#[test]
fn rates_of_funding_are_those_of_the_file() {
    let Some(shared) = shared() else { return };
    let folder = tempfile::tempdir().unwrap();
    let data = |name: &str| shared.join("data").join(name).to_str().unwrap().to_owned();
    let (candles, rates) = (data("XRPUSDT-PERP-5m-2021-11.csv.gz"), data("XRPUSDT-PERP-8h-funding-2021.csv.gz"));
    let paid = |args: &[&str]| {
        let report = json(&backtest(folder.path(), &[&[candles.as_str(), "--json"], args].concat()));
        report["trades"]["funding"].as_str().unwrap().parse::<rust_decimal::Decimal>().unwrap()
    };
    let usual = paid(&[]);
    assert!(!usual.is_zero(), "positions are held over a settlement");
    assert_eq!(paid(&["--funding", &rates]), usual, "in that week the market's rate was the default");
    let constant = |rate: &str| {
        let times =
            (1_636_000_000_000_i64 / 28_800_000..1_638_000_000_000 / 28_800_000).map(|number| number * 28_800_000);
        let text: String = times.map(|at| format!("{},{rate}\n", at + 17)).collect();
        fs::write(folder.path().join("XRPUSDT-funding.csv"), text).unwrap();
        paid(&["--funding", "XRPUSDT-funding.csv"])
    };
    assert_eq!(constant("0.0001"), usual, "as the default");
    let times = constant("0.0003") / usual; // sizes follow the balance, so not to the last digit
    assert!(times > "2.9".parse().unwrap() && times < "3.1".parse().unwrap(), "{times}");
}

#[test]
fn an_empty_account_ends_it_with_3_as_it_ends_a_run() {
    let folder = tempfile::tempdir().unwrap();
    write_ruin(folder.path());
    let ended = backtest(folder.path(), &["BTCUSDT-1m.csv", "--json", "--out", "one"]);
    assert_eq!(ended.code(), Some(3), "{}", ended.stderr);
    assert_eq!(ended.stderr.matches("Emergency stop: the account is empty").count(), 1, "{}", ended.stderr);
    let report: serde_json::Value = serde_json::from_str(&ended.stdout()).unwrap();
    assert_eq!((&report["ending"], &report["trades"]["trades"]), (&"emergency".into(), &1.into()));
    let args = ["--paper", "--replay", "BTCUSDT-1m.csv", "--speed", "max", "--out", "two"];
    assert_eq!(Running::start(bot(&args).current_dir(folder.path())).end().code(), Some(3));
    let [one, two] = ["one", "two"].map(|out| fs::read_to_string(folder.path().join(out).join("trades.csv")).unwrap());
    assert_eq!(one, two);
}

#[test]
fn a_signal_ends_it_with_the_result_up_to_there() {
    let (_alone, folder) = (alone(), tempfile::tempdir().unwrap());
    let file = generate(folder.path(), "minutes.csv.gz", &["--days", "300"]);
    let coins = ["BTC", "ETH", "SOL", "XRP", "BNB", "DOGE"].map(|coin| format!("{coin}USDT@1m={file}"));
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let out = folder.path().join(code.to_string());
        let mut command = bot(&["backtest", "--json", "--out"]);
        let running = Running::start(command.arg(&out).args(&coins));
        let until = Instant::now() + crate::common::LIMIT;
        while fs::metadata(out.join("trades.csv.part")).is_err() && Instant::now() < until {
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_millis(150));
        let asked = Instant::now();
        running.signal(signal);
        let ended = running.end();
        assert_eq!(ended.code(), Some(code), "{}", ended.stderr);
        assert!(ended.at - asked < Duration::from_secs(2), "{:?}", ended.at - asked);
        let report: serde_json::Value = serde_json::from_str(&ended.stdout()).unwrap();
        assert_eq!(report["ending"], "interrupted");
        let candles = report["candles"].as_u64().unwrap();
        assert!(candles > 0 && candles < 6 * 300 * 1440, "{candles}");
        let rows = fs::read_to_string(out.join("trades.csv")).unwrap().lines().count() as u64 - 1;
        assert_eq!(report["trades"]["trades"], rows);
        assert!(!out.join("trades.csv.part").exists());
    }
}

#[test]
fn nothing_is_kept_where_nothing_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = generate(folder.path(), "BTCUSDT-1m.csv", &["--days", "1"]);
    let state = folder.path().join("state");
    let ended =
        Running::start(bot(&["backtest", &file]).env("STATE_DIRECTORY", &state).current_dir(folder.path())).end();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    assert!(!state.exists());
    assert_eq!(folder.path().read_dir().unwrap().count(), 1, "the candles alone");
}
