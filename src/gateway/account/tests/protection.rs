//! What protects a position, and how soon it is noticed that it does not.

use super::*;

#[test]
fn a_stop_that_hangs_when_it_fires_is_told_at_once_to_be_no_protection() {
    let (mut world, stop) = World::holding(6);
    world.house.triggering_ms = 30_000;
    world.house.trigger(stop);
    world.run(1_000);
    assert_eq!(world.story(stop), ["accepted", "ended Triggered"]);
    world.run(31_000);
    assert_eq!(world.story(stop), ["accepted", "ended Triggered", "filled 6"]);
}

#[test]
fn a_stop_that_vanishes_is_noticed_by_the_audit_whatever_the_stream_says() {
    let (mut world, stop) = World::holding(6);
    world.trouble.deaf = true;
    world.house.expire(stop);
    world.run(6_000);
    assert_eq!(world.story(stop), ["accepted", "ended Expired"]);
    let (mut world, stop) = World::holding(6);
    world.trouble.deaf = true;
    world.house.orders.retain(|order| order.name != stop.as_str());
    world.run(9_000);
    assert_eq!(world.story(stop), ["accepted", "ended Expired"], "and there is no trace of it");
}

#[test]
fn a_stop_that_a_list_does_not_have_is_looked_up_at_once_though_it_was_there_just_now() {
    let (mut world, stop) = World::holding(6);
    world.trouble.deaf = true;
    world.house.expire(stop);
    world.tell(Input::Reconcile);
    world.run(2_400); // the lists are read two seconds after the doubt
    assert_eq!(world.story(stop), ["accepted", "ended Expired"]);
}

#[test]
fn what_protects_is_asked_again_within_two_seconds_however_often_it_failed() {
    let is_list = |wish: &Wish| matches!(wish, Wish::Conditionals(_));
    let (mut world, _) = World::holding(6);
    let since = world.now;
    world.fates.extend([(is_list as fn(&Wish) -> bool, Fate::Fails(FailureClass::NotNow, -1016, false)); 20]);
    world.run(50_000);
    let times = world.asked_since(since, is_list);
    assert!(world.fates.is_empty() && times.len() > 20);
    assert!(times[..21].windows(2).all(|pair| pair[1] - pair[0] <= 2_200), "{times:?}");
}

#[test]
fn the_audit_reads_often_while_something_is_held() {
    let (mut world, _) = World::holding(6);
    let since = world.now;
    world.run(60_000);
    for of in [|wish: &Wish| matches!(wish, Wish::Positions), |wish: &Wish| matches!(wish, Wish::Conditionals(_))] {
        let times = world.asked_since(since, of);
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] <= 5_200) && times.len() >= 11, "{times:?}");
    }
    let mut world = World::proven(3);
    let since = world.now;
    world.run(600_000);
    let flat = world.asked_since(since, |_| true);
    assert!((15..80).contains(&flat.len()), "{}", flat.len());
    assert_eq!(world.desk.proofs.len(), 2, "nothing is doubted meanwhile");
}

#[test]
fn of_stops_that_wait_the_newest_is_sent_first() {
    let (mut world, first) = World::holding(1);
    let stops = [2, 3, 4].map(|qty| world.stop(qty));
    world.run(2_000);
    let placed = world.asked.iter().filter_map(|(.., wish)| match wish {
        Wish::Place(request) if request.reduce_only => Some(request.id),
        _ => None,
    });
    // nothing was on its way when the first of them was wanted
    assert_eq!(placed.collect::<Vec<_>>(), [first, stops[0], stops[2], stops[1]]);
}
