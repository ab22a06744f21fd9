//! What a run says at its end, and its exit code.

use super::{
    launch::{FAILURE, Finished, PANIC, USAGE},
    loop_lines::until_close,
    realtime::{LoopError, Realtime},
    signals,
    tasks::{How, TaskEnd},
    text::rounded,
};
use crate::{engine::Position, market::decimal, stop::Cause};
use log::{error, info};
use rust_decimal::Decimal;
use std::time::Instant;

/// The exit code of a run whose trading loop ended like this.
#[must_use]
pub fn exit_code(end: &TaskEnd<Finished>, cause: Cause, had_duration: bool) -> u8 {
    match &end.how {
        How::Panicked(_) => PANIC,
        How::Quit => FAILURE,
        How::Returned(Finished { outcome: Err(LoopError::Data(_)), .. }) => USAGE,
        How::Returned(Finished { outcome: Err(LoopError::Out(_)), .. }) => FAILURE,
        How::Returned(Finished { outcome: Ok(()), .. }) => signals::exit_code(cause, had_duration),
    }
}

/// The exit summary: exits, signals, and what stays open.
pub fn say_summary(end: &TaskEnd<Finished>) {
    match &end.how {
        How::Returned(finished) => say_statistics(&finished.realtime),
        How::Quit | How::Panicked(_) => error!("The {end}; its memory is not trusted, so there is no summary"),
    }
}

fn say_statistics(run: &Realtime) {
    let engine = run.trader.engine();
    let (summary, account) = (engine.summary(), engine.account());
    info!("");
    info!("📊 EXIT SUMMARY - Session Statistics");
    let exits = summary.exits().map(|(reason, count)| format!("{count} {}", reason.name())).collect::<Vec<_>>();
    info!("   Entries: {}, exits: {}{}", summary.entries, summary.exit_count(), in_brackets(&exits));
    if summary.exit_count() > 0 {
        let rate = 100.0 * summary.wins as f64 / summary.exit_count() as f64;
        let average = |sum: Decimal, count: u64| if count == 0 { Decimal::ZERO } else { sum / Decimal::from(count) };
        info!(
            "   Win rate: {rate:.1} %, total P&L: {:+.2} USDT, average win: {:+.2} USDT, average loss: {:+.2} USDT",
            rounded(summary.won + summary.lost, 2),
            rounded(average(summary.won, summary.wins), 2),
            rounded(average(summary.lost, summary.losses), 2),
        );
    }
    let flight = engine.entries_in_flight();
    let mut signals = vec![format!("{} taken", summary.taken)];
    signals.extend(summary.skipped().map(|(why, count)| format!("{count} {}", why.name())));
    if flight > 0 {
        signals.push(format!("{flight} of those taken on the way"));
    }
    info!("   {} signals: {}", summary.signals, signals.join(", "));
    for position in engine.positions() {
        info!("   Stays open: {}", open_line(run, position));
    }
    let change = rounded((engine.equity() - account.capital) * Decimal::ONE_HUNDRED / account.capital, 2);
    let [balance, equity, fees, funding] =
        [account.balance, engine.equity(), account.fees, account.funding].map(|money| rounded(money, 2));
    info!("   Balance: {balance:.2} USDT, equity {equity:.2} ({change:+.2} %), fees {fees:.2}, funding {funding:.2}");
    if let Some(data) = run.source.account() {
        info!("   {data}");
    }
}

fn in_brackets(parts: &[String]) -> String {
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

fn open_line(run: &Realtime, position: &Position) -> String {
    let (engine, teller) = (run.trader.engine(), run.teller());
    let mark = decimal(engine.mark(position.symbol)).unwrap_or_default();
    let [entry, stop, mark_text] =
        [position.entry_price(), position.stop, mark].map(|price| teller.price(position.symbol, price));
    let (side, symbol, qty) = (position.plan.side, teller.name(position.symbol), position.qty);
    let unrealised = rounded(position.unrealised(mark), 2);
    format!("{side} {symbol} {qty} @ {entry}, stop {stop}, mark {mark_text} ({unrealised:+.2} USDT)")
}

/// The last line of a run; what ended it by failure goes to stderr.
pub fn say_last(end: &TaskEnd<Finished>, cause: Cause, code: u8, started: Instant) {
    let seconds = started.elapsed().as_secs_f64();
    let How::Returned(Finished { realtime, outcome }) = &end.how else {
        eprintln!("bot: {end} after {seconds:.1} s (exit code {code})");
        return;
    };
    if let Err(failure) = outcome {
        eprintln!("bot: {failure}");
    }
    let how = if outcome.is_ok() && cause != Cause::Failure && cause != Cause::Emergency {
        "Stopped cleanly"
    } else {
        "Stopped"
    };
    let trades = realtime.trader.engine().account().trades;
    let finest = realtime.trader.engine().settings().strategies.iter().map(|rule| rule.timeframe).min();
    let market = realtime.market(Instant::now());
    let next =
        finest.map_or_else(String::new, |finest| format!(", next {finest} close in {}", until_close(finest, market)));
    info!(
        "{how} after {seconds:.1} s ({}): {trades} trade{}{next}",
        cause_text(cause),
        if trades == 1 { "" } else { "s" }
    );
}

const fn cause_text(cause: Cause) -> &'static str {
    match cause {
        Cause::DurationReached => "duration reached",
        Cause::DataOver => "end of the data",
        Cause::Interrupt => "Ctrl-C",
        Cause::Terminate => "SIGTERM",
        Cause::HangUp => "SIGHUP",
        Cause::SupervisorGone => "the supervisor is gone",
        Cause::Emergency => "emergency stop",
        Cause::Failure => "failure",
    }
}
