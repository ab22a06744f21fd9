//! Candles, most of which lead to nothing: a backtest is made of them.

use super::{Desk, Trader, Venue};
use crate::{
    engine::{Action, Event},
    market::{ClosedCandle, Timestamp},
    simulation::matching::Matching,
};

impl Trader {
    /// [`Trader::turn`] of a candle without the event around it, which costs as much as the candle.
    #[inline]
    fn turn_candle(&mut self, now: Timestamp, candle: &ClosedCandle, actions: &mut Vec<Action>) {
        let Some(matching) = unmet(&mut self.venue, &self.desk, candle) else {
            return self.turn(now, &Event::Candle(*candle), actions);
        };
        matching.pass(candle);
        let before = actions.len();
        self.engine.candle(now, candle, actions);
        self.answer(now, before, actions);
    }

    /// [`Trader::turn`] of the first candle, which is due `now`, and of as many behind it as are known to lead to nothing, each at its close; how
    /// many that was, 0 without candles.
    ///
    /// Those behind the first close before `until`, and nothing is due until then. Only the last can have asked for something.
    #[inline]
    pub fn turn_candles(
        &mut self,
        now: Timestamp,
        candles: &[ClosedCandle],
        until: Timestamp,
        actions: &mut Vec<Action>,
    ) -> usize {
        let [first, rest @ ..] = candles else { return 0 };
        // candles of several symbols take turns, and are told apart first
        let next = rest.first().filter(|next| next.is_like(first) && first.closes_at() == now);
        let is_row = next.is_some_and(|next| self.engine.is_row(first, next));
        let count = if is_row { self.pass(candles, until, actions) } else { 0 };
        if count == 0 {
            self.turn_candle(now, first, actions);
        }
        count.max(1)
    }

    /// The same as far as even the first is known to lead to nothing.
    fn pass(&mut self, candles: &[ClosedCandle], until: Timestamp, actions: &mut Vec<Action>) -> usize {
        let until = until.min(self.soonest().plus_ms(1));
        let (first, before) = (&candles[0], actions.len());
        let Some(matching) = unmet(&mut self.venue, &self.desk, first) else { return 0 };
        let count = self.engine.candles(candles, matching.calm(first.symbol), until, actions);
        if let [.., last] = &candles[..count] {
            matching.pass(last);
            self.answer(last.closes_at(), before, actions);
        }
        count
    }

    /// What a candle that met nothing led to.
    #[inline]
    fn answer(&mut self, now: Timestamp, before: usize, actions: &mut Vec<Action>) {
        if actions.len() > before && self.hand_out(now, before, actions) {
            self.go_on(now, actions);
            self.count_as_done(now, actions);
        }
    }
}

/// The model, where a candle meets nothing in it and nothing is waited for.
#[inline]
fn unmet<'a>(venue: &'a mut Venue, desk: &Desk, candle: &ClosedCandle) -> Option<&'a mut Matching> {
    let waits = desk.outstanding.is_some() || candle.history;
    venue.matching_mut().filter(|matching| !waits && matching.passes(candle))
}
