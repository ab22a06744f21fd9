//! Time that stands still for a while. Clocks that are set are tested where they are compared, in `run/clocks.rs`.

use crate::common::{Running, bot};
use rustix::process::Signal;
use std::{
    fs, thread,
    time::{Duration, Instant},
};

const HEARTBEAT: &str = "💓 Heartbeat - ";
const SAID: &str = " - WARNING Clock: the process stood still for ";
/// The loop means to be away for a second at most; what is longer by 5 s is a stall.
const STOPPED: Duration = Duration::from_millis(6_500);
/// For what must happen at once, on a busy machine.
const ROOM: Duration = Duration::from_millis(500);

fn state(running: &Running) -> char {
    let stat = fs::read_to_string(format!("/proc/{}/stat", running.child.id())).unwrap();
    stat.rsplit_once(')').unwrap().1.trim_start().chars().next().unwrap()
}

fn stop_and_go_on(bots: [&Running; 2]) -> Instant {
    let since = Instant::now();
    for bot in bots {
        bot.signal(Signal::STOP);
        while state(bot) != 'T' {
            assert!(since.elapsed() < Duration::from_secs(10), "it does not stop");
            thread::sleep(Duration::from_millis(1));
        }
    }
    thread::sleep(STOPPED);
    bots.into_iter().for_each(|bot| bot.signal(Signal::CONT));
    Instant::now()
}

#[test]
fn a_bot_that_was_stopped_goes_on_says_so_and_beats_as_before() {
    let mut command = bot(&["--paper"]);
    let mut running = Running::start(command.env("HEALTH_CHECK_INTERVAL", "2"));
    let mut without_beats = Running::start(&mut bot(&["--paper"]));
    without_beats.wait_for("🔄 Processing");
    running.wait_for(HEARTBEAT);
    let went_on = stop_and_go_on([&running, &without_beats]);
    for bot in [&mut running, &mut without_beats] {
        let said = bot.wait_for(SAID);
        assert!(said.at - went_on < ROOM, "{:?}", said.at - went_on);
    }
    while running.seen.iter().filter(|line| line.text.contains(HEARTBEAT)).count() < 3 {
        running.wait_for(HEARTBEAT);
    }
    let started = running.started;
    running.signal(Signal::TERM);
    let ended = running.end();
    assert_eq!((ended.code(), ended.stderr.as_str(), ended.with(SAID).count()), (Some(0), "", 1), "{}", ended.stdout());
    let telling = ended.with(HEARTBEAT).filter(|beat| beat.text.contains("degraded (the process stood still for "));
    assert_eq!(telling.count(), 1, "one heartbeat has the reason: {}", ended.stdout());
    // Those that fell into the stop are one, at once; then come the multiples of the interval again.
    let beats: Vec<_> = ended.with(HEARTBEAT).map(|beat| beat.at).collect();
    let next_s = (went_on - started).as_secs() / 2 * 2 + 2;
    let due = [started + Duration::from_secs(2), went_on, started + Duration::from_secs(next_s)];
    assert_eq!(beats.len(), due.len(), "{}", ended.stdout());
    for (beat, due) in beats.into_iter().zip(due) {
        let early = Duration::from_millis(20);
        assert!(beat + early >= due && beat < due + ROOM, "{:?} against {:?}", beat - started, due - started);
    }
}
