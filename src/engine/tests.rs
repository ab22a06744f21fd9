//! The life of orders and positions, with answers given by hand.

use super::*;
use crate::{
    market::{
        Candle, Class, ClientId, Ended, Fill, FundingPaid, MINUTE_MS, OrderCommand, OrderSide, OrderUpdate, Side,
        known_instrument,
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
        Self { engine: Engine::new(settings), now: Timestamp(0), price: 100_000.0, actions: Vec::new(), trades: 0 }
    }

    /// A rig whose engine has just raised a signal; the price falls 100 a minute until then.
    fn signalled(settings: Settings) -> Self {
        let mut rig = Self::new(settings);
        (0..15).for_each(|_| rig.minute(-100.0));
        rig
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
        self.engine.handle(self.now, &event, &mut self.actions);
        self.engine.check();
    }

    /// A minute in which the price moves by `by`.
    fn minute(&mut self, by: f64) {
        let (open_time, open) = (self.now, self.price);
        self.price += by;
        self.now = self.now.plus_ms(MINUTE_MS);
        let (low, high) = (open.min(self.price), open.max(self.price));
        let candle = Candle { open_time, open, high, low, close: self.price, volume: 1.0 };
        self.event(Event::Candle(ClosedCandle { symbol: BTC, timeframe: Timeframe::M1, candle, history: false }));
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

fn qty(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn an_entry_leaves_once_its_intent_is_durable() {
    let mut rig = Rig::signalled(settings());
    assert!(
        rig.actions.iter().any(
            |action| matches!(action, Action::Commit { records, .. } if matches!(records[..], [Record::Intent(_)]))
        )
    );
    assert!(!rig.actions.iter().any(|action| matches!(action, Action::Order(_))), "S5");
    rig.commit();
    let placed = rig.placed();
    assert_eq!(placed.len(), 1);
    assert_eq!((placed[0].side, placed[0].qty, placed[0].reduce_only), (OrderSide::Buy, qty("0.01"), false));
}

#[test]
fn an_entry_waits_for_the_disk_without_limit_and_is_dropped_when_it_is_too_late() {
    let mut rig = Rig::signalled(settings());
    rig.now = rig.now.plus_ms(Timeframe::M1.ms() + LATE_MS + 1);
    rig.event(Event::Wake);
    assert_eq!(rig.engine.next_deadline(), None);
    rig.commit();
    assert!(rig.placed().is_empty(), "S10");
    assert_eq!((rig.skips(Skip::Stale), rig.engine.summary().taken), (1, 0));
}

#[test]
fn what_closes_the_door_to_entries_is_said() {
    for (event, why) in [
        (Event::Command(Command::Pause), Skip::Paused),
        (Event::Command(Command::Stop { close: false }), Skip::Stopping),
        (Event::Proof(Proof::Doubt), Skip::Unproven),
        (Event::ClockDoubt(true), Skip::Clock),
        (Event::StoreFailed, Skip::StoreFailed),
        (Event::Feed(BTC, FeedState::Stale), Skip::Stale),
        (Event::Feed(BTC, FeedState::Gap), Skip::Stale),
    ] {
        let mut rig = Rig::new(settings());
        rig.event(event.clone());
        (0..15).for_each(|_| rig.minute(-100.0));
        rig.commit();
        assert_eq!((rig.skips(why), rig.placed().len()), (1, 0), "{event:?}");
        let mut late = Rig::signalled(settings());
        late.event(event.clone());
        late.commit();
        assert_eq!((late.skips(why), late.placed().len()), (1, 0), "also between signal and commit: {event:?}");
    }
}

#[test]
fn an_entry_fill_brings_stop_and_target_at_their_distances() {
    let (rig, stop, target) = Rig::holding(settings());
    let position = rig.engine.positions().next().unwrap();
    // ATR 100: stop 1.2 × 100 below, target at least 0.8 % above
    assert_eq!(stop.kind, OrderKind::StopMarket { trigger: Decimal::from(98_380) });
    assert_eq!(target.kind, OrderKind::TakeProfitMarket { trigger: Decimal::from(99_288) });
    for order in [stop, target] {
        assert_eq!((order.side, order.qty, order.reduce_only), (OrderSide::Sell, position.qty, true));
    }
}

#[test]
fn a_protective_order_waits_a_second_for_the_disk_and_then_goes() {
    let mut rig = Rig::signalled(settings());
    rig.commit();
    let entry = rig.placed()[0];
    rig.fill(&entry, entry.qty, 98_500);
    let due = rig.engine.next_deadline().expect("a deadline");
    assert_eq!(due, rig.now.plus_ms(PROTECTIVE_WAIT_MS));
    rig.now = due.plus_ms(-1);
    rig.event(Event::Wake);
    assert!(rig.placed().is_empty());
    rig.now = due;
    rig.event(Event::Wake);
    assert_eq!(rig.placed().len(), 2);
    assert_eq!(rig.engine.next_deadline(), None);
}

#[test]
fn a_further_fill_enlarges_the_protection_before_the_old_one_goes() {
    let mut rig = Rig::signalled(settings());
    rig.commit();
    let entry = rig.placed()[0];
    rig.fill(&entry, qty("0.004"), 98_500);
    rig.commit();
    let first = rig.placed();
    first.iter().for_each(|order| rig.update(OrderUpdate::Accepted { id: order.id }));
    rig.fill(&entry, qty("0.006"), 98_510);
    rig.commit();
    assert!(rig.cancelled().is_empty(), "the successor comes first");
    let second = rig.placed();
    assert_eq!(second.iter().map(|order| order.qty).collect::<Vec<_>>(), [qty("0.01"), qty("0.01")]);
    second.iter().for_each(|order| rig.update(OrderUpdate::Accepted { id: order.id }));
    assert_eq!(rig.cancelled(), [first[0].id, first[1].id]);
}

#[test]
fn a_stop_fill_books_the_trade_and_takes_the_target_away() {
    let (mut rig, stop, target) = Rig::holding(settings());
    rig.fill(&stop, stop.qty, 98_380);
    assert_eq!(rig.cancelled(), [target.id]);
    assert_eq!(rig.engine.positions().count(), 0);
    // 0.01 × −120 − 2 × 0.1
    assert_eq!(rig.engine.account().balance, qty("998.6"));
    assert_eq!(rig.engine.summary().exits().collect::<Vec<_>>(), [(Reason::Stop, 1)]);
}

#[test]
fn a_fill_that_is_told_twice_counts_once() {
    let (mut rig, stop, _) = Rig::holding(settings());
    rig.fill(&stop, qty("0.004"), 98_380);
    rig.trades -= 1;
    rig.fill(&stop, qty("0.004"), 98_380);
    assert_eq!(rig.engine.positions().next().unwrap().qty, qty("0.006"), "S6");
}

#[test]
fn a_cancel_that_crosses_a_fill_loses_nothing() {
    let (mut rig, stop, target) = Rig::holding(settings());
    rig.fill(&stop, qty("0.004"), 98_380);
    rig.update(OrderUpdate::Ended { id: target.id, how: Ended::Expired });
    rig.fill(&target, qty("0.001"), 99_288);
    assert_eq!(rig.engine.positions().next().unwrap().qty, qty("0.005"));
}

#[test]
fn a_stop_that_vanishes_gets_a_successor() {
    for update in [
        |id| OrderUpdate::Ended { id, how: Ended::Cancelled },
        |id| OrderUpdate::Ended { id, how: Ended::Expired },
        |id| OrderUpdate::Absent { id },
        |id| OrderUpdate::Refused { id, code: -1111, class: Class::Filter },
    ] {
        let (mut rig, stop, _) = Rig::holding(settings());
        rig.update(update(stop.id));
        rig.commit();
        let placed = rig.placed();
        assert_eq!(placed.len(), 1, "{:?}", update(stop.id));
        assert_eq!((placed[0].kind, placed[0].qty), (stop.kind, stop.qty));
        assert_ne!(placed[0].id, stop.id, "a new name");
    }
}

#[test]
fn a_stop_that_is_refused_again_and_again_becomes_an_exit() {
    let (mut rig, stop, _) = Rig::holding(settings());
    let mut id = stop.id;
    for _ in 1..3 {
        rig.update(OrderUpdate::Refused { id, code: -1111, class: Class::Filter });
        rig.commit();
        id = rig.placed()[0].id;
    }
    rig.update(OrderUpdate::Refused { id, code: -1111, class: Class::Filter });
    rig.commit();
    let exit = rig.placed();
    assert_eq!((exit.len(), exit[0].kind, exit[0].reduce_only), (1, OrderKind::Market, true));
    rig.fill(&exit[0], exit[0].qty, 98_400);
    assert_eq!(rig.engine.summary().exits().collect::<Vec<_>>(), [(Reason::Breaker, 1)]);
}

#[test]
fn a_stop_beyond_the_price_becomes_an_exit_at_once() {
    let (mut rig, stop, _) = Rig::holding(settings());
    rig.update(OrderUpdate::Refused { id: stop.id, code: -2021, class: Class::WouldTrigger });
    rig.commit();
    let exit = rig.placed();
    assert_eq!(exit.iter().map(|order| order.kind).collect::<Vec<_>>(), [OrderKind::Market]);
    rig.update(OrderUpdate::Refused { id: exit[0].id, code: -1, class: Class::Other });
    assert!(rig.placed().is_empty(), "not again at once");
    rig.minute(-1.0);
    rig.commit();
    assert_eq!(rig.placed().len(), 1, "but at the next price");
}

#[test]
fn a_stop_in_doubt_gets_a_successor_at_once_and_goes_when_it_turns_up() {
    let (mut rig, stop, _) = Rig::holding(settings());
    rig.update(OrderUpdate::Unknown { id: stop.id });
    rig.commit();
    let successor = rig.placed();
    assert_eq!(successor.len(), 1, "S8");
    rig.update(OrderUpdate::Accepted { id: successor[0].id });
    rig.update(OrderUpdate::Accepted { id: stop.id });
    assert_eq!(rig.cancelled(), [stop.id], "the surplus goes once it is known");
}

#[test]
fn an_entry_in_doubt_stops_entries_and_counts_as_filled() {
    let mut rig = Rig::signalled(settings());
    rig.commit();
    let entry = rig.placed()[0];
    rig.update(OrderUpdate::Unknown { id: entry.id });
    assert_eq!(rig.engine.open_risk(), entry.qty * Decimal::from(120), "S4");
    (0..2).for_each(|_| rig.minute(-200.0));
    assert!(rig.skips(Skip::Unproven) > 0, "S7");
    rig.update(OrderUpdate::Absent { id: entry.id });
    assert_eq!(rig.engine.open_risk(), Decimal::ZERO);
    rig.minute(-200.0);
    rig.commit();
    assert_eq!(rig.placed().len(), 1);
}

#[test]
fn a_trade_that_is_not_ours_stops_entries_until_the_account_is_proven() {
    let mut rig = Rig::new(settings());
    let foreign = OrderRequest {
        id: ClientId::new("byhand").unwrap(),
        symbol: BTC,
        side: OrderSide::Buy,
        kind: OrderKind::Market,
        qty: Decimal::ONE,
        reduce_only: false,
    };
    rig.fill(&foreign, Decimal::ONE, 100);
    assert!(rig.actions.contains(&Action::Need(Need::Reconcile)), "S15");
    assert_eq!((rig.engine.positions().count(), rig.engine.account().balance), (0, Decimal::from(1000)));
    (0..15).for_each(|_| rig.minute(-100.0));
    assert_eq!(rig.skips(Skip::Unproven), 1);
    rig.event(Event::Proof(Proof::Proven));
    rig.minute(-200.0);
    rig.commit();
    assert_eq!(rig.placed().len(), 1);
}

#[test]
fn a_refused_entry_counts_as_not_taken() {
    let mut rig = Rig::signalled(settings());
    rig.commit();
    let entry = rig.placed()[0];
    rig.update(OrderUpdate::Refused { id: entry.id, code: -2019, class: Class::Margin });
    assert_eq!((rig.engine.summary().taken, rig.skips(Skip::Refused)), (0, 1));
    assert_eq!(rig.engine.account().day.entries, 0);
}

#[test]
fn one_position_a_symbol() {
    let (mut rig, ..) = Rig::holding(settings());
    rig.minute(-50.0);
    rig.minute(-250.0);
    assert!(rig.skips(Skip::PositionOpen) + rig.skips(Skip::Cooldown) > 0);
    assert!(rig.placed().is_empty());
}

#[test]
fn a_position_is_closed_when_it_was_held_long_enough() {
    let exits = Exits { time_limit: true, max_hold_s: 90, ..Exits::default() };
    let (mut rig, ..) = Rig::holding(Settings { exits, ..settings() });
    assert_eq!(rig.engine.next_deadline(), Some(rig.now.plus_ms(90_000)));
    rig.now = rig.now.plus_ms(90_000);
    rig.event(Event::Wake);
    rig.commit();
    let exit = rig.placed();
    assert_eq!(exit.len(), 1);
    rig.fill(&exit[0], exit[0].qty, 98_600);
    assert_eq!(rig.engine.summary().exits().collect::<Vec<_>>(), [(Reason::Time, 1)]);
}

#[test]
fn a_trailing_stop_follows_and_never_goes_back() {
    let exits = Exits { trailing: true, trailing_pct: 0.1, ..Exits::default() };
    let (mut rig, stop, _) = Rig::holding(Settings { exits, ..settings() });
    rig.minute(500.0);
    rig.commit();
    let moved = rig.placed();
    // 99,000 less 0.1 %
    assert_eq!(
        moved.iter().map(|order| order.kind).collect::<Vec<_>>(),
        [OrderKind::StopMarket { trigger: Decimal::from(98_901) }]
    );
    rig.update(OrderUpdate::Accepted { id: moved[0].id });
    assert_eq!(rig.cancelled(), [stop.id]);
    rig.minute(-50.0);
    rig.commit();
    assert!(rig.placed().is_empty());
    rig.fill(&moved[0], moved[0].qty, 98_901);
    assert_eq!(rig.engine.summary().exits().collect::<Vec<_>>(), [(Reason::Trailing, 1)]);
}

#[test]
fn close_all_and_stop_close_at_the_market() {
    for (command, reason) in [
        (Command::CloseAll, Reason::Manual),
        (Command::Close(BTC), Reason::Manual),
        (Command::Stop { close: true }, Reason::End),
    ] {
        let (mut rig, ..) = Rig::holding(settings());
        rig.event(Event::Command(command));
        rig.commit();
        let exit = rig.placed();
        assert_eq!(exit.len(), 1, "{command:?}");
        rig.fill(&exit[0], exit[0].qty, 98_600);
        assert_eq!(rig.engine.summary().exits().collect::<Vec<_>>(), [(reason, 1)]);
    }
    let (mut rig, ..) = Rig::holding(settings());
    rig.event(Event::Command(Command::Stop { close: false }));
    assert!(rig.actions.is_empty(), "a position that is kept keeps its stop");
}

#[test]
fn the_daily_loss_is_said_once() {
    let risk = Risk { daily_loss_pct: 0.1, max_trades_per_day: 100, ..Risk::default() };
    let (mut rig, stop, _) = Rig::holding(Settings { risk, ..settings() });
    rig.fill(&stop, stop.qty, 98_380);
    (0..3).for_each(|_| rig.minute(-200.0));
    assert!(rig.skips(Skip::DailyLoss) >= 2);
    let said = rig.actions.iter().filter(|action| matches!(action, Action::Log(Note::DayLimit { .. })));
    assert_eq!(said.count(), 1);
    rig.now = rig.now.floor_to(crate::market::DAY_MS).plus_ms(crate::market::DAY_MS);
    rig.minute(-200.0);
    rig.commit();
    assert_eq!(rig.placed().len(), 1, "the next day begins anew");
}

#[test]
fn funding_is_part_of_the_trade() {
    let (mut rig, stop, _) = Rig::holding(settings());
    rig.event(Event::Funding(FundingPaid { symbol: BTC, amount: qty("0.05"), at: rig.now }));
    rig.fill(&stop, stop.qty, 98_380);
    let Some(Action::Log(Note::Exit(trade))) =
        rig.actions.iter().find(|action| matches!(action, Action::Log(Note::Exit(_))))
    else {
        panic!("no exit")
    };
    assert_eq!((trade.funding, trade.pnl(), trade.balance), (qty("0.05"), qty("-1.45"), qty("998.55")));
}

#[test]
fn an_empty_account_is_an_emergency() {
    let risk = Risk { leverage: 50.0, ..Risk::default() };
    let (mut rig, stop, _) = Rig::holding(Settings { risk, ..settings() });
    rig.fill(&stop, stop.qty, 1);
    assert!(rig.actions.contains(&Action::Halt(Halt::Emergency)));
}

#[test]
fn the_venues_balance_wins_and_a_strange_position_is_a_doubt() {
    let (mut rig, ..) = Rig::holding(settings());
    let position = rig.engine.positions().next().unwrap().clone();
    let theirs = crate::market::PositionView {
        symbol: BTC,
        side: Side::Long,
        qty: position.qty,
        entry_price: position.entry_price(),
    };
    rig.event(Event::Account(crate::market::AccountView { balance: Decimal::from(900), positions: vec![theirs] }));
    assert_eq!(rig.engine.account().balance, Decimal::from(900));
    assert!(rig.actions.is_empty());
    rig.event(Event::Account(crate::market::AccountView { balance: Decimal::from(900), positions: Vec::new() }));
    assert_eq!(rig.actions, [Action::Need(Need::Reconcile)]);
}

#[test]
fn a_restored_engine_goes_on_with_the_same_actions() {
    for minutes in [3, 14, 15, 16, 20] {
        let mut whole = Rig::new(settings());
        (0..minutes).for_each(|_| whole.minute(-100.0));
        let mut again = Rig::new(settings());
        again.engine = Engine::restore(settings(), whole.engine.snapshot());
        (again.now, again.price) = (Timestamp(0), 100_000.0);
        for _ in 0..minutes {
            let (open_time, open) = (again.now, again.price);
            (again.now, again.price) = (open_time.plus_ms(MINUTE_MS), open - 100.0);
            let candle = Candle { open_time, open, high: open, low: again.price, close: again.price, volume: 1.0 };
            again.event(Event::Candle(ClosedCandle { symbol: BTC, timeframe: Timeframe::M1, candle, history: true }));
        }
        assert!(again.actions.is_empty(), "history decides nothing");
        let batch = whole.engine.snapshot().next_batch - 1;
        whole.actions.clear();
        for rig in [&mut whole, &mut again] {
            rig.event(Event::Committed { batch });
            rig.minute(-150.0);
            rig.minute(300.0);
        }
        assert_eq!(whole.actions, again.actions, "after {minutes} minutes");
        assert_eq!(whole.engine.snapshot(), again.engine.snapshot());
    }
}
