//! How `ureq` reaches the exchange: our resolver, our TLS, and a last link in its chain that knows whether anything of a request has left.

use super::{
    Line,
    address::{bare, bracketed},
    names::Names,
};
use crate::exchange::private::{Method, Signed};
use futures_rustls::{
    pki_types::ServerName,
    rustls::{ClientConfig, ClientConnection, StreamOwned},
};
use rustix::time::{ClockId, clock_gettime};
use std::{
    fmt,
    io::{self, Read, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use ureq::{
    Agent, Error, Proxy, ProxyProtocol,
    http::{HeaderValue, Request},
    unversioned::transport::{
        Buffers, ConnectProxyConnector, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, TcpConnector,
        Transport, TransportAdapter, time,
    },
};

/// Of a response's body, unpacked. The largest that is asked for, a list of all markets, has two million.
pub(super) const BODY_BYTES: usize = 8 << 20;
/// Of a response's head.
pub(super) const HEAD_BYTES: usize = 16 << 10;
/// Of a response's headers those that are told.
pub(super) const MOST_HEADERS: usize = 64;
/// What a connection reads at once; holds a head.
const INPUT_BYTES: usize = 32 << 10;
/// What a connection writes at once.
const OUTPUT_BYTES: usize = 8 << 10;
/// How long a connection without a request is kept.
const IDLE: Duration = Duration::from_secs(50);
/// How we name ourselves.
pub(super) const USER_AGENT: &str = concat!("smolbear/", env!("CARGO_PKG_VERSION"));

/// A client with one connection that is kept, for one thread.
pub(super) struct Http {
    agent: Agent,
    left: Left,
}

/// A response.
pub(super) struct Taken {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// From the request's first byte to the response's last.
    pub took: Duration,
}

/// Why there is none.
pub(super) struct Failed {
    pub why: String,
    /// Bytes of the request may have left.
    pub sent: bool,
}

impl Http {
    pub fn new(line: &Line, names: &Names, timeout: Duration) -> Result<Self, Error> {
        let proxy = line.places.proxy.as_ref().map(|proxy| {
            let mut builder = Proxy::builder(ProxyProtocol::Http).host(&bracketed(&proxy.host)).port(proxy.port);
            if let Some((name, password)) = &proxy.user {
                builder = builder.username(name).password(password);
            }
            builder.build()
        });
        let proxy = proxy.transpose()?;
        let left = Left { at: Arc::default(), proxied: proxy.is_some() };
        let config = Agent::config_builder()
            .proxy(proxy) // ureq would ask the environment
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(USER_AGENT)
            .max_response_header_size(HEAD_BYTES)
            .input_buffer_size(INPUT_BYTES)
            .output_buffer_size(OUTPUT_BYTES)
            .max_idle_connections(1)
            .max_idle_connections_per_host(1)
            .max_idle_age(IDLE)
            .build();
        let chain = ().chain(ConnectProxyConnector::default()).chain(TcpConnector::default());
        let chain = chain.chain(Tls { config: Arc::clone(&line.tls) }).chain(left.clone());
        Ok(Self { agent: Agent::with_parts(config, chain, names.clone()), left })
    }

    /// Asks, and waits for the whole response.
    pub fn send(&self, base: &str, signed: Signed) -> Result<Taken, Failed> {
        self.left.at.store(0, Ordering::Relaxed);
        let failed = |error: Error| Failed { why: words(&error), sent: self.left.since().is_some() };
        let has_body = matches!(signed.method, Method::Post | Method::Put);
        let request = request(base, signed).map_err(|error| failed(error.into()))?;
        let response = match has_body {
            true => self.agent.run(request.map(|()| [0u8; 0].as_slice())), // of no bytes: that is said
            false => self.agent.run(request),
        };
        let mut response = response.map_err(failed)?;
        let body = response.body_mut().with_config().limit(BODY_BYTES as u64).read_to_vec().map_err(failed)?;
        let headers = response.headers().iter().take(MOST_HEADERS);
        let headers = headers
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        let took = self.left.since().unwrap_or_default();
        Ok(Taken { status: response.status().as_u16(), headers: headers.collect(), body, took })
    }
}

/// Without a body; headers are not shown in any log.
fn request(base: &str, signed: Signed) -> Result<Request<()>, ureq::http::Error> {
    let method = match signed.method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
    };
    let mut request = Request::builder().method(method).uri(format!("{base}{}", signed.path));
    for (name, value) in signed.headers {
        let mut value = HeaderValue::try_from(value)?;
        value.set_sensitive(true);
        request = request.header(name, value);
    }
    request.body(())
}

/// For a person, without `ureq`'s own names of the stages.
fn words(error: &Error) -> String {
    match error {
        Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => "the connection ended too early".to_owned(),
        Error::Io(error) => error.to_string(),
        Error::BadUri(_) => "the address cannot be requested".to_owned(), // it would be shown
        Error::Timeout(_) => "it took too long".to_owned(),
        Error::BodyExceedsLimit(most) => format!("the response is longer than {most} bytes"),
        Error::LargeResponseHeader(..) => format!("the response's head is longer than {HEAD_BYTES} bytes"),
        Error::ConnectProxyFailed(why) => format!("the proxy refused: {why}"),
        other => other.to_string(),
    }
}

/// Time that goes on while the machine sleeps, in µs.
fn boot_us() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    let whole = |number: i64| u64::try_from(number).unwrap_or(0);
    whole(now.tv_sec) * 1_000_000 + whole(now.tv_nsec) / 1_000
}

/// The last link: notes when the first byte of a request leaves. All that is done before, also with a proxy, is no part of a request.
#[derive(Debug, Clone)]
struct Left {
    /// [`boot_us`]; 0: not yet.
    at: Arc<AtomicU64>,
    proxied: bool,
}

impl Left {
    /// How long ago that was.
    fn since(&self) -> Option<Duration> {
        let at = self.at.load(Ordering::Relaxed);
        (at > 0).then(|| Duration::from_micros(boot_us().saturating_sub(at)))
    }
}

impl<In: Transport> Connector<In> for Left {
    type Out = Either<In, LeftTransport<In>>;

    fn connect(&self, details: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        // A proxy's own connection runs through the same chain, with a configuration that knows of no proxy.
        let to_proxy = self.proxied && details.config.proxy().is_none();
        Ok(chained.map(|transport| match to_proxy {
            true => Either::A(transport),
            false => Either::B(LeftTransport { transport, at: Arc::clone(&self.at) }),
        }))
    }
}

#[derive(Debug)]
struct LeftTransport<T> {
    transport: T,
    at: Arc<AtomicU64>,
}

impl<T: Transport> Transport for LeftTransport<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.transport.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        // Before it is tried: a write that fails may have written.
        let _ = self.at.compare_exchange(0, boot_us(), Ordering::Relaxed, Ordering::Relaxed);
        self.transport.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.transport.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.transport.is_open()
    }

    fn is_tls(&self) -> bool {
        self.transport.is_tls()
    }
}

/// Wraps what is to be encrypted. `ureq`'s own link would build a configuration, with its roots, for each client.
#[derive(Debug)]
struct Tls {
    config: Arc<ClientConfig>,
}

impl<In: Transport> Connector<In> for Tls {
    type Out = Either<In, TlsTransport>;

    fn connect(&self, details: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        let Some(transport) = chained else { return Ok(None) };
        if !details.needs_tls() || transport.is_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let host = bare(details.uri.host().unwrap_or_default());
        let name = ServerName::try_from(host).map_err(|_| Error::Tls("the host's name cannot be in a certificate"))?;
        let session = ClientConnection::new(Arc::clone(&self.config), name.to_owned()).map_err(io::Error::other)?;
        let mut timeout = details.timeout;
        let now = (details.current_time)();
        if let (time::Duration::Exact(whole), time::Instant::Exact(now), time::Instant::Exact(begun)) =
            (timeout.after, now, details.now)
        {
            // The connection has used some of it.
            timeout.after = time::Duration::Exact(whole.saturating_sub(now.saturating_duration_since(begun)));
        }
        let mut wire = TransportAdapter::new(transport.boxed(), Arc::clone(&details.current_time));
        wire.set_timeout(timeout);
        let mut stream = StreamOwned::new(session, wire);
        stream.conn.complete_io(&mut stream.sock)?;
        let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(Either::B(TlsTransport { buffers, stream })))
    }
}

struct TlsTransport {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsTransport")
    }
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.get_mut().set_timeout(timeout);
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        self.stream.write_all(output)?;
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.get_mut().set_timeout(timeout);
        let amount = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.get_mut().get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}
