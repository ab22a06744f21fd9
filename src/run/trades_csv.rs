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

/// The file, with one write a row, so that what has happened is in it however the run ends.
#[derive(Debug)]
pub struct TradesCsv {
    path: PathBuf,
    file: File,
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
        let made = std::fs::create_dir_all(dir).and_then(|()| File::create(&path)).and_then(|mut file| {
            writeln!(file, "{HEADER}")?;
            Ok(file)
        });
        match made {
            Ok(file) => Ok(Self { path, file }),
            Err(cause) => Err(OutError { path, cause }),
        }
    }

    /// Adds a row.
    pub fn add(&mut self, trade: &Trade, symbol: &Symbol, strategy: &str) -> Result<(), OutError> {
        let row = row(trade, symbol, strategy);
        self.file.write_all(row.as_bytes()).map_err(|cause| OutError { path: self.path.clone(), cause })
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
