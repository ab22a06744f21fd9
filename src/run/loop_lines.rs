//! The lines that the loop prints every 30 seconds of process time, at any speed.

use super::text::{Teller, countdown};
use crate::{
    market::{SymbolId, Timeframe, Timestamp},
    strategies::Regime,
};
use log::{Level, info, log_enabled};
use std::time::{Duration, Instant};

/// Between two `🔄 Processing` lines.
const EVERY: Duration = Duration::from_secs(30);
/// Between two reports on every symbol.
const DETAILS_EVERY: Duration = Duration::from_secs(600);

/// When which lines are due.
#[derive(Debug)]
pub struct LoopLines {
    due: Instant,
    details_due: Instant,
    first: bool,
    /// Each symbol's regime when it was last told.
    told: Vec<Regime>,
}

impl LoopLines {
    /// Lines of which the first are due now.
    #[must_use]
    pub const fn new(now: Instant) -> Self {
        Self { due: now, details_due: now, first: true, told: Vec::new() }
    }

    /// When the next line is due.
    #[must_use]
    pub const fn due(&self) -> Instant {
        self.due
    }

    /// Prints what is due: the symbols, and the state of those whose regime changed, or of all in the first loop and every ten minutes.
    pub fn say(&mut self, teller: Teller<'_>, now: Instant, market: Timestamp) {
        self.due = later(self.due, EVERY, now);
        let symbols = teller.engine.settings().instruments.len();
        let names: Vec<_> = (0..symbols).map(|index| format!("'{}'", teller.name(SymbolId(index as u16)))).collect();
        info!("🔄 Processing {symbols} symbols: [{}]", names.join(", "));
        let all = now >= self.details_due || log_enabled!(Level::Debug);
        if now >= self.details_due {
            self.details_due = later(self.details_due, DETAILS_EVERY, now);
        }
        self.told.resize(symbols, Regime::default());
        for index in 0..symbols {
            self.say_symbol(&teller, SymbolId(index as u16), all, market);
        }
        if std::mem::replace(&mut self.first, false) {
            say_next_decisions(&teller, market);
        }
    }

    fn say_symbol(&mut self, teller: &Teller<'_>, symbol: SymbolId, all: bool, market: Timestamp) {
        let outlook = teller.engine.outlook(symbol);
        let told = &mut self.told[symbol.index()];
        // the micro trend's strength moves with every candle and is no change of regime
        let same = Regime { strength: told.strength, ..outlook.regime } == *told;
        if all || !same {
            *told = outlook.regime;
            info!("[PROCESSING] Symbol: {}", teller.name(symbol));
            info!("   {}", teller.outlook(symbol, &outlook, market));
        }
    }
}

/// The next multiple of `every` after `now`: a loop that was late says it once.
fn later(due: Instant, every: Duration, now: Instant) -> Instant {
    let next = due + every;
    if next > now { next } else { now + every }
}

fn say_next_decisions(teller: &Teller<'_>, market: Timestamp) {
    for rule in &teller.engine.settings().strategies {
        info!(
            "   {} decides when a {} candle closes, next in {}",
            rule.name,
            rule.timeframe,
            until_close(rule.timeframe, market)
        );
    }
}

/// The time until a candle of this timeframe closes.
#[must_use]
pub fn until_close(timeframe: Timeframe, market: Timestamp) -> String {
    countdown(timeframe.next_close(market).since_ms(market))
}
