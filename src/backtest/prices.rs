//! The way of a price, in so few candles that it can be drawn.

use crate::market::{Candle, ClosedCandle, Timestamp};

/// Candles that are kept of a symbol, at most.
pub const MOST_CANDLES: usize = 400;

/// A price at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)]
pub struct Mark {
    pub at: Timestamp,
    pub price: f64,
}

/// The candles of one symbol, joined to so few that they can be drawn.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Thinned {
    /// The first price and the last.
    pub ends: Option<(Mark, Mark)>,
    /// At most [`MOST_CANDLES`], of one length, in order; a gap has none.
    pub candles: Vec<Candle>,
    /// Their length in milliseconds; 0 without candles.
    pub length_ms: i64,
}

/// Joins candles as they come: to twice the length whenever there are too many.
#[derive(Debug, Default)]
pub(super) struct Joiner {
    thinned: Thinned,
    /// When the last of the joined ones ends.
    until: Timestamp,
}

impl Joiner {
    /// The next candle that moved the price.
    pub fn take(&mut self, closed: &ClosedCandle) {
        let candle = &closed.candle;
        let last = Mark { at: closed.closes_at(), price: candle.close };
        match &mut self.thinned.ends {
            Some((_, end)) => *end = last,
            none => *none = Some((Mark { at: candle.open_time, price: candle.open }, last)),
        }
        match self.thinned.candles.last_mut() {
            Some(joined) if candle.open_time < self.until => joined.absorb(candle),
            _ => self.begin(closed),
        }
    }

    pub fn finish(self) -> Thinned {
        self.thinned
    }

    fn begin(&mut self, closed: &ClosedCandle) {
        if self.thinned.length_ms == 0 {
            self.thinned.length_ms = closed.timeframe.ms();
        }
        while self.thinned.candles.len() >= MOST_CANDLES {
            self.double();
        }
        let open_time = closed.candle.open_time.floor_to(self.thinned.length_ms);
        self.until = open_time.plus_ms(self.thinned.length_ms);
        match self.thinned.candles.last_mut() {
            // the last one has just become so long that this belongs to it
            Some(last) if last.open_time >= open_time => last.absorb(&closed.candle),
            _ => self.thinned.candles.push(Candle { open_time, ..closed.candle }),
        }
    }

    fn double(&mut self) {
        let length = self.thinned.length_ms.saturating_mul(2);
        self.thinned.length_ms = length;
        self.thinned.candles.dedup_by(|next, joined| {
            joined.open_time = joined.open_time.floor_to(length);
            let same = next.open_time.floor_to(length) == joined.open_time;
            if same {
                joined.absorb(next);
            }
            same
        });
        if let Some(last) = self.thinned.candles.last_mut() {
            last.open_time = last.open_time.floor_to(length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{MINUTE_MS, SymbolId, Timeframe};
    use proptest::prelude::*;

    fn closed(minute: i64, price: f64) -> ClosedCandle {
        let candle = Candle {
            open_time: Timestamp(minute * MINUTE_MS),
            open: price,
            high: price + 2.0,
            low: price - 1.0,
            close: price + 1.0,
            volume: 1.0,
        };
        ClosedCandle { symbol: SymbolId(0), timeframe: Timeframe::M1, candle, history: false }
    }

    fn joined(minutes: &[i64]) -> Thinned {
        let mut joiner = Joiner::default();
        minutes.iter().for_each(|minute| joiner.take(&closed(*minute, 100.0 + *minute as f64)));
        joiner.finish()
    }

    #[test]
    fn the_length_doubles_when_there_are_too_many() {
        let few: Vec<i64> = (0..MOST_CANDLES as i64).collect();
        assert_eq!(joined(&few).candles.len(), MOST_CANDLES);
        let thinned = joined(&(0..=MOST_CANDLES as i64).collect::<Vec<_>>());
        assert_eq!((thinned.length_ms, thinned.candles.len()), (2 * MINUTE_MS, MOST_CANDLES / 2 + 1));
        let first = Candle { open_time: Timestamp(0), open: 100.0, high: 103.0, low: 99.0, close: 102.0, volume: 2.0 };
        assert_eq!(thinned.candles[0], first);
        assert_eq!(joined(&[]), Thinned::default());
    }

    proptest! {
        #[test]
        fn joined_candles_are_few_and_have_the_extremes_and_the_volume(steps in prop::collection::vec(1i64..1000, 1..1500)) {
            let minutes: Vec<i64> = steps.iter().scan(-50_000, |at, step| { *at += step; Some(*at) }).collect();
            let thinned = joined(&minutes);
            let candles = &thinned.candles;
            prop_assert!(candles.len() <= MOST_CANDLES);
            prop_assert!(candles.windows(2).all(|pair| pair[1].open_time.since_ms(pair[0].open_time) >= thinned.length_ms));
            prop_assert!(candles.iter().all(|candle| candle.open_time.floor_to(thinned.length_ms) == candle.open_time));
            let volume: f64 = candles.iter().map(|candle| candle.volume).sum();
            prop_assert_eq!(volume, minutes.len() as f64);
            let low = candles.iter().map(|candle| candle.low).fold(f64::INFINITY, f64::min);
            prop_assert_eq!(low, 99.0 + minutes[0] as f64);
            prop_assert_eq!(candles.last().unwrap().close, 101.0 + *minutes.last().unwrap() as f64);
            let ends = thinned.ends.unwrap();
            prop_assert_eq!(ends.0, Mark { at: Timestamp(minutes[0] * MINUTE_MS), price: 100.0 + minutes[0] as f64 });
        }
    }
}
