//! An exchange on this machine: the played venue, a thread a connection, and streams at a pace of our own.

use crate::{Outcome, PAUSE, wait_until, walk::KLINE_CLOSED, walk::kind_of};
use async_tungstenite::tungstenite::{self, Message, WebSocket};
use smolbear::{
    market::{ClosedCandle, Instrument, Symbol, Timeframe, Timestamp},
    simulation::{
        binance::{BEAT_MS, CallId, Faults, Input, Opening, Output, SessionId, Settings, Venue},
        prices::{EPOCH, Market},
    },
};
use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    iter::Peekable,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

/// Of what is pushed besides finished candles each so manieth is sent, so that minutes are over sooner.
const THINNED: u64 = 30;
/// Of a request's head.
const HEAD_BYTES: usize = 16 << 10;
/// Before a step, so that whoever waits for it sleeps.
const ASLEEP: Duration = Duration::from_micros(300);
/// What a client has to say comes within this time after its handshake.
const SUBSCRIBING: Duration = Duration::from_millis(50);

/// A message that was sent.
pub struct Sent {
    /// Just before.
    pub at: Instant,
    /// The market's time of it, in ms since it opened.
    pub market_ms: i64,
    pub text: String,
}

/// The exchange.
#[derive(Clone)]
pub struct Served {
    world: Arc<Mutex<World>>,
}

struct World {
    venue: Venue,
    minutes: Peekable<Box<dyn Iterator<Item = ClosedCandle> + Send>>,
    opened: Instant,
    /// Once messages are sent, time goes with them.
    market_ms: Option<i64>,
    numbers: u64,
    outputs: Vec<Output>,
    streams: BTreeMap<SessionId, Stream>,
    /// What answers led to, and is pushed with the next step.
    owed: Vec<Output>,
    /// Requests with orders.
    ordered: Vec<Ordered>,
}

/// A request that places an order.
pub struct Ordered {
    /// When its first byte had come.
    pub at: Instant,
    /// The whole of it.
    pub head: String,
}

struct Stream {
    socket: WebSocket<TcpStream>,
    path: String,
}

impl Served {
    /// Listens; its past is told, and its clock goes.
    pub fn start(
        symbols: &[Symbol],
        instruments: Vec<Instrument>,
        accounts: Vec<Opening>,
    ) -> Outcome<(Self, SocketAddr)> {
        let mut venue = Venue::new(Settings { instruments, seed: 1, faults: Faults::default(), accounts });
        let market: Box<dyn Iterator<Item = ClosedCandle> + Send> = Box::new(Market::new(1, symbols));
        let mut minutes = market.peekable();
        while let Some(candle) = minutes.next_if(|candle| candle.closes_at() <= EPOCH) {
            venue.handle(candle.closes_at(), Input::Candle(&ClosedCandle { history: true, ..candle }), &mut Vec::new());
        }
        let (opened, streams) = (Instant::now(), BTreeMap::new());
        let (outputs, owed, ordered) = (Vec::new(), Vec::new(), Vec::new());
        let world = World { venue, minutes, opened, market_ms: None, numbers: 0, outputs, streams, owed, ordered };
        let served = Self { world: Arc::new(Mutex::new(world)) };
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let server = served.clone();
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let server = server.clone();
                thread::spawn(move || {
                    let _ = server.serve(connection); // whoever measures notices
                });
            }
        });
        Ok((served, address))
    }

    /// The market's time, in ms since it opened.
    pub fn market_ms(&self) -> i64 {
        self.world().market_ms()
    }

    /// Sends so many messages; when, is told by the path of their stream.
    pub fn stream(&self, messages: usize) -> BTreeMap<String, Receiver<Sent>> {
        let mut senders: BTreeMap<String, Sender<Sent>> = BTreeMap::new();
        let mut receivers = BTreeMap::new();
        for stream in self.world().streams.values() {
            let (sender, receiver) = channel();
            senders.insert(stream.path.clone(), sender);
            receivers.insert(stream.path.clone(), receiver);
        }
        let mut world = self.world();
        world.market_ms = Some(world.market_ms());
        drop(world);
        let server = self.clone();
        thread::spawn(move || server.push(messages, &senders));
        receivers
    }

    fn push(&self, messages: usize, senders: &BTreeMap<String, Sender<Sent>>) -> Option<()> {
        let (mut sent, mut seen, mut at) = (0, 0u64, Instant::now());
        while sent < messages {
            let mut world = self.world();
            let market_ms = world.market_ms() + BEAT_MS;
            world.market_ms = Some(market_ms);
            let pushes = world.tell(Input::Wake);
            drop(world);
            for (session, text) in pushes.into_iter().filter_map(push_of) {
                seen += 1;
                if sent == messages || kind_of(text.as_bytes()) != KLINE_CLOSED && !seen.is_multiple_of(THINNED) {
                    continue;
                }
                at = at.max(Instant::now() - PAUSE) + PAUSE;
                wait_until(at);
                let mut world = self.world();
                let stream = world.streams.get_mut(&session)?;
                let message = Message::text(text.clone());
                senders.get(&stream.path)?.send(Sent { at: Instant::now(), market_ms, text }).ok()?;
                stream.socket.send(message).ok()?;
                sent += 1;
            }
        }
        Some(())
    }

    /// A thread that lets time go on by as many ms as it is told, in beats, and says what it has sent meanwhile: what is about the account,
    /// finished candles, and the last word of each stream where that is wanted. The exchange's time stands still between.
    pub fn player(&self) -> (Sender<(i64, bool)>, async_channel::Receiver<Vec<Sent>>) {
        let ((steps, to_do), (done, sent)) = (channel(), async_channel::bounded(1));
        let server = self.clone();
        thread::spawn(move || {
            while let Ok((ms, all)) = to_do.recv() {
                thread::sleep(ASLEEP);
                let Some(sent) = server.step(ms, all) else { return };
                if done.send_blocking(sent).is_err() {
                    return;
                }
            }
        });
        (steps, sent)
    }

    fn step(&self, ms: i64, all: bool) -> Option<Vec<Sent>> {
        let mut world = self.world();
        let mut outputs = std::mem::take(&mut world.owed);
        let end = world.market_ms() + ms;
        while world.market_ms() < end {
            let next = (world.market_ms() / BEAT_MS + 1) * BEAT_MS;
            world.market_ms = Some(next.min(end));
            outputs.extend(world.tell(Input::Wake));
        }
        let pushes: Vec<_> = outputs.into_iter().filter_map(push_of).collect();
        // the last word of each stream is sent, so that none counts as silent
        let last: BTreeMap<SessionId, usize> = pushes.iter().enumerate().map(|(at, (of, _))| (*of, at)).collect();
        let mut sent = Vec::new();
        for (at, (session, text)) in pushes.into_iter().enumerate() {
            let stream = world.streams.get_mut(&session)?;
            let is_wanted = stream.path.contains("/private") || kind_of(text.as_bytes()) == KLINE_CLOSED;
            if is_wanted || all && last.get(&session) == Some(&at) {
                let message = Message::text(text.clone());
                sent.push(Sent { at: Instant::now(), market_ms: end, text });
                stream.socket.send(message).ok()?;
            }
        }
        Some(sent)
    }

    /// The orders that have come since the last time.
    pub fn ordered(&self) -> Vec<Ordered> {
        std::mem::take(&mut self.world().ordered)
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests one after the other, or a stream.
    fn serve(&self, mut connection: TcpStream) -> Outcome<()> {
        connection.set_nodelay(true)?;
        let (mut buffer, mut came) = (vec![0; HEAD_BYTES], None);
        loop {
            let held = connection.peek(&mut buffer)?;
            let at = *came.get_or_insert_with(Instant::now);
            let head = String::from_utf8_lossy(&buffer[..held]).into_owned();
            let Some(end) = head.find("\r\n\r\n") else {
                if held == 0 || held == HEAD_BYTES {
                    return Ok(());
                }
                thread::sleep(Duration::from_millis(1));
                continue;
            };
            let head = &head[..end + 4];
            let target = head.split(' ').nth(1).ok_or("a request without a target")?;
            if head.to_ascii_lowercase().contains("upgrade: websocket") {
                return self.welcome(connection, target);
            }
            connection.read_exact(&mut buffer[..end + 4])?;
            if head.starts_with("POST") && target.contains("lientAlgoId=") | target.contains("newClientOrderId=") {
                self.world().ordered.push(Ordered { at, head: head.to_owned() });
            }
            self.answer(&mut connection, head)?;
            came = None;
        }
    }

    /// All of what is asked stands in the head.
    fn answer(&self, connection: &mut TcpStream, head: &str) -> io::Result<()> {
        let (line, lines) = head.split_once("\r\n").unwrap_or_default();
        let mut words = line.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let headers = lines.lines().filter_map(|line| line.split_once(": "));
        let headers: Vec<_> = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        let mut world = self.world();
        let outputs = world.tell(Input::Call { id: CallId(0), method, target, headers: &headers, body: &[] });
        let (replies, owed): (Vec<_>, Vec<_>) = outputs.into_iter().partition(|it| matches!(it, Output::Reply(..)));
        world.owed.extend(owed);
        drop(world);
        for output in replies {
            let Output::Reply(_, reply) = output else { continue };
            let mut answer = format!("HTTP/1.1 {} \r\ncontent-length: {}\r\n", reply.status, reply.body.len());
            for (name, value) in &reply.headers {
                answer += &format!("{name}: {value}\r\n");
            }
            let answer = [answer.as_bytes(), b"\r\n", &reply.body].concat();
            connection.write_all(&answer)?;
        }
        Ok(())
    }

    /// The handshake, and what the client says first; then the stream is the sender's.
    fn welcome(&self, connection: TcpStream, target: &str) -> Outcome<()> {
        let mut socket = tungstenite::accept(connection).map_err(|error| error.to_string())?;
        let mut world = self.world();
        world.numbers += 1;
        let session = SessionId(world.numbers);
        world.tell(Input::Knock { session, id: CallId(0), target });
        drop(world);
        socket.get_ref().set_read_timeout(Some(SUBSCRIBING))?;
        while let Ok(message) = socket.read() {
            let outputs = self.world().tell(Input::Frame(session, message.to_text()?));
            for (of, text) in outputs.into_iter().filter_map(push_of).filter(|(_, text)| is_reply(text)) {
                if of == session {
                    socket.send(Message::text(text))?;
                }
            }
        }
        self.world().streams.insert(session, Stream { socket, path: target.to_owned() });
        Ok(())
    }
}

/// Whether a text answers a subscription.
pub fn is_reply(text: &str) -> bool {
    text.contains("\"result\"")
}

fn push_of(output: Output) -> Option<(SessionId, String)> {
    match output {
        Output::Push(session, text) => Some((session, text)),
        _ => None,
    }
}

impl World {
    fn market_ms(&self) -> i64 {
        self.market_ms.unwrap_or_else(|| i64::try_from(self.opened.elapsed().as_millis()).unwrap_or(i64::MAX))
    }

    /// Tells the venue what happens now, and each minute that has begun.
    fn tell(&mut self, input: Input<'_>) -> Vec<Output> {
        let now = EPOCH.plus_ms(self.market_ms());
        let begun = |candle: &ClosedCandle| candle.candle.open_time <= now;
        while let Some(candle) = self.minutes.next_if(begun) {
            if candle.timeframe == Timeframe::M1 {
                let at: Timestamp = candle.candle.open_time;
                self.venue.handle(at, Input::Candle(&candle), &mut self.outputs);
            }
        }
        self.venue.handle(now, input, &mut self.outputs);
        std::mem::take(&mut self.outputs)
    }
}
