//! Named tasks of the one thread, whose end is always heard.
//!
//! A task that panics doesn't take the others with it: the panic is caught, logged with the task's name, and is how the task ends.
//! None is detached, since the panic of a detached task vanishes; a [`NamedTask`] that is dropped is cancelled.

use futures_lite::FutureExt;
use smol::{LocalExecutor, Task};
use std::{
    any::Any,
    cell::Cell,
    fmt,
    future::{Future, poll_fn},
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    pin::{Pin, pin},
    task::{Context, Poll},
};

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How<T> {
    /// Its future is done.
    Returned(T),
    /// It left its work and has no value; only the tests' hook makes a task do so.
    Quit,
    /// It panicked, with this message; the log has it already.
    Panicked(String),
}

/// The end of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskEnd<T> {
    /// The task's name.
    pub name: &'static str,
    /// How it ended.
    pub how: How<T>,
}

impl<T> TaskEnd<T> {
    /// What happened, without the message of a panic, which the log has already.
    #[must_use]
    pub fn what(&self) -> String {
        let how = if matches!(self.how, How::Panicked(_)) { "panicked" } else { "ended" };
        format!("task {} {how}", self.name)
    }
}

impl<T> fmt::Display for TaskEnd<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what())?;
        match &self.how {
            How::Returned(_) | How::Quit => Ok(()),
            How::Panicked(message) => write!(f, ": {message}"),
        }
    }
}

/// A task with a name. Awaiting it gives its end; dropping it cancels it.
#[derive(Debug)]
#[must_use = "a task that is dropped is cancelled"]
pub struct NamedTask<T> {
    name: &'static str,
    task: Task<TaskEnd<T>>,
}

impl<T> NamedTask<T> {
    /// The task's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether the task has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Cancels the task and waits until it is gone. Its end, where it had ended before.
    pub async fn cancel(self) -> Option<TaskEnd<T>> {
        self.task.cancel().await
    }
}

impl<T> Future for NamedTask<T> {
    type Output = TaskEnd<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.task.poll(context)
    }
}

/// Starts `future` as a task of this name.
pub fn spawn<'a, T: 'a>(
    executor: &LocalExecutor<'a>,
    name: &'static str,
    future: impl Future<Output = T> + 'a,
) -> NamedTask<T> {
    NamedTask { name, task: executor.spawn(watched(name, future)) }
}

/// Runs `future` to its end, also where that is a panic.
///
/// It is boxed first: an async function holds what it passes on twice, so a large future in nested ones is a large stack.
pub fn watched<T>(name: &'static str, future: impl Future<Output = T>) -> impl Future<Output = TaskEnd<T>> {
    watched_box(name, Box::pin(future))
}

async fn watched_box<T>(name: &'static str, future: Pin<Box<impl Future<Output = T>>>) -> TaskEnd<T> {
    let work = async {
        let value = future.await;
        #[cfg(debug_assertions)]
        hook::linger(name).await;
        How::Returned(value)
    };
    #[cfg(debug_assertions)]
    let work = hook::how_tests_want_it(name).or(work);
    let how = AssertUnwindSafe(named(name, work)).catch_unwind().await;
    TaskEnd { name, how: how.unwrap_or_else(|payload| How::Panicked(message(&*payload).to_owned())) }
}

thread_local! {
    /// The task that this thread is running.
    static CURRENT: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// Makes `name` the current task whenever `future` runs.
async fn named<T>(name: &'static str, future: impl Future<Output = T>) -> T {
    struct Current(Option<&'static str>);
    impl Drop for Current {
        fn drop(&mut self) {
            CURRENT.set(self.0);
        }
    }
    let mut future = pin!(future);
    poll_fn(|context| {
        let _until_polled = Current(CURRENT.replace(Some(name)));
        future.as_mut().poll(context)
    })
    .await
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

/// From now on a panic is one line of the log and nothing on stderr; where the log doesn't take errors it stays on stderr.
pub fn log_panics() {
    let default = panic::take_hook();
    panic::set_hook(Box::new(move |info| match log::log_enabled!(log::Level::Error) {
        true => log::error!("{}", panic_line(info)),
        false => default(info),
    }));
}

fn panic_line(info: &PanicHookInfo<'_>) -> String {
    let thread = std::thread::current();
    let who = match CURRENT.get() {
        Some(task) => format!("task {task}"),
        None => format!("thread {}", thread.name().unwrap_or("without a name")),
    };
    let place = info.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    format!("{who} panicked at {place}: {}", message(info.payload()))
}

/// What the tests with the real program use to see a task fail: `SMOLBEAR_HOOK=panic:TASK[:AFTER_MS]` or `return:TASK[:AFTER_MS]`,
/// where TASK is the beginning of the task's name. `linger:TASK:MS` makes a task take that long to end, and so the shutdown.
#[cfg(debug_assertions)]
mod hook {
    use super::How;
    use async_io::Timer;
    use std::{env, future, time::Duration};

    /// Ends as the hook in the environment says; where it says nothing about this task, never.
    pub(super) async fn how_tests_want_it<T>(name: &str) -> How<T> {
        match asked(name) {
            Some((Failure::Panic, after)) => {
                Timer::after(after).await;
                panic!("the tests' hook made it panic")
            }
            Some((Failure::Return, after)) => {
                Timer::after(after).await;
                How::Quit
            }
            Some((Failure::Linger, _)) | None => future::pending().await,
        }
    }

    /// Holds up the end of a task where the environment says so.
    pub(super) async fn linger(name: &str) {
        if let Some((Failure::Linger, time)) = asked(name) {
            Timer::after(time).await;
        }
    }

    #[derive(Debug, PartialEq, Eq)]
    pub(super) enum Failure {
        Panic,
        Return,
        Linger,
    }

    fn asked(name: &str) -> Option<(Failure, Duration)> {
        parse(&env::var("SMOLBEAR_HOOK").ok()?, name)
    }

    pub(super) fn parse(text: &str, name: &str) -> Option<(Failure, Duration)> {
        let (what, rest) = text.split_once(':')?;
        let (task, ms) = rest.split_once(':').unwrap_or((rest, "0"));
        let time = Duration::from_millis(ms.parse().ok()?);
        let failure = match what {
            "panic" => Failure::Panic,
            "return" => Failure::Return,
            "linger" => Failure::Linger,
            _ => return None,
        };
        (name.starts_with(task) && !task.is_empty()).then_some((failure, time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_task_is_heard_also_when_it_panics() {
        let executor = LocalExecutor::new();
        let calm = spawn(&executor, "calm", async { 7 });
        let bad = spawn(&executor, "bad", async {
            smol::future::yield_now().await;
            if CURRENT.get() == Some("bad") {
                panic!("no {}", "bread");
            }
        });
        let idle = spawn(&executor, "idle", smol::future::pending::<()>());
        async_io::block_on(executor.run(async {
            let end = bad.await;
            assert_eq!(end, TaskEnd { name: "bad", how: How::Panicked("no bread".into()) });
            assert_eq!(end.to_string(), "task bad panicked: no bread");
            assert_eq!(calm.await, TaskEnd { name: "calm", how: How::Returned(7) }, "the others go on");
            assert!(!idle.is_finished());
            assert_eq!(idle.cancel().await, None);
        }));
        assert_eq!(CURRENT.get(), None);
    }

    #[cfg(debug_assertions)]
    #[test]
    fn the_hook_names_a_task_by_its_beginning() {
        use hook::Failure::{Linger, Panic, Return};
        for (text, name, want) in [
            ("panic:trading", "trading loop", Some((Panic, 0))),
            ("return:health:250", "health monitor", Some((Return, 250))),
            ("linger:trading:500", "trading loop", Some((Linger, 500))),
            ("panic:trading", "health monitor", None),
            ("panic:", "health monitor", None),
            ("panic:signals:soon", "signals", None),
            ("wink:signals", "signals", None),
            ("", "signals", None),
        ] {
            let want = want.map(|(failure, ms)| (failure, std::time::Duration::from_millis(ms)));
            assert_eq!(hook::parse(text, name), want, "{text} for {name}");
        }
    }
}
