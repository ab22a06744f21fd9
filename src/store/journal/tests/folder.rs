//! The folder of segments, on a good disk and on a bad one.

use super::*;
use crate::store::journal::{Disk, Files, JournalError, Name, Segments, Tail, list, read};
use proptest::prelude::*;
use std::{
    fs, io,
    path::Path,
    sync::{Arc, Mutex},
};

fn names(folder: &Path) -> Vec<u64> {
    list(folder).unwrap().into_iter().map(|(name, _)| name.number).collect()
}

#[test]
fn names_sort_as_segments_were_begun_whatever_the_clock_did() {
    let folder = tempfile::tempdir().unwrap();
    for (number, begun_ms) in [(1, WALL_MS), (2, 0), (10, WALL_MS - HOUR_MS), (123_456_789, WALL_MS)] {
        let name = Name { number, begun_ms };
        assert_eq!(name.to_string().parse(), Ok(Name { begun_ms: begun_ms / 1000 * 1000, ..name }));
        fs::write(folder.path().join(name.to_string()), "").unwrap();
    }
    assert_eq!(Name { number: 7, begun_ms: WALL_MS }.to_string(), "00000007-20251020T235036Z.seg");
    for other in ["7-20251020T235036Z.seg", "00000007-20251020T235036Z.seg.part", "notes.txt", "00000007-2025.seg"] {
        assert!(other.parse::<Name>().is_err(), "{other}");
        fs::write(folder.path().join(other), "").unwrap();
    }
    assert_eq!(names(folder.path()), [1, 2, 10, 123_456_789]);
}

#[test]
fn segments_are_numbered_on_and_a_torn_tail_is_cut() {
    let (folder, parts) = (tempfile::tempdir().unwrap(), &*HOUR);
    let journal = folder.path().join("journal");
    let mut segments = Segments::open(&journal).unwrap();
    assert_eq!(segments.cut_tail().unwrap(), None, "there is nothing yet");
    for _ in 0..2 {
        segments.begin(WALL_MS, &parts.head).unwrap();
        parts.blocks.iter().for_each(|(block, _)| segments.append(block).unwrap());
        segments.sync().unwrap();
    }
    drop(segments);
    let (_, newest) = list(&journal).unwrap().pop().unwrap();
    let whole = fs::read(&newest).unwrap();
    assert!(whole == parts.bytes());
    fs::write(&newest, [&whole[..], &parts.blocks[0].0[..100]].concat()).unwrap();

    let mut segments = Segments::open(&journal).unwrap();
    let cut = segments.cut_tail().unwrap().unwrap();
    assert_eq!((cut.path, cut.at, cut.bytes), (newest.clone(), whole.len() as u64, 100));
    assert!(fs::read(&newest).unwrap() == whole);
    assert_eq!(segments.cut_tail().unwrap(), None);
    segments.begin(WALL_MS, &parts.head).unwrap();
    assert_eq!(names(&journal), [1, 2, 3]);
}

#[test]
fn a_segment_of_which_nothing_is_whole_is_gone_at_the_next_start_and_none_seems_to_be_missing() {
    let parts = &*HOUR;
    for bytes in [&[][..], &parts.head[..20], &parts.head[..parts.head.len() - 1]] {
        let folder = tempfile::tempdir().unwrap();
        let mut segments = Segments::open(folder.path()).unwrap();
        segments.begin(WALL_MS, &parts.head).unwrap();
        segments.begin(WALL_MS, bytes).unwrap();
        let mut segments = Segments::open(folder.path()).unwrap();
        assert_eq!(segments.cut_tail().unwrap().unwrap().bytes, bytes.len() as u64);
        assert_eq!(names(folder.path()), [1]);
        segments.begin(WALL_MS, &parts.head).unwrap();
        assert_eq!(names(folder.path()), [1, 2]);
    }
}

#[test]
fn the_oldest_go_first_and_the_newest_stays() {
    for (now, keep_ms, limit, gone) in [
        (10 * HOUR_MS, 100 * HOUR_MS, 1_000, 0),
        (10 * HOUR_MS, 100 * HOUR_MS, 400, 0),
        (10 * HOUR_MS, 100 * HOUR_MS, 399, 1),
        (10 * HOUR_MS, 100 * HOUR_MS, 150, 3),
        (10 * HOUR_MS, 100 * HOUR_MS, 0, 3),
        // a segment lasts until the next one begins, so the one of 01:00 has something of 01:59
        (4 * HOUR_MS, 2 * HOUR_MS, 1_000, 1),
        (4 * HOUR_MS, 2 * HOUR_MS + 1, 1_000, 1),
        (4 * HOUR_MS, 2 * HOUR_MS - 1, 1_000, 2),
        (1000 * HOUR_MS, HOUR_MS, 1_000, 3),
        (0, HOUR_MS, 1_000, 0),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("notes.txt"), vec![0; 5_000]).unwrap();
        let mut segments = Segments::open(folder.path()).unwrap();
        (0..4).for_each(|hour| segments.begin(hour * HOUR_MS, &[0; 100]).unwrap());
        let pruned = segments.prune(now, keep_ms, limit).unwrap();
        assert_eq!((pruned.segments, pruned.bytes), (gone, 100 * gone as u64), "{now} {keep_ms} {limit}");
        assert_eq!(names(folder.path()), (1 + gone as u64..=4).collect::<Vec<_>>());
        segments.append(b"more").unwrap();
    }
}

#[test]
fn nothing_is_written_before_a_segment_is_begun() {
    let folder = tempfile::tempdir().unwrap();
    let mut segments = Segments::open(folder.path()).unwrap();
    let error = segments.append(b"block").unwrap_err();
    assert_eq!(error.to_string(), format!("{}: no segment was begun", folder.path().display()));
    segments.sync().unwrap();
}

/// A disk that fails as it is told.
#[derive(Clone, Default)]
struct Bad(Arc<Mutex<Faults>>);

#[derive(Default)]
struct Faults {
    /// The next write leaves so many bytes, and fails.
    write: Option<usize>,
    truncate: bool,
    sync: bool,
    create: bool,
}

struct BadTail(Box<dyn Tail>, Bad);

fn full() -> io::Error {
    io::Error::from_raw_os_error(28)
}

impl Disk for Bad {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Tail>> {
        if self.0.lock().unwrap().create {
            return Err(full());
        }
        Ok(Box::new(BadTail(Files.create(path)?, self.clone())))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Tail>> {
        Ok(Box::new(BadTail(Files.open(path)?, self.clone())))
    }
}

impl Tail for BadTail {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let short = self.1.0.lock().unwrap().write.take();
        let Some(short) = short else { return self.0.append(bytes) };
        self.0.append(&bytes[..short.min(bytes.len())])?;
        Err(full())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        if self.1.0.lock().unwrap().truncate { Err(full()) } else { self.0.truncate(len) }
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.1.0.lock().unwrap().sync { Err(full()) } else { self.0.sync() }
    }
}

fn bad(folder: &Path) -> (Bad, Segments) {
    let disk = Bad::default();
    (disk.clone(), Segments::open_on(folder, Box::new(disk)).unwrap())
}

#[test]
fn every_error_names_the_file_and_the_systems_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (disk, mut segments) = bad(folder.path());
    let says = |error: &JournalError, in_sync| {
        let path = folder.path().join("00000001-20251020T235036Z.seg");
        assert_eq!(error.to_string(), format!("{}: No space left on device (os error 28)", path.display()));
        assert_eq!(error.in_sync, in_sync);
    };
    let set = |change: fn(&mut Faults)| change(&mut disk.0.lock().unwrap());
    set(|faults| faults.create = true);
    says(&segments.begin(WALL_MS, b"head").unwrap_err(), false);
    set(|faults| *faults = Faults { write: Some(2), ..Faults::default() });
    says(&segments.begin(WALL_MS, b"head").unwrap_err(), false);
    assert_eq!(names(folder.path()), [0; 0], "half a head is no segment");
    segments.begin(WALL_MS, b"head").unwrap();
    set(|faults| faults.sync = true);
    says(&segments.sync().unwrap_err(), true);
    says(&segments.begin(WALL_MS, b"head").unwrap_err(), true);
    set(|faults| *faults = Faults { write: Some(2), truncate: true, ..Faults::default() });
    says(&segments.append(b"block").unwrap_err(), false);
    says(&segments.append(b"block").unwrap_err(), false);
    assert_eq!(fs::read(list(folder.path()).unwrap()[0].1.clone()).unwrap(), b"headbl", "nothing behind a torn block");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever fails, what is in the file is what was accepted, and at most the one block behind it that was not.
    #[test]
    fn a_bad_disk_never_makes_the_journal_grow_wrong(
        faults in prop::collection::vec((prop::option::weighted(0.4, 0usize..3000), any::<bool>(), 0u8..4), 1..30)
    ) {
        let (folder, parts) = (tempfile::tempdir().unwrap(), &*HOUR);
        let (disk, mut segments) = bad(folder.path());
        segments.begin(WALL_MS, &parts.head).unwrap();
        let path = list(folder.path()).unwrap()[0].1.clone();
        let (mut accepted, mut next) = (0, parts.blocks.iter());
        let mut waiting = next.next();
        for (write, truncate, sync) in faults {
            *disk.0.lock().unwrap() = Faults { write, truncate, ..Faults::default() };
            let Some((block, entries)) = waiting else { break };
            if segments.append(block).is_ok() {
                accepted += entries;
                waiting = next.next();
            }
            if sync == 0 {
                let _ = segments.sync();
            }
            // a write may fail although all of it is there: the same bytes come again
            let good: Vec<_> = read(&path).unwrap().1.map_while(Result::ok).collect();
            let refused = waiting.map_or(0, |(_, entries)| *entries);
            prop_assert!(good == parts.entries[..accepted] || good == parts.entries[..accepted + refused]);
        }
        *disk.0.lock().unwrap() = Faults::default();
        segments.sync().unwrap();
        let all = read(&path).unwrap().1.collect::<Result<Vec<_>, _>>().unwrap();
        prop_assert!(all == parts.entries[..accepted]);
    }
}
