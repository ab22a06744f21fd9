//! A small market for the tests of this folder: one coin, an engine that decides each minute, and prices by hand.

use super::text::Teller;
use crate::{
    engine::{Action, Engine, Entry, Event, Exits, Gate, Note, Reason, Risk, Settings, Trade},
    market::{Candle, ClosedCandle, MINUTE_MS, Side, Symbol, SymbolId, Timeframe, Timestamp, known_instrument},
    simulation::matching::{self},
    strategies,
    trader::Trader,
};
use rust_decimal::Decimal;

pub const BTC: SymbolId = SymbolId(0);
/// 2025-01-01 00:00 UTC.
pub const START: Timestamp = Timestamp(1_735_689_600_000);

pub fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub fn btc() -> Symbol {
    "BTCUSDT".parse().unwrap()
}

pub fn settings() -> Settings {
    let minute = strategies::Settings {
        timeframe: Timeframe::M1,
        context: Timeframe::M1,
        ..strategies::Settings::oversold_bounce()
    };
    Settings {
        instruments: vec![known_instrument(&btc()).unwrap()],
        capital: Decimal::from(1000),
        strategies: vec![minute],
        require_warm: false,
        risk: Risk::default(),
        exits: Exits::default(),
        gate: Gate::default(),
    }
}

pub fn trader() -> Trader {
    trader_with(Exits::default())
}

pub fn trader_with(exits: Exits) -> Trader {
    let venue = matching::Settings {
        instruments: settings().instruments,
        capital: settings().capital,
        taker_fee_pct: 0.06,
        maker_fee_pct: 0.06,
        slippage_pct: 0.0,
        leverage: 5.0,
        funding_rate_pct: 0.01,
        ..matching::Settings::default()
    };
    Trader::on_paper(Settings { exits, ..settings() }, venue)
}

/// The candle of a minute since [`START`].
pub fn minute(number: i64, open: f64, close: f64) -> ClosedCandle {
    let candle = Candle {
        open_time: START.plus_ms(number * MINUTE_MS),
        open,
        high: open.max(close),
        low: open.min(close),
        close,
        volume: 1.0,
    };
    ClosedCandle { symbol: BTC, timeframe: Timeframe::M1, candle, history: false }
}

/// A trader whose market fell from 100,000 by 100 a minute until it was bought, and then went to `last`, with all that was said.
pub fn bought_then(last: f64) -> (Trader, Vec<Note>) {
    bought_by(trader(), &[last, last])
}

/// The same for a trader of one's own and the closes of the minutes that follow.
pub fn bought_by(mut trader: Trader, closes: &[f64]) -> (Trader, Vec<Note>) {
    let (mut actions, mut latest, mut open) = (Vec::new(), START, 100_000.0);
    let falling = (1..=16).map(|number| 100_000.0 - 100.0 * f64::from(number));
    for (number, close) in falling.chain(closes.iter().copied()).enumerate() {
        let candle = minute(number as i64, std::mem::replace(&mut open, close), close);
        loop {
            let (at, event) = trader.next_of(latest, candle.closes_at(), Event::Candle(candle));
            let is_candle = matches!(event, Event::Candle(_));
            latest = at;
            trader.turn(at, &event, &mut actions);
            trader.check();
            if is_candle {
                break;
            }
        }
    }
    let notes = actions.into_iter().filter_map(|action| match action {
        Action::Log(note) | Action::Alert(note) => Some(note),
        _ => None,
    });
    (trader, notes.collect())
}

pub fn teller(engine: &Engine) -> Teller<'_> {
    Teller { engine, market_time: false }
}

pub fn entry(side: Side) -> Entry {
    let [stop, target] = match side {
        Side::Long => ["111797.5", "115770.0"],
        Side::Short => ["115770.0", "110095.0"],
    };
    Entry {
        symbol: BTC,
        side,
        qty: dec("0.0040"),
        price: dec("113500"),
        stop: dec(stop),
        target: dec(target),
        risk: dec("6.81"),
        strategy: 0,
        cause: strategies::Cause::Rsi { value: 38.2, threshold: 43.0 },
        at: START,
    }
}

pub fn trade(reason: Reason) -> Trade {
    Trade {
        symbol: BTC,
        strategy: 0,
        side: Side::Long,
        entry_time: START,
        entry_price: dec("113500.0"),
        qty: dec("0.0040"),
        exit_time: START.plus_ms(90 * MINUTE_MS),
        exit_price: dec("111797.5"),
        reason,
        gross: dec("-6.8100"),
        fees: dec("0.540714"),
        funding: dec("0.045"),
        r: dec("-1.0860"),
        balance: dec("992.604286"),
    }
}
