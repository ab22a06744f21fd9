//! A bot in a test tube: engine and venue from a configuration, moved as the program's loop moves them, looked at after every event.

use smolbear::{
    candles_file::{Feed, FileSpec},
    config::Config,
    engine::{Action, Event, Record, Risk, Trade},
    market::{ClosedCandle, Fill, Names, Symbol, Timestamp},
    simulation::prices::{EPOCH, Market},
    trader::{Snapshot, Trader},
};
use std::path::Path;

pub struct Rig {
    pub trader: Trader,
    pub latest: Timestamp,
    /// What the shell was asked to do, and when.
    pub asked: Vec<(Timestamp, Action)>,
    actions: Vec<Action>,
}

impl Rig {
    /// A bot that has seen nothing; it trades `config.symbols`.
    pub fn new(config: &Config) -> Self {
        let instruments = config.instruments_for(&config.symbols).unwrap();
        let venue = config.matching_settings(instruments.clone());
        Self::around(Trader::on_paper(config.engine_settings(instruments), venue))
    }

    /// A bot that goes on from a snapshot.
    pub fn restored(config: &Config, snapshot: Snapshot) -> Self {
        let instruments = config.instruments_for(&config.symbols).unwrap();
        let venue = config.matching_settings(instruments.clone());
        Self::around(Trader::restore(config.engine_settings(instruments), venue, snapshot))
    }

    fn around(trader: Trader) -> Self {
        Self { trader, latest: Timestamp(i64::MIN), asked: Vec::new(), actions: Vec::new() }
    }

    /// Everything up to and with these candles, in the order of [`Trader::next_event`].
    pub fn feed(&mut self, candles: impl IntoIterator<Item = ClosedCandle>) -> &mut Self {
        for candle in candles {
            while self.step(candle) != Event::Candle(candle) {}
        }
        self
    }

    /// One event: `candle`, or a deadline before it.
    pub fn step(&mut self, candle: ClosedCandle) -> Event {
        let (at, event) = self.trader.next_of(self.latest, candle.closes_at(), Event::Candle(candle));
        self.tell(at, event.clone());
        event
    }

    /// One event whose commits somebody else answers.
    pub fn handle(&mut self, at: Timestamp, event: Event) {
        self.latest = at;
        self.trader.handle(at, &event, &mut self.actions);
        self.asked.extend(self.actions.drain(..).map(|action| (at, action)));
    }

    pub fn tell(&mut self, at: Timestamp, event: Event) {
        self.latest = at;
        self.trader.turn(at, &event, &mut self.actions);
        self.trader.check();
        self.asked.extend(self.actions.drain(..).map(|action| (at, action)));
    }

    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.asked.iter().flat_map(|(_, action)| match action {
            Action::Commit { records, .. } => records.as_slice(),
            _ => &[],
        })
    }

    pub fn trades(&self) -> impl Iterator<Item = &Trade> {
        self.records().filter_map(|record| if let Record::Trade(trade) = record { Some(trade) } else { None })
    }

    pub fn fills(&self) -> impl Iterator<Item = &Fill> {
        self.records().filter_map(|record| if let Record::Fill(fill) = record { Some(fill) } else { None })
    }
}

/// The configuration of a user who has none, for the made-up market of a seed.
pub fn seeded(seed: u64) -> Config {
    let mut config = Config::default();
    config.paper.seed = seed;
    config
}

/// These symbols, with limits and sizes that do not depend on what other symbols do.
pub fn independent(coins: &[&str]) -> Config {
    let mut config = Config { symbols: coins.iter().map(|coin| coin.parse().unwrap()).collect(), ..Config::default() };
    config.paper.capital = 1_000_000.into();
    config.risk.max_notional = 1_000.0;
    unlimited(&mut config.risk);
    config
}

/// No limit but those of sizes, for tests that need more trades than a cautious account makes.
pub fn unlimited(rules: &mut Risk) {
    without_breakers(rules);
    (rules.max_trades_per_day, rules.daily_loss_pct) = (1_000, 100.0);
}

/// An account that trades on each day, whatever it has lost.
pub fn without_breakers(rules: &mut Risk) {
    (rules.max_losses_in_row, rules.max_drawdown_pct) = (0, 100.0);
    (rules.max_correlation, rules.breaker_correlation) = (1.0, 1.0);
    (rules.breaker_position_loss_pct, rules.breaker_daily_loss_pct) = (100.0, 100.0);
}

/// What the numbers in a snapshot of such a bot stand for.
pub fn names(config: &Config) -> Names {
    config.engine_settings(config.instruments_for(&config.symbols).unwrap()).names()
}

/// The made-up market of a configuration, history included, until so long after its beginning.
pub fn made_up(config: &Config, ms: i64) -> impl Iterator<Item = ClosedCandle> + use<> {
    let market = Market::new(config.paper.seed, &config.symbols);
    market.take_while(move |candle| candle.closes_at() <= EPOCH.plus_ms(ms))
}

/// Recorded candles: their symbols, in the order in which the files name them, and the candles as they are delivered.
pub fn recorded(files: &[impl AsRef<Path>]) -> (Vec<Symbol>, Vec<ClosedCandle>) {
    let specs: Vec<_> = files.iter().map(|file| FileSpec::parse(file.as_ref().to_str().unwrap()).unwrap()).collect();
    let mut symbols: Vec<Symbol> = Vec::new();
    for spec in &specs {
        if !symbols.contains(&spec.symbol) {
            symbols.push(spec.symbol.clone());
        }
    }
    let mut feed = Feed::open(&specs, &symbols).unwrap();
    let candles = std::iter::from_fn(|| feed.next().unwrap()).collect();
    (symbols, candles)
}
