//! A bot that starts again: what it gets back, what it says of the run before, and what it refuses to touch.

use crate::{
    common::{Ended, LIMIT, Running, bot},
    emergency::RUINOUS,
};
use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};
use smolbear::store::{Cursor, Database};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// 2025-01-01 00:00 UTC.
const START_MS: i64 = 1_735_689_600_000;
const DAY: i64 = 1440;

/// A folder with a configuration that decides each minute, files of candles by hand, and the data directory `d`.
struct Place {
    folder: tempfile::TempDir,
}

/// Opens and closes of minutes.
type Prices = Vec<(f64, f64)>;

fn falling(from: f64, minutes: i32) -> Prices {
    let at = |minute: i32| from - 100.0 * f64::from(minute);
    (0..minutes).map(|minute| (at(minute), at(minute + 1))).collect()
}

fn flat(at: f64, minutes: usize) -> Prices {
    vec![(at, at); minutes]
}

impl Place {
    /// With `a`: bought at 98,500 after a fall, and open with a stop 120 below when the data ends; `b`, three days later: it begins at 97,000,
    /// and falls so that a bot buys; `c`, a day after that, is another fall.
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        place.write(
            "bot.toml",
            "[risk]\nmax_losses_in_row = 0\n[[strategy]]\nkind = \"oversold_bounce\"\ntimeframe = \"1m\"\n",
        );
        place.candles("a", 0, [falling(100_000.0, 15), flat(98_500.0, 30)].concat());
        place.candles("b", 3 * DAY, [falling(97_000.0, 20), flat(95_000.0, 10)].concat());
        place.candles("c", 4 * DAY, [falling(95_000.0, 20), flat(93_000.0, 10)].concat());
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// A file `NAME/BTCUSDT-1m.csv` of minutes, the first of them so many after [`START_MS`].
    fn candles(&self, name: &str, from: i64, prices: Prices) {
        let mut rows = String::new();
        for (minute, (open, close)) in (from..).zip(prices) {
            let (time, high, low) = (START_MS + 60_000 * minute, open.max(close), open.min(close));
            writeln!(rows, "{time},{open},{high},{low},{close},5").unwrap();
        }
        fs::create_dir(self.path(name)).unwrap();
        self.write(&format!("{name}/BTCUSDT-1m.csv"), &rows);
    }

    /// The program in this folder.
    fn start(&self, args: &[&str], hook: &str) -> Running {
        Running::start(bot(args).current_dir(self.folder.path()).env("SMOLBEAR_HOOK", hook))
    }

    /// A run over candles in the data directory, to its end.
    fn replay(&self, candles: &str, more: &[&str]) -> Ended {
        self.killed_at("", candles, more)
    }

    fn killed_at(&self, hook: &str, candles: &str, more: &[&str]) -> Ended {
        let file = format!("{candles}/BTCUSDT-1m.csv");
        let args = ["--paper", "--replay", &file, "--speed", "max", "--data-dir", "d"];
        self.start(&[&args[..], more].concat(), hook).end()
    }

    /// A run in real time in the data directory, once it trades.
    fn trading(&self, hook: &str) -> Running {
        self.trading_with(&[], hook)
    }

    fn trading_with(&self, more: &[&str], hook: &str) -> Running {
        let mut running = self.start(&[&["--paper", "--data-dir", "d"], more].concat(), hook);
        running.wait_for("🔄 Processing");
        let until = Instant::now() + LIMIT;
        while !self.has_begun() {
            assert!(Instant::now() < until, "the run is not on the disk");
            thread::sleep(Duration::from_millis(1));
        }
        running
    }

    /// Whether the disk has the beginning of the run that holds the data directory.
    fn has_begun(&self) -> bool {
        let runs = Database::read(&self.database()).and_then(|database| database.runs(1)).unwrap_or_default();
        runs.first().is_some_and(|(run, _)| run.pid.cast_signed() == self.holder().as_raw_pid())
    }

    /// How the last run ended, in the words of the next.
    fn last_run(&self) -> String {
        let running = self.trading("");
        let line = running.seen.iter().find_map(|line| line.text.split_once("Last run: "));
        line.unwrap_or_else(|| panic!("{:#?}", running.seen)).1.to_owned()
    }

    /// A run in real time that this signal ends.
    fn ended_by(&self, signal: Signal, more: &[&str]) -> Ended {
        let running = self.trading_with(more, "");
        running.signal(signal);
        running.end()
    }

    /// All files under `name` with what is in them.
    fn contents(&self, name: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        fn gather(path: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
            if path.is_dir() {
                fs::read_dir(path).unwrap().for_each(|entry| gather(&entry.unwrap().path(), found));
            } else if path.exists() {
                found.insert(path.to_owned(), fs::read(path).unwrap());
            }
        }
        let mut found = BTreeMap::new();
        gather(&self.path(name), &mut found);
        found
    }

    /// The process that holds the data directory.
    fn holder(&self) -> Pid {
        let pid = fs::read_to_string(self.path("d/lock")).unwrap();
        Pid::from_raw(pid.trim().parse().unwrap()).unwrap()
    }

    /// Where the account stands in its data.
    fn cursor(&self) -> Option<Cursor> {
        Database::read(&self.database()).unwrap().memory().unwrap().map(|memory| memory.cursor)
    }

    fn database(&self) -> PathBuf {
        self.path("d/smolbear.db")
    }

    /// Everything into the file itself, so that there is one file to damage or to compare.
    fn checkpoint(&self) -> Connection {
        let database = Connection::open(self.database()).unwrap();
        let busy: i64 = database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).unwrap();
        assert_eq!(busy, 0);
        database
    }
}

/// Those of the files that are in this folder.
fn within(files: &BTreeMap<PathBuf, Vec<u8>>, folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    files
        .iter()
        .filter(|(path, _)| path.starts_with(folder))
        .map(|(path, bytes)| (path.clone(), bytes.clone()))
        .collect()
}

/// The rest of the first line with `part`.
fn after<'a>(ended: &'a Ended, part: &str) -> &'a str {
    let line = ended.lines.iter().find_map(|line| Some(line.text.split_once(part)?.1));
    line.unwrap_or_else(|| panic!("no `{part}` in:\n{}{}", ended.stdout(), ended.stderr))
}

fn assert_code(ended: &Ended, code: i32) {
    assert_eq!(ended.code(), Some(code), "{}{}", ended.stdout(), ended.stderr);
}

/// It ends with 2, and stderr says all of this.
fn assert_refused(ended: &Ended, words: &[&str]) {
    assert_code(ended, 2);
    words.iter().for_each(|word| assert!(ended.stderr.contains(word), "no `{word}` in: {}", ended.stderr));
    assert_eq!(ended.with("Production trading loop active").count(), 0, "{}", ended.stdout());
}

#[test]
fn an_account_goes_on_with_its_balance_and_its_open_position() {
    let place = Place::new();
    let first = place.replay("a", &[]);
    assert_code(&first, 0);
    assert_eq!(first.with("Resumed: ").count(), 0, "there is nothing to go on from");
    let balance = after(&first, "Balance: ").split_once(", equity").unwrap().0;
    let open = after(&first, "Stays open: ");
    let second = place.replay("a", &[]);
    assert_code(&second, 0);
    let want = format!("1 open position, balance {balance} (market time 2025-01-01 00:45 UTC)");
    assert_eq!(after(&second, "Resumed: "), want);
    assert_eq!(after(&second, "Stays open: "), open, "and its stop");
    assert_eq!(second.with("[ENTRY]").count() + second.with("-HIT]").count(), 0, "no candle is traded on twice");
}

#[test]
fn a_start_says_why_the_last_run_ended() {
    let place = Place::new();
    assert_eq!(place.ended_by(Signal::TERM, &[]).code(), Some(0));
    // dropped, it is killed
    assert_eq!(place.last_run(), "clean stop (SIGTERM)");
    let killed = place.last_run();
    assert!(killed.starts_with("killed: no end was recorded"), "{killed}");
    assert_eq!(place.start(&["--paper", "--data-dir", "d", "--duration", "0.1"], "").end().code(), Some(0));
    assert_eq!(place.last_run(), "clean stop (duration reached)");
}

#[cfg(debug_assertions)]
#[test]
fn a_start_says_what_the_last_run_crashed_with() {
    let place = Place::new();
    assert_code(&place.trading("panic:trading:200").end(), 70);
    assert_eq!(place.last_run(), "crash: task trading loop panicked: the tests' hook made it panic");
}

#[test]
fn a_start_says_that_the_supervisor_found_the_last_run_frozen() {
    let place = Place::new();
    place.write("bot.toml", "[supervisor]\nfreeze_after_s = 2\nrestart_delay_s = 0\n");
    let mut running = place.trading_with(&["--auto-restart"], "");
    let frozen = place.holder();
    kill_process(frozen, Signal::STOP).unwrap();
    let line = running.wait_for("Last run: ");
    running.wait_for("🔄 Processing");
    let (_, why) = line.text.split_once("Last run: ").unwrap();
    assert!(why.starts_with("frozen for ") && why.ends_with(" s and killed by the supervisor"), "{why}");
    assert_ne!(place.holder(), frozen);
    running.signal(Signal::TERM);
    assert_eq!(running.end().code(), Some(0));
}

#[test]
fn a_second_bot_ends_with_75_at_once_and_names_the_first_and_a_killed_one_holds_nothing() {
    let place = Place::new();
    let first = place.trading("");
    let (pid, mut times) = (first.pid().as_raw_pid(), Vec::new());
    // a single one may meet a moment in which other tests have the processor
    for _ in 0..3 {
        let second = place.start(&["--paper", "--data-dir", "d"], "").end();
        assert_code(&second, 75);
        assert!(second.stderr.contains(&format!("is held by another bot (process {pid})")), "{}", second.stderr);
        times.push(second.took);
    }
    assert!(times.iter().min() < Some(&Duration::from_secs(1)), "{times:?}");
    first.signal(Signal::KILL);
    assert_eq!(first.end().code(), None);
    assert_ne!(place.trading("").pid().as_raw_pid(), pid);
}

#[test]
fn a_fresh_account_sets_the_old_ones_aside_and_deletes_nothing() {
    let place = Place::new();
    let mut kept = BTreeMap::new();
    for time in 0..3 {
        let ended = place.replay("a", if time == 0 { &[] } else { &["--fresh"] });
        assert_code(&ended, 0);
        assert_eq!(ended.with("Resumed: ").count(), 0);
        assert_eq!(ended.with("[ENTRY]").count(), 1, "it begins with nothing: {}", ended.stdout());
        let old = place.contents("d/old");
        let folders: Vec<_> = fs::read_dir(place.path("d/old")).into_iter().flatten().flatten().collect();
        assert_eq!(folders.len(), time);
        assert!(kept.iter().all(|(path, bytes)| old.get(path) == Some(bytes)), "what was aside stays as it is");
        if time > 0 {
            let aside = after(&ended, "is set aside in ");
            assert!(Path::new(aside).join("smolbear.db").exists(), "{aside}");
            let file = Path::new(aside).join("smolbear.db");
            assert_eq!(Database::read(&file).unwrap().memory().unwrap().map(|memory| memory.cursor), place.cursor());
            // reading it made files beside it
            kept = place.contents("d/old");
        }
    }
}

#[test]
fn a_damaged_memory_is_refused_and_untouched_until_the_user_accepts_a_new_one() {
    let place = Place::new();
    assert_code(&place.replay("a", &[]), 0);
    drop(place.checkpoint());
    let mut bytes = fs::read(place.database()).unwrap();
    // the header says that it is a database, and the pages are none
    bytes[200..].iter_mut().for_each(|byte| *byte = !*byte);
    fs::write(place.database(), &bytes).unwrap();
    let before = place.contents("d");
    let name = place.database();
    let name = name.to_str().unwrap();
    assert_refused(&place.replay("a", &[]), &[name, "--accept-new-store", "bot backup"]);
    assert_eq!(place.contents("d/smolbear.db"), BTreeMap::from([(place.database(), bytes.clone())]));
    assert_eq!(place.contents("d/journal"), within(&before, &place.path("d/journal")));
    let accepted = place.replay("a", &["--accept-new-store"]);
    assert_code(&accepted, 0);
    assert_eq!((accepted.with("Resumed: ").count(), accepted.with("[ENTRY]").count()), (0, 1));
    let aside = Path::new(after(&accepted, "is set aside in ")).join("smolbear.db");
    assert!(fs::read(aside).unwrap() == bytes, "byte for byte");
    assert_code(&place.replay("a", &[]), 0);
}

#[test]
fn a_memory_of_a_later_version_is_refused_and_untouched() {
    let place = Place::new();
    assert_code(&place.replay("a", &[]), 0);
    let database = place.checkpoint();
    database.execute("UPDATE runs SET wrote = '9.8.7'", []).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(place.checkpoint());
    drop(database);
    let bytes = fs::read(place.database()).unwrap();
    for more in [&[][..], &["--accept-new-store"], &["--clear-emergency"]] {
        assert_refused(&place.replay("a", more), &["smolbear.db: written by 9.8.7, which this program ("]);
        assert!(fs::read(place.database()).unwrap() == bytes, "{more:?}");
        assert!(!place.path("d/old").exists(), "{more:?}");
    }
}

#[test]
fn an_account_is_not_traded_on_in_another_market() {
    let place = Place::new();
    assert_code(&place.replay("a", &[]), 0);
    drop(place.checkpoint());
    let bytes = fs::read(place.database()).unwrap();
    let made_up = place.start(&["--paper", "--data-dir", "d", "--seed", "7"], "").end();
    let words = ["trades recorded candles", "would trade made-up prices (seed 7)", "--data-dir", "--fresh"];
    assert_refused(&made_up, &words);
    assert!(fs::read(place.database()).unwrap() == bytes);
    assert_code(&place.replay("a", &[]), 0);
}

#[cfg(debug_assertions)]
#[test]
fn five_kills_halt_it_so_that_it_keeps_its_stops_and_opens_nothing_until_the_user_says_so() {
    let place = Place::new();
    assert_code(&place.replay("a", &[]), 0);
    for _ in 0..5 {
        // once the run's beginning is on the disk, and before a candle of it
        let killed = place.killed_at("kill:5", "b", &[]);
        assert_eq!((killed.code(), killed.with("HALTED").count()), (None, 0), "{}", killed.stdout());
    }
    let halted = place.replay("b", &["--out", "o"]);
    assert_code(&halted, 0);
    assert!(halted.with("ERROR HALTED: 5 ends within ten minutes that nobody asked for").count() == 1);
    assert_eq!((halted.with("[STOP-LOSS-HIT]").count(), halted.with("[ENTRY]").count()), (1, 0));
    assert_eq!(fs::read_to_string(place.path("o/trades.csv")).unwrap().lines().count(), 2);
    let again = place.replay("c", &[]);
    assert_eq!((again.code(), again.with("[ENTRY]").count()), (Some(0), 0), "the time is not over");
    // the same candles once more would be history
    place.candles("e", 5 * DAY, [falling(93_000.0, 20), flat(91_000.0, 10)].concat());
    let cleared = place.replay("e", &["--clear-emergency"]);
    assert_code(&cleared, 0);
    assert_eq!(cleared.with("HALTED").count(), 0);
    assert!(cleared.with("[ENTRY]").count() > 0, "{}", cleared.stdout());
    let control = Place::new();
    for (candles, entries) in [("a", 1), ("b", 5), ("c", 5)] {
        let ended = control.replay(candles, &[]);
        assert_eq!(ended.with("[ENTRY]").count(), entries, "without a halt it opens: {}", ended.stdout());
    }
}

#[test]
fn after_an_emergency_a_halted_run_ends_as_any_other() {
    let place = Place::new();
    place.write("bot.toml", RUINOUS);
    place.candles("ruin", 0, [falling(100_000.0, 15), flat(98_500.0, 3 * 1440)].concat());
    assert_code(&place.replay("ruin", &[]), 3);
    let args = ["--paper", "--replay", "b/BTCUSDT-1m.csv", "--data-dir", "d", "--duration", "0.5"];
    let halted = place.start(&args, "").end();
    assert_code(&halted, 0);
    assert_eq!(after(&halted, "Last run: "), "emergency stop");
    assert_eq!(halted.with("ERROR HALTED: ").count(), 1, "{}", halted.stdout());
    assert!(halted.last().contains(" s (duration reached)"), "{}", halted.last());
}

#[test]
fn a_killed_child_goes_on_with_the_trades_of_before() {
    let place = Place::new();
    place.write("bot.toml", "[supervisor]\nrestart_delay_s = 0\n[risk]\nmax_trades_per_day = 1000\nmax_losses_in_row = 0\nmax_correlation = 1\nbreaker_correlation = 1\n");
    let args = ["--auto-restart", "--speed", "36000", "--out", "o"];
    let mut running = place.trading_with(&args, "");
    (0..5).for_each(|_| drop(running.wait_for("-HIT]")));
    let rows = || {
        let text = fs::read_to_string(place.path("o/trades.csv")).unwrap_or_default();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let before = rows();
    kill_process(place.holder(), Signal::KILL).unwrap();
    assert!(before.len() > 3, "{before:#?}");
    running.wait_for("Resumed: ");
    running.wait_for("-HIT]");
    running.signal(Signal::TERM);
    assert_eq!(running.end().code(), Some(0));
    let after = rows();
    // the last row may just have been written
    let whole = &before[..before.len() - 1];
    assert!(after.len() > before.len() && after.starts_with(whole), "{before:#?} {after:#?}");
    let trades = Database::read(&place.database()).unwrap().trades(smolbear::market::Timestamp(0)).unwrap();
    assert!(after[1..].iter().eq(trades.iter().map(ToString::to_string).collect::<Vec<_>>().iter()));
}

#[test]
fn what_happened_while_it_was_down_is_made_up_for_at_the_first_price() {
    let place = Place::new();
    assert_code(&place.replay("a", &[]), 0);
    assert_code(&place.replay("b", &["--out", "o"]), 0);
    let trades = fs::read_to_string(place.path("o/trades.csv")).unwrap();
    let column = |name: &str| {
        let mut lines = trades.lines().map(|line| line.split(','));
        let index = lines.next().unwrap().position(|heading| heading == name).unwrap();
        lines.next().unwrap().nth(index).unwrap().to_owned()
    };
    // the first open is 97,000, below the stop; a market order is filled 0.05 % worse
    assert_eq!([column("reason"), column("exit_price")], ["stop", "96951.5"]);
    assert_eq!(column("exit_time_ms"), (START_MS + 3 * DAY * 60_000).to_string());
    // three times a day from 08:00 of the first day until it was closed
    assert_eq!(column("funding"), "0.8865");
    let database = Connection::open(place.database()).unwrap();
    let mut select = database.prepare("SELECT at_ms FROM funding ORDER BY at_ms").unwrap();
    let times: Vec<i64> = select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let due: Vec<i64> = (1..=9).map(|time| START_MS + time * 8 * 3_600_000).collect();
    assert_eq!(times, due);
}

#[test]
fn an_experiment_leaves_no_folder_behind_and_has_no_account_to_set_aside() {
    let place = Place::new();
    let home = place.path("home");
    let run = |more: &[&str]| {
        let mut command = bot(&["--paper", "--replay", "a/BTCUSDT-1m.csv", "--speed", "max"]);
        command.args(more).current_dir(place.folder.path()).env_remove("STATE_DIRECTORY").env("HOME", &home);
        Running::start(&mut command).end()
    };
    let before = place.contents("");
    assert_code(&run(&[]), 0);
    for flag in ["--fresh", "--accept-new-store", "--clear-emergency"] {
        assert_refused(&run(&[flag]), &[flag, "--data-dir"]);
        assert_refused(&run(&[flag, "--dry-run"]), &[flag, "--data-dir"]);
    }
    assert!(place.contents("") == before && !home.exists());
}

#[test]
fn a_dry_run_touches_nothing() {
    let place = Place::new();
    let dry = |more: &[&str]| place.replay("b", &[&["--dry-run", "--out", "o"], more].concat());
    assert_code(&dry(&[]), 0);
    assert!(!place.path("d").exists() && !place.path("o").exists(), "it makes nothing");
    assert_code(&place.replay("a", &[]), 0);
    // SQLite's readers take notes in its index, which holds nothing of the account, and make an empty log where there is none
    let contents = || {
        let mut all = place.contents("");
        all.retain(|path, bytes| {
            !(path.ends_with("smolbear.db-shm") || path.ends_with("smolbear.db-wal") && bytes.is_empty())
        });
        all
    };
    let before = contents();
    for more in [&[][..], &["--fresh"], &["--clear-emergency"]] {
        assert_code(&dry(more), 0);
        let now = contents();
        let changed = now.iter().filter(|(path, bytes)| before.get(*path) != Some(bytes));
        let changed: Vec<_> = changed.map(|(path, _)| path).collect();
        assert!(changed.is_empty(), "{more:?}: {changed:?}");
        assert!(now.keys().eq(before.keys()), "{more:?}");
    }
    assert!(after(&place.replay("a", &[]), "Resumed: ").starts_with("1 open position"));
}
