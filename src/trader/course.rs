//! How a run begins and how it ends: what every driver tells its trader then, so that none has words of its own.

use super::Trader;
use crate::{
    engine::{Command, Event, Leg, Order, Stage},
    gateway,
    market::{MINUTE_MS, OrderUpdate, PriceBar, Timestamp},
};

impl Trader {
    /// What a run begins with, between the history and the first event that counts. `halted`: the shell keeps it from opening positions.
    ///
    /// At an exchange, orders that were held or sent may be there: that nobody knows comes before the `Committed` of what the disk has, or
    /// they would be sent a second time (S8). That is the commit which a restored trader waits for, since it was read from the disk; what the
    /// others lead to is not durable yet (S5).
    #[must_use]
    pub fn opening(&self, halted: bool) -> Vec<Event> {
        let begin = [Event::Command(Command::Start), Event::Command(Command::Halt(halted))];
        let unanswered = self.engine().orders().filter(|order| match order.stage {
            Stage::Held { .. } | Stage::Sent => self.engine().is_live(),
            Stage::Accepted | Stage::Unknown => false,
        });
        let unknown = unanswered.map(|order| Event::Order(OrderUpdate::Unknown { id: order.request.id }));
        let durable = self.outstanding().map(|batch| Event::Committed { batch });
        begin.into_iter().chain(unknown).chain(durable).collect()
    }

    /// What a session with an exchange is told of this account before it begins. `since`: the market's time of the last event before it was
    /// stored.
    #[must_use]
    pub fn account(&self, leverage: u32, since: Timestamp) -> gateway::Account {
        let left = |order: &Order| gateway::Left {
            request: order.request,
            accepted: order.stage == Stage::Accepted,
            given_by: (!matches!(order.stage, Stage::Held { .. })).then_some(since),
        };
        let open = self.engine().orders().map(left).collect();
        // an entry on its way may have traded before that event, and nobody have heard of it
        let entries = self.engine().orders().filter_map(|order| match order.leg {
            Leg::Entry(plan) => Some(plan.signal_at),
            Leg::Stop | Leg::Target | Leg::Exit(_) => None,
        });
        let since = entries.fold(since, Timestamp::min).plus_ms(-MINUTE_MS);
        gateway::Account { leverage, open, counted: self.engine().counted(), since }
    }

    /// What a run ends with. `close`: positions are not to stay open.
    #[must_use]
    pub const fn ending(close: bool) -> Event {
        Event::Command(Command::Stop { close })
    }

    /// The last known prices of what is open after [`Trader::ending`], once more: at these it is closed, since no other prices come. An
    /// exchange has prices of its own.
    #[must_use]
    pub fn parting(&self, at: Timestamp) -> Vec<Event> {
        if self.engine().is_live() {
            return Vec::new();
        }
        let symbols = self.engine().positions().map(|position| position.symbol);
        let bar = |symbol| {
            let last = self.engine().mark(symbol);
            Event::Price(PriceBar { symbol, last, low: last, high: last, bid: last, ask: last, at })
        };
        symbols.map(bar).collect()
    }
}
