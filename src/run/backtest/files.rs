//! The files of `--out`. Each gets its name only once all of it is on the disk, so none is ever half there.

use crate::{backtest::Record, candles_file::UNFINISHED, run::trades_csv, store::TradeRow};
use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

const TRADES: &str = "trades.csv";

/// A file that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {cause}", path.display())]
pub struct OutError {
    path: PathBuf,
    cause: io::Error,
}

/// Makes the folder where it is missing, and sees that it takes a file, so that a long run is not for nothing.
///
/// # Errors
/// It takes none.
pub fn open(dir: &Path) -> Result<(), OutError> {
    let part = unfinished(&dir.join(TRADES));
    let made = fs::create_dir_all(dir).and_then(|()| File::create(&part)).and_then(|_| fs::remove_file(&part));
    made.map_err(|cause| OutError { path: part, cause })
}

/// Everything that a backtest leaves.
///
/// # Errors
/// The first file that cannot be written.
pub fn write_all(record: &Record, dir: &Path) -> Result<(), OutError> {
    put(&dir.join(TRADES), |out| out.write_all(trades(record).as_bytes()))
}

/// As a run's `trades.csv`, byte for byte.
fn trades(record: &Record) -> String {
    let row = |trade: &crate::engine::Trade| {
        let (symbol, strategy) =
            (&record.symbols[trade.symbol.index()], &record.strategies[usize::from(trade.strategy)]);
        TradeRow::new(trade, symbol, strategy)
    };
    trades_csv::text(record.trades.iter().map(row))
}

/// Writes a file under another name beside `path`, and gives it its own once it is whole.
fn put(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), OutError> {
    let part = unfinished(path);
    let write = || {
        let mut file = File::create(&part)?;
        fill(&mut file)?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    write().map_err(|cause| {
        let _ = fs::remove_file(&part); // best effort: the error that is told is the one that matters
        OutError { path: path.to_owned(), cause }
    })
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(UNFINISHED);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_name_only_once_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        fs::write(&path, "old").unwrap();
        let failed = put(&path, |out| out.write_all(b"ne").and(Err(io::ErrorKind::StorageFull.into())));
        assert!(failed.unwrap_err().to_string().starts_with(&format!("{}: ", path.display())));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        put(&path, |out| out.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_is_made_and_what_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("made/on/the/way");
        open(&deep).unwrap();
        assert_eq!(fs::read_dir(&deep).unwrap().count(), 0);
        fs::write(folder.path().join("taken"), "").unwrap();
        let error = open(&folder.path().join("taken/deep")).unwrap_err().to_string();
        assert!(error.contains("taken/deep/trades.csv.part: Not a directory"), "{error}");
    }
}
