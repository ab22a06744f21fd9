//! What waits for the trader, and in which order it is heard.

use super::queue::{Course, Queue};
use crate::{
    engine::{Event, Proof},
    gateway::News,
    market::{
        AccountView, Candle, ClientId, ClosedCandle, FeedState, OrderUpdate, PriceBar, SymbolId, Timeframe, Timestamp,
    },
};
use rust_decimal::Decimal;

const BTC: SymbolId = SymbolId(0);

fn candle(minute: i64) -> News {
    let candle =
        Candle { open_time: Timestamp(minute * 60_000), open: 1.0, high: 1.0, low: 1.0, close: 1.0, volume: 0.0 };
    News::Candle(ClosedCandle { symbol: BTC, timeframe: Timeframe::M1, candle, history: true })
}

fn heard(queue: &mut Queue) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some((_, event)) = queue.next().cloned() {
        queue.advance();
        events.push(event);
    }
    events
}

#[test]
fn orders_are_heard_of_once_the_trader_has_begun_and_how_the_account_stands_once_it_knows_the_history() {
    let id = ClientId::new("ob1btc").unwrap();
    let view = AccountView { balance: Decimal::ONE, positions: Vec::new() };
    let of_account =
        [News::Order(OrderUpdate::Accepted { id }), News::Account(view), News::Foreign(BTC, true), News::Proof(true)];
    let mut queue = Queue::default();
    for (news, minute) in of_account.iter().zip(0..) {
        queue.hear(Timestamp(minute), news.clone());
        queue.hear(Timestamp(minute), candle(minute));
    }
    let history: Vec<Event> = (0..4).map(|minute| candle(minute).into()).collect();
    assert_eq!(heard(&mut queue), history);
    queue.hear(Timestamp(9), News::Feed(BTC, FeedState::Live));
    queue.reach(Course::Guarding);
    let of_orders = [Event::Feed(BTC, FeedState::Live)];
    let [order, view, foreign, proof] = of_account.map(Event::from);
    assert_eq!(heard(&mut queue), [&[order, foreign][..], &of_orders].concat());
    let richer = AccountView { balance: Decimal::TEN, positions: Vec::new() };
    for minute in 10..15 {
        queue.hear(Timestamp(minute), News::Account(richer.clone()));
        queue.hear(Timestamp(minute), News::Foreign(BTC, false));
    }
    assert_eq!(heard(&mut queue).len(), 5, "what is not a view of the whole goes on");
    queue.hear(Timestamp(15), News::Feed(BTC, FeedState::Gap));
    queue.reach(Course::Trading);
    queue.hear(Timestamp(16), News::Proof(false));
    let richer = Event::Account(richer);
    assert_ne!(richer, view);
    let rest = [Event::Feed(BTC, FeedState::Gap), Event::Proof(Proof::Doubt)];
    assert_eq!(heard(&mut queue), [&[proof, richer][..], &rest].concat(), "the last view alone, and first");
}

#[test]
fn a_price_joins_the_last_one_unless_something_of_the_account_stands_between() {
    let bar = |last: f64| PriceBar { symbol: BTC, last, low: last, high: last, bid: last, ask: last, at: Timestamp(0) };
    let mut queue = Queue::default();
    queue.reach(Course::Trading);
    queue.hear(Timestamp(0), News::Price(bar(1.0)));
    queue.hear(Timestamp(0), News::Price(bar(3.0)));
    queue.hear(Timestamp(0), News::Proof(true));
    queue.hear(Timestamp(0), News::Price(bar(2.0)));
    let joined = PriceBar { low: 1.0, high: 3.0, ..bar(3.0) };
    let want = [Event::Price(joined), Event::Proof(Proof::Proven), Event::Price(bar(2.0))];
    assert_eq!(heard(&mut queue), want);
}
