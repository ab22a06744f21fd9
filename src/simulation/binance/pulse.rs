//! When a symbol's streams have something to say: what changed since each of them spoke last.

use super::{
    book::{Book, Level, Side},
    feed::Kind,
    tape::{BEAT_MS, Beat, Tape},
};
use crate::market::Timestamp;
use std::collections::BTreeMap;

/// A candle is pushed at most this often, in ms, and when it ends.
const KLINE_MS: i64 = 250;
/// The speeds of the book's streams, in ms.
const SPEEDS: [i64; 3] = [100, 250, 500];

/// Whether something that comes each `every` ms comes at the beat that ends at `now`.
pub const fn is_due(now: Timestamp, every: i64) -> bool {
    now.0.div_euclid(every) != now.plus_ms(-BEAT_MS).0.div_euclid(every)
}

/// Changes of the book since a stream of one speed spoke last.
#[derive(Debug, Default)]
struct Pending {
    wanted: bool,
    since: i64,
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
}

/// A change of the book that is due: the numbers of [`super::frames::depth`], and the levels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub ids: [i64; 3],
    pub bids: Vec<Level>,
    pub asks: Vec<Level>,
}

/// What a symbol's streams say at a beat.
#[derive(Debug, Default)]
pub struct News {
    pub beat: Beat,
    pub kline: bool,
    pub quote: bool,
    changes: [Option<Change>; 3],
}

impl News {
    /// The change that a stream of this speed pushes now.
    pub fn change(&self, every: i64) -> Option<&Change> {
        SPEEDS.iter().zip(&self.changes).find(|(speed, _)| **speed == every)?.1.as_ref()
    }
}

/// A symbol's streams.
#[derive(Debug, Default)]
pub struct Pulse {
    kline_at: Timestamp,
    moved: bool,
    quote: Option<(Level, Level)>,
    pending: [Pending; 3],
}

impl Pulse {
    /// Says that somebody listens to the book at a speed, or nobody any more.
    pub fn want(&mut self, kinds: &[Kind], tape: &Tape) {
        for (speed, pending) in SPEEDS.iter().zip(&mut self.pending) {
            let wanted =
                kinds.iter().any(|kind| matches!(kind, Kind::Depth(every) | Kind::Levels(_, every) if every == speed));
            if wanted != pending.wanted {
                *pending = Pending { wanted, since: tape.book().map_or(0, |book| book.id), ..Pending::default() };
            }
        }
    }

    /// Plays a beat and says what is new.
    pub fn beat(&mut self, now: Timestamp, tape: &mut Tape) -> News {
        let beat = tape.play(now);
        let mut news = News::default();
        self.moved |= beat.moved;
        if self.moved && now.since_ms(self.kline_at) >= KLINE_MS || beat.ended.is_some() {
            news.kline = self.moved;
            (self.moved, self.kline_at) = (false, now);
        }
        if let (Some(was), Some(book)) = (beat.book_was, tape.book()) {
            let quote = Some((book.best(Side::Bid), book.best(Side::Ask)));
            news.quote = quote != self.quote;
            self.quote = quote;
            self.collect(&was, &book);
        }
        for ((speed, pending), due) in SPEEDS.iter().zip(&mut self.pending).zip(&mut news.changes) {
            if pending.wanted && is_due(now, *speed) {
                *due = tape.book().and_then(|book| pending.take(&book));
            }
        }
        news.beat = beat;
        news
    }

    fn collect(&mut self, was: &Book, book: &Book) {
        if self.pending.iter().any(|pending| pending.wanted) {
            let (bids, asks) = (book.changes(was, Side::Bid), book.changes(was, Side::Ask));
            for pending in self.pending.iter_mut().filter(|pending| pending.wanted) {
                pending.bids.extend(bids.iter().copied());
                pending.asks.extend(asks.iter().copied());
            }
        }
    }
}

impl Pending {
    fn take(&mut self, book: &Book) -> Option<Change> {
        if self.bids.is_empty() && self.asks.is_empty() {
            return None;
        }
        let ids = [self.since + 1, book.id, self.since];
        self.since = book.id;
        let all = |side: &mut BTreeMap<i64, i64>| std::mem::take(side).into_iter().collect::<Vec<_>>();
        let mut bids = all(&mut self.bids);
        bids.reverse();
        Some(Change { ids, bids, asks: all(&mut self.asks) })
    }
}
