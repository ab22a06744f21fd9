//! `bot download` against an exchange on this machine: what is fetched, what is not, and what a cut costs.

use crate::{
    common::{Ended, Running, bot, run},
    venue::{Book, DAY, HOUR, MINUTE, Venue, rate, raw, row},
};
use flate2::read::GzDecoder;
use proptest::prelude::*;
use rustix::process::Signal;
use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    sync::Mutex,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// 2025-08-01.
const AUGUST: i64 = 1_754_006_400_000;
const HEADER: &str = "open_time_ms,open,high,low,close,volume";

struct Place {
    folder: TempDir,
    venue: Venue,
    config: PathBuf,
}

impl Place {
    fn new(book: Book) -> Self {
        let (folder, venue) = (tempfile::tempdir().unwrap(), Venue::open(book));
        let config = venue.config(folder.path());
        Self { folder, venue, config }
    }

    /// `bot download BTCUSDT`, with the rest of the line.
    fn start(&self, line: &str) -> Running {
        let mut args = vec!["download", "BTCUSDT"];
        args.extend(line.split_whitespace());
        args.extend(["--config", self.config.to_str().unwrap()]);
        Running::start(bot(&args).current_dir(self.folder.path()))
    }

    fn get(&self, line: &str) -> Ended {
        self.start(line).end()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Everything in the folder but the configuration.
    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.retain(|name| name != "venue.toml");
        names.sort();
        names
    }
}

fn book() -> Book {
    Book { now: Some(AUGUST + 40 * DAY + 30_000), ..Book::default() }
}

fn unpacked(path: &Path) -> String {
    let mut text = String::new();
    GzDecoder::new(fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

/// The file that holds the candles of these minutes.
fn want(minutes: impl Iterator<Item = i64>) -> String {
    minutes.fold(format!("{HEADER}\n"), |text, minute| text + &row(AUGUST + minute * MINUTE) + "\n")
}

/// Without showing two long files where they differ.
fn same(path: &Path, want: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text == want, "{}: {} lines, {} are wanted", path.display(), text.lines().count(), want.lines().count());
}

fn fine(ended: &Ended) {
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
}

#[test]
fn pages_become_one_file_that_is_replayed() {
    let place = Place::new(book());
    let ended = place.get("1m --from 2025-08-01 --to 2025-08-03");
    fine(&ended);
    let name = "BTCUSDT-1m-2025-08-01-2025-08-03.csv.gz";
    assert_eq!(place.names(), [name]);
    assert_eq!(unpacked(&place.path(name)), want(0..2880));
    assert_eq!(place.venue.count("klines"), 3);
    let said = "written: 2880 1m candles of BTC/USDT:USDT, 2025-08-01 00:00 UTC to 2025-08-02 23:59 UTC, no gap";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    let replayed = run(&["--paper", "--replay", place.path(name).to_str().unwrap(), "--speed", "max"]);
    assert_eq!(replayed.code(), Some(0), "{}", replayed.stderr);
    assert!(replayed.with("Data: 2880 rows of 1 file, 0 gaps (0 candles missing), 0 doubled rows").next().is_some());

    let again = place.get("1m --from 2025-08-01 --to 2025-08-03");
    assert_eq!((again.code(), again.stderr.contains("is there already; --force replaces it")), (Some(2), true));
    fine(&place.get("1m --from 2025-08-01 --to 2025-08-03 --force"));
    assert_eq!(unpacked(&place.path(name)), want(0..2880));
}

#[test]
fn only_what_is_finished_is_taken_and_a_name_of_ones_own_is_explained() {
    let place = Place::new(Book { now: Some(AUGUST + 90 * MINUTE + 30_000), ..Book::default() });
    let ended = place.get("1m --from 2025-08-01T00:30 --to 2025-08-09 --out x.csv");
    fine(&ended);
    same(&place.path("x.csv"), &want(30..90));
    for said in ["--to lies in the future: up to 2025-08-01 01:30 UTC", "--replay BTC/USDT:USDT@1m=x.csv"] {
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
    let ended = place.get("1h --from 2025-08-01T00:30 --out ./");
    assert_eq!(ended.code(), Some(2), "{}", ended.stderr);
    assert_eq!(place.names(), ["x.csv"], "01:00 to 02:00 is not finished, so this is no file");
}

#[test]
fn gaps_are_said_and_never_filled() {
    let missing = |at: i64| [100, 101, 102, 1500].contains(&((at - AUGUST) / MINUTE));
    let place = Place::new(Book { missing, ..book() });
    let ended = place.get("1m --from 2025-08-01 --to 2025-08-03 --out a.csv");
    fine(&ended);
    let there = (0..2880).filter(|minute| ![100, 101, 102, 1500].contains(minute));
    same(&place.path("a.csv"), &want(there));
    assert!(ended.stderr.contains("2 gaps (4 missing, the first after 2025-08-01 01:39 UTC)"), "{}", ended.stderr);
}

#[test]
fn a_market_that_began_later_or_ended_earlier_is_said() {
    let missing = |at: i64| at >= AUGUST + 2 * DAY;
    let place = Place::new(Book { listed: AUGUST + 1440 * MINUTE, missing, ..book() });
    let ended = place.get("1m --from 2025-08-01 --to 2025-08-04 --out a.csv");
    fine(&ended);
    same(&place.path("a.csv"), &want(1440..2880));
    for said in [
        "The first candle is of 2025-08-02 00:00 UTC: the exchange has none from 2025-08-01 00:00 UTC on",
        "The last candle is of 2025-08-02 23:59 UTC: the exchange has none of the 1440 after it",
        "no gap",
    ] {
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
}

#[test]
fn funding_rates_have_a_file_of_their_own() {
    let place = Place::new(book());
    fine(&place.get("4h --from 2025-08-01 --to 2025-08-11 --funding"));
    let text = unpacked(&place.path("BTCUSDT-funding-2025-08-01-2025-08-11.csv.gz"));
    let want = (0..=30).map(|n| AUGUST + n * 8 * HOUR).map(|at| format!("{at},{}\n", rate(at))).collect::<String>();
    assert_eq!(text, format!("funding_time_ms,rate\n{want}"));
    assert_eq!(place.names().len(), 2);
}

#[test]
fn what_cannot_be_had_is_wrong_usage_and_leaves_nothing() {
    let place = Place::new(Book { listed: AUGUST + 20 * DAY, symbols: &["ETHUSDT"], ..book() });
    for (line, want) in [
        ("1m --from 2025-08-01 --to 2025-08-03", "the exchange knows no BTCUSDT (HTTP 400, -1121: Invalid symbol.)"),
        ("1m --from 2030-01-01", "--from lies in the future: the exchange's clock shows 2025-09-10 00:00 UTC"),
        ("1m --from yesterday", "--from is `yesterday`, but must be a date such as 2025-08-01"),
        ("7m --from 2025-08-01", "`7m` is no timeframe; allowed are 1m, 3m"),
        ("1m --from 2025-08-01 --network moon", "--network is \"moon\", but must be \"mainnet\""),
    ] {
        let ended = place.get(line);
        assert_eq!(ended.code(), Some(2), "{line}: {}", ended.stderr);
        assert!(ended.stderr.contains(want), "{line}: {}", ended.stderr);
        assert_eq!(place.names(), [""; 0], "{line}");
    }
    let place = Place::new(Book { listed: AUGUST + 20 * DAY, ..book() });
    let ended = place.get("1m --from 2025-08-01 --to 2025-08-03");
    assert_eq!((ended.code(), place.names()), (Some(2), Vec::new()), "{}", ended.stderr);
    let want = "no finished 1m candle between 2025-08-01 00:00 UTC and 2025-08-03 00:00 UTC";
    assert!(ended.stderr.contains(want), "{}", ended.stderr);
}

/// Each trouble stands in the place of the answer to the third request, the second page; what follows is true again.
#[test]
fn troubles_that_pass_cost_nothing_but_time() {
    let html = "<html><body>Bad gateway</body></html>";
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n[[1754066400000,\"1\"".to_vec();
    for (name, instead, least, said) in [
        (
            "429",
            raw(429, "Retry-After: 1\r\n", r#"{"code":-1003,"msg":"Too many requests."}"#),
            1000,
            "waiting 1 s, as the exchange demands",
        ),
        ("500", raw(500, "", r#"{"code":-1000,"msg":"x"}"#), 1000, "HTTP 500, -1000: x; trying again in 1 s"),
        ("502", raw(502, "content-type: text/html\r\n", html), 1000, "HTTP 502: <html>"),
        ("html with 200", raw(200, "", html), 1000, "trying again in 1 s"),
        ("cut body", cut, 1000, "no answer: "),
        ("an empty list", raw(200, "", "[]"), 1000, "the exchange gives no candles from 2025-08-01 16:40 UTC on"),
        ("nothing", Vec::new(), 1000, "no answer: "),
    ] {
        let plan = move |number: usize, _: &str| (number == 2).then(|| instead.clone());
        let place = Place::new(Book { plan: Box::new(plan), ..book() });
        let ended = place.get("1m --from 2025-08-01 --to 2025-08-02 --out a.csv");
        assert_eq!(ended.code(), Some(0), "{name}: {}", ended.stderr);
        same(&place.path("a.csv"), &want(0..1440));
        assert!(ended.stderr.contains(said), "{name}: {}", ended.stderr);
        let asked = place.venue.asked();
        let waited = asked.last().unwrap().0 - asked[2].0;
        assert!(waited >= Duration::from_millis(least), "{name}: {waited:?}");
    }
}

#[test]
fn a_ban_is_kept_to_its_last_millisecond() {
    let until = Mutex::new(None);
    let clock = move |number: usize, path: &str| {
        let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        let mut until = until.lock().unwrap();
        match (number, *until) {
            (1, _) => {
                let end = now() + 1200;
                *until = Some(end);
                let text =
                    format!(r#"{{"code":-1003,"msg":"Way too much request weight used; IP banned until {end}."}}"#);
                Some(raw(418, "", &text))
            }
            (_, Some(end)) if now() < end => panic!("{path} was asked {} ms too early", end - now()),
            _ => None,
        }
    };
    let place = Place::new(Book { plan: Box::new(clock), ..Book::default() });
    let ended = place.get("1h --from 2025-08-01 --to 2025-08-02 --out a.csv");
    fine(&ended);
    assert!(
        ended.stderr.contains("banned until") && ended.stderr.contains("as the exchange demands"),
        "{}",
        ended.stderr
    );
    assert_eq!(fs::read_to_string(place.path("a.csv")).unwrap().lines().count(), 25);
}

/// The part of a download that was killed, cut at any byte: what becomes of it is the same file.
#[test]
fn a_part_of_any_length_becomes_the_same_file() {
    let place = Place::new(book());
    fine(&place.get("1m --from 2025-08-01 --to 2025-08-02 --out whole.csv"));
    let whole = fs::read_to_string(place.path("whole.csv")).unwrap();
    let source = format!("http://{}", place.venue.address);
    let to = AUGUST + DAY;
    let head = format!("# bot download: BTCUSDT 1m from {AUGUST} to {to} of {source}\n");
    let part = head.clone() + &whole;
    let lengths = (0..=part.len(), any::<bool>());
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig { cases: 40, ..ProptestConfig::default() });
    let check = |(length, zeros): (usize, bool)| {
        let mut cut = part.as_bytes()[..length].to_vec();
        // a plug that was pulled may leave what was never written
        cut.extend(if zeros && length > head.len() + HEADER.len() + 1 { vec![0; 300] } else { Vec::new() });
        fs::write(place.path("a.csv.part"), cut).unwrap();
        let before = place.venue.count("klines");
        let ended = place.get("1m --from 2025-08-01 --to 2025-08-02 --out a.csv --force");
        prop_assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        same(&place.path("a.csv"), &whole);
        prop_assert_eq!(place.names(), ["a.csv", "whole.csv"]);
        let rows = part[..length].matches('\n').count().saturating_sub(2);
        prop_assert_eq!(place.venue.count("klines") - before, (1440 - rows).div_ceil(1000), "{} rows were there", rows);
        Ok(())
    };
    runner.run(&lengths, check).unwrap();
    for length in [0, 1, head.len() - 1, head.len(), head.len() + HEADER.len(), part.len() - 1, part.len()] {
        check((length, false)).unwrap();
    }
}

#[test]
fn a_part_of_another_download_is_left_alone() {
    let place = Place::new(book());
    for other in [
        "open_time_ms,open,high,low,close,volume\n1754006400000,1,1,1,1,1\n".to_owned(),
        format!(
            "# bot download: BTCUSDT 1m from {} to {} of http://{}\n{HEADER}\n",
            AUGUST - DAY,
            AUGUST + DAY,
            place.venue.address
        ),
        "# bot download: ETHUSDT".to_owned(),
    ] {
        fs::write(place.path("a.csv.part"), &other).unwrap();
        let ended = place.get("1m --from 2025-08-01 --to 2025-08-02 --out a.csv");
        assert_eq!(ended.code(), Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains("a.csv.part is not a part of this download; delete it"), "{}", ended.stderr);
        assert_eq!(fs::read_to_string(place.path("a.csv.part")).unwrap(), other);
    }
}

/// From the third request on nothing is answered, so that the download stands still when the signal comes.
#[test]
fn a_signal_cuts_it_and_the_same_command_goes_on() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let silent = Mutex::new(true);
        let silent: &'static Mutex<bool> = Box::leak(Box::new(silent));
        let plan = move |number: usize, _: &str| {
            let until = Instant::now() + Duration::from_secs(20);
            while number >= 2 && *silent.lock().unwrap() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(5));
            }
            None
        };
        let place = Place::new(Book { plan: Box::new(plan), ..book() });
        let running = place.start("1m --from 2025-08-01 --to 2025-08-03 --out a.csv");
        let until = Instant::now() + Duration::from_secs(20);
        while place.venue.count("klines") < 2 {
            assert!(Instant::now() < until, "no second page was asked for");
            std::thread::sleep(Duration::from_millis(5));
        }
        running.signal(signal);
        let ended = running.end();
        assert_eq!(ended.code(), Some(code), "{}", ended.stderr);
        let said =
            "bot: stopped; a.csv.part has 1000 rows up to 2025-08-01 16:39 UTC, and the same command goes on there";
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
        assert_eq!(place.names(), ["a.csv.part"]);
        *silent.lock().unwrap() = false;
        let before = place.venue.count("klines");
        let ended = place.get("1m --from 2025-08-01 --to 2025-08-03 --out a.csv");
        fine(&ended);
        assert!(ended.stderr.contains("Going on with a.csv.part: 1000 rows"), "{}", ended.stderr);
        assert_eq!(place.venue.count("klines") - before, 2);
        same(&place.path("a.csv"), &want(0..2880));
    }
}

#[test]
fn a_place_that_shuts_us_out_is_no_reason_to_ask_again() {
    let place = Place::new(Book { plan: Box::new(|_, _| Some(raw(403, "", "<html>no</html>"))), ..book() });
    let ended = place.get("1m --from 2025-08-01");
    assert_eq!((ended.code(), place.venue.asked().len()), (Some(1), 1), "{}", ended.stderr);
    assert!(ended.stderr.contains("the exchange shuts this place out (HTTP 403"), "{}", ended.stderr);
}
