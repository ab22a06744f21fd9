//! From a message on the socket to what follows from it: wire, codec, gateway, engine and venue, as a run has them, but for the disk.
//!
//! The session's time goes with the messages, which come faster than a market's own, so that a run has hours of candles.

use crate::{
    Outcome, quantile,
    served::{Sent, Served, is_reply},
};
use async_io::Timer;
use futures_lite::FutureExt;
use smolbear::{
    config::Config,
    engine::{Action, Event},
    exchange::{Response, binance::Binance},
    gateway::{Gateway, Input, News, Output, Settings, SocketId},
    market::{Symbol, Timeframe, Timestamp},
    run::wire::{Address, Arrival, Limits, Wire},
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
/// Nothing takes longer.
const LIMIT: Duration = Duration::from_secs(120);
/// Between two looks at what is due, where nothing comes.
const LOOK: Duration = Duration::from_millis(5);
/// Candles of each timeframe, as a run asks for.
const HISTORY: u16 = 500;

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

/// A bot without its shell.
struct Bot {
    gateway: Gateway,
    wire: Wire,
    trader: Trader,
    outputs: Vec<Output>,
    actions: Vec<Action>,
    latest: Timestamp,
    paths: BTreeMap<SocketId, String>,
    /// Streams that were opened.
    opened: usize,
    /// Turns that led to a commit.
    commits: usize,
}

/// Warms a bot up at an exchange that then sends so many messages.
pub fn run(messages: usize) -> Outcome<Walk> {
    // both strategies, deciding each minute, so that there is something to decide
    let mut config = Config { symbols: symbols(), ..Config::default() };
    for rule in &mut config.strategies {
        rule.timeframe = Timeframe::M1;
    }
    let instruments = config.instruments_for(&config.symbols)?;
    let (served, address) = Served::start(&config.symbols, instruments.clone())?;
    let venue = config.matching_settings(instruments.clone());
    let address =
        Address { rest: format!("http://{address}"), streams: format!("ws://{address}"), ..Address::default() };
    let settings = Settings {
        symbols: config.symbols.clone(),
        timeframes: vec![Timeframe::M1, Timeframe::M5, Timeframe::M30, Timeframe::H1, Timeframe::H4],
        history: HISTORY,
        delivered: Vec::new(),
        seed: 1,
        account: None,
    };
    let codec = Box::new(Binance::new(&config.symbols));
    let mut bot = Bot {
        gateway: Gateway::new(settings, codec, Timestamp(0)),
        wire: Wire::new(&address, Limits::default())?,
        trader: Trader::on_paper(config.engine_settings(instruments), venue),
        outputs: Vec::new(),
        actions: Vec::new(),
        latest: Timestamp(0),
        paths: BTreeMap::new(),
        opened: 0,
        commits: 0,
    };
    async_io::block_on(Box::pin(async move {
        bot.warm(&served).await?;
        bot.measure(&served, messages).await
    }))
}

impl Bot {
    /// Until the history is whole and the streams are subscribed.
    async fn warm(&mut self, served: &Served) -> Outcome<()> {
        let (end, mut replies) = (Instant::now() + LIMIT, 0);
        while !self.gateway.is_ready() || replies < 2 {
            if Instant::now() > end {
                return Err("the gateway does not become ready".into());
            }
            let arrival = self.next().await;
            let now = Timestamp(served.market_ms());
            if let Some(Arrival::Frame(_, frame)) = &arrival {
                replies += usize::from(is_reply(&String::from_utf8_lossy(frame)));
            }
            self.turn(now, arrival.as_ref());
        }
        // until the exchange has heard all, and its sender owns the streams
        Timer::after(Duration::from_millis(200)).await;
        Ok(())
    }

    async fn measure(&mut self, served: &Served, messages: usize) -> Outcome<Walk> {
        let mut walk = Walk::default();
        let (from, opened, end) = (served.market_ms(), self.opened, Instant::now() + LIMIT);
        let sent: BTreeMap<String, Receiver<Sent>> = served.stream(messages);
        let mut now = Timestamp(from);
        while walk.texts.len() < messages {
            if Instant::now() > end || self.opened != opened {
                return Err("the streams did not last; measure again".into());
            }
            let arrival = self.next().await;
            let Some(Arrival::Frame(socket, frame)) = &arrival else {
                self.turn(now, arrival.as_ref());
                continue;
            };
            let in_hand = Instant::now();
            let path = self.paths.get(socket).ok_or("a frame of no stream")?;
            let message = sent.get(path).ok_or("a stream that is not sent to")?.recv()?;
            if message.text.as_bytes() != &frame[..] {
                return Err("a message that was not sent".into());
            }
            now = Timestamp(message.market_ms);
            let commits = self.commits;
            self.turn(now, arrival.as_ref());
            let done = Instant::now();
            walk.took[kind_of(frame)].push(done - message.at);
            walk.handled.push(done - in_hand);
            if self.commits > commits {
                walk.decided.push(done - message.at);
            }
            walk.texts.push(message.text);
        }
        walk.fills = self.trader.tally().fills;
        walk.minutes = (now.0 - from) / 60_000;
        walk.took.iter_mut().chain([&mut walk.handled, &mut walk.decided]).for_each(|took| took.sort_unstable());
        Ok(walk)
    }

    /// What comes, as the loop waits for it.
    async fn next(&mut self) -> Option<Arrival> {
        let look = async {
            Timer::after(LOOK).await;
            None
        };
        async { Some(self.wire.next().await) }.or(look).await
    }

    fn turn(&mut self, now: Timestamp, arrival: Option<&Arrival>) {
        match arrival {
            Some(Arrival::Opened(socket)) => {
                self.opened += 1;
                self.tell(now, Input::Opened(*socket));
            }
            Some(Arrival::Frame(socket, frame)) => self.tell(now, Input::Frame(*socket, frame)),
            Some(Arrival::Closed(socket, why)) => self.tell(now, Input::Closed(*socket, why)),
            Some(Arrival::Response { id, status, headers, body, took: _ }) => {
                self.tell(now, Input::Response(*id, Response { status: *status, headers, body }));
            }
            Some(Arrival::NoResponse { id, why, sent }) => {
                self.tell(now, Input::NoResponse { id: *id, why, sent: *sent });
            }
            None => {}
        }
        if self.gateway.next_deadline().is_some_and(|at| at <= now) {
            self.tell(now, Input::Wake);
        }
    }

    fn tell(&mut self, now: Timestamp, input: Input<'_>) {
        let mut outputs = std::mem::take(&mut self.outputs);
        self.gateway.handle(now, input, &mut outputs);
        for output in outputs.drain(..) {
            match output {
                Output::Connect(socket, path) => {
                    self.wire.connect(socket, &path);
                    self.paths.insert(socket, path);
                }
                Output::Send(socket, text) => self.wire.send(socket, text),
                Output::Disconnect(socket) => self.wire.disconnect(socket),
                Output::Fetch(id, lane, request) => self.wire.fetch(id, lane, &request),
                Output::News(at, news) => self.hear(at, news),
                Output::Say(_) | Output::Call(..) => {}
            }
        }
        self.outputs = outputs;
    }

    /// The trader's turn, with its own deadlines before.
    fn hear(&mut self, at: Timestamp, news: News) {
        let event: Event = news.into();
        loop {
            let (at, next) = self.trader.next_of(self.latest, at, event.clone());
            let over = next == event;
            self.latest = at;
            self.trader.turn(at, next, &mut self.actions);
            self.commits += usize::from(self.actions.iter().any(|action| matches!(action, Action::Commit { .. })));
            self.actions.clear();
            if over {
                return;
            }
        }
    }
}

/// The table.
pub fn print(walk: &Walk, raw: Vec<Duration>) {
    let us = |time: Duration| time.as_nanos() as f64 / 1e3;
    let base = us(quantile(&raw, 0.5));
    let row = |what: &str, aim: &str, took: &[Duration]| {
        let [half, most, worst] = [0.5, 0.99, 0.999].map(|share| us(quantile(took, share)));
        println!("| {what} | {} | {aim} | {half:.1} / {most:.1} / {worst:.1} | {:.2} |", took.len(), half / base);
    };
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
