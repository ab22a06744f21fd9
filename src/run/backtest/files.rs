//! The files of `--out`. Each gets its name only once all of it is on the disk, so none is ever half there.

use crate::{
    backtest::{Record, Report, report},
    candles_file::UNFINISHED,
    engine::{Settings, Trade},
    run::trades_csv::{self, OutError},
    store::TradeRow,
};
use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

/// The folder of a backtest under way. Trades go to the disk as they come, under another name.
pub struct Files {
    dir: PathBuf,
    trades: PathBuf,
    part: PathBuf,
    rows: BufWriter<File>,
    /// The first row that could not be written.
    failed: io::Result<()>,
}

impl Files {
    /// Makes the folder, where it is missing.
    ///
    /// # Errors
    /// It takes no file.
    pub fn open(dir: &Path) -> Result<Self, OutError> {
        let trades = dir.join("trades.csv");
        let mut part = OsString::from(&trades);
        part.push(UNFINISHED);
        let part = PathBuf::from(part);
        let begin = || {
            fs::create_dir_all(dir)?;
            let mut rows = BufWriter::new(File::create(&part)?);
            rows.write_all(trades_csv::text(std::iter::empty()).as_bytes())?;
            Ok(rows)
        };
        let rows = begin().map_err(|cause| OutError::new(&trades, cause))?;
        Ok(Self { dir: dir.to_owned(), trades, part, rows, failed: Ok(()) })
    }

    /// A closed quantity, as a run's `trades.csv` has it.
    pub fn add(&mut self, trade: &Trade, settings: &Settings) {
        if self.failed.is_ok() {
            self.failed = writeln!(self.rows, "{}", TradeRow::of(trade, settings));
        }
    }

    /// Everything that a backtest leaves gets its name.
    ///
    /// # Errors
    /// The first file that cannot be written.
    pub fn finish(mut self, record: &Record, report: &Report) -> Result<(), OutError> {
        let written = std::mem::replace(&mut self.failed, Ok(())).and_then(|()| {
            self.rows.flush()?;
            self.rows.get_ref().sync_all()?;
            fs::rename(&self.part, &self.trades)
        });
        written.map_err(|cause| OutError::new(&self.trades, cause))?;
        report::write(record, report, &self.dir).map_err(|cause| OutError::new(&self.dir, cause))
    }
}

/// What did not become a file is in nobody's way.
impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.part); // it has another name, or is worth nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{engine::Reason, run::rig};
    use std::os::unix::fs::symlink;

    #[test]
    fn what_did_not_come_to_its_end_leaves_the_old_file_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (trades, part) = (folder.path().join("trades.csv"), folder.path().join("trades.csv.part"));
        fs::write(&trades, "old").unwrap();
        let mut files = Files::open(folder.path()).unwrap();
        files.add(&rig::trade(Reason::Stop), &rig::settings());
        assert!(part.exists());
        drop(files);
        assert_eq!((fs::read(&trades).unwrap(), part.exists()), (b"old".to_vec(), false));
    }

    #[test]
    fn a_folder_is_made_and_what_takes_no_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("made/on/the/way");
        drop(Files::open(&deep).unwrap());
        assert_eq!(fs::read_dir(&deep).unwrap().count(), 0);
        fs::write(folder.path().join("taken"), "").unwrap();
        let error = Files::open(&folder.path().join("taken/deep")).err().unwrap().to_string();
        assert!(error.contains("taken/deep/trades.csv: Not a directory"), "{error}");
    }

    #[test]
    fn a_full_disk_is_noticed_however_few_the_rows_are() {
        let folder = tempfile::tempdir().unwrap();
        symlink("/dev/full", folder.path().join("trades.csv.part")).unwrap();
        let mut files = Files::open(folder.path()).unwrap();
        files.add(&rig::trade(Reason::Stop), &rig::settings());
        assert!(files.failed.is_ok() && files.rows.flush().is_err());
        let trade = rig::trade(Reason::Stop);
        (0..200).for_each(|_| files.add(&trade, &rig::settings()));
        assert!(files.failed.is_err(), "more than the buffer holds");
    }
}
