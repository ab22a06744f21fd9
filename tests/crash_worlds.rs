//! Nothing is lost and nothing doubled when the bot crashes at any instant, against a venue that outlives it (RELIABILITY S1 to S3, S5 to S8, L1).
//!
//! One whole trade, small enough to try everything: entry in two parts, stop and target, a stop that moves, the exit. Each run is one world.

mod disk;
mod gateway;
mod plan;
mod venue;
mod watch;
mod world;

use disk::Write;
use plan::{Bug, Fault, Plan, SIGNAL, Speed, TAPES, Wire};
use smolbear::{engine::Reason, market::Timestamp};
use std::panic::{AssertUnwindSafe, catch_unwind};
use world::{Seen, run};

/// The bot starts again at once; shortly before a candle that asks for another entry; when the trade has run its course without it.
const DOWN_UNTIL: [Timestamp; 3] = [SIGNAL, SIGNAL.plus_ms(59_800), SIGNAL.plus_ms(100_000)];

/// What a number of worlds has shown.
#[derive(Default)]
struct Tally {
    worlds: usize,
    broken: Vec<(Plan, String)>,
    seen: Vec<Seen>,
}

impl Tally {
    /// Runs a world; what it has seen, unless it broke a promise.
    fn run(&mut self, plan: &Plan) -> Option<Seen> {
        self.worlds += 1;
        match checked(plan) {
            Ok(seen) => {
                self.seen.push(seen);
                Some(seen)
            }
            Err(why) => {
                self.broken.push((plan.clone(), why));
                None
            }
        }
    }

    /// A crash right before each effect, with all that may become of what it finds on the wire and on its way to the disk.
    fn crash_everywhere(&mut self, calm: &Plan) {
        let effects = self.run(calm).map_or(0, |seen| seen.effects);
        for effect in 1..=effects {
            self.crash_at(&Plan { crashes: vec![effect], ..calm.clone() });
        }
    }

    fn crash_at(&mut self, plan: &Plan) {
        let first = self.run(plan);
        let (wires, writes) =
            (first.is_none_or(|seen| seen.on_the_wire > 0), first.is_none_or(|seen| seen.under_way > 0));
        for wire in Wire::ALL.into_iter().take(if wires { Wire::ALL.len() } else { 1 }) {
            for write in Write::ALL.into_iter().filter(|write| writes || *write == plan.write) {
                if (wire, write) != (plan.wire, plan.write) {
                    self.run(&Plan { wire, write, ..plan.clone() });
                }
            }
        }
    }

    /// Every pair of single faults on the way of a request, and every fault alone.
    fn fail_in_pairs(&mut self, calm: &Plan) {
        let requests = self.run(calm).map_or(0, |seen| seen.requests);
        let single: Vec<_> = (1..=requests).flat_map(|request| Fault::ALL.map(|fault| (request, fault))).collect();
        for (place, first) in single.iter().enumerate() {
            let others = single[place..].iter().filter(|other| *other == first || other.0 != first.0);
            for second in others {
                self.run(&Plan { faults: [*first, *second].into(), ..calm.clone() });
            }
        }
    }

    fn sum(&self, of: impl Fn(&Seen) -> usize) -> usize {
        self.seen.iter().map(of).sum()
    }

    fn print(&self, name: &str) {
        println!(
            "{name}: {} worlds, {} with an entry; {} look-ups, {} orphans, {} names taken, {} signals not taken in doubt",
            self.worlds,
            self.sum(|seen| usize::from(seen.entered)),
            self.sum(|seen| seen.look_ups),
            self.sum(|seen| seen.orphans),
            self.sum(|seen| seen.duplicates),
            self.sum(|seen| seen.skipped_in_doubt),
        );
    }

    /// No world broke a promise; the first that did is told in full.
    fn holds(&self, name: &str) {
        self.print(name);
        let lines: Vec<_> = self.broken.iter().take(10).map(|(plan, why)| format!("{}: {why}", plan.name())).collect();
        if let Some((plan, _)) = self.broken.first() {
            _ = checked(&Plan { told: true, ..plan.clone() });
        }
        assert!(self.broken.is_empty(), "{} of {} worlds:\n{}", self.broken.len(), self.worlds, lines.join("\n"));
    }
}

/// Runs a world; the engine's own assertions are promises too.
fn checked(plan: &Plan) -> Result<Seen, String> {
    catch_unwind(AssertUnwindSafe(|| run(plan))).unwrap_or_else(|_| Err("the engine's own check".into()))
}

#[test]
fn a_calm_world_is_one_whole_trade() {
    for (tape, reason) in TAPES.iter().zip([Reason::Trailing, Reason::Time, Reason::Trailing]) {
        let seen = checked(&Plan::calm(tape, Speed::Quick)).unwrap();
        println!("{}: {} effects, {} requests", tape.name, seen.effects, seen.requests);
        // entry, twice stop and target, twice a cancel of the first ones, the moved stop or the exit, and what is left is cancelled
        assert_eq!((seen.requests, seen.exit), (10, Some(reason)), "{}", tape.name);
        assert!(seen.effects >= 50 && seen.look_ups == 0, "{seen:?}");
    }
}

#[test]
fn a_crash_at_every_effect_loses_nothing_and_doubles_nothing() {
    let mut tally = Tally::default();
    for tape in &TAPES {
        for disk in [Speed::Quick, Speed::Slow] {
            for down_until in DOWN_UNTIL {
                tally.crash_everywhere(&Plan { down_until, ..Plan::calm(tape, disk) });
            }
        }
    }
    tally.holds("crashes");
    assert!(tally.worlds >= 1_200 && tally.sum(|seen| seen.skipped_in_doubt) >= 100);
}

#[test]
fn a_crash_while_the_disk_is_stuck_finds_orders_that_no_commit_knows() {
    use Speed::{StaysStuck, Stuck};
    let mut tally = Tally::default();
    for tape in &TAPES {
        for disk in [Stuck(1), Stuck(2), Stuck(3), Stuck(4), StaysStuck(2), StaysStuck(3)] {
            for down_until in DOWN_UNTIL {
                tally.crash_everywhere(&Plan { down_until, ..Plan::calm(tape, disk) });
            }
        }
    }
    tally.holds("crashes with a stuck disk");
    assert!(tally.worlds >= 4_000);
    assert!(tally.sum(|seen| seen.orphans) >= 100 && tally.sum(|seen| seen.duplicates) >= 100);
}

#[test]
fn a_second_crash_during_the_recovery_changes_nothing() {
    let mut tally = Tally::default();
    for tape in &TAPES {
        let calm = Plan::calm(tape, Speed::Quick);
        let effects = tally.run(&calm).map_or(0, |seen| seen.effects);
        for first in 1..=effects {
            for later in 1..=12 {
                tally.crash_at(&Plan { crashes: vec![first, first + later], ..calm.clone() });
            }
        }
    }
    tally.holds("two crashes");
    assert!(tally.worlds >= 2_000 && tally.seen.iter().filter(|seen| seen.crashes == 2).count() >= 1_000);
}

#[test]
fn every_pair_of_faults_on_the_way_of_an_order_is_survived() {
    let mut tally = Tally::default();
    for tape in &TAPES {
        tally.fail_in_pairs(&Plan::calm(tape, Speed::Quick));
    }
    tally.holds("pairs of faults");
    assert!(tally.worlds >= 2_000 && tally.sum(|seen| seen.look_ups) >= 1_000);
}

/// A mistake that is planted in the model of gateway or disk breaks a promise in some worlds, and the one that it should.
fn catches(bug: Bug, promise: &str, mut worlds: impl FnMut(&mut Tally, &Plan)) {
    let mut tally = Tally::default();
    for tape in &TAPES {
        worlds(&mut tally, &Plan { bug: Some(bug), ..Plan::calm(tape, Speed::Quick) });
    }
    let broken = tally.broken.iter().filter(|(_, why)| why.contains(promise)).count();
    tally.print(&format!("{bug:?} breaks {promise} in {broken}"));
    assert!(broken > 0, "{bug:?} does not break {promise}: {:?}", tally.broken.first().map(|(_, why)| why));
}

#[test]
fn a_gateway_that_sends_again_without_a_look_is_caught() {
    catches(Bug::ResendsBlindly, "S1", Tally::crash_everywhere);
}

#[test]
fn a_gateway_that_takes_unknown_for_failed_is_caught() {
    catches(Bug::TakesUnknownForFailed, "S1", Tally::crash_everywhere);
    catches(Bug::TakesUnknownForFailed, "L1", Tally::fail_in_pairs);
}

#[test]
fn a_gateway_that_takes_one_miss_for_evidence_is_caught() {
    catches(Bug::BelievesOneMiss, "S1", Tally::crash_everywhere);
}

#[test]
fn a_gateway_that_tells_a_trade_under_another_number_is_caught() {
    catches(Bug::RenumbersTrades, "S6", |tally, calm| {
        for effect in [15, 30, 45] {
            tally.run(&Plan { crashes: vec![effect], ..calm.clone() });
        }
    });
}

#[test]
fn a_disk_that_loses_what_was_durable_is_caught() {
    catches(Bug::LosesTheLastCommit, "S2", Tally::crash_everywhere);
}

#[test]
fn a_shell_that_does_not_wait_for_the_disk_is_caught() {
    catches(Bug::DoesNotWaitForTheDisk, "S5", Tally::crash_everywhere);
}
