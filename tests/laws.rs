//! What holds for any candles, settings and commands, after every event.

use crate::rig::{Rig, unlimited};
use proptest::{collection::vec, prelude::*};
use rust_decimal::Decimal;
use smolbear::{
    config::Config,
    engine::{Action, Command, Event, Record, Sizing, Trade},
    market::{
        Candle, ClientId, ClosedCandle, Fill, FundingRate, MINUTE_MS, OrderKind, OrderRequest, OrderSide, PriceBar,
        Side, SymbolId, Timeframe, Timestamp,
    },
};
use std::collections::BTreeMap;

/// 2025-01-01 05:00 UTC: the first funding time comes after three hours.
const BEGIN: Timestamp = Timestamp(1_735_707_600_000);
/// Where prices begin, and between what bounds they stay.
const LEVELS: [f64; 2] = [60_000.0, 150.0];

/// What a market does next.
#[derive(Debug, Clone)]
enum Step {
    /// A candle: its move from open to close, and how far its wicks reach, in parts of ten thousand.
    Candle { by: i32, up: u32, down: u32 },
    /// A candle that stands still, without volume.
    Still,
    /// A wick to half or twice the price, and back.
    Spike { up: bool },
    /// The price jumps between two candles, by so many parts of ten thousand.
    Jump { by: i32 },
    /// So many minutes are missing.
    Gap { minutes: i64 },
    /// The venue announces funding: a rate in parts of ten thousand, so many minutes ahead.
    Rate { rate: i64, ahead: i64 },
    /// Somebody interferes.
    Order(Command),
}

fn step() -> impl Strategy<Value = Step> {
    let command = prop_oneof![
        1 => Just(Command::Pause),
        3 => Just(Command::Resume),
        2 => (0..2u16).prop_map(|symbol| Command::Close(SymbolId(symbol))),
        1 => Just(Command::CloseAll),
    ];
    prop_oneof![
        200 => (-60..60, 0..30u32, 0..30u32).prop_map(|(by, up, down)| Step::Candle { by, up, down }),
        10 => Just(Step::Still),
        2 => any::<bool>().prop_map(|up| Step::Spike { up }),
        4 => prop_oneof![3 => -300..300, 1 => Just(-5_000), 1 => Just(10_000)].prop_map(|by| Step::Jump { by }),
        2 => (1..500i64).prop_map(|minutes| Step::Gap { minutes }),
        2 => (-50..50i64, 0..600i64).prop_map(|(rate, ahead)| Step::Rate { rate, ahead }),
        2 => command.prop_map(Step::Order),
    ]
}

fn settings() -> impl Strategy<Value = Config> {
    let exits = (any::<bool>(), 0.1..5.0, any::<bool>(), 30..7_200u64);
    let limits = (prop_oneof![Just(2u32), Just(1_000)], prop::bool::weighted(0.2));
    let risk = (0.1..20.0, 1.0..50.0, 1.0..100.0, any::<bool>(), limits);
    let sizing = prop_oneof![Just(Sizing::Risk), Just(Sizing::Notional), Just(Sizing::Kelly)];
    let sizing = (sizing, 1.0..100_000f64);
    let paper = (10..200_000i64, 0.0..1.0, 0.0..0.1, -1.0..1.0, prop_oneof![Just(0.0), 0.1..20.0]);
    (exits, risk, paper, (1..4usize, sizing)).prop_map(|(exits, risk, paper, (frames, sizing))| {
        let mut config =
            Config { symbols: ["BTCUSDT", "SOLUSDT"].map(|name| name.parse().unwrap()).into(), ..Config::default() };
        (config.exits.trailing, config.exits.trailing_pct, config.exits.time_limit, config.exits.max_hold_s) = exits;
        let rules = &mut config.risk;
        let (trades, limited) = risk.4;
        if !limited {
            unlimited(rules);
        }
        (rules.per_trade_pct, rules.leverage, rules.max_position_pct, rules.scale_up_to_minimum) =
            (risk.0, risk.1, risk.2, risk.3);
        rules.max_trades_per_day = trades;
        (rules.max_portfolio_risk_pct, rules.daily_loss_pct) = (100.0, 100.0);
        (rules.sizing, rules.notional) = sizing;
        config.paper.capital = paper.0.into();
        config.paper.max_participation_pct = paper.4;
        (config.paper.taker_fee_pct, config.paper.slippage_pct, config.paper.funding_rate_pct) =
            (paper.1, paper.2, paper.3);
        for rule in &mut config.strategies {
            rule.timeframe = [Timeframe::M1, Timeframe::M3, Timeframe::M5][frames - 1];
            rule.context = Timeframe::M1;
            rule.rsi_by_symbol.clear();
        }
        config
    })
}

/// One symbol's market, from step to step.
struct Tape {
    symbol: SymbolId,
    price: f64,
    next: Timestamp,
}

impl Tape {
    fn new(symbol: usize) -> Self {
        Self { symbol: SymbolId(symbol as u16), price: LEVELS[symbol], next: BEGIN }
    }

    /// The next candle after a step, if the step makes one.
    fn follow(&mut self, step: &Step) -> Option<ClosedCandle> {
        let moved = |price: f64, by: i32| price + price * f64::from(by) / 10_000.0;
        let open = self.price;
        let (close, high, low) = match *step {
            Step::Candle { by, up, down } => {
                let close = moved(open, by);
                (close, moved(open.max(close), up as i32), moved(open.min(close), -(down as i32)))
            }
            Step::Still => (open, open, open),
            Step::Spike { up: true } => (open, open * 2.0, open),
            Step::Spike { up: false } => (open, open, open * 0.5),
            Step::Jump { by } => {
                self.price =
                    moved(open, by).clamp(LEVELS[self.symbol.index()] / 8.0, LEVELS[self.symbol.index()] * 8.0);
                return None;
            }
            Step::Gap { minutes } => {
                self.next = self.next.plus_ms(minutes * MINUTE_MS);
                return None;
            }
            Step::Order(_) | Step::Rate { .. } => return None,
        };
        let volume = if matches!(step, Step::Still) { 0.0 } else { 3.0 };
        let candle = Candle { open_time: self.next, open, high, low, close, volume };
        self.price = close;
        self.next = self.next.plus_ms(MINUTE_MS);
        Some(ClosedCandle { symbol: self.symbol, timeframe: Timeframe::M1, candle, history: false })
    }
}

/// The same minute as a stream of prices tells it before its candle is known.
fn bars(closed: &ClosedCandle) -> [PriceBar; 2] {
    let Candle { open, high, low, close, open_time, .. } = closed.candle;
    let bar = |last: f64, low, high, at| PriceBar { symbol: closed.symbol, last, low, high, bid: last, ask: last, at };
    [bar(low, low, open, open_time.plus_ms(20_000)), bar(close, low, high, open_time.plus_ms(50_000))]
}

/// What the records of a run say, kept apart from the books of engine and venue.
#[derive(Default)]
struct Books {
    intents: BTreeMap<ClientId, OrderRequest>,
    filled: BTreeMap<ClientId, Decimal>,
    /// Signed.
    held: [Decimal; 2],
    balance: Decimal,
    gross: Decimal,
    /// Paid for fills, and of that what trades have taken over.
    fees: Decimal,
    trade_fees: Decimal,
    funding: Decimal,
    trade_funding: Decimal,
    trades: usize,
    liquidations: usize,
    signals: BTreeMap<(SymbolId, Timestamp), usize>,
}

impl Books {
    fn record(&mut self, at: Timestamp, record: &Record) {
        match record {
            Record::Intent(request) => self.intent(at, request),
            Record::Fill(fill) => {
                if fill.id.as_str().starts_with("autoclose") {
                    return self.liquidation(fill);
                }
                let request = self.intents.get(&fill.id).expect("an order is recorded before it is sent (S5)");
                assert_eq!((request.symbol, request.side), (fill.symbol, fill.side));
                let filled = self.filled.entry(fill.id).or_default();
                *filled += fill.qty;
                assert!(*filled <= request.qty, "{} filled {filled} of {}", fill.id, request.qty);
                let signed = if fill.side == OrderSide::Buy { fill.qty } else { -fill.qty };
                let held = &mut self.held[fill.symbol.index()];
                if request.reduce_only {
                    assert!(held.is_sign_positive() != signed.is_sign_positive(), "S3: {} grows a position", fill.id);
                    assert!(fill.qty <= held.abs(), "S3: {} of {} turns {held}", fill.id, fill.qty);
                }
                *held += signed;
                self.fees += fill.fee;
                self.balance -= fill.fee;
            }
            Record::Funding(paid) => {
                self.funding += paid.amount;
                self.balance -= paid.amount;
            }
            Record::Trade(trade) => self.trade(trade),
        }
    }

    /// The venue's own order closes all that is held.
    fn liquidation(&mut self, fill: &Fill) {
        let held = &mut self.held[fill.symbol.index()];
        assert!(
            fill.qty == held.abs() && (fill.side == OrderSide::Sell) == held.is_sign_positive(),
            "{held}: {fill:?}"
        );
        *held = Decimal::ZERO;
        self.fees += fill.fee;
        self.balance -= fill.fee;
        self.liquidations += 1;
    }

    fn intent(&mut self, at: Timestamp, request: &OrderRequest) {
        let before = self.intents.insert(request.id, *request);
        assert!(before.is_none(), "{} names two orders", request.id);
        if !request.reduce_only {
            let orders = self.signals.entry((request.symbol, at)).or_default();
            *orders += 1;
            assert_eq!(*orders, 1, "S1: one signal of {:?} at {at:?} is one entry order", request.symbol);
            assert!(self.held[request.symbol.index()].is_zero(), "one position a symbol");
        }
    }

    fn trade(&mut self, trade: &Trade) {
        self.gross += trade.gross;
        self.balance += trade.gross;
        self.trade_fees += trade.fees;
        self.trade_funding += trade.funding;
        self.trades += 1;
        assert_eq!(trade.balance, self.balance, "{trade:?}");
        assert_eq!(trade.pnl(), trade.gross - trade.fees - trade.funding);
        let difference = (trade.exit_price - trade.entry_price) * trade.qty;
        let gross = if trade.side == Side::Long { difference } else { -difference };
        assert!((gross - trade.gross).abs() < Decimal::new(1, 4), "{trade:?}: {gross}");
        assert!(trade.r.is_zero() || trade.r.is_sign_positive() == trade.pnl().is_sign_positive(), "{trade:?}");
        assert!(trade.qty > Decimal::ZERO && trade.exit_time >= trade.entry_time, "{trade:?}");
    }

    /// Money: nothing is made, nothing is lost.
    fn balance_of(&self, capital: Decimal) -> Decimal {
        let flat = self.held.iter().all(Decimal::is_zero);
        assert!(self.trade_fees <= self.fees);
        if flat {
            assert_eq!((self.fees, self.funding), (self.trade_fees, self.trade_funding), "every trade bears its costs");
        }
        capital + self.gross - self.fees - self.funding
    }
}

/// S2: whatever happened, each position at the venue has a reduce-only stop there for its whole size, or is being closed.
fn assert_covered(rig: &Rig) {
    let venue = rig.trader.venue().matching().expect("on paper");
    for held in venue.account().positions {
        let stops = |order: &&OrderRequest| {
            order.reduce_only && order.side == held.side.exit() && matches!(order.kind, OrderKind::StopMarket { .. })
        };
        let covered = venue.open_orders(held.symbol).filter(stops).any(|order| order.qty >= held.qty);
        let ours = rig.trader.engine().positions().find(|position| position.symbol == held.symbol).unwrap();
        assert!(covered || ours.closing.is_some(), "S2: {held:?} has no stop");
    }
}

struct World {
    rig: Rig,
    books: Books,
    capital: Decimal,
}

impl World {
    fn new(config: &Config) -> Self {
        let capital = config.paper.capital;
        Self { rig: Rig::new(config), books: Books { balance: capital, ..Books::default() }, capital }
    }

    /// A candle with the deadlines before it, or an event of now.
    fn tell(&mut self, event: Event) {
        match event {
            Event::Candle(candle) => {
                while self.rig.step(candle) != Event::Candle(candle) {
                    self.look();
                }
            }
            Event::Price(bar) => self.rig.tell(self.rig.latest.max(bar.at), Event::Price(bar)),
            event => self.rig.tell(self.rig.latest, event),
        }
        self.look();
    }

    /// Looks at everything after an event; the books of engine and venue were compared already.
    fn look(&mut self) {
        for (at, action) in self.rig.asked.drain(..) {
            if let Action::Commit { records, .. } = action {
                records.iter().for_each(|record| self.books.record(at, record));
            }
        }
        assert_covered(&self.rig);
        let balance = self.rig.trader.engine().account().balance;
        assert_eq!(balance, self.books.balance_of(self.capital), "money is conserved");
        assert_eq!(balance, self.books.balance);
    }
}

/// Runs a market to its end; how many trades it closed.
fn run(config: &Config, steps: &[(usize, Step)], with_bars: bool) -> usize {
    let mut world = World::new(config);
    let mut tapes = [Tape::new(0), Tape::new(1)];
    let mut candles = Vec::new();
    for (symbol, step) in steps {
        if let Step::Order(command) = step {
            candles.push((tapes[*symbol].next, Event::Command(*command)));
        }
        if let Step::Rate { rate, ahead } = *step {
            let tape = &tapes[*symbol];
            let (rate, at) = (Decimal::new(rate, 4), tape.next.plus_ms(ahead * MINUTE_MS));
            candles.push((tape.next, Event::FundingRate(FundingRate { symbol: tape.symbol, rate, at })));
        }
        let Some(closed) = tapes[*symbol].follow(step) else { continue };
        if with_bars {
            candles.extend(bars(&closed).map(|bar| (bar.at, Event::Price(bar))));
        }
        candles.push((closed.closes_at(), Event::Candle(closed)));
    }
    candles.sort_by_key(|(at, _)| *at);
    candles.into_iter().for_each(|(_, event)| world.tell(event));
    let before_the_end = world.books.trades;
    world.tell(Event::Command(Command::Stop { close: true }));
    before_the_end
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn money_orders_and_positions_keep_their_laws(
        config in settings(), steps in vec((0..2usize, step()), 1_000..1_600), with_bars in any::<bool>(),
    ) {
        run(&config, &steps, with_bars);
    }
}

#[test]
fn the_laws_are_tried_on_markets_that_trade() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let draw = (settings(), vec((0..2usize, step()), 1_000..1_600), any::<bool>());
    let trades: Vec<usize> = (0..30)
        .map(|_| {
            let (config, steps, with_bars) = draw.new_tree(&mut runner).unwrap().current();
            run(&config, &steps, with_bars)
        })
        .collect();
    let busy = trades.iter().filter(|trades| **trades >= 5).count();
    assert!(busy >= 15, "{trades:?}");
}
