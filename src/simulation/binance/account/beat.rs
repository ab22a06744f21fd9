//! What happens to accounts as time goes on: funding, algo orders that fire, orders that rest, and positions that are closed by force.

use super::{
    super::minute::Move,
    events,
    ledger::{Account, Income, Log, View},
    order::{By, Status, Until},
    record::What,
    trading::{LIQUIDATED, NO_REASON},
};
use crate::market::{Timestamp, decimal};
use rust_decimal::Decimal;

/// A warning comes when the maintenance margin is more than this part of what is left.
const WARNED_AT: Decimal = Decimal::from_parts(8, 0, 0, false, 1);

impl Account {
    /// Plays a beat that began at `before`; `path` is how a market's price has moved in it.
    pub fn beat(&mut self, view: View<'_>, log: &mut Log, before: Timestamp, path: &dyn Fn(usize) -> Vec<Move>) {
        for place in 0..self.markets.len() {
            self.settle(view, log, place, before);
            self.go_on(view, log, place);
            if self.orders.iter().any(|order| order.place == place) || self.algos.iter().any(|algo| algo.place == place)
            {
                self.walk(view, log, place, &path(place));
            }
            self.watch(view, log, place);
        }
        let over = |until: Until| matches!(until, Until::Gtd(at) if at <= view.now);
        let ids: Vec<u64> = self.orders.iter().filter(|order| over(order.until)).map(|order| order.id).collect();
        ids.into_iter().for_each(|id| self.end(view, log, id, Status::Expired, NO_REASON));
    }

    /// The way of the price: at each step first algo orders, then orders that rest.
    fn walk(&mut self, view: View<'_>, log: &mut Log, place: usize, path: &[Move]) {
        let tape = &view.tapes[place];
        let last = tape.last().unwrap_or_default();
        let to_mark = tape.marks(view.now).map_or(1.0, |(mark, _)| if last > 0.0 { mark / last } else { 1.0 });
        for step in path {
            self.meet_algos(view, log, place, step.price, to_mark);
            let traded = tape.rules.step * Decimal::from(step.steps.max(0));
            self.meet(view, log, place, step.price, traded, step.sold);
        }
    }

    /// Orders that fill in parts, one a beat.
    fn go_on(&mut self, view: View<'_>, log: &mut Log, place: usize) {
        let slow = self.orders.iter().filter(|order| order.place == place && order.parts.is_some());
        let ids: Vec<u64> = slow.map(|order| order.id).collect();
        ids.into_iter().for_each(|id| self.take(view, log, id));
    }

    fn settle(&mut self, view: View<'_>, log: &mut Log, place: usize, before: Timestamp) {
        let tape = &view.tapes[place];
        let due = tape.funding.next(before);
        let market = &mut self.markets[place];
        let Some(held) = &mut market.position else { return };
        if due > view.now || held.settled >= due {
            return;
        }
        held.settled = due;
        let price = tape.marks(view.now).and_then(|(mark, _)| decimal(mark)).unwrap_or_default();
        let paid = held.funding(price, decimal(tape.funding.settled(due)).unwrap_or_default());
        if market.isolated {
            market.margin -= paid;
        }
        let row = Income { id: 0, place: Some(place), kind: "FUNDING_FEE", amount: -paid, at: due, trade: None };
        self.earn(log, row);
        log.record.add(view.now, self.index, &tape.name, What::Funding { amount: -paid });
        log.record.add(view.now, self.index, "", What::Balance { wallet: self.wallet });
        log.said.push((self.index, events::account(view, self, "FUNDING_FEE", Decimal::ZERO, &[place])));
    }

    fn watch(&mut self, view: View<'_>, log: &mut Log, place: usize) {
        if self.markets[place].position.is_none() {
            self.markets[place].warned = false;
            return;
        }
        if self.is_lost(view, place, Decimal::ONE) {
            return self.liquidate(view, log, place);
        }
        let warned = self.is_lost(view, place, WARNED_AT);
        if warned && !self.markets[place].warned {
            log.said.push((self.index, events::margin_call(view, self, place)));
        }
        self.markets[place].warned = warned;
    }

    /// Cancels a market's orders and closes its position, all by force.
    pub fn liquidate(&mut self, view: View<'_>, log: &mut Log, place: usize) {
        let open = self.orders.iter().filter(|order| order.place == place);
        let ids: Vec<u64> = open.map(|order| order.id).collect();
        ids.into_iter().for_each(|id| self.end(view, log, id, Status::Expired, LIQUIDATED));
        let qty = self.held(place).abs();
        self.force(view, log, place, qty, By::Liquidation);
        self.cover(view, log, place);
    }

    /// What a gap has taken beyond the account is not the account's.
    fn cover(&mut self, view: View<'_>, log: &mut Log, place: usize) {
        let flat = self.markets.iter().all(|market| market.position.is_none());
        if flat && self.wallet.is_sign_negative() && !self.wallet.is_zero() {
            let amount = -self.wallet;
            let row = Income { id: 0, place: Some(place), kind: "INSURANCE_CLEAR", amount, at: view.now, trade: None };
            self.earn(log, row);
            log.said.push((self.index, events::account(view, self, "INSURANCE_CLEAR", amount, &[])));
            log.record.add(view.now, self.index, "", What::Balance { wallet: self.wallet });
        }
    }

    /// Whether time can change anything of it.
    pub fn is_idle(&self) -> bool {
        let flat = self.markets.iter().all(|market| market.position.is_none());
        flat && self.orders.is_empty() && self.algos.is_empty()
    }
}
