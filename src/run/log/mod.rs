//! The log, which can't stop the bot.
//!
//! A reader that stops reading (Ctrl-S, `less`, a stalled journal) would freeze the one thread in `write`. So a line is written at once or
//! not at all: what doesn't go out is dropped and counted, and said when the reader is back. `log` and `env_logger` decide which lines
//! there are, [`format`] what they look like, [`outlet`] how they leave.

pub mod format;
pub mod outlet;
pub mod zone;

use env_logger::Builder;
use log::LevelFilter;
use outlet::{Outlet, Tally};
use std::{
    env,
    io::{self, Write},
    os::fd::BorrowedFd,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

/// Where the log goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The log is what the command prints: a run.
    Stdout,
    /// Stdout holds the command's result.
    Stderr,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// `RUST_LOG` can't be understood.
    #[error("RUST_LOG: `{part}` is neither a level (off, error, warn, info, debug, trace) nor `MODULE=LEVEL`")]
    Filter {
        /// The part that can't be understood.
        part: String,
    },
    /// The stream can't be duplicated.
    #[error("the log can't use {name}: {cause}")]
    Stream {
        /// The stream.
        name: &'static str,
        /// What the system says.
        cause: io::Error,
    },
    /// There is a log already.
    #[error("the log was started twice")]
    Twice,
}

/// What is known about the log: lines lost, and why.
#[derive(Debug, Clone, Default)]
pub struct LogHandle {
    tally: Arc<Tally>,
    zone_note: Option<Arc<str>>,
}

impl LogHandle {
    /// Lines lost since the start.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.tally.lost()
    }

    /// What is wrong with the log now, as in `stdout is closed, 12 lines lost`; `None` while its lines go out.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.tally.trouble()
    }

    /// Why the log shows UTC though nobody asked for it; to be said once, after the run's first line.
    #[must_use]
    pub fn zone_note(&self) -> Option<&str> {
        self.zone_note.as_deref()
    }

    /// A handle on the tally of an outlet that is not the program's own.
    #[must_use]
    pub fn of(tally: Arc<Tally>) -> Self {
        Self { tally, zone_note: None }
    }
}

static OUTLET: OnceLock<Mutex<Outlet>> = OnceLock::new();

/// Libraries with a log of their own.
const LIBRARIES: [&str; 5] = ["async_tungstenite", "rustls", "tungstenite", "ureq", "ureq_proto"];

/// Starts the log: level debug where `debug` is set, else what `RUST_LOG` says, else info; in local time.
///
/// # Errors
/// `RUST_LOG` is nonsense, which is a mistake of usage; or the stream can't be used, or there is a log already.
pub fn init(target: Target, debug: bool) -> Result<LogHandle, LogError> {
    let mut builder = Builder::new();
    match env::var_os("RUST_LOG").map(|text| text.to_string_lossy().into_owned()) {
        _ if debug => builder.filter_level(LevelFilter::Debug),
        Some(text) if !text.trim().is_empty() => builder.parse_filters(&checked(&text)?),
        _ => builder.filter_level(LevelFilter::Info),
    };
    // what these say at debug is each step of a request or a handshake, and with it paths, which may hold a signature
    LIBRARIES.iter().for_each(|library| {
        builder.filter_module(library, LevelFilter::Error);
    });
    let (zone, zone_note) = zone::local();
    let outlet = open(target, zone.clone())?;
    let tally = outlet.tally();
    OUTLET.set(Mutex::new(outlet)).map_err(|_| LogError::Twice)?;
    builder
        .target(env_logger::Target::Pipe(Box::new(Out)))
        .format(move |out, record| format::record(out, &format::stamp(&zone), record.level(), record.args()))
        .try_init()
        .map_err(|_| LogError::Twice)?;
    Ok(LogHandle { tally, zone_note: zone_note.map(Into::into) })
}

/// Prints a line as it is, without time stamp and at any level, the way the log does: it is lost rather than waited for.
pub fn say(line: &str) {
    if let Some(outlet) = OUTLET.get() {
        outlet.lock().unwrap_or_else(PoisonError::into_inner).line(line.as_bytes());
    }
}

/// The wall clock so long ago, in local time, to the second.
#[must_use]
pub fn time_of_day(ago: std::time::Duration) -> String {
    let then = jiff::Timestamp::now().saturating_sub(ago).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    zone::local().0.to_datetime(then).strftime("%H:%M:%S").to_string()
}

fn open(target: Target, zone: jiff::tz::TimeZone) -> Result<Outlet, LogError> {
    let lost = move |lines| format::lost(&format::stamp(&zone), lines);
    let stream = |name, fd: BorrowedFd<'_>, lost: outlet::LostLine| match fd.try_clone_to_owned() {
        Ok(fd) => Ok(Outlet::new(name, fd, lost)),
        Err(cause) => Err(LogError::Stream { name, cause }),
    };
    let stderr = rustix::stdio::stderr();
    match target {
        Target::Stderr => stream("stderr", stderr, Box::new(lost)),
        // A stderr that can't be used is no reason to run without a log.
        Target::Stdout => Ok(stream("stdout", rustix::stdio::stdout(), Box::new(lost.clone()))?
            .with_aside(stream("stderr", stderr, Box::new(lost)).ok())),
    }
}

/// The program's outlet as `env_logger` wants it: it gets a whole record, of one line or more, at a time.
struct Out;

impl Write for Out {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        if let Some(outlet) = OUTLET.get() {
            let mut outlet = outlet.lock().unwrap_or_else(PoisonError::into_inner);
            let whole = record.strip_suffix(b"\n").unwrap_or(record);
            whole.split(|byte| *byte == b'\n').for_each(|line| outlet.line(line));
        }
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `RUST_LOG=inof` would be a module of that name to `env_logger`, and the log empty: a bare word is a level or a part of this program.
///
/// What it says of a part of a library is left out: these have a level of their own.
fn checked(text: &str) -> Result<String, LogError> {
    let (modules, filter) = text.split_at(text.find('/').unwrap_or(text.len()));
    let understood = |part: &str| match part.split_once('=') {
        Some((module, level)) => !module.trim().is_empty() && level.trim().parse::<LevelFilter>().is_ok(),
        None => part.parse::<LevelFilter>().is_ok() || part == "smolbear" || part.starts_with("smolbear::"),
    };
    let parts = || modules.split(',').map(str::trim).filter(|part| !part.is_empty());
    if let Some(part) = parts().find(|part| !understood(part)) {
        return Err(LogError::Filter { part: part.to_owned() });
    }
    if filter.matches('/').count() > 1 {
        return Err(LogError::Filter { part: text.to_owned() });
    }
    let ours = parts().filter(|part| !LIBRARIES.iter().any(|library| part.starts_with(library)));
    Ok(ours.collect::<Vec<_>>().join(",") + filter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonsense_filter_is_named() {
        for (text, wrong) in [
            ("info", None),
            ("WARN", None),
            ("info,smolbear::run=debug,ureq=off", None),
            ("smolbear", None),
            ("info/entry", None),
            ("inof", Some("inof")),
            ("info,smolbear=lots", Some("smolbear=lots")),
            ("info,=debug", Some("=debug")),
            ("a=b=c", Some("a=b=c")),
            ("info/a/b", Some("info/a/b")),
        ] {
            match (checked(text), wrong) {
                (Ok(same), None) => assert_eq!(same, text.replace(",ureq=off", "")),
                (Err(LogError::Filter { part }), Some(wrong)) => assert_eq!(part, wrong),
                (got, _) => panic!("{text}: {got:?}"),
            }
        }
        for text in
            ["info,ureq::run=trace", "ureq_proto::client=trace, info", "tungstenite=trace,info,rustls::client=debug"]
        {
            assert_eq!(checked(text).unwrap(), "info", "a library says nothing that could be a secret: {text}");
        }
        let error = checked("loud").unwrap_err().to_string();
        assert_eq!(
            error,
            "RUST_LOG: `loud` is neither a level (off, error, warn, info, debug, trace) nor `MODULE=LEVEL`"
        );
    }
}
