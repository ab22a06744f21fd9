//! The walk: an input at its time, what it means, and what is to be done. Each station is a file.

use super::{
    CandleCounts, Input, News, Output, Remark, Settings, Snapshot, SocketId,
    account::Books,
    asking::Asking,
    backoff::Jitter,
    candles::{Origin, Taken},
    clock::Clock,
    feeds::Feed,
    history::History,
    prices::Heard,
    streams::{Line, Means, Numbers},
};
use crate::{
    exchange::{Exchange, Quote, Update},
    market::{Candle, ClosedCandle, FeedState, SymbolId, Timeframe, Timestamp},
};

/// Candles of one turn, at most; those that are left come in the next one, which is due at once.
const MOST_CANDLES: usize = 256;
/// A message's time that is further ahead of the exchange's clock is not believed.
const AHEAD_MS: i64 = 5_000;
/// The buffer of a frame's updates is given back when it has grown beyond this.
const UPDATES_KEPT: usize = 256;

/// A session with an exchange. See the module's page.
#[derive(Debug)]
pub struct Gateway {
    pub(super) settings: Settings,
    pub(super) exchange: Box<dyn Exchange>,
    pub(super) now: Timestamp,
    pub(super) clock: Clock,
    pub(super) asking: Asking,
    pub(super) jitter: Jitter,
    pub(super) lines: Vec<Line>,
    /// By symbol: the lines that carry something of it.
    carriers: Vec<Vec<usize>>,
    pub(super) feeds: Vec<Feed>,
    pub(super) numbers: Numbers,
    /// The account, where it is traded.
    pub(super) books: Option<Books>,
    pub(super) listing_at: Timestamp,
    pub(super) listed_at: Option<Timestamp>,
    pub(super) intervals_at: Timestamp,
    pub(super) marks_asked: Option<Timestamp>,
    pub(super) quotes_asked: Option<Timestamp>,
    pub(super) ready: bool,
    history_told: u32,
    updates: Vec<Update>,
    /// When the budget may have room for what is wanted.
    pub(super) blocked: Option<Timestamp>,
    /// Candles are left for the next turn.
    pub(super) more: bool,
    pub(super) counts: CandleCounts,
    pub(super) garbled: u64,
    pub(super) unknown: u64,
    pub(super) late_prices: u64,
    pub(super) doubted_prices: u64,
    deadline: Option<Timestamp>,
}

impl Gateway {
    /// A session that begins at `now`; its first deadline is due at once.
    #[must_use]
    pub fn new(mut settings: Settings, exchange: Box<dyn Exchange>, now: Timestamp) -> Self {
        settings.timeframes.push(Timeframe::M1);
        settings.timeframes.sort_unstable();
        settings.timeframes.dedup();
        settings.delivered.resize(settings.symbols.len(), None);
        let feeds = settings.delivered.iter().map(|delivered| Feed::new(*delivered));
        Self {
            now,
            clock: Clock::new(now),
            asking: Asking::new(exchange.weight_limit(), exchange.order_limits()),
            jitter: Jitter::new(settings.seed),
            lines: Vec::new(),
            carriers: vec![Vec::new(); settings.symbols.len()],
            feeds: feeds.collect(),
            numbers: Numbers::default(),
            books: None,
            listing_at: now,
            listed_at: None,
            intervals_at: now,
            marks_asked: None,
            quotes_asked: None,
            ready: false,
            history_told: 0,
            updates: Vec::new(),
            blocked: None,
            more: false,
            counts: CandleCounts::default(),
            garbled: 0,
            unknown: 0,
            late_prices: 0,
            doubted_prices: 0,
            deadline: Some(now),
            settings,
            exchange,
        }
    }

    /// A session that goes on where another one ended.
    #[must_use]
    pub fn restore(settings: Settings, snapshot: Snapshot, exchange: Box<dyn Exchange>, now: Timestamp) -> Self {
        Self::new(Settings { delivered: snapshot.delivered, ..settings }, exchange, now)
    }

    /// What a restart needs.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let delivered = |feed: &Feed| feed.series.as_ref().map_or(feed.delivered, |series| Some(series.next()));
        Snapshot { delivered: self.feeds.iter().map(delivered).collect() }
    }

    /// This is the walk. `now` is the session's time; one that goes back is taken for the last one.
    ///
    /// Never fails, whatever the bytes; appends at most [`Gateway::most_outputs`] outputs.
    pub fn handle(&mut self, now: Timestamp, input: Input<'_>, outputs: &mut Vec<Output>) {
        let before = outputs.len();
        self.now = self.now.max(now);
        match input {
            Input::Opened(id) => {
                self.with_line(id, outputs, |line, means| line.opened(id, means));
                self.with_books(outputs, |books, turn| books.opened(id, turn));
            }
            Input::Frame(id, bytes) => self.on_frame(id, bytes, outputs),
            Input::Closed(id, why) => {
                self.with_line(id, outputs, |line, means| line.ended(id, why, false, means));
                self.with_books(outputs, |books, turn| books.closed(id, why, turn));
            }
            Input::Response(id, response) => self.on_response(id, &response, outputs),
            Input::NoResponse { id, why, sent } => self.on_no_response(id, why, sent, outputs),
            Input::StoodStill => self.on_stood_still(outputs),
            Input::Order(command) => self.with_books(outputs, |books, turn| books.command(&command, turn)),
            Input::Rules => self.listing_at = self.listing_at.min(self.now),
            Input::Reconcile => self.with_books(outputs, |books, turn| books.doubt(turn)),
            Input::Wake => {}
        }
        self.give_up(outputs);
        self.turn_clock(outputs);
        self.tend_lines(outputs);
        self.deliver_history(outputs);
        self.deliver_candles(outputs);
        self.tend_feeds(outputs);
        self.tend_account(outputs);
        self.ask(outputs);
        self.deadline = self.find_deadline();
        assert!(outputs.len() - before <= self.most_outputs(), "a turn of the session asked for too much");
    }

    /// When [`Input::Wake`] is due, if nothing else happens before.
    #[must_use]
    pub const fn next_deadline(&self) -> Option<Timestamp> {
        self.deadline
    }

    /// The most outputs of one turn: candles with a bar each, and a few words and deeds a symbol and a stream.
    #[must_use]
    pub fn most_outputs(&self) -> usize {
        let streams: usize = self.lines.iter().map(|line| line.channel.streams.len()).sum();
        let account = self.books.as_ref().map_or(0, Books::most_outputs);
        2 * MOST_CANDLES + 16 * (self.feeds.len() + self.lines.len() + 1) + 4 * streams + account
    }

    /// The time of the exchange's market as the trader is told it: it never goes back. `None` before the clocks were compared.
    #[must_use]
    pub fn market_time(&self, now: Timestamp) -> Option<Timestamp> {
        self.clock.market(self.now.max(now))
    }

    /// What the exchange's clock shows at least, to sign with: a request from the future is refused, one that is a little old is not. `None`
    /// before the clocks were compared.
    #[must_use]
    pub fn stamp(&self, now: Timestamp) -> Option<Timestamp> {
        self.clock.earliest(self.now.max(now))
    }

    /// Whether the markets' rules are known and were told.
    #[must_use]
    pub const fn is_listed(&self) -> bool {
        self.listed_at.is_some()
    }

    /// Whether the history of every symbol that is traded was delivered.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.ready
    }

    /// The assertions that stay on: limits, and the order of what is delivered.
    pub fn check(&self) {
        let frames = self.settings.timeframes.len();
        let of_account = self.books.as_ref().map_or(0, Books::check);
        self.asking.check((frames + 2) * (self.feeds.len() + 1) + 8 + of_account);
        self.lines.iter().for_each(Line::check);
        self.feeds.iter().for_each(Feed::check);
        assert!(self.updates.capacity() <= UPDATES_KEPT, "the buffer of a frame was kept");
    }

    pub(super) fn tell(&self, news: News, outputs: &mut Vec<Output>) {
        if let Some(at) = self.clock.market(self.now) {
            outputs.push(Output::News(at, news));
        }
    }

    // ── clock ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    fn turn_clock(&mut self, outputs: &mut Vec<Output>) {
        if let Some(doubt) = self.clock.turn(self.now) {
            self.tell(News::ClockDoubt(doubt), outputs);
        }
    }

    /// Sockets, answers on their way and unsaid prices are of another time; and how late it is has to be asked first.
    fn on_stood_still(&mut self, outputs: &mut Vec<Output>) {
        self.clock.stood_still(self.now);
        self.with_books(outputs, Books::stood_still);
        self.asking.forget(self.now);
        let Self { lines, exchange, jitter, numbers, now, .. } = self;
        for line in lines {
            line.drop_all(&mut Means { now: *now, exchange: &**exchange, jitter, numbers, outputs });
        }
        for feed in &mut self.feeds {
            feed.prices.forget();
            feed.heard = None;
        }
    }

    // ── sockets ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    /// The clocks were compared for the first time: the sockets can be opened.
    pub(super) fn open_lines(&mut self) {
        let symbols: Vec<SymbolId> = self.feeds.iter().zip(0..).map(|(_, id)| SymbolId(id)).collect();
        self.lines = self.exchange.channels(&symbols).into_iter().map(|channel| Line::new(channel, self.now)).collect();
        for (at, line) in self.lines.iter().enumerate() {
            for symbol in &line.channel.symbols {
                self.carriers.iter_mut().skip(symbol.index()).take(1).for_each(|carriers| carriers.push(at));
            }
        }
    }

    pub(super) fn is_line_wanted(&self, line: &Line) -> bool {
        let wanted = |symbol: &SymbolId| self.feeds.get(symbol.index()).is_some_and(Feed::is_wanted);
        self.clock.is_sure() && line.channel.symbols.iter().any(wanted)
    }

    fn tend_lines(&mut self, outputs: &mut Vec<Output>) {
        for at in 0..self.lines.len() {
            let wanted = self.is_line_wanted(&self.lines[at]);
            let Self { lines, exchange, jitter, numbers, now, .. } = self;
            lines[at].act(wanted, &mut Means { now: *now, exchange: &**exchange, jitter, numbers, outputs });
        }
    }

    fn with_line(&mut self, id: SocketId, outputs: &mut Vec<Output>, act: impl FnOnce(&mut Line, &mut Means<'_>)) {
        let Self { lines, exchange, jitter, numbers, now, .. } = self;
        if let Some(line) = lines.iter_mut().find(|line| line.owns(id)) {
            act(line, &mut Means { now: *now, exchange: &**exchange, jitter, numbers, outputs });
        }
    }

    /// Until when all lines of a symbol are fresh; `None` where one is down.
    pub(super) fn lines_until(&self, symbol: usize) -> Option<Timestamp> {
        let lines = self.carriers[symbol].iter().map(|at| self.lines[*at].fresh_until());
        lines.min().flatten()
    }

    fn on_frame(&mut self, id: SocketId, bytes: &[u8], outputs: &mut Vec<Output>) {
        if !self.lines.iter().any(|line| line.owns(id)) {
            // it was closed, unless it is the account's
            return self.on_account_frame(id, bytes, outputs);
        }
        let mut updates = std::mem::take(&mut self.updates);
        if self.exchange.decode(bytes, &mut updates).is_err() {
            self.garbled += 1;
        }
        for update in updates.drain(..) {
            self.on_update(id, update, outputs);
        }
        if updates.capacity() <= UPDATES_KEPT {
            self.updates = updates;
        }
    }

    fn on_update(&mut self, id: SocketId, update: Update, outputs: &mut Vec<Output>) {
        match update {
            Update::Candle { symbol, timeframe, candle, closed, at } => {
                self.on_data(id, symbol, Some(at), outputs);
                if closed && timeframe == Timeframe::M1 {
                    self.on_candle(symbol, &candle);
                }
            }
            Update::Quote(quote) => {
                self.on_data(id, quote.symbol, quote.at, outputs);
                self.on_quote(&quote);
            }
            Update::Trade { symbol, price, at } => {
                self.on_data(id, symbol, Some(at), outputs);
                self.on_trade(symbol, price, at);
            }
            Update::Mark(mark) => {
                self.on_data(id, mark.symbol, Some(mark.at), outputs);
                self.on_mark(&mark, outputs);
            }
            Update::NotSubscribed { id: _, text } => {
                self.with_line(id, outputs, |line, means| line.ended(id, &text, true, means));
            }
            Update::Closing => {
                let now = self.now;
                self.with_line(id, outputs, |line, _| line.closing(id, now));
            }
            Update::Unknown => self.unknown += 1,
            Update::Subscribed { .. } | Update::Alive => {}
        }
    }

    /// A sign of life of a socket and a symbol.
    fn on_data(&mut self, id: SocketId, symbol: SymbolId, at: Option<Timestamp>, outputs: &mut Vec<Output>) {
        let (now, Some(exchange)) = (self.now, self.clock.exchange(self.now)) else { return };
        at.iter().for_each(|at| self.clock.notice(now, *at));
        let age = at.map_or(0, |at| exchange.since_ms(at).max(0));
        let true_at = now.plus_ms(-age);
        let mut silence = None;
        self.with_line(id, outputs, |line, means| {
            silence = line.data(id, true_at, means).map(|since| (since, line.channel.symbols.clone()))
        });
        if let Some(feed) = self.feeds.get_mut(symbol.index()) {
            feed.hear(true_at);
        }
        if let Some((since, symbols)) = silence {
            let from = exchange.plus_ms(since.since_ms(now));
            for symbol in symbols {
                self.feeds.iter_mut().skip(symbol.index()).take(1).for_each(|feed| feed.prices.lose(from));
            }
        }
    }

    // ── market data ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    fn on_candle(&mut self, symbol: SymbolId, candle: &Candle) {
        let Some(exchange) = self.clock.exchange(self.now) else { return };
        let Some(series) = self.feeds.get_mut(symbol.index()).and_then(|feed| feed.series.as_mut()) else { return };
        let count = match series.offer(candle, exchange) {
            Taken::Held => return,
            Taken::Doubled => &mut self.counts.doubled,
            Taken::Disagrees => &mut self.counts.disagreed,
            Taken::Absurd => &mut self.counts.absurd,
            Taken::Refused => &mut self.counts.refused,
        };
        *count += 1;
    }

    pub(super) fn on_quote(&mut self, quote: &Quote) {
        let Some(exchange) = self.clock.exchange(self.now) else { return };
        let at = quote.at.unwrap_or(exchange).min(exchange.plus_ms(AHEAD_MS));
        let heard = self.feeds.get_mut(quote.symbol.index()).map(|feed| feed.prices.quote(quote, at));
        self.count_price(heard);
    }

    fn on_trade(&mut self, symbol: SymbolId, price: f64, at: Timestamp) {
        let Some(exchange) = self.clock.exchange(self.now) else { return };
        let at = at.min(exchange.plus_ms(AHEAD_MS));
        let heard = self.feeds.get_mut(symbol.index()).map(|feed| feed.prices.trade(price, at));
        self.count_price(heard);
    }

    fn count_price(&mut self, heard: Option<Heard>) {
        match heard {
            Some(Heard::Late) => self.late_prices += 1,
            Some(Heard::Doubted) => self.doubted_prices += 1,
            Some(Heard::Counts) | None => {}
        }
    }

    // ── candles ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Delivers the histories, a symbol after the other in their order: each as soon as it is whole and those before it are over, so that few are
    /// held at a time and the order does not depend on the network. Live candles begin for all at once.
    fn deliver_history(&mut self, outputs: &mut Vec<Output>) {
        self.more = false;
        if self.listed_at.is_none() {
            return;
        }
        let mut room = MOST_CANDLES;
        for at in 0..self.feeds.len() {
            let Some(history) = self.feeds[at].history.as_ref().filter(|_| self.feeds[at].is_wanted()) else {
                continue;
            };
            if !history.is_whole() {
                return;
            }
            while room > 0 && self.deliver_old(at, outputs) {
                room -= 1;
            }
            if self.feeds[at].history.as_ref().is_some_and(|history| !history.is_over()) {
                self.more = true;
                return;
            }
        }
        self.feeds.iter_mut().filter(|feed| feed.is_wanted()).for_each(Feed::begin_live);
        if !std::mem::replace(&mut self.ready, true) {
            outputs.push(Output::Say(Remark::Ready { candles: self.history_told }));
        }
    }

    /// The next candle of a symbol's history; whether there was one.
    fn deliver_old(&mut self, at: usize, outputs: &mut Vec<Output>) -> bool {
        let Some((timeframe, candle)) = self.feeds[at].history.as_mut().and_then(History::pop) else { return false };
        self.history_told = self.history_told.saturating_add(1);
        let symbol = id_of(at);
        self.tell(News::Candle(ClosedCandle { symbol, timeframe, candle, history: true }), outputs);
        true
    }

    fn deliver_candles(&mut self, outputs: &mut Vec<Output>) {
        let (now, Some(market)) = (self.now, self.clock.market(self.now)) else { return };
        let mut room = if self.ready && !self.more { MOST_CANDLES } else { 0 };
        for at in 0..self.feeds.len() {
            let mut flat = 0;
            while room > 0
                && let Some((candle, origin)) = self.feeds[at].series.as_mut().and_then(|series| series.pop(market))
            {
                room -= 1;
                self.deliver(at, candle, origin, market, outputs);
                flat += u32::from(origin == Origin::Flat);
            }
            if flat > 0 {
                let (symbol, timeframe) = (id_of(at), Timeframe::M1);
                outputs.push(Output::Say(Remark::Flat { symbol, timeframe, candles: flat }));
            }
            self.feeds[at].start_prices(self.clock.exchange(now));
        }
        self.more |= self.ready && room == 0;
    }

    fn deliver(&mut self, at: usize, candle: Candle, origin: Origin, market: Timestamp, outputs: &mut Vec<Output>) {
        let (symbol, feed) = (id_of(at), &mut self.feeds[at]);
        match origin {
            Origin::Stream => self.counts.streamed += 1,
            Origin::Asked => {
                self.counts.asked += 1;
                feed.filled = feed.filled.saturating_add(1);
            }
            Origin::Flat => self.counts.flat += 1,
        }
        let bar = feed.prices.before_candle(symbol, &candle, self.now, market).filter(|_| feed.started);
        outputs.extend(bar.map(|bar| Output::News(market, News::Price(bar))));
        let closed = ClosedCandle { symbol, timeframe: Timeframe::M1, candle, history: false };
        outputs.push(Output::News(market, News::Candle(closed)));
    }

    // ── how each symbol stands ──────────────────────────────────────────────────────────────────────────────────────────────────────

    fn tend_feeds(&mut self, outputs: &mut Vec<Output>) {
        let now = self.now;
        let (Some(exchange), Some(market)) = (self.clock.exchange(now), self.clock.market(now)) else { return };
        for at in 0..self.feeds.len() {
            let lines_until = self.lines_until(at).filter(|_| self.clock.is_sure());
            let heard = self.carriers[at].iter().filter_map(|at| self.lines[*at].heard).min();
            let (symbol, feed) = (id_of(at), &mut self.feeds[at]);
            if lines_until.is_some_and(|until| now <= until) {
                feed.prices.regain(exchange);
            } else if !feed.prices.are_lost() {
                feed.prices.lose(exchange.plus_ms(heard.map_or(0, |heard| heard.since_ms(now))));
            }
            let bar = if feed.started { feed.prices.bar(symbol, now, market) } else { None };
            outputs.extend(bar.map(|bar| Output::News(market, News::Price(bar))));
            let state = feed.state(now, exchange, lines_until);
            if feed.say(state) {
                outputs.push(Output::News(market, News::Feed(symbol, state)));
            }
            if state == FeedState::Live && feed.filled > 0 {
                let candles = std::mem::take(&mut feed.filled);
                outputs.push(Output::Say(Remark::Filled { symbol, timeframe: Timeframe::M1, candles }));
            }
        }
    }
}

/// The symbol at a place.
pub(super) fn id_of(at: usize) -> SymbolId {
    SymbolId(u16::try_from(at).unwrap_or(u16::MAX))
}
