//! What the measurements share: this thread's processor time, a count of allocations, the machine's name, a driver.

#![allow(unsafe_code)] // a global allocator cannot be written without; it hands everything to the system's as it came

use rustix::time::{ClockId, clock_gettime};
use smolbear::{
    engine::{Action, Event},
    market::{ClosedCandle, Timestamp},
    simulation::prices::EPOCH,
    trader::Trader,
};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    fs,
    hint::black_box,
    sync::atomic::{AtomicU64, Ordering},
};

/// The system's allocator, with every request for memory counted.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: each call is handed to `System` with the arguments that it came with, so what `GlobalAlloc` demands of callers and promises them is
// what `System` demands and promises. The counter is an atomic, and neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the rules of `alloc` for this layout.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: `memory` comes from `System`, since `alloc` and `realloc` hand on what it gave, and `layout` is the one that it was asked with.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as for `dealloc`; the caller keeps the rules for `size`.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often memory was asked for since the start.
pub fn allocations() -> u64 {
    ALLOCATIONS.load(Ordering::Relaxed)
}

/// Millions of events a second of this thread's processor time.
pub fn rate<T>(events: usize, work: impl FnOnce() -> T) -> f64 {
    events as f64 / seconds(work) / 1e6
}

/// This thread's processor time for some work.
pub fn seconds<T>(work: impl FnOnce() -> T) -> f64 {
    let begin = processor_time();
    black_box(work());
    processor_time() - begin
}

fn processor_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The processor's name and kind.
pub fn machine() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let name = name.map_or("a machine without a name", |(_, name)| name.trim());
    format!("{name}, {}", std::env::consts::ARCH)
}

/// Drives the trader over all candles.
pub fn drive(trader: &mut Trader, mut candles: &[ClosedCandle]) {
    let (mut latest, mut actions) = (EPOCH, Vec::<Action>::new());
    while let Some(first) = candles.first() {
        let at = first.closes_at().max(latest);
        while let Some(due) = trader.due_before(latest, at) {
            latest = due;
            trader.turn(due, &Event::Wake, &mut actions);
        }
        let count = trader.turn_candles(at, candles, Timestamp::NEVER, &mut actions);
        latest = candles[count - 1].closes_at().max(at);
        candles = &candles[count..];
        actions.clear();
    }
}
