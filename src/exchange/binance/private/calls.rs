//! Wishes as requests. Everything stands in the query: the signature is then over one text.

use super::WINDOW_MS;
use crate::{
    exchange::{
        binance::Binance,
        private::{Call, From, Keys, MOST_TRADES, Method, Signed, Which, Wish},
    },
    market::{OrderKind, OrderRequest, OrderSide, SymbolId, Timestamp},
};

/// What the exchange says where a setting is what it was asked to become, by wish.
pub(super) fn is_so_already(wish: &Wish, code: i64) -> bool {
    matches!((wish, code), (Wish::SetOneWay, -4059) | (Wish::SetIsolated(_), -4046))
}

/// With the time, the window and, last, the signature.
pub(super) fn sign(call: &Call, now: Timestamp, keys: &Keys) -> Signed {
    let mut query = call.query.clone();
    if call.signed {
        let and = if query.is_empty() { "" } else { "&" };
        query += &format!("{and}recvWindow={WINDOW_MS}&timestamp={}", now.0);
        query = format!("{query}&signature={}", signature(&query, keys));
    }
    let mark = if query.is_empty() { "" } else { "?" };
    let path = format!("{}{mark}{query}", call.path);
    Signed { method: call.method, path, headers: vec![("X-MBX-APIKEY", keys.key.clone())] }
}

/// HMAC-SHA256 of query and body as they are sent, in hexadecimal.
pub(super) fn signature(text: &str, keys: &Keys) -> String {
    let tag = ring::hmac::sign(&keys.secret, text.as_bytes());
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Binance {
    pub(super) fn call_for(&self, wish: &Wish) -> Call {
        use Method::{Delete, Get, Post, Put};
        let of = |symbol: &SymbolId| format!("symbol={}", self.name(*symbol));
        match wish {
            Wish::Place(request) => self.place(request),
            Wish::Cancel(which) => self.by_name(Delete, which),
            Wish::Look(which) => self.by_name(Get, which),
            Wish::Orders(symbol) => call(Get, "/fapi/v1/openOrders", of(symbol), 1),
            Wish::Conditionals(symbol) => call(Get, "/fapi/v1/openAlgoOrders", of(symbol), 1),
            Wish::Positions => call(Get, "/fapi/v3/positionRisk", String::new(), 5),
            Wish::Balance => call(Get, "/fapi/v3/balance", String::new(), 5),
            Wish::Trades { symbol, from } => {
                let from = match from {
                    From::Trade(number) => format!("fromId={number}"),
                    From::Time(at) => format!("startTime={}", at.0),
                };
                call(Get, "/fapi/v1/userTrades", format!("{}&{from}&limit={MOST_TRADES}", of(symbol)), 5)
            }
            Wish::Modes => call(Get, "/fapi/v1/accountConfig", String::new(), 5),
            Wish::SymbolModes(symbol) => call(Get, "/fapi/v1/symbolConfig", of(symbol), 5),
            Wish::SetOneWay => call(Post, "/fapi/v1/positionSide/dual", "dualSidePosition=false".to_owned(), 1),
            Wish::SetIsolated(symbol) => {
                call(Post, "/fapi/v1/marginType", format!("{}&marginType=ISOLATED", of(symbol)), 1)
            }
            Wish::SetLeverage(symbol, leverage) => {
                call(Post, "/fapi/v1/leverage", format!("{}&leverage={leverage}", of(symbol)), 1)
            }
            Wish::OpenStream => unsigned(Post, "/fapi/v1/listenKey"),
            Wish::ExtendStream => unsigned(Put, "/fapi/v1/listenKey"),
        }
    }

    /// Stops and targets are orders of another service, which knows no other kinds.
    fn place(&self, request: &OrderRequest) -> Call {
        let OrderRequest { id, symbol, side, kind, qty, reduce_only } = request;
        let side = match side {
            OrderSide::Buy => "BUY",
            OrderSide::Sell => "SELL",
        };
        let (kind, terms) = match kind {
            OrderKind::Market => ("MARKET", String::new()),
            OrderKind::Limit { price, post_only } => {
                let until = if *post_only { "GTX" } else { "GTC" };
                ("LIMIT", format!("&price={}&timeInForce={until}", price.normalize()))
            }
            OrderKind::StopMarket { trigger } => ("STOP_MARKET", format!("&triggerPrice={}", trigger.normalize())),
            OrderKind::TakeProfitMarket { trigger } => {
                ("TAKE_PROFIT_MARKET", format!("&triggerPrice={}", trigger.normalize()))
            }
        };
        let reduce = if *reduce_only { "&reduceOnly=true" } else { "" };
        let order = format!("symbol={}&side={side}&type={kind}&quantity={}", self.name(*symbol), qty.normalize());
        if request.kind.is_conditional() {
            let query = format!(
                "{order}{terms}&algoType=CONDITIONAL&clientAlgoId={id}&workingType=CONTRACT_PRICE&newOrderRespType=RESULT{reduce}"
            );
            return Call { weight: 0, orders: 1, ..call(Method::Post, "/fapi/v1/algoOrder", query, 0) };
        }
        let query = format!("{order}{terms}&newClientOrderId={id}&newOrderRespType=RESULT{reduce}");
        Call { weight: 0, orders: 1, ..call(Method::Post, "/fapi/v1/order", query, 0) }
    }

    fn by_name(&self, method: Method, which: &Which) -> Call {
        let Which { id, symbol, conditional } = which;
        if *conditional {
            return call(method, "/fapi/v1/algoOrder", format!("clientAlgoId={id}"), 1);
        }
        let query = format!("symbol={}&origClientOrderId={id}", self.name(*symbol));
        call(method, "/fapi/v1/order", query, 1)
    }
}

fn call(method: Method, path: &'static str, query: String, weight: u32) -> Call {
    Call { method, path, query, signed: true, weight, orders: 0 }
}

fn unsigned(method: Method, path: &'static str) -> Call {
    Call { signed: false, ..call(method, path, String::new(), 1) }
}
