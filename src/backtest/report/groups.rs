//! The trades by symbol, strategy, side, reason of the exit, and month.

use super::{Tally, calendar::civil};
use crate::{
    backtest::Record,
    engine::Trade,
    market::{Side, Symbol},
};
use serde::Serialize;
use std::collections::BTreeMap;

/// Some trades that have something in common.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// What it is.
    pub name: String,
    /// What they came to.
    #[serde(flatten)]
    pub tally: Tally,
}

/// All trades, five times.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[allow(missing_docs)] // the names say it
pub struct Groups {
    /// Every symbol, traded or not, in the order of the configuration; likewise the strategies.
    pub by_symbol: Vec<Group>,
    pub by_strategy: Vec<Group>,
    pub by_side: Vec<Group>,
    pub by_reason: Vec<Group>,
    /// `2025-01`, by the exit, in UTC.
    pub by_month: Vec<Group>,
}

impl Groups {
    /// Of all trades of a run.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        let trades = &record.trades;
        let month = |trade: &Trade| {
            let (year, month, _) = civil(trade.exit_time);
            (year, month)
        };
        let symbols = record.symbols.iter().map(Symbol::as_str);
        Self {
            by_symbol: every(symbols, &grouped(trades, |trade| trade.symbol.index())),
            by_strategy: every(
                record.strategies.iter().map(String::as_str),
                &grouped(trades, |trade| usize::from(trade.strategy)),
            ),
            by_side: named(grouped(trades, |trade| trade.side == Side::Short), |short| {
                if *short { Side::Short } else { Side::Long }.name().to_owned()
            }),
            by_reason: named(grouped(trades, |trade| trade.reason), |reason| reason.name().to_owned()),
            by_month: named(grouped(trades, month), |(year, month)| format!("{year:04}-{month:02}")),
        }
    }
}

fn grouped<K: Ord>(trades: &[Trade], key: impl Fn(&Trade) -> K) -> BTreeMap<K, Vec<&Trade>> {
    let mut groups: BTreeMap<K, Vec<&Trade>> = BTreeMap::new();
    for trade in trades {
        groups.entry(key(trade)).or_default().push(trade);
    }
    groups
}

fn named<K>(groups: BTreeMap<K, Vec<&Trade>>, name: impl Fn(&K) -> String) -> Vec<Group> {
    groups.into_iter().map(|(key, trades)| Group { name: name(&key), tally: Tally::of(trades) }).collect()
}

fn every<'a>(names: impl Iterator<Item = &'a str>, groups: &BTreeMap<usize, Vec<&Trade>>) -> Vec<Group> {
    let trades = |place: usize| groups.get(&place).into_iter().flatten().copied();
    let group = |(place, name): (usize, &str)| Group { name: name.to_owned(), tally: Tally::of(trades(place)) };
    names.enumerate().map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        backtest::report::sample::{self, trade},
        engine::Reason,
        market::SymbolId,
        run::rig::dec,
    };

    #[test]
    fn each_trade_is_in_one_group_of_each_kind() {
        let trades = vec![
            Trade { gross: dec("3"), ..trade(0, 1) },
            Trade { gross: dec("-1"), symbol: SymbolId(1), side: Side::Short, reason: Reason::Stop, ..trade(0, 1) },
            Trade { gross: dec("2"), strategy: 1, ..trade(31 * 24 - 1, 1) }, // ends as February begins
        ];
        let record = Record { trades, ..sample::record(&[1000.0, 1004.0]) };
        let groups = Groups::of(&record);
        let shown = |groups: &[Group]| {
            let each = groups.iter().map(|group| format!("{} {} {}", group.name, group.tally.trades, group.tally.pnl));
            each.collect::<Vec<_>>().join(", ")
        };
        for (got, want) in [
            (&groups.by_symbol, "BTC/USDT:USDT 2 5, ETH/USDT:USDT 1 -1"),
            (&groups.by_strategy, "dip 2 2, rip 1 2"),
            (&groups.by_side, "long 2 5, short 1 -1"),
            (&groups.by_reason, "stop 1 -1, target 2 5"),
            (&groups.by_month, "2025-01 2 2, 2025-02 1 2"),
        ] {
            assert_eq!(shown(got), want);
        }
    }
}
