//! A symbol's returns, an hour each: how far one is from what is usual, and how far two symbols go together.

use crate::{
    indicators::{Deviation, Joint},
    market::{Candle, Timeframe, Timestamp},
};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Returns are those of candles of this length: shorter ones would cost at every minute and say little of how symbols go together.
pub const RETURNS: Timeframe = Timeframe::H1;
/// So many are looked at: four days.
const KEPT: u32 = 100;
/// A correlation of fewer common returns is chance and counts as none.
const LEAST_COMMON: u32 = 30;

/// The last returns of one symbol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Returns {
    /// A return farther than this from the mean of those before it is a spike, in their standard deviations.
    spike_sigma: f64,
    /// When the last candle closed, and at which price.
    last: Option<(Timestamp, f64)>,
    /// When candles closed, and their returns.
    kept: VecDeque<(Timestamp, f64)>,
    deviation: Deviation,
    spike: Option<(Timestamp, f64)>,
}

impl Returns {
    /// Of a symbol whose candles have not come yet.
    #[must_use]
    pub fn new(spike_sigma: f64) -> Self {
        let kept = VecDeque::with_capacity(KEPT as usize);
        Self { spike_sigma, last: None, kept, deviation: Deviation::new(KEPT), spike: None }
    }

    /// Takes in the next closed candle. After a gap its return would be one of several hours, and is left out.
    pub fn take(&mut self, candle: &Candle) {
        let (at, close) = (candle.open_time.plus_ms(RETURNS.ms()), candle.close);
        let before = self.last.replace((at, close)).filter(|(before, _)| *before == candle.open_time);
        let Some((_, before)) = before else { return };
        let change = close / before - 1.0;
        if let Some(sigma) = self.deviation.distance(change).filter(|sigma| *sigma > self.spike_sigma) {
            self.spike = Some((at, sigma));
        }
        self.deviation.update(change);
        if self.kept.len() >= KEPT as usize {
            self.kept.pop_front();
        }
        self.kept.push_back((at, change));
    }

    /// When the last candle that was a spike closed, and how many standard deviations it was from the mean.
    #[must_use]
    pub const fn spike(&self) -> Option<(Timestamp, f64)> {
        self.spike
    }

    /// How far two symbols go together, −1 to 1, by the hours of which both returns are known; `None` where those are too few.
    #[must_use]
    pub fn correlation(&self, other: &Self) -> Option<f64> {
        let mut others = other.kept.iter().peekable();
        let pairs = self.kept.iter().filter_map(|(at, own)| {
            while others.next_if(|(theirs, _)| theirs < at).is_some() {}
            others.next_if(|(theirs, _)| theirs == at).map(|(_, theirs)| (*own, *theirs))
        });
        Joint::all(pairs, LEAST_COMMON).map(|all| all.correlation())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = RETURNS.ms();

    fn candle(hour: i64, close: f64) -> Candle {
        let open_time = Timestamp(hour * HOUR_MS);
        Candle { open_time, open: close, high: close, low: close, close, volume: 0.0 }
    }

    /// Returns of +1 % and −1 % by turns, from this hour on.
    fn wave(hours: std::ops::Range<i64>, up: i64) -> Returns {
        let mut returns = Returns::new(3.0);
        hours.for_each(|hour| returns.take(&candle(hour, if (hour + up) % 2 == 0 { 101.0 } else { 100.0 })));
        returns
    }

    #[test]
    fn a_spike_is_farther_than_its_bound_from_the_mean_of_those_before_it() {
        // the deviation of 100 returns of +1 % and −0.99 % is 0.995 %
        for (change, want) in
            [(1.0295, None), (1.0305, Some(3.0)), (0.9705, None), (0.9695, Some(3.0)), (2.0, Some(100.0))]
        {
            let mut returns = wave(0..101, 0);
            assert_eq!(returns.spike(), None);
            returns.take(&candle(101, 101.0 * change));
            let spike = returns.spike();
            assert_eq!(spike.map(|(at, _)| at), want.map(|_| Timestamp(102 * HOUR_MS)), "{change}");
            assert!(
                spike.is_none_or(|(_, sigma)| (sigma - want.unwrap_or_default()).abs() < 1.0),
                "{change} {spike:?}"
            );
        }
        let mut cold = wave(0..100, 0);
        cold.take(&candle(100, 500.0));
        assert_eq!(cold.spike(), None, "one return too few to know what is usual");
    }

    #[test]
    fn two_symbols_are_compared_by_their_common_hours() {
        let one = wave(0..200, 0);
        for (other, want) in [
            (wave(0..200, 0), Some(1.0)),
            (wave(0..200, 1), Some(-1.0)),
            (wave(170..210, 0), None), // the first has no return, so 29 are common
            (wave(169..210, 0), Some(1.0)),
            (wave(300..400, 0), None),
            (Returns::new(3.0), None),
        ] {
            let got = one.correlation(&other);
            assert_eq!(got.map(|together| (together * 1e9).round() / 1e9), want, "{:?}", other.last);
            assert_eq!(other.correlation(&one).is_some(), want.is_some());
        }
    }

    #[test]
    fn a_gap_gives_no_return_and_what_is_old_is_forgotten() {
        let mut returns = wave(0..50, 0);
        let before = returns.kept.len();
        returns.take(&candle(60, 900.0));
        assert_eq!((returns.kept.len(), returns.last), (before, Some((Timestamp(61 * HOUR_MS), 900.0))));
        returns.take(&candle(61, 900.0));
        assert_eq!(returns.kept.len(), before + 1);
        assert_eq!(wave(0..500, 0).kept.len(), KEPT as usize);
    }
}
