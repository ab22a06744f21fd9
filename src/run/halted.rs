//! What keeps a run from opening positions: an emergency stop that nobody cleared, or too many restarts.

use crate::store::{
    Database, Halt, HaltKind, StoreError,
    last_run::{Run, RunEnd, halted_by_restarts},
};
use log::Level;

/// The halt that holds now, by the wall clock. With `clear`, the user's word, there is none, and what led to those before counts no more.
/// `limit`: so many unwanted ends within ten minutes halt; 0: none do.
///
/// # Errors
///
/// The halts can't be read, or the user's word can't be kept.
pub fn find(
    database: &mut Database,
    runs: &[(Run, Option<RunEnd>)],
    (clear, limit): (bool, u64),
    now_ms: i64,
    told: &mut Vec<(Level, String)>,
) -> Result<Option<Halt>, StoreError> {
    if clear {
        return database.clear_halts(now_ms).map(|()| None);
    }
    let mut halts = database.halts()?;
    halts.retain(|halt| halt.left_ms(now_ms).is_none_or(|left| left > 0));
    if let Some(until_ms) = halted_by_restarts(not_cleared(database, runs, now_ms)?, now_ms, limit)
        && halts.iter().all(|halt| halt.kind != HaltKind::Restarts || halt.until_ms < Some(until_ms))
    {
        let reason = format!("{limit} ends within ten minutes that nobody asked for");
        let halt = Halt { kind: HaltKind::Restarts, reason, since_ms: now_ms, until_ms: Some(until_ms) };
        // it holds for this run all the same; the next one counts again
        let kept = database.halt(&halt);
        told.extend(kept.err().map(|error| (Level::Warn, format!("{error}; the halt of this run is not saved"))));
        halts.push(halt);
    }
    // one without an end outlasts all others
    let halt = halts.into_iter().max_by_key(|halt| halt.left_ms(now_ms).unwrap_or(i64::MAX));
    told.extend(halt.as_ref().map(|halt| (Level::Error, line(halt, now_ms))));
    Ok(halt)
}

/// The runs since halts were cleared, newest first as before.
fn not_cleared<'a>(
    database: &Database,
    runs: &'a [(Run, Option<RunEnd>)],
    now_ms: i64,
) -> Result<&'a [(Run, Option<RunEnd>)], StoreError> {
    let cleared = database.halts_cleared_ms()?.filter(|at| *at <= now_ms);
    let older = cleared.and_then(|at| runs.iter().position(|(run, _)| run.started_ms < at));
    Ok(&runs[..older.unwrap_or(runs.len())])
}

fn line(halt: &Halt, now_ms: i64) -> String {
    let reason = &halt.reason;
    let until = halt.left_ms(now_ms).map_or_else(String::new, |left| format!("in {} s, or ", (left + 999) / 1000));
    format!(
        "HALTED: {reason}. Positions are watched and keep their stops; new ones are opened again {until}with --clear-emergency"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    const NOW: i64 = 1_795_536_923_000;
    const SECOND: i64 = 1_000;

    /// A store, and the runs before the one that starts.
    struct Scene {
        database: Database,
        runs: Vec<(Run, Option<RunEnd>)>,
        _folder: TempDir,
    }

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let database = Database::open(&folder.path().join("smolbear.db"), None).unwrap();
            Self { database, runs: Vec::new(), _folder: folder }
        }

        /// So many runs that crashed, the last of them at this second from [`NOW`].
        fn crash(&mut self, count: i64, until_s: i64) {
            for number in (0..count).rev() {
                let ended_ms = NOW + (until_s - number) * SECOND;
                let (boot_id, wrote, cause) = Default::default();
                let run = Run { pid: 1, boot_id, started_ms: ended_ms - SECOND, wrote, oom_kills: None };
                let end = RunEnd { ended_ms, exit_code: 70, cause, message: None, peak_kb: 0 };
                self.runs.insert(0, (run, Some(end)));
            }
        }

        /// What a start at this second finds: the seconds that it is halted for, where it is.
        fn start(&mut self, clear: bool, at_s: i64) -> Option<Option<i64>> {
            let now_ms = NOW + at_s * SECOND;
            let halt = find(&mut self.database, &self.runs, (clear, 5), now_ms, &mut Vec::new()).unwrap();
            halt.map(|halt| halt.left_ms(now_ms).map(|left| left / SECOND))
        }

        fn emergency(&mut self) {
            let (kind, reason) = (HaltKind::Emergency, "the account is empty".to_owned());
            self.database.halt(&Halt { kind, reason, since_ms: NOW, until_ms: None }).unwrap();
        }
    }

    #[test]
    fn each_row_of_restarts_halts_also_after_one_that_is_over() {
        let mut scene = Scene::new();
        scene.crash(4, 0);
        assert_eq!(scene.start(false, 0), None);
        scene.crash(1, 1);
        assert_eq!(scene.start(false, 2), Some(Some(599)));
        scene.crash(1, 100);
        assert_eq!(scene.start(false, 101), Some(Some(599)), "longer, since it goes on");
        assert_eq!(scene.start(false, 701), None);
        scene.crash(5, 10_000);
        assert_eq!(scene.start(false, 10_000), Some(Some(600)), "and again hours later");
    }

    #[test]
    fn once_the_user_has_cleared_it_what_led_to_it_counts_no_more() {
        let mut scene = Scene::new();
        scene.crash(5, 0);
        scene.emergency();
        assert_eq!(scene.start(false, 1), Some(None), "an emergency outlasts restarts");
        assert_eq!(scene.start(true, 2), None);
        assert_eq!(scene.start(false, 3), None);
        scene.crash(4, 10);
        assert_eq!(scene.start(false, 11), None);
        scene.crash(1, 12);
        assert_eq!(scene.start(false, 12), Some(Some(600)));
    }

    #[test]
    fn a_clock_that_is_wrong_makes_no_halt_longer_than_it_was() {
        let mut scene = Scene::new();
        scene.crash(5, 0);
        assert_eq!(scene.start(false, 0), Some(Some(600)));
        assert_eq!(scene.start(false, -NOW / SECOND), Some(Some(600)), "1970, until the time is known");
        assert_eq!(scene.start(false, 590), Some(Some(10)));
    }

    #[test]
    fn it_says_why_and_until_when() {
        let mut scene = Scene::new();
        let said = |scene: &mut Scene| {
            let mut told = Vec::new();
            find(&mut scene.database, &scene.runs, (false, 5), NOW, &mut told).unwrap();
            told
        };
        let watched = "Positions are watched and keep their stops; new ones are opened again";
        assert_eq!(said(&mut scene), []);
        scene.crash(5, 0);
        let why = "5 ends within ten minutes that nobody asked for";
        assert_eq!(
            said(&mut scene),
            [(Level::Error, format!("HALTED: {why}. {watched} in 600 s, or with --clear-emergency"))]
        );
        scene.emergency();
        assert_eq!(
            said(&mut scene),
            [(Level::Error, format!("HALTED: the account is empty. {watched} with --clear-emergency"))]
        );
    }
}
