//! Where the exchange is, and what lies on the way: addresses as a person writes them, checked.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    path::PathBuf,
};
use ureq::http::Uri;

/// Where the exchange is, as the configuration has it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// Of the requests, such as `https://fapi.binance.com`.
    pub rest: String,
    /// Of the streams, such as `wss://fstream.binance.com`.
    pub streams: String,
    /// Certificates in PEM that are trusted too, beside those compiled in.
    pub ca_file: Option<PathBuf>,
    /// An HTTP proxy for requests and streams, `http://[user:password@]host:port`; the environment is not asked for one.
    pub proxy: Option<String>,
}

/// A proxy's password is nobody's business.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rest, streams, ca_file, proxy } = self;
        let proxy = proxy.as_ref().map(|proxy| proxy.rsplit('@').next().unwrap_or_default());
        f.debug_struct("Address")
            .field("rest", rest)
            .field("streams", streams)
            .field("ca_file", ca_file)
            .field("proxy", &proxy)
            .finish()
    }
}

/// An address that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum AddressError {
    #[error(
        "the address of requests is `{got}`, {why}; allowed is https://HOST[:PORT], or http:// for this machine and private addresses"
    )]
    Rest { got: String, why: &'static str },
    #[error(
        "the address of streams is `{got}`, {why}; allowed is wss://HOST[:PORT], or ws:// for this machine and private addresses"
    )]
    Streams { got: String, why: &'static str },
    /// Without the proxy, which may hold a password.
    #[error("the proxy {why}; allowed is http://[USER:PASSWORD@]HOST:PORT, with %XX for what is special in them")]
    Proxy { why: &'static str },
}

impl Address {
    /// Whether requests and streams can be sent there, as far as the text shows.
    ///
    /// # Errors
    ///
    /// What is wrong, and what is allowed.
    pub fn check(&self) -> Result<(), AddressError> {
        self.places().map(|_| ())
    }

    /// Taken apart.
    pub(super) fn places(&self) -> Result<Places, AddressError> {
        let rest = place(&self.rest, "https", "http");
        let streams = place(&self.streams, "wss", "ws");
        Ok(Places {
            rest: rest.map_err(|why| AddressError::Rest { got: shown(&self.rest), why })?,
            streams: streams.map_err(|why| AddressError::Streams { got: shown(&self.streams), why })?,
            proxy: self.proxy.as_deref().map(proxy).transpose().map_err(|why| AddressError::Proxy { why })?,
        })
    }
}

/// An address, taken apart.
#[derive(Debug, Clone)]
pub(super) struct Places {
    pub rest: Place,
    pub streams: Place,
    pub proxy: Option<Proxy>,
}

/// Where one kind of traffic goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Whether it is encrypted.
    pub secure: bool,
    /// A name or literal address, without brackets.
    pub host: String,
    pub port: u16,
    /// What stands before the path of a request, without a slash at its end.
    pub base: String,
}

/// A proxy that is told `CONNECT`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Proxy {
    pub host: String,
    pub port: u16,
    /// Name and password.
    pub user: Option<(String, String)>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// `host:port` as a request's head has it.
pub(super) fn authority(host: &str, port: u16) -> String {
    format!("{}:{port}", bracketed(host))
}

/// A host as it stands in an address: a literal one of IPv6 in brackets.
pub(super) fn bracketed(host: &str) -> String {
    if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]") } else { host.to_owned() }
}

/// A host without the brackets of a literal address.
pub(super) fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// At most so much of a wrong address, and no password.
fn shown(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((_, rest)) => format!("…@{}", rest.chars().take(100).collect::<String>()),
        None => text.chars().take(100).collect(),
    }
}

fn place(text: &str, secure: &str, plain: &str) -> Result<Place, &'static str> {
    let uri: Uri = text.parse().map_err(|_| "which is no address")?;
    let secure = match uri.scheme_str() {
        Some(scheme) if scheme == secure => true,
        Some(scheme) if scheme == plain => false,
        _ => return Err("which begins otherwise"),
    };
    let named = uri.authority().ok_or("which names no host")?;
    let host = bare(named.host()).to_owned();
    if named.as_str().contains('@') {
        return Err("which holds a user");
    }
    if uri.query().is_some() || text.contains('#') {
        return Err("which holds more than a host and a path");
    }
    let literal = named.host().starts_with('[');
    if host.is_empty() || literal && host.parse::<Ipv6Addr>().is_err() {
        return Err("which names no host");
    }
    let port = match (named.as_str().rsplit(']').next(), named.port_u16()) {
        (_, Some(port)) if port > 0 => port,
        (Some(rest), None) if !rest.contains(':') => {
            if secure {
                443
            } else {
                80
            }
        }
        _ => return Err("whose port is none"),
    };
    if !secure && !is_near(&host) {
        return Err("which is not encrypted");
    }
    Ok(Place { secure, host, port, base: text.trim_end_matches('/').to_owned() })
}

/// Whether a host is this machine or one of a private network.
fn is_near(host: &str) -> bool {
    match host.parse() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_private() || address.is_link_local(),
        Ok(IpAddr::V6(address)) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

fn proxy(text: &str) -> Result<Proxy, &'static str> {
    let rest = text.strip_prefix("http://").ok_or("begins otherwise")?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (user, rest) = match rest.rsplit_once('@') {
        Some((user, rest)) => (Some(user), rest),
        None => (None, rest),
    };
    let user = user.map(|user| {
        let (name, password) = user.split_once(':').unwrap_or((user, ""));
        Some((unescaped(name)?, unescaped(password)?))
    });
    let user = user.map(|user| user.ok_or("has a user that cannot be read")).transpose()?;
    let (host, port) = rest.rsplit_once(':').ok_or("names no port")?;
    let port = port.parse().ok().filter(|port| *port > 0).ok_or("names no port")?;
    let plausible = |host: &str| !host.is_empty() && host.parse::<Uri>().is_ok_and(|uri| uri.host() == Some(host));
    if !plausible(host) {
        return Err("names no host");
    }
    Ok(Proxy { host: bare(host).to_owned(), port, user })
}

/// With the bytes that stand as `%XX`.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        (bytes, rest) = match (byte, after) {
            (b'%', [high, low, after @ ..]) => {
                let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                bytes.push(digit(*high)? * 16 + digit(*low)?);
                (bytes, after)
            }
            (b'%', _) => return None,
            _ => {
                bytes.push(byte);
                (bytes, after)
            }
        };
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(rest: &str, streams: &str) -> Address {
        Address { rest: rest.into(), streams: streams.into(), ..Address::default() }
    }

    #[test]
    fn addresses_are_taken_apart() {
        let places = address("https://fapi.binance.com", "wss://fstream.binance.com/").places().unwrap();
        let want = |host: &str, base: &str| Place { secure: true, host: host.into(), port: 443, base: base.into() };
        assert_eq!(places.rest, want("fapi.binance.com", "https://fapi.binance.com"));
        assert_eq!(places.streams, want("fstream.binance.com", "wss://fstream.binance.com"));
        let places = address("http://127.0.0.1:8080/mock/", "ws://[::1]:81").places().unwrap();
        let want = |host: &str, port, base: &str| Place { secure: false, host: host.into(), port, base: base.into() };
        assert_eq!(places.rest, want("127.0.0.1", 8080, "http://127.0.0.1:8080/mock"));
        assert_eq!(places.streams, want("::1", 81, "ws://[::1]:81"));
    }

    #[test]
    fn wrong_addresses_are_named_with_what_is_allowed() {
        let good = "wss://fstream.binance.com";
        for (text, why) in [
            ("", "no address"),
            ("fapi.binance.com", "begins otherwise"),
            ("ftp://fapi.binance.com", "begins otherwise"),
            ("wss://fapi.binance.com", "begins otherwise"),
            ("http://fapi.binance.com", "not encrypted"),
            ("http://8.8.8.8", "not encrypted"),
            ("https://", "no address"),
            ("https://a:b@fapi.binance.com", "a user"),
            ("https://fapi.binance.com?a=b", "more than a host"),
            ("https://fapi.binance.com:0", "port"),
            ("https://fapi.binance.com:99999", "port"),
            ("https://[::zz]", "no"),
        ] {
            let error = address(text, good).check().unwrap_err().to_string();
            assert!(error.contains(why) && error.contains("https://HOST"), "{text}: {error}");
        }
        let error = address("https://fapi.binance.com", "ws://fstream.binance.com").check().unwrap_err().to_string();
        assert!(error.contains("not encrypted") && error.contains("wss://HOST"), "{error}");
        for near in ["http://localhost", "http://192.168.1.9:80", "http://10.0.0.1", "http://[fd00::1]"] {
            address(near, good).check().unwrap();
        }
        let secret = address("https://me:secret@fapi.binance.com", good).check().unwrap_err().to_string();
        assert!(!secret.contains("secret"), "{secret}");
    }

    #[test]
    fn a_proxy_is_taken_apart_and_its_password_kept_quiet() {
        let given = |text: &str| Address { proxy: Some(text.into()), ..address("https://a.b", "wss://a.b") };
        let read = |text: &str| given(text).places().map(|places| places.proxy.unwrap());
        let user = Some(("me".to_owned(), "a@b:c".to_owned()));
        let want = Proxy { host: "proxy.lan".into(), port: 3128, user };
        assert_eq!(read("http://me:a%40b%3Ac@proxy.lan:3128/").unwrap(), want);
        assert_eq!(read("http://[::1]:8").unwrap(), Proxy { host: "::1".into(), port: 8, user: None });
        for text in [
            "",
            "proxy:3128",
            "https://proxy:3128",
            "http://proxy",
            "http://:1",
            "http://a b:1",
            "http://%4@a:1",
            "http://a:0",
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains("http://[USER:PASSWORD@]HOST:PORT"), "{text}: {error}");
        }
        let debug = format!("{:?} {:?}", given("http://me:secret@a:1"), read("http://me:secret@a:1"));
        assert!(!debug.contains("secret") && debug.contains("a:1"), "{debug}");
    }
}
