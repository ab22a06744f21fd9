//! `bot backtest`: from flags to a result. The driver is in `backtest`; here files are opened, a person is told, and a stop is heard.
//!
//! What is said on the way goes to stderr, the result to stdout.

mod files; // --out
mod opened; // what a driver needs
mod recorded; // the candles between two dates
mod warnings; // on the way

use super::{
    progress_bar::{Progress, Step},
    signals::{self, EMERGENCY, FAILURE, Listener},
    source, tasks,
    text::{counted, market_day, market_time},
};
use crate::{
    backtest::{Driver, Ending, Record, Report, report},
    candles_file::FileError,
    cli,
    engine::{Action, Engine, Record as Durable},
    market::Timestamp,
    moment,
    stop::{Cause, Stop},
};
use files::Files;
use smol::LocalExecutor;
use std::{
    io::{ErrorKind, Write, stdout},
    time::Instant,
};
use warnings::Warnings;

pub(super) use opened::Opened;
pub(super) use recorded::Recorded;

/// Events between two looks at stop and progress: some milliseconds.
const EVENTS_A_LOOK: u32 = 1 << 16;

/// All that a backtest needs.
struct Plan {
    driver: Driver<Recorded, FileError>,
    span: (Option<Timestamp>, Option<Timestamp>),
    files: Option<Files>,
    json: bool,
}

/// Trades recorded candles.
///
/// # Errors
/// What the user must mend: flags, configuration, files.
pub fn backtest(wish: &cli::Backtest) -> Result<u8, String> {
    let began = Instant::now();
    let plan = plan(wish)?;
    signals::survive_full_files().map_err(|cause| format!("signals cannot be heard: {cause}"))?;
    let listener = Listener::new().map_err(|cause| format!("signals cannot be heard: {cause}"))?;
    let (executor, stop) = (LocalExecutor::new(), Stop::new());
    let listening = tasks::spawn(&executor, "signals", listener.run(stop.clone()));
    let code = async_io::block_on(executor.run(Box::pin(run(plan, &stop, began))));
    drop(listening);
    code
}

/// From flags to all that is needed.
fn plan(wish: &cli::Backtest) -> Result<Plan, String> {
    let to = wish.to.as_deref().map(|text| moment::of_flag("--to", text)).transpose()?;
    let opened = Opened::new(&wish.files, &wish.terms, wish.symbols.as_ref(), to)?;
    let Opened { trader, source, funding, close_on_stop } = opened;
    let span = (source.from(), to);
    let driver = Driver::new(trader, source, funding, close_on_stop).map_err(|error| error.to_string())?;
    let files = wish.out.as_deref().map(Files::open).transpose().map_err(|error| format!("--out: {error}"))?;
    Ok(Plan { driver, span, files, json: wish.json })
}

/// From the first candle to the exit code.
async fn run(plan: Plan, stop: &Stop, began: Instant) -> Result<u8, String> {
    let Plan { mut driver, span, files, json } = plan;
    let progress = Progress::or_nothing();
    let mut heard = Heard { warnings: Warnings::new(&progress), files };
    let outcome = trade(&mut driver, stop, &mut heard, &progress).await;
    progress.clear();
    let ending = outcome.map_err(|error| error.to_string())?;
    let data = source::account(driver.source().feed());
    let (record, _) = driver.finish(ending, &mut |engine, at, action| heard.hear(engine, at, action));
    heard.warnings.end();
    if record.candles == 0 && ending == Ending::Data {
        return Err(nothing_between(span));
    }
    progress.say(&data);
    progress.say(&speed(&record, began));
    let code = match ending {
        Ending::Data => 0,
        Ending::Emergency => EMERGENCY,
        Ending::Interrupted => signals::exit_code(stop.cause().unwrap_or(Cause::Interrupt), true),
    };
    match leave(&record, heard.files, json) {
        Ok(()) => Ok(code),
        Err(what) => {
            progress.say(&format!("bot: {what}"));
            Ok(FAILURE)
        }
    }
}

/// Moves the driver to its end, or until it is to stop.
async fn trade(
    driver: &mut Driver<Recorded, FileError>,
    stop: &Stop,
    heard: &mut Heard<'_>,
    progress: &Progress,
) -> Result<Ending, FileError> {
    let mut judged = vec![false; driver.trader().engine().settings().instruments.len()];
    let mut events = judged.len() as u32; // a capital that is too small is told as soon as there are prices
    loop {
        let ended = driver.step(events, &mut |engine, at, action| heard.hear(engine, at, action));
        events = EVENTS_A_LOOK;
        driver.source().feed().take_remarks().iter().for_each(|remark| progress.say(remark));
        heard.warnings.judge(driver.trader().engine(), &mut judged);
        match ended? {
            Some(ending) => return Ok(ending),
            None if stop.cause().is_some() => return Ok(Ending::Interrupted),
            None => {}
        }
        let (done, all) = driver.source().feed().bytes();
        let at = driver.latest();
        progress.show(Step { done, all }, || at.map(market_day).unwrap_or_default());
        futures_lite::future::yield_now().await;
    }
}

/// Who hears what the trader asks for.
struct Heard<'a> {
    warnings: Warnings<'a>,
    files: Option<Files>,
}

impl Heard<'_> {
    fn hear(&mut self, engine: &Engine, at: Timestamp, action: &Action) {
        self.warnings.hear(engine, at, action);
        if let (Action::Commit { records, .. }, Some(files)) = (action, &mut self.files) {
            for record in records {
                match record {
                    Durable::Trade(trade) => files.add(trade, engine.settings()),
                    Durable::Intent(_) | Durable::Fill(_) | Durable::Funding(_) => {}
                }
            }
        }
    }
}

/// Every candle lies before the one date or after the other.
fn nothing_between((from, to): (Option<Timestamp>, Option<Timestamp>)) -> String {
    let from = from.map(|from| format!(" from {} on", market_time(from))).unwrap_or_default();
    let to = to.map(|to| format!(" up to {}", market_time(to))).unwrap_or_default();
    format!("there is nothing to trade: the files have no candle{from}{to}")
}

/// `500000 candles in 0.31 s, 1.6 million a second`.
fn speed(record: &Record, began: Instant) -> String {
    let seconds = began.elapsed().as_secs_f64();
    let millions = record.candles as f64 / seconds.max(1e-9) / 1e6;
    format!("{} in {seconds:.2} s, {millions:.1} million a second", counted(record.candles, "candle"))
}

/// The result, where it belongs.
fn leave(record: &Record, files: Option<Files>, json: bool) -> Result<(), String> {
    let report = Report::of(record);
    let written =
        files.map_or(Ok(()), |files| files.finish(record, &report).map_err(|error| format!("--out: {error}")));
    let text = match json {
        true => serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?,
        false => report::lines(&report).join("\n"),
    };
    let mut out = stdout();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        // a reader that has seen enough
        Err(cause) if cause.kind() == ErrorKind::BrokenPipe => written,
        Err(cause) => written.and(Err(format!("the result cannot be printed: {cause}"))),
        Ok(()) => written,
    }
}
