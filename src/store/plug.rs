//! Where the tests with the real program pull the plug: `SMOLBEAR_HOOK=kill:N` kills the process at its N-th effect on the disk.

/// Here the plug may be pulled.
#[cfg(not(debug_assertions))]
#[inline]
pub const fn plug(_place: &str) {}

/// Here the plug may be pulled.
#[cfg(debug_assertions)]
pub fn plug(place: &str) {
    use rustix::process::{Signal, getpid, kill_process};
    use std::sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    };
    static AT: OnceLock<Option<u64>> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let at = AT.get_or_init(|| std::env::var("SMOLBEAR_HOOK").ok()?.strip_prefix("kill:")?.parse().ok());
    if at.is_some_and(|at| COUNT.fetch_add(1, Ordering::Relaxed) + 1 == at) {
        eprintln!("killed {place}");
        let _ = kill_process(getpid(), Signal::KILL);
    }
}
