//! What the key of a live run may do. Where the exchange says it, no position is opened before it is known, and a run with a key that may do
//! too much, or too little, ends. A dead network delays neither the start nor the stops of what is open.

use super::{
    asking::{Account, AskError, Asker, Patience, says_rights},
    text::{counted, pause as in_words},
};
use crate::{
    config::Config,
    exchange::{
        FailureClass,
        private::{Keys, Rights},
    },
    stop::{Stop, Wait},
};
use log::{Level, info, warn};
use std::time::Duration;

/// Lines for the log; what forbids trading is an error.
pub type Found = Result<Vec<(Level, String)>, String>;

/// Until it is known what the key may do, this keeps a run from opening positions.
pub const NOT_KNOWN: &str = "what the key may do is not known yet";
/// Between two questions about it: at first, and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

/// Asks the exchange what the key may do, for someone who looks on.
pub fn check(config: &Config, keys: &Keys) -> Found {
    judged(&async_io::block_on(Box::pin(ask(config, keys, Patience::SHORT, &Stop::new())))?)
}

/// Asks until there is an answer, however long that takes; `None` where the stop signal came first.
pub async fn learn(config: &Config, keys: &Keys, stop: &Stop) -> Option<Found> {
    let mut pause = AGAIN.0;
    if says_rights(&config.exchange) {
        info!("Key: asking what it may do; no position is opened before that is known");
    }
    loop {
        let rights = match ask(config, keys, Patience::ONCE, stop).await {
            Ok(rights) => rights,
            Err(why) => return Some(Err(why)),
        };
        let why = match &rights {
            Err(AskError::Stopped) => return None,
            Err(AskError::Refused(failure)) if failure.class == FailureClass::Key => return Some(judged(&rights)),
            Err(error) => error.to_string(),
            Ok(_) => return Some(judged(&rights)),
        };
        warn!("Key: {NOT_KNOWN} ({why}), and no position is opened before; asked again in {}", in_words(pause));
        if stop.or_after(pause).await == Wait::Stopped {
            return None;
        }
        pause = (pause * 2).min(AGAIN.1);
    }
}

/// # Errors
///
/// The way to the exchange cannot be used.
async fn ask(
    config: &Config,
    keys: &Keys,
    patience: Patience,
    stop: &Stop,
) -> Result<Result<Option<Rights>, AskError>, String> {
    let asker = Asker::new(&config.exchange, &config.symbols, patience, Box::new(|_| {}));
    let asker = asker.map_err(|error| format!("[exchange] {error}"))?;
    Ok(Account::new(asker, config, keys.clone()).rights(&config.exchange, stop).await)
}

/// What follows from an answer about rights.
pub fn judged(rights: &Result<Option<Rights>, AskError>) -> Found {
    match rights {
        Ok(None) => Ok(vec![(Level::Info, "Key: its rights are not said by this exchange".to_owned())]),
        Ok(Some(rights)) if rights.withdraw => Err(
            "this key may withdraw, so whoever steals it has the money: take that right away, or make a key without it"
                .to_owned(),
        ),
        Ok(Some(rights)) if !rights.futures => {
            Err("this key may not trade futures: give it that right at the exchange".to_owned())
        }
        Ok(Some(rights)) => {
            let mut told = vec![(Level::Info, "✓ Key: may trade futures and not withdraw".to_owned())];
            let risks = [
                (!rights.by_address, "Key: it works from every address; restrict it to this machine's at the exchange"),
                (rights.transfer, "Key: it may move money between accounts, which the bot does not need"),
            ];
            told.extend(risks.iter().filter(|(is_so, _)| *is_so).map(|(_, text)| (Level::Warn, (*text).to_owned())));
            Ok(told)
        }
        Err(AskError::Refused(failure)) if failure.class == FailureClass::Key => {
            Err(format!("the exchange refuses this key: {failure}; is it whole, and allowed from this address?"))
        }
        Err(error) => {
            let text = format!("Key: what it may do can't be read ({error}); make sure that it can't withdraw");
            Ok(vec![(Level::Warn, text)])
        }
    }
}

/// The worst that a run may do, for a person to read before it begins.
#[must_use]
pub fn stakes(config: &Config) -> Vec<String> {
    let (risk, symbols) = (&config.risk, config.symbols.iter().map(ToString::to_string).collect::<Vec<_>>());
    let worth = risk.max_position_pct * risk.leverage;
    vec![
        "What it may do at most:".to_owned(),
        format!("   Exchange: {} ({})", config.exchange.label().unwrap_or_default(), config.exchange.rest()),
        format!("   Symbols: {}, one position each", symbols.join(", ")),
        "   Capital: all USDT of the futures account; keep there only what you can lose".to_owned(),
        format!("   Leverage: {}, isolated: a position can lose its own margin and no more", risk.leverage),
        format!(
            "   A position: margin of {} % of the equity, worth {worth} % of it, and never more than {} USDT",
            risk.max_position_pct, risk.max_notional
        ),
        format!("   All stops together: {} % of the equity", risk.max_portfolio_risk_pct),
        format!(
            "   A day: {}; none after a loss of {} %, and at {} % all is closed",
            counted(u64::from(risk.max_trades_per_day), "trade"),
            risk.daily_loss_pct,
            risk.breaker_daily_loss_pct
        ),
        format!("   In all: at {} % below the highest equity all is closed, and it ends", risk.max_drawdown_pct),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Failure;

    #[test]
    fn a_key_that_may_withdraw_or_not_trade_is_refused_and_what_is_not_known_is_said() {
        let rights = Rights { futures: true, withdraw: false, transfer: false, by_address: true };
        let failure = |class| Failure { class, code: -2015, text: "HTTP 401, -2015: no".to_owned() };
        for (found, want) in [
            (Ok(Some(Rights { withdraw: true, ..rights })), Err("this key may withdraw")),
            (Ok(Some(Rights { futures: false, ..rights })), Err("this key may not trade futures")),
            (
                Err(AskError::Refused(failure(FailureClass::Key))),
                Err("the exchange refuses this key: HTTP 401, -2015: no"),
            ),
            (Ok(Some(rights)), Ok(&[Level::Info][..])),
            (
                Ok(Some(Rights { by_address: false, transfer: true, ..rights })),
                Ok(&[Level::Info, Level::Warn, Level::Warn]),
            ),
            (Ok(None), Ok(&[Level::Info])),
            (Err(AskError::Refused(failure(FailureClass::Forbidden))), Ok(&[Level::Warn])),
            (Err(AskError::GivenUp("no answer".to_owned())), Ok(&[Level::Warn])),
        ] {
            match (judged(&found), want) {
                (Ok(told), Ok(levels)) => {
                    assert!(told.iter().map(|(level, _)| level).eq(levels), "{found:?}: {told:?}");
                }
                (Err(why), Err(want)) => assert!(why.starts_with(want), "{found:?}: {why}"),
                (got, _) => panic!("{found:?}: {got:?}"),
            }
        }
    }
}
