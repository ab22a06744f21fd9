//! From a configuration to everything that a run needs, or to the reason why it cannot start. Nothing is printed and nothing runs yet.

use super::{
    asking,
    clocks::wall_ms,
    opening::{self, OpenError, Opened},
    prices::Prices,
    session::Session,
    source::{Source, Tape},
    text::{counted, market_time, rounded},
    trades_csv::{OutError, TradesCsv},
    wire::{self, Signer, Wire, WireError},
};
use crate::{
    candles_file::{Feed, FileError, FileSpec},
    config::{Config, ConfigError, Mode, Speed, Venue as Exchange},
    engine::{Engine, Risk, Sizing},
    exchange::{binance::Binance, private::Keys},
    gateway::{self, Gateway},
    market::{Symbol, SymbolId, Timeframe, Timestamp},
    simulation::prices::Market,
    store::Cursor,
    strategies,
    trader::Trader,
};
use log::Level;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Why a run cannot start; all of it is the user's to mend (exit code 2).
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The files.
    #[error(transparent)]
    File(#[from] FileError),
    /// The configuration, once the symbols are known.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The account's memory.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The way to the exchange.
    #[error("[exchange] {0}")]
    Wire(#[from] WireError),
    /// `--out`.
    #[error("--out: {0}")]
    Out(#[from] OutError),
    /// A symbol was chosen that no file holds.
    #[error("no file holds {symbol}; the files hold {held}. Name only those with --symbols, or add a file")]
    NoFile {
        /// The symbol.
        symbol: Symbol,
        /// What the files hold.
        held: String,
    },
    /// A strategy decides on candles that the data cannot give: shorter ones, or such that its candles do not fill.
    #[error(
        "strategy {strategy} decides on {timeframe} candles, but the files of {symbol} offer {offered}; \
         set timeframe = \"{finest}\" or a multiple in its [[strategy]], or add a finer file"
    )]
    TooCoarse {
        /// The strategy's name.
        strategy: String,
        /// The timeframe that it wants.
        timeframe: Timeframe,
        /// The symbol whose data is too coarse.
        symbol: Symbol,
        /// The timeframes that its files have.
        offered: String,
        /// The finest of them.
        finest: Timeframe,
    },
}

/// A phase of the start, for the log.
#[derive(Debug)]
pub struct Phase {
    /// What was done.
    pub what: String,
    /// How long it took.
    pub took: Duration,
}

/// Everything that a run needs.
pub struct Prepared {
    /// Engine and venue.
    pub trader: Trader,
    /// Where prices come from.
    pub prices: Prices,
    /// The finest timeframe of each symbol's data.
    pub finest: Vec<Timeframe>,
    /// The account's memory; `None` for an experiment.
    pub opened: Option<Opened>,
    /// Where the account goes on in the data.
    pub cursor: Cursor,
    /// Where trades are written.
    pub csv: Option<TradesCsv>,
    /// One line for the log: where prices come from.
    pub market: String,
    /// What was done, for the log.
    pub phases: Vec<Phase>,
}

/// Notes how long a phase took.
struct Stopwatch {
    since: Instant,
    phases: Vec<Phase>,
}

impl Stopwatch {
    fn lap(&mut self, what: String) {
        let now = Instant::now();
        let took = now.duration_since(std::mem::replace(&mut self.since, now));
        self.phases.push(Phase { what, took });
    }
}

/// Prepares a run. `started` is the process's start: the configuration's phase counts from there.
///
/// `keys`: of the account whose money is real; without them it is on paper.
pub fn prepare(config: &Config, keys: Option<Keys>, started: Instant) -> Result<Prepared, PrepareError> {
    let mut watch = Stopwatch { since: started, phases: Vec::new() };
    watch.lap(format!("configuration: {}", origin_of(config)));
    let (symbols, source, market) = open_source(config)?;
    let (tape, finest) = match source {
        None => (None, vec![Timeframe::M1; symbols.len()]),
        Some(mut source) => {
            let first = source.next()?;
            let finest = symbols.iter().enumerate().map(|(index, _)| source.finest(SymbolId(index as u16))).collect();
            (Some(Tape::new(source, first)), finest)
        }
    };
    watch.lap(format!("market data: {market}"));
    let instruments = config.instruments_for(&symbols)?;
    let settings = config.engine_settings(instruments.clone());
    // A dry run leaves the account and the results of earlier runs alone.
    let mut opened = match config.dry_run {
        true => opening::place(config).map(|_| None)?,
        false => opening::open(config, settings.names())?,
    };
    watch.lap(format!(
        "data directory: {}",
        opened.as_ref().map_or_else(|| no_folder(config), |o| o.folder.path().display().to_string())
    ));
    let rows = opened.as_ref().map_or(&[][..], |opened| &opened.rows);
    let csv = config.out.as_deref().filter(|_| !config.dry_run).map(|dir| TradesCsv::create(dir, rows)).transpose()?;
    let risk = &config.risk;
    watch.lap(format!(
        "risk limits: {} a trade, {} % margin a position at leverage {}, {} % in all, {} trades and {} % loss a day",
        trade_size(risk),
        risk.max_position_pct,
        risk.leverage,
        risk.max_portfolio_risk_pct,
        risk.max_trades_per_day,
        risk.daily_loss_pct
    ));
    let rules = config.strategies.iter().map(strategy_line).collect::<Vec<_>>();
    watch.lap(format!("strategies: {}", rules.join(", ")));
    let venue = config.matching_settings(instruments);
    let memory = opened.as_mut().and_then(|opened| opened.memory.take());
    let (trader, cursor) = match (memory, config.mode) {
        (Some(memory), Mode::Paper) => (Trader::restore(settings, venue, memory.trader), memory.cursor),
        (None, Mode::Paper) => (Trader::on_paper(settings, venue), Cursor::new(symbols.len())),
        (Some(memory), Mode::Live) => (Trader::resume_on_exchange(settings, memory.trader), memory.cursor),
        (None, Mode::Live) => (Trader::on_exchange(settings), Cursor::new(symbols.len())),
    };
    watch.lap(account_line(&trader));
    if let Some(opened) = opened.as_mut().filter(|_| cursor.latest > Timestamp(i64::MIN)) {
        opened.told.splice(0..0, resumed(config, trader.engine(), &cursor));
    }
    let prices = match tape {
        Some(tape) => Prices::Tape(tape),
        None => Prices::Session(Box::new(open_session(config, &symbols, &cursor, keys.map(|keys| (keys, &trader)))?)),
    };
    Ok(Prepared { trader, prices, finest, opened, cursor, csv, market, phases: watch.phases })
}

/// What the size of a trade follows.
fn trade_size(risk: &Risk) -> String {
    match risk.sizing {
        Sizing::Risk => format!("{} %", risk.per_trade_pct),
        Sizing::Notional => format!("{} USDT", risk.notional),
        Sizing::Kelly => format!("half-Kelly, at first {} %,", risk.per_trade_pct),
    }
}

fn no_folder(config: &Config) -> String {
    match opening::folder(config) {
        Some(folder) => std::path::absolute(&folder).unwrap_or(folder).display().to_string(),
        None => "none, this account ends with the run (--data-dir keeps one)".to_owned(),
    }
}

/// `oversold_bounce 30m`, or `signals 1m (3 rows of signals.csv, 2025-01-01 01:00 UTC to 2025-01-01 06:00 UTC)`.
fn strategy_line(rule: &strategies::Settings) -> String {
    let times = || rule.list.rows().iter().map(|row| row.at);
    let listed = times().min().zip(times().max()).map(|(first, last)| {
        let rows = counted(rule.list.rows().len() as u64, "row");
        format!(" ({rows} of {}, {} to {})", rule.list.file, market_time(first), market_time(last))
    });
    format!("{} {}{}", rule.name, rule.timeframe, listed.unwrap_or_default())
}

fn account_line(trader: &Trader) -> String {
    if trader.engine().is_live() {
        return "trading system: the account at the exchange, whose balance counts".to_owned();
    }
    format!("trading system: paper account that began with {} USDT", trader.engine().account().capital.normalize())
}

/// `Resumed: 1 open position, balance 1003.20 USDT`, where in the data, and what of the configuration is not this account's.
fn resumed(config: &Config, engine: &Engine, cursor: &Cursor) -> Vec<(Level, String)> {
    let (account, open) = (engine.account(), counted(engine.positions().count() as u64, "open position"));
    let (balance, at) = (rounded(account.balance, 2), market_time(cursor.latest));
    let mut lines = vec![(Level::Info, format!("Resumed: {open}, balance {balance:.2} USDT (market time {at})"))];
    if config.mode == Mode::Paper && config.paper.capital != account.capital {
        let (is, was) = (config.paper.capital.normalize(), account.capital.normalize());
        let text =
            format!("A capital of {is} USDT is for a new account: this one began with {was} (--fresh begins anew)");
        lines.push((Level::Warn, text));
    }
    lines
}

fn origin_of(config: &Config) -> String {
    let file = config.config_file.as_ref().map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone()));
    let file = file.map_or_else(|| "no bot.toml".to_owned(), |path| path.display().to_string());
    let changed = config.origins.iter().map(ToString::to_string).collect::<Vec<_>>();
    let changed = if changed.is_empty() { "all defaults".to_owned() } else { changed.join(", ") };
    format!("{file}; {changed}")
}

/// Candles of each timeframe that an exchange is asked for at the start, so that a slow average is warm.
const HISTORY: u16 = 500;
/// The timeframes of which history is read, besides those of the strategies.
const TIMEFRAMES: [Timeframe; 5] = [Timeframe::M1, Timeframe::M5, Timeframe::M30, Timeframe::H1, Timeframe::H4];

/// A session in which nothing was sent yet. The account goes on where its candles ended.
///
/// `account`: whose orders are real.
fn open_session(
    config: &Config,
    symbols: &[Symbol],
    cursor: &Cursor,
    account: Option<(Keys, &Trader)>,
) -> Result<Session, PrepareError> {
    let mut wire = Wire::new(&asking::address(&config.exchange), wire::Limits::default())?;
    let wanted = config.strategies.iter().flat_map(|rule| [rule.timeframe, rule.context]);
    let mut timeframes: Vec<_> = TIMEFRAMES.into_iter().chain(wanted).collect();
    timeframes.sort_unstable();
    timeframes.dedup();
    let delivered = (0..symbols.len()).map(|index| cursor.passed(SymbolId(index as u16))).collect();
    let seed = wall_ms().unsigned_abs();
    let account = account.map(|(keys, trader)| {
        wire.sign_with(Signer::new(Arc::new(Binance::new(symbols)), keys));
        trader.account(config.risk.leverage as u32, cursor.latest) // it is whole
    });
    let settings =
        gateway::Settings { symbols: symbols.to_vec(), timeframes, history: HISTORY, delivered, seed, account };
    let codec = Binance::new(symbols);
    let names = symbols.iter().map(ToString::to_string).collect();
    let speed = match config.paper.speed {
        Speed::Times(times) => times,
        Speed::Max => 1.0, // refused by the configuration
    };
    let gateway = |now| Gateway::live(settings, Box::new(codec.clone()), Box::new(codec), now);
    Ok(Session::new(gateway, wire, names, speed))
}

/// The symbols, the source of their candles, and a line that names it; no source where an exchange is asked.
fn open_source(config: &Config) -> Result<(Vec<Symbol>, Option<Source>, String), PrepareError> {
    match config.exchange.name {
        Exchange::None => {}
        Exchange::Binance => {
            let line = format!("{} ({})", config.exchange.label().unwrap_or_default(), config.exchange.rest());
            return Ok((config.symbols.clone(), None, line));
        }
    }
    if config.replay.is_empty() {
        let market = Market::new(config.paper.seed, &config.symbols);
        let line = format!("made-up prices (seed {}); real ones: --replay FILE", config.paper.seed);
        return Ok((config.symbols.clone(), Some(Source::Made(Box::new(market))), line));
    }
    let (symbols, feed) = open_files(config)?;
    let line = config.replay.join(", ");
    let feed = if config.looped { feed.looped() } else { feed };
    Ok((symbols, Some(Source::Files(Box::new(feed))), line))
}

/// The symbols and the feed of the files that were given.
pub fn open_files(config: &Config) -> Result<(Vec<Symbol>, Feed), PrepareError> {
    let specs = config.replay.iter().map(|argument| FileSpec::parse(argument)).collect::<Result<Vec<_>, _>>()?;
    let symbols = symbols_of(config, &specs)?;
    let feed = Feed::open(&specs, &symbols)?;
    check_timeframes(config, &feed, &symbols)?;
    Ok((symbols, feed))
}

/// What is traded: the chosen symbols, or those that the files hold, in the order in which they come.
pub fn symbols_of(config: &Config, specs: &[FileSpec]) -> Result<Vec<Symbol>, PrepareError> {
    let mut held: Vec<Symbol> = Vec::new();
    for spec in specs {
        if !held.contains(&spec.symbol) {
            held.push(spec.symbol.clone());
        }
    }
    if !config.symbols_chosen {
        return Ok(held);
    }
    match config.symbols.iter().find(|symbol| !held.contains(symbol)) {
        None => Ok(config.symbols.clone()),
        Some(symbol) => {
            let held = held.iter().map(Symbol::as_str).collect::<Vec<_>>().join(", ");
            Err(PrepareError::NoFile { symbol: symbol.clone(), held })
        }
    }
}

/// Every strategy's candles can be made from the finest data of every symbol.
fn check_timeframes(config: &Config, feed: &Feed, symbols: &[Symbol]) -> Result<(), PrepareError> {
    for offer in feed.offers() {
        let Some(finest) = offer.finest() else { continue };
        if let Some(rule) = config.strategies.iter().find(|rule| !rule.timeframe.holds_whole(finest)) {
            let offered = offer.timeframes.iter().map(|timeframe| timeframe.name()).collect::<Vec<_>>().join(", ");
            let (strategy, timeframe) = (rule.name.clone(), rule.timeframe);
            let symbol = symbols[offer.symbol.index()].clone();
            return Err(PrepareError::TooCoarse { strategy, timeframe, symbol, offered, finest });
        }
    }
    Ok(())
}
