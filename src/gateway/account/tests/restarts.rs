//! What a session tells that goes on where another one ended.

use super::{cases::is_place, *};

#[test]
fn a_restart_looks_up_what_had_no_answer_and_tells_what_happened_meanwhile() {
    let (mut world, stop) = World::holding(6);
    let limit = world.limit(2);
    world.run(500);
    world.fates.push((is_place, Fate::Lost));
    let lost = world.limit(3);
    world.run(500);
    world.restart();
    world.house.trigger(stop);
    let at = world.house.find(limit).unwrap();
    world.house.fill(at, Decimal::ONE);
    world.run(2_000);
    assert_eq!(world.desk.proof, Some(false));
    world.run(30_000);
    assert_eq!(world.story(stop).last().unwrap(), "filled 6");
    assert_eq!(world.story(limit), ["accepted", "filled 1"], "the exchange had taken it, so it was never in doubt");
    assert_eq!(world.story(lost), ["unknown", "absent"]);
    world.desk.settle(&world.house);
}

#[test]
fn a_market_that_is_gone_with_what_we_had_there_does_not_lock_the_account() {
    let (mut world, stop) = World::holding(6);
    world.house.delist(SymbolId(0));
    world.restart();
    world.run(90_000);
    assert_eq!(world.desk.proof, Some(true), "{:?}", world.asked.iter().rev().take(9).collect::<Vec<_>>());
    assert_eq!(world.story(stop), ["accepted", "ended Expired"]);
}

#[test]
fn what_the_exchange_had_taken_and_has_no_more_is_told_soon_after_a_restart() {
    for (what, forgotten) in [("it says that it is over", false), ("it knows nothing of it any more", true)] {
        let (mut world, stop) = World::holding(6);
        world.run(6_000);
        let since = world.now;
        world.house.expire(stop);
        if forgotten {
            world.house.orders.retain(|order| order.id() != Some(stop));
        }
        world.restart_after(20_000);
        let begun = world.now;
        world.run(30_000);
        let told = world.desk.updates.iter().find(|(at, update)| *at > since && update.id() == stop).copied();
        let (at, update) = told.unwrap_or_else(|| panic!("{what}: nothing was told"));
        assert_eq!(update, OrderUpdate::Ended { id: stop, how: Ended::Expired }, "{what}");
        assert!(at - begun <= 3_500, "{what}: after {} ms", at - begun);
    }
}

#[test]
fn what_was_sent_long_before_a_restart_is_looked_up_at_once() {
    for (down, most) in [(20_000, 1_000), (100, 15_000)] {
        let mut world = World::proven(6);
        world.fates.push((is_place, Fate::Lost));
        let lost = world.entry(3);
        world.run(100);
        world.restart_after(down);
        let since = world.now;
        world.run(30_000);
        let looks = world.asked_since(since, |wish| matches!(wish, Wish::Look(_)));
        let first = looks[0] - since;
        assert!(
            first <= most && (down > 10_000 || first >= WINDOW_MS),
            "down for {down} ms: looked up after {first} ms"
        );
        assert_eq!(world.story(lost), ["unknown", "absent"]);
    }
}

#[test]
fn what_is_held_on_a_market_that_is_closed_does_not_lock_the_account() {
    let (mut world, _) = World::holding(6);
    world.house.delist(SymbolId(0));
    world.house.position[0] = Decimal::from(6); // it is settled later
    world.restart();
    world.run(90_000);
    assert_eq!(world.desk.proof, Some(true));
}
