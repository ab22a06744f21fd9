//! `bot download`: candles and funding rates of an exchange, into files that `--replay` and others read.

mod order; // what was asked for, and the names of its files
mod part; // the file while it is not whole
mod rows; // candles and rates as rows

use super::{
    asking::{AskError, Asker, Patience},
    progress_bar::{Progress, Step},
    signals::{self, FAILURE, Listener, exit_code},
    tasks,
    text::{counted, market_time},
};
use crate::{
    cli::Download,
    config::Exchange,
    exchange::FailureClass,
    market::{DAY_MS, SymbolId, Timeframe, Timestamp},
    stop::{Cause, Stop, Wait},
};
use order::Order;
use part::{Content, Part, PartError};
use rows::{Kind, Page};
use smol::LocalExecutor;
use std::{rc::Rc, time::Duration};

/// Candles a request: the most for their weight among the larger ones.
const CANDLES_A_PAGE: u16 = 1000;
/// Funding rates a request.
const RATES_A_PAGE: u16 = 1000;
/// How often an exchange may give nothing where it has something; then the download fails.
const MOST_EMPTY: u32 = 5;
const EMPTY_PAUSE: Duration = Duration::from_secs(1);
/// The only symbol.
const SYMBOL: SymbolId = SymbolId(0);

/// Why a download has not become a file.
enum Failed {
    /// The command, or what it asks for.
    Wrong(String),
    /// The network, the exchange, the disk.
    Broken(String),
    Stopped,
}

impl From<AskError> for Failed {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Stopped => Self::Stopped,
            AskError::Refused(failure) if failure.class == FailureClass::Forbidden => {
                Self::Broken(format!("the exchange shuts this place out ({failure}); another network may help"))
            }
            AskError::Refused(failure) => Self::Broken(format!("refused by the exchange: {failure}")),
            AskError::GivenUp(what) => Self::Broken(format!("given up: {what}")),
        }
    }
}

impl From<PartError> for Failed {
    fn from(error: PartError) -> Self {
        if error.is_usage() { Self::Wrong(error.to_string()) } else { Self::Broken(error.to_string()) }
    }
}

/// Downloads what was asked for.
///
/// # Errors
///
/// The command is wrong.
pub fn download(wish: &Download) -> Result<u8, String> {
    let config = super::asking::config(&wish.place, crate::cli::Cli::default())?;
    let order = Order::new(wish, &config.exchange)?;
    signals::survive_full_files().map_err(|cause| format!("signals cannot be heard: {cause}"))?;
    let listener = Listener::new().map_err(|cause| format!("signals cannot be heard: {cause}"))?;
    let (executor, stop) = (LocalExecutor::new(), Stop::new());
    let listening = tasks::spawn(&executor, "signals", listener.run(stop.clone()));
    let code = async_io::block_on(executor.run(Box::pin(fetch(&order, &config.exchange, &stop))));
    drop(listening);
    code
}

/// From the first question to the exit code.
async fn fetch(order: &Order, exchange: &Exchange, stop: &Stop) -> Result<u8, String> {
    let progress = Rc::new(Progress::or_lines());
    let aloud = Rc::clone(&progress);
    let say = Box::new(move |line: &str| aloud.say(line));
    let symbols = [order.symbol.clone()];
    let asker = Asker::new(exchange, &symbols, Patience::LONG, say).map_err(|error| error.to_string())?;
    let mut run = Run { order, asker, progress: &progress, stop };
    let (mut candles, mut rates) = (None, None);
    let done = run.all(&mut candles, &mut rates).await;
    progress.clear();
    let parts = candles.into_iter().chain(rates);
    let go_on = |parts: &mut dyn Iterator<Item = Part>| parts.map(left).collect::<String>();
    let mut parts = match done {
        Ok(()) => parts,
        Err(Failed::Wrong(what)) => {
            parts.for_each(|part| drop(left(part)));
            return Err(what);
        }
        Err(Failed::Broken(what)) => {
            progress.say(&format!("bot: {what}{}", go_on(&mut { parts })));
            return Ok(FAILURE);
        }
        Err(Failed::Stopped) => {
            progress.say(&format!("bot: stopped{}", go_on(&mut { parts })));
            return Ok(exit_code(stop.cause().unwrap_or(Cause::Interrupt), true));
        }
    };
    settle(order, &mut parts, &progress)
}

/// Gives the files their places.
fn settle(order: &Order, parts: &mut dyn Iterator<Item = Part>, progress: &Progress) -> Result<u8, String> {
    for part in parts {
        let (name, kind) = (part.target().display().to_string(), part.kind());
        match part.finish() {
            Ok(content) => progress.say(&order.account(&name, kind, &content)),
            Err(error) => {
                progress.say(&format!("bot: {error}"));
                return Ok(FAILURE);
            }
        }
    }
    Ok(0)
}

/// What is there of an unfinished file, and how to go on. One without a row is taken away.
fn left(part: Part) -> String {
    let Content { rows, last, .. } = *part.content();
    match last {
        None => {
            part.discard();
            String::new()
        }
        Some(last) => {
            let (rows, to) = (counted(rows, "row"), market_time(last));
            format!("; {} has {rows} up to {to}, and the same command goes on there", part.name())
        }
    }
}

/// A download under way.
struct Run<'a> {
    order: &'a Order,
    asker: Asker,
    progress: &'a Progress,
    stop: &'a Stop,
}

impl Run<'_> {
    /// Fills all parts; which of them were begun stays with the caller.
    async fn all(&mut self, candles: &mut Option<Part>, rates: &mut Option<Part>) -> Result<(), Failed> {
        let order = self.order;
        order.free()?;
        let now = self.asker.time(self.stop).await?;
        let (from, end) = (order.from, order.end(now).map_err(Failed::Wrong)?);
        if order.to.is_some_and(|to| to > now) {
            self.progress.say(&format!("--to lies in the future: up to {} then", market_time(now)));
        }
        let part = order.part(Kind::Candles(order.timeframe))?;
        self.say_where(candles.insert(part));
        if let Some(part) = candles {
            self.candles(part, (from, end)).await?;
        }
        if order.funding {
            let part = order.part(Kind::Rates)?;
            self.say_where(rates.insert(part));
            if let Some(part) = rates {
                self.rates(part, (from, end)).await?;
            }
        }
        Ok(())
    }

    /// Shows how far something is, of its beginning and end.
    fn show(&self, what: &str, (from, to): (Timestamp, Timestamp), at: Timestamp, rows: u64) {
        let [done, all] = [at, to].map(|at| at.since_ms(from).max(0).unsigned_abs());
        self.progress.show(Step { done, all }, || format!("{what}: {}, to {}", counted(rows, "row"), market_time(at)));
    }

    fn say_where(&self, part: &Part) {
        let Content { rows, last, .. } = *part.content();
        if let Some(last) = last {
            let rows = counted(rows, "row");
            self.progress.say(&format!("Going on with {}: {rows}, up to {}", part.name(), market_time(last)));
        }
    }

    async fn candles(&mut self, part: &mut Part, span: (Timestamp, Timestamp)) -> Result<(), Failed> {
        let timeframe = self.order.timeframe;
        let what = format!("{} {timeframe}", self.order.symbol.joined());
        let first = timeframe.next_close(span.0.plus_ms(-1)); // the first opening time not before
        let mut next = part.content().last.map_or(first, |last| timeframe.next_close(last)).max(first);
        let mut empty = 0;
        while timeframe.next_close(next) <= span.1 {
            let listed = self.asker.candles((SYMBOL, timeframe), Some(next), CANDLES_A_PAGE, self.stop).await;
            let listed = listed.map_err(|error| self.unknown(error))?;
            let mut page = Page::default();
            let finished = listed.iter().take_while(|row| row.ends <= span.1);
            finished.for_each(|row| page.candle(&row.candle));
            match page.times.last() {
                Some(last) => next = timeframe.next_close(*last),
                // what is not there is known to be: a later one is
                None if !listed.is_empty() => break,
                None if self.has_newer(timeframe, next).await? => {
                    empty += 1;
                    self.wait_for_more(empty, next).await?;
                    continue;
                }
                None => break,
            }
            part.append(&page)?;
            self.show(&what, span, next, part.content().rows);
        }
        self.say_edges(part.content(), timeframe, (first, span.1))
    }

    /// Whether the exchange has a candle from `next` on after all. An empty answer alone is no proof that there is none.
    async fn has_newer(&mut self, timeframe: Timeframe, next: Timestamp) -> Result<bool, Failed> {
        let newest = self.asker.candles((SYMBOL, timeframe), None, 2, self.stop).await;
        let newest = newest.map_err(|error| self.unknown(error))?;
        Ok(newest.iter().any(|row| row.candle.open_time >= next))
    }

    async fn wait_for_more(&self, empty: u32, next: Timestamp) -> Result<(), Failed> {
        let what = format!("the exchange gives no candles from {} on, though it has newer ones", market_time(next));
        if empty >= MOST_EMPTY {
            return Err(Failed::Broken(what));
        }
        self.progress.say(&format!("{what}; trying again in {} s", EMPTY_PAUSE.as_secs()));
        match self.stop.or_after(EMPTY_PAUSE).await {
            Wait::Stopped => Err(Failed::Stopped),
            Wait::Elapsed => Ok(()),
        }
    }

    fn unknown(&self, error: AskError) -> Failed {
        match error {
            AskError::Refused(failure) if failure.class == FailureClass::NoSuchSymbol => Failed::Wrong(format!(
                "the exchange knows no {} ({failure}); `bot doctor --symbols {}` shows what it says of others",
                self.order.symbol.joined(),
                self.order.symbol.joined()
            )),
            other => other.into(),
        }
    }

    /// What is missing before the first and after the last candle. Nothing at all is a wrong order.
    fn say_edges(
        &self,
        content: &Content,
        timeframe: Timeframe,
        (first, end): (Timestamp, Timestamp),
    ) -> Result<(), Failed> {
        let (Some(begins), Some(last)) = (content.first, content.last) else {
            let (from, to) = (market_time(first), market_time(end));
            let text = format!("the exchange has no finished {timeframe} candle between {from} and {to}");
            return Err(Failed::Wrong(text));
        };
        if begins > first {
            let (begins, from) = (market_time(begins), market_time(first));
            self.progress.say(&format!("The first candle is of {begins}: the exchange has none from {from} on"));
        }
        let missing = end.since_ms(timeframe.next_close(last)) / timeframe.ms();
        if missing > 0 {
            let last = market_time(last);
            self.progress
                .say(&format!("The last candle is of {last}: the exchange has none of the {missing} after it"));
        }
        Ok(())
    }

    async fn rates(&mut self, part: &mut Part, span: (Timestamp, Timestamp)) -> Result<(), Failed> {
        let what = format!("{} funding", self.order.symbol.joined());
        let mut next = part.content().last.map_or(span.0, |last| last.plus_ms(1));
        loop {
            let listed = self.asker.rates(SYMBOL, next, RATES_A_PAGE, self.stop).await;
            let listed = listed.map_err(|error| self.unknown(error))?;
            let mut page = Page::default();
            listed.iter().take_while(|rate| rate.at <= span.1).for_each(|rate| page.rate(rate));
            part.append(&page)?;
            let Some(last) = listed.last() else { break };
            next = last.at.plus_ms(1);
            self.show(&what, span, next.min(span.1), part.content().rows);
            if next > span.1 {
                break;
            }
        }
        match part.content().last {
            None => self.progress.say("There are no funding rates in this time"),
            Some(last) if span.1.since_ms(last) > DAY_MS => {
                self.progress
                    .say(&format!("The last funding rate is of {}: there is none after it", market_time(last)));
            }
            Some(_) => {}
        }
        Ok(())
    }
}
