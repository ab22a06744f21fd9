//! Whatever bytes come: each request has one answer, each socket one end, and nothing panics.

use super::{
    super::Arrival,
    rig::{Server, asked, head, next, short},
};
use crate::gateway::SocketId;
use proptest::{collection::vec, prelude::*, sample::select};
use std::{
    cell::{Cell, RefCell},
    io::Write,
    sync::{Arc, Mutex},
};

/// Pieces of what servers say, and noise.
fn pieces(known: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![3 => select(known).prop_map(<[u8]>::to_vec), 1 => vec(any::<u8>(), 0..40)];
    vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn cases() -> ProptestConfig {
    ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() }
}

/// A server that answers each head with what the second says then.
fn saying() -> (Server, Arc<Mutex<Vec<u8>>>) {
    let says = Arc::new(Mutex::new(Vec::new()));
    let said = Arc::clone(&says);
    let server = Server::new(move |mut connection| {
        let _ = head(&mut connection);
        let _ = connection.write_all(&said.lock().unwrap());
    });
    (server, says)
}

#[test]
fn as_a_response() {
    let (server, says) = saying();
    let known: &[&[u8]] = &[
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 999 \r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"Content-Length: 3\r\n",
        b"Content-Length: 99999999999999999999\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Encoding: gzip\r\n",
        b"Location: http://[\r\n",
        b"A: \xff\r\n",
        b"\r\n",
        b"3\r\nabc\r\n0\r\n\r\n",
        b"ffffffffffffffffffff\r\n",
        b"\x1f\x8b\x08\0\0\0\0\0",
    ];
    let wire = RefCell::new(server.wire_with(short(2_000)));
    proptest!(cases(), |(bytes in pieces(known))| {
        says.lock().unwrap().clone_from(&bytes);
        if let Err((why, sent)) = asked(&mut wire.borrow_mut(), "/") {
            prop_assert!(sent, "{}", why);
        }
    });
}

#[test]
fn on_a_socket() {
    let says = Arc::new(Mutex::new(Vec::new()));
    let said = Arc::clone(&says);
    let server = Server::of_sockets(move |mut socket| {
        let _ = socket.get_mut().write_all(&said.lock().unwrap());
    });
    let known: &[&[u8]] = &[
        b"\x81\x03abc",
        b"\x01\x01a",
        b"\x80\x01b",
        b"\x89\0",
        b"\x8a\x01c",
        b"\x88\0",
        b"\x88\x02\x03\xe8",
        b"\x82\x7f",
        b"\x81\x7e\0\x7e",
    ];
    let wire = RefCell::new(server.wire_with(short(2_000)));
    let id = Cell::new(0);
    proptest!(cases(), |(bytes in pieces(known))| {
        says.lock().unwrap().clone_from(&bytes);
        let (wire, id) = (&mut *wire.borrow_mut(), id.replace(id.get() + 1));
        wire.connect(SocketId(id), "/");
        prop_assert_eq!(next(wire), Arrival::Opened(SocketId(id)));
        loop {
            match next(wire) {
                Arrival::Frame(of, _) => prop_assert_eq!(of, SocketId(id)),
                Arrival::Closed(of, why) => {
                    prop_assert_eq!(of, SocketId(id));
                    prop_assert!(!why.is_empty() && why.len() < 1_000);
                    break;
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }
    });
}

#[test]
fn as_a_handshake() {
    let (server, says) = saying();
    let known: &[&[u8]] = &[
        b"HTTP/1.1 101 Switching Protocols\r\n",
        b"HTTP/1.1 403 No\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: /\r\n",
        b"Upgrade: websocket\r\n",
        b"Connection: Upgrade\r\n",
        b"Sec-WebSocket-Accept: wrong\r\n",
        b"\r\n",
    ];
    let wire = RefCell::new(server.wire_with(short(2_000)));
    let id = Cell::new(0);
    proptest!(cases(), |(bytes in pieces(known))| {
        says.lock().unwrap().clone_from(&bytes);
        let (wire, id) = (&mut *wire.borrow_mut(), id.replace(id.get() + 1));
        wire.connect(SocketId(id), "/");
        let arrival = next(wire);
        prop_assert!(matches!(&arrival, Arrival::Closed(of, why) if *of == SocketId(id) && why.len() < 2_000), "{:?}", arrival);
    });
}
