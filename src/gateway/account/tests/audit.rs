//! What is read again and again while all is well (S2), and what is not believed where it cannot be.

use super::*;

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
fn the_audit_reads_often_while_something_is_held() {
    let (mut world, _) = World::holding(6);
    let since = world.now;
    world.run(60_000);
    for of in [is_positions, |wish: &Wish| matches!(wish, Wish::Conditionals(_))] {
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
fn an_entry_leaves_the_account_proven_however_old_the_last_reading_is() {
    for quiet_s in (0..65).step_by(5) {
        let mut world = World::proven(3);
        world.run(quiet_s * 1_000);
        world.entry(6);
        world.run(5_000);
        assert_eq!(world.desk.proofs.len(), 2, "doubted after {quiet_s} s: {:?}", world.desk.proofs);
    }
    // but it is read at once, and what cannot be read from then on is not believed for long
    let mut world = World::proven(3);
    world.run(50_000);
    world.fates.extend([(is_positions as fn(&Wish) -> bool, Fate::Lost); 100]);
    let (since, _) = (world.now, world.entry(6));
    world.run(29_000);
    assert_eq!(world.desk.proof, Some(true));
    assert!(world.asked_since(since, is_positions)[0] - since < 1_000);
    world.run(3_000);
    assert_eq!(world.desk.proof, Some(false));
}

#[test]
fn a_setting_that_somebody_has_changed_is_noticed_without_a_word_of_it() {
    for cross in [true, false] {
        let mut world = World::proven(3);
        world.house.symbols[0] = SymbolModes { isolated: !cross, leverage: 3, max_notional: None };
        world.run(70_000);
        assert!(world.house.symbols[0].isolated && world.house.symbols[0].leverage == 5);
        assert_eq!((world.desk.proof, world.desk.proofs.len()), (Some(true), 4), "in doubt until it was set back");
    }
    let mut world = World::proven(3);
    world.house.modes.hedge = true;
    world.run(70_000);
    assert_eq!(world.desk.proof, Some(false));
    world.house.modes.hedge = false;
    world.run(70_000);
    assert_eq!(world.desk.proof, Some(true));
}

#[test]
fn a_symbol_that_cannot_be_set_is_shut_and_the_account_is_proven_without_it() {
    const OTHER: SymbolId = SymbolId(1);
    for wrong in [
        SymbolModes { isolated: false, leverage: 5, max_notional: None },
        SymbolModes { isolated: true, leverage: 20, max_notional: None },
    ] {
        // changed under way; the exchange's refusal comes with the next reading
        let mut world = World::proven(3);
        (world.house.symbols[1], world.house.keeps_modes) = (wrong, Some(OTHER));
        world.run(70_000);
        assert_eq!((world.desk.proof, world.desk.foreign.get(&OTHER)), (Some(true), Some(&true)), "{wrong:?}");
        assert_eq!(world.desk.foreign.get(&SymbolId(0)), None, "no other is shut");
        // it stays so over a reconnect
        world.cut();
        world.run(70_000);
        assert_eq!((world.desk.proof, world.desk.foreign.get(&OTHER)), (Some(true), Some(&true)), "{wrong:?}");
        // what was in use is gone
        world.house.keeps_modes = None;
        world.run(130_000);
        assert!(world.house.symbols[1].isolated && world.house.symbols[1].leverage == 5);
        assert_eq!((world.desk.proof, world.desk.foreign.get(&OTHER)), (Some(true), Some(&false)), "{wrong:?}");
    }
    // so from the start
    let mut world = World::new(3);
    world.house.keeps_modes = Some(OTHER);
    world.run(70_000);
    assert_eq!((world.desk.proof, world.desk.foreign.get(&OTHER)), (Some(true), Some(&true)));
    // somebody has set it himself, which is heard when it is tried again
    world.house.symbols[1] = SymbolModes { isolated: true, leverage: 5, max_notional: None };
    world.house.keeps_modes = None;
    world.run(130_000);
    assert_eq!((world.desk.proof, world.desk.foreign.get(&OTHER)), (Some(true), Some(&false)));
}
