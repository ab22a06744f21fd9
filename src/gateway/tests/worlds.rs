//! Worlds by seed: which faults there are, when and how often is drawn; what must hold, holds in all of them.

use super::*;

/// How long faults come, and how long it may take after the last one (L).
const FAULTS_MS: i64 = 480_000;
const CONVERGE_MS: i64 = 120_000;
/// Worlds of one test.
const WORLDS: u64 = 150;

fn draw(seed: u64) -> Vec<(i64, i64, Fault)> {
    let mut random = Jitter::new(seed);
    let kinds = [
        Fault::Dead,
        Fault::Silent(PUBLIC),
        Fault::Silent(MARKET),
        Fault::NoSockets,
        Fault::Lossy(10),
        Fault::Garbled(20),
        Fault::Absurd,
        Fault::Hang,
        Fault::Fails(FailureClass::NotNow),
        Fault::Fails(FailureClass::Unknown),
        Fault::Fails(FailureClass::Clock),
        Fault::Fails(FailureClass::Forbidden),
        Fault::Html,
        Fault::Replica(4_000),
        Fault::Throttled { banned: false },
        Fault::Throttled { banned: true },
        Fault::Quiet,
        Fault::ClockStep(3_000),
        Fault::ClockStep(-2_500),
        Fault::StandsStill { clock: false },
        Fault::StandsStill { clock: true },
    ];
    let count = if seed.is_multiple_of(10) { 0 } else { 1 + random.up_to(6) };
    let mut faults = Vec::new();
    for _ in 0..count {
        let fault = kinds[usize::try_from(random.up_to(kinds.len() as i64 - 1)).unwrap()];
        let from = random.up_to(FAULTS_MS);
        let long = if random.up_to(2) == 0 { 200_000 } else { 40_000 };
        faults.push((from, (from + 1_000 + random.up_to(long)).min(FAULTS_MS + 1), fault));
    }
    // standing still in the midst of standing still is one
    let mut still = false;
    faults.retain(|(.., fault)| !matches!(fault, Fault::StandsStill { .. }) || !std::mem::replace(&mut still, true));
    faults
}

fn world(seed: u64) -> World {
    let coins = 1 + (seed % 3) as usize;
    let limit = if seed.is_multiple_of(4) { 100 } else { 2400 };
    let codec = Codec { limit, most: 200, heartbeat: seed.is_multiple_of(3), ..Codec::new() };
    let codec = if seed.is_multiple_of(5) { Codec { longest_ms: 240_000, ..codec } } else { codec };
    let mut world = World::new(super::world::settings(coins, seed), codec, draw(seed));
    let end = (world.calm_from() - START).max(FAULTS_MS) + CONVERGE_MS;
    world.run(end);
    world
}

/// Everything that came is what the exchange has, and nothing is missing.
fn converged(world: &World, seed: u64) {
    let clock = world.venue.clock(world.now);
    for index in 0..world.symbols() {
        let symbol = SymbolId(index as u16);
        let candles = &world.watch.candles[index];
        assert_eq!(world.watch.feeds[index], Some(FeedState::Live), "seed {seed}: {:?}", world.gateway.view());
        let last = candles.last().map(|candle| candle.open_time.plus_ms(MINUTE_MS));
        assert!(last.is_some_and(|last| clock.since_ms(last) <= MINUTE_MS + 15_000), "seed {seed}: late, {last:?}");
        for candle in candles {
            let truth = world.venue.truth(symbol, candle.open_time.0);
            assert!(truth.is_none_or(|truth| truth == *candle), "seed {seed}: {candle:?} is {truth:?}");
        }
    }
    assert!(world.venue.heaviest <= world.venue.limit * 8 / 10, "seed {seed}: S12: {}", world.venue.heaviest);
    let turns = world.wakes * 1000 / (world.now - START) as u64;
    assert!(turns < 30, "seed {seed}: {turns} wakes a second");
}

fn run(from: u64) {
    let mut faults = std::collections::BTreeSet::new();
    for seed in from..from + WORLDS {
        println!("seed {seed}");
        let world = world(seed);
        converged(&world, seed);
        faults.extend(world.watch.faults.iter().cloned());
        if seed.is_multiple_of(50) {
            assert_eq!(super::worlds::world(seed).watch.hash, world.watch.hash, "S14: seed {seed}");
        }
        if seed.is_multiple_of(10) {
            calm(&world, seed);
        }
    }
    assert_eq!(faults.len(), 14, "{faults:?}");
}

/// Without a fault everything comes by stream, and nothing is in doubt.
fn calm(world: &World, seed: u64) {
    let view = world.gateway.view();
    assert!(view.candles.streamed > 5 * world.symbols() as u64, "seed {seed}: {view:?}");
    assert!(view.candles.asked <= 3 * world.symbols() as u64, "seed {seed}: {view:?}");
    assert_eq!((view.candles.flat, view.garbled, view.rest.failures), (0, 0, 0), "seed {seed}");
    let said =
        |state| world.watch.news.iter().filter(move |(.., news)| matches!(news, News::Feed(_, said) if *said == state));
    assert_eq!(said(FeedState::Live).count(), world.symbols(), "seed {seed}: live once, and for good");
}

#[test]
fn whatever_happens_every_candle_comes_once_and_in_order() {
    run(0);
}

#[test]
fn whatever_happens_every_candle_comes_once_and_in_order_too() {
    run(1_000);
}
