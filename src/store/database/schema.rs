//! Tables, and the way from an older version's to ours.

use super::{backup, error::Cause, error::Fault};
use crate::store::plug;
use rusqlite::{Connection, Transaction};
use std::path::{Path, PathBuf};

/// One step each, in their order: a file of `user_version` n has had the first n. What was released is never changed, only followed.
///
/// Decimals and names are text, times are milliseconds since 1970, `wrote` is a version of the program. Every version must find the `wrote`
/// of `account` and of `runs`, to say which one it is too old for.
pub(super) const MIGRATIONS: &[&str] = &[V1];

const V1: &str = "
CREATE TABLE account (
    id INTEGER PRIMARY KEY CHECK (id = 1), market TEXT NOT NULL, capital TEXT NOT NULL, opened_ms INTEGER NOT NULL, wrote TEXT NOT NULL
) STRICT;
-- JSON as gzip has it, which has a checksum of its own
CREATE TABLE memory (id INTEGER PRIMARY KEY CHECK (id = 1), saved_ms INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE intents (
    id TEXT PRIMARY KEY, symbol TEXT NOT NULL, side TEXT NOT NULL, kind TEXT NOT NULL, \"trigger\" TEXT, qty TEXT NOT NULL,
    reduce_only INTEGER NOT NULL, saved_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE fills (
    symbol TEXT NOT NULL, trade_id INTEGER NOT NULL, intent TEXT NOT NULL, side TEXT NOT NULL, qty TEXT NOT NULL, price TEXT NOT NULL,
    fee TEXT NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (symbol, trade_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE trades (
    number INTEGER PRIMARY KEY, symbol TEXT NOT NULL, strategy TEXT NOT NULL, side TEXT NOT NULL, entry_time_ms INTEGER NOT NULL,
    entry_price TEXT NOT NULL, qty TEXT NOT NULL, exit_time_ms INTEGER NOT NULL, exit_price TEXT NOT NULL, reason TEXT NOT NULL,
    gross TEXT NOT NULL, fees TEXT NOT NULL, funding TEXT NOT NULL, pnl TEXT NOT NULL, r TEXT NOT NULL, balance TEXT NOT NULL
) STRICT;
CREATE TABLE funding (number INTEGER PRIMARY KEY, symbol TEXT NOT NULL, amount TEXT NOT NULL, at_ms INTEGER NOT NULL) STRICT;
-- from ended_ms on: NULL until the run has said how it ended
CREATE TABLE runs (
    number INTEGER PRIMARY KEY, pid INTEGER NOT NULL, boot_id TEXT NOT NULL, started_ms INTEGER NOT NULL, wrote TEXT NOT NULL,
    oom_kills INTEGER, ended_ms INTEGER, exit_code INTEGER, cause TEXT, message TEXT, peak_kb INTEGER
) STRICT;
CREATE TABLE halts (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, reason TEXT NOT NULL, since_ms INTEGER NOT NULL, until_ms INTEGER, cleared_ms INTEGER
) STRICT;
CREATE TABLE samples (
    at_ms INTEGER PRIMARY KEY, market_ms INTEGER NOT NULL, balance TEXT NOT NULL, equity TEXT NOT NULL, open INTEGER NOT NULL,
    trades INTEGER NOT NULL, status TEXT NOT NULL, reasons TEXT NOT NULL, uptime_s INTEGER NOT NULL, memory_kb INTEGER NOT NULL
) STRICT;
CREATE TABLE said (number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL) STRICT;
";

/// How many steps a file has had; refuses one that is a later version's, or another program's.
pub(super) fn version(connection: &Connection, migrations: &[&str]) -> Result<usize, Cause> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let version = usize::try_from(version).unwrap_or(0);
    if version > migrations.len() {
        return Err(newer(connection));
    }
    let is_empty = || connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0));
    if version == 0 && !is_empty()? {
        return Err(Cause::corrupt("it is a database, but not one of this program"));
    }
    Ok(version)
}

fn newer(connection: &Connection) -> Cause {
    let last = "SELECT coalesce((SELECT wrote FROM runs ORDER BY number DESC LIMIT 1), (SELECT wrote FROM account))";
    let wrote: Option<String> = connection.query_row(last, [], |row| row.get(0)).ok().flatten();
    let wrote = wrote.unwrap_or_else(|| "a later version".to_owned());
    let cause = format!("written by {wrote}, which this program ({}) is too old to read", env!("CARGO_PKG_VERSION"));
    Cause::Other(Fault::Newer { wrote }, cause)
}

/// Takes the steps that are missing, all or none; before them, what was there is copied to a file beside it.
pub(super) fn migrate(connection: &mut Connection, file: &Path, migrations: &[&str]) -> Result<(), Cause> {
    let from = version(connection, migrations)?;
    if from == migrations.len() {
        return Ok(());
    }
    if from > 0 {
        backup::copy(connection, &free_name(file, from))?;
    }
    let transaction = Transaction::new(connection, rusqlite::TransactionBehavior::Immediate)?;
    for step in &migrations[from..] {
        transaction.execute_batch(step)?;
    }
    transaction.execute("UPDATE account SET wrote = ?1", [env!("CARGO_PKG_VERSION")])?;
    transaction.pragma_update(None, "user_version", migrations.len() as i64)?;
    plug("before the COMMIT of a migration");
    Ok(transaction.commit()?)
}

/// `smolbear-v1.db` beside the file, or with a number where an earlier copy lies there: nothing is overwritten.
fn free_name(file: &Path, version: usize) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let names = (1..).map(|number| match number {
        1 => format!("{stem}-v{version}.db"),
        _ => format!("{stem}-v{version}-{number}.db"),
    });
    let mut paths = names.map(|name| file.with_file_name(name));
    paths.find(|path| path.symlink_metadata().is_err()).unwrap_or_default()
}
