//! The stop signal, and the one helper that waits.
//!
//! Every wait in the program is a wait for the stop signal too, so nothing outlives it and no `sleep` stands alone.

use async_io::Timer;
use event_listener::{Event, listener};
use futures_lite::FutureExt;
use std::{
    cell::Cell,
    future::Future,
    rc::Rc,
    time::{Duration, Instant},
};

/// Why the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// `--duration` is over.
    DurationReached,
    /// The recorded candles are over.
    DataOver,
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP: the terminal is gone.
    HangUp,
    /// The supervisor is gone.
    SupervisorGone,
    /// An emergency stop of the engine.
    Emergency,
    /// Something failed that ends the run.
    Failure,
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// The stop signal came first, or had come before.
    Stopped,
    /// The time is over.
    Elapsed,
}

/// The program's stop signal.
pub type Stop = Latch<Cause>;

/// A signal shared by the tasks of the thread. Once set it stays set, with the first cause.
#[derive(Debug, Clone)]
pub struct Latch<C: Copy> {
    shared: Rc<Shared<C>>,
}

#[derive(Debug)]
struct Shared<C: Copy> {
    event: Event,
    cause: Cell<Option<C>>,
}

impl<C: Copy> Default for Latch<C> {
    fn default() -> Self {
        Self { shared: Rc::new(Shared { event: Event::new(), cause: Cell::new(None) }) }
    }
}

impl<C: Copy> Latch<C> {
    /// A signal that nobody has set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the signal and wakes every wait. Returns whether this was the first time.
    pub fn stop(&self, cause: C) -> bool {
        let first = self.shared.cause.get().is_none();
        if first {
            self.shared.cause.set(Some(cause));
            self.shared.event.notify(usize::MAX);
        }
        first
    }

    /// Why it was set; `None` while it is not.
    #[must_use]
    pub fn cause(&self) -> Option<C> {
        self.shared.cause.get()
    }

    /// Waits for the signal.
    pub async fn stopped(&self) -> C {
        loop {
            if let Some(cause) = self.cause() {
                return cause;
            }
            listener!(self.shared.event => listener);
            if let Some(cause) = self.cause() {
                return cause;
            }
            listener.await;
        }
    }

    /// Waits until `at` on the monotonic clock or until the signal, whichever is first.
    pub async fn or_at(&self, at: Instant) -> Wait {
        self.or(async move {
            Timer::at(at).await;
        })
        .await
        .map_or(Wait::Stopped, |()| Wait::Elapsed)
    }

    /// Waits for `time` or until the signal, whichever is first.
    pub async fn or_after(&self, time: Duration) -> Wait {
        // A time too long for the clock is a wait for the signal alone.
        match Instant::now().checked_add(time) {
            Some(at) => self.or_at(at).await,
            None => {
                self.stopped().await;
                Wait::Stopped
            }
        }
    }

    /// Waits for `work`, until `at` on the monotonic clock, or until the signal; `None` when it was not `work` that came first.
    pub async fn or_at_latest<T>(&self, at: Instant, work: impl Future<Output = T>) -> Option<T> {
        let late = async {
            Timer::at(at).await;
            None
        };
        self.or(async { Some(work.await) }.or(late)).await.flatten()
    }

    /// Waits for `work` or until the signal, whichever is first; `None` when it was the signal.
    pub async fn or<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let stopped = async {
            self.stopped().await;
            None
        };
        stopped.or(async { Some(work.await) }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_lite::future::zip;

    #[test]
    fn a_wait_ends_with_the_signal_or_with_its_time() {
        async_io::block_on(async {
            let stop = Stop::new();
            assert_eq!(stop.or_after(Duration::from_millis(1)).await, Wait::Elapsed);
            let other = stop.clone();
            let (wait, first) = zip(stop.or_after(Duration::MAX), async move { other.stop(Cause::Interrupt) }).await;
            assert_eq!((wait, first), (Wait::Stopped, true));
            assert!(!stop.stop(Cause::Terminate), "the first cause stays");
            assert_eq!(stop.cause(), Some(Cause::Interrupt));
            assert_eq!(stop.or_after(Duration::from_secs(9)).await, Wait::Stopped, "also when it was set before");
        });
    }
}
