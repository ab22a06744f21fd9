//! The network between session and exchange, its faults, and the run of time.

use super::*;

pub const START: i64 = 1_735_689_620_000;

/// Of which requests.
type Chosen = fn(&Wish) -> bool;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fate {
    Fine,
    /// It did not leave.
    NotSent,
    /// It left and did not arrive.
    Lost,
    /// It was done, and the answer was lost.
    AnswerLost,
    /// It arrives so late; the answer comes in time only if that is soon.
    Late(i64),
    /// A failure of this class and number, whether it is done all the same.
    Fails(FailureClass, i64, bool),
    /// An answer that nobody can read, after it was done.
    Html,
}

#[derive(Debug, Clone)]
enum Event {
    Asked(RequestId, Wish, Fate, i64),
    Public(RequestId, String),
    Response(RequestId, u16, String),
    NoResponse(RequestId, bool),
    Opened(SocketId),
    Closed(SocketId),
    Frame(SocketId, usize),
}

/// What is wrong, until it is put right again.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trouble {
    /// The stream brings nothing, and stays open.
    pub deaf: bool,
    /// Of a hundred frames so many come twice, and late by up to 3 s and out of order.
    pub jumbled: i64,
    /// Sockets cannot be opened.
    pub no_sockets: bool,
}

pub struct World {
    pub gateway: Gateway,
    pub house: House,
    pub desk: Desk,
    pub now: i64,
    /// The session's clock less the world's.
    lag: i64,
    shelf: Rc<RefCell<Shelf>>,
    events: BTreeMap<(i64, u64), Event>,
    number: u64,
    socket: Option<(SocketId, i64)>,
    pub trouble: Trouble,
    /// What becomes of the next requests for which the first says so.
    pub fates: Vec<(Chosen, Fate)>,
    /// Every wish that left, and when.
    pub asked: Vec<(i64, Lane, Wish)>,
    flying: BTreeMap<RequestId, Lane>,
    pub random: Jitter,
    outputs: Vec<Output>,
    pub handled: u64,
    weights: (i64, u32),
    /// Until when nothing may be asked, and nothing but what protects, as the session has been told.
    banned: i64,
    paused: i64,
}

pub fn settings(account: Account, seed: u64) -> Settings {
    let symbols = ["BTCUSDT", "ETHUSDT"].iter().map(|name| name.parse().unwrap()).collect();
    let (timeframes, delivered) = (vec![Timeframe::M1], vec![None; 2]);
    Settings { symbols, timeframes, history: 0, delivered, seed, account: Some(account) }
}

pub fn account(now: i64) -> Account {
    Account { leverage: 5, open: Vec::new(), counted: vec![None; 2], since: Timestamp(now) }
}

impl World {
    pub fn new(seed: u64) -> Self {
        let shelf = Rc::new(RefCell::new(Shelf::default()));
        let settings = settings(account(START), seed);
        let codec = Codec(shelf.clone());
        let gateway = Gateway::live(settings, Box::new(Public), Box::new(codec), Timestamp(0));
        let mut house = House::new(2);
        house.now = START;
        Self {
            gateway,
            house,
            desk: Desk::default(),
            now: START,
            lag: -START,
            shelf,
            events: BTreeMap::new(),
            number: 0,
            socket: None,
            trouble: Trouble::default(),
            fates: Vec::new(),
            asked: Vec::new(),
            flying: BTreeMap::new(),
            random: Jitter::new(seed ^ 0x3c3c),
            outputs: Vec::new(),
            handled: 0,
            weights: (0, 0),
            banned: 0,
            paused: 0,
        }
    }

    /// A world whose account is proven and flat.
    pub fn proven(seed: u64) -> Self {
        let mut world = Self::new(seed);
        world.run(8_000);
        assert_eq!(world.desk.proof, Some(true), "{:?}", world.asked);
        world
    }

    /// The process dies, and another one goes on from what the engine knew.
    pub fn restart(&mut self) {
        self.restart_after(0);
    }

    /// The same, so much later.
    pub fn restart_after(&mut self, down_ms: i64) {
        let stored = Timestamp(self.now);
        let left =
            |order: &desk::Ours| Left { request: order.request, accepted: order.accepted, given_by: Some(stored) };
        let open = self.desk.live().map(left).collect();
        let last = |symbol: u16| {
            // a little before the last one, since a crash may have lost one with a lower number
            let told = self.desk.told.iter().rev().filter(|(of, _)| *of == SymbolId(symbol));
            let last: Vec<u64> = told.map(|(_, number)| *number).take(16).collect();
            if last.len() < 16 { None } else { last.into_iter().min() }
        };
        let since = Timestamp(START);
        let account = Account { leverage: 5, open, counted: vec![last(0), last(1)], since };
        let codec = Codec(self.shelf.clone());
        self.socket = None;
        self.pass(self.now + down_ms);
        let now = Timestamp(self.now + self.lag);
        self.gateway = Gateway::live(settings(account, 7), Box::new(Public), Box::new(codec), now);
        self.events.retain(|_, event| matches!(event, Event::Asked(..)));
        self.flying.clear();
        (self.banned, self.paused) = (0, 0); // it does not remember
        (self.desk.proof, self.desk.restarted) = (None, true);
        self.desk.foreign.clear();
        self.desk.before = self.desk.fills.keys().chain(self.desk.forced.keys()).copied().collect();
        self.desk.orders.values_mut().for_each(|order| order.fired = false);
        self.desk.orders.values_mut().for_each(|order| order.cancelling = false);
    }

    fn at(&mut self, at: i64, event: Event) {
        self.number += 1;
        self.events.insert((at, self.number), event);
    }

    fn session(&self, now: i64) -> Timestamp {
        Timestamp(now + self.lag)
    }

    /// Runs for so long.
    pub fn run(&mut self, for_ms: i64) {
        let until = self.now + for_ms;
        for _ in 0..2_000_000 {
            let event = self.events.first_key_value().map(|(key, _)| key.0);
            let wake = self.gateway.next_deadline().map(|at| (at.0 - self.lag).max(self.now));
            let next = event.into_iter().chain(wake).chain(self.house.when_fires()).min().unwrap();
            if next > until {
                self.pass(until);
                return;
            }
            self.pass(next.max(self.now));
            if event == Some(next) {
                let (_, event) = self.events.pop_first().unwrap();
                self.happen(event);
            } else if wake == Some(next) {
                self.tell(Input::Wake);
            }
        }
        panic!("it does not come to rest");
    }

    fn pass(&mut self, now: i64) {
        self.now = now;
        self.house.now = now;
        self.house.fire();
        self.stream();
    }

    /// What the exchange has to say, by the stream.
    fn stream(&mut self) {
        for report in std::mem::take(&mut self.house.reports) {
            let Some((id, last)) = self.socket.filter(|(_, last)| *last > 0 && !self.trouble.deaf) else { continue };
            self.shelf.borrow_mut().reports.push(report);
            let place = self.shelf.borrow().reports.len() - 1;
            let mut at = (self.now + 5 + self.random.up_to(40)).max(last);
            if self.random.up_to(99) < self.trouble.jumbled {
                let again = at + self.random.up_to(1_000);
                self.at(again, Event::Frame(id, place));
                at += self.random.up_to(3_000);
            } else {
                self.socket = Some((id, at));
            }
            self.at(at, Event::Frame(id, place));
        }
    }

    /// The stream ends, as by the network.
    pub fn cut(&mut self) {
        if let Some((id, _)) = self.socket.take() {
            self.at(self.now + 10, Event::Closed(id));
        }
    }

    /// The stream's key is over.
    pub fn expire_key(&mut self) {
        self.house.key += 1;
        self.house.reports.push(Report::Expired);
        self.stream();
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Asked(id, wish, fate, stamp) => self.ask(id, &wish, fate, stamp),
            Event::Public(id, path) => {
                let ask: Ask = serde_json::from_str(&path).unwrap();
                if let Some(answer) = self.public(&ask) {
                    let body = serde_json::to_string(&answer).unwrap();
                    self.at(self.now + 30, Event::Response(id, 200, body));
                }
            }
            Event::Response(id, status, body) => {
                if self.flying.remove(&id).is_some() {
                    self.note_pause(&body);
                    self.tell(Input::Response(id, Response { status, headers: &[], body: body.as_bytes() }));
                }
            }
            Event::NoResponse(id, sent) => {
                if self.flying.remove(&id).is_some() {
                    self.tell(Input::NoResponse { id, why: "timed out", sent });
                }
            }
            Event::Opened(id) => {
                if self.socket.is_some_and(|(socket, _)| socket == id) {
                    self.socket = Some((id, self.now));
                    self.tell(Input::Opened(id));
                }
            }
            Event::Closed(id) => self.tell(Input::Closed(id, "reset by peer")),
            Event::Frame(id, place) => {
                if self.socket.is_some_and(|(socket, _)| socket == id) {
                    if let Report::Forced(_, trade) = &self.shelf.borrow().reports[place] {
                        self.house.brought.insert(trade.trade_id);
                    }
                    self.tell(Input::Frame(id, place.to_string().as_bytes()));
                }
            }
        }
        self.stream();
    }

    fn note_pause(&mut self, body: &str) {
        let place: Option<usize> = body.parse().ok();
        let class = place.and_then(|place| Some(self.shelf.borrow().replies[place].as_ref().err()?.class));
        match class {
            Some(FailureClass::Banned { until: Some(until) }) => self.banned = self.banned.max(until.0),
            Some(FailureClass::TooMany { pause_ms }) => self.paused = self.paused.max(self.now + pause_ms),
            _ => {}
        }
    }

    fn public(&self, ask: &Ask) -> Option<Answer> {
        let market = |symbol: u16| Market {
            symbol: SymbolId(symbol),
            instrument: Instrument {
                symbol: "BTCUSDT".parse().unwrap(),
                tick: Decimal::new(1, 2),
                step: Decimal::ONE,
                min_qty: Decimal::ONE,
                min_notional: Decimal::from(5),
            },
            status: MarketStatus::Trading,
            contract: Decimal::ONE,
            max_market_qty: None,
            delisted_at: None,
        };
        match ask {
            Ask::Time => Some(Answer::Time(Timestamp(self.now))),
            Ask::Listing => {
                let there = |symbol: &u16| self.house.delisted != Some(SymbolId(*symbol));
                let markets = (0..2).filter(there).map(market).collect();
                Some(Answer::Listing(Listing { markets, weight_limit: Some(2400), order_limits: [None; 2], listed: 2 }))
            }
            Ask::FundingIntervals => Some(Answer::FundingIntervals(Vec::new())),
            Ask::Marks(_) => Some(Answer::Marks(Vec::new())),
            Ask::Quotes(_) => Some(Answer::Quotes(Vec::new())),
            Ask::Candles { .. } => Some(Answer::Candles(Vec::new())),
            Ask::FundingHistory { .. } => None,
        }
    }

    /// The exchange gets a request.
    fn ask(&mut self, id: RequestId, wish: &Wish, fate: Fate, stamp: i64) {
        let is_late = self.now > stamp + WINDOW_MS;
        let (done, reply) = match fate {
            _ if is_late => (false, Err(failure(FailureClass::Clock, -1021))),
            Fate::NotSent | Fate::Lost => return,
            Fate::Fails(FailureClass::Banned { .. }, code, _) => {
                let until = Some(Timestamp(self.now + 8_000));
                (false, Err(failure(FailureClass::Banned { until }, code)))
            }
            Fate::Fails(class, code, false) => (false, Err(failure(class, code))),
            Fate::Fails(class, code, true) => (true, Err(failure(class, code))),
            Fate::Fine | Fate::AnswerLost | Fate::Late(_) | Fate::Html => (true, Ok(Reply::Done)),
        };
        let answer = if done { self.house.answer(wish) } else { reply.clone() };
        let reply = if reply.is_err() { reply } else { answer };
        if fate == Fate::AnswerLost {
            return;
        }
        self.shelf.borrow_mut().replies.push(reply);
        let place = self.shelf.borrow().replies.len() - 1;
        let body = if fate == Fate::Html { "<html>".to_owned() } else { place.to_string() };
        let at = self.now + 10 + self.random.up_to(60);
        self.at(at, Event::Response(id, 200, body));
    }

    pub fn tell(&mut self, input: Input<'_>) {
        self.handled += 1;
        if matches!(input, Input::StoodStill) {
            self.flying.clear(); // their answers are not believed any more
        }
        let mut outputs = std::mem::take(&mut self.outputs);
        self.gateway.handle(self.session(self.now), input, &mut outputs);
        self.gateway.check();
        for output in outputs.drain(..) {
            self.carry(output);
        }
        self.outputs = outputs;
    }

    fn carry(&mut self, output: Output) {
        match output {
            Output::Connect(id, path) => {
                assert!(path.starts_with("/private/key"));
                self.socket = Some((id, 0));
                let fails = self.trouble.no_sockets;
                self.at(self.now + 80, if fails { Event::Closed(id) } else { Event::Opened(id) });
            }
            Output::Disconnect(id) => {
                self.socket.take_if(|(socket, _)| *socket == id);
                self.events.retain(|_, event| !matches!(event, Event::Closed(of) | Event::Opened(of) if *of == id));
            }
            Output::Send(..) => panic!("nothing is sent"),
            Output::Fetch(id, lane, request) => {
                self.fly(id, lane);
                self.at(self.now + 20, Event::Public(id, request.path));
            }
            Output::Call(id, lane, call) => self.call(id, lane, &call),
            Output::News(_, news) => self.desk.hear(self.now, news, &self.house),
            Output::Say(remark) => self.desk.said.push((self.now, remark)),
        }
    }

    fn fly(&mut self, id: RequestId, lane: Lane) {
        assert!(!self.flying.values().any(|flying| *flying == lane), "a lane does one after the other");
        self.flying.insert(id, lane);
        let limit = match lane {
            Lane::Protection => 2_000,
            Lane::Entries => 3_000,
            Lane::Data => 10_000,
        };
        self.at(self.now + limit, Event::NoResponse(id, true));
    }

    fn call(&mut self, id: RequestId, lane: Lane, call: &Call) {
        let wish: Wish = serde_json::from_str(&call.query).unwrap();
        let asks = lane == Lane::Protection || self.now >= self.paused;
        assert!(asks && self.now >= self.banned, "S12: asked while it must not");
        self.fly(id, lane);
        self.weigh(call.weight);
        self.asked.push((self.now, lane, wish.clone()));
        let stamp = self.gateway.stamp(self.session(self.now)).unwrap().0;
        let place = self.fates.iter().position(|(of, _)| of(&wish));
        let fate = place.map_or(Fate::Fine, |place| self.fates.remove(place).1);
        let late = if let Fate::Late(ms) = fate { ms } else { 10 + self.random.up_to(40) };
        if fate == Fate::NotSent {
            self.at(self.now + 100, Event::NoResponse(id, false));
        }
        self.at(self.now + late, Event::Asked(id, wish, fate, stamp));
    }

    fn weigh(&mut self, weight: u32) {
        let minute = self.now.div_euclid(60_000);
        if self.weights.0 != minute {
            self.weights = (minute, 0);
        }
        self.weights.1 += weight;
        assert!(self.weights.1 <= 2400 * 80 / 100, "S12");
    }

    // ── the engine's wishes ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    pub fn place(&mut self, request: OrderRequest) -> ClientId {
        self.desk.want(request);
        self.tell(Input::Order(OrderCommand::Place(request)));
        request.id
    }

    pub fn entry(&mut self, qty: i64) -> ClientId {
        let id = self.desk.name('e');
        self.place(order(id, OrderSide::Buy, OrderKind::Market, qty, false))
    }

    pub fn limit(&mut self, qty: i64) -> ClientId {
        let id = self.desk.name('e');
        let kind = OrderKind::Limit { price: Decimal::from(90), post_only: false };
        self.place(order(id, OrderSide::Buy, kind, qty, false))
    }

    pub fn stop(&mut self, qty: i64) -> ClientId {
        let id = self.desk.name('s');
        let kind = OrderKind::StopMarket { trigger: Decimal::from(95) };
        self.place(order(id, OrderSide::Sell, kind, qty, true))
    }

    pub fn exit(&mut self, qty: i64) -> ClientId {
        let id = self.desk.name('x');
        self.place(order(id, OrderSide::Sell, OrderKind::Market, qty, true))
    }

    pub fn cancel(&mut self, id: ClientId) {
        let order = self.desk.orders.get_mut(&id).unwrap();
        order.cancelling = true;
        let symbol = order.request.symbol;
        self.tell(Input::Order(OrderCommand::Cancel { id, symbol }));
    }

    /// What was told of an order, in short.
    pub fn story(&self, id: ClientId) -> Vec<String> {
        let of = self.desk.updates.iter().filter(|(_, update)| update.id() == id);
        of.map(|(_, update)| word(update)).collect()
    }
}

fn word(update: &OrderUpdate) -> String {
    match update {
        OrderUpdate::Accepted { .. } => "accepted".to_owned(),
        OrderUpdate::Refused { code, class, .. } => format!("refused {code} {class:?}"),
        OrderUpdate::Unknown { .. } => "unknown".to_owned(),
        OrderUpdate::Filled(fill) => format!("filled {}", fill.qty),
        OrderUpdate::Liquidated(fill) => format!("liquidated {}", fill.qty),
        OrderUpdate::Ended { how, .. } => format!("ended {how:?}"),
        OrderUpdate::Absent { .. } => "absent".to_owned(),
    }
}

pub fn order(id: ClientId, side: OrderSide, kind: OrderKind, qty: i64, reduce_only: bool) -> OrderRequest {
    OrderRequest { id, symbol: SymbolId(0), side, kind, qty: Decimal::from(qty), reduce_only }
}
