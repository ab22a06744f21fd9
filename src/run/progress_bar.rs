//! How far a subcommand is: a bar on a terminal, else a line every few seconds or nothing. On stderr, as all that it says on the way.

use indicatif::{ProgressBar, ProgressStyle};
use std::{
    cell::{Cell, RefCell},
    io::{IsTerminal, Write, stderr},
    time::{Duration, Instant},
};

/// Between two lines.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shown progress.
#[derive(Debug)]
pub struct Progress {
    bar: RefCell<Option<ProgressBar>>,
    on_terminal: bool,
    /// When the last line was said; `None`: none is.
    said: Option<Cell<Instant>>,
}

/// How far something is.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// So much is done.
    pub done: u64,
    /// Of so much.
    pub all: u64,
}

impl Progress {
    /// A bar, or lines where stderr is no terminal.
    #[must_use]
    pub fn or_lines() -> Self {
        Self { said: Some(Cell::new(Instant::now())), ..Self::or_nothing() }
    }

    /// A bar, or nothing where stderr is no terminal.
    #[must_use]
    pub fn or_nothing() -> Self {
        Self { bar: RefCell::new(None), on_terminal: stderr().is_terminal(), said: None }
    }

    /// Shows a step, with what is said of it.
    pub fn show(&self, step: Step, what: impl FnOnce() -> String) {
        let all = step.all.max(1);
        let done = step.done.min(all);
        if self.on_terminal {
            let mut bar = self.bar.borrow_mut();
            let bar = bar.get_or_insert_with(|| new_bar(all));
            bar.set_length(all);
            bar.set_message(what());
            bar.set_position(done);
        } else if let Some(said) = self.said.as_ref().filter(|said| said.get().elapsed() >= LINE_EVERY) {
            said.set(Instant::now());
            let percent = u128::from(done) * 100 / u128::from(all);
            line(&format!("{} ({percent} %)", what()));
        }
    }

    /// Says a line, above the bar where there is one.
    pub fn say(&self, text: &str) {
        match &*self.bar.borrow() {
            Some(bar) => bar.suspend(|| line(text)),
            None => line(text),
        }
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        if let Some(bar) = self.bar.borrow_mut().take() {
            bar.finish_and_clear();
        }
    }
}

/// Nobody has to listen: a reader that is gone stops nothing.
fn line(text: &str) {
    let _ = writeln!(stderr(), "{text}");
}

fn new_bar(all: u64) -> ProgressBar {
    let bar = ProgressBar::new(all);
    if let Ok(style) = ProgressStyle::with_template("{bar:20} {percent:>3} %  {msg}  {eta} left") {
        bar.set_style(style);
    }
    bar
}
