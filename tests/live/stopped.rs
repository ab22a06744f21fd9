//! A bot that stood still while the market went on.

use super::{Place, Played, assert_clean, course::Course, eager, health};
use rustix::process::Signal;
use std::{thread, time::Duration};

/// A minute in three seconds.
const SPEED: &str = "20";
/// By then a decision is too old to be acted on, in ms.
const OLD: i64 = 5_000;
/// Longer than what counts as standing still (5 s), and two minutes of the market.
const STILL: Duration = Duration::from_millis(6_500);

#[test]
fn a_bot_that_stood_still_says_so_and_acts_on_nothing_of_that_time() {
    let exchange = Played::open(&["--speed", SPEED, "--symbols", "BTCUSDT"]);
    let place = Place::new(&exchange.address, &eager("1m", 99));
    let mut running = place.trade(SPEED, &["--symbols", "BTCUSDT"]);
    running.wait_for("[ENTRY]");
    let from = exchange.time();
    running.signal(Signal::STOP);
    thread::sleep(STILL);
    let until = exchange.time();
    running.signal(Signal::CONT);
    running.wait_for("Clock: the process stood still for ");
    running.wait_for("came by REST what was missed");
    running.wait_for("[ENTRY]");
    running.wait_for("[ENTRY]");
    running.wait_for("[POSITION-CLOSED]");
    running.wait_for("Heartbeat");
    running.signal(Signal::TERM);
    let ended = running.end();
    assert_clean(&ended);
    assert_eq!(health(&ended), "healthy", "{}", ended.stdout());
    let course = Course::read(&place);
    let decided: Vec<i64> = course.decided.iter().map(|at| at.0).collect();
    assert!(decided.iter().any(|at| *at < from) && decided.iter().any(|at| *at > until), "{decided:?}");
    let old: Vec<_> = decided.iter().filter(|at| (from..until - OLD).contains(*at)).collect();
    assert!(old.is_empty(), "entries of {old:?}, within {from} to {until}:\n{}", ended.stdout());
    assert!(place.trades("o").len() > 2, "{}", ended.stdout());
    // but all of it was told, once
    assert!(course.assert_equals(&exchange) > 3);
    let meanwhile = course.minutes.iter().filter(|minute| (from..until).contains(&(minute.open_time.0 + 60_000)));
    assert!(meanwhile.count() >= 2, "{:?}", course.minutes);
}
