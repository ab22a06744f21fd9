//! `bot backtest`: from flags to a result. The driver is in `backtest`; here files are opened, a person is told, and a stop is heard.
//!
//! What is said on the way goes to stderr, the result to stdout.

mod files; // --out
mod recorded; // the candles between two dates
mod result; // on the terminal

use super::{
    moment,
    prepare::open_files,
    progress_bar::{Progress, Step},
    signals::{self, EMERGENCY, FAILURE, Listener},
    source, tasks,
    text::{Teller, counted, market_day, market_time, too_small},
};
use crate::{
    backtest::{Driver, Ending, Record},
    candles_file::{self, FileError},
    cli,
    config::{Config, process_env},
    engine::{Action, Engine, Note},
    market::{FundingRate, SymbolId, Timestamp},
    simulation::matching::Matching,
    stop::{Cause, Stop},
    trader::{Trader, Venue},
};
use log::Level;
use recorded::Recorded;
use smol::LocalExecutor;
use std::{
    io::{Write, stdout},
    path::{Path, PathBuf},
    time::Instant,
};

/// Events between two looks at stop and progress: some milliseconds.
const EVENTS_A_LOOK: u32 = 1 << 16;
/// Warnings that are said, at most; more are counted.
const MOST_WARNINGS: u64 = 20;

/// All that a backtest needs.
struct Plan {
    driver: Driver<Recorded>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    out: Option<PathBuf>,
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
    let config = Config::load(&wish.as_of_a_run(), &process_env, Path::new("")).map_err(|error| error.to_string())?;
    let date = |flag, text: &Option<String>| text.as_deref().map(|text| moment::of_flag(flag, text)).transpose();
    let (from, to) = (date("--from", &wish.from)?, date("--to", &wish.to)?);
    if from.zip(to).is_some_and(|(from, to)| to <= from) {
        return Err("--to must be later than --from".to_owned());
    }
    let (symbols, feed) = open_files(&config).map_err(|error| error.to_string())?;
    let mut funding = Vec::new();
    for file in &wish.funding {
        funding.extend(candles_file::rates(file, &symbols).map_err(|error| format!("--funding: {error}"))?);
    }
    let instruments = config.instruments_for(&symbols).map_err(|error| error.to_string())?;
    if let Some(dir) = &wish.out {
        files::open(dir).map_err(|error| format!("--out: {error}"))?;
    }
    let venue = Matching::new(config.matching_settings(instruments.clone()));
    let trader = Trader::new(Engine::new(config.engine_settings(instruments)), Venue::Matching(venue));
    let driver = driver(trader, Recorded::new(feed, from, to), funding, &config).map_err(|error| error.to_string())?;
    Ok(Plan { driver, from, to, out: wish.out.clone(), json: wish.json })
}

fn driver(
    trader: Trader,
    source: Recorded,
    funding: Vec<FundingRate>,
    config: &Config,
) -> Result<Driver<Recorded>, FileError> {
    Driver::new(trader, source, funding, config.on_stop_close)
}

/// From the first candle to the exit code.
async fn run(mut plan: Plan, stop: &Stop, began: Instant) -> Result<u8, String> {
    let progress = Progress::or_nothing();
    let mut warnings = Warnings { progress: &progress, said: 0 };
    let outcome = trade(&mut plan.driver, stop, &mut warnings).await;
    progress.clear();
    let ending = outcome.map_err(|error| error.to_string())?;
    let data = source::account(plan.driver.source().feed());
    let (record, _) = plan.driver.finish(ending, &mut |engine, at, action| warnings.hear(engine, at, action));
    warnings.end();
    if record.candles == 0 && ending == Ending::Data {
        return Err(nothing_between(plan.from, plan.to));
    }
    progress.say(&data);
    progress.say(&speed(&record, began));
    let code = match ending {
        Ending::Data => 0,
        Ending::Emergency => EMERGENCY,
        Ending::Interrupted => signals::exit_code(stop.cause().unwrap_or(Cause::Interrupt), true),
    };
    match leave(&record, plan.out.as_deref(), plan.json) {
        Ok(()) => Ok(code),
        Err(what) => {
            progress.say(&format!("bot: {what}"));
            Ok(FAILURE)
        }
    }
}

/// Moves the driver to its end, or until it is to stop.
async fn trade(driver: &mut Driver<Recorded>, stop: &Stop, warnings: &mut Warnings<'_>) -> Result<Ending, FileError> {
    let mut judged = vec![false; driver.trader().engine().settings().instruments.len()];
    let mut events = judged.len() as u32; // a capital that is too small is told as soon as there are prices
    loop {
        let ended = driver.step(events, &mut |engine, at, action| warnings.hear(engine, at, action));
        driver.source().feed().take_remarks().iter().for_each(|remark| warnings.progress.say(remark));
        for (index, judged) in judged.iter_mut().enumerate() {
            warnings.judge(driver.trader().engine(), SymbolId(index as u16), judged);
        }
        events = EVENTS_A_LOOK;
        match ended? {
            Some(ending) => return Ok(ending),
            None if stop.cause().is_some() => return Ok(Ending::Interrupted),
            None => {}
        }
        let (done, all) = driver.source().feed().bytes();
        let at = driver.latest();
        warnings.progress.show(Step { done, all }, || at.map(market_day).unwrap_or_default());
        futures_lite::future::yield_now().await;
    }
}

/// What a person should know of the run, on stderr.
struct Warnings<'a> {
    progress: &'a Progress,
    said: u64,
}

impl Warnings<'_> {
    /// What the engine says, unless it belongs to the trading that the result is about.
    fn hear(&mut self, engine: &Engine, at: Timestamp, action: &Action) {
        let note = match action {
            Action::Log(note) | Action::Alert(note) => note,
            Action::Commit { .. } | Action::Order(_) | Action::Need(_) | Action::Halt(_) => return,
        };
        let ordinary = matches!(note, Note::Entry(_) | Note::Exit(_) | Note::Skipped { .. } | Note::StopMoved { .. });
        if ordinary {
            return;
        }
        let (level, line) = Teller { engine, market_time: true }.line(note);
        if level <= Level::Warn || matches!(note, Note::NoVolume(_)) {
            self.say(&format!("{}: {line}", market_time(at)));
        }
    }

    /// Whether the capital is enough for a symbol, once its price is known.
    fn judge(&mut self, engine: &Engine, symbol: SymbolId, judged: &mut bool) {
        if !*judged && engine.mark(symbol) > 0.0 {
            *judged = true;
            if let Some(line) = too_small(engine, symbol) {
                self.say(&line);
            }
        }
    }

    fn say(&mut self, line: &str) {
        self.said += 1;
        if self.said <= MOST_WARNINGS {
            self.progress.say(line);
        }
    }

    fn end(&self) {
        if let Some(more) = self.said.checked_sub(MOST_WARNINGS).filter(|more| *more > 0) {
            self.progress.say(&format!("{} more", counted(more, "warning")));
        }
    }
}

/// Every candle lies before the one date or after the other.
fn nothing_between(from: Option<Timestamp>, to: Option<Timestamp>) -> String {
    let from = from.map(|from| format!(" from {} on", market_time(from))).unwrap_or_default();
    let to = to.map(|to| format!(" to {}", market_time(to))).unwrap_or_default();
    format!("there is nothing to trade: the files have no candle{from}{to}")
}

/// `500000 candles in 0.31 s, 1.6 million a second`.
fn speed(record: &Record, began: Instant) -> String {
    let seconds = began.elapsed().as_secs_f64();
    let millions = record.candles as f64 / seconds.max(1e-9) / 1e6;
    format!("{} in {seconds:.2} s, {millions:.1} million a second", counted(record.candles, "candle"))
}

/// The result, where it belongs.
fn leave(record: &Record, out: Option<&Path>, json: bool) -> Result<(), String> {
    let written = out.map_or(Ok(()), |dir| files::write_all(record, dir).map_err(|error| format!("--out: {error}")));
    let text = if json { result::json(record) } else { result::text(record) };
    match stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush()) {
        // a reader that has seen enough
        Err(cause) if cause.kind() == std::io::ErrorKind::BrokenPipe => written,
        Err(cause) => written.and(Err(format!("the result cannot be printed: {cause}"))),
        Ok(()) => written,
    }
}
