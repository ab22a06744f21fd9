//! What is different where the money is real: orders and doubts go to the session, and the end waits for the exchange.

use super::{Due, LoopError, Realtime, Session};
use crate::{
    engine::{Engine, Order, Position, Stage},
    market::SymbolId,
    run::text::too_small,
    stop::Latch,
};
use log::warn;
use std::time::{Duration, Instant};

/// Between two looks at orders that are waited for, at most.
const ORDERS_LOOK: Duration = Duration::from_millis(100);
/// How long the end of a run waits for an exchange to answer orders that are on their way, and for positions to be closed where that is wanted.
pub(super) const LAST_ORDERS: Duration = Duration::from_secs(5);

impl Realtime {
    pub(super) fn is_live(&self) -> bool {
        self.trader.engine().is_live()
    }

    pub(super) fn with_session(&mut self, act: impl FnOnce(&mut Session)) {
        if let Some(session) = self.prices.session() {
            act(session);
        }
    }

    /// How the account stands, for whoever watches.
    pub(super) fn look_at_account(&mut self, now: Instant) {
        let is_live = self.is_live();
        let Self { signs, prices, .. } = self;
        if let Some(session) = prices.session().filter(|_| is_live) {
            signs.look_at_account(now, || session.troubles());
        }
    }

    /// Says once for what the capital is too small; at an exchange it is not known before.
    pub(super) fn weigh(&mut self) {
        let engine = self.trader.engine();
        if !self.weighed && (!engine.is_live() || engine.is_proven()) {
            self.weighed = true;
            warn_of_small_capital(engine);
        }
    }

    /// Goes on with an exchange until no order is on its way and, where that is wanted, nothing is open.
    pub(super) async fn see_out(&mut self, close: bool, until: Instant) -> Result<(), LoopError> {
        while self.is_unfinished(close) && Instant::now() < until {
            let now = Instant::now();
            self.hear_market(now);
            self.keeping.listen()?;
            self.tell_done()?;
            while let Due::Event { at, event } = self.due() {
                if !self.pace.is_due(at, self.pace.market(now)) {
                    break;
                }
                self.step(at, event)?;
            }
            let wake = self.prices.due().unwrap_or(until).min(now + ORDERS_LOOK).min(until);
            Latch::<()>::new().or_at_latest(wake, self.prices.wait()).await;
        }
        if self.is_unfinished(close) {
            warn!("The exchange has not answered in time; the next start looks after what is open");
        }
        Ok(())
    }

    /// Orders or cancels are on their way, or what they lead to: an entry, or a position without its stop. Where all is to be closed, anything
    /// is left.
    fn is_unfinished(&self, close: bool) -> bool {
        let engine = self.trader.engine();
        let is_waited_for = |order: &Order| order.cancelling || matches!(order.stage, Stage::Held { .. } | Stage::Sent);
        let is_open = |order: &Order| close || is_waited_for(order) || !order.request.reduce_only;
        let is_bare = |position: &Position| close || position.uncovered.is_some();
        engine.orders().any(is_open) || engine.positions().any(is_bare)
    }
}

/// Says which symbols the capital is too small for, and how many these are.
pub(in crate::run) fn warn_of_small_capital(engine: &Engine) -> usize {
    let symbols = (0..engine.settings().instruments.len()).map(|index| SymbolId(index as u16));
    symbols.filter_map(|symbol| too_small(engine, symbol)).inspect(|line| warn!("{line}")).count()
}
