//! Answers to questions, from text to values.

use super::{
    BNB, BTC, ETH, answer, minutes,
    samples::{CANDLES, INTERVALS, MARKS, QUOTES, RATES, answers},
};
use crate::{
    exchange::{Answer, Ask, FailureClass, ListedCandle, Mark, Quote},
    market::{Candle, FundingRate, Timeframe, Timestamp},
};

const OPEN: Timestamp = Timestamp(1_764_060_000_000);

fn rates(from: i64, limit: u16) -> Ask {
    Ask::FundingHistory { symbol: BTC, from: Timestamp(from), limit }
}

#[test]
fn each_answer_says_what_it_says() {
    let first = Candle { open_time: OPEN, open: 87000.1, high: 87020.5, low: 86990.0, close: 87010.0, volume: 12.345 };
    let flat = Candle {
        open_time: OPEN.plus_ms(60_000),
        open: 87010.0,
        high: 87010.0,
        low: 87010.0,
        close: 87010.0,
        volume: 0.0,
    };
    let rate = |rate: &str, at| FundingRate { symbol: BTC, rate: rate.parse().unwrap(), at: Timestamp(at) };
    let want = [
        Answer::Time(OPEN.plus_ms(123)),
        Answer::Candles(vec![
            ListedCandle { candle: first, ends: OPEN.plus_ms(60_000) },
            ListedCandle { candle: flat, ends: OPEN.plus_ms(120_000) },
        ]),
        Answer::Quotes(vec![
            Quote { symbol: BTC, bid: 87000.1, ask: 87000.2, at: Some(OPEN.plus_ms(2)) },
            Quote { symbol: ETH, bid: 2987.64, ask: 2987.65, at: Some(OPEN.plus_ms(1)) },
        ]),
        Answer::Marks(vec![Mark {
            symbol: BTC,
            price: 87001.5,
            funding: Some(rate("-0.0001", 1_764_086_400_000)),
            at: OPEN.plus_ms(3),
        }]),
        Answer::FundingIntervals(vec![(BNB, 4)]),
        Answer::FundingHistory(vec![rate("0.0001", 1_764_028_800_003), rate("-0.000025", 1_764_057_600_000)]),
    ];
    let answers = answers().into_iter().filter(|(ask, _)| *ask != Ask::Listing);
    let mut compared = 0;
    for ((ask, body), want) in answers.zip(want) {
        assert_eq!(answer(&ask, body), Ok(want), "{ask:?}");
        compared += 1;
    }
    assert_eq!(compared, 6);
}

#[test]
fn an_answer_about_one_symbol_is_a_row_or_a_list() {
    let row = r#"{"symbol":"BTCUSDT","bidPrice":"1.5","askPrice":"1.6"}"#;
    let want = Ok(Answer::Quotes(vec![Quote { symbol: BTC, bid: 1.5, ask: 1.6, at: None }]));
    for body in [row.to_owned(), format!("[{row}]")] {
        assert_eq!(answer(&Ask::Quotes(Some(BTC)), &body), want);
        assert_eq!(answer(&Ask::Quotes(Some(ETH)), &body).unwrap_err().class, FailureClass::Unknown);
        assert_eq!(answer(&Ask::Quotes(None), &body), want);
    }
    assert_eq!(answer(&Ask::Quotes(None), "[]"), Ok(Answer::Quotes(vec![])));
}

#[test]
fn one_market_without_a_quote_is_no_harm_to_the_others() {
    let body = QUOTES.replace("87000.1", "0.00");
    assert!(matches!(answer(&Ask::Quotes(None), &body), Ok(Answer::Quotes(quotes)) if quotes.len() == 1));
    let failure = answer(&Ask::Quotes(Some(BTC)), &body).unwrap_err();
    assert_eq!((failure.class, failure.text.as_str()), (FailureClass::Unknown, "HTTP 200: bid: 0.00"));
    let body = MARKS.replace(r#""-0.00010000""#, r#""x""#);
    assert_eq!(answer(&Ask::Marks(None), &body).unwrap_err().text, "HTTP 200: funding rate: x");
}

/// What must not be in an answer: a right one, what is replaced in it, and what is said.
#[test]
fn one_wrong_row_makes_a_history_unreadable() {
    let day = Ask::Candles { symbol: BTC, timeframe: Timeframe::D1, from: None, limit: 3 };
    let later = Ask::Candles { symbol: BTC, timeframe: Timeframe::M1, from: Some(OPEN.plus_ms(1)), limit: 3 };
    let cases = [
        (minutes(1), CANDLES, "", "", "open time that was not asked for: 1764060060000"),
        (later, CANDLES, "", "", "open time that was not asked for: 1764060000000"),
        (day, CANDLES, "1764060000000", "1764028800000", "close time of another timeframe: 1764060059999"),
        (minutes(3), CANDLES, "1764060060000", "1764060000000", "open time that was not asked for: 1764060000000"),
        (minutes(3), CANDLES, "1764060060000", "1764060060001", "open time that was not asked for: 1764060060001"),
        (minutes(3), CANDLES, "1764060119999", "1764060120000", "close time of another timeframe: 1764060120000"),
        (minutes(3), CANDLES, "86990", "88000", "candle: high 87020.5 is below low 88000"),
        (
            minutes(3),
            CANDLES,
            "\"0\",1764060119999",
            "\"-1\",1764060119999",
            "candle: volume is -1, but must be 0 or more",
        ),
        (minutes(3), CANDLES, "12.345", "NaN", "volume: NaN"),
        (minutes(3), CANDLES, "[1764060060000,", "[", "open time: 87010.00"),
        (rates(1_764_028_800_004, 3), RATES, "", "", "funding time that was not asked for: 1764028800003"),
        (rates(0, 1), RATES, "", "", "funding time that was not asked for: 1764057600000"),
        (rates(0, 3), RATES, "1764057600000", "1764028800002", "funding time that was not asked for: 1764028800002"),
        (rates(0, 3), RATES, "BTCUSDT", "ETHUSDT", "symbol of a funding rate: ETHUSDT"),
        (rates(0, 3), RATES, "-0.00002500", "-1.1", "funding rate: -1.1"),
        (Ask::FundingIntervals, INTERVALS, "4", "0", "funding interval: 0"),
        (Ask::FundingIntervals, INTERVALS, ":4,", ":\"x\",", "funding interval: x"),
    ];
    for (ask, body, right, wrong, want) in cases {
        assert!(body.contains(right), "{right}");
        let body = if right.is_empty() { body.to_owned() } else { body.replacen(right, wrong, 1) };
        let failure = answer(&ask, &body).map(|answer| panic!("{want}: {answer:?}")).unwrap_err();
        assert_eq!(failure.class, FailureClass::Unknown);
        assert!(failure.text.contains(want), "{} instead of {want}", failure.text);
    }
}

#[test]
fn a_row_may_have_more_columns() {
    let body = CANDLES.replace("\"0\"]", "\"0\",{\"new\":[1]}]");
    assert_eq!(answer(&minutes(3), &body), answer(&minutes(3), CANDLES));
}

#[test]
fn time_is_a_moment_of_our_age() {
    for body in [
        r#"{"serverTime":0}"#,
        r#"{"serverTime":-1}"#,
        r#"{"serverTime":5102444800000}"#,
        "{}",
        r#"{"serverTime":1.5}"#,
    ] {
        assert!(answer(&Ask::Time, body).is_err(), "{body}");
    }
}
