//! The codecs for the fuzzer, by path: only what they need is built, so a change is fuzzed within seconds.
//!
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run stream_frame CORPUS RECORDED_MESSAGES -- -dict=fuzz/words.dict`, likewise `http_answer`.

#![allow(dead_code, missing_docs)]

#[path = "../../src/market/mod.rs"]
pub mod market;

#[path = "../../src/exchange/mod.rs"]
pub mod exchange;

use exchange::{Answer, Update, binance::Binance};
use market::{PRICES, Symbol};

/// The codec for three symbols.
pub fn binance() -> Binance {
    let symbols = ["BTCUSDT", "ETHUSDT", "BNBUSDT"].map(|name| name.parse::<Symbol>().unwrap());
    Binance::new(&symbols)
}

/// What callers rely on, whatever came.
pub fn check_update(update: &Update) {
    match update {
        Update::Candle { candle, .. } => candle.check().unwrap(),
        Update::Quote(quote) => {
            assert!(PRICES.contains(&quote.bid) && PRICES.contains(&quote.ask) && quote.bid <= quote.ask);
        }
        Update::Trade { price, .. } => assert!(PRICES.contains(price)),
        Update::Mark(mark) => assert!(PRICES.contains(&mark.price)),
        Update::NotSubscribed { text, .. } => assert!(text.chars().count() <= 200),
        Update::Subscribed { .. } | Update::Closing | Update::Alive | Update::Unknown => {}
    }
}

/// The same for answers.
pub fn check_answer(answer: &Answer, limit: usize) {
    match answer {
        Answer::Candles(candles) => {
            assert!(candles.len() <= limit);
            candles.iter().for_each(|listed| listed.candle.check().unwrap());
            assert!(candles.windows(2).all(|pair| pair[0].ends <= pair[1].candle.open_time));
        }
        Answer::Quotes(quotes) => {
            assert!(quotes.len() <= 3);
            quotes.iter().for_each(|quote| check_update(&Update::Quote(*quote)));
        }
        Answer::Marks(marks) => marks.iter().for_each(|mark| check_update(&Update::Mark(*mark))),
        Answer::Listing(listing) => {
            for market in &listing.markets {
                let rules = &market.instrument;
                assert!(!rules.tick.is_zero() && !rules.step.is_zero() && rules.min_qty >= rules.step);
                assert!(rules.tick.is_sign_positive() && rules.step.is_sign_positive());
            }
        }
        Answer::FundingHistory(rates) => assert!(rates.windows(2).all(|pair| pair[0].at <= pair[1].at)),
        Answer::Time(_) | Answer::FundingIntervals(_) => {}
    }
}
