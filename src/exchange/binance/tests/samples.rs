//! Messages of each kind, written by hand after the exchange's documentation.

use super::{BTC, minutes};
use crate::{exchange::Ask, market::Timestamp};

pub const KLINE: &str = r#"{"e":"kline","E":1764060060010,"s":"BTCUSDT","k":{"t":1764060000000,"T":1764060059999,"s":"BTCUSDT","i":"1m",
    "f":100,"L":200,"o":"87000.10","c":"87010.00","h":"87020.5","l":"86990","v":"12.345","n":101,"x":true,"q":"1074000.1","V":"6","Q":"5","B":"0"}}"#;
pub const BOOK_TICKER: &str = r#"{"e":"bookTicker","u":1,"E":1764060060010,"T":1764060060008,"s":"BNBUSDT","b":"25.35","B":"31.2","a":"25.36","A":"40","st":1,"ps":"BNBUSDT"}"#;
pub const AGG_TRADE: &str = r#"{"e":"aggTrade","E":1764060060010,"a":5933014,"s":"ETHUSDT","p":"2987.65","q":"100","f":100,"l":105,"T":1764060060008,"m":true}"#;
pub const MARK: &str = r#"{"e":"markPriceUpdate","E":1764060060010,"s":"ETHUSDT","p":"2987.00","ap":"2987.1","i":"2986.6","P":"2984.2","r":"0.00038167","T":1764086400000,"st":1}"#;
pub const SUBSCRIBED: &str = r#"{"result":null,"id":7}"#;
pub const REFUSED: &str = r#"{"error":{"code":2,"msg":"Invalid request: unknown variant"},"id":7}"#;

pub const FRAMES: [&str; 6] = [KLINE, BOOK_TICKER, AGG_TRADE, MARK, SUBSCRIBED, REFUSED];

pub const LISTING: &str = r#"{"timezone":"UTC","serverTime":1764060000000,"futuresType":"U_MARGINED",
    "rateLimits":[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":2400},
                  {"rateLimitType":"ORDERS","interval":"MINUTE","intervalNum":1,"limit":1200}],
    "exchangeFilters":[],"assets":[{"asset":"USDT","marginAvailable":true}],
    "symbols":[{"symbol":"BTCUSDT","pair":"BTCUSDT","contractType":"PERPETUAL","deliveryDate":4133404802000,"onboardDate":1569398400000,
      "status":"TRADING","baseAsset":"BTC","quoteAsset":"USDT","marginAsset":"USDT","pricePrecision":2,"quantityPrecision":3,
      "filters":[{"filterType":"PRICE_FILTER","minPrice":"402","maxPrice":"1246396.60","tickSize":"0.10"},
        {"filterType":"LOT_SIZE","stepSize":"0.001","maxQty":"1000","minQty":"0.001"},
        {"filterType":"MARKET_LOT_SIZE","stepSize":"0.001","maxQty":"120","minQty":"0.001"},
        {"filterType":"MAX_NUM_ORDERS","limit":200},{"filterType":"MIN_NOTIONAL","notional":"100"}],
      "orderTypes":["LIMIT","MARKET"],"timeInForce":["GTC","IOC"]}]}"#;
pub const CANDLES: &str = r#"[[1764060000000,"87000.10","87020.5","86990","87010.00","12.345",1764060059999,"1074000.1",101,"6","5","0"],
    [1764060060000,"87010.00","87010.00","87010.00","87010.00","0",1764060119999,"0",0,"0","0","0"]]"#;
pub const QUOTES: &str = r#"[{"symbol":"ETHUSDT","bidPrice":"2987.64","bidQty":"1","askPrice":"2987.65","askQty":"2","time":1764060000001},
    {"symbol":"XYZUSDT","bidPrice":"0","bidQty":"0","askPrice":"0","askQty":"0","time":1764060000001},
    {"symbol":"BTCUSDT","bidPrice":"87000.1","bidQty":"1","askPrice":"87000.2","askQty":"2","time":1764060000002}]"#;
pub const MARKS: &str = r#"[{"symbol":"BTCUSDT","markPrice":"87001.5","indexPrice":"87002","estimatedSettlePrice":"87000","lastFundingRate":"-0.00010000",
    "interestRate":"0.0001","nextFundingTime":1764086400000,"time":1764060000003},
    {"symbol":"BTCUSDT_260327","markPrice":"87900","indexPrice":"87002","lastFundingRate":"","nextFundingTime":0,"time":1764060000003}]"#;
pub const INTERVALS: &str = r#"[{"symbol":"BNBUSDT","adjustedFundingRateCap":"0.02","adjustedFundingRateFloor":"-0.02","fundingIntervalHours":4,"disclaimer":false},
    {"symbol":"XYZUSDT","fundingIntervalHours":1}]"#;
pub const RATES: &str = r#"[{"symbol":"BTCUSDT","fundingTime":1764028800003,"fundingRate":"0.0001","markPrice":"87000","rateType":"Regular"},
    {"symbol":"BTCUSDT","fundingTime":1764057600000,"fundingRate":"-0.00002500","markPrice":"87000"}]"#;

/// A question with its answer.
pub fn answers() -> Vec<(Ask, &'static str)> {
    vec![
        (Ask::Time, r#"{"serverTime":1764060000123}"#),
        (Ask::Listing, LISTING),
        (minutes(3), CANDLES),
        (Ask::Quotes(None), QUOTES),
        (Ask::Marks(None), MARKS),
        (Ask::FundingIntervals, INTERVALS),
        (Ask::FundingHistory { symbol: BTC, from: Timestamp(1_764_028_800_000), limit: 3 }, RATES),
    ]
}
