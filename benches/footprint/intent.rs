//! From an event to a durable intent: the trader asks for a commit, the keeper's thread makes it, the trader hears of it. Beside each one stands
//! a bare write of as many bytes, and the system's word that they are on the disk.

use crate::{Outcome, Row, ms, quantile};
use smolbear::{
    config::Config,
    engine::{Action, Event, Record},
    market::ClosedCandle,
    simulation::prices::{EPOCH, Market},
    store::{Answer, Batch, Cursor, Database, Job, Keeper, Limits, Memory, journal::Segments},
    trader::Trader,
};
use std::{
    fs::File,
    os::unix::fs::FileExt,
    path::Path,
    time::{Duration, Instant},
};

/// Bytes of SQLite's log before it begins again.
const ROUND: u64 = 1 << 20;

/// What a run of commits took.
struct Taken {
    commits: Vec<Duration>,
    bare: Vec<Duration>,
    bytes: u64,
}

/// The median and the slowest of a hundred, beside those of the bare write.
pub fn rows(commits: usize, folder: &Path) -> Outcome<Vec<Row>> {
    let bytes = measure(commits / 4, 0, folder)?.bytes;
    let taken = measure(commits, bytes, folder)?;
    let row = |what: &str, share| {
        let [own, bare] = [&taken.commits, &taken.bare].map(|times| quantile(times.clone(), share));
        let ratio = own.zip(bare).map_or(0.0, |(own, bare)| own.as_secs_f64() / bare.as_secs_f64());
        let beside = format!("{:.1} times a write of {} bytes with fdatasync, {}", ratio, bytes, ms(bare));
        [what.to_owned(), "–".to_owned(), ms(own), beside]
    };
    Ok(vec![row("event to durable intent, median", 0.5), row("the same, 99 of 100", 0.99)])
}

/// Walks a made-up market with an account of its own; after each commit as many bytes are written without a database.
/// An account that trades on whatever it loses, so that commits do not end.
fn endless() -> Config {
    let mut config = Config::default();
    (config.risk.max_losses_in_row, config.risk.max_drawdown_pct) = (0, 100.0);
    (config.risk.breaker_daily_loss_pct, config.risk.breaker_position_loss_pct) = (100.0, 100.0);
    config
}

fn measure(commits: usize, bytes: u64, folder: &Path) -> Outcome<Taken> {
    let place = tempfile::tempdir_in(folder)?;
    let database = Database::open(&place.path().join("smolbear.db"), None)?;
    let segments = Segments::open(&place.path().join("journal"))?;
    let keeper = Keeper::start(database, segments, Limits { keep_days: 90, bytes: 1 << 30 })?;
    let mut bare = Bare::new(&place.path().join("bare"), bytes)?;
    let (mut walk, mut taken) = (Walk::new(), Taken { commits: Vec::new(), bare: Vec::new(), bytes: 0 });
    while taken.commits.len() < commits {
        let Some((number, records)) = walk.next_commit() else { return Err("the market has ended".into()) };
        let (before, from) = (written()?, Instant::now());
        keeper.send(Job::Batch(Box::new(walk.batch(records))))?;
        match futures_lite::future::block_on(keeper.answer())? {
            Answer::Batch(_, Ok(())) => taken.commits.push(from.elapsed()),
            other => return Err(format!("no commit: {other:?}").into()),
        }
        taken.bytes += written()? - before;
        walk.committed(number);
        if bytes > 0 {
            taken.bare.push(bare.write()?);
        }
    }
    taken.bytes /= commits as u64;
    Ok(taken)
}

/// A file that is written round and round, as SQLite's log is.
struct Bare {
    file: File,
    bytes: Vec<u8>,
    at: u64,
}

impl Bare {
    fn new(path: &Path, bytes: u64) -> Outcome<Self> {
        let file = File::create(path)?;
        file.write_all_at(&[0; ROUND as usize], 0)?;
        file.sync_all()?;
        Ok(Self { file, bytes: vec![7; usize::try_from(bytes)?], at: 0 })
    }

    fn write(&mut self) -> Outcome<Duration> {
        let from = Instant::now();
        self.file.write_all_at(&self.bytes, self.at % ROUND)?;
        self.at += self.bytes.len() as u64;
        self.file.sync_data()?;
        Ok(from.elapsed())
    }
}

/// What this process has had written to disks, in bytes.
fn written() -> Outcome<u64> {
    let text = std::fs::read_to_string("/proc/self/io")?;
    let line = text.lines().find_map(|line| line.strip_prefix("write_bytes: ")).ok_or("no write_bytes")?;
    Ok(line.parse()?)
}

/// A trader in a made-up market at the defaults.
struct Walk {
    trader: Trader,
    market: Market,
    candle: Option<ClosedCandle>,
    cursor: Cursor,
    actions: Vec<Action>,
}

impl Walk {
    fn new() -> Self {
        let config = endless();
        let rules = || config.instruments_for(&config.symbols).expect("every symbol is known");
        let trader = Trader::on_paper(config.engine_settings(rules()), config.matching_settings(rules()));
        let market = Market::new(config.paper.seed, &config.symbols);
        let mut cursor = Cursor::new(config.symbols.len());
        cursor.latest = EPOCH;
        Self { trader, market, candle: None, cursor, actions: Vec::new() }
    }

    /// Goes on to the next commit that the trader waits for: its number and records.
    fn next_commit(&mut self) -> Option<(u64, Vec<Record>)> {
        loop {
            let asked = self.actions.drain(..).find_map(|action| match action {
                Action::Commit { batch, records } => Some((batch, records)),
                _ => None,
            });
            if asked.is_some() {
                return asked;
            }
            let next = self.candle.take().or_else(|| self.market.next())?;
            let (at, event) = match next.history {
                true => (next.closes_at(), Event::Candle(next)),
                false => self.trader.next_of(self.cursor.latest, next.closes_at(), Event::Candle(next)),
            };
            self.candle = (!matches!(event, Event::Candle(_))).then_some(next);
            self.cursor.latest = at;
            self.trader.handle(at, &event, &mut self.actions);
        }
    }

    fn batch(&self, records: Vec<Record>) -> Batch {
        let names = self.trader.engine().settings().names();
        let memory = Memory { names, cursor: self.cursor.clone(), trader: self.trader.snapshot() };
        Batch { records, memory, said: Vec::new(), sample: None, halt: None }
    }

    fn committed(&mut self, batch: u64) {
        self.trader.handle(self.cursor.latest, &Event::Committed { batch }, &mut self.actions);
    }
}
