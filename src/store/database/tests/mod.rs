//! What the database promises, over what a bot really wrote.

mod commits;
mod faults;
mod figures;
mod kept;
mod migrations;
mod readers;

use super::*;
use crate::{
    config::Config,
    engine::{Action, Event, Record},
    market::{DAY_MS, Timestamp},
    simulation::prices::{EPOCH, Market},
    store::{Batch, Cursor, Memory, Names, Said, SaidKind, Sample},
    trader::Trader,
};
use std::sync::OnceLock;
use tempfile::TempDir;

/// A folder with the file of a store, which may not be there yet.
struct Place {
    folder: TempDir,
    file: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { file: folder.path().join("smolbear.db"), folder }
    }

    /// Without waiting for the disk, which no test pulls the plug of.
    fn open(&self) -> Database {
        let database = Database::open(&self.file, None).unwrap();
        database.connection.pragma_update(None, "synchronous", "OFF").unwrap();
        database
    }

    fn beside(&self, end: &str) -> PathBuf {
        beside(&self.file, end)
    }

    /// With the first so many batches of [`course`] in it.
    fn with(batches: usize) -> Self {
        let place = Self::new();
        let mut database = place.open();
        course()[..batches].iter().for_each(|batch| database.commit(batch).unwrap());
        place
    }

    /// The names of the files, in order.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// The commits of a bot in a made-up market: entries, moved stops, exits of several kinds, funding.
fn course() -> &'static [Batch] {
    static COURSE: OnceLock<Vec<Batch>> = OnceLock::new();
    COURSE.get_or_init(|| {
        let mut config = Config::default();
        config.paper.seed = 4;
        (config.exits.trailing, config.exits.trailing_pct) = (true, 0.8);
        (config.exits.time_limit, config.exits.max_hold_s) = (true, 9 * 3600);
        (config.risk.max_trades_per_day, config.risk.daily_loss_pct) = (50, 50.0);
        (config.risk.max_losses_in_row, config.risk.max_drawdown_pct) = (0, 100.0);
        (config.risk.max_correlation, config.risk.breaker_correlation) = (1.0, 1.0);
        (config.risk.breaker_daily_loss_pct, config.risk.breaker_position_loss_pct) = (100.0, 100.0);
        config.risk.spike_sigma = 1_000.0;
        trade_days(&config, 3)
    })
}

fn trade_days(config: &Config, days: i64) -> Vec<Batch> {
    let instruments = config.instruments_for(&config.symbols).unwrap();
    let venue = config.matching_settings(instruments.clone());
    let mut trader = Trader::on_paper(config.engine_settings(instruments), venue);
    let strategies = config.strategies.iter().map(|rule| rule.name.clone()).collect();
    let names = Names { symbols: config.symbols.clone(), strategies };
    let mut cursor = Cursor::new(names.symbols.len());
    let mut batches = Vec::new();
    let market = Market::new(config.paper.seed, &config.symbols);
    for candle in market.take_while(|candle| candle.closes_at() <= EPOCH.plus_ms(days * DAY_MS)) {
        loop {
            let (at, event) = trader.next_of(cursor.latest, candle.closes_at(), Event::Candle(candle));
            cursor.latest = at;
            let whole = event == Event::Candle(candle);
            if whole {
                cursor.pass(&candle);
            }
            let mut actions = Vec::new();
            trader.handle(at, &event, &mut actions);
            while let Some(batch) = trader.outstanding() {
                let records = actions.drain(..).find_map(records_of).unwrap();
                let memory = Memory { names: names.clone(), cursor: cursor.clone(), trader: trader.snapshot() };
                batches.push(Batch { records, ..Batch::of(memory) });
                trader.handle(at, &Event::Committed { batch }, &mut actions);
            }
            if whole {
                break;
            }
        }
    }
    batches
}

fn records_of(action: Action) -> Option<Vec<Record>> {
    if let Action::Commit { records, .. } = action { Some(records) } else { None }
}

fn said(at_ms: i64, kind: SaidKind, text: &str) -> Said {
    Said { at_ms, kind, text: text.to_owned() }
}

fn sample(at_ms: i64) -> Sample {
    Sample {
        at_ms,
        market: Timestamp(i64::MIN),
        balance: "1003.20".parse().unwrap(),
        equity: "-0.00000001".parse().unwrap(),
        open: u32::MAX,
        trades: u64::MAX,
        status: "degraded".to_owned(),
        reasons: vec!["a \"quote\", a comma".to_owned(), "line\nbreak".to_owned()],
        uptime_s: 7,
        memory_kb: 0,
    }
}

/// How many rows a table has.
fn count(database: &Database, table: &str) -> i64 {
    database.connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

/// Everything in the tables of money, as text.
fn money(database: &Database) -> Vec<String> {
    let tables = ["account", "memory", "intents", "fills", "trades", "funding"];
    let rows = tables.iter().flat_map(|table| {
        let mut select = database.connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let width = select.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            let cells = (0..width).map(|cell| format!("{:?}", row.get_ref(cell).unwrap()));
            Ok(format!("{table}: {}", cells.collect::<Vec<_>>().join(" ")))
        };
        select.query_map([], row).unwrap().map(Result::unwrap).collect::<Vec<_>>()
    });
    rows.collect()
}
