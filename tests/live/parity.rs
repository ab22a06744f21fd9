//! The same candles three times: played by an exchange to two bots at once, one on paper at its prices and one with real orders on an account of it,
//! and given to a backtest. All must decide the same.
//!
//! A signal of a bot is one of the backtest's and the other way round, at the same close of the same symbol. Where both take it, the order has the same
//! name (that is strategy, symbol, side and time), the quantity that the equity gives, and stop and target as far from the fill.
//!
//! What may differ, and why; each is listed, and counted where it may not be more than a few:
//! - **Entry prices.** A replay knows of a minute only open, high, low and close, and fills at the next minute's open. An exchange shows a path
//!   through the minute with bid and ask, and a bot fills at the quote that it sees some time after the close, or where its order arrives. On paper
//!   a fill is worse than the price by the configured slippage, which is what a real one differs by here.
//! - **Quantities**, by as much as the balances differ that these prices have led to.
//! - **Exits.** For the same reason a stop or a target within a minute may be met in one and not in the other, and what follows shifts. So positions
//!   here end by time (a replay looks at the clock when the minute is over), long before the next close of three minutes: an entry depends on candles
//!   alone, and can be compared with its twin.
//! - **Entries not taken.** A busy machine may take a fast bot longer than the 5 s of the market after which a signal is too old to be acted on, or an
//!   answer is so late that the clocks are in doubt. Rarely the account is unproven for the same reason, or an order comes too late and is refused,
//!   or is taken back since the run ends. The bot says why, for each signal.

use super::{
    Place, Played, assert_clean,
    decisions::{Decisions, Signal},
    desk::Desk,
    eager,
};
use crate::common::{Ended, generate};
use rust_decimal::Decimal;
use smolbear::{
    engine::{Entry, Skip},
    market::{Instrument, known_instrument},
};
use std::{fs, path::Path};

/// A minute a second: the market's 5 s are 83 ms.
const SPEED: &str = "60";
/// How long the bots trade, in seconds: 24 minutes, with eight closes of three symbols.
const RUN: &str = "24";
/// So many entries are the same at least.
const FEWEST: usize = 6;
/// Prices of one entry are not further apart than this part: a minute's way, and a spread.
const APART: &str = "0.005";
/// Equity is the balance to within this part: fees of what is open, and what that has earned.
const OPEN: &str = "0.0003";
/// Of paper and of the account at the exchange, in USDT.
const CAPITAL: &str = "100000";
const COINS: [(&str, &str); 3] = [("BTC", "5"), ("ETH", "6"), ("SOL", "7")];

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn rules(place: usize) -> Instrument {
    known_instrument(&format!("{}USDT", COINS[place].0).parse().unwrap()).unwrap()
}

/// What a bot's decisions have in common with those of the backtest; anything else that has no reason is a failure.
fn compare(name: &str, ours: &Decisions, twins: &Decisions) {
    let (mut same, mut filled, mut excused) = (0, 0, vec![]);
    let heard = |symbol, close| {
        let (first, last) = ours.heard.get(&symbol).copied().unwrap_or_default();
        (first..=last).contains(&close)
    };
    for (key @ (close, symbol), twin) in twins.signals.iter().filter(|((close, symbol), _)| heard(*symbol, *close)) {
        let at = format!("{name}: {} at {}", COINS[symbol.index()].0, close.0);
        let signal = ours.signals.get(key).unwrap_or_else(|| panic!("{at}: no signal, but in the backtest"));
        let expected =
            twin.outcome.as_ref().unwrap_or_else(|why| panic!("{at}: the backtest does not take it: {why:?}"));
        match &signal.outcome {
            Ok(taken) => {
                assert_eq!(taken.order.id, expected.order.id, "{at}");
                assert_eq!(taken.order.side, expected.order.side, "{at}");
                let quantities = [taken.order.qty, expected.order.qty];
                assert_quantities(&at, [signal, twin], quantities, &rules(symbol.index()));
                same += 1;
                if let (Some(entry), Some(twin)) = (&taken.opened, &expected.opened) {
                    println!("{at}: {quantities:?} {}", assert_prices(&at, entry, twin, &rules(symbol.index())));
                    filled += 1;
                }
                excused.extend(taken.given_up.map(|why| (at, why)));
            }
            Err(why) => excused.push((at, *why)),
        }
    }
    let unknown: Vec<_> = ours.signals.keys().filter(|key| !twins.signals.contains_key(key)).collect();
    assert!(unknown.is_empty(), "{name}: signals that the backtest has not: {unknown:?}");
    println!("{name}: {same} entries are the same, {filled} of them filled; not taken: {excused:?}");
    let late = [Skip::Stale, Skip::Clock, Skip::Stopping];
    let (late, rare): (Vec<_>, Vec<_>) = excused.iter().partition(|(_, why)| late.contains(why));
    let is_rare = |why: &Skip| matches!(why, Skip::Unproven | Skip::Refused | Skip::Cancelled);
    assert!(rare.iter().all(|(_, why)| is_rare(why)), "{name}: {rare:?}");
    assert!(filled >= FEWEST.max(3 * rare.len()), "{name}: {filled} entries, {rare:?}, {late:?}");
}

/// What is to be bought is the same part of the equity, in whole steps.
fn assert_quantities(at: &str, signals: [&Signal; 2], [ours, twins]: [Decimal; 2], rules: &Instrument) {
    let [balance, twins_balance] = signals.map(|signal| signal.balance.unwrap_or_else(|| dec(CAPITAL)));
    let expected = twins * balance / twins_balance;
    let most = rules.step + rules.step * balance / twins_balance + expected * dec(OPEN);
    assert!((ours - expected).abs() <= most, "{at}: {ours} of {balance} USDT, {twins} of {twins_balance}");
}

/// What a person reads of the fill, and that stop and target are as far from it, in whole ticks.
fn assert_prices(at: &str, ours: &Entry, twin: &Entry, rules: &Instrument) -> String {
    let distances = |entry: &Entry| [entry.stop - entry.price, entry.target - entry.price];
    for (ours, twins) in distances(ours).iter().zip(distances(twin)) {
        assert!((ours - twins).abs() <= rules.tick, "{at}: {ours} from the fill, in the backtest {twins}");
    }
    let apart = ours.price / twin.price - Decimal::ONE;
    assert!(apart.abs() < dec(APART), "{at}: {} and {}", ours.price, twin.price);
    let [stop, target] = distances(ours);
    format!(
        "@ {}, in the backtest {}: {:+.3} %; stop {stop:+}, target {target:+}",
        ours.price,
        twin.price,
        apart * Decimal::ONE_HUNDRED
    )
}

/// A backtest, with what a replay has in its journal: that the two are the same is checked.
fn backtest(place: &Place, files: &[&str]) -> Decisions {
    let [tested, replayed] = [
        &["backtest", "--out", "b", "--config", "bot.toml"][..],
        &["--paper", "--speed", "max", "--out", "r", "--data-dir", "rd", "--config", "bot.toml", "--replay"],
    ]
    .map(|args| place.run(&[args, files].concat()));
    let tested = tested.end();
    assert_eq!(tested.code(), Some(0), "{}", tested.stderr);
    assert_clean(&replayed.end());
    let rows = |folder: &str| fs::read_to_string(place.path().join(folder).join("trades.csv")).unwrap();
    assert_eq!(rows("b"), rows("r"));
    Decisions::read(&place.path().join("rd"))
}

#[test]
fn an_exchange_that_plays_candles_leads_to_the_decisions_of_their_backtest() {
    let recorded = tempfile::tempdir().unwrap();
    let files = COINS.map(|(coin, seed)| {
        let symbol = format!("{coin}/USDT:USDT");
        generate(recorded.path(), &format!("{coin}USDT-1m.csv"), &["--days", "1", "--seed", seed, "--symbol", &symbol])
    });
    let files = files.each_ref().map(String::as_str);
    let played = [&["--speed", SPEED, "--capital", CAPITAL, "--replay"], &files[..]].concat();
    let exchange = Played::open(&played);
    let strategy = eager("3m", 75);
    let (place, desk) = (Place::new(&exchange.address, &strategy), Desk::at(&exchange.address, &strategy));
    let more = ["--duration", RUN];
    let (paper, live) = (place.trade(SPEED, &more), desk.trade_at(SPEED, &more));
    let twins = backtest(&place, &files);
    let read = |ended: &Ended, account: &Path| {
        assert_clean(ended);
        Decisions::read(account)
    };
    let (paper, live) = (paper.end(), live.end());
    println!("{}", live.stdout()); // seen where what follows fails
    compare("paper", &read(&paper, &place.account()), &twins);
    compare("live", &read(&live, &desk.0.account()), &twins);
}
