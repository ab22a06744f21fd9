//! What the exchange's clock shows, from answers to `/time` at half their round trip, and the market time made of it.
//!
//! Two readings, since they have different promises:
//! - [`Clock::exchange`] is the best guess. It judges ages and ends of candles, and may move with each comparison.
//! - [`Clock::market`] is what the trader is told. It never goes back and follows the guess by at most 1 ms a second.
//!
//! A comparison is known to within half its round trip. One that does not contradict the one held changes nothing, unless its round trip was
//! shorter. Where market time and the guess are more than a second apart there is doubt, until they agree again.
//!
//! Market time steps forward, and never back, in two cases: after the process stood still, since a suspended machine's clock may stand still
//! with it; and where [`AGREEING`] comparisons in a row say the same and we are late, as when nobody noticed that. Where we are early there is
//! no step: the doubt stays while market time is slewed.

use crate::market::Timestamp;

/// Between comparisons.
pub const COMPARE_EVERY_MS: i64 = 600_000;
/// Between comparisons while in doubt.
const DOUBT_EVERY_MS: i64 = 30_000;
/// Between the comparisons of a row.
const ROW_EVERY_MS: i64 = 1_000;
/// Comparisons in a row, after the first one and after one that contradicts, for a short round trip among them.
const ROW: u8 = 2;
/// Where market time and the exchange's clock are further apart, there is doubt.
pub const DOUBT_MS: i64 = 1_000;
/// So many comparisons that agree with each other are believed against market time.
const AGREEING: u8 = 3;
/// Market time is slewed by 1 ms in so many ms.
const SLEW_MS: i64 = 1_000;
/// A message that is further from our guess asks for a comparison, but not more often than this.
const SUSPICION_EVERY_MS: i64 = 15_000;
/// How far that is.
const SUSPICIOUS_MS: i64 = 2_000;

/// The comparison held. `offset` is exchange time less session time.
#[derive(Debug, Clone, Copy)]
struct Held {
    offset: i64,
    error: i64,
    round_trip: i64,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Clock {
    held: Option<Held>,
    /// Market time less session time, as it was at `since`; `None` before the first comparison.
    applied: Option<i64>,
    since: Timestamp,
    sure: bool,
    doubt: bool,
    agreeing: u8,
    row: u8,
    compare_at: Timestamp,
    compared_at: Timestamp,
}

impl Clock {
    /// A clock that knows nothing.
    pub const fn new(now: Timestamp) -> Self {
        Self {
            held: None,
            applied: None,
            since: now,
            sure: false,
            doubt: false,
            agreeing: 0,
            row: ROW,
            compare_at: now,
            compared_at: now,
        }
    }

    /// Takes in an answer to a question that was sent at `sent`. By how much the guess moved, in ms; `None` for the first answer.
    pub fn hear(&mut self, sent: Timestamp, now: Timestamp, theirs: Timestamp) -> Option<i64> {
        let round_trip = now.since_ms(sent).max(0);
        let offset = theirs.plus_ms(round_trip / 2).since_ms(now);
        let new = Held { offset, error: round_trip / 2 + 1, round_trip };
        let agreed = self.held.filter(|held| self.sure && (offset - held.offset).abs() <= held.error + new.error);
        if agreed.is_none() {
            (self.agreeing, self.row) = (0, ROW);
        }
        self.agreeing = self.agreeing.saturating_add(1);
        let before = self.held;
        self.applied = Some(self.slewed(now).unwrap_or(offset));
        self.since = now;
        let held = agreed.filter(|held| held.error <= new.error).unwrap_or(new);
        self.held = Some(held);
        let believed = !self.sure || self.doubt && self.agreeing >= AGREEING;
        self.applied = self.applied.map(|applied| if believed { applied.max(held.offset) } else { applied });
        self.sure = true;
        self.compared_at = now;
        self.compare_at = now.plus_ms(self.pause(now));
        before.map(|before| held.offset - before.offset)
    }

    fn pause(&mut self, now: Timestamp) -> i64 {
        if self.row > 0 {
            self.row -= 1;
            ROW_EVERY_MS
        } else if self.is_apart(now) {
            DOUBT_EVERY_MS
        } else {
            COMPARE_EVERY_MS
        }
    }

    /// The process stood still: nothing is known for sure until the next comparison, which is due.
    pub const fn stood_still(&mut self, now: Timestamp) {
        self.sure = false;
        self.compare_at = now;
    }

    /// A comparison is due.
    pub const fn ask(&mut self, now: Timestamp) {
        self.compare_at = now;
    }

    /// A message bears this time; far from ours, it makes a comparison due, but not again and again.
    pub fn notice(&mut self, now: Timestamp, at: Timestamp) {
        let far = self.exchange(now).is_some_and(|ours| at.since_ms(ours).abs() > SUSPICIOUS_MS);
        if far && now.since_ms(self.compared_at) >= SUSPICION_EVERY_MS {
            self.compare_at = self.compare_at.min(now);
        }
    }

    /// Whether the doubt has begun or ended.
    pub fn turn(&mut self, now: Timestamp) -> Option<bool> {
        let doubt = self.is_apart(now);
        (std::mem::replace(&mut self.doubt, doubt) != doubt).then_some(doubt)
    }

    /// When a comparison is due.
    pub const fn compare_at(&self) -> Timestamp {
        self.compare_at
    }

    /// When the doubt ends, if no comparison comes before.
    pub fn agrees_at(&self, now: Timestamp) -> Option<Timestamp> {
        let beyond = self.gap(now).abs() - DOUBT_MS - self.held?.error;
        self.doubt.then(|| now.plus_ms(beyond.max(1) * SLEW_MS))
    }

    /// Whether the clocks were compared, and the process did not stand still since.
    pub const fn is_sure(&self) -> bool {
        self.sure
    }

    /// Whether market time and the exchange's clock are apart.
    pub const fn is_in_doubt(&self) -> bool {
        self.doubt
    }

    /// Session time less exchange time, and the round trip of the comparison, in ms.
    pub fn found(&self) -> Option<(i64, i64)> {
        self.held.map(|held| (-held.offset, held.round_trip))
    }

    /// The best guess of the exchange's clock.
    pub fn exchange(&self, now: Timestamp) -> Option<Timestamp> {
        self.held.map(|held| now.plus_ms(held.offset))
    }

    /// The earliest that the exchange's clock can show.
    pub fn earliest(&self, now: Timestamp) -> Option<Timestamp> {
        self.held.map(|held| now.plus_ms(held.offset - held.error))
    }

    /// The session's time at which the exchange's clock shows `theirs`, by the best guess.
    pub fn session(&self, theirs: Timestamp) -> Option<Timestamp> {
        self.held.map(|held| theirs.plus_ms(-held.offset))
    }

    /// The session's time by which the exchange's clock surely shows `theirs`.
    pub fn surely(&self, theirs: Timestamp) -> Option<Timestamp> {
        self.held.map(|held| theirs.plus_ms(held.error - held.offset))
    }

    /// What the trader's clock shows.
    pub fn market(&self, now: Timestamp) -> Option<Timestamp> {
        self.slewed(now).map(|applied| now.plus_ms(applied))
    }

    /// The first session time at which market time has reached `wanted`, as things stand, or somewhat before.
    pub fn reaches(&self, now: Timestamp, wanted: Timestamp) -> Option<Timestamp> {
        self.market(now).map(|market| now.plus_ms(wanted.since_ms(market).max(1)))
    }

    /// Market time less session time.
    fn slewed(&self, now: Timestamp) -> Option<i64> {
        let most = now.since_ms(self.since).max(0) / SLEW_MS;
        Some(self.applied? + (self.held?.offset - self.applied?).clamp(-most, most))
    }

    /// How late market time is; negative where it is early.
    fn gap(&self, now: Timestamp) -> i64 {
        self.held.zip(self.slewed(now)).map_or(0, |(held, applied)| held.offset - applied)
    }

    fn is_apart(&self, now: Timestamp) -> bool {
        self.held.is_some_and(|held| self.gap(now).abs() > DOUBT_MS + held.error)
    }
}
