//! What a run says at its end, and its exit code.

use super::{
    clocks::wall_ms,
    loop_lines::until_close,
    process,
    realtime::{LoopError, Realtime},
    signals::{self, FAILURE, PANIC, USAGE},
    tasks::{How, TaskEnd},
    text::{Teller, counted, rounded},
};
use crate::{
    engine::{Engine, Position, Summary},
    market::decimal,
    stop::Cause,
    store::{Ending, last_run::RunEnd},
};
use log::{error, info};
use rust_decimal::Decimal;
use std::time::Instant;

/// The trading loop after its end.
pub struct Finished {
    /// The loop.
    pub realtime: Box<Realtime>,
    /// How it ended.
    pub outcome: Result<(), LoopError>,
}

/// How a run ended.
pub struct End {
    /// The task of the trading loop.
    pub trading: TaskEnd<Finished>,
    /// Another task that ended before it.
    pub fault: Option<TaskEnd<()>>,
    /// Why the program stops.
    pub cause: Cause,
}

impl End {
    /// The exit code. An emergency stop goes before a task's end, since after it nothing is started again.
    #[must_use]
    pub fn exit_code(&self, had_duration: bool) -> u8 {
        let code = match &self.trading.how {
            How::Panicked(_) => PANIC,
            How::Quit => FAILURE,
            How::Returned(Finished {
                outcome: Err(LoopError::Data(_) | LoopError::Nothing(_) | LoopError::Key(_)),
                ..
            }) => USAGE,
            How::Returned(Finished { outcome: Err(LoopError::Keep(_) | LoopError::Deaf), .. }) => PANIC,
            How::Returned(Finished { outcome: Err(LoopError::Out(_)), .. }) => FAILURE,
            How::Returned(Finished { outcome: Ok(()), .. }) => signals::exit_code(self.cause, had_duration),
        };
        match &self.fault {
            Some(_) if self.cause == Cause::Emergency => code,
            Some(fault) if matches!(fault.how, How::Panicked(_)) => PANIC,
            Some(_) | None => code,
        }
    }

    /// The exit summary: exits, signals, and what stays open.
    pub fn say_summary(&self) {
        match &self.trading.how {
            How::Returned(Finished { realtime, .. }) if !realtime.has_begun() => {
                info!("Ended before trading began: the account is as it was");
            }
            How::Returned(Finished { realtime, .. }) => {
                info!("");
                let lines = summary(realtime.teller(), realtime.data_account());
                lines.iter().for_each(|line| info!("{line}"));
            }
            How::Quit | How::Panicked(_) => {
                error!("The {}, so there is no summary", self.trading.what());
            }
        }
    }

    /// The last line of a run; what ended it by failure goes to stderr too. `saved`: nothing of it is lost.
    pub fn say_last(&self, started: Instant, saved: bool) {
        let failures = self.failures();
        failures.iter().for_each(|failure| eprintln!("bot: {failure}"));
        let clean = saved && failures.is_empty() && !matches!(self.cause, Cause::Failure | Cause::Emergency);
        let how = if clean { "Stopped cleanly" } else { "Stopped" };
        let seconds = started.elapsed().as_secs_f64();
        info!("{how} after {seconds:.1} s ({}){}", self.why(), self.trades());
    }

    /// What the account's memory is told at last, and the name of the state in it; `None` where that memory can't be trusted with it.
    #[must_use]
    pub fn ending(&mut self, exit_code: u8) -> Option<(Ending, String)> {
        let (ended_ms, cause, failures) = (wall_ms(), self.why(), self.failures());
        let last = match &mut self.trading.how {
            How::Returned(Finished { outcome: Err(LoopError::Keep(_)), .. }) => return None,
            How::Returned(Finished { realtime, .. }) => realtime.last(),
            How::Quit | How::Panicked(_) => None,
        };
        let (last, what) = last.map_or((None, "how the run ended".to_owned()), |(last, what)| (Some(last), what));
        let message = (!failures.is_empty()).then(|| failures.join("; "));
        let end = RunEnd { ended_ms, exit_code, cause, message, peak_kb: process::peak_kb().unwrap_or(0) };
        Some((Ending { end, last }, what))
    }

    fn failures(&self) -> Vec<String> {
        let trading = match &self.trading.how {
            How::Returned(Finished { outcome, .. }) => outcome.as_ref().err().map(ToString::to_string),
            How::Quit | How::Panicked(_) => Some(self.trading.to_string()),
        };
        self.fault.iter().map(ToString::to_string).chain(trading).collect()
    }

    fn why(&self) -> String {
        match (&self.fault, &self.trading.how) {
            (Some(fault), _) => fault.what(),
            (None, How::Quit | How::Panicked(_)) => self.trading.what(),
            (None, How::Returned(_)) => cause_text(self.cause).to_owned(),
        }
    }

    fn trades(&self) -> String {
        let How::Returned(Finished { realtime, .. }) = &self.trading.how else { return String::new() };
        if !realtime.has_begun() {
            return String::new();
        }
        let engine = realtime.teller().engine;
        let finest = engine.settings().strategies.iter().map(|rule| rule.timeframe).min();
        let market = realtime.market(Instant::now());
        let next = finest.map(|finest| format!(", next {finest} close in {}", until_close(finest, market)));
        format!(": {}{}", counted(engine.summary().exit_count(), "trade"), next.unwrap_or_default())
    }
}

/// The exit summary, line by line.
fn summary(teller: Teller<'_>, data: Option<String>) -> Vec<String> {
    let engine = teller.engine;
    let counts = engine.summary();
    let mut lines = vec!["📊 EXIT SUMMARY - Session Statistics".to_owned()];
    let exits = counts.exits().map(|(reason, count)| format!("{count} {}", reason.name())).collect::<Vec<_>>();
    lines.push(format!("   Entries: {}, exits: {}{}", counts.entries, counts.exit_count(), in_brackets(&exits)));
    lines.extend((counts.exit_count() > 0).then(|| earnings(counts)));
    lines.push(signals_line(engine));
    lines.extend(teller.limits().into_iter().map(|(_, why)| format!("   Limited: {why}")));
    lines.extend(engine.positions().map(|position| format!("   Stays open: {}", open_line(teller, position))));
    lines.push(balance_line(engine));
    lines.extend(data.map(|data| format!("   {data}")));
    lines
}

fn earnings(counts: &Summary) -> String {
    let rate = 100.0 * counts.wins as f64 / counts.exit_count() as f64;
    let average = |sum: Decimal, count: u64| if count == 0 { Decimal::ZERO } else { sum / Decimal::from(count) };
    let [total, win, loss] =
        [counts.won + counts.lost, average(counts.won, counts.wins), average(counts.lost, counts.losses)]
            .map(|money| rounded(money, 2));
    format!(
        "   Win rate: {rate:.1} %, total P&L: {total:+.2} USDT, average win: {win:+.2} USDT, average loss: {loss:+.2} USDT"
    )
}

fn signals_line(engine: &Engine) -> String {
    let (counts, flight) = (engine.summary(), engine.entries_in_flight());
    let mut parts = vec![format!("{} taken", counts.taken)];
    parts.extend(counts.skipped().map(|(why, count)| format!("{count} {}", why.name())));
    parts.extend((flight > 0).then(|| format!("{flight} of those taken on the way")));
    format!("   {}: {}", counted(counts.signals, "signal"), parts.join(", "))
}

fn balance_line(engine: &Engine) -> String {
    let account = engine.account();
    let gained = (engine.equity() - account.capital) * Decimal::ONE_HUNDRED;
    let change = rounded(gained.checked_div(account.capital).unwrap_or_default(), 2); // an exchange's account may be empty
    let [balance, equity, fees, funding] =
        [account.balance, engine.equity(), account.fees, account.funding].map(|money| rounded(money, 2));
    format!("   Balance: {balance:.2} USDT, equity {equity:.2} ({change:+.2} %), fees {fees:.2}, funding {funding:.2}")
}

fn in_brackets(parts: &[String]) -> String {
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

fn open_line(teller: Teller<'_>, position: &Position) -> String {
    let mark = decimal(teller.engine.mark(position.symbol)).unwrap_or_default();
    let [entry, stop, mark_text] =
        [position.entry_price(), position.stop, mark].map(|price| teller.price(position.symbol, price));
    let (side, symbol, qty) = (position.plan.side, teller.name(position.symbol), position.qty.normalize());
    let unrealised = rounded(position.unrealised(mark), 2);
    format!("{side} {symbol} {qty} @ {entry}, stop {stop}, mark {mark_text} ({unrealised:+.2} USDT)")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Speed,
        run::{
            health::Vitals,
            keeping::Keeping,
            prices::Prices,
            progress::Progress,
            realtime::Parts,
            rig,
            source::{Source, Tape},
            tasks::How::{Panicked, Quit, Returned},
            trades_csv::TradesCsv,
        },
        simulation::prices::Market,
        store::Cursor,
    };

    fn realtime() -> Realtime {
        Realtime::new(Parts {
            trader: rig::trader(),
            prices: Prices::Tape(Tape::new(Source::Made(Box::new(Market::new(1, &[rig::btc()]))), None)),
            speed: Speed::Max,
            vitals: Vitals::default(),
            finest: vec![],
            progress: Progress::from_environment(),
            csv: None,
            keeping: Keeping::without_disk(rig::settings().names(), Cursor::new(1)),
            halted: None,
            rights: None,
            duration_ends: None,
            infinite: false,
            close_on_stop: false,
        })
    }

    fn out_error() -> LoopError {
        TradesCsv::create("/dev/null".as_ref(), &[]).expect_err("a device is no folder").into()
    }

    #[test]
    fn the_exit_code_says_what_ended_the_run() {
        let returned = |outcome| Returned(Finished { realtime: Box::new(realtime()), outcome });
        let (broke, left) = (|| Some(Panicked("no".to_owned())), || Some(Quit));
        for (how, fault, cause, want) in [
            (returned(Ok(())), None, Cause::DurationReached, 0),
            (returned(Ok(())), None, Cause::Terminate, 143),
            (returned(Ok(())), None, Cause::Emergency, 3),
            (returned(Err(out_error())), None, Cause::Failure, 1),
            (returned(Err(LoopError::Deaf)), None, Cause::Failure, 70),
            (returned(Err(LoopError::Nothing("none".to_owned()))), None, Cause::Failure, 2),
            (Panicked("no".to_owned()), None, Cause::Failure, 70),
            (Quit, None, Cause::Failure, 1),
            (returned(Ok(())), broke(), Cause::Failure, 70),
            (returned(Ok(())), left(), Cause::Failure, 1),
            (Panicked("no".to_owned()), left(), Cause::Failure, 70),
            (returned(Ok(())), broke(), Cause::Emergency, 3),
        ] {
            let fault = fault.map(|how| TaskEnd { name: "signals", how });
            let end = End { trading: TaskEnd { name: "trading loop", how }, fault, cause };
            let said = format!("{} {cause:?} {:?}", end.trading.what(), end.failures());
            assert_eq!(end.exit_code(true), want, "{said}");
        }
    }

    #[test]
    fn a_failure_is_told_with_its_cause() {
        let trading = TaskEnd { name: "trading loop", how: Panicked("no bread".to_owned()) };
        let end = End { trading, fault: Some(TaskEnd { name: "signals", how: Quit }), cause: Cause::Failure };
        assert_eq!(end.failures(), ["task signals ended", "task trading loop panicked: no bread"]);
        assert_eq!((end.why().as_str(), end.trades().as_str()), ("task signals ended", ""));
    }

    #[test]
    fn a_run_without_trades_has_a_short_summary() {
        let trader = rig::trader();
        let want = [
            "📊 EXIT SUMMARY - Session Statistics",
            "   Entries: 0, exits: 0",
            "   0 signals: 0 taken",
            "   Balance: 1000.00 USDT, equity 1000.00 (+0.00 %), fees 0.00, funding 0.00",
        ];
        assert_eq!(summary(rig::teller(trader.engine()), None), want);
    }

    #[test]
    fn the_summary_has_exits_signals_and_money() {
        let (trader, notes) = rig::bought_then(110_000.0);
        // 0.01 bought at 98,500 and sold at 99,288: 7.88, less 0.06 % of each price.
        let want = [
            "📊 EXIT SUMMARY - Session Statistics",
            "   Entries: 1, exits: 1 (1 target)",
            "   Win rate: 100.0 %, total P&L: +6.69 USDT, average win: +6.69 USDT, average loss: +0.00 USDT",
            "   2 signals: 1 taken, 1 position open",
            "   Balance: 1006.69 USDT, equity 1006.69 (+0.67 %), fees 1.19, funding 0.00",
            "   Data: 18 rows",
        ];
        assert_eq!(summary(rig::teller(trader.engine()), Some("Data: 18 rows".to_owned())), want, "{notes:#?}");
    }

    #[test]
    fn what_stays_open_is_named_with_its_mark() {
        let (trader, notes) = rig::bought_then(98_400.0);
        let lines = summary(rig::teller(trader.engine()), None);
        let want = "   Stays open: LONG BTC/USDT:USDT 0.01 @ 98500.0, stop 98380.0, mark 98400.0 (-1.00 USDT)";
        assert!(lines.iter().any(|line| line == want), "{lines:#?} {notes:#?}");
    }
}
