//! Who is let in: keys, signatures, time; and keys of streams.

use super::broker::{Broker, KEY, headers, sign};
use crate::{
    exchange::private::{Report, Wish},
    market::{HOUR_MS, MINUTE_MS},
};

#[test]
fn key_time_and_signature_are_checked() {
    let mut broker = Broker::new("none");
    let now = broker.rig.now.0;
    let good = format!("timestamp={now}");
    let late = format!("timestamp={}", now - 5_001);
    let wide = format!("timestamp={}&recvWindow=6000", now - 5_001);
    let ahead = format!("timestamp={}", now + 1_000);
    let nearly = format!("timestamp={}", now + 999);
    let too_wide = format!("timestamp={now}&recvWindow=60001");
    for (key, query, want) in [
        (Some(KEY), format!("{good}&signature={}", sign(&good)), 200),
        (Some(KEY), format!("{good}&signature={}", sign(&good).to_uppercase()), 200),
        (Some(KEY), format!("signature={}&{good}", sign(&good)), 200),
        (Some("otherkey"), format!("{good}&signature={}", sign(&good)), 200), // the same secret here
        (None, format!("{good}&signature={}", sign(&good)), -2014),
        (Some("not a key"), format!("{good}&signature={}", sign(&good)), -2014),
        (Some("unknownkey"), format!("{good}&signature={}", sign(&good)), -2015),
        (Some(KEY), good.clone(), -1102),
        (Some(KEY), String::new(), -1102),
        (Some(KEY), format!("{good}&signature={}", sign(&late)), -1022),
        (Some(KEY), format!("{good}&signature=xyz"), -1022),
        (Some(KEY), format!("{late}&signature={}", sign(&late)), -1021),
        (Some(KEY), format!("{wide}&signature={}", sign(&wide)), 200),
        (Some(KEY), format!("{ahead}&signature={}", sign(&ahead)), -1021),
        (Some(KEY), format!("{nearly}&signature={}", sign(&nearly)), 200),
        (Some(KEY), format!("{too_wide}&signature={}", sign(&too_wide)), -1131),
    ] {
        let headers = key.map(headers).unwrap_or_default();
        let reply = broker.rig.send("GET", &format!("/fapi/v3/balance?{query}"), &headers, &[]).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(
            if reply.status == 200 { 200 } else { body["code"].as_i64().unwrap() },
            want,
            "{key:?} {query}: {body}"
        );
    }
}

#[test]
fn a_form_is_signed_after_the_query_and_the_query_wins() {
    let mut broker = Broker::new("none");
    let now = broker.rig.now.0;
    let order = format!("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.002&timestamp={now}");
    for (query, form) in [
        (String::new(), format!("{order}&signature={}", sign(&order))),
        (format!("{order}&signature={}", sign(&order)), String::new()),
        ("quantity=0.003".to_owned(), format!("{order}&signature={}", sign(&format!("quantity=0.003{order}")))),
    ] {
        let target = format!("/fapi/v1/order?{query}");
        let reply = broker.rig.send("POST", &target, &headers(KEY), form.as_bytes()).unwrap();
        assert_eq!(reply.status, 200, "{query} {form}: {}", String::from_utf8_lossy(&reply.body));
    }
    assert_eq!(broker.held().to_string(), "0.007");
}

#[test]
fn a_listen_key_lives_an_hour_is_renewed_and_ends_with_a_word() {
    let mut broker = Broker::new("none");
    let call = |broker: &mut Broker, method: &str| {
        let reply = broker.rig.send(method, "/fapi/v1/listenKey", &headers(KEY), &[]).unwrap();
        (reply.status, serde_json::from_slice::<serde_json::Value>(&reply.body).unwrap())
    };
    assert_eq!(call(&mut broker, "PUT").1["code"], -1125);
    let first = call(&mut broker, "POST").1["listenKey"].clone();
    assert_eq!(call(&mut broker, "POST").1["listenKey"], first, "it is the same while it lives");
    broker.listen();
    broker.wait(HOUR_MS - MINUTE_MS);
    assert_eq!(call(&mut broker, "PUT").0, 200);
    broker.wait(HOUR_MS - MINUTE_MS);
    assert!(broker.heard().is_empty());
    broker.minute([100_000.0; 4]);
    broker.minute([100_000.0; 4]);
    assert_eq!(broker.reports(), [Report::Expired]);
    assert_eq!(call(&mut broker, "PUT").1["code"], -1125);
    assert_ne!(call(&mut broker, "POST").1["listenKey"], first);
    broker.well("POST", "/fapi/v1/leverage", "symbol=BTCUSDT&leverage=5");
    assert!(broker.heard().is_empty(), "nothing more comes under the old key");
    assert!(broker.ask(&Wish::ExtendStream).is_ok());
    assert_eq!(call(&mut broker, "DELETE").0, 200);
    assert_eq!(call(&mut broker, "PUT").1["code"], -1125);
}

#[test]
fn a_stream_is_opened_in_each_of_its_ways_and_hears_what_it_asked_for() {
    let mut broker = Broker::new("none");
    let key = broker.rig.send("POST", "/fapi/v1/listenKey", &headers(KEY), &[]).unwrap();
    let key: serde_json::Value = serde_json::from_slice(&key.body).unwrap();
    let key = key["listenKey"].as_str().unwrap();
    let other = broker.rig.connect("/private/ws/nokey");
    let sessions = [
        (format!("/private/ws/{key}"), true),
        (format!("/private/ws?listenKey={key}"), true),
        (format!("/private/stream?streams={key}"), true),
        (format!("/private/stream?listenKey={key}&events=ACCOUNT_CONFIG_UPDATE"), true),
        (format!("/private/ws?listenKey={key}&events=ALGO_UPDATE/ORDER_TRADE_UPDATE"), false),
        (format!("/ws/{key}"), false),
        (format!("/market/ws/{key}"), false),
    ]
    .map(|(path, hears)| (broker.rig.connect(&path), path, hears));
    broker.well("POST", "/fapi/v1/leverage", "symbol=BTCUSDT&leverage=7");
    for (session, path, hears) in sessions {
        let heard = broker.rig.heard(session);
        assert_eq!(heard.len(), usize::from(hears), "{path}");
        if let Some(message) = heard.first() {
            let event = if path.contains("stream?") { &message["data"] } else { message };
            assert_eq!((&event["e"], &event["ac"]["l"]), (&"ACCOUNT_CONFIG_UPDATE".into(), &7.into()), "{path}");
        }
    }
    assert!(broker.rig.heard(other).is_empty());
}
