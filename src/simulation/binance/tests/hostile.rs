//! Requests and connections as clients and others may make them: each is answered, and the accounts stay whole.

use super::{
    super::{CallId, Input, SessionId},
    broker::{Broker, KEY, headers, sign},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The exchange's number; 0 for an answer that is none.
fn ask(broker: &mut Broker, target: &str, body: &str) -> (i64, Value) {
    let reply = broker.rig.send("POST", target, &headers(KEY), body.as_bytes()).unwrap();
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    (if reply.status == 200 { 0 } else { body["code"].as_i64().unwrap() }, body)
}

/// A signature with another secret.
fn foreign(text: &str) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"another");
    ring::hmac::sign(&key, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_signature_is_over_query_and_body_wherever_it_stands() {
    let mut broker = Broker::new("none");
    let stamp = format!("timestamp={}", broker.rig.now.0);
    let signed = |text: &str| format!("signature={}", sign(text));
    let order = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&price=99000";
    for (number, (target, body, want)) in [
        // all in the query, all in the body, in both with the signature in either, in the middle, in capitals
        (format!("{order}&quantity=0.01&{stamp}&SIGN"), String::new(), 0),
        (String::new(), format!("{order}&quantity=0.01&{stamp}&SIGN"), 0),
        (order.to_owned(), format!("quantity=0.01&{stamp}&SIGN"), 0),
        (format!("{order}&SIGN"), format!("quantity=0.01&{stamp}"), 0),
        (format!("{order}&SIGN&quantity=0.01"), stamp.clone(), 0),
        (format!("{order}&quantity=0%2E01&{stamp}&SIGN"), String::new(), 0),
        (format!("{order}&quantity=0.01&{stamp}&BIG"), String::new(), 0),
        // what the query says counts, and both are signed
        (format!("{order}&quantity=0.01&{stamp}&SIGN"), "quantity=5".to_owned(), 0),
        (format!("{order}&quantity=0.01&{stamp}"), String::new(), -1102),
        (format!("{order}&quantity=0.01&{stamp}&signature="), String::new(), -1102),
        (format!("{order}&quantity=0.01&{stamp}&signature=0"), String::new(), -1022),
        (format!("{order}&quantity=0.01&{stamp}&signature=xyz"), String::new(), -1022),
        (format!("{order}&quantity=0.01&{stamp}&OTHER"), String::new(), -1022),
        (format!("{order}&quantity=0.01&SIGN"), String::new(), -1102),
        (format!("{order}&quantity=0.01&{stamp}&SIGN&SIGN"), String::new(), -1101),
    ]
    .into_iter()
    .enumerate()
    {
        let mark = |text: &str| text.replace("&SIGN", "").replace("SIGN", "").replace("&BIG", "").replace("&OTHER", "");
        let over = mark(&target) + &mark(&body);
        let other = format!("signature={}", foreign(&over));
        let fill = |text: &str| {
            let big = signed(&over).to_ascii_uppercase().replace("SIGNATURE", "signature");
            text.replace("SIGN", &signed(&over)).replace("BIG", &big).replace("OTHER", &other)
        };
        let (target, body) = (format!("/fapi/v1/order?{}", fill(&target)), fill(&body));
        let answer = ask(&mut broker, &target, &body);
        assert_eq!(answer.0, want, "{number}: {target} {body}: {answer:?}");
        if want == 0 {
            assert_eq!(answer.1["origQty"], "0.010", "{number}");
            for (target, body) in [(target.clone() + "&z=1", body.clone()), (target, body + "&z=1")] {
                let answer = ask(&mut broker, &target, &body);
                assert_eq!(answer.0, -1022, "{number}: something was added: {target} {body}");
            }
        }
    }
}

#[test]
fn a_key_is_subscribed_too() {
    let mut broker = Broker::new("none");
    let key = broker.rig.send("POST", "/fapi/v1/listenKey", &headers(KEY), &[]).unwrap();
    let key: Value = serde_json::from_slice(&key.body).unwrap();
    let mut sessions = Vec::new();
    for (path, wanted, hears) in [
        ("/private/ws", key["listenKey"].clone(), true),
        ("/private/stream", key["listenKey"].clone(), true),
        ("/private/ws", json!("dead"), false),
        ("/market/ws", key["listenKey"].clone(), false),
    ] {
        let session = broker.rig.connect(path);
        broker.rig.say(session, &json!({ "method": "SUBSCRIBE", "params": [wanted], "id": 1 }).to_string());
        assert_eq!(broker.rig.heard(session), [json!({ "result": null, "id": 1 })]);
        sessions.push((session, path, hears));
    }
    broker.well("POST", "/fapi/v1/leverage", "symbol=BTCUSDT&leverage=7");
    for (session, path, hears) in sessions {
        assert_eq!(broker.rig.heard(session).len(), usize::from(hears), "{path}");
    }
    let many = format!("/private/ws?events={}", "A/".repeat(65));
    let out = broker.rig.give(Input::Knock { session: SessionId(99), id: CallId(1 << 40), target: &many });
    assert!(matches!(&out[..], [super::super::Output::Reply(_, reply)] if reply.status == 400), "{out:?}");
}

const PATHS: [&str; 16] = [
    "/fapi/v1/order",
    "/fapi/v1/algoOrder",
    "/fapi/v1/batchOrders",
    "/fapi/v1/openOrders",
    "/fapi/v1/allOrders",
    "/fapi/v1/allOpenOrders",
    "/fapi/v1/userTrades",
    "/fapi/v1/leverage",
    "/fapi/v1/marginType",
    "/fapi/v1/positionMargin",
    "/fapi/v1/income",
    "/fapi/v3/positionRisk",
    "/fapi/v1/openAlgoOrders",
    "/fapi/v1/algoOpenOrders",
    "/fapi/v1/allAlgoOrders",
    "/fapi/v1/order/test",
];
const NAMES: [&str; 22] = [
    "symbol",
    "side",
    "type",
    "quantity",
    "price",
    "triggerPrice",
    "stopPrice",
    "callbackRate",
    "activatePrice",
    "timeInForce",
    "reduceOnly",
    "closePosition",
    "newClientOrderId",
    "clientAlgoId",
    "origClientOrderId",
    "orderId",
    "algoId",
    "algoType",
    "leverage",
    "amount",
    "batchOrders",
    "goodTillDate",
];
const VALUES: [&str; 44] = [
    "BTCUSDT",
    "BTCUSDT",
    "ETHUSDT",
    "BUY",
    "SELL",
    "MARKET",
    "LIMIT",
    "STOP_MARKET",
    "TAKE_PROFIT",
    "TRAILING_STOP_MARKET",
    "CONDITIONAL",
    "GTC",
    "GTX",
    "GTD",
    "IOC",
    "FOK",
    "true",
    "false",
    "0",
    "1",
    "0.001",
    "0.01",
    "100",
    "100000",
    "99000.1",
    "3000",
    "1e9",
    "99999999999999999999",
    "79228162514264337593543950335",
    "0.00000000000000000001",
    "18446744073709551615",
    "9223372036854775807",
    "-1",
    "",
    "x",
    "%FF",
    "%00",
    "[]",
    "[{}]",
    "[{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"type\":\"MARKET\",\"quantity\":\"0.01\"}]",
    "ISOLATED",
    "CROSSED",
    "ä",
    "5",
];

proptest! {
    /// Requests that are signed right and otherwise anything: each is answered, and the accounts stay whole.
    #[test]
    fn whatever_is_signed_does_no_harm(
        calls in proptest::collection::vec(
            (0..3_usize, 0..PATHS.len(), proptest::collection::btree_map(0..NAMES.len(), 0..VALUES.len(), 0..10), any::<bool>(), 0..3_000_i64),
            1..60,
        ),
    ) {
        let mut broker = Broker::new("none");
        for (method, path, parameters, is_sound, wait_ms) in calls {
            let method = ["POST", "DELETE", "GET"][method];
            let mut chosen: BTreeMap<&str, &str> =
                parameters.iter().map(|(name, value)| (NAMES[*name], VALUES[*value])).collect();
            if is_sound {
                for (name, value) in
                    [("symbol", "BTCUSDT"), ("side", "BUY"), ("type", "LIMIT"), ("timeInForce", "GTC"), ("algoType", "CONDITIONAL"), ("quantity", "0.01"), ("price", "99000.1")]
                {
                    chosen.entry(name).or_insert(value);
                }
            }
            let parts: Vec<String> = chosen.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let (status, body) = broker.raw(method, PATHS[path], &parts.join("&"));
            prop_assert!([200, 400, 401, 404, 429].contains(&status), "{method} {} {parts:?}: {status} {body}", PATHS[path]);
            broker.wait(wait_ms);
        }
    }

    #[test]
    fn bytes_do_no_harm(target in "/(fapi/v1/order|private/ws|played/do|played/hand/fapi/v1/order)[ -~]{0,60}", body in proptest::collection::vec(any::<u8>(), 0..100)) {
        let mut broker = Broker::new("none");
        let reply = broker.rig.send("POST", &target, &headers(KEY), &body);
        prop_assert!(reply.is_some());
        broker.rig.give(Input::Knock { session: SessionId(99), id: CallId(1 << 40), target: &target });
    }
}
