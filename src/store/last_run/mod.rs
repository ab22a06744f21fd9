//! Why the last run ended, and whether too many ends in a row halt this one.

mod facts; // what system and supervisor say
mod restarts; // too many ends in too short a time

pub use facts::{Facts, Told};
pub use restarts::halted_by_restarts;

use std::fmt;

/// A run's beginning, as it stands in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The bot's process id.
    pub pid: u32,
    /// The kernel's name for the time from one start of the machine to the next; empty where it has none.
    pub boot_id: String,
    /// Wall clock, milliseconds since 1970.
    pub started_ms: i64,
    /// The program's version.
    pub wrote: String,
    /// How often the kernel had killed in our cgroup for want of memory; `None` where it does not count.
    pub oom_kills: Option<u64>,
}

/// A run's end, as the run itself could still tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnd {
    /// Wall clock, milliseconds since 1970.
    pub ended_ms: i64,
    /// What the process ended with.
    pub exit_code: u8,
    /// Why it stopped, in the log's words: `duration reached`.
    pub cause: String,
    /// What went wrong, where something did: `task trading loop panicked: …`.
    pub message: Option<String>,
    /// Most memory that it had at once, in kilobytes; 0 where unknown.
    pub peak_kb: u64,
}

/// How the last run ended; as text, `killed: out of memory (peak memory 31.9 MB)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastEnd {
    /// What happened to it.
    pub how: How,
    /// Its version and ours, where they differ.
    pub versions: Option<(String, String)>,
}

/// What happened to a run. Memory is in kilobytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// It recorded an end that somebody wanted, with this cause.
    Clean(String),
    /// It recorded an emergency stop, and perhaps what else went wrong; the reason is that of the halt.
    Emergency(Option<String>),
    /// It recorded that its input or configuration was wrong.
    Input(String),
    /// It recorded its failure.
    Crash(String),
    /// The machine was started since, so the time of its end is not known.
    Reboot,
    /// The supervisor found it frozen, in its words, and killed it.
    Frozen(String),
    /// The kernel killed it for want of memory.
    OutOfMemory(Option<u64>),
    /// It recorded no end, but the supervisor saw it: in its words.
    Seen(String, Option<u64>),
    /// It recorded no end.
    Killed(Option<u64>),
}

/// Why the last run ended. `memory_kb` is the most that is known of its memory where it recorded no end.
#[must_use]
pub fn why(last: &Run, end: Option<&RunEnd>, memory_kb: Option<u64>, facts: &Facts) -> LastEnd {
    let versions = (last.wrote != facts.wrote).then(|| (last.wrote.clone(), facts.wrote.clone()));
    LastEnd { how: end.map_or_else(|| unrecorded(last, memory_kb.filter(|kb| *kb > 0), facts), recorded), versions }
}

fn recorded(end: &RunEnd) -> How {
    let text = end.message.as_ref().unwrap_or(&end.cause).clone();
    match end.exit_code {
        0 | 129 | 130 | 143 => How::Clean(end.cause.clone()),
        2 => How::Input(text),
        3 => How::Emergency(end.message.clone()),
        _ => How::Crash(text),
    }
}

/// The surest evidence first: a supervisor's word on another process, or a count that began anew with the machine, is none.
fn unrecorded(last: &Run, memory_kb: Option<u64>, facts: &Facts) -> How {
    let told = facts.told.as_ref().filter(|told| told.pid == last.pid).map(|told| told.how.clone());
    let counted = last.oom_kills.zip(facts.oom_kills).is_some_and(|(then, now)| now > then);
    match told {
        _ if facts.booted_since(last) => How::Reboot,
        Some(how) if how.starts_with(Told::FROZEN) => How::Frozen(how),
        _ if counted || facts.kernel_log_says_oom => How::OutOfMemory(memory_kb),
        Some(how) => How::Seen(how, memory_kb),
        None => How::Killed(memory_kb),
    }
}

impl fmt::Display for LastEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.how.fmt(f)?;
        match &self.versions {
            Some((then, now)) => write!(f, "; it was version {then}, this is {now}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clean(cause) => write!(f, "clean stop ({cause})"),
            Self::Emergency(None) => f.write_str("emergency stop"),
            Self::Emergency(Some(message)) => write!(f, "emergency stop: {message}"),
            Self::Input(message) => write!(f, "wrong input: {message}"),
            Self::Crash(message) => write!(f, "crash: {message}"),
            Self::Reboot => f.write_str("power loss or reboot: the machine was started since"),
            Self::Frozen(how) => write!(f, "{how} and killed by the supervisor"),
            Self::OutOfMemory(kb) => write!(f, "killed: out of memory{}", Peak(*kb)),
            Self::Seen(how, kb) => write!(f, "no end was recorded, but the supervisor saw it: {how}{}", Peak(*kb)),
            Self::Killed(kb) => write!(f, "killed: no end was recorded{}", Peak(*kb)),
        }
    }
}

/// Kilobytes as megabytes of 1,048,576 bytes with one digit, in brackets.
struct Peak(Option<u64>);

impl fmt::Display for Peak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(kb) = self.0 else { return Ok(()) };
        let tenths = (kb.saturating_mul(10).saturating_add(512)) / 1024;
        write!(f, " (peak memory {}.{} MB)", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests;
