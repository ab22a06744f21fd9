use super::{
    super::{Address, Arrival, Limits, Wire, names::Names},
    rig::{Server, answer_all, asked, next, response},
};
use crate::gateway::SocketId;
use async_tungstenite::tungstenite::{Message, accept};
use futures_rustls::{
    pki_types::PrivateKeyDer,
    rustls::{ServerConfig, ServerConnection, StreamOwned, crypto::ring},
};
use std::{fs, io::Write, net::TcpStream, path::PathBuf, sync::Arc};
use tempfile::TempDir;

/// A certificate for these names, and the file that makes it trusted.
pub struct Identity {
    config: Arc<ServerConfig>,
    _folder: TempDir,
    pub file: PathBuf,
}

impl Identity {
    pub fn of(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        fs::write(&file, format!("for the tests\n{}", made.cert.pem())).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let config = builder.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        Self { config: Arc::new(config), _folder: folder, file }
    }

    /// Encrypts what a server says, which happens with the first byte.
    fn wrap(config: &Arc<ServerConfig>, connection: TcpStream) -> StreamOwned<ServerConnection, TcpStream> {
        StreamOwned::new(ServerConnection::new(Arc::clone(config)).unwrap(), connection)
    }

    /// A server that answers each request with `ok`.
    pub fn requests(&self) -> Server {
        let config = Arc::clone(&self.config);
        Server::new(move |connection| {
            answer_all(Self::wrap(&config, connection), &|_: &str| response("200 OK", "", b"ok"));
        })
    }

    /// A server whose sockets say `hello` and what they are told.
    pub fn sockets(&self) -> Server {
        let config = Arc::clone(&self.config);
        Server::new(move |connection| {
            let Ok(mut socket) = accept(Self::wrap(&config, connection)) else { return };
            socket.send(Message::text("hello")).unwrap();
            while let Ok(message) = socket.read() {
                if message.is_text() && socket.send(message).is_err() {
                    return;
                }
            }
        })
    }
}

/// The address of two servers under this host name.
fn address(host: &str, requests: &Server, sockets: &Server, ca_file: Option<PathBuf>) -> Address {
    let rest = format!("https://{host}:{}", requests.at.port());
    Address { rest, streams: format!("wss://{host}:{}", sockets.at.port()), ca_file, proxy: None }
}

#[test]
fn requests_and_streams_are_encrypted_with_one_handshake_each() {
    let identity = Identity::of(&["localhost"]);
    let (requests, sockets) = (identity.requests(), identity.sockets());
    let address = address("localhost", &requests, &sockets, Some(identity.file.clone()));
    let mut wire = Wire::new(&address, Limits::default()).unwrap();
    for _ in 0..5 {
        assert_eq!(asked(&mut wire, "/").unwrap(), (200, b"ok".to_vec()));
    }
    assert_eq!(requests.taken(), 1);
    wire.connect(SocketId(1), "/");
    assert_eq!(next(&mut wire), Arrival::Opened(SocketId(1)));
    wire.send(SocketId(1), "x".repeat(50_000));
    assert_eq!(next(&mut wire), Arrival::Frame(SocketId(1), "hello".into()));
    assert_eq!(next(&mut wire), Arrival::Frame(SocketId(1), "x".repeat(50_000).into()));
}

#[test]
fn who_is_not_trusted_or_someone_else_hears_nothing() {
    let identity = Identity::of(&["localhost", "127.0.0.1"]);
    let other = Identity::of(&["elsewhere.test"]);
    let plain = || Server::new(|mut connection| drop(connection.write_all(&response("400 Bad Request", "", b""))));
    let servers = |identity: &Identity| (identity.requests(), identity.sockets());
    for (host, (requests, sockets), file, want) in [
        ("localhost", servers(&identity), None, "certificate"),
        ("localhost", servers(&identity), Some(other.file.clone()), "certificate"),
        ("localhost", servers(&other), Some(other.file.clone()), "certificate"),
        ("here.test", servers(&identity), Some(identity.file.clone()), "certificate"),
        ("localhost", (plain(), plain()), None, "corrupt message"),
        ("localhost", (Server::new(drop), Server::new(drop)), None, ""),
    ] {
        let names = Names::with(Box::new(|_| Ok(vec!["127.0.0.1".parse().unwrap()])));
        let address = address(host, &requests, &sockets, file);
        let mut wire = Wire::with(&address, Limits::default(), names).unwrap();
        let (why, sent) = asked(&mut wire, "/").unwrap_err();
        assert!(why.contains(want) && !sent, "{why} {sent}");
        wire.connect(SocketId(1), "/");
        let Arrival::Closed(SocketId(1), why) = next(&mut wire) else { panic!() };
        assert!(why.contains("TLS: ") && why.contains(want), "{why}");
    }
    let address = address("127.0.0.1", &identity.requests(), &identity.sockets(), Some(identity.file.clone()));
    asked(&mut Wire::new(&address, Limits::default()).unwrap(), "/").unwrap();
}
