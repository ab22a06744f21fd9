//! What tests and benches may do to the disk, by `SMOLBEAR_HOOK` and in builds with debug assertions only:
//!
//! - `kill:N` pulls the plug: the process is killed at its N-th effect on the disk.
//! - `fsync:N`: the disk does not confirm the N-th commit.
//! - `slow:MS` makes every write of the keeper take so many milliseconds longer.
//! - `hurry:N` makes N times as much happen in a time of what comes by the process's clock: with a market that is as fast, a day on the
//!   disk takes a minute.

#[cfg(not(debug_assertions))]
mod absent {
    /// Here the plug may be pulled.
    #[inline]
    pub const fn plug(_place: &str) {}

    /// Whether the disk confirms this commit.
    #[inline]
    #[must_use]
    pub const fn confirms() -> bool {
        true
    }

    /// A slow disk works here.
    #[inline]
    pub const fn linger() {}

    /// By what an interval is divided.
    #[inline]
    #[must_use]
    pub const fn hurry() -> u32 {
        1
    }
}

#[cfg(debug_assertions)]
mod present {
    use rustix::process::{Signal, getpid, kill_process};
    use std::{
        env,
        sync::{
            OnceLock,
            atomic::{AtomicU64, Ordering},
        },
        thread,
        time::Duration,
    };

    /// What the hook says, in this order: kill, slow, hurry, fsync.
    fn said() -> [Option<u64>; 4] {
        static SAID: OnceLock<[Option<u64>; 4]> = OnceLock::new();
        *SAID.get_or_init(|| {
            let hook = env::var("SMOLBEAR_HOOK").unwrap_or_default();
            let of = |what| hook.split(',').find_map(|part| part.strip_prefix(what)?.parse().ok());
            ["kill:", "slow:", "hurry:", "fsync:"].map(of)
        })
    }

    /// Here the plug may be pulled.
    pub fn plug(place: &str) {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        if said()[0].is_some_and(|at| COUNT.fetch_add(1, Ordering::Relaxed) + 1 == at) {
            eprintln!("killed {place}");
            let _ = kill_process(getpid(), Signal::KILL);
        }
    }

    /// Whether the disk confirms this commit.
    #[must_use]
    pub fn confirms() -> bool {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        said()[3].is_none_or(|at| COUNT.fetch_add(1, Ordering::Relaxed) + 1 != at)
    }

    /// A slow disk works here.
    pub fn linger() {
        if let Some(ms) = said()[1] {
            thread::sleep(Duration::from_millis(ms));
        }
    }

    /// By what an interval is divided.
    #[must_use]
    pub fn hurry() -> u32 {
        said()[2].and_then(|times| times.try_into().ok()).unwrap_or(1).max(1)
    }
}

#[cfg(not(debug_assertions))]
pub use absent::{confirms, hurry, linger, plug};
#[cfg(debug_assertions)]
pub use present::{confirms, hurry, linger, plug};
