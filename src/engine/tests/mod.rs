//! The life of orders and positions, with answers given by hand.

mod absurd;
mod breakers;
mod closing;
mod doubt;
mod entries;
mod life;
mod limits;
mod live;
mod protection;
mod refit;
mod restart;
mod several;

use super::{entering::LATE_MS, *};
use crate::{
    market::{
        Candle, Class, ClientId, Ended, Fill, FundingPaid, MINUTE_MS, OrderCommand, OrderKind, OrderSide, OrderUpdate,
        PriceBar, Side, Timeframe, decimal, known_instrument,
    },
    strategies,
};

/// An engine on one symbol that decides on every minute, and what it asked for since the last look.
struct Rig {
    engine: Engine,
    now: Timestamp,
    price: f64,
    actions: Vec<Action>,
    trades: u64,
    /// Another engine that is told the same and must do the same.
    twin: Option<Engine>,
}

const BTC: SymbolId = SymbolId(0);

fn settings() -> Settings {
    let minute = strategies::Settings {
        timeframe: Timeframe::M1,
        context: Timeframe::M1,
        ..strategies::Settings::oversold_bounce()
    };
    Settings {
        instruments: vec![known_instrument(&"BTCUSDT".parse().unwrap()).unwrap()],
        capital: Decimal::from(1000),
        strategies: vec![minute],
        require_warm: false,
        risk: Risk::default(),
        exits: Exits::default(),
        gate: Gate::default(),
    }
}

impl Rig {
    fn new(settings: Settings) -> Self {
        let engine = Engine::new(settings);
        Self { engine, now: Timestamp(0), price: 100_000.0, actions: Vec::new(), trades: 0, twin: None }
    }

    /// A rig whose engine has just raised a signal; the price falls 100 a minute until then.
    fn signalled(settings: Settings) -> Self {
        let mut rig = Self::new(settings);
        (0..15).for_each(|_| rig.minute(-100.0));
        rig
    }

    /// A rig whose entry of 0.01 has filled 0.004 at 98,500, durably; and that entry.
    fn part_filled() -> (Self, OrderRequest) {
        let mut rig = Self::signalled(settings());
        rig.commit();
        let entry = rig.placed()[0];
        rig.fill(&entry, qty("0.004"), 98_500);
        rig.commit();
        (rig, entry)
    }

    /// A rig with a position of 0.004 at 98,500 whose stop and target the venue has.
    fn holding(settings: Settings) -> (Self, OrderRequest, OrderRequest) {
        let mut rig = Self::signalled(settings);
        rig.commit();
        let entry = rig.placed()[0];
        rig.update(OrderUpdate::Accepted { id: entry.id });
        rig.fill(&entry, entry.qty, 98_500);
        rig.commit();
        let placed = rig.placed();
        let [stop, target] = placed[..] else { panic!("stop and target, not {placed:?}") };
        rig.update(OrderUpdate::Accepted { id: stop.id });
        rig.update(OrderUpdate::Accepted { id: target.id });
        rig.actions.clear();
        (rig, stop, target)
    }

    fn event(&mut self, event: Event) {
        let before = self.actions.len();
        self.engine.handle(self.now, &event, &mut self.actions);
        self.engine.check();
        self.check_breakers(before);
        if let Some(twin) = &mut self.twin {
            let mut actions = Vec::new();
            twin.handle(self.now, &event, &mut actions);
            assert_eq!(actions, self.actions[before..], "{event:?}");
            assert_eq!(twin.next_deadline(), self.engine.next_deadline(), "{event:?}");
        }
    }

    /// What has tripped opens nothing, and no loss beyond a bound is left open.
    fn check_breakers(&self, before: usize) {
        let (engine, risk) = (&self.engine, &self.engine.settings.risk);
        let entries = self.actions[before..]
            .iter()
            .filter(|action| matches!(action, Action::Order(OrderCommand::Place(request)) if !request.reduce_only));
        let level = engine.state.breakers.level();
        assert!(level.is_none() || entries.count() == 0, "an entry though {level:?}");
        let Some(equity) = engine.equity_at_marks() else { return };
        let lost =
            |most: Decimal, pct| most > Decimal::ZERO && most > equity && most - equity >= settings::percent(most, pct);
        let emergency = level == Some(Halt::Emergency);
        let drawdown = risk.max_drawdown_pct < 100.0 && lost(engine.state.breakers.peak, risk.max_drawdown_pct);
        assert!(!drawdown || emergency, "a drawdown to {equity} without an emergency stop");
        let day = &engine.account().day;
        let daily = self.now < day.ends && lost(day.start_equity, risk.breaker_daily_loss_pct);
        assert!(!daily || emergency || engine.state.breakers.has(Breaker::DailyLoss), "the day has come to {equity}");
        for position in engine.positions() {
            let lost = -engine.unrealised(position).unwrap();
            let trips = lost > Decimal::ZERO && lost >= settings::percent(equity, risk.breaker_position_loss_pct);
            let closes = trips || level >= Some(Halt::Close);
            assert!(!closes || position.closing.is_some(), "{lost} lost at an equity of {equity}, {level:?}");
        }
    }

    /// A minute in which the price moves by `by`.
    fn minute(&mut self, by: f64) {
        let (open_time, open) = (self.now, self.price);
        self.price += by;
        self.now = self.now.plus_ms(MINUTE_MS);
        self.event(Event::Candle(minute_of(open_time, open, self.price)));
    }

    /// The price is here now.
    fn bar(&mut self, last: f64) {
        self.price = last;
        let bar = PriceBar { symbol: BTC, last, low: last, high: last, bid: last, ask: last, at: self.now };
        self.event(Event::Price(bar));
    }

    fn update(&mut self, update: OrderUpdate) {
        self.event(Event::Order(update));
    }

    fn fill(&mut self, order: &OrderRequest, qty: Decimal, price: u32) {
        self.trades += 1;
        let fill = Fill {
            id: order.id,
            trade_id: self.trades,
            symbol: BTC,
            side: order.side,
            qty,
            price: Decimal::from(price),
            fee: Decimal::new(1, 1),
            at: self.now,
        };
        self.update(OrderUpdate::Filled(fill));
    }

    /// Makes everything durable that was asked for so far.
    fn commit(&mut self) {
        let batches = self.actions.iter().filter_map(|action| match action {
            Action::Commit { batch, .. } => Some(*batch),
            _ => None,
        });
        if let Some(batch) = batches.max() {
            self.event(Event::Committed { batch });
        }
    }

    /// Orders placed since the last look.
    fn placed(&mut self) -> Vec<OrderRequest> {
        let commands = self.actions.drain(..).filter_map(|action| match action {
            Action::Order(OrderCommand::Place(request)) => Some(request),
            _ => None,
        });
        commands.collect()
    }

    fn cancelled(&self) -> Vec<ClientId> {
        let ids = self.actions.iter().filter_map(|action| match action {
            Action::Order(OrderCommand::Cancel { id, .. }) => Some(*id),
            _ => None,
        });
        ids.collect()
    }

    fn skips(&self, why: Skip) -> u64 {
        self.engine.summary().skipped().find(|(skip, _)| *skip == why).map_or(0, |(_, count)| count)
    }
}

/// A minute that begins at `open_time` and moves straight from one price to the other.
fn minute_of(open_time: Timestamp, open: f64, close: f64) -> ClosedCandle {
    let candle = Candle { open_time, open, high: open.max(close), low: open.min(close), close, volume: 1.0 };
    ClosedCandle { symbol: BTC, timeframe: Timeframe::M1, candle, history: false }
}

/// The same candle, told after a restart.
fn as_history(candle: &ClosedCandle) -> Event {
    Event::Candle(ClosedCandle { history: true, ..*candle })
}

fn qty(text: &str) -> Decimal {
    text.parse().unwrap()
}
