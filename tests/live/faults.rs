//! Each fault of the exchange alone, and all together: what the trader hears stays true, and the bot is well again soon after they end.

use super::{Place, Played, assert_clean, course::Course, eager, health};
use rustix::process::Signal;
use std::{thread, time::Duration};

/// The exchange's and the bot's: a minute in three seconds, so that a busy machine's delays stay below the gateway's limits.
const SPEED: &str = "20";
/// When the exchange opens: 2025-01-01.
const OPENS: i64 = 1_735_689_600_000;
/// Faults end so many seconds after that, but bans begin no later than this: the first request's is for two minutes, and a second would be for four.
const UNTIL: i64 = 180;
const NO_BAN_AFTER: i64 = 30;
const BAN: i64 = 120;
/// Then the bot is well again within so many.
const WELL_AFTER: i64 = 120;
/// How long the bot runs, in seconds of the process: beyond all of that.
const RUN: &str = "19";

/// Far more often than is usual, so that each of these few minutes has some. Candles come late where requests are disturbed, so that there is
/// something to ask for.
const FAULTS: [&str; 18] = [
    "slow=0.5,late=1",
    "5xx=0.5,late=1",
    "html=0.5,late=1",
    "cut=0.5,late=1",
    "stale=0.5,late=1",
    "throttle=0.3,late=1",
    "ban=1",
    "doubled=0.3",
    "reordered=0.3",
    "lost=0.3",
    "late=1",
    "absurd=0.1",
    "unknown=0.3",
    "flood=0.01",
    "silent=0.9",
    "disconnect=0.9",
    "close=0.9",
    // a ban is longer than the time that is left
    "all=0.1,ban=0,flood=0.005",
];

/// Both programs' part in one fault; what is wrong, and what was seen.
fn suffer(fault: &str) -> String {
    let (until, lasts) = if fault.starts_with("ban") { (NO_BAN_AFTER, BAN) } else { (UNTIL, 0) };
    let exchange =
        Played::open(&["--speed", SPEED, "--symbols", "BTCUSDT", "--faults", &format!("{fault},until={until}")]);
    let place = Place::new(&exchange.address, &eager("1m", 99));
    let ended = place.trade(SPEED, &["--symbols", "BTCUSDT", "--duration", RUN]).end();
    assert_clean(&ended);
    let course = Course::read(&place);
    let minutes = course.assert_equals(&exchange);
    let over = OPENS + (until + lasts) * 1000;
    assert!(course.was_live_within(over, over + WELL_AFTER * 1000), "{:?}\n{}", course.feed, ended.stdout());
    assert_eq!(health(&ended), "healthy", "{}", ended.stdout());
    assert!(place.trades("o").len() > 1, "{}", ended.stdout());
    exchange.running.signal(Signal::TERM);
    let closed = exchange.running.end();
    assert_eq!(closed.code(), Some(0), "{}{}", closed.stdout(), closed.stderr);
    let told = closed.with("So far: ").last().map(|line| line.message().to_owned()).unwrap_or_default();
    assert!(never_done(fault).is_none_or(|words| !told.contains(words)), "{told}");
    format!(
        "{fault}: {minutes} minutes, {} trades, {} words on the feed; {told}",
        place.trades("o").len(),
        course.feed.len()
    )
}

/// The exchange's own word that it never did this; for what it counts.
fn never_done(fault: &str) -> Option<&'static str> {
    match fault.split('=').next().unwrap() {
        "slow" => Some(" 0 late,"),
        "5xx" => Some(" 0 with 5xx,"),
        "cut" => Some(" 0 cut), 2 streams"),
        "throttle" | "ban" => Some(" 0 with 4xx,"),
        "disconnect" => Some(" frames (0 cut)"),
        "close" => Some(" streams (0 closed,"),
        "silent" => Some(", 2 streams "), // a silent one is given up, and replaced
        _ => None,
    }
}

#[test]
fn what_the_exchange_does_wrong_is_never_believed_and_does_no_lasting_harm() {
    // all at once, since each is but waited for; not all begun at once, since a start is work
    let wrong: Vec<String> = thread::scope(|scope| {
        let mut tries = vec![];
        for fault in FAULTS {
            tries.push((fault, scope.spawn(move || println!("{}", suffer(fault)))));
            thread::sleep(Duration::from_millis(150));
        }
        let failed = tries.into_iter().filter_map(|(fault, tried)| Some((fault, tried.join().err()?)));
        failed
            .map(|(fault, why)| format!("{fault}: {}", why.downcast_ref::<String>().map_or("", String::as_str)))
            .collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
