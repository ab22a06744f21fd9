//! Who may ask and listen: signatures, times, keys of streams, and whatever else may come in.

use super::{
    super::{CallId, Faults, Input, Opening, Output, SessionId, Settings, Venue},
    rig::{START, instruments},
};
use crate::market::{Candle, ClosedCandle, HOUR_MS, MINUTE_MS, SymbolId, Timeframe, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A venue with two accounts, in the middle of a minute.
struct Hall {
    venue: Venue,
    now: Timestamp,
    heard: BTreeMap<SessionId, Vec<Value>>,
    calls: u64,
}

impl Hall {
    fn new() -> Self {
        let opening = |number: u32| Opening {
            key: format!("key{number}"),
            secret: format!("secret{number}"),
            balance: 10_000.into(),
        };
        let faults = Faults::default();
        let settings =
            Settings { instruments: instruments(2), seed: 7, faults, accounts: vec![opening(1), opening(2)] };
        let mut hall = Self { venue: Venue::new(settings), now: START, heard: BTreeMap::new(), calls: 0 };
        for minute in -3..=0 {
            for (place, price) in [(0, 100_000.0), (1, 3_000.0)] {
                let open_time = START.plus_ms(minute * MINUTE_MS);
                let candle =
                    Candle { open_time, open: price, high: price + 9.0, low: price - 9.0, close: price, volume: 900.0 };
                let history = minute < 0;
                let closed = ClosedCandle { symbol: SymbolId(place), timeframe: Timeframe::M1, candle, history };
                hall.give(Input::Candle(&closed));
            }
        }
        hall.pass(30_000);
        hall
    }

    fn pass(&mut self, ms: i64) {
        self.now = self.now.plus_ms(ms);
        self.give(Input::Wake);
    }

    fn give(&mut self, input: Input<'_>) -> Vec<Output> {
        let mut out = Vec::new();
        self.venue.handle(self.now, input, &mut out);
        self.venue.check();
        for output in &out {
            if let Output::Push(session, text) = output {
                self.heard.entry(*session).or_default().push(serde_json::from_str(text).unwrap());
            }
        }
        out
    }

    /// Status and body of the answer.
    fn call(&mut self, account: u32, method: &str, target: &str, body: &str) -> (u16, Value) {
        self.calls += 1;
        let headers = [("x-mbx-apikey".to_owned(), format!("key{account}"))];
        let call = Input::Call { id: CallId(self.calls), method, target, headers: &headers, body: body.as_bytes() };
        let found = self.give(call).into_iter().find_map(|output| match output {
            Output::Reply(_, reply) => Some((reply.status, serde_json::from_slice(&reply.body).unwrap())),
            _ => None,
        });
        found.unwrap()
    }

    /// A request that is signed as it must be, with everything in the query.
    fn signed(&mut self, account: u32, method: &str, path: &str, query: &str) -> (u16, Value) {
        let query = format!("{query}{}timestamp={}", if query.is_empty() { "" } else { "&" }, self.now.0);
        let target = format!("{path}?{query}&signature={}", signature(account, &query));
        self.call(account, method, &target, "")
    }

    fn connect(&mut self, number: u64, target: &str) -> SessionId {
        let session = SessionId(number);
        let out = self.give(Input::Knock { session, id: CallId(1 << 40), target });
        assert!(out.contains(&Output::Welcome(session)), "{target}: {out:?}");
        session
    }

    fn key(&mut self, account: u32) -> String {
        let (status, body) = self.call(account, "POST", "/fapi/v1/listenKey", "");
        assert_eq!(status, 200, "{body}");
        body["listenKey"].as_str().unwrap().to_owned()
    }
}

fn signature(account: u32, text: &str) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, format!("secret{account}").as_bytes());
    ring::hmac::sign(&key, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The exchange's number; 0 for an answer that is none.
fn code((status, body): &(u16, Value)) -> i64 {
    if *status == 200 { 0 } else { body["code"].as_i64().unwrap() }
}

#[test]
fn a_signature_is_over_query_and_body_as_they_are_sent() {
    let mut hall = Hall::new();
    let stamp = format!("timestamp={}", hall.now.0);
    let signed = |text: &str| format!("signature={}", signature(1, text));
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
        let other = format!("signature={}", signature(2, &over));
        let fill = |text: &str| {
            let big = signed(&over).to_ascii_uppercase().replace("SIGNATURE", "signature");
            text.replace("SIGN", &signed(&over)).replace("BIG", &big).replace("OTHER", &other)
        };
        let (target, body) = (format!("/fapi/v1/order?{}", fill(&target)), fill(&body));
        let answer = hall.call(1, "POST", &target, &body);
        assert_eq!(code(&answer), want, "{number}: {target} {body}: {answer:?}");
        if want == 0 {
            assert_eq!(answer.1["origQty"], "0.010", "{number}");
            for (target, body) in [(target.clone() + "&z=1", body.clone()), (target, body + "&z=1")] {
                let answer = hall.call(1, "POST", &target, &body);
                assert_eq!(code(&answer), -1022, "{number}: something was added: {target} {body}");
            }
        }
    }
}

#[test]
fn a_request_has_its_time() {
    let mut hall = Hall::new();
    for (ago_ms, window, want) in [
        (0, "", 0),
        (5_000, "", 0),
        (5_001, "", -1021),
        (-999, "", 0),
        (-1_000, "", -1021),
        (-1_000, "60000", -1021),
        (60_000, "60000", 0),
        (60_001, "60000", -1021),
        (100, "99", -1021),
        (0, "60001", -1131),
        (0, "-1", -1100),
    ] {
        let window = if window.is_empty() { String::new() } else { format!("&recvWindow={window}") };
        let query = format!("timestamp={}{window}", hall.now.0 - ago_ms);
        let target = format!("/fapi/v3/balance?{query}&signature={}", signature(1, &query));
        assert_eq!(code(&hall.call(1, "GET", &target, "")), want, "{ago_ms} {window}");
    }
}

#[test]
fn a_private_stream_is_there_where_clients_look_for_it() {
    let mut hall = Hall::new();
    let (mine, other) = (hall.key(1), hall.key(2));
    let forms = [
        (format!("/private/ws/{mine}"), false),
        (format!("/private/ws?listenKey={mine}"), false),
        (format!("/private/ws?listenKey={mine}&events=ORDER_TRADE_UPDATE/listenKeyExpired"), false),
        (format!("/private/stream?listenKey={mine}"), true),
        (format!("/private/stream?streams={mine}"), true),
        (format!("/ws/{mine}"), false),
        (format!("/stream?streams=btcusdt@kline_1m/{mine}"), true),
        ("/private/ws".to_owned(), false),
    ];
    let sessions: Vec<SessionId> =
        forms.iter().enumerate().map(|(at, (form, _))| hall.connect(at as u64, form)).collect();
    let ask = json!({ "method": "SUBSCRIBE", "params": [&mine], "id": 1 }).to_string();
    hall.give(Input::Frame(sessions[7], &ask));
    assert_eq!(hall.heard.remove(&sessions[7]).unwrap(), [json!({ "result": null, "id": 1 })]);
    let deaf: Vec<SessionId> = [
        format!("/private/ws/{other}"),
        "/private/ws/dead".to_owned(),
        format!("/market/ws/{mine}"),
        "/private/ws".to_owned(),
    ]
    .iter()
    .enumerate()
    .map(|(at, form)| hall.connect(100 + at as u64, form))
    .collect();
    let (status, body) = hall.signed(1, "POST", "/fapi/v1/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01");
    assert_eq!(status, 200, "{body}");
    for ((form, combined), session) in forms.iter().zip(&sessions) {
        let heard = hall.heard.remove(session).unwrap_or_default();
        let data = |message: &Value| if *combined { message["data"].clone() } else { message.clone() };
        assert!(!combined || heard.iter().all(|message| message["stream"] == mine.as_str()), "{form}: {heard:?}");
        let kinds: Vec<String> = heard.iter().map(|message| data(message)["e"].as_str().unwrap().to_owned()).collect();
        let has = |kind: &str| kinds.iter().any(|held| held == kind);
        assert!(has("ORDER_TRADE_UPDATE"), "{form}: {kinds:?}");
        assert_eq!(has("ACCOUNT_UPDATE"), !form.contains("events"), "{form}: {kinds:?}");
        assert_eq!(data(heard.last().unwrap())["o"]["X"], "FILLED", "{form}");
    }
    assert!(deaf.iter().all(|session| !hall.heard.contains_key(session)), "{:?}", hall.heard);
}

#[test]
fn a_stream_lives_as_long_as_its_key() {
    let mut hall = Hall::new();
    let key = hall.key(1);
    let session = hall.connect(1, &format!("/private/ws/{key}"));
    assert_eq!(hall.key(1), key, "the same key while it lives");
    hall.pass(HOUR_MS - 1_000);
    assert_eq!(code(&hall.call(1, "PUT", "/fapi/v1/listenKey", "")), 0);
    hall.pass(HOUR_MS - 1_000);
    assert!(!hall.heard.contains_key(&session), "{:?}", hall.heard);
    hall.pass(2_000);
    let heard = hall.heard.remove(&session).unwrap();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!(
        (heard[0]["e"].as_str(), heard[0]["listenKey"].as_str()),
        (Some("listenKeyExpired"), Some(key.as_str()))
    );
    assert_eq!(code(&hall.call(1, "PUT", "/fapi/v1/listenKey", "")), -1125);
    let next = hall.key(1);
    assert_ne!(next, key);
    let leverage = |hall: &mut Hall, times: u32| {
        let query = format!("symbol=BTCUSDT&leverage={times}");
        assert_eq!(code(&hall.signed(1, "POST", "/fapi/v1/leverage", &query)), 0);
    };
    leverage(&mut hall, 7);
    assert!(!hall.heard.contains_key(&session), "the old key is dead");
    let session = hall.connect(2, &format!("/private/ws/{next}"));
    leverage(&mut hall, 8);
    assert_eq!(hall.heard.remove(&session).unwrap()[0]["e"], "ACCOUNT_CONFIG_UPDATE");
    assert_eq!(code(&hall.call(1, "DELETE", "/fapi/v1/listenKey", "")), 0);
    leverage(&mut hall, 9);
    assert!(!hall.heard.contains_key(&session), "a key that was given back is dead");
    assert_eq!(hall.venue.record().filter(|entry| entry.account != 0).count(), 0);
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
        let mut hall = Hall::new();
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
            let (status, body) = hall.signed(1, method, PATHS[path], &parts.join("&"));
            prop_assert!([200, 400, 401, 404, 429].contains(&status), "{method} {} {parts:?}: {status} {body}", PATHS[path]);
            hall.pass(wait_ms);
        }
    }

    #[test]
    fn bytes_do_no_harm(target in "/(fapi/v1/order|private/ws|played/do|played/hand/fapi/v1/order)[ -~]{0,60}", body in proptest::collection::vec(any::<u8>(), 0..100)) {
        let mut hall = Hall::new();
        let headers = [("x-mbx-apikey".to_owned(), "key1".to_owned())];
        let out = hall.give(Input::Call { id: CallId(1), method: "POST", target: &target, headers: &headers, body: &body });
        prop_assert!(matches!(&out[..], [Output::Reply(..), ..]));
        hall.give(Input::Knock { session: SessionId(1), id: CallId(2), target: &target });
    }
}
