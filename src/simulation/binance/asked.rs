//! What was asked of the exchange, and what became of it: the half of an observer's reading that the record of accounts does not hold.

use super::{CallId, Reply, query::Query, rest};
use crate::market::Timestamp;
use serde::Serialize;
use std::collections::VecDeque;

/// Requests kept; older ones are forgotten.
const MOST_ROWS: usize = 50_000;
/// Requests that can be without an answer, about: where an answer's request is looked for.
const MOST_OPEN: usize = 1_024;
/// The longest path, symbol or name that is kept.
const LONGEST: usize = 64;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Counts up from 0 without holes.
    pub number: u64,
    /// It came before the record's entry of this number.
    pub before: u64,
    /// When it came.
    pub at: Timestamp,
    /// Such as `POST`.
    pub method: String,
    /// Without version: `order`, `klines`.
    pub path: String,
    /// The market, where it names one.
    pub symbol: String,
    /// The order that it names, by the client's name or the exchange's number.
    pub name: String,
    /// It came with a key.
    pub keyed: bool,
    /// Weight used in this minute, with it.
    pub used: u32,
    /// It was refused before it was looked at: for the limits, or for maintenance.
    pub shut: bool,
    /// The fault that struck it as an order's request.
    pub fault: &'static str,
    /// The status of its answer, with all that was done to it; 0 for none, or none yet.
    pub status: u16,
    /// When its answer was sent, or the connection was cut.
    pub answered: Timestamp,
    /// The body is not what the exchange had to say, or not whole.
    pub spoiled: bool,
    #[serde(skip)]
    id: CallId,
}

/// The list.
#[derive(Debug, Default)]
pub struct Asked {
    rows: VecDeque<Row>,
    next: u64,
}

impl Asked {
    /// A request has come. `before`: the number of the record's next entry.
    pub fn come(&mut self, (id, at, before): (CallId, Timestamp, u64), method: &str, query: &Query, keyed: bool) {
        let short = |text: &str| text.chars().take(LONGEST).collect::<String>();
        let names = ["newClientOrderId", "origClientOrderId", "clientAlgoId", "orderId", "algoId"];
        let path = rest::account_path(query).map_or(query.path.as_str(), |(_, path)| path);
        if self.rows.len() == MOST_ROWS {
            self.rows.pop_front();
        }
        self.rows.push_back(Row {
            number: self.next,
            before,
            at,
            method: short(method),
            path: short(path.rsplit("/v1/").next().unwrap_or(path)),
            symbol: short(query.get("symbol").unwrap_or_default()),
            name: short(names.iter().find_map(|name| query.get(name)).unwrap_or_default()),
            keyed,
            used: 0,
            shut: false,
            fault: "",
            status: 0,
            answered: at,
            spoiled: false,
            id,
        });
        self.next += 1;
    }

    fn of(&mut self, id: CallId) -> Option<&mut Row> {
        self.rows.iter_mut().rev().take(MOST_OPEN).find(|row| row.id == id)
    }

    /// So much of the limit is used with it; whether it was refused for that or for maintenance.
    pub fn weigh(&mut self, id: CallId, used: u32, shut: bool) {
        self.of(id).into_iter().for_each(|row| (row.used, row.shut) = (used, shut));
    }

    /// A fault has struck it; `answered`: when the client hears of it.
    pub fn strike(&mut self, id: CallId, fault: &'static str, answered: Timestamp) {
        self.of(id).into_iter().for_each(|row| (row.fault, row.answered) = (fault, answered));
    }

    /// It is answered now, or later where the reply says so.
    pub fn answer(&mut self, id: CallId, now: Timestamp, reply: &Reply, spoiled: bool) {
        if let Some(row) = self.of(id) {
            (row.status, row.spoiled) = (reply.status, spoiled || reply.cut_after.is_some());
            row.answered = reply.not_before.unwrap_or(now).max(now);
        }
    }

    /// From a number on.
    pub fn from(&self, number: u64) -> impl Iterator<Item = &Row> {
        let first = self.rows.front().map_or(0, |row| row.number);
        self.rows.range((number.saturating_sub(first) as usize).min(self.rows.len())..)
    }
}
