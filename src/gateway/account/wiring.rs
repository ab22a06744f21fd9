//! Where the account meets the rest of the session: requests and their budget, the clock, sockets.

use super::{Books, Turn, checks::Reading, is_listed, modes::Step};
use crate::{
    exchange::{
        Exchange, Failure, FailureClass, Response,
        private::{Reply, Trading, Wish},
    },
    gateway::{
        Gateway, Lane, Output, Settings, SocketId,
        asking::{Flight, Job, Question},
    },
    market::{SymbolId, Timestamp},
};

/// For orders, the most urgent first.
const LANES: [Lane; 2] = [Lane::Protection, Lane::Entries];

impl Gateway {
    /// A session that trades the account of `settings`; without one it is [`Gateway::new`].
    #[must_use]
    pub fn live(settings: Settings, exchange: Box<dyn Exchange>, trading: Box<dyn Trading>, now: Timestamp) -> Self {
        let mut gateway = Self::new(settings, exchange, now);
        let account = gateway.settings.account.as_ref();
        let symbols = gateway.settings.symbols.len();
        gateway.books = account.map(|account| Books::new(account, symbols, trading, now));
        gateway
    }

    /// Lets the account do something.
    pub(in crate::gateway) fn with_books(
        &mut self,
        outputs: &mut Vec<Output>,
        act: impl FnOnce(&mut Books, &mut Turn<'_>),
    ) {
        let Self { books: Some(books), clock, settings, jitter, numbers, now, feeds, .. } = self else { return };
        let (market, stream_up, symbols) = (clock.market(*now), books.stream.up_since(), &settings.symbols);
        act(books, &mut Turn { now: *now, market, clock, symbols, feeds, jitter, numbers, outputs, stream_up });
    }

    /// What follows from the time and from what came; then orders are sent.
    pub(in crate::gateway) fn tend_account(&mut self, outputs: &mut Vec<Output>) {
        if self.books.is_none() {
            return;
        }
        self.with_books(outputs, Books::tend);
        self.send_orders(outputs);
        let Self { books: Some(books), asking, .. } = self else { return };
        asking.drop_orders(|id| books.orders.get(id).is_some());
    }

    fn send_orders(&mut self, outputs: &mut Vec<Output>) {
        if self.clock.market(self.now).is_none() {
            return;
        }
        for lane in LANES {
            let Some((job, due)) = self.books.as_ref().and_then(|books| books.next_order(lane)) else { continue };
            let Some(wish) = self.books.as_ref().and_then(|books| books.order_wish(job)) else { continue };
            if due <= self.now && !self.asking.is_busy(lane) && self.call(job, wish, lane, outputs) {
                self.books.iter_mut().for_each(|books| books.order_sent(job));
            }
        }
    }

    /// Sends a request of the account's, if there is room.
    pub(in crate::gateway) fn call(&mut self, job: Job, wish: Wish, lane: Lane, outputs: &mut Vec<Output>) -> bool {
        let Some(books) = &self.books else { return false };
        let call = books.trading.call(&wish);
        // what is read of the account comes before data
        let budget = if lane == Lane::Data { Lane::Entries } else { lane };
        if !self.asking.orders.allows(self.now, lane, call.orders) {
            return false;
        }
        if !self.asking.budget.allows(self.now, budget, call.weight) {
            if lane == Lane::Data {
                self.blocked = self.asking.budget.look_again(self.now, budget, call.weight);
            }
            return false;
        }
        let id = self.asking.send(job, Question::Private(wish), lane, (call.weight, call.orders), self.now);
        outputs.push(Output::Call(id, lane, call));
        true
    }

    // ── questions ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Everything that is to be read of the account. Before the rules are known nobody knows which symbols there are.
    pub(in crate::gateway) fn each_account_want(&self, mut take: impl FnMut(Job, Timestamp)) {
        let Some(books) = self.books.as_ref().filter(|_| self.listed_at.is_some()) else { return };
        books.each_look(&mut take);
        if let Some(due) = books.stream.key_due() {
            take(Job::OpenStream, due);
        }
        if let Some(due) = books.stream.extend_due() {
            take(Job::ExtendStream, due);
        }
        take(Job::Modes, books.modes.due());
        if books.modes.refused().is_none() {
            let traded = (0..).map(SymbolId).take(self.feeds.len()).filter(|symbol| is_listed(&self.feeds, *symbol));
            for (symbol, (step, due)) in traded.filter_map(|symbol| Some((symbol, books.modes.step(symbol)?))) {
                let job = match step {
                    Step::Read => Job::SymbolModes(symbol),
                    Step::Isolate => Job::SetIsolated(symbol),
                    Step::Lever => Job::SetLeverage(symbol),
                };
                take(job, due);
            }
        }
        let (up, orders, trades) = (books.stream.up_since(), &books.orders, &books.trades);
        books.checks.each_want(
            up,
            orders,
            trades,
            |symbol| is_listed(&self.feeds, symbol),
            |reading, due| {
                let job = match reading {
                    Reading::Balance => Job::Balance,
                    Reading::Positions => Job::Positions,
                    Reading::List { symbol, conditional: true } => Job::Conditionals(symbol),
                    Reading::List { symbol, conditional: false } => Job::Orders(symbol),
                    Reading::Trades(symbol) => Job::Trades(symbol),
                };
                take(job, due);
            },
        );
    }

    /// The question of a job of the account's; `None` for other jobs.
    pub(in crate::gateway) fn account_question(&self, job: Job) -> Option<Wish> {
        let books = self.books.as_ref()?;
        Some(match job {
            Job::Look(id) => books.look_wish(id)?,
            Job::OpenStream => Wish::OpenStream,
            Job::ExtendStream => Wish::ExtendStream,
            Job::Balance => Wish::Balance,
            Job::Positions => Wish::Positions,
            Job::Conditionals(symbol) => Wish::Conditionals(symbol),
            Job::Orders(symbol) => Wish::Orders(symbol),
            Job::Trades(symbol) => {
                Wish::Trades { symbol, from: books.trades.from(symbol, self.clock.exchange(self.now)?)? }
            }
            Job::Modes => Wish::Modes,
            Job::SymbolModes(symbol) => Wish::SymbolModes(symbol),
            Job::SetIsolated(symbol) => Wish::SetIsolated(symbol),
            Job::SetLeverage(symbol) => Wish::SetLeverage(symbol, self.settings.account.as_ref()?.leverage),
            Job::Time
            | Job::Place(_)
            | Job::Cancel(_)
            | Job::Listing
            | Job::Intervals
            | Job::Marks
            | Job::Fill(_)
            | Job::Quotes
            | Job::History(..) => return None,
        })
    }

    /// When the account has something to do.
    pub(in crate::gateway) fn account_deadline(&self) -> Option<Timestamp> {
        let books = self.books.as_ref()?;
        self.clock.market(self.now)?;
        let lanes = LANES.into_iter().filter(|lane| !self.asking.is_busy(*lane)).filter_map(|lane| {
            let (job, due) = books.next_order(lane)?;
            let call = books.trading.call(&books.order_wish(job)?);
            let opens = self.asking.budget.look_again(self.now, lane, call.weight)?;
            let room = self.asking.orders.look_again(self.now, lane, call.orders)?;
            Some(opens.max(room).max(due))
        });
        lanes.chain(books.deadline()).min()
    }

    // ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    /// A response to a request of the account's.
    pub(in crate::gateway) fn on_reply(
        &mut self,
        flight: &Flight,
        wish: &Wish,
        response: &Response<'_>,
        outputs: &mut Vec<Output>,
    ) {
        let Some(books) = &self.books else { return };
        let reply = match (flight.job, books.trading.reply(wish, response)) {
            // a market that is gone has no order and no trade
            (Job::Conditionals(_) | Job::Orders(_), Err(failure)) if failure.class == FailureClass::NoSuchSymbol => {
                Ok(Reply::Orders(Vec::new()))
            }
            (Job::Trades(_), Err(failure)) if failure.class == FailureClass::NoSuchSymbol => {
                Ok(Reply::Trades(Vec::new()))
            }
            (_, reply) => reply,
        };
        if let Err(failure) = &reply {
            self.on_throttle(failure.class, outputs);
            if failure.class == FailureClass::Clock {
                self.clock.ask(self.now);
            }
        }
        let (job, sent) = (flight.job, flight.sent);
        match (job, reply) {
            (Job::Place(_) | Job::Cancel(_), reply) => {
                self.with_books(outputs, |books, turn| books.on_order_reply(job, sent, reply, turn));
            }
            (Job::Look(id), reply) => {
                let mut said = Ok(());
                self.with_books(outputs, |books, turn| said = books.on_look(id, sent, reply, turn));
                self.end_reading(flight, said, outputs);
            }
            (_, Ok(reply)) => {
                let mut said = Ok(());
                self.with_books(outputs, |books, turn| said = books.on_reading(job, wish, sent, reply, turn));
                self.end_reading(flight, said, outputs);
            }
            (Job::ExtendStream, Err(failure)) if failure.class == FailureClass::Refused => {
                self.with_books(outputs, |books, turn| books.lose_stream("its key is gone", true, turn));
            }
            (Job::SetIsolated(symbol) | Job::SetLeverage(symbol), Err(failure))
                if failure.class == FailureClass::Refused =>
            {
                self.end_reading(flight, Err(failure), outputs);
                self.with_books(outputs, |books, _| books.modes.was_refused(symbol));
            }
            (_, Err(failure)) => self.end_reading(flight, Err(failure), outputs),
        }
    }

    fn end_reading(&mut self, flight: &Flight, said: Result<(), Failure>, outputs: &mut Vec<Output>) {
        match said {
            Ok(()) => self.asking.answered(flight.job, self.now),
            Err(failure) => self.say_failure(flight, &failure.text, None, outputs),
        }
    }

    /// No response to an order or a cancel.
    pub(in crate::gateway) fn on_no_reply(
        &mut self,
        flight: &Flight,
        why: &str,
        sent: bool,
        outputs: &mut Vec<Output>,
    ) {
        let job = flight.job;
        self.asking.tally.failures += 1;
        self.with_books(outputs, |books, turn| books.on_no_order_reply(job, sent, turn));
        if self.asking.worth_saying(job, why, self.now) {
            let why: String = why.chars().take(crate::gateway::LONGEST_WORDS).collect();
            let what = format!("No answer to {}: {why}.", job.words());
            outputs.push(Output::Say(crate::gateway::Remark::Account { what, grave: true }));
        }
    }

    /// A frame of the account's stream.
    pub(in crate::gateway) fn on_account_frame(&mut self, id: SocketId, bytes: &[u8], outputs: &mut Vec<Output>) {
        let mut garbled = false;
        let mut unknown = 0;
        self.with_books(outputs, |books, turn| {
            if !books.stream.owns(id) {
                return;
            }
            let mut reports = std::mem::take(&mut books.reports);
            garbled = books.trading.decode_user(bytes, &mut reports).is_err();
            for report in reports.drain(..) {
                unknown += u64::from(report == crate::exchange::private::Report::Unknown);
                books.on_report(report, turn);
            }
            if reports.capacity() <= super::REPORTS_KEPT {
                books.reports = reports;
            }
            if garbled {
                books.doubt(turn); // it may have been anything
            }
        });
        self.garbled += u64::from(garbled);
        self.unknown += unknown;
    }
}

impl Books {
    /// The answer to a reading that was put at `asked`.
    fn on_reading(
        &mut self,
        job: Job,
        wish: &Wish,
        asked: Timestamp,
        reply: Reply,
        turn: &mut Turn<'_>,
    ) -> Result<(), Failure> {
        match (job, reply) {
            (Job::OpenStream, Reply::Stream(key)) => self.stream.take_key(key, turn.now),
            (Job::ExtendStream, Reply::Done) => self.stream.extend(turn.now),
            (Job::Balance, Reply::Balance(balance)) => self.checks.heard_balance(balance, asked),
            (Job::Positions, Reply::Positions(theirs, _)) => self.checks.heard_positions(theirs, asked),
            (Job::Conditionals(symbol), Reply::Orders(views)) => {
                self.checks.heard_list(symbol, true, &views, asked, &mut self.orders, turn);
            }
            (Job::Orders(symbol), Reply::Orders(views)) => {
                self.checks.heard_list(symbol, false, &views, asked, &mut self.orders, turn);
            }
            (Job::Trades(symbol), Reply::Trades(page)) => {
                self.trades.answer(symbol, &page, asked, &mut self.orders, turn);
            }
            (Job::Modes, Reply::Modes(modes)) => {
                let right = self.modes.heard(modes, turn);
                self.mind_modes(right, turn);
            }
            (Job::SymbolModes(symbol), Reply::SymbolModes(modes)) => {
                let right = self.modes.heard_symbol(symbol, modes, turn.now);
                self.mind_modes(right, turn);
            }
            (Job::SetIsolated(symbol), Reply::Done) => self.modes.was_set(symbol, Step::Isolate, turn),
            (Job::SetLeverage(symbol), Reply::Done) => self.modes.was_set(symbol, Step::Lever, turn),
            _ => {
                let text = format!("the answer to {wish:?} is to another question");
                return Err(Failure { class: FailureClass::Unknown, code: 0, text });
            }
        }
        Ok(())
    }
}
