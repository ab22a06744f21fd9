//! How orders trade.
//!
//! A taker walks the played book from the best level on, a trade a level, and at most [`MOST_PARTS`]: the last one takes what is left at the
//! price of the last level that it needs. What it takes is not missing afterwards, since the book follows from the tape alone: an account
//! is small beside the market. A resting order trades with the tape: whole once the price goes through it, and by what was traded at its
//! very price.

use super::{
    super::book::Side as BookSide,
    events::{self, Step},
    ledger::{Account, Income, Log, Trade, View, mark, remember},
    order::{By, Kind, Order, Status, Until, side_name},
    record::What,
};
use crate::{
    market::{OrderSide, Timestamp, float, notional, share},
    simulation::matching::{charge, trade},
};
use rust_decimal::Decimal;

/// Trades that one order makes at once, at most.
const MOST_PARTS: usize = 7;
/// What an order pays that takes, and one that has rested: parts of the value.
pub const TAKER: Decimal = Decimal::from_parts(5, 0, 0, false, 4);
pub const MAKER: Decimal = Decimal::from_parts(2, 0, 0, false, 4);
/// How far from the mark price a market order trades: what `marketTakeBound` says.
const TAKE_BOUND: Decimal = Decimal::from_parts(5, 0, 0, false, 2);

/// Why an order ended, as `er` says it.
pub const NO_REASON: u8 = 0;
pub const IOC_REST: u8 = 2;
pub const KNOCKED_OUT: u8 = 4;
pub const LIQUIDATED: u8 = 5;
pub const DELISTED: u8 = 7;
pub const MARKET_REST: u8 = 9;

/// What an order would trade now: price and quantity, a level each.
pub fn plan(view: View<'_>, order: &Order, most: Decimal) -> Vec<(Decimal, Decimal)> {
    let tape = &view.tapes[order.place];
    let Some(book) = tape.book() else { return Vec::new() };
    let (side, buys) = match order.side {
        OrderSide::Buy => (BookSide::Ask, true),
        OrderSide::Sell => (BookSide::Bid, false),
    };
    let around = mark(view, order.place);
    let bound = match order.kind {
        Kind::Limit => order.price,
        Kind::Market if buys => around + around * TAKE_BOUND,
        Kind::Market => around - around * TAKE_BOUND,
    };
    let (mut left, mut parts) = (most, Vec::<(Decimal, Decimal)>::new());
    for (ticks, steps) in book.levels(side) {
        let price = tape.rules.tick * Decimal::from(ticks);
        let beyond = if buys { price > bound } else { price < bound };
        if left.is_zero() || beyond {
            break;
        }
        let qty = left.min(tape.rules.step * Decimal::from(steps));
        left -= qty;
        let full = parts.len() == MOST_PARTS;
        match parts.last_mut().filter(|_| full) {
            Some(last) => *last = (price, last.1 + qty),
            None => parts.push((price, qty)),
        }
    }
    parts
}

impl Account {
    /// The place of an open order among the open ones.
    fn at(&self, id: u64) -> Option<usize> {
        self.orders.iter().position(|order| order.id == id)
    }

    /// An order has come: tells of it.
    pub fn open(&mut self, view: View<'_>, log: &mut Log, order: Order) {
        let event = events::order(view.now, &view.tapes[order.place], &order, Step::plain("NEW", NO_REASON));
        log.said.push((self.index, event));
        self.note_order(view, log, &order);
        self.orders.push(order);
    }

    /// How much of an open order may trade now.
    fn may_trade(&self, view: View<'_>, order: &Order) -> Decimal {
        let left = order.left();
        let left = if order.reduce_only { left.min(self.reducible(order.place, order.side)) } else { left };
        match order.parts {
            Some(parts) if parts > 1 => {
                let rules = &view.tapes[order.place].rules;
                rules.round_qty(left / Decimal::from(parts)).max(rules.step).min(left)
            }
            _ => left,
        }
    }

    /// Lets an open order take from the book; what may not rest, expires.
    pub fn take(&mut self, view: View<'_>, log: &mut Log, id: u64) {
        let Some(order) = self.at(id).map(|at| &self.orders[at]) else { return };
        let (most, slowly) = (self.may_trade(view, order), order.parts.is_some_and(|parts| parts > 1));
        for (price, qty) in plan(view, order, most) {
            self.trade(view, log, id, (price, qty), false);
        }
        let Some(at) = self.at(id) else { return };
        let order = &mut self.orders[at];
        order.parts = order.parts.filter(|_| slowly).map(|parts| parts - 1);
        if slowly {
            return;
        }
        match (order.kind, order.until) {
            (Kind::Market, _) => self.end(view, log, id, Status::Expired, MARKET_REST),
            (Kind::Limit, Until::Ioc | Until::Fok) => self.end(view, log, id, Status::Expired, IOC_REST),
            (Kind::Limit, _) => {}
        }
    }

    /// A trade of an open order.
    pub fn trade(&mut self, view: View<'_>, log: &mut Log, id: u64, deal: (Decimal, Decimal), maker: bool) {
        let Some(at) = self.at(id) else { return };
        let (price, qty) = deal;
        let fee = charge(notional(price, qty), if maker { MAKER } else { TAKER });
        self.fill(view, log, at, Deal { price, qty, fee, maker, what: "TRADE" });
    }

    /// Books a trade of the open order at that place, and tells of it.
    pub fn fill(&mut self, view: View<'_>, log: &mut Log, at: usize, deal: Deal) {
        let Deal { price, qty, fee, maker, what } = deal;
        log.last_trade += 1;
        let (id, order) = (log.last_trade, &mut self.orders[at]);
        let (place, side, number) = (order.place, order.side, order.id);
        order.filled += qty;
        order.quote += notional(price, qty);
        order.updated = view.now;
        order.status = if order.left().is_zero() { Status::Filled } else { Status::PartiallyFilled };
        let realised = self.book(view.now, place, side, price, qty);
        let row = |kind, amount| Income { id: 0, place: Some(place), kind, amount, at: view.now, trade: Some(id) };
        self.earn(log, row("COMMISSION", -fee));
        if !realised.is_zero() {
            self.earn(log, row("REALIZED_PNL", realised));
        }
        let at_time = view.now;
        remember(
            &mut self.trades,
            Trade { id, order: number, place, side, qty, price, fee, realised, maker, at: at_time },
        );
        let order = self.orders[at].clone();
        let step = Step { what, reason: NO_REASON, qty, price, fee, realised, trade: id, maker };
        self.put_down(view, log, &order, step);
        let tape = &view.tapes[place];
        log.said.push((self.index, events::trade_lite(view.now, tape, &order, step)));
        log.said.push((self.index, events::account(view, self, "ORDER", Decimal::ZERO, &[place])));
        log.said.push((self.index, events::order(view.now, tape, &order, step)));
        if order.status == Status::Filled {
            self.note_order(view, log, &order);
            self.orders.remove(at);
            self.follow(view, log, &order);
            remember(&mut self.ended, order);
        }
        self.knock_out(view, log, place);
    }

    fn put_down(&self, view: View<'_>, log: &mut Log, order: &Order, step: Step) {
        let (index, name) = (self.index, &view.tapes[order.place].name);
        let fill = What::Fill {
            order: order.id,
            client_id: order.client_id.clone(),
            trade: step.trade,
            side: side_name(order.side),
            qty: step.qty,
            price: step.price,
            fee: step.fee,
            realised: step.realised,
            maker: step.maker,
            reduce_only: order.reduce_only,
        };
        log.record.add(view.now, index, name, fill);
        let (qty, entry) = (self.held(order.place), self.entry(order.place));
        log.record.add(view.now, index, name, What::Position { qty, entry });
        log.record.add(view.now, index, "", What::Balance { wallet: self.wallet });
    }

    /// Changes the position and what it has put up; returns the result.
    fn book(&mut self, now: Timestamp, place: usize, side: OrderSide, price: Decimal, qty: Decimal) -> Decimal {
        let before = self.markets[place].position;
        let closes = before.map_or(Decimal::ZERO, |held| held.reducible(side, qty));
        let added = self.initial_margin(place, price, qty - closes);
        let market = &mut self.markets[place];
        let realised = trade(&mut market.position, side, price, qty, now);
        let freed = before.map_or(Decimal::ZERO, |held| share(market.margin, closes, held.qty));
        market.margin = if market.isolated { market.margin - freed + added } else { Decimal::ZERO };
        market.updated = now;
        realised
    }

    /// Ends an open order without another trade.
    pub fn end(&mut self, view: View<'_>, log: &mut Log, id: u64, status: Status, reason: u8) {
        let Some(at) = self.at(id) else { return };
        let mut order = self.orders.remove(at);
        (order.status, order.updated) = (status, view.now);
        let step = Step::plain(status.name(), reason);
        log.said.push((self.index, events::order(view.now, &view.tapes[order.place], &order, step)));
        self.note_order(view, log, &order);
        self.follow(view, log, &order);
        remember(&mut self.ended, order);
    }

    /// Reduce-only orders that have nothing to reduce any more expire, and so do algo orders that close a position that is gone.
    pub fn knock_out(&mut self, view: View<'_>, log: &mut Log, place: usize) {
        let vain =
            |order: &&Order| order.place == place && order.reduce_only && self.reducible(place, order.side).is_zero();
        let ids: Vec<u64> = self.orders.iter().filter(vain).map(|order| order.id).collect();
        ids.into_iter().for_each(|id| self.end(view, log, id, Status::Expired, KNOCKED_OUT));
        self.expire_closing(view, log, place);
    }

    /// Orders that rest meet a change of the price.
    pub fn meet(&mut self, view: View<'_>, log: &mut Log, place: usize, price: f64, traded: Decimal, sold: bool) {
        let mut traded = traded;
        let ids: Vec<u64> = self.orders.iter().filter(|order| order.place == place).map(|order| order.id).collect();
        for id in ids {
            let Some(order) = self.at(id).map(|at| &self.orders[at]) else { continue };
            if order.kind != Kind::Limit || order.parts.is_some() {
                continue;
            }
            let (own, buys) = (float(order.price), order.side == OrderSide::Buy);
            let through = if buys { price < own } else { price > own };
            let most = if through {
                order.left()
            } else if price == own && sold == buys {
                order.left().min(traded)
            } else {
                continue;
            };
            let reducible = self.reducible(place, order.side);
            let qty = if order.reduce_only { most.min(reducible) } else { most };
            if qty > Decimal::ZERO {
                traded -= qty.min(traded);
                let deal = (order.price, qty);
                self.trade(view, log, id, deal, true);
            }
        }
    }

    /// Closes a position, or a part of it, by force, at a price no worse than `worst`, with a fee of at most `most_fee`.
    pub fn force(&mut self, view: View<'_>, log: &mut Log, place: usize, qty: Decimal, by: By) {
        let Some(held) = self.markets[place].position else { return };
        let (qty, side, tape) = (qty.min(held.qty), held.side.exit(), &view.tapes[place]);
        let margin = self.margin_behind(view, place);
        // beyond this price the loss would not be the account's
        let bankrupt = match held.side {
            crate::market::Side::Long => (held.cost - margin) / held.qty,
            crate::market::Side::Short => (held.cost + margin) / held.qty,
        };
        let market = mark(view, place);
        let price = match held.side {
            crate::market::Side::Long => tape.rules.round_fill(OrderSide::Buy, market.max(bankrupt)),
            crate::market::Side::Short => tape.rules.round_fill(OrderSide::Sell, market.min(bankrupt)),
        };
        let left = share(margin, qty, held.qty) + held.gain(held.cost_of(qty), notional(price, qty));
        let (name, rate) = match by {
            By::Deleveraging => ("adl_autoclose", TAKER),
            By::Delisting => ("settlement_autoclose-", TAKER),
            _ => ("autoclose-", Decimal::new(125, 4)),
        };
        let fee = charge(notional(price, qty), rate).min(left.max(Decimal::ZERO));
        log.last_order += 1;
        let client_id = if by == By::Deleveraging { name.to_owned() } else { format!("{name}{}", log.last_order) };
        let order = Order {
            id: log.last_order,
            client_id,
            place,
            side,
            kind: Kind::Limit,
            until: Until::Ioc,
            qty,
            price,
            fired: None,
            filled: Decimal::ZERO,
            quote: Decimal::ZERO,
            reduce_only: true,
            close_position: false,
            status: Status::New,
            created: view.now,
            updated: view.now,
            by,
            parts: None,
        };
        self.orders.push(order);
        let at = self.orders.len() - 1;
        self.fill(view, log, at, Deal { price, qty, fee, maker: false, what: "CALCULATED" });
    }
}

/// A trade that is to be booked.
#[derive(Debug, Clone, Copy)]
pub struct Deal {
    pub price: Decimal,
    pub qty: Decimal,
    pub fee: Decimal,
    pub maker: bool,
    /// What the stream calls it.
    pub what: &'static str,
}
