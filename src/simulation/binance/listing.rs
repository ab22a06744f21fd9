//! `exchangeInfo`: which markets there are, and their rules.

use super::{account, limits::WEIGHT_LIMIT, tape::Tape};
use crate::market::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// When every symbol was listed: the exchange's first day. Funding history begins here.
pub const LISTED_AT: Timestamp = Timestamp(1_569_398_400_000);
/// The delivery date of a contract that has none.
const NEVER: i64 = 4_133_404_800_000;

/// The whole listing.
pub fn exchange_info(now: Timestamp, tapes: &[Tape]) -> Value {
    let limit = |kind: &str, interval: &str, number: u32, limit: u32| json!({ "rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit });
    let asset =
        |name: &str, exchange: &str| json!({ "asset": name, "marginAvailable": true, "autoAssetExchange": exchange });
    json!({
        "timezone": "UTC",
        "serverTime": now.0,
        "futuresType": "U_MARGINED",
        "rateLimits": [
            limit("REQUEST_WEIGHT", "MINUTE", 1, WEIGHT_LIMIT),
            limit("ORDERS", "MINUTE", 1, account::ORDERS_1M),
            limit("ORDERS", "SECOND", 10, account::ORDERS_10S),
        ],
        "exchangeFilters": [],
        "assets": [asset("USDT", "-10000"), asset("USDC", "-10000"), asset("BTC", "-0.10000000")],
        "symbols": tapes.iter().map(symbol).collect::<Vec<_>>(),
    })
}

fn symbol(tape: &Tape) -> Value {
    json!({
        "symbol": tape.name,
        "pair": tape.name,
        "contractType": "PERPETUAL",
        "deliveryDate": tape.delivery.map_or(NEVER, |at| at.0),
        "onboardDate": LISTED_AT.0,
        "status": if tape.halted { "SETTLING" } else { "TRADING" },
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": tape.rules.symbol.base(),
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": tape.price.digits(),
        "quantityPrecision": tape.qty.digits(),
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "settlePlan": 0,
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10_000,
        "filters": filters(tape),
        "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        "permissionSets": ["GRID", "COPY"],
    })
}

fn filters(tape: &Tape) -> Value {
    let rules = &tape.rules;
    let text = |value: Decimal| value.normalize().to_string();
    let times =
        |value: Decimal, factor: u32| value.checked_mul(Decimal::from(factor)).map_or_else(|| text(value), text);
    let lot = |kind: &str, most: u32| json!({ "filterType": kind, "stepSize": text(rules.step), "minQty": text(rules.min_qty), "maxQty": times(rules.step, most) });
    json!([
        {
            "filterType": "PRICE_FILTER",
            "tickSize": text(rules.tick),
            "minPrice": text(rules.tick),
            "maxPrice": times(rules.tick, account::MOST_TICKS),
        },
        lot("LOT_SIZE", account::MOST_STEPS),
        lot("MARKET_LOT_SIZE", account::MOST_MARKET_STEPS),
        { "filterType": "MAX_NUM_ORDERS", "limit": account::MOST_ORDERS },
        { "filterType": "MAX_NUM_ALGO_ORDERS", "limit": account::MOST_ALGOS },
        { "filterType": "MIN_NOTIONAL", "notional": text(rules.min_notional) },
        { "filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500", "multiplierDecimal": "4" },
        { "filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE", "notionalLimit": "0" },
    ])
}
