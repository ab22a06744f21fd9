//! From flags to all that a played exchange needs, or to the reason why there is none.

use super::{
    accounts::{self, AccountError},
    played::Played,
    reel::{Reel, ReelError},
};
use crate::{
    candles_file::FileError,
    candles_file::{Feed, FileSpec},
    cli::{self, Cli},
    config::{Config, ConfigError, Speed, process_env},
    market::{Instrument, Symbol, Timestamp},
    moment,
    run::{
        clocks::Reading,
        prepare::{PrepareError, symbols_of},
        source::Source,
    },
    simulation::{
        binance::Opening,
        prices::{EPOCH, Market},
    },
};
use std::{path::Path, time::Instant};

/// Why there is no exchange; all of it is the user's to mend.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The flags that a run has too, or `bot.toml`.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The files, and which symbols are in them.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The same.
    #[error(transparent)]
    File(#[from] FileError),
    /// When it opens.
    #[error(transparent)]
    Reel(#[from] ReelError),
    /// `--listen`.
    #[error("--listen {0}: an exchange without passwords is for this machine only, as in 127.0.0.1:8787 or [::1]:8787")]
    NotOurs(std::net::SocketAddr),
    /// `--speed`.
    #[error("--speed max: bots measure time by an exchange, so it needs a number, as in 60: a minute a second")]
    NoSpeed,
    /// `--start`.
    #[error("--start: `{0}` is no time; write 2025-01-31 or 2025-01-31T12:30 (UTC)")]
    NoTime(String),
    /// `--faults`.
    #[error("--faults: {0}")]
    Faults(String),
    /// `--key`, `--secret`.
    #[error(transparent)]
    Account(#[from] AccountError),
}

/// All that a played exchange needs.
pub struct Opened<P> {
    /// What answers.
    pub venue: P,
    /// Its minutes to come.
    pub reel: Reel,
    /// How much faster than real time it goes.
    pub speed: f64,
    /// Where prices come from, in words.
    pub market: String,
    /// `--faults`.
    pub faults: Option<String>,
    /// A line for each account.
    pub accounts: Vec<String>,
}

/// What a venue is made of.
pub struct Making<'a> {
    /// The rules of its symbols.
    pub instruments: Vec<Instrument>,
    /// Names its faults, as `--seed` names the market.
    pub seed: u64,
    /// `--faults`.
    pub faults: Option<&'a str>,
    /// Who may trade.
    pub accounts: Vec<Opening>,
}

/// Opens an exchange, with a venue that is made by `make`.
pub fn open<P: Played>(
    wish: &cli::Exchange,
    make: impl FnOnce(Making<'_>) -> Result<P, String>,
) -> Result<Opened<P>, OpenError> {
    if !wish.listen.ip().is_loopback() {
        return Err(OpenError::NotOurs(wish.listen));
    }
    let config = Config::load(&as_of_a_run(wish), &process_env, Path::new(""))?;
    let speed = match (&wish.speed, config.paper.speed) {
        (None, _) => 1.0,
        (Some(_), Speed::Times(times)) => times,
        (Some(_), Speed::Max) => return Err(OpenError::NoSpeed),
    };
    let no_time = |text: &String| OpenError::NoTime(text.clone());
    let start = wish.start.as_ref().map(|text| moment::parse(text).ok_or_else(|| no_time(text))).transpose()?;
    let (symbols, source, market) = source(&config)?;
    let start = start.or(wish.replay.is_empty().then_some(EPOCH));
    let accounts = accounts::accounts(wish, config.paper.capital)?;
    let lines = accounts::lines(wish, &accounts);
    let making = Making {
        instruments: config.instruments_for(&symbols)?,
        seed: config.paper.seed,
        faults: wish.faults.as_deref(),
        accounts,
    };
    let mut venue = make(making).map_err(OpenError::Faults)?;
    let mut outputs = Vec::new();
    let clock = wish.now.then(|| (Timestamp(Reading::now().wall_ms), Instant::now()));
    let reel = Reel::open(source, start, clock, &mut |candle| {
        venue.handle(candle.closes_at(), crate::simulation::binance::Input::Candle(&candle), &mut outputs);
    })?;
    Ok(Opened { venue, reel, speed, market, faults: wish.faults.clone(), accounts: lines })
}

/// The flags that mean the same for a run, so that they are checked alike, and so that the symbols are those of the bot in this folder.
fn as_of_a_run(wish: &cli::Exchange) -> Cli {
    Cli {
        paper: true,
        replay: wish.replay.clone(),
        looped: wish.looped,
        speed: wish.speed.clone(),
        seed: wish.seed.clone(),
        symbols: wish.symbols.clone(),
        capital: wish.capital.clone(),
        ..Cli::default()
    }
}

/// The symbols, the source of their candles, and a line that names it.
fn source(config: &Config) -> Result<(Vec<Symbol>, Source, String), OpenError> {
    if config.replay.is_empty() {
        let market = Market::new(config.paper.seed, &config.symbols);
        let line = format!("made-up prices (seed {})", config.paper.seed);
        return Ok((config.symbols.clone(), Source::Made(Box::new(market)), line));
    }
    let specs = config.replay.iter().map(|argument| FileSpec::parse(argument)).collect::<Result<Vec<_>, _>>()?;
    let symbols = symbols_of(config, &specs)?;
    let feed = Feed::open(&specs, &symbols)?;
    let feed = if config.looped { feed.looped() } else { feed };
    Ok((symbols, Source::Files(Box::new(feed)), config.replay.join(", ")))
}
