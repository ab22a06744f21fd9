//! Orders come: rules, margin, and what they trade at once.

use super::{
    super::query::{Query, Refusal, refused},
    ledger::{Account, Log, View},
    margin::Claim,
    order::{By, Kind, Order, Status, Until},
    terms::{self, Wanted},
    trading::plan,
};
use crate::market::OrderSide;
use rust_decimal::Decimal;

impl Account {
    /// The order that a request wants, checked against everything.
    ///
    /// # Errors
    ///
    /// What the exchange refuses it with; nothing has happened then.
    pub fn judge(&self, view: View<'_>, log: &Log, query: &Query, by: By) -> Result<Order, Refusal> {
        let number = log.last_order + 1;
        let wanted = terms::wanted(self, view, query, number)?;
        if self.orders.iter().any(|order| order.client_id == wanted.client_id) {
            return Err(refused(-4116, "ClientOrderId is duplicated."));
        }
        self.admit(view, wanted, number, by)
    }

    /// The same for an order whose terms are read: also one that an algo order has placed.
    ///
    /// # Errors
    ///
    /// As [`Account::judge`].
    pub fn admit(&self, view: View<'_>, wanted: Wanted, number: u64, by: By) -> Result<Order, Refusal> {
        let Wanted { place, side, kind, until, mut qty, price, reduce_only, client_id } = wanted;
        if reduce_only {
            qty = qty.min(self.left_to_reduce(place, side, kind)?);
        }
        if view.tapes[place].halted && !reduce_only {
            return Err(refused(-4140, "Invalid symbol status for opening position."));
        }
        let reckoned = terms::reckoned_price(view, place, side, price);
        terms::check_notional(&view.tapes[place], reckoned, qty, reduce_only)?;
        if self.orders.iter().filter(|order| order.place == place).count() >= terms::MOST_ORDERS {
            return Err(refused(-2025, "Reach max open order limit."));
        }
        if !reduce_only {
            terms::check_margin(self, view, Claim { place, side, qty, price: reckoned })?;
        }
        let order = Order {
            id: number,
            client_id,
            place,
            side,
            kind,
            until,
            qty,
            price,
            fired: None,
            filled: Decimal::ZERO,
            quote: Decimal::ZERO,
            reduce_only,
            close_position: false,
            status: Status::New,
            created: view.now,
            updated: view.now,
            by,
            parts: None,
        };
        let parts = plan(view, &order, qty);
        let now: Decimal = parts.iter().map(|(_, qty)| *qty).sum();
        match (kind, until) {
            (Kind::Market, _) if parts.is_empty() => {
                let text = "The counterparty's best price does not meet the PERCENT_PRICE filter limit.";
                Err(refused(-4131, text))
            }
            (Kind::Limit, Until::Gtx) if !parts.is_empty() => {
                let text = "Due to the order could not be executed as maker, the Post Only order will be rejected. The order will not \
                            be recorded in the order history";
                Err(refused(-5022, text))
            }
            (Kind::Limit, Until::Fok) if now < qty => {
                let text = "Due to the order could not be filled immediately, the FOK order has been rejected. The order will not be \
                            recorded in the order history";
                Err(refused(-5021, text))
            }
            _ => Ok(order),
        }
    }

    /// How much of a position a reduce-only order may close: what others that rest there do not close already. A market order goes before
    /// them, and they expire once nothing is left.
    ///
    /// # Errors
    ///
    /// -2022 where there is nothing, -4118 where others close all of it.
    fn left_to_reduce(&self, place: usize, side: OrderSide, kind: Kind) -> Result<Decimal, Refusal> {
        let (held, left) = (self.reducible(place, side), self.unreduced(place, side));
        if held.is_zero() {
            return Err(refused(-2022, "ReduceOnly Order is rejected."));
        }
        match kind {
            Kind::Market => Ok(held),
            Kind::Limit if !left.is_zero() => Ok(left),
            Kind::Limit => {
                let text = "ReduceOnly Order Failed. Please check your existing position and open orders.";
                Err(refused(-4118, text))
            }
        }
    }

    /// How much of a position no order that rests would close.
    pub fn unreduced(&self, place: usize, side: OrderSide) -> Decimal {
        let rests = |order: &&Order| order.place == place && order.side == side && order.reduce_only;
        let closing: Decimal = self.orders.iter().filter(rests).map(Order::left).sum();
        (self.reducible(place, side) - closing).max(Decimal::ZERO)
    }

    /// Places an order that was judged, and lets it trade.
    pub fn place(&mut self, view: View<'_>, log: &mut Log, order: Order) {
        let id = order.id;
        log.last_order = log.last_order.max(id);
        self.open(view, log, order);
        self.take(view, log, id);
    }

    /// An order by its number, open or not.
    pub fn order(&self, id: u64) -> Option<&Order> {
        self.orders.iter().chain(self.ended.iter().rev()).find(|order| order.id == id)
    }

    /// The order that a request names, open ones first.
    ///
    /// # Errors
    ///
    /// -1102 where none is named.
    pub fn find(&self, view: View<'_>, query: &Query) -> Result<Option<&Order>, Refusal> {
        let place = terms::place(view, query)?;
        let id = query.whole("orderId")?.map(i64::unsigned_abs);
        let name = query.get("origClientOrderId");
        if id.is_none() && name.is_none() {
            return Err(refused(
                -1102,
                "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!",
            ));
        }
        let mut all = self.orders.iter().chain(self.ended.iter().rev()).filter(|order| order.place == place);
        Ok(all.find(|order| match id {
            Some(id) => order.id == id,
            None => name == Some(order.client_id.as_str()),
        }))
    }
}
