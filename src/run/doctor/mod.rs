//! `bot doctor`, and what `--dry-run` checks of an exchange: each check is a line with its duration, and says what to do where it fails.
//!
//! A check that fails stops none that can be made without it.

mod account; // keys, modes, what is held
mod market; // symbols, candles, funding
mod network; // names, connection, clock, limits
mod streams; // whether sockets bring data

use super::{
    asking::{self, AskError, Asker, Patience},
    log as log_out,
    preflight::{self, Finding, told},
    signals::FAILURE,
    text::counted,
};
use crate::{
    cli::{Cli, Doctor},
    config::Config,
    engine::Engine,
    exchange::{FailureClass, Listing, Mark},
    stop::Stop,
};
use log::info;
use std::time::{Duration, Instant};

/// Makes all checks.
///
/// # Errors
///
/// The configuration is wrong.
pub fn doctor(wish: &Doctor) -> Result<u8, String> {
    let flags = Cli {
        exchange: Some("binance".to_owned()), // the only one
        symbols: wish.symbols.clone(),
        capital: wish.capital.clone(),
        data_dir: wish.data_dir.clone(),
        ..Cli::default()
    };
    let config = asking::config(&wish.place, flags)?;
    log_out::init(log_out::Target::Stdout, false).map_err(|error| error.to_string())?;
    info!("DOCTOR: checks only, nothing is traded");
    let engine = Engine::new(config.engine_settings(config.instruments.clone()));
    let failed = check(&config, Some(wish.with_order)) + preflight::places(&config, &engine);
    if failed > 0 {
        eprintln!("bot: doctor: {} failed, the log says what to do about each", counted(failed as u64, "check"));
        return Ok(FAILURE);
    }
    info!("All checks passed");
    Ok(0)
}

/// Checks the way to the configured exchange and what it offers; returns how many checks failed. `account`: that of its keys too, and
/// whether with an order.
pub fn check(config: &Config, account: Option<bool>) -> usize {
    let began = Instant::now();
    match Checks::new(config) {
        Ok(checks) => async_io::block_on(Box::pin(checks.all(account))),
        Err(wrong) => usize::from(!told("configuration", began, &Err(format!("{wrong}; see [exchange]")))),
    }
}

/// Checks under way.
struct Checks<'a> {
    config: &'a Config,
    asker: Asker,
    /// Nobody sets it: Ctrl-C ends the process.
    stop: Stop,
    failed: usize,
    listing: Option<Listing>,
    marks: Option<Vec<Mark>>,
    /// How long the quickest answer about the time took, and how far our clock is ahead of it, in ms.
    clock: Option<(Duration, i64)>,
}

impl<'a> Checks<'a> {
    fn new(config: &'a Config) -> Result<Self, String> {
        let say = Box::new(|line: &str| info!("   {line}"));
        let asker = Asker::new(&config.exchange, &config.symbols, Patience::SHORT, say);
        let asker = asker.map_err(|error| error.to_string())?;
        Ok(Self { config, asker, stop: Stop::new(), failed: 0, listing: None, marks: None, clock: None })
    }

    /// This is all of it, in this order.
    async fn all(mut self, account: Option<bool>) -> usize {
        self.configuration();
        self.names().await;
        let answers = self.connection().await;
        if answers {
            self.clock().await;
            self.listed().await;
            self.valued().await;
            self.symbols();
            self.candles().await;
            self.funding();
        } else {
            info!("   – clock, limits, symbols, candles, funding: not checked, since nothing answers");
        }
        self.streams().await;
        match account.filter(|_| answers) {
            Some(with_order) => self.account(with_order).await,
            None => self.failed,
        }
    }

    fn configuration(&mut self) {
        let (began, exchange) = (Instant::now(), &self.config.exchange);
        let file = self.config.config_file.as_ref().map_or("no bot.toml".to_owned(), |file| file.display().to_string());
        let label = exchange.label().unwrap_or_default();
        let proxy = if exchange.proxy.is_empty() { "" } else { ", by a proxy" };
        let places = format!("{} and {}{proxy}", exchange.rest(), exchange.streams());
        self.note("configuration", began, &Ok(format!("{label}: {places} ({file})")));
    }

    /// Says what a check found.
    fn note(&mut self, name: &str, began: Instant, found: &Finding) -> bool {
        let passed = told(name, began, found);
        self.failed += usize::from(!passed);
        passed
    }
}

/// The answer is no answer to what was asked.
fn confused() -> String {
    asking::confused().to_string()
}

/// Why a question was not answered, and what may help.
fn unanswered(error: AskError) -> String {
    match error {
        AskError::Refused(failure) if failure.class == FailureClass::Forbidden => {
            format!(
                "{failure}: the exchange shuts this place out; use another network, or an exchange that is open to you"
            )
        }
        error => error.to_string(),
    }
}
