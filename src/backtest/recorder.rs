//! What a run leaves for its report.

use super::{
    equity::{MOST_SAMPLES, Sample, Samples},
    prices::{Joiner, Thinned},
};
use crate::{
    engine::{Account, Engine, Position, Summary, Trade},
    market::{ClosedCandle, Symbol, Timestamp, float},
};

/// Trades that are kept, at most; those beyond are counted. A million take about 200 MB.
pub const MOST_TRADES: usize = 1_000_000;

/// Everything that a report is made of. Trades are exact; equity and prices are for statistics and charts.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// What was traded; a symbol's place is its [`crate::market::SymbolId`].
    pub symbols: Vec<Symbol>,
    /// The strategies' names, in the order of the configuration.
    pub strategies: Vec<String>,
    /// Opening of the first candle that moved a price, and close of the last one.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Candles that moved a price.
    pub candles: u64,
    /// The account at the end.
    pub account: Account,
    /// Closed quantities in the order of their exits: the rows of `trades.csv`.
    pub trades: Vec<Trade>,
    /// Trades that came after the first [`MOST_TRADES`].
    pub trades_beyond: u64,
    /// Positions that stay open.
    pub open: Vec<Position>,
    /// The equity as it went: at most one a market hour, and one at each exit; the first is the beginning, the last the end. Where these
    /// are more than [`MOST_SAMPLES`], fewer. Empty without candles.
    pub equity: Vec<Sample>,
    /// By symbol: the way of the price.
    pub prices: Vec<Thinned>,
    /// Signals taken and not taken.
    pub summary: Summary,
    /// Why it ended.
    pub ending: Ending,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The data is over.
    Data,
    /// Somebody asked for its end.
    Interrupted,
    /// The engine stopped trading for good.
    Emergency,
}

/// Watches a run. What it does for a candle costs a few nanoseconds.
#[derive(Debug)]
pub struct Recorder {
    span: Option<(Timestamp, Timestamp)>,
    candles: u64,
    trades: Vec<Trade>,
    trades_beyond: u64,
    samples: Samples,
    prices: Vec<Joiner>,
    /// Of the moment before the first candle.
    beginning: Sample,
}

impl Recorder {
    /// Before the first candle that is not history.
    #[must_use]
    pub fn new(engine: &Engine) -> Self {
        Self {
            span: None,
            candles: 0,
            trades: Vec::new(),
            trades_beyond: 0,
            samples: Samples::new(MOST_SAMPLES),
            prices: engine.settings().instruments.iter().map(|_| Joiner::default()).collect(),
            beginning: sample(Timestamp(0), engine),
        }
    }

    /// After each candle that moved a price and all that followed from it; history is passed over.
    #[inline]
    pub fn candle(&mut self, closed: &ClosedCandle, engine: &Engine) {
        if closed.history {
            return;
        }
        let closes_at = closed.closes_at();
        self.candles += 1;
        self.prices[closed.symbol.index()].take(closed);
        match &mut self.span {
            Some((_, end)) => *end = closes_at,
            none => {
                let begins = closed.candle.open_time;
                *none = Some((begins, closes_at));
                self.begin(begins);
            }
        }
        if self.samples.wants(closes_at) {
            self.samples.take(sample(closes_at, engine));
        }
    }

    /// Until when [`Recorder::candle`] looks at the candles alone, and not at the engine, from one on that closes `at`.
    #[inline]
    #[must_use]
    pub fn quiet_until(&self, at: Timestamp) -> Timestamp {
        if self.samples.wants(at) { at } else { self.samples.due() }
    }

    /// A closed quantity, before the [`Recorder::candle`] in which it was closed.
    pub fn trade(&mut self, trade: &Trade, engine: &Engine) {
        self.begin(trade.exit_time.plus_ms(-1));
        self.samples.take(sample(trade.exit_time, engine));
        if self.trades.len() < MOST_TRADES {
            self.trades.push(trade.clone());
        } else {
            self.trades_beyond += 1;
        }
    }

    /// The account as it was before anything happened, unless that is known already.
    fn begin(&mut self, at: Timestamp) {
        if self.samples.is_empty() {
            self.samples.take(Sample { at, ..self.beginning });
        }
    }

    /// What was seen.
    #[must_use]
    pub fn finish(mut self, engine: &Engine, ending: Ending) -> Record {
        if let Some((_, end)) = self.span {
            self.samples.take(sample(end, engine));
        }
        let names = engine.settings().names();
        Record {
            symbols: names.symbols,
            strategies: names.strategies,
            span: self.span,
            candles: self.candles,
            account: engine.account().clone(),
            trades: self.trades,
            trades_beyond: self.trades_beyond,
            open: engine.positions().cloned().collect(),
            equity: self.samples.finish(),
            prices: self.prices.into_iter().map(Joiner::finish).collect(),
            summary: engine.summary().clone(),
            ending,
        }
    }
}

fn sample(at: Timestamp, engine: &Engine) -> Sample {
    let open = u16::try_from(engine.positions().count()).unwrap_or(u16::MAX);
    Sample { at, equity: float(engine.equity()), balance: float(engine.account().balance), open }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::{Action, Event, Note},
        market::{HOUR_MS, MINUTE_MS},
        run::rig,
    };

    /// A fall until something is bought, then its target, then two quiet hours.
    fn recorded() -> Record {
        let mut trader = rig::trader();
        let mut recorder = Recorder::new(trader.engine());
        let falling =
            (0..16).map(|number| (100_000.0 - 100.0 * f64::from(number), 99_900.0 - 100.0 * f64::from(number)));
        let quiet = std::iter::repeat_n((110_000.0, 110_000.0), 120);
        let mut actions = Vec::new();
        for (number, (open, close)) in (0..).zip(falling.chain([(98_400.0, 110_000.0)]).chain(quiet)) {
            let candle = rig::minute(number, open, close);
            trader.turn(candle.closes_at(), &Event::Candle(candle), &mut actions);
            for action in actions.drain(..) {
                if let Action::Log(Note::Exit(trade)) = action {
                    recorder.trade(&trade, trader.engine());
                }
            }
            recorder.candle(&candle, trader.engine());
            recorder.candle(&ClosedCandle { history: true, ..candle }, trader.engine());
        }
        recorder.finish(trader.engine(), Ending::Data)
    }

    #[test]
    fn a_record_has_trades_samples_and_prices() {
        let record = recorded();
        let end = rig::START.plus_ms(137 * MINUTE_MS);
        assert_eq!((record.span, record.candles), (Some((rig::START, end)), 137), "history does not count");
        assert_eq!((record.trades.len(), record.trades_beyond, record.open.len()), (1, 0, 0));
        let trade = &record.trades[0];
        assert_eq!(record.account.balance, record.account.capital + trade.pnl());
        let (after, capital) = (float(record.account.balance), 1000.0);
        let seen: Vec<_> = record.equity.iter().map(|sample| (sample.at, sample.equity, sample.open)).collect();
        let [hour, two] = [HOUR_MS, 2 * HOUR_MS].map(|ms| rig::START.plus_ms(ms));
        let want =
            [(rig::START, capital, 0), (trade.exit_time, after, 0), (hour, after, 0), (two, after, 0), (end, after, 0)];
        assert_eq!(seen, want);
        let prices = &record.prices[0];
        assert_eq!((prices.candles.len(), prices.length_ms), (137, MINUTE_MS));
    }
}
