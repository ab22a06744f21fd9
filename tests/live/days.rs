//! Days at speed with every fault and act of the exchange, kills and stops at random, one a seed.
//!
//! `SMOLBEAR_DAYS=10 SMOLBEAR_SEED=1 cargo test --test process days:: -- --nocapture` plays ten of them, beginning with that seed. Without
//! the first none is played: `orders` has the short one. With `SMOLBEAR_DAYS_DIR` each day leaves its whole log and record there.

use super::{
    day::{Outcome, play},
    script::Script,
};
use std::{
    collections::BTreeMap,
    panic,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

/// Days at once: they mostly wait.
const AT_ONCE: u64 = 10;
/// From so many days on each fault must have struck.
const ALL_FAULTS: u64 = 10;
/// Trades of ten days.
const FEWEST_TRADES: usize = 50;
/// What is not among the exchange's counters of faults, and must have happened too.
const TOO: [&str; 17] = [
    "SIGKILL",
    "SIGSTOP, long",
    "SIGSTOP, short",
    "second bot",
    "act adl",
    "act delist",
    "act filters",
    "act hedge",
    "act key",
    "act leverage",
    "act liquidation",
    "act maintenance",
    "act margin",
    "act revoke",
    "act stick",
    "act transfer",
    "act vanish",
];
/// Between two starts, which are work.
const APART: Duration = Duration::from_millis(1_500);

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

fn one(seed: u64) -> Result<Outcome, String> {
    let played = panic::catch_unwind(|| play(seed)).unwrap_or_else(|why| {
        let text = why.downcast_ref::<String>().map(String::as_str).or_else(|| why.downcast_ref::<&str>().copied());
        Err(format!("seed {seed}: {}\n\nscript:\n{}", text.unwrap_or("a panic"), Script::of(seed)))
    });
    match &played {
        Ok(Outcome { seen, trades, struck }) => {
            let struck: Vec<_> = struck.iter().filter(|(_, count)| **count > 0).collect();
            println!(
                "seed {seed}: {} entries, {trades} trades; without a stop {} ms at most, {} ms in sum, {:?}; guarded after {} ms at most; weight {} at most; {struck:?}",
                seen.entries, seen.longest_bare_ms, seen.sum_bare_ms, seen.bare, seen.longest_start_ms, seen.most_used
            );
        }
        Err(_) => println!("seed {seed} fails"),
    }
    played
}

#[test]
fn after_days_of_every_fault_account_store_and_exchange_agree() {
    let (days, first) = (number("SMOLBEAR_DAYS", 0), number("SMOLBEAR_SEED", 1));
    let next = AtomicU64::new(first);
    let played: Vec<Result<Outcome, String>> = thread::scope(|scope| {
        let mut workers = Vec::new();
        for _ in 0..AT_ONCE.min(days) {
            workers.push(scope.spawn(|| {
                let mut played = Vec::new();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + days {
                        return played;
                    }
                    played.push(one(seed));
                }
            }));
            thread::sleep(APART);
        }
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    let (mut trades, mut wrong) = (0, Vec::new());
    let mut struck: BTreeMap<String, u64> = TOO.map(|what| (what.to_owned(), 0)).into();
    for day in played {
        match day {
            Ok(day) => {
                trades += day.trades;
                day.struck.into_iter().for_each(|(what, count)| *struck.entry(what).or_default() += count);
            }
            Err(why) => wrong.push(why),
        }
    }
    println!("{}", wrong.join("\n\n"));
    // what it was comes last again: where the output is long, its end is what is read
    let what: Vec<_> = wrong.iter().filter_map(|why| why.split("\n\n").next()).collect();
    assert!(wrong.is_empty(), "{} of {days} days from seed {first} on:\n{}", wrong.len(), what.join("\n"));
    if days >= ALL_FAULTS {
        println!("{days} days, {trades} trades, {struck:?}");
        let never: Vec<_> = struck.iter().filter(|(_, count)| **count == 0).map(|(what, _)| what).collect();
        assert!(never.is_empty(), "these never struck: {never:?}");
        assert!(trades >= FEWEST_TRADES, "{trades} trades");
    }
}
