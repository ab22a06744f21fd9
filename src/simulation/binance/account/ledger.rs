//! An account: its money, positions, orders and what is remembered of them.

use super::{
    super::tape::Tape,
    Opening,
    algo::Algo,
    order::{By, Order, side_name},
    record::{Record, What},
};
use crate::{
    market::{MINUTE_MS, OrderSide, Tiers, Timestamp, decimal},
    simulation::matching::{Position, Totals},
};
use ring::hmac;
use rust_decimal::Decimal;
use serde_json::Value;
use std::collections::VecDeque;

/// Ended orders, ended algo orders, trades and rows of income that an account remembers, each.
pub const MOST_REMEMBERED: usize = 20_000;
/// Orders in ten seconds and in a minute.
pub const ORDERS_10S: u32 = 300;
pub const ORDERS_1M: u32 = 1_200;
const TEN_SECONDS_MS: i64 = 10_000;
/// The leverage of a symbol before it is set.
const USUAL_LEVERAGE: u32 = 20;

/// The exchange at one moment.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub now: Timestamp,
    pub tapes: &'a [Tape],
}

/// What all accounts write to: the record, what their streams are to say, and the numbers of what comes next.
#[derive(Debug)]
pub struct Log {
    pub record: Record,
    /// By account, in order.
    pub said: Vec<(usize, Value)>,
    pub last_order: u64,
    pub last_algo: u64,
    pub last_trade: u64,
}

/// A trade as the account remembers it.
#[derive(Debug, Clone)]
pub struct Trade {
    pub id: u64,
    pub order: u64,
    pub place: usize,
    pub side: OrderSide,
    pub qty: Decimal,
    pub price: Decimal,
    pub fee: Decimal,
    pub realised: Decimal,
    pub maker: bool,
    pub at: Timestamp,
}

/// A row of income.
#[derive(Debug, Clone)]
pub struct Income {
    pub id: u64,
    pub place: Option<usize>,
    pub kind: &'static str,
    pub amount: Decimal,
    pub at: Timestamp,
    /// The trade that it is of.
    pub trade: Option<u64>,
}

/// How an account stands in a market.
#[derive(Debug)]
pub struct Standing {
    pub leverage: u32,
    pub isolated: bool,
    pub position: Option<Position>,
    /// What an isolated position has put up, and all that it can lose. Part of the wallet.
    pub margin: Decimal,
    pub updated: Timestamp,
    /// The account was warned of a liquidation.
    pub warned: bool,
    pub tiers: Tiers,
}

/// An account.
#[derive(Debug)]
pub struct Account {
    /// Its place among the accounts.
    pub index: usize,
    pub key: String,
    pub secret: hmac::Key,
    /// In USDT, with what isolated positions have put up. wallet = paid in + realised − fees − funding, to the last digit.
    pub wallet: Decimal,
    pub paid_in: Decimal,
    pub totals: Totals,
    /// Its key opens nothing.
    pub revoked: bool,
    pub hedge: bool,
    pub multi_assets: bool,
    pub markets: Vec<Standing>,
    /// Open ones, oldest first.
    pub orders: Vec<Order>,
    pub ended: VecDeque<Order>,
    pub algos: Vec<Algo>,
    pub algos_ended: VecDeque<Algo>,
    pub trades: VecDeque<Trade>,
    pub income: VecDeque<Income>,
    sent: [(i64, u32); 2],
}

/// The mark price of a market; its last price where there is none.
pub fn mark(view: View<'_>, place: usize) -> Decimal {
    let tape = view.tapes.get(place);
    let price = tape.and_then(|tape| tape.marks(view.now).map(|(mark, _)| mark).or(tape.last()));
    price.and_then(decimal).unwrap_or_default()
}

/// The last price of a market.
pub fn last(view: View<'_>, place: usize) -> Option<f64> {
    view.tapes.get(place).and_then(Tape::last)
}

/// Adds to a list that forgets its oldest.
pub fn remember<T>(list: &mut VecDeque<T>, row: T) {
    if list.len() == MOST_REMEMBERED {
        list.pop_front();
    }
    list.push_back(row);
}

impl Log {
    pub fn new() -> Self {
        // as large as the real ones, which no float holds
        let first = 8_389_765_000_000_000_000;
        Self {
            record: Record::default(),
            said: Vec::new(),
            last_order: first,
            last_algo: 1_000_000_000_000_000,
            last_trade: 7_000_000_000,
        }
    }
}

impl Account {
    pub fn new(index: usize, opening: Opening, tapes: &[Tape]) -> Self {
        let market = |tape: &Tape| Standing {
            leverage: USUAL_LEVERAGE,
            isolated: false,
            position: None,
            margin: Decimal::ZERO,
            updated: Timestamp(0),
            warned: false,
            tiers: Tiers::known(&tape.rules.symbol),
        };
        Self {
            index,
            key: opening.key,
            secret: hmac::Key::new(hmac::HMAC_SHA256, opening.secret.as_bytes()),
            wallet: opening.balance,
            paid_in: opening.balance,
            totals: Totals::default(),
            revoked: false,
            hedge: false,
            multi_assets: false,
            markets: tapes.iter().map(market).collect(),
            orders: Vec::new(),
            ended: VecDeque::new(),
            algos: Vec::new(),
            algos_ended: VecDeque::new(),
            trades: VecDeque::new(),
            income: VecDeque::new(),
            sent: [(0, 0); 2],
        }
    }

    /// Counts orders; false where they are too many.
    pub fn count_orders(&mut self, now: Timestamp, orders: u32) -> bool {
        for (window, (at, count)) in [TEN_SECONDS_MS, MINUTE_MS].into_iter().zip(&mut self.sent) {
            if *at != now.0.div_euclid(window) {
                (*at, *count) = (now.0.div_euclid(window), 0);
            }
            *count = count.saturating_add(orders);
        }
        self.sent[0].1 <= ORDERS_10S && self.sent[1].1 <= ORDERS_1M
    }

    /// Orders in these ten seconds and in this minute.
    pub fn orders_sent(&self, now: Timestamp) -> [u32; 2] {
        let held = |at: usize, window: i64| {
            if self.sent[at].0 == now.0.div_euclid(window) { self.sent[at].1 } else { 0 }
        };
        [held(0, TEN_SECONDS_MS), held(1, MINUTE_MS)]
    }

    /// What is held: negative for a short.
    pub fn held(&self, place: usize) -> Decimal {
        self.markets[place].position.map_or(Decimal::ZERO, |held| held.side.signed(held.qty))
    }

    /// How much of what is held an order of that side could close.
    pub fn reducible(&self, place: usize, side: OrderSide) -> Decimal {
        self.markets[place].position.filter(|held| held.side.exit() == side).map_or(Decimal::ZERO, |held| held.qty)
    }

    /// The mean price of what is held, 0 for nothing.
    pub fn entry(&self, place: usize) -> Decimal {
        self.markets[place].position.map_or(Decimal::ZERO, |held| held.entry_price())
    }

    /// Pays a result, a fee or funding, and puts the row of income down.
    pub fn earn(&mut self, log: &mut Log, row: Income) {
        self.wallet += row.amount;
        match row.kind {
            "REALIZED_PNL" => self.totals.realised += row.amount,
            "COMMISSION" | "INSURANCE_CLEAR" => self.totals.fees -= row.amount,
            "FUNDING_FEE" => self.totals.funding -= row.amount,
            _ => self.paid_in += row.amount,
        }
        log.last_trade += 1;
        remember(&mut self.income, Income { id: log.last_trade, ..row });
    }

    /// Puts down what an order is now.
    pub fn note_order(&self, view: View<'_>, log: &mut Log, order: &Order) {
        let by = match order.by {
            By::Key => "key",
            By::Hand => "hand",
            By::Algo(_) => "algo",
            By::Liquidation => "liquidation",
            By::Deleveraging => "adl",
            By::Delisting => "delisting",
        };
        let what = What::Order {
            id: order.id,
            client_id: order.client_id.clone(),
            algo: false,
            side: side_name(order.side),
            kind: order.kind.name(),
            qty: order.qty,
            price: order.price,
            reduce_only: order.reduce_only,
            close_position: order.close_position,
            status: order.status.name(),
            filled: order.filled,
            by,
        };
        log.record.add(view.now, self.index, &view.tapes[order.place].name, what);
    }

    /// Puts down what an algo order is now, and tells the account.
    pub fn tell_algo(&self, view: View<'_>, log: &mut Log, algo: &Algo) {
        let tape = &view.tapes[algo.place];
        let what = What::Order {
            id: algo.id,
            client_id: algo.client_id.clone(),
            algo: true,
            side: side_name(algo.side),
            kind: algo.kind.name(),
            qty: algo.qty,
            price: algo.trigger,
            reduce_only: algo.reduce_only,
            close_position: algo.close_position,
            status: algo.status.name(),
            filled: algo.filled,
            by: if algo.by_hand { "hand" } else { "key" },
        };
        log.record.add(view.now, self.index, &tape.name, what);
        log.said.push((self.index, algo.event(view.now, tape)));
    }

    /// # Panics
    ///
    /// Where money was made or lost in the books, or a list outgrew its limit.
    pub fn check(&self) {
        let Totals { realised, fees, funding, .. } = self.totals;
        assert_eq!(self.wallet, self.paid_in + realised - fees - funding, "money was made or lost in the books");
        assert!(
            self.orders.iter().all(Order::is_open) && self.algos.iter().all(Algo::is_open),
            "an ended order is open"
        );
        let longest = [self.ended.len(), self.algos_ended.len(), self.trades.len(), self.income.len()];
        assert!(longest.iter().all(|length| *length <= MOST_REMEMBERED), "an account outgrew its limits");
        for market in &self.markets {
            assert!(market.position.is_none_or(|held| held.qty > Decimal::ZERO), "a position of nothing is held");
            assert!(market.position.is_some() || market.margin.is_zero(), "nothing is held, but has margin");
        }
    }
}
