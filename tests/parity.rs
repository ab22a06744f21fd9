//! A backtest is the same bot: it and a replay at full speed write the same bytes of `trades.csv`, and the rows add up to the account.

use crate::common::{Ended, Running, bot, shared};
use rust_decimal::Decimal;
use smolbear::{
    candles_file::{Feed, FileSpec},
    market::{Symbol, Timeframe},
};
use std::{fs, path::Path};

/// A strategy of its own configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Bounce,
    Rip,
    /// Those of [`signals`].
    Signals,
}

impl Rule {
    /// Its table, with thresholds so mild and distances so short that it trades often.
    fn table(self, timeframe: &str) -> String {
        let rule = match self {
            Self::Bounce => "kind = \"oversold_bounce\"\nrsi_base = 50",
            Self::Rip => "kind = \"short_the_rip\"\nrsi_base = 55",
            Self::Signals => {
                return format!(
                    "[[strategy]]\nkind = \"signals\"\nfile = \"signals.csv\"\ntimeframe = \"{timeframe}\"\n\
                     stop_pct = 0.15\ntarget_pct = 0.1\n"
                );
            }
        };
        format!(
            "[[strategy]]\n{rule}\nrsi_range = 0\ntimeframe = \"{timeframe}\"\ncontext = \"{timeframe}\"\n\
             target_atr = 0.1\ntarget_min_pct = 0\nstop_atr = 0.3\n"
        )
    }
}

/// Limits that stop nothing. `on_stop`: what becomes of open positions at the end.
fn config(rule: Rule, timeframe: &str, on_stop: &str) -> String {
    format!(
        "[bot]\non_stop = \"{on_stop}\"\n[paper]\ncapital = 100000\n[risk]\nmax_trades_per_day = 10000\ndaily_loss_pct = 100\n\
         max_portfolio_risk_pct = 100\nmax_drawdown_pct = 100\nmax_losses_in_row = 0\nmax_correlation = 1\nbreaker_correlation = 1\n\
         breaker_daily_loss_pct = 100\nbreaker_position_loss_pct = 100\n[gate]\ncooldown_s = 0\n{}",
        rule.table(timeframe)
    )
}

/// Files that are traded together, and the timeframe on which it is decided: 30 minutes, or that of the finest.
struct Data {
    name: String,
    files: Vec<String>,
    timeframe: &'static str,
}

/// Signals of both sides all over the data, every other with a stop and a target of its own.
fn signals(data: &Data) -> String {
    let specs: Vec<_> = data.files.iter().map(|file| FileSpec::parse(file).unwrap()).collect();
    let mut symbols: Vec<Symbol> = specs.iter().map(|spec| spec.symbol.clone()).collect();
    symbols.sort();
    symbols.dedup();
    let mut feed = Feed::open(&specs, &symbols).unwrap();
    let (mut first, mut last) = (i64::MAX, 0);
    while let Some(candle) = feed.next().unwrap() {
        let at = candle.closes_at().0;
        (first, last) = (first.min(if candle.history { first } else { at }), at);
    }
    let length = data.timeframe.parse::<Timeframe>().unwrap().ms();
    let step = ((last - first) / 500 / length).max(1) * length;
    let times = (first..last).step_by(step as usize).enumerate();
    let row = |number: usize, at: i64, symbol: &Symbol| {
        let side = if number.is_multiple_of(3) { "short" } else { "long" };
        let own = if number.is_multiple_of(2) { "0.2%,0.12%" } else { "," };
        format!("{at},{symbol},{side},{own}\n")
    };
    let rows = times.flat_map(|(number, at)| symbols.iter().map(move |symbol| row(number, at, symbol)));
    std::iter::once("time_ms,symbol,side,stop,target\n".to_owned()).chain(rows).collect()
}

const LENGTHS: [&str; 5] = ["1m", "5m", "15m", "1h", "4h"];
const COINS: [&str; 3] = ["BTC", "ETH", "SOL"];

/// All of the recorded candles: each file alone, the files of each coin together, and several coins on one account.
fn all(folder: &Path) -> Vec<Data> {
    let mut names: Vec<_> =
        folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(".csv.gz") && !name.contains("funding"));
    names.sort();
    assert!(names.len() >= 21, "{names:?}");
    let timeframe = |name: &str| {
        let length = LENGTHS.into_iter().find(|length| name.contains(&format!("-{length}-"))).unwrap();
        if ["1h", "4h"].contains(&length) { length } else { "30m" }
    };
    let data = |name: &str, files: &[&str]| Data {
        name: name.to_owned(),
        files: files.iter().map(|file| folder.join(file).to_str().unwrap().to_owned()).collect(),
        // the files of one list are in the order of their timeframes
        timeframe: timeframe(files[0]),
    };
    let mut sets: Vec<_> = names.iter().map(|name| data(name, &[name])).collect();
    let five = |coin: &str| LENGTHS.map(|length| format!("{coin}USDT-{length}-2025-08.csv.gz"));
    for coin in COINS {
        let five = five(coin);
        let mut files: Vec<_> = five.iter().map(String::as_str).collect();
        sets.push(data(&format!("{coin} in five timeframes"), &files));
        files.extend(
            names.iter().map(String::as_str).filter(|name| name.starts_with(coin) && !name.contains("2025-08")),
        );
        // where the minutes end, hours step in
        sets.push(Data { timeframe: "1h", ..data(&format!("{coin} whole"), &files) });
    }
    let fifteen: Vec<_> = COINS.into_iter().flat_map(five).collect();
    sets.push(data("three coins in five timeframes", &fifteen.iter().map(String::as_str).collect::<Vec<_>>()));
    let hours = COINS.map(|coin| format!("{coin}USDT-1h-2026.csv.gz"));
    sets.push(data("three coins by the hour", &hours.each_ref().map(String::as_str)));
    sets.push(data("two coins of other years", &["BTCUSD-PERP-1m-2022-01.csv.gz", "XRPUSDT-PERP-5m-2021-11.csv.gz"]));
    sets
}

/// Where a rule has less than twenty trades, and why.
fn few(rule: Rule, name: &str) -> Option<&'static str> {
    let short = |length: &str| name.contains(&format!("USDT-{length}-2025-08"));
    match rule {
        Rule::Signals => None,
        _ if short("1m") => Some("1,000 minutes are 33 decisions"),
        Rule::Rip if short("5m") => Some("the average of 200 needs 100 of its 83 hours"),
        Rule::Bounce if ["BTC in five timeframes", "ETH in five timeframes"].contains(&name) => {
            Some("33 decisions too")
        }
        Rule::Rip if name.ends_with("in five timeframes") && !name.starts_with("three") => Some("33 decisions too"),
        _ => None,
    }
}

/// The program to its end, and what it wrote.
fn trades(args: &[&str], data: &Data, config: &Path, out: &Path) -> (Ended, String) {
    let files = data.files.iter().map(String::as_str);
    let args: Vec<_> = args.iter().copied().chain(files).collect();
    let ended =
        Running::start(bot(&args).arg("--config").arg(config).arg("--out").arg(out).env("RUST_LOG", "off")).end();
    assert_eq!(ended.code(), Some(0), "{}: {}", data.name, ended.stderr);
    let text = fs::read_to_string(out.join("trades.csv")).unwrap();
    (ended, text)
}

/// The sum of a column.
fn sum(rows: &[Vec<&str>], column: usize) -> Decimal {
    rows.iter().map(|row| row[column].parse::<Decimal>().unwrap()).sum()
}

fn field(report: &serde_json::Value, path: &str) -> Decimal {
    report.pointer(path).unwrap().as_str().unwrap().parse().unwrap()
}

/// Every position was closed, so the rows alone are the account.
fn assert_adds_up(text: &str, report: &serde_json::Value, name: &str) -> usize {
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let (capital, balance) = (field(report, "/account/capital"), field(report, "/account/balance"));
    let [gross, fees, funding, pnl] = [9, 10, 11, 12].map(|column| sum(&rows, column));
    assert_eq!(capital + gross - fees - funding, balance, "{name}");
    assert_eq!(capital + pnl, balance, "{name}");
    assert_eq!(rows.last().map_or(capital, |row| row[14].parse().unwrap()), balance, "{name}");
    assert_eq!(report["trades"]["trades"], rows.len(), "{name}");
    rows.len()
}

fn assert_same(rule: Rule, on_stop: &str) {
    let Some(shared) = shared() else { return };
    let desk = tempfile::tempdir().unwrap();
    for data in all(&shared.join("data")) {
        let path = desk.path().join("bot.toml");
        if rule == Rule::Signals {
            fs::write(desk.path().join("signals.csv"), signals(&data)).unwrap();
        }
        fs::write(&path, config(rule, data.timeframe, on_stop)).unwrap();
        let (one, two) = (desk.path().join("one"), desk.path().join("two"));
        let (ended, backtest) = trades(&["backtest", "--json"], &data, &path, &one);
        let (_, replay) = trades(&["--paper", "--speed", "max", "--replay"], &data, &path, &two);
        let what = format!("{} with {rule:?}", data.name);
        assert!(backtest == replay, "{what}: {} rows and {}", backtest.lines().count(), replay.lines().count());
        let report: serde_json::Value = serde_json::from_str(&ended.stdout()).unwrap();
        let count = match on_stop {
            "close" => assert_adds_up(&backtest, &report, &what),
            _ => backtest.lines().count() - 1,
        };
        let few = few(rule, &data.name);
        assert_eq!(count < 20, few.is_some(), "{what}: {count} trades ({few:?})");
    }
}

#[test]
fn oversold_bounce_is_the_same_in_a_backtest_and_its_trades_add_up() {
    assert_same(Rule::Bounce, "close");
}

#[test]
fn short_the_rip_is_the_same_in_a_backtest() {
    assert_same(Rule::Rip, "keep");
}

#[test]
fn signals_from_a_file_are_the_same_in_a_backtest_and_their_trades_add_up() {
    assert_same(Rule::Signals, "close");
}
