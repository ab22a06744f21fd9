//! `bot exchange`: an exchange in the box. A pure venue says what is answered; here bytes are moved, and time.
//!
//! The driver owns the venue and its clock. Connections put questions to it through one bounded queue, and what the venue wants done goes
//! through the switchboard to who waits for it. All of it is on one thread.

mod accounts; // who may trade
mod driver; // the loop that moves the venue in time
mod opening; // from flags to all that it needs
mod played; // a venue that can be driven
mod questions; // what connections tell the driver, and hear from it
mod reel; // candles, each when its minute begins
mod service; // the venue as a service of the HTTP server
mod session; // a client's stream connection
mod switchboard; // who waits for what
mod tally; // what was done, for the log
#[cfg(test)]
mod tests;

use super::{
    http_server::{Limits, Server},
    log::{self as log_out, Target},
    signals::{self, FAILURE, Listener, PANIC, USAGE},
    tasks::{self, How, NamedTask, TaskEnd},
    text::market_time,
};
use crate::{
    candles_file::FileError,
    cli,
    simulation::binance::Faults,
    stop::{Cause, Stop},
};
use driver::Driver;
use futures_lite::FutureExt;
use log::{error, info};
use opening::Opened;
use played::Played;
use questions::QUESTIONS;
use service::Exchange;
use smol::LocalExecutor;
use std::{io::Write, net::SocketAddr};

/// Plays an exchange until it is stopped or its recorded candles are over.
///
/// # Errors
/// What the user must mend: flags, files, an address that is taken.
pub fn exchange(wish: &cli::Exchange) -> Result<u8, String> {
    if wish.faults.as_deref() == Some("list") {
        let _ = std::io::stdout().write_all(Faults::help().as_bytes()); // a reader that is gone is no failure
        return Ok(0);
    }
    let at = |cause| format!("--listen {}: {cause}", wish.listen);
    let opened = opening::open(wish, played::binance).map_err(|error| error.to_string())?;
    let stop = Stop::new();
    let (ask, asked) = async_channel::bounded(QUESTIONS);
    let service = Exchange::new(ask.clone(), stop.clone());
    let server = Server::bind(wish.listen, Limits::default(), service).map_err(at)?;
    let address = server.address().map_err(at)?;
    let listener = Listener::new().map_err(|cause| format!("signals cannot be heard: {cause}"))?;
    log_out::init(Target::Stdout, false).map_err(|error| error.to_string())?;
    tasks::log_panics();
    say_opening(&opened, address);
    let Opened { venue, reel, speed, .. } = opened;
    let driver = Box::new(Driver::new(venue, reel, speed, (ask, asked), server.tally()));
    let executor = LocalExecutor::new();
    Ok(async_io::block_on(executor.run(Box::pin(play(&executor, driver, server, listener, stop)))))
}

/// The first line is for programs, and comes at any level of the log.
fn say_opening<P>(opened: &Opened<P>, address: SocketAddr) {
    log_out::say(&format!("Listening on http://{address} and ws://{address}"));
    info!("PLAYED EXCHANGE: Binance USD-M futures on this machine, with nothing real behind it");
    info!("   Market: {}", opened.market);
    info!("   Opens at {} (market time), speed {}", market_time(opened.reel.opens()), opened.speed);
    info!("   Faults: {}", opened.faults.as_deref().unwrap_or("none"));
    opened.accounts.iter().for_each(|line| info!("   {line}"));
    info!("   A bot trades on it with --exchange binance and these lines in its bot.toml:");
    info!("      [exchange]");
    info!("      network = \"local\"");
    info!("      rest_url = \"http://{address}\"");
    info!("      ws_url = \"ws://{address}\"");
}

/// The tasks of a played exchange.
struct Tasks {
    driving: NamedTask<Result<(), FileError>>,
    serving: NamedTask<()>,
    listening: NamedTask<()>,
}

/// Which task ended first.
enum First {
    Driving(TaskEnd<Result<(), FileError>>),
    Serving(TaskEnd<()>),
    Listening(TaskEnd<()>),
}

/// From the first task to the last line; the exit code.
async fn play<'a, P: Played + 'a>(
    executor: &LocalExecutor<'a>,
    mut driver: Box<Driver<P>>,
    server: Server<Exchange>,
    listener: Listener,
    stop: Stop,
) -> u8 {
    let (for_driver, for_server) = (stop.clone(), stop.clone());
    let mut tasks = Tasks {
        driving: tasks::spawn(executor, "played exchange", async move { driver.run(&for_driver).await }),
        serving: tasks::spawn(executor, "server", async move { server.run(&for_server).await }),
        listening: tasks::spawn(executor, "signals", listener.run(stop.clone())),
    };
    let first = tasks.first().await;
    if stop.stop(Cause::Failure) {
        // what ended of itself, and not since it was told to, has failed
        error!("Stopping: the {}", first.what());
    }
    let (drove, served) = match first {
        First::Driving(drove) => (drove, tasks.serving.await),
        First::Serving(served) => (tasks.driving.await, served),
        First::Listening(_) => (tasks.driving.await, tasks.serving.await),
    };
    tasks.listening.cancel().await;
    let code = exit_code(&drove, &served, &stop);
    if code == 0 {
        info!("Closed cleanly");
    }
    code
}

impl Tasks {
    async fn first(&mut self) -> First {
        let Self { driving, serving, listening } = self;
        let drove = async { First::Driving(driving.await) };
        let served = async { First::Serving(serving.await) };
        let heard = async { First::Listening(listening.await) };
        drove.or(served).or(heard).await
    }
}

impl First {
    fn what(&self) -> String {
        match self {
            Self::Driving(TaskEnd { how: How::Returned(Err(cause)), .. }) => format!("data is at fault: {cause}"),
            Self::Driving(end) => end.what(),
            Self::Serving(end) | Self::Listening(end) => end.what(),
        }
    }
}

fn exit_code(drove: &TaskEnd<Result<(), FileError>>, served: &TaskEnd<()>, stop: &Stop) -> u8 {
    match (&drove.how, &served.how) {
        (How::Panicked(_), _) | (_, How::Panicked(_)) => PANIC,
        (How::Returned(Err(_)), _) => USAGE,
        _ => stop.cause().map_or(FAILURE, |cause| signals::exit_code(cause, false)),
    }
}
