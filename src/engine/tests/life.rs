//! The life of orders under any venue: whatever it answers, in whatever order, however often and late.

mod exchange;
mod restart;
mod world;

use super::*;
use exchange::{Seen, Venue};
use proptest::{prelude::*, strategy::Strategy};
use world::World;

/// Something that happens to the engine.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A minute in which the price moves by so much.
    Minute(i16),
    /// The price, a little later.
    Bar(i16),
    /// What was asked for becomes durable.
    Commit,
    /// A second goes by.
    Wake,
    /// The venue does something with one of the orders that it may still do something with.
    Venue(usize, Deed),
    /// The venue hears of the cancels.
    Cancels,
    /// The venue tells what it has kept to itself.
    Tell,
    /// The venue tells again what it told as the nth last.
    Again(usize),
    /// What the venue tells next, it tells nobody.
    Lose,
    /// The nth last of what was lost comes late.
    Late(usize),
    /// The engine goes on from its snapshot, its candles told again as history; what it has asked for is still on its way.
    Restore,
    /// The process dies right after a commit and starts again: its cancels are lost, and what has no answer may have been sent.
    Crash,
    /// The disk can't be written, or can be again.
    Store(bool),
    /// The account is compared, and proven where it is the same.
    Compare,
    Close,
    /// At an exchange: it shows what it holds; before it has told of all trades, or after.
    View {
        early: bool,
    },
    /// At an exchange: somebody else trades so many thousandths of a coin, or moves so many USDT.
    ByHand(i8),
    Transfer(i8),
    /// At an exchange: the session says whether something is there that is not ours.
    Foreign(bool),
}

#[derive(Debug, Clone, Copy)]
enum Deed {
    Accept,
    /// A duplicate is there, whatever the venue says.
    Refuse(Class),
    /// No answer; it is there, or it is not.
    Doubt(bool),
    /// Trades so many tenths of what may trade.
    Trade(u8),
    /// The same, but it tells of it only later, after the order's end.
    TradeUntold(u8),
    Expire,
    /// The price of a stop or target was reached.
    Fire,
}

/// What happens on paper, and what else at an exchange.
fn at_an_exchange() -> impl Strategy<Value = Vec<Step>> {
    let deed = prop_oneof![1 => Just(Deed::Fire), 1 => Just(Deed::Accept)];
    let step = prop_oneof![
        30 => one_step(),
        2 => any::<bool>().prop_map(|early| Step::View { early }),
        1 => (-8i8..8).prop_map(Step::ByHand),
        1 => (-50i8..50).prop_map(Step::Transfer),
        1 => any::<bool>().prop_map(Step::Foreign),
        2 => (0usize..6, deed).prop_map(|(nth, deed)| Step::Venue(nth, deed)),
    ];
    prop::collection::vec(step, 1..150)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(one_step(), 1..150)
}

fn one_step() -> impl Strategy<Value = Step> {
    let classes =
        [Class::Margin, Class::Filter, Class::ReduceOnly, Class::WouldTrigger, Class::Duplicate, Class::Other];
    let deed = prop_oneof![
        6 => Just(Deed::Accept),
        1 => prop::sample::select(classes.to_vec()).prop_map(Deed::Refuse),
        1 => any::<bool>().prop_map(Deed::Doubt),
        6 => (1u8..=10).prop_map(Deed::Trade),
        1 => (1u8..=10).prop_map(Deed::TradeUntold),
        1 => Just(Deed::Expire),
    ];
    prop_oneof![
        6 => (-200i16..200).prop_map(Step::Minute),
        3 => (-200i16..200).prop_map(Step::Bar),
        8 => Just(Step::Commit),
        1 => Just(Step::Wake),
        14 => (0usize..6, deed).prop_map(|(nth, deed)| Step::Venue(nth, deed)),
        3 => Just(Step::Cancels),
        1 => Just(Step::Tell),
        2 => (0usize..4).prop_map(Step::Again),
        1 => Just(Step::Lose),
        1 => (0usize..4).prop_map(Step::Late),
        1 => Just(Step::Restore),
        1 => Just(Step::Crash),
        1 => any::<bool>().prop_map(Step::Store),
        3 => Just(Step::Compare),
        1 => Just(Step::Close),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_venue_does_the_books_agree_and_what_is_held_is_covered(steps in steps()) {
        let mut world = World::new(Venue::Paper);
        steps.into_iter().for_each(|step| world.apply(step));
        world.calm_down();
        world.check_the_end();
    }

    #[test]
    fn whatever_happens_at_an_exchange_its_view_wins_and_what_is_ours_is_covered(steps in at_an_exchange()) {
        let mut world = World::new(Venue::Exchange);
        steps.into_iter().for_each(|step| world.apply(step));
        world.calm_down();
        world.check_the_end();
    }

    #[test]
    fn at_an_exchange_a_restored_engine_goes_on_alike(steps in at_an_exchange(), after in 0.0..1.0, text in any::<bool>()) {
        let steps: Vec<_> = steps.into_iter().filter(|step| !matches!(step, Step::Bar(_))).collect();
        let (before, then) = steps.split_at((after * steps.len() as f64) as usize);
        let mut world = World::new(Venue::Exchange);
        before.iter().for_each(|step| world.apply(*step));
        world.pair_up(text);
        then.iter().for_each(|step| world.apply(*step));
        world.check_the_twin();
    }

    /// Only candles are told again after a restart, so here nothing else tells a price.
    #[test]
    fn a_restored_engine_goes_on_with_the_same_actions(steps in steps(), after in 0.0..1.0, text in any::<bool>()) {
        let steps: Vec<_> = steps.into_iter().filter(|step| !matches!(step, Step::Bar(_))).collect();
        let (before, then) = steps.split_at((after * steps.len() as f64) as usize);
        let mut world = World::new(Venue::Paper);
        before.iter().for_each(|step| world.apply(*step));
        world.pair_up(text);
        then.iter().for_each(|step| world.apply(*step));
        world.check_the_twin();
    }
}

/// Laws about nothing would hold too.
#[test]
fn random_lives_are_lives() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let (mut entries, mut trades, mut doubts, mut covered, mut crashes, mut losses) = (0, 0, 0, 0, 0, 0);
    for _ in 0..100 {
        let mut world = World::new(Venue::Paper);
        for step in steps().new_tree(&mut runner).unwrap().current() {
            world.apply(step);
            doubts += usize::from(world.rig.engine.state.orders.in_doubt());
        }
        world.calm_down();
        covered += usize::from(!world.held.is_zero());
        entries += world.entries.len();
        trades += world.trades;
        crashes += world.crashes;
        losses += world.losses;
    }
    println!(
        "{entries} entries, {trades} trades, {doubts} doubts, {covered} covered at the end, {crashes} crashes, {losses} losses"
    );
    assert!(entries > 50 && trades > 200 && doubts > 100 && covered > 10 && crashes > 50 && losses > 50);
}

#[test]
fn random_lives_at_an_exchange_are_lives() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut seen = Seen::default();
    let (mut entries, mut trades) = (0, 0);
    for _ in 0..150 {
        let mut world = World::new(Venue::Exchange);
        at_an_exchange().new_tree(&mut runner).unwrap().current().into_iter().for_each(|step| world.apply(step));
        world.calm_down();
        world.check_the_end();
        (entries, trades, seen) = (entries + world.entries.len(), trades + world.trades, seen + world.seen);
    }
    println!("{entries} entries, {trades} trades, {seen:?}");
    assert!(entries > 40 && trades > 120, "{entries} entries, {trades} trades");
    let Seen { closed_outside, foreign, uncovered, given_up, transfers, early } = seen;
    assert!(closed_outside > 8 && foreign > 50 && transfers > 50 && early > 3, "{seen:?}");
    assert!(uncovered > 20 && given_up > 5, "{seen:?}");
}
