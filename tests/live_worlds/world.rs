//! Bot, network, disk and exchange in virtual time: the run of it, its faults and its crashes.

use super::{
    disk::Disk,
    ledger::Ledger,
    net::Net,
    plan::{By, CAPITAL, OnTheWay, Plan, SIGNAL, START, Stream, symbol},
    process::Process,
    watch::Watch,
};
use crate::promises::{Stop, Turn};
use rust_decimal::Decimal;
use smolbear::{
    gateway::{self, Input},
    market::{MINUTE_MS, Random, Timestamp, known_instrument},
    simulation::binance::{self, Faults, Opening, Venue},
};
use std::collections::BTreeMap;

/// What the session's clock shows less than the exchange's, in ms: its epoch is its own.
const SESSION_MS: i64 = SIGNAL.0 - 7_000_123;
/// Between a crash and the next start.
const DOWN_MS: i64 = 2_000;
/// Our account agrees with the exchange's within so long after the last fault (L1).
const CONVERGES_MS: i64 = 120_000;
/// And stays so: longer than the time between two audits.
const STAYS_MS: i64 = 7_000;

/// What is due at some time. What has a `life` dies with it.
#[derive(Debug, Clone)]
pub enum Task {
    Start,
    /// The exchange gets to know its next minute.
    Minute,
    /// A request arrives at the exchange.
    Arrives {
        life: u32,
        call: u64,
    },
    /// It is answered.
    Answer {
        life: u32,
        call: u64,
        reply: binance::Reply,
    },
    NoAnswer {
        life: u32,
        call: u64,
        why: &'static str,
        sent: bool,
    },
    Knock {
        life: u32,
        socket: gateway::SocketId,
        path: String,
    },
    Up {
        life: u32,
        socket: gateway::SocketId,
        text: String,
    },
    Opened {
        life: u32,
        socket: gateway::SocketId,
    },
    Down {
        life: u32,
        socket: gateway::SocketId,
        text: String,
    },
    Closed {
        life: u32,
        socket: gateway::SocketId,
    },
    Gone(binance::SessionId),
    /// A message that was held back comes at last.
    Release {
        life: u32,
        socket: gateway::SocketId,
    },
    Durable {
        life: u32,
    },
}

pub struct World {
    pub plan: Plan,
    /// By the exchange's clock.
    pub now: Timestamp,
    tasks: BTreeMap<(Timestamp, u64), Task>,
    next_task: u64,
    pub venue: Venue,
    pub net: Net,
    pub ledger: Ledger,
    pub disk: Disk,
    pub process: Option<Process>,
    pub life: u32,
    pub random: Random,
    pub watch: Watch,
    pub seen: Seen,
    /// When all faults are over, as far as is known.
    pub calm_from: Timestamp,
    settled_since: Option<Timestamp>,
}

/// What happened in a world, for those that plan more of them and to show that something happened.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Requests about orders, in words.
    pub requests: Vec<String>,
    /// Commits, orders, and requests about them.
    pub effects: usize,
    /// How often each fault struck.
    pub struck: BTreeMap<&'static str, u64>,
    pub someone_meddled: bool,
    pub crashes: usize,
    pub entries: usize,
    /// The longest time without cover while the exchange answered, in ms.
    pub uncovered_ms: i64,
    /// After the last fault, in ms.
    pub settled_ms: i64,
    pub weight: u32,
    pub steps: u64,
}

/// Runs a world to its end.
pub fn run(plan: &Plan) -> Result<Seen, String> {
    let mut world = World::new(plan.clone());
    loop {
        match world.step() {
            Ok(true) => {}
            Ok(false) => return Ok(world.finish()),
            Err(Stop::Crash) => world.crash(),
            Err(Stop::Broken(why)) => return Err(format!("{} ms: {why}", world.now.since_ms(SIGNAL))),
        }
    }
}

impl World {
    fn new(plan: Plan) -> Self {
        let balance = Decimal::from(CAPITAL);
        let account = Opening { key: Net::KEY.to_owned(), secret: Net::SECRET.to_owned(), balance };
        let instruments = vec![known_instrument(&symbol()).unwrap()];
        let settings = binance::Settings { instruments, seed: 7, faults: Faults::NONE, accounts: vec![account] };
        let mut world = Self {
            now: START,
            tasks: BTreeMap::new(),
            next_task: 0,
            venue: Venue::new(settings),
            net: Net::default(),
            ledger: Ledger { wallet: balance, ..Ledger::default() },
            disk: Disk::default(),
            process: None,
            life: 0,
            random: Random::new(plan.seed, "live worlds"),
            watch: Watch::new(START),
            seen: Seen::default(),
            calm_from: START,
            settled_since: None,
            plan,
        };
        let mut said = Vec::new();
        for closed in world.plan.scene.known() {
            world.venue.handle(START, binance::Input::Candle(&closed), &mut said);
        }
        world.at(SIGNAL, Task::Minute);
        world.at(START, Task::Start);
        world
    }

    pub fn at(&mut self, due: Timestamp, task: Task) {
        self.next_task += 1;
        self.tasks.insert((due, self.next_task), task);
    }

    pub fn after(&mut self, ms: i64, task: Task) {
        self.at(self.now.plus_ms(ms), task);
    }

    pub fn tell_story(&self, words: impl FnOnce() -> String) {
        if self.plan.told {
            println!("{:>8} {}", self.now.since_ms(SIGNAL), words());
        }
    }

    /// The session's clock.
    pub const fn session(&self) -> Timestamp {
        Timestamp(self.now.0 - SESSION_MS)
    }

    /// One effect more; where the plan says so, the bot dies right before it.
    pub fn effect(&mut self) -> Turn {
        self.seen.effects += 1;
        let dies = self.plan.crash.is_some_and(|(effect, _)| effect == self.seen.effects) && self.seen.crashes == 0;
        if dies { Err(Stop::Crash) } else { Ok(()) }
    }

    /// What is due next. Whether the world goes on.
    fn step(&mut self) -> Result<bool, Stop> {
        self.seen.steps += 1;
        if self.seen.steps > 400_000 {
            return Err(Stop::Broken("L2: it spins".into()));
        }
        let task = self.tasks.first_key_value().map(|((due, _), _)| *due);
        let beat = self.venue.next_deadline();
        let session = self.process.as_ref().and_then(|process| process.gateway.next_deadline());
        let session = session.map(|at| Timestamp(at.0 + SESSION_MS));
        let due = [task, beat, session, self.trader_wakes()].into_iter().flatten().min().map(|due| due.max(self.now));
        let Some(due) = due else { return Err(Stop::Broken("L2: nothing is due".into())) };
        self.now = due;
        if task.is_some_and(|at| at <= due) {
            let (_, task) = self.tasks.pop_first().expect("there is a task");
            self.do_task(task)?;
        } else if beat.is_some_and(|at| at <= due) {
            self.ask_venue(binance::Input::Wake);
        } else if session.is_some_and(|at| at <= due) {
            self.tell_gateway(Input::Wake)?;
        }
        self.hear_record()?;
        self.pump()?;
        self.hear_record()?;
        self.look()?;
        Ok(!self.is_over()?)
    }

    /// When the trader wants to be woken, by the exchange's clock as the session knows it.
    fn trader_wakes(&self) -> Option<Timestamp> {
        let process = self.process.as_ref().filter(|process| process.begun())?;
        let market = process.gateway.market_time(self.session())?;
        let wait = process.trader.next_deadline()?.since_ms(market);
        Some(self.now.plus_ms(wait.max(0)))
    }

    /// Whether all there was to see has happened: the account is as it should be, and was so for a while.
    fn is_over(&mut self) -> Result<bool, Stop> {
        let ends = SIGNAL.plus_ms(self.plan.scene.ends_ms).max(self.calm_from);
        if self.now < ends {
            return Ok(false);
        }
        match self.is_settled() {
            Ok(()) => {
                let since = *self.settled_since.get_or_insert(self.now);
                self.seen.settled_ms = since.since_ms(ends);
                Ok(self.now.since_ms(since) >= STAYS_MS)
            }
            Err(why) => {
                self.settled_since = None;
                if self.now.since_ms(ends) > CONVERGES_MS { Err(Stop::Broken(why)) } else { Ok(false) }
            }
        }
    }

    fn do_task(&mut self, task: Task) -> Turn {
        let is_ours = |life| life == self.life && self.process.is_some();
        match task {
            Task::Start => self.start(),
            Task::Minute => {
                let closed = self.plan.scene.opening(self.now);
                self.ask_venue(binance::Input::Candle(&closed));
                self.after(MINUTE_MS, Task::Minute);
                Ok(())
            }
            Task::Arrives { life, call } => self.arrives(life, call),
            Task::Answer { life, call, reply } if is_ours(life) => self.answered(call, &reply),
            Task::NoAnswer { life, call, why, sent } if is_ours(life) => self.not_answered(call, why, sent),
            Task::Knock { life, socket, path } if is_ours(life) => self.knock(socket, &path),
            Task::Up { life, socket, text } if is_ours(life) => self.say_up(socket, &text),
            Task::Opened { life, socket } if is_ours(life) && self.net.has(socket) => {
                self.tell_gateway(Input::Opened(socket))
            }
            Task::Down { life, socket, text } if is_ours(life) && self.net.has(socket) => {
                if text.contains("ORDER_TRADE") || text.contains("ALGO") || text.contains("ACCOUNT") {
                    self.tell_story(|| format!("  stream {text}"));
                }
                self.tell_gateway(Input::Frame(socket, text.as_bytes()))
            }
            Task::Closed { life, socket } if is_ours(life) && self.net.forget(socket) => {
                self.tell_gateway(Input::Closed(socket, "the other side has closed it"))
            }
            Task::Gone(session) => {
                self.ask_venue(binance::Input::Gone(session));
                Ok(())
            }
            Task::Release { life, socket } if is_ours(life) => {
                self.release(socket);
                Ok(())
            }
            Task::Durable { life } if life == self.life => self.durable(),
            _ => Ok(()),
        }
    }

    /// The bot is gone, and its sockets with it.
    fn crash(&mut self) {
        self.tell_story(|| format!("the bot dies before effect {}", self.seen.effects));
        self.seen.crashes += 1;
        (self.process, self.life) = (None, self.life + 1);
        self.disk.fails();
        self.watch.dies();
        let way = self.plan.crash.map_or(OnTheWay::Lost, |(_, way)| way);
        self.lose_everything(way);
        self.calm_from = self.calm_from.max(self.now.plus_ms(DOWN_MS));
        self.after(DOWN_MS, Task::Start);
    }

    /// Takes requests that the crash has found on their way out, or moves them.
    fn lose_everything(&mut self, way: OnTheWay) {
        let late = self.now.plus_ms(DOWN_MS + 1_500);
        let calls: Vec<_> =
            self.tasks.iter().filter(|(_, task)| matches!(task, Task::Arrives { .. })).map(|(key, _)| *key).collect();
        for key in calls {
            let task = self.tasks.remove(&key).expect("it was there");
            match way {
                OnTheWay::Lost => {}
                OnTheWay::Executed => self.at(self.now, task),
                OnTheWay::Late => self.at(late, task),
            }
        }
        self.net.forget_flights();
        for session in self.net.lose_sockets() {
            self.at(self.now, Task::Gone(session));
        }
    }

    fn finish(mut self) -> Seen {
        for (name, count) in self.venue.counts().filter(|(_, count)| *count > 0) {
            *self.seen.struck.entry(name).or_default() += count;
        }
        self.seen.entries = self.ledger.entered().len();
        self.seen.uncovered_ms = self.watch.longest_uncovered_ms;
        self.seen
    }

    /// A fault strikes around a request about an order; of those of the exchange before it gets there.
    pub fn strike(&mut self, place: usize, arrives: bool) -> Turn {
        let due: Vec<_> =
            self.plan.strikes.iter().filter(|strike| strike.place == place).map(|strike| strike.fault).collect();
        for fault in due {
            let before = matches!(fault.by, By::Exchange(_));
            if before != arrives {
                continue;
            }
            self.calm_from = self.calm_from.max(self.now.plus_ms(fault.lasts_ms));
            self.tell_story(|| format!("FAULT {}", fault.name));
            match fault.by {
                By::Exchange(on) => {
                    let target = format!("/played/next?fault={}&times=1&on={}", fault.name, on.replace(' ', "%20"));
                    self.play("POST", &target);
                }
                By::Played(method, target) => {
                    if self.play(method, &format!("/played/{target}")) {
                        *self.seen.struck.entry(fault.name).or_default() += 1;
                        self.seen.someone_meddled |= fault.meddles;
                        self.watch.deaf(self.now, if fault.name == "maintenance" { fault.lasts_ms } else { 0 });
                    }
                }
                By::Stream(Stream::Cut) => self.cut_account(),
                By::Stream(stream) => self.net.spoil(stream),
                By::Way(_) => {} // where the request leaves
            }
        }
        Ok(())
    }
}
