//! An exchange on this machine: the played venue, a thread a connection, and streams at a pace of our own.

use crate::{Outcome, PAUSE, wait_until, walk::KLINE_CLOSED, walk::kind_of};
use async_tungstenite::tungstenite::{self, Message, WebSocket};
use smolbear::{
    market::{ClosedCandle, Instrument, Symbol, Timeframe, Timestamp},
    simulation::{
        binance::{BEAT_MS, CallId, Faults, Input, Output, SessionId, Settings, Venue},
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
}

struct Stream {
    socket: WebSocket<TcpStream>,
    path: String,
}

impl Served {
    /// Listens; its past is told, and its clock goes.
    pub fn start(symbols: &[Symbol], instruments: Vec<Instrument>) -> Outcome<(Self, SocketAddr)> {
        let mut venue = Venue::new(Settings { instruments, seed: 1, faults: Faults::default(), accounts: Vec::new() });
        let market: Box<dyn Iterator<Item = ClosedCandle> + Send> = Box::new(Market::new(1, symbols));
        let mut minutes = market.peekable();
        while let Some(candle) = minutes.next_if(|candle| candle.closes_at() <= EPOCH) {
            venue.handle(candle.closes_at(), Input::Candle(&ClosedCandle { history: true, ..candle }), &mut Vec::new());
        }
        let (opened, streams) = (Instant::now(), BTreeMap::new());
        let world = World { venue, minutes, opened, market_ms: None, numbers: 0, outputs: Vec::new(), streams };
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

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests one after the other, or a stream.
    fn serve(&self, mut connection: TcpStream) -> Outcome<()> {
        connection.set_nodelay(true)?;
        let mut buffer = vec![0; HEAD_BYTES];
        loop {
            let held = connection.peek(&mut buffer)?;
            let head = String::from_utf8_lossy(&buffer[..held]).into_owned();
            let Some(end) = head.find("\r\n\r\n") else {
                if held == 0 || held == HEAD_BYTES {
                    return Ok(());
                }
                thread::sleep(Duration::from_millis(1));
                continue;
            };
            let target = head.split(' ').nth(1).ok_or("a request without a target")?.to_owned();
            if head.to_ascii_lowercase().contains("upgrade: websocket") {
                return self.welcome(connection, &target);
            }
            connection.read_exact(&mut buffer[..end + 4])?;
            self.answer(&mut connection, &target)?;
        }
    }

    fn answer(&self, connection: &mut TcpStream, target: &str) -> io::Result<()> {
        let id = CallId(0);
        let outputs = self.world().tell(Input::Call { id, method: "GET", target, headers: &[], body: &[] });
        for output in outputs {
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
