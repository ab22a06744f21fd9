//! Why the last run ended, and whether too many ends in a row halt this one.

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
