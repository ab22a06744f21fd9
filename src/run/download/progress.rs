//! How far a download is: a bar on a terminal, else a line every few seconds. On stderr, as everything a download says.

use crate::{
    market::Timestamp,
    run::text::{market_day, market_time},
};
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
    said: Cell<Instant>,
}

/// Where a download is.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// What is fetched.
    pub what: &'a str,
    /// The beginning and end of all of it.
    pub span: (Timestamp, Timestamp),
    /// How far it is.
    pub at: Timestamp,
    /// Rows so far.
    pub rows: u64,
}

impl Default for Progress {
    fn default() -> Self {
        Self { bar: RefCell::new(None), on_terminal: stderr().is_terminal(), said: Cell::new(Instant::now()) }
    }
}

impl Progress {
    /// Shows a step.
    pub fn show(&self, step: Step<'_>) {
        let (from, to) = step.span;
        let (done, all) = (step.at.since_ms(from).max(0).unsigned_abs(), to.since_ms(from).max(1).unsigned_abs());
        let done = done.min(all);
        if self.on_terminal {
            let mut bar = self.bar.borrow_mut();
            let bar = bar.get_or_insert_with(|| new_bar(all));
            bar.set_message(format!("{} to {}, {} rows", step.what, market_day(step.at), step.rows));
            bar.set_position(done);
        } else if self.said.get().elapsed() >= LINE_EVERY {
            self.said.set(Instant::now());
            let percent = u128::from(done) * 100 / u128::from(all);
            line(&format!("{}: {} rows, to {} ({percent} %)", step.what, step.rows, market_time(step.at)));
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

/// Nobody has to listen: a reader that is gone stops no download.
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
