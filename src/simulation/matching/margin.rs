//! What the account can afford, and what a fill costs.

use super::{Matching, account::charge, book::Book, order::Refusal, order::Trigger};
use crate::market::{OrderKind, OrderRequest, OrderSide, notional};
use rust_decimal::Decimal;

impl Matching {
    /// Whether reduce-only, smallest notional and margin allow an order to be placed.
    pub(super) fn judge_money(&self, book: &Book, request: &OrderRequest) -> Result<(), Refusal> {
        if request.reduce_only {
            let in_vain = request.kind == OrderKind::Market && book.reducible(request).is_zero();
            return if in_vain { Err(Refusal::NOTHING_TO_REDUCE) } else { Ok(()) };
        }
        let Some(price) = book.price() else { return Ok(()) };
        if notional(price, request.qty) < self.settings.instruments[request.symbol.index()].min_notional {
            return Err(Refusal::NOTIONAL);
        }
        if !self.affords(request, price, self.reserved()) {
            return Err(Refusal::MARGIN);
        }
        if self.keeps_margin(request, price) { Ok(()) } else { Err(Refusal::LEVERAGE) }
    }

    /// How much of an order may trade now: nothing but a reduction when it is reduce-only or the rest is not affordable.
    pub(super) fn tradable(&self, request: &OrderRequest, price: Decimal) -> Decimal {
        let reduces = self.state.books[request.symbol.index()].reducible(request);
        let is_affordable = || self.affords(request, price, Decimal::ZERO) && self.keeps_margin(request, price);
        let may_open = !request.reduce_only && is_affordable();
        if may_open { request.qty } else { reduces }
    }

    /// The price that an order gets: worse than the walked one by the slippage, and on the tick.
    pub(super) fn with_slippage(&self, request: &OrderRequest, price: Decimal) -> Decimal {
        let slipped = match request.side {
            OrderSide::Buy => price + price * self.rates.slippage,
            OrderSide::Sell => price - price * self.rates.slippage,
        };
        self.settings.instruments[request.symbol.index()].round_fill(request.side, slipped)
    }

    /// Whether the account can pay for the opening part of an order at `price`, beside what is `reserved`.
    fn affords(&self, request: &OrderRequest, price: Decimal, reserved: Decimal) -> bool {
        let book = &self.state.books[request.symbol.index()];
        let reduces = book.reducible(request);
        if reduces == request.qty {
            return true;
        }
        let freed = book.position.map_or(Decimal::ZERO, |held| held.cost_of(reduces) / self.rates.leverage);
        self.need(book, request, price) + reserved <= self.free_balance() + freed
    }

    /// Fee of the whole order, and initial margin of the part that opens.
    fn need(&self, book: &Book, request: &OrderRequest, price: Decimal) -> Decimal {
        let opens = request.qty - book.reducible(request);
        charge(notional(price, request.qty), self.rates.fee) + notional(price, opens) / self.rates.leverage
    }

    /// What market orders that wait will need.
    fn reserved(&self) -> Decimal {
        let of_book = |book: &Book| -> Decimal {
            let price = book.price().unwrap_or_default();
            let entries = book.orders().iter().filter(|o| o.trigger == Trigger::Now && !o.request.reduce_only);
            entries.map(|order| self.need(book, &order.request, price)).sum()
        };
        self.state.books.iter().map(of_book).sum()
    }
}
