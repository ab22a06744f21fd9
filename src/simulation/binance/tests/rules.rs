use super::{
    super::{CallId, Input, LONGEST_LIFE_MS, MOST_SESSIONS, Output, SessionId, WEIGHT_LIMIT},
    rig::Rig,
};
use crate::market::MINUTE_MS;
use serde_json::{Value, json};

fn header<'a>(reply: &'a super::super::Reply, name: &str) -> Option<&'a str> {
    reply.headers.iter().find(|(held, _)| *held == name).map(|(_, value)| value.as_str())
}

#[test]
fn wrong_requests_get_the_numbers_of_the_exchange() {
    let mut rig = Rig::new(1, "none");
    rig.past(3);
    for (target, status, code) in [
        ("/fapi/v1/klines?symbol=BTCUSDT", 400, -1102),
        ("/fapi/v1/klines?interval=1m", 400, -1102),
        ("/fapi/v1/klines?symbol=&interval=1m", 400, -1102),
        ("/fapi/v1/klines?symbol=NOUSDT&interval=1m", 400, -1121),
        ("/fapi/v1/klines?symbol=BTCUSDT&interval=7m", 400, -1120),
        ("/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=1501", 400, -1130),
        ("/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=0", 400, -1130),
        ("/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=x", 400, -1100),
        ("/fapi/v1/klines?symbol=BTCUSDT&interval=1m&startTime=-5", 400, -1100),
        ("/fapi/v1/klines?symbol=BTCUSDT&interval=1m&startTime=99999999999999999999", 400, -1102),
        ("/fapi/v1/klines?symbol=BTCUSDT&interval=1m&startTime=5&endTime=4", 400, -1023),
        ("/fapi/v1/klines?symbol=BTCUSDT&symbol=BTCUSDT", 400, -1101),
        ("/fapi/v1/continuousKlines?pair=BTCUSDT&contractType=NEXT_QUARTER&interval=1m", 400, -1130),
        ("/fapi/v1/depth?symbol=BTCUSDT&limit=7", 400, -4021),
        ("/fapi/v1/aggTrades?symbol=BTCUSDT&startTime=0&endTime=3600001", 400, -1127),
        ("/fapi/v1/premiumIndex?symbol=NO", 400, -1121),
        ("/fapi/v1/ticker/24hr?symbol=%4", 400, -1100),
        ("/fapi/v1/fundingRate?symbol=BTCUSDT&limit=1001", 400, -1130),
        ("/fapi/v1/nothing", 404, -5000),
        ("/", 404, -5000),
        ("/fapi/v3/account?timestamp=1", 401, -2014),
        ("/fapi/v1/leverageBracket", 401, -2014),
    ] {
        let reply = rig.call(target);
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!((reply.status, body["code"].as_i64()), (status, Some(code)), "{target}: {body}");
        assert!(header(&reply, "x-mbx-used-weight-1m").is_some(), "{target}");
    }
    let key = [("x-mbx-apikey".to_owned(), "k".to_owned())];
    let reply = rig.call_with("POST", "/fapi/v1/order", &key);
    assert!(String::from_utf8(reply.body).unwrap().contains("-2015"));
    assert_eq!(rig.call_with("POST", "/fapi/v1/klines", &[]).status, 404);
}

#[test]
fn every_request_that_clients_make_is_answered() {
    let mut rig = Rig::new(3, "none");
    rig.past(100);
    rig.minutes(2);
    for target in [
        "/fapi/v1/ping",
        "/fapi/v1/time",
        "/fapi/v1/exchangeInfo",
        "/fapi/v1/klines?interval=1m&limit=500&symbol=BTCUSDT&startTime=1735689000000",
        "/fapi/v1/klines?interval=4h&limit=200&symbol=DOGEUSDT",
        "/fapi/v1/continuousKlines?pair=BTCUSDT&contractType=PERPETUAL&interval=1m",
        "/fapi/v1/ticker/24hr?symbol=BTCUSDT",
        "/fapi/v1/ticker/24hr",
        "/fapi/v2/ticker/price",
        "/fapi/v1/ticker/bookTicker",
        "/fapi/v1/depth?symbol=BTCUSDT&limit=20",
        "/fapi/v1/aggTrades?symbol=BTCUSDT&limit=100",
        "/fapi/v1/premiumIndex?symbol=BTCUSDT",
        "/fapi/v1/premiumIndex",
        "/fapi/v1/fundingRate?symbol=BTCUSDT&startTime=1730000000000&limit=100",
        "/fapi/v1/fundingRate",
        "/fapi/v1/fundingInfo",
        "/fapi/v1/openInterest?symbol=ETHUSDT",
        "/fapi/v1/trades?symbol=ETHUSDT",
    ] {
        let value = rig.get(target);
        assert!(!value.as_array().is_some_and(Vec::is_empty) || target.contains("4h"), "{target}");
    }
}

#[test]
fn klines_are_paged_by_time_and_limit() {
    let mut rig = Rig::new(1, "none");
    rig.past(60);
    rig.begin_minute();
    rig.until(rig.now.plus_ms(1_000));
    let begin = rig.candles[0].candle.open_time.0;
    let opens = |rig: &mut Rig, more: &str| -> Vec<i64> {
        let rows = rig.get(&format!("/fapi/v1/klines?symbol=BTCUSDT&interval=1m{more}"));
        rows.as_array().unwrap().iter().map(|row| (row[0].as_i64().unwrap() - begin) / MINUTE_MS).collect()
    };
    assert_eq!(opens(&mut rig, ""), (0..=60).collect::<Vec<_>>());
    assert_eq!(opens(&mut rig, "&limit=3"), [58, 59, 60]);
    assert_eq!(opens(&mut rig, &format!("&limit=3&startTime={}", begin + 1)), [1, 2, 3]);
    assert_eq!(opens(&mut rig, &format!("&limit=3&endTime={}", begin + 5 * MINUTE_MS - 1)), [2, 3, 4]);
    assert_eq!(opens(&mut rig, &format!("&startTime={}&endTime={}", begin, begin + 2 * MINUTE_MS)), [0, 1, 2]);
    assert_eq!(opens(&mut rig, &format!("&startTime={}", begin + 61 * MINUTE_MS)), Vec::<i64>::new());
    assert_eq!(opens(&mut rig, &format!("&startTime={}", i64::MAX)), Vec::<i64>::new());
}

#[test]
fn the_weight_is_counted_a_minute_and_going_on_leads_to_growing_bans() {
    let mut rig = Rig::new(1, "none");
    rig.past(3);
    assert_eq!(header(&rig.call("/fapi/v1/time"), "x-mbx-used-weight-1m"), Some("1"));
    assert_eq!(
        header(&rig.call("/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=1500"), "x-mbx-used-weight-1m"),
        Some("11")
    );
    assert_eq!(header(&rig.call("/fapi/v1/depth?symbol=BTCUSDT&limit=1000"), "x-mbx-used-weight-1m"), Some("31"));
    rig.until(rig.now.plus_ms(MINUTE_MS));
    for used in (40..=WEIGHT_LIMIT).step_by(40) {
        let reply = rig.call("/fapi/v1/ticker/24hr");
        assert_eq!((reply.status, header(&reply, "x-mbx-used-weight-1m")), (200, Some(used.to_string().as_str())));
    }
    let mut banned_ms = Vec::new();
    for _ in 0..2 {
        let mut warnings = 0;
        let banned = loop {
            let reply = rig.call("/fapi/v1/ticker/24hr");
            match reply.status {
                200 => {}
                429 => {
                    warnings += 1;
                    assert!(header(&reply, "retry-after").unwrap().parse::<i64>().unwrap() <= 60);
                }
                status => {
                    assert_eq!(status, 418);
                    break reply;
                }
            }
        };
        assert_eq!(warnings, 20);
        let text = String::from_utf8(banned.body.clone()).unwrap();
        let until: i64 = text.split("banned until ").nth(1).unwrap().split('.').next().unwrap().parse().unwrap();
        assert_eq!(header(&banned, "retry-after"), Some(((until - rig.now.0) / 1_000).to_string().as_str()));
        banned_ms.push(until - rig.now.0);
        rig.until(crate::market::Timestamp(until - 1));
        assert_eq!(rig.call("/fapi/v1/time").status, 418);
        rig.until(crate::market::Timestamp(until));
        assert_eq!(rig.call("/fapi/v1/time").status, 200);
    }
    assert_eq!(banned_ms, [2 * MINUTE_MS, 4 * MINUTE_MS]);
    for _ in 0..500 {
        assert_eq!(rig.call("/fapi/v1/fundingInfo").status, 200);
    }
    assert_eq!(rig.call("/fapi/v1/fundingRate").status, 429);
}

#[test]
fn streams_keep_to_their_routes_and_unknown_ones_stay_silent() {
    let mut rig = Rig::new(1, "none");
    rig.past(3);
    let all = "btcusdt@kline_1m/btcusdt@bookTicker/btcusdt@nothing/zzzusdt@bookTicker";
    let market = rig.connect(&format!("/market/stream?streams={all}"));
    let public = rig.connect(&format!("/public/stream?streams={all}"));
    let old = rig.connect(&format!("/stream?streams={all}"));
    let numbered = rig.connect("/market/ws/0");
    let plain = rig.connect("/ws");
    rig.say(numbered, r#"{"method":"SUBSCRIBE","params":["btcusdt@kline_1m","btcusdt@bookTicker"],"id":"one"}"#);
    rig.say(plain, r#"{"method":"SUBSCRIBE","params":["btcusdt@bookTicker"],"id":2}"#);
    rig.minutes(3);
    for (session, want) in [(market, "btcusdt@kline_1m"), (public, "btcusdt@bookTicker"), (old, "btcusdt@bookTicker")] {
        let heard = rig.heard(session);
        assert!(heard.len() > 50 && heard.iter().all(|message| message["stream"] == want), "{want}");
    }
    let heard = rig.heard(numbered);
    assert_eq!(heard[0], json!({ "result": null, "id": "one" }));
    assert!(heard.len() > 50 && heard[1..].iter().all(|message| message["e"] == "kline"));
    let heard = rig.heard(plain);
    assert_eq!(heard[0], json!({ "result": null, "id": 2 }));
    assert!(heard[1..].iter().all(|message| message["e"] == "bookTicker"));
    for path in ["/private", "/private/x", "/other", "/market", "/ws-fapi/v1", "/stream/x"] {
        let out = rig.give(Input::Knock { session: SessionId(99), id: CallId(5), target: path });
        assert!(matches!(&out[..], [Output::Reply(CallId(5), reply)] if reply.status == 404), "{path}: {out:?}");
    }
}

#[test]
fn a_connection_can_be_told_what_to_carry() {
    let mut rig = Rig::new(1, "none");
    let session = rig.connect("/market/ws");
    let mut ask = |text: &str| {
        rig.now = rig.now.plus_ms(200);
        rig.say(session, text);
        rig.heard(session).pop().unwrap()
    };
    for (text, want) in [
        (r#"{"method":"SUBSCRIBE","params":["btcusdt@kline_1m","x"],"id":1}"#, json!({ "result": null, "id": 1 })),
        (r#"{"method":"LIST_SUBSCRIPTIONS","id":2}"#, json!({ "result": ["btcusdt@kline_1m", "x"], "id": 2 })),
        (r#"{"method":"UNSUBSCRIBE","params":["x","y"],"id":3}"#, json!({ "result": null, "id": 3 })),
        (r#"{"method":"LIST_SUBSCRIPTIONS","id":4}"#, json!({ "result": ["btcusdt@kline_1m"], "id": 4 })),
        (r#"{"method":"SET_PROPERTY","params":["combined",true],"id":5}"#, json!({ "result": null, "id": 5 })),
        (r#"{"method":"GET_PROPERTY","params":["combined"],"id":6}"#, json!({ "result": true, "id": 6 })),
    ] {
        assert_eq!(ask(text), want);
    }
    for text in ["{", "[]", "7", r#"{"method":"X","id":1}"#, r#"{"method":"SUBSCRIBE","params":[1],"id":1}"#] {
        assert!(ask(text)["error"]["code"].is_i64(), "{text}");
    }
    let many: Vec<String> = (0..1_024).map(|at| format!("{at}")).collect();
    assert!(ask(&json!({ "method": "SUBSCRIBE", "params": many, "id": 1 }).to_string())["error"].is_object());
}

#[test]
fn connections_end_by_age_and_by_haste_and_are_limited_in_number() {
    let mut rig = Rig::new(1, "none");
    let hasty = rig.connect("/market/ws");
    for _ in 0..10 {
        rig.say(hasty, r#"{"method":"LIST_SUBSCRIPTIONS","id":2}"#);
    }
    assert!(rig.ended.is_empty());
    rig.say(hasty, r#"{"method":"LIST_SUBSCRIPTIONS","id":2}"#);
    assert_eq!(rig.ended, [hasty]);
    let old = rig.connect("/market/ws");
    let opened = rig.now;
    rig.now = opened.plus_ms(LONGEST_LIFE_MS - 1_000);
    rig.give(Input::Wake);
    assert_eq!(rig.ended, [hasty]);
    rig.until(opened.plus_ms(LONGEST_LIFE_MS));
    assert_eq!(rig.ended, [hasty, old]);
    for _ in 0..MOST_SESSIONS {
        rig.connect("/market/ws");
    }
    let out = rig.give(Input::Knock { session: SessionId(1 << 30), id: CallId(1), target: "/market/ws" });
    assert!(matches!(&out[..], [Output::Reply(_, reply)] if reply.status == 429));
}
