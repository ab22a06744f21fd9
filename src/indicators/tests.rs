//! Each indicator against its definition written down naively, and at the ends of what prices can be.

use super::*;
use crate::market::{Candle, PRICES, Timestamp};
use proptest::prelude::*;

/// The average of the first `n`, then each step a part `weight` of the way to the next value.
fn smoothed(values: &[f64], n: usize, weight: f64) -> Vec<Option<f64>> {
    let mut all = vec![None; values.len()];
    for at in n.saturating_sub(1)..values.len() {
        all[at] = Some(match at.checked_sub(1).and_then(|before| all[before]) {
            None => values[..n].iter().sum::<f64>() / n as f64,
            Some(before) => before * (1.0 - weight) + values[at] * weight,
        });
    }
    all
}

fn naive_rsi(closes: &[f64], n: usize) -> Vec<Option<f64>> {
    let changes: Vec<f64> = closes.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let part = |sign: f64| changes.iter().map(|change| (sign * change).max(0.0)).collect::<Vec<_>>();
    let [gains, losses] = [1.0, -1.0].map(|sign| smoothed(&part(sign), n, 1.0 / n as f64));
    let rsi = gains.iter().zip(&losses).map(|pair| match pair {
        (Some(0.0), Some(0.0)) => Some(50.0),
        (Some(gain), Some(loss)) => Some(100.0 - 100.0 / (1.0 + gain / loss)),
        _ => None,
    });
    std::iter::once(None).chain(rsi).take(closes.len()).collect()
}

fn naive_atr(candles: &[Candle], n: usize) -> Vec<Option<f64>> {
    let range = |pair: &[Candle]| {
        let (last, now) = (pair[0].close, pair[1]);
        [now.high - now.low, (now.high - last).abs(), (now.low - last).abs()].into_iter().fold(0.0, f64::max)
    };
    let ranges: Vec<f64> = candles.windows(2).map(range).collect();
    std::iter::once(None).chain(smoothed(&ranges, n, 1.0 / n as f64)).take(candles.len()).collect()
}

/// What `value` makes of the last `n` values.
fn over(values: &[f64], n: usize, value: impl Fn(&[f64]) -> f64) -> Vec<Option<f64>> {
    let last = |at: usize| (at + 1).checked_sub(n).map(|from| value(&values[from..=at]));
    (0..values.len()).map(last).collect()
}

fn naive_rank(last: &[f64]) -> f64 {
    let (newest, others) = last.split_last().unwrap();
    let share = |other: &f64| {
        if other < newest {
            1.0
        } else if other == newest {
            0.5
        } else {
            0.0
        }
    };
    others.iter().map(share).sum::<f64>() / others.len() as f64
}

/// Divided by their number.
fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

fn naive_deviation(values: &[f64]) -> f64 {
    let middle = mean(values.iter().copied());
    mean(values.iter().map(|value| (value - middle) * (value - middle))).sqrt()
}

fn naive_correlation(pairs: &[(f64, f64)]) -> f64 {
    let (one, other): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
    let (middle, center) = (mean(one.iter().copied()), mean(other.iter().copied()));
    let together = mean(pairs.iter().map(|(one, other)| (one - middle) * (other - center)));
    together / (naive_deviation(&one) * naive_deviation(&other))
}

fn alike(got: &[Option<f64>], want: &[Option<f64>], scale: f64) {
    assert_eq!(got.len(), want.len());
    for (at, pair) in got.iter().zip(want).enumerate() {
        match pair {
            (Some(got), Some(want)) => assert!((got - want).abs() <= 1e-9 * scale, "{at}: {got}, not {want}"),
            (None, None) => {}
            _ => panic!("{at}: {pair:?}"),
        }
    }
}

fn candle([open, close, up, down]: [f64; 4]) -> Candle {
    let (high, low) = (open.max(close) * (1.0 + up), open.min(close) * (1.0 - down));
    Candle { open_time: Timestamp(0), open, high, low, close, volume: 1.0 }
}

/// Candles around 100, with gaps between them.
fn candles() -> impl Strategy<Value = Vec<Candle>> {
    let one = [80.0..120.0, 80.0..120.0, 0.0..0.1, 0.0..0.1];
    prop::collection::vec(one.prop_map(candle), 0..120)
}

/// The ends of what a price can be, near and far from each other, and the same again and again.
fn extreme() -> impl Strategy<Value = f64> {
    prop_oneof![Just(1e-10), Just(1e-8), Just(1.0), Just(1e8), Just(1e9), PRICES, 1.0..1.0000001]
}

/// Runs of them.
fn extremes() -> impl Strategy<Value = Vec<f64>> {
    let run = (extreme(), 1usize..400).prop_map(|(price, count)| vec![price; count]);
    prop::collection::vec(run, 1..8).prop_map(|runs| runs.concat())
}

proptest! {
    #[test]
    fn each_equals_its_definition(candles in candles(), n in 1u32..30) {
        let closes: Vec<f64> = candles.iter().map(|candle| candle.close).collect();
        let period = n as usize;
        let (mut rsi, mut atr, mut ema, mut sma) = (Rsi::new(n), Atr::new(n), Ema::new(n), Sma::new(n));
        let (mut change, mut rank) = (Change::new(n), Rank::new(n.max(2)));
        let of = |each: &mut dyn FnMut(&Candle) -> Option<f64>| candles.iter().map(each).collect::<Vec<_>>();
        alike(&of(&mut |candle| rsi.update(candle.close)), &naive_rsi(&closes, period), 100.0);
        alike(&of(&mut |candle| atr.update(candle)), &naive_atr(&candles, period), 100.0);
        let want = smoothed(&closes, period, 2.0 / (f64::from(n) + 1.0));
        alike(&of(&mut |candle| ema.update(candle.close)), &want, 100.0);
        let want = over(&closes, period, |last| last.iter().sum::<f64>() / last.len() as f64);
        alike(&of(&mut |candle| sma.update(candle.close)), &want, 100.0);
        let want = over(&closes, period, |last| last[last.len() - 1] / last[0] - 1.0);
        alike(&of(&mut |candle| change.update(candle.close)), &want, 1.0);
        let want = over(&closes, period.max(2), naive_rank);
        alike(&of(&mut |candle| rank.update(candle.close)), &want, 1.0);
    }

    #[test]
    fn extremes_give_numbers_within_their_bounds(closes in extremes()) {
        let (mut rsi, mut atr, mut ema) = (Rsi::new(14), Atr::new(14), Ema::new(21));
        let (mut sma, mut change, mut slope, mut rank) = (Sma::new(9), Change::new(10), Change::new(20), Rank::new(100));
        let (least, most) = closes.iter().fold((f64::MAX, 0.0f64), |(l, m), c| (l.min(*c), m.max(*c)));
        for close in closes {
            let flat = Candle { open_time: Timestamp(0), open: close, high: close, low: close, close, volume: 0.0 };
            if let Some(range) = atr.update(&flat) {
                prop_assert!((0.0..=most).contains(&range), "ATR {range}");
                let among = rank.update(range);
                prop_assert!(among.is_none_or(|rank| (0.0..=1.0).contains(&rank)), "rank {among:?}");
            }
            prop_assert!(rsi.update(close).is_none_or(|rsi| (0.0..=100.0).contains(&rsi)), "RSI {:?}", rsi.value());
            let slack = 1e-9 * most;
            let between = |ema: f64| least - slack <= ema && ema <= most + slack;
            prop_assert!(ema.update(close).is_none_or(between), "EMA {:?}", ema.value());
            prop_assert!(sma.update(close).is_none_or(|mean| mean > 0.0 && mean <= most + slack));
            let ways = [change.update(close), ema.value().and_then(|average| slope.update(average))];
            prop_assert!(ways.iter().flatten().all(|change| change.is_finite() && *change >= -1.0), "{ways:?}");
        }
    }
    #[test]
    fn a_deviation_equals_its_definition(runs in prop::collection::vec((extreme(), 1usize..20), 1..12), stored in 0usize..100) {
        let values: Vec<f64> = runs.iter().flat_map(|(value, count)| vec![*value; *count]).collect();
        let mut deviation = Deviation::new(7);
        for (at, value) in values.iter().enumerate() {
            let got = deviation.update(*value);
            prop_assert_eq!(got.is_some(), at >= 6);
            if let Some(got) = got {
                let last = &values[at - 6..=at];
                let want = naive_deviation(last);
                let scale = last.iter().fold(0.0f64, |most, value| most.max(*value));
                prop_assert!((got - want).abs() <= 1e-12 * scale, "{} at {}, not {}", got, at, want);
                prop_assert!(got == 0.0 || last.iter().any(|value| *value != last[0]), "equal values");
            }
            if at == stored {
                let text = serde_json::to_string(&deviation).unwrap();
                deviation = serde_json::from_str(&text).unwrap();
            }
        }
        let mut whole = Deviation::new(7);
        values.iter().for_each(|value| _ = whole.update(*value));
        prop_assert_eq!(whole.value(), deviation.value(), "stored after {}", stored);
    }

    #[test]
    fn a_correlation_equals_its_definition(
        pairs in prop::collection::vec((-1.0..1.0, -1.0..1.0), 0..60), scales in [extreme(), extreme()], part in 0.0..1.0,
    ) {
        let pairs: Vec<_> = pairs.iter().map(|(one, own): &(f64, f64)| (scales[0] * one, scales[1] * (part * one + (1.0 - part) * own))).collect();
        let mut correlation = Correlation::new(9);
        for (at, (one, other)) in pairs.iter().enumerate() {
            if let Some(got) = correlation.update(*one, *other) {
                let want = naive_correlation(&pairs[at - 8..=at]);
                prop_assert!((got - want).abs() <= 1e-9, "{} at {}, not {}", got, at, want);
                prop_assert!((-1.0..=1.0).contains(&got));
            } else {
                prop_assert!(at < 8);
            }
        }
    }
}

#[test]
fn a_deviation_that_was_stored_wrongly_is_refused() {
    for text in [
        r#"{"period":2,"values":[1,2,3],"old":0}"#,
        r#"{"period":2,"values":[1],"old":1}"#,
        r#"{"period":2,"values":[1,2],"old":2}"#,
        r#"{"period":0,"values":[],"old":0}"#,
        r#"{"period":10001,"values":[],"old":0}"#,
    ] {
        assert!(serde_json::from_str::<Deviation>(text).is_err(), "{text}");
    }
}
