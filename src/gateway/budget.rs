//! How much may be asked: one weight budget for all requests, and the pauses that the exchange wants.
//!
//! The exchange counts weight by its own minutes, as requests arrive there. We do not know when that is, so a request counts from its sending
//! until a minute after its answer: whatever requests can fall into one minute of the exchange are then counted together. What others on the
//! same address use shows in the header: from there on, until the exchange's minute ends, the larger of both counts.

use super::Lane;
use crate::market::{DAY_MS, MINUTE_MS, Timestamp};
use std::collections::VecDeque;

/// Of the limit, what all requests together may use (S12).
const CEILING_PCT: u32 = 80;
/// Of the limit, what data may use; what lies between is the reserve of orders and protection.
const DATA_PCT: u32 = 70;
/// Answers in the same stretch are counted as one, so that the list is short.
const STRETCH_MS: i64 = 1_000;
/// The longest list: a minute of stretches and the ones at its ends.
const MOST_STRETCHES: usize = 62;
/// Where a ban has no time, or one that cannot be read off a clock yet, at first; doubled with each that follows.
const BAN_MS: i64 = 120_000;
/// The longest such pause.
const LONGEST_BAN_MS: i64 = 1_920_000;
/// No pause is believed to be longer: bans are of three days at most.
const LONGEST_PAUSE_MS: i64 = 4 * DAY_MS;

/// See the module.
#[derive(Debug, Clone)]
pub struct Budget {
    limit: u32,
    /// Weight of answered requests, and until when it counts.
    answered: VecDeque<(Timestamp, u32)>,
    /// Weight of requests on their way.
    flying: u32,
    /// As the exchange counts, and until when that is worth something.
    theirs: Option<(u32, Timestamp)>,
    paused: Option<Timestamp>,
    banned: Option<Timestamp>,
    bans: u32,
}

impl Budget {
    /// A budget of so much weight a minute.
    pub const fn new(limit: u32) -> Self {
        let answered = VecDeque::new();
        Self { limit, answered, flying: 0, theirs: None, paused: None, banned: None, bans: 0 }
    }

    /// The exchange says how much it allows a minute.
    pub const fn set_limit(&mut self, limit: u32) {
        self.limit = limit;
    }

    /// How much the exchange allows a minute.
    pub const fn limit(&self) -> u32 {
        self.limit
    }

    /// How much is used, as far as we know.
    pub fn used(&self, now: Timestamp) -> u32 {
        let ours: u32 = self.answered.iter().filter(|(until, _)| *until > now).map(|(_, weight)| weight).sum();
        let theirs = self.theirs.filter(|(_, until)| *until > now).map_or(0, |(used, _)| used);
        ours.saturating_add(self.flying).max(theirs)
    }

    /// Whether a request may be sent. One without a weight waits for nothing that others use up.
    pub fn allows(&self, now: Timestamp, lane: Lane, weight: u32) -> bool {
        let fits = weight == 0 || self.used(now).saturating_add(weight) <= self.ceiling(lane);
        fits && self.opens_at(now, lane).is_none()
    }

    /// When it is worth asking again whether a request may be sent; `None` where only an answer changes that.
    pub fn look_again(&self, now: Timestamp, lane: Lane, weight: u32) -> Option<Timestamp> {
        if self.allows(now, lane, weight) {
            return Some(now);
        }
        let ours = self.answered.iter().map(|(until, _)| *until).find(|until| *until > now);
        let theirs = self.theirs.map(|(_, until)| until).filter(|until| *until > now);
        self.opens_at(now, lane).or_else(|| ours.into_iter().chain(theirs).min())
    }

    /// When the pause is over, where there is one.
    pub fn opens_at(&self, now: Timestamp, lane: Lane) -> Option<Timestamp> {
        let paused = self.paused.filter(|_| lane != Lane::Protection);
        paused.max(self.banned).filter(|until| *until > now)
    }

    fn ceiling(&self, lane: Lane) -> u32 {
        let percent = if lane == Lane::Data { DATA_PCT } else { CEILING_PCT };
        u32::try_from(u64::from(self.limit) * u64::from(percent) / 100).unwrap_or(u32::MAX)
    }

    /// A request is sent.
    pub fn send(&mut self, weight: u32) {
        self.flying = self.flying.saturating_add(weight);
        if let Some((used, _)) = &mut self.theirs {
            *used = used.saturating_add(weight);
        }
    }

    /// A request is answered, or will not be.
    pub fn land(&mut self, now: Timestamp, weight: u32) {
        self.flying = self.flying.saturating_sub(weight);
        while self.answered.front().is_some_and(|(until, _)| *until <= now) {
            self.answered.pop_front();
        }
        let until = now.floor_to(STRETCH_MS).plus_ms(STRETCH_MS + MINUTE_MS);
        match self.answered.back_mut() {
            Some((last, sum)) if *last >= until => *sum = sum.saturating_add(weight),
            _ => self.answered.push_back((until, weight)),
        }
    }

    /// The exchange has counted so much in its minute, which ends at `until`. What is on its way may or may not be in it.
    pub fn hear(&mut self, used: u32, until: Timestamp) {
        self.theirs = Some((used.saturating_add(self.flying), until));
    }

    /// An answer that was no refusal of that kind.
    pub const fn forgive(&mut self) {
        self.bans = 0;
    }

    /// Nothing before so many ms have passed. Returns them.
    pub fn pause(&mut self, now: Timestamp, pause_ms: i64) -> i64 {
        let pause = pause_ms.clamp(1, LONGEST_PAUSE_MS);
        self.paused = self.paused.max(Some(now.plus_ms(pause)));
        pause
    }

    /// Nothing before `until`, in the session's time; where it is unknown, a pause that grows. Returns the ms.
    pub fn ban(&mut self, now: Timestamp, until: Option<Timestamp>) -> i64 {
        let guess = BAN_MS.saturating_mul(1 << self.bans.min(8)).min(LONGEST_BAN_MS);
        self.bans = self.bans.saturating_add(1);
        let until = until.filter(|until| *until > now).unwrap_or(now.plus_ms(guess)).min(now.plus_ms(LONGEST_PAUSE_MS));
        self.banned = self.banned.max(Some(until));
        until.since_ms(now)
    }

    /// The assertions that stay on.
    pub fn check(&self) {
        assert!(self.answered.len() <= MOST_STRETCHES, "the weights of a minute are too many");
        assert!(self.answered.iter().zip(self.answered.iter().skip(1)).all(|(a, b)| a.0 < b.0), "weights out of order");
    }
}
