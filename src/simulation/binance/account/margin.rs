//! What positions and orders need, and what is free.
//!
//! A position needs value ÷ leverage; an isolated one has put that up when it was opened. Orders that may open need the same at their own
//! price, for what is beyond the position that they would close. The exchange's own formulas differ in small terms (open loss of limit
//! orders, the larger side of both); where they do, this asks for no less than what the fills will need.

use super::ledger::{Account, View, mark};
use crate::market::{MONEY_DIGITS, OrderSide, Tiers, divided, notional};
use rust_decimal::{Decimal, prelude::ToPrimitive};

/// The highest leverage of all.
pub const MOST_LEVERAGE: u32 = 125;
/// An entry needs so many times the maintenance margin, which is what the leverage of a bracket follows from.
const INITIAL_MARGINS: u32 = 2;

/// A bracket: positions up to `cap` may have this leverage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bracket {
    pub leverage: u32,
    pub floor: Decimal,
    pub cap: Decimal,
    pub rate: Decimal,
    /// value × rate − this is the maintenance margin.
    pub cum: Decimal,
}

/// The brackets of a symbol, from small values to large.
pub fn brackets(tiers: &Tiers) -> Vec<Bracket> {
    let list = tiers.list();
    let caps = list.iter().skip(1).map(|tier| tier.from).chain([Decimal::from(1_000_000_000u32)]);
    let rows = list.iter().zip(caps).zip(tiers.lines());
    let leverage = |rate: Decimal| (Decimal::ONE / (rate * Decimal::from(INITIAL_MARGINS))).floor();
    rows.map(|((tier, cap), line)| Bracket {
        leverage: leverage(line.rate).to_u32().unwrap_or(1).clamp(1, MOST_LEVERAGE),
        floor: tier.from,
        cap,
        rate: line.rate,
        cum: line.amount,
    })
    .collect()
}

/// The largest value of a position at a leverage.
pub fn most_notional(tiers: &Tiers, leverage: u32) -> Decimal {
    let fits = brackets(tiers).into_iter().filter(|bracket| bracket.leverage >= leverage);
    fits.map(|bracket| bracket.cap).max().unwrap_or_default()
}

/// An order that is not placed yet, as far as margin goes.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    pub place: usize,
    pub side: OrderSide,
    pub qty: Decimal,
    pub price: Decimal,
}

impl Account {
    fn leverage(&self, place: usize) -> Decimal {
        Decimal::from(self.markets[place].leverage.max(1))
    }

    /// What is held, valued.
    pub fn value(&self, view: View<'_>, place: usize) -> Decimal {
        notional(mark(view, place), self.held(place).abs())
    }

    /// The result of what is held.
    pub fn unrealised(&self, view: View<'_>, place: usize) -> Decimal {
        self.markets[place].position.map_or(Decimal::ZERO, |held| held.unrealised(mark(view, place)))
    }

    /// What a position must keep.
    pub fn maintenance(&self, view: View<'_>, place: usize) -> Decimal {
        self.markets[place].tiers.maintenance(self.value(view, place))
    }

    /// What a position needs.
    pub fn position_margin(&self, view: View<'_>, place: usize) -> Decimal {
        divided(self.value(view, place), self.leverage(place), MONEY_DIGITS)
    }

    /// What a quantity at a price needs.
    pub fn initial_margin(&self, place: usize, price: Decimal, qty: Decimal) -> Decimal {
        divided(notional(price, qty), self.leverage(place), MONEY_DIGITS)
    }

    /// What a market's open orders need, with one more.
    pub fn order_margin(&self, place: usize, more: Option<Claim>) -> Decimal {
        let open = self.orders.iter().filter(|order| order.place == place && !order.reduce_only);
        let open = open.map(|order| (order.side, order.left(), order.price));
        let more = more.filter(|claim| claim.place == place).map(|claim| (claim.side, claim.qty, claim.price));
        let claims: Vec<(OrderSide, Decimal, Decimal)> = open.chain(more).collect();
        [OrderSide::Buy, OrderSide::Sell]
            .into_iter()
            .map(|side| {
                let mut closes = self.reducible(place, side);
                let opens = claims.iter().filter(|(of, ..)| *of == side).map(|(_, qty, price)| {
                    let part = closes.min(*qty);
                    closes -= part;
                    self.initial_margin(place, *price, *qty - part)
                });
                opens.sum::<Decimal>()
            })
            .sum()
    }

    /// What is not in isolated positions.
    pub fn cross_wallet(&self) -> Decimal {
        self.wallet - self.markets.iter().map(|market| market.margin).sum::<Decimal>()
    }

    /// The results of positions that share their margin.
    pub fn cross_unrealised(&self, view: View<'_>) -> Decimal {
        let cross = (0..self.markets.len()).filter(|place| !self.markets[*place].isolated);
        cross.map(|place| self.unrealised(view, place)).sum()
    }

    /// What can be used for new orders; below 0 where more is bound than there is.
    pub fn available(&self, view: View<'_>) -> Decimal {
        let places = 0..self.markets.len();
        let bound: Decimal = places.clone().map(|place| self.order_margin(place, None)).sum();
        let cross = places.filter(|place| !self.markets[*place].isolated);
        let positions: Decimal = cross.map(|place| self.position_margin(view, place)).sum();
        self.cross_wallet() + self.cross_unrealised(view) - positions - bound
    }

    /// Whether the account can pay for an order.
    pub fn affords(&self, view: View<'_>, claim: Claim) -> bool {
        let needs = self.order_margin(claim.place, Some(claim)) - self.order_margin(claim.place, None);
        needs.is_zero() || needs <= self.available(view)
    }

    /// Whether the leverage allows so large a position.
    pub fn keeps_bracket(&self, view: View<'_>, claim: Claim) -> bool {
        let opens = claim.qty - self.reducible(claim.place, claim.side).min(claim.qty);
        if opens.is_zero() {
            return true;
        }
        let same_way = self.held(claim.place).is_sign_positive() == (claim.side == OrderSide::Buy);
        let held = if same_way { self.value(view, claim.place) } else { Decimal::ZERO };
        let open = self.orders.iter().filter(|o| o.place == claim.place && o.side == claim.side && !o.reduce_only);
        let waiting: Decimal = open.map(|order| notional(order.price, order.left())).sum();
        let market = &self.markets[claim.place];
        held + waiting + notional(claim.price, opens) <= most_notional(&market.tiers, market.leverage)
    }

    /// What a position can lose before it is closed by force: its own margin, or all that no other position needs.
    pub fn margin_behind(&self, view: View<'_>, place: usize) -> Decimal {
        if self.markets[place].isolated {
            return self.markets[place].margin;
        }
        let others = (0..self.markets.len()).filter(|other| *other != place && !self.markets[*other].isolated);
        let others = others.map(|other| self.unrealised(view, other) - self.maintenance(view, other));
        self.cross_wallet() + others.sum::<Decimal>()
    }

    /// Where a position is liquidated.
    pub fn liquidated_at(&self, view: View<'_>, place: usize) -> Option<Decimal> {
        let market = &self.markets[place];
        let held = market.position?;
        market.tiers.liquidation_price(held.side, held.qty, held.cost, self.margin_behind(view, place))
    }

    /// Maintenance margin over what is there: from 1 on a position is closed by force.
    pub fn is_lost(&self, view: View<'_>, place: usize, part: Decimal) -> bool {
        let Some(held) = self.markets[place].position else { return false };
        let left = self.margin_behind(view, place) + held.unrealised(mark(view, place));
        left * part <= self.maintenance(view, place)
    }
}
