//! The words of the log: notes of the engine and the state of a symbol as a person reads them.

use super::{breakers, health::Status};
use crate::{
    engine::{Engine, Entry, Failure, Halt, Note, Outlook, Reason, Skip, Trade},
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

/// What is less in USDT is the rounding of fees.
const WORTH_A_LINE: Decimal = Decimal::from_parts(1, 0, 0, false, 2);

fn adjusted(balance: Decimal, by: Decimal) -> (Level, String) {
    let level = if by.abs() < WORTH_A_LINE { Level::Debug } else { Level::Info };
    let [balance, by] = [balance, by].map(|amount| rounded(amount, 4));
    (level, format!("The exchange's balance is {balance} USDT, {by:+} against ours, and is adopted"))
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
                let why = "no candle closed in time, or a later one came within the same";
                (Level::Warn, format!("{name}: {rows} for {} passed over: {why}", self.name(*symbol)))
            }
            Note::Limit { why, symbol, until } => (Level::Info, self.limit(*why, *symbol, *until)),
            Note::NoVolume(symbol) => {
                (Level::Info, format!("{}: the data has no volume, so that condition is dropped", self.name(*symbol)))
            }
            Note::Refused { id, symbol, code, class } => (
                Level::Warn,
                format!("{} order {id} refused by exchange: {} ({code})", self.name(*symbol), class_text(*class)),
            ),
            Note::InDoubt { id, symbol } => {
                let unknown = "nobody knows what became of it; no new entries until that is known";
                (Level::Warn, format!("{} order {id}: {unknown}", self.name(*symbol)))
            }
            Note::NotOurs { id, symbol } => {
                let doubt = "does not fit our books; no new entries until they are compared";
                (Level::Error, format!("{} trade of order {id} {doubt}", self.name(*symbol)))
            }
            Note::Unprotected(symbol) => {
                let closed = "the exchange takes no stop; the position is closed at the market";
                (Level::Error, format!("{}: {closed}", self.name(*symbol)))
            }
            Note::Uncovered(symbol) => (Level::Error, self.uncovered(*symbol)),
            Note::Foreign(symbol) => (Level::Warn, self.foreign(*symbol)),
            Note::ForeignOver(symbol) => {
                (Level::Info, format!("{}: what was not ours is gone, entries are allowed again", self.name(*symbol)))
            }
            Note::ClosedOutside { symbol, qty, price } => (Level::Warn, self.closed_outside(*symbol, *qty, *price)),
            Note::Adjusted { balance, by } => adjusted(*balance, *by),
            Note::StopMoved { symbol, stop } => {
                (Level::Info, format!("{}: trailing stop moved to {}", self.name(*symbol), self.price(*symbol, *stop)))
            }
            Note::Funding { symbol, amount } => {
                let way = if amount.is_sign_negative() { "received" } else { "paid" };
                (Level::Debug, format!("{}: funding of {} USDT {way}", self.name(*symbol), rounded(amount.abs(), 4)))
            }
            Note::Liquidated { symbol, qty, price } => {
                let (name, price) = (self.name(*symbol), self.price(*symbol, *price));
                (Level::Error, format!("{name}: {qty} liquidated by the exchange at {price}; the margin is lost"))
            }
            Note::Quarantined { symbol, failure, until } => (
                Level::Warn,
                format!(
                    "{} is quarantined: {}; no new entries in it until {}, and what it holds keeps its stops",
                    self.name(*symbol),
                    self.failure(*failure),
                    market_time(*until)
                ),
            ),
            Note::QuarantineOver(symbol) => {
                (Level::Info, format!("{}: the quarantine is over, entries are allowed again", self.name(*symbol)))
            }
            Note::Tripped(tripped) => (breakers::level(tripped.breaker), breakers::text(tripped, |id| self.name(id))),
            Note::Reset(breaker) => (Level::Info, breakers::reset_text(*breaker, |id| self.name(id))),
        }
    }

    fn uncovered(&self, symbol: SymbolId) -> String {
        let name = self.name(symbol);
        format!("{name}: the position has had no stop at the exchange for too long; another is placed, or it is closed")
    }

    fn foreign(&self, symbol: SymbolId) -> String {
        let name = self.name(symbol);
        format!(
            "{name}: the exchange holds an order, a position or settings that are not ours; left alone, no new entries there"
        )
    }

    fn closed_outside(&self, symbol: SymbolId, qty: Decimal, price: Decimal) -> String {
        let (name, qty, price) = (self.name(symbol), qty.normalize(), self.price(symbol, price));
        format!("{name}: {qty} of the position was closed outside; booked at {price}, the last known price")
    }

    fn limit(&self, why: Skip, symbol: Option<SymbolId>, until: Option<Timestamp>) -> String {
        let of = symbol.map_or_else(String::new, |symbol| format!(" in {}", self.name(symbol)));
        let until = until.map_or_else(|| "while it holds".to_owned(), |at| format!("until {}", market_time(at)));
        format!("Limit reached ({}): no new entries{of} {until}", why.name())
    }

    /// Why an emergency ends the run.
    #[must_use]
    pub fn emergency(&self) -> String {
        let mut tripped = self.engine.tripped().iter();
        let why = tripped.find(|tripped| tripped.breaker.level() == Some(Halt::Emergency));
        why.map_or_else(|| "Emergency stop".to_owned(), |why| breakers::text(why, |id| self.name(id)))
    }

    /// What limits trading now: how the bot is with it, and why.
    #[must_use]
    pub fn limits(&self) -> Vec<(Status, String)> {
        let name = |id| self.name(id);
        let tripped = self.engine.tripped().iter();
        let tripped = tripped.map(|tripped| (breakers::status(tripped.breaker), breakers::text(tripped, name)));
        let held = self.engine.quarantined();
        let held = held.map(|(id, until)| format!("quarantined: {} until {}", name(id), market_time(until)));
        let degraded = held.chain(self.of_exchange()).map(|text| (Status::Degraded, text));
        let bare = self.engine.uncovered();
        let bare = bare.map(|id| (Status::Critical, format!("{}: a position without a stop", name(id))));
        let met = self.engine.limits().map(|(why, symbol, until)| self.limit(why, symbol, until));
        let well = met.map(|text| (Status::Healthy, text)); // it is how the bot is meant to work, and worth knowing
        tripped.chain(degraded).chain(bare).chain(well).collect()
    }

    /// What an exchange's account has that stops entries.
    fn of_exchange(&self) -> impl Iterator<Item = String> {
        let doubt = (self.engine.is_live() && !self.engine.is_proven()).then(|| "the account is unproven".to_owned());
        let foreign = self.engine.foreign().map(|id| format!("{}: not all there is ours", self.name(id)));
        doubt.into_iter().chain(foreign)
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

    fn failure(&self, failure: Failure) -> String {
        let times = u64::from(self.engine.settings().risk.quarantine_after);
        match failure {
            Failure::Refused => format!("{} refused in a row", counted(times, "order")),
            Failure::Silent => format!("no data for {} while others had theirs", counted(times, "hour")),
        }
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

/// A pause: `250 ms`, `1.5 s`, `43 s`, `2 min`.
#[must_use]
pub fn pause(time: Duration) -> String {
    match time.as_millis() {
        ms @ ..1000 => format!("{ms} ms"),
        ms if ms % 60_000 == 0 => format!("{} min", ms / 60_000),
        ms if ms % 1000 == 0 || ms >= 10_000 => format!("{} s", (ms + 500) / 1000),
        ms => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
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
#[path = "text_tests.rs"]
mod tests;
