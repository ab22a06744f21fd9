//! What a run came to: statistics, and how they are shown.
//!
//! What is said of trades is computed from the trades alone, so that `trades.csv` gives the same numbers; returns and drawdown come
//! from the equity. As JSON a [`Report`] is `report.json`: a name, once given, keeps its meaning; amounts are strings with all their
//! digits, moments have two forms, and what does not exist is null.

mod calendar;
mod csv;
mod daily;
mod exposure;
mod files;
mod groups;
mod hold;
mod html;
mod months;
mod notable;
mod numbers;
mod open;
#[cfg(test)]
mod sample; // made-up runs
mod sharpe;
mod tally;
mod text;
mod yearly;

use super::{Drawdown, Ending, Fall, Record};
use crate::{
    market::{DAY_MS, Timestamp, decimal},
    moment::Moment,
};
use rust_decimal::Decimal;
use serde::Serialize;

pub use files::write;
pub use groups::{Group, Groups};
pub use hold::{BuyAndHold, Held};
pub use months::Month;
pub use notable::Notable;
pub use numbers::{NONE, change, counted, duration, exact, grouped, multiple, ratio, share, signed};
pub use open::Open;
pub use tally::Tally;
pub use text::lines;

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// `data`, `interrupted` or `emergency`.
    pub ending: &'static str,
    /// Opening of the first candle.
    pub from: Option<Moment>,
    /// Close of the last one.
    pub until: Option<Moment>,
    /// Days between them.
    pub days: Option<f64>,
    /// Candles that moved a price.
    pub candles: u64,
    /// What was traded.
    pub symbols: Vec<String>,
    /// By which rules, in the order of their priority.
    pub strategies: Vec<String>,
    /// The account.
    pub account: Balance,
    /// Return and risk.
    pub performance: Performance,
    /// All trades.
    pub trades: Tally,
    /// Trades that are not in this report, since there are too many.
    pub trades_beyond: u64,
    /// The trade that earned most.
    pub best_trade: Option<Notable>,
    /// The one that earned least.
    pub worst_trade: Option<Notable>,
    /// The trades by what they have in common.
    #[serde(flatten)]
    pub groups: Groups,
    /// The equity by months.
    pub months: Vec<Month>,
    /// What would have come of buying everything and doing nothing.
    pub buy_and_hold: BuyAndHold,
    /// What became of signals.
    pub signals: Signals,
    /// Positions that stay open.
    pub open: Vec<Open>,
}

/// The account, in USDT.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Balance {
    /// What it was opened with.
    pub capital: Decimal,
    /// Its equity as the run began: the capital, or what it had come to before.
    pub start_equity: Decimal,
    /// What it holds, without open positions' results.
    pub balance: Decimal,
    /// With them, at their last prices.
    pub equity: Decimal,
}

/// Return and risk. Daily returns are those of whole UTC days, the risk-free rate is 0, a year has 365 days.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Performance {
    /// From the first equity to the last.
    pub return_pct: Option<f64>,
    /// As of a year, compounded.
    pub yearly_return_pct: Option<f64>,
    /// Mean daily return by its deviation, × √365.
    pub sharpe: Option<f64>,
    /// Mean daily return by its deviation below 0, × √365.
    pub sortino: Option<f64>,
    /// Yearly return by maximum drawdown.
    pub calmar: Option<f64>,
    /// The deepest fall from a high.
    pub max_drawdown: Option<Deepest>,
    /// Share of the time with an open position.
    pub exposure_pct: Option<f64>,
}

/// The deepest fall of the equity from a high.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Deepest {
    /// In percent of the peak, above 0.
    pub depth_pct: f64,
    /// When it began.
    pub peak: Moment,
    /// When it was deepest.
    pub trough: Moment,
    /// When the equity was as high again; null where it has not been.
    pub recovery: Option<Moment>,
    /// From the peak to the recovery, or to the end.
    pub length_s: i64,
}

/// What became of signals.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Signals {
    /// How many there were.
    pub raised: u64,
    /// How many became orders.
    pub taken: u64,
    /// The others, most frequent first.
    pub not_taken: Vec<NotTaken>,
}

/// Signals that were not taken for one reason.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs)] // the names say it
pub struct NotTaken {
    pub reason: &'static str,
    pub count: u64,
}

impl Report {
    /// Of what a run has left.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        let (best_trade, worst_trade) = notable::best_and_worst(record);
        let open = open::open(record);
        let unrealised: Decimal = open.iter().filter_map(|open| open.unrealised).sum();
        let (capital, balance) = (record.account.capital, record.account.balance);
        let start_equity = record.equity.first().and_then(|first| decimal(first.equity)).unwrap_or(capital);
        let length_ms = record.span.map(|(begin, end)| end.since_ms(begin));
        Self {
            ending: match record.ending {
                Ending::Data => "data",
                Ending::Interrupted => "interrupted",
                Ending::Emergency => "emergency",
            },
            from: record.span.map(|(begin, _)| Moment::from(begin)),
            until: record.span.map(|(_, end)| Moment::from(end)),
            days: length_ms.and_then(|ms| numbers::finite(ms as f64 / DAY_MS as f64)),
            candles: record.candles,
            symbols: record.symbols.iter().map(ToString::to_string).collect(),
            strategies: record.strategies.clone(),
            account: Balance { capital, start_equity, balance, equity: (balance + unrealised).normalize() },
            performance: Performance::of(record),
            trades: Tally::of(&record.trades),
            trades_beyond: record.trades_beyond,
            best_trade,
            worst_trade,
            groups: Groups::of(record),
            months: months::months(&record.equity),
            buy_and_hold: BuyAndHold::of(record),
            signals: Signals::of(record),
            open,
        }
    }
}

impl Performance {
    fn of(record: &Record) -> Self {
        let (Some(first), Some(last)) = (record.equity.first(), record.equity.last()) else { return Self::default() };
        let returns = daily::returns(&record.equity);
        let mut drawdown = Drawdown::default();
        record.equity.iter().for_each(|sample| drawdown.track(*sample));
        let deepest = drawdown.deepest().and_then(|fall| Deepest::of(&fall, last.at));
        let yearly = yearly::yearly_pct(first.equity, last.equity, last.at.since_ms(first.at));
        Self {
            return_pct: yearly::change_pct(first.equity, last.equity),
            yearly_return_pct: yearly,
            sharpe: sharpe::sharpe(&returns),
            sortino: sharpe::sortino(&returns),
            calmar: yearly::calmar(yearly, deepest.as_ref().map(|deepest| deepest.depth_pct)),
            max_drawdown: deepest,
            exposure_pct: exposure::exposure_pct(record),
        }
    }
}

impl Deepest {
    fn of(fall: &Fall, end: Timestamp) -> Option<Self> {
        let back = fall.recovery.map(|sample| sample.at);
        Some(Self {
            depth_pct: numbers::finite(100.0 * fall.depth())?,
            peak: Moment::from(fall.peak.at),
            trough: Moment::from(fall.trough.at),
            recovery: back.map(Moment::from),
            length_s: back.unwrap_or(end).since_ms(fall.peak.at) / 1000,
        })
    }
}

impl Signals {
    fn of(record: &Record) -> Self {
        let skipped = record.summary.skipped().map(|(why, count)| NotTaken { reason: why.name(), count });
        let mut not_taken: Vec<_> = skipped.collect();
        not_taken.sort_by_key(|skipped| std::cmp::Reverse(skipped.count));
        Self { raised: record.summary.signals, taken: record.summary.taken, not_taken }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{backtest::report::sample::trade, engine::Trade, run::rig::dec, store::TradeRow};

    #[test]
    fn a_run_of_four_days_has_every_value() {
        let trades = vec![
            Trade { gross: dec("101"), fees: dec("1"), r: dec("2"), ..trade(1, 20) },
            Trade { gross: dec("-100"), fees: dec("5"), funding: dec("5"), r: dec("-1"), ..trade(30, 10) },
        ];
        let record = Record { trades, ..sample::record(&[1000.0, 1100.0, 990.0, 1100.0, 1210.0]) };
        let report = Report::of(&record);
        let performance = &report.performance;
        assert_eq!((report.days, performance.return_pct), (Some(4.0), Some(21.0)));
        let yearly = 100.0 * (1.21f64.powf(365.0 / 4.0) - 1.0);
        assert!((performance.yearly_return_pct.unwrap() / yearly - 1.0).abs() < 1e-9);
        let deepest = performance.max_drawdown.as_ref().unwrap();
        assert_eq!((deepest.depth_pct, deepest.length_s), (10.0, 2 * 86_400));
        assert!(deepest.recovery.is_some());
        assert_eq!(performance.exposure_pct, Some(31.25)); // 30 of 96 hours
        // days: +10 %, −10 %, +11.11 %, +10 %
        let days = [0.1, -0.1, 1.0 / 9.0, 0.1];
        let mean = days.iter().sum::<f64>() / 4.0;
        let deviation = (days.iter().map(|day| (day - mean) * (day - mean)).sum::<f64>() / 3.0).sqrt();
        assert!((performance.sharpe.unwrap() - mean / deviation * 365f64.sqrt()).abs() < 1e-5);
        assert!((performance.sortino.unwrap() - mean / 0.05 * 365f64.sqrt()).abs() < 1e-5);
        assert_eq!(report.trades.pnl, dec("-10"));
        assert_eq!(report.trades.profit_factor, Some(0.909_091));
        assert_eq!((report.best_trade.unwrap().pnl, report.worst_trade.unwrap().pnl), (dec("100"), dec("-110")));
    }

    #[test]
    fn a_run_in_which_nothing_happened_has_no_value_that_is_no_number() {
        let quiet = sample::record(&[1000.0, 1000.0, 1000.0, 1000.0]);
        let mut nothing = sample::record(&[1000.0]);
        (nothing.span, nothing.candles) = (None, 0);
        nothing.equity.clear();
        let broke = sample::record(&[1000.0, 0.0, -1.0, 0.0]);
        for record in [quiet, nothing, broke] {
            let json = serde_json::to_string(&Report::of(&record)).unwrap();
            assert!(!json.contains("NaN") && !json.contains("inf"), "{json}");
            let read: serde_json::Value = serde_json::from_str(&json).unwrap();
            for key in ["win_rate_pct", "profit_factor", "expectancy_r", "average_hold_s"] {
                assert!(read["trades"][key].is_null(), "{key}");
            }
            assert!(read["performance"]["sharpe"].is_null() && read["best_trade"].is_null());
        }
    }

    #[test]
    fn the_rows_of_the_file_add_up_to_the_report() {
        let amounts = [("0.10000001", "0.3"), ("-7.00000003", "0.00000007"), ("12.5", "1.25"), ("-0.1", "0")];
        let trades = amounts.map(|(gross, fees)| Trade { gross: dec(gross), fees: dec(fees), ..trade(0, 1) });
        let record = Record { trades: trades.to_vec(), ..sample::record(&[1000.0, 1003.9]) };
        let rows = record.trades.iter().map(|trade| TradeRow::new(trade, &record.symbols[0], "dip").to_string());
        let column = TradeRow::COLUMNS.split(',').position(|name| name == "pnl").unwrap();
        let sum: Decimal = rows.map(|row| dec(row.split(',').nth(column).unwrap())).sum();
        assert_eq!(Report::of(&record).trades.pnl, sum);
    }
}
