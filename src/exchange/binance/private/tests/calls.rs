//! Requests, held against those that a widely used library sends, and the signature against its own.

use super::{BTC, binance, order, reply, which};
use crate::{
    exchange::{
        FailureClass,
        binance::{Binance, private::calls::signature, tests::recorded::fixtures},
        private::{From, Keys, Method, Reply, Trading, Wish},
    },
    market::{ClientId, OrderKind, OrderRequest, OrderSide, Symbol, SymbolId, Timestamp},
};
use rust_decimal::Decimal;
use serde_json::Value;

fn keys() -> Keys {
    Keys::new("test-api-key".to_owned(), "test-api-secret")
}

#[test]
fn each_wish_has_its_request() {
    let trigger: Decimal = "60009.80".parse().unwrap();
    let stop = order(OrderKind::StopMarket { trigger }, OrderSide::Sell, true);
    let post = order(OrderKind::Limit { price: trigger, post_only: true }, OrderSide::Buy, false);
    use Method::{Delete, Get, Post, Put};
    for (wish, method, want, weight, orders) in [
        (
            Wish::Place(order(OrderKind::Market, OrderSide::Buy, false)),
            Post,
            "order?symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.012&newClientOrderId=ob1btc&newOrderRespType=RESULT",
            0,
            1,
        ),
        (
            Wish::Place(stop),
            Post,
            "algoOrder?symbol=BTCUSDT&side=SELL&type=STOP_MARKET&quantity=0.012&triggerPrice=60009.8&algoType=CONDITIONAL\
             &clientAlgoId=ob1btc&workingType=CONTRACT_PRICE&newOrderRespType=RESULT&reduceOnly=true",
            0,
            1,
        ),
        (
            Wish::Place(post),
            Post,
            "order?symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.012&price=60009.8&timeInForce=GTX&newClientOrderId=ob1btc\
             &newOrderRespType=RESULT",
            0,
            1,
        ),
        (Wish::Cancel(which(false)), Delete, "order?symbol=BTCUSDT&origClientOrderId=ob1btc", 1, 0),
        (Wish::Cancel(which(true)), Delete, "algoOrder?clientAlgoId=ob1btc", 1, 0),
        (Wish::Look(which(false)), Get, "order?symbol=BTCUSDT&origClientOrderId=ob1btc", 1, 0),
        (Wish::Conditionals(BTC), Get, "openAlgoOrders?symbol=BTCUSDT", 1, 0),
        (
            Wish::Trades { symbol: BTC, from: From::Trade(7) },
            Get,
            "userTrades?symbol=BTCUSDT&fromId=7&limit=1000",
            5,
            0,
        ),
        (Wish::OpenStream, Post, "listenKey", 1, 0),
        (Wish::ExtendStream, Put, "listenKey", 1, 0),
    ] {
        let call = binance().call(&wish);
        let mark = if call.query.is_empty() { "" } else { "?" };
        let got = format!("{}{mark}{}", call.path, call.query);
        assert_eq!((got.as_str(), call.method), (format!("/fapi/v1/{want}").as_str(), method));
        assert_eq!((call.weight, call.orders), (weight, orders), "{want}");
        let signed = binance().sign(&call, Timestamp(1_760_000_000_123), &keys());
        assert_eq!(signed.headers, [("X-MBX-APIKEY", "test-api-key".to_owned())]);
        assert_eq!(signed.path.contains("&signature="), call.signed, "{want}");
        let shown = format!("{signed:?} {:?}", keys());
        assert!(!shown.contains("test-api") && !shown.contains("signature"), "{shown}");
    }
}

#[test]
fn the_signature_is_last_and_over_all_before_it() {
    let call = binance().call(&Wish::Orders(BTC));
    let signed = binance().sign(&call, Timestamp(1_760_000_000_123), &keys());
    let (path, query) = signed.path.split_once('?').unwrap();
    let (text, tag) = query.rsplit_once("&signature=").unwrap();
    assert_eq!(path, "/fapi/v1/openOrders");
    assert_eq!(text, "symbol=BTCUSDT&recvWindow=4000&timestamp=1760000000123");
    assert_eq!(tag, signature(text, &keys()));
}

#[test]
fn a_setting_that_is_so_already_is_done() {
    for (wish, code, done) in [
        (Wish::SetOneWay, -4059, true),
        (Wish::SetOneWay, -4046, false),
        (Wish::SetIsolated(BTC), -4046, true),
        (Wish::SetIsolated(BTC), -4048, false),
        (Wish::SetLeverage(BTC, 5), -4059, false),
    ] {
        let got = reply(&wish, 400, &format!("{{\"code\":{code},\"msg\":\"No need to change.\"}}"));
        match got {
            Ok(reply) => assert!(done && reply == Reply::Done, "{wish:?} {code}"),
            Err(failure) => assert!(!done && failure.class == FailureClass::Refused, "{wish:?} {code}"),
        }
    }
}

/// What we ask otherwise than the library, by what it calls it, and why.
const DIFFERENCES: [(&str, &str); 5] = [
    ("cancel_order", "by our own name: the exchange's number is unknown while an answer is missing"),
    ("cancel_all_orders", "orders are cancelled one by one, since those of others are left alone"),
    ("fetch_order", "by our own name, likewise"),
    ("create_order limit buy ioc", "the engine asks for no order of that kind"),
    ("create_order trailing", "the engine moves the stop, so that it is the same on paper"),
];

/// Parameters that differ on purpose.
const OURS: [(&str, &str); 6] = [
    ("recvWindow", "shorter: what is lost is known sooner"),
    ("workingType", "said, since paper trading triggers by the last price"),
    ("newClientOrderId", "our names have letters and digits alone"),
    ("clientAlgoId", "likewise"),
    ("origClientOrderId", "likewise"),
    ("limit", "as many trades as there may be"),
];

#[test]
fn requests_are_those_of_a_library_that_many_use() {
    let Some(folder) = fixtures() else { return };
    let text = std::fs::read_to_string(folder.join("requests/binanceusdm.json")).unwrap();
    let recorded: Value = serde_json::from_str(&text).unwrap();
    let mut compared = Vec::new();
    for case in recorded["cases"].as_array().unwrap() {
        let (name, request) = (case["case"].as_str().unwrap(), &case["request"]);
        let url = request["url"].as_str().unwrap();
        let (path, query) =
            url.strip_prefix("https://fapi.binance.com").map(|p| p.split_once('?').unwrap_or((p, ""))).unwrap();
        let theirs = format!("{query}{}", request["body"].as_str().unwrap_or_default());
        let Some((unsigned, tag)) = theirs.rsplit_once("&signature=") else { continue };
        assert_eq!(signature(unsigned, &keys()), tag, "{name}");
        let by_number = case["arguments"]["id"].is_string();
        if by_number || DIFFERENCES.iter().any(|(case, _)| *case == name) {
            continue;
        }
        let (codec, wish) = wish(case);
        let call = codec.call(&wish);
        let signed = codec.sign(&call, Timestamp(recorded["clock_ms"].as_i64().unwrap()), &keys());
        let (our_path, our_query) = signed.path.split_once('?').unwrap();
        assert_eq!(format!("{:?}", signed.method).to_uppercase(), request["method"].as_str().unwrap(), "{name}");
        assert_eq!(our_path, path, "{name}");
        assert_eq!(parameters(our_query), parameters(&theirs), "{name}");
        assert_eq!(signed.headers[0].1, request["headers"]["X-MBX-APIKEY"].as_str().unwrap());
        compared.push(name.to_owned());
    }
    compared.sort();
    compared.dedup();
    assert!(compared.len() >= 11, "only {compared:?} were compared");
}

/// Without those that differ on purpose.
fn parameters(query: &str) -> Vec<&str> {
    let ours = |parameter: &&str| {
        let name = parameter.split('=').next().unwrap_or_default();
        name != "signature" && OURS.iter().all(|(own, _)| *own != name)
    };
    let mut parameters: Vec<&str> = query.split('&').filter(ours).collect();
    parameters.sort_unstable();
    parameters
}

fn wish(case: &Value) -> (Binance, Wish) {
    let (operation, arguments) = (case["operation"].as_str().unwrap(), &case["arguments"]);
    let symbols: Vec<Symbol> = arguments["symbol"].as_str().map(|name| name.parse().unwrap()).into_iter().collect();
    let symbol = SymbolId(0);
    let wish = match operation {
        "create_order" => Wish::Place(request(arguments)),
        "cancel_order" => Wish::Cancel(which(false)),
        "fetch_open_orders" => Wish::Orders(symbol),
        "fetch_my_trades" => Wish::Trades { symbol, from: From::Time(Timestamp(arguments["since"].as_i64().unwrap())) },
        "set_position_mode" => Wish::SetOneWay,
        "set_margin_mode" => Wish::SetIsolated(symbol),
        "set_leverage" => Wish::SetLeverage(symbol, 5),
        "fetch_balance" => Wish::Balance,
        "fetch_positions" => Wish::Positions,
        other => panic!("{other} is neither asked nor in the table of differences"),
    };
    (Binance::new(&symbols), wish)
}

/// The order that the arguments describe; prices are put on the tick as the library does.
fn request(arguments: &Value) -> OrderRequest {
    let number = |value: &Value| value.as_f64().and_then(crate::market::decimal).unwrap();
    let params = &arguments["params"];
    let coarse = arguments["symbol"].as_str().unwrap().starts_with("SOL");
    let price = |value: &Value| number(value).round_dp(if coarse { 2 } else { 8 });
    let kind = match (arguments["type"].as_str().unwrap(), &params["stopLossPrice"], &params["takeProfitPrice"]) {
        ("limit", ..) => OrderKind::Limit {
            price: price(&arguments["price"]),
            post_only: params["postOnly"].as_bool().unwrap_or_default(),
        },
        (_, Value::Number(_), _) => OrderKind::StopMarket { trigger: price(&params["stopLossPrice"]) },
        (_, _, Value::Number(_)) => OrderKind::TakeProfitMarket { trigger: price(&params["takeProfitPrice"]) },
        _ => OrderKind::Market,
    };
    OrderRequest {
        id: ClientId::new("ob1btc").unwrap(),
        symbol: SymbolId(0),
        side: if arguments["side"] == "buy" { OrderSide::Buy } else { OrderSide::Sell },
        kind,
        qty: number(&arguments["amount"]),
        reduce_only: params["reduceOnly"].as_bool().unwrap_or_default(),
    }
}
