//! A journal runs again: the same actions from the program and the journal alone, or the first difference with both sides.

use crate::{
    common::{Ended, run},
    rig::{Rig, made_up, seeded, without_breakers},
};
use smolbear::{
    engine::{Action, Event, Note},
    market::{DAY_MS, Timestamp},
    store::journal::{Difference, Entry, FORMAT, Outcome, Recorder, Rerun, Segments, list, read},
    trader::{Tally, Trader},
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};
use tempfile::TempDir;

/// A trader, its recorder and the folder that it writes to, as the program moves them.
struct Recording {
    trader: Trader,
    recorder: Recorder,
    segments: Segments,
    latest: Timestamp,
    events: u64,
}

impl Recording {
    fn tell(&mut self, at: Timestamp, event: Event) {
        if self.recorder.is_due(at) {
            self.take(true);
            let head = self.recorder.begin(&self.trader, 1_761_004_236_000);
            self.segments.begin(1_761_004_236_000, &head).unwrap();
        }
        let mut actions = Vec::new();
        self.trader.handle(at, &event, &mut actions);
        self.recorder.event(at, &event, &actions, self.trader.tally());
        (self.latest, self.events) = (at, self.events + 1);
        self.take(self.events.is_multiple_of(500));
    }

    fn take(&mut self, force: bool) {
        if let Some(block) = self.recorder.take(force) {
            self.segments.append(&block).unwrap();
        }
    }

    /// The disk is slow: a commit is answered at once, in the same second, or after the moment to which a stop waits for it.
    fn answer(&mut self) {
        while let Some(batch) = self.trader.outstanding() {
            let at = self.latest.plus_ms([0, 700, 1_900][batch as usize % 3]);
            while let Some(due) = self.trader.next_deadline().map(|due| due.max(self.latest)).filter(|due| *due <= at) {
                self.tell(due, Event::Wake);
            }
            self.tell(at, Event::Committed { batch });
        }
    }
}

/// What a run left behind.
struct Recorded {
    folder: TempDir,
    tally: Tally,
    events: u64,
}

impl Recorded {
    fn path(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    fn segments(&self) -> Vec<PathBuf> {
        segments(self.folder.path())
    }
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    list(&folder.join("journal")).unwrap().into_iter().map(|(_, path)| path).collect()
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// Ten days of seed 1, begun in a warm state.
static TEN_DAYS: LazyLock<Recorded> = LazyLock::new(|| {
    let (mut config, folder) = (seeded(1), tempfile::tempdir().unwrap());
    without_breakers(&mut config.risk);
    let mut rig = Rig::new(&config);
    let mut candles = made_up(&config, 10 * DAY_MS).peekable();
    rig.feed(std::iter::from_fn(|| candles.next_if(|candle| candle.history)));
    let segments = Segments::open(&folder.path().join("journal")).unwrap();
    let mut course =
        Recording { trader: rig.trader, recorder: Recorder::default(), segments, latest: rig.latest, events: 0 };
    for candle in candles {
        let mut over = false;
        while !over {
            let (at, event) = course.trader.next_of(course.latest, candle.closes_at(), Event::Candle(candle));
            over = event == Event::Candle(candle);
            course.tell(at, event);
            course.answer();
        }
    }
    course.take(true);
    course.segments.sync().unwrap();
    Recorded { tally: course.trader.tally(), folder, events: course.events }
});

/// A copy that may be damaged.
fn copy() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("journal")).unwrap();
    for path in TEN_DAYS.segments() {
        fs::copy(&path, folder.path().join("journal").join(name(&path))).unwrap();
    }
    folder
}

fn entries(path: &Path) -> Vec<Entry> {
    read(path).unwrap().1.map(Result::unwrap).collect()
}

/// Writes a segment again with other entries.
fn rewrite(path: &Path, entries: &[Entry]) {
    let (head, _) = read(path).unwrap();
    let (begun_ms, trader, mut recorder) = (head.begun_ms, head.trader(), Recorder::default());
    let mut bytes = recorder.begin(&trader, begun_ms);
    let mut tally = trader.tally();
    for entry in entries {
        let outcome = entry.outcome.clone().unwrap_or(Outcome { tally, actions: Vec::new() });
        tally = outcome.tally;
        recorder.event(entry.at, &entry.event, &outcome.actions, tally);
        bytes.extend(recorder.take(false).unwrap_or_default());
    }
    bytes.extend(recorder.take(true).unwrap_or_default());
    fs::write(path, bytes).unwrap();
}

fn replay(folder: &Path, more: &[&str]) -> Ended {
    run(&[&["replay", folder.to_str().unwrap()], more].concat())
}

/// Whether a segment does the same again; else the first difference.
fn same(path: &Path) -> Result<Tally, Box<Difference>> {
    let (head, entries) = read(path).unwrap();
    let mut rerun = Rerun::new(head).unwrap();
    entries.map(Result::unwrap).try_for_each(|entry| rerun.step(entry))?;
    Ok(rerun.trader().tally())
}

#[test]
fn ten_days_with_a_slow_disk_run_again_to_the_same_hash() {
    let (run, segments) = (&*TEN_DAYS, TEN_DAYS.segments());
    assert!(run.tally.fills >= 80, "{:?}", run.tally);
    let waits = segments.iter().flat_map(|path| entries(path)).filter(|entry| entry.event == Event::Wake).count();
    assert!(waits >= 10, "{waits} stops that did not wait for the disk show nothing");
    assert_eq!(segments.len(), 11, "one a day, and one for the candle that closes at the last midnight");

    let ended = replay(run.folder.path(), &[]);
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout());
    let hash = format!("{:016x}", run.tally.hash());
    let last = format!("11 segments, {} events: the same actions, hash {hash}", run.events);
    assert_eq!(ended.lines.last().unwrap().text, last);
    let first = &ended.lines[0].text;
    assert!(first.starts_with(&format!("{}: ", name(&segments[0]))), "{first}");
    assert!(first.ends_with(" actions, 2025-01-01 00:01 UTC to 2025-01-01 23:59 UTC"), "{first}");
    assert_eq!(ended.lines.len(), 12);
}

#[test]
fn a_segment_from_the_middle_of_a_run_runs_alone() {
    let segment = &TEN_DAYS.segments()[5];
    let last = entries(segment).into_iter().rev().find_map(|entry| entry.outcome).unwrap();
    let (head, _) = read(segment).unwrap();
    assert!(head.continues && last.tally.actions > head.picture.tally().actions + 20, "{last:?}");
    let alone = tempfile::tempdir().unwrap();
    let file = alone.path().join("sent-by-a-user");
    fs::copy(segment, &file).unwrap();
    let ended = replay(&file, &[]);
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""));
    assert!(ended.lines[1].text.ends_with(&format!("hash {:016x}", last.tally.hash())), "{}", ended.stdout());
}

#[test]
fn replay_goes_no_further_than_it_is_told() {
    for (until, segments, last) in [
        ("2025-01-03", "3 segments", "2025-01-03 00:00 UTC"),
        ("2025-01-02T12:30", "2 segments", "2025-01-02 12:30 UTC"),
        ("2025-01-02T12:29:59", "2 segments", "2025-01-02 12:29 UTC"),
        ("2030-01-01", "11 segments", "2025-01-11 00:00 UTC"),
    ] {
        let ended = replay(TEN_DAYS.folder.path(), &["--until", until]);
        assert_eq!(ended.code(), Some(0));
        let lines: Vec<_> = ended.lines.iter().rev().map(|line| line.text.as_str()).collect();
        assert!(lines[0].starts_with(segments), "{until}: {}", lines[0]);
        assert!(lines[1].ends_with(&format!(" to {last}")), "{until}: {}", lines[1]);
    }
}

#[test]
fn a_changed_action_is_found_and_both_sides_are_told() {
    let folder = copy();
    let path = &segments(folder.path())[3];
    let mut changed = entries(path);
    let (number, exit) = changed
        .iter_mut()
        .enumerate()
        .find_map(|(index, entry)| {
            let actions = &mut entry.outcome.as_mut()?.actions;
            actions.iter_mut().find_map(|action| match action {
                Action::Log(Note::Exit(trade)) => Some((index + 1, trade)),
                _ => None,
            })
        })
        .unwrap();
    let was = exit.exit_price;
    exit.exit_price += rust_decimal::Decimal::new(1, 1);
    let planted = exit.exit_price;
    rewrite(path, &changed);

    let found = same(path).unwrap_err();
    assert_eq!(found.number, number as u64);
    assert_eq!(found.now.as_ref().unwrap().tally, found.recorded.tally, "only the actions differ");
    let ended = replay(folder.path(), &[]);
    let text = ended.stdout();
    assert_eq!(ended.code(), Some(1), "{text}");
    assert!(text.contains(&format!("DIFFERENT after event {number} of {}, at 2025-01-04T", name(path))), "{text}");
    let line = |side: &str| ended.lines.iter().find(|line| line.text.starts_with(side)).unwrap().text.clone();
    assert!(line("event ").contains("USDT:USDT"), "{text}");
    let marked: Vec<_> = ended.lines.iter().filter(|line| line.text.contains('≠')).collect();
    assert_eq!(marked.len(), 2, "{text}");
    assert!(marked[0].text.contains(&format!("exit_price: {planted}")), "as recorded: {text}");
    assert!(marked[1].text.contains(&format!("exit_price: {was}")), "as now: {text}");
    assert_eq!(ended.with("segments, ").count(), 0, "nothing is the same after that");
}

#[test]
fn a_changed_event_is_found_at_what_comes_of_it() {
    let folder = copy();
    let path = &segments(folder.path())[2];
    let mut changed = entries(path);
    let fell = changed.iter().position(|entry| matches!(entry.event, Event::Candle(_))).unwrap();
    if let Event::Candle(candle) = &mut changed[fell].event {
        (candle.candle.low, candle.candle.close) = (candle.candle.low / 2.0, candle.candle.low / 2.0);
    }
    rewrite(path, &changed);
    let found = same(path).unwrap_err();
    assert!(found.number > fell as u64, "{found:?}");
    let ended = replay(path, &[]);
    assert_eq!(ended.code(), Some(1));
    assert!(ended.stdout().contains("≠ hash "), "{}", ended.stdout());
}

#[test]
fn a_panic_of_this_version_is_a_difference_too() {
    let folder = copy();
    let path = &segments(folder.path())[1];
    let mut changed = entries(path);
    let answer = changed.iter().position(|entry| matches!(entry.event, Event::Committed { .. })).unwrap();
    changed.remove(answer);
    rewrite(path, &changed);
    let ended = replay(path, &[]);
    assert_eq!(ended.code(), Some(1));
    let text = ended.stdout();
    assert!(text.contains("DIFFERENT after event "), "{text}");
    assert!(text.contains("the bot panics: a market event came while a commit is outstanding"), "{text}");
}

#[test]
fn what_is_lost_is_named_and_the_rest_is_run() {
    let folder = copy();
    let paths = segments(folder.path());
    let mut bytes = fs::read(&paths[3]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&paths[3], bytes).unwrap();
    fs::remove_file(&paths[6]).unwrap();
    fs::remove_file(&paths[7]).unwrap();
    let ended = replay(folder.path(), &[]);
    assert_eq!(ended.code(), Some(2), "{}", ended.stdout());
    let said: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(said.len(), 2, "{}", ended.stderr);
    assert!(said[0].starts_with(&format!("{}: damaged at byte ", paths[3].display())), "{}", said[0]);
    assert_eq!(said[1], format!("{}: 2 segments before this one are missing", paths[8].display()));
    let last = &ended.lines.last().unwrap().text;
    assert!(last.starts_with("9 segments, ") && last.contains(": the same actions, hash "), "{last}");
    assert!(last.ends_with("; 2 parts of the journal are lost, see stderr"), "{last}");
}

#[test]
fn a_torn_tail_is_a_note_where_a_run_ended_and_a_loss_where_it_went_on() {
    let folder = copy();
    let paths = segments(folder.path());
    let tear = |path: &Path| {
        let len = fs::metadata(path).unwrap().len();
        fs::OpenOptions::new().write(true).open(path).unwrap().set_len(len - 7).unwrap();
    };
    tear(&paths[10]);
    let ended = replay(folder.path(), &[]);
    assert_eq!(ended.code(), Some(0), "{}", ended.stdout());
    assert!(ended.stderr.starts_with(&format!("note: {}: the last ", paths[10].display())), "{}", ended.stderr);
    tear(&paths[4]);
    let ended = replay(folder.path(), &[]);
    assert_eq!(ended.code(), Some(2), "{}", ended.stdout());
    let missing = format!("{}: the last events of the segment before it are missing", paths[5].display());
    assert!(ended.stderr.contains(&missing), "{}", ended.stderr);
}

/// A segment with another preamble: what `change` makes of format and version.
fn begun_by(path: &Path, format: u16, wrote: &str) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    let rest = &bytes[11 + usize::from(bytes[10]) + 4..];
    let start = [&b"smolbear"[..], &format.to_le_bytes(), &[wrote.len() as u8], wrote.as_bytes()].concat();
    let mut crc = flate2::Crc::new();
    crc.update(&start);
    [&start[..], &crc.sum().to_le_bytes(), rest].concat()
}

#[test]
fn another_version_is_named_and_what_it_wrote_is_run() {
    let folder = copy();
    let paths = segments(folder.path());
    for path in &paths[..3] {
        fs::write(path, begun_by(path, FORMAT, "0.0.9 (pi)")).unwrap();
    }
    let ended = replay(folder.path(), &[]);
    assert_eq!(ended.code(), Some(0), "{}", ended.stdout());
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("recorded by 0.0.9 (pi), this is 0.1.0"), "{}", ended.stderr);

    fs::write(&paths[0], begun_by(&paths[0], 77, "9.9.9 (pi)")).unwrap();
    let ended = replay(&paths[0], &[]);
    assert_eq!(ended.code(), Some(2), "{}", ended.stdout());
    assert!(ended.stderr.contains("written by smolbear 9.9.9 (pi) in format 77"), "{}", ended.stderr);
}

#[test]
fn what_cannot_be_run_is_said_in_one_line() {
    let empty = tempfile::tempdir().unwrap();
    let place = empty.path().to_str().unwrap();
    fs::write(empty.path().join("candles.csv"), "1,2,3,4,5,6\n").unwrap();
    let file = format!("{place}/candles.csv");
    for (args, says) in [
        (vec![place], format!("bot: {place}: no journal is there")),
        (vec!["/nowhere/at/all"], "bot: /nowhere/at/all: No such file".to_owned()),
        (vec![&file], format!("{file}: no segment of a journal")),
        (
            vec![TEN_DAYS.path(), "--until", "soon"],
            "bot: --until soon: write a time in UTC, like 2025-01-31".to_owned(),
        ),
    ] {
        let ended = run(&[&["replay"], &args[..]].concat());
        assert_eq!(ended.code(), Some(2), "{args:?}");
        assert!(ended.stderr.starts_with(&says), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    }
}
