//! The same candles twice: played by an exchange to a bot on its prices, and replayed by a bot. Both must want the same.
//!
//! What may differ, and why:
//! - **Entry prices.** A replay knows of a minute only open, high, low and close, and fills at the next minute's open. An exchange shows a path
//!   through the minute with bid and ask, and a bot fills at the quote that it sees some time after the close.
//! - **Exits.** For the same reason a stop or a target within a minute may be met in one and not in the other, and what follows shifts. So positions
//!   here end by time (a replay looks at the clock when the minute is over), long before the next close of three minutes: an entry depends on candles
//!   alone, and can be compared with its twin.
//! - **Skipped entries.** A busy machine may take a fast bot longer than the 5 s of the market after which a signal is too old to be acted on. Then
//!   the log says so, once for each entry that is missing.

use super::{Place, Played, assert_clean, eager};
use crate::common::generate;
use rustix::process::Signal;
use std::collections::BTreeMap;

/// A minute a second: the market's 5 s are 83 ms.
const SPEED: &str = "60";
/// How long the bot trades, in seconds: 24 minutes, with eight closes of three symbols.
const RUN: &str = "24";
/// So many entries are the same at least.
const FEWEST: usize = 6;
/// Prices of one entry are not further apart than this part: a minute's way, and a spread.
const APART: f64 = 0.005;

/// Entries by the close they were decided at: symbol, side, and the price.
type Entries = BTreeMap<(i64, String, String), f64>;

fn entries(place: &Place, folder: &str) -> Entries {
    let of = |trade: &Vec<String>| {
        let (entered, price): (i64, f64) = (trade[3].parse().unwrap(), trade[4].parse().unwrap());
        ((entered / 60_000 * 60_000, trade[0].clone(), trade[2].clone()), price)
    };
    place.trades(folder).iter().map(of).collect()
}

#[test]
fn an_exchange_that_plays_candles_leads_to_the_entries_of_their_replay() {
    let recorded = tempfile::tempdir().unwrap();
    let files = [("BTC", "5"), ("ETH", "6"), ("SOL", "7")].map(|(coin, seed)| {
        let symbol = format!("{coin}/USDT:USDT");
        generate(recorded.path(), &format!("{coin}USDT-1m.csv"), &["--days", "1", "--seed", seed, "--symbol", &symbol])
    });
    let files = files.each_ref().map(String::as_str);
    let exchange = Played::open(&[&["--speed", SPEED, "--replay"], &files[..]].concat());
    let place = Place::new(&exchange.address, &eager("3m", 55));

    let live = place.trade(SPEED, &["--duration", RUN, "--debug"]).end();
    assert_clean(&live);
    let ends = exchange.time();
    exchange.running.signal(Signal::TERM);

    let args = ["--paper", "--speed", "max", "--out", "r", "--config", "bot.toml", "--replay"];
    let replayed = place.run(&[&args[..], &files].concat()).end();
    assert_clean(&replayed);

    let (live_entries, replayed) = (entries(&place, "o"), entries(&place, "r"));
    let first = live_entries.keys().next().expect("an entry at least").0;
    // a position of the last minutes may still be open in the one and not in the other
    let span = |entries: &Entries| -> Entries {
        entries
            .iter()
            .filter(|((at, ..), _)| (first..ends - 180_000).contains(at))
            .map(|(k, v)| (k.clone(), *v))
            .collect()
    };
    let (ours, twins) = (span(&live_entries), span(&replayed));
    for (key, price) in &ours {
        let twin =
            twins.get(key).unwrap_or_else(|| panic!("{key:?} is not in the replay: {twins:?}\n{}", live.stdout()));
        let apart = price / twin - 1.0;
        println!("{key:?}: {price}, in the replay {twin}: {:+.3} %", 100.0 * apart);
        assert!(apart.abs() < APART, "{key:?}: {price} and {twin}");
    }
    let missing: Vec<_> = twins.keys().filter(|key| !ours.contains_key(key)).collect();
    let excused = live.with("not taken: stale data").count();
    println!("{} entries are the same; {} missing, {excused} excused", ours.len(), missing.len());
    assert!(missing.len() <= excused, "{missing:?} are missing:\n{}", live.stdout());
    assert!(ours.len() >= FEWEST, "{} entries", ours.len());
}
