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
    head: Option<Candle>,
}

impl Chain {
    /// Without a file yet; after [`Chain::add`], [`Chain::rewind`] brings it to its first candle.
    pub fn new(symbol: SymbolId, timeframe: Timeframe) -> Self {
        let said = Said::default();
        Self { symbol, timeframe, files: Vec::new(), opened: 0, rows: None, said, last: None, head: None }
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

    /// The candle that is next, until [`Chain::advance`].
    pub fn head(&self) -> Option<&Candle> {
        self.head.as_ref()
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
        self.head = None;
        while let Some(candle) = self.read()? {
            found.row();
            if self.is_new(&candle, found) {
                self.last = Some(candle.open_time);
                self.head = Some(candle);
                break;
            }
        }
        Ok(())
    }

    /// The next row of the open file, or the first of the next.
    fn read(&mut self) -> Result<Option<Candle>, FileError> {
        if let Some(rows) = &mut self.rows
            && let Some(candle) = rows.next()?
        {
            return Ok(Some(candle));
        }
        self.rows = None;
        let Some((first, spec)) = self.files.get(self.opened) else { return Ok(None) };
        self.opened += 1;
        self.said = Said::default();
        let rows = self.rows.insert(Rows::open(spec)?);
        let candle = rows.next()?.filter(|candle| candle.open_time == *first);
        candle.map(Some).ok_or_else(|| FileError::Changed { file: rows.file().to_owned() })
    }

    /// Whether the candle follows the last one; what lies between is noted.
    fn is_new(&mut self, candle: &Candle, found: &mut Findings) -> bool {
        let Some(last) = self.last else { return true };
        let periods = candle.open_time.since_ms(last) / self.timeframe.ms();
        if periods == 1 {
            return true;
        }
        self.note(candle.open_time, periods, found);
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
