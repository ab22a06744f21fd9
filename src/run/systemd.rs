//! What systemd is told (sd_notify(3)): ready, stopping, and the watchdog's food.
//!
//! Written by hand over a datagram socket that never blocks: a service manager that has stopped reading must not stop
//! the one thread.

use std::{
    env,
    ffi::OsStr,
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixDatagram},
        },
    },
    process,
    time::{Duration, Instant},
};

/// What the service manager sets for a service; the supervisor keeps it to itself.
pub const VARIABLES: [&str; 3] = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/// The service manager's socket; silent where there is none.
#[derive(Debug, Default)]
pub struct Systemd {
    socket: Option<UnixDatagram>,
    /// Half of the watchdog's time, as sd_watchdog_enabled(3) advises; `None` where no watchdog waits for us.
    period: Option<Duration>,
    fed: Option<Instant>,
    /// `READY=1` found the socket full and waits for the next turn.
    ready_waits: bool,
}

impl Systemd {
    /// Reads what the service manager left in the environment. A socket that can't be reached is a warning.
    #[must_use]
    pub fn from_environment() -> Self {
        let [socket, usec, pid] = VARIABLES.map(env::var_os);
        Self::new(socket.as_deref(), usec.as_deref(), pid.as_deref())
    }

    pub(super) fn new(socket: Option<&OsStr>, usec: Option<&OsStr>, pid: Option<&OsStr>) -> Self {
        let Some(name) = socket.filter(|name| !name.is_empty()) else { return Self::default() };
        match connect(name) {
            Ok(socket) => Self { socket: Some(socket), period: period(usec, pid), ..Self::default() },
            Err(error) => {
                log::warn!("systemd can't be reached at {}: {error}", name.display());
                Self::default()
            }
        }
    }

    /// How often [`Systemd::feed`] must be called at least; `None` where nobody waits for it.
    #[must_use]
    pub fn period(&self) -> Option<Duration> {
        self.period
    }

    /// Says that the start is over.
    pub fn ready(&mut self) {
        self.ready_waits = !self.send("READY=1");
    }

    /// Says that the end has begun.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// Feeds the watchdog when half of its time is over. To be called by progress, never by a bare timer.
    pub fn feed(&mut self, now: Instant) {
        if self.ready_waits {
            self.ready();
        }
        let Some(period) = self.period else { return };
        let due = self.fed.is_none_or(|fed| now.duration_since(fed) >= period);
        if due && self.send("WATCHDOG=1") {
            self.fed = Some(now);
        }
    }

    /// Whether the message needs no further try: a full socket does, a closed one does not.
    fn send(&self, message: &str) -> bool {
        let Some(socket) = &self.socket else { return true };
        !matches!(socket.send(message.as_bytes()), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// A name that begins with `@` is in the abstract namespace, any other is a path.
fn connect(name: &OsStr) -> io::Result<UnixDatagram> {
    let address = match name.as_bytes() {
        [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest)?,
        _ => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect_addr(&address)?;
    Ok(socket)
}

/// Half of `WATCHDOG_USEC`, when it is meant for this process.
fn period(usec: Option<&OsStr>, pid: Option<&OsStr>) -> Option<Duration> {
    let ours = pid.is_none_or(|pid| pid.to_str() == Some(process::id().to_string().as_str()));
    let usec: u64 = usec?.to_str()?.parse().ok().filter(|usec| *usec > 0)?;
    ours.then(|| Duration::from_micros(usec) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(socket: &UnixDatagram) -> Vec<String> {
        let mut heard = Vec::new();
        let mut buffer = [0; 64];
        socket.set_nonblocking(true).unwrap();
        while let Ok(length) = socket.recv(&mut buffer) {
            heard.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
        heard
    }

    #[test]
    fn ready_and_food_reach_a_path_and_an_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let hidden = format!("smolbear-test-{}", process::id());
        let at_path = UnixDatagram::bind(&path).unwrap();
        let at_name = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(hidden.as_bytes()).unwrap()).unwrap();
        for (socket, name) in [(at_path, path.into_os_string()), (at_name, format!("@{hidden}").into())] {
            let mut systemd = Systemd::new(Some(&name), Some(OsStr::new("20000000")), None);
            let start = Instant::now();
            systemd.ready();
            systemd.feed(start);
            systemd.feed(start + Duration::from_secs(9));
            systemd.feed(start + Duration::from_secs(10));
            systemd.stopping();
            assert_eq!(heard(&socket), ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "STOPPING=1"], "{name:?}");
        }
    }

    #[test]
    fn a_manager_that_does_not_read_never_blocks_and_gets_ready_later() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let mut systemd = Systemd::new(Some(path.as_os_str()), None, None);
        while systemd.send("STATUS=filling") {}
        systemd.ready();
        assert!(!heard(&manager).contains(&"READY=1".to_owned()));
        systemd.feed(Instant::now());
        assert_eq!(heard(&manager), ["READY=1"]);
    }

    #[test]
    fn the_watchdog_is_ours_only_when_it_is_meant_for_us() {
        let own = process::id().to_string();
        for (usec, pid, want) in [
            (Some("30000000"), None, Some(Duration::from_secs(15))),
            (Some("30000000"), Some(own.as_str()), Some(Duration::from_secs(15))),
            (Some("30000000"), Some("1"), None),
            (Some("0"), None, None),
            (Some("soon"), None, None),
            (None, Some(own.as_str()), None),
        ] {
            assert_eq!(period(usec.map(OsStr::new), pid.map(OsStr::new)), want, "{usec:?} {pid:?}");
        }
    }

    #[test]
    fn without_a_manager_everything_is_silent() {
        for name in [None, Some(""), Some("/nowhere/at/all")] {
            let mut systemd = Systemd::new(name.map(OsStr::new), Some(OsStr::new("1000")), None);
            systemd.ready();
            systemd.feed(Instant::now());
            assert!(systemd.socket.is_none() && systemd.period().is_none());
        }
    }
}
