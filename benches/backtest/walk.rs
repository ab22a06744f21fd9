//! The whole trader over candles in memory, as a driver without a clock moves it.

use crate::common::{allocations, drive};
use rust_decimal::Decimal;
use smolbear::{
    engine::{self, Exits, Gate, Risk},
    market::{ClosedCandle, Symbol, Timeframe, known_instrument},
    simulation::matching,
    strategies,
    trader::Trader,
};

/// The capital at the start, in USDT: so much that every trade is above the smallest order.
pub const CAPITAL: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

/// RSI at most 30, stop 1 %, target 1.5 %: whatever the trend and the ATR are.
pub fn simple(timeframe: Timeframe) -> Vec<strategies::Settings> {
    vec![strategies::Settings {
        timeframe,
        rsi_base: 30.0,
        rsi_range: 0.0,
        target_atr: 0.0,
        target_min_pct: 1.5,
        stop_atr: 1e6,
        stop_max_pct: 1.0,
        ..strategies::Settings::oversold_bounce()
    }]
}

/// Both rules as they are by default, but for timeframes; with the regime's there are candles of 1m, 5m, 30m, 1h and 4h.
pub fn both_on_five() -> Vec<strategies::Settings> {
    let mut rules = strategies::Settings::defaults();
    (rules[0].timeframe, rules[0].context) = (Timeframe::M1, Timeframe::M5);
    rules
}

/// A trader that takes every signal, so that a loop without limits makes the same trades.
pub fn trader(symbols: &[Symbol], strategies: Vec<strategies::Settings>) -> Trader {
    let risk = Risk { per_trade_pct: 0.1, ..unlimited() };
    let gate = Gate { cooldown_s: 0, ..Gate::default() };
    let venue = matching::Settings {
        capital: CAPITAL,
        taker_fee_pct: 0.04,
        slippage_pct: 0.0,
        funding_rate_pct: 0.0,
        ..matching::Settings::default()
    };
    with(symbols, strategies, risk, gate, venue)
}

/// A trader as it is by default, five entries a day, but that no limit ends its account early: it risks so little that it lasts.
pub fn usual(symbols: &[Symbol], strategies: Vec<strategies::Settings>) -> Trader {
    lasting(symbols, strategies, Risk::default().max_trades_per_day)
}

/// The same with as many entries a day as there are.
pub fn restless(symbols: &[Symbol], strategies: Vec<strategies::Settings>) -> Trader {
    lasting(symbols, strategies, u32::MAX)
}

fn lasting(symbols: &[Symbol], strategies: Vec<strategies::Settings>, max_trades_per_day: u32) -> Trader {
    let venue = matching::Settings { capital: CAPITAL, ..matching::Settings::default() };
    let risk = Risk { per_trade_pct: 0.001, max_trades_per_day, ..unlimited() };
    with(symbols, strategies, risk, Gate::default(), venue)
}

/// Whatever is lost, it trades on: the made-up market is no place to earn something.
fn unlimited() -> Risk {
    Risk {
        daily_loss_pct: 100.0,
        max_trades_per_day: u32::MAX,
        max_losses_in_row: 0,
        max_drawdown_pct: 100.0,
        max_correlation: 1.0,
        breaker_correlation: 1.0,
        breaker_daily_loss_pct: 100.0,
        breaker_position_loss_pct: 100.0,
        ..Risk::default()
    }
}

fn with(
    symbols: &[Symbol],
    strategies: Vec<strategies::Settings>,
    risk: Risk,
    gate: Gate,
    venue: matching::Settings,
) -> Trader {
    let instruments: Vec<_> = symbols.iter().map(|symbol| known_instrument(symbol).expect("a known symbol")).collect();
    let (capital, exits, require_warm) = (venue.capital, Exits::default(), false);
    let venue = matching::Settings { instruments: instruments.clone(), ..venue };
    let settings = engine::Settings { instruments, capital, strategies, require_warm, risk, exits, gate };
    Trader::on_paper(settings, venue).unhashed() // as a backtest has it
}

/// Allocations while nothing was asked for, and the others.
pub fn asked_for(trader: &mut Trader, candles: &[ClosedCandle]) -> [u64; 2] {
    let (mut quiet, mut others) = (0, 0);
    for candle in candles {
        let (before, actions) = (allocations(), trader.tally().actions);
        drive(trader, std::slice::from_ref(candle));
        let count = if trader.tally().actions == actions { &mut quiet } else { &mut others };
        *count += allocations() - before;
    }
    [quiet, others]
}
