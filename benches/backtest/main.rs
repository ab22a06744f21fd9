//! How fast a backtest is: candles in memory through the whole trader beside a loop of the same rule, and candles from files.
//!
//! `cargo bench --bench backtest -- [TEXT]` prints Markdown tables, of the first only the rows whose name has the text. It asserts nothing: aims stand in the tables beside the figures. Times are this
//! thread's own processor time, the best of a few runs, so that a busy machine shows in the spread and not in the figure.

mod by_hand;
#[path = "../common/mod.rs"]
mod common;
mod files;
mod walk;

use common::{drive, machine, rate};
use smolbear::{
    candles_file::FileSpec,
    market::{ClosedCandle, Symbol, Timeframe},
    simulation::prices::Market,
    strategies,
    trader::Trader,
};
use std::env;

/// Candles of a measurement in memory: a year of one symbol's minutes, nearly.
const CANDLES: usize = 500_000;
/// A year of minutes.
const YEAR: usize = 365 * 24 * 60;
/// The best of so many runs counts.
const RUNS: usize = 5;
const NAMES: [&str; 3] = ["BTCUSDT", "ETHUSDT", "SOLUSDT"];

fn main() {
    let part = env::args().skip(1).find(|argument| !argument.starts_with("--")); // what begins with dashes is cargo's own
    println!("{}, best of {RUNS} runs (worst):\n", machine());
    in_memory(part.as_deref().unwrap_or_default());
    if part.is_none() {
        from_files();
    }
    println!("\nA candle in memory: {} bytes (aim: below 60).", size_of::<ClosedCandle>());
}

/// The minutes of a made-up market, none of it history.
fn minutes(symbols: &[Symbol], count: usize) -> Vec<ClosedCandle> {
    Market::new(1, symbols).filter(|candle| !candle.history).take(count).collect()
}

fn symbols(count: usize) -> Vec<Symbol> {
    NAMES[..count].iter().map(|name| name.parse().expect("a symbol")).collect()
}

/// The best and the worst of a few runs.
fn spread(run: impl Fn() -> f64) -> (f64, f64) {
    let runs: Vec<f64> = (0..RUNS).map(|_| run()).collect();
    let (least, most) = runs.iter().fold((f64::MAX, 0.0f64), |(l, m), run| (l.min(*run), m.max(*run)));
    (most, least)
}

/// A row of the first table: what it is, its aim, and what is traded by whom.
struct Row<'a> {
    what: &'a str,
    aim: &'a str,
    symbols: &'a [Symbol],
    candles: &'a [ClosedCandle],
    new: New,
}

/// Who trades these symbols.
type New = fn(&[Symbol]) -> Trader;

/// Works on files of these symbols; seconds.
type Work = fn(&[FileSpec], &[Symbol]) -> f64;

/// The rows whose name has `part`.
fn in_memory(part: &str) {
    let (one, three) = (symbols(1), symbols(3));
    let (own, all) = (minutes(&one, CANDLES), minutes(&three, CANDLES));
    println!(
        "| {CANDLES} 1m candles in memory | million a second | aim | of the loop by hand | trades | balance | allocations: quiet candles, the others |"
    );
    println!("|---|---|---|---|---|---|---|");
    let (hand, worst) = spread(|| rate(CANDLES, || by_hand::oversold_bounce(&own)));
    let (trades, balance) = by_hand::oversold_bounce(&own);
    let balance = 1e6 * balance;
    println!(
        "| loop by hand: RSI ≤ 30, stop 1 %, target 1.5 % | {hand:.1} ({worst:.1}) | | 1 | {trades} | {balance:.0} | |"
    );
    let one_rule: [(_, _, New); 2] = [
        ("the same rule, 1m", "20, then 50", |symbols| walk::trader(symbols, walk::simple(Timeframe::M1))),
        ("the same rule, 30m", "", |symbols| walk::trader(symbols, walk::simple(Timeframe::M30))),
    ];
    let rows = one_rule.map(|(what, aim, new)| Row { what, aim, symbols: &one, candles: &own, new });
    let on_five: New = |symbols| walk::usual(symbols, walk::both_on_five());
    let restless: New = |symbols| walk::restless(symbols, walk::both_on_five());
    let aim = "10, then 25";
    let more = [
        Row { what: "both strategies, five timeframes", aim, symbols: &one, candles: &own, new: on_five },
        Row { what: "the same, as many trades as there are", aim: "", symbols: &one, candles: &own, new: restless },
        Row { what: "both strategies, five timeframes, 3 symbols", aim, symbols: &three, candles: &all, new: on_five },
        Row {
            what: "both strategies, 30m, 3 symbols",
            aim: "",
            symbols: &three,
            candles: &all,
            new: |symbols| walk::usual(symbols, strategies::Settings::defaults()),
        },
    ];
    for Row { what, aim, symbols, candles, new } in rows.into_iter().chain(more).filter(|row| row.what.contains(part)) {
        let run = || {
            let mut trader = new(symbols);
            rate(CANDLES, || drive(&mut trader, candles))
        };
        let (best, worst) = spread(run);
        let mut trader = new(symbols);
        let [quiet, others] = walk::asked_for(&mut trader, candles);
        let account = trader.engine().account();
        let (trades, balance) = (account.trades, account.balance.round());
        let part = best / hand;
        println!("| {what} | {best:.1} ({worst:.1}) | {aim} | {part:.2} | {trades} | {balance} | {quiet}, {others} |");
    }
}

fn from_files() {
    println!("\n| files, a year of 1m candles | million rows a second | aim | seconds |");
    println!("|---|---|---|---|");
    let folder = tempfile::tempdir().expect("a folder for files");
    for (count, ending, read_aim) in [(1, ".csv", "10, then 20"), (3, ".csv", ""), (3, ".csv.gz", "")] {
        let symbols = symbols(count);
        let rows = count * YEAR;
        let specs = files::written(folder.path(), &symbols, &minutes(&symbols, rows), ending);
        let works: [(_, Work, _); 2] =
            [("read", files::read, read_aim), ("read and traded, both strategies", files::traded, "")];
        for (what, work, aim) in works {
            let (slowest, best) = spread(|| work(&specs, &symbols));
            let [best_rate, worst_rate] = [best, slowest].map(|seconds| rows as f64 / seconds / 1e6);
            let aim = if count == 3 && aim.is_empty() && what != "read" { "2 s" } else { aim };
            println!("| {what}, {count} × `{ending}` | {best_rate:.1} ({worst_rate:.1}) | {aim} | {best:.2} |");
        }
    }
}
