//! The exchange: what it executes is the truth. Its clock is the world's.

use super::*;

/// An order as the exchange has it.
#[derive(Debug, Clone)]
pub struct Theirs {
    pub request: OrderRequest,
    /// As it was given; a hand's is no name of ours.
    pub name: String,
    pub number: u64,
    pub spawned: Option<u64>,
    pub filled: Decimal,
    pub status: Status,
    pub born: i64,
    /// Of a stop that fired: when its order trades.
    pub fires_at: Option<i64>,
}

impl Theirs {
    pub fn id(&self) -> Option<ClientId> {
        ClientId::new(&self.name)
    }

    /// A stop whose order has ended says no more than whether it traded.
    pub fn view(&self) -> OrderView {
        let status = match self.status {
            status if !status.is_over() || self.spawned.is_none() => status,
            _ if self.filled.is_zero() => Status::Cancelled,
            _ => Status::Filled,
        };
        OrderView {
            id: self.id(),
            name: self.name.clone(),
            number: self.number,
            spawned: self.spawned,
            conditional: self.request.kind.is_conditional(),
            symbol: self.request.symbol,
            side: self.request.side,
            kind: Some(self.request.kind),
            qty: self.request.qty,
            filled: self.filled,
            reduce_only: self.request.reduce_only,
            status,
        }
    }
}

/// A trade, and whose it is.
#[derive(Debug, Clone)]
pub struct Done {
    pub trade: AccountTrade,
    pub owner: Option<ClientId>,
    pub forced: bool,
}

#[derive(Debug)]
pub struct House {
    pub orders: Vec<Theirs>,
    pub trades: Vec<Done>,
    pub position: Vec<Decimal>,
    pub balance: Decimal,
    pub modes: Modes,
    pub symbols: Vec<SymbolModes>,
    /// What the stream has to bring.
    pub reports: Vec<Report>,
    pub key: u64,
    pub now: i64,
    /// Whether a stop's order bears the stop's name.
    pub names_spawned: bool,
    /// A stop that fires stays so for this long before its order is there.
    pub triggering_ms: i64,
    /// Answers about orders and trades are as of so long ago.
    pub replica_ms: i64,
    /// Trades by force that the stream has brought: a request does not say that they are.
    pub brought: BTreeSet<u64>,
    /// Whether the stream says that an order was taken.
    pub says_new: bool,
    /// In how many trades an order is filled.
    pub parts: i64,
    /// A market that is there no more.
    pub delisted: Option<SymbolId>,
    /// A symbol whose margin and leverage it refuses to change, since something there is in use.
    pub keeps_modes: Option<SymbolId>,
    number: u64,
    trade: u64,
}

pub const fn sign(side: OrderSide) -> Decimal {
    match side {
        OrderSide::Buy => Decimal::ONE,
        OrderSide::Sell => Decimal::NEGATIVE_ONE,
    }
}

impl House {
    pub fn new(symbols: usize) -> Self {
        let modes = SymbolModes { isolated: false, leverage: 20, max_notional: None };
        Self {
            orders: Vec::new(),
            trades: Vec::new(),
            position: vec![Decimal::ZERO; symbols],
            balance: Decimal::from(1000),
            modes: Modes { hedge: false, multi_assets: false, can_trade: true },
            symbols: vec![modes; symbols],
            reports: Vec::new(),
            key: 1,
            now: 0,
            names_spawned: true,
            triggering_ms: 20,
            replica_ms: 0,
            brought: BTreeSet::new(),
            says_new: true,
            parts: 1,
            delisted: None,
            keeps_modes: None,
            number: 1000,
            trade: 5000,
        }
    }

    fn next_number(&mut self) -> u64 {
        self.number += 7;
        self.number
    }

    pub fn find(&self, id: ClientId) -> Option<usize> {
        self.orders.iter().rposition(|order| order.name == id.as_str())
    }

    pub fn order(&self, id: ClientId) -> Option<&Theirs> {
        self.find(id).map(|at| &self.orders[at])
    }

    /// # Errors
    ///
    /// Why it is refused.
    pub fn place(&mut self, request: OrderRequest, name: &str) -> Result<OrderView, Failure> {
        let open = |order: &Theirs| order.name == name && !order.status.is_over();
        if self.orders.iter().any(open) {
            return Err(failure(FailureClass::Refused, -4116));
        }
        let conditional = request.kind.is_conditional();
        let reduces = -sign(request.side) * self.position[request.symbol.index()];
        if request.reduce_only && !conditional && reduces <= Decimal::ZERO {
            return Err(failure(FailureClass::Refused, -2022));
        }
        let number = self.next_number();
        let (name, born) = (name.to_owned(), self.now);
        let (spawned, filled, status, fires_at) = (None, Decimal::ZERO, Status::Open, None);
        self.orders.push(Theirs { request, name, number, spawned, filled, status, born, fires_at });
        let at = self.orders.len() - 1;
        if self.says_new {
            self.report(at, None);
        }
        if request.kind == OrderKind::Market {
            self.fill_in_parts(at, request.qty);
        }
        Ok(self.orders[at].view())
    }

    /// A market order trades all that it can, and what it cannot trade expires.
    fn fill_in_parts(&mut self, at: usize, qty: Decimal) {
        let part = (qty / Decimal::from(self.parts)).max(Decimal::ONE).floor();
        for nth in 1..=self.parts {
            let order = &self.orders[at];
            let left = order.request.qty - order.filled;
            let most = if order.request.reduce_only {
                left.min((-sign(order.request.side) * self.position[order.request.symbol.index()]).max(Decimal::ZERO))
            } else {
                left
            };
            let qty = if nth == self.parts { most } else { part.min(most) };
            if qty > Decimal::ZERO {
                self.fill(at, qty);
            }
        }
        if !self.orders[at].status.is_over() {
            self.orders[at].status = Status::Expired;
            self.report(at, None);
        }
    }

    /// An order trades.
    pub fn fill(&mut self, at: usize, qty: Decimal) {
        let order = &mut self.orders[at];
        order.filled += qty;
        if order.filled == order.request.qty {
            order.status = Status::Filled;
        }
        let (request, owner) = (order.request, order.id());
        let number = if request.kind.is_conditional() { order.spawned.unwrap() } else { order.number };
        let trade = self.trade(request.symbol, request.side, qty, number);
        self.trades.push(Done { trade, owner, forced: false });
        self.report(at, Some(trade));
    }

    fn trade(&mut self, symbol: SymbolId, side: OrderSide, qty: Decimal, order: u64) -> AccountTrade {
        self.trade += 3;
        self.position[symbol.index()] += sign(side) * qty;
        let fee = Decimal::new(1, 2);
        self.balance -= fee;
        let (price, at) = (Decimal::from(100), Timestamp(self.now));
        AccountTrade { order, trade_id: self.trade, symbol, side, qty, price, fee: Fee::Usdt(fee), at }
    }

    /// Somebody trades by hand.
    pub fn by_hand(&mut self, symbol: SymbolId, side: OrderSide, qty: Decimal) {
        let number = self.next_number();
        let trade = self.trade(symbol, side, qty, number);
        self.trades.push(Done { trade, owner: None, forced: false });
        let view = OrderView {
            id: None,
            name: "web_1".to_owned(),
            number,
            spawned: None,
            conditional: false,
            symbol,
            side,
            kind: Some(OrderKind::Market),
            qty,
            filled: qty,
            reduce_only: false,
            status: Status::Filled,
        };
        self.reports.push(Report::Order(view, Some(trade)));
    }

    /// The exchange closes what is held.
    pub fn force(&mut self, symbol: SymbolId) {
        let held = self.position[symbol.index()];
        if held.is_zero() {
            return;
        }
        let side = if held > Decimal::ZERO { OrderSide::Sell } else { OrderSide::Buy };
        let number = self.next_number();
        let trade = self.trade(symbol, side, held.abs(), number);
        self.trades.push(Done { trade, owner: None, forced: true });
        self.reports.push(Report::Forced(Force::Liquidation, trade));
    }

    pub fn pay(&mut self, symbol: SymbolId, amount: Decimal) {
        self.balance -= amount;
        let at = Timestamp(self.now);
        self.reports.push(Report::Funding { symbol: Some(symbol), amount, at });
        let (balance, positions, closed) = (Some(self.balance), Vec::new(), Vec::new());
        self.reports.push(Report::Account { reason: "FUNDING_FEE".to_owned(), balance, positions, closed });
    }

    /// The price of a stop is reached.
    pub fn trigger(&mut self, id: ClientId) {
        let at = self.find(id).unwrap();
        if self.orders[at].status == Status::Open {
            self.orders[at].status = Status::Triggering;
            self.orders[at].fires_at = Some(self.now + self.triggering_ms);
            self.report(at, None);
        }
    }

    /// Stops whose time has come.
    pub fn fire(&mut self) {
        for at in 0..self.orders.len() {
            if self.orders[at].fires_at.is_none_or(|due| due > self.now) {
                continue;
            }
            let number = self.next_number();
            let order = &mut self.orders[at];
            (order.fires_at, order.spawned, order.status) = (None, Some(number), Status::Triggered);
            let qty = order.request.qty;
            // its order is there before it is said whose
            self.fill_in_parts(at, qty);
            self.reports.push(Report::Order(self.orders[at].view(), None));
        }
    }

    pub fn when_fires(&self) -> Option<i64> {
        self.orders.iter().filter_map(|order| order.fires_at).min()
    }

    /// # Errors
    ///
    /// Where it is not open.
    pub fn cancel(&mut self, which: &Which) -> Result<Reply, Failure> {
        let at = self.find(which.id).filter(|at| self.orders[*at].status == Status::Open);
        let Some(at) = at else { return Err(failure(FailureClass::Refused, -2011)) };
        self.orders[at].status = Status::Cancelled;
        self.report(at, None);
        Ok(if which.conditional { Reply::Done } else { Reply::Order(self.orders[at].view()) })
    }

    /// An order vanishes without us.
    pub fn expire(&mut self, id: ClientId) {
        let at = self.find(id).unwrap();
        if self.orders[at].status == Status::Open {
            self.orders[at].status = Status::Expired;
            self.report(at, None);
        }
    }

    /// A market is gone, with all that was there, and nobody says so.
    pub fn delist(&mut self, symbol: SymbolId) {
        self.delisted = Some(symbol);
        self.position[symbol.index()] = Decimal::ZERO;
        self.orders.retain(|order| order.request.symbol != symbol || order.status.is_over());
    }

    /// The stream's word of an order: of a stop that has fired it speaks as of an order with a number of its own.
    fn report(&mut self, at: usize, trade: Option<AccountTrade>) {
        let order = &self.orders[at];
        let mut view = order.view();
        if let Some(spawned) = order.spawned {
            let name = if self.names_spawned { order.name.clone() } else { format!("TRIG-{spawned}") };
            view = OrderView {
                id: ClientId::new(&name),
                name,
                number: spawned,
                spawned: None,
                conditional: false,
                ..view
            };
            view.kind = Some(OrderKind::Market);
            view.status = if order.status.is_over() { order.status } else { Status::Open };
        }
        self.reports.push(Report::Order(view, trade));
    }

    fn is_old(&self, born: i64) -> bool {
        born <= self.now - self.replica_ms
    }

    /// # Errors
    ///
    /// As the exchange refuses.
    pub fn answer(&mut self, wish: &Wish) -> Result<Reply, Failure> {
        if self.delisted.is_some_and(|gone| symbol_of(wish) == Some(gone)) {
            return Err(failure(FailureClass::NoSuchSymbol, -1121));
        }
        Ok(match wish {
            Wish::Place(request) => Reply::Order(self.place(*request, request.id.as_str())?),
            Wish::Cancel(which) => self.cancel(which)?,
            Wish::Look(which) => {
                let order = self.order(which.id).filter(|order| self.is_old(order.born));
                let order = order.filter(|order| order.request.kind.is_conditional() == which.conditional);
                Reply::Order(order.ok_or_else(|| failure(FailureClass::Refused, -2013))?.view())
            }
            Wish::Orders(symbol) => Reply::Orders(self.list(*symbol, false)),
            Wish::Conditionals(symbol) => Reply::Orders(self.list(*symbol, true)),
            Wish::Positions => Reply::Positions(self.positions(), 0),
            Wish::Balance => Reply::Balance(self.balance),
            Wish::Trades { symbol, from } => {
                let trades = self.trades.iter().map(|done| done.trade);
                let after = |trade: &AccountTrade| match from {
                    From::Trade(number) => trade.trade_id >= *number,
                    From::Time(at) => trade.at >= *at,
                };
                let seen = trades.filter(|trade| trade.symbol == *symbol && after(trade) && self.is_old(trade.at.0));
                Reply::Trades(seen.take(MOST_TRADES).collect())
            }
            Wish::Modes => Reply::Modes(self.modes),
            Wish::SymbolModes(symbol) => Reply::SymbolModes(self.symbols[symbol.index()]),
            Wish::SetOneWay => panic!("a position mode is never changed"),
            Wish::SetIsolated(symbol) if self.keeps_modes == Some(*symbol) => {
                return Err(failure(FailureClass::Refused, -4048));
            }
            Wish::SetLeverage(symbol, _) if self.keeps_modes == Some(*symbol) => {
                return Err(failure(FailureClass::Refused, -4161));
            }
            Wish::SetIsolated(symbol) => {
                self.symbols[symbol.index()].isolated = true;
                Reply::Done
            }
            Wish::SetLeverage(symbol, leverage) => {
                self.symbols[symbol.index()].leverage = *leverage;
                Reply::Done
            }
            Wish::OpenStream => Reply::Stream(format!("key{}", self.key)),
            Wish::ExtendStream => Reply::Done,
        })
    }

    fn list(&self, symbol: SymbolId, conditional: bool) -> Vec<OrderView> {
        let open = self.orders.iter().filter(|order| order.request.symbol == symbol && self.is_old(order.born));
        let open = open.filter(|order| order.request.kind.is_conditional() == conditional);
        open.filter(|order| !order.status.is_over()).map(Theirs::view).collect()
    }

    pub fn positions(&self) -> Vec<PositionView> {
        let held = self.position.iter().zip(0..).filter(|(held, _)| !held.is_zero());
        let view = |(held, symbol): (&Decimal, u16)| PositionView {
            symbol: SymbolId(symbol),
            side: if *held > Decimal::ZERO { Side::Long } else { Side::Short },
            qty: held.abs(),
            entry_price: Decimal::from(100),
        };
        held.map(view).collect()
    }
}

const fn symbol_of(wish: &Wish) -> Option<SymbolId> {
    match wish {
        Wish::Place(request) => Some(request.symbol),
        Wish::Cancel(which) | Wish::Look(which) => Some(which.symbol),
        Wish::Orders(symbol)
        | Wish::Conditionals(symbol)
        | Wish::Trades { symbol, .. }
        | Wish::SymbolModes(symbol)
        | Wish::SetIsolated(symbol)
        | Wish::SetLeverage(symbol, _) => Some(*symbol),
        Wish::Positions | Wish::Balance | Wish::Modes | Wish::SetOneWay | Wish::OpenStream | Wish::ExtendStream => None,
    }
}
