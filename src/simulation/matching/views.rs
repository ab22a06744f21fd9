//! What can be asked of the matching.

use super::{Matching, Snapshot, account::Position, account::Totals, book::Book};
use crate::market::{AccountView, OrderRequest, PositionView, SymbolId};
use rust_decimal::Decimal;

impl Matching {
    /// The account as the venue sees it.
    #[must_use]
    pub fn account(&self) -> AccountView {
        let ids = (0..=u16::MAX).map(SymbolId);
        let positions = ids.take(self.state.books.len()).filter_map(|symbol| self.position(symbol)).collect();
        AccountView { balance: self.balance(), positions }
    }

    /// The position in a symbol.
    #[must_use]
    pub fn position(&self, symbol: SymbolId) -> Option<PositionView> {
        Some(self.held(symbol)?.view(symbol))
    }

    /// Deposits plus realised results, in USDT.
    #[must_use]
    pub fn balance(&self) -> Decimal {
        self.state.account.balance
    }

    /// The balance, and what the positions would gain or lose if closed at the last known prices without costs, in USDT.
    #[must_use]
    pub fn equity(&self) -> Decimal {
        self.balance() + self.state.books.iter().map(Book::unrealised).sum::<Decimal>()
    }

    /// What is left of the equity beside the initial margins of the positions, in USDT; may be negative.
    #[must_use]
    pub fn free_balance(&self) -> Decimal {
        let cost: Decimal = self.state.books.iter().filter_map(|book| Some(book.position?.cost)).sum();
        self.equity() - self.initial(cost)
    }

    /// What was earned and paid since the account began.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.state.account.totals
    }

    /// The last known price of a symbol; during a walk the price at which it stands.
    #[must_use]
    pub fn mark(&self, symbol: SymbolId) -> Option<f64> {
        Some(self.state.books.get(symbol.index())?.mark?.price)
    }

    /// The orders of a symbol that wait, in the order in which they came.
    pub fn open_orders(&self, symbol: SymbolId) -> impl Iterator<Item = &OrderRequest> {
        let book = self.state.books.get(symbol.index());
        book.into_iter().flat_map(|book| book.orders()).map(|order| &order.request)
    }

    fn held(&self, symbol: SymbolId) -> Option<Position> {
        self.state.books.get(symbol.index())?.position
    }
}

impl Snapshot {
    /// The last known price of a symbol, in USDT.
    #[must_use]
    pub fn mark(&self, symbol: SymbolId) -> Option<Decimal> {
        self.books.get(symbol.index())?.price()
    }
}
