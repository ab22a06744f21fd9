//! Each row states a rule.

use super::*;
use crate::market::{Candle, SymbolId, Timestamp};
use proptest::prelude::{Just, ProptestConfig, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::strategy::Strategy as _;

const CANDLE: Candle =
    Candle { open_time: Timestamp(0), open: 100.0, high: 101.0, low: 99.0, close: 100.0, volume: 5.0 };

fn view<'a>(own: &'a Readings, context: &'a Readings, regime: Regime) -> MarketView<'a> {
    MarketView { symbol: SymbolId(0), candle: &CANDLE, own, context, regime, has_volume: true }
}

fn regime(trend: Trend, momentum: Momentum, strength: f64) -> Regime {
    Regime { trend, momentum, volatility: Volatility::Normal, strength }
}

fn other() -> Vec<Symbol> {
    vec!["XRPUSDT".parse().unwrap()]
}

#[test]
fn the_threshold_follows_the_trend() {
    use Momentum::{Strong, Weak};
    use Trend::{Bearish, Bullish, Neutral};
    let long = Settings::oversold_bounce();
    let short = Settings::short_the_rip();
    let nothing = Readings::default();
    for (settings, trend, momentum, want) in [
        (&long, Neutral, Strong, 45.0),
        (&long, Bullish, Strong, 40.0),
        (&long, Bullish, Weak, 42.0),
        (&long, Bearish, Strong, 50.0),
        (&long, Bearish, Weak, 48.0),
        (&Settings { rsi_base: 32.0, ..long.clone() }, Bullish, Strong, 30.0),
        (&Settings { rsi_range: 6.0, ..long.clone() }, Bullish, Weak, 43.0),
        (&short, Neutral, Weak, 55.0),
        (&short, Bearish, Strong, 55.0),
        (&short, Bullish, Strong, 60.0),
        (&short, Bullish, Weak, 58.0),
        (&Settings { rsi_base: 84.0, ..short.clone() }, Bullish, Strong, 85.0),
        (&Settings { rsi_base: 70.0, ..short.clone() }, Bearish, Weak, 67.0),
    ] {
        let rule = settings.build(&other());
        let (_, got) = rule.threshold(&view(&nothing, &nothing, regime(trend, momentum, 0.0))).unwrap();
        assert_eq!(got, want, "{} {trend:?} {momentum:?}", settings.name);
    }
}

#[test]
fn a_symbols_own_threshold_replaces_the_rule() {
    let symbols: Vec<Symbol> = ["ETHUSDT".parse().unwrap()].into();
    let rule = Settings::short_the_rip().build(&symbols);
    let nothing = Readings::default();
    let seen = view(&nothing, &nothing, regime(Trend::Bullish, Momentum::Strong, 1.0));
    assert_eq!(rule.threshold(&seen), Some((Side::Short, 50.0)));
}

#[test]
fn oversold_bounce_enters_at_the_threshold() {
    let nothing = Readings::default();
    let calm = Regime::default();
    let mut rule = Settings::oversold_bounce().build(&other());
    let own = Readings { rsi: Some(45.0), atr: Some(0.2), ..nothing };
    let Verdict::Enter(signal) = rule.on_close(&view(&own, &nothing, calm)) else { panic!("no entry") };
    assert_eq!(
        (signal.side, signal.stop_distance, signal.target_distance),
        (Side::Long, 0.24, 0.8),
        "target at least 0.8 %"
    );
    let wild = Readings { atr: Some(2.0), ..own };
    let Verdict::Enter(signal) = rule.on_close(&view(&wild, &nothing, calm)) else { panic!("no entry") };
    assert_eq!((signal.stop_distance, signal.target_distance), (1.5, 5.0), "stop at most 1.5 %");
    for (own, want) in [
        (Readings { rsi: Some(45.1), ..own }, Verdict::Wait),
        (Readings { rsi: None, ..own }, Verdict::Wait),
        (Readings { atr: None, ..own }, Verdict::NotWarm("ATR(14)")),
        (Readings { atr: Some(0.0), ..own }, Verdict::Wait),
    ] {
        assert_eq!(rule.on_close(&view(&own, &nothing, calm)), want, "{own:?}");
    }
}

#[test]
fn oversold_bounce_wants_volume_where_the_data_has_any() {
    let nothing = Readings::default();
    let own = Readings { rsi: Some(30.0), atr: Some(1.0), ..nothing };
    let quiet = Candle { volume: 0.0, ..CANDLE };
    let mut rule = Settings::oversold_bounce().build(&other());
    for (has_volume, enters) in [(true, false), (false, true)] {
        let seen = MarketView { candle: &quiet, has_volume, ..view(&own, &nothing, Regime::default()) };
        assert_eq!(matches!(rule.on_close(&seen), Verdict::Enter(_)), enters);
    }
}

#[test]
fn short_the_rip_wants_falling_averages() {
    let nothing = Readings::default();
    let own = Readings { rsi: Some(60.0), atr: Some(1.0), ..nothing };
    let order = |fast, middle, slow| Readings { ema21: Some(fast), ema50: Some(middle), ema200: Some(slow), ..nothing };
    let mut rule = Settings::short_the_rip().build(&other());
    for (context, strength, enters) in [
        (order(98.0, 99.0, 100.0), 0.9, true),
        (order(100.05, 100.0, 100.0), 0.9, true), // 0.05 % is within 0.1 %
        (order(100.2, 100.0, 100.0), 0.9, false), // 0.2 % is not
        (order(100.2, 100.0, 100.0), 0.5, true),  // but within 0.5 %
        (order(100.0, 100.8, 100.0), 0.5, false), // 0.8 % is not
        (order(110.0, 105.0, 100.0), 0.2, true),  // a weak trend asks for nothing
        (Readings { ema200: None, ..order(98.0, 99.0, 0.0) }, 0.0, false),
    ] {
        let seen = view(&own, &context, regime(Trend::Neutral, Momentum::Weak, strength));
        assert_eq!(matches!(rule.on_close(&seen), Verdict::Enter(_)), enters, "{context:?} {strength}");
    }
    assert_eq!(rule.on_close(&view(&own, &nothing, Regime::default())), Verdict::NotWarm("EMA(200)"));
    let low = Readings { rsi: Some(54.9), ..own };
    assert_eq!(rule.on_close(&view(&low, &order(1.0, 2.0, 3.0), Regime::default())), Verdict::Wait);
}

/// What a warm market may look like, and one that is not warm.
fn readings() -> impl proptest::strategy::Strategy<Value = Readings> {
    let around = |middle: f64| proptest::option::weighted(0.9, middle * 0.99..middle * 1.01);
    let atr = prop_oneof![Just(None), Just(Some(0.0)), (0.001..10.0).prop_map(Some)];
    (proptest::option::weighted(0.9, 0.0..100.0), atr, around(100.0), around(100.0), around(100.0)).prop_map(
        |(rsi, atr, ema21, ema50, ema200)| {
            // as in a frame, a slower average is warm later
            let (ema50, ema200) = (ema21.and(ema50), ema21.and(ema50).and(ema200));
            Readings { rsi, atr, ema21, ema50, ema200, ..Readings::NONE }
        },
    )
}

fn regimes() -> impl proptest::strategy::Strategy<Value = Regime> {
    let trend = prop_oneof![Just(Trend::Bullish), Just(Trend::Bearish), Just(Trend::Neutral)];
    let momentum = prop_oneof![Just(Momentum::Strong), Just(Momentum::Weak)];
    (trend, momentum, 0.0..1.0).prop_map(|(trend, momentum, strength)| regime(trend, momentum, strength))
}

proptest! {
    #[test]
    fn a_rule_enters_exactly_where_all_its_conditions_hold(
        own in readings(), context in readings(), regime in regimes(), volume in prop_oneof![Just(0.0), Just(1.0)],
        has_volume in any::<bool>(), settings in prop_oneof![Just(Settings::oversold_bounce()), Just(Settings::short_the_rip())],
    ) {
        let candle = Candle { volume, ..CANDLE };
        let seen = MarketView { candle: &candle, has_volume, ..view(&own, &context, regime) };
        let mut rule = settings.build(&other());
        let conditions = rule.conditions(&seen);
        let first = conditions.iter().find(|condition| condition.holds() != Some(true));
        match (rule.on_close(&seen), first) {
            (Verdict::Enter(_), first) => prop_assert_eq!(first, None),
            (Verdict::NotWarm(what), first) => prop_assert_eq!(first.map(|first| (first.what, first.value)), Some((what, None))),
            (Verdict::Wait, first) => prop_assert!(first.is_some_and(|first| first.what == RSI || first.value.is_some())),
        }
    }
}

#[test]
fn the_conditions_say_what_is_looked_at_and_in_which_order() {
    let own = Readings { rsi: Some(44.0), atr: Some(0.2), ..Readings::NONE };
    let context = Readings { ema21: Some(99.0), ema50: Some(100.0), ema200: Some(101.0), ..Readings::NONE };
    let told = |settings: Settings, strength| {
        let seen = view(&own, &context, regime(Trend::Neutral, Momentum::Weak, strength));
        let conditions = settings.build(&other()).conditions(&seen);
        conditions.iter().map(|one| format!("{} {} {:?}", one.what, one.timeframe, one.bound)).collect::<Vec<_>>()
    };
    let bounce = ["RSI(14) 30m AtMost(45.0)", "volume 30m Above(0.0)", "ATR(14) 30m Above(0.0)"];
    assert_eq!(told(Settings::oversold_bounce(), 0.5), bounce);
    let rip = [
        "RSI(14) 30m AtLeast(55.0)",
        "EMA(200) 1h Above(0.0)",
        "EMA(21) against EMA(50) 1h Below(100.49999999999999)",
        "EMA(50) against EMA(200) 1h AtMost(101.50499999999998)",
        "ATR(14) 30m Above(0.0)",
    ];
    assert_eq!(told(Settings::short_the_rip(), 0.5), rip);
    assert_eq!(told(Settings::short_the_rip(), 0.2), [rip[0], rip[1], rip[4]], "a weak trend asks for no order");
}
