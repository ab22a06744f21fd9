//! From the lists of one run to those of the next: what knows symbols and strategies by their places finds them by their names.

use super::{Side, Symbol, SymbolId};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// The names of what engine and venue know by its place in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// By [`SymbolId`].
    pub symbols: Vec<Symbol>,
    /// By their place in the configuration.
    pub strategies: Vec<String>,
}

/// Why an account cannot go on with other lists.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// A position would have no market.
    #[error(
        "the account holds a {} position of {} {symbol}, which is not among the symbols; add it to --symbols, or begin a new account with --fresh",
        side.to_string().to_lowercase(),
        qty.normalize()
    )]
    Position {
        /// Whose.
        symbol: Symbol,
        /// Long or short.
        side: Side,
        /// In base units.
        qty: Decimal,
    },
    /// An order, or an answer about one, would have no market.
    #[error(
        "the account has an order in {0}, which is not among the symbols; add it to --symbols, or begin a new account with --fresh"
    )]
    Order(Symbol),
    /// What a strategy has begun would have none.
    #[error(
        "the strategy `{strategy}` holds a position or has an order in {symbol}, but is not configured; add a [[strategy]] of that name, or \
         begin a new account with --fresh"
    )]
    Strategy {
        /// Its name.
        strategy: String,
        /// The market of what it has begun.
        symbol: Symbol,
    },
}

/// The lists that a state was made with, and those that it is to go on with.
#[derive(Debug, Clone, Copy)]
pub struct Refit<'a> {
    /// What its numbers stood for.
    pub was: &'a Names,
    /// What they are to stand for.
    pub now: &'a Names,
}

impl Refit<'_> {
    /// A symbol's new number, for what cannot do without.
    ///
    /// # Errors
    ///
    /// [`Misfit::Order`] where the symbol is gone.
    pub fn symbol(&self, was: SymbolId) -> Result<SymbolId, Misfit> {
        let name = self.name(was);
        let place = self.now.symbols.iter().position(|symbol| symbol == name);
        place.map(|place| SymbolId(place as u16)).ok_or_else(|| Misfit::Order(name.clone()))
    }

    /// A strategy's new place, for what it has begun in a symbol and not ended.
    ///
    /// # Errors
    ///
    /// [`Misfit::Strategy`] where the strategy is gone.
    pub fn strategy(&self, was: u16, symbol: SymbolId) -> Result<u16, Misfit> {
        let name = &self.was.strategies[usize::from(was)];
        let place = self.now.strategies.iter().position(|strategy| strategy == name);
        let misfit = || Misfit::Strategy { strategy: name.clone(), symbol: self.name(symbol).clone() };
        place.map(|place| place as u16).ok_or_else(misfit)
    }

    /// What an old number stood for.
    #[must_use]
    pub fn name(&self, was: SymbolId) -> &Symbol {
        &self.was.symbols[was.index()]
    }

    /// For each symbol where it stood; `None` for a new one.
    pub fn symbols(&self) -> impl Iterator<Item = Option<usize>> {
        places(&self.was.symbols, &self.now.symbols)
    }

    /// For each strategy where it stood; `None` for a new one.
    pub fn strategies(&self) -> impl Iterator<Item = Option<usize>> {
        places(&self.was.strategies, &self.now.strategies)
    }

    /// What there is one of a symbol, in the new order; a new symbol has `fresh`.
    #[must_use]
    pub fn by_symbol<T: Clone>(&self, each: &[T], fresh: &T) -> Vec<T> {
        assert_eq!(each.len(), self.was.symbols.len(), "the old list is not the one that this was made with");
        self.symbols().map(|was| was.map_or(fresh, |was| &each[was]).clone()).collect()
    }
}

fn places<T: PartialEq>(was: &[T], now: &[T]) -> impl Iterator<Item = Option<usize>> {
    now.iter().map(|name| was.iter().position(|old| old == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(symbols: &[&str], strategies: &[&str]) -> Names {
        let symbols = symbols.iter().map(|name| name.parse().unwrap()).collect();
        Names { symbols, strategies: strategies.iter().map(|name| (*name).to_owned()).collect() }
    }

    #[test]
    fn what_is_known_by_its_place_is_found_by_its_name() {
        let (was, now) =
            (names(&["BTCUSDT", "ETHUSDT", "SOLUSDT"], &["a", "b"]), names(&["SOLUSDT", "XRPUSDT", "BTCUSDT"], &["b"]));
        let lists = Refit { was: &was, now: &now };
        assert_eq!(lists.by_symbol(&[10, 20, 30], &0), [30, 0, 10]);
        assert_eq!(lists.symbol(SymbolId(2)), Ok(SymbolId(0)));
        assert_eq!(lists.symbol(SymbolId(1)), Err(Misfit::Order("ETHUSDT".parse().unwrap())));
        assert!(lists.strategies().eq([Some(1)]));
        assert_eq!(lists.strategy(1, SymbolId(0)), Ok(0));
        assert!(lists.strategy(0, SymbolId(0)).is_err());
    }

    #[test]
    fn a_misfit_says_what_to_do() {
        let (symbol, qty): (Symbol, Decimal) = ("BTCUSDT".parse().unwrap(), "0.0040".parse().unwrap());
        for (misfit, want) in [
            (
                Misfit::Position { symbol: symbol.clone(), side: Side::Long, qty },
                "the account holds a long position of 0.004 BTC/USDT:USDT, which is not among the symbols; add it to --symbols, or begin a new \
                 account with --fresh",
            ),
            (
                Misfit::Order(symbol.clone()),
                "the account has an order in BTC/USDT:USDT, which is not among the symbols; add it to --symbols, or begin a new account with \
                 --fresh",
            ),
            (
                Misfit::Strategy { strategy: "dip".to_owned(), symbol },
                "the strategy `dip` holds a position or has an order in BTC/USDT:USDT, but is not configured; add a [[strategy]] of that name, \
                 or begin a new account with --fresh",
            ),
        ] {
            assert_eq!(misfit.to_string(), want);
        }
    }
}
