//! The file of a download while it is not whole: beside its place, with `.part` at the end of its name.
//!
//! ```text
//! # bot download: BTCUSDT 1m from 1754006400000 to 1756684800000 of https://fapi.binance.com
//! open_time_ms,open,high,low,close,volume
//! 1754006400000,115758.2,115776.1,115743.6,115743.7,32.1
//! ```
//!
//! The first line says what it is part of, so that another command does not go on with it. Rows are appended page by page; at the next start the
//! file is cut behind its last whole row and goes on there, so an abort costs a page. When everything is there, the rows go to a file of
//! yet another name, packed if they are to be, and once that is on the disk it gets its place: what has its final name is whole.

use super::rows::{Kind, Page};
use crate::{candles_file::UNFINISHED, market::Timestamp};
use flate2::{Compression, write::GzEncoder};
use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// Longer than any row, and than the first line.
const LONGEST_LINE: u64 = 4096;

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the messages say it
pub enum PartError {
    #[error("{0} is there already; --force replaces it")]
    There(String),
    #[error("{0} is no file but something else, such as a directory")]
    NotAFile(String),
    #[error("{0} is being written by another bot")]
    Held(String),
    #[error("{0} is not a part of this download; delete it, or choose another --out")]
    Other(String),
    #[error("{file}: {source}")]
    Io { file: String, source: io::Error },
}

impl PartError {
    /// Whether the user can mend it with another command.
    pub const fn is_usage(&self) -> bool {
        !matches!(self, Self::Io { .. })
    }
}

/// What is in the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Content {
    /// How many rows.
    pub rows: u64,
    /// The time of the first.
    pub first: Option<Timestamp>,
    /// The time of the last.
    pub last: Option<Timestamp>,
    /// Places where rows are missing.
    pub gaps: u64,
    /// Rows missing in all gaps.
    pub missing: u64,
    /// The time of the row before the first gap.
    pub first_gap: Option<Timestamp>,
}

impl Content {
    /// Adds a row, which must be later than the last one.
    fn add(&mut self, kind: Kind, at: Timestamp) -> bool {
        if let Some(last) = self.last {
            if at <= last {
                return false;
            }
            let missing = kind.spacing_ms().map_or(0, |spacing| at.since_ms(last) / spacing - 1);
            if missing > 0 {
                self.gaps += 1;
                self.missing += missing.unsigned_abs();
                self.first_gap = self.first_gap.or(Some(last));
            }
        }
        self.rows += 1;
        self.first = self.first.or(Some(at));
        self.last = Some(at);
        true
    }
}

/// An unfinished file, held by this process.
#[derive(Debug)]
pub struct Part {
    file: File,
    path: PathBuf,
    target: PathBuf,
    kind: Kind,
    /// Bytes of the first line.
    head: u64,
    content: Content,
}

/// `path` with `.part` behind its name.
pub fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(more);
    name.push(UNFINISHED);
    PathBuf::from(name)
}

/// Whether `target` may be written.
///
/// # Errors
///
/// It is there, and may not be replaced.
pub fn free(target: &Path, force: bool) -> Result<(), PartError> {
    let name = || target.display().to_string();
    match fs::metadata(target) {
        Ok(there) if !there.is_file() => Err(PartError::NotAFile(name())),
        Ok(_) if !force => Err(PartError::There(name())),
        Ok(_) | Err(_) => Ok(()),
    }
}

impl Part {
    /// Begins the file that becomes `target`, or goes on with it. `identity` says in one line what it is part of.
    ///
    /// # Errors
    ///
    /// Something else has the name, another process writes there, or the disk refuses.
    pub fn open(target: &Path, kind: Kind, identity: &str) -> Result<Self, PartError> {
        let path = beside(target, "");
        let failed = |source| PartError::Io { file: path.display().to_string(), source };
        if fs::metadata(&path).is_ok_and(|there| !there.is_file()) {
            return Err(PartError::NotAFile(path.display().to_string()));
        }
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(PartError::Held(path.display().to_string())),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let head = format!("# bot download: {identity}\n{}\n", kind.header());
        let Some((content, end)) = content(&mut file, kind, &head).map_err(failed)? else {
            return Err(PartError::Other(path.display().to_string()));
        };
        let first_line = identity.len() + "# bot download: \n".len();
        let begin = |file: &mut File| {
            file.set_len(end)?;
            file.seek(SeekFrom::Start(end))?;
            if end == 0 { file.write_all(head.as_bytes()) } else { Ok(()) }
        };
        begin(&mut file).map_err(failed)?;
        Ok(Self { file, path, target: target.to_owned(), kind, head: first_line as u64, content })
    }

    /// What is in it so far.
    pub const fn content(&self) -> &Content {
        &self.content
    }

    /// Its name.
    pub fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// What it holds.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The name that it gets.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Appends rows; once this returns, an end of the process does not lose them.
    ///
    /// # Errors
    ///
    /// The disk refuses; or a row is not later than the one before it, which is a mistake of ours or the exchange's.
    pub fn append(&mut self, page: &Page) -> Result<(), PartError> {
        let name = self.name();
        let failed = |source| PartError::Io { file: name.clone(), source };
        for at in &page.times {
            if !self.content.add(self.kind, *at) {
                return Err(failed(io::Error::other("a row is not later than the one before it")));
            }
        }
        self.file.write_all(&page.text).map_err(failed)
    }

    /// Gives it its place. The part is gone then.
    ///
    /// # Errors
    ///
    /// The disk refuses; the part is still there then, and whatever had the place.
    pub fn finish(mut self) -> Result<Content, PartError> {
        let target = self.target.display().to_string();
        let packing = beside(&self.target, ".packing");
        let moved = self.copy(&packing).and_then(|()| fs::rename(&packing, &self.target)).and_then(|()| {
            let folder = self.target.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        });
        if let Err(source) = moved {
            let _ = fs::remove_file(&packing); // best effort: the error that is told is the one that matters
            return Err(PartError::Io { file: target, source });
        }
        let _ = fs::remove_file(&self.path); // what is left over is in nobody's way
        Ok(self.content)
    }

    /// Takes it away.
    pub fn discard(self) {
        let _ = fs::remove_file(&self.path); // what is left over is in nobody's way
    }

    fn copy(&mut self, to: &Path) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.head))?;
        let mut rows = BufReader::with_capacity(64 << 10, &self.file);
        let file = File::create(to)?;
        let file = if self.target.extension().is_some_and(|ending| ending == "gz") {
            let mut packed = BufWriter::new(GzEncoder::new(file, Compression::fast()));
            io::copy(&mut rows, &mut packed)?;
            packed.into_inner()?.finish()?
        } else {
            let mut plain = BufWriter::new(file);
            io::copy(&mut rows, &mut plain)?;
            plain.into_inner()?
        };
        file.sync_all()
    }
}

/// The whole rows of a file that begins with `head`, and the byte behind the last of them; 0 where not even the head is whole.
/// `None`: the file is something else.
fn content(file: &mut File, kind: Kind, head: &str) -> io::Result<Option<(Content, u64)>> {
    let mut text = BufReader::with_capacity(64 << 10, file);
    let mut begins = Vec::with_capacity(head.len());
    (&mut text).take(head.len() as u64).read_to_end(&mut begins)?;
    if begins != head.as_bytes() {
        // a head that was cut is one of ours
        return Ok(head.as_bytes().starts_with(&begins).then(|| (Content::default(), 0)));
    }
    let (mut content, mut end, mut line) = (Content::default(), head.len() as u64, Vec::new());
    loop {
        line.clear();
        let read = (&mut text).take(LONGEST_LINE).read_until(b'\n', &mut line)?;
        let whole = line.strip_suffix(b"\n").and_then(|row| kind.time_of(row));
        if !whole.is_some_and(|at| content.add(kind, at)) {
            return Ok(Some((content, end)));
        }
        end += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{Candle, MINUTE_MS, Timeframe};

    const KIND: Kind = Kind::Candles(Timeframe::M1);

    fn page(minutes: &[i64]) -> Page {
        let mut page = Page::default();
        for minute in minutes {
            let open_time = Timestamp(minute * MINUTE_MS);
            page.candle(&Candle { open_time, open: 2.0, high: 3.0, low: 1.0, close: 2.0, volume: 0.5 });
        }
        page
    }

    #[test]
    fn what_is_missing_is_counted_also_after_another_start() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.csv");
        let mut part = Part::open(&target, KIND, "x").unwrap();
        part.append(&page(&[10, 11, 14])).unwrap();
        drop(part);
        let mut part = Part::open(&target, KIND, "x").unwrap();
        part.append(&page(&[15, 17])).unwrap();
        let minute = |minute| Some(Timestamp(minute * MINUTE_MS));
        let (first, last, first_gap) = (minute(10), minute(17), minute(11));
        let want = Content { rows: 5, first, last, gaps: 2, missing: 3, first_gap };
        assert_eq!(part.finish().unwrap(), want);
        assert_eq!(fs::read_to_string(&target).unwrap().lines().count(), 6);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_row_that_is_not_later_is_refused() {
        for wrong in [&[14][..], &[13], &[15, 15]] {
            let folder = tempfile::tempdir().unwrap();
            let mut part = Part::open(&folder.path().join("a.csv"), KIND, "x").unwrap();
            part.append(&page(&[14])).unwrap();
            let error = part.append(&page(wrong)).unwrap_err();
            assert!(error.to_string().ends_with("a row is not later than the one before it"), "{error}");
        }
    }

    #[test]
    fn two_do_not_write_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.csv");
        let held = Part::open(&target, KIND, "x").unwrap();
        let error = Part::open(&target, KIND, "x").unwrap_err();
        assert!(matches!(error, PartError::Held(_)) && error.is_usage(), "{error}");
        held.discard();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_has_the_place_stays_there_until_the_new_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.csv");
        fs::write(&target, "old").unwrap();
        assert!(matches!(free(&target, false), Err(PartError::There(_))));
        assert!(matches!(free(folder.path(), true), Err(PartError::NotAFile(_))));
        free(&target, true).unwrap();
        let mut part = Part::open(&target, KIND, "x").unwrap();
        part.append(&page(&[1])).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"old");
        // a folder has the name under which it would be packed
        fs::create_dir(beside(&target, ".packing")).unwrap();
        assert!(matches!(part.finish(), Err(PartError::Io { .. })));
        assert_eq!(fs::read(&target).unwrap(), b"old");
        assert!(beside(&target, "").exists());
    }
}
