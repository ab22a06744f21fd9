//! The venue: who is connected, what they are told, and what time it is.

use super::{
    CallId, Entry, Input, Opening, Output, SessionId,
    account::{Desk, View},
    asked::Asked,
    bar::Bar,
    calls::Call,
    faults::Faults,
    feed::{Feed, Kind},
    frames,
    funding_lists::USUAL_HOURS,
    limits::Limits,
    pulse::{News, Pulse, is_due},
    query::Refusal,
    session::{Answer, Session},
    spoil::Spoiler,
    tape::{BEAT_MS, Tape},
};
use crate::market::{ClosedCandle, Instrument, MINUTE_MS, Timeframe, Timestamp};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Stream connections at once.
pub const MOST_SESSIONS: usize = 256;
/// Attempts to connect in five minutes.
const MOST_KNOCKS: u32 = 300;
const KNOCKS_MS: i64 = 5 * MINUTE_MS;
/// Beats and messages after which [`Venue::handle`] returns; what is left is due at once.
const BEATS_AT_ONCE: usize = 1_200;
const OUTPUTS_AT_ONCE: usize = 4_096;
/// Where no minute is played, streams are not caught up with further back than this, in ms.
const IDLE_LAG_MS: i64 = MINUTE_MS;
/// The symbol that settles funding more often than others, by its place, and its hours.
const OFTEN: (usize, i64) = (2, 4);

/// What a venue is made of.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The markets; candles name them by place. The third one settles funding each 4 hours.
    pub instruments: Vec<Instrument>,
    /// Names the paths inside of minutes, books, funding rates, and faults.
    pub seed: u64,
    /// What goes wrong.
    pub faults: Faults,
    /// Who may trade.
    pub accounts: Vec<Opening>,
}

/// An exchange from the exchange's side.
///
/// Same settings and inputs, same outputs. A [`Input::Candle`] of a minute to be played comes at its beginning, or up to four minutes before.
#[derive(Debug)]
pub struct Venue {
    pub(super) tapes: Vec<Tape>,
    pulses: Vec<Pulse>,
    pub(super) sessions: BTreeMap<SessionId, Session>,
    pub(super) limits: Limits,
    pub(super) asked: Asked,
    pub(super) spoiler: Spoiler,
    pub(super) desk: Desk,
    /// Requests that are executed late.
    pub(super) late: Vec<(Timestamp, Call)>,
    /// Ticks as they were at first.
    pub(super) first_ticks: Vec<Decimal>,
    pub(super) now: Timestamp,
    /// The end of the last beat; none before the first input that is not history.
    played: Option<Timestamp>,
    knocks: (i64, u32),
}

impl Venue {
    /// A venue with markets that have no past yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let hours = |place| if place == OFTEN.0 { OFTEN.1 } else { USUAL_HOURS };
        let rules = settings.instruments.into_iter().enumerate();
        let tapes: Vec<Tape> = rules.map(|(place, rules)| Tape::new(rules, settings.seed, hours(place))).collect();
        Self {
            desk: Desk::new(settings.accounts, &tapes, settings.seed),
            late: Vec::new(),
            first_ticks: tapes.iter().map(|tape| tape.rules.tick).collect(),
            pulses: tapes.iter().map(|_| Pulse::default()).collect(),
            tapes,
            sessions: BTreeMap::new(),
            limits: Limits::default(),
            asked: Asked::default(),
            spoiler: Spoiler::new(settings.faults, settings.seed),
            now: Timestamp(0),
            played: None,
            knocks: (0, 0),
        }
    }

    /// Takes an input at a time that never goes back, and appends what is to be done.
    pub fn handle(&mut self, now: Timestamp, input: Input<'_>, out: &mut Vec<Output>) {
        self.now = self.now.max(now);
        match input {
            Input::Candle(closed) => self.on_candle(closed, out),
            Input::Call { id, method, target, headers, body } => {
                self.advance(self.now, out);
                let (method, target) = (method.to_owned(), target.to_owned());
                self.on_call(Call { id, method, target, headers: headers.to_vec(), body: body.to_vec() }, out);
            }
            Input::Knock { session, id, target } => {
                self.advance(self.now, out);
                self.on_knock(session, id, target, out);
            }
            Input::Frame(session, text) => {
                self.advance(self.now, out);
                self.on_frame(session, text, out);
            }
            Input::Gone(session) => {
                self.sessions.remove(&session);
                self.note_wants();
            }
            Input::Wake => self.advance(self.now, out),
        }
    }

    /// When [`Input::Wake`] is wanted: the end of the next beat while somebody listens or a request waits.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        if self.sessions.is_empty() && self.late.is_empty() {
            None
        } else {
            self.played.map(|played| played.plus_ms(BEAT_MS))
        }
    }

    /// What happened to accounts, oldest first.
    pub fn record(&self) -> impl Iterator<Item = &Entry> {
        self.desk.record(0)
    }

    /// How often each fault struck.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.spoiler.counts()
    }

    /// Asserts what always holds.
    ///
    /// # Panics
    ///
    /// Where a limit is broken or a market is impossible.
    pub fn check(&self) {
        assert!(self.sessions.len() <= MOST_SESSIONS, "more connections than there may be");
        self.sessions.values().for_each(Session::check);
        self.tapes.iter().for_each(Tape::check);
        self.spoiler.check();
        self.desk.check();
    }

    fn on_candle(&mut self, closed: &ClosedCandle, out: &mut Vec<Output>) {
        let aligned = closed.timeframe.open_of(closed.candle.open_time) == closed.candle.open_time;
        if closed.candle.check().is_err() || closed.candle.open_time < Timestamp(0) || !aligned {
            return;
        }
        let mut at = self.played.unwrap_or(self.now);
        if !closed.history && closed.timeframe == Timeframe::M1 {
            self.advance(self.now.min(closed.candle.open_time), out);
            at = self.played.unwrap_or(self.now);
        }
        if let Some(tape) = self.tapes.get_mut(closed.symbol.index()) {
            tape.take(at, closed);
        }
    }

    fn on_knock(&mut self, session: SessionId, id: CallId, target: &str, out: &mut Vec<Output>) {
        let window = self.now.0.div_euclid(KNOCKS_MS);
        if self.knocks.0 != window {
            self.knocks = (window, 0);
        }
        self.knocks.1 = self.knocks.1.saturating_add(1);
        let full = self.sessions.len() >= MOST_SESSIONS || self.sessions.contains_key(&session);
        let too_many = |text: &str| Refusal { status: 429, code: -1003, text: text.to_owned() };
        let opened = if self.limits.is_banned(self.now) {
            out.push(Output::Reply(id, self.limits.ban_reply(self.now)));
            return;
        } else if full || self.knocks.1 > MOST_KNOCKS {
            Err(too_many("Too many connections."))
        } else {
            Session::open(self.now, target, place_in(&self.tapes))
        };
        match opened {
            Ok(mut opened) => {
                self.spoiler.hush(self.now, &mut opened);
                self.sessions.insert(session, opened);
                self.note_wants();
                out.push(Output::Welcome(session));
            }
            Err(refusal) => out.push(Output::Reply(id, refusal.reply())),
        }
    }

    fn on_frame(&mut self, id: SessionId, text: &str, out: &mut Vec<Output>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        match session.hear(self.now, text, place_in(&self.tapes)) {
            Answer::Say(text) => out.push(Output::Push(id, text)),
            Answer::Close => {
                self.sessions.remove(&id);
                out.push(Output::Close(id));
            }
        }
        self.note_wants();
    }

    /// Tells the symbols whose books somebody listens to.
    fn note_wants(&mut self) {
        let feeds = self.sessions.values().flat_map(|session| &session.streams).filter_map(|stream| stream.feed);
        let books: Vec<Feed> = feeds.filter(|feed| matches!(feed.kind, Kind::Depth(_) | Kind::Levels(..))).collect();
        for (place, (pulse, tape)) in self.pulses.iter_mut().zip(&self.tapes).enumerate() {
            let kinds: Vec<Kind> =
                books.iter().filter(|feed| feed.symbol == Some(place)).map(|feed| feed.kind).collect();
            pulse.want(&kinds, tape);
        }
    }

    /// Plays the beats that end by `to`, as many as one call may.
    fn advance(&mut self, to: Timestamp, out: &mut Vec<Output>) {
        let to = to.floor_to(BEAT_MS);
        let Some(mut played) = self.played else {
            self.played = Some(to);
            self.spoiler.begin(to);
            return;
        };
        for _ in 0..BEATS_AT_ONCE {
            if played >= to || out.len() >= OUTPUTS_AT_ONCE {
                break;
            }
            if !self.tapes.iter().any(Tape::is_live) {
                let lag = if self.sessions.is_empty() { 0 } else { IDLE_LAG_MS };
                played = played.max(to.plus_ms(-lag));
                if played >= to {
                    break;
                }
            }
            played = played.plus_ms(BEAT_MS);
            self.beat(played, out);
        }
        self.played = Some(played);
    }

    fn beat(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let news: Vec<News> =
            self.pulses.iter_mut().zip(&mut self.tapes).map(|(pulse, tape)| pulse.beat(now, tape)).collect();
        self.close_markets(now);
        self.trade(now, &news, out);
        let mut sessions = std::mem::take(&mut self.sessions);
        let before = sessions.len();
        sessions.retain(|id, session| {
            if session.is_old(now) {
                out.push(Output::Close(*id));
                return false;
            }
            if is_due(now, 1_000) && !self.spoiler.connection(now, *id, session, out) {
                return false;
            }
            let streams = std::mem::take(&mut session.streams);
            for stream in &streams {
                let Some(feed) = stream.feed else { continue };
                for value in self.say(now, feed, &news) {
                    self.spoiler.push(now, *id, session, &stream.name, value, out);
                }
            }
            session.streams = streams;
            true
        });
        let lost_one = sessions.len() < before;
        self.sessions = sessions;
        self.spoiler.release(now, |id| self.sessions.get(&id).is_some_and(|session| !session.silent), out);
        if lost_one {
            self.note_wants();
        }
    }

    /// Ends trading where the date of the delivery has come.
    pub(super) fn close_markets(&mut self, now: Timestamp) {
        for place in 0..self.tapes.len() {
            let tape = &mut self.tapes[place];
            if !tape.halted && tape.delivery.is_some_and(|at| at <= now) {
                tape.halted = true;
                self.desk.delist(View { now, tapes: &self.tapes }, place);
            }
        }
    }

    /// What a beat does to accounts.
    fn trade(&mut self, now: Timestamp, news: &[News], out: &mut Vec<Output>) {
        if self.desk.is_empty() {
            return;
        }
        let shown = std::mem::replace(&mut self.now, now); // time stands still within a beat
        self.desk.beat(View { now, tapes: &self.tapes }, now.plus_ms(-BEAT_MS), news);
        self.execute_late(now, out);
        if is_due(now, 1_000) {
            self.strike_accounts(now, out);
        }
        self.deliver(now, out);
        self.now = shown;
    }

    /// What a stream says at a beat.
    fn say(&mut self, now: Timestamp, feed: Feed, news: &[News]) -> Vec<Value> {
        let places = feed.symbol.map_or(0..self.tapes.len(), |place| place..place + 1);
        let mut values = Vec::new();
        for place in places {
            let (Some(tape), Some(news)) = (self.tapes.get_mut(place), news.get(place)) else { continue };
            say_one(now, tape, feed.kind, news, &mut values);
        }
        if feed.listed && !values.is_empty() { vec![Value::Array(values)] } else { values }
    }
}

/// Finds a symbol by its lower-case name.
fn place_in(tapes: &[Tape]) -> impl Fn(&str) -> Option<usize> + '_ {
    move |name| tapes.iter().position(|tape| tape.lower == name)
}

fn say_one(now: Timestamp, tape: &mut Tape, kind: Kind, news: &News, values: &mut Vec<Value>) {
    match kind {
        Kind::Kline(timeframe) => values.extend(kline(now, tape, timeframe, news, frames::kline)),
        Kind::Continuous(timeframe) => values.extend(kline(now, tape, timeframe, news, frames::continuous_kline)),
        Kind::AggTrade => values.extend(news.beat.trades.iter().map(|trade| frames::agg_trade(now, tape, trade))),
        Kind::Trade => values.extend(news.beat.trades.iter().map(|trade| frames::trade(now, tape, trade))),
        Kind::BookTicker if news.quote => values.extend(tape.book().map(|book| frames::book_ticker(now, tape, &book))),
        Kind::Depth(every) => {
            values.extend(
                news.change(every).map(|change| frames::depth(now, tape, change.ids, &change.bids, &change.asks)),
            );
        }
        Kind::Levels(count, every) => {
            if let (Some(change), Some(book)) = (news.change(every), tape.book()) {
                let [bids, asks] = [super::book::Side::Bid, super::book::Side::Ask]
                    .map(|side| book.levels(side).take(count).collect::<Vec<_>>());
                values.push(frames::depth(now, tape, change.ids, &bids, &asks));
            }
        }
        Kind::Mark(every) if is_due(now, every) => values.extend(frames::mark(now, tape)),
        Kind::Ticker if is_due(now, 2_000) => {
            values.extend(tape.day(now).map(|day| frames::ticker(now, tape, &day, false)))
        }
        Kind::MiniTicker if is_due(now, 1_000) => {
            values.extend(tape.day(now).map(|day| frames::ticker(now, tape, &day, true)))
        }
        Kind::BookTicker | Kind::Mark(_) | Kind::Ticker | Kind::MiniTicker => {}
    }
}

/// The candle under way where it changed, and the one that ended. Nothing about a candle in which nothing happened.
fn kline(
    now: Timestamp,
    tape: &Tape,
    timeframe: Timeframe,
    news: &News,
    write: impl Fn(Timestamp, &Tape, Timeframe, &Bar, bool) -> Value,
) -> Option<Value> {
    let ended = news.beat.ended.filter(|end| timeframe.open_of(*end) == *end);
    let open = ended.map_or_else(
        || timeframe.open_of(news.beat.ended.unwrap_or(now).plus_ms(-1)),
        |end| end.plus_ms(-timeframe.ms()),
    );
    if ended.is_none() && !news.kline {
        return None;
    }
    let bar = tape.bar(timeframe, open, now).filter(Bar::is_lively)?;
    Some(write(now, tape, timeframe, &bar, ended.is_some()))
}

impl Session {
    /// A message as this connection wants it.
    pub fn wrapped(&self, name: &str, value: Value) -> String {
        if self.combined { json!({ "stream": name, "data": value }).to_string() } else { value.to_string() }
    }
}
