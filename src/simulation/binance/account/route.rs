//! Which path does what, who may ask, and what it costs.

use super::{
    super::query::{Query, Refusal, refused},
    Desk, Mishap,
    auth::{self, key_of, unknown_key},
    ledger::{Account, Log, View},
    order::By,
};
use serde_json::{Value, json};

/// A request as it came.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub method: &'a str,
    /// Behind the version, such as `order`.
    pub path: &'a str,
    /// Such as 1 for `/fapi/v1/`.
    pub version: u8,
    /// Parameters of query and body.
    pub query: &'a Query,
    pub raw_query: &'a str,
    pub body: &'a [u8],
    pub headers: &'a [(String, String)],
    /// What goes wrong with it.
    pub mishap: Mishap,
}

/// What became of it.
#[derive(Debug)]
pub struct Done {
    pub answered: Result<Value, Refusal>,
    /// Orders in ten seconds and in a minute, where the request was about orders.
    pub orders: Option<[u32; 2]>,
}

/// What a request of an account costs of the limit on requests.
pub fn weight(method: &str, path: &str, query: &Query) -> u32 {
    let one_or_all = |one, all| if query.get("symbol").is_some() { one } else { all };
    match (method, path) {
        ("POST", "order" | "algoOrder") | ("PUT", "order") => 0,
        ("POST", "batchOrders") => 5,
        ("GET", "openOrders" | "openAlgoOrders") => one_or_all(1, 40),
        ("GET", "positionSide/dual" | "multiAssetsMargin" | "income") => 30,
        ("GET", "forceOrders") => one_or_all(20, 50),
        ("GET", "commissionRate") => 20,
        (
            "GET",
            "account" | "balance" | "positionRisk" | "accountConfig" | "symbolConfig" | "userTrades" | "allOrders"
            | "allAlgoOrders" | "adlQuantile",
        ) => 5,
        _ => 1,
    }
}

/// What a request costs of the limit on orders.
pub fn orders_of(method: &str, path: &str) -> u32 {
    match (method, path) {
        ("POST" | "PUT", "order" | "algoOrder") => 1,
        ("POST", "batchOrders") => 5,
        _ => 0,
    }
}

impl Desk {
    /// Answers a request of an account.
    pub fn answer(&mut self, view: View<'_>, asked: Asked<'_>) -> Done {
        let found = key_of(asked.headers).and_then(|key| {
            self.accounts.iter().position(|account| account.key == key && !account.revoked).ok_or_else(unknown_key)
        });
        let index = match found {
            Ok(index) => index,
            Err(refusal) => return Done { answered: Err(refusal), orders: None },
        };
        if asked.path == "listenKey" {
            return Done { answered: self.listen_key(view, asked, index), orders: None };
        }
        let account = &mut self.accounts[index];
        let Asked { query, raw_query, body, .. } = asked;
        if let Err(refusal) = auth::check(view.now, query, raw_query, body, &account.secret) {
            return Done { answered: Err(refusal), orders: None };
        }
        let orders = orders_of(asked.method, asked.path);
        let about_orders = orders > 0 || asked.path.to_ascii_lowercase().contains("order");
        let answered = if orders > 0 && !account.count_orders(view.now, orders) {
            let text = "Too many new orders; current limit is 300 orders per TEN_SECONDS.";
            Err(Refusal { status: 429, code: -1015, text: text.to_owned() })
        } else {
            account.obey(view, &mut self.log, asked, By::Key)
        };
        Done { answered, orders: about_orders.then(|| account.orders_sent(view.now)) }
    }

    fn listen_key(&mut self, view: View<'_>, asked: Asked<'_>, index: usize) -> Result<Value, Refusal> {
        match asked.method {
            "POST" => Ok(json!({ "listenKey": self.keys.open(view.now, index) })),
            "PUT" => Ok(json!({ "listenKey": self.keys.extend(view.now, index)? })),
            "DELETE" => {
                self.keys.close(index);
                Ok(json!({}))
            }
            _ => Err(no_such_path(asked.method, asked.query)),
        }
    }

    /// A request of an account's owner by hand: without key and signature.
    pub fn by_hand(&mut self, view: View<'_>, index: usize, asked: Asked<'_>) -> Result<Value, Refusal> {
        let account = self.accounts.get_mut(index).ok_or_else(unknown_key)?;
        account.obey(view, &mut self.log, asked, By::Hand)
    }
}

impl Account {
    /// What a request wants, once it is known who asks.
    fn obey(&mut self, view: View<'_>, log: &mut Log, asked: Asked<'_>, by: By) -> Result<Value, Refusal> {
        let Asked { method, path, query, .. } = asked;
        match (method, path) {
            ("GET", _) => self.tell(view, asked),
            ("POST", "order") => self.post_order(view, log, asked, by),
            ("POST", "order/test") => self.judge(view, log, query, by).map(|_| json!({})),
            ("POST", "batchOrders") => self.place_batch(view, log, query, by),
            ("POST", "algoOrder") => self.post_algo(view, log, asked, by),
            ("PUT", "order") => self.amend(view, log, query),
            ("DELETE", "order") => self.cancel(view, log, query),
            ("DELETE", "allOpenOrders") => self.cancel_all(view, log, query),
            ("DELETE", "batchOrders") => self.cancel_batch(view, log, query),
            ("DELETE", "algoOrder") => self.cancel_algo(view, log, query),
            ("DELETE", "algoOpenOrders") => self.cancel_algos(view, log, query),
            ("POST", "leverage") => self.set_leverage(view, log, query),
            ("POST", "marginType") => self.set_margin_type(view, log, query),
            ("POST", "positionSide/dual") => self.set_hedge(view, log, query),
            ("POST", "multiAssetsMargin") => self.set_multi_assets(view, log, query),
            ("POST", "positionMargin") => self.move_margin(view, log, query),
            _ => Err(no_such_path(method, query)),
        }
    }

    fn tell(&self, view: View<'_>, asked: Asked<'_>) -> Result<Value, Refusal> {
        let Asked { method, path, query, version, .. } = asked;
        let absent = || refused(-2013, "Order does not exist.");
        match path {
            "order" | "openOrder" => {
                let found = self.find(view, query)?.filter(|order| path == "order" || order.is_open());
                found.map(|order| order.whole(&view.tapes[order.place])).ok_or_else(absent)
            }
            "openOrders" => self.open_orders(view, query),
            "allOrders" => self.all_orders(view, query),
            "forceOrders" => self.force_orders(view, query),
            "algoOrder" => {
                self.find_algo(query)?.map(|algo| algo.answer(&view.tapes[algo.place], false)).ok_or_else(absent)
            }
            "openAlgoOrders" => self.open_algos(view, query),
            "allAlgoOrders" => self.all_algos(view, query),
            "userTrades" => self.user_trades(view, query),
            "income" => self.income_rows(view, query),
            "account" => Ok(self.account(view, version)),
            "balance" => Ok(self.balance(view)),
            "positionRisk" => self.position_risk(view, query, version),
            "accountConfig" => Ok(self.config()),
            "symbolConfig" => self.symbol_config(view, query),
            "leverageBracket" => self.leverage_bracket(view, query),
            "adlQuantile" => self.adl_quantile(view, query),
            "commissionRate" => self.commission_rate(view, query),
            "positionSide/dual" => Ok(json!({ "dualSidePosition": self.hedge })),
            "multiAssetsMargin" => Ok(json!({ "multiAssetsMargin": self.multi_assets })),
            "feeBurn" => Ok(json!({ "feeBurn": false })),
            "apiTradingStatus" => Ok(json!({ "indicators": {}, "updateTime": view.now.0 })),
            "rateLimit/order" => {
                let row = |interval: &str, number: u32, limit: u32| json!({ "rateLimitType": "ORDERS", "interval": interval, "intervalNum": number, "limit": limit });
                Ok(json!([row("SECOND", 10, super::ledger::ORDERS_10S), row("MINUTE", 1, super::ledger::ORDERS_1M)]))
            }
            _ => Err(no_such_path(method, query)),
        }
    }

    fn post_order(&mut self, view: View<'_>, log: &mut Log, asked: Asked<'_>, by: By) -> Result<Value, Refusal> {
        let Asked { query, mishap, .. } = asked;
        let mut order = self.judge(view, log, query, by)?;
        let (id, place, whole) = (order.id, order.place, query.get("newOrderRespType") == Some("RESULT"));
        let first = order.short(&view.tapes[place]);
        order.parts = if mishap.half { Some(2) } else { mishap.parts };
        self.place(view, log, order);
        if mishap.half {
            self.end(view, log, id, super::order::Status::Expired, super::trading::MARKET_REST);
        }
        let last = self.order(id).map(|order| order.short(&view.tapes[place]));
        Ok(if whole { last.unwrap_or(first) } else { first })
    }

    fn post_algo(&mut self, view: View<'_>, log: &mut Log, asked: Asked<'_>, by: By) -> Result<Value, Refusal> {
        let Asked { query, mishap, .. } = asked;
        let mut algo = self.judge_algo(view, log, query, by == By::Hand)?;
        if mishap.refused {
            return Err(refused(-4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit."));
        }
        algo.stuck = mishap.stuck;
        let answer = algo.answer(&view.tapes[algo.place], true);
        self.place_algo(view, log, algo);
        Ok(answer)
    }
}

/// A path or method that there is none of.
pub fn no_such_path(method: &str, query: &Query) -> Refusal {
    let shown: String = query.path.chars().take(200).collect();
    let method: String = method.chars().take(20).collect();
    Refusal { status: 404, code: -5000, text: format!("Path {shown}, Method {method} is invalid") }
}
