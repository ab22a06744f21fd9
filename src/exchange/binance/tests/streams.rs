//! Sockets and subscriptions.

use super::{BTC, ETH, binance};
use crate::{
    exchange::{Exchange, binance::Binance},
    market::{Symbol, SymbolId},
};

/// A stream on the other route is acknowledged and silent, so this table is written out.
#[test]
fn each_stream_is_on_its_route() {
    let channels = binance().channels(&[ETH, BTC]);
    let found: Vec<(&str, Vec<&str>)> = channels
        .iter()
        .map(|channel| (channel.path.as_str(), channel.streams.iter().map(String::as_str).collect()))
        .collect();
    let market = vec![
        "ethusdt@kline_1m",
        "ethusdt@markPrice@1s",
        "ethusdt@aggTrade",
        "btcusdt@kline_1m",
        "btcusdt@markPrice@1s",
        "btcusdt@aggTrade",
    ];
    let public = vec!["ethusdt@bookTicker", "btcusdt@bookTicker"];
    assert_eq!(found, [("/public/stream", public), ("/market/stream", market)]);
    assert!(channels.iter().all(|channel| channel.symbols == [ETH, BTC] && channel.silence_ms <= 20_000));
    assert!(binance().channels(&[]).is_empty());
}

#[test]
fn a_subscription_is_one_frame_with_its_number() {
    let channel = &binance().channels(&[BTC])[0];
    let frames = binance().subscription(channel, true, 41);
    assert_eq!(frames, [r#"{"id":41,"method":"SUBSCRIBE","params":["btcusdt@bookTicker"]}"#]);
    let frames = binance().subscription(channel, false, 42);
    assert_eq!(frames, [r#"{"id":42,"method":"UNSUBSCRIBE","params":["btcusdt@bookTicker"]}"#]);
}

#[test]
fn many_symbols_keep_within_the_limits_of_a_connection() {
    let symbols: Vec<Symbol> = (0..1200).map(|number| format!("C{number}USDT").parse().unwrap()).collect();
    let codec = Binance::new(&symbols);
    let ids: Vec<SymbolId> = (0..1200).map(SymbolId).collect();
    let channels = codec.channels(&ids);
    let (mut streams, mut symbols) = (Vec::new(), 0);
    for channel in &channels {
        assert!(channel.streams.len() <= 1024);
        let frames = codec.subscription(channel, true, 100);
        assert!(frames.len() <= 8, "ten messages a second would end the connection");
        for (frame, id) in frames.iter().zip(100u64..) {
            let frame: serde_json::Value = serde_json::from_str(frame).unwrap();
            assert_eq!(frame["id"], id);
            streams.extend(frame["params"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()));
        }
        symbols += channel.symbols.len();
    }
    assert_eq!((symbols, streams.len()), (2 * 1200, 4 * 1200));
    streams.sort();
    streams.dedup();
    assert_eq!(streams.len(), 4 * 1200);
}
