//! Signals from a list: each acts at the first close at or after its time, where that is within one candle's length.
//!
//! What acts is a function of the candle's time alone, so nothing is kept from one close to the next, and a restart acts on nothing twice.

use super::{ATR, Bound, Cause, Condition, Level, List, MarketView, Row, Settings, Signal, Strategy, Verdict};
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

    fn threshold(&self, _view: &MarketView<'_>) -> Option<(Side, f64)> {
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
