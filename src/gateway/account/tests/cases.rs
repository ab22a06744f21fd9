//! Each rule alone.

use super::*;

const fn is_place(wish: &Wish) -> bool {
    matches!(wish, Wish::Place(_))
}

const fn is_look(wish: &Wish) -> bool {
    matches!(wish, Wish::Look(_))
}

#[test]
fn an_account_is_proven_by_a_view_from_after_the_start() {
    let mut world = World::new(1);
    world.run(2_000);
    assert_eq!(world.desk.proof, Some(false));
    world.run(6_000);
    assert_eq!(world.desk.proof, Some(true));
    let first = |of: fn(&Wish) -> bool| world.asked.iter().find(|(.., wish)| of(wish)).unwrap().0;
    assert!(first(|wish| matches!(wish, Wish::OpenStream)) < first(|wish| matches!(wish, Wish::Positions)));
    assert!(world.house.symbols.iter().all(|modes| modes.isolated && modes.leverage == 5));
    assert_eq!(world.desk.accounts.len(), 1);
}
