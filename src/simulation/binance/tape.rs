//! One symbol's market: its past, the minute under way, and all that is read from them. Requests and streams read here and nowhere else.

use super::{
    bar::Bar,
    book::{Book, Side},
    funding::{Funding, eight_digits},
    grid::Grid,
    minute::{Minute, Move},
    shelf::Shelf,
};
use crate::market::{Candle, ClosedCandle, DAY_MS, Instrument, MINUTE_MS, Random, Timeframe, Timestamp};
use std::collections::VecDeque;

/// The venue's step: what changes within one is seen together at its end.
pub const BEAT_MS: i64 = 100;
/// Trades kept for requests.
const MOST_TRADES: usize = 2_000;
/// Minutes that may be told before they begin.
const MOST_QUEUED: usize = 4;
/// A level's usual quantity, as a part of a minute's volume.
const LEVEL_PART: i64 = 20;

/// A trade.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)]
pub struct Trade {
    pub id: u64,
    pub deal: Move,
}

/// What happened in a beat.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Beat {
    /// Trades, in order.
    pub trades: Vec<Trade>,
    /// Every change of the price, in order, with trades and without.
    pub path: Vec<Move>,
    /// Whether the candle under way changed.
    pub moved: bool,
    /// The minute that ended, if one did.
    pub ended: Option<Timestamp>,
    /// The book before, where it changed.
    pub book_was: Option<Book>,
}

/// A symbol's market.
#[derive(Debug)]
pub struct Tape {
    /// Tick, step and minimums.
    pub rules: Instrument,
    /// The name in requests, `BTCUSDT`, and in streams, `btcusdt`.
    pub name: String,
    pub lower: String,
    pub price: Grid,
    pub qty: Grid,
    pub funding: Funding,
    /// Nothing can be opened any more.
    pub halted: bool,
    /// When that begins, and what is held is settled.
    pub delivery: Option<Timestamp>,
    shelf: Shelf,
    queue: VecDeque<Candle>,
    minute: Option<Minute>,
    random: Random,
    key: u64,
    last: Option<f64>,
    sold: bool,
    age: u64,
    book_at: Timestamp,
    gap: i64,
    usual: i64,
    measured: bool,
    trades: VecDeque<Trade>,
    next_id: u64,
    day: Option<(Timestamp, Bar)>,
    /// Rules that hold from the next minute on.
    coming: Option<Instrument>,
}

impl Tape {
    /// A market without a past. It settles funding every `funding_hours`.
    pub fn new(rules: Instrument, seed: u64, funding_hours: i64) -> Self {
        let name = rules.symbol.joined();
        let key = Random::new(seed, &name).bits();
        Self {
            lower: name.to_ascii_lowercase(),
            price: Grid::of(rules.tick),
            qty: Grid::of(rules.step),
            funding: Funding::new(key, funding_hours),
            halted: false,
            delivery: None,
            shelf: Shelf::new(),
            queue: VecDeque::new(),
            minute: None,
            random: Random::new(seed, &format!("{name} minutes")),
            key,
            last: None,
            sold: false,
            age: 0,
            book_at: Timestamp(0),
            gap: 0,
            usual: 1,
            measured: false,
            trades: VecDeque::new(),
            next_id: 0,
            day: None,
            coming: None,
            rules,
            name,
        }
    }

    /// Takes in a candle: a 1m one that is not over at `now` is played, every other one is past.
    pub fn take(&mut self, now: Timestamp, closed: &ClosedCandle) {
        let candle = closed.candle;
        let begins = self.queue.back().map_or(candle.open_time, |last| last.open_time.plus_ms(MINUTE_MS));
        let live = !closed.history && closed.timeframe == Timeframe::M1 && closed.closes_at() > now;
        if live && candle.open_time >= begins {
            if self.queue.len() < MOST_QUEUED {
                self.queue.push_back(candle);
            }
            return;
        }
        self.shelf.put(closed.timeframe, Bar::past(candle, self.qty));
        if self.minute.is_none() && self.age == 0 {
            self.begin_from_past(now);
        }
    }

    fn begin_from_past(&mut self, now: Timestamp) {
        if let Some((end, bar)) = self.shelf.newest(now)
            && end >= self.book_at
        {
            self.set_last(bar.candle.close, false);
            self.book_at = end;
            self.measure(&bar.candle);
        }
    }

    /// Plays everything up to `now`, which is a beat's end.
    pub fn play(&mut self, now: Timestamp) -> Beat {
        let mut beat = Beat::default();
        let was = self.book();
        loop {
            if self.minute.is_none() && self.queue.front().is_some_and(|next| next.open_time < now) {
                self.begin_minute();
            }
            let Some(minute) = &mut self.minute else { break };
            while let Some(deal) = minute.step(now, self.qty) {
                beat.moved = true;
                beat.path.push(deal);
                self.last = Some(deal.price);
                self.sold = deal.sold;
                if deal.steps > 0 {
                    let trade = Trade { id: self.next_id, deal };
                    self.next_id += 1;
                    beat.trades.push(trade);
                    self.trades.push_back(trade);
                }
            }
            self.age += 1;
            self.book_at = now;
            if minute.end() > now {
                break;
            }
            self.shelf.put(Timeframe::M1, minute.finished());
            beat.ended = Some(minute.end());
            self.last = Some(minute.finished().candle.close);
            self.minute = None;
        }
        while self.trades.len() > MOST_TRADES {
            self.trades.pop_front();
        }
        beat.book_was = was.filter(|was| self.book().is_some_and(|book| book != *was));
        beat
    }

    fn begin_minute(&mut self) {
        let Some(candle) = self.queue.pop_front() else { return };
        if let Some(rules) = self.coming.take() {
            self.follow(rules);
        }
        if self.next_id == 0 {
            self.next_id = (candle.open_time.0.max(0) / MINUTE_MS) as u64 * super::bar::MOST_TRADES as u64;
        }
        if !self.measured && candle.volume > 0.0 {
            // From the market as it is now, and not as the first candle of the past had it.
            (self.gap, self.measured) = (0, true);
        }
        self.measure(&candle);
        self.set_last(candle.open, self.sold);
        self.minute = Some(Minute::new(candle, self.price, self.qty, &mut self.random));
    }

    /// Changes tick, step and minimums from the next minute on.
    pub fn change_rules(&mut self, rules: Instrument) {
        self.coming = Some(rules);
    }

    /// What was counted in old steps is forgotten: trades, and how much the book holds.
    fn follow(&mut self, rules: Instrument) {
        (self.price, self.qty) = (Grid::of(rules.tick), Grid::of(rules.step));
        self.rules = rules;
        self.trades.clear();
        (self.gap, self.measured) = (0, false);
    }

    fn set_last(&mut self, last: f64, sold: bool) {
        (self.last, self.sold) = (Some(last), sold);
    }

    /// Fixes what the book needs, where it is not yet.
    fn measure(&mut self, candle: &Candle) {
        if self.gap == 0 {
            self.gap = Book::gap(self.price.nearest(candle.close));
            self.usual = (self.qty.nearest(candle.volume) / LEVEL_PART).clamp(1, 1 << 40);
        }
    }

    /// Whether a minute is being played or waits to be.
    pub fn is_live(&self) -> bool {
        self.minute.is_some() || !self.queue.is_empty()
    }

    /// The last price; none before the first candle.
    pub const fn last(&self) -> Option<f64> {
        self.last
    }

    /// The book; none before the first candle.
    pub fn book(&self) -> Option<Book> {
        let (bid, ask) = Book::quotes(self.last?, self.sold, self.price);
        let id = self.book_at.0.max(0) / 10;
        Some(Book { key: self.key, id, bid, ask, age: self.age, gap: self.gap.max(1), usual: self.usual })
    }

    /// When the book last changed.
    pub const fn book_at(&self) -> Timestamp {
        self.book_at
    }

    /// A level as text: price and quantity.
    pub fn level(&self, (ticks, steps): (i64, i64)) -> [String; 2] {
        [self.price.text(ticks), self.qty.text(steps)]
    }

    /// Best price and quantity of a side as text.
    pub fn best(&self, book: &Book, side: Side) -> [String; 2] {
        self.level(book.best(side))
    }

    /// Mark and index price at `now`: both near the last price, the mark on the side that funding says.
    pub fn marks(&self, now: Timestamp) -> Option<(f64, f64)> {
        let (last, rate) = (self.last?, self.funding.expected(now));
        Some((eight_digits(last * (1.0 - rate / 2.0)), eight_digits(last * (1.0 - rate))))
    }

    /// The mark price at a past settlement, where candles tell.
    pub fn mark_at(&self, at: Timestamp, now: Timestamp) -> Option<f64> {
        let before =
            Timeframe::ALL.iter().find_map(|timeframe| self.shelf.bar(*timeframe, at.plus_ms(-timeframe.ms()), now));
        before.map(|bar| eight_digits(bar.candle.close * (1.0 - self.funding.settled(at) / 2.0)))
    }

    /// The candle that opens at `open`, finished or under way at `now`.
    pub fn bar(&self, timeframe: Timeframe, open: Timestamp, now: Timestamp) -> Option<Bar> {
        let held = self.shelf.bar(timeframe, open, now);
        let running = self.minute.as_ref().filter(|minute| timeframe.open_of(minute.end().plus_ms(-1)) == open);
        let Some(minute) = running else { return held };
        let mut bar = match held {
            Some(held) => held,
            // The first minute of a longer candle, or of all: half a candle is none.
            None if minute.end().plus_ms(-MINUTE_MS) == open => return Some(minute.so_far()),
            None => return None,
        };
        bar.absorb(&minute.so_far());
        Some(bar)
    }

    /// The opening time of the first candle with data at or after `from`.
    pub fn next_open(&self, timeframe: Timeframe, from: Timestamp) -> Option<Timestamp> {
        let running = self.running(timeframe).filter(|open| *open >= from);
        [self.shelf.next_open(timeframe, from), running].into_iter().flatten().min()
    }

    /// The opening time of the last candle with data at or before `to`.
    pub fn last_open(&self, timeframe: Timeframe, to: Timestamp) -> Option<Timestamp> {
        let running = self.running(timeframe).filter(|open| *open <= to);
        self.shelf.last_open(timeframe, to).max(running)
    }

    fn running(&self, timeframe: Timeframe) -> Option<Timestamp> {
        self.minute.as_ref().map(|minute| timeframe.open_of(minute.end().plus_ms(-1)))
    }

    /// The last 24 hours, up to the minute under way.
    pub fn day(&mut self, now: Timestamp) -> Option<Bar> {
        let minute = Timeframe::M1.open_of(now);
        if self.day.is_none_or(|(at, _)| at != minute) {
            let from = minute.plus_ms(MINUTE_MS - DAY_MS);
            let mut bar: Option<Bar> = None;
            let mut at =
                self.shelf.next_open(Timeframe::M1, from).or_else(|| self.shelf.next_open(Timeframe::M5, from));
            while let Some(open) = at.filter(|open| *open < minute) {
                let timeframe =
                    [Timeframe::M1, Timeframe::M5].into_iter().find(|part| self.shelf.bar(*part, open, now).is_some());
                if let Some(next) = timeframe.and_then(|part| self.shelf.bar(part, open, now)) {
                    match &mut bar {
                        Some(bar) => bar.absorb(&next),
                        None => bar = Some(next),
                    }
                }
                let next = open.plus_ms(timeframe.unwrap_or(Timeframe::M1).ms());
                at = self.shelf.next_open(Timeframe::M1, next);
            }
            self.day = bar.map(|bar| (minute, bar));
        }
        let running = self.minute.as_ref().map(Minute::so_far);
        match (self.day, running) {
            (Some((_, mut bar)), Some(minute)) => {
                bar.absorb(&minute);
                Some(bar)
            }
            (day, running) => day.map(|(_, bar)| bar).or(running),
        }
    }

    /// The kept trades, oldest first.
    pub const fn trades(&self) -> &VecDeque<Trade> {
        &self.trades
    }

    /// The number of the next trade.
    pub const fn next_id(&self) -> u64 {
        self.next_id
    }

    /// # Panics
    ///
    /// Where a limit or an order is broken.
    pub fn check(&self) {
        assert!(
            self.trades.len() <= MOST_TRADES && self.queue.len() <= MOST_QUEUED,
            "{}: a list outgrew its limit",
            self.name
        );
        assert!(self.shelf.len() <= super::shelf::MOST_MINUTES + 11 * super::shelf::MOST_LONGER, "{}", self.name);
        if let Some(book) = self.book() {
            assert!(1 <= book.bid && book.bid < book.ask, "{}: the quotes are crossed", self.name);
        }
    }
}
