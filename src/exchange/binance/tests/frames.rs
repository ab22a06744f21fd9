//! Frames of streams, from text to updates.

use super::{BNB, BTC, ETH, binance};
use crate::{
    exchange::{Exchange, Garbled, Mark, Quote, Update},
    market::{Candle, FundingRate, Timeframe, Timestamp},
};

const KLINE: &str = r#"{"e":"kline","E":1764060060010,"s":"BTCUSDT","k":{"t":1764060000000,"T":1764060059999,"s":"BTCUSDT","i":"1m",
    "f":100,"L":200,"o":"87000.10","c":"87010.00","h":"87020.5","l":"86990","v":"12.345","n":101,"x":true,"q":"1074000.1","V":"6","Q":"5","B":"0"}}"#;

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
            r#"{"e":"bookTicker","u":1,"E":1764060060010,"T":1764060060008,"s":"BNBUSDT","b":"25.35","B":"31.2","a":"25.36","A":"40","st":1,"ps":"BNBUSDT"}"#,
            Update::Quote(Quote { symbol: BNB, bid: 25.35, ask: 25.36, at: Some(Timestamp(1_764_060_060_008)) }),
        ),
        (
            r#"{"e":"aggTrade","E":1764060060010,"a":5933014,"s":"ETHUSDT","p":"2987.65","q":"100","f":100,"l":105,"T":1764060060008,"m":true}"#,
            Update::Trade { symbol: ETH, price: 2987.65, at: Timestamp(1_764_060_060_008) },
        ),
        (
            r#"{"e":"markPriceUpdate","E":1764060060010,"s":"ETHUSDT","p":"2987.00","ap":"2987.1","i":"2986.6","P":"2984.2","r":"0.00038167","T":1764086400000,"st":1}"#,
            Update::Mark(Mark { symbol: ETH, price: 2987.0, funding: Some(funding), at }),
        ),
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
