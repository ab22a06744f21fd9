//! What is wrong is refused with one message that names the place and what is allowed; what can be survived is survived and counted.

use crate::common::{Ended, Line, Running, WITHOUT_LIMITS, alone, bot, generate, run};
use rust_decimal::Decimal;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A minute in the middle of 2025, at which every timeframe begins a candle.
const BEGIN_MS: i64 = 1_750_032_000_000;
const HEADER: &str = "symbol,strategy,side,entry_time_ms,entry_price,qty,exit_time_ms,exit_price,reason,gross,fees,funding,pnl,r,balance";

/// A folder of the test's own.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// The program in this folder, to its end.
    fn run(&self, line: &str, env: &[(&str, &str)]) -> Ended {
        let args: Vec<_> = line.split_whitespace().collect();
        Running::start(bot(&args).envs(env.iter().copied()).current_dir(self.path())).end()
    }

    /// Runs what must be refused: exit code 2, nothing on stdout, and one message, which is returned.
    fn refused(&self, line: &str, env: &[(&str, &str)]) -> String {
        let ended = self.run(line, env);
        assert_eq!((ended.code(), ended.stdout().as_str()), (Some(2), ""), "{line}: {}", ended.stderr);
        let begins = |text: &&str| text.starts_with("bot: ") || text.starts_with("error: ");
        assert!(begins(&ended.stderr.as_str()), "{line}: {}", ended.stderr);
        assert_eq!(ended.stderr.lines().filter(begins).count(), 1, "{line}: {}", ended.stderr);
        assert!(ended.stderr.ends_with('\n') && ended.stderr.len() < 1000, "{line}: {}", ended.stderr);
        ended.stderr
    }
}

fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "no `{part}` in: {message}");
    }
}

/// A good row, so many minutes after [`BEGIN_MS`].
fn row(minute: i64) -> String {
    let price = 100.0 + (minute % 7) as f64;
    format!("{},{price},{},{},{},5\n", BEGIN_MS + minute * 60_000, price + 1.0, price - 1.0, price + 0.5)
}

/// A file of good rows, with its header in line 1 and minute n in line n + 2.
fn rows(minutes: impl Iterator<Item = i64>) -> String {
    "open_time_ms,open,high,low,close,volume\n".to_owned() + &minutes.map(row).collect::<String>()
}

#[test]
fn a_wrong_flag_or_value_is_named_with_what_is_allowed() {
    let desk = Desk::new();
    desk.write("taken", "a file is no folder");
    for (line, says) in [
        ("--paperr", &["'--paperr'", "a similar argument exists: '--paper'"][..]),
        ("--paper --dury 5", &["'--dury'"]),
        ("--paper nonsense", &["'nonsense'"]),
        ("--paper --live", &["'--paper' cannot be used with '--live'"]),
        ("--paper --speed fast", &["--speed is \"fast\"", "a number from 0.001 to 1000000, or \"max\""]),
        ("--paper --speed -1", &["--speed is \"-1\"", "a number from"]),
        ("--paper --speed NaN", &["--speed is \"NaN\"", "a number from"]),
        ("--paper --duration 0", &["--duration is \"0\"", "a number above 0", "(seconds)"]),
        ("--paper --duration 5m", &["--duration is \"5m\"", "a number above 0", "(seconds)"]),
        ("--paper --capital lots", &["--capital is \"lots\"", "a number from 1 to"]),
        ("--paper --seed 1.5", &["--seed is \"1.5\"", "a whole number from 0 to"]),
        ("--paper --max-restarts -1", &["--max-restarts is \"-1\"", "a whole number from 0 to"]),
        ("--paper --restart-delay soon", &["--restart-delay is \"soon\"", "(seconds)"]),
        ("--paper --symbols FOO", &["--symbols names \"FOO\"", "such as BTC/USDT:USDT or BTCUSDT"]),
        ("--paper --symbols BTCUSDT,BTCUSDT", &["--symbols names BTC/USDT:USDT twice"]),
        ("--paper --symbols FOOUSDT", &["--symbols: ", "FOO/USDT:USDT", "[[market.instrument]]", "BTC, ETH, SOL"]),
        ("--paper --loop", &["--loop needs --replay FILE"]),
        ("--paper --config none.toml", &["none.toml cannot be read: No such file"]),
        ("--paper --out taken/deep", &["--out: taken/deep/trades.csv: Not a directory"]),
        ("generate x.csv --timeframe 7m", &["`7m` is no timeframe; allowed are 1m"]),
        ("generate x.csv --days 0", &["0 is not in 1..=3650"]),
        ("generate nowhere/x.csv", &["nowhere/x.csv cannot be written: No such file"]),
        ("genrate x.csv", &["a similar subcommand exists: 'generate'"]),
    ] {
        assert_says(&desk.refused(line, &[]), says);
    }
}

#[test]
fn neither_paper_nor_live_explains_both() {
    let desk = Desk::new();
    for line in ["", "--duration 5"] {
        assert_says(
            &desk.refused(line, &[]),
            &["--paper   simulated money", "--live    real money", "Try `bot --paper`"],
        );
    }
}

#[test]
fn a_wrong_variable_is_named_with_what_is_allowed() {
    let desk = Desk::new();
    for (name, value, says) in [
        ("HEALTH_CHECK_INTERVAL", "0", &["HEALTH_CHECK_INTERVAL is \"0\"", "a whole number from 1 to"][..]),
        (
            "HEALTH_CHECK_INTERVAL",
            "abc",
            &["HEALTH_CHECK_INTERVAL is \"abc\"", "a whole number from 1 to", "(seconds)"],
        ),
        ("HEALTH_CHECK_INTERVAL", "1.5", &["HEALTH_CHECK_INTERVAL is \"1.5\"", "a whole number from 1 to"]),
        ("HEALTH_CHECK_INTERVAL", "-3", &["HEALTH_CHECK_INTERVAL is \"-3\"", "a whole number from 1 to"]),
        ("HEALTH_CHECK_INTERVAL", "", &["HEALTH_CHECK_INTERVAL is empty", "a whole number from 1 to"]),
        ("CAPITAL_USDT", "1e400", &["CAPITAL_USDT is \"1e400\"", "a number from 1 to"]),
        ("TRADING_SYMBOLS", "BTCUSDT,", &["TRADING_SYMBOLS names empty", "symbols such as"]),
        ("RUST_LOG", "inof", &["RUST_LOG: `inof`", "off, error, warn, info, debug, trace"]),
    ] {
        assert_says(&desk.refused("--paper --duration 5", &[(name, value)]), says);
    }
}

#[test]
fn a_wrong_line_of_the_configuration_is_named_with_what_is_allowed() {
    let desk = Desk::new();
    for (text, says) in [
        ("[risk]\nper_trade = 2\n", &["bot.toml:2: `risk.per_trade` is no key", "`risk.per_trade_pct` (percent)"][..]),
        ("[risk]\nleverag = 2\n", &["bot.toml:2: `risk.leverag` is no key", "the nearest is `risk.leverage`"]),
        ("\n[rsk]\n", &["bot.toml:2: [rsk] is no table", "the nearest is [risk]"]),
        ("[bot]\nduration_ms = 5\n", &["bot.toml:2: `bot.duration_ms` is no key", "`bot.duration_s` (seconds)"]),
        ("[risk]\n\nleverage = 500\n", &["bot.toml:3: `risk.leverage` is 500", "a number from 1 to 125"]),
        ("[risk]\nleverage = \"5\"\n", &["bot.toml:2: `risk.leverage` is \"5\"", "a number from 1 to 125"]),
        ("[bot]\non_stop = \"sell\"\n", &["bot.toml:2: `bot.on_stop` is \"sell\"", "\"keep\" or \"close\""]),
        ("[market]\nsymbols = [\"FOO\"]\n", &["bot.toml:2: `market.symbols` names \"FOO\"", "such as BTC/USDT:USDT"]),
        ("[[strategy]]\nkind = \"magic\"\n", &["bot.toml:2: `strategy.kind` is \"magic\"", "\"oversold_bounce\" or"]),
        ("[risk\n", &["bot.toml:1: ", "is no valid TOML"]),
    ] {
        desk.write("bot.toml", text);
        assert_says(&desk.refused("--paper", &[]), says);
        assert_says(&desk.refused("--paper --auto-restart", &[]), says);
    }
}

#[test]
fn a_file_that_cannot_be_used_is_named() {
    let desk = Desk::new();
    desk.write("BTCUSDT-1h-x.csv", &rows((0..20).map(|hour| hour * 60)));
    desk.write("BTCUSDT-1m-x.csv", &rows((0..20).map(|five| five * 5)));
    desk.write("BTCUSDT-1m-empty.csv", "open_time_ms,open,high,low,close,volume\n");
    desk.write("prices.csv", &rows(0..20));
    desk.write("FOOUSDT-1m-x.csv", &rows(0..20));
    for (file, says) in [
        ("missing.csv", &["missing.csv cannot be opened: No such file"][..]),
        ("prices.csv", &["prices.csv: the name does not tell the symbol", "BTCUSDT-1m-2025-08.csv.gz"]),
        ("BTC/USDT:USDT@7m=prices.csv", &["the timeframe is wrong", "7m"]),
        ("BTCUSDT-1m-empty.csv", &["BTCUSDT-1m-empty.csv has no rows"]),
        ("BTCUSDT-1m-x.csv", &["BTCUSDT-1m-x.csv: its rows are 5m apart, but it was given as 1m"]),
        ("BTCUSDT-1h-x.csv", &["oversold_bounce decides on 30m", "BTC/USDT:USDT offer 1h", "timeframe = \"1h\""]),
        ("FOOUSDT-1m-x.csv", &["FOO/USDT:USDT", "[[market.instrument]]"]),
    ] {
        assert_says(&desk.refused(&format!("--paper --speed max --replay {file}"), &[]), says);
    }
    let line = "--paper --symbols ETHUSDT --replay BTC/USDT:USDT@1m=prices.csv";
    assert_says(&desk.refused(line, &[]), &["no file holds ETH/USDT:USDT", "hold BTC/USDT:USDT", "--symbols"]);
}

/// Rows that may not be, each in place of minute `n`, and what is said of them.
fn faults(minute: i64) -> [(String, &'static str); 8] {
    let ms = BEGIN_MS + minute * 60_000;
    [
        (format!("{ms},100,101,99,NaN,5\n"), "close is not a finite number"),
        (format!("{ms},100,101,-99,100,5\n"), "low is -99, but a price must be above 0"),
        (format!("{ms},100,98,99,100,5\n"), "high 98 is below low 99"),
        (format!("{ms},100,101,99,102,5\n"), "close 102 is outside low 99 to high 101"),
        (format!("{ms},100,101,99,100,-5\n"), "volume is -5, but must be 0 or more"),
        (format!("{ms},100,101,cheap,100,5\n"), "low is `cheap`, but must be a number"),
        (format!("{ms},100,101\n"), "there is no column `low`"),
        (row(minute - 2), "before the row above it"),
    ]
}

#[test]
fn a_row_that_may_not_be_is_refused_with_file_and_line() {
    let desk = Desk::new();
    for (fault, says) in faults(3) {
        let text = rows(0..3) + &fault + &(4..20).map(row).collect::<String>();
        desk.write("BTCUSDT-1m-x.csv", &text);
        let message = desk.refused("--paper --speed max --replay BTCUSDT-1m-x.csv", &[]);
        assert_says(&message, &["BTCUSDT-1m-x.csv:5: ", says]);
    }
}

/// The rows of `trades.csv`, each by the columns of its header.
fn trades(folder: &Path) -> Vec<Trade> {
    let text = fs::read_to_string(folder.join("trades.csv")).unwrap();
    assert!(text.ends_with('\n'), "the last row is whole");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(HEADER));
    lines.map(Trade::read).collect()
}

struct Trade {
    exit_time: i64,
    pnl: Decimal,
    balance: Decimal,
}

impl Trade {
    /// Reads a row, and compares what can be computed from the rest of it.
    fn read(row: &str) -> Self {
        let columns: Vec<_> = row.split(',').collect();
        let [
            symbol,
            strategy,
            side,
            entry_time,
            entry,
            qty,
            exit_time,
            exit,
            reason,
            gross,
            fees,
            funding,
            pnl,
            r,
            balance,
        ] = columns[..].try_into().expect(row);
        assert!(symbol.ends_with("/USDT:USDT") && ["oversold_bounce", "short_the_rip"].contains(&strategy), "{row}");
        assert!(
            ["stop", "target", "trailing", "time", "breaker", "liquidation", "manual", "end"].contains(&reason),
            "{row}"
        );
        let number = |text: &str| text.parse::<Decimal>().expect(row);
        let [entry, qty, exit, gross, fees] = [entry, qty, exit, gross, fees].map(number);
        let [funding, pnl, r, balance] = [funding, pnl, r, balance].map(number);
        let sign = match side {
            "long" => Decimal::ONE,
            "short" => Decimal::NEGATIVE_ONE,
            _ => panic!("{row}"),
        };
        assert_eq!(gross, (exit - entry) * qty * sign, "{row}");
        assert_eq!(pnl, gross - fees - funding, "{row}");
        assert!(fees > Decimal::ZERO && qty > Decimal::ZERO && r.is_sign_positive() == pnl.is_sign_positive(), "{row}");
        let [entry_time, exit_time] = [entry_time, exit_time].map(|text| text.parse::<i64>().expect(row));
        assert!(entry_time < exit_time, "{row}");
        Self { exit_time, pnl, balance }
    }
}

/// The balance in the exit summary.
fn said_balance(ended: &Ended) -> String {
    let line = ended.with("   Balance: ").last().expect("there is a summary").message();
    line.trim().split(' ').nth(1).unwrap().to_owned()
}

fn rounded(balance: Decimal) -> String {
    format!("{:.2}", balance.round_dp_with_strategy(2, rust_decimal::RoundingStrategy::MidpointAwayFromZero))
}

fn said_exits(ended: &Ended) -> usize {
    let line = ended.with("   Entries: ").last().expect("there is a summary").message();
    let exits = line.split("exits: ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    exits.parse().expect(line)
}

#[test]
fn every_trade_is_a_row_and_the_balances_follow_from_each_other() {
    let (_alone, desk) = (alone(), Desk::new());
    desk.write("bot.toml", &format!("[bot]\non_stop = \"close\"\n{WITHOUT_LIMITS}"));
    let btc = generate(desk.path(), "BTCUSDT-1m.csv.gz", &["--days", "30"]);
    let eth = generate(desk.path(), "ETHUSDT-1m.csv.gz", &["--days", "30", "--symbol", "ETHUSDT"]);
    for files in [btc.clone(), format!("{btc} {eth}")] {
        let ended = desk.run(&format!("--paper --speed max --replay {files} --out deep/results"), &[]);
        assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""), "the end of the data is a clean end");
        assert!(ended.last().contains("(end of the data)"), "{}", ended.last());
        let trades = trades(&desk.path().join("deep/results"));
        assert!(trades.len() >= 30 && trades.len() == said_exits(&ended), "{}", ended.stdout());
        assert!(trades.is_sorted_by_key(|trade| trade.exit_time), "rows are in the order of the exits");
        let end = trades.iter().fold(Decimal::ONE_THOUSAND, |balance, trade| {
            // With a second symbol, the entry fees of what is open lie between two rows.
            assert!(files != btc || trade.balance == balance + trade.pnl, "{} {}", trade.balance, balance);
            balance + trade.pnl
        });
        assert_eq!(trades.last().unwrap().balance, end);
        assert_eq!(said_balance(&ended), rounded(end));
    }
}

#[test]
fn wrong_data_in_the_middle_ends_the_run_with_what_came_before_it_whole() {
    let (_alone, desk) = (alone(), Desk::new());
    let file = generate(desk.path(), "BTCUSDT-1m.csv", &["--days", "10"]);
    let good = fs::read_to_string(&file).unwrap();
    for (fault, says) in [("NaN", "close is not a finite number"), ("x", "close is `x`, but must be a number")] {
        let broken = good.lines().enumerate().map(|(index, line)| match (index, line.rsplit_once(',')) {
            (10_000, Some((rest, volume))) => format!("{},{fault},{volume}\n", rest.rsplit_once(',').unwrap().0),
            _ => format!("{line}\n"),
        });
        desk.write("BTCUSDT-1m.csv", &broken.collect::<String>());
        let ended = desk.run("--paper --speed max --replay BTCUSDT-1m.csv --out .", &[]);
        assert_eq!(ended.code(), Some(2));
        assert!(ended.stderr.starts_with(&format!("bot: BTCUSDT-1m.csv:10001: {says}")), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        let trades = trades(desk.path());
        assert!(trades.len() > 5 && trades.len() == said_exits(&ended), "{}", ended.stdout());
        assert!(ended.last().starts_with("Stopped after ") && ended.last().contains("(failure)"), "{}", ended.last());
    }
}

#[test]
fn gaps_and_doubled_rows_are_survived_said_once_and_counted() {
    let desk = Desk::new();
    let minutes = |gap: i64| (0..10).chain([9]).chain(10 + gap..30).chain([29]).chain(33..50);
    desk.write("BTCUSDT-1m.csv", &rows(minutes(2)));
    desk.write("ETHUSDT-1m.csv", &rows(minutes(4)));
    let ended = desk.run("--paper --speed max --replay BTCUSDT-1m.csv ETHUSDT-1m.csv", &[]);
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""));
    for (file, missing) in [("BTCUSDT-1m.csv", 2), ("ETHUSDT-1m.csv", 4)] {
        let place = format!("{file}:");
        let said: Vec<_> = ended.with(&place).map(Line::message).collect();
        assert_eq!(said.len(), 2, "{said:?}");
        assert_says(said[0], &[&format!("{file}:12: a doubled row"), "2025-06-16 00:09:00 UTC"]);
        assert_says(said[1], &[&format!("{file}:13: a gap before "), &format!(" 1m: {missing};")]);
    }
    let data: Vec<_> = ended.with("   Data: ").map(Line::message).collect();
    assert_eq!(data, ["   Data: 92 rows of 2 files, 4 gaps (12 candles missing), 4 doubled rows"]);
    assert!(ended.last().contains("(end of the data)"), "{}", ended.last());
}

#[test]
fn init_writes_a_file_that_runs_and_replaces_none() {
    let desk = Desk::new();
    let path = desk.path().join("bot.toml");
    let made = desk.run("init", &[]);
    assert_eq!((made.code(), made.stdout().as_str()), (Some(0), ""));
    assert_says(&made.stderr, &["bot.toml written"]);
    let text = fs::read_to_string(&path).unwrap();
    let ran = desk.run("--paper --duration 0.2", &[]);
    assert_eq!((ran.code(), ran.stderr.as_str()), (Some(0), ""));
    let configuration = ran.with("configuration: ").next().unwrap().message();
    assert_says(configuration, &[&format!("{}; bot.duration_s = 0.2 (--duration) (", path.display())]);
    desk.write("bot.toml", "# mine\n");
    assert_says(&desk.refused("init", &[]), &["bot.toml exists", "bot init bot.toml --force"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "# mine\n");
    assert_eq!(desk.run("init --force", &[]).code(), Some(0));
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn an_unknown_symbol_is_known_by_its_rules_in_the_configuration() {
    let desk = Desk::new();
    let rules = "tick = 0.01\nstep = 0.1\nmin_qty = 0.1\nmin_notional = 5\n";
    desk.write("bot.toml", &format!("[[market.instrument]]\nsymbol = \"FOO/USDT:USDT\"\n{rules}"));
    desk.write("FOOUSDT-1m.csv", &rows(0..100));
    let ended = desk.run("--paper --speed max --replay FOOUSDT-1m.csv", &[]);
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(run(&["--paper", "--symbols", "FOOUSDT"]).code(), Some(2), "and only there");
}

#[test]
fn signals_from_a_file_are_traded_or_refused_with_their_line() {
    let desk = Desk::new();
    desk.write("bot.toml", "[[strategy]]\nkind = \"signals\"\nfile = \"signals.csv\"\n");
    desk.write("BTCUSDT-1m.csv", &rows(0..60));
    let line = "--paper --replay BTCUSDT-1m.csv --speed max --out out";
    assert_says(&desk.refused(line, &[]), &["signals.csv cannot be read: "]);
    let header = "time_ms,symbol,side,stop,target\n";
    for (row, says) in [
        ("soon,BTCUSDT,long,,", "signals.csv:2: time_ms is \"soon\", but must be whole milliseconds since 1970"),
        (
            "1750032000000,XRPUSDT,long,,",
            "signals.csv:2: XRP/USDT:USDT is not traded in this run; its symbols are BTC/USDT:USDT",
        ),
    ] {
        desk.write("signals.csv", &format!("{header}{row}\n"));
        assert_says(&desk.refused(line, &[]), &[says]);
    }
    let at = |minute: i64| BEGIN_MS + minute * 60_000;
    let listed = format!("{header}{},BTCUSDT,long,1%,\n{},BTCUSDT,short,50,\n", at(5) - 1, at(50));
    desk.write("signals.csv", &listed);
    let ended = desk.run(line, &[]);
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    let stdout = ended.stdout();
    assert_says(
        &stdout,
        &[
            "signals 1m (2 rows of signals.csv, 2025-06-16 00:04 UTC to 2025-06-16 00:50 UTC)",
            "— Signals: row of 2025-06-16 00:04",
            "2 signals: 1 taken, 1 stop or target on the wrong side",
        ],
    );
    let trades = fs::read_to_string(desk.path().join("out/trades.csv")).unwrap();
    assert!(trades.lines().nth(1).is_some_and(|row| row.starts_with("BTC/USDT:USDT,signals,long,")), "{trades}");
}
