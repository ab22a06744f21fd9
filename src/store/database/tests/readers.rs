//! Whoever only looks: while the bot writes, after it ended, and after it was killed.

use super::*;

fn refused(file: &Path) -> String {
    Database::read(file).unwrap_err().to_string()
}

#[test]
fn a_reader_sees_each_commit_and_holds_none_up() {
    let place = Place::with(1);
    let (mut writer, reader) = (place.open(), Database::read(&place.file).unwrap());
    for batch in &course()[1..20] {
        writer.commit(batch).unwrap();
        assert_eq!(reader.memory().unwrap().as_ref(), Some(&batch.memory));
        assert_eq!(money(&reader), money(&writer));
    }
    let looking = reader.connection.unchecked_transaction().unwrap();
    let before: i64 = looking.query_row("SELECT count(*) FROM intents", [], |row| row.get(0)).unwrap();
    course()[20..40].iter().for_each(|batch| writer.commit(batch).unwrap());
    let after: i64 = looking.query_row("SELECT count(*) FROM intents", [], |row| row.get(0)).unwrap();
    assert_eq!(before, after, "who reads sees one moment");
    assert!(count(&writer, "intents") > before);
}

#[test]
fn what_is_asked_for_together_is_of_one_moment() {
    let place = Place::with(1);
    let (mut writer, reader) = (place.open(), Database::read(&place.file).unwrap());
    let both = reader.at_one_moment(|reader| {
        let before = reader.memory()?;
        course()[1..20].iter().for_each(|batch| writer.commit(batch).unwrap());
        assert_ne!(reader.memory()?, writer.memory()?);
        Ok((before, reader.memory()?))
    });
    let (before, after) = both.unwrap();
    assert_eq!(before, after);
    assert_eq!(reader.memory().unwrap(), writer.memory().unwrap(), "the moment is over");
    let error = StoreError { path: PathBuf::new(), fault: Fault::Io, cause: "why".to_owned() };
    assert_eq!(reader.at_one_moment(|_| Err::<(), _>(error.clone())), Err(error));
    assert_eq!(reader.at_one_moment(|reader| Ok(money(reader))).unwrap(), money(&writer));
}

#[test]
fn the_last_sample_and_the_most_memory_are_found_without_all_of_them() {
    let place = Place::with(1);
    let mut writer = place.open();
    assert_eq!((writer.last_sample().unwrap(), writer.peak_kb(0).unwrap()), (None, None));
    for (at_ms, memory_kb) in [(7, 900), (9, 300), (8, 400)] {
        let taken = Sample { memory_kb, ..sample(at_ms) };
        writer.commit(&Batch { sample: Some(taken), records: Vec::new(), ..course()[0].clone() }).unwrap();
    }
    assert_eq!(writer.last_sample().unwrap().map(|sample| sample.at_ms), Some(9));
    assert_eq!([7, 8, 10].map(|since_ms| writer.peak_kb(since_ms).unwrap()), [Some(900), Some(400), None]);
}

#[test]
fn a_reader_reads_what_a_bot_that_ended_left() {
    let place = Place::with(5);
    assert_eq!(place.files(), ["smolbear.db"], "the log is in the file");
    let bytes = fs::read(&place.file).unwrap();
    let reader = Database::read(&place.file).unwrap();
    assert_eq!(reader.memory().unwrap().as_ref(), Some(&course()[4].memory));
    drop(reader);
    assert_eq!(fs::read(&place.file).unwrap(), bytes);
    assert_eq!(place.open().memory().unwrap().as_ref(), Some(&course()[4].memory));
}

#[test]
fn a_reader_reads_what_a_killed_bot_left_also_without_its_index() {
    let (place, copy) = (Place::new(), Place::new());
    let mut writer = place.open();
    course()[..7].iter().for_each(|batch| writer.commit(batch).unwrap());
    for end in ["", "-wal"] {
        fs::copy(place.beside(end), copy.beside(end)).unwrap();
    }
    let bytes = ["", "-wal"].map(|end| fs::read(copy.beside(end)).unwrap());
    let reader = Database::read(&copy.file).unwrap();
    assert_eq!(reader.memory().unwrap().as_ref(), Some(&course()[6].memory));
    assert_eq!(money(&reader), money(&writer));
    drop(reader);
    assert_eq!(["", "-wal"].map(|end| fs::read(copy.beside(end)).unwrap()), bytes, "nothing was changed");
    assert_eq!(money(&copy.open()), money(&writer), "the bot goes on from it");
}

#[test]
fn a_reader_needs_no_file_beside_it_where_it_may_make_none() {
    let place = Place::with(5);
    // as in a folder that can't be written, which root always can: SQLite follows no link here
    std::os::unix::fs::symlink("/nowhere", place.beside("-shm")).unwrap();
    let reader = Database::read(&place.file).unwrap();
    assert_eq!(reader.memory().unwrap().as_ref(), Some(&course()[4].memory));
    fs::write(place.beside("-wal"), "a log that only its index could bring in").unwrap();
    assert!(Database::read(&place.file).is_err(), "an old state is no answer");
}

#[test]
fn a_reader_changes_nothing() {
    let place = Place::with(1);
    let mut reader = Database::read(&place.file).unwrap();
    assert_eq!(reader.commit(&course()[1]).unwrap_err().fault, Fault::ReadOnly);
    assert_eq!(reader.forget(0).unwrap_err().fault, Fault::ReadOnly);
}

#[test]
fn where_there_is_no_store_a_reader_says_so() {
    let place = Place::new();
    let none = format!("{}: there is no store: no bot has kept anything here", place.file.display());
    assert_eq!(refused(&place.file), none);
    assert!(place.files().is_empty(), "and makes none");
    fs::write(&place.file, "").unwrap();
    assert_eq!(refused(&place.file), format!("{}: the store is empty", place.file.display()));
    fs::write(&place.file, "this is no database at all").unwrap();
    assert_eq!(Database::read(&place.file).unwrap_err().fault, Fault::Corrupt);
}

#[test]
fn a_path_may_have_any_characters() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["file:a?b=c", "50% #1?", "ä b"] {
        let file = folder.path().join(name);
        Database::open(&file, None).unwrap().commit(&course()[0]).unwrap();
        assert!(file.is_file(), "{name}");
        for reader in [Database::read(&file), Database::read_still(&file)] {
            assert_eq!(reader.unwrap().memory().unwrap().as_ref(), Some(&course()[0].memory), "{name}");
        }
    }
}
