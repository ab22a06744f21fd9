//! A disk that takes its time: the loop turns as ever, and what protects a position does not wait for it.

use super::*;
use crate::{
    engine::{Record, Stage},
    store::Batch,
};
use async_channel::Sender;
use std::thread;

/// Ten market hours a second.
const FAST: f64 = 36_000.0;
/// No wait of these tests is longer.
const LIMIT: Duration = Duration::from_secs(30);

/// A loop that trades, at its first price.
fn trading() -> (Realtime, Receiver<Job>, Sender<Answer>) {
    let (mut realtime, jobs, answers) = with_disk(rig::trader(), Cursor::new(1), FAST);
    async_io::block_on(realtime.warm(&Stop::new())).unwrap();
    realtime.begin().unwrap();
    (realtime, jobs, answers)
}

/// One turn, and the wait behind it; how long the turn took.
fn turn(realtime: &mut Realtime, stop: &Stop) -> Duration {
    let began = Instant::now();
    realtime.turn(began, stop).unwrap();
    let took = began.elapsed();
    async_io::block_on(realtime.wait(stop)).unwrap();
    took
}

fn is_fill(batch: &Batch) -> bool {
    batch.records.iter().any(|record| matches!(record, Record::Fill(_)))
}

/// Answers that all is on the disk, but for transactions that `wanted` keeps.
fn answer(jobs: &Receiver<Job>, answers: &Sender<Answer>, mut wanted: impl FnMut(&Batch) -> bool) -> bool {
    while let Ok(job) = jobs.try_recv() {
        let answer = match job {
            Job::Batch(batch) if wanted(&batch) => return true,
            Job::Batch(batch) => Answer::Batch(batch, Ok(())),
            Job::Segment(..) | Job::Block(_) => Answer::Journal(Ok(())),
            Job::Begin(_) => Answer::Begun(Ok(())),
            Job::End(_) => Answer::Ended(Ok(())),
        };
        answers.try_send(answer).unwrap();
    }
    false
}

#[test]
fn a_disk_that_takes_a_second_slows_no_turn() {
    let (mut realtime, jobs, answers) = trading();
    let disk = thread::spawn(move || {
        let mut batches = 0;
        while let Ok(job) = jobs.recv_blocking() {
            let answer = match job {
                Job::Batch(batch) => {
                    thread::sleep(Duration::from_secs(1));
                    batches += 1;
                    Answer::Batch(batch, Ok(()))
                }
                _ => Answer::Journal(Ok(())),
            };
            let _ = answers.send_blocking(answer);
        }
        batches
    });
    let (began, stop) = (Instant::now(), Stop::new());
    let (mut slowest, mut gap, mut turns) = (Duration::ZERO, Duration::ZERO, 0);
    while began.elapsed() < Duration::from_millis(2_500) {
        let turn_began = Instant::now();
        slowest = slowest.max(turn(&mut realtime, &stop));
        gap = gap.max(turn_began.elapsed());
        turns += 1;
    }
    let waited = realtime.keeping.asked().is_some();
    drop(realtime);
    let batches = disk.join().unwrap();
    assert!(batches >= 2 && (batches >= 3 || waited), "{batches} transactions show little");
    assert!(slowest < Duration::from_millis(800), "a turn took {slowest:?}");
    assert!(gap < Duration::from_secs(5) && turns > 3, "{turns} turns, {gap:?} from one to the next");
}

#[test]
fn a_stop_waits_for_the_disk_for_a_second_and_then_goes() {
    let (mut realtime, jobs, answers) = trading();
    let (began, stop) = (Instant::now(), Stop::new());
    while !answer(&jobs, &answers, is_fill) {
        turn(&mut realtime, &stop);
        assert!(began.elapsed() < LIMIT, "nothing was bought");
    }
    assert!(!realtime.was_slow);
    // the disk says nothing more
    let (filled, standing) = (realtime.keeping.asked().unwrap().0, |realtime: &Realtime| {
        let mut orders = realtime.trader.engine().orders();
        orders.any(|order| order.request.reduce_only && !matches!(order.stage, Stage::Held { .. }))
    });
    while !standing(&realtime) {
        assert!(filled.elapsed() < LIMIT, "the position has no stop");
        turn(&mut realtime, &stop);
    }
    assert!(filled.elapsed() >= Duration::from_millis(1_000), "{:?}", filled.elapsed());
    assert!(realtime.was_slow, "and that is said");
    assert!(realtime.keeping.asked().is_some() && realtime.trader.outstanding().is_some(), "nothing was answered");
    assert!(realtime.trader.engine().orders().all(|order| order.request.reduce_only), "entries wait");
}
