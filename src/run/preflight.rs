//! The checks of `--dry-run`: whether this run could trade, without trading.
//!
//! The data is read as a run would read it, but as history, which moves no price and raises no signal.

use super::{
    doctor, opening,
    prepare::Prepared,
    prices::Prices,
    realtime::exchange::warn_of_small_capital,
    source::Tape,
    text::{Teller, market_time},
};
use crate::{
    candles_file::FileError,
    config::{Config, Mode},
    engine::{Engine, Event},
    market::{ClosedCandle, SymbolId, Timeframe, decimal},
    store::folder::{DATABASE, holder},
    trader::Trader,
};
use log::{error, info};
use rustix::fs::{Access, access};
use std::{
    path::{Path, PathBuf},
    time::Instant,
};

/// What a check found: something to read, or what is wrong and what to do about it.
pub(super) type Finding = Result<String, String>;

/// Makes every check and says what it found; returns how many failed.
pub fn check(config: &Config, prepared: &mut Prepared) -> usize {
    let Prepared { trader, prices, finest, .. } = prepared;
    let failed = match prices {
        Prices::Tape(tape) => {
            let mut reading = Reading { trader, tape };
            let read = |reading: &mut Reading| reading.history().map(|()| timeframes(reading.trader.engine(), finest));
            let history = say("market data", || read(&mut reading));
            [history, say("prices", || reading.prices())].into_iter().filter(|passed| !passed).count()
        }
        Prices::Session(_) => doctor::check(config, (config.mode == Mode::Live).then_some(false)),
    };
    let engine = trader.engine();
    let mut checks = vec![say("strategies", || strategies(engine))];
    if matches!(prices, Prices::Tape(_)) {
        checks.push(say("risk limits", || risk(engine))); // an exchange's rules are checked with it
    }
    checks.into_iter().filter(|passed| !passed).count() + failed + places(config, engine)
}

/// Checks the places on disk; returns how many cannot be used.
pub(super) fn places(config: &Config, engine: &Engine) -> usize {
    let checks = [
        opening::folder(config).is_none_or(|dir| say("data directory", || account(config, engine, &dir))),
        config.out.as_deref().is_none_or(|dir| say("results", || results(dir))),
    ];
    checks.into_iter().filter(|passed| !passed).count()
}

/// Makes one check and says what it found, with its duration.
fn say(name: &str, check: impl FnOnce() -> Finding) -> bool {
    let began = Instant::now();
    told(name, began, &check())
}

/// Says what a check found that began then; whether it passed.
pub(super) fn told(name: &str, began: Instant, found: &Finding) -> bool {
    let ms = began.elapsed().as_secs_f64() * 1000.0;
    match found {
        Ok(fine) => info!("   ✓ {name}: {fine} ({ms:.1} ms)"),
        Err(wrong) => error!("   ✗ {name}: {wrong} ({ms:.1} ms)"),
    }
    found.is_ok()
}

/// The data, and who is told of it.
struct Reading<'a> {
    trader: &'a mut Trader,
    tape: &'a mut Tape,
}

impl Reading<'_> {
    /// Reads what lies before the first price.
    fn history(&mut self) -> Result<(), String> {
        while self.tape.next().is_some_and(|candle| candle.history) {
            self.take()?;
        }
        Ok(())
    }

    /// Reads on until every symbol has a price.
    fn prices(&mut self) -> Finding {
        while self.tape.next().is_some() && self.without_price().is_some() {
            self.take()?;
        }
        match self.without_price() {
            Some(name) => Err(format!("the data holds none of {name}; leave it out of --symbols, or add a file")),
            None => Ok(prices(self.trader.engine())),
        }
    }

    fn without_price(&self) -> Option<String> {
        let engine = self.trader.engine();
        let lacks = symbols(engine).find(|symbol| engine.outlook(*symbol).price.is_none())?;
        Some(teller(engine).name(lacks).to_owned())
    }

    fn take(&mut self) -> Result<(), String> {
        let Some(candle) = self.tape.next() else { return Ok(()) };
        let known = ClosedCandle { history: true, ..candle };
        self.trader.turn(candle.closes_at(), &Event::Candle(known), &mut Vec::new());
        let remedy = |error: FileError| format!("{error}; mend the file, or leave it out");
        self.tape.advance().map_err(remedy)?.iter().for_each(|remark| info!("   {remark}"));
        Ok(())
    }
}

fn symbols(engine: &Engine) -> impl Iterator<Item = SymbolId> {
    (0..engine.settings().instruments.len()).map(|index| SymbolId(index as u16))
}

const fn teller(engine: &Engine) -> Teller<'_> {
    Teller { engine, market_time: true }
}

/// What each symbol's candles are made of, and how warm the slowest indicator is at the start.
fn timeframes(engine: &Engine, finest: &[Timeframe]) -> String {
    let each = symbols(engine).zip(finest).map(|(symbol, finest)| {
        let seen = engine.outlook(symbol).ema200_seen.min(200);
        format!("{} from {finest} candles, EMA200 at {seen} of 200", teller(engine).name(symbol))
    });
    each.collect::<Vec<_>>().join("; ")
}

fn prices(engine: &Engine) -> String {
    let teller = teller(engine);
    let price = |symbol| decimal(engine.mark(symbol)).map(|price| teller.price(symbol, price)).unwrap_or_default();
    symbols(engine).map(|symbol| format!("{} {}", teller.name(symbol), price(symbol))).collect::<Vec<_>>().join(", ")
}

/// A symbol that the capital is too small for is a warning, as in a run; where that is all of them, the run would be idle.
fn risk(engine: &Engine) -> Finding {
    let (all, too_small) = (engine.settings().instruments.len(), warn_of_small_capital(engine));
    if too_small == all {
        return Err("no symbol can be traded; raise --capital, risk.per_trade_pct or risk.leverage".to_owned());
    }
    Ok(format!("{} of {all} symbols can be traded with {} USDT", all - too_small, engine.account().capital))
}

fn strategies(engine: &Engine) -> Finding {
    let rules = engine.settings().strategies.iter();
    let names: Vec<_> = rules.map(|rule| format!("{} on {}", rule.name, rule.timeframe)).collect();
    if names.is_empty() { Err("there is none; add a [[strategy]]".to_owned()) } else { Ok(names.join(", ")) }
}

/// Whether a run could have the account, and what it would find. Nothing is made, taken or changed.
fn account(config: &Config, engine: &Engine, dir: &Path) -> Finding {
    if let Some(holder) = holder(dir).map_err(|cause| format!("{}: {cause}", dir.display()))? {
        return Err(format!("{} is held by another bot ({holder}); stop that one first", dir.display()));
    }
    let whole = writable(dir).map_err(|wrong| format!("{wrong}; choose another --data-dir"))?;
    if config.fresh || !whole.join(DATABASE).exists() {
        return Ok(format!("a new account in {}", whole.display()));
    }
    let memory = opening::look(config, &whole, engine.settings().names()).map_err(|error| error.to_string())?;
    let at = memory.map_or_else(|| "its beginning".to_owned(), |memory| market_time(memory.cursor.latest));
    Ok(format!("the account in {} goes on at {at}", whole.display()))
}

fn results(dir: &Path) -> Finding {
    let whole = writable(dir).map_err(|wrong| format!("{wrong}; choose another --out"))?;
    Ok(format!("{} can be written", whole.join("trades.csv").display()))
}

/// The folder itself, or the nearest above it that exists, since a run makes what is missing.
fn writable(dir: &Path) -> Result<PathBuf, String> {
    let whole = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let there = whole.ancestors().find(|path| path.exists()).unwrap_or(&whole);
    if there.is_dir() && access(there, Access::WRITE_OK | Access::EXEC_OK).is_ok() {
        return Ok(whole);
    }
    Err(format!("{} is no folder that can be written to", there.display()))
}
