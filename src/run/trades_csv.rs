//! `trades.csv`: one row a closed quantity, in the order of the exits.

use crate::{
    engine::Trade,
    market::{Side, Symbol},
};
use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

const HEADER: &str = "symbol,strategy,side,entry_time_ms,entry_price,qty,exit_time_ms,exit_price,reason,gross,fees,funding,pnl,r,balance";

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

impl TradesCsv {
    /// Makes `dir`, where it is missing, and in it `trades.csv` with its header.
    pub fn create(dir: &Path) -> Result<Self, OutError> {
        let path = dir.join("trades.csv");
        match std::fs::create_dir_all(dir).and_then(|()| File::create(&path)) {
            Ok(file) => {
                let mut csv = Self { path, file, waiting: format!("{HEADER}\n").into_bytes() };
                csv.flush()?;
                Ok(csv)
            }
            Err(cause) => Err(OutError { path, cause }),
        }
    }

    /// Adds a row to those that wait. Where too many do, it is refused.
    pub fn add(&mut self, row: &str) -> Result<(), OutError> {
        if self.waiting.len() + row.len() > MOST_WAITING {
            return Err(self.failed(io::Error::other("too many rows wait to be written, so one is lost")));
        }
        self.waiting.extend_from_slice(row.as_bytes());
        Ok(())
    }

    /// Writes what waits.
    pub fn flush(&mut self) -> Result<(), OutError> {
        while !self.waiting.is_empty() {
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

/// A closed quantity as a row, with its end of line; exact decimals.
#[must_use]
pub fn row(trade: &Trade, symbol: &Symbol, strategy: &str) -> String {
    let side = if trade.side == Side::Long { "long" } else { "short" };
    let numbers = [trade.gross, trade.fees, trade.funding, trade.pnl(), trade.r, trade.balance];
    let numbers: Vec<_> = numbers.iter().map(|number| number.normalize().to_string()).collect();
    format!(
        "{symbol},{strategy},{side},{},{},{},{},{},{},{}\n",
        trade.entry_time.0,
        trade.entry_price.normalize(),
        trade.qty.normalize(),
        trade.exit_time.0,
        trade.exit_price.normalize(),
        trade.reason.name(),
        numbers.join(","),
    )
}
