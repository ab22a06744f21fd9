use super::rig::{Rig, START, number};
use crate::market::{Candle, MINUTE_MS, SymbolId, Timeframe, Timestamp};
use serde_json::Value;
use std::{collections::BTreeMap, fs, path::PathBuf};

fn candle_of_row(row: &Value) -> Candle {
    Candle {
        open_time: Timestamp(row[0].as_i64().unwrap()),
        open: number(&row[1]),
        high: number(&row[2]),
        low: number(&row[3]),
        close: number(&row[4]),
        volume: number(&row[5]),
    }
}

fn candle_of_frame(k: &Value) -> Candle {
    Candle {
        open_time: Timestamp(k["t"].as_i64().unwrap()),
        open: number(&k["o"]),
        high: number(&k["h"]),
        low: number(&k["l"]),
        close: number(&k["c"]),
        volume: number(&k["v"]),
    }
}

#[test]
fn whoever_only_listens_builds_the_candles_that_requests_list() {
    let mut rig = Rig::new(2, "none");
    rig.past(65);
    let session =
        rig.connect("/market/stream?streams=btcusdt@kline_1m/btcusdt@kline_5m/btcusdt@aggTrade/ethusdt@kline_1m");
    rig.minutes(30);
    let mut finished: BTreeMap<(String, i64), Candle> = BTreeMap::new();
    let mut built: BTreeMap<i64, Candle> = BTreeMap::new();
    let mut unfinished: BTreeMap<(String, i64), Candle> = BTreeMap::new();
    let mut pushes = 0;
    for message in rig.heard(session) {
        let (stream, data) = (message["stream"].as_str().unwrap().to_owned(), &message["data"]);
        if stream == "btcusdt@aggTrade" {
            let (at, price, qty) = (data["T"].as_i64().unwrap(), number(&data["p"]), number(&data["q"]));
            let open = at.div_euclid(MINUTE_MS) * MINUTE_MS;
            let one =
                Candle { open_time: Timestamp(open), open: price, high: price, low: price, close: price, volume: qty };
            built.entry(open).and_modify(|candle| candle.absorb(&one)).or_insert(one);
            assert!(data["E"].as_i64().unwrap() >= at);
            continue;
        }
        pushes += 1;
        let (candle, key) = (candle_of_frame(&data["k"]), (stream, data["k"]["t"].as_i64().unwrap()));
        assert_eq!(candle.check(), Ok(()));
        assert!(!finished.contains_key(&key), "{key:?}: something came after the end");
        if let Some(before) = unfinished.insert(key.clone(), candle) {
            assert!(
                before.high <= candle.high && before.low >= candle.low && before.volume <= candle.volume,
                "{key:?}"
            );
        }
        if data["k"]["x"].as_bool().unwrap() {
            finished.insert(key, candle);
        }
    }
    // Three streams, half an hour, at most four times a second.
    assert!((2_000..21_600).contains(&pushes), "{pushes}");
    for (stream, target) in [
        ("btcusdt@kline_1m", "/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=30"),
        ("ethusdt@kline_1m", "/fapi/v1/klines?symbol=ETHUSDT&interval=1m&limit=30"),
        ("btcusdt@kline_5m", "/fapi/v1/klines?symbol=BTCUSDT&interval=5m&limit=6"),
    ] {
        let rows = rig.get(target);
        let mut silent = 0;
        for row in rows.as_array().unwrap() {
            let listed = candle_of_row(row);
            let heard = finished.get(&(stream.to_owned(), listed.open_time.0));
            if listed.volume == 0.0 && heard.is_none() {
                silent += 1;
                assert_eq!(listed.high, listed.low);
                continue;
            }
            assert_eq!(heard, Some(&listed), "{stream}");
            if stream == "btcusdt@kline_1m" {
                let built = built[&listed.open_time.0];
                assert_eq!(
                    (built.open, built.high, built.low, built.close),
                    (listed.open, listed.high, listed.low, listed.close)
                );
                assert!((built.volume - listed.volume).abs() < 1e-9);
            }
        }
        assert!(silent < 15 && rows.as_array().unwrap().len() > 5);
    }
}

#[test]
fn finished_candles_are_those_that_were_given() {
    let mut rig = Rig::new(1, "none");
    rig.past(700);
    rig.minutes(20);
    let given: Vec<Candle> = rig.candles.iter().map(|closed| closed.candle).collect();
    let rows = rig.get("/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=720");
    let listed: Vec<Candle> = rows.as_array().unwrap().iter().map(candle_of_row).collect();
    assert_eq!(listed, given);
    for timeframe in Timeframe::ALL {
        let target = format!("/fapi/v1/klines?symbol=BTCUSDT&interval={timeframe}&limit=1500&startTime=0");
        let rows = rig.get(&target);
        let rows = rows.as_array().unwrap();
        for row in rows.iter().take(rows.len().saturating_sub(1)) {
            let listed = candle_of_row(row);
            let mut of = given.iter().filter(|candle| timeframe.open_of(candle.open_time) == listed.open_time);
            let mut want = *of.next().unwrap();
            let mut minutes = 1;
            of.for_each(|candle| {
                want.absorb(candle);
                minutes += 1;
            });
            assert_eq!(minutes * MINUTE_MS, timeframe.ms(), "half a candle of {timeframe}");
            assert_eq!(
                (listed.open, listed.high, listed.low, listed.close),
                (want.open, want.high, want.low, want.close)
            );
            assert!((listed.volume - want.volume).abs() < 1e-9);
        }
    }
}

#[test]
fn everything_agrees_at_every_moment() {
    let mut rig = Rig::new(1, "none");
    rig.past(10);
    let session = rig.connect("/market/ws/btcusdt@kline_1m");
    for _ in 0..3 {
        rig.begin_minute();
        for _ in 0..12 {
            rig.until(rig.now.plus_ms(5_000));
            let book = rig.get("/fapi/v1/ticker/bookTicker?symbol=BTCUSDT");
            let (bid, ask) = (number(&book["bidPrice"]), number(&book["askPrice"]));
            let last = number(&rig.get("/fapi/v1/ticker/price?symbol=BTCUSDT")["price"]);
            assert!(bid < ask && bid <= last && last <= ask && ask - bid < 0.11, "{bid} {last} {ask}");
            let depth = rig.get("/fapi/v1/depth?symbol=BTCUSDT&limit=1000");
            assert_eq!(depth["bids"][0][0], book["bidPrice"]);
            assert_eq!(depth["asks"][0][1], book["askQty"]);
            assert_eq!(depth["lastUpdateId"], book["lastUpdateId"]);
            let prices: Vec<f64> = depth["bids"].as_array().unwrap().iter().map(|level| number(&level[0])).collect();
            assert!(prices.len() == 1_000 && prices.is_sorted_by(|a, b| a > b));
            let premium = rig.get("/fapi/v1/premiumIndex?symbol=BTCUSDT");
            let mark = number(&premium["markPrice"]);
            assert!((mark / last - 1.0).abs() < 0.000_5);
            let row = rig.get("/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=1");
            assert_eq!(candle_of_row(&row[0]).close, last);
        }
    }
    assert!(rig.heard(session).len() > 100);
}

#[test]
fn funding_is_the_same_everywhere() {
    let mut rig = Rig::new(3, "none");
    rig.past(5);
    let info = rig.get("/fapi/v1/fundingInfo");
    assert_eq!((info.as_array().unwrap().len(), &info[0]["symbol"]), (1, &Value::from("DOGEUSDT")));
    assert_eq!(info[0]["fundingIntervalHours"], 4);
    for (symbol, hours) in [("BTCUSDT", 8), ("DOGEUSDT", 4)] {
        let rows = rig.get(&format!("/fapi/v1/fundingRate?symbol={symbol}&limit=1000"));
        let rows = rows.as_array().unwrap();
        assert_eq!(rows.len(), 1_000);
        let times: Vec<i64> = rows.iter().map(|row| row["fundingTime"].as_i64().unwrap()).collect();
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] == hours * 3_600_000), "{symbol}");
        assert_eq!(times[999], START.0);
        let rates: Vec<f64> = rows.iter().map(|row| number(&row["fundingRate"])).collect();
        assert!(rates.iter().all(|rate| rate.abs() < 0.001) && rates.iter().any(|rate| *rate < 0.0));
        assert!(rates.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.000_2), "{symbol}: a jump");
    }
    let session = rig.connect("/market/ws/btcusdt@markPrice@1s");
    rig.minutes(1);
    let marks = rig.heard(session);
    assert_eq!(marks.len(), 60);
    let premium = rig.get("/fapi/v1/premiumIndex?symbol=BTCUSDT");
    let last = marks.last().unwrap();
    for (there, here) in [("lastFundingRate", "r"), ("nextFundingTime", "T"), ("markPrice", "p"), ("indexPrice", "i")] {
        assert_eq!(premium[there], last[here], "{there}");
    }
    rig.until(Timestamp(premium["nextFundingTime"].as_i64().unwrap() - 100));
    let expected = rig.get("/fapi/v1/premiumIndex?symbol=BTCUSDT")["lastFundingRate"].clone();
    rig.until(rig.now.plus_ms(200));
    let rows = rig.get("/fapi/v1/fundingRate?symbol=BTCUSDT&limit=1");
    assert_eq!(rows[0]["fundingRate"], expected);
}

/// Every name in what was recorded is in what we say, where both are objects.
fn has_names(recorded: &Value, ours: &Value, what: &str) {
    match (recorded, ours) {
        (Value::Object(recorded), Value::Object(ours)) => {
            for (name, value) in recorded {
                let mine = ours.get(name).unwrap_or_else(|| panic!("{what}: `{name}` is missing"));
                assert_eq!(value.is_string(), mine.is_string(), "{what}: `{name}`");
                has_names(value, mine, &format!("{what}.{name}"));
            }
        }
        (Value::Array(recorded), Value::Array(ours)) if what.ends_with("filters") => {
            for filter in recorded {
                let kind = &filter["filterType"];
                let mine =
                    ours.iter().find(|mine| mine["filterType"] == *kind).unwrap_or_else(|| panic!("{what}: {kind}"));
                has_names(filter, mine, &format!("{what}.{kind}"));
            }
        }
        (Value::Array(recorded), Value::Array(ours)) if !recorded.is_empty() => {
            assert!(!ours.is_empty(), "{what}");
            has_names(&recorded[0], &ours[0], what);
            if recorded[0].is_number() {
                assert_eq!(recorded.len(), ours.len(), "{what}");
            }
        }
        _ => {}
    }
}

#[test]
fn what_was_recorded_has_no_name_that_we_lack() {
    let shared = std::env::var_os("SMOLBEAR_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let folder = shared.join("fixtures/exchanges/responses/binance");
    if !folder.is_dir() {
        println!("passed over: there is no {}", folder.display());
        return;
    }
    let recorded = |name: &str| -> Value { serde_json::from_slice(&fs::read(folder.join(name)).unwrap()).unwrap() };
    let mut rig = Rig::new(1, "none");
    rig.past(10);
    let public = rig.connect("/public/ws/btcusdt@bookTicker/btcusdt@depth@100ms/btcusdt@trade");
    let market = rig.connect("/market/ws/btcusdt@markPrice@1s/btcusdt@ticker");
    rig.minutes(8);
    let heard: Vec<Value> = rig.heard(public).into_iter().chain(rig.heard(market)).collect();
    let said = |event: &str| heard.iter().find(|message| message["e"] == event).unwrap();
    for (file, event) in [
        ("futures__market_data_json__book_ticker_stream.json", "bookTicker"),
        ("futures__market_data_json__mark_price_stream.json", "markPriceUpdate"),
        ("futures__market_data_json__ticker_stream.json", "24hrTicker"),
        ("futures__market_data_json__trade_stream.json", "trade"),
        ("py__ws_messages__ws_futures_book_ticker.json", "bookTicker"),
        ("py__ws_messages__ws_futures_depth_update.json", "depthUpdate"),
    ] {
        has_names(&recorded(file), said(event), file);
    }
    for (file, target) in [
        ("depth", "depth?symbol=BTCUSDT"),
        ("exchange_info", "exchangeInfo"),
        ("klines", "klines?symbol=BTCUSDT&interval=1m"),
        ("mark_price_klines", "markPriceKlines?symbol=BTCUSDT&interval=1m"),
        ("index_price_klines", "indexPriceKlines?pair=BTCUSDT&interval=1m"),
        ("ticker_24hr", "ticker/24hr?symbol=BTCUSDT"),
        ("ticker_price", "ticker/price?symbol=BTCUSDT"),
        ("trades", "trades?symbol=BTCUSDT"),
    ] {
        let name = format!("py__http_responses__http_futures_market_{file}.json");
        has_names(&recorded(&name), &rig.get(&format!("/fapi/v1/{target}")), &name);
    }
}

#[test]
fn same_inputs_same_outputs() {
    let run = |faults: &str| {
        let mut rig = Rig::new(2, faults);
        rig.past(30);
        rig.connect("/market/ws/btcusdt@kline_1m/ethusdt@aggTrade");
        rig.connect("/public/stream?streams=btcusdt@depth/!bookTicker");
        rig.minutes(3);
        rig.get("/fapi/v1/exchangeInfo");
        (rig.hash.value(), rig.outputs)
    };
    assert_eq!(run("none"), run("none"));
    assert_eq!(run("doubled=0.2,lost=0.2"), run("doubled=0.2,lost=0.2"));
    assert_ne!(run("none"), run("doubled=0.2"));
}

#[test]
fn a_venue_nobody_listens_to_plays_the_same_minutes() {
    let last = |listened: bool| {
        let mut rig = Rig::new(1, "none");
        if listened {
            rig.connect("/market/ws/btcusdt@kline_1m");
        }
        rig.minutes(3);
        rig.begin_minute();
        rig.until(rig.now.plus_ms(30_050));
        let trades = rig.get("/fapi/v1/trades?symbol=BTCUSDT&limit=50");
        (trades, rig.get("/fapi/v1/depth?symbol=BTCUSDT"), SymbolId(0))
    };
    assert_eq!(last(true), last(false));
}
