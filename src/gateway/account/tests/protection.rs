//! What protects a position, and how soon it is noticed that it does not.

use super::{cases::is_place, *};

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
fn after_an_outage_an_order_in_doubt_does_not_wait_for_the_pauses_of_other_questions() {
    let (mut world, _) = World::holding(6);
    world.fates.push((is_place, Fate::Lost));
    let exit = world.exit(6);
    world.run(100);
    let closed = ((|_| true) as fn(&Wish) -> bool, Fate::Fails(FailureClass::NotNow, -1016, false));
    world.fates.extend([closed; 1_000]);
    world.tell(Input::Reconcile); // so that everything is asked, and refused again and again
    world.run(70_000);
    world.fates.clear();
    assert_eq!(world.story(exit), ["unknown"]);
    world.run(9_000);
    assert_eq!(world.story(exit), ["unknown", "absent"]);
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
