//! Feeds of files made up for a promise each.

use super::{Feed, FileError, FileSpec, Tally, write};
use crate::market::{Candle, ClosedCandle, DAY_MS, HOUR_MS, MINUTE_MS, Symbol, SymbolId, Timeframe, Timestamp};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use tempfile::TempDir;

/// A folder of made-up files; a file's candles open at the given multiples of its timeframe.
struct Files {
    folder: TempDir,
    specs: Vec<FileSpec>,
}

const NAMES: [&str; 2] = ["BTCUSDT", "ETHUSDT"];

fn symbols() -> Vec<Symbol> {
    NAMES.iter().map(|name| name.parse().unwrap()).collect()
}

fn candle(open_time: i64) -> Candle {
    Candle { open_time: Timestamp(open_time), open: 1.0, high: 2.0, low: 1.0, close: 2.0, volume: 3.0 }
}

impl Files {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), specs: Vec::new() }
    }

    fn with(mut self, symbol: usize, timeframe: Timeframe, opens: impl IntoIterator<Item = i64>) -> Self {
        let path = self.folder.path().join(format!("{}-{timeframe}-{}.csv", NAMES[symbol], self.specs.len()));
        write(&path, opens.into_iter().map(|open| candle(open * timeframe.ms()))).unwrap();
        self.specs.push(FileSpec::parse(path.to_str().unwrap()).unwrap());
        self
    }

    fn open(&self) -> Result<Feed, FileError> {
        Feed::open(&self.specs, &symbols())
    }

    fn name(&self, file: usize) -> String {
        self.specs[file].path.display().to_string()
    }
}

fn all(feed: &mut Feed) -> Vec<ClosedCandle> {
    std::iter::from_fn(|| feed.next().unwrap()).collect()
}

/// A candle in short: its timeframe, where it opens in minutes, and `h` for history.
fn short(candles: &[ClosedCandle]) -> Vec<String> {
    let one = |closed: &ClosedCandle| {
        let minute = closed.candle.open_time.0 / MINUTE_MS;
        format!("{} {minute}{}", closed.timeframe, if closed.history { "h" } else { "" })
    };
    candles.iter().map(one).collect()
}

#[test]
fn one_timeframe_has_no_history() {
    let files = Files::new().with(0, Timeframe::M5, 3..6);
    let mut feed = files.open().unwrap();
    assert_eq!(feed.starts_at(), Some(Timestamp(20 * MINUTE_MS)));
    assert_eq!(short(&all(&mut feed)), ["5m 15", "5m 20", "5m 25"]);
    assert_eq!(feed.tally(), &Tally { files: 1, rows: 3, ..Tally::default() });
    assert!(feed.take_remarks().is_empty() && feed.next().unwrap().is_none());
}

#[test]
fn coarser_candles_are_history_before_the_finest_begins_and_step_in_where_it_ends() {
    // 15m from 0:00, 5m from 0:15, 1m from 0:22 to 0:33.
    let files = Files::new().with(0, Timeframe::M15, 0..5).with(0, Timeframe::M1, 22..33).with(0, Timeframe::M5, 3..9);
    let mut feed = files.open().unwrap();
    assert_eq!(feed.starts_at(), Some(Timestamp(23 * MINUTE_MS)));
    let mut want: Vec<String> = ["15m 0h", "5m 15h"].map(str::to_owned).to_vec();
    want.extend((22..33).map(|minute| format!("1m {minute}")));
    want.extend(["5m 35", "5m 40", "15m 45", "15m 60"].map(str::to_owned));
    assert_eq!(short(&all(&mut feed)), want);
}

#[test]
fn a_coarser_candle_covers_a_gap_that_is_as_long_as_it_is() {
    let files = Files::new().with(0, Timeframe::M1, (0..5).chain(12..15)).with(0, Timeframe::M5, 0..3);
    let candles = short(&all(&mut files.open().unwrap()));
    assert_eq!(candles[4..], ["1m 4", "5m 5", "1m 12", "1m 13", "1m 14"]);
}

#[test]
fn each_symbol_has_a_beginning_of_its_own() {
    let files = Files::new().with(0, Timeframe::M1, 0..9).with(1, Timeframe::M5, 0..2).with(1, Timeframe::M1, 5..9);
    let mut feed = files.open().unwrap();
    assert_eq!(feed.starts_at(), Some(Timestamp(MINUTE_MS)));
    let candles = all(&mut feed);
    let other: Vec<_> = candles.iter().copied().filter(|closed| closed.symbol == SymbolId(1)).collect();
    assert_eq!(short(&other), ["5m 0h", "1m 5", "1m 6", "1m 7", "1m 8"]);
    let at_five = candles.iter().filter(|closed| closed.closes_at().0 == 5 * MINUTE_MS);
    assert_eq!(
        at_five.map(|closed| (closed.timeframe, closed.symbol.0)).collect::<Vec<_>>(),
        [(Timeframe::M1, 0), (Timeframe::M5, 1)]
    );
}

#[test]
fn what_the_files_offer_is_told_by_symbol() {
    let files = Files::new().with(0, Timeframe::H1, 0..2).with(0, Timeframe::M5, 0..2).with(0, Timeframe::H1, 2..3);
    let offers = files.open().unwrap().offers();
    assert_eq!(offers[0].timeframes, [Timeframe::M5, Timeframe::H1]);
    assert_eq!((offers[0].finest(), offers[1].finest()), (Some(Timeframe::M5), None));
    assert_eq!(offers.iter().map(|offer| offer.symbol.0).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn a_symbol_that_is_not_configured_is_an_error_that_names_file_and_list() {
    let files = Files::new().with(1, Timeframe::M1, 0..2);
    let error = Feed::open(&files.specs, &symbols()[..1]).err().unwrap().to_string();
    let want = "holds ETH/USDT:USDT, which is not among the symbols of this run: BTC/USDT:USDT";
    assert_eq!(error, format!("{} {want}", files.name(0)));
}

#[test]
fn gaps_and_doubled_rows_are_survived_counted_and_said_once_a_file() {
    let files = Files::new().with(0, Timeframe::M1, [0, 1, 1, 4, 4, 6]).with(0, Timeframe::M1, [8, 10]);
    let mut feed = files.open().unwrap();
    assert_eq!(short(&all(&mut feed)), ["1m 0", "1m 1", "1m 4", "1m 6", "1m 8", "1m 10"]);
    assert_eq!(feed.tally(), &Tally { files: 2, rows: 8, gaps: 4, missing: 5, doubled: 2 });
    assert_eq!(feed.tally().to_string(), "files 2, rows 8, gaps 4 (missing candles 5), doubled rows 2");
    let remarks = feed.take_remarks();
    for (remark, (file, want)) in remarks.iter().zip([
        (0, ":4: a doubled row, the 1m candle of BTC/USDT:USDT at 1970-01-01 00:01:00 UTC was there already"),
        (0, ":5: a gap before 1970-01-01 00:04:00 UTC, missing candles of BTC/USDT:USDT 1m: 2;"),
        (1, ":2: a gap before 1970-01-01 00:08:00 UTC, missing candles of BTC/USDT:USDT 1m: 1;"),
    ]) {
        assert!(remark.starts_with(&format!("{}{want}", files.name(file))), "{remark}");
    }
    assert_eq!((remarks.len(), feed.take_remarks().len()), (3, 0));
}

#[test]
fn files_in_any_order_are_chained_and_their_overlap_is_doubled() {
    let files =
        Files::new().with(0, Timeframe::M1, 20..30).with(0, Timeframe::M1, 0..12).with(0, Timeframe::M1, 10..20);
    let mut feed = files.open().unwrap();
    assert_eq!(all(&mut feed).len(), 30);
    assert_eq!(feed.tally(), &Tally { files: 3, rows: 32, doubled: 2, ..Tally::default() });
    let remarks = feed.take_remarks();
    assert!(
        remarks.len() == 1 && remarks[0].starts_with(&format!("{}:2: a doubled row", files.name(2))),
        "{remarks:?}"
    );
}

#[test]
fn a_bad_row_holds_back_no_good_one() {
    let files = Files::new().with(0, Timeframe::M1, 0..12);
    let text = std::fs::read_to_string(&files.specs[0].path).unwrap() + "660000,1,2,1,2,3\n0,1,2,1,2,3\n";
    std::fs::write(&files.specs[0].path, text).unwrap();
    let mut feed = files.open().unwrap();
    for _ in 0..12 {
        assert!(feed.next().unwrap().is_some());
    }
    let error = feed.next().unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}:15: opens at", files.name(0))), "{error}");
}

#[test]
fn a_file_that_is_replaced_in_between_is_noticed() {
    let files = Files::new().with(0, Timeframe::M1, 0..3).with(0, Timeframe::M1, 3..6);
    let mut feed = files.open().unwrap();
    write(&files.specs[1].path, [candle(0)].into_iter()).unwrap();
    let error = std::iter::from_fn(|| feed.next().transpose()).find_map(Result::err).unwrap();
    assert_eq!(error.to_string(), format!("{} was changed while it was in use", files.name(1)));
}

#[test]
fn a_loop_moves_on_by_whole_days_without_the_history() {
    // 26 hours of 1h candles with 4h history before them, and a gap in them.
    let files = Files::new().with(0, Timeframe::H4, 0..12).with(0, Timeframe::H1, (20..30).chain(31..46));
    let mut feed = files.open().unwrap().looped();
    let once = all(&mut files.open().unwrap());
    let prices: Vec<_> = once.iter().copied().filter(|closed| !closed.history).collect();
    assert_eq!((once.len(), prices.len()), (5 + 25, 25));
    let mut looped = std::iter::from_fn(|| feed.next().unwrap());
    assert_eq!(looped.by_ref().take(once.len()).collect::<Vec<_>>(), once);
    for round in 1..=3 {
        for want in &prices {
            let got = looped.next().unwrap();
            let open_time = want.candle.open_time.plus_ms(round * 2 * DAY_MS);
            assert_eq!(got, ClosedCandle { candle: Candle { open_time, ..want.candle }, ..*want });
        }
    }
    assert_eq!(feed.tally(), &Tally { files: 2, rows: 12 + 25, gaps: 1, missing: 1, doubled: 0 });
    assert_eq!(feed.take_remarks().len(), 1);
}

#[test]
fn whole_days_loop_without_a_hole_and_no_files_end_at_once() {
    let files = Files::new().with(0, Timeframe::H1, 5..29);
    let mut feed = files.open().unwrap().looped();
    let opens: Vec<_> = (0..60).map(|_| feed.next().unwrap().unwrap().candle.open_time.0 / HOUR_MS).collect();
    assert_eq!(opens, (5..65).collect::<Vec<_>>());
    assert!(Feed::open(&[], &symbols()).unwrap().looped().next().unwrap().is_none());
}

/// The files of a random feed: for each symbol and timeframe the places of its candles.
fn any_files() -> impl Strategy<Value = BTreeMap<(usize, Timeframe), BTreeSet<i64>>> {
    let key = (0..NAMES.len(), prop::sample::select(Timeframe::ALL[..6].to_vec()));
    let opens = prop::collection::vec((0i64..40, 1i64..30), 1..4)
        .prop_map(|runs| runs.into_iter().flat_map(|(first, length)| first..first + length).collect());
    prop::collection::btree_map(key, opens, 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_laws_of_the_merge(files in any_files()) {
        let written = files.iter().fold(Files::new(), |written, ((symbol, timeframe), opens)| {
            written.with(*symbol, *timeframe, opens.iter().copied())
        });
        let mut feed = written.open().unwrap();
        let starts_at = feed.starts_at();
        let delivered = all(&mut feed);
        let key = |closed: &ClosedCandle| (closed.closes_at(), closed.timeframe, closed.symbol);
        prop_assert!(delivered.windows(2).all(|pair| key(&pair[0]) < key(&pair[1])), "in order, none twice");
        prop_assert_eq!(delivered.iter().find(|closed| !closed.history).map(ClosedCandle::closes_at), starts_at);
        for symbol in 0..NAMES.len() {
            let prices: Vec<_> =
                delivered.iter().filter(|closed| closed.symbol.index() == symbol && !closed.history).collect();
            prop_assert!(prices.windows(2).all(|pair| pair[0].closes_at() <= pair[1].candle.open_time), "no overlap");
            let mine = files.iter().filter(|((other, _), _)| *other == symbol);
            let begin = mine.clone().next().map_or(0, |((_, finest), opens)| finest.ms() * opens.first().unwrap());
            for ((_, timeframe), opens) in mine {
                for open in opens.iter().map(|open| open * timeframe.ms()) {
                    let close = open + timeframe.ms();
                    let found = delivered.iter().find(|closed| {
                        (closed.symbol.index(), closed.timeframe, closed.candle.open_time.0) == (symbol, *timeframe, open)
                    });
                    let overlaps = |closed: &&&ClosedCandle| {
                        closed.candle.open_time.0 < close && closed.closes_at().0 > open
                    };
                    match found {
                        Some(closed) => prop_assert_eq!(closed.history, close <= begin),
                        None => prop_assert!(
                            close > begin && (open < begin || prices.iter().find(overlaps).is_some()),
                            "passed over without a reason: {} {}", timeframe, open
                        ),
                    }
                }
            }
        }
    }
}
