//! How an asker behaves towards an exchange that is not always there.

use super::*;
use crate::stop::Cause;
use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

const QUICK: Patience = Patience {
    tries: 3,
    first_pause: Duration::from_millis(1),
    longest_pause: Duration::from_millis(2),
    longest_rest: Duration::from_secs(5),
};

/// An exchange that answers each request, one a connection, with the next of these, and its address.
fn venue(answers: Vec<&'static str>) -> (Place, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let rest_url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let asked = Arc::clone(&count);
    thread::spawn(move || {
        for (stream, answer) in listener.incoming().map_while(Result::ok).zip(answers) {
            asked.fetch_add(1, Ordering::SeqCst);
            let mut head = BufReader::new(&stream).lines().map_while(Result::ok);
            while head.next().is_some_and(|line| !line.is_empty()) {}
            let (status, body) = answer.split_once(' ').unwrap();
            let length = body.len();
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n");
            let limit = "x-mbx-used-weight-1m: 1915\r\nretry-after: 1\r\n";
            let _ = (&stream).write_all(format!("{head}{limit}\r\n{body}").as_bytes());
        }
    });
    (Place { rest_url, ..Place::default() }, count)
}

fn asker(place: &Place, patience: Patience) -> (Asker, Rc<std::cell::RefCell<Vec<String>>>) {
    let said = Rc::new(std::cell::RefCell::new(Vec::new()));
    let heard = Rc::clone(&said);
    let say = Box::new(move |line: &str| heard.borrow_mut().push(line.to_owned()));
    (Asker::new(place, &["BTCUSDT".parse().unwrap()], patience, say).unwrap(), said)
}

#[test]
fn a_question_is_put_as_often_as_may_be_and_no_more() {
    let (place, count) = venue(vec!["500 oh", "502 no", "200 {\"serverTime\":1754006400000}"]);
    let (mut asker, said) = asker(&place, QUICK);
    let at = async_io::block_on(asker.time(&Stop::new())).unwrap();
    assert_eq!((at.0, count.load(Ordering::SeqCst), said.borrow().len()), (1_754_006_400_000, 3, 2));
    assert!(asker.now().since_ms(at) >= 0 && asker.now().since_ms(at) < 60_000);

    let (place, count) = venue(vec!["500 oh"; 9]);
    let (mut asker, _) = self::asker(&place, QUICK);
    let error = async_io::block_on(asker.time(&Stop::new())).unwrap_err();
    assert_eq!((error.to_string().as_str(), count.load(Ordering::SeqCst)), ("HTTP 500: oh (tried 3 times)", 3));
}

#[test]
fn a_refusal_is_final() {
    for (answer, class) in [
        ("403 no", FailureClass::Forbidden),
        ("400 {\"code\":-1121,\"msg\":\"Invalid symbol.\"}", FailureClass::NoSuchSymbol),
        ("404 no", FailureClass::Refused),
    ] {
        let (place, count) = venue(vec![answer; 9]);
        let error = async_io::block_on(asker(&place, QUICK).0.time(&Stop::new())).unwrap_err();
        let AskError::Refused(failure) = error else { panic!("{error}") };
        assert_eq!((failure.class, count.load(Ordering::SeqCst)), (class, 1));
    }
}

#[test]
fn a_demanded_pause_is_kept_or_too_long() {
    let answers = vec!["429 {\"code\":-1003,\"msg\":\"Too many requests.\"}", "200 {\"serverTime\":1754006400000}"];
    let (place, _) = venue(answers.clone());
    let (mut kept, said) = asker(&place, QUICK);
    let began = Instant::now();
    async_io::block_on(kept.time(&Stop::new())).unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(*said.borrow(), ["HTTP 429, -1003: Too many requests.; waiting 1 s, as the exchange demands"]);
    let (place, count) = venue(answers);
    let short = Patience { longest_rest: Duration::from_millis(999), ..QUICK };
    let error = async_io::block_on(asker(&place, short).0.time(&Stop::new())).unwrap_err().to_string();
    assert!(error.ends_with("it asks for a pause of 1 s"), "{error}");
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn the_ceiling_holds_also_where_others_used_the_limit_up() {
    let (place, count) = venue(vec!["200 {\"serverTime\":1754006400000}"; 2]); // at the beginning of a minute, 1915 of 2400 used
    let (mut asker, _) = asker(&place, QUICK);
    let stop = Stop::new();
    async_io::block_on(asker.time(&stop)).unwrap();
    let wish = asker.candles((SymbolId(0), Timeframe::M1), None, 1500, &stop);
    let error = async_io::block_on(wish).unwrap_err().to_string();
    assert_eq!(error, "1915 of 2400 of this minute's request weight is used up already");
    async_io::block_on(asker.time(&stop)).unwrap(); // this one weighs little
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[test]
fn a_wait_for_the_next_minute_ends_behind_its_beginning() {
    let at = |ms| Timestamp(10 * MINUTE_MS + ms);
    for (used, minute, weight, now, want) in [
        (1915, 10, 5, at(0), None),
        (1916, 10, 5, at(0), Some(61_000)),
        (1916, 10, 5, at(59_999), Some(1001)),
        (2400, 9, 5, at(0), None),
        (u32::MAX, 10, u32::MAX, at(1), Some(60_999)),
    ] {
        assert_eq!(rest_for_weight(used, minute, weight, 2400, now), want, "{used} {minute} {weight} {now:?}");
    }
}

#[test]
fn the_stop_signal_ends_every_wait() {
    let (place, _) = venue(vec!["500 oh"; 9]);
    let endless = Patience { first_pause: Duration::from_secs(3600), ..QUICK };
    let (mut asker, said) = asker(&place, endless);
    let stop = Stop::new();
    let other = stop.clone();
    let stopping = async move {
        while said.borrow().is_empty() {
            futures_lite::future::yield_now().await;
        }
        other.stop(Cause::Interrupt)
    };
    let (answer, first) = async_io::block_on(futures_lite::future::zip(asker.time(&stop), stopping));
    assert!(matches!(answer, Err(AskError::Stopped)) && first);
}
