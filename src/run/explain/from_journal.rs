//! The trader, told again what a bot was told.

use super::{Reached, report::Report, told, watch::Watch};
use crate::{
    cli::Explain,
    market::{DAY_MS, Timestamp},
    run::{replay, text::market_time},
    store::journal::{self, ReadError, Rerun},
};
use std::path::{Path, PathBuf};

/// A candle may be known so late, so that what was decided at its close is found behind the moment.
const LATE_MS: i64 = 120_000;
/// So far before the moment the way begins: every strategy decides within it.
const BEFORE_MS: i64 = 2 * DAY_MS;

/// What there is to say of a moment.
///
/// # Errors
///
/// There is no journal, it can't be read, or holds nothing of that time.
pub fn explain(wish: &Explain, folder: &Path, at: Timestamp) -> Result<Report, String> {
    let mut course = Course { until: at.plus_ms(LATE_MS), at, watch: None, last: None, span: None, remark: None };
    for path in way(&replay::segments(folder)?, at) {
        if course.segment(&path)? {
            break;
        }
    }
    let Course { watch, last, span, remark, .. } = course;
    let (Some(watch), Some(rerun), Some(span)) = (watch, last, span) else {
        return Err(format!("{}: its journal holds no event", folder.display()));
    };
    if at < span.0 || at > span.1 {
        let (word, bound) = if at < span.0 { ("begins", span.0) } else { ("ends", span.1) };
        let [bound, at] = [bound, at].map(market_time);
        return Err(format!("{}: its journal {word} at {bound}: nothing is known of {at}", folder.display()));
    }
    told(wish, at, rerun.trader().engine(), Reached { watch, remark })
}

/// The segments that lead to a moment. Those that end long before it are left out; where none begins before it, the first is looked at.
fn way(segments: &[PathBuf], at: Timestamp) -> Vec<PathBuf> {
    let begins: Vec<_> = segments.iter().map(|path| begins(path)).collect();
    let from = at.plus_ms(-BEFORE_MS);
    let first = begins.iter().rposition(|begins| begins.is_some_and(|begins| begins <= from)).unwrap_or(0);
    segments[first..].to_vec()
}

/// Market time of a segment's first event.
fn begins(path: &Path) -> Option<Timestamp> {
    let (_, mut entries) = journal::read(path).ok()?;
    entries.next()?.ok().map(|entry| entry.at)
}

/// The way through the segments.
struct Course {
    at: Timestamp,
    until: Timestamp,
    watch: Option<Watch>,
    /// The trader as it stands.
    last: Option<Rerun>,
    /// The first and the last event.
    span: Option<(Timestamp, Timestamp)>,
    remark: Option<String>,
}

impl Course {
    /// Runs a segment; true once the moment is behind.
    fn segment(&mut self, path: &Path) -> Result<bool, String> {
        let unreadable = |error: &ReadError| format!("part of the journal is lost: {error}");
        let (head, entries) = match journal::read(path) {
            Ok(read) => read,
            Err(error) => {
                self.remark = Some(unreadable(&error));
                return Ok(false);
            }
        };
        let mut rerun = Rerun::new(head).map_err(|panic| format!("{}: {panic}", path.display()))?;
        let engine = rerun.trader().engine();
        match &mut self.watch {
            Some(watch) if watch.fits(engine) => watch.pass_over(engine),
            watch => *watch = Some(Watch::new(engine, self.at)),
        }
        let mut over = false;
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(ReadError::Torn { .. }) => break,
                Err(error) => {
                    self.remark = Some(unreadable(&error));
                    break;
                }
            };
            let is_complete = |watch: &Watch| watch.is_complete(rerun.trader().engine());
            over = entry.at > self.until || entry.at > self.at && self.watch.as_ref().is_some_and(is_complete);
            self.span = Some((self.span.map_or(entry.at, |(first, _)| first), entry.at));
            if over {
                break;
            }
            if let Err(different) = rerun.step(entry) {
                let at = market_time(different.entry.at);
                self.remark = Some(format!("this version of the program does something else from {at} on"));
                break;
            }
            if let Some(watch) = &mut self.watch {
                watch.look(rerun.trader().engine(), rerun.asked().iter());
            }
        }
        self.last = Some(rerun);
        Ok(over)
    }
}
