//! Other lists of symbols and strategies than those of the snapshot: everything that knows them by their places is renumbered.
//!
//! Also in the middle of a turn, where a commit has not been answered: what is held back refers to its batch, which the lists do not touch.

use super::{Event, Position, State};
use crate::{
    engine::Command,
    market::{FeedState, Misfit, OrderUpdate, Refit},
};

impl State {
    /// The same state for an engine with other lists. What is new begins fresh; what is gone is forgotten where nothing of it is open.
    ///
    /// # Errors
    ///
    /// Where a position's or an open order's symbol is gone, or the strategy of a position or of an entry on its way.
    ///
    /// # Panics
    ///
    /// When the old lists are not those that the state was made with.
    pub fn refit(self, lists: &Refit<'_>) -> Result<Self, Misfit> {
        // by name, so that a new field must be thought about here
        let Self {
            account,
            orders,
            positions,
            attempts,
            gate,
            summary,
            blocks,
            feeds,
            volume_said,
            next_batch,
            odds,
            quarantine,
            said,
            live,
            differences,
            breakers,
        } = self;
        let mut places = vec![None; lists.now.symbols.len()];
        for position in positions.into_iter().flatten() {
            let position = position.refit(lists)?;
            let place = position.symbol.index();
            places[place] = Some(position);
        }
        Ok(Self {
            account,
            orders: orders.refit(lists)?,
            positions: places,
            // a symbol that is gone and comes again counts anew: its next signal is of another time, so no name comes twice
            attempts: lists.by_symbol(&attempts, &[0; 3]),
            gate: gate.refit(lists),
            summary,
            blocks,
            feeds: lists.by_symbol(&feeds, &FeedState::Live),
            volume_said: lists.by_symbol(&volume_said, &false),
            breakers: breakers.refit(lists),
            next_batch,
            odds: lists
                .strategies()
                .map(|was| was.and_then(|was| odds.get(was).cloned()).unwrap_or_default())
                .collect(),
            quarantine: quarantine.refit(lists),
            said: said.refit(lists),
            live,
            differences: differences.refit(lists),
        })
    }
}

impl Position {
    fn refit(mut self, lists: &Refit<'_>) -> Result<Self, Misfit> {
        let (side, qty) = (self.plan.side, self.qty);
        let unlisted = |_| Misfit::Position { symbol: lists.name(self.symbol).clone(), side, qty };
        let symbol = lists.symbol(self.symbol).map_err(unlisted)?;
        self.plan.strategy = lists.strategy(self.plan.strategy, self.symbol)?;
        self.symbol = symbol;
        Ok(self)
    }
}

impl Event {
    /// With the numbers of other lists.
    ///
    /// # Errors
    ///
    /// Where its symbol is gone.
    pub fn refit(mut self, lists: &Refit<'_>) -> Result<Self, Misfit> {
        match &mut self {
            Self::Candle(candle) => candle.symbol = lists.symbol(candle.symbol)?,
            Self::Price(bar) => bar.symbol = lists.symbol(bar.symbol)?,
            Self::Order(OrderUpdate::Filled(fill) | OrderUpdate::Liquidated(fill)) => {
                fill.symbol = lists.symbol(fill.symbol)?;
            }
            Self::FundingRate(said) => said.symbol = lists.symbol(said.symbol)?,
            Self::Funding(paid) => paid.symbol = lists.symbol(paid.symbol)?,
            Self::Instrument(symbol, _)
            | Self::Feed(symbol, _)
            | Self::Foreign(symbol, _)
            | Self::Command(Command::Close(symbol)) => {
                *symbol = lists.symbol(*symbol)?;
            }
            Self::Account(view) => {
                for position in &mut view.positions {
                    position.symbol = lists.symbol(position.symbol)?;
                }
                view.positions.sort_by_key(|position| position.symbol);
            }
            Self::Order(_)
            | Self::Proof(_)
            | Self::ClockDoubt(_)
            | Self::Committed { .. }
            | Self::StoreDoubt(_)
            | Self::Command(_)
            | Self::Wake => {}
        }
        Ok(self)
    }
}
