//! The made-up market is worth watching.

use crate::{
    common::run,
    rig::{Rig, made_up, seeded, unlimited},
};
use smolbear::{
    engine::Trade,
    market::{DAY_MS, HOUR_MS, Side},
};

#[test]
fn thirty_hours_of_every_seed_show_three_entries_and_three_exits() {
    for seed in 1..=20 {
        let config = seeded(seed);
        let mut rig = Rig::new(&config);
        let summary = rig.feed(made_up(&config, 30 * HOUR_MS)).trader.engine().summary();
        assert!(summary.entries >= 3 && summary.exit_count() >= 3, "seed {seed}: {summary:?}");
    }
}

#[test]
fn a_month_of_every_seed_sees_both_strategies_at_work() {
    for seed in 1..=20 {
        let mut config = seeded(seed);
        unlimited(&mut config.risk); // the rules lose on it what an account may lose
        let mut rig = Rig::new(&config);
        rig.feed(made_up(&config, 30 * DAY_MS));
        for (index, side) in [Side::Long, Side::Short].into_iter().enumerate() {
            let of_strategy = |trade: &&Trade| usize::from(trade.strategy) == index;
            let trades = rig.trades().filter(of_strategy).count();
            assert!(trades >= 10, "seed {seed}: {} closed {trades}", config.strategies[index].name);
            assert!(rig.trades().filter(of_strategy).all(|trade| trade.side == side));
        }
    }
}

#[test]
fn the_program_shows_it() {
    let ended = run(&["--paper", "--speed", "36000", "--duration", "3"]);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(ended.with("[ENTRY]").count() >= 3, "{}", ended.stdout());
    assert!(ended.with("-HIT]").count() >= 3, "{}", ended.stdout());
    assert_eq!(ended.with("EXIT SUMMARY").count(), 1);
}
