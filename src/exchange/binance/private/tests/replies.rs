//! Answers: each form is read as it was written, and what is not sure is no answer.

use super::{BTC, binance, order, reply, respond, which};
use crate::{
    exchange::{
        FailureClass,
        private::{Fee, From, Modes, Reply, Status, SymbolModes, Trading, Wish},
    },
    market::{Class, OrderKind, OrderSide, Side, Timestamp},
};
use proptest::{collection::vec, prelude::*};
use rust_decimal::Decimal;

const ORDER: &str = r#"{"orderId":22542179,"symbol":"BTCUSDT","status":"FILLED","clientOrderId":"ob1btc","price":"0","origQty":"0.012",
"executedQty":"0.007","cumQty":"0.007","timeInForce":"GTC","type":"MARKET","reduceOnly":true,"closePosition":false,"side":"SELL",
"positionSide":"BOTH","stopPrice":"0","workingType":"CONTRACT_PRICE","updateTime":1760000000123,"new":{"x":[1]}}"#;
const ALGO: &str = r#"{"algoId":2146760,"clientAlgoId":"ob1btc","algoType":"CONDITIONAL","orderType":"STOP_MARKET","symbol":"BTCUSDT",
"side":"SELL","positionSide":"BOTH","timeInForce":"GTC","quantity":"0.012","algoStatus":"NEW","triggerPrice":"60009.80","price":"0.00",
"actualOrderId":"","reduceOnly":true,"createTime":1760000000123}"#;
const TRADES: &str = r#"[{"symbol":"BTCUSDT","id":5,"orderId":22542179,"side":"SELL","price":"60000.5","qty":"0.004","commission":"0.096",
"commissionAsset":"USDT","time":1760000000123},{"symbol":"BTCUSDT","id":6,"orderId":22542179,"side":"SELL","price":"60000.4","qty":"0.003",
"commission":"0.00001","commissionAsset":"BNB","time":1760000000124}]"#;
const POSITIONS: &str = r#"[{"symbol":"ETHUSDT","positionSide":"BOTH","positionAmt":"-0.35","entryPrice":"2987.6512345678901"},
{"symbol":"BTCUSDT","positionSide":"BOTH","positionAmt":"0.000","entryPrice":"0.0"},{"symbol":"DOGEUSDT","positionAmt":"3"}]"#;

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn trades(from: From) -> Wish {
    Wish::Trades { symbol: BTC, from }
}

#[test]
fn an_order_is_what_was_executed_and_not_what_was_asked_for() {
    for wish in [
        Wish::Place(order(OrderKind::Market, OrderSide::Sell, true)),
        Wish::Look(which(false)),
        Wish::Cancel(which(false)),
    ] {
        let Ok(Reply::Order(view)) = reply(&wish, 200, ORDER) else { panic!("{wish:?}") };
        assert_eq!((view.qty, view.filled, view.status), (dec("0.012"), dec("0.007"), Status::Filled));
        assert_eq!(
            (view.id.unwrap().as_str(), view.number, view.kind),
            ("ob1btc", 22_542_179, Some(OrderKind::Market))
        );
        assert!(view.reduce_only && !view.conditional && view.status.is_over());
    }
    let Ok(Reply::Order(view)) = reply(&Wish::Look(which(true)), 200, ALGO) else { panic!() };
    assert_eq!(view.kind, Some(OrderKind::StopMarket { trigger: dec("60009.8") }));
    assert_eq!((view.number, view.spawned, view.filled, view.status), (2_146_760, None, Decimal::ZERO, Status::Open));
    let fired = ALGO.replace(r#""actualOrderId":"""#, r#""actualOrderId":"88937381063""#);
    for (word, qty, status) in [
        ("TRIGGERING", "0", Status::Triggering),
        ("TRIGGERED", "0", Status::Triggered),
        ("FINISHED", "0.012", Status::Filled),
        ("FINISHED", "0.000", Status::Cancelled),
        ("EXPIRED", "0", Status::Expired),
        ("REJECTED", "0", Status::Rejected),
    ] {
        let text = fired.replace("\"NEW\"", &format!("\"{word}\",\"actualQty\":\"{qty}\""));
        let Ok(Reply::Order(view)) = reply(&Wish::Look(which(true)), 200, &text) else { panic!("{word}") };
        assert_eq!((view.status, view.spawned), (status, Some(88_937_381_063)), "{word} {qty}");
    }
}

#[test]
fn lists_have_every_row_or_are_no_answer() {
    let list = format!("[{ORDER},{}]", ORDER.replace("ob1btc", "web_Abc-1").replace("MARKET", "TRAILING_STOP_MARKET"));
    let Ok(Reply::Orders(views)) = reply(&Wish::Orders(BTC), 200, &list) else { panic!() };
    assert_eq!((views.len(), views[1].id, views[1].name.as_str(), views[1].kind), (2, None, "web_Abc-1", None));
    let broken = list.replace("\"side\":\"SELL\"", "\"side\":\"SOLD\"");
    assert_eq!(reply(&Wish::Orders(BTC), 200, &broken).unwrap_err().class, FailureClass::Unknown);
    let Ok(Reply::Positions(positions, others)) = reply(&Wish::Positions, 200, POSITIONS) else { panic!() };
    assert_eq!((positions.len(), positions[0].side, positions[0].qty, others), (1, Side::Short, dec("0.35"), 1));
    let hedged = POSITIONS.replacen("BOTH", "SHORT", 1);
    assert!(reply(&Wish::Positions, 200, &hedged).is_err(), "a side's position is none of one-way mode");
}

#[test]
fn trades_come_in_order_with_what_was_paid() {
    let Ok(Reply::Trades(found)) = reply(&trades(From::Trade(5)), 200, TRADES) else { panic!() };
    assert_eq!((found[0].fee, found[1].fee), (Fee::Usdt(dec("0.096")), Fee::Other(dec("0.00001"))));
    let fill = found[1].fill(which(false).id);
    assert_eq!((fill.trade_id, fill.qty, fill.fee), (6, dec("0.003"), Decimal::ZERO));
    for from in [From::Trade(6), From::Time(Timestamp(1_760_000_000_124))] {
        assert!(reply(&trades(from), 200, TRADES).is_err(), "{from:?}: a replica that is behind");
    }
    let (first, second) = TRADES[1..TRADES.len() - 1].split_at(TRADES.find("},{").unwrap());
    let turned = format!("[{},{first}]", &second[1..]);
    assert!(reply(&trades(From::Trade(5)), 200, &turned).is_err(), "out of order");
}

#[test]
fn modes_balance_and_the_stream_are_read() {
    let modes = r#"{"feeTier":0,"canTrade":true,"dualSidePosition":false,"multiAssetsMargin":false}"#;
    assert_eq!(
        reply(&Wish::Modes, 200, modes),
        Ok(Reply::Modes(Modes { hedge: false, multi_assets: false, can_trade: true }))
    );
    assert!(reply(&Wish::Modes, 200, "{}").is_err(), "a mode that is not said is not known");
    let of_symbol = r#"[{"symbol":"BTCUSDT","marginType":"CROSSED","leverage":20,"maxNotionalValue":"1000000"}]"#;
    let want = SymbolModes { isolated: false, leverage: 20, max_notional: Some(dec("1000000")) };
    assert_eq!(reply(&Wish::SymbolModes(BTC), 200, of_symbol), Ok(Reply::SymbolModes(want)));
    let balances = r#"[{"asset":"BNB","balance":"3"},{"asset":"USDT","balance":"1003.20","availableBalance":"9"}]"#;
    assert_eq!(reply(&Wish::Balance, 200, balances), Ok(Reply::Balance(dec("1003.20"))));
    assert_eq!(
        reply(&Wish::OpenStream, 200, r#"{"listenKey":"pqia91ma19a5"}"#),
        Ok(Reply::Stream("pqia91ma19a5".into()))
    );
    assert!(reply(&Wish::OpenStream, 200, r#"{"listenKey":"../x?y"}"#).is_err(), "it goes into an address");
    let leverage =
        |got: u32| reply(&Wish::SetLeverage(BTC, 5), 200, &format!("{{\"leverage\":{got},\"symbol\":\"BTCUSDT\"}}"));
    assert_eq!(leverage(5), Ok(Reply::Done));
    assert!(leverage(4).is_err());
    let gone = r#"{"algoId":1,"clientAlgoId":"ob1btc","code":"200","msg":"success"}"#;
    assert_eq!(reply(&Wish::Cancel(which(true)), 200, gone), Ok(Reply::Done));
}

fn wishes() -> Vec<Wish> {
    vec![
        Wish::Place(order(OrderKind::Market, OrderSide::Buy, false)),
        Wish::Place(order(OrderKind::StopMarket { trigger: Decimal::TEN }, OrderSide::Sell, true)),
        Wish::Cancel(which(false)),
        Wish::Cancel(which(true)),
        Wish::Look(which(false)),
        Wish::Look(which(true)),
        Wish::Orders(BTC),
        Wish::Conditionals(BTC),
        Wish::Positions,
        Wish::Balance,
        trades(From::Trade(1)),
        Wish::Modes,
        Wish::SymbolModes(BTC),
        Wish::SetOneWay,
        Wish::SetIsolated(BTC),
        Wish::SetLeverage(BTC, 5),
        Wish::OpenStream,
    ]
}

/// Whatever comes: no panic, and an order that is read has possible numbers.
fn swallow(bytes: &[u8]) {
    for wish in wishes() {
        match respond(&wish, 200, bytes) {
            Ok(Reply::Order(view)) => assert!(view.qty >= Decimal::ZERO && view.filled >= Decimal::ZERO),
            Ok(Reply::Trades(found)) => {
                assert!(found.iter().all(|trade| trade.qty > Decimal::ZERO && trade.price > Decimal::ZERO))
            }
            Ok(_) => {}
            Err(failure) => {
                assert_eq!(failure.class, FailureClass::Unknown, "a success that is unreadable is in doubt (S8)")
            }
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..200)) {
        swallow(&bytes);
    }

    #[test]
    fn a_cut_or_changed_answer_is_survived(which in 0usize..4, at in 0usize..600, byte in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = [ORDER, ALGO, TRADES, POSITIONS][which].as_bytes().to_vec();
        let at = at % bytes.len();
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        swallow(&bytes);
    }
}

#[test]
fn a_refusal_has_its_reason() {
    for (class, codes) in [
        (Class::Margin, &[-2018, -2019, -2027, -2028][..]),
        (Class::Filter, &[-1111, -4001, -4003, -4005, -4014, -4023, -4131, -4164]),
        (Class::ReduceOnly, &[-2022, -4118]),
        (Class::WouldTrigger, &[-2021, -4142]),
        (Class::Duplicate, &[-4116]),
        (Class::Other, &[-1003, -2011, -2013, -2015, -4061, 403, 0]),
    ] {
        assert!(codes.iter().all(|code| binance().refusal(*code) == class), "{class:?}");
    }
    assert!([-2011, -2013].iter().all(|code| binance().is_missing(*code)));
    assert!(![-2022, -4117, 404].iter().any(|code| binance().is_missing(*code)));
}
