//! Faults of an order's way, and of accounts.

use super::{
    super::{Fault, Per, What},
    broker::{BTC, Broker, dec, id, request},
};
use crate::{
    exchange::{
        FailureClass,
        private::{Force, Reply, Report, Status, Which, Wish},
    },
    market::{OrderKind, OrderSide},
};
use serde_json::json;

fn next(broker: &mut Broker, fault: &str) {
    broker.played("POST", &format!("next?fault={fault}"));
}

fn buy(name: &str) -> crate::market::OrderRequest {
    request(name, OrderSide::Buy, OrderKind::Market, "0.01", false)
}

fn stop(name: &str) -> crate::market::OrderRequest {
    request(name, OrderSide::Sell, OrderKind::StopMarket { trigger: dec("99000") }, "0.01", true)
}

fn look(name: &str, conditional: bool) -> Wish {
    Wish::Look(Which { id: id(name), symbol: BTC, conditional })
}

#[test]
fn an_order_that_gets_no_answer_or_another_one_was_executed_or_not() {
    // the class that our codec must see; `None`: no answer at all; and whether the order is there
    for (fault, class, executed) in [
        ("lost-request", None, Some(false)),
        ("lost-answer", None, Some(true)),
        ("503-done", Some(FailureClass::Unknown), Some(true)),
        ("503-failed", Some(FailureClass::NotNow), Some(false)),
        ("timeout", Some(FailureClass::Unknown), None),
        ("overload", Some(FailureClass::NotNow), Some(false)),
        ("clock", Some(FailureClass::Clock), Some(false)),
    ] {
        let mut broker = Broker::new("none");
        next(&mut broker, fault);
        let reply = broker.send(&Wish::Place(buy("a")));
        assert_eq!(reply.is_none(), class.is_none(), "{fault}");
        if let Some(reply) = reply {
            let response = crate::exchange::Response { status: reply.status, headers: &[], body: &reply.body };
            let failure = crate::exchange::private::Trading::reply(&broker.codec, &Wish::Place(buy("a")), &response);
            assert_eq!(Some(failure.unwrap_err().class), class, "{fault}");
        }
        let is_there = broker.ask(&look("a", false)).is_ok();
        assert!(executed.is_none_or(|executed| executed == is_there), "{fault}");
        assert_eq!(!broker.held().is_zero(), is_there, "{fault}: position and order tell the same");
        assert!(broker.rig.venue.counts().all(|(name, count)| count == u64::from(name == fault)), "{fault}");
        assert!(broker.place(buy("b")).is_ok(), "{fault}: it strikes once");
    }
}

#[test]
fn a_late_request_is_executed_after_a_look_up_has_found_nothing() {
    let mut broker = Broker::new("none");
    broker.begin([100_000.0; 4]);
    next(&mut broker, "late-request");
    assert!(broker.send(&Wish::Place(buy("a"))).is_none());
    assert_eq!(broker.ask(&look("a", false)).unwrap_err().code, -2013);
    broker.wait(4_000);
    let Ok(Reply::Order(order)) = broker.ask(&look("a", false)) else { panic!() };
    assert_eq!(order.status, Status::Filled);
    next(&mut broker, "late-answer");
    broker.listen();
    let reply = broker.send(&Wish::Place(buy("b"))).unwrap();
    assert!(reply.not_before.unwrap().since_ms(broker.rig.now) >= 1_000);
    assert!(broker.reports().len() > 2, "the stream tells of the fill before the answer comes");
}

#[test]
fn parts_come_one_by_one_with_room_for_a_cancel_between() {
    let mut broker = Broker::new("none");
    broker.begin([100_000.0; 4]);
    broker.listen();
    next(&mut broker, "parts");
    let Ok(Reply::Order(placed)) = broker.place(buy("a")) else { panic!() };
    assert_eq!(placed.status, Status::Open);
    assert!(placed.filled > dec("0") && placed.filled < dec("0.01"));
    let cancel = Wish::Cancel(Which { id: id("a"), symbol: BTC, conditional: false });
    let Ok(Reply::Order(gone)) = broker.ask(&cancel) else { panic!() };
    assert_eq!((gone.status, gone.filled), (Status::Cancelled, placed.filled));
    next(&mut broker, "parts");
    broker.place(buy("b")).unwrap();
    broker.wait(1_000);
    let Ok(Reply::Order(whole)) = broker.ask(&look("b", false)) else { panic!() };
    assert_eq!((whole.status, whole.filled), (Status::Filled, dec("0.01")));
    next(&mut broker, "half");
    let Ok(Reply::Order(half)) = broker.place(buy("c")) else { panic!() };
    assert_eq!((half.status, half.filled), (Status::Expired, dec("0.005")));
    assert_eq!(broker.held(), dec("0.015") + placed.filled);
}

#[test]
fn stops_are_refused_stuck_and_gone() {
    let mut broker = Broker::new("none");
    broker.listen();
    broker.place(buy("a")).unwrap();
    next(&mut broker, "refused-stop");
    assert_eq!(broker.place(stop("s1")).unwrap_err().code, -4131);
    next(&mut broker, "stuck-stop");
    broker.place(stop("s2")).unwrap();
    broker.place(stop("s3")).unwrap();
    broker.place(stop("s4")).unwrap();
    broker.reports();
    broker.played("POST", "do?act=vanish&symbol=BTCUSDT&clientAlgoId=s3&silent=true");
    assert!(broker.reports().is_empty());
    broker.played("POST", "do?act=vanish&symbol=BTCUSDT&clientAlgoId=s4");
    assert!(matches!(&broker.reports()[..], [Report::Order(view, None)] if view.status == Status::Expired));
    broker.minute([100_000.0, 100_000.0, 98_900.0, 98_900.0]);
    let Ok(Reply::Order(stuck)) = broker.ask(&look("s2", true)) else { panic!() };
    assert_eq!((stuck.status, stuck.spawned), (Status::Triggering, None));
    assert_eq!(broker.held(), dec("0.01"));
    let cancel = Wish::Cancel(Which { id: id("s2"), symbol: BTC, conditional: true });
    assert_eq!(broker.ask(&cancel).unwrap_err().code, -4117);
    broker.played("POST", "do?act=unstick&symbol=BTCUSDT");
    assert_eq!(broker.held(), dec("0"));
}

#[test]
fn hands_and_the_exchange_act_on_an_account_and_its_record_says_so() {
    let mut broker = Broker::new("none");
    broker.listen();
    broker.played(
        "POST",
        "hand/fapi/v1/order?symbol=BTCUSDT&side=SELL&type=MARKET&quantity=0.02&newClientOrderId=by_hand",
    );
    assert_eq!(broker.held(), dec("-0.02"));
    broker.played("POST", "hand/fapi/v1/leverage?symbol=BTCUSDT&leverage=3");
    broker.played("POST", "do?act=adl&symbol=BTCUSDT");
    assert_eq!(broker.held(), dec("-0.01"));
    broker.played("POST", "do?act=liquidation&symbol=BTCUSDT");
    let reports = broker.reports();
    for wanted in [Force::Deleveraging, Force::Liquidation] {
        assert!(reports.iter().any(|report| matches!(report, Report::Forced(why, _) if *why == wanted)), "{wanted:?}");
    }
    assert!(reports.contains(&Report::Leverage(BTC, 3)));
    let before = broker.balance();
    broker.played("POST", "do?act=transfer&amount=100&out=true");
    assert_eq!(broker.balance(), before - dec("100"));
    broker.played("POST", "do?act=hedge");
    let Ok(Reply::Modes(modes)) = broker.ask(&Wish::Modes) else { panic!() };
    assert!(modes.hedge);
    assert_eq!(broker.place(buy("a")).unwrap_err().code, -4061);
    broker.played("POST", "do?act=revoke");
    assert_eq!(broker.ask(&Wish::Positions).unwrap_err().class, FailureClass::Key);
    broker.played("POST", "do?act=revoke&back=true");
    broker.played("POST", "do?act=key");
    assert_eq!(broker.reports().last(), Some(&Report::Expired));
    let mine = |broker: &Broker| broker.rig.venue.record().filter(|entry| entry.account == 0).count();
    let rows = broker.played("GET", "record?from=0");
    assert_eq!(rows.as_array().unwrap().len(), mine(&broker));
    assert_eq!(rows[0]["number"], 0);
    let by_hand = broker.rig.venue.record().any(|e| matches!(&e.what, What::Order { by, .. } if *by == "hand"));
    assert!(by_hand);
}

#[test]
fn filters_change_with_the_minute_and_maintenance_takes_orders_along() {
    let mut broker = Broker::new("none");
    broker.place(buy("a")).unwrap();
    broker.place(stop("s")).unwrap();
    broker.played("POST", "do?act=filters&symbol=BTCUSDT&tick=1&step=0.01");
    broker.minute([100_000.0, 100_010.0, 100_000.0, 100_010.0]);
    let listing = broker.rig.get("/fapi/v1/exchangeInfo");
    assert_eq!(listing["symbols"][0]["filters"][0]["tickSize"], "1");
    let order = "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.01&price=99000.1&timeInForce=GTC";
    assert_eq!(broker.code("POST", "/fapi/v1/order", order), -1111);
    broker.played("POST", "do?act=maintenance&seconds=30");
    assert_eq!(broker.ask(&Wish::Positions).unwrap_err().class, FailureClass::NotNow);
    broker.minute([100_010.0; 4]);
    assert_eq!(broker.ask(&Wish::Conditionals(BTC)), Ok(Reply::Orders(Vec::new())));
    assert_eq!(broker.held(), dec("0.01"));
}

#[test]
fn a_market_that_is_delisted_settles_its_position_and_opens_none() {
    let mut broker = Broker::new("none");
    broker.listen();
    broker.place(buy("a")).unwrap();
    broker.reports();
    broker.played("POST", "do?act=delist&symbol=BTCUSDT");
    assert!(broker.reports().iter().any(|report| matches!(report, Report::Forced(Force::Delisting, _))));
    assert_eq!(broker.held(), dec("0"));
    assert_eq!(broker.place(buy("b")).unwrap_err().class, FailureClass::NoSuchSymbol);
    assert_eq!(broker.rig.get("/fapi/v1/exchangeInfo")["symbols"][0]["status"], "SETTLING");
}

#[test]
fn a_market_trades_until_the_date_of_its_delivery() {
    let mut broker = Broker::new("none");
    broker.listen();
    let at = broker.rig.now.0 + 90_000;
    broker.played("POST", &format!("do?act=delist&symbol=BTCUSDT&at={at}"));
    let listed = |broker: &mut Broker| {
        let listing = broker.rig.get("/fapi/v1/exchangeInfo")["symbols"][0].clone();
        (listing["status"].as_str().unwrap().to_owned(), listing["deliveryDate"].as_i64().unwrap())
    };
    assert_eq!(listed(&mut broker), ("TRADING".to_owned(), at));
    broker.minute([100_000.0; 4]);
    broker.place(buy("a")).unwrap();
    broker.place(stop("s")).unwrap();
    broker.well(
        "POST",
        "/fapi/v1/order",
        "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.002&price=99000&timeInForce=GTC",
    );
    broker.reports();
    broker.minute([100_000.0; 4]);
    assert_eq!((listed(&mut broker), broker.held()), (("SETTLING".to_owned(), at), dec("0")));
    let heard = broker.heard();
    assert!(heard.iter().any(|said| said["o"]["X"] == "EXPIRED" && said["o"]["er"] == "7"), "{heard:?}");
    assert!(heard.iter().any(|said| said["o"]["x"] == "CALCULATED"), "{heard:?}");
    for open in ["openOrders", "openAlgoOrders"] {
        assert_eq!(broker.well("GET", &format!("/fapi/v1/{open}"), ""), serde_json::json!([]));
    }
    let order = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.002";
    assert_eq!(broker.code("POST", "/fapi/v1/order", order), -4140);
    broker.well("POST", "/fapi/v1/order", "symbol=ETHUSDT&side=BUY&type=MARKET&quantity=0.1");
}

#[test]
fn each_fault_of_orders_and_accounts_strikes_by_rate_and_books_stay_right() {
    for fault in Fault::all().filter(|fault| matches!(fault.per(), Per::Order | Per::AccountMinute)) {
        let mut broker = Broker::new(&format!("{}=0.5", fault.name()));
        broker.listen();
        for round in 0..4 {
            broker.begin([100_000.0; 4]);
            for (name, order) in [("a", buy(&format!("a{round}"))), ("s", stop(&format!("s{round}")))] {
                let _ = (name, broker.send(&Wish::Place(order)));
                broker.wait(10_000);
            }
            broker.wait(40_000);
        }
        for (name, count) in broker.rig.venue.counts() {
            assert_eq!(count > 0, name == fault.name(), "{name} with {}: {count}", fault.name());
        }
    }
}

#[test]
fn an_observer_reads_what_was_asked_and_what_became_of_it() {
    let mut broker = Broker::new("none");
    broker.played("POST", "note?text=begins");
    broker.played("POST", "next?fault=lost-answer&on=POST%20order");
    assert!(broker.send(&Wish::Place(buy("a"))).is_none());
    let _ = broker.ask(&look("a", false));
    let requests = broker.played("GET", "requests?from=0");
    let [lost, look] = requests.as_array().unwrap().last_chunk::<2>().unwrap();
    assert_eq!((&lost["method"], &lost["path"], &lost["name"]), (&json!("POST"), &json!("order"), &json!("a")));
    assert_eq!((&lost["fault"], &lost["status"], &lost["keyed"]), (&json!("lost-answer"), &json!(0), &json!(true)));
    assert_eq!((&look["method"], &look["status"], &look["spoiled"]), (&json!("GET"), &json!(200), &json!(false)));
    // the order stands in the record between the two
    let record = broker.played("GET", "record?from=0");
    let notes: Vec<_> = record.as_array().unwrap().iter().filter(|row| row["what"] == "note").collect();
    assert_eq!(notes.last().unwrap()["text"], "begins");
    let place = record.as_array().unwrap().iter().position(|row| row["client_id"] == "a").unwrap() as u64;
    assert!(lost["before"].as_u64().unwrap() <= place && place < look["before"].as_u64().unwrap());
    assert_eq!(broker.played("GET", "time")["at"], broker.rig.now.0);
}

#[test]
fn what_was_carried_out_is_never_answered_as_if_it_was_not() {
    for fault in ["5xx=1", "html=1"] {
        let mut broker = Broker::new(fault);
        for number in 0..64 {
            let reply = broker.send(&Wish::Place(buy(&format!("a{number}")))).unwrap();
            let text = String::from_utf8_lossy(&reply.body).into_owned();
            let sure = ["-1001", "-1008", "Service Unavailable"].iter().any(|sure| text.contains(sure));
            assert!(!sure && reply.status != 403, "{} {text}", reply.status);
        }
    }
}
