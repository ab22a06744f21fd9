//! Any bytes as the body of a response to each question, and of a refusal.

#![no_main]

use libfuzzer_sys::fuzz_target;
use smolbear_fuzz::{
    binance, check_answer,
    exchange::{Ask, Exchange, Response},
    market::{SymbolId, Timeframe, Timestamp},
};

const REFUSALS: [u16; 6] = [400, 403, 418, 429, 500, 503];
const LIMIT: u16 = 5;

fuzz_target!(|body: &[u8]| {
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
    let refused = REFUSALS.iter().map(|status| (&asks[0], *status));
    for (ask, status) in asks.iter().map(|ask| (ask, 200)).chain(refused) {
        match binance().answer(ask, &Response { status, headers: &[], body }) {
            Ok(answer) => check_answer(&answer, LIMIT.into()),
            Err(failure) => {
                assert!(failure.text.chars().count() <= 300 && !failure.text.contains(char::is_control));
            }
        }
    }
});
