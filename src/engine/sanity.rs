//! What cannot be true is not believed, so that no number from outside can make `handle` fail.
//!
//! Candles have passed their own check where they came in; only their symbol is looked at.

use super::{Action, Engine, Event, Need};
use crate::market::{LARGEST_AMOUNT, LARGEST_QTY, OrderUpdate};
use rust_decimal::Decimal;

impl Engine {
    /// Whether an event can be true. One about money that cannot puts the account in doubt; any other is as if it had not come.
    #[inline]
    pub(super) fn believes(&mut self, event: &Event, actions: &mut Vec<Action>) -> bool {
        let known = event.symbol().is_none_or(|symbol| symbol.index() < self.desks.len());
        let sound = known && is_sound(event);
        let of_money = matches!(event, Event::Order(_) | Event::Account(_) | Event::Funding(_));
        if known && !sound && of_money && !std::mem::replace(&mut self.state.blocks.doubt, true) {
            actions.push(Action::Need(Need::Reconcile));
        }
        sound
    }
}

fn is_sound(event: &Event) -> bool {
    let amount = |amount: Decimal| amount.abs() <= LARGEST_AMOUNT;
    match event {
        Event::Price(bar) => bar.is_possible(),
        Event::Instrument(_, rules) => rules.tick > Decimal::ZERO && rules.step > Decimal::ZERO,
        Event::Order(OrderUpdate::Filled(fill) | OrderUpdate::Liquidated(fill)) => fill.is_possible(),
        Event::Funding(paid) => amount(paid.amount),
        Event::Account(view) => {
            amount(view.balance)
                && view.positions.iter().all(|held| Decimal::ZERO < held.qty && held.qty <= LARGEST_QTY)
        }
        Event::Candle(_)
        | Event::Order(_)
        | Event::FundingRate(_)
        | Event::Feed(..)
        | Event::Proof(_)
        | Event::Foreign(..)
        | Event::ClockDoubt(_)
        | Event::Committed { .. }
        | Event::StoreDoubt(_)
        | Event::Command(_)
        | Event::Wake => true,
    }
}
