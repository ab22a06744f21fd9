//! Bot, disk and venue in virtual time. A crash comes right before the effect that the plan names: the bot is gone, disk and venue stay.

use super::{
    disk::{Disk, Memory},
    gateway::Gateway,
    plan::{Bug, END, Fault, Plan, SIGNAL, Speed, Wire},
    venue::{Look, Venue, View},
    watch::Watch,
};
use crate::promises::{Stop, Turn, check_doubts, doubts};
use rust_decimal::Decimal;
use smolbear::{
    engine::{Action, Event, Need, Reason, Record},
    market::{Class, ClientId, OrderCommand, OrderRequest, OrderUpdate, PriceBar, SymbolId, Timestamp, decimal},
    trader::Trader,
};
use std::collections::BTreeMap;

pub const BTC: SymbolId = SymbolId(0);
/// What the account begins with, in USDT.
pub const CAPITAL: u32 = 1_000;
/// From us to the venue and from there to us.
pub const WIRE_MS: i64 = 20;
/// The gateway waits so long for an answer.
const ANSWER_WITHIN_MS: i64 = 2_000;
/// Between a crash and the next start.
const DOWN_MS: i64 = 2_000;
/// A commit that takes longer puts the store in doubt.
const STUCK_AFTER_MS: i64 = 2_000;
/// A stuck disk goes on then, if no start comes before.
const UNSTUCK: Timestamp = SIGNAL.plus_ms(120_000);

/// What comes to the bot.
#[derive(Debug, Clone)]
pub enum Word {
    Update(OrderUpdate),
    /// There is no such order to cancel.
    NothingToCancel(ClientId),
    Looked(ClientId, Look),
    Viewed(View),
    Durable(u64),
}

/// How a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    True,
    None,
    /// Refused, without a look at it.
    Refused,
    Duplicate,
}

/// What is due at some time. What has a `life` dies with it; requests on the wire as the plan says.
#[derive(Debug, Clone)]
pub enum Task {
    Start,
    Price(f64),
    Candle,
    /// Orders at the venue that filled in part fill further.
    Rest(usize),
    Request {
        life: u32,
        command: OrderCommand,
        reply: Reply,
    },
    LookUp {
        life: u32,
        id: ClientId,
    },
    Ask {
        life: u32,
    },
    Sync {
        life: u32,
    },
    Tell {
        life: u32,
        word: Word,
    },
    NoAnswer {
        life: u32,
        id: ClientId,
    },
    NoCancel {
        life: u32,
        id: ClientId,
    },
    IsStuck {
        life: u32,
        batch: u64,
    },
}

/// The bot while it runs.
pub struct Process {
    pub trader: Trader,
    pub gateway: Gateway,
    pub cursor: Option<Timestamp>,
}

pub struct World {
    pub plan: Plan,
    pub now: Timestamp,
    tasks: BTreeMap<(Timestamp, u64), Task>,
    next_task: u64,
    pub venue: Venue,
    pub disk: Disk,
    pub process: Option<Process>,
    pub life: u32,
    pub watch: Watch,
    commits: u64,
    pub seen: Seen,
}

/// What happened in a world, for those that plan more of them and to show that something happened.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    pub effects: usize,
    pub requests: usize,
    pub crashes: usize,
    /// At the last crash.
    pub on_the_wire: usize,
    /// At the last crash.
    pub under_way: usize,
    /// Orders of ours that a restart did not know.
    pub orphans: usize,
    pub look_ups: usize,
    pub duplicates: usize,
    pub entered: bool,
    /// Why the last exit came.
    pub exit: Option<Reason>,
    pub skipped_in_doubt: usize,
}

/// Runs a world to its end.
pub fn run(plan: &Plan) -> Result<Seen, String> {
    let mut world = World::new(plan.clone());
    while let Some(entry) = world.tasks.first_entry() {
        let due = entry.key().0;
        let wakes = world.process.as_ref().and_then(|process| process.trader.next_deadline());
        let wakes = wakes.map(|at| at.max(world.now)).filter(|at| *at < due);
        if wakes.unwrap_or(due) > END {
            break;
        }
        match world.step(wakes) {
            Ok(()) => {}
            Err(Stop::Crash) => world.crash()?,
            Err(Stop::Broken(why)) => return Err(why),
        }
        world.watch_the_venue()?;
    }
    world.now = END;
    world.watch_the_end()?;
    Ok(world.seen)
}

impl World {
    fn new(plan: Plan) -> Self {
        let mut world = Self {
            now: SIGNAL.plus_ms(-5_000),
            tasks: BTreeMap::new(),
            next_task: 0,
            venue: Venue::new(plan.tape.remembers, plan.tape.parts),
            disk: Disk::default(),
            process: None,
            life: 0,
            watch: Watch::default(),
            commits: 0,
            seen: Seen::default(),
            plan,
        };
        world.venue.price(world.now, decimal(world.plan.tape.price_at(SIGNAL)).unwrap());
        world.at(world.now, Task::Start);
        for (after, price) in world.plan.tape.ticks {
            world.at(SIGNAL.plus_ms(*after), Task::Price(*price));
        }
        (0..4).for_each(|minute| world.at(SIGNAL.plus_ms(60_000 * minute), Task::Candle));
        world
    }

    fn at(&mut self, due: Timestamp, task: Task) {
        self.next_task += 1;
        self.tasks.insert((due, self.next_task), task);
    }

    pub fn after(&mut self, ms: i64, task: Task) {
        self.at(self.now.plus_ms(ms), task);
    }

    /// One effect more; where the plan says so, the bot dies right before it.
    fn effect(&mut self) -> Turn {
        self.seen.effects += 1;
        if self.plan.crashes.get(self.seen.crashes) == Some(&self.seen.effects) { Err(Stop::Crash) } else { Ok(()) }
    }

    /// What is due next. A crash leaves it where it is.
    fn step(&mut self, wakes: Option<Timestamp>) -> Turn {
        if let Some(at) = wakes {
            self.now = at;
            self.watch_the_venue()?;
            self.tell(&Event::Wake)?;
            let due = self.process.as_ref().and_then(|process| process.trader.next_deadline());
            return if due.is_some_and(|due| due <= at) { Err(Stop::Broken("L2: it spins".into())) } else { Ok(()) };
        }
        let (key, task) = self.tasks.first_key_value().expect("there is a task");
        let (key, task) = (*key, task.clone());
        self.now = key.0;
        self.watch_the_venue()?;
        if self.is_effect(&task) {
            self.effect()?;
        }
        self.tasks.remove(&key);
        self.carry_out(task)
    }

    /// Whether the bot can die right before it, and is there to die.
    fn is_effect(&self, task: &Task) -> bool {
        let life = match task {
            Task::Request { life, .. } | Task::Sync { life } | Task::Tell { life, .. } => *life,
            _ => return false,
        };
        self.is_alive(life)
    }

    fn is_alive(&self, life: u32) -> bool {
        self.process.is_some() && life == self.life
    }

    fn carry_out(&mut self, task: Task) -> Turn {
        match task {
            Task::Start => self.start(),
            Task::Price(price) => self.on_price(price),
            Task::Candle => self.on_candle(),
            Task::Rest(place) => {
                self.venue.fill_rest(self.now, place);
                self.stream();
                Ok(())
            }
            Task::Request { life, command, reply } => {
                self.reach(life, command, reply);
                Ok(())
            }
            Task::LookUp { life, id } if self.is_alive(life) => {
                let word = Word::Looked(id, self.venue.look_up(self.now, id));
                self.after(WIRE_MS, Task::Tell { life, word });
                Ok(())
            }
            Task::Ask { life } if self.is_alive(life) => {
                let word = Word::Viewed(self.venue.view());
                self.after(WIRE_MS, Task::Tell { life, word });
                Ok(())
            }
            Task::Sync { life } if self.is_alive(life) => {
                let batch = self.disk.sync()?;
                self.after(1, Task::Tell { life, word: Word::Durable(batch) });
                Ok(())
            }
            Task::Tell { life, word } if self.is_alive(life) => self.hear(word),
            Task::NoAnswer { life, id } if self.is_alive(life) => self.no_answer(id),
            Task::NoCancel { life, id } if self.is_alive(life) => {
                self.no_cancel(id);
                Ok(())
            }
            Task::IsStuck { life, batch } if self.is_alive(life) && self.disk.is_waiting_for(batch) => {
                self.tell(&Event::StoreDoubt(true))
            }
            Task::LookUp { .. }
            | Task::Ask { .. }
            | Task::Sync { .. }
            | Task::Tell { .. }
            | Task::NoAnswer { .. }
            | Task::NoCancel { .. }
            | Task::IsStuck { .. } => Ok(()),
        }
    }

    // ── the market ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    fn on_price(&mut self, last: f64) -> Turn {
        self.venue.price(self.now, decimal(last).unwrap());
        self.stream();
        let bar = PriceBar { symbol: BTC, last, low: last, high: last, bid: last, ask: last, at: self.now };
        if self.process.is_some() { self.tell(&Event::Price(bar)) } else { Ok(()) }
    }

    fn on_candle(&mut self) -> Turn {
        let candle = self.plan.tape.candles(self.now).last().expect("a candle has closed");
        if self.process.is_some() { self.tell(&Event::Candle(candle)) } else { Ok(()) }
    }

    // ── the wire and the venue ──────────────────────────────────────────────────────────────────────────────────────────────────────

    /// A request goes on its way; what the plan says about it comes true.
    pub fn send(&mut self, command: OrderCommand) {
        self.seen.requests += 1;
        let (life, fault) = (self.life, self.plan.faults.get(&self.seen.requests).copied());
        let late = if fault == Some(Fault::Late) { ANSWER_WITHIN_MS + 500 } else { 0 };
        let reply = match fault {
            None | Some(Fault::RequestLost | Fault::Late) => Reply::True,
            Some(Fault::AnswerLost) => Reply::None,
            Some(Fault::Refused) => Reply::Refused,
            Some(Fault::Duplicate) => Reply::Duplicate,
        };
        if fault != Some(Fault::RequestLost) {
            self.after(WIRE_MS + late, Task::Request { life, command, reply });
        }
        self.after(
            ANSWER_WITHIN_MS,
            match command {
                OrderCommand::Place(OrderRequest { id, .. }) => Task::NoAnswer { life, id },
                OrderCommand::Cancel { id, .. } => Task::NoCancel { life, id },
            },
        );
    }

    /// A request reaches the venue.
    fn reach(&mut self, life: u32, command: OrderCommand, reply: Reply) {
        let word = match command {
            OrderCommand::Place(request) => Word::Update(self.place(request, reply)),
            OrderCommand::Cancel { id, .. } if self.venue.cancel(id) => {
                Word::Update(OrderUpdate::Ended { id, how: smolbear::market::Ended::Cancelled })
            }
            OrderCommand::Cancel { id, .. } => Word::NothingToCancel(id),
        };
        self.stream();
        if reply != Reply::None && self.is_alive(life) {
            self.after(WIRE_MS, Task::Tell { life, word });
        }
    }

    fn place(&mut self, request: OrderRequest, reply: Reply) -> OrderUpdate {
        let id = request.id;
        if reply == Reply::Refused {
            return OrderUpdate::Refused { id, code: -1, class: Class::Other };
        }
        let answer = self.venue.place(self.now, request);
        self.seen.duplicates += usize::from(matches!(answer, OrderUpdate::Refused { class: Class::Duplicate, .. }));
        match (reply, answer) {
            (Reply::Duplicate, OrderUpdate::Accepted { id }) => {
                OrderUpdate::Refused { id, code: -4116, class: Class::Duplicate }
            }
            _ => answer,
        }
    }

    /// What the venue's stream has to tell goes to the bot, if it runs.
    fn stream(&mut self) {
        for (place, ms) in std::mem::take(&mut self.venue.rests) {
            self.after(ms, Task::Rest(place));
        }
        for update in std::mem::take(&mut self.venue.told) {
            if self.process.is_some() {
                let (ms, life) = (self.plan.tape.stream_ms, self.life);
                self.after(ms, Task::Tell { life, word: Word::Update(update) });
            }
        }
    }

    // ── the bot ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Tells the engine, and does what it asks for.
    pub fn tell(&mut self, event: &Event) -> Turn {
        let Some(process) = &mut self.process else { return Ok(()) };
        if let Event::Candle(candle) = event {
            process.cursor = Some(candle.closes_at());
        }
        let mut actions = Vec::new();
        let doubts = doubts(process.trader.engine());
        process.trader.handle(self.now, event, &mut actions);
        process.trader.check();
        self.watch.hears(event);
        check_doubts(&doubts, event, process.trader.engine())?;
        if self.plan.told {
            println!("{:>7} ms: {event:?} {actions:?}", self.now.since_ms(SIGNAL));
        }
        actions.into_iter().try_for_each(|action| self.act(action))
    }

    fn act(&mut self, action: Action) -> Turn {
        match action {
            Action::Commit { batch, records } => {
                self.effect()?;
                self.commit(batch, records);
            }
            Action::Order(command) => {
                self.effect()?;
                self.watch_an_order(&command)?;
                self.place_or_cancel(command);
            }
            Action::Need(Need::Reconcile) => {
                self.watch.doubts_the_account();
                self.reconcile();
            }
            Action::Need(Need::Candles { .. } | Need::Rules(_))
            | Action::Log(_)
            | Action::Alert(_)
            | Action::Halt(_) => {}
        }
        Ok(())
    }

    fn commit(&mut self, batch: u64, records: Vec<Record>) {
        self.commits += 1;
        self.watch.asked(self.now, &records);
        for record in &records {
            if let Record::Trade(trade) = record {
                self.seen.exit = Some(trade.reason);
            }
        }
        let Some(process) = &self.process else { return };
        let (state, cursor, life) = (process.trader.snapshot(), process.cursor, self.life);
        self.disk.hand(Memory { batch, state, cursor, records });
        if self.plan.bug == Some(Bug::DoesNotWaitForTheDisk) {
            self.after(1, Task::Tell { life, word: Word::Durable(batch) });
        }
        self.after(STUCK_AFTER_MS, Task::IsStuck { life, batch });
        let takes = if self.plan.disk == Speed::Slow { 600 } else { 5 };
        let due = match self.plan.disk {
            Speed::Stuck(from) if self.life == 1 && self.commits >= from => UNSTUCK.max(self.now),
            Speed::StaysStuck(from) if self.commits >= from => UNSTUCK.max(self.now),
            _ => self.now.plus_ms(takes),
        };
        self.at(due, Task::Sync { life });
    }

    /// The bot dies. What it had on the wire and on its way to the disk fares as the plan says; what it waited for is nobody's.
    fn crash(&mut self) -> Result<(), String> {
        self.seen.crashes += 1;
        self.process = None;
        let start = self.now.plus_ms(DOWN_MS).max(self.plan.down_until);
        let ours = |task: &Task| matches!(task, Task::Request { life, .. } if *life == self.life);
        let keys: Vec<_> = self.tasks.iter().filter(|(_, task)| ours(task)).map(|(key, _)| *key).collect();
        (self.seen.on_the_wire, self.seen.under_way) = (keys.len(), self.disk.waiting());
        for key in keys {
            let Some(Task::Request { life, command, reply }) = self.tasks.remove(&key) else { continue };
            let (due, reply) = match self.plan.wire {
                Wire::Lost => continue,
                Wire::Executed => (key.0, reply),
                Wire::Refused => (key.0, Reply::Refused),
                Wire::Late => (start.plus_ms(300), reply),
            };
            self.at(due, Task::Request { life, command, reply });
        }
        self.disk.crash(self.plan.write)?;
        if self.plan.bug == Some(Bug::LosesTheLastCommit) {
            self.disk.lose_the_last();
        }
        self.watch.dies();
        self.at(start, Task::Start);
        Ok(())
    }

    /// What the bot's engine holds; above 0 is long.
    pub fn ours(&self) -> Decimal {
        let positions = self.process.iter().flat_map(|process| process.trader.engine().positions());
        positions.map(|position| if position.plan.side.sign() > 0.0 { position.qty } else { -position.qty }).sum()
    }
}
