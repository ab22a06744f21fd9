use super::{
    super::{
        Address, Arrival, Limits, Wire,
        http::{BODY_BYTES, HEAD_BYTES},
        lanes::MOST_WAITING,
        names::Names,
    },
    rig::{Server, asked, get, next, response, short, soon},
};
use crate::{
    exchange::Request,
    gateway::{Lane, RequestId, SocketId},
};
use flate2::{Compression, write::GzEncoder};
use std::{
    collections::BTreeSet,
    io::{self, Read, Write},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

fn zipped(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    response("200 OK", "Content-Encoding: gzip\r\n", &encoder.finish().unwrap())
}

#[test]
fn responses_are_told_whatever_their_status_over_one_connection() {
    let server = Server::of_requests(|head| {
        assert!(head.contains("user-agent: smolbear/") && head.contains("accept-encoding: gzip"), "{head}");
        match head.split(' ').nth(1).unwrap() {
            "/zipped" => zipped(b"[1,2,3]"),
            "/broken" => response("500 Oh", "", b"sorry"),
            "/teapot" => response("418 I", "Retry-After: 9\r\nX-MBX-USED-WEIGHT-1M: 17\r\n", b"{}"),
            "/moved" => response("302 Found", "Location: /elsewhere\r\n", b"there"),
            "/none" => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
            "/chunks" => {
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n".to_vec()
            }
            path => response("200 OK", "", path.as_bytes()),
        }
    });
    let mut wire = server.wire();
    for (path, status, body) in [
        ("/a?b=c%20d", 200, "/a?b=c%20d"),
        ("/zipped", 200, "[1,2,3]"),
        ("/broken", 500, "sorry"),
        ("/moved", 302, "there"),
        ("/none", 204, ""),
        ("/chunks", 200, "abcde"),
    ] {
        let answer = asked(&mut wire, path).unwrap();
        assert_eq!(answer, (status, body.as_bytes().to_vec()), "{path}");
    }
    get(&mut wire, 8, "/teapot");
    let Arrival::Response { id, status, headers, took, .. } = next(&mut wire) else { panic!() };
    assert_eq!((id, status), (RequestId(8), 418));
    let header = |name: &str| headers.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_str());
    assert_eq!((header("retry-after"), header("x-mbx-used-weight-1m")), (Some("9"), Some("17")));
    assert!(took > Duration::ZERO);
    assert_eq!(server.taken(), 1);
}

#[test]
fn what_is_no_response_says_why_and_whether_it_was_sent() {
    let server = Server::of_requests(|head| match head.split(' ').nth(1).unwrap() {
        "/huge" => response("200 OK", "", &vec![b' '; BODY_BYTES + 1]),
        "/bomb" => zipped(&vec![b' '; BODY_BYTES + 1]),
        "/head" => response("200 OK", &format!("A: {}\r\n", "b".repeat(HEAD_BYTES)), b""),
        "/babble" => b"What do you want?\r\n\r\n".to_vec(),
        "/hangs-up" => Vec::new(),
        "/fits" => response("200 OK", "", &vec![b' '; BODY_BYTES]),
        _ => panic!("{head}"),
    });
    for (path, want) in [
        ("/huge", "longer than 8388608 bytes"),
        ("/bomb", "longer than 8388608 bytes"),
        ("/head", "head is longer than 16384 bytes"),
        ("/babble", "protocol"),
        ("/hangs-up", "the connection ended too early"),
    ] {
        let mut wire = server.wire();
        let (why, sent) = asked(&mut wire, path).unwrap_err();
        assert!(why.contains(want) && sent, "{path}: {why} {sent}");
    }
    assert_eq!(asked(&mut server.wire(), "/fits").unwrap().1.len(), BODY_BYTES);
}

#[test]
fn a_body_that_is_cut_is_no_response() {
    let server = Server::new(|mut connection| {
        super::rig::head(&mut connection).unwrap();
        connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc").unwrap();
    });
    let (why, sent) = asked(&mut server.wire(), "/").unwrap_err();
    assert!(why.contains("ended too early") && sent, "{why}");
}

#[test]
fn what_did_not_leave_is_not_sent() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap(); // and closed again
    let to = |rest: String| Address { rest, streams: "ws://localhost".into(), ..Address::default() };
    let mut refused = Wire::new(&to(format!("http://{free}")), Limits::default()).unwrap();
    let (why, sent) = asked(&mut refused, "/").unwrap_err();
    assert!(why.contains("refused") && !sent, "{why} {sent}");
    let names = Names::with(Box::new(|_| Err(io::Error::other("no such thing"))));
    let mut nowhere = Wire::with(&to("https://nowhere.test".into()), Limits::default(), names).unwrap();
    let (why, sent) = asked(&mut nowhere, "/").unwrap_err();
    assert!(why.contains("the address of nowhere.test was not found: no such thing") && !sent, "{why} {sent}");
    let mut wrong = Server::of_requests(|_| Vec::new()).wire();
    let (why, sent) = asked(&mut wrong, "/a b").unwrap_err();
    assert!(!sent, "{why}");
}

#[test]
fn a_server_that_is_silent_or_slow_is_given_up() {
    let server = Server::new(|mut connection| {
        let head = super::rig::head(&mut connection).unwrap();
        if head.starts_with("GET /slow") {
            let _ = connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
            while connection.write_all(b"a").is_ok() {
                thread::sleep(Duration::from_millis(10));
            }
        }
        let _ = connection.read(&mut [0]); // until the client has enough
    });
    let mut wire = server.wire_with(short(200));
    for path in ["/silent", "/slow"] {
        assert_eq!(asked(&mut wire, path).unwrap_err(), ("it took too long".to_owned(), true), "{path}");
    }
}

#[test]
fn a_lane_waits_for_no_other() {
    let server = Server::new(|mut connection| {
        let head = super::rig::head(&mut connection).unwrap();
        if head.starts_with("GET /now") {
            connection.write_all(&response("200 OK", "", b"")).unwrap();
        }
        let _ = connection.read(&mut [0]);
    });
    let mut wire = server.wire_with(Limits { data: Duration::from_secs(20), ..Limits::default() });
    get(&mut wire, 1, "/never");
    for (id, lane) in [(2, Lane::Protection), (3, Lane::Entries)] {
        wire.fetch(RequestId(id), lane, &Request { path: "/now".into(), weight: 1 });
        let Arrival::Response { id: RequestId(answered), .. } = next(&mut wire) else { panic!() };
        assert_eq!(answered, id);
    }
    drop(wire); // with a request on its way, which nobody waits for
}

#[test]
fn each_request_is_answered_once_also_where_the_queue_is_full() {
    let server = Server::new(|mut connection| {
        let _ = connection.read(&mut [0; 4096]);
        let _ = connection.read(&mut [0; 4096]);
    });
    let mut wire = server.wire_with(short(100));
    let count = MOST_WAITING as u64 + 10;
    (0..count).for_each(|id| get(&mut wire, id, "/"));
    let (mut left, mut reasons) = ((0..count).collect::<BTreeSet<u64>>(), BTreeSet::new());
    while !left.is_empty() {
        let Arrival::NoResponse { id, why, sent } = next(&mut wire) else { panic!() };
        assert!(left.remove(&id.0), "{id:?} twice");
        assert_eq!(sent, why == "it took too long", "{why}");
        reasons.insert(why);
    }
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    assert_eq!(soon(&mut wire, 50), None);
}

#[test]
fn after_the_process_stood_still_no_connection_and_no_answer_is_believed() {
    let asked_for = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked_for);
    let server = Server::of_requests(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        response("200 OK", "", b"old")
    });
    let mut wire = server.wire();
    asked(&mut wire, "/").unwrap();
    get(&mut wire, 1, "/");
    while asked_for.load(Ordering::SeqCst) < 2 {
        thread::sleep(Duration::from_millis(1));
    }
    wire.connect(SocketId(1), "/");
    wire.forget();
    let why = "the process stood still meanwhile".to_owned();
    assert_eq!(next(&mut wire), Arrival::NoResponse { id: RequestId(1), why, sent: true });
    assert_eq!(server.taken(), 1);
    asked(&mut wire, "/").unwrap();
    assert_eq!(server.taken(), 2);
    assert_eq!(soon(&mut wire, 50), None, "nothing of the socket");
}
