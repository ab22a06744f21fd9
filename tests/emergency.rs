//! An account that is empty, or has lost too much, ends the run at once, with an exit code after which nothing starts it again.

use crate::common::{Running, bot};
use std::{fmt::Write as _, fs, path::Path};

/// A position of nine times the account, and funding of 3 % of it three times a day; no limit stands in the way of that.
pub const RUINOUS: &str = "[risk]\nmax_drawdown_pct = 100\nbreaker_daily_loss_pct = 100\nbreaker_position_loss_pct = 100\n\
    leverage = 10\nper_trade_pct = 10\nmax_position_pct = 90\nmax_portfolio_risk_pct = 100\n\
    [paper]\nfunding_rate_pct = 3\n[[strategy]]\nkind = \"oversold_bounce\"\ntimeframe = \"1m\"\n";
const EMPTY: &str = "Emergency stop: the account is empty";
/// With the default limit of the drawdown it is over at the first funding.
const FALLEN: &str = "Emergency stop: equity has fallen 2";

/// The account of [`write_ruin`], with a drawdown that ends it before it is empty.
fn write_drawdown(folder: &Path) {
    write_ruin(folder);
    fs::write(folder.join("bot.toml"), RUINOUS.replace("max_drawdown_pct = 100\n", "")).unwrap();
}

/// Bought with nine times the account after a slow fall; then nothing moves, and funding eats the account up. A fall
/// cannot do that: it costs the position's margin at most.
pub fn write_ruin(folder: &Path) {
    let falling = (0..15).map(|minute| (100_000.0 - 100.0 * f64::from(minute), 100.0));
    let flat = std::iter::repeat_n((98_500.0, 0.0), 3 * 1440);
    let mut rows = String::new();
    for (minute, (price, fall)) in falling.chain(flat).enumerate() {
        let (time, low) = (1_735_689_600_000 + 60_000 * minute, price - fall);
        writeln!(rows, "{time},{price},{price},{low},{low},5").unwrap();
    }
    fs::write(folder.join("BTCUSDT-1m.csv"), rows).unwrap();
    fs::write(folder.join("bot.toml"), RUINOUS).unwrap();
}

#[test]
fn an_empty_account_ends_the_run_with_3_and_nothing_starts_it_again() {
    let folder = tempfile::tempdir().unwrap();
    write_ruin(folder.path());
    for (speed, more) in
        [("max", &[][..]), ("1000000", &["--duration", "30"]), ("max", &["--auto-restart", "--infinite"])]
    {
        let args = ["--paper", "--replay", "BTCUSDT-1m.csv", "--speed", speed];
        let ended = Running::start(bot(&args).args(more).current_dir(folder.path())).end();
        assert_eq!(ended.code(), Some(3), "{}{}", ended.stdout(), ended.stderr);
        for once in ["ERROR Emergency stop: the account is empty", "STARTING PRODUCTION TRADING LOOP", "EXIT SUMMARY"] {
            assert_eq!(ended.with(once).count(), 1, "{once}: {}", ended.stdout());
        }
        assert_eq!(ended.with(" (emergency stop): 1 trade, ").count(), 1, "{}", ended.stdout());
        assert_eq!(ended.with("Stopped cleanly").count(), 0, "{}", ended.stdout());
    }
}

#[test]
fn an_emergency_is_remembered_from_the_transaction_on_that_it_came_with_until_the_user_clears_it() {
    remembers(write_ruin, EMPTY);
}

#[test]
fn a_drawdown_is_remembered_likewise() {
    remembers(write_drawdown, FALLEN);
}

fn remembers(write: fn(&Path), why: &str) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let start = |account: &str, kill: Option<u32>, more: &[&str]| {
        let args = ["--paper", "--replay", "BTCUSDT-1m.csv", "--speed", "max", "--data-dir", account];
        let mut command = bot(&args);
        command.args(more).current_dir(folder.path());
        command.envs(kill.map(|at| ("SMOLBEAR_HOOK", format!("kill:{at}"))));
        Running::start(&mut command).end()
    };
    let halted = |ended: &crate::common::Ended| ended.with(&format!("ERROR HALTED: {why}")).count();
    let (mut again, mut remembered) = (0, 0);
    for kill in 1.. {
        let account = format!("account {kill}");
        let killed = start(&account, Some(kill), &[]);
        if killed.with("Emergency stop").count() == 0 {
            continue;
        }
        if killed.code() == Some(3) {
            break;
        }
        let next = start(&account, None, &[]);
        match next.code() {
            Some(3) => again += 1,
            Some(0) if halted(&next) == 1 => remembered += 1,
            other => panic!("{other:?}, killed at {kill}: {}", next.stdout()),
        }
    }
    assert!(again > 0 && remembered > 0, "{again} came to it again, {remembered} remembered it");
    assert_eq!(start("whole", None, &[]).code(), Some(3));
    for (more, want) in [(&[][..], 1), (&[], 1), (&["--clear-emergency"], 0), (&[], 0)] {
        let ended = start("whole", None, more);
        assert_eq!((ended.code(), halted(&ended)), (Some(0), want), "{more:?}: {}", ended.stdout());
    }
}

#[test]
fn a_drawdown_closes_everything_and_once_cleared_the_highest_equity_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    write_drawdown(folder.path());
    let start = |more: &[&str]| {
        let args = ["--paper", "--replay", "BTCUSDT-1m.csv", "--speed", "max", "--data-dir", "d"];
        Running::start(bot(&args).args(more).current_dir(folder.path())).end()
    };
    let stopped = start(&[]);
    assert_eq!(stopped.code(), Some(3), "{}{}", stopped.stdout(), stopped.stderr);
    let error = format!("ERROR {FALLEN}");
    for once in
        [error.as_str(), "[POSITION-CLOSED] LONG BTC/USDT:USDT", "by a circuit breaker", "   Limited: Emergency"]
    {
        assert_eq!(stopped.with(once).count(), 1, "{once}: {}", stopped.stdout());
    }
    assert_eq!(stopped.with("Stays open").count(), 0, "{}", stopped.stdout());
    let reset = "The emergency stop was cleared: the highest equity begins anew";
    for (more, halted, cleared) in [(&[][..], 1, 0), (&["--clear-emergency"], 0, 1), (&[], 0, 0)] {
        let ended = start(more);
        let said = [ended.with("ERROR HALTED: ").count(), ended.with(reset).count(), ended.with(&error).count()];
        assert_eq!((ended.code(), said), (Some(0), [halted, cleared, 0]), "{more:?}: {}", ended.stdout());
    }
}
