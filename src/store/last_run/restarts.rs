//! Restarts are counted in the store, so that a bot that dies again and again stops opening positions, whoever starts it.

use super::{Run, RunEnd};

/// Ends that are longer ago don't count; also how long a halt lasts, from the newest that does. In milliseconds.
const WINDOW_MS: i64 = 600_000;

/// Exit codes of ends that somebody asked for, or that another start would not change: those after which no supervisor starts it again.
const WANTED: [u8; 7] = [0, 2, 3, 75, 129, 130, 143];

/// Until when a bot that starts now opens no position: where `limit` runs or more ended unwanted within the last ten minutes. `None`: it is not
/// halted; a limit of 0 halts never.
///
/// `runs` are those before this one, newest first; times are of the wall clock, in milliseconds since 1970. A run that recorded no end ended
/// at the latest when the next one began. What lies in the future was written under a clock that has been set back since, and does not count.
#[must_use]
pub fn halted_by_restarts(runs: &[(Run, Option<RunEnd>)], now_ms: i64, limit: u64) -> Option<i64> {
    let next_began = std::iter::once(now_ms).chain(runs.iter().map(|(run, _)| run.started_ms));
    let ends = runs.iter().zip(next_began).filter_map(|((run, end), next)| {
        let at = unwanted_end(end.as_ref(), next)?;
        (run.started_ms.max(at) <= now_ms && now_ms.saturating_sub(at) < WINDOW_MS).then_some(at)
    });
    let ends: Vec<i64> = ends.collect();
    let newest = ends.iter().max().filter(|_| limit > 0 && ends.len() as u64 >= limit)?;
    Some(newest.saturating_add(WINDOW_MS))
}

/// When the run ended, where nobody wanted that.
fn unwanted_end(end: Option<&RunEnd>, next_began_ms: i64) -> Option<i64> {
    match end {
        None => Some(next_began_ms),
        Some(end) => (!WANTED.contains(&end.exit_code)).then_some(end.ended_ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, option, prelude::*};

    const NOW: i64 = 1_795_536_923_000;
    const MINUTE: i64 = 60_000;

    /// Began, and ended with this exit code or without a record; minutes before now.
    type Row = (i64, Option<(i64, u8)>);

    fn rows(rows: &[Row]) -> Vec<(Run, Option<RunEnd>)> {
        let row = |(began, end): &Row| {
            let (boot_id, wrote) = (String::new(), String::new());
            let run = Run { pid: 1, boot_id, started_ms: NOW - began * MINUTE, wrote, oom_kills: None };
            let end = end.map(|(ended, exit_code)| {
                let (cause, message) = (String::new(), None);
                RunEnd { ended_ms: NOW - ended * MINUTE, exit_code, cause, message, peak_kb: 0 }
            });
            (run, end)
        };
        rows.iter().map(row).collect()
    }

    /// Minutes from now that three unwanted ends halt for.
    fn halted(of: &[Row]) -> Option<i64> {
        halted_by_restarts(&rows(of), NOW, 3).map(|until| (until - NOW) / MINUTE)
    }

    #[test]
    fn so_many_crashes_within_ten_minutes_halt_for_ten_minutes_from_the_newest() {
        assert_eq!(halted(&[(3, Some((2, 70))), (5, Some((4, 1))), (7, Some((6, 101)))]), Some(8));
        assert_eq!(halted(&[(3, Some((2, 70))), (5, Some((4, 1)))]), None, "two are not three");
        assert_eq!(halted(&[(3, Some((2, 70))), (5, Some((4, 1))), (12, Some((10, 1)))]), None, "one is too long ago");
        assert_eq!(halted(&[(3, Some((2, 70))), (5, Some((4, 1))), (12, Some((9, 1)))]), Some(8));
        assert_eq!(halted(&[(3, Some((2, 0))), (5, Some((4, 70))), (7, Some((6, 1))), (9, Some((8, 1)))]), Some(6));
        assert_eq!(halted(&[]), None);
    }

    #[test]
    fn ends_that_were_wanted_do_not_count() {
        for code in 0..=u8::MAX {
            let ends = [(3, Some((2, code))), (5, Some((4, code))), (7, Some((6, code)))];
            let wanted = matches!(code, 0 | 2 | 3 | 75 | 129 | 130 | 143);
            assert_eq!(halted(&ends).is_none(), wanted, "exit code {code}");
        }
    }

    #[test]
    fn a_run_without_an_end_ended_when_the_next_began() {
        assert_eq!(halted(&[(1, None), (2, None), (3, None)]), Some(10), "the newest until now");
        assert_eq!(halted(&[(1, Some((0, 0))), (2, None), (3, None), (4, None)]), Some(9));
        assert_eq!(halted(&[(60, Some((0, 0))), (61, None), (62, None), (63, None)]), None, "an hour ago");
        assert_eq!(halted(&[(500, None), (501, None), (502, None)]), None, "the last may have run for long");
        assert_eq!(halted(&[(5, None), (500, None), (501, None)]), None, "of three starts, one was quick");
    }

    #[test]
    fn a_clock_that_was_set_back_neither_halts_for_ever_nor_counts() {
        let year = 365 * 24 * 60;
        assert_eq!(halted(&[(3 - year, Some((2 - year, 70))); 5]), None, "all in the future");
        assert_eq!(halted(&[(-year, None); 5]), None);
        let mixed = [(-year, Some((-year, 1))), (5, Some((4, 70))), (7, Some((6, 70)))];
        assert_eq!(halted(&mixed), None, "what lies in the future is no third");
        let set_back_while_it_ran = [(-year, Some((1, 70))), (5, Some((4, 70))), (7, Some((6, 70)))];
        assert_eq!(halted(&set_back_while_it_ran), None);
        let at_1970 = rows(&[(NOW / MINUTE, None), (NOW / MINUTE, None), (NOW / MINUTE, None)]);
        assert_eq!(halted_by_restarts(&at_1970, NOW, 3), None, "a clock that was set at last");
        assert_eq!(halted_by_restarts(&rows(&[(0, None); 3]), i64::MAX, 3).map(|_| ()), None);
    }

    #[test]
    fn a_limit_of_none_never_halts_and_of_one_always() {
        let many = rows(&[(1, Some((1, 70))); 50]);
        assert_eq!(halted_by_restarts(&many, NOW, 0), None);
        assert_eq!(halted_by_restarts(&many[..1], NOW, 1), Some(NOW + 9 * MINUTE));
        assert_eq!(halted_by_restarts(&many, NOW, u64::MAX), None);
    }

    proptest! {
        #[test]
        fn a_halt_is_short_and_a_higher_limit_halts_less(
            of in vec((-20_i64..40, option::of((-20_i64..40, prop::sample::select(vec![0_u8, 1, 70, 143])))), 0..12),
            limit in 1_u64..8,
        ) {
            let runs = rows(&of);
            let until = halted_by_restarts(&runs, NOW, limit);
            prop_assert!(until.is_none_or(|until| NOW < until && until <= NOW + WINDOW_MS), "{until:?}");
            prop_assert!(until.is_none() || runs.len() as u64 >= limit);
            let higher = halted_by_restarts(&runs, NOW, limit + 1);
            prop_assert!(higher.is_none() || higher == until, "{higher:?} {until:?}");
            let clean = [rows(&[(0, Some((0, 0)))]), runs.clone()].concat();
            let later = halted_by_restarts(&clean, NOW, limit);
            // A clean run tells when the one before it ended at the latest, and counts for nothing.
            prop_assert_eq!(later, until);
            let past = halted_by_restarts(&runs, NOW + 100 * MINUTE, limit);
            prop_assert!(runs.first().is_some_and(|(_, end)| end.is_none()) || past.is_none(), "{past:?}");
        }
    }
}
