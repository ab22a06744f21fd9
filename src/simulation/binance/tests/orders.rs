//! Lives of orders, as our codec reads them by requests and from the stream.

use super::broker::{BTC, Broker, dec, id, request};
use crate::{
    exchange::private::{Force, From, Reply, Report, Status, Trading, Which, Wish},
    market::{HOUR_MS, MINUTE_MS, OrderKind, OrderSide, Side, Timestamp},
};
use serde_json::Value;

fn which(name: &str, conditional: bool) -> Which {
    Which { id: id(name), symbol: BTC, conditional }
}

fn stop(trigger: &str) -> OrderKind {
    OrderKind::StopMarket { trigger: dec(trigger) }
}

fn buy(name: &str, qty: &str) -> crate::market::OrderRequest {
    request(name, OrderSide::Buy, OrderKind::Market, qty, false)
}

#[test]
fn a_market_order_trades_at_once_and_everyone_tells_the_same() {
    let mut broker = Broker::new("none");
    broker.listen();
    let Ok(Reply::Order(placed)) = broker.place(buy("a", "0.01")) else { panic!() };
    assert_eq!((placed.id, placed.status, placed.filled), (Some(id("a")), Status::Filled, dec("0.01")));
    let events = broker.heard();
    let kinds: Vec<&str> = events.iter().map(|event| event["e"].as_str().unwrap()).collect();
    assert_eq!(kinds[..2], ["ORDER_TRADE_UPDATE", "TRADE_LITE"], "{kinds:?}");
    assert!(kinds[1..].chunks(3).all(|three| three == ["TRADE_LITE", "ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE"]));
    let mut reports = Vec::new();
    for event in &events {
        broker.codec.decode_user(event.to_string().as_bytes(), &mut reports).unwrap();
    }
    let streamed: Vec<_> = reports
        .iter()
        .filter_map(|report| match report {
            Report::Order(_, Some(trade)) => Some(*trade),
            _ => None,
        })
        .collect();
    let since = From::Time(Timestamp(broker.rig.now.0 - MINUTE_MS));
    let Ok(Reply::Trades(asked)) = broker.ask(&Wish::Trades { symbol: BTC, from: since }) else { panic!() };
    assert_eq!(streamed, asked);
    assert_eq!(asked.iter().map(|trade| trade.qty).sum::<rust_decimal::Decimal>(), dec("0.01"));
    let Ok(Reply::Positions(positions, 0)) = broker.ask(&Wish::Positions) else { panic!() };
    let Some(Report::Account { balance, positions: told, .. }) =
        reports.iter().rev().find(|report| matches!(report, Report::Account { .. })).cloned()
    else {
        panic!()
    };
    assert_eq!(positions, told);
    assert_eq!((positions[0].side, positions[0].qty), (Side::Long, dec("0.01")));
    assert_eq!(balance, Some(broker.balance()));
    let Ok(Reply::Order(looked)) = broker.ask(&Wish::Look(which("a", false))) else { panic!() };
    assert_eq!(looked, placed);
}

#[test]
fn what_takes_more_than_the_best_level_holds_trades_in_parts_and_never_beyond_its_limit() {
    let mut broker = Broker::new("none");
    broker.well("POST", "/fapi/v1/leverage", "symbol=BTCUSDT&leverage=100");
    let ask = broker.rig.get("/fapi/v1/depth?symbol=BTCUSDT&limit=20");
    let level = |at: usize, part: usize| dec(ask["asks"][at][part].as_str().unwrap());
    let two = level(0, 1) + level(1, 1);
    let Ok(Reply::Order(_)) = broker.place(buy("a", &two.to_string())) else { panic!() };
    let trades = broker.well("GET", "/fapi/v1/userTrades", "symbol=BTCUSDT");
    let got: Vec<_> = trades
        .as_array()
        .unwrap()
        .iter()
        .map(|t| (dec(t["price"].as_str().unwrap()), dec(t["qty"].as_str().unwrap())))
        .collect();
    assert_eq!(got, [(level(0, 0), level(0, 1)), (level(1, 0), level(1, 1))]);
    broker.place(request("b", OrderSide::Sell, OrderKind::Market, &two.to_string(), true)).unwrap();
    let order = format!(
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=IOC&quantity={two}&price={}&newOrderRespType=RESULT",
        level(0, 0)
    );
    let placed = broker.well("POST", "/fapi/v1/order", &order);
    assert_eq!((&placed["status"], dec(placed["executedQty"].as_str().unwrap())), (&"EXPIRED".into(), level(0, 1)));
}

#[test]
fn a_resting_order_trades_as_maker_at_its_own_price_once_the_price_goes_through() {
    let mut broker = Broker::new("none");
    let limit = OrderKind::Limit { price: dec("99950"), post_only: true };
    let Ok(Reply::Order(placed)) = broker.place(request("a", OrderSide::Buy, limit, "0.01", false)) else { panic!() };
    assert_eq!(placed.status, Status::Open);
    broker.minute([100_000.0, 100_000.0, 99_960.0, 99_960.0]);
    assert_eq!(broker.held(), dec("0"));
    broker.minute([99_960.0, 99_960.0, 99_900.0, 99_940.0]);
    let trades = broker.well("GET", "/fapi/v1/userTrades", "symbol=BTCUSDT");
    for trade in trades.as_array().unwrap() {
        assert_eq!((&trade["price"], &trade["maker"]), (&"99950.0".into(), &true.into()));
    }
    assert_eq!(broker.held(), dec("0.01"));
    assert_eq!(broker.balance(), dec("10000") - dec("99950") * dec("0.01") * dec("0.0002"));
}

#[test]
fn a_stop_waits_fires_and_is_followed_to_its_order() {
    let mut broker = Broker::new("none");
    broker.listen();
    broker.place(buy("entry", "0.01")).unwrap();
    let wanted = request("stop", OrderSide::Sell, stop("99000"), "0.01", true);
    let Ok(Reply::Order(waits)) = broker.place(wanted) else { panic!() };
    assert_eq!((waits.status, waits.kind, waits.reduce_only), (Status::Open, Some(stop("99000")), true));
    let Ok(Reply::Orders(open)) = broker.ask(&Wish::Conditionals(BTC)) else { panic!() };
    assert_eq!(open, [waits]);
    assert_eq!(broker.ask(&Wish::Orders(BTC)), Ok(Reply::Orders(Vec::new())), "orders and algo orders are kept apart");
    assert_eq!(broker.ask(&Wish::Cancel(which("stop", false))).unwrap_err().code, -2011);
    broker.reports();
    broker.minute([100_000.0, 100_000.0, 98_990.0, 99_010.0]);
    let (mut words, mut filled) = (Vec::new(), dec("0"));
    for report in broker.reports() {
        match report {
            Report::Order(view, trade) => {
                words.push((view.conditional, view.status));
                filled += trade.map(|trade| trade.qty).unwrap_or_default();
            }
            Report::Account { .. } | Report::Nothing => {}
            other => panic!("{other:?}"),
        }
    }
    words.dedup();
    let start = [(true, Status::Triggering), (true, Status::Triggered), (false, Status::Open)];
    assert_eq!(words[..3], start, "{words:?}");
    assert_eq!((words.last(), filled), (Some(&(true, Status::Filled)), dec("0.01")));
    let Ok(Reply::Order(stop)) = broker.ask(&Wish::Look(which("stop", true))) else { panic!() };
    let Ok(Reply::Order(order)) = broker.ask(&Wish::Look(which("stop", false))) else { panic!() };
    assert_eq!((stop.spawned, stop.status, stop.filled), (Some(order.number), Status::Filled, dec("0.01")));
    assert_eq!(broker.held(), dec("0"));
}

#[test]
fn each_kind_of_algo_order_fires_on_its_side() {
    let up = [100_000.0, 100_600.0, 100_000.0, 100_600.0];
    let down = [100_000.0, 100_000.0, 99_400.0, 99_400.0];
    for (order, way, fires) in [
        ("side=BUY&type=STOP_MARKET&triggerPrice=100500", up, true),
        ("side=BUY&type=STOP_MARKET&triggerPrice=100700", up, false),
        ("side=BUY&type=STOP_MARKET&triggerPrice=100500", down, false),
        ("side=SELL&type=STOP_MARKET&triggerPrice=99500", down, true),
        ("side=SELL&type=TAKE_PROFIT_MARKET&triggerPrice=100500", up, true),
        ("side=BUY&type=TAKE_PROFIT_MARKET&triggerPrice=99500", down, true),
        ("side=BUY&type=TAKE_PROFIT_MARKET&triggerPrice=99500", up, false),
        ("side=BUY&type=STOP&triggerPrice=100500&price=100700&timeInForce=GTC", up, true),
        ("side=BUY&type=TAKE_PROFIT&triggerPrice=99500&price=99600&timeInForce=GTC", down, true),
        ("side=SELL&type=TRAILING_STOP_MARKET&callbackRate=0.5", down, true),
        ("side=SELL&type=TRAILING_STOP_MARKET&callbackRate=0.7", down, false),
        ("side=SELL&type=TRAILING_STOP_MARKET&callbackRate=0.5&activationPrice=100500", down, false),
        ("side=BUY&type=TRAILING_STOP_MARKET&callbackRate=0.5", up, true),
        ("side=BUY&type=STOP_MARKET&triggerPrice=100500&workingType=MARK_PRICE", up, true),
    ] {
        let mut broker = Broker::new("none");
        let order = format!("symbol=BTCUSDT&algoType=CONDITIONAL&quantity=0.01&{order}");
        broker.well("POST", "/fapi/v1/algoOrder", &order);
        broker.minute(way);
        let all = broker.well("GET", "/fapi/v1/allAlgoOrders", "symbol=BTCUSDT");
        assert_eq!(all[0]["algoStatus"], if fires { "FINISHED" } else { "NEW" }, "{order}: {all}");
        assert_eq!(!broker.held().is_zero(), fires, "{order}");
    }
}

#[test]
fn what_closes_the_position_goes_with_it_and_a_quantity_stays() {
    let mut broker = Broker::new("none");
    broker.place(buy("entry", "0.01")).unwrap();
    let close = "symbol=BTCUSDT&algoType=CONDITIONAL&side=SELL&type=STOP_MARKET&triggerPrice=99000&closePosition=true&clientAlgoId=whole";
    let placed = broker.well("POST", "/fapi/v1/algoOrder", close);
    assert_eq!(placed["timeInForce"], "GTE_GTC");
    broker.place(request("part", OrderSide::Sell, stop("98000"), "0.01", true)).unwrap();
    let limit = OrderKind::Limit { price: dec("101000"), post_only: false };
    broker.place(request("target", OrderSide::Sell, limit, "0.01", true)).unwrap();
    broker.place(request("exit", OrderSide::Sell, OrderKind::Market, "0.01", true)).unwrap();
    let status = |broker: &mut Broker, name: &str, conditional: bool| {
        let Ok(Reply::Order(view)) = broker.ask(&Wish::Look(which(name, conditional))) else { panic!() };
        view.status
    };
    assert_eq!(status(&mut broker, "whole", true), Status::Expired);
    assert_eq!(status(&mut broker, "part", true), Status::Open);
    assert_eq!(status(&mut broker, "target", false), Status::Expired);
    broker.minute([100_000.0, 100_000.0, 97_000.0, 97_000.0]);
    assert_eq!(status(&mut broker, "part", true), Status::Rejected, "nothing to reduce when it fires");
    assert_eq!(broker.held(), dec("0"));
}

#[test]
fn a_reduce_only_order_is_cut_to_what_is_left_of_the_position() {
    let limit = OrderKind::Limit { price: dec("100100"), post_only: true };
    for (kind, fault) in [(limit, None), (OrderKind::Market, Some("parts"))] {
        let mut broker = Broker::new("none");
        broker.begin([100_000.0, 100_300.0, 100_000.0, 100_300.0]);
        broker.place(buy("entry", "0.02")).unwrap();
        if let Some(fault) = fault {
            broker.played("POST", &format!("next?fault={fault}"));
        }
        broker.place(request("exit", OrderSide::Sell, kind, "0.02", true)).unwrap();
        let rest = broker.held() - dec("0.005");
        broker.place(request("other", OrderSide::Sell, OrderKind::Market, &rest.to_string(), true)).unwrap();
        assert_eq!(broker.held(), dec("0.005"));
        broker.wait(2 * MINUTE_MS);
        assert_eq!(broker.held(), dec("0"), "S3 {kind:?}");
        let Ok(Reply::Order(exit)) = broker.ask(&Wish::Look(which("exit", false))) else { panic!() };
        assert_eq!((exit.status, exit.filled < dec("0.02")), (Status::Expired, true));
    }
}

#[test]
fn cancelling_takes_back_what_is_open_and_nothing_else() {
    let mut broker = Broker::new("none");
    let limit = OrderKind::Limit { price: dec("99000"), post_only: false };
    for (name, kind) in [("a", limit), ("b", stop("101000")), ("c", limit), ("d", stop("102000"))] {
        broker.place(request(name, OrderSide::Buy, kind, "0.01", false)).unwrap();
    }
    let Ok(Reply::Order(gone)) = broker.ask(&Wish::Cancel(which("a", false))) else { panic!() };
    assert_eq!(gone.status, Status::Cancelled);
    assert_eq!(broker.ask(&Wish::Cancel(which("b", true))), Ok(Reply::Done));
    for (name, conditional) in [("a", false), ("b", true), ("c", true), ("d", false)] {
        assert_eq!(broker.ask(&Wish::Cancel(which(name, conditional))).unwrap_err().code, -2011, "{name}");
    }
    broker.well("DELETE", "/fapi/v1/allOpenOrders", "symbol=BTCUSDT");
    assert_eq!(broker.ask(&Wish::Orders(BTC)), Ok(Reply::Orders(Vec::new())));
    broker.well("DELETE", "/fapi/v1/algoOpenOrders", "symbol=BTCUSDT");
    assert_eq!(broker.ask(&Wish::Conditionals(BTC)), Ok(Reply::Orders(Vec::new())));
    let name = broker.place(request("a", OrderSide::Buy, limit, "0.01", false));
    assert!(name.is_ok(), "a name is free again once its order has ended");
}

#[test]
fn batches_answer_each_order_by_itself() {
    let mut broker = Broker::new("none");
    let orders = r#"[{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","quantity":"0.002","price":"99000","timeInForce":"GTC","newClientOrderId":"a"},{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":"0"}]"#;
    let encoded: String = orders.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let placed = broker.well("POST", "/fapi/v1/batchOrders", &format!("batchOrders={encoded}"));
    assert_eq!((&placed[0]["status"], &placed[1]["code"]), (&"NEW".into(), &(-4003).into()));
    let names = "symbol=BTCUSDT&origClientOrderIdList=%5B%22a%22%2C%22b%22%5D";
    let gone = broker.well("DELETE", "/fapi/v1/batchOrders", names);
    assert_eq!((&gone[0]["status"], &gone[1]["code"]), (&"CANCELED".into(), &(-2011).into()));
}

#[test]
fn a_position_is_liquidated_where_its_answer_says_and_costs_its_margin_at_most() {
    for (side, far) in [("BUY", 70_000.0), ("SELL", 130_000.0)] {
        let mut broker = Broker::new("none");
        broker.ask(&Wish::SetIsolated(BTC)).unwrap();
        broker.ask(&Wish::SetLeverage(BTC, 20)).unwrap();
        broker.listen();
        broker.well("POST", "/fapi/v1/order", &format!("symbol=BTCUSDT&side={side}&type=MARKET&quantity=0.1"));
        let row = broker.well("GET", "/fapi/v2/positionRisk", "symbol=BTCUSDT")[0].clone();
        let lost_at: f64 = row["liquidationPrice"].as_str().unwrap().parse().unwrap();
        assert!((if side == "BUY" { 95_000.0..95_900.0 } else { 104_100.0..105_000.0 }).contains(&lost_at), "{row}");
        let (before, margin) = (broker.balance(), dec(row["isolatedWallet"].as_str().unwrap()));
        let nearly = lost_at.floor() + if side == "BUY" { 50.0 } else { -50.0 };
        broker.minute([100_000.0, nearly.max(100_000.0), nearly.min(100_000.0), nearly]);
        assert!(!broker.held().is_zero());
        assert!(broker.reports().contains(&Report::MarginCall));
        broker.minute([nearly, nearly.max(far), nearly.min(far), far]);
        assert_eq!(broker.held(), dec("0"));
        let forced =
            broker.reports().into_iter().filter(|r| matches!(r, Report::Forced(Force::Liquidation, _))).count();
        assert_eq!(forced, 1);
        let lost = before - broker.balance();
        assert!(lost > margin / dec("2") && lost <= margin + dec("0.1"), "{lost} of {margin}");
    }
}

#[test]
fn funding_is_paid_by_what_is_held_and_told() {
    let mut broker = Broker::new("none");
    for _ in 0..8 * HOUR_MS / MINUTE_MS - 5 {
        broker.minute([100_000.0; 4]);
    }
    broker.listen();
    broker.place(buy("a", "0.01")).unwrap();
    broker.reports();
    let before = broker.balance();
    for _ in 0..10 {
        broker.minute([100_000.0; 4]);
    }
    let rows = broker.well("GET", "/fapi/v1/income", "symbol=BTCUSDT&incomeType=FUNDING_FEE");
    assert_eq!(rows.as_array().unwrap().len(), 1, "{rows}");
    let paid = dec(rows[0]["income"].as_str().unwrap());
    assert!(!paid.is_zero() && rows[0]["time"].as_i64().unwrap() % (8 * HOUR_MS) == 0);
    assert_eq!(broker.balance(), before + paid);
    let told: Vec<Value> = broker.heard().into_iter().filter(|event| event["a"]["m"] == "FUNDING_FEE").collect();
    assert_eq!((told.len(), &told[0]["a"]["S"]), (1, &"BTCUSDT".into()));
}

#[test]
fn settings_are_told_as_our_codec_reads_them() {
    let mut broker = Broker::new("none");
    broker.listen();
    assert_eq!(broker.ask(&Wish::SetOneWay), Ok(Reply::Done), "already so");
    for _ in 0..2 {
        assert_eq!(broker.ask(&Wish::SetIsolated(BTC)), Ok(Reply::Done));
        assert_eq!(broker.ask(&Wish::SetLeverage(BTC, 7)), Ok(Reply::Done));
    }
    assert_eq!(broker.reports(), [Report::Leverage(BTC, 7)]);
    let Ok(Reply::SymbolModes(modes)) = broker.ask(&Wish::SymbolModes(BTC)) else { panic!() };
    assert!(modes.isolated && modes.leverage == 7 && modes.max_notional.is_some());
    let Ok(Reply::Modes(modes)) = broker.ask(&Wish::Modes) else { panic!() };
    assert!(!modes.hedge && !modes.multi_assets && modes.can_trade);
    for (path, query) in [
        ("/fapi/v2/account", ""),
        ("/fapi/v3/account", ""),
        ("/fapi/v2/balance", ""),
        ("/fapi/v3/positionRisk", ""),
        ("/fapi/v1/leverageBracket", ""),
        ("/fapi/v1/leverageBracket", "symbol=BTCUSDT"),
        ("/fapi/v1/commissionRate", "symbol=BTCUSDT"),
        ("/fapi/v1/adlQuantile", ""),
        ("/fapi/v1/rateLimit/order", ""),
        ("/fapi/v1/allOrders", "symbol=BTCUSDT"),
        ("/fapi/v1/forceOrders", ""),
        ("/fapi/v1/positionSide/dual", ""),
        ("/fapi/v1/multiAssetsMargin", ""),
    ] {
        broker.well("GET", path, query);
    }
}

#[test]
fn an_order_that_rests_is_amended_and_stays_as_it_was_where_that_is_refused() {
    let mut broker = Broker::new("none");
    broker.listen();
    let order = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=99000&newClientOrderId=a";
    broker.well("POST", "/fapi/v1/order", order);
    let id = "symbol=BTCUSDT&origClientOrderId=a";
    for (query, code) in [
        (format!("{id}&side=BUY&quantity=0.01&price=99000"), -5027),
        (format!("{id}&side=SELL&quantity=0.01&price=99001"), -1117),
        (format!("{id}&side=BUY&quantity=0.01"), -1102),
        (format!("{id}&side=BUY&quantity=0.001&price=99000"), -4164),
        (format!("{id}&side=BUY&quantity=0.01&price=106000"), -4016),
        (format!("{id}&side=BUY&quantity=3&price=99000"), -2019),
        ("symbol=BTCUSDT&origClientOrderId=b&side=BUY&quantity=0.01&price=99001".to_owned(), -2013),
    ] {
        assert_eq!(broker.code("PUT", "/fapi/v1/order", &query), code, "{query}");
    }
    let as_it_was = broker.well("GET", "/fapi/v1/order", id);
    assert_eq!((&as_it_was["price"], &as_it_was["origQty"]), (&"99000.0".into(), &"0.010".into()));
    broker.heard();
    let changed = broker.well("PUT", "/fapi/v1/order", &format!("{id}&side=BUY&quantity=0.02&price=99100"));
    assert_eq!(
        (&changed["price"], &changed["origQty"], &changed["status"]),
        (&"99100.0".into(), &"0.020".into(), &"NEW".into())
    );
    assert_eq!(changed["orderId"], as_it_was["orderId"]);
    let heard = broker.heard();
    assert!(heard.len() == 1 && heard[0]["o"]["x"] == "AMENDMENT" && heard[0]["o"]["p"] == "99100.0", "{heard:?}");
    // at a price that is met, it trades
    broker.well("PUT", "/fapi/v1/order", &format!("{id}&side=BUY&quantity=0.02&price=100100"));
    assert_eq!((broker.held(), &broker.well("GET", "/fapi/v1/order", id)["status"]), (dec("0.02"), &"FILLED".into()));
    // one that may only make is cancelled instead
    broker.well("POST", "/fapi/v1/order", &order.replace("GTC", "GTX").replace("Id=a", "Id=g"));
    let maker =
        broker.well("PUT", "/fapi/v1/order", "symbol=BTCUSDT&origClientOrderId=g&side=BUY&quantity=0.01&price=100100");
    assert_eq!((&maker["status"], broker.held()), (&"CANCELED".into(), dec("0.02")));
}
