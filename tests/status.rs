//! Whoever looks into a data directory sees how the bot is and what it has earned, and can take a copy, whether it runs or not.

use crate::{
    common::{BOT, Ended, LIMIT, Running, alone, bot, generate, own_folder, run},
    emergency::write_ruin,
};
use rust_decimal::Decimal;
use rustix::process::Signal;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A folder with a data directory in it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The program on the data directory `d`, with arguments as they are typed, in this folder.
    fn bot(&self, line: &str) -> Command {
        let mut command = bot(&line.split_whitespace().collect::<Vec<_>>());
        command.args(["--data-dir", "d"]).current_dir(self.0.path());
        command
    }

    fn run(&self, line: &str) -> Ended {
        Running::start(&mut self.bot(line)).end()
    }

    /// What it prints where nothing goes wrong.
    fn asked(&self, line: &str) -> String {
        let ended = self.run(line);
        assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""), "{line}");
        ended.stdout()
    }

    fn status(&self) -> Value {
        serde_json::from_str(&self.asked("status --json")).unwrap()
    }

    /// The names of the files in the folder, in order.
    fn files(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// A bot that has opened a position, a moment ago, and trades on.
    fn trading(&self) -> Running {
        let mut running = Running::start(&mut self.bot("--paper --speed 20000"));
        running.wait_for("[ENTRY]");
        running
    }
}

fn decimal(value: &Value) -> Decimal {
    value.as_str().unwrap_or_else(|| panic!("{value} is no decimal")).parse().unwrap()
}

fn cents(amount: Decimal) -> String {
    format!("{:+.2}", amount.round_dp_with_strategy(2, rust_decimal::RoundingStrategy::MidpointAwayFromZero))
}

/// A field of a row of `trades.csv`.
fn cell(row: &str, column: usize) -> &str {
    row.split(',').nth(column).unwrap()
}

#[test]
fn status_trades_and_trades_csv_agree() {
    let _alone = alone();
    let place = Place::new();
    generate(place.0.path(), "BTCUSDT-1m-made.csv", &["--days", "20"]);
    let ran = place.run("--paper --replay BTCUSDT-1m-made.csv --speed max --out out");
    assert_eq!(ran.code(), Some(0), "{}", ran.stderr);
    let csv = fs::read_to_string(place.path("out/trades.csv")).unwrap();
    let rows: Vec<_> = csv.lines().skip(1).collect();
    assert!(rows.len() >= 10, "{csv}");
    assert_eq!(place.asked("trades --csv"), csv);

    let (status, plain, table) = (place.status(), place.asked("status"), place.asked("trades"));
    let pnl = |row: &str| cell(row, 12).parse::<Decimal>().unwrap();
    let (sum, wins) =
        (rows.iter().map(|row| pnl(row)).sum(), rows.iter().filter(|row| pnl(row) > Decimal::ZERO).count());
    let all = &status["pnl"]["all"];
    assert_eq!((decimal(&all["usdt"]), &all["trades"], &all["wins"]), (sum, &rows.len().into(), &wins.into()));
    for (period, since) in [("today", status["pnl"]["today"]["from"]["utc"].as_str().unwrap()), ("last_7_days", "7d")] {
        let since = since.trim_end_matches("T00:00:00Z");
        let rows = place.asked(&format!("trades --csv --since {since}"));
        let sum: Decimal = rows.lines().skip(1).map(pnl).sum();
        let told = &status["pnl"][period];
        assert_eq!((decimal(&told["usdt"]), &told["trades"]), (sum, &(rows.lines().count() - 1).into()), "{period}");
    }
    assert!(status["pnl"]["last_7_days"]["trades"].as_u64() < all["trades"].as_u64(), "the market went on for longer");
    let line = plain.lines().find(|line| line.starts_with("  all")).unwrap();
    let words: Vec<_> = line.split_whitespace().collect();
    assert_eq!(words[1..3], [cents(sum), rows.len().to_string()], "{plain}");
    let last: Vec<_> = table.lines().rev().take(2).collect();
    assert!(last[1].starts_with(&format!("{} trades, {wins} won (", rows.len())), "{table}");
    assert!(last[1].ends_with(&format!("P&L {} USDT", cents(sum))), "{table}");
    assert_eq!(table.lines().count(), 1 + rows.len() + 3, "{table}");

    let objects: Vec<Value> =
        place.asked("trades --json").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.len(), rows.len());
    for (object, row) in objects.iter().zip(&rows) {
        assert_eq!([&object["symbol"], &object["qty"], &object["pnl"]], [0, 5, 12].map(|column| cell(row, column)));
        assert_eq!(object["exit_time"]["ms"].to_string(), cell(row, 6));
    }
}

#[test]
fn a_bot_that_ended_is_told_with_its_end() {
    let place = Place::new();
    let ran = place.run("--paper --speed 20000 --duration 2");
    let (status, plain) = (place.status(), place.asked("status"));
    assert_eq!((&status["running"], &status["pid"], &status["uptime_s"]), (&false.into(), &Value::Null, &Value::Null));
    let end = &status["last_end"];
    assert_eq!([&end["how"], &end["text"]], ["clean", "clean stop (duration reached)"]);
    assert_eq!((&end["exit_code"], &status["health"]["status"]), (&0.into(), &"healthy".into()));
    assert!(
        plain.starts_with("NOT RUNNING since 20") && plain.contains("\nLast run  clean stop (duration reached)\n"),
        "{plain}"
    );
    let balance = ran.with("   Balance: ").next().unwrap().message();
    let [told, equity] = ["balance", "equity"].map(|name| decimal(&status["account"][name]));
    assert!(
        balance.contains(&format!("Balance: {} USDT, equity {} ", &cents(told)[1..], &cents(equity)[1..])),
        "{balance}"
    );
    let open = status["positions"].as_array().unwrap();
    assert_eq!(open.len(), ran.with("   Stays open: ").count(), "{plain}");
    for (position, line) in open.iter().zip(ran.with("   Stays open: ")) {
        let words = format!("{} @ ", position["qty"].as_str().unwrap());
        assert!(
            line.text.contains(position["symbol"].as_str().unwrap()) && line.text.contains(&words),
            "{}",
            line.text
        );
        let unrealised = cents(decimal(&position["unrealised"]));
        assert!(
            line.text.contains(&format!("({unrealised} USDT)")) && plain.contains(&unrealised),
            "{} {plain}",
            line.text
        );
    }
    assert!(!status["signals"].as_array().unwrap().is_empty(), "{plain}");
    assert!(plain.lines().count() <= 40, "{plain}");
    assert!(
        status["store"]["database_bytes"].as_u64() > Some(10_000)
            && status["store"]["journal_bytes"].as_u64() > Some(1_000)
    );
}

#[test]
fn a_bot_that_runs_and_one_that_was_killed_are_told_apart_and_have_their_positions() {
    let place = Place::new();
    let mut running = place.trading();
    let position = until("a position is saved", || {
        let status = place.status();
        assert_eq!((&status["running"], &status["health_overdue"]), (&true.into(), &false.into()));
        assert_eq!(status["pid"], running.pid().as_raw_pid());
        (status["positions"].as_array().is_some_and(|open| !open.is_empty())).then(|| status["positions"][0].clone())
    });
    for price in ["entry_price", "stop", "target", "mark", "qty"] {
        assert!(decimal(&position[price]) > Decimal::ZERO, "{price}: {position}");
    }
    let plain = place.asked("status");
    assert!(
        plain.starts_with("RUNNING for ") && plain.contains(&format!("(process {})", running.pid().as_raw_pid())),
        "{plain}"
    );
    running.wait_for("-HIT]");
    until("a trade is saved", || place.asked("trades").contains(", P&L ").then_some(()));
    running.signal(Signal::KILL);
    running.end();
    let status = place.status();
    assert_eq!((&status["running"], &status["last_end"]["how"]), (&false.into(), &"killed".into()));
    assert_eq!((&status["last_end"]["at"], &status["last_end"]["exit_code"]), (&Value::Null, &Value::Null));
    let plain = place.asked("status");
    assert!(
        plain.starts_with("NOT RUNNING, last heard of 20") && plain.contains("Last run  killed: no end"),
        "{plain}"
    );
    assert!(place.asked("trades --csv").lines().count() > 1);
    assert_eq!(place.run("--paper --speed 20000 --duration 0.5").code(), Some(0));
    let errors = place.status()["errors"].clone();
    let told =
        errors.as_array().unwrap().iter().filter(|line| line["text"].as_str().unwrap().starts_with("Last run: killed"));
    assert_eq!(told.count(), 1, "the next run keeps what it had to warn of: {errors}");
}

/// Asks again and again.
fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(begun.elapsed() < LIMIT, "{what}: not in time");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_copy_that_was_made_while_the_bot_ran_goes_on_elsewhere() {
    let place = Place::new();
    let mut running = place.trading();
    running.wait_for("-HIT]");
    let made = until("a copy with a trade", || {
        let _ = fs::remove_file(place.path("copy.db"));
        let made = place.run("backup copy.db");
        assert_eq!((made.code(), made.stdout().as_str()), (Some(0), ""), "{}", made.stderr);
        fs::create_dir_all(place.path("e")).unwrap();
        fs::copy(place.path("copy.db"), place.path("e/smolbear.db")).unwrap();
        (elsewhere(&place, "trades --csv").lines().count() > 1).then_some(made)
    });
    running.signal(Signal::KILL);
    running.end();
    let path = place.path("copy.db");
    let size = fs::metadata(&path).unwrap().len().div_ceil(1024);
    for part in [
        format!("{} written: {size} kB, the account as of 20", path.display()),
        format!("rm -f {} {}", place.path("d/smolbear.db-wal").display(), place.path("d/smolbear.db-shm").display()),
        format!("cp {} {}", path.display(), place.path("d/smolbear.db").display()),
    ] {
        assert!(made.stderr.contains(&part), "no `{part}` in {}", made.stderr);
    }
    let status: Value = serde_json::from_str(&elsewhere(&place, "status --json")).unwrap();
    let balance = cents(decimal(&status["account"]["balance"]));
    let resumed =
        run(&["--paper", "--speed", "20000", "--duration", "1", "--data-dir", place.path("e").to_str().unwrap()]);
    assert_eq!(resumed.code(), Some(0), "{}", resumed.stderr);
    assert_eq!(resumed.with(&format!("balance {} USDT", &balance[1..])).count(), 1, "{}", resumed.stdout());
    assert_eq!(place.files(), ["copy.db", "d", "e"]);
}

fn elsewhere(place: &Place, line: &str) -> String {
    let mut command = bot(&line.split_whitespace().collect::<Vec<_>>());
    let ended = Running::start(command.arg("--data-dir").arg(place.path("e"))).end();
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""), "{line}");
    ended.stdout()
}

#[test]
fn a_copy_replaces_nothing_and_leaves_nothing_half_written() {
    let place = Place::new();
    assert_eq!(place.run("--paper --speed 20000 --duration 0.5").code(), Some(0));
    fs::write(place.path("mine"), "precious").unwrap();
    for (to, says) in [
        ("mine", "/mine: is there already, and a backup replaces nothing"),
        ("d", "/d: is there already"),
        ("nowhere/copy.db", "/nowhere/copy.db: No such file or directory (os error 2)"),
    ] {
        let refused = place.run(&format!("backup {to}"));
        assert_eq!((refused.code(), refused.stdout().as_str()), (Some(2), ""), "{to}");
        assert!(refused.stderr.starts_with("bot: /") && refused.stderr.contains(says), "{}", refused.stderr);
    }
    assert_eq!(place.run("backup whole.db").code(), Some(0));
    fs::create_dir(place.path("e")).unwrap();
    fs::rename(place.path("whole.db"), place.path("e/smolbear.db")).unwrap();
    let small = |command: &str| {
        let script = format!("trap '' XFSZ; ulimit -S -f 8; exec \"$0\" {command} --data-dir e");
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &script, BOT]).current_dir(place.0.path()).env_clear().stdin(Stdio::null());
        Running::start(&mut shell).end()
    };
    let looked = small("status");
    assert_eq!(looked.code(), Some(0), "to look needs no room: {}", looked.stderr);
    let full = small("backup copy.db");
    assert!(full.code().is_some_and(|code| code > 0), "{full:?}");
    assert!(full.stderr.contains("/copy.db: File too large") && full.stdout().is_empty(), "{full:?}");
    assert_eq!(place.files(), ["d", "e", "mine"]);
    assert_eq!(fs::read_to_string(place.path("mine")).unwrap(), "precious");
}

#[test]
fn where_no_account_is_kept_the_folder_is_named_and_none_is_made() {
    let folder = own_folder();
    for line in ["status", "status --json", "trades --csv", "backup x.db"] {
        let args: Vec<_> = line.split_whitespace().collect();
        for flag in [&[][..], &["--data-dir", folder.to_str().unwrap()]] {
            let mut command = bot(&args);
            let refused = Running::start(command.args(flag).env("STATE_DIRECTORY", &folder)).end();
            assert_eq!((refused.code(), refused.stdout().as_str()), (Some(2), ""), "{line}");
            let says = format!("bot: {}: no account is kept there\n", folder.display());
            assert!(refused.stderr.starts_with(&says) && refused.stderr.contains("--data-dir"), "{}", refused.stderr);
        }
    }
    assert!(!folder.exists() && !Path::new("x.db").exists());
}

#[test]
fn a_time_that_is_none_is_refused_with_what_is_allowed() {
    let place = Place::new();
    assert_eq!(place.run("--paper --speed 20000 --duration 0.5").code(), Some(0));
    for since in ["yesterday", "7", "7w", "2025-02-30"] {
        let refused = place.run(&format!("trades --since {since}"));
        assert_eq!((refused.code(), refused.stdout().as_str()), (Some(2), ""), "{since}");
        let says = format!(
            "bot: --since {since}: write a market time in UTC, like 2025-01-31 or 2025-01-31T12:30, or how far"
        );
        assert!(refused.stderr.starts_with(&says), "{}", refused.stderr);
    }
    assert_eq!(place.asked("trades --since 2999-01-01"), "No trades since 2999-01-01 00:00 UTC\n");
    assert_eq!(place.asked("trades --json --since 2999-01-01"), "");
    assert_eq!(place.asked("trades --csv --since 2999-01-01").lines().count(), 1, "the names of the columns");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure_and_a_full_disk_is_one() {
    let place = Place::new();
    assert_eq!(place.run("--paper --speed 20000 --duration 0.5").code(), Some(0));
    for line in ["status", "status --json", "trades", "trades --csv"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let gone = place.bot(line).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!((gone.status.code(), gone.stderr.as_slice()), (Some(0), &b""[..]), "{line}");
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let full = place.bot(line).stdout(full).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(full.status.code(), Some(1), "{line}");
        assert!(String::from_utf8_lossy(&full.stderr).contains("No space left on device"), "{line}");
    }
}

#[test]
fn a_halt_is_told_with_how_to_clear_it() {
    let place = Place::new();
    write_ruin(place.0.path());
    let ran = place.run("--paper --replay BTCUSDT-1m.csv --speed max");
    assert_eq!(ran.code(), Some(3), "{}", ran.stderr);
    let (status, plain) = (place.status(), place.asked("status"));
    assert_eq!((&status["last_end"]["how"], &status["halts"][0]["kind"]), (&"emergency".into(), &"emergency".into()));
    let halted = format!("\nHALTED    {}, since ", status["halts"][0]["reason"].as_str().unwrap());
    assert!(plain.contains(&halted) && plain.contains("with --clear-emergency\n"), "{plain}");
    let errors = status["errors"].as_array().unwrap();
    assert!(errors.iter().any(|line| line["text"] == "Emergency stop: the account is empty"), "{plain}");
    assert!(plain.contains("Emergency stop: the account is empty"), "{plain}");
}
