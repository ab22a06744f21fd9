//! What the account can afford, and what a fill costs.

use super::{
    Matching,
    account::charge,
    book::Book,
    order::{Order, Refusal, Trigger, keeps_limit},
    walk::Walk,
};
use crate::market::{OrderKind, OrderRequest, OrderSide, decimal, notional};
use rust_decimal::Decimal;

/// What an order gets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// Its price; a limit that has rested trades at its own.
    pub paid: Decimal,
    /// Its fee, as a part of the notional.
    pub fee: Decimal,
    /// How much worse than the walked price it is, in USDT a unit.
    pub slippage: Decimal,
}

impl Matching {
    /// Whether reduce-only, smallest notional and margin allow an order to be placed.
    pub(super) fn judge_money(&self, book: &Book, request: &OrderRequest) -> Result<(), Refusal> {
        if request.reduce_only {
            let in_vain = request.kind == OrderKind::Market && book.reducible(request).is_zero();
            return if in_vain { Err(Refusal::NOTHING_TO_REDUCE) } else { Ok(()) };
        }
        let Some(price) = price_of(request, book) else { return Ok(()) };
        let value = notional(price, request.qty);
        if value < self.settings.instruments[request.symbol.index()].min_notional {
            return Err(Refusal::NOTIONAL);
        }
        if !self.affords(request, price, value, self.reserved()) {
            return Err(Refusal::MARGIN);
        }
        if self.keeps_margin(request, price, value) { Ok(()) } else { Err(Refusal::LEVERAGE) }
    }

    /// How much of an order may trade now, at a price at which all of it is worth `value`: nothing but a reduction when it is reduce-only or the
    /// rest is not affordable.
    pub(super) fn tradable(&self, request: &OrderRequest, price: Decimal, value: Decimal) -> Decimal {
        let reduces = self.state.books[request.symbol.index()].reducible(request);
        let is_affordable =
            || self.affords(request, price, value, Decimal::ZERO) && self.keeps_margin(request, price, value);
        let may_open = !request.reduce_only && is_affordable();
        if may_open { request.qty } else { reduces }
    }

    /// What an order gets where a taker would get `price` before slippage. `None` where a limit that was to trade at once is too late for
    /// that.
    pub(super) fn terms(&self, order: &Order, price: Decimal) -> Option<Terms> {
        let request = &order.request;
        let taken = self.with_slippage(request, price);
        let takes_at = |paid: Decimal| Terms { paid, fee: self.rates.fee, slippage: (paid - price).abs() };
        match request.kind {
            OrderKind::Market | OrderKind::StopMarket { .. } | OrderKind::TakeProfitMarket { .. } => {
                Some(takes_at(taken))
            }
            OrderKind::Limit { price: own, .. } if order.trigger != Trigger::Now => {
                Some(Terms { paid: own, fee: self.rates.maker_fee, slippage: Decimal::ZERO })
            }
            OrderKind::Limit { .. } if !keeps_limit(request, price) => None,
            OrderKind::Limit { price: own, .. } if !keeps_limit(request, taken) => Some(takes_at(own)),
            OrderKind::Limit { .. } => Some(takes_at(taken)),
        }
    }

    /// How much of one order a walk can take: its share of the volume, but no less than the smallest order. `None` is all of it.
    pub(super) fn most(&self, walk: &Walk) -> Option<Decimal> {
        let volume = walk.volume.filter(|_| self.rates.fills_in_parts())?;
        let instrument = &self.settings.instruments[walk.symbol.index()];
        Some(instrument.round_qty(decimal(volume)? * self.rates.participation).max(instrument.min_qty))
    }

    /// The price that an order gets: worse than the walked one by the slippage, and on the tick.
    pub(super) fn with_slippage(&self, request: &OrderRequest, price: Decimal) -> Decimal {
        let slipped = match request.side {
            OrderSide::Buy => price + price * self.rates.slippage,
            OrderSide::Sell => price - price * self.rates.slippage,
        };
        self.settings.instruments[request.symbol.index()].round_fill(request.side, slipped)
    }

    /// Whether the account can pay for the opening part of an order at `price`, where all of it is worth `value`, beside what is `reserved`.
    fn affords(&self, request: &OrderRequest, price: Decimal, value: Decimal, reserved: Decimal) -> bool {
        let book = &self.state.books[request.symbol.index()];
        let reduces = book.reducible(request);
        if reduces == request.qty || (reserved.is_zero() && self.is_rich_in(value)) {
            return true;
        }
        let freed = book.position.map_or(Decimal::ZERO, |held| self.initial(held.cost_of(reduces)));
        self.need(book, request, price) + reserved <= self.free_balance() + freed
    }

    /// Whether all is free, and twice a value and more. Margin and fee of an order come to less than that at any leverage and any fee, so that
    /// for most entries nothing has to be added up.
    fn is_rich_in(&self, value: Decimal) -> bool {
        self.state.books.iter().all(|book| book.position.is_none()) && value + value <= self.balance()
    }

    /// Fee of the whole order, and initial margin of the part that opens.
    fn need(&self, book: &Book, request: &OrderRequest, price: Decimal) -> Decimal {
        let opens = request.qty - book.reducible(request);
        let fee = match request.kind {
            OrderKind::Limit { .. } => self.rates.fee.max(self.rates.maker_fee),
            OrderKind::Market | OrderKind::StopMarket { .. } | OrderKind::TakeProfitMarket { .. } => self.rates.fee,
        };
        charge(notional(price, request.qty), fee) + self.initial(notional(price, opens))
    }

    /// What market orders and limits that wait will need.
    fn reserved(&self) -> Decimal {
        let of_book = |book: &Book| -> Decimal {
            let binds = |order: &&Order| {
                let is_limit = matches!(order.request.kind, OrderKind::Limit { .. });
                (is_limit || order.trigger == Trigger::Now) && !order.request.reduce_only
            };
            let needs = |order: &Order| {
                let price = price_of(&order.request, book).unwrap_or_default();
                self.need(book, &order.request, price)
            };
            book.orders().iter().filter(binds).map(needs).sum()
        };
        self.state.books.iter().map(of_book).sum()
    }
}

/// At what price an order is reckoned: a limit's own, else the last one.
fn price_of(request: &OrderRequest, book: &Book) -> Option<Decimal> {
    match request.kind {
        OrderKind::Limit { price, .. } => Some(price),
        OrderKind::Market | OrderKind::StopMarket { .. } | OrderKind::TakeProfitMarket { .. } => book.price(),
    }
}
