//! What trips limits and circuit breakers, what follows, and how they reset. That nothing is opened meanwhile, and that nothing is lost
//! beyond a bound without being closed, [`Rig::event`] checks after every event of every test.

use super::*;
use crate::{
    engine::sizing::{self, Size},
    market::{DAY_MS, HOUR_MS},
};
use proptest::prelude::*;

/// No limit but what a test sets.
fn open() -> Risk {
    Risk {
        daily_loss_pct: 100.0,
        max_trades_per_day: 1_000,
        max_drawdown_pct: 100.0,
        max_losses_in_row: 0,
        breaker_daily_loss_pct: 100.0,
        breaker_position_loss_pct: 100.0,
        ..Risk::default()
    }
}

fn notes(rig: &Rig) -> (Vec<Breaker>, Vec<Breaker>) {
    let said = |action: &Action| match action {
        Action::Alert(Note::Tripped(tripped)) | Action::Log(Note::Tripped(tripped)) => Some(tripped.breaker),
        _ => None,
    };
    let reset = |action: &Action| match action {
        Action::Log(Note::Reset(breaker)) => Some(*breaker),
        _ => None,
    };
    (rig.actions.iter().filter_map(said).collect(), rig.actions.iter().filter_map(reset).collect())
}

fn halts(rig: &Rig) -> Vec<Halt> {
    let halt = |action: &Action| match action {
        Action::Halt(halt) => Some(*halt),
        _ => None,
    };
    rig.actions.iter().filter_map(halt).collect()
}

/// At 1,000 USDT, with 0.01 bought at 98,500 for a fee of 0.1.
#[test]
fn a_loss_trips_at_its_bound_and_closes() {
    let drawdown = Risk { max_drawdown_pct: 10.0, ..open() };
    let daily = Risk { breaker_daily_loss_pct: 5.0, ..open() };
    let position = Risk { breaker_position_loss_pct: 3.0, ..open() };
    for (risk, price, want, halt) in [
        (&drawdown, 88_510.1, None, None),
        (&drawdown, 88_510.0, Some(Breaker::Drawdown), Some(Halt::Emergency)),
        (&daily, 93_510.1, None, None),
        (&daily, 93_510.0, Some(Breaker::DailyLoss), Some(Halt::Close)),
        (&position, 95_587.7, None, None), // 29.123 of 970.777
        (&position, 95_587.6, Some(Breaker::PositionLoss(BTC)), None),
        (&open(), 60_000.0, None, None),
    ] {
        let (mut rig, ..) = Rig::holding(Settings { risk: risk.clone(), ..settings() });
        rig.bar(price);
        assert_eq!(notes(&rig).0, Vec::from_iter(want), "{price}");
        assert_eq!(halts(&rig), Vec::from_iter(halt), "{price}");
        let closing = rig.engine.positions().next().unwrap().closing;
        assert_eq!(closing, want.map(|_| Reason::Breaker), "{price}");
        (0..3).filter(|_| want.is_some()).for_each(|more| rig.bar(price - f64::from(more)));
        assert_eq!(notes(&rig).0.len(), usize::from(want.is_some()), "said once");
        rig.commit();
        let exits = rig.placed();
        assert_eq!(exits.len(), usize::from(want.is_some()), "{price}");
        assert!(exits.iter().all(|exit| exit.reduce_only && exit.kind == OrderKind::Market));
    }
}

#[test]
fn the_days_loss_opens_nothing_until_the_day_ends_and_a_restart_knows() {
    let risk = Risk { breaker_daily_loss_pct: 5.0, ..open() };
    let rules = Settings { risk, ..settings() };
    let (mut rig, ..) = Rig::holding(rules.clone());
    rig.bar(93_000.0);
    rig.commit();
    let exit = rig.placed()[0];
    rig.fill(&exit, exit.qty, 93_000);
    (0..20).for_each(|_| rig.minute(-200.0));
    assert!(rig.skips(Skip::DailyLossBreaker) > 0);
    let until = Timestamp(DAY_MS);
    let tripped = rig.engine.tripped().to_vec();
    assert!(matches!(tripped[..], [Tripped { breaker: Breaker::DailyLoss, until: Some(at), .. }] if at == until));

    let text = serde_json::to_string(&rig.engine.snapshot()).unwrap();
    rig.engine = Engine::restore(rules, serde_json::from_str(&text).unwrap());
    assert_eq!(rig.engine.tripped(), tripped);
    rig.actions.clear();
    rig.now = until.plus_ms(-2 * MINUTE_MS);
    (0..15).for_each(|_| rig.minute(-100.0));
    let tripped_again = notes(&rig).0;
    assert_eq!((tripped_again, notes(&rig).1), (vec![], vec![Breaker::DailyLoss]), "reset once, and not tripped again");
    rig.commit();
    assert_eq!(rig.placed().len(), 1, "the new day's first signal is taken");
}

#[test]
fn a_position_that_lost_too_much_is_history_once_it_is_closed() {
    let risk = Risk { breaker_position_loss_pct: 3.0, ..open() };
    let (mut rig, ..) = Rig::holding(Settings { risk, ..settings() });
    rig.minute(-3_000.0);
    rig.commit();
    let exit = rig.placed()[0];
    rig.fill(&exit, qty("0.004"), 95_500);
    assert_eq!(notes(&rig).1, [], "a part is left");
    rig.fill(&exit, qty("0.006"), 95_500);
    assert_eq!((notes(&rig).1, rig.engine.tripped()), (vec![Breaker::PositionLoss(BTC)], &[][..]));
}

#[test]
fn an_emergency_lasts_until_it_is_cleared_and_the_highest_equity_begins_anew() {
    let rules = Settings { risk: Risk { max_drawdown_pct: 10.0, ..open() }, ..settings() };
    let (mut rig, ..) = Rig::holding(rules.clone());
    rig.bar(80_000.0);
    rig.commit();
    let exit = rig.placed()[0];
    rig.fill(&exit, exit.qty, 80_000);
    let begin = |rig: &mut Rig, halted: bool| {
        rig.engine = Engine::restore(rules.clone(), rig.engine.snapshot());
        rig.actions.clear();
        rig.event(Event::Command(Command::Start));
        rig.event(Event::Command(Command::Halt(halted)));
        (halts(rig).len(), notes(rig).1, rig.engine.tripped().len())
    };
    assert_eq!(begin(&mut rig, true), (0, vec![], 1), "it does not come again, and stays");
    (0..15).for_each(|_| rig.minute(-100.0));
    assert!(rig.skips(Skip::Drawdown) > 0);
    assert_eq!(begin(&mut rig, false), (0, vec![Breaker::Drawdown], 0));
    assert_eq!(rig.engine.state.breakers.peak, rig.engine.equity());
    assert_eq!(begin(&mut rig, false), (0, vec![], 0));
}

#[test]
fn the_highest_equity_is_that_at_the_best_price() {
    let (mut rig, ..) = Rig::holding(Settings { risk: Risk { max_drawdown_pct: 10.0, ..open() }, ..settings() });
    rig.bar(108_500.0);
    assert_eq!(rig.engine.state.breakers.peak, qty("1099.9"));
    rig.bar(97_501.1);
    assert_eq!(notes(&rig).0, [], "989.911 is 9.9999 % less");
    rig.bar(97_501.0);
    assert_eq!(notes(&rig).0, [Breaker::Drawdown]);
}

/// What a position of 0.01 at 98,500 earns in two parts, with 0.1 of fees each, and 0.1 before.
#[test]
fn only_a_gain_ends_a_row_of_losses() {
    for (exits, losses) in [
        ([98_000, 98_000], 1),
        ([98_000, 99_200], 0), // −2 + 4.2 − 0.3
        ([98_000, 98_831], 1), // −2 + 1.986 − 0.3
        ([98_530, 98_530], 1), // 0.3 less 0.3
        ([98_531, 98_531], 0),
    ] {
        let (mut rig, stop, _) = Rig::holding(Settings { risk: open(), ..settings() });
        rig.fill(&stop, qty("0.004"), exits[0]);
        rig.fill(&stop, qty("0.006"), exits[1]);
        let counted = serde_json::to_value(&rig.engine.state.breakers).unwrap()["losses"].as_u64();
        assert_eq!(counted, Some(losses), "{exits:?}");
    }
}

#[test]
fn a_row_of_losses_pauses_until_the_day_ends_and_the_count_begins_anew() {
    let rules = Settings { risk: Risk { max_losses_in_row: 3, ..open() }, ..settings() };
    let mut rig = Rig::new(rules);
    (0..5).for_each(|_| rig.minute(-100.0));
    let result = |rig: &mut Rig, earned: i64| {
        let (at, earned) = (rig.now, Decimal::from(earned));
        rig.engine.count_result(at, earned, &mut rig.actions);
    };
    for (earned, trips) in [(-1, false), (-1, false), (5, false), (-1, false), (-1, false), (-1, true), (-1, true)] {
        result(&mut rig, earned);
        assert_eq!(notes(&rig).0, if trips { vec![Breaker::LossStreak] } else { vec![] });
    }
    assert_eq!(halts(&rig), [Halt::Pause]);
    (0..12).for_each(|_| rig.minute(-100.0));
    assert!(rig.skips(Skip::LossStreak) > 0);
    rig.now = Timestamp(DAY_MS);
    rig.minute(-100.0);
    assert_eq!(notes(&rig).1, [Breaker::LossStreak]);
    result(&mut rig, -1);
    result(&mut rig, -1);
    assert_eq!(notes(&rig).0, [Breaker::LossStreak], "not two more");
    result(&mut rig, -1);
    assert_eq!(notes(&rig).0, [Breaker::LossStreak; 2]);
}

fn hour(symbol: SymbolId, number: i64, close: f64, history: bool) -> Event {
    let open_time = Timestamp(number * HOUR_MS);
    let candle = Candle { open_time, open: close, high: close, low: close, close, volume: 1.0 };
    Event::Candle(ClosedCandle { symbol, timeframe: Timeframe::H1, candle, history })
}

/// An engine on BTC and ETH with a history of returns of 1 % that go together by so many parts of ten.
fn pair(together: usize, risk: Risk) -> Engine {
    let plain = settings();
    let eth = known_instrument(&"ETHUSDT".parse().unwrap()).unwrap();
    let mut engine = Engine::new(Settings { instruments: vec![plain.instruments[0].clone(), eth], risk, ..plain });
    let (mut prices, mut actions) = ([100_000.0, 4_000.0], Vec::new());
    for number in 0..101i64 {
        let up = if number % 2 == 0 { 1.01 } else { 1.0 / 1.01 };
        // in pairs of hours, so that both rise as often as they fall
        let alike = (number / 2) as usize % 10 < together;
        prices = [prices[0] * up, if alike { prices[1] * up } else { prices[1] / up }];
        for (index, price) in prices.into_iter().enumerate() {
            let at = Timestamp((number + 1) * HOUR_MS);
            engine.handle(at, &hour(SymbolId(index as u16), number, price, true), &mut actions);
        }
    }
    engine
}

/// As far as the two go together: 100 returns, of which so many tenths are alike and the others opposite.
#[test]
fn an_entry_stands_alone_up_to_the_limit_on_either_side() {
    use Side::{Long, Short};
    const NOW: Timestamp = Timestamp(101 * HOUR_MS);
    for (together, limit, breaker, held, side, want) in [
        (10, 0.7, 0.9, Long, Long, Err(Skip::CorrelationBreaker)),
        (10, 0.7, 0.9, Long, Short, Ok(())),
        (10, 0.7, 0.9, Short, Short, Err(Skip::CorrelationBreaker)),
        (10, 0.99, 0.99, Long, Long, Err(Skip::CorrelationBreaker)),
        (9, 0.7, 0.9, Long, Long, Err(Skip::Correlation)), // 0.8
        (9, 0.81, 0.9, Long, Long, Ok(())),
        (9, 1.0, 0.79, Long, Long, Err(Skip::CorrelationBreaker)),
        (8, 0.7, 0.9, Long, Long, Ok(())), // 0.6
        (0, 0.7, 0.9, Long, Short, Err(Skip::CorrelationBreaker)),
        (0, 0.7, 0.9, Long, Long, Ok(())),
        (1, 0.7, 0.9, Short, Long, Err(Skip::Correlation)),
    ] {
        let row = (together, limit, breaker, held, side);
        let risk = Risk { max_correlation: limit, breaker_correlation: breaker, ..open() };
        let mut engine = pair(together, risk);
        let mut actions = Vec::new();
        assert_eq!(engine.stands_alone(NOW, SymbolId(1), side, &mut actions), Ok(()), "nothing is open");
        let (rig, ..) = Rig::holding(settings());
        let mut position = rig.engine.positions().next().unwrap().clone();
        position.plan.side = held;
        let plan = position.plan;
        engine.state.positions[0] = Some(position);
        assert_eq!(engine.stands_alone(NOW, SymbolId(1), side, &mut actions), want, "{row:?}");
        assert_eq!(engine.stands_alone(NOW, BTC, side, &mut actions), Ok(()), "not with itself");
        engine.state.positions[0] = None;
        let entry = Rig::signalled(settings()).engine.orders().next().unwrap().request;
        engine.hold(NOW, entry, Leg::Entry(plan));
        assert_eq!(engine.stands_alone(NOW, SymbolId(1), side, &mut actions), want, "on its way: {row:?}");
        assert_eq!(actions.len(), usize::from(want.is_err()), "said once: {actions:?}");
        assert!(engine.tripped().iter().all(|tripped| tripped.until == Some(NOW.plus_ms(HOUR_MS))));
    }
}

#[test]
fn the_correlation_of_a_new_market_counts_as_none() {
    let mut engine = Engine::new(pair(0, open()).settings().clone());
    let (rig, ..) = Rig::holding(settings());
    engine.state.positions[0] = rig.engine.positions().next().cloned();
    assert_eq!(engine.stands_alone(Timestamp(0), SymbolId(1), Side::Long, &mut Vec::new()), Ok(()));
}

/// A rig whose market has moved by 1 % an hour for 101 hours, and by so much in the one before now.
fn after_hours(last: f64) -> Rig {
    let mut rig = Rig::new(Settings { risk: open(), ..settings() });
    rig.now = Timestamp(200 * HOUR_MS);
    for back in (1..=102).rev() {
        let close = if back == 1 {
            100_000.0 * last
        } else if back % 2 == 0 {
            100_000.0
        } else {
            101_000.0
        };
        rig.event(hour(BTC, 200 - back, close, true));
    }
    rig.price = 100_000.0;
    rig
}

#[test]
fn a_spike_halves_sizes_for_four_hours() {
    for (last, minutes_ago, want) in [
        (1.0295, 0, "0.01"),
        (1.04, 0, "0.005"),
        (0.96, 0, "0.005"),
        (0.96, 4 * 60 - 16, "0.005"),
        (0.96, 4 * 60 - 15, "0.01"),
    ] {
        let mut rig = after_hours(last);
        rig.now = rig.now.plus_ms(minutes_ago * MINUTE_MS);
        (0..15).for_each(|_| rig.minute(-100.0));
        rig.commit();
        assert_eq!(rig.placed()[0].qty, qty(want), "{last} {minutes_ago}");
    }
}

#[test]
fn a_spike_is_said_once_with_its_end() {
    let mut rig = after_hours(1.0);
    rig.now = rig.now.plus_ms(HOUR_MS);
    rig.event(hour(BTC, 200, 110_000.0, false));
    assert_eq!(notes(&rig).0, [Breaker::Spike(BTC)]);
    let until = Timestamp(205 * HOUR_MS);
    assert_eq!(rig.engine.tripped()[0].until, Some(until));
    (rig.price, rig.now) = (110_000.0, until.plus_ms(-10 * MINUTE_MS));
    (0..10).for_each(|_| rig.minute(0.0));
    assert_eq!(notes(&rig), (vec![Breaker::Spike(BTC)], vec![Breaker::Spike(BTC)]));
}

#[test]
fn half_of_the_smallest_size_is_too_small() {
    for (scale_up_to_minimum, want) in [(false, None), (true, Some(qty("0.002")))] {
        let mut rig = after_hours(1.04);
        rig.engine.settings.risk.scale_up_to_minimum = scale_up_to_minimum;
        rig.engine.settings.risk.max_notional = 300.0;
        (0..15).for_each(|_| rig.minute(-100.0));
        rig.commit();
        assert_eq!(rig.placed().first().map(|entry| entry.qty), want);
        assert_eq!(rig.skips(Skip::BelowMinimum), u64::from(want.is_none()));
    }
}

#[test]
fn what_has_tripped_moves_with_its_symbol() {
    use crate::market::{Names, Refit};
    let mut engine = pair(10, open());
    let at = Timestamp(1);
    for breaker in [Breaker::LossStreak, Breaker::Spike(BTC), Breaker::Spike(SymbolId(1))] {
        engine.trip(Tripped { breaker, at, until: None, measured: 4.0 }, &mut Vec::new());
    }
    let was = engine.settings().names();
    let now = Names { symbols: ["XRPUSDT", "ETHUSDT"].map(|name| name.parse().unwrap()).into(), ..was.clone() };
    let moved = engine.snapshot().refit(&Refit { was: &was, now: &now }).unwrap();
    let breakers: Vec<_> = moved.tripped().iter().map(|tripped| tripped.breaker).collect();
    assert_eq!(breakers, [Breaker::LossStreak, Breaker::Spike(SymbolId(1))]);
}

#[test]
fn the_risk_of_an_entry_on_its_way_counts_as_if_it_had_filled() {
    let mut rig = Rig::signalled(settings());
    let risk = rig.engine.open_risk();
    assert!(risk > Decimal::ZERO, "held back");
    rig.commit();
    let entry = rig.placed()[0];
    assert_eq!(rig.engine.open_risk(), risk, "sent");
    rig.update(OrderUpdate::Unknown { id: entry.id });
    assert_eq!(rig.engine.open_risk(), risk, "in doubt (S4)");
    rig.fill(&entry, qty("0.004"), 98_500);
    assert_eq!(rig.engine.open_risk(), risk, "filled in part");
    rig.fill(&entry, qty("0.006"), 98_500);
    assert_eq!(rig.engine.open_risk(), risk, "filled");
    let (equity, settings) = (rig.engine.equity(), rig.engine.settings());
    let room = equity * qty("0.05") - risk;
    for (more, refused) in [("0", false), ("0.01", true)] {
        let (size, price, stop_distance) = (Size::Loss(room + qty(more)), qty("98500"), qty("1500"));
        let wish = sizing::Wish { size, open_risk: risk, price, stop_distance, factor: 1.0, equity };
        let got = sizing::quantity(&wish, &settings.instruments[0], &settings.risk);
        assert_eq!(got == Err(Skip::PortfolioRisk), refused, "{more} more than there is room for: {got:?}");
    }
}

proptest! {
    /// Prices go anywhere; entries fill, and exits never.
    #[test]
    fn nothing_is_opened_while_tripped_and_no_loss_is_left_open(
        moves in prop::collection::vec((-400i32..380, any::<bool>()), 1..200),
        [drawdown, daily, position] in [0.5..20.0, 0.5..20.0, 0.5..20.0],
        restarts in any::<bool>(),
    ) {
        let limits = Risk {
            max_drawdown_pct: drawdown,
            breaker_daily_loss_pct: daily,
            breaker_position_loss_pct: position,
            ..open()
        };
        let rules = Settings { risk: limits, ..settings() };
        let mut rig = Rig::signalled(rules.clone());
        for (by, whole) in moves {
            rig.commit();
            for order in rig.placed() {
                rig.update(OrderUpdate::Accepted { id: order.id });
                if !order.reduce_only {
                    let price = rig.price as u32;
                    rig.fill(&order, order.qty, price);
                }
            }
            if whole { rig.minute(f64::from(by)) } else { rig.bar(rig.price + f64::from(by)) }
            if restarts {
                let text = serde_json::to_string(&rig.engine.snapshot()).unwrap();
                let desks = rig.engine.desks();
                let again = Engine::restore_warm(rules.clone(), serde_json::from_str(&text).unwrap(), desks);
                assert_eq!(again.tripped(), rig.engine.tripped());
                rig.engine = again;
            }
        }
    }
}
