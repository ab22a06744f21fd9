//! What a run says and when, and that it ends when it was told to.

use crate::common::{BOT, Ended, LIMIT, Line, Running, alone, bot, generate, proc_status, run};
use rustix::process::Pid;
use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

const SYMBOLS: [&str; 3] = ["BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"];
const HEARTBEAT: &str = "💓 Heartbeat";
const STOPPED: &str = "✓ Health monitor stopped";

/// The lines of a start in their order and wording; others may stand between them.
const BEGINNING: [&str; 14] = [
    "PAPER TRADING: simulated money, no order leaves this machine",
    "STARTING LIVE TRADING",
    "======================================================================",
    "✓ Health monitor started in background",
    "STARTING PRODUCTION TRADING LOOP",
    "[DEBUG] About to call start_live_trading()",
    "STARTING LIVE TRADING ENGINE",
    "✓ LIVE TRADING ENGINE STARTED SUCCESSFULLY",
    "🚀 Production trading loop active",
    "   Mode: paper",
    "   Market: made-up prices (seed 1); real ones: --replay FILE",
    "   Duration: 300s",
    "   Active Symbols: 3",
    "🔄 Processing 3 symbols: ['BTC/USDT:USDT', 'ETH/USDT:USDT', 'SOL/USDT:USDT']",
];

fn assert_in_order(lines: &[Line], want: &[&str]) {
    let mut rest = lines.iter();
    for want in want {
        assert!(rest.any(|line| line.message() == *want), "`{want}` is missing or too late in {lines:#?}");
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

#[test]
fn a_start_says_the_fixed_lines_in_their_order_within_a_second() {
    let mut tries = Vec::new();
    while tries.len() < 3 && tries.last().is_none_or(|took| *took >= seconds(1.0)) {
        let mut running = Running::start(&mut bot(&["--paper", "--duration", "300"]));
        let loops = running.wait_for("🔄 Processing");
        assert_eq!(running.seen[0].message(), BEGINNING[0], "the first line of all");
        assert_in_order(&running.seen, &BEGINNING);
        tries.push(loops.at - running.started);
    }
    assert!(tries.last().is_some_and(|took| *took < seconds(1.0)), "{tries:?}");
}

#[test]
fn without_a_duration_it_is_indefinite_and_the_files_are_the_market() {
    let folder = tempfile::tempdir().unwrap();
    let file = generate(folder.path(), "ETHUSDT-1m.csv", &["--symbol", "ETHUSDT", "--days", "1"]);
    let ended = run(&["--paper", "--replay", &file, "--speed", "max"]);
    let market = format!("   Market: {file}");
    let loops = "🔄 Processing 1 symbols: ['ETH/USDT:USDT']";
    assert_in_order(&ended.lines, &[&market, "   Duration: Indefinite", "   Active Symbols: 1", loops]);
}

/// Minutes between the wall clock and a line's time stamp, where the stamp has the format at all.
fn minutes_ahead(line: &str) -> Option<i64> {
    let (stamp, _) = line.split_at_checked(19)?;
    let zeros: String = stamp.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    (zeros == "0000-00-00 00:00:00" && line[19..].starts_with(" - ")).then_some(())?;
    let stamp: jiff::civil::DateTime = stamp.replacen(' ', "T", 1).parse().ok()?;
    let stamp = jiff::tz::TimeZone::UTC.to_timestamp(stamp).ok()?;
    Some((stamp.as_second() - jiff::Timestamp::now().as_second() + 30).div_euclid(60))
}

#[test]
fn every_line_has_the_local_time_and_none_is_coloured() {
    for (zone, ahead) in [("UTC", 0), ("<+0530>-5:30", 330)] {
        let args = ["--paper", "--speed", "36000", "--duration", "1", "--debug"];
        let ended = Running::start(bot(&args).env("TZ", zone).env("TERM", "xterm-256color")).end();
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        for Line { text, .. } in &ended.lines {
            assert_eq!(minutes_ahead(text), Some(ahead), "{text}");
            assert!(!text.contains(char::is_control), "{text:?}");
        }
    }
}

#[test]
fn at_warn_a_good_run_says_nothing_at_all() {
    let args = ["--paper", "--speed", "36000", "--duration", "1"];
    let mut quiet = bot(&args);
    quiet.env("RUST_LOG", "warn").env("HEALTH_CHECK_INTERVAL", "1");
    let [loud, quiet] = [&mut bot(&args), &mut quiet].map(Running::start).map(Running::end);
    assert!(loud.with("[ENTRY]").count() >= 2, "it is a run with trades: {}", loud.stdout());
    assert_eq!((quiet.stdout(), quiet.stderr, quiet.status.code()), (String::new(), String::new(), Some(0)));
}

/// The command of a crontab: nothing is in the environment but what the line itself sets.
fn cron_line(folder: &Path) -> Command {
    let mut command = Command::new(BOT);
    command.args(["--paper", "--duration", "6"]).env_clear().env("HEALTH_CHECK_INTERVAL", "1").current_dir(folder);
    command.stdin(Stdio::null());
    command
}

#[test]
fn the_line_of_a_crontab_runs_as_long_as_it_says_with_a_beat_each_second() {
    let [folder, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let log = folder.path().join("log");
    let into_file = thread::spawn({
        let (mut command, log) = (cron_line(folder.path()), log.clone());
        move || first_beat_in_file(command.stdout(File::create(&log).unwrap()), &log)
    });
    let mut running = Running::start(&mut cron_line(other.path()));
    let first = running.wait_for(HEARTBEAT);
    let (started, pid) = (running.started, running.pid());
    assert_near(first.at - started, 1.0);
    assert!(proc_status(pid, "Threads").is_some_and(|threads| threads <= 3));
    running.wait_for(HEARTBEAT);
    assert!(proc_status(pid, "Threads").is_some_and(|threads| threads <= 3));
    let ended = running.end();
    assert_cron_end(&ended);
    for (beat, at) in ended.with(HEARTBEAT).zip(1..) {
        assert_near(beat.at - started, f64::from(at));
    }
    let (beat, took) = into_file.join().unwrap();
    assert_near(beat, 1.0);
    assert!((seconds(6.0)..seconds(7.0)).contains(&took), "{took:?}");
    let text = fs::read_to_string(log).unwrap();
    let without_beats = |text: &str| text.lines().count() - 2 * text.matches(HEARTBEAT).count();
    assert_eq!(without_beats(&text), without_beats(&ended.stdout()), "a file gets the lines that a pipe gets:\n{text}");
}

fn assert_near(took: Duration, want: f64) {
    assert!((seconds(want - 0.3)..seconds(want + 0.3)).contains(&took), "{took:?} instead of {want} s");
}

fn assert_cron_end(ended: &Ended) {
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""));
    assert!((seconds(6.0)..seconds(7.0)).contains(&ended.took), "{:?}", ended.took);
    assert!((5..=6).contains(&ended.with(HEARTBEAT).count()), "{}", ended.stdout());
    let stop = ended.lines.iter().position(|line| line.message() == STOPPED).expect("the monitor is stopped");
    assert!(ended.lines[stop..].iter().all(|line| !line.text.contains(HEARTBEAT)), "{}", ended.stdout());
    assert!(ended.with("EXIT SUMMARY").count() == 1, "{}", ended.stdout());
    let told = ended.last().strip_prefix("Stopped cleanly after ").and_then(|rest| rest.split_once(" s "));
    let (took, rest) = told.unwrap_or_else(|| panic!("{}", ended.last()));
    assert!((6.0..7.0).contains(&took.parse().unwrap()), "{took}");
    assert!(rest.starts_with("(duration reached): 0 trades, next 30m close in "), "{rest}");
}

/// When the first heartbeat can be read in the file, and when the program has ended.
fn first_beat_in_file(command: &mut Command, log: &Path) -> (Duration, Duration) {
    let started = Instant::now();
    let mut child = command.spawn().unwrap();
    let mut beat = None;
    loop {
        let took = started.elapsed();
        if beat.is_none() && fs::read_to_string(log).unwrap().contains(HEARTBEAT) {
            beat = Some(took);
        }
        if child.try_wait().unwrap().is_some() {
            return (beat.expect("there is a heartbeat in the file"), started.elapsed());
        }
        if took > LIMIT {
            child.kill().unwrap();
        }
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_run_takes_as_long_as_it_was_told_at_any_speed() {
    let _alone = alone();
    let runs = [("0.5", 1.3), ("1", 1.0), ("3600", 1.7), ("1000000", 1.4), ("max", 1.2)].map(|(speed, duration)| {
        let running = Running::start(&mut bot(&["--paper", "--speed", speed, "--duration", &duration.to_string()]));
        (speed, duration, thread::spawn(move || running.end()))
    });
    for (speed, duration, ended) in runs {
        let ended = ended.join().unwrap();
        let (took, least) = (ended.took, seconds(duration));
        assert!((least..least + seconds(1.0)).contains(&took), "speed {speed}: {took:?} instead of {duration} s");
        let said = ended
            .last()
            .strip_prefix("Stopped cleanly after ")
            .and_then(|rest| rest.split_once(" s (duration reached): "));
        // the last state is written before the last line, as fast as the disk is
        let said: f64 = said.unwrap_or_else(|| panic!("speed {speed}: {}", ended.last())).0.parse().unwrap();
        assert!((duration - 0.051..duration + 1.0).contains(&said), "speed {speed}: {}", ended.last());
        assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""), "speed {speed}");
    }
}

#[test]
fn the_first_loop_tells_each_symbols_state_and_the_next_decisions() {
    let ended = run(&["--paper", "--duration", "0.5"]);
    let place = |want: &str| ended.lines.iter().position(|line| line.message() == want).expect(want);
    for symbol in SYMBOLS {
        let details = ended.lines[place(&format!("[PROCESSING] Symbol: {symbol}")) + 1].message();
        let parts =
            ["   price ", "  RSI ", " (long ≤ ", ", short ≥ ", "  trend ", "  momentum ", "  volatility ", "  data "];
        let places: Vec<_> =
            parts.iter().map(|part| details.find(part).unwrap_or_else(|| panic!("{details}"))).collect();
        assert!(places.is_sorted() && details.ends_with(" s old"), "{details}");
    }
    for strategy in ["oversold_bounce", "short_the_rip"] {
        let due = |line: &Line| {
            let left =
                line.message().strip_prefix(&format!("   {strategy} decides when a 30m candle closes, next in "));
            left.is_some_and(|left| left == "30:00" || left == "29:59") // a busy machine has begun a second late
        };
        assert!(ended.lines.iter().any(due), "{strategy}: {}", ended.stdout());
    }
}

#[test]
fn the_start_names_the_source_of_what_is_not_a_default() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bot.toml"), "[risk]\nleverage = 3\n").unwrap();
    let mut command = bot(&["--paper", "--duration", "0.1", "--seed", "7"]);
    let ended =
        Running::start(command.current_dir(&folder).env("CAPITAL_USDT", "500").env("HOME", folder.path())).end();
    let said: Vec<_> = ended.with("configuration: ").map(Line::message).collect();
    assert_eq!(said.len(), 1);
    for want in [
        folder.path().join("bot.toml").to_str().unwrap(),
        "risk.leverage = 3 (bot.toml:2)",
        "paper.capital = 500 (CAPITAL_USDT)",
        "paper.seed = 7 (--seed)",
        "bot.duration_s = 0.1 (--duration)",
    ] {
        assert!(said[0].contains(want), "{want} in {}", said[0]);
    }
}

#[test]
fn the_seed_makes_the_market() {
    let prices = |seed: &str| {
        let ended = run(&["--paper", "--duration", "0.5", "--seed", seed]);
        ended.with("   price ").map(|line| line.message().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(prices("7").len(), SYMBOLS.len());
    assert_eq!(prices("7"), prices("7"));
    assert!(prices("7").iter().zip(&prices("8")).all(|(one, other)| one != other));
}

#[test]
fn trades_read_as_a_person_reads_them_with_the_markets_time() {
    let ended = run(&["--paper", "--speed", "108000", "--duration", "1"]);
    for (mark, parts) in [
        ("[ENTRY] ", &[" @ ", ", stop ", ", target ", ", risk ", " USDT — ", ": RSI ", " UTC)"][..]),
        ("-HIT] ", &[", entry ", ", exit ", ", P&L ", " USDT (", " %)", " UTC)"][..]),
    ] {
        assert!(ended.with(mark).count() > 0, "{}", ended.stdout());
        for line in ended.with(mark).map(Line::message) {
            let side = line.contains("LONG ") || line.contains("SHORT ");
            assert!(side && parts.iter().all(|part| line.contains(part)), "{line}");
        }
    }
    let (long, short) = (ended.with("📈 [ENTRY] LONG ").count(), ended.with("📉 [ENTRY] SHORT ").count());
    assert_eq!(long + short, ended.with("[ENTRY]").count());
}

#[test]
fn a_dry_run_checks_and_shows_the_configuration_and_trades_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    fs::write(folder.path().join("trades.csv"), "of an earlier run").unwrap();
    let ended = run(&["--paper", "--dry-run", "--speed", "max", "--capital", "500", "--out", out]);
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""));
    for check in ["market data: ", "prices: ", "risk limits: ", "strategies: ", "results: "] {
        let check = format!("   ✓ {check}");
        let lines: Vec<_> = ended.with(&check).map(Line::message).collect();
        assert!(lines.len() == 1 && lines[0].ends_with(" ms)"), "{check} {lines:?}");
    }
    let prices = ended.with("   ✓ prices: ").next().unwrap().message();
    assert!(SYMBOLS.iter().all(|symbol| prices.contains(symbol)), "{prices}");
    assert_in_order(&ended.lines, &["CONFIGURATION SUMMARY", "   paper.capital = 500 (--capital)"]);
    for never in ["🔄 Processing", "[ENTRY]", "EXIT SUMMARY", HEARTBEAT] {
        assert_eq!(ended.with(never).count(), 0, "{never}");
    }
    assert_eq!(fs::read_to_string(folder.path().join("trades.csv")).unwrap(), "of an earlier run");
}

#[test]
fn a_dry_run_that_fails_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file");
    fs::write(&file, "").unwrap();
    for (args, wrong) in [
        (["--capital", "5"], "✗ risk limits: no symbol can be traded; raise --capital, "),
        (["--out", file.to_str().unwrap()], "✗ results: "),
    ] {
        let ended = run(&[&["--paper", "--dry-run"], &args[..]].concat());
        assert_eq!(ended.code(), Some(1), "{}", ended.stdout());
        assert_eq!(ended.with("ERROR    ✗ ").count(), 1, "{}", ended.stdout());
        assert_eq!(ended.with(wrong).count(), 1, "{}", ended.stdout());
        assert!(ended.stderr.starts_with("bot: dry run: 1 of the checks failed"), "{}", ended.stderr);
    }
}

#[test]
fn the_version_has_commit_and_target_and_the_help_every_flag() {
    let [version, help] = ["--version", "--help"].map(|flag| {
        let output = bot(&[flag]).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty());
        String::from_utf8(output.stdout).unwrap()
    });
    let inside = version.strip_prefix(concat!("bot ", env!("CARGO_PKG_VERSION"), " (")).unwrap_or_default();
    let (commit, target) = inside.trim_end().strip_suffix(')').and_then(|both| both.split_once(", ")).expect(&version);
    assert!(commit == "no commit" || commit.len() == 12 && commit.chars().all(|c| c.is_ascii_hexdigit()), "{version}");
    assert!(target.contains(std::env::consts::ARCH) && target.matches('-').count() >= 2, "{version}");
    for flag in
        "paper live duration infinite auto-restart max-restarts restart-delay dry-run debug replay loop speed seed \
                 symbols config capital out help version"
            .split(' ')
    {
        assert!(help.contains(&format!("--{flag}")), "--{flag} in\n{help}");
    }
    assert!(help.contains("bot init") && help.contains("bot generate") && help.contains("Exit codes:"), "{help}");
}

#[test]
fn nothing_but_two_threads_runs() {
    let mut running = Running::start(&mut bot(&["--paper", "--speed", "3600"]));
    running.wait_for("🔄 Processing");
    let pid: Pid = running.pid();
    let most = (0..50).filter_map(|_| {
        thread::sleep(Duration::from_millis(10));
        proc_status(pid, "Threads")
    });
    assert!((1..=2).contains(&most.max().unwrap()));
}
