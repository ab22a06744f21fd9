//! As fast as the machine can: monitor, duration, stop and the watch from outside are as punctual as at speed 1, and memory stays.

use crate::common::{Ended, Running, alone, bot, generate, proc_status, shared};
use rustix::process::Signal;
use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// Two strategies that decide on the hour, which both kinds of files have.
const CONFIG: &str = r#"
[[strategy]]
kind = "oversold_bounce"
timeframe = "1h"
[[strategy]]
kind = "short_the_rip"
timeframe = "1h"
[risk]
max_losses_in_row = 0
max_drawdown_pct = 100
breaker_daily_loss_pct = 100
breaker_position_loss_pct = 100
spike_sigma = 1000
[supervisor]
freeze_after_s = 2
"#;

/// Without the lines of trades, of which there are more than a reader on a busy machine takes in: a lost heartbeat would count as late.
const WORDS: &str =
    "warn,smolbear::run::health=info,smolbear::run::end=info,smolbear::run::loop_lines=info,smolbear::run::launch=info";

/// The program over a file, again and again, as fast as it can.
fn looped(folder: &Path, file: &str, more: &[&str]) -> Running {
    let config = folder.join("bot.toml");
    fs::write(&config, CONFIG).unwrap();
    let args = ["--paper", "--replay", file, "--loop", "--speed", "max", "--config", config.to_str().unwrap()];
    Running::start(bot(&args).args(more).env("HEALTH_CHECK_INTERVAL", "1").env("RUST_LOG", WORDS))
}

/// Half a year of minutes.
fn minutes(folder: &Path) -> String {
    generate(folder, "BTCUSDT-1m.csv.gz", &["--days", "180"])
}

fn assert_beats(ended: &Ended, started: Instant) {
    let beats: Vec<_> = ended.with("💓 Heartbeat").collect();
    assert_eq!(beats.len(), 5, "{}", ended.last());
    for (beat, due_s) in beats.into_iter().zip(1..) {
        let off = (beat.at - started).as_secs_f64() - f64::from(due_s);
        assert!(off.abs() < 0.3, "beat {due_s} is {off} s off");
        assert!(beat.text.contains(", Status: healthy"), "{}", beat.text);
    }
}

/// Five beats on time, and an end after five and a half seconds.
fn assert_punctual(folder: &Path, file: &str) {
    let running = looped(folder, file, &["--duration", "5.5"]);
    let started = running.started;
    let ended = running.end();
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""));
    assert_beats(&ended, started);
    let took = ended.took.as_secs_f64();
    assert!((5.5..5.8).contains(&took), "{took}");
    let trades =
        ended.last().split("): ").nth(1).and_then(|rest| rest.split(' ').next()).and_then(|count| count.parse().ok());
    assert!(trades.is_some_and(|trades: u64| trades > 100), "it trades all the while: {}", ended.last());
}

#[test]
fn the_heart_beats_each_second_and_the_duration_is_kept() {
    let (_alone, folder) = (alone(), tempfile::tempdir().unwrap());
    let file = minutes(folder.path());
    assert_punctual(folder.path(), &file);
}

#[test]
fn the_heart_beats_each_second_over_the_largest_recorded_file() {
    let Some(shared) = shared() else { return };
    let (_alone, folder) = (alone(), tempfile::tempdir().unwrap());
    let file = shared.join("data/SOLUSDT-1h-2020-2026.csv.gz");
    assert_punctual(folder.path(), file.to_str().unwrap());
}

#[test]
fn a_stop_in_the_middle_of_a_file_is_heard_at_once() {
    let (_alone, folder) = (alone(), tempfile::tempdir().unwrap());
    let file = minutes(folder.path());
    let mut times = [200, 310, 420, 530, 640].map(|after_ms| {
        let mut running = looped(folder.path(), &file, &[]);
        running.wait_for("🔄 Processing");
        thread::sleep(Duration::from_millis(after_ms));
        let asked = Instant::now();
        running.signal(Signal::TERM);
        let ended = running.end();
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        assert!(ended.last().contains("(SIGTERM)"), "{}", ended.last());
        ended.at - asked
    });
    times.sort_unstable();
    assert!(times[2] < Duration::from_millis(100) && times[4] < Duration::from_millis(200), "{times:?}");
}

#[test]
fn the_watch_from_outside_sees_progress_all_the_while() {
    let (_alone, folder) = (alone(), tempfile::tempdir().unwrap());
    let file = minutes(folder.path());
    let running = looped(folder.path(), &file, &["--auto-restart", "--duration", "5"]);
    let ended = running.end();
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(ended.with("no progress").count(), 0, "{}", ended.stdout());
    assert_eq!(ended.with("🚀 Production trading loop active").count(), 1, "one run, and no restart");
    assert!((5.0..5.8).contains(&ended.took.as_secs_f64()), "{:?}", ended.took);
}

/// Peak resident memory in kB of a run over a whole file, as it was a moment before the end.
fn peak_kb(file: &str) -> u64 {
    let running = Running::start(bot(&["--paper", "--replay", file, "--speed", "max"]).env("RUST_LOG", "warn"));
    let (pid, mut peak) = (running.pid(), 0);
    while let Some(kb) = proc_status(pid, "VmHWM") {
        peak = kb;
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(running.end().code(), Some(0));
    peak
}

#[test]
fn memory_does_not_grow_with_the_length_of_a_file() {
    let (_alone, folder) = (alone(), tempfile::tempdir().unwrap());
    let [month, year] =
        ["30", "365"].map(|days| generate(folder.path(), &format!("BTCUSDT-1m-{days}.csv.gz"), &["--days", days]));
    let (month, year) = (peak_kb(&month), peak_kb(&year));
    assert!(month > 0 && year < month + 1024, "{month} kB for a month, {year} kB for a year");
}
