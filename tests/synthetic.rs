//! The made-up market is worth watching.

use crate::common::run;

#[test]
fn thirty_hours_of_every_seed_show_entries_and_exits() {
    for seed in 1..=20 {
        let ended = run(&["--paper", "--speed", "108000", "--duration", "1", "--seed", &seed.to_string()]);
        assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
        assert!(ended.with("[ENTRY]").count() >= 3, "seed {seed}:\n{}", ended.stdout());
        assert!(ended.with("-HIT]").count() >= 3, "seed {seed}:\n{}", ended.stdout());
        assert_eq!(ended.with("EXIT SUMMARY").count(), 1);
    }
}
