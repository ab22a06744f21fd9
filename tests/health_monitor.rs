//! The promises of the health monitor, against the real thing: it runs beside the trading loop and never in its way.

use async_io::{Timer, block_on};
use futures_lite::future::{or, yield_now, zip};
use smol::LocalExecutor;
use smolbear::{
    run::{
        health::{HealthMonitor, HealthSettings, Status, TASK, Vitals},
        tasks::{self, How, TaskEnd},
    },
    stop::{Cause, Stop, Wait},
};
use std::{
    cell::Cell,
    env,
    process::Command,
    time::{Duration, Instant},
};

const TICK: Duration = Duration::from_millis(10);

/// A monitor with so much memory allowed that only what the test does can make it unwell.
fn monitor(interval: Duration) -> (HealthMonitor, Vitals) {
    let vitals = Vitals::default();
    let settings = HealthSettings { interval, memory_mb: 100_000, ..HealthSettings::default() };
    (HealthMonitor::new(settings, vitals.clone()), vitals)
}

/// Runs `test` as the launch runs the bot: one thread, one executor.
fn on_one_thread<T>(test: impl AsyncFnOnce(&LocalExecutor<'static>) -> T) -> T {
    let executor = LocalExecutor::new();
    block_on(executor.run(test(&executor)))
}

async fn beats(monitor: &HealthMonitor, at_least: u64) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while monitor.health_report().heartbeats < at_least {
        assert!(Instant::now() < deadline, "fewer than {at_least} heartbeats");
        Timer::after(TICK).await;
    }
}

#[test]
fn health_monitor_non_blocking() {
    on_one_thread(async |executor| {
        let (monitor, _) = monitor(Duration::from_secs(300));
        let started = Instant::now();
        monitor.start(executor);
        assert!(started.elapsed() < Duration::from_secs(1));
        yield_now().await;
        assert!(monitor.is_running());
        monitor.stop().await;
        assert!(!monitor.is_running());
    });
}

#[test]
fn health_monitor_concurrent_execution() {
    on_one_thread(async |executor| {
        let (monitor, _) = monitor(TICK);
        monitor.start(executor);
        let mut turns = 0;
        while monitor.health_report().heartbeats < 3 {
            Timer::after(Duration::from_millis(1)).await;
            turns += 1;
            assert!(turns < 10_000, "no heartbeat in {turns} turns of the main loop");
        }
        assert!(turns > 3, "the main loop made only {turns} turns");
        monitor.stop().await;
    });
}

#[test]
fn health_monitor_idempotent_start() {
    on_one_thread(async |executor| {
        let (monitor, _) = monitor(Duration::from_millis(200));
        let first: *const HealthMonitor = monitor.start(executor);
        let second: *const HealthMonitor = monitor.start(executor);
        assert_eq!(first, second, "the second start gives the running monitor");
        let started = Instant::now();
        beats(&monitor, 2).await;
        assert!(started.elapsed() > Duration::from_millis(350), "two tasks would have beaten twice as often");
        monitor.stop().await;
        assert!(!monitor.is_running(), "one stop ends what two starts began");
    });
}

#[test]
fn health_monitor_graceful_shutdown() {
    on_one_thread(async |executor| {
        let (monitor, _) = monitor(Duration::from_secs(3_600));
        monitor.stop().await; // before the start it does nothing
        monitor.start(executor);
        yield_now().await;
        let asked = Instant::now();
        monitor.stop().await;
        assert!(asked.elapsed() < Duration::from_secs(2));
        assert_eq!(monitor.ended().await, TaskEnd { name: TASK, how: How::Returned(()) });
        monitor.stop().await;
    });
}

#[test]
fn health_monitor_with_short_interval() {
    const NAME: &str = "HEALTH_CHECK_INTERVAL";
    let Ok(seconds) = env::var(NAME) else {
        // The environment can only be set for a process that begins: this test, again.
        let test = ["--exact", "health_monitor_with_short_interval"];
        let child = Command::new(env::current_exe().unwrap()).args(test).env(NAME, "1").output().unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
        return;
    };
    let interval = Duration::from_secs(seconds.parse().unwrap());
    on_one_thread(async |executor| {
        let (monitor, _) = monitor(interval);
        let started = Instant::now();
        monitor.start(executor);
        beats(&monitor, 1).await;
        let report = monitor.health_report();
        let beat = report.last_heartbeat.unwrap().duration_since(started);
        assert!((interval..interval + Duration::from_millis(500)).contains(&beat), "{beat:?}");
        assert_eq!((report.status, report.reasons), (Status::Healthy, vec![]));
        monitor.stop().await;
    });
}

#[test]
fn health_monitor_stop_event() {
    on_one_thread(async |executor| {
        let (monitor, _) = monitor(Duration::from_millis(20));
        monitor.start(executor);
        beats(&monitor, 2).await;
        monitor.stop().await;
        let beaten = monitor.health_report().heartbeats;
        Timer::after(Duration::from_millis(100)).await;
        assert_eq!(monitor.health_report().heartbeats, beaten, "no heartbeat after the stop");
    });
}

#[test]
fn multiple_start_stop_cycles() {
    on_one_thread(async |executor| {
        let (monitor, _) = monitor(TICK);
        for cycle in 1..=20 {
            monitor.start(executor);
            assert!(monitor.is_running());
            if cycle % 5 == 0 {
                beats(&monitor, cycle / 5).await;
            }
            monitor.stop().await;
            assert!(!monitor.is_running());
        }
        assert!(executor.is_empty(), "no task is left");
        assert!(monitor.health_report().heartbeats >= 4, "the counters go on over the cycles");
    });
}

#[derive(Debug, Clone, Copy)]
enum Ending {
    Normal,
    Error,
    Panic,
}

/// A trading loop that ends in one of three ways after a few turns, with the vitals written as the real one does.
async fn trading_loop(vitals: Vitals, stop: Stop, ending: Ending) -> Result<u64, String> {
    for turn in 1.. {
        vitals.turn_started(Instant::now());
        vitals.turn_ended(Instant::now());
        match ending {
            Ending::Error if turn == 10 => return Err("the exchange is gone".to_owned()),
            Ending::Panic if turn == 10 => panic!("meant by the test"),
            _ if stop.or_after(TICK).await == Wait::Stopped => return Ok(turn),
            _ => {}
        }
    }
    unreachable!("the loop has no end of its own")
}

#[test]
fn health_monitor_does_not_block_trading_loop() {
    for ending in [Ending::Normal, Ending::Error, Ending::Panic] {
        on_one_thread(async |executor| {
            let (monitor, vitals) = monitor(Duration::from_millis(30));
            let stop = Stop::new();
            monitor.start(executor);
            let mut trading = tasks::spawn(executor, "trading loop", trading_loop(vitals, stop.clone(), ending));
            let early = or(async { Some((&mut trading).await) }, async {
                Timer::after(Duration::from_millis(300)).await;
                None
            });
            let end = match early.await {
                Some(end) => end,
                None => {
                    stop.stop(Cause::DurationReached);
                    trading.await
                }
            };
            let running = monitor.is_running();
            monitor.stop().await;
            match (ending, end.how) {
                (Ending::Normal, How::Returned(Ok(turns))) => assert!(turns > 5, "only {turns} turns"),
                (Ending::Error, How::Returned(Err(_))) => {}
                (Ending::Panic, How::Panicked(message)) => assert_eq!(message, "meant by the test"),
                (_, how) => panic!("{ending:?} ended as {how:?}"),
            }
            let report = monitor.health_report();
            assert!(running && report.heartbeats >= 1 && report.turns >= 10, "{ending:?}: {report:?}");
            assert!(executor.is_empty(), "{ending:?}: no task is left");
        });
    }
}

#[test]
fn concurrent_operations() {
    on_one_thread(async |executor| {
        let (monitor, vitals) = monitor(TICK);
        let done = Cell::new(false);
        let cycles = async {
            for _ in 0..50 {
                monitor.start(executor);
                Timer::after(Duration::from_millis(2)).await;
                zip(monitor.stop(), monitor.stop()).await;
                assert!(!monitor.is_running());
            }
            done.set(true);
        };
        let work = async {
            let mut errors = 0;
            while !done.get() {
                vitals.error(Instant::now(), format!("error {errors}"));
                errors += 1;
                vitals.set_signals(errors);
                assert_eq!(monitor.health_report().errors, errors);
                Timer::after(Duration::from_millis(1)).await;
            }
            errors
        };
        let in_time = async {
            Timer::after(Duration::from_secs(20)).await;
            panic!("the operations wait for each other");
        };
        let ((), errors) = or(zip(cycles, work), in_time).await;
        let report = monitor.health_report();
        assert_eq!((report.errors, report.signals), (errors, errors));
        assert_eq!(report.last_error.unwrap().text, format!("error {}", errors - 1));
        assert!(errors > 50 && report.status == Status::Critical, "{errors} errors: {:?}", report.reasons);
    });
}

#[test]
fn a_monitor_that_is_dropped_stops() {
    on_one_thread(async |executor| {
        let (monitor, _) = monitor(TICK);
        monitor.start(executor);
        yield_now().await;
        drop(monitor);
        let deadline = Instant::now() + Duration::from_secs(2);
        while !executor.is_empty() && Instant::now() < deadline {
            yield_now().await;
        }
        assert!(executor.is_empty());
        let (idle, _) = self::monitor(TICK);
        let never = or(async { Some(idle.ended().await) }, async {
            yield_now().await;
            None
        });
        assert_eq!(never.await, None, "what was never started has no end");
    });
}
