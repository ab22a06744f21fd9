//! The data directory of a run: held, opened, and what the run before left in it. Nothing is printed and nothing runs yet.

use super::{clocks::wall_ms, text::counted};
use crate::{
    config::{Config, Speed, process_env},
    market::Timestamp,
    store::{
        Account, DataFolder, Database, Facts, Fault, FolderError, Halt, HaltKind, JournalError, Keeper, Limits, Memory,
        Misfit, Names, Run, Segments, StoreError, folder_of, halted_by_restarts, why,
    },
};
use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Why the account's memory can't be had; the first is exit code 75, all others are 2.
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
        "the account in {} trades {was}, but this run would trade {is}: their prices have nothing to do with each other. \
         Name another --data-dir, or begin a new account with --fresh", .folder.display()
    )]
    OtherMarket {
        /// The data directory.
        folder: PathBuf,
        /// The account's market.
        was: String,
        /// The run's market.
        is: String,
    },
    /// The account holds what this run doesn't know.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// A flag that needs a data directory.
    #[error("{0} is about the account's memory, and a run with --replay or --speed has none unless --data-dir names it")]
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

/// An opened data directory.
pub struct Opened {
    /// Held as long as the process lives.
    folder: DataFolder,
    database: Database,
    segments: Segments,
    limits: Limits,
    run: Run,
    /// Where the account goes on; `None` for a new one.
    pub memory: Option<Memory>,
    /// Its trades so far, as rows of `trades.csv`.
    pub rows: Vec<String>,
    /// What keeps it from opening positions.
    pub halt: Option<Halt>,
    /// What there is to say: how serious, and a line.
    pub told: Vec<(log::Level, String)>,
}

/// Where the memory of this run is to be; `None` for an experiment.
#[must_use]
pub fn folder(config: &Config) -> Option<PathBuf> {
    let is_experiment = !config.replay.is_empty() || config.paper.speed != Speed::Times(1.0);
    folder_of(config.data_dir.as_deref(), is_experiment, &process_env)
}

/// What an account is bound to, in words.
fn market_of(config: &Config) -> String {
    match config.replay.is_empty() {
        true => format!("made-up prices (seed {})", config.paper.seed),
        false => "recorded candles".to_owned(),
    }
}

/// Holds and opens the data directory of a run, if it has one.
pub fn open(config: &Config, names: &Names) -> Result<Option<Opened>, OpenError> {
    let Some(path) = folder(config) else {
        let asked = [("--fresh", config.fresh), ("--accept-new-store", config.accept_new_store)];
        return asked.into_iter().find(|(_, on)| *on).map_or(Ok(None), |(flag, _)| Err(OpenError::NoFolder(flag)));
    };
    let mut told = Vec::new();
    let folder = DataFolder::open(&path)?;
    if config.fresh {
        told.extend(set_aside(&folder, "fresh")?);
    }
    let database = open_database(config, &folder, &mut told)?;
    bind(config, &folder, &database)?;
    let memory = database.memory()?.map(|memory| memory.refit(&names.symbols, &names.strategies)).transpose()?;
    if let Some(memory) = &memory {
        told.extend(resumed(config, memory));
    }
    let facts = Facts::gather();
    let runs = database.runs(RUNS)?;
    if let Some((run, end)) = runs.first() {
        let memory_kb = database.samples(run.started_ms)?.last().map(|sample| sample.memory_kb);
        let last = why(run, end.as_ref(), memory_kb, &facts);
        let level = if last.is_clean() { log::Level::Info } else { log::Level::Warn };
        told.push((level, format!("Last run: {last}")));
    }
    let halt = halt(config, &database, &runs, &mut told)?;
    let rows = match &config.out {
        Some(_) => database.trades(Timestamp(i64::MIN))?.iter().map(ToString::to_string).collect(),
        None => Vec::new(),
    };
    let segments = Segments::open(&path.join("journal"))?;
    let limits = Limits { keep_days: config.store.keep_days, bytes: config.store.limit_mb << 20 };
    let run = Run::now(&facts);
    Ok(Some(Opened { folder, database, segments, limits, run, memory, rows, halt, told }))
}

/// Runs that are looked at for restarts.
const RUNS: usize = 1001;

fn set_aside(folder: &DataFolder, why: &str) -> Result<Option<(log::Level, String)>, OpenError> {
    let aside = folder.set_aside(why).map_err(|cause| OpenError::Aside { folder: folder.path().to_owned(), cause })?;
    Ok(aside.map(|path| (log::Level::Info, format!("The account before is set aside in {}", path.display()))))
}

fn open_database(
    config: &Config,
    folder: &DataFolder,
    told: &mut Vec<(log::Level, String)>,
) -> Result<Database, OpenError> {
    let file = folder.database();
    match Database::open(&file, None) {
        Err(error) if error.fault == Fault::Corrupt && config.accept_new_store => {
            told.push((log::Level::Warn, error.to_string()));
            told.extend(set_aside(folder, "damaged")?);
            Ok(Database::open(&file, None)?)
        }
        Err(error) if error.fault == Fault::Corrupt => Err(OpenError::Damaged(error)),
        other => Ok(other?),
    }
}

/// The account and its market belong together.
fn bind(config: &Config, folder: &DataFolder, database: &Database) -> Result<(), OpenError> {
    let is = market_of(config);
    match database.account()? {
        Some(account) if account.market == is => Ok(()),
        Some(account) => {
            Err(OpenError::OtherMarket { folder: folder.path().to_owned(), was: account.market, is })
        }
        None => Ok(database.open_account(&Account { market: is, capital: config.paper.capital, opened_ms: wall_ms() })?),
    }
}
