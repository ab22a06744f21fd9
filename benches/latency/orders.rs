//! From a decision to the bytes of its order on the exchange's socket: engine, gateway, lane, time and signature; commits are answered at
//! once, or made durable by the store.
//!
//! One symbol is entered at each close of a minute and left by time; the exchange's clock stands still while orders are on their way, so
//! that a thousand minutes take seconds and nothing else is under way. All moments are of one clock in one process.

use crate::{
    Outcome,
    bot::{Bot, Disk, LIMIT, address_of, settings},
    quantile, raw, row,
    served::{Ordered, Sent, Served},
};
use async_channel::Receiver;
use futures_lite::FutureExt;
use rust_decimal::Decimal;
use smolbear::{
    config::Config,
    engine::{Sizing, Stage},
    exchange::{binance::Binance, private::Keys},
    gateway::Gateway,
    market::{OrderKind, Timeframe, Timestamp},
    run::wire::{Arrival, Limits, Signer, Wire},
    simulation::binance::{BEAT_MS, Opening},
    store::{self, Database, Keeper, journal::Segments},
    strategies,
    trader::Trader,
};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, mpsc::Sender},
    time::{Duration, Instant},
};

const KEY: &str = "benchkey";
const SECRET: &str = "benchsecret";
const MINUTE: i64 = 60_000;
/// Streams may be silent for longer.
const STEP: i64 = 5_000;
/// How long a position is held, in seconds.
const HELD_S: u64 = 20;
/// Orders and their answers are over after so many beats.
const MOST_BEATS: usize = 10;

/// Entries and stops of a run, without the first of each.
#[derive(Default)]
struct Taken {
    entries: Legs,
    stops: Legs,
    /// The first order of each lane, from the decision: its thread begins and its connection is made.
    first: Vec<Duration>,
    /// Commits, from being asked to being heard.
    commits: Vec<Duration>,
    /// An entry's bytes over another connection, once a minute.
    raw: Vec<Duration>,
}

#[derive(Default)]
struct Legs {
    /// From the trader's word to the first byte.
    from_decision: Vec<Duration>,
    /// From before the message that led to it was written.
    from_message: Vec<Duration>,
}

/// Measures so many entries without a disk, and so many with one, and prints the table.
pub fn print(without: usize, with: usize) -> Outcome<()> {
    eprintln!("measuring {without} entries, and {with} with the store");
    let taken = run(without, None)?;
    let scratch = tempfile::tempdir()?;
    let stored = run(with, Some(scratch.path()))?;
    let raw = &taken.raw;
    let base = quantile(raw, 0.5);
    println!(
        "| order to the exchange's socket | orders | aim | µs: 50 / 99 / 99.9 of 100 | of raw TCP |\n|---|---|---|---|---|"
    );
    row("the same bytes over raw TCP, one blocking read", "", raw, base);
    row("entry, from the decision, without the commit", "p99 200", &taken.entries.from_decision, base);
    row("entry, from the message, without the commit", "", &taken.entries.from_message, base);
    row("stop, from the decision, without the commit", "p99 200", &taken.stops.from_decision, base);
    row("stop, from the fill's message, without the commit", "", &taken.stops.from_message, base);
    row("a commit of the store alone", "", &stored.commits, base);
    row("entry, from the message, with the store", "", &stored.entries.from_message, base);
    row("stop, from the fill's message, with the store", "", &stored.stops.from_message, base);
    let first: Vec<String> = taken.first.iter().map(|took| format!("{} µs", took.as_micros())).collect();
    println!("\nNot counted: the first of each lane, which starts its thread and connects ({}).", first.join(", "));
    Ok(())
}

/// Enters at each close, and leaves by time before the next; no limit ends that.
fn config() -> Outcome<Config> {
    let mut config = Config { symbols: vec!["BTCUSDT".parse()?], ..Config::default() };
    let by_symbol = vec![(config.symbols[0].clone(), 100.0)];
    let eager = strategies::Settings::oversold_bounce();
    config.strategies = vec![strategies::Settings {
        timeframe: Timeframe::M1,
        rsi_by_symbol: by_symbol,
        stop_pct: Some(20.0),
        target_pct: Some(30.0),
        stop_max_pct: f64::INFINITY,
        ..eager
    }];
    let risk = &mut config.risk;
    (risk.sizing, risk.notional, risk.leverage) = (Sizing::Notional, 500.0, 1.0);
    (risk.max_trades_per_day, risk.max_losses_in_row, risk.quarantine_after) = (u32::MAX, 0, 0);
    (risk.daily_loss_pct, risk.max_drawdown_pct, risk.max_portfolio_risk_pct) = (100.0, 100.0, 100.0);
    (risk.breaker_daily_loss_pct, risk.breaker_position_loss_pct) = (100.0, 100.0);
    (risk.max_correlation, risk.breaker_correlation) = (1.0, 1.0);
    (config.exits.time_limit, config.exits.max_hold_s, config.gate.cooldown_s) = (true, HELD_S, 0);
    Ok(config)
}

fn run(entries: usize, folder: Option<&Path>) -> Outcome<Taken> {
    let config = config()?;
    let instruments = config.instruments_for(&config.symbols)?;
    let account = Opening { key: KEY.to_owned(), secret: SECRET.to_owned(), balance: Decimal::from(1_000_000) };
    let (served, address) = Served::start(&config.symbols, instruments.clone(), vec![account])?;
    let trader = Trader::on_exchange(config.engine_settings(instruments));
    let codec = Binance::new(&config.symbols);
    let settings = settings(&config.symbols, Some(trader.account(config.risk.leverage as u32, Timestamp(0))));
    let gateway = Gateway::live(settings, Box::new(codec.clone()), Box::new(codec.clone()), Timestamp(0));
    let mut wire = Wire::new(&address_of(address), Limits::default())?;
    wire.sign_with(Signer::new(Arc::new(codec), Keys::new(KEY.to_owned(), SECRET)));
    let mut bot = Bot::new(gateway, wire, trader);
    bot.disk = folder.map(|folder| keeper(folder).map(Disk::new)).transpose()?;
    let (steps, sent) = served.player();
    let desk = Desk { bot, served, steps, sent, messages: Vec::new(), between: raw::Between::new()? };
    async_io::block_on(Box::pin(desk.measure(entries)))
}

fn keeper(folder: &Path) -> Outcome<Keeper> {
    let database = Database::open(&folder.join("smolbear.db"), None)?;
    let segments = Segments::open(&folder.join("journal"))?;
    Ok(Keeper::start(database, segments, store::Limits { keep_days: 90, bytes: 1 << 30 })?)
}

/// A bot and its exchange.
struct Desk {
    bot: Bot,
    served: Served,
    steps: Sender<(i64, bool)>,
    sent: Receiver<Vec<Sent>>,
    /// Those of this minute.
    messages: Vec<Sent>,
    between: raw::Between,
}

impl Desk {
    async fn measure(mut self, entries: usize) -> Outcome<Taken> {
        self.bot.warm(&self.served).await?;
        let mut taken = Taken::default();
        self.go_on(MINUTE).await?; // the first close is known
        self.bot.disk.iter_mut().for_each(|disk| disk.took.clear());
        let end = Instant::now() + LIMIT;
        while taken.entries.from_decision.len() < entries {
            if Instant::now() > end {
                return Err(format!("only {} entries", taken.entries.from_decision.len()).into());
            }
            self.minute(&mut taken).await?;
        }
        for legs in [&mut taken.entries, &mut taken.stops] {
            legs.from_decision.sort_unstable();
            legs.from_message.sort_unstable();
        }
        taken.raw.sort_unstable();
        taken.commits = self.bot.disk.take().map_or_else(Vec::new, |disk| disk.took);
        taken.commits.sort_unstable();
        Ok(taken)
    }

    /// To the next close, in and out.
    async fn minute(&mut self, taken: &mut Taken) -> Outcome<()> {
        let past = self.served.market_ms() % MINUTE;
        self.go_on(MINUTE - past - BEAT_MS).await?;
        self.bot.wanted.clear();
        self.messages.clear();
        drop(self.served.ordered());
        self.settle(|bot| bot.trader.engine().positions().count() == 1).await?;
        self.count(taken)?;
        self.go_on(i64::try_from(HELD_S)? * 1000).await?;
        self.settle(|bot| bot.trader.engine().positions().count() + bot.trader.engine().orders().count() == 0).await
    }

    /// Beat by beat until all is answered and it is so.
    async fn settle(&mut self, is_so: impl Fn(&Bot) -> bool) -> Outcome<()> {
        for _ in 0..MOST_BEATS {
            self.step(BEAT_MS, false).await?;
            let stands = self.bot.trader.engine().orders().all(|order| order.stage == Stage::Accepted);
            if stands && is_so(&self.bot) {
                return Ok(());
            }
        }
        let orders: Vec<_> = self.bot.trader.engine().orders().collect();
        Err(format!("it does not come to rest: {orders:?}").into())
    }

    /// The exchange's time goes on, in steps that are shorter than a stream may be silent.
    async fn go_on(&mut self, mut ms: i64) -> Outcome<()> {
        while ms > 0 {
            self.step(ms.min(STEP), true).await?;
            ms -= STEP;
        }
        Ok(())
    }

    /// A step, and all that follows.
    async fn step(&mut self, ms: i64, all: bool) -> Outcome<()> {
        self.steps.send((ms, all))?;
        let (mut frames, mut sent) = (0, None);
        let end = Instant::now() + LIMIT;
        while Instant::now() < end {
            let Self { bot, sent: player, .. } = self;
            let market = async { Ok(bot.next().await) };
            let arrival = match async { Err(player.recv().await) }.or(market).await {
                Ok(arrival) => arrival,
                Err(messages) => {
                    sent = Some(messages?);
                    None
                }
            };
            frames += usize::from(matches!(arrival, Some(Arrival::Frame(..))));
            self.bot.turn(Timestamp(self.served.market_ms()), arrival.as_ref());
            if sent.as_ref().is_some_and(|sent| sent.len() == frames) {
                self.bot.wake();
                if self.bot.flying == 0 && self.bot.is_durable() {
                    self.messages.extend(sent.unwrap_or_default());
                    return Ok(());
                }
            }
        }
        Err(format!("the bot does not come to rest: {frames} frames, {} requests fly", self.bot.flying).into())
    }

    /// What this minute's entry and stop took.
    fn count(&mut self, taken: &mut Taken) -> Outcome<()> {
        let ordered = self.served.ordered();
        let of_name: BTreeMap<&str, &Ordered> = ordered.iter().filter_map(|it| Some((name(&it.head)?, it))).collect();
        for (id, kind, reduce_only, decided) in &self.bot.wanted {
            let legs = match (kind, reduce_only) {
                (OrderKind::Market, false) => &mut taken.entries,
                (OrderKind::StopMarket { .. }, true) => &mut taken.stops,
                _ => continue,
            };
            let came = of_name.get(id.as_str()).ok_or("an order that did not come")?;
            let is_cause = |sent: &&Sent| sent.at < *decided && (*reduce_only == sent.text.contains("\"x\":\"TRADE\""));
            let message = self.messages.iter().rfind(is_cause).ok_or("an order without a message")?;
            if taken.first.len() < 2 {
                taken.first.push(came.at - *decided); // its lane begins
                continue;
            }
            legs.from_decision.push(came.at - *decided);
            legs.from_message.push(came.at - message.at);
            if !reduce_only {
                taken.raw.push(self.between.take(&came.head)?);
            }
        }
        Ok(())
    }
}

/// The name of an order in its request.
fn name(head: &str) -> Option<&str> {
    let (_, rest) = head.split_once("lientAlgoId=").or_else(|| head.split_once("newClientOrderId="))?;
    rest.split(['&', ' ']).next()
}
