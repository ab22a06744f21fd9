//! The trader, led over recorded candles as a backtest leads it.

use super::{Reached, report::Report, told, watch::Watch};
use crate::{
    backtest::{Driver, Ending},
    candles_file::FileError,
    cli::Explain,
    engine::Action,
    market::{ClosedCandle, Timestamp},
    run::{
        backtest::{Opened, Recorded},
        text::market_time,
    },
};

/// What there is to say of a moment.
///
/// # Errors
///
/// The configuration or the files; they hold nothing of that time.
pub fn explain(wish: &Explain, at: Timestamp) -> Result<Report, String> {
    let opened = Opened::new(&wish.files, &wish.terms, None, None)?;
    let Opened { trader, source, funding, close_on_stop } = opened;
    let source = Until { source, at, first: None, last: None, beyond: false };
    let driver = Driver::new(trader, source, funding, close_on_stop).map_err(|error| error.to_string())?;
    lead(driver, wish, at)
}

/// To the moment, and what is known then.
fn lead(mut driver: Driver<Until, FileError>, wish: &Explain, at: Timestamp) -> Result<Report, String> {
    let mut watch = Watch::new(driver.trader().engine(), at);
    let mut actions: Vec<Action> = Vec::new();
    let ending = loop {
        let ending = driver.step(1, &mut |_, _, action| actions.push(action.clone()));
        watch.look(driver.trader().engine(), std::mem::take(&mut actions).iter());
        if let Some(ending) = ending.map_err(|error| error.to_string())? {
            break ending;
        }
    };
    // where the run ended before its data did, the files may still know the moment
    driver.source().try_for_each(|candle| candle.map(drop)).map_err(|error| error.to_string())?;
    let Until { first, last, beyond, .. } = driver.source();
    let (Some(first), Some(last)) = (*first, *last) else {
        return Err(format!("the files begin after {}: nothing is known of that time", market_time(at)));
    };
    let ends = last.closes_at();
    if !*beyond && at >= ends.plus_ms(last.timeframe.ms()) {
        let (begin, end) = (market_time(first), market_time(ends));
        return Err(format!("the files go from {begin} to {end}: nothing is known of {}", market_time(at)));
    }
    let remark = (ending == Ending::Emergency).then(|| {
        let when = driver.latest().map(market_time).unwrap_or_default();
        format!("an emergency stop had ended the run at {when}")
    });
    told(wish, at, driver.trader().engine(), Reached { watch, remark })
}

/// Candles up to a moment.
struct Until {
    source: Recorded,
    at: Timestamp,
    /// Opening of the first candle, and the last one up to the moment.
    first: Option<Timestamp>,
    last: Option<ClosedCandle>,
    /// There are later ones.
    beyond: bool,
}

impl Iterator for Until {
    type Item = Result<ClosedCandle, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        let candle = match self.source.next()? {
            Ok(candle) => candle,
            Err(error) => return Some(Err(error)),
        };
        self.beyond |= candle.closes_at() > self.at;
        if self.beyond {
            return None;
        }
        self.first.get_or_insert(candle.candle.open_time);
        self.last = Some(candle);
        Some(Ok(candle))
    }
}
