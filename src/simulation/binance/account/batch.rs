//! Several orders in one request. Each is answered by itself.

use super::{
    super::query::{Query, Refusal, refused},
    ledger::{Account, Log, View},
    order::By,
};
use serde_json::{Value, json};

/// Orders in one request, to place and to cancel.
const MOST_PLACED: usize = 5;
const MOST_CANCELLED: usize = 10;

fn each(answered: Result<Value, Refusal>) -> Value {
    answered.unwrap_or_else(|refusal| json!({ "code": refusal.code, "msg": refusal.text }))
}

fn list(query: &Query, name: &str, most: usize) -> Result<Vec<Value>, Refusal> {
    let bad = || refused(-1130, format!("Data sent for parameter '{name}' is not valid."));
    let list: Vec<Value> = serde_json::from_str(query.need(name)?).map_err(|_| bad())?;
    if (1..=most).contains(&list.len()) { Ok(list) } else { Err(refused(-4082, "Invalid number of batch orders.")) }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl Account {
    /// `POST /fapi/v1/batchOrders`.
    pub fn place_batch(&mut self, view: View<'_>, log: &mut Log, query: &Query, by: By) -> Result<Value, Refusal> {
        let wanted = list(query, "batchOrders", MOST_PLACED)?;
        let one = |order: &Value| -> Result<Value, Refusal> {
            let fields = order
                .as_object()
                .ok_or_else(|| refused(-1130, "Data sent for parameter 'batchOrders' is not valid."))?;
            let parameters = fields.iter().map(|(name, value)| (name.clone(), text(value))).collect();
            let order = self.judge(view, log, &Query::of(&query.path, parameters), by)?;
            let (id, place) = (order.id, order.place);
            self.place(view, log, order);
            let placed = self.order(id).map(|order| order.short(&view.tapes[place]));
            Ok(placed.unwrap_or_default())
        };
        Ok(wanted.iter().map(one).map(each).collect())
    }

    /// `DELETE /fapi/v1/batchOrders`.
    pub fn cancel_batch(&mut self, view: View<'_>, log: &mut Log, query: &Query) -> Result<Value, Refusal> {
        let symbol = query.need("symbol")?.to_owned();
        let (list_name, name) = if query.get("orderIdList").is_some() {
            ("orderIdList", "orderId")
        } else {
            ("origClientOrderIdList", "origClientOrderId")
        };
        let wanted = list(query, list_name, MOST_CANCELLED)?;
        let one = |which: &Value| {
            let parameters = vec![("symbol".to_owned(), symbol.clone()), (name.to_owned(), text(which))];
            self.cancel(view, log, &Query::of(&query.path, parameters))
        };
        Ok(wanted.iter().map(one).map(each).collect())
    }
}
