//! How the account stands, for health and logs.

use super::{Books, orders::Phase};
use crate::market::Timestamp;

/// The account's part of the session. Ages and spans are in ms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountView {
    /// For how long its stream has been up; `None` while it is down.
    pub stream_up_ms: Option<i64>,
    /// How often the stream was up and went down.
    pub stream_losses: u64,
    /// Sockets asked for.
    pub stream_attempts: u64,
    /// Whether the account as we know it is the exchange's (S7).
    pub proven: bool,
    /// Since the account was proven last; `None` before that.
    pub last_proof_ms: Option<i64>,
    /// Why no entry is possible until somebody changes it.
    pub refused: Option<&'static str>,
    /// Orders that have not ended.
    pub orders: usize,
    /// Of these, in doubt.
    pub unknown: usize,
    /// Symbols with orders that are not ours.
    pub foreign: usize,
    /// Orders and cancels sent.
    pub sent: u64,
    /// Of these, answered; their last, average and worst round trip.
    pub answered: u64,
    /// See `answered`; 0 before the first.
    pub last_latency_ms: i64,
    /// See `answered`.
    pub average_latency_ms: i64,
    /// See `answered`.
    pub worst_latency_ms: i64,
    /// Orders that came in doubt.
    pub doubts: u64,
    /// Orders that were refused.
    pub refusals: u64,
    /// Look-ups that were answered, and of these, that found nothing.
    pub lookups: u64,
    /// See `lookups`.
    pub misses: u64,
    /// Trades that were told.
    pub trades: u64,
    /// Trades that no order of ours made.
    pub foreign_trades: u64,
}

impl Books {
    /// How the account stands.
    pub fn view(&self, now: Timestamp) -> AccountView {
        let tally = &self.tally;
        AccountView {
            stream_up_ms: self.stream.up_since().map(|since| now.since_ms(since)),
            stream_losses: self.stream.losses,
            stream_attempts: self.stream.attempts,
            proven: self.checks.proven,
            last_proof_ms: self.checks.last_proof.map(|at| now.since_ms(at)),
            refused: self.modes.refused(),
            orders: self.orders.live.len(),
            unknown: self.orders.live.iter().filter(|order| order.phase == Phase::Unknown).count(),
            foreign: self.checks.foreign(),
            sent: tally.sent,
            answered: tally.answered,
            last_latency_ms: tally.last_ms,
            average_latency_ms: tally.sum_ms / i64::try_from(tally.answered.max(1)).unwrap_or(i64::MAX),
            worst_latency_ms: tally.worst_ms,
            doubts: tally.unknown,
            refusals: tally.refused,
            lookups: tally.lookups,
            misses: tally.misses,
            trades: self.trades.told,
            foreign_trades: self.trades.not_ours,
        }
    }
}
