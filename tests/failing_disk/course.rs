//! Ten days of a bot, as the trading loop gives them to the store.

use crate::rig::{Rig, made_up, names, seeded, unlimited};
use smolbear::{
    config::Config,
    engine::{Action, Event, Record},
    market::{ClosedCandle, DAY_MS, Names, Timestamp},
    simulation::prices::EPOCH,
    store::{Batch, Cursor, Memory, TradeRow},
};
use std::sync::LazyLock;

/// Entries, stops and targets, exits of several kinds, funding.
pub static COURSE: LazyLock<Course> = LazyLock::new(Course::new);
const DAYS: i64 = 10;

pub struct Course {
    config: Config,
    names: Names,
    candles: Vec<ClosedCandle>,
    pub batches: Vec<Batch>,
}

impl Course {
    fn new() -> Self {
        let mut config = seeded(4);
        (config.exits.time_limit, config.exits.max_hold_s) = (true, 9 * 3600);
        unlimited(&mut config.risk);
        // history enough for the slowest average, and short enough to be fed again and again
        let recent = |candle: &ClosedCandle| candle.candle.open_time >= EPOCH.plus_ms(-10 * DAY_MS);
        let candles = made_up(&config, DAYS * DAY_MS).filter(recent).collect();
        let mut course = Self { names: names(&config), config, candles, batches: Vec::new() };
        course.batches = course.trade();
        course
    }

    /// Every commit with the state at that moment, also in the middle of an event.
    fn trade(&self) -> Vec<Batch> {
        let (mut rig, mut batches) = (Rig::new(&self.config), Vec::new());
        let mut cursor = Cursor::new(self.names.symbols.len());
        for candle in &self.candles {
            loop {
                let (at, event) = rig.trader.next_of(rig.latest, candle.closes_at(), Event::Candle(*candle));
                let whole = event == Event::Candle(*candle);
                cursor.latest = at;
                if whole {
                    cursor.pass(candle);
                }
                rig.handle(at, event);
                while let Some(batch) = rig.trader.outstanding() {
                    let records = rig.asked.drain(..).find_map(|(_, action)| records_of(action)).unwrap();
                    let memory =
                        Memory { names: self.names.clone(), cursor: cursor.clone(), trader: rig.trader.snapshot() };
                    batches.push(Batch { records, memory, said: Vec::new(), sample: None, halt: None });
                    rig.handle(at, Event::Committed { batch });
                }
                if whole {
                    break;
                }
            }
        }
        batches
    }

    /// A bot that goes on from a memory.
    fn restored(&self, memory: &Memory) -> Rig {
        Rig::restored(&self.config, memory.trader.clone())
    }

    /// How many trades an account says it has made.
    pub fn counted(&self, memory: &Memory) -> u64 {
        self.restored(memory).trader.engine().account().trades
    }

    /// The trades that go on from a memory to the end of the ten days.
    pub fn go_on(&self, memory: &Memory) -> Vec<TradeRow> {
        let mut rig = self.restored(memory);
        let (passed, rest): (Vec<ClosedCandle>, Vec<_>) =
            self.candles.iter().partition(|candle| memory.cursor.has(candle));
        passed
            .into_iter()
            .for_each(|candle| rig.handle(candle.closes_at(), Event::Candle(ClosedCandle { history: true, ..candle })));
        assert_eq!(rig.asked, [], "history asks for nothing");
        rig.latest = memory.cursor.latest;
        while let Some(batch) = rig.trader.outstanding() {
            rig.tell(rig.latest, Event::Committed { batch });
        }
        rig.feed(rest);
        rig.trades().map(|trade| self.row(trade)).collect()
    }

    /// The trades in these batches, as the store has them.
    pub fn rows(&self, batches: &[Batch]) -> Vec<TradeRow> {
        let records = batches.iter().flat_map(|batch| &batch.records);
        let trades = records.filter_map(|record| if let Record::Trade(trade) = record { Some(trade) } else { None });
        trades.map(|trade| self.row(trade)).collect()
    }

    fn row(&self, trade: &smolbear::engine::Trade) -> TradeRow {
        let strategy = &self.names.strategies[usize::from(trade.strategy)];
        TradeRow::new(trade, &self.names.symbols[trade.symbol.index()], strategy)
    }
}

/// Since the beginning.
pub const ALWAYS: Timestamp = Timestamp(i64::MIN);

fn records_of(action: Action) -> Option<Vec<Record>> {
    if let Action::Commit { records, .. } = action { Some(records) } else { None }
}
