//! Frames of streams, from text to updates.

use super::{
    BNB, BTC, ETH, binance,
    samples::{AGG_TRADE, BOOK_TICKER, KLINE, MARK},
};
use crate::{
    exchange::{Exchange, Garbled, Mark, Quote, Update},
    market::{Candle, FundingRate, Timeframe, Timestamp},
};

fn decode(frame: &str) -> Result<Update, Garbled> {
    let mut updates = Vec::new();
    binance().decode(frame.as_bytes(), &mut updates)?;
    assert_eq!(updates.len(), 1, "{frame}");
    Ok(updates.remove(0))
}

/// The frame alone, and as a combined stream wraps it, in either order.
fn spellings(frame: &str) -> [String; 3] {
    [frame.to_owned(), format!(r#"{{"stream":"a@b","data":{frame}}}"#), format!(r#"{{"data":{frame},"stream":"a@b"}}"#)]
}

#[test]
fn each_stream_says_what_it_says() {
    let candle = Candle {
        open_time: Timestamp(1_764_060_000_000),
        open: 87000.1,
        high: 87020.5,
        low: 86990.0,
        close: 87010.0,
        volume: 12.345,
    };
    let at = Timestamp(1_764_060_060_010);
    let funding = FundingRate { symbol: ETH, rate: "0.00038167".parse().unwrap(), at: Timestamp(1_764_086_400_000) };
    let cases = [
        (KLINE, Update::Candle { symbol: BTC, timeframe: Timeframe::M1, candle, closed: true, at }),
        (
            BOOK_TICKER,
            Update::Quote(Quote { symbol: BNB, bid: 25.35, ask: 25.36, at: Some(Timestamp(1_764_060_060_008)) }),
        ),
        (AGG_TRADE, Update::Trade { symbol: ETH, price: 2987.65, at: Timestamp(1_764_060_060_008) }),
        (MARK, Update::Mark(Mark { symbol: ETH, price: 2987.0, funding: Some(funding), at })),
        (
            r#"{"e":"markPriceUpdate","E":1764060060010,"s":"ETHUSDT","p":"2987","r":"","T":0}"#,
            Update::Mark(Mark { symbol: ETH, price: 2987.0, funding: None, at }),
        ),
        (r#"{"e":"serverShutdown","E":1764060060010}"#, Update::Closing),
        (r#"{"e":"forceOrder","E":1764060060010,"o":{"s":"BTCUSDT"}}"#, Update::Unknown),
        (r#"{"e":"bookTicker","s":"BTCUSD_PERP","b":"1","a":"1","st":2}"#, Update::Unknown),
        (r#"{"e":"somethingNew","s":5,"k":[1,2],"p":{"a":1},"E":"soon"}"#, Update::Unknown),
        (r#"[{"e":"markPriceUpdate"}]"#, Update::Unknown),
        ("{}", Update::Unknown),
    ];
    for (frame, want) in cases {
        for spelling in spellings(frame) {
            assert_eq!(decode(&spelling), Ok(want.clone()), "{spelling}");
        }
    }
}

/// What a message must not say: a frame that is right, what is replaced in it, and what is said of it.
#[test]
fn impossible_numbers_are_named() {
    let cases = [
        (BOOK_TICKER, r#""25.36""#, r#""25.34""#, "quote: bid 25.35 is above ask 25.34"),
        (BOOK_TICKER, r#""25.36""#, r#""NaN""#, "ask: NaN"),
        (BOOK_TICKER, r#""25.36""#, r#""inf""#, "ask: inf"),
        (BOOK_TICKER, r#""25.35""#, r#""0.00000000""#, "bid: 0.00000000"),
        (BOOK_TICKER, r#""25.35""#, "null", "bid: is missing"),
        (BOOK_TICKER, r#""25.35""#, "[1]", "bid: is missing"),
        (BOOK_TICKER, r#""25.35""#, r#""-25.35""#, "bid: -25.35"),
        (BOOK_TICKER, r#""BNBUSDT","b""#, r#"17,"b""#, "symbol: 17"),
        (BOOK_TICKER, "1764060060008", "1764060060", "time of a quote: 1764060060"),
        (BOOK_TICKER, "1764060060008", "99999999999999999999", "time of a quote: 1e20"),
        (BOOK_TICKER, "}", "", "frame: EOF while parsing an object at line 1 column 139"),
        (AGG_TRADE, "2987.65", "1e400", "price of a trade: 1e400"),
        (AGG_TRADE, r#""2987.65""#, "1e400", "frame: number out of range at line 1 column 69"),
        (AGG_TRADE, "2987.65", "1e10", "price of a trade: 1e10"),
        (
            AGG_TRADE,
            "2987.65",
            "0000000000000000000000000000000000000000001",
            "price of a trade: 0000000000000000000000000000000000000000001",
        ),
        (MARK, "0.00038167", "1.5", "funding rate: 1.5"),
        (MARK, "0.00038167", "0.00000000001", "funding rate: 0.00000000001"),
        (MARK, "1764086400000", "5", "funding time: 5"),
        (MARK, "2987.00", "x", "mark price: x"),
        (KLINE, r#""87020.5""#, r#""80000""#, "candle: high 80000 is below low 86990"),
        (KLINE, "12.345", "-1", "candle: volume is -1, but must be 0 or more"),
        (KLINE, "12.345", "1e19", "volume: 1e19"),
        (KLINE, r#""t":1764060000000"#, r#""t":1764060000001"#, "open time: 1764060000001"),
        (KLINE, "true", r#""true""#, "whether a candle is closed: true"),
        (KLINE, r#""k":{"#, r#""K":{"#, "interval: is missing"),
    ];
    for (frame, right, wrong, want) in cases {
        assert!(frame.contains(right) && decode(frame).is_ok(), "{frame} {right}");
        let found = decode(&frame.replacen(right, wrong, 1));
        assert_eq!(found.map_err(|garbled| garbled.to_string()), Err(want.to_owned()), "{right} -> {wrong}");
    }
    for text in ["", " ", "nonsense", "\u{1f980}", "{\"e\":\"kline\"", "{}{}", "{\"a\":nul}"] {
        assert!(decode(text).is_err(), "{text}");
    }
}

#[test]
fn what_is_said_of_a_message_is_short_and_harmless() {
    let frame = BOOK_TICKER.replace("25.35", &"\\u001b\u{202e}é".repeat(300));
    let garbled = decode(&frame).unwrap_err();
    assert_eq!(garbled.found.chars().count(), 200);
    assert!(garbled.found.chars().all(|c| c == 'é' || c == ' '), "{}", garbled.found);
}

#[test]
fn numbers_may_be_numbers() {
    let frame = BOOK_TICKER
        .replace(r#""25.35""#, "25.35")
        .replace(r#""25.36""#, "26")
        .replace("1764060060008", r#""1764060060008""#);
    let at = Some(Timestamp(1_764_060_060_008));
    assert_eq!(decode(&frame), Ok(Update::Quote(Quote { symbol: BNB, bid: 25.35, ask: 26.0, at })));
}

#[test]
fn names_may_be_written_with_escapes() {
    let frame = AGG_TRADE
        .replace("ETHUSDT", r"\u0045THUSDT")
        .replace("aggTrade", r"agg\u0054rade")
        .replace("2987.65", r"298\u0037.65");
    assert_eq!(decode(&frame), decode(AGG_TRADE));
}

#[test]
fn a_candle_of_a_timeframe_that_we_do_not_have_is_unknown() {
    assert_eq!(decode(&KLINE.replace(r#""1m""#, r#""1M""#)), Ok(Update::Unknown));
    assert!(matches!(decode(&KLINE.replace("true", "false")), Ok(Update::Candle { closed: false, .. })));
}

#[test]
fn subscriptions_are_answered() {
    let refused = |id, text: &str| Update::NotSubscribed { id, text: text.to_owned() };
    let cases = [
        (r#"{"result":null,"id":1}"#, Update::Subscribed { id: 1 }),
        (r#"{"id":"18446744073709551615","result":null}"#, Update::Unknown),
        (r#"{"id":"9007199254740993","result":[],"error":null}"#, Update::Subscribed { id: 9_007_199_254_740_993 }),
        (
            r#"{"error":{"code":3,"msg":"Invalid JSON: expected value"}}"#,
            refused(None, "Invalid JSON: expected value (3)"),
        ),
        (r#"{"error":{"code":2,"msg":"Invalid request","id":5},"id":4}"#, refused(Some(4), "Invalid request (2)")),
        (r#"{"code":2,"msg":"Invalid request: too many","id":4}"#, refused(Some(4), "Invalid request: too many (2)")),
        (r#"{"error":"no","id":-1}"#, refused(None, "refused without a word")),
        (r#"{"result":null}"#, Update::Unknown),
        (r#"{"stream":"a@b","data":{"id":1,"result":null}}"#, Update::Unknown),
    ];
    for (frame, want) in cases {
        assert_eq!(decode(frame), Ok(want), "{frame}");
    }
    let long = format!(r#"{{"code":2,"msg":"{}","id":4}}"#, "é".repeat(1000));
    assert!(matches!(decode(&long), Ok(Update::NotSubscribed { text, .. }) if text.chars().count() == 200));
}
