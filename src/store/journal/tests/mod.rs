//! What the journal promises.

mod damage;
mod folder;
mod live;
mod recording;

use super::{Entry, Outcome, Recorder};
use crate::{
    engine::{Action, Event, Exits, Gate, Risk, Settings},
    market::{ClosedCandle, HOUR_MS, Timeframe, Timestamp, known_instrument},
    simulation::{
        matching,
        prices::{EPOCH, Market},
    },
    strategies,
    trader::{Tally, Trader},
};
use rust_decimal::Decimal;
use std::sync::LazyLock;

const WALL_MS: i64 = 1_761_004_236_000;

/// A trader of three coins that decides every minute.
fn trader() -> Trader {
    let names = ["BTCUSDT", "ETHUSDT", "SOLUSDT"].map(|name| known_instrument(&name.parse().unwrap()).unwrap());
    let rule = strategies::Settings { timeframe: Timeframe::M1, ..strategies::Settings::oversold_bounce() };
    let venue = matching::Settings { instruments: names.to_vec(), ..matching::Settings::default() };
    let engine = Settings {
        instruments: names.to_vec(),
        capital: Decimal::ONE_THOUSAND,
        strategies: vec![rule],
        require_warm: false,
        risk: Risk { max_trades_per_day: 100, ..Risk::default() },
        exits: Exits::default(),
        gate: Gate::default(),
    };
    Trader::on_paper(engine, venue)
}

/// What the trader is told in the first hours of the made-up market, and what it does. Commits are answered before the next candle.
struct Tape {
    trader: Trader,
    market: std::vec::IntoIter<ClosedCandle>,
    latest: Timestamp,
    /// The commit that is to be answered next.
    waiting: Option<u64>,
}

impl Tape {
    fn new(hours: i64) -> Self {
        let trader = trader();
        let names: Vec<_> = trader.engine().settings().instruments.iter().map(|rules| rules.symbol.clone()).collect();
        let candles = Market::new(4, &names)
            .filter(|candle| !candle.history)
            .take_while(|candle| candle.closes_at() <= EPOCH.plus_ms(hours * HOUR_MS));
        let market = candles.collect::<Vec<_>>().into_iter();
        Self { trader, market, latest: EPOCH, waiting: None }
    }

    /// The next event, as the loop hands it in, and what came of it.
    fn next(&mut self) -> Option<Entry> {
        let event = match self.waiting.take() {
            Some(batch) => Event::Committed { batch },
            None => Event::Candle(self.market.next()?),
        };
        if let Event::Candle(candle) = &event {
            self.latest = self.latest.max(candle.closes_at());
        }
        let (at, before, mut actions) = (self.latest, self.trader.tally(), Vec::new());
        self.trader.handle(at, &event, &mut actions);
        self.waiting = self.trader.outstanding();
        let tally = self.trader.tally();
        let outcome = (tally != before || !actions.is_empty()).then_some(Outcome { tally, actions });
        Some(Entry { at, event, outcome })
    }

    /// Everything that follows, told to the recorder: blocks of so many entries, and how many each holds.
    fn record(&mut self, recorder: &mut Recorder, each: usize, entries: &mut Vec<Entry>) -> Vec<(Vec<u8>, usize)> {
        let (mut blocks, mut held) = (Vec::new(), 0);
        while let Some(entry) = self.next() {
            put(recorder, &entry, self.trader.tally());
            entries.push(entry);
            held += 1;
            if let Some(block) = recorder.take(held == each) {
                blocks.push((block, std::mem::take(&mut held)));
            }
        }
        blocks.extend(recorder.take(true).map(|block| (block, held)));
        blocks
    }
}

fn put(recorder: &mut Recorder, entry: &Entry, tally: Tally) {
    let actions: &[Action] = entry.outcome.as_ref().map_or(&[], |outcome| &outcome.actions);
    recorder.event(entry.at, &entry.event, actions, tally);
}

/// An hour in small blocks.
static HOUR: LazyLock<Parts> = LazyLock::new(|| Parts::new(1, EACH));
/// Entries of each of its blocks.
const EACH: usize = 20;

/// A segment in parts.
struct Parts {
    head: Vec<u8>,
    /// Each with the number of its entries.
    blocks: Vec<(Vec<u8>, usize)>,
    entries: Vec<Entry>,
}

impl Parts {
    /// The first so many hours of the market, in blocks of so many entries.
    fn new(hours: i64, each: usize) -> Self {
        let (mut tape, mut recorder, mut entries) = (Tape::new(hours), Recorder::default(), Vec::new());
        let head = recorder.begin(&tape.trader, WALL_MS);
        let blocks = tape.record(&mut recorder, each, &mut entries);
        Self { head, blocks, entries }
    }

    /// As a file has them.
    fn bytes(&self) -> Vec<u8> {
        let blocks = self.blocks.iter().flat_map(|(block, _)| block);
        self.head.iter().chain(blocks).copied().collect()
    }
}
