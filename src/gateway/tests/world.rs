//! The network between session and exchange, with its faults, and the run of time.

use super::*;

/// What is wrong, for a while.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// Nothing goes through, both ways; connections end.
    Dead,
    /// Sockets of this path stay open and say nothing.
    Silent(&'static str),
    /// Sockets cannot be opened, and those that are end.
    NoSockets,
    /// Of a hundred messages so many are lost, late by up to 20 s, doubled, or out of order, each.
    Lossy(i64),
    /// Of a hundred frames so many are garbled or of an unknown kind, each.
    Garbled(i64),
    /// Prices of ten times what they are, once in a while; also in candles.
    Absurd,
    /// Requests have no answer at all.
    Hang,
    /// Requests fail like this.
    Fails(FailureClass),
    /// Answers are an HTML page.
    Html,
    /// Answers are as of so many ms ago, but for the clock.
    Replica(i64),
    /// The exchange wants to be left alone. The first that is told so begins it.
    Throttled { banned: bool },
    /// Nobody trades the first coin.
    Quiet,
    /// Its clock is so many ms further when the fault begins, for good.
    ClockStep(i64),
    /// The process stands still; whether its clock does, too.
    StandsStill { clock: bool },
}

#[derive(Debug, Clone)]
enum Event {
    Trade(usize),
    Told(Told),
    /// The exchange gets a request.
    Asked(RequestId, String, u32),
    FaultBegins(usize),
}

#[derive(Debug, Clone)]
enum Told {
    Opened(SocketId),
    Frame(SocketId, Vec<u8>),
    Closed(SocketId),
    Response(RequestId, u16, Vec<(String, String)>, Vec<u8>),
    NoResponse(RequestId),
    StoodStill,
}

struct Socket {
    path: String,
    open: bool,
    subscribed: bool,
    last: i64,
}

pub struct World {
    pub gateway: Gateway,
    pub venue: Venue,
    pub watch: Watch,
    pub now: i64,
    /// The session's clock less true time.
    lag: i64,
    faults: Vec<(i64, i64, Fault)>,
    events: BTreeMap<(i64, u64), Event>,
    number: u64,
    sockets: BTreeMap<SocketId, Socket>,
    told_pause: Option<i64>,
    random: Jitter,
    outputs: Vec<Output>,
    pub wakes: u64,
    pub handled: u64,
}

pub fn settings(coins: usize, seed: u64) -> Settings {
    let timeframes = vec![Timeframe::M5, Timeframe::H1];
    Settings { symbols: symbols(coins), timeframes, history: 50, delivered: vec![None; coins], seed, account: None }
}

impl World {
    pub fn new(settings: Settings, codec: Codec, faults: Vec<(i64, i64, Fault)>) -> Self {
        let seed = settings.seed;
        let mut venue = Venue::new(settings.symbols.len(), seed);
        venue.limit = codec.limit;
        let watch = Watch::new(&settings);
        let coins = settings.symbols.len();
        let mut world = Self {
            gateway: Gateway::new(settings, Box::new(codec), Timestamp(0)),
            venue,
            watch,
            now: START,
            lag: -START,
            faults: faults.iter().map(|(from, to, fault)| (START + from, START + to, *fault)).collect(),
            events: BTreeMap::new(),
            number: 0,
            sockets: BTreeMap::new(),
            told_pause: None,
            random: Jitter::new(seed ^ 0x0a0a),
            outputs: Vec::new(),
            wakes: 0,
            handled: 0,
        };
        (0..coins).for_each(|at| world.at(START + 300 * at as i64, Event::Trade(at)));
        (0..faults.len()).for_each(|at| world.at(START + faults[at].0, Event::FaultBegins(at)));
        world
    }

    fn at(&mut self, at: i64, event: Event) {
        self.number += 1;
        self.events.insert((at, self.number), event);
    }

    fn is_on(&self, fault: impl Fn(&Fault) -> bool) -> bool {
        self.fault(fault).is_some()
    }

    fn fault(&self, fault: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let on = self.faults.iter().find(|(from, to, kind)| (*from..*to).contains(&self.now) && fault(kind));
        on.map(|(.., fault)| *fault)
    }

    /// When the last fault is over.
    pub fn calm_from(&self) -> i64 {
        self.faults.iter().map(|(_, to, _)| *to).max().unwrap_or(START)
    }

    fn chance(&mut self, percent: i64) -> bool {
        self.random.up_to(99) < percent
    }

    /// Until which the process stands still.
    fn still_until(&self) -> Option<i64> {
        let still = |(from, to, fault): &&(i64, i64, Fault)| {
            (*from..*to).contains(&self.now) && matches!(fault, Fault::StandsStill { .. })
        };
        self.faults.iter().find(still).map(|(_, to, _)| *to)
    }

    /// This is the main loop: whatever is next, until `until` ms after the start.
    pub fn run(&mut self, until: i64) {
        let until = START + until;
        for _ in 0..20_000_000 {
            let event = self.events.first_key_value().map(|(key, _)| *key);
            let wake = self.gateway.next_deadline().map(|at| (at.0 - self.lag).max(self.now));
            let wake = wake.map(|at| self.still_until().map_or(at, |still| at.max(still + 2)));
            let next = event.map(|key| key.0).into_iter().chain(wake).min().unwrap();
            if next > until {
                self.now = until;
                return;
            }
            self.now = self.now.max(next);
            if wake == Some(next) && event.is_none_or(|key| key.0 > next) {
                self.wakes += 1;
                self.tell(Input::Wake);
            } else if let Some(event) = event.and_then(|key| self.events.remove(&key)) {
                self.happen(event);
            }
        }
        panic!("it does not come to rest");
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Trade(at) => self.trade(at),
            Event::Asked(id, path, weight) => self.answer(id, &path, weight),
            Event::Told(told) => self.bring(told),
            Event::FaultBegins(at) => self.begin(at),
        }
        let quiet = self.is_on(|fault| *fault == Fault::Quiet);
        self.venue.coins[0].quiet = quiet;
    }

    fn begin(&mut self, at: usize) {
        let (from, to, fault) = self.faults[at];
        match fault {
            Fault::ClockStep(ms) => self.venue.offset += ms,
            Fault::Dead | Fault::NoSockets => {
                let open: Vec<SocketId> = self.sockets.keys().copied().collect();
                open.into_iter().for_each(|id| self.at(self.now + 1, Event::Told(Told::Closed(id))));
            }
            Fault::StandsStill { clock } => {
                self.lag -= if clock { to - from } else { 0 };
                self.at(to + 1, Event::Told(Told::StoodStill));
            }
            _ => {}
        }
        self.watch.faults.insert(format!("{fault:?}").split([' ', '(']).next().unwrap().to_owned());
    }

    // ── the exchange's side ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    fn trade(&mut self, at: usize) {
        let (now, symbol) = (self.now, SymbolId(at as u16));
        self.at(now + 1_000, Event::Trade(at));
        let clock = self.venue.clock(now);
        let (finished, price) = self.venue.trade(at, now);
        for candle in finished {
            self.push(MARKET, vec![candle_update(symbol, candle, true, clock)]);
        }
        if self.venue.coins[at].status.is_none() {
            return;
        }
        self.push(MARKET, vec![Update::Mark(self.venue.mark(at, now))]);
        if let Some(mut price) = price {
            if self.is_on(|fault| *fault == Fault::Absurd) && self.chance(3) {
                price *= 10.0;
                let candle = base(clock.floor_to(MINUTE_MS).0 - MINUTE_MS, price);
                self.push(MARKET, vec![candle_update(symbol, candle, true, clock)]);
            }
            self.push(PUBLIC, vec![Update::Quote(quote(symbol, price, Some(clock)))]);
            if let Some(candle) = self.venue.coins[at].now.filter(|_| now.rem_euclid(3) == 0) {
                self.push(MARKET, vec![candle_update(symbol, candle, false, clock)]);
            }
        }
    }

    /// Sends updates to every socket that subscribed the path.
    fn push(&mut self, path: &'static str, updates: Vec<Update>) {
        let subscribed = self.sockets.iter().filter(|(_, socket)| socket.path == path && socket.subscribed);
        let ids: Vec<SocketId> = subscribed.map(|(id, _)| *id).collect();
        if self.is_on(|fault| matches!(fault, Fault::Dead) || *fault == Fault::Silent(path)) {
            return;
        }
        let bytes = serde_json::to_vec(&updates).unwrap();
        for id in ids {
            self.push_to(id, bytes.clone());
        }
    }

    fn push_to(&mut self, id: SocketId, mut bytes: Vec<u8>) {
        let mut at = self.now + 20 + self.random.up_to(80);
        let mut in_order = true;
        if let Some(Fault::Lossy(percent)) = self.fault(|fault| matches!(fault, Fault::Lossy(_))) {
            if self.chance(percent) {
                return;
            }
            if self.chance(percent) {
                at += self.random.up_to(20_000);
                in_order = false;
            }
            if self.chance(percent) {
                let again = self.random.up_to(5_000);
                self.at(at + again, Event::Told(Told::Frame(id, bytes.clone())));
            }
            in_order &= !self.chance(percent);
        }
        if let Some(Fault::Garbled(percent)) = self.fault(|fault| matches!(fault, Fault::Garbled(_))) {
            if self.chance(percent) {
                bytes.truncate(bytes.len() / 2);
            } else if self.chance(percent) {
                bytes = serde_json::to_vec(&[Update::Unknown]).unwrap();
            }
        }
        if let Some(socket) = self.sockets.get_mut(&id) {
            at = if in_order { at.max(socket.last) } else { at };
            socket.last = socket.last.max(at);
        }
        self.at(at, Event::Told(Told::Frame(id, bytes)));
    }

    fn answer(&mut self, id: RequestId, path: &str, weight: u32) {
        if self.is_on(|fault| *fault == Fault::Dead) {
            self.at(self.now + 500, Event::Told(Told::NoResponse(id)));
            return;
        }
        // where its clock has stepped, the session cannot know when a ban is over before it may ask what the clock shows
        let slack = if self.faults.iter().any(|(.., fault)| matches!(fault, Fault::ClockStep(_))) { 3_000 } else { 0 };
        assert!(self.told_pause.is_none_or(|until| self.now + slack >= until), "S12: asked while it must not");
        let used = self.venue.weigh(self.now, weight);
        let headers = vec![("used".to_owned(), used.to_string())];
        let ask: Ask = serde_json::from_str(path).unwrap();
        let response = |status, body| Told::Response(id, status, headers.clone(), body);
        let class = |class: FailureClass| serde_json::to_vec(&class).unwrap();
        let failing = |fault: &Fault| {
            matches!(fault, Fault::Hang | Fault::Fails(_) | Fault::Html | Fault::Throttled { .. } | Fault::Replica(_))
        };
        let told = match self.fault(failing) {
            Some(Fault::Hang) => return,
            Some(Fault::Fails(kind)) => response(503, class(kind)),
            Some(Fault::Html) => response(200, b"<html>".to_vec()),
            Some(Fault::Throttled { banned: false }) => {
                self.told_pause = Some(self.now + 5_000);
                response(429, class(FailureClass::TooMany { pause_ms: 5_000 }))
            }
            Some(Fault::Throttled { banned: true }) => {
                self.told_pause = Some(self.now + 20_000);
                let until = Some(self.venue.clock(self.now + 20_000));
                response(418, class(FailureClass::Banned { until }))
            }
            Some(Fault::Replica(ms)) if ask != Ask::Time => {
                response(200, serde_json::to_vec(&self.venue.answer(&ask, self.now - ms)).unwrap())
            }
            _ => response(200, serde_json::to_vec(&self.venue.answer(&ask, self.now)).unwrap()),
        };
        let at = self.now + 20 + self.random.up_to(200);
        self.at(at, Event::Told(told));
    }

    // ── the session's side ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    fn bring(&mut self, told: Told) {
        if let Some(until) = self.still_until().filter(|_| !matches!(told, Told::StoodStill)) {
            self.at(until + 2, Event::Told(told));
            return;
        }
        match told {
            Told::Opened(id) => {
                if let Some(socket) = self.sockets.get_mut(&id) {
                    socket.open = true;
                    self.tell(Input::Opened(id));
                }
            }
            Told::Closed(id) => {
                if self.sockets.remove(&id).is_some() {
                    self.tell(Input::Closed(id, "reset by peer"));
                }
            }
            Told::Frame(id, bytes) if self.sockets.contains_key(&id) => {
                if let Ok(updates) = serde_json::from_slice::<Vec<Update>>(&bytes) {
                    let (path, clock) = (self.sockets[&id].path.clone(), self.venue.clock(self.now));
                    self.watch.data(&path, &updates, clock, self.now);
                }
                self.tell(Input::Frame(id, &bytes));
            }
            Told::Frame(..) => {}
            Told::Response(id, status, headers, body) => {
                self.tell(Input::Response(id, Response { status, headers: &headers, body: &body }));
            }
            Told::NoResponse(id) => self.tell(Input::NoResponse { id, why: "no route", sent: false }),
            Told::StoodStill => self.tell(Input::StoodStill),
        }
    }

    fn tell(&mut self, input: Input<'_>) {
        self.handled += 1;
        let session = Timestamp(self.now + self.lag);
        let mut outputs = std::mem::take(&mut self.outputs);
        self.gateway.handle(session, input, &mut outputs);
        self.gateway.check();
        assert!(outputs.len() <= self.gateway.most_outputs());
        let clock = self.venue.clock(self.now);
        for output in outputs.drain(..) {
            self.watch.output(&output, self.now, clock);
            self.carry(output);
        }
        self.watch.after(&self.gateway, self.now);
        self.outputs = outputs;
    }

    fn carry(&mut self, output: Output) {
        match output {
            Output::Connect(id, path) => {
                let fails = self.is_on(|fault| matches!(fault, Fault::Dead | Fault::NoSockets));
                let told = if fails { Told::Closed(id) } else { Told::Opened(id) };
                self.sockets.insert(id, Socket { path, open: false, subscribed: false, last: 0 });
                let at = self.now + 30 + self.random.up_to(100);
                self.at(at, Event::Told(told));
            }
            Output::Send(id, text) => {
                if let Some(socket) = self.sockets.get_mut(&id).filter(|_| text != "ping") {
                    assert!(socket.open, "a frame before the handshake");
                    socket.subscribed = text.starts_with("true");
                }
            }
            Output::Disconnect(id) => {
                assert!(self.sockets.remove(&id).is_some(), "closed what is not there");
            }
            Output::Fetch(id, lane, request) => {
                assert_eq!(lane, Lane::Data);
                let at = self.now + 10 + self.random.up_to(50);
                self.at(at, Event::Asked(id, request.path, request.weight));
            }
            Output::Call(..) => panic!("a call where no account is traded"),
            Output::News(..) | Output::Say(_) => {}
        }
    }

    pub fn symbols(&self) -> usize {
        self.venue.coins.len()
    }
}

fn candle_update(symbol: SymbolId, candle: Candle, closed: bool, at: Timestamp) -> Update {
    Update::Candle { symbol, timeframe: Timeframe::M1, candle, closed, at }
}
