//! A client with an account, which speaks through our own codec, on a market whose prices are named.

use super::{super::Opening, rig::Rig};
use crate::{
    exchange::{
        Failure, Response,
        binance::Binance,
        private::{Keys, Method, Reply as Said, Report, Trading, Wish},
    },
    market::{
        Candle, ClientId, ClosedCandle, MINUTE_MS, OrderKind, OrderRequest, OrderSide, Symbol, SymbolId, Timeframe,
    },
    simulation::binance::{Reply, SessionId},
};
use rust_decimal::Decimal;
use serde_json::Value;

pub const KEY: &str = "playedkey";
pub const SECRET: &str = "playedsecret";
pub const BTC: SymbolId = SymbolId(0);

pub struct Broker {
    pub rig: Rig,
    pub codec: Binance,
    pub keys: Keys,
    pub session: Option<SessionId>,
}

pub fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub fn id(text: &str) -> ClientId {
    ClientId::new(text).unwrap()
}

pub fn request(name: &str, side: OrderSide, kind: OrderKind, qty: &str, reduce_only: bool) -> OrderRequest {
    OrderRequest { id: id(name), symbol: BTC, side, kind, qty: dec(qty), reduce_only }
}

impl Broker {
    /// An account of 10,000 USDT; BTC stands at 100,000, ETH at 10,000 and DOGE at 10.
    pub fn new(faults: &str) -> Self {
        let opening = |key: &str| Opening { key: key.to_owned(), secret: SECRET.to_owned(), balance: dec("10000") };
        let rig = Rig::with_accounts(3, faults, vec![opening(KEY), opening("otherkey")]);
        let symbols = ["BTCUSDT", "ETHUSDT", "DOGEUSDT"].map(|name| name.parse::<Symbol>().unwrap());
        let (codec, keys) = (Binance::new(&symbols), Keys::new(KEY.to_owned(), SECRET));
        let mut broker = Self { rig, codec, keys, session: None };
        broker.minute([100_000.0; 4]);
        broker
    }

    /// Plays a minute of BTC with this open, high, low and close; the others stand still.
    pub fn minute(&mut self, btc: [f64; 4]) {
        self.begin(btc);
        self.wait(MINUTE_MS);
    }

    /// Begins a minute.
    pub fn begin(&mut self, btc: [f64; 4]) {
        for (place, [open, high, low, close]) in [btc, [10_000.0; 4], [10.0; 4]].into_iter().enumerate() {
            let candle = Candle { open_time: self.rig.now, open, high, low, close, volume: 50.0 };
            let symbol = SymbolId(place as u16);
            let closed = ClosedCandle { symbol, timeframe: Timeframe::M1, candle, history: false };
            self.rig.give(crate::simulation::binance::Input::Candle(&closed));
        }
    }

    pub fn wait(&mut self, ms: i64) {
        let end = self.rig.now.plus_ms(ms);
        self.rig.until(end);
        self.rig.give(crate::simulation::binance::Input::Wake);
    }

    /// What our codec sends, and what comes back.
    pub fn send(&mut self, wish: &Wish) -> Option<Reply> {
        let call = self.codec.call(wish);
        let signed = self.codec.sign(&call, self.rig.now, &self.keys);
        let headers: Vec<(String, String)> =
            signed.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
        let method = match signed.method {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        };
        self.rig.send(method, &signed.path, &headers, &[])
    }

    /// What our codec makes of the answer.
    pub fn ask(&mut self, wish: &Wish) -> Result<Said, Failure> {
        let reply = self.send(wish).expect("an answer");
        self.codec.reply(wish, &Response { status: reply.status, headers: &[], body: &reply.body })
    }

    pub fn place(&mut self, request: OrderRequest) -> Result<Said, Failure> {
        self.ask(&Wish::Place(request))
    }

    /// A signed request of these parameters: status and body.
    pub fn raw(&mut self, method: &str, path: &str, query: &str) -> (u16, Value) {
        let and = if query.is_empty() { "" } else { "&" };
        let text = format!("{query}{and}recvWindow=5000&timestamp={}", self.rig.now.0);
        let target = format!("{path}?{text}&signature={}", sign(&text));
        let reply = self.rig.send(method, &target, &headers(KEY), &[]).expect("an answer");
        (reply.status, serde_json::from_slice(&reply.body).unwrap())
    }

    /// The body of a request that must succeed.
    pub fn well(&mut self, method: &str, path: &str, query: &str) -> Value {
        let (status, body) = self.raw(method, path, query);
        assert_eq!(status, 200, "{method} {path}?{query}: {body}");
        body
    }

    /// The exchange's number of the refusal.
    pub fn code(&mut self, method: &str, path: &str, query: &str) -> i64 {
        let (status, body) = self.raw(method, path, query);
        assert_ne!(status, 200, "{method} {path}?{query}: {body}");
        body["code"].as_i64().unwrap()
    }

    /// A path under `/played/`.
    pub fn played(&mut self, method: &str, path: &str) -> Value {
        let reply = self.rig.send(method, &format!("/played/{path}"), &[], &[]).expect("an answer");
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(reply.status, 200, "{path}: {body}");
        body
    }

    /// Listens to the account's stream.
    pub fn listen(&mut self) -> SessionId {
        let Ok(Said::Stream(key)) = self.ask(&Wish::OpenStream) else { panic!("no key") };
        let session = self.rig.connect(&self.codec.user_stream(&key));
        self.session = Some(session);
        session
    }

    /// What the stream has said since.
    pub fn heard(&mut self) -> Vec<Value> {
        self.rig.heard(self.session.unwrap())
    }

    /// The same as our codec reads it.
    pub fn reports(&mut self) -> Vec<Report> {
        let mut reports = Vec::new();
        for message in self.heard() {
            let before = reports.len();
            self.codec.decode_user(message.to_string().as_bytes(), &mut reports).unwrap();
            assert_eq!(reports.len(), before + 1, "{message}");
            assert_ne!(reports[before], Report::Unknown, "{message}");
        }
        reports
    }

    pub fn balance(&mut self) -> Decimal {
        match self.ask(&Wish::Balance) {
            Ok(Said::Balance(held)) => held,
            other => panic!("{other:?}"),
        }
    }

    /// What is held of BTC: negative for a short.
    pub fn held(&mut self) -> Decimal {
        let rows = self.well("GET", "/fapi/v2/positionRisk", "symbol=BTCUSDT");
        dec(rows[0]["positionAmt"].as_str().unwrap())
    }
}

pub fn headers(key: &str) -> Vec<(String, String)> {
    vec![("x-mbx-apikey".to_owned(), key.to_owned())]
}

pub fn sign(text: &str) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET.as_bytes());
    ring::hmac::sign(&key, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
