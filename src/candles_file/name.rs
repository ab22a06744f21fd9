//! What a file holds, from its name or from the words before it.

use super::error::FileError;
use crate::market::{Symbol, SymbolError, Timeframe};
use std::path::{Path, PathBuf};

/// The end of the name of a file that is still being written.
pub const UNFINISHED: &str = ".part";

/// One file of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSpec {
    /// Whose candles.
    pub symbol: Symbol,
    /// How long each is.
    pub timeframe: Timeframe,
    /// Where they are.
    pub path: PathBuf,
}

impl FileSpec {
    /// Understands `BTC/USDT:USDT@1m=FILE`, and a file whose name begins with symbol and timeframe: `BTCUSDT-1m-2025-08.csv.gz`,
    /// `BTCUSD-PERP-1m-2022-01.csv.gz`, and Binance's public `BTCUSDT-1h-2024-01-05.zip`.
    ///
    /// # Errors
    /// The symbol or the timeframe is not told, with how to write it; there is no such file.
    pub fn parse(argument: &str) -> Result<Self, FileError> {
        match argument.split_once('=').and_then(|(what, file)| Some((what.split_once('@')?, file))) {
            Some(((symbol, timeframe), file)) => Self::told(argument, symbol, timeframe, file),
            None => Self::named(argument),
        }
    }

    fn told(argument: &str, symbol: &str, timeframe: &str, file: &str) -> Result<Self, FileError> {
        let argument = argument.to_owned();
        let symbol = match symbol.parse() {
            Ok(symbol) => symbol,
            Err(source) => return Err(FileError::Symbol { argument, source }),
        };
        let timeframe = match timeframe.parse() {
            Ok(timeframe) => timeframe,
            Err(source) => return Err(FileError::Timeframe { argument, source }),
        };
        Ok(Self { symbol, timeframe, path: existing(file)? })
    }

    fn named(file: &str) -> Result<Self, FileError> {
        let path = existing(file)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut words = stem(&name).split('-').peekable();
        let base = words.next().unwrap_or_default();
        let perpetual = words.next_if(|word| word.eq_ignore_ascii_case("PERP")).is_some();
        let symbol = match spelled(base, perpetual) {
            Ok(symbol) => symbol,
            Err(SymbolError(got)) => return Err(FileError::NameWithoutSymbol { file: file.to_owned(), got }),
        };
        match words.next().unwrap_or_default().parse() {
            Ok(timeframe) => Ok(Self { symbol, timeframe, path }),
            Err(source) => Err(FileError::NameWithoutTimeframe { file: file.to_owned(), symbol, source }),
        }
    }
}

/// Whose a file of another kind is: `SYMBOL=FILE`, or a file whose name begins with the symbol.
pub(super) fn whose(argument: &str) -> Result<(Symbol, PathBuf), FileError> {
    if let Some((symbol, file)) = argument.split_once('=')
        && let Ok(symbol) = symbol.parse()
    {
        return Ok((symbol, existing(file)?));
    }
    let path = existing(argument)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut words = stem(&name).split('-');
    let base = words.next().unwrap_or_default();
    match spelled(base, words.next().is_some_and(|word| word.eq_ignore_ascii_case("PERP"))) {
        Ok(symbol) => Ok((symbol, path)),
        Err(SymbolError(got)) => Err(FileError::RatesWithoutSymbol { file: argument.to_owned(), got }),
    }
}

/// The symbol of a name's first word. `BTCUSD-PERP` is how some name what is margined in USDT all the same.
fn spelled(word: &str, perpetual: bool) -> Result<Symbol, SymbolError> {
    if perpetual && word.to_ascii_uppercase().ends_with("USD") {
        return format!("{word}T").parse().map_err(|_| SymbolError(format!("{word}-PERP")));
    }
    word.parse()
}

/// The name without the endings that say how it is packed.
fn stem(name: &str) -> &str {
    let unpacked = [".gz", ".zip"].into_iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
    unpacked.strip_suffix(".csv").unwrap_or(unpacked)
}

/// The path, when a whole file is there.
fn existing(file: &str) -> Result<PathBuf, FileError> {
    let path = Path::new(file);
    let metadata = std::fs::metadata(path).map_err(|source| FileError::Open { file: file.to_owned(), source })?;
    if !metadata.is_file() {
        return Err(FileError::NotAFile { file: file.to_owned() });
    }
    if file.ends_with(UNFINISHED) {
        return Err(FileError::Unfinished { file: file.to_owned() });
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touched(name: &str) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, "").unwrap();
        let path = path.to_str().unwrap().to_owned();
        (folder, path)
    }

    #[test]
    fn the_name_tells_symbol_and_timeframe() {
        for (name, symbol, timeframe) in [
            ("BTCUSDT-1m-2025-08.csv.gz", "BTC/USDT:USDT", Timeframe::M1),
            ("BTCUSD-PERP-1m-2022-01.csv.gz", "BTC/USDT:USDT", Timeframe::M1),
            ("XRPUSDT-PERP-5m-2021-11.csv.gz", "XRP/USDT:USDT", Timeframe::M5),
            ("BTCUSDT-1m-2024-01.zip", "BTC/USDT:USDT", Timeframe::M1),
            ("BTCUSDT-1h-2024-01-05.csv", "BTC/USDT:USDT", Timeframe::H1),
            ("1000PEPEUSDT-4h.csv", "1000PEPE/USDT:USDT", Timeframe::H4),
            ("solusdt-1d", "SOL/USDT:USDT", Timeframe::D1),
        ] {
            let (_folder, path) = touched(name);
            let spec = FileSpec::parse(&path).unwrap();
            assert_eq!((spec.symbol.as_str(), spec.timeframe), (symbol, timeframe), "{name}");
            assert_eq!(spec.path, Path::new(&path));
        }
    }

    #[test]
    fn words_before_the_file_win_over_its_name() {
        let (_folder, path) = touched("ETHUSDT-5m=a@b.csv");
        let spec = FileSpec::parse(&format!("BTC/USDT:USDT@1m={path}")).unwrap();
        assert_eq!((spec.symbol.as_str(), spec.timeframe), ("BTC/USDT:USDT", Timeframe::M1));
        assert_eq!(spec.path, Path::new(&path));
    }

    #[test]
    fn what_is_not_told_is_named_with_how_to_write_it() {
        for (name, wrong) in [
            ("candles.csv", "the name does not tell the symbol, `candles` is none; name it like BTCUSDT-1m"),
            ("BTCUSD-1m.csv", "the name does not tell the symbol, `BTCUSD` is none"),
            ("BTCEUR-PERP-1m.csv", "the name does not tell the symbol, `BTCEUR` is none"),
            (
                "BTCUSDT.csv",
                "the name tells BTC/USDT:USDT, but not the timeframe: `` is no timeframe; allowed are 1m, 3m",
            ),
            ("BTCUSDT-7m-2024.csv", "but not the timeframe: `7m` is no timeframe"),
            ("BTCUSDT-1m-2024.csv.gz.part", "was never finished"),
        ] {
            let (_folder, path) = touched(name);
            let error = FileSpec::parse(&path).unwrap_err().to_string();
            assert!(error.starts_with(&path) && error.contains(wrong), "{error}");
        }
        let (_folder, path) = touched("candles.csv");
        for (what, wrong) in [("BTC@1m", "the symbol is wrong: `BTC`"), ("BTCUSDT@m1", "the timeframe is wrong: `m1`")]
        {
            let error = FileSpec::parse(&format!("{what}={path}")).unwrap_err().to_string();
            assert!(error.starts_with(what) && error.contains(wrong), "{error}");
        }
    }

    #[test]
    fn a_missing_file_and_a_folder_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let folder_name = folder.path().to_str().unwrap();
        let error = FileSpec::parse(&format!("BTCUSDT@1m={folder_name}")).unwrap_err().to_string();
        assert!(error.starts_with(folder_name) && error.contains("directory"), "{error}");
        let missing = format!("{folder_name}/BTCUSDT-1m.csv");
        let error = FileSpec::parse(&missing).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{missing} cannot be opened")), "{error}");
    }
}
