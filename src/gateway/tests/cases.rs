//! One promise each.

use super::*;
use world::settings;

const SECOND: i64 = 1_000;

fn calm(coins: usize) -> World {
    World::new(settings(coins, 1), Codec::new(), Vec::new())
}

fn with(faults: Vec<(i64, i64, Fault)>) -> World {
    World::new(settings(2, 1), Codec::new(), faults)
}

fn said(world: &World, what: impl Fn(&Remark) -> bool) -> usize {
    world.watch.remarks.iter().filter(|(_, remark)| what(remark)).count()
}

#[test]
fn the_start_is_clock_then_rules_then_history_then_live() {
    let mut world = calm(2);
    world.run(150 * SECOND);
    // 50 of 1m would not reach back to the hour; 20 s after midnight it does
    assert_eq!(world.watch.history.len(), 2 * 3 * 50);
    assert!(matches!(world.watch.remarks[0].1, Remark::ClockFound { ahead_ms, .. } if (ahead_ms + START).abs() < 200));
    assert_eq!(said(&world, |remark| *remark == Remark::Ready { candles: 300 }), 1);
    assert!(world.gateway.is_ready());
    let first = |of: fn(&News) -> bool| world.watch.news.iter().position(|(.., news)| of(news)).unwrap();
    let stale = first(|news| matches!(news, News::Feed(_, FeedState::Stale)));
    let rules = first(|news| matches!(news, News::Instrument(..)));
    let candle = first(|news| matches!(news, News::Candle(_)));
    let live = first(|news| matches!(news, News::Feed(_, FeedState::Live)));
    assert!(stale < rules && rules < candle && candle < live);
    assert_eq!(world.watch.candles[0].len(), 2, "one that was over at the start is in the history, two came");
    assert_eq!(world.gateway.view().feeds[0].funding_hours, Some(4));
}

#[test]
fn history_is_held_for_two_symbols_at_a_time_at_most() {
    let mut world = calm(4);
    world.run(150 * SECOND);
    let (held, told) = (world.watch.held, world.watch.history.len());
    assert!(world.gateway.is_ready() && told == 4 * 150, "{told}");
    assert!((1..=2 * 3 * 64).contains(&held), "room for {held} of {told}");
}

#[test]
fn funding_is_said_once_a_minute_at_most() {
    let mut world = calm(1);
    world.run(1_000 * SECOND);
    let said: Vec<i64> =
        world.watch.news.iter().filter(|(.., news)| matches!(news, News::Funding(_))).map(|(at, ..)| *at).collect();
    assert!(said.len() >= 4 && said.windows(2).all(|pair| pair[1] - pair[0] >= 60_000), "{said:?}");
}

#[test]
fn a_dead_network_at_the_start_is_tried_for_ever_and_without_a_flood() {
    let hours = 6;
    let mut world = with(vec![(0, hours * 3_600_000, Fault::Dead)]);
    world.run(hours * 3_600_000);
    let failed = said(&world, |remark| matches!(remark, Remark::AskFailed { .. }));
    assert!((200..=370).contains(&failed), "{failed} words in {hours} hours");
    assert!(world.watch.requests < 800, "{} requests", world.watch.requests);
    assert!(world.watch.attempts.is_empty() && world.gateway.market_time(Timestamp(0)).is_none());
    world.run(hours * 3_600_000 + 70 * SECOND);
    assert!(world.gateway.is_ready());
}

#[test]
fn six_hours_without_a_network_grow_nothing_and_leave_no_hole() {
    let hours = 6 * 3_600_000;
    let mut world = with(vec![(120 * SECOND, hours, Fault::Dead)]);
    world.run(hours);
    let size = format!("{:?}", world.gateway).len();
    assert!(size < 40_000, "the session is {size} characters long");
    let attempts = world.watch.attempts.len();
    assert!(attempts < 2 * 6 * 60 * 2 + 40, "{attempts} connections");
    world.run(hours + 120 * SECOND);
    assert_eq!(world.watch.feeds, [Some(FeedState::Live); 2]);
    assert_eq!(world.watch.candles[0].len(), 362);
}

#[test]
fn prices_go_on_by_requests_while_the_sockets_are_down_and_nothing_is_live() {
    let mut world = with(vec![(100 * SECOND, 300 * SECOND, Fault::NoSockets)]);
    world.run(99 * SECOND);
    let before = world.watch.bars;
    world.run(299 * SECOND);
    assert_eq!(world.watch.feeds, [Some(FeedState::Stale); 2]);
    assert!(world.watch.bars - before > 80, "{} bars", world.watch.bars - before);
    assert!(world.gateway.view().candles.asked >= 6);
    assert!(world.watch.attempts[2..].windows(2).all(|pair| pair[1].0 - pair[0].0 <= 60_000));
}

#[test]
fn a_connection_is_renewed_before_its_end_and_nothing_is_missed() {
    let codec = Codec { longest_ms: 200 * SECOND, ..Codec::new() };
    let mut world = World::new(settings(2, 3), codec, Vec::new());
    world.run(1_500 * SECOND);
    let view = world.gateway.view();
    assert!(view.sockets.iter().all(|socket| socket.renewals >= 6 && socket.losses == 0 && socket.up), "{view:?}");
    assert_eq!(said(&world, |remark| matches!(remark, Remark::StreamDown { .. })), 0);
    assert_eq!((view.candles.asked, view.candles.flat), (0, 0), "{view:?}");
}

#[test]
fn a_stop_in_a_hole_is_met() {
    let mut world = with(vec![(100 * SECOND, 130 * SECOND, Fault::Dead)]);
    world.run(110 * SECOND);
    world.venue.coins[0].price = 90.0;
    world.run(115 * SECOND);
    world.venue.coins[0].price = 100.0;
    world.watch.lowest = f64::INFINITY;
    world.run(300 * SECOND);
    assert!(world.watch.lowest < 90.5, "{}", world.watch.lowest);
}

#[test]
fn what_a_restored_account_lacks_comes_as_live_candles() {
    let start = Timestamp(START).floor_to(MINUTE_MS);
    let lacking = start.plus_ms(-3_000 * MINUTE_MS);
    let settings = Settings { delivered: vec![Some(lacking), None], ..settings(2, 1) };
    let mut world = World::new(settings, Codec::new(), Vec::new());
    world.run(300 * SECOND);
    assert_eq!(world.watch.candles[0][0].open_time, lacking);
    assert_eq!(world.watch.candles[0].len(), 3_005);
    assert_eq!(world.watch.candles[1].len(), 5);
    let snapshot = world.gateway.snapshot();
    assert_eq!(snapshot.delivered, [Some(start.plus_ms(5 * MINUTE_MS)); 2]);
    let bars = world.watch.first_bar[0].unwrap();
    assert!(bars >= start, "a price before the candles that are walked");
}

#[test]
fn what_is_too_old_is_said() {
    let old = Timestamp(START).plus_ms(-8 * 1440 * MINUTE_MS).floor_to(MINUTE_MS);
    let settings = Settings { delivered: vec![Some(old)], ..settings(1, 1) };
    let mut world = World::new(settings, Codec::new(), Vec::new());
    world.run(600 * SECOND);
    assert_eq!(said(&world, |remark| matches!(remark, Remark::TooOld { from, .. } if *from == old)), 1);
    assert!(world.watch.candles[0].len() > 10_000);
}

#[test]
fn a_symbol_that_is_not_traded_is_left_out_and_the_others_go_on() {
    for status in [None, Some(MarketStatus::Closed), Some(MarketStatus::Paused)] {
        let mut world = calm(3);
        world.venue.coins[1].status = status;
        world.run(200 * SECOND);
        let live = Some(FeedState::Live);
        assert_eq!(world.watch.feeds, [live, Some(FeedState::Stale), live], "{status:?}");
        let quarantined = said(&world, |remark| matches!(remark, Remark::Quarantined(SymbolId(1), _)));
        assert_eq!(quarantined, usize::from(status != Some(MarketStatus::Paused)));
        world.venue.coins[1].status = Some(MarketStatus::Trading);
        world.venue.coins[0].tick = Decimal::ONE;
        let wait = if status == Some(MarketStatus::Paused) { 11 } else { 24 * 60 + 2 };
        world.watch.joins_late = true;
        world.run(wait * 60 * SECOND + 60 * SECOND);
        assert_eq!(world.watch.feeds, [live; 3], "{status:?}");
        let rules = |news: &News| matches!(news, News::Instrument(SymbolId(0), rules) if rules.tick == Decimal::ONE);
        assert_eq!(world.watch.news.iter().filter(|(.., news)| rules(news)).count(), 1);
    }
}

#[test]
fn after_standing_still_nothing_of_before_is_listened_to() {
    let mut world = calm(2);
    world.run(100 * SECOND);
    let mut outputs = Vec::new();
    let now = Timestamp(world.now - START);
    world.gateway.handle(now, Input::StoodStill, &mut outputs);
    let closed = outputs.iter().filter(|output| matches!(output, Output::Disconnect(_))).count();
    let stale = outputs.iter().filter(|output| matches!(output, Output::News(_, News::Feed(_, FeedState::Stale))));
    assert_eq!((closed, stale.count()), (2, 2));
    let asked = |output: &&Output| matches!(output, Output::Fetch(_, _, request) if request.path == "\"Time\"");
    assert_eq!(outputs.iter().filter(asked).count(), 1, "the clock first: {outputs:?}");
    assert!(!outputs.iter().any(|output| matches!(output, Output::Connect(..))));
}

#[test]
fn a_candle_is_flat_after_three_questions_and_not_before() {
    let mut series = Series::new(Timestamp(0), Some(base(-MINUTE_MS, 7.0)));
    let later = ListedCandle { candle: base(MINUTE_MS, 8.0), ends: Timestamp(2 * MINUTE_MS) };
    let asked = Timestamp(3 * MINUTE_MS);
    for _ in 0..2 {
        series.answer(&[later], asked, Timestamp(0));
        assert_eq!(series.pop(asked), None);
        assert!(series.ask_at(Timestamp(0)).is_some_and(|at| at > Timestamp(0)), "not at once again");
    }
    series.answer(&[later], asked, Timestamp(0));
    let flat = Candle { open_time: Timestamp(0), ..base(0, 7.0) };
    assert_eq!(series.pop(asked), Some((flat, Origin::Flat)));
    assert_eq!(series.pop(asked), Some((later.candle, Origin::Asked)));
}

#[test]
fn a_candle_that_ends_while_its_answer_is_on_its_way_is_not_finished() {
    let mut series = Series::new(Timestamp(0), None);
    let row = ListedCandle { candle: base(0, 1.0), ends: Timestamp(MINUTE_MS) };
    assert_eq!(series.answer(&[row], Timestamp(MINUTE_MS - 100), Timestamp(0)), (0, 0));
    assert_eq!(series.pop(Timestamp(2 * MINUTE_MS)), None);
    let later = ListedCandle { candle: base(MINUTE_MS, 1.0), ends: Timestamp(2 * MINUTE_MS) };
    assert_eq!(series.answer(&[row, later], Timestamp(MINUTE_MS + 100), Timestamp(0)), (1, 0));
    assert_eq!(series.pop(Timestamp(2 * MINUTE_MS)), Some((row.candle, Origin::Asked)));
}

#[test]
fn the_first_of_two_candles_wins_and_a_hole_holds_back() {
    let mut series = Series::new(Timestamp(0), None);
    let exchange = Timestamp(10 * MINUTE_MS);
    assert_eq!(series.offer(&base(MINUTE_MS, 2.0), exchange), Taken::Held);
    assert_eq!(series.pop(exchange), None);
    assert_eq!(series.ask_at(Timestamp(MINUTE_MS)), Some(Timestamp(i64::MIN)));
    assert_eq!(series.offer(&base(MINUTE_MS, 2.0), exchange), Taken::Doubled);
    assert_eq!(series.offer(&base(MINUTE_MS, 3.0), exchange), Taken::Disagrees);
    assert_eq!(series.offer(&base(0, 2.0), exchange), Taken::Held);
    assert_eq!(series.pop(Timestamp(MINUTE_MS - 1)), None, "market time has not reached its end");
    assert_eq!(series.pop(exchange).map(|(candle, _)| candle.open_time), Some(Timestamp(0)));
    assert_eq!(series.pop(exchange).map(|(candle, _)| candle.close), Some(2.0));
    assert_eq!(series.offer(&base(2 * MINUTE_MS, 3.0), exchange), Taken::Absurd);
    for open in [20 * MINUTE_MS, 2 * MINUTE_MS + 1] {
        assert_eq!(series.offer(&base(open, 2.0), exchange), Taken::Refused);
    }
}

#[test]
fn an_absurd_price_needs_a_witness() {
    let mut prices = Prices::default();
    let at = Timestamp;
    assert_eq!(prices.trade(100.0, at(1)), Heard::Counts);
    assert_eq!(prices.trade(1_000.0, at(2)), Heard::Doubted);
    assert_eq!(prices.trade(1_000.0, at(2)), Heard::Doubted, "the same message is no witness");
    assert_eq!(prices.trade(101.0, at(3)), Heard::Counts);
    assert_eq!(prices.trade(1_000.0, at(4)), Heard::Doubted, "nor is one from before a sound price");
    assert_eq!(prices.trade(1_010.0, at(5)), Heard::Counts);
    assert_eq!(prices.trade(1_010.0, at(4)), Heard::Late);
    let bar = prices.bar(SymbolId(0), at(10), at(10)).unwrap();
    assert_eq!((bar.low, bar.high, bar.last), (100.0, 1_010.0, 1_010.0));
}

#[test]
fn bars_are_conflated_and_the_first_goes_out_at_once() {
    let mut prices = Prices::default();
    let bar = |prices: &mut Prices, now| prices.bar(SymbolId(0), Timestamp(now), Timestamp(now));
    prices.quote(&quote(SymbolId(0), 100.0, None), Timestamp(0));
    assert!(bar(&mut prices, 0).is_some_and(|bar| bar.bid < bar.last && bar.last < bar.ask));
    for (at, price) in [(10, 99.0), (20, 102.0), (30, 101.0)] {
        prices.trade(price, Timestamp(at));
        assert_eq!(bar(&mut prices, at), None);
    }
    assert_eq!(prices.due(), Some(Timestamp(100)));
    let second = bar(&mut prices, 100).unwrap();
    assert_eq!((second.low, second.high, second.last, second.at), (99.0, 102.0, 101.0, Timestamp(30)));
    assert_eq!(bar(&mut prices, 300), None, "nothing new");
}

#[test]
fn the_clock_is_slewed_and_never_goes_back() {
    let now = Timestamp;
    let theirs = |at: i64| Timestamp(START + at);
    let mut clock = Clock::new(now(0));
    assert_eq!(clock.hear(now(0), now(100), theirs(50)), None);
    assert_eq!(clock.market(now(100)), Some(theirs(100)));
    assert_eq!(clock.hear(now(1_000), now(1_010), theirs(1_045)), Some(40), "a shorter round trip is better");
    assert_eq!(clock.hear(now(2_000), now(2_200), theirs(2_050)), Some(0), "a longer one says nothing else");
    assert_eq!(clock.market(now(11_010)), Some(theirs(11_019)), "1 ms a second");
    // far behind: doubt, and never back
    clock.hear(now(20_000), now(20_010), theirs(15_000));
    assert_eq!(clock.turn(now(20_010)), Some(true));
    let mut last = clock.market(now(20_010)).unwrap();
    for at in (20_010..200_000).step_by(7) {
        let market = clock.market(now(at)).unwrap();
        assert!(market >= last);
        last = market;
    }
    // it is back
    clock.hear(now(200_000), now(200_010), theirs(200_000));
    assert_eq!(clock.turn(now(200_010)), Some(false));
}

#[test]
fn the_clock_steps_forward_after_standing_still_and_on_three_witnesses() {
    let now = Timestamp;
    let theirs = |at: i64| Timestamp(START + at);
    let mut clock = Clock::new(now(0));
    clock.hear(now(0), now(0), theirs(0));
    clock.stood_still(now(1_000));
    assert!(!clock.is_sure() && clock.compare_at() == now(1_000));
    clock.hear(now(1_000), now(1_000), theirs(3_600_000));
    assert_eq!((clock.market(now(1_000)), clock.turn(now(1_000))), (Some(theirs(3_600_000)), None));
    for (at, doubt) in [(2_000, Some(true)), (3_000, None), (4_000, Some(false))] {
        clock.hear(now(at), now(at), theirs(7_200_000 + at));
        assert_eq!(clock.turn(now(at)), doubt, "{at}");
    }
    assert_eq!(clock.market(now(4_000)), Some(theirs(7_204_000)));
}

#[test]
fn the_budget_holds_the_exchanges_count_and_pauses() {
    let now = Timestamp;
    let mut budget = Budget::new(100);
    for at in 0..7 {
        assert!(budget.allows(now(at), Lane::Data, 10));
        budget.send(10);
        budget.land(now(at), 10);
    }
    assert!(!budget.allows(now(7), Lane::Data, 1) && budget.allows(now(7), Lane::Protection, 10));
    assert_eq!(budget.look_again(now(7), Lane::Data, 1), Some(now(61_000)));
    assert!(budget.allows(now(61_000), Lane::Data, 70));
    budget.hear(65, now(120_000));
    assert!(!budget.allows(now(61_000), Lane::Data, 6) && budget.allows(now(120_000), Lane::Data, 6));
    budget.pause(now(120_000), 5_000);
    assert!(!budget.allows(now(124_999), Lane::Data, 1) && budget.allows(now(124_999), Lane::Protection, 1));
    assert!(budget.allows(now(125_000), Lane::Data, 1));
    assert_eq!(budget.ban(now(130_000), Some(now(133_333))), 3_333);
    assert!(!budget.allows(now(133_332), Lane::Protection, 1) && budget.allows(now(133_333), Lane::Data, 1));
    assert_eq!(budget.ban(now(140_000), None), 240_000, "the second in a row is longer");
    budget.check();
}
