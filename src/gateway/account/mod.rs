//! The account's half of the session: orders, and the proof that what we know of the account is what the exchange has.
//!
//! ```text
//! engine ──Input::Order──▶ orders ──Output::Call──▶ lanes ──▶ exchange
//!    ▲                       ▲ │ no word: lookups                 │
//!    │                       │ ▼                                  │ answers, the account's stream
//!    └──────News────── checks: proven or in doubt ◀── trades ◀────┘
//! ```
//!
//! One file a concept: `orders` (an order's life), `sending` (lanes, and what answers mean), `lookups` (orders in doubt), `trades` (each once),
//! `stream` (the account's stream) and `reports` (what it says), `checks` (readings, comparison, proof, audit), `modes`, `wiring` (clock, budget and requests of
//! the session that it shares), `view`.

mod checks;
mod lookups;
mod modes;
mod orders;
mod reports;
mod sending;
mod stream;
#[cfg(test)]
mod tests;
mod trades;
mod view;
mod wiring;

pub use view::AccountView;

use super::{Account, Left, News, Output, SocketId, backoff::Jitter, clock::Clock, feeds::Feed, streams::Numbers};
use crate::{
    exchange::private::{MOST_TRADES, Report, Trading},
    market::{ClientId, OrderUpdate, Symbol, SymbolId, Timestamp},
};
use checks::{Checks, NEVER};
use modes::ModesCheck;
use orders::{MOST_LIVE, Order, Orders, Phase};
use sending::{MARGIN_MS, PROTECTION_PATIENCE_MS, Tally};
use stream::UserStream;
use trades::Trades;

/// Between a trade that the exchange has counted and its report by the stream, at most; then it is asked for.
const REPORT_MS: i64 = 250;
/// The buffer of a frame's reports is given back when it has grown beyond this.
const REPORTS_KEPT: usize = 64;
/// Whether a symbol's market is there, as far as is known, so that orders can be sent to it and its modes be set.
fn is_listed(feeds: &[Feed], symbol: SymbolId) -> bool {
    feeds.get(symbol.index()).is_some_and(Feed::is_listed)
}

/// What a turn of the session lends to the account.
#[derive(Debug)]
pub struct Turn<'a> {
    pub now: Timestamp,
    /// The trader's clock; `None` before the first comparison.
    pub market: Option<Timestamp>,
    pub clock: &'a Clock,
    pub symbols: &'a [Symbol],
    pub feeds: &'a [Feed],
    pub jitter: &'a mut Jitter,
    pub numbers: &'a mut Numbers,
    pub outputs: &'a mut Vec<Output>,
    /// Since when the account's stream has been up.
    pub stream_up: Option<Timestamp>,
}

impl Turn<'_> {
    fn tell(&mut self, news: News) {
        if let Some(market) = self.market {
            self.outputs.push(Output::News(market, news));
        }
    }

    fn order(&mut self, update: OrderUpdate) {
        self.tell(News::Order(update));
    }

    fn name(&self, symbol: SymbolId) -> String {
        self.symbols.get(symbol.index()).map_or_else(|| "?".to_owned(), ToString::to_string)
    }
}

/// See the module.
#[derive(Debug)]
pub struct Books {
    trading: Box<dyn Trading>,
    now: Timestamp,
    orders: Orders,
    trades: Trades,
    stream: UserStream,
    checks: Checks,
    modes: ModesCheck,
    tally: Tally,
    reports: Vec<Report>,
    /// Funding that was told last, by symbol.
    paid: Vec<Option<Timestamp>>,
    /// Orders from before a restart, until the clocks were compared.
    left: Option<Vec<Left>>,
}

impl Books {
    /// An account of which nothing is proven.
    pub fn new(account: &Account, symbols: usize, trading: Box<dyn Trading>, now: Timestamp) -> Self {
        let mut counted = account.counted.clone();
        counted.resize(symbols, None);
        let mut orders = Orders::default();
        for left in account.open.iter().filter(|left| left.request.symbol.index() < symbols).take(MOST_LIVE) {
            // when it was sent is worked out once the clocks were compared: not after now
            let look_at = now.plus_ms(trading.window_ms() + MARGIN_MS);
            orders.live.push(Order::restored(left, now, look_at));
        }
        Self {
            trading,
            now,
            orders,
            trades: Trades::new(&counted, account.since, NEVER),
            stream: UserStream::new(now),
            checks: Checks::new(symbols, now),
            modes: ModesCheck::new(account.leverage, symbols),
            tally: Tally::default(),
            reports: Vec::new(),
            paid: vec![None; symbols],
            left: Some(account.open.clone()),
        }
    }

    /// The engine doubts the account, or something else does.
    pub fn doubt(&mut self, turn: &mut Turn<'_>) {
        self.checks.doubt(turn);
    }

    /// A handshake is done: what happens from here on is heard, and the account is read anew.
    pub fn opened(&mut self, id: SocketId, turn: &mut Turn<'_>) {
        if self.stream.opened(id, turn) {
            self.trades.forget_unheard();
            self.checks.doubt(turn);
        }
    }

    /// A socket has ended.
    pub fn closed(&mut self, id: SocketId, why: &str, turn: &mut Turn<'_>) {
        if self.stream.owns(id) {
            self.lose_stream(why, false, turn);
        }
    }

    /// An account that does not trade as it has to is proven no more.
    fn mind_modes(&mut self, right: bool, turn: &mut Turn<'_>) {
        if !right && self.checks.proven {
            self.checks.doubt(turn);
        }
    }

    fn lose_stream(&mut self, why: &str, still_there: bool, turn: &mut Turn<'_>) {
        self.stream.lose(why, still_there, turn);
        self.trades.forget_unheard();
        self.modes.forget();
        self.checks.doubt(turn);
    }

    /// Whatever is on its way is old, and the stream's key may be.
    pub fn stood_still(&mut self, turn: &mut Turn<'_>) {
        self.stream.drop_all(turn);
        self.trades.forget_unheard();
        self.modes.forget();
        let sending = self.orders.live.iter().filter(|order| order.phase == Phase::Sending).map(Order::id);
        let sending: Vec<ClientId> = sending.collect();
        sending.into_iter().for_each(|id| self.doubt_order(id, turn));
        self.orders.live.iter_mut().filter_map(|order| order.cancel.as_mut()).for_each(|cancel| cancel.flying = false);
        self.checks.doubt(turn);
    }

    /// What follows from what is known and from the time.
    pub fn tend(&mut self, turn: &mut Turn<'_>) {
        self.now = turn.now;
        self.begin(turn);
        self.stream.act(&*self.trading, turn);
        let up = self.stream.up_since();
        if up.is_some() && self.trades.deaf_at().is_some_and(|at| at <= turn.now) {
            self.lose_stream("open, but deaf", true, turn);
        }
        self.lose_patience(turn);
        self.trades.claim(&mut self.orders, turn);
        if self.trades.judge(&self.orders, turn) {
            self.checks.hurry(turn.now); // what is held is not what we think, and the engine has to know (S15)
        }
        self.seek_trades(up, turn.now);
        self.checks.compare(&mut self.trades, turn);
        self.checks.grow_old(&self.trades, turn);
        let Self { orders, trades, .. } = self;
        orders.finish(|symbol| trades.tapes[symbol.index()].read_at, turn);
        self.conclude(turn);
        // shut before the account counts as proven without it, and open once it is right
        let symbols = (0..).map(SymbolId).take(self.paid.len());
        symbols.into_iter().for_each(|symbol| self.checks.set_stuck(symbol, self.modes.is_stuck(symbol), turn));
        let feeds = turn.feeds;
        let listed = |symbol| is_listed(feeds, symbol);
        let ready = (self.is_settled(), self.modes.are_right(listed));
        self.checks.prove(self.stream.up_since(), ready, (&self.orders, &self.trades), listed, turn);
    }

    /// Orders from before a restart. Of those without an answer nobody knows whether they have arrived, until nothing of them can arrive any more.
    fn begin(&mut self, turn: &mut Turn<'_>) {
        let Some(left) = self.left.take_if(|_| turn.market.is_some()) else { return };
        let longest = PROTECTION_PATIENCE_MS + self.trading.window_ms() + MARGIN_MS;
        for Left { request, given_by, .. } in left {
            let given = given_by.and_then(|by| turn.clock.session(by)).unwrap_or(turn.now).min(turn.now);
            if let Some(order) = self.orders.get_mut(request.id) {
                order.was_left(given, given.plus_ms(longest), turn);
            }
        }
    }

    /// Trades of which the exchange has spoken and that have not come are asked for.
    fn seek_trades(&mut self, up: Option<Timestamp>, now: Timestamp) {
        let pause = if up.is_some() { REPORT_MS } else { 0 };
        for order in self.orders.live.iter().filter(|order| order.lacks_trades()) {
            self.trades.want(order.symbol(), now.plus_ms(pause));
        }
        self.trades.want_floors(now);
    }

    /// Whether nothing is open that a proof has to wait for.
    fn is_settled(&self) -> bool {
        let symbols = (0..).map(SymbolId).take(self.trades.tapes.len());
        self.orders.live.iter().all(Order::is_settled) && !symbols.into_iter().any(|symbol| self.trades.waits(symbol))
    }

    /// When [`Books::tend`] has something to do, if nothing comes before.
    pub fn deadline(&self) -> Option<Timestamp> {
        let deaf = self.trades.deaf_at().filter(|_| self.stream.up_since().is_some());
        // judged then, or when what it waits for has come
        let judge = self.trades.judge_at().filter(|at| *at > self.now);
        let times = [self.stream.deadline(), deaf, self.patience_ends(), judge];
        times.into_iter().flatten().chain(self.checks.old_at(&self.trades)).min()
    }

    /// The most outputs of one turn: every trade of an answer, and a few words an order and a symbol.
    pub const fn most_outputs(&self) -> usize {
        MOST_TRADES + 512 + 6 * MOST_LIVE + 8 * self.paid.len() + 32
    }

    /// The assertions that stay on. How many different questions there can be.
    pub fn check(&self) -> usize {
        self.orders.check();
        self.trades.check();
        assert!(self.reports.capacity() <= REPORTS_KEPT, "the buffer of a frame was kept");
        let settled = self.orders.live.iter().all(|order| order.phase != Phase::Unknown);
        assert!(settled || !self.checks.proven, "S7: proven with an order in doubt");
        assert!(self.stream.up_since().is_some() || !self.checks.proven, "S7: proven with a stream that is down");
        3 * MOST_LIVE + 8 * (self.paid.len() + 1)
    }
}
