//! The account's stream, by what the exchange has sent.

use super::binance;
use crate::{
    exchange::{
        Garbled,
        binance::{Binance, tests::recorded::recorded},
        private::{Fee, Force, Report, Status, Trading},
    },
    market::{OrderKind, Symbol, SymbolId},
};
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};

fn read(codec: &Binance, frame: &[u8]) -> Result<Report, Garbled> {
    let mut reports = Vec::new();
    codec.decode_user(frame, &mut reports)?;
    // what was paid comes before the change of the account that it made
    assert!(matches!(reports[..], [_] | [Report::Funding { .. }, _]), "{reports:?}");
    Ok(reports.remove(reports.len() - 1))
}

/// What is recorded of an account, with a codec that knows its market, in one-way mode.
fn report_of(value: &Value) -> Result<Report, Garbled> {
    let event = value.get("data").unwrap_or(value);
    let name = event["o"]["s"].as_str().or_else(|| event["s"].as_str()).unwrap_or("BTCUSDT");
    let codec = Binance::new(&name.parse::<Symbol>().into_iter().collect::<Vec<_>>());
    read(&codec, value.to_string().as_bytes())
}

fn kind(value: &Value) -> Option<&str> {
    value.get("data").unwrap_or(value).get("e")?.as_str()
}

#[test]
fn what_is_recorded_is_read_or_recognised() {
    let mut seen = 0;
    for (name, value) in recorded() {
        let Some(kind) = kind(&value) else { continue };
        let hedged = value.to_string().contains("\"ps\":\"LONG\"") || value.to_string().contains("\"ps\":\"SHORT\"");
        match (kind, report_of(&value)) {
            ("ORDER_TRADE_UPDATE" | "ACCOUNT_UPDATE", got) if hedged => {
                assert!(got.is_err_and(|garbled| garbled.found.contains("hedge")), "{name}");
            }
            ("ORDER_TRADE_UPDATE", Ok(Report::Order(..) | Report::Forced(..) | Report::Nothing)) => seen += 1,
            ("ALGO_UPDATE", Ok(Report::Order(view, None))) => {
                assert!(view.conditional && view.number > 0, "{name}");
                seen += 1;
            }
            ("ACCOUNT_UPDATE", Ok(Report::Account { .. })) | ("TRADE_LITE", Ok(Report::Nothing)) => seen += 1,
            ("ORDER_TRADE_UPDATE" | "ALGO_UPDATE" | "ACCOUNT_UPDATE" | "TRADE_LITE", got) => panic!("{name}: {got:?}"),
            (_, got) => assert_eq!(got, Ok(Report::Unknown), "{name}"),
        }
    }
    assert!(seen >= 7 || recorded().is_empty(), "only {seen} messages about an account");
}

fn order(changes: Value) -> Value {
    let mut o = json!({"s": "BTCUSDT", "c": "ob1btc", "S": "SELL", "o": "MARKET", "f": "GTC", "q": "0.012", "p": "0", "sp": "0",
        "x": "TRADE", "X": "PARTIALLY_FILLED", "i": 8886774, "l": "0.005", "z": "0.007", "L": "60000.5", "N": "USDT", "n": "0.12",
        "T": 1_760_000_000_123_i64, "t": 77, "R": true, "ps": "BOTH"});
    o.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    json!({"e": "ORDER_TRADE_UPDATE", "E": 1_760_000_000_130_i64, "T": 1_760_000_000_123_i64, "st": 1, "o": o})
}

#[test]
fn a_trade_comes_with_its_order() {
    let got = read(&binance(), order(json!({})).to_string().as_bytes());
    let Ok(Report::Order(view, Some(trade))) = got else { panic!("{got:?}") };
    assert_eq!(
        (view.status, view.filled.to_string(), view.kind),
        (Status::Open, "0.007".into(), Some(OrderKind::Market))
    );
    assert_eq!((trade.trade_id, trade.order, trade.qty.to_string()), (77, 8_886_774, "0.005".into()));
    assert_eq!(trade.fee, Fee::Usdt("0.12".parse().unwrap()));
    let fresh = order(json!({"x": "NEW", "X": "NEW", "l": "0", "L": "0", "t": 0, "N": null, "n": null}));
    assert!(matches!(read(&binance(), fresh.to_string().as_bytes()), Ok(Report::Order(_, None))));
    for (field, value) in
        [("l", json!("-1")), ("L", json!("0")), ("S", json!("")), ("X", json!("ODD")), ("t", json!("x"))]
    {
        let broken = order(json!({ field: value }));
        assert!(read(&binance(), broken.to_string().as_bytes()).is_err(), "{field}");
    }
}

#[test]
fn what_the_exchange_closes_has_its_reason() {
    for (name, want) in [
        ("autoclose-1234567890", Force::Liquidation),
        ("adl_autoclose", Force::Deleveraging),
        ("settlement_autoclose-12", Force::Delisting),
    ] {
        let frame = order(json!({"c": name, "x": "CALCULATED", "X": "FILLED"}));
        let got = read(&binance(), frame.to_string().as_bytes());
        assert!(matches!(got, Ok(Report::Forced(why, trade)) if why == want && trade.trade_id == 77), "{got:?}");
        let begun = order(json!({"c": name, "x": "NEW", "X": "NEW_INSURANCE", "l": "0"}));
        assert_eq!(read(&binance(), begun.to_string().as_bytes()), Ok(Report::Nothing));
    }
}

#[test]
fn the_account_says_what_has_changed() {
    let frame = json!({"e": "ACCOUNT_UPDATE", "E": 1, "T": 1, "a": {"m": "FUNDING_FEE", "B": [{"a": "USDT", "wb": "1003.2"}, {"a": "BNB", "wb": "x"}],
        "P": [{"s": "ETHUSDT", "pa": "-0.35", "ep": "2987.65", "ps": "BOTH"}, {"s": "BTCUSDT", "pa": "0", "ep": "0", "ps": "BOTH"}, {"s": "DOGEUSDT"}]}});
    let Ok(Report::Account { reason, balance, positions, closed }) = read(&binance(), frame.to_string().as_bytes())
    else {
        panic!()
    };
    assert_eq!((reason.as_str(), balance.unwrap().to_string()), ("FUNDING_FEE", "1003.2".into()));
    assert_eq!((positions.len(), positions[0].symbol, closed), (1, SymbolId(1), vec![SymbolId(0)]));
    let frame = |text: &str| read(&binance(), text.as_bytes());
    assert_eq!(frame(r#"{"e":"listenKeyExpired","E":1,"listenKey":"k"}"#), Ok(Report::Expired));
    assert_eq!(
        frame(r#"{"e":"ACCOUNT_CONFIG_UPDATE","ac":{"s":"BTCUSDT","l":25}}"#),
        Ok(Report::Leverage(SymbolId(0), 25))
    );
    assert_eq!(frame(r#"{"e":"MARGIN_CALL","p":[]}"#), Ok(Report::MarginCall));
    assert_eq!(frame(r#"{"e":"STRATEGY_UPDATE"}"#), Ok(Report::Unknown));
}

#[test]
fn funding_names_its_market_or_is_of_the_only_position() {
    let both = json!([{"s": "ETHUSDT", "pa": "1", "ep": "2", "ps": "BOTH"}, {"s": "BTCUSDT", "pa": "1", "ep": "2", "ps": "BOTH"}]);
    let one = json!([{"s": "ETHUSDT", "pa": "1", "ep": "2", "ps": "BOTH"}]);
    let (btc, eth) = (Some(SymbolId(0)), Some(SymbolId(1)));
    for (what, symbol, change, positions, want) in [
        ("said", json!("BTCUSDT"), json!("-0.25"), &one, Some((btc, "0.25"))),
        ("received, and of the only position", json!(null), json!("0.1"), &one, Some((eth, "-0.1"))),
        ("nobody says of which", json!(null), json!("0.1"), &both, Some((None, "-0.1"))),
        ("not configured", json!("DOGEUSDT"), json!("0.1"), &one, Some((None, "-0.1"))),
        ("nobody says how much", json!("BTCUSDT"), json!(null), &one, None),
    ] {
        let frame = json!({"e": "ACCOUNT_UPDATE", "T": 1_760_000_000_123_i64, "S": symbol,
            "a": {"m": "FUNDING_FEE", "B": [{"a": "USDT", "wb": "1003.2", "bc": change}], "P": positions}});
        let mut reports = Vec::new();
        binance().decode_user(frame.to_string().as_bytes(), &mut reports).unwrap();
        let paid = reports.iter().find_map(|report| match report {
            Report::Funding { symbol, amount, at } => Some((*symbol, amount.to_string(), at.0)),
            _ => None,
        });
        assert_eq!(paid, want.map(|(symbol, paid)| (symbol, paid.to_owned(), 1_760_000_000_123)), "{what}");
    }
}

proptest! {
    #[test]
    fn any_frame_is_survived(bytes in vec(any::<u8>(), 0..200), at in 0usize..400, byte in any::<u8>()) {
        _ = read(&binance(), &bytes);
        let mut changed = order(json!({})).to_string().into_bytes();
        let at = at % changed.len();
        changed[at] = byte;
        if let Ok(Report::Order(_, Some(trade))) = read(&binance(), &changed) {
            prop_assert!(trade.qty > rust_decimal::Decimal::ZERO && trade.price > rust_decimal::Decimal::ZERO);
        }
    }
}
