//! Other symbols than those of the snapshot.

use super::{Snapshot, book::Book};
use crate::market::{Misfit, Refit, SymbolId};

impl Snapshot {
    /// The same account with other symbols. A new one begins with an empty book; one that is gone is forgotten where its book is empty.
    ///
    /// A walk that is under way goes on, unless its symbol is gone: then nothing waits in it.
    ///
    /// # Errors
    ///
    /// Where something is held of a symbol that is gone, or an order waits.
    ///
    /// # Panics
    ///
    /// When the old symbols are not those of the snapshot.
    pub fn refit(self, lists: &Refit<'_>) -> Result<Self, Misfit> {
        assert_eq!(self.symbols, lists.was.symbols, "the old symbols must be those of the snapshot");
        for (symbol, book) in (0..=u16::MAX).map(SymbolId).zip(&self.books) {
            let Err(order) = lists.symbol(symbol) else { continue };
            if let Some(held) = book.position {
                return Err(Misfit::Position { symbol: lists.name(symbol).clone(), side: held.side, qty: held.qty });
            }
            if !book.orders().is_empty() {
                return Err(order);
            }
        }
        let mut books = lists.by_symbol(&self.books, &Book::default());
        (0..=u16::MAX).map(SymbolId).zip(&mut books).for_each(|(symbol, book)| book.renumber(symbol));
        let walk = self.walk.and_then(|mut walk| {
            walk.symbol = lists.symbol(walk.symbol).ok()?;
            Some(walk)
        });
        Ok(Self { symbols: lists.now.symbols.clone(), books, walk, ..self })
    }
}
