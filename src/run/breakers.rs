//! Limits and circuit breakers in words, for the log, the health report, the status and the exit summary.

use super::{health::Status, text::market_time};
use crate::{
    engine::{Breaker, Halt, Tripped},
    market::SymbolId,
};
use log::Level;

/// One word for what has tripped.
#[must_use]
pub const fn kind(breaker: Breaker) -> &'static str {
    match breaker {
        Breaker::LossStreak => "losses_in_a_row",
        Breaker::DailyLoss => "daily_loss",
        Breaker::PositionLoss(_) => "position_loss",
        Breaker::Spike(_) => "volatility_spike",
        Breaker::Correlation(_) => "correlation",
        Breaker::Drawdown => "drawdown",
        Breaker::Empty => "empty_account",
    }
}

/// What it does: `pause` and `close` hold for all of trading, `close_position`, `halve_sizes` and `skip` for one symbol.
#[must_use]
pub const fn effect(breaker: Breaker) -> &'static str {
    match breaker {
        Breaker::LossStreak => "pause",
        Breaker::DailyLoss => "close",
        Breaker::PositionLoss(_) => "close_position",
        Breaker::Spike(_) => "halve_sizes",
        Breaker::Correlation(_) => "skip",
        Breaker::Drawdown | Breaker::Empty => "emergency_stop",
    }
}

/// The symbol that it is about; `None` where it is about the account.
#[must_use]
pub const fn symbol(breaker: Breaker) -> Option<SymbolId> {
    match breaker {
        Breaker::PositionLoss(symbol) | Breaker::Spike(symbol) | Breaker::Correlation(symbol) => Some(symbol),
        Breaker::LossStreak | Breaker::DailyLoss | Breaker::Drawdown | Breaker::Empty => None,
    }
}

/// What was measured, what follows, and when it resets.
#[must_use]
pub fn text<'a>(tripped: &Tripped, name: impl Fn(SymbolId) -> &'a str) -> String {
    let Tripped { breaker, measured, until, .. } = tripped;
    let until = until.map_or_else(String::new, market_time);
    match breaker {
        Breaker::LossStreak => format!("{measured} losses in a row: no new entries until {until}"),
        Breaker::DailyLoss => {
            format!("The day has lost {measured:.2} % of its first equity: all is closed, no new entries until {until}")
        }
        Breaker::PositionLoss(symbol) => {
            format!("{}: the position has lost {measured:.2} % of the equity and is closed", name(*symbol))
        }
        Breaker::Spike(symbol) => format!(
            "{}: an hour moved the price by {measured:.1} standard deviations: half the size until {until}",
            name(*symbol)
        ),
        Breaker::Correlation(symbol) => format!(
            "{}: not opened at a correlation of {measured:.2} with what is open; each signal is measured anew",
            name(*symbol)
        ),
        Breaker::Drawdown => format!("Emergency stop: equity has fallen {measured:.2} % from its highest"),
        Breaker::Empty => "Emergency stop: the account is empty".to_owned(),
    }
}

/// What its reset means.
#[must_use]
pub fn reset_text<'a>(breaker: Breaker, name: impl Fn(SymbolId) -> &'a str) -> String {
    match breaker {
        Breaker::LossStreak => "The pause after losses in a row is over: new entries again".to_owned(),
        Breaker::DailyLoss => "The pause after the day's loss is over: new entries again".to_owned(),
        Breaker::PositionLoss(symbol) => format!("{}: the position that lost too much is closed", name(symbol)),
        Breaker::Spike(symbol) => format!("{}: full size again, the spike is over", name(symbol)),
        Breaker::Correlation(symbol) => {
            format!("{}: no signal was held back by its correlation for an hour", name(symbol))
        }
        Breaker::Drawdown | Breaker::Empty => {
            "The emergency stop was cleared: the highest equity begins anew".to_owned()
        }
    }
}

/// How loud it is.
#[must_use]
pub fn level(breaker: Breaker) -> Level {
    match (breaker.level(), status(breaker)) {
        (Some(Halt::Emergency), _) => Level::Error,
        (_, Status::Healthy) => Level::Info,
        (_, Status::Degraded | Status::Critical) => Level::Warn,
    }
}

/// How the bot is with it. Smaller sizes and entries that are held back are how it is meant to work, so they are shown, and it is well.
#[must_use]
pub const fn status(breaker: Breaker) -> Status {
    match breaker {
        Breaker::Spike(_) | Breaker::Correlation(_) => Status::Healthy,
        Breaker::LossStreak | Breaker::PositionLoss(_) => Status::Degraded,
        Breaker::DailyLoss | Breaker::Drawdown | Breaker::Empty => Status::Critical,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{market::DAY_MS, run::rig::START};

    #[test]
    fn each_says_what_was_measured_what_follows_and_until_when() {
        let btc = SymbolId(0);
        for (breaker, measured, said, over) in [
            (
                Breaker::LossStreak,
                3.0,
                "3 losses in a row: no new entries until 2025-01-02 00:00 UTC",
                "The pause after losses in a row is over: new entries again",
            ),
            (
                Breaker::DailyLoss,
                5.004,
                "The day has lost 5.00 % of its first equity: all is closed, no new entries until 2025-01-02 00:00 UTC",
                "The pause after the day's loss is over: new entries again",
            ),
            (
                Breaker::PositionLoss(btc),
                3.1,
                "BTC: the position has lost 3.10 % of the equity and is closed",
                "BTC: the position that lost too much is closed",
            ),
            (
                Breaker::Spike(btc),
                4.25,
                "BTC: an hour moved the price by 4.2 standard deviations: half the size until 2025-01-02 00:00 UTC",
                "BTC: full size again, the spike is over",
            ),
            (
                Breaker::Correlation(btc),
                0.834,
                "BTC: not opened at a correlation of 0.83 with what is open; each signal is measured anew",
                "BTC: no signal was held back by its correlation for an hour",
            ),
            (
                Breaker::Drawdown,
                10.02,
                "Emergency stop: equity has fallen 10.02 % from its highest",
                "The emergency stop was cleared: the highest equity begins anew",
            ),
            (
                Breaker::Empty,
                0.0,
                "Emergency stop: the account is empty",
                "The emergency stop was cleared: the highest equity begins anew",
            ),
        ] {
            let tripped = Tripped { breaker, at: START, until: Some(START.plus_ms(DAY_MS)), measured };
            assert_eq!((text(&tripped, |_| "BTC").as_str(), reset_text(breaker, |_| "BTC").as_str()), (said, over));
        }
    }
}
