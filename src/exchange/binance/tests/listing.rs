//! Rules of markets.

use super::{BTC, answer, samples::LISTING};
use crate::{
    exchange::{Answer, Ask, FailureClass, Listing, Market, MarketStatus},
    market::Timestamp,
};
use rust_decimal::Decimal;

fn listing(body: &str) -> Listing {
    match answer(&Ask::Listing, body) {
        Ok(Answer::Listing(listing)) => listing,
        other => panic!("{other:?}"),
    }
}

/// The sample's market with a part of its text replaced; `None` where it is not offered.
fn market(right: &str, wrong: &str) -> Option<Market> {
    assert!(LISTING.contains(right), "{right}");
    let listing = listing(&LISTING.replacen(right, wrong, 1));
    assert_eq!(listing.listed, 1);
    listing.markets.into_iter().next()
}

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn rules_come_from_the_filters() {
    let listing = listing(LISTING);
    assert_eq!((listing.weight_limit, listing.listed, listing.markets.len()), (Some(2400), 1, 1));
    assert_eq!(listing.order_limits, [None, Some(1200)], "what is not said is as usual");
    let market = &listing.markets[0];
    let rules = &market.instrument;
    assert_eq!((market.symbol, rules.symbol.as_str()), (BTC, "BTC/USDT:USDT"));
    assert_eq!((rules.tick, rules.step), (dec("0.1"), dec("0.001")), "and not from the precisions");
    assert_eq!((rules.min_qty, rules.min_notional), (dec("0.001"), dec("100")));
    assert_eq!((market.max_market_qty, market.contract), (Some(dec("120")), Decimal::ONE));
    assert_eq!((market.status, market.delisted_at), (MarketStatus::Trading, None));
}

#[test]
fn market_orders_keep_both_filters_of_size() {
    let lot = r#""LOT_SIZE","stepSize":"0.001","maxQty":"1000","minQty":"0.001""#;
    for (wrong, step, least) in [
        (r#""LOT_SIZE","stepSize":"0.0001","maxQty":"1000","minQty":"0.0001""#, "0.001", "0.001"),
        (r#""LOT_SIZE","stepSize":"0.002","maxQty":"1000","minQty":"0.5""#, "0.002", "0.5"),
        (r#""LOT_SIZE","stepSize":"0.001","maxQty":"1000","minQty":"0""#, "0.001", "0.001"),
    ] {
        let rules = market(lot, wrong).unwrap().instrument;
        assert_eq!((rules.step, rules.min_qty), (dec(step), dec(least)), "{wrong}");
    }
    let none = market(r#""MARKET_LOT_SIZE""#, r#""SOMETHING_NEW""#).unwrap();
    assert_eq!(none.max_market_qty, Some(dec("1000")), "without a filter of its own");
    let zero = market(r#""MARKET_LOT_SIZE","stepSize":"0.001""#, r#""MARKET_LOT_SIZE","stepSize":"0.000""#).unwrap();
    assert_eq!(zero.instrument.step, dec("0.001"));
}

#[test]
fn a_market_with_impossible_rules_or_of_another_kind_is_not_offered() {
    for (right, wrong) in [
        (r#""tickSize":"0.10""#, r#""tickSize":"0""#),
        (r#""tickSize":"0.10""#, r#""tickSize":"-0.1""#),
        (r#""tickSize":"0.10""#, r#""tickSize":"x""#),
        (r#""tickSize":"0.10""#, r#""tickSize":"0.00000000001""#),
        (r#""tickSize":"0.10""#, r#""tickSize":"10000000000000""#),
        (r#""tickSize":"0.10""#, r#""tick":"0.10""#),
        (r#""stepSize":"0.001""#, r#""stepSize":"0""#),
        (r#""stepSize":"0.001""#, r#""stepSize":"0.0007""#),
        (r#""stepSize":"0.001""#, r#""stepSize":"79228162514264337593543950335""#),
        (r#""minQty":"0.001""#, r#""minQty":"121""#),
        (r#""minQty":"0.001""#, r#""minQty":null"#),
        (r#""notional":"100""#, r#""notional":"-1""#),
        (r#""MIN_NOTIONAL""#, r#""SOMETHING_NEW""#),
        (r#""contractType":"PERPETUAL""#, r#""contractType":"CURRENT_QUARTER""#),
        (r#""contractType":"PERPETUAL""#, r#""contractType":"""#),
        (r#""contractType":"PERPETUAL""#, r#""contractType":"SOMETHING_NEW""#),
        (r#""marginAsset":"USDT""#, r#""marginAsset":"BTC""#),
        (r#""quoteAsset":"USDT""#, r#""quoteAsset":"USDC""#),
        (r#""symbol":"BTCUSDT""#, r#""symbol":"BTCUSDT_260327""#),
        (r#""symbol":"BTCUSDT""#, r#""symbol":"币安人生USDT""#),
    ] {
        assert_eq!(market(right, wrong), None, "{right} -> {wrong}");
    }
    assert!(market(r#""contractType":"PERPETUAL""#, r#""contractType":"TRADIFI_PERPETUAL""#).is_some());
}

#[test]
fn only_a_known_word_is_leave_to_trade() {
    for (word, want) in [
        ("TRADING", MarketStatus::Trading),
        ("PENDING_TRADING", MarketStatus::Paused),
        ("PRE_SETTLE", MarketStatus::Paused),
        ("SETTLING", MarketStatus::Paused),
        ("CLOSE", MarketStatus::Closed),
        ("DELIVERED", MarketStatus::Closed),
        ("SOMETHING_NEW", MarketStatus::Paused),
        ("trading", MarketStatus::Paused),
    ] {
        let status = format!(r#""status":"{word}""#);
        assert_eq!(market(r#""status":"TRADING""#, &status).unwrap().status, want, "{word}");
    }
}

#[test]
fn a_near_delivery_is_a_delisting() {
    for (date, want) in
        [("1764200000000", Some(1_764_200_000_000)), ("0", None), ("4133404800000", None), ("null", None)]
    {
        assert_eq!(market("4133404802000", date).unwrap().delisted_at, want.map(Timestamp), "{date}");
    }
}

#[test]
fn the_limit_is_the_weight_a_minute() {
    for (right, wrong) in
        [("REQUEST_WEIGHT", "RAW_REQUESTS"), ("2400", "0"), ("2400", "-5"), ("2400", "1e99"), ("MINUTE", "DAY")]
    {
        assert_eq!(listing(&LISTING.replacen(right, wrong, 1)).weight_limit, None, "{wrong}");
    }
}

#[test]
fn a_listing_without_markets_is_none() {
    for body in [r#"{"symbols":null}"#, r#"{"rateLimits":[]}"#, r#"{"symbols":[5]}"#, &LISTING[..LISTING.len() - 2]] {
        assert_eq!(answer(&Ask::Listing, body).unwrap_err().class, FailureClass::Unknown, "{body}");
    }
}

/// As long as a real one, of which one market is ours.
#[test]
fn of_a_long_list_only_what_is_configured_is_kept() {
    let (head, rest) = LISTING.split_once(r#""symbols":["#).unwrap();
    let market = rest.strip_suffix("]}").unwrap();
    let others: Vec<String> = (0..1000).map(|number| market.replace("BTC", &format!("X{number}"))).collect();
    let body = format!(r#"{head}"symbols":[{},{market}]}}"#, others.join(","));
    let found = listing(&body);
    assert_eq!((found.listed, found.markets), (1001, listing(LISTING).markets));
}
