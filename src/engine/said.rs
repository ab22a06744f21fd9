//! What was said already: a limit that is hit is told once, and again only after it had cleared.

use super::skip::{Reach, Skip};
use crate::market::{Refit, SymbolId};
use serde::{Deserialize, Serialize};

/// The limits that stand in the way and were told; each once, so never more than there are limits and symbols.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Said {
    holding: Vec<(Skip, Option<SymbolId>)>,
}

impl Said {
    /// How far a limit reaches that has just stopped a signal of `symbol`, where that is news; what is no limit never is.
    pub fn news(&mut self, why: Skip, symbol: SymbolId) -> Option<Reach> {
        let reach = why.reach()?;
        let limit = (why, (reach == Reach::Symbol).then_some(symbol));
        let news = !self.holding.contains(&limit);
        news.then(|| {
            self.holding.push(limit);
            reach
        })
    }

    /// Those that were told and have not cleared, with the symbol of those that are a symbol's.
    pub fn holding(&self) -> impl Iterator<Item = (Skip, Option<SymbolId>)> {
        self.holding.iter().copied()
    }

    /// An entry in `symbol` has passed them all: those of the account have cleared, and its own.
    pub fn clear(&mut self, symbol: SymbolId) {
        self.holding.retain(|(_, of)| of.is_some_and(|of| of != symbol));
    }

    /// The limits of a day have cleared with it.
    pub fn begin_day(&mut self) {
        self.holding.retain(|(why, _)| why.reach() != Some(Reach::Day));
    }

    /// With the numbers of other lists; what is gone is forgotten.
    #[must_use]
    pub fn refit(self, lists: &Refit<'_>) -> Self {
        let holding = self.holding.into_iter().filter_map(|(why, of)| match of {
            Some(of) => Some((why, Some(lists.symbol(of).ok()?))),
            None => Some((why, None)),
        });
        Self { holding: holding.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BTC: SymbolId = SymbolId(0);
    const ETH: SymbolId = SymbolId(1);

    /// What happens to a limit.
    enum Then {
        /// A signal is stopped by it, and whether that is told.
        Hit(Skip, SymbolId, bool),
        /// An entry passes.
        Entry(SymbolId),
        NextDay,
    }
    use Then::{Entry, Hit, NextDay};

    #[test]
    fn a_limit_is_told_once_until_it_has_cleared() {
        for (what, course) in [
            (
                "an account's limit clears with an entry in any symbol",
                vec![
                    Hit(Skip::PortfolioRisk, BTC, true),
                    Hit(Skip::PortfolioRisk, BTC, false),
                    Hit(Skip::PortfolioRisk, ETH, false),
                    NextDay,
                    Hit(Skip::PortfolioRisk, BTC, false),
                    Entry(ETH),
                    Hit(Skip::PortfolioRisk, BTC, true),
                ],
            ),
            (
                "a symbol's with one of its own",
                vec![
                    Hit(Skip::BelowMinimum, BTC, true),
                    Hit(Skip::BelowMinimum, ETH, true),
                    Hit(Skip::BelowMinimum, BTC, false),
                    Entry(ETH),
                    Hit(Skip::BelowMinimum, BTC, false),
                    Hit(Skip::BelowMinimum, ETH, true),
                    Entry(BTC),
                    Hit(Skip::BelowMinimum, BTC, true),
                ],
            ),
            (
                "a day's with the day",
                vec![
                    Hit(Skip::DailyLoss, BTC, true),
                    Hit(Skip::TradesPerDay, BTC, true),
                    Hit(Skip::DailyLoss, ETH, false),
                    NextDay,
                    Hit(Skip::DailyLoss, ETH, true),
                ],
            ),
            ("what is no limit has its own word", vec![Hit(Skip::Cooldown, BTC, false), Hit(Skip::Paused, BTC, false)]),
        ] {
            let mut said = Said::default();
            for (place, then) in course.into_iter().enumerate() {
                match then {
                    Hit(why, symbol, news) => {
                        assert_eq!(said.news(why, symbol).is_some(), news, "{what}, step {place}")
                    }
                    Entry(symbol) => said.clear(symbol),
                    NextDay => said.begin_day(),
                }
            }
        }
    }

    #[test]
    fn it_knows_its_symbols_by_name() {
        let names = |symbols: &[&str]| crate::market::Names {
            symbols: symbols.iter().map(|name| name.parse().unwrap()).collect(),
            strategies: Vec::new(),
        };
        let (was, now) = (names(&["BTCUSDT", "ETHUSDT"]), names(&["ETHUSDT", "SOLUSDT"]));
        let mut said = Said::default();
        for symbol in [BTC, ETH] {
            said.news(Skip::BelowMinimum, symbol);
        }
        said.news(Skip::PortfolioRisk, BTC);
        let mut said = said.refit(&Refit { was: &was, now: &now });
        let moved = [SymbolId(0), SymbolId(1)].map(|symbol| said.news(Skip::BelowMinimum, symbol).is_some());
        assert_eq!((moved, said.news(Skip::PortfolioRisk, BTC).is_some()), ([false, true], false));
    }
}
