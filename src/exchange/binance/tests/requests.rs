//! Requests, held against those that a widely used library sends.

use super::{BNB, BTC, binance, recorded::fixtures};
use crate::{
    exchange::{Ask, Exchange, binance::Binance},
    market::{Symbol, SymbolId, Timeframe, Timestamp},
};
use serde_json::Value;

fn request(ask: &Ask) -> (String, u32) {
    let request = binance().request(ask);
    (request.path, request.weight)
}

#[test]
fn each_question_has_its_path_and_weight() {
    let candles = |from, limit| Ask::Candles { symbol: BTC, timeframe: Timeframe::H4, from, limit };
    let from = Timestamp(1_764_060_000_000);
    let cases = [
        (Ask::Time, "time", 1),
        (Ask::Listing, "exchangeInfo", 1),
        (candles(None, 99), "klines?symbol=BTCUSDT&interval=4h&limit=99", 1),
        (candles(None, 100), "klines?symbol=BTCUSDT&interval=4h&limit=100", 2),
        (candles(None, 500), "klines?symbol=BTCUSDT&interval=4h&limit=500", 5),
        (candles(None, 1000), "klines?symbol=BTCUSDT&interval=4h&limit=1000", 5),
        (candles(Some(from), 1001), "klines?symbol=BTCUSDT&interval=4h&limit=1001&startTime=1764060000000", 10),
        (candles(None, u16::MAX), "klines?symbol=BTCUSDT&interval=4h&limit=1500", 10),
        (candles(None, 0), "klines?symbol=BTCUSDT&interval=4h&limit=1", 1),
        (Ask::Quotes(Some(BNB)), "ticker/bookTicker?symbol=BNBUSDT", 2),
        (Ask::Quotes(None), "ticker/bookTicker", 5),
        (Ask::Marks(Some(BNB)), "premiumIndex?symbol=BNBUSDT", 1),
        (Ask::Marks(None), "premiumIndex", 10),
        (Ask::FundingIntervals, "fundingInfo", 1),
        (
            Ask::FundingHistory { symbol: BTC, from, limit: 2000 },
            "fundingRate?symbol=BTCUSDT&startTime=1764060000000&limit=1000",
            1,
        ),
        (Ask::Quotes(Some(SymbolId(9))), "ticker/bookTicker?symbol=", 2),
    ];
    for (ask, path, weight) in cases {
        assert_eq!(request(&ask), (format!("/fapi/v1/{path}"), weight), "{ask:?}");
    }
    assert_eq!(binance().most_candles(), 1500);
}

/// What the library asks for and we do not, or otherwise.
const DIFFERENCES: [(&str, &str); 3] = [
    ("fetch_ticker", "bid and ask come from ticker/bookTicker: the statistics of a day are of no use, and heavier"),
    ("fetch_order_book", "best bid and ask are enough"),
    ("fetch_trades", "trades come by stream; what was missed is in the candles"),
];

#[test]
fn requests_are_those_of_a_library_that_many_use() {
    let Some(folder) = fixtures() else { return };
    let text = std::fs::read_to_string(folder.join("requests/binanceusdm.json")).unwrap();
    let recorded: Value = serde_json::from_str(&text).unwrap();
    let mut compared = 0;
    for case in recorded["cases"].as_array().unwrap() {
        let (operation, request) = (case["operation"].as_str().unwrap(), &case["request"]);
        let url = request["url"].as_str().unwrap();
        let public = operation.starts_with("fetch_") && !url.contains("signature=");
        if !public || DIFFERENCES.iter().any(|(name, _)| *name == operation) {
            continue;
        }
        let symbols: Vec<Symbol> =
            case["arguments"]["symbol"].as_str().map(|name| name.parse().unwrap()).into_iter().collect();
        let ours = Binance::new(&symbols).request(&ask(operation, &case["arguments"]));
        assert_eq!(request["method"], "GET", "{url}");
        assert_eq!(parameters(&ours.path), parameters(url.strip_prefix("https://fapi.binance.com").unwrap()), "{url}");
        compared += 1;
    }
    assert!(compared >= 8, "only {compared} public requests were recorded");
}

fn ask(operation: &str, arguments: &Value) -> Ask {
    let symbol = SymbolId(0);
    let limit = arguments["limit"].as_u64().map_or(1, |limit| u16::try_from(limit).unwrap());
    let since = arguments["since"].as_i64().map(Timestamp);
    let timeframe = || arguments["timeframe"].as_str().unwrap().parse().unwrap();
    match operation {
        "fetch_time" => Ask::Time,
        "fetch_ohlcv" => Ask::Candles { symbol, timeframe: timeframe(), from: since, limit },
        "fetch_funding_rate" => Ask::Marks(Some(symbol)),
        "fetch_funding_rate_history" => Ask::FundingHistory { symbol, from: since.unwrap(), limit },
        other => panic!("{other} is neither asked nor in the table of differences"),
    }
}

/// The path, and the parameters in order.
fn parameters(target: &str) -> (&str, Vec<&str>) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut parameters: Vec<&str> = query.split('&').collect();
    parameters.sort_unstable();
    (path, parameters)
}
