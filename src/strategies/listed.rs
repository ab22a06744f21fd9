//! Signals from a list: each acts at the first close at or after its time, where that is within one candle's length.
//!
//! What acts is a function of the candle's time alone, so nothing is kept from one close to the next, and a restart acts on nothing twice.

use super::{
    ATR, Bound, Cause, Condition, Level, List, MarketView, Momentum, Row, Settings, Signal, Strategy, Trend, Verdict,
};
use crate::market::{Side, Symbol, SymbolId, Timestamp};
use std::ops::{ControlFlow, Range};

/// What the list has for a close.
const ROW: &str = "row of the file";

/// A list of signals, with the rule for rows that leave stop or target open.
#[derive(Debug, Clone)]
pub struct Listed {
    settings: Settings,
    /// Where a symbol's rows are, by its place in the list of symbols.
    spans: Vec<Range<usize>>,
}

impl Listed {
    /// The list of the settings, for symbols that are numbered by their place in `symbols`.
    #[must_use]
    pub fn new(settings: &Settings, symbols: &[Symbol]) -> Self {
        let spans = symbols.iter().map(|symbol| settings.list.span(symbol)).collect();
        Self { settings: settings.clone(), spans }
    }

    /// The rows of a symbol after `since`, up to `until`.
    fn between(&self, symbol: SymbolId, since: Timestamp, until: Timestamp) -> &[Row] {
        let list: &List = &self.settings.list;
        let rows = self.spans.get(symbol.index()).and_then(|span| list.rows().get(span.clone())).unwrap_or_default();
        let rows = &rows[..rows.partition_point(|row| row.at <= until)];
        &rows[rows.partition_point(|row| row.at <= since)..]
    }

    /// The row that acts at a close: the last one within the candle.
    fn acting(&self, symbol: SymbolId, closes: Timestamp) -> Option<&Row> {
        self.between(symbol, closes.plus_ms(-self.settings.timeframe.ms()), closes).last()
    }

    /// Shows each condition in turn, until `see` has seen enough.
    fn look<B>(
        &self,
        view: &MarketView<'_>,
        row: Option<&Row>,
        mut see: impl FnMut(Condition) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let (timeframe, price) = (self.settings.timeframe, view.candle.close);
        let there = if row.is_some() { 1.0 } else { 0.0 };
        see(Condition { what: ROW, timeframe, value: Some(there), bound: Bound::AtLeast(1.0) })?;
        let Some(row) = row else { return ControlFlow::Continue(()) };
        if (row.stop.is_rule() && self.settings.stop_pct.is_none())
            || (row.target.is_rule() && self.settings.target_pct.is_none())
        {
            see(Condition { what: ATR, timeframe, value: view.own.atr, bound: Bound::Above(0.0) })?;
        }
        let (stop_bound, target_bound) = match row.side {
            Side::Long => (Bound::Below(price), Bound::Above(price)),
            Side::Short => (Bound::Above(price), Bound::Below(price)),
        };
        for (what, level, bound) in [("stop", row.stop, stop_bound), ("target", row.target, target_bound)] {
            if let Some(value) = level.as_price() {
                see(Condition { what, timeframe, value: Some(value), bound })?;
            }
        }
        ControlFlow::Continue(())
    }

    fn signal(&self, view: &MarketView<'_>, row: &Row) -> Signal {
        let price = view.candle.close;
        let distance = |level: Level| {
            let by_price = level.as_price().map(|at| (price - at).abs());
            by_price.or_else(|| level.as_percent().map(|percent| price * percent / 100.0))
        };
        Signal {
            side: row.side,
            stop_distance: distance(row.stop).unwrap_or_else(|| self.settings.stop_distance(view)),
            target_distance: distance(row.target).unwrap_or_else(|| self.settings.target_distance(view)),
            cause: Cause::Listed { at: row.at },
        }
    }
}

impl Strategy for Listed {
    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn threshold(&self, _symbol: SymbolId, _trend: Trend, _momentum: Momentum) -> Option<(Side, f64)> {
        None
    }

    fn on_close(&mut self, view: &MarketView<'_>) -> Verdict {
        let closes = view.candle.open_time.plus_ms(self.settings.timeframe.ms());
        let Some(row) = self.acting(view.symbol, closes) else { return Verdict::Wait };
        let seen = self.look(view, Some(row), |condition| match condition.holds() {
            Some(true) => ControlFlow::Continue(()),
            Some(false) => ControlFlow::Break(Verdict::WrongSide),
            None => ControlFlow::Break(Verdict::NotWarm(condition.what)),
        });
        seen.break_value().unwrap_or_else(|| Verdict::Enter(self.signal(view, row)))
    }

    fn conditions(&self, view: &MarketView<'_>) -> Vec<Condition> {
        let closes = view.candle.open_time.plus_ms(self.settings.timeframe.ms());
        let mut all = Vec::new();
        let _ = self.look(view, self.acting(view.symbol, closes), |condition| {
            all.push(condition);
            ControlFlow::<()>::Continue(())
        });
        all
    }

    fn passed_over(&self, symbol: SymbolId, since: Option<Timestamp>, closes: Timestamp) -> u64 {
        let begins = closes.plus_ms(-self.settings.timeframe.ms());
        let seen = self.between(symbol, since.unwrap_or(begins).min(begins), closes).len();
        (seen - usize::from(self.acting(symbol, closes).is_some())) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        market::{Candle, MINUTE_MS, Timeframe},
        strategies::{Readings, Regime},
    };
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
    use std::collections::{BTreeMap, BTreeSet};

    const M5: i64 = 5 * MINUTE_MS;

    fn symbols() -> Vec<Symbol> {
        ["BTCUSDT", "ETHUSDT"].map(|name| name.parse().unwrap()).into()
    }

    fn row(at: i64, symbol: u16) -> Row {
        Row { at: Timestamp(at), symbol, side: Side::Long, stop: Level::RULE, target: Level::RULE }
    }

    /// Rows that name the symbols the other way round than the run does.
    fn listed(rows: Vec<Row>, settings: Settings) -> Listed {
        let names = symbols().into_iter().rev().map(|symbol| (symbol, 1)).collect();
        let list = List::new("signals.csv".to_owned(), names, rows);
        Listed::new(&Settings { timeframe: Timeframe::M5, list, ..settings }, &symbols())
    }

    /// What it says at a close with price 100; BTC is the first symbol.
    fn at(rule: &mut Listed, symbol: u16, closes: i64, atr: Option<f64>) -> Verdict {
        let open_time = Timestamp(closes - M5);
        let candle = Candle { open_time, open: 100.0, high: 100.0, low: 100.0, close: 100.0, volume: 0.0 };
        let own = Readings { atr, ..Readings::NONE };
        let (symbol, regime) = (SymbolId(symbol), Regime::default());
        let view = MarketView { symbol, candle: &candle, own: &own, context: &own, regime, has_volume: true };
        let verdict = rule.on_close(&view);
        let holds = rule.conditions(&view).iter().all(|condition| condition.holds() == Some(true));
        assert_eq!(matches!(verdict, Verdict::Enter(_)), holds, "it enters where all conditions hold");
        verdict
    }

    #[test]
    fn a_row_has_32_bytes() {
        assert_eq!(size_of::<Row>(), 32);
    }

    #[test]
    fn a_row_acts_at_the_first_close_at_or_after_it() {
        for (time, acts) in [
            (2 * M5, true), // at the close itself
            (2 * M5 - 1, true),
            (M5 + 1, true),      // as old as the candle is long, but for a millisecond
            (M5, false),         // that was the close before
            (2 * M5 + 1, false), // not yet
        ] {
            let mut rule = listed(vec![row(time, 1)], Settings::signals());
            assert_eq!(matches!(at(&mut rule, 0, 2 * M5, None), Verdict::Enter(_)), acts, "{time}");
            assert_eq!(at(&mut rule, 1, 2 * M5, None), Verdict::Wait, "another symbol's");
        }
    }

    #[test]
    fn the_last_row_within_a_candle_acts_and_the_others_are_passed_over() {
        let rows = vec![row(M5 + 3, 1), row(M5 + 1, 1), row(M5 + 2, 1), row(M5 + 4, 0)];
        let mut rule = listed(rows, Settings::signals());
        let Verdict::Enter(signal) = at(&mut rule, 0, 2 * M5, None) else { panic!("no entry") };
        assert_eq!(signal.cause, Cause::Listed { at: Timestamp(M5 + 3) });
        assert_eq!(rule.passed_over(SymbolId(0), Some(Timestamp(M5)), Timestamp(2 * M5)), 2);
    }

    #[test]
    fn a_row_without_a_candle_is_passed_over_once() {
        let rule = listed(vec![row(M5 + 1, 1), row(9 * M5, 1)], Settings::signals());
        let passed =
            |since: Option<i64>, closes| rule.passed_over(SymbolId(0), since.map(Timestamp), Timestamp(closes));
        assert_eq!(passed(Some(M5), 4 * M5), 1, "the candles of 2 and 3 are missing");
        assert_eq!(passed(Some(4 * M5), 5 * M5), 0);
        assert_eq!(passed(None, 4 * M5), 0, "what was before the first candle is not this run's");
        assert_eq!(passed(Some(8 * M5), 9 * M5), 0, "it acts");
    }

    #[test]
    fn stop_and_target_come_from_the_row_or_from_the_rule() {
        let rule = Settings::signals();
        let by_atr = Settings { stop_pct: None, stop_atr: 1.5, target_pct: None, target_atr: 2.0, ..rule.clone() };
        let (price, percent) = (Level::price, Level::percent);
        let enter = |stop_distance, target_distance| Some((stop_distance, target_distance));
        for (settings, side, stop, target, atr, want) in [
            (&rule, Side::Long, Level::RULE, Level::RULE, None, enter(1.0, 2.0)),
            (&rule, Side::Long, price(97.0), price(104.0), None, enter(3.0, 4.0)),
            (&rule, Side::Short, price(103.0), price(96.0), None, enter(3.0, 4.0)),
            (&rule, Side::Short, percent(1.5), percent(3.0), None, enter(1.5, 3.0)),
            (&rule, Side::Long, price(97.0), Level::RULE, None, enter(3.0, 2.0)),
            (&by_atr, Side::Short, Level::RULE, Level::RULE, Some(2.0), enter(3.0, 4.0)),
            (&by_atr, Side::Long, percent(1.0), price(101.0), None, enter(1.0, 1.0)), // no ATR is asked for
            (&by_atr, Side::Long, Level::RULE, price(101.0), None, None),
        ] {
            let mut one = listed(vec![Row { side, stop, target, ..row(M5, 1) }], settings.clone());
            let got = match at(&mut one, 0, M5, atr) {
                Verdict::Enter(signal) => Some((signal.stop_distance, signal.target_distance)),
                Verdict::NotWarm(what) if what == ATR => None,
                other => panic!("{other:?}"),
            };
            assert_eq!(got, want, "{side:?} {stop:?} {target:?}");
        }
    }

    #[test]
    fn a_level_on_the_wrong_side_of_the_price_is_no_entry() {
        for (side, stop, target) in [
            (Side::Long, 100.0, 101.0),
            (Side::Long, 101.0, 102.0),
            (Side::Long, 99.0, 100.0),
            (Side::Short, 100.0, 99.0),
            (Side::Short, 99.0, 98.0),
            (Side::Short, 101.0, 100.0),
        ] {
            let (stop, target) = (Level::price(stop), Level::price(target));
            let mut rule = listed(vec![Row { side, stop, target, ..row(M5, 1) }], Settings::signals());
            assert_eq!(at(&mut rule, 0, M5, None), Verdict::WrongSide, "{side:?} {stop:?} {target:?}");
        }
    }

    #[test]
    fn forgetting_leaves_what_is_to_come() {
        let mut list = List::new(String::new(), vec![(symbols()[0].clone(), 1)], vec![row(1, 0), row(2, 0), row(3, 0)]);
        let before = list.clone();
        list.forget_until(Timestamp(2));
        assert_eq!((list.rows(), before.rows().len()), (&[row(3, 0)][..], 3));
    }

    proptest! {
        #[test]
        fn every_row_acts_once_at_its_close_or_is_passed_over_once(
            times in proptest::collection::btree_map((0i64..40 * 5, 0u16..2), any::<bool>(), 0..80),
            closes in proptest::collection::btree_set(1i64..40, 1..40),
        ) {
            let times: BTreeMap<(i64, u16), bool> = times;
            let side = |long| if long { Side::Long } else { Side::Short };
            let rows: Vec<_> = times.iter().map(|((minute, symbol), long)| Row { side: side(*long), ..row(minute * MINUTE_MS, *symbol) }).collect();
            let mut rule = listed(rows.clone(), Settings::signals());
            for symbol in 0..2 {
                let (mut acted, mut passed, mut since) = (BTreeSet::new(), 0, None);
                for close in closes.iter().map(|close| close * M5) {
                    passed += rule.passed_over(SymbolId(symbol), since, Timestamp(close));
                    since = Some(Timestamp(close));
                    if let Verdict::Enter(Signal { cause: Cause::Listed { at }, .. }) = at(&mut rule, symbol, close, None) {
                        prop_assert!(acted.insert(at), "twice: {:?}", at);
                        prop_assert!(at.0 <= close && at.0 > close - M5);
                    }
                }
                let (first, last) = (closes.first().unwrap() * M5 - M5, closes.last().unwrap() * M5);
                let due = rows.iter().filter(|row| row.symbol == 1 - symbol && row.at.0 > first && row.at.0 <= last).count();
                prop_assert_eq!(acted.len() as u64 + passed, due as u64);
            }
        }
    }
}
