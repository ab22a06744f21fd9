//! Laws of the books, whatever is traded.

use super::{
    super::What,
    broker::{Broker, dec},
};
use crate::exchange::private::{Report, Trading};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::Value;

#[derive(Debug, Clone)]
enum Act {
    Order { buys: bool, limit: Option<i32>, qty: u32, reduce_only: bool },
    Algo { buys: bool, away: i32, qty: u32, reduce_only: bool, target: bool },
    CancelAll,
    Minute { high: u16, low: u16, end: i32 },
    Fault(&'static str),
}

fn act() -> impl Strategy<Value = Act> {
    let faults = ["parts", "half", "lost-answer", "late-request", "timeout", "stuck-stop"];
    prop_oneof![
        5 => (any::<bool>(), proptest::option::of(-300i32..300), 1u32..120, any::<bool>())
            .prop_map(|(buys, limit, qty, reduce_only)| Act::Order { buys, limit, qty, reduce_only }),
        3 => (any::<bool>(), 1i32..400, 1u32..60, any::<bool>(), any::<bool>())
            .prop_map(|(buys, away, qty, reduce_only, target)| Act::Algo { buys, away, qty, reduce_only, target }),
        1 => Just(Act::CancelAll),
        3 => (0u16..3_000, 0u16..3_000, -2_000i32..2_000).prop_map(|(high, low, end)| Act::Minute { high, low, end }),
        2 => (0..faults.len()).prop_map(move |at| Act::Fault(faults[at])),
    ]
}

struct Player {
    broker: Broker,
    leverage: u32,
    price: i32,
    heard: Vec<Value>,
}

impl Player {
    fn new(leverage: u32, isolated: bool) -> Self {
        let mut broker = Broker::new("none");
        broker.well("POST", "/fapi/v1/leverage", &format!("symbol=BTCUSDT&leverage={leverage}"));
        if isolated {
            broker.well("POST", "/fapi/v1/marginType", "symbol=BTCUSDT&marginType=ISOLATED");
        }
        broker.listen();
        Self { broker, leverage, price: 100_000, heard: Vec::new() }
    }

    fn available(&mut self) -> Decimal {
        let account = self.broker.well("GET", "/fapi/v3/balance", "");
        dec(account[0]["availableBalance"].as_str().unwrap())
    }

    /// Sends an order that may be dropped, late or refused; the answer where there is one.
    fn send(&mut self, path: &str, query: &str) -> Option<(u16, Value)> {
        let text = format!("{query}&recvWindow=5000&timestamp={}", self.broker.rig.now.0);
        let target = format!("{path}?{text}&signature={}", super::broker::sign(&text));
        let reply = self.broker.rig.send("POST", &target, &super::broker::headers(super::broker::KEY), &[])?;
        Some((reply.status, serde_json::from_slice(&reply.body).unwrap()))
    }

    fn play(&mut self, act: &Act) {
        let side = |buys: bool| if buys { "BUY" } else { "SELL" };
        match act {
            Act::Order { buys, limit, qty, reduce_only } => {
                let terms = match limit {
                    Some(away) => format!("type=LIMIT&timeInForce=GTC&price={}", self.price + away),
                    None => "type=MARKET".to_owned(),
                };
                let qty = Decimal::new((*qty).into(), 2);
                let query =
                    format!("symbol=BTCUSDT&side={}&{terms}&quantity={qty}&reduceOnly={reduce_only}", side(*buys));
                let (free, held) = (self.available(), self.broker.held());
                let answered = self.send("/fapi/v1/order", &query);
                if let Some((200, _)) = answered {
                    let opens = !reduce_only && (held.is_zero() || (held.is_sign_positive() == *buys));
                    let price = Decimal::from(self.price + limit.unwrap_or_default());
                    let need = price * qty / Decimal::from(self.leverage);
                    // the best bid stands a tick below the last price
                    assert!(!opens || need <= free + dec("0.1"), "an entry was taken without margin: {query}, {free}");
                }
            }
            Act::Algo { buys, away, qty, reduce_only, target } => {
                let above = *buys != *target;
                let trigger = if above { self.price + away } else { self.price - away };
                let kind = if *target { "TAKE_PROFIT_MARKET" } else { "STOP_MARKET" };
                let qty = Decimal::new((*qty).into(), 2);
                let query = format!(
                    "symbol=BTCUSDT&algoType=CONDITIONAL&side={}&type={kind}&triggerPrice={trigger}&quantity={qty}&reduceOnly={reduce_only}",
                    side(*buys)
                );
                self.send("/fapi/v1/algoOrder", &query);
            }
            Act::CancelAll => {
                self.broker.well("DELETE", "/fapi/v1/allOpenOrders", "symbol=BTCUSDT");
                self.broker.well("DELETE", "/fapi/v1/algoOpenOrders", "symbol=BTCUSDT");
            }
            Act::Minute { high, low, end } => {
                let (open, close) = (self.price, self.price + end);
                let (top, bottom) = (open.max(close) + i32::from(*high), open.min(close) - i32::from(*low));
                self.broker.minute([open, top, bottom, close].map(f64::from));
                self.price = close;
            }
            Act::Fault(name) => {
                self.broker.played("POST", &format!("next?fault={name}"));
            }
        }
        let heard = self.broker.heard();
        self.heard.extend(heard);
    }

    /// The record adds up, and stream and requests tell what it tells.
    fn check(&mut self) {
        let mut wallet = dec("10000");
        let (mut held, mut told_wallet, mut trades) = (Decimal::ZERO, wallet, Vec::new());
        for entry in self.broker.rig.venue.record().filter(|entry| entry.account == 0) {
            match &entry.what {
                What::Fill { side, qty, fee, realised, trade, reduce_only, .. } => {
                    let before = held;
                    held += if *side == "BUY" { *qty } else { -*qty };
                    assert!(
                        !reduce_only || held.abs() < before.abs() && held * before >= Decimal::ZERO,
                        "S3: {entry:?}"
                    );
                    wallet += realised - fee;
                    trades.push(*trade);
                }
                What::Position { qty, .. } => assert_eq!(*qty, held, "the position is the sum of fills"),
                What::Funding { amount } | What::Transfer { amount } => wallet += amount,
                What::Balance { wallet: told } => {
                    told_wallet = *told;
                    if wallet.is_sign_negative() {
                        wallet = *told; // a gap beyond the account is not the account's
                    }
                    assert_eq!(wallet, told_wallet, "money was made or lost");
                }
                What::Order { .. } | What::Note { .. } => {}
            }
        }
        assert_eq!(self.broker.balance(), told_wallet);
        assert_eq!(self.broker.held(), held);
        let rows = self.broker.well("GET", "/fapi/v1/userTrades", "symbol=BTCUSDT&limit=1000");
        let asked: Vec<u64> = rows.as_array().unwrap().iter().map(|row| row["id"].as_u64().unwrap()).collect();
        assert_eq!(asked, trades);
        let mut streamed = Vec::new();
        for message in &self.heard {
            let mut reports = Vec::new();
            self.broker.codec.decode_user(message.to_string().as_bytes(), &mut reports).unwrap();
            match &reports[..] {
                [Report::Order(_, Some(trade)) | Report::Forced(_, trade)] => streamed.push(trade.trade_id),
                [Report::Unknown] => panic!("{message}"),
                _ => {}
            }
        }
        assert_eq!(streamed, trades, "stream and record tell the same trades");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn money_is_conserved_positions_add_up_and_reduce_only_never_opens(
        acts in proptest::collection::vec(act(), 1..30), leverage in 1u32..60, isolated in any::<bool>()
    ) {
        let mut player = Player::new(leverage, isolated);
        acts.iter().for_each(|act| player.play(act));
        player.broker.wait(5_000);
        let heard = player.broker.heard();
        player.heard.extend(heard);
        player.check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn no_request_breaks_the_books(
        requests in proptest::collection::vec((0usize..12, proptest::collection::vec((0usize..24, "[0-9.]{1,22}|[a-zA-Z]{1,8}|%[0-9a-f]{2}"), 0..9)), 1..12)
    ) {
        const PATHS: [(&str, &str); 12] = [
            ("POST", "hand/fapi/v1/order"), ("POST", "hand/fapi/v1/algoOrder"), ("POST", "hand/fapi/v1/leverage"),
            ("POST", "hand/fapi/v1/positionMargin"), ("DELETE", "hand/fapi/v1/order"), ("GET", "hand/fapi/v1/userTrades"),
            ("POST", "do"), ("POST", "next"), ("GET", "record"), ("GET", "hand/fapi/v2/account"), ("POST", "do?act=transfer"),
            ("POST", "do?act=filters&symbol=BTCUSDT"),
        ];
        const NAMES: [&str; 24] = [
            "symbol=BTCUSDT", "side=BUY", "side=SELL", "type=MARKET", "type=LIMIT&timeInForce=GTC", "type=STOP_MARKET&algoType=CONDITIONAL",
            "quantity", "price", "triggerPrice", "callbackRate", "activatePrice", "leverage", "amount", "limit", "orderId", "fromId",
            "startTime", "tick", "step", "act", "type=TRAILING_STOP_MARKET&algoType=CONDITIONAL&callbackRate=1", "reduceOnly=true",
            "minNotional", "newClientOrderId",
        ];
        let mut broker = Broker::new("none");
        for (path, parameters) in requests {
            let (method, path) = PATHS[path];
            let part = |(name, value): &(usize, String)| {
                if NAMES[*name].contains('=') { NAMES[*name].to_owned() } else { format!("{}={value}", NAMES[*name]) }
            };
            let mark = if path.contains('?') { '&' } else { '?' };
            let query: Vec<String> = parameters.iter().map(part).collect();
            let target = format!("/played/{path}{mark}{}", query.join("&"));
            broker.rig.send(method, &target, &[], &[]); // the rig checks the books after each
        }
        broker.minute([100_000.0, 110_000.0, 90_000.0, 100_000.0]);
        broker.balance();
    }
}

#[test]
fn same_seed_and_requests_same_answers() {
    let run = || {
        let mut player = Player::new(20, false);
        for act in [
            Act::Order { buys: true, limit: None, qty: 20, reduce_only: false },
            Act::Algo { buys: false, away: 300, qty: 20, reduce_only: true, target: false },
            Act::Fault("parts"),
            Act::Order { buys: true, limit: Some(-20), qty: 9, reduce_only: false },
            Act::Minute { high: 10, low: 900, end: -600 },
            Act::Fault("timeout"),
            Act::Order { buys: true, limit: None, qty: 5, reduce_only: false },
        ] {
            player.play(&act);
        }
        player.check();
        player.broker.rig.hash.value()
    };
    assert_eq!(run(), run());
}
