//! The data directory of a run: held, opened, and what the run before left in it. Nothing is printed and nothing runs yet.

use super::{clocks::wall_ms, halted, progress};
use crate::{
    config::{Config, Mode, Speed, process_env},
    market::{Misfit, Names, Timestamp},
    stop::Latch,
    store::{
        Account, Answer, Database, Ending, Fault, Halt, Job, Keeper, Limits, Memory, StoreError, TradeRow,
        folder::{DATABASE, DataFolder, FolderError, Kind, folder_of},
        journal::{JournalError, Segments},
        last_run::{Facts, How, Run, RunEnd, why},
    },
};
use log::Level;
use std::{
    io,
    path::{Path, PathBuf},
    time::Instant,
};

/// Why the account's memory can't be had; where another bot holds it that is exit code 75, see [`Self::may_pass`] for the others.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another bot holds it, or it can't be made.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database is damaged.
    #[error(
        "{0}\nThe account in it may hold positions. Put a copy back that `bot backup` made, or begin a new account with \
         --accept-new-store, which sets this one aside and deletes nothing"
    )]
    Damaged(StoreError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The account has traded something else.
    #[error(
        "the account in {} trades {was}, but this run would trade {is}; their prices have nothing to do with each other. \
         Name another --data-dir{}",
        .folder.display(),
        if .is.ends_with(REAL) { "" } else { ", or begin a new account with --fresh" }
    )]
    OtherMarket {
        /// The data directory.
        folder: PathBuf,
        /// The account's market.
        was: String,
        /// The run's market.
        is: String,
    },
    /// Paper money and real money are not one account.
    #[error(
        "the account in {} is {}, and this run would trade {}: neither goes on as the other. Name another --data-dir; the account stays as \
         it is there",
        .folder.display(),
        if *.was_real { "at an exchange, with real money" } else { "a paper account" },
        if *.was_real { "on paper" } else { "real money" }
    )]
    OtherMoney {
        /// The data directory.
        folder: PathBuf,
        /// Whether the account's money is real.
        was_real: bool,
    },
    /// The account holds what this run doesn't know.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// A flag that needs a data directory.
    #[error(
        "{0} is about the account's memory, and a run with --replay or --speed has none unless --data-dir names it"
    )]
    NoFolder(&'static str),
    /// It can't be set aside.
    #[error("{} can't be set aside: {cause}", .folder.display())]
    Aside {
        /// The data directory.
        folder: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
}

impl OpenError {
    /// Whether it may be gone at the next start, without anybody's help: a failure (exit code 1), and no mistake of the user's (2).
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::Store(error) => matches!(error.fault, Fault::Full | Fault::Io | Fault::Fsync | Fault::Busy),
            Self::Journal(_) | Self::Aside { .. } => true,
            Self::Folder(_)
            | Self::Damaged(_)
            | Self::OtherMarket { .. }
            | Self::OtherMoney { .. }
            | Self::Misfit(_)
            | Self::NoFolder(_) => false,
        }
    }
}

/// An opened data directory.
pub struct Opened {
    /// Held as long as this lives.
    pub folder: DataFolder,
    database: Database,
    segments: Segments,
    limits: Limits,
    run: Run,
    /// Where the account goes on; `None` for a new one.
    pub memory: Option<Memory>,
    /// Its trades so far, for `--out`.
    pub rows: Vec<TradeRow>,
    /// What keeps it from opening positions.
    pub halt: Option<Halt>,
    /// What there is to say.
    pub told: Vec<(Level, String)>,
}

/// Lines for the log, worst words first or last as they come.
type Told = Vec<(Level, String)>;
/// Runs that are looked at for restarts.
const RUNS: u32 = 1001;
/// What the name of a market ends with where the money is real.
const REAL: &str = " with real money";

/// Where the memory of this run is to be; `None` for an experiment.
#[must_use]
pub fn folder(config: &Config) -> Option<PathBuf> {
    let is_experiment = !config.replay.is_empty() || config.paper.speed != Speed::Times(1.0);
    let kind = match config.mode {
        Mode::Live => Kind::Live(config.exchange.network),
        Mode::Paper if is_experiment => Kind::Experiment,
        Mode::Paper => Kind::Paper,
    };
    folder_of(config.data_dir.as_deref(), kind, &process_env)
}

/// What an account of real money is bound to, in words.
#[must_use]
pub fn real_market(exchange: &str) -> String {
    format!("{exchange}{REAL}")
}

/// The network of such an account.
#[must_use]
pub fn network_of(market: &str) -> String {
    let exchange = market.strip_suffix(REAL).unwrap_or(market);
    exchange.rsplit_once(", ").map_or_else(String::new, |(_, network)| network.to_owned())
}

/// What an account is bound to, in words.
fn market_of(config: &Config) -> String {
    match (config.exchange.label(), config.replay.is_empty()) {
        (Some(exchange), _) if config.mode == Mode::Live => real_market(&exchange),
        (Some(exchange), _) => exchange,
        (None, true) => format!("made-up prices (seed {})", config.paper.seed),
        (None, false) => "recorded candles".to_owned(),
    }
}

/// The same, or the flag that makes no sense without one.
pub fn place(config: &Config) -> Result<Option<PathBuf>, OpenError> {
    let about_it = [
        ("--fresh", config.fresh),
        ("--accept-new-store", config.accept_new_store),
        ("--clear-emergency", config.clear_emergency),
    ];
    match (folder(config), about_it.into_iter().find(|(_, given)| *given)) {
        (None, Some((flag, _))) => Err(OpenError::NoFolder(flag)),
        (folder, _) => Ok(folder),
    }
}

/// Holds and opens the data directory of a run, if it has one.
pub fn open(config: &Config, names: Names) -> Result<Option<Opened>, OpenError> {
    let Some(path) = place(config)? else { return Ok(None) };
    let mut told = Vec::new();
    let folder = DataFolder::open(&path)?;
    if config.fresh {
        told.extend(set_aside(&folder, "fresh")?);
    }
    let mut database = open_database(config, &folder, &mut told)?;
    bind(config, &folder, &mut database)?;
    let memory = memory(config, folder.path(), &database, names)?;
    let runs = database.runs(RUNS)?;
    let facts = facts(&database, &runs, &mut told)?;
    let wish = (config.clear_emergency, config.store.halt_after_restarts);
    let halt = halted::find(&mut database, &runs, wish, wall_ms(), &mut told)?;
    let rows = match &config.out {
        Some(_) => database.trades(Timestamp(i64::MIN))?,
        None => Vec::new(),
    };
    let mut segments = Segments::open(&folder.journal())?;
    told.extend(cut_tail(&mut segments));
    let limits = Limits { keep_days: config.store.keep_days, bytes: config.store.limit_mb << 20 };
    let run = facts.run(wall_ms());
    Ok(Some(Opened { folder, database, segments, limits, run, memory, rows, halt, told }))
}

/// What a run would find in a data directory. Nothing is taken or changed.
pub fn look(config: &Config, folder: &Path, names: Names) -> Result<Option<Memory>, OpenError> {
    let database = Database::read(&folder.join(DATABASE))?;
    let account = database.account()?;
    belongs(config, folder, account.as_ref())?;
    memory(config, folder, &database, names)
}

/// Where the account goes on; `None` for a new one.
fn memory(config: &Config, folder: &Path, database: &Database, names: Names) -> Result<Option<Memory>, OpenError> {
    let memory = database.memory()?;
    match memory.as_ref().map(|memory| memory.trader.is_live()) {
        Some(was_real) if was_real != (config.mode == Mode::Live) => {
            Err(OpenError::OtherMoney { folder: folder.to_owned(), was_real })
        }
        Some(_) | None => Ok(memory.map(|memory| memory.refit(names)).transpose()?),
    }
}

/// Says how the last run ended.
fn facts(database: &Database, runs: &[(Run, Option<RunEnd>)], told: &mut Told) -> Result<Facts, StoreError> {
    let last = runs.first().map(|(run, end)| (run, end.as_ref()));
    let facts = Facts::gather(last, progress::last_end());
    if let Some((run, end)) = last {
        let peak = database.samples(run.started_ms)?.iter().map(|sample| sample.memory_kb).max();
        let why = why(run, end, peak, &facts);
        told.push((
            if matches!(why.how, How::Clean(_)) { Level::Info } else { Level::Warn },
            format!("Last run: {why}"),
        ));
    }
    Ok(facts)
}

fn cut_tail(segments: &mut Segments) -> Option<(Level, String)> {
    match segments.cut_tail() {
        Ok(cut) => cut.map(|cut| {
            (
                Level::Info,
                format!("Journal: {} bytes of an unfinished block were cut off {}", cut.bytes, cut.path.display()),
            )
        }),
        Err(error) => Some((Level::Warn, format!("Journal: {error}"))),
    }
}

fn set_aside(folder: &DataFolder, why: &str) -> Result<Option<(Level, String)>, OpenError> {
    let aside = folder.set_aside(why, wall_ms());
    let aside = aside.map_err(|cause| OpenError::Aside { folder: folder.path().to_owned(), cause })?;
    Ok(aside.map(|path| (Level::Info, format!("The account before this one is set aside in {}", path.display()))))
}

fn open_database(config: &Config, folder: &DataFolder, told: &mut Told) -> Result<Database, OpenError> {
    let file = folder.database();
    // a memory that can't be read is found here and not in the middle of a run
    let opened = Database::open(&file, None).and_then(|database| database.memory().map(|_| database));
    match opened {
        Err(error) if error.fault == Fault::Corrupt && config.accept_new_store => {
            told.push((Level::Warn, error.to_string()));
            told.extend(set_aside(folder, "damaged")?);
            Ok(Database::open(&file, None)?)
        }
        Err(error) if error.fault == Fault::Corrupt => Err(OpenError::Damaged(error)),
        other => Ok(other?),
    }
}

/// The account and its market belong together; a new account is bound to this run's.
fn bind(config: &Config, folder: &DataFolder, database: &mut Database) -> Result<(), OpenError> {
    let account = database.account()?;
    belongs(config, folder.path(), account.as_ref())?;
    if account.is_none() {
        let (market, capital) = (market_of(config), config.paper.capital);
        database.open_account(&Account { market, capital, opened_ms: wall_ms() })?;
    }
    Ok(())
}

fn belongs(config: &Config, folder: &Path, account: Option<&Account>) -> Result<(), OpenError> {
    let is = market_of(config);
    match account.filter(|account| account.market != is) {
        Some(other) if other.market.ends_with(REAL) != is.ends_with(REAL) => {
            Err(OpenError::OtherMoney { folder: folder.to_owned(), was_real: other.market.ends_with(REAL) })
        }
        Some(other) => Err(OpenError::OtherMarket { folder: folder.to_owned(), was: other.market.clone(), is }),
        None => Ok(()),
    }
}

/// What is left of an opened data directory once its thread has the files.
pub struct Kept {
    keeper: Keeper,
    /// Other bots are kept out until the end.
    _folder: DataFolder,
}

impl Opened {
    /// Hands the files to a thread of their own.
    ///
    /// # Errors
    ///
    /// The system has no thread left.
    pub fn start(self) -> io::Result<Kept> {
        let keeper = Keeper::start(self.database, self.segments, self.limits)?;
        keeper.send(Job::Begin(self.run)).map_err(io::Error::other)?;
        Ok(Kept { keeper, _folder: self.folder })
    }
}

impl Kept {
    /// For the trading loop.
    #[must_use]
    pub fn keeper(&self) -> Keeper {
        self.keeper.clone()
    }

    /// Writes down how the run ended. Waits for the disk until then; the files are left as they are, as after a kill.
    ///
    /// # Errors
    ///
    /// It is not on the disk, and why.
    pub async fn finish(self, ending: Ending, until: Instant) -> Result<(), String> {
        self.keeper.send(Job::End(Box::new(ending))).map_err(|gone| gone.to_string())?;
        loop {
            match Latch::<()>::new().or_at_latest(until, self.keeper.answer()).await {
                Some(Ok(Answer::Ended(outcome))) => return outcome.map_err(|error| error.to_string()),
                Some(Ok(Answer::Begun(_) | Answer::Batch(..) | Answer::Journal(_))) => {}
                Some(Err(gone)) => return Err(gone.to_string()),
                None => return Err("the disk does not answer".to_owned()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Venue;

    fn opened(folder: &Path, mode: Mode) -> Result<Opened, OpenError> {
        let mut config = Config { data_dir: Some(folder.to_owned()), mode, ..Config::default() };
        config.exchange.name = Venue::Binance;
        let names = Names { symbols: config.symbols.clone(), strategies: Vec::new() };
        open(&config, names).map(|opened| opened.expect("a data directory"))
    }

    #[test]
    fn paper_money_never_goes_on_as_real_money_nor_the_reverse() {
        for (first, then, words) in [
            (Mode::Paper, Mode::Live, "is a paper account, and this run would trade real money"),
            (Mode::Live, Mode::Paper, "is at an exchange, with real money, and this run would trade on paper"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            drop(opened(folder.path(), first).unwrap());
            let error = opened(folder.path(), then).err().expect("it is another account");
            let text = error.to_string();
            assert!(text.contains(words) && text.contains("Name another --data-dir"), "{text}");
            assert!(text.contains(&folder.path().display().to_string()), "it says which");
            assert!(!error.may_pass(), "exit code 2");
            assert!(opened(folder.path(), first).is_ok(), "the account stays as it is");
        }
    }
}
