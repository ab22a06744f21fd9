//! The frames of one symbol, and how a candle comes to all of them.
//!
//! Nearly every candle comes right after the last one and ends none of the coarser frames' candles under way. Such candles are put together
//! as one, a run, and the frames are told of that where one of their candles ends, or where anything else comes.

use super::candles::Frame;
use crate::market::{Between, Candle, ClosedCandle, Timeframe, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One frame a timeframe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Frames {
    /// Finest first.
    all: Vec<Frame>,
    /// Where the frame of a timeframe is among them, or how many there are where it has none.
    #[serde(skip)]
    places: [usize; Timeframe::ALL.len()],
    run: Option<Run>,
}

/// Candles of one length, one right after the other, that no coarser frame has been told of yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Run {
    timeframe: Timeframe,
    history: bool,
    /// All of them as one; `None` at its beginning.
    candle: Option<Candle>,
    covered_until: Timestamp,
    /// When the first of the frames' candles under way ends, and the run with it.
    ends: Timestamp,
}

impl Run {
    /// Takes in a candle where it goes on with the run.
    #[inline]
    fn takes(&mut self, source: &ClosedCandle) -> bool {
        let is_next = source.candle.open_time == self.covered_until && source.closes_at() <= self.ends;
        let takes = is_next && self.is_of(source);
        if takes {
            self.absorb(std::slice::from_ref(source));
        }
        takes
    }

    /// Whether it is one of such candles.
    #[inline]
    fn is_of(&self, source: &ClosedCandle) -> bool {
        source.timeframe == self.timeframe && source.history == self.history
    }

    #[inline]
    fn absorb(&mut self, sources: &[ClosedCandle]) {
        let (Some(first), Some(last)) = (sources.first(), sources.last()) else { return };
        let (candle, others) = match &mut self.candle {
            Some(candle) => (candle, sources),
            none => (none.insert(first.candle), &sources[1..]),
        };
        others.iter().for_each(|source| candle.absorb(&source.candle));
        self.covered_until = last.closes_at();
    }

    fn is_over(&self) -> bool {
        self.covered_until == self.ends
    }
}

/// Some timeframes, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timeframes(u16);

impl Timeframes {
    /// One of them.
    #[must_use]
    pub const fn only(timeframe: Timeframe) -> Self {
        Self(1 << timeframe as u16)
    }

    fn add(&mut self, timeframe: Timeframe) {
        self.0 |= Self::only(timeframe).0;
    }

    /// Whether this one is among them.
    #[must_use]
    pub const fn contains(self, timeframe: Timeframe) -> bool {
        self.0 & Self::only(timeframe).0 != 0
    }

    /// Whether this one, or a coarser one, is among them.
    #[must_use]
    pub const fn reaches(self, timeframe: Timeframe) -> bool {
        self.0 >> timeframe as u16 != 0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// The timeframes of which a candle was finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Finished {
    /// In the moment in which it closed: strategies are asked.
    pub in_time: Timeframes,
    /// Later, since the data has a gap.
    pub late: Timeframes,
}

impl Finished {
    /// Whether a candle of this timeframe, or of a coarser one, was.
    #[must_use]
    pub const fn reaches(self, timeframe: Timeframe) -> bool {
        Timeframes(self.in_time.0 | self.late.0).reaches(timeframe)
    }
}

impl Frames {
    /// Frames that have seen nothing, with averages of their candles where any of `needed` says so.
    #[must_use]
    pub fn new(needed: impl Iterator<Item = (Timeframe, bool)>) -> Self {
        let mut averaged = BTreeMap::new();
        needed.for_each(|(timeframe, has_averages)| *averaged.entry(timeframe).or_default() |= has_averages);
        let all = averaged.into_iter().map(|(timeframe, averaged)| Frame::new(timeframe, averaged)).collect();
        let mut frames = Self { all, places: [0; Timeframe::ALL.len()], run: None };
        frames.derive();
        frames
    }

    /// Works out what is not stored since it follows from the rest.
    pub fn derive(&mut self) {
        self.places = [self.all.len(); Timeframe::ALL.len()];
        self.all.iter().enumerate().for_each(|(place, frame)| self.places[frame.timeframe() as usize] = place);
    }

    /// All of them, finest first.
    pub fn iter(&self) -> impl Iterator<Item = &Frame> {
        self.all.iter()
    }

    /// The frame of a timeframe.
    #[inline]
    #[must_use]
    pub fn get(&self, timeframe: Timeframe) -> Option<&Frame> {
        self.all.get(self.places[timeframe as usize])
    }

    /// Takes in a candle.
    #[inline(always)] // a call costs a tenth of it
    pub fn take(&mut self, source: &ClosedCandle) -> Finished {
        let mut finished = Finished::default();
        match &mut self.run {
            Some(run) => {
                if !run.takes(source) {
                    return self.take_alone(source);
                }
                if let Some(own) = self.all.get_mut(self.places[source.timeframe as usize]) {
                    own.take_next(source);
                    finished.in_time.add(source.timeframe);
                }
                if run.is_over() {
                    self.renew_run(source, &mut finished);
                }
            }
            None => return self.take_alone(source),
        }
        finished
    }

    /// Whether the first goes on with a run, and the next, which is like it, does not end that.
    #[inline]
    pub fn is_row(&self, first: &ClosedCandle, next: &ClosedCandle) -> bool {
        self.run.as_ref().is_some_and(|run| {
            let is_next = first.candle.open_time == run.covered_until && next.closes_at() < run.ends;
            is_next && run.is_of(first)
        })
    }

    /// Takes in candles at the front that go on with a run and do not end it, while prices are `calm` and up to the first at whose close their
    /// own frame's RSI is not `quiet`, all before `until`; how many these are.
    #[inline]
    pub fn take_while(&mut self, candles: &[ClosedCandle], calm: Between, until: Timestamp, quiet: Between) -> usize {
        let (Some(run), Some(first)) = (&mut self.run, candles.first()) else { return 0 };
        debug_assert!(run.is_of(first), "the first goes on with no run");
        let (until, mut covered_until) = (until.min(run.ends), run.covered_until);
        let goes_on = |source: &&ClosedCandle| {
            let Candle { open_time, low, high, .. } = source.candle;
            let is_next = open_time == covered_until && source.is_like(first);
            covered_until = source.closes_at();
            is_next && covered_until < until && calm.spans(low, high)
        };
        let count = match self.all.get_mut(self.places[run.timeframe as usize]) {
            Some(own) => own.take_while(candles, goes_on, quiet),
            None => candles.iter().take_while(goes_on).count(),
        };
        run.absorb(&candles[..count]);
        count
    }

    /// Tells every frame of a candle that comes anyhow.
    #[inline(never)]
    fn take_alone(&mut self, source: &ClosedCandle) -> Finished {
        let mut finished = Finished::default();
        self.end_run(&mut finished);
        for frame in &mut self.all {
            let last = opened(frame);
            if frame.take(source).is_some() {
                finished.in_time.add(frame.timeframe());
            } else if opened(frame) != last {
                finished.late.add(frame.timeframe());
            }
        }
        self.begin_run(source);
        finished
    }

    #[inline(never)]
    fn renew_run(&mut self, last: &ClosedCandle, finished: &mut Finished) {
        self.end_run(finished);
        self.begin_run(last);
    }

    /// Finishes the candles under way that `source` begins after, as [`Frames::take`] does too, and says of which timeframes they are.
    pub fn finish_late(&mut self, source: &ClosedCandle) -> Timeframes {
        let mut finished = Finished::default();
        self.end_run(&mut finished);
        for frame in &mut self.all {
            if frame.finish_late(source) {
                finished.late.add(frame.timeframe());
            }
        }
        finished.late
    }

    /// Those that candles of this timeframe are parts of.
    fn coarser(&mut self, timeframe: Timeframe) -> impl Iterator<Item = &mut Frame> {
        let is_coarser = move |own: Timeframe| own > timeframe && own.holds_whole(timeframe);
        self.all.iter_mut().filter(move |frame| is_coarser(frame.timeframe()))
    }

    /// Begins a run behind a candle that every frame has been told of, where it is known for each how it goes on.
    fn begin_run(&mut self, last: &ClosedCandle) {
        let (timeframe, history, covered_until) = (last.timeframe, last.history, last.closes_at());
        let own_goes_on = self.get(timeframe).is_none_or(|own| own.done() == covered_until);
        let ends = self.coarser(timeframe).map(|frame| frame.ends_after(covered_until)).min().flatten();
        self.run =
            ends.filter(|_| own_goes_on).map(|ends| Run { timeframe, history, candle: None, covered_until, ends });
    }

    /// Tells the frames of the run.
    fn end_run(&mut self, finished: &mut Finished) {
        let Some(Run { timeframe, history, candle: Some(candle), covered_until, .. }) = self.run.take() else { return };
        for frame in self.coarser(timeframe) {
            if frame.take_run(&candle, covered_until, history).is_some() {
                finished.in_time.add(frame.timeframe());
            }
        }
    }
}

/// When the last finished candle began.
fn opened(frame: &Frame) -> Option<Timestamp> {
    frame.last().map(|candle| candle.open_time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{MINUTE_MS, SymbolId};
    use proptest::prelude::*;

    const ALL: [Timeframe; 6] =
        [Timeframe::M1, Timeframe::M3, Timeframe::M5, Timeframe::M30, Timeframe::H1, Timeframe::H4];

    /// Candles of some length in a row, after some minutes without; they may come again, or be in the past.
    #[derive(Debug, Clone)]
    struct Stretch {
        timeframe: Timeframe,
        skipped: i64,
        count: i64,
        history: bool,
    }

    fn stretch() -> impl Strategy<Value = Stretch> {
        let skipped = prop_oneof![4 => Just(0i64), 1 => -40i64..40, 1 => 0i64..600];
        (prop::sample::select(&ALL[..]), skipped, 1i64..80, any::<bool>())
            .prop_map(|(timeframe, skipped, count, history)| Stretch { timeframe, skipped, count, history })
    }

    fn candles(stretches: &[Stretch], prices: &[f64]) -> Vec<ClosedCandle> {
        let (mut at, mut prices, mut all) = (500_000i64, prices.iter().cycle(), Vec::new());
        for Stretch { timeframe, skipped, count, history } in stretches {
            let step = timeframe.ms() / MINUTE_MS;
            at += skipped;
            // most begin where candles of their length do
            at += if at % 7 == 0 { 0 } else { -at.rem_euclid(step) };
            for _ in 0..*count {
                let [open, one, other, close] = [(); 4].map(|()| *prices.next().unwrap());
                let (high, low) = (open.max(one).max(close), open.min(other).min(close));
                let candle = Candle { open_time: Timestamp(at * MINUTE_MS), open, high, low, close, volume: one };
                all.push(ClosedCandle { symbol: SymbolId(0), timeframe: *timeframe, candle, history: *history });
                at += step;
            }
        }
        all
    }

    /// The volume is a sum in another order.
    fn alike(one: Option<&Candle>, other: Option<&Candle>) -> bool {
        let volume = one.map_or(0.0, |candle| candle.volume);
        let is_near = other.is_none_or(|candle| (candle.volume - volume).abs() <= 1e-9 * volume);
        is_near && one.copied() == other.map(|candle| Candle { volume, ..*candle })
    }

    proptest! {
        #[test]
        fn a_run_leads_to_what_each_frame_makes_of_each_candle(
            stretches in prop::collection::vec(stretch(), 1..12), prices in prop::collection::vec(90.0..110.0, 50..90),
            own in prop::sample::subsequence(&ALL[..], 1..=6), stored in 0usize..400, averaged: bool,
        ) {
            let mut frames = Frames::new(own.iter().map(|timeframe| (*timeframe, averaged)));
            let mut alone: Vec<_> = own.iter().map(|timeframe| Frame::new(*timeframe, averaged)).collect();
            for (at, source) in candles(&stretches, &prices).iter().enumerate() {
                let (got, mut want) = (frames.take(source), Finished::default());
                for frame in &mut alone {
                    let last = opened(frame);
                    match frame.take(source).is_some() {
                        true => want.in_time.add(frame.timeframe()),
                        false if opened(frame) != last => want.late.add(frame.timeframe()),
                        false => {}
                    }
                }
                prop_assert_eq!(got, want, "at {}: {:?}", at, source);
                for (got, want) in frames.iter().zip(&alone) {
                    prop_assert!(alike(got.last(), want.last()), "at {at}: {source:?}");
                    prop_assert_eq!(got.readings(), want.readings());
                    prop_assert_eq!((got.done(), got.decided(), got.told()), (want.done(), want.decided(), want.told()));
                }
                if at == stored {
                    frames = postcard::from_bytes(postcard::to_slice(&frames, &mut [0; 1 << 16]).unwrap()).unwrap();
                    frames.derive();
                }
            }
        }
    }

    #[test]
    fn nearly_every_candle_is_part_of_a_run() {
        let mut frames =
            Frames::new([Timeframe::M1, Timeframe::M5, Timeframe::H4].into_iter().map(|timeframe| (timeframe, false)));
        let day = Stretch { timeframe: Timeframe::M1, skipped: 0, count: 1440, history: false };
        let mut in_runs = 0;
        for source in &candles(&[day], &[100.0]) {
            frames.take(source);
            in_runs += usize::from(frames.run.is_some());
        }
        assert!(in_runs > 1400, "{in_runs}");
    }
}
