//! What a person should know of a backtest besides its result.

use crate::{
    engine::{Action, Engine, Note},
    market::{SymbolId, Timestamp},
    run::{
        progress_bar::Progress,
        text::{Teller, counted, market_time, too_small},
    },
};
use log::Level;

/// Warnings that are said, at most; more are counted.
const MOST: u64 = 20;

/// Says them above the progress bar.
pub struct Warnings<'a> {
    progress: &'a Progress,
    said: u64,
}

impl<'a> Warnings<'a> {
    /// None so far.
    #[must_use]
    pub const fn new(progress: &'a Progress) -> Self {
        Self { progress, said: 0 }
    }

    /// What the engine says, unless it belongs to the trading that the result is about.
    pub fn hear(&mut self, engine: &Engine, at: Timestamp, action: &Action) {
        let note = match action {
            Action::Log(note) | Action::Alert(note) => note,
            Action::Commit { .. } | Action::Order(_) | Action::Need(_) | Action::Halt(_) => return,
        };
        if matches!(note, Note::Entry(_) | Note::Exit(_) | Note::Skipped { .. } | Note::StopMoved { .. }) {
            return; // most are, and words take their time
        }
        let (level, line) = Teller { engine, market_time: true }.line(note);
        if level <= Level::Warn || matches!(note, Note::NoVolume(_)) {
            self.say(&format!("{}: {line}", market_time(at)));
        }
    }

    /// Whether the capital is enough for each symbol, where that was not judged before and its price is known.
    pub fn judge(&mut self, engine: &Engine, judged: &mut [bool]) {
        for (index, judged) in judged.iter_mut().enumerate().filter(|(_, judged)| !**judged) {
            let symbol = SymbolId(index as u16);
            *judged = engine.mark(symbol) > 0.0;
            if let Some(line) = too_small(engine, symbol).filter(|_| *judged) {
                self.say(&line);
            }
        }
    }

    /// How many were not said.
    pub fn end(&self) {
        if let Some(more) = self.said.checked_sub(MOST).filter(|more| *more > 0) {
            self.progress.say(&counted(more, "more warning"));
        }
    }

    fn say(&mut self, line: &str) {
        self.said += 1;
        if self.said <= MOST {
            self.progress.say(line);
        }
    }
}
