//! Each rule alone.

use super::*;

pub const fn is_place(wish: &Wish) -> bool {
    matches!(wish, Wish::Place(_))
}

const fn is_cancel(wish: &Wish) -> bool {
    matches!(wish, Wish::Cancel(_))
}

const fn is_look(wish: &Wish) -> bool {
    matches!(wish, Wish::Look(_))
}

const fn is_trades(wish: &Wish) -> bool {
    matches!(wish, Wish::Trades { .. })
}

#[test]
fn an_account_is_proven_by_a_view_from_after_the_start() {
    let mut world = World::new(1);
    world.run(2_000);
    assert_eq!(world.desk.proof, Some(false));
    world.run(6_000);
    assert_eq!(world.desk.proof, Some(true));
    let first = |of: fn(&Wish) -> bool| world.asked.iter().find(|(.., wish)| of(wish)).unwrap().0;
    assert!(first(|wish| matches!(wish, Wish::OpenStream)) < first(|wish| matches!(wish, Wish::Conditionals(_))));
    assert!(world.house.symbols.iter().all(|modes| modes.isolated && modes.leverage == 5));
    assert_eq!(world.desk.accounts.len(), 1);
    let proof = world.desk.proofs.last().unwrap().0;
    let lists = world.asked_since(0, |wish| matches!(wish, Wish::Orders(_)));
    assert!(lists.iter().all(|at| *at >= world::START + 2_000 && *at < proof));
}

#[test]
fn the_answer_to_an_order_has_three_forms() {
    use FailureClass::{Clock, Forbidden, Key, NotNow, Refused, TooMany, Unknown};
    let throttled = TooMany { pause_ms: 10_000 };
    for (what, fate, reduces, want) in [
        ("it is there", Fate::Fine, false, "accepted; filled 4"),
        ("it did not leave", Fate::NotSent, false, "accepted; filled 4"),
        ("it was lost", Fate::Lost, false, "unknown; absent"),
        ("the answer was lost", Fate::AnswerLost, false, "accepted; filled 4"),
        ("nobody can read the answer", Fate::Html, false, "accepted; filled 4"),
        ("it arrives after the answer was given up", Fate::Late(3_500), false, "unknown; accepted; filled 4"),
        ("it arrives too late", Fate::Late(4_500), false, "unknown; absent"),
        ("503, and it was done", Fate::Fails(Unknown, 503, true), false, "accepted; filled 4"),
        ("503, and it was not done", Fate::Fails(Unknown, 503, false), false, "unknown; absent"),
        ("overloaded: tried again", Fate::Fails(NotNow, -1001, false), false, "accepted; filled 4"),
        ("its time was wrong: tried again", Fate::Fails(Clock, -1021, false), false, "accepted; filled 4"),
        ("too many requests", Fate::Fails(throttled, -1003, false), false, "refused -1003 Other"),
        ("what protects is tried again", Fate::Fails(throttled, -1003, false), true, "accepted"),
        ("refused", Fate::Fails(Refused, -2019, false), false, "refused -2019 Margin"),
        ("refused for the key", Fate::Fails(Key, -2015, false), false, "refused -2015 Other"),
        ("shut out by a page", Fate::Fails(Forbidden, 403, false), false, "unknown; absent"),
        ("shut out by a page, and it was done", Fate::Fails(Forbidden, 403, true), false, "accepted; filled 4"),
    ] {
        let mut world = World::proven(2);
        world.fates.push((is_place, fate));
        let id = if reduces { world.stop(4) } else { world.entry(4) };
        world.run(20_000);
        let mut story = world.story(id);
        // a report may overtake the answer, or the other way round
        story.sort_unstable_by_key(|word| word.starts_with("filled"));
        assert_eq!(story.join("; "), want, "{what}");
        world.desk.settle(&world.house);
    }
}

#[test]
fn an_order_in_doubt_puts_the_account_in_doubt_until_there_is_evidence() {
    let mut world = World::proven(2);
    world.fates.push((is_place, Fate::Lost));
    let sent = world.now;
    let id = world.entry(1);
    world.run(3_500);
    assert_eq!((world.story(id).join("; "), world.desk.proof), ("unknown".to_owned(), Some(false)));
    world.run(12_000);
    assert_eq!((world.story(id).join("; "), world.desk.proof), ("unknown; absent".to_owned(), Some(true)));
    let looks = world.asked_since(sent, is_look);
    assert_eq!(looks.len(), 2, "twice");
    assert!(looks[0] - sent > WINDOW_MS, "not before it cannot arrive any more");
    assert!(looks[1] - looks[0] >= 2_000, "with a pause");
    let absent = world.desk.updates.last().unwrap().0;
    for of in [is_trades, is_positions, |wish: &Wish| matches!(wish, Wish::Orders(_))] {
        assert!(world.asked_since(looks[1] + 1, of)[0] < absent, "checked by other means after the second");
    }
}

#[test]
fn a_look_up_of_an_old_copy_is_no_proof() {
    let mut world = World::proven(2);
    world.trouble.deaf = true;
    world.fates.push((is_place, Fate::AnswerLost));
    let id = world.stop(1);
    world.run(3_000);
    world.house.replica_ms = 6_000;
    world.run(30_000);
    assert_eq!(world.story(id), ["unknown", "accepted"]);
}

#[test]
fn a_taken_name_is_looked_up_and_never_refused() {
    for (what, same, looks, want) in [
        ("it is the same order", true, Fate::Fine, "accepted"),
        ("it is another one", false, Fate::Fine, "refused -4116 Duplicate; accepted"),
        ("nobody says", true, Fate::Fails(FailureClass::Unknown, 500, false), "refused -4116 Duplicate; accepted"),
    ] {
        let mut world = World::proven(4);
        let id = world.desk.name('s');
        let kind = OrderKind::StopMarket { trigger: Decimal::from(95) };
        let request = world::order(id, OrderSide::Sell, kind, 3, true);
        let other = OrderRequest { qty: Decimal::from(if same { 3 } else { 2 }), ..request };
        world.trouble.deaf = true;
        world.house.place(other, id.as_str()).unwrap();
        world.fates.push((is_look, looks));
        world.place(request);
        world.run(6_000);
        assert_eq!(world.story(id).join("; "), want, "{what}");
    }
}

#[test]
fn a_fill_before_the_acknowledgement_and_parts_are_told_once() {
    let mut world = World::proven(5);
    (world.house.parts, world.house.says_new) = (3, false);
    world.fates.push((is_place, Fate::AnswerLost));
    let id = world.entry(7);
    world.run(400);
    assert_eq!(world.story(id), ["filled 2", "accepted", "filled 2", "filled 3"], "long before the answer is given up");
    world.run(20_000);
    assert_eq!(world.story(id).len(), 4);
    world.desk.settle(&world.house);
}

#[test]
fn trades_that_the_stream_does_not_bring_are_fetched_before_the_end_is_told() {
    let mut world = World::proven(5);
    (world.trouble.deaf, world.house.parts) = (true, 2);
    world.house.by_hand(SymbolId(0), OrderSide::Buy, Decimal::from(3));
    let id = world.exit(5);
    world.run(3_000);
    assert_eq!(world.story(id), ["accepted", "filled 2", "filled 1", "ended Expired"]);
}

#[test]
fn a_cancel_ends_an_order_on_evidence_only() {
    use FailureClass::{NotNow, Refused, Unknown};
    for (what, fate, traded, want) in [
        ("it is done", Fate::Fine, false, "accepted; ended Cancelled"),
        ("it was lost", Fate::Lost, false, "accepted; ended Cancelled"),
        ("the answer was lost", Fate::AnswerLost, false, "accepted; ended Cancelled"),
        ("nobody knows", Fate::Fails(Unknown, 500, false), false, "accepted; ended Cancelled"),
        ("later", Fate::Fails(NotNow, -1008, false), false, "accepted; ended Cancelled"),
        ("it is said not to be there, and is", Fate::Fails(Refused, -2011, false), false, "accepted; ended Cancelled"),
        ("it crosses a fill", Fate::Fine, true, "accepted; filled 2"),
    ] {
        for deaf in [false, true] {
            let mut world = World::proven(6);
            let id = world.limit(2);
            world.run(500);
            world.trouble.deaf = deaf;
            world.fates.push((is_cancel, fate));
            if traded {
                let at = world.house.find(id).unwrap();
                world.house.fill(at, Decimal::TWO);
            }
            world.cancel(id);
            world.run(15_000);
            assert_eq!(world.story(id).join("; "), want, "{what}");
        }
    }
}

#[test]
fn a_cancel_of_what_was_not_sent_is_sure_and_of_what_is_on_its_way_waits() {
    let mut world = World::proven(6);
    world.limit(1);
    let id = world.limit(1);
    world.cancel(id);
    assert_eq!(world.story(id), ["ended Cancelled"], "it waited for the lane");
    let id = world.stop(1);
    world.cancel(id);
    world.run(3_000);
    assert_eq!(world.story(id), ["accepted", "ended Cancelled"]);
    assert!(world.house.order(id).is_some());
}

#[test]
fn a_stop_that_fires_is_followed_under_its_own_name() {
    for names_spawned in [true, false] {
        for deaf in [false, true] {
            for parts in [1, 3] {
                let (mut world, stop) = World::holding(6);
                (world.house.names_spawned, world.trouble.deaf, world.house.parts) = (names_spawned, deaf, parts);
                world.house.trigger(stop);
                world.run(15_000);
                let story = world.story(stop);
                let fills: Vec<_> = story.iter().filter(|word| word.starts_with("filled")).collect();
                assert_eq!(fills.len(), usize::try_from(parts).unwrap(), "{names_spawned} {deaf}: {story:?}");
                assert!(world.desk.foreign.is_empty());
                world.run(15_000);
                world.desk.settle(&world.house);
            }
        }
    }
}

#[test]
fn a_stream_that_says_nothing_of_a_trade_is_made_anew() {
    let (mut world, _) = World::holding(6);
    world.trouble.deaf = true;
    let exit = world.exit(6);
    world.run(1_500);
    assert_eq!(world.story(exit), ["accepted", "filled 6"], "its trade was asked for");
    world.run(12_000);
    assert_eq!(world.gateway.view().account.unwrap().stream_losses, 1);
    world.trouble.deaf = false;
    world.run(20_000);
    assert_eq!(world.desk.proof, Some(true));
}

#[test]
fn what_happened_while_the_stream_was_away_is_told_and_then_the_account_is_proven() {
    for way in ["cut", "key", "still"] {
        let (mut world, stop) = World::holding(6);
        world.trouble.no_sockets = true;
        match way {
            "cut" => world.cut(),
            "key" => world.expire_key(),
            _ => world.tell(Input::StoodStill),
        }
        world.run(200);
        assert_eq!(world.desk.proof, Some(false), "{way}: at once");
        world.house.trigger(stop);
        world.house.fire();
        world.run(20_000);
        assert_eq!(world.desk.proof, Some(false), "{way}");
        world.trouble.no_sockets = false;
        world.run(100_000);
        assert_eq!(world.story(stop).last().unwrap(), "filled 6", "{way}");
        world.desk.settle(&world.house);
    }
}

#[test]
fn the_key_gets_more_time_and_a_new_one_where_it_is_gone() {
    let mut world = World::proven(7);
    let since = world.now;
    world.run(3 * 3_600_000);
    let extended = world.asked_since(since, |wish| matches!(wish, Wish::ExtendStream));
    assert!((5..=6).contains(&extended.len()), "{}", extended.len());
    assert_eq!(world.gateway.view().account.unwrap().stream_losses, 0);
    let extends = |wish: &Wish| matches!(wish, Wish::ExtendStream);
    world.fates.push((extends, Fate::Fails(FailureClass::Refused, -1125, false)));
    world.run(1_900_000);
    assert_eq!((world.gateway.view().account.unwrap().stream_losses, world.desk.proof), (1, Some(true)));
}

#[test]
fn a_mode_that_a_person_has_to_change_is_said_and_nothing_is_proven() {
    for (hedge, multi_assets, can_trade) in [(true, false, true), (false, true, true), (false, false, false)] {
        let mut world = World::new(8);
        world.house.modes = Modes { hedge, multi_assets, can_trade };
        world.run(300_000);
        assert_eq!(world.desk.proof, Some(false));
        assert!(world.gateway.view().account.unwrap().refused.is_some());
        let said = |(_, remark): &&(i64, crate::gateway::Remark)| {
            matches!(remark, crate::gateway::Remark::Account { grave: true, .. })
        };
        assert_eq!(world.desk.said.iter().filter(said).count(), 1, "said once");
        world.house.modes = Modes { hedge: false, multi_assets: false, can_trade: true };
        world.run(70_000);
        assert_eq!(world.desk.proof, Some(true), "once it is changed");
    }
}

#[test]
fn leverage_that_somebody_changes_is_set_again() {
    let mut world = World::proven(9);
    world.house.symbols[1].leverage = 50;
    world.house.reports.push(Report::Leverage(SymbolId(1), 50));
    world.run(8_000);
    assert_eq!((world.house.symbols[1].leverage, world.desk.proof), (5, Some(true)));
}

#[test]
fn force_and_funding_are_told_once() {
    let (mut world, _) = World::holding(6);
    world.house.pay(SymbolId(0), Decimal::new(5, 1));
    world.trouble.jumbled = 100;
    world.house.force(SymbolId(0));
    world.run(10_000);
    assert_eq!((world.desk.paid.len(), world.desk.paid[0].amount), (1, Decimal::new(5, 1)));
    assert_eq!(world.desk.forced.len(), 1);
    world.run(70_000);
    assert_eq!(world.desk.accounts.last().unwrap().1.balance, world.house.balance);
}

#[test]
fn an_entry_waits_for_no_pause_and_what_protects_has_a_reserve() {
    let mut world = World::proven(11);
    let throttled = FailureClass::TooMany { pause_ms: 60_000 };
    world.fates.push((is_place, Fate::Fails(throttled, -1003, false)));
    let first = world.entry(1);
    world.run(500);
    let (entry, stop) = (world.entry(1), world.stop(1));
    world.run(3_000);
    assert_eq!(world.story(first), ["refused -1003 Other"]);
    assert_eq!(world.story(entry), ["refused 0 Other"], "it did not leave, and its moment is past");
    assert_eq!(world.story(stop), ["accepted"]);
    let banned = FailureClass::Banned { until: None };
    world.fates.push((is_place, Fate::Fails(banned, -1003, false)));
    let (since, stop) = (world.now, world.stop(1));
    world.run(5_000);
    assert_eq!(world.story(stop), ["refused -1003 Other"], "the engine has to know that it is unprotected");
    assert_eq!(world.asked_since(since, |_| true).len(), 1, "S12: nothing while banned");
}

#[test]
fn entries_leave_room_for_stops_where_the_exchange_counts_orders() {
    let mut world = World::proven(11);
    world.gateway.asking.orders.set_limits([Some(10), None]);
    let since = world.now;
    let entries: Vec<ClientId> = (0..12).map(|_| world.entry(1)).collect();
    world.run(1_900);
    assert_eq!(world.asked_since(since, is_place).len(), 8, "S12: four fifths");
    let stops = [world.stop(1), world.stop(2)];
    world.run(1_000);
    assert!(stops.iter().all(|stop| world.story(*stop) == ["accepted"]), "the rest is theirs");
    assert_eq!(world.story(entries[11]), ["refused 0 Other"], "its moment is past");
    world.run(10_000);
    let again = world.entry(1);
    world.run(1_000);
    assert_eq!(world.story(again), ["accepted", "filled 1"], "after ten seconds there is room");
}

#[test]
fn stops_go_before_targets_and_a_lane_does_one_after_the_other() {
    let mut world = World::proven(12);
    let name = world.desk.name('t');
    let kind = OrderKind::TakeProfitMarket { trigger: Decimal::from(110) };
    let mut placed = vec![world.stop(1)];
    placed.push(world.place(world::order(name, OrderSide::Sell, kind, 1, true)));
    placed.push(world.stop(2));
    world.run(1_000);
    let sent = world.asked.iter().filter_map(|(.., wish)| match wish {
        Wish::Place(request) => Some(request.id),
        _ => None,
    });
    assert_eq!(sent.collect::<Vec<_>>(), [placed[0], placed[2], placed[1]]);
}

#[test]
fn a_garbled_frame_may_have_been_anything() {
    let mut world = World::proven(13);
    let id = SocketId(1);
    world.tell(Input::Frame(id, b"<"));
    assert_eq!(world.desk.proof, Some(false));
    world.run(6_000);
    assert_eq!(world.desk.proof, Some(true));
}
