//! A signal is heard in the middle of every wait, is named, and ends the run as the table of exit codes says.

use crate::common::{BOT, Ended, Line, Running, alone, bot, generate, own_folder, run};
use rustix::process::Signal;
use std::{
    fs,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// A bot in its first loop.
fn trading(command: &mut Command) -> Running {
    let mut running = Running::start(command);
    running.wait_for("🔄 Processing");
    running
}

/// Sends a signal and waits for the end; how long that took.
fn stopped(running: Running, signal: Signal) -> (Ended, Duration) {
    let asked = Instant::now();
    running.signal(signal);
    let ended = running.end();
    let took = ended.at - asked;
    (ended, took)
}

#[test]
fn a_signal_is_named_once_and_decides_the_exit_code() {
    for (signal, name, line, cut_short) in [
        (Signal::TERM, "SIGTERM", "Stopping: SIGTERM", 143),
        (Signal::INT, "Ctrl-C", "Stopping: Ctrl-C", 130),
        (Signal::HUP, "SIGHUP", "Stopping: SIGHUP (the terminal is gone)", 129),
    ] {
        for (args, code) in [(&["--paper"][..], 0), (&["--paper", "--duration", "60"][..], cut_short)] {
            let (ended, _) = stopped(trading(&mut bot(args)), signal);
            assert_eq!((ended.code(), ended.stderr.as_str()), (Some(code), ""), "{name} {args:?}");
            let stopping: Vec<_> = ended.with("Stopping").map(Line::message).collect();
            assert_eq!(stopping, [line], "{args:?}");
            for once in ["EXIT SUMMARY", "✓ Health monitor stopped"] {
                assert_eq!(ended.with(once).count(), 1, "{once}: {}", ended.stdout());
            }
            let last = ended.last();
            let cause = format!(" s ({name}): 0 trades");
            assert!(last.starts_with("Stopped cleanly after ") && last.contains(&cause), "{last}");
        }
    }
}

/// Five bots are asked to stop after they have waited so long in their loop: each ends soon, most at once.
fn assert_soon(args: &[&str], after_ms: u64) {
    let bots = [(); 5].map(|()| trading(&mut bot(args)));
    thread::sleep(Duration::from_millis(after_ms));
    assert_times(args, bots.map(|bot| stopped(bot, Signal::TERM)));
}

fn assert_times(args: &[&str], ends: [(Ended, Duration); 5]) {
    let mut times = ends.map(|(ended, took)| {
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        took
    });
    times.sort_unstable();
    assert!(times[2] < Duration::from_millis(100), "{args:?}: {times:?}");
    assert!(times[4] < Duration::from_millis(200), "{args:?}: {times:?}");
}

#[test]
fn a_stop_is_heard_in_the_middle_of_every_wait() {
    let _alone = alone();
    assert_soon(&["--paper"], 0);
    assert_soon(&["--paper"], 1_200);
    assert_soon(&["--paper", "--speed", "3600"], 0);
}

#[test]
fn a_stop_is_heard_at_full_speed_as_soon() {
    let _alone = alone();
    let args = ["--paper", "--speed", "max"];
    assert_times(
        &args,
        [0, 30, 60, 90, 120].map(|after_ms| {
            let bot = trading(&mut bot(&args));
            thread::sleep(Duration::from_millis(after_ms));
            stopped(bot, Signal::TERM)
        }),
    );
}

#[test]
fn a_hang_up_that_was_ignored_at_the_start_stays_ignored() {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "trap '' HUP; exec \"$0\" --paper", BOT]).env_clear().env("HEALTH_CHECK_INTERVAL", "1");
    let mut running = trading(command.env("STATE_DIRECTORY", own_folder()).stdin(Stdio::null()));
    running.signal(Signal::HUP);
    running.wait_for("💓 Heartbeat");
    let (ended, _) = stopped(running, Signal::TERM);
    assert_eq!(ended.code(), Some(0));
    assert_eq!(ended.with("SIGHUP").count(), 0, "{}", ended.stdout());
    assert!(ended.last().contains("(SIGTERM)"), "{}", ended.last());
}

/// The hook that makes the shutdown take a while is there with debug assertions only.
#[cfg(debug_assertions)]
mod while_the_shutdown_takes_a_while {
    use super::*;

    fn stopping(linger: &str, signal: Signal, line: &str) -> Running {
        let mut running = trading(bot(&["--paper"]).env("SMOLBEAR_HOOK", linger));
        running.signal(signal);
        running.wait_for(line);
        running
    }

    #[test]
    fn a_second_ctrl_c_ends_at_once() {
        let running = stopping("linger:trading:30000", Signal::INT, "Stopping: Ctrl-C");
        let (ended, took) = stopped(running, Signal::INT);
        assert_eq!(ended.code(), Some(130));
        assert!(took < Duration::from_millis(500), "{took:?}");
        assert_eq!(ended.last(), "WARNING Ctrl-C again: ended at once");
        assert_eq!(ended.with("EXIT SUMMARY").count(), 0, "it did not wait for the shutdown");
    }

    #[test]
    fn a_second_sigterm_leaves_it_the_time_it_needs() {
        let running = stopping("linger:trading:500", Signal::TERM, "Stopping: SIGTERM");
        let (ended, took) = stopped(running, Signal::TERM);
        assert_eq!(ended.code(), Some(0));
        assert!(took > Duration::from_millis(300), "{took:?}");
        assert_eq!(ended.with("SIGTERM, but the bot is stopping already").count(), 1, "{}", ended.stdout());
        assert_eq!(ended.with("EXIT SUMMARY").count(), 1, "{}", ended.stdout());
    }
}

/// What becomes of a position that is open at the end is the configuration's to say.
#[test]
fn open_positions_stay_or_are_closed_at_the_end_of_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let [keep, close] = ["keep", "close"].map(|word| write(word, &format!("[bot]\non_stop = \"{word}\"\n[risk]\nmax_losses_in_row = 0\nmax_drawdown_pct = 100\nbreaker_daily_loss_pct = 100\n")));
    let replay = |file: &str, config: &str| run(&["--paper", "--replay", file, "--speed", "max", "--config", config]);
    let (file, kept) = (1..30)
        .map(|days| generate(folder.path(), "SOLUSDT-1m.csv", &["--symbol", "SOLUSDT", "--days", &days.to_string()]))
        .map(|file| (file.clone(), replay(&file, &keep)))
        .find(|(_, ended)| ended.with("   Stays open: ").count() > 0)
        .expect("one of these weeks ends with a position");
    assert_eq!((kept.code(), kept.with(", at the end of the run").count()), (Some(0), 0));
    let closed = replay(&file, &close);
    assert_eq!((closed.code(), closed.with("   Stays open: ").count()), (Some(0), 0), "{}", closed.stdout());
    assert_eq!(closed.with("🔄 [POSITION-CLOSED] ").count(), 1, "{}", closed.stdout());
    assert_eq!(closed.with(", at the end of the run").count(), 1, "{}", closed.stdout());
}
