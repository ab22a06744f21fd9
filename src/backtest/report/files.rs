//! The files that a run leaves besides `trades.csv`.

use super::{Report, csv::equity_csv, html};
use crate::{backtest::Record, candles_file::UNFINISHED};
use std::{fs, io, path::Path};

/// Makes `dir`, where it is missing, and in it `equity.csv`, `report.json` and `report.html`, each whole or not at all.
///
/// # Errors
/// The first file that can't be written, by its name in the folder; those before it are there.
pub fn write(record: &Record, report: &Report, dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let mut json = serde_json::to_vec_pretty(report).map_err(io::Error::other)?;
    json.push(b'\n');
    whole(&dir.join("equity.csv"), equity_csv(&record.equity).as_bytes())?;
    whole(&dir.join("report.json"), &json)?;
    whole(&dir.join("report.html"), html::page(record, report).as_bytes())
}

/// Writes beside the file, and then puts it in its place. It does not wait for the disk: what is computed from a run that is over can be
/// computed again, and the end of a bot's run must not take as long as a slow disk does.
fn whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(UNFINISHED);
    let part = Path::new(&part);
    fs::write(part, content).and_then(|()| fs::rename(part, path)).map_err(|cause| {
        let _ = fs::remove_file(part); // what was begun is worth nothing, and the cause is what matters
        let name = path.file_name().unwrap_or_default().display();
        io::Error::new(cause.kind(), format!("{name}: {cause}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backtest::report::sample;

    #[test]
    fn three_files_are_there_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("made/on/the/way");
        let record = sample::record(&[1000.0, 1010.0, 1005.0]);
        let report = Report::of(&record);
        write(&record, &report, &dir).unwrap();
        write(&record, &report, &dir).unwrap(); // again, over the old ones
        let mut names: Vec<_> =
            fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names, ["equity.csv", "report.html", "report.json"]);
        let json: serde_json::Value = serde_json::from_slice(&fs::read(dir.join("report.json")).unwrap()).unwrap();
        assert_eq!(
            (&json["account"]["capital"], &json["from"]["utc"]),
            (&"1000".into(), &"2025-01-01T00:00:00Z".into())
        );
    }

    #[test]
    fn what_cannot_be_written_is_named_and_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let record = sample::record(&[1000.0, 1010.0]);
        let report = Report::of(&record);
        write(&record, &report, folder.path()).unwrap();
        let path = folder.path().join("report.json");
        let old = fs::read(&path).unwrap();
        std::os::unix::fs::symlink("/dev/full", folder.path().join("report.json.part")).unwrap();
        let error = write(&record, &report, folder.path()).unwrap_err().to_string();
        assert_eq!(error, "report.json: No space left on device (os error 28)");
        assert_eq!(fs::read(&path).unwrap(), old);
        assert!(!folder.path().join("report.json.part").exists());
    }
}
