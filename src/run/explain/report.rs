//! What there is to say of a moment; a program reads it as it is.

use super::{
    Reached,
    watch::{Decision, Outcome},
};
use crate::{
    engine::{Engine, Parts, Position},
    market::{SymbolId, Timeframe, Timestamp},
    moment::Moment,
    run::text::{Teller, momentum_text, trend_text, volatility_text},
    strategies::{Bound, Condition},
};
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

/// A moment, explained.
#[derive(Serialize)]
pub struct Report {
    pub at: Moment,
    pub account: Account,
    pub remark: Option<String>,
    pub symbols: Vec<Symbol>,
}

/// What the limits looked at, in USDT.
#[derive(Serialize)]
pub struct Account {
    pub equity: Decimal,
    pub day_began_with: Decimal,
    pub entries_today: u32,
    pub most_entries_a_day: u32,
    pub stops_would_lose: Decimal,
}

/// A symbol.
#[derive(Serialize)]
pub struct Symbol {
    pub symbol: String,
    /// The last price; 0 before the first.
    pub price: f64,
    pub position: Option<Held>,
    pub strategies: Vec<Strategy>,
}

/// An open position.
#[derive(Serialize)]
pub struct Held {
    pub side: &'static str,
    pub qty: Decimal,
    pub entry_price: Decimal,
    pub since: Moment,
    pub strategy: String,
}

/// A strategy on a symbol.
#[derive(Serialize)]
pub struct Strategy {
    pub name: String,
    pub title: String,
    pub timeframe: &'static str,
    /// The closes before (or at) the moment and after it, whether or not it decided there.
    pub closes: [Moment; 2],
    /// What it decided last; nothing where it had not decided yet.
    pub decision: Option<Decided>,
}

/// What a strategy decided.
#[derive(Serialize)]
pub struct Decided {
    pub closed_at: Moment,
    pub price: f64,
    pub regime: Regime,
    pub conditions: Vec<Asked>,
    pub outcome: Came,
}

/// The market's state; null where it is not known yet, and then counts as neutral.
#[derive(Serialize)]
pub struct Regime {
    pub trend: Option<&'static str>,
    pub momentum: Option<&'static str>,
    pub volatility: Option<&'static str>,
    pub strength: Option<f64>,
}

/// A condition.
#[derive(Serialize)]
pub struct Asked {
    pub what: &'static str,
    pub timeframe: &'static str,
    pub value: Option<f64>,
    #[serde(serialize_with = "bound")]
    pub must_be: Bound,
    /// Null where there is no value yet.
    pub holds: Option<bool>,
}

/// What came of a decision.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Came {
    NoSignal,
    Stopped { by: &'static str, why: &'static str },
    Entered { side: &'static str, qty: Decimal },
}

impl Report {
    /// What a trader's engine and a watch of its way have to say.
    pub fn of(at: Timestamp, engine: &Engine, symbols: &[SymbolId], reached: Reached) -> Self {
        let day = &engine.account().day;
        let account = Account {
            equity: engine.equity(),
            day_began_with: day.start_equity,
            entries_today: day.entries,
            most_entries_a_day: engine.settings().risk.max_trades_per_day,
            stops_would_lose: engine.open_risk(),
        };
        let symbols = symbols.iter().map(|symbol| of_symbol(at, engine, *symbol, &reached)).collect();
        Self { at: at.into(), account, remark: reached.remark, symbols }
    }
}

fn of_symbol(at: Timestamp, engine: &Engine, symbol: SymbolId, reached: &Reached) -> Symbol {
    let teller = Teller { engine, market_time: true };
    let rules = &engine.settings().strategies;
    let strategy = |(index, rule): (usize, &crate::strategies::Settings)| Strategy {
        name: rule.name.clone(),
        title: teller.strategy(index as u16),
        timeframe: rule.timeframe.name(),
        closes: [rule.timeframe.open_of(at), rule.timeframe.next_close(at)].map(Moment::from),
        decision: reached.watch.decision(symbol, index).map(decided),
    };
    Symbol {
        symbol: teller.name(symbol).to_owned(),
        price: engine.mark(symbol),
        position: engine.positions().find(|position| position.symbol == symbol).map(|position| held(position, engine)),
        strategies: rules.iter().enumerate().map(strategy).collect(),
    }
}

fn held(position: &Position, engine: &Engine) -> Held {
    Held {
        side: position.plan.side.name(),
        qty: position.qty,
        entry_price: position.entry_price(),
        since: position.entry_time.into(),
        strategy: engine.settings().strategies[usize::from(position.plan.strategy)].name.clone(),
    }
}

fn decided(decision: &Decision) -> Decided {
    Decided {
        closed_at: decision.closed_at.into(),
        price: decision.seen.price,
        regime: regime(&decision.seen.regime),
        conditions: decision.seen.conditions.iter().map(asked).collect(),
        outcome: match decision.outcome {
            Outcome::Nothing => Came::NoSignal,
            Outcome::Stopped(why) => Came::Stopped { by: why.station(), why: why.name() },
            Outcome::Entered { side, qty } => Came::Entered { side: side.name(), qty },
        },
    }
}

fn regime(parts: &Parts) -> Regime {
    Regime {
        trend: parts.trend.map(trend_text),
        momentum: parts.momentum.map(momentum_text),
        volatility: parts.volatility.map(volatility_text),
        strength: parts.strength,
    }
}

fn asked(condition: &Condition) -> Asked {
    let Condition { what, timeframe, value, bound } = *condition;
    Asked { what, timeframe: Timeframe::name(timeframe), value, must_be: bound, holds: condition.holds() }
}

/// `{"at_most": 45.0}`.
fn bound<S: Serializer>(bound: &Bound, serializer: S) -> Result<S::Ok, S::Error> {
    let (name, value) = match bound {
        Bound::Below(value) => ("below", value),
        Bound::AtMost(value) => ("at_most", value),
        Bound::AtLeast(value) => ("at_least", value),
        Bound::Above(value) => ("above", value),
    };
    serializer.collect_map([(name, value)])
}
