//! Each row states a rule.

use super::*;
use crate::market::{Candle, SymbolId, Timestamp};

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
        let got = rule.threshold(&view(&nothing, &nothing, regime(trend, momentum, 0.0)));
        assert_eq!(got, want, "{} {trend:?} {momentum:?}", settings.name);
    }
}

#[test]
fn a_symbols_own_threshold_replaces_the_rule() {
    let symbols: Vec<Symbol> = ["ETHUSDT".parse().unwrap()].into();
    let rule = Settings::short_the_rip().build(&symbols);
    let nothing = Readings::default();
    assert_eq!(rule.threshold(&view(&nothing, &nothing, regime(Trend::Bullish, Momentum::Strong, 1.0))), 50.0);
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
        (Readings { atr: None, ..own }, Verdict::NotWarm(Missing::Atr)),
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
    assert_eq!(rule.on_close(&view(&own, &nothing, Regime::default())), Verdict::NotWarm(Missing::Ema200));
    let low = Readings { rsi: Some(54.9), ..own };
    assert_eq!(rule.on_close(&view(&low, &order(1.0, 2.0, 3.0), Regime::default())), Verdict::Wait);
}
