//! The finished 1m candles of one symbol: each once, in order, without holes.
//!
//! The next one is taken from wherever it comes first. One that skips minutes is held back until those before it are there. What has not come
//! 2 s after its end by the exchange's clock is asked for. Where the exchange has later candles and, asked three times, not this one, there was
//! no trade in it: it is flat at the last close. A stream's candle that is far from the last close is left to the answer to a question, which
//! makes two witnesses.

use super::prices::is_far;
use crate::{
    exchange::ListedCandle,
    market::{Candle, MINUTE_MS, Timestamp},
};
use std::collections::BTreeMap;

/// After the end of a candle that has not come, it is asked for.
pub const ASK_AFTER_MS: i64 = 2_000;
/// Between questions for one that is not there.
const ASK_EVERY_MS: i64 = 2_000;
/// The same where the exchange has nothing later either; doubled up to this.
const ASK_LONGEST_MS: i64 = 30_000;
/// After the end of a candle that has not come, it is a hole (S10: one period and 5 s).
const GAP_AFTER_MS: i64 = 5_000;
/// So many questions before a candle is flat.
const FLAT_AFTER: u8 = 3;
/// Candles of a question, at most.
const PAGE: u16 = 1_000;
/// Candles of streams that are held back, at most; what is beyond is asked for in its turn.
const MOST_HELD: usize = 32;
/// A finished candle whose end is further ahead of the exchange's clock is none.
const AHEAD_MS: i64 = 5_000;

/// What answers a question may be some seconds old. A candle at its end, with none after it, is finished if it was over for so long by then.
pub const SETTLED_MS: i64 = 10_000;

/// Where a candle is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A stream said it.
    Stream,
    /// It was asked for.
    Asked,
    /// Nobody traded.
    Flat,
}

/// What became of an offered candle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It will be delivered in its turn.
    Held,
    /// It was there before.
    Doubled,
    /// Another one of the same minute was there before.
    Disagrees,
    /// It is far from the last close.
    Absurd,
    /// There is no place for it, or it is no candle of a minute that is over.
    Refused,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Series {
    /// The opening time of the next one to be delivered.
    next: Timestamp,
    last: Option<Candle>,
    held: BTreeMap<Timestamp, (Candle, Origin)>,
    /// Minutes before this one that are not held have no trades.
    flat_until: Timestamp,
    misses: u8,
    not_before: Option<Timestamp>,
}

impl Series {
    /// It goes on with the minute that opens at `next`, after `last`.
    pub const fn new(next: Timestamp, last: Option<Candle>) -> Self {
        Self { next, last, held: BTreeMap::new(), flat_until: next, misses: 0, not_before: None }
    }

    /// The opening time of the next one to be delivered: all before are.
    pub const fn next(&self) -> Timestamp {
        self.next
    }

    /// Takes one from a stream, at this time of the exchange.
    pub fn offer(&mut self, candle: &Candle, exchange: Timestamp) -> Taken {
        let opens = candle.open_time;
        let ends = opens.plus_ms(MINUTE_MS);
        if opens.0 % MINUTE_MS != 0 || ends.since_ms(exchange) > AHEAD_MS || candle.check().is_err() {
            return Taken::Refused;
        }
        if let Some(known) = self.known(opens) {
            return known
                .map_or(Taken::Doubled, |known| if known == *candle { Taken::Doubled } else { Taken::Disagrees });
        }
        let reference = self.last.map(|last| last.close);
        let far = |close| [candle.low, candle.high, candle.close].iter().any(|price| is_far(*price, close));
        if reference.is_some_and(far) {
            return Taken::Absurd;
        }
        if opens > self.next && self.held.len() >= MOST_HELD {
            return Taken::Refused;
        }
        self.held.insert(opens, (*candle, Origin::Stream));
        Taken::Held
    }

    /// Whether a minute was delivered or is held; its candle, where that is still known.
    fn known(&self, opens: Timestamp) -> Option<Option<Candle>> {
        if opens < self.next {
            return Some(self.last.filter(|last| last.open_time == opens));
        }
        self.held.get(&opens).map(|(candle, _)| Some(*candle))
    }

    /// The question for what is missing: the first minute, and how many up to the one that is not over yet.
    pub fn question(&self, exchange: Timestamp, most: u16) -> (Timestamp, u16) {
        let minutes = exchange.since_ms(self.next).div_euclid(MINUTE_MS) + 1;
        let limit = u16::try_from(minutes.max(2)).unwrap_or(u16::MAX).min(PAGE).min(most).max(1);
        (self.next, limit)
    }

    /// Takes the answer to a question that the exchange got when its clock showed `asked` or later. How many of them are new, and how many
    /// say something else than what was there.
    pub fn answer(&mut self, rows: &[ListedCandle], asked: Timestamp, now: Timestamp) -> (u32, u32) {
        let (mut new, mut disagree) = (0, 0);
        let newest = rows.last().map(|row| row.candle.open_time);
        for row in rows.iter().take(usize::from(PAGE)) {
            let opens = row.candle.open_time;
            // what was unfinished when it was asked for is not finished by waiting for the answer
            let finished = row.ends.plus_ms(SETTLED_MS) <= asked || newest > Some(opens);
            if opens.0 % MINUTE_MS != 0 || !finished {
                continue;
            }
            match self.known(opens) {
                Some(Some(known)) if known != row.candle => disagree += 1,
                Some(_) => {}
                None => {
                    self.held.insert(opens, (row.candle, Origin::Asked));
                    new += 1;
                }
            }
        }
        self.conclude(newest, now);
        (new, disagree)
    }

    /// What an answer means for the next one.
    fn conclude(&mut self, newest: Option<Timestamp>, now: Timestamp) {
        if self.held.contains_key(&self.next) {
            (self.misses, self.not_before) = (0, None);
            return;
        }
        self.misses = self.misses.saturating_add(1);
        let first_held = self.held.keys().next().copied();
        let later = first_held.or(newest).filter(|later| *later > self.next);
        let Some(later) = later else {
            let pause = ASK_EVERY_MS.saturating_mul(1 << self.misses.min(8)).min(ASK_LONGEST_MS);
            self.not_before = Some(now.plus_ms(pause));
            return;
        };
        if self.misses >= FLAT_AFTER {
            self.misses = 0;
            self.not_before = None;
            self.flat_until = later;
        } else {
            self.not_before = Some(now.plus_ms(ASK_EVERY_MS));
        }
    }

    /// Takes the next one out where it is there and market time has reached its close.
    pub fn pop(&mut self, market: Timestamp) -> Option<(Candle, Origin)> {
        if self.last.is_none() && self.next < self.flat_until {
            self.next = self.flat_until; // nothing is known from before the first trade
        }
        if self.closes() > market {
            return None;
        }
        let held = self.held.remove(&self.next);
        let flat = self.last.filter(|_| self.next < self.flat_until);
        let flat = flat.map(|last| (flat_at(self.next, &last), Origin::Flat));
        let (candle, origin) = held.or(flat)?;
        self.next = self.closes();
        self.last = Some(candle);
        Some((candle, origin))
    }

    /// When the next one is over.
    pub const fn closes(&self) -> Timestamp {
        self.next.plus_ms(MINUTE_MS)
    }

    /// Whether the next one is there.
    pub fn has_next(&self) -> bool {
        self.held.contains_key(&self.next) || self.next < self.flat_until
    }

    /// When a question is due, in the session's time; `over_at`: when the next one is over, likewise.
    pub fn ask_at(&self, over_at: Timestamp) -> Option<Timestamp> {
        if self.has_next() {
            return None;
        }
        let due = if self.held.is_empty() { over_at.plus_ms(ASK_AFTER_MS) } else { Timestamp(i64::MIN) };
        Some(self.not_before.map_or(due, |not_before| due.max(not_before)))
    }

    /// From when on there is a hole, by the exchange's clock.
    pub fn gap_from(&self) -> Timestamp {
        if self.held.is_empty() || self.has_next() { self.closes().plus_ms(GAP_AFTER_MS) } else { self.next }
    }

    /// The assertions that stay on.
    pub fn check(&self) {
        assert!(self.held.len() <= usize::from(PAGE) + MOST_HELD, "too many candles are held back");
        assert!(self.held.keys().next().is_none_or(|first| *first >= self.next), "a delivered candle is held");
        assert!(self.next.0 % MINUTE_MS == 0, "candles begin with a minute");
    }
}

/// A minute without a trade.
pub const fn flat_at(open_time: Timestamp, last: &Candle) -> Candle {
    let close = last.close;
    Candle { open_time, open: close, high: close, low: close, close, volume: 0.0 }
}
