//! What the synthetic market promises, counted over 20 seeds × 30 days × 3 coins of live 1m candles.

use super::*;
use crate::market::{Fnv, HOUR_MS};
use std::sync::LazyLock;

const SEEDS: std::ops::RangeInclusive<u64> = 1..=20;
const DAYS: usize = 30;

fn symbols(names: &[&str]) -> Vec<Symbol> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn three_coins() -> Vec<Symbol> {
    symbols(&["BTCUSDT", "ETHUSDT", "SOLUSDT"])
}

/// The closes of each coin at the end of each hour: [seed][coin][hour], the first one at [`EPOCH`].
static HOURS: LazyLock<Vec<[Vec<f64>; 3]>> = LazyLock::new(|| SEEDS.map(hours).collect());

fn hours(seed: u64) -> [Vec<f64>; 3] {
    let mut closes = [const { Vec::new() }; 3];
    let end = EPOCH.plus_ms(DAYS as i64 * DAY_MS);
    let market = Market::new(seed, &three_coins()).skip_while(|candle| candle.closes_at() < EPOCH);
    for candle in market.take_while(|candle| candle.closes_at() <= end) {
        if candle.closes_at().0 % HOUR_MS == 0 {
            closes[candle.symbol.index()].push(candle.candle.close);
        }
    }
    closes
}

fn returns(closes: &[f64], every: usize) -> Vec<f64> {
    let closes: Vec<f64> = closes.iter().copied().step_by(every).collect();
    closes.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect()
}

fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, count) = values.into_iter().fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

fn deviation(values: &[f64]) -> f64 {
    let middle = mean(values.iter().copied());
    mean(values.iter().map(|value| (value - middle) * (value - middle))).sqrt()
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let (mean_a, mean_b) = (mean(a.iter().copied()), mean(b.iter().copied()));
    mean(a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b))) / (deviation(a) * deviation(b))
}

fn kurtosis(values: &[f64]) -> f64 {
    let (middle, deviation) = (mean(values.iter().copied()), deviation(values));
    mean(values.iter().map(|value| ((value - middle) / deviation).powi(4)))
}

/// Every coin's value of one figure, in one list: 20 seeds × 3 coins.
fn of_each_coin(figure: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    HOURS.iter().flatten().map(|closes| figure(closes)).collect()
}

#[test]
fn daily_deviation_is_2_to_6_percent() {
    for deviation in of_each_coin(|closes| deviation(&returns(closes, 24))) {
        assert!((0.02..0.06).contains(&deviation), "{deviation}");
    }
}

#[test]
fn tails_are_fat() {
    for coin in 0..3 {
        let all: Vec<f64> = HOURS.iter().flat_map(|coins| returns(&coins[coin], 1)).collect();
        assert!(kurtosis(&all) > 4.0, "coin {coin}: {}", kurtosis(&all));
    }
    let alone = mean(of_each_coin(|closes| kurtosis(&returns(closes, 1))));
    assert!(alone > 3.5, "{alone}");
}

#[test]
fn volatility_comes_in_clusters() {
    let clustering = of_each_coin(|closes| {
        let sizes: Vec<f64> = returns(closes, 1).iter().map(|r| r.abs()).collect();
        correlation(&sizes[1..], &sizes[..sizes.len() - 1])
    });
    assert!(clustering.iter().all(|one| *one > 0.0), "{clustering:?}");
    assert!(mean(clustering.iter().copied()) > 0.1, "{clustering:?}");
}

#[test]
fn coins_correlate_by_0_5_to_0_9() {
    for (seed, coins) in SEEDS.zip(HOURS.iter()) {
        let hourly: Vec<Vec<f64>> = coins.iter().map(|closes| returns(closes, 1)).collect();
        for (a, b) in [(0, 1), (0, 2), (1, 2)] {
            let got = correlation(&hourly[a], &hourly[b]);
            assert!((0.5..0.9).contains(&got), "seed {seed}, coins {a} and {b}: {got}");
        }
    }
}

#[test]
fn there_are_rising_falling_and_flat_weeks() {
    let weeks: Vec<f64> = HOURS.iter().flatten().flat_map(|closes| returns(closes, 7 * 24)).collect();
    let share = |is: fn(&f64) -> bool| weeks.iter().filter(|week| is(week)).count() as f64 / weeks.len() as f64;
    let (rising, falling, flat) =
        (share(|week| *week > 0.05), share(|week| *week < -0.05), share(|week| week.abs() < 0.02));
    assert!(rising > 0.15 && falling > 0.15 && flat > 0.1, "rising {rising}, falling {falling}, flat {flat}");
}

#[test]
fn the_history_ends_near_the_usual_level() {
    for coins in HOURS.iter() {
        for (closes, level) in coins.iter().zip([113_500.0, 3_600.0, 165.0]) {
            assert!((0.7..1.4).contains(&(closes[0] / level)), "{} of {level}", closes[0]);
        }
    }
}

#[test]
fn a_price_stays_within_a_factor_of_4_of_its_level_for_years() {
    let (sol, level) = ("SOLUSDT".parse().unwrap(), 165.0);
    for seed in 1..=6 {
        for candle in Market::candles(seed, &sol, Timeframe::D1, EPOCH).take(3 * 365) {
            assert!(candle.low > level / 4.0 && candle.high < level * 4.0, "seed {seed}: {candle:?}");
        }
    }
}

/// Candles of one coin, put together to hours.
fn hourly(candles: impl Iterator<Item = ClosedCandle>) -> Vec<Candle> {
    let mut hours: Vec<Candle> = Vec::new();
    for ClosedCandle { candle, .. } in candles {
        match hours.last_mut() {
            Some(hour) if candle.open_time.0 % HOUR_MS != 0 => hour.absorb(&candle),
            _ => hours.push(candle),
        }
    }
    hours
}

#[test]
fn candles_of_5m_and_1m_follow_one_law() {
    let btc = symbols(&["BTCUSDT"]);
    let [mut coarse, mut fine] = [const { Vec::new() }; 2];
    for seed in 1..=40 {
        let market = || Market::new(seed, &btc);
        coarse.extend(hourly(market().take_while(|candle| candle.timeframe == Timeframe::M5)));
        let live = market().skip_while(|candle| candle.history);
        fine.extend(hourly(live.take_while(|candle| candle.closes_at() <= EPOCH.plus_ms(84 * DAY_MS))));
    }
    let moved = |hour: &Candle| (hour.close / hour.open - 1.0).abs();
    let figures = |hours: &[Candle]| {
        let size = mean(hours.iter().map(moved));
        let range = mean(hours.iter().map(|hour| (hour.high - hour.low) / hour.open));
        [size, range / size, mean(hours.iter().map(|hour| hour.volume))]
    };
    let (coarse, fine) = (figures(&coarse), figures(&fine));
    for (at, name) in ["move", "range over move", "volume"].iter().enumerate() {
        let ratio = coarse[at] / fine[at];
        assert!((ratio - 1.0).abs() < 0.05, "{name}: 5m over 1m is {ratio}");
    }
}

#[test]
fn volume_follows_the_move() {
    let hours = hourly(Market::new(1, &symbols(&["BTCUSDT"])).take(20_000));
    let moves: Vec<f64> = hours.iter().map(|hour| (hour.close / hour.open - 1.0).abs()).collect();
    let volumes: Vec<f64> = hours.iter().map(|hour| hour.volume).collect();
    assert!(correlation(&moves, &volumes) > 0.3, "{}", correlation(&moves, &volumes));
}

#[test]
fn history_is_5m_then_1m_and_candles_join_without_a_hole() {
    let coins = symbols(&["BTCUSDT", "TRXUSDT", "ZZZUSDT"]);
    let mut last: [Option<ClosedCandle>; 3] = [None; 3];
    let mut before = (EPOCH.plus_ms(-HISTORY_MS), SymbolId(2));
    for closed in Market::new(7, &coins).take(90_000) {
        let ClosedCandle { symbol, timeframe, candle, history } = closed;
        assert_eq!(candle.check(), Ok(()));
        assert!(candle.volume > 0.0);
        assert_eq!(timeframe == Timeframe::M5, candle.open_time < EPOCH.plus_ms(-FINE_HISTORY_MS));
        assert_eq!(history, closed.closes_at() <= EPOCH);
        assert!((closed.closes_at(), symbol) > before, "order of time, then of symbol");
        before = (closed.closes_at(), symbol);
        match last[symbol.index()].replace(closed) {
            Some(last) => assert_eq!((last.closes_at(), last.candle.close), (candle.open_time, candle.open)),
            None => assert_eq!(candle.open_time, EPOCH.plus_ms(-HISTORY_MS)),
        }
    }
    assert!(last.iter().all(|candle| candle.is_some_and(|candle| !candle.history)));
}

#[test]
fn a_seed_names_one_market() {
    let start = |seed| Market::new(seed, &three_coins()).take(3_000).collect::<Vec<_>>();
    assert_eq!(start(1), start(1));
    assert_ne!(start(1), start(2));
}

#[test]
fn the_market_of_seed_1_is_the_same_on_every_platform() {
    let mut hash = Fnv::default();
    Market::new(1, &three_coins()).take(90_000).for_each(|candle| hash.add(&candle));
    assert_eq!(hash.value(), 4_742_842_848_935_360_579);
}

#[test]
fn a_path_does_not_depend_on_the_other_symbols() {
    let path = |names: &[&str]| -> Vec<Candle> {
        let id = names.iter().position(|name| *name == "ETHUSDT").unwrap();
        let market = Market::new(3, &symbols(names));
        market.filter(|closed| closed.symbol.index() == id).map(|closed| closed.candle).take(2_000).collect()
    };
    let alone = path(&["ETHUSDT"]);
    assert_eq!(alone, path(&["BTCUSDT", "ETHUSDT", "SOLUSDT"]));
    assert_eq!(alone, path(&["ZZZUSDT", "SOLUSDT", "ETHUSDT"]));
}

#[test]
fn timeframes_of_one_seed_tell_one_story() {
    let btc = "BTCUSDT".parse().unwrap();
    let from = EPOCH.plus_ms(90 * MINUTE_MS);
    let minutes: Vec<Candle> = Market::candles(5, &btc, Timeframe::M1, EPOCH).take(480).collect();
    for timeframe in [Timeframe::M3, Timeframe::M5, Timeframe::H1, Timeframe::H4] {
        let length = (timeframe.ms() / MINUTE_MS) as usize;
        let candles: Vec<Candle> = Market::candles(5, &btc, timeframe, EPOCH).take(480 / length).collect();
        for (candle, minutes) in candles.iter().zip(minutes.chunks(length)) {
            let whole = minutes.iter().copied().reduce(|mut whole, next| {
                whole.absorb(&next);
                whole
            });
            assert_eq!(Some(*candle), whole, "{timeframe}");
        }
    }
    let rounded = Market::candles(5, &btc, Timeframe::H1, from).next().unwrap();
    assert_eq!((rounded.open_time, rounded.open), (EPOCH.plus_ms(HOUR_MS), 113_500.0));
}

#[test]
fn memory_stays_as_it_was() {
    // A coin that is `Copy` owns no memory, so the list of coins is all there is.
    fn owns_nothing<T: Copy>() {}
    owns_nothing::<Coin>();
    let mut market = Market::new(1, &three_coins());
    let room = market.coins.capacity();
    assert!(market.by_ref().take(100_000).count() == 100_000 && market.coins.capacity() == room);
    assert_eq!(Market::new(1, &[]).next(), None);
}
