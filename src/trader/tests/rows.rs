//! Candles that are taken several at once lead to what they lead to one after the other.

use super::*;
use crate::{engine::Sizing, market::Symbol, simulation::prices::Market};
use proptest::prelude::*;

/// What one trades by, and which candles it is told.
#[derive(Debug, Clone)]
struct Case {
    seed: u64,
    symbols: usize,
    timeframes: [Timeframe; 2],
    trailing: bool,
    participation_pct: f64,
    /// Of a thousand candles so many are missing.
    missing: u64,
}

fn case() -> impl Strategy<Value = Case> {
    let timeframe = || prop::sample::select(vec![Timeframe::M1, Timeframe::M5, Timeframe::M30]);
    let market = (any::<u64>(), prop_oneof![3 => Just(1usize), 1 => Just(2)], prop_oneof![Just(0u64), 1u64..50]);
    let rules = (timeframe(), timeframe(), any::<bool>(), prop_oneof![Just(0.0), Just(5.0)]);
    (market, rules).prop_map(|((seed, symbols, missing), (one, other, trailing, participation_pct))| Case {
        seed,
        symbols,
        timeframes: [one, other],
        trailing,
        participation_pct,
        missing,
    })
}

impl Case {
    fn names(&self) -> Vec<Symbol> {
        ["BTCUSDT", "ETHUSDT"][..self.symbols].iter().map(|name| name.parse().unwrap()).collect()
    }

    fn trader(&self) -> Trader {
        let instruments: Vec<_> = self.names().iter().map(|symbol| known_instrument(symbol).unwrap()).collect();
        let mut strategies = strategies::Settings::defaults();
        for (rule, timeframe) in strategies.iter_mut().zip(self.timeframes) {
            (rule.timeframe, rule.context) = (timeframe, Timeframe::M5);
        }
        let capital = Decimal::from(100_000);
        let risk = Risk { max_trades_per_day: u32::MAX, sizing: Sizing::Risk, ..Risk::default() };
        let exits = Exits { trailing: self.trailing, ..Exits::default() };
        let max_participation_pct = self.participation_pct;
        let venue = matching::Settings {
            instruments: instruments.clone(),
            capital,
            max_participation_pct,
            ..Default::default()
        };
        let gate = Gate::default();
        Trader::on_paper(Settings { instruments, capital, strategies, require_warm: false, risk, exits, gate }, venue)
    }

    fn candles(&self) -> Vec<ClosedCandle> {
        let is_there = |(number, _): &(u64, ClosedCandle)| number * 7919 % 1000 >= self.missing;
        let market = Market::new(self.seed, &self.names()).filter(|candle| !candle.history);
        (0..).zip(market).filter(is_there).map(|(_, candle)| candle).take(6_000).collect()
    }
}

/// What a trader asks for that is told at most so many candles at once, and how many it took as parts of a row.
fn told(trader: &mut Trader, candles: &[ClosedCandle], lengths: &[usize]) -> (Vec<Action>, usize) {
    let (mut latest, mut actions, mut in_rows) = (Timestamp(i64::MIN), Vec::new(), 0);
    let (mut rest, mut lengths) = (candles, lengths.iter().cycle());
    while let Some(first) = rest.first() {
        let at = first.closes_at().max(latest);
        while let Some(due) = trader.due_before(latest, at) {
            latest = due;
            trader.turn(due, &Event::Wake, &mut actions);
        }
        let length = lengths.next().map_or(1, |length| (*length).min(rest.len()));
        let count = trader.turn_candles(at, &rest[..length], Timestamp::NEVER, &mut actions);
        latest = rest[count - 1].closes_at().max(at);
        in_rows += if count > 1 { count } else { 0 };
        rest = &rest[count..];
        trader.check();
    }
    (actions, in_rows)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn candles_in_a_row_lead_to_what_each_of_them_leads_to(case in case(), lengths in prop::collection::vec(1usize..80, 1..20)) {
        let (mut one_by_one, mut in_rows) = (case.trader(), case.trader());
        let candles = case.candles();
        let (want, alone) = told(&mut one_by_one, &candles, &[1]);
        let (got, together) = told(&mut in_rows, &candles, &lengths);
        prop_assert_eq!(alone, 0);
        prop_assert!(together > candles.len() / 10 || case.symbols > 1 || lengths.iter().all(|length| *length < 9), "{}", together);
        prop_assert!(got == want, "{} actions, {} of them wanted", got.len(), want.len());
        prop_assert!(in_rows.picture() == one_by_one.picture());
    }
}
