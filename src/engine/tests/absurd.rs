//! Whatever is told, `handle` never fails and no nonsense is believed.

use super::*;
use crate::market::{AccountView, Instrument};

fn bar(symbol: SymbolId, last: f64) -> PriceBar {
    PriceBar { symbol, last, low: last, high: last, bid: last, ask: last, at: Timestamp(15 * MINUTE_MS) }
}

#[test]
fn what_is_told_of_an_unknown_market_is_passed_over() {
    let (mut rig, stop, _) = Rig::holding(settings());
    let before = rig.engine.snapshot();
    let symbol = SymbolId(7);
    let candle = Candle { open_time: rig.now, open: 1.0, high: 1.0, low: 1.0, close: 1.0, volume: 1.0 };
    let rules: Instrument = settings().instruments.remove(0);
    let one = Decimal::ONE;
    let fill = Fill { id: stop.id, trade_id: 9, symbol, side: stop.side, qty: one, price: one, fee: one, at: rig.now };
    for event in [
        Event::Candle(ClosedCandle { symbol, timeframe: Timeframe::M1, candle, history: false }),
        Event::Price(bar(symbol, 1.0)),
        Event::Order(OrderUpdate::Filled(fill)),
        Event::Order(OrderUpdate::Filled(Fill { id: ClientId::new("byhand").unwrap(), ..fill })),
        Event::Instrument(symbol, rules),
        Event::Funding(FundingPaid { symbol, amount: one, at: rig.now }),
        Event::Feed(symbol, FeedState::Stale),
        Event::Command(Command::Close(symbol)),
    ] {
        rig.event(event.clone());
        assert!(rig.actions.is_empty() && rig.engine.snapshot() == before, "{event:?}");
    }
}

#[test]
fn an_impossible_bar_moves_nothing() {
    let exits = Exits { trailing: true, ..Exits::default() };
    let (mut rig, ..) = Rig::holding(Settings { exits, ..settings() });
    let (before, mark) = (rig.engine.snapshot(), rig.engine.mark(BTC));
    let good = bar(BTC, 98_500.0);
    for bad in [
        PriceBar { last: f64::NAN, ..good },
        PriceBar { high: f64::INFINITY, ..good },
        PriceBar { low: 0.0, ..good },
        PriceBar { low: 99_000.0, ..good },
        PriceBar { high: 1e300, ..good },
        PriceBar { at: Timestamp(0), last: 98_499.0, low: 98_499.0, ..good },
    ] {
        rig.event(Event::Price(bad));
        assert!(rig.actions.is_empty() && rig.engine.snapshot() == before, "{bad:?}");
        assert_eq!(rig.engine.mark(BTC), mark, "{bad:?}");
    }
}

#[test]
fn rules_without_a_tick_or_step_are_not_believed_and_a_new_tick_moves_what_stands() {
    let (mut rig, ..) = Rig::holding(settings());
    let rules = settings().instruments.remove(0);
    for bad in
        [Instrument { tick: Decimal::ZERO, ..rules.clone() }, Instrument { step: -Decimal::ONE, ..rules.clone() }]
    {
        rig.event(Event::Instrument(BTC, bad));
        assert_eq!(rig.engine.settings().instruments[0], rules);
    }
    rig.event(Event::Instrument(BTC, Instrument { tick: Decimal::from(50), ..rules }));
    rig.minute(0.0);
    rig.commit();
    let kinds: Vec<_> = rig.placed().iter().map(|order| order.kind).collect();
    let [stop, target] = [98_350, 99_300].map(Decimal::from);
    assert_eq!(kinds, [OrderKind::StopMarket { trigger: stop }, OrderKind::TakeProfitMarket { trigger: target }]);
}

/// A whole trade at prices, capitals and moves at the ends of what is allowed.
#[test]
fn extremes_trade_or_are_skipped() {
    for price in [1e-10, 1e-8, 1e-4, 1.0, 1e8, 1e9] {
        for capital in ["0", "0.00000001", "1", "1000000000", "-5"] {
            for (tick, step) in [("0.000000000001", "0.000000000001"), ("0.1", "0.001"), ("1000000", "1000000")] {
                let mut settings = settings();
                settings.capital = qty(capital);
                let rules = &mut settings.instruments[0];
                (rules.tick, rules.step, rules.min_qty) = (qty(tick), qty(step), qty(step));
                settings.risk =
                    Risk { leverage: 125.0, max_notional: 1e9, scale_up_to_minimum: true, ..Risk::default() };
                settings.exits = Exits { trailing: true, trailing_pct: 50.0, ..Exits::default() };
                let mut rig = Rig::new(settings);
                rig.price = price;
                (0..15).for_each(|_| rig.minute(-price / 1000.0));
                rig.commit();
                let Some(entry) = rig.placed().pop() else { continue };
                assert!(entry.qty > Decimal::ZERO, "{price} {capital} {step}");
                let mut fill = Fill { price: decimal(rig.price).unwrap(), ..filled(&rig, &entry, 1) };
                rig.update(OrderUpdate::Filled(fill));
                rig.commit();
                let orders = rig.placed();
                assert_eq!(orders.len(), 2, "{price} {capital} {step}");
                (0..3).for_each(|_| rig.minute(price / 2000.0));
                fill = Fill { id: orders[0].id, side: orders[0].side, trade_id: 2, ..fill };
                rig.update(OrderUpdate::Filled(fill));
                rig.minute(-price / 1000.0);
                assert!(rig.engine.equity() > Decimal::ZERO);
            }
        }
    }
}

fn filled(rig: &Rig, order: &OrderRequest, trade_id: u64) -> Fill {
    let (id, side, qty) = (order.id, order.side, order.qty);
    Fill { id, trade_id, symbol: BTC, side, qty, price: Decimal::ONE, fee: Decimal::ZERO, at: rig.now }
}

#[test]
fn the_venues_balance_may_be_anything() {
    for balance in [Decimal::ZERO, Decimal::NEGATIVE_ONE, qty("79228162514264337593543950335")] {
        let mut rig = Rig::new(settings());
        rig.event(Event::Account(AccountView { balance, positions: Vec::new() }));
        (0..30).for_each(|_| rig.minute(-100.0));
    }
}
