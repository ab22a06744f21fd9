//! What was asked for, and the names of its files.

use super::{
    part::{self, Content, Part, PartError},
    rows::Kind,
};
use crate::{
    candles_file::FileSpec,
    cli::Download,
    config::Exchange,
    market::{Symbol, Timeframe, Timestamp},
    moment,
    run::text::{counted, market_time},
};
use std::path::{Path, PathBuf};

/// A download as it was asked for, checked as far as that needs no exchange.
#[derive(Debug)]
pub struct Order {
    /// Whose.
    pub symbol: Symbol,
    /// How long a candle is.
    pub timeframe: Timeframe,
    /// The first candle opens then or later.
    pub from: Timestamp,
    /// The last one ends then or earlier; `None`: now.
    pub to: Option<Timestamp>,
    /// Whether the funding rates are wanted too.
    pub funding: bool,
    force: bool,
    /// Of the candles.
    target: PathBuf,
    /// Of the funding rates.
    rates: PathBuf,
    /// Where the data is from.
    source: String,
}

impl Order {
    /// # Errors
    ///
    /// What is wrong with the dates or the place.
    pub fn new(wish: &Download, exchange: &Exchange) -> Result<Self, String> {
        let from = moment::of_flag("--from", &wish.from)?;
        let to = wish.to.as_deref().map(|to| moment::of_flag("--to", to)).transpose()?;
        if to.is_some_and(|to| to <= from) {
            return Err("--to must be later than --from".to_owned());
        }
        let dates = [Some(from), to].into_iter().flatten().map(|at| format!("-{}", in_name(at))).collect::<String>();
        let usual = |kind: Kind| format!("{}-{}{dates}.csv.gz", wish.symbol.joined(), kind.word());
        let candles = usual(Kind::Candles(wish.timeframe));
        let (target, rates) = match &wish.out {
            None => (PathBuf::from(candles), PathBuf::from(usual(Kind::Rates))),
            Some(out) if is_folder(out) => (out.join(candles), out.join(usual(Kind::Rates))),
            Some(file) => (file.clone(), with_word(file, Kind::Rates.word())),
        };
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
        match folder.filter(|folder| !folder.is_dir()) {
            Some(missing) => Err(format!("--out: there is no folder {}", missing.display())),
            None => Ok(Self {
                symbol: wish.symbol.clone(),
                timeframe: wish.timeframe,
                from,
                to,
                funding: wish.funding,
                force: wish.force,
                target,
                rates,
                source: exchange.rest(),
            }),
        }
    }

    /// Where the download ends, by the exchange's clock.
    ///
    /// # Errors
    ///
    /// It would begin in the future.
    pub fn end(&self, now: Timestamp) -> Result<Timestamp, String> {
        if self.from >= now {
            return Err(format!("--from lies in the future: the exchange's clock shows {}", market_time(now)));
        }
        Ok(self.to.map_or(now, |to| to.min(now)))
    }

    /// Whether the files may be written.
    ///
    /// # Errors
    ///
    /// One of them is there, and may not be replaced.
    pub fn free(&self) -> Result<(), PartError> {
        part::free(&self.target, self.force)?;
        if self.funding { part::free(&self.rates, self.force) } else { Ok(()) }
    }

    /// The unfinished file of a kind.
    ///
    /// # Errors
    ///
    /// It cannot be had.
    pub fn part(&self, kind: Kind) -> Result<Part, PartError> {
        let to = self.to.map_or_else(|| "now".to_owned(), |to| to.0.to_string());
        let Self { symbol, from, source, .. } = self;
        let identity = format!("{} {} from {} to {to} of {source}", symbol.joined(), kind.word(), from.0);
        let target = if matches!(kind, Kind::Rates) { &self.rates } else { &self.target };
        Part::open(target, kind, &identity)
    }

    /// The last words about a file.
    pub fn account(&self, name: &str, kind: Kind, content: &Content) -> String {
        let Content { rows, first, last, gaps, missing, first_gap } = *content;
        let time = |at: Option<Timestamp>| at.map(market_time).unwrap_or_default();
        let span = format!("{} to {}", time(first), time(last));
        if matches!(kind, Kind::Rates) {
            return format!("{name} written: {}, {span}", counted(rows, "funding rate"));
        }
        let (timeframe, symbol) = (self.timeframe, &self.symbol);
        let gaps = match gaps {
            0 => "no gap".to_owned(),
            _ => format!("{} ({missing} missing, the first after {})", counted(gaps, "gap"), time(first_gap)),
        };
        let replay = if FileSpec::parse(name).is_ok_and(|spec| spec.symbol == *symbol && spec.timeframe == timeframe) {
            name.to_owned()
        } else {
            format!("{symbol}@{timeframe}={name}")
        };
        let candles = counted(rows, &format!("{timeframe} candle"));
        format!("{name} written: {candles} of {symbol}, {span}, {gaps}\nTry: bot --paper --replay {replay} --speed max")
    }
}

/// `2025-08-01`, or with the time of the day.
fn in_name(at: Timestamp) -> String {
    let text = market_time(at);
    let (day, rest) = text.split_once(' ').unwrap_or((&text, ""));
    match rest.trim_end_matches(" UTC") {
        "00:00" => day.to_owned(),
        time => format!("{day}T{}", time.replace(':', "")),
    }
}

fn is_folder(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().to_string_lossy().ends_with('/')
}

/// `a.csv.gz` as `a-funding.csv.gz`.
fn with_word(file: &Path, word: &str) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (stem, ending) = name.split_at(name.find(".csv").unwrap_or(name.len()));
    file.with_file_name(format!("{stem}-{word}{ending}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Place;

    fn order(from: &str, to: Option<&str>, out: Option<&str>) -> Result<Order, String> {
        let wish = Download {
            symbol: "BTCUSDT".parse().unwrap(),
            timeframe: Timeframe::M1,
            from: from.to_owned(),
            to: to.map(str::to_owned),
            funding: true,
            out: out.map(PathBuf::from),
            force: false,
            place: Place::default(),
        };
        Order::new(&wish, &Exchange::default())
    }

    #[test]
    fn a_file_has_a_name_that_says_what_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().to_str().unwrap();
        for (from, to, candles, rates) in [
            ("2025-08-01", None, "BTCUSDT-1m-2025-08-01.csv.gz", "BTCUSDT-funding-2025-08-01.csv.gz"),
            (
                "2025-08-01T12:30",
                Some("2025-09-01"),
                "BTCUSDT-1m-2025-08-01T1230-2025-09-01.csv.gz",
                "BTCUSDT-funding-2025-08-01T1230-2025-09-01.csv.gz",
            ),
        ] {
            let order = order(from, to, Some(dir)).unwrap();
            assert_eq!((order.target, order.rates), (folder.path().join(candles), folder.path().join(rates)));
            let path = folder.path().join(candles);
            std::fs::write(&path, "").unwrap();
            let spec = FileSpec::parse(path.to_str().unwrap()).unwrap();
            assert_eq!((spec.symbol.as_str(), spec.timeframe), ("BTC/USDT:USDT", Timeframe::M1));
        }
        let order = order("2025-08-01", None, Some(&format!("{dir}/x.csv"))).unwrap();
        assert!(order.target.ends_with("x.csv") && order.rates.ends_with("x-funding.csv"));
    }

    #[test]
    fn wrong_dates_and_places_are_named() {
        for (from, to, out, want) in [
            ("1.8.2025", None, None, "--from is `1.8.2025`, but must be a date such as 2025-08-01"),
            ("2025-08-01", Some("soon"), None, "--to is `soon`, but must be a date"),
            ("2025-08-01", Some("2025-08-01"), None, "--to must be later than --from"),
            ("2025-08-01", None, Some("/nowhere/x.csv"), "--out: there is no folder /nowhere"),
            ("2025-08-01", None, Some("/nowhere/"), "--out: there is no folder /nowhere"),
        ] {
            let error = order(from, to, out).unwrap_err();
            assert!(error.starts_with(want), "{error}");
        }
        let order = order("2025-08-01", Some("2025-09-01"), None).unwrap();
        let [before, within, after] =
            ["2025-08-01", "2025-08-02", "2025-10-01"].map(|text| moment::parse(text).unwrap());
        assert!(order.end(before).unwrap_err().starts_with("--from lies in the future"));
        assert_eq!((order.end(within), order.end(after)), (Ok(within), Ok(order.to.unwrap())));
    }
}
