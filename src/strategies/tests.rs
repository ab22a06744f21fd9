//! Each row states a rule.

use super::*;
use crate::market::{Candle, Symbol, SymbolId, Timestamp};
use proptest::prelude::{Just, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
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
        let (_, got) = rule.threshold(SymbolId(0), trend, momentum).unwrap();
        assert_eq!(got, want, "{} {trend:?} {momentum:?}", settings.name);
    }
}

#[test]
fn a_symbols_own_threshold_replaces_the_rule() {
    let symbols: Vec<Symbol> = ["ETHUSDT".parse().unwrap()].into();
    let rule = Settings::short_the_rip().build(&symbols);
    assert_eq!(rule.threshold(SymbolId(0), Trend::Bullish, Momentum::Strong), Some((Side::Short, 50.0)));
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

fn any_built_in() -> impl proptest::strategy::Strategy<Value = Settings> {
    let rule = prop_oneof![Just(Settings::oversold_bounce()), Just(Settings::short_the_rip())];
    (rule, 0..3).prop_map(|(rule, form)| match form {
        0 => rule,
        1 => rule.simple(),
        _ => Settings { stop_pct: Some(1.0), ..rule.simple() },
    })
}

fn regimes() -> impl proptest::strategy::Strategy<Value = Regime> {
    let trend = prop_oneof![Just(Trend::Bullish), Just(Trend::Bearish), Just(Trend::Neutral)];
    let momentum = proptest::sample::select(&Momentum::ALL[..]);
    (trend, momentum, 0.0..1.0).prop_map(|(trend, momentum, strength)| regime(trend, momentum, strength))
}

proptest! {
    #[test]
    fn a_rule_enters_exactly_where_all_its_conditions_hold(
        own in readings(), context in readings(), regime in regimes(), volume in prop_oneof![Just(0.0), Just(1.0)],
        has_volume in any::<bool>(), settings in any_built_in(),
    ) {
        let candle = Candle { volume, ..CANDLE };
        let seen = MarketView { candle: &candle, has_volume, ..view(&own, &context, regime) };
        let mut rule = settings.build(&other());
        let conditions = rule.conditions(&seen);
        let first = conditions.iter().find(|condition| condition.holds() != Some(true));
        match (rule.on_close(&seen), first) {
            (Verdict::Enter(_), first) => prop_assert_eq!(first, None),
            (Verdict::NotWarm(what), first) => prop_assert_eq!(first.map(|first| (first.what, first.value)), Some((what, None))),
            (Verdict::WrongSide, _) => prop_assert!(false, "a built-in names no prices"),
            (Verdict::Wait, first) => prop_assert!(first.is_some_and(|first| first.what == RSI || first.value.is_some())),
        }
    }

    #[test]
    fn a_rule_waits_where_nobody_asks_it(
        own in readings(), context in readings(), regime in regimes(), settings in any_built_in(), by_symbol in any::<bool>(),
    ) {
        let rsi_by_symbol = if by_symbol { vec![(other()[0].clone(), 52.0)] } else { Vec::new() };
        let mut rule = Settings { rsi_by_symbol, ..settings }.build(&other());
        let (quiet, verdict) = (Quiet::of(&*rule, SymbolId(0)), rule.on_close(&view(&own, &context, regime)));
        let reached = own.rsi.is_some_and(|rsi| match rule.threshold(SymbolId(0), regime.trend, regime.momentum) {
            Some((Side::Long, threshold)) => rsi <= threshold,
            Some((Side::Short, threshold)) => rsi >= threshold,
            None => true,
        });
        prop_assert_eq!(own.rsi.is_some_and(|rsi| quiet.between(&regime).holds(rsi)), own.rsi.is_some() && !reached, "it is asked no more often than it must be");
        prop_assert!(reached || verdict == Verdict::Wait, "{:?}", verdict);
    }
}

#[test]
fn the_conditions_say_what_is_looked_at_and_in_which_order() {
    let own = Readings { rsi: Some(44.0), atr: Some(0.2), ..Readings::NONE };
    let context = Readings { ema21: Some(99.0), ema50: Some(100.0), ema200: Some(101.0), ..Readings::NONE };
    let told = |settings: Settings, strength| {
        let seen = view(&own, &context, regime(Trend::Neutral, Momentum::Weak, strength));
        let conditions = settings.build(&other()).conditions(&seen);
        let words = |one: &Condition| match one.bound {
            Bound::Below(bound) => format!("{} {} below {bound:.1}", one.what, one.timeframe),
            Bound::AtMost(bound) => format!("{} {} at most {bound:.1}", one.what, one.timeframe),
            Bound::AtLeast(bound) => format!("{} {} at least {bound:.1}", one.what, one.timeframe),
            Bound::Above(bound) => format!("{} {} above {bound:.1}", one.what, one.timeframe),
        };
        conditions.iter().map(words).collect::<Vec<_>>()
    };
    let bounce = ["RSI(14) 30m at most 45.0", "volume 30m above 0.0", "ATR(14) 30m above 0.0"];
    assert_eq!(told(Settings::oversold_bounce(), 0.5), bounce);
    let rip = [
        "RSI(14) 30m at least 55.0",
        "EMA(200) 1h above 0.0",
        "EMA(21) against EMA(50) 1h below 100.5",
        "EMA(50) against EMA(200) 1h at most 101.5",
        "ATR(14) 30m above 0.0",
    ];
    assert_eq!(told(Settings::short_the_rip(), 0.5), rip);
    assert_eq!(told(Settings::short_the_rip(), 0.2), [rip[0], rip[1], rip[4]], "a weak trend asks for no order");
    let simple = [
        "RSI(14) 30m at least 61.0",
        rip[1],
        "EMA(21) against EMA(50) 1h below 100.0",
        "EMA(50) against EMA(200) 1h at most 101.0",
        rip[4],
    ];
    assert_eq!(told(Settings::short_the_rip().simple(), 0.2), simple, "whatever the trend");
    let fixed = Settings { stop_pct: Some(1.0), rsi_fixed: 30.0, ..Settings::oversold_bounce().simple() };
    assert_eq!(told(fixed, 0.5), ["RSI(14) 30m at most 30.0", bounce[1]], "no ATR where nothing is measured in it");
}

#[test]
fn a_simple_form_knows_no_regime() {
    for (settings, want) in [
        (Settings::oversold_bounce().simple(), (Side::Long, 25.0)),
        (Settings::short_the_rip().simple(), (Side::Short, 61.0)),
        (Settings { rsi_fixed: 70.0, ..Settings::short_the_rip().simple() }, (Side::Short, 70.0)),
    ] {
        let rule = settings.build(&other());
        for trend in [Trend::Bullish, Trend::Bearish, Trend::Neutral] {
            assert_eq!(rule.threshold(SymbolId(0), trend, Momentum::Strong), Some(want), "{trend:?}");
        }
    }
    let own = vec![("XRPUSDT".parse().unwrap(), 33.0)];
    let rule = Settings { rsi_by_symbol: own, ..Settings::oversold_bounce().simple() }.build(&other());
    let got = rule.threshold(SymbolId(0), Trend::Bullish, Momentum::Strong);
    assert_eq!(got, Some((Side::Long, 33.0)), "a symbol's own goes before it");
}

#[test]
fn a_simple_form_has_fixed_distances() {
    let context = Readings { ema21: Some(98.0), ema50: Some(99.0), ema200: Some(100.0), ..Readings::NONE };
    let (bounce, rip) = (Settings::oversold_bounce().simple(), Settings::short_the_rip().simple());
    let benchmark = Settings { rsi_fixed: 30.0, stop_pct: Some(1.0), ..bounce.clone() };
    for (settings, rsi, atr, want) in [
        (&bounce, 25.0, Some(3.0), Some((Side::Long, 3.0, 1.5))),
        (&bounce, 25.0, Some(0.1), Some((Side::Long, 0.1, 1.5))),
        (&bounce, 25.1, Some(3.0), None),
        (&bounce, 25.0, None, None),
        (&rip, 61.0, Some(2.0), Some((Side::Short, 2.4, 1.2))),
        (&rip, 60.9, Some(2.0), None),
        (&benchmark, 30.0, None, Some((Side::Long, 1.0, 1.5))),
        (&benchmark, 30.1, None, None),
    ] {
        let own = Readings { rsi: Some(rsi), atr, ..Readings::NONE };
        let got = match settings.build(&other()).on_close(&view(&own, &context, Regime::default())) {
            Verdict::Enter(signal) => Some((signal.side, signal.stop_distance, signal.target_distance)),
            _ => None,
        };
        assert_eq!(got, want, "{} {rsi} {atr:?}", settings.name);
    }
}

#[test]
fn the_simple_short_wants_the_averages_in_order_to_the_last_digit() {
    let own = Readings { rsi: Some(61.0), atr: Some(1.0), ..Readings::NONE };
    let order =
        |fast, middle, slow| Readings { ema21: Some(fast), ema50: Some(middle), ema200: Some(slow), ..Readings::NONE };
    for (context, enters) in [
        (order(98.0, 99.0, 100.0), true),
        (order(98.0, 100.0, 100.0), true),
        (order(100.0, 100.0, 100.0), false),
        (order(98.0, 100.01, 100.0), false),
        (Readings::NONE, false),
    ] {
        for strength in [0.0, 0.5, 1.0] {
            let seen = view(&own, &context, regime(Trend::Bullish, Momentum::Strong, strength));
            let verdict = Settings::short_the_rip().simple().build(&other()).on_close(&seen);
            assert_eq!(matches!(verdict, Verdict::Enter(_)), enters, "{context:?} {strength}");
        }
    }
}

#[test]
fn short_the_rip_keeps_its_distances() {
    let context = Readings { ema21: Some(98.0), ema50: Some(99.0), ema200: Some(100.0), ..Readings::NONE };
    for (atr, want) in [(0.2, (0.3, 1.0)), (1.0, (1.5, 3.0)), (4.0, (2.0, 12.0))] {
        let own = Readings { rsi: Some(55.0), atr: Some(atr), ..Readings::NONE };
        let verdict = Settings::short_the_rip().build(&other()).on_close(&view(&own, &context, Regime::default()));
        let Verdict::Enter(signal) = verdict else { panic!("no entry at an ATR of {atr}") };
        let got = (signal.stop_distance, signal.target_distance);
        assert!(
            (got.0 - want.0).abs() < 1e-12 && got.1 == want.1,
            "{got:?}: target 3 ATR, at least 1 %; stop 1.5, at most 2 %"
        );
    }
}
