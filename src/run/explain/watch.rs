//! What each strategy decided last, seen from outside while a trader goes its way.

use crate::{
    engine::{Action, Engine, Insight, Leg, Note, Record, Skip},
    market::{Side, SymbolId, Timestamp},
};
use rust_decimal::Decimal;

/// A strategy at a close.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// When its candle closed.
    pub closed_at: Timestamp,
    /// What it saw.
    pub seen: Insight,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a close.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// No signal.
    Nothing,
    /// A signal that was not taken.
    Stopped(Skip),
    /// An order to enter.
    Entered {
        /// Long or short.
        side: Side,
        /// In base units.
        qty: Decimal,
    },
}

/// Looks at a trader after each event.
pub struct Watch {
    until: Timestamp,
    /// By strategy and symbol: what was decided last at `until` or before.
    decisions: Vec<Vec<Option<Decision>>>,
    /// The same: the close that was looked at last.
    looked_at: Vec<Vec<Option<Timestamp>>>,
}

impl Watch {
    /// Nothing was decided yet. What `engine` has decided before is not known.
    #[must_use]
    pub fn new(engine: &Engine, until: Timestamp) -> Self {
        let settings = engine.settings();
        let (symbols, strategies) = (settings.instruments.len(), settings.strategies.len());
        let mut watch = Self {
            until,
            decisions: vec![vec![None; symbols]; strategies],
            looked_at: vec![vec![None; symbols]; strategies],
        };
        watch.pass_over(engine);
        watch
    }

    /// Takes up another engine, of which it is not known what it has decided before.
    pub fn pass_over(&mut self, engine: &Engine) {
        for (strategy, looked_at) in self.looked_at.iter_mut().enumerate() {
            for (symbol, looked_at) in looked_at.iter_mut().enumerate() {
                *looked_at = engine.last_close(SymbolId(symbol as u16), strategy).map(|(at, _)| at);
            }
        }
    }

    /// After an event, with what was asked for.
    pub fn look<'a>(&mut self, engine: &Engine, actions: impl Iterator<Item = &'a Action>) {
        for (strategy, looked_at) in self.looked_at.iter_mut().enumerate() {
            for (symbol, looked_at) in looked_at.iter_mut().enumerate() {
                let id = SymbolId(symbol as u16);
                let Some((closed_at, decided)) = engine.last_close(id, strategy) else { continue };
                if *looked_at == Some(closed_at) {
                    continue;
                }
                *looked_at = Some(closed_at);
                let seen = engine.insight(id, strategy).filter(|_| decided && closed_at <= self.until);
                if let Some(seen) = seen {
                    let outcome = entry_of(engine, id, strategy, closed_at).unwrap_or(Outcome::Nothing);
                    self.decisions[strategy][symbol] = Some(Decision { closed_at, seen, outcome });
                }
            }
        }
        actions.for_each(|action| self.hear(engine, action));
    }

    /// What became of the signal that was seen last; one that came later is none of ours.
    fn hear(&mut self, engine: &Engine, action: &Action) {
        match action {
            Action::Log(Note::Skipped { symbol, strategy, why, .. }) => {
                let (symbol, strategy) = (symbol.index(), usize::from(*strategy));
                let last = self.looked_at[strategy][symbol];
                let ours = self.decisions[strategy][symbol].as_mut();
                if let Some(decision) = ours.filter(|decision| Some(decision.closed_at) == last) {
                    decision.outcome = Outcome::Stopped(*why);
                }
            }
            // the intent of an entry may come with a later event than the close, where that waited for the disk
            Action::Commit { records, .. } if records.iter().any(|record| matches!(record, Record::Intent(_))) => {
                self.find_entries(engine);
            }
            Action::Commit { .. }
            | Action::Log(_)
            | Action::Alert(_)
            | Action::Order(_)
            | Action::Need(_)
            | Action::Halt(_) => {}
        }
    }

    fn find_entries(&mut self, engine: &Engine) {
        for (strategy, decisions) in self.decisions.iter_mut().enumerate() {
            for (symbol, decision) in decisions.iter_mut().enumerate() {
                let Some(decision) = decision else { continue };
                let entry = entry_of(engine, SymbolId(symbol as u16), strategy, decision.closed_at);
                decision.outcome = entry.unwrap_or(decision.outcome);
            }
        }
    }

    /// What a strategy decided last on a symbol.
    #[must_use]
    pub fn decision(&self, symbol: SymbolId, strategy: usize) -> Option<&Decision> {
        self.decisions[strategy][symbol.index()].as_ref()
    }

    /// Whether every strategy's last close before the moment was looked at.
    #[must_use]
    pub fn is_complete(&self, engine: &Engine) -> bool {
        let rules = engine.settings().strategies.iter().zip(&self.looked_at);
        let mut closes = rules.flat_map(|(rule, looked_at)| {
            let due = rule.timeframe.open_of(self.until);
            looked_at.iter().map(move |looked_at| *looked_at >= Some(due))
        });
        closes.all(|is_there| is_there)
    }

    /// Whether it can look at this engine: it has as many strategies and symbols.
    #[must_use]
    pub fn fits(&self, engine: &Engine) -> bool {
        let settings = engine.settings();
        let symbols = settings.instruments.len();
        self.decisions.len() == settings.strategies.len() && self.decisions.iter().all(|each| each.len() == symbols)
    }
}

/// The order to enter that a close has led to, while it is open.
fn entry_of(engine: &Engine, symbol: SymbolId, strategy: usize, signal_at: Timestamp) -> Option<Outcome> {
    engine.orders().filter(|order| order.request.symbol == symbol).find_map(|order| match order.leg {
        Leg::Entry(plan) if usize::from(plan.strategy) == strategy && plan.signal_at == signal_at => {
            Some(Outcome::Entered { side: plan.side, qty: order.request.qty })
        }
        Leg::Entry(_) | Leg::Stop | Leg::Target | Leg::Exit(_) => None,
    })
}
