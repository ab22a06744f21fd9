//! A small exchange that outlives the bot: its own book by client id, one position, trades with numbers.

use rust_decimal::Decimal;
use smolbear::market::{
    Class, ClientId, Ended, Fill, OrderKind, OrderRequest, OrderSide, OrderUpdate, Timestamp, notional, share,
};

/// A look-up shows an order only so long after it came: it asks a copy that lags.
const SHOWN_AFTER_MS: i64 = 800;
/// Between the two parts of an entry.
const REST_OF_ENTRY_MS: i64 = 4_000;
/// Between the two parts of a stop, where it has two.
const REST_OF_STOP_MS: i64 = 500;

/// How an order ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Filled,
    Otherwise(Ended),
}

/// An order as the venue has it.
#[derive(Debug, Clone)]
pub struct Theirs {
    pub request: OrderRequest,
    pub filled: Decimal,
    pub came: Timestamp,
    pub end: Option<End>,
    /// A stop or target whose price was reached.
    triggered: bool,
}

impl Theirs {
    pub fn left(&self) -> Decimal {
        self.request.qty - self.filled
    }
}

/// What a look-up says about a name.
#[derive(Debug, Clone)]
pub struct Look {
    /// `None`: no such order. Else whether and how it ended.
    pub there: Option<Option<End>>,
    pub fills: Vec<Fill>,
}

/// What the venue holds for us.
#[derive(Debug, Clone)]
pub struct View {
    pub open: Vec<OrderRequest>,
    pub trades: Vec<Fill>,
    pub position: Decimal,
    /// Results less fees, in USDT.
    pub earned: Decimal,
}

#[derive(Default)]
pub struct Venue {
    pub orders: Vec<Theirs>,
    pub trades: Vec<Fill>,
    /// Above 0 is long.
    pub position: Decimal,
    /// Of the position, in USDT.
    cost: Decimal,
    /// Results less fees, in USDT.
    pub earned: Decimal,
    /// What its stream tells of.
    pub told: Vec<OrderUpdate>,
    /// Orders, by place, that will fill further after so many milliseconds.
    pub rests: Vec<(usize, i64)>,
    price: Decimal,
    /// Whether a name may never come twice; else not twice among open orders.
    remembers: bool,
    /// Whether a stop fills in two parts.
    parts: bool,
}

const fn sign(side: OrderSide) -> Decimal {
    match side {
        OrderSide::Buy => Decimal::ONE,
        OrderSide::Sell => Decimal::NEGATIVE_ONE,
    }
}

impl Venue {
    pub fn new(remembers: bool, parts: bool) -> Self {
        Self { remembers, parts, ..Self::default() }
    }

    /// A new order: taken, or refused for good.
    pub fn place(&mut self, now: Timestamp, request: OrderRequest) -> OrderUpdate {
        let OrderRequest { id, side, reduce_only, .. } = request;
        let refused = |code, class| OrderUpdate::Refused { id, code, class };
        let taken = |order: &Theirs| order.request.id == id && (self.remembers || order.end.is_none());
        if self.orders.iter().any(taken) {
            return refused(-4116, Class::Duplicate);
        }
        if self.reached(&request) {
            return refused(-2021, Class::WouldTrigger);
        }
        let market = request.kind == OrderKind::Market;
        if market && reduce_only && self.reducible(side).is_zero() {
            return refused(-2022, Class::ReduceOnly);
        }
        self.orders.push(Theirs { request, filled: Decimal::ZERO, came: now, end: None, triggered: false });
        let place = self.orders.len() - 1;
        match (market, reduce_only) {
            (false, _) => {}
            (true, true) => self.fill_at_once(now, place),
            (true, false) => {
                self.trade(now, place, request.qty * Decimal::new(4, 1));
                self.rests.push((place, REST_OF_ENTRY_MS));
            }
        }
        OrderUpdate::Accepted { id }
    }

    /// Ends an open order; whether there was one.
    pub fn cancel(&mut self, id: ClientId) -> bool {
        let open = self.orders.iter_mut().find(|order| order.request.id == id && order.end.is_none());
        open.map(|order| order.end = Some(End::Otherwise(Ended::Cancelled))).is_some()
    }

    pub fn look_up(&self, now: Timestamp, id: ClientId) -> Look {
        let shown = |order: &&Theirs| order.request.id == id && now.since_ms(order.came) >= SHOWN_AFTER_MS;
        let there = self.orders.iter().rev().find(shown).map(|order| order.end);
        let fills = self.trades.iter().filter(|fill| there.is_some() && fill.id == id).copied();
        Look { there, fills: fills.collect() }
    }

    pub fn view(&self) -> View {
        let open = self.open().map(|order| order.request).collect();
        View { open, trades: self.trades.clone(), position: self.position, earned: self.earned }
    }

    pub fn open(&self) -> impl Iterator<Item = &Theirs> {
        self.orders.iter().filter(|order| order.end.is_none())
    }

    /// The price is here now: stops and targets that it has reached fill.
    pub fn price(&mut self, now: Timestamp, price: Decimal) {
        self.price = price;
        for place in 0..self.orders.len() {
            let order = &self.orders[place];
            if order.end.is_some() || order.triggered || !self.reached(&order.request) {
                continue;
            }
            self.orders[place].triggered = true;
            let most = self.orders[place].left().min(self.reducible(self.orders[place].request.side));
            if self.parts && most > Decimal::new(1, 3) {
                self.trade(now, place, most * Decimal::new(6, 1));
                self.rests.push((place, REST_OF_STOP_MS));
            } else {
                self.fill_at_once(now, place);
            }
        }
    }

    /// The rest of an order that filled in part.
    pub fn fill_rest(&mut self, now: Timestamp, place: usize) {
        if self.orders[place].end.is_none() {
            self.fill_at_once(now, place);
        }
    }

    /// All that may fill does; what is left of the order has expired.
    fn fill_at_once(&mut self, now: Timestamp, place: usize) {
        let Theirs { request: OrderRequest { id, side, reduce_only, .. }, .. } = self.orders[place];
        let left = self.orders[place].left();
        self.trade(now, place, if reduce_only { left.min(self.reducible(side)) } else { left });
        if self.orders[place].end.is_none() {
            self.orders[place].end = Some(End::Otherwise(Ended::Expired));
            self.told.push(OrderUpdate::Ended { id, how: Ended::Expired });
        }
    }

    /// Whether a stop's or target's price is reached.
    fn reached(&self, request: &OrderRequest) -> bool {
        let sells = request.side == OrderSide::Sell;
        match request.kind {
            OrderKind::Market | OrderKind::Limit { .. } => false,
            OrderKind::StopMarket { trigger } if sells => self.price <= trigger,
            OrderKind::TakeProfitMarket { trigger } if !sells => self.price <= trigger,
            OrderKind::StopMarket { trigger } | OrderKind::TakeProfitMarket { trigger } => self.price >= trigger,
        }
    }

    /// How much an order of this side can take off the position.
    fn reducible(&self, side: OrderSide) -> Decimal {
        (-sign(side) * self.position).max(Decimal::ZERO)
    }

    fn trade(&mut self, now: Timestamp, place: usize, qty: Decimal) {
        let qty = qty.round_dp(3);
        if qty.is_zero() {
            return;
        }
        let OrderRequest { id, symbol, side, .. } = self.orders[place].request;
        let value = notional(self.price, qty);
        let fee = (value * Decimal::new(5, 4)).round_dp(8);
        self.earned -= fee;
        if self.reducible(side).is_zero() {
            self.cost += value;
        } else {
            let part = share(self.cost, qty, self.position.abs());
            self.cost -= part;
            self.earned += -sign(side) * (value - part);
        }
        self.position += sign(side) * qty;
        let order = &mut self.orders[place];
        order.filled += qty;
        if order.left().is_zero() {
            order.end = Some(End::Filled);
        }
        let trade_id = self.trades.len() as u64 + 1;
        let fill = Fill { id, trade_id, symbol, side, qty, price: self.price, fee, at: now };
        self.trades.push(fill);
        self.told.push(OrderUpdate::Filled(fill));
    }
}
