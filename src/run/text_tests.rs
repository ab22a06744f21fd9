//! The words of the log, each by its note.

use super::*;
use crate::{
    engine::{Breaker, Failure, Reason, Skip, Tripped},
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
    let tripped = |breaker| Note::Tripped(Tripped { breaker, at: START, until: Some(START), measured: 3.0 });
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
            Note::Limit { why: Skip::DailyLoss, symbol: None, until: Some(START) },
            Level::Info,
            "Limit reached (daily loss): no new entries until 2025-01-01 00:00 UTC",
        ),
        (
            Note::Limit { why: Skip::PortfolioRisk, symbol: None, until: None },
            Level::Info,
            "Limit reached (portfolio risk): no new entries while it holds",
        ),
        (
            Note::Limit { why: Skip::BelowMinimum, symbol: Some(BTC), until: None },
            Level::Info,
            "Limit reached (below minimum size): no new entries in BTC/USDT:USDT while it holds",
        ),
        (
            Note::Quarantined { symbol: BTC, failure: Failure::Refused, until: START },
            Level::Warn,
            "BTC/USDT:USDT is quarantined: 3 orders refused in a row; no new entries in it until 2025-01-01 00:00 UTC, and what it \
             holds keeps its stops",
        ),
        (
            Note::Quarantined { symbol: BTC, failure: Failure::Silent, until: START },
            Level::Warn,
            "BTC/USDT:USDT is quarantined: no data for 3 hours while others had theirs; no new entries in it until \
             2025-01-01 00:00 UTC, and what it holds keeps its stops",
        ),
        (Note::QuarantineOver(BTC), Level::Info, "BTC/USDT:USDT: the quarantine is over, entries are allowed again"),
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
        (tripped(Breaker::Empty), Level::Error, "Emergency stop: the account is empty"),
        (
            Note::Uncovered(BTC),
            Level::Error,
            "BTC/USDT:USDT: the position has had no stop at the exchange for too long; another is placed, or it is closed",
        ),
        (
            Note::Foreign(BTC),
            Level::Warn,
            "BTC/USDT:USDT: the exchange holds an order, a position or settings that are not ours; left alone, no new entries there",
        ),
        (Note::ForeignOver(BTC), Level::Info, "BTC/USDT:USDT: what was not ours is gone, entries are allowed again"),
        (
            Note::ClosedOutside { symbol: BTC, qty: dec("0.0100"), price: dec("98450") },
            Level::Warn,
            "BTC/USDT:USDT: 0.01 of the position was closed outside; booked at 98450.0, the last known price",
        ),
        (
            Note::Adjusted { balance: dec("499.9"), by: dec("-500") },
            Level::Info,
            "The exchange's balance is 499.9 USDT, -500 against ours, and is adopted",
        ),
        (
            Note::Adjusted { balance: dec("499.9"), by: dec("0.0000012") },
            Level::Debug,
            "The exchange's balance is 499.9 USDT, +0.0000 against ours, and is adopted",
        ),
        (
            tripped(Breaker::PositionLoss(BTC)),
            Level::Warn,
            "BTC/USDT:USDT: the position has lost 3.00 % of the equity and is closed",
        ),
        (
            tripped(Breaker::Spike(BTC)),
            Level::Info,
            "BTC/USDT:USDT: an hour moved the price by 3.0 standard deviations: half the size until 2025-01-01 00:00 UTC",
        ),
        (Note::Reset(Breaker::Spike(BTC)), Level::Info, "BTC/USDT:USDT: full size again, the spike is over"),
        (
            Note::Unprotected(BTC),
            Level::Error,
            "BTC/USDT:USDT: the exchange takes no stop; the position is closed at the market",
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
    for (ms, want) in [
        (0, "0 ms"),
        (250, "250 ms"),
        (1_500, "1.5 s"),
        (9_990, "9.9 s"),
        (4_000, "4 s"),
        (43_210, "43 s"),
        (59_700, "60 s"),
        (90_000, "90 s"),
        (120_000, "2 min"),
    ] {
        assert_eq!(pause(Duration::from_millis(ms)), want);
    }
    assert_eq!(market_time(Timestamp(1_735_689_600_000)), "2025-01-01 00:00 UTC");
    assert_eq!([age(2_000), age(700_000), age(90_000_000)], ["2 s", "11 min", "25 h"]);
    assert_eq!([0, 1, 2].map(|count| counted(count, "trade")), ["0 trades", "1 trade", "2 trades"]);
    assert_eq!([300_000, 1_500].map(|ms| seconds(Duration::from_millis(ms))), ["300s", "1.500s"]);
}
