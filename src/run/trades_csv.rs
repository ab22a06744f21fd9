//! `trades.csv`: one row a closed quantity, in the order of the exits.

use crate::store::{TradeRow, plug};
use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Rows that wait for a file that can't be written: at most so many bytes.
const MOST_WAITING: usize = 1 << 20;

/// The file. A row is written at once, so that what has happened is in it however the run ends; one that can't be waits.
#[derive(Debug)]
pub struct TradesCsv {
    path: PathBuf,
    file: File,
    /// What is still to be written; may begin in the middle of a row.
    waiting: Vec<u8>,
}

/// The file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {cause}", path.display())]
pub struct OutError {
    path: PathBuf,
    cause: io::Error,
}

/// The header and these rows.
#[must_use]
pub fn text(rows: impl Iterator<Item = TradeRow>) -> String {
    std::iter::once(format!("{}\n", TradeRow::COLUMNS)).chain(rows.map(|row| format!("{row}\n"))).collect()
}

impl OutError {
    /// Of what can't be written there.
    #[must_use]
    pub fn new(path: &Path, cause: io::Error) -> Self {
        Self { path: path.to_owned(), cause }
    }
}

impl TradesCsv {
    /// Makes `dir`, where it is missing, and in it `trades.csv` with its header and what the account has traded before.
    pub fn create(dir: &Path, before: &[TradeRow]) -> Result<Self, OutError> {
        let path = dir.join("trades.csv");
        match std::fs::create_dir_all(dir).and_then(|()| File::create(&path)) {
            Ok(file) => {
                let mut csv = Self { path, file, waiting: text(before.iter().cloned()).into_bytes() };
                csv.flush()?;
                Ok(csv)
            }
            Err(cause) => Err(OutError { path, cause }),
        }
    }

    /// Adds a row to those that wait. Where too many do, it is refused.
    pub fn add(&mut self, row: &TradeRow) -> Result<(), OutError> {
        let row = format!("{row}\n");
        if self.waiting.len() + row.len() > MOST_WAITING {
            return Err(self.failed(io::Error::other("too many rows wait to be written, so one is lost")));
        }
        self.waiting.extend_from_slice(row.as_bytes());
        Ok(())
    }

    /// Writes what waits.
    pub fn flush(&mut self) -> Result<(), OutError> {
        while !self.waiting.is_empty() {
            plug("before trades.csv is written");
            match self.file.write(&self.waiting) {
                Ok(0) => return Err(self.failed(io::ErrorKind::WriteZero.into())),
                Ok(written) => drop(self.waiting.drain(..written)),
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(self.failed(cause)),
            }
        }
        Ok(())
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn failed(&self, cause: io::Error) -> OutError {
        OutError { path: self.path.clone(), cause }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{engine::Reason, run::rig};
    use std::{fs, os::unix::fs::symlink};

    fn row() -> TradeRow {
        TradeRow::new(&rig::trade(Reason::Stop), &rig::btc(), "oversold_bounce")
    }

    #[test]
    fn a_row_is_in_the_file_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("made/on/the/way");
        let mut csv = TradesCsv::create(&out, &[]).unwrap();
        let read = || fs::read_to_string(out.join("trades.csv")).unwrap();
        let header = format!("{}\n", TradeRow::COLUMNS);
        assert_eq!(read(), header);
        csv.add(&row()).unwrap();
        csv.flush().unwrap();
        assert_eq!(read(), format!("{header}{}\n", row()));
        TradesCsv::create(&out, &[row()]).unwrap();
        assert_eq!(read(), format!("{header}{}\n", row()), "an account's file is its own");
    }

    #[test]
    fn a_disk_that_is_full_is_named_and_what_waits_has_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trades.csv");
        symlink("/dev/full", &path).unwrap();
        let error = TradesCsv::create(folder.path(), &[]).unwrap_err().to_string();
        assert_eq!(error, format!("{}: No space left on device (os error 28)", path.display()));
        let file = File::options().write(true).open("/dev/full").unwrap();
        let mut csv = TradesCsv { path, file, waiting: Vec::new() };
        let row = TradeRow { strategy: "x".repeat(1_000), ..row() };
        let taken = (0..2_000).take_while(|_| csv.add(&row).is_ok()).count();
        let length = format!("{row}\n").len();
        assert_eq!(taken, MOST_WAITING / length);
        assert!(csv.flush().is_err() && csv.waiting.len() == taken * length, "nothing is lost by a failed write");
    }
}
