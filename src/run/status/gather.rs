//! What is known of a bot, and what follows from it.

use super::report::{
    Account, Breaker, Halt, Health, InDoubt, LastEnd, Line, Live, Period, Pnl, Position, Quarantined, Report, Store,
};
use crate::{
    engine,
    market::{DAY_MS, SymbolId, Timestamp},
    moment::Moment,
    run::{breakers, earnings::Earnings, opening::network_of},
    store::{
        self, Database, HaltKind, Memory, Said, SaidKind, Sample, StoreError, TradeRow,
        folder::{Holder, JOURNAL, OLD, holder, size},
        last_run::{Facts, How, Run, RunEnd, why},
    },
};
use rust_decimal::Decimal;
use std::{io, path::Path};

/// A bot says every five minutes how it is; this long without is too long.
const OVERDUE_MS: i64 = 360_000;
/// Lines of each kind.
const LINES: u32 = 20;

/// What the data directory and the system say.
pub struct Known {
    pub data_dir: String,
    /// Wall clock, milliseconds since 1970.
    pub now_ms: i64,
    pub holder: Option<Holder>,
    pub facts: Facts,
    pub rows: Rows,
    pub sizes: Store,
}

/// What the database says.
#[derive(Default)]
pub struct Rows {
    pub account: Option<store::Account>,
    pub memory: Option<Memory>,
    pub saved_ms: Option<i64>,
    pub last_run: Option<(Run, Option<RunEnd>)>,
    /// Most memory of the last run.
    pub peak_kb: Option<u64>,
    pub sample: Option<Sample>,
    pub trades: Vec<TradeRow>,
    pub halts: Vec<store::Halt>,
    /// Newest first, like the next.
    pub signals: Vec<Said>,
    pub troubles: Vec<Said>,
}

/// Asks database, lock and system.
pub fn look(folder: &Path, database: &Database, now_ms: i64) -> Result<Known, String> {
    let who = || holder(folder).map_err(|cause| format!("{}: {cause}", folder.display()));
    // Whoever begins or ends meanwhile: the rows of a bot that is there must not be taken for those of one that was killed.
    let before = who()?;
    let rows = database.at_one_moment(Rows::read).map_err(|error| error.to_string())?;
    let holder = before.map_or_else(who, |holder| Ok(Some(holder)))?;
    let last = rows.last_run.as_ref().map(|(run, end)| (run, end.as_ref()));
    // How often the kernel killed in our cgroup says nothing here: the bot is in another.
    let facts = Facts { oom_kills: None, ..Facts::gather(last.filter(|_| holder.is_none()), None) };
    let sizes = sizes(folder, database).map_err(|cause| format!("{}: {cause}", folder.display()))?;
    Ok(Known { data_dir: folder.display().to_string(), now_ms, holder, facts, rows, sizes })
}

fn sizes(folder: &Path, database: &Database) -> io::Result<Store> {
    let [journal_bytes, old_bytes] = [JOURNAL, OLD].map(|name| size(&folder.join(name)));
    Ok(Store { database_bytes: database.size(), journal_bytes: journal_bytes?, old_bytes: old_bytes? })
}

impl Rows {
    fn read(database: &Database) -> Result<Self, StoreError> {
        let last_run = database.runs(1)?.pop();
        let peak_kb = match &last_run {
            Some((run, None)) => database.peak_kb(run.started_ms)?,
            Some((_, Some(_))) | None => None,
        };
        Ok(Self {
            account: database.account()?,
            memory: database.memory()?,
            saved_ms: database.saved_ms()?,
            last_run,
            peak_kb,
            sample: database.last_sample()?,
            trades: database.trades(Timestamp(i64::MIN))?,
            halts: database.halts()?,
            signals: database.said(SaidKind::Signal, LINES)?,
            troubles: database.said(SaidKind::Trouble, LINES)?,
        })
    }

    /// How far the account's market has come: what "now" is to it.
    pub fn market_time(&self) -> Option<Timestamp> {
        market_time(self.memory.as_ref(), self.sample.as_ref())
    }
}

/// The later of what the last commit and the last sample say; before the first event neither says anything.
pub fn market_time(memory: Option<&Memory>, sample: Option<&Sample>) -> Option<Timestamp> {
    let told = [memory.map(|memory| memory.cursor.latest), sample.map(|sample| sample.market)];
    told.into_iter().flatten().max().filter(|at| *at > Timestamp(i64::MIN))
}

impl Known {
    /// What follows from it.
    pub fn report(&self) -> Report {
        let current = self.current();
        let health = self.health();
        let heard_ms = current.map(|run| health.as_ref().map_or(run.started_ms, |health| health.at.0));
        Report {
            data_dir: self.data_dir.clone(),
            looked: Moment(self.now_ms),
            running: self.holder.is_some(),
            pid: self.holder.and_then(|holder| holder.pid),
            started: self.run().map(|run| Moment(run.started_ms)),
            uptime_s: current.map(|run| self.age_s(run.started_ms)),
            last_end: self.last_end(),
            health_overdue: heard_ms.is_some_and(|heard_ms| self.now_ms.saturating_sub(heard_ms) > OVERDUE_MS),
            health,
            account: self.account(),
            live: self.live(),
            positions: self.rows.memory.iter().flat_map(positions).collect(),
            pnl: pnl(&self.rows.trades, self.rows.market_time()),
            halts: self.rows.halts.iter().filter_map(|halt| self.halt(halt)).collect(),
            breakers: self.rows.memory.iter().flat_map(tripped).collect(),
            quarantined: self.rows.memory.iter().flat_map(quarantined).collect(),
            signals: lines(&self.rows.signals),
            errors: lines(&self.rows.troubles),
            store: self.sizes.clone(),
        }
    }

    /// The run that goes on; none where the bot that is there has not begun one yet, or has ended it.
    fn current(&self) -> Option<&Run> {
        let pid = self.holder?.pid;
        let (run, end) = self.rows.last_run.as_ref()?;
        (end.is_none() && pid.is_none_or(|pid| pid == run.pid)).then_some(run)
    }

    /// The run that goes on, or the last one where none does.
    fn run(&self) -> Option<&Run> {
        match self.holder {
            Some(_) => self.current(),
            None => self.rows.last_run.as_ref().map(|(run, _)| run),
        }
    }

    fn age_s(&self, at_ms: i64) -> i64 {
        self.now_ms.saturating_sub(at_ms).max(0) / 1000
    }

    fn last_end(&self) -> Option<LastEnd> {
        let (run, end) = self.rows.last_run.as_ref().filter(|_| self.holder.is_none())?;
        let end = end.as_ref();
        let why = why(run, end, self.rows.peak_kb, &self.facts);
        let sample_ms = self.rows.sample.as_ref().map(|sample| sample.at_ms);
        let heard_ms = [end.map(|end| end.ended_ms), sample_ms, self.rows.saved_ms, Some(run.started_ms)];
        Some(LastEnd {
            how: word(&why.how),
            text: why.to_string(),
            at: end.map(|end| Moment(end.ended_ms)),
            last_heard: heard_ms.into_iter().flatten().max().map(Moment),
            exit_code: end.map(|end| end.exit_code),
        })
    }

    /// What an earlier run said is no word on the last one.
    fn health(&self) -> Option<Health> {
        let run = self.run()?;
        let sample = self.rows.sample.as_ref().filter(|sample| sample.at_ms >= run.started_ms)?;
        Some(Health {
            status: sample.status.clone(),
            reasons: sample.reasons.clone(),
            at: Moment(sample.at_ms),
            age_s: self.age_s(sample.at_ms),
            memory_kb: Some(sample.memory_kb).filter(|kb| *kb > 0),
        })
    }

    fn account(&self) -> Account {
        let Rows { account, memory, saved_ms, .. } = &self.rows;
        let capital = account.as_ref().map(|account| account.capital);
        let booked = memory.as_ref().map(|memory| memory.trader.engine().account());
        let balance = booked.map(|account| account.balance).or(capital);
        let at_marks = memory.iter().flat_map(positions).map(|position| position.unrealised).sum::<Option<Decimal>>();
        // without a mark, as the bot last said it
        let told = || self.rows.sample.as_ref().map(|sample| sample.equity - sample.balance);
        let unrealised = at_marks.or_else(told);
        Account {
            market: account.as_ref().map(|account| account.market.clone()),
            opened: account.as_ref().map(|account| Moment(account.opened_ms)),
            capital: booked.map(|account| account.capital).or(capital).map(|capital| capital.normalize()),
            balance: balance.map(|balance| balance.normalize()),
            equity: balance.zip(unrealised).map(|(balance, unrealised)| (balance + unrealised).normalize()),
            market_time: self.rows.market_time().map(Moment::from),
            saved: saved_ms.map(Moment),
        }
    }

    fn live(&self) -> Option<Live> {
        let memory = self.rows.memory.as_ref()?;
        let state = memory.trader.engine();
        let name = |symbol: SymbolId| memory.names.symbols[symbol.index()].to_string();
        let in_doubt = state
            .orders()
            .filter(|order| order.stage == engine::Stage::Unknown)
            .map(|order| InDoubt { order: order.request.id.to_string(), symbol: name(order.request.symbol) });
        state.is_live().then(|| Live {
            network: self.rows.account.as_ref().map_or_else(String::new, |account| network_of(&account.market)),
            proven: state.is_proven(),
            in_doubt: in_doubt.collect(),
            foreign: state.foreign().map(name).collect(),
        })
    }

    /// A halt whose time is not over.
    fn halt(&self, halt: &store::Halt) -> Option<Halt> {
        halt.left_ms(self.now_ms).is_none_or(|left| left > 0).then(|| Halt {
            kind: match halt.kind {
                HaltKind::Emergency => "emergency",
                HaltKind::Restarts => "restarts",
            },
            reason: halt.reason.clone(),
            since: Moment(halt.since_ms),
            until: halt.until_ms.map(Moment),
            cleared_by: "--clear-emergency",
        })
    }
}

const fn word(how: &How) -> &'static str {
    match how {
        How::Clean(_) => "clean",
        How::Emergency(_) => "emergency",
        How::Input(_) => "input",
        How::Crash(_) => "crash",
        How::Reboot => "reboot",
        How::Frozen(_) => "frozen",
        How::OutOfMemory(_) => "out_of_memory",
        How::Seen(..) => "seen",
        How::Killed(_) => "killed",
    }
}

fn positions(memory: &Memory) -> impl Iterator<Item = Position> {
    let Memory { names, trader, .. } = memory;
    trader.engine().positions().map(|position| {
        let engine::Position { symbol, plan, .. } = position;
        let mark = trader.venue().and_then(|venue| venue.mark(*symbol));
        Position {
            symbol: names.symbols[symbol.index()].to_string(),
            strategy: names.strategies.get(usize::from(plan.strategy)).cloned(),
            side: plan.side.name(),
            qty: position.qty.normalize(),
            entry_price: position.entry_price(),
            since: position.entry_time.into(),
            stop: position.stop.normalize(),
            target: position.target.normalize(),
            mark: mark.map(|mark| mark.normalize()),
            unrealised: mark.map(|mark| position.unrealised(mark).normalize()),
        }
    })
}

fn tripped(memory: &Memory) -> impl Iterator<Item = Breaker> {
    let name = |symbol: SymbolId| memory.names.symbols[symbol.index()].as_str();
    memory.trader.engine().tripped().iter().map(move |tripped| Breaker {
        kind: breakers::kind(tripped.breaker),
        effect: breakers::effect(tripped.breaker),
        symbol: breakers::symbol(tripped.breaker).map(|symbol| name(symbol).to_owned()),
        reason: breakers::text(tripped, name),
        since: tripped.at.into(),
        until: tripped.until.map(Moment::from),
    })
}

fn quarantined(memory: &Memory) -> impl Iterator<Item = Quarantined> {
    let Memory { names, trader, .. } = memory;
    let held = trader.engine().quarantined();
    held.map(|(symbol, until)| Quarantined { symbol: names.symbols[symbol.index()].to_string(), until: until.into() })
}

/// Of all trades, where no market time is known.
fn pnl(trades: &[TradeRow], now: Option<Timestamp>) -> Pnl {
    let since = |from: Option<Timestamp>| Period {
        from: from.map(Moment::from),
        earnings: Earnings::of(trades.iter().filter(|trade| from.is_none_or(|from| trade.exit_time >= from))),
    };
    Pnl {
        today: since(now.map(|now| now.floor_to(DAY_MS))),
        last_7_days: since(now.map(|now| now.plus_ms(-7 * DAY_MS))),
        all: since(None),
    }
}

fn lines(said: &[Said]) -> Vec<Line> {
    said.iter().rev().map(|line| Line { at: Moment(line.at_ms), text: line.text.clone() }).collect()
}
