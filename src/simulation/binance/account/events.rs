//! What the account's stream says, but for algo orders.

use super::{
    super::tape::Tape,
    ledger::{Account, View},
    order::{Order, side_name},
    text::{fixed, money},
};
use crate::market::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// What happened to an order.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Such as `NEW` or `TRADE`.
    pub what: &'static str,
    /// Why it ended, `er`; 0 for no reason.
    pub reason: u8,
    pub qty: Decimal,
    pub price: Decimal,
    pub fee: Decimal,
    pub realised: Decimal,
    pub trade: u64,
    pub maker: bool,
}

impl Step {
    /// One without a trade.
    pub const fn plain(what: &'static str, reason: u8) -> Self {
        let zero = Decimal::ZERO;
        Self { what, reason, qty: zero, price: zero, fee: zero, realised: zero, trade: 0, maker: false }
    }
}

/// `ORDER_TRADE_UPDATE`.
pub fn order(now: Timestamp, tape: &Tape, order: &Order, step: Step) -> Value {
    let (price, qty) = (tape.price.digits(), tape.qty.digits());
    let mut inner = json!({
        "s": tape.name, "c": order.client_id, "S": side_name(order.side), "o": order.kind.name(), "f": order.until.name(),
        "q": fixed(order.qty, qty), "p": fixed(order.price, price), "ap": fixed(order.average(), price),
        "sp": fixed(order.fired.map_or(Decimal::ZERO, |(_, at)| at), price), "x": step.what, "X": order.status.name(),
        "i": order.id, "l": fixed(step.qty, qty), "z": fixed(order.filled, qty), "L": fixed(step.price, price),
        "n": money(step.fee), "N": "USDT", "T": now.0, "t": step.trade, "b": "0", "a": "0", "m": step.maker,
        "R": order.reduce_only, "wt": "CONTRACT_PRICE", "ot": order.first_kind(), "ps": "BOTH", "cp": order.close_position,
        "rp": money(step.realised), "pP": false, "si": 0, "ss": 0, "V": "EXPIRE_MAKER", "pm": "NONE",
        "gtd": order.until.date(), "er": step.reason.to_string(),
    });
    if step.trade == 0
        && let Some(fields) = inner.as_object_mut()
    {
        fields.remove("N");
        fields.remove("n");
    }
    json!({ "e": "ORDER_TRADE_UPDATE", "T": now.0, "E": now.0, "o": inner })
}

/// `TRADE_LITE`, which comes before the whole of it.
pub fn trade_lite(now: Timestamp, tape: &Tape, order: &Order, step: Step) -> Value {
    let (price, qty) = (tape.price.digits(), tape.qty.digits());
    json!({
        "e": "TRADE_LITE", "E": now.0, "T": now.0, "s": tape.name, "q": fixed(order.qty, qty),
        "p": fixed(order.price, price), "m": step.maker, "c": order.client_id, "S": side_name(order.side),
        "L": fixed(step.price, price), "l": fixed(step.qty, qty), "t": step.trade, "i": order.id,
    })
}

/// `ACCOUNT_UPDATE`: the balance, with what was paid in or out, and the positions at these places.
pub fn account(view: View<'_>, account: &Account, reason: &str, moved: Decimal, places: &[usize]) -> Value {
    let balance = json!({
        "a": "USDT", "wb": money(account.wallet), "cw": money(account.cross_wallet()), "bc": money(moved).replace("0.00000000", "0"),
    });
    let position = |place: &usize| {
        let market = &account.markets[*place];
        json!({
            "s": view.tapes[*place].name, "pa": account.held(*place).normalize().to_string(),
            "ep": account.entry(*place).to_string(), "bep": account.entry(*place).to_string(), "cr": "0",
            "up": money(account.unrealised(view, *place)), "mt": if market.isolated { "isolated" } else { "cross" },
            "iw": money(market.margin), "ps": "BOTH",
        })
    };
    let positions: Vec<Value> = places.iter().map(position).collect();
    let mut inner = json!({ "m": reason, "B": [balance], "P": positions });
    if let ("FUNDING_FEE", Some(place)) = (reason, places.first()) {
        inner["S"] = view.tapes[*place].name.clone().into();
        if !account.markets[*place].isolated {
            inner["P"] = json!([]); // one that shares its margin has not changed
        }
    }
    json!({ "e": "ACCOUNT_UPDATE", "T": view.now.0, "E": view.now.0, "a": inner })
}

/// `MARGIN_CALL` of one position.
pub fn margin_call(view: View<'_>, account: &Account, place: usize) -> Value {
    let market = &account.markets[place];
    let side = if account.held(place).is_sign_negative() { "SHORT" } else { "LONG" };
    json!({
        "e": "MARGIN_CALL", "E": view.now.0, "cw": money(account.cross_wallet()), "p": [{
            "s": view.tapes[place].name, "ps": side, "pa": account.held(place).normalize().to_string(),
            "mt": if market.isolated { "ISOLATED" } else { "CROSSED" }, "iw": money(market.margin),
            "mp": money(super::ledger::mark(view, place)), "up": money(account.unrealised(view, place)),
            "mm": money(account.maintenance(view, place)),
        }],
    })
}

/// `ACCOUNT_CONFIG_UPDATE` of a symbol's leverage.
pub fn leverage(view: View<'_>, place: usize, leverage: u32) -> Value {
    let inner = json!({ "s": view.tapes[place].name, "l": leverage });
    json!({ "e": "ACCOUNT_CONFIG_UPDATE", "T": view.now.0, "E": view.now.0, "ac": inner })
}

/// `ACCOUNT_CONFIG_UPDATE` of the multi-assets mode.
pub fn multi_assets(view: View<'_>, on: bool) -> Value {
    json!({ "e": "ACCOUNT_CONFIG_UPDATE", "T": view.now.0, "E": view.now.0, "ai": { "j": on } })
}
