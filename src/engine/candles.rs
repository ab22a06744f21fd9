//! From the finest candles to those of every timeframe in use, and the indicator values of each.
//!
//! Every candle enters each frame of its own or a coarser timeframe. A frame builds its candle from finer ones, takes a finished one of
//! its own timeframe as it is, and passes over what it has covered already, so that files of several timeframes combine.

use super::regime;
use crate::{
    indicators::{Atr, Change, Ema, Rank, Rsi},
    market::{Between, Candle, ClosedCandle, Timeframe, Timestamp},
    strategies::{Readings, WARM},
};
use serde::{Deserialize, Serialize};

/// One timeframe of one symbol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    timeframe: Timeframe,
    bucket: Option<Bucket>,
    /// Close of the last finished candle; nothing before it counts.
    done: Timestamp,
    started: bool,
    /// The last close that was told of, and the one before it.
    told: Option<Timestamp>,
    told_before: Option<Timestamp>,
    rsi: Rsi,
    atr: Atr,
    /// EMA(21), (50) and (200), where somebody reads them.
    averages: Option<[Ema; 3]>,
    of_regime: Option<OfRegime>,
    last: Option<Candle>,
    /// The last candle came in time, and not as history.
    decided: bool,
    readings: Readings,
}

/// What the regime alone reads, each in its own timeframe alone: they would cost as much as all the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum OfRegime {
    Change10(Change),
    /// Of EMA(21).
    Slope20(Change),
    AtrRank(Rank),
}

impl OfRegime {
    fn new(timeframe: Timeframe) -> Option<Self> {
        match timeframe {
            regime::MIDDLE => Some(Self::Change10(Change::new(10))),
            regime::SMALL => Some(Self::Slope20(Change::new(20))),
            regime::LARGE => Some(Self::AtrRank(Rank::new(100))),
            _ => None,
        }
    }

    fn update(&mut self, candle: &Candle, readings: &mut Readings) {
        match self {
            Self::Change10(change) => readings.change10 = change.update(candle.close),
            Self::Slope20(change) => readings.slope20 = readings.ema21.and_then(|average| change.update(average)),
            Self::AtrRank(rank) => readings.atr_rank = readings.atr.and_then(|range| rank.update(range)),
        }
    }
}

/// A candle in the making.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Bucket {
    candle: Candle,
    ends: Timestamp,
    covered_until: Timestamp,
    /// The data began in its middle, so it will not be whole.
    headless: bool,
}

impl Bucket {
    fn absorb(&mut self, candle: &Candle, covered_until: Timestamp) {
        self.candle.absorb(candle);
        self.covered_until = covered_until;
    }
}

impl Frame {
    /// A frame that has seen nothing, with averages or without.
    #[must_use]
    pub fn new(timeframe: Timeframe, averaged: bool) -> Self {
        Self {
            timeframe,
            bucket: None,
            done: Timestamp(i64::MIN),
            started: false,
            told: None,
            told_before: None,
            rsi: Rsi::new(14),
            atr: Atr::new(14),
            averages: averaged.then(|| [21, 50, WARM].map(Ema::new)),
            of_regime: OfRegime::new(timeframe),
            last: None,
            decided: false,
            readings: Readings::default(),
        }
    }

    /// Until when it has finished what there was.
    #[must_use]
    pub const fn done(&self) -> Timestamp {
        self.done
    }

    /// The last finished candle.
    #[must_use]
    pub const fn last(&self) -> Option<&Candle> {
        self.last.as_ref()
    }

    /// The last close at which a candle was returned, and the one before it.
    #[must_use]
    pub const fn told(&self) -> [Option<Timestamp>; 2] {
        [self.told, self.told_before]
    }

    /// Whether strategies were asked at the close of the last finished candle: it came in time, and not as history.
    #[must_use]
    pub const fn decided(&self) -> bool {
        self.decided
    }

    /// How long its candles are.
    #[must_use]
    pub const fn timeframe(&self) -> Timeframe {
        self.timeframe
    }

    /// Values as of the last finished candle.
    #[must_use]
    pub const fn readings(&self) -> &Readings {
        &self.readings
    }

    /// Takes in a candle and returns the frame's own where that closes in the same moment.
    ///
    /// A candle that could not be finished in time, since the data has a gap, is finished late: its values count, but it is not returned,
    /// because a decision on it would come too late.
    #[inline]
    pub fn take(&mut self, source: &ClosedCandle) -> Option<&Candle> {
        if source.candle.open_time < self.done || !self.timeframe.holds_whole(source.timeframe) {
            return None;
        }
        self.close_before(source);
        let opens = source.candle.open_time;
        if source.timeframe == self.timeframe && self.open_of(opens) == opens {
            (self.bucket, self.started) = (None, true);
            self.finish(&source.candle, source.closes_at());
        } else {
            self.fold(source);
            self.started = true;
            return self.conclude(source.history);
        }
        self.tell(source.history)
    }

    /// Finishes the candle under way where it is whole.
    fn conclude(&mut self, history: bool) -> Option<&Candle> {
        let finished = self.bucket.take_if(|bucket| bucket.covered_until >= bucket.ends)?;
        if self.finish_bucket(&finished) { self.tell(history) } else { None }
    }

    fn tell(&mut self, history: bool) -> Option<&Candle> {
        self.decided = !history;
        self.told_before = self.told.replace(self.done);
        self.last.as_ref()
    }

    /// Finishes the candle under way where `source` begins after its end, and says whether it counts.
    pub fn finish_late(&mut self, source: &ClosedCandle) -> bool {
        self.timeframe.holds_whole(source.timeframe) && self.close_before(source)
    }

    /// The same of a candle of its own length that begins where the last one ended.
    #[inline(always)]
    pub fn take_next(&mut self, source: &ClosedCandle) {
        debug_assert!(source.timeframe == self.timeframe && source.candle.open_time == self.done, "not the next one");
        self.finish(&source.candle, source.closes_at());
        self.tell(source.history);
    }

    /// The same of several, as far as `goes_on` says of each, and up to the first at whose close the RSI is not `quiet`; how many these are.
    #[inline]
    pub fn take_while(
        &mut self,
        candles: &[ClosedCandle],
        goes_on: impl FnMut(&&ClosedCandle) -> bool,
        quiet: Between,
    ) -> usize {
        let mut count = 0usize;
        for source in candles.iter().take_while(goes_on) {
            count += 1;
            self.measure(&source.candle);
            if !self.readings.rsi.is_some_and(|rsi| quiet.holds(rsi)) {
                break;
            }
        }
        // of the times only the last two are remembered
        for source in &candles[count.saturating_sub(2)..count] {
            self.close(&source.candle, source.closes_at());
            self.tell(source.history);
        }
        count
    }

    /// When its candle ends that goes on, or begins, at this moment; `None` where it does neither.
    pub fn ends_after(&self, covered_until: Timestamp) -> Option<Timestamp> {
        match &self.bucket {
            Some(bucket) => (bucket.covered_until == covered_until).then_some(bucket.ends),
            None => (self.done == covered_until).then(|| covered_until.plus_ms(self.timeframe.ms())),
        }
    }

    /// Takes in several candles as one, the first of which goes on, or begins, where [`Frame::ends_after`] was asked, and the last of which ends
    /// at `covered_until`. Returns the frame's own where that closes in the same moment.
    pub fn take_run(&mut self, run: &Candle, covered_until: Timestamp, history: bool) -> Option<&Candle> {
        match &mut self.bucket {
            Some(bucket) => bucket.absorb(run, covered_until),
            None => {
                let ends = self.done.plus_ms(self.timeframe.ms());
                self.bucket = Some(Bucket { candle: *run, ends, covered_until, headless: false });
            }
        }
        self.conclude(history)
    }

    fn close_before(&mut self, source: &ClosedCandle) -> bool {
        let late = self.bucket.take_if(|bucket| bucket.ends <= source.candle.open_time);
        late.is_some_and(|late| self.finish_bucket(&late))
    }

    /// Where the candle begins that a moment is in. Nearly always that is where the last one ended, which needs no division.
    fn open_of(&self, at: Timestamp) -> Timestamp {
        if at == self.done { at } else { self.timeframe.open_of(at) }
    }

    /// Puts a candle into the bucket that it belongs to.
    fn fold(&mut self, source: &ClosedCandle) {
        let (opens, closes) = (source.candle.open_time, source.closes_at());
        match &mut self.bucket {
            Some(bucket) if source.timeframe < self.timeframe => {
                if opens >= bucket.covered_until {
                    bucket.absorb(&source.candle, closes);
                }
            }
            _ => {
                let open_time = self.open_of(opens);
                self.bucket = Some(Bucket {
                    candle: Candle { open_time, ..source.candle },
                    ends: open_time.plus_ms(self.timeframe.ms()),
                    covered_until: closes,
                    headless: open_time != opens && !self.started,
                });
            }
        }
    }

    /// Whether it counts, which it does if it is whole.
    fn finish_bucket(&mut self, bucket: &Bucket) -> bool {
        if bucket.headless {
            self.done = bucket.ends;
        } else {
            self.finish(&bucket.candle, bucket.ends);
        }
        !bucket.headless
    }

    /// Updates the indicators with a candle that nothing will be added to.
    #[inline(always)] // it is most of what a frame's own candle costs
    fn finish(&mut self, candle: &Candle, ends: Timestamp) {
        self.close(candle, ends);
        self.measure(candle);
    }

    #[inline(always)]
    fn close(&mut self, candle: &Candle, ends: Timestamp) {
        self.done = ends;
        self.last = Some(*candle);
        self.decided = false;
    }

    #[inline(always)]
    fn measure(&mut self, candle: &Candle) {
        // each by itself: most frames have no more than the first four, and what they have not is never written
        let readings = &mut self.readings;
        readings.close = Some(candle.close);
        readings.rsi = self.rsi.update(candle.close);
        readings.atr = self.atr.update(candle);
        if readings.seen < WARM {
            readings.seen += 1;
        }
        if let Some(averages) = &mut self.averages {
            [readings.ema21, readings.ema50, readings.ema200] =
                averages.each_mut().map(|average| average.update(candle.close));
        }
        if let Some(of_regime) = &mut self.of_regime {
            of_regime.update(candle, readings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{MINUTE_MS, SymbolId};

    fn minute(at: i64, close: f64) -> ClosedCandle {
        closed(Timeframe::M1, at, close)
    }

    fn closed(timeframe: Timeframe, at: i64, close: f64) -> ClosedCandle {
        let open_time = Timestamp(at * MINUTE_MS);
        let candle = Candle { open_time, open: close, high: close + 1.0, low: close - 1.0, close, volume: 1.0 };
        ClosedCandle { symbol: SymbolId(0), timeframe, candle, history: false }
    }

    fn finished(frame: &mut Frame, candles: impl IntoIterator<Item = ClosedCandle>) -> Vec<(i64, f64, f64)> {
        let whole = candles.into_iter().filter_map(|candle| frame.take(&candle).copied());
        whole.map(|candle| (candle.open_time.0 / MINUTE_MS, candle.close, candle.volume)).collect()
    }

    #[test]
    fn five_minutes_make_one_candle_at_the_last_ones_close() {
        let mut frame = Frame::new(Timeframe::M5, true);
        let got = finished(&mut frame, (0..11).map(|at| minute(at, 100.0 + at as f64)));
        assert_eq!(got, [(0, 104.0, 5.0), (5, 109.0, 5.0)]);
        assert_eq!(frame.readings().close, Some(109.0));
    }

    #[test]
    fn a_candle_whose_beginning_is_missing_does_not_count_at_the_start_of_the_data() {
        let mut frame = Frame::new(Timeframe::M5, true);
        let got = finished(&mut frame, (2..10).map(|at| minute(at, at as f64 + 10.0)));
        assert_eq!(got, [(5, 19.0, 5.0)]);
    }

    #[test]
    fn a_gap_finishes_a_candle_late_and_without_a_decision() {
        let mut frame = Frame::new(Timeframe::M5, true);
        let got = finished(&mut frame, [0, 1, 2, 12, 13, 14].map(|at| minute(at, at as f64 + 10.0)));
        assert_eq!(got, [(10, 24.0, 3.0)], "the candle of minute 0 is not returned");
        assert!(frame.decided());
        let late = [15, 16, 21].map(|at| minute(at, at as f64));
        let told = late.map(|candle| (frame.finish_late(&candle), frame.take(&candle).copied()));
        assert_eq!(told.map(|(late, _)| late), [false, false, true], "it is told once its time is over");
        assert_eq!(frame.last().map(|candle| candle.close), Some(16.0));
        assert!(!frame.decided(), "nobody was asked");
        assert_eq!(frame.rsi.value(), None);
    }

    #[test]
    fn coarser_history_and_finer_candles_combine_without_counting_twice() {
        let mut frame = Frame::new(Timeframe::M15, true);
        let whole = closed(Timeframe::M15, 0, 50.0);
        let fives = [15, 20, 25].map(|at| closed(Timeframe::M5, at, at as f64));
        let again = closed(Timeframe::M15, 15, 99.0);
        let tail = [30, 35].map(|at| closed(Timeframe::M5, at, at as f64));
        let ones = (38..45).map(|at| minute(at, at as f64));
        let all = [whole].into_iter().chain(fives).chain([again]).chain(tail).chain(ones);
        assert_eq!(finished(&mut frame, all), [(0, 50.0, 1.0), (15, 25.0, 3.0), (30, 44.0, 7.0)]);
    }

    #[test]
    fn a_whole_candle_replaces_a_part_of_it() {
        let mut frame = Frame::new(Timeframe::M15, true);
        let got = finished(&mut frame, [closed(Timeframe::M5, 5, 7.0), closed(Timeframe::M15, 0, 50.0)]);
        assert_eq!(got, [(0, 50.0, 1.0)]);
    }

    #[test]
    fn candles_that_do_not_fill_a_longer_one_make_none() {
        let mut frame = Frame::new(Timeframe::M5, true);
        let got = finished(&mut frame, (0..10).map(|at| closed(Timeframe::M3, 3 * at, at as f64)));
        assert_eq!(got, [], "the candle of minute 0 would hold what comes after its end");
        assert_eq!(frame.last(), None);
    }

    #[test]
    fn every_longer_candle_is_made_of_every_shorter_one_that_fills_it() {
        for (at, timeframe) in Timeframe::ALL.into_iter().enumerate() {
            for source in Timeframe::ALL[..=at].iter().filter(|source| timeframe.holds_whole(**source)) {
                let mut frame = Frame::new(timeframe, true);
                let step = source.ms() / MINUTE_MS;
                let got = finished(&mut frame, (0..2880 / step).map(|at| closed(*source, at * step, 1.0)));
                let period = timeframe.ms() / MINUTE_MS;
                let each = (timeframe.ms() / source.ms()) as f64;
                let want: Vec<_> = (0..2880 / period).map(|at| (at * period, 1.0, each)).collect();
                assert_eq!(got, want, "{timeframe} of {source}");
            }
        }
    }
}
