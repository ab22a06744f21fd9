//! Candles, each when its minute begins.

use crate::{
    candles_file::FileError,
    market::{ClosedCandle, DAY_MS, Timeframe, Timestamp},
    run::{source::Source, text::market_time},
};
use std::{collections::VecDeque, time::Instant};

/// So many minutes are history where the user does not say: enough for a bot to begin with.
const HISTORY_MINUTES: usize = 500;

/// Why there is nothing to play.
#[derive(Debug, thiserror::Error)]
pub enum ReelError {
    /// The data.
    #[error(transparent)]
    File(#[from] FileError),
    /// No minute is there at all.
    #[error("an exchange is played from 1m candles, and --replay has none")]
    NoMinutes,
    /// Or none from `--start` on.
    #[error("--start {}: the 1m candles end before it", market_time(*.0))]
    Late(Timestamp),
    /// They begin much later.
    #[error("--start {}: the first 1m candle after it is of {}; start there or later", market_time(*.0), market_time(*.1))]
    Early(Timestamp, Timestamp),
}

/// A source whose minutes are taken out as they begin. What closes before the exchange opens is history.
pub struct Reel {
    source: Source,
    ahead: VecDeque<ClosedCandle>,
    opens: Timestamp,
    /// What this machine's clock showed, where the market is to go by it, and when it did.
    clock: Option<(Timestamp, Instant)>,
    /// Added to every time of the data: whole days, so that candles of all timeframes stay aligned.
    moved_ms: i64,
    next: Option<ClosedCandle>,
    ends: Timestamp,
}

impl Reel {
    /// The exchange opens at `start`, to the minute; without one after [`HISTORY_MINUTES`], or a third of what is there where that is less.
    /// With a `clock` the data is moved by whole days so that this comes within the day before what the clock shows, and it opens by the clock.
    /// `history` gets all before that, in order.
    ///
    /// # Errors
    /// No minute is to be played.
    pub fn open(
        mut source: Source,
        start: Option<Timestamp>,
        clock: Option<(Timestamp, Instant)>,
        history: &mut impl FnMut(ClosedCandle),
    ) -> Result<Self, ReelError> {
        let mut ahead = VecDeque::new();
        let begins = match start {
            Some(start) => Timeframe::M1.open_of(start),
            None => opening(&mut source, &mut ahead)?.ok_or(ReelError::NoMinutes)?,
        };
        let opens = clock.map_or(begins, |(shown, _)| Timeframe::M1.open_of(shown));
        let moved_ms = opens.since_ms(begins).div_euclid(DAY_MS) * DAY_MS;
        let mut reel = Self { source, ahead, opens, clock, moved_ms, next: None, ends: opens };
        while let Some(candle) = reel.take()? {
            if candle.closes_at() <= opens {
                history(ClosedCandle { history: true, ..candle });
            } else if reel.is_played(&candle) {
                reel.next = Some(candle);
                break;
            }
        }
        let first = reel.next.map(|candle| candle.candle.open_time).ok_or(ReelError::Late(opens))?;
        if first.since_ms(opens) > DAY_MS {
            return Err(ReelError::Early(opens, first));
        }
        Ok(reel)
    }

    /// When the exchange opens.
    #[must_use]
    pub const fn opens(&self) -> Timestamp {
        self.opens
    }

    /// What the market's clock shows at first, and since when.
    #[must_use]
    pub fn clock(&self) -> (Timestamp, Instant) {
        self.clock.unwrap_or_else(|| (self.opens, Instant::now()))
    }

    /// The next minute, which begins at its `open_time`; `None` at the end of the data.
    #[must_use]
    pub const fn next(&self) -> Option<ClosedCandle> {
        self.next
    }

    /// When the last minute ends that was next so far.
    #[must_use]
    pub const fn ends(&self) -> Timestamp {
        self.ends
    }

    /// Goes on behind the next minute, and returns what there is to say about the data.
    ///
    /// # Errors
    /// A row that may not be, or a file that can't be read on.
    pub fn advance(&mut self) -> Result<Vec<String>, FileError> {
        self.ends = self.next.map_or(self.ends, |candle| candle.closes_at());
        self.next = None;
        while let Some(candle) = self.take()? {
            if self.is_played(&candle) {
                self.next = Some(candle);
                break;
            }
        }
        Ok(self.source.take_remarks())
    }

    /// Only minutes can be played; a coarser candle where they have a hole leaves the hole.
    fn is_played(&self, candle: &ClosedCandle) -> bool {
        candle.timeframe == Timeframe::M1 && candle.candle.open_time >= self.opens
    }

    fn take(&mut self) -> Result<Option<ClosedCandle>, FileError> {
        let candle = match self.ahead.pop_front() {
            Some(candle) => Some(candle),
            None => self.source.next()?,
        };
        Ok(candle.map(|mut candle| {
            candle.candle.open_time = candle.candle.open_time.plus_ms(self.moved_ms);
            ClosedCandle { history: false, ..candle }
        }))
    }
}

/// Where the data is long enough, behind its first [`HISTORY_MINUTES`]. What was looked at is put into `ahead`.
fn opening(source: &mut Source, ahead: &mut VecDeque<ClosedCandle>) -> Result<Option<Timestamp>, FileError> {
    let mut minutes: Vec<Timestamp> = Vec::new();
    while minutes.len() < 3 * HISTORY_MINUTES {
        let Some(candle) = source.next()? else { break };
        ahead.push_back(candle);
        let open = candle.candle.open_time;
        if candle.timeframe == Timeframe::M1 && minutes.last() != Some(&open) {
            minutes.push(open);
        }
    }
    Ok(minutes.get(minutes.len() / 3).copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        candles_file::{Feed, FileSpec},
        market::{MINUTE_MS, SymbolId},
        simulation::prices::{EPOCH, Market},
    };
    use std::fs;

    fn made() -> Source {
        Source::Made(Box::new(Market::new(1, &["BTCUSDT".parse().unwrap(), "ETHUSDT".parse().unwrap()])))
    }

    /// A file with so many minutes from 1970 on.
    fn file(folder: &tempfile::TempDir, minutes: i64) -> Source {
        let path = folder.path().join("BTCUSDT-1m.csv");
        let rows = (0..minutes).map(|at| format!("{},10,11,9,10,5\n", at * MINUTE_MS));
        fs::write(&path, rows.collect::<String>()).unwrap();
        let spec = FileSpec::parse(path.to_str().unwrap()).unwrap();
        Source::Files(Box::new(Feed::open(&[spec], &["BTCUSDT".parse().unwrap()]).unwrap()))
    }

    #[test]
    fn what_closes_before_the_opening_is_history_and_then_come_minutes() {
        let mut history = Vec::new();
        let mut reel =
            Reel::open(made(), Some(EPOCH.plus_ms(30_000)), None, &mut |candle| history.push(candle)).unwrap();
        assert_eq!(reel.opens(), EPOCH, "to the minute");
        assert!(history.iter().all(|candle| candle.history && candle.closes_at() <= EPOCH));
        assert_eq!(history.iter().map(ClosedCandle::closes_at).max(), Some(EPOCH));
        for at in 0..4 {
            let next = reel.next().unwrap();
            let want = (SymbolId(at % 2), EPOCH.plus_ms(i64::from(at / 2) * MINUTE_MS), false);
            assert_eq!((next.symbol, next.candle.open_time, next.history), want);
            reel.advance().unwrap();
        }
        assert_eq!(reel.ends(), EPOCH.plus_ms(2 * MINUTE_MS));
    }

    #[test]
    fn a_file_opens_behind_its_history_and_ends() {
        let folder = tempfile::tempdir().unwrap();
        for (minutes, opens) in [(1, 0), (30, 10), (1500, 500), (4000, 500)] {
            let mut past = 0;
            let mut reel = Reel::open(file(&folder, minutes), None, None, &mut |_| past += 1).unwrap();
            assert_eq!((reel.opens(), past), (Timestamp(opens * MINUTE_MS), opens), "{minutes}");
            let mut played = 0;
            while reel.next().is_some() {
                played += 1;
                reel.advance().unwrap();
            }
            assert_eq!((played, reel.ends()), (minutes - opens, Timestamp(minutes * MINUTE_MS)));
        }
    }

    #[test]
    fn a_market_that_goes_by_the_clock_is_moved_by_whole_days() {
        let folder = tempfile::tempdir().unwrap();
        const HOUR_MS: i64 = 60 * MINUTE_MS;
        for (source, start, shown_ms, want_day) in [
            (made(), Some(EPOCH), EPOCH.0 + 694 * DAY_MS + 5 * HOUR_MS + 61_234, 694),
            (made(), Some(EPOCH), EPOCH.0 + 694 * DAY_MS, 694),
            (made(), Some(EPOCH.plus_ms(8 * HOUR_MS)), EPOCH.0 + 694 * DAY_MS + 5 * HOUR_MS, 693),
            (file(&folder, 4000), None, 9 * DAY_MS + 12 * HOUR_MS, 9),
        ] {
            let clock = (Timestamp(shown_ms), Instant::now());
            let mut latest = None;
            let reel = Reel::open(source, start, Some(clock), &mut |candle| latest = Some(candle)).unwrap();
            assert_eq!((reel.clock(), reel.moved_ms), (clock, want_day * DAY_MS));
            assert_eq!(
                (reel.opens().0, reel.next().unwrap().candle.open_time.0),
                (shown_ms / MINUTE_MS * MINUTE_MS, reel.opens().0)
            );
            assert_eq!(latest.unwrap().closes_at(), reel.opens(), "the past reaches up to it");
        }
    }

    #[test]
    fn a_start_without_minutes_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let open =
            |source, start| Reel::open(source, Some(start), None, &mut |_| {}).map(|_| ()).unwrap_err().to_string();
        assert_eq!(
            open(file(&folder, 30), Timestamp(30 * MINUTE_MS)),
            "--start 1970-01-01 00:30 UTC: the 1m candles end before it"
        );
        assert_eq!(
            open(made(), EPOCH.plus_ms(-2 * DAY_MS)),
            "--start 2024-12-30 00:00 UTC: the first 1m candle after it is of 2024-12-31 15:40 UTC; start there or later"
        );
    }
}
