//! How fast candles walk through engine and trader, and what they allocate, beside a loop written by hand in the same run.
//!
//! `cargo bench --bench engine` prints Markdown tables. It asserts nothing: budgets stand in the tables beside the figures. Times are this
//! thread's own processor time, the best of a few runs, so that a busy machine shows in the spread and not in the figure.

mod common;

use common::{allocations, drive, machine, rate};
use smolbear::{
    config::Config,
    engine::{Engine, Event},
    market::{ClosedCandle, PriceBar, SymbolId, Timeframe, Timestamp},
    simulation::prices::{EPOCH, Market},
    strategies,
    trader::Trader,
};
use std::hint::black_box;

/// Candles of a measurement: two years of one symbol's minutes, and as many of three symbols together.
const CANDLES: usize = 1_000_000;
/// The best of so many runs counts.
const RUNS: usize = 5;

/// One row of the table.
struct Row {
    what: &'static str,
    /// Events a second, in millions: the best run and the worst.
    millions: [f64; 2],
    /// Allocations of one run, and its events.
    allocations: u64,
    events: usize,
    budget: &'static str,
}

fn main() {
    let one = minutes(&["BTCUSDT"]);
    let three = minutes(&["BTCUSDT", "ETHUSDT", "SOLUSDT"]);
    let history: Vec<_> = one.iter().map(|candle| ClosedCandle { history: true, ..*candle }).collect();
    let rows = [
        measure("loop by hand: EMA(21) and RSI(14) of 1m closes", "", || &one, by_hand),
        measure(
            "engine, 1 symbol, history: one strategy on 1m, and the regime",
            "",
            || &history,
            |candles| engine(&minute(1), candles),
        ),
        measure(
            "engine, 1 symbol: one strategy on 30m, and the regime",
            "20",
            || &one,
            |candles| engine(&single(1), candles),
        ),
        measure(
            "engine, 1 symbol: both strategies, all five timeframes",
            "10",
            || &one,
            |candles| engine(&five(1), candles),
        ),
        measure(
            "engine, 3 symbols: both default strategies",
            "",
            || &three,
            |candles| engine(&Config::default(), candles),
        ),
        measure(
            "engine, 3 symbols: both strategies, all five timeframes",
            "10",
            || &three,
            |candles| engine(&five(3), candles),
        ),
        measure(
            "trader with matching, 1 symbol: both default strategies",
            "",
            || &one,
            |candles| trader(&symbols(1), candles).1,
        ),
        measure(
            "trader with matching, 3 symbols: both default strategies",
            "",
            || &three,
            |candles| trader(&Config::default(), candles).1,
        ),
        measure(
            "trader with matching, 3 symbols: all five timeframes",
            "",
            || &three,
            |candles| trader(&five(3), candles).1,
        ),
    ];
    println!("{}, best of {RUNS} runs of {CANDLES} candles:\n", machine());
    println!("| candles | million a second (worst run) | aim | over the loop by hand | allocations an event |");
    println!("|---|---|---|---|---|");
    for row in &rows {
        let [best, worst] = row.millions;
        let times = best / rows[0].millions[0];
        let allocations = row.allocations as f64 / row.events as f64;
        println!("| {} | {best:.1} ({worst:.1}) | {} | {times:.2} | {allocations:.5} |", row.what, row.budget);
    }
    println!("\n| price events, 3 symbols | million a second | allocations an event (aim 0) |");
    println!("|---|---|---|");
    prices(&three);
}

/// The minutes of a made-up market, none of it history.
fn minutes(names: &[&str]) -> Vec<ClosedCandle> {
    let symbols: Vec<_> = names.iter().map(|name| name.parse().expect("a symbol")).collect();
    Market::new(1, &symbols).filter(|candle| !candle.history).take(CANDLES).collect()
}

/// The first symbols of the default.
fn symbols(count: usize) -> Config {
    let mut config = Config::default();
    config.symbols.truncate(count);
    config
}

/// One strategy on 30m candles.
fn single(count: usize) -> Config {
    Config { strategies: vec![strategies::Settings::oversold_bounce()], ..symbols(count) }
}

/// One strategy on 1m candles.
fn minute(count: usize) -> Config {
    let mut config = single(count);
    config.strategies[0].timeframe = Timeframe::M1;
    config
}

/// Both strategies; with the regime's timeframes there are candles of 1m, 5m, 30m, 1h and 4h.
fn five(count: usize) -> Config {
    let mut config = symbols(count);
    (config.strategies[0].timeframe, config.strategies[0].context) = (Timeframe::M1, Timeframe::M5);
    config
}

/// Runs `work` a few times over the candles, and once more for the allocations.
fn measure<'a>(
    what: &'static str,
    budget: &'static str,
    candles: impl Fn() -> &'a Vec<ClosedCandle>,
    work: impl Fn(&[ClosedCandle]) -> u64,
) -> Row {
    let candles = candles();
    let mut rates: Vec<f64> = (0..RUNS).map(|_| rate(candles.len(), || work(candles))).collect();
    rates.sort_by(f64::total_cmp);
    let before = allocations();
    black_box(work(candles));
    let allocations = allocations() - before;
    Row { what, millions: [rates[RUNS - 1], rates[0]], allocations, events: candles.len(), budget }
}

/// What a program would cost that did nothing else.
fn by_hand(candles: &[ClosedCandle]) -> u64 {
    let (mut ema, mut gain, mut loss, mut last) = (candles[0].candle.close, 0.0, 0.0, candles[0].candle.close);
    let mut entries = 0;
    for closed in candles {
        let close = closed.candle.close;
        let change = close - last;
        ema += (close - ema) * (2.0 / 22.0);
        gain += (change.max(0.0) - gain) * (1.0 / 14.0);
        loss += ((-change).max(0.0) - loss) * (1.0 / 14.0);
        last = close;
        entries += u64::from(100.0 * gain < 30.0 * (gain + loss) && close < ema);
    }
    entries
}

fn engine(config: &Config, candles: &[ClosedCandle]) -> u64 {
    let mut engine = Engine::new(config.engine_settings(instruments(config)));
    let mut actions = Vec::new();
    let mut count = 0;
    for candle in candles {
        engine.handle(candle.closes_at(), &Event::Candle(*candle), &mut actions);
        count += actions.drain(..).count() as u64;
    }
    count
}

fn instruments(config: &Config) -> Vec<smolbear::market::Instrument> {
    config.instruments_for(&config.symbols).expect("every symbol is known")
}

/// Drives a trader as the program's loop does, without a look at each event.
fn trader(config: &Config, candles: &[ClosedCandle]) -> (Trader, u64) {
    let venue = config.matching_settings(instruments(config));
    let mut trader = Trader::on_paper(config.engine_settings(instruments(config)), venue);
    drive(&mut trader, candles);
    let fills = trader.tally().fills;
    (trader, fills)
}

/// Price events between candles: a price that stands nearly still, so that what is counted is the steady state.
fn prices(candles: &[ClosedCandle]) {
    let config = Config::default();
    let position = |count: usize| {
        let enough = (1_000..candles.len())
            .find(|end| trader(&config, &candles[..*end]).0.engine().positions().count() == count);
        trader(&config, &candles[..enough.expect("a moment with so many positions")]).0
    };
    for open in [0, 1] {
        let mut trader = position(open);
        let (mut at, mut actions) = (trader.engine().outlook(SymbolId(0)).seen_at.unwrap_or(EPOCH), Vec::new());
        let marks = [0, 1, 2].map(|index| trader.engine().mark(SymbolId(index)));
        let mut run = |events: usize| {
            for number in 0..events {
                let (symbol, last) = (SymbolId((number % 3) as u16), marks[number % 3]);
                at = Timestamp(at.0 + 1);
                let bar = PriceBar { symbol, last, low: last, high: last, bid: last, ask: last, at };
                trader.turn(at, &Event::Price(bar), &mut actions);
            }
            actions.len() as u64
        };
        run(1_000);
        let before = allocations();
        let millions = rate(CANDLES, || run(CANDLES));
        let allocations = allocations() - before;
        println!("| {open} open | {millions:.1} | {:.6} |", allocations as f64 / CANDLES as f64);
    }
}
