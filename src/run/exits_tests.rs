//! What ends a position: the setting, the price's way, the line of the log, and the reason in `trades.csv`.

use super::rig::{self, START};
use crate::{
    engine::{Exits, Note, Trade},
    market::MINUTE_MS,
    store::TradeRow,
};

/// The trade of a position bought at 98,500, with its stop at 98,380 and its target at 99,288, and the line about its end.
///
/// Its first minute falls to 98,400; `closes` are those of the minutes after it.
fn exit(exits: Exits, closes: &[f64]) -> Option<(Trade, String)> {
    let (trader, notes) = rig::bought_by(rig::trader_with(exits), closes);
    notes.iter().find_map(|note| match note {
        Note::Exit(trade) => Some((trade.clone(), rig::teller(trader.engine()).line(note).1)),
        _ => None,
    })
}

#[test]
fn each_exit_has_its_rule_its_line_and_its_reason() {
    let off = Exits::default();
    let trailing = |trailing_pct| Exits { trailing: true, trailing_pct, ..Exits::default() };
    let trailing_by_default = Exits { trailing: true, ..Exits::default() };
    let timed = Exits { time_limit: true, ..Exits::default() };
    let flat = [98_450.0; 70];
    let (stop, target) = (("🛑 [STOP-LOSS-HIT]", "stop"), ("🎯 [TAKE-PROFIT-HIT]", "target"));
    let (followed, closed) = (("🚦 [TRAILING-STOP-HIT]", "trailing"), ("🔄 [POSITION-CLOSED]", "time"));
    for (exits, closes, want) in [
        (&off, &[98_380.1][..], None),
        (&off, &[98_379.0], Some((stop, "98380"))),
        (&off, &[99_287.9], None),
        (&off, &[99_289.0], Some((target, "99288"))),
        // off, so that nothing follows the price
        (&off, &[99_200.0, 98_600.0], None),
        // 0.5 % below 99,200
        (&trailing(0.5), &[99_200.0, 98_704.1], None),
        (&trailing(0.5), &[99_200.0, 98_703.0], Some((followed, "98704"))),
        // 2 % below is still below the stop
        (&trailing_by_default, &[99_200.0, 98_600.0], None),
        (&trailing_by_default, &[99_200.0, 98_379.0], Some((stop, "98380"))),
        (&off, &flat, None),
        // 60 minutes, counted from the entry before the first of them
        (&timed, &flat[..59], None),
        (&timed, &flat, Some((closed, "98450"))),
    ] {
        let got = exit(exits.clone(), closes);
        let case = format!("{exits:?} {:?} {got:?}", &closes[..closes.len().min(2)]);
        let Some(((mark, reason), price)) = want else {
            assert!(got.is_none(), "{case}");
            continue;
        };
        let (trade, line) = got.expect(&case);
        assert!(line.starts_with(mark), "{case}");
        assert_eq!((trade.reason.name(), trade.exit_price), (reason, rig::dec(price)), "{case}");
        let row = TradeRow::new(&trade, &rig::btc(), "oversold_bounce").to_string();
        assert_eq!(row.split(',').nth(8), Some(reason), "{case}");
    }
}

#[test]
fn a_position_is_held_for_an_hour_where_the_time_limit_is_on() {
    let (trade, line) = exit(Exits { time_limit: true, ..Exits::default() }, &[98_450.0; 70]).unwrap();
    assert_eq!(trade.entry_time, START.plus_ms(15 * MINUTE_MS));
    assert_eq!(trade.exit_time.since_ms(trade.entry_time), 3_600_000, "{line}");
    assert!(line.contains("held long enough"), "{line}");
}
