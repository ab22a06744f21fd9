//! The files of one symbol and timeframe as one sequence of candles.

use super::error::FileError;
use super::name::FileSpec;
use super::rows::Rows;
use super::tally::{Findings, Place, Said};
use crate::market::{Candle, SymbolId, Timeframe, Timestamp};

/// Files of one symbol and timeframe, one after the other; only one is open at a time.
pub(super) struct Chain {
    symbol: SymbolId,
    timeframe: Timeframe,
    /// By the opening times of their first rows.
    files: Vec<(Timestamp, FileSpec)>,
    opened: usize,
    rows: Option<Rows>,
    said: Said,
    last: Option<Timestamp>,
    head: Candle,
    /// When the head closes; `None` where there is no head.
    closes_at: Option<Timestamp>,
}

impl Chain {
    /// Without a file yet; after [`Chain::add`], [`Chain::rewind`] brings it to its first candle.
    pub fn new(symbol: SymbolId, timeframe: Timeframe) -> Self {
        let said = Said::default();
        let head = Candle::default();
        Self { symbol, timeframe, files: Vec::new(), opened: 0, rows: None, said, last: None, head, closes_at: None }
    }

    /// Takes in a file; files may come in any order.
    pub fn add(&mut self, spec: &FileSpec) -> Result<(), FileError> {
        let first = Rows::head(spec)?;
        let place = self.files.partition_point(|(other, _)| *other <= first);
        self.files.insert(place, (first, spec.clone()));
        Ok(())
    }

    pub fn symbol(&self) -> SymbolId {
        self.symbol
    }

    pub fn timeframe(&self) -> Timeframe {
        self.timeframe
    }

    /// When the candle closes that is next, until [`Chain::advance`]; `None` at the end.
    #[inline]
    pub fn closes_at(&self) -> Option<Timestamp> {
        self.closes_at
    }

    /// The candle that is next; of no meaning at the end.
    #[inline]
    pub fn head(&self) -> &Candle {
        &self.head
    }

    /// Bytes read and bytes in all, as the files lie on the disk; for those who wait.
    pub fn bytes(&self) -> (u64, u64) {
        let length = |(_, spec): &(Timestamp, FileSpec)| spec.path.metadata().map_or(0, |there| there.len());
        let done: u64 = self.files[..self.opened].iter().map(length).sum();
        let left: u64 = self.files[self.opened..].iter().map(length).sum();
        let ahead = self.rows.as_ref().zip(self.files[..self.opened].last());
        let unread = ahead.map_or(0, |(rows, open)| length(open).saturating_sub(rows.bytes()));
        (done.saturating_sub(unread), done + left)
    }

    /// Goes back to the first candle of the first file.
    pub fn rewind(&mut self, found: &mut Findings) -> Result<(), FileError> {
        self.opened = 0;
        self.rows = None;
        self.last = None;
        self.advance(found)
    }

    /// Goes on to the next candle that was not there already.
    pub fn advance(&mut self, found: &mut Findings) -> Result<(), FileError> {
        self.closes_at = None;
        while self.read()? {
            found.row();
            let open = self.head.open_time;
            if self.is_new(open, found) {
                self.last = Some(open);
                self.closes_at = Some(open.plus_ms(self.timeframe.ms()));
                break;
            }
        }
        Ok(())
    }

    /// Reads the next row of the open file, or the first of the next, as the head; false at the end of all.
    fn read(&mut self) -> Result<bool, FileError> {
        if let Some(rows) = &mut self.rows
            && rows.read(&mut self.head)?
        {
            return Ok(true);
        }
        self.rows = None;
        let Some((first, spec)) = self.files.get(self.opened) else { return Ok(false) };
        self.opened += 1;
        self.said = Said::default();
        let rows = self.rows.insert(Rows::open(spec)?);
        if rows.read(&mut self.head)? && self.head.open_time == *first {
            return Ok(true);
        }
        Err(FileError::Changed { file: rows.file().to_owned() })
    }

    /// Whether a candle that opens then follows the last one; what lies between is noted.
    fn is_new(&mut self, open: Timestamp, found: &mut Findings) -> bool {
        let Some(last) = self.last else { return true };
        let (since_ms, period_ms) = (open.since_ms(last), self.timeframe.ms());
        if since_ms == period_ms {
            return true;
        }
        let periods = since_ms / period_ms;
        self.note(open, periods, found);
        periods > 1
    }

    #[cold]
    fn note(&mut self, open: Timestamp, periods: i64, found: &mut Findings) {
        let (Some(rows), Some((_, spec))) = (&self.rows, self.files.first()) else { return };
        let (file, line, symbol, timeframe) = (rows.file(), rows.line(), &spec.symbol, self.timeframe);
        let place = Place { file, line, symbol, timeframe, open };
        match u64::try_from(periods - 1) {
            Ok(missing) => found.gap(missing, &place, &mut self.said),
            Err(_) => found.doubled(&place, &mut self.said),
        }
    }
}
