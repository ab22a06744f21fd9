//! Prices of one symbol, conflated to one [`PriceBar`] each 100 ms, the first at once.
//!
//! - A quote says the price in the middle of bid and ask, a trade says its own. The last one is that of the newest by the exchange's time; low
//!   and high are over all of the bar. Quotes and trades come by different sockets, so each is in order by itself: what is older than its last
//!   one is dropped.
//! - A price more than 20 % away from the last one counts once a second message says about the same.
//! - A bar's time is never before that of the last bar or of a delivered candle, since the trader would take it for old, nor after market time.
//! - **Holes.** Where prices were lost (socket gone, silent, process stood still) the bars may not have said where the price was, and a stop
//!   that rests on paper was not met. So when the finished candle of such a minute comes, and bars from after its beginning went out, a bar
//!   goes out before it that reaches from its low to its high, if that is beyond what the bars of its minute have said. Where no bar went out
//!   since, the candle itself is walked by whoever keeps the stops.

use crate::{
    exchange::Quote,
    market::{Candle, MINUTE_MS, PRICES, PriceBar, SymbolId, Timestamp},
};
use std::collections::VecDeque;

/// One bar in this time.
pub const BAR_MS: i64 = 100;
/// A price that differs by more than this part needs a second witness.
const FAR: f64 = 0.2;
/// Of so many minutes it is known what their bars said; of those before, nothing.
const MINUTES_KEPT: usize = 8;

/// Whether two prices are so far apart that one of them may be a mistake.
pub fn is_far(price: f64, from: f64) -> bool {
    (price - from).abs() > FAR * from
}

/// What became of a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It counts.
    Counts,
    /// It is older than what is known.
    Late,
    /// It waits for a second witness.
    Doubted,
}

/// A stretch of the exchange's time in which prices may have been lost.
#[derive(Debug, Clone, Copy)]
struct Hole {
    from: Timestamp,
    /// `None`: it goes on.
    until: Option<Timestamp>,
}

/// What bars said in a minute.
#[derive(Debug, Clone, Copy)]
struct Said {
    minute: Timestamp,
    low: f64,
    high: f64,
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Prices {
    bid: f64,
    ask: f64,
    quoted_at: Option<Timestamp>,
    traded_at: Option<Timestamp>,
    last: Option<(f64, Timestamp)>,
    doubted: Option<(f64, Timestamp)>,
    /// Low and high since the last bar; `None`: nothing new.
    range: Option<(f64, f64)>,
    /// When a bar went out, in the session's time.
    out: Option<Timestamp>,
    /// No bar may be from before.
    floor: Option<Timestamp>,
    said: VecDeque<Said>,
    hole: Option<Hole>,
}

impl Prices {
    /// Best bid and ask; `at` by the exchange.
    pub fn quote(&mut self, quote: &Quote, at: Timestamp) -> Heard {
        if self.quoted_at.is_some_and(|known| at < known) {
            return Heard::Late;
        }
        let heard = self.price((quote.bid + quote.ask) / 2.0, at);
        if heard == Heard::Counts {
            (self.bid, self.ask, self.quoted_at) = (quote.bid, quote.ask, Some(at));
        }
        heard
    }

    /// A trade; `at` by the exchange.
    pub fn trade(&mut self, price: f64, at: Timestamp) -> Heard {
        if self.traded_at.is_some_and(|known| at < known) {
            return Heard::Late;
        }
        let heard = self.price(price, at);
        if heard == Heard::Counts {
            self.traded_at = Some(at);
        }
        heard
    }

    fn price(&mut self, price: f64, at: Timestamp) -> Heard {
        if !PRICES.contains(&price) {
            return Heard::Doubted;
        }
        if self.last.is_some_and(|(last, _)| is_far(price, last)) {
            let witness = self.doubted.is_some_and(|doubted| doubted != (price, at) && !is_far(price, doubted.0));
            if !witness {
                self.doubted = Some((price, at));
                return Heard::Doubted;
            }
        }
        self.doubted = None;
        if self.last.is_none_or(|(_, known)| known <= at) {
            self.last = Some((price, at));
        }
        let (low, high) = self.range.unwrap_or((price, price));
        self.range = Some((low.min(price), high.max(price)));
        Heard::Counts
    }

    /// When a bar is due, in the session's time.
    pub fn due(&self) -> Option<Timestamp> {
        self.range?;
        Some(self.out.map_or(Timestamp(i64::MIN), |out| out.plus_ms(BAR_MS)))
    }

    /// The bar that is due.
    pub fn bar(&mut self, symbol: SymbolId, now: Timestamp, market: Timestamp) -> Option<PriceBar> {
        let ((low, high), (last, at)) = (self.range?, self.last?);
        if self.due()? > now {
            return None;
        }
        self.range = None;
        Some(self.put(symbol, (low.min(last), high.max(last)), (last, at), now, market))
    }

    fn put(
        &mut self,
        symbol: SymbolId,
        (low, high): (f64, f64),
        (last, at): (f64, Timestamp),
        now: Timestamp,
        market: Timestamp,
    ) -> PriceBar {
        let at = at.min(market).max(self.floor.unwrap_or(at.min(market)));
        (self.out, self.floor) = (Some(now), Some(at));
        let minute = at.floor_to(MINUTE_MS);
        match self.said.back_mut() {
            Some(said) if said.minute == minute => (said.low, said.high) = (said.low.min(low), said.high.max(high)),
            _ => self.said.push_back(Said { minute, low, high }),
        }
        if self.said.len() > MINUTES_KEPT {
            self.said.pop_front();
        }
        PriceBar { symbol, last, low, high, bid: self.bid, ask: self.ask, at }
    }

    /// A finished candle is about to be delivered: the bar that goes before it, where its minute has a hole.
    pub fn before_candle(
        &mut self,
        symbol: SymbolId,
        candle: &Candle,
        now: Timestamp,
        market: Timestamp,
    ) -> Option<PriceBar> {
        let (opens, closes) = (candle.open_time, candle.open_time.plus_ms(MINUTE_MS));
        let bar = self.missed(candle, opens, closes).and_then(|(low, high)| {
            let (last, at) = self.last?;
            let (low, high) = self.range.take().map_or((low, high), |range| (low.min(range.0), high.max(range.1)));
            Some(self.put(symbol, (low.min(last), high.max(last)), (last, at.max(closes)), now, market))
        });
        if self.hole.is_some_and(|hole| hole.until.is_some_and(|until| until <= closes)) {
            self.hole = None;
        }
        self.floor = self.floor.max(Some(closes.min(market)));
        bar
    }

    /// Low and high of a candle whose minute has a hole, where bars went out after its beginning, but did not say them.
    fn missed(&self, candle: &Candle, opens: Timestamp, closes: Timestamp) -> Option<(f64, f64)> {
        let hole = self.hole.filter(|hole| hole.from < closes && hole.until.is_none_or(|until| until >= opens));
        let later = self.said.back().is_some_and(|said| said.minute >= opens);
        if hole.is_none() || !later {
            return None;
        }
        let said = self.said.iter().find(|said| said.minute == opens);
        let is_said = said.is_some_and(|said| said.low <= candle.low && candle.high <= said.high);
        (!is_said).then_some((candle.low, candle.high))
    }

    /// Bars go out from now on, and say nothing of the time before.
    pub fn begin(&mut self) {
        self.range = self.last.map(|(last, _)| (last, last));
    }

    /// The exchange's clock went back: what is newer than this was not from later.
    pub fn go_back(&mut self, to: Timestamp) {
        let times = [&mut self.quoted_at, &mut self.traded_at].into_iter().flatten();
        times.chain(self.last.as_mut().map(|(_, at)| at)).for_each(|at| *at = (*at).min(to));
    }

    /// Whether prices are being lost.
    pub fn are_lost(&self) -> bool {
        self.hole.is_some_and(|hole| hole.until.is_none())
    }

    /// Prices may be lost from here on, by the exchange's clock.
    pub fn lose(&mut self, from: Timestamp) {
        let from = self.hole.map_or(from, |hole| hole.from.min(from));
        self.hole = Some(Hole { from, until: None });
    }

    /// No prices are lost any more.
    pub const fn regain(&mut self, at: Timestamp) {
        if let Some(hole) = &mut self.hole
            && hole.until.is_none()
        {
            hole.until = Some(at);
        }
    }

    /// What has not gone out yet is not worth it any more.
    pub const fn forget(&mut self) {
        self.range = None;
        self.doubted = None;
    }

    /// The assertions that stay on.
    pub fn check(&self) {
        assert!(self.said.len() <= MINUTES_KEPT, "too many minutes are kept");
    }
}
