//! A dialect for tests: bodies are the answers and updates themselves, in JSON; a failure's body is its class.

use super::*;

pub const PUBLIC: &str = "/public";
pub const MARKET: &str = "/market";

#[derive(Debug, Clone)]
pub struct Codec {
    pub limit: u32,
    pub most: u16,
    pub longest_ms: i64,
    pub heartbeat: bool,
}

impl Codec {
    pub const fn new() -> Self {
        Self { limit: 2400, most: 1000, longest_ms: 24 * 3_600_000, heartbeat: false }
    }
}

impl Exchange for Codec {
    fn request(&self, ask: &Ask) -> Request {
        let weight = match ask {
            Ask::Candles { limit, .. } => match limit {
                0..100 => 1,
                100..500 => 2,
                _ => 5,
            },
            Ask::Quotes(None) | Ask::Marks(None) => 5,
            _ => 1,
        };
        Request { path: serde_json::to_string(ask).unwrap(), weight }
    }

    fn answer(&mut self, _: &Ask, response: &Response<'_>) -> Result<Answer, Failure> {
        let failed = |class, text: &str| Failure { class, code: i64::from(response.status), text: text.to_owned() };
        if response.status == 200 {
            return serde_json::from_slice(response.body).map_err(|_| failed(FailureClass::Unknown, "unreadable"));
        }
        let class = serde_json::from_slice(response.body).unwrap_or(FailureClass::Unknown);
        Err(failed(class, &format!("HTTP {}", response.status)))
    }

    fn used_weight(&self, response: &Response<'_>) -> Option<u32> {
        response.header("used")?.parse().ok()
    }

    fn weight_limit(&self) -> u32 {
        self.limit
    }

    fn most_candles(&self) -> u16 {
        self.most
    }

    fn channels(&self, symbols: &[SymbolId]) -> Vec<Channel> {
        let channel = |path: &str, silence_ms| Channel {
            path: path.to_owned(),
            streams: symbols.iter().map(|symbol| symbol.0.to_string()).collect(),
            symbols: symbols.to_vec(),
            silence_ms,
        };
        vec![channel(PUBLIC, 12_000), channel(MARKET, 6_000)]
    }

    fn subscription(&self, _: &Channel, subscribe: bool, id: u64) -> Vec<String> {
        vec![format!("{subscribe} {id}")]
    }

    fn heartbeat(&self) -> Option<(&'static str, i64)> {
        self.heartbeat.then_some(("ping", 20_000))
    }

    fn longest_connection_ms(&self) -> i64 {
        self.longest_ms
    }

    fn decode(&mut self, frame: &[u8], updates: &mut Vec<Update>) -> Result<(), Garbled> {
        let read: Vec<Update> = serde_json::from_slice(frame)
            .map_err(|error| Garbled { what: "frame", found: error.to_string().chars().take(200).collect() })?;
        updates.extend(read);
        Ok(())
    }
}
