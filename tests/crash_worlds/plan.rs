//! What one world is like: its market, its disk, and what goes wrong in it.

use super::disk::Write;
use smolbear::{
    engine::{Exits, Gate, Risk, Settings},
    market::{Candle, ClosedCandle, MINUTE_MS, SymbolId, Timeframe, Timestamp, known_instrument},
    strategies,
};
use std::collections::BTreeMap;

/// The close of the candle that raises the signal.
pub const SIGNAL: Timestamp = Timestamp(15 * MINUTE_MS);
/// When a world ends.
pub const END: Timestamp = Timestamp(SIGNAL.0 + 200_000);

/// A market and how its venue works.
#[derive(Debug)]
pub struct Tape {
    pub name: &'static str,
    /// Milliseconds after the signal, and the price from then on.
    pub ticks: &'static [(i64, f64)],
    /// A trailing stop ends the trade; else the time that it may last.
    pub trailing: bool,
    /// The venue refuses each name that it has ever seen, not only those of open orders.
    pub remembers: bool,
    /// A stop fills in two parts.
    pub parts: bool,
    /// How long a fill takes to us; an answer takes [`super::world::WIRE_MS`].
    pub stream_ms: i64,
}

/// The price between both parts of the entry, the one that moves the stop, the one that hits it, and a fall that asks for another entry.
const THERE_AND_BACK: &[(i64, f64)] = &[
    (2_000, 98_450.0),
    (3_000, 98_600.0),
    (8_000, 98_900.0),
    (14_000, 98_850.0),
    (20_000, 98_700.0),
    (26_000, 98_600.0),
    (33_000, 98_640.0),
    (40_000, 98_500.0),
    (55_000, 98_200.0),
    (70_000, 98_150.0),
    (90_000, 98_050.0),
    (110_000, 97_900.0),
    (130_000, 97_850.0),
    (150_000, 97_800.0),
    (170_000, 97_750.0),
];

pub const TAPES: [Tape; 3] = [
    Tape { name: "trailing", ticks: THERE_AND_BACK, trailing: true, remembers: false, parts: false, stream_ms: 30 },
    Tape { name: "time limit", ticks: THERE_AND_BACK, trailing: false, remembers: true, parts: false, stream_ms: 10 },
    Tape { name: "exit in parts", ticks: THERE_AND_BACK, trailing: true, remembers: true, parts: true, stream_ms: 10 },
];

impl Tape {
    /// Oversold Bounce on every minute, one entry a day.
    pub fn settings(&self) -> Settings {
        let minute = strategies::Settings {
            timeframe: Timeframe::M1,
            context: Timeframe::M1,
            ..strategies::Settings::oversold_bounce()
        };
        let exits = Exits { trailing: self.trailing, trailing_pct: 0.25, time_limit: !self.trailing, max_hold_s: 15 };
        Settings {
            instruments: vec![known_instrument(&"BTCUSDT".parse().unwrap()).unwrap()],
            capital: super::world::CAPITAL.into(),
            strategies: vec![minute],
            require_warm: false,
            risk: Risk { max_trades_per_day: 1, ..Risk::default() },
            exits,
            gate: Gate::default(),
        }
    }

    /// The price at a moment: 100 less with each minute until the signal.
    pub fn price_at(&self, now: Timestamp) -> f64 {
        let before = 100_000.0 - 100.0 * (now.0.min(SIGNAL.0) / MINUTE_MS) as f64;
        self.ticks.iter().rev().find(|(at, _)| SIGNAL.plus_ms(*at) <= now).map_or(before, |(_, price)| *price)
    }

    /// The candles that have closed by now, oldest first.
    pub fn candles(&self, now: Timestamp) -> impl Iterator<Item = ClosedCandle> {
        (0..now.0 / MINUTE_MS).map(|minute| {
            let open_time = Timestamp(minute * MINUTE_MS);
            let within = |at: &Timestamp| open_time < *at && at.since_ms(open_time) <= MINUTE_MS;
            let ends = [open_time, open_time.plus_ms(MINUTE_MS)].map(|at| self.price_at(at));
            let ticks = self.ticks.iter().filter(|(at, _)| within(&SIGNAL.plus_ms(*at))).map(|(_, price)| *price);
            let prices: Vec<f64> = ticks.chain(ends).collect();
            let (low, high) =
                (prices.iter().copied().fold(f64::MAX, f64::min), prices.iter().copied().fold(0.0, f64::max));
            let candle = Candle { open_time, open: ends[0], high, low, close: ends[1], volume: 1.0 };
            ClosedCandle { symbol: SymbolId(0), timeframe: Timeframe::M1, candle, history: false }
        })
    }
}

/// How fast the disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speed {
    Quick,
    Slow,
    /// From this commit on nothing becomes durable, until the bot starts again or two minutes have gone by.
    Stuck(u64),
    /// The same, and a start changes nothing about it.
    StaysStuck(u64),
}

/// What becomes of the requests that a crash finds on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    Lost,
    /// Executed, and the answer finds nobody.
    Executed,
    /// Refused, and the answer finds nobody.
    Refused,
    /// They reach the venue only after the bot has started again.
    Late,
}

impl Wire {
    pub const ALL: [Self; 4] = [Self::Lost, Self::Executed, Self::Refused, Self::Late];
}

/// What goes wrong with one request of a bot that lives on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    RequestLost,
    AnswerLost,
    Refused,
    /// Executed, and answered as if it had been there before.
    Duplicate,
    /// It reaches the venue after a look-up has said that it is not there.
    Late,
}

impl Fault {
    pub const ALL: [Self; 5] = [Self::RequestLost, Self::AnswerLost, Self::Refused, Self::Duplicate, Self::Late];
}

/// A mistake that the checks must catch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// What a restart finds without an answer is sent again, and not looked up.
    ResendsBlindly,
    /// The disk loses a commit that it had called durable.
    LosesTheLastCommit,
    /// No answer is taken for a refusal.
    TakesUnknownForFailed,
    /// A look-up that finds nothing is believed at once.
    BelievesOneMiss,
    /// After a start trades are told again, under other numbers.
    RenumbersTrades,
    /// A commit is called durable once it is handed to the disk.
    DoesNotWaitForTheDisk,
}

/// One world.
#[derive(Debug, Clone)]
pub struct Plan {
    pub tape: &'static Tape,
    pub disk: Speed,
    /// Crashes right before these effects, counted from the first start; ascending.
    pub crashes: Vec<usize>,
    pub wire: Wire,
    pub write: Write,
    /// The bot starts again two seconds after the crash, but not before this.
    pub down_until: Timestamp,
    /// By the number of the request.
    pub faults: BTreeMap<usize, Fault>,
    pub bug: Option<Bug>,
    /// Every event is printed, with what the engine asks for.
    pub told: bool,
}

impl Plan {
    /// A world in which nothing goes wrong.
    pub fn calm(tape: &'static Tape, disk: Speed) -> Self {
        let (wire, write, down_until) = (Wire::Lost, Write::Gone, Timestamp(0));
        Self {
            tape,
            disk,
            crashes: Vec::new(),
            wire,
            write,
            down_until,
            faults: BTreeMap::new(),
            bug: None,
            told: false,
        }
    }

    /// The same world, as a line.
    pub fn name(&self) -> String {
        let Self { tape, disk, crashes, wire, write, down_until, faults, .. } = self;
        let down = down_until.since_ms(SIGNAL);
        format!("{}, {disk:?}, crashes {crashes:?}, {wire:?}, {write:?}, down until {down} ms, {faults:?}", tape.name)
    }
}
