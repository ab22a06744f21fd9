//! The simple rule as one loop: what a program would cost that did nothing else.

use smolbear::market::{Candle, ClosedCandle};

/// The fee of one side, as a part of the notional.
const FEE: f64 = 0.0004;
/// From entry to stop and to target, as parts of the price.
const STOP: f64 = 0.01;
const TARGET: f64 = 0.015;
/// What a trade may lose at its stop, as a part of the balance.
const RISK: f64 = 0.001;
/// Changes in the RSI.
const PERIOD: u32 = 14;

/// A position of so much, and where it ends.
struct Held {
    qty: f64,
    entry: f64,
    stop: f64,
    target: f64,
}

/// Trades closed, and what a balance of 1 has become.
///
/// Long at the open after a close with an RSI of at most 30, if flat; a stop is met before a target, and a gap fills at the open.
pub fn oversold_bounce(candles: &[ClosedCandle]) -> (u64, f64) {
    let (mut seen, mut gain, mut loss, mut last) = (0, 0.0, 0.0, candles[0].candle.close);
    let (mut signal, mut held, mut trades, mut balance) = (None, None::<Held>, 0, 1.0);
    for closed in candles {
        let Candle { open, high, low, close, volume, .. } = closed.candle;
        if let Some(price) = signal.take() {
            let (stop, target) = (STOP * price, TARGET * price);
            let qty = RISK * balance / stop;
            balance -= FEE * qty * open;
            held = Some(Held { qty, entry: open, stop: open - stop, target: open + target });
        }
        if let Some(Held { qty, entry, stop, target }) = held
            && (low <= stop || high >= target)
        {
            let exit = if open <= stop || open >= target {
                open
            } else if low <= stop {
                stop
            } else {
                target
            };
            balance += qty * (exit - entry) - FEE * qty * exit;
            (held, trades) = (None, trades + 1);
        }
        seen += 1;
        let weight = f64::from(seen.min(PERIOD));
        gain += ((close - last).max(0.0) - gain) / weight;
        loss += ((last - close).max(0.0) - loss) / weight;
        last = close;
        if held.is_none() && seen > PERIOD && volume > 0.0 && 100.0 * gain <= 30.0 * (gain + loss) {
            signal = Some(close);
        }
    }
    (trades, balance)
}
