//! Why orders are refused: rows of request and number.

use super::broker::{Broker, dec};

#[test]
fn an_order_that_breaks_a_rule_is_refused_with_the_rules_number() {
    let mut broker = Broker::new("none");
    broker.well(
        "POST",
        "/fapi/v1/order",
        "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.002&price=99000&timeInForce=GTC&newClientOrderId=taken",
    );
    let before = broker.well("GET", "/fapi/v1/openOrders", "");
    for (order, code) in [
        ("side=BUY&type=MARKET&quantity=0.002", -1102),
        ("symbol=XXXUSDT&side=BUY&type=MARKET&quantity=0.002", -1121),
        ("symbol=BTCUSDT&type=MARKET&quantity=0.002", -1102),
        ("symbol=BTCUSDT&side=LONG&type=MARKET&quantity=0.002", -1117),
        ("symbol=BTCUSDT&side=BUY&type=ODD&quantity=0.002", -1116),
        ("symbol=BTCUSDT&side=BUY&type=MARKET", -1102),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=x", -1100),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=-1", -1100),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1e3", -1100),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.0020001", -1111),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0", -4003),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=121", -4005),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=99999999999999999999", -4005),
        ("symbol=DOGEUSDT&side=BUY&type=MARKET&quantity=0.5", -1111),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.002&price=1", -1106),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.002&timeInForce=GTC", -1106),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.002&timeInForce=GTC", -1102),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.002&price=99000", -1102),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.002&price=99000&timeInForce=ODD", -1115),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.002&price=0&timeInForce=GTC", -4001),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.002&price=99000.01&timeInForce=GTC", -1111),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.002&price=10000001&timeInForce=GTC", -4002),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.002&price=106000&timeInForce=GTC", -4016),
        ("symbol=BTCUSDT&side=SELL&type=LIMIT&quantity=0.002&price=94000&timeInForce=GTC", -4024),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.002&price=99000&timeInForce=GTD&goodTillDate=1", -5040),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.001&price=99000&timeInForce=GTC", -4164),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.002&price=99000&timeInForce=GTC&newClientOrderId=taken", -4116),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.002&price=100100&timeInForce=GTX", -5022),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=99000&timeInForce=FOK", -5021),
        (
            "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.002&newClientOrderId=0123456789012345678901234567890123456",
            -4015,
        ),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.002&newClientOrderId=a%20b", -1100),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.002&positionSide=LONG", -4061),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.002&reduceOnly=true", -2022),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.002&reduceOnly=maybe", -1130),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&closePosition=true", -4136),
        ("symbol=BTCUSDT&side=SELL&type=STOP_MARKET&stopPrice=90000&quantity=0.002", -4120),
        ("symbol=BTCUSDT&side=SELL&type=TRAILING_STOP_MARKET&callbackRate=1&quantity=0.002", -4120),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=3", -2019),
    ] {
        assert_eq!(broker.code("POST", "/fapi/v1/order", order), code, "{order}");
    }
    assert_eq!(broker.well("GET", "/fapi/v1/openOrders", ""), before, "a refusal leaves nothing");
    assert_eq!(broker.balance(), dec("10000"));
}

#[test]
fn an_algo_order_that_breaks_a_rule_is_refused_with_the_rules_number() {
    let mut broker = Broker::new("none");
    broker.well("POST", "/fapi/v1/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01");
    let close = "symbol=BTCUSDT&algoType=CONDITIONAL&side=SELL&type=STOP_MARKET&triggerPrice=90000&closePosition=true";
    broker.well("POST", "/fapi/v1/algoOrder", &format!("{close}&clientAlgoId=taken"));
    let algo = "symbol=BTCUSDT&algoType=CONDITIONAL";
    for (order, code) in [
        ("side=SELL&type=STOP_MARKET&triggerPrice=100001&quantity=0.01&reduceOnly=true", -2021),
        ("side=BUY&type=STOP_MARKET&triggerPrice=99999&quantity=0.01", -2021),
        ("side=SELL&type=TAKE_PROFIT_MARKET&triggerPrice=99999&quantity=0.01", -2021),
        ("side=BUY&type=TAKE_PROFIT_MARKET&triggerPrice=100001&quantity=0.01", -2021),
        ("side=SELL&type=STOP_MARKET&quantity=0.01", -1102),
        ("side=SELL&type=STOP_MARKET&triggerPrice=90000", -1102),
        ("side=SELL&type=MARKET&triggerPrice=90000&quantity=0.01", -1116),
        ("side=SELL&type=STOP_MARKET&triggerPrice=90000.01&quantity=0.01", -1111),
        ("side=SELL&type=STOP_MARKET&triggerPrice=90000&quantity=0.00001", -1111),
        ("side=SELL&type=STOP_MARKET&triggerPrice=90000&quantity=0.001", -4164),
        ("side=SELL&type=STOP&triggerPrice=90000&quantity=0.01", -1102),
        ("side=SELL&type=STOP_MARKET&triggerPrice=90000&quantity=0.01&clientAlgoId=taken", -4116),
        ("side=SELL&type=STOP_MARKET&triggerPrice=91000&closePosition=true", -4130),
        ("side=BUY&type=STOP_MARKET&triggerPrice=110000&closePosition=true", -4509),
        ("side=SELL&type=STOP_MARKET&triggerPrice=90000&closePosition=true&quantity=0.01", -4137),
        ("side=SELL&type=STOP_MARKET&triggerPrice=90000&closePosition=true&reduceOnly=true", -1106),
        ("side=SELL&type=STOP&triggerPrice=90000&price=90000&closePosition=true", -4136),
        ("side=SELL&type=TRAILING_STOP_MARKET&quantity=0.01", -1102),
        ("side=SELL&type=TRAILING_STOP_MARKET&quantity=0.01&callbackRate=11", -4136),
        ("side=SELL&type=STOP_MARKET&triggerPrice=90000&quantity=0.01&workingType=INDEX", -1102),
        ("side=SELL&type=STOP_MARKET&triggerPrice=90000&quantity=0.01&positionSide=SHORT", -4061),
    ] {
        assert_eq!(broker.code("POST", "/fapi/v1/algoOrder", &format!("{algo}&{order}")), code, "{order}");
    }
    let take = "side=SELL&type=TAKE_PROFIT_MARKET&triggerPrice=110000&closePosition=true";
    broker.well("POST", "/fapi/v1/algoOrder", &format!("{algo}&{take}"));
    for at in 0..8 {
        let more =
            format!("{algo}&side=SELL&type=STOP_MARKET&triggerPrice={}&quantity=0.01&reduceOnly=true", 80_000 + at);
        broker.well("POST", "/fapi/v1/algoOrder", &more);
    }
    let more = format!("{algo}&side=SELL&type=STOP_MARKET&triggerPrice=70000&quantity=0.01&reduceOnly=true");
    assert_eq!(broker.code("POST", "/fapi/v1/algoOrder", &more), -4045);
}

#[test]
fn reduce_only_orders_together_close_no_more_than_is_held() {
    let mut broker = Broker::new("none");
    broker.well("POST", "/fapi/v1/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01");
    let close = |qty: &str| {
        format!("symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&price=101000&quantity={qty}&reduceOnly=true")
    };
    broker.well("POST", "/fapi/v1/order", &close("0.004"));
    let cut = broker.well("POST", "/fapi/v1/order", &close("0.009"));
    assert_eq!(cut["origQty"], "0.006");
    assert_eq!(broker.code("POST", "/fapi/v1/order", &close("0.001")), -4118);
    assert_eq!(broker.code("POST", "/fapi/v1/order", &close("0.001").replace("SELL", "BUY")), -2022);
    // a market order goes before them
    broker.well("POST", "/fapi/v1/order", "symbol=BTCUSDT&side=SELL&type=MARKET&quantity=0.01&reduceOnly=true");
    assert_eq!((broker.held(), broker.well("GET", "/fapi/v1/openOrders", "")), (dec("0"), serde_json::json!([])));
}

#[test]
fn settings_answer_with_the_documented_numbers() {
    let mut broker = Broker::new("none");
    for (path, query, want) in [
        ("/fapi/v1/positionSide/dual", "dualSidePosition=false", -4059),
        ("/fapi/v1/marginType", "symbol=BTCUSDT&marginType=CROSSED", -4046),
        ("/fapi/v1/marginType", "symbol=BTCUSDT&marginType=ODD", -4055),
        ("/fapi/v1/marginType", "symbol=BTCUSDT&marginType=ISOLATED", 200),
        ("/fapi/v1/marginType", "symbol=BTCUSDT&marginType=ISOLATED", -4046),
        ("/fapi/v1/multiAssetsMargin", "multiAssetsMargin=false", -4171),
        ("/fapi/v1/multiAssetsMargin", "multiAssetsMargin=true", -4167),
        ("/fapi/v1/leverage", "symbol=BTCUSDT&leverage=126", -4028),
        ("/fapi/v1/leverage", "symbol=BTCUSDT&leverage=0", -4028),
        ("/fapi/v1/leverage", "symbol=BTCUSDT&leverage=10", 200),
        ("/fapi/v1/leverage", "symbol=BTCUSDT&leverage=10", 200),
        ("/fapi/v1/order", "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.002&price=99000&timeInForce=GTC", 200),
        ("/fapi/v1/marginType", "symbol=BTCUSDT&marginType=CROSSED", -4047),
        ("/fapi/v1/positionSide/dual", "dualSidePosition=true", -4067),
        ("/fapi/v1/order", "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.01&price=100100&timeInForce=IOC", 200),
        ("/fapi/v1/leverage", "symbol=BTCUSDT&leverage=9", -4161),
        ("/fapi/v1/leverage", "symbol=BTCUSDT&leverage=11", 200),
    ] {
        let (status, body) = broker.raw("POST", path, query);
        let got = if status == 200 { 200 } else { body["code"].as_i64().unwrap() };
        assert_eq!(got, want, "{path}?{query}: {body}");
    }
    broker.well("DELETE", "/fapi/v1/allOpenOrders", "symbol=BTCUSDT");
    assert_eq!(broker.code("POST", "/fapi/v1/marginType", "symbol=BTCUSDT&marginType=CROSSED"), -4048);
    assert_eq!(broker.code("POST", "/fapi/v1/positionSide/dual", "dualSidePosition=true"), -4068);
    for (method, path, query, code) in [
        ("GET", "/fapi/v1/order", "symbol=BTCUSDT&origClientOrderId=none", -2013),
        ("GET", "/fapi/v1/order", "symbol=BTCUSDT", -1102),
        ("GET", "/fapi/v1/openOrder", "symbol=BTCUSDT&orderId=1", -2013),
        ("DELETE", "/fapi/v1/order", "symbol=BTCUSDT&origClientOrderId=none", -2011),
        ("GET", "/fapi/v1/algoOrder", "clientAlgoId=none", -2013),
        ("DELETE", "/fapi/v1/algoOrder", "algoId=1", -2011),
        ("GET", "/fapi/v1/userTrades", "", -1102),
        ("GET", "/fapi/v1/userTrades", "symbol=BTCUSDT&startTime=1&endTime=999999999", -4166),
        ("PUT", "/fapi/v1/leverage", "symbol=BTCUSDT", -5000),
    ] {
        assert_eq!(broker.code(method, path, query), code, "{method} {path}?{query}");
    }
}

#[test]
fn too_many_orders_are_refused_until_ten_seconds_are_over() {
    let mut broker = Broker::new("none");
    let order = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=9";
    for _ in 0..300 {
        assert_eq!(broker.code("POST", "/fapi/v1/order", order), -2019);
    }
    assert_eq!(broker.raw("POST", "/fapi/v1/order", order).0, 429);
    assert_eq!(broker.code("POST", "/fapi/v1/order", order), -1015);
    broker.wait(10_000);
    assert_eq!(broker.code("POST", "/fapi/v1/order", order), -2019);
    for at in 0..200 {
        let order = format!("symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.002&timeInForce=GTC&price={}", 95_100 + at);
        broker.well("POST", "/fapi/v1/order", &order);
    }
    broker.wait(10_000);
    let one_more = "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.002&price=95000&timeInForce=GTC";
    assert_eq!(broker.code("POST", "/fapi/v1/order", one_more), -2025);
}
