//! Runs with their ends, and what keeps the next one from trading.

use super::{Database, commit::put, error::Cause, error::StoreError};
use crate::store::{
    Batch,
    last_run::{Run, RunEnd},
};
use rusqlite::{Row, Transaction, params};

/// Something that keeps the bot from opening positions, also after a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Halt {
    /// What brought it about.
    pub kind: HaltKind,
    /// In the log's words.
    pub reason: String,
    /// Wall clock, milliseconds since 1970.
    pub since_ms: i64,
    /// Until when it lasts by itself; `None` until the user says so.
    pub until_ms: Option<i64>,
}

impl Halt {
    /// How long it lasts by itself, in milliseconds, 0 where it is over; `None` until the user says so. A wall clock that was set back since
    /// makes it no longer.
    #[must_use]
    pub fn left_ms(&self, now_ms: i64) -> Option<i64> {
        self.until_ms.map(|until| until.saturating_sub(now_ms.max(self.since_ms)).max(0))
    }
}

/// What brought a halt about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HaltKind {
    /// An emergency stop.
    Emergency,
    /// Too many restarts.
    Restarts,
}

impl HaltKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Emergency => "emergency",
            Self::Restarts => "restarts",
        }
    }
}

impl Database {
    /// A run has begun; returns its number, by which it ends.
    pub fn begin_run(&mut self, run: &Run) -> Result<i64, StoreError> {
        self.write(|transaction| {
            let Run { pid, boot_id, started_ms, wrote, oom_kills } = run;
            let insert = "INSERT INTO runs (pid, boot_id, started_ms, wrote, oom_kills) VALUES (?1, ?2, ?3, ?4, ?5)";
            let values = params![pid, boot_id, started_ms, wrote, oom_kills.map(u64::cast_signed)];
            transaction.execute(insert, values)?;
            Ok(transaction.last_insert_rowid())
        })
    }

    /// A run has ended, with this last batch: one transaction, since a stop waits for it.
    pub fn end_run(&mut self, number: i64, end: &RunEnd, last: Option<&Batch>) -> Result<(), StoreError> {
        self.write(|transaction| {
            last.iter().try_for_each(|batch| put(transaction, batch))?;
            let RunEnd { ended_ms, exit_code, cause, message, peak_kb } = end;
            let update = "UPDATE runs SET ended_ms = ?2, exit_code = ?3, cause = ?4, message = ?5, peak_kb = ?6 WHERE number = ?1";
            let values = params![number, ended_ms, exit_code, cause, message, peak_kb.cast_signed()];
            match transaction.execute(update, values)? {
                1 => Ok(()),
                _ => Err(Cause::broken(format!("there is no run {number} to end"))),
            }
        })
    }

    /// The last runs, newest first; without an end where a run could not say how it ended, or goes on.
    pub fn runs(&self, limit: u32) -> Result<Vec<(Run, Option<RunEnd>)>, StoreError> {
        let select = "SELECT pid, boot_id, started_ms, wrote, oom_kills, ended_ms, exit_code, cause, message, peak_kb
            FROM runs ORDER BY number DESC LIMIT ?1";
        self.rows(select, [limit], |row| Ok((run(row)?, run_end(row)?)))
    }

    /// Halts trading, until it is cleared.
    pub fn halt(&mut self, halt: &Halt) -> Result<(), StoreError> {
        self.write(|transaction| put_halt(transaction, halt))
    }

    /// Halts that nobody has cleared, oldest first; also those whose time is over.
    pub fn halts(&self) -> Result<Vec<Halt>, StoreError> {
        let select = "SELECT kind, reason, since_ms, until_ms FROM halts WHERE cleared_ms IS NULL ORDER BY number";
        self.rows(select, [], |row| {
            Ok(Halt { kind: halt_kind(row)?, reason: row.get(1)?, since_ms: row.get(2)?, until_ms: row.get(3)? })
        })
    }

    /// When halts were last cleared: wall clock, milliseconds since 1970.
    pub fn halts_cleared_ms(&self) -> Result<Option<i64>, StoreError> {
        let select = "SELECT max(cleared_ms) FROM halts";
        self.looking(|connection| Ok(connection.query_row(select, [], |row| row.get(0))?))
    }

    /// Clears every halt, at this moment of the wall clock.
    pub fn clear_halts(&mut self, at_ms: i64) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute("UPDATE halts SET cleared_ms = ?1 WHERE cleared_ms IS NULL", [at_ms])?;
            Ok(())
        })
    }
}

/// A halt, as a part of a transaction.
pub(super) fn put_halt(transaction: &Transaction<'_>, halt: &Halt) -> Result<(), Cause> {
    let Halt { kind, reason, since_ms, until_ms } = halt;
    let insert = "INSERT INTO halts (kind, reason, since_ms, until_ms) VALUES (?1, ?2, ?3, ?4)";
    transaction.execute(insert, params![kind.name(), reason, since_ms, until_ms])?;
    Ok(())
}

fn run(row: &Row<'_>) -> Result<Run, Cause> {
    Ok(Run {
        pid: row.get(0)?,
        boot_id: row.get(1)?,
        started_ms: row.get(2)?,
        wrote: row.get(3)?,
        oom_kills: row.get::<_, Option<i64>>(4)?.map(i64::cast_unsigned),
    })
}

fn run_end(row: &Row<'_>) -> Result<Option<RunEnd>, Cause> {
    let Some(ended_ms) = row.get(5)? else { return Ok(None) };
    Ok(Some(RunEnd {
        ended_ms,
        exit_code: row.get(6)?,
        cause: row.get(7)?,
        message: row.get(8)?,
        peak_kb: row.get::<_, i64>(9)?.cast_unsigned(),
    }))
}

fn halt_kind(row: &Row<'_>) -> Result<HaltKind, Cause> {
    let text: String = row.get(0)?;
    let kinds = [HaltKind::Emergency, HaltKind::Restarts];
    let kind = kinds.into_iter().find(|kind| kind.name() == text);
    kind.ok_or_else(|| Cause::corrupt(format!("`{text}` is no kind of halt")))
}
