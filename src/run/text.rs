//! The words of the log: notes of the engine and the state of a symbol as a person reads them.

use crate::{
    engine::{Engine, Entry, Halt, Note, Outlook, Reason, Trade},
    market::{Class, Instrument, Side, SymbolId, Timestamp},
    strategies::{Cause, Momentum, Trend, Volatility},
};
use log::Level;
use rust_decimal::{Decimal, RoundingStrategy};
use std::time::Duration;

/// What a note's text needs to know besides the note.
#[derive(Clone, Copy)]
pub struct Teller<'a> {
    /// The engine that took the note.
    pub engine: &'a Engine,
    /// Whether trades are told with the market's time, since it is not the reader's.
    pub market_time: bool,
}

impl Teller<'_> {
    /// A note as a line of the log.
    #[must_use]
    pub fn line(&self, note: &Note) -> (Level, String) {
        match note {
            Note::Entry(entry) => (Level::Info, self.entry(entry)),
            Note::Exit(trade) => (Level::Info, self.exit(trade)),
            Note::Skipped { symbol, strategy, why, price } => {
                let (symbol, strategy) = (self.name(*symbol), self.strategy(*strategy));
                (Level::Debug, format!("Signal of {strategy} for {symbol} at {price} not taken: {}", why.name()))
            }
            Note::PassedOver { symbol, strategy, count } => {
                let (name, rows) = (self.strategy(*strategy), counted(*count, "signal"));
                let text = format!(
                    "{name}: {rows} for {} passed over: no candle closed in time, or a later one came within the same",
                    self.name(*symbol)
                );
                (Level::Warn, text)
            }
            Note::DayLimit { why, until } => {
                (Level::Info, format!("Limit reached ({}): no new entries until {}", why.name(), market_time(*until)))
            }
            Note::NoVolume(symbol) => {
                (Level::Info, format!("{}: the data has no volume, so that condition is dropped", self.name(*symbol)))
            }
            Note::Refused { id, symbol, code, class } => (
                Level::Warn,
                format!("{} order {id} refused by exchange: {} ({code})", self.name(*symbol), class_text(*class)),
            ),
            Note::InDoubt { id, symbol } => (
                Level::Warn,
                format!(
                    "{} order {id}: nobody knows what became of it; no new entries until that is known",
                    self.name(*symbol)
                ),
            ),
            Note::NotOurs { id, symbol } => (
                Level::Error,
                format!(
                    "{} trade of order {id} does not fit our books; no new entries until they are compared",
                    self.name(*symbol)
                ),
            ),
            Note::Unprotected(symbol) => (
                Level::Error,
                format!("{}: the exchange refuses the stop; the position is closed at the market", self.name(*symbol)),
            ),
            Note::StopMoved { symbol, stop } => {
                (Level::Info, format!("{}: trailing stop moved to {}", self.name(*symbol), self.price(*symbol, *stop)))
            }
            Note::Funding { symbol, amount } => {
                let way = if amount.is_sign_negative() { "received" } else { "paid" };
                (Level::Debug, format!("{}: funding of {} USDT {way}", self.name(*symbol), rounded(amount.abs(), 4)))
            }
            Note::Liquidated { symbol, qty, price } => (
                Level::Error,
                format!(
                    "{}: {qty} liquidated by the exchange at {}; the margin is lost",
                    self.name(*symbol),
                    self.price(*symbol, *price)
                ),
            ),
            Note::Halted(level) => (Level::Error, format!("{}: the account is empty", halt_text(*level))),
        }
    }

    fn entry(&self, entry: &Entry) -> String {
        let arrow = if entry.side == Side::Long { "📈" } else { "📉" };
        let [price, stop, target] =
            [entry.price, entry.stop, entry.target].map(|price| self.price(entry.symbol, price));
        let percent = |to: Decimal| rounded((to - entry.price) * Decimal::ONE_HUNDRED / entry.price, 1);
        format!(
            "{arrow} [ENTRY] {} {} {} @ {price}, stop {stop} ({:+.1} %), target {target} ({:+.1} %), risk {:.2} USDT — {}{}{}",
            entry.side,
            self.name(entry.symbol),
            entry.qty.normalize(),
            percent(entry.stop),
            percent(entry.target),
            rounded(entry.risk, 2),
            self.strategy(entry.strategy),
            cause_text(entry.cause, entry.side),
            self.at(entry.at),
        )
    }

    fn exit(&self, trade: &Trade) -> String {
        let [entry, exit] = [trade.entry_price, trade.exit_price].map(|price| self.price(trade.symbol, price));
        let pnl = trade.pnl();
        let percent = rounded(pnl * Decimal::ONE_HUNDRED / (trade.entry_price * trade.qty), 2);
        let pnl = rounded(pnl, 2);
        let (mark, why) = exit_words(trade.reason);
        let (side, symbol, qty, at) =
            (trade.side, self.name(trade.symbol), trade.qty.normalize(), self.at(trade.exit_time));
        format!(
            "{mark} {side} {symbol} {qty}, entry {entry}, exit {exit}, P&L {pnl:+.2} USDT ({percent:+.2} %){why}{at}"
        )
    }

    /// The lines of one symbol's state.
    #[must_use]
    pub fn outlook(&self, symbol: SymbolId, outlook: &Outlook, now: Timestamp) -> String {
        let Some(price) = outlook.price else { return "no price yet".to_owned() };
        let digits = self.instrument(symbol).tick.normalize().scale() as usize;
        let regime = &outlook.regime;
        let cold = if outlook.ema200_seen < 200 {
            format!(" (EMA200 at {} of 200)", outlook.ema200_seen)
        } else {
            String::new()
        };
        format!(
            "price {}  RSI {}{}  trend {}{cold}  momentum {}  volatility {}  data {} old",
            grouped(price, digits),
            outlook.rsi.map_or_else(|| "not warm".to_owned(), |rsi| format!("{rsi:.1}")),
            thresholds(&outlook.thresholds),
            trend_text(regime.trend),
            momentum_text(regime.momentum),
            volatility_text(regime.volatility),
            age(outlook.seen_at.map_or(0, |seen| now.since_ms(seen).max(0))),
        )
    }

    /// The symbol's name.
    #[must_use]
    pub fn name(&self, symbol: SymbolId) -> &str {
        self.instrument(symbol).symbol.as_str()
    }

    /// A price with the digits of the symbol's tick.
    #[must_use]
    pub fn price(&self, symbol: SymbolId, price: Decimal) -> String {
        let digits = self.instrument(symbol).tick.normalize().scale();
        format!("{:.*}", digits as usize, rounded(price, digits))
    }

    fn instrument(&self, symbol: SymbolId) -> &Instrument {
        &self.engine.settings().instruments[symbol.index()]
    }

    /// `oversold_bounce` as `Oversold Bounce`.
    #[must_use]
    pub fn strategy(&self, index: u16) -> String {
        let name = &self.engine.settings().strategies[usize::from(index)].name;
        let words = name.split('_').map(|word| {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        });
        words.collect::<Vec<_>>().join(" ")
    }

    fn at(&self, at: Timestamp) -> String {
        if self.market_time { format!(" ({})", market_time(at)) } else { String::new() }
    }
}

/// To so many digits, for a line of the log: formatting alone cuts the rest off, and 10.559 would read 10.55.
#[must_use]
pub fn rounded(value: Decimal, digits: u32) -> Decimal {
    value.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero)
}

const fn exit_words(reason: Reason) -> (&'static str, &'static str) {
    match reason {
        Reason::Stop => ("🛑 [STOP-LOSS-HIT]", ""),
        Reason::Target => ("🎯 [TAKE-PROFIT-HIT]", ""),
        Reason::Trailing => ("🚦 [TRAILING-STOP-HIT]", ""),
        Reason::Time => ("🔄 [POSITION-CLOSED]", ", held long enough"),
        Reason::Breaker => ("🔄 [POSITION-CLOSED]", ", by a circuit breaker"),
        Reason::Liquidation => ("🔄 [POSITION-CLOSED]", ", liquidated by the exchange"),
        Reason::Manual => ("🔄 [POSITION-CLOSED]", ", as asked"),
        Reason::End => ("🔄 [POSITION-CLOSED]", ", at the end of the run"),
    }
}

/// What raised a signal, to follow the strategy's name.
fn cause_text(cause: Cause, side: Side) -> String {
    let compare = if side == Side::Long { "≤" } else { "≥" };
    match cause {
        Cause::Unsaid => String::new(),
        Cause::Rsi { value, threshold } => format!(": RSI {value:.1} {compare} {threshold:.1}"),
        Cause::Listed { at } => format!(": row of {}", market_time(at).trim_end_matches(" UTC")),
    }
}

const fn halt_text(level: Halt) -> &'static str {
    match level {
        Halt::Pause => "No new entries",
        Halt::Close => "Positions are being closed",
        Halt::Emergency => "Emergency stop",
    }
}

const fn class_text(class: Class) -> &'static str {
    match class {
        Class::Margin => "margin is insufficient",
        Class::Filter => "price, quantity or value break the symbol's rules",
        Class::ReduceOnly => "there is no position to reduce",
        Class::WouldTrigger => "it would trigger at once",
        Class::Duplicate => "its name was used before",
        Class::Other => "for another reason",
    }
}

/// As it stands in a line.
#[must_use]
pub const fn trend_text(trend: Trend) -> &'static str {
    match trend {
        Trend::Bullish => "bullish",
        Trend::Bearish => "bearish",
        Trend::Neutral => "neutral",
    }
}

/// As it stands in a line.
#[must_use]
pub const fn momentum_text(momentum: Momentum) -> &'static str {
    match momentum {
        Momentum::Strong => "strong",
        Momentum::Weak => "weak",
        Momentum::Sideways => "sideways",
        Momentum::Neutral => "neutral",
    }
}

/// As it stands in a line.
#[must_use]
pub const fn volatility_text(volatility: Volatility) -> &'static str {
    match volatility {
        Volatility::High => "high",
        Volatility::Low => "low",
        Volatility::Normal => "normal",
    }
}

fn thresholds(thresholds: &[(Side, f64)]) -> String {
    let each = thresholds.iter().map(|(side, rsi)| match side {
        Side::Long => format!("long ≤ {rsi:.1}"),
        Side::Short => format!("short ≥ {rsi:.1}"),
    });
    let all = each.collect::<Vec<_>>().join(", ");
    if all.is_empty() { all } else { format!(" ({all})") }
}

/// `1 trade`, `2 trades`.
#[must_use]
pub fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// That the capital is too small for a symbol, where it is, once its price is known.
#[must_use]
pub fn too_small(engine: &Engine, symbol: SymbolId) -> Option<String> {
    let (costs, allowed) = engine.too_small_for(symbol)?;
    let [costs, allowed] = [costs, allowed].map(|money| rounded(money, 0));
    let name = &engine.settings().instruments[symbol.index()].symbol;
    Some(format!("{name} can't trade: one step costs {costs} USDT, the risk allows {allowed}"))
}

/// A moment of market time, to the minute, in UTC.
#[must_use]
pub fn market_time(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0)
        .map_or_else(|_| format!("{} ms", at.0), |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

/// A day of market time, in UTC.
#[must_use]
pub fn market_day(at: Timestamp) -> String {
    market_time(at).split(' ').next().unwrap_or_default().to_owned()
}

/// `12:04` or `1:02:03`.
#[must_use]
pub fn countdown(ms: i64) -> String {
    let s = ms.max(0) / 1000;
    if s < 3600 {
        format!("{:02}:{:02}", s / 60, s % 60)
    } else {
        format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
    }
}

/// An age to the second, later to the minute and hour.
fn age(ms: i64) -> String {
    match ms / 1000 {
        s if s < 600 => format!("{s} s"),
        s if s < 36_000 => format!("{} min", s / 60),
        s => format!("{} h", s / 3600),
    }
}

/// A duration as a person types it: `300s`.
#[must_use]
pub fn seconds(time: Duration) -> String {
    if time.subsec_millis() == 0 { format!("{}s", time.as_secs()) } else { format!("{:.3}s", time.as_secs_f64()) }
}

/// `113500.0` as `113,500.0`.
fn grouped(price: f64, digits: usize) -> String {
    let plain = format!("{price:.digits$}");
    let whole = plain.split('.').next().unwrap_or_default().len();
    let mut text = String::with_capacity(plain.len() + whole / 3);
    for (place, letter) in plain.chars().enumerate() {
        if place > 0 && place < whole && (whole - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(letter);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::{Reason, Skip},
        run::rig::{self, BTC, START, dec, teller},
    };

    fn line(note: &Note) -> String {
        teller(rig::trader().engine()).line(note).1
    }

    #[test]
    fn an_entry_reads_as_a_person_reads_it() {
        let trader = rig::trader();
        for (side, market_time, want) in [
            (
                Side::Long,
                false,
                "📈 [ENTRY] LONG BTC/USDT:USDT 0.004 @ 113500.0, stop 111797.5 (-1.5 %), target 115770.0 (+2.0 %), \
                 risk 6.81 USDT — Oversold Bounce: RSI 38.2 ≤ 43.0",
            ),
            (
                Side::Short,
                true,
                "📉 [ENTRY] SHORT BTC/USDT:USDT 0.004 @ 113500.0, stop 115770.0 (+2.0 %), target 110095.0 (-3.0 %), \
                 risk 6.81 USDT — Oversold Bounce: RSI 38.2 ≥ 43.0 (2025-01-01 00:00 UTC)",
            ),
        ] {
            let teller = Teller { engine: trader.engine(), market_time };
            assert_eq!(teller.line(&Note::Entry(rig::entry(side))), (Level::Info, want.to_owned()));
        }
    }

    #[test]
    fn an_exit_has_the_sign_of_its_reason() {
        let rest = " LONG BTC/USDT:USDT 0.004, entry 113500.0, exit 111797.5, P&L -7.40 USDT (-1.63 %)";
        for (reason, mark, why) in [
            (Reason::Stop, "🛑 [STOP-LOSS-HIT]", ""),
            (Reason::Target, "🎯 [TAKE-PROFIT-HIT]", ""),
            (Reason::Trailing, "🚦 [TRAILING-STOP-HIT]", ""),
            (Reason::Time, "🔄 [POSITION-CLOSED]", ", held long enough"),
            (Reason::Breaker, "🔄 [POSITION-CLOSED]", ", by a circuit breaker"),
            (Reason::Liquidation, "🔄 [POSITION-CLOSED]", ", liquidated by the exchange"),
            (Reason::Manual, "🔄 [POSITION-CLOSED]", ", as asked"),
            (Reason::End, "🔄 [POSITION-CLOSED]", ", at the end of the run"),
        ] {
            assert_eq!(line(&Note::Exit(rig::trade(reason))), format!("{mark}{rest}{why}"));
        }
        let won = Trade { side: Side::Short, gross: dec("6.81"), funding: Decimal::ZERO, ..rig::trade(Reason::Target) };
        let want =
            "🎯 [TAKE-PROFIT-HIT] SHORT BTC/USDT:USDT 0.004, entry 113500.0, exit 111797.5, P&L +6.27 USDT (+1.38 %)";
        assert_eq!(line(&Note::Exit(won)), want);
    }

    #[test]
    fn only_what_needs_a_person_is_louder_than_info() {
        let trader = rig::trader();
        for (note, level, want) in [
            (
                Note::Skipped { symbol: BTC, strategy: 0, why: Skip::Cooldown, price: 98_500.0 },
                Level::Debug,
                "Signal of Oversold Bounce for BTC/USDT:USDT at 98500 not taken: cooldown",
            ),
            (
                Note::PassedOver { symbol: BTC, strategy: 0, count: 2 },
                Level::Warn,
                "Oversold Bounce: 2 signals for BTC/USDT:USDT passed over: no candle closed in time, or a later one came within the same",
            ),
            (
                Note::DayLimit { why: Skip::DailyLoss, until: START },
                Level::Info,
                "Limit reached (daily loss): no new entries until 2025-01-01 00:00 UTC",
            ),
            (
                Note::StopMoved { symbol: BTC, stop: dec("99000") },
                Level::Info,
                "BTC/USDT:USDT: trailing stop moved to 99000.0",
            ),
            (
                Note::Funding { symbol: BTC, amount: dec("0.04549") },
                Level::Debug,
                "BTC/USDT:USDT: funding of 0.0455 USDT paid",
            ),
            (
                Note::Funding { symbol: BTC, amount: dec("-0.0113") },
                Level::Debug,
                "BTC/USDT:USDT: funding of 0.0113 USDT received",
            ),
            (
                Note::Liquidated { symbol: BTC, qty: dec("0.004"), price: dec("91252.1") },
                Level::Error,
                "BTC/USDT:USDT: 0.004 liquidated by the exchange at 91252.1; the margin is lost",
            ),
            (Note::Halted(Halt::Emergency), Level::Error, "Emergency stop: the account is empty"),
            (
                Note::Unprotected(BTC),
                Level::Error,
                "BTC/USDT:USDT: the exchange refuses the stop; the position is closed at the market",
            ),
        ] {
            assert_eq!(teller(trader.engine()).line(&note), (level, want.to_owned()));
        }
    }

    #[test]
    fn a_symbols_state_says_what_it_lacks() {
        let (trader, _) = rig::bought_then(98_400.0);
        let (cold, engine) = (rig::trader(), trader.engine());
        let state = |engine: &Engine, later_ms| {
            let (teller, outlook) = (teller(engine), engine.outlook(BTC));
            let seen = outlook.seen_at.unwrap_or(START);
            teller.outlook(BTC, &outlook, seen.plus_ms(later_ms))
        };
        assert_eq!(state(cold.engine(), 0), "no price yet");
        assert_eq!(
            state(engine, 2_400),
            "price 98,400.0  RSI 0.0 (long ≤ 45.0)  trend neutral (EMA200 at 0 of 200)  momentum neutral  volatility normal  \
             data 2 s old"
        );
    }

    #[test]
    fn numbers_read_well() {
        for (price, digits, want) in
            [(113_500.0, 1, "113,500.0"), (999.5, 2, "999.50"), (1_234_567.0, 0, "1,234,567"), (0.1234, 4, "0.1234")]
        {
            assert_eq!(grouped(price, digits), want);
        }
        for (ms, want) in [(724_000, "12:04"), (3_723_000, "1:02:03"), (-5, "00:00")] {
            assert_eq!(countdown(ms), want);
        }
        assert_eq!(market_time(Timestamp(1_735_689_600_000)), "2025-01-01 00:00 UTC");
        assert_eq!([age(2_000), age(700_000), age(90_000_000)], ["2 s", "11 min", "25 h"]);
        assert_eq!([0, 1, 2].map(|count| counted(count, "trade")), ["0 trades", "1 trade", "2 trades"]);
        assert_eq!([300_000, 1_500].map(|ms| seconds(Duration::from_millis(ms))), ["300s", "1.500s"]);
    }
}
