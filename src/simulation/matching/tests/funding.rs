//! When positions pay for being held, and at what rate.

use super::rig::*;
use crate::{market::*, simulation::matching::*};
use proptest::prelude::*;

fn said(rate: &str, at: i64) -> FundingRate {
    FundingRate { symbol: BTC, rate: dec(rate), at: minute(at) }
}

/// Holds 2 coins at 100 since minute 1; without an announcement they pay 0.02 every eight hours.
fn holding() -> Rig {
    Rig::holding(Settings { funding_rate_pct: 0.01, ..settings() }, "buy market 2")
}

#[test]
fn an_announced_rate_is_paid_at_its_time_and_the_fixed_times_no_more() {
    let mut rig = holding();
    assert_eq!(rig.rate(minute(10), said("0.001", 240)), NONE);
    assert_eq!(rig.rate(minute(100), said("-0.002", 240)), NONE, "the last word counts");
    assert_eq!(rig.matching.next_deadline(), Some(minute(240)));
    assert_eq!(rig.wake(minute(240)), ["funding -0.4 at 240"]);
    assert_eq!(rig.rate(minute(241), said("0.001", 1200)), NONE);
    assert_eq!(rig.matching.next_deadline(), Some(minute(1200)), "not 480 nor 960");
    assert_eq!(rig.wake(minute(1199)), NONE);
    assert_eq!(rig.wake(minute(1200)), ["funding 0.2 at 1200"]);
}

#[test]
fn where_no_announcement_follows_the_last_rate_is_paid_at_the_fixed_times() {
    let mut rig = holding();
    rig.rate(minute(10), said("0.001", 240));
    assert_eq!(rig.wake(minute(240)), ["funding 0.2 at 240"]);
    assert_eq!(rig.matching.next_deadline(), Some(minute(480)));
    assert_eq!(rig.wake(minute(480)), ["funding 0.2 at 480"]);
    assert_eq!(rig.rate(minute(480), said("0.003", 480)), NONE);
    assert_eq!(rig.wake(minute(480)), NONE, "it is paid already");
    assert_eq!(rig.rate(minute(500), said("0.003", 720)), NONE);
    assert_eq!(rig.wake(minute(720)), ["funding 0.6 at 720"]);
}

#[test]
fn what_was_due_before_an_announcement_is_paid_at_the_rate_from_before_it() {
    let mut rig = holding();
    rig.rate(minute(10), said("0.001", 240));
    // the next announcement is handled before the deadline is
    assert_eq!(rig.rate(minute(240), said("0.005", 480)), ["funding 0.2 at 240"]);
    assert_eq!(rig.wake(minute(240)), NONE);
    // and one comes after an outage
    assert_eq!(rig.rate(minute(1000), said("0.004", 1440)), ["funding 1 at 480", "funding 1 at 960"]);
    assert_eq!(rig.matching.next_deadline(), Some(minute(1440)));
}

#[test]
fn a_rate_that_is_told_at_its_own_time_counts_and_its_milliseconds_do_not() {
    let mut rig = holding();
    let late = FundingRate { at: minute(480).plus_ms(3), ..said("0.001", 0) };
    assert_eq!(rig.rate(minute(480).plus_ms(3), late), NONE);
    assert_eq!(rig.wake(minute(480).plus_ms(3)), ["funding 0.2 at 480"]);
    assert_eq!(rig.matching.next_deadline(), Some(minute(960)));
}

#[test]
fn announcements_that_cannot_be_true_are_ignored() {
    for (rate, at) in [("0.0301", 240), ("-0.0301", 240), ("0.001", 9), ("0.001", 10 + 24 * 60 + 1)] {
        let mut rig = holding();
        assert_eq!(rig.rate(minute(10), said(rate, at)), NONE);
        assert_eq!(rig.matching.next_deadline(), Some(minute(480)), "{rate} {at}");
    }
    let mut rig = holding();
    let stranger = FundingRate { symbol: SymbolId(2), ..said("0.001", 240) };
    assert_eq!(rig.rate(minute(10), stranger), NONE);
    rig.rate(minute(10), said("0.03", 240));
    assert_eq!(rig.wake(minute(240)), ["funding 6 at 240"]);
}

#[test]
fn one_symbols_rate_is_not_the_others() {
    let mut rig = holding();
    rig.rate(minute(10), FundingRate { symbol: ETH, ..said("0.001", 240) });
    assert_eq!(rig.matching.next_deadline(), Some(minute(480)));
}

#[test]
fn new_rules_hold_for_what_comes_after_them() {
    let mut rig = Rig::holding(settings(), "buy market 1");
    let rules = rig.matching.settings().instruments[0].clone();
    rig.instrument(&Instrument { step: dec("0.5"), ..rules.clone() });
    assert_eq!(rig.send(place("a", "buy market 0.7")), ["a refused -1111 Filter"]);
    for wrong in [
        Instrument { tick: Decimal::ZERO, ..rules.clone() },
        Instrument { step: -Decimal::ONE, ..rules.clone() },
        Instrument { symbol: "SOLUSDT".parse().unwrap(), ..rules },
    ] {
        rig.instrument(&wrong);
        assert_eq!(rig.matching.settings().instruments[0].step, dec("0.5"));
    }
}

/// What a version without any later field has stored: a position, and a walk in the middle.
#[test]
fn a_state_from_before_announcements_is_read_and_goes_on() {
    let stored = include_str!("stored.json");
    let snapshot: Snapshot = serde_json::from_str(stored).unwrap();
    let mut matching = Matching::restore(settings(), snapshot);
    let mut outputs = Vec::new();
    assert!(matching.is_walking() && matching.resume(&mut outputs));
    assert!(matches!(outputs[..], [Output::Order(OrderUpdate::Filled(fill))] if fill.price == dec("97")));
    assert!(!matching.resume(&mut outputs));
    assert_eq!(matching.mark(BTC), Some(101.0));
    matching.check();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// However announcements and deadlines come: times rise, none is paid twice, and no pause is longer than the venue said or 8 hours.
    #[test]
    fn every_settlement_is_paid_once_and_paying_never_ends(
        steps in prop::collection::vec((any::<bool>(), 0i64..600, 0i64..1500, -50i64..50), 1..60)
    ) {
        let mut rig = holding();
        let (mut now, mut paid, mut promised) = (2, vec![0], 0);
        for (announces, wait, ahead, rate) in steps {
            now += wait;
            let texts = if announces {
                if rate.abs() <= 30 && ahead <= 1440 {
                    promised = now + ahead;
                }
                rig.rate(minute(now), said(&Decimal::new(rate, 3).to_string(), now + ahead))
            } else {
                let mut texts = Vec::new();
                while rig.matching.next_deadline().is_some_and(|at| at <= minute(now)) {
                    texts.extend(rig.wake(minute(now)));
                }
                texts
            };
            for text in texts {
                let at: i64 = text.rsplit_once(' ').unwrap().1.parse().unwrap();
                prop_assert!(at > *paid.last().unwrap() && at <= now, "{text} after {paid:?}");
                paid.push(at);
            }
            let next = rig.matching.next_deadline().unwrap().0 / MINUTE_MS;
            prop_assert!(next <= (paid.last().unwrap() + 480).max(promised), "{next} after {paid:?} and {promised}");
        }
    }
}
