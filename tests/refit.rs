//! A paper account survives a change of the configuration: whatever the lists have become, what it holds goes on as it would have.

use crate::rig::{Rig, independent, made_up, names};
use rust_decimal::Decimal;
use smolbear::{
    config::Config,
    engine::{Event, Reason, Skip, Trade},
    market::{ClosedCandle, DAY_MS, Instrument, Misfit, Symbol, SymbolId},
    store::{Cursor, Memory},
    strategies,
};

const DAYS: i64 = 12;

/// A bot and its place in the data, moved as the program moves them.
struct Bot {
    config: Config,
    rig: Rig,
    cursor: Cursor,
    /// Candles that were handed in as new, in all lives.
    handed_in: usize,
    /// What [`Bot::told`] said at the end of an earlier life.
    before: Vec<Told>,
}

/// A trade with names in the place of numbers, and without the account's balance, which is of all symbols.
type Told = (Symbol, String, Trade);

impl Bot {
    fn new(config: Config) -> Self {
        let cursor = Cursor::new(config.symbols.len());
        Self { rig: Rig::new(&config), cursor, config, handed_in: 0, before: Vec::new() }
    }

    /// Hands candles in until `wanted`, which is asked after each event and, with `true`, in each turn. Says whether it came to that.
    fn run(&mut self, mut wanted: impl FnMut(&Rig, bool) -> bool) -> bool {
        for candle in made_up(&self.config, DAYS * DAY_MS) {
            if self.cursor.has(&candle) {
                let history = Event::Candle(ClosedCandle { history: true, ..candle });
                self.rig.trader.handle(candle.closes_at(), &history, &mut Vec::new());
                continue;
            }
            // a turn that was left in its middle is ended before the first candle that is new
            self.commit(&mut |_| false);
            loop {
                let (at, event) = self.rig.trader.next_of(
                    self.rig.latest.max(self.cursor.latest),
                    candle.closes_at(),
                    Event::Candle(candle),
                );
                let whole = event == Event::Candle(candle);
                self.cursor.latest = at;
                if whole {
                    self.cursor.pass(&candle);
                    self.handed_in += 1;
                }
                self.rig.handle(at, event);
                if self.commit(&mut |rig| wanted(rig, true)) || wanted(&self.rig, false) {
                    return true;
                }
                if whole {
                    break;
                }
            }
        }
        false
    }

    /// Answers what must be made durable, until `wanted`.
    fn commit(&mut self, wanted: &mut impl FnMut(&Rig) -> bool) -> bool {
        while let Some(batch) = self.rig.trader.outstanding() {
            if wanted(&self.rig) {
                return true;
            }
            self.rig.handle(self.cursor.latest, Event::Committed { batch });
        }
        self.rig.trader.check();
        false
    }

    /// The bot of another configuration, with this one's account as it comes back from the disk.
    fn restarted(&self, config: Config) -> Result<Self, Misfit> {
        let (cursor, trader) = (self.cursor.clone(), self.rig.trader.snapshot());
        let memory = Memory { names: names(&self.config), cursor, trader };
        let text = serde_json::to_string(&memory).unwrap();
        let Memory { cursor, trader, .. } = serde_json::from_str::<Memory>(&text).unwrap().refit(names(&config))?;
        Ok(Self { rig: Rig::restored(&config, trader), cursor, config, handed_in: self.handed_in, before: self.told() })
    }

    /// Every trade so far.
    fn told(&self) -> Vec<Told> {
        let named = |trade: &Trade| {
            let name = self.config.strategies[usize::from(trade.strategy)].name.clone();
            let plain = Trade { symbol: SymbolId(0), strategy: 0, balance: 0.into(), ..trade.clone() };
            (self.config.symbols[trade.symbol.index()].clone(), name, plain)
        };
        self.before.iter().cloned().chain(self.rig.trades().map(named)).collect()
    }

    fn told_of(&self, coin: &str) -> Vec<Told> {
        self.told().into_iter().filter(|(symbol, ..)| symbol.base() == coin).collect()
    }
}

fn holds(rig: &Rig) -> Vec<usize> {
    rig.trader.engine().positions().map(|position| position.symbol.index()).collect()
}

fn three() -> Config {
    independent(&["BTCUSDT", "ETHUSDT", "SOLUSDT"])
}

/// Every trade, had nothing been changed.
fn unchanged() -> Bot {
    let mut bot = Bot::new(three());
    assert!(!bot.run(|_, _| false));
    bot
}

/// A bot that was stopped with a position in `symbol` alone and three trades behind it, between two events or in the middle of a turn.
fn stopped(symbol: usize, in_a_turn: bool) -> Bot {
    let mut bot = Bot::new(three());
    assert!(bot.run(|rig, turn| turn == in_a_turn && holds(rig) == [symbol] && rig.trades().count() >= 3));
    bot
}

#[test]
fn each_symbol_trades_on_in_another_order_and_beside_new_ones() {
    let whole = unchanged();
    for (held, in_a_turn) in [(0, false), (1, true), (2, true)] {
        let bot = stopped(held, in_a_turn);
        for list in [&["SOLUSDT", "BTCUSDT", "ETHUSDT"][..], &["XRPUSDT", "ETHUSDT", "DOGEUSDT", "SOLUSDT", "BTCUSDT"]]
        {
            let mut again = bot.restarted(independent(list)).unwrap();
            assert_eq!(holds(&again.rig).len(), 1);
            again.run(|_, _| false);
            for coin in ["BTC", "ETH", "SOL"] {
                let told = again.told_of(coin);
                assert!(told.len() >= 5, "{coin}: {told:?}");
                assert_eq!(told, whole.told_of(coin), "{coin} of {list:?}, stopped with {held} open");
            }
            assert!(again.handed_in == whole.handed_in || list.len() > 3, "every candle is new once");
            let new = again.told().iter().filter(|(symbol, ..)| ["XRP", "DOGE"].contains(&symbol.base())).count();
            assert_eq!(new > 0, list.len() > 3, "new ones trade too");
        }
    }
}

#[test]
fn each_symbol_trades_on_when_the_strategies_change_places_and_others_come() {
    let whole = unchanged();
    let mut config = three();
    config.strategies.reverse();
    let quiet = strategies::Settings { name: "quiet".to_owned(), rsi_base: -100.0, ..config.strategies[1].clone() };
    config.strategies.insert(0, quiet);
    for in_a_turn in [false, true] {
        let mut again = stopped(1, in_a_turn).restarted(config.clone()).unwrap();
        again.run(|_, _| false);
        for coin in ["BTC", "ETH", "SOL"] {
            assert_eq!(again.told_of(coin), whole.told_of(coin), "{coin}");
        }
    }
}

#[test]
fn a_symbol_can_go_when_it_is_flat_but_not_with_a_position() {
    let whole = unchanged();
    for in_a_turn in [true, false] {
        let mut without = stopped(1, in_a_turn).restarted(independent(&["SOLUSDT", "ETHUSDT"])).unwrap();
        without.run(|_, _| false);
        for coin in ["ETH", "SOL"] {
            assert_eq!(without.told_of(coin), whole.told_of(coin), "{coin}");
        }
    }
    let bot = stopped(1, false);
    let held = bot.rig.trader.engine().positions().next().unwrap();
    let (qty, side) = (held.qty, held.plan.side.to_string().to_lowercase());
    let refused = bot.restarted(independent(&["SOLUSDT", "BTCUSDT"])).err().unwrap().to_string();
    let want = format!("the account holds a {side} position of {qty} ETH/USDT:USDT, which is not among the symbols; ");
    assert_eq!(refused, want + "add it to --symbols, or begin a new account with --fresh");
}

#[test]
fn an_entry_that_the_new_rules_would_not_allow_ends_like_any_other() {
    for (in_a_turn, traded, refused) in [(false, 1, 0), (true, 0, 1)] {
        let mut bot = Bot::new(three());
        let in_flight = |rig: &Rig| rig.trader.engine().entries_in_flight() > 0 && holds(rig).is_empty();
        assert!(bot.run(|rig, turn| turn == in_a_turn && in_flight(rig)));
        let mut again = bot.restarted(coarser(1000)).unwrap();
        again.run(|_, _| false);
        let summary = again.rig.trader.engine().summary();
        let skips = summary.skipped().find(|(why, _)| *why == Skip::Refused).map_or(0, |(_, count)| count);
        assert_eq!(
            (summary.exit_count(), skips),
            (traded, refused),
            "the venue has it, or is asked under the new rules"
        );
        assert!(again.rig.trades().all(|trade| [Reason::Stop, Reason::Target].contains(&trade.reason)));
    }
}

#[test]
fn a_position_is_closed_by_its_own_stop_or_target_whatever_the_rules_have_become() {
    for (times, in_a_turn) in [(7, false), (7, true), (1000, false), (1000, true)] {
        let bot = stopped(0, in_a_turn);
        let mut again = bot.restarted(coarser(times)).unwrap();
        let stop = |rig: &Rig| rig.trader.engine().positions().next().map(|position| position.stop);
        let (was, moved) = (stop(&bot.rig).unwrap(), stop(&again.rig).unwrap());
        assert!(
            (moved % again.rig.trader.engine().settings().instruments[0].tick).is_zero() && moved <= was,
            "{moved}"
        );
        again.run(|rig, turn| !turn && rig.trades().count() > 0);
        let trade = again.rig.trades().next().expect("the position is closed");
        assert!([Reason::Stop, Reason::Target].contains(&trade.reason), "{trade:?}");
        assert!(again.rig.trader.engine().positions().all(|position| position.symbol != trade.symbol));
    }
}

/// The three under rules that most of what was bought before does not keep.
fn coarser(times: i64) -> Config {
    let mut config = three();
    let rules = config.instruments.iter().map(|rules| {
        let [tick, step] = [rules.tick, rules.step].map(|unit| unit * Decimal::from(times));
        Instrument { tick, step, min_qty: step, ..rules.clone() }
    });
    config.own_instruments = rules.collect();
    config
}
