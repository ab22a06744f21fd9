//! Questions as requests, and what each weighs.

use super::Binance;
use crate::exchange::{Ask, Request};

/// Rows in one answer, at most.
pub(super) const MOST_CANDLES: u16 = 1500;
/// Rows of funding history in one answer, at most.
pub(super) const MOST_RATES: u16 = 1000;

impl Binance {
    pub(super) fn request_for(&self, ask: &Ask) -> Request {
        let symbol = |id: &_| format!("symbol={}", self.name(*id));
        match ask {
            Ask::Time => request("time", "", 1),
            Ask::Listing => request("exchangeInfo", "", 1),
            Ask::Candles { symbol: id, timeframe, from, limit } => {
                let limit = (*limit).clamp(1, MOST_CANDLES);
                let from = from.map(|from| format!("&startTime={}", from.0)).unwrap_or_default();
                let query = format!("{}&interval={timeframe}&limit={limit}{from}", symbol(id));
                request("klines", &query, candles_weight(limit))
            }
            Ask::Quotes(Some(id)) => request("ticker/bookTicker", &symbol(id), 2),
            Ask::Quotes(None) => request("ticker/bookTicker", "", 5),
            Ask::Marks(Some(id)) => request("premiumIndex", &symbol(id), 1),
            Ask::Marks(None) => request("premiumIndex", "", 10),
            // These two have a limit of their own, 500 in five minutes for both; here they count like others, so that they are bounded.
            Ask::FundingIntervals => request("fundingInfo", "", 1),
            Ask::FundingHistory { symbol: id, from, limit } => {
                let limit = (*limit).clamp(1, MOST_RATES);
                request("fundingRate", &format!("{}&startTime={}&limit={limit}", symbol(id), from.0), 1)
            }
        }
    }
}

fn request(what: &str, query: &str, weight: u32) -> Request {
    let mark = if query.is_empty() { "" } else { "?" };
    Request { path: format!("/fapi/v1/{what}{mark}{query}"), weight }
}

fn candles_weight(limit: u16) -> u32 {
    match limit {
        ..100 => 1,
        100..500 => 2,
        500..=1000 => 5,
        1001.. => 10,
    }
}
