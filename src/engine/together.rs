//! Correlation between positions: entries that go together with what is open already are one larger bet.

use super::{
    Action, Engine, Leg, Skip,
    breakers::{Breaker, Tripped},
    returns::RETURNS,
};
use crate::market::{Side, SymbolId, Timestamp};
use std::collections::BTreeMap;

/// How far two symbols go together, measured where it was asked for.
pub type Correlations = BTreeMap<(SymbolId, SymbolId), f64>;

impl Engine {
    /// Whether an entry may stand beside the positions and the entries on their way, or which limit is against it.
    ///
    /// On the same side a correlation counts as it is, on the other with its sign turned. One that is not known yet counts as none.
    pub(super) fn stands_alone(
        &mut self,
        now: Timestamp,
        symbol: SymbolId,
        side: Side,
        actions: &mut Vec<Action>,
    ) -> Result<(), Skip> {
        let measured = self.closest(symbol, side);
        let rules = &self.settings.risk;
        let why = if measured >= rules.breaker_correlation {
            Skip::CorrelationBreaker
        } else if measured >= rules.max_correlation {
            Skip::Correlation
        } else {
            return Ok(());
        };
        // measured again with the next return, and lasts where that is so again
        let until = Some(now.plus_ms(RETURNS.ms()));
        self.trip(Tripped { breaker: Breaker::Correlation(symbol), at: now, until, measured }, actions);
        Err(why)
    }

    /// The highest correlation with anything that is open; −1 where nothing is.
    fn closest(&mut self, symbol: SymbolId, side: Side) -> f64 {
        let Self { desks, state, correlations, .. } = self;
        let positions = state.positions.iter().flatten().map(|held| (held.symbol, held.plan.side));
        let entries = state.orders.open().filter_map(|order| match order.leg {
            Leg::Entry(plan) => Some((order.request.symbol, plan.side)),
            Leg::Stop | Leg::Target | Leg::Exit(_) => None,
        });
        let others = positions.chain(entries).filter(|(other, _)| *other != symbol);
        let measured = others.map(|(other, theirs)| {
            let [own, others] = [symbol, other].map(|of| desks[of.index()].returns());
            let together =
                *correlations.entry((symbol, other)).or_insert_with(|| own.correlation(others).unwrap_or(0.0));
            if theirs == side { together } else { -together }
        });
        measured.fold(-1.0, f64::max)
    }
}
