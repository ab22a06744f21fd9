//! Engine and venue together.

mod live;
mod rows;

use super::*;
use crate::{
    engine::{Exits, Gate, Risk, Settings},
    market::{Candle, FundingRate, Instrument, MINUTE_MS, Names, PriceBar, SymbolId, Timeframe, known_instrument},
    strategies,
};
use rust_decimal::Decimal;

const BTC: SymbolId = SymbolId(0);

fn trader() -> Trader {
    let rule = strategies::Settings { timeframe: Timeframe::M1, ..strategies::Settings::oversold_bounce() };
    let instruments = vec![known_instrument(&"BTCUSDT".parse().unwrap()).unwrap()];
    let (capital, strategies) = (Decimal::ONE_THOUSAND, vec![rule]);
    let (risk, exits, gate) = (Risk::default(), Exits::default(), Gate::default());
    let venue = matching::Settings { instruments: instruments.clone(), ..matching::Settings::default() };
    Trader::on_paper(Settings { instruments, capital, strategies, require_warm: false, risk, exits, gate }, venue)
}

#[test]
fn rules_and_rates_reach_engine_and_venue() {
    let mut trader = trader();
    let rules = Instrument { tick: Decimal::TEN, ..trader.engine().settings().instruments[0].clone() };
    trader.turn(Timestamp(0), &Event::Instrument(BTC, rules.clone()), &mut Vec::new());
    let matching = trader.venue().matching().expect("on paper");
    assert_eq!([&matching.settings().instruments, &trader.engine().settings().instruments], [&vec![rules]; 2]);
    let before = trader.snapshot();
    let said = FundingRate { symbol: BTC, rate: Decimal::new(1, 4), at: Timestamp(MINUTE_MS) };
    trader.turn(Timestamp(0), &Event::FundingRate(said), &mut Vec::new());
    let after = trader.snapshot();
    assert!(before.venue() != after.venue() && before.engine() == after.engine());
}

/// The minute that begins at `at`, in which the price falls by 100.
fn falling(at: i64) -> Event {
    let open = 100_000.0 - 100.0 * at as f64;
    let close = open - 100.0;
    let candle = Candle { open_time: Timestamp(at * MINUTE_MS), open, high: open, low: close, close, volume: 1.0 };
    Event::Candle(ClosedCandle { symbol: BTC, timeframe: Timeframe::M1, candle, history: false })
}

#[test]
fn a_stop_goes_after_a_second_also_when_the_disk_is_stuck_in_the_middle_of_a_candle() {
    let (mut trader, mut actions) = (trader(), Vec::new());
    let now = |at: i64| Timestamp((at + 1) * MINUTE_MS);
    (0..15).for_each(|at| trader.turn(now(at), &falling(at), &mut actions));
    trader.handle(now(15), &falling(15), &mut actions);
    let batch = trader.outstanding().expect("the entry filled at the open, and the fill must be durable");
    let waiting = |trader: &Trader| {
        let matching = trader.venue().matching().expect("on paper");
        matching.open_orders(BTC).count()
    };
    assert_eq!(waiting(&trader), 0);
    let due = trader.next_deadline().expect("the stop does not wait for ever");
    assert_eq!(due, now(15).plus_ms(1_000));
    trader.handle(due, &Event::Wake, &mut actions);
    assert_eq!(waiting(&trader), 2, "stop and target");
    assert_eq!((trader.outstanding(), trader.next_deadline()), (Some(batch), None), "nothing else goes on");
    trader.handle(due, &Event::Committed { batch }, &mut actions);
    while let Some(batch) = trader.outstanding() {
        trader.handle(due, &Event::Committed { batch }, &mut actions);
    }
    trader.check();
    // 98,500 less 1.2 ATRs is hit within the same candle, which the engine has heard of too
    assert_eq!((trader.engine().account().trades, trader.engine().mark(BTC)), (1, 98_400.0));
}

#[test]
fn a_turn_goes_on_where_its_symbol_has_another_number() {
    let (mut trader, mut actions) = (trader(), Vec::new());
    let now = |at: i64| Timestamp((at + 1) * MINUTE_MS);
    (0..15).for_each(|at| trader.turn(now(at), &falling(at), &mut actions));
    trader.handle(now(15), &falling(15), &mut actions);
    let batch = trader.outstanding().expect("the entry filled at the open, and the fill must be durable");
    let lists = |symbols: &[&str]| Names {
        symbols: symbols.iter().map(|name| name.parse().unwrap()).collect(),
        strategies: vec!["oversold_bounce".to_owned()],
    };
    let (was, now_is, without) = (lists(&["BTCUSDT"]), lists(&["ETHUSDT", "BTCUSDT"]), lists(&["ETHUSDT"]));
    let snapshot = trader.snapshot();
    assert_eq!(snapshot.clone().refit(&Refit { was: &was, now: &was }), Ok(snapshot.clone()));
    assert!(snapshot.clone().refit(&Refit { was: &was, now: &without }).is_err());
    let snapshot = snapshot.refit(&Refit { was: &was, now: &now_is }).unwrap();
    let instruments: Vec<_> = now_is.symbols.iter().map(|symbol| known_instrument(symbol).unwrap()).collect();
    let settings = Settings { instruments: instruments.clone(), ..trader.engine.settings().clone() };
    let venue = matching::Settings { instruments, capital: Decimal::ONE, ..matching::Settings::default() };
    let mut moved = Trader::restore(Settings { capital: Decimal::ONE, ..settings }, venue, snapshot);
    for at in 0..16 {
        let Event::Candle(candle) = falling(at) else { unreachable!() };
        let history = ClosedCandle { symbol: SymbolId(1), history: true, ..candle };
        moved.handle(now(at), &Event::Candle(history), &mut actions);
    }
    moved.turn(now(15), &Event::Committed { batch }, &mut actions);
    trader.turn(now(15), &Event::Committed { batch }, &mut actions);
    moved.check();
    let account = moved.engine().account();
    assert_eq!((account.trades, account.capital), (1, Decimal::ONE_THOUSAND), "the account's own capital");
    assert_eq!(account, trader.engine().account());
    assert_eq!((moved.engine().mark(SymbolId(1)), moved.engine().mark(BTC)), (98_400.0, 0.0));
}

#[test]
fn a_bar_without_quotes_can_be_stored_in_the_middle_of_its_walk() {
    let (mut trader, mut actions) = (trader(), Vec::new());
    let now = |at: i64| Timestamp((at + 1) * MINUTE_MS);
    (0..15).for_each(|at| trader.turn(now(at), &falling(at), &mut actions));
    let [last, missing] = [98_400.0, f64::NAN];
    let bar = PriceBar { symbol: BTC, last, low: last, high: last, bid: missing, ask: missing, at: now(15) };
    trader.handle(now(15), &Event::Price(bar), &mut actions);
    assert!(trader.outstanding().is_some() && trader.desk.walking.is_some(), "the entry filled");
    let text = serde_json::to_string(&trader.snapshot()).unwrap();
    assert_eq!(serde_json::from_str::<Snapshot>(&text).unwrap(), trader.snapshot());
}

#[test]
#[should_panic(expected = "while a commit is outstanding")]
fn no_candle_is_lost_on_a_trader_that_waits() {
    let (mut trader, mut actions) = (trader(), Vec::new());
    for at in 0..17 {
        trader.handle(Timestamp((at + 1) * MINUTE_MS), &falling(at), &mut actions);
    }
}
