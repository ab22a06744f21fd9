//! From the command line to an exit code.
//!
//! One thread runs everything: the trading loop, the health monitor and the signal listener are tasks of one executor. Whichever of them
//! ends, and however, the others are told to stop and waited for, and only then does the program end.

use super::{
    backoff::Backoff,
    backtest, backup,
    clocks::wall_ms,
    doctor, download,
    end::{End, Finished},
    exchange_server, explain, flatten,
    health::{HealthMonitor, HealthSettings, Vitals},
    indicators,
    keeping::Keeping,
    keys,
    log::{self as log_out, LogHandle, Target},
    opening::Kept,
    preflight,
    prepare::{PrepareError, Prepared, prepare},
    progress::Progress,
    realtime::{Halted, Parts, Realtime},
    replay, rights,
    signals::{self, FAILURE, Listener, USAGE},
    status, subcommands,
    supervisor::{self, Supervision},
    tasks::{self, NamedTask},
    text::seconds,
    trades,
};
use crate::{
    cli::{Cli, Command},
    config::{Config, Mode, process_env},
    exchange::private::Keys,
    stop::{Cause, Stop, Wait},
    store::SaidKind,
};
use futures_lite::FutureExt;
use log::{Level, error, info, log, warn};
use smol::LocalExecutor;
use std::{
    future, io,
    path::Path,
    time::{Duration, Instant},
};

/// How long the end of a run waits for its mark to be on the disk.
const LAST_WRITE: Duration = Duration::from_secs(5);
/// The task of the trading loop, as the log calls it.
const TRADING: &str = "trading loop";
/// The task that hears Ctrl-C and the like, as the log calls it.
const SIGNALS: &str = "signals";

/// Does what the command line says. `started` is the process's start.
#[must_use]
pub fn start(cli: &Cli, started: Instant) -> u8 {
    let outcome = match &cli.command {
        Some(Command::Backtest(wish)) => backtest::backtest(wish),
        Some(Command::Explain(wish)) => explain::explain(wish),
        Some(Command::Indicators(wish)) => indicators::indicators(wish),
        Some(Command::Init(init)) => subcommands::init(init),
        Some(Command::Generate(generate)) => subcommands::generate(generate),
        Some(Command::Replay(wish)) => replay::replay(wish),
        Some(Command::Status(wish)) => status::status(wish),
        Some(Command::Trades(wish)) => trades::trades(wish),
        Some(Command::Backup(wish)) => backup::backup(wish),
        Some(Command::Exchange(wish)) => exchange_server::exchange(wish),
        Some(Command::Download(wish)) => download::download(wish),
        Some(Command::Doctor(wish)) => doctor::doctor(wish),
        Some(Command::Flatten(wish)) => flatten::flatten(wish),
        None => trade(cli, started),
    };
    outcome.unwrap_or_else(|message| {
        eprintln!("bot: {message}");
        USAGE
    })
}

/// Configuration, log, then the supervisor or the bot itself.
fn trade(cli: &Cli, started: Instant) -> Result<u8, String> {
    let config = Config::load(cli, &process_env, Path::new("")).map_err(|error| error.to_string())?;
    let keys = keys(&config)?;
    signals::survive_full_files().map_err(|cause| format!("signals cannot be heard: {cause}"))?;
    let log = || log_out::init(Target::Stdout, config.debug).map_err(|error| error.to_string());
    if config.supervisor.auto_restart && !config.dry_run && !supervisor::is_child() {
        log()?;
        return Ok(supervise(&config));
    }
    let prepared = match prepare(&config, keys.clone(), started) {
        Ok(prepared) => prepared,
        Err(PrepareError::Open(error)) => {
            eprintln!("bot: {error}");
            return Ok(signals::without_memory(&error));
        }
        Err(error) => return Err(error.to_string()),
    };
    let log = log()?;
    tasks::log_panics();
    say_beginning(&config, &log);
    if config.dry_run {
        let rights = keys.as_ref().map_or(Ok(Vec::new()), |keys| rights::check(&config, keys));
        let rights = rights.map_err(|why| format!("--live: {why}"))?;
        rights.iter().for_each(|(level, line)| log!(*level, "{line}"));
        return Ok(dry_run(&config, prepared));
    }
    let executor = LocalExecutor::new();
    // boxed for the same reason as in `tasks::watched`
    let session = Box::pin(session(&executor, &config, keys.as_ref(), prepared, log, started));
    Ok(async_io::block_on(executor.run(session)))
}

/// What opens the account, where the money is real.
fn keys(config: &Config) -> Result<Option<Keys>, String> {
    match config.mode {
        Mode::Paper => Ok(None),
        Mode::Live => {
            let keys = keys::find(config.key_file().as_deref(), &process_env);
            keys.map(Some).map_err(|error| format!("--live: {error}"))
        }
    }
}

fn supervise(config: &Config) -> u8 {
    let rules = &config.supervisor;
    supervisor::supervise(Supervision {
        program: supervisor::own_program(),
        args: std::env::args_os().skip(1).collect(),
        max_restarts: u32::try_from(rules.max_restarts).unwrap_or(u32::MAX),
        restart_delay: Duration::from_secs(rules.restart_delay_s),
        freeze_after: Duration::from_secs(rules.freeze_after_s),
        infinite: config.infinite,
        duration: config.duration,
    })
}

fn say_beginning(config: &Config, log: &LogHandle) {
    match config.mode {
        Mode::Paper => info!("PAPER TRADING: simulated money, no order leaves this machine"),
        Mode::Live => {
            let money = if config.is_real_money() { "real money" } else { "an account without real money" };
            info!("LIVE TRADING: {money}, orders go to {}", config.exchange.label().unwrap_or_default());
            rights::stakes(config).iter().for_each(|line| info!("{line}"));
        }
    }
    if let Some(note) = log.zone_note() {
        info!("{note}");
    }
}

/// The checks before a run and what the run would be, without the run.
fn dry_run(config: &Config, mut prepared: Prepared) -> u8 {
    info!("DRY RUN: checks only, nothing is traded");
    say_phases(&prepared);
    let failed = preflight::check(config, &mut prepared);
    info!("");
    info!("CONFIGURATION SUMMARY");
    say_run(config, &prepared);
    config.origins.iter().for_each(|origin| info!("   {origin}"));
    if failed > 0 {
        eprintln!("bot: dry run: {failed} of the checks failed, the log says what to do about each");
        return FAILURE;
    }
    info!("Dry run passed: nothing was traded");
    0
}

fn say_phases(prepared: &Prepared) {
    for phase in &prepared.phases {
        info!("   {} ({:.1} ms)", phase.what, phase.took.as_secs_f64() * 1000.0);
    }
}

/// One run, from the first task to the last line.
async fn session<'a>(
    executor: &LocalExecutor<'a>,
    config: &'a Config,
    keys: Option<&'a Keys>,
    mut prepared: Prepared,
    log: LogHandle,
    started: Instant,
) -> u8 {
    let listener = match Listener::new() {
        Ok(listener) => listener,
        Err(cause) => {
            eprintln!("bot: signals cannot be heard: {cause}");
            return FAILURE;
        }
    };
    let stop = Stop::new();
    let vitals = Vitals::new(started, log);
    info!("STARTING LIVE TRADING");
    info!("{}", "=".repeat(70));
    let monitor = HealthMonitor::new(health_settings(config), vitals.clone());
    monitor.start(executor);
    info!("✓ Health monitor started in background");
    let listening = tasks::spawn(executor, SIGNALS, listener.run(stop.clone()));
    say_opening(config, &prepared);
    let (keeping, halted, kept) = match remember(&mut prepared, &vitals) {
        Ok(parts) => parts,
        Err(cause) => {
            eprintln!("bot: no thread for the account's memory: {cause}");
            return FAILURE;
        }
    };
    let trading = trade_on((config, keys), prepared, (keeping, halted), vitals.clone(), stop.clone(), started);
    let trading = tasks::spawn(executor, TRADING, trading);
    let mut tasks = Tasks { trading, listening, monitor, vitals, stop };
    let mut end = tasks.end(executor, config.infinite).await;
    end.say_summary();
    tasks.monitor.stop().await;
    info!("✓ Health monitor stopped");
    tasks.listening.cancel().await;
    let code = end.exit_code(config.duration.is_some());
    let saved = finish(&mut end, code, kept).await;
    end.say_last(started, saved);
    if code == 0 && !saved { FAILURE } else { code }
}

/// What the loop remembers with, whether it opens positions, and what is to be closed at the end.
fn remember(prepared: &mut Prepared, vitals: &Vitals) -> io::Result<(Keeping, Option<Halted>, Option<Kept>)> {
    let names = prepared.trader.engine().settings().names();
    let keeping = Keeping::without_disk(names, prepared.cursor.clone());
    let Some(mut opened) = prepared.opened.take() else { return Ok((keeping, None, None)) };
    let told = std::mem::take(&mut opened.told);
    let halted = opened.halt.as_ref().map(|halt| {
        let left = halt.left_ms(wall_ms()).map(|left| Duration::from_millis(left.unsigned_abs()));
        Halted { reason: halt.reason.clone(), until: left.and_then(|left| Instant::now().checked_add(left)) }
    });
    let kept = opened.start()?;
    let mut keeping = keeping.on_disk(kept.keeper(), vitals.clone());
    let troubles = told.iter().filter(|(level, _)| *level <= Level::Warn);
    troubles.for_each(|(_, line)| keeping.say(SaidKind::Trouble, wall_ms(), line));
    Ok((keeping, halted, Some(kept)))
}

/// Tells the account's memory how the run ended. Whether nothing is lost that could have been kept.
async fn finish(end: &mut End, code: u8, kept: Option<Kept>) -> bool {
    let Some(kept) = kept else { return true };
    let Some((ending, what)) = end.ending(code) else { return true };
    match kept.finish(ending, Instant::now() + LAST_WRITE).await {
        Ok(()) => true,
        Err(why) => {
            error!("Not saved: {what} ({why})");
            eprintln!("bot: not saved: {what} ({why})");
            false
        }
    }
}

fn health_settings(config: &Config) -> HealthSettings {
    let memory_mb = u32::try_from(config.health.memory_mb).unwrap_or(u32::MAX);
    HealthSettings { interval: Duration::from_secs(config.health.interval_s), memory_mb, ..HealthSettings::default() }
}

/// The lines between the monitor's start and the first loop.
fn say_opening(config: &Config, prepared: &Prepared) {
    info!("");
    info!("STARTING PRODUCTION TRADING LOOP");
    info!("[DEBUG] About to call start_live_trading()");
    info!("STARTING LIVE TRADING ENGINE");
    say_phases(prepared);
    let told = prepared.opened.iter().flat_map(|opened| &opened.told);
    told.for_each(|(level, line)| log!(*level, "{line}"));
    info!("✓ LIVE TRADING ENGINE STARTED SUCCESSFULLY");
    info!("");
    info!("🚀 Production trading loop active");
    say_run(config, prepared);
    info!("");
}

/// What is traded, where and for how long.
fn say_run(config: &Config, prepared: &Prepared) {
    info!("   Mode: {}", if config.mode == Mode::Live { "live" } else { "paper" });
    info!("   Market: {}", prepared.market);
    info!("   Duration: {}", config.duration.map_or_else(|| "Indefinite".to_owned(), seconds));
    info!("   Active Symbols: {}", prepared.trader.engine().settings().instruments.len());
}

/// The task of the trading loop. Beside it the exchange is asked what the key may do.
async fn trade_on(
    (config, keys): (&Config, Option<&Keys>),
    prepared: Prepared,
    (keeping, halted): (Keeping, Option<Halted>),
    vitals: Vitals,
    stop: Stop,
    started: Instant,
) -> Finished {
    let (tell, answers) = async_channel::bounded(1);
    let mut realtime = Box::new(Realtime::new(Parts {
        trader: prepared.trader,
        prices: prepared.prices,
        finest: prepared.finest,
        speed: config.paper.speed,
        vitals,
        progress: Progress::from_environment(),
        csv: prepared.csv,
        keeping,
        halted,
        rights: keys.is_some().then_some(answers),
        duration_ends: config.duration.and_then(|duration| started.checked_add(duration)),
        infinite: config.infinite,
        close_on_stop: config.on_stop_close,
    }));
    let asking = async {
        if let Some(keys) = keys
            && let Some(found) = rights::learn(config, keys, &stop).await
        {
            let _ = tell.try_send(found); // there is room for one, and the loop is there
        }
        future::pending().await
    };
    let outcome = Box::pin(realtime.run(&stop).or(asking)).await;
    Finished { realtime, outcome }
}

/// The tasks of a run, and what they share.
struct Tasks {
    trading: NamedTask<Finished>,
    listening: NamedTask<()>,
    monitor: HealthMonitor,
    vitals: Vitals,
    stop: Stop,
}

impl Tasks {
    /// Waits for the end of the trading loop. Where another task ends before it, the loop is told to stop.
    async fn end(&mut self, executor: &LocalExecutor<'_>, infinite: bool) -> End {
        let Self { trading, listening, monitor, vitals, stop } = self;
        let over = async { Ok((&mut *trading).await) };
        let unheard = async { Err(listening.await) };
        let unwatched = async {
            match infinite {
                true => revive(executor, monitor, vitals, stop).await,
                false => Err(monitor.ended().await),
            }
        };
        let (trading, fault) = match over.or(unheard).or(unwatched).await {
            Ok(end) => (end, None),
            Err(fault) => {
                error!("Stopping: the {}", fault.what());
                vitals.task_ended(fault.what());
                stop.stop(Cause::Failure);
                (trading.await, Some(fault))
            }
        };
        End { trading, fault, cause: stop.cause().unwrap_or(Cause::Failure) }
    }
}

/// Starts the health monitor again whenever it ends, after a pause that grows; the next heartbeat tells of it.
async fn revive<T>(executor: &LocalExecutor<'_>, monitor: &HealthMonitor, vitals: &Vitals, stop: &Stop) -> T {
    let mut backoff = Backoff::default();
    loop {
        let what = monitor.ended().await.what();
        let pause = backoff.pause(Instant::now());
        warn!("The {what}; starting it again in {} s", pause.as_secs());
        vitals.error(Instant::now(), what.clone());
        if stop.or_after(pause).await == Wait::Stopped {
            return future::pending().await;
        }
        vitals.remark(format!("the {what} and was started again"));
        monitor.start(executor);
    }
}
