//! Flags over environment over `bot.toml` over defaults.
//!
//! Everything is checked here, before anything starts: what leaves [`Config::load`] can be used as it is. `keys.rs` holds the one table
//! of keys; a flag, a variable and a line of the file pass through the same range and are refused in the same words.
//!
//! A variable that is set counts, also an empty one: `CAPITAL_USDT=` is an error that names it, never a silent default.

mod error;
mod exchange;
mod file;
mod forms;
mod given;
mod init;
mod keys;
mod live;
mod nearest;
mod signals;
mod slot;
#[cfg(test)]
mod tests;

pub use error::{ConfigError, Source};
pub use exchange::{Exchange, LOCAL_ADDRESS, Network, Venue};
pub use init::{default_file, write_default_file};
pub use live::{CONFIRM, Live};

use crate::{
    cli::Cli,
    engine::{self, Exits, Gate, Risk},
    market::{Instrument, Symbol, known_instrument},
    simulation::matching,
    strategies,
};
use given::Given;
use keys::{KEYS, Key};
use rust_decimal::Decimal;
use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

/// How the environment is asked for a variable.
pub type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Whose money is traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Simulated money.
    #[default]
    Paper,
    /// Real money.
    Live,
}

/// How much faster than real time a market runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// So many times; finite and above 0.
    Times(f64),
    /// As fast as the machine can.
    Max,
}

/// `[paper]`: the simulated account and market.
#[derive(Debug, Clone, PartialEq)]
pub struct Paper {
    /// Balance at the start, in USDT.
    pub capital: Decimal,
    /// Fee of a market order, in percent of its notional.
    pub taker_fee_pct: f64,
    /// Fee of a resting order, in percent of its notional.
    pub maker_fee_pct: f64,
    /// How much worse than the price a market order is filled, in percent.
    pub slippage_pct: f64,
    /// What a long pays a short every eight hours, in percent of the notional.
    pub funding_rate_pct: f64,
    /// How much of a candle's volume one order takes at most, in percent; 0: all that it wants.
    pub max_participation_pct: f64,
    /// Seed of the made-up prices.
    pub seed: u64,
    /// How much faster than real time.
    pub speed: Speed,
}

/// `[health]`: the health monitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Time between two heartbeats, in seconds; at least 1.
    pub interval_s: u64,
    /// Resident memory above this is `degraded`, in megabytes.
    pub memory_mb: u64,
}

/// `[supervisor]`: the parent process of `--auto-restart`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supervisor {
    /// Whether there is one.
    pub auto_restart: bool,
    /// Restarts before it gives up.
    pub max_restarts: u64,
    /// Pause before the second restart in a row, in seconds.
    pub restart_delay_s: u64,
    /// Silence of the child after which it is killed, in seconds; at least 2, since a healthy loop may be silent for 1.5.
    pub freeze_after_s: u64,
}

/// `[store]`: the memory on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// How long journal and samples are kept, in days.
    pub keep_days: u64,
    /// Size of database and journal near which the oldest journal goes, in megabytes.
    pub limit_mb: u64,
    /// After so many unwanted ends within ten minutes the bot starts halted; 0: never.
    pub halt_after_restarts: u64,
}

/// A value that is not a default, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The key's path, such as `risk.per_trade_pct`.
    pub key: String,
    /// The value, as TOML.
    pub value: String,
    /// Who says so.
    pub source: Source,
}

impl Origin {
    fn new(key: impl Into<String>, value: String, source: Source) -> Self {
        Self { key: key.into(), value, source }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {} ({})", self.key, self.value, self.source)
    }
}

/// Everything that a run needs to be told.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Whose money is traded.
    pub mode: Mode,
    /// `--replay`: files as they were typed, or `SYMBOL@TIMEFRAME=FILE`; none is the synthetic market.
    pub replay: Vec<String>,
    /// `--loop`: recorded candles start again at their end.
    pub looped: bool,
    /// The run ends after that long; above 0 and at most a hundred years. `None`: until stopped.
    pub duration: Option<Duration>,
    /// Never end for an error that can be recovered.
    pub infinite: bool,
    /// Check, print, trade nothing.
    pub dry_run: bool,
    /// Log level debug.
    pub debug: bool,
    /// `--data-dir`: the account's memory.
    pub data_dir: Option<PathBuf>,
    /// Begin a new account.
    pub fresh: bool,
    /// Trade again after an emergency stop or too many restarts.
    pub clear_emergency: bool,
    /// Go on without a damaged store.
    pub accept_new_store: bool,
    /// Where reports are written at the end.
    pub out: Option<PathBuf>,
    /// The configuration file that was used, as it was found.
    pub config_file: Option<PathBuf>,
    /// `on_stop = "close"`: positions are closed at the end of a run; else they keep their stops.
    pub on_stop_close: bool,
    /// What is traded; with `replay` and without `symbols_chosen`, what the files hold is traded instead.
    pub symbols: Vec<Symbol>,
    /// Whether a flag or a variable names the symbols, or the file names others than the default.
    pub symbols_chosen: bool,
    /// Rules of `symbols`, in the same order.
    pub instruments: Vec<Instrument>,
    /// `[[market.instrument]]`: these go before the program's table.
    pub own_instruments: Vec<Instrument>,
    /// Decide only once every indicator has a value.
    pub require_warm: bool,
    /// `[[strategy]]`, in order of priority; names are unique.
    pub strategies: Vec<strategies::Settings>,
    /// `[risk]`.
    pub risk: Risk,
    /// `[exits]`.
    pub exits: Exits,
    /// `[gate]`.
    pub gate: Gate,
    /// `[paper]`.
    pub paper: Paper,
    /// `[exchange]`.
    pub exchange: Exchange,
    /// `[live]`.
    pub live: Live,
    /// `[health]`.
    pub health: Health,
    /// `[supervisor]`.
    pub supervisor: Supervisor,
    /// `[store]`.
    pub store: Store,
    /// For the start-up summary: every value that is not a default, in the order of the table of keys.
    pub origins: Vec<Origin>,
}

/// The symbols that are traded unless others are named.
const DEFAULT_SYMBOLS: [&str; 3] = ["BTCUSDT", "ETHUSDT", "SOLUSDT"];

impl Default for Config {
    fn default() -> Self {
        let symbols: Vec<Symbol> = DEFAULT_SYMBOLS.iter().filter_map(|name| name.parse().ok()).collect();
        Self {
            mode: Mode::Paper,
            replay: Vec::new(),
            looped: false,
            duration: None,
            infinite: false,
            dry_run: false,
            debug: false,
            data_dir: None,
            fresh: false,
            clear_emergency: false,
            accept_new_store: false,
            out: None,
            config_file: None,
            on_stop_close: false,
            instruments: symbols.iter().filter_map(known_instrument).collect(),
            symbols,
            symbols_chosen: false,
            own_instruments: Vec::new(),
            require_warm: false,
            strategies: strategies::Settings::defaults(),
            risk: Risk::default(),
            exits: Exits::default(),
            gate: Gate::default(),
            paper: Paper::default(),
            exchange: Exchange::default(),
            live: Live::default(),
            health: Health { interval_s: 300, memory_mb: 32 },
            supervisor: Supervisor { auto_restart: false, max_restarts: 1000, restart_delay_s: 30, freeze_after_s: 15 },
            store: Store { keep_days: 30, limit_mb: 256, halt_after_restarts: 5 },
            origins: Vec::new(),
        }
    }
}

impl Default for Paper {
    fn default() -> Self {
        Self {
            capital: Decimal::ONE_THOUSAND,
            taker_fee_pct: 0.06,
            maker_fee_pct: 0.06,
            slippage_pct: 0.05,
            funding_rate_pct: 0.01,
            max_participation_pct: 0.0,
            seed: 1,
            speed: Speed::Times(1.0),
        }
    }
}

/// Takes one value over, from wherever it comes.
fn set<T>(target: &mut T, key: &Key<T>, path: String, at: &Source, given: &Given) -> Result<(), ConfigError> {
    let wrong = (key.slot)(target).set(given);
    wrong.map_err(|fault| ConfigError::Value { at: at.clone(), key: path, fault, allowed: key.allowed(target) })
}

/// Made-up rules: the example of `bot init`.
fn example_instrument() -> Instrument {
    Instrument {
        // The vocabulary offers no constant symbol; the first default is one.
        symbol: Config::default().symbols.swap_remove(0),
        tick: Decimal::new(1, 1),
        step: Decimal::new(1, 3),
        min_qty: Decimal::new(1, 3),
        min_notional: Decimal::ONE_HUNDRED,
    }
}

/// The process's environment, for [`Config::load`]. A value that is no Unicode counts as set and is refused where it is read.
#[must_use]
pub fn process_env(name: &str) -> Option<String> {
    Some(std::env::var_os(name)?.to_string_lossy().into_owned())
}

impl Config {
    /// Assembles the configuration of a run. `dir` is where `bot.toml` is looked for (empty: the working directory).
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, with its place and what is allowed.
    pub fn load(cli: &Cli, env: &Lookup, dir: &Path) -> Result<Self, ConfigError> {
        let mut config = Self::of_flags(cli);
        let mut sources = vec![None; KEYS.len()];
        if let Some((path, text)) = file::find(cli.config.as_deref(), env, dir)? {
            let applied = file::apply(&mut config, &path.display().to_string(), &text)?;
            config.read_signals(path.parent().unwrap_or(Path::new("")))?;
            (config.config_file, config.origins, sources) = (Some(path), applied.lists, applied.keys);
        }
        for (key, source) in KEYS.iter().zip(&mut sources) {
            config.set_outside(key, cli, env, source)?;
        }
        config.finish(&sources)?;
        Ok(config)
    }

    /// Reads what strategies name as a file of signals, from where the configuration is.
    fn read_signals(&mut self, folder: &Path) -> Result<(), ConfigError> {
        for rule in self.strategies.iter_mut().filter(|rule| rule.kind == strategies::Kind::Signals) {
            rule.list = signals::read(&folder.join(&rule.list.file), &rule.list.file)?;
        }
        Ok(())
    }

    /// What only flags say.
    fn of_flags(cli: &Cli) -> Self {
        Self {
            mode: if cli.live { Mode::Live } else { Mode::Paper },
            replay: cli.replay.clone(),
            looped: cli.looped,
            dry_run: cli.dry_run,
            debug: cli.debug,
            data_dir: cli.data_dir.clone(),
            fresh: cli.fresh,
            clear_emergency: cli.clear_emergency,
            accept_new_store: cli.accept_new_store,
            out: cli.out.clone(),
            ..Self::default()
        }
    }

    /// Sets a key from its variable and then from its flag. Both are checked, also when the flag wins.
    fn set_outside(
        &mut self,
        key: &Key<Self>,
        cli: &Cli,
        env: &Lookup,
        source: &mut Option<Source>,
    ) -> Result<(), ConfigError> {
        let variable = key.env.and_then(|name| Some((Source::Env(name), env(name)?)));
        let flag = key.flag.and_then(|name| Some((Source::Flag(name), cli.value_of(name)?.to_owned())));
        for (at, text) in variable.into_iter().chain(flag) {
            set(self, key, key.path.to_owned(), &at, &Given::Text(&text))?;
            *source = Some(at);
        }
        Ok(())
    }

    /// What follows from the values and their sources.
    fn finish(&mut self, sources: &[Option<Source>]) -> Result<(), ConfigError> {
        let mut plain = Self::default();
        let symbols_at =
            KEYS.iter().zip(sources).find(|(key, _)| key.path == "market.symbols").and_then(|(_, at)| at.clone());
        self.symbols_chosen = match symbols_at {
            None => false,
            // `bot init` writes the default down; that is no choice against what recorded candles offer.
            Some(Source::File { .. }) => self.symbols != plain.symbols,
            Some(Source::Env(_) | Source::Flag(_)) => true,
        };
        if !self.replay.is_empty() {
            self.exchange.name = Venue::None; // recorded candles were asked for by a flag
        }
        self.check_speed(sources)?;
        self.check_live(sources)?;
        self.instruments = self.rules_of(&self.symbols, symbols_at.as_ref())?;
        let mut origins = Vec::new();
        for (key, source) in KEYS.iter().zip(sources) {
            let (value, default) = ((key.slot)(self).render(), (key.slot)(&mut plain).render());
            if let (Some(source), Some(value), true) = (source, value.clone(), value != default) {
                origins.push(Origin::new(key.path, value, source.clone()));
            }
        }
        self.origins.splice(0..0, origins);
        Ok(())
    }

    /// A real market runs at its own speed; only one on this machine can be faster.
    fn check_speed(&self, sources: &[Option<Source>]) -> Result<(), ConfigError> {
        let allowed = match (self.exchange.name, self.exchange.network) {
            (Venue::None, _) => return Ok(()),
            (Venue::Binance, Network::Local) => "must be a number, that of `bot exchange --speed`",
            (Venue::Binance, Network::Mainnet | Network::Testnet) => "must be 1: the exchange's market is real",
        };
        let fits = match self.paper.speed {
            Speed::Times(times) => times == 1.0 || self.exchange.network == Network::Local,
            Speed::Max => false,
        };
        match KEYS.iter().zip(sources).find(|(key, _)| key.path == "paper.speed") {
            Some((_, Some(at))) if !fits => {
                Err(ConfigError::Together { at: at.clone(), what: format!("with an exchange the speed {allowed}") })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The rules of some symbols, in their order: from `[[market.instrument]]`, else from the program's table, else from the exchange later.
    ///
    /// # Errors
    ///
    /// [`ConfigError::UnknownInstrument`] for the first symbol that neither knows; where a file of signals names another than these.
    pub fn instruments_for(&self, symbols: &[Symbol]) -> Result<Vec<Instrument>, ConfigError> {
        for list in self.strategies.iter().map(|rule| &rule.list) {
            if let Some((symbol, line)) = list.symbols().iter().find(|(symbol, _)| !symbols.contains(symbol)) {
                let traded = symbols.iter().map(Symbol::as_str).collect::<Vec<_>>().join(", ");
                let what = format!("{symbol} is not traded in this run; its symbols are {traded}");
                return Err(signals::wrong(&list.file, *line, what));
            }
        }
        self.rules_of(symbols, None)
    }

    fn rules_of(&self, symbols: &[Symbol], at: Option<&Source>) -> Result<Vec<Instrument>, ConfigError> {
        let own = |symbol: &Symbol| self.own_instruments.iter().find(|own| own.symbol == *symbol).cloned();
        let unknown = |symbol: &Symbol| ConfigError::UnknownInstrument { at: at.cloned(), symbol: symbol.clone() };
        // an exchange says its rules before anything is traded
        let later =
            |symbol: &Symbol| (self.exchange.name != Venue::None).then(|| Instrument::untradable(symbol.clone()));
        let rules = |symbol: &Symbol| own(symbol).or_else(|| known_instrument(symbol)).or_else(|| later(symbol));
        symbols.iter().map(|symbol| rules(symbol).ok_or_else(|| unknown(symbol))).collect()
    }

    /// What the engine is told, for the instruments that are traded in the end (see [`Config::instruments_for`]).
    #[must_use]
    pub fn engine_settings(&self, instruments: Vec<Instrument>) -> engine::Settings {
        engine::Settings {
            instruments,
            capital: self.paper.capital,
            strategies: self.strategies.clone(),
            require_warm: self.require_warm,
            risk: self.risk.clone(),
            exits: self.exits.clone(),
            gate: self.gate.clone(),
        }
    }

    /// What the paper account's venue is told, for the same instruments.
    #[must_use]
    pub fn matching_settings(&self, instruments: Vec<Instrument>) -> matching::Settings {
        matching::Settings {
            instruments,
            capital: self.paper.capital,
            taker_fee_pct: self.paper.taker_fee_pct,
            maker_fee_pct: self.paper.maker_fee_pct,
            slippage_pct: self.paper.slippage_pct,
            leverage: self.risk.leverage,
            funding_rate_pct: self.paper.funding_rate_pct,
            max_participation_pct: self.paper.max_participation_pct,
            ..matching::Settings::default()
        }
    }
}
