//! Money: fees, margin, funding, and what is kept.

use super::rig::*;
use crate::{market::*, simulation::matching::*};
use proptest::prelude::*;

#[test]
fn fees_results_and_equity_add_up() {
    let mut rig = Rig::holding(Settings { taker_fee_pct: 0.06, ..settings() }, "buy market 2");
    assert_eq!(rig.matching.balance(), dec("9999.88"));
    rig.candle([100.0, 103.0, 99.0, 103.0]);
    assert_eq!((rig.matching.equity(), rig.matching.free_balance()), (dec("10005.88"), dec("9965.88")));
    rig.send(place("out", "sell market 2!"));
    rig.candle([104.0; 4]);
    let Totals { realised, fees, funding, slippage } = rig.matching.totals();
    assert_eq!((realised, fees, funding, slippage), (dec("8"), dec("0.2448"), dec("0"), dec("0")));
    assert_eq!((rig.matching.balance(), rig.matching.equity()), (dec("10007.7552"), dec("10007.7552")));
}

#[test]
fn an_order_against_the_position_reduces_it_and_opens_the_other_side() {
    let mut rig = Rig::holding(settings(), "buy market 1");
    rig.send(place("a", "sell market 3"));
    assert_eq!(rig.candle([101.0; 4]), ["a fills 3 @ 101 at 2"]);
    let held = rig.matching.position(BTC).unwrap();
    assert_eq!((held.side, held.qty, held.entry_price), (Side::Short, dec("2"), dec("101")));
    assert_eq!(rig.matching.balance(), dec("10001"));
}

#[test]
fn opening_needs_margin_and_fee() {
    // 10,000 USDT at leverage 5 carry a notional of 50,000, less 5 times the fee of 0.1 %.
    let settings = Settings { taker_fee_pct: 0.1, ..settings() };
    for (first, second, want) in [
        (None, "buy market 497.51", "b accepted"),
        (None, "buy market 497.52", "b refused -2019 Margin"),
        (None, "sell stop 497.52 98", "b refused -2019 Margin"),
        (Some("buy market 400"), "buy market 97.51", "b accepted"),
        (Some("buy market 400"), "buy market 97.52", "b refused -2019 Margin"),
        (Some("buy stop 400 102"), "buy market 497.51", "b accepted"), // what waits for a trigger reserves nothing
    ] {
        let mut rig = Rig::new(settings.clone());
        rig.candle([100.0; 4]);
        first.map(|first| rig.send(place("a", first)));
        assert_eq!(rig.send(place("b", second)), [want], "{first:?} {second}");
        assert!(rig.candle([100.0; 4]).iter().all(|text| text.contains("fills")));
    }
}

proptest! {
    /// However little is added up for it.
    #[test]
    fn an_empty_account_carries_what_margin_and_fee_come_to(
        cents in 1_000i64..2_500_000, leverage in 1u32..=25, fee in 0u32..=100, waits in any::<bool>(),
    ) {
        let (leverage_of, fee_pct) = (f64::from(leverage), f64::from(fee) / 100.0);
        let fees = Settings { taker_fee_pct: fee_pct, maker_fee_pct: fee_pct, ..settings() };
        let mut rig = Rig::new(Settings { leverage: leverage_of, ..fees });
        rig.candle([100.0; 4]);
        let taken = if waits { rig.send(place("a", "buy limit 10 90")) } else { Vec::new() };
        prop_assert!(taken.iter().all(|text| text == "a accepted"));
        let needs = |value: Decimal| {
            let margin = (value / Decimal::from(leverage)).round_dp(8);
            margin + value * Decimal::new(i64::from(fee), 4)
        };
        let qty = Decimal::new(cents, 2);
        let needed = needs(qty * Decimal::ONE_HUNDRED) + if waits { needs(Decimal::from(900)) } else { Decimal::ZERO };
        let told = rig.send(place("b", &format!("buy market {qty}")));
        let is_affordable = needed <= Decimal::from(10_000);
        prop_assert_eq!(told == ["b refused -2019 Margin"], !is_affordable, "{:?}: {} needed", told, needed);
    }
}

#[test]
fn margin_in_use_and_losses_limit_the_next_entry_and_a_turn_frees_margin() {
    for (order, price, want) in [
        ("buy market 90", 100.0, "a accepted"),
        ("buy market 110", 100.0, "a refused -2019 Margin"),
        ("buy market 30", 90.0, "a refused -2019 Margin"), // 10,000 − 4,000 lost − 8,000 in use
        ("sell market 890", 100.0, "a accepted"),          // 490 short
        ("sell market 910", 100.0, "a refused -2019 Margin"), // 510 short
        ("sell market 400", 85.0, "a accepted"),           // an exit needs none
    ] {
        let mut rig = Rig::holding(settings(), "buy market 400");
        rig.candle([price; 4]);
        assert_eq!(rig.send(place("a", order)), [want], "{order} at {price}");
    }
}

#[test]
fn an_entry_that_is_not_affordable_when_it_fires_expires_but_for_what_reduces() {
    let mut rig = Rig::new(settings());
    rig.send(place("a", "buy market 600"));
    assert_eq!(rig.candle([100.0; 4]), ["a Expired"], "it came before the first price");
    let mut rig = Rig::holding(settings(), "buy market 1");
    rig.send(place("a", "sell stop 480 98"));
    assert_eq!(rig.candle([90.0; 4]), ["a fills 480 @ 90 at 2"]);
    let mut rig = Rig::holding(settings(), "sell market 1");
    rig.send(place("a", "buy stop 480 102"));
    assert_eq!(rig.candle([115.0; 4]), ["a fills 1 @ 115 at 2", "a Expired"]);
}

#[test]
fn funding_is_charged_at_its_times_while_a_position_is_open() {
    let settings = Settings { funding_rate_pct: 0.01, ..settings() };
    for (entry, first, second) in [
        ("buy market 2", "funding 0.02 at 480", "funding 0.02 at 960"),
        ("sell market 2", "funding -0.02 at 480", "funding -0.02 at 960"),
    ] {
        let mut rig = Rig::holding(settings.clone(), entry);
        assert_eq!(rig.matching.next_deadline(), Some(minute(480)));
        assert_eq!(rig.wake(minute(479)), NONE);
        let before = rig.matching.balance();
        assert_eq!(rig.wake(minute(961)), [first], "late, but by the time that it was due");
        assert_eq!(rig.matching.next_deadline(), Some(minute(960)), "in the past: still due");
        assert_eq!(rig.wake(minute(961)), [second]);
        assert_eq!(rig.wake(minute(961)), NONE);
        assert_eq!(before - rig.matching.balance(), rig.matching.totals().funding);
        rig.send(place("out", if entry.starts_with("buy") { "sell market 2!" } else { "buy market 2!" }));
        rig.candle([100.0; 4]);
        assert_eq!(rig.matching.next_deadline(), None, "flat");
    }
}

#[test]
fn a_position_opened_at_a_funding_time_pays_from_the_next_one() {
    let mut rig = Rig::new(Settings { funding_rate_pct: 0.01, ..settings() });
    rig.now = minute(479);
    rig.candle([100.0; 4]);
    rig.send(place("in", "buy market 1"));
    assert_eq!(rig.candle([100.0; 4]), ["in fills 1 @ 100 at 480"]);
    assert_eq!(rig.matching.next_deadline(), Some(minute(960)));
}

#[test]
#[should_panic(expected = "money was made or lost")]
fn the_check_catches_money_from_nowhere() {
    let mut rig = Rig::holding(settings(), "buy market 1");
    rig.matching.state.account.balance += dec("0.00000001");
    rig.matching.check();
}

#[test]
#[should_panic(expected = "the symbols must be those of the snapshot")]
fn a_snapshot_of_other_symbols_is_not_restored() {
    let mut swapped = settings();
    swapped.instruments.reverse();
    let _ = Matching::restore(swapped, Matching::new(settings()).snapshot());
}

#[test]
#[should_panic(expected = "slippage_pct is 0.2, but must be between 0 and 0.1")]
fn slippage_has_its_limit() {
    let _ = Matching::new(Settings { slippage_pct: 0.2, ..settings() });
}
