//! Sockets and what they carry.
//!
//! A stream that is subscribed on the wrong route is acknowledged and stays silent for ever, so [`ROUTES`] is the one place that says
//! which is where.
//!
//! Prices come from trades, bid and ask from quotes. The exchange triggers stops by trades, and every traded price is in `aggTrade`, so no
//! stop is missed; a quote may touch a stop without a trade, and the running candle says only what is beyond its extremes so far.

use super::Binance;
use crate::exchange::Channel;
use crate::market::SymbolId;
use serde_json::json;

/// Streams on one connection, at most.
const MOST_STREAMS: usize = 1024;
/// Streams in one frame, at most: a connection's whole list takes six frames, and more than ten in a second would end it.
const STREAMS_A_FRAME: usize = 200;

/// Path, the streams of a symbol, and the longest silence in ms: the mark price comes each second, a quote when it changes.
const ROUTES: [(&str, &[&str], i64); 2] =
    [("/public/stream", &["bookTicker"], 20_000), ("/market/stream", &["kline_1m", "markPrice@1s", "aggTrade"], 5_000)];

impl Binance {
    pub(super) fn channels_for(&self, symbols: &[SymbolId]) -> Vec<Channel> {
        let mut channels = Vec::new();
        for (path, streams, silence_ms) in ROUTES {
            for symbols in symbols.chunks(MOST_STREAMS / streams.len()) {
                let names = symbols.iter().map(|symbol| self.name(*symbol).to_ascii_lowercase());
                let streams = names.flat_map(|name| streams.iter().map(move |stream| format!("{name}@{stream}")));
                let streams = streams.collect();
                channels.push(Channel { path: path.to_owned(), streams, symbols: symbols.to_vec(), silence_ms });
            }
        }
        channels
    }
}

pub(super) fn subscription(channel: &Channel, subscribe: bool, id: u64) -> Vec<String> {
    let method = if subscribe { "SUBSCRIBE" } else { "UNSUBSCRIBE" };
    let frames = channel.streams.chunks(STREAMS_A_FRAME).zip(id..);
    frames.map(|(streams, id)| json!({"method": method, "params": streams, "id": id}).to_string()).collect()
}
