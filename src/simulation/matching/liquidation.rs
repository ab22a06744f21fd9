//! Margin that is called in: each position has its own, and is closed by force before it is used up.

use super::book::{Mark, exact};
use super::{Matching, Output, account::Position, order::Trigger};
use crate::market::{
    ClientId, Ended, Fill, MONEY_DIGITS, OrderKind, OrderRequest, OrderUpdate, Side, SymbolId, divided, float, notional,
};
use rust_decimal::Decimal;

/// An entry must have so many times the maintenance margin: venues lower the leverage of large positions likewise.
const INITIAL_MARGINS: Decimal = Decimal::TWO;

impl Matching {
    /// The initial margin of a position that cost so much.
    pub(super) fn initial(&self, cost: Decimal) -> Decimal {
        // nothing is held at most entries
        if cost.is_zero() { cost } else { divided(cost, self.rates.leverage, MONEY_DIGITS) }
    }

    /// What a position has put up, and all that it can lose, in USDT.
    pub(super) fn margin(&self, held: &Position) -> Decimal {
        self.initial(held.cost)
    }

    /// Whether what an order opens at `price`, where all of it is worth `value`, would stand well apart from its liquidation.
    pub(super) fn keeps_margin(&self, request: &OrderRequest, price: Decimal, value: Decimal) -> bool {
        let index = request.symbol.index();
        let book = &self.state.books[index];
        let reduces = book.reducible(request);
        let opens = request.qty - reduces;
        let cost = if reduces.is_zero() { value } else { notional(price, opens) };
        let mut after = Position::opened(request.side.opens(), opens, cost);
        let mut value = cost;
        if let Some(held) = book.position.filter(|_| reduces.is_zero()) {
            after.qty += held.qty;
            after.cost += held.cost;
            value = notional(price, after.qty);
        }
        let left = self.margin(&after) + after.gain(after.cost, value);
        opens.is_zero() || left >= INITIAL_MARGINS * self.tiers[index].maintenance(value)
    }

    /// Where a position's margin and result are no more than it must keep; `None` where that is no price.
    ///
    /// On the tick that is reached first.
    pub(super) fn liquidated_at(&self, index: usize, held: &Position) -> Option<Trigger> {
        let price = self.tiers[index].liquidation_price(held.side, held.qty, held.cost, self.margin(held))?;
        let price = float(self.settings.instruments[index].round_fill(held.side.entry(), price));
        Some(match held.side {
            Side::Long => Trigger::AtOrBelow(price),
            Side::Short => Trigger::AtOrAbove(price),
        })
    }

    /// Works out anew where a symbol's position is liquidated.
    pub(super) fn refresh_liquidation(&mut self, index: usize) {
        let liquidation = self.state.books[index].position.and_then(|held| self.liquidated_at(index, &held));
        self.state.books[index].set_liquidation(liquidation);
    }

    /// Whether an order only reduces the position, at a price at which its margin covers the loss.
    pub(super) fn saves(&self, symbol: SymbolId, order: usize, price: Decimal) -> bool {
        let book = &self.state.books[symbol.index()];
        let request = &book.orders()[order].request;
        let Some(held) = book.position.filter(|held| held.side.exit() == request.side) else { return false };
        let only_reduces = request.reduce_only || request.qty <= held.qty;
        let paid = self.with_slippage(request, price);
        only_reduces && self.margin(&held) + held.unrealised(paid) >= Decimal::ZERO
    }

    /// Closes a position by force where the price stands. It costs the whole margin and no more: what the price leaves of it is
    /// the fee, and what a gap takes beyond it is not the account's. Its reduce-only orders expire.
    pub(super) fn liquidate(&mut self, symbol: SymbolId, mark: Mark, outputs: &mut Vec<Output>) {
        let Some(held) = self.state.books[symbol.index()].position else { return };
        let (margin, instrument) = (self.margin(&held), &self.settings.instruments[symbol.index()]);
        let walked = instrument.round_fill(held.side.exit(), exact(mark.price));
        let price = match held.side {
            Side::Long => walked.max(instrument.round_fill(Side::Long.entry(), (held.cost - margin) / held.qty)),
            Side::Short => walked.min(instrument.round_fill(Side::Short.entry(), (held.cost + margin) / held.qty)),
        };
        let left = margin + held.unrealised(price);
        let id = ClientId::new(&format!("autoclose{}", self.state.next_trade)).expect("letters and at most 20 digits");
        let (side, qty, kind) = (held.side.exit(), held.qty, OrderKind::Market);
        let request = OrderRequest { id, symbol, side, kind, qty, reduce_only: true };
        let fill: Fill = self.book(&request, qty, price, left.max(Decimal::ZERO), mark.at);
        outputs.push(Output::Order(OrderUpdate::Liquidated(fill)));
        while let Some(index) = self.state.books[symbol.index()].orders().iter().position(|o| o.request.reduce_only) {
            let id = self.take(symbol, index).request.id;
            outputs.push(Output::Order(OrderUpdate::Ended { id, how: Ended::Expired }));
        }
    }
}
