//! A small exchange for the tests: what it answers is written down here by hand, and a test may put something else in the place of any answer.

use async_tungstenite::tungstenite::{self, Message};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

pub const MINUTE: i64 = 60_000;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// A whole HTTP response, byte by byte; the connection ends after it.
pub type Raw = Vec<u8>;
/// What is answered in place of the truth: by the number of the request, from 0, and its path.
pub type Plan = dyn Fn(usize, &str) -> Option<Raw> + Send + Sync;

/// What the exchange has.
pub struct Book {
    /// Its clock; `None`: ours.
    pub now: Option<i64>,
    /// How far its clock is ahead of ours, where it goes by ours.
    pub ahead: i64,
    /// The first candle's open time.
    pub listed: i64,
    /// Open times, in ms, of which there are no candles.
    pub missing: fn(i64) -> bool,
    pub symbols: &'static [&'static str],
    /// Paths of streams that accept subscriptions and say nothing.
    pub silent: &'static [&'static str],
    pub weight_used: u32,
    pub plan: Box<Plan>,
}

impl Default for Book {
    fn default() -> Self {
        Self {
            now: None,
            ahead: 0,
            listed: 0,
            missing: |_| false,
            symbols: &["BTCUSDT"],
            silent: &[],
            weight_used: 7,
            plan: Box::new(|_, _| None),
        }
    }
}

/// A running exchange; it ends with the tests' process.
pub struct Venue {
    pub address: String,
    shared: Arc<Shared>,
}

struct Shared {
    book: Book,
    count: AtomicUsize,
    asked: Mutex<Vec<(Instant, String)>>,
}

impl Venue {
    pub fn open(book: Book) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared { book, count: AtomicUsize::new(0), asked: Mutex::default() });
        let told = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&told);
                thread::spawn(move || shared.serve(stream));
            }
        });
        Self { address, shared }
    }

    /// A configuration that names this exchange, in `folder`.
    pub fn config(&self, folder: &Path) -> PathBuf {
        let path = folder.join("venue.toml");
        let text = format!("[exchange]\nrest_url = \"http://{0}\"\nws_url = \"ws://{0}\"\n", self.address);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// What was asked, and when.
    pub fn asked(&self) -> Vec<(Instant, String)> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// Requests whose path holds `part`.
    pub fn count(&self, part: &str) -> usize {
        self.asked().iter().filter(|(_, path)| path.contains(part)).count()
    }
}

/// The candle that opens then, in the file's form; never the same twice within a year.
pub fn row(at: i64) -> String {
    let minute = at / MINUTE % 600_000;
    format!("{at},{minute}.5,{minute}.75,{minute}.25,{minute}.5,{}.125", minute % 977)
}

/// A response with a body.
pub fn raw(status: u16, headers: &str, body: &str) -> Raw {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{headers}\r\n{body}").into_bytes()
}

impl Shared {
    fn serve(&self, stream: TcpStream) {
        let mut start = [0; 2048];
        let seen = stream.peek(&mut start).unwrap_or(0);
        let head = String::from_utf8_lossy(&start[..seen]).to_lowercase();
        if head.contains("upgrade: websocket") {
            return self.stream(stream, head.split([' ', '?']).nth(1).unwrap_or_default());
        }
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut writer = stream;
        while let Some(path) = next_request(&mut reader) {
            let number = self.count.fetch_add(1, Ordering::SeqCst);
            self.asked.lock().unwrap().push((Instant::now(), path.clone()));
            if let Some(instead) = (self.book.plan)(number, &path) {
                let _ = writer.write_all(&instead);
                return;
            }
            let used = format!("X-MBX-USED-WEIGHT-1M: {}\r\n", self.book.weight_used);
            let (status, body) = self.answer(&path);
            if writer.write_all(&raw(status, &used, &body)).is_err() {
                return;
            }
        }
    }

    fn now(&self) -> i64 {
        let ours = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        self.book.now.unwrap_or(i64::try_from(ours).unwrap() + self.book.ahead)
    }

    fn answer(&self, path: &str) -> (u16, String) {
        let (what, query) = path.split_once('?').unwrap_or((path, ""));
        let of = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        if of("symbol").is_some_and(|symbol| !self.book.symbols.contains(&symbol)) {
            return (400, r#"{"code":-1121,"msg":"Invalid symbol."}"#.to_owned());
        }
        let number = |name| of(name).and_then(|text| text.parse::<i64>().ok());
        let body = match what.trim_start_matches("/fapi/v1/") {
            "time" => format!(r#"{{"serverTime":{}}}"#, self.now()),
            "klines" => self.candles(of("interval").unwrap(), number("startTime"), number("limit").unwrap()),
            "fundingRate" => self.rates(number("startTime").unwrap(), number("limit").unwrap()),
            "exchangeInfo" => self.listing(),
            "premiumIndex" => self.marks(),
            "fundingInfo" | "ticker/bookTicker" => "[]".to_owned(),
            other => panic!("nobody should ask for {other}"),
        };
        (200, body)
    }

    fn candles(&self, interval: &str, from: Option<i64>, limit: i64) -> String {
        let length = match interval {
            "1m" => MINUTE,
            "5m" => 5 * MINUTE,
            "30m" => 30 * MINUTE,
            "1h" => HOUR,
            "4h" => 4 * HOUR,
            other => panic!("{other}"),
        };
        let last = self.now() / length * length; // the one that is not finished
        let from = from.unwrap_or(last - (limit - 1) * length).max(self.book.listed);
        let times = (0..).map(|n| (from + length - 1) / length * length + n * length).take_while(|at| *at <= last);
        let there = times.filter(|at| !(self.book.missing)(*at)).take(usize::try_from(limit).unwrap());
        let rows = there.map(|at| {
            let row = row(at);
            let numbers: Vec<_> = row.split(',').skip(1).map(|number| format!("\"{number}\"")).collect();
            format!("[{at},{},{},\"0\",1,\"0\",\"0\",\"0\"]", numbers.join(","), at + length - 1)
        });
        format!("[{}]", rows.collect::<Vec<_>>().join(","))
    }

    fn rates(&self, from: i64, limit: i64) -> String {
        let times = (from.max(self.book.listed) + 8 * HOUR - 1) / (8 * HOUR)..=self.now() / (8 * HOUR);
        let rows = times.take(usize::try_from(limit).unwrap()).map(|n| {
            let at = n * 8 * HOUR;
            format!(r#"{{"symbol":"BTCUSDT","fundingTime":{at},"fundingRate":"{}","markPrice":"1"}}"#, rate(at))
        });
        format!("[{}]", rows.collect::<Vec<_>>().join(","))
    }

    fn listing(&self) -> String {
        let rows = self.book.symbols.iter().map(|name| {
            format!(
                r#"{{"symbol":"{name}","contractType":"PERPETUAL","status":"TRADING","quoteAsset":"USDT","marginAsset":"USDT","filters":[
                {{"filterType":"PRICE_FILTER","tickSize":"0.10"}},{{"filterType":"LOT_SIZE","stepSize":"0.001","minQty":"0.001","maxQty":"1000"}},
                {{"filterType":"MARKET_LOT_SIZE","stepSize":"0.001","minQty":"0.001","maxQty":"120"}},{{"filterType":"MIN_NOTIONAL","notional":"100"}}]}}"#
            )
        });
        let limits = r#"[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":2400}]"#;
        format!(r#"{{"rateLimits":{limits},"symbols":[{}]}}"#, rows.collect::<Vec<_>>().join(","))
    }

    fn marks(&self) -> String {
        let (now, next) = (self.now(), self.now() / (8 * HOUR) * 8 * HOUR + 8 * HOUR);
        let rows = self.book.symbols.iter().map(|name| {
            format!(
                r#"{{"symbol":"{name}","markPrice":"100.5","lastFundingRate":"0.0001","nextFundingTime":{next},"time":{now}}}"#
            )
        });
        format!("[{}]", rows.collect::<Vec<_>>().join(","))
    }

    /// A stream: takes subscriptions, and has something to say about the first symbol ten times a second.
    fn stream(&self, stream: TcpStream, path: &str) {
        let Ok(mut socket) = tungstenite::accept(stream) else { return };
        let Ok(Message::Text(wish)) = socket.read() else { return };
        let id = wish.split("\"id\":").nth(1).unwrap().split([',', '}']).next().unwrap().to_owned();
        let _ = socket.send(Message::text(format!(r#"{{"result":null,"id":{id}}}"#)));
        loop {
            let at = self.now();
            let data = match path {
                "/public/stream" => format!(
                    r#"{{"stream":"btcusdt@bookTicker","data":{{"e":"bookTicker","u":1,"E":{at},"T":{at},"s":"BTCUSDT","b":"100.4","B":"1","a":"100.5","A":"1"}}}}"#
                ),
                _ => format!(
                    r#"{{"stream":"btcusdt@markPrice@1s","data":{{"e":"markPriceUpdate","E":{at},"s":"BTCUSDT","p":"100.5","i":"100.5","P":"100.5","r":"0.0001","T":{}}}}}"#,
                    at / HOUR * HOUR + HOUR
                ),
            };
            if !self.book.silent.contains(&path) && socket.send(Message::text(data)).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// The rate that was settled then.
pub fn rate(at: i64) -> String {
    format!("0.0000{}1", at / (8 * HOUR) % 900 + 100)
}

/// The path of the next request of a connection.
fn next_request(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut path = None;
    loop {
        let mut line = String::new();
        if reader.by_ref().take(8192).read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim().is_empty() {
            return path;
        }
        path = path.or_else(|| line.split(' ').nth(1).map(str::to_owned));
    }
}
