//! Every file as one stream of candles in the order of their closes.

use super::chain::Chain;
use super::error::FileError;
use super::looped::Rounds;
use super::name::FileSpec;
use super::tally::{Findings, Tally};
use crate::market::{ClosedCandle, Symbol, SymbolId, Timeframe, Timestamp};
use std::path::Path;

/// Recorded candles of any number of symbols, timeframes and files, merged.
///
/// Candles come by (close, timeframe, symbol). For each symbol the finest timeframe that covers a moment moves prices. What closes
/// before the first candle of the symbol's finest timeframe is history, of every timeframe; a symbol with one timeframe has none.
/// After that a candle is passed over when others of its symbol have already moved the price within its time, as the finer ones
/// usually have; a coarser one steps in where the finer end or have a gap as long as it is.
pub struct Feed {
    /// By (timeframe, symbol), so that the first of those that close together is the one to deliver.
    chains: Vec<Chain>,
    /// By symbol: where its finest timeframe begins. None without files.
    begins: Vec<Option<Timestamp>>,
    /// By symbol: up to where its price has moved; at first where it begins.
    covered: Vec<Timestamp>,
    /// The chain whose head was delivered. It is read on only when the next candle is wanted, so that a bad row never holds back a good one.
    taken: Option<usize>,
    starts_at: Option<Timestamp>,
    pub(super) found: Findings,
    pub(super) rounds: Rounds,
}

/// What the files have of a symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Whose candles.
    pub symbol: SymbolId,
    /// The timeframes, finest first; empty when no file holds the symbol.
    pub timeframes: Vec<Timeframe>,
}

impl Offer {
    /// The timeframe that moves the price.
    #[must_use]
    pub fn finest(&self) -> Option<Timeframe> {
        self.timeframes.first().copied()
    }
}

impl Feed {
    /// Opens every file and reads its head. `symbols` is the configured list; a symbol's place in it is its [`SymbolId`].
    ///
    /// # Errors
    /// A file of a symbol that is not in the list; one that cannot be read, has no rows, or is faulty in its first rows.
    pub fn open(specs: &[FileSpec], symbols: &[Symbol]) -> Result<Self, FileError> {
        let mut found = Findings::default();
        let mut chains = chained(specs, symbols)?;
        let mut begins = vec![None; symbols.len()];
        let mut starts_at: Option<Timestamp> = None;
        for chain in &mut chains {
            chain.rewind(&mut found)?;
            let begin = &mut begins[chain.symbol().index()];
            if let (None, Some(closes_at)) = (*begin, chain.closes_at()) {
                *begin = Some(chain.head().open_time);
                starts_at = Some(starts_at.map_or(closes_at, |earliest| earliest.min(closes_at)));
            }
        }
        found.tally.files = specs.len() as u64;
        let covered = begins.iter().map(|begin| begin.unwrap_or_default()).collect();
        Ok(Self { chains, begins, covered, taken: None, starts_at, found, rounds: Rounds::default() })
    }

    /// The next candle; None at the end of all files.
    ///
    /// # Errors
    /// A row that may not be, or a file that cannot be read on, with file and line. The feed is over then.
    #[allow(clippy::should_implement_trait)] // fallible: `while let Some(candle) = feed.next()?` is how it is read
    pub fn next(&mut self) -> Result<Option<ClosedCandle>, FileError> {
        loop {
            while let Some(place) = self.merged()? {
                if let Some(candle) = self.admitted(place) {
                    return Ok(Some(candle));
                }
            }
            if !self.again()? {
                return Ok(None);
            }
        }
    }

    /// What was read so far, and what was survived.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.found.tally
    }

    /// Bytes read and bytes in all, as the files lie on the disk: how far it is. Asks the system for each file, so it is for now and then.
    #[must_use]
    pub fn bytes(&self) -> (u64, u64) {
        let each = self.chains.iter().map(Chain::bytes);
        each.fold((0, 0), |(read, all), (more, of)| (read + more, all + of))
    }

    /// What there is to say since the last call: the first gap and the first doubled row of each file, with file and line.
    pub fn take_remarks(&mut self) -> Vec<String> {
        std::mem::take(&mut self.found.remarks)
    }

    /// When the first candle closes that is not history.
    #[must_use]
    pub fn starts_at(&self) -> Option<Timestamp> {
        self.starts_at
    }

    /// For each symbol of the list, in its order, the timeframes that its files have.
    #[must_use]
    pub fn offers(&self) -> Vec<Offer> {
        let of =
            |symbol| self.chains.iter().filter(move |chain| chain.symbol() == symbol).map(Chain::timeframe).collect();
        let symbols = (0..).map(SymbolId).take(self.begins.len());
        symbols.map(|symbol| Offer { symbol, timeframes: of(symbol) }).collect()
    }

    /// The chain whose head is the next candle of all, in order.
    fn merged(&mut self) -> Result<Option<usize>, FileError> {
        if let Some(taken) = self.taken.take() {
            self.chains[taken].advance(&mut self.found)?;
        }
        let heads = self.chains.iter().enumerate().filter_map(|(place, chain)| Some((chain.closes_at()?, place)));
        self.taken = heads.min().map(|(_, place)| place);
        Ok(self.taken)
    }

    /// The head of a chain as it is delivered, or None when it is passed over.
    fn admitted(&mut self, place: usize) -> Option<ClosedCandle> {
        let chain = &self.chains[place];
        let (symbol, timeframe) = (chain.symbol(), chain.timeframe());
        let candle = ClosedCandle { symbol, timeframe, candle: *chain.head(), history: false };
        let symbol = symbol.index();
        let closes_at = candle.closes_at();
        let history = self.begins[symbol].is_some_and(|begin| closes_at <= begin);
        if history {
            return self.rounds.first().then_some(ClosedCandle { history, ..candle });
        }
        if candle.candle.open_time < self.covered[symbol] {
            return None;
        }
        self.covered[symbol] = closes_at;
        Some(self.rounds.moved_on(candle))
    }

    /// Brings every chain back to its beginning.
    pub(super) fn rewind(&mut self) -> Result<(), FileError> {
        self.taken = None;
        for (covered, begin) in self.covered.iter_mut().zip(&self.begins) {
            *covered = begin.unwrap_or_default();
        }
        self.chains.iter_mut().try_for_each(|chain| chain.rewind(&mut self.found))
    }

    /// The earliest beginning of a symbol's finest timeframe, and up to where prices have moved.
    pub(super) fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let begin = self.begins.iter().flatten().min()?;
        let with_files = self.covered.iter().zip(&self.begins).filter(|(_, begin)| begin.is_some());
        Some((*begin, *with_files.map(|(covered, _)| covered).max()?))
    }
}

/// The files by symbol and timeframe, the chains by (timeframe, symbol).
fn chained(specs: &[FileSpec], symbols: &[Symbol]) -> Result<Vec<Chain>, FileError> {
    let mut chains: Vec<Chain> = Vec::new();
    for spec in specs {
        let symbol = place_of(&spec.path, &spec.symbol, symbols)?;
        let key = (spec.timeframe, symbol);
        let place = match chains.binary_search_by_key(&key, |chain| (chain.timeframe(), chain.symbol())) {
            Ok(place) => place,
            Err(place) => {
                chains.insert(place, Chain::new(symbol, spec.timeframe));
                place
            }
        };
        chains[place].add(spec)?;
    }
    Ok(chains)
}

/// The number of a file's symbol; an error where it is none of those that are traded.
pub(super) fn place_of(path: &Path, whose: &Symbol, symbols: &[Symbol]) -> Result<SymbolId, FileError> {
    let place = symbols.iter().position(|symbol| symbol == whose).and_then(|place| u16::try_from(place).ok());
    place.map(SymbolId).ok_or_else(|| FileError::Unlisted {
        file: path.display().to_string(),
        symbol: whose.clone(),
        listed: symbols.iter().map(Symbol::as_str).collect::<Vec<_>>().join(", "),
    })
}
