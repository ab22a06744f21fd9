//! `bot replay`: the segments of a journal, run again one after the other, up to the first event after which the bot does something else.

mod difference; // both sides of what is not the same

use super::{
    looking,
    signals::{FAILURE, USAGE},
    text::{counted, market_time},
};
use crate::{
    cli::Replay,
    market::Timestamp,
    moment,
    store::journal::{self, Entries, Head, Name, ReadError, Rerun},
    trader::Tally,
};
use std::{
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Between two lines of progress, where somebody watches.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);
/// Events between two looks at the clock.
const EVENTS_A_LOOK: u64 = 4096;

/// Runs a journal again. The result goes to stdout: 0 where all of it did the same, 1 where it did not, 2 where some of it is lost.
///
/// # Errors
///
/// When there is nothing to run, or stdout is closed.
pub fn replay(wish: &Replay) -> Result<u8, String> {
    let until = wish.until.as_deref().map(until).transpose()?;
    let segments = match &wish.dir {
        Some(dir) => segments(dir)?,
        None => segments(&looking::folder(&wish.whose)?)?,
    };
    let mut stderr = io::stderr();
    let watched = stderr.is_terminal();
    let (mut stdout, total) = (io::stdout().lock(), segments.len());
    let mut course = Course::new(until, watched, &mut stdout, &mut stderr);
    let mut outcome = Ok(Next::Segment);
    for (index, path) in segments.iter().enumerate() {
        outcome = course.segment(path, index + 1, total);
        if !matches!(outcome, Ok(Next::Segment)) {
            break;
        }
    }
    outcome.and_then(|next| course.end(next)).map_err(|cause| format!("the result cannot be written: {cause}"))
}

/// The segments of a data directory, of a journal's folder, or the one that is named.
pub fn segments(place: &Path) -> Result<Vec<PathBuf>, String> {
    let unreadable = |cause: io::Error| format!("{}: {cause}", place.display());
    if place.metadata().map_err(unreadable)?.is_file() {
        return Ok(vec![place.to_owned()]);
    }
    let within = place.join("journal");
    let folder = if within.is_dir() { &within } else { place };
    let found = journal::list(folder).map_err(unreadable)?;
    if found.is_empty() {
        return Err(format!("{}: no journal is there (a bot keeps one in its --data-dir)", place.display()));
    }
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// `--until`.
fn until(text: &str) -> Result<Timestamp, String> {
    moment::parse(text)
        .ok_or_else(|| format!("--until {text}: write a time in UTC, like 2025-01-31 or 2025-01-31T12:30"))
}

/// Whether there is more to run.
enum Next {
    Segment,
    /// `--until` is reached.
    Over,
    /// The bot does something else.
    Different,
}

/// The way through the segments.
struct Course<'a> {
    until: Option<Timestamp>,
    out: &'a mut dyn Write,
    /// Notes, and what is lost.
    err: &'a mut dyn Write,
    /// Somebody watches `err`.
    watched: bool,
    said_at: Instant,
    segments: u64,
    events: u64,
    /// Holes and damaged places.
    losses: u64,
    /// The segment before this one, where all of it was run.
    before: Option<Rerun>,
    number: Option<u64>,
    /// The version that was named last, since it is not this one.
    stranger: String,
    tally: Option<Tally>,
}

impl<'a> Course<'a> {
    fn new(until: Option<Timestamp>, watched: bool, out: &'a mut dyn Write, err: &'a mut dyn Write) -> Self {
        let said_at = Instant::now();
        let (before, number, tally, stranger) = (None, None, None, String::new());
        Self { until, out, err, watched, said_at, segments: 0, events: 0, losses: 0, before, number, stranger, tally }
    }

    /// Runs one segment.
    fn segment(&mut self, path: &Path, place: usize, total: usize) -> io::Result<Next> {
        self.look_for_missing(path)?;
        let (head, entries) = match journal::read(path) {
            Ok(read) => read,
            Err(error) => return self.lost(&error).map(|()| Next::Segment),
        };
        self.introduce(path, &head)?;
        let rerun = match Rerun::new(head) {
            Ok(rerun) => rerun,
            Err(panic) => {
                self.losses += 1;
                writeln!(self.err, "{}: this version cannot go on from it: {panic}", path.display())?;
                return Ok(Next::Segment);
            }
        };
        self.entries(path, entries, rerun, (place, total))
    }

    fn entries(
        &mut self,
        path: &Path,
        entries: Entries,
        mut rerun: Rerun,
        (place, total): (usize, usize),
    ) -> io::Result<Next> {
        let (mut span, mut over, mut whole) = (None, false, true);
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    whole = matches!(error, ReadError::Torn { .. });
                    self.lost(&error)?;
                    break;
                }
            };
            over = self.until.is_some_and(|until| entry.at > until);
            if over {
                break;
            }
            let (from, _) = *span.get_or_insert((entry.at, entry.at));
            span = Some((from, entry.at));
            if let Err(difference) = rerun.step(entry) {
                let instruments = &rerun.trader().engine().settings().instruments;
                let names: Vec<_> = instruments.iter().map(|rules| &rules.symbol).collect();
                return difference::tell(self.out, file_name(path), &difference, &names).map(|()| Next::Different);
            }
            if rerun.events().is_multiple_of(EVENTS_A_LOOK) && self.watched && self.said_at.elapsed() >= PROGRESS_EVERY
            {
                self.said_at = Instant::now();
                writeln!(self.err, "… segment {place} of {total}, {} events", self.events + rerun.events())?;
            }
        }
        self.ran(path, &rerun, span)?;
        self.before = (whole && !over).then_some(rerun);
        Ok(if over { Next::Over } else { Next::Segment })
    }

    /// The line of a segment.
    fn ran(&mut self, path: &Path, rerun: &Rerun, span: Option<(Timestamp, Timestamp)>) -> io::Result<()> {
        (self.segments, self.events) = (self.segments + 1, self.events + rerun.events());
        self.tally = Some(rerun.trader().tally());
        let (events, actions) = (counted(rerun.events(), "event"), counted(rerun.actions(), "action"));
        let span = span.map(|(from, to)| format!(", {} to {}", market_time(from), market_time(to)));
        writeln!(self.out, "{}: {events}, {actions}{}", file_name(path), span.unwrap_or_default())
    }

    /// The last line, and the exit code.
    fn end(&mut self, next: Next) -> io::Result<u8> {
        let (segments, events) = (counted(self.segments, "segment"), counted(self.events, "event"));
        match (next, self.tally) {
            (Next::Different, _) => return Ok(FAILURE),
            (Next::Segment | Next::Over, Some(tally)) if self.events > 0 => {
                write!(self.out, "{segments}, {events}: the same actions, hash {:016x}", tally.hash())?;
            }
            (Next::Segment | Next::Over, _) => write!(self.out, "{segments}, {events}: nothing to compare")?,
        }
        match self.losses {
            0 => writeln!(self.out)?,
            1 => writeln!(self.out, "; 1 part of the journal is lost, see stderr")?,
            more => writeln!(self.out, "; {more} parts of the journal are lost, see stderr")?,
        }
        self.out.flush()?;
        Ok(if self.losses > 0 { USAGE } else { 0 })
    }

    /// A segment ends early. Where the bot was killed or the power went while it wrote, that is no damage.
    fn lost(&mut self, error: &ReadError) -> io::Result<()> {
        match error {
            ReadError::Torn { .. } => writeln!(self.err, "note: {error}: they were being written when the bot ended"),
            ReadError::Damaged { .. } | ReadError::Format { .. } | ReadError::Foreign { .. } | ReadError::Io { .. } => {
                (self.losses, self.before) = (self.losses + 1, None);
                writeln!(self.err, "{error}")
            }
        }
    }

    /// Numbers that are passed over were segments once.
    fn look_for_missing(&mut self, path: &Path) -> io::Result<()> {
        let number = file_name(path).parse::<Name>().ok().map(|name| name.number);
        let expected = std::mem::replace(&mut self.number, number).map(|before| before + 1);
        if let (Some(number), Some(expected)) = (number, expected)
            && number > expected
        {
            (self.losses, self.before) = (self.losses + 1, None);
            let before = counted(number - expected, "segment");
            writeln!(self.err, "{}: {before} before this one are missing", path.display())?;
        }
        Ok(())
    }

    /// What is to be known of a segment before it is run.
    fn introduce(&mut self, path: &Path, head: &Head) -> io::Result<()> {
        let broken = self.before.take().is_some_and(|before| head.continues && !before.leads_to(head));
        if broken {
            self.losses += 1;
            writeln!(self.err, "{}: the last events of the segment before it are missing", path.display())?;
        }
        if !head.is_ours() && self.stranger != head.wrote {
            self.stranger.clone_from(&head.wrote);
            let ours = env!("SMOLBEAR_VERSION");
            writeln!(self.err, "note: {}: recorded by {}, this is {ours}", path.display(), head.wrote)?;
        }
        Ok(())
    }
}

fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or("the segment")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_time_is_told_how_to_write_one() {
        assert_eq!(until("2025-01-31"), Ok(Timestamp(1_738_281_600_000)));
        assert_eq!(until("now").unwrap_err(), "--until now: write a time in UTC, like 2025-01-31 or 2025-01-31T12:30");
    }
}
