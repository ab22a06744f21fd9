//! Binance USD-M futures, as of 2026: routed stream paths, weights in headers, stops and targets at a service of their own.

mod errors; // which failure means what
mod fields; // values of messages, checked
mod frames; // what streams say
mod listing; // rules of markets
mod private; // orders and the account
mod requests; // questions as requests
mod responses; // answers
mod streams; // sockets and subscriptions

#[cfg(test)]
mod tests;

pub use private::{RIGHTS_HOST, read_rights, rights_call};

use super::{Answer, Ask, Channel, Exchange, Failure, Garbled, Request, Response, Update};
use crate::market::{HOUR_MS, Symbol, SymbolId};

/// Weight a minute on production; the listing says the number in force.
const WEIGHT_LIMIT: u32 = 2400;
/// A connection lives 24 hours at most.
const LONGEST_CONNECTION_MS: i64 = 24 * HOUR_MS;

/// The codec, for a list of symbols. It keeps no state: every message of this exchange is whole.
#[derive(Debug, Clone)]
pub struct Binance {
    symbols: Vec<Symbol>,
    /// As the exchange writes them, by symbol.
    names: Vec<String>,
    /// Sorted by name.
    by_name: Vec<SymbolId>,
}

impl Binance {
    /// For these symbols; their places are their [`SymbolId`]s.
    #[must_use]
    pub fn new(symbols: &[Symbol]) -> Self {
        let names: Vec<String> = symbols.iter().map(Symbol::joined).collect();
        let mut by_name: Vec<SymbolId> = (0..=u16::MAX).take(names.len()).map(SymbolId).collect();
        by_name.sort_by(|a, b| names[a.index()].cmp(&names[b.index()]));
        Self { symbols: symbols.to_vec(), names, by_name }
    }

    /// The exchange's name of a symbol. Letters and digits only, so it needs no encoding in a path. A symbol that is not in the list has an
    /// empty one, which the exchange refuses.
    fn name(&self, symbol: SymbolId) -> &str {
        self.names.get(symbol.index()).map_or("", String::as_str)
    }

    /// The symbol with this name, where it is configured.
    ///
    /// All-market messages carry coin-margined markets too; those names (`BTCUSD_PERP`) are never one of ours.
    fn find(&self, name: &str) -> Option<SymbolId> {
        let found = self.by_name.binary_search_by(|id| self.name(*id).cmp(name));
        found.ok().map(|place| self.by_name[place])
    }
}

impl Exchange for Binance {
    fn request(&self, ask: &Ask) -> Request {
        self.request_for(ask)
    }

    fn answer(&mut self, ask: &Ask, response: &Response<'_>) -> Result<Answer, Failure> {
        if !(200..300).contains(&response.status) {
            return Err(errors::failure(response));
        }
        self.read_answer(ask, response.body).map_err(|garbled| errors::unreadable(response, &garbled))
    }

    fn used_weight(&self, response: &Response<'_>) -> Option<u32> {
        response.header("x-mbx-used-weight-1m")?.trim().parse().ok()
    }

    fn used_orders(&self, response: &Response<'_>) -> [Option<u32>; 2] {
        ["x-mbx-order-count-10s", "x-mbx-order-count-1m"].map(|name| response.header(name)?.trim().parse().ok())
    }

    fn weight_limit(&self) -> u32 {
        WEIGHT_LIMIT
    }

    fn most_candles(&self) -> u16 {
        requests::MOST_CANDLES
    }

    fn channels(&self, symbols: &[SymbolId]) -> Vec<Channel> {
        self.channels_for(symbols)
    }

    fn subscription(&self, channel: &Channel, subscribe: bool, id: u64) -> Vec<String> {
        streams::subscription(channel, subscribe, id)
    }

    fn heartbeat(&self) -> Option<(&'static str, i64)> {
        None // the server pings every three minutes, and whoever holds the socket answers
    }

    fn longest_connection_ms(&self) -> i64 {
        LONGEST_CONNECTION_MS
    }

    fn decode(&mut self, frame: &[u8], updates: &mut Vec<Update>) -> Result<(), Garbled> {
        updates.push(self.read_frame(frame)?);
        Ok(())
    }
}
