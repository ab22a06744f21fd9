//! What the exchange has and we don't know of: told by the session, or seen in two views of the account in a row.
//!
//! One view proves nothing where it differs: a fill of ours may be on its way, or may have overtaken it.

use crate::market::{Refit, SymbolId};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// What differs between our books and the exchange's; each list has at most one entry a symbol.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Differences {
    /// Symbols with orders, positions or settings that are not ours, as the session has told.
    told: Vec<SymbolId>,
    seen: Vec<Excess>,
    /// The symbols of which it was said.
    said: Vec<SymbolId>,
}

/// Theirs less ours of a symbol, above 0 for long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Excess {
    symbol: SymbolId,
    by: Decimal,
    /// It was seen twice, and is a position that is not ours.
    foreign: bool,
}

/// What a view is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// It says what we know.
    Known,
    /// It says something else: the next one must say so too.
    New,
    /// It says the same other thing again.
    Confirmed,
}

impl Differences {
    /// A view of the account says that the exchange has so much more of a symbol than we.
    pub fn look(&mut self, symbol: SymbolId, by: Decimal) -> Worth {
        let before = self.seen.iter().position(|seen| seen.symbol == symbol);
        match before.map(|place| (place, self.seen[place])) {
            None if by.is_zero() => Worth::Known,
            Some((place, _)) if by.is_zero() => {
                self.seen.remove(place);
                Worth::Known
            }
            Some((_, seen)) if seen.by == by => {
                if seen.foreign {
                    Worth::Known
                } else {
                    Worth::Confirmed
                }
            }
            Some((place, _)) => {
                self.seen[place] = Excess { symbol, by, foreign: false };
                Worth::New
            }
            None => {
                self.seen.push(Excess { symbol, by, foreign: false });
                Worth::New
            }
        }
    }

    /// What was confirmed is part of our books now, but for so much that is not ours.
    pub fn settle(&mut self, symbol: SymbolId, by: Decimal) {
        self.seen.retain(|seen| seen.symbol != symbol);
        if !by.is_zero() {
            self.seen.push(Excess { symbol, by, foreign: true });
        }
    }

    /// The session has told whether a symbol has something that is not ours.
    pub fn tell(&mut self, symbol: SymbolId, is_there: bool) {
        self.told.retain(|told| *told != symbol);
        if is_there {
            self.told.push(symbol);
        }
    }

    /// Whether a view said something else that no other has confirmed: then our books are in doubt.
    #[must_use]
    pub fn in_doubt(&self) -> bool {
        self.seen.iter().any(|seen| !seen.foreign)
    }

    /// Whether a symbol has something that is not ours (S15).
    #[must_use]
    pub fn foreign(&self, symbol: SymbolId) -> bool {
        self.told.contains(&symbol) || self.seen.iter().any(|seen| seen.symbol == symbol && seen.foreign)
    }

    /// What is to be said of a symbol: whether something is there, where that is news.
    pub fn news(&mut self, symbol: SymbolId) -> Option<bool> {
        let is_there = self.foreign(symbol);
        let said = self.said.contains(&symbol);
        self.said.retain(|said| *said != symbol || is_there);
        if is_there && !said {
            self.said.push(symbol);
        }
        (is_there != said).then_some(is_there)
    }

    /// A run begins: its session tells and shows all anew. What was said is not said again.
    pub fn begin_anew(&mut self) {
        self.told.clear();
        self.seen.clear();
    }

    /// With the numbers of other lists; a symbol that is gone is forgotten.
    #[must_use]
    pub fn refit(self, lists: &Refit<'_>) -> Self {
        let moved =
            |symbols: Vec<SymbolId>| symbols.into_iter().filter_map(|symbol| lists.symbol(symbol).ok()).collect();
        let seen = self.seen.into_iter();
        Self {
            told: moved(self.told),
            seen: seen.filter_map(|seen| Some(Excess { symbol: lists.symbol(seen.symbol).ok()?, ..seen })).collect(),
            said: moved(self.said),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BTC: SymbolId = SymbolId(0);

    #[test]
    fn a_view_counts_once_another_says_the_same() {
        use Worth::{Confirmed, Known, New};
        for (what, views) in [
            ("the same as ours", vec![(0, Known), (0, Known)]),
            ("a fill was on its way", vec![(3, New), (0, Known), (3, New)]),
            ("twice in a row", vec![(3, New), (3, Confirmed)]),
            ("not the same thing", vec![(3, New), (2, New), (2, Confirmed)]),
            ("one of the two sides, then the other", vec![(3, New), (-3, New), (3, New)]),
        ] {
            let mut books = Differences::default();
            for (by, want) in views {
                assert_eq!(books.look(BTC, Decimal::from(by)), want, "{what}");
                assert_eq!(books.in_doubt(), want != Known, "{what}");
            }
        }
    }

    #[test]
    fn what_is_not_ours_is_said_once_and_once_when_it_is_gone() {
        let mut books = Differences::default();
        assert_eq!(books.news(BTC), None);
        books.tell(BTC, true);
        assert_eq!([books.news(BTC), books.news(BTC)], [Some(true), None]);
        books.settle(BTC, Decimal::ONE);
        books.tell(BTC, false);
        assert_eq!((books.news(BTC), books.foreign(BTC)), (None, true), "its position is still there");
        assert_eq!(books.look(BTC, Decimal::ONE), Worth::Known);
        assert_eq!(books.look(BTC, Decimal::ZERO), Worth::Known);
        assert_eq!([books.news(BTC), books.news(BTC)], [Some(false), None]);
    }

    #[test]
    fn a_new_run_hears_it_anew_and_says_it_no_second_time() {
        let mut books = Differences::default();
        books.tell(BTC, true);
        assert_eq!(books.news(BTC), Some(true));
        books.begin_anew();
        assert!(!books.foreign(BTC));
        books.tell(BTC, true);
        assert_eq!(books.news(BTC), None);
    }
}
