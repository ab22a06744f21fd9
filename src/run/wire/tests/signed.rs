//! Requests of an account: what is sent, when it is signed, and what nobody gets to see.

use super::{
    super::{Arrival, Limits, Signer, Stamp, Wire},
    rig::{Server, get, next, response, short},
};
use crate::{
    exchange::{
        binance::Binance,
        private::{Call, Keys, Method},
    },
    gateway::{Lane, RequestId},
    market::Timestamp,
};
use std::{
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

const KEY: &str = "qTz8keykeykeykeyWv";
const SECRET: &str = "s3cretsecretsecret";

fn with_keys(mut wire: Wire) -> Wire {
    let dialect = Arc::new(Binance::new(&["BTCUSDT".parse().unwrap()]));
    wire.sign_with(Signer::new(dialect, Keys::new(KEY.to_owned(), SECRET)));
    wire
}

fn call(method: Method, query: &str) -> Call {
    Call { method, path: "/fapi/v1/order", query: query.to_owned(), signed: true, weight: 1, orders: 1 }
}

fn stamp(at: i64) -> Option<Stamp> {
    Some(Stamp { at: Timestamp(at), taken: Instant::now(), speed: 1.0 })
}

/// The time that a request was signed with.
fn timestamp(head: &str) -> i64 {
    let (_, after) = head.split_once("timestamp=").unwrap();
    after.split(['&', ' ']).next().unwrap().parse().unwrap()
}

#[test]
fn every_method_is_sent_with_key_time_and_signature_and_without_a_body() {
    let (heads, seen) = mpsc::channel();
    let heads = Mutex::new(heads);
    let server = Server::of_requests(move |head| {
        heads.lock().unwrap().send(head.to_owned()).unwrap();
        response("200 OK", "", b"{}")
    });
    let mut wire = with_keys(server.wire());
    for (id, (method, word)) in
        [(Method::Get, "GET"), (Method::Post, "POST"), (Method::Put, "PUT"), (Method::Delete, "DELETE")]
            .into_iter()
            .enumerate()
    {
        wire.call(RequestId(id as u64), Lane::Entries, call(method, "symbol=BTCUSDT"), stamp(1_000_000));
        let Arrival::Response { status: 200, .. } = next(&mut wire) else { panic!() };
        let head = seen.recv_timeout(super::rig::PATIENCE).unwrap();
        assert!(
            head.starts_with(&format!("{word} /fapi/v1/order?symbol=BTCUSDT&recvWindow=4000&timestamp=")),
            "{head}"
        );
        let (_, signature) = head.lines().next().unwrap().split_once("&signature=").unwrap();
        assert_eq!(signature.split(' ').next().unwrap().len(), 64, "{head}");
        let lower = head.to_lowercase();
        assert!(lower.contains(&format!("x-mbx-apikey: {}", KEY.to_lowercase())), "{head}");
        assert!(!lower.contains("transfer-encoding"), "{head}");
        let has_body = matches!(method, Method::Post | Method::Put);
        assert_eq!(lower.contains("content-length: 0"), has_body, "{head}");
    }
    assert_eq!(server.taken(), 1, "one connection");
    // what only needs the key has no time
    wire.call(RequestId(9), Lane::Data, Call { signed: false, ..call(Method::Put, "") }, stamp(0));
    next(&mut wire);
    assert!(seen.recv_timeout(super::rig::PATIENCE).unwrap().starts_with("PUT /fapi/v1/order HTTP"));
}

#[test]
fn the_time_is_that_of_sending_though_the_queue_waited() {
    const SLOW: Duration = Duration::from_millis(400);
    let (times, seen) = mpsc::channel();
    let times = Mutex::new(times);
    let server = Server::of_requests(move |head| {
        times.lock().unwrap().send(timestamp(head)).unwrap();
        thread::sleep(SLOW);
        response("200 OK", "", b"{}")
    });
    for (speed, least) in [(1.0, 390), (10.0, 3_900)] {
        let mut wire = with_keys(server.wire());
        let both = Some(Stamp { at: Timestamp(5_000_000), taken: Instant::now(), speed });
        wire.call(RequestId(1), Lane::Entries, call(Method::Post, "a=1"), both);
        wire.call(RequestId(2), Lane::Entries, call(Method::Post, "a=2"), both);
        next(&mut wire);
        next(&mut wire);
        let (first, second) =
            (seen.recv_timeout(super::rig::PATIENCE).unwrap(), seen.recv_timeout(super::rig::PATIENCE).unwrap());
        assert!(first >= 5_000_000 && second - first >= least, "{first} {second} at speed {speed}");
    }
}

#[test]
fn nothing_is_sent_without_a_key_without_a_clock_too_late_or_after_the_process_stood_still() {
    let (asked_for, seen) = mpsc::channel();
    let asked_for = Mutex::new(asked_for);
    let server = Server::of_requests(move |head| {
        asked_for.lock().unwrap().send(head.to_owned()).unwrap();
        thread::sleep(Duration::from_millis(300));
        response("200 OK", "", b"{}")
    });
    let order = || call(Method::Post, "a=1");
    let refused = |wire: &mut Wire| match next(wire) {
        Arrival::NoResponse { why, sent: false, .. } => why,
        other => panic!("{other:?}"),
    };
    let mut wire = server.wire();
    wire.call(RequestId(1), Lane::Entries, order(), stamp(0));
    assert_eq!(refused(&mut wire), "there is no key to sign it with");
    let mut wire = with_keys(wire);
    wire.call(RequestId(1), Lane::Entries, order(), None);
    assert_eq!(refused(&mut wire), "the exchange's clock is not known");
    let mut wire = with_keys(server.wire_with(short(100)));
    wire.call(RequestId(1), Lane::Entries, order(), stamp(0));
    wire.call(RequestId(2), Lane::Entries, order(), stamp(0));
    let Arrival::NoResponse { id: RequestId(1), sent: true, .. } = next(&mut wire) else { panic!() };
    seen.recv_timeout(super::rig::PATIENCE).unwrap();
    assert_eq!(refused(&mut wire), "it waited too long for its turn");
    let mut wire = with_keys(server.wire());
    get(&mut wire, 1, "/");
    seen.recv_timeout(super::rig::PATIENCE).unwrap();
    wire.call(RequestId(2), Lane::Data, order(), stamp(0));
    wire.forget();
    let Arrival::NoResponse { id: RequestId(1), sent: true, .. } = next(&mut wire) else { panic!() };
    assert_eq!(refused(&mut wire), "the process stood still meanwhile");
    assert!(seen.try_recv().is_err(), "an order that waited was sent");
}

#[test]
fn no_word_shows_key_or_signature() {
    let server = Server::of_requests(|head| match head {
        head if head.contains("a=cut") => b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n".to_vec(),
        head if head.contains("a=babble") => format!("{head}\r\n\r\n").into_bytes(), // what it was asked, back
        head if head.contains("a=moved") => {
            let to = head.split(' ').nth(1).unwrap();
            response("302 Found", &format!("Location: {to}\r\n"), b"")
        }
        _ => Vec::new(),
    });
    for query in ["a=cut", "a=babble", "a=none", "a=b c", "a=\u{fffd}"] {
        let mut wire = with_keys(server.wire_with(Limits { data: Duration::from_millis(300), ..Limits::default() }));
        wire.call(RequestId(1), Lane::Data, call(Method::Post, query), stamp(1));
        let Arrival::NoResponse { why, .. } = next(&mut wire) else { panic!("{query}") };
        for hidden in [KEY, SECRET, "signature", "timestamp"] {
            assert!(!why.contains(hidden) && !format!("{wire:?}").contains(hidden), "{query}: {why}");
        }
    }
    let signer = Signer::new(Arc::new(Binance::new(&[])), Keys::new(KEY.to_owned(), SECRET));
    assert_eq!(format!("{signer:?}"), "Signer");
    for words in [format!("bad header {KEY}"), "bad uri /x?signature=ab".to_owned()] {
        assert_eq!(signer.hidden(words), "it failed, in words that would show the request");
    }
    assert_eq!(signer.hidden("it took too long".to_owned()), "it took too long");
    let mut body = format!("<p>{KEY}? /x?a=1&amp;signature=09afB7&b {KEY}{KEY} signature=\", sig").into_bytes();
    signer.hide_in(&mut body);
    let stars = "*".repeat(KEY.len());
    let want = format!("<p>{stars}? /x?a=1&amp;****************&b {stars}{stars} **********\", sig");
    assert_eq!(String::from_utf8(body).unwrap(), want);
    for bytes in [&b""[..], b"s", b"signature", &KEY.as_bytes()[..KEY.len() - 1]] {
        let mut same = bytes.to_vec();
        signer.hide_in(&mut same);
        assert_eq!(same, bytes, "nothing to hide");
    }
}
