//! The rows of one file, each with its line, each judged.

use super::error::{FileError, RowFault, length, utc};
use super::name::FileSpec;
use super::{bytes, row};
use crate::market::{Candle, Timeframe, Timestamp};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek},
};

/// Longer than any row: twelve columns of twenty digits are 250 bytes.
const LONGEST_LINE: usize = 4_096;

/// Text read at once; there is one buffer a symbol and timeframe, so it is small.
const TEXT_BYTES: usize = 16 * 1024;

/// So many equal distances between the first rows are no chance.
const SPACINGS: usize = 8;

/// The rows of a file in their order.
pub(super) struct Rows {
    file: String,
    timeframe: Timeframe,
    text: BufReader<Box<dyn Read>>,
    /// The file that the text comes from.
    packed: File,
    line: Vec<u8>,
    number: u64,
    previous: Option<Timestamp>,
}

impl Rows {
    pub fn open(spec: &FileSpec) -> Result<Self, FileError> {
        let (text, packed) = bytes::open(&spec.path)?;
        Ok(Self {
            file: spec.path.display().to_string(),
            timeframe: spec.timeframe,
            text: BufReader::with_capacity(TEXT_BYTES, text),
            packed,
            line: Vec::with_capacity(256),
            number: 0,
            previous: None,
        })
    }

    /// The file's name.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// How many bytes of the file were read, as it lies on the disk; for those who wait.
    pub fn bytes(&self) -> u64 {
        (&self.packed).stream_position().unwrap_or_default()
    }

    /// The line of the row that came last, from 1.
    pub fn line(&self) -> u64 {
        self.number
    }

    /// The next row. It opens with the row before it (doubled) or later, and has passed [`Candle::check`].
    pub fn next(&mut self) -> Result<Option<Candle>, FileError> {
        if !self.read_line()? {
            return Ok(None);
        }
        let candle = row::parse(self.line.trim_ascii()).map_err(|fault| self.fault(fault))?;
        let open = candle.open_time;
        if open.0 % self.timeframe.ms() != 0 {
            return Err(self.misaligned(open));
        }
        if let Some(previous) = self.previous.filter(|&previous| open < previous) {
            return Err(self.fault(RowFault::OutOfOrder { open: utc(open), previous: utc(previous) }));
        }
        candle.check().map_err(|fault| self.fault(fault.into()))?;
        self.previous = Some(open);
        Ok(Some(candle))
    }

    /// The opening time of a file's first row, after a look at the first few: a file given as finer than it is would pass
    /// as one with a gap before every row.
    pub fn head(spec: &FileSpec) -> Result<Timestamp, FileError> {
        let mut rows = Self::open(spec)?;
        let first = rows.next()?.ok_or_else(|| FileError::Empty { file: rows.file.clone() })?.open_time;
        let mut spacings = Vec::with_capacity(SPACINGS);
        let mut last = first;
        while spacings.len() < SPACINGS
            && let Some(candle) = rows.next()?
        {
            spacings.push(candle.open_time.since_ms(last));
            last = candle.open_time;
        }
        let same = spacings.len() == SPACINGS && spacings.iter().all(|&spacing| spacing == spacings[0]);
        if same && spacings[0] > spec.timeframe.ms() {
            let (file, spacing) = (rows.file, length(spacings[0]));
            return Err(FileError::Spacing { file, spacing, timeframe: spec.timeframe });
        }
        Ok(first)
    }

    /// Reads on to the next line with a row; false at the end.
    fn read_line(&mut self) -> Result<bool, FileError> {
        loop {
            self.line.clear();
            let limit = LONGEST_LINE as u64 + 1;
            let read = (&mut self.text).take(limit).read_until(b'\n', &mut self.line);
            self.number += 1;
            if read.map_err(|source| self.unreadable(source))? == 0 {
                return Ok(false);
            }
            if self.line.len() > LONGEST_LINE {
                return Err(self.fault(RowFault::TooLong(LONGEST_LINE)));
            }
            if !self.line.trim_ascii().is_empty() && !self.pass_header()? {
                return Ok(true);
            }
        }
    }

    /// Whether the line is a header, which must agree with how rows are read; files put together have one in the middle too.
    fn pass_header(&mut self) -> Result<bool, FileError> {
        if self.number == 1 && self.line.starts_with("\u{feff}".as_bytes()) {
            self.line.drain(.."\u{feff}".len());
        }
        let line = self.line.trim_ascii();
        if !row::is_header(line) {
            return Ok(false);
        }
        row::check_header(line).map_err(|fault| self.fault(fault))?;
        Ok(true)
    }

    fn fault(&self, fault: RowFault) -> FileError {
        FileError::Row { file: self.file.clone(), line: self.number, fault }
    }

    fn unreadable(&self, source: io::Error) -> FileError {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        let (file, line) = (self.file.clone(), self.number);
        match source.kind() {
            InvalidData | InvalidInput | UnexpectedEof => FileError::Damaged { file, line, source },
            _ => FileError::Read { file, line, source },
        }
    }

    /// The error, with a guess at the cause from the distance to the row before or else after it.
    fn misaligned(&mut self, open: Timestamp) -> FileError {
        let line = self.number;
        let neighbour = self.previous.or_else(|| {
            let more = self.read_line().unwrap_or(false);
            more.then(|| row::parse(self.line.trim_ascii()).ok()).flatten().map(|candle| candle.open_time)
        });
        let spacing = neighbour.map(|other| open.since_ms(other).abs()).filter(|&spacing| spacing > 0);
        let hint = spacing.map_or_else(String::new, |ms| format!("; the rows are {} apart", length(ms)));
        let fault = RowFault::Misaligned { open: utc(open), timeframe: self.timeframe, hint };
        FileError::Row { file: self.file.clone(), line, fault }
    }
}

#[cfg(test)]
mod tests {
    use super::super::bytes::tests::gzip;
    use super::*;

    fn spec(timeframe: Timeframe, content: impl AsRef<[u8]>) -> (tempfile::NamedTempFile, FileSpec) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        let spec = FileSpec { symbol: "BTCUSDT".parse().unwrap(), timeframe, path: file.path().to_owned() };
        (file, spec)
    }

    /// The opening times of a file's rows, or the error without the file's name.
    fn read(timeframe: Timeframe, content: impl AsRef<[u8]>) -> Result<Vec<i64>, String> {
        let (_file, spec) = spec(timeframe, content);
        let all = || {
            let mut rows = Rows::open(&spec)?;
            let mut times = Vec::new();
            while let Some(candle) = rows.next()? {
                times.push(candle.open_time.0);
            }
            Ok(times)
        };
        all().map_err(|error: FileError| error.to_string().replace(spec.path.to_str().unwrap(), "FILE"))
    }

    #[test]
    fn header_blank_lines_and_line_ends_are_no_matter() {
        for content in [
            "open_time_ms,open,high,low,close,volume\n0,1,2,1,2,3\n60000,1,2,1,2,3\n",
            "0,1,2,1,2,3\n60000,1,2,1,2,3",
            "\u{feff}open_time,open,high,low,close,volume\r\n\r\n0,1,2,1,2,3\r\n  \r\n60000,1,2,1,2,3\r\n\r\n",
            "0,1,2,1,2,3\nopen_time,open,high,low,close,volume\n60000,1,2,1,2,3\n",
            "0,1,2,1,2,3,59999,1,1,1,1,0\n60000,1,2,1,2,3,119999,1,1,1,1,0\n",
        ] {
            assert_eq!(read(Timeframe::M1, content), Ok(vec![0, 60_000]), "{content:?}");
        }
    }

    #[test]
    fn microseconds_are_told_by_their_size() {
        let content = "1735689600000000,1,2,1,2,3\n1735689660000,1,2,1,2,3\n";
        assert_eq!(read(Timeframe::M1, content), Ok(vec![1_735_689_600_000, 1_735_689_660_000]));
    }

    #[test]
    fn a_row_that_may_not_be_is_an_error_with_file_and_line() {
        let good = "open_time_ms,open,high,low,close,volume\n\n60000,1,2,1,2,3\n";
        for (row, want) in [
            ("0,1,2,1,2,3", "opens at 1970-01-01 00:00:00 UTC, before the row above it (1970-01-01 00:01:00 UTC)"),
            ("120000,NaN,2,1,2,3", "open is not a finite number"),
            ("120000,1,inf,1,2,3", "high is not a finite number"),
            ("120000,1,2,-1,2,3", "low is -1, but a price must be above 0"),
            ("120000,1,2,0,2,3", "low is 0, but a price must be above 0"),
            ("120000,1,2,3,2,3", "high 2 is below low 3"),
            ("120000,1,2,1,5,3", "close 5 is outside low 1 to high 2"),
            ("120000,1,2,1,2,-3", "volume is -3, but must be 0 or more"),
            ("120000,1,2,1,2", "there is no column `volume`"),
            ("120000,1,2,1,two,3", "close is `two`, but must be a number"),
            ("12e4,1,2,1,2,3", "open_time is `12e4`"),
            ("hello", "`hello` is neither a row nor a header"),
        ] {
            let error = read(Timeframe::M1, format!("{good}{row}\n")).unwrap_err();
            assert!(error.starts_with(&format!("FILE:4: {want}")), "{row}: {error}");
        }
    }

    #[test]
    fn a_time_within_a_candle_names_the_timeframe_that_the_rows_look_like() {
        for (timeframe, content, want) in [
            (
                Timeframe::H1,
                "0,1,2,1,2,3\n60000,1,2,1,2,3\n",
                "FILE:2: opens at 1970-01-01 00:01:00 UTC, which is no beginning of a 1h candle; the rows are 1m apart",
            ),
            (
                Timeframe::H1,
                "300000,1,2,1,2,3\n600000,1,2,1,2,3\n",
                "FILE:1: opens at 1970-01-01 00:05:00 UTC, which is no beginning of a 1h candle; the rows are 5m apart",
            ),
            (
                Timeframe::M1,
                "1754426940,1,2,1,2,3\n1754427000,1,2,1,2,3\n",
                "FILE:1: opens at 1970-01-21T07:20:26.94Z, which is no beginning of a 1m candle; the rows are 0.06 s apart",
            ),
            (
                Timeframe::M1,
                "1,1,2,1,2,3\n",
                "FILE:1: opens at 1970-01-01T00:00:00.001Z, which is no beginning of a 1m candle",
            ),
        ] {
            assert_eq!(read(timeframe, content), Err(want.to_owned()));
        }
    }

    #[test]
    fn a_file_that_ends_too_early_says_where() {
        let text: String =
            (0..5_000).map(|minute| format!("{},1.{minute},2,1,2,{minute}.5\n", minute * 60_000)).collect();
        let packed = gzip(&text);
        let error = read(Timeframe::M1, &packed[..packed.len() / 2]).unwrap_err();
        let line: u64 = error.split(':').nth(1).unwrap().parse().unwrap();
        assert!(error.contains("cut short or damaged") && (1_000..4_000).contains(&line), "{error}");
        let error = read(Timeframe::M1, &packed[..packed.len() - 4]).unwrap_err();
        assert!(error.starts_with("FILE:5001: the file is cut short or damaged"), "{error}");
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        let error = read(Timeframe::M1, "0,1,2,1,2,3\n".to_owned() + &"9".repeat(1_000_000)).unwrap_err();
        assert_eq!(error, "FILE:2: longer than 4096 bytes, which no row is");
    }

    #[test]
    fn a_head_tells_an_empty_file_and_a_coarser_timeframe_than_given() {
        let hours: String = (1..=9).map(|hour| format!("{},1,2,1,2,3\n", hour * 3_600_000)).collect();
        let head = |timeframe, content: &str| {
            let (_file, spec) = spec(timeframe, content);
            Rows::head(&spec).map_err(|error| error.to_string().replace(spec.path.to_str().unwrap(), "FILE"))
        };
        assert_eq!(head(Timeframe::H1, &hours), Ok(Timestamp(3_600_000)));
        assert_eq!(head(Timeframe::M1, &hours), Err("FILE: its rows are 1h apart, but it was given as 1m".to_owned()));
        for content in ["", "\r\n", "open_time_ms,open,high,low,close,volume\n"] {
            assert_eq!(head(Timeframe::M1, content), Err("FILE has no rows".to_owned()), "{content:?}");
        }
    }
}
