//! What the system and the supervisor say about the last run.

use super::{Run, RunEnd};
use std::{
    fmt,
    fs::{self, OpenOptions},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    process,
    str::FromStr,
};

/// The kernel log's records are read up to here: a ring of this size is a large one.
const RECORDS: usize = 32_768;
/// The kernel cuts its records below this; into less it refuses to read.
const RECORD_BYTES: usize = 8192;

/// What the supervisor told its child about the one before; as text, `4711 frozen for 15 s`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The process that ended.
    pub pid: u32,
    /// How: one line.
    pub how: String,
}

impl Told {
    /// How the words for a frozen child begin.
    pub const FROZEN: &str = "frozen";
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.pid, self.how)
    }
}

/// What was told is no such text.
#[derive(Debug, thiserror::Error)]
#[error("no process id and how it ended: {0}")]
pub struct NotTold(String);

impl FromStr for Told {
    type Err = NotTold;

    fn from_str(text: &str) -> Result<Self, NotTold> {
        let parts = text.split_once(' ').and_then(|(pid, how)| Some((pid.parse().ok()?, how)));
        let (pid, how) = parts.filter(|(_, how)| !how.is_empty()).ok_or_else(|| NotTold(text.to_owned()))?;
        Ok(Self { pid, how: how.to_owned() })
    }
}

/// What can be known at a start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The kernel's name for the time since the machine's start; empty where it has none.
    pub boot_id: String,
    /// This program's version.
    pub wrote: String,
    /// How often the kernel killed in our cgroup for want of memory; `None` where it does not count.
    pub oom_kills: Option<u64>,
    /// Whether the kernel's log has it that the last run was killed for want of memory.
    pub kernel_log_says_oom: bool,
    /// What the supervisor told.
    pub told: Option<Told>,
}

impl Facts {
    /// Asks the system. The kernel's log, which costs some milliseconds, is read only where the last run recorded no end on this boot.
    /// What is not there or may not be read says nothing.
    #[must_use]
    pub fn gather(last: Option<(&Run, Option<&RunEnd>)>, told: Option<Told>) -> Self {
        let mut facts = Self {
            boot_id: boot_id(),
            wrote: env!("SMOLBEAR_VERSION").to_owned(),
            oom_kills: oom_kills(),
            kernel_log_says_oom: false,
            told,
        };
        facts.kernel_log_says_oom = match last {
            Some((last, None)) => !facts.booted_since(last) && kernel_log_names(last.pid),
            Some((_, Some(_))) | None => false,
        };
        facts
    }

    /// This process's run, begun at that wall-clock time in milliseconds since 1970.
    #[must_use]
    pub fn run(&self, started_ms: i64) -> Run {
        let Self { boot_id, wrote, oom_kills, .. } = self.clone();
        Run { pid: process::id(), boot_id, started_ms, wrote, oom_kills }
    }

    /// Whether the machine was started since that run began, as far as the kernel says.
    pub(super) fn booted_since(&self, last: &Run) -> bool {
        !last.boot_id.is_empty() && !self.boot_id.is_empty() && last.boot_id != self.boot_id
    }
}

fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// Of our own cgroup, version 2.
fn oom_kills() -> Option<u64> {
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = cgroup(&own)?;
    kills_in(&fs::read_to_string(format!("/sys/fs/cgroup{path}/memory.events")).ok()?)
}

/// The path of the version 2 line. One that leads out of what this process sees is none.
fn cgroup(text: &str) -> Option<&str> {
    let path = text.lines().find_map(|line| line.strip_prefix("0::"))?;
    (!path.split('/').any(|part| part == "..")).then_some(path.trim_end_matches('/'))
}

fn kills_in(events: &str) -> Option<u64> {
    events.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

fn kernel_log_names(pid: u32) -> bool {
    let no_wait = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let log = OpenOptions::new().read(true).custom_flags(no_wait).open("/dev/kmsg");
    log.is_ok_and(|log| any_names(log, pid))
}

/// Reads record by record to the end, which is told by an error, or to the limit.
fn any_names(mut log: impl Read, pid: u32) -> bool {
    let mut record = [0; RECORD_BYTES];
    for _ in 0..RECORDS {
        match log.read(&mut record) {
            Ok(0) => return false,
            Ok(length) if names(&record[..length], pid) => return true,
            Ok(_) => {}
            // The record was overwritten while it was our turn: the next one follows.
            Err(cause) if matches!(cause.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::Interrupted) => {}
            Err(_) => return false,
        }
    }
    false
}

/// `Out of memory: Killed process 4711 (bot) total-vm:…`, or the same for a cgroup.
fn names(record: &[u8], pid: u32) -> bool {
    let text = String::from_utf8_lossy(record);
    let rest = text.split_once("Killed process ").map_or("", |(_, rest)| rest);
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse() == Ok(pid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::VecDeque, io::ErrorKind};

    #[test]
    fn what_the_supervisor_tells_survives_the_way() {
        for how in ["frozen for 15 s", "killed by SIGKILL", "exit code 70 (panic)"] {
            let told = Told { pid: 4711, how: how.to_owned() };
            assert_eq!(told.to_string().parse::<Told>().unwrap(), told);
        }
        for text in ["", "4711", "4711 ", "frozen for 15 s", "-1 frozen", "99999999999 frozen"] {
            assert!(text.parse::<Told>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_own_cgroup_is_found_and_its_kills_are_counted() {
        for (text, want) in [
            ("0::/system.slice/smolbear.service\n", Some("/system.slice/smolbear.service")),
            ("4:memory:/a\n0::/user.slice/b\n", Some("/user.slice/b")),
            ("0::/\n", Some("")),
            ("4:memory:/a\n", None),
            ("0::/../../a\n", None),
            ("", None),
        ] {
            assert_eq!(cgroup(text), want, "{text:?}");
        }
        assert_eq!(kills_in("low 0\nhigh 0\nmax 3\noom 2\noom_kill 1\noom_group_kill 7\n"), Some(1));
        assert_eq!(kills_in("low 0\nhigh 0\nmax 3\noom 2\n"), None);
    }

    /// A kernel log: each read gives a record or an error.
    struct Log(VecDeque<Result<&'static str, ErrorKind>>);

    impl Read for Log {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let record = self.0.pop_front().unwrap_or(Err(ErrorKind::WouldBlock))?;
            buffer[..record.len()].copy_from_slice(record.as_bytes());
            Ok(record.len())
        }
    }

    #[test]
    fn the_kernel_log_names_the_process_that_it_killed() {
        const KILLED: &str = "3,917,1004,-;Out of memory: Killed process 4711 (bot) total-vm:9kB";
        const IN_CGROUP: &str = "3,918,1005,-;Memory cgroup out of memory: Killed process 4711 (bot) total-vm:9kB";
        const OTHER: &str = "6,1,2,-;oom-kill:constraint=CONSTRAINT_NONE,task=bot,pid=4711,uid=0";
        for (records, want) in [
            (vec![Ok(OTHER), Ok(KILLED)], true),
            (vec![Err(ErrorKind::BrokenPipe), Err(ErrorKind::Interrupted), Ok(IN_CGROUP)], true),
            (vec![Ok("3,1,2,-;Out of memory: Killed process 47110 (bot)")], false),
            (vec![Ok("3,1,2,-;Out of memory: Killed process 471 (bot)")], false),
            (vec![Ok("3,1,2,-;Out of memory: Killed process ")], false),
            (vec![Ok(OTHER)], false),
            (vec![Err(ErrorKind::WouldBlock), Ok(KILLED)], false),
            (vec![Err(ErrorKind::PermissionDenied), Ok(KILLED)], false),
            (vec![], false),
        ] {
            assert_eq!(any_names(Log(records.clone().into()), 4711), want, "{records:?}");
        }
    }

    #[test]
    fn a_kernel_log_without_end_is_read_to_a_limit() {
        assert!(!any_names(io::repeat(b'x'), 4711));
    }

    #[test]
    fn this_process_and_this_machine_can_be_named() {
        let run = Facts::gather(None, None).run(7);
        assert_eq!((run.pid, run.started_ms), (process::id(), 7));
        assert_eq!(run.boot_id.len(), 36, "{run:?}");
        assert!(run.wrote.starts_with(env!("CARGO_PKG_VERSION")));
        assert_eq!(Facts::gather(Some((&run, None)), None).boot_id, run.boot_id);
    }
}
