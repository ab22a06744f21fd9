//! Two things that only a build with hooks can show in a short time: the bytes of a day on the disk, and a disk that is slow.
//!
//! **Bytes a day** are the kernel's `write_bytes` of the process, at the defaults with 3 symbols. Commits, candles and the journal's segments
//! come by the market's clock, and `--speed` makes that fast. Samples every five minutes, the journal's blocks of every minute, and the hourly
//! tidying come by the process's clock; `SMOLBEAR_HOOK=hurry:N` divides these intervals by the same number, and has each block written at once,
//! as the kernel does within a minute: else a page that is filled by many blocks would count once. Checkpoints of SQLite's log are among the
//! writes, the file system's own journal is not. The days are those of several seeds, each with a new account. A second run of the same
//! market without the hook has what trading alone writes.

use crate::{Outcome, Row, forget, program::Program};
use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// Times real time: a day in half a minute.
const SPEED: u32 = 2880;
const DAY: Duration = Duration::from_secs(86_400);
/// A sample each second, and five blocks.
const BUSY: &str = "hurry:300";
/// What a stuck disk takes for each write, in milliseconds.
const SLOW_MS: u32 = 1000;
/// How long the loop's turns are counted.
const COUNTED: Duration = Duration::from_secs(20);

pub fn rows(program: &Program, days: u32, folder: &Path) -> Outcome<Vec<Row>> {
    Ok(vec![bytes_a_day(program, days, folder)?, slow_disk(program, folder)?])
}

fn bytes_a_day(program: &Program, days: u32, folder: &Path) -> Outcome<Row> {
    let (mut all, mut market, mut trades) = (0, 0, 0);
    for seed in 1..=days {
        all += day(program, &format!("hurry:{SPEED}"), seed, folder)?;
        market += day(program, "", seed, folder)?;
        trades += 1;
    }
    let mb = |bytes: u64| bytes as f64 / f64::from(trades) / 1e6;
    let what = format!("bytes written a day, 3 symbols, defaults, average of {days}");
    let beside = format!("{:.1} MB by samples and the journal's minutes, the rest by trading", mb(all - market));
    Ok([what, "50 MB".to_owned(), format!("{:.1} MB", mb(all)), beside])
}

/// Bytes that a day of the market has had written, without the account's first files.
fn day(program: &Program, hook: &str, seed: u32, folder: &Path) -> Outcome<u64> {
    forget(&folder.join("day"))?;
    let (speed, seed) = (SPEED.to_string(), seed.to_string());
    let flags = ["--speed", &speed, "--seed", &seed, "--data-dir", "day"];
    let mut running = program.start(&flags, &[("SMOLBEAR_HOOK", hook)], folder)?;
    let from = running.wait_for(program.works)?;
    let written = |running: &crate::program::Running| running.account("io", "write_bytes").ok_or("it has ended");
    let before = written(&running)?;
    thread::sleep((from + DAY / SPEED).saturating_duration_since(Instant::now()));
    let after = written(&running)?;
    running.terminate()?;
    Ok(after - before)
}

/// Turns of the loop a second with each write of the store delayed, beside those without. Each turn ends with a wait, which the kernel counts.
/// In both cases samples and blocks come so fast that the slow disk is never idle.
fn slow_disk(program: &Program, folder: &Path) -> Outcome<Row> {
    let quick = turns(program, BUSY, folder)?;
    let slow = turns(program, &format!("{BUSY},slow:{SLOW_MS}"), folder)?;
    let what = "turns of the loop a second, a write takes 1 s (a minute a second)".to_owned();
    Ok([
        what,
        "–".to_owned(),
        format!("{slow:.1}"),
        format!("{:.2} of {quick:.1} with the disk as it is", slow / quick),
    ])
}

fn turns(program: &Program, hook: &str, folder: &Path) -> Outcome<f64> {
    forget(&folder.join("slow"))?;
    let flags = ["--speed", "60", "--data-dir", "slow"];
    let mut running = program.start(&flags, &[("SMOLBEAR_HOOK", hook)], folder)?;
    running.wait_for(program.works)?;
    let waits =
        |running: &crate::program::Running| running.account("status", "voluntary_ctxt_switches").ok_or("it has ended");
    let (before, from) = (waits(&running)?, Instant::now());
    thread::sleep(COUNTED);
    Ok((waits(&running)? - before) as f64 / from.elapsed().as_secs_f64())
}
