//! The plug is pulled again and again, wherever it hurts, and the account ends as if nobody had touched it: nothing is lost, nothing doubled.
//!
//! `SMOLBEAR_KILLS=2000 SMOLBEAR_SEED=7 cargo test --test process kills -- --nocapture` pulls it more often, and otherwise than usual.
//! The hook that pulls it is there with debug assertions only.

#![cfg(debug_assertions)]

use crate::common::{Running, alone, bot, generate};
use rusqlite::{Connection, types::Value};
use rust_decimal::RoundingStrategy;
use smolbear::{
    cli,
    config::Config,
    engine::Event,
    market::{OrderKind, OrderRequest, Timestamp},
    store::{Database, Memory},
    trader::Trader,
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Child,
    thread,
    time::{Duration, Instant},
};

/// Every kind of exit, and more trades than a cautious account makes.
const CONFIG: &str = r#"
[store]
halt_after_restarts = 0
[risk]
per_trade_pct = 0.5
max_trades_per_day = 1000
daily_loss_pct = 100
max_losses_in_row = 0
max_correlation = 1
breaker_correlation = 1
max_drawdown_pct = 100
breaker_daily_loss_pct = 100
breaker_position_loss_pct = 100
[exits]
trailing = true
trailing_pct = 1.5
time_limit = true
max_hold_s = 14400
[[strategy]]
kind = "oversold_bounce"
timeframe = "5m"
target_atr = 6
stop_atr = 4
[[strategy]]
kind = "short_the_rip"
timeframe = "5m"
context = "30m"
target_atr = 6
stop_atr = 4
"#;
/// What must come out the same, without the wall clock's labels and the numbers of rows.
const TABLES: [&str; 4] = [
    "SELECT * FROM trades ORDER BY number",
    "SELECT id, symbol, side, kind, \"trigger\", qty, reduce_only FROM intents ORDER BY id",
    "SELECT * FROM fills ORDER BY symbol, trade_id",
    "SELECT * FROM funding ORDER BY number",
];
/// About so many kills are spread over the data, so that each part of it sees some.
const KILLS_A_CHAIN: u64 = 25;
/// No run of this data takes longer, whatever else the machine does.
const LIMIT: Duration = Duration::from_secs(60);

/// A market in a file, and what one run over it makes of it.
struct World {
    folder: tempfile::TempDir,
    whole: Outcome,
    took: Duration,
    /// Places at which one run can be killed, about.
    effects: u64,
}

/// What a run leaves behind.
#[derive(PartialEq)]
struct Outcome {
    csv: String,
    tables: [Vec<Vec<Value>>; 4],
    /// `actions hash … after N actions, M fills`
    actions: String,
    balance: String,
}

/// What pulls the plug.
#[derive(Debug, Clone, Copy)]
enum Plug {
    /// The n-th effect.
    Effect(u64),
    /// The time since the start.
    After(Duration),
}

/// How often it was pulled, and in what moments.
#[derive(Debug, Default)]
struct Count {
    kills: u64,
    by_time: u64,
    with_a_position: u64,
    inside_a_commit: u64,
    /// By the hook's words.
    places: BTreeMap<String, u64>,
}

impl Count {
    /// A kill in this place; of one by time nobody knows where.
    fn add(&mut self, place: Option<&str>) {
        self.kills += 1;
        self.by_time += u64::from(place.is_none());
        let inside = |place: &str| place.starts_with("in a commit") || place == "before a COMMIT";
        self.inside_a_commit += u64::from(place.is_some_and(inside));
        *self.places.entry(place.unwrap_or("some time").to_owned()).or_default() += 1;
    }
}

/// In memory where the system has such a folder. A kill leaves behind all that was written, so that a disk would only take its time.
fn quick_folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).unwrap()
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

impl World {
    fn new() -> Self {
        let folder = quick_folder();
        generate(folder.path(), "BTCUSDT-1m.csv", &["--days", "14", "--seed", "2"]);
        fs::write(folder.path().join("bot.toml"), CONFIG).unwrap();
        let whole =
            Outcome { csv: String::new(), tables: Default::default(), actions: String::new(), balance: String::new() };
        let mut world = Self { folder, whole, took: Duration::ZERO, effects: 0 };
        let began = Instant::now();
        assert_eq!(world.run("whole", None).0, Some(0));
        world.took = began.elapsed();
        world.whole = world.outcome("whole");
        let (_, log, _) = world.run_with("bare", &[], None);
        assert!(log.contains(&world.whole.actions), "an account without a memory does the same");
        // nearly all of it is commits of an intent or a fill, which have seven places each
        world.effects = 7 * (world.whole.tables[1].len() + world.whole.tables[2].len()) as u64;
        world
    }

    fn data_dir(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A run that goes on in this data directory until the data ends or the plug is pulled: exit code, stdout and stderr.
    fn run(&self, name: &str, plug: Option<Plug>) -> (Option<i32>, String, String) {
        self.run_with(name, &["--data-dir", name, "--out", &format!("{name}-out")], plug)
    }

    fn run_with(&self, name: &str, more: &[&str], plug: Option<Plug>) -> (Option<i32>, String, String) {
        let [log, err] = ["log", "err"].map(|file| self.folder.path().join(format!("{name}.{file}")));
        let mut command = bot(&["--paper", "--replay", "BTCUSDT-1m.csv", "--speed", "max"]);
        command.args(more).current_dir(self.folder.path()).env("RUST_LOG", "info,smolbear::run::realtime=debug");
        // files, since a reader that is slow would lose lines
        command.stdout(fs::File::create(&log).unwrap()).stderr(fs::File::create(&err).unwrap());
        if let Some(Plug::Effect(number)) = plug {
            command.env("SMOLBEAR_HOOK", format!("kill:{number}"));
        }
        let after = if let Some(Plug::After(time)) = plug { time } else { LIMIT };
        let mut child = command.spawn().unwrap();
        let code = end_or_kill(&mut child, after);
        (code, fs::read_to_string(log).unwrap(), fs::read_to_string(err).unwrap())
    }

    fn outcome(&self, name: &str) -> Outcome {
        let log = fs::read_to_string(self.folder.path().join(format!("{name}.log"))).unwrap();
        let line = |part: &str| log.lines().find_map(|line| Some(line[line.find(part)?..].to_owned())).unwrap();
        let database = Connection::open(self.data_dir(name).join("smolbear.db")).unwrap();
        let rows = |select: &str| {
            let mut select = database.prepare(select).unwrap();
            let columns = select.column_count();
            let rows = select.query_map([], |row| (0..columns).map(|column| row.get(column)).collect()).unwrap();
            rows.map(Result::unwrap).collect()
        };
        Outcome {
            csv: fs::read_to_string(self.folder.path().join(format!("{name}-out/trades.csv"))).unwrap(),
            tables: TABLES.map(rows),
            actions: line("actions hash "),
            balance: line("Balance: "),
        }
    }

    /// What the killed bot will get back; `None` where it had not yet kept anything.
    fn memory(&self, name: &str) -> Option<Memory> {
        let file = self.data_dir(name).join("smolbear.db");
        Database::read(&file).ok()?.memory().unwrap()
    }

    /// The killed account as a restart makes it.
    fn restored(&self, memory: Memory) -> Trader {
        let file = self.folder.path().join("bot.toml");
        let cli = cli::parse(["bot".as_ref(), "--paper".as_ref(), "--config".as_ref(), file.as_os_str()]).unwrap();
        let config = Config::load(&cli, &|_| None, self.folder.path()).unwrap();
        let rules = config.instruments_for(&memory.names.symbols).unwrap();
        Trader::restore(config.engine_settings(rules.clone()), config.matching_settings(rules), memory.trader)
    }

    /// A chain of runs in one data directory, each killed, until one reaches the end of the data.
    fn chain(&self, seed: u64, count: &mut Count) {
        let (name, mut random, mut resumed) = (format!("chain-{seed}"), Random(seed), None);
        loop {
            let plug = self.plug(&mut random);
            let (code, log, err) = self.run(&name, Some(plug));
            let context = || format!("seed {seed}, kill {}, {plug:?}:\n{}{err}", count.kills + 1, ending(&log));
            assert!(matches!(code, None | Some(0)), "exit code {code:?}, {}", context());
            assert!(
                code.is_some() || err.contains("killed ") || matches!(plug, Plug::After(_)),
                "it hangs, {}",
                context()
            );
            // killed too early, it said nothing
            let said = log.lines().find_map(|line| line.split_once("Resumed: ")).map(|(_, said)| said);
            let agree = said.zip(resumed.as_deref()).map(|(said, want)| said.starts_with(want));
            assert!(agree != Some(false), "{said:?} and not {resumed:?}, {}", context());
            if code.is_some() {
                assert_eq!(said.is_some(), resumed.is_some(), "{}", context());
                break;
            }
            count.add(err.trim_end().strip_prefix("killed "));
            resumed = self.memory(&name).map(|memory| {
                let latest = memory.cursor.latest;
                let trader = self.restored(memory);
                let (open, balance) = (trader.engine().positions().count(), trader.engine().account().balance);
                let balance = balance.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
                count.with_a_position += u64::from(open > 0);
                assert_protected(trader, latest);
                format!("{open} open position{}, balance {balance:.2} USDT", if open == 1 { "" } else { "s" })
            });
        }
        let outcome = self.outcome(&name);
        assert_eq!(outcome.csv, self.whole.csv, "trades.csv, seed {seed}");
        TABLES.iter().zip(outcome.tables.iter().zip(&self.whole.tables)).for_each(|(table, (rows, want))| {
            assert!(rows == want, "{table}, seed {seed}:\n{rows:?}\ninstead of\n{want:?}");
        });
        assert_eq!((&outcome.actions, &outcome.balance), (&self.whole.actions, &self.whole.balance), "seed {seed}");
        self.runs_again(&name);
    }

    fn plug(&self, random: &mut Random) -> Plug {
        match random.below(10) {
            0 | 1 => Plug::After(self.took.mul_f64(random.below(1000) as f64 / 4000.0)),
            // the start, and the first words of the journal
            2 => Plug::Effect(1 + random.below(12)),
            _ => Plug::Effect(1 + random.below(2 * self.effects / KILLS_A_CHAIN)),
        }
    }

    /// What all runs of a chain did is in its journal, and does the same once more.
    fn runs_again(&self, name: &str) {
        let ended = Running::start(bot(&["replay", name]).current_dir(self.folder.path())).end();
        let (hash, _) = self.whole.actions.split_once(" after ").unwrap();
        let same = format!("the same actions, {}", hash.strip_prefix("actions ").unwrap());
        assert_eq!((ended.code(), ended.with(&same).count()), (Some(0), 1), "{}{}", ended.stdout(), ended.stderr);
    }
}

/// Waits for the end, or kills after this time: the exit code, `None` after a kill.
fn end_or_kill(child: &mut Child, after: Duration) -> Option<i32> {
    let until = Instant::now() + after;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            child.kill().unwrap();
            return child.wait().unwrap().code();
        }
        thread::sleep(left.min(Duration::from_millis(1)));
    }
}

/// The last lines.
fn ending(log: &str) -> String {
    let from = log.lines().count().saturating_sub(20);
    log.lines().skip(from).map(|line| format!("{line}\n")).collect()
}

/// Each position has a stop for its whole size, at the venue as soon as the run has begun (S2).
fn assert_protected(mut trader: Trader, latest: Timestamp) {
    trader.check();
    while let Some(batch) = trader.outstanding() {
        trader.handle(latest, &Event::Committed { batch }, &mut Vec::new());
    }
    trader.check();
    let venue = trader.venue().matching().expect("on paper");
    for position in trader.engine().positions() {
        let is_stop = |order: &&OrderRequest| order.reduce_only && matches!(order.kind, OrderKind::StopMarket { .. });
        let covered = venue.open_orders(position.symbol).filter(is_stop).map(|order| order.qty).max();
        assert!(covered.is_some_and(|qty| qty >= position.qty), "{position:?} is covered by {covered:?}");
    }
}

#[test]
fn killed_again_and_again_the_account_ends_as_if_nobody_had_touched_it() {
    let _alone = alone();
    let (kills, first_seed) = (number("SMOLBEAR_KILLS", 20), number("SMOLBEAR_SEED", 1));
    let world = World::new();
    let trades = world.whole.tables[0].len();
    assert!(trades >= 100, "{trades} trades");
    assert!(!world.whole.tables[3].is_empty(), "funding was paid");
    let mut count = Count::default();
    for seed in first_seed.. {
        println!("seed {seed}, after {} kills", count.kills);
        world.chain(seed, &mut count);
        if count.kills >= kills {
            break;
        }
    }
    println!("{trades} trades, {count:#?}");
    assert!(count.with_a_position * 3 >= count.kills, "{count:?}");
    assert!(count.inside_a_commit * 10 >= count.kills, "{count:?}");
    assert!(count.by_time > 0 && count.by_time < count.kills, "{count:?}");
}
