//! A journal of an account at an exchange: what became of orders is among the events, so it runs again without any venue.

use super::*;
use crate::{
    engine::Proof,
    market::{AccountView, Fill, OrderCommand, OrderRequest, OrderUpdate, SymbolId},
    store::journal::{Head, Rerun, read},
};
use std::fs;

/// An exchange that fills entries at once, accepts all else, and closes what is held by hand after a while.
struct Session {
    trader: Trader,
    recorder: Recorder,
    orders: u64,
    fills: u64,
}

impl Session {
    fn tell(&mut self, at: Timestamp, event: Event) {
        let (before, mut actions) = (self.trader.tally(), Vec::new());
        self.trader.handle(at, &event, &mut actions);
        self.recorder.event(at, &event, &actions, self.trader.tally());
        assert!(self.trader.tally() == before || !actions.is_empty(), "what is not paper is among the actions");
        for action in actions {
            match action {
                Action::Commit { batch, .. } => self.tell(at, Event::Committed { batch }),
                Action::Order(OrderCommand::Place(request)) => self.answer(at, request),
                Action::Order(OrderCommand::Cancel { id, .. }) => {
                    let how = crate::market::Ended::Cancelled;
                    self.tell(at, Event::Order(OrderUpdate::Ended { id, how }));
                }
                _ => {}
            }
        }
    }

    fn answer(&mut self, at: Timestamp, request: OrderRequest) {
        self.orders += 1;
        let OrderRequest { id, symbol, side, qty, reduce_only, .. } = request;
        self.tell(at, Event::Order(OrderUpdate::Accepted { id }));
        if !reduce_only {
            self.fills += 1;
            let (price, fee) = (Decimal::from_f64_retain(self.trader.engine().mark(symbol)).unwrap(), Decimal::ONE);
            let fill = Fill { id, trade_id: self.fills, symbol, side, qty, price: price.round_dp(2), fee, at };
            self.tell(at, Event::Order(OrderUpdate::Filled(fill)));
        }
    }
}

#[test]
fn a_journal_of_real_orders_runs_again_without_a_venue() {
    let tape = Tape::new(24);
    let mut settings = tape.trader.engine().settings().clone();
    (settings.risk.max_losses_in_row, settings.risk.max_drawdown_pct) = (0, 100.0);
    (settings.risk.daily_loss_pct, settings.risk.breaker_daily_loss_pct) = (100.0, 100.0);
    let trader = Trader::on_exchange(settings);
    let mut recorder = Recorder::default();
    let mut bytes = recorder.begin(&trader, WALL_MS);
    let mut session = Session { trader, recorder, orders: 0, fills: 0 };
    session.tell(EPOCH, Event::Proof(Proof::Proven));
    for (place, candle) in tape.market.enumerate() {
        let at = candle.closes_at();
        session.tell(at, Event::Candle(candle));
        if place % 150 == 149 {
            session.tell(at, Event::Foreign(SymbolId(2), place % 300 == 149));
            let view = AccountView { balance: 900.into(), positions: Vec::new() };
            (0..2).for_each(|_| session.tell(at, Event::Account(view.clone())));
            session.tell(at, Event::Proof(Proof::Proven));
        }
    }
    bytes.extend(session.recorder.take(true).unwrap());
    assert!(session.fills >= 5 && session.orders >= 3 * session.fills, "{} fills", session.fills);
    assert!(session.trader.engine().account().trades >= 3, "closed outside");

    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    let (head, entries) = read(file.path()).unwrap();
    assert!(head.venue.is_none());
    let mut rerun = Rerun::new(head).unwrap();
    for entry in entries {
        assert_eq!(rerun.step(entry.unwrap()), Ok(()));
    }
    assert_eq!(rerun.trader().tally(), session.trader.tally(), "S14");
    assert!(rerun.leads_to(&Head::of(&session.trader, WALL_MS, true)));
}
