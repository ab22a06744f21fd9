//! From a message on the socket to what follows from it: wire, codec, gateway, engine and venue, as a run has them, but for the disk.
//!
//! The session's time goes with the messages, which come faster than a market's own, so that a run has hours of candles.

use crate::{
    Outcome,
    bot::{Bot, LIMIT, address_of, settings},
    quantile, row,
    served::{Sent, Served},
};
use smolbear::{
    config::Config,
    exchange::binance::Binance,
    gateway::Gateway,
    market::{Symbol, Timeframe, Timestamp},
    run::wire::{Arrival, Limits, Wire},
    trader::Trader,
};
use std::{
    collections::BTreeMap,
    sync::mpsc::Receiver,
    time::{Duration, Instant},
};

/// Kinds of messages, as the tables call them.
pub const KINDS: [&str; 5] = ["bookTicker", "aggTrade", "kline, closed", "kline, running", "markPriceUpdate"];
/// The place of finished candles among them.
pub const KLINE_CLOSED: usize = 2;

/// What was measured.
#[derive(Default)]
pub struct Walk {
    /// The messages.
    pub texts: Vec<String>,
    /// By kind: from the sender to the end of all that followed.
    took: [Vec<Duration>; KINDS.len()],
    /// From the frame in hand to the end of all that followed.
    handled: Vec<Duration>,
    /// Those that led to a commit: an order, a fill.
    decided: Vec<Duration>,
    fills: u64,
    minutes: i64,
}

/// The kind of a message, by its place in [`KINDS`].
pub fn kind_of(text: &[u8]) -> usize {
    let holds = |part: &[u8]| text.windows(part.len()).any(|window| window == part);
    match () {
        () if holds(b"\"e\":\"bookTicker\"") => 0,
        () if holds(b"\"e\":\"aggTrade\"") => 1,
        () if holds(b"\"x\":true") => KLINE_CLOSED,
        () if holds(b"\"e\":\"kline\"") => 3,
        () => 4,
    }
}

/// The default's.
pub fn symbols() -> Vec<Symbol> {
    Config::default().symbols
}

/// Warms a bot up at an exchange that then sends so many messages.
pub fn run(messages: usize) -> Outcome<Walk> {
    // both strategies, deciding each minute, so that there is something to decide
    let mut config = Config { symbols: symbols(), ..Config::default() };
    for rule in &mut config.strategies {
        rule.timeframe = Timeframe::M1;
    }
    let instruments = config.instruments_for(&config.symbols)?;
    let (served, address) = Served::start(&config.symbols, instruments.clone(), Vec::new())?;
    let venue = config.matching_settings(instruments.clone());
    let settings = settings(&config.symbols, None);
    let codec = Box::new(Binance::new(&config.symbols));
    let gateway = Gateway::new(settings, codec, Timestamp(0));
    let trader = Trader::on_paper(config.engine_settings(instruments), venue);
    let bot = Bot::new(gateway, Wire::new(&address_of(address), Limits::default())?, trader);
    async_io::block_on(Box::pin(measure(bot, served, messages)))
}

/// Reads what is sent, and times what follows.
async fn measure(mut bot: Bot, served: Served, messages: usize) -> Outcome<Walk> {
    bot.warm(&served).await?;
    let mut walk = Walk::default();
    let (from, opened, end) = (served.market_ms(), bot.opened, Instant::now() + LIMIT);
    let sent: BTreeMap<String, Receiver<Sent>> = served.stream(messages);
    let mut now = Timestamp(from);
    while walk.texts.len() < messages {
        if Instant::now() > end || bot.opened != opened {
            return Err("the streams did not last; measure again".into());
        }
        let arrival = bot.next().await;
        let Some(Arrival::Frame(socket, frame)) = &arrival else {
            bot.turn(now, arrival.as_ref());
            continue;
        };
        let in_hand = Instant::now();
        let path = bot.paths.get(socket).ok_or("a frame of no stream")?;
        let message = sent.get(path).ok_or("a stream that is not sent to")?.recv()?;
        if message.text.as_bytes() != &frame[..] {
            return Err("a message that was not sent".into());
        }
        now = Timestamp(message.market_ms);
        let commits = bot.commits;
        bot.turn(now, arrival.as_ref());
        let done = Instant::now();
        walk.took[kind_of(frame)].push(done - message.at);
        walk.handled.push(done - in_hand);
        if bot.commits > commits {
            walk.decided.push(done - message.at);
        }
        walk.texts.push(message.text);
    }
    walk.fills = bot.trader.tally().fills;
    walk.minutes = (now.0 - from) / 60_000;
    walk.took.iter_mut().chain([&mut walk.handled, &mut walk.decided]).for_each(|took| took.sort_unstable());
    Ok(walk)
}

/// The table.
pub fn print(walk: &Walk, raw: Vec<Duration>) {
    let base = quantile(&raw, 0.5);
    let row = |what: &str, aim: &str, took: &[Duration]| row(what, aim, took, base);
    println!(
        "| message on the socket to handled by the trader | messages | aim | µs: 50 / 99 / 99.9 of 100 | of raw TCP |"
    );
    println!("|---|---|---|---|---|");
    row("the same bytes over raw TCP, one blocking read", "", &raw);
    let mut all: Vec<Duration> = walk.took.iter().flatten().copied().collect();
    all.sort_unstable();
    row("all", "50 / 50", &all);
    KINDS.iter().zip(&walk.took).for_each(|(kind, took)| row(kind, "", took));
    row("those that led to an order or a fill", "", &walk.decided);
    row("of all, after the frame was read", "", &walk.handled);
    println!(
        "\n{} min of market, {} fills; {} µs between two messages. A run writes orders down first, which takes what `--bench footprint` says.",
        walk.minutes,
        walk.fills,
        crate::PAUSE.as_micros()
    );
}
