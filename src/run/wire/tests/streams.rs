use super::{
    super::{Address, Arrival, Limits, MOST_SOCKETS, Wire, dial::MESSAGE_BYTES, names::Names},
    rig::{PATIENCE, Server, asked, get, head, next, response, short, soon},
};
use crate::gateway::{RequestId, SocketId};
use async_tungstenite::tungstenite::{
    Error, Message, WebSocket, accept,
    protocol::{
        CloseFrame,
        frame::{
            Frame,
            coding::{CloseCode, Data, OpCode},
        },
    },
};
use futures_lite::{FutureExt, future};
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Barrier,
        mpsc::{Receiver, channel},
    },
    thread,
    time::Duration,
};

const ONE: SocketId = SocketId(1);
const TWO: SocketId = SocketId(2);

/// A wire with an open socket.
fn open(server: &Server) -> Wire {
    let mut wire = server.wire();
    wire.connect(ONE, "/stream");
    assert_eq!(next(&mut wire), Arrival::Opened(ONE));
    wire
}

fn text(wire: &mut Wire) -> String {
    match next(wire) {
        Arrival::Frame(ONE, bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn closed(wire: &mut Wire) -> String {
    match next(wire) {
        Arrival::Closed(ONE, why) => why,
        other => panic!("{other:?}"),
    }
}

/// A server that writes these bytes after its handshake and closes, or waits for the client to do so.
fn raw(bytes: Vec<u8>, closes: bool) -> Server {
    Server::of_sockets(move |mut socket| {
        let _ = socket.get_mut().write_all(&bytes);
        if !closes {
            let _ = socket.get_mut().read(&mut [0]);
        }
    })
}

/// What a server's sockets read, and how they end.
fn listening(first: Vec<Message>) -> (Server, Receiver<Result<Message, String>>) {
    let (heard, hears) = channel();
    let server = Server::of_sockets(move |mut socket: WebSocket<TcpStream>| {
        for message in &first {
            let _ = socket.send(message.clone()); // the client may be gone; then it is read below
        }
        loop {
            let message = socket.read().map_err(|error| error.to_string());
            let ended = message.is_err();
            if heard.send(message).is_err() || ended {
                return;
            }
        }
    });
    (server, hears)
}

#[test]
fn messages_come_in_order_whole_and_both_ways() {
    let part = |text: &'static str, code, last| Message::Frame(Frame::message(text, OpCode::Data(code), last));
    let (server, hears) = listening(vec![
        Message::text("one"),
        part("tw", Data::Text, false),
        Message::Ping("between".into()),
        part("o", Data::Continue, true),
        Message::binary(&b"three"[..]),
        Message::text("é".repeat(1000)),
        Message::text("x".repeat(MESSAGE_BYTES)),
    ]);
    let mut wire = server.wire();
    wire.connect(ONE, "/stream");
    wire.send(ONE, "early".into());
    wire.send(TWO, "to nobody".into());
    assert_eq!(next(&mut wire), Arrival::Opened(ONE));
    wire.send(ONE, "later".into());
    for want in ["one", "two", "three", &"é".repeat(1000), &"x".repeat(MESSAGE_BYTES)] {
        assert!(text(&mut wire) == want, "{:.10}", want);
    }
    assert_eq!(soon(&mut wire, 100), None);
    let heard: Vec<Message> = (0..3).map(|_| hears.recv_timeout(PATIENCE).unwrap().unwrap()).collect();
    assert_eq!(heard, [Message::text("early"), Message::text("later"), Message::Pong("between".into())]);
}

#[test]
fn a_ping_is_answered_by_who_only_reads() {
    let (server, hears) = listening(vec![Message::Ping("are you there".into())]);
    let mut wire = open(&server);
    assert_eq!(soon(&mut wire, 200), None);
    assert_eq!(hears.recv_timeout(PATIENCE).unwrap().unwrap(), Message::Pong("are you there".into()));
}

#[test]
fn a_request_for_a_socket_has_its_path_and_our_name() {
    let (said, says) = channel();
    let server = Server::new(move |mut connection| said.send(head(&mut connection)).unwrap());
    let mut wire = server.wire();
    wire.connect(ONE, "/market/stream?streams=a@b/c@d");
    assert_eq!(closed(&mut wire), "the connection ended without a word");
    let head = says.recv_timeout(PATIENCE).unwrap().unwrap();
    assert!(head.starts_with("GET /market/stream?streams=a@b/c@d HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("user-agent: smolbear/") && head.contains(&format!("Host: {}\r\n", server.at)), "{head}");
}

#[test]
fn a_close_is_told_with_its_words_and_answered() {
    let close = CloseFrame { code: CloseCode::Away, reason: "maintenance".into() };
    let (server, hears) = listening(vec![Message::text("last"), Message::Close(Some(close.clone()))]);
    let mut wire = open(&server);
    assert_eq!(text(&mut wire), "last");
    assert_eq!(closed(&mut wire), "closed by the other side: 1001 maintenance");
    assert_eq!(hears.recv_timeout(PATIENCE).unwrap().unwrap(), Message::Close(Some(close)));
    assert_eq!(soon(&mut wire, 50), None);
}

#[test]
fn what_breaks_the_rules_ends_the_socket() {
    let long = |bytes: usize| [&[0x81, 127][..], &(bytes as u64).to_be_bytes(), &[b'x'; 100]].concat();
    let parts = [&[0x01, 127][..], &600_000_u64.to_be_bytes(), &[b'x'; 600_000]].concat();
    let more = [&[0x80, 127][..], &600_000_u64.to_be_bytes(), &[b'x'; 600_000]].concat();
    for (bytes, closes, want) in [
        (vec![0x81, 10, b'a'], true, "the connection ended without a word"),
        (vec![], true, "the connection ended without a word"),
        (long(MESSAGE_BYTES + 1), false, "a message of 1048577 bytes; at most 1048576 are taken"),
        ([parts, more].concat(), false, "a message of 1200000 bytes; at most 1048576 are taken"),
        (vec![0x81, 1, 0xff], false, "UTF-8"),
        (vec![0x81, 0x81, 0, 0, 0, 0, b'a'], false, "masked"),
        (vec![0xf1, 1, b'a'], false, "protocol"),
    ] {
        let server = raw(bytes, closes);
        let mut wire = open(&server);
        let why = closed(&mut wire);
        assert!(why.contains(want), "{want}: {why}");
        assert_eq!(soon(&mut wire, 10), None);
    }
}

#[test]
fn a_handshake_that_is_refused_or_silent_is_told() {
    let refusing = Server::new(|mut connection| {
        let _ = head(&mut connection);
        let _ = connection.write_all(&response("403 Forbidden", "", b"not\nfrom here"));
        let _ = connection.read(&mut [0]);
    });
    let mut wire = refusing.wire();
    wire.connect(ONE, "/");
    assert_eq!(closed(&mut wire), "refused with 403: not from here");
    let silent = Server::new(|mut connection| {
        let _ = head(&mut connection);
        let _ = connection.read(&mut [0]);
    });
    let mut wire = silent.wire_with(short(200));
    wire.connect(ONE, "/");
    assert_eq!(closed(&mut wire), "it was not open after 0.2 s");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let address = Address { rest: "http://localhost".into(), streams: format!("ws://{free}"), ..Address::default() };
    let mut wire = Wire::new(&address, Limits::default()).unwrap();
    wire.connect(ONE, "/");
    let why = closed(&mut wire);
    assert!(why.starts_with(&format!("{free}: ")) && why.contains("refused"), "{why}");
}

#[test]
fn who_does_not_read_is_left() {
    let server = Server::of_sockets(|_socket| thread::sleep(PATIENCE));
    let mut wire = open(&server);
    let told = async_io::block_on(async {
        for _ in 0..10_000 {
            wire.send(ONE, "x".repeat(16_000));
            if let Some(arrival) = future::poll_once(wire.next()).await {
                return Some(arrival);
            }
        }
        None
    });
    assert_eq!(told, Some(Arrival::Closed(ONE, "more than 65536 bytes wait to be sent".into())));
    let mut wire = Server::new(|mut connection| drop(connection.read(&mut [0; 9999]))).wire();
    wire.connect(ONE, "/");
    (0..9).for_each(|_| wire.send(ONE, "x".repeat(16_000)));
    assert_eq!(closed(&mut wire), "more than 65536 bytes wait to be sent", "also while it is opened");
}

#[test]
fn sockets_have_turns() {
    let (ready, is_ready) = channel();
    let both = Barrier::new(2);
    let server = Server::of_sockets(move |mut socket| {
        both.wait();
        socket.get_mut().write_all(&b"\x81\x01x".repeat(1_000)).unwrap();
        ready.send(()).unwrap();
        let _ = socket.get_mut().read(&mut [0]);
    });
    let mut wire = server.wire();
    [ONE, TWO].into_iter().for_each(|id| wire.connect(id, "/"));
    let mut opened = 0;
    while opened < 2 {
        opened += usize::from(matches!(next(&mut wire), Arrival::Opened(_)));
    }
    (0..2).for_each(|_| is_ready.recv_timeout(PATIENCE).unwrap());
    let mut frames = [0, 0];
    for _ in 0..200 {
        let Arrival::Frame(SocketId(id), _) = next(&mut wire) else { panic!() };
        frames[id as usize - 1] += 1;
    }
    assert_eq!(frames, [100, 100]);
}

#[test]
fn after_disconnect_nothing_is_told_and_the_other_side_is() {
    let (server, hears) = listening((0..100).map(|number| Message::text(number.to_string())).collect());
    let mut wire = open(&server);
    assert_eq!(text(&mut wire), "0");
    wire.disconnect(ONE);
    wire.disconnect(ONE);
    assert_eq!(soon(&mut wire, 100), None);
    // a kernel that holds frames that nobody has read resets the connection, which may overtake our close
    let told = hears.recv_timeout(PATIENCE).unwrap();
    assert!(told.is_err() || told == Ok(Message::Close(None)), "{told:?}");
    for id in 1..=MOST_SOCKETS as u32 + 2 {
        wire.connect(SocketId(id), "/");
    }
    wire.disconnect(SocketId(MOST_SOCKETS as u32 + 2));
    let why = "16 sockets are open already".to_owned();
    assert_eq!(next(&mut wire), Arrival::Closed(SocketId(MOST_SOCKETS as u32 + 1), why));
}

#[test]
fn who_stops_waiting_loses_nothing() {
    const FRAMES: usize = 3_000;
    let server = Server::new(|connection| {
        let mut socket = accept(connection).unwrap();
        for number in 0..FRAMES {
            // some alone, most in bursts, some in halves
            if number % 100 == 0 {
                thread::sleep(Duration::from_micros(500));
            }
            socket.send(Message::text(number.to_string())).unwrap();
        }
        assert!(matches!(socket.read(), Ok(_) | Err(Error::Io(_) | Error::Protocol(_))));
    });
    let mut wire = server.wire();
    wire.connect(ONE, "/");
    let (mut waits, mut heard) = (0_u64, Vec::new());
    async_io::block_on(async {
        while heard.len() < FRAMES {
            waits += 1;
            let bored = async {
                match waits % 3 {
                    0 => future::yield_now().await,
                    1 => drop(async_io::Timer::after(Duration::from_micros(50)).await),
                    _ => {}
                }
                None
            };
            let arrival = async { Some(wire.next().await) };
            match if waits % 2 == 0 { bored.or(arrival).await } else { arrival.or(bored).await } {
                Some(Arrival::Frame(ONE, bytes)) => heard.push(String::from_utf8(bytes.to_vec()).unwrap()),
                Some(Arrival::Opened(ONE)) | None => {}
                other => panic!("{other:?}"),
            }
        }
    });
    assert!(heard.iter().enumerate().all(|(at, text)| at.to_string() == *text), "a frame was lost");
    assert!(waits > FRAMES as u64);
}

#[test]
fn a_look_up_that_hangs_holds_nothing_up() {
    let hangs = || {
        Names::with(Box::new(|_| {
            thread::sleep(Duration::from_secs(3));
            Ok(vec![])
        }))
    };
    let server = Server::of_sockets(|mut socket| {
        while socket.send(Message::text("tick")).is_ok() {
            thread::sleep(Duration::from_millis(10));
        }
    });
    let address = Address { rest: "https://slow.test".into(), ..server.address() };
    let mut wire = Wire::with(&address, short(400), hangs()).unwrap();
    wire.connect(ONE, "/");
    assert_eq!(next(&mut wire), Arrival::Opened(ONE));
    get(&mut wire, 1, "/");
    let mut ticks = 0;
    let (why, sent) = loop {
        match next(&mut wire) {
            Arrival::Frame(..) => ticks += 1,
            Arrival::NoResponse { id: RequestId(1), why, sent } => break (why, sent),
            other => panic!("{other:?}"),
        }
    };
    assert!(ticks > 3 && !sent, "{ticks} {why}");
    let server = Server::of_requests(|_| response("200 OK", "", b""));
    let address = Address { streams: "wss://slow.test".into(), ..server.address() };
    let mut wire = Wire::with(&address, short(400), hangs()).unwrap();
    wire.connect(ONE, "/");
    assert!(asked(&mut wire, "/").is_ok());
    assert_eq!(closed(&mut wire), "it was not open after 0.4 s");
}
