//! What a disk does to a database, and what is said of it.

use super::*;
use rusqlite::ffi;
use std::os::unix::fs::FileExt;

fn refused(place: &Place) -> StoreError {
    Database::open(&place.file, None).unwrap_err()
}

fn flip(file: &Path, at: u64, bit: u8) {
    let file = fs::File::options().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1 << bit], at).unwrap();
}

#[test]
fn a_full_disk_is_named_and_what_failed_left_nothing_behind() {
    let (place, batches) = (Place::with(30), course());
    let mut database = place.open();
    let limit = |database: &Database, pages: i64| {
        database.connection.pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, i64>(0)).unwrap()
    };
    limit(&database, 1); // no less than there are
    let mut next = batches[30..].iter();
    let (last, failed, error) = loop {
        let before = (money(&database), database.memory().unwrap());
        let batch = next.next().expect("the pages that are there last for some commits");
        if let Err(error) = database.commit(batch) {
            break (before, batch, error);
        }
    };
    assert_eq!(error.to_string(), format!("{}: No space left on device (os error 28)", place.file.display()));
    assert_eq!(error.fault, Fault::Full);
    assert_eq!((money(&database), database.memory().unwrap()), last, "nothing of it is there");
    limit(&database, 1 << 20);
    database.commit(failed).unwrap();
    assert_eq!(database.memory().unwrap().as_ref(), Some(&failed.memory));
    drop(database);
    assert_eq!(place.open().memory().unwrap().as_ref(), Some(&failed.memory));
}

#[test]
fn who_is_held_up_too_long_says_so_and_may_try_again() {
    let place = Place::with(1);
    let (mut database, other) = (place.open(), place.open());
    other.connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(database.commit(&course()[1]).unwrap_err().fault, Fault::Busy);
    other.connection.execute_batch("COMMIT").unwrap();
    database.commit(&course()[1]).unwrap();
}

#[test]
fn what_is_no_store_is_refused_and_left_as_it_is() {
    let text = |place: &Place| fs::write(&place.file, "this is no database at all\n".repeat(50)).unwrap();
    let short = |place: &Place| fs::write(&place.file, "?").unwrap();
    let other = |place: &Place| {
        Connection::open(&place.file).unwrap().execute_batch("CREATE TABLE songs (name TEXT)").unwrap();
    };
    let cut = |place: &Place| {
        fs::copy(Place::with(60).file, &place.file).unwrap();
        let file = fs::File::options().write(true).open(&place.file).unwrap();
        file.set_len(file.metadata().unwrap().len() - 4096).unwrap();
    };
    for (make, cause) in [
        (&text as &dyn Fn(&Place), "file is not a database"),
        (&short, "file is not a database"),
        (&other, "it is a database, but not one of this program"),
        (&cut, "database disk image is malformed"),
    ] {
        let place = Place::new();
        make(&place);
        let before = fs::read(&place.file).unwrap();
        let error = refused(&place);
        assert_eq!((error.fault, error.cause.as_str()), (Fault::Corrupt, cause));
        assert_eq!(error.path, place.file);
        assert_eq!(fs::read(&place.file).unwrap(), before, "{cause}");
        assert_eq!(place.files(), ["smolbear.db"], "{cause}");
    }
}

#[test]
fn a_flipped_bit_in_the_build_of_any_page_is_found() {
    let whole = Place::with(60);
    let pages = fs::metadata(&whole.file).unwrap().len() / 4096;
    assert!(pages > 10, "{pages}");
    for page in 0..pages {
        let place = Place::new();
        fs::copy(&whole.file, &place.file).unwrap();
        let begins = if page == 0 { 100 } else { page * 4096 };
        flip(&place.file, begins, 1); // what kind of page it is
        assert_eq!(refused(&place).fault, Fault::Corrupt, "page {page}");
    }
}

/// Where the memory stands in a file that is not open.
fn place_of_body(place: &Place) -> (u64, u64) {
    let (file, body) = (fs::read(&place.file).unwrap(), body::pack(&course()[9].memory).unwrap());
    let at =
        file.windows(body.len()).position(|bytes| bytes == body).expect("a body that fits into a page stands whole");
    (at as u64, body.len() as u64)
}

#[test]
fn a_flipped_bit_in_the_memory_is_found() {
    let place = Place::with(10);
    let (at, length) = place_of_body(&place);
    let want = &course()[9].memory;
    let mut found = 0;
    for byte in 0..length {
        let bit = (byte % 8) as u8;
        flip(&place.file, at + byte, bit);
        match Database::open(&place.file, None).and_then(|database| database.memory()) {
            // gzip's head has a time and the name of a system, and its last bits may be there to fill a byte: they say nothing
            Ok(memory) => assert_eq!(memory.as_ref(), Some(want), "byte {byte}"),
            Err(error) => {
                assert_eq!(error.fault, Fault::Corrupt, "byte {byte}: {error}");
                found += 1;
            }
        }
        flip(&place.file, at + byte, bit);
    }
    assert!(found >= length - 11, "{found} of {length}");
    assert_eq!(place.open().memory().unwrap().as_ref(), Some(want), "it is whole again");
}

#[test]
fn a_memory_that_cannot_be_read_is_said_to_be_corrupt() {
    let place = Place::with(1);
    let database = place.open();
    let gzip = |text: &str| {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    for body in [Vec::new(), b"no gzip".to_vec(), gzip("no JSON"), gzip("{\"names\": 1}")] {
        database.connection.execute("UPDATE memory SET body = ?1", [&body]).unwrap();
        let error = database.memory().unwrap_err();
        assert_eq!(error.fault, Fault::Corrupt);
        assert!(error.cause.starts_with("the saved state can't be read: "), "{error}");
    }
    database.connection.execute("INSERT INTO account VALUES (1, 'paper', 'much', 0, '')", []).unwrap();
    assert_eq!(database.account().unwrap_err().fault, Fault::Corrupt);
}

#[test]
fn where_no_file_can_be_the_system_says_why() {
    let place = Place::new();
    let folder = place.folder.path();
    for (file, why) in [
        (folder.join("missing/smolbear.db"), "No such file or directory (os error 2)"),
        (folder.to_owned(), "Is a directory (os error 21)"),
    ] {
        let error = Database::open(&file, None).unwrap_err();
        assert_eq!((error.fault.clone(), error.to_string()), (Fault::Io, format!("{}: {why}", file.display())));
    }
    let place = Place::with(1);
    fs::create_dir(place.beside("-wal")).unwrap();
    assert_eq!(refused(&place).to_string(), format!("{}: Is a directory (os error 21)", place.file.display()));
}

#[test]
fn a_file_that_was_moved_away_is_missed_until_it_is_back() {
    let (place, batches) = (Place::with(1), course());
    let (mut database, elsewhere) = (place.open(), place.beside("-elsewhere"));
    let refused = |database: &mut Database, why: &str| {
        let error = database.commit(&batches[1]).unwrap_err();
        assert_eq!((error.fault.clone(), error.to_string()), (Fault::Io, format!("{}: {why}", place.file.display())));
    };
    fs::rename(&place.file, &elsewhere).unwrap();
    refused(&mut database, "No such file or directory (os error 2)");
    fs::copy(&elsewhere, &place.file).unwrap();
    refused(&mut database, "another file has taken its place");
    fs::rename(&elsewhere, &place.file).unwrap();
    database.commit(&batches[1]).unwrap();
    drop(database);
    assert_eq!(place.open().memory().unwrap().as_ref(), Some(&batches[1].memory));
}

#[test]
fn every_code_has_its_fault() {
    let (place, path) = (Place::new(), Path::new("/nowhere/at/all"));
    let database = place.open();
    for (code, fault) in [
        (ffi::SQLITE_FULL, Fault::Full),
        (ffi::SQLITE_READONLY, Fault::ReadOnly),
        (ffi::SQLITE_READONLY_DIRECTORY, Fault::ReadOnly),
        (ffi::SQLITE_READONLY_DBMOVED, Fault::ReadOnly),
        (ffi::SQLITE_CANTOPEN, Fault::Io),
        (ffi::SQLITE_IOERR_WRITE, Fault::Io),
        (ffi::SQLITE_IOERR_SHORT_READ, Fault::Io),
        (ffi::SQLITE_IOERR_FSYNC, Fault::Fsync),
        (ffi::SQLITE_IOERR_DIR_FSYNC, Fault::Fsync),
        (ffi::SQLITE_IOERR_CORRUPTFS, Fault::Corrupt),
        (ffi::SQLITE_CORRUPT, Fault::Corrupt),
        (ffi::SQLITE_CORRUPT_INDEX, Fault::Corrupt),
        (ffi::SQLITE_NOTADB, Fault::Corrupt),
        (ffi::SQLITE_BUSY, Fault::Busy),
        (ffi::SQLITE_BUSY_RECOVERY, Fault::Busy),
        (ffi::SQLITE_LOCKED, Fault::Busy),
        (ffi::SQLITE_CONSTRAINT_PRIMARYKEY, Fault::Broken),
        (ffi::SQLITE_MISUSE, Fault::Broken),
        (ffi::SQLITE_ERROR, Fault::Broken),
    ] {
        for connection in [None, Some(&database.connection)] {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            assert_eq!(Cause::from(error).at(path, connection).fault, fault, "{code}");
        }
    }
    for (errno, fault) in [
        (28, Fault::Full),
        (122, Fault::Full),
        (27, Fault::Full),
        (30, Fault::ReadOnly),
        (13, Fault::ReadOnly),
        (5, Fault::Io),
    ] {
        let error = Cause::from(std::io::Error::from_raw_os_error(errno)).at(path, None);
        assert_eq!(error.fault, fault, "{error}");
    }
}
