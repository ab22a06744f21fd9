//! What the account holds, and whose it is.

use super::*;

#[test]
fn what_is_held_is_told_also_while_a_mode_is_wrong() {
    let mut world = World::proven(8);
    world.house.modes = Modes { hedge: true, multi_assets: false, can_trade: true };
    world.cut();
    world.run(20_000);
    let before = world.desk.accounts.len();
    world.house.by_hand(SymbolId(0), OrderSide::Buy, Decimal::from(2));
    world.run(20_000);
    assert_eq!(world.desk.proof, Some(false));
    let told = &world.desk.accounts[before..];
    let held: Vec<_> = told.iter().flat_map(|(_, view)| &view.positions).map(|position| position.qty).collect();
    assert_eq!(held.first(), Some(&Decimal::from(2)));
    assert!(told.len() <= 3, "once a reading: {}", told.len());
}

#[test]
fn an_entry_long_after_the_last_reading_is_no_doubt() {
    for idle_s in [1, 20, 35, 45, 59, 75] {
        let mut world = World::proven(12);
        world.run(idle_s * 1_000);
        world.entry(2);
        let before = world.desk.proofs.len();
        world.run(3_000);
        assert_eq!(world.desk.proofs[before..], [], "after {idle_s} s without anything held");
    }
}

#[test]
fn what_is_not_ours_is_reported_and_not_touched() {
    let mut world = World::proven(10);
    let kind = OrderKind::Limit { price: Decimal::from(80), post_only: false };
    let request = world::order(ClientId::new("x").unwrap(), OrderSide::Buy, kind, 1, false);
    let request = OrderRequest { symbol: SymbolId(1), ..request };
    let number = world.house.place(request, "web_abc").unwrap().number;
    world.run(7_000);
    assert_eq!(world.desk.foreign, BTreeMap::from([(SymbolId(1), true)]));
    let at = world.house.orders.iter().position(|order| order.number == number).unwrap();
    assert_eq!(world.house.orders[at].status, Status::Open);
    world.house.orders[at].status = Status::Cancelled;
    world.run(61_000);
    assert_eq!(world.desk.foreign, BTreeMap::from([(SymbolId(1), false)]));
    assert!(world.asked.iter().all(|(.., wish)| !matches!(wish, Wish::Cancel(_) | Wish::Place(_))));
}

#[test]
fn a_position_that_was_changed_by_hand_is_told_as_it_is_and_its_trade_as_nobodys() {
    for deaf in [false, true] {
        let (mut world, stop) = World::holding(6);
        world.trouble.deaf = deaf;
        world.house.by_hand(SymbolId(0), OrderSide::Sell, Decimal::from(2));
        world.run(5_000);
        world.tell(Input::Reconcile);
        assert_eq!(world.desk.proof, Some(false));
        world.trouble.deaf = false;
        world.run(30_000);
        assert_eq!(world.desk.proof, Some(true));
        assert_eq!(world.desk.accounts.last().unwrap().1.positions[0].qty, Decimal::from(4));
        assert_eq!(world.story(stop), ["accepted"]);
        world.desk.settle(&world.house);
    }
}

#[test]
fn a_position_that_was_opened_by_hand_is_told_within_seconds() {
    let mut world = World::proven(11);
    let before = world.desk.accounts.len();
    world.house.by_hand(SymbolId(0), OrderSide::Buy, Decimal::from(2));
    world.run(8_000);
    let told: Vec<_> = world.desk.accounts[before..].iter().map(|(_, view)| view.positions[0].qty).collect();
    assert_eq!(told.first(), Some(&Decimal::from(2)), "no reading of a minute is waited for");
}
