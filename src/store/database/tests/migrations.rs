//! From an older version's file to ours, and never from a newer one's.

use super::*;

const V2: &str = "ALTER TABLE fills ADD COLUMN venue TEXT; CREATE TABLE notes (number INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;";

fn with_two(place: &Place, second: &str) -> Result<Database, StoreError> {
    Database::open_with(&place.file, None, &[schema::MIGRATIONS[0], second])
}

fn version(database: &Database) -> i64 {
    database.connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

fn old() -> Place {
    let place = Place::with(25);
    let mut database = place.open();
    database.open_account(&Account { market: "paper".to_owned(), capital: 1000.into(), opened_ms: 7 }).unwrap();
    database.connection.execute("UPDATE account SET wrote = '0.0.9'", []).unwrap();
    place
}

#[test]
fn a_new_file_has_our_version_and_settings() {
    let place = Place::new();
    let database = Database::open(&place.file, None).unwrap();
    assert_eq!(version(&database), schema::MIGRATIONS.len() as i64);
    for (setting, want) in [
        ("synchronous", 2),
        ("wal_autocheckpoint", 0),
        ("journal_size_limit", 1 << 20),
        ("cache_size", -256),
        ("busy_timeout", 500),
    ] {
        let got: i64 = database.connection.pragma_query_value(None, setting, |row| row.get(0)).unwrap();
        assert_eq!(got, want, "{setting}");
    }
    let journal: String = database.connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(journal, "wal");
    drop(database);
    assert_eq!(place.files(), ["smolbear.db"], "no copy of nothing");
}

#[test]
fn an_older_file_is_copied_and_then_brought_up_to_date() {
    let place = old();
    let before = money(&place.open());
    let database = with_two(&place, V2).unwrap();
    assert_eq!((version(&database), count(&database, "notes")), (2, 0));
    let wrote: String = database.connection.query_row("SELECT wrote FROM account", [], |row| row.get(0)).unwrap();
    assert_eq!(wrote, env!("CARGO_PKG_VERSION"));
    assert_eq!(database.memory().unwrap().as_ref(), Some(&course()[24].memory));
    drop(database);
    assert_eq!(place.files(), ["smolbear-v1.db", "smolbear.db"]);
    let copy = Database::read(&place.folder.path().join("smolbear-v1.db")).unwrap();
    assert_eq!((version(&copy), money(&copy)), (1, before));
    drop(copy);
    let files = place.files();
    drop(with_two(&place, V2).unwrap());
    assert_eq!(place.files(), files, "once");
}

#[test]
fn a_step_that_fails_changes_nothing() {
    let place = old();
    let before = money(&place.open());
    for copies in 1..3 {
        let failed = with_two(&place, &format!("{V2} INSERT INTO nothing VALUES (1);")).unwrap_err();
        assert_eq!(failed.fault, Fault::Broken, "{failed}");
        let database = place.open();
        assert_eq!((version(&database), money(&database)), (1, before.clone()));
        let notes = "SELECT count(*) FROM sqlite_schema WHERE name = 'notes'";
        assert_eq!(database.connection.query_row(notes, [], |row| row.get::<_, i64>(0)), Ok(0));
        drop(database);
        assert_eq!(place.files().len(), 1 + copies, "no copy is overwritten: {:?}", place.files());
    }
    with_two(&place, V2).unwrap();
}

#[test]
fn a_newer_file_is_refused_and_left_as_it_is() {
    let place = old();
    let mut newer = with_two(&place, V2).unwrap();
    newer.connection.execute("UPDATE account SET wrote = '9.8.7'", []).unwrap();
    let mut memory = course()[25].clone();
    memory.records.clear();
    newer.commit(&memory).unwrap();
    let killed = Place::new();
    for end in ["", "-wal"] {
        fs::copy(place.beside(end), killed.beside(end)).unwrap();
    }
    drop(newer);
    for (place, ends) in [(place, &[""] as &[&str]), (killed, &["", "-wal"])] {
        let bytes = |place: &Place| ends.iter().map(|end| fs::read(place.beside(end)).unwrap()).collect::<Vec<_>>();
        let before = bytes(&place);
        for refused in [Database::open(&place.file, None), Database::read(&place.file)] {
            let error = refused.unwrap_err();
            assert_eq!(error.fault, Fault::Newer { wrote: "9.8.7".to_owned() });
            let version = env!("CARGO_PKG_VERSION");
            let said = format!("written by 9.8.7, which this program ({version}) is too old to read");
            assert_eq!(error.cause, said);
            assert_eq!(bytes(&place), before, "byte for byte");
        }
        assert_eq!(
            with_two(&place, V2).unwrap().memory().unwrap(),
            Some(memory.memory.clone()),
            "who made it reads it"
        );
    }
}

#[test]
fn a_run_of_a_newer_version_is_the_one_that_is_named() {
    let place = old();
    let mut newer = with_two(&place, V2).unwrap();
    newer.begin_run(&kept::run(1)).unwrap();
    newer.connection.execute("UPDATE runs SET wrote = '10.0.0'", []).unwrap();
    drop(newer);
    let error = Database::open(&place.file, None).unwrap_err();
    assert_eq!(error.fault, Fault::Newer { wrote: "10.0.0".to_owned() });
}
