//! Addresses of hosts. A look-up may take long and blocks, so it has a thread, `names`, which ends when nobody wants to know anything any more.
//!
//! At most one look-up is in flight, whoever asks and for whatever name. What was found is used for [`FRESH`]; older addresses are used where a
//! new look-up fails, or takes longer than [`PATIENCE`]. Literal addresses and `localhost` need none.

use super::address::bare;
use event_listener::{Event, Listener, listener};
use futures_lite::FutureExt;
use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs},
    panic::{self, AssertUnwindSafe},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};
use ureq::{
    config::Config,
    http::{Uri, uri::Scheme},
    unversioned::{
        resolver::{ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

/// How long what was found counts as new.
const FRESH: Duration = Duration::from_secs(5 * 60);
/// How long a look-up is waited for where older addresses are known.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long a look-up is waited for otherwise.
const LOOK_UP: Duration = Duration::from_secs(5);
/// Hosts that are remembered.
const MOST_HOSTS: usize = 8;
/// Addresses a host.
const MOST_ADDRESSES: usize = 8;
/// Of the stack of the thread, which runs the system's resolver.
const STACK_BYTES: usize = 256 * 1024;

/// The system's way to look a name up.
pub(super) type LookUp = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

/// The resolver of the program. Clones share what they know.
#[derive(Clone)]
pub(super) struct Names {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// A look-up has ended.
    ended: Event,
    look_up: Box<LookUp>,
}

#[derive(Default)]
struct State {
    hosts: Vec<Host>,
    /// Whether there is a thread.
    running: bool,
}

struct Host {
    name: String,
    wanted: bool,
    /// Look-ups that have ended.
    tries: u64,
    /// Of the last look-up that found something.
    addresses: Vec<IpAddr>,
    /// When that was; `None`: too long ago.
    found: Option<Instant>,
    /// Why the last look-up found nothing.
    failure: Option<String>,
}

/// What is known at once.
enum Asked {
    Known(Vec<IpAddr>),
    /// A look-up is needed, and waited for until then; `older`: what is used if it does not help.
    Wait {
        tries: u64,
        until: Instant,
        older: Vec<IpAddr>,
    },
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

impl Names {
    /// A resolver that knows nothing yet and asks the system.
    pub fn new() -> Self {
        Self::with(Box::new(|host| Ok((host, 0).to_socket_addrs()?.map(|address| address.ip()).collect())))
    }

    /// A resolver that asks `look_up`.
    pub fn with(look_up: Box<LookUp>) -> Self {
        Self { shared: Arc::new(Shared { state: Mutex::default(), ended: Event::new(), look_up }) }
    }

    /// From now on all that is known is old.
    pub fn distrust(&self) {
        self.shared.lock().hosts.iter_mut().for_each(|host| host.found = None);
    }

    /// The addresses of a host, in the order in which they should be tried; at least one.
    ///
    /// # Errors
    ///
    /// In words: the look-up failed or took too long, and none were known.
    pub async fn find(&self, host: &str) -> Result<Vec<IpAddr>, String> {
        let (tries, until, older) = match self.ask(host)? {
            Asked::Known(addresses) => return Ok(addresses),
            Asked::Wait { tries, until, older } => (tries, until, older),
        };
        let ended = async {
            loop {
                listener!(self.shared.ended => listener);
                if let Some(answer) = self.shared.answer(host, tries) {
                    return Some(answer);
                }
                listener.await;
            }
        };
        let late = async {
            async_io::Timer::at(until).await;
            None
        };
        or_older(host, ended.or(late).await, older)
    }

    /// The same for a thread that may block, which waits no longer than until `latest`.
    fn find_blocking(&self, host: &str, latest: Option<Instant>) -> Result<Vec<IpAddr>, String> {
        let (tries, until, older) = match self.ask(host)? {
            Asked::Known(addresses) => return Ok(addresses),
            Asked::Wait { tries, until, older } => (tries, latest.map_or(until, |latest| until.min(latest)), older),
        };
        loop {
            listener!(self.shared.ended => listener);
            if let Some(answer) = self.shared.answer(host, tries) {
                return or_older(host, Some(answer), older);
            }
            if listener.wait_deadline(until).is_none() {
                return or_older(host, self.shared.answer(host, tries), older);
            }
        }
    }

    fn ask(&self, host: &str) -> Result<Asked, String> {
        if let Some(addresses) = literal(host) {
            return Ok(Asked::Known(addresses));
        }
        let now = Instant::now();
        let mut state = self.shared.lock();
        let known = state.host(host)?;
        if known.found.is_some_and(|at| now.saturating_duration_since(at) < FRESH) {
            return Ok(Asked::Known(known.addresses.clone()));
        }
        known.wanted = true;
        let older = known.addresses.clone();
        let until = now + if older.is_empty() { LOOK_UP } else { PATIENCE };
        let tries = known.tries;
        if !state.running {
            let shared = Arc::clone(&self.shared);
            let builder = thread::Builder::new().name("names".to_owned()).stack_size(STACK_BYTES);
            builder.spawn(move || shared.work()).map_err(|error| format!("no thread to look {host} up: {error}"))?;
            state.running = true;
        }
        Ok(Asked::Wait { tries, until, older })
    }
}

impl State {
    fn host(&mut self, name: &str) -> Result<&mut Host, String> {
        let at = match self.hosts.iter().position(|host| host.name == name) {
            Some(at) => at,
            None if self.hosts.len() >= MOST_HOSTS => return Err(format!("{name} is one name too many")),
            None => {
                let name = name.to_owned();
                self.hosts.push(Host {
                    name,
                    wanted: false,
                    tries: 0,
                    addresses: Vec::new(),
                    found: None,
                    failure: None,
                });
                self.hosts.len() - 1
            }
        };
        Ok(&mut self.hosts[at])
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a look-up that ended after the `tries`th one says.
    fn answer(&self, name: &str, tries: u64) -> Option<Result<Vec<IpAddr>, String>> {
        let state = self.lock();
        let host = state.hosts.iter().find(|host| host.name == name && host.tries > tries)?;
        Some(match &host.failure {
            None => Ok(host.addresses.clone()),
            Some(failure) => Err(failure.clone()),
        })
    }

    /// The thread: one look-up after the other, until none is wanted.
    fn work(&self) {
        loop {
            let name = {
                let mut state = self.lock();
                let Some(host) = state.hosts.iter().find(|host| host.wanted) else {
                    state.running = false;
                    return;
                };
                host.name.clone()
            };
            let found = panic::catch_unwind(AssertUnwindSafe(|| (self.look_up)(&name)));
            let found = found.unwrap_or_else(|_| Err(io::Error::other("the look-up panicked")));
            if let Some(host) = self.lock().hosts.iter_mut().find(|host| host.name == name) {
                host.learn(found);
            }
            self.ended.notify(usize::MAX);
        }
    }
}

impl Host {
    fn learn(&mut self, found: io::Result<Vec<IpAddr>>) {
        self.wanted = false;
        self.tries += 1;
        self.failure = match found {
            Ok(mut addresses) if !addresses.is_empty() => {
                addresses.dedup(); // one a kind of socket
                addresses.truncate(MOST_ADDRESSES);
                self.addresses = addresses;
                self.found = Some(Instant::now());
                None
            }
            Ok(_) => Some(format!("{} has no address", self.name)),
            Err(error) => Some(format!("the address of {} was not found: {error}", self.name)),
        };
    }
}

fn or_older(
    host: &str,
    answer: Option<Result<Vec<IpAddr>, String>>,
    older: Vec<IpAddr>,
) -> Result<Vec<IpAddr>, String> {
    match answer {
        Some(Ok(addresses)) => Ok(addresses),
        _ if !older.is_empty() => Ok(older),
        Some(Err(why)) => Err(why),
        None => Err(format!("the address of {host} was not found in time")),
    }
}

/// What needs no look-up.
fn literal(host: &str) -> Option<Vec<IpAddr>> {
    if host.eq_ignore_ascii_case("localhost") {
        return Some(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    host.parse().ok().map(|address| vec![address])
}

impl Resolver for Names {
    fn resolve(&self, uri: &Uri, _: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = bare(uri.host().unwrap_or_default());
        let usual = if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(usual);
        let found = self.find_blocking(host, Instant::now().checked_add(*timeout.after));
        let found = found.map_err(|why| io::Error::new(io::ErrorKind::NotFound, why))?;
        let mut addresses = self.empty();
        found.into_iter().take(MOST_ADDRESSES).for_each(|ip| addresses.push(SocketAddr::new(ip, port)));
        Ok(addresses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn found(names: &Names, host: &str) -> Result<Vec<IpAddr>, String> {
        let waiting = names.find_blocking(host, None);
        let asked = async_io::block_on(names.find(host));
        assert_eq!(waiting.is_ok(), asked.is_ok());
        waiting
    }

    /// Fails from the second look-up on.
    fn failing_later(count: &Arc<AtomicUsize>) -> Names {
        let count = Arc::clone(count);
        Names::with(Box::new(move |_| match count.fetch_add(1, Ordering::SeqCst) {
            0 => Ok(vec![[9, 9, 9, 9].into(), [9, 9, 9, 9].into(), [8, 8, 8, 8].into()]),
            _ => Err(io::Error::other("no network")),
        }))
    }

    #[test]
    fn literal_addresses_need_no_look_up() {
        let names = Names::with(Box::new(|host| panic!("{host}")));
        for (host, first) in [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("localhost", "127.0.0.1")] {
            assert_eq!(found(&names, host).unwrap()[0], first.parse::<IpAddr>().unwrap());
        }
    }

    #[test]
    fn what_was_found_is_kept_and_older_addresses_help_where_a_look_up_fails() {
        let count = Arc::default();
        let names = failing_later(&count);
        let want: Vec<IpAddr> = vec![[9, 9, 9, 9].into(), [8, 8, 8, 8].into()];
        for _ in 0..3 {
            assert_eq!(found(&names, "a.test").unwrap(), want);
        }
        assert_eq!(count.load(Ordering::SeqCst), 1);
        names.distrust();
        assert_eq!(found(&names, "a.test").unwrap(), want);
        assert!(count.load(Ordering::SeqCst) > 1);
        let error = found(&names, "b.test").unwrap_err();
        assert_eq!(error, "the address of b.test was not found: no network");
        assert!(names.shared.lock().hosts.iter().all(|host| !host.wanted));
    }

    #[test]
    fn one_look_up_is_in_flight_whoever_asks_and_one_that_panics_is_a_failed_one() {
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let count = (Arc::clone(&running), Arc::clone(&most));
        let names = Names::with(Box::new(move |host| {
            let now = count.0.fetch_add(1, Ordering::SeqCst) + 1;
            count.1.fetch_max(now, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(20));
            count.0.fetch_sub(1, Ordering::SeqCst);
            assert_ne!(host, "bad.test");
            Ok(vec![[9, 9, 9, 9].into()])
        }));
        thread::scope(|scope| {
            for host in ["a.test", "b.test", "a.test", "bad.test", "c.test"] {
                let names = names.clone();
                scope.spawn(move || {
                    let found = names.find_blocking(host, None);
                    assert_eq!(found.is_err(), host == "bad.test", "{found:?}");
                });
            }
        });
        assert_eq!(most.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn nobody_waits_longer_than_it_wants_and_there_is_an_end_of_names() {
        let names = Names::with(Box::new(|_| {
            thread::sleep(Duration::from_secs(2));
            Ok(vec![])
        }));
        let soon = Instant::now() + Duration::from_millis(50);
        let error = names.find_blocking("a.test", Some(soon)).unwrap_err();
        assert_eq!(error, "the address of a.test was not found in time");
        for number in 1..MOST_HOSTS {
            names.find_blocking(&format!("{number}.test"), Some(soon)).unwrap_err();
        }
        let error = names.find_blocking("z.test", Some(soon)).unwrap_err();
        assert_eq!(error, "z.test is one name too many");
    }
}
