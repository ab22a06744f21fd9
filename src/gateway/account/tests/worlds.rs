//! Worlds from seeds: random wishes and random faults for a while, then calm. In the end what was told is what was done.

use super::*;

/// Worlds.
const SEEDS: u64 = 200;
/// Faults last so long, in steps of about a second.
const STEPS: i64 = 60;
/// L, in ms.
const CALM_MS: i64 = 120_000;

/// What a world met, so that no fault is idle.
#[derive(Debug, Default)]
struct Met {
    fates: BTreeMap<String, u32>,
    troubles: BTreeMap<&'static str, u32>,
    doubts: u64,
    absent: usize,
    proven_in_calm: usize,
}

fn is_any(_: &Wish) -> bool {
    true
}

const fn is_order(wish: &Wish) -> bool {
    matches!(wish, Wish::Place(_) | Wish::Cancel(_))
}

fn fate(world: &mut World) -> Fate {
    use FailureClass::{Banned, Clock, NotNow, TooMany, Unknown};
    let pause_ms = 1_000 + world.random.up_to(20_000);
    match world.random.up_to(15) {
        0 => Fate::NotSent,
        1 | 2 => Fate::Lost,
        3..=5 => Fate::AnswerLost,
        6 => Fate::Late(100 + world.random.up_to(1_500)),
        7 => Fate::Late(2_000 + world.random.up_to(1_900)),
        8 => Fate::Late(4_000 + world.random.up_to(3_000)),
        9 => Fate::Fails(Unknown, 503, true),
        10 => Fate::Fails(Unknown, -1007, false),
        11 => Fate::Fails(NotNow, -1008, false),
        12 => Fate::Fails(Clock, -1021, false),
        13 => Fate::Fails(TooMany { pause_ms }, -1015, false),
        14 => Fate::Fails(Banned { until: None }, -1003, false),
        _ => Fate::Html,
    }
}

fn trouble(world: &mut World, met: &mut Met) {
    let what = match world.random.up_to(9) {
        0 => {
            world.trouble.deaf = !world.trouble.deaf;
            "deaf"
        }
        1 => {
            world.trouble.jumbled = 60 - world.trouble.jumbled;
            "jumbled"
        }
        2 => {
            world.trouble.no_sockets = !world.trouble.no_sockets;
            "no sockets"
        }
        3 => {
            world.cut();
            "cut"
        }
        4 => {
            world.expire_key();
            "expired"
        }
        5 => {
            world.tell(Input::StoodStill);
            "stood still"
        }
        6 => {
            world.house.replica_ms = world.random.up_to(2_500);
            "old copies"
        }
        7 => {
            world.house.triggering_ms = world.random.up_to(8_000);
            "hangs in triggering"
        }
        8 => {
            world.tell(Input::Reconcile);
            "reconcile"
        }
        _ => {
            world.restart();
            "restart"
        }
    };
    *met.troubles.entry(what).or_default() += 1;
}

/// Something that an engine, the market or a hand does.
fn deed(world: &mut World, hands: bool) {
    let qty = 1 + world.random.up_to(8);
    let live: Vec<ClientId> = world.desk.live().map(|order| order.request.id).collect();
    let some = |world: &mut World, of: &[ClientId]| {
        let at = world.random.up_to(i64::try_from(of.len()).unwrap() - 1);
        of[usize::try_from(at).unwrap()]
    };
    let open = |order: &&house::Theirs| order.status == Status::Open;
    let of_kind = |world: &World, conditional| {
        let open = world.house.orders.iter().filter(open);
        let ids = open.filter(|order| order.request.kind.is_conditional() == conditional).filter_map(house::Theirs::id);
        ids.collect::<Vec<ClientId>>()
    };
    match world.random.up_to(12) {
        0 | 1 => _ = world.entry(qty),
        2 => _ = world.limit(qty),
        3 | 4 => _ = world.stop(qty),
        5 => _ = world.exit(qty),
        6 | 7 if !live.is_empty() => {
            let id = some(world, &live);
            world.cancel(id);
        }
        8 | 9 if !of_kind(world, true).is_empty() => {
            let stops = of_kind(world, true);
            let id = some(world, &stops);
            if world.random.up_to(4) == 0 {
                world.house.expire(id);
            } else {
                world.house.trigger(id);
            }
        }
        10 if !of_kind(world, false).is_empty() => {
            let limits = of_kind(world, false);
            let id = some(world, &limits);
            let at = world.house.find(id).unwrap();
            let left = world.house.orders[at].request.qty - world.house.orders[at].filled;
            world.house.fill(at, Decimal::from(1 + world.random.up_to(3)).min(left));
        }
        11 if hands => world.house.by_hand(SymbolId(0), OrderSide::Sell, Decimal::from(qty)),
        12 if hands => world.house.force(SymbolId(0)),
        _ => {}
    }
}

fn live(seed: u64, met: &mut Met) {
    let mut world = World::new(seed);
    let calm = seed % 10 == 9;
    world.house.names_spawned = seed.is_multiple_of(2);
    world.house.parts = 1 + i64::try_from(seed % 3).unwrap();
    world.run(9_000);
    for _ in 0..STEPS {
        deed(&mut world, seed.is_multiple_of(4));
        if !calm {
            if world.random.up_to(2) == 0 {
                let fate = fate(&mut world);
                *met.fates
                    .entry(format!("{fate:?}").chars().take_while(|c| c.is_alphabetic()).collect())
                    .or_default() += 1;
                let of = if world.random.up_to(3) == 0 { is_any } else { is_order };
                world.fates.push((of, fate));
            }
            if world.random.up_to(7) == 0 {
                trouble(&mut world, met);
            }
        }
        let pause = world.random.up_to(2_000);
        world.run(pause);
    }
    world.fates.clear();
    world.trouble = world::Trouble::default();
    (world.house.replica_ms, world.house.triggering_ms) = (0, 20);
    world.cut(); // what a jumbled stream has lost for good
    world.run(CALM_MS);
    world.desk.settle(&world.house);
    let view = world.gateway.view().account.unwrap();
    assert_eq!(view.unknown, 0, "L1");
    met.doubts += view.doubts;
    met.absent += world.desk.updates.iter().filter(|(_, update)| matches!(update, OrderUpdate::Absent { .. })).count();
    if calm {
        assert_eq!(view.doubts, 0, "{seed}: a doubt in a calm world");
        met.proven_in_calm += 1;
    }
}

#[test]
fn what_was_told_is_what_was_done() {
    let mut met = Met::default();
    for seed in 0..SEEDS {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| live(seed, &mut met)));
        assert!(result.is_ok(), "seed {seed}");
    }
    assert!(met.fates.len() >= 6 && met.fates.values().all(|count| *count > 20), "{met:?}");
    assert!(met.troubles.len() == 10 && met.troubles.values().all(|count| *count > 5), "{met:?}");
    assert!(met.absent > 20 && met.doubts > 50 && met.proven_in_calm > 5, "{met:?}");
}

#[test]
fn the_same_seed_lives_the_same_life() {
    let life = |seed| {
        let mut world = World::proven(seed);
        for _ in 0..20 {
            deed(&mut world, true);
            world.run(700);
        }
        format!("{:?}{:?}", world.desk.updates, world.asked)
    };
    assert_eq!(life(5), life(5));
    assert_ne!(life(5), life(6));
}
