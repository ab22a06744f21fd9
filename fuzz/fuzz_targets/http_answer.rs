//! Any bytes as a response to each question: two bytes choose question and status, the rest is the body.

#![no_main]

use libfuzzer_sys::fuzz_target;
use smolbear_fuzz::{
    binance, check_answer,
    exchange::{Ask, Exchange, Response},
    market::{SymbolId, Timeframe, Timestamp},
};

const STATUSES: [u16; 10] = [200, 200, 200, 200, 400, 403, 418, 429, 500, 503];
const LIMIT: u16 = 5;

fuzz_target!(|bytes: &[u8]| {
    let [question, status, body @ ..] = bytes else { return };
    let (symbol, from) = (SymbolId(0), Timestamp(0));
    let asks = [
        Ask::Time,
        Ask::Listing,
        Ask::Candles { symbol, timeframe: Timeframe::M1, from: None, limit: LIMIT },
        Ask::Quotes(None),
        Ask::Quotes(Some(symbol)),
        Ask::Marks(None),
        Ask::Marks(Some(symbol)),
        Ask::FundingIntervals,
        Ask::FundingHistory { symbol, from, limit: LIMIT },
    ];
    let ask = &asks[usize::from(*question) % asks.len()];
    let status = STATUSES[usize::from(*status) % STATUSES.len()];
    let headers = [("retry-after".to_owned(), "7".to_owned())];
    match binance().answer(ask, &Response { status, headers: &headers, body }) {
        Ok(answer) => check_answer(&answer, LIMIT.into()),
        Err(failure) => assert!(failure.text.chars().count() <= 300),
    }
});
