//! What the codec promises.

mod answers;
mod failures;
mod frames;
mod hostile;
mod listing;
pub mod recorded;
mod requests;
mod samples;
mod streams;

use super::Binance;
use crate::{
    exchange::{Answer, Ask, Exchange, Failure, Response},
    market::{Symbol, SymbolId, Timeframe, Timestamp},
};

const BTC: SymbolId = SymbolId(0);
const ETH: SymbolId = SymbolId(1);
const BNB: SymbolId = SymbolId(2);

fn binance() -> Binance {
    let symbols = ["BTCUSDT", "ETHUSDT", "BNBUSDT"].map(|name| name.parse::<Symbol>().unwrap());
    Binance::new(&symbols)
}

fn respond(ask: &Ask, status: u16, body: &[u8]) -> Result<Answer, Failure> {
    binance().answer(ask, &Response { status, headers: &[], body })
}

fn answer(ask: &Ask, body: &str) -> Result<Answer, Failure> {
    respond(ask, 200, body.as_bytes())
}

fn minutes(limit: u16) -> Ask {
    Ask::Candles { symbol: BTC, timeframe: Timeframe::M1, from: None, limit }
}

/// One of each question.
fn asks() -> Vec<Ask> {
    vec![
        Ask::Time,
        Ask::Listing,
        minutes(3),
        Ask::Quotes(None),
        Ask::Quotes(Some(BTC)),
        Ask::Marks(None),
        Ask::Marks(Some(BTC)),
        Ask::FundingIntervals,
        Ask::FundingHistory { symbol: BTC, from: Timestamp(0), limit: 3 },
    ]
}
