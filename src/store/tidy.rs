//! What is deleted: what is too old, and the oldest journal where there is too much of it or the disk is nearly full. Orders, fills and trades
//! never are.

use super::{
    Database,
    folder::{self, Room},
    journal::Segments,
};
use std::{
    io,
    path::Path,
    time::{Duration, Instant},
};

/// How often what is too old or too much is deleted.
const EVERY: Duration = Duration::from_secs(3600);
/// Also after so many segments of the journal, which are 16 MB each at most: a market whose time is fast fills a disk sooner.
pub(super) const SEGMENTS: u32 = 8;
/// A disk with less free than this is nearly full, so that there is room for what comes within the hour, and for a user who looks into it; a
/// small disk where less of it is free than a tenth.
const FREE_BYTES: u64 = 64 << 20;
const FREE_PART: u64 = 10;
const DAY_MS: i64 = 86_400_000;

/// What is kept, and how long.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Age of journal and samples, in days.
    pub keep_days: u64,
    /// Of database and journal together, in bytes.
    pub bytes: u64,
}

/// Keeps database and journal within their limits. That something can't be deleted is no reason to fail: the next time does it.
pub(super) struct Tidy {
    limits: Limits,
    /// Asks the system for the room on a disk.
    room: fn(&Path) -> io::Result<Room>,
    done: Option<Instant>,
    /// Segments since then.
    begun: u32,
    /// It was said that the disk is nearly full.
    said: bool,
}

impl Tidy {
    pub const fn new(limits: Limits, room: fn(&Path) -> io::Result<Room>) -> Self {
        Self { limits, room, done: None, begun: 0, said: false }
    }

    /// A segment of the journal was begun.
    pub const fn segment(&mut self) {
        self.begun += 1;
    }

    /// Deletes what is too old or too much, where that was not done lately.
    pub fn tidy(&mut self, now_ms: i64, database: &mut Database, segments: &mut Segments) {
        self.make_room(segments);
        if self.begun < SEGMENTS && self.done.is_some_and(|at| at.elapsed() < EVERY) {
            return;
        }
        (self.done, self.begun) = (Some(Instant::now()), 0);
        let keep_ms = i64::try_from(self.limits.keep_days).unwrap_or(i64::MAX).saturating_mul(DAY_MS);
        let forgotten = database.forget(now_ms.saturating_sub(keep_ms));
        let room = self.limits.bytes.saturating_sub(database.size());
        let pruned = segments.prune(now_ms, keep_ms, room);
        for trouble in [forgotten.err().map(|e| e.to_string()), pruned.err().map(|e| e.to_string())] {
            trouble.iter().for_each(|trouble| log::warn!("Old records stay: {trouble}"));
        }
    }

    /// Where the disk is nearly full, deletes as much of the oldest journal as is missing, and says so once; whether something was deleted.
    pub fn make_room(&mut self, segments: &mut Segments) -> bool {
        let Ok(disk) = (self.room)(segments.folder()) else { return false };
        let missing = FREE_BYTES.min(disk.whole / FREE_PART).saturating_sub(disk.free);
        let was_said = std::mem::replace(&mut self.said, missing > 0);
        if missing == 0 {
            return false;
        }
        let journal = folder::size(segments.folder()).unwrap_or(0);
        // whatever its age
        let pruned = segments.prune(0, i64::MAX, journal.saturating_sub(missing));
        if !was_said {
            let free = disk.free >> 20;
            log::warn!(
                "The disk is nearly full ({free} MB free): the oldest journal in {} goes first",
                segments.folder().display()
            );
        }
        match pruned {
            Ok(pruned) => pruned.segments > 0,
            Err(trouble) => {
                log::warn!("Old records stay: {trouble}");
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::journal;
    use std::sync::atomic::{AtomicU64, Ordering};
    use tempfile::TempDir;

    const MB: u64 = 1 << 20;

    struct Scene {
        folder: TempDir,
        database: Database,
        segments: Segments,
    }

    impl Scene {
        /// A journal of ten segments of a megabyte each, begun hour by hour.
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let database = Database::open(&folder.path().join("smolbear.db"), None).unwrap();
            let mut segments = Segments::open(&folder.path().join("journal")).unwrap();
            (0..10).for_each(|hour| segments.begin(hour * 3_600_000, &[b'x'; MB as usize]).unwrap());
            Self { folder, database, segments }
        }

        fn tidy(&mut self, tidy: &mut Tidy) -> Vec<u64> {
            tidy.tidy(36_000_000, &mut self.database, &mut self.segments);
            let kept = journal::list(&self.folder.path().join("journal")).unwrap();
            kept.into_iter().map(|(name, _)| name.number).collect()
        }
    }

    fn limits(megabytes: u64) -> Limits {
        Limits { keep_days: 30, bytes: megabytes * MB }
    }

    #[test]
    fn database_and_journal_together_stay_below_their_limit() {
        let mut scene = Scene::new();
        // the database and its log have less than a megabyte
        assert_eq!(
            scene.tidy(&mut Tidy::new(limits(5), |_| Ok(Room { free: MB << 20, whole: MB << 20 }))),
            [7, 8, 9, 10]
        );
    }

    #[test]
    fn on_a_disk_that_is_nearly_full_the_oldest_journal_goes_as_far_as_it_must() {
        static FREE: AtomicU64 = AtomicU64::new(0);
        let room = |_: &Path| Ok(Room { free: FREE.load(Ordering::Relaxed), whole: 8 << 30 });
        let (mut scene, mut tidy) = (Scene::new(), Tidy::new(limits(256), room));
        for (free_mb, kept, said) in
            [(64, 1..=10, false), (61, 4..=10, true), (64, 4..=10, false), (0, 10..=10, true), (0, 10..=10, true)]
        {
            FREE.store(free_mb * MB, Ordering::Relaxed);
            assert_eq!(scene.tidy(&mut tidy), kept.collect::<Vec<_>>(), "{free_mb} MB free");
            assert_eq!(tidy.said, said, "{free_mb} MB free");
        }
        scene.segments.append(b"the one that is being written goes on").unwrap();
    }

    #[test]
    fn of_a_small_disk_a_tenth_is_enough() {
        let mut scene = Scene::new();
        assert!(!Tidy::new(limits(256), |_| Ok(Room { free: 2 * MB, whole: 20 * MB })).make_room(&mut scene.segments));
        assert!(Tidy::new(limits(256), |_| Ok(Room { free: MB, whole: 20 * MB })).make_room(&mut scene.segments));
        assert!(!Tidy::new(limits(256), |_| Err(io::Error::other("?"))).make_room(&mut scene.segments));
        assert_eq!(scene.tidy(&mut Tidy::new(limits(256), folder::room)).len(), 9);
    }
}
