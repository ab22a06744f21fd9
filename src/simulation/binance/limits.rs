//! Request weights a minute, and what happens to those who do not keep to them.
//!
//! All clients share one budget, as they would from one address.

use super::{Reply, query::Refusal};
use crate::market::{DAY_MS, MINUTE_MS, Timestamp};

/// Weight a minute.
pub const WEIGHT_LIMIT: u32 = 2_400;
/// Requests in five minutes for funding rates and intervals together, which have no weight.
const FUNDING_LIMIT: u32 = 500;
const FUNDING_WINDOW_MS: i64 = 5 * MINUTE_MS;
/// Requests in a minute after the limit, each answered with 429, until an address is shut out.
const WARNINGS: u32 = 20;
/// The first ban, and the longest; each is twice the one before, until a day has passed without.
const FIRST_BAN_MS: i64 = 2 * MINUTE_MS;
const LONGEST_BAN_MS: i64 = 3 * DAY_MS;

/// What was used of the limits.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    minute: i64,
    used: u32,
    warned: u32,
    funding_window: i64,
    funding_used: u32,
    banned_until: Timestamp,
    ban_ms: i64,
}

impl Limits {
    /// Weight used in this minute.
    pub const fn used(&self) -> u32 {
        self.used
    }

    /// Counts a request; the answer where it is one too many.
    pub fn count(&mut self, now: Timestamp, weight: u32, funding: bool) -> Option<Reply> {
        self.turn(now);
        if now < self.banned_until {
            return Some(self.ban_reply(now));
        }
        self.used = self.used.saturating_add(weight);
        if funding {
            self.funding_used = self.funding_used.saturating_add(1);
        }
        if self.used <= WEIGHT_LIMIT && self.funding_used <= FUNDING_LIMIT {
            return None;
        }
        self.warned += 1;
        if self.warned > WARNINGS {
            self.ban(now);
            return Some(self.ban_reply(now));
        }
        Some(Self::throttle_reply(now))
    }

    /// Shuts the address out.
    pub fn ban(&mut self, now: Timestamp) {
        let long_ago = now.since_ms(self.banned_until) > DAY_MS;
        self.ban_ms = if long_ago || self.ban_ms == 0 { FIRST_BAN_MS } else { (self.ban_ms * 2).min(LONGEST_BAN_MS) };
        self.banned_until = now.plus_ms(self.ban_ms);
        self.warned = 0;
    }

    /// Whether the address is shut out.
    pub fn is_banned(&self, now: Timestamp) -> bool {
        now < self.banned_until
    }

    /// 429 until the minute is over.
    pub fn throttle_reply(now: Timestamp) -> Reply {
        let text = format!(
            "Too many requests; current limit of IP(127.0.0.1) is {WEIGHT_LIMIT} requests per minute. Please use the websocket for live \
             updates to avoid polling the API."
        );
        let wait = (MINUTE_MS - now.0.rem_euclid(MINUTE_MS) + 999) / 1_000;
        let mut reply = Refusal { status: 429, code: -1003, text }.reply();
        reply.headers.push(("retry-after", wait.to_string()));
        reply
    }

    /// 418 until the ban is over.
    pub fn ban_reply(&self, now: Timestamp) -> Reply {
        let until = self.banned_until;
        let text = format!(
            "Way too many requests; IP(127.0.0.1) banned until {}. Please use the websocket for live updates to avoid bans.",
            until.0
        );
        let mut reply = Refusal { status: 418, code: -1003, text }.reply();
        reply.headers.push(("retry-after", ((until.since_ms(now) + 999) / 1_000).to_string()));
        reply
    }

    fn turn(&mut self, now: Timestamp) {
        let (minute, window) = (now.0.div_euclid(MINUTE_MS), now.0.div_euclid(FUNDING_WINDOW_MS));
        if minute != self.minute {
            (self.minute, self.used, self.warned) = (minute, 0, 0);
        }
        if window != self.funding_window {
            (self.funding_window, self.funding_used) = (window, 0);
        }
    }
}
