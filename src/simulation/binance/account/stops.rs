//! Algo orders come, fire and end.
//!
//! ```text
//! NEW ──price──▶ TRIGGERING ──order placed──▶ TRIGGERED ──order ended──▶ FINISHED
//!  │                 └──order refused──▶ REJECTED
//!  ├──by the account──▶ CANCELED
//!  └──the position that it closes is gone──▶ EXPIRED
//! ```
//!
//! Its margin is looked at when it fires. Whether it would fire at once is looked at when it comes.

use super::{
    super::query::{Query, Refusal, refused},
    algo::{Algo, AlgoKind, AlgoStatus, Trail, Working},
    ledger::{Account, Log, View, last, mark, remember},
    order::{By, Kind, Order, Until},
    terms::{self, Wanted},
    text::{flag, needed, number},
};
use crate::market::{Timestamp, float};
use rust_decimal::Decimal;

impl Account {
    /// The algo order that a request wants, checked against everything.
    ///
    /// # Errors
    ///
    /// What the exchange refuses it with; nothing has happened then.
    pub fn judge_algo(&self, view: View<'_>, log: &Log, query: &Query, by_hand: bool) -> Result<Algo, Refusal> {
        if query.need("algoType")? != "CONDITIONAL" {
            return Err(refused(-4500, "Invalid algoType."));
        }
        let (place, side) = (terms::place(view, query)?, terms::side(query)?);
        let tape = &view.tapes[place];
        let kind = AlgoKind::parse(query.need("type")?).ok_or_else(|| refused(-1116, "Invalid orderType."))?;
        terms::position_side(self, query)?;
        let (close_position, reduce_only) = (flag(query, "closePosition")?, flag(query, "reduceOnly")?);
        let qty = self.algo_qty(view, query, kind, place)?;
        let until = terms::until(view.now, query, Some(Until::Gtc))?;
        let price = if kind.is_limit() { needed(query, "price")? } else { Decimal::ZERO };
        if kind.is_limit() {
            terms::check_price(tape, price)?;
        }
        let (trigger, trail) = trigger(query, kind)?;
        if trail.is_none() {
            terms::check_price(tape, trigger)?;
        }
        let working = match query.get("workingType") {
            None | Some("CONTRACT_PRICE") => Working::Contract,
            Some("MARK_PRICE") => Working::Mark,
            Some(_) => {
                return Err(refused(
                    -1102,
                    "Mandatory parameter 'workingType' was not sent, was empty/null, or malformed.",
                ));
            }
        };
        let id = log.last_algo + 1;
        let algo = Algo {
            id,
            client_id: terms::client_id(query, "clientAlgoId", id)?,
            place,
            side,
            kind,
            until,
            qty,
            trigger,
            price,
            trail,
            working,
            reduce_only: reduce_only || close_position,
            close_position,
            price_protect: flag(query, "priceProtect")?,
            status: AlgoStatus::New,
            order: None,
            filled: Decimal::ZERO,
            average: Decimal::ZERO,
            created: view.now,
            updated: view.now,
            fired: Timestamp(0),
            reason: "",
            by_hand,
            stuck: false,
        };
        self.admit_algo(view, &algo)?;
        Ok(algo)
    }

    fn algo_qty(&self, view: View<'_>, query: &Query, kind: AlgoKind, place: usize) -> Result<Decimal, Refusal> {
        let tape = &view.tapes[place];
        if !flag(query, "closePosition")? {
            let qty = needed(query, "quantity")?;
            let most = if kind.is_limit() { terms::MOST_STEPS } else { terms::MOST_MARKET_STEPS };
            return terms::check_qty(tape, qty, most).map(|()| qty);
        }
        if kind.is_limit() || kind == AlgoKind::Trailing {
            let text = format!("Target strategy invalid for orderType '{}',closePosition 'true'.", kind.name());
            return Err(refused(-4136, text));
        }
        if number(query, "quantity")?.is_some() {
            return Err(refused(-4137, "Quantity must be zero with closePosition equals true."));
        }
        if query.get("reduceOnly").is_some() {
            return Err(refused(-1106, "Parameter 'reduceonly' sent when not required."));
        }
        Ok(Decimal::ZERO)
    }

    fn admit_algo(&self, view: View<'_>, algo: &Algo) -> Result<(), Refusal> {
        if self.algos.iter().any(|held| held.client_id == algo.client_id) {
            return Err(refused(-4116, "ClientOrderId is duplicated."));
        }
        let price = match algo.working {
            Working::Contract => last(view, algo.place),
            Working::Mark => Some(float(mark(view, algo.place))),
        };
        let fires = |price| algo.trail.is_none() && algo.kind.fires(algo.side, float(algo.trigger), price);
        if price.is_none_or(fires) {
            return Err(refused(-2021, "Order would immediately trigger."));
        }
        if algo.close_position {
            let twin = |held: &&Algo| {
                (held.place, held.side, held.kind, held.close_position) == (algo.place, algo.side, algo.kind, true)
            };
            if self.algos.iter().any(|held| twin(&held)) {
                let text = "An open stop or take profit order with GTE and closePosition in the direction is existing.";
                return Err(refused(-4130, text));
            }
            if self.reducible(algo.place, algo.side).is_zero() {
                let text = "Time in Force (TIF) GTE can only be used with open positions or open orders. Please ensure that open \
                            orders or positions are available.";
                return Err(refused(-4509, text));
            }
        } else {
            let at = if algo.trail.is_some() { mark(view, algo.place) } else { algo.trigger };
            let at = if algo.kind.is_limit() { algo.price } else { at };
            terms::check_notional(&view.tapes[algo.place], at, algo.qty, algo.reduce_only)?;
        }
        if self.algos.iter().filter(|held| held.place == algo.place).count() >= terms::MOST_ALGOS {
            return Err(refused(-4045, "Reach max stop order limit."));
        }
        Ok(())
    }

    /// Takes an algo order that was judged.
    pub fn place_algo(&mut self, view: View<'_>, log: &mut Log, algo: Algo) {
        log.last_algo = log.last_algo.max(algo.id);
        self.tell_algo(view, log, &algo);
        self.algos.push(algo);
    }

    /// Algo orders that wait meet a price; `to_mark` is what makes a mark price of it.
    pub fn meet_algos(&mut self, view: View<'_>, log: &mut Log, place: usize, price: f64, to_mark: f64) {
        let mut fired = Vec::new();
        for algo in self.algos.iter_mut().filter(|algo| algo.place == place && algo.status == AlgoStatus::New) {
            let price = if algo.working == Working::Mark { price * to_mark } else { price };
            let fires = match &mut algo.trail {
                Some(trail) => trail.follow(algo.side, price),
                None => algo.kind.fires(algo.side, float(algo.trigger), price),
            };
            if fires {
                fired.push(algo.id);
            }
        }
        fired.into_iter().for_each(|id| self.fire(view, log, id));
    }

    /// An algo order fires.
    fn fire(&mut self, view: View<'_>, log: &mut Log, id: u64) {
        let Some(at) = self.algos.iter().position(|algo| algo.id == id) else { return };
        let algo = &mut self.algos[at];
        (algo.status, algo.updated, algo.fired) = (AlgoStatus::Triggering, view.now, view.now);
        let algo = algo.clone();
        self.tell_algo(view, log, &algo);
        if !algo.stuck {
            self.spawn(view, log, id);
        }
    }

    /// Places the order of an algo order that has fired.
    pub fn spawn(&mut self, view: View<'_>, log: &mut Log, id: u64) {
        let Some(at) = self.algos.iter().position(|algo| algo.id == id) else { return };
        let algo = self.algos[at].clone();
        let wanted = Wanted {
            place: algo.place,
            side: algo.side,
            kind: if algo.kind.is_limit() { Kind::Limit } else { Kind::Market },
            until: algo.until,
            qty: if algo.close_position { self.reducible(algo.place, algo.side) } else { algo.qty },
            price: algo.price,
            reduce_only: algo.reduce_only,
            client_id: algo.client_id.clone(),
        };
        match self.admit(view, wanted, log.last_order + 1, By::Algo(id)) {
            Ok(order) => {
                let mark = algo.trail.map_or(algo.trigger, |_| mark(view, algo.place));
                let order =
                    Order { fired: Some((algo.kind.name(), mark)), close_position: algo.close_position, ..order };
                let held = &mut self.algos[at];
                (held.status, held.order, held.updated) = (AlgoStatus::Triggered, Some(order.id), view.now);
                let held = held.clone();
                self.tell_algo(view, log, &held);
                self.place(view, log, order);
            }
            Err(refusal) => {
                let reason = match refusal.code {
                    -2022 | -4118 => "ReduceOnly Order is rejected.",
                    -2019 => "Margin is insufficient.",
                    _ => "Order is rejected.",
                };
                self.end_algo(view, log, id, AlgoStatus::Rejected, reason);
            }
        }
    }

    /// Ends an algo order.
    pub fn end_algo(&mut self, view: View<'_>, log: &mut Log, id: u64, status: AlgoStatus, reason: &'static str) {
        let Some(at) = self.algos.iter().position(|algo| algo.id == id) else { return };
        let mut algo = self.algos.remove(at);
        (algo.status, algo.updated, algo.reason) = (status, view.now, reason);
        self.tell_algo(view, log, &algo);
        remember(&mut self.algos_ended, algo);
    }

    /// An order has ended: so has the algo order that placed it.
    pub fn follow(&mut self, view: View<'_>, log: &mut Log, order: &Order) {
        let By::Algo(id) = order.by else { return };
        let Some(algo) = self.algos.iter_mut().find(|algo| algo.id == id) else { return };
        (algo.filled, algo.average) = (order.filled, order.average());
        self.end_algo(view, log, id, AlgoStatus::Finished, "");
    }

    /// Algo orders that close a position that is gone, or has turned, expire.
    pub fn expire_closing(&mut self, view: View<'_>, log: &mut Log, place: usize) {
        let vain = |algo: &&Algo| {
            let waits = algo.place == place && algo.close_position && algo.status == AlgoStatus::New;
            waits && self.reducible(place, algo.side).is_zero()
        };
        let ids: Vec<u64> = self.algos.iter().filter(vain).map(|algo| algo.id).collect();
        ids.into_iter().for_each(|id| self.end_algo(view, log, id, AlgoStatus::Expired, ""));
    }

    /// The algo order that a request names, open ones first.
    ///
    /// # Errors
    ///
    /// -1102 where none is named.
    pub fn find_algo(&self, query: &Query) -> Result<Option<&Algo>, Refusal> {
        let id = query.whole("algoId")?.map(i64::unsigned_abs);
        let name = query.get("clientAlgoId");
        if id.is_none() && name.is_none() {
            return Err(refused(-1102, "Param 'algoId' or 'clientAlgoId' must be sent, but both were empty/null!"));
        }
        let mut all = self.algos.iter().chain(self.algos_ended.iter().rev());
        Ok(all.find(|algo| match id {
            Some(id) => algo.id == id,
            None => name == Some(algo.client_id.as_str()),
        }))
    }
}

/// Trigger and trail of a request.
fn trigger(query: &Query, kind: AlgoKind) -> Result<(Decimal, Option<Trail>), Refusal> {
    if kind != AlgoKind::Trailing {
        return Ok((needed(query, "triggerPrice")?, None));
    }
    let rate = needed(query, "callbackRate")?;
    if rate < Decimal::new(1, 1) || rate > Decimal::TEN {
        return Err(refused(-4136, "Invalid callBack rate."));
    }
    let activate = match number(query, "activatePrice")? {
        Some(price) => Some(price),
        None => number(query, "activationPrice")?,
    };
    Ok((Decimal::ZERO, Some(Trail { activate: activate.unwrap_or_default(), rate, best: None })))
}
