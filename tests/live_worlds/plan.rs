//! What one world is like: its market, and what goes wrong at which request about an order.

use smolbear::{
    engine::{Exits, Gate, Risk, Settings},
    market::{Candle, ClosedCandle, MINUTE_MS, Side, Symbol, SymbolId, Timeframe, Timestamp, known_instrument},
    strategies::{self, Level, List, Row},
};
use std::{fmt, str::FromStr};

/// 2025-01-01, 00:00, when the first candle of history opens.
const FIRST: Timestamp = Timestamp(1_735_689_600_000);
/// Minutes of history before the one in which the bot starts.
const PAST: i64 = 6;
/// The close of the candle that raises the signal.
pub const SIGNAL: Timestamp = Timestamp(FIRST.0 + (PAST + 1) * MINUTE_MS);
/// When the bot starts.
pub const START: Timestamp = Timestamp(SIGNAL.0 - 15_000);
/// What the account holds at first, in USDT.
pub const CAPITAL: u32 = 2_000;
/// Notional divided by margin.
pub const LEVERAGE: u32 = 5;

/// A market, and what ends the trade in it.
#[derive(Debug, PartialEq)]
pub struct Scene {
    pub name: &'static str,
    /// Open, high, low and close of the minutes from the one of the signal on, over 100,000; the last one stays.
    minutes: &'static [[f64; 4]],
    /// The position is held so long at most, in seconds.
    hold_s: u64,
    /// The market is over then, in ms after the signal, unless something is to be settled.
    pub ends_ms: i64,
}

/// The stop moves in each, and then: the exit is an order of ours, at the time limit; the exchange fires the stop; the exit is on its way when
/// the price falls through the stop, so that cancels and fills cross.
pub const SCENES: [Scene; 3] = [
    Scene {
        name: "time",
        minutes: &[[0.0, 10.0, -10.0, 0.0], [0.0, 60.0, -10.0, 50.0], [50.0, 60.0, 30.0, 40.0]],
        hold_s: 70,
        ends_ms: 130_000,
    },
    Scene {
        name: "stop",
        minutes: &[[0.0, 10.0, -10.0, 0.0], [0.0, 60.0, -10.0, 50.0], [50.0, 60.0, -900.0, -850.0]],
        hold_s: 3_600,
        ends_ms: 150_000,
    },
    Scene {
        name: "cross",
        minutes: &[[0.0, 10.0, -10.0, 0.0], [0.0, 60.0, -10.0, 50.0], [50.0, 60.0, -900.0, -850.0]],
        hold_s: 78,
        ends_ms: 150_000,
    },
];

/// Volume of a minute, in BTC: a few trades.
const VOLUME: f64 = 0.012;

impl Scene {
    /// A signal at each minute's close, two entries a day.
    pub fn settings(&self) -> Settings {
        let symbol: Symbol = symbol();
        let row = |minute: i64| {
            let at = SIGNAL.plus_ms(minute * MINUTE_MS);
            Row { at, symbol: 0, side: Side::Long, stop: Level::RULE, target: Level::RULE }
        };
        let list = List::new("signals.csv".into(), vec![(symbol.clone(), 1)], (0..60).map(row).collect());
        let exits = Exits { trailing: true, trailing_pct: 0.8, time_limit: true, max_hold_s: self.hold_s };
        Settings {
            instruments: vec![known_instrument(&symbol).unwrap()],
            capital: CAPITAL.into(),
            strategies: vec![strategies::Settings { list, ..strategies::Settings::signals() }],
            require_warm: false,
            risk: Risk { max_trades_per_day: 2, ..Risk::default() },
            exits,
            gate: Gate { cooldown_s: 0, ..Gate::default() },
        }
    }

    /// The candle of the minute that opens `minute` minutes after the first one.
    pub fn candle(&self, minute: i64) -> ClosedCandle {
        let place = (minute - PAST).max(0) as usize;
        let last = self.minutes.last().unwrap()[3];
        let still = [last, last + 10.0, last - 10.0, last];
        let [open, high, low, close] = self.minutes.get(place).copied().unwrap_or(still).map(|over| 100_000.0 + over);
        let open_time = FIRST.plus_ms(minute * MINUTE_MS);
        let candle = Candle { open_time, open, high, low, close, volume: VOLUME };
        ClosedCandle {
            symbol: SymbolId(0),
            timeframe: Timeframe::M1,
            candle,
            history: open_time < SIGNAL.plus_ms(-MINUTE_MS),
        }
    }

    /// The minutes that the exchange knows when the bot starts; the last one is under way.
    pub fn known(&self) -> impl Iterator<Item = ClosedCandle> {
        (0..=PAST).map(|minute| self.candle(minute))
    }

    /// The minute that opens at this time.
    pub fn opening(&self, at: Timestamp) -> ClosedCandle {
        self.candle(at.since_ms(FIRST) / MINUTE_MS)
    }
}

pub fn symbol() -> Symbol {
    "BTCUSDT".parse().unwrap()
}

/// Who makes a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The exchange, with the request that comes or the first after it that it can strike; of those with orders only on these.
    Exchange(&'static str),
    /// The exchange or a hand, right after the request has come: method and target behind `/played/`.
    Played(&'static str, &'static str),
    /// The account's stream, from then on.
    Stream(Stream),
    /// The way of the request.
    Way(Way),
}

/// What happens to the account's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Its next messages come twice.
    Doubled,
    /// The next one comes after the one that follows it, or a second late.
    Reordered,
    /// The next one does not come.
    Lost,
    /// It is cut.
    Cut,
    /// It stays open and says nothing any more.
    Silent,
}

/// What happens to a request between us and the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It arrives twice, and the second answer is heard: of an order that its name is taken.
    Twice,
    /// It arrives when we have long given up waiting, within its time.
    Delayed,
    /// It cannot leave: nobody takes the connection.
    NotSent,
}

/// A kind of fault.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    pub name: &'static str,
    pub by: By,
    /// How long it may go on, in ms, before things can be as they should be.
    pub lasts_ms: i64,
    /// Someone else changes what is held: what is ours of it cannot be told to the last digit from our own fills.
    pub meddles: bool,
}

const fn fault(name: &'static str, by: By) -> Fault {
    Fault { name, by, lasts_ms: 0, meddles: false }
}

const fn exchange(name: &'static str, lasts_ms: i64) -> Fault {
    Fault { lasts_ms, ..fault(name, By::Exchange("")) }
}

const fn act(name: &'static str, target: &'static str, meddles: bool) -> Fault {
    Fault { meddles, ..fault(name, By::Played("POST", target)) }
}

/// Every kind of fault.
pub const FAULTS: [Fault; 40] = [
    exchange("lost-request", 0),
    exchange("lost-answer", 0),
    exchange("late-request", 4_000),
    exchange("late-answer", 20_000),
    exchange("503-done", 0),
    exchange("503-failed", 0),
    exchange("timeout", 0),
    exchange("overload", 0),
    exchange("clock", 0),
    exchange("parts", 1_000),
    exchange("half", 0),
    exchange("refused-stop", 0),
    exchange("stuck-stop", 0),
    exchange("html", 0),
    exchange("cut", 0),
    exchange("5xx", 0),
    exchange("throttle", 60_000),
    exchange("ban", 120_000),
    act("vanished-stop", "do?act=vanish&symbol=BTCUSDT", false),
    act("silently-vanished-stop", "do?act=vanish&symbol=BTCUSDT&silent=true", false),
    act("key-expired", "do?act=key", false),
    act("liquidated", "do?act=liquidation&symbol=BTCUSDT", true),
    act("adl", "do?act=adl&symbol=BTCUSDT", true),
    act("leverage", "do?act=leverage&symbol=BTCUSDT&leverage=3", false),
    act("margin", "do?act=margin&symbol=BTCUSDT", false),
    Fault { lasts_ms: 10_000, ..act("maintenance", "do?act=maintenance&seconds=10", false) },
    act("filters", "do?act=filters&symbol=BTCUSDT&tick=1", false),
    act("transfer", "do?act=transfer&amount=25", false),
    act("hand-order", HAND_ORDER, false),
    act("hand-grows", "hand/fapi/v1/order?symbol=BTCUSDT&type=MARKET&side=BUY&quantity=0.002", true),
    act("hand-reduces", "hand/fapi/v1/order?symbol=BTCUSDT&type=MARKET&side=SELL&quantity=0.002&reduceOnly=true", true),
    fault("hand-cancels", By::Played("DELETE", "hand/fapi/v1/algoOpenOrders?symbol=BTCUSDT")),
    fault("doubled", By::Stream(Stream::Doubled)),
    fault("reordered", By::Stream(Stream::Reordered)),
    fault("lost", By::Stream(Stream::Lost)),
    fault("stream-cut", By::Stream(Stream::Cut)),
    fault("silent", By::Stream(Stream::Silent)),
    fault("twice", By::Way(Way::Twice)),
    fault("delayed", By::Way(Way::Delayed)),
    fault("not-sent", By::Way(Way::NotSent)),
];

/// An order far from the price.
const HAND_ORDER: &str = "hand/fapi/v1/order?symbol=BTCUSDT&type=LIMIT&timeInForce=GTC&side=BUY&quantity=0.002&price=90000&newClientOrderId=byhand";

/// A fault at a place: at the so-many-th request about an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strike {
    pub fault: &'static Fault,
    pub place: usize,
}

/// One world.
#[derive(Debug, Clone)]
pub struct Plan {
    pub scene: &'static Scene,
    /// Names latencies.
    pub seed: u64,
    pub strikes: Vec<Strike>,
    /// The process dies right before this effect, and what becomes of the requests that it has on their way.
    pub crash: Option<(usize, OnTheWay)>,
    /// Everything that happens is printed.
    pub told: bool,
}

/// What becomes of requests that a crash finds on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnTheWay {
    /// They do not arrive.
    Lost,
    /// They arrive, and the answer finds nobody.
    Executed,
    /// They arrive after the bot has started again.
    Late,
}

impl OnTheWay {
    pub const ALL: [Self; 3] = [Self::Lost, Self::Executed, Self::Late];
}

impl Plan {
    pub fn calm(scene: &'static Scene) -> Self {
        Self { scene, seed: 1, strikes: Vec::new(), crash: None, told: false }
    }
}

/// `SCENE SEED [FAULT@PLACE ...] [crash=EFFECT:WAY]`.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.scene.name, self.seed)?;
        self.strikes.iter().try_for_each(|strike| write!(f, " {}@{}", strike.fault.name, strike.place))?;
        self.crash.iter().try_for_each(|(effect, way)| write!(f, " crash={effect}:{way:?}"))
    }
}

impl FromStr for Plan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let mut next = || words.next().ok_or_else(|| format!("`{text}` is no world: SCENE SEED FAULT@PLACE ..."));
        let name = next()?;
        let scene = SCENES.iter().find(|scene| scene.name == name).ok_or_else(|| format!("no scene {name}"))?;
        let seed = next()?.parse().map_err(|_| format!("no seed in {text}"))?;
        let mut plan = Self { seed, ..Self::calm(scene) };
        for word in words {
            if let Some((effect, way)) = word.strip_prefix("crash=").and_then(|crash| crash.split_once(':')) {
                let way = OnTheWay::ALL.into_iter().find(|known| format!("{known:?}") == way);
                let way = way.ok_or_else(|| format!("no way {word}"))?;
                plan.crash = Some((effect.parse().map_err(|_| format!("no effect {word}"))?, way));
                continue;
            }
            let (name, place) = word.split_once('@').ok_or_else(|| format!("no fault {word}"))?;
            let fault = FAULTS.iter().find(|fault| fault.name == name).ok_or_else(|| format!("no fault {name}"))?;
            plan.strikes.push(Strike { fault, place: place.parse().map_err(|_| format!("no place {word}"))? });
        }
        Ok(plan)
    }
}
