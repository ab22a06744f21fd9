//! `PUT /fapi/v1/order`: a limit order that rests gets another price and quantity, and goes behind the others.

use super::{
    super::query::{Query, Refusal, refused},
    events::{self, Step},
    ledger::{Account, Log, View},
    margin::Claim,
    order::{Kind, Order, Status, Until},
    terms,
    text::needed,
    trading::{NO_REASON, plan},
};
use rust_decimal::Decimal;
use serde_json::Value;

impl Account {
    /// Changes an open order. Where it has traded as much already, or would take though it may only make, it is cancelled instead.
    ///
    /// # Errors
    ///
    /// What the exchange refuses it with: -2013, -5024, -5025, -5027 and what it says of a new order. The order stays as it was.
    pub fn amend(&mut self, view: View<'_>, log: &mut Log, query: &Query) -> Result<Value, Refusal> {
        let absent = || refused(-2013, "Order does not exist.");
        let id = self.find(view, query)?.filter(|order| order.is_open()).map(|order| order.id).ok_or_else(absent)?;
        let at = self.orders.iter().position(|order| order.id == id).ok_or_else(absent)?;
        // its margin, and what it would reduce, are free for what it becomes
        let order = self.orders.remove(at);
        let amended = match self.amended(view, query, &order) {
            Ok(amended) => amended,
            Err(refusal) => {
                self.orders.insert(at, order);
                return Err(refusal);
            }
        };
        let takes = !plan(view, &amended, amended.left()).is_empty();
        if amended.qty <= amended.filled || takes && amended.until == Until::Gtx {
            self.orders.push(order);
            self.end(view, log, id, Status::Canceled, NO_REASON);
        } else {
            let tape = &view.tapes[amended.place];
            log.said.push((self.index, events::order(view.now, tape, &amended, Step::plain("AMENDMENT", NO_REASON))));
            self.note_order(view, log, &amended);
            self.orders.push(amended);
            self.take(view, log, id);
        }
        let order = self.order(id).ok_or_else(absent)?;
        Ok(order.short(&view.tapes[order.place]))
    }

    /// The order as it is wanted.
    fn amended(&self, view: View<'_>, query: &Query, order: &Order) -> Result<Order, Refusal> {
        let (place, tape, side) = (order.place, &view.tapes[order.place], terms::side(query)?);
        if order.kind != Kind::Limit {
            return Err(refused(-5025, "Only limit order is supported."));
        }
        if side != order.side {
            return Err(refused(-1117, "Invalid side."));
        }
        if tape.halted {
            let text = "Symbol is not in trading status. Order amendment is not permitted.";
            return Err(refused(-5024, text));
        }
        let (qty, price) = (needed(query, "quantity")?, needed(query, "price")?);
        terms::check_qty(tape, qty, terms::MOST_STEPS)?;
        terms::check_limit(view, place, side, price)?;
        terms::check_notional(tape, price, qty, order.reduce_only)?;
        if (qty, price) == (order.qty, order.price) {
            return Err(refused(-5027, "No need to modify the order."));
        }
        let left = (qty - order.filled).max(Decimal::ZERO);
        if order.reduce_only && left > self.unreduced(place, side) {
            let text = "ReduceOnly Order Failed. Please check your existing position and open orders.";
            return Err(refused(-4118, text));
        }
        if !order.reduce_only {
            terms::check_margin(self, view, Claim { place, side, qty: left, price })?;
        }
        Ok(Order { qty, price, updated: view.now, ..order.clone() })
    }
}
