//! The server with real sockets: what is answered, and what every limit does.

use super::{Answer, Limits, Request, Response, Server, Service, Socket, Tally, websocket};
use crate::stop::{Cause, Stop};
use async_io::Async;
use async_tungstenite::{client_async, tungstenite::Message};
use futures_lite::{StreamExt, future::zip};
use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    thread,
    time::Duration,
};

/// No wait of a test is longer.
const LIMIT: Duration = Duration::from_secs(20);

/// Says what it was asked.
struct Echo;

impl Service for Echo {
    type Talk = ();

    async fn answer(&self, request: Request) -> Answer<()> {
        let body = format!("{} {} {}", request.method, request.target, String::from_utf8_lossy(&request.body));
        let response = Response { status: 200, body: body.into_bytes(), ..Response::default() };
        match request.path() {
            "/cut" => Answer::Response(Response { cut_after: Some(3), ..response }),
            "/gone" => Answer::Cut,
            "/never" => std::future::pending().await,
            "/panic" => panic!("a service with a fault"),
            "/ws" => match websocket::accept(&request) {
                Ok(accepted) => Answer::Switch(accepted, ()),
                Err(refusal) => Answer::Response(refusal.into()),
            },
            _ => Answer::Response(response),
        }
    }

    async fn talk(&self, (): (), socket: Socket, read: Vec<u8>) {
        let mut stream = websocket::open(socket, read).await;
        while let Some(Ok(message)) = stream.next().await {
            if let Message::Text(text) = message {
                stream.send(Message::text(format!("heard {}", text.len()))).await.unwrap();
            }
        }
    }
}

/// Runs `client` against a server with these limits, and returns what it and the server say in the end.
fn served<T>(limits: Limits, client: impl FnOnce(SocketAddr) -> T) -> (T, Seen) {
    let (tell, told) = std::sync::mpsc::channel();
    let (end, ended) = async_channel::bounded::<()>(1);
    let server = thread::spawn(move || {
        let server = Server::bind("127.0.0.1:0".parse().unwrap(), limits, Echo).unwrap();
        tell.send(server.address().unwrap()).unwrap();
        let stop = Stop::new();
        let stopping = async {
            let _ = ended.recv().await;
            stop.stop(Cause::Terminate);
        };
        async_io::block_on(zip(server.run(&stop), stopping));
        seen(&server.tally())
    });
    let outcome = client(told.recv_timeout(LIMIT).unwrap());
    drop(end);
    (outcome, server.join().unwrap())
}

/// Connections, those turned away, requests, those refused.
type Seen = [u64; 4];

fn seen(tally: &Tally) -> Seen {
    [&tally.connections, &tally.turned_away, &tally.requests, &tally.refused].map(std::cell::Cell::get)
}

fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect_timeout(&address, LIMIT).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    socket
}

/// Sends all of it at once and reads to the end.
fn exchange(address: SocketAddr, text: &str) -> String {
    let mut socket = connect(address);
    socket.write_all(text.as_bytes()).unwrap();
    rest(&mut socket)
}

/// Reads to the end.
fn rest(socket: &mut TcpStream) -> String {
    let mut text = Vec::new();
    socket.read_to_end(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// Reads so many bytes of a response that ends with this.
fn until(socket: &mut TcpStream, end: &str) -> String {
    let mut text = Vec::new();
    while !text.ends_with(end.as_bytes()) {
        let mut byte = [0];
        assert_eq!(socket.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&text));
        text.push(byte[0]);
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn short() -> Limits {
    let soon = Duration::from_millis(100);
    // clients of a busy machine need a while from the connection to their first byte
    let first_byte = Duration::from_secs(1);
    Limits { first_byte, idle: soon, request: soon, answer: soon, send: soon, ..Limits::default() }
}

#[test]
fn a_connection_is_kept_for_more_requests_and_closed_when_asked() {
    let ((), seen) = served(Limits::default(), |address| {
        let mut socket = connect(address);
        for number in 0..3 {
            socket.write_all(format!("GET /a?n={number} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
            let text = until(&mut socket, &format!("GET /a?n={number} "));
            assert!(text.starts_with("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n"), "{text}");
        }
        socket.write_all(b"PUT /b HTTP/1.1\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi").unwrap();
        assert!(rest(&mut socket).ends_with("Connection: close\r\n\r\nPUT /b hi"));
    });
    assert_eq!(seen, [1, 0, 4, 0]);
}

#[test]
fn requests_that_come_together_or_in_crumbs_are_answered_in_order() {
    let both = "POST /1 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcDELETE /2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\
                Connection: close\r\n\r\n3\r\ndef\r\n0\r\n\r\n";
    let ((), seen) = served(Limits::default(), |address| {
        let text = exchange(address, both);
        assert!(text.contains("POST /1 abcHTTP/1.1 200 OK") && text.ends_with("DELETE /2 def"), "{text}");
        let mut socket = connect(address);
        socket.set_nodelay(true).unwrap();
        for byte in both.as_bytes() {
            socket.write_all(&[*byte]).unwrap();
        }
        assert_eq!(rest(&mut socket), text);
    });
    assert_eq!(seen, [2, 0, 4, 0]);
}

#[test]
fn who_has_sent_all_and_only_listens_gets_an_answer() {
    let ((), seen) = served(Limits::default(), |address| {
        let mut socket = connect(address);
        socket.write_all(b"GET /half HTTP/1.1\r\n\r\n").unwrap();
        socket.shutdown(Shutdown::Write).unwrap();
        assert!(rest(&mut socket).ends_with("GET /half "));
        let text = exchange(address, "HEAD /head HTTP/1.0\r\n\r\n");
        assert!(text.ends_with("Content-Length: 11\r\nConnection: close\r\n\r\n"), "{text}");
        let mut socket = connect(address);
        socket.write_all(b"POST /wait HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n").unwrap();
        assert_eq!(until(&mut socket, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
        socket.write_all(b"ok").unwrap();
        until(&mut socket, "POST /wait ok");
    });
    assert_eq!(seen, [3, 0, 3, 0]);
}

#[test]
fn what_is_wrong_or_too_long_is_told_and_ends_the_connection() {
    let head = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(9000));
    let chunks = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\nx";
    let body = format!("POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n{}", "a".repeat(100_000));
    let cases = [
        ("nonsense\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        ("BREW / HTTP/1.1\r\n\r\n", 501),
        (&head, 431),
        (&body, 413),
    ];
    let ((), seen) = served(Limits::default(), |address| {
        for (text, status) in &cases {
            let answer = exchange(address, text);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{status}: {answer}");
            assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
        }
        let mut socket = connect(address);
        socket.write_all(chunks.as_bytes()).unwrap();
        socket.shutdown(Shutdown::Write).unwrap();
        assert!(rest(&mut socket).starts_with("HTTP/1.1 400 "), "a body that is cut short");
    });
    let refused = cases.len() as u64 + 1;
    assert_eq!(seen, [refused, 0, 0, refused]);
}

#[test]
fn who_is_slow_is_cut() {
    let ((), seen) = served(short(), |address| {
        assert_eq!(rest(&mut connect(address)), "", "not a byte comes");
        for text in ["GET / HTT", "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab"] {
            let answer = exchange(address, text);
            assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        }
        let answer = exchange(address, "GET /idle HTTP/1.1\r\n\r\n");
        assert!(answer.ends_with("GET /idle "), "the second request does not come");
        assert_eq!(exchange(address, "GET /never HTTP/1.1\r\n\r\n"), "", "nor does this answer");
        let mut socket = connect(address);
        for _ in 0..100 {
            if socket.write_all(b"X").is_err() {
                break; // one byte at a time is no way to stay
            }
            thread::sleep(Duration::from_millis(10));
        }
        let mut answer = String::new();
        assert!(socket.read_to_string(&mut answer).is_err() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    });
    assert_eq!(seen, [6, 0, 2, 3]);
}

#[test]
fn who_is_one_too_many_hears_it_and_the_others_go_on() {
    let limits = Limits { connections: 3, refusals: 2, linger: Duration::from_secs(5), ..Limits::default() };
    let ((), seen) = served(limits, |address| {
        let mut open: Vec<_> = (0..3).map(|_| connect(address)).collect();
        for socket in &mut open {
            socket.write_all(b"GET /1 HTTP/1.1\r\n\r\n").unwrap();
            until(socket, "GET /1 ");
        }
        let mut more: Vec<_> = (0..4).map(|_| connect(address)).collect();
        let answers: Vec<_> = more.iter_mut().map(rest).collect();
        for answer in &answers[..2] {
            assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
        }
        assert_eq!(answers[2..], ["", ""], "beyond that there is not even a word");
        open.pop();
        drop(more);
        open[0].write_all(b"GET /2 HTTP/1.1\r\n\r\n").unwrap();
        until(&mut open[0], "GET /2 ");
        assert!(exchange(address, "GET /3 HTTP/1.1\r\nConnection: close\r\n\r\n").ends_with("GET /3 "));
    });
    assert_eq!(seen, [4, 4, 5, 0]);
}

#[test]
fn a_cut_is_a_cut_and_a_fault_of_the_service_ends_one_connection() {
    let ((), seen) = served(Limits::default(), |address| {
        let text = exchange(address, "GET /cut HTTP/1.1\r\n\r\n");
        assert!(text.ends_with("Content-Length: 9\r\n\r\nGET"), "{text}");
        assert_eq!(exchange(address, "GET /gone HTTP/1.1\r\n\r\n"), "");
        assert_eq!(exchange(address, "GET /panic HTTP/1.1\r\n\r\n"), "");
        assert!(exchange(address, "GET /on HTTP/1.0\r\n\r\n").ends_with("GET /on "));
    });
    assert_eq!(seen, [4, 0, 4, 0]);
}

#[test]
fn a_websocket_goes_on_behind_the_handshake() {
    let ((), seen) = served(Limits::default(), |address| {
        async_io::block_on(async {
            let socket = Async::<TcpStream>::connect(address).await.unwrap();
            let (mut stream, response) = client_async(format!("ws://{address}/ws"), socket).await.unwrap();
            assert_eq!(response.status(), 101);
            for length in [1, 60_000] {
                stream.send(Message::text("x".repeat(length))).await.unwrap();
                let answer = stream.next().await.unwrap().unwrap();
                assert_eq!(answer, Message::text(format!("heard {length}")));
            }
            stream.send(Message::text("x".repeat(websocket::MESSAGE_BYTES + 1))).await.unwrap();
            let answer = stream.next().await;
            assert!(!matches!(answer, Some(Ok(Message::Text(_)))), "too long a message: {answer:?}");
        });
        let text = exchange(address, "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\r\n");
        assert!(text.starts_with("HTTP/1.1 426 "), "{text}");
        fragments(address);
    });
    assert_eq!(seen, [3, 0, 3, 0]);
}

/// A message in two frames with a ping between them, the first right behind the handshake.
fn fragments(address: SocketAddr) {
    let mut socket = connect(address);
    let handshake = "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let mask = [0, 0, 0, 0];
    let first = [&[0x01, 0x80 | 2][..], &mask, b"ab"].concat();
    let rest = [&[0x89, 0x80][..], &mask, &[0x80, 0x80 | 3], &mask, b"cde"].concat();
    socket.write_all(&[handshake.as_bytes(), &first].concat()).unwrap();
    until(&mut socket, "\r\n\r\n");
    socket.write_all(&rest).unwrap();
    until(&mut socket, "\x07heard 5");
}

#[test]
fn a_stop_ends_the_server_whatever_its_connections_do() {
    let ((), seen) = served(Limits::default(), |address| {
        let mut idle = connect(address);
        idle.write_all(b"GET /1 HTTP/1.1\r\n\r\n").unwrap();
        until(&mut idle, "GET /1 ");
        let mut waiting = connect(address);
        waiting.write_all(b"GET /never HTTP/1.1\r\n\r\n").unwrap();
        let mut half = connect(address);
        half.write_all(b"GET /ha").unwrap();
        std::mem::forget((idle, waiting, half)); // they stay open until the process ends
    });
    assert!(seen[0] >= 1, "{seen:?}");
}

#[test]
fn an_address_that_is_taken_is_an_error() {
    let first = Server::bind("127.0.0.1:0".parse().unwrap(), Limits::default(), Echo).unwrap();
    let again = Server::bind(first.address().unwrap(), Limits::default(), Echo);
    assert_eq!(again.map(|_| ()).unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
}
