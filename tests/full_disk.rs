//! A disk that refuses a trade: with `--infinite` the row waits and trading goes on, without it the run ends and says why.

use crate::common::{BOT, Running, home_without_limits};
use rustix::process::{Resource, Rlimit, Signal, prlimit};
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

/// A bot that may write so many bytes into a file, rounded down to 512.
fn limited(folder: &Path, bytes: u32, more: &[&str]) -> Running {
    let mut command = Command::new("/bin/sh");
    let limit = format!("trap '' XFSZ; ulimit -S -f {}; exec \"$0\" \"$@\"", bytes / 512);
    command.args(["-c", &limit, BOT, "--paper", "--speed", "360000"]);
    command
        .args(more)
        .current_dir(folder)
        .env_clear()
        .env("TZ", "UTC")
        .env("HOME", home_without_limits())
        .stdin(Stdio::null());
    Running::start(&mut command)
}

/// A bot that may write 1 kB into a file: the heading of `trades.csv`, and a few rows.
fn bot(folder: &Path, more: &[&str]) -> Running {
    limited(folder, 1024, &[&["--out", "out"], more].concat())
}

fn rows(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("out/trades.csv")).unwrap();
    text.lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn a_trade_that_cannot_be_written_ends_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let ended = bot(folder.path(), &[]).end();
    let said = "bot: out/trades.csv: File too large (os error 27)\n";
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(1), said), "{}", ended.stdout());
    let exits = ended.with("P&L").filter(|line| line.text.contains("-HIT]")).count();
    assert!(exits > rows(folder.path()).len() - 1, "also the trade that could not be written is in the log");
    assert_eq!(ended.with("EXIT SUMMARY").count(), 1, "{}", ended.stdout());
    assert!(ended.last().contains(" s (failure): "), "{}", ended.last());
}

#[test]
fn with_infinite_it_waits_until_the_disk_takes_it_and_trading_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = bot(folder.path(), &["--infinite"]);
    running.wait_for("ERROR out/trades.csv: File too large (os error 27); trying again in 1 s");
    let written = rows(folder.path()).len();
    running.wait_for("P&L");
    running.wait_for("; trying again in 2 s");
    assert_eq!(rows(folder.path()).len(), written, "the disk is still full");
    prlimit(Some(running.pid()), Resource::Fsize, Rlimit { current: None, maximum: None }).unwrap();
    running.wait_for("out/trades.csv is written again");
    running.signal(Signal::TERM);
    let ended = running.end();
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""));
    let (rows, exits) = (rows(folder.path()), ended.with("-HIT]").count());
    assert!(rows.len() > written + 1 && rows.len() == exits, "{} rows, {exits} exits", rows.len());
    assert!(rows.iter().all(|row| row.split(',').count() == 15), "each is whole: {rows:#?}");
}

#[test]
fn an_account_that_cannot_be_saved_is_traded_on_and_the_end_says_what_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let account = ["--data-dir", "account", "--duration", "2"];
    let ended = limited(folder.path(), 200 << 10, &account).end();
    let why = format!("{}/account/smolbear.db: File too large (os error 27)", folder.path().display());
    let last_state = "the last state of the account, ";
    assert_eq!(ended.code(), Some(1), "{}", ended.stdout());
    assert!(ended.stderr.starts_with(&format!("bot: not saved: {last_state}")), "{}", ended.stderr);
    assert!(ended.stderr.ends_with(&format!(" ({why})\n")), "{}", ended.stderr);
    assert!(ended.last().starts_with("Stopped after "), "nothing is clean where something is lost: {}", ended.last());
    let told = ended.with("the account's memory is not saved, tried again with each change and in ").count();
    assert!((1..=3).contains(&told), "once a try: {}", ended.stdout());
    let degraded =
        ended.lines.iter().filter(|line| line.text.contains("Health: healthy") && line.text.contains("→ degraded"));
    assert_eq!(
        degraded.filter(|line| line.text.contains(&format!("(not saved: {why}"))).count(),
        1,
        "{}",
        ended.stdout()
    );
    let trouble = ended.lines.iter().position(|line| line.text.contains("is not saved, tried")).unwrap();
    assert!(ended.lines[trouble..].iter().any(|line| line.text.contains("[ENTRY]")), "{}", ended.stdout());
    let next = limited(folder.path(), 100 << 20, &account).end();
    assert_eq!((next.code(), next.with("Resumed: ").count()), (Some(0), 1), "{}", next.stdout());
}
