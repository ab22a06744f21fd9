//! The bot's side: what `run/realtime` and `run/session` are around trader and gateway, without their sockets, threads and words.
//!
//! What the gateway tells waits in the same queue: the markets' rules go first, then what a run begins with and what becomes of orders, and how
//! the account stands once the history is whole. Commits go to the disk, and orders and doubts back to the gateway.

use super::{
    disk::{Batch, Memory},
    plan::{LEVERAGE, symbol},
    world::{Task, World},
};
use crate::promises::{Stop, Turn, check_doubts, doubts};
use smolbear::{
    engine::{Action, Event, Need},
    exchange::binance::Binance,
    gateway::{self, Gateway, Input},
    market::{Timeframe, Timestamp},
    run::session::queue::{Course, Queue},
    trader::Trader,
};

/// Candles of each timeframe that are read at a start.
const HISTORY: u16 = 3;

/// The bot while it runs.
pub struct Process {
    pub trader: Trader,
    pub gateway: Gateway,
    queue: Queue,
    begun: bool,
    /// What is open is guarded while the history is still to come.
    guarding: bool,
    /// The time of the last event.
    latest: Timestamp,
    passed: Option<Timestamp>,
    outputs: Vec<gateway::Output>,
    actions: Vec<Action>,
}

impl Process {
    pub const fn begun(&self) -> bool {
        self.begun
    }
}

impl World {
    pub fn start(&mut self) -> Turn {
        self.life += 1;
        let settings = self.plan.scene.settings();
        let memory = self.disk.durable.clone();
        let (latest, passed) = memory.as_ref().map_or((Timestamp(0), None), |memory| (memory.latest, memory.passed));
        let trader = match memory {
            Some(memory) => Trader::resume_on_exchange(settings, memory.snapshot),
            None => Trader::on_exchange(settings),
        };
        let account = Some(trader.account(LEVERAGE, latest));
        let symbols = vec![symbol()];
        let codec = Binance::new(&symbols);
        let timeframes = vec![Timeframe::M1];
        let seed = self.random.bits();
        let settings =
            gateway::Settings { symbols, timeframes, history: HISTORY, delivered: vec![passed], seed, account };
        let gateway = Gateway::live(settings, Box::new(codec.clone()), Box::new(codec), self.session());
        let (queue, outputs, actions) = (Queue::default(), Vec::new(), Vec::new());
        self.process =
            Some(Process { trader, gateway, queue, begun: false, guarding: true, latest, passed, outputs, actions });
        self.watch.starts(self.now);
        self.tell_story(|| "the bot starts".to_owned());
        Ok(())
    }

    /// Tells the gateway, and does all that it wants.
    pub fn tell_gateway(&mut self, input: Input<'_>) -> Turn {
        let session = self.session();
        let Some(process) = &mut self.process else { return Ok(()) };
        let mut outputs = std::mem::take(&mut process.outputs);
        process.gateway.handle(session, input, &mut outputs);
        process.gateway.check();
        let done = outputs.drain(..).try_for_each(|output| self.carry(output));
        if let Some(process) = &mut self.process {
            process.outputs = outputs;
        }
        done
    }

    fn carry(&mut self, output: gateway::Output) -> Turn {
        use gateway::Output;
        match output {
            Output::Connect(socket, path) => self.connect(socket, path),
            Output::Send(socket, text) => self.send_up(socket, text),
            Output::Disconnect(socket) => self.disconnect(socket),
            Output::Fetch(id, lane, request) => self.fetch(id, lane, &request),
            Output::Call(id, lane, call) => return self.call(id, lane, call),
            Output::News(at, news) => {
                self.watch.news(&news);
                if let Some(process) = &mut self.process {
                    process.queue.hear(at, news);
                }
            }
            Output::Say(remark) => self.tell_story(|| format!("  gateway: {remark:?}")),
        }
        Ok(())
    }

    /// Hands the trader what is due, as the trading loop does.
    pub fn pump(&mut self) -> Turn {
        for _ in 0..10_000 {
            let session = self.session();
            let Some(process) = &mut self.process else { return Ok(()) };
            let Some(market) = process.gateway.market_time(session) else { return Ok(()) };
            if !process.begun {
                match process.queue.next().cloned() {
                    Some((at, event)) if !event.moves_market() => {
                        process.queue.advance();
                        self.tell_trader(at.max(market), event)?;
                    }
                    Some(_) => self.begin()?,
                    None if process.gateway.is_listed() => self.begin()?,
                    None => return Ok(()),
                }
                continue;
            }
            let is_over = match process.queue.next() {
                Some((_, event)) => event.moves_market(),
                None => process.gateway.is_ready(),
            };
            if process.guarding && is_over {
                process.guarding = false;
                process.queue.reach(Course::Trading); // first of all how the account stands
            }
            let wake = process.trader.next_deadline().filter(|at| *at <= market).map(|at| at.max(process.latest));
            let next = process.queue.next().cloned();
            match (next, wake) {
                (Some((at, event)), wake) => {
                    let at = at.max(process.latest);
                    if let Some(wake) = wake.filter(|wake| *wake < at) {
                        self.tell_trader(wake, Event::Wake)?;
                    } else {
                        process.queue.advance();
                        self.tell_trader(at.max(market), event)?;
                    }
                }
                (None, Some(wake)) => self.tell_trader(wake, Event::Wake)?,
                (None, None) => return Ok(()),
            }
        }
        Err(Stop::Broken("L2: the trader spins".into()))
    }

    /// What a run begins with.
    fn begin(&mut self) -> Turn {
        let Some(process) = &mut self.process else { return Ok(()) };
        process.begun = true;
        let latest = process.latest;
        for event in process.trader.opening(false) {
            self.tell_trader(latest, event)?;
        }
        if let Some(process) = &mut self.process {
            process.queue.reach(Course::Guarding);
        }
        Ok(())
    }

    fn tell_trader(&mut self, at: Timestamp, event: Event) -> Turn {
        let Some(process) = &mut self.process else { return Ok(()) };
        process.latest = process.latest.max(at);
        if let Event::Candle(closed) = &event {
            process.passed = Some(closed.closes_at());
        }
        let before = doubts(process.trader.engine());
        let mut actions = std::mem::take(&mut process.actions);
        process.trader.handle(process.latest, &event, &mut actions);
        process.trader.check();
        check_doubts(&before, &event, process.trader.engine())?;
        if event.moves_no_price() {
            self.tell_story(|| format!("  engine hears {event:?}"));
        }
        self.watch.hears(&event);
        let done = actions.drain(..).try_for_each(|action| self.perform(action));
        if let Some(process) = &mut self.process {
            process.actions = actions;
        }
        done
    }

    fn perform(&mut self, action: Action) -> Turn {
        match action {
            Action::Commit { batch, records } => {
                self.effect()?;
                self.watch.asked(self.now, &records);
                let Some(process) = &self.process else { return Ok(()) };
                let (snapshot, latest, passed) = (process.trader.snapshot(), process.latest, process.passed);
                if self.disk.write(Batch { number: batch, records, memory: Memory { snapshot, latest, passed } }) {
                    self.write();
                }
                Ok(())
            }
            Action::Order(command) => {
                self.effect()?;
                self.tell_story(|| format!("    order {command:?}"));
                self.watch_order(&command)?;
                self.tell_gateway(Input::Order(command))
            }
            Action::Need(Need::Reconcile) => {
                self.watch.doubts_the_account();
                self.tell_gateway(Input::Reconcile)
            }
            Action::Need(Need::Rules(_)) => self.tell_gateway(Input::Rules),
            Action::Need(Need::Candles { .. }) | Action::Halt(_) => Ok(()),
            Action::Log(note) | Action::Alert(note) => {
                self.tell_story(|| format!("    {note:?}"));
                Ok(())
            }
        }
    }

    // ── the disk ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    fn write(&mut self) {
        let ms = 2 + (self.random.bits() % 8) as i64;
        self.after(ms, Task::Durable { life: self.life });
    }

    pub fn durable(&mut self) -> Turn {
        let Some((batch, more)) = self.disk.synced() else { return Ok(()) };
        if more {
            self.write();
        }
        let latest = self.process.as_ref().map_or(self.now, |process| process.latest);
        self.tell_trader(latest, Event::Committed { batch })
    }
}
