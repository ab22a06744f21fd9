//! What the engine knows of one symbol's market: a pure function of its candles, so no commit carries it and a restart makes it anew.

use super::{
    candles::Frame,
    frames::{Frames, Timeframes},
    regime::{self, Parts},
    returns::{RETURNS, Returns},
};
use crate::{
    market::{Between, Candle, ClosedCandle, PriceBar, SymbolId, Timeframe, Timestamp},
    strategies::{MarketView, Readings, Regime},
};
use serde::{Deserialize, Serialize};

/// The markets of all symbols as a journal's segment begins with them: it must run again without the candles before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Desks(pub(super) Vec<Desk>);

/// One symbol's market.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Desk {
    frames: Frames,
    returns: Box<Returns>,
    /// What the frames' values make; they change seldom, and strategies ask at every close.
    #[serde(skip)]
    regime: Regime,
    /// The last known price.
    pub mark: f64,
    /// When that was known; `None` before the first.
    pub seen_at: Option<Timestamp>,
    /// Whether any candle had a volume.
    pub has_volume: bool,
    /// Whether an hour of its candles has ended since [`Desk::take_returned`] was asked.
    has_returned: bool,
}

impl Desk {
    /// A desk with a frame for each timeframe of `needed`, of the regime and of returns, for which `spike_sigma` is what [`Returns`] calls so.
    ///
    /// With a timeframe of `needed` goes whether averages of it are read.
    #[must_use]
    pub fn new(needed: impl Iterator<Item = (Timeframe, bool)>, spike_sigma: f64) -> Self {
        let of_regime = [(regime::SMALL, true), (regime::MIDDLE, false), (regime::LARGE, true)];
        let frames = Frames::new(needed.chain(of_regime).chain([(RETURNS, false)]));
        let (returns, regime) = (Box::new(Returns::new(spike_sigma)), Regime::default());
        let (mark, seen_at, has_volume, has_returned) = (0.0, None, false, false);
        let mut desk = Self { frames, returns, regime, mark, seen_at, has_volume, has_returned };
        desk.look();
        desk
    }

    /// Works out what is not stored since it follows from the rest.
    pub fn derive(&mut self) {
        self.frames.derive();
        self.look();
    }

    /// The frames' timeframes, finest first.
    pub fn timeframes(&self) -> impl Iterator<Item = Timeframe> {
        self.frames.iter().map(Frame::timeframe)
    }

    /// Takes in a candle and says which frames closed one in the same moment.
    pub fn take(&mut self, source: &ClosedCandle) -> Timeframes {
        self.notice(source.closes_at(), source.candle.close);
        self.learn(source)
    }

    /// Takes in a price of this time, and says whether no later one is known.
    #[inline]
    pub fn notice(&mut self, at: Timestamp, price: f64) -> bool {
        let is_latest = self.seen_at.is_none_or(|seen| seen <= at);
        if is_latest {
            (self.mark, self.seen_at) = (price, Some(at));
        }
        is_latest
    }

    /// Where no price is known, the last one of the history is it.
    pub fn look_back(&mut self) {
        if self.seen_at.is_none() {
            let last = self.frames.iter().filter_map(|frame| {
                frame.last().map(|candle| (candle.open_time.plus_ms(frame.timeframe().ms()), candle.close))
            });
            last.max_by_key(|(at, _)| *at).into_iter().for_each(|(at, price)| _ = self.notice(at, price));
        }
    }

    /// The same as [`Desk::take`] of a candle whose close is no price of now.
    #[inline(always)] // a call costs a sixth of what is done for a candle that ends nothing
    pub fn learn(&mut self, source: &ClosedCandle) -> Timeframes {
        self.has_volume |= source.candle.volume > 0.0;
        let finished = self.frames.take(source);
        if finished.in_time.contains(RETURNS)
            && let Some(candle) = self.frames.get(RETURNS).and_then(Frame::last)
        {
            self.returns.take(candle);
            self.has_returned = true;
        }
        if finished.reaches(regime::SMALL) {
            self.look();
        }
        finished.in_time
    }

    /// Whether [`Desk::take_while`] may take more than one of the candles that begin with these two.
    #[inline]
    #[must_use]
    pub fn is_row(&self, first: &ClosedCandle, next: &ClosedCandle) -> bool {
        // what ends a candle of the regime's leads to more
        first.timeframe < regime::SMALL && self.frames.is_row(first, next)
    }

    /// [`Desk::take`] of candles at the front that lead to nothing but own values, while prices are `calm` and up to the first at whose close
    /// the RSI of their timeframe is not `quiet`, all before `until`; how many these are.
    #[inline]
    pub fn take_while(&mut self, candles: &[ClosedCandle], calm: Between, until: Timestamp, quiet: Between) -> usize {
        let count = self.frames.take_while(candles, calm, until, quiet);
        if let [.., last] = candles[..count] {
            self.notice(last.closes_at(), last.candle.close);
            self.has_volume = self.has_volume || candles[..count].iter().any(|source| source.candle.volume > 0.0);
        }
        count
    }

    /// Finishes the candles under way that `source` begins after, as [`Desk::take`] does too, and says of which timeframes they are.
    pub fn finish_late(&mut self, source: &ClosedCandle) -> Timeframes {
        let late = self.frames.finish_late(source);
        self.look();
        late
    }

    /// Works out what follows from the frames' values.
    fn look(&mut self) {
        self.regime = self.parts().regime();
    }

    /// Takes in a price.
    pub fn see(&mut self, bar: &PriceBar) {
        self.mark = bar.last;
        self.seen_at = Some(bar.at);
    }

    /// When the last finished candle of a timeframe closed, and whether strategies were asked then.
    #[must_use]
    pub fn last_close(&self, timeframe: Timeframe) -> Option<(Timestamp, bool)> {
        let frame = self.frames.get(timeframe)?;
        Some((frame.last()?.open_time.plus_ms(timeframe.ms()), frame.decided()))
    }

    /// The last finished candle of a timeframe and its values; nothing where no frame has that timeframe.
    #[must_use]
    pub fn frame(&self, timeframe: Timeframe) -> Option<(&Candle, &Readings)> {
        let frame = self.frames.get(timeframe)?;
        Some((frame.last()?, frame.readings()))
    }

    /// What a strategy sees that decides on one timeframe and looks at another; nothing before its first candle has finished.
    #[must_use]
    pub fn view(&self, symbol: SymbolId, timeframe: Timeframe, context: Timeframe) -> Option<MarketView<'_>> {
        let (candle, own) = self.frame(timeframe)?;
        let (context, regime) = (self.readings(context), self.regime());
        Some(MarketView { symbol, candle, own, context, regime, has_volume: self.has_volume })
    }

    /// The last close of a timeframe that was told of, and the one before it.
    #[must_use]
    pub fn told(&self, timeframe: Timeframe) -> [Option<Timestamp>; 2] {
        self.frames.get(timeframe).map_or([None; 2], Frame::told)
    }

    /// The values of a timeframe; all empty where no frame has it.
    #[must_use]
    pub fn readings(&self, timeframe: Timeframe) -> &Readings {
        self.frames.get(timeframe).map_or(&Readings::NONE, Frame::readings)
    }

    /// Whether the RSI of a timeframe is known, and one of these.
    #[inline]
    #[must_use]
    pub fn has_rsi(&self, timeframe: Timeframe, among: Between) -> bool {
        self.readings(timeframe).rsi.is_some_and(|rsi| among.holds(rsi))
    }

    /// Whether an hour of its candles has ended since this was asked last.
    #[inline]
    pub const fn take_returned(&mut self) -> bool {
        std::mem::replace(&mut self.has_returned, false)
    }

    /// Its returns by the hour.
    #[must_use]
    pub const fn returns(&self) -> &Returns {
        &self.returns
    }

    /// The market's state, from the values of its three timeframes.
    #[must_use]
    pub const fn regime(&self) -> Regime {
        self.regime
    }

    /// The same, as far as it is known.
    #[must_use]
    pub fn parts(&self) -> Parts {
        let [large, middle, small] =
            [regime::LARGE, regime::MIDDLE, regime::SMALL].map(|timeframe| self.readings(timeframe));
        Parts::of(large, middle, small)
    }

    /// Whether every value of every timeframe is there.
    #[must_use]
    pub fn warm(&self) -> bool {
        self.frames.iter().all(|frame| frame.readings().warm())
    }
}
