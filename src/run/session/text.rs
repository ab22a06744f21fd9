//! The session's words.

use crate::{
    gateway::{AccountState, Remark, View},
    market::{DAY_MS, SymbolId},
    run::{
        health::Status,
        text::{self, counted, market_time},
    },
};
use log::Level;
use std::time::Duration;

/// A remark as a line of the log.
pub fn line(remark: &Remark, names: &[String]) -> (Level, String) {
    let name = |symbol: SymbolId| names.get(symbol.index()).map_or("?", String::as_str);
    match remark {
        Remark::ClockFound { ahead_ms, round_trip_ms } => {
            (Level::Info, format!("Exchange clock: {} (round trip {round_trip_ms} ms)", ahead(*ahead_ms)))
        }
        Remark::StreamUp(path) => (Level::Info, format!("✓ Stream {path}: data comes")),
        Remark::StreamDown { path, why, retry_ms } => {
            (Level::Warn, format!("Stream {path}: {why}; next try in {}", pause(*retry_ms)))
        }
        Remark::AskFailed { what, why, retry_ms } => {
            (Level::Warn, format!("Exchange: no answer to {what}: {why}; next try in {}", pause(*retry_ms)))
        }
        Remark::Throttled { banned, pause_ms } => {
            let what = if *banned { "has banned this address" } else { "asks for fewer requests" };
            (Level::Warn, format!("Exchange {what}: no request for {}", pause(*pause_ms)))
        }
        Remark::Quarantined(symbol, why) => {
            (Level::Error, format!("{} is not traded: {why}; the others are", name(*symbol)))
        }
        Remark::Filled { symbol, timeframe, candles } => (
            Level::Info,
            format!("{}: came by REST what was missed: {}", name(*symbol), missed(*candles, timeframe.name())),
        ),
        Remark::Flat { symbol, timeframe, candles } => (
            Level::Info,
            format!("{}: flat, since nothing was traded: {}", name(*symbol), missed(*candles, timeframe.name())),
        ),
        Remark::TooOld { symbol, from, until } => (
            Level::Warn,
            format!(
                "{}: no candles between {} and {}; what happened to a position meanwhile is not made up for",
                name(*symbol),
                market_time(*from),
                market_time(*until)
            ),
        ),
        Remark::Account { what, grave } => (if *grave { Level::Error } else { Level::Info }, what.clone()),
        Remark::Ready { candles } => (Level::Info, format!("✓ History: {}", counted(u64::from(*candles), "candle"))),
    }
}

/// Why no symbol is traded, where none is: the first few, and how many more.
pub fn nothing_traded(view: &View, names: &[String]) -> Option<String> {
    const NAMED: usize = 3;
    let why = view.feeds.iter().zip(names).map(|(feed, name)| Some(format!("{name}: {}", feed.quarantined.as_ref()?)));
    let why: Vec<String> = why.collect::<Option<_>>()?;
    let more = why.len().saturating_sub(NAMED);
    let named = why.into_iter().take(NAMED).collect::<Vec<_>>().join("; ");
    Some(if more == 0 { named } else { format!("{named}; and {more} more") })
}

/// What streams and requests give.
pub fn shares(view: &View) -> String {
    let sockets = view.sockets.iter().map(|socket| {
        let age = socket.age_ms.map_or_else(|| "no data yet".to_owned(), |ms| format!("{ms} ms old"));
        format!("{} {}, {age}", socket.path, if socket.up { "up" } else { "down" })
    });
    let sockets = sockets.collect::<Vec<_>>().join("; ");
    let (rest, candles) = (&view.rest, &view.candles);
    let account = view.account.as_ref().map_or_else(String::new, |account| format!("; {}", of_account(account)));
    format!(
        "Market data: streams {sockets}; {} by stream, {} by REST; REST {}, {} failed, {} ms on average, weight {} of {}{account}",
        counted(candles.streamed, "candle"),
        candles.asked,
        counted(rest.requests, "request"),
        rest.failures,
        rest.average_latency_ms,
        rest.used,
        rest.limit
    )
}

/// What went to the exchange and came from it for the account.
fn of_account(account: &AccountState) -> String {
    let stream = account.stream_up_ms.map_or_else(|| "down".to_owned(), |ms| format!("up {} s", ms / 1000));
    let proof = account.last_proof_ms.filter(|_| account.proven);
    let proof = proof.map_or_else(|| "unproven".to_owned(), |ms| format!("proven {ms} ms ago"));
    format!(
        "account {proof}, stream {stream}, {} open, {} sent, {} ms on average, {} at worst, {} refused, {} in doubt, {}",
        counted(account.orders as u64, "order"),
        account.sent,
        account.average_latency_ms,
        account.worst_latency_ms,
        account.refusals,
        account.doubts,
        counted(account.trades, "trade"),
    )
}

/// What of the account a person should know.
pub fn troubles(account: &AccountState) -> Vec<(Status, String)> {
    let refused = account.refused.map(|why| (Status::Critical, format!("no entries: {why}")));
    let silent = account.stream_up_ms.is_none().then(|| (Status::Degraded, "the account's stream is down".to_owned()));
    let orders = counted(account.unknown as u64, "order");
    let unknown = (account.unknown > 0).then(|| (Status::Degraded, format!("{orders} in doubt")));
    refused.into_iter().chain(silent).chain(unknown).collect()
}

fn missed(candles: u32, timeframe: &str) -> String {
    counted(u64::from(candles), &format!("{timeframe} candle"))
}

fn pause(ms: i64) -> String {
    text::pause(Duration::from_millis(ms.max(0).unsigned_abs()))
}

/// How far this machine's clock is off, in words.
fn ahead(ms: i64) -> String {
    let seconds = ms.unsigned_abs() as f64 / 1000.0;
    match ms {
        -999..=999 => format!("this machine's is within {} ms of it", ms.abs()),
        _ if ms.abs() >= DAY_MS => {
            "it shows another day than this machine's, as that of a played exchange may; it counts".to_owned()
        }
        1000.. => format!("this machine's is {seconds:.1} s ahead; the exchange's counts"),
        _ => format!("this machine's is {seconds:.1} s behind; the exchange's counts"),
    }
}
