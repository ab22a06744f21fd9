//! Weighing the account wherever a price of an open position or the balance has changed: does equity trip a breaker?
//!
//! Prices come often and trip seldom. So they are compared in `f64`, with limits that were computed from the state when it last changed,
//! and only where something may be beyond them, or there is a new highest equity, is it computed in decimals, which alone decide.

use super::{
    Action, Engine, Reason,
    breakers::{Breaker, Tripped},
    settings::percent,
};
use crate::market::{Between, SymbolId, Timestamp, decimal, float};
use rust_decimal::Decimal;

/// How far from a limit decimals are asked, as a part of the amount: far more than the rounding of a few sums.
const SLACK: f64 = 1e-9;

/// A function of state and settings alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scale {
    held: Vec<Held>,
    balance: f64,
    /// At this equity or less something may trip.
    floor: f64,
    /// Above this equity there is a new highest.
    peak: f64,
    /// A position may trip at this part of equity.
    loss: f64,
    /// Marks of a position that is held alone at which nothing may trip; none where there are more positions, or none.
    pub calm: Between,
}

/// A position: at a mark it has earned `qty` × mark − `cost`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Held {
    symbol: SymbolId,
    qty: f64,
    cost: f64,
    /// What it loses is looked at no more.
    closing: bool,
}

impl Scale {
    /// Whether something may trip at these marks, or there is a new highest equity.
    #[inline]
    fn may_trip(&self, mark: impl Fn(SymbolId) -> f64) -> bool {
        let (mut equity, mut worst) = (self.balance, 0.0f64);
        for held in &self.held {
            let earned = held.qty * mark(held.symbol) - held.cost;
            equity += earned;
            worst = if held.closing || earned > worst { worst } else { earned };
        }
        equity <= self.floor || equity > self.peak || -worst >= equity * self.loss && worst < 0.0
    }

    /// See [`Scale::may_trip`]: what a position may earn lies between two limits, and so does its mark.
    fn calm(&self) -> Between {
        let Self { balance, floor, peak, loss, .. } = *self;
        let [held] = self.held[..] else { return Between::NONE };
        // a loss of that part of what is left then
        let most_lost = if held.closing { f64::INFINITY } else { balance * loss / (1.0 + loss) };
        let slack = SLACK * (balance.abs() + held.cost.abs());
        let (least, most) = ((floor - balance).max(-most_lost) + slack, peak - balance - slack);
        let [one, other] = [least, most].map(|earned| (earned + held.cost) / held.qty);
        if least < most { Between { above: one.min(other), below: one.max(other) } } else { Between::NONE }
    }
}

impl Engine {
    /// Makes the scale anew. Called where balance, positions, the day or what has tripped have changed.
    pub(super) fn set_scale(&mut self) {
        let (rules, breakers, account) = (&self.settings.risk, &self.state.breakers, &self.state.account);
        let (peak, start) = (float(breakers.peak), float(account.day.start_equity));
        let of = |amount: f64, pct: f64| amount * (1.0 - pct / 100.0);
        let falls = rules.max_drawdown_pct < 100.0 && !self.is_emergency();
        let drawdown = if falls { of(peak, rules.max_drawdown_pct) } else { f64::NEG_INFINITY };
        let loses = !breakers.has(Breaker::DailyLoss) && !self.is_emergency();
        let daily = if loses { of(start, rules.breaker_daily_loss_pct) } else { f64::NEG_INFINITY };
        self.scale.floor = drawdown.max(daily) + SLACK * peak.max(start).abs();
        (self.scale.peak, self.scale.balance) = (peak, float(account.balance));
        self.scale.loss = rules.breaker_position_loss_pct / 100.0 - SLACK;
        self.scale.held.clear();
        self.scale.held.extend(self.state.positions.iter().flatten().map(|position| {
            let sign = position.plan.side.sign();
            let (qty, cost) = (sign * float(position.qty), sign * float(position.cost()));
            Held { symbol: position.symbol, qty, cost, closing: position.closing.is_some() }
        }));
        self.scale.calm = self.scale.calm();
        self.watches.iter_mut().for_each(|watch| watch.calm = Between::NONE);
    }

    /// Looks whether equity trips a breaker.
    #[inline]
    pub(super) fn weigh(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        if self.may_trip() {
            self.weigh_exactly(now, actions);
        }
    }

    #[inline]
    pub(super) fn may_trip(&self) -> bool {
        self.scale.may_trip(|symbol| self.desks[symbol.index()].mark)
    }

    #[inline(never)]
    fn weigh_exactly(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        // without a price there is no telling; the stop stands
        let Some(equity) = self.equity_at_marks() else { return };
        self.weigh_drawdown(now, equity, actions);
        self.weigh_day(now, equity, actions);
        self.weigh_positions(now, equity, actions);
        self.set_scale();
    }

    /// Drawdown, from the highest equity.
    fn weigh_drawdown(&mut self, now: Timestamp, equity: Decimal, actions: &mut Vec<Action>) {
        let (limit, peak) = (self.settings.risk.max_drawdown_pct, &mut self.state.breakers.peak);
        if equity > *peak || peak.is_zero() {
            *peak = equity;
        }
        let (peak, lost) = (*peak, *peak - equity);
        if limit < 100.0 && lost > Decimal::ZERO && lost >= percent(peak, limit) && !self.is_emergency() {
            self.stop_all(now, Breaker::Drawdown, part_pct(lost, peak), actions);
        }
    }

    /// The day's loss, from the equity that it began with.
    fn weigh_day(&mut self, now: Timestamp, equity: Decimal, actions: &mut Vec<Action>) {
        let (day, limit) = (&self.state.account.day, self.settings.risk.breaker_daily_loss_pct);
        let (start, lost) = (day.start_equity, day.start_equity - equity);
        // a day that is over says nothing of the one that has not begun yet
        if now < day.ends && lost > Decimal::ZERO && lost >= percent(start, limit) && !self.is_emergency() {
            let (breaker, measured) = (Breaker::DailyLoss, part_pct(lost, start));
            if self.trip(Tripped { breaker, at: now, until: Some(now.day_end()), measured }, actions) {
                self.close_all(now, Reason::Breaker, actions);
            }
        }
    }

    /// Each position's loss, as a part of equity.
    fn weigh_positions(&mut self, now: Timestamp, equity: Decimal, actions: &mut Vec<Action>) {
        let most = percent(equity, self.settings.risk.breaker_position_loss_pct);
        for index in 0..self.desks.len() {
            let Some(position) = self.state.positions[index].as_ref().filter(|held| held.closing.is_none()) else {
                continue;
            };
            let symbol = position.symbol;
            let lost = -self.unrealised(position).unwrap_or_default();
            if lost > Decimal::ZERO && lost >= most {
                let (breaker, measured) = (Breaker::PositionLoss(symbol), part_pct(lost, equity));
                self.trip(Tripped { breaker, at: now, until: None, measured }, actions);
                self.close(now, symbol, Reason::Breaker, actions);
            }
        }
    }

    fn is_emergency(&self) -> bool {
        [Breaker::Drawdown, Breaker::Empty].into_iter().any(|breaker| self.state.breakers.has(breaker))
    }

    /// `None` while the price of a position is not known.
    pub(super) fn equity_at_marks(&self) -> Option<Decimal> {
        let all = self.state.positions.iter().flatten().map(|position| self.unrealised(position));
        Some(self.state.account.balance + all.sum::<Option<Decimal>>()?)
    }

    /// What a position would earn at its mark, in USDT; `None` while there is none.
    pub(super) fn unrealised(&self, position: &super::Position) -> Option<Decimal> {
        let desk = &self.desks[position.symbol.index()];
        Some(position.unrealised(desk.seen_at.and_then(|_| decimal(desk.mark))?))
    }
}

/// What part of the whole that is, in percent; all of it where there is no whole.
fn part_pct(part: Decimal, whole: Decimal) -> f64 {
    if whole > Decimal::ZERO { 100.0 * float(part) / float(whole) } else { 100.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One position, and limits around what it may earn; the mark at which it has earned nothing.
    fn scale() -> impl Strategy<Value = (Scale, f64)> {
        let position = (0.001..100_000f64, -1e6..1e6f64, any::<bool>());
        let limits = (1e2..1e7f64, prop_oneof![Just(f64::NEG_INFINITY), 0.0..1.1f64], 0.9..2.0f64, 0.0..1.0f64);
        (position, limits).prop_map(|((price, value, closing), (balance, floor, peak, loss))| {
            let held = vec![Held { symbol: SymbolId(0), qty: value / price, cost: value, closing }];
            let (floor, peak) = (balance * floor, balance * peak);
            let mut scale = Scale { held, balance, floor, peak, loss, calm: Between::NONE };
            scale.calm = scale.calm();
            (scale, price)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn nothing_trips_where_it_is_calm_and_something_does_beyond((scale, price) in scale(), part in 0.0..=1.0f64) {
            let Between { above: low, below: high } = scale.calm;
            let may_trip = |mark: f64| scale.may_trip(|_| mark);
            if low <= high {
                let far = price * 1e6; // a limit that is none lies anywhere
                let (from, to) = (low.max(-far), high.min(far));
                for mark in [from, to, from + part * (to - from)] {
                    prop_assert!(!may_trip(mark), "{mark} of {low} to {high}");
                }
                let beyond = 1e-6 * (scale.balance + price * scale.held[0].qty.abs()) / scale.held[0].qty.abs();
                for mark in [low - beyond, high + beyond].into_iter().filter(|mark| mark.is_finite()) {
                    prop_assert!(may_trip(mark), "{mark} is beyond {low} to {high}");
                }
            } else {
                // between limits so near to each other, or beyond them
                prop_assert!((-100..=100).all(|step| may_trip(price * (1.0 + f64::from(step) / 50.0))), "{scale:?}");
            }
        }

        #[test]
        fn where_several_are_held_or_none_each_price_is_weighed((scale, _) in scale(), more: bool) {
            let held = if more { [scale.held.clone(), scale.held.clone()].concat() } else { Vec::new() };
            prop_assert_eq!(Scale { held, ..scale }.calm(), Between::NONE);
        }
    }
}
