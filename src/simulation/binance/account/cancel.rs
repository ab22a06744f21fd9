//! Orders are taken back.

use super::{
    super::query::{Query, Refusal, refused},
    algo::AlgoStatus,
    ledger::{Account, Log, View},
    order::{Order, Status},
    terms,
    trading::NO_REASON,
};
use serde_json::{Value, json};

fn unknown() -> Refusal {
    refused(-2011, "Unknown order sent.")
}

fn all_done() -> Value {
    json!({ "code": 200, "msg": "The operation of cancel all open order is done." })
}

impl Account {
    /// `DELETE /fapi/v1/order`.
    pub fn cancel(&mut self, view: View<'_>, log: &mut Log, query: &Query) -> Result<Value, Refusal> {
        let id = self.find(view, query)?.filter(|order| order.is_open()).map(|order| order.id).ok_or_else(unknown)?;
        self.end(view, log, id, Status::Canceled, NO_REASON);
        let order: &Order = self.order(id).ok_or_else(unknown)?;
        Ok(order.short(&view.tapes[order.place]))
    }

    /// `DELETE /fapi/v1/allOpenOrders`.
    pub fn cancel_all(&mut self, view: View<'_>, log: &mut Log, query: &Query) -> Result<Value, Refusal> {
        let place = terms::place(view, query)?;
        let ids: Vec<u64> = self.orders.iter().filter(|order| order.place == place).map(|order| order.id).collect();
        ids.into_iter().for_each(|id| self.end(view, log, id, Status::Canceled, NO_REASON));
        Ok(all_done())
    }

    /// `DELETE /fapi/v1/algoOrder`.
    pub fn cancel_algo(&mut self, view: View<'_>, log: &mut Log, query: &Query) -> Result<Value, Refusal> {
        let algo = self.find_algo(query)?.filter(|algo| algo.is_open()).ok_or_else(unknown)?;
        let (id, name) = (algo.id, algo.client_id.clone());
        match algo.status {
            AlgoStatus::New => self.end_algo(view, log, id, AlgoStatus::Canceled, ""),
            AlgoStatus::Triggering => {
                return Err(refused(
                    -4117,
                    "The stop order is in triggering, please wait or cancel the triggered order.",
                ));
            }
            // its order is what there is to cancel
            _ => {
                if let Some(order) = algo.order {
                    self.end(view, log, order, Status::Canceled, NO_REASON);
                }
            }
        }
        Ok(json!({ "algoId": id, "clientAlgoId": name, "code": "200", "msg": "success" }))
    }

    /// `DELETE /fapi/v1/algoOpenOrders`.
    pub fn cancel_algos(&mut self, view: View<'_>, log: &mut Log, query: &Query) -> Result<Value, Refusal> {
        let place = terms::place(view, query)?;
        let waits = self.algos.iter().filter(|algo| algo.place == place && algo.status == AlgoStatus::New);
        let ids: Vec<u64> = waits.map(|algo| algo.id).collect();
        ids.into_iter().for_each(|id| self.end_algo(view, log, id, AlgoStatus::Canceled, ""));
        Ok(all_done())
    }
}
