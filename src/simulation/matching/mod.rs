//! The one model of an exchange that paper trading and backtests use: fills, margin, funding and the account.
//!
//! It performs no I/O and knows no clock: prices, orders and deadlines come in with their time, and what became of
//! the orders goes out.

mod account;
mod book;
mod funding;
mod liquidation;
mod margin;
mod order;
mod refit;
mod remembered;
mod settings;
#[cfg(test)]
mod tests;
mod views;
mod walk;

use crate::market::{
    Between, ClientId, ClosedCandle, Ended, Fill, FundingPaid, FundingRate, Instrument, OrderCommand, OrderKind,
    OrderRequest, OrderUpdate, PriceBar, Symbol, SymbolId, Tiers, Timestamp, notional,
};
use account::Account;
use book::{Book, Mark};
use margin::Terms;
use order::{Order, Refusal, Trigger};
use remembered::Remembered;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use settings::Rates;
use walk::Walk;

pub use account::Totals;
pub(super) use account::{Position, charge, trade};
pub use book::OPEN_ORDERS;
pub use remembered::REMEMBERED;
pub use settings::{MAX_LEVERAGE, MAX_SLIPPAGE_PCT, Settings};

/// What the matching is told.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// A candle was finished. It has passed [`crate::market::Candle::check`].
    Candle(&'a ClosedCandle),
    /// The price moved.
    Price(&'a PriceBar),
    /// A symbol's rules are known or have changed.
    Instrument(SymbolId, &'a Instrument),
    /// The venue says what a symbol's positions will pay next, and when.
    FundingRate(&'a FundingRate),
    /// The engine wants an order placed or cancelled.
    Order(OrderCommand),
    /// The deadline is due.
    Wake,
}

/// What the matching has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// What became of an order.
    Order(OrderUpdate),
    /// A position paid or received funding.
    Funding(FundingPaid),
}

/// An exchange's matching for one account.
///
/// A candle is walked in steps, because the engine must be able to answer a fill within the candle that brought it:
/// after an entry it places the stop that the same candle may hit, after a stop it cancels the target. So
/// [`handle`](Self::handle) stops after the first order that fires, and [`resume`](Self::resume) after each further
/// one:
///
/// ```text
/// matching.handle(now, Input::Candle(&candle), &mut outputs);
/// while matching.is_walking() {
///     // The engine takes the outputs in, and its answers go to `matching.handle(now, Input::Order(answer), …)`.
///     matching.resume(&mut outputs);
/// }
/// ```
///
/// # Assumptions
///
/// Prices
/// - Inside a candle the price goes open → adverse extreme → favourable extreme → close, adverse as seen from the
///   position at that moment; so a stop is met before a target. Flat, it goes first to the extreme at which an entry
///   waits (the low, if both).
/// - Between those points the price moves without gaps: what is triggered there fills at its trigger.
/// - Before the open there is a gap: what the open has passed fills at the open. For a stop that is worse than its
///   trigger; for a target it is better, as the market order behind it would get.
/// - A [`PriceBar`] is walked likewise, from the price in it that is nearest to the last one known. Its prices are those of
///   trades, so what is triggered in it pays the distance from its last price to bid or ask on top: at its end it gets no
///   more than the quote. Without quotes, with crossed ones, or with one more than 5 % away, its last price is both.
/// - A candle or bar that begins before the last known price says nothing new and is ignored; so is a bar with
///   an impossible price. A history candle only sets the last price.
///
/// Orders
/// - A market order fills at the first price known not to be before it was sent: a candle's open if sent by then,
///   else that candle's close, since nothing is known between; in a bar at its end, at ask or bid. So it never fills
///   in a candle that was handled before it came.
/// - An order that comes during a walk counts as sent at the candle's end. A stop or target is live at once, for the
///   rest of the walk; a market order fills at the close; what comes after the fill at the close waits for the next
///   price.
/// - A stop or target whose trigger the last price has passed is not refused; it becomes a market order. During a
///   walk it fires where the price stands.
/// - Of several orders that fire at one price, stops go before targets, and the earlier before the later.
/// - A limit order that the last price keeps when it comes takes: it trades at the next price, with slippage up to its own,
///   or rests from then on if that one is beyond it. Post-only, it is refused instead (-5022). Else it rests, and trades at
///   its own price, for the maker's fee, once the price has gone through it by a tick: also in a gap.
/// - Slippage and rounding to the tick are always against the trader; there is no other market impact, and no queue. All
///   but limits that have rested pay the taker's fee.
/// - Everything fills whole, unless participation is limited. Then one order takes at most that part of the volume of a
///   candle, but no less than the smallest order; the rest of a market order, or of a stop or target that has fired, goes
///   on at the next candle's price, and that of a limit rests. A bar has of the last candle's volume what its time has.
///   Unknown volume or none limits nothing, and a liquidation is never limited.
/// - A fill at the open has the candle's open time, every other one the close time: when within the candle is not
///   known.
///
/// Account
/// - One position a symbol. An order against it reduces it, and what is left opens the other side, unless it is
///   reduce-only.
/// - Reduce-only never opens, grows or turns: it is cut to the position when it trades, the rest `Expired`. A market
///   order with nothing to reduce is refused; a stop or target may wait, and is `Expired` if there is nothing to
///   reduce when it fires. It stays when the position closes: cancelling it is the engine's affair.
/// - A reduce-only order over exactly what is held may be off the step and below the smallest quantity: what is held
///   can be closed whole, also after its symbol's rules have changed.
/// - Opening needs notional ÷ leverage plus the fee within the free balance: balance + unrealised − margins in use −
///   what waiting market and limit orders will need. Checked on placing (else refused) and again when it fires (else the
///   opening part is `Expired`). While a symbol has no price, placing checks neither margin nor notional, and the
///   order waits for the first one.
/// - Margin is isolated: a position's is its cost ÷ the account's leverage, and it can lose that and no more. Where margin
///   and result are no more than the maintenance margin of its value (see [`Tiers`]), it is liquidated: closed by the
///   venue, at the cost of its whole margin. What the price leaves of the margin is the fee; what a gap takes beyond it,
///   others pay. The symbol's reduce-only orders expire. Fees and funding come from the balance, never from a margin.
/// - The last price counts for that, where venues take a mark price, which moves less.
/// - A stop before the liquidation's price, or at it, is met first. Where an open is beyond both, the stop fills there as
///   long as the margin covers its loss, else the position is liquidated; likewise a market order that reduces.
/// - An entry after which the position would have less than twice its maintenance margin is refused, or its opening part
///   `Expired`.
/// - Funding is charged on the last known price, for positions that were opened before its time. Until the venue has
///   announced one for a symbol, at the settings' rate at 00:00, 08:00 and 16:00 UTC; from then on at the announced
///   times, each at the rate announced last before it. Where the next announcement has not come by the time that the
///   last one was settled, the position goes on paying that rate at 00:00, 08:00 and 16:00 UTC until one comes.
/// - Of announcements those are ignored that are for the past, for more than a day ahead, or of a rate beyond ±3 %.
/// - New rules of a symbol hold for what comes after them; orders that wait stay as they are. Rules of another symbol
///   or without tick or step are ignored.
#[derive(Debug, Clone)]
pub struct Matching {
    settings: Settings,
    rates: Rates,
    tiers: Vec<Tiers>,
    state: Snapshot,
}

/// The whole state between two calls, also in the middle of a walk; plain data that can be stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    symbols: Vec<Symbol>,
    account: Account,
    books: Vec<Book>,
    walk: Option<Walk>,
    deadline: Option<Timestamp>,
    ended: Remembered,
    next_order: u64,
    next_trade: u64,
}

impl Snapshot {
    /// The symbols that it was taken with, in their order. [`Matching::restore`] demands the same; see [`Snapshot::refit`].
    #[must_use]
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }
}

impl Matching {
    /// A fresh account.
    ///
    /// # Panics
    ///
    /// When a setting is outside its range.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let symbols: Vec<_> = settings.instruments.iter().map(|instrument| instrument.symbol.clone()).collect();
        let state = Snapshot {
            account: Account::new(settings.capital),
            books: vec![Book::default(); symbols.len()],
            symbols,
            walk: None,
            deadline: None,
            ended: Remembered::default(),
            next_order: 1,
            next_trade: 1,
        };
        Self::restore(settings, state)
    }

    /// Goes on where the snapshot was taken. The capital is the snapshot's; fees and the other rates are those of
    /// `settings`.
    ///
    /// # Panics
    ///
    /// When a setting is outside its range, or the symbols are not those of the snapshot in the same order.
    #[must_use]
    pub fn restore(settings: Settings, snapshot: Snapshot) -> Self {
        let symbols = settings.instruments.iter().map(|instrument| &instrument.symbol);
        assert!(symbols.eq(&snapshot.symbols), "the symbols must be those of the snapshot: {:?}", snapshot.symbols);
        let (rates, tiers) = (Rates::new(&settings), settings.tiers());
        let mut matching = Self { rates, tiers, settings, state: snapshot };
        (0..matching.tiers.len()).for_each(|index| matching.refresh_liquidation(index));
        matching.check();
        matching
    }

    /// What it was told at its start.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The state, to go on from later.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.state.clone()
    }

    /// Takes one input in. A candle or bar may begin a walk: then [`is_walking`](Self::is_walking), and
    /// [`resume`](Self::resume) goes on. A walk that is under way when the next one begins is finished first.
    #[inline]
    pub fn handle(&mut self, now: Timestamp, input: Input<'_>, outputs: &mut Vec<Output>) {
        match input {
            Input::Candle(closed) => self.on_candle(closed, outputs),
            Input::Price(bar) => self.on_price(bar, outputs),
            Input::Order(OrderCommand::Place(request)) => self.on_place(now, request, outputs),
            Input::Order(OrderCommand::Cancel { id, symbol }) => self.on_cancel(id, symbol, outputs),
            Input::Instrument(symbol, rules) => self.on_instrument(symbol, rules),
            Input::FundingRate(said) => self.on_funding_rate(now, said, outputs),
            Input::Wake => self.on_wake(now, outputs),
        }
    }

    /// Whether a candle meets nothing, as nearly every one: [`pass`](Self::pass) takes it in then, and [`handle`](Self::handle) any other.
    #[inline]
    #[must_use]
    pub fn passes(&self, closed: &ClosedCandle) -> bool {
        let candle = &closed.candle;
        let book = self.state.books.get(closed.symbol.index()).filter(|_| self.state.walk.is_none());
        book.is_some_and(|book| !book.knows_later_than(candle.open_time) && book.calm.spans(candle.low, candle.high))
    }

    /// Prices that meet nothing, until something else happens.
    #[inline]
    #[must_use]
    pub fn calm(&self, symbol: SymbolId) -> Between {
        self.state.books.get(symbol.index()).map_or(Between::NONE, |book| book.calm)
    }

    /// Takes in a candle that meets nothing, or the last of several in a row.
    #[inline]
    pub fn pass(&mut self, closed: &ClosedCandle) {
        let book = &mut self.state.books[closed.symbol.index()];
        if self.rates.fills_in_parts() {
            book.pace = pace(closed);
        }
        book.mark = Some(Mark { price: closed.candle.close, at: closed.closes_at() });
    }

    fn on_candle(&mut self, closed: &ClosedCandle, outputs: &mut Vec<Output>) {
        self.finish(outputs);
        if self.passes(closed) {
            return self.pass(closed);
        }
        let (candle, at) = (&closed.candle, closed.closes_at());
        let Some(book) = self.state.books.get_mut(closed.symbol.index()) else { return };
        if self.rates.fills_in_parts() {
            book.pace = pace(closed);
        }
        let since = if closed.history { at } else { candle.open_time };
        if book.knows_later_than(since) {
            return;
        }
        if closed.history {
            book.mark = Some(Mark { price: candle.close, at });
        } else {
            self.begin(Walk::through_candle(closed), outputs);
        }
    }

    fn on_price(&mut self, bar: &PriceBar, outputs: &mut Vec<Output>) {
        self.finish(outputs);
        let Some(book) = self.state.books.get_mut(bar.symbol.index()) else { return };
        if !bar.is_possible() || book.knows_later_than(bar.at) {
            return;
        }
        if book.calm.spans(bar.low, bar.high) {
            book.mark = Some(Mark { price: bar.last, at: bar.at });
        } else {
            let walk = Walk::through_bar(bar, book.mark, book.pace);
            self.begin(walk, outputs);
        }
    }

    #[cold]
    fn begin(&mut self, walk: Walk, outputs: &mut Vec<Output>) {
        self.state.books[walk.symbol.index()].mark = Some(walk.mark);
        self.state.walk = Some(walk);
        self.resume(outputs);
    }

    fn finish(&mut self, outputs: &mut Vec<Output>) {
        while self.state.walk.is_some() {
            self.resume(outputs);
        }
    }

    /// Whether a walk is under way.
    #[inline]
    #[must_use]
    pub fn is_walking(&self) -> bool {
        self.state.walk.is_some()
    }

    /// Goes on with the walk up to the next order that fires, or liquidation. `false`: the walk is over, and nothing came out.
    pub fn resume(&mut self, outputs: &mut Vec<Output>) -> bool {
        while let Some(mut walk) = self.state.walk {
            let (symbol, mark) = (walk.symbol, walk.mark);
            let book = &self.state.books[symbol.index()];
            let due = walk.due(book);
            let is_liquidated = book.liquidation().is_some_and(|price| price.passed_by(mark.price));
            if is_liquidated && due.is_none_or(|(order, price)| !self.saves(symbol, order, price)) {
                self.liquidate(symbol, mark, outputs);
                return true;
            }
            if let Some((order, price)) = due {
                self.fire(&walk, order, price, outputs);
                return true;
            }
            let goes_on = walk.advance(book, self.state.next_order);
            self.state.books[symbol.index()].mark = Some(walk.mark);
            self.state.walk = goes_on.then_some(walk);
        }
        false
    }

    /// An order trades, as far as it may, at the walked `price` and slippage.
    fn fire(&mut self, walk: &Walk, index: usize, price: Decimal, outputs: &mut Vec<Output>) {
        let (symbol, at) = (walk.symbol, walk.mark.at);
        let order = self.state.books[symbol.index()].orders()[index];
        let request = order.request;
        let Some(Terms { paid, fee, slippage }) = self.terms(&order, price) else {
            let tick = self.settings.instruments[symbol.index()].tick;
            return self.state.books[symbol.index()].wait_for(index, Trigger::of(&request, tick));
        };
        let value = notional(paid, request.qty);
        let whole = self.tradable(&request, paid, value);
        let qty = self.most(walk).map_or(whole, |most| whole.min(most));
        if qty == whole {
            self.take(symbol, index);
        } else {
            self.state.books[symbol.index()].part(index, qty, walk.ends_at);
        }
        assert!(!qty.is_sign_negative() && qty <= request.qty, "{} fills {qty} of {}", request.id, request.qty);
        if !qty.is_zero() {
            let fee = charge(if qty == request.qty { value } else { notional(paid, qty) }, fee);
            let fill = self.book(&request, qty, paid, fee, at);
            self.state.account.totals.slippage += notional(slippage, qty);
            outputs.push(Output::Order(OrderUpdate::Filled(fill)));
        }
        if qty == whole && qty < request.qty {
            outputs.push(Output::Order(OrderUpdate::Ended { id: request.id, how: Ended::Expired }));
        }
    }

    /// Books a trade in position and balance.
    fn book(&mut self, request: &OrderRequest, qty: Decimal, price: Decimal, fee: Decimal, at: Timestamp) -> Fill {
        let OrderRequest { id, symbol, side, .. } = *request;
        let fill = Fill { id, trade_id: self.state.next_trade, symbol, side, qty, price, fee, at };
        self.state.next_trade += 1;
        let realised = trade(&mut self.state.books[symbol.index()].position, fill.side, fill.price, fill.qty, fill.at);
        self.state.account.realise(realised);
        self.state.account.pay_fee(fee);
        self.state.deadline = self.earliest_funding();
        self.refresh_liquidation(symbol.index());
        fill
    }

    /// Takes an order out of its book and remembers its name.
    fn take(&mut self, symbol: SymbolId, index: usize) -> Order {
        let order = self.state.books[symbol.index()].remove(index);
        self.state.ended.push(order.request.id);
        order
    }

    fn on_place(&mut self, now: Timestamp, request: OrderRequest, outputs: &mut Vec<Output>) {
        let id = request.id;
        let update = match self.judge(&request) {
            Err(Refusal { code, class }) => OrderUpdate::Refused { id, code, class },
            Ok(()) => {
                self.admit(now, request);
                OrderUpdate::Accepted { id }
            }
        };
        outputs.push(Output::Order(update));
    }

    fn judge(&self, request: &OrderRequest) -> Result<(), Refusal> {
        let index = request.symbol.index();
        let book = self.state.books.get(index).ok_or(Refusal::UNKNOWN_SYMBOL)?;
        if self.state.ended.contains(request.id) || self.state.books.iter().any(|book| book.find(request.id).is_some())
        {
            return Err(Refusal::DUPLICATE);
        }
        if book.orders().len() >= OPEN_ORDERS {
            return Err(Refusal::TOO_MANY);
        }
        if !book.closes_with(request) {
            order::filter_qty(&self.settings.instruments[index], request)?;
        }
        order::filter_price(&self.settings.instruments[index], request)?;
        if matches!(request.kind, OrderKind::Limit { post_only: true, .. }) && crosses(book, request) {
            return Err(Refusal::WOULD_TRADE);
        }
        self.judge_money(book, request)
    }

    fn admit(&mut self, now: Timestamp, request: OrderRequest) {
        let walk = self.state.walk.filter(|walk| walk.symbol == request.symbol);
        let book = &mut self.state.books[request.symbol.index()];
        let trigger = Trigger::of(&request, self.settings.instruments[request.symbol.index()].tick);
        let crosses = crosses(book, &request);
        // During a walk the walk itself sees what its price has passed, until it stands at its end.
        let is_walked = walk.is_some_and(|walk| !walk.is_at_close());
        let is_passed = !is_walked && book.mark.is_some_and(|mark| trigger.passed_by(mark.price));
        book.insert(Order {
            request,
            number: self.state.next_order,
            sent_at: walk.map_or(now, |walk| walk.ends_at),
            trigger: if is_passed || crosses { Trigger::Now } else { trigger },
            parted: None,
        });
        self.state.next_order += 1;
    }

    fn on_cancel(&mut self, id: ClientId, symbol: SymbolId, outputs: &mut Vec<Output>) {
        let found = self.state.books.get(symbol.index()).and_then(|book| book.find(id));
        if let Some(index) = found {
            self.take(symbol, index);
            outputs.push(Output::Order(OrderUpdate::Ended { id, how: Ended::Cancelled }));
        }
    }

    /// When `Wake` is due: the next funding time while a position is open. In the past when one was missed.
    #[inline]
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.state.deadline
    }

    fn on_instrument(&mut self, symbol: SymbolId, rules: &Instrument) {
        let Some(known) = self.settings.instruments.get_mut(symbol.index()) else { return };
        if rules.symbol == known.symbol && rules.tick > Decimal::ZERO && rules.step > Decimal::ZERO {
            known.clone_from(rules);
            self.refresh_liquidation(symbol.index());
        }
    }

    /// Asserts what must always hold. Stays on in release builds; costs a look at each symbol.
    ///
    /// # Panics
    ///
    /// When money is not conserved, a quantity is negative, a limit is exceeded, or derived state does not follow
    /// from its source.
    pub fn check(&self) {
        let Snapshot { symbols, account, books, walk, deadline, ended, .. } = &self.state;
        account.check();
        books.iter().for_each(Book::check);
        assert_eq!(books.len(), symbols.len(), "each symbol has a book");
        ended.check();
        assert_eq!(*deadline, self.earliest_funding(), "the deadline does not follow from the positions");
        if let Some(walk) = walk {
            walk.check();
            assert_eq!(books[walk.symbol.index()].mark, Some(walk.mark), "the walk has left its book's price behind");
        }
    }
}

/// What was traded in a millisecond of a candle, in base units.
fn pace(closed: &ClosedCandle) -> f64 {
    closed.candle.volume / closed.timeframe.ms() as f64
}

/// Whether a limit order would trade at the last known price.
fn crosses(book: &Book, request: &OrderRequest) -> bool {
    matches!(request.kind, OrderKind::Limit { .. })
        && book.price().is_some_and(|price| order::keeps_limit(request, price))
}
