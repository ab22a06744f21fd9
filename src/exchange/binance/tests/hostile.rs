//! Bytes from outside: no panic, no impossible number, no growth beyond what came; and what is right is read as it was written.

use super::{
    BTC, asks, binance, minutes, respond,
    samples::{FRAMES, answers},
};
use crate::{
    exchange::{Answer, Ask, Exchange, Quote, Update},
    market::{Candle, PRICES, SymbolId, Timeframe, Timestamp},
};
use proptest::{collection::vec, prelude::*, sample::select};
use rust_decimal::Decimal;
use serde_json::{Value, json};

const STATUSES: [u16; 8] = [200, 400, 403, 418, 429, 500, 503, 0];

/// Any bytes as a frame and as an answer to each question; whatever comes out can be relied upon.
fn swallow(bytes: &[u8]) {
    let mut updates = Vec::new();
    match binance().decode(bytes, &mut updates) {
        Ok(()) => updates.iter().for_each(check),
        Err(garbled) => assert!(garbled.found.chars().count() <= 200),
    }
    for ask in asks() {
        for status in STATUSES {
            match respond(&ask, status, bytes) {
                Ok(answer) => check_answer(answer),
                Err(failure) => {
                    assert!(failure.text.chars().count() <= 300 && !failure.text.contains(char::is_control));
                }
            }
        }
    }
}

fn check(update: &Update) {
    match update {
        Update::Candle { symbol, candle, timeframe, .. } => {
            candle.check().unwrap();
            assert!(symbol.index() < 3 && timeframe.open_of(candle.open_time) == candle.open_time);
        }
        Update::Quote(quote) => {
            assert!(PRICES.contains(&quote.bid) && PRICES.contains(&quote.ask) && quote.bid <= quote.ask);
        }
        Update::Trade { price, .. } => assert!(PRICES.contains(price)),
        Update::Mark(mark) => {
            assert!(PRICES.contains(&mark.price));
            assert!(mark.funding.is_none_or(|funding| funding.rate.abs() <= Decimal::ONE));
        }
        Update::NotSubscribed { text, .. } => assert!(text.chars().count() <= 200),
        Update::Subscribed { .. } | Update::Closing | Update::Alive | Update::Unknown => {}
    }
}

fn check_answer(answer: Answer) {
    match answer {
        Answer::Candles(candles) => {
            assert!(candles.len() <= 3);
            candles.iter().for_each(|listed| listed.candle.check().unwrap());
            assert!(candles.windows(2).all(|pair| pair[0].ends <= pair[1].candle.open_time));
        }
        Answer::Quotes(quotes) => quotes.into_iter().for_each(|quote| check(&Update::Quote(quote))),
        Answer::Marks(marks) => marks.into_iter().for_each(|mark| check(&Update::Mark(mark))),
        Answer::Listing(listing) => {
            for market in listing.markets {
                let rules = market.instrument;
                assert!(rules.tick > Decimal::ZERO && rules.step > Decimal::ZERO && rules.min_qty >= rules.step);
            }
        }
        Answer::FundingHistory(rates) => {
            assert!(rates.len() <= 3 && rates.windows(2).all(|pair| pair[0].at <= pair[1].at))
        }
        Answer::FundingIntervals(hours) => assert!(hours.len() <= 3),
        Answer::Time(time) => assert!(time > Timestamp(1_400_000_000_000)),
    }
}

fn samples() -> Vec<&'static str> {
    FRAMES.into_iter().chain(answers().into_iter().map(|(_, body)| body)).collect()
}

#[test]
fn depth_and_length_are_no_harm() {
    let deep = |open: &str, close: &str| open.repeat(100_000) + &close.repeat(100_000);
    for text in [
        deep("[", "]"),
        deep("{\"data\":", "}"),
        deep("{\"k\":", "}"),
        format!("{{\"e\":\"kline\",\"s\":\"BTCUSDT\",\"k\":{}}}", deep("[", "]")),
        format!("[{}]", "[],".repeat(100_000)),
        format!("{{\"symbols\":[{}{{}}]}}", "{\"filters\":[{},{}]},".repeat(50_000)),
        format!("{{\"code\":-1,\"msg\":\"{}\"}}", "é".repeat(1_000_000)),
    ] {
        swallow(text.as_bytes());
    }
}

/// JSON of the words and numbers that messages have, in any place.
fn any_json() -> impl Strategy<Value = Value> {
    let words = select(vec![
        "kline",
        "bookTicker",
        "aggTrade",
        "markPriceUpdate",
        "BTCUSDT",
        "ETHUSDT",
        "1m",
        "4h",
        "TRADING",
        "PERPETUAL",
        "USDT",
        "PRICE_FILTER",
        "LOT_SIZE",
        "MIN_NOTIONAL",
        "",
        "NaN",
        "-0",
        "1e308",
        "0.1",
        "87000.5",
        "1764060000000",
        "banned until 1764060000000",
    ]);
    let numbers = select(vec![0, 1, -1, -1003, -1121, i64::MAX, i64::MIN, 1_764_060_000_000, 1_764_060_059_999]);
    let leaf = prop_oneof![
        words.prop_map(|word| json!(word)),
        numbers.prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        any::<bool>().prop_map(|flag| json!(flag)),
        Just(Value::Null),
    ];
    let keys = select(vec![
        "e",
        "E",
        "T",
        "s",
        "p",
        "r",
        "b",
        "a",
        "k",
        "t",
        "i",
        "o",
        "h",
        "l",
        "c",
        "v",
        "x",
        "id",
        "code",
        "msg",
        "error",
        "data",
        "stream",
        "result",
        "symbol",
        "symbols",
        "filters",
        "filterType",
        "tickSize",
        "stepSize",
        "minQty",
        "maxQty",
        "notional",
        "serverTime",
        "rateLimits",
        "bidPrice",
        "askPrice",
        "markPrice",
        "lastFundingRate",
        "nextFundingTime",
        "time",
        "fundingTime",
        "fundingRate",
    ]);
    leaf.prop_recursive(4, 60, 12, move |inner| {
        let fields = vec((keys.clone(), inner.clone()), 0..12);
        prop_oneof![
            vec(inner, 0..9).prop_map(Value::Array),
            fields.prop_map(|fields| Value::Object(
                fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            )),
        ]
    })
}

/// A number of up to `digits` digits after the point, as text and as the `f64` that it is.
fn written(range: std::ops::Range<i64>, digits: u32) -> impl Strategy<Value = (String, f64)> {
    (range, 0..=digits).prop_map(|(mantissa, digits)| {
        let text = Decimal::new(mantissa, digits).to_string();
        let value = text.parse().unwrap();
        (text, value)
    })
}

proptest! {
    #[test]
    fn any_bytes_are_swallowed(bytes in vec(any::<u8>(), 0..200)) {
        swallow(&bytes);
    }

    #[test]
    fn any_json_is_swallowed(value in any_json()) {
        swallow(value.to_string().as_bytes());
    }

    #[test]
    fn damaged_messages_are_swallowed(
        sample in select(samples()), other in select(samples()), flips in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(), splice in any::<prop::sample::Index>(), how in 0..3,
    ) {
        let mut bytes = sample.as_bytes().to_vec();
        for (place, byte) in flips {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let cut = cut.index(bytes.len());
        match how {
            0 => {}
            1 => bytes.truncate(cut),
            _ => {
                let piece = &other.as_bytes()[splice.index(other.len())..];
                bytes.splice(cut..cut, piece.iter().copied());
            }
        }
        swallow(&bytes);
    }

    #[test]
    fn a_quote_is_read_as_it_was_written(
        symbol in 0u16..3, bid in written(1..1_000_000_000_000, 8), above in written(0..1_000_000, 8), at in 1_500_000_000_000i64..4_000_000_000_000,
    ) {
        prop_assume!(PRICES.contains(&bid.1));
        let ask = (bid.0.parse::<Decimal>().unwrap() + above.0.parse::<Decimal>().unwrap()).to_string();
        prop_assume!(PRICES.contains(&ask.parse().unwrap()));
        let name = ["BTCUSDT", "ETHUSDT", "BNBUSDT"][usize::from(symbol)];
        let quote = Quote { symbol: SymbolId(symbol), bid: bid.1, ask: ask.parse().unwrap(), at: Some(Timestamp(at)) };
        let frame = json!({"stream": "x", "data": {"e": "bookTicker", "E": at, "T": at, "s": name, "b": bid.0, "a": ask, "B": "1", "A": "1"}});
        let mut updates = Vec::new();
        prop_assert_eq!(binance().decode(frame.to_string().as_bytes(), &mut updates), Ok(()));
        prop_assert_eq!(updates, [Update::Quote(quote)]);
        let row = json!([{"symbol": name, "bidPrice": bid.0, "askPrice": ask, "time": at}]);
        prop_assert_eq!(respond(&Ask::Quotes(None), 200, row.to_string().as_bytes()), Ok(Answer::Quotes(vec![quote])));
    }

    #[test]
    fn a_candle_is_read_as_it_was_written(
        prices in vec(written(100..1_000_000_000, 6), 4), volume in written(0..1_000_000_000_000_000, 3),
        minute in 25_000_000i64..60_000_000, closed: bool,
    ) {
        let mut prices = prices;
        prices.sort_by(|a, b| a.1.total_cmp(&b.1));
        prop_assume!(PRICES.contains(&prices[0].1) && PRICES.contains(&prices[3].1));
        let [low, open, close, high] = [0, 1, 2, 3].map(|place| prices[place].clone());
        let open_time = Timestamp(minute * 60_000);
        let candle = Candle { open_time, open: open.1, high: high.1, low: low.1, close: close.1, volume: volume.1 };
        let k = json!({"t": open_time.0, "i": "1m", "o": open.0, "h": high.0, "l": low.0, "c": close.0, "v": volume.0, "x": closed});
        let frame = json!({"e": "kline", "E": open_time.0 + 5, "s": "BTCUSDT", "k": k});
        let mut updates = Vec::new();
        prop_assert_eq!(binance().decode(frame.to_string().as_bytes(), &mut updates), Ok(()));
        let at = open_time.plus_ms(5);
        prop_assert_eq!(updates, [Update::Candle { symbol: BTC, timeframe: Timeframe::M1, candle, closed, at }]);
        let ends = open_time.plus_ms(60_000);
        let row = json!([[open_time.0, open.0, high.0, low.0, close.0, volume.0, ends.0 - 1, "0", 0]]);
        let want = Answer::Candles(vec![crate::exchange::ListedCandle { candle, ends }]);
        prop_assert_eq!(respond(&minutes(1), 200, row.to_string().as_bytes()), Ok(want));
    }
}
