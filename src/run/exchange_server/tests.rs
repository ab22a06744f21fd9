//! A played exchange with real sockets and a small venue whose answers are known.

use super::{
    driver::Driver,
    played::Played,
    questions::{QUESTIONS, SENT},
    reel::Reel,
    service::Exchange,
};
use crate::{
    market::{MINUTE_MS, Timestamp},
    run::{
        http_server::{Limits, Server},
        source::Source,
    },
    simulation::{
        binance::{CallId, Input, Output, Reply, SessionId},
        prices::{EPOCH, Market},
    },
    stop::{Cause, Stop},
};
use async_io::Async;
use async_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, Message},
};
use futures_lite::{StreamExt, future::zip};
use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

/// No wait of a test is longer.
const LIMIT: Duration = Duration::from_secs(20);
/// The small venue wants to be woken so often.
const EVERY_MS: i64 = 25_000;

/// Does what it is asked for, and keeps a diary that can be read.
#[derive(Default)]
struct Venue {
    diary: Vec<String>,
    wake_at: Timestamp,
    clients: BTreeSet<SessionId>,
    latest: Timestamp,
}

impl Venue {
    fn call(&self, id: CallId, now: Timestamp, target: &str, body: &[u8]) -> Option<Output> {
        let body = match target {
            "/time" => now.0.to_string(),
            "/diary" => self.diary.join("\n"),
            "/silent" => return None,
            "/drop" => return Some(Output::Drop(id)),
            _ => format!("{target} {}", String::from_utf8_lossy(body)),
        };
        let not_before = (target == "/late").then(|| now.plus_ms(200));
        let cut_after = (target == "/cut").then_some(2);
        Some(Output::Reply(id, Reply { status: 200, headers: vec![], body: body.into_bytes(), not_before, cut_after }))
    }

    fn frame(&self, session: SessionId, text: &str, outputs: &mut Vec<Output>) {
        match text {
            "close" => outputs.push(Output::Close(session)),
            "cut" => outputs.push(Output::Cut(session)),
            "half" => outputs.push(Output::CutInFrame(session, "0123456789".into())),
            "flood" => outputs.extend((0..=SENT).map(|_| Output::Push(session, "x".repeat(1000)))),
            other => outputs.push(Output::Push(session, other.to_uppercase())),
        }
    }
}

impl Played for Venue {
    fn handle(&mut self, now: Timestamp, input: Input<'_>, outputs: &mut Vec<Output>) {
        assert!(now >= self.latest, "time goes back");
        self.latest = now;
        match input {
            Input::Candle(candle) => {
                assert!(!candle.history);
                let open = candle.candle.open_time.since_ms(EPOCH);
                self.diary.push(format!("minute {open} at {}", now.since_ms(EPOCH)));
            }
            Input::Call { id, target, body, .. } => outputs.extend(self.call(id, now, target, body)),
            Input::Knock { session, id, target } if target == "/ws/no" => {
                self.diary.push(format!("refused {}", session.0));
                outputs.extend(self.call(id, now, target, b"refused"));
            }
            Input::Knock { session, .. } => {
                self.clients.insert(session);
                outputs.extend([Output::Welcome(session), Output::Push(session, "hello".into())]);
            }
            Input::Frame(session, text) => self.frame(session, text, outputs),
            Input::Gone(session) => {
                assert!(self.clients.remove(&session), "told twice, or of nobody");
                self.diary.push(format!("gone {}", session.0));
            }
            Input::Wake => {
                self.diary.push(format!("wake {} at {}", self.wake_at.since_ms(EPOCH), now.since_ms(EPOCH)));
                self.wake_at = self.wake_at.plus_ms(EVERY_MS);
            }
        }
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        Some(self.wake_at)
    }
}

/// Plays a made-up market of one coin at this speed for `client`.
fn played<T>(speed: f64, client: impl FnOnce(SocketAddr) -> T) -> T {
    let (tell, told) = std::sync::mpsc::channel();
    let (end, ended) = async_channel::bounded::<()>(1);
    let exchange = thread::spawn(move || {
        let market = Market::new(1, &["BTCUSDT".parse().unwrap()]);
        let reel = Reel::open(Source::Made(Box::new(market)), Some(EPOCH), None, &mut |_| {}).unwrap();
        let (ask, asked) = async_channel::bounded(QUESTIONS);
        let stop = Stop::new();
        let service = Exchange::new(ask.clone(), stop.clone());
        let server = Server::bind("127.0.0.1:0".parse().unwrap(), Limits::default(), service).unwrap();
        tell.send(server.address().unwrap()).unwrap();
        let venue = Venue { wake_at: EPOCH.plus_ms(EVERY_MS), latest: EPOCH, ..Venue::default() };
        let mut driver = Driver::new(venue, reel, speed, (ask, asked), server.tally());
        let stopping = async {
            let _ = ended.recv().await;
            stop.stop(Cause::Terminate);
        };
        let (outcome, _) = async_io::block_on(zip(driver.run(&stop), zip(server.run(&stop), stopping)));
        outcome.unwrap();
    });
    let outcome = client(told.recv_timeout(LIMIT).unwrap());
    drop(end);
    exchange.join().unwrap();
    outcome
}

fn get(address: SocketAddr, target: &str) -> String {
    ask(address, "GET", target, "")
}

/// The body of the answer; all of the response where there is no body.
fn ask(address: SocketAddr, method: &str, target: &str, body: &str) -> String {
    let mut socket = TcpStream::connect_timeout(&address, LIMIT).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    let length = body.len();
    let head = format!("{method} {target} HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    socket.write_all((head + body).as_bytes()).unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    text.split_once("\r\n\r\n").map_or(text.clone(), |(_, body)| body.to_owned())
}

/// Reads the diary until it has what is looked for.
fn diary_with(address: SocketAddr, part: &str) -> String {
    let until = Instant::now() + LIMIT;
    loop {
        let diary = get(address, "/diary");
        if diary.contains(part) {
            return diary;
        }
        assert!(Instant::now() < until, "no `{part}` in:\n{diary}");
        thread::sleep(Duration::from_millis(5));
    }
}

type Client = WebSocketStream<Async<TcpStream>>;

/// A stream connection that has heard its first frame.
async fn stream(address: SocketAddr) -> Client {
    let socket = Async::<TcpStream>::connect(address).await.unwrap();
    let (mut stream, _) = client_async(format!("ws://{address}/market/ws"), socket).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), Message::text("hello"));
    stream
}

/// What comes before the end, and how the end is told.
async fn until_the_end(mut stream: Client) -> (usize, Option<tungstenite::Error>, bool) {
    let (mut texts, mut closed) = (0, false);
    while let Some(next) = stream.next().await {
        match next {
            Ok(Message::Text(_)) => texts += 1,
            Ok(Message::Close(_)) => closed = true,
            Ok(_) => {}
            Err(error) => return (texts, Some(error), closed),
        }
    }
    (texts, None, closed)
}

#[test]
fn minutes_and_deadlines_happen_in_order_and_at_their_time() {
    let diary = played(3600.0, |address| diary_with(address, "minute 600000 "));
    let lines: Vec<&str> = diary.lines().collect();
    let mut want: Vec<(i64, String)> = (0..=10).map(|at| (at * MINUTE_MS, "minute".to_owned())).collect();
    want.extend((1..=24).map(|at| (at * EVERY_MS, "wake".to_owned())));
    // at the same time, what was due is done before the next minute begins
    want.sort_by_key(|(at, what)| (*at, what == "minute"));
    let want: Vec<String> = want.into_iter().map(|(at, what)| format!("{what} {at} at {at}")).collect();
    assert_eq!(lines[..want.len()], want[..]);
}

#[test]
fn an_answer_comes_at_once_late_cut_or_not_at_all() {
    played(1.0, |address| {
        assert_eq!(get(address, "/fapi/v1/order?a=b"), "/fapi/v1/order?a=b ");
        assert_eq!(ask(address, "DELETE", "/fapi/v1/order?a=b", "c=%2B"), "/fapi/v1/order?a=b c=%2B");
        let asked = Instant::now();
        assert_eq!(get(address, "/late"), "/late ");
        assert!(asked.elapsed() >= Duration::from_millis(190), "{:?}", asked.elapsed());
        assert_eq!(get(address, "/cut"), "/c");
        assert_eq!(get(address, "/drop"), "", "not a byte");
        let mut silent = TcpStream::connect(address).unwrap();
        silent.write_all(b"GET /silent HTTP/1.1\r\n\r\n").unwrap();
        let (first, second) = (get(address, "/time"), get(address, "/time"));
        let [first, second] = [first, second].map(|text| text.parse::<i64>().unwrap());
        assert!(first >= EPOCH.0 && second >= first && second < EPOCH.0 + 20_000, "{first} {second}");
        silent.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        assert!(silent.read(&mut [0]).is_err(), "it still waits");
    });
}

#[test]
fn a_client_is_welcomed_or_refused_heard_and_its_end_told_once() {
    played(1.0, |address| {
        let refused = async_io::block_on(async {
            let socket = Async::<TcpStream>::connect(address).await.unwrap();
            client_async(format!("ws://{address}/ws/no"), socket).await
        });
        assert!(matches!(refused, Err(tungstenite::Error::Http(_))), "{refused:?}");
        async_io::block_on(async {
            let mut one = stream(address).await;
            one.send(Message::text("are you there")).await.unwrap();
            assert_eq!(one.next().await.unwrap().unwrap(), Message::text("ARE YOU THERE"));
            one.close(None).await.unwrap();
            assert_eq!(until_the_end(one).await.0, 0);
            drop(stream(address).await); // without a word
        });
        let diary = diary_with(address, "gone 3");
        assert!(diary.contains("refused 1\n") && diary.contains("gone 2"), "{diary}");
        assert!(!diary.contains("gone 1"), "who was refused never was there");
    });
}

#[test]
fn a_stream_is_closed_cut_or_cut_in_a_frame() {
    played(1.0, |address| {
        async_io::block_on(async {
            for (wish, want_closed) in [("close", true), ("cut", false), ("half", false)] {
                let mut client = stream(address).await;
                client.send(Message::text(wish)).await.unwrap();
                let (texts, error, closed) = until_the_end(client).await;
                assert_eq!((texts, closed, error.is_none()), (0, want_closed, want_closed), "{wish}: {error:?}");
            }
        });
        diary_with(address, "gone 3");
        raw_half(address);
    });
}

/// The bytes of a frame that is cut.
fn raw_half(address: SocketAddr) {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    let handshake = "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let wish = [&[0x81, 0x80 | 4, 0, 0, 0, 0][..], b"half"].concat();
    socket.write_all(&[handshake.as_bytes(), &wish].concat()).unwrap();
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes).unwrap();
    let frames = bytes.windows(4).position(|end| end == b"\r\n\r\n").map(|at| &bytes[at + 4..]).unwrap();
    assert_eq!(frames, b"\x81\x05hello\x81\x0a01234");
}

#[test]
fn a_client_that_does_not_keep_up_is_dropped_and_the_others_stay() {
    played(1.0, |address| {
        async_io::block_on(async {
            let mut other = stream(address).await;
            let mut slow = stream(address).await;
            slow.send(Message::text("flood")).await.unwrap();
            let (texts, _, _) = zip(until_the_end(slow), async {}).await.0;
            assert!(texts <= SENT, "{texts}");
            other.send(Message::text("still here")).await.unwrap();
            assert_eq!(other.next().await.unwrap().unwrap(), Message::text("STILL HERE"));
        });
        let diary = diary_with(address, "gone 2");
        assert_eq!(diary.matches("gone 2").count(), 1, "{diary}");
    });
}

#[test]
fn a_stop_says_goodbye_to_streams() {
    let (closed, error) = played(1.0, |address| {
        let client = async_io::block_on(stream(address));
        thread::spawn(move || {
            let (_, error, closed) = async_io::block_on(until_the_end(client));
            (closed, error)
        })
    })
    .join()
    .unwrap();
    assert!(closed, "{error:?}");
}

#[test]
fn a_venue_that_can_not_keep_up_with_its_time_still_answers_and_stops() {
    let diary = played(1e9, |address| diary_with(address, "minute 6000000 "));
    assert!(diary.lines().all(|line| line.split(' ').nth(1) == line.split(' ').nth(3)), "each at its time");
}
