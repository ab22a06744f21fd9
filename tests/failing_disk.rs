//! A disk that fails: whatever goes wrong at whichever write or sync, what was acknowledged is there, and nothing is there by half.

mod course;
mod disk;
mod journal;
mod place;
mod vfs;

use course::{ALWAYS, COURSE};
use disk::{Chance, EIO, ENOSPC, Fault};
use place::{Files, Place};
use smolbear::store::{
    Answer, Database, Fault as Kind, Halt, HaltKind, Job, Keeper, Limits, StoreError, journal::Segments,
};
use std::{
    cell::Cell,
    collections::BTreeSet,
    fs,
    ops::RangeInclusive,
    sync::LazyLock,
    time::{Duration, Instant},
};

/// A write is refused with nothing of it done, or a part.
const REFUSED: [Fault; 4] = [
    Fault::Refused { errno: ENOSPC, done_pct: 0 },
    Fault::Refused { errno: EIO, done_pct: 99 },
    Fault::Refused { errno: ENOSPC, done_pct: 50 },
    Fault::Refused { errno: EIO, done_pct: 0 },
];
const DEATHS: [Fault; 3] = [Fault::PowerLoss, Fault::Killed, Fault::PowerLoss];
/// The commits that are looked at: the first ones of a new store, and some in the middle of a trade. The last one begins with a log so long that
/// it is copied into the file.
const LOOKED_AT: [usize; 9] = [0, 1, 2, 60, 61, 62, 63, 64, 65];
const LONG_LOG: usize = 65;
/// Of the file; the log has 24 bytes more before each.
const PAGE: usize = 4096;

/// How many commits are in the store: it is what these left, and nothing is there by half.
fn held(database: &Database, may_be: RangeInclusive<usize>) -> usize {
    let memory = database.memory().unwrap();
    let number = may_be.clone().find(|number| match number.checked_sub(1) {
        Some(last) => memory.as_ref() == Some(&COURSE.batches[last].memory),
        None => memory.is_none(),
    });
    let number = number.unwrap_or_else(|| panic!("the memory is that of none of {may_be:?} commits"));
    let rows = database.trades(ALWAYS).unwrap();
    assert!(rows == COURSE.rows(&COURSE.batches[..number]), "the trades are not those of {number} commits");
    assert_eq!(rows.len() as u64, memory.as_ref().map_or(0, |memory| COURSE.counted(memory)), "{number} commits");
    number
}

/// The store goes on from so many commits, and keeps what it acknowledges when the power goes.
fn goes_on(place: &Place, mut database: Database, number: usize) {
    database.commit(&COURSE.batches[number]).unwrap();
    held(&place.lose_power(database).unwrap(), number + 1..=number + 1);
}

/// The files before each of the commits that are looked at, as a store that nobody closed leaves them.
static BEFORE: LazyLock<Vec<Files>> = LazyLock::new(|| {
    let place = Place::holding(&Files::new(), 0);
    let mut database = place.open().unwrap();
    let mut next = 0;
    let until = |number: usize| {
        COURSE.batches[next..number].iter().for_each(|batch| database.commit(batch).unwrap());
        next = number;
        place.files()
    };
    LOOKED_AT.map(until).into()
});

/// Makes the log almost so long that it is copied, by writing to the same page again and again.
fn lengthen_log(place: &Place, database: &mut Database) {
    let halt = Halt { kind: HaltKind::Restarts, reason: String::new(), since_ms: 0, until_ms: Some(0) };
    let log = || fs::metadata(place.folder.join("smolbear.db-wal")).map_or(0, |file| file.len());
    while log() < 255 * 4120 {
        database.halt(&halt).unwrap();
    }
}

/// One commit, the fault at one of its steps, and what came of it; nothing where it has fewer steps.
fn commit(index: usize, step: usize, fault: Fault) -> Option<(Place, Database, Result<(), StoreError>)> {
    let number = LOOKED_AT[index];
    let place = Place::holding(&BEFORE[index], (number * 1000 + step) as u64);
    let mut database = place.open().unwrap();
    if number == LONG_LOG {
        lengthen_log(&place, &mut database);
    }
    place.plan(step, fault);
    let outcome = database.commit(&COURSE.batches[number]);
    let failed = place.disk().has_failed();
    failed.then_some((place, database, outcome))
}

/// Every step of those commits, with a fault that changes from step to step.
fn at_every_step(
    faults: &[Fault],
    at_least: usize,
    mut check: impl FnMut(usize, Fault, Place, Database, Result<(), StoreError>),
) {
    let mut steps = 0;
    for (index, number) in LOOKED_AT.into_iter().enumerate() {
        for (step, fault) in faults.iter().cycle().enumerate() {
            let Some((place, database, outcome)) = commit(index, step, *fault) else { break };
            println!("commit {number}, step {step}, {fault:?}: {outcome:?}");
            check(number, *fault, place, database, outcome);
            steps += 1;
        }
    }
    assert!(steps >= at_least, "{steps} steps show little");
}

#[test]
fn a_write_that_is_refused_leaves_nothing_behind_and_is_done_when_it_is_tried_again() {
    at_every_step(&REFUSED, 60, |number, fault, place, mut database, outcome| {
        let Err(error) = outcome else {
            // the commit was done, only copying the log into the file was not
            held(&database, number + 1..=number + 1);
            return goes_on(&place, database, number + 1);
        };
        let Fault::Refused { errno, .. } = fault else { unreachable!() };
        let (kind, text) = match errno {
            ENOSPC => (Kind::Full, "No space left on device (os error 28)"),
            _ => (Kind::Io, "Input/output error (os error 5)"),
        };
        assert_eq!((error.fault, error.cause.as_str(), error.path), (kind, text, place.database()));
        held(&database, number..=number);
        database.commit(&COURSE.batches[number]).unwrap();
        held(&database, number + 1..=number + 1);
        goes_on(&place, database, number + 1);
    });
}

#[test]
fn a_killed_process_and_a_power_cut_leave_what_was_acknowledged_or_under_way() {
    let mut outcomes = BTreeSet::new();
    at_every_step(&DEATHS, 70, |number, fault, place, database, outcome| {
        let may_be = number + usize::from(outcome.is_ok())..=number + 1;
        place.kill(database);
        let database = place.restart().unwrap();
        let there = held(&database, may_be);
        outcomes.insert((fault == Fault::Killed, outcome.is_ok(), there - number));
        goes_on(&place, database, there);
    });
    let [killed, cut] = [true, false];
    for seen in [(killed, false, 0), (cut, false, 0), (cut, false, 1), (cut, true, 1)] {
        assert!(outcomes.contains(&seen), "{outcomes:?} show little");
    }
}

#[test]
fn a_sync_that_fails_is_told_and_a_restart_relies_on_nothing_that_it_left() {
    at_every_step(&[Fault::NotSynced], 11, |number, _, place, database, outcome| {
        let error = outcome.expect_err("nobody was told");
        assert_eq!((error.fault, error.cause.as_str()), (Kind::Fsync, "fsync: Input/output error (os error 5)"));
        match number % 2 {
            0 => place.kill(database),
            _ => drop(database),
        }
        let database = place.restart().unwrap();
        let there = held(&database, number..=number + 1);
        goes_on(&place, database, there);
    });
}

/// Opens a store and closes it, again and again, each time with the fault one step later; what came of it, and how many steps there are.
fn open_at_every_step(files: &Files, faults: &[Fault], check: impl Fn(Place, Result<(), StoreError>)) -> usize {
    let failing = faults.iter().cycle().enumerate().map_while(|(step, fault)| {
        let place = Place::holding(files, step as u64);
        place.plan(step, *fault);
        let outcome = place.open().map(drop);
        println!("step {step}, {fault:?}: {outcome:?}");
        let failed = place.disk().has_failed();
        failed.then(|| check(place, outcome))
    });
    failing.count()
}

#[test]
fn a_store_that_is_opened_and_closed_on_a_failing_disk_keeps_all_it_had() {
    let (files, commits) = (&BEFORE[6], LOOKED_AT[6]);
    let still_there = |place: Place| {
        let database = place.restart().unwrap();
        held(&database, commits..=commits);
        goes_on(&place, database, commits);
    };
    let steps = open_at_every_step(files, &DEATHS, |place, _| still_there(place));
    assert!(steps > 20, "{steps} steps");
    open_at_every_step(files, &REFUSED, |place, outcome| {
        outcome.expect("what can't be tidied up now is tidied up later");
        still_there(place);
    });
    let told = Cell::new(0);
    open_at_every_step(files, &[Fault::NotSynced], |place, outcome| {
        if let Err(error) = outcome {
            assert_eq!(error.fault, Kind::Fsync);
            told.set(told.get() + 1);
        }
        still_there(place);
    });
    assert!(told.get() >= 3, "{} syncs told of; only when it closes a file SQLite says nothing", told.get());
}

#[test]
fn a_new_store_is_there_or_is_made_again() {
    let mut steps = 0;
    for faults in [&DEATHS[..], &REFUSED, &[Fault::NotSynced]] {
        steps += open_at_every_step(&Files::new(), faults, |place, _| {
            let database = place.restart().unwrap();
            held(&database, 0..=0);
            goes_on(&place, database, 0);
        });
    }
    assert!(steps > 100, "{steps} steps");
}

/// A store with one bit flipped: anywhere, or where a page of the file says what it is.
fn flipped(files: &Files, name: &str, chance: &mut Chance) -> Place {
    let mut files = files.clone();
    let file = files.get_mut(name).unwrap();
    let byte = match chance.below(2) {
        0 => chance.below(file.len()),
        _ => chance.below(file.len() / PAGE) * PAGE + chance.below(16),
    };
    file[byte] ^= 1 << chance.below(8);
    Place::holding(&files, 0)
}

#[test]
fn a_flipped_bit_in_the_file_is_found_or_harms_no_state() {
    let (commits, mut chance, mut found) = (LOOKED_AT[6], Chance(7), 0);
    let place = Place::holding(&BEFORE[6], 0);
    drop(place.open().unwrap());
    let files = place.files();
    assert_eq!(files.len(), 1, "a store that was closed is one file");
    for _ in 0..60 {
        let place = flipped(&files, "smolbear.db", &mut chance);
        match place.open().and_then(|database| database.memory()) {
            Err(error) => {
                assert_eq!((error.fault, error.path), (Kind::Corrupt, place.database()), "{}", error.cause);
                found += 1;
            }
            Ok(memory) => assert_eq!(memory.as_ref(), Some(&COURSE.batches[commits - 1].memory)),
        }
    }
    assert!((10..60).contains(&found), "{found} found");
}

/// SQLite takes it for the end of a log that the power cut off, so what comes later is lost; but nothing is there by half.
#[test]
fn a_log_with_a_flipped_bit_ends_before_the_commit_that_has_it() {
    let (commits, mut chance, mut older) = (LOOKED_AT[6], Chance(8), 0);
    for _ in 0..40 {
        let place = flipped(&BEFORE[6], "smolbear.db-wal", &mut chance);
        let database = place.open().unwrap();
        let there = held(&database, 0..=commits);
        older += usize::from(there < commits);
        goes_on(&place, database, there);
    }
    assert!(older > 10, "{older} lost something");
}

/// From anywhere in the ten days: the disk fails, the bot is started again and goes on, and the trades are those of a disk that never failed.
#[test]
fn what_is_there_after_a_failure_leads_to_the_same_trades() {
    let (mut chance, wanted) = (Chance(1), COURSE.rows(&COURSE.batches));
    assert!(wanted.len() > 100, "{} trades show little", wanted.len());
    let place = Place::holding(&Files::new(), 5);
    let mut database = place.open().unwrap();
    let (mut number, mut worlds) = (0, 0);
    while number < COURSE.batches.len() {
        let fault = [Fault::PowerLoss, Fault::NotSynced, Fault::Killed][worlds % 3];
        let fault_at = if fault == Fault::NotSynced { chance.below(50) } else { chance.below(250) };
        place.plan(fault_at, fault);
        let failed = COURSE.batches[number..].iter().position(|batch| database.commit(batch).is_err());
        let Some(failed) = failed else { break };
        place.kill(database);
        database = place.restart().unwrap();
        number = held(&database, number + failed..=number + failed + 1);
        let memory = database.memory().unwrap().unwrap();
        let trades = [database.trades(ALWAYS).unwrap(), COURSE.go_on(&memory)].concat();
        assert!(trades == wanted, "world {worlds}, {fault:?} after {number} commits");
        worlds += 1;
    }
    assert!(worlds >= 20, "{worlds} worlds");
}

#[test]
fn a_slow_disk_keeps_the_keeper_waiting_and_nobody_else() {
    const SLOW: Duration = Duration::from_millis(400);
    let place = Place::holding(&Files::new(), 0);
    let database = place.open().unwrap();
    let segments = Segments::open(&place.folder.join("journal")).unwrap();
    let keeper = Keeper::start(database, segments, Limits { keep_days: 30, bytes: 1 << 30 }).unwrap();
    place.plan(0, Fault::Slow(SLOW));
    let began = Instant::now();
    keeper.send(Job::Batch(Box::new(COURSE.batches[0].clone()))).unwrap();
    assert!(keeper.answered().is_none() && began.elapsed() < SLOW / 2, "{:?}", began.elapsed());
    let answer = async_io::block_on(keeper.answer()).unwrap();
    assert!(matches!(answer, Answer::Batch(_, Ok(()))) && began.elapsed() >= SLOW, "{answer:?}");
}
