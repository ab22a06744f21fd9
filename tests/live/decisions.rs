//! What a bot decided and what came of it, from its journal.

use super::course;
use rust_decimal::Decimal;
use smolbear::{
    engine::{Action, Entry, Event, Note, Record, Skip, Trade},
    market::{ClosedCandle, OrderRequest, SymbolId, Timeframe, Timestamp},
    store::journal,
};
use std::{collections::BTreeMap, path::Path};

/// Of a strategy with one side: where it wants to enter, and what became of that.
pub type Signals = BTreeMap<(Timestamp, SymbolId), Signal>;

/// One of them.
pub struct Signal {
    pub outcome: Result<Taken, Skip>,
    /// The account's balance at that moment, in USDT, but for the fees of positions that are open; `None` before the first exit.
    pub balance: Option<Decimal>,
}

/// An entry was wanted.
pub struct Taken {
    /// As it was to be sent.
    pub order: OrderRequest,
    /// Once it has filled.
    pub opened: Option<Entry>,
    /// Why it did not.
    pub given_up: Option<Skip>,
}

/// The decisions of a run.
#[derive(Default)]
pub struct Decisions {
    pub signals: Signals,
    /// By symbol: the closes of the first and the last minute that trading heard of.
    pub heard: BTreeMap<SymbolId, (Timestamp, Timestamp)>,
    /// The last signal of each symbol.
    last: BTreeMap<SymbolId, Timestamp>,
    balance: Option<Decimal>,
}

impl Decisions {
    /// Those of the account in this folder.
    pub fn read(account: &Path) -> Self {
        let mut decisions = Self::default();
        course::entries(account).for_each(|entry| decisions.take(entry));
        decisions
    }

    fn take(&mut self, entry: journal::Entry) {
        let close = match entry.event {
            Event::Candle(closed) if closed.timeframe == Timeframe::M1 && !closed.history => Some(self.hear(&closed)),
            _ => None,
        };
        for action in entry.outcome.into_iter().flat_map(|outcome| outcome.actions) {
            match action {
                Action::Commit { records, .. } => records.into_iter().for_each(|record| match record {
                    Record::Intent(order) if !order.reduce_only => {
                        let close = close.unwrap_or_else(|| panic!("an entry without a candle: {order:?}"));
                        self.decide(close, order.symbol, Ok(Taken { order, opened: None, given_up: None }));
                    }
                    Record::Fill(_) | Record::Intent(_) | Record::Trade(_) | Record::Funding(_) => {}
                }),
                Action::Log(Note::Skipped { symbol, why, .. }) => match close {
                    Some(close) => self.decide(close, symbol, Err(why)),
                    None => self.taken(symbol).given_up = Some(why),
                },
                Action::Log(Note::Entry(entry)) => {
                    let taken = self.taken(entry.symbol);
                    taken.opened = Some(entry);
                }
                Action::Log(Note::Exit(Trade { balance, .. })) => self.balance = Some(balance),
                _ => {}
            }
        }
    }

    fn hear(&mut self, closed: &ClosedCandle) -> Timestamp {
        let close = closed.closes_at();
        self.heard.entry(closed.symbol).or_insert((close, close)).1 = close;
        close
    }

    fn decide(&mut self, close: Timestamp, symbol: SymbolId, outcome: Result<Taken, Skip>) {
        let signal = Signal { outcome, balance: self.balance };
        assert!(self.signals.insert((close, symbol), signal).is_none(), "two signals of {symbol:?} at {close:?}");
        self.last.insert(symbol, close);
    }

    /// The entry that was wanted last.
    fn taken(&mut self, symbol: SymbolId) -> &mut Taken {
        let last = self.last.get(&symbol).and_then(|close| self.signals.get_mut(&(*close, symbol)));
        last.and_then(|signal| signal.outcome.as_mut().ok()).expect("an entry was wanted")
    }
}
