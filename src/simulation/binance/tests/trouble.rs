use super::{
    super::{CallId, Fault, Input, Output, Per, SessionId},
    rig::Rig,
};
use crate::market::{Candle, ClosedCandle, SymbolId, Timeframe, Timestamp};
use proptest::prelude::*;

/// Minutes with connections that come back, and requests now and then.
fn rough_time(faults: &str, minutes: i64) -> Rig {
    let mut rig = Rig::new(2, faults);
    rig.past(20);
    let targets = [
        "/market/ws/btcusdt@kline_1m/ethusdt@kline_1m/btcusdt@markPrice@1s",
        "/public/stream?streams=!bookTicker/btcusdt@depth",
    ];
    let mut open: Vec<SessionId> = targets.iter().map(|target| rig.connect(target)).collect();
    for _ in 0..minutes {
        rig.minutes(1);
        for _ in 0..5 {
            rig.call("/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=5");
            rig.call("/fapi/v1/exchangeInfo");
        }
        for (place, target) in targets.iter().enumerate() {
            if rig.ended.contains(&open[place]) {
                let session = SessionId(1_000 + rig.outputs as u64);
                rig.give(Input::Knock { session, id: CallId(1 << 41), target });
                open[place] = session;
            }
        }
    }
    rig
}

#[test]
fn each_fault_strikes_and_none_does_when_off() {
    let of_accounts = |fault: &Fault| matches!(fault.per(), Per::Order | Per::AccountMinute); // see `mishaps`
    for fault in Fault::all().filter(|fault| !of_accounts(fault)) {
        let rate = if fault == Fault::Flood { 0.01 } else { 0.5 };
        let rig = rough_time(&format!("{}={rate}", fault.name()), 6);
        for (name, count) in rig.venue.counts() {
            assert_eq!(count > 0, name == fault.name(), "{name} with {}: {count}", fault.name());
        }
    }
    assert!(rough_time("none", 2).venue.counts().all(|(_, count)| count == 0));
}

#[test]
fn all_faults_together_stay_within_limits_and_end_when_told() {
    let mut rig = rough_time("all,until=600", 15);
    let counts: Vec<_> = rig.venue.counts().collect();
    assert!(counts.iter().map(|(_, count)| count).sum::<u64>() > 100, "{counts:?}");
    assert!(rig.most_at_once < 4_096 + 1_000, "{}", rig.most_at_once);
    let session = SessionId(1 << 40);
    rig.give(Input::Knock { session, id: CallId(1), target: "/market/ws/btcusdt@kline_1m" });
    rig.minutes(5);
    assert_eq!(rig.venue.counts().collect::<Vec<_>>(), counts, "faults after their end");
    assert!(rig.heard(session).len() > 100);
    assert_eq!(rig.call("/fapi/v1/time").status, 200);
}

#[test]
fn faults_look_like_what_they_are() {
    let mut rig = Rig::new(1, "slow=1");
    let wait = rig.call("/fapi/v1/time").not_before.unwrap().since_ms(rig.now);
    assert!((1_000..20_000).contains(&wait));
    assert!(Rig::new(1, "5xx=1").call("/fapi/v1/time").status >= 500);
    assert!(Rig::new(1, "html=1").call("/fapi/v1/time").body.starts_with(b"<!DOCTYPE html"));
    let cut = Rig::new(1, "cut=1").call("/fapi/v1/exchangeInfo");
    assert!(cut.cut_after.unwrap() < cut.body.len());
    let mut rig = Rig::new(1, "ban=1");
    assert_eq!(rig.call("/fapi/v1/time").status, 418);
    let mut rig = Rig::new(1, "stale=1");
    let first = rig.call("/fapi/v1/time").body;
    rig.until(rig.now.plus_ms(2_000));
    assert_eq!(rig.call("/fapi/v1/time").body, first);
    for (faults, target, texts) in [
        ("silent=1", "/market/ws/btcusdt@markPrice@1s", 0),
        ("lost=1", "/market/ws/btcusdt@markPrice@1s", 0),
        ("doubled=1", "/market/ws/btcusdt@markPrice@1s", 120),
        ("flood=1", "/market/ws/btcusdt@markPrice@1s", 3_000),
    ] {
        let mut rig = Rig::new(1, faults);
        rig.past(1);
        let session = rig.connect(target);
        rig.minutes(1);
        assert_eq!(rig.heard(session).len(), texts, "{faults}");
    }
    let mut rig = Rig::new(1, "disconnect=1");
    let session = rig.connect("/market/ws");
    rig.now = rig.now.plus_ms(1_000);
    let out = rig.give(Input::Wake);
    assert!(matches!(&out[..], [Output::CutInFrame(cut, text)] if *cut == session && !text.is_empty()), "{out:?}");
}

fn target() -> impl Strategy<Value = String> {
    let path = prop_oneof![
        Just("/fapi/v1/klines"),
        Just("/fapi/v1/depth"),
        Just("/fapi/v1/aggTrades"),
        Just("/fapi/v1/fundingRate"),
        Just("/fapi/v1/exchangeInfo"),
        Just("/fapi/v1/markPriceKlines"),
        Just("/market/stream"),
        Just("/public/ws/btcusdt@depth"),
    ];
    let name = prop_oneof![
        Just("symbol"),
        Just("interval"),
        Just("limit"),
        Just("startTime"),
        Just("endTime"),
        Just("fromId"),
        Just("streams")
    ];
    let value = prop_oneof![
        Just("BTCUSDT".to_owned()),
        Just("1m".to_owned()),
        Just("1d".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        (0i64..2_000).prop_map(|n| n.to_string()),
        ".{0,12}",
    ];
    let sound = (path, prop::collection::vec((name, value), 0..5)).prop_map(|(path, pairs)| {
        let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{path}?{}", pairs.join("&"))
    });
    prop_oneof![3 => sound, 1 => ".{0,200}"]
}

fn frame() -> impl Strategy<Value = String> {
    let name = prop_oneof![Just("btcusdt@kline_1m"), Just("btcusdt@depth@100ms"), Just("!markPrice@arr"), Just("zz")];
    let sound =
        (prop_oneof![Just("SUBSCRIBE"), Just("UNSUBSCRIBE"), Just("SET_PROPERTY")], prop::collection::vec(name, 0..4))
            .prop_map(|(method, params)| {
                serde_json::json!({ "method": method, "params": params, "id": 1 }).to_string()
            });
    prop_oneof![2 => sound, 1 => ".{0,100}"]
}

#[derive(Debug, Clone)]
enum Step {
    Call(String, String),
    Knock(String),
    Frame(u64, String),
    Gone(u64),
    Wait(i64),
    Candle(i64, [f64; 5], bool, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let price = prop_oneof![1e-10..1e9f64, 99_000.0..101_000.0f64];
    prop_oneof![
        ("[A-Z]{0,6}|GET", target()).prop_map(|(method, target)| Step::Call(method, target)),
        target().prop_map(Step::Knock),
        (0u64..6, frame()).prop_map(|(session, text)| Step::Frame(session, text)),
        (0u64..6).prop_map(Step::Gone),
        prop_oneof![0i64..70_000, 0i64..4_000_000_000].prop_map(Step::Wait),
        (-3i64..4, prop::array::uniform5(price), any::<bool>(), 0usize..14)
            .prop_map(|(minute, numbers, history, timeframe)| Step::Candle(minute, numbers, history, timeframe)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn no_input_breaks_the_venue(steps in prop::collection::vec(step(), 0..40), faults in prop_oneof![Just("none"), Just("all=0.3")]) {
        let mut rig = Rig::new(1, faults);
        for (number, step) in steps.into_iter().enumerate() {
            let mut answers = 0;
            let out = match step {
                Step::Call(method, target) => {
                    answers = 1;
                    rig.give(Input::Call { id: CallId(number as u64), method: &method, target: &target, headers: &[], body: &[] })
                }
                Step::Knock(target) => rig.give(Input::Knock { session: SessionId(number as u64 % 6), id: CallId(0), target: &target }),
                Step::Frame(session, text) => rig.give(Input::Frame(SessionId(session), &text)),
                Step::Gone(session) => rig.give(Input::Gone(SessionId(session))),
                Step::Wait(ms) => {
                    rig.now = rig.now.plus_ms(ms);
                    rig.give(Input::Wake)
                }
                Step::Candle(minute, [a, b, c, d, volume], history, timeframe) => {
                    let timeframe = Timeframe::ALL.get(timeframe).copied().unwrap_or(Timeframe::M1);
                    let open_time = Timestamp(timeframe.open_of(rig.now).0 + minute * timeframe.ms());
                    let (high, low) = (a.max(b).max(c).max(d), a.min(b).min(c).min(d));
                    let candle = Candle { open_time, open: a, high, low, close: b, volume };
                    rig.give(Input::Candle(&ClosedCandle { symbol: SymbolId(0), timeframe, candle, history }))
                }
            };
            prop_assert!(out.len() < 4_096 + 6 * 52 * 40, "{}", out.len());
            prop_assert_eq!(out.iter().filter(|output| matches!(output, Output::Reply(CallId(id), _) if *id == number as u64 && answers == 1)).count(), answers);
        }
    }
}
