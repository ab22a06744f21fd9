//! Messages that the exchange has sent: those about the market are read, the others are recognised and passed over.
//!
//! `SMOLBEAR_FIXTURES` names another folder of the same form (`requests/`, `responses/binance/`).

use super::{BNB, BTC, answer, asks, binance};
use crate::{
    exchange::{Answer, Ask, Exchange, Quote, Update},
    market::{Timeframe, Timestamp},
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The folder with recorded messages, or `None` with a line that says so.
pub fn fixtures() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("SMOLBEAR_SHARED").map_or(beside, PathBuf::from).join("fixtures/exchanges");
    let folder = std::env::var_os("SMOLBEAR_FIXTURES").map_or(shared, PathBuf::from);
    let there = folder.join("responses").is_dir();
    if !there {
        eprintln!("passed over: {} is not there", folder.display());
    }
    there.then_some(folder)
}

/// Names and contents of the recorded messages, by name.
pub fn recorded() -> Vec<(String, Value)> {
    let Some(folder) = fixtures() else { return Vec::new() };
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder.join("responses/binance"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no message in {}", folder.display());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    files.iter().map(|path| (name(path), serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())).collect()
}

/// The question that a recorded answer is about, where we have one.
fn question(name: &str) -> Option<Ask> {
    let candles = |timeframe| Ask::Candles { symbol: BTC, timeframe, from: None, limit: 10 };
    let (_, what) = name.split_once("http_futures_market_")?;
    Some(match what.strip_suffix(".json")? {
        "exchange_info" => Ask::Listing,
        "blvt_nav_kline" => candles(Timeframe::H1), // of something else, but in the form of candles
        "index_price_klines" | "mark_price_klines" => candles(Timeframe::M1),
        "klines" => candles(Timeframe::D1),
        "time" => Ask::Time,
        "book_ticker" => Ask::Quotes(None),
        "premium_index" => Ask::Marks(None),
        "funding_info" => Ask::FundingIntervals,
        _ => return None,
    })
}

/// The recorded row is one of a week, a length that we do not have: its end is made that of its first day.
fn of_a_day(mut value: Value) -> Value {
    for row in value.as_array_mut().unwrap() {
        let open = row[0].as_i64().unwrap();
        row[6] = json!(open + 86_400_000 - 1);
    }
    value
}

fn frame(value: &Value) -> Update {
    let mut updates = Vec::new();
    binance().decode(value.to_string().as_bytes(), &mut updates).unwrap_or_else(|garbled| panic!("{garbled}: {value}"));
    assert_eq!(updates.len(), 1);
    updates.remove(0)
}

fn kind(value: &Value) -> Option<&str> {
    value.get("data").unwrap_or(value).get("e")?.as_str()
}

#[test]
fn recorded_frames_about_the_market_are_read_and_others_passed_over() {
    for (name, value) in recorded() {
        let update = frame(&value);
        match kind(&value) {
            Some("bookTicker") if value["s"] == "BNBUSDT" => {
                let at = Some(Timestamp(value["T"].as_i64().unwrap()));
                assert_eq!(update, Update::Quote(Quote { symbol: BNB, bid: 25.3519, ask: 25.3652, at }), "{name}");
            }
            Some("markPriceUpdate") => {
                let Update::Mark(mark) = update else { panic!("{name}: {update:?}") };
                assert_eq!((mark.symbol, mark.price), (BTC, 11794.15), "{name}");
                assert_eq!(
                    mark.funding.map(|funding| funding.rate.to_string()),
                    Some("0.00038167".to_owned()),
                    "{name}"
                );
            }
            _ => assert_eq!(update, Update::Unknown, "{name}"),
        }
    }
}

#[test]
fn recorded_answers_about_the_market_are_read() {
    let mut read = 0;
    for (name, value) in recorded() {
        let Some(ask) = question(&name) else { continue };
        if name.contains("_market_klines") {
            let failure = answer(&ask, &value.to_string()).unwrap_err();
            assert!(failure.text.contains("close time of another timeframe"), "{failure}");
        }
        let value = if name.contains("_market_klines") { of_a_day(value) } else { value };
        match answer(&ask, &value.to_string()).unwrap_or_else(|failure| panic!("{name}: {failure}")) {
            Answer::Listing(listing) => {
                let names: Vec<&str> = listing.markets.iter().map(|market| market.instrument.symbol.base()).collect();
                assert_eq!(
                    (listing.listed, names, listing.weight_limit),
                    (3, vec!["BTC", "ETH"], Some(6000)),
                    "{name}"
                );
            }
            Answer::Candles(candles) => assert_eq!(candles.len(), value.as_array().unwrap().len(), "{name}"),
            Answer::Time(_) | Answer::Quotes(_) | Answer::Marks(_) => {}
            Answer::FundingIntervals(_) | Answer::FundingHistory(_) => {}
        }
        read += 1;
    }
    assert!(read >= 5 || fixtures().is_none(), "only {read} answers were read");
}

#[test]
fn what_is_added_to_recorded_messages_changes_nothing() {
    for (name, value) in recorded() {
        let mut more = value.clone();
        add(&mut more);
        assert_ne!(more, value);
        assert_eq!(frame(&more), frame(&value), "{name}");
        let Some(ask) = question(&name) else { continue };
        let day = |value: &Value| if name.contains("_market_klines") { of_a_day(value.clone()) } else { value.clone() };
        let read = |value: &Value| {
            let answer = answer(&ask, &day(value).to_string()).unwrap_or_else(|failure| panic!("{name}: {failure}"));
            if let Answer::Listing(listing) = answer {
                Answer::Listing(crate::exchange::Listing { listed: 0, ..listing })
            } else {
                answer
            }
        };
        assert_eq!(read(&more), read(&value), "{name}");
    }
}

#[test]
fn words_that_are_new_are_survived() {
    for (name, value) in recorded() {
        let mut renamed = value.clone();
        rename(&mut renamed);
        frame(&renamed);
        if let Some(ask) = question(&name).filter(|_| !name.contains("_market_klines")) {
            answer(&ask, &renamed.to_string()).unwrap_or_else(|failure| panic!("{name}: {failure}"));
        }
    }
}

#[test]
fn an_answer_to_another_question_is_never_a_panic() {
    for (_, value) in recorded() {
        for ask in asks() {
            let _ = answer(&ask, &value.to_string());
        }
    }
}

/// Every object gets fields that nobody knows, every row a column, and every list of objects one about something new.
fn add(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(add);
            fields.insert("aNewField".to_owned(), json!({"deep": [1, "two", null, {"three": 3.5}]}));
            fields.insert("Zz".to_owned(), json!("SOMETHING_NEW"));
        }
        Value::Array(items) => {
            items.iter_mut().for_each(add);
            match items.first().cloned() {
                Some(mut first @ Value::Object(_)) => {
                    rename(&mut first);
                    items.push(first);
                }
                Some(Value::Array(_)) | None => {}
                Some(_) => items.push(json!("SOMETHING_NEW")),
            }
        }
        _ => {}
    }
}

/// Every word in capitals is one that nobody knows.
fn rename(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(rename),
        Value::Array(items) => items.iter_mut().for_each(rename),
        Value::String(text) => {
            if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') {
                *text = "SOMETHING_NEW".to_owned();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
