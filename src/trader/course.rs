//! How a run begins and how it ends: what every driver tells its trader then, so that none has words of its own.

use super::Trader;
use crate::{
    engine::{Command, Event},
    market::{PriceBar, Timestamp},
};

impl Trader {
    /// What a run begins with, between the history and the first event that counts. `halted`: the shell keeps it from opening positions.
    #[must_use]
    pub const fn opening(halted: bool) -> [Event; 2] {
        [Event::Command(Command::Start), Event::Command(Command::Halt(halted))]
    }

    /// What a run ends with. `close`: positions are not to stay open.
    #[must_use]
    pub const fn ending(close: bool) -> Event {
        Event::Command(Command::Stop { close })
    }

    /// The last known prices of what is open after [`Trader::ending`], once more: at these it is closed, since no other prices come.
    #[must_use]
    pub fn parting(&self, at: Timestamp) -> Vec<Event> {
        let symbols = self.engine().positions().map(|position| position.symbol);
        let bar = |symbol| {
            let last = self.engine().mark(symbol);
            Event::Price(PriceBar { symbol, last, low: last, high: last, bid: last, ask: last, at })
        };
        symbols.map(bar).collect()
    }
}
