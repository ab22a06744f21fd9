//! What the exchange or a hand does to an account, whatever the account wants. By name:
//!
//! | act | what |
//! |---|---|
//! | `liquidation` | the position of `symbol` is closed by force, its orders are cancelled |
//! | `adl` | half of the position of `symbol`, or `quantity`, is closed by force |
//! | `vanish` | the oldest waiting algo order of `symbol`, or the one of `clientAlgoId`, is gone; with `silent=true` without a word |
//! | `stick` | algo orders of `symbol` that fire get no order |
//! | `unstick` | those get their order now |
//! | `key` | the key of the account's stream expires |
//! | `revoke` | the account's key is no key any more; with `back=true` it is one again |
//! | `transfer` | `amount` is paid in, or out where `out=true` |
//! | `leverage` | leverage of `symbol` is flipped to `leverage` |
//! | `margin` | the margin type of `symbol` is flipped |
//! | `hedge` | the position mode is flipped |
//! | `maintenance` | every request is refused for `seconds`, and orders are gone afterwards |
//!
//! `account=N` names another account than the first.

use super::{
    super::query::{Query, Refusal, refused},
    Desk, Said,
    algo::AlgoStatus,
    auth::unknown_key,
    events,
    ledger::{Account, Income, Log, View},
    order::{By, Status},
    record::What,
    terms,
    text::{flag, needed, number},
    trading::{DELISTED, NO_REASON},
};
use crate::market::{LARGEST_AMOUNT, Timestamp};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// The longest maintenance, in seconds.
const LONGEST_S: i64 = 3_600;
/// The longest word of an observer.
const LONGEST_NOTE: usize = 200;

impl Desk {
    /// Whether requests are refused, for maintenance.
    pub fn is_closed(&self, now: Timestamp) -> bool {
        self.closed_until.is_some_and(|until| now < until)
    }

    /// Does an act by name; also what it makes streams say beyond what [`Desk::said`] gives.
    ///
    /// # Errors
    ///
    /// Where it is none, or cannot be done.
    pub fn act(&mut self, view: View<'_>, act: &str, query: &Query) -> Result<Vec<Said>, Refusal> {
        let index = query.whole("account")?.unwrap_or_default();
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        if index >= self.accounts.len() {
            return Err(unknown_key());
        }
        let mut said = Vec::new();
        match act {
            "key" => said.extend(self.expire_key(view.now, index)),
            "maintenance" => {
                let seconds = query.whole("seconds")?.unwrap_or(60).clamp(0, LONGEST_S);
                self.closed_until = Some(view.now.plus_ms(seconds * 1_000));
                let log = &mut self.log;
                self.accounts.iter_mut().for_each(|account| account.lose_orders(view, log));
            }
            _ => self.accounts[index].suffer(view, &mut self.log, act, query)?,
        }
        let name = query.get("symbol").unwrap_or_default();
        self.log.record.add(view.now, index, name, What::Note { text: format!("act {act}") });
        Ok(said)
    }

    /// Puts down an observer's word.
    pub fn note(&mut self, now: Timestamp, text: &str) {
        self.log.record.add(now, 0, "", What::Note { text: text.chars().take(LONGEST_NOTE).collect() });
    }

    /// The number of the record's next entry.
    pub const fn record_end(&self) -> u64 {
        self.log.record.end()
    }

    /// A market is over: orders there expire, and positions are settled.
    pub fn delist(&mut self, view: View<'_>, place: usize) {
        for account in &mut self.accounts {
            account.delist(view, &mut self.log, place);
        }
    }

    /// What an observer reads: at most so many entries from a number on.
    pub fn record_rows(&self, from: u64, most: usize) -> Value {
        let rows: Vec<&super::Entry> = self.log.record.from(from).take(most).collect();
        serde_json::to_value(rows).unwrap_or_else(|_| json!([]))
    }
}

impl Account {
    /// An act upon this account.
    fn suffer(&mut self, view: View<'_>, log: &mut Log, act: &str, query: &Query) -> Result<(), Refusal> {
        match act {
            "transfer" => {
                let amount = needed(query, "amount")?.min(LARGEST_AMOUNT);
                let amount = if flag(query, "out")? { -amount } else { amount };
                self.transfer(view, log, amount);
                return Ok(());
            }
            "revoke" => {
                self.revoked = !flag(query, "back")?;
                return Ok(());
            }
            "hedge" => {
                self.flip_hedge(view, log, !self.hedge);
                return Ok(());
            }
            _ => {}
        }
        let place = terms::place(view, query)?;
        match act {
            "liquidation" => self.liquidate(view, log, place),
            "adl" => {
                let half = view.tapes[place].rules.round_qty(self.held(place).abs() / Decimal::TWO);
                let qty = number(query, "quantity")?.unwrap_or(half.max(view.tapes[place].rules.step));
                self.force(view, log, place, qty, By::Deleveraging);
            }
            "vanish" => self.vanish(view, log, place, query)?,
            "stick" => self.algos.iter_mut().filter(|algo| algo.place == place).for_each(|algo| algo.stuck = true),
            "unstick" => {
                self.algos.iter_mut().filter(|algo| algo.place == place).for_each(|algo| algo.stuck = false);
                let stuck = self.algos.iter().filter(|a| a.place == place && a.status == AlgoStatus::Triggering);
                let ids: Vec<u64> = stuck.map(|algo| algo.id).collect();
                ids.into_iter().for_each(|id| self.spawn(view, log, id));
            }
            "leverage" => {
                let leverage = query.whole("leverage")?.and_then(|wanted| u32::try_from(wanted).ok()).unwrap_or(3);
                self.flip_leverage(view, log, place, leverage.clamp(1, super::margin::MOST_LEVERAGE));
            }
            "margin" => self.flip_margin_type(view, log, place, !self.markets[place].isolated),
            _ => return Err(refused(-1130, "Data sent for parameter 'act' is not valid.")),
        }
        Ok(())
    }

    fn vanish(&mut self, view: View<'_>, log: &mut Log, place: usize, query: &Query) -> Result<(), Refusal> {
        let named = query.get("clientAlgoId");
        let waits = |algo: &&super::algo::Algo| {
            let is_named = named.is_none_or(|name| name == algo.client_id);
            algo.place == place && algo.status == AlgoStatus::New && is_named
        };
        let Some(id) = self.algos.iter().find(waits).map(|algo| algo.id) else {
            return Err(refused(-2011, "Unknown order sent."));
        };
        let said = log.said.len();
        self.end_algo(view, log, id, AlgoStatus::Expired, "");
        if flag(query, "silent")? {
            log.said.truncate(said);
        }
        Ok(())
    }

    fn transfer(&mut self, view: View<'_>, log: &mut Log, amount: Decimal) {
        let row = Income { id: 0, place: None, kind: "TRANSFER", amount, at: view.now, trade: None };
        self.earn(log, row);
        let reason = if amount.is_sign_negative() { "WITHDRAW" } else { "DEPOSIT" };
        log.said.push((self.index, events::account(view, self, reason, amount, &[])));
        log.record.add(view.now, self.index, "", What::Transfer { amount });
        log.record.add(view.now, self.index, "", What::Balance { wallet: self.wallet });
    }

    fn delist(&mut self, view: View<'_>, log: &mut Log, place: usize) {
        let ids: Vec<u64> = self.orders.iter().filter(|order| order.place == place).map(|order| order.id).collect();
        ids.into_iter().for_each(|id| self.end(view, log, id, Status::Expired, DELISTED));
        let ids: Vec<u64> = self.algos.iter().filter(|algo| algo.place == place).map(|algo| algo.id).collect();
        ids.into_iter().for_each(|id| self.end_algo(view, log, id, AlgoStatus::Expired, ""));
        self.force(view, log, place, self.held(place).abs(), By::Delisting);
    }

    /// Every order is gone, as after a maintenance: nobody is told.
    fn lose_orders(&mut self, view: View<'_>, log: &mut Log) {
        let said = log.said.len();
        let ids: Vec<u64> = self.orders.iter().map(|order| order.id).collect();
        ids.into_iter().for_each(|id| self.end(view, log, id, Status::Expired, NO_REASON));
        let ids: Vec<u64> = self.algos.iter().map(|algo| algo.id).collect();
        ids.into_iter().for_each(|id| self.end_algo(view, log, id, AlgoStatus::Expired, ""));
        log.said.truncate(said);
    }
}
