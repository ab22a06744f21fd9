//! Laws that hold whatever candles, bars, orders and deadlines come in whatever order.

use super::rig::*;
use crate::{market::*, simulation::matching::*};
use proptest::prelude::*;
use rust_decimal::Decimal;
use std::collections::BTreeMap;

/// Something that happens to the matching.
#[derive(Debug, Clone)]
enum Step {
    /// An hour's candle of a symbol: where it goes, in ticks from the last close.
    Candle {
        symbol: u16,
        prices: [i64; 4],
    },
    /// A bar a second later.
    Bar {
        symbol: u16,
        prices: [i64; 4],
    },
    /// The trigger stands in ticks from the last close.
    Place {
        symbol: u16,
        buy: bool,
        kind: u8,
        cents: i64,
        trigger: i64,
        reduce_only: bool,
    },
    /// Cancels the order that was placed as the nth.
    Cancel(usize),
    Resume,
    Wake,
    /// A rate in parts of ten thousand, settled so many half hours from now.
    Announce {
        symbol: u16,
        rate: i64,
        ahead: i64,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let symbol = || 0u16..2;
    let prices = || prop::array::uniform4(-60i64..60);
    let place = (symbol(), any::<bool>(), 0u8..6, 1i64..40_000, -60i64..60, any::<bool>());
    let step = prop_oneof![
        4 => (symbol(), prices()).prop_map(|(symbol, prices)| Step::Candle { symbol, prices }),
        2 => (symbol(), prices()).prop_map(|(symbol, prices)| Step::Bar { symbol, prices }),
        6 => place.prop_map(|(symbol, buy, kind, cents, trigger, reduce_only)| Step::Place {
            symbol, buy, kind, cents, trigger, reduce_only
        }),
        1 => (0usize..40).prop_map(Step::Cancel),
        3 => Just(Step::Resume),
        2 => Just(Step::Wake),
        1 => (symbol(), -20i64..20, 0i64..40).prop_map(|(symbol, rate, ahead)| Step::Announce { symbol, rate, ahead }),
    ];
    prop::collection::vec(step, 1..120)
}

/// What a careful client knows from the outputs alone.
#[derive(Default)]
struct Ledger {
    asked: BTreeMap<ClientId, OrderRequest>,
    done: BTreeMap<ClientId, Decimal>,
    held: [Decimal; 2],
    cash: Decimal,
    last_trade: u64,
    last_at: [Timestamp; 2],
    last_funding: [Timestamp; 2],
    /// Trades, orders that traded in part, fundings, liquidations.
    seen: [usize; 4],
}

impl Ledger {
    fn take_in(&mut self, output: &Output, matching: &Matching, now: Timestamp) {
        match output {
            Output::Funding(paid) => {
                let last = &mut self.last_funding[paid.symbol.index()];
                assert!(*last < paid.at && paid.at <= now, "each settlement is paid once");
                *last = paid.at;
                self.cash -= paid.amount;
                self.seen[2] += 1;
            }
            Output::Order(OrderUpdate::Filled(fill)) => self.fill(fill, matching, now),
            Output::Order(OrderUpdate::Liquidated(fill)) => self.liquidated(fill, now),
            Output::Order(OrderUpdate::Ended { id, .. }) => {
                let qty = self.asked[id].qty;
                let filled = self.done.insert(*id, qty).unwrap_or_default();
                assert!(filled < qty, "{id} ended after it was done");
                self.seen[1] += usize::from(!filled.is_zero());
            }
            Output::Order(OrderUpdate::Accepted { .. } | OrderUpdate::Refused { .. }) => {}
            Output::Order(OrderUpdate::Unknown { .. } | OrderUpdate::Absent { .. }) => panic!("{output:?}"),
        }
    }

    fn fill(&mut self, fill: &Fill, matching: &Matching, now: Timestamp) {
        let (order, index) = (self.asked[&fill.id], fill.symbol.index());
        assert_eq!((fill.symbol, fill.side), (order.symbol, order.side));
        assert!(fill.qty > Decimal::ZERO && fill.price > Decimal::ZERO && fill.fee >= Decimal::ZERO);
        assert!(fill.trade_id > self.last_trade, "each trade has its own number");
        assert!(self.last_at[index] <= fill.at && fill.at <= now, "a fill before its past or after now");
        let filled = self.done.entry(fill.id).or_default();
        *filled += fill.qty;
        assert!(*filled <= order.qty, "{} filled {filled} of {}", fill.id, order.qty);

        let walked = decimal(matching.mark(fill.symbol).unwrap()).unwrap();
        let sign = if fill.side == OrderSide::Buy { Decimal::ONE } else { -Decimal::ONE };
        assert!((fill.price - walked) * sign >= Decimal::ZERO, "{} is better than {walked}", fill.price);
        if let OrderKind::Limit { price, post_only } = order.kind {
            assert!((price - fill.price) * sign >= Decimal::ZERO, "{} is worse than {price}", fill.price);
            assert!(!post_only || price == fill.price, "what may only rest trades at its own price");
        }

        let before = self.held[index];
        let after = before + sign * fill.qty;
        if order.reduce_only {
            assert!(after.abs() < before.abs() && after * before >= Decimal::ZERO, "reduce-only: {before} to {after}");
        }
        self.held[index] = after;
        self.cash -= sign * fill.price * fill.qty + fill.fee;
        (self.last_trade, self.last_at[index]) = (fill.trade_id, fill.at);
        self.seen[0] += 1;
    }

    /// All that is held goes, at a fee that leaves nothing of the margin.
    fn liquidated(&mut self, fill: &Fill, now: Timestamp) {
        let index = fill.symbol.index();
        assert!(fill.trade_id > self.last_trade && self.last_at[index] <= fill.at && fill.at <= now);
        assert!(fill.fee >= Decimal::ZERO && fill.price > Decimal::ZERO);
        let sign = if fill.side == OrderSide::Buy { Decimal::ONE } else { -Decimal::ONE };
        assert_eq!(self.held[index] + sign * fill.qty, Decimal::ZERO);
        self.held[index] = Decimal::ZERO;
        self.cash -= sign * fill.price * fill.qty + fill.fee;
        (self.last_trade, self.last_at[index]) = (fill.trade_id, fill.at);
        self.seen[3] += 1;
    }

    /// What came in minus what went out, and what is held at its price, is the equity: to the last digit.
    fn check(&self, matching: &Matching, capital: Decimal) {
        let mut equity = capital + self.cash;
        for (index, held) in self.held.iter().enumerate() {
            let symbol = SymbolId(index as u16);
            let view = matching.position(symbol);
            let signed = view.map_or(Decimal::ZERO, |v| if v.side == Side::Long { v.qty } else { -v.qty });
            assert_eq!(signed, *held);
            let price = matching.mark(symbol).and_then(decimal).unwrap_or_default();
            equity += price * held;
        }
        assert_eq!(matching.equity(), equity);
        let Totals { realised, fees, funding, .. } = matching.totals();
        assert_eq!(matching.balance(), capital + realised - fees - funding);
        if self.held.iter().all(Decimal::is_zero) {
            assert_eq!(matching.balance(), equity);
        }
    }
}

/// A market with its client, and a twin that is stored and read back before each step.
struct World {
    matching: Matching,
    twin: Matching,
    ledger: Ledger,
    now: Timestamp,
    close: [i64; 2],
    placed: Vec<OrderRequest>,
}

fn noisy() -> Settings {
    Settings { taker_fee_pct: 0.06, slippage_pct: 0.05, funding_rate_pct: -0.013, leverage: 20.0, ..settings() }
}

/// As the store has it, and as the journal has it.
fn read_back(matching: &Matching) -> Matching {
    let written = serde_json::to_string(&matching.snapshot()).unwrap();
    let stored = Matching::restore(matching.settings().clone(), serde_json::from_str(&written).unwrap());
    let mut bytes = vec![0; 64 * 1024];
    let written = postcard::to_slice(&stored.snapshot(), &mut bytes).unwrap();
    Matching::restore(matching.settings().clone(), postcard::from_bytes(written).unwrap())
}

impl World {
    fn new(in_parts: bool) -> Self {
        let max_participation_pct = if in_parts { 30.0 } else { 0.0 };
        let matching = Matching::new(Settings { max_participation_pct, ..noisy() });
        let twin = matching.clone();
        Self { matching, twin, ledger: Ledger::default(), now: Timestamp(0), close: [1000; 2], placed: Vec::new() }
    }

    /// Both do the same; the ledger takes in what came out.
    fn both(&mut self, act: impl Fn(&mut Matching, &mut Vec<Output>)) {
        let (mut outputs, mut of_twin) = (Vec::new(), Vec::new());
        act(&mut self.matching, &mut outputs);
        self.twin = read_back(&self.twin);
        act(&mut self.twin, &mut of_twin);
        assert_eq!(outputs, of_twin, "what was restored goes on differently");
        assert_eq!(self.matching.snapshot(), self.twin.snapshot());
        self.matching.check();
        outputs.iter().for_each(|output| self.ledger.take_in(output, &self.matching, self.now));
        self.ledger.check(&self.matching, noisy().capital);
    }

    fn handle(&mut self, input: Input<'_>) {
        let now = self.now;
        self.both(|matching, outputs| matching.handle(now, input, outputs));
    }

    fn finish(&mut self) {
        while self.matching.is_walking() {
            self.both(|matching, outputs| _ = matching.resume(outputs));
        }
        for held in self.matching.account().positions {
            let (price, index) = (decimal(self.matching.mark(held.symbol).unwrap()).unwrap(), held.symbol.index());
            let position = self.matching.state.books[index].position.unwrap();
            let left = self.matching.margin(&position) + position.unrealised(price);
            let needed = self.matching.tiers[index].maintenance(price * held.qty);
            assert!(left > needed, "{left} of the margin is left where {needed} is needed");
            let liquidation = self.matching.liquidated_at(index, &position);
            assert_eq!(self.matching.state.books[index].liquidation(), liquidation);
        }
    }

    /// Open, high, low and close in ticks around the last close, with what the new close is noted.
    fn prices(&mut self, symbol: u16, offsets: [i64; 4]) -> [f64; 4] {
        let close = &mut self.close[usize::from(symbol)];
        let ticks = offsets.map(|offset| (*close + offset).max(1));
        *close = ticks[3];
        let (high, low) = (ticks.iter().max(), ticks.iter().min());
        [ticks[0], *high.unwrap(), *low.unwrap(), ticks[3]].map(|ticks| ticks as f64 / 10.0)
    }

    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Candle { symbol, prices } => {
                self.finish();
                let prices = self.prices(symbol, prices);
                let open_time = Timeframe::H1.next_close(self.now);
                let candle = ClosedCandle { timeframe: Timeframe::H1, ..closed(open_time, prices) };
                self.now = candle.closes_at();
                self.handle(Input::Candle(&ClosedCandle { symbol: SymbolId(symbol), ..candle }));
            }
            Step::Bar { symbol, prices } => {
                self.finish();
                let [_, high, low, last] = self.prices(symbol, prices);
                self.now = self.now.plus_ms(1000);
                let (symbol, bid, ask) = (SymbolId(symbol), last - 0.1, last + 0.2);
                self.handle(Input::Price(&PriceBar { symbol, last, low, high, bid, ask, at: self.now }));
            }
            Step::Place { symbol, buy, kind, cents, trigger, reduce_only } => {
                let trigger = Decimal::new((self.close[usize::from(symbol)] + trigger).max(1), 1);
                let request = OrderRequest {
                    id: id(&format!("o{}", self.placed.len())),
                    symbol: SymbolId(symbol),
                    side: if buy { OrderSide::Buy } else { OrderSide::Sell },
                    kind: match kind {
                        0 | 1 => OrderKind::Market,
                        2 => OrderKind::StopMarket { trigger },
                        3 => OrderKind::TakeProfitMarket { trigger },
                        _ => OrderKind::Limit { price: trigger, post_only: kind == 5 },
                    },
                    qty: Decimal::new(cents, 2),
                    reduce_only,
                };
                self.placed.push(request);
                self.ledger.asked.insert(request.id, request);
                self.handle(Input::Order(OrderCommand::Place(request)));
            }
            Step::Cancel(nth) => {
                if let Some(OrderRequest { id, symbol, .. }) = self.placed.get(nth).copied() {
                    self.handle(Input::Order(OrderCommand::Cancel { id, symbol }));
                }
            }
            Step::Resume => self.both(|matching, outputs| _ = matching.resume(outputs)),
            Step::Wake => self.handle(Input::Wake),
            Step::Announce { symbol, rate, ahead } => {
                self.finish();
                let at = self.now.plus_ms(ahead * HOUR_MS / 2);
                let (symbol, rate) = (SymbolId(symbol), Decimal::new(rate, 4));
                self.handle(Input::FundingRate(&FundingRate { symbol, rate, at }));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn money_is_conserved_reduce_only_reduces_and_what_is_restored_goes_on_alike(steps in steps(), in_parts: bool) {
        let mut world = World::new(in_parts);
        steps.iter().for_each(|step| world.apply(step));
        world.finish();
    }

    /// The outcome of one trade in one candle, worked out from the candle's numbers alone.
    #[test]
    fn a_candle_that_holds_stop_and_target_is_a_loss(
        ticks in prop::array::uniform4(900i64..1100), stop in 850i64..1000, target in 1001i64..1150
    ) {
        let (high, low) = (*ticks.iter().max().unwrap(), *ticks.iter().min().unwrap());
        let [open, close] = [ticks[0], ticks[3]];
        let mut rig = Rig::holding(settings(), "buy market 1");
        rig.send(place("target", &format!("sell target 1 {}!", Decimal::new(target, 1))));
        rig.send(place("stop", &format!("sell stop 1 {}!", Decimal::new(stop, 1))));
        let all = rig.candle([open, high, low, close].map(|ticks| ticks as f64 / 10.0));
        let want = match (open, low, high) {
            _ if open <= stop => Some(("stop", open)),
            _ if open >= target => Some(("target", open)),
            _ if low <= stop => Some(("stop", stop)),
            _ if high >= target => Some(("target", target)),
            _ => None,
        };
        let price = |ticks| Decimal::new(ticks, 1).normalize();
        let want = want.map(|(name, ticks)| format!("{name} fills 1 @ {} at", price(ticks)));
        match (want, all.first()) {
            (None, got) => prop_assert_eq!(got, None),
            (Some(want), got) => prop_assert!(got.is_some_and(|got| got.starts_with(&want)), "{want}: {all:?}"),
        }
    }
}

/// Laws about nothing would hold too.
#[test]
fn random_steps_do_trade() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let (mut seen, mut pauses) = ([0; 4], 0);
    for round in 0..50 {
        let mut world = World::new(round % 2 == 1);
        for step in steps().new_tree(&mut runner).unwrap().current() {
            world.apply(&step);
            pauses += usize::from(world.matching.is_walking());
        }
        (0..4).for_each(|index| seen[index] += world.ledger.seen[index]);
    }
    let [fills, cut, fundings, liquidations] = seen;
    println!("{fills} fills, {cut} cut, {fundings} fundings, {liquidations} liquidations, {pauses} pauses");
    assert!(fills > 200 && cut > 20 && fundings > 20 && liquidations > 20 && pauses > 100, "{seen:?}, {pauses}");
}
