//! What is kept beside the memory, for how long, and the copy of all of it.

use super::*;
use crate::store::last_run::{Run, RunEnd};

pub fn run(started_ms: i64) -> Run {
    Run { pid: u32::MAX, boot_id: "a-b".to_owned(), started_ms, wrote: "0.1.0".to_owned(), oom_kills: None }
}

fn end(ended_ms: i64) -> RunEnd {
    RunEnd { ended_ms, exit_code: 70, cause: "stopped".to_owned(), message: Some("it broke".to_owned()), peak_kb: 9 }
}

#[test]
fn a_store_has_one_account_for_ever() {
    let place = Place::new();
    let account = Account { market: "made up, seed 4".to_owned(), capital: "1000.50".parse().unwrap(), opened_ms: -1 };
    let mut database = place.open();
    assert_eq!(database.account(), Ok(None));
    database.open_account(&account).unwrap();
    assert_eq!(database.open_account(&account).unwrap_err().fault, Fault::Broken);
    drop(database);
    let read = place.open().account().unwrap().unwrap();
    assert_eq!((read.capital.to_string(), &read), ("1000.50".to_owned(), &account));
}

#[test]
fn when_it_was_saved_is_known() {
    let place = Place::new();
    assert_eq!(place.open().saved_ms(), Ok(None));
    let before = now_ms();
    place.open().commit(&course()[0]).unwrap();
    let saved = place.open().saved_ms().unwrap().unwrap();
    assert!((before..=now_ms()).contains(&saved));
}

#[test]
fn runs_come_back_newest_first_with_the_ends_that_they_could_tell() {
    let place = Place::new();
    let mut database = place.open();
    let counted = Run { oom_kills: Some(u64::MAX), ..run(2) };
    let silent = RunEnd { message: None, exit_code: 0, peak_kb: u64::MAX, ..end(9) };
    let numbers = [run(1), counted.clone(), run(3)].map(|run| database.begin_run(&run).unwrap());
    assert!(numbers.is_sorted() && numbers[0] != numbers[1]);
    database.end_run(numbers[0], &end(8), None).unwrap();
    database.end_run(numbers[1], &silent, None).unwrap();
    assert_eq!(database.end_run(77, &end(8), None).unwrap_err().fault, Fault::Broken);
    let want = [(run(3), None), (counted, Some(silent)), (run(1), Some(end(8)))];
    assert_eq!(database.runs(10).unwrap(), want);
    assert_eq!(database.runs(2).unwrap(), want[..2]);
}

#[test]
fn a_halt_stays_until_it_is_cleared() {
    let place = Place::new();
    let emergency =
        Halt { kind: HaltKind::Emergency, reason: "a position without a stop".to_owned(), since_ms: 1, until_ms: None };
    let restarts = Halt { kind: HaltKind::Restarts, until_ms: Some(600_000), ..emergency.clone() };
    place.open().halt(&emergency).unwrap();
    place.open().halt(&restarts).unwrap();
    assert_eq!(place.open().halts().unwrap(), [emergency.clone(), restarts]);
    place.open().clear_halts(5).unwrap();
    assert_eq!(place.open().halts().unwrap(), []);
    place.open().halt(&emergency).unwrap();
    assert_eq!(place.open().halts().unwrap(), [emergency]);
    assert_eq!(count(&place.open(), "halts WHERE cleared_ms = 5"), 2, "what was is remembered");
}

#[test]
fn two_hundred_lines_of_a_kind_are_kept() {
    let place = Place::with(1);
    let mut database = place.open();
    let mut batch = Batch { records: Vec::new(), ..course()[0].clone() };
    batch.said = vec![said(0, SaidKind::Trouble, "rare")];
    database.commit(&batch).unwrap();
    for round in 0..5 {
        batch.said = (0..70).map(|line| said(round, SaidKind::Signal, &format!("{}", 70 * round + line))).collect();
        database.commit(&batch).unwrap();
    }
    let kept = database.said(SaidKind::Signal, 1_000).unwrap();
    let texts: Vec<_> = kept.iter().map(|said| said.text.parse::<i64>().unwrap()).collect();
    assert_eq!(texts, (150..350).rev().collect::<Vec<_>>());
    assert_eq!(database.said(SaidKind::Signal, 1).unwrap(), [said(4, SaidKind::Signal, "349")]);
    assert_eq!(database.said(SaidKind::Trouble, 9).unwrap(), [said(0, SaidKind::Trouble, "rare")], "the other kind's");
}

#[test]
fn samples_come_back_as_they_were() {
    let place = Place::with(1);
    let mut database = place.open();
    let take = |database: &mut Database, sample: &Sample| {
        let sample = Some(sample.clone());
        database.commit(&Batch { records: Vec::new(), sample, ..course()[0].clone() }).unwrap();
    };
    (1..5).for_each(|at| take(&mut database, &sample(at)));
    assert_eq!(database.samples(3).unwrap(), [sample(3), sample(4)]);
    let again = Sample { status: "healthy".to_owned(), reasons: Vec::new(), ..sample(4) };
    take(&mut database, &again);
    assert_eq!(database.samples(4).unwrap(), [again], "a clock that was set back says the same moment twice");
}

#[test]
fn what_is_old_goes_but_never_money() {
    let place = Place::with(course().len());
    let mut database = place.open();
    let kinds = [SaidKind::Signal, SaidKind::Trouble];
    for at in [10, 20] {
        let said = kinds.map(|kind| said(at, kind, "")).to_vec();
        let batch =
            Batch { records: Vec::new(), said, sample: Some(sample(at)), ..course()[course().len() - 1].clone() };
        database.commit(&batch).unwrap();
    }
    let numbers = [1, 1, 1, 1].map(|at| database.begin_run(&run(at)).unwrap());
    database.end_run(numbers[0], &end(10), None).unwrap();
    database.end_run(numbers[1], &end(20), None).unwrap();
    let before = money(&database);
    database.forget(20).unwrap();
    assert_eq!(money(&database), before);
    assert_eq!(database.samples(0).unwrap().len(), 1);
    assert!(kinds.iter().all(|kind| database.said(*kind, 9).unwrap().len() == 1));
    let ends: Vec<_> = database.runs(9).unwrap().into_iter().map(|(_, end)| end.map(|end| end.ended_ms)).collect();
    assert_eq!(ends, [None, Some(20)], "the run that goes on stays");
    database.end_run(numbers[3], &end(21), None).unwrap();
    database.forget(i64::MAX).unwrap();
    assert_eq!((database.runs(9).unwrap().len(), money(&database)), (1, before));
}

#[test]
fn a_backup_is_the_store_at_one_moment_and_overwrites_nothing() {
    let (place, batches) = (Place::with(20), course());
    let mut writer = place.open();
    let reader = Database::read(&place.file).unwrap();
    for (number, database) in [(1, &reader), (2, &writer)] {
        let to = place.folder.path().join(format!("backup {number}"));
        database.backup(&to).unwrap();
        let copy = Place { folder: tempfile::tempdir().unwrap(), file: to.clone() };
        assert_eq!(money(&copy.open()), money(&writer));
        let bytes = fs::read(&to).unwrap();
        let refused = database.backup(&to).unwrap_err();
        assert_eq!(refused.to_string(), format!("{}: File exists (os error 17)", to.display()));
        assert_eq!(fs::read(&to).unwrap(), bytes);
    }
    writer.commit(&batches[20]).unwrap();
    let missing = place.folder.path().join("missing/backup");
    let refused = reader.backup(&missing).unwrap_err();
    assert_eq!(refused.to_string(), format!("{}: No such file or directory (os error 2)", missing.display()));
}

#[test]
fn a_backup_that_fails_leaves_nothing_behind() {
    let place = Place::with(20);
    let database = place.open();
    fs::create_dir(place.folder.path().join("backup.part")).unwrap();
    let before = place.files();
    database.backup(&place.folder.path().join("backup")).unwrap_err();
    assert_eq!(place.files(), before);
}

#[test]
fn the_log_stays_small_and_counts() {
    let place = Place::with(1);
    let mut database = place.open();
    let mut largest = 0;
    for number in 0..600 {
        let batch = Batch { records: Vec::new(), sample: Some(sample(number)), ..course()[200].clone() };
        database.commit(&batch).unwrap();
        let log = fs::metadata(place.beside("-wal")).unwrap().len();
        largest = largest.max(log);
        assert_eq!(database.size(), fs::metadata(&place.file).unwrap().len() + log);
    }
    assert!((1 << 19..5 << 18).contains(&largest), "{largest}");
}
