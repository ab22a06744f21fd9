//! What is to be done next for an account to hold nothing of ours, from what it holds now.

use crate::{
    exchange::private::{OrderView, Which},
    market::{PositionView, Side, SymbolId, could_be_ours},
};
use rust_decimal::Decimal;

/// What an account holds of a symbol.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// The position, if any.
    pub position: Option<PositionView>,
    /// Orders that have not ended, stops and targets with them.
    pub orders: Vec<OrderView>,
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Cancel an order of ours.
    Cancel(Which),
    /// Cancel every order of the symbol.
    CancelAll,
    /// Close so much of a position at the market.
    Close(Side, Decimal),
}

/// What becomes of a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Goal {
    /// Whether what is not ours goes too.
    pub all: bool,
    /// The account's memory has this position.
    pub remembered: Option<(Side, Decimal)>,
    /// What stays of the exchange's position, above 0 for long: what was never ours. `None` before the first look.
    pub keep: Option<Decimal>,
}

impl Goal {
    /// A symbol that nobody has looked at.
    #[must_use]
    pub const fn new(all: bool, remembered: Option<(Side, Decimal)>) -> Self {
        Self { all, remembered, keep: None }
    }

    /// The next steps; none where the symbol is as it should be. First what could open or grow a position, then the position, and what protects
    /// it last.
    pub fn steps(&mut self, symbol: SymbolId, held: &Held) -> Vec<Step> {
        let ours: Vec<&OrderView> = held.orders.iter().filter(|order| could_be_ours(&order.name)).collect();
        let position = held.position.as_ref().map_or(Decimal::ZERO, PositionView::signed_qty);
        // found once: what comes on top afterwards is of a bot that runs, and what goes is what we close
        let keep = self.keep.unwrap_or_else(|| position - self.part_of_ours(position, &ours));
        self.keep = Some(keep);
        let cancel = |order: &&OrderView| {
            let id = order.id?;
            Some(Step::Cancel(Which { id, symbol, conditional: order.conditional }))
        };
        let opening: Vec<Step> = ours.iter().filter(|order| !order.reduce_only).filter_map(cancel).collect();
        if !opening.is_empty() {
            return opening;
        }
        let beyond = position - keep;
        if !beyond.is_zero() && beyond.is_sign_negative() == position.is_sign_negative() {
            let side = if position.is_sign_negative() { Side::Short } else { Side::Long };
            return vec![Step::Close(side, beyond.abs().min(position.abs()))];
        }
        match self.all {
            true if !held.orders.is_empty() => vec![Step::CancelAll],
            true => Vec::new(),
            false => ours.iter().filter_map(cancel).collect(),
        }
    }

    /// How much of the exchange's position is ours: what the memory has, or what a stop or target of ours is for, whichever is more.
    fn part_of_ours(&self, position: Decimal, orders: &[&OrderView]) -> Decimal {
        if self.all {
            return position;
        }
        let side = if position.is_sign_negative() { Side::Short } else { Side::Long };
        let remembered = self.remembered.filter(|(of, _)| *of == side).map(|(_, qty)| qty);
        let covered = orders.iter().filter(|order| order.reduce_only && order.side == side.exit());
        let most = covered.map(|order| order.qty).chain(remembered).max().unwrap_or_default();
        side.signed(most.min(position.abs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        exchange::private::Status,
        market::{ClientId, OrderKind, OrderSide},
    };
    use proptest::prelude::*;

    const BTC: SymbolId = SymbolId(0);
    const STOP: &str = "0qhk9x2m3v1abk0lz8yq3c0ls0";
    const TARGET: &str = "0qhk9x2m3v1abk0lz8yq3c0lt0";
    const ENTRY: &str = "0qhk9x2m3v1abk0lz8yq3c0le0";

    fn order(name: &str, side: OrderSide, qty: i64, reduce_only: bool) -> OrderView {
        OrderView {
            id: ClientId::new(name),
            name: name.to_owned(),
            number: 1,
            spawned: None,
            conditional: reduce_only,
            symbol: BTC,
            side,
            kind: Some(OrderKind::Market),
            qty: qty.into(),
            filled: Decimal::ZERO,
            reduce_only,
            status: Status::Open,
        }
    }

    fn held(position: i64, orders: &[OrderView]) -> Held {
        let side = if position < 0 { Side::Short } else { Side::Long };
        let view = PositionView { symbol: BTC, side, qty: position.abs().into(), entry_price: Decimal::ONE };
        Held { position: (position != 0).then_some(view), orders: orders.to_vec() }
    }

    fn cancel(name: &str, conditional: bool) -> Step {
        Step::Cancel(Which { id: ClientId::new(name).unwrap(), symbol: BTC, conditional })
    }

    /// Quantities as whole numbers; the memory's below 0 for short.
    #[test]
    fn ours_goes_and_the_rest_stays_unless_all_is_meant() {
        use OrderSide::{Buy, Sell};
        let (stop, target) = (order(STOP, Sell, 3, true), order(TARGET, Sell, 3, true));
        let (entry, hand) = (order(ENTRY, Buy, 5, false), order("web_1", Sell, 9, false));
        let close = |qty: i64| vec![Step::Close(if qty < 0 { Side::Short } else { Side::Long }, qty.abs().into())];
        for (all, memory, position, orders, want) in [
            (false, 0, 0, vec![], vec![]),
            (false, 0, 7, vec![], vec![]), // by hand
            (false, 0, 7, vec![hand.clone()], vec![]),
            (false, 3, 3, vec![], close(3)), // a crash between entry and stop
            (false, 3, 3, vec![stop.clone(), target.clone()], close(3)),
            (false, 0, 3, vec![stop.clone()], close(3)), // no memory, but a stop of ours
            (false, 5, 3, vec![stop.clone()], close(3)),
            (false, 3, 7, vec![stop.clone(), hand.clone()], close(3)),
            (false, -3, 7, vec![], vec![]), // the other way: not ours
            (false, -3, -4, vec![], close(-3)),
            (false, 3, 3, vec![entry.clone(), stop.clone()], vec![cancel(ENTRY, false)]),
            (
                false,
                3,
                0,
                vec![stop.clone(), target.clone(), hand.clone()],
                vec![cancel(STOP, true), cancel(TARGET, true)],
            ),
            (true, 0, 7, vec![hand.clone()], close(7)),
            (true, 3, -7, vec![], close(-7)),
            (true, 3, 0, vec![stop, hand], vec![Step::CancelAll]),
            (true, 3, 0, vec![], vec![]),
        ] {
            let side = if memory < 0 { Side::Short } else { Side::Long };
            let memory = (memory != 0).then(|| (side, Decimal::from(i64::abs(memory))));
            let held = held(position, &orders);
            assert_eq!(Goal::new(all, memory).steps(BTC, &held), want, "{all} {memory:?} {held:?}");
        }
    }

    #[test]
    fn what_a_running_bot_opens_meanwhile_is_closed_too() {
        let mut goal = Goal::new(false, Some((Side::Long, Decimal::from(3))));
        assert_eq!(goal.steps(BTC, &held(10, &[])), [Step::Close(Side::Long, Decimal::from(3))]);
        assert_eq!(goal.steps(BTC, &held(7, &[])), []);
        assert_eq!(goal.steps(BTC, &held(9, &[])), [Step::Close(Side::Long, Decimal::from(2))]);
        assert_eq!(goal.steps(BTC, &held(7, &[])), []);
    }

    proptest! {
        #[test]
        fn it_ends_with_nothing_of_ours_and_never_turns_a_position(
            all in any::<bool>(), memory in -5i64..5, position in -9i64..9, stop in 0i64..5, hand in any::<bool>(), parts in 1i64..4,
        ) {
            let side = if memory < 0 { Side::Short } else { Side::Long };
            let remembered = (memory != 0).then(|| (side, Decimal::from(memory.abs())));
            let exit = if position < 0 { OrderSide::Buy } else { OrderSide::Sell };
            let mut orders = if stop > 0 { vec![order(STOP, exit, stop, true)] } else { Vec::new() };
            orders.extend(hand.then(|| order("web_1", exit, 9, false)));
            let (mut now, mut goal) = (position, Goal::new(all, remembered));
            for _ in 0..40 {
                let steps = goal.steps(BTC, &held(now, &orders));
                if steps.is_empty() {
                    break;
                }
                for step in steps {
                    match step {
                        Step::Cancel(which) => orders.retain(|order| order.id != Some(which.id)),
                        Step::CancelAll => orders.clear(),
                        Step::Close(side, qty) => {
                            prop_assert_eq!(side == Side::Short, now < 0);
                            prop_assert!(qty > Decimal::ZERO && qty <= now.abs().into());
                            // it may fill in parts
                            let qty = i64::try_from(qty).unwrap().min(parts);
                            now -= now.signum() * qty;
                        }
                    }
                }
            }
            prop_assert_eq!(goal.steps(BTC, &held(now, &orders)), vec![]);
            prop_assert!(orders.iter().all(|order| !could_be_ours(&order.name)));
            prop_assert!(now.signum() * position.signum() >= 0 && now.abs() <= position.abs());
            if all {
                prop_assert!(now == 0 && orders.is_empty());
            } else {
                prop_assert_eq!(orders.len(), usize::from(hand));
                let same = if position.signum() == memory.signum() { memory.abs() } else { 0 };
                let ours = same.max(if position == 0 { 0 } else { stop }).min(position.abs());
                prop_assert_eq!(now.abs(), position.abs() - ours);
            }
        }
    }
}
