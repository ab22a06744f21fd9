//! A bot without its shell: wire, codec, gateway and trader, in the order in which a run's loop moves them.

use crate::{
    Outcome,
    served::{Served, is_reply},
};
use async_io::Timer;
use futures_lite::FutureExt;
use smolbear::{
    engine::{Action, Event, Need, Record},
    exchange::Response,
    gateway::{Account, Gateway, Input, News, Output, Settings, SocketId},
    market::{ClientId, OrderCommand, OrderKind, Symbol, Timeframe, Timestamp},
    run::wire::{Address, Arrival, Stamp, Wire},
    store::{Answer, Batch, Cursor, Job, Keeper, Memory},
    trader::Trader,
};
use std::{
    collections::{BTreeMap, VecDeque},
    future::pending,
    net::SocketAddr,
    time::{Duration, Instant},
};

/// Nothing takes longer.
pub const LIMIT: Duration = Duration::from_secs(120);
/// Between two looks at what is due, where nothing comes.
const LOOK: Duration = Duration::from_millis(5);
/// Candles of each timeframe, as a run asks for.
const HISTORY: u16 = 500;

/// See the module.
pub struct Bot {
    pub trader: Trader,
    gateway: Gateway,
    wire: Wire,
    now: Timestamp,
    outputs: Vec<Output>,
    actions: Vec<Action>,
    latest: Timestamp,
    pub paths: BTreeMap<SocketId, String>,
    /// Streams that were opened.
    pub opened: usize,
    /// Commits that the trader asked for.
    pub commits: usize,
    /// Requests without an answer.
    pub flying: usize,
    /// What is about the account and came before the trader had begun.
    early: Option<VecDeque<(Timestamp, Event)>>,
    /// Orders as the trader wanted them, and when.
    pub wanted: Vec<(ClientId, OrderKind, bool, Instant)>,
    pub disk: Option<Disk>,
}

/// The store, where commits are made durable; else each is at once.
pub struct Disk {
    pub keeper: Keeper,
    /// On their way, in their order.
    asked: VecDeque<(u64, Instant)>,
    /// What each took.
    pub took: Vec<Duration>,
}

impl Disk {
    pub const fn new(keeper: Keeper) -> Self {
        Self { keeper, asked: VecDeque::new(), took: Vec::new() }
    }
}

/// What a session of these symbols is told at its start.
pub fn settings(symbols: &[Symbol], account: Option<Account>) -> Settings {
    let timeframes = vec![Timeframe::M1, Timeframe::M5, Timeframe::M30, Timeframe::H1, Timeframe::H4];
    Settings { symbols: symbols.to_vec(), timeframes, history: HISTORY, delivered: Vec::new(), seed: 1, account }
}

pub fn address_of(address: SocketAddr) -> Address {
    Address { rest: format!("http://{address}"), streams: format!("ws://{address}"), ..Address::default() }
}

impl Bot {
    pub fn new(gateway: Gateway, wire: Wire, trader: Trader) -> Self {
        let early = trader.engine().is_live().then(VecDeque::new);
        Self {
            trader,
            gateway,
            wire,
            now: Timestamp(0),
            outputs: Vec::new(),
            actions: Vec::new(),
            latest: Timestamp(0),
            paths: BTreeMap::new(),
            opened: 0,
            commits: 0,
            flying: 0,
            early,
            wanted: Vec::new(),
            disk: None,
        }
    }

    /// Until the history is whole and the streams are subscribed; an account is proven then.
    pub async fn warm(&mut self, served: &Served) -> Outcome<()> {
        let (end, mut replies) = (Instant::now() + LIMIT, 0);
        while !self.gateway.is_ready() || replies < 2 || self.early.is_none() && !self.is_proven() {
            if Instant::now() > end {
                return Err("the gateway does not become ready".into());
            }
            let arrival = self.next().await;
            let now = Timestamp(served.market_ms());
            if let Some(Arrival::Frame(_, frame)) = &arrival {
                replies += usize::from(is_reply(&String::from_utf8_lossy(frame)));
            }
            self.turn(now, arrival.as_ref());
            if self.gateway.is_ready() && replies >= 2 {
                self.begin();
            }
        }
        // until the exchange has heard all, and its sender owns the streams
        Timer::after(Duration::from_millis(200)).await;
        Ok(())
    }

    /// Whether no commit is on its way.
    pub fn is_durable(&self) -> bool {
        self.disk.as_ref().is_none_or(|disk| disk.asked.is_empty())
    }

    fn is_proven(&self) -> bool {
        !self.trader.engine().is_live() || self.trader.engine().is_proven()
    }

    /// The trader hears of its account from now on.
    fn begin(&mut self) {
        let Some(early) = self.early.take() else { return };
        for event in self.trader.opening(false) {
            self.hand(self.latest, &event);
        }
        early.into_iter().for_each(|(at, event)| self.tell_trader(at, event));
    }

    /// What comes, as the loop waits for it.
    pub async fn next(&mut self) -> Option<Arrival> {
        let look = async {
            Timer::after(LOOK).await;
            None
        };
        let Self { wire, disk, .. } = self;
        let market = async { Some(Heard::Market(wire.next().await)) };
        let answer = async {
            match disk.as_ref().filter(|disk| !disk.asked.is_empty()) {
                Some(disk) => Some(Heard::Disk(disk.keeper.answer().await)),
                None => pending().await,
            }
        };
        match answer.or(market).or(look).await? {
            Heard::Market(arrival) => Some(arrival),
            Heard::Disk(answer) => {
                self.durable(answer.ok()?);
                None
            }
        }
    }

    pub fn turn(&mut self, now: Timestamp, arrival: Option<&Arrival>) {
        match arrival {
            Some(Arrival::Opened(socket)) => {
                self.opened += 1;
                self.tell(now, Input::Opened(*socket));
            }
            Some(Arrival::Frame(socket, frame)) => self.tell(now, Input::Frame(*socket, frame)),
            Some(Arrival::Closed(socket, why)) => self.tell(now, Input::Closed(*socket, why)),
            Some(Arrival::Response { id, status, headers, body, took: _ }) => {
                self.flying -= 1;
                self.tell(now, Input::Response(*id, Response { status: *status, headers, body }));
            }
            Some(Arrival::NoResponse { id, why, sent }) => {
                self.flying -= 1;
                self.tell(now, Input::NoResponse { id: *id, why, sent: *sent });
            }
            None => {}
        }
        if self.gateway.next_deadline().is_some_and(|at| at <= now) {
            self.tell(now, Input::Wake);
        }
    }

    /// What is due for the trader by now, though nothing has come.
    pub fn wake(&mut self) {
        let Some(market) = self.gateway.market_time(self.now) else { return };
        while let Some(at) = self.trader.next_deadline().filter(|at| *at <= market) {
            self.latest = self.latest.max(at);
            self.hand(self.latest, &Event::Wake);
        }
    }

    fn tell(&mut self, now: Timestamp, input: Input<'_>) {
        self.now = now;
        let mut outputs = std::mem::take(&mut self.outputs);
        self.gateway.handle(now, input, &mut outputs);
        for output in outputs.drain(..) {
            match output {
                Output::Connect(socket, path) => {
                    self.wire.connect(socket, &path);
                    self.paths.insert(socket, path);
                }
                Output::Send(socket, text) => self.wire.send(socket, text),
                Output::Disconnect(socket) => self.wire.disconnect(socket),
                Output::Fetch(id, lane, request) => {
                    self.flying += 1;
                    self.wire.fetch(id, lane, &request);
                }
                Output::Call(id, lane, call) => {
                    self.flying += 1;
                    let stamp = |at| Stamp { at, taken: Instant::now(), speed: 1.0 };
                    self.wire.call(id, lane, call, self.gateway.stamp(now).map(stamp));
                }
                Output::News(at, news) => self.hear(at, news),
                Output::Say(_) => {}
            }
        }
        self.outputs = outputs;
    }

    fn hear(&mut self, at: Timestamp, news: News) {
        let event = Event::from(news);
        let is_of_account = matches!(
            event,
            Event::Order(_) | Event::Account(_) | Event::Funding(_) | Event::Proof(_) | Event::Foreign(..)
        );
        match &mut self.early {
            Some(early) if is_of_account => early.push_back((at, event)),
            Some(_) | None => self.tell_trader(at, event),
        }
    }

    /// The trader's turn, with its own deadlines before.
    fn tell_trader(&mut self, at: Timestamp, event: Event) {
        let at = at.max(self.latest);
        while let Some(due) = self.trader.due_before(self.latest, at) {
            self.latest = due;
            self.hand(due, &Event::Wake);
        }
        self.latest = at;
        self.hand(at, &event);
    }

    fn hand(&mut self, at: Timestamp, event: &Event) {
        let mut actions = std::mem::take(&mut self.actions);
        if self.disk.is_some() {
            self.trader.handle(at, event, &mut actions);
        } else {
            self.trader.turn(at, event, &mut actions);
        }
        actions.drain(..).for_each(|action| self.perform(action));
        self.actions = actions;
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Commit { batch, records } => {
                self.commits += 1;
                self.write_down(batch, records);
            }
            Action::Order(command) => {
                if let OrderCommand::Place(request) = command {
                    self.wanted.push((request.id, request.kind, request.reduce_only, Instant::now()));
                }
                self.tell(self.now, Input::Order(command));
            }
            Action::Need(Need::Reconcile) => self.tell(self.now, Input::Reconcile),
            Action::Need(Need::Rules(_)) => self.tell(self.now, Input::Rules),
            Action::Need(Need::Candles { .. }) | Action::Log(_) | Action::Alert(_) | Action::Halt(_) => {}
        }
    }

    fn write_down(&mut self, batch: u64, records: Vec<Record>) {
        let Some(disk) = &mut self.disk else { return };
        disk.asked.push_back((batch, Instant::now()));
        let names = self.trader.engine().settings().names();
        let mut cursor = Cursor::new(names.symbols.len());
        cursor.latest = self.latest;
        let memory = Memory { names, cursor, trader: self.trader.snapshot() };
        let written = Batch { records, ..Batch::of(memory) };
        disk.keeper.send(Job::Batch(Box::new(written))).expect("the store's thread lives");
    }

    fn durable(&mut self, answer: Answer) {
        let Some(disk) = &mut self.disk else { return };
        assert!(matches!(answer, Answer::Batch(_, Ok(()))), "no commit: {answer:?}");
        let Some((batch, since)) = disk.asked.pop_front() else { return };
        disk.took.push(since.elapsed());
        self.hand(self.latest, &Event::Committed { batch });
    }
}

enum Heard {
    Market(Arrival),
    Disk(Result<Answer, smolbear::store::Gone>),
}
