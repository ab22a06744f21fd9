//! Same configuration, seed and data: the same actions, byte for byte (S14).

use crate::{
    common::{Running, bot},
    rig::{Rig, independent, made_up, recorded, seeded, unlimited, without_breakers},
};
use smolbear::{
    candles_file,
    config::Config,
    engine::Trade,
    market::{ClosedCandle, DAY_MS, OrderSide, Side, Symbol, SymbolId, Timeframe},
    simulation::prices::{EPOCH, Market},
    trader::Tally,
};
use std::{fs, path::Path};

/// A run over ten days of a seed's market, with fills enough to show something.
fn ten_days(seed: u64) -> Tally {
    let mut config = seeded(seed);
    unlimited(&mut config.risk); // at the default limits it is over after four days
    let mut rig = Rig::new(&config);
    rig.feed(made_up(&config, 10 * DAY_MS));
    for side in [OrderSide::Buy, OrderSide::Sell] {
        let fills = rig.fills().filter(|fill| fill.side == side).count();
        assert!(fills >= 20, "seed {seed}: {fills} fills of side {side:?} show nothing");
    }
    for side in [Side::Long, Side::Short] {
        let trades = rig.trades().filter(|trade| trade.side == side).count();
        assert!(trades >= 5, "seed {seed}: {trades} trades of side {side:?} show nothing");
    }
    assert_eq!(rig.trader.tally().fills, rig.fills().count() as u64);
    rig.trader.tally()
}

#[test]
fn the_same_run_twice_does_the_same() {
    assert_eq!(ten_days(2), ten_days(2));
    assert_ne!(ten_days(2).hash(), ten_days(3).hash());
}

/// Pinned: whoever changes what the bot does, or what the hash takes in, pins the new one and says why.
#[test]
fn ten_days_of_seed_1_are_the_same_on_every_platform() {
    let tally = ten_days(1);
    assert_eq!((tally.actions, tally.fills, tally.hash()), (2_367, 333, 9_795_475_881_258_269_990));
}

/// Made-up candles of a coin as a file.
fn write(path: &Path, symbol: &Symbol, days: std::ops::Range<usize>) {
    let candles = Market::candles(7, symbol, Timeframe::M1, EPOCH);
    candles_file::write(path, candles.skip(days.start * 1440).take(days.len() * 1440)).unwrap();
}

/// What a symbol did, without the account's balance, which is of all symbols.
fn trades_of(config: &Config, candles: impl IntoIterator<Item = ClosedCandle>, coin: &str) -> Vec<Trade> {
    let mut rig = Rig::new(config);
    rig.feed(candles);
    let place = config.symbols.iter().position(|symbol| *symbol == coin.parse().unwrap()).unwrap();
    let own = rig.trades().filter(|trade| trade.symbol.index() == place);
    own.map(|trade| Trade { symbol: SymbolId(0), balance: 0.into(), ..trade.clone() }).collect()
}

#[test]
fn a_symbol_trades_the_same_wherever_it_stands_in_the_list() {
    let trades = |coins: &[&str]| {
        let config = independent(coins);
        trades_of(&config, made_up(&config, 20 * DAY_MS), "ETHUSDT")
    };
    let alone = trades(&["ETHUSDT"]);
    assert!(alone.len() >= 10, "{alone:?}");
    for list in [["ETHUSDT", "BTCUSDT", "SOLUSDT"], ["SOLUSDT", "BTCUSDT", "ETHUSDT"]] {
        assert_eq!(trades(&list), alone, "{list:?}");
    }
}

#[test]
fn a_file_in_two_parts_is_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(format!("SOLUSDT-1m-{name}.csv.gz"));
    let sol = "SOLUSDT".parse().unwrap();
    for (name, days) in [("all", 0..30), ("first", 0..11), ("second", 11..30)] {
        write(&file(name), &sol, days);
    }
    let tally = |names: &[&str]| {
        let names: Vec<_> = names.iter().map(|name| file(name)).collect();
        let (symbols, candles) = recorded(&names);
        let mut rig = Rig::new(&Config { symbols, ..Config::default() });
        rig.feed(candles).trader.tally()
    };
    let whole = tally(&["all"]);
    assert!(whole.fills >= 20, "{whole:?}");
    assert_eq!(tally(&["first", "second"]), whole);
    assert_eq!(tally(&["second", "first"]), whole, "in any order");
}

/// The last word of a run of the program over a file, and the trades that it left behind.
fn outcome(file: &Path, speed: &str) -> (String, String) {
    let out = tempfile::tempdir().unwrap();
    let args = ["--paper", "--speed", speed, "--out", out.path().to_str().unwrap(), "--replay", file.to_str().unwrap()];
    let ended = Running::start(bot(&args).env("RUST_LOG", "debug")).end();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let hash = ended.with("actions hash").next().unwrap_or_else(|| panic!("no hash in:\n{}", ended.stdout()));
    let (_, hash) = hash.text.split_once("actions hash").unwrap();
    (hash.to_owned(), fs::read_to_string(out.path().join("trades.csv")).unwrap())
}

#[test]
fn the_program_does_the_same_twice_and_at_any_speed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ETHUSDT-1m.csv");
    write(&file, &"ETHUSDT".parse().unwrap(), 0..12);
    let (hash, trades) = outcome(&file, "max");
    assert!(trades.lines().count() > 10, "{trades}");
    assert_eq!(outcome(&file, "max"), (hash.clone(), trades.clone()));
    assert_eq!(outcome(&file, "1000000"), (hash.clone(), trades), "twelve days in a second");
    let (symbols, candles) = recorded(&[file]);
    let mut config = Config { symbols, ..Config::default() };
    without_breakers(&mut config.risk); // as in the home that the program finds
    let mut rig = Rig::new(&config);
    let tally = rig.feed(candles).trader.tally();
    let ours = format!(" {:016x} after {} actions, {} fills", tally.hash(), tally.actions, tally.fills);
    assert_eq!(ours, hash, "and so does the rig of these tests");
}
