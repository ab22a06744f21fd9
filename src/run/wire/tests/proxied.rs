use super::{
    super::{Address, Arrival, Limits, Wire, names::Names},
    rig::{Server, asked, head, next, short},
    secured::Identity,
};
use crate::gateway::SocketId;
use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
};

/// A proxy that knows where `requests.test` and `streams.test` are, and asks for a password.
fn proxy(requests: SocketAddr, streams: SocketAddr) -> Server {
    Server::new(move |mut client| {
        let Some(head) = head(&mut client) else { return };
        if !head.contains("Proxy-Authorization: Basic bWU6YTpi\r\n") {
            let _ = client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
            return;
        }
        let to = match head.split(' ').nth(1).unwrap() {
            "requests.test:443" => requests,
            "streams.test:443" => streams,
            other => panic!("{other}"),
        };
        let mut server = TcpStream::connect(to).unwrap();
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
        let (mut from, mut into) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        thread::spawn(move || io::copy(&mut from, &mut into));
        let _ = io::copy(&mut server, &mut client);
    })
}

fn wire(proxy: String, ca_file: Option<std::path::PathBuf>, limits: Limits) -> Wire {
    let (rest, streams) = ("https://requests.test".to_owned(), "wss://streams.test".to_owned());
    let names = Names::with(Box::new(|_| panic!("the proxy looks names up")));
    Wire::with(&Address { rest, streams, ca_file, proxy: Some(proxy) }, limits, names).unwrap()
}

fn refused(wire: &mut Wire) -> [String; 2] {
    let (why, sent) = asked(wire, "/").unwrap_err();
    assert!(!sent, "{why}");
    wire.connect(SocketId(1), "/");
    let Arrival::Closed(SocketId(1), closed) = next(wire) else { panic!() };
    [why, closed]
}

#[test]
fn requests_and_streams_go_through_a_proxy() {
    let identity = Identity::of(&["requests.test", "streams.test"]);
    let (requests, streams) = (identity.requests(), identity.sockets());
    let proxy = proxy(requests.at, streams.at);
    let mut wire = wire(format!("http://me:a%3Ab@{}", proxy.at), Some(identity.file.clone()), Limits::default());
    for _ in 0..3 {
        assert_eq!(asked(&mut wire, "/").unwrap(), (200, b"ok".to_vec()));
    }
    assert_eq!(requests.taken(), 1);
    wire.connect(SocketId(1), "/");
    assert_eq!(next(&mut wire), Arrival::Opened(SocketId(1)));
    assert_eq!(next(&mut wire), Arrival::Frame(SocketId(1), "hello".into()));
}

#[test]
fn a_proxy_that_does_not_help_is_told_of_and_nothing_counts_as_sent() {
    let identity = Identity::of(&["requests.test", "streams.test"]);
    let (requests, streams) = (identity.requests(), identity.sockets());
    let good = proxy(requests.at, streams.at);
    let file = Some(identity.file.clone());
    for text in [format!("http://{}", good.at), format!("http://me:wrong@{}", good.at)] {
        let words = refused(&mut wire(text, file.clone(), Limits::default()));
        assert!(words.iter().all(|words| words.contains("proxy") && words.contains("407")), "{words:?}");
    }
    let untrusted = refused(&mut wire(format!("http://me:a:b@{}", good.at), None, Limits::default()));
    assert!(untrusted.iter().all(|words| words.contains("certificate")), "{untrusted:?}");
    assert_eq!((requests.taken(), streams.taken()), (1, 1));
    let speaks = |bytes: &'static [u8]| {
        Server::new(move |mut client| {
            let _ = head(&mut client);
            let _ = client.write_all(bytes);
            let _ = client.read(&mut [0]);
        })
    };
    for bytes in
        [&b""[..], b"HTTP/1.1 200 OK\r\n", b"no HTTP\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n and more", &[b'a'; 20_000]]
    {
        let proxy = speaks(bytes);
        refused(&mut wire(format!("http://{}", proxy.at), file.clone(), short(300)));
    }
    let nobody = refused(&mut wire("http://[::1]:1".to_owned(), file.clone(), Limits::default()));
    assert!(nobody.iter().all(|words| words.contains("(os error ")), "{nobody:?}");
    let hangs_up = Server::new(drop);
    refused(&mut wire(format!("http://{}", hangs_up.at), file, Limits::default()));
}
